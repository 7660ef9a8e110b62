"""A colour profile for inks (CMYK) whose file brings none: what paper looks like with so much of each ink on it.

Without a profile, plain arithmetic shows inks as neon. The curves are a least-squares fit of our own, polynomials of
the third degree, to 6,561 mixtures as libvips' default press shows them: 2 dE on average up to 260 % ink, paper white.
They are handed to littlecms as an ICC profile (ICC.1:2001-04, lut16Type), so that one way leads to sRGB.
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
    (0, 0, 0, 1): (-95.2, -8.7, -8.6),
    (0, 0, 0, 2): (49.7, 19.1, 15.6),
    (0, 0, 0, 3): (-51.3, -8.8, -1.9),
    (0, 0, 1, 0): (-7.1, -13.1, 102.2),
    (0, 0, 1, 1): (10.6, 2.1, -54.0),
    (0, 0, 1, 2): (-1.9, 6.0, -35.5),
    (0, 0, 2, 0): (-0.6, 8.9, -5.5),
    (0, 0, 2, 1): (-2.2, -7.5, -1.7),
    (0, 0, 3, 0): (1.3, 0.4, 10.4),
    (0, 1, 0, 0): (-65.0, 90.4, -14.0),
    (0, 1, 0, 1): (66.6, -45.2, 2.2),
    (0, 1, 0, 2): (-4.6, -28.3, 6.9),
    (0, 1, 1, 0): (4.7, 5.7, -70.6),
    (0, 1, 1, 1): (-6.4, -0.8, 44.2),
    (0, 1, 2, 0): (-0.4, -4.7, 16.4),
    (0, 2, 0, 0): (17.0, -20.8, 16.8),
    (0, 2, 0, 1): (-22.1, 8.9, -9.9),
    (0, 2, 1, 0): (0.6, -2.6, 11.6),
    (0, 3, 0, 0): (-2.5, 12.1, -5.7),
    (1, 0, 0, 0): (-59.8, -48.8, -71.0),
    (1, 0, 0, 1): (65.7, 21.8, 57.1),
    (1, 0, 0, 2): (-8.1, 13.2, 5.7),
    (1, 0, 1, 0): (-0.6, -7.0, -25.4),
    (1, 0, 1, 1): (-1.3, 22.7, 17.1),
    (1, 0, 2, 0): (0.6, -0.7, 5.2),
    (1, 1, 0, 0): (44.3, -51.3, 49.4),
    (1, 1, 0, 1): (-23.4, 8.2, -13.0),
    (1, 1, 1, 0): (-0.8, 9.7, 6.3),
    (1, 2, 0, 0): (-21.1, 38.4, -29.3),
    (2, 0, 0, 0): (18.6, 29.8, 24.6),
    (2, 0, 0, 1): (-21.7, -2.2, -22.2),
    (2, 0, 1, 0): (-0.7, -24.2, 1.2),
    (2, 1, 0, 0): (-13.7, 7.9, -18.5),
    (3, 0, 0, 0): (-3.8, -23.4, -6.4),
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
