"""How much a row and an item say the same: nearly a cosine of their words' weights, with what people write differently.

Words that are not shared still count as met when two of them are one on the other side (`movie factory`), when codes
begin alike (`fs105`, `fs105na`), when a word is misspelt or cut short; and one that stands in the other side's further
text counts only half against the pair. Prices far apart, numbers that differ and other units take a share away.
The factors are the same for all lists. They were chosen by hand, by F1 over all rows of the public pairs that the
benchmark reports, never by single pairs: those figures flatter them a little. ROWS_SHARE and CODE_UNASKED were
best, or nearly so, on the rows with an even CRC-32; the others gained as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
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
ROWS_SHARE = 0.6
"""How much of the norm is the row's own: items are written at greater length than rows. 0.5 would be a cosine."""
CODE_UNASKED = 0.1
"""How much an article number of the item counts against a row that names none at all."""
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

    @property
    def names_code(self) -> bool:
        """Whether any word of the row looks like an article number."""
        return bool(self.codes) or any(map(is_code, self.words))


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
    mine: frozenset[str] = frozenset()
    """Words of the row that the item's title does not say in any way; `others`: the other way round."""
    others: frozenset[str] = frozenset()


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
    if others and not question.names_code:
        unasked = sorted(articles(side.title, others))
        their_square -= (1 - CODE_UNASKED) * sum(index.weights[word] ** 2 for word in unasked)
    if mine_square > 0 and their_square > 0:
        found.score = met / (mine_square ** ROWS_SHARE * their_square ** (1 - ROWS_SHARE)) + extra
    found.mine, found.others = frozenset(mine), frozenset(others)
    _differences(mine, others, found)
    _weigh(question, side, index, found, unit, price)
    return found


def _spare_forms(title: tuple[str, ...], shared: frozenset[str], others: set[str], index: Index) -> float:
    """Of a hyphenated word that is shared as one, the parts are not missing: takes them away, answers their square."""
    square = 0.0
    for place, word in enumerate(title):
        if word in shared and has_digit(word):
            parts = others.intersection(_parts(title, place))
            square += sum(index.weights[part] ** 2 for part in parts)
            others -= parts
    return square


def _parts(title: tuple[str, ...], place: int) -> tuple[str, ...]:
    """The words after a joined one that it was joined of."""
    word, run, after = title[place], "", place + 1
    while after < len(title) and word.startswith(run + title[after]):
        run += title[after]
        after += 1
    return title[place + 1:after] if run == word else ()


def articles(title: tuple[str, ...], among: Set[str]) -> set[str]:
    """The article numbers of a title that are `among` these words, with their parts."""
    found: set[str] = set()
    for place, word in enumerate(title):
        if word in among and is_code(word):
            found.update((word, *_parts(title, place)))
    return found & among


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
