"""Rows that are no data, and cells that hold for several rows: two-row headers, sections, merges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import xlwt

from chalicelib.jobs.model import SheetCount
from chalicelib.tables.headers import whole_header
from chalicelib.tables.merged import Merge, filled_down, merges_of
from chalicelib.tables.raw import Row
from tests.unit.tables.test_reading import balanced, book_of, reading


def cells_of(item: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in item.items() if not name.startswith("_")}


def rows(*lines: str) -> list[Row]:
    return [(number, line.split(",")) for number, line in enumerate(lines, 1) if line.strip(",")]


def known(text: str) -> bool:
    return text.strip().lower() in ("name", "email", "phone", "city")


@pytest.mark.parametrize(
    ("lines", "place", "labels"),
    [
        (("Name,Email,Address,,", ",,Street,Zip,City", "A,a@b.co,x,1,y"), 0,
         ["Name", "Email", "Address Street", "Address Zip", "City"]),
        (("Name,Home,,Work,", ",Phone,Email,Phone,Email", "A,1,a@b.co,2,c@d.co"), 0,
         ["Name", "Home Phone", "Home Email", "Work Phone", "Work Email"]),
        (("Name,Sizes,,", ",36,38,40", "A,1,2,3"), 0, ["Name", "Sizes 36", "Sizes 38", "Sizes 40"]),
        (("Name,Home,,Work,", ",Phone,Email,Phone,Email", "A,1,a@b.co,2,c@d.co"), 1,
         ["Name", "Home Phone", "Home Email", "Work Phone", "Work Email"]),
    ],
)
def test_a_header_of_two_rows_becomes_one_label_a_column(lines: tuple[str, ...], place: int, labels: list[str]) -> None:
    header = whole_header(rows(*lines), place, known)
    assert (header.place, header.count, header.cells) == (0, 2, labels)


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (("Name,Email,Phone", "Ada,a@b.co,1", "Ben,b@b.co,2"), 0),
        (("Name,Email,,", ",,x,y", ",,z,w"), 0),
        (("Name,Email,Notes,", ",,call back,soon", "Ada,a@b.co,,"), 0),
        (("Name,Address,,", "Ada,Street,Zip,City", "Ben,x,y,z"), 0),
        (("Name,Address,,", "", ",Street,Zip,City", "Ben,x,y,z"), 0),
        (("Leads of March,,", "Name,Email,Phone", "Ada,a@b.co,1"), 1),
    ],
    ids=["full rows", "data beyond the header", "a row of notes only", "a row with a name", "a gap", "a title above"],
)
def test_other_rows_are_not_taken_into_the_header(lines: tuple[str, ...], place: int) -> None:
    found = rows(*lines)
    header = whole_header(found, place, known)
    assert (header.place, header.count, header.cells) == (place, 1, found[place][1])


def test_groups_above_a_full_header_tell_equal_labels_apart_and_stay_preamble(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", ",Home,,Work,\nName,Phone,City,Phone,Email\nAda,0041,Bern,0042,a@b.co\n")
    assert [cells_of(item) for item in read] == [
        {"Name": "Ada", "Home Phone": "0041", "City": "Bern", "Work Phone": "0042", "Email": "a@b.co"}]
    assert (read.sheets[0].header_row, read.sheets[0].skipped) == (2, {"preamble": 1})


def test_both_rows_of_a_header_are_counted_and_known_again_when_they_repeat(tmp_path: Path) -> None:
    header = [["Name", "Email", "Address", ""], ["", "", "Street", "Town"]]
    path = book_of(tmp_path / "a.xlsx", A=[["Leads"], *header, ["Ada", "a@b.co", "Main 1", "Bern"], *header,
                                           ["Ben", "b@b.co", "Main 2", "Bern"]])
    read = reading(path)
    assert [cells_of(item)["Address Street"] for item in read] == ["Main 1", "Main 2"]
    count = read.sheets[0]
    assert (count.header_row, count.header, count.skipped) == (2, 2, {"preamble": 1, "repeated_header": 2})
    assert balanced(count)


def test_a_header_row_that_is_named_brings_the_row_below_but_not_above(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", A=[["x"], ["y"], ["Name", "Address", ""], ["", "Street", "Town"],
                                           ["Ada", "Main 1", "Bern"]])
    read = reading(path, options={"headerRow": 3})
    assert [cells_of(item) for item in read] == [{"Name": "Ada", "Address Street": "Main 1", "Address Town": "Bern"}]
    count = read.sheets[0]
    assert (count.header_row, count.header, count.skipped) == (3, 2, {"preamble": 2})
    named = reading(path, options={"headerRow": 4})
    assert [cells_of(item)["Street"] for item in named] == ["Main 1"]
    assert all(map(balanced, [count, *named.sheets]))


def test_a_heading_that_stands_apart_is_a_section_and_no_row(tmp_path: Path) -> None:
    lines = ["No,Email,Phone", "1,a@b.co,1", "", "Trade fair Bern", "2,b@b.co,2", "", ",Old list", "3,c@b.co,3"]
    read = reading(tmp_path / "a.csv", "\n".join(lines) + "\n")
    assert [item["No"] for item in read] == ["1", "2", "3"]
    assert read.sheets[0].skipped == {"section": 2}
    assert balanced(read.sheets[0])


@pytest.mark.parametrize("gap", ["", "\n"])
@pytest.mark.parametrize("line", ["Dora", "", "x@b.co", "+41 44 123 45 67", "12"])
def test_a_lone_cell_that_may_be_data_stays_a_row(tmp_path: Path, line: str, gap: str) -> None:
    """Below a field that takes any text, or with what a field looks like: it is worked on, and at worst a reject."""
    read = reading(tmp_path / "a.csv", f"Name,Email,Phone\nAda,a@b.co,1\n{gap}{line}\nBen,b@b.co,2\n")
    assert [item.get("Name") for item in read] == ["Ada", *([line] if line else []), "Ben"]
    assert read.sheets[0].skipped == {}


def test_a_cell_merged_downwards_counts_for_each_of_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 2, "Contacts")
        sheet.write_row(1, 0, ["Company", "Name", "Email"])
        for row in range(2, 8):
            sheet.write_row(row, 1, [f"n{row}", f"n{row}@b.co"])
        sheet.merge_range(2, 0, 4, 0, "Acme")
        sheet.merge_range(6, 0, 9, 0, "Blue")
    read = reading(path)
    assert [item.get("Company", "") for item in read] == ["Acme", "Acme", "Acme", "", "Blue", "Blue"]
    assert read.sheets[0].physical == 8


def test_a_merge_in_an_old_workbook_counts_for_each_of_its_rows(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("A")
    for row, cells in enumerate([("Company", "Name", "Email"), (None, "Ada", "a@b.co"), (None, "Ben", "b@b.co")]):
        for column, cell in enumerate(cells):
            if cell:
                sheet.write(row, column, cell)
    sheet.write_merge(1, 2, 0, 0, "Acme")
    book.save(str(tmp_path / "a.xls"))
    assert [item["Company"] for item in reading(tmp_path / "a.xls")] == ["Acme", "Acme"]


def test_merges_are_found_across_pieces_and_only_those_that_go_down() -> None:
    text = b'<mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="B2:C4"/><x:mergeCell ref="AA3:AA9"/></mergeCells>'
    for cut in range(len(text)):
        assert merges_of([text[:cut], text[cut:]]) == (Merge(2, 4, 1), Merge(3, 9, 26))


def test_a_value_of_its_own_is_not_filled_over() -> None:
    found = filled_down(iter([(2, ["x"]), (3, ["", "1"]), (4, ["own"]), (6, ["", "2"])]), [Merge(2, 5, 0)], 1)
    assert list(found) == [(2, ["x"]), (3, ["x", "1"]), (4, ["own"]), (6, ["", "2"])]


def test_an_account_with_every_kind_of_skip_balances(tmp_path: Path) -> None:
    lines = ["Leads", "", "Name,Email,Phone", "Ada,a@b.co,1", "", ",Fair", "Name,Email,Phone", "Ben,b@b.co,2", "",
             "Total,,3"]
    read = reading(tmp_path / "a.csv", "\n".join(lines) + "\n")
    assert len(list(read)) == 2
    count: SheetCount = read.sheets[0]
    assert count.skipped == {"preamble": 1, "section": 1, "repeated_header": 1, "totals": 1}
    assert (count.physical, count.header, count.blank) == (10, 1, 3)
    assert balanced(count)
