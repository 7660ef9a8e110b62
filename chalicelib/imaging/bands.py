"""A large picture made small band by band: never more of it at full width than a few megabytes.

Whole factors go first, by averaging, which costs one look at each pixel; what is left, two to three times, is done by a
bicubic filter in both directions. Each band is brought to its final width at once, so that all that is kept is a strip
as wide as the result. Twice the result's size is left to the filter because averaging alone is seen as stairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chalicelib.imaging.colour import Range, flat
from chalicelib.imaging.model import Size

if TYPE_CHECKING:
    from PIL.Image import Image

LEFT_TO_FILTER = 2
BAND_PIXELS = 2_000_000


def factors(size: Size, target: Size) -> Size:
    """By how much averaging may shrink, in width and height."""
    return tuple(max(1, int(whole / wanted / LEFT_TO_FILTER))  # type: ignore[return-value]
                 for whole, wanted in zip(size, target, strict=True))


def kept_rows(size: Size, target: Size) -> int:
    """Rows of the strip that is kept, as wide as the target."""
    return -(-size[1] // factors(size, target)[1])


def shrunk(bands: Iterable[Image], size: Size, target: Size, range_: Range | None = None) -> Image:
    """A flat picture of `target` size out of bands, top to bottom, that together have `size`."""
    from PIL import Image as Images

    across, down = factors(size, target)
    strip: Image | None = None
    rows = 0
    for band in _aligned((flat(each, range_) for each in bands), down):
        if (across, down) != (1, 1):
            band = band.reduce((across, down))
        if band.width != target[0]:
            band = band.resize((target[0], band.height), Images.Resampling.BICUBIC,
                               box=(0, 0, size[0] / across, band.height))
        if strip is None:
            strip = Images.new(band.mode, (target[0], kept_rows(size, target)), None)
        strip.paste(band, (0, rows))
        rows += band.height
    assert strip is not None
    if strip.height == target[1]:
        return strip
    return strip.resize(target, Images.Resampling.BICUBIC, box=(0, 0, target[0], size[1] / down))


def of_whole(image: Image) -> Iterator[Image]:
    """A decoded picture in bands, so that neither what changes its kind nor its resizing needs a second one."""
    height = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, height):
        yield image.crop((0, top, image.width, min(image.height, top + height)))


def _aligned(bands: Iterator[Image], step: int) -> Iterator[Image]:
    """The same rows in bands whose heights are multiples of `step`, but for the last."""
    from PIL import Image as Images

    waiting: Image | None = None
    for band in bands:
        if waiting is not None:
            joined = Images.new(band.mode, (band.width, waiting.height + band.height), None)
            joined.paste(waiting, (0, 0))
            joined.paste(band, (0, waiting.height))
            band, waiting = joined, None
        whole = band.height - band.height % step
        if whole < band.height:
            waiting = band.crop((0, whole, band.width, band.height))
            band = band.crop((0, 0, band.width, whole)) if whole else band
        if whole:
            yield band
    if waiting is not None:
        yield waiting
