"""A dry run: what would become of a file, told without storing anything and without asking any provider.

The file is read as the splitter reads it, and the first rows are worked on by the pipeline's own rules. What providers
would use is estimated from these rows; counts, sheets and mapping are those of the whole file, unless time runs out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.costs import NANO, Used, batch_requests, compute, settling, total
from chalicelib.errors import FileProblem, FileRefused
from chalicelib.jobs.model import Batch, Item, Reject, SheetCount
from chalicelib.jobs.pipeline import Pipeline, Reading, Rehearsal

SAMPLE_ROWS = 500
"""Rows that are worked on."""
SHOWN_REJECTS = 20
SHOWN_ROWS = 5
"""First rows of a sheet that are shown."""
SHOWN_CELLS = 2000
"""Cells shown of a file; beyond them no further row is, so that a book of wide sheets still fits into an answer."""
CLOCK_ROWS = 2000
"""Rows between two looks at the clock."""
SETTLE_SECONDS = 0.15
"""Seconds of a batch beside its provider's: reads, the settling transaction, the queue."""
SPLIT_SECONDS_A_ROW = 1 / 10_000
WORKER_MB = 512
SAVED_MINUTES = 60
"""Minutes whose tokens a provider lets pile up; only what is beyond them has to be waited for."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the job would use. `usd` includes AWS's list prices; all of it is a guess from the first rows."""

    batches: int
    usage: Mapping[str, int]
    provider_usd: float
    usd: float
    minutes: float


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dry run found. Without `complete` time ran out: counts are those of the part that was read."""

    complete: bool
    rows: int
    sheets: tuple[SheetCount, ...]
    columns: Mapping[str, Sequence[Any]]
    batch_size: int
    checked: int
    rejected: int
    rejects: tuple[Reject, ...]
    estimate: Estimate | None
    provider: str
    refusal: FileRefused | None = None
    first_rows: Mapping[int, Sequence[Item]] = field(default_factory=dict)
    """By the index of their sheet."""


@dataclass(slots=True)
class _Sample:
    """The first rows, worked on batch by batch."""

    checked: int = 0
    rejects: list[Reject] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    batches: int = 0
    workers: int = 1
    provider: str = ""
    keys: dict[str, int] = field(default_factory=dict)
    tokens_a_minute: float = 0.0

    def add(self, items: Sequence[Item], told: Rehearsal) -> None:
        self.checked += len(items)
        self.rejects += told.rejects
        self.usage = total(self.usage, told.usage)
        self.seconds += told.seconds
        self.batches += 1
        self.workers, self.provider = told.workers, told.provider
        self.keys |= told.keys
        self.tokens_a_minute = told.tokens_a_minute


@dataclass(slots=True)
class _FirstRows:
    """The first rows of every sheet, kept while they go by."""

    kept: dict[int, list[Item]] = field(default_factory=dict)
    cells: int = 0

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if len(self.kept.get(item["_sheet"], ())) < SHOWN_ROWS and self.cells < SHOWN_CELLS:
                self.kept.setdefault(item["_sheet"], []).append(item)
                self.cells += len(item)
            yield item


def rehearse(
    reading: Reading, *, pipeline: Pipeline, time_left: Callable[[], bool], options: Mapping[str, Any] | None = None,
) -> DryRun:
    """Read a file as a job would. `time_left` ends the reading early.

    A file that cannot become rows is an answer too: `refusal` says why.
    """
    sample, first = _Sample(), _FirstRows()
    size = 0
    rows = 0
    complete = True
    refusal: FileRefused | None = None
    try:
        items = first.of(reading)
        head = list(itertools.islice(items, SAMPLE_ROWS * 2 + 1))
        size = pipeline.batch_size(len(head), options or {})
        rows = len(head)
        for batch in _batches(head[:SAMPLE_ROWS], size):
            if sample.batches and not time_left():
                break
            sample.add(batch, _worked(pipeline, batch, reading))
        more, complete = _counted(items, time_left)
        rows += more
    except FileRefused as refused:
        refusal = refused
    if refusal is None and not rows:
        refusal = FileRefused(FileProblem.NO_ROWS)
    return DryRun(
        complete=complete, rows=rows, sheets=tuple(reading.sheets), columns=reading.mapped, batch_size=size,
        checked=sample.checked, rejected=len(sample.rejects), rejects=tuple(sample.rejects[:SHOWN_REJECTS]),
        estimate=_estimate(rows, size, sample) if rows and refusal is None else None, provider=sample.provider,
        refusal=refusal, first_rows=first.kept)


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start:start + size] for start in range(0, len(items), size))


def _worked(pipeline: Pipeline, items: Sequence[Item], reading: Reading) -> Rehearsal:
    refused = [item for item in items if "_error" in item]
    good = tuple(item for item in items if "_error" not in item)
    told = pipeline.rehearse(Batch("dry", 1, 1, good, reading.columns)) if pipeline.rehearse else Rehearsal()
    return told if not refused else Rehearsal(
        (*told.rejects, *map(_refused, refused)), told.usage, told.seconds, told.workers, told.provider, told.keys,
        told.tokens_a_minute)


def _refused(item: Item) -> Reject:
    cells = {name: value for name, value in item.items() if not name.startswith("_")}
    return Reject(item["_sheet"], item["_row"], str(item["_worksheet"]), cells=cells, **item["_error"])


def _counted(items: Iterator[Item], time_left: Callable[[], bool]) -> tuple[int, bool]:
    """How many items are left, and whether they were counted to the end."""
    count = 0
    while True:
        some = sum(1 for _ in itertools.islice(items, CLOCK_ROWS))
        count += some
        if some < CLOCK_ROWS:
            return count, True
        if not time_left():
            return count, False


def _estimate(rows: int, size: int, sample: _Sample) -> Estimate:
    """The sample's use, stretched over all rows."""
    share = rows / max(1, sample.checked)
    batches = -(-rows // size)
    seconds = batches * (sample.seconds / max(1, sample.batches) + SETTLE_SECONDS)
    tokens = {Used.PROVIDER_TOKENS.value: sum(sample.keys.values())}
    usage = {name: round(amount * share) for name, amount in total(sample.usage, tokens).items()}
    aws = total(compute(WORKER_MB, seconds + rows * SPLIT_SECONDS_A_ROW),
                {name: amount * batches for name, amount in total(batch_requests(), settling(size)).items()})
    provider, others = usage.get(Used.PROVIDER_NANO_USD, 0) / NANO, aws.get(Used.AWS_NANO_USD, 0) / NANO
    minutes = (seconds / max(1, min(sample.workers, batches)) + rows * SPLIT_SECONDS_A_ROW) / 60
    if sample.tokens_a_minute:
        minutes += max(0.0, usage.get(Used.PROVIDER_TOKENS, 0) / sample.tokens_a_minute - SAVED_MINUTES)
    return Estimate(batches, usage, provider, provider + others, minutes)
