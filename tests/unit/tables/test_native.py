"""Formats that only the native library reads, behind the wall of a child process."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import xlwt

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import Limits
from chalicelib.tables.native import native_sheets
from chalicelib.tables.raw import sheets
from chalicelib.tables.sniff import Kind


@pytest.fixture
def book(tmp_path: Path) -> str:
    path = str(tmp_path / "a.xls")
    made = xlwt.Workbook()
    first = made.add_sheet("First")
    for column, value in enumerate(["00412", 15551234567, 0.1 + 0.2, True]):
        first.write(1, 2 + column, value)
    first.write(3, 2, datetime(2024, 3, 1, 10, 30), xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm"))  # noqa: DTZ001
    first.write(4, 2, datetime(2024, 3, 1), xlwt.easyxf(num_format_str="yyyy-mm-dd"))  # noqa: DTZ001
    hidden = made.add_sheet("Hidden")
    hidden.visibility = 1
    hidden.write(0, 0, "x")
    made.save(path)
    return path


def test_an_old_workbook_is_read_as_text_in_its_place(book: str) -> None:
    found = [(sheet.index, sheet.name, sheet.hidden, list(sheet.rows)) for sheet in sheets(book, book, Limits())]
    assert found == [
        (0, "First", False, [
            (2, ["", "", "00412", "15551234567", "0.3", "TRUE"]),
            (4, ["", "", "2024-03-01T10:30:00"]),
            (5, ["", "", "2024-03-01"]),
        ]),
        (1, "Hidden", True, [(1, ["x"])]),
    ]


def test_a_sheet_left_unread_does_not_disturb_the_next(book: str) -> None:
    names = [(sheet.name, next(sheet.rows)[0]) for sheet in sheets(book, book, Limits())]
    assert names == [("First", 2), ("Hidden", 1)]


def test_a_child_that_dies_is_a_corrupt_file(book: str) -> None:
    starved = native_sheets(book, Kind.XLS, Limits(native_bytes=8 * 1024 * 1024))
    with pytest.raises(FileRefused) as refused:
        list(starved)
    assert refused.value.code is FileProblem.CORRUPT_FILE


def test_limits_hold_in_the_child(book: str) -> None:
    with pytest.raises(FileRefused) as refused:
        [list(sheet.rows) for sheet in sheets(book, book, Limits(max_columns=3))]
    assert refused.value.code is FileProblem.TOO_MANY_COLUMNS


def test_a_damaged_old_workbook_is_a_corrupt_file(book: str) -> None:
    content = Path(book).read_bytes()
    Path(book).write_bytes(content[:1024] + b"\xff" * 2000 + content[3024:])
    with pytest.raises(FileRefused) as refused:
        [list(sheet.rows) for sheet in sheets(book, book, Limits())]
    assert refused.value.code is FileProblem.CORRUPT_FILE
