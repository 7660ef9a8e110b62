"""The task worker: what outlasts a request and is no batch of rows.

A task that fails for the last time is given up before its message becomes a dead letter: nobody waits for it any more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chalicelib.adapters.lead_listing import LeadListing
from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.records import Records
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.api.export import give_up, run_export
from chalicelib.errors import Malformed
from chalicelib.jobs.receiving import Consumer
from chalicelib.metrics import Metrics
from chalicelib.settings import Settings


class TaskMessage(BaseModel):
    """A request for work that goes on, invocation after invocation, until it is done."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    v: Literal[0, 1]
    task: Literal["export"]
    export_id: str = Field(alias="exportId", pattern=r"^[A-Za-z0-9_-]{1,128}$")


@dataclass(frozen=True, slots=True)
class TaskWorker:
    """One invocation's task worker. `remaining` answers the seconds until the platform ends it."""

    records: Records
    listing: LeadListing
    ledger: Ledger
    blobs: Blobs
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    remaining: Callable[[], float]
    rng: random.Random
    metrics: Metrics

    def work(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Run the tasks of one SQS event; answers Lambda's partial batch response."""
        return Consumer(self.settings.tasks_queue, self.queues, self.settings, self.rng, self.metrics,
                        run=self._run, give_up=self._give_up).work(records)

    def _run(self, body: str) -> None:
        run_export(parse_task(body).export_id, records=self.records, listing=self.listing, ledger=self.ledger,
                   blobs=self.blobs, queues=self.queues, settings=self.settings, clock=self.clock,
                   remaining=self.remaining)

    def _give_up(self, body: str, _cause: str) -> None:
        give_up(parse_task(body).export_id, records=self.records, clock=self.clock)


def parse_task(body: str) -> TaskMessage:
    """Raises Malformed for anything that is not a task."""
    try:
        return TaskMessage.model_validate_json(body)
    except ValidationError as error:
        raise Malformed("the message is no task of ours", problems=len(error.errors())) from None
