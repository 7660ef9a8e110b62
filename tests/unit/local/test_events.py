from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.local.events import failed_ids, s3_event, scheduled_event, sqs_event
from chalicelib.local.functions import Ending, Result

MESSAGES: list[dict[str, Any]] = [
    {"MessageId": name, "ReceiptHandle": f"handle-{name}", "Body": "{}", "MD5OfBody": "x",
     "Attributes": {"ApproximateReceiveCount": "2"}} for name in ("one", "two")]
ALL = {"one", "two"}


@pytest.mark.parametrize("answer", [None, "", [], {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_empty_answer_means_that_everything_went_well(answer: Any) -> None:
    assert failed_ids(Result(Ending.ANSWERED, answer), MESSAGES, partial=True) == set()


def test_only_named_messages_failed() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "two"}]}

    assert failed_ids(Result(Ending.ANSWERED, answer), MESSAGES, partial=True) == {"two"}


@pytest.mark.parametrize("answer", [
    {"batchItemFailures": [{"itemIdentifier": "one"}, {"itemIdentifier": "three"}]},
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": None}]},
    {"batchItemFailures": [{"itemIdentifier": ["one"]}]},
    {"batchItemFailures": [{"ItemIdentifier": "one"}]},
    {"batchItemFailures": ["one"]},
    {"batchItemFailures": "one"},
    {"batchItemFailures": 0},
    {"batchItemFailures": {}},
    {"statusCode": 500, "body": "oops"},
    ["one"],
    "fine",
])
def test_answer_that_could_be_misread_fails_everything(answer: Any) -> None:
    assert failed_ids(Result(Ending.ANSWERED, answer), MESSAGES, partial=True) == ALL


@pytest.mark.parametrize("ending", [Ending.RAISED, Ending.TIMED_OUT, Ending.OUT_OF_MEMORY, Ending.CRASHED])
def test_function_that_did_not_answer_fails_everything(ending: Ending) -> None:
    assert failed_ids(Result(ending), MESSAGES, partial=True) == ALL


def test_mapping_without_partial_responses_deletes_what_was_named_as_failed() -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": "two"}]}

    assert failed_ids(Result(Ending.ANSWERED, answer), MESSAGES, partial=False) == set()


def test_message_attributes_take_the_shape_that_lambda_gives_them() -> None:
    message = {**MESSAGES[0], "MessageAttributes": {
        "trace": {"DataType": "String", "StringValue": "abc"}, "raw": {"DataType": "Binary", "BinaryValue": b"\x00"}}}

    record = sqs_event([message], "arn:aws:sqs:us-east-1:1:q", "us-east-1")["Records"][0]

    assert record["messageAttributes"]["trace"] == {
        "stringValue": "abc", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
    assert record["messageAttributes"]["raw"]["binaryValue"] == "AA=="


def test_event_for_a_lost_object_names_its_version_and_encodes_its_key() -> None:
    found = {"Key": "uploads/a b/c+d.csv", "Size": 3, "ETag": '"e"', "VersionId": "v1",
             "LastModified": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}

    described = s3_event("bucket", found, "us-east-1")["Records"][0]["s3"]["object"]

    assert described == {"key": "uploads/a%20b/c%2Bd.csv", "size": 3, "eTag": "e", "versionId": "v1"}


def test_scheduled_event_tells_its_time() -> None:
    event = scheduled_event("sweep", "000000000000", "us-east-1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    assert event["time"] == "2026-01-02T03:04:05Z"
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/sweep"]
