"""A person's word about results: one row set by hand, or all unmatched rows asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalice.app import Response

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.records import Record, RecordKey, Records
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.api.auth import Caller
from chalicelib.api.price_jobs import base_of, checked_method, chosen_list, matching_job
from chalicelib.api.price_models import RematchAnswer, RematchRequest, ResultPatch, ResultRow, Tier
from chalicelib.api.price_view import row_view
from chalicelib.api.requests import path_id
from chalicelib.errors import Conflict, FileProblem, FileRefused, RequestProblem, RequestRefused
from chalicelib.jobs.messages import split_message
from chalicelib.jobs.model import Job, Status, stamp
from chalicelib.logs import request_id
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.price_fixes import PriceFixes
    from chalicelib.adapters.price_lists import PriceLists
    from chalicelib.adapters.price_results import PriceResults
    from chalicelib.matching.model import PriceItem

Clock = Callable[[], datetime]
Row = Mapping[str, Any]

TRIES = 5
"""Times that a change is decided anew where others change the row at the same time."""
BEGINNING = timedelta(seconds=60)
"""So long a re-match that was announced may take to become a job."""


def patch(
    caller: Caller, result_id: str, fix: ResultPatch, *, price_results: PriceResults, price_lists: PriceLists,
    price_fixes: PriceFixes, clock: Clock,
) -> ResultRow:
    """Set a row by hand; a chosen item is remembered for later rows of that text.

    Raises NOT_FOUND, also for another owner's row, BAD_REQUEST for an item that the job's list does not have, and
    RESULT_CHANGED where the row is not the `version` that the caller saw.
    """
    for _ in range(TRIES):
        row = price_results.get(caller.owner, path_id(result_id))
        if row is None:
            raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such result.")
        if fix.version is not None and fix.version != row["version"]:
            raise RequestRefused(RequestProblem.RESULT_CHANGED, version=row["version"])
        item = _item(row, fix.item_id, price_lists) if fix.item_id is not None else None
        at = stamp(clock())
        try:
            changed = price_results.edit(row, _changes(row, fix, item), by=caller.subject, at=at)
        except Conflict:
            continue
        if item is not None:
            from chalicelib.pipelines.prices.match import query_of

            price_fixes.teach(caller.owner, query_of(row), item, at)
        return row_view(changed)
    raise RequestRefused(RequestProblem.RESULT_CHANGED, "The row keeps changing, or its job is undone.")


def rematch(
    caller: Caller, job_id: str, request: RematchRequest, *, ledger: Ledger, records: Records, blobs: Blobs,
    queues: Queues, price_lists: PriceLists, settings: Settings, clock: Clock,
) -> Response:
    """Match a job's unmatched rows again: 202 with the job that does it, 200 with `action: none` where there are none.

    Its rows stay those of the job. Raises CANNOT_REMATCH while the job or another re-match of it goes on,
    NO_PRICE_LIST, METHOD_UNAVAILABLE, BAD_REQUEST, and FILE_EXPIRED once the file is no longer kept.
    """
    base = base_of(matching_job(caller, job_id, ledger), ledger)
    if not base.status.terminal or not base.planned or base.undo:
        raise RequestRefused(RequestProblem.CANNOT_REMATCH, "The job has not ended, or is undone.",
                             status=base.status.value)
    if base.outside:
        raise RequestRefused(RequestProblem.CANNOT_REMATCH, "The job came in messages; there is no file to read again.")
    if base.tallies.get(Tier.UNMATCHED.value, 0) <= 0:
        return _answered(base, None)
    options = _options(caller, base, request, price_lists, settings, clock())
    if blobs.head(base.file_key, base.version_id) is None:
        raise FileRefused(FileProblem.FILE_EXPIRED)
    job = _job_over(base, options, caller, stamp(clock()))
    _alone(base, job, ledger, records, clock(), settings.ledger_days)
    ledger.create(job)
    ledger.add_event(job.job_id, "rematch", by=caller.subject, of=base.job_id)
    queues.send(settings.split_queue, split_message(job.job_id), group=job.owner)
    return _answered(base, job)


def _changes(row: Row, fix: ResultPatch, item: PriceItem | None) -> dict[str, Any]:
    from chalicelib.matching.model import Units
    from chalicelib.matching.units import units
    from chalicelib.pipelines.prices.match import chosen, repriced

    changes: dict[str, Any] = chosen(row, item) if item is not None or fix.clear else {}
    own = fix.own
    if "rate" in own:
        changes |= repriced(row, own.pop("rate"))
    changes |= {f"matched{name.capitalize()}": text or None for name, text in own.items()}
    if own.get("unit"):
        changes["unitMismatch"] = units(str(row["originalUnit"]), own["unit"]) in (Units.DIFFERENT, Units.COMPATIBLE)
    if "notes" in fix.model_fields_set:
        changes["notes"] = fix.notes or ""
    return changes


def _item(row: Row, item_id: str, price_lists: PriceLists) -> PriceItem:
    """The item of the row's list. What the row offers needs no list, which may be large and cold."""
    from chalicelib.matching.model import PriceItem

    for each in row["candidates"]:
        if each["itemId"] == item_id:
            rate = each.get("rate")
            return PriceItem(id=item_id, description=str(each["description"]), code=str(each.get("code") or ""),
                             unit=str(each.get("unit") or ""), rate=None if rate is None else Decimal(str(rate)))
    found = price_lists.get(str(row["owner"]), str(row["listId"]))
    try:
        loaded = None if found is None else price_lists.load(found)
    except KeyError:
        loaded = None
    if loaded is None:
        raise RequestRefused(RequestProblem.NOT_FOUND, "The price list of this row is no longer there; set a rate.")
    item = loaded.item(item_id)
    if item is None:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The job's price list has no such item.", fields=["itemId"],
                             listId=row["listId"])
    return item


def _options(
    caller: Caller, base: Job, request: RematchRequest, price_lists: PriceLists, settings: Settings, now: datetime
) -> dict[str, Any]:
    """Those of the job, with what was asked in their place; a job that named no list had the newest of its time."""
    method = checked_method(request.method or base.options.get("method"), settings)
    wanted = request.list_id or base.options.get("listId")
    found = chosen_list(caller.owner, wanted, price_lists, now)
    kept = {name: value for name, value in base.options.items() if name != "mode"}
    return {**kept, "method": method, "listId": found.list_id, "rematch": base.job_id}


def _job_over(base: Job, options: Mapping[str, Any], caller: Caller, at: str) -> Job:
    """A job over the file that is there already: the same object in the same version."""
    return Job(job_id=uuid4().hex, owner=base.owner, pipeline=base.pipeline, status=Status.PENDING,
               file_name=base.file_name, file_key=base.file_key, created_at=at, updated_at=at, uploaded_at=at,
               bucket=base.bucket, version_id=base.version_id, file_size=base.file_size, options=options, again=True,
               requested_by=caller.subject, request_id=request_id())


def _alone(base: Job, job: Job, ledger: Ledger, records: Records, now: datetime, days: int) -> None:
    """Announce the re-match: of two at once, one. What was announced and never became a job does not stand for long."""
    key, body = RecordKey(f"REMATCH#{base.job_id}", "REMATCH"), {"job": job.job_id, "at": stamp(now)}
    expiry = int((now + timedelta(days=days)).timestamp())
    mine: Record | None = records.create(key, body, expires_at=expiry)
    if mine is None:
        found = records.get(key)
        if found is not None and _goes_on(found, ledger, now):
            raise RequestRefused(RequestProblem.CANNOT_REMATCH, "Another re-match of the job goes on.",
                                 jobId=found.body["job"])
        mine = records.replace(found, body, expires_at=expiry) if found is not None else None
    if mine is None:
        raise RequestRefused(RequestProblem.CANNOT_REMATCH, "Another re-match of the job has just begun.")


def _goes_on(found: Record, ledger: Ledger, now: datetime) -> bool:
    other = ledger.job(str(found.body["job"]))
    if other is not None:
        return not other.status.terminal
    return now - datetime.fromisoformat(str(found.body["at"]).replace("Z", "+00:00")) < BEGINNING


def _answered(base: Job, job: Job | None) -> Response:
    if job is None:
        none = RematchAnswer(action="none", message="No row is unmatched; there is nothing to match again.",
                             job_id=None, rematch_of=base.job_id, status_url=None)
        return Response(body=none.as_json())
    place = f"/api/price-matching/{job.job_id}/status"
    started = RematchAnswer(action="started", message="The unmatched rows are being matched again.", job_id=job.job_id,
                            rematch_of=base.job_id, status_url=place)
    return Response(body=started.as_json(), status_code=202, headers={"Location": place})
