"""Bills and lists as items with their headings; every physical row is counted."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import FileRefused
from chalicelib.jobs.model import SheetCount
from chalicelib.pipelines.prices.reading import MOST_ITEMS, read_bill, read_list
from chalicelib.tables.limits import Limits
from tests.fixtures import prices
from tests.functional.engine import book

HEADER = ["Item", "Description", "Unit", "Qty", "Rate"]


def csv_of(folder: Path, rows: Sequence[Sequence[Any]]) -> str:
    path = folder / "bill.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def read(folder: Path, rows: Sequence[Sequence[Any]], **options: Any):
    return read_bill(csv_of(folder, rows), "bill.csv", limits=Limits(), options=options, list_id="l")


def balances(sheet: SheetCount) -> bool:
    return sheet.physical == sheet.header + sheet.blank + sum(sheet.skipped.values()) + sheet.rows


def test_sections_are_context_and_counted_by_name(tmp_path: Path) -> None:
    reading = read(tmp_path, [HEADER, ["A", "EARTHWORKS"], ["1", "Excavate", "m3", "12", ""], ["", "Trenches"],
                              ["2", "Fill", "m3", "3", ""], ["", "Carried forward", "", "", ""]])
    items = list(reading)
    assert [(item["_row"], item["_context"], item["_list"]) for item in items] == [
        (3, ["EARTHWORKS"], "l"), (5, ["Trenches"], "l")]
    (sheet,) = reading.sheets
    assert (sheet.rows, dict(sheet.skipped)) == (2, {"section": 3})
    assert balances(sheet)


def test_headings_that_the_table_leaves_out_are_context_too(tmp_path: Path) -> None:
    rows = [["No", "Colour", "Description", "Qty"], ["1", "red", "Pipe", "2"], [], ["", "PLUMBING", "", ""],
            ["2", "red", "Tap", "3"]]
    reading = read(tmp_path, rows)
    items = list(reading)
    assert [item.get("_context") for item in items] == [None, ["PLUMBING"]]
    (sheet,) = reading.sheets
    assert (sheet.rows, sheet.blank, dict(sheet.skipped)) == (2, 1, {"section": 1})
    assert balances(sheet)


def test_a_header_in_other_words_and_sums_are_no_items(tmp_path: Path) -> None:
    header = [*HEADER, "Amount"]
    reading = read(tmp_path, [header, ["1", "Pipe", "m", "2"], ["Nr", "Text", "UOM", "Quantity", "Price", "Total"],
                              ["2", "Tap", "nr", "3"], ["", "Page total", "", "", "", "1,200.00"]])
    assert [item["_row"] for item in reading] == [2, 4]
    (sheet,) = reading.sheets
    assert dict(sheet.skipped) == {"repeated_header": 1, "totals": 1}
    assert balances(sheet)


def test_every_row_of_the_known_bill_is_accounted_for_on_both_sheets(tmp_path: Path) -> None:
    path = tmp_path / "bill.xlsx"
    path.write_bytes(book(**prices.bill()))
    reading = read_bill(str(path), "bill.xlsx", limits=Limits(), options={}, list_id="l")
    places = {(item["_worksheet"], item["_row"]) for item in reading}
    assert places == set(prices.right_codes())
    assert [(sheet.physical, sheet.rows, dict(sheet.skipped)) for sheet in reading.sheets] == [
        (17, 12, {"section": 4}), (17, 12, {"totals": 1, "section": 3})]
    assert all(map(balances, reading.sheets))


def test_headings_of_one_sheet_end_with_it(tmp_path: Path) -> None:
    path = tmp_path / "bill.xlsx"
    path.write_bytes(book(A=[HEADER, ["", "EARTHWORKS"], ["1", "Dig", "m3", 2]], B=[HEADER, ["1", "Tap", "nr", 2]]))
    items = list(read_bill(str(path), "bill.xlsx", limits=Limits(), options={}, list_id="l"))
    assert [item.get("_context") for item in items] == [["EARTHWORKS"], None]


def test_a_mapping_and_short_headers_go_together(tmp_path: Path) -> None:
    reading = read(tmp_path, [["Pos", "Bezeichnung", "Menge", "ME", "EP", "Was"], ["1", "Rohr", "2", "m", "3,50", "x"]],
                   mapping={"Was": "keywords"})
    list(reading)
    assert reading.columns["Sheet1"] == {"Pos": "code", "Bezeichnung": "description", "Menge": "quantity", "ME": "unit",
                                         "EP": "rate", "Was": "keywords"}


def test_a_file_of_headings_only_says_that_nothing_asks_for_a_price(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        list(read(tmp_path, [HEADER, ["", "EARTHWORKS", "", "", ""], ["", "CONCRETE", "", "", ""]]))
    assert (refused.value.code.value, refused.value.message) == ("NO_ROWS", "No row has a quantity, a rate or a unit.")


def test_a_rematch_reads_only_what_is_asked_and_counts_the_others(tmp_path: Path) -> None:
    path = csv_of(tmp_path, [HEADER, ["", "WORKS"], ["1", "Pipe", "m", "2"], ["2", "Tap", "nr", "3"]])
    reading = read_bill(path, "bill.csv", limits=Limits(), options={}, list_id="l", asked=lambda place: place.row == 4)
    assert [(item["_row"], item["_context"]) for item in reading] == [(4, ["WORKS"])]
    (sheet,) = reading.sheets
    assert dict(sheet.skipped) == {"section": 1, "already_matched": 1}
    assert balances(sheet)


def test_a_list_has_its_own_columns_and_a_limit(tmp_path: Path) -> None:
    path = csv_of(tmp_path, prices.price_list())
    reading = read_list(path, "list.csv", limits=Limits(), options={"job": object()})
    items = list(reading)
    assert len(items) == 20
    assert all(not name.startswith("_") or name in ("_worksheet", "_sheet", "_row") for name in items[0])
    assert reading.columns["Sheet1"]["rate"] == "rate"
    assert Limits().max_rows > MOST_ITEMS


def test_a_list_that_no_worker_could_hold_is_refused_while_it_is_read(tmp_path: Path) -> None:
    path = csv_of(tmp_path, [["Description", "Rate"], *(["x" * 900, "1"] for _ in range(40))])
    with pytest.raises(FileRefused) as refused:
        list(read_list(path, "list.csv", limits=Limits(), options={}, most_text=20_000))
    assert refused.value.code.value == "FILE_TOO_LARGE"
