"""How often and after what pauses a provider is asked again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from chalicelib.adapters.retrying import BACKOFF_CAP_SECONDS, BACKOFF_SECONDS, BUSY_TRIES, TRIES, Retrying
from chalicelib.errors import Transient, Waiting
from chalicelib.jobs.limits import MAX_PENALTY

ERROR = Transient("a hiccup")


@dataclass
class Call:
    ends: float = 1000.0
    failures: int = 0
    busy: int = 0


@dataclass
class Sleeper:
    """A clock that only sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def retrying(self) -> Retrying:
        return Retrying("someone", lambda: self.now, self.sleep, random.Random(1))


def test_pauses_grow_to_a_cap_and_scatter_by_half() -> None:
    here, call = Sleeper(), Call()
    for _ in range(9):
        here.retrying().after_failure(call, ERROR, tries=10)
    longest = [min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2 ** place) for place in range(9)]
    assert all(most / 2 <= pause <= most for pause, most in zip(here.slept, longest, strict=True))
    assert longest[-1] == BACKOFF_CAP_SECONDS


def test_the_last_try_raises_what_failed_and_sleeps_no_more() -> None:
    here, call = Sleeper(), Call()
    for _ in range(TRIES - 1):
        here.retrying().after_failure(call, ERROR)
    with pytest.raises(Transient) as raised:
        here.retrying().after_failure(call, ERROR)
    assert (raised.value, len(here.slept)) == (ERROR, TRIES - 1)


def test_no_pause_outlasts_the_call() -> None:
    here = Sleeper()
    with pytest.raises(Transient):
        here.retrying().after_failure(Call(ends=BACKOFF_SECONDS / 2), ERROR)
    assert here.slept == []


@pytest.mark.parametrize(("asked", "seconds"), [(None, BACKOFF_CAP_SECONDS), (0.0, BACKOFF_CAP_SECONDS), (42.0, 42.0),
                                                (1e9, MAX_PENALTY)])
def test_a_provider_that_stays_busy_is_waited_for_as_long_as_it_asks_within_reason(
    asked: float | None, seconds: float,
) -> None:
    here, call = Sleeper(), Call()
    for _ in range(BUSY_TRIES - 1):
        here.retrying().after_busy(call, ERROR, asked)
    with pytest.raises(Waiting) as raised:
        here.retrying().after_busy(call, ERROR, asked)
    assert (raised.value.seconds, raised.value.reason, here.slept) == (seconds, "tokens", [])


def test_a_busy_provider_is_not_asked_again_when_the_call_is_over() -> None:
    with pytest.raises(Waiting):
        Sleeper(now=5.0).retrying().after_busy(Call(ends=5.0), ERROR, 3.0)
