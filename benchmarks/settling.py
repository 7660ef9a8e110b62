"""What settling exactly once costs beside storing and counting: seed 004 says below 1 % of a batch.

A batch of ten new leads is settled, in the same run and against the same emulator, in four ways:

- the least that stores and counts: BatchWriteItem of the leads, one ADD to a counter; no look at what is there;
- the seeds' way before any atomic completion: look up the leads, store them, read the status, write it back;
- as the worker does it: read job and batch, judge against the table, one transaction with conditions on everything;
- the very same reads and writes without the transaction, so that its own price shows.

A provider that takes one second is added by arithmetic. On a busy machine wall time is mostly waiting for a core, so
the CPU of both sides, client and emulator, stands beside it: that is the wall time of a quiet machine as fast as this.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks.measure import cpu_seconds, cpu_seconds_by_module, in_fresh_process, pace
from benchmarks.place import EMULATOR, Place, place
from benchmarks.report import Table
from chalicelib.adapters.dynamodb import from_item, to_item
from chalicelib.adapters.leads import Lead, lead_item
from chalicelib.adapters.ledger import Ledger
from chalicelib.jobs import transitions
from chalicelib.jobs.model import Batch, Job, RowId, Status, stamp
from chalicelib.jobs.pipeline import Processed, Stored
from chalicelib.jobs.settling import Settler

BATCHES = 400
BLOCK = 50
"""The ways take turns in blocks, so that what else the machine does hits both."""
ROWS = 10
PROVIDER_SECONDS = 1.0


def run(*, quick: bool) -> Table:
    answer = in_fresh_process("benchmarks.settling:measured", batches=2 * BLOCK if quick else BATCHES).answer
    more, tied = ({clock: answer["ours"][clock] - answer[other][clock] for clock in ("wall", "cpu")}
                  for other in ("seeds", "untied"))
    return Table(
        f"Settling a batch of {ROWS} new leads, {PROVIDER_SECONDS:.0f} s of provider time",
        ("way", "wall ms (median)", "CPU ms", "of the batch, by wall", "by CPU"),
        (_row("the least: store, ADD", answer["least"]),
         _row("seeds: look up, store, read and write the status", answer["seeds"]),
         _row("Dropmill: read, judge, one transaction", answer["ours"]),
         _row("the same without the transaction", answer["untied"]),
         _row("what the transaction adds", tied), _row("what exactly once adds to the seeds' way", more)),
        ("CPU is client and emulator together, which take turns: the wall time of a quiet machine as fast as this. "
         f"While it ran, a million additions in Python took {answer['pace']:.0f} ms.",))


def measured(batches: int) -> dict[str, Any]:
    """Seconds a batch of each way: median wall, mean CPU; and how fast the machine was."""
    before = pace()
    with place() as stage:
        ways = {"least": _least(stage), "seeds": _seeds(stage),
                "ours": _settler(stage, "ours", batches, stage.services.ledger),
                "untied": _settler(stage, "untied", batches, _untied_ledger(stage))}
        clocks = {name: _Clock() for name in ways}
        for first in range(1, batches + 1, BLOCK):
            for name, settle in ways.items():
                clocks[name].block(settle, range(first, first + BLOCK))
        jobs = [stage.services.ledger.job(job_id) for job_id in ("ours", "untied")]
    assert [(job.status, job.new) for job in jobs if job] == [(Status.COMPLETED, batches * ROWS)] * 2, jobs
    costs = {name: {"wall": statistics.median(clock.walls), "cpu": clock.cpu / batches}
             for name, clock in clocks.items()}
    return {**costs, "pace": (before + pace()) / 2}


@dataclass(slots=True)
class _Clock:
    walls: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def block(self, settle: Callable[[int], None], numbers: range) -> None:
        before = _cpu()
        for number in numbers:
            began = time.perf_counter()
            settle(number)
            self.walls.append(time.perf_counter() - began)
        self.cpu += _cpu() - before


def _cpu() -> float:
    return cpu_seconds() + cpu_seconds_by_module()[EMULATOR]


def _settler(stage: Place, job_id: str, batches: int, ledger: Ledger) -> Callable[[int], None]:
    services = stage.services
    pipeline = services.pipelines["leads"]
    settler = services.call(Settler, ledger=ledger)
    ledger.create(_planned(job_id, batches))

    def settle(number: int) -> None:
        seen = settler.present(job_id, number)
        settler.done(pipeline, Batch(job_id, number, batches, ()), _processed(number), seen, time_left=lambda: True)

    return settle


def _untied_ledger(stage: Place) -> Ledger:
    services = stage.services
    client: Any = _Untied(stage.access.client("dynamodb"))
    return Ledger(client, services.settings.ledger_table, clock=services.clock, days=services.settings.ledger_days,
                  sleep=services.sleep, rng=services.rng)


class _Untied:
    """A client whose transactions fall apart into their writes: puts together, updates one by one."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803 - the client's own name
        puts: dict[str, list[dict[str, Any]]] = {}
        for action in TransactItems:
            if "Put" in action:
                puts.setdefault(action["Put"]["TableName"], []).append({"PutRequest": {"Item": action["Put"]["Item"]}})
        self._client.batch_write_item(RequestItems=puts)
        for action in TransactItems:
            if "Update" in action:
                self._client.update_item(**action["Update"])


def _least(stage: Place) -> Callable[[int], None]:
    client: Any = stage.access.client("dynamodb")
    settings = stage.services.settings
    counter = to_item({"pk": "LEAST", "sk": "JOB"})

    def settle(number: int) -> None:
        _store(client, settings.leads_table, "least", number)
        client.update_item(TableName=settings.ledger_table, Key=counter, UpdateExpression="ADD batches_done :one",
                           ExpressionAttributeValues=to_item({":one": 1}), ReturnValues="ALL_NEW")

    return settle


def _seeds(stage: Place) -> Callable[[int], None]:
    """One look-up for all ten, which is kind: the seeds do not say that theirs was one."""
    client: Any = stage.access.client("dynamodb")
    settings = stage.services.settings
    key = {"pk": "SEEDS", "sk": "JOB"}
    client.put_item(TableName=settings.ledger_table, Item=to_item({**key, "batches_done": 0}))

    def settle(number: int) -> None:
        keys = [to_item(_key("seeds", stored)) for stored in _processed(number).stored]
        client.batch_get_item(RequestItems={settings.leads_table: {"Keys": keys}})
        _store(client, settings.leads_table, "seeds", number)
        status = from_item(client.get_item(TableName=settings.ledger_table, Key=to_item(key))["Item"])
        changed = {**status, "batches_done": status["batches_done"] + 1}
        client.put_item(TableName=settings.ledger_table, Item=to_item(changed))

    return settle


def _store(client: Any, table: str, owner: str, number: int) -> None:
    puts = [{"PutRequest": {"Item": to_item(_item(owner, stored))}} for stored in _processed(number).stored]
    client.batch_write_item(RequestItems={table: puts})


def _planned(job_id: str, batches: int) -> Job:
    rows, now = batches * ROWS, stamp(datetime.now(UTC))
    waiting = Job(job_id=job_id, owner=job_id, pipeline="leads", status=Status.UPLOADED, file_name="contacts.xlsx",
                  file_key="uploads/leads/contacts.xlsx", created_at=now, updated_at=now, uploaded_at=now)
    job = transitions.apply(waiting, transitions.planning(waiting, at=now, batch_size=ROWS))
    return transitions.apply(job, transitions.planned(job, at=now, rows=rows, batches=batches, parts=1, sha256="s"))


def _processed(number: int) -> Processed:
    return Processed(tuple(_stored(number, place) for place in range(ROWS)))


def _stored(number: int, place: int) -> Stored:
    row = number * ROWS + place
    record = {"firstName": "Ada", "lastName": "Byron", "name": "Ada Byron", "email": f"person{row}@example.com",
              "phone": f"+4179{row:07d}", "company": f"Company {row % 100} & Co", "title": "Head of Sales",
              "industry": "Machinery", "source": "Fair", "remarks": "call back next week"}
    return Stored(RowId(0, row), "Leads", record, provider="local")


def _item(owner: str, stored: Stored) -> dict[str, Any]:
    lead = Lead(owner, f"e:{stored.record['email']}", str(stored.row.row), "v", "now", "now", dict(stored.record))
    return {**lead_item(lead), **_key(owner, stored)}


def _key(owner: str, stored: Stored) -> dict[str, str]:
    return {"pk": f"LEAD#{owner}#e:{stored.record['email']}", "sk": "LEAD"}


def _row(name: str, seconds: dict[str, float]) -> tuple[str, ...]:
    shares = (seconds[of] / (PROVIDER_SECONDS + seconds[of]) for of in ("wall", "cpu"))
    return (name, f"{seconds['wall'] * 1000:.1f}", f"{seconds['cpu'] * 1000:.1f}",
            *(f"{share:.2%}" for share in shares))
