"""Tables out: safe to open, complete, and readable by what reads them."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import sheets
from chalicelib.tables.write import CsvWriter, JsonlWriter, XlsxWriter, safe_text, text_of

COLUMNS = ["Name", "Phone", "_row"]


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", "\t=1", "\r=1", "+", "-"])
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert safe_text(text) == "'" + text


@pytest.mark.parametrize("text", ["+41791234567", "+1 (555) 123-4567", "-3.5", "Anna", "", "a=b", "'quoted"])
def test_phones_and_plain_text_stay(text: str) -> None:
    assert safe_text(text) == text


def test_csv_comes_back_as_it_went(tmp_path: Path) -> None:
    path = str(tmp_path / "a.csv")
    with CsvWriter(path, COLUMNS, missing="N/A") as out:
        out.write({"Name": 'Zoë "Z"\nBerg', "Phone": "+41 79", "_row": 7, "other": "left out"})
        out.write({"Name": None})
    assert Path(path).read_bytes().startswith(b'"Name","Phone","_row"\r\n')
    assert [cells for sheet in sheets(path, path, Limits()) for _number, cells in sheet.rows] == [
        COLUMNS, ['Zoë "Z"\nBerg', "+41 79", "7"], ["N/A"] * 3,
    ]


def test_csv_has_a_byte_order_mark_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    CsvWriter(str(path), ["é"], bom=True).close()
    assert path.read_bytes() == b'\xef\xbb\xbf"\xc3\xa9"\r\n'


def test_xlsx_cells_are_texts_and_never_formulas(tmp_path: Path) -> None:
    path = str(tmp_path / "a.xlsx")
    with XlsxWriter(path, COLUMNS) as out:
        out.write({"Name": "=1+1", "Phone": "00412", "_row": 7})
        out.write({"Name": "#N/A", "Phone": "control \x01", "_row": None})
    read = openpyxl.load_workbook(path).active
    assert [[cell.value for cell in row] for row in read.iter_rows()] == [
        COLUMNS, ["=1+1", "00412", "7"], ["#N/A", "control \ufffd", None],
    ]
    assert {cell.data_type for row in read.iter_rows() for cell in row if cell.value} == {"s"}
    rows = [cells for sheet in sheets(path, path, Limits()) for _number, cells in sheet.rows]
    assert rows[1] == ["=1+1", "00412", "7"]


def test_json_lines_hold_null_for_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonlWriter(str(path), COLUMNS) as out:
        out.write({"Name": "Zoë", "_row": 7})
    assert json.loads(path.read_text(encoding="utf-8")) == {"Name": "Zoë", "Phone": None, "_row": 7}
    assert "Zoë" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "TRUE"), (3, "3"), (["a", "é"], '["a", "é"]'), ({"a": 1}, '{"a": 1}')]
)
def test_values_have_one_text(value: object, text: str) -> None:
    assert text_of(value) == text


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    for writer in (CsvWriter(str(tmp_path / "a"), ["x"]), XlsxWriter(str(tmp_path / "b"), ["x"]),
                   JsonlWriter(str(tmp_path / "c"), ["x"])):
        writer.close()
        writer.close()
