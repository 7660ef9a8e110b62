"""Leases in DynamoDB: one holder at a time, whatever becomes of him."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.adapters.leases import Lease, Leases
from tests.conftest import Aws


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(aws: Aws, clock: Clock) -> Leases:
    return Leases(aws.client("dynamodb"), "dropmill-test-limits", clock=clock)


def test_of_many_who_want_a_lease_one_gets_it_and_the_others_learn_until_when(leases: Leases, clock: Clock) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: leases.take("group", 30), range(8)))
    assert [lease.mine for lease in taken].count(True) == 1
    assert {lease.until for lease in taken} == {clock.now.timestamp() + 30}


def test_what_is_given_back_can_be_taken_at_once_and_other_names_are_free(leases: Leases) -> None:
    first = leases.take("group", 30)
    assert (leases.take("group", 30).mine, leases.take("other", 30).mine) == (False, True)
    leases.give_back(first)
    assert leases.take("group", 30).mine


def test_a_lease_that_nobody_gave_back_expires_and_its_old_holder_takes_nothing_away(
    leases: Leases, clock: Clock
) -> None:
    dead = leases.take("group", 30)
    clock.now += timedelta(seconds=30)
    assert leases.take("group", 30).mine
    leases.give_back(dead)
    assert not leases.take("group", 30).mine


def test_a_lease_that_cannot_be_given_back_is_left_to_expire(aws: Aws, clock: Clock) -> None:
    gone = Leases(aws.client("dynamodb", retries={"total_max_attempts": 1}), "dropmill-test-limits", clock=clock)
    gone.give_back(Lease("never-taken", "me", 0.0))
