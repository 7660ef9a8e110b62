"""From likeness to probability: how often the best candidate of such an answer is the right one.

A logistic function of six plain facts. Its weights were fitted once, with a slight ridge, on three sources weighed
equally: the left rows of Abt-Buy and of Amazon-Google whose id has an even CRC-32, and a generated price list from
which a third of the wanted items was missing (`benchmarks/calibration.py`). The benchmark reports the other rows too.
They are the same for every list; what no source could teach, units, was set by hand.
"""

from __future__ import annotations

import math

from chalicelib.matching.likeness import Likeness
from chalicelib.matching.model import Units
from chalicelib.matching.words import is_code

FACTS = ("always", "log of score", "margin", "code agrees", "number differs", "price apart")
WEIGHTS = (0.71, 1.98, 4.81, 1.43, -0.63, -1.78)
UNIT_DIFFERS = -1.5
"""By hand: another unit divides the odds by 4.5."""
_LEAST, _MOST_MARGIN, _MOST_APART = 0.01, 0.5, 2.0
SUREST = 0.99


def confidence(best: Likeness, second: float, unit: Units) -> float:
    """Probability, 0.01 to 0.99, that the best candidate is right; `second` is the score of the next one."""
    odds = sum(weight * fact for weight, fact in zip(WEIGHTS, facts(best, second), strict=True))
    odds += UNIT_DIFFERS if unit is Units.DIFFERENT else 0.0
    return round(min(SUREST, max(1 - SUREST, 1 / (1 + math.exp(-odds)))), 4)


def facts(best: Likeness, second: float) -> tuple[float, ...]:
    """The values that WEIGHTS belong to. The margin is the lead over the second as a share of the best score."""
    margin = (best.score - second) / best.score if best.score else 0.0
    agrees = best.code_equal or best.code_alike is not None or any(map(is_code, best.shared))
    apart = abs(math.log(best.price_ratio)) if best.price_ratio else 0.0
    return (1.0, math.log(max(best.score, _LEAST)), min(margin, _MOST_MARGIN), float(agrees),
            float(best.number_differs is not None), min(apart, _MOST_APART))
