"""Other projects' worst files: each ends as rows or as a documented refusal, and its account balances."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.errors import FileProblem, FileRefused, Problem
from chalicelib.tables.reading import Reading, read_table
from tests.unit.tables.test_columns import FIELDS

DATA = Path(__file__).parents[4] / "shared" / "data"
FOLDERS = [
    "csv_clevercsv", "csv_spectrum", "sheets_calamine", "sheets_closedxml", "sheets_csvkit", "sheets_frictionless",
    "sheets_messytables", "sheets_poi", "sheets_sheetjs", "sheets_xlrd", "sheets_xlsxwriter",
]
MOST_FILES = 40
"""A folder's share: all files in their order, every so many, so that a run takes seconds."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_ends_as_rows_or_as_a_refusal(folder: str) -> None:
    if not (DATA / folder).exists():
        pytest.skip(f"{folder} is not beside the checkout")
    files = sorted(path for path in (DATA / folder).rglob("*") if path.is_file())
    for path in files[:: max(1, len(files) // MOST_FILES)]:
        read = read_table(str(path), path.name, fields=FIELDS)
        refusal, rows = _walk(read)
        assert isinstance(refusal, FileProblem) or rows == sum(count.rows for count in read.sheets) > 0, path
        for count in read.sheets:
            assert count.physical == count.header + count.blank + sum(count.skipped.values()) + count.rows, path
            assert count.blank >= 0, path


def _walk(read: Reading) -> tuple[Problem | None, int]:
    rows = 0
    try:
        for _item in read:
            rows += 1
    except FileRefused as refused:
        return refused.code, rows
    return None, rows
