"""Calls are told apart by whose they are: a function's, its pool's, or the test's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.functional import calls
from tests.functional.calls import Call
from tests.functional.engine import Engine, book, people

LEDGER = "arn:aws:dynamodb:us-east-1:000000000000:table/dropmill-test-ledger"
BUCKET = "arn:aws:s3:::dropmill-test-data-000000000000"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:dropmill-test-leads"


@pytest.fixture
def engine(aws, monkeypatch) -> Engine:
    monkeypatch.setattr(calls, "HEARD", set())
    return Engine(aws, {"BATCH_SIZE": "2"})


def test_a_call_belongs_to_the_function_that_makes_it(engine):
    engine.drop(book(A=people(3)))
    assert {call.function for call in calls.HEARD} == {"object_created"}
    engine.split()
    assert {Call("split", "s3:GetObjectVersion", f"{BUCKET}/uploads/..."),
            Call("split", "dynamodb:UpdateItem", LEDGER)} <= calls.HEARD
    engine.work()
    assert Call("leads_worker", "dynamodb:PutItem", f"{LEDGER[:-6]}leads") in calls.HEARD


def test_what_a_test_does_itself_belongs_to_nobody(engine):
    engine.put(b"x")
    engine.bodies("leads")
    engine.table()
    assert not calls.HEARD


def test_a_call_of_a_pool_s_thread_belongs_to_the_function_that_waits_for_it(engine):
    """Many calls of SendMessageBatch go out of a pool."""
    engine.drop(book(A=people(50)))
    engine.split()
    assert Call("split", "sqs:SendMessage", QUEUE) in calls.HEARD


def test_a_function_that_a_test_runs_within_another_keeps_its_own_calls(engine):
    """A fake pipeline may play what happens meanwhile."""
    engine.drop(book(A=people(3)))
    engine.split()

    def process(batch, work):
        engine.sweep()
        engine.put(b"x", "elsewhere/x")
        return engine.leads.process(batch, work)

    engine.work(replace(engine.leads, process=process))
    assert Call("sweep", "dynamodb:Query", f"{LEDGER}/index/open_jobs") in calls.HEARD
    assert [call for call in calls.HEARD if call.function == "leads_worker" and "open_jobs" in call.resource] == []
    assert [call for call in calls.HEARD if "elsewhere" in call.resource] == []
