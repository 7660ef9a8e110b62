"""What a queue's depth and its workers' concurrency mean, in plain words, and what to do about them. Pure.

The bands are seed 003's: "Monitoring & Troubleshooting" 1 (messages available: 0 all caught up, 1 to 10 normal, 50 and
more a high volume, 500 and more look for errors) and 4 (concurrent executions, of at most 100: 1 to 10 light, 50 to 100
high, 1000 the account's limit). What lies between two of its numbers belongs to the lower band. The last band of the
depth begins where the stage's alarm does; concurrency is judged as a share of what the queue may use.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

ACCOUNT_CONCURRENCY = 1000
"""Lambda's default quota of concurrent executions in an account and region (AWS Lambda quotas)."""


class Level(StrEnum):
    IDLE = "idle"
    NORMAL = "normal"
    BUSY = "busy"
    BACKLOG = "backlog"


class Load(StrEnum):
    IDLE = "idle"
    LIGHT = "light"
    HIGH = "high"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Band:
    """From `least` waiting messages on."""

    least: int
    level: Level
    means: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """From this share of the maximum concurrency on."""

    least: float
    load: Load
    means: str
    advice: str = ""


_CALM = (
    Band(0, Level.IDLE, "nothing waits: all caught up"),
    Band(1, Level.NORMAL, "a normal backlog, which drains by itself"),
    Band(50, Level.BUSY, "a high volume is being worked on", "Look again in some minutes: the depth should fall."))
_BACKLOG = "more waits than the alarm allows"

USUAL: Sequence[Band] = (*_CALM, Band(
    101, Level.BACKLOG, _BACKLOG, "After a large file that is simply work. Does the depth not fall, look at the "
    "function's errors, at paused jobs and at the provider's limits; then raise {concurrency}, or split the file."))
BANDS: Mapping[str, Sequence[Band]] = {"images": (*_CALM, Band(
    501, Level.BACKLOG, _BACKLOG, "Look at the function's errors first; are there none, raise {concurrency}."))}
"""By queue; all others have the usual ones."""

SHARES: Sequence[Share] = (
    Share(0.0, Load.IDLE, "no worker is busy"),
    Share(1e-9, Load.LIGHT, "light load"),
    Share(0.5, Load.HIGH, "high load, as it should be with much to do"),
    Share(1.0, Load.FULL, "all workers that are allowed are busy",
          "Raise {concurrency} if the provider and the account's limit allow more."))


@dataclass(frozen=True, slots=True)
class Figures:
    """A queue as it stands. `concurrency` None: bounded by the account alone; `rate`: messages a second, if known."""

    name: str
    visible: int
    in_flight: int
    delayed: int
    dead: int
    batch_size: int = 1
    concurrency: int | None = None
    rate: float | None = None

    @property
    def busy(self) -> int:
        """Invocations that are at work, if each was given all it may take: messages in flight are held by workers."""
        return math.ceil(self.in_flight / self.batch_size)

    @property
    def waiting(self) -> int:
        return self.visible + self.delayed

    @property
    def drain_seconds(self) -> int | None:
        """Until all that is there is done at the present pace; None where no pace was measured."""
        left = self.waiting + self.in_flight
        if left == 0:
            return 0
        return math.ceil(left / self.rate) if self.rate else None


def band_of(name: str, visible: int) -> Band:
    return next(band for band in reversed(BANDS.get(name, USUAL)) if visible >= band.least)


def share_of(figures: Figures) -> Share | None:
    """None where the queue itself sets no bound."""
    if figures.concurrency is None:
        return None
    share = figures.busy / figures.concurrency
    return next(each for each in reversed(SHARES) if share >= each.least)


def words(figures: Figures, setting: str) -> tuple[str, ...]:
    """Sentences for a person; `setting` names the variable of the maximum concurrency, where there is one."""
    return tuple(_words(figures, setting or "the function's concurrency"))


def _words(figures: Figures, setting: str) -> Iterator[str]:
    band, share = band_of(figures.name, figures.visible), share_of(figures)
    yield f"{_messages(figures.visible)} can be received: {band.means}."
    if figures.delayed:
        yield (f"{_messages(figures.delayed)} delayed on purpose: for tokens, a circuit, a lease or a deadline. "
               "Waiting is not failing.")
    if share is None:
        yield (f"About {figures.busy} workers are busy; nothing bounds them but the account's {ACCOUNT_CONCURRENCY} "
               "concurrent executions (AWS's default, which it raises on request).")
    else:
        yield f"About {figures.busy} of at most {figures.concurrency} workers are busy: {share.means}."
    yield from _drain(figures)
    for advice in (band.advice, share.advice if share and figures.visible else ""):
        if advice:
            yield advice.format(concurrency=setting)
    if figures.dead:
        yield (f"{_messages(figures.dead)} dead: nothing is lost, their rows are failed in the ledger. List them, put "
               "the cause right, redrive them or retry their jobs.")


def _drain(figures: Figures) -> Iterator[str]:
    seconds = figures.drain_seconds
    if seconds:
        yield f"At the pace of the jobs that run, the queue is empty in about {max(1, round(seconds / 60))} minutes."
    elif seconds is None and figures.concurrency:
        rounds = math.ceil(figures.waiting / (figures.concurrency * figures.batch_size))
        yield f"No pace is known yet; with all workers busy the waiting messages are {rounds} rounds of one batch each."


def _messages(count: int) -> str:
    return f"{count} message" if count == 1 else f"{count} messages"
