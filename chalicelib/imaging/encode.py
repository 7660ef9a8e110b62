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
LOWER = (75, 65, 50)
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
    if (data := _as_fine_as(path, image)) and len(data) <= room:
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


def _as_fine_as(path: str, image: Image) -> bytes:
    source: Any = open_image(path, Format.JPEG)
    with source:
        from PIL import JpegImagePlugin

        tables = source.quantization
        sampling = JpegImagePlugin.get_sampling(source)
    if image.mode == "L":
        return _save(image, qtables={0: tables[0]} if 0 in tables else tables)
    return _save(image, qtables=tables, subsampling=sampling) if len(tables) <= 2 and sampling >= 0 else b""


def _save(image: Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        image.save(buffer, "JPEG", progressive=True, optimize=True, **options)
    except (OSError, ValueError):  # tables that an encoder refuses
        return b""
    return buffer.getvalue()
