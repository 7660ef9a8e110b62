"""One suite for the limiter, over each way to store its state: moto in this process, and the emulator on the wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters.limiter import DynamoStates, Limiter, Raced, States, Versioned
from chalicelib.errors import Transient, Waiting
from chalicelib.jobs.limits import Policy, State, release

TABLE = "dropmill-test-limits"
FOUR = Policy(max_concurrency=4, lease_seconds=30)


class Time:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture(params=["moto", "emulator"])
def states(request: pytest.FixtureRequest) -> Iterator[DynamoStates]:
    if request.param == "emulator":
        aws = request.getfixturevalue("aws")
        yield DynamoStates(aws.client("dynamodb", max_pool_connections=32), TABLE)
        return
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST",
                            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
                            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}])
        yield DynamoStates(client, TABLE)


def a_limiter(states: States, clock: Time | None = None) -> Limiter:
    clock = clock or Time()
    return Limiter(states, clock=clock, sleep=clock.sleep)


def test_a_state_comes_back_as_it_was_written(states):
    full = State(leases={"a": 1_800_000_000.123456, "b": 5.0}, last_start=1_800_000_000.7, tokens=-2.5, refilled_at=3.0,
                 blocked_until=9.25, strikes=3, circuit_reason="balance", circuit_since=1.5, probe="a")
    for version, state in enumerate([State(), full, replace(full, tokens=None, leases={})]):
        assert states.write("p", state, version) == Versioned(state, version + 1)
        assert states.read("p") == Versioned(state, version + 1)


def test_a_write_over_an_old_version_is_refused_and_tells_the_winner(states):
    states.write("p", State(strikes=1), 0)
    for version in (0, 7):
        with pytest.raises(Raced) as refused:
            states.write("p", State(strikes=2), version)
        assert refused.value.winner == Versioned(State(strikes=1), 1)


@pytest.mark.parametrize("healthy", [True, False])
def test_freeing_a_place_is_what_the_algorithm_calls_release(states, healthy):
    state = State(leases={"a": 5.0, "b": 6.0}, last_start=4.0, tokens=1.5, blocked_until=3.0, strikes=4,
                  circuit_reason="key", circuit_since=1.0, probe="b")
    states.write("p", state, 0)
    freed = Versioned(release(state, 4.5, "a", healthy=healthy), 2)
    assert states.free("p", "a", healthy=healthy) == freed == states.read("p")


def test_freeing_a_place_that_is_gone_or_never_was_does_no_harm(states):
    assert states.free("p", "a", healthy=True) is None
    states.write("p", State(leases={"b": 5.0}), 0)
    assert states.free("p", "a", healthy=True).state.leases == {"b": 5.0}


@pytest.mark.parametrize("healthy", [True, False])
def test_ending_a_timed_lease_is_what_the_algorithm_calls_release(states, healthy):
    state = State(leases={"a": 5.0, "b": 6.0}, last_start=4.0, blocked_until=3.0, strikes=4)
    states.write("p", state, 0)
    ended = Versioned(release(state, 4.5, "a", healthy=healthy, timed=True), 2)
    assert states.end("p", "a", 4.5, healthy=healthy) == ended == states.read("p")


def test_a_timed_lease_that_is_gone_still_tells_its_end(states):
    assert states.end("p", "a", 4.5, healthy=True) is None
    states.write("p", State(leases={"b": 5.0}), 0)
    assert states.end("p", "a", 4.5, healthy=True).state.leases == {"a": 4.5, "b": 5.0}


GAP = Policy(max_concurrency=1, gap_seconds=2, lease_seconds=30)


def test_the_gap_behind_one_worker_holds_for_the_others(states):
    clock = Time()
    first, second = a_limiter(states, clock), a_limiter(states, clock)
    with first.hold("convex", GAP):
        clock.sleep(3)
    with pytest.raises(Waiting) as refused:
        second.acquire("convex", GAP, patience=1)
    assert refused.value.seconds == pytest.approx(2, abs=0.01)
    before = clock.now
    second.acquire("convex", GAP, patience=3)
    assert 2 <= (clock.now - before).total_seconds() < 3


def test_a_state_of_an_older_version_knows_the_gap_after_one_start(states):
    """Ends are kept among the leases: there is no attribute that an older item could lack."""
    clock = Time()
    states.write("convex", State(last_start=1.0), 0)
    limiter = a_limiter(states, clock)
    with limiter.hold("convex", GAP, patience=0):
        pass
    with pytest.raises(Waiting):
        limiter.acquire("convex", GAP, patience=0)


def test_another_process_sees_the_places_taken(states):
    clock = Time()
    first, second = a_limiter(states, clock), a_limiter(states, clock)
    held = [first.acquire("deepseek", FOUR) for _ in range(4)]
    with pytest.raises(Waiting) as refused:
        second.acquire("deepseek", FOUR, patience=0)
    assert refused.value.reason == "tokens"
    first.release("deepseek", held[0], healthy=True)
    second.acquire("deepseek", FOUR, patience=0)


def test_providers_do_not_share_their_limits(states):
    limiter = a_limiter(states)
    for provider in ("deepseek", "keepa"):
        limiter.acquire(provider, Policy(max_concurrency=1), patience=0)


def test_a_short_wait_is_slept_and_a_long_one_handed_back(states):
    clock = Time()
    limiter = a_limiter(states, clock)
    policy = Policy(max_concurrency=9, spacing_seconds=1.5)
    limiter.acquire("deepseek", policy)
    limiter.acquire("deepseek", policy, patience=2)
    assert 1.5 <= sum(clock.slept) < 2
    limiter.penalise("deepseek", policy, 30)
    with pytest.raises(Waiting) as refused:
        limiter.acquire("deepseek", policy, patience=2)
    assert refused.value.seconds == pytest.approx(30, abs=0.1)


def test_the_open_circuit_is_known_to_all_and_one_good_probe_closes_it(states):
    clock = Time()
    first, second = a_limiter(states, clock), a_limiter(states, clock)
    first.trip("deepseek", "key")
    with pytest.raises(Waiting) as refused:
        second.acquire("deepseek", FOUR)
    assert refused.value.reason == "circuit"
    assert second.circuit("deepseek") == "key"
    clock.sleep(FOUR.circuit_cooldown)
    with second.hold("deepseek", FOUR) as permit:
        assert permit.probe
        with pytest.raises(Waiting):
            first.acquire("deepseek", FOUR)
    first.acquire("deepseek", FOUR)
    assert first.circuit("deepseek") == ""


def test_leaving_a_block_by_an_exception_frees_the_place_and_keeps_the_circuit_open(states):
    clock = Time()
    limiter = a_limiter(states, clock)
    limiter.trip("deepseek", "key")
    clock.sleep(FOUR.circuit_cooldown)
    with pytest.raises(Transient), limiter.hold("deepseek", FOUR):
        raise Transient("no answer")
    assert states.read("deepseek").state.leases == {}
    assert limiter.circuit("deepseek") == "key"


def test_tokens_that_the_provider_reports_are_shared(states):
    clock = Time()
    first, second = a_limiter(states, clock), a_limiter(states, clock)
    policy = Policy(max_concurrency=9, capacity=300, refill_per_second=1 / 12)
    first.observe("keepa", -4)
    with pytest.raises(Waiting) as refused:
        second.acquire("keepa", policy)
    assert refused.value.seconds == pytest.approx(60, abs=0.1)


class LostAnswers:
    """A table that applies a write and then breaks the connection, every other time."""

    def __init__(self, states: States) -> None:
        self.states = states
        self.writes = 0

    def read(self, provider: str) -> Versioned:
        return self.states.read(provider)

    def write(self, provider: str, state: State, version: int) -> Versioned:
        self.writes += 1
        written = self.states.write(provider, state, version)
        if self.writes % 2:
            raise Transient("no answer")
        return written

    def free(self, provider: str, lease_id: str, *, healthy: bool) -> Versioned | None:
        return self.states.free(provider, lease_id, healthy=healthy)

    def end(self, provider: str, lease_id: str, now: float, *, healthy: bool) -> Versioned | None:
        return self.states.end(provider, lease_id, now, healthy=healthy)


def test_a_lost_answer_takes_no_second_place(states):
    limiter = a_limiter(LostAnswers(states))
    for _ in range(4):
        limiter.acquire("deepseek", FOUR)
    assert len(states.read("deepseek").state.leases) == 4


class DeadTable:
    def read(self, provider: str) -> Versioned:
        raise Transient("no answer")

    def write(self, provider: str, state: State, version: int) -> Versioned:
        raise Transient("no answer")

    def free(self, provider: str, lease_id: str, *, healthy: bool) -> Versioned | None:
        raise Transient("no answer")

    def end(self, provider: str, lease_id: str, now: float, *, healthy: bool) -> Versioned | None:
        raise Transient("no answer")


@pytest.mark.parametrize("policy", [FOUR, GAP])
def test_a_dead_table_is_an_error_for_acquire_and_none_for_release(states, policy):
    permit = a_limiter(states).acquire("deepseek", policy)
    limiter = a_limiter(DeadTable())
    with pytest.raises(Transient):
        limiter.acquire("deepseek", policy)
    limiter.release("deepseek", permit, healthy=True)


class Counting:
    def __init__(self, states: States) -> None:
        self.states, self.reads, self.writes = states, 0, 0

    def read(self, provider: str) -> Versioned:
        self.reads += 1
        return self.states.read(provider)

    def write(self, provider: str, state: State, version: int) -> Versioned:
        self.writes += 1
        return self.states.write(provider, state, version)

    def free(self, provider: str, lease_id: str, *, healthy: bool) -> Versioned | None:
        self.writes += 1
        return self.states.free(provider, lease_id, healthy=healthy)

    def end(self, provider: str, lease_id: str, now: float, *, healthy: bool) -> Versioned | None:
        self.writes += 1
        return self.states.end(provider, lease_id, now, healthy=healthy)


@pytest.mark.parametrize(("policy", "reads"), [(FOUR, 1), (GAP, 10)])
def test_alone_a_call_costs_two_writes_and_a_read_only_before_it_waits(states, policy, reads):
    counting = Counting(states)
    limiter = a_limiter(counting)
    for _ in range(10):
        with limiter.hold("deepseek", policy, patience=3):
            pass
    assert (counting.reads, counting.writes) == (reads, 20)


class Watch:
    """Counts what runs at the same time, and when it began."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0
        self.starts: list[float] = []

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: Any) -> None:
        with self.lock:
            self.inside -= 1


def crowd(states: DynamoStates, policy: Policy, calls: int, seconds: float) -> Watch:
    """Eight workers, each with a limiter of its own as in eight Lambdas, making `calls` calls each."""
    watch = Watch()

    def work(_: int) -> None:
        limiter = Limiter(states)
        for _ in range(calls):
            with limiter.hold("deepseek", policy, patience=60), watch:
                time.sleep(seconds)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    return watch


@pytest.fixture
def wire(aws: Any) -> DynamoStates:
    return DynamoStates(aws.client("dynamodb", max_pool_connections=32), TABLE)


def test_eight_workers_never_hold_more_than_the_allowed_places(wire):
    watch = crowd(wire, Policy(max_concurrency=3, lease_seconds=60), calls=4, seconds=0.02)
    assert watch.most <= 3
    assert wire.read("deepseek").state.leases == {}


def test_eight_workers_keep_the_distance_between_starts(wire):
    granted: list[float] = []

    class Recording(DynamoStates):
        def write(self, provider: str, state: State, version: int) -> Versioned:
            written = super().write(provider, state, version)
            granted.append(state.last_start)
            return written

    recording = Recording(wire._client, TABLE)
    crowd(recording, Policy(max_concurrency=8, spacing_seconds=0.03, lease_seconds=60), calls=2, seconds=0)
    starts = sorted(set(granted))
    assert len(starts) == 16
    assert min(later - earlier for earlier, later in pairwise(starts)) >= 0.03 - 1e-5


def test_eight_workers_lose_nothing_where_no_limit_binds(wire):
    watch = crowd(wire, Policy(max_concurrency=1000, lease_seconds=60), calls=5, seconds=0)
    assert watch.inside == 0
    last = wire.read("deepseek")
    assert last.state.leases == {}
    assert last.version == 2 * 8 * 5, "each call is one write to start and one to end"


