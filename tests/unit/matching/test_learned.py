"""What an owner's fixes teach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.matching.learned import Fix, Learned, learned
from chalicelib.matching.model import Query

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
EXCAVATE = Query("Excavate trench, 1.5 m deep", unit="m3")


def test_the_latest_fix_of_a_text_wins_in_whatever_order_they_come():
    first, second = Fix(EXCAVATE, "A", NOON), Fix(EXCAVATE, "B", NOON + timedelta(days=1))
    assert learned([first, second]).item_for(EXCAVATE) == learned([second, first]).item_for(EXCAVATE) == "B"


def test_spelling_of_sizes_and_units_makes_no_other_text():
    taught = learned([Fix(EXCAVATE, "A", NOON)])
    assert taught.item_for(Query("EXCAVATE TRENCH 1500mm DEEP", unit="Cu.m")) == "A"


def test_another_unit_or_size_is_another_text():
    taught = learned([Fix(EXCAVATE, "A", NOON)])
    assert taught.item_for(Query("Excavate trench, 1.5 m deep", unit="m")) is None
    assert taught.item_for(Query("Excavate trench, 2.5 m deep", unit="m3")) is None


def test_headers_tell_fixes_of_one_text_apart():
    ceiling, wall = Query("Two coats", context=("Ceilings",)), Query("Two coats", context=("Walls",))
    taught = learned([Fix(ceiling, "C", NOON), Fix(wall, "W", NOON)])
    assert (taught.item_for(ceiling), taught.item_for(wall), taught.item_for(Query("Two coats"))) == ("C", "W", None)


def test_a_fix_holds_under_other_headers_while_all_headers_agree():
    taught = learned([Fix(Query("Two coats", context=("Ceilings",)), "C", NOON)])
    assert taught.item_for(Query("Two coats", context=("Block B",))) == "C"


def test_nothing_learned_knows_nothing():
    assert Learned().item_for(EXCAVATE) is None
