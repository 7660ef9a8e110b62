"""The best choice is the best of all choices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tables.assignment import best_assignment


def worth(scores: Sequence[Sequence[float]], places: Sequence[int | None]) -> float:
    return sum(scores[row][place] for row, place in enumerate(places) if place is not None)


def best_of_all(scores: Sequence[Sequence[float]]) -> float:
    width = len(scores[0])
    places: list[int | None] = [*range(width), *[None] * len(scores)]
    return max(worth(scores, choice) for choice in permutations(places, len(scores)))


@given(st.integers(1, 4).flatmap(lambda width: st.lists(
    st.lists(st.integers(0, 20).map(lambda score: score / 20), min_size=width, max_size=width),
    min_size=1, max_size=4)))
def test_no_other_assignment_is_worth_more(scores: list[list[float]]) -> None:
    found = best_assignment(scores)
    columns = [column for column in found if column is not None]
    assert len(columns) == len(set(columns))
    assert all(scores[row][column] > 0 for row, column in enumerate(found) if column is not None)
    assert abs(worth(scores, found) - best_of_all(scores)) < 1e-6


def test_a_lesser_pair_is_taken_where_the_sum_gains() -> None:
    assert best_assignment([[0.9, 0.8], [0.85, 0.0]]) == [1, 0]


def test_the_leftmost_of_equals_wins() -> None:
    assert best_assignment([[0.0, 0.7, 0.7]]) == [1]
    assert best_assignment([[1.0, 1.0], [1.0, 1.0]]) in ([0, 1], [1, 0])


def test_nothing_is_given_out_where_nothing_is_worth_anything() -> None:
    assert best_assignment([[0.0, 0.0]]) == [None]
    assert best_assignment([]) == []
    assert best_assignment([[]]) == [None]
