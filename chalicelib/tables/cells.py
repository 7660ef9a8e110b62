"""A cell's stored value as the text a person sees: numbers without artefacts, dates as ISO 8601, zeros kept.

A workbook stores numbers as binary floats and dates as days since 1900 (or 1904); only the number format of the cell
tells them apart. Formats: ECMA-376 part 1, 18.8.30 and 18.8.31.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeAlias

Show: TypeAlias = Callable[[str], str]

_DIGITS_SHOWN = 15
"""Excel shows at most 15 significant digits, and stores 17."""
_LAST_SERIAL = 2_958_466
_EPOCH_1900 = date(1899, 12, 30).toordinal()
_EPOCH_1904 = date(1904, 1, 1).toordinal()
_FALSE_LEAP_DAY = 60
_DAY_MS = 86_400_000


def number_text(raw: str) -> str:
    """`15551234567.0` -> `15551234567`, `1.5E-2` -> `0.015`, `0.30000000000000004` -> `0.3`; digits stay verbatim."""
    if raw.isdigit() and raw.isascii():
        return raw
    raw = raw.strip()
    try:
        value = float(raw)
    except ValueError:
        return raw
    if raw.removeprefix("-").isdigit():
        return raw if value else "0"
    return float_text(value)


def float_text(value: float) -> str:
    """A number as plain digits, rounded to what a spreadsheet shows; exponents only where plain digits are absurd."""
    shown = format(value, f".{_DIGITS_SHOWN}g")
    if "e" not in shown:
        return "0" if shown == "-0" else shown
    if ("-" in shown and abs(value) < 1e-12) or abs(value) >= 1e21:
        return shown.upper()
    return format(Decimal(shown), "f")


def boolean_text(raw: str) -> str:
    return "TRUE" if raw.strip() in ("1", "true", "TRUE") else "FALSE"


def iso_text(raw: str) -> str:
    """A cell of type `d` holds ISO text already; a day keeps no midnight."""
    return re.sub(r"[T ]00:00:00(?:\.0+)?Z?$", "", raw.strip())


def clock_text(milliseconds: int) -> str:
    """`10:30:00`, `36:15:00` or `00:00:01.250`; a sign in front where the time is negative."""
    sign = "-" if milliseconds < 0 else ""
    seconds, rest = divmod(abs(milliseconds), 1000)
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{rest:03}" if rest else text


def unescape(text: str) -> str:
    """XML references (where nothing parsed them yet) become characters."""
    if "&" not in text:
        return text
    return _REFERENCE.sub(_referenced, text)


def unfold(text: str) -> str:
    """`_x000D_` is how OOXML writes characters that XML cannot hold (ECMA-376 part 1, 22.9.2.19)."""
    if "_x" not in text:
        return text
    unfolded = _FOLDED.sub(lambda match: chr(int(match[1], 16)), text).replace("\0", "")
    # Characters beyond the first plane are folded as two halves, which only together are a character.
    return unfolded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def formats(codes: list[str], *, from_1904: bool) -> list[Show | None]:
    """How to show numbers of each cell style: None means as `number_text` does."""
    return [show_of(code, from_1904=from_1904) for code in codes]


@lru_cache(maxsize=512)
def show_of(code: str, *, from_1904: bool) -> Show | None:
    """The way a number format shows a value, where that matters: dates, times, and digits filled with zeros."""
    mask = _mask(code)
    if mask:
        return lambda raw: _masked(raw, mask)
    letters = set(_bare(code).lower())
    if not letters & set("dmyhs") or code.lower().startswith("general"):
        return None
    elapsed = bool(_ELAPSED.search(code))
    has_day = bool(letters & set("dy")) or not (letters & set("hs") or elapsed)

    @lru_cache(maxsize=4096)
    def show(raw: str) -> str:
        return _serial_text(raw, from_1904=from_1904, elapsed=elapsed, has_day=has_day)

    return show


def serial_text(value: float, *, from_1904: bool = False) -> str:
    """A day number as a date, or as date and time where it has a fraction."""
    return _serial_text(repr(value), from_1904=from_1904, elapsed=False, has_day=True)


BUILT_IN: Mapping[int, str] = {
    14: "m/d/yy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "m/d/yy h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy/m/d"),
    **dict.fromkeys((32, 33, 55, 56), "h:mm:ss"), 34: "yyyy/m/d", 35: "yyyy/m/d",
}
"""Number formats that a workbook need not write out (18.8.30), as far as they are dates or times."""

_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));")
_FOLDED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.')
_BRACKETS = re.compile(r"\[[^\]]*\]")
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_MASK_PART = re.compile(r'"([^"]*)"|\\(.)|(0)|([- ()])')


def _referenced(match: re.Match[str]) -> str:
    if match[3]:
        return html.unescape(match[0])
    point = int(match[1], 16) if match[1] else int(match[2])
    return chr(point) if point < 0xD800 or 0xDFFF < point < 0x110000 else "\ufffd"


def _bare(code: str) -> str:
    """The first section without quoted text, escapes, paddings and brackets (colours, locales, conditions)."""
    bare = _BRACKETS.sub(lambda match: match[0] if _ELAPSED.match(match[0]) else "", _QUOTED.sub("", code))
    return bare.partition(";")[0]


def _mask(code: str) -> tuple[str, ...]:
    """`000-00-0000` as its characters, for formats of nothing but two or more zeros and literals; else empty."""
    section = _BRACKETS.sub("", code).partition(";")[0]
    parts: list[str] = []
    at = 0
    while match := _MASK_PART.match(section, at):
        parts.extend(match[1] or match[2] or match[3] or match[4] or "")
        at = match.end()
    return tuple(parts) if at == len(section) and parts.count("0") > 1 else ()


def _masked(raw: str, mask: tuple[str, ...]) -> str:
    text = number_text(raw)
    if not text.isdigit():
        return text
    digits = list(text)
    shown: list[str] = []
    for sign in reversed(mask):
        shown.append(digits.pop() if sign == "0" and digits else sign)
    return "".join(digits) + "".join(reversed(shown))


def _serial_text(raw: str, *, from_1904: bool, elapsed: bool, has_day: bool) -> str:
    try:
        exact = Decimal(raw)
    except InvalidOperation:
        return raw
    if not (-_LAST_SERIAL if elapsed else 0) <= exact < _LAST_SERIAL:
        return number_text(raw)
    milliseconds = int((exact * _DAY_MS).to_integral_value())
    if elapsed:
        return clock_text(milliseconds)
    days, rest = divmod(milliseconds, _DAY_MS)
    if not has_day and days == 0:
        return clock_text(rest)
    if days == 0 and not from_1904:
        return clock_text(rest)
    day = _day(days, from_1904=from_1904)
    return f"{day}T{clock_text(rest)}" if rest else day


def _day(days: int, *, from_1904: bool) -> str:
    if from_1904:
        return date.fromordinal(_EPOCH_1904 + days).isoformat()
    if days == _FALSE_LEAP_DAY:
        return "1900-02-29"  # Lotus 1-2-3 took 1900 for a leap year, and every spreadsheet since keeps that day.
    return date.fromordinal(_EPOCH_1900 + days + (days < _FALSE_LEAP_DAY)).isoformat()
