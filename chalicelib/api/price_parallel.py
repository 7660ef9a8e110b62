"""`PROCESSING_MODE=parallel`: a job takes the queue, and the request works it out as well, to see whether both agree.

The queue's rows are what is stored and counts. The request's own rows lie beside the file as JSON, and once the job has
ended its status and results list every field that differs.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.api.forms import Sent
from chalicelib.api.price_jobs import PIPELINE
from chalicelib.api.price_models import ResultDifference
from chalicelib.costs import Meter
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.model import Batch, Item, Job
from chalicelib.jobs.pipeline import Pipeline, Reading, Work
from chalicelib.logs import log

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.mappings import Mappings
    from chalicelib.adapters.price_results import PriceResults
    from chalicelib.adapters.s3 import Blobs

Row = Mapping[str, Any]

COMPARED = ("matchedItemId", "matchedDescription", "matchedCode", "matchedUnit", "matchedRate", "totalPrice",
            "confidence", "tier", "unitMismatch", "matchMethod")
"""Fields of a row in which two ways of working may differ."""
MISSING = "row"
"""The field of a row that only one of the two has."""


def computed(
    job: Job, sent: Sent, *, pipeline: Pipeline, mappings: Mappings, blobs: Blobs, remaining: Callable[[], float],
    margin: float,
) -> list[Row] | None:
    """The job's rows as this request works them out, kept for comparison; None where it cannot do so in time."""
    try:
        rows = list(_rows(job, sent, pipeline, mappings, remaining, margin))
    except (Waiting, Transient, Unavailable, ContentRefused) as error:
        log.info("nothing to compare with", extra={"job_id": job.job_id, "error": type(error).__name__})
        return None
    blobs.put(_key(job.job_id), json.dumps(rows, separators=(",", ":")).encode(), "application/json")
    return rows


def compared(
    job: Job, source: Job, *, ledger: Ledger, blobs: Blobs, price_results: PriceResults
) -> list[ResultDifference] | None:
    """Where the two ways differ, once the job has ended; None before, and where there is nothing to compare."""
    if job.options.get("mode") != "parallel" or not source.status.terminal:
        return None
    try:
        ours = json.loads(blobs.get(_key(job.job_id)))
    except KeyError:
        return None
    return differences(ours, price_results.walk(source, ledger.sheets(source.job_id)))


def differences(sync: Iterable[Row], stored: Iterable[Row]) -> list[ResultDifference]:
    """Where rows that a request worked out differ from those that the queue stored, in the order of the file.

    Rows that a person or a later re-match has changed are no evidence, and are passed over.
    """
    ours, theirs = {_place(row): row for row in sync}, {_place(row): row for row in stored}
    found: list[ResultDifference] = []
    for place in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(place), theirs.get(place)
        if other is None or not (other.get("isManuallyEdited") or other.get("rematchedBy")):
            found += _fields(one, other)
    return found


def _fields(one: Row | None, other: Row | None) -> Iterator[ResultDifference]:
    row = other or one or {}
    if one is None or other is None:
        yield _difference(row, MISSING, one is not None, other is not None)
        return
    for name in COMPARED:
        if one.get(name) != other.get(name):
            yield _difference(row, name, one.get(name), other.get(name))


def _difference(row: Row, field: str, one: Any, other: Any) -> ResultDifference:
    return ResultDifference(result_id=str(row["resultId"]), worksheet=row.get("worksheet"),
                      row_number=int(row["rowNumber"]), field=field, sync=one, asynchronous=other)


def _place(row: Row) -> str:
    """Sheet and row; the ids before them are of two jobs where one is the other's duplicate."""
    return "-".join(str(row["resultId"]).split("-")[-2:])


def _rows(
    job: Job, sent: Sent, pipeline: Pipeline, mappings: Mappings, remaining: Callable[[], float], margin: float
) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        path = Path(folder) / "file"
        path.write_bytes(sent.body)
        memory = mappings.of_owner(job.owner, PIPELINE)
        reading = pipeline.read(str(path), sent.file_name, {**job.options, "memory": memory, "job": job})
        items = list(reading)
    for batch in _batches(job, items, pipeline, reading):
        if remaining() < margin:
            raise Waiting(0, "deadline")
        processed = pipeline.process(batch, Work(job, 1, remaining, Meter(), silent=True))
        yield from (stored.record for stored in processed.stored)


def _batches(job: Job, items: list[Item], pipeline: Pipeline, reading: Reading) -> Iterator[Batch]:
    good = [item for item in items if "_error" not in item]
    size = pipeline.batch_size(len(items), job.options)
    total = -(-len(good) // size)
    for number in itertools.count(1):
        some = tuple(good[(number - 1) * size:number * size])
        if not some:
            return
        yield Batch(job.job_id, number, total, some, reading.columns)


def _key(job_id: str) -> str:
    return f"received/parallel/{job_id}.json"
