"""Pictures to test with, made here, and how alike two pictures are."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ENGINES = ("pillow", "auto")


@cache
def scene(width: int, height: int) -> Image.Image:
    """A landscape of soft colours with edges: no two corners alike, so that a turn is seen."""
    random = np.random.default_rng(7)
    planes = []
    for channel in range(3):
        whole = np.zeros((height, width))
        for cells in (3, 9, 27):
            coarse = Image.fromarray(random.normal(0, 1, (cells, cells)).astype(np.float32))
            whole += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) * (90 / cells**0.5)
        planes.append(whole + 128 + 10 * channel)
    pixels = np.clip(np.stack(planes, 2), 0, 255).astype(np.uint8)
    pixels[: height // 4, : width // 4] = (220, 40, 30)
    pixels[height // 2:, width // 2: width // 2 + 6] = (20, 30, 200)
    return Image.fromarray(pixels)


def pixels(image: Any) -> np.ndarray:
    return np.asarray(image, dtype=np.float64)


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity (Wang et al. 2004) of two pictures' luma, in windows of 8 by 8."""
    assert one.size == other.size
    a, b = (pixels(image.convert("RGB")) @ (0.299, 0.587, 0.114) for image in (one, other))
    mean_a, mean_b = _windows(a), _windows(b)
    spread_a, spread_b = _windows(a * a) - mean_a**2, _windows(b * b) - mean_b**2
    together = _windows(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = (2 * mean_a * mean_b + c1) * (2 * together + c2) / (
        (mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2))
    return float(found.mean())


def far(one: Image.Image, other: Image.Image) -> float:
    """Mean distance of levels over all channels: what likeness of structure does not see."""
    return float(np.abs(pixels(one.convert("RGB")) - pixels(other.convert("RGB"))).mean())


def matrix_profile(primaries: tuple[tuple[float, float, float], ...], gamma: float = 2.2) -> bytes:
    """An ICC profile of colours with these D50 XYZ of red, green and blue, and one gamma."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
            **{name: _xyz(place) for name, place in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"kTRC": curve})


DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def small_tiff(entries: dict[int, tuple[int, list[int]]], data: bytes, order: str = "<", following: int = 0) -> bytes:
    """A TIFF whose data stands at byte 8; values of tags that are longer than 4 bytes come behind the directory."""
    at = 8 + len(data) + len(data) % 2
    table, values, place = b"", b"", at + 2 + 12 * len(entries) + 4
    for tag, (type_, numbers) in sorted(entries.items()):
        raw = struct.pack(f"{order}{len(numbers)}{'-BBHI'[type_]}", *numbers)
        where = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(f"{order}I", place + len(values))
        values += raw + b"\0" * (len(raw) % 2) if len(raw) > 4 else b""
        table += struct.pack(f"{order}HHI", tag, type_, len(numbers)) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at)
    return head + data + b"\0" * (len(data) % 2) + struct.pack(f"{order}H", len(entries)) + table \
        + struct.pack(f"{order}I", following) + values


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def _windows(plane: np.ndarray, side: int = 8) -> np.ndarray:
    sums = np.pad(plane, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return (sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]) / side**2


def _xyz(place: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in place))


def _profile(kind: bytes, space: bytes, between: bytes, tags: dict[bytes, bytes]) -> bytes:
    at, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    head = struct.pack(">I4s4s4s4s4s", at + len(data), bytes(4), b"\x02\x40\0\0", kind, space, between)
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp"
    white = struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(68, b"\0") + white.ljust(60, b"\0") + table + data
