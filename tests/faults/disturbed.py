"""Disturbed runs: the whole local stack under seeded faults, compared with an undisturbed run of the same workbook.

Real worker processes on real queues. Messages come one to five times and out of order, processes are killed with
SIGKILL before and after any write, transactions conflict, answers get lost, the splitter dies half way. Whatever
happens, leads, rejects and counters end as if nothing had.

    python -m tests.faults.disturbed --runs 200 --seed 1
"""

from __future__ import annotations

import argparse
import io
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import openpyxl

from chalicelib.adapters.dynamodb import from_item
from chalicelib.bootstrap import Services
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Job, Outcome, Status
from chalicelib.local.emulator import Emulator
from chalicelib.local.functions import Zygote
from chalicelib.local.stack import Stack
from chalicelib.settings import Settings

FAULTS = ("duplicate@0.5,reorder@0.3,crash:before_write@0.03,crash:after_write@0.03,conflict@0.05,lost_answer@0.04")
SHEETS = ("Leads", "Fair", "Old list")
STUCK_AFTER = 240.0
"""Seconds after which a job that has not ended counts as stuck: a run takes five, among ten others fifty."""


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended, in a form that two runs can be compared by: no ids, no times of the ledger's own."""

    counters: Mapping[str, int]
    leads: tuple[Any, ...]
    rejects: tuple[Any, ...]


@dataclass(slots=True)
class Observed:
    """What a run showed on its way."""

    reads: int = 0
    kills: int = 0
    retries: int = 0
    seconds: float = 0.0


class Broken(AssertionError):
    """The promise was broken; the text says which part and by which seed."""


def workbook(seed: int) -> bytes:
    """Three sheets of 5 to 20 rows that share e-mails within and across sheets, with rows that cannot be leads."""
    dice = random.Random(seed)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in SHEETS:
        sheet = book.create_sheet(name)
        for _ in range(dice.choice((0, 3))):
            sheet.append(["a preamble of one cell"])
        sheet.append(["First Name", "Last Name", "E-mail", "Phone", "Company", "Note"])
        for row in range(dice.randrange(5, 20)):
            email = f"person{dice.randrange(15)}@example.com" if dice.random() < 0.8 else ""
            sheet.append([f"Ada{dice.randrange(5)}", "NA" if dice.random() < 0.1 else f"Byron{row}", email,
                          f"0412 345 {dice.randrange(1000):03d}", "ACME", f"row {row}"])
            if dice.random() < 0.1:
                sheet.append(["", "", "", "", f"only a company {row}", ""])
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def run(seed: int, faults: str, *, endpoint: str, zygote: Zygote, account: str, book: bytes) -> tuple[End, Observed]:
    """Drop `book` into a stack of its own and bring its job to its end, as a person would: look, and retry what failed.

    Raises Broken when the invariant does not hold at some read, percentage falls, or the job stays stuck.
    """
    seen = Observed()
    began = time.monotonic()

    class Log:
        def __call__(self, source: str, line: str) -> None:
            seen.kills += "crash" in line or "killed" in line

    environment = {"LEADS_MAX_CONCURRENCY": "3", "BATCH_SIZE": "5",
                   "SPOOL_PART_BATCHES": "4", "SWEEP_IDLE_SECONDS": "1", "LOG_LEVEL": "ERROR"}
    with Stack("test", endpoint=endpoint, account=account, zygote=zygote, fault=faults, seed=str(seed),
               environment=environment, every={"sweep": 2.0}, say=Log()) as stack:
        services = Services(Settings(**{**stack.environment, **environment, "LOG_FORMAT": "text"}))
        services.blobs.put("uploads/leads/book.xlsx", book)
        job = _watched_to_the_end(services, seen, seed)
        end = _end(services, job)
    seen.seconds = time.monotonic() - began
    return end, seen


def _watched_to_the_end(services: Services, seen: Observed, seed: int) -> Job:
    deadline = time.monotonic() + STUCK_AFTER
    high = (0, 0)
    while time.monotonic() < deadline:
        page = services.ledger.jobs("default", limit=2)
        if len(page.jobs) > 1:
            raise Broken(f"seed {seed}: one drop made {len(page.jobs)} jobs")
        for job in page.jobs:
            seen.reads += 1
            high = _checked(job, high, seed)
            if job.status in (Status.COMPLETED, Status.ERROR):
                if job.failed == 0 and job.status is Status.COMPLETED:
                    return job
                seen.retries += 1
                services.call(control.retry, job_id=job.job_id, by="a person")
        time.sleep(0.03)
    raise Broken(f"seed {seed}: stuck at {page.jobs}")


def _checked(job: Job, high: tuple[int, int], seed: int) -> tuple[int, int]:
    if not transitions.balanced(job):
        raise Broken(f"seed {seed}: the invariant does not hold: {job}")
    run, percentage = high
    if job.percentage > 100 or (job.run == run and job.percentage < percentage):
        raise Broken(f"seed {seed}: percentage went from {percentage} to {job.percentage} in run {run}")
    return job.run, job.percentage


def _end(services: Services, job: Job) -> End:
    counters = {outcome.value: job.count(outcome) for outcome in Outcome} | {"rows": job.rows, "pending": job.pending}
    rejects, by_batch = [], dict.fromkeys(Outcome, 0)
    for detail in services.ledger.batches(job.job_id, job.batches_total):
        rejects += [(entry.worksheet, entry.row, entry.code, tuple(sorted(entry.cells.items())))
                    for entry in detail.entry.rejects]
        for outcome, count in detail.entry.outcomes.items():
            by_batch[outcome] += count
    if {outcome.value: count for outcome, count in by_batch.items()} != {
            name: count for name, count in counters.items() if name in by_batch}:
        raise Broken(f"batches say {by_batch}, the job says {counters}")
    return End(counters, _leads(services, job), tuple(sorted(rejects)))


def _leads(services: Services, job: Job) -> tuple[Any, ...]:
    """Every slot and prior image, in a comparable form: the upload's time and the job's id are the run's own."""
    client = services.leads.client
    pages = client.get_paginator("scan").paginate(TableName=services.leads.table)
    items = [from_item(item) for page in pages for item in page["Items"]]
    return tuple(sorted(repr(sorted(_neutral(item, job).items())) for item in items))


def _neutral(value: Any, job: Job) -> Any:
    if isinstance(value, Mapping):
        return {name: _neutral(entry, job) for name, entry in value.items() if name != "expires_at"}
    if isinstance(value, list):
        return [_neutral(entry, job) for entry in value]
    if isinstance(value, str):
        return value.replace(job.job_id, "<job>").replace(job.uploaded_at, "<uploaded>")
    return value


def compare(calm: End, disturbed: End, seed: int) -> None:
    """Raises Broken where the two ends differ."""
    for name in ("counters", "rejects", "leads"):
        if getattr(calm, name) != getattr(disturbed, name):
            raise Broken(f"seed {seed}: {name} differ: {_difference(getattr(calm, name), getattr(disturbed, name))}")


def _difference(calm: Any, disturbed: Any) -> str:
    if isinstance(calm, Mapping):
        return f"{calm} became {disturbed}"
    return f"missing {sorted(set(calm) - set(disturbed))[:2]}, too many {sorted(set(disturbed) - set(calm))[:2]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--books", type=int, default=5, help="different workbooks among the runs")
    parser.add_argument("--faults", default=FAULTS)
    chosen = parser.parse_args()
    with Emulator() as emulator:
        zygote = Zygote(lambda *_: None)
        try:
            return _many(chosen, emulator.endpoint, zygote)
        finally:
            zygote.stop()


def _many(chosen: argparse.Namespace, endpoint: str, zygote: Zygote) -> int:
    # The same bytes for all runs of a workbook: a row without an e-mail is known by its file.
    books = [workbook(chosen.seed + number) for number in range(chosen.books)]
    calm: dict[int, End] = {}
    total = Observed()
    broken = 0
    for number in range(chosen.runs):
        seed = chosen.seed + number
        chosen_book = number % chosen.books
        places = {"endpoint": endpoint, "zygote": zygote, "book": books[chosen_book]}
        if chosen_book not in calm:
            calm[chosen_book], _ = run(seed, "", account=f"{200_000_000_000 + number:012d}", **places)
        try:
            end, seen = run(seed, chosen.faults, account=f"{300_000_000_000 + number:012d}", **places)
            compare(calm[chosen_book], end, seed)
        except Broken as failure:
            broken += 1
            print(f"BROKEN {failure}", flush=True)
            continue
        total = replace(total, reads=total.reads + seen.reads, kills=total.kills + seen.kills,
                        retries=total.retries + seen.retries, seconds=total.seconds + seen.seconds)
        print(f"seed {seed}: ok in {seen.seconds:.1f} s, {seen.reads} reads, {seen.kills} kills, "
              f"{seen.retries} retries", flush=True)
    print(f"{chosen.runs - broken} of {chosen.runs} disturbed runs ended as the undisturbed ones: {total.reads} reads "
          f"with the invariant true, {total.kills} processes killed, {total.retries} retries by hand, "
          f"{total.seconds:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
