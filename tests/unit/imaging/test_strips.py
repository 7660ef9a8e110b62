"""A TIFF read in parts is the picture that Pillow makes of the whole, however it is cut and packed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chalicelib.imaging import bands, strips
from chalicelib.imaging.header import read_header
from chalicelib.imaging.model import ImageLimits, ImageProblem, ImageRefused
from chalicelib.imaging.pillow import render
from chalicelib.imaging.plan import Plan, decide
from chalicelib.imaging.sniff import Format
from chalicelib.imaging.tiff import directories
from tests.unit.imaging.pictures import likeness, scene, small_tiff, written

RGB = np.asarray(scene(330, 250))


def strip_tiff(rows: int, order: str = "<", planar: int = 1, bits: int = 8) -> bytes:
    pixels = RGB if bits == 8 else (RGB.astype(np.uint16) * 257).astype(f"{order}u2")
    planes = [pixels] if planar == 1 else [pixels[..., channel] for channel in range(3)]
    pieces = [plane[top:top + rows].tobytes() for plane in planes for top in range(0, 250, rows)]
    return _tiff(pieces, {278: (4, [rows])}, (273, 279), order, planar, bits)


def tile_tiff(side: int, order: str = "<") -> bytes:
    padded = np.pad(RGB, ((0, side), (0, side), (0, 0)), mode="edge")
    pieces = [padded[top:top + side, left:left + side].tobytes()
              for top in range(0, 250, side) for left in range(0, 330, side)]
    return _tiff(pieces, {322: (4, [side]), 323: (4, [side])}, (324, 325), order)


def _tiff(pieces: list[bytes], cut: Any, where: tuple[int, int], order: str, planar: int = 1, bits: int = 8) -> bytes:
    offsets = [8 + sum(map(len, pieces[:number])) for number in range(len(pieces))]
    return small_tiff({256: (4, [330]), 257: (4, [250]), 258: (3, [bits] * 3), 259: (3, [1]), 262: (3, [2]),
                       277: (3, [3]), 284: (3, [planar]), **cut, where[0]: (4, offsets),
                       where[1]: (4, [len(each) for each in pieces])}, b"".join(pieces), order)


def packed(**options: Any) -> bytes:
    buffer = io.BytesIO()
    image: Image.Image = options.pop("image", scene(330, 250))
    image.save(buffer, "TIFF", tiffinfo={278: 16}, **options)
    return buffer.getvalue()


SOURCES = {
    "strips of 7 rows": strip_tiff(7), "one strip": strip_tiff(250), "big-endian": strip_tiff(16, ">"),
    "planes": strip_tiff(9, planar=2), "16 bits": strip_tiff(11, bits=16),
    "16 bits, big-endian": strip_tiff(11, ">", bits=16),
    "tiles": tile_tiff(64), "tiles, big-endian": tile_tiff(48, ">"), "LZW": packed(compression="tiff_lzw"),
    "deflate": packed(compression="tiff_adobe_deflate"), "JPEG": packed(compression="jpeg", quality=95),
    "PackBits": packed(compression="packbits"), "grey": packed(image=scene(330, 250).convert("L")),
    "fax": packed(image=scene(330, 250).convert("1"), compression="group4"),
    "CMYK": packed(image=scene(330, 250).convert("CMYK"), compression="tiff_lzw"),
    "palette": packed(image=scene(330, 250).quantize(200)), "alpha": packed(image=scene(330, 250).convert("RGBA")),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_picture_in_parts_is_the_picture_as_a_whole(tmp_path: Path, name: str):
    path = written(tmp_path / "a.tif", SOURCES[name])
    header = read_header(path, Format.TIFF)
    level = header.pages[0]
    assert strips.layout(level)
    for target in ((330, 250), (150, 114), (40, 30)):
        parts, _ = render(path, header, Plan(target, level=level))
        whole, _ = render(path, header, Plan(target))
        assert np.abs(np.asarray(parts).astype(int) - np.asarray(whole)).max() <= 1, target


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_bands_of_any_height_give_one_picture(rows: int):
    image = scene(300, 200)
    pieces = (image.crop((0, top, 300, min(200, top + rows))) for top in range(0, 200, rows))
    small = bands.shrunk(pieces, (300, 200), (60, 40))
    assert likeness(small, image.resize((60, 40), Image.Resampling.LANCZOS)) > 0.98


def test_a_strip_that_is_too_large_for_memory_is_read_in_parts(tmp_path: Path):
    path = written(tmp_path / "a.tif", SOURCES["one strip"])
    heights = [band.height for band in strips.bands(directories(path)[0], band_bytes=20_000)]
    assert max(heights) <= 20
    assert sum(heights) == 250


def test_a_large_picture_is_planned_in_strips_and_keeps_within_bounds(tmp_path: Path):
    size = 60_000 * 4 * 3
    tags = {256: (4, [60_000]), 257: (4, [12_000]), 258: (3, [8] * 3), 259: (3, [1]), 262: (3, [2]), 277: (3, [3]),
            278: (4, [4]), 273: (4, [8] * 3000), 279: (4, [size] * 3000)}
    path = written(tmp_path / "a.tif", small_tiff(tags, bytes(size)))
    plan = decide(read_header(path, Format.TIFF), ImageLimits())
    assert plan.level is not None
    assert plan.memory < 400 * 2**20


def test_a_copy_of_less_resolution_is_used_when_it_is_large_enough(tmp_path: Path):
    path = tmp_path / "a.tif"
    levels = [Image.new("RGB", (side, side)) for side in (4000, 1000, 100)]
    levels[1].encoderinfo, levels[2].encoderinfo = {"tiffinfo": {254: 1}}, {"tiffinfo": {254: 1}}
    levels[0].save(path, save_all=True, append_images=levels[1:], compression="tiff_lzw")
    assert [(page.size[0], page.is_reduced) for page in directories(str(path))] == [
        (4000, False), (1000, True), (100, True)]
    plan = decide(read_header(str(path), Format.TIFF), ImageLimits(max_side=500))
    assert plan.level is not None
    assert plan.level.size == (1000, 1000)


def test_a_strip_that_lies_beyond_the_end_means_a_file_cut_short(tmp_path: Path):
    whole = tile_tiff(64)
    path = written(tmp_path / "a.tif", whole)
    level = directories(path)[0]
    Path(path).write_bytes(whole[:100_000])
    with pytest.raises(ImageRefused) as caught:
        list(strips.bands(level))
    assert caught.value.code is ImageProblem.TRUNCATED_IMAGE
