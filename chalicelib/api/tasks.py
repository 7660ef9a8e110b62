"""The task worker: what outlasts a request and is no batch of rows.

A task that fails for the last time is given up before its message becomes a dead letter: nobody waits for it any more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chalicelib.adapters.sqs import Queues
from chalicelib.api import dropbox_lister, dry_run, erasure, export, redrive
from chalicelib.errors import Malformed
from chalicelib.jobs import undo
from chalicelib.jobs.receiving import Consumer
from chalicelib.metrics import Metrics
from chalicelib.settings import Settings

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Call = Callable[..., Any]
"""Calls a function with what its parameters are named after."""


class Task(BaseModel):
    """A request for work that goes on, invocation after invocation, until it is done."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    v: Literal[0, 1]

    def run(self, call: Call, remaining: Callable[[], float]) -> None:
        """Take the work as far as time allows. Harmless any number of times."""
        raise NotImplementedError

    def give_up(self, call: Call, cause: str) -> None:
        """Tell those who wait that nobody works on it any more."""
        raise NotImplementedError


class ExportTask(Task):
    """Make a file."""

    task: Literal["export"]
    export_id: Id = Field(alias="exportId")

    def run(self, call: Call, remaining: Callable[[], float]) -> None:
        call(export.run_export, export_id=self.export_id, remaining=remaining)

    def give_up(self, call: Call, cause: str) -> None:  # noqa: ARG002
        call(export.give_up, export_id=self.export_id)


class UndoTask(Task):
    """Put back what a job wrote, on condition that it is still in that run."""

    task: Literal["undo"]
    job_id: Id = Field(alias="jobId")
    run_seen: int = Field(alias="run", ge=1)
    by: str = ""

    def run(self, call: Call, remaining: Callable[[], float]) -> None:
        call(undo.Undoer, remaining=remaining).run(self.job_id, run=self.run_seen, by=self.by)

    def give_up(self, call: Call, cause: str) -> None:
        call(undo.stopped, job_id=self.job_id, cause=cause)


class DryRunTask(Task):
    """Look at a large file."""

    task: Literal["dry_run"]
    order: dict[str, Any]

    def run(self, call: Call, remaining: Callable[[], float]) -> None:
        call(dry_run.run, order=self.order, remaining=remaining)

    def give_up(self, call: Call, cause: str) -> None:  # noqa: ARG002
        call(dry_run.give_up, order=self.order)


class EraseTask(Task):
    """Delete a person from what is kept of one owner's files."""

    task: Literal["erase"]
    erasure_id: Id = Field(alias="erasureId")

    def run(self, call: Call, remaining: Callable[[], float]) -> None:
        call(erasure.Eraser, remaining=remaining).run(self.erasure_id)

    def give_up(self, call: Call, cause: str) -> None:  # noqa: ARG002
        call(erasure.give_up, erasure_id=self.erasure_id)


class ListDropboxTask(Task):
    """Make jobs of what changed in a Dropbox account before `at`, or of all that is there."""

    task: Literal["list_dropbox"]
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9:_-]{1,128}$")]
    at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT[0-9:.]{8,12}Z$")]
    full: bool = False

    def run(self, call: Call, remaining: Callable[[], float]) -> None:
        call(dropbox_lister.Lister, remaining=remaining).run(self.account, self.at, full=self.full)

    def give_up(self, call: Call, cause: str) -> None:
        """Nobody waits: the cursor stays where it is, and the next notification goes on from there."""


class RedriveTask(Task):
    """Put dead letters back on their queue."""

    task: Literal["redrive"]
    redrive_id: Id = Field(alias="redriveId")

    def run(self, call: Call, remaining: Callable[[], float]) -> None:
        call(redrive.Mover, remaining=remaining).run(self.redrive_id)

    def give_up(self, call: Call, cause: str) -> None:
        call(redrive.give_up, redrive_id=self.redrive_id, cause=cause)


@dataclass(frozen=True, slots=True)
class TaskWorker:
    """One invocation's task worker. `remaining` answers the seconds until the platform ends it."""

    queues: Queues
    settings: Settings
    rng: random.Random
    metrics: Metrics
    call: Call
    remaining: Callable[[], float]

    def work(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Run the tasks of one SQS event; answers Lambda's partial batch response."""
        return Consumer(
            self.settings.tasks_queue, self.queues, self.settings, self.rng, self.metrics,
            run=lambda body: parse_task(body).run(self.call, self.remaining),
            give_up=lambda body, cause: parse_task(body).give_up(self.call, cause)).work(records)


def parse_task(body: str) -> Task:
    """Raises Malformed for anything that is not a task."""
    try:
        return _TASK.validate_json(body)
    except ValidationError as error:
        raise Malformed("the message is no task of ours", problems=len(error.errors())) from None


_TASK: TypeAdapter[Task] = TypeAdapter(Annotated[
    ExportTask | UndoTask | DryRunTask | EraseTask | ListDropboxTask | RedriveTask, Field(discriminator="task")])
