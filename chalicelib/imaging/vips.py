"""Decoding and resizing with libvips where it can be imported: half of Pillow's time and memory.

Only for formats and pixels that it treats as well as Pillow does, and only when there is something to shrink: it cannot
read HEIC, LAB or floating point as built for PyPI. The loader is named, never guessed from a hostile file.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.imaging.colour import is_srgb
from chalicelib.imaging.header import Header, refused
from chalicelib.imaging.model import MIB, ImageLimits, Size
from chalicelib.imaging.plan import check, coefficients
from chalicelib.imaging.sniff import Format

if TYPE_CHECKING:
    from PIL.Image import Image

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I;16B")
_LOADERS: Mapping[Format, str] = {Format.JPEG: "jpegload", Format.PNG: "pngload", Format.WEBP: "webpload",
                                  Format.TIFF: "tiffload"}
_OVERHEAD = 160 * MIB
_WHOLE: Mapping[Format, float] = {Format.WEBP: 8.0}
_INTERLACED = 8.0
"""Bytes a pixel of what has to be decoded whole."""


@cache
def library() -> Any:
    """The module `pyvips`, or None where it cannot be had."""
    try:
        found = importlib.import_module("pyvips")
    except Exception:  # also OSError, when the module is there and libvips is not
        return None
    found.cache_set_max(0)  # every picture is another one
    logging.getLogger("pyvips").setLevel(logging.ERROR)  # it warns of each odd tag of each file
    return found


def suits(header: Header, target: Size) -> bool:
    """Whether libvips shall do it, where there is a choice."""
    return header.format in _LOADERS and header.mode in _MODES and target != header.size \
        and not (header.mode == "CMYK" and header.profile[16:20] != b"CMYK")


def render(path: str, header: Header, target: Size, limits: ImageLimits) -> tuple[bytes, Size]:
    """The coded JPEG and its size. `target` is the size before turning. Raises ImageRefused."""
    needed = _OVERHEAD + coefficients(header) + int(header.pixels * (
        _INTERLACED if header.interlaced and header.format is Format.PNG else _WHOLE.get(header.format, 0.0)))
    check(header, limits, needed)
    vips = library()
    vips.concurrency_set(limits.threads)
    try:
        image = _small(vips, path, header, target)
        data = _coded(image, limits)
    except vips.Error as error:
        raise refused(path, header.format, error) from error
    return data, (image.width, image.height)


def encode(image: Image, limits: ImageLimits) -> bytes:
    """A flat picture that Pillow has made, coded by libvips, whose encoder can be mozjpeg."""
    pixels = library().Image.new_from_memory(image.tobytes(), *image.size, len(image.getbands()), "uchar")
    grey = len(image.getbands()) == 1
    return _coded(pixels.copy(interpretation="b-w" if grey else "srgb"), limits)


def _small(vips: Any, path: str, header: Header, target: Size) -> Any:
    width, height = (target[1], target[0]) if header.orientation >= 5 else target
    options: dict[str, Any] = {"height": height, "size": "force", "fail_on": "truncated", "intent": "perceptual"}
    profiled = header.profile and not is_srgb(header.profile, "L" if header.mode[0] in "L1I" else header.mode)
    if profiled or header.mode == "CMYK":
        options["output_profile"] = "srgb"
    image = vips.Image.thumbnail(path, width, **options)
    if image.hasalpha():
        image = image.flatten(background=255)
    grey = image.bands == 1 or header.mode in ("1", "L", "LA", "I;16", "I;16B")
    return image.colourspace("b-w" if grey else "srgb").cast("uchar")


def _coded(image: Any, limits: ImageLimits) -> bytes:
    smaller = {"trellis_quant": True, "overshoot_deringing": True, "optimize_scans": True, "quant_table": 3}
    data: bytes = image.jpegsave_buffer(Q=limits.quality, interlace=True, optimize_coding=True, keep="none",
                                        **(smaller if limits.mozjpeg else {}))
    return data
