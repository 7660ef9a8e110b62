"""When an answer may stand: the row settles which item it means, or a person looks at it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from benchmarks.catalogue import catalogue
from chalicelib.matching.acceptance import names_agree
from chalicelib.matching.index import Index
from chalicelib.matching.matcher import Matcher
from chalicelib.matching.model import PriceItem, Query, Tier

FILLERS = tuple(one.item for one in catalogue(400))


def accepted(query: Query | str, *items: PriceItem | str) -> bool:
    """Whether the first item is the answer and stands, in a list of `items` among many others."""
    listed = [item if isinstance(item, PriceItem) else PriceItem(f"I{place}", item) for place, item in enumerate(items)]
    match = Matcher(Index([*listed, *FILLERS])).match(query if isinstance(query, Query) else Query(query))
    assert match.best is not None
    assert match.best.item.id == listed[0].id, "another item is the best"
    assert match.tier is not Tier.REVIEW or match.candidates, "a person needs something to choose from"
    return match.accepted


def test_words_that_are_all_the_same_settle_it():
    assert accepted("Roof hatch with ladder", "roof hatch, ladder")


@pytest.mark.parametrize("item", ["Photo studio deluxe upgrade", "Photo studio deluxe academic edition"])
def test_what_only_the_item_says_is_for_a_person(item):
    assert accepted("Photo studio deluxe", "Photo studio deluxe")
    assert not accepted("Photo studio deluxe", item)


def test_what_only_the_row_says_is_for_a_person():
    assert not accepted("Photo studio deluxe upgrade", "Photo studio deluxe")


def test_words_in_the_further_text_of_the_other_side_are_said():
    upgrade = PriceItem("I0", "Photo studio deluxe", keywords="The upgrade for owners of the studio")
    assert accepted("Photo studio deluxe upgrade", upgrade)


def test_number_that_only_the_item_has_is_for_a_person():
    assert not accepted("Photo studio deluxe antivirus backup tools", "Photo studio deluxe antivirus backup tools 5")


def test_item_that_lacks_a_number_of_the_row_is_for_a_person():
    assert not accepted("Photo studio deluxe antivirus backup tools 5", "Photo studio deluxe antivirus backup tools")


def test_neighbour_as_good_is_for_a_person_unless_the_numbers_of_the_row_rule_it_out():
    assert not accepted("Photo studio for mac", "Photo studio mac", "Photo studio mac family")
    assert accepted("Photo studio 7 for mac", "Photo studio 7 mac", "Photo studio 6 mac")


def test_article_number_of_the_item_is_not_asked_of_a_row_without_any():
    assert accepted("Roof hatch with ladder", "QX-77812 roof hatch, ladder")


def test_article_numbers_tell_apart_what_has_the_same_words():
    assert not accepted("Roof hatch with ladder", "QX-77812 roof hatch, ladder", "QX-99120 roof hatch, ladder")
    assert accepted("Roof hatch with ladder QX77812", "QX-77812 roof hatch, ladder", "QX-99120 roof hatch, ladder")


def test_code_that_two_items_have_settles_nothing():
    assert not accepted("Hatch QX77812", "QX77812 roof hatch, white", "QX77812 roof hatch, black")


def test_code_of_one_item_settles_it_among_other_words():
    assert accepted("Hatch QX77812 incl. fixing", "QX77812 roof window")


def test_number_that_the_item_does_not_give_does_not_contradict_its_code():
    assert accepted("6-disc changer QX77812", "QX77812 car changer")
    assert not accepted("6-disc changer QX77812", "QX77812 car changer, 8 discs")


@pytest.mark.parametrize(("row", "item"), [("Backup agent r11.5", "Backup suite exchange r11.5"),
                                           ("Museum 50th anniversary", "Museum 50th birthday box")])
def test_release_or_ordinal_is_no_code(row, item):
    assert not accepted(row, item)


def test_code_that_goes_on_at_the_row_is_another_article():
    assert accepted("Switch QX778 five ports", "Switch QX778EU")
    assert not accepted("Switch QX778EU five ports", "Switch QX778")


def test_price_that_is_far_off_contradicts():
    item = PriceItem("I0", "Roof hatch, ladder", rate=Decimal(100))
    assert accepted(Query("Roof hatch, ladder", price=Decimal(110)), item)
    assert not accepted(Query("Roof hatch, ladder", price=Decimal(160)), item)
    coded = PriceItem("I0", "QX77812 roof hatch", rate=Decimal(100))
    assert accepted(Query("Roof hatch QX77812", price=Decimal(160)), coded)
    assert not accepted(Query("Roof hatch QX77812", price=Decimal(900)), coded)


def test_rate_for_another_unit_is_for_a_person():
    hatch = PriceItem("I0", "QX77812 roof hatch", unit="nr")
    assert accepted(Query("Roof hatch QX77812", unit="pcs"), hatch)
    assert not accepted(Query("Roof hatch QX77812", unit="m2"), hatch)


def test_own_column_holds_a_code_that_settles_it_unless_two_items_share_it():
    drill, spare = (PriceItem(name, text, code="DHP-482Z") for name, text in (("I0", "Hammer drill"), ("I1", "Chuck")))
    assert accepted(Query("hammer drill", code="dhp482z"), drill)
    assert not accepted(Query("drill body", code="dhp482z"), drill, spare)


@pytest.mark.parametrize(("query", "item", "agree"), [
    (Query("valve 15mm"), PriceItem("A", "Ball valve 1.5 cm"), True),
    (Query("valve 15mm"), PriceItem("A", "Ball valve"), False),
    (Query("switch FS-105"), PriceItem("A", "Switch", code="FS105"), True),
    (Query("switch FS105"), PriceItem("A", "Switch FS105NA"), True),
    (Query("switch FS105"), PriceItem("A", "Switch FS1052"), False),
    (Query("switch 10524"), PriceItem("A", "Switch FS310524"), False),
    (Query("switch FS105NA"), PriceItem("A", "Switch FS105"), False),
    (Query("drill", code="DHP482Z"), PriceItem("A", "Drill", code="dhp-482z"), True),
    (Query("drill", code="DHP482Z"), PriceItem("A", "Drill", code="DHP999X"), False),
    (Query("drill", code="DHP482Z"), PriceItem("A", "Drill"), True),
    (Query("drill", code="12"), PriceItem("A", "Drill", code="DHP999X"), True)])
def test_names_agree_without_a_list(query, item, agree):
    assert names_agree(query, item) is agree
