"""How a provider's client tries again: after a pause that grows and scatters, while there are tries and time left."""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.errors import Transient, Waiting
from chalicelib.jobs.limits import MAX_PENALTY
from chalicelib.logs import log

TRIES = 3
"""Times that one call is tried for errors that may pass at once."""
BUSY_TRIES = 6
"""A provider that is too busy is not a failing one: it is asked more often."""
BACKOFF_SECONDS, BACKOFF_CAP_SECONDS = 0.5, 8.0


class Tried(Protocol):
    """A call in the making: when it must end (by the client's clock), how often it failed or found nobody at home."""

    ends: float
    failures: int
    busy: int


@dataclass(frozen=True, slots=True)
class Retrying:
    """One provider's. `monotonic` answers seconds."""

    provider: str
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    random: _random.Random

    def after_failure(self, call: Tried, error: Transient, tries: int = TRIES) -> None:
        """Sleep before the next try; without one left raise."""
        call.failures += 1
        growing = min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2.0 ** (call.failures - 1))
        pause = growing * (0.5 + self.random.random() / 2)
        if call.failures >= tries or self.monotonic() + pause >= call.ends:
            raise error
        log.info(f"{self.provider} call is tried again", extra={"failures": call.failures, "cause": error.message})
        self.sleep(pause)

    def after_busy(self, call: Tried, error: Transient, seconds: float | None) -> None:
        """Go on to the next try, whose permit waits by itself; without one left raise Waiting for `seconds`."""
        call.busy += 1
        if call.busy >= BUSY_TRIES or self.monotonic() >= call.ends:
            raise Waiting(min(MAX_PENALTY, seconds or BACKOFF_CAP_SECONDS), "tokens") from error
