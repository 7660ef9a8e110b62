"""A TIFF decoded strip by strip, or row of tiles by row of tiles, in memory that does not grow with the picture.

Pillow decodes a TIFF whole. Strips are coded independently of each other (TIFF 6.0, section 3), so each group of them
is given to it as a small TIFF of its own: the same tags, fewer rows.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from chalicelib.imaging.model import MIB, ImageProblem, ImageRefused
from chalicelib.imaging.tiff import Directory, Tag

if TYPE_CHECKING:
    from PIL.Image import Image

BAND_BYTES = 8 * MIB
"""Of samples, decoded. Smaller bands cost time, larger ones memory."""
LARGEST_BAND = 96 * MIB
_COPIED = (258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 332, 338, 339, 347, 530, 532)
"""Tags that say how samples are coded; no orientation, as it is the whole that is turned."""
_UNCOMPRESSED, _OLD_JPEG = 1, 6


@dataclass(frozen=True, slots=True)
class Layout:
    """How a picture is cut: pieces (strips, or tiles across) of so many rows, for each of its planes."""

    pieces: int
    rows: int
    planes: int
    row_bytes: int
    """Of one plane of one piece, uncompressed."""
    can_cut: bool
    """Its rows are where arithmetic says, so that a strip of any height can be read in parts."""


def layout(directory: Directory) -> Layout | None:
    """None where the picture cannot be decoded in parts, within bounds."""
    width, height = directory.size
    tiled = Tag.TILE_WIDTH in directory.entries
    across = directory.first(Tag.TILE_WIDTH) if tiled else width
    rows = directory.first(Tag.TILE_HEIGHT) if tiled else directory.first(Tag.ROWS_PER_STRIP, height)
    compression = directory.first(Tag.COMPRESSION, _UNCOMPRESSED)
    if min(width, height, across, rows) < 1 or compression == _OLD_JPEG:
        return None
    rows = rows if tiled else min(rows, height)
    samples = directory.first(Tag.SAMPLES, 1)
    planes = samples if directory.first(Tag.PLANAR, 1) == 2 else 1
    bits = sum(directory.values(Tag.BITS)) or 1
    bits = bits if len(directory.values(Tag.BITS)) == samples else directory.first(Tag.BITS, 1) * samples
    row_bytes = -(-across * bits // planes // 8)
    pieces = -(-width // across)
    sampled = Tag.SUBSAMPLING in directory.entries or directory.first(Tag.PHOTOMETRIC) == 6
    can_cut = compression == _UNCOMPRESSED and not tiled and not sampled
    needed = pieces * planes * -(-height // rows)
    if len(directory.values(_where(directory)[0])) < needed or len(directory.values(_where(directory)[1])) < needed:
        return None
    if not can_cut and rows * row_bytes * pieces * planes > LARGEST_BAND:
        return None
    return Layout(pieces, rows, planes, row_bytes, can_cut)


def bands(directory: Directory, *, band_bytes: int = BAND_BYTES) -> Iterator[Image]:
    """The picture top to bottom, in bands of about so many bytes.

    Raises ImageRefused for strips that are not there, and what Pillow raises.
    """
    cut = layout(directory)
    assert cut is not None
    offsets, sizes = (directory.values(tag) for tag in _where(directory))
    with Path(directory.path).open("rb") as file:
        for rows, piece_rows, pieces in _groups(directory, cut, offsets, sizes, band_bytes):
            yield _decoded(_small(directory, rows, piece_rows, [_piece(file, *each) for each in pieces]))


def _where(directory: Directory) -> tuple[Tag, Tag]:
    return (Tag.TILE_OFFSETS, Tag.TILE_BYTES) if Tag.TILE_WIDTH in directory.entries \
        else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTES)


def _groups(
    directory: Directory, cut: Layout, offsets: Sequence[int], sizes: Sequence[int], band_bytes: int,
) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Rows of a band, rows of each of its pieces, and where those are: plane by plane, as a TIFF wants them."""
    height = directory.size[1]
    levels = -(-height // cut.rows)
    a_row = cut.row_bytes * cut.pieces * cut.planes
    if cut.can_cut and cut.rows * a_row > band_bytes:
        step = max(1, band_bytes // a_row)
        for level in range(levels):
            inside = min(cut.rows, height - level * cut.rows)
            for top in range(0, inside, step):
                rows = min(step, inside - top)
                yield rows, rows, [(offsets[plane * levels + level] + top * cut.row_bytes, rows * cut.row_bytes)
                                   for plane in range(cut.planes)]
        return
    step = max(1, band_bytes // (cut.rows * a_row))
    for level in range(0, levels, step):
        last = min(levels, level + step)
        rows = min(height, last * cut.rows) - level * cut.rows
        yield rows, cut.rows, [(offsets[at], sizes[at]) for plane in range(cut.planes) for at in
                               range((plane * levels + level) * cut.pieces, (plane * levels + last) * cut.pieces)]


def _piece(file: BinaryIO, at: int, length: int) -> bytes:
    if length > LARGEST_BAND or at >= 1 << 62:
        raise ImageRefused(ImageProblem.CORRUPT_IMAGE)
    file.seek(at)
    data = file.read(length)
    if len(data) < length:
        raise ImageRefused(ImageProblem.TRUNCATED_IMAGE)
    return data


def _decoded(data: bytes) -> Image:
    from PIL import TiffImagePlugin

    image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    image.load()
    return image


def _small(directory: Directory, rows: int, piece_rows: int, pieces: Sequence[bytes]) -> bytes:
    order, tiled = directory.order, Tag.TILE_WIDTH in directory.entries
    longs: dict[int, list[int]] = {Tag.WIDTH: [directory.size[0]], Tag.HEIGHT: [rows]}
    if tiled:
        longs[Tag.TILE_WIDTH], longs[Tag.TILE_HEIGHT] = [directory.first(Tag.TILE_WIDTH)], [piece_rows]
    else:
        longs[Tag.ROWS_PER_STRIP] = [piece_rows]
    where, size = _where(directory)
    longs[size] = [len(each) for each in pieces]
    longs[where] = [0] * len(pieces)
    copied = {tag: directory.entries[tag] for tag in _COPIED if tag in directory.entries}
    tags = sorted([*longs, *copied])
    values_at = 8 + 2 + 12 * len(tags) + 4
    sizes = {tag: len(directory.raw(tag)) if tag in copied else 4 * len(longs[tag]) for tag in tags}
    data_at = values_at + sum(size + size % 2 for size in sizes.values() if size > 4)
    longs[where] = _running(data_at, longs[size])
    table, values = b"", b""
    for tag in tags:
        raw = directory.raw(tag) if tag in copied else struct.pack(f"{order}{len(longs[tag])}I", *longs[tag])
        type_, count = (copied[tag].type, copied[tag].count) if tag in copied else (4, len(longs[tag]))
        place = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(f"{order}I", values_at + len(values))
        table += struct.pack(f"{order}HHI", tag, type_, count) + place
        values += raw + b"\0" * (len(raw) % 2) if len(raw) > 4 else b""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return b"".join([head, table, bytes(4), values, *pieces])


def _running(start: int, lengths: Sequence[int]) -> list[int]:
    found = []
    for length in lengths:
        found.append(start)
        start += length
    return found
