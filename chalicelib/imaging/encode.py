"""Pixels as a JPEG for the web, and never a larger one than the JPEG they came from."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.imaging import jpeg, vips
from chalicelib.imaging.colour import is_srgb
from chalicelib.imaging.header import Header, open_image
from chalicelib.imaging.model import MIB, Engine, ImageLimits
from chalicelib.imaging.sniff import Format

if TYPE_CHECKING:
    from PIL.Image import Image

COPIED_UP_TO = 64 * MIB
"""Of a source that fits; what is larger holds much more than its picture, and coding it anew will be smaller."""
LOWER = (75, 65, 50, 40, 30)
MOST_CODED = 4
"""Bytes of a coded pixel. Address space, not memory: what is not written is never touched."""
DRAWING_PIXELS = 1_000_000
_PHOTOGRAPHS = (Format.JPEG, Format.HEIF, Format.AVIF, Format.RAW)
"""Formats that hold photographs. In others, and small, there are icons and text, whose edges are of colour."""


def coded(image: Image, header: Header, limits: ImageLimits, engine: Engine) -> bytes:
    """A progressive JPEG with optimal tables; a small drawing keeps its colours at full resolution."""
    drawing = header.format not in _PHOTOGRAPHS and header.pixels <= DRAWING_PIXELS
    if limits.mozjpeg and not drawing and engine is not Engine.PILLOW and vips.library():
        return vips.encode(image, limits)
    return _save(image, quality=limits.quality, subsampling=0 if drawing else 2)


def no_larger(path: str, header: Header, image: Image, data: bytes, room: int) -> tuple[bytes, bool]:
    """`data`, or something for it that has at most `room` bytes; and whether those are the source's own pixels.

    Tried in turn: the source's own tables of quantisation, which lose nothing again; the source itself without what
    stands beside its pixels, when they need no change; lower qualities. The last of them stands if all are larger.
    """
    if len(data) <= room:
        return data, False
    untouched = _untouched(header)
    if (data := _as_fine_as(path, image, turned=header.orientation >= 5)) and len(data) <= room:
        return data, False
    if untouched and room <= COPIED_UP_TO and (own := jpeg.bare(Path(path).read_bytes())) and len(own) <= room:
        return own, True
    for quality in LOWER:
        data = _save(image, quality=quality)
        if len(data) <= room:
            break
    return data, False


def _untouched(header: Header) -> bool:
    plain = not header.profile or is_srgb(header.profile, header.mode)
    return header.orientation == 1 and header.mode in ("L", "RGB") and plain


def _as_fine_as(path: str, image: Image, *, turned: bool) -> bytes:
    source: Any = open_image(path, Format.JPEG)
    with source:
        from PIL import JpegImagePlugin

        tables = {number: _turned(table) for number, table in source.quantization.items()} if turned \
            else source.quantization
        sampling = JpegImagePlugin.get_sampling(source)
    if image.mode == "L":
        return _save(image, qtables={0: tables[0]} if 0 in tables else tables)
    return _save(image, qtables=tables, subsampling=sampling) if len(tables) <= 2 and sampling >= 0 else b""


def _turned(table: list[int]) -> list[int]:
    """Steps for waves across become those for waves down."""
    return [table[place % 8 * 8 + place // 8] for place in range(64)]


def _save(image: Image, **options: Any) -> bytes:
    """Empty when the encoder refuses the source's tables."""
    from PIL import ImageFile

    buffer = io.BytesIO()
    # A progressive JPEG leaves the encoder in one piece; Pillow's guess of a byte a pixel is too small for noise.
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, MOST_CODED * image.width * image.height)
    try:
        image.save(buffer, "JPEG", progressive=True, optimize=True, **options)
    except (OSError, ValueError):
        if "quality" in options:
            raise
        return b""
    return buffer.getvalue()
