"""Words of a vocabulary that a word it does not hold may mean: one letter off, cut short, written as one word."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_SHORTEST = 4
_SHORTEST_CUT = 3
_MOST_LOOKED_AT = 8
_MOST_OFFERED = 4
_LONGEST = 40
CUT = 0.7
"""Likeness of an abbreviation to its word."""


class Spelling:
    """Near words of one vocabulary, by shared trigrams first and by edits then. Built once, for one kind of words."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self._words = sorted(word for word in vocabulary if _SHORTEST_CUT <= len(word) <= _LONGEST)
        self._trigrams: dict[str, array[int]] = {}
        for place, word in enumerate(self._words):
            for trigram in set(_trigrams(word)):
                self._trigrams.setdefault(trigram, array("I")).append(place)

    def near(self, word: str) -> tuple[tuple[str, float], ...]:
        """Up to four words with their likeness (0 to 1), best first, ties by the alphabet."""
        if not _SHORTEST_CUT <= len(word) <= _LONGEST:
            return ()
        found = dict.fromkeys(self._cut(word), CUT) if word.isalpha() else {}
        if len(word) >= _SHORTEST:
            found.update(self._misspelt(word))
        return tuple(sorted(found.items(), key=lambda each: (-each[1], each[0]))[:_MOST_OFFERED])

    def _cut(self, word: str) -> list[str]:
        """`galv` for `galvanised`, unless it could be the beginning of anything."""
        first = bisect_left(self._words, word)
        begun = self._words[first:first + _MOST_LOOKED_AT]
        longer = [other for other in begun if other.startswith(word) and other.isalpha()]
        shorter = [word[:size] for size in range(_SHORTEST, len(word) - 2) if self._has(word[:size])]
        return [*(longer if len(longer) <= _MOST_OFFERED else []), *shorter[-1:]]

    def _has(self, word: str) -> bool:
        place = bisect_left(self._words, word)
        return place < len(self._words) and self._words[place] == word

    def _misspelt(self, word: str) -> dict[str, float]:
        shared: Counter[int] = Counter()
        trigrams = set(_trigrams(word))
        for trigram in trigrams:
            shared.update(self._trigrams.get(trigram, ()))
        least = max(2, len(trigrams) // 2 - 1)
        likely = sorted((-count, place) for place, count in shared.items() if count >= least)
        edits = 1 if len(word) < 8 else 2
        others = [self._words[place] for _, place in likely[:_MOST_LOOKED_AT]]
        distances = ((other, distance(word, other)) for other in others if abs(len(other) - len(word)) <= edits)
        return {other: 1 - apart / len(word) for other, apart in distances if apart <= edits}


@lru_cache(100_000)
def distance(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment)."""
    older: list[int] = []
    before = list(range(len(other) + 1))
    for i, sign in enumerate(one, 1):
        row = [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (sign != against))
            if i > 1 and j > 1 and sign == other[j - 2] and one[i - 2] == against:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        older, before = before, row
    return before[-1]


def _trigrams(word: str) -> list[str]:
    framed = f"^{word}$"
    return [framed[place:place + 3] for place in range(len(framed) - 2)]
