"""Products in DynamoDB: one item each, written in the transaction that settles their batch.

The rows of a file lie in partitions of a thousand: catalogue, sheet and block of rows, sorted by place, so that no
partition grows without bound and a page is a query or two. A product with an id of its own lies alone, since its id
does not tell its row; `by_owner` lists such products by the batches that they came with, eventually.

A product and all that undo must know of it are one item (`product_records`): 50 products are 50 of a transaction's 100
actions, and rows of up to 46 other batches may be displaced in it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import product_records as records
from chalicelib.adapters.dynamodb import batch_get, chunks, from_item, to_item, translated
from chalicelib.adapters.ledger_items import action_of
from chalicelib.adapters.product_records import Record, Verdict
from chalicelib.adapters.product_store import (
    BATCHES_A_GROUP,
    ROWS_A_BLOCK,
    Catalogue,
    Page,
    Product,
    Proposal,
    catalogue_of,
    group_end,
    key_of,
    place_in_file,
    row_place,
)
from chalicelib.errors import Conflict, DropmillError
from chalicelib.jobs.model import Job
from chalicelib.jobs.pipeline import Effects, Undone, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOGETHER = 20
"""Products that are put back in one transaction."""
TRIES = 30
MAX_READS = 25
"""Queries of one page."""
MOST_AT_ONCE = 250
"""Items that a query looks at where some are passed over."""
TRANSACTION_BYTES = 3_500_000
"""Of the 4 MB of a transaction; the rest is for the ledger's items."""


@dataclass(frozen=True, slots=True)
class _Section:
    """A partition with its share of a catalogue's places, the ends included."""

    pk: str
    first: str
    last: str
    own: bool = False


class DynamoProducts:
    """A `ProductStore` on one table."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime], sleep: Callable[[float], None],
        rng: random.Random,
    ) -> None:
        self.client = client
        self.table = table
        self._clock = clock
        self._sleep = sleep
        self._rng = rng

    def effects(self, job: Job, batch_number: int, proposals: Sequence[Proposal]) -> Effects:
        rows = records.folded(proposals)
        found = self._read(job.owner, catalogue_of(job), list(rows))
        verdicts = {product_id: records.judged(found[product_id], job, batch_number, winner)
                    for product_id, (*_, winner) in rows.items()}
        effects = records.gathered(rows, verdicts)
        return replace(effects, writes=self._writes(job, verdicts))

    def get(self, owner: str, catalog_id: str, product_id: str) -> Product | None:
        key = product_key(owner, catalog_id, product_id)
        with translated("get product"):
            item = self.client.get_item(TableName=self.table, Key=to_item(key), ConsistentRead=True).get("Item")
        return record_from(from_item(item)).product if item else None

    def page(self, owner: str, catalogue: Catalogue, *, limit: int, cursor: str = "", source: str = "") -> Page:
        products: list[Product] = []
        if catalogue.owner != owner:
            return Page((), "")
        reads = 0
        for section in _sections(catalogue):
            if section.last <= cursor:
                continue
            after, rare = max(section.first, cursor), bool(source)
            while after:
                if reads == MAX_READS:
                    return Page(tuple(products), after)
                reads += 1
                missing = limit - len(products) + 1
                found, more, rare = self._query(section, after, MOST_AT_ONCE if rare else missing, source)
                products += found
                if len(products) > limit:
                    return Page(tuple(products[:limit]), products[limit - 1].place)
                after = more
            cursor = section.last
        return Page(tuple(products), "")

    def put_back(self, job: Job, marks: Sequence[str]) -> Sequence[Undone]:
        done: list[Undone] = []
        for some in chunks(list(dict.fromkeys(marks)), TOGETHER):
            done += self._put_back(job, some, TRIES) if len(some) == 1 else self._together(job, some)
        return done

    # --- writing

    def _writes(self, job: Job, verdicts: Mapping[str, Verdict]) -> tuple[Write, ...]:
        changed = {product_id: verdict.record for product_id, verdict in verdicts.items() if verdict.record}
        writes = tuple(self._write(job, product_id, record) for product_id, record in changed.items())
        if (size := sum(map(_size, writes))) > TRANSACTION_BYTES:
            raise DropmillError("the products of a batch are too large for a transaction", bytes=size)
        return writes

    def _write(self, job: Job, product_id: str, record: Record) -> Write:
        """Store a record, on condition that what was read is still there."""
        key = product_key(job.owner, catalogue_of(job), product_id)
        item = record_item(record)
        if record.product is None:
            item["expires_at"] = int(records.gone_until(self._clock()).timestamp())
        if record.rev == 1:
            return Write(self.table, key, item, condition="attribute_not_exists(pk)", meaning="nobody has stored it")
        return Write(self.table, key, item, condition="rev = :rev", values={":rev": record.rev - 1},
                     meaning="the product is as it was read")

    def _together(self, job: Job, marks: Sequence[str]) -> list[Undone]:
        """Several products in one transaction; where that cannot be, each alone, again and again."""
        try:
            return self._put_back(job, marks, 1)
        except Conflict:
            return [one for mark in marks for one in self._put_back(job, [mark], TRIES)]

    def _put_back(self, job: Job, marks: Sequence[str], tries: int) -> list[Undone]:
        for tried in range(tries):
            found = self._read(job.owner, catalogue_of(job), marks)
            steps = {mark: records.undone(found[mark], job, mark) for mark in marks}
            writes = [self._write(job, mark, record) for mark, (record, _) in steps.items() if record]
            try:
                self._transact(writes)
            except Conflict:
                self._sleep(self._rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))
                continue
            return [result for _, result in steps.values()]
        raise Conflict("the product is being written by others")

    def _transact(self, writes: Sequence[Write]) -> None:
        if sum(map(_size, writes)) > TRANSACTION_BYTES:
            raise Conflict("more than a transaction takes")
        actions: Any = [action_of(write) for write in writes]
        if actions:
            with translated("the products are as they were read"):
                self.client.transact_write_items(TransactItems=actions)

    # --- reading

    def _read(self, owner: str, catalog_id: str, product_ids: Sequence[str]) -> dict[str, Record]:
        keys = {product_id: product_key(owner, catalog_id, product_id) for product_id in product_ids}
        items = batch_get(self.client, self.table, list(keys.values()))
        found = {(item["pk"], item["sk"]): record_from(item) for item in items}
        return {product_id: found.get((key["pk"], key["sk"]), Record()) for product_id, key in keys.items()}

    def _query(self, section: _Section, after: str, limit: int, source: str) -> tuple[list[Product], str, bool]:
        """Products behind a place, the place to go on from ("" at the end), and whether any were passed over."""
        pk, sk = ("owner_pk", "created_key") if section.own else ("pk", "sk")
        index: dict[str, Any] = {"IndexName": "by_owner"} if section.own else {"ConsistentRead": True}
        values = {":pk": section.pk, ":after": after, **({":source": source} if source else {})}
        names = {"#source": "source"} if source else {}
        if names:
            index["ExpressionAttributeNames"] = names
        with translated("list products"):
            answer = self.client.query(
                TableName=self.table, Limit=limit, KeyConditionExpression=f"{pk} = :pk AND {sk} > :after",
                FilterExpression="attribute_not_exists(gone)" + (" AND #source = :source" if source else ""),
                ExpressionAttributeValues=to_item(values), **index)
        products = [record_from(from_item(item)).product for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return ([product for product in products if product], str(from_item(last)[sk]) if last else "",
                answer["Count"] < answer["ScannedCount"])


def product_key(owner: str, catalog_id: str, product_id: str) -> dict[str, str]:
    """Where a product lies: in its block of rows, or alone if its id does not tell its row."""
    place = place_in_file(catalog_id, product_id)
    if place is None:
        return {"pk": f"OWN#{key_of(owner, catalog_id, product_id)}", "sk": "PRODUCT"}
    return {"pk": _block(owner, catalog_id, place.sheet, place.row // ROWS_A_BLOCK), "sk": row_place(*place)}


def record_item(record: Record) -> dict[str, Any]:
    """A record as an item, its own keys aside. One without a product holds notes only."""
    links = {"links": records.links_packed(record.links), "rev": record.rev}
    product = record.product
    if product is None:
        return {**links, "gone": True}
    item = {**records.product_values(product), **links}
    if place_in_file(product.catalog_id, product.product_id) is None:
        group = product.sheet // BATCHES_A_GROUP
        item |= {"owner_pk": _group(product.owner, product.catalog_id, group), "created_key": product.place}
    return item


def record_from(item: Mapping[str, Any]) -> Record:
    """The record of an item."""
    product = None if item.get("gone") else records.product_from(item)
    return Record(product, records.links_from(item["links"]), int(item["rev"]))


def _sections(catalogue: Catalogue) -> Iterator[_Section]:
    """All partitions that may hold products of a catalogue, in order."""
    owner, catalog_id = catalogue.owner, catalogue.catalog_id
    rows = dict.fromkeys(range(1, catalogue.batches_outside + 1), ROWS_A_BLOCK - 1)
    rows |= {extent.sheet: extent.last_row for extent in catalogue.sheets}
    for sheet in sorted(rows):
        for block in range(rows[sheet] // ROWS_A_BLOCK + 1):
            first = row_place(sheet, block * ROWS_A_BLOCK)[:-1]  # sorts before the block's first row
            yield _Section(_block(owner, catalog_id, sheet, block), first,
                           row_place(sheet, (block + 1) * ROWS_A_BLOCK - 1))
    if catalogue.batches_outside:
        for group in range(catalogue.batches_outside // BATCHES_A_GROUP + 1):
            yield _Section(_group(owner, catalog_id, group), group_end(group - 1), group_end(group), own=True)


def _block(owner: str, catalog_id: str, sheet: int, block: int) -> str:
    return f"ROWS#{key_of(owner, catalog_id)}#{sheet}#{block}"


def _group(owner: str, catalog_id: str, group: int) -> str:
    return f"OWN#{key_of(owner, catalog_id)}#{group}"


def _size(write: Write) -> int:
    """About what DynamoDB counts."""
    plain = {name: value for name, value in write.item.items() if not isinstance(value, bytes)}
    packed = sum(len(value) for value in write.item.values() if isinstance(value, bytes))
    return len(json.dumps(plain, ensure_ascii=False)) + packed
