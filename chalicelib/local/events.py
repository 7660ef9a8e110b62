"""What Lambda hands to a function, and what it understands from the answer."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from chalicelib.local.functions import Ending, Result

Message = Mapping[str, Any]
"""As `ReceiveMessage` returns it."""


def sqs_event(messages: Sequence[Message], queue_arn: str, region: str) -> dict[str, Any]:
    """The event of an SQS event source mapping (Lambda guide, "Using Lambda with Amazon SQS")."""
    return {"Records": [{
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value)
                              for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    } for message in messages]}


def s3_event(bucket: str, found: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The event for an object whose own event was lost; `found` is an entry of `ListObjectVersions`."""
    return {"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": region, "eventName": "ObjectCreated:Put",
        "eventTime": found["LastModified"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "s3": {"s3SchemaVersion": "1.0",
               "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
               "object": {"key": quote(found["Key"], safe="/"), "size": found["Size"],
                          "eTag": found["ETag"].strip('"'),
                          **({} if found["VersionId"] == "null" else {"versionId": found["VersionId"]})}},
    }]}


def scheduled_event(function: str, access_account: str, region: str, now: datetime) -> dict[str, Any]:
    """The event of an EventBridge schedule."""
    return {"version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event", "source": "aws.events",
            "account": access_account, "region": region, "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "resources": [f"arn:aws:events:{region}:{access_account}:rule/{function}"], "detail": {}}


def failed_ids(result: Result, messages: Sequence[Message], *, partial: bool) -> set[str]:
    """Message ids that stay in the queue.

    `partial` = the mapping reports batch item failures. Then an answer that Lambda would not understand fails the
    whole batch, and so does one that only we do not: an unknown id, or an object that is no such report.
    """
    everything = {str(message["MessageId"]) for message in messages}
    if result.ending is not Ending.ANSWERED:
        return everything
    answer = result.value
    if not partial or not answer:
        return set()
    if not isinstance(answer, dict) or "batchItemFailures" not in answer:
        return everything
    failures = answer["batchItemFailures"]
    if not failures and (failures is None or isinstance(failures, list)):
        return set()
    if not isinstance(failures, list):
        return everything
    named = [each.get("itemIdentifier") if isinstance(each, dict) else None for each in failures]
    known = [each for each in named if isinstance(each, str) and each in everything]
    return set(known) if len(known) == len(named) else everything


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        shaped["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shaped["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return shaped
