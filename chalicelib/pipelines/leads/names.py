"""Names of people: taken apart, put in order, and written the way names are written.

The parser knows titles, particles, suffixes and "Doe, Jane"; two plain words need no parser, and most names
are that. Only a name all in capitals or all in small letters is re-cased: whoever typed McDonald or DeLuca meant it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.pipelines.leads.cells import one_line, unquoted
from chalicelib.pipelines.leads.fields import MISSING
from chalicelib.pipelines.leads.given_names import GIVEN_NAMES
from chalicelib.tables.wording import squeezed

_PLAIN_WORD = re.compile(r"[^\W\d_]{2,}(?:[-'’][^\W\d_]{2,})*")
_OUTSIDE_LATIN = re.compile(r"[\u0590-\u08ff\u0900-\u1fff\u2e80-\uffff]")
_SALUTATION = re.compile(
    r"(?:(?:mr|mrs|ms|miss|mx|dr|prof|herr|frau|mme|mlle|dott|sig|sra|sr)\.?\s+)+(?=\S)", re.IGNORECASE)
_HONORARY = re.compile(r"(?<=[Dd]r\.)\s*[eh]\.\s?[hc]\.(?:\s?mult\.)?|(?<=[Dd]r)\s+h\.?c\.?(?=\s)")
_WORD = re.compile(r"[^\W\d_]+(?:['’`.][^\W\d_]+)*['’`]?")
_PARTICLES = frozenset({
    "van", "von", "der", "den", "de", "del", "dos", "das", "da", "zu", "y", "e", "ter", "ten", "af", "av", "bin",
    "ibn", "op", "vom", "zum", "zur",
})
_AFTER_PARTICLE = frozenset({
    "la", "las", "le", "les", "los",
})
_AS_WRITTEN = {"ii": "II", "iii": "III", "iv": "IV", "phd": "PhD", "ph.d": "Ph.D", "md": "MD", "mba": "MBA",
               "cpa": "CPA", "dds": "DDS", "jr": "Jr", "sr": "Sr", "esq": "Esq"}
_MAC = frozenset({
    "macalister", "macarthur", "macaulay", "maccarthy", "macdermott", "macdonald", "macdonnell", "macdougall",
    "macduff", "macfarlane", "macgregor", "macinnes", "macintosh", "macintyre", "mackinnon", "mackintosh",
    "maclaren", "maclean", "maclellan", "macleod", "macmahon", "macmillan", "macnab", "macneil", "macneill",
    "macphail", "macpherson", "macqueen", "macrae", "macsween", "mactavish",
})


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name: in full and in reading order, and the given and family name out of it ("" = not there)."""

    full: str
    first: str
    last: str


def read_name(cell: str) -> Name:
    """The name in a cell: "Doe, Jane", "Dr. Jane van der Berg Jr.", "JANE DOE". Middle names are in `full`."""
    return _read(unquoted(one_line(cell)))


def without_salutation(first: str) -> str:
    """ "Dr. Jane" is called Jane."""
    return _SALUTATION.sub("", first, count=1) if _SALUTATION.match(first) else first


def proper_case(first: str, last: str) -> tuple[str, str]:
    """First and last name as names are written, where they were typed in one case.

    Two capitals beside a mixed part are initials or a short name (JP, NG) and stay, and so do NA and null.
    """
    both = f"{first} {last}"
    if both.isupper() or both.islower():
        return _cased(first, opens=True), _cased(last, opens=not first)
    return _part_cased(first, opens=True), _part_cased(last, opens=not first)


@lru_cache(maxsize=2048)
def _read(text: str) -> Name:
    if name := _surname_in_capitals(text):
        return name
    if plain := _two_plain_words(text):
        first, last = proper_case(*plain)
        return Name(f"{first} {last}", first, last)
    from nameparser import parse

    parsed = parse(_HONORARY.sub("", text))
    family = _both_surnames(text) or parsed.family
    first, last = proper_case(parsed.given, family)
    full = _full_cased(_in_order(text, parsed) if "," in text else text)
    return Name(_replaced(full, {parsed.given: first, family: last}), first, last)


def _surname_in_capitals(text: str) -> Name | None:
    """ "DUPONT Jean", "LE PEN Marine", "María José GARCÍA LÓPEZ": French and Spanish lists shout the surname.

    A first name in capitals before a surname that is none ("JOSE Smith") keeps its place, and so do initials.
    """
    if not _MAYBE_LOUD.search(text):
        return None
    words = text.split()
    loud = [_SCOTTISH.sub("", word).isupper() for word in words]
    if not all(map(_NAME_WORD.fullmatch, words)) or not any(loud) or all(loud) or _outside_names(words):
        return None
    run = loud.index(False) if loud[0] else loud.index(True)
    before, after = words[:run], words[run:]
    if any(loud[run:]) == loud[0] or (not loud[0] and not all(loud[run:])):
        return None
    surname, given = (before, after) if loud[0] else (after, before)
    if max(map(len, surname)) < 3 or (loud[0] and _is_given(surname[0]) and not _is_given(given[0])):
        return None
    last = _cased(" ".join(surname), opens=False)
    return Name(f"{' '.join(given)} {last}", given[0], last)


_NAME_WORD = re.compile(r"(?=..)[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_MAYBE_LOUD = re.compile(r"[^\W\d_a-zß-ÿ]{2}")
_SCOTTISH = re.compile(r"^Ma?c(?=.)")


def _outside_names(words: list[str]) -> bool:
    """A word to which the parser gives a meaning of its own, other than that of a particle: CEO, Dr, PhD, Jr."""
    return any(word.casefold() in _vocabulary() - _PARTICLES - _AFTER_PARTICLE for word in words)


def _is_given(word: str) -> bool:
    return squeezed(word.casefold()) in GIVEN_NAMES


def _both_surnames(text: str) -> str:
    """ "María José García López": two first names and two words that are none are a Spanish name with both surnames."""
    words = text.split()
    if len(words) != 4 or not all(map(_NAME_WORD.fullmatch, words)) or _outside_names(words):
        return ""
    return " ".join(words[2:]) if [_is_given(word) for word in words] == [True, True, False, False] else ""


def _two_plain_words(text: str) -> tuple[str, str] | None:
    """ "Jane Doe" and "Doe, Jane", where the parser attaches no meaning to either word."""
    before, comma, after = text.partition(", " if "," in text else " ")
    if not (_PLAIN_WORD.fullmatch(before) and _PLAIN_WORD.fullmatch(after)) or _OUTSIDE_LATIN.search(text):
        return None
    if before.casefold() in _vocabulary() or after.casefold() in _vocabulary():
        return None
    return (after, before) if comma == ", " else (before, after)


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """Every word to which the parser gives a meaning of its own."""
    from nameparser import Lexicon

    known = Lexicon.default()
    return frozenset().union(
        known.titles, known.given_name_titles, known.suffix_acronyms, known.suffix_words,
        known.suffix_acronyms_ambiguous, known.particles, known.particles_ambiguous, known.conjunctions,
        known.conjunctions_ambiguous, known.bound_given_names, known.maiden_markers,
        known.honorific_tails, known.after_given_titles, known.surnames)


def _in_order(text: str, parsed: object) -> str:
    """The pieces of "Doe, Jane Q., Jr." as they are spoken."""
    title, given, middle, family, suffix, nickname = (
        getattr(parsed, part) for part in ("title", "given", "middle", "family", "suffix", "nickname"))
    pieces = (title, given, f'"{nickname}"' if nickname else "", middle, family, suffix)
    return " ".join(piece for piece in pieces if piece) or text


def _replaced(full: str, parts: Mapping[str, str]) -> str:
    for typed, cased in parts.items():
        if typed != cased:
            full = re.sub(rf"(?<!\w){re.escape(typed)}(?!\w)", cased.replace("\\", r"\\"), full, count=1)
    return full


def _full_cased(text: str) -> str:
    return _cased(text, opens=True) if text.isupper() or text.islower() else text


def _part_cased(text: str, *, opens: bool) -> str:
    if text.islower() or (text.isupper() and sum(map(str.isalpha, text)) > 2 and "." not in text):
        return _cased(text, opens=opens)
    return text


def _cased(text: str, *, opens: bool) -> str:
    if text.casefold() in MISSING:
        return text
    return "".join(_pieces(text, opens=opens))


def _pieces(text: str, *, opens: bool) -> Iterator[str]:
    """The text word by word; what is between words stays. `opens`: its first word begins the person's name."""
    words = list(_WORD.finditer(text))
    end, before = 0, ""
    for place, word in enumerate(words):
        yield text[end: word.start()]
        before = _word_cased(word[0], before, first=opens and place == 0, last=word is words[-1])
        yield before
        end = word.end()
    yield text[end:]


def _word_cased(word: str, before: str, *, first: bool, last: bool) -> str:
    lower = _lower(word)
    if not first and lower in _AS_WRITTEN:
        return _AS_WRITTEN[lower]
    if not first and not last and (lower in _PARTICLES or (lower in _AFTER_PARTICLE and before in _PARTICLES)):
        return lower
    if first and word.isupper() and len(word) == 2 and not set(lower) & set("aeiouyäöüáéíóúàèìòùâêîôû"):
        return word
    return word[0].upper() + _capital(lower)[1:]


def _capital(lower: str) -> str:
    """O'Neil, D'Angelo, J.R.R., McDonald; but Mary's."""
    if lower in _MAC:
        return "Mac" + lower[3:].capitalize()
    if lower.startswith("mc") and len(lower) > 3:
        return "Mc" + lower[2].upper() + lower[3:]
    parts = re.split(r"(['’`.])", lower)
    return "".join(part[:1].upper() + part[1:] if _begins(parts, place) else part for place, part in enumerate(parts))


def _begins(parts: list[str], place: int) -> bool:
    """Does a capital belong to this part? After an apostrophe only behind one or two letters: O'Neil, but Mary's."""
    if place == 0 or parts[place - 1] == ".":
        return True
    return len(parts[place - 2]) <= 2 and len(parts[place]) > 1


def _lower(word: str) -> str:
    return word.lower().replace("i̇", "i")
