"""A description as words that compare: one case, one number, codes with and without hyphens, sizes in one spelling.

`(r)` and possessives go, plurals lose their s, `one` to `ten` become digits, `v5.0` is `5`, and a hyphenated code
stands there both joined and in parts, since half of the world writes `PS-LX350H` and the other half `PSLX350H`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.matching.sizes import SIZE, in_one_spelling, number

LONGEST = 600
"""Characters of a description that are looked at; a longer one is prose, or an attack."""
STOP = frozenset({"and", "the", "for", "of", "with", "a", "in", "to", "by", "on", "or", "at", "from", "as", "per",
                  "incl", "including", "each", "complete", "all"})
_NUMERALS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
             "nine": "9", "ten": "10"}
_NOISE = re.compile(r"\((?:r|tm|c)\)|[®™©]|'s\b|(?<![\d'])'|(?<=[^\W\d_])'(?!')")
_WORD = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_VERSION = re.compile(r"v?\.?(\d{1,9}(?:\.\d{1,6})?)")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Words:
    """`sequence` in order of writing; `marks`: of each written word with digits, its joined form and its parts."""

    sequence: tuple[str, ...] = ()
    marks: tuple[tuple[str, ...], ...] = ()


def words(text: str, longest: int = LONGEST) -> Words:
    """All words of a text; never fails, whatever the text is."""
    sequence: list[str] = []
    marks: list[tuple[str, ...]] = []
    for word in _WORD.findall(_folded(text[:longest])):
        found = _forms(word)
        sequence += found
        if _DIGIT.search(word):
            marks.append(tuple(form for form in found if _DIGIT.search(form)))
    return Words(tuple(sequence), tuple(marks))


def code_key(code: str) -> str:
    """A code without anything but letters and digits; a number without its leading zeros (spreadsheets lose them)."""
    plain = "".join(sign for sign in _folded_letters(code[:80]) if sign.isalnum())
    return plain.lstrip("0") if plain.isdigit() else plain


@lru_cache(100_000)
def is_code(word: str) -> bool:
    """Whether a word looks like a model code or an article number: digits with letters, or many digits; no size."""
    return len(word) >= 4 and bool(_DIGIT.search(word)) and word.isalnum() \
        and (len(word) >= 5 or not word.isdigit()) and not SIZE.fullmatch(word)


def has_digit(word: str) -> bool:
    return bool(_DIGIT.search(word))


def _folded(text: str) -> str:
    folded = _NOISE.sub("", _folded_letters(text)).replace("&", " and ")
    return in_one_spelling(folded) if _DIGIT.search(folded) or not folded.isascii() else folded


def _folded_letters(text: str) -> str:
    if text.isascii():
        return text.lower()
    kept = text.replace("™", "").replace("”", '"').replace("″", '"').replace("’", "'").replace("′", "'")
    for sign in "½¼¾⅛⅜⅝⅞⅓⅔":
        kept = kept.replace(sign, f" {unicodedata.normalize('NFKD', sign)}".replace("\u2044", "/"))
    parts = unicodedata.normalize("NFKD", kept.replace("ß", "ss")).casefold()
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


@lru_cache(200_000)
def _forms(word: str) -> tuple[str, ...]:
    if word.isalpha():
        return (_stem(word),)
    if SIZE.fullmatch(word):
        return (word,)
    version = _VERSION.fullmatch(word)
    if version:
        return (number(float(version[1])) if "." in version[1] else version[1],)
    parts = [part for part in re.split(r"[-./]", word) if part]
    if len(parts) == 1:
        return (_stem(word),)
    joined = ("".join(parts),) if _DIGIT.search(word) and len(word) >= 5 else ()
    return joined + tuple(_stem(part) for part in parts)


def _stem(word: str) -> str:
    plural = len(word) > 3 and word.endswith("s") and not word.endswith("ss") and word.isalpha()
    return _NUMERALS.get(word) or (word[:-1] if plural else word)
