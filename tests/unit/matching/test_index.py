"""A price list made ready for questions."""

from __future__ import annotations

import pytest

from chalicelib.matching.index import Index, begins_alike
from chalicelib.matching.model import PriceItem

INDEX = Index([PriceItem("A", "Movie factory deluxe"), PriceItem("B", "Brass valve FS105NA"),
               PriceItem("A", "Steel valve", code="00-42 17 5")])


def likely(*title: str, codes: tuple[str, ...] = ()) -> list[int]:
    return INDEX.likely(title, (), codes, 5)


@pytest.mark.parametrize(("word", "meant"), [("moviefactory", (("movie", 1.0), ("factory", 1.0))), ("unheardof", ())])
def test_unknown_word_may_be_two_that_the_list_knows(word, meant):
    assert INDEX.meant(word) == meant


def test_a_known_code_is_found_by_its_beginning_and_by_one_wrong_sign():
    assert {INDEX.meant(code)[0][0] for code in ("fs105", "fs105nb", "fx105na")} == {"fs105na"}


def test_item_that_shares_most_comes_first():
    assert [likely("brass", "valve")[0], likely("steel", "valve")[0]] == [1, 2]
    assert likely("valve") == [2, 1], "the one that says less besides"


def test_two_neighbours_find_the_word_that_they_are_together():
    index = Index([PriceItem("A", "moviefactory"), PriceItem("B", "pump")])
    assert index.likely(("movie", "factory"), (), (), 5) == [0]


def test_code_finds_its_item_whatever_the_words():
    assert INDEX.has_code("42175")
    assert likely("movie", codes=("42175",))[0] == 2


def test_rare_words_weigh_more_than_common_ones_and_codes_more_than_words():
    assert INDEX.weight("fs105na") > INDEX.weight("brass") > INDEX.weight("valve") > 0


def test_of_equal_ids_the_first_is_meant():
    assert (INDEX.place_of("A"), INDEX.place_of("B"), INDEX.place_of("C"), len(INDEX)) == (0, 1, None, 3)


@pytest.mark.parametrize(("one", "other", "alike"), [("fs105", "fs105na", True), ("kdl40v3000", "kdl40v4100", True),
                                                     ("fs105", "fs2", False), ("black12", "blackbird", False)])
def test_codes_begin_alike_when_they_share_most_signs_and_a_digit(one, other, alike):
    assert bool(begins_alike(one, other)) is alike
