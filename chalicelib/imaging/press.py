"""A colour profile for inks (CMYK) whose file brings none: what paper looks like with so much of each ink on it.

Without a profile, plain arithmetic shows inks as neon. The curves are a least-squares fit of our own, polynomials of
the fourth degree, to 6,561 mixtures as libvips' default press shows them: 1.3 dE on average, paper white. They are
handed to littlecms as an ICC profile (ICC.1:2001-04, lut16Type), so that one way leads to sRGB.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from math import prod
from typing import TypeAlias

STEPS = 7
_Powers: TypeAlias = tuple[int, int, int, int]
_Lab: TypeAlias = tuple[float, float, float]
_PAPER: _Lab = (100.0, 0.0, 0.0)
_TERMS: Mapping[_Powers, _Lab] = {
    (0, 0, 0, 1): (-107.7, 0.0, -3.1),
    (0, 0, 0, 2): (39.0, -14.6, 2.7),
    (0, 0, 0, 3): (31.5, 39.5, 2.2),
    (0, 0, 0, 4): (-60.7, -22.5, 3.5),
    (0, 0, 1, 0): (-5.3, -18.4, 128.3),
    (0, 0, 1, 1): (20.8, 23.6, -231.9),
    (0, 0, 1, 2): (-23.5, -25.3, 249.4),
    (0, 0, 1, 3): (8.6, 13.6, -133.1),
    (0, 0, 2, 0): (-4.5, 20.5, -49.5),
    (0, 0, 2, 1): (-4.0, -17.5, 116.4),
    (0, 0, 2, 2): (5.8, 7.5, -83.8),
    (0, 0, 3, 0): (5.6, -6.7, 41.8),
    (0, 0, 3, 1): (-1.7, 0.6, -15.8),
    (0, 0, 4, 0): (-1.3, 0.4, -11.7),
    (0, 1, 0, 0): (-68.4, 106.3, -21.3),
    (0, 1, 0, 1): (132.4, -229.2, 59.2),
    (0, 1, 0, 2): (-102.8, 246.8, -67.8),
    (0, 1, 0, 3): (38.0, -122.9, 29.6),
    (0, 1, 1, 0): (6.6, 23.3, -111.6),
    (0, 1, 1, 1): (-21.6, -14.7, 136.0),
    (0, 1, 1, 2): (10.6, 1.1, -36.4),
    (0, 1, 2, 0): (-1.1, -37.3, 64.3),
    (0, 1, 2, 1): (2.2, 14.8, -46.8),
    (0, 1, 3, 0): (-0.9, 11.7, -9.4),
    (0, 2, 0, 0): (16.2, -32.6, 28.5),
    (0, 2, 0, 1): (-62.3, 145.7, -70.1),
    (0, 2, 0, 2): (36.7, -95.3, 35.3),
    (0, 2, 1, 0): (-5.8, 2.3, 23.5),
    (0, 2, 1, 1): (5.4, -0.7, -21.4),
    (0, 2, 2, 0): (2.2, 9.6, -16.0),
    (0, 3, 0, 0): (3.6, 4.6, -6.3),
    (0, 3, 0, 1): (-2.1, -13.7, 11.9),
    (0, 3, 1, 0): (3.7, -9.8, 7.0),
    (0, 4, 0, 0): (-1.0, 2.7, -2.6),
    (1, 0, 0, 0): (-63.7, -55.1, -84.5),
    (1, 0, 0, 1): (135.6, 162.1, 168.3),
    (1, 0, 0, 2): (-115.7, -212.3, -168.5),
    (1, 0, 0, 3): (46.0, 101.8, 78.0),
    (1, 0, 1, 0): (-2.8, -29.1, -38.6),
    (1, 0, 1, 1): (-9.3, -1.5, 35.0),
    (1, 0, 1, 2): (7.8, 15.3, -6.7),
    (1, 0, 2, 0): (3.5, 5.3, 28.0),
    (1, 0, 2, 1): (-3.5, -5.9, -14.1),
    (1, 0, 3, 0): (-1.2, 2.5, -5.8),
    (1, 1, 0, 0): (61.3, -74.5, 73.6),
    (1, 1, 0, 1): (-109.4, 123.1, -107.4),
    (1, 1, 0, 2): (35.3, -31.9, 37.3),
    (1, 1, 1, 0): (3.2, 24.1, 31.3),
    (1, 1, 1, 1): (7.6, -16.2, -11.0),
    (1, 1, 2, 0): (-2.2, -2.1, -15.8),
    (1, 2, 0, 0): (-35.3, 41.0, -45.8),
    (1, 2, 0, 1): (41.3, -84.7, 48.6),
    (1, 2, 1, 0): (-2.8, -3.2, -7.0),
    (1, 3, 0, 0): (-3.5, 19.2, -4.9),
    (2, 0, 0, 0): (21.3, 29.8, 44.5),
    (2, 0, 0, 1): (-71.3, -148.8, -100.7),
    (2, 0, 0, 2): (36.6, 90.3, 56.5),
    (2, 0, 1, 0): (-2.2, 18.7, -2.6),
    (2, 0, 1, 1): (5.6, 30.5, 2.3),
    (2, 0, 2, 0): (0.9, -5.4, -5.4),
    (2, 1, 0, 0): (-18.9, 9.8, -40.1),
    (2, 1, 0, 1): (29.4, -8.2, 32.3),
    (2, 1, 1, 0): (-0.1, -4.9, -1.3),
    (2, 2, 0, 0): (11.0, -0.7, 12.8),
    (3, 0, 0, 0): (-3.3, -4.2, -14.3),
    (3, 0, 0, 1): (7.4, 37.8, 12.3),
    (3, 0, 1, 0): (-0.0, -29.3, 5.1),
    (3, 1, 0, 0): (-7.5, 1.3, 1.5),
    (4, 0, 0, 0): (1.1, -10.5, 0.3),
}
"""Powers of cyan, magenta, yellow, black -> what that product adds to L*, a*, b*."""


@lru_cache(maxsize=1)
def profile() -> bytes:
    """The profile, made once."""
    levels = [step / (STEPS - 1) for step in range(STEPS)]
    table = b"".join(_coded(_seen(inks)) for inks in product(levels, repeat=4))
    straight = struct.pack(">HH", 0, 65535)
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft2\0\0\0\0" + bytes([4, 3, STEPS, 0]) + unit + struct.pack(">HH", 2, 2) \
        + straight * 4 + table + straight * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    return _profile({b"wtpt": white, b"A2B0": lut})


def _seen(inks: tuple[float, ...]) -> _Lab:
    """L*a*b* of a mixture, each ink from 0 to 1."""
    found = list(_PAPER)
    for powers, weights in _TERMS.items():
        amount = prod(ink ** power for ink, power in zip(inks, powers, strict=True))
        found = [value + amount * weight for value, weight in zip(found, weights, strict=True)]
    return found[0], found[1], found[2]


def _coded(lab: _Lab) -> bytes:
    """As the second version of ICC codes L*a*b* in 16 bits: 0xFF00 is 100, 0x8000 is neutral."""
    scaled = (lab[0] * 652.8, (lab[1] + 128) * 256, (lab[2] + 128) * 256)
    return struct.pack(">3H", *(min(65535, max(0, round(value))) for value in scaled))


def _profile(tags: Mapping[bytes, bytes]) -> bytes:
    at = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    head = struct.pack(">I4s4s4s4s4s", at + len(data), b"\0" * 4, b"\x02\x40\0\0", b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp"
    return head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061).ljust(60, b"\0") + table + data
