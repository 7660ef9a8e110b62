"""A sample of the pictures that other projects test with: each becomes a picture, or is refused in words, in bounds.

All of them: `python -m benchmarks.imaging --corpora`.
"""

from __future__ import annotations

import random
import warnings
from collections import defaultdict
from pathlib import Path

import pytest

from benchmarks.imaging import MEGABYTES, PICTURE, files
from benchmarks.measure import in_fresh_process
from chalicelib.imaging.model import Engine, ImageProblem
from chalicelib.imaging.picture import web_ready
from tests.unit.imaging.pictures import likeness

FILES = files()
MOST_OF_A_KIND = 3
if not FILES:
    warnings.warn("../shared/data has no pictures: nothing here is tested with other projects' files", stacklevel=1)
absent = pytest.mark.skipif(not FILES, reason="../shared/data has no pictures (DROPMILL_FILES names another folder)")


def sample() -> list[Path]:
    """Some of each format, the same ones each time."""
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in FILES:
        kinds[path.suffix.lower()].append(path)
    choose = random.Random(6)
    return [path for _, paths in sorted(kinds.items())
            for path in choose.sample(paths, min(MOST_OF_A_KIND, len(paths)))]


@absent
def test_every_file_becomes_a_picture_or_is_refused_in_words():
    paths = sample()
    found = in_fresh_process("benchmarks.imaging:ends", paths=[str(path) for path in paths]).answer
    words = [word for word, _ in found]
    assert [(path.name, word) for path, word in zip(paths, words, strict=True)
            if word not in {PICTURE, *ImageProblem}] == []
    assert words.count(PICTURE) > len(words) / 2
    assert max(peak for _, peak in found) < MEGABYTES / 2


@absent
@pytest.mark.parametrize("way", ["Landscape", "Portrait"])
def test_photographs_of_every_orientation_come_out_alike(tmp_path: Path, way: str):
    from PIL import Image

    shots = [path for path in FILES if path.parent.name == "img_exif_orientation" and path.stem.startswith(way)]
    upright = next(path for path in shots if path.stem.endswith(("_0", "_1")))
    for path in shots:
        web_ready(str(path), str(tmp_path / path.name), engine=Engine.PILLOW)
        assert likeness(Image.open(tmp_path / path.name), Image.open(upright)) > 0.93, path.name
