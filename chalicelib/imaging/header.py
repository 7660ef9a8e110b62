"""What a file says of its picture before a pixel is decoded: size, kind of pixels, profile, orientation, credits."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.imaging import tiff
from chalicelib.imaging.colour import LARGEST_PROFILE
from chalicelib.imaging.credits import Credits, credits_of
from chalicelib.imaging.jpeg import LOSSLESS_OR_ARITHMETIC, count_scans, frame_kind
from chalicelib.imaging.model import ImageProblem, ImageRefused, Size
from chalicelib.imaging.sniff import LOOK_AT, Format, is_cut_short
from chalicelib.imaging.tiff import Directory, Tag

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 0x0112
_PLUGINS: Mapping[Format, str] = {
    Format.JPEG: "JpegImagePlugin", Format.PNG: "PngImagePlugin", Format.GIF: "GifImagePlugin",
    Format.WEBP: "WebPImagePlugin", Format.TIFF: "TiffImagePlugin", Format.BMP: "BmpImagePlugin",
    Format.AVIF: "AvifImagePlugin", Format.JPEG2000: "Jpeg2KImagePlugin", Format.PPM: "PpmImagePlugin",
    Format.PSD: "PsdImagePlugin", Format.ICO: "IcoImagePlugin", Format.CUR: "CurImagePlugin",
    Format.ICNS: "IcnsImagePlugin", Format.PCX: "PcxImagePlugin", Format.SGI: "SgiImagePlugin",
    Format.QOI: "QoiImagePlugin", Format.DDS: "DdsImagePlugin", Format.FLI: "FliImagePlugin",
    Format.XBM: "XbmImagePlugin", Format.TGA: "TgaImagePlugin",
}


@dataclass(frozen=True, slots=True)
class Header:
    """`size` is as stored, before turning by `orientation` (Exif: 1 to 8). `mode` is Pillow's word."""

    format: Format
    size: Size
    mode: str
    orientation: int = 1
    profile: bytes = b""
    credits: Credits = field(default_factory=Credits)
    frames: int = 1
    scans: int = 1
    samples: float = 3.0
    """Samples a pixel that a JPEG codes: 1.5 with colours at half the resolution both ways."""
    interlaced: bool = False
    transparent: bool = False
    pages: tuple[Directory, ...] = ()

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]

    @property
    def upright_size(self) -> Size:
        return (self.size[1], self.size[0]) if self.orientation >= 5 else self.size


def open_image(path: str, kind: Format) -> Image:
    """The picture as Pillow opens it, pixels still in the file. Raises ImageRefused."""
    from PIL import Image as Images

    Images.MAX_IMAGE_PIXELS = None  # it counts pixels; what we have is bytes, and they are counted before decoding
    try:
        if kind is Format.HEIF:
            importlib.import_module("pi_heif").register_heif_opener(thumbnails=False)
        else:
            importlib.import_module(f"PIL.{_PLUGINS[kind]}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Images.open(path, formats=(kind.value,))
    except Exception as error:  # decoders raise whatever they like on broken files
        raise refused(path, kind, error) from error


def refused(path: str, kind: Format, error: BaseException) -> ImageRefused:
    """What to call a decoder's failure."""
    if isinstance(error, ImageRefused):
        return error
    if isinstance(error, MemoryError):
        return ImageRefused(ImageProblem.TOO_MANY_PIXELS)
    if _is_another_kind(path, kind, error):
        return ImageRefused(ImageProblem.UNSUPPORTED_FORMAT, f"The file is a kind of {kind} that we do not read.")
    cut = is_cut_short(path, kind)
    return ImageRefused(ImageProblem.TRUNCATED_IMAGE if cut else ImageProblem.CORRUPT_IMAGE, cause=type(error).__name__)


def _is_another_kind(path: str, kind: Format, error: BaseException) -> bool:
    """Whether the file may be sound and just not for our decoders."""
    from PIL import UnidentifiedImageError

    if kind is Format.JPEG:
        with Path(path).open("rb") as file:
            return frame_kind(file.read(LOOK_AT)) in LOSSLESS_OR_ARITHMETIC
    unread = isinstance(error, UnidentifiedImageError) and kind in (Format.TIFF, Format.HEIF)
    return isinstance(error, NotImplementedError) or (unread and not is_cut_short(path, kind))


def read_header(path: str, kind: Format) -> Header:
    """All that deciding needs. Raises ImageRefused."""
    pages = tuple(tiff.directories(path)) if kind is Format.TIFF else ()
    if pages:
        _check(pages[0])
    with open_image(path, kind) as image:
        if min(image.size) < 1:
            raise ImageRefused(ImageProblem.CORRUPT_IMAGE)
        profile = image.info.get("icc_profile")
        size = pages[0].size if pages else image.size
        return Header(
            format=kind, size=size, mode=image.mode, orientation=_orientation(image),
            profile=profile if isinstance(profile, bytes) and len(profile) <= LARGEST_PROFILE else b"",
            credits=credits_of(image), frames=_frames(image), pages=pages,
            scans=count_scans(path) if kind is Format.JPEG else 1,
            samples=_samples(image), interlaced=bool(image.info.get("interlace")),
            transparent=image.has_transparency_data)


def _check(page: Directory) -> None:
    """What decoders are too patient with."""
    if min(page.size) < 1:
        raise ImageRefused(ImageProblem.CORRUPT_IMAGE)
    if page.ends_beyond():
        raise ImageRefused(ImageProblem.TRUNCATED_IMAGE)
    if _is_misread(page):
        raise ImageRefused(ImageProblem.UNSUPPORTED_FORMAT, f"The file is a kind of {Format.TIFF} that we do not read.")


def _is_misread(page: Directory) -> bool:
    """Luma and chroma in planes of their own, not as JPEG: Pillow shows stripes."""
    return page.first(Tag.PHOTOMETRIC) == 6 and page.first(Tag.PLANAR, 1) == 2 and page.first(Tag.COMPRESSION) != 7


def _orientation(image: Image) -> int:
    try:
        found: Any = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken Exif block says nothing
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _frames(image: Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # the later frames of a broken file are not our concern
        return 1


def _samples(image: Image) -> float:
    layers = getattr(image, "layer", None)
    if not layers:
        return float(len(image.getbands()))
    widest, tallest = (max(layer[place] for layer in layers) for place in (1, 2))
    return float(sum(layer[1] * layer[2] for layer in layers) / (widest * tallest))
