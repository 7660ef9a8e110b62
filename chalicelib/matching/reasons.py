"""Why a candidate was offered, in words that a person can check."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.matching.likeness import Likeness
from chalicelib.matching.model import Units
from chalicelib.matching.words import STOP, is_code

_MOST_WORDS = 6
_FAR_APART = 1.42


def reasons(found: Likeness, order: tuple[str, ...], mine: str, theirs: str, unit: Units) -> tuple[str, ...]:
    """For a pair whose words stand in this `order`; `mine` and `theirs` are the units as written."""
    return (*_codes(found), *_numbers(found), *_unit(unit, mine, theirs), *_rest(found, order))


def _codes(found: Likeness) -> Iterator[str]:
    if found.code_equal:
        yield "code equal"
    elif same := sorted(word for word in found.shared if is_code(word)):
        yield f"code equal: {same[0]}"
    if found.code_alike:
        yield f"code begins alike: {found.code_alike[0]} / {found.code_alike[1]}"
    if found.code_differs:
        yield f"code differs: {found.code_differs[0]} / {found.code_differs[1]}"


def _numbers(found: Likeness) -> Iterator[str]:
    if found.number_differs:
        yield f"number differs: {found.number_differs[0]} / {found.number_differs[1]}"


def _unit(unit: Units, mine: str, theirs: str) -> Iterator[str]:
    if unit is Units.DIFFERENT:
        yield f"unit differs: {mine} / {theirs}"
    elif unit is Units.COMPATIBLE:
        yield f"unit on another scale: {mine} / {theirs}"


def _rest(found: Likeness, order: tuple[str, ...]) -> Iterator[str]:
    if found.section:
        yield "section fits"
    if found.price_ratio and not 1 / _FAR_APART <= found.price_ratio <= _FAR_APART:
        yield f"price differs: {found.price_ratio:.2g} times"
    shared = [word for word in dict.fromkeys(order) if word in found.shared and word not in STOP]
    if shared:
        yield f"words: {', '.join(shared[:_MOST_WORDS])}"
