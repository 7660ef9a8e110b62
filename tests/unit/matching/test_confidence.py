"""From likeness to probability."""

from __future__ import annotations

import math

import pytest

from chalicelib.matching.confidence import SUREST, UNIT_DIFFERS, confidence
from chalicelib.matching.likeness import Likeness
from chalicelib.matching.model import Units

FAIR = Likeness(score=0.6)


def odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize("better", [
    confidence(Likeness(score=0.8), 0.4, Units.EQUAL), confidence(FAIR, 0.3, Units.EQUAL),
    confidence(Likeness(score=0.6, code_equal=True), 0.5, Units.EQUAL),
    confidence(Likeness(score=0.6, code_alike=("fs105", "fs105na")), 0.5, Units.EQUAL),
    confidence(Likeness(score=0.6, shared=["dhp482z"]), 0.5, Units.EQUAL),
])
def test_likeness_lead_and_codes_raise_it(better):
    assert better > confidence(FAIR, 0.5, Units.EQUAL)


@pytest.mark.parametrize("worse", [
    confidence(Likeness(score=0.6, number_differs=("5", "6")), 0.5, Units.EQUAL),
    confidence(Likeness(score=0.6, price_ratio=5.0), 0.5, Units.EQUAL),
    confidence(Likeness(score=0.6, price_ratio=0.2), 0.5, Units.EQUAL),
    confidence(FAIR, 0.6, Units.EQUAL),
])
def test_other_numbers_far_prices_and_equals_lower_it(worse):
    assert worse < confidence(FAIR, 0.5, Units.EQUAL)


def test_another_unit_divides_the_odds_and_an_unknown_or_related_one_does_not():
    same = confidence(FAIR, 0.5, Units.EQUAL)
    assert odds(confidence(FAIR, 0.5, Units.DIFFERENT)) == pytest.approx(odds(same) + UNIT_DIFFERS, abs=0.01)
    assert confidence(FAIR, 0.5, Units.UNKNOWN) == confidence(FAIR, 0.5, Units.COMPATIBLE) == same


@pytest.mark.parametrize(("score", "second"), [(0.0, 0.0), (1.15, 0.0), (1e-9, 1e-9)])
def test_it_is_never_certain(score, second):
    assert 0 < confidence(Likeness(score=score, code_equal=True), second, Units.EQUAL) <= SUREST
