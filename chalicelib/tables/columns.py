"""Which column is which field: by what its header says, near misses included, and by what stands in it.

A score is 0 to 1. An exact synonym scores 1; words around a synonym and typing errors score less; values that look
like the field lift a score, values that do not lower it. A column full of e-mails is the e-mail column whatever its
header says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

THRESHOLD = 0.6
_ENOUGH_VALUES = 3
_TYPICAL = 0.8
_UNTYPICAL = 0.2


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field that columns may map to. `looks_like` judges one non-blank cell."""

    name: str
    synonyms: tuple[str, ...]
    looks_like: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """`fields`: header -> field, unmapped headers absent. `scores`: header -> field -> score, zeros left out."""

    fields: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def map_columns(
    headers: Sequence[str],
    samples: Mapping[str, Sequence[str]],
    fields: Sequence[FieldSpec],
    given: Mapping[str, str] | None = None,
) -> ColumnMap:
    """Give each field to at most one column, best scores first, and the leftmost column among equals.

    `samples` holds some non-blank values per header. `given` (header -> field, or "" for none) is settled beforehand;
    its headers are compared without regard to case, accents and punctuation.
    """
    settled = _settled(headers, given or {})
    scores = {header: _scores(header, samples.get(header, ()), fields) for header in headers}
    found = {header: name for header, name in settled.items() if name}
    taken = set(found.values())
    ranked = [(score, header, name) for header in headers for name, score in scores[header].items()]
    ranked.sort(key=lambda each: -each[0])
    for score, header, name in ranked:
        if score >= THRESHOLD and header not in settled and header not in found and name not in taken:
            found[header] = name
            taken.add(name)
    return ColumnMap({header: found[header] for header in headers if header in found}, scores)


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """`firstName`, `FIRST_NAME` and `Prénom (1)` as plain words: lower case, no accents, no punctuation."""
    spaced = _CAMEL.sub(" ", text)
    plain = "".join(each for each in unicodedata.normalize("NFKD", spaced) if not unicodedata.combining(each))
    return tuple("".join(each if each.isalnum() else " " for each in plain.casefold()).split())


def squeezed(text: str) -> str:
    """The words without spaces, so that `E-Mail`, `e mail` and `email` are one."""
    return "".join(words(text))


_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])")
_GENERIC = frozenset({
    "name", "title", "source", "number", "type", "date", "status", "id", "code", "address", "note", "notes",
    "contact", "company", "value", "nom", "numero", "nummer", "nome", "nombre", "naam", "namn", "navn", "firma",
    "titel", "titre", "fonction", "fuente", "quelle",
})
"""Words that say too little alone: `product name` is no person's name."""


def _settled(headers: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    by_key = {squeezed(header): name for header, name in given.items()}
    return {
        header: given[header] if header in given else by_key[squeezed(header)]
        for header in headers
        if header in given or (squeezed(header) and squeezed(header) in by_key)
    }


def _scores(header: str, values: Sequence[str], fields: Sequence[FieldSpec]) -> dict[str, float]:
    scores = {spec.name: round(_score(header, values, spec), 3) for spec in fields}
    return {name: score for name, score in scores.items() if score > 0}


def _score(header: str, values: Sequence[str], spec: FieldSpec) -> float:
    said = max((_said(header, synonym) for synonym in (spec.name, *spec.synonyms)), default=0.0)
    if spec.looks_like is None or not values or said == 1.0:
        return said
    share = sum(1 for value in values if spec.looks_like(value)) / len(values)
    if share >= _TYPICAL and (said or len(values) >= _ENOUGH_VALUES):
        return max(min(said + 0.1, 0.99), 0.65 * share)
    return said * 0.7 if share < _UNTYPICAL and len(values) >= _ENOUGH_VALUES else said


@lru_cache(maxsize=65536)
def _said(header: str, synonym: str) -> float:
    """How well a header names a synonym, 0 to 1."""
    ours, theirs = words(synonym), words(header)
    if not ours or not theirs:
        return 0.0
    left, right = "".join(ours), "".join(theirs)
    if left == right:
        return 1.0
    if right.rstrip("0123456789") == left:
        return 0.95
    if _within(ours, theirs):
        return 0.65 + 0.25 * len(ours) / len(theirs) + (0.02 if theirs[-len(ours) :] == ours else 0)
    slips = 1 if len(left) >= 5 else 0
    slips += len(left) >= 9
    if slips and abs(len(left) - len(right)) <= slips and _distance(left, right, slips) <= slips:
        return 0.8
    return 0.0


def _within(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    if len(ours) == 1 and (ours[0] in _GENERIC or len(ours[0]) < 3):
        return False
    return any(theirs[at : at + len(ours)] == ours for at in range(len(theirs) - len(ours) + 1))


def _distance(left: str, right: str, most: int) -> int:
    """Edits (insert, delete, replace, swap neighbours) from one to the other; stops counting beyond `most`."""
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
