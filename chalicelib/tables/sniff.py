"""What a file is, judged by its content: names lie, and browsers send whatever type they like.

`identify` answers with a `Kind` that we read, or refuses with the code that tells the person what to do instead.
"""

from __future__ import annotations

import mmap
import re
from enum import StrEnum
from pathlib import Path

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.archive import Archive
from chalicelib.tables.limits import Limits

SAMPLE = 64 * 1024


class Kind(StrEnum):
    """The formats that we read."""

    XLSX = "xlsx"
    XLSB = "xlsb"
    XLS = "xls"
    ODS = "ods"
    TEXT = "text"
    ZIP = "zip"
    """An archive of files; what they are is for `packed` to find out."""
    GZIP = "gzip"


def identify(path: str, limits: Limits | None = None) -> Kind:
    """The kind of the file at `path`. Raises FileRefused for everything that is not one."""
    if Path(path).stat().st_size == 0:
        raise FileRefused(FileProblem.EMPTY_FILE)
    with Path(path).open("rb") as file:
        head = file.read(SAMPLE)
    if head.startswith(_ZIP):
        return _of_archive(path, limits or Limits())
    if head.startswith(_OLE):
        return _of_compound(path)
    if head.startswith(_GZIP):
        return Kind.GZIP
    _refuse_picture(path, head)
    _refuse_known(head)
    _refuse_binary(head)
    return Kind.TEXT


_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_GZIP = b"\x1f\x8b"
_DOCUMENTS = ("word/", "ppt/", "visio/")


def _of_archive(path: str, limits: Limits) -> Kind:
    with Archive(path, limits) as archive:
        names = archive.names
        kind = _package_kind(names)
        if kind is not None and archive.encrypted:
            raise FileRefused(FileProblem.ENCRYPTED_WORKBOOK)
        if kind is not None:
            return kind
        if "content.xml" in names:
            return _of_open_document(archive)
    if any(name.startswith(_DOCUMENTS) for name in names):
        raise FileRefused(FileProblem.NOT_A_SPREADSHEET, "This is an office document, but not a workbook.")
    if any(name.endswith(".iwa") for name in names):
        raise FileRefused(FileProblem.UNSUPPORTED_FORMAT, "This is a Numbers document; export it as .xlsx or .csv.")
    return Kind.ZIP


def _package_kind(names: list[str]) -> Kind | None:
    """By the usual places first; a package may keep its workbook anywhere, under the name `workbook.xml`."""
    ends = {name.rsplit("/", 1)[-1] for name in names}
    if "xl/workbook.bin" in names:
        return Kind.XLSB
    if "xl/workbook.xml" in names or ("[content_types].xml" in names and "workbook.xml" in ends):
        return Kind.XLSX
    return None


def _of_open_document(archive: Archive) -> Kind:
    kind = archive.read("mimetype", 200) if "mimetype" in archive else b""
    manifest = archive.read("meta-inf/manifest.xml") if "meta-inf/manifest.xml" in archive else b""
    if b"encryption-data" in manifest:
        raise FileRefused(FileProblem.ENCRYPTED_WORKBOOK)
    if b"opendocument.spreadsheet" in kind or b"opendocument.spreadsheet" in manifest:
        return Kind.ODS
    raise FileRefused(FileProblem.NOT_A_SPREADSHEET, "This is an OpenDocument file, but not a spreadsheet.")


def _of_compound(path: str) -> Kind:
    """Names in a compound file's directory are UTF-16; searching them needs no walk through its sectors."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        def holds(name: str) -> bool:
            return data.find(name.encode("utf-16-le") + b"\0\0") >= 0

        if holds("EncryptedPackage") or holds("EncryptionInfo"):
            raise FileRefused(FileProblem.ENCRYPTED_WORKBOOK)
        if holds("Workbook") or holds("Book") or holds("WORKBOOK") or holds("BOOK"):
            return Kind.XLS
        if holds("WordDocument") or holds("PowerPoint Document"):
            raise FileRefused(FileProblem.NOT_A_SPREADSHEET, "This is an office document, but not a workbook.")
    raise FileRefused(FileProblem.CORRUPT_FILE, "This looks like an old office file, but holds no workbook.")


_PICTURES = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"8BPS": "PSD",
}
_BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"hevc": "HEIC", b"avif": "AVIF",
    b"avis": "AVIF",
}


def _refuse_picture(path: str, head: bytes) -> None:
    name = next((name for magic, name in _PICTURES.items() if head.startswith(magic)), "")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        name = "WEBP"
    if head[4:8] == b"ftyp":
        name = _BRANDS.get(head[8:12], "")
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        name = "BMP"
    if name:
        size = _pixels(path)
        raise FileRefused(
            FileProblem.PICTURE_NOT_SPREADSHEET,
            f"This is a {name} picture{size}, not a spreadsheet; drop it under uploads/images/.",
            format=name,
        )


def _pixels(path: str) -> str:
    """`, 4000 x 3000 pixels`, or nothing where the picture is too damaged to tell."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return f", {picture.width} x {picture.height} pixels"
    # Decoders raise nearly anything on damaged input; the size is only a courtesy here.
    except Exception:
        return ""


_FOREIGN = (
    (b"%PDF", FileProblem.NOT_A_SPREADSHEET, "This is a PDF document; export the table as .xlsx or .csv."),
    (b"{\\rtf", FileProblem.NOT_A_SPREADSHEET, "This is a rich text document; save the table as .xlsx or .csv."),
    (b"7z\xbc\xaf\x27\x1c", FileProblem.UNSUPPORTED_FORMAT, "This is a 7z archive; unpack it first."),
    (b"Rar!", FileProblem.UNSUPPORTED_FORMAT, "This is a RAR archive; unpack it first."),
    (b"BZh", FileProblem.UNSUPPORTED_FORMAT, "This is a bzip2 archive; unpack it first."),
    (b"\xfd7zXZ", FileProblem.UNSUPPORTED_FORMAT, "This is an xz archive; unpack it first."),
    (b"PAR1", FileProblem.UNSUPPORTED_FORMAT, "This is a Parquet file; export it as .csv."),
    (b"SQLite format 3", FileProblem.UNSUPPORTED_FORMAT, "This is a SQLite database; export the table as .csv."),
    (b"ID;P", FileProblem.UNSUPPORTED_FORMAT, "This is a SYLK file; open it and save it as .xlsx."),
    (b"TABLE\r\n0,1", FileProblem.UNSUPPORTED_FORMAT, "This is a DIF file; open it and save it as .xlsx."),
    (b"TABLE\n0,1", FileProblem.UNSUPPORTED_FORMAT, "This is a DIF file; open it and save it as .xlsx."),
)
_OLD_EXCEL = re.compile(rb"\x09[\x00\x02\x04\x08](?:\x04|\x06|\x08|\x10)\x00")
_HTML = re.compile(rb"\s*(?:<!doctype\s+html|<html|<head|<table|<body|<meta|<\?xml[^>]*>\s*<html)", re.IGNORECASE)
_MIME_HTML = re.compile(rb"\s*MIME-Version:", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml|\s*<Workbook|\s*<office:document", re.IGNORECASE)


def _refuse_known(head: bytes) -> None:
    for magic, problem, message in _FOREIGN:
        if head.startswith(magic):
            raise FileRefused(problem, message)
    if _OLD_EXCEL.match(head):
        raise FileRefused(FileProblem.UNSUPPORTED_FORMAT, "This workbook is older than Excel 97; save it as .xlsx.")
    text = _ascii(head)
    if _HTML.match(text) or (_MIME_HTML.match(text) and b"text/html" in text):
        raise FileRefused(FileProblem.HTML_NOT_WORKBOOK)
    if _XML.match(text):
        raise FileRefused(FileProblem.UNSUPPORTED_FORMAT, "This is an XML document; open it and save it as .xlsx.")


def _ascii(head: bytes) -> bytes:
    """The sample without byte order mark and, where it is UTF-16, without the zero bytes."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[2:].replace(b"\0", b"")
    return head.removeprefix(b"\xef\xbb\xbf")


_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f\x7f]")


def _refuse_binary(head: bytes) -> None:
    """Text has next to no control characters; UTF-16 and UTF-32 have zero bytes, and are told by their pattern."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0\0\xfe\xff")):
        return
    controls = len(_CONTROL.findall(head))
    zeros = head.count(b"\0")
    if controls - zeros > len(head) // 100 + 2:
        raise FileRefused(FileProblem.NOT_A_SPREADSHEET)
    if zeros > len(head) // 100 + 2 and not utf16_guess(head):
        raise FileRefused(FileProblem.NOT_A_SPREADSHEET)


def utf16_guess(head: bytes) -> str:
    """`utf-16-le` or `utf-16-be` for mostly Latin text without a byte order mark, else nothing."""
    half = len(head) // 2 or 1
    if head[1::2].count(0) > half * 0.6 and head[::2].count(0) < half * 0.1:
        return "utf-16-le"
    if head[::2].count(0) > half * 0.6 and head[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return ""
