"""`python -m benchmarks.calibration`: fit the weights of the matcher's confidence again and print them.

Sources, weighed equally: left rows of Abt-Buy and Amazon-Google whose id has an even CRC-32, and a generated list of
which a third of the wanted items was taken away. Logistic regression by Newton's method with a ridge of 1.
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from benchmarks.catalogue import LEVELS, catalogue, rows
from benchmarks.pairs import NAMES, Pairs, load
from chalicelib.matching.confidence import FACTS, facts
from chalicelib.matching.index import Index
from chalicelib.matching.matcher import Matcher
from chalicelib.matching.model import Query

Example: TypeAlias = tuple[tuple[float, ...], bool]
RIDGE, SOURCE_WEIGHT, STEPS = 1.0, 1000.0, 50
ARTICLES, MISSING, ROWS_A_LEVEL = 20_000, 7_000, 200


def main() -> None:
    for name, weight in zip(FACTS, fitted(), strict=True):
        print(f"{name:<16}{weight:8.2f}")


def fitted() -> list[float]:
    """The weights, in the order of FACTS; the same on every run."""
    return _fit([list(_of_pairs(load(name))) for name in NAMES] + [list(_of_catalogue())])


def held_back(row: str) -> bool:
    """Whether the fit has not seen the row."""
    return bool(zlib.crc32(row.encode()) % 2)


def _of_pairs(pairs: Pairs) -> Iterator[Example]:
    matcher = Matcher(Index(pairs.items))
    for row, query in pairs.queries:
        if not held_back(row):
            yield from _example(matcher, query, lambda item_id, row=row: (row, item_id) in pairs.right)


def _of_catalogue() -> Iterator[Example]:
    articles = catalogue(ARTICLES, seed=99)
    missing = set(random.Random(3).sample(range(ARTICLES), MISSING))
    matcher = Matcher(Index(one.item for place, one in enumerate(articles) if place not in missing))
    for level in LEVELS:
        for article, query in rows(articles, level, ROWS_A_LEVEL):
            yield from _example(matcher, query, article.item.id.__eq__)


def _example(matcher: Matcher, query: Query, is_right: Callable[[str], bool]) -> Iterator[Example]:
    ranked = matcher.compared(query)
    if ranked:
        second = ranked[1].found.score if len(ranked) > 1 else 0.0
        yield facts(ranked[0].found, second), is_right(ranked[0].item.id)


def _fit(sources: list[list[Example]]) -> list[float]:
    known = np.array([values for source in sources for values, _ in source])
    right = np.array([float(answer) for source in sources for _, answer in source])
    weight = np.array([SOURCE_WEIGHT / len(source) for source in sources for _ in source])
    found = np.zeros(known.shape[1])
    ridge = RIDGE * np.diag([0.0] + [1.0] * (len(found) - 1))
    for _ in range(STEPS):
        guess = 1 / (1 + np.exp(-known @ found))
        slope = known.T @ (weight * (right - guess)) - ridge @ found
        found += np.linalg.solve((known.T * (weight * guess * (1 - guess))) @ known + ridge, slope)
    assert all(map(math.isfinite, found))
    return [round(float(value), 2) for value in found]


if __name__ == "__main__":
    main()
