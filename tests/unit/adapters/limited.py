"""What tests of providers' clients stand on: the shared limiter's states in memory, and a clock that tests move."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from chalicelib.adapters.limiter import Raced, Versioned
from chalicelib.jobs.limits import State, release


class MemoryStates:
    """The limiter's states in a dictionary."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stored: dict[str, Versioned] = {}

    def read(self, provider: str) -> Versioned:
        return self.stored.get(provider, Versioned(State(), 0))

    def write(self, provider: str, state: State, version: int) -> Versioned:
        with self.lock:
            if self.read(provider).version != version:
                raise Raced(self.read(provider))
            self.stored[provider] = Versioned(state, version + 1)
            return self.stored[provider]

    def free(self, provider: str, lease_id: str, *, healthy: bool) -> Versioned | None:
        return self.end(provider, lease_id, 0, healthy=healthy, timed=False)

    def end(self, provider: str, lease_id: str, now: float, *, healthy: bool, timed: bool = True) -> Versioned | None:
        with self.lock:
            known = self.read(provider)
            freed = release(known.state, now, lease_id, healthy=healthy, timed=timed)
            self.stored[provider] = Versioned(freed, known.version + 1)
            return self.stored[provider]

    def live(self, provider: str, now: float) -> int:
        return sum(expiry > now for expiry in self.read(provider).state.leases.values())


class Time:
    """Seconds that pass by sleeping only; all kinds of clock."""

    def __init__(self) -> None:
        self.passed = 0.0

    def sleep(self, seconds: float) -> None:
        self.passed += seconds

    def monotonic(self) -> float:
        return self.passed

    def clock(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.passed)
