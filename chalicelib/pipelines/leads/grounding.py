"""Does an answer stand in its own row? What the AI invented, or took from a neighbour, must not become a lead.

E-mails and phones are compared strictly, after the little that cleaning up may change (case, spaces, punctuation, the
default region's country prefix). Of every other field at least half of the words must stand in the row.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

_AROUND_AT = re.compile(r"[^\S\n]*@[^\S\n]*")
_BETWEEN_ADDRESSES = re.compile(r"[\s<>,;:()\[\]|]+")
_DIALLED = re.compile(r"\d[\d\s().\-‐-―]*")
_EXTENSION = re.compile(r"(?:;?\s*ext[.=:]?|\bx|#)\s*\d+\s*\Z", re.IGNORECASE)
_TRUNK = re.compile(r"\(0\)")
_INTERNATIONAL = ("00", "011")
_NATIONAL_DIGITS = 7
"""Fewer digits are no national number, so that no prefix may be taken from them or put before them."""


def ungrounded(record: Mapping[str, str], cells: Mapping[str, str], *, default_region: str) -> str:
    """The first field of `record` that does not stand in `cells`; empty when all of them do."""
    text = _folded(" ".join([*cells, *cells.values()]))
    for name, value in record.items():
        if name == "email":
            stands = _same_case(value).strip() in _addresses(cells)
        elif name == "phone":
            stands = _phone_stands(value, cells, _country_code(default_region))
        else:
            stands = _half_stands(value, text)
        if not stands:
            return name
    return ""


def _addresses(cells: Mapping[str, str]) -> set[str]:
    """What may be taken for an e-mail of the row: its addresses, or a whole cell as it stands, good or bad."""
    found: set[str] = set()
    for cell in map(_same_case, cells.values()):
        parts = _BETWEEN_ADDRESSES.split(_AROUND_AT.sub("@", cell))
        found.update(part.strip("\"'.") for part in parts if "@" in part)
        found.add(cell.strip())
    return found


def _phone_stands(value: str, cells: Mapping[str, str], country: str) -> bool:
    asked = _digits(_EXTENSION.sub("", unicodedata.normalize("NFKC", value)))
    return bool(asked) and any(asked in _readings(typed, country)
                               for cell in cells.values() for typed in _typed_numbers(cell))


def _readings(typed: str, country: str) -> Iterator[str]:
    """What an answer may make of the digits in a row: no zero is lost, unless a country prefix stands in its place."""
    yield typed
    bare = typed
    for prefix in _INTERNATIONAL:
        if typed.startswith(prefix) and len(typed) - len(prefix) > _NATIONAL_DIGITS:
            bare = typed.removeprefix(prefix)
            yield bare
    national = bare.removeprefix(country) if bare.startswith(country) else bare.lstrip("0")
    if country and len(national) >= _NATIONAL_DIGITS:
        yield country + national
        if bare.startswith(country):
            yield national


def _typed_numbers(cell: str) -> Iterator[str]:
    text = _TRUNK.sub("", unicodedata.normalize("NFKC", cell))
    for run in _DIALLED.findall(text):
        yield _digits(run)


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(letter)) for letter in text if letter.isdecimal())


def _half_stands(value: str, text: str) -> bool:
    words = re.findall(r"\w+", _folded(value))
    return 2 * sum(word in text for word in words) >= len(words)


def _same_case(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@lru_cache(maxsize=32)
def _country_code(region: str) -> str:
    import phonenumbers

    code = phonenumbers.country_code_for_region(region)
    return str(code) if code else ""
