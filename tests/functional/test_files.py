"""Files as strangers have them, each in a process with a function's memory and time: rows or a documented code."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import agreement, outcomes
from benchmarks.measure import in_fresh_process
from chalicelib.errors import FileProblem
from tests.unit.tables.workbooks import data, package

EVERY = 30
"""A run here takes every thirtieth file; `python -m benchmarks outcomes agreement` takes all."""
EXCEL_ROWS, EXCEL_COLUMNS = 1_048_576, 16_384


def ends(*paths: Path) -> list[str]:
    found = in_fresh_process("benchmarks.outcomes:words", paths=[str(path) for path in paths]).answer
    return [found[str(path)] for path in paths]


@pytest.fixture(scope="module")
def strangers() -> list[Path]:
    paths = outcomes.files()
    if not paths:
        pytest.skip(f"there are no spreadsheets of other projects in {outcomes.DATA}")
    return paths[::EVERY]


def test_every_file_ends_as_rows_or_as_a_documented_code(strangers: list[Path]) -> None:
    found = dict(zip(strangers, ends(*strangers), strict=True))
    documented = {outcomes.ROWS, *(problem.value for problem in FileProblem)}
    assert {path.name: word for path, word in found.items() if word not in documented} == {}
    assert outcomes.ROWS in found.values()


def test_our_cells_are_those_that_two_other_readers_agree_about(strangers: list[Path]) -> None:
    found = in_fresh_process("benchmarks.agreement:shares", paths=[str(path) for path in strangers]).answer
    assert {"xlsx", "xls"} <= found.keys()
    assert {name: (share, examples) for name, (share, _compared, examples) in found.items() if share < 0.995} == {}


def test_agreement_notices_a_cell_that_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name,email\nAda,a@b.co\n")
    theirs = {("Sheet1", 1, 1): "name", ("Sheet1", 1, 2): "email", ("Sheet1", 2, 1): "Ada", ("Sheet1", 2, 2): "other"}
    monkeypatch.setitem(agreement._OTHERS, ".csv", (lambda _path: theirs, lambda _path: theirs))
    (found,) = agreement.agreements([path]).values()
    assert (found.share, found.cells["other"]) == (0.75, 1)


def test_what_ends_badly_is_told_from_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    assert ends(tmp_path / "a.csv") == [FileProblem.NO_HEADER]

    def hungry(_path: Path) -> str:
        return str(len(bytearray(600 * 1024 * 1024)))

    monkeypatch.setattr(outcomes, "split", hungry)
    (found,) = outcomes.outcomes([tmp_path / "a.csv"])
    assert found.word == "killed: memory"


def test_a_workbook_of_a_kilobyte_that_spans_everything_is_cheap(tmp_path: Path) -> None:
    rows = ('<row r="1"><c r="A1" t="str"><v>Name</v></c><c r="B1" t="str"><v>Email</v></c></row>'
            '<row r="1048576"><c r="A1048576" t="str"><v>Ada</v></c><c r="XFD1048576"><v>2</v></c></row>')
    path = Path(package(tmp_path / "a.xlsx", data(rows)))
    assert path.stat().st_size < 2000
    assert ends(path) == [outcomes.ROWS]


def test_as_many_columns_as_excel_has_pass(tmp_path: Path) -> None:
    header = [f"Field {number}" for number in range(EXCEL_COLUMNS - 2)]
    lines = [",".join(["Name", "Email", *header]), *(f"Ada {row},a{row}@b.co" + ",x" * (EXCEL_COLUMNS - 2)
                                                     for row in range(20))]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "b.csv").write_text("\n".join(line + ",y" for line in lines) + "\n")
    assert ends(tmp_path / "a.csv", tmp_path / "b.csv") == [outcomes.ROWS, FileProblem.TOO_MANY_COLUMNS]


@pytest.mark.slow
def test_as_many_rows_as_excel_has_pass(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"<worksheet><sheetData>"
        yield b'<row r="1"><c r="A1" t="str"><v>Name</v></c><c r="B1" t="str"><v>Email</v></c></row>'
        for row in range(2, EXCEL_ROWS + 1):
            yield b'<row r="%d"><c r="A%d" t="str"><v>Ada</v></c><c r="B%d" t="str"><v>%d@b.co</v></c></row>' % (
                row, row, row, row)
        yield b"</sheetData></worksheet>"

    path = tmp_path / "a.xlsx"
    package(path, pieces())
    assert zipfile.is_zipfile(path)
    found = in_fresh_process("benchmarks.reading:ours", path=str(path))
    assert (found.answer[0], found.peak < outcomes.MEGABYTES) == (EXCEL_ROWS - 1, True)
