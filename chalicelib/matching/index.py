"""A price list made ready for questions: its words with their weights, and where each of them stands.

A word weighs as much as it is rare (inverse document frequency); model codes weigh half as much again, filler words a
third. All of it is plain dictionaries and arrays: about 1.5 kB an item, rebuilt in seconds, so nothing is stored.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from chalicelib.matching.model import PriceItem
from chalicelib.matching.spelling import Spelling
from chalicelib.matching.words import LONGEST, STOP, code_key, has_digit, is_code, words

CODE_WEIGHT, STOP_WEIGHT = 1.5, 0.3
KEYWORDS_READ = 3000
"""Characters of further text that are looked at."""
POSTINGS_READ = 4000
"""Places looked up for one question before common words only add to what rarer ones have found."""
ENOUGH = 300
"""A word that stands at more items than this is not looked up once those found share more than all such words weigh."""
REFINED = 100
FLOOR = 0.3
"""Share of the best sum below which an item is not looked at further."""


@dataclass(frozen=True, slots=True)
class Side:
    """A row or an item as words. `title`: in order; `maker`; `elsewhere`: further text; `section`: its headings."""

    title: tuple[str, ...]
    maker: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    code: str = ""

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.title + self.maker)


class Index:
    """A price list, built once and then only read. Equal ids and items without words are allowed.

    The memory is that of the items, which are kept, and about as much again.
    """

    def __init__(self, items: Iterable[PriceItem]) -> None:
        self.items: tuple[PriceItem, ...] = tuple(items)
        self.sides: list[Side] = [side_of(item) for item in self.items]
        counts: Counter[str] = Counter()
        for side in self.sides:
            counts.update(side.words)
        self.code_gain = (CODE_WEIGHT * math.log(len(self.items) + 1)) ** 2
        self.weights: dict[str, float] = {word: self._weight(word, count) for word, count in counts.items()}
        self.lengths = array("d", (self._length(side) for side in self.sides))
        self._places: dict[str, array[int]] = {}
        self._codes: dict[str, list[int]] = {}
        for place, side in enumerate(self.sides):
            self._enter(place, side)

    def __len__(self) -> int:
        return len(self.items)

    def place_of(self, item_id: str) -> int | None:
        """Where an item stands in `items`; of equal ids the first."""
        return self._ids.get(item_id)

    def weight(self, word: str) -> float:
        """A word that the list does not hold is rarer than all that it holds."""
        found = self.weights.get(word)
        return self._weight(word, 0) if found is None else found

    def has_code(self, code: str) -> bool:
        return code in self._codes

    def bearers(self, code: str) -> int:
        """Items whose own column holds this code."""
        return len(self._codes.get(code, ()))

    def standing(self, word: str) -> int:
        """Items that have this word in title or maker."""
        return len(self._places.get(word, ()))

    def meant(self, word: str) -> tuple[tuple[str, float], ...]:
        """Words of this list that an unknown word may stand for, each with its likeness."""
        found = self._meanings.get(word)
        if found is None:
            found = self._meanings[word] = self._find_meant(word)
            if len(self._meanings) > 50_000:
                self._meanings.clear()
        return found

    def likely(self, title: Sequence[str], maker: Sequence[str], codes: Iterable[str], most: int) -> list[int]:
        """Places of up to `most` items that share most with a question, best first, ties by place.

        All sums are taken in a fixed order, else they would differ in their last digit from one process to the next.
        """
        sums: dict[int, float] = {}
        lookups = sorted(self._lookups(title, maker), key=lambda each: (len(self._places[each[0]]), each))
        read, left = 0, sum(gain for _, gain in lookups)
        common: list[tuple[str, float]] = []
        for word, gain in lookups:
            places = self._places[word]
            left -= gain
            if read and (read + len(places) > POSTINGS_READ
                         or (len(places) > ENOUGH and len(sums) >= most and max(sums.values()) > left + gain)):
                common.append((word, gain))
                continue
            read += len(places)
            if not sums:
                sums = dict.fromkeys(places, gain)
                continue
            for place in places:
                sums[place] = sums.get(place, 0.0) + gain
        for code in codes:
            for place in self._codes.get(code, ())[:most]:
                sums[place] = sums.get(place, 0.0) + self.code_gain
        return self._best(sums, common, most)

    def _best(self, sums: dict[int, float], common: Sequence[tuple[str, float]], most: int) -> list[int]:
        if not sums:
            return []
        lengths, floor = self.lengths, FLOOR * max(sums.values())
        ranked = sorted((-total / lengths[place], place) for place, total in sums.items() if total >= floor)
        if not common:
            return [place for _, place in ranked[:most]]
        refined = []
        for negative, place in ranked[:REFINED]:
            title = self.sides[place].title
            more = sum(gain for word, gain in common if word in title)
            refined.append((negative - more / lengths[place], place))
        return [place for _, place in sorted(refined)[:most]]

    def _lookups(self, title: Sequence[str], maker: Sequence[str]) -> Iterator[tuple[str, float]]:
        for word in {*title, *maker}:
            weight = self.weights.get(word)
            if weight is not None:
                yield word, weight * weight
            else:
                for other, likeness in self.meant(word):
                    yield other, likeness * self.weights[other] ** 2
        for one, other in pairwise(title):
            if (joined := one + other) in self.weights:
                yield joined, self.weights[joined] ** 2

    def _find_meant(self, word: str) -> tuple[tuple[str, float], ...]:
        for cut in range(3, len(word) - 2) if word.isalpha() else ():
            if word[:cut] in self.weights and word[cut:] in self.weights:
                return (word[:cut], 1.0), (word[cut:], 1.0)
        if word.isalpha():
            return self._plain.near(word)
        return self._begun(word) + self._coded.near(word) if is_code(word) else ()

    def _begun(self, code: str) -> tuple[tuple[str, float], ...]:
        """Codes that begin alike: makers add letters for colours and countries."""
        others = self._beginnings.get(code[:5], ()) if len(code) >= 5 else ()
        alike = [(other, likeness) for other in others[:50] if (likeness := begins_alike(code, other))]
        return tuple(sorted(alike, key=lambda each: (-each[1], each[0]))[:8])

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {item.id: place for place, item in reversed(list(enumerate(self.items)))}

    @cached_property
    def _meanings(self) -> dict[str, tuple[tuple[str, float], ...]]:
        return {}

    @cached_property
    def _plain(self) -> Spelling:
        return Spelling(word for word in self.weights if word.isalpha())

    @cached_property
    def _coded(self) -> Spelling:
        return Spelling(word for word in self.weights if is_code(word))

    @cached_property
    def _beginnings(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for word in self.weights:
            if len(word) >= 5 and is_code(word):
                found.setdefault(word[:5], []).append(word)
        return found

    def _weight(self, word: str, count: int) -> float:
        rarity = math.log((len(self.items) + 1) / (count + 0.5))
        return max(rarity, 0.01) * (CODE_WEIGHT if is_code(word) else STOP_WEIGHT if word in STOP else 1.0)

    def _length(self, side: Side) -> float:
        return math.sqrt(sum(self.weights[word] ** 2 for word in dict.fromkeys(side.title + side.maker))) or 1.0

    def _enter(self, place: int, side: Side) -> None:
        for word in side.words:
            known = self._places.get(word)
            if known is None:
                self._places[word] = array("I", (place,))
            else:
                known.append(place)
        if side.code:
            self._codes.setdefault(side.code, []).append(place)


def begins_alike(one: str, other: str) -> float:
    """Shared beginning of two codes as a share (0 to 1) of both; 0 when that is short or holds no digit."""
    shared = shared_beginning(one, other)
    likeness = 2 * shared / (len(one) + len(other))
    return likeness if shared >= 4 and likeness >= 0.6 and has_digit(one[:shared]) else 0.0


def shared_beginning(one: str, other: str) -> int:
    """Signs that both begin with."""
    return next((place for place, (sign, against) in enumerate(zip(one, other, strict=False)) if sign != against),
                min(len(one), len(other)))


def side_of(item: PriceItem) -> Side:
    """An item as words."""
    further = words(item.keywords, KEYWORDS_READ).sequence if item.keywords else ()
    code = _few(item.code[:LONGEST]) if item.code else ()
    section = _few(f"{item.category} {item.subcategory}"[:LONGEST]) if item.category or item.subcategory else ()
    return Side(title=words(item.description).sequence, maker=_few(item.supplier[:LONGEST]),
                elsewhere=tuple(dict.fromkeys(further + code)), section=section, code=code_key(item.code))


@lru_cache(4096)
def _few(text: str) -> tuple[str, ...]:
    """Suppliers and categories repeat."""
    return words(text).sequence if text else ()
