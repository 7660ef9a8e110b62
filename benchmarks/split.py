"""What splitting a large workbook costs: Dropmill's splitter beside the seeds' way, CPU, memory and requests.

Both read the same workbook and send every row in batches of ten to a network that answers at once (`stub`), so that the
client's own CPU counts on both sides. The seeds' way is pandas with openpyxl, all sheets to dicts, one SendMessage a
batch. Dropmill's way is the splitter as it runs, plan and send, its ledger in memory; it runs before and after the
seeds' way, because a shared machine changes its pace.
"""

from __future__ import annotations

import io
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from benchmarks import stub
from benchmarks.measure import Cost, in_fresh_process
from benchmarks.report import Table
from benchmarks.workbook import workbook
from chalicelib.errors import Conflict
from chalicelib.jobs import transitions
from chalicelib.jobs.model import BatchDetail, Job, SheetCount, Status, stamp

ROWS = 1_000_000
QUICK_ROWS = 30_000
BATCH = 10
KEY = "uploads/leads/contacts.xlsx"
LIMIT_MB = 512
"""The memory of the splitter's function."""


def run(*, quick: bool) -> Table:
    rows = QUICK_ROWS if quick else ROWS
    path = str(workbook(rows))
    before, seeds, after = (in_fresh_process(f"benchmarks.split:{way}", stub.ENVIRONMENT, path=path, rows=rows)
                            for way in ("ours", "seeds", "ours"))
    ours = replace(before, cpu=(before.cpu + after.cpu) / 2, peak=max(before.peak, after.peak))
    ratios = (f"{seeds.cpu / ours.cpu:.1f} times less", f"{seeds.peak / ours.peak:.1f} times less",
              f"{seeds.answer['requests'] / ours.answer['requests']:.1f} times fewer")
    return Table(
        f"Splitting {rows:,} rows (xlsx, 8 columns, 3 sheets) into messages of {BATCH}",
        ("way", "CPU s", "rows per CPU s", "peak MB", "requests"),
        (_row("seeds: pandas, openpyxl, one send a batch", seeds, rows), _row("Dropmill's splitter", ours, rows),
         ("Dropmill needs", ratios[0], "", ratios[1], ratios[2])),
        (f"Peak of the whole process with the app imported; its function has {LIMIT_MB} MB. Requests of Dropmill: "
         f"{_requests(ours)}; the spool that makes re-sending possible is among them.",))


def ours(path: str, rows: int) -> dict[str, Any]:
    """The splitter in a process that has imported the app, as the function has. Fails unless every row was sent."""
    import app  # noqa: F401 - its memory counts
    from chalicelib.bootstrap import Services
    from chalicelib.jobs.splitter import Splitter
    from chalicelib.settings import Settings

    with tempfile.TemporaryDirectory(prefix="dropmill-bench-") as folder:
        network = _network(folder, path)
        services = Services(Settings(), rng=random.Random(1))
        ledger = MemoryLedger(_uploaded(Path(path).stat().st_size))
        splitter = services.call(Splitter, ledger=cast(Any, ledger), remaining=lambda: 3600.0)
        splitter.split(ledger.stored.job_id)
    assert ledger.stored.sent, ledger.stored
    assert (ledger.stored.rows, network.messages) == (rows, _batches(ledger.sheets)), (ledger.stored, network.calls)
    return _answer(network, ledger.calls)


def seeds(path: str, rows: int) -> dict[str, Any]:
    """As seeds 002 and 004 tell it: the whole object, all sheets with pandas, dicts, a message a batch."""
    import boto3
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="dropmill-bench-") as folder:
        network = _network(folder, path)
        session = boto3.Session(region_name="us-east-1")
        s3, sqs = session.client("s3"), session.client("sqs")
        body = s3.get_object(Bucket="bucket", Key=KEY)["Body"].read()
        leads: list[dict[Any, Any]] = []
        for name, frame in pd.read_excel(io.BytesIO(body), sheet_name=None, engine="openpyxl").items():
            for record in frame.fillna("").to_dict("records"):
                record["_worksheet"] = name
                leads.append(record)
        total = -(-len(leads) // BATCH)
        url = sqs.get_queue_url(QueueName="leads")["QueueUrl"]
        for number in range(total):
            message = {"batch_id": f"upload-{number}", "upload_id": "upload", "source_file": "contacts.xlsx",
                       "batch_number": number + 1, "total_batches": total,
                       "leads": leads[number * BATCH:(number + 1) * BATCH]}
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message))
    assert (len(leads), network.messages) == (rows, total), network.calls
    return _answer(network, 0)


class MemoryLedger:
    """The ledger of one job without a table: changes are applied by the engine's own rules."""

    def __init__(self, job: Job) -> None:
        self.stored = job
        self.sheets: Sequence[SheetCount] = ()
        self.calls = 0

    def job(self, _job_id: str) -> Job:
        self.calls += 1
        return self.stored

    def write(self, _job: Job, change: transitions.Change) -> Job:
        self.calls += 1
        self.stored = transitions.apply(self.stored, change)
        return self.stored

    def change(self, job_id: str, decide: Callable[[Job], transitions.Change | None]) -> Job:
        change = decide(self.job(job_id))
        return self.stored if change is None else self.write(self.stored, change)

    def finish_plan(
        self, job: Job, change: transitions.Change, sheets: Sequence[SheetCount], _claim: str, _stale: str
    ) -> None:
        if self.sheets:
            raise Conflict("planned twice")
        self.write(job, change)
        self.sheets = tuple(replace(sheet) for sheet in sheets)

    def claim_holder(self, _claim: str) -> str:
        self.calls += 1
        return ""

    def batches(self, _job_id: str, _total: int, *, first: int = 1) -> Iterator[BatchDetail]:  # noqa: ARG002
        self.calls += 1
        return iter(())

    def add_event(self, _job_id: str, _kind: str, **_detail: Any) -> None:
        self.calls += 1


def _network(folder: str, path: str) -> stub.StubNetwork:
    network = stub.StubNetwork(Path(folder))
    network.install()
    network.put(KEY, Path(path))
    return network


def _uploaded(size: int) -> Job:
    now = stamp(datetime.now(UTC))
    return Job(job_id="bench", owner="default", pipeline="leads", status=Status.UPLOADED, file_name="contacts.xlsx",
               file_key=KEY, created_at=now, updated_at=now, uploaded_at=now, file_size=size)


def _batches(sheets: Sequence[SheetCount]) -> int:
    return -(-sum(sheet.rows for sheet in sheets) // BATCH)


def _answer(network: stub.StubNetwork, ledger_calls: int) -> dict[str, Any]:
    calls = dict(network.calls) | ({"ledger": ledger_calls} if ledger_calls else {})
    return {"requests": sum(calls.values()), "calls": calls}


def _requests(cost: Cost) -> str:
    calls = sorted(cost.answer["calls"].items(), key=lambda call: -call[1])
    return ", ".join(f"{count:,} {name}" for name, count in calls)


def _row(name: str, cost: Cost, rows: int) -> tuple[str, ...]:
    return (name, f"{cost.cpu:.1f}", f"{rows / cost.cpu:,.0f}", f"{cost.peak:,.0f}", f"{cost.answer['requests']:,}")
