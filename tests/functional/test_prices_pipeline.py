"""Price lists come in, bills are matched, matched again and undone: once each, whatever happens on the way."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.deepseek import Completion, Usage
from chalicelib.adapters.price_results import Row
from chalicelib.errors import Transient
from chalicelib.jobs import control, intake, transitions, undo
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.settling import Settler
from chalicelib.jobs.worker import Worker
from chalicelib.local.fakes.convex import FakeConvex
from chalicelib.pipelines.prices import pipeline as prices
from chalicelib.pipelines.prices.match import chosen, query_of
from tests.conftest import Aws
from tests.fixtures.prices import bill, list_ids, price_list, right_codes
from tests.functional.engine import Context, Engine, Killed, Mortal, Until, book

OWNER = "ann"
SMALL = {"PRICES_BATCH_SIZE": "6"}


class Prices(Engine):
    """The engine with the prices queue, and what these tests do again and again."""

    def given(self, sheets: Mapping[str, list[list[Any]]], owner: str = OWNER, *, again: bool = False,
              **options: Any) -> Job:
        """A file that came with a request, planned and sent."""
        self.time.pass_(60)
        job = self.services.call(
            intake.receive, owner=owner, subject="s", pipeline="prices", file_name="file.xlsx", body=book(**sheets),
            options=options, again=again)
        self.services.call(control.process, event={"jobId": job.job_id})
        self.split()
        return self.job(job.job_id)

    def work(self, most: int = 1000) -> int:  # type: ignore[override]
        return self.serve("prices", lambda records: self.served_by().work(records), most)

    def served_by(self, **parts: Any) -> Worker:
        built = self.services.call(Worker, pipeline=self.services.pipelines["prices"], remaining=lambda: 60.0)
        return replace(built, **parts)

    def done(self, sheets: Mapping[str, list[list[Any]]], owner: str = OWNER, **more: Any) -> Job:
        job = self.given(sheets, owner, **more)
        self.work()
        return self.job(job.job_id)

    def listed(self, owner: str = OWNER, rows: list[list[str]] | None = None, name: str = "main") -> Job:
        """A price list, imported."""
        job = self.done({"List": rows or price_list()}, owner, priceList=name)
        assert job.status is Status.COMPLETED
        return job

    def rows(self, job: Job) -> list[Row]:
        return list(self.services.price_results.walk(job, self.services.ledger.sheets(job.job_id)))

    def deliver(self, body: str, **parts: Any) -> dict[str, Any]:
        record = {"messageId": "m", "receiptHandle": "none", "body": body,
                  "attributes": {"ApproximateReceiveCount": "1"}}
        return self.served_by(**parts).work([record])

    def sent(self) -> list[str]:
        """The batches in the queue, in order."""
        return sorted(self.bodies("prices"), key=lambda body: json.loads(body)["batch_number"])

    def undone(self, job: Job) -> Job:
        """Undone by the task worker, who is asked twice."""
        for _ in range(2):
            self.services.call(undo.undo, job_id=job.job_id, by="ann")
            self.serve("tasks", lambda records: self.services.task_worker(Context()).work(records), 10)
        return self.job(job.job_id)

    def rematch(self, base: Job, **options: Any) -> Job:
        """Another job over the same file, planned and sent."""
        self.time.pass_(60)
        now = self.time.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        job = Job(job_id=f"r{base.job_id[:20]}{self.time.now:%H%M%S}", owner=base.owner, pipeline="prices",
                  status=Status.PENDING, file_name=base.file_name, file_key=base.file_key, created_at=now,
                  updated_at=now, uploaded_at=now, bucket=base.bucket, version_id=base.version_id,
                  file_size=base.file_size, options={**options, "rematch": base.job_id}, again=True, requested_by="s")
        self.services.ledger.create(job)
        self.services.call(control.process, event={"jobId": job.job_id})
        self.split()
        return self.job(job.job_id)


@pytest.fixture
def engine(aws: Aws) -> Prices:
    return Prices(aws, SMALL)


def place(row: Row) -> tuple[str, int]:
    return str(row["worksheet"]), int(row["rowNumber"])


def told(rows: list[Row], job: Job) -> str:
    """Rows as text, without what differs between two jobs."""
    text = json.dumps(rows, sort_keys=True).replace(job.job_id, "<job>")
    return text.replace(job.uploaded_at, "<at>").replace(str(job.expires_at), "0")


# --- lists


def test_a_list_is_imported_with_its_headings_and_its_faulty_rows_are_rejects(engine: Prices) -> None:
    rows = [["Code", "Description", "Unit", "Rate"], ["", "DRAINAGE", "", ""], ["", "Pipes", "", ""],
            ["P1", "Pipe DN110", "m", "12,50"], ["P2", "Pipe DN160", "m", "on request"], ["P3", "Pipe DN200", "m", ""],
            ["P4", "", "m", "3"], ["", "Covers", "", ""], ["C1", "Cover", "nr", "€ 1.200,00"]]
    job = engine.listed(rows=rows)
    assert (job.rows, job.new, job.rejected) == (5, 2, 3)
    assert engine.rejects(job) == [("List", 5, "NOT_A_NUMBER"), ("List", 6, "NO_RATE"), ("List", 7, "NO_DESCRIPTION")]
    (sheet,) = engine.services.ledger.sheets(job.job_id)
    assert (sheet.physical, sheet.header, dict(sheet.skipped), sheet.rows) == (9, 1, {"section": 3}, 5)
    (found,) = engine.services.price_lists.listing(OWNER)
    assert (found.name, found.version, found.items, found.list_id) == ("main", 1, 2, job.job_id)
    items = engine.services.price_lists.load(found).items
    assert [(item.id, item.code, item.rate, item.category, item.subcategory) for item in items] == [
        ("1-4", "P1", Decimal("12.5"), "DRAINAGE", "Pipes"), ("1-9", "C1", Decimal(1200), "DRAINAGE", "Covers")]


def test_a_snapshot_has_the_same_bytes_whoever_makes_it(engine: Prices) -> None:
    job = engine.listed()
    key = f"price-lists/{job.job_id}/snapshot.jsonl.gz"
    made = engine.services.blobs.get(key)
    engine.services.blobs.delete(key)
    engine.services.price_lists.compile(job.job_id)
    assert engine.services.blobs.get(key) == made
    found = engine.services.price_lists.get(OWNER, job.job_id)
    assert found is not None
    assert {item.code: item.id for item in engine.services.price_lists.load(found).items} == list_ids()


def test_a_list_that_grew_by_a_retry_is_compiled_anew(engine: Prices) -> None:
    job = engine.listed()
    found = engine.services.price_lists.get(OWNER, job.job_id)
    assert found is not None
    before = engine.services.price_lists.load(found)
    engine.services.price_lists.write_part(job.job_id, 1, before.items[:5])
    assert engine.services.price_lists.load(found) is before
    grown = replace(found, items=21)
    assert len(engine.services.price_lists.load(grown).items) == 5


# --- matching


def test_the_known_bill_has_the_known_answers(engine: Prices) -> None:
    made = engine.listed()
    job = engine.done(bill())
    assert (job.status, job.rows, job.new, job.rejected, dict(job.tallies)) == (
        Status.COMPLETED, 24, 24, 0, {"accepted": 20, "unmatched": 4})
    assert transitions.balanced(job)
    rows = {place(row): row for row in engine.rows(job)}
    right, ids = right_codes(), list_ids()
    assert {where: row["matchedCode"] for where, row in rows.items()} == right
    assert all(row["matchedItemId"] == ids.get(right[where] or "") for where, row in rows.items())
    assert {row["listId"] for row in rows.values()} == {made.job_id}
    trench, fountain, column = rows["A", 4], rows["A", 6], rows["A", 10]
    assert (trench["originalQuantity"], trench["matchedRate"], trench["totalPrice"]) == ("1250.5", "18.75", "23446.875")
    assert trench["contextHeaders"] == ["EARTHWORKS"]
    assert rows["B", 13]["contextHeaders"] == ["POWER", "Inside the building"]
    assert column["originalUnit"] == "m³"
    assert not column["unitMismatch"]
    assert (fountain["tier"], fountain["matchedRate"], fountain["totalPrice"]) == ("unmatched", None, None)
    assert fountain["confidence"] < 0.4


def test_every_order_of_batches_delivered_twice_gives_one_and_the_same_result(aws: Aws) -> None:
    engine = Prices(aws, {"PRICES_BATCH_SIZE": "8"})
    engine.listed()
    ends = set()
    for order in itertools.permutations(range(3)):
        job = engine.given(bill(), again=True)
        bodies = engine.sent()
        for number in order:
            engine.deliver(bodies[number])
            engine.deliver(bodies[order[0]])
        job = engine.job(job.job_id)
        ends.add((job.status, job.new, job.batches_done, tuple(sorted(job.tallies.items())),
                  told(engine.rows(job), job)))
    assert len(ends) == 1
    assert next(iter(ends))[:3] == (Status.COMPLETED, 24, 3)


def test_every_batch_delivered_on_four_threads_counts_once(engine: Prices) -> None:
    engine.listed()
    base = engine.done(bill())
    engine.listed(rows=longer_list())
    again, rematch = engine.given(bill(), again=True), engine.rematch(base)
    bodies = engine.sent() * 3
    threads = [threading.Thread(target=lambda mine=bodies[place::4]: [engine.deliver(body) for body in mine])
               for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again, rematch, base = (engine.job(job.job_id) for job in (again, rematch, base))
    assert (again.status, again.new, dict(again.tallies)) == (Status.COMPLETED, 24, {"accepted": 23, "unmatched": 1})
    assert (rematch.status, rematch.updated + rematch.unchanged) == (Status.COMPLETED, 4)
    assert dict(base.tallies) == {"accepted": 23, "unmatched": 1}
    assert transitions.balanced(again)
    assert transitions.balanced(rematch)


def test_a_batch_from_outside_is_matched_with_the_owners_newest_list(engine: Prices) -> None:
    made = engine.listed()
    engine.time.pass_(60)
    body = {"upload_id": "outside1", "user_id": OWNER, "batch_number": 1, "total_batches": 1, "items": [
        {"description": "Cable NYY-J 5x16 mm2 in conduit", "quantity": 5, "unit": "m"}, {"quantity": 5}]}
    engine.send("prices", body)
    engine.work()
    job = engine.job("outside1")
    assert (job.status, job.new, job.rejected) == (Status.COMPLETED, 1, 1)
    (row,) = engine.rows(job)
    assert (row["matchedCode"], row["totalPrice"], row["listId"]) == ("EL-4010", "107.25", made.job_id)


def test_a_row_too_long_for_a_message_is_matched_and_kept_in_part(engine: Prices) -> None:
    engine.listed()
    text = "Cable NYY-J 5x16 mm2 in conduit"
    wide = [f"Column {number}" for number in range(10)]
    job = engine.done({"A": [["Description", "Qty", *wide], [text, "5", *(["x" * 30_000] * 10)]]})
    (row,) = engine.rows(job)
    assert (row["matchedCode"], set(row["originalRowData"])) == ("EL-4010", {"Description", "Qty"})
    assert row["notes"].endswith("the row is kept in part: it is too long")


def mortal(engine: Prices, until: Until) -> dict[str, Any]:
    """What a worker writes with, which dies before a certain write: ledger, queues, and what its pipeline writes."""
    real = engine.services
    writing = type("Writing", (Mortal,), {"WRITES": frozenset({"ensure", "write_part", "compile", "settle", "send"})})
    ledger, lists = writing(real.ledger, until), writing(real.price_lists, until)
    built = real.call(prices.build, price_lists=lists)
    settler = real.call(Settler, ledger=ledger)
    return {"pipeline": built, "ledger": ledger, "settler": settler}


@pytest.mark.parametrize("kind", ["list", "bill"])
def test_a_worker_that_dies_before_any_of_its_writes_leaves_nothing_half_done(engine: Prices, kind: str) -> None:
    engine.listed()
    ends, deaths = set(), 0
    for fatal in itertools.count(1):
        sheets, options = ({"L": price_list()}, {"priceList": "main"}) if kind == "list" else (bill(), {})
        job = engine.given(sheets, again=True, **options)
        until = Until(fatal)
        parts = mortal(engine, until)
        for body in engine.sent():
            try:
                engine.deliver(body, **parts)
            except Killed:
                deaths += 1
            engine.deliver(body)
        job = engine.job(job.job_id)
        assert transitions.balanced(job)
        found = engine.services.price_lists.get(OWNER, job.job_id)
        items = engine.services.price_lists.load(found).items if found else ()
        ends.add((job.status, job.new, tuple(sorted(job.tallies.items())), told(engine.rows(job), job), items))
        if until.seen < fatal:
            break
    assert deaths == 4  # registered, part, settled, snapshot; or four batches
    assert len(ends) == 1


def test_a_bill_without_any_list_says_so_and_is_matched_when_there_is_one(engine: Prices) -> None:
    job = engine.given(bill())
    assert (job.status, job.error and job.error["code"]) == (Status.ERROR, "NO_PRICE_LIST")
    made = engine.listed()
    engine.time.pass_(60)
    engine.services.call(control.retry, job_id=job.job_id, by="ann")
    engine.split()
    engine.work()
    healed = engine.job(job.job_id)
    assert (healed.status, healed.new, healed.error) == (Status.COMPLETED, 24, None)
    assert {row["listId"] for row in engine.rows(healed)} == {made.job_id}


def test_a_list_that_nobody_knows_or_that_has_not_ended_is_no_list(engine: Prices) -> None:
    assert engine.given(bill(), listId="unknown").error["code"] == "NO_PRICE_LIST"  # type: ignore[index]
    running = engine.given({"L": price_list()}, priceList="main")
    engine.services.price_lists.ensure(running)
    job = engine.given(bill(), listId=running.job_id)
    assert job.error is not None
    assert (job.error["code"], "still being imported" in job.error["message"]) == ("NO_PRICE_LIST", True)


def test_another_owners_list_is_no_list(engine: Prices) -> None:
    made = engine.listed(owner="bob")
    assert engine.given(bill(), listId=made.job_id).error["code"] == "NO_PRICE_LIST"  # type: ignore[index]
    assert engine.given(bill(), again=True).error["code"] == "NO_PRICE_LIST"  # type: ignore[index]


def test_a_job_keeps_the_list_that_it_was_planned_with(engine: Prices) -> None:
    first = engine.listed()
    job = engine.given(bill())
    bodies = engine.sent()
    engine.listed(rows=[price_list()[0], *price_list()[2:]])
    for body in bodies:
        engine.deliver(body)
    assert {row["listId"] for row in engine.rows(job)} == {first.job_id}


def test_rows_whose_list_was_undone_meanwhile_are_rejects(engine: Prices) -> None:
    made = engine.listed()
    job = engine.given(bill())
    engine.undone(made)
    engine.work()
    ended = engine.job(job.job_id)
    assert (ended.status, ended.new, ended.rejected) == (Status.COMPLETED, 0, 24)
    assert {code for _, _, code in engine.rejects(ended)} == {"PRICE_LIST_GONE"}


def test_odd_rows_are_matched_as_far_as_they_can_be(engine: Prices) -> None:
    engine.listed()
    cable = "Cable NYY-J 5x16 mm2 in conduit"
    job = engine.done({"A": [["Description", "Qty", "Unit"], [cable, "rate only", "m"], [cable, "", "m"],
                             [cable, "5", "nr"], [cable, "0,5", "km"], [cable, "10-12", "m"], ["", "7", "m"]]})
    rows = {row["rowNumber"]: row for row in engine.rows(job)}
    assert [(row["tier"], row["totalPrice"], row["unitMismatch"]) for row in rows.values()] == [
        ("accepted", None, False), ("accepted", None, False), ("review", "107.25", True), ("review", "10.725", True)]
    assert rows[2]["notes"] == "rate only: there is no total"
    assert rows[4]["matchedRate"] == "21.45"
    assert rows[4]["confidence"] < rows[2]["confidence"]
    assert engine.rejects(job) == [("A", 6, "NOT_A_NUMBER"), ("A", 7, "NO_DESCRIPTION")]


# --- people


def taught(engine: Prices, job: Job, where: tuple[str, int], code: str) -> Row:
    """A person says what a row means, and the owner's next bills know it."""
    row = next(row for row in engine.rows(job) if place(row) == where)
    found = engine.services.price_lists.get(job.owner, str(row["listId"]))
    assert found is not None
    item = engine.services.price_lists.load(found).item(list_ids()[code])
    assert item is not None
    engine.services.price_fixes.teach(job.owner, query_of(row), item, "2026-11-22T09:00:00.000Z")
    return engine.services.price_results.edit(row, chosen(row, item), by=job.owner, at="2026-11-22T09:00:00.000Z")


def test_what_a_person_fixes_is_known_in_the_owners_next_bills_and_in_nobody_elses(engine: Prices) -> None:
    for owner in (OWNER, "bob"):
        engine.listed(owner=owner)
    first = engine.done(bill())
    taught(engine, first, ("A", 6), "EX-1030")
    assert dict(engine.job(first.job_id).tallies) == {"accepted": 20, "unmatched": 3, "manual": 1}
    longer = [price_list()[0], ["", "NEW", "Something else", "x", "y", "nr", "1", ""], *price_list()[1:]]
    engine.listed(rows=longer)
    answers = {}
    for owner in (OWNER, "bob"):
        job = engine.done(bill(), owner, again=True)
        row = next(row for row in engine.rows(job) if place(row) == ("A", 6))
        answers[owner] = (row["tier"], row["matchedCode"], row["matchedItemId"], row["isLearnedMatch"])
    assert answers == {OWNER: ("accepted", "EX-1030", "1-5", True), "bob": ("unmatched", None, None, False)}


# --- re-matches


def longer_list() -> list[list[str]]:
    """The list, and what the bill found nothing for."""
    return [*price_list(), ["", "X1", "Hand-carved marble fountain with dolphins", "Art", "", "nr", "5000", ""],
            ["", "X2", "Weather satellite, launched", "Space", "", "nr", "1e6", ""],
            ["", "X3", "Opera singer for the opening ceremony", "Art", "", "nr", "900", ""]]


def test_a_rematch_does_the_unmatched_rows_only_and_a_persons_word_wins(engine: Prices) -> None:
    engine.listed()
    base = engine.done(bill())
    newer = engine.listed(rows=longer_list())
    job = engine.rematch(base)
    assert (job.rows, [dict(sheet.skipped) for sheet in engine.services.ledger.sheets(job.job_id)]) == (4, [
        {"section": 4, "already_matched": 10}, {"totals": 1, "section": 3, "already_matched": 10}])
    taught(engine, base, ("A", 16), "CO-2010")  # while the batches are on their way
    for body in engine.sent():
        engine.deliver(body)
        engine.deliver(body)
    job, base = engine.job(job.job_id), engine.job(base.job_id)
    assert (job.status, job.updated, job.unchanged, transitions.balanced(job)) == (Status.COMPLETED, 3, 1, True)
    assert dict(base.tallies) == {"accepted": 22, "unmatched": 1, "manual": 1}
    rows = {place(row): row for row in engine.rows(base)}
    assert [(rows[where]["matchedCode"], rows[where]["rematchedBy"]) for where in (("A", 6), ("A", 16), ("B", 9))] == [
        ("X1", job.job_id), ("CO-2010", ""), ("X2", job.job_id)]
    assert rows["A", 6]["listId"] == newer.job_id
    assert rows["A", 6]["jobId"] == base.job_id
    assert engine.rows(job) == []


def test_a_plan_of_a_rematch_that_runs_again_cuts_the_same_batches(engine: Prices, tmp_path: Path) -> None:
    engine.listed()
    base = engine.done(bill())
    engine.listed(rows=longer_list())
    job = engine.rematch(base)
    keys = [key for key in engine.spool(job) if key.endswith(".jsonl")]
    before = [engine.services.blobs.get(key) for key in keys]
    engine.work()
    file = tmp_path / "file.xlsx"
    engine.services.blobs.download(base.file_key, str(file), base.version_id)
    again = list(engine.services.pipelines["prices"].read(str(file), base.file_name, {**job.options, "job": job}))
    lines = [item for body in before for line in body.splitlines() for item in json.loads(line)["items"]]
    assert again == lines


def test_a_rematch_undone_gives_rows_and_tallies_back_unless_somebody_changed_them(engine: Prices) -> None:
    engine.listed()
    base = engine.done(bill())
    before = {place(row): row for row in engine.rows(base)}
    engine.listed(rows=longer_list())
    job = engine.rematch(base)
    engine.work()
    edited = taught(engine, base, ("B", 9), "CO-2010")
    ended = engine.undone(engine.job(job.job_id))
    assert (ended.undo_restored, ended.undo_kept, ended.undo_unchanged) == (3, 1, 0)
    assert dict(engine.job(base.job_id).tallies) == {"accepted": 20, "unmatched": 3, "manual": 1}
    now = {place(row): row for row in engine.rows(base)}
    assert now["B", 9] == edited
    assert {**now["A", 6], "version": 1} == before["A", 6]
    kept = engine.services.undo_notes.kept(job.job_id, job.batches_total)
    assert [(each.mark, each.reason) for _, each in kept] == [("2-9", "edited")]


def test_a_rematch_of_an_undone_job_changes_nothing(engine: Prices) -> None:
    engine.listed()
    base = engine.done(bill())
    engine.listed(rows=longer_list())
    job = engine.rematch(base)
    engine.undone(base)
    engine.work()
    assert (engine.job(job.job_id).unchanged, engine.rows(base)) == (4, [])


def test_a_rematch_can_be_undone_after_the_job_that_it_is_based_on(engine: Prices) -> None:
    engine.listed()
    base = engine.done(bill())
    engine.listed(rows=longer_list())
    job = engine.rematch(base)
    engine.work()
    ended = engine.undone(base)
    assert (ended.undo_removed, ended.undo_kept) == (20, 4)
    ended = engine.undone(job)
    assert (ended.undo_restored, ended.undo_kept) == (4, 0)
    assert engine.undone(job).undo_restored == 4
    assert {row["tier"] for row in engine.rows(base)} == {"unmatched"}


def test_a_rematch_of_what_is_all_matched_says_so(engine: Prices) -> None:
    engine.listed()
    base = engine.done({"A": [["Description", "Qty"], ["Cable NYY-J 5x16 mm2 in conduit", "5"]]})
    job = engine.rematch(base)
    assert (job.status, job.error and job.error["code"]) == (Status.ERROR, "NO_ROWS")


# --- undo


def test_an_undone_match_leaves_only_what_people_edited(engine: Prices) -> None:
    engine.listed()
    job = engine.done(bill())
    taught(engine, job, ("A", 6), "CO-2010")
    ended = engine.undone(job)
    assert (ended.undo_removed, ended.undo_kept) == (23, 1)
    assert [place(row) for row in engine.rows(job)] == [("A", 6)]


def test_an_undone_list_is_nobodys_newest(engine: Prices) -> None:
    first, second = engine.listed(), engine.listed(rows=longer_list())
    assert engine.undone(second).undo_removed == 23
    assert [found.list_id for found in engine.services.price_lists.listing(OWNER)] == [first.job_id]
    job = engine.done(bill())
    assert {row["listId"] for row in engine.rows(job)} == {first.job_id}


# --- the second opinion


@dataclass
class Opinion:
    """An AI that always picks the first candidate, and counts. With `down` it does not answer."""

    settings: Any
    asked: int = 0
    down: bool = False

    def complete(self, messages: Any, **_: Any) -> Completion:
        self.asked += 1
        if self.down:
            raise Transient("down")
        rows = json.loads(messages[-1]["content"])["rows"]
        answers = [{"id": row["id"], "choice": row["candidates"][0]["number"]} for row in rows]
        return Completion(json.dumps({"rows": answers}), "stop", Usage(calls=1))


VAGUE = {"A": [["Description", "Qty", "Unit"], ["PVC pipe in trench", "5", "m"]]}


def with_opinion(engine: Prices, opinion: Opinion) -> Any:
    return engine.services.call(prices.build, deepseek=lambda: opinion)


def test_a_second_opinion_is_asked_once_however_often_the_batch_comes(aws: Aws) -> None:
    engine = Prices(aws, {**SMALL, "DEEPSEEK_API_KEY": "k"})
    engine.listed()
    opinion = Opinion(engine.services.settings.deepseek)
    for _ in range(2):
        job = engine.given(VAGUE, again=True, method="LOCAL_DEEPSEEK")
        for body in engine.sent():
            engine.deliver(body, pipeline=with_opinion(engine, opinion))
        (row,) = engine.rows(job)
        assert row["matchMethod"] == "LOCAL_DEEPSEEK"
    assert opinion.asked == 1


def test_without_an_answer_the_last_attempt_goes_on_with_what_local_says(aws: Aws) -> None:
    engine = Prices(aws, {**SMALL, "DEEPSEEK_API_KEY": "k", "MAX_RECEIVES": "1"})
    engine.listed()
    job = engine.given(VAGUE, method="LOCAL_DEEPSEEK")
    for body in engine.sent():
        engine.deliver(body, pipeline=with_opinion(engine, Opinion(engine.services.settings.deepseek, down=True)))
    (row,) = engine.rows(job)
    assert (row["matchMethod"], engine.job(job.job_id).new) == ("LOCAL", 1)


# --- Convex


@pytest.fixture
def convex() -> Iterator[FakeConvex]:
    with FakeConvex() as running:
        yield running


def test_convex_has_every_row_once_and_what_it_refuses_is_kept_with_a_note(aws: Aws, convex: FakeConvex) -> None:
    engine = Prices(aws, {"CONVEX_URL": convex.url, "CONVEX_DEPLOY_KEY": "k", "CONVEX_SPACING_SECONDS": "0",
                          "CONVEX_BATCH_GAP_SECONDS": "0", "CONVEX_STATUS_GAP_SECONDS": "0"})
    engine.listed()
    convex.refuse = {"marble fountain": "no art"}
    job = engine.given(bill())
    for body in engine.sent() * 2:
        engine.deliver(body)
    rows = {place(row): row for row in engine.rows(job)}
    assert engine.job(job.job_id).new == 24
    assert "Convex refuses it" in rows["A", 6]["notes"]
    there = convex.documents
    assert set(there) == {row["resultId"] for where, row in rows.items() if where != ("A", 6)}
    assert there[rows["A", 4]["resultId"]].args["totalPrice"] == 23446.875
    assert convex.statuses[job.job_id].args["status"] == "completed"
