"""The shared limiter's algorithm, by examples and by random histories."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.jobs import limits
from chalicelib.jobs.limits import Permit, Policy, State, Wait

NOW = 1_800_000_000.0
ROUNDING = 1e-5
ONE = Policy(max_concurrency=1)


def started(state: State, policy: Policy, now: float, lease_id: str = "a", **options: float) -> State:
    after, verdict = limits.acquire(state, policy, now, lease_id, **options)
    assert isinstance(verdict, Permit), verdict
    return after


def refused(state: State, policy: Policy, now: float, lease_id: str = "z", **options: float) -> Wait:
    after, verdict = limits.acquire(state, policy, now, lease_id, **options)
    assert isinstance(verdict, Wait)
    assert after is state, "waiting must not change what is stored"
    return verdict


def test_places_are_limited_and_come_back_by_release():
    policy = Policy(max_concurrency=2)
    state = started(started(State(), policy, NOW, "a"), policy, NOW, "b")
    assert refused(state, policy, NOW).guess
    state = limits.release(state, NOW + 1, "a", healthy=True)
    started(state, policy, NOW + 1, "c")


def test_a_killed_workers_lease_expires():
    state = started(State(), ONE, NOW)
    refused(state, ONE, NOW + ONE.lease_seconds - 1)
    after = started(state, ONE, NOW + ONE.lease_seconds, "b")
    assert set(after.leases) == {"b"}


def test_the_wait_for_a_place_is_no_longer_than_the_lease_that_expires_next():
    state = started(State(), ONE, NOW)
    assert refused(state, ONE, NOW + ONE.lease_seconds - 0.5).seconds == pytest.approx(0.5)


def test_asking_again_under_the_same_lease_gives_the_same_permit():
    state = started(State(), ONE, NOW)
    again, verdict = limits.acquire(state, ONE, NOW + 1, "a")
    assert again is state
    assert verdict == Permit("a")


def test_starts_keep_their_distance():
    policy = Policy(max_concurrency=10, spacing_seconds=2)
    state = started(State(), policy, NOW)
    assert refused(state, policy, NOW + 0.5) == Wait(1.5, "tokens")
    started(state, policy, NOW + 2, "b")


GAP = Policy(max_concurrency=1, gap_seconds=2, lease_seconds=60)


def test_a_start_keeps_its_distance_from_the_end_before_it():
    state = started(State(), GAP, NOW)
    assert refused(state, GAP, NOW + 30).guess
    state = limits.release(state, NOW + 31, "a", healthy=True, timed=True)
    assert refused(state, GAP, NOW + 31.5) == Wait(1.5, "tokens")
    after = started(state, GAP, NOW + 33, "b")
    assert set(after.leases) == {"b"}, "an end that is long past is forgotten"


def test_only_a_permit_with_a_gap_behind_it_asks_to_be_timed():
    assert limits.acquire(State(), GAP, NOW, "a")[1] == Permit("a", timed=True)
    assert limits.acquire(State(), ONE, NOW, "a")[1] == Permit("a", timed=False)
    again = started(State(), GAP, NOW)
    assert limits.acquire(again, GAP, NOW + 1, "a")[1] == Permit("a", timed=True)


def test_the_gap_behind_a_killed_worker_begins_when_its_lease_expires():
    state = started(State(), GAP, NOW)
    assert refused(state, GAP, NOW + 61) == Wait(1, "tokens")
    started(state, GAP, NOW + 62, "b")


def test_a_worker_that_overslept_its_lease_still_tells_its_end():
    state = started(started(State(), GAP, NOW, "slow"), GAP, NOW + 62, "b")
    state = limits.release(state, NOW + 63, "b", healthy=True, timed=True)
    state = limits.release(state, NOW + 64, "slow", healthy=True, timed=True)
    assert refused(state, GAP, NOW + 65) == Wait(1, "tokens")


def test_an_end_by_a_clock_that_runs_ahead_only_delays():
    state = limits.release(started(State(), GAP, NOW), NOW + 5.25, "a", healthy=True, timed=True)
    assert refused(state, GAP, NOW + 5).seconds == pytest.approx(0.25)
    assert refused(state, GAP, NOW + 6).seconds == pytest.approx(1.25)


def test_a_probes_end_is_timed_like_any_other():
    state = started(limits.trip(State(), NOW, "key"), GAP, NOW + 60)
    state = limits.release(state, NOW + 61, "a", healthy=True, timed=True)
    assert state.circuit_reason == ""
    assert refused(state, GAP, NOW + 62) == Wait(1, "tokens")


def test_the_bucket_empties_and_fills_up_to_its_capacity():
    policy = Policy(max_concurrency=100, capacity=3, refill_per_second=0.5)
    state = State()
    for lease_id in "abc":
        state = started(state, policy, NOW, lease_id)
    assert refused(state, policy, NOW).seconds == pytest.approx(2)
    assert limits.level(state, policy, NOW + 3600) == 3
    state = started(state, policy, NOW + 2, "d")
    assert limits.level(state, policy, NOW + 2) == pytest.approx(0)


def test_the_providers_word_about_tokens_counts_also_when_negative():
    policy = Policy(max_concurrency=100, capacity=60, refill_per_second=1)
    state = limits.observe(State(), NOW, -9)
    assert refused(state, policy, NOW, cost=1).seconds == pytest.approx(10)
    started(state, policy, NOW + 10)


def test_a_bucket_that_does_not_refill_asks_to_come_again_not_for_ever():
    policy = Policy(max_concurrency=5, capacity=1)
    assert refused(started(State(), policy, NOW), policy, NOW).seconds == policy.busy_seconds


def test_retry_after_stops_everybody_for_so_long():
    state = limits.penalise(State(), ONE, NOW, 7)
    assert refused(state, ONE, NOW + 3) == Wait(4, "tokens")
    started(state, ONE, NOW + 7)


def test_a_mad_retry_after_is_capped():
    state = limits.penalise(State(), ONE, NOW, 10_000_000)
    assert refused(state, ONE, NOW).seconds == limits.MAX_PENALTY


def test_refusals_without_retry_after_double_until_a_call_succeeds():
    state, now, waits = State(), NOW, []
    for _ in range(12):
        state = limits.penalise(state, ONE, now)
        waits.append(state.blocked_until - now)
        now = state.blocked_until
    assert waits[:4] == pytest.approx([0.5, 1, 2, 4])
    assert max(waits) == pytest.approx(limits.MAX_BACKOFF)
    state = started(state, ONE, now)
    state = limits.release(state, now, "a", healthy=True)
    assert limits.penalise(state, ONE, now).blocked_until - now == pytest.approx(0.5)


def test_ten_refusals_at_the_same_moment_count_as_one():
    state = State()
    for _ in range(10):
        state = limits.penalise(state, ONE, NOW)
    assert state.blocked_until - NOW == pytest.approx(0.5)


def test_an_open_circuit_stops_everybody_until_the_cooldown_is_over():
    state = limits.trip(State(), NOW, "balance")
    assert refused(state, ONE, NOW + 20) == Wait(40, "circuit")


def test_after_the_cooldown_one_caller_may_try_and_the_others_wait():
    policy = Policy(max_concurrency=10)
    state = limits.trip(State(), NOW, "key")
    state, verdict = limits.acquire(state, policy, NOW + 60, "a")
    assert verdict == Permit("a", probe=True)
    assert refused(state, policy, NOW + 60).reason == "circuit"


def test_a_good_probe_closes_the_circuit():
    state = started(limits.trip(State(), NOW, "key"), ONE, NOW + 60)
    state = limits.release(state, NOW + 61, "a", healthy=True)
    assert state.circuit_reason == ""
    assert started(state, ONE, NOW + 61, "b").probe == ""


def test_a_bad_probe_leaves_the_circuit_open_for_another_cooldown():
    state = started(limits.trip(State(), NOW, "key"), ONE, NOW + 60)
    state = limits.release(state, NOW + 61, "a", healthy=False)
    assert refused(state, ONE, NOW + 62) == Wait(59, "circuit")


def test_a_probe_that_died_gives_its_place_to_another():
    state = started(limits.trip(State(), NOW, "key"), ONE, NOW + 60)
    died = NOW + 60 + ONE.lease_seconds
    _, verdict = limits.acquire(state, ONE, died, "b")
    assert verdict == Permit("b", probe=True)


def test_a_call_that_was_under_way_does_not_close_the_circuit():
    policy = Policy(max_concurrency=5)
    state = limits.trip(started(State(), policy, NOW), NOW + 1, "balance")
    state = limits.release(state, NOW + 2, "a", healthy=True)
    assert state.circuit_reason == "balance"


def test_a_person_may_close_the_circuit_at_once():
    started(limits.close(limits.trip(State(), NOW, "key")), ONE, NOW)


@dataclass
class World:
    """Workers that come, finish, die and are refused, in random order; checks itself at every step."""

    policy: Policy
    state: State = field(default_factory=State)
    now: float = NOW
    running: dict[str, float] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    ended: float = 0.0
    told: bool = False
    names: int = 0

    def step(self, what: str, amount: float) -> None:
        self.now += amount
        died = [expiry for expiry in self.running.values() if expiry <= self.now]
        self.ended = max([self.ended, *died])
        self.running = {lease: expiry for lease, expiry in self.running.items() if expiry > self.now}
        getattr(self, what)(amount)
        self.check()

    def start(self, _: float) -> None:
        self.names += 1
        lease = f"w{self.names}"
        self.state, verdict = limits.acquire(self.state, self.policy, self.now, lease)
        if isinstance(verdict, Permit):
            self.running[lease] = self.now + self.policy.lease_seconds
            self.starts.append(self.now)
            assert self.now - self.ended >= self.policy.gap_seconds - ROUNDING
        else:
            assert verdict.seconds > 0

    def finish(self, amount: float) -> None:
        if self.running:
            lease = sorted(self.running)[int(amount * 10) % len(self.running)]
            del self.running[lease]
            self.state = limits.release(self.state, self.now, lease, healthy=amount > 0.5,
                                        timed=self.policy.gap_seconds > 0)
            self.ended = self.now

    def refuse(self, amount: float) -> None:
        self.state = limits.penalise(self.state, self.policy, self.now, amount if amount > 1 else None)

    def trip(self, _: float) -> None:
        self.state = limits.trip(self.state, self.now, "key")

    def tell(self, amount: float) -> None:
        self.state, self.told = limits.observe(self.state, self.now, amount - 3), True

    def check(self) -> None:
        live = [expiry for expiry in self.state.leases.values() if expiry > self.now]
        assert len(live) == len(self.running) <= self.policy.max_concurrency
        gaps = [later - earlier for earlier, later in zip(self.starts, self.starts[1:], strict=False)]
        assert all(gap >= self.policy.spacing_seconds - ROUNDING for gap in gaps)
        level = limits.level(self.state, self.policy, self.now)
        assert level <= self.policy.capacity
        assert level >= -ROUNDING or self.told


POLICIES = st.builds(
    Policy, max_concurrency=st.integers(1, 5), spacing_seconds=st.sampled_from([0.0, 0.5, 3.0]),
    capacity=st.sampled_from([0.0, 1.0, 4.0]), refill_per_second=st.sampled_from([0.0, 0.3, 2.0]),
    gap_seconds=st.sampled_from([0.0, 0.0, 2.0]), lease_seconds=st.sampled_from([1.0, 20.0]),
    circuit_cooldown=st.sampled_from([1.0, 5.0]))
STEPS = st.lists(st.tuples(
    st.sampled_from(["start", "start", "start", "finish", "finish", "refuse", "trip", "tell"]),
    st.sampled_from([0.0, 0.1, 0.4, 0.9, 1.0, 2.5, 7.0])), max_size=60)


@settings(max_examples=300, deadline=None)
@given(POLICIES, STEPS)
def test_no_history_breaks_a_limit(policy, steps):
    world = World(policy)
    for what, amount in steps:
        world.step(what, amount)


@settings(max_examples=200, deadline=None)
@given(POLICIES, STEPS)
def test_whatever_happened_waiting_long_enough_always_ends(policy, steps):
    world = World(replace(policy, refill_per_second=2.0))
    for what, amount in steps:
        world.step(what, amount)
    for _ in range(40):
        world.state, verdict = limits.acquire(world.state, world.policy, world.now, "last")
        if isinstance(verdict, Permit):
            return
        world.now += verdict.seconds + ROUNDING
        if verdict.guess:
            world.now += world.policy.lease_seconds
    pytest.fail(f"still {verdict}")
