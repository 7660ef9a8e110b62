"""What a file is, by its content."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from PIL import Image

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.sniff import Kind, identify


def refusal(path: Path) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        identify(str(path))
    return refused.value


def _archive(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return path


def test_a_workbook_is_known_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    openpyxl.Workbook().save(path)
    assert identify(str(path)) is Kind.XLSX


@pytest.mark.parametrize(
    ("content", "encoding"),
    [("name,email\n", "utf-8"), ("name;é\n", "cp1252"), ("name\té\n", "utf-16"), ("name,email\nA,b\n", "utf-16-le"),
     ("名前,メール\n", "shift-jis"), ("one column\n", "utf-8-sig"), ("a\x00b,c\n" + "x,y\n" * 50, "utf-8")],
)
def test_text_is_known_in_any_encoding(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "leads.xlsx"
    path.write_bytes(content.encode(encoding))
    assert identify(str(path)) is Kind.TEXT


def test_kinds_of_archives_are_told_apart(tmp_path: Path) -> None:
    assert identify(str(_archive(tmp_path / "a", xl__workbook_dot_bin="x"))) is Kind.XLSB
    document = {"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content_dot_xml": "<a/>"}
    assert identify(str(_archive(tmp_path / "b", **document))) is Kind.ODS
    assert refusal(_archive(tmp_path / "c", word__document_dot_xml="x")).code is FileProblem.NOT_A_SPREADSHEET
    assert identify(str(_archive(tmp_path / "d", readme="x"))) is Kind.ZIP
    numbers = refusal(_archive(tmp_path / "f", Index__Document_dot_iwa="x"))
    assert (numbers.code, "Numbers" in numbers.message) == (FileProblem.UNSUPPORTED_FORMAT, True)
    locked = document | {"META-INF__manifest_dot_xml": "<manifest:encryption-data/>"}
    assert refusal(_archive(tmp_path / "e", **locked)).code is FileProblem.ENCRYPTED_WORKBOOK


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", FileProblem.EMPTY_FILE),
        (b"%PDF-1.7\n", FileProblem.NOT_A_SPREADSHEET),
        (b"\x7fELF" + bytes(range(32)) * 50, FileProblem.NOT_A_SPREADSHEET),
        (b"PK\x03\x04" + bytes(100), FileProblem.CORRUPT_FILE),
        (b" \r\n<!DOCTYPE html><table>", FileProblem.HTML_NOT_WORKBOOK),
        (b"\xff\xfe" + "<html><table>".encode("utf-16-le"), FileProblem.HTML_NOT_WORKBOOK),
        (b'<?xml version="1.0"?>\n<html>', FileProblem.HTML_NOT_WORKBOOK),
        (b'<?xml version="1.0"?><Workbook>', FileProblem.UNSUPPORTED_FORMAT),
        (b"\x09\x08\x08\x00" + bytes(20), FileProblem.UNSUPPORTED_FORMAT),
        (OLE + "EncryptedPackage\0".encode("utf-16-le"), FileProblem.ENCRYPTED_WORKBOOK),
        (OLE + "WordDocument\0".encode("utf-16-le"), FileProblem.NOT_A_SPREADSHEET),
        (OLE, FileProblem.CORRUPT_FILE),
        (b"\xff\xd8\xff\xe0 broken", FileProblem.PICTURE_NOT_SPREADSHEET),
        (b"\0\0\0\x18ftypheic", FileProblem.PICTURE_NOT_SPREADSHEET),
    ],
)
def test_what_is_no_spreadsheet_is_refused_by_name(tmp_path: Path, content: bytes, problem: FileProblem) -> None:
    path = tmp_path / "leads.xls"
    path.write_bytes(content)
    assert refusal(path).code is problem


def test_a_pictures_refusal_names_format_and_size(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    Image.new("RGB", (30, 20)).save(path, "PNG")
    refused = refusal(path)
    assert refused.code is FileProblem.PICTURE_NOT_SPREADSHEET
    assert "PNG picture, 30 x 20 pixels" in refused.message
