"""What the engine promises of every pipeline, kept by each through its own queue: nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Transient, Waiting
from chalicelib.jobs import control, intake
from chalicelib.jobs.model import Job, Status, stamp
from tests.conftest import Aws
from tests.fixtures.images import picture
from tests.fixtures.products import workbook
from tests.functional.engine import Context, Engine, book
from tests.functional.prices import BILL, LIST, all_results, with_list
from tests.functional.products import begun, imported
from tests.functional.rest import Api

OWNER = "default"
SHORT = {"PRICES_BATCH_SIZE": "2", "IMAGES_BATCH_SIZE": "1", "MAX_RESENDS": "2"}


@dataclass
class Lane:
    """One pipeline of an engine, and a job that it was just given."""

    engine: Engine
    name: str
    job: Job

    def work(self, process: Callable[..., Any] | None = None, most: int = 1000) -> int:
        pipeline = self.engine.services.pipelines[self.name]
        if process is not None:
            pipeline = replace(pipeline, process=process)
        return self.engine.serve(self.name, self.engine.worker(pipeline, Context()).work, most)

    def sweep(self, times: int) -> list[dict[str, int]]:
        done = []
        for _ in range(times):
            self.engine.time.pass_(300)
            done.append(self.engine.sweep())
        return done

    @property
    def now(self) -> Job:
        return self.engine.job(self.job.job_id)

    def ended_well(self) -> bool:
        job = self.now
        return job.status is Status.COMPLETED and job.rows == job.new > 0 and job.batches_done == job.batches_total


def _price_list(engine: Engine) -> Job:
    return engine.services.call(
        intake.receive, owner=OWNER, subject="ada", pipeline="prices", file_name="rates.xlsx",
        body=book(Prices=LIST), options={"priceList": "Rates"}, again=False)


def _planned(engine: Engine, name: str) -> Job:
    if name == "products":
        return engine.drop(workbook(), f"uploads/products/{OWNER}/offer.xlsx")
    if name == "images":
        return engine.drop(picture(), f"uploads/images/{OWNER}/chair.png")
    job = _price_list(engine)
    engine.services.call(control.process, event={"jobId": job.job_id})
    return job


@pytest.fixture(params=["products", "prices", "images"])
def lane(aws: Aws, request: pytest.FixtureRequest) -> Lane:
    engine = Engine(aws, SHORT)
    job = _planned(engine, request.param)
    engine.split()
    return Lane(engine, request.param, job)


def test_a_malformed_message_goes_to_its_own_dead_letters_as_it_is(lane: Lane) -> None:
    engine, body = lane.engine, '{"batch_number": "first"}'
    engine.bodies(lane.name)
    engine.send(lane.name, body)
    lane.work()
    assert engine.bodies(f"{lane.name}-dlq") == [body]


def test_a_batch_that_fails_comes_again_and_counts_once(lane: Lane) -> None:
    real, calls = lane.engine.services.pipelines[lane.name].process, []

    def fails_at_first(batch: Any, work: Any) -> Any:
        calls.append(work.attempt)
        if len(calls) == 1:
            raise Transient("a hiccup")
        return real(batch, work)

    lane.work(fails_at_first)
    assert lane.ended_well()
    assert calls.count(2) == 1, "the failed attempt was not counted as the first"


def test_a_batch_that_waits_is_handed_on_and_counts_once(lane: Lane) -> None:
    real, calls = lane.engine.services.pipelines[lane.name].process, []

    def waits_at_first(batch: Any, work: Any) -> Any:
        calls.append(work.attempt)
        if len(calls) == 1:
            raise Waiting(0, "tokens")
        return real(batch, work)

    lane.work(waits_at_first)
    assert lane.ended_well()
    assert set(calls) == {1}, "waiting took an attempt"
    assert len(calls) == lane.now.batches_total + 1


def test_a_batch_that_always_fails_ends_among_the_dead_letters_and_a_retry_completes_it(lane: Lane) -> None:
    def fails(*_: Any) -> Any:
        raise Transient("never")

    lane.work(fails)
    failed = lane.now
    assert (failed.status, failed.failed) == (Status.ERROR, failed.rows)
    assert lane.engine.receive(lane.name) is None  # the receive after the last moves it to the dead letters
    assert len(lane.engine.bodies(f"{lane.name}-dlq")) == failed.batches_total
    lane.engine.services.call(control.retry, job_id=lane.job.job_id, by="ada")
    lane.engine.split()
    lane.work()
    assert lane.ended_well()


def test_messages_that_are_lost_are_sent_again_by_the_sweeper(lane: Lane) -> None:
    assert lane.engine.bodies(lane.name)
    assert lane.sweep(2) == [{}, {"sent_again": 1}]
    lane.engine.split()
    lane.work()
    assert lane.ended_well()


def test_batches_that_are_lost_again_and_again_fail_and_the_job_ends(lane: Lane) -> None:
    for _ in range(10):
        lane.engine.bodies(lane.name)
        lane.sweep(1)
        lane.engine.split()
    failed = lane.now
    assert (failed.status, failed.failed, failed.pending) == (Status.ERROR, failed.rows, 0)
    assert failed.batches_failed == failed.batches_total > 0


# --- what single pipelines keep beside their batches


def test_a_lost_enrichment_that_the_sweeper_ends_is_marked_in_its_status_table(aws: Aws) -> None:
    engine = Engine(aws, SHORT)
    catalogue = imported(engine, workbook()).job_id
    job = begun(engine, catalogue)
    for _ in range(10):
        engine.bodies("products")
        engine.time.pass_(300)
        engine.sweep()
        engine.split()
    ended = engine.job(job.job_id)
    assert (ended.status, ended.failed) == (Status.ERROR, ended.rows)
    table = aws.client("dynamodb").query(
        TableName="test-enrichment-status", KeyConditionExpression="catalog_id = :id",
        ExpressionAttributeValues={":id": {"S": catalogue}})["Items"]
    assert {item["status"]["S"] for item in table} == {"failed"}
    assert len(table) == ended.batches_total > 0


def test_rows_whose_own_file_is_gone_are_rejects_of_products(aws: Aws) -> None:
    engine = Engine(aws, SHORT)
    long = [["Chair", "012345678905", *["x" * 30_000] * 12] for _ in range(3)]
    rows = [["Style Name", "UPC", *(f"Note {number}" for number in range(12))], *long, ["Table", "012345678905"]]
    job = engine.drop(book(Offer=rows), f"uploads/products/{OWNER}/offer.xlsx")
    engine.split()
    claims = [key for key in engine.spool(job) if "/row-" in key]
    for key in claims:
        engine.services.blobs.delete(key)
    Lane(engine, "products", job).work()
    ended = engine.job(job.job_id)
    assert (ended.status, ended.rejected, ended.new) == (Status.COMPLETED, len(claims), 1)
    assert {code for _, _, code in engine.rejects(ended)} == {"ROW_TOO_LARGE"}


def test_rows_whose_price_list_was_deleted_from_the_bucket_are_rejects_that_come_back(aws: Aws, api: Api) -> None:
    engine = Engine(aws, SHORT)
    made = _planned(engine, "prices")
    engine.split()
    Lane(engine, "prices", made).work()
    bill = engine.services.call(
        intake.receive, owner=OWNER, subject="ada", pipeline="prices", file_name="bill.xlsx", body=book(Bill=BILL),
        options={}, again=False)
    engine.services.call(control.process, event={"jobId": bill.job_id})
    engine.split()
    for key in list(engine.services.blobs.keys("price-lists/")):
        engine.services.blobs.delete(key)
    engine = Engine(aws, SHORT)  # a worker that has not read the list before
    Lane(engine, "prices", bill).work()
    ended = engine.job(bill.job_id)
    assert (ended.status, ended.rejected, ended.rows) == (Status.COMPLETED, 3, 3)
    assert {code for _, _, code in engine.rejects(ended)} == {"PRICE_LIST_GONE"}

    engine.time.pass_(60)
    assert with_list(api)
    rejects = api("GET", f"/status/{bill.job_id}/rejects", bom=True).text.encode()
    child = engine.drop(rejects, f"uploads/prices/{OWNER}/fixed.csv", stamp(datetime.now(UTC) + timedelta(minutes=1)))
    engine.split()
    for _ in range(2):  # a twin of a correction counts nothing
        for body in engine.bodies("prices"):
            engine.send("prices", body)
            engine.send("prices", body)
        Lane(engine, "prices", child).work()
    fixed = engine.job(child.job_id)
    assert (fixed.status, fixed.new, fixed.rejected) == (Status.COMPLETED, 3, 0)
    assert engine.job(bill.job_id).corrected == 3
    codes = {row["rowNumber"]: row["matchedCode"] for row in all_results(api, child.job_id)}
    assert sorted(codes.values(), key=str) == ["BW-200", "CW-101", None]
