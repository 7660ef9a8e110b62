"""Decoding and resizing with Pillow alone: any format that we read, in the memory that was planned."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from chalicelib.imaging import bands, strips
from chalicelib.imaging.colour import range_of, to_srgb
from chalicelib.imaging.header import Header, open_image, refused
from chalicelib.imaging.model import Note
from chalicelib.imaging.plan import Plan
from chalicelib.imaging.sniff import Format
from chalicelib.imaging.tiff import Tag

if TYPE_CHECKING:
    from PIL.Image import Image

_MAY_LACK_ALPHA = (Format.BMP, Format.TGA)
"""Formats with files that leave the fourth byte at zero and mean nothing by it."""


def render(path: str, header: Header, plan: Plan) -> tuple[Image, list[Note]]:
    """The picture in its final size, upright, in sRGB or grey. Raises ImageRefused."""
    notes: list[Note] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = _small(path, header, plan, notes)
        except Exception as error:  # decoders raise whatever they like on broken files
            raise refused(path, header.format, error) from error
    image, profile_used = to_srgb(image, header.profile)
    if header.profile and not profile_used:
        notes.append(Note.PROFILE_IGNORED)
    elif header.mode == "CMYK" and not header.profile:
        notes.append(Note.PROFILE_ASSUMED)
    return image, notes


def upright(image: Image, orientation: int) -> Image:
    """Turned and mirrored as Exif says."""
    from PIL.Image import Transpose

    turn = {2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
            5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90}
    return image.transpose(turn[orientation]) if orientation in turn else image


def _small(path: str, header: Header, plan: Plan, notes: list[Note]) -> Image:
    if plan.level:
        image = bands.shrunk(strips.bands(plan.level), plan.level.size, plan.target)
        return upright(image, header.orientation)
    image = _decoded(path, header, plan)
    range_ = range_of(image)
    if range_:
        notes.append(Note.STRETCHED)
    size, pieces = image.size, bands.of_whole(image)
    del image  # it goes with its last piece, before the second direction is resized
    if header.format is Format.TIFF:  # Pillow has turned it while it loaded
        return bands.shrunk(pieces, size, plan.target[::-1] if header.orientation >= 5 else plan.target, range_)
    return upright(bands.shrunk(pieces, size, plan.target, range_), header.orientation)


def _decoded(path: str, header: Header, plan: Plan) -> Image:
    image = open_image(path, header.format)
    if plan.draft > 1 and header.format is Format.JPEG:
        image.draft(None, plan.target)
    if plan.draft > 1 and header.format is Format.JPEG2000:
        image.reduce = plan.draft.bit_length() - 1  # type: ignore[method-assign, assignment]
    image.load()
    if header.format is Format.TIFF and image.mode == "P":
        _mend_palette(image, header)
    if header.format in _MAY_LACK_ALPHA and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    return image



def _mend_palette(image: Image, header: Header) -> None:
    """Some writers put colours of 8 bits where 16 belong; taken at their word, the picture is black."""
    colours = header.pages[0].values(Tag.COLOUR_MAP)
    if colours and max(colours) < 256:
        third = len(colours) // 3
        image.putpalette(bytes(colours[channel * third + index] for index in range(third) for channel in range(3)))
