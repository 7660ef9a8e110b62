"""What makes one pipeline different from another: a frozen value that the engine calls through and never names.

A knob enters `Pipeline` only when two pipelines need different values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from chalicelib.costs import Meter
from chalicelib.jobs.model import Batch, BatchEntry, Duplicate, Item, Job, Outcome, Reject, RowId, SheetCount


class Reading(Protocol):
    """A file on its way to items. Iterate once, to the end; only then are `sheets` complete."""

    def __iter__(self) -> Iterator[Item]: ...

    @property
    def sheets(self) -> Sequence[SheetCount]: ...

    @property
    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """Per worksheet met so far: original column name -> field of the pipeline."""
        ...

    @property
    def mapped(self) -> Mapping[str, Sequence[Any]]:
        """Per worksheet met so far: its columns in order, with `header`, `field`, `score`, `reason`, `candidates`."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """One item that the provider made into a record. `record` holds content fields only."""

    row: RowId
    worksheet: str
    record: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    provider: str = ""
    prompt_version: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Which reject the row corrects, as of `origin_of`."""


@dataclass(frozen=True, slots=True)
class Processed:
    """The answer of a pipeline for one batch: every item is in exactly one of the two tuples."""

    stored: tuple[Stored, ...] = ()
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """One action of a transaction on a pipeline's own table.

    `condition` is a DynamoDB condition expression over `names` and `values`; an empty one writes unconditionally.
    `meaning` says in words what a failed condition tells. With `add` it adds to counters instead of putting the item.
    """

    table: str
    key: Mapping[str, str]
    item: Mapping[str, Any]
    condition: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Displaced:
    """A row of the same job that loses to a later one: its batch's counter moves from `outcome` to superseded."""

    batch_number: int
    sheet: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Effects:
    """All that settling a batch writes beside the ledger, judged against the state that was just read."""

    outcomes: Mapping[RowId, Outcome]
    writes: tuple[Write, ...] = ()
    displaced: tuple[Displaced, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    marks: tuple[str, ...] = ()
    """What this batch is the first of its job to write, in the pipeline's own words; `Pipeline.undo` reads them."""
    tallies: Mapping[str, int] = field(default_factory=dict)
    """What settling adds to the job's own counts of the pipeline."""
    elsewhere: bool = False
    """The records lie outside DynamoDB and are written already: if the batch may not settle, undo must hear of it."""


class PutBack(StrEnum):
    """What undoing did with one thing that a job wrote."""

    REMOVED = "removed"
    RESTORED = "restored"
    UNCHANGED = "unchanged"
    """The job had found it as it left it."""
    KEPT = "kept"
    """It was changed since; `reason` says how."""


@dataclass(frozen=True, slots=True)
class Undone:
    """One mark, undone or kept. `reason` is a word, `by_job` the later job that stands in the way."""

    mark: str
    became: PutBack
    record_id: str = ""
    reason: str = ""
    by_job: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker gives a pipeline beside the batch. `remaining` is the seconds left before the platform kills us.

    `meter` takes what the provider used as soon as it is known, for an attempt may fail at any time.
    """

    job: Job
    attempt: int
    remaining: Callable[[], float]
    meter: Meter = field(default_factory=Meter)
    silent: bool = False
    """The answer is only compared with another: nobody outside may hear of it."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a batch would come to, without asking anybody: rejects by the rules, and what a provider would use.

    `usage` is in the words of `costs.Used`, `seconds` the provider's for this batch, `workers` how many work at once.
    `keys` are look-ups that a job makes once however often they come, with their price in the provider's tokens, of
    which `tokens_a_minute` come.
    """

    rejects: tuple[Reject, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    workers: int = 1
    provider: str = ""
    keys: Mapping[str, int] = field(default_factory=dict)
    tokens_a_minute: float = 0.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One of leads, products, prices, images.

    `read(path, file_name, options)` streams a local file into items and raises `FileRefused`. The options are the
    job's, with `memory` (a `columns.Memory`), and while the job itself is planned also `job`; a dry run has none.
    `process(batch, work)` does the provider's work; it may raise `Waiting`, `Transient`, `Unavailable` or
    `ContentRefused`.
    `effects(job, batch, processed)` reads the present state and plans the writes; called again after a lost race.
    """

    name: str
    items_key: str
    queue: str
    read: Callable[[str, str, Mapping[str, Any]], Reading]
    process: Callable[[Batch, Work], Processed]
    effects: Callable[[Job, Batch, Processed], Effects]
    batch_size: Callable[[int, Mapping[str, Any]], int]
    """Items a batch for a file of that many items (capped at 1,001: larger files cut alike) and a job's options."""
    result_options: tuple[str, ...] = ()
    """Names of the options that change results, and so belong to a file's identity."""
    rehearse: Callable[[Batch], Rehearsal] | None = None
    """For a dry run."""
    undo: Callable[[Job, Sequence[str]], Sequence[Undone]] | None = None
    """Put back what these marks of the job stand for, each once however often it is asked, unless changed since."""
    noted: Callable[[Job, BatchEntry], Sequence[Write]] | None = None
    """What else the transaction writes that settles a batch, done or failed: a table of the pipeline's own."""
    threads: int = 1
    """Messages of one invocation that are worked on at a time."""
    told: Callable[[Job, int], None] | None = None
    """Called with the number of a batch after it was settled, and again when its message comes back; it may raise
    Waiting, then it does.

    For others who follow a job's progress: nothing that it does counts, and its failures end in the log.
    """
