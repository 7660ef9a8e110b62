"""The spool: every batch of a job as bytes in S3, cut once, sent as often as needed.

`work/{jobId}/part-00001.jsonl` holds one line a batch, exactly the text that goes into its message, so that sending is
splicing and never serialising. `part-00001.index.json` says where each batch lies and which rows it holds. Retry,
resume and sweeper read the spool, so no re-send needs the dropped file or a dead letter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from chalicelib.jobs.model import Item, RowId, row_id

PART_BYTES = 8 * 1024 * 1024
"""A part is written when it reaches so many bytes: what the splitter holds in memory at most."""


class Store(Protocol):
    def put(self, key: str, body: bytes, content_type: str = ...) -> object: ...
    def get(self, key: str) -> bytes: ...
    def get_range(self, key: str, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Slice:
    """Where a batch lies in its part, and what is in it. `sheets` maps a sheet's index to its rows."""

    number: int
    offset: int
    length: int
    rows: int
    sheets: Mapping[int, int]
    first: RowId
    last: RowId


@dataclass(frozen=True, slots=True)
class Cut:
    """A batch as it was cut: its text and what is in it, as in `Slice`."""

    text: bytes
    rows: int
    sheets: Mapping[int, int]
    first: RowId
    last: RowId


@dataclass(slots=True)
class Part:
    """A part being filled."""

    number: int
    first_batch: int
    cuts: list[Cut] = field(default_factory=list)
    size: int = 0

    def add(self, cut: Cut) -> None:
        self.cuts.append(cut)
        self.size += len(cut.text) + 1

    @property
    def rows(self) -> int:
        return sum(cut.rows for cut in self.cuts)


class Spool:
    """The spool of one job."""

    def __init__(self, blobs: Store, job_id: str) -> None:
        self._blobs = blobs
        self._job_id = job_id

    def write(self, part: Part) -> None:
        """Store a part and its index. Writing the same part again writes the same bytes."""
        index, offset = [], 0
        for number, cut in enumerate(part.cuts, start=part.first_batch):
            index.append({"number": number, "offset": offset, "length": len(cut.text), "rows": cut.rows,
                          "sheets": cut.sheets, "first": cut.first, "last": cut.last})
            offset += len(cut.text) + 1
        body = b"\n".join(cut.text for cut in part.cuts) + b"\n"
        self._blobs.put(self._key(part.number), body, "application/jsonl")
        text = json.dumps(index, separators=(",", ":"))
        self._blobs.put(self._index_key(part.number), text.encode(), "application/json")

    def index(self, number: int) -> list[Slice]:
        """What is in a part, in batch order. Raises KeyError when the spool is gone (14 days)."""
        return [_loaded(entry) for entry in json.loads(self._blobs.get(self._index_key(number)))]

    def texts(self, number: int, wanted: Sequence[Slice]) -> Iterator[tuple[Slice, bytes]]:
        """The wanted batches of a part. The part is fetched once when there are several, else only its bytes."""
        if len(wanted) == 1:
            yield wanted[0], self._blobs.get_range(self._key(number), wanted[0].offset, wanted[0].length)
            return
        body = self._blobs.get(self._key(number)) if wanted else b""
        for entry in wanted:
            yield entry, body[entry.offset:entry.offset + entry.length]

    def slices(self, parts: int) -> Iterator[tuple[int, Slice]]:
        """All batches of the first `parts` parts, each with its part's number."""
        for number in range(1, parts + 1):
            for entry in self.index(number):
                yield number, entry

    def put_row(self, item: Item) -> Item:
        """Store a row that is too large for a message; answers the claim check that travels in its place."""
        sheet, row = row_id(item)
        key = f"work/{self._job_id}/row-{sheet}-{row}.json"
        self._blobs.put(key, json.dumps(item, separators=(",", ":")).encode(), "application/json")
        return {"_worksheet": item["_worksheet"], "_sheet": sheet, "_row": row, "_claim": key}

    def _key(self, number: int) -> str:
        return f"work/{self._job_id}/part-{number:05d}.jsonl"

    def _index_key(self, number: int) -> str:
        return f"work/{self._job_id}/part-{number:05d}.index.json"


def outside_key(job_id: str, number: int) -> str:
    """Where the message of a batch from outside is kept for a later re-send."""
    return f"work/{job_id}/outside-{number}.json"


def redeemed(blobs: Store, item: Item) -> Item:
    """The row behind a claim check; any other row as it is."""
    if "_claim" not in item:
        return item
    row: Item = json.loads(blobs.get(str(item["_claim"])))
    return row


def _loaded(entry: Mapping[str, Any]) -> Slice:
    return Slice(entry["number"], entry["offset"], entry["length"], entry["rows"],
                 {int(sheet): count for sheet, count in entry["sheets"].items()},
                 RowId(*entry["first"]), RowId(*entry["last"]))
