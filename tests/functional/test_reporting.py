"""The daily report over real jobs: which day it is of, made once, in as many invocations as it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.adapters.notices import Notices
from chalicelib.errors import Transient, Unavailable
from chalicelib.jobs.model import stamp
from chalicelib.jobs.reporting import DayReporter, report_key
from tests.functional.engine import Context, Engine, Killed, Mortal, Until, book, people

DAY = "2026-11-22"
TOMORROW = datetime(2026, 11, 23, 0, 20, tzinfo=UTC)


@pytest.fixture
def engine(aws: Any) -> Engine:
    return Engine(aws)


def settle(engine: Engine, rows: int, name: str = "a", hour: int = 2) -> None:
    """A file of so many good rows and one bad, settled in that hour of the day."""
    engine.time.now = datetime(2026, 11, 22, hour, tzinfo=UTC)
    engine.drop(book(People=[*people(rows), ["", "", "", "", ""], ["", "", f"x{name}@example.com", "", ""]]),
                f"uploads/leads/{name}.xlsx", at=stamp(engine.time.now))
    engine.split()
    engine.work()


def reported(engine: Engine) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = json.loads(engine.services.blobs.get(report_key(DAY)))
    return answer


def report(engine: Engine, **parts: Any) -> dict[str, str]:
    """One invocation of the function, at twenty past midnight; `parts` take the place of real ones."""
    engine.time.now = TOMORROW
    made: DayReporter = engine.services.call(DayReporter, **{"remaining": lambda: 60.0, **parts})
    return made.report()


class Watch:
    """The seconds that are left: plenty at first, none after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def __call__(self) -> float:
        self.looks -= 1
        return 60.0 if self.looks >= 0 else 0.0


def test_a_day_is_reported_from_what_its_batches_became(engine):
    settle(engine, 25, "a", hour=2)
    settle(engine, 3, "b", hour=5)
    assert report(engine) == {"date": DAY, "state": "told"}
    made = reported(engine)
    assert made["date"] == DAY
    assert made["jobs"] == {"registered": 2, "byStatus": {"completed": 2}}
    assert made["rows"] == {"settled": 30, "stored": 28, "byOutcome": {"new": 25, "rejected": 2, "unchanged": 3}}
    assert {hour: rows for hour, rows in enumerate(made["storedByHour"]) if rows} == {2: 25, 5: 3}
    assert made["rejectsByCode"] == {"TOO_FEW_FIELDS": 2}
    assert len(made["slowestJobs"]) == 2
    assert made["deadLetters"] == {}


def test_a_job_that_works_over_midnight_counts_on_each_day_what_was_settled_in_it(engine):
    engine.time.now = datetime(2026, 11, 22, 23, 50, tzinfo=UTC)
    engine.drop(book(People=people(25)))
    engine.split()
    engine.work(most=1)
    engine.time.now = datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
    engine.work()
    report(engine)
    assert reported(engine)["rows"]["settled"] == 10
    engine.time.now = datetime(2026, 11, 24, 0, 20, tzinfo=UTC)
    assert engine.services.call(DayReporter, remaining=lambda: 60.0).report()["date"] == "2026-11-23"
    following = json.loads(engine.services.blobs.get(report_key("2026-11-23")))
    assert (following["rows"]["settled"], following["jobs"]["registered"]) == (15, 0)


def test_the_second_hour_finds_the_report_told_and_changes_nothing(engine):
    settle(engine, 5)
    report(engine)
    first = engine.services.blobs.get(report_key(DAY))
    settle(engine, 4, "late", hour=3)
    engine.services.blobs.delete(report_key(DAY))
    assert report(engine) == {"date": DAY, "state": "told"}
    with pytest.raises(KeyError):
        engine.services.blobs.get(report_key(DAY))
    assert first


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_day_too_long_for_one_invocation_goes_on_where_it_stood(engine, looks):
    for number in range(4):
        settle(engine, 12, f"file{number}", hour=number + 2)
    invocations = [report(engine, remaining=Watch(looks))["state"]]
    while invocations[-1] != "told":
        invocations.append(report(engine, remaining=Watch(looks))["state"])
        assert len(invocations) < 10
    assert set(invocations[:-1]) == {"counting"}
    assert reported(engine)["rows"]["settled"] == 52
    assert reported(engine)["jobs"]["registered"] == 4


def test_a_job_too_long_for_one_invocation_goes_on_in_its_middle(engine):
    settle(engine, 69)
    states = [report(engine, remaining=Watch(0), clock_batches=2)["state"] for _ in range(6)]
    assert (states[0], states[-1]) == ("counting", "told")
    assert reported(engine)["rows"]["settled"] == 70
    assert reported(engine)["jobs"]["registered"] == 1


@pytest.mark.parametrize("fatal", range(1, 6))
def test_an_invocation_that_is_killed_at_any_write_is_made_good_by_the_next(engine, fatal):
    settle(engine, 5)
    topic = Topic()
    until = Until(fatal)
    parts = {"records": Writes(engine.services.records, until), "blobs": Mortal(engine.services.blobs, until),
             "notices": Writes(topic.notices, until)}
    try:
        report(engine, **parts)
        assert fatal > 5
    except Killed:
        pass
    engine.time.pass_(3600)
    assert report(engine, notices=topic.notices)["state"] == "told"
    assert reported(engine)["rows"]["settled"] == 6
    assert len(set(topic.texts)) == 1
    assert len(topic.texts) in (1, 2)


def test_a_twin_at_the_same_moment_gives_the_same_bytes(engine):
    settle(engine, 5)
    seen: list[bytes] = []

    class Racing:
        """Records whose first reader is overtaken by a twin before it writes."""

        def __init__(self) -> None:
            self.raced = False

        def __getattr__(self, name: str) -> Any:
            return getattr(engine.services.records, name)

        def replace(self, *values: Any, **named: Any) -> Any:
            if not self.raced:
                self.raced = True
                report(engine)
                seen.append(engine.services.blobs.get(report_key(DAY)))
            return engine.services.records.replace(*values, **named)

    report(engine, records=Racing())
    assert seen == [engine.services.blobs.get(report_key(DAY))]


class Writes:
    """An adapter whose every change is counted, and the process dies just before the fatal one."""

    CHANGES = frozenset({"create", "replace", "publish"})

    def __init__(self, real: Any, until: Until) -> None:
        self._real = real
        self._until = until

    def __getattr__(self, name: str) -> Any:
        if name in self.CHANGES:
            self._until.write()
        return getattr(self._real, name)


class Topic:
    """An SNS topic; `failure` is what it answers."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.texts: list[str] = []
        self.subjects: list[str] = []
        self.failure = failure
        self.notices = Notices(lambda: self, "arn:aws:sns:us-east-1:000000000000:topic")

    def publish(self, **request: Any) -> None:
        if self.failure is not None:
            raise self.failure
        self.subjects.append(request["Subject"])
        self.texts.append(request["Message"])


def test_the_report_is_told_as_text_to_whoever_subscribed(engine):
    settle(engine, 5)
    topic = Topic()
    report(engine, notices=topic.notices)
    assert topic.subjects == [f"dropmill test: {DAY}"]
    assert "6 settled" in topic.texts[0]


@pytest.fixture
def failures() -> list[Any]:
    from botocore.exceptions import ClientError, EndpointConnectionError

    def refused(code: str, status: int) -> ClientError:
        answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return ClientError(answer, "Publish")

    return [(refused("Throttled", 400), Transient), (refused("InternalError", 500), Transient),
            (refused("AuthorizationError", 403), Unavailable), (refused("NotFound", 404), Unavailable),
            (EndpointConnectionError(endpoint_url="x"), Transient)]


def test_a_topic_that_refuses_fails_the_invocation_and_the_next_hour_tries_again(engine, failures):
    settle(engine, 5)
    for failure, kind in failures:
        with pytest.raises(kind):
            report(engine, notices=Topic(failure).notices)
    topic = Topic()
    assert report(engine, notices=topic.notices)["state"] == "told"
    assert len(topic.texts) == 1


def test_dead_letters_are_told_by_queue(engine):
    engine.send("leads-dlq", "lost")
    engine.send("split-dlq", "lost too")
    report(engine)
    assert reported(engine)["deadLetters"] == {engine.name("leads"): 1, engine.name("split"): 1}


def test_the_schedule_makes_the_report(engine):
    engine.time.now = TOMORROW
    assert engine.services.day_reporter(Context()).report() == {"date": DAY, "state": "told"}
