"""The shared limiter over DynamoDB: one item a provider, changed by compare-and-swap on its version.

The algorithm is `jobs.limits`; this file only reads, writes and waits. A process remembers the state it saw last and
bets on it: alone, a call costs two writes and no read. Whoever loses a race gets the winner's state with the refusal
and decides anew from that, so a lost race costs one write. Giving a place back cannot be lost in a race at all: it
commutes with everything, so it is one unconditional write. Waiting writes nothing. One item takes 1,000 writes a second
on AWS, that is some 500 calls a second for a provider; its size grows by 40 bytes for each call in flight.
Where a policy keeps a gap, an end is remembered under its own lease: that commutes as well.
"""

from __future__ import annotations

import random as _random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chalicelib.adapters.dynamodb import ConditionFailed, from_item, to_item, translated
from chalicelib.errors import Conflict, Transient, Waiting
from chalicelib.jobs import limits
from chalicelib.jobs.limits import Permit, Policy, State, Wait
from chalicelib.logs import log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PATIENCE = 2.0
"""Longest wait in seconds inside a call; anything longer is handed back, since a sleeping function costs money."""
POLL = 0.25
TRIES = 16
BACKOFF_SECONDS, BACKOFF_CAP_SECONDS = 0.004, 0.25

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Versioned:
    """A state with the number of the write that made it; 0 means that nothing is stored."""

    state: State
    version: int


class States(Protocol):
    """The four primitives of a backend."""

    def read(self, provider: str) -> Versioned:
        """The present state, consistently read."""

    def write(self, provider: str, state: State, version: int) -> Versioned:
        """Store `state` over `version`. Raises `Raced` when another write came first."""

    def free(self, provider: str, lease_id: str, *, healthy: bool) -> Versioned | None:
        """What `limits.release` does for a lease that is no probe, whoever else writes. None: nothing is stored."""

    def end(self, provider: str, lease_id: str, now: float, *, healthy: bool) -> Versioned | None:
        """The same for a timed lease, which ends at `now`."""


class Raced(Conflict):
    """Another write came first; `winner` is what stands there now, where the backend tells."""

    def __init__(self, winner: Versioned | None = None) -> None:
        super().__init__("the limiter's state was changed by another worker")
        self.winner = winner


class DynamoStates:
    """States as items `LIMIT#<provider>` of the limits table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, provider: str) -> Versioned:
        with translated("read the limiter"):
            answer = self._client.get_item(TableName=self._table, Key=to_item({"pk": _key(provider)}),
                                           ConsistentRead=True)
        item = answer.get("Item")
        return _versioned(from_item(item)) if item else Versioned(State(), 0)

    def write(self, provider: str, state: State, version: int) -> Versioned:
        item = to_item({"pk": _key(provider), "version": version + 1, **asdict(state)})
        nobody_wrote_since = "#version = :version" if version else "attribute_not_exists(pk)"
        names_and_values: dict[str, Any] = {"ExpressionAttributeNames": {"#version": "version"},
                                            "ExpressionAttributeValues": to_item({":version": version})}
        try:
            with translated("nobody changed the limiter since it was read"):
                self._client.put_item(
                    TableName=self._table, Item=item, ConditionExpression=nobody_wrote_since,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD", **(names_and_values if version else {}))
        except ConditionFailed as refused:
            raise Raced(_versioned(refused.old) if refused.old else None) from refused
        return Versioned(state, version + 1)

    def free(self, provider: str, lease_id: str, *, healthy: bool) -> Versioned | None:
        forgiven = "SET strikes = :none " if healthy else ""
        return self._let_go(provider, lease_id, f"{forgiven}REMOVE leases.#lease", {":none": 0} if healthy else {})

    def end(self, provider: str, lease_id: str, now: float, *, healthy: bool) -> Versioned | None:
        forgiven = ", strikes = :none" if healthy else ""
        return self._let_go(provider, lease_id, f"SET leases.#lease = :now{forgiven}",
                            {":now": now, **({":none": 0} if healthy else {})})

    def _let_go(self, provider: str, lease_id: str, change: str, values: Mapping[str, float]) -> Versioned | None:
        something_is_stored = "attribute_exists(pk)"
        try:
            with translated("the limiter has a state"):
                answer = self._client.update_item(
                    TableName=self._table, Key=to_item({"pk": _key(provider)}), ReturnValues="ALL_NEW",
                    UpdateExpression=f"{change} ADD #version :one", ConditionExpression=something_is_stored,
                    ExpressionAttributeValues=to_item({":one": 1, **values}),
                    ExpressionAttributeNames={"#lease": lease_id, "#version": "version"})
        except ConditionFailed:
            return None
        return _versioned(from_item(answer["Attributes"]))


class Limiter:
    """Permits for calls to providers, over all workers. Safe to share between threads."""

    def __init__(
        self, states: States, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep, random: _random.Random | None = None,
    ) -> None:
        self._states = states
        self._clock = clock
        self._sleep = sleep
        # The system's randomness, not a seeded one: forked workers must not draw the same lease ids.
        self._random = random or _random.SystemRandom()
        self._seen: dict[str, Versioned] = {}

    @contextmanager
    def hold(self, provider: str, policy: Policy, *, cost: float = 1.0, patience: float = PATIENCE) -> Iterator[Permit]:
        """Hold a permit for the length of a `with` block; leaving it by an exception is not `healthy`.

        Raises Waiting when the wait would be longer than `patience` seconds.
        """
        permit = self.acquire(provider, policy, cost=cost, patience=patience)
        healthy = False
        try:
            yield permit
            healthy = True
        finally:
            self.release(provider, permit, healthy=healthy)

    def acquire(self, provider: str, policy: Policy, *, cost: float = 1.0, patience: float = PATIENCE) -> Permit:
        """A permit to call now, after at most `patience` seconds of sleep. Raises Waiting (tokens or circuit)."""
        lease_id = f"{self._random.getrandbits(48):012x}"
        slept = 0.0
        while True:
            verdict = self._ask(provider, policy, lease_id, cost)
            if isinstance(verdict, Permit):
                return verdict
            pause = min(POLL, verdict.seconds) if verdict.guess else verdict.seconds
            if verdict.reason == "circuit" or slept + pause > patience:
                raise Waiting(verdict.seconds, verdict.reason)
            slept += pause
            # Not all sleepers at the same moment: the first one gets through, the others would race for nothing.
            self._sleep(pause * (1 + self._random.random() / 4) + 0.001)

    def release(self, provider: str, permit: Permit, *, healthy: bool) -> None:
        """Give a permit back. Never raises: a lease that cannot be given back expires by itself."""
        try:
            if permit.probe:
                self._change(provider, lambda state, now: limits.release(
                    state, now, permit.lease_id, healthy=healthy, timed=permit.timed))
            elif freed := self._let_go(provider, permit, healthy=healthy):
                self._seen[provider] = freed
        except Transient as error:
            log.warning("limiter lease left to expire", extra={"provider": provider, "cause": error.message})

    def penalise(self, provider: str, policy: Policy, retry_after: float | None = None) -> None:
        """The provider answered "too many": all workers hold off for `retry_after` seconds, or for a growing while."""
        self._change(provider, lambda state, now: limits.penalise(state, policy, now, retry_after))

    def trip(self, provider: str, reason: str) -> None:
        """Open the circuit for all workers; `reason` is a word for a person, such as `key` or `balance`."""
        self._change(provider, lambda state, now: limits.trip(state, now, reason))
        log.error("circuit opened", extra={"provider": provider, "reason": reason})

    def close(self, provider: str) -> None:
        """Close the circuit: a person has acted."""
        self._change(provider, lambda state, _: limits.close(state))

    def observe(self, provider: str, tokens: float) -> None:
        """The provider said how many tokens are left."""
        self._change(provider, lambda state, now: limits.observe(state, now, tokens))

    def circuit(self, provider: str) -> str:
        """Why the circuit is open; empty when it is closed."""
        return self._states.read(provider).state.circuit_reason

    def _let_go(self, provider: str, permit: Permit, *, healthy: bool) -> Versioned | None:
        if permit.timed:
            now = self._clock().timestamp()
            return self._states.end(provider, permit.lease_id, now, healthy=healthy)
        return self._states.free(provider, permit.lease_id, healthy=healthy)

    def _ask(self, provider: str, policy: Policy, lease_id: str, cost: float) -> limits.Verdict:
        try:
            return self._swap(
                provider, lambda state, now: limits.acquire(state, policy, now, lease_id, cost=cost))
        except Raced:
            return Wait(policy.busy_seconds, "tokens", guess=True)

    def _change(self, provider: str, change: Callable[[State, float], State]) -> None:
        self._swap(provider, lambda state, now: (change(state, now), None))

    def _swap(self, provider: str, decide: Callable[[State, float], tuple[State, T]]) -> T:
        """Decide and store, again after each lost race or answer: all decisions give the same result when repeated.

        Raises Raced when every race was lost, Transient when the table does not answer.
        """
        known, fresh = self._seen.get(provider), False
        for attempt in range(TRIES):
            if known is None:
                known, fresh = self._states.read(provider), True
            after, answer = decide(known.state, self._clock().timestamp())
            if after == known.state and fresh:
                self._seen[provider] = known
                return answer
            if after != known.state:
                written, known = self._write(provider, after, known.version)
                if written:
                    return answer
                fresh = True
                self._sleep(self._backoff(attempt))
            else:
                known = None
        raise Raced

    def _write(self, provider: str, state: State, version: int) -> tuple[bool, Versioned | None]:
        """Whether the write won, and what stands there otherwise, where that is known."""
        try:
            self._seen[provider] = self._states.write(provider, state, version)
        except Raced as race:
            return False, race.winner
        except Transient:
            # Applied or not, nobody knows: reading tells. When reading fails too, that error goes out.
            return False, None
        return True, None

    def _backoff(self, attempt: int) -> float:
        return self._random.random() * min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2.0 ** attempt)


def _key(provider: str) -> str:
    return f"LIMIT#{provider}"


def _versioned(item: Mapping[str, Any]) -> Versioned:
    tokens = item.get("tokens")
    return Versioned(
        State(leases={lease: float(expiry) for lease, expiry in item["leases"].items()},
              last_start=float(item["last_start"]), tokens=None if tokens is None else float(tokens),
              refilled_at=float(item["refilled_at"]), blocked_until=float(item["blocked_until"]),
              strikes=int(item["strikes"]), circuit_reason=str(item["circuit_reason"]),
              circuit_since=float(item["circuit_since"]), probe=str(item["probe"])),
        int(item["version"]))
