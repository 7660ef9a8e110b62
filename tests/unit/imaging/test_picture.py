"""What comes out: upright, in sRGB, on white, small enough, with its owner's name and not its owner's address."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from chalicelib.imaging import vips
from chalicelib.imaging.credits import Credits
from chalicelib.imaging.model import Engine, ImageLimits, Note, Picture
from chalicelib.imaging.picture import web_ready
from tests.unit.imaging.pictures import (
    DISPLAY_P3,
    ENGINES,
    far,
    grey_profile,
    likeness,
    matrix_profile,
    scene,
    small_tiff,
    written,
)

SMALL = ImageLimits(max_side=200)
TURNS = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
         4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
         7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}
"""What a camera stores that has seen an upright scene, by orientation."""


def made(
    source: str, tmp_path: Path, limits: ImageLimits | None = None, engine: str = "auto",
) -> tuple[Picture, Image.Image]:
    target = tmp_path / "out.jpg"
    picture = web_ready(source, str(target), limits=limits, engine=Engine(engine))
    image: Any = Image.open(target)
    image.load()
    assert (picture.width, picture.height, picture.bytes) == (*image.size, target.stat().st_size)
    assert image.format == "JPEG"
    assert "icc_profile" not in image.info
    return picture, image


def saved(image: Image.Image, path: Path, **options: Any) -> str:
    image.save(path, **options)
    return str(path)


def reference(image: Image.Image, side: int) -> Image.Image:
    image = image.copy()
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=None)
    return image


# --- size and form

@pytest.mark.parametrize("engine", ENGINES)
def test_a_large_picture_is_made_to_fit_and_looks_like_the_best_resizing(tmp_path: Path, engine: str):
    source = saved(scene(900, 600), tmp_path / "a.jpg", quality=95)
    picture, image = made(source, tmp_path, SMALL, engine)
    assert image.size == (200, 133)
    assert likeness(image, reference(scene(900, 600), 200)) > 0.98
    assert image.info["progressive"]
    assert (picture.source_width, picture.source_height, picture.source_format) == (900, 600, "JPEG")


def test_a_small_picture_is_never_enlarged(tmp_path: Path):
    assert made(saved(scene(90, 60), tmp_path / "a.png"), tmp_path)[1].size == (90, 60)


def test_a_line_of_pixels_stays_at_least_one_pixel_thick(tmp_path: Path):
    assert made(saved(scene(2000, 8).crop((0, 0, 2000, 2)), tmp_path / "a.png"), tmp_path, SMALL)[1].size == (200, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_jpeg_could_be_decoded_at_does_not_show(tmp_path: Path, engine: str):
    source = saved(scene(1700, 1300), tmp_path / "a.jpg", quality=95)
    assert likeness(made(source, tmp_path, SMALL, engine)[1], reference(scene(1700, 1300), 200)) > 0.98


# --- orientation

@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("form", ["jpg", "png", "webp", "tif"])
def test_every_orientation_comes_out_upright(tmp_path: Path, form: str, orientation: int, engine: str):
    turn = TURNS[orientation]
    stored = scene(300, 200).transpose(turn) if turn is not None else scene(300, 200)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"tif": {"tiffinfo": {0x0112: orientation}}}.get(form, {"exif": exif})
    source = saved(stored, tmp_path / f"a.{form}", **({"quality": 95} if form != "tif" else {}), **options)
    picture, image = made(source, tmp_path, SMALL, engine)
    assert likeness(image, reference(scene(300, 200), 200)) > 0.97
    assert image.getexif().get(0x0112, 1) == 1
    assert (picture.source_width, picture.source_height) == (300, 200)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert made(saved(scene(90, 60), tmp_path / "a.jpg", exif=exif), tmp_path)[1].size == (90, 60)


# --- colours

def in_space(profile: bytes, mode: str) -> Image.Image:
    """The scene in another space, so that converting it back must give the scene."""
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"),
                                        ImageCms.ImageCmsProfile(io.BytesIO(profile)), "RGB", mode)
    image = ImageCms.applyTransform(scene(300, 200), transform)
    assert image is not None
    return image


@pytest.mark.parametrize("engine", ENGINES)
def test_the_colours_of_a_wide_display_become_those_of_every_display(tmp_path: Path, engine: str):
    profile = matrix_profile(DISPLAY_P3)
    source = saved(in_space(profile, "RGB"), tmp_path / "a.jpg", quality=97, icc_profile=profile)
    _, image = made(source, tmp_path, SMALL, engine)
    assert likeness(image, reference(scene(300, 200), 200)) > 0.98
    assert far(image, reference(scene(300, 200), 200)) < 4


def test_a_red_of_display_p3_is_shown_as_the_red_it_is(tmp_path: Path):
    source = saved(Image.new("RGB", (40, 40), (200, 60, 60)), tmp_path / "a.png",
                   icc_profile=matrix_profile(DISPLAY_P3))
    shown = made(source, tmp_path)[1].getpixel((20, 20))
    assert np.abs(np.subtract(shown, (217, 42, 53))).max() <= 6


@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_grey_with_a_profile_stays_grey_and_gets_the_tones_of_srgb(tmp_path: Path, gamma: float):
    level = round(255 * 0.2140 ** (1 / gamma))
    source = saved(Image.new("L", (40, 40), level), tmp_path / "a.png", icc_profile=grey_profile(gamma))
    _, image = made(source, tmp_path)
    assert image.mode == "L"
    assert abs(int(np.asarray(image)[20, 20]) - 127) <= 2


@pytest.mark.parametrize("profile", [b"not a profile", grey_profile(2.2), matrix_profile(DISPLAY_P3)[:150]])
def test_a_profile_that_is_broken_or_of_another_kind_is_left_out_and_said(tmp_path: Path, profile: bytes):
    source = saved(scene(90, 60), tmp_path / "a.png", icc_profile=profile)
    picture, image = made(source, tmp_path)
    assert picture.notes == (Note.PROFILE_IGNORED,)
    assert far(image, scene(90, 60)) < 4


def test_inks_without_a_profile_look_printed_and_not_like_neon(tmp_path: Path):
    inks = {(0, 0, 0, 0): (255, 255, 255), (255, 0, 0, 0): (0, 153, 227), (0, 255, 0, 0): (234, 0, 128),
            (0, 0, 255, 0): (255, 240, 0), (0, 0, 0, 255): (20, 8, 4), (0, 0, 0, 128): (134, 133, 132)}
    for ink, printed in inks.items():
        picture, image = made(saved(Image.new("CMYK", (16, 16), ink), tmp_path / "a.tif"), tmp_path)
        assert np.abs(np.subtract(image.getpixel((8, 8)), printed)).max() <= 12, ink
        assert picture.notes == (Note.PROFILE_ASSUMED,)


def test_cmyk_as_photo_programs_write_it_is_not_turned_into_its_negative(tmp_path: Path):
    cmyk = scene(300, 200).convert("CMYK")
    picture, image = made(saved(cmyk, tmp_path / "a.jpg", quality=95), tmp_path, SMALL)
    assert image.mode == "RGB"
    assert likeness(image, reference(scene(300, 200), 200)) > 0.85
    assert Note.PROFILE_ASSUMED in picture.notes


def test_lab_is_understood(tmp_path: Path):
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(scene(300, 200), transform)
    assert lab is not None
    _, image = made(saved(lab, tmp_path / "a.tif"), tmp_path, SMALL)
    assert likeness(image, reference(scene(300, 200), 200)) > 0.98
    assert far(image, reference(scene(300, 200), 200)) < 4


# --- kinds of pixels

@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", [300, 200])
@pytest.mark.parametrize("form", ["png", "tif"])
def test_grey_of_16_bits_does_not_turn_white(tmp_path: Path, form: str, side: int, engine: str):
    grey = scene(300, 200).convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    _, image = made(saved(deep, tmp_path / f"a.{form}"), tmp_path, ImageLimits(max_side=side), engine)
    assert image.mode == "L"
    assert likeness(image, reference(grey, side)) > 0.98
    assert far(image, reference(grey, side)) < 2


def test_16_bits_of_the_other_byte_order_are_read_too(tmp_path: Path):
    rows = np.repeat(np.linspace(0, 65535, 64).astype(">u2")[None], 16, 0).tobytes()
    tags = {256: (4, [64]), 257: (4, [16]), 258: (3, [16]), 259: (3, [1]), 262: (3, [1]), 273: (4, [8]), 277: (3, [1]),
            278: (4, [16]), 279: (4, [len(rows)])}
    source = written(tmp_path / "a.tif", small_tiff(tags, rows, ">"))
    levels = np.asarray(made(source, tmp_path)[1])[8].astype(int)
    assert np.abs(levels - np.linspace(0, 255, 64)).max() <= 5


@pytest.mark.parametrize(("values", "expected"), [
    ([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 100.0, 255.0], [0, 100, 255]), ([-50.0, 0.0, 950.0], [0, 13, 255])])
def test_floating_point_is_shown_from_its_darkest_to_its_brightest(tmp_path: Path, values: Any, expected: Any):
    columns = np.repeat(np.array(values, np.float32), 16)[None].repeat(16, 0)
    picture, image = made(saved(Image.fromarray(columns), tmp_path / "a.tif"), tmp_path)
    assert np.abs(np.asarray(image)[8, 8::16].astype(int) - expected).max() <= 3
    assert picture.notes == (Note.STRETCHED,)


def transparent(mode: str) -> Image.Image:
    """The scene with its right half transparent, and red hidden below."""
    image = scene(300, 200).convert("RGBA")
    image.paste((255, 0, 0, 0), (150, 0, 300, 200))
    if mode == "P":
        palette = scene(300, 200).quantize(255)
        palette.putpalette([*palette.getpalette()[:765], 255, 0, 0])
        palette.paste(255, (150, 0, 300, 200))
        palette.info["transparency"] = 255
        return palette
    return image.convert(mode)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", [300, 200])
@pytest.mark.parametrize(("mode", "form"), [("RGBA", "png"), ("LA", "png"), ("P", "png"), ("P", "gif"),
                                            ("RGBA", "webp"), ("RGBA", "tif")])
def test_what_is_transparent_is_white(tmp_path: Path, mode: str, form: str, side: int, engine: str):
    options: dict[str, Any] = {"transparency": 255} if mode == "P" else {"lossless": True} if form == "webp" else {}
    source = saved(transparent(mode), tmp_path / f"a.{form}", **options)
    _, image = made(source, tmp_path, ImageLimits(max_side=side), engine)
    seen = np.asarray(image.convert("RGB"))
    assert seen[:, side * 6 // 10:].min() > 240
    expected = scene(300, 200).quantize(255) if mode == "P" else scene(300, 200)
    expected = expected.convert("L" if mode == "LA" else "RGB")
    half = (0, 0, side * 4 // 10, side * 2 // 3)
    assert likeness(image.crop(half), reference(expected, side).crop(half)) > 0.95


def test_a_colour_that_stands_for_nothing_is_white(tmp_path: Path):
    image = scene(90, 60).copy()
    image.paste((1, 2, 3), (45, 0, 90, 60))
    _, shown = made(saved(image, tmp_path / "a.png", transparency=(1, 2, 3)), tmp_path)
    assert np.asarray(shown)[:, 60:].min() > 245


def test_an_unused_fourth_byte_hides_nothing(tmp_path: Path):
    image = scene(90, 60).convert("RGBA")
    image.putalpha(0)
    assert far(made(saved(image, tmp_path / "a.tga"), tmp_path)[1], scene(90, 60)) < 4


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
@pytest.mark.parametrize("form", ["png", "bmp", "tif", "gif"])
def test_plain_pixels_of_every_depth_are_shown_as_they_are(tmp_path: Path, mode: str, form: str):
    image = scene(90, 60).quantize(16) if mode == "P" else scene(90, 60).convert(mode)
    _, shown = made(saved(image, tmp_path / f"a.{form}"), tmp_path)
    if not (mode == "RGB" and form == "gif"):
        assert far(shown, image) < (12 if mode == "1" else 6)


def test_a_palette_of_8_bits_in_a_tiff_is_not_black(tmp_path: Path):
    ramp = list(range(256))
    tags = {256: (4, [256]), 257: (4, [4]), 258: (3, [8]), 259: (3, [1]), 262: (3, [3]), 273: (4, [8]), 277: (3, [1]),
            278: (4, [4]), 279: (4, [1024]), 320: (3, ramp * 3)}
    source = written(tmp_path / "a.tif", small_tiff(tags, bytes(ramp) * 4))
    assert np.abs(np.asarray(made(source, tmp_path)[1].convert("L"))[2].astype(int) - ramp).max() < 8


# --- which picture of several

@pytest.mark.parametrize("form", ["gif", "tif", "webp", "png"])
def test_of_many_frames_the_first_is_shown(tmp_path: Path, form: str):
    frames = [Image.new("RGB", (40, 30), colour) for colour in ((0, 160, 0), (200, 0, 0), (0, 0, 200))]
    source = saved(frames[0], tmp_path / f"a.{form}", save_all=True, append_images=frames[1:])
    picture, image = made(source, tmp_path)
    assert np.abs(np.subtract(image.convert("RGB").getpixel((20, 15)), (0, 160, 0))).max() < 12
    assert picture.notes == (Note.FIRST_OF_MANY,)


def test_the_name_says_nothing_and_the_content_all(tmp_path: Path):
    source = saved(scene(90, 60), tmp_path / "holiday.pdf", format="PNG")
    assert made(source, tmp_path)[0].source_format == "PNG"


@pytest.mark.parametrize(("form", "name"), [("avif", "AVIF"), ("jp2", "JPEG2000"), ("ppm", "PPM"), ("tga", "TGA"),
                                            ("pcx", "PCX"), ("sgi", "SGI"), ("ico", "ICO")])
def test_rarer_formats_are_read_too(tmp_path: Path, form: str, name: str):
    picture, image = made(saved(scene(64, 48), tmp_path / f"a.{form}"), tmp_path, SMALL)
    assert picture.source_format == name
    assert likeness(image, scene(64, 48).resize(image.size)) > 0.9


def test_a_jpeg_2000_is_decoded_no_larger_than_needed(tmp_path: Path):
    _, image = made(saved(scene(1000, 700), tmp_path / "a.jp2"), tmp_path, SMALL)
    assert likeness(image, reference(scene(1000, 700), 200)) > 0.97


# --- words beside the pixels

def owned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x8298], exif[0x013B], exif[0x010F] = "(c) 2026 Ann Lee", "Ann Lee", "ACME camera 123"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    return exif


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", [300, 200])
@pytest.mark.parametrize("form", ["jpg", "png", "webp", "avif"])
def test_the_place_is_gone_and_the_owner_kept(tmp_path: Path, form: str, side: int, engine: str):
    source = saved(scene(300, 200), tmp_path / f"a.{form}", exif=owned())
    assert Image.open(source).getexif().get_ifd(0x8825)
    _, image = made(source, tmp_path, ImageLimits(max_side=side), engine)
    exif = image.getexif()
    assert dict(exif) == {0x8298: "(c) 2026 Ann Lee", 0x013B: "Ann Lee"}
    assert not exif.get_ifd(0x8825)
    assert b"ACME" not in (tmp_path / "out.jpg").read_bytes()


def test_the_owner_is_found_in_xmp_and_in_the_texts_of_a_png(tmp_path: Path):
    from PIL import PngImagePlugin

    packet = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Bo &amp; Co
    </rdf:li></rdf:Alt></dc:rights><dc:creator><rdf:Seq><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator></x:xmpmeta>"""
    _, image = made(saved(scene(90, 60), tmp_path / "a.jpg", xmp=packet), tmp_path)
    assert dict(image.getexif()) == {0x8298: "(c) Bo & Co", 0x013B: "Bo"}
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Copyright", "(c) Cy")
    _, image = made(saved(scene(90, 60), tmp_path / "a.png", pnginfo=texts), tmp_path)
    assert dict(image.getexif()) == {0x8298: "(c) Cy"}


@pytest.mark.parametrize("text", ["\xa9 \u00c9va", "\u00a9 \u5c71\u7530", "Bo"])
def test_the_owner_s_name_is_kept_to_the_byte(tmp_path: Path, text: str):
    source = saved(scene(90, 60), tmp_path / "a.jpg", exif=Credits(copyright=text.encode()).exif())
    _, image = made(source, tmp_path)
    assert image.getexif()[0x8298].encode("latin-1").decode() == text


# --- bytes

@pytest.mark.parametrize("quality", [30, 60, 75, 90])
@pytest.mark.parametrize("options", [{}, {"progressive": True, "optimize": True}, {"subsampling": 0}])
def test_a_jpeg_that_fits_never_grows(tmp_path: Path, quality: int, options: Any):
    source = saved(scene(300, 200), tmp_path / "a.jpg", quality=quality, **options)
    picture, image = made(source, tmp_path)
    assert picture.bytes <= picture.source_bytes
    assert likeness(image, Image.open(source)) > 0.98


def test_a_jpeg_that_fits_and_lies_on_its_side_does_not_grow_either(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    source = saved(scene(300, 200), tmp_path / "a.jpg", quality=50, progressive=True, optimize=True, exif=exif)
    picture, image = made(source, tmp_path)
    assert picture.bytes <= picture.source_bytes
    assert image.size == (200, 300)


def test_pixels_that_cannot_be_coded_in_less_are_copied_without_what_stood_beside_them(tmp_path: Path):
    odd = Image.effect_noise((200, 150), 90).convert("RGB")
    tables = [[1 + place % 7 for place in range(64)], [9] * 64]
    source = Path(saved(odd, tmp_path / "a.jpg", qtables=tables, progressive=True, optimize=True, exif=owned()))
    pixels_before = np.asarray(Image.open(source))
    source.write_bytes(source.read_bytes() + b"a film behind the picture")
    limits = ImageLimits(quality=97)
    picture, image = made(str(source), tmp_path, limits)
    data = (tmp_path / "out.jpg").read_bytes()
    assert picture.bytes <= picture.source_bytes
    assert data.endswith(b"\xff\xd9")
    assert b"ACME" not in data
    if picture.copied:
        assert (np.asarray(image) == pixels_before).all()


def test_the_noisiest_picture_can_be_coded(tmp_path: Path):
    noise = np.random.default_rng(1).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    assert made(saved(Image.fromarray(noise), tmp_path / "a.png"), tmp_path)[1].size == (400, 400)


# --- engines

@pytest.mark.skipif(vips.library() is None, reason="pyvips is not installed: only Pillow is tested")
def test_both_engines_make_the_same_picture(tmp_path: Path):
    source = saved(scene(900, 600), tmp_path / "a.png")
    one, other = (made(source, tmp_path, SMALL, engine) for engine in ENGINES)
    assert (one[0].engine, other[0].engine) == (Engine.PILLOW, Engine.VIPS)
    assert likeness(one[1], other[1]) > 0.98
    assert far(one[1], other[1]) < 4


@pytest.mark.skipif(vips.library() is None, reason="pyvips is not installed: only Pillow is tested")
@pytest.mark.parametrize("form", ["jpg", "heif-like.png"])
def test_mozjpeg_is_much_smaller(tmp_path: Path, form: str):
    noisy = Image.blend(scene(900, 600), Image.effect_noise((900, 600), 60).convert("RGB"), 0.2)
    source = saved(noisy, tmp_path / f"a.{form}")
    sizes = [made(source, tmp_path, ImageLimits(max_side=600, mozjpeg=mozjpeg))[0].bytes for mozjpeg in (False, True)]
    assert sizes[1] < 0.85 * sizes[0]
