"""A JPEG's segments (ITU-T T.81 annex B): how often its pixels are gone over, and what it says beside them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHUNK = 1024 * 1024
_START, _END, _SCAN, _APP0, _APP14, _COMMENT = 0xD8, 0xD9, 0xDA, 0xE0, 0xEE, 0xFE
_SEQUENTIAL = (0xC0, 0xC1)
_COMMON = frozenset((0xC0, 0xC1, 0xC2))
LOSSLESS_OR_ARITHMETIC = frozenset((0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
"""Frame headers of kinds that decoders for photographs do not take."""
_PARTS_OF_SCAN = {0x00, *range(0xD0, 0xD8), 0xFF}
"""After a 0xFF inside coded pixels: a stuffed zero, restart markers, fill."""


class Segment(NamedTuple):
    """A marker and its bytes with all; the coded pixels of a scan belong to its SOS."""

    marker: int
    data: bytes


def count_scans(path: str) -> int:
    """How often a decoder goes over the picture: once for a plain JPEG, ten times for a progressive one."""
    found, before = 0, b""
    with Path(path).open("rb") as file:
        while chunk := file.read(CHUNK):
            if not before and _all_in_first_scan(chunk):
                return 1
            found += (before + chunk).count(b"\xff\xda")
            before = chunk[-1:]
    return found


def with_exif(data: bytes, exif: bytes) -> bytes:
    """The JPEG with an Exif segment behind its JFIF header; `exif` begins with `Exif`, or is empty."""
    if not exif:
        return data
    at = 2
    if data[2:4] == b"\xff\xe0":
        at = 4 + int.from_bytes(data[4:6], "big")
    return data[:at] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[at:]


def bare(data: bytes) -> bytes | None:
    """The same coded pixels without places, times, profiles, previews and whatever follows the end.

    None where the segments are not in order; then pixels must be coded anew.
    """
    kept = [b"\xff\xd8"]
    for segment in _segments(data):
        if segment.marker == _END:
            return b"".join([*kept, b"\xff\xd9"])
        extra = _APP0 <= segment.marker <= 0xEF or segment.marker == _COMMENT
        if not extra or (segment.marker == _APP14 and segment.data[4:9] == b"Adobe") \
                or (segment.marker == _APP0 and segment.data[4:9] == b"JFIF\0"):
            kept.append(segment.data)
    return None


def frame_size(data: bytes) -> tuple[int, int] | None:
    """Width and height by the frame header of a JPEG that common decoders take (8 bits, Huffman), else None."""
    frame = _frame(data)
    if frame is None or frame.marker not in _COMMON or len(frame.data) < 10:
        return None
    depth, height, width = struct.unpack(">BHH", frame.data[4:9])
    return (width, height) if depth == 8 and width and height else None


def frame_kind(data: bytes) -> int:
    """The marker of the frame header, which says how pixels are coded; 0 where there is none."""
    frame = _frame(data)
    return frame.marker if frame else 0


def _all_in_first_scan(data: bytes) -> bool:
    """Whether the frame is sequential and the first scan holds all of its components: decoders stop behind it."""
    components = 0
    for segment in _segments(data):
        if segment.marker in _SEQUENTIAL and len(segment.data) > 9:
            components = segment.data[9]
        elif segment.marker == _SCAN:
            return 0 < components == segment.data[4]
    return False


def _frame(data: bytes) -> Segment | None:
    return next((each for each in _segments(data) if each.marker in _COMMON | LOSSLESS_OR_ARITHMETIC), None)


def _segments(data: bytes) -> Iterator[Segment]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _END:
            yield Segment(marker, b"")
            return
        end = at + 2 + int.from_bytes(data[at + 2:at + 4], "big")
        if marker == _SCAN:
            end = _end_of_scan(data, end)
        yield Segment(marker, data[at:end])
        at = end
    if data[at:at + 2] == b"\xff\xd9":
        yield Segment(_END, b"")


def _end_of_scan(data: bytes, at: int) -> int:
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in _PARTS_OF_SCAN:
            return at
        at += 1 if data[at + 1] == 0xFF else 2
    return len(data)
