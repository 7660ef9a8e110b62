"""Hostile files are refused by name, before memory is spent; Excel's own limits pass."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import MIB, Limits
from chalicelib.tables.raw import sheets
from chalicelib.tables.reading import read_table
from tests.unit.tables.test_columns import FIELDS
from tests.unit.tables.workbooks import data, package

MEMORY = 48 * MIB
OPEN, CLOSE = b"<worksheet><sheetData>", b"</sheetData></worksheet>"


def walk(path: str, limits: Limits | None = None) -> int:
    """Rows of the file; holds the reader to a bound on Python's memory."""
    tracemalloc.start()
    try:
        return sum(1 for sheet in sheets(path, path, limits or Limits()) for _row in sheet.rows)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY


def refusal(path: str, limits: Limits | None = None) -> FileProblem:
    with pytest.raises(FileRefused) as refused:
        walk(path, limits)
    assert isinstance(refused.value.code, FileProblem)
    return refused.value.code


def _cell_of_100_mb() -> Iterator[bytes]:
    yield OPEN + b'<row r="1"><c r="A1" t="inlineStr"><is><t>'
    yield from [b"x" * MIB] * 100
    yield b"</t></is></c></row>" + CLOSE


def test_two_cells_in_opposite_corners_are_cheap(tmp_path: Path) -> None:
    rows = data('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>')
    assert walk(package(tmp_path / "a.xlsx", rows)) == 2


def test_one_far_cell_in_each_row_is_a_bomb(tmp_path: Path) -> None:
    rows = (b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (n, n) for n in range(1, 20_001))
    path = package(tmp_path / "a.xlsx", (piece for part in ([OPEN], rows, [CLOSE]) for piece in part))
    assert refusal(path, Limits(max_hollow_cells=10_000_000)) is FileProblem.ARCHIVE_BOMB


def test_a_cell_of_100_mb_is_refused_in_a_workbook(tmp_path: Path) -> None:
    assert refusal(package(tmp_path / "a.xlsx", _cell_of_100_mb())) is FileProblem.CELL_TOO_LONG


def test_a_shared_string_of_100_mb_is_refused(tmp_path: Path) -> None:
    strings = [b"<sst><si><t>", *[b"x" * MIB] * 100, b"</t></si></sst>"]
    path = package(tmp_path / "a.xlsx", data('<row r="1"><c r="A1" t="s"><v>0</v></c></row>'), strings=strings)
    assert refusal(path) is FileProblem.CELL_TOO_LONG


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (lambda: b'"' + b"x" * (30 * MIB) + b'"', FileProblem.CELL_TOO_LONG),
        (lambda: b'"' + b"xxxxxxxxx\n" * (3 * MIB) + b'"', FileProblem.CELL_TOO_LONG),
        (lambda: b"," * (30 * MIB), FileProblem.TOO_MANY_COLUMNS),
        (lambda: b"," * 20_000 + b"x", FileProblem.TOO_MANY_COLUMNS),
    ],
    ids=["one line", "many lines", "commas by the megabyte", "commas beyond the last column"],
)
def test_endless_records_are_refused_in_text(
    tmp_path: Path, line: Callable[[], bytes], problem: FileProblem
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"name,email\n" + line() + b"\n")
    assert refusal(str(path)) is problem


def test_the_longest_legal_cell_passes(tmp_path: Path) -> None:
    text = "x" * 32_767
    (tmp_path / "a.csv").write_text(f"name,note\nA,{text}\n")
    book = package(tmp_path / "a.xlsx", data(f'<row r="1"><c r="A1" t="str"><v>{text}</v></c></row>'))
    assert walk(str(tmp_path / "a.csv")) == 2
    assert walk(book) == 1
    longer = package(tmp_path / "b.xlsx", data(f'<row r="1"><c r="A1" t="str"><v>{text}x</v></c></row>'))
    assert refusal(longer) is FileProblem.CELL_TOO_LONG


def test_a_mark_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    pieces = [OPEN, b"<!--", *[b"x>" * (MIB // 2)] * 40, b"-->", CLOSE]
    assert refusal(package(tmp_path / "a.xlsx", pieces)) is FileProblem.ARCHIVE_BOMB


@pytest.mark.parametrize("where", ["sheet", "strings", "styles"])
def test_entities_are_refused_in_every_part(tmp_path: Path, where: str) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]>'
    parts = {"sheet": data('<row r="1"><c r="A1"><v>1</v></c></row>'), "strings": "<sst/>", "styles": "<styleSheet/>"}
    parts[where] = bomb + parts[where].removeprefix('<?xml version="1.0" encoding="UTF-8"?>')
    path = package(tmp_path / "a.xlsx", parts["sheet"], strings=parts["strings"], styles=parts["styles"])
    assert refusal(path) is FileProblem.ENTITY_BOMB


def test_a_part_in_an_encoding_that_nobody_knows_is_damaged(tmp_path: Path) -> None:
    strange = '<?xml version="1.0" encoding="utf-99"?><sst/>'
    path = package(tmp_path / "a.xlsx", data('<row r="1"><c r="A1"><v>1</v></c></row>'), strings=strange)
    assert refusal(path) is FileProblem.CORRUPT_FILE


def test_what_unpacks_too_far_is_a_bomb(tmp_path: Path) -> None:
    empty = b'<row r="1"><c r="A1"/></row>' * 1000
    path = package(tmp_path / "a.xlsx", [OPEN, *[empty] * 100, CLOSE])
    by_ratio = Limits(free_unpacked_bytes=MIB, max_ratio=100)
    assert refusal(path, by_ratio) is FileProblem.ARCHIVE_BOMB
    assert refusal(path, Limits(max_unpacked_bytes=MIB)) is FileProblem.ARCHIVE_BOMB


def test_an_archive_of_too_many_members_is_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(500):
            archive.writestr(f"{number:0100}", "")
    assert refusal(str(path), Limits(max_parts=10)) is FileProblem.ARCHIVE_BOMB


def test_rows_beyond_excels_last_are_refused(tmp_path: Path) -> None:
    path = package(tmp_path / "a.xlsx", data('<row r="1048577"><c r="A1048577"><v>1</v></c></row>'))
    assert refusal(path) is FileProblem.TOO_MANY_ROWS


@pytest.mark.parametrize(("rows", "passes"), [(50, True), (51, False)])
def test_the_limit_of_rows_is_one_of_data_rows(tmp_path: Path, rows: int, passes: bool) -> None:
    lines = ["Leads of March", "", "Name,Email", *(f"Ada,a{row}@b.co" for row in range(rows))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    read = read_table(str(tmp_path / "a.csv"), "a.csv", fields=FIELDS, limits=Limits(max_rows=50))
    if passes:
        assert len(list(read)) == rows
    else:
        with pytest.raises(FileRefused) as refused:
            list(read)
        assert refused.value.code is FileProblem.TOO_MANY_ROWS


def test_a_damaged_member_is_a_corrupt_file(tmp_path: Path) -> None:
    path = Path(package(tmp_path / "a.xlsx", data('<row r="1"><c r="A1"><v>1</v></c></row>')))
    content = path.read_bytes()
    at = content.index(b"xl/worksheets/sheet1.xml") + 40
    path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
    assert refusal(str(path)) is FileProblem.CORRUPT_FILE


def test_a_cut_archive_is_a_corrupt_file(tmp_path: Path) -> None:
    path = Path(package(tmp_path / "a.xlsx", data('<row r="1"><c r="A1"><v>1</v></c></row>')))
    path.write_bytes(path.read_bytes()[:-40])
    assert refusal(str(path)) is FileProblem.CORRUPT_FILE
