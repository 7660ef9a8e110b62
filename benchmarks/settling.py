"""What settling exactly once costs beside storing and counting: seed 004 says below 1 % of a batch.

A batch of ten new leads is settled as the worker does it (read job and batch, judge against the table, one transaction)
and, in the same run, the plain way (BatchWriteItem of the ten leads, one ADD to a counter), each against the emulator.
A provider that takes one second is added by arithmetic. On a busy machine wall time is mostly waiting for a core, so
the CPU of both sides, client and emulator, stands beside it: that is what the wall time would be on a quiet one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks.measure import cpu_seconds, cpu_seconds_by_module, in_fresh_process
from benchmarks.place import EMULATOR, Place, place
from benchmarks.report import Table
from chalicelib.adapters.dynamodb import to_item
from chalicelib.adapters.leads import Lead, lead_item
from chalicelib.jobs import transitions
from chalicelib.jobs.model import Batch, Job, RowId, Status, stamp
from chalicelib.jobs.pipeline import Processed, Stored

BATCHES = 400
BLOCK = 50
"""Both ways take turns in blocks, so that what else the machine does hits both."""
ROWS = 10
PROVIDER_SECONDS = 1.0


def run(*, quick: bool) -> Table:
    answer = in_fresh_process("benchmarks.settling:measured", batches=2 * BLOCK if quick else BATCHES).answer
    ours, plain = answer["ours"], answer["plain"]
    more = {name: ours[name] - plain[name] for name in ours}
    return Table(
        f"Settling a batch of {ROWS} new leads, {PROVIDER_SECONDS:.0f} s of provider time",
        ("way", "wall ms (median)", "CPU ms", "of the batch, by wall", "by CPU"),
        (_row("plain: store, then ADD", plain), _row("Dropmill: read, judge, one transaction", ours),
         _row("what exactly once adds", more)),
        ("CPU is client and emulator together, single-threaded on the way of one request: the wall time of a quiet "
         "machine.",))


def measured(batches: int) -> dict[str, dict[str, float]]:
    """Seconds a batch of both ways: median wall, mean CPU."""
    with place() as stage:
        ways = {"plain": _plain(stage), "ours": _ours(stage, batches)}
        clocks = {name: _Clock() for name in ways}
        for first in range(1, batches + 1, BLOCK):
            for name, settle in ways.items():
                clocks[name].block(settle, range(first, first + BLOCK))
        job = stage.services.ledger.job("bench")
    assert job is not None
    assert (job.status, job.new) == (Status.COMPLETED, batches * ROWS), job
    return {name: {"wall": statistics.median(clock.walls), "cpu": clock.cpu / batches}
            for name, clock in clocks.items()}


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


def _ours(stage: Place, batches: int) -> Callable[[int], None]:
    services = stage.services
    pipeline = services.pipelines["leads"]
    services.ledger.create(_planned(batches))

    def settle(number: int) -> None:
        seen = services.settler.present("bench", number)
        services.settler.done(pipeline, Batch("bench", number, batches, ()), _processed(number), seen,
                              time_left=lambda: True)

    return settle


def _plain(stage: Place) -> Callable[[int], None]:
    """Store what the provider gave, then count: the fewest calls that do both."""
    client: Any = stage.access.client("dynamodb")
    settings = stage.services.settings
    counter = to_item({"pk": "PLAIN", "sk": "JOB"})

    def settle(number: int) -> None:
        puts = [{"PutRequest": {"Item": to_item(_item(stored))}} for stored in _processed(number).stored]
        client.batch_write_item(RequestItems={settings.leads_table: puts})
        client.update_item(TableName=settings.ledger_table, Key=counter, UpdateExpression="ADD batches_done :one",
                           ExpressionAttributeValues=to_item({":one": 1}), ReturnValues="ALL_NEW")

    return settle


def _planned(batches: int) -> Job:
    rows, now = batches * ROWS, stamp(datetime.now(UTC))
    waiting = Job(job_id="bench", owner="default", pipeline="leads", status=Status.UPLOADED, file_name="contacts.xlsx",
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


def _item(stored: Stored) -> dict[str, Any]:
    lead = Lead("plain", f"e:{stored.record['email']}", str(stored.row.row), "v", "now", "now", dict(stored.record))
    return {"pk": f"LEAD#plain#{lead.identity}", "sk": "LEAD", **lead_item(lead)}


def _row(name: str, seconds: dict[str, float]) -> tuple[str, ...]:
    shares = (seconds[of] / (PROVIDER_SECONDS + seconds[of]) for of in ("wall", "cpu"))
    return (name, f"{seconds['wall'] * 1000:.1f}", f"{seconds['cpu'] * 1000:.1f}",
            *(f"{share:.2%}" for share in shares))
