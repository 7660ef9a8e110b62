"""What is no picture, or too much of one, is refused with a code, before it costs anything, and leaves nothing."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chalicelib.imaging import vips
from chalicelib.imaging.header import read_header
from chalicelib.imaging.model import MIB, Engine, ImageLimits, ImageProblem, ImageRefused
from chalicelib.imaging.picture import web_ready
from chalicelib.imaging.plan import decide
from chalicelib.imaging.sniff import Format
from tests.unit.imaging.pictures import ENGINES, scene, small_tiff, written


def refusal(source: str, tmp_path: Path, limits: ImageLimits | None = None, engine: str = "auto") -> ImageRefused:
    target = tmp_path / "out.jpg"
    with pytest.raises(ImageRefused) as caught:
        web_ready(source, str(target), limits=limits, engine=Engine(engine))
    assert not target.exists()
    return caught.value


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, bits: int = 1, data: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


KINDS: dict[str, bytes] = {
    "film.mp4": b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2",
    "film.mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "film.mkv": b"\x1aE\xdf\xa3\x01",
    "film.avi": b"RIFF\0\0\0\0AVI LIST",
    "paper.pdf": b"%PDF-1.7\n",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "drawing2.svg": b"\xef\xbb\xbf\n <?xml version='1.0'?><svg/>",
    "drawing.eps": b"%!PS-Adobe-3.0 EPSF-3.0",
    "letter.docx": b"PK\x03\x04....",
    "photo.jpg": b"This is a text that was named like a photo.",
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, name: str):
    refused = refusal(written(tmp_path / name, KINDS[name]), tmp_path)
    assert refused.code is ImageProblem.UNSUPPORTED_FORMAT
    assert refused.message.startswith("The file is ")


def test_a_file_of_no_bytes_is_called_empty(tmp_path: Path):
    assert refusal(written(tmp_path / "a.jpg", b""), tmp_path).code is ImageProblem.EMPTY_FILE


def test_a_file_beyond_the_limit_is_not_even_opened(tmp_path: Path):
    source = written(tmp_path / "a.jpg", b"x" * 101)
    assert refusal(source, tmp_path, ImageLimits(max_bytes=100)).code is ImageProblem.FILE_TOO_LARGE


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", [300, 100])
@pytest.mark.parametrize(("form", "options"), [
    ("jpg", {}), ("jpg", {"progressive": True}), ("png", {}), ("gif", {}), ("webp", {}), ("bmp", {}), ("tif", {}),
    ("avif", {})])
def test_half_a_file_is_no_picture(tmp_path: Path, form: str, options: Any, side: int, engine: str):
    path = tmp_path / f"a.{form}"
    scene(300, 200).save(path, **options)
    data = path.read_bytes()
    refused = refusal(written(path, data[:len(data) // 2]), tmp_path, ImageLimits(max_side=side), engine)
    assert refused.code is ImageProblem.TRUNCATED_IMAGE


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["png", "jpg", "tif", "gif", "webp"])
def test_garbage_behind_a_good_beginning_is_refused(tmp_path: Path, form: str, engine: str):
    path = tmp_path / f"a.{form}"
    scene(300, 200).save(path)
    data = path.read_bytes()
    refused = refusal(written(path, data[:12] + bytes(range(256)) * 40), tmp_path, engine=engine)
    assert refused.code in (ImageProblem.CORRUPT_IMAGE, ImageProblem.TRUNCATED_IMAGE)


# --- bombs

BOMBS = {
    "png": png(2**31 - 1, 2**31 - 1),
    "png of 16 bits": png(60_000, 60_000, 16),
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 90, 0, 54, 40, 99_999, 99_999, 1, 24, *[0] * 6),
    "gif": b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;",
    "ppm": b"P6 99999 99999 255\n",
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(tmp_path: Path, name: str, engine: str):
    began = time.process_time()
    assert refusal(written(tmp_path / "a", BOMBS[name]), tmp_path, engine=engine).code is ImageProblem.TOO_MANY_PIXELS
    assert time.process_time() - began < 1


def test_what_needs_more_memory_than_there_is_is_refused_and_says_how_much(tmp_path: Path):
    source = written(tmp_path / "a.png", png(30_000, 30_000))
    refused = refusal(source, tmp_path, ImageLimits(memory_bytes=400 * MIB), "pillow")
    assert refused.code is ImageProblem.TOO_MANY_PIXELS
    assert refused.details["needed_mib"] > 900


def test_a_jpeg_of_a_thousand_scans_is_refused_though_it_is_small(tmp_path: Path):
    path = tmp_path / "a.jpg"
    scene(300, 200).save(path, progressive=True)
    data = path.read_bytes()
    frame = data.index(b"\xff\xc2")
    large = data[:frame + 5] + struct.pack(">HH", 8000, 8000) + data[frame + 9:]
    scan = large.index(b"\xff\xda")
    hostile = large[:scan] + large[scan:-2] * 100 + b"\xff\xd9"
    for engine in ENGINES:
        assert refusal(written(path, hostile), tmp_path, engine=engine).code is ImageProblem.TOO_MANY_PIXELS


@pytest.mark.parametrize("entry", [(273, 4, 1_000_000_000), (50_000, 2, 2**32 - 1), (320, 3, 2**31)])
def test_a_tag_that_claims_a_billion_values_is_not_read(tmp_path: Path, entry: tuple[int, int, int]):
    data = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", *entry, 8) + bytes(4)
    with pytest.raises(ImageRefused):
        read_header(written(tmp_path / "a.tif", data), Format.TIFF)


def test_directories_that_follow_each_other_in_a_circle_end(tmp_path: Path):
    tags = {256: (4, [4]), 257: (4, [4]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 273: (4, [8]), 277: (3, [1]),
            278: (4, [4]), 279: (4, [16])}
    source = written(tmp_path / "a.tif", small_tiff(tags, bytes(16), following=24))
    assert len(read_header(source, Format.TIFF).pages) == 1


# --- estimates

@pytest.mark.parametrize(("form", "options"), [("jpg", {}), ("png", {}), ("webp", {}), ("tif", {})])
def test_the_memory_of_a_plan_grows_with_the_picture(tmp_path: Path, form: str, options: Any):
    needed = []
    for side in (100, 400):
        path = tmp_path / f"{side}.{form}"
        scene(side, side).save(path, **options)
        needed.append(decide(read_header(str(path), Format(Image.open(path).format)), ImageLimits()).memory)
    assert needed[0] < needed[1]


@pytest.mark.skipif(vips.library() is None, reason="pyvips is not installed: only Pillow is tested")
def test_pyvips_is_held_to_the_memory_too(tmp_path: Path):
    source = written(tmp_path / "a.png", png(30_000, 30_000))
    refused = refusal(source, tmp_path, ImageLimits(memory_bytes=100 * MIB))
    assert refused.code is ImageProblem.TOO_MANY_PIXELS
