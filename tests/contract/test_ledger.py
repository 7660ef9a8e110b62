"""One suite for the ledger, over moto in this process (one thread only) and the emulator on the wire."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters.dynamodb import from_item
from chalicelib.adapters.ledger import BATCHES_A_PARTITION, MAX_ACTIONS, Chance, Ledger
from chalicelib.errors import Conflict, Malformed
from chalicelib.jobs import transitions
from chalicelib.jobs.model import (
    BatchEntry,
    BatchState,
    Bucket,
    Duplicate,
    Job,
    Outcome,
    Reject,
    SheetCount,
    Status,
)
from chalicelib.jobs.pipeline import Displaced, Write
from chalicelib.local.access import Access
from chalicelib.local.template import read
from tests.conftest import TEMPLATE

TABLE = "dropmill-test-ledger"
AT = "2026-11-22T00:00:00.000Z"
SHEETS = (SheetCount(0, "People", 8, 1, 1, {"totals": 1}, 5, "", 1, {"Mail": "email"}),
          SheetCount(1, "Empty", 0, 0, 0, {}, 0, "empty"))


class Time:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture(scope="module", params=["moto", "emulator"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client on one table for all tests: each has jobs and owners of its own."""
    if request.param == "emulator":
        yield request.getfixturevalue("new_aws")().client("dynamodb", max_pool_connections=32)
        return
    with mock_aws():
        made = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        properties = next(each.properties for each in read(TEMPLATE, "test", Access("http://nowhere"))
                          if each.properties.get("TableName") == TABLE)
        made.create_table(**{name: properties[name] for name in (
            "TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")})
        yield made


@pytest.fixture
def ledger(client: Any) -> Ledger:
    return Ledger(client, TABLE, clock=Time(), days=90, sleep=lambda _: None, rng=random.Random(1))


_NUMBERS = iter(range(10 ** 6))


def a_job(ledger: Ledger, **values: Any) -> Job:
    """A new job in the ledger, waiting for its file unless `values` say otherwise."""
    number = next(_NUMBERS)
    job = Job(**{"job_id": f"job{number}", "owner": f"owner{number}", "pipeline": "leads", "status": Status.UPLOADING,
                 "file_name": "f.csv", "file_key": "k", "created_at": AT, "updated_at": AT, **values})
    assert ledger.create(job)
    return job


def a_planned_job(ledger: Ledger, *sizes: int, **values: Any) -> Job:
    job = a_job(ledger, status=Status.PROCESSING, uploaded_at=AT, batch_size=3, **values)
    change = transitions.planned(job, at=AT, rows=sum(sizes), batches=len(sizes), parts=1, sha256="s")
    ledger.finish_plan(job, change, SHEETS, "", "")
    return _now(ledger, job)


def _now(ledger: Ledger, job: Job) -> Job:
    found = ledger.job(job.job_id)
    assert found is not None
    return found


def an_entry(number: int, outcomes: dict[Outcome, int], state: BatchState = BatchState.DONE, **more: Any) -> BatchEntry:
    return BatchEntry(number=number, state=state, rows=sum(outcomes.values()), sheets={0: outcomes}, settled_at=AT,
                      **more)


def settle(ledger: Ledger, job: Job, number: int, outcomes: dict[Outcome, int], **more: Any) -> None:
    """Settle a batch as it and its job are now."""
    known = ledger.batch(job.job_id, number)
    state = transitions.batch_state(job, known.record if known else None)
    displaced = more.get("displaced", ())
    change = transitions.done(job, state, outcomes, at=AT, displaced=transitions.tally(e.outcome for e in displaced))
    ledger.settle(job, known, change, an_entry(number, outcomes), more.get("writes", ()), displaced)


def items(client: Any, pk: str) -> list[dict[str, Any]]:
    answer = client.query(TableName=TABLE, KeyConditionExpression="pk = :pk",
                          ExpressionAttributeValues={":pk": {"S": pk}})
    return [from_item(item) for item in answer["Items"]]


# --- jobs


def test_a_job_comes_back_as_it_was_created_and_is_created_once(ledger: Ledger) -> None:
    job = a_job(ledger, options={"dedupe": "skip", "nested": {"a": [1, "b"]}}, error={"code": "X"}, again=True)
    found = _now(ledger, job)
    assert replace(found, expires_at=0) == job
    assert found.expires_at == int(datetime(2027, 2, 20, tzinfo=UTC).timestamp())
    assert not ledger.create(replace(job, owner="thief"))
    assert (_now(ledger, job).owner, ledger.job("nobody")) == (job.owner, None)


def test_a_change_adds_pours_assigns_and_removes(ledger: Ledger) -> None:
    job = a_job(ledger, status=Status.PROCESSING, pending=5, cancelled=2, error={"code": "X"}, rows=7)
    ledger.write(job, transitions.Change(assign={"paused": "circuit", "error": None}, add={"run": 1, "new": 3},
                                         pour={"pending": "cancelled"}, require={"run": 1}))
    found = _now(ledger, job)
    assert (found.paused, found.error, found.run, found.new, found.pending, found.cancelled) == (
        "circuit", None, 2, 3, 0, 7)


@pytest.mark.parametrize("change", [
    transitions.Change(assign={"paused": "x"}, require={"run": 2}),
    transitions.Change(assign={"paused": "x"}, require={"status": (Status.UPLOADED, Status.ERROR)}),
    transitions.Change(assign={"paused": "x"}, at_least={"batches_pending": 2}),
    transitions.Change(assign={"paused": "x"}, require={"planned": True})])
def test_a_change_whose_demand_does_not_hold_changes_nothing(ledger: Ledger, change: transitions.Change) -> None:
    job = a_job(ledger, batches_pending=1)
    before = _now(ledger, job)
    with pytest.raises(Conflict):
        ledger.write(job, change)
    assert _now(ledger, job) == before


def test_a_change_never_makes_a_job_that_is_not_there(ledger: Ledger) -> None:
    ghost = Job(job_id="ghost", owner="o", pipeline="p", status=Status.UPLOADED, file_name="", file_key="",
                created_at=AT, updated_at=AT)
    with pytest.raises(Conflict):
        ledger.write(ghost, transitions.Change(assign={"paused": "x"}))
    with pytest.raises(KeyError):
        ledger.change("ghost", lambda now: None)
    assert ledger.job("ghost") is None


def test_a_decision_is_made_anew_when_somebody_was_faster(ledger: Ledger) -> None:
    job = a_job(ledger)
    seen = []

    def decide(now: Job) -> transitions.Change:
        seen.append(now.resends)
        if len(seen) == 1:
            ledger.write(now, transitions.resent(now))
        return transitions.resent(now)

    assert (ledger.change(job.job_id, decide).resends, seen) == (2, [0, 1])


def test_jobs_are_listed_newest_first_by_owner_page_by_page_and_filtered(ledger: Ledger) -> None:
    owner = f"lister{next(_NUMBERS)}"
    made = [a_job(ledger, owner=owner, created_at=f"2026-11-{day:02d}T00:00:00.000Z",
                  pipeline="leads" if day % 3 else "prices",
                  status=Status.COMPLETED if day % 2 else Status.ERROR).job_id for day in range(1, 13)]
    a_job(ledger)
    seen: list[str] = []
    cursor = ""
    while True:
        page = ledger.jobs(owner, limit=5, cursor=cursor)
        assert len(page.jobs) <= 5
        seen += [job.job_id for job in page.jobs]
        cursor = page.cursor
        if not cursor:
            break
    assert seen == made[::-1]
    filtered, cursor = [], ""
    while True:
        page = ledger.jobs(owner, limit=1, cursor=cursor, pipeline="leads", status="error")
        filtered += [job.job_id for job in page.jobs]
        cursor = page.cursor
        if not cursor:
            break
    assert filtered == [made[day - 1] for day in (10, 8, 4, 2)]
    assert ledger.jobs("nobody", limit=5).jobs == ()


def test_open_jobs_are_those_that_have_not_ended(ledger: Ledger) -> None:
    job = a_job(ledger)
    other = a_job(ledger)
    assert {job.job_id, other.job_id} <= {each.job_id for each in ledger.open_jobs()}
    cancelled = ledger.change(job.job_id, lambda now: transitions.cancelled(now, at=AT, by="me"))
    assert job.job_id not in {each.job_id for each in ledger.open_jobs()}
    ledger.write(cancelled, transitions.resumed(cancelled, at=AT, by="me"))
    assert job.job_id in {each.job_id for each in ledger.open_jobs()}


# --- planning


def test_plan_sheets_and_claim_are_written_together(ledger: Ledger) -> None:
    job = a_job(ledger, status=Status.PROCESSING)
    change = transitions.planned(job, at=AT, rows=5, batches=2, parts=1, sha256="s")
    ledger.finish_plan(job, change, SHEETS, f"claim{job.job_id}", "")
    assert (_now(ledger, job).rows, ledger.sheets(job.job_id)) == (5, SHEETS)
    assert ledger.claim_holder(f"claim{job.job_id}") == job.job_id
    assert (ledger.claim_holder("unclaimed"), ledger.sheets("nobody")) == ("", ())


def test_of_two_claims_on_one_file_the_second_plans_nothing_unless_the_holder_is_stale(ledger: Ledger) -> None:
    first, second = (a_job(ledger, status=Status.PROCESSING) for _ in range(2))
    claim = f"claim{first.job_id}"

    def finish(job: Job, stale: str) -> None:
        change = transitions.planned(job, at=AT, rows=5, batches=2, parts=1, sha256="s")
        ledger.finish_plan(job, change, SHEETS, claim, stale)

    finish(first, "")
    with pytest.raises(Conflict):
        finish(second, "")
    with pytest.raises(Conflict):
        finish(second, "somebody-else")
    assert (_now(ledger, second).planned, ledger.sheets(second.job_id)) == (False, ())
    finish(second, first.job_id)
    assert (_now(ledger, second).planned, ledger.claim_holder(claim)) == (True, second.job_id)


def test_a_job_that_moved_is_not_planned_and_claims_nothing(ledger: Ledger) -> None:
    job = a_job(ledger, status=Status.PROCESSING)
    change = transitions.planned(job, at=AT, rows=5, batches=2, parts=1, sha256="s")
    ledger.change(job.job_id, lambda now: transitions.cancelled(now, at=AT, by="me"))
    with pytest.raises(Conflict):
        ledger.finish_plan(job, change, SHEETS, f"claim{job.job_id}", "")
    assert (ledger.claim_holder(f"claim{job.job_id}"), ledger.sheets(job.job_id)) == ("", ())


# --- batches


def test_a_settled_batch_comes_back_with_all_that_is_known_of_it(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3)
    entry = replace(
        an_entry(1, {Outcome.NEW: 1, Outcome.REJECTED: 2}), sheets={0: {Outcome.NEW: 1}, 4: {Outcome.REJECTED: 2}},
        rejects=(Reject(4, 7, "S", "TOO_FEW_FIELDS", "email", "why", {"Näme": "x"}),),
        duplicates=(Duplicate("id", 0, 2, "S", {"company": "a"}, {"company": "b"}),),
        warnings={"0:2": ["odd phone"]}, usage={"calls": 2})
    ledger.settle(job, None, transitions.done(job, BatchState.PENDING, entry.outcomes, at=AT), entry)
    detail = ledger.batch(job.job_id, 1)
    assert detail is not None
    assert (detail.entry, detail.run, detail.attempts) == (entry, 1, 1)
    now = _now(ledger, job)
    assert (now.status, now.new, now.rejected, transitions.balanced(now)) == (Status.COMPLETED, 1, 2, True)


@pytest.mark.parametrize("broken", ["job", "batch", "record", "displaced"])
def test_when_one_condition_of_a_settling_fails_nothing_of_it_is_written(ledger: Ledger, client: Any, broken) -> None:
    job = a_planned_job(ledger, 3, 3)
    pk = f"LEAD#{job.job_id}"
    write = Write(TABLE, {"pk": pk, "sk": "LEAD"}, {"x": 1}, condition="attribute_not_exists(pk)")
    displaced: tuple[Displaced, ...] = ()
    if broken == "job":
        ledger.change(job.job_id, lambda now: transitions.cancelled(now, at=AT, by="me"))
    if broken == "batch":
        ledger.note_attempt(job, 1, 3, "down")
    if broken == "record":
        client.put_item(TableName=TABLE, Item={"pk": {"S": pk}, "sk": {"S": "LEAD"}, "x": {"N": "9"}})
    if broken == "displaced":
        displaced = (Displaced(2, 0, Outcome.NEW),)
    before = _now(ledger, job), ledger.batch(job.job_id, 1), items(client, pk)
    change = transitions.done(job, BatchState.PENDING, {Outcome.NEW: 3}, at=AT,
                              displaced=transitions.tally(each.outcome for each in displaced))
    with pytest.raises(Conflict):
        ledger.settle(job, None, change, an_entry(1, {Outcome.NEW: 3}), [write], displaced)
    assert (_now(ledger, job), ledger.batch(job.job_id, 1), items(client, pk)) == before


def test_a_displaced_row_moves_in_its_own_batch_and_in_the_job(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3, 3)
    settle(ledger, job, 1, {Outcome.NEW: 2, Outcome.UPDATED: 1})
    losses = (Displaced(1, 0, Outcome.NEW), Displaced(1, 0, Outcome.NEW), Displaced(1, 0, Outcome.UPDATED))
    settle(ledger, _now(ledger, job), 2, {Outcome.NEW: 3}, displaced=losses)
    first, second = ledger.batches(job.job_id, 2)
    assert (first.entry.sheets, second.entry.sheets) == ({0: {Outcome.SUPERSEDED: 3}}, {0: {Outcome.NEW: 3}})
    now = _now(ledger, job)
    assert (now.new, now.updated, now.superseded, now.status) == (3, 0, 3, Status.COMPLETED)
    assert transitions.balanced(now)


def test_a_batch_settles_once_however_often_it_is_tried(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3, 3)
    settle(ledger, job, 1, {Outcome.NEW: 3})
    with pytest.raises(Conflict):
        ledger.settle(job, None, transitions.done(job, BatchState.PENDING, {Outcome.NEW: 3}, at=AT),
                      an_entry(1, {Outcome.NEW: 3}))
    assert (_now(ledger, job).new, _now(ledger, job).batches_pending) == (3, 1)


def test_the_last_batch_completes_the_job_and_no_other_does(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 2, 2)
    stale_last = replace(job, batches_pending=1)
    with pytest.raises(Conflict):
        settle(ledger, stale_last, 1, {Outcome.NEW: 2})
    settle(ledger, job, 1, {Outcome.NEW: 2})
    with pytest.raises(Conflict):
        settle(ledger, job, 2, {Outcome.NEW: 2})
    settle(ledger, _now(ledger, job), 2, {Outcome.NEW: 2})
    assert _now(ledger, job).status is Status.COMPLETED


def test_a_failed_batch_that_is_done_after_all_leaves_no_failed_rows_behind(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3, 1)
    entry = an_entry(1, {Outcome.FAILED: 3}, BatchState.FAILED, cause="down")
    ledger.settle(job, None, transitions.failed(job, BatchState.PENDING, 3, at=AT), entry)
    failed = ledger.batch(job.job_id, 1)
    assert failed is not None
    assert (failed.entry.state, failed.entry.cause, failed.entry.sheets) == (
        BatchState.FAILED, "down", {0: {Outcome.FAILED: 3}})
    settle(ledger, _now(ledger, job), 1, {Outcome.NEW: 3})
    done = ledger.batch(job.job_id, 1)
    assert done is not None
    assert (done.entry.state, done.entry.sheets, done.entry.cause) == (BatchState.DONE, {0: {Outcome.NEW: 3}}, "")
    assert transitions.balanced(_now(ledger, job))


def test_attempts_count_and_decide_nothing(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3)
    ledger.note_attempt(job, 1, 3, "down")
    ledger.note_attempt(job, 1, 3, "down again")
    detail = ledger.batch(job.job_id, 1)
    assert detail is not None
    assert (detail.attempts, detail.entry.state, detail.entry.cause) == (2, BatchState.PENDING, "down again")
    settle(ledger, _now(ledger, job), 1, {Outcome.NEW: 3})
    ledger.note_attempt(job, 1, 3, "a late failure")
    detail = ledger.batch(job.job_id, 1)
    assert detail is not None
    assert (detail.attempts, detail.entry.state, _now(ledger, job).new) == (4, BatchState.DONE, 3)


def test_batches_are_read_in_order_across_partitions(ledger: Ledger) -> None:
    job = a_planned_job(ledger, *[1] * (BATCHES_A_PARTITION + 3))
    numbers = [BATCHES_A_PARTITION + 2, 3, BATCHES_A_PARTITION, 1, BATCHES_A_PARTITION + 1]
    for number in numbers:
        ledger.note_attempt(job, number, 1, "")
    total = job.batches_total
    assert [each.entry.number for each in ledger.batches(job.job_id, total)] == sorted(numbers)
    assert [each.entry.number for each in ledger.batches(job.job_id, total, first=4)] == sorted(numbers)[2:]
    assert [each.entry.number for each in ledger.batches(job.job_id, 3, first=2)] == [3]
    assert list(ledger.batches(job.job_id, 0)) == []


def test_a_batch_from_outside_joins_once(ledger: Ledger) -> None:
    job = a_job(ledger, status=Status.UPLOADED, outside=True)
    ledger.register_batch(job, transitions.registered(job, rows=2, total=3, at=AT), 2, 2)
    now = _now(ledger, job)
    with pytest.raises(Conflict):
        ledger.register_batch(now, transitions.registered(now, rows=2, total=3, at=AT), 2, 2)
    assert (_now(ledger, job), now.rows, now.pending, now.batches_pending) == (now, 2, 2, 3)
    detail = ledger.batch(job.job_id, 2)
    assert detail is not None
    assert (detail.entry.state, detail.entry.rows) == (BatchState.PENDING, 2)


def test_more_writes_than_a_transaction_holds_are_refused_before_any_is_sent(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3)
    writes = [Write(TABLE, {"pk": f"X#{job.job_id}#{number}", "sk": "X"}, {}) for number in range(MAX_ACTIONS - 1)]
    with pytest.raises(Malformed):
        settle(ledger, job, 1, {Outcome.NEW: 3}, writes=writes)
    settle(ledger, job, 1, {Outcome.NEW: 3}, writes=writes[1:])
    assert _now(ledger, job).new == 3


def test_a_cancel_pours_everything_however_much_there_is_in_one_write(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3, 3, 3)
    settle(ledger, job, 1, {Outcome.NEW: 3})
    now = ledger.change(job.job_id, lambda now: transitions.cancelled(now, at=AT, by="me"))
    assert (now.unsettled, now.pending, now.cancelled, now.batches_cancelled, now.run) == (
        Bucket.CANCELLED, 0, 6, 2, 2)
    assert transitions.balanced(now)


# --- chances and events


def test_last_chances_are_kept_until_they_are_cleared(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3, 3)
    ledger.set_chance(job, 2, "2026-11-22T00:01:00.000Z")
    ledger.set_chance(job, 1, "2026-11-22T00:02:00.000Z")
    ledger.set_chance(replace(job, run=4), 1, "2026-11-22T00:03:00.000Z")
    assert list(ledger.chances(job.job_id)) == [
        Chance(1, 4, "2026-11-22T00:03:00.000Z"), Chance(2, 1, "2026-11-22T00:01:00.000Z")]
    ledger.clear_chance(job.job_id, 1)
    ledger.clear_chance(job.job_id, 1)
    assert [chance.number for chance in ledger.chances(job.job_id)] == [2]
    assert list(ledger.chances("nobody")) == []


def test_events_come_oldest_first_page_by_page(ledger: Ledger) -> None:
    job_id = f"told{next(_NUMBERS)}"
    for number in range(7):
        ledger.add_event(job_id, f"kind{number}", number=number, by="me")
    seen, cursor = [], ""
    while True:
        page = ledger.events(job_id, limit=3, cursor=cursor)
        seen += page.events
        cursor = page.cursor
        if not cursor:
            break
    assert [event.kind for event in seen] == [f"kind{number}" for number in range(7)]
    assert (seen[3].detail, seen[0].at < seen[6].at) == ({"number": 3, "by": "me"}, True)
    assert ledger.events("nobody").events == ()


# --- contenders, on the wire only: moto loses updates between threads


def test_many_who_settle_one_batch_at_the_same_time_settle_it_once(ledger: Ledger, client: Any) -> None:
    if "127.0.0.1" not in client.meta.endpoint_url:
        pytest.skip("moto is not made for threads")
    job = a_planned_job(ledger, 3, 3)
    won = []

    def contend() -> None:
        try:
            ledger.settle(job, None, transitions.done(job, BatchState.PENDING, {Outcome.NEW: 3}, at=AT),
                          an_entry(1, {Outcome.NEW: 3}))
            won.append(1)
        except Conflict:
            pass

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = _now(ledger, job)
    assert (len(won), now.new, now.batches_pending, transitions.balanced(now)) == (1, 3, 1, True)


def test_what_attempts_used_waits_in_the_batch_and_moves_with_its_settling(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3)
    ledger.note_attempt(job, 1, 3, "down", {"calls": 2, "prompt_tokens": 10})
    ledger.note_attempt(job, 1, 3, usage={"calls": 1})
    noted = ledger.batch(job.job_id, 1)
    assert noted is not None
    assert (noted.unmoved, noted.attempts, noted.notes) == ({"calls": 3, "prompt_tokens": 10}, 1, 2)
    change = transitions.done(job, BatchState.PENDING, {Outcome.NEW: 3}, at=AT)
    entry = replace(an_entry(1, {Outcome.NEW: 3}), usage={"calls": 4, "prompt_tokens": 10})
    ledger.settle(job, noted, transitions.spending(change, entry.usage), entry)
    settled, now = ledger.batch(job.job_id, 1), _now(ledger, job)
    assert settled is not None
    assert (settled.unmoved, settled.entry.usage) == ({}, {"calls": 4, "prompt_tokens": 10})
    assert (now.used_calls, now.used_prompt_tokens) == (4, 10)


def test_a_settling_that_missed_a_note_is_refused(ledger: Ledger) -> None:
    """Else what was noted in between would be lost, or moved twice."""
    job = a_planned_job(ledger, 3)
    ledger.note_attempt(job, 1, 3, "down", {"calls": 2})
    read = ledger.batch(job.job_id, 1)
    ledger.note_attempt(job, 1, 3, "down", {"calls": 2})
    change = transitions.done(job, BatchState.PENDING, {Outcome.NEW: 3}, at=AT)
    with pytest.raises(Conflict):
        ledger.settle(job, read, change, an_entry(1, {Outcome.NEW: 3}))


def test_what_is_used_too_late_moves_once(ledger: Ledger) -> None:
    job = a_planned_job(ledger, 3)
    settle(ledger, job, 1, {Outcome.NEW: 3})
    assert ledger.note_attempt(job, 1, 3, usage={"calls": 2}) is BatchState.DONE
    read = ledger.batch(job.job_id, 1)
    assert read is not None
    ledger.move_usage(job, read)
    with pytest.raises(Conflict):
        ledger.move_usage(job, read)
    moved = ledger.batch(job.job_id, 1)
    assert moved is not None
    assert (moved.unmoved, moved.entry.usage, _now(ledger, job).used_calls) == ({}, {"calls": 2}, 2)
