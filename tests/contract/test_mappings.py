"""Remembered mappings, over the emulator on the wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.adapters.mappings import MOST_SHEETS, REMEMBERED_DAYS, Mappings
from chalicelib.jobs.model import Job, Status
from chalicelib.tables.columns import FieldSpec, fingerprint, map_columns

TABLE = "dropmill-test-ledger"
HEADERS = ("Ref Kunde", "Mail", "Zugang")
KEY = fingerprint(HEADERS)
FIELDS = (FieldSpec("email", ("email", "mail")), FieldSpec("name", ("name",)), FieldSpec("phone", ("phone",)))


class Time:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def client(new_aws: Any) -> Any:
    return new_aws().client("dynamodb")


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def mappings(client: Any, time: Time) -> Mappings:
    return Mappings(client, TABLE, time)


@pytest.fixture
def job(request: pytest.FixtureRequest) -> Job:
    """A job of an owner whom no other test knows."""
    name = request.node.name
    return Job(job_id=f"1-{name}", owner=f"o-{name}", pipeline="leads", status=Status.PROCESSING, file_name="a.csv",
               file_key="k", created_at="t", updated_at="t", uploaded_at="2026-11-22T01:00:00.000Z")


def later(job: Job, number: int) -> Job:
    return replace(job, job_id=f"{number}{job.job_id[1:]}", uploaded_at=f"2026-11-22T0{number}:00:00.000Z")


def test_what_an_upload_maps_is_remembered_for_the_next_file_with_these_headers(mappings: Mappings, job: Job) -> None:
    assert mappings.of_job(job)(HEADERS, {"Ref Kunde": "name", "Elsewhere": "phone"}) == {}
    found = mappings.of_job(later(job, 2))(("ZUGANG", "ref-kunde", "mail"), {})
    assert found == {"refkunde": "name"}
    columns = map_columns(HEADERS, {}, FIELDS, None, found).columns
    assert [(one.header, one.field, one.reason) for one in columns[:1]] == [("Ref Kunde", "name", "remembered")]


def test_a_header_that_was_excluded_is_not_guessed_again(mappings: Mappings, job: Job) -> None:
    mappings.of_job(job)(HEADERS, {"Mail": ""})
    found = mappings.of_job(later(job, 2))(HEADERS, {})
    assert map_columns(HEADERS, {}, FIELDS, None, found).fields == {"Mail": ""}


def test_a_correction_keeps_the_rest_and_wins_over_what_was_remembered(mappings: Mappings, job: Job) -> None:
    mappings.of_job(job)(HEADERS, {"Ref Kunde": "name", "Zugang": "email"})
    second = {"Mail": "email", "Zugang": ""}
    found = mappings.of_job(later(job, 2))(HEADERS, second)
    assert map_columns(HEADERS, {}, FIELDS, second, found).fields == {
        "Ref Kunde": "name", "Mail": "email", "Zugang": ""}
    assert mappings.recall(job.owner, "leads", KEY) == {"refkunde": "name", "mail": "email", "zugang": ""}


def test_a_given_field_is_not_also_the_remembered_column(mappings: Mappings, job: Job) -> None:
    mappings.of_job(job)(HEADERS, {"Zugang": "email"})
    given = {"Mail": "email"}
    found = mappings.of_job(later(job, 2))(HEADERS, given)
    assert map_columns(HEADERS, {}, FIELDS, given, found).fields == {"Mail": "email"}


def test_a_plan_that_runs_again_finds_what_it_found_before(mappings: Mappings, job: Job) -> None:
    second = later(job, 2)
    assert mappings.of_job(second)(HEADERS, {}) == {}
    mappings.of_job(later(job, 3))(HEADERS, {"Ref Kunde": "name"})
    assert mappings.of_job(second)(HEADERS, {}) == {}
    assert mappings.of_job(later(job, 4))(HEADERS, {}) == {"refkunde": "name"}


def test_the_later_upload_wins_in_whatever_order_they_are_planned(mappings: Mappings, job: Job) -> None:
    mappings.of_job(later(job, 3))(HEADERS, {"Ref Kunde": "phone"})
    mappings.of_job(later(job, 2))(HEADERS, {"Ref Kunde": "name"})
    assert mappings.recall(job.owner, "leads", KEY) == {"refkunde": "phone"}


def test_nothing_crosses_owners_or_pipelines(mappings: Mappings, job: Job) -> None:
    mappings.of_job(job)(HEADERS, {"Ref Kunde": "name"})
    assert mappings.recall("somebody else", "leads", KEY) == mappings.recall(job.owner, "prices", KEY) == {}


def test_a_dry_run_reads_and_writes_nothing(mappings: Mappings, job: Job) -> None:
    assert mappings.of_owner(job.owner, "leads")(HEADERS, {"Ref Kunde": "name"}) == {}
    assert mappings.recall(job.owner, "leads", KEY) == {}
    mappings.of_job(job)(HEADERS, {"Ref Kunde": "name"})
    assert mappings.of_owner(job.owner, "leads")(HEADERS, {}) == {"refkunde": "name"}


def test_tables_without_headers_are_not_remembered(mappings: Mappings, job: Job) -> None:
    headers = ("column A", "column B")
    mappings.of_job(job)(headers, {"column A": "name"})
    assert mappings.of_job(later(job, 2))(headers, {}) == {}


def test_a_mapping_is_forgotten_when_asked_and_when_it_is_old(mappings: Mappings, job: Job, time: Time) -> None:
    mappings.of_job(job)(HEADERS, {"Ref Kunde": "name"})
    time.now += timedelta(days=REMEMBERED_DAYS + 1)
    assert mappings.recall(job.owner, "leads", KEY) == {}
    time.now -= timedelta(days=2)
    assert mappings.recall(job.owner, "leads", KEY)
    mappings.forget(job.owner, "leads", KEY)
    assert mappings.recall(job.owner, "leads", KEY) == {}


def test_a_workbook_of_very_many_different_sheets_is_asked_about_so_many(mappings: Mappings, job: Job) -> None:
    ask = mappings.of_job(job)
    for number in range(MOST_SHEETS + 1):
        ask((f"head {number}x", "Ref Kunde"), {"Ref Kunde": "name"})
    assert mappings.recall(job.owner, "leads", fingerprint((f"head {MOST_SHEETS - 1}x", "Ref Kunde")))
    assert not mappings.recall(job.owner, "leads", fingerprint((f"head {MOST_SHEETS}x", "Ref Kunde")))
