"""The directories of a TIFF (TIFF 6.0, BigTIFF), read by hand: before a library spends memory on them, and to find
reduced copies of the picture, a camera's previews, and the strips or tiles that can be decoded one by one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from chalicelib.imaging.model import ImageProblem, ImageRefused, Size

MOST_VALUES = 4_000_000
"""Of one tag. A picture of a billion pixels in tiles of 16 by 16 has as many."""
MOST_ENTRIES = 4096
MOST_DIRECTORIES = 256
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}


class Tag(IntEnum):
    """Those that we look at ourselves."""

    KIND = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTES = 279
    PLANAR = 284
    COLOUR_MAP = 320
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    SUBDIRECTORIES = 330
    SAMPLE_FORMAT = 339
    JPEG_OFFSET = 513
    JPEG_BYTES = 514
    SUBSAMPLING = 530
    DNG_VERSION = 50706


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag as it stands in the file: where its values are, not yet read."""

    type: int
    count: int
    at: int


@dataclass(frozen=True, slots=True)
class Directory:
    """One picture of the file. `order` is struct's byte order."""

    path: str
    order: str
    entries: Mapping[int, Entry]

    @property
    def size(self) -> Size:
        return self.first(Tag.WIDTH), self.first(Tag.HEIGHT)

    @property
    def is_reduced(self) -> bool:
        return bool(self.first(Tag.KIND) & 1)

    def ends_beyond(self) -> bool:
        """Whether strips or tiles lie where the file has ended."""
        end = os.stat(self.path).st_size  # noqa: PTH116
        return any(at + length > end for where, size in (
            (Tag.STRIP_OFFSETS, Tag.STRIP_BYTES), (Tag.TILE_OFFSETS, Tag.TILE_BYTES))
            for at, length in zip(self.values(where), self.values(size), strict=False))

    def first(self, tag: int, default: int = 0) -> int:
        return next(iter(self.values(tag)), default)

    def values(self, tag: int) -> tuple[int, ...]:
        """Whole numbers of a tag, none where it is absent or of another type. Raises ImageRefused."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _CODES:
            return ()
        return struct.unpack(f"{self.order}{entry.count}{_CODES[entry.type]}", self.raw(tag))

    def raw(self, tag: int) -> bytes:
        """The bytes of a tag's values. Raises ImageRefused."""
        entry = self.entries[tag]
        with Path(self.path).open("rb") as file:
            return _read(file, entry.at, entry.count * _SIZES[entry.type])


def directories(path: str) -> list[Directory]:
    """All pictures of a TIFF: each page, followed by what lies below it. Raises ImageRefused when there is none."""
    with Path(path).open("rb") as file:
        found = list(_walk(path, file))
    if not found:
        raise ImageRefused(ImageProblem.CORRUPT_IMAGE)
    return found


def _walk(path: str, file: BinaryIO) -> Iterator[Directory]:
    head = _read(file, 0, 8)
    order = "<" if head[:2] == b"II" else ">"
    big = struct.unpack(f"{order}H", head[2:4])[0] == 43
    first = struct.unpack(f"{order}Q", _read(file, 8, 8))[0] if big else struct.unpack(f"{order}I", head[4:])[0]
    waiting, seen = [first], {0}
    while waiting and len(seen) <= MOST_DIRECTORIES:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        try:
            directory, following = _directory(path, file, order, at, big=big)
            below = list(directory.values(Tag.SUBDIRECTORIES))
        except ImageRefused:
            if len(seen) == 2:
                raise
            continue  # a broken second page is no reason to refuse the first
        yield directory
        waiting += [following, *reversed(below[:MOST_DIRECTORIES])]


def _directory(path: str, file: BinaryIO, order: str, at: int, *, big: bool) -> tuple[Directory, int]:
    count_code, entry_code, room = ("Q", "HHQQ", 8) if big else ("H", "HHII", 4)
    begin = at + struct.calcsize(f"={count_code}")
    [count] = struct.unpack(f"{order}{count_code}", _read(file, at, begin - at))
    if not 0 < count <= MOST_ENTRIES:
        raise ImageRefused(ImageProblem.CORRUPT_IMAGE)
    step = struct.calcsize(f"={entry_code}")
    table = _read(file, begin, count * step)
    entries: dict[int, Entry] = {}
    for number in range(count):
        tag, type_, values, where = struct.unpack_from(f"{order}{entry_code}", table, number * step)
        size = values * _SIZES.get(type_, 0)
        if not size:
            continue
        if (values > MOST_VALUES and tag in tuple(Tag)) or size > _most_bytes(tag):
            raise ImageRefused(ImageProblem.CORRUPT_IMAGE, tag=tag, values=values)
        entries[tag] = Entry(type_, values, begin + (number + 1) * step - room if size <= room else where)
    end = begin + count * step
    file.seek(end)
    rest = file.read(room)
    following = int.from_bytes(rest, "little" if order == "<" else "big") if len(rest) == room else 0
    return Directory(path, order, entries), following


def _most_bytes(tag: int) -> int:
    return MOST_VALUES * 8 if tag in tuple(Tag) else 64 * 1024 * 1024


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    if at >= 1 << 62:
        raise ImageRefused(ImageProblem.CORRUPT_IMAGE)
    file.seek(at)
    data = file.read(length)
    if len(data) < length:
        raise ImageRefused(ImageProblem.TRUNCATED_IMAGE)
    return data
