"""How a picture will be decoded and what that takes, decided on its header: what would not fit is refused before.

Bytes a pixel come from peaks of fresh processes at 24 megapixels, which stayed at 0.3 to 0.9 of the estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.imaging import strips
from chalicelib.imaging.bands import kept_rows
from chalicelib.imaging.colour import SIMPLE
from chalicelib.imaging.header import Header
from chalicelib.imaging.model import MIB, ImageLimits, ImageProblem, ImageRefused, Size, fitted
from chalicelib.imaging.sniff import Format
from chalicelib.imaging.tiff import Directory, Tag

OVERHEAD = 48 * MIB
"""Buffers of decoder and encoder, and bands on their way."""
BANDS_BEYOND = 48 * MIB
"""A TIFF that takes more is decoded in strips where it can be."""
_STORED: Mapping[str, int] = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_STORED_ELSE = 4
_DECODER: Mapping[Format, float] = {
    Format.HEIF: 9.0, Format.AVIF: 8.0, Format.WEBP: 12.0, Format.GIF: 2.0, Format.PSD: 2.0, Format.ICNS: 8.0,
    Format.ICO: 8.0, Format.DDS: 5.0, Format.QOI: 8.0, Format.SGI: 4.0, Format.TGA: 1.0,
}
"""Bytes a pixel that a decoder takes beside what Pillow stores."""
_JPEG2000_SAMPLE = 5.5
_MICROSECONDS: Mapping[Format, float] = {
    Format.HEIF: 0.075, Format.AVIF: 0.1, Format.JPEG2000: 0.35, Format.WEBP: 0.06, Format.QOI: 2.0, Format.XBM: 1.0}
"""CPU a pixel. Formats that are not here decode a hundred million pixels in less than two seconds."""
_MICROSECONDS_ELSE = 0.018
_MICROSECONDS_OF_SCAN = 0.001
_COEFFICIENT = 2
_DRAFTS = (8, 4, 2)


@dataclass(frozen=True, slots=True)
class Plan:
    """`target` is the size before turning. `draft`: the decoder itself divides by it. `level`: a TIFF in strips."""

    target: Size
    draft: int = 1
    level: Directory | None = None
    memory: int = 0
    """Bytes that it will take at most, by estimate."""


def decide(header: Header, limits: ImageLimits) -> Plan:
    """How Pillow shall do it. Raises ImageRefused TOO_MANY_PIXELS."""
    target = fitted(header.size, limits.max_side)
    draft = next((each for each in _DRAFTS if _can_draft(header) and min(
        header.size[0] // target[0], header.size[1] // target[1]) >= each), 1)
    whole = _whole(header, draft)
    level = _level(header, target) if whole > BANDS_BEYOND else None
    memory = OVERHEAD + (strips.BAND_BYTES * 6 if level else whole) + _result(header, level, draft, target)
    check(header, limits, memory, draft)
    return Plan(target, draft, level, memory)


def check(header: Header, limits: ImageLimits, memory: int, draft: int = 1) -> None:
    """Raises ImageRefused TOO_MANY_PIXELS where pixels, memory (bytes) or time are beyond the limits."""
    seconds = _seconds(header, draft)
    if header.pixels > limits.max_pixels or memory > limits.memory_bytes or seconds > limits.seconds:
        raise ImageRefused(ImageProblem.TOO_MANY_PIXELS, pixels=header.pixels, needed_mib=memory // MIB,
                           needed_seconds=round(seconds, 1))


def coefficients(header: Header) -> int:
    """Bytes of a JPEG in several scans: all of its coefficients are held at once."""
    return int(header.pixels * header.samples * _COEFFICIENT) if header.scans > 1 else 0


def _can_draft(header: Header) -> bool:
    return header.format in (Format.JPEG, Format.JPEG2000)


def _whole(header: Header, draft: int) -> int:
    pixels = header.pixels / draft**2
    stored = _STORED.get(header.mode, _STORED_ELSE)
    decoder = _DECODER.get(header.format, 0.0)
    if header.format is Format.JPEG2000:
        decoder = _JPEG2000_SAMPLE * header.samples
    return int(pixels * (stored + decoder)) + coefficients(header)


def _result(header: Header, level: Directory | None, draft: int, target: Size) -> int:
    """The strip as wide as the result, the result, the result once more turned or in other colours, and coded."""
    size = level.size if level else (-(-header.size[0] // draft), -(-header.size[1] // draft))
    width = 1 if header.mode in ("1", "L", "LA", "I;16", "I;16B", "F", "I") else 4
    same = size == target and header.mode in SIMPLE
    strip = 0 if same else target[0] * kept_rows(size, target) * width
    return strip + target[0] * target[1] * (2 * width + 2)


def _level(header: Header, target: Size) -> Directory | None:
    """The smallest copy of the first page that is large enough and can be decoded in strips."""
    if header.mode in ("I", "F") or not header.pages:
        return None  # their range is known only at the end
    first, *others = header.pages
    copies = [page for page in others if page.is_reduced and _is_copy(page, first) and page.size[0] >= target[0]
              and page.size[1] >= target[1]]
    by_size = sorted([first, *copies], key=lambda page: page.size)
    return next((page for page in by_size if strips.layout(page)), None)


def _is_copy(page: Directory, first: Directory) -> bool:
    alike = all(page.values(tag) == first.values(tag) for tag in (
        Tag.PHOTOMETRIC, Tag.BITS, Tag.SAMPLES, Tag.SAMPLE_FORMAT))
    (width, height), (whole_width, whole_height) = page.size, first.size
    return alike and abs(width * whole_height - height * whole_width) <= max(whole_width, whole_height)


def _seconds(header: Header, draft: int) -> float:
    """Of decoding. A JPEG is gone over once a scan, at full size whatever the draft."""
    pace = _MICROSECONDS.get(header.format, _MICROSECONDS_ELSE)
    if header.format is Format.JPEG2000:
        pace /= draft**2
    return header.pixels * (pace + header.scans * _MICROSECONDS_OF_SCAN) * 1e-6
