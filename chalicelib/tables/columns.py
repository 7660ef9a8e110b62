"""Which column is which field: by what its header says, near misses included, and by what stands in it.

Every pair of a column and a field gets a score from 0 to 1, out of the header (`wording`) and of the cells (the field's
own judge). Fields are then given out so that the sum of scores is the largest. What stays below `THRESHOLD`, or is as
likely another field, is not mapped but listed as a candidate: an unmapped column is kept and can be mapped by hand, a
wrong one spoils leads.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.tables.assignment import best_assignment
from chalicelib.tables.wording import EXACT, NUMBERED, Lexicon, Said, is_nameless, squeezed, words

__all__ = ["THRESHOLD", "ColumnMap", "Evidence", "FieldSpec", "MappedColumn", "Memory", "fingerprint", "map_columns",
           "map_nameless", "squeezed", "words"]

THRESHOLD = 0.6
SAMPLE_CELLS = 50_000
"""Cells looked at in a sheet; a wide one shows fewer of each column, but never below three."""
TYPO_COLUMNS = 512
"""Columns whose headers are also compared letter by letter."""
CANDIDATES = 3
_FEWEST_VALUES = 3
_MARGIN = 0.05
_CONTRADICTED = 0.6
_TYPICAL = 0.8
_UNTYPICAL = 0.2


Memory = Callable[[Sequence[str], Mapping[str, str]], Mapping[str, str]]
"""Asked once for each worksheet, with its headers and what the upload maps; answers what is remembered for them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a column's cells say of a field, shares from 0 to 1.

    `support` of the cells look like the field; `against` are plainly something else, and `what` names that. `alone` is
    how far the cells are believed where the header says nothing; `stubborn` cells are believed whatever it says.
    """

    support: float = 0.0
    against: float = 0.0
    what: str = ""
    alone: float = 0.0
    stubborn: bool = False


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field that columns may map to. `looks_like` judges one non-blank cell, `judge` a column's cells.

    `generic`: single words that mean the field only by themselves (`Name`, but not `Product name`). `beside`: words
    that change nothing (`Work phone`). `turns`: words that make a header mean something else (`Phone verified`).
    `neighbour`: a field beside which a column of `alone` cells is believed, though not elsewhere.
    """

    name: str
    synonyms: tuple[str, ...]
    looks_like: Callable[[str], bool] | None = None
    judge: Callable[[Sequence[str]], Evidence] | None = None
    generic: frozenset[str] = frozenset({"name", "title", "source", "number", "note", "notes", "contact", "company"})
    beside: frozenset[str] = frozenset()
    turns: frozenset[str] = frozenset()
    neighbour: str = ""


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column's place, for people: `field` is "" where it has none; `candidates` are the likeliest others."""

    header: str
    field: str
    score: float
    reason: str
    candidates: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """`fields`: header -> field, unmapped headers absent, those that a person excluded as "". `scores`: header -> field
    -> score, zeros left out. `columns`: all of it with reasons, in the order of the sheet."""

    fields: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    columns: tuple[MappedColumn, ...] = ()


def map_columns(
    headers: Sequence[str],
    samples: Mapping[str, Sequence[str]],
    fields: Sequence[FieldSpec],
    given: Mapping[str, str] | None = None,
    remembered: Mapping[str, str] | None = None,
) -> ColumnMap:
    """Give each field to at most one column, for the largest sum of scores, and the leftmost column among equals.

    `samples` holds some non-blank values per header. `given` (header -> field, or "" for none) is settled beforehand,
    `remembered` from an earlier file of the same headers after it; their headers are compared without regard to case,
    accents and punctuation.
    """
    settled = _settled(headers, given or {}, "given")
    taken = {one.field for one in settled.values()}
    recalled = _settled(headers, remembered or {}, "remembered")
    settled = {header: one for header, one in recalled.items() if one.field not in taken - {""}} | settled
    taken |= {one.field for one in settled.values()}
    scored = _scored(headers, samples, tuple(fields))
    chosen = _chosen([header for header in headers if header not in settled], scored, fields, taken)
    _ask_neighbours(headers, chosen, scored, fields, taken | set(chosen.values()), set(settled))
    columns = tuple(settled.get(header) or _told(header, chosen.get(header, ""), scored[header]) for header in headers)
    mapped = {one.header: one.field for one in columns if one.field or one.header in settled}
    scores = {header: {name: pair.score for name, pair in pairs.items() if pair.score > 0}
              for header, pairs in scored.items()}
    return ColumnMap(mapped, scores, columns)


def map_nameless(
    names: Sequence[str], samples: Mapping[str, Sequence[str]], fields: Sequence[FieldSpec]
) -> ColumnMap | None:
    """The columns of a table without a header, by their cells alone; None unless two or more are recognised.

    `names` are made up (`column A`); the first row belongs to the samples.
    """
    found = map_columns(names, samples, fields)
    return found if len(found.fields) >= 2 else None


def fingerprint(headers: Sequence[str]) -> str:
    """Which headers a sheet has, in whatever order, case and punctuation; "" where hardly any says something.

    Tables without a header are all alike, so what was mapped in one says nothing about the next.
    """
    told = sorted({squeezed(header) for header in headers if not is_nameless(header)})
    if len(told) < 2:
        return ""
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


# --- what is settled beforehand


def _settled(headers: Sequence[str], wanted: Mapping[str, str], reason: str) -> dict[str, MappedColumn]:
    """What is wanted, also one field for several headers: their cells then stand beside each other."""
    by_key = {squeezed(header): name for header, name in wanted.items()}
    found: dict[str, MappedColumn] = {}
    for header in headers:
        key = squeezed(header)
        if header in wanted or (key and key in by_key):
            name = wanted[header] if header in wanted else by_key[key]
            found[header] = MappedColumn(header, name, 1.0, reason)
    return found


# --- scores


@dataclass(frozen=True, slots=True)
class _Pair:
    """A column and a field: `mapped` = may become a mapping, `said` = the header has a part in the score."""

    score: float
    reason: str
    said: bool
    alone: float = 0.0


@lru_cache(maxsize=8)
def _lexicon(fields: tuple[FieldSpec, ...]) -> Lexicon:
    return Lexicon(fields)


def _scored(
    headers: Sequence[str], samples: Mapping[str, Sequence[str]], fields: tuple[FieldSpec, ...]
) -> dict[str, dict[str, _Pair]]:
    lexicon, most = _lexicon(fields), max(_FEWEST_VALUES, SAMPLE_CELLS // max(len(headers), 1))
    scored: dict[str, dict[str, _Pair]] = {}
    for place, header in enumerate(headers):
        said = {} if is_nameless(header) else lexicon.said(header, typos=place < TYPO_COLUMNS)
        values = tuple(samples.get(header, ())[:most])
        pairs = {spec.name: _pair(header, said.get(spec.name), _evidence(spec, values), spec) for spec in fields}
        scored[header] = {name: pair for name, pair in pairs.items() if pair.score > 0 or pair.alone > 0}
    return scored


def _evidence(spec: FieldSpec, values: tuple[str, ...]) -> Evidence | None:
    """None where the cells tell nothing: there are none, or nobody can judge them."""
    if not values:
        return None
    if spec.judge is not None:
        return spec.judge(values)
    if spec.looks_like is None:
        return None
    share = sum(1 for value in values if spec.looks_like(value)) / len(values)
    believed = 0.65 if len(values) >= _FEWEST_VALUES else 0.0
    return Evidence(share, alone=believed * share if share >= _TYPICAL else 0.0, stubborn=True)


def _pair(header: str, said: Said | None, seen: Evidence | None, spec: FieldSpec) -> _Pair:
    if said is None or said.turned:
        return _by_cells(said, seen or Evidence(), nameless=is_nameless(header))
    reason = f'the header {said.how} ("{said.by}")'
    if seen is None:
        return _Pair(said.score, reason, said=True)
    if seen.against >= _CONTRADICTED:
        return _Pair(round(said.score * (0.45 if said.score >= NUMBERED else 0.4), 3),
                     f"{reason}, but the cells are {seen.what}", said=True)
    if said.score >= NUMBERED:
        return _Pair(said.score, reason, said=True)
    if seen.support >= _TYPICAL:
        return _Pair(round(min(said.score + 0.1, 0.99), 3), f"{reason}, and the cells look like it", said=True)
    if seen.support < _UNTYPICAL and spec.judge is None:
        return _Pair(round(said.score * 0.7, 3), f"{reason}, but the cells do not look like it", said=True)
    return _Pair(_unsupported(said.score, seen), reason, said=True)


def _unsupported(score: float, seen: Evidence) -> float:
    """A header that only nearly names a field needs cells that bear it out."""
    doubt = 0.85 if seen.support < _UNTYPICAL and score <= LIKELY_AT_MOST else 1.0
    return round(min(score + 0.1 * seen.support, EXACT) * doubt, 3)


LIKELY_AT_MOST = 0.82
"""Scores of headers that only hold a word for a field, or nearly say it."""


def _by_cells(said: Said | None, seen: Evidence, *, nameless: bool) -> _Pair:
    """The header does not name the field, or names it with a word that turns the meaning."""
    score = round(seen.alone, 3)
    if said is not None:
        return _Pair(min(score, THRESHOLD - 0.1), f'"{said.turned}" in the header says that it is something else',
                     said=False)
    if seen.stubborn or nameless:
        return _Pair(score, "the cells look like it", said=False, alone=score)
    return _Pair(min(score, THRESHOLD - 0.1), "the cells look like it, the header does not", said=False)


# --- the choice


def _chosen(
    headers: Sequence[str], scored: Mapping[str, Mapping[str, _Pair]], fields: Sequence[FieldSpec], taken: set[str]
) -> dict[str, str]:
    names = [spec.name for spec in fields if spec.name not in taken]
    able = [header for header in headers if not _is_torn(scored[header])
            and any(name in names and pair.score >= THRESHOLD for name, pair in scored[header].items())]
    able = _best_of(able, scored, names)
    worth = [[_worth(scored[header].get(name)) for header in able] for name in names]
    places = best_assignment(worth)
    return {able[place]: name for name, place in zip(names, places, strict=True) if place is not None}


def _worth(pair: _Pair | None) -> float:
    return pair.score if pair is not None and pair.score >= THRESHOLD else 0.0


def _is_torn(pairs: Mapping[str, _Pair]) -> bool:
    """The cells alone speak, and for two fields alike."""
    ranked = sorted(pairs.values(), key=lambda pair: -pair.score)
    return (len(ranked) > 1 and not ranked[0].said and ranked[0].score - ranked[1].score < _MARGIN
            and ranked[1].score >= THRESHOLD)


def _best_of(able: list[str], scored: Mapping[str, Mapping[str, _Pair]], names: Sequence[str]) -> list[str]:
    """Of many columns the best of each field, as many as there are fields: others cannot be in a best choice."""
    kept: set[str] = set()
    for name in names:
        kept |= set(sorted(able, key=lambda header: -_worth(scored[header].get(name)))[: len(names)])
    return [header for header in able if header in kept]


def _ask_neighbours(
    headers: Sequence[str], chosen: dict[str, str], scored: Mapping[str, Mapping[str, _Pair]],
    fields: Sequence[FieldSpec], taken: set[str], settled: set[str],
) -> None:
    """A nameless column of surnames looks like any words, but beside the first names it is the surnames."""
    for spec in fields:
        holder = next((header for header, name in chosen.items() if name == spec.neighbour), None)
        if holder is None or spec.name in taken:
            continue
        at = headers.index(holder)
        for header in (*headers[at + 1: at + 2], *headers[max(at - 1, 0): at]):
            pair = scored[header].get(spec.name)
            if header not in chosen and header not in settled and pair is not None and pair.alone > 0:
                chosen[header] = spec.name
                break


def _told(header: str, name: str, pairs: Mapping[str, _Pair]) -> MappedColumn:
    others = sorted(((pair.score, other) for other, pair in pairs.items() if other != name and pair.score > 0),
                    key=lambda each: (-each[0], each[1]))[:CANDIDATES]
    candidates = {other: score for score, other in others}
    if name:
        pair = pairs[name]
        beside = pair.score < THRESHOLD
        return MappedColumn(header, name, max(pair.score, THRESHOLD) if beside else pair.score,
                            f"{pair.reason}, beside its neighbour" if beside else pair.reason, candidates)
    return MappedColumn(header, "", 0.0, _why_not(others, pairs), candidates)


def _why_not(others: Sequence[tuple[float, str]], pairs: Mapping[str, _Pair]) -> str:
    if not others:
        return "neither header nor cells say a field"
    score, name = others[0]
    if score < THRESHOLD:
        return f"perhaps {name}: {pairs[name].reason}"
    if _is_torn(pairs):
        return f"the cells could be {name} or {others[1][1]}"
    return f"another column is {name}"
