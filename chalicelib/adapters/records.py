"""Small JSON documents of the HTTP edge in the ledger table: answered requests and running exports.

Every write is conditional: `create` on absence, `replace` and `delete` on the version that was read. A record past its
expiry counts as absent, because DynamoDB removes it only within days.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, from_item, to_item, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_BODY_BYTES = 350 * 1024
"""An item holds 400 KB; the rest is room for keys."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """`pk` and `sk` of the ledger table, for instance `EXPORT#<id>` and `EXPORT`."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Record:
    """A document as it was read; `version` guards the next write. Version 0 means: just created by us."""

    key: RecordKey
    body: Mapping[str, Any]
    version: int
    expires_at: int


class Records:
    """Optimistic documents by key. `clock` answers aware UTC time."""

    def __init__(self, client: DynamoDBClient, table: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def get(self, key: RecordKey) -> Record | None:
        """The document as of now (consistent read), None when absent or expired."""
        with translated("read a record"):
            answer = self._client.get_item(
                TableName=self._table, Key=to_item({"pk": key.pk, "sk": key.sk}), ConsistentRead=True)
        return self._living(key, from_item(answer["Item"])) if "Item" in answer else None

    def create(self, key: RecordKey, body: Mapping[str, Any], *, expires_at: int) -> Record | None:
        """Write the first document under `key`; None when a living one is there.

        A lost answer that the library repeats finds its own document: equal bodies count as created.
        """
        absent = "attribute_not_exists(pk) OR expires_at <= :now"
        try:
            with translated("no living record has this key"):
                self._client.put_item(
                    TableName=self._table, Item=_item(key, body, 0, expires_at), ConditionExpression=absent,
                    ExpressionAttributeValues=to_item({":now": self._now()}))
        except ConditionFailed:
            found = self.get(key)
            return found if found is not None and found.version == 0 and found.body == body else None
        return Record(key, body, 0, expires_at)

    def replace(self, record: Record, body: Mapping[str, Any], *, expires_at: int) -> Record | None:
        """The next version of `record`; None when somebody else wrote in between."""
        try:
            with translated("the record has the version that was read"):
                self._client.put_item(
                    TableName=self._table, Item=_item(record.key, body, record.version + 1, expires_at),
                    ConditionExpression="version = :version",
                    ExpressionAttributeValues=to_item({":version": record.version}))
        except ConditionFailed:
            found = self.get(record.key)
            return found if found is not None and found.version == record.version + 1 and found.body == body else None
        return Record(record.key, body, record.version + 1, expires_at)

    def latest(self, pk: str, *, limit: int) -> list[Record]:
        """The living documents of a partition, last `sk` first."""
        with translated("query the latest records"):
            answer = self._client.query(
                TableName=self._table, Limit=limit, ScanIndexForward=False, ConsistentRead=True,
                KeyConditionExpression="pk = :pk", ExpressionAttributeValues=to_item({":pk": pk}))
        items = [from_item(item) for item in answer.get("Items", [])]
        found = [self._living(RecordKey(pk, str(item["sk"])), item) for item in items]
        return [record for record in found if record is not None]

    def delete(self, record: Record) -> None:
        """Remove `record`, unless somebody else has written it since."""
        try:
            with translated("the record has the version that was read"):
                self._client.delete_item(
                    TableName=self._table, Key=to_item({"pk": record.key.pk, "sk": record.key.sk}),
                    ConditionExpression="version = :version",
                    ExpressionAttributeValues=to_item({":version": record.version}))
        except ConditionFailed:
            return

    def _living(self, key: RecordKey, item: Mapping[str, Any]) -> Record | None:
        if int(item["expires_at"]) <= self._now():
            return None
        return Record(key, json.loads(item["body"]), int(item["version"]), int(item["expires_at"]))

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _item(key: RecordKey, body: Mapping[str, Any], version: int, expires_at: int) -> dict[str, Any]:
    text = json.dumps(body, separators=(",", ":"))
    if len(text) > MAX_BODY_BYTES:
        raise ValueError(f"a record of {len(text)} bytes does not fit an item")
    return to_item({"pk": key.pk, "sk": key.sk, "body": text, "version": version, "expires_at": expires_at})
