"""Who gets what, so that the sum of scores is the largest: each column one field at most, each field one column.

The shortest-augmenting-path form of the Hungarian method (Kuhn 1955, Munkres 1957), cubic in the smaller side. Fields
are few; of a sheet's columns only the best of each field can matter, so callers may hand over any number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_NEVER = -1


def best_assignment(scores: Sequence[Sequence[float]]) -> list[int | None]:
    """For each row of `scores` its column, or None. Zero and less means "never"; among equals the leftmost column wins.

    `scores[row][column]` is what the pair is worth.
    """
    if not scores or not scores[0]:
        return [None] * len(scores)
    rows, width = len(scores), len(scores[0])
    costs = [[_cost(score, place) for place, score in enumerate(row)] + [0.0] * rows for row in scores]
    owner = _solved(costs)
    found: list[int | None] = [None] * rows
    for column in range(width):
        row = owner[column]
        if row != _NEVER and scores[row][column] > 0:
            found[row] = column
    return found


def _cost(score: float, place: int) -> float:
    """The leftmost of equals is a hair cheaper; a hair is less than any difference of rounded scores."""
    return -score + 1e-9 * place if score > 0 else 1.0


def _solved(costs: list[list[float]]) -> list[int]:
    """The row that owns each column, at the least cost; every row owns one (a spare column, if no better)."""
    rows, columns = len(costs), len(costs[0])
    row_price, column_price = [0.0] * rows, [0.0] * (columns + 1)
    owner = [_NEVER] * (columns + 1)
    for row in range(rows):
        owner[columns] = row  # the last, imaginary column is where a new row waits for its place
        _place(costs, owner, row_price, column_price)
    return owner[:columns]


def _place(costs: list[list[float]], owner: list[int], row_price: list[float], column_price: list[float]) -> None:
    """Find the cheapest chain of moves that gives the waiting row a column, and make the moves."""
    columns = len(owner) - 1
    cheapest, came_from, visited = [math.inf] * columns, [columns] * columns, [False] * (columns + 1)
    here = columns
    while owner[here] != _NEVER:
        visited[here] = True
        row = owner[here]
        for column in range(columns):
            reduced = costs[row][column] - row_price[row] - column_price[column]
            if not visited[column] and reduced < cheapest[column]:
                cheapest[column], came_from[column] = reduced, here
        nearest = min((column for column in range(columns) if not visited[column]), key=cheapest.__getitem__)
        _reprice(cheapest[nearest], visited, owner, row_price, column_price, cheapest)
        here = nearest
    while here != columns:
        owner[here], here = owner[came_from[here]], came_from[here]


def _reprice(
    step: float, visited: list[bool], owner: list[int], row_price: list[float], column_price: list[float],
    cheapest: list[float],
) -> None:
    for column, seen in enumerate(visited):
        if seen:
            row_price[owner[column]] += step
            column_price[column] -= step
        elif column < len(cheapest):
            cheapest[column] -= step
