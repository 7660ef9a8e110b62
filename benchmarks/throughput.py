"""How fast the whole local stack turns a workbook into leads, and with how many AWS requests.

Real function processes, real queues, the emulator with its data on disk: what `make run` starts, with the `local`
standardiser. Beside it, in the same run, what the emulator alone can take: the requests of one batch, recorded on the
way, fired again by as many processes without any of our code (`replay`). Everything shares the machine's cores, so the
emulator's CPU stands beside its rate.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.counted import RequestLog
from benchmarks.measure import cpu_seconds_by_module, in_fresh_process
from benchmarks.place import EMULATOR
from benchmarks.report import Table
from benchmarks.workbook import workbook
from chalicelib.local.access import Access
from chalicelib.local.processes import PROJECT
from chalicelib.local.resources import build
from chalicelib.local.stack import Stack
from chalicelib.local.template import read

ROWS = 10_000
QUICK_ROWS = 1_000
BATCH = 10
WORKERS = 5
PUMP = "pump"
PATIENCE = 900.0
OWNER = "bench"
REPLAYS = {"emulator alone: the same transactions": "111111111111",
           "emulator alone: all DynamoDB requests of the workers": "222222222222"}
"""What is fired again, each into an account of its own."""


def run(*, quick: bool) -> Table:
    rows = QUICK_ROWS if quick else ROWS
    answer = in_fresh_process("benchmarks.throughput:measured", path=str(workbook(rows)), rows=rows).answer
    lines = [("Dropmill, from drop to completed", *_figures(answer["job"], rows))]
    lines += [(name, *_figures(raw, rows)) for name, raw in answer["raw"].items()]
    often = ((name, count * 1000 / rows) for name, count in answer["calls"])
    calls = ", ".join(f"{share:,.0f} {name}" for name, share in often if share >= 1)
    return Table(
        f"{rows:,} rows through the local stack, {WORKERS} workers, batches of {BATCH}",
        ("what", "rows/s", "wall s", "emulator CPU s", "other CPU s", "requests per 1,000 rows"), tuple(lines),
        (f"Requests per 1,000 rows by caller, from one on: {calls}. The pump does what AWS's own event "
         "source mapping does; its polls of empty queues are counted. The emulator serves one request at a time.",))


def measured(path: str, rows: int) -> dict[str, Any]:
    """Drop the workbook, wait for its job, then let the emulator alone do the same writes."""
    with tempfile.TemporaryDirectory(prefix="dropmill-bench-") as folder:
        log, sample = f"{folder}/requests", f"{folder}/sample"
        RequestLog(PUMP, log).install()
        with _stack(Path(folder), log, sample) as stack:
            start = Path(log).stat().st_size
            took = _job(stack, path, rows)
            calls = _calls(log, start)
            raw = {name: _raw(stack, account, sample, rows // BATCH, alone="same" in name)
                   for name, account in REPLAYS.items()}
    return {"job": {**took, "requests": sum(calls.values())}, "raw": raw, "calls": calls.most_common()}


@contextmanager
def _stack(folder: Path, log: str, sample: str) -> Iterator[Stack]:
    environment = {"REQUEST_LOG": log, "REQUEST_SAMPLE": sample, "LOG_LEVEL": "ERROR", "LEADS_STANDARDIZER": "local",
                   "BATCH_SIZE": str(BATCH), "LEADS_MAX_CONCURRENCY": str(WORKERS),
                   "DROPMILL_HOME": str(folder / "home")}
    with Stack("local", data=folder / "aws", environment=environment, module="benchmarks.counted", schedules=False,
               say=_complain) as stack:
        yield stack


def _complain(name: str, line: str) -> None:
    print(f"{name}: {line}", file=sys.stderr, flush=True)


def _job(stack: Stack, path: str, rows: int) -> dict[str, Any]:
    from chalicelib.bootstrap import Services
    from chalicelib.settings import Settings

    services = Services(Settings.model_validate({**stack.environment}))
    meter = _Meter()
    services.blobs.put(f"uploads/leads/{OWNER}/contacts.xlsx", Path(path).read_bytes())
    while True:
        page = services.ledger.jobs(OWNER, limit=1)
        if page.jobs and page.jobs[0].status.terminal:
            break
        if meter.wall > PATIENCE:
            raise RuntimeError(f"the job did not end: {page.jobs}")
        time.sleep(0.25)
    took = meter.read()
    job = page.jobs[0]
    assert (job.status.value, job.rows, job.pending, job.failed) == ("completed", rows, 0, 0), job
    return took


def _raw(stack: Stack, account: str, sample: str, rounds: int, *, alone: bool) -> dict[str, Any]:
    """The recorded requests from as many processes as there are workers."""
    from benchmarks.replay import job_item, recorded

    access = Access(stack.access.endpoint, account)
    built = build(read(PROJECT / ".chalice" / "resources.yaml", "local", access), access)
    access.client("dynamodb").put_item(TableName=built.tables["LedgerTable"], Item=job_item(recorded(sample)))
    share = rounds // WORKERS
    meter = _Meter()
    with ThreadPoolExecutor(WORKERS) as pool:
        sent = [pool.submit(in_fresh_process, "benchmarks.replay:fire", endpoint=access.endpoint, account=account,
                            sample=sample, first=place * share, rounds=share, alone=alone) for place in range(WORKERS)]
        requests = sum(each.result().answer for each in sent)
    return {**meter.read(), "requests": requests}


class _Meter:
    """Wall and CPU since it was made: the emulator's, and that of all other processes below this one and itself."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before = self._cpu()

    @property
    def wall(self) -> float:
        return time.monotonic() - self._began

    def read(self) -> dict[str, Any]:
        wall, now = self.wall, self._cpu()
        return {"wall": wall, "emulator": now[0] - self._before[0], "others": now[1] - self._before[1]}

    @staticmethod
    def _cpu() -> tuple[float, float]:
        by_module = cpu_seconds_by_module()
        times = os.times()
        own = times.user + times.system + times.children_user + times.children_system
        return by_module[EMULATOR], own + sum(used for name, used in by_module.items() if name != EMULATOR)


def _calls(log: str, start: int) -> Counter[str]:
    """Requests by caller and operation since the log was `start` bytes long. This process is the pump, and more."""
    calls: Counter[str] = Counter()
    for line in Path(log).read_bytes()[start:].decode().splitlines():
        who, service, operation = line.split()
        if who != PUMP or service == "sqs":
            calls[f"{who} {operation}"] += 1
    return calls


def _figures(took: dict[str, Any], rows: int) -> tuple[str, ...]:
    return (f"{rows / took['wall']:,.0f}", f"{took['wall']:.1f}", f"{took['emulator']:.1f}", f"{took['others']:.1f}",
            f"{took['requests'] * 1000 / rows:,.0f}")
