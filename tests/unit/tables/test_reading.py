"""A file becomes items, and every physical row is accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from chalicelib.errors import FileProblem, FileRefused, RequestRefused
from chalicelib.jobs.model import SheetCount
from chalicelib.tables.limits import Limits
from chalicelib.tables.reading import Reading, read_table
from tests.unit.tables.test_columns import FIELDS


def reading(path: Path, content: str = "", options: Mapping[str, Any] | None = None) -> Reading:
    if content:
        path.write_text(content, encoding="utf-8")
    return read_table(str(path), path.name, fields=FIELDS, options=options)


def balanced(count: SheetCount) -> bool:
    return count.physical == count.header + count.blank + sum(count.skipped.values()) + count.rows and count.blank >= 0


def book_of(path: Path, **tables: list[list[Any]]) -> Path:
    book = xlsxwriter.Workbook(str(path))
    for name, rows in tables.items():
        sheet = book.add_worksheet(name)
        for number, cells in enumerate(rows):
            sheet.write_row(number, 0, cells)
    book.close()
    return path


def test_items_carry_sheet_row_and_filled_cells_in_order(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", "Name,Email,Phone,Notes\nAnna,,0041,x\n\nNA,n@a.co,  ,\n")
    assert [list(item.items()) for item in read] == [
        [("_worksheet", "Sheet1"), ("_sheet", 0), ("_row", 2), ("Name", "Anna"), ("Phone", "0041"), ("Notes", "x")],
        [("_worksheet", "Sheet1"), ("_sheet", 0), ("_row", 4), ("Name", "NA"), ("Email", "n@a.co")],
    ]
    assert read.columns == {"Sheet1": {"Name": "name", "Email": "email", "Phone": "phone"}}
    assert read.sheets == (
        SheetCount(0, "Sheet1", physical=4, header=1, blank=1, skipped={}, rows=2, header_row=1,
                   columns={"Name": "name", "Email": "email", "Phone": "phone"},
                   headers=("Name", "Email", "Phone", "Notes")),
    )


def test_all_sheets_are_read_and_every_row_is_named(tmp_path: Path) -> None:
    people = [["Name", "Email", "Phone"], ["Anna", "a@b.co", "00412"], ["Ben", "b@b.co", "00413"]]
    path = book_of(
        tmp_path / "a.xlsx",
        First=people,
        Empty=[],
        Fourth=[["Leads of March"], [], ["by Anna"], *people, ["Name", "Email", "Phone"], ["Cy", "c@b.co", "00414"],
                [], ["Total", "", 3], [" "]],
        Words=[["only"], ["a note"]],
    )
    read = reading(path)
    assert [(item["_sheet"], item["_worksheet"], item["_row"]) for item in read] == [
        (0, "First", 2), (0, "First", 3), (2, "Fourth", 5), (2, "Fourth", 6), (2, "Fourth", 8),
    ]
    first, empty, fourth, notes = read.sheets
    assert all(map(balanced, read.sheets))
    assert (first.physical, first.header_row) == (3, 1)
    assert (empty.physical, empty.note) == (0, "empty")
    assert (fourth.physical, fourth.header_row, fourth.blank) == (10, 4, 2)
    assert fourth.skipped == {"preamble": 2, "repeated_header": 1, "totals": 1}
    assert (notes.skipped, notes.header, notes.note) == ({"no_header": 2}, 0, "no row looks like a header")


def test_a_merged_title_above_the_header_is_preamble(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.merge_range(0, 0, 1, 3, "Company leads")
    sheet.write_row(3, 0, ["Name", "Email"])
    sheet.write_row(4, 0, ["Anna", "a@b.co"])
    book.close()
    read = reading(path)
    assert [item["_row"] for item in read] == [5]
    assert read.sheets[0].skipped == {"preamble": 1}
    assert (read.sheets[0].header_row, read.sheets[0].blank) == (4, 2)


def test_formatted_empty_rows_at_the_end_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Name", "Email"])
    sheet.write_row(1, 0, ["Anna", "a@b.co"])
    for row in range(2, 500):
        sheet.write_blank(row, 0, None, book.add_format({"bold": True}))
    book.close()
    read = reading(path)
    assert len(list(read)) == 1
    assert read.sheets[0].physical == 2


def test_hidden_sheets_are_read_and_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("Cover").write(0, 0, "hello")
    sheet = book.add_worksheet("Data")
    sheet.write_row(0, 0, ["Name", "Email"])
    sheet.write_row(1, 0, ["Anna", "a@b.co"])
    sheet.hide()
    book.close()
    read = reading(path)
    assert [item["_worksheet"] for item in read] == ["Data"]
    assert read.sheets[1].note == "hidden"


def test_cells_beyond_the_header_get_column_names(tmp_path: Path) -> None:
    rows = "".join(f"n{n},n{n}@b.co\n" for n in range(100))
    read = reading(tmp_path / "a.csv", f"Name,Email\n{rows}Zoë,z@b.co,more,,still\n")
    assert list(read)[-1] == {
        "_worksheet": "Sheet1", "_sheet": 0, "_row": 102, "Name": "Zoë", "Email": "z@b.co", "column C": "more",
        "column E": "still",
    }


def test_headers_that_begin_like_ours_do_not_collide(tmp_path: Path) -> None:
    item = next(iter(reading(tmp_path / "a.csv", "_row,_worksheet,Email\n7,mine,a@b.co\n")))
    assert (item["_row"], item["column _row"], item["column _worksheet"]) == (2, "7", "mine")


def test_a_company_named_total_is_a_lead(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", "Company,Phone,Deals\nTotal,0041791234567,\nBP,0041791234568,\nTotal,,12\n")
    assert [item["_row"] for item in read] == [2, 3]
    assert read.sheets[0].skipped == {"totals": 1}


def test_a_header_row_can_be_given(tmp_path: Path) -> None:
    text = "Name,Email\nVorname,Kontakt\nAnna,a@b.co\n"
    read = reading(tmp_path / "a.csv", text, {"headerRow": 2})
    assert [item["_row"] for item in read] == [3]
    assert read.columns == {"Sheet1": {"Vorname": "firstName"}}
    assert read.sheets[0].skipped == {"preamble": 1}


def test_a_given_header_row_that_is_blank_is_no_header(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", "Name,Email\n\nAnna,a@b.co\n", {"headerRow": 2})
    with pytest.raises(FileRefused) as refused:
        list(read)
    assert refused.value.code is FileProblem.NO_HEADER
    assert read.sheets[0].skipped == {"no_header": 2}
    assert balanced(read.sheets[0])


def test_a_given_mapping_wins(tmp_path: Path) -> None:
    read = reading(tmp_path / "a.csv", "Wer,Email\nAnna,a@b.co\n", {"mapping": {"Wer": "name", "Email": ""}})
    list(read)
    assert read.columns == {"Sheet1": {"Wer": "name", "Email": ""}}


@pytest.mark.parametrize(
    "options",
    [{"headerRow": 0}, {"headerRow": "2"}, {"headerRow": True}, {"mapping": {"a": "nonsense"}}, {"mapping": ["a"]}],
)
def test_options_that_make_no_sense_are_refused_at_once(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused):
        reading(tmp_path / "a.csv", "Name,Email\n", options)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Name,Email\n", FileProblem.NO_ROWS),
        ("Name,Email\nName,Email\n", FileProblem.NO_ROWS),
        ("\n \n , \n", FileProblem.NO_ROWS),
        ("Anna,a@b.co\nBen,b@b.co\n", FileProblem.NO_HEADER),
        ("some words\n", FileProblem.NO_HEADER),
    ],
)
def test_files_without_rows_or_header_say_which(tmp_path: Path, content: str, problem: FileProblem) -> None:
    with pytest.raises(FileRefused) as refused:
        list(reading(tmp_path / "a.csv", content))
    assert refused.value.code is problem


def test_more_items_than_the_limit_are_refused(tmp_path: Path) -> None:
    people = [["Name", "Email"], ["Anna", "a@b.co"], ["Ben", "b@b.co"]]
    path = book_of(tmp_path / "a.xlsx", One=people, Two=people)
    with pytest.raises(FileRefused) as refused:
        list(read_table(str(path), "a.xlsx", fields=FIELDS, limits=Limits(max_rows=3)))
    assert refused.value.code is FileProblem.TOO_MANY_ROWS


def test_a_reading_streams(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Name,Email\n" + "Anna,a@b.co\n" * 200_000 + '"' + "x" * 40_000)
    items = iter(reading(path))
    assert next(items)["_row"] == 2  # The cell that is too long lies far behind.
    with pytest.raises(FileRefused):
        list(items)
