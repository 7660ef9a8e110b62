"""Phone numbers out of cells: E.164 where the number is a valid one, else what the person typed.

A number that could be dialled but is in no numbering plan stays as typed, so that leading zeros and internal numbers
are never lost. Numbers without a prefix belong to the default region.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.pipelines.leads.cells import one_line, unquoted
from chalicelib.pipelines.leads.fields import is_missing

_LABEL = re.compile(
    r"(?:(?:tele)?phone|telefono?|t[eé]l|mobile?|móvil|cell|handy|office|work|home|direct|main|fax|gsm|whatsapp|[mtphoc])"
    r"(?:\s*(?:no|nr|number))?\s*[.:]+\s*|(?:phone|mobile|cell|work|home|office|tel)\s+", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(?:\([a-z. ]+\)|(?<![a-z])(?:mobile|cell|work|home|office|direct|main|fax))$", re.IGNORECASE)
_PARTS = re.compile(r"\s*[;,|\n\r]\s*|\s+/\s+|\s+(?:or|and|und|oder|et|ou)\s+", re.IGNORECASE)
_FLOAT = re.compile(r"(\d{7,})\.0+")
_PLAUSIBLE = re.compile(r"\+?[\d\s().\-/·‐-–]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d")
_VANITY = re.compile(r"[+(]?\d[\d().\s-]*[a-z][a-z0-9-]*", re.IGNORECASE)
_EXTENSION = re.compile(r"[\s,;]*(?:;ext=|\bext(?:ension|\.)?|\bextn\.?|x|#|durchwahl|int\.?|poste)\s*[.:]?\s*\d{1,7}$",
                        re.IGNORECASE)
_RUN = re.compile(r"(?<![\w.])\+?[(\d][\d\s().\-/]{5,}\d(?!\w)")
_LETTER = re.compile(r"[^\W\d_]")
LONGEST_TYPED = 20
"""Characters of a number that is kept as typed (the original systems' rule)."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number to store. `valid` = a numbering plan knows it, and `text` is E.164, an extension as `;ext=12`."""

    text: str
    valid: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one cell in its order; `rest` is the cell's text where anything of it is in none of them."""

    found: tuple[Number, ...]
    rest: str = ""


def read_numbers(cell: str, region: str) -> Numbers:
    """Every phone number of a cell. `region` is the ISO 3166 country of numbers without a prefix."""
    text = one_line(cell)
    if (whole := read_number(text, region)) and whole.valid:
        return Numbers((whole,))
    return _listed(cell, region) or (Numbers((whole,)) if whole else _among_words(text, region))


def read_number(text: str, region: str) -> Number | None:
    """The number that a text is, or None: not 7 to 15 digits, words around it, longer than anybody would type."""
    text = _bare(one_line(text))
    if valid := _valid(text, region.upper()):
        return Number(valid, valid=True)
    digits = sum(map(str.isdigit, text))
    if not 7 <= digits <= 15 or len(text) > LONGEST_TYPED or _DATE.fullmatch(text):
        return None
    return Number(text, valid=False) if _PLAUSIBLE.fullmatch(text) else None


def _listed(cell: str, region: str) -> Numbers | None:
    """`030 901820 / 0171 1234567`: parts that hold at least one valid number."""
    parts = _PARTS.split(cell.strip())
    if len(parts) == 1:
        parts = cell.split("/")
    found = [number for part in parts if (number := read_number(part, region))]
    if len(parts) == 1 or not any(number.valid for number in found):
        return None
    every = len(found) == sum(not is_missing(part) for part in parts)
    return Numbers(tuple(found), "" if every else one_line(cell))


def _among_words(text: str, region: str) -> Numbers:
    """`030 901820 ask for Jane`: a valid number is taken, and the whole text stays beside it."""
    if not _LETTER.search(text):
        return Numbers((), text)
    found = [number for run in _RUN.findall(text) if (number := read_number(run, region)) and number.valid]
    return Numbers(tuple(found), text)


def _bare(text: str) -> str:
    text = unquoted(text).lstrip("'").strip(" ,;:")
    text = _COMMENT.sub("", _LABEL.sub("", text, count=1) if _LABEL.match(text) else text).strip()
    return exact[1] if (exact := _FLOAT.fullmatch(text)) else text


def _valid(text: str, region: str) -> str | None:
    if _dialled(text) or _is_vanity(text):
        return _e164(text, region) or _with_prefix(text, region)
    return None


def _dialled(text: str) -> bool:
    """Enough digits, and no letters but those of an extension."""
    return 4 <= sum(map(str.isdigit, text)) <= 25 and _LETTER.search(_EXTENSION.sub("", text)) is None


def _is_vanity(text: str) -> bool:
    """1-800-FLOWERS."""
    return len(_LETTER.findall(text)) >= 3 and _VANITY.fullmatch(text) is not None


def _with_prefix(text: str, region: str) -> str | None:
    """`0049 30 ...` and `4930...` say their country too; tried only where the region does not know the number."""
    if text.startswith("00"):
        return _e164("+" + text[2:].lstrip(), region)
    if text[:1] in "123456789" and len(re.sub(r"\D", "", _EXTENSION.sub("", text))) >= 11:
        return _e164("+" + text, region)
    return None


def _e164(text: str, region: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or (number.extension and not _EXTENSION.search(text)):
        return None  # the library takes "212-555-0123; 4155550100" for an extension of ten digits
    dialled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{dialled};ext={number.extension}" if number.extension else str(dialled)
