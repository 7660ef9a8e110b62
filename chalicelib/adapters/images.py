"""Where pictures are recorded: what was made of which file, and where the result lies.

The records of an owner lie in a few partitions by path, so that all beneath a folder is found as it is now, not as an
index lags behind. Three kinds of small items stand beside them: which path an id means, which path had a content last
(a file that was renamed is not decoded again), and what a batch is about to do outside of its transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import image_items as items
from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, from_item, query, to_item, translated
from chalicelib.adapters.image_records import PRIOR_DAYS, SHARDS, Image, Place, Record, Space
from chalicelib.jobs.pipeline import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Image", "Images", "Note", "NoteKind", "Page", "Place", "Record", "Space"]

_BEHIND_SLASH = "0"
"""The character that follows the slash."""
_FIRST = "\0"


@dataclass(frozen=True, slots=True)
class Page:
    """Pictures by path. `cursor` continues behind them and is "" at the end."""

    images: tuple[Image, ...]
    cursor: str


class NoteKind(StrEnum):
    MADE = "made"
    """An object under `key`."""
    FELL = "fell"
    """What lies at the place, and all beneath it."""
    NONE = "none"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a batch is about to do outside of its transaction, written before: whoever comes later finds it."""

    kind: NoteKind
    place: Place
    version: str
    key: str = ""


class Images:
    """One table, all owners; nothing crosses. Every method raises Transient where the database does not answer."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime]) -> None:
        self.client = client
        self.table = table
        self._clock = clock

    # --- for people

    def get(self, owner: str, image_id: str) -> Image | None:
        """The picture of that id; None where there is none, or it is somebody else's, or was deleted."""
        found = self._get(_id_key(owner, image_id))
        return self.record(Place(owner, Space(found["space"]), found["path"])).image if found else None

    def page(self, owner: str, *, folder: str = "", limit: int, cursor: str = "") -> Page:
        """Pictures of all spaces in and beneath `folder` by path, behind `cursor`; may lag behind by a second."""
        prefix = folder.strip("/").lower()
        first, last = (f"/{prefix}/", f"/{prefix}{_BEHIND_SLASH}") if prefix else ("/", _BEHIND_SLASH)
        values = {":owner": owner, ":first": max(first, f"{cursor}{_FIRST}" if cursor else ""), ":last": last}
        with translated("list pictures"):
            answer = self.client.query(
                TableName=self.table, IndexName="by_owner", Limit=limit + 1,
                KeyConditionExpression="owner_pk = :owner AND path_key BETWEEN :first AND :last",
                ExpressionAttributeValues=to_item(values))
        images = [items.image_from(from_item(item)) for item in answer["Items"]]
        more = len(images) > limit or "LastEvaluatedKey" in answer
        return Page(tuple(images[:limit]), items.path_key(images[:limit][-1]) if more and images else "")

    def under(self, owner: str, prefix: str, *, space: Space = Space.DROPBOX) -> Iterator[Image]:
        """All pictures beneath the folder `prefix` (a `path_id`; "" or "/" is everything), as of now, in no order."""
        for record in self.records_under(Place(owner, space, prefix.rstrip("/"))):
            if record.image is not None:
                yield record.image

    # --- records

    def record(self, place: Place) -> Record:
        """The record of a place as of now."""
        return items.record_from(place, self._get(items.record_key(place)))

    def known(self, place: Place) -> tuple[Record, str]:
        """The record of a place, and the version of the latest deletion of a folder that it is in."""
        above = place.above
        keys = [items.record_key(each) for each in (place, *above)]
        found = {(item["pk"], item["sk"]): item for item in batch_get(self.client, self.table, keys)}
        mine, *folders = [found.get((key["pk"], key["sk"])) for key in keys]
        return items.record_from(place, mine), max((item.get("fell", "") for item in folders if item), default="")

    def records_under(self, folder: Place) -> Iterator[Record]:
        """All records beneath a place, with a picture or without, as of now, in no order."""
        for shard in range(SHARDS):
            values = {":pk": items.partition(folder.owner, folder.space, shard), ":beneath": f"{folder.path}/"}
            for item in query(self.client, TableName=self.table, ConsistentRead=True,
                              KeyConditionExpression="pk = :pk AND begins_with(sk, :beneath)",
                              ExpressionAttributeValues=to_item(values)):
                yield items.record_from(Place(folder.owner, folder.space, item["sk"]), item)

    def alike(self, owner: str, space: Space, content_hash: str) -> Image | None:
        """A picture made of these bytes, as it stands or as it stood before a job of late; its object may be gone."""
        found = self._get(_content_key(owner, space, content_hash)) if content_hash else None
        if found is None:
            return None
        record = self.record(Place(owner, space, found["path"]))
        images = [record.image, *(link.image for link in reversed(record.links))]
        return next((each for each in images if each and each.content_hash == content_hash), None)

    def write(self, record: Record) -> Write:
        """Store a record, on condition that what was read is still there."""
        return Write(self.table, items.record_key(record.place), items.record_item(record, self._clock()),
                     **_unchanged(record))

    def pointers(self, image: Image) -> Sequence[Write]:
        """What finds a picture by its id and by its content. Of several with one content the last one is as good."""
        told = {"space": image.space.value, "path": image.path_id}
        writes = [Write(self.table, _id_key(image.owner, image.image_id), told)]
        if image.content_hash:
            writes.append(Write(self.table, _content_key(image.owner, image.space, image.content_hash), told))
        return writes

    def put(self, record: Record) -> bool:
        """Store a record by itself; False where somebody else was faster."""
        write = self.write(record)
        values = {"ExpressionAttributeValues": to_item(write.values)} if write.values else {}
        try:
            with translated(write.meaning):
                self.client.put_item(TableName=self.table, Item=to_item(write.item),
                                     ConditionExpression=write.condition, **values)  # type: ignore[arg-type]
        except ConditionFailed:
            return False
        return True

    # --- notes

    def put_note(self, job_id: str, number: int, note: Note) -> None:
        """Any number of times; it stays for as long as the job may be undone."""
        expires = int((self._clock() + timedelta(days=PRIOR_DAYS)).timestamp())
        item = {**_note_key(job_id, number), "kind": note.kind.value, "owner": note.place.owner,
                "space": note.place.space.value, "path": note.place.path, "version": note.version,
                "object_key": note.key or None, "expires_at": expires}
        with translated("note what a batch does"):
            self.client.put_item(TableName=self.table, Item=to_item(item))

    def note(self, job_id: str, number: int) -> Note | None:
        found = self._get(_note_key(job_id, number))
        if found is None:
            return None
        place = Place(found["owner"], Space(found["space"]), found["path"])
        return Note(NoteKind(found["kind"]), place, found["version"], found.get("object_key", ""))

    def _get(self, key: dict[str, str]) -> dict[str, Any] | None:
        with translated("get from the pictures"):
            item = self.client.get_item(TableName=self.table, Key=to_item(key), ConsistentRead=True).get("Item")
        return from_item(item) if item else None


def _unchanged(record: Record) -> dict[str, Any]:
    if record.rev == 1:
        return {"condition": "attribute_not_exists(pk)", "meaning": "nobody has stored it"}
    return {"condition": "rev = :rev", "values": {":rev": record.rev - 1}, "meaning": "the place is as it was read"}


def _id_key(owner: str, image_id: str) -> dict[str, str]:
    return {"pk": f"ID#{image_id}#{owner}", "sk": "ID"}


def _content_key(owner: str, space: Space, content_hash: str) -> dict[str, str]:
    return {"pk": f"CONTENT#{space.value}#{content_hash}#{owner}", "sk": "CONTENT"}


def _note_key(job_id: str, number: int) -> dict[str, str]:
    return {"pk": f"NOTE#{job_id}#{number}", "sk": "NOTE"}
