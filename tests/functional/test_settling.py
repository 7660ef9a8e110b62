"""What batches become, in whatever order and however often they come."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import replace

import pytest

from chalicelib.errors import ContentRefused, Transient, Waiting
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Status
from tests.functional.engine import Context, Engine, book, people


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3"})


def _record(body: str, receives: int = 1, number: int = 0) -> dict:
    return {"messageId": f"m{number}", "receiptHandle": "none", "body": body,
            "attributes": {"ApproximateReceiveCount": str(receives)}}


def _seen(engine: Engine, job_id: str) -> tuple:
    job = engine.job(job_id)
    return (job.status, job.new, job.updated, job.unchanged, job.superseded, job.rejected), engine.table()


def test_every_order_of_batches_that_share_emails_gives_one_and_the_same_table(new_aws) -> None:
    body = book(People=people(12, emails=5))
    ends = []
    for order in itertools.permutations(range(4)):
        engine = Engine(new_aws(), {"BATCH_SIZE": "3"})
        job = engine.drop(body)
        engine.split()
        bodies = sorted(engine.bodies("leads"), key=lambda body: json.loads(body)["batch_number"])
        for place in order:
            engine.worker().work([_record(bodies[place])])
        status, table = _seen(engine, job.job_id)
        text = json.dumps(table, default=str).replace(job.job_id, "<job>")
        ends.append((status, text))
    assert ends[0][0] == (Status.COMPLETED, 5, 0, 0, 7, 0)
    assert all(end[0] == ends[0][0] for end in ends)
    without_expiry = {_without_run_facts(end[1]) for end in ends}
    assert len(without_expiry) == 1


def _without_run_facts(text: str) -> str:
    items = json.loads(text)
    return json.dumps([{name: value for name, value in item.items() if name != "expires_at"} for item in items])


def test_every_batch_delivered_five_times_on_four_threads_counts_once(engine: Engine) -> None:
    job = engine.drop(book(People=people(24, emails=10)))
    engine.split()
    bodies = engine.bodies("leads") * 5

    def serve(mine: list[str]) -> None:
        for number, body in enumerate(mine):
            engine.worker().work([_record(body, number=number)])

    threads = [threading.Thread(target=serve, args=(bodies[place::4],)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job = engine.job(job.job_id)
    assert (job.status, job.rows, job.new, job.superseded, job.batches_done) == (Status.COMPLETED, 24, 10, 14, 8)
    assert transitions.balanced(job)
    assert len(engine.stored()) == 10


def test_the_later_row_wins_across_sheets_and_files(engine: Engine) -> None:
    header, first = ["Name", "Email", "Company"], ["Ann Old", "ann@example.com", "Old Co"]
    second, third = ["Ann New", "ANN@example.com ", "New Co"], ["Ann Next", "ann@example.com", "Next Co"]
    engine.drop(book(A=[header, first], B=[header, second]))
    engine.split()
    engine.work()
    (lead,) = engine.stored()
    assert (lead["company"], lead["worksheet"], lead["firstName"]) == ("New Co", "B", "Ann")
    later = engine.drop(book(C=[header, third]), key="uploads/leads/later.xlsx", at="2026-11-22T01:30:00.000Z")
    engine.split()
    engine.work()
    (now,) = engine.stored()
    assert (now["company"], now["lead_id"], now["createdAt"]) == ("Next Co", lead["lead_id"], lead["createdAt"])
    assert (engine.job(later.job_id).updated, now["updatedAt"]) == (1, "2026-11-22T01:30:00.000Z")


def test_an_upload_that_was_earlier_loses_even_when_its_batches_come_later(engine: Engine) -> None:
    header = ["Name", "Email", "Company"]
    early = engine.drop(book(A=[header, ["Ann Old", "ann@example.com", "Old"]]), key="uploads/leads/early.xlsx")
    engine.split()
    held = engine.bodies("leads")
    engine.drop(book(A=[header, ["Ann New", "ann@example.com", "New"]]), key="uploads/leads/late.xlsx",
                at="2026-11-22T01:30:00.000Z")
    engine.split()
    engine.work()
    engine.worker().work([_record(held[0])])
    assert engine.stored()[0]["company"] == "New"
    assert engine.job(early.job_id).superseded == 1


@pytest.mark.parametrize(("mode", "company", "title"), [
    ("overwrite", "New Co", None), ("fill_blanks", "Old Co", "Boss"), ("skip", "Old Co", "Boss")])
def test_the_dedupe_mode_decides_what_a_later_file_does(engine: Engine, mode: str, company: str, title: str) -> None:
    engine.drop(book(A=[["Name", "Email", "Company", "Title"], ["Ann Day", "ann@example.com", "Old Co", "Boss"]]))
    engine.split()
    engine.work()
    later = engine.drop(book(A=[["Name", "Email", "Company"], ["Ann Day", "ann@example.com", "New Co"]]),
                        key="uploads/leads/later.xlsx", at="2026-11-22T01:30:00.000Z")
    stored = engine.job(later.job_id)
    engine.services.ledger.write(stored, transitions.Change(assign={"options": {"dedupe": mode}}))
    engine.split()
    engine.work()
    (lead,) = engine.stored()
    assert (lead["company"], lead.get("title")) == (company, title)


def test_a_job_dropped_again_on_purpose_stores_no_lead_twice(engine: Engine) -> None:
    body = book(A=[*people(4), ["No", "Mail", "", "0412345678", "Some Co"]])
    engine.drop(body)
    engine.split()
    engine.work()
    before = len(engine.stored())
    again = engine.drop(body, key="uploads/leads/again.xlsx", at="2026-11-22T01:30:00.000Z")
    engine.services.ledger.write(engine.job(again.job_id), transitions.Change(assign={"again": True}))
    engine.split()
    engine.work()
    job = engine.job(again.job_id)
    assert (job.status, job.unchanged, job.duplicate_of) == (Status.COMPLETED, 5, "")
    assert len(engine.stored()) == before == 5


def test_a_poison_row_at_each_place_leaves_its_neighbours_stored(aws) -> None:
    engine = Engine(aws, {"BATCH_SIZE": "20"})

    def poisoned(batch, work):
        if any(item.get("Last Name") == "Poison" for item in batch.items):
            raise ContentRefused("the provider chokes")
        return engine.leads.process(batch, work)

    for place in range(20):
        rows = people(20)
        for row in rows[1:]:
            row[2] = f"{place}-{row[2]}"
        rows[place + 1][1] = "Poison"
        job = engine.drop(book(A=rows), key=f"uploads/leads/{place}.xlsx")
        engine.split()
        engine.work(replace(engine.leads, process=poisoned))
        job = engine.job(job.job_id)
        assert (job.status, job.new, job.rejected) == (Status.COMPLETED, 19, 1)
        assert engine.rejects(job) == [("A", place + 2, "POISON_ROW")]
    assert engine.depth("leads-dlq") == 0


def test_ten_polite_hand_backs_leave_the_dead_letters_empty(engine: Engine) -> None:
    job = engine.drop(book(A=people(3)))
    engine.split()
    waits = []

    def busy(batch, work):
        if len(waits) < 10:
            waits.append(1)
            raise Waiting(0, "tokens")
        return engine.leads.process(batch, work)

    assert engine.work(replace(engine.leads, process=busy)) == 11
    assert (engine.job(job.job_id).status, engine.depth("leads-dlq")) == (Status.COMPLETED, 0)


def test_a_batch_that_always_fails_is_received_three_times_then_dead_and_retry_completes_it(engine: Engine) -> None:
    job = engine.drop(book(A=people(6)))
    engine.split()
    received = []

    def broken(batch, work):
        if batch.number == 2:
            received.append(work.attempt)
            raise Transient("the provider is down")
        return engine.leads.process(batch, work)

    engine.work(replace(engine.leads, process=broken))
    engine.receive("leads")  # the receive after the last moves it to the dead letters
    ended = engine.job(job.job_id)
    assert received == [1, 2, 3]
    assert (ended.status, ended.new, ended.failed, ended.batches_failed) == (Status.COMPLETED, 3, 3, 1)
    assert engine.depth("leads-dlq") == 1
    missing = engine.services.call(control.missing_rows, job=ended)
    assert [(number, first.row, last.row) for number, first, last in missing] == [(2, 5, 7)]
    engine.services.call(control.retry, job_id=job.job_id, by="me")
    engine.split()
    assert engine.work() == 1
    healed = engine.job(job.job_id)
    assert (healed.status, healed.new, healed.failed, healed.run) == (Status.COMPLETED, 6, 0, 2)
    assert transitions.balanced(healed)


def test_a_dead_letter_redriven_after_its_batch_was_retried_is_harmless(engine: Engine) -> None:
    job = engine.drop(book(A=people(3)))
    engine.split()

    def broken(batch, work):
        raise Transient("down")

    engine.work(replace(engine.leads, process=broken))
    engine.receive("leads")
    (letter,) = engine.bodies("leads-dlq")
    engine.services.call(control.retry, job_id=job.job_id, by="me")
    engine.split()
    engine.work()
    engine.send("leads", letter)
    engine.work()
    assert (engine.job(job.job_id).new, engine.depth("leads")) == (3, 0)


def test_a_dead_letter_redriven_corrects_a_failed_batch_without_any_retry(engine: Engine) -> None:
    job = engine.drop(book(A=people(6)))
    engine.split()

    def broken(batch, work):
        if batch.number == 1:
            raise Transient("down")
        return engine.leads.process(batch, work)

    engine.work(replace(engine.leads, process=broken))
    engine.receive("leads")
    (letter,) = engine.bodies("leads-dlq")
    engine.send("leads", letter)
    engine.work()
    ended = engine.job(job.job_id)
    assert (ended.status, ended.new, ended.failed) == (Status.COMPLETED, 6, 0)


def test_a_worker_out_of_time_hands_on_instead_of_failing(engine: Engine) -> None:
    job = engine.drop(book(A=people(3)))
    engine.split()
    engine.work(context=Context(seconds=0.1), most=2)
    assert engine.job(job.job_id).batches_pending == 1
    engine.work()
    assert (engine.job(job.job_id).status, engine.depth("leads-dlq")) == (Status.COMPLETED, 0)


@pytest.mark.parametrize("body", ["not json", "{}", '{"v":1,"batch_number":1,"total_batches":1,"leads":[]}',
                                  '{"v":9,"upload_id":"x","batch_number":1,"total_batches":1,"leads":[{}]}',
                                  '{"v":1,"upload_id":"unknown","batch_number":1,"total_batches":1,"leads":[{}]}'])
def test_a_malformed_message_goes_to_the_dead_letters_as_it_is(engine: Engine, body: str) -> None:
    engine.send("leads", body)
    engine.work()
    assert engine.bodies("leads-dlq") == [body]


def test_without_partial_responses_a_failure_raises_and_the_good_messages_are_gone(aws) -> None:
    engine = Engine(aws, {"BATCH_SIZE": "3", "PARTIAL_BATCH": "0"})
    engine.drop(book(A=people(6)))
    engine.split()
    records = [engine.receive("leads"), engine.receive("leads")]

    def broken(batch, work):
        if batch.number == 2:
            raise Transient("down")
        return engine.leads.process(batch, work)

    with pytest.raises(Exception, match="messages failed"):
        engine.worker(replace(engine.leads, process=broken)).work(records)
    assert engine.depth("leads") == 1


def test_a_pipeline_that_loses_a_row_cannot_settle(engine: Engine) -> None:
    job = engine.drop(book(A=people(3)))
    engine.split()

    def careless(batch, work):
        processed = engine.leads.process(batch, work)
        return replace(processed, stored=processed.stored[1:])

    engine.work(replace(engine.leads, process=careless), most=3)
    assert (engine.job(job.job_id).new, engine.job(job.job_id).failed) == (0, 3)
