"""A person's word against others': rows that change meanwhile, and re-matches that were announced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.adapters.price_results import FIELDS
from chalicelib.api import price_results
from chalicelib.api.auth import Caller
from chalicelib.api.price_models import RematchRequest, ResultPatch
from chalicelib.errors import Conflict, RequestRefused
from chalicelib.jobs.model import Job, Status
from chalicelib.settings import Settings
from tests.unit.api.fakes import Clock, MemoryRecords

ADA = Caller("ada", "acme", frozenset())
BASE = Job("base", "acme", "prices", Status.COMPLETED, "b.csv", "received/prices/base/b.csv", "", "", planned=True,
           tallies={"unmatched": 2}, options={"method": "LOCAL", "listId": "list"})


@dataclass
class Rows:
    """One row that others change `conflicts` times before we can."""

    conflicts: int
    row: dict[str, Any] = field(default_factory=lambda: {
        **FIELDS, "jobId": "base", "resultId": "base-1-2", "owner": "acme", "originalQuantity": "2", "version": 1})

    def get(self, owner: str, result_id: str) -> Mapping[str, Any] | None:
        return dict(self.row) if (owner, result_id) == ("acme", "base-1-2") else None

    def edit(self, row: Mapping[str, Any], changes: Mapping[str, Any], *, by: str, at: str) -> Mapping[str, Any]:
        if self.conflicts:
            self.conflicts -= 1
            self.row["version"] += 1
            raise Conflict("somebody else was faster")
        self.row = {**row, **changes, "isManuallyEdited": True, "version": row["version"] + 1, "editedBy": by}
        return self.row


def patch(rows: Rows, **body: Any) -> Any:
    unused: Any = None
    return price_results.patch(ADA, "base-1-2", ResultPatch.model_validate(body), price_results=rows,  # type: ignore[arg-type]
                               price_lists=unused, price_fixes=unused, clock=Clock())


def test_a_row_that_others_change_is_decided_anew():
    told = patch(Rows(conflicts=3), rate=2.5)
    assert (told.total_price, told.version, told.tier) == (5, 5, "manual")


def test_a_row_that_never_holds_still_is_given_up():
    with pytest.raises(RequestRefused, match="keeps changing"):
        patch(Rows(conflicts=99), rate=2.5)


def test_a_change_of_the_version_that_was_seen_is_not_tried_on_a_later_one():
    with pytest.raises(RequestRefused) as refused:
        patch(Rows(conflicts=1), rate=2.5, version=1)
    assert (refused.value.code, refused.value.details) == ("RESULT_CHANGED", {"version": 2})


class World:
    """All that a re-match asks, in memory; the queue keeps what is sent."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.records = MemoryRecords(self.clock)
        self.jobs = {"base": BASE}
        self.sent: list[Any] = []

    def rematch(self, *, dies: bool = False) -> str:
        """The id of the job that was started. With `dies` the process ends when it has announced the re-match."""
        def create(job: Job) -> None:
            if dies:
                raise KeyboardInterrupt
            self.jobs[job.job_id] = job
        found = SimpleNamespace(list_id="list", owner="acme", name="Rates")
        parts: Any = {
            "ledger": SimpleNamespace(job=self.jobs.get, create=create, add_event=lambda *_, **__: None),
            "records": self.records, "blobs": SimpleNamespace(head=lambda *_: "a head"),
            "queues": SimpleNamespace(send=lambda *told, **_: self.sent.append(told)), "settings": Settings(),
            "price_lists": SimpleNamespace(get=lambda *_: found, ended=lambda _: True), "clock": self.clock}
        return str(price_results.rematch(ADA, "base", RematchRequest(), **parts).body["jobId"])


def test_of_two_rematches_the_second_waits_until_the_first_has_ended():
    world = World()
    first = world.rematch()
    with pytest.raises(RequestRefused) as refused:
        world.rematch()
    assert (refused.value.code, refused.value.details) == ("CANNOT_REMATCH", {"jobId": first})
    world.jobs[first] = replace(world.jobs[first], status=Status.COMPLETED)
    second = world.rematch()
    assert world.jobs[second].options == {"method": "LOCAL", "listId": "list", "rematch": "base"}
    assert len(world.sent) == 2


def test_a_rematch_that_died_while_it_was_announced_stands_for_a_minute():
    world = World()
    with pytest.raises(KeyboardInterrupt):
        world.rematch(dies=True)
    with pytest.raises(RequestRefused):
        world.rematch()
    world.clock.pass_(61)
    assert world.rematch() in world.jobs
