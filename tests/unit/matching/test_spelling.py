"""Words that an unknown word may mean."""

from __future__ import annotations

import pytest

from chalicelib.matching.spelling import CUT, Spelling, distance

SPELLING = Spelling(["galvanised", "grinder", "grinding", "galvanic", "professional", "pump", "dk48213x"])


@pytest.mark.parametrize(("word", "meant"), [("galvansied", "galvanised"), ("griner", "grinder"),
                                             ("prof", "professional"), ("pummp", "pump"), ("dk48313x", "dk48213x")])
def test_a_misspelt_or_shortened_word_finds_its_word_first(word, meant):
    assert SPELLING.near(word)[0][0] == meant


def test_a_shortened_word_is_like_all_words_it_may_begin():
    assert dict(SPELLING.near("galva")) == {"galvanised": CUT, "galvanic": CUT}


@pytest.mark.parametrize("word", ["valve", "ab", "x" * 41, "pomp3", ""])
def test_other_words_find_nothing(word):
    assert SPELLING.near(word) == ()


@pytest.mark.parametrize(("one", "other", "edits"), [("pump", "pump", 0), ("pump", "pmup", 1), ("pump", "pum", 1),
                                                     ("pump", "jumps", 2), ("", "abc", 3)])
def test_distance_counts_edits_and_swaps(one, other, edits):
    assert distance(one, other) == distance(other, one) == edits
