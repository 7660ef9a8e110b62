"""Spreadsheets in gzip and zip are read as if they came alone; hostile archives are not."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
import xlwt

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import MIB, Limits
from chalicelib.tables.raw import sheets
from chalicelib.tables.reading import read_table
from tests.unit.tables.test_columns import FIELDS

CSV = b"Name;Email\nZo\xeb;z@b.co\n"


def book(**tables: list[list[str]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as made:
        for name, rows in tables.items():
            sheet = made.add_worksheet(name)
            for number, cells in enumerate(rows):
                sheet.write_row(number, 0, cells)
    return content.getvalue()


def old_book() -> bytes:
    made, content = xlwt.Workbook(), io.BytesIO()
    made.add_sheet("Old").write(0, 0, "x")
    made.save(content)
    return content.getvalue()


def zipped(path: Path, *members: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def all_of(path: Path, name: str = "", limits: Limits | None = None) -> list[tuple[int, str, str, list[list[str]]]]:
    return [(sheet.index, sheet.name, sheet.note, [cells for _number, cells in sheet.rows])
            for sheet in sheets(str(path), name or path.name, limits or Limits())]


def refusal(path: Path, limits: Limits | None = None) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        all_of(path, limits=limits)
    return refused.value


def test_gzip_changes_nothing(tmp_path: Path) -> None:
    for name, content in (("a.csv", CSV), ("a.xlsx", book(People=[["Ada"]])), ("a.xls", old_book())):
        (tmp_path / name).write_bytes(content)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        assert all_of(tmp_path / f"{name}.gz") == all_of(tmp_path / name) != []


def test_every_sheet_of_every_member_is_read_and_numbered_through(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("two.xlsx", book(A=[["1"]], B=[["2"]])), ("march/list.csv", CSV),
                  ("old.xls", old_book()))
    assert all_of(path) == [
        (0, "two.xlsx/A", "", [["1"]]), (1, "two.xlsx/B", "", [["2"]]),
        (2, "march/list.csv/Sheet1", "", [["Name", "Email"], ["Zoë", "z@b.co"]]), (3, "old.xls/Old", "", [["x"]]),
    ]


def test_members_of_one_name_are_both_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.csv", b"x\n"), ("A.csv", b"y\n"))
    assert [rows for _index, _name, _note, rows in all_of(path)] == [[["x"]], [["y"]]]


def test_a_member_that_is_no_spreadsheet_is_named_in_the_account(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("terms.pdf", b"%PDF-1.7"), ("__MACOSX/._a.csv", b"\0\5"), (".DS_Store", b"\0"),
                  ("folder/", b""), ("a.csv", b"Name,Email\nAda,a@b.co\n"), ("nothing.csv", b""))
    read = read_table(str(path), path.name, fields=FIELDS)
    assert [(item["_worksheet"], item["_sheet"], item["_row"]) for item in read] == [("a.csv/Sheet1", 1, 2)]
    assert [(each.name, each.note) for each in read.sheets] == [
        ("terms.pdf", "not read: This is a PDF document; export the table as .xlsx or .csv."),
        ("a.csv/Sheet1", ""), ("nothing.csv", "not read: The file has no bytes."),
    ]


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", ("a.csv", CSV)).read_bytes()
    (tmp_path / "b.gz").write_bytes(gzip.compress(inner))
    (tmp_path / "c.gz").write_bytes(gzip.compress(gzip.compress(CSV)))
    for path in (zipped(tmp_path / "a.zip", ("a.csv", CSV), ("inner.zip", inner)), tmp_path / "b.gz", tmp_path / "c.gz",
                 zipped(tmp_path / "d.zip", ("a.csv.gz", gzip.compress(CSV)))):
        refused = refusal(path)
        assert (refused.code, "archive in an archive" in refused.message) == (FileProblem.UNSUPPORTED_FORMAT, True)


def test_an_archive_without_a_spreadsheet_is_refused(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.zip", ("a.pdf", b"%PDF-1.7"))).code is FileProblem.UNSUPPORTED_FORMAT
    assert refusal(zipped(tmp_path / "b.zip")).code is FileProblem.UNSUPPORTED_FORMAT


def test_a_broken_or_locked_member_is_named(tmp_path: Path) -> None:
    broken = refusal(zipped(tmp_path / "a.zip", ("a.csv", CSV), ("cut.xlsx", book(A=[["1"]])[:-40])))
    assert (broken.code, broken.message[:9]) == (FileProblem.CORRUPT_FILE, "cut.xlsx:")
    path = zipped(tmp_path / "b.zip", ("a.csv", CSV), how=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert refusal(path).code is FileProblem.ENCRYPTED_WORKBOOK


@pytest.mark.parametrize("cut", [5, 40, -4])
def test_a_cut_gzip_is_a_corrupt_file(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV * 50)[:cut])
    assert refusal(tmp_path / "a.csv.gz").code is FileProblem.CORRUPT_FILE


def test_bombs_stop_before_they_fill_the_disk(tmp_path: Path) -> None:
    strict = Limits(free_unpacked_bytes=MIB, max_ratio=100)
    zeros = b"a,b\n" * (3 * MIB)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(zeros))
    assert refusal(tmp_path / "a.csv.gz", strict).code is FileProblem.ARCHIVE_BOMB
    assert refusal(zipped(tmp_path / "a.zip", ("a.csv", zeros)), strict).code is FileProblem.ARCHIVE_BOMB
    assert refusal(zipped(tmp_path / "b.zip", *[(f"{n}.csv", b"a,b\n" * MIB) for n in range(3)]),
                   Limits(max_unpacked_bytes=10 * MIB)).code is FileProblem.ARCHIVE_BOMB


def test_a_bomb_inside_a_workbook_inside_an_archive_is_counted_against_what_was_dropped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "inner.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", " " * (12 * MIB))
    path = zipped(tmp_path / "a.zip", *[(f"{n}.xlsx", (tmp_path / "inner.xlsx").read_bytes()) for n in range(3)])
    assert refusal(path, Limits(free_unpacked_bytes=8 * MIB, max_ratio=200)).code is FileProblem.ARCHIVE_BOMB


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", *[(f"{n}.csv", CSV) for n in range(5)])
    assert refusal(path, Limits(max_files=4)).code is FileProblem.TOO_MANY_FILES
    assert len(all_of(path, limits=Limits(max_files=5))) == 5
