"""Pixels of any kind as 8 bits a channel without transparency, and colours of any space as sRGB.

The order matters: what shows through is laid on white and 16 bits become 8 before resizing, strip by strip, so that no
second copy of a large picture exists; profiles are applied after it, when there are few pixels left.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.imaging import press

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageCms import ImageCmsTransform

SIMPLE = ("L", "RGB", "CMYK", "LAB")
"""Modes that can be resized as they are."""
_SIXTEEN = {"I;16": "L;16", "I;16L": "L;16", "I;16B": "L;16B", "I;16N": "L;16"}
_SPACES = {"L": "GRAY", "RGB": "RGB ", "CMYK": "CMYK", "LAB": "Lab "}
_SEEN_AS_EQUAL = 2
"""Levels of 255 by which a profile may differ from sRGB and still be taken for it."""
LARGEST_PROFILE = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Range:
    """Values that shall be black and white, of pixels whose kind does not say."""

    black: float
    white: float


def flat_mode(image: Image) -> str:
    """The mode that `flat` answers with."""
    if image.mode in SIMPLE and not image.has_transparency_data:
        return image.mode
    grey = image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode in _SIXTEEN
    return "L" if grey else "RGB"


def flat(image: Image, range_: Range | None = None) -> Image:
    """The same pixels in one of `SIMPLE`, what is transparent on white."""
    if image.mode in _SIXTEEN:
        return _high_bytes(image)
    if image.mode in ("I", "F"):
        return _stretched(image, range_ or Range(0.0, 65535.0))
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in SIMPLE:
        return image
    return image.convert(flat_mode(image))


def range_of(image: Image) -> Range | None:
    """What to make black and white in a picture whose values have no agreed range; None where they have one."""
    if image.mode not in ("I", "F"):
        return None
    low, high = (float(each) for each in _extrema(image))
    if image.mode == "F" and low >= 0.0 and high <= 1.0:
        return Range(0.0, 1.0)
    if low >= 0.0 and high <= 255.0:
        return Range(0.0, 255.0)
    if image.mode == "I" and low >= 0.0 and high <= 65535.0:
        return Range(0.0, 65535.0)
    return Range(low, high if high > low else low + 1.0)


def to_srgb(image: Image, profile: bytes) -> tuple[Image, bool]:
    """A flat picture as sRGB (`L` stays grey); and whether the profile, where there is one, was of use."""
    usable = _matches(image, profile)
    if image.mode == "CMYK" and not usable:
        profile = press.profile()
    if usable or image.mode == "CMYK":
        try:
            return _applied(image, profile), usable
        except Exception:  # what littlecms makes of a broken profile is its own affair
            usable = False
    if image.mode == "LAB":
        return _applied(image, b"LAB"), not profile
    if image.mode == "CMYK":
        return _applied(image, press.profile()), False
    return image, usable or not profile


def is_srgb(profile: bytes, mode: str) -> bool:
    """Whether a profile says of colours what sRGB says, so that nothing need be done. False for a broken one."""
    try:
        return _transform(profile, mode) is None
    except Exception:
        return False


def _high_bytes(image: Image) -> Image:
    """Of 16 bits the upper 8; Pillow's own conversion cuts values above 255 to white."""
    from PIL import Image as Images

    return Images.frombytes("L", image.size, image.tobytes(), "raw", _SIXTEEN[image.mode])


def _stretched(image: Image, range_: Range) -> Image:
    scale = 255.0 / (range_.white - range_.black)
    offset = -range_.black * scale
    wide = image if image.mode == "F" else image.convert("F")
    return wide.point(lambda value: value * scale + (offset + 0.5)).convert("L")


def _on_white(image: Image) -> Image:
    from PIL import Image as Images

    grey = image.mode in ("1", "L", "LA", "La")
    seen = image.convert("LA" if grey and image.mode != "La" else "RGBA")
    whole = Images.new(flat_mode(image), seen.size, "white")
    whole.paste(seen.convert(whole.mode), mask=seen.getchannel("A"))
    return whole


def _extrema(image: Image) -> tuple[Any, Any]:
    low, high = image.getextrema()
    finite = all(isinstance(each, (int, float)) and math.isfinite(each) for each in (low, high))
    return (low, high) if finite else (0.0, 1.0)


def _matches(image: Image, profile: bytes) -> bool:
    return 128 < len(profile) <= LARGEST_PROFILE and profile[16:20].decode("latin-1") == _SPACES[image.mode]


def _applied(image: Image, profile: bytes) -> Image:
    from PIL import ImageCms

    transform = _transform(profile, image.mode)
    if transform is None:
        return image
    done = ImageCms.applyTransform(image, transform)
    assert done is not None
    return done.getchannel("G") if image.mode == "L" else done


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """From a profile to sRGB, None when that changes nothing. Raises PIL.ImageCms.PyCMSError."""
    from PIL import Image as Images
    from PIL import ImageCms

    source = ImageCms.createProfile("LAB") if profile == b"LAB" else ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB",
                                        renderingIntent=ImageCms.Intent.PERCEPTUAL)
    if mode not in ("L", "RGB"):
        return transform
    probe = Images.frombytes(mode, _PROBE[mode][0], _PROBE[mode][1])
    seen = ImageCms.applyTransform(probe, transform)
    assert seen is not None
    same = zip(probe.convert("RGB").tobytes(), seen.tobytes(), strict=True)
    return None if all(abs(before - after) <= _SEEN_AS_EQUAL for before, after in same) else transform


_STEPS = range(0, 256, 51)
_PROBE = {"L": ((256, 1), bytes(range(256))),
          "RGB": ((36, 6), bytes(level for r in _STEPS for g in _STEPS for b in _STEPS for level in (r, g, b)))}
"""Colours that stand for all when a profile is compared with sRGB."""
