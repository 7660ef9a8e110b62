"""What a cell says once the dirt of its journey is off: control characters, hard blanks, quotes around it.

Nothing here changes a letter that a person typed.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Soft hyphens, zero-width blanks and direction marks. Joiners (U+200C, U+200D) stay: Persian and Hindi need them."""

_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "‘": "’", "`": "`"}


def text_of(value: Any) -> str:
    """A cell as text. Our reader sends texts; a message from outside may hold numbers, truth values or null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def one_line(text: str) -> str:
    """The text in one line, composed (NFC), without invisible characters and doubled blanks."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    return " ".join(_printable(text).split())


def paragraphs(text: str) -> str:
    """As `one_line`, but the person's line breaks stay."""
    lines = [one_line(line) for line in text.splitlines()]
    return "\n".join(lines).strip()


def unquoted(text: str) -> str:
    """The text without one pair of quotes around all of it; quotes inside stay."""
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and not {text[0], text[-1]} & set(text[1:-1]):
        text = text[1:-1].strip()
    return text


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(" " if not mark.isprintable() and unicodedata.category(mark) in ("Cc", "Zs", "Zl", "Zp") else mark
                   for mark in text)
