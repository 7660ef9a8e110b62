"""Queue messages: ours, the seeds', and what is none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import Malformed
from chalicelib.jobs.messages import batch_text, handed_on, head_bytes, parse_batch, parse_split, split_message
from chalicelib.jobs.model import Job, RowId, Status
from chalicelib.jobs.spool import Slice

JOB = Job(job_id="j" * 32, owner="o", pipeline="leads", status=Status.PROCESSING, file_name="Käufer 🙂.csv",
          file_key="uploads/leads/Käufer 🙂.csv", created_at="", updated_at="", batches_total=7, run=3)
TEXT = b'{"leads":[{"_row":2,"Name":"\\u00e9"}],"columns":{"Sheet1":{"Name":"name"}}}'
SLICE = Slice(4, 0, len(TEXT), 1, {0: 1}, RowId(0, 2), RowId(0, 2))
AT = "2026-11-22T00:00:00.000Z"
GOOD: dict[str, Any] = {"v": 1, "upload_id": "j", "batch_number": 1, "total_batches": 2, "leads": [{}]}


def test_a_message_of_ours_comes_back_as_it_was_meant() -> None:
    text = batch_text(JOB, SLICE, TEXT, stage="test", at=AT)
    message = parse_batch(text)
    assert text.isascii()
    assert (message.upload_id, message.batch_number, message.total_batches, message.run, message.outside) == (
        JOB.job_id, 4, 7, 3, False)
    assert (message.items, message.columns) == ([{"_row": 2, "Name": "é"}], {"Sheet1": {"Name": "name"}})
    assert (message.source_file, message.file_key) == (JOB.file_name, JOB.file_key)
    assert (message.failures, message.waits) == (0, 0)


def test_a_message_carries_every_name_of_the_seeds() -> None:
    content = json.loads(batch_text(JOB, SLICE, TEXT, stage="test", at=AT))
    assert set(content) >= {"batch_id", "upload_id", "source_file", "file_key", "batch_number", "total_batches",
                            "leads", "timestamp", "environment"}


@pytest.mark.parametrize("name", ["x.csv", "🙂" * 60 + ".csv", "ä" * 200])
def test_the_room_for_a_head_is_never_too_small(name: str) -> None:
    job = replace(JOB, file_name=name, file_key=f"uploads/leads/{name}", batches_total=999_999_999)
    body = handed_on(batch_text(job, replace(SLICE, number=999_999_999), TEXT, stage="test", at=AT), failures=2,
                     waits=99_999)
    sent = json.dumps(body, separators=(",", ":"))
    assert len(sent) - len(TEXT) <= head_bytes(job, stage="test", at=AT) < 6_000


@pytest.mark.parametrize("word", ["leads", "batch_data", "products", "items"])
def test_items_go_by_any_of_their_names(word: str) -> None:
    body = json.dumps({"batch_number": 1, "total_batches": 1, word: [{"a": "b"}]})
    assert parse_batch(body).items == [{"a": "b"}]
    assert parse_batch(body).outside


def test_the_job_goes_by_either_of_its_names() -> None:
    assert parse_batch(json.dumps({**GOOD, "upload_id": "x"})).upload_id == "x"
    rest = {name: value for name, value in GOOD.items() if name != "upload_id"}
    assert parse_batch(json.dumps({**rest, "job_id": "y"})).upload_id == "y"


def test_a_copy_that_was_handed_on_remembers_what_the_original_went_through() -> None:
    once = json.dumps(handed_on(json.dumps(GOOD), failures=1, waits=1))
    copy = json.dumps(handed_on(once, failures=1, waits=2))
    message = parse_batch(copy)
    assert (message.failures, message.waits, message.items) == (1, 2, [{}])


@pytest.mark.parametrize("version", [0, 1])
def test_this_version_and_the_one_before_are_understood(version: int) -> None:
    assert not parse_batch(json.dumps({**GOOD, "v": version})).outside
    assert parse_split(json.dumps({"v": version, "job_id": "j"})).job_id == "j"


@pytest.mark.parametrize("wrong", [
    {"v": 2}, {"v": -1}, {"batch_number": 0}, {"batch_number": 3}, {"total_batches": 0}, {"leads": []},
    {"leads": "no list"}, {"batch_number": "one"}, {"failures": -1}, {"columns": "none"}])
def test_a_batch_that_cannot_be_is_malformed_and_says_where(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        parse_batch(json.dumps({**GOOD, **wrong}))
    assert caught.value.details["problems"]


@pytest.mark.parametrize("body", ["", "null", "[]", "{", '"text"', "{}", '{"v":2,"job_id":"j"}', '{"v":1,"job_id":""}',
                                  '{"job_id":"j"}'])
def test_a_split_request_that_cannot_be_is_malformed(body: str) -> None:
    with pytest.raises(Malformed):
        parse_split(body)


def test_a_malformed_message_does_not_show_its_content() -> None:
    with pytest.raises(Malformed) as caught:
        parse_batch(json.dumps({**GOOD, "batch_number": "ann@example.com"}))
    assert "ann@example.com" not in str(caught.value.details) + caught.value.message


def test_a_split_message_is_what_it_asks_for() -> None:
    assert parse_split(json.dumps(split_message("j"))).job_id == "j"
