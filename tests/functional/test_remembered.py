"""A mapping that was given once serves the next files, and a plan that runs again cuts as before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.api.report import build_report
from chalicelib.jobs.model import Job
from chalicelib.jobs.transitions import Change
from tests.functional.engine import Engine

GIVEN = {"Ref Kunde": "name", "Zugang 1": "company", "Mobil": ""}


@pytest.fixture
def engine(aws: Any) -> Engine:
    return Engine(aws)


def a_file(mark: str) -> bytes:
    rows = "".join(f"Ada {mark}{row},Co {row},{mark}{row}@example.com,0171 123456{row}\n" for row in range(4))
    return f"Ref Kunde,Zugang 1,Mail,Mobil\n{rows}".encode()


def drop(engine: Engine, mark: str, hour: int, mapping: Mapping[str, str] | None = None) -> Job:
    job = engine.drop(a_file(mark), f"uploads/leads/{mark}.csv", at=f"2026-11-22T0{hour}:00:00.000Z")
    if mapping:
        engine.services.ledger.change(job.job_id, lambda _: Change(assign={"options": {"mapping": dict(mapping)}}))
    return job


def columns(engine: Engine, job: Job) -> Mapping[str, str]:
    return engine.services.ledger.sheets(job.job_id)[0].columns


def test_what_was_given_once_is_used_for_the_next_file(engine: Engine) -> None:
    first, second = drop(engine, "a", 1, GIVEN), drop(engine, "b", 2)
    engine.split()
    assert columns(engine, first) == columns(engine, second) == {
        "Ref Kunde": "name", "Zugang 1": "company", "Mail": "email", "Mobil": ""}
    engine.work()
    leads = {lead["email"]: lead for lead in engine.stored()}
    assert leads["b0@example.com"]["company"] == "Co 0"
    assert "phone" not in leads["b0@example.com"]
    assert leads["b0@example.com"]["remarks"] == "Mobil: 0171 1234560"


def test_a_plan_that_died_and_runs_again_cuts_the_same_though_a_mapping_came_between(engine: Engine) -> None:
    dead = drop(engine, "c", 3)

    class Dying:
        def finish_plan(self, *_args: object) -> None:
            raise SystemExit

        def __getattr__(self, name: str) -> object:
            return getattr(engine.services.ledger, name)

    with pytest.raises(SystemExit):
        engine.splitter(ledger=Dying()).split(dead.job_id)
    given = drop(engine, "d", 4, GIVEN)
    engine.splitter().split(given.job_id)
    engine.splitter().split(dead.job_id)
    assert columns(engine, dead) == {"Mail": "email", "Mobil": "phone"}
    assert columns(engine, given)["Ref Kunde"] == "name"
    sent = [json.loads(body) for body in engine.bodies("leads")]
    assert all(each["columns"]["Sheet1"] == columns(engine, dead) for each in sent if each["upload_id"] == dead.job_id)


def test_nobody_elses_mapping_is_used(engine: Engine) -> None:
    drop(engine, "e", 5, GIVEN)
    other = engine.drop(a_file("f"), "uploads/leads/somebody/f.csv")
    engine.split()
    assert columns(engine, other) == {"Mail": "email", "Mobil": "phone"}


def test_the_report_tells_how_each_column_was_mapped(engine: Engine) -> None:
    job = drop(engine, "g", 6, GIVEN)
    engine.split()
    (sheet,) = engine.services.call(build_report, job=engine.job(job.job_id)).sheets
    told = {column.header: (column.field, column.score, column.reason) for column in sheet.mapping}
    assert told == {"Ref Kunde": ("name", 1.0, "given"), "Zugang 1": ("company", 1.0, "given"),
                    "Mail": ("email", 1.0, 'the header says so ("mail")'), "Mobil": (None, 1.0, "given")}
