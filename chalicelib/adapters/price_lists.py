"""Price lists: versions of them in the prices table, their items in S3, and the last ones ready in this container.

A version is the job of its import (`list_id` is its job id). Each batch of the import writes its own part before it
settles; once the import has ended, the parts of settled batches become one snapshot. Its first line counts its items,
and it is made anew where the version has more by now: a retry may have brought what had failed.

`LIST#<id>` with `LIST` is a version's entry in the prices table, in the index `by_owner`. Undone, it stays as a
tombstone outside the index, so that a late batch of the import does not bring it back.
"""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, chunks, from_item, query, to_item, translated
from chalicelib.adapters.price_fixes import text_of
from chalicelib.errors import Waiting
from chalicelib.jobs.model import BatchState, Job, Outcome, Status
from chalicelib.jobs.pipeline import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.matching.index import Index
    from chalicelib.matching.model import PriceItem

LISTS_KEPT = 2
"""Lists that a container holds ready; 100,000 generated items took 130 MB."""
READERS = 8
"""Parts that are fetched at the same time."""
LOOKED_AT = 50
"""Versions that are looked through for the newest that had ended."""
WAIT_SECONDS = 15.0
_TEXTS = ("code", "category", "subcategory", "unit", "supplier", "keywords")


@dataclass(frozen=True, slots=True)
class PriceList:
    """One version of an owner's list. `created_at` is when its file was uploaded, `items` what is stored of it so far.

    `version` is its ordinal, from 1, among the owner's lists of that name; 0 where it was not asked for (`get`,
    `newest`).
    """

    list_id: str
    owner: str
    name: str
    file_name: str
    created_at: str
    items: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """The items of a list with their index; built once a container, and shared: only read it."""

    list: PriceList
    index: Index
    ids: dict[str, str] = field(default_factory=dict, repr=False)
    """By what items say; made when the first lesson asks."""

    @property
    def items(self) -> tuple[PriceItem, ...]:
        return self.index.items

    def item(self, item_id: str) -> PriceItem | None:
        """The item of that id (`<sheet from 1>-<row>`), if the list holds it."""
        place = self.index.place_of(item_id)
        return None if place is None else self.index.items[place]

    def id_of(self, text: str) -> str:
        """The id of the first item that says this (`price_fixes.text_of`); nothing where none does."""
        if not self.ids:
            self.ids.update({text_of(item): item.id for item in reversed(self.items)})
        return self.ids.get(text, "")


class PriceLists:
    """All owners; every method takes the owner or a job of his, and nothing crosses. Raises Transient as its stores."""

    def __init__(self, client: DynamoDBClient, table: str, *, blobs: Blobs, ledger: Ledger) -> None:
        self.table = table
        self._client = client
        self._blobs = blobs
        self._ledger = ledger
        self._ready: OrderedDict[tuple[str, int], Loaded] = OrderedDict()
        self._building = threading.Lock()

    # --- versions

    def get(self, owner: str, list_id: str) -> PriceList | None:
        """A version of the owner's; None for an unknown one, another owner's, and one that was undone."""
        with translated("get price list"):
            item = self._client.get_item(TableName=self.table, Key=to_item(_key(list_id)),
                                         ConsistentRead=True).get("Item")
        found = from_item(item) if item else {}
        return _list_from(found) if found.get("owner") == owner and not found.get("removed") else None

    def listing(self, owner: str, name: str = "") -> tuple[PriceList, ...]:
        """The owner's versions with their ordinals by time, newest first; of one name, or of all."""
        ordinals: dict[str, int] = {}
        found: list[PriceList] = []
        for item in query(self._client, **self._by_owner(owner)):
            each = _list_from(item)
            ordinals[each.name] = ordinals.get(each.name, 0) + 1
            found.append(replace(each, version=ordinals[each.name]))
        return tuple(each for each in reversed(found) if not name or each.name == name)

    def newest(self, owner: str, at: str, name: str = "") -> PriceList | None:
        """The version uploaded last among those whose import had ended, with items, at the time `at`."""
        request = self._by_owner(owner, upto=f"{at}#~")
        for looked, item in enumerate(query(self._client, **request, ScanIndexForward=False, Limit=LOOKED_AT)):
            found = _list_from(item)
            if looked >= LOOKED_AT:
                return None
            if (not name or found.name == name) and found.items and self._had_ended(item, at):
                return found
        return None

    def ended(self, found: PriceList) -> bool:
        """Whether its import has ended, so that it can be loaded."""
        job = self._ledger.job(found.list_id)
        return job is None or job.status.terminal

    def ensure(self, job: Job) -> None:
        """Register the version that this import makes; harmless any number of times, also after its undoing."""
        item = {**_key(job.job_id), "list_id": job.job_id, "owner": job.owner, "owner_pk": job.owner,
                "created_key": f"{job.uploaded_at}#{job.job_id}", "name": str(job.options.get("priceList", "")),
                "file_name": job.file_name, "created_at": job.uploaded_at, "items": 0}
        with suppress(ConditionFailed), translated("the price list is registered once"):
            self._client.put_item(TableName=self.table, Item=to_item(item),
                                  ConditionExpression="attribute_not_exists(pk)")

    def counted(self, job: Job, items: int) -> Write:
        """The write that adds a settled batch's items to the version's count."""
        return Write(self.table, _key(job.job_id), {}, add={"items": items}, condition="attribute_exists(pk)",
                     meaning="the price list is registered")

    def remove(self, list_id: str) -> None:
        """The import was undone: nobody finds the version any more. Harmless any number of times."""
        with suppress(ConditionFailed), translated("the price list is registered"):
            self._client.update_item(
                TableName=self.table, Key=to_item(_key(list_id)), ConditionExpression="attribute_exists(pk)",
                UpdateExpression="SET removed = :yes REMOVE owner_pk, created_key",
                ExpressionAttributeValues=to_item({":yes": True}))
        self._blobs.delete_prefix(_prefix(list_id))

    # --- items

    def write_part(self, list_id: str, batch: int, items: Sequence[PriceItem]) -> None:
        """Store the items of one batch; again gives the same bytes under the same key."""
        body = b"".join(map(_line, items))
        self._blobs.put(_part_key(list_id, batch), body, "application/jsonl")

    def load(self, found: PriceList) -> Loaded:
        """Its items and their index. Raises Waiting while its import runs, KeyError when it is gone."""
        key = (found.list_id, found.items)
        with self._building:
            if key not in self._ready:
                while len(self._ready) >= LISTS_KEPT:  # before: there is no room for three
                    self._ready.popitem(last=False)
                self._ready[key] = Loaded(found, self._index(found))
            self._ready.move_to_end(key)
            return self._ready[key]

    def compile(self, list_id: str) -> None:
        """Make the snapshot of an import that has ended; its bytes follow from its parts. Two at once are harmless.

        Raises KeyError when a part that the ledger counts is gone: half a list would match as if it were whole.
        """
        job = self._ledger.job(list_id)
        if job is not None and job.status.terminal and not job.undo:
            counted = {detail.entry.number: detail.entry.outcomes.get(Outcome.NEW, 0)
                       for detail in self._ledger.batches(list_id, job.batches_total)
                       if detail.entry.state is BatchState.DONE}
            parts = self._parts(list_id, [number for number, items in counted.items() if items])
            self._blobs.put(_snapshot_key(list_id), _packed(sum(counted.values()), parts), "application/gzip")

    def _index(self, found: PriceList) -> Index:
        from chalicelib.matching.index import Index

        stored = self._snapshot(found.list_id)
        if stored is None or stored[0] != found.items:
            job = self._ledger.job(found.list_id)
            if job is not None and not job.status.terminal and stored is None:
                raise Waiting(WAIT_SECONDS, "lease")
            if job is not None and job.status.terminal:
                self.compile(found.list_id)
                stored = self._snapshot(found.list_id)
        if stored is None:
            raise KeyError(found.list_id)
        return Index(stored[1])

    def _snapshot(self, list_id: str) -> tuple[int, Iterator[PriceItem]] | None:
        """How many items the snapshot holds, and the items; None where there is none."""
        try:
            body = self._blobs.get(_snapshot_key(list_id))
        except KeyError:
            return None
        lines = gzip.GzipFile(fileobj=io.BytesIO(body))
        return int(json.loads(lines.readline())["items"]), _items_of(lines)

    def _parts(self, list_id: str, numbers: Sequence[int]) -> Iterator[bytes]:
        """The parts of these batches, in order, a few at a time. Raises KeyError."""
        with ThreadPoolExecutor(READERS) as pool:
            for some in chunks(numbers, 4 * READERS):
                yield from pool.map(lambda number: self._blobs.get(_part_key(list_id, number)), some)

    def _had_ended(self, item: Mapping[str, Any], at: str) -> bool:
        """What the ledger has forgotten ended long ago. A cancelled import is half a list: it must be named."""
        job = self._ledger.job(str(item["list_id"]))
        return job is None or (job.status is Status.COMPLETED and not job.undo and "" < job.completed_at <= at)

    def _by_owner(self, owner: str, upto: str = "") -> dict[str, Any]:
        condition = "owner_pk = :owner" + (" AND created_key < :upto" if upto else "")
        values = {":owner": owner, **({":upto": upto} if upto else {})}
        return {"TableName": self.table, "IndexName": "by_owner", "KeyConditionExpression": condition,
                "ExpressionAttributeValues": to_item(values)}


def _key(list_id: str) -> dict[str, str]:
    return {"pk": f"LIST#{list_id}", "sk": "LIST"}


def _prefix(list_id: str) -> str:
    return f"price-lists/{list_id}/"


def _part_key(list_id: str, batch: int) -> str:
    return f"{_prefix(list_id)}part-{batch:05d}.jsonl"


def _snapshot_key(list_id: str) -> str:
    return f"{_prefix(list_id)}snapshot.jsonl.gz"


def _list_from(item: Mapping[str, Any]) -> PriceList:
    return PriceList(list_id=item["list_id"], owner=item["owner"], name=item["name"], file_name=item["file_name"],
                     created_at=item["created_at"], items=int(item["items"]))


def _line(item: PriceItem) -> bytes:
    values = {"id": item.id, "description": item.description, "rate": None if item.rate is None else str(item.rate),
              **{name: getattr(item, name) for name in _TEXTS}}
    return json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=True,
                      separators=(",", ":")).encode() + b"\n"


def _items_of(lines: Iterable[bytes]) -> Iterator[PriceItem]:
    """Equal texts are one text in memory: units, suppliers and categories repeat."""
    from chalicelib.matching.model import PriceItem

    known: dict[str, str] = {}
    for line in lines:
        values = json.loads(line)
        rate = values.pop("rate", None)
        texts = {name: known.setdefault(text, text) if name not in ("id", "description") else text
                 for name, text in values.items()}
        yield PriceItem(**texts, rate=None if rate is None else Decimal(rate))


def _packed(items: int, parts: Iterable[bytes]) -> bytes:
    """One gzip without a time or a name in it: the same parts are the same bytes."""
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", mtime=0, compresslevel=6) as packed:
        packed.write(json.dumps({"items": items}).encode() + b"\n")
        for part in parts:
            packed.write(part)
    return target.getvalue()
