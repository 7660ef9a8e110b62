"""A job undone: what it created is gone, what it overwrote is back, what was changed since stays and is listed."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.adapters.lead_undo import LeadUndo
from chalicelib.errors import DropmillError, RequestRefused, Transient
from chalicelib.jobs import control, undo
from chalicelib.jobs.model import Job, Status, Undo
from tests.conftest import Aws
from tests.functional.engine import Context, Engine, Killed, Mortal, Until, book
from tests.functional.rest import Api, token

HEADER = ["First Name", "Last Name", "Email", "Company"]


@pytest.fixture
def engine(aws: Aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "5"})


def rows(first: int, last: int, company: str) -> list[list[str]]:
    return [HEADER] + [["Ada", f"Byron{number}", f"p{number}@example.com", company] for number in range(first, last)]


def done(engine: Engine, name: str, sheet: list[list[str]], at: str = "2026-11-22T01:00:00.000Z") -> Job:
    """Drop a sheet and see it through."""
    job = engine.drop(book(A=sheet), f"uploads/leads/{name}.xlsx", at)
    engine.split()
    engine.work()
    return engine.job(job.job_id)


def ask(engine: Engine, job: Job) -> Job:
    return engine.services.call(undo.undo, job_id=job.job_id, by="ada")


def serve(engine: Engine, seconds: float = 60) -> int:
    return engine.serve("tasks", lambda records: engine.services.task_worker(Context(seconds)).work(records), 200)


def undone(engine: Engine, job: Job) -> Job:
    ask(engine, job)
    serve(engine)
    return engine.job(job.job_id)


def counts(job: Job) -> tuple[int, int, int, int]:
    return job.undo_removed, job.undo_restored, job.undo_unchanged, job.undo_kept


def companies(engine: Engine) -> dict[str, str]:
    return {lead["email"]: lead["company"] for lead in engine.stored()}


def leads_only(engine: Engine) -> str:
    """The slots, tombstones too, without prior images."""
    return json.dumps([item for item in engine.table() if item["sk"] == "LEAD"], sort_keys=True, default=str)


def kept(engine: Engine, job: Job) -> list[tuple[str, str]]:
    return [(one.record_id, one.reason)
            for _, one in engine.services.undo_notes.kept(job.job_id, job.batches_total)]


# --- what it is for


def test_undo_of_fifty_created_and_thirty_updated_of_which_two_were_edited_since(api: Api, aws: Aws) -> None:
    engine = Engine(aws, {"BATCH_SIZE": "10"})
    done(engine, "first", rows(0, 30, "Old"))
    job = done(engine, "second", rows(0, 80, "New"), "2026-11-22T01:30:00.000Z")
    assert (job.new, job.updated) == (50, 30)
    edited = {lead["lead_id"] for lead in engine.stored() if lead["email"] in ("p3@example.com", "p29@example.com")}
    for lead_id in edited:
        assert api("PATCH", f"/leads/{lead_id}", {"title": "CEO"}).status == 200
    answer = api("POST", f"/status/{job.job_id}/undo")
    assert (answer.status, answer.json["undo"]["state"], answer.json["status"]) == (202, "running", "completed")
    serve(engine)
    told = api("GET", f"/status/{job.job_id}").json["undo"]
    assert (told["removed"], told["restored"], told["kept"], told["state"]) == (50, 28, 2, "done")
    report = api("GET", f"/status/{job.job_id}/report").json
    assert {(entry["leadId"], entry["reason"]) for entry in report["keptByUndo"]} == {(one, "edited") for one in edited}
    found = companies(engine)
    assert len(found) == 30
    assert {email for email, company in found.items() if company == "New"} == {"p29@example.com", "p3@example.com"}


def test_table_after_an_undo_is_the_table_before_the_job(engine: Engine) -> None:
    done(engine, "first", rows(0, 12, "Old"))
    before = leads_only(engine)
    job = done(engine, "second", rows(6, 20, "New"), "2026-11-22T01:30:00.000Z")
    job = undone(engine, job)
    assert (leads_only(engine), counts(job), job.undo) == (before, (8, 6, 0, 0), Undo.DONE)
    assert (job.status, job.new, job.updated) == (Status.COMPLETED, 8, 6)
    assert {"undo_started", "undone"} <= set(engine.kinds(job))


def test_rows_that_changed_nothing_are_put_back_too(engine: Engine) -> None:
    done(engine, "first", rows(0, 4, "Same"))
    before = leads_only(engine)
    job = undone(engine, done(engine, "second", [*rows(0, 4, "Same"), ["Bo", "X", "x@example.com", "Y"]],
                              "2026-11-22T01:30:00.000Z"))
    assert (counts(job), leads_only(engine)) == ((1, 0, 4, 0), before)


def test_undoing_twice_is_harmless_and_says_the_same(engine: Engine) -> None:
    job = undone(engine, done(engine, "first", rows(0, 12, "A")))
    again = undone(engine, job)
    assert (counts(again), again.run, again.undo_at) == (counts(job), job.run, job.undo_at)
    assert engine.depth("tasks") == 0


def test_an_undone_file_can_be_dropped_again(engine: Engine) -> None:
    sheet = rows(0, 7, "A")
    first = undone(engine, done(engine, "first", sheet))
    second = done(engine, "again", sheet, "2026-11-22T03:00:00.000Z")
    assert (first.sha256 != "", second.duplicate_of, second.new) == (True, "", 7)


def test_a_job_that_goes_on_cannot_be_undone(engine: Engine, api: Api) -> None:
    job = engine.drop(book(A=rows(0, 12, "A")))
    engine.split()
    engine.work(most=1)
    answer = api("POST", f"/status/{job.job_id}/undo")
    assert (answer.status, answer.code, engine.depth("tasks")) == (409, "CANNOT_UNDO", 0)
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    assert api("POST", f"/status/{job.job_id}/undo").status == 202
    serve(engine)
    assert (engine.job(job.job_id).undo, engine.stored()) == (Undo.DONE, [])


def test_an_undone_job_is_neither_resumed_nor_retried(engine: Engine) -> None:
    job = engine.drop(book(A=rows(0, 12, "A")))
    engine.split()
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    undone(engine, engine.job(job.job_id))
    for act in (control.resume, control.retry):
        with pytest.raises(RequestRefused):
            engine.services.call(act, job_id=job.job_id, by="ada")


def test_nobody_undoes_the_job_of_somebody_else(engine: Engine, api: Api) -> None:
    job = done(engine, "first", rows(0, 2, "A"))
    assert api.as_(token(org="others"))("POST", f"/status/{job.job_id}/undo").code == "UPLOAD_NOT_FOUND"
    assert len(engine.stored()) == 2


# --- changed since


def test_a_lead_whose_email_changed_stays_where_it_went(engine: Engine, api: Api) -> None:
    job = done(engine, "first", rows(0, 3, "A"))
    lead = next(lead for lead in engine.stored() if lead["email"] == "p1@example.com")
    api("PATCH", f"/leads/{lead['lead_id']}", {"email": "other@example.com"})
    job = undone(engine, job)
    assert (counts(job), list(companies(engine)), kept(engine, job)) == (
        (2, 0, 0, 1), ["other@example.com"], [(lead["lead_id"], "moved")])


def test_a_deleted_lead_stays_deleted(engine: Engine, api: Api) -> None:
    done(engine, "first", rows(0, 3, "Old"))
    job = done(engine, "second", rows(0, 3, "New"), "2026-11-22T01:30:00.000Z")
    lead = engine.stored()[0]
    api("DELETE", f"/leads/{lead['lead_id']}")
    job = undone(engine, job)
    assert (counts(job), kept(engine, job)) == ((0, 2, 0, 1), [(lead["lead_id"], "deleted")])
    assert set(companies(engine).values()) == {"Old"}
    assert lead["email"] not in companies(engine)


def test_a_lead_that_was_deleted_before_the_job_is_deleted_again(engine: Engine, api: Api) -> None:
    done(engine, "first", rows(0, 1, "Old"))
    engine.time.pass_(10)
    api("DELETE", f"/leads/{engine.stored()[0]['lead_id']}")
    before = leads_only(engine)
    job = done(engine, "second", rows(0, 1, "New"), "2099-11-22T01:30:00.000Z")
    assert len(engine.stored()) == 1
    assert (counts(undone(engine, job)), leads_only(engine)) == ((1, 0, 0, 0), before)


# --- several jobs on the same leads


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_jobs_on_the_same_leads_undone_in_any_order_leave_what_was_there_before(engine: Engine, order) -> None:
    done(engine, "base", rows(0, 2, "Base"))
    before = leads_only(engine)
    jobs = {name: done(engine, name, rows(0, 4, name.upper()), f"2026-11-22T02:0{place}:00.000Z")
            for place, name in enumerate("abc")}
    for name in order:
        undone(engine, jobs[name])
    assert leads_only(engine) == before


@pytest.mark.parametrize(("order", "shows"), [("a", "C"), ("b", "C"), ("c", "B"), ("ab", "C"), ("bc", "A"),
                                              ("cb", "A"), ("ac", "B"), ("ca", "B")])
def test_jobs_that_were_not_undone_keep_their_say(engine: Engine, order: str, shows: str) -> None:
    jobs = {name: done(engine, name, rows(0, 3, name.upper()), f"2026-11-22T02:0{place}:00.000Z")
            for place, name in enumerate("abc")}
    for name in order:
        undone(engine, jobs[name])
    assert set(companies(engine).values()) == {shows}


def test_a_lead_that_a_later_job_overwrote_is_listed_with_that_job(engine: Engine, api: Api) -> None:
    first = done(engine, "first", rows(0, 2, "A"))
    later = done(engine, "later", rows(0, 1, "B"), "2026-11-22T02:00:00.000Z")
    first = undone(engine, first)
    assert counts(first) == (1, 0, 0, 1)
    listed = api("GET", f"/status/{first.job_id}/report").json["keptByUndo"]
    assert [(entry["reason"], entry["byJobId"]) for entry in listed] == [("later_job", later.job_id)]


def test_two_jobs_on_the_same_leads_undone_at_the_same_time(new_aws) -> None:
    for seed in range(4):
        engine = Engine(new_aws(), {"BATCH_SIZE": "5"})
        jobs = [done(engine, name, rows(0, 15, name), f"2026-11-22T02:0{place}:00.000Z")
                for place, name in enumerate("abc")]
        for job in jobs:
            ask(engine, job)
        workers = [threading.Thread(target=_until_undone, args=(engine, jobs[(place + seed) % 3]))
                   for place in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert leads_only(engine) == "[]"


def _until_undone(engine: Engine, job: Job) -> None:
    undoer = engine.services.call(undo.Undoer, remaining=lambda: 60.0)
    for _ in range(50):
        try:
            undoer.run(job.job_id, run=job.run, by="ada")
        except DropmillError:
            continue
        return


# --- late messages, deaths, lost answers


def test_a_batch_that_comes_late_brings_nothing_back(engine: Engine) -> None:
    job = engine.drop(book(A=rows(0, 15, "A")))
    engine.split()
    bodies = engine.bodies("leads")
    engine.send("leads", bodies[0])
    engine.work()
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    job = undone(engine, engine.job(job.job_id))
    for body in bodies * 2:
        engine.send("leads", body)
    assert engine.work() == 6
    assert (engine.stored(), counts(job), engine.depth("leads-dlq")) == ([], (5, 0, 0, 0), 0)


@pytest.mark.parametrize("served", [False, True])
def test_a_batch_in_flight_while_its_job_is_undone_stores_nothing(engine: Engine, served: bool) -> None:
    job = engine.drop(book(A=rows(0, 10, "A")))
    engine.split()

    def meanwhile(batch, work):
        answer = engine.leads.process(batch, work)
        if engine.job(job.job_id).status is Status.PROCESSING:
            engine.services.call(control.cancel, job_id=job.job_id, by="ada")
            ask(engine, engine.job(job.job_id))
            if served:
                serve(engine)
        return answer

    engine.work(replace(engine.leads, process=meanwhile))
    serve(engine)
    now = engine.job(job.job_id)
    assert (engine.stored(), now.undo, now.new, now.cancelled) == ([], Undo.DONE, 0, 10)


def test_killed_before_any_write_an_undo_still_ends_with_the_same_counts(new_aws) -> None:
    fatal = 0
    while True:
        fatal += 1
        engine = Engine(new_aws(), {"BATCH_SIZE": "1"})
        done(engine, "first", rows(0, 2, "Old"))
        before = leads_only(engine)
        job = done(engine, "second", rows(0, 45, "New"), "2026-11-22T02:00:00.000Z")
        until = Until(fatal)
        real = engine.services
        lead_undo = LeadUndo(_Dying(real.lead_undo._client, until), real.lead_undo._table, clock=real.clock,
                             sleep=real.sleep, rng=real.rng)
        pipelines = {"leads": _replaced(engine, lead_undo)}
        ask(engine, job)
        dying = real.call(undo.Undoer, pipelines=pipelines, ledger=Mortal(real.ledger, until),
                          undo_notes=Mortal(real.undo_notes, until), remaining=lambda: 60.0)
        try:
            dying.run(job.job_id, run=job.run, by="ada")
        except Killed:
            serve(engine)
            now = engine.job(job.job_id)
            assert (leads_only(engine), counts(now), now.undo) == (before, (43, 2, 0, 0), Undo.DONE), fatal
            continue
        assert fatal > 8, "hardly any write was interrupted"
        return


def _replaced(engine: Engine, lead_undo: LeadUndo) -> Any:
    return replace(engine.leads, undo=lambda job, marks: lead_undo.put_back(job.owner, job.job_id, marks))


class _Dying:
    """A DynamoDB client whose process dies just before a transaction."""

    def __init__(self, real: Any, until: Until) -> None:
        self._real, self._until = real, until

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def transact_write_items(self, **request: Any) -> Any:
        self._until.write()
        return self._real.transact_write_items(**request)


def test_a_lost_answer_counts_once(engine: Engine) -> None:
    done(engine, "first", rows(0, 6, "Old"))
    job = done(engine, "second", rows(0, 45, "New"), "2026-11-22T02:00:00.000Z")

    class Forgetful:
        lost = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(real._client, name)

        def transact_write_items(self, **request: Any) -> Any:
            real._client.transact_write_items(**request)
            if Forgetful.lost < 3:
                Forgetful.lost += 1
                raise ReadTimeoutError(endpoint_url="x")

    real = engine.services.lead_undo
    forgetful = LeadUndo(Forgetful(), real._table, clock=engine.time, sleep=lambda _: None, rng=engine.services.rng)
    undoer = engine.services.call(undo.Undoer, pipelines={"leads": _replaced(engine, forgetful)},
                                  remaining=lambda: 60.0)
    ask(engine, job)
    for _ in range(3):
        with pytest.raises(Transient):
            undoer.run(job.job_id, run=job.run, by="ada")
    undoer.run(job.job_id, run=job.run, by="ada")
    assert counts(engine.job(job.job_id)) == (39, 6, 0, 0)


def test_undo_near_its_deadline_goes_on_in_another_invocation(new_aws) -> None:
    engine = Engine(new_aws(), {"BATCH_SIZE": "1"})
    job = done(engine, "first", rows(0, 45, "A"))
    ask(engine, job)
    assert serve(engine, seconds=0.1) == 3
    assert (counts(engine.job(job.job_id)), engine.stored()) == ((45, 0, 0, 0), [])


def test_a_job_that_moved_on_before_its_undo_began_is_left_alone(engine: Engine) -> None:
    job = engine.drop(book(A=rows(0, 10, "A")))
    engine.split()
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    message = undo.undo_message(engine.job(job.job_id), "ada")
    engine.services.call(control.resume, job_id=job.job_id, by="ada")
    engine.split()
    engine.work()
    engine.send("tasks", message)
    serve(engine)
    now = engine.job(job.job_id)
    assert (now.undo, now.status, len(engine.stored())) == (None, Status.COMPLETED, 10)


def test_an_image_that_expired_is_listed_and_what_the_job_created_is_removed_all_the_same(engine: Engine) -> None:
    done(engine, "first", rows(0, 2, "Old"))
    job = done(engine, "second", rows(0, 5, "New"), "2026-11-22T02:00:00.000Z")
    leads = engine.services.leads
    for item in engine.table():
        if item["sk"] == "PRIOR":
            leads.client.delete_item(TableName=leads.table, Key={"pk": {"S": item["pk"]}, "sk": {"S": "PRIOR"}})
    job = undone(engine, job)
    assert (counts(job), {reason for _, reason in kept(engine, job)}) == ((3, 0, 0, 2), {"image_expired"})
    assert set(companies(engine).values()) == {"New"}
