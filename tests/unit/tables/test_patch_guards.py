"""What cannot be written into is refused by name, nothing is left behind, and memory stays small."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import MIB, Limits
from chalicelib.tables.patch import NewColumn, SheetEdits, Target, Unpatchable
from tests.unit.tables.patching import ONE, RATE, STYLES, filled, member, patched, rates, rewrite, rich_workbook, row
from tests.unit.tables.workbooks import data, package

# --- what is refused


@pytest.mark.parametrize(
    ("sheet", "problem"),
    [
        (data(row(1, ONE)).removesuffix("</worksheet>"), FileProblem.CORRUPT_FILE),
        (data('<row r="1"><c r="A1"><v>1</c></row>'), FileProblem.CORRUPT_FILE),
        (data(row(1, ONE)).replace("<v>", "<v>&nope;"), FileProblem.CORRUPT_FILE),
        (data(row(1, ONE)) + "<!-- ", FileProblem.CORRUPT_FILE),
        ("", FileProblem.CORRUPT_FILE),
        ("\x00\x01 no XML", FileProblem.CORRUPT_FILE),
        (data(row(1, ONE)).replace("UTF-8", "utf-99"), FileProblem.CORRUPT_FILE),
        (data(row(1, ONE)).replace("UTF-8", "rot13"), FileProblem.CORRUPT_FILE),
        (b"\xff\xfe" + "<worksheet>".encode("utf-16-le") + b"\x00\xd8\x00", FileProblem.CORRUPT_FILE),
        ('<!DOCTYPE a [<!ENTITY b "c">]><worksheet><sheetData/></worksheet>', FileProblem.ENTITY_BOMB),
        (data('<row r="9999999999999"/>'), FileProblem.TOO_MANY_ROWS),
    ],
)
def test_damage_and_deceit_are_refused_and_nothing_is_left(
    tmp_path: Path, sheet: str | bytes, problem: FileProblem
) -> None:
    source = package(tmp_path / "a.xlsx", sheet)
    with pytest.raises(FileRefused) as refused:
        patched(source, filled({1: 5}, NewColumn("Rate")))
    assert refused.value.code is problem
    assert not (tmp_path / "patched.xlsx").exists()


@pytest.mark.parametrize("part", ["styles", "outline"])
def test_entities_are_refused_in_the_parts_that_are_rewritten(tmp_path: Path, part: str) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]>'
    source = package(tmp_path / "a.xlsx", data(row(1, ONE)), styles=(bomb if part == "styles" else "") + STYLES)
    if part == "outline":
        rewrite(source, {"xl/workbook.xml": bomb + member(source, "xl/workbook.xml")})
    with pytest.raises(FileRefused) as refused:
        patched(source, filled({1: 5}, NewColumn("Rate")))
    assert refused.value.code is FileProblem.ENTITY_BOMB


def _endless_row() -> Iterable[bytes]:
    return [b'<worksheet><sheetData><row r="1">', *[b'<c r="A1"/>' * 100_000] * 4, b"</row></sheetData></worksheet>"]


@pytest.mark.parametrize(
    ("sheet", "limits"),
    [
        (_endless_row(), Limits(max_unpacked_bytes=MIB)),
        (_endless_row(), Limits(free_unpacked_bytes=MIB, max_ratio=20)),
        ([b"<worksheet><sheetData/><!--", *[b"x>" * (MIB // 2)] * 12, b"--></worksheet>"], Limits()),
    ],
    ids=["total", "ratio", "one mark"],
)
def test_bombs_are_refused(tmp_path: Path, sheet: Iterable[bytes], limits: Limits) -> None:
    with pytest.raises(FileRefused) as refused:
        patched(package(tmp_path / "a.xlsx", sheet), filled({1: 5}, NewColumn("Rate")), limits=limits)
    assert refused.value.code is FileProblem.ARCHIVE_BOMB


def test_a_row_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        patched(package(tmp_path / "a.xlsx", _endless_row()), filled({1: 5}, NewColumn("Rate")),
                limits=Limits(max_row_chars=MIB // 4))
    assert refused.value.code is FileProblem.CELL_TOO_LONG


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    source = Path(package(tmp_path / "a.xlsx", data(row(1, ONE))))
    with zipfile.ZipFile(source, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("media.bin", bytes(MIB))
        for place in range(3):
            twin = zipfile.ZipInfo(f"twin{place}.bin")
            for name in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(twin, name, getattr(archive.getinfo("media.bin"), name))
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
    with pytest.raises(FileRefused) as refused:
        patched(source, filled({1: 5}, NewColumn("Rate")))
    assert refused.value.code is FileProblem.ARCHIVE_BOMB


def test_a_full_sheet_and_unknown_structure_are_unpatchable(tmp_path: Path) -> None:
    full = package(tmp_path / "a.xlsx", data(row(1, '<c r="XFD1"><v>1</v></c>')))
    odd = package(tmp_path / "b.xlsx", data("<other/>"))
    hollow = package(tmp_path / "c.xlsx", "<worksheet/>")
    for source in (full, odd, hollow):
        with pytest.raises(Unpatchable):
            patched(source, filled({1: 5}, NewColumn("Rate")))
        assert not (tmp_path / "patched.xlsx").exists()


@pytest.mark.parametrize("lines", [[(2, (5,)), (1, (5,))], [(1, (5, 6))], [(0, (5,))], [(1_048_577, (5,))]])
def test_edits_out_of_order_or_shape_are_an_error_of_the_caller(tmp_path: Path, lines: Sequence[Any]) -> None:
    with pytest.raises(ValueError, match="row"):
        patched(package(tmp_path / "a.xlsx", data(row(1, ONE))), SheetEdits((NewColumn("Rate"),), lines))
    assert not (tmp_path / "patched.xlsx").exists()


def test_a_sheet_that_is_none_is_an_error_of_the_caller(tmp_path: Path) -> None:
    source = rich_workbook(tmp_path / "bill.xlsx")
    with pytest.raises(ValueError, match=r"\[1\]"):
        patched(source, {1: SheetEdits(RATE, rates(4))})
    with pytest.raises(ValueError, match="edits of columns"):
        patched(source, filled({4: (1, 2)}, Target("D"), Target(3)))


# --- size


def test_memory_does_not_grow_with_the_sheet(tmp_path: Path) -> None:
    head, foot, text = b"<worksheet><sheetData>", b"</sheetData></worksheet>", "text " * 1600
    rows = (f'<row r="{n}"><c r="A{n}" t="str"><v>{n}{text}</v></c></row>'.encode() for n in range(1, 2_501))
    source = package(tmp_path / "a.xlsx", (piece for part in ([head], rows, [foot]) for piece in part))
    edits = SheetEdits(RATE, ((n, (n, f"{n}{text}")) for n in range(1, 2_501)))
    tracemalloc.start()
    try:
        _target, report = patched(source, edits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.sheets[0].written == 5_000
    assert peak < 6 * MIB
