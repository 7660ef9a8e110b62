"""The leads of one owner in the order of an index, across its shards, in bounded reads.

A walk reads whole leads. A skim reads only the fields that somebody looks for, which costs a quarter of the CPU, and
the few leads that are wanted are fetched afterwards.

Each listing index is cut into shards (`list_pk` = owner and shard) so that no partition grows without bound; a walk
queries all shards and merges them by sort key. A sort key ends with the lead's id, hence is unique, so one string is
enough to say how far a walk has come. Indexes are eventually consistent: a lead written a moment ago may not show yet.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import batch_get, from_item, to_item, translated
from chalicelib.adapters.leads import KEY_CHARS, LIST_SHARDS, MISSING_LAST, Lead, lead_from_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_LIMIT = 1000
GROWTH = 4
_LAST = "\U0010ffff"
"""Sorts behind every letter."""

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
class Stretch:
    """A part of an index: sort keys from `low` to `high`, both included."""

    low: str
    high: str


def beginning_with(text: str) -> Stretch:
    """The leads whose last name, e-mail or company, in lower case, begins with `text`."""
    low = text.lower()[:KEY_CHARS]
    return Stretch(low, f"{low}{_LAST}")


def without_value() -> Stretch:
    """The leads that have no last name, e-mail or company."""
    return Stretch(f"{MISSING_LAST}#", f"{MISSING_LAST}#{_LAST}")


def changed(since: str = "", before: str = "") -> Stretch:
    """The leads whose last change is not before `since`, but before `before`: times, or beginnings of such."""
    return Stretch(since or "0", before or _LAST)


@dataclass(frozen=True, slots=True)
class Entry:
    """One lead of a walk; `position` continues the walk behind it."""

    position: str
    lead: Lead


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One lead of a skim: the fields that were asked for, under their names in the table, and where the rest lies."""

    position: str
    key: Mapping[str, str]
    values: Mapping[str, Any]


@dataclass(slots=True)
class Skim:
    """Glimpses in order. `cut` turns true when it ended because its reads were used up and not because leads did."""

    glimpses: Iterator[Glimpse]
    cut: bool = False

    def __iter__(self) -> Iterator[Glimpse]:
        try:
            yield from self.glimpses
        except _Spent:
            self.cut = True


@dataclass(frozen=True, slots=True)
class _Page:
    items: tuple[Mapping[str, Any], ...]
    last_key: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Shard:
    """One part of a listing. `fields` names what is read of its items; nothing named means all."""

    list_pk: str
    order: Order
    after: str = ""
    within: Stretch | None = None
    fields: Sequence[str] = ()


@dataclass(slots=True)
class _Reads:
    """Items that may still be read, over all shards."""

    left: float

    def take(self, wanted: int) -> int:
        """As many of `wanted` as are left. Raises _Spent when none is."""
        granted = int(min(wanted, self.left))
        if granted < 1:
            raise _Spent
        self.left -= granted
        return granted

    def give_back(self, unread: int) -> None:
        self.left += unread


class _Spent(Exception):
    """No more may be read."""


class LeadListing:
    """Read side of the leads table. Raises Transient where DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def walk(
        self, owner: str, order: Order, *, after: str = "", within: Stretch | None = None, expect: int = 50
    ) -> Iterator[Entry]:
        """All leads of `owner` behind position `after`, or all `within` a part of the index, in order.

        `expect` sizes the reads, it does not end the walk.
        """
        sort_key = INDEXES[order.by][1]
        shard = _Shard(owner, order, after, within)
        return (Entry(item[sort_key], lead_from_item(item)) for item in self._merged(shard, expect, _Reads(math.inf)))

    def skim(
        self, owner: str, order: Order, fields: Sequence[str], *, after: str = "", expect: int = 50, most: int
    ) -> Skim:
        """`fields` of the leads of `owner` behind position `after`, in order; at most `most` leads are read.

        `fields` are names in the table. `most` is at least the number of shards.
        """
        sort_key = INDEXES[order.by][1]
        shard = _Shard(owner, order, after, fields=("pk", "sk", sort_key, *fields))
        items = self._merged(shard, min(expect, most), _Reads(most))
        return Skim(Glimpse(item[sort_key], {"pk": item["pk"], "sk": item["sk"]},
                            {name: item[name] for name in fields if name in item}) for item in items)

    def fetch(self, glimpses: Sequence[Glimpse]) -> list[Lead]:
        """The whole leads, in the order of `glimpses`; one that was deleted or moved since is left out."""
        keys = [glimpse.key for glimpse in glimpses]
        found = {item["pk"]: item for item in batch_get(self._client, self._table, keys, consistent=False)}
        items = [found.get(key["pk"]) for key in keys]
        return [lead_from_item(item) for item in items if item is not None and not item.get("gone")]

    def count(self, owner: str, *, most: int) -> int | None:
        """How many leads `owner` has, None when more than `most`."""
        total = 0
        for number in range(LIST_SHARDS):
            for counted in self._counts(f"{owner}#{number}"):
                total += counted
                if total > most:
                    return None
        return total

    def _merged(self, whole: _Shard, expect: int, reads: _Reads) -> Iterator[Mapping[str, Any]]:
        """Items of all shards of an owner in one order. Raises _Spent behind what is in order."""
        order, sort_key = whole.order, INDEXES[whole.order.by][1]
        shards = [replace(whole, list_pk=f"{whole.list_pk}#{number}") for number in range(LIST_SHARDS)]
        limit = reads.take(min(MAX_LIMIT * LIST_SHARDS, expect + LIST_SHARDS ** 2)) // LIST_SHARDS
        with ThreadPoolExecutor(LIST_SHARDS) as pool:
            first = list(pool.map(lambda shard: self._page(shard, limit, None), shards))
        reads.give_back(sum(limit - len(page.items) for page in first))
        streams = [self._stream(shard, page, limit, reads) for shard, page in zip(shards, first, strict=True)]
        return heapq.merge(*streams, key=lambda item: str(item[sort_key]), reverse=order.descending)

    def _stream(self, shard: _Shard, page: _Page, limit: int, reads: _Reads) -> Iterator[Mapping[str, Any]]:
        while True:
            yield from page.items
            if page.last_key is None:
                return
            limit = reads.take(min(MAX_LIMIT, limit * GROWTH))
            page = self._page(shard, limit, page.last_key)
            reads.give_back(limit - len(page.items))

    def _page(self, shard: _Shard, limit: int, start: Mapping[str, Any] | None) -> _Page:
        index, sort_key = INDEXES[shard.order.by]
        condition, values = "list_pk = :shard", {":shard": shard.list_pk}
        if shard.within:
            condition += f" AND {sort_key} BETWEEN :low AND :high"
            values |= {":low": shard.within.low, ":high": shard.within.high}
        elif shard.after:
            condition += f" AND {sort_key} {'<' if shard.order.descending else '>'} :after"
            values[":after"] = shard.after
        extra: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        with translated("list leads"):
            answer = self._client.query(
                TableName=self._table, IndexName=index, KeyConditionExpression=condition, Limit=limit,
                ExpressionAttributeValues=to_item(values), ScanIndexForward=not shard.order.descending,
                **_projection(shard.fields), **extra)
        return _Page(tuple(map(_plain, answer["Items"])), answer.get("LastEvaluatedKey"))

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


def _projection(fields: Sequence[str]) -> dict[str, Any]:
    """What makes DynamoDB answer these fields only; by placeholders, because some names are reserved words."""
    names = {f"#{place}": name for place, name in enumerate(dict.fromkeys(fields))}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """As `from_item`, ten times faster for the texts that a lead is made of: an export reads a million of them."""
    texts = {name: value["S"] for name, value in item.items() if "S" in value}
    return {**texts, **from_item({name: value for name, value in item.items() if "S" not in value})}
