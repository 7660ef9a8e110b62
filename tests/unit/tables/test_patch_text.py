"""New columns in text files: each record keeps its bytes, and the new cells stand below their header."""

from __future__ import annotations

import csv
import gzip
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import Limits
from chalicelib.tables.patch import NewColumn, PatchReport, SheetEdits, Target, Unpatchable, patch_csv, patch_file
from chalicelib.tables.raw import sheets

RATE = (NewColumn("Rate"), NewColumn("Note"))


def patched(tmp_path: Path, content: bytes, edits: SheetEdits, name: str = "a.csv") -> tuple[bytes, PatchReport]:
    (tmp_path / name).write_bytes(content)
    target = tmp_path / "patched"
    report = patch_csv(str(tmp_path / name), name, str(target), {0: edits})
    return target.read_bytes(), report


def two(rows: dict[int, tuple[Any, Any]], header_row: int = 1) -> SheetEdits:
    return SheetEdits(RATE, list(rows.items()), header_row=header_row)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a,b\n1,2\n3,4\n", b"a,b,Rate,Note\n1,2,1.5,x\n3,4\n"),
        (b"a;b\r\n1;2\r\n", b"a;b;Rate;Note\r\n1;2;1.5;x\r\n"),
        (b"a\tb\r1\t2\r", b"a\tb\tRate\tNote\r1\t2\t1.5\tx\r"),
        (b"a|b\n1|2", b"a|b|Rate|Note\n1|2|1.5|x"),
        (b'"a" , "b"\n \'1\', 2 \n', b'"a" , "b",Rate,Note\n \'1\', 2 ,1.5,x\n'),
        (b"sep=;\na;b\n1;2\n", b"sep=;\na;b;Rate;Note\n1;2;1.5;x\n"),
        (b'a,b\n"1\n,""\r\n",2\n', b'a,b,Rate,Note\n"1\n,""\r\n",2,1.5,x\n'),
        (b"a,b,c\n1\n", b"a,b,c,Rate,Note\n1,,,1.5,x\n"),
        (b"a\n1,2,3\n", b"a,,,Rate,Note\n1,2,3,1.5,x\n"),
        (b'a,b\n"1"x"y,2\n', b'a,b,Rate,Note\n"1"x"y,2,1.5,x\n'),
        ("\ufeffä,b\nZoë,2\n".encode(), "\ufeffä,b,Rate,Note\nZoë,2,1.5,x\n".encode()),
        ("ä,b\nZoë Müller,2\n".encode("cp1252"), "ä,b,Rate,Note\nZoë Müller,2,1.5,x\n".encode("cp1252")),
        ("ä,b\n\u0a0d\u0d0a,2\n".encode("utf-16"), "ä,b,Rate,Note\n\u0a0d\u0d0a,2,1.5,x\n".encode("utf-16")),
        ("\ufeffa,b\n1,2\n".encode("utf-16-be"), "\ufeffa,b,Rate,Note\n1,2,1.5,x\n".encode("utf-16-be")),
        ("a,b\n1,2\n".encode("utf-16-le"), "a,b,Rate,Note\n1,2,1.5,x\n".encode("utf-16-le")),
        ("a,b\n1,2\n".encode("utf-32"), "a,b,Rate,Note\n1,2,1.5,x\n".encode("utf-32")),
        (b"\xef\xbb\xbfa,b\n\xff\xfe,2\n", b"\xef\xbb\xbfa,b,Rate,Note\n\xff\xfe,2,1.5,x\n"),
        (b"a,b\n1\0,2\n", b"a,b,Rate,Note\n1\0,2,1.5,x\n"),
    ],
)
def test_records_keep_their_bytes(tmp_path: Path, before: bytes, after: bytes) -> None:
    found, report = patched(tmp_path, before, two({2: (Decimal("1.50"), "x")}))
    assert found == after
    assert report.sheets[0].written == 4


def test_row_numbers_are_those_of_the_reader(tmp_path: Path) -> None:
    content = b'title\n\na,b\n"x\ny",1\n\n"z\n\n",2\n'
    (tmp_path / "a.csv").write_bytes(content)
    path = str(tmp_path / "a.csv")
    rows = [row for sheet in sheets(path, path, Limits()) for row in sheet.rows]
    found, _report = patched(tmp_path, content, SheetEdits(
        (NewColumn("n"),), [(number, (number,)) for number, _cells in rows if number > 3], header_row=3))
    assert found == b'title\n\na,b,n\n"x\ny",1,4\n\n"z\n\n",2,6\n'


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("@x", "'@x"), ("-3.5", "-3.5"), (-3.5, "-3.5"), ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'), ("two\nlines", '"two\nlines"'), (" padded", '" padded"'),
        ("\tx", "'\tx"), (None, ""), (True, "TRUE"),
        (1e-7, "0.0000001"), (Decimal("1E+3"), "1000"), (date(2024, 3, 1), "2024-03-01"), ("00412", "00412"),
    ],
)
def test_new_cells_are_safe_and_plain(tmp_path: Path, value: Any, cell: str) -> None:
    found, _report = patched(tmp_path, b"a\n1\n", SheetEdits((NewColumn("=b"),), [(2, (value,))], header_row=1))
    assert found.decode() == f"a,'=b\n1,{cell}\n"


def test_characters_that_the_encoding_lacks_are_counted(tmp_path: Path) -> None:
    found, report = patched(tmp_path, "Stück,Größe\nä,ö\n".encode("cp1252"), two({2: ("→ x", "é")}))
    assert found == "Stück,Größe,Rate,Note\nä,ö,? x,é\n".encode("cp1252")
    assert report.sheets[0].lossy == 1


@pytest.mark.parametrize("content", [b'a,b\n1,"open\n2,3\n', b'a,b\n1,"open'])
def test_a_quote_that_never_closes_is_unpatchable(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unpatchable):
        patched(tmp_path, content, two({2: (1, 2)}))
    assert not (tmp_path / "patched").exists()


def test_a_column_that_is_there_is_unpatchable_and_another_sheet_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unpatchable):
        patched(tmp_path, b"a,b\n1,2\n", SheetEdits((Target("B"),), [(2, (1,))]))
    with pytest.raises(ValueError, match="sheet"):
        patch_csv(str(tmp_path / "a.csv"), "a.csv", str(tmp_path / "out"), {1: two({})})
    with pytest.raises(ValueError, match="row 9"):
        patched(tmp_path, b"a,b\n1,2\n", two({9: (1, 2)}))


def test_a_cell_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        patched(tmp_path, b"a,b\n" + b"x" * 140_000 + b",2\n", two({2: (1, 2)}))
    assert refused.value.code is FileProblem.CELL_TOO_LONG


def test_a_reader_in_the_same_process_may_set_its_own_limit_meanwhile(tmp_path: Path) -> None:
    long = "ü" * 30_000

    def lines() -> Any:
        csv.field_size_limit(10)
        yield 2, (1, 2)

    found, _report = patched(tmp_path, f"a,b\nx,1\n{long},2\n".encode(), SheetEdits(RATE, lines(), header_row=1))
    csv.field_size_limit(131_072)
    assert found.decode() == f"a,b,Rate,Note\nx,1,1,2\n{long},2\n"


def test_packed_text_is_written_plain(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.tsv", "a\tb\n1\t2\n")
    for name, delimiter in (("a.csv.gz", ","), ("a.zip", "\t")):
        report = patch_file(str(tmp_path / name), name, str(tmp_path / "out"), {0: two({2: (1, 2)})})
        assert report.kind == "text"
        assert (tmp_path / "out").read_text() == "a,b,Rate,Note\n1,2,1,2\n".replace(",", delimiter)
