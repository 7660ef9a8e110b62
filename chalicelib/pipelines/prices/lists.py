"""The import of a price list: rows become items of its version, in S3 before the batch settles."""

from __future__ import annotations

from chalicelib.adapters.price_lists import PriceLists
from chalicelib.adapters.price_results import mark_of
from chalicelib.errors import RowRefused
from chalicelib.jobs.model import Batch, Item, Job, Outcome, Reject, origin_of, row_id, worksheet_of
from chalicelib.jobs.pipeline import Effects, Processed, PutBack, Stored, Undone
from chalicelib.matching.model import PriceItem
from chalicelib.pipelines.prices.items import cells_of, context_of, listed, storable

BATCH = 200
"""Items of a batch: its transaction writes no items, only counts."""
PROVIDER = "LIST"


def store(job: Job, batch: Batch, *, price_lists: PriceLists) -> Processed:
    """Write the batch's items; again writes the same bytes. The version is registered before its first batch is."""
    items: list[PriceItem] = []
    stored: list[Stored] = []
    rejects: list[Reject] = []
    for item in batch.items:
        try:
            made = listed(cells_of(item, batch.columns), row_id(item), context_of(item))
        except RowRefused as refusal:
            rejects.append(rejected(item, refusal))
            continue
        items.append(made)
        stored.append(Stored(row_id(item), worksheet_of(item), {"itemId": made.id}, (), PROVIDER, "", origin_of(item)))
    price_lists.ensure(job)
    if items:
        price_lists.write_part(job.job_id, batch.number, items)
    return Processed(tuple(stored), tuple(rejects))


def effects(job: Job, processed: Processed, *, price_lists: PriceLists) -> Effects:
    """Every item is new; the version's count moves with the batch."""
    rows = [entry.row for entry in processed.stored]
    writes = (price_lists.counted(job, len(rows)),) if rows else ()
    return Effects(dict.fromkeys(rows, Outcome.NEW), writes, marks=tuple(map(mark_of, rows)))


def undo(job: Job, marks: tuple[str, ...], *, price_lists: PriceLists) -> tuple[Undone, ...]:
    """The version goes as a whole, with the first of its batches. What was matched with it stays as it is."""
    price_lists.remove(job.job_id)
    return tuple(Undone(mark, PutBack.REMOVED, f"{job.job_id}/{mark}") for mark in marks)


def rejected(item: Item, refusal: RowRefused) -> Reject:
    """The reject of a row."""
    sheet, row = row_id(item)
    cells = {storable(name): storable(value) for name, value in item.items() if not name.startswith("_")}
    return Reject(sheet, row, worksheet_of(item), refusal.code.value, refusal.field, refusal.message, cells,
                  origin_of(item))
