"""How much a row and an item say the same: a cosine of their words' weights, with what people write differently.

Words that are not shared still count as met when two of them are one on the other side (`movie factory`), when codes
begin alike (`fs105`, `fs105na`), when a word is misspelt or cut short; and one that stands in the other side's further
text counts only half against the pair. Prices far apart, numbers that differ and other units take a share away.
The factors are the same for all lists. They were chosen by hand, by F1 over all rows of the public pairs that the
benchmark reports, never by single pairs: those figures flatter them a little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from chalicelib.matching.index import Index, Side, begins_alike, shared_beginning
from chalicelib.matching.model import Units
from chalicelib.matching.sizes import SIZE
from chalicelib.matching.words import has_digit, is_code

ELSEWHERE = 0.5
"""How much less a missing word counts against a pair when the other side's further text has it."""
ELSEWHERE_GAIN = 0.3
PREFIX_GAIN, NEIGHBOUR_GAIN = 0.8, 0.5
NUMBER_FACTOR = 0.8
PRICE_FREE, PRICE_DECAY = 0.35, 0.25
"""Prices may differ by 42 per cent (e to this power); beyond, the score falls with the logarithm of their ratio."""
SECTION_GAIN = 0.15
UNIT_FACTOR: Mapping[Units, float] = {Units.EQUAL: 1.0, Units.UNKNOWN: 0.99, Units.COMPATIBLE: 0.97,
                                      Units.DIFFERENT: 0.85}


@dataclass(frozen=True, slots=True)
class Question:
    """A row as the matcher sees it. `meant`: for words the list does not hold, the words they may stand for."""

    side: Side
    words: frozenset[str]
    weights: Mapping[str, float]
    square: float
    marks: tuple[tuple[str, ...], ...]
    codes: tuple[str, ...]
    elsewhere: frozenset[str]
    meant: Mapping[str, Mapping[str, float]]
    price: float | None = None


@dataclass(slots=True)
class Likeness:
    """What was found about one pair; `score` 0 to about 1."""

    score: float = 0.0
    shared: list[str] = field(default_factory=list)
    code_equal: bool = False
    code_alike: tuple[str, str] | None = None
    code_differs: tuple[str, str] | None = None
    number_differs: tuple[str, str] | None = None
    price_ratio: float | None = None
    section: float = 0.0


def likeness(question: Question, index: Index, place: int, unit: Units, price: float | None) -> Likeness:
    """Compare a question with one item of the list."""
    side, weights = index.sides[place], index.weights
    theirs = side.words if side.maker else frozenset(side.title)
    shared = question.words & theirs
    met = sum(weights[word] ** 2 for word in shared)
    found = Likeness(shared=list(shared))
    mine_square, their_square = question.square, index.lengths[place] ** 2
    mine, others = set(question.words - shared), set(theirs - shared)
    if others and len(side.title) > len(shared):
        their_square -= _spare_forms(side.title, shared, others, index)
    if mine and others:
        met += _joined(question, side, index, mine, others) + _alike(question, index, mine, others, found)
    if side.code and side.code in question.codes:
        found.code_equal = True
        met += index.code_gain
        mine_square += 0 if side.code in question.words else index.code_gain
        their_square += 0 if side.code in theirs else index.code_gain
    mine_square, their_square, extra = _elsewhere(question, side, index, (mine, others), (mine_square, their_square))
    if mine_square > 0 and their_square > 0:
        found.score = met / math.sqrt(mine_square * their_square) + extra
    _differences(mine, others, found)
    _weigh(question, side, index, found, unit, price)
    return found


def _spare_forms(title: tuple[str, ...], shared: frozenset[str], others: set[str], index: Index) -> float:
    """Of a hyphenated word that is shared as one, the parts are not missing: takes them away, answers their square."""
    square = 0.0
    for place, word in enumerate(title):
        if word in shared and has_digit(word):
            run, after = "", place + 1
            while after < len(title) and word.startswith(run + title[after]):
                run += title[after]
                after += 1
            parts = others.intersection(title[place + 1:after]) if run == word else set()
            square += sum(index.weights[part] ** 2 for part in parts)
            others -= parts
    return square


def _joined(question: Question, side: Side, index: Index, mine: set[str], others: set[str]) -> float:
    """Neighbours on one side that are one word on the other."""
    met = 0.0
    for sequence, whole, parts in ((side.title, mine, others), (question.side.title, others, mine)):
        for one, other in pairwise(sequence):
            if one + other in whole and (one in parts or other in parts):
                met += index.weight(one + other) ** 2
                whole.discard(one + other)
                parts.difference_update((one, other))
    return met


def _alike(question: Question, index: Index, mine: set[str], others: set[str], found: Likeness) -> float:
    """Words that are nearly the same; takes the pairs from both sets."""
    met = 0.0
    for word in sorted(mine):
        gain, other = _alike_code(question, word, others, found) if is_code(word) \
            else _nearest(question.meant.get(word, {}), others)
        if gain:
            met += gain * question.weights[word] * index.weights[other]
            mine.discard(word)
            others.discard(other)
    return met


def _alike_code(question: Question, word: str, others: set[str], found: Likeness) -> tuple[float, str]:
    """A code that goes on with other digits, or has one sign changed, is most likely the neighbour of the right one."""
    alike, other = max(((begins_alike(word, each), each) for each in others if is_code(each)), default=(0.0, ""))
    if not alike:
        alike, other = _nearest(question.meant.get(word, {}), others)
    elif not _both_go_on(word, other):
        found.code_alike = (word, other)
        return PREFIX_GAIN * alike, other
    if alike:
        found.code_differs = (word, other)
    return PREFIX_GAIN * NEIGHBOUR_GAIN * alike, other


def _nearest(meant: Mapping[str, float], others: set[str]) -> tuple[float, str]:
    return max(((meant[each], each) for each in others if each in meant), default=(0.0, ""))


def _both_go_on(one: str, other: str) -> bool:
    shared = shared_beginning(one, other)
    return has_digit(one[shared:]) and has_digit(other[shared:])


def _elsewhere(question: Question, side: Side, index: Index, missing: tuple[set[str], set[str]],
               squares: tuple[float, float]) -> tuple[float, float, float]:
    """Squares of both sides less what the other side's further text holds, and the gain for its being there."""
    further = {*side.elsewhere, *side.section}
    mine = sum(question.weights[word] ** 2 for word in missing[0] if word in further)
    theirs = sum(index.weights[word] ** 2 for word in missing[1] if word in question.elsewhere)
    first, second = squares
    gain = ELSEWHERE_GAIN * (mine + theirs) / (first + second) if first + second else 0.0
    return first - ELSEWHERE * mine, second - ELSEWHERE * theirs, gain


def _differences(mine: set[str], others: set[str], found: Likeness) -> None:
    """Numbers, sizes of one dimension, and codes that stand alone on both sides."""
    if not any(map(has_digit, mine)) or not any(map(has_digit, others)):
        return
    for kind in sorted({_kind(word) for word in mine} & {_kind(word) for word in others} - {""}):
        pair = (min(word for word in mine if _kind(word) == kind), min(word for word in others if _kind(word) == kind))
        if kind == "code":
            found.code_differs = found.code_differs or pair
        else:
            found.number_differs = found.number_differs or pair


def _kind(word: str) -> str:
    size = SIZE.fullmatch(word)
    if size:
        return size[2]
    return "code" if is_code(word) else "number" if word.replace(".", "").isdigit() else ""


def _weigh(question: Question, side: Side, index: Index, found: Likeness, unit: Units, price: float | None) -> None:
    if found.number_differs:
        found.score *= NUMBER_FACTOR
    if question.price and price:
        found.price_ratio = price / question.price
        found.score *= math.exp(-PRICE_DECAY * max(0.0, abs(math.log(found.price_ratio)) - PRICE_FREE))
    if side.section and question.elsewhere:
        total = sum(index.weight(word) for word in side.section)
        held = sum(index.weight(word) for word in side.section
                   if word in question.elsewhere or word in question.words)
        found.section = held / total if total else 0.0
        found.score *= 1 + SECTION_GAIN * found.section
    found.score = round(found.score * UNIT_FACTOR[unit], 9)


def digits_agree(question: Question, side: Side, found: Likeness) -> bool:
    """Whether every code, number and size that the row names stands at the item, whole or in its parts.

    A code that only begins like the item's agrees when the item's goes on with letters (a colour, a country). A code
    that the item's own column holds does not make two texts without a common word agree.
    """
    if found.code_equal and not found.shared:
        return not question.words
    held = {*side.title, *side.maker, *side.elsewhere, *side.section, side.code}
    run = "".join(side.title)
    return all(_held(mark, held, run, found.code_alike) for mark in question.marks)


def _held(mark: tuple[str, ...], held: set[str], run: str, alike: tuple[str, str] | None) -> bool:
    whole, *parts = mark
    if whole in held or (parts and all(part in held for part in parts)) or (len(whole) >= 5 and whole in run):
        return True
    if not alike or alike[0] not in mark:
        return False
    one, other = sorted(alike, key=len)
    return other.startswith(one) and other[len(one):].isalpha()
