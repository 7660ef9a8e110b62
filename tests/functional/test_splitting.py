"""How a file becomes batches: planned once, sent at least once, whoever dies, comes twice or runs out of time."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

import pytest

from chalicelib.errors import DropmillError
from chalicelib.jobs import control, transitions
from chalicelib.jobs.model import Status
from tests.functional.engine import Context, Engine, Killed, book, mortal, people

TWO_SHEETS = book(A=people(5), B=people(4))
CUTS = {1: [(0, 2), (0, 3)], 2: [(0, 4), (0, 5)], 3: [(0, 6), (1, 2)], 4: [(1, 3), (1, 4)], 5: [(1, 5)]}
"""The batches of `TWO_SHEETS`, two rows each: sheet and row of every item."""


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "2", "SPOOL_PART_BATCHES": "2"})


class Hurried(Context):
    """Time for `most` looks at the clock, then none."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.looks = most

    def get_remaining_time_in_millis(self) -> int:
        self.looks -= 1
        return 60_000 if self.looks >= 0 else 0


class Between:
    """A real adapter; `act` happens once, just before the first call of `name`."""

    def __init__(self, real: Any, name: str, act: Any) -> None:
        self._real, self._name, self._acts = real, name, [act]

    def __getattr__(self, name: str) -> Any:
        if name == self._name and self._acts:
            self._acts.pop()()
        return getattr(self._real, name)


def _csv(rows: int, mark: str = "p") -> bytes:
    return ("First Name,Email\n" + "".join(f"Ada,{mark}{row}@example.com\n" for row in range(rows))).encode()


def test_every_batch_has_its_rows_and_its_head(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)
    engine.split()
    messages = sorted(map(json.loads, engine.bodies("leads")), key=lambda each: each["batch_number"])
    assert [[(item["_sheet"], item["_row"]) for item in each["leads"]] for each in messages] == list(CUTS.values())
    assert {(each["upload_id"], each["total_batches"], each["run"], each["v"]) for each in messages} == {
        (job.job_id, 5, 1, 1)}
    assert set(messages[2]["columns"]) == {"A", "B"}
    planned = engine.job(job.job_id)
    assert (planned.rows, planned.pending, planned.plan_parts, planned.sent) == (9, 9, 3, True)
    assert [(sheet.name, sheet.rows) for sheet in engine.services.ledger.sheets(job.job_id)] == [("A", 5), ("B", 4)]


def test_a_splitter_killed_before_any_write_leaves_what_the_next_one_completes(new_aws) -> None:
    engine = Engine(new_aws(), {"BATCH_SIZE": "2", "SPOOL_PART_BATCHES": "2"})
    for fatal in itertools.count(1):
        job = engine.drop(_csv(5, f"run{fatal}-"), f"uploads/leads/{fatal}.csv")
        died = False
        try:
            engine.splitter(**mortal(engine, fatal)).split(job.job_id)
        except Killed:
            died = True
        engine.split()
        planned = engine.job(job.job_id)
        assert (planned.rows, planned.batches_total, planned.sent, planned.plan_parts) == (5, 3, True, 2)
        assert engine.batches() == {1: [(0, 2), (0, 3)], 2: [(0, 4), (0, 5)], 3: [(0, 6)]}
        assert len(engine.spool(job)) == 4
        assert transitions.balanced(planned)
        if not died:
            break
    assert fatal > 12


def test_two_splitters_at_once_make_one_plan_and_send_everything(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)
    troubles = []

    def split() -> None:
        try:
            engine.splitter().split(job.job_id)
        except DropmillError as error:
            troubles.append(error)

    threads = [threading.Thread(target=split) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(error.retryable for error in troubles)
    engine.split()
    planned = engine.job(job.job_id)
    assert (planned.rows, planned.batches_total, planned.sent) == (9, 5, True)
    assert engine.batches() == CUTS
    assert len(engine.spool(job)) == 6


@pytest.mark.parametrize("looks", [0, 1, 2, 3])
def test_a_splitter_out_of_time_goes_on_in_another_invocation(shared: Engine, looks: int) -> None:
    job = shared.drop(book(A=people(5), B=people(4), C=[["a"], [str(looks)]]), f"uploads/leads/{looks}.xlsx")
    invocations = shared.serve("split", lambda records: shared.splitter(Hurried(looks)).work(records), most=50)
    assert 1 < invocations < 10
    assert (shared.job(job.job_id).sent, shared.batches()) == (True, CUTS)


@pytest.fixture(scope="module")
def shared(new_aws) -> Engine:
    return Engine(new_aws(), {"BATCH_SIZE": "2", "SPOOL_PART_BATCHES": "2"})


@pytest.mark.parametrize(("rows", "size", "batches"), [(99, 5, 20), (100, 10, 10), (1000, 10, 100), (1001, 20, 51)])
def test_automatic_batches_follow_the_tuning_table(automatic: Engine, rows: int, size: int, batches: int) -> None:
    job = automatic.drop(_csv(rows), f"uploads/leads/{rows}.csv")
    automatic.split()
    planned = automatic.job(job.job_id)
    assert (planned.batch_size, planned.batches_total, planned.rows) == (size, batches, rows)
    sent = [len(json.loads(body)["leads"]) for body in automatic.bodies("leads")]
    assert sorted(sent, reverse=True)[:-1] == [size] * (batches - 1)
    assert sum(sent) == rows


@pytest.fixture(scope="module")
def automatic(new_aws) -> Engine:
    return Engine(new_aws(), {"BATCH_SIZE": "auto"})


def test_a_message_stays_below_its_limit_whatever_is_in_it(aws) -> None:
    engine = Engine(aws, {"BATCH_SIZE": "32", "MESSAGE_BYTES": str(12 * 1024)})
    sheets = {"ü" * 28 + str(place): [["E-Mail", "Company"], [f"p{place}@example.com", "ö" * 30]]
              for place in range(40)}
    job = engine.drop(book(**sheets), "uploads/leads/" + "ä" * 200 + ".xlsx")
    engine.split()
    bodies = engine.bodies("leads")
    assert sum(len(json.loads(body)["leads"]) for body in bodies) == 40
    assert all(set(message["columns"]) == {item["_worksheet"] for item in message["leads"]}
               for message in map(json.loads, bodies))
    assert max(len(body.encode()) for body in bodies) <= 12 * 1024
    assert engine.job(job.job_id).batches_total == len(bodies) > 2


def test_a_row_too_large_for_a_message_travels_by_claim_check_and_is_stored(aws) -> None:
    engine = Engine(aws, {"BATCH_SIZE": "3", "MESSAGE_BYTES": str(16 * 1024)})
    rows = people(3)
    rows[0].append("Remarks")
    rows[2].append("much to say " * 1500)
    job = engine.drop(book(A=rows))
    engine.split()
    (body,) = engine.bodies("leads")
    assert [set(item) & {"_claim", "Email"} for item in json.loads(body)["leads"]] == [{"Email"}, {"_claim"}, {"Email"}]
    engine.send("leads", body)
    engine.work()
    ended = engine.job(job.job_id)
    assert (ended.status, ended.new, ended.rejected) == (Status.COMPLETED, 3, 0)
    large = next(lead for lead in engine.stored() if lead["email"] == "p1@example.com")
    assert large["remarks"].startswith("much to say")


def test_the_same_file_dropped_again_ends_as_a_duplicate_without_rows(engine: Engine) -> None:
    first = engine.drop(TWO_SHEETS)
    engine.split()
    second = engine.drop(TWO_SHEETS, "uploads/leads/again.xlsx")
    engine.split()
    ended = engine.job(second.job_id)
    assert (ended.status, ended.duplicate_of, ended.rows, ended.percentage) == (
        Status.COMPLETED, first.job_id, 0, 100)
    assert (ended.sha256, engine.spool(second)) == (engine.job(first.job_id).sha256, [])
    assert engine.batches() == CUTS


def test_another_owner_may_drop_the_same_file(engine: Engine) -> None:
    jobs = [engine.drop(TWO_SHEETS, f"uploads/leads/{owner}/people.xlsx") for owner in ("ann", "bob")]
    engine.split()
    assert [engine.job(job.job_id).rows for job in jobs] == [9, 9]


def test_of_two_identical_files_split_at_the_same_time_exactly_one_holds_the_rows(engine: Engine) -> None:
    first = engine.drop(TWO_SHEETS)
    second = engine.drop(TWO_SHEETS, "uploads/leads/twin.xlsx")
    overtake = Between(engine.services.ledger, "finish_plan", lambda: engine.splitter().split(second.job_id))
    engine.splitter(ledger=overtake).split(first.job_id)
    engine.split()
    loser, winner = engine.job(first.job_id), engine.job(second.job_id)
    assert (loser.status, loser.duplicate_of, loser.rows) == (Status.COMPLETED, second.job_id, 0)
    assert (winner.rows, winner.sent, engine.spool(first)) == (9, True, [])
    assert engine.batches() == CUTS


@pytest.mark.parametrize("how", ["cancelled", "errored"])
def test_the_claim_of_a_job_that_came_to_nothing_is_taken_over(engine: Engine, how: str) -> None:
    first = engine.drop(TWO_SHEETS)
    engine.split()
    act = control.cancel if how == "cancelled" else control.force_complete
    engine.services.call(act, job_id=first.job_id, by="me")
    second = engine.drop(TWO_SHEETS, "uploads/leads/again.xlsx")
    engine.split()
    third = engine.drop(TWO_SHEETS, "uploads/leads/third.xlsx")
    engine.split()
    assert (engine.job(second.job_id).rows, engine.job(third.job_id).duplicate_of) == (9, second.job_id)


def test_options_that_change_results_make_another_file(engine: Engine) -> None:
    jobs = []
    for place, options in enumerate([{}, {"dedupe": "skip"}, {"headerRow": 1}, {"note": "no result depends on it"}]):
        job = engine.drop(TWO_SHEETS, f"uploads/leads/{place}.xlsx")
        engine.services.ledger.write(job, transitions.Change(assign={"options": options}))
        engine.split()
        jobs.append(engine.job(job.job_id))
    assert [job.rows for job in jobs] == [9, 9, 9, 0]
    assert jobs[3].duplicate_of == jobs[0].job_id


@pytest.mark.parametrize("moment", ["put", "finish_plan"])
def test_a_job_cancelled_while_it_is_planned_stops_and_resume_completes_it(engine: Engine, moment: str) -> None:
    job = engine.drop(TWO_SHEETS)
    place = "blobs" if moment == "put" else "ledger"
    meddled = Between(getattr(engine.services, place), moment,
                      lambda: engine.services.call(control.cancel, job_id=job.job_id, by="me"))
    engine.serve("split", lambda records: engine.splitter(**{place: meddled}).work(records), most=9)
    stopped = engine.job(job.job_id)
    assert (stopped.status, stopped.planned, engine.depth("leads")) == (Status.CANCELLED, False, 0)
    engine.services.call(control.resume, job_id=job.job_id, by="me")
    engine.split()
    resumed = engine.job(job.job_id)
    assert (resumed.status, resumed.rows, resumed.pending, resumed.error) == (Status.PROCESSING, 9, 9, None)
    assert engine.batches() == CUTS


def test_a_job_cancelled_while_it_is_sent_sends_the_rest_only_when_resumed(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)
    meddled = Between(engine.services.queues, "send_many",
                      lambda: engine.services.call(control.cancel, job_id=job.job_id, by="me"))
    engine.splitter(queues=meddled).split(job.job_id)
    engine.split()
    assert set(engine.batches()) == {1, 2}
    engine.services.call(control.resume, job_id=job.job_id, by="me")
    engine.split()
    assert engine.batches() == CUTS


def test_a_splitter_that_fails_three_times_ends_the_job_and_retry_splits_it(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise DropmillError("no storage today")

    engine.serve("split", lambda records: engine.splitter(blobs=Broken()).work(records), most=9)
    failed = engine.job(job.job_id)
    assert (failed.status, failed.error["code"], failed.error["recoverable"]) == (Status.ERROR, "SPLIT_FAILED", True)
    engine.receive("split")  # the receive after the last moves it to the dead letters
    assert (engine.depth("split"), engine.depth("split-dlq")) == (0, 1)
    engine.services.call(control.retry, job_id=job.job_id, by="me")
    engine.split()
    assert (engine.job(job.job_id).rows, engine.job(job.job_id).error, engine.batches()) == (9, None, CUTS)


def test_a_split_that_died_half_way_and_was_given_up_is_completed_by_retry(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)
    with pytest.raises(Killed):
        engine.splitter(**mortal(engine, 5)).split(job.job_id)
    assert engine.job(job.job_id).plan_parts > 0
    engine.splitter().give_up(job.job_id, "killed again and again")
    engine.services.blobs.delete_prefix(f"work/{job.job_id}/")
    engine.services.call(control.retry, job_id=job.job_id, by="me")
    engine.split()
    assert (engine.job(job.job_id).rows, engine.batches()) == (9, CUTS)


def test_a_file_that_vanished_before_it_was_split_ends_its_job(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)
    client = engine.aws.client("s3")
    client.delete_object(Bucket=engine.services.blobs.bucket, Key=job.file_key, VersionId=job.version_id)
    engine.split()
    ended = engine.job(job.job_id)
    assert (ended.status, ended.error["code"]) == (Status.ERROR, "UPLOAD_NEVER_FINISHED")
    assert engine.depth("split") == 0


def test_a_twin_that_finds_the_file_gone_does_no_harm_to_the_plan(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)
    client = engine.aws.client("s3")

    def overtaken() -> None:
        engine.splitter().split(job.job_id)
        client.delete_object(Bucket=engine.services.blobs.bucket, Key=job.file_key, VersionId=job.version_id)

    engine.splitter(blobs=Between(engine.services.blobs, "download", overtaken)).split(job.job_id)
    assert (engine.job(job.job_id).status, len(engine.spool(job))) == (Status.PROCESSING, 6)
    assert engine.batches() == CUTS


@pytest.mark.parametrize("body", ["no json", "{}", '{"v":7,"job_id":"x"}', '{"v":1,"job_id":""}',
                                  '{"v":1,"job_id":"nobody"}'])
def test_a_split_message_that_nobody_understands_joins_the_dead_letters_as_it_is(shared: Engine, body: str) -> None:
    shared.send("split", body)
    shared.split()
    assert shared.bodies("split-dlq") == [body]


def test_a_splitter_that_sees_the_pinned_version_is_not_misled_by_a_newer_one(engine: Engine) -> None:
    job = engine.drop(TWO_SHEETS)
    engine.services.blobs.put(job.file_key, book(A=people(1)))
    engine.split()
    assert engine.job(job.job_id).rows == 9
