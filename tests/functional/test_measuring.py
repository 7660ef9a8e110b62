"""Metrics of real runs: their sums are the job's own counters, whatever was delivered how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import Transient
from chalicelib.jobs import control, transitions
from chalicelib.jobs.settling import Settler
from chalicelib.jobs.worker import Worker
from tests.conftest import Aws
from tests.functional.engine import Engine, book, people
from tests.functional.measured import Lines


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return Lines(capsys)


@pytest.fixture
def engine(aws: Aws) -> Engine:
    return Engine(aws, {"METRICS": "emf", "AWS_LAMBDA_FUNCTION_NAME": "f", "BATCH_SIZE": "10"})


class LostAnswer:
    """The real ledger, whose first settling is applied while its answer gets lost."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def settle(self, *values: Any) -> None:
        self._real.settle(*values)
        if not self._lost:
            self._lost = True
            raise Transient("no answer came")


def test_the_sums_are_the_counters_of_the_job(engine, lines):
    rows = [*people(24, emails=20), ["", "", "", "", "Lonely Ltd"]]
    dropped = engine.drop(book(Sheet=rows), at="2026-11-22T01:59:00.000Z")
    engine.split()
    engine.work()
    job, sums = engine.job(dropped.job_id), lines.sums()
    assert job.status == "completed"
    assert {name: sums[name] for name in ("RowsNew", "RowsSuperseded", "RowsRejected", "RowsFailed")} == {
        "RowsNew": job.new, "RowsSuperseded": job.superseded, "RowsRejected": job.rejected, "RowsFailed": 0}
    assert job.superseded == 4
    assert (sums["BatchesDone"], sums["JobsCompleted"], sums["JobSeconds"]) == (3, 1, 60.0)
    assert sums["MessagesFailed"] == 0


def test_a_redelivered_batch_adds_nothing(engine, lines):
    engine.drop(book(Sheet=people(10)))
    engine.split()
    record = engine.receive("leads")
    engine.worker().work([record])
    assert lines.sums()["RowsNew"] == 10
    engine.worker().work([record])
    assert {name: sum_ for name, sum_ in lines.sums().items() if sum_} == {}


def test_a_batch_whose_answer_got_lost_is_counted_once(engine, lines):
    dropped = engine.drop(book(Sheet=people(10)))
    engine.split()
    ledger = LostAnswer(engine.services.ledger)
    settler = engine.services.call(Settler, ledger=ledger)
    worker = engine.services.call(Worker, pipeline=engine.leads, ledger=ledger, settler=settler,
                                  remaining=lambda: 60.0)
    engine.serve("leads", worker.work, most=1)
    sums, job = lines.sums(), engine.job(dropped.job_id)
    assert (job.new, sums["RowsNew"], sums["BatchesDone"], sums["JobsCompleted"]) == (10, 10, 1, 1)
    assert sums["CostUsd"] * 1e9 == pytest.approx(job.used_aws_nano_usd, rel=0.2), "the splitter's share aside"


def test_a_batch_that_dies_counts_its_rows_as_failed_and_its_messages_too(engine, lines):
    dropped = engine.drop(book(Sheet=people(10)))
    engine.split()
    lines.read()
    engine.work(pipeline=replace(engine.leads, process=_broken), most=3)
    sums, job = lines.sums(), engine.job(dropped.job_id)
    assert (job.failed, sums["RowsFailed"], sums["BatchesFailed"]) == (10, 10, 1)
    assert (sums["MessagesFailed"], sums["JobsErrored"]) == (3, 1)


def test_what_failed_has_failed_also_when_a_retry_puts_it_right(engine, lines):
    dropped = engine.drop(book(Sheet=people(10)), at="2026-11-22T01:59:00.000Z")
    engine.split()
    engine.work(pipeline=replace(engine.leads, process=_broken), most=3)
    engine.services.call(control.retry, job_id=dropped.job_id, by="ada")
    engine.split()
    engine.time.pass_(3600)
    engine.work()
    sums, job = lines.sums(), engine.job(dropped.job_id)
    assert (job.new, job.failed) == (10, 0)
    assert (sums["RowsNew"], sums["RowsFailed"], sums["JobsErrored"], sums["JobsCompleted"]) == (10, 10, 1, 1)
    assert sums["JobSeconds"] == 60, "the second run waited for a person"


def test_a_file_that_is_refused_is_a_job_in_error(engine, lines):
    engine.drop(b"", "uploads/leads/empty.csv")
    engine.split()
    assert lines.sums()["JobsErrored"] == 1


def test_a_sweep_measures_the_oldest_open_job(engine, lines):
    engine.drop(book(Sheet=people(10)), at="2026-11-22T01:45:00.000Z")
    engine.sweep()
    sums = lines.sums()
    assert (sums["Sweeps"], sums["OpenJobs"], sums["OldestJobSeconds"]) == (1, 1, 900)


def test_a_job_that_waits_for_a_person_is_not_at_it(engine, lines):
    dropped = engine.drop(book(Sheet=people(10)), at="2026-11-22T01:45:00.000Z")
    engine.split()
    engine.services.ledger.change(dropped.job_id, lambda now: transitions.paused(now, reason="budget_exhausted"))
    engine.sweep()
    assert lines.sums()["OldestJobSeconds"] == 0


def _broken(*_: Any) -> Any:
    raise Transient("down")
