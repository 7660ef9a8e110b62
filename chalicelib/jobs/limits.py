"""One limiter for a provider, shared by all workers, as a pure algorithm: state and time in, state and verdict out.

Five limits hold together: calls in flight (leases that expire, so that a killed worker gives its place back), time
between two starts, time between an end and the next start, a token bucket, and a block that the provider asked for
(`Retry-After`). Above them stands the circuit: opened by a refusal that only a person can end (bad key, empty balance),
it lets one caller through after a cool-down, and that probe decides for all. Who stores the state, and how two writers
are kept apart, is not known here.

Times are seconds since the epoch, by the workers' own clocks, which on AWS agree to milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

MAX_PENALTY = 3600.0
"""Longest block in seconds, whatever a provider asks for: a mad `Retry-After` must not stop a stage for days."""
MAX_BACKOFF = 60.0
"""Longest block in seconds for a refusal that came without `Retry-After`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a provider allows over all workers together. `capacity` 0 means: no token bucket.

    `lease_seconds` must outlast the longest call. `busy_seconds` is when to come again while all places are taken.
    `penalty_seconds` is the first block after a refusal without `Retry-After`; it doubles up to `MAX_BACKOFF`.
    `gap_seconds` is the least time from any end to the next start; with one place that spaces whole stretches of work.
    """

    max_concurrency: int
    spacing_seconds: float = 0.0
    capacity: float = 0.0
    refill_per_second: float = 0.0
    lease_seconds: float = 180.0
    circuit_cooldown: float = 60.0
    busy_seconds: float = 2.0
    penalty_seconds: float = 0.5
    gap_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """All that is known of a provider. `leases` maps a lease to its expiry; `tokens` None means: a full bucket.

    Where a gap is kept, an ended lease stays until the next start, with the moment of its end as its expiry: the end of
    a killed worker is then the same thing, and no write that ends a lease can undo another.
    The circuit is open while `circuit_reason` is not empty; `probe` is the lease that tries it out.
    """

    leases: Mapping[str, float] = field(default_factory=dict)
    last_start: float = 0.0
    tokens: float | None = None
    refilled_at: float = 0.0
    blocked_until: float = 0.0
    strikes: int = 0
    circuit_reason: str = ""
    circuit_since: float = 0.0
    probe: str = ""


@dataclass(frozen=True, slots=True)
class Permit:
    """One call may start now; give it back with `release`. A `probe` tries out an open circuit.

    `timed` says that its end must be remembered, for the gap to the next start.
    """

    lease_id: str
    probe: bool = False
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: come again in `seconds`. `reason` is `tokens` (any of the limits) or `circuit`.

    `guess` says that a place may become free at any moment before, because it is a running call that must end.
    """

    seconds: float
    reason: str
    guess: bool = False


Verdict: TypeAlias = Permit | Wait


def acquire(state: State, policy: Policy, now: float, lease_id: str, *, cost: float = 1.0) -> tuple[State, Verdict]:
    """Ask for one call that costs `cost` tokens. A Wait leaves the state as it is.

    Asking again under a lease that is already held answers the same Permit: a lost answer costs nothing.
    """
    if state.leases.get(lease_id, 0.0) > now:
        return state, Permit(lease_id, state.probe == lease_id, policy.gap_seconds > 0)
    live = _live(state.leases, now)
    wait = _circuit_wait(state, policy, now, live) or _limit_wait(state, policy, now, live, cost)
    if wait:
        return state, wait
    probe = lease_id if state.circuit_reason else ""
    started = replace(state, leases={**live, lease_id: now + policy.lease_seconds}, last_start=now, probe=probe)
    if policy.capacity:
        started = replace(started, tokens=level(state, policy, now) - cost, refilled_at=now)
    return started, Permit(lease_id, bool(probe), policy.gap_seconds > 0)


def release(state: State, now: float, lease_id: str, *, healthy: bool, timed: bool = False) -> State:
    """Give a lease back. `healthy` says that the provider did the work: that closes the circuit of a probe.

    A probe that proves nothing leaves the circuit open for another cool-down. `timed` is the permit's.
    """
    leases = {lease: expiry for lease, expiry in state.leases.items() if lease != lease_id}
    leases |= {lease_id: now} if timed else {}
    freed = replace(state, leases=leases, strikes=0 if healthy else state.strikes)
    if state.probe != lease_id:
        return freed
    return close(freed) if healthy else replace(freed, probe="", circuit_since=now)


def penalise(state: State, policy: Policy, now: float, retry_after: float | None = None) -> State:
    """The provider is over its capacity: nobody starts for `retry_after` seconds, or for a growing while.

    Refusals of calls that were already under way while blocked count as one, else ten workers would double ten times.
    """
    fresh = now >= state.blocked_until
    if retry_after is None and not fresh:
        return state
    strikes = state.strikes + fresh
    backoff = min(MAX_BACKOFF, policy.penalty_seconds * 2.0 ** min(max(strikes - 1, 0), 16))
    seconds = backoff if retry_after is None else min(MAX_PENALTY, max(0.0, retry_after))
    return replace(state, strikes=strikes, blocked_until=max(state.blocked_until, now + seconds))


def trip(state: State, now: float, reason: str) -> State:
    """Open the circuit: nobody calls until a probe succeeds or a person closes it."""
    return replace(state, circuit_reason=reason, circuit_since=now, probe="")


def close(state: State) -> State:
    """Close the circuit."""
    return replace(state, circuit_reason="", circuit_since=0.0, probe="")


def observe(state: State, now: float, tokens: float) -> State:
    """The provider says how many tokens are left; its word counts, also when it is negative."""
    return replace(state, tokens=tokens, refilled_at=now)


def level(state: State, policy: Policy, now: float) -> float:
    """Tokens in the bucket at `now`."""
    if state.tokens is None:
        return policy.capacity
    refilled = max(0.0, now - state.refilled_at) * policy.refill_per_second
    return min(policy.capacity, state.tokens + refilled)


def _live(leases: Mapping[str, float], now: float) -> dict[str, float]:
    return {lease: expiry for lease, expiry in leases.items() if expiry > now}


def _circuit_wait(state: State, policy: Policy, now: float, live: Mapping[str, float]) -> Wait | None:
    if not state.circuit_reason:
        return None
    if state.probe in live:
        return Wait(min(policy.circuit_cooldown, live[state.probe] - now), "circuit")
    cooling = state.circuit_since + policy.circuit_cooldown - now
    return Wait(cooling, "circuit") if cooling > 0 else None


def _limit_wait(state: State, policy: Policy, now: float, live: Mapping[str, float], cost: float) -> Wait | None:
    known = max(state.blocked_until - now, state.last_start + policy.spacing_seconds - now,
                _gap_wait(state, policy, now), _token_wait(state, policy, now, cost))
    if known > 0:
        return Wait(known, "tokens")
    if len(live) < policy.max_concurrency:
        return None
    return Wait(min(policy.busy_seconds, min(live.values()) - now), "tokens", guess=True)


def _gap_wait(state: State, policy: Policy, now: float) -> float:
    """Until the gap behind the last end is over. Whatever a start forgets has been over for as long as that."""
    ends = [expiry for expiry in state.leases.values() if expiry <= now]
    return max(ends) + policy.gap_seconds - now if policy.gap_seconds and ends else 0.0


def _token_wait(state: State, policy: Policy, now: float, cost: float) -> float:
    missing = cost - level(state, policy, now)
    if not policy.capacity or missing <= 0:
        return 0.0
    return missing / policy.refill_per_second if policy.refill_per_second else policy.busy_seconds
