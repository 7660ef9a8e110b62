"""Values as the XML of cells: text inline, numbers as plain digits, dates as days.

Text is stored as text, so nothing in it is a formula. It can become one when a person edits the cell and confirms it
unchanged; text that looks like a formula therefore also gets the style attribute `quotePrefix`, as if it had been
typed with an apostrophe in front.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal

from chalicelib.tables.patch_edits import Value
from chalicelib.tables.write import safe_text

_LONGEST_TEXT = 32_767
"""UTF-16 units in a cell (Excel's specification)."""
_POWERS = 308
"""Powers of ten that a stored number, a binary float, can have."""
_LARGEST_INTEGER = 10**_POWERS
_PLAIN = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?")
_EPOCH_1900, _EPOCH_1904 = date(1899, 12, 30).toordinal(), date(1904, 1, 1).toordinal()
_FIRST_SAFE = date(1900, 3, 1)
"""Before it, programs disagree by a day: Lotus 1-2-3 took 1900 for a leap year."""
_DAY_MICROSECONDS = 86_400_000_000
_PRECISION = Decimal("1e-11")
_SPECIAL = re.compile("[&<>\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": ""}
_SPACED = re.compile(r"^\s|\s$|\s\s|[\n\t]")


def looks_like_formula(value: Value | None) -> bool:
    """Whether a spreadsheet program could take the text for a formula, by the rule of our CSV files."""
    return isinstance(value, str) and safe_text(value) != value


class CellWriter:
    """Makes `<c>` elements for one sheet. `prefix` ends in a colon or is empty; without `dated`, dates are ISO text."""

    def __init__(self, prefix: str, *, from_1904: bool, dated: bool) -> None:
        name = f"{prefix}c"
        self._from_1904 = from_1904
        self._dated = dated
        self._open = f'<{name} r="'
        self._number = f"><{prefix}v>"
        self._boolean = f' t="b"><{prefix}v>'
        self._number_end = f"</{prefix}v></{name}>"
        self._text = f' t="inlineStr"><{prefix}is><{prefix}t>'
        self._spaced = f' t="inlineStr"><{prefix}is><{prefix}t xml:space="preserve">'
        self._text_end = f"</{prefix}t></{prefix}is></{name}>"

    def cell(self, reference: str, style: int, value: Value | None) -> str:
        """The element of a cell; without a value, an empty one that has only its style."""
        head = f'{self._open}{reference}" s="{style}"' if style else f'{self._open}{reference}"'
        if value is None:
            return head + "/>"
        if isinstance(value, bool):
            return f"{head}{self._boolean}{int(value)}{self._number_end}"
        number = None if isinstance(value, str) else self._digits(value)
        if number is not None:
            return f"{head}{self._number}{number}{self._number_end}"
        text = str(value)
        return f"{head}{self._spaced if _SPACED.search(text) else self._text}{folded(text)}{self._text_end}"

    def _digits(self, value: int | float | Decimal | date) -> str | None:
        if isinstance(value, date):
            return _days(value, from_1904=self._from_1904) if self._dated else None
        return number_digits(value)


def number_digits(value: int | float | Decimal) -> str | None:
    """Plain decimal digits without an exponent; None for what a cell's number cannot be."""
    if not value:
        return "0"
    if isinstance(value, int) and not -_LARGEST_INTEGER < value < _LARGEST_INTEGER:
        return None
    digits = str(value)
    if not _PLAIN.fullmatch(digits):
        exact = Decimal(digits)
        if not exact.is_finite() or exact.adjusted() >= _POWERS:
            return None
        digits = format(exact, "f") if exact.adjusted() > -_POWERS else "0"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def folded(text: str) -> str:
    """Text for `<t>`: references, and `_x000D_` for what XML cannot hold (ECMA-376 part 1, 22.9.2.19)."""
    if len(text) > _LONGEST_TEXT // 2:
        text = text.encode("utf-16-le", "surrogatepass")[: 2 * _LONGEST_TEXT].decode("utf-16-le", "replace")
    return _SPECIAL.sub(_special, text)


def _special(match: re.Match[str]) -> str:
    sign = match[0]
    known = _REFERENCES.get(sign)
    if known is not None:
        return known
    if "\ud800" <= sign <= "\udfff":
        return "\ufffd"  # Half a character is none.
    return "_x005F_" if sign == "_" else f"_x{ord(sign):04X}_"


def _days(value: date, *, from_1904: bool) -> str | None:
    day = value.date() if isinstance(value, datetime) else value
    days = day.toordinal() - (_EPOCH_1904 if from_1904 else _EPOCH_1900)
    if days < 0 or (not from_1904 and day < _FIRST_SAFE):
        return None
    clock = value.time() if isinstance(value, datetime) else time()
    passed = ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond
    if not passed:
        return str(days)
    exact = (days + Decimal(passed) / _DAY_MICROSECONDS).quantize(_PRECISION)
    return format(exact, "f").rstrip("0").rstrip(".")
