"""A copy of a zip archive in which some members have new content, and all others the very bytes they had.

`zipfile` can only add a member by compressing it; here one that is compressed already is moved as it is, which keeps
whatever it is and costs no more than copying a file.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from types import TracebackType
from typing import IO

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.archive import CHUNK
from chalicelib.tables.limits import MIB

_LOCAL = b"PK\x03\x04"
_LARGE = 256 * MIB
"""Members that were so large may grow beyond what a header without 64 bits can say."""
_COMPRESSION = 0x6
"""Flags that tell how a member was compressed; the others speak of encryption and of where sizes stand."""


class ArchiveCopy:
    """Writes `target` from `source`. Close after use; nothing of it is a zip archive before."""

    def __init__(self, source: str, target: str) -> None:
        self._source = Path(source).open("rb")  # noqa: SIM115 - closed by __exit__
        self._room = Path(source).stat().st_size
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> ArchiveCopy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()
        self._zip.close()

    def keep(self, info: zipfile.ZipInfo) -> None:
        """Move a member as it is. Raises FileRefused: CORRUPT_FILE, ARCHIVE_BOMB where members share their bytes."""
        self._room -= info.compress_size
        if self._room < 0:
            raise FileRefused(FileProblem.ARCHIVE_BOMB, "Members of the archive lie on top of each other.")
        self._seek(info)
        entry = _entry(info)
        entry.flag_bits = info.flag_bits & _COMPRESSION
        entry.CRC, entry.compress_size, entry.file_size = info.CRC, info.compress_size, info.file_size
        out = self._zip.fp
        assert out is not None
        out.seek(self._zip.start_dir)
        entry.header_offset = out.tell()
        out.write(entry.FileHeader())
        left = info.compress_size
        while left:
            piece = self._source.read(min(CHUNK, left))
            if not piece:
                raise FileRefused(FileProblem.CORRUPT_FILE, f"The part {info.filename} is cut short.")
            out.write(piece)
            left -= len(piece)
        self._zip.start_dir = out.tell()
        self._zip.filelist.append(entry)
        self._zip.NameToInfo[entry.filename] = entry

    def replace(self, info: zipfile.ZipInfo) -> IO[bytes]:
        """A file to write a member's new content to; close it before the next member."""
        entry = _entry(info)
        entry.compress_type = zipfile.ZIP_DEFLATED
        return self._zip.open(entry, "w", force_zip64=info.file_size > _LARGE)

    def _seek(self, info: zipfile.ZipInfo) -> None:
        """To the member's bytes; only its own header tells how long that header is."""
        if info.header_offset < 0:
            raise FileRefused(FileProblem.CORRUPT_FILE, f"The part {info.filename} is nowhere.")
        self._source.seek(info.header_offset)
        header = self._source.read(30)
        if len(header) < 30 or not header.startswith(_LOCAL):
            raise FileRefused(FileProblem.CORRUPT_FILE, f"The part {info.filename} is not where the archive says.")
        self._source.seek(sum(struct.unpack_from("<HH", header, 26)), 1)


def _entry(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The member's entry without sizes and without extra fields, which repeat them or hold times."""
    entry = zipfile.ZipInfo(info.filename, max(info.date_time, (1980, 1, 1, 0, 0, 0)))
    entry.compress_type = info.compress_type
    entry.comment = info.comment
    entry.create_system = info.create_system
    entry.create_version, entry.extract_version = info.create_version, info.extract_version
    entry.internal_attr, entry.external_attr = info.internal_attr, info.external_attr
    return entry
