"""A redrive whose process dies at any of its writes: no letter is lost, no row counts twice, the record is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.api import redrive as edge
from chalicelib.api.auth import Caller
from chalicelib.api.queue_models import RedriveRequest
from chalicelib.api.redrive import Mover
from chalicelib.bootstrap import services
from chalicelib.errors import Transient
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Job
from tests.functional.dead import counts, die, everything, letters, operator, redrive, started, status, tasks
from tests.functional.engine import Engine, Killed, people
from tests.functional.rest import Api

CALLER = Caller("olga", "the-operators", frozenset({"user", "operator"}))


@pytest.fixture
def engine(aws: Any, api: Api) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3"})


class Process:
    """Counts the writes of all adapters of a process; it dies before number `fatal` (or after, its answer lost)."""

    WRITES = frozenset({"create", "replace", "settle", "write", "change", "clear_chance", "add_event", "send",
                        "send_text", "delete", "release"})

    def __init__(self, engine: Engine, fatal: int, *, after: bool = False, error: BaseException | None = None) -> None:
        self.writes, self.fatal, self.after, self.error = 0, fatal, after, error or Killed()
        self.held: list[Any] = []
        self.dead = False
        real = engine.services
        self.parts = {name: Part(self, real.get(name)) for name in ("ledger", "records", "queues")}

    def call(self, name: str, function: Callable[..., Any], *values: Any, **named: Any) -> Any:
        if self.dead:
            raise self.error
        self.writes += name in self.WRITES
        fatal = name in self.WRITES and self.writes == self.fatal
        if fatal and not self.after:
            self._die()
        answer = function(*values, **named)
        if fatal:
            self._die()
        if name == "receive":
            self.held += answer
        return answer

    def _die(self) -> None:
        self.dead = isinstance(self.error, Killed)
        raise self.error


class Part:
    """An adapter of a mortal process."""

    def __init__(self, process: Process, real: Any) -> None:
        self._process, self._real = process, real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found
        return lambda *values, **named: self._process.call(name, found, *values, **named)


class Before:
    """A real ledger; `act` happens once between the decision to reopen a batch and the write."""

    def __init__(self, real: Any, act: Callable[[], Any]) -> None:
        self._real, self._acts = real, [act]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def settle(self, *values: Any, **named: Any) -> None:
        if self._acts:
            self._acts.pop()()
        self._real.settle(*values, **named)


def later(engine: Engine, process: Process) -> None:
    """The letters that the dead held show again, as they do when their visibility ends."""
    engine.services.queues.release(engine.name("leads-dlq"), process.held)


def whole(engine: Engine, job: Job, rows: int) -> None:
    engine.sweep()
    engine.split()
    engine.work()
    now = engine.job(job.job_id)
    assert (counts(now), transitions.balanced(now)) == (("completed", rows, 0, 0), True)
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (0, 0)
    assert "redriven" in engine.kinds(job)


def ask(engine: Engine, count: int, **parts: Any) -> Any:
    """As the route asks, by SQS's own time: letters that are younger than the asking would stay."""
    return engine.services.call(edge.ask, caller=CALLER, name="leads", request=RedriveRequest(count=count),
                                clock=lambda: datetime.now(UTC), **parts)


def writes_of_a_task(engine: Engine, redrive_id: str) -> int:
    process = Process(engine, 0)
    engine.services.call(Mover, remaining=lambda: 60.0, **process.parts).run(redrive_id)
    return process.writes


def test_the_number_of_writes_is_what_the_tests_below_assume(api, engine):
    started(engine, people(9))
    die(engine)
    asked = everything(api)
    engine.bodies("tasks")
    assert writes_of_a_task(engine, asked["redriveId"]) == TASK_WRITES


TASK_WRITES = 17
"""Underway; thrice reopen, clear, send; event; three deletes; counted; release; ended."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fatal", range(1, TASK_WRITES + 1))
def test_a_task_that_is_killed_at_any_write_is_ended_by_the_next_attempt(api, engine, fatal, after):
    job = started(engine, people(9))
    die(engine)
    asked = everything(api)
    process = Process(engine, fatal, after=after)
    with pytest.raises(Killed):
        engine.services.call(Mover, remaining=lambda: 60.0, **process.parts).run(asked["redriveId"])
    now = engine.job(job.job_id)
    assert transitions.balanced(now)
    later(engine, process)
    tasks(engine)
    told = status(api, asked)
    assert (told["status"], told["moved"], told["fates"]) == ("completed", 3, {"runs_again": 3})
    whole(engine, job, 9)


REQUEST_WRITES = 14
"""The record; underway; twice reopen, clear, send; event; two deletes; counted; release; ended."""


def test_the_number_of_writes_of_a_request_is_what_the_tests_below_assume(api, engine):
    started(engine, people(6))
    die(engine)
    process = Process(engine, 0)
    ask(engine, 2, **process.parts)
    assert process.writes == REQUEST_WRITES


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fatal", range(1, REQUEST_WRITES + 1))
def test_a_request_that_is_killed_at_any_write_can_be_asked_again(api, engine, fatal, after):
    job = started(engine, people(6))
    die(engine)
    process = Process(engine, fatal, after=after)
    with pytest.raises(Killed):
        ask(engine, 2, **process.parts)
    later(engine, process)
    assert transitions.balanced(engine.job(job.job_id))
    redrive(api, {"count": 2})
    whole(engine, job, 6)


def test_a_request_that_died_is_shown_as_interrupted(api, engine):
    started(engine, people(6))
    die(engine)
    process = Process(engine, 5)
    with pytest.raises(Killed):
        ask(engine, 2, **process.parts)
    [told] = operator(api)("GET", "/queues").json["redrives"]
    assert (told["status"], told["interrupted"]) == ("processing", False)
    services().clock = lambda: datetime.now(UTC) + timedelta(seconds=120)
    [told] = operator(api)("GET", "/queues").json["redrives"]
    assert (told["status"], told["interrupted"], told["moved"], told["retryAfterMs"]) == ("processing", True, 0, None)


@pytest.mark.parametrize("fatal", range(1, REQUEST_WRITES + 1))
def test_a_service_that_stumbles_at_any_write_fails_the_redrive_and_loses_nothing(api, engine, fatal):
    job = started(engine, people(6))
    die(engine)
    process = Process(engine, fatal, error=Transient("busy"))
    if fatal == REQUEST_WRITES - 1:
        ask(engine, 2, **process.parts)  # letters that are not let go show again by themselves
    else:
        with pytest.raises(Transient):
            ask(engine, 2, **process.parts)
        told = operator(api)("GET", "/queues").json["redrives"]
        assert [each["status"] for each in told] == ([] if fatal == 1 else ["error"])
    redrive(api, {"count": 2})
    whole(engine, job, 6)


def test_a_letter_that_was_sent_but_not_deleted_counts_once(api, engine):
    job = started(engine, people(6))
    die(engine, 2)
    [letter] = letters(api)
    process = Process(engine, 7)  # record, underway, reopen, clear, send, event: before the delete
    with pytest.raises(Killed):
        ask(engine, 1, **process.parts)
    later(engine, process)
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (1, 1)
    redrive(api, {"messageIds": [letter["messageId"]]})
    bodies = engine.bodies("leads")
    assert [json.loads(body)["batch_number"] for body in bodies] == [2, 2]
    for body in bodies * 2:
        engine.send("leads", body)
    engine.work()
    now = engine.job(job.job_id)
    assert (counts(now), transitions.balanced(now)) == (("completed", 6, 0, 0), True)


def test_a_retry_between_the_decision_and_its_write_is_noticed(api, engine):
    job = started(engine, people(6))
    die(engine, 2)
    ask(engine, 1, ledger=Before(engine.services.ledger, lambda: engine.services.call(
        control.retry, job_id=job.job_id, by="ada")))
    now = engine.job(job.job_id)
    assert (counts(now), now.run, transitions.balanced(now)) == (("processing", 3, 3, 0), job.run + 1, True)
    whole(engine, job, 6)
