"""The leads of one owner in the order of an index, across its shards, in bounded reads.

Each listing index is cut into shards (`list_pk` = owner and shard) so that no partition grows without bound; a walk
queries all shards and merges them by sort key. A sort key ends with the lead's id, hence is unique, so one string is
enough to say how far a walk has come. Indexes are eventually consistent: a lead written a moment ago may not show yet.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import from_item, to_item, translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 8
MAX_LIMIT = 1000
GROWTH = 4

INDEXES: Mapping[str, tuple[str, str]] = {
    "updatedAt": ("by_updated", "updated_key"),
    "lastName": ("by_last_name", "last_name_key"),
    "email": ("by_email", "email_key"),
    "company": ("by_company", "company_key"),
}
"""What leads can be sorted by: field -> (index, sort key)."""


@dataclass(frozen=True, slots=True)
class Order:
    """`by` is a key of `INDEXES`. Missing values sort last (first when descending)."""

    by: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One lead of a walk; `position` continues the walk behind it."""

    position: str
    lead: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Page:
    entries: tuple[Entry, ...]
    last_key: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Shard:
    list_pk: str
    order: Order
    after: str


class LeadListing:
    """Read side of the leads table. Raises Transient where DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def walk(self, owner: str, order: Order, *, after: str = "", expect: int = 50) -> Iterator[Entry]:
        """All leads of `owner` behind position `after`, in order. `expect` sizes the reads; it does not end the walk."""
        shards = [_Shard(f"{owner}#{number}", order, after) for number in range(SHARDS)]
        limit = min(MAX_LIMIT, expect // SHARDS + SHARDS)
        with ThreadPoolExecutor(SHARDS) as pool:
            first = list(pool.map(lambda shard: self._page(shard, limit, None), shards))
        streams = [self._stream(shard, page, limit) for shard, page in zip(shards, first, strict=True)]
        return heapq.merge(*streams, key=lambda entry: entry.position, reverse=order.descending)

    def count(self, owner: str, *, most: int) -> int | None:
        """How many leads `owner` has, None when more than `most`."""
        total = 0
        for number in range(SHARDS):
            for counted in self._counts(f"{owner}#{number}"):
                total += counted
                if total > most:
                    return None
        return total

    def _stream(self, shard: _Shard, page: _Page, limit: int) -> Iterator[Entry]:
        while True:
            yield from page.entries
            if page.last_key is None:
                return
            limit = min(MAX_LIMIT, limit * GROWTH)
            page = self._page(shard, limit, page.last_key)

    def _page(self, shard: _Shard, limit: int, start: Mapping[str, Any] | None) -> _Page:
        index, sort_key = INDEXES[shard.order.by]
        condition, values = "list_pk = :shard", {":shard": shard.list_pk}
        if shard.after:
            condition += f" AND {sort_key} {'<' if shard.order.descending else '>'} :after"
            values[":after"] = shard.after
        extra: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        with translated("list leads"):
            answer = self._client.query(
                TableName=self._table, IndexName=index, KeyConditionExpression=condition, Limit=limit,
                ExpressionAttributeValues=to_item(values), ScanIndexForward=not shard.order.descending, **extra)
        leads = map(from_item, answer["Items"])
        return _Page(tuple(Entry(lead[sort_key], lead) for lead in leads), answer.get("LastEvaluatedKey"))

    def _counts(self, list_pk: str) -> Iterator[int]:
        start: dict[str, Any] = {}
        while True:
            with translated("count leads"):
                answer = self._client.query(
                    TableName=self._table, IndexName="by_updated", Select="COUNT",
                    KeyConditionExpression="list_pk = :shard", ExpressionAttributeValues=to_item({":shard": list_pk}),
                    **start)
            yield answer["Count"]
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
