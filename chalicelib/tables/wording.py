"""What a header says: which fields its words name, how surely, and which words turn their meaning.

`Phone`, `PHONE_NO` and `Tel. (work)` say phone; `Phone verified` and `Name of pet` do not, since "verified" and "pet"
tell that the column is about something else. All look-ups go through one index, so that a sheet of 16,384 columns is
scored in a second or two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

EXACT = 1.0
NUMBERED = 0.95
QUALIFIED = 0.93
LIKELY = 0.8
COMPOUND = 0.72
PARTIAL = 0.62
_LONGEST_RUN = 6
_LONGEST_HEADER = 120
_SHORTEST_PART = 5
"""Letters of a word that is recognised inside a compound (Firmentelefon)."""


class Worded(Protocol):
    """The words of a field; `columns.FieldSpec` documents them."""

    @property
    def name(self) -> str: ...
    @property
    def synonyms(self) -> tuple[str, ...]: ...
    @property
    def generic(self) -> frozenset[str]: ...
    @property
    def beside(self) -> frozenset[str]: ...
    @property
    def turns(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Said:
    """How well a header names a field, 0 to 1, and by which known header. `turned`: a word says that it means other."""

    score: float
    by: str
    how: str
    turned: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    field: str
    text: str


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """`firstName`, `FIRST_NAME` and `Prénom (1)` as plain words: lower case, no accents, no punctuation."""
    spaced = _CAMEL.sub(" ", text)
    plain = "".join(each for each in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(each))
    plain = plain.casefold().translate(_LETTERS)
    return tuple("".join(each if each.isalnum() else " " for each in plain).split())


def squeezed(text: str) -> str:
    """The words without spaces, so that `E-Mail`, `e mail` and `email` are one."""
    return "".join(words(text))


def is_nameless(header: str) -> bool:
    """True for headers that say nothing: blank, `column C`, `Column1`, `Unnamed: 0`, `Spalte 3`, `F2`."""
    return not words(header) or _NAMELESS.fullmatch(" ".join(words(header))) is not None


_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])")
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ı": "i"})
"""Letters that Unicode does not take apart, and that people type without their strokes."""
_EXPLANATION = re.compile(r"\((?:[^()\s]+\s+){2,}[^()]*\)")
"""Three words and more in brackets explain the header: `Full name (as in passport)`."""
_NAMELESS = re.compile(
    r"(?:column|col|field|feld|spalte|colonne|columna|colonna|coluna|kolom|kolumna|kolumn|kolonne|sloupec|oszlop|unnamed"
    r"|var|f|c|v)? ?(?:[a-z]{1,2}|\d{1,5})(?: \d+)?|column|unnamed|untitled")


class Lexicon:
    """The known headers of some fields."""

    def __init__(self, fields: Sequence[Worded]) -> None:
        self._fields = {spec.name: spec for spec in fields}
        self._exact: dict[str, list[_Known]] = {}
        for spec in fields:
            for text in (spec.name, *spec.synonyms):
                self._exact.setdefault(squeezed(text), []).append(_Known(spec.name, text))
        self._by_length: dict[int, list[tuple[int, str]]] = {}
        for key in self._exact:
            self._by_length.setdefault(len(key), []).append((_letters(key), key))

    def said(self, header: str, *, typos: bool = True) -> dict[str, Said]:
        """Per field what the header says of it, fields of which it says nothing left out.

        Without `typos` only words that are spelt right count, which is a hundred times cheaper.
        """
        said = words(_EXPLANATION.sub("", header[:_LONGEST_HEADER]))
        spoken = [word for word in said if not word.isdigit()]
        if not spoken:
            return {}
        found: dict[str, Said] = {}
        for hit in self._hits(said, spoken, typos=typos):
            name, heard = hit
            if name not in found or _rank(heard) > _rank(found[name]):
                found[name] = heard
        return found

    def _hits(self, said: Sequence[str], spoken: list[str], *, typos: bool) -> Iterator[tuple[str, Said]]:
        whole = list(self._named("".join(said), EXACT, "says so"))
        whole = whole or list(self._named("".join(spoken), NUMBERED, "says so, with a number"))
        yield from whole
        if whole:
            return
        yield from self._among(spoken)
        yield from self._compound("".join(spoken))
        if typos:
            yield from self._mistyped("".join(spoken), spoken)

    def _named(self, key: str, score: float, how: str) -> Iterator[tuple[str, Said]]:
        for known in self._exact.get(key, ()):
            yield known.field, Said(score, known.text, how)

    def _among(self, spoken: list[str]) -> Iterator[tuple[str, Said]]:
        """Known headers among other words: `Work e-mail (required)`. Parts of a longer one count no more."""
        taken: list[range] = []
        for length in range(min(len(spoken) - 1, _LONGEST_RUN), 0, -1):
            for at in range(len(spoken) - length + 1):
                key = "".join(spoken[at:at + length])
                if key not in self._exact or any(at in run and at + length - 1 in run for run in taken):
                    continue
                taken.append(range(at, at + length))
                rest = spoken[:at] + spoken[at + length:]
                for known in self._exact[key]:
                    if heard := self._beside(known, key, rest, length / len(spoken), single=length == 1):
                        yield known.field, heard

    def _beside(self, known: _Known, key: str, rest: list[str], share: float, *, single: bool) -> Said | None:
        spec = self._fields[known.field]
        turned = next((word for word in rest if self._turns(word, spec)), "")
        if turned:
            return Said(0.0, known.text, "", turned)
        if all(word in spec.beside for word in rest):
            return Said(round(QUALIFIED - 0.02 * len(rest), 3), known.text, "says so, with words around it")
        if single and (key in spec.generic or len(key) < 3):
            return None
        return Said(round(PARTIAL + 0.2 * share, 3), known.text, "holds a word for it")

    def _turns(self, word: str, spec: Worded) -> bool:
        """A word that makes the header be about something else, be it another field: `Kontaktperson E-Mail`."""
        if word in spec.beside:
            return False
        return word in spec.turns or any(known.field != spec.name for known in self._exact.get(word, ()))

    def _compound(self, key: str) -> Iterator[tuple[str, Said]]:
        """`Firmentelefon`, `Telefonprivat`: one word in front of a known header, or one that we know behind it."""
        for cut in range(2, len(key) - _SHORTEST_PART + 1):
            for known in self._exact.get(key[cut:], ()):
                yield from self._part(known, key[cut:], key[:cut], COMPOUND)
        for cut in range(_SHORTEST_PART, len(key) - 1):
            for known in self._exact.get(key[:cut], ()):
                yield from self._part(known, key[:cut], key[cut:], 0.0)

    def _part(self, known: _Known, key: str, other: str, unknown: float) -> Iterator[tuple[str, Said]]:
        """`unknown` is the score where the other part is a word that we do not know."""
        spec = self._fields[known.field]
        if other in spec.turns:
            yield known.field, Said(0.0, known.text, "", other)
        elif other in spec.beside:
            yield known.field, Said(0.9, known.text, "holds a word for it")
        elif unknown and key not in spec.generic:
            yield known.field, Said(unknown, known.text, "holds a word for it")

    def _mistyped(self, key: str, spoken: Sequence[str]) -> Iterator[tuple[str, Said]]:
        """One slip in five letters, two in nine; the first letter is rarely mistyped, and tells words apart."""
        slips = (len(key) >= 5) + (len(key) >= 9)
        letters = _letters(key)
        for length in range(len(key) - slips, len(key) + slips + 1):
            for mask, known in self._by_length.get(length, ()) if slips else ():
                near = known[0] == key[0] and (mask ^ letters).bit_count() <= 2 * slips and length >= _SHORTEST_PART
                if near and (far := distance(known, key, slips)) <= slips:
                    for each in self._exact[known]:
                        if self._fields[each.field].turns.isdisjoint((key, *spoken)):
                            yield each.field, Said(round(LIKELY - 0.03 * (far - 1), 3), each.text, "nearly says so")


def distance(left: str, right: str, most: int) -> int:
    """Edits (insert, delete, replace, swap neighbours) from one to the other; stops counting beyond `most`."""
    if abs(len(left) - len(right)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        earlier, before, row = before, row, [i] + [0] * len(right)
        for j, b in enumerate(right, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                row[j] = min(row[j], earlier[j - 2] + 1)
        if min(row) > most:
            break
    return min(row[-1], most + 1)


def _letters(text: str) -> int:
    """The set of a text's letters in 32 bits: texts that differ in few edits differ in few of them."""
    mask = 0
    for letter in text:
        mask |= 1 << (ord(letter) % 32)
    return mask


def _rank(heard: Said) -> tuple[bool, float]:
    """A word that turns the meaning outweighs all but an outright name: `e mail opt in` is no `e mail`."""
    return (bool(heard.turned), heard.score)
