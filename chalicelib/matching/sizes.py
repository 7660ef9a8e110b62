"""Numbers with units inside a text, in one spelling: `1 cm`, `10mm` and `10 mm` become `10mm`, `1/2"` becomes `12.7mm`.

Decimal commas become points, thousands lose their commas, `100 x 50 mm` gives both numbers the unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SCALES: Mapping[str, tuple[str, float]] = {
    "mm": ("mm", 1), "cm": ("mm", 10), "m": ("mm", 1000), "mtr": ("mm", 1000), "km": ("mm", 1e6),
    "meter": ("mm", 1000), "metre": ("mm", 1000), "meters": ("mm", 1000), "metres": ("mm", 1000),
    "inch": ("mm", 25.4), "inches": ("mm", 25.4), "in": ("mm", 25.4), '"': ("mm", 25.4), "''": ("mm", 25.4),
    "ft": ("mm", 304.8), "feet": ("mm", 304.8), "foot": ("mm", 304.8),
    "g": ("g", 1), "gm": ("g", 1), "kg": ("g", 1000), "mg": ("g", 0.001),
    "kgs": ("g", 1000), "lb": ("g", 453.592), "lbs": ("g", 453.592),
    "oz": ("oz", 1),  # of weight or of volume: left alone
    "ml": ("ml", 1), "cl": ("ml", 10), "l": ("ml", 1000), "ltr": ("ml", 1000), "liter": ("ml", 1000),
    "litre": ("ml", 1000), "liters": ("ml", 1000), "litres": ("ml", 1000),
    "w": ("w", 1), "watt": ("w", 1), "watts": ("w", 1), "kw": ("w", 1000), "va": ("va", 1), "kva": ("va", 1000),
    "v": ("volt", 1), "volt": ("volt", 1), "volts": ("volt", 1), "kv": ("volt", 1000),
    "a": ("amp", 1), "amp": ("amp", 1), "amps": ("amp", 1), "ma": ("amp", 0.001),
    "mb": ("mb", 1), "gb": ("mb", 1000), "tb": ("mb", 1e6), "kb": ("mb", 0.001),
    "hz": ("hz", 1), "khz": ("hz", 1e3), "mhz": ("hz", 1e6), "ghz": ("hz", 1e9),
    "bar": ("bar", 1), "psi": ("psi", 1), "mpa": ("mpa", 1), "kn": ("kn", 1),
    "mm2": ("mm2", 1), "cm2": ("mm2", 100), "sqmm": ("mm2", 1), "m2": ("m2", 1), "sqm": ("m2", 1),
    "m3": ("m3", 1), "cum": ("m3", 1), "dpi": ("dpi", 1), "rpm": ("rpm", 1), "btu": ("btu", 1), "mp": ("mp", 1),
    "megapixel": ("mp", 1), "megapixels": ("mp", 1), "°c": ("degc", 1), "mil": ("mil", 1), "micron": ("um", 1),
}
_TOUCHING = frozenset({"in", "mp", "mil"})
"""Units that are also words: only where they touch the number."""
_UNITS = "|".join(re.escape(name) for name in sorted(_SCALES, key=lambda name: (-len(name), name)))
_MIXED = re.compile(r'(?<![\d.,/])(?:(\d{1,3})[ -])?(\d{1,2})/(2|3|4|8|16|32|64)(?=\s*(?:"|\'\'|-?inch|in\b))')
_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d+)(?![\d,])")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_TIMES = re.compile(r"(?<=\d)\s*[x×*]\s*(?=\d)")
_NUMBER = r"\d{1,9}(?:\.\d{1,6})?"
_MEASURED = re.compile(rf"(?<![^\W_])(?<![.,/-])((?:{_NUMBER} by )*{_NUMBER})(\s*-?\s*)({_UNITS})(?![^\W_])")
_BASES = "|".join(sorted({base for base, _ in _SCALES.values()}, key=lambda base: (-len(base), base)))
SIZE = re.compile(rf"({_NUMBER})({_BASES})")
"""What a size looks like afterwards."""


def in_one_spelling(text: str) -> str:
    """A folded text with all sizes as SIZE; other words stay. Linear in the text's length."""
    if "/" in text:
        text = _MIXED.sub(_decimal, text)
    if "," in text:
        text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
        text = _COMMA.sub(r"\1.\2", text)
    text = _TIMES.sub(" by ", text)
    return _MEASURED.sub(_measured, text)


def number(value: float) -> str:
    """`5.0` -> `5`; six digits are enough for a size."""
    return f"{value:.12g}" if value == int(value) else f"{value:.6g}"


def _decimal(found: re.Match[str]) -> str:
    whole, top, bottom = found.groups()
    return f" {number(int(whole or 0) + int(top) / int(bottom))}"


def _measured(found: re.Match[str]) -> str:
    numbers, gap, unit = found.groups()
    if gap and unit in _TOUCHING:
        return found[0]
    base, scale = _SCALES[unit]
    *first, last = numbers.split(" by ")
    bare = base[-1] in "23"  # 3 x 2.5 mm2 are three wires
    others = [number(float(each)) if bare else f"{number(float(each) * scale)}{base}" for each in first]
    return " ".join([*others, f"{number(float(last) * scale)}{base}"]) + " "
