"""Spreadsheets inside gzip and zip: unpacked one at a time into a temporary file, and read as if dropped alone.

The sheets of a file in a zip archive are called `member/sheet`; those of a gzip file keep their names. Files in an
archive that are no spreadsheets are named, with the reason, and stand for a sheet without rows; an archive in an
archive is refused, since nobody packs twice but to deceive or by mistake.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.archive import CHUNK, Archive, Meter
from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import RawSheet, plain_sheets
from chalicelib.tables.sniff import Kind, identify

_NO_SPREADSHEET = (FileProblem.NOT_A_SPREADSHEET, FileProblem.PICTURE_NOT_SPREADSHEET, FileProblem.UNSUPPORTED_FORMAT,
                   FileProblem.HTML_NOT_WORKBOOK, FileProblem.EMPTY_FILE)
"""Reasons to pass over a file of an archive. Damage, locks and bombs refuse the archive as a whole."""
_LONGEST_NAME = 200


def packed_sheets(path: str, file_name: str, kind: Kind, limits: Limits) -> Iterator[RawSheet]:
    """The sheets of every spreadsheet in the archive, numbered through.

    Raises FileRefused: what reading a file raises, TOO_MANY_FILES, UNSUPPORTED_FORMAT for an archive in an archive or
    without any spreadsheet.
    """
    meter = Meter(path, limits)
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        room = str(Path(folder) / "unpacked")
        if kind is Kind.GZIP:
            yield from _of_gzip(path, file_name, room, limits, meter)
        else:
            yield from _of_zip(path, room, limits, meter)


def _of_gzip(path: str, file_name: str, room: str, limits: Limits, meter: Meter) -> Iterator[RawSheet]:
    fill(room, gunzipped(path, meter))
    inner = identify(room, limits)
    if inner in (Kind.ZIP, Kind.GZIP):
        raise _nested(file_name)
    yield from plain_sheets(room, file_name.removesuffix(".gz"), inner, limits, meter)


def gunzipped(path: str, meter: Meter) -> Iterator[bytes]:
    """What a gzip file unpacks to, piece by piece, counted by the meter. Raises FileRefused."""
    with gzip.open(path) as file:
        while chunk := _read(file):
            meter.count(len(chunk))
            yield chunk


def _read(file: gzip.GzipFile) -> bytes:
    try:
        return file.read(CHUNK)
    except (EOFError, OSError, zlib.error) as error:
        raise FileRefused(FileProblem.CORRUPT_FILE, "The gzip archive is damaged or cut short.") from error


def _of_zip(path: str, room: str, limits: Limits, meter: Meter) -> Iterator[RawSheet]:
    with Archive(path, limits, meter) as archive:
        files = [info for info in archive.files if not is_litter(info.filename)]
        if len(files) > limits.max_files:
            raise FileRefused(FileProblem.TOO_MANY_FILES, files=len(files), limit=limits.max_files)
        first, found = 0, False
        for info in files:
            fill(room, archive.unpacked(info))
            last = first
            for sheet in _of_member(room, info.filename, limits, meter):
                found = found or not sheet.note
                last = first + sheet.index
                yield replace(sheet, index=last)
            first = last + 1
    if not found:
        raise FileRefused(FileProblem.UNSUPPORTED_FORMAT, "This is an archive without a spreadsheet in it.")


def _of_member(path: str, name: str, limits: Limits, meter: Meter) -> Iterator[RawSheet]:
    shown = name[:_LONGEST_NAME]
    try:
        kind = identify(path, limits)
    except FileRefused as refused:
        if refused.code not in _NO_SPREADSHEET:
            raise FileRefused(refused.code, f"{shown}: {refused.message}") from refused
        yield RawSheet(0, shown, False, iter(()), note=f"not read: {refused.message}")
        return
    if kind in (Kind.ZIP, Kind.GZIP):
        raise _nested(shown)
    for sheet in plain_sheets(path, PurePosixPath(name).name, kind, limits, meter):
        yield replace(sheet, name=f"{shown}/{sheet.name}")


def is_litter(name: str) -> bool:
    """What systems put beside people's files."""
    base = PurePosixPath(name.replace("\\", "/")).name
    return name.startswith("__MACOSX/") or base.startswith(".") or base.lower() in ("thumbs.db", "desktop.ini")


def fill(path: str, pieces: Iterable[bytes]) -> None:
    """Write pieces to a file. Raises FileRefused where the disk is full."""
    with Path(path).open("wb") as file:
        for piece in pieces:
            try:
                file.write(piece)
            except OSError as error:
                raise FileRefused(FileProblem.FILE_TOO_LARGE, "There is no room to unpack the file.") from error


def _nested(name: str) -> FileRefused:
    return FileRefused(FileProblem.UNSUPPORTED_FORMAT, f"{name} is an archive in an archive; unpack it first.")
