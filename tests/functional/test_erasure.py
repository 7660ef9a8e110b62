"""Deleting a person by e-mail: gone from everywhere that a file brought them to, and not brought back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import from_item
from chalicelib.api import erasure
from chalicelib.api.auth import Caller
from chalicelib.api.erasure import Eraser
from chalicelib.api.inputs import ErasureRequest
from chalicelib.errors import RequestRefused
from chalicelib.jobs.model import BatchState, stamp
from tests.functional.engine import Context, Engine, Killed, book

ADA = "ada@example.com"
CALLER = Caller("boss", "default", frozenset({"user"}))
HEADER = ["First Name", "Last Name", "Email", "Phone", "Company"]


@pytest.fixture
def engine(aws: Any) -> Engine:
    return Engine(aws)


def people() -> list[list[str]]:
    """Ada good, Ada rejected, two others; one of them rejected."""
    return [HEADER, ["Ada", "Byron", ADA, "0412345678", "Analytical"], ["Bob", "B", "bob@example.com", "0412", "Co"],
            ["", "", f" {ADA.upper()} ", "", ""], ["", "", "carl@example.com", "", ""]]


def processed(engine: Engine, name: str = "people") -> str:
    job = engine.drop(book(**{name: people()}), f"uploads/leads/{name}.xlsx", at=stamp(engine.time.now))
    engine.split()
    engine.work()
    engine.time.pass_(60)
    return job.job_id


def ask(engine: Engine, email: str = ADA, caller: Caller = CALLER) -> str:
    answer = engine.services.call(erasure.start, caller=caller, request=ErasureRequest(email=email))
    assert answer.status_code == 202
    return str(answer.body["erasureId"])


def work(engine: Engine) -> None:
    engine.serve("tasks", lambda records: engine.services.task_worker(Context()).work(records), 50)


def status(engine: Engine, erasure_id: str) -> Mapping[str, Any]:
    shown: Mapping[str, Any] = engine.services.call(erasure.show, caller=CALLER, erasure_id=erasure_id).as_json()
    return shown


HERS = ("ada@", "byron", "analytical", "0412345678", "61412345678")


def traces(engine: Engine, words: tuple[str, ...] = HERS) -> list[str]:
    """Where any of the words stands: every item of every table, unpacked, every version of every spooled object."""
    found = []
    for table in ("ledger", "leads", "cache"):
        for page in engine.aws.client("dynamodb").get_paginator("scan").paginate(TableName=engine.name(table)):
            for item in map(from_item, page["Items"]):
                texts = [zlib.decompress(each).decode() if isinstance(each, bytes) else str(each)
                         for each in item.values()]
                if any(word in "".join(texts).lower() for word in words):
                    found.append(f"{table} {item['pk']}")
    s3, bucket = engine.aws.client("s3"), engine.services.blobs.bucket
    for version in s3.list_object_versions(Bucket=bucket, Prefix="work/").get("Versions", []):
        body = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        if any(word in body.decode().lower() for word in words):
            found.append(f"s3 {version['Key']}")
    return found


def counts(engine: Engine, job_id: str) -> tuple[int, ...]:
    job = engine.job(job_id)
    return job.rows, job.new, job.updated, job.unchanged, job.superseded, job.rejected, job.failed, job.pending


def remember(engine: Engine) -> None:
    """An answer of the AI to Ada's row, as the cache keeps it."""
    from chalicelib.pipelines.leads.ai import question_of
    from chalicelib.pipelines.leads.prompt import cache_key

    text = json.loads(next(engine.services.blobs.get(key) for key in engine.services.blobs.keys("work/")
                           if key.endswith(".jsonl")).splitlines()[0])
    keys = [cache_key(question_of(0, item, text["columns"]), engine.services.settings.deepseek_model)
            for item in text["leads"]]
    engine.services.get("cache")().put_many({key: {"email": f"of row {key}"} for key in keys}, days=30)


def cached(engine: Engine) -> int:
    return int(engine.aws.client("dynamodb").scan(TableName=engine.name("cache"))["Count"])


def test_a_person_is_gone_from_everywhere_and_all_counts_stay(engine):
    first, second = processed(engine, "May"), processed(engine, "June")
    remember(engine)
    before = counts(engine, first), counts(engine, second)
    assert len(traces(engine)) > 5
    erasure_id = ask(engine)
    work(engine)
    assert traces(engine) == []
    assert (counts(engine, first), counts(engine, second)) == before
    assert [lead["email"] for lead in engine.stored()] == ["bob@example.com"]
    assert {(row, code) for _, row, code in engine.rejects(engine.job(first))} == {
        (4, "TOO_FEW_FIELDS"), (5, "TOO_FEW_FIELDS")}
    assert traces(engine, ("carl@",)) != []
    told = status(engine, erasure_id)
    assert (told["status"], told["leads"], told["rows"], told["jobs"], told["openJobs"]) == ("completed", 1, 4, 2, 0)
    assert told["priorImages"] == 1
    assert cached(engine) == 2


def test_erasing_twice_finds_nothing_the_second_time(engine):
    processed(engine)
    ask(engine)
    work(engine)
    again = ask(engine)
    work(engine)
    told = status(engine, again)
    assert (told["status"], told["leads"], told["rows"], told["batches"], told["priorImages"]) == (
        "completed", 0, 0, 0, 0)


def test_a_task_that_comes_twice_changes_nothing(engine):
    processed(engine)
    erasure_id = ask(engine)
    work(engine)
    before = engine.table(), status(engine, erasure_id)
    engine.send("tasks", {"v": 1, "task": "erase", "erasureId": erasure_id})
    engine.send("tasks", {"v": 1, "task": "erase", "erasureId": "never-asked-for"})
    work(engine)
    assert (engine.table(), status(engine, erasure_id)) == before
    assert engine.depth("tasks-dlq") == 0


class Dying:
    """An adapter whose process dies just before one of its writes."""

    WRITES = frozenset({"bury", "redact_prior", "redact_batches", "forget", "put", "purge", "replace"})

    def __init__(self, real: Any, left: list[int]) -> None:
        self._real = real
        self._left = left

    def __getattr__(self, name: str) -> Any:
        if name in self.WRITES:
            self._left[0] -= 1
            if self._left[0] == 0:
                raise Killed
        return getattr(self._real, name)


@pytest.mark.parametrize("fatal", range(1, 8))
def test_a_crash_between_any_two_writes_leaves_nothing_that_the_next_attempt_does_not_find(engine, fatal):
    job_id = processed(engine)
    before = counts(engine, job_id)
    erasure_id = ask(engine)
    left = [fatal]
    parts = {name: Dying(engine.services.get(name), left) for name in ("erasing", "blobs", "records")}
    with pytest.raises(Killed):
        engine.services.call(Eraser, remaining=lambda: 60.0, **parts).run(erasure_id)
    work(engine)
    assert traces(engine) == []
    assert counts(engine, job_id) == before
    assert status(engine, erasure_id)["status"] == "completed"


def test_a_batch_that_was_on_its_way_does_not_bring_the_person_back(engine):
    job = engine.drop(book(May=people()), at=stamp(engine.time.now))
    engine.split()
    engine.time.pass_(60)
    erasure_id = ask(engine)
    work(engine)
    assert status(engine, erasure_id)["status"] == "processing"
    engine.work()
    assert [lead["email"] for lead in engine.stored()] == ["bob@example.com"]
    engine.send("tasks", {"v": 1, "task": "erase", "erasureId": erasure_id})  # the delayed one
    work(engine)
    assert status(engine, erasure_id)["status"] == "completed"
    assert traces(engine) == []
    assert engine.job(job.job_id).superseded >= 1


def test_a_retry_sends_the_batch_without_the_person(engine):
    job_id = processed(engine)
    ask(engine)
    work(engine)
    job = engine.job(job_id)
    detail = engine.services.ledger.batch(job_id, 1)
    assert detail is not None
    engine.services.settler  # noqa: B018 - built before the table is touched
    engine.aws.client("dynamodb").update_item(
        TableName=engine.name("ledger"), Key={"pk": {"S": f"BATCH#{job_id}#0"}, "sk": {"S": "00000001"}},
        UpdateExpression="SET #s = :failed", ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":failed": {"S": BatchState.FAILED.value}})
    text = next(engine.services.blobs.get(key) for key in engine.spool(job) if key.endswith(".jsonl"))
    assert [item["Email"] for item in json.loads(text.splitlines()[0])["leads"]] == [
        "", "bob@example.com", "", "carl@example.com"]
    index = json.loads(next(engine.services.blobs.get(key) for key in engine.spool(job) if "index" in key))
    assert [entry["length"] for entry in index] == [len(line) for line in text.splitlines()]


def test_a_later_file_may_bring_the_person_again(engine):
    processed(engine)
    ask(engine)
    work(engine)
    engine.time.pass_(3600)
    processed(engine, "later")
    assert sorted(lead["email"] for lead in engine.stored()) == [ADA, "bob@example.com"]


def test_another_owners_leads_are_not_touched(engine):
    engine.drop(book(May=people()), "uploads/leads/other/people.xlsx", at=stamp(engine.time.now))
    engine.split()
    engine.work()
    engine.time.pass_(60)
    ask(engine)
    work(engine)
    assert {lead["owner"] for lead in engine.stored() if lead["email"] == ADA} == {"other"}
    with pytest.raises(RequestRefused):
        engine.services.call(erasure.show, caller=Caller("x", "other", frozenset()), erasure_id=ask(engine))


def test_what_is_no_address_is_refused(engine):
    with pytest.raises(RequestRefused) as refused:
        ask(engine, "not an address")
    assert refused.value.status_code == 400


def test_neither_task_nor_proof_holds_the_address(engine):
    erasure_id = ask(engine)
    bodies = engine.bodies("tasks")
    assert ADA not in "".join(bodies)
    assert ADA not in str(engine.services.records.get(erasure._key(erasure_id)))


def test_an_erasure_that_nobody_works_on_any_more_says_so(engine):
    erasure_id = ask(engine)
    engine.services.call(erasure.give_up, erasure_id=erasure_id)
    assert status(engine, erasure_id)["status"] == "error"
