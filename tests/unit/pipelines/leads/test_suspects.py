"""Leads that may be one person are found, told with reasons, and left alone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from chalicelib.pipelines.leads.suspects import Bounds, Known, compare, find_suspects

JANE = {"firstName": "Jane", "lastName": "Doe", "email": "jane@acme.com", "phone": "+12125550123",
        "company": "Acme Inc."}
BOB = {"firstName": "Bob", "lastName": "Roy", "email": "bob@zeta.org", "phone": "+12125550199", "company": "Zeta"}


def known(lead_id: str, content: dict[str, str], **more: Any) -> Known:
    return Known(lead_id, content, **more)


def lead(**content: str) -> Known:
    return Known("x", content)


@pytest.mark.parametrize(("change", "reasons"), [
    ({"email": "j.doe@acme.com"}, ("the same phone", "the same name and the same company")),
    ({"email": "", "phone": "212-555-0123"}, ("the same name and the same company",)),
    ({"email": "x@x.org", "phone": "", "company": "ACME"}, ("the same name and the same company",)),
    ({"email": "x@x.org", "phone": "", "firstName": "J."}, ("nearly the same name and the same company",)),
    ({"email": "x@x.org", "phone": "", "firstName": "Doe", "lastName": "Jane"},
     ("the same name and the same company",)),
    ({"email": "x@x.org", "phone": "", "company": "Acme Germany"}, ("the same name and nearly the same company",)),
    ({"email": "x@x.org", "phone": "", "firstName": ""}, ("nearly the same name and the same company",)),
    ({"email": "jd@acme.com", "phone": "", "company": ""}, ("the same name and the same mail domain",)),
    ({"email": "x@x.org", "company": "", "firstName": "Mia", "lastName": "Ray"}, ("the same phone",)),
    ({"email": "x@x.org", "phone": "+12125550123;ext=9", "company": ""}, ("the same phone", "the same name")),
])
def test_suspects_say_why(change: dict[str, str], reasons: tuple[str, ...]) -> None:
    found = find_suspects(lambda: [known("1", JANE), known("2", {**JANE, **change}), known("3", BOB)])
    assert [(pair.first.lead_id, pair.second.lead_id, pair.reasons) for pair in found.pairs] == [("1", "2", reasons)]


@pytest.mark.parametrize(("one", "other"), [
    ({"firstName": "Jane", "lastName": "Doe", "email": "jane1@gmail.com"},
     {"firstName": "Jane", "lastName": "Doe", "email": "jane2@gmail.com"}),
    ({"firstName": "Jane", "lastName": "Doe", "company": "Acme"},
     {"firstName": "Jane", "lastName": "Doe", "company": "Zeta"}),
    ({"firstName": "Jane", "lastName": "Doe", "company": "Acme"},
     {"firstName": "Mia", "lastName": "Ray", "company": "Acme"}),
    ({"firstName": "Jan", "lastName": "Doe", "company": "Acme"},
     {"firstName": "Jon", "lastName": "Dow", "company": "Acme"}),
    ({"firstName": "Jane", "lastName": "Doe", "company": "Acme"},
     {"firstName": "Jane", "lastName": "Deo", "company": "Acme"}),
    ({"firstName": "Jane", "company": "Acme"}, {"firstName": "John", "lastName": "Doe", "company": "Acme"}),
    ({"phone": "12"}, {"phone": "12"}), ({}, {}),
    ({"firstName": "Jane", "lastName": "Doe"}, {"firstName": "Jane", "lastName": "Doe"}),
])
def test_others_are_no_suspects(one: dict[str, str], other: dict[str, str]) -> None:
    assert compare(known("1", one), known("2", other)) is None


@pytest.mark.parametrize(("one", "other"), [
    ("Meier", "Meyer"), ("Kowalski", "Kowalsky"), ("Schmidt", "Schmitt"), ("García", "Garcia"), ("O'Neil", "ONeil")])
def test_a_slip_in_a_last_name_is_forgiven(one: str, other: str) -> None:
    pair = [known(number, {"firstName": "Anna", "lastName": name, "company": "Acme GmbH"})
            for number, name in (("1", one), ("2", other))]
    assert len(find_suspects(lambda: pair).pairs) == 1


def test_surer_pairs_come_first_and_only_those_of_the_job() -> None:
    leads = [known("1", JANE, touched=False), known("2", {**JANE, "email": "a@b.c"}, touched=False),
             known("3", {**JANE, "firstName": "Mia", "lastName": "Ray"})]
    found = find_suspects(lambda: leads).pairs
    assert [(pair.first.lead_id, pair.second.lead_id) for pair in found] == [("1", "3"), ("2", "3")]
    everyone = find_suspects(lambda: [known(one.lead_id, dict(one.content)) for one in leads]).pairs
    assert (everyone[0].first.lead_id, everyone[0].second.lead_id) == ("1", "2")
    assert everyone[0].score > everyone[1].score


def test_the_order_in_which_leads_come_does_not_matter() -> None:
    rng = random.Random(1)
    leads = [known(f"{number:03}", {
        "firstName": rng.choice(("Anna", "Ana", "Bo")), "lastName": rng.choice(("Meier", "Meyer", "Berg")),
        "company": rng.choice(("Acme", "ACME Ltd", "Zeta")), "phone": f"+4930901{rng.randrange(40):03}"})
        for number in range(60)]
    first = find_suspects(lambda: leads, Bounds(block=100))
    for _ in range(5):
        mixed = rng.sample(leads, len(leads))
        assert find_suspects(lambda mixed=mixed: mixed, Bounds(block=100)) == first  # type: ignore[misc]
    assert first.pairs


def test_blocks_find_what_comparing_all_with_all_finds() -> None:
    rng = random.Random(2)
    leads = [known(f"{number:03}", {
        "firstName": rng.choice(("Anna", "Anne", "Peter", "Petra")),
        "lastName": rng.choice(("Meier", "Meyer", "Kowalski")),
        "company": rng.choice(("Acme GmbH", "Acme", "Nordwind AG", "Zeta"))}) for number in range(40)]
    everything = {(one.lead_id, other.lead_id) for place, one in enumerate(leads) for other in leads[place + 1:]
                  if compare(one, other)}
    found = find_suspects(lambda: leads, Bounds(block=100))
    assert {(pair.first.lead_id, pair.second.lead_id) for pair in found.pairs} == everything


def test_a_switchboard_is_named_and_not_paired() -> None:
    leads = [known(f"{number:03}", {"firstName": f"A{number}", "phone": "+4930901820"}) for number in range(30)]
    found = find_suspects(lambda: leads)
    assert found.pairs == ()
    assert found.crowded == {"the phone +4930901820": 30}


def test_more_than_the_bounds_is_said() -> None:
    leads = [known(f"{number:03}", {"firstName": "A", "phone": f"+49309018{number // 2:02}"}) for number in range(40)]
    assert not find_suspects(lambda: leads).truncated
    assert find_suspects(lambda: leads, Bounds(pairs=5)).truncated
    held = find_suspects(lambda: leads, Bounds(held=10))
    assert held.truncated
    assert len(held.pairs) == 5
