"""Cameras' raw files are shown by the preview in them, or refused in words."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image

from chalicelib.imaging.model import ImageProblem, ImageRefused, Note
from chalicelib.imaging.picture import web_ready
from tests.unit.imaging.pictures import likeness, scene, small_tiff, written


def photo(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    scene(width, height).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def dng(preview: bytes, orientation: int = 1) -> bytes:
    return small_tiff({254: (4, [1]), 256: (4, [400]), 257: (4, [300]), 259: (3, [7]), 262: (3, [6]), 273: (4, [8]),
                       274: (3, [orientation]), 277: (3, [3]), 278: (4, [300]), 279: (4, [len(preview)]),
                       50706: (1, [1, 4, 0, 0])}, preview)


def raf(preview: bytes) -> bytes:
    return b"FUJIFILMCCD-RAW ".ljust(84, b"0") + struct.pack(">II", 100, len(preview)) + bytes(8) + preview


def cr3(preview: bytes) -> bytes:
    inside = bytes(6) + struct.pack(">HHHHI", 1, 400, 300, 1, len(preview)) + preview
    box = struct.pack(">I", len(inside) + 8) + b"PRVW" + inside
    return b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + bytes(40) + box + bytes(500)


@pytest.mark.parametrize("kind", [dng, raf, cr3])
def test_the_preview_of_a_raw_file_is_shown(tmp_path: Path, kind):
    picture = web_ready(written(tmp_path / "a.raw", kind(photo(400, 300))), str(tmp_path / "out.jpg"))
    assert likeness(Image.open(tmp_path / "out.jpg"), scene(400, 300)) > 0.98
    assert (picture.source_format, picture.notes) == ("RAW", (Note.PREVIEW_OF_RAW,))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.raw", "out.jpg"]


def test_the_preview_is_turned_as_the_raw_file_says(tmp_path: Path):
    picture = web_ready(written(tmp_path / "a.dng", dng(photo(400, 300), 6)), str(tmp_path / "out.jpg"))
    assert (picture.width, picture.height) == (300, 400)


@pytest.mark.parametrize("data", [dng(photo(64, 48)), dng(b"sensor data" * 100), raf(b""), b"IIRO" + bytes(90),
                                  b"FOVb" + bytes(90), b"FUJIFILMCCD-RAW"])
def test_a_raw_file_without_a_preview_of_use_is_refused(tmp_path: Path, data: bytes):
    with pytest.raises(ImageRefused) as caught:
        web_ready(written(tmp_path / "a.raw", data), str(tmp_path / "out.jpg"))
    assert caught.value.code is ImageProblem.NO_PREVIEW
