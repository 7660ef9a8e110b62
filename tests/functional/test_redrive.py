"""Dead letters go back on their queue: what was failed is pending again, counts once, and the jobs hear of it."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.api import redrive as edge
from chalicelib.bootstrap import services
from chalicelib.jobs import control, transitions
from chalicelib.jobs import undo as undoing
from chalicelib.jobs.model import Job
from tests.functional.dead import (
    bury,
    counts,
    die,
    everything,
    letters,
    operator,
    redrive,
    started,
    status,
    tasks,
)
from tests.functional.engine import Engine, book, people
from tests.functional.rest import Api


@pytest.fixture
def engine(aws: Any, api: Api) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3"})


def dead(engine: Engine, rows: int = 9, *numbers: int) -> Job:
    job = started(engine, people(rows))
    die(engine, *numbers)
    return engine.job(job.job_id)


def report(api: Api, job: Job) -> Any:
    return api("GET", f"/status/{job.job_id}/report").json


# --- a few, in the request


def test_a_dead_batch_is_redriven_by_its_id_and_its_job_ends_anew(api, engine):
    job = dead(engine, 9, 2)
    assert counts(job) == ("completed", 6, 0, 3)
    [letter] = letters(api)
    told = redrive(api, {"messageIds": [letter["messageId"]]})
    reopened = engine.job(job.job_id)
    assert (counts(reopened), reopened.run) == (("processing", 6, 3, 0), job.run + 1)
    assert transitions.balanced(reopened)
    assert report(api, job)["balance"]["balanced"]
    assert [(each["batchNumber"], each["fate"]) for each in told["letters"]] == [(2, "runs_again")]
    engine.work()
    ended = engine.job(job.job_id)
    assert (counts(ended), transitions.balanced(ended)) == (("completed", 9, 0, 0), True)
    assert report(api, job)["balance"]["balanced"]
    assert engine.depth("leads-dlq") == engine.depth("leads") == 0


def test_only_what_is_redriven_is_reopened(api, engine):
    job = dead(engine, 9)
    assert (job.status.value, job.error["code"]) == ("error", "ALL_BATCHES_FAILED")
    first = next(each for each in letters(api) if each["batchNumber"] == 1)
    redrive(api, {"messageIds": [first["messageId"]]})
    now = engine.job(job.job_id)
    assert (counts(now), now.error) == (("processing", 0, 3, 6), None)
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 3, 0, 6)
    assert sorted(each["batchNumber"] for each in letters(api)) == [2, 3]


def test_a_number_of_letters_is_redriven(api, engine):
    job = dead(engine, 9)
    told = redrive(api, {"count": 2})
    assert (len(told["letters"]), told["redrive"]["status"], told["redrive"]["moved"]) == (2, "completed", 2)
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (2, 1)
    assert engine.job(job.job_id).pending == 6


def test_percentage_never_falls_within_a_run(api, engine):
    job = dead(engine, 12, 3)
    seen = [(job.run, job.percentage)]
    redrive(api, {"count": 1})
    for _ in range(4):
        engine.work(most=1)
        now = engine.job(job.job_id)
        seen.append((now.run, now.percentage))
    assert all(later[1] >= earlier[1] for earlier, later in pairwise(seen) if later[0] == earlier[0])
    assert seen[-1] == (job.run + 1, 100)


def test_a_letter_that_failed_before_begins_its_new_life_without_failures(api, engine):
    job = started(engine, people(3))
    [body] = engine.bodies("leads")
    engine.send("leads", json.dumps({**json.loads(body), "failures": 2}))
    die(engine)
    redrive(api, {"count": 1})
    [again] = engine.bodies("leads")
    assert (json.loads(again)["failures"], json.loads(again)["run"]) == (0, engine.job(job.job_id).run)


def test_the_owner_stays_the_group_of_the_message(api, engine):
    started(engine, people(3), "uploads/leads/acme/people.xlsx")
    die(engine)
    redrive(api, {"count": 1})
    record = engine.receive("leads")
    assert record is not None
    assert record["attributes"]["MessageGroupId"] == "acme"


def test_a_message_that_dies_again_is_a_dead_letter_again_and_its_rows_are_failed_again(api, engine):
    job = dead(engine, 6, 2)
    redrive(api, {"count": 1})
    die(engine, 2)
    now = engine.job(job.job_id)
    assert (counts(now), transitions.balanced(now)) == (("completed", 3, 0, 3), True)
    assert report(api, job)["balance"]["balanced"]
    [letter] = letters(api)
    assert (letter["batchNumber"], letter["fate"]) == (2, "runs_again")
    redrive(api, {"count": 1})
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 6, 0, 0)


# --- what the ledger knows better


def test_redriving_what_was_done_meanwhile_counts_nothing(api, engine):
    job = dead(engine, 6, 2)
    engine.services.call(control.retry, job_id=job.job_id, by="ada")
    engine.split()
    engine.work()
    before = engine.job(job.job_id)
    assert counts(before) == ("completed", 6, 0, 0)
    told = redrive(api, {"count": 1})
    assert [each["fate"] for each in told["letters"]] == ["done"]
    engine.work()
    assert engine.job(job.job_id) == before


def test_the_letters_of_two_runs_of_one_batch_count_it_once(api, engine):
    job = dead(engine, 6, 2)
    engine.services.call(control.retry, job_id=job.job_id, by="ada")
    engine.split()
    die(engine, 2)
    assert len(letters(api)) == 2
    redrive(api, {"count": 2})
    assert engine.job(job.job_id).pending == 3
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 6, 0, 0)


def test_the_letter_of_an_old_run_alone_is_enough(api, engine):
    job = dead(engine, 6, 2)
    engine.services.call(control.retry, job_id=job.job_id, by="ada")
    engine.split()
    engine.bodies("leads")
    assert letters(api)[0]["fate"] == "runs"
    redrive(api, {"count": 1})
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 6, 0, 0)


def test_a_batch_that_dies_while_others_are_at_work_is_redriven_among_them(api, engine):
    job = started(engine, people(9))
    bodies = {json.loads(body)["batch_number"]: body for body in engine.bodies("leads")}
    engine.send("leads", bodies[2])
    die(engine, 2)
    assert counts(engine.job(job.job_id)) == ("processing", 0, 6, 3)
    redrive(api, {"count": 1})
    assert counts(engine.job(job.job_id)) == ("processing", 0, 9, 0)
    for number in (3, 1):
        engine.send("leads", bodies[number])
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 9, 0, 0)


def test_a_letter_of_a_cancelled_job_does_nothing_and_resuming_sends_it_anew(api, engine):
    job = started(engine, people(9))
    die_first(engine, 2)
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    before = engine.job(job.job_id)
    told = redrive(api, {"count": 1})
    assert [each["fate"] for each in told["letters"]] == ["cancelled"]
    engine.work()
    assert engine.job(job.job_id) == before
    engine.services.call(control.resume, job_id=job.job_id, by="ada")
    engine.split()
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 6, 0, 3)
    engine.services.call(control.retry, job_id=job.job_id, by="ada")
    engine.split()
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 9, 0, 0)


def die_first(engine: Engine, number: int) -> None:
    """This batch dies, the others wait on."""
    bodies = {json.loads(body)["batch_number"]: body for body in engine.bodies("leads")}
    engine.send("leads", bodies.pop(number))
    die(engine, number)
    for body in bodies.values():
        engine.send("leads", body)


def test_a_letter_of_an_undone_job_does_nothing(api, engine):
    job = dead(engine, 6, 2)
    engine.services.call(undoing.undo, job_id=job.job_id, by="ada")
    tasks(engine)
    before = engine.job(job.job_id)
    assert [each["fate"] for each in redrive(api, {"count": 1})["letters"]] == ["undone"]
    engine.work()
    assert engine.job(job.job_id) == before


def test_a_letter_of_a_job_that_was_ended_by_force_reopens_all_that_is_missing(api, engine):
    job = started(engine, people(9))
    die_first(engine, 2)
    engine.bodies("leads")
    engine.services.call(control.force_complete, job_id=job.job_id, by="boss")
    assert counts(engine.job(job.job_id)) == ("error", 0, 0, 9)
    told = redrive(api, {"count": 1})
    assert [each["fate"] for each in told["letters"]] == ["all_run_again"]
    engine.split()
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 9, 0, 0)


def test_letters_that_nobody_understands_or_whose_job_is_gone_come_back(api, engine):
    job = dead(engine, 3)
    engine.send("leads", "no JSON at all")
    engine.work()
    ledger = {"TableName": engine.name("ledger"), "Key": {"pk": {"S": f"JOB#{job.job_id}"}, "sk": {"S": "JOB"}}}
    engine.aws.client("dynamodb").delete_item(**ledger)
    told = redrive(api, {"count": 2})
    assert told["fates"] == {"comes_back": 2}
    engine.work()
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (0, 2)


def test_a_batch_from_outside_is_redriven_too(api, engine):
    rows = [{"firstName": "Ada", "lastName": f"B{row}", "email": f"{row}@example.com"} for row in range(2)]
    engine.send("leads", {"batch_id": "b", "upload_id": "theirs", "source_file": "x.csv", "batch_number": 1,
                          "total_batches": 1, "leads": rows})
    die(engine)
    assert counts(engine.job("theirs")) == ("error", 0, 0, 2)
    assert [each["fate"] for each in redrive(api, {"count": 1})["letters"]] == ["runs_again"]
    engine.work()
    assert counts(engine.job("theirs")) == ("completed", 2, 0, 0)


def test_a_file_whose_splitting_died_is_split_by_a_redrive(api, engine):
    job = engine.drop(book(A=people(3)))
    [body] = engine.bodies("split")
    engine.services.splitter(Ending()).give_up(job.job_id, "Boom")
    engine.send("split-dlq", body)
    [letter] = letters(api, "split")
    assert (letter["fate"], letter["cause"], letter["jobStatus"]) == ("splits_again", "SPLIT_FAILED", "error")
    redrive(api, {"count": 1}, "split")
    assert engine.job(job.job_id).status.value == "uploaded"
    engine.split()
    engine.work()
    assert counts(engine.job(job.job_id)) == ("completed", 3, 0, 0)


class Ending:
    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


# --- all, by the task worker


def test_all_goes_through_the_task_worker_and_says_so_as_it_goes(api, engine):
    first, second = dead(engine, 36), dead(engine, 39)
    asked = everything(api)
    assert (asked["status"], asked["deadBefore"], engine.depth("leads-dlq")) == ("pending", 25, 25)
    tasks(engine)
    told = status(api, asked)
    assert (told["status"], told["moved"], told["fates"], told["jobCount"]) == (
        "completed", 25, {"runs_again": 25}, 2)
    assert set(told["jobs"]) == {first.job_id, second.job_id}
    assert (engine.depth("leads"), engine.depth("leads-dlq"), engine.depth("tasks")) == (25, 0, 0)
    engine.work()
    ended = [engine.job(job.job_id) for job in (first, second)]
    assert [(job.status.value, job.batches_done, job.failed) for job in ended] == [
        ("completed", 12, 0), ("completed", 13, 0)]


def test_a_redrive_that_takes_longer_than_an_invocation_goes_on_in_the_next(api, engine):
    dead(engine, 75)
    asked = everything(api)
    moved = []
    while engine.depth("tasks"):
        tasks(engine, most=1, context=OneGroup())
        moved.append(status(api, asked)["moved"])
    assert moved == [10, 20, 25, 25]  # the last one sees that there are no more
    assert status(api, asked)["status"] == "completed"


class OneGroup:
    """Lambda's context of an invocation that has time for one group: it looks at the clock before each."""

    def __init__(self) -> None:
        self.looks = 0

    def get_remaining_time_in_millis(self) -> int:
        self.looks += 1
        return 60_000 if self.looks == 1 else 0


def test_what_dies_again_on_the_way_is_not_redriven_for_ever(api, engine):
    job = dead(engine, 36)
    asked = everything(api)
    tasks(engine, most=1, context=OneGroup())
    assert status(api, asked)["moved"] == 10
    die(engine)
    assert engine.depth("leads-dlq") == 12
    tasks(engine)
    told = status(api, asked)
    assert (told["status"], told["moved"]) == ("completed", 12)
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (2, 10)
    assert transitions.balanced(engine.job(job.job_id))


def test_a_large_number_and_many_ids_are_tasks_too(api, engine):
    dead(engine, 75)
    ids = [letter["messageId"] for letter in letters(api)][:21]
    by_id = redrive(api, {"messageIds": ids}, status=202)["redrive"]
    tasks(engine)
    assert status(api, by_id)["moved"] == 21
    by_number = redrive(api, {"count": 30}, status=202)["redrive"]
    tasks(engine)
    assert (status(api, by_number)["moved"], engine.depth("leads-dlq")) == (4, 0)


def test_a_task_that_comes_twice_or_is_about_nothing_changes_nothing(api, engine):
    dead(engine, 9)
    asked = everything(api)
    tasks(engine)
    told, job_depth = status(api, asked), engine.depth("leads")
    for redrive_id in (asked["redriveId"], "20260101T000000000-never"):
        engine.send("tasks", {"v": 1, "task": "redrive", "redriveId": redrive_id})
    tasks(engine)
    assert (status(api, asked), engine.depth("leads"), engine.depth("tasks-dlq")) == (told, job_depth, 0)


def test_letters_that_somebody_holds_are_fetched_later(api, engine):
    dead(engine, 3)
    held = services().queues.receive(engine.name("leads-dlq"), seconds=60)
    asked = everything(api)
    tasks(engine)
    assert status(api, asked)["status"] == "processing"
    services().queues.release(engine.name("leads-dlq"), held)
    engine.send("tasks", {"v": 1, "task": "redrive", "redriveId": asked["redriveId"]})  # the delayed one
    tasks(engine)
    assert (status(api, asked)["status"], status(api, asked)["moved"]) == ("completed", 1)


def test_a_redrive_that_nobody_works_on_any_more_says_so(api, engine):
    dead(engine, 3)
    asked = everything(api)
    engine.services.call(edge.give_up, redrive_id=asked["redriveId"], cause="Transient")
    told = status(api, asked)
    assert (told["status"], told["cause"], told["moved"]) == ("error", "Transient", 0)
    tasks(engine)
    assert status(api, asked)["status"] == "completed"


# --- every queue, since each has a role of its own to ask for


@pytest.mark.parametrize("queue", ["split", "leads", "products", "prices", "images", "tasks"])
def test_every_queue_is_redriven_in_the_request_and_by_the_task(api, engine, queue):
    for text in ("first", "second"):
        engine.send(f"{queue}-dlq", text)
    redrive(api, {"count": 1}, queue)
    assert (engine.bodies(queue) in (["first"], ["second"]), engine.depth(f"{queue}-dlq")) == (True, 1)
    asked = everything(api, queue)
    tasks(engine, most=1)
    assert status(api, asked)["moved"] == 1
    assert (len(engine.bodies(queue)), engine.depth(f"{queue}-dlq")) == (1, 0)


def test_a_task_of_the_dead_runs_again(api, engine):
    engine.send("tasks-dlq", {"v": 1, "task": "erase", "erasureId": "nobody"})
    assert [each["fate"] for each in redrive(api, {"count": 1}, "tasks")["letters"]] == ["task_runs_again"]
    assert (tasks(engine), engine.depth("tasks"), engine.depth("tasks-dlq")) == (1, 0, 0)


# --- asking


def test_a_dry_run_touches_nothing(api, engine):
    job = dead(engine, 9)
    before = engine.job(job.job_id), engine.kinds(job)
    for asked in ({"all": True}, {"count": 2}, {"messageIds": [letters(api)[0]["messageId"], "unknown"]}):
        told = redrive(api, {**asked, "dryRun": True})
        assert (told["dryRun"], told["redrive"]) == (True, None)
        assert told["fates"] == {"runs_again": {"all": 3, "count": 2}.get(next(iter(asked)), 1)}
    assert told["notFound"] == ["unknown"]
    assert (engine.job(job.job_id), engine.kinds(job)) == before
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (0, 3)
    assert operator(api)("GET", "/queues").json["redrives"] == []


@pytest.mark.parametrize("body", [
    {}, {"all": True}, {"all": True, "confirm": "products"}, {"all": True, "count": 1, "confirm": "leads"},
    {"count": 0}, {"messageIds": []}, {"messageIds": ["../x"]}, {"messageIds": ["a"] * 101}, {"count": 1, "other": 2}])
def test_what_is_not_clearly_asked_for_is_refused(api, engine, body):
    dead(engine, 3)
    answer = operator(api)("POST", "/queues/leads/redrive", body)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert (engine.depth("leads"), engine.depth("leads-dlq"), engine.depth("tasks")) == (0, 1, 0)


def test_ids_that_are_not_found_are_named(api, engine):
    dead(engine, 3)
    told = redrive(api, {"messageIds": ["nobody", letters(api)[0]["messageId"]]})
    assert (told["notFound"], told["redrive"]["moved"], told["complete"]) == (["nobody"], 1, True)


def test_the_same_key_redrives_once(api, engine):
    dead(engine, 9)
    answers = [redrive(api, {"count": 1}, **{"idempotency-key": "k"}) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert (engine.depth("leads"), engine.depth("leads-dlq")) == (1, 2)


def test_redrives_at_the_same_time_count_a_message_once(api, engine):
    job = dead(engine, 9)
    ids = [letter["messageId"] for letter in letters(api)]
    moved: list[int] = []
    barrier = threading.Barrier(3)

    def act() -> None:
        barrier.wait()
        moved.append(redrive(api, {"messageIds": ids})["redrive"]["moved"])

    threads = [threading.Thread(target=act) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    redrive(api, {"messageIds": ids})  # what each of them may have left to another
    engine.work()
    now = engine.job(job.job_id)
    assert (sum(moved) <= 3, counts(now), transitions.balanced(now)) == (True, ("completed", 9, 0, 0), True)
    bury(engine, "leads")
    assert engine.depth("leads-dlq") == 0


# --- who did it


def test_a_redrive_leaves_a_record_and_each_job_hears_of_it(api, engine):
    job = dead(engine, 9)
    redrive(api, {"count": 3}, **{"x-correlation-id": "c-1"})
    told = operator(api)("GET", "/queues").json["redrives"]
    assert [tuple(each[name] for name in ("by", "queue", "asked", "moved", "status", "jobs")) for each in told] == [
        ("olga", "leads", "3", 3, "completed", [job.job_id])]
    assert told[0]["requestId"]
    [event] = [event for event in engine.services.ledger.events(job.job_id).events if event.kind == "redriven"]
    assert {**event.detail, "requestId": "", "redrive": ""} == {
        "by": "olga", "queue": "leads", "messages": 3, "batches": [1, 2, 3], "requestId": "", "redrive": ""}


def test_the_latest_redrives_come_first(api, engine):
    dead(engine, 9)
    ids = [redrive(api, {"count": 1})["redrive"]["redriveId"] for _ in range(3)]
    assert [each["redriveId"] for each in operator(api)("GET", "/queues").json["redrives"]] == ids[::-1]


def test_a_redrive_is_not_found_under_another_queue(api, engine):
    dead(engine, 3)
    told = redrive(api, {"count": 1})["redrive"]
    assert operator(api)("GET", f"/queues/products/redrives/{told['redriveId']}").code == "NOT_FOUND"
    assert operator(api)("GET", "/queues/leads/redrives/20260101T000000000-x").code == "NOT_FOUND"
