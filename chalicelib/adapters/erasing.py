"""What an erasure writes: a tombstone, prior images and ledger entries without the person, cached answers gone.

Every write is conditional on what was read, and writing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import (
    BATCH_WRITE_ITEMS,
    ConditionFailed,
    chunks,
    from_item,
    query,
    to_item,
    translated,
)
from chalicelib.adapters.leads import Lead, Tombstone, new_lead_id, prior_key, slot_from, slot_key, tombstone_item
from chalicelib.adapters.ledger_items import BATCHES_A_PARTITION, batch_key, packed, unpacked
from chalicelib.errors import Conflict, Transient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 10

Clean = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Answers the same object where nothing is to be done."""


class Erasing:
    """The tables of one stage. Raises Transient or Conflict where trying again may help."""

    def __init__(self, client: DynamoDBClient, *, leads: str, ledger: str, cache: str) -> None:
        self._client = client
        self._leads = leads
        self._ledger = ledger
        self._cache = cache

    def bury(self, owner: str, identity: str, now: str) -> bool:
        """Leave a tombstone that every row uploaded before `now` loses against; True where a lead was."""
        key = slot_key(owner, identity)
        for _ in range(TRIES):
            item = self._read(self._leads, key)
            slot = slot_from(item) if item else None
            version = f"{now}|~erased"
            if isinstance(slot, Tombstone) and slot.version >= version and not slot.moved_to:
                return False
            if slot is not None and slot.version >= version:
                version = f"{slot.version}+"
            lead_id = slot.lead_id if slot else new_lead_id(owner, identity, "")
            stone = {**tombstone_item(Tombstone(owner, identity, lead_id, version)), **key}
            if self._put(self._leads, stone, "version", slot.version if slot else None):
                return isinstance(slot, Lead)
        raise Conflict("the slot is being written by others")

    def redact_prior(self, owner: str, job_id: str, identity: str) -> bool:
        """Put a tombstone in the place of a lead that was kept from before a job; True where one was."""
        key = prior_key(owner, job_id, identity)
        item = self._read(self._leads, key)
        image = slot_from(item["image"]) if item and item.get("image") else None
        if item is None or not isinstance(image, Lead):
            return False
        stone = tombstone_item(Tombstone(owner, image.identity, image.lead_id, image.version))
        with translated("the prior image is there"):
            self._client.update_item(
                TableName=self._leads, Key=to_item(key), UpdateExpression="SET image = :stone",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues=to_item({":stone": stone}))
        return True

    def redact_batches(self, job_id: str, total: int, clean: Clean) -> int:
        """Give the details of every settled batch to `clean`; answers how many batches it changed."""
        return sum(self._redact_batch(job_id, number, body, clean) for number, body in self._details(job_id, total))

    def forget(self, keys: Sequence[str]) -> int:
        """Delete cached answers; answers how many were asked to go."""
        for some in chunks(list(dict.fromkeys(keys)), BATCH_WRITE_ITEMS):
            with translated("forget answers"):
                answer = self._client.batch_write_item(RequestItems={
                    self._cache: [{"DeleteRequest": {"Key": to_item({"pk": key})}} for key in some]})
            if answer.get("UnprocessedItems"):
                raise Transient("the cache left entries undeleted")
        return len(set(keys))

    def _details(self, job_id: str, total: int) -> Iterator[tuple[int, bytes]]:
        for partition in range((total - 1) // BATCHES_A_PARTITION + 1 if total else 0):
            for item in query(self._client, TableName=self._ledger, ConsistentRead=True,
                              KeyConditionExpression="pk = :pk",
                              ExpressionAttributeValues=to_item({":pk": f"BATCH#{job_id}#{partition}"})):
                if item.get("detail"):
                    yield int(item["number"]), item["detail"]

    def _redact_batch(self, job_id: str, number: int, body: bytes, clean: Clean) -> bool:
        for _ in range(TRIES):
            before = unpacked(body)
            after = clean(before)
            if after is before:
                return False
            if self._replace(job_id, number, body, packed(after)):
                return True
            item = self._read(self._ledger, batch_key(job_id, number))
            if item is None or not item.get("detail"):
                return False
            body = item["detail"]
        raise Conflict("the batch is being written by others")

    def _replace(self, job_id: str, number: int, before: bytes, after: bytes) -> bool:
        try:
            with translated("the batch still has the detail that was read"):
                self._client.update_item(
                    TableName=self._ledger, Key=to_item(batch_key(job_id, number)),
                    UpdateExpression="SET detail = :after", ConditionExpression="detail = :before",
                    ExpressionAttributeValues=to_item({":after": after, ":before": before}))
        except ConditionFailed:
            return False
        return True

    def _put(self, table: str, item: Mapping[str, Any], name: str, was: str | None) -> bool:
        condition = f"{name} = :was" if was is not None else "attribute_not_exists(pk)"
        values: Any = {"ExpressionAttributeValues": to_item({":was": was})} if was is not None else {}
        try:
            with translated("the slot holds what was read"):
                self._client.put_item(TableName=table, Item=to_item(item), ConditionExpression=condition, **values)
        except ConditionFailed:
            return False
        return True

    def _read(self, table: str, key: Mapping[str, str]) -> dict[str, Any] | None:
        with translated("read"):
            found = self._client.get_item(TableName=table, Key=to_item(key), ConsistentRead=True).get("Item")
        return from_item(found) if found else None
