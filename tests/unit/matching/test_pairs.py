"""The matcher on public pairs of products: figures that it must not fall below."""

from __future__ import annotations

import pytest

from benchmarks import calibration, pairs
from benchmarks.matching import best_f1, idf_cosine, judge
from chalicelib.matching.confidence import WEIGHTS

pytestmark = pytest.mark.skipif(not pairs.present(), reason=f"{pairs.DATA} is not beside this checkout")


@pytest.mark.parametrize(("name", "least"), [("Abt-Buy", 0.93), ("Amazon-Google", 0.72)])
def test_f1_at_the_default_threshold_holds_and_beats_a_plain_cosine(name, least):
    judged = judge(pairs.load(name))
    assert judged.f1() >= least
    assert judged.f1(unseen=True) >= least, "on rows that the fit has not seen"
    assert judged.f1() > best_f1(pairs.load(name), idf_cosine)


@pytest.mark.parametrize(("name", "least"), [("Abt-Buy", 0.5), ("Amazon-Google", 0.14)])
def test_accepted_are_right_though_a_fifth_of_the_items_is_missing(name, least):
    judged = judge(pairs.load(name), missing=True)
    precision, share = judged.accepted(known=True)
    assert precision >= 0.98
    assert judged.accepted(known=True, unseen=True)[0] >= 0.98, "on rows that the fit has not seen"
    assert share > least
    assert judged.same_code >= judged.unknown / 2, "rows without an answer in the set mostly name the code of the item"


def test_weights_of_the_confidence_are_what_the_fit_gives():
    assert calibration.fitted() == pytest.approx(WEIGHTS, abs=0.25)


@pytest.mark.parametrize("name", pairs.NAMES)
def test_confidence_is_near_the_share_of_right_answers(name):
    answers = judge(pairs.load(name)).answers
    said = sum(sure for sure, *_ in answers) / len(answers)
    assert said == pytest.approx(sum(right for _, _, right, *_ in answers) / len(answers), abs=0.06)
