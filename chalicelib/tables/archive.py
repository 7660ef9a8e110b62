"""A zip archive that cannot hurt: few members, counted inflation, damage told apart from deceit.

Sizes in a zip's directory are claims. Only bytes that really come out are counted, over all members together, which
also covers members that overlap.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.limits import Limits

CHUNK = 256 * 1024
_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"
_ENCRYPTED = 0x1


class Meter:
    """Counts what comes out of one dropped file, through all archives inside it, against its size."""

    def __init__(self, path: str, limits: Limits) -> None:
        self._limits = limits
        self._packed = max(Path(path).stat().st_size, 1)
        self._unpacked = 0

    def count(self, size: int) -> None:
        """`size` more bytes came out. Raises FileRefused ARCHIVE_BOMB when they are too many."""
        self._unpacked += size
        if self._unpacked > self._limits.max_unpacked_bytes:
            raise FileRefused(FileProblem.ARCHIVE_BOMB, unpacked=self._unpacked)
        if self._unpacked > self._limits.free_unpacked_bytes:
            ratio = self._unpacked // self._packed
            if ratio > self._limits.max_ratio:
                raise FileRefused(FileProblem.ARCHIVE_BOMB, unpacked=self._unpacked, ratio=ratio)


class Archive:
    """Members by name, ignoring case and the direction of slashes, as spreadsheet programs do. Close after use.

    `meter` goes on counting where an outer archive began; without one the count begins here.
    """

    def __init__(self, path: str, limits: Limits, meter: Meter | None = None) -> None:
        self._meter = meter or Meter(path, limits)
        _check_directory(path, limits)
        self._zip = _open(path)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            # The first of two names that differ by case is the one that Excel opens.
            self._infos.setdefault(_plain(info.filename), info)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._infos

    @property
    def names(self) -> list[str]:
        """Names in lower case with forward slashes."""
        return list(self._infos)

    @property
    def encrypted(self) -> bool:
        return any(info.flag_bits & _ENCRYPTED for info in self._infos.values())

    def chunks(self, name: str) -> Iterator[bytes]:
        """The member's bytes in pieces of up to `CHUNK`; its checksum is verified when the last piece is taken.

        Raises FileRefused: CORRUPT_FILE, ENCRYPTED_WORKBOOK, ARCHIVE_BOMB.
        """
        info = self._infos.get(_plain(name))
        if info is None:
            raise FileRefused(FileProblem.CORRUPT_FILE, f"The file lacks its part {name}.")
        return self.unpacked(info)

    @property
    def files(self) -> list[zipfile.ZipInfo]:
        """All members that are files, in the archive's order; names may come twice."""
        return [info for info in self._zip.infolist() if not info.is_dir()]

    def unpacked(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """As `chunks`, for one of `files`."""
        with self._open(info) as member:
            while chunk := _read(member, info.filename):
                self._meter.count(len(chunk))
                yield chunk

    def preview(self, name: str, most: int) -> Iterator[bytes]:
        """The member's bytes for a first look, uncounted; nothing where it is larger than `most`."""
        info = self._infos.get(_plain(name))
        if info is not None and info.file_size <= most:
            with self._open(info) as member:
                while chunk := _read(member, name):
                    yield chunk

    def read(self, name: str, most: int = 1024 * 1024) -> bytes:
        """The beginning of a member, `most` bytes at most."""
        parts: list[bytes] = []
        size = 0
        for chunk in self.chunks(name):
            parts.append(chunk)
            size += len(chunk)
            if size >= most:
                break
        return b"".join(parts)[:most]

    def _open(self, info: zipfile.ZipInfo) -> zipfile.ZipExtFile:
        if info.flag_bits & _ENCRYPTED:
            raise FileRefused(FileProblem.ENCRYPTED_WORKBOOK)
        try:
            return self._zip.open(info)  # type: ignore[return-value]
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            raise FileRefused(FileProblem.CORRUPT_FILE, f"The part {info.filename} cannot be unpacked.") from error


def _read(member: zipfile.ZipExtFile, name: str) -> bytes:
    try:
        return member.read(CHUNK)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise FileRefused(FileProblem.CORRUPT_FILE, f"The part {name} is damaged.") from error


def _open(path: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, struct.error, OSError, ValueError, EOFError) as error:
        raise FileRefused(FileProblem.CORRUPT_FILE) from error


def _check_directory(path: str, limits: Limits) -> None:
    """Read the directory's size before `zipfile` reads the directory into memory."""
    with Path(path).open("rb") as file:
        file.seek(max(0, Path(path).stat().st_size - 65_536 - 22 - 20))
        tail = file.read()
        at = tail.rfind(_END)
        if at < 0 or len(tail) < at + 22:
            raise FileRefused(FileProblem.CORRUPT_FILE, "The archive is cut short: its directory is missing.")
        size = int(struct.unpack_from("<L", tail, at + 12)[0])
        if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR64:
            file.seek(int(struct.unpack_from("<Q", tail, at - 12)[0]) & 0x7FFF_FFFF_FFFF_FFFF)
            record = file.read(56)
            if len(record) == 56 and record[:4] == _END64:
                size = int(struct.unpack_from("<Q", record, 40)[0])
    if size > limits.max_parts * 400:
        raise FileRefused(FileProblem.ARCHIVE_BOMB, f"The archive's directory has {size} bytes.")


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
