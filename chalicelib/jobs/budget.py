"""What a job and an owner's day may spend on providers, and how a call asks before it is made.

Money is in billionths of a US dollar, as in `costs`. A cap of 0 is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.costs import NANO
from chalicelib.settings import Settings

EXHAUSTED = "budget_exhausted"
"""Reason of `Waiting`, and of the job's `paused`: nothing goes on until a person resumes the job."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Calls and money of a job, and of its owner's day (UTC)."""

    job_calls: int = 0
    job_nanos: int = 0
    day_calls: int = 0
    day_nanos: int = 0

    @property
    def any(self) -> bool:
        return bool(self.job_calls or self.job_nanos or self.day_calls or self.day_nanos)


def caps_of(options: Mapping[str, Any], settings: Settings) -> Caps:
    """The upload's own caps, else the stage's."""
    calls, usd = options.get("maxAiCalls"), options.get("maxUsd")
    return Caps(int(settings.max_ai_calls if calls is None else calls),
                round(float(settings.max_usd if usd is None else usd) * NANO),
                settings.daily_ai_calls, round(settings.daily_usd * NANO))


class Purse(Protocol):
    """The budget as one batch sees it."""

    def reserve(self, nanos: int) -> None:
        """One call that may cost so much. Raises Waiting(EXHAUSTED) where that is not left; then it is not made."""
        ...

    def correct(self, calls: int, nanos: int) -> None:
        """What came of the reservation: calls made (0 or 1), and what they cost."""
        ...


class Unlimited:
    """The purse of who has no caps."""

    def reserve(self, nanos: int) -> None:
        """Always."""

    def correct(self, calls: int, nanos: int) -> None:
        """Nobody counts."""
