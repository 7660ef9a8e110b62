"""The words of imaging: why a picture is refused, how much it may ask of us, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from chalicelib.errors import CodedError, Problem

MIB = 1024 * 1024
Size: TypeAlias = tuple[int, int]


class ImageProblem(Problem):
    """Codes for a file that cannot become a picture; they do not depend on who asks, so no retry helps."""

    EMPTY_FILE = "EMPTY_FILE", 422, "The file has no bytes."
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT", 422, "This is no picture, or of a kind that we do not read."
    NO_PREVIEW = "NO_PREVIEW", 422, "The camera's raw file holds no preview of use; export it as JPEG."
    CORRUPT_IMAGE = "CORRUPT_IMAGE", 422, "The picture is damaged."
    TRUNCATED_IMAGE = "TRUNCATED_IMAGE", 422, "The picture is cut short: its end is missing."
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS", 422, "The picture has more pixels than there is memory or time for."
    FILE_TOO_LARGE = "FILE_TOO_LARGE", 413, "The file is larger than the limit."


class ImageRefused(CodedError):
    """The file cannot become a picture; `code` is an `ImageProblem`."""


class Engine(StrEnum):
    """What decodes and resizes. AUTO: pyvips where it can be imported and does as well as Pillow, else Pillow."""

    AUTO = "auto"
    PILLOW = "pillow"
    VIPS = "vips"


class Note(StrEnum):
    """What a person may want to know of a picture that was made all the same."""

    FIRST_OF_MANY = "FIRST_OF_MANY"
    """The file has more frames or pages; the first one is shown."""
    PREVIEW_OF_RAW = "PREVIEW_OF_RAW"
    """The camera's own preview is shown, not the sensor's data developed."""
    PROFILE_IGNORED = "PROFILE_IGNORED"
    """The embedded ICC profile is broken or does not fit the pixels."""
    PROFILE_ASSUMED = "PROFILE_ASSUMED"
    """Inks (CMYK) without a profile: a common press was assumed."""
    STRETCHED = "STRETCHED"
    """The values have no agreed range (32 bits, floating point); darkest and brightest were made black and white."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a picture shall be and what making it may cost. Sizes are bytes unless the name says otherwise."""

    max_side: int = 3840
    quality: int = 85
    mozjpeg: bool = False
    """Encode as mozjpeg does where pyvips can: a quarter smaller or more, at twice the CPU. Else without effect."""
    memory_bytes: int = 1200 * MIB
    """Most that one picture may take beyond what the process has; estimated before anything is decoded."""
    max_pixels: int = 1_000_000_000
    max_bytes: int = 4096 * MIB
    seconds: float = 20.0
    """CPU that decoding may take by estimate, at the pace of one core of Lambda."""
    threads: int = 1
    """Of pyvips. One, when the caller works on as many pictures at once as it has cores."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG that was made. `engine` says which one decoded; `copied`: the source's own pixels, untouched."""

    width: int
    height: int
    source_format: str
    source_width: int
    source_height: int
    source_bytes: int
    bytes: int
    engine: Engine
    copied: bool = False
    notes: tuple[Note, ...] = ()


def fitted(size: Size, max_side: int) -> Size:
    """The size that fits a square of `max_side`, proportions kept, never enlarged, never below one pixel."""
    longest = max(size)
    if longest <= max_side:
        return size
    return _scaled(size[0], max_side, longest), _scaled(size[1], max_side, longest)


def _scaled(side: int, wanted: int, longest: int) -> int:
    return max(1, (2 * side * wanted + longest) // (2 * longest))
