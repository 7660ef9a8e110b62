"""A camera's raw file by the preview that the camera put into it: what the photographer saw, without developing.

Most are TIFFs (DNG, NEF, CR2, ARW, PEF, ORF, RW2) whose directories point to whole JPEGs; RAF names its preview in a
header, and CR3 keeps it in a box of its own. The largest preview wins.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from chalicelib.imaging import jpeg, tiff
from chalicelib.imaging.model import MIB, ImageProblem, ImageRefused
from chalicelib.imaging.tiff import Directory, Tag

LEAST_SIDE = 320
"""A smaller preview is a thumbnail; nobody would take it for the picture."""
LARGEST_PREVIEW = 128 * MIB
_SENSOR = (32803, 34892)
"""Photometric interpretations of sensor data: colour filter array, linear raw (DNG 1.6)."""
_PREVIEW_TAG_OF_RW2 = 0x2E
_BOX_OF_CR3 = b"PRVW"


def is_raw(pages: Sequence[Directory]) -> bool:
    """Whether a TIFF holds a sensor's data and not a picture."""
    return Tag.DNG_VERSION in pages[0].entries or (pages[0].is_reduced and any(
        page.first(Tag.PHOTOMETRIC) in _SENSOR for page in pages)) or pages[0].first(Tag.PHOTOMETRIC) in _SENSOR


def preview(path: str) -> tuple[bytes, int]:
    """The largest preview, a JPEG, and the orientation that the file gives it. Raises ImageRefused NO_PREVIEW."""
    with Path(path).open("rb") as file:
        head = file.read(16)
    if head.startswith(b"FUJIFILM"):
        found, orientation = list(_of_raf(path)), 1
    elif head[4:8] == b"ftyp":
        found, orientation = list(_of_cr3(path)), 1
    elif head[:2] in (b"II", b"MM"):
        pages = _directories(path)
        found, orientation = list(_of_directories(path, pages)), pages[0].first(Tag.ORIENTATION, 1) if pages else 1
    else:
        found, orientation = [], 1
    best, size = b"", (0, 0)
    for data in found:
        seen = jpeg.frame_size(data)
        if seen and max(seen) > max(size):
            best, size = data, seen
    if max(size) < LEAST_SIDE:
        raise ImageRefused(ImageProblem.NO_PREVIEW)
    return best, orientation


def _directories(path: str) -> list[Directory]:
    try:
        return tiff.directories(path)
    except ImageRefused:
        return []


def _of_directories(path: str, pages: Sequence[Directory]) -> Iterator[bytes]:
    for page in pages:
        if _PREVIEW_TAG_OF_RW2 in page.entries and Tag.STRIP_OFFSETS not in page.entries:
            yield page.raw(_PREVIEW_TAG_OF_RW2)
        for where, size in ((Tag.JPEG_OFFSET, Tag.JPEG_BYTES), (Tag.STRIP_OFFSETS, Tag.STRIP_BYTES)):
            if len(page.values(where)) == len(page.values(size)) == 1:
                yield from _jpeg_at(path, page.first(where), page.first(size))


def _of_raf(path: str) -> Iterator[bytes]:
    with Path(path).open("rb") as file:
        file.seek(84)
        place = file.read(8)
    if len(place) == 8:
        yield from _jpeg_at(path, *struct.unpack(">II", place))


def _of_cr3(path: str) -> Iterator[bytes]:
    """The preview's box holds 16 bytes of its own before the JPEG; it stands before the sensor's data."""
    with Path(path).open("rb") as file:
        head = file.read(16 * MIB)
    at = head.find(_BOX_OF_CR3)
    start = head.find(b"\xff\xd8\xff", at, at + 64) if at >= 0 else -1
    if start >= 0:
        yield from _jpeg_at(path, start, int.from_bytes(head[at - 4:at], "big"))


def _jpeg_at(path: str, at: int, length: int) -> Iterator[bytes]:
    if not 0 < length <= LARGEST_PREVIEW:
        return
    with Path(path).open("rb") as file:
        file.seek(at)
        data = file.read(length)
    if data.startswith(b"\xff\xd8\xff"):
        yield data
