"""Price jobs over REST: a bill comes as a form and is matched while its sender waits, or by the queue.

Both ways it is the same job. Up to `SYNC_ITEMS` items the request works on it for `SYNC_SECONDS`; what is not done
then, or fails at its first try, goes on in the queue, and the answer is 202 instead of 200.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalice.app import Request, Response

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.mappings import Mappings
from chalicelib.adapters.records import Records
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.api import cursors
from chalicelib.api.auth import Caller
from chalicelib.api.export import start
from chalicelib.api.export_record import Kind
from chalicelib.api.forms import items_in, taken, time_left, worked_off
from chalicelib.api.models import FileFormat
from chalicelib.api.price_export import filename_of
from chalicelib.api.price_jobs import (
    PIPELINE,
    base_of,
    checked_method,
    chosen_list,
    matching_job,
    methods_told,
    source_of,
)
from chalicelib.api.price_models import (
    MatchAnswer,
    MatchForm,
    MatchingStatus,
    MethodsAnswer,
    ResultDifference,
    ResultPage,
    ResultQuery,
    ResultRow,
)
from chalicelib.api.price_parallel import compared, computed
from chalicelib.api.price_view import row_view, status_view
from chalicelib.api.uploads import checked_options
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.intake import receive
from chalicelib.jobs.model import Job
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.price_lists import PriceLists
    from chalicelib.adapters.price_results import PriceResults
    from chalicelib.jobs.at_once import AtOnce

Clock = Callable[[], datetime]

MOST_BYTES = 5 * 1024 * 1024
"""A Lambda answers 6 MB at most (AWS quotas)."""


def upload_and_match(
    caller: Caller, request: Request, *, at_once: Callable[[str, Callable[[], float]], AtOnce],
    pipelines: Mapping[str, Any], ledger: Ledger, mappings: Mappings, price_lists: PriceLists,
    price_results: PriceResults, blobs: Blobs, settings: Settings, clock: Clock,
) -> Response:
    """Match a bill: 200 with its rows where the request could do it, else 202 with the same job.

    Raises BAD_REQUEST, METHOD_UNAVAILABLE, NO_PRICE_LIST, UNSUPPORTED_TYPE, and FileRefused for a file that is no bill;
    none of them leaves a job.
    """
    remaining, began = time_left(request, settings, clock), clock()
    sent, form = taken(MatchForm, request)
    options = _options(caller, form, price_lists, settings, began)
    count = items_in(sent, PIPELINE, options, owner=caller.owner, pipelines=pipelines, mappings=mappings,
                     settings=settings)
    few, mode = count <= settings.sync_items, settings.prices.mode
    if few and mode == "parallel":
        options["mode"] = mode
    job = receive(owner=caller.owner, subject=caller.subject, pipeline=PIPELINE, file_name=sent.file_name,
                  body=sent.body, options=options, again=form.again, ledger=ledger, blobs=blobs, clock=clock)
    job = worked_off(job, at_once(PIPELINE, remaining), ledger, now=few and mode == "sync")
    rows = None
    if few and mode == "parallel":
        found = computed(job, sent, pipeline=pipelines[PIPELINE], mappings=mappings, blobs=blobs, remaining=remaining,
                         margin=settings.deadline_margin)
        rows = None if found is None else tuple(map(row_view, found))
    source = source_of(job, ledger)
    if rows is None and source.status.terminal:
        rows = tuple(map(row_view, price_results.walk(source, ledger.sheets(source.job_id))))
    return _answered(job, source, rows, clock())


def methods(caller: Caller, *, settings: Settings) -> MethodsAnswer:  # noqa: ARG001 - the same for everybody
    """The methods by name, whether each can be used here, and the one that is used where none is named."""
    return methods_told(settings)


def status(
    caller: Caller, job_id: str, *, ledger: Ledger, blobs: Blobs, price_results: PriceResults, clock: Clock
) -> MatchingStatus:
    """How far a job is. Raises UPLOAD_NOT_FOUND, also for another owner's."""
    job = matching_job(caller, job_id, ledger)
    source = source_of(job, ledger)
    found = compared(job, source, ledger=ledger, blobs=blobs, price_results=price_results)
    return status_view(job, source, clock(), differences=found)


def results(
    caller: Caller, job_id: str, query: ResultQuery, *, ledger: Ledger, blobs: Blobs, price_results: PriceResults,
    settings: Settings,
) -> ResultPage:
    """Rows in the order of the file, as far as they are settled. Raises UPLOAD_NOT_FOUND, BAD_CURSOR."""
    job = matching_job(caller, job_id, ledger)
    source = base_of(job, ledger)
    tier = query.tier.value if query.tier else ""
    scope = {"list": "price-results", "owner": caller.owner, "job": source.job_id, "tier": tier}
    cursor = cursors.unseal(settings.jwt_secret, scope, query.cursor) if query.cursor else ""
    sheets, limit = ledger.sheets(source.job_id), query.limit
    page = price_results.page(source, sheets, limit=limit, cursor=cursor, tier=tier)
    while limit > 1 and len(json.dumps([dict(row) for row in page.rows])) > MOST_BYTES:
        limit = max(1, limit // 8)
        page = price_results.page(source, sheets, limit=limit, cursor=cursor, tier=tier)
    differences = None if query.cursor else \
        compared(job, source, ledger=ledger, blobs=blobs, price_results=price_results)
    return _page(job, tuple(map(row_view, page.rows)), differences,
                 cursors.seal(settings.jwt_secret, scope, page.cursor) if page.cursor else None)


def export_workbook(
    caller: Caller, job_id: str, *, ledger: Ledger, records: Records, queues: Queues, settings: Settings, clock: Clock
) -> Response:
    """Have the results written into the file that was dropped: 202 with the place to ask. Raises CANNOT_EXPORT."""
    source = base_of(matching_job(caller, job_id, ledger), ledger)
    if not source.status.terminal or not source.planned or source.undo:
        raise RequestRefused(RequestProblem.CANNOT_EXPORT, status=source.status.value)
    if source.outside:
        raise RequestRefused(RequestProblem.CANNOT_EXPORT, "The job came in messages; there is no file to write into.")
    told = start(caller.owner, Kind.PRICES, FileFormat.XLSX, filename_of(source.file_name, ".xlsx"),
                 {"jobId": source.job_id}, records=records, queues=queues, settings=settings, now=clock())
    return Response(body=told.as_json(), status_code=202, headers={"Location": told.status_url})


def _options(
    caller: Caller, form: MatchForm, price_lists: PriceLists, settings: Settings, now: datetime
) -> dict[str, Any]:
    told = form.as_json(only_set=True)
    for name in ("again", "priceList", "clientId"):
        told.pop(name, None)
    told["method"] = checked_method(form.method, settings)
    told["listId"] = chosen_list(caller.owner, form.price_list, price_lists, now).list_id
    options = checked_options(PIPELINE, told)
    return {**options, "clientId": form.client_id} if form.client_id else options


def _answered(job: Job, source: Job, rows: tuple[ResultRow, ...] | None, now: datetime) -> Response:
    told = status_view(job, source, now)
    place = f"/api/price-matching/{job.job_id}"
    answer = MatchAnswer(**dict(told), start_time=job.created_at, status_url=f"{place}/status",
                         results_url=f"{place}/results", results=rows)
    body = answer.as_json()
    if rows is None:
        return Response(body=body, status_code=202, headers={"Location": answer.status_url})
    if len(json.dumps(body)) > MOST_BYTES:
        body["results"] = None  # its pages hold them
    return Response(body=body)


def _page(
    job: Job, rows: tuple[ResultRow, ...], differences: list[ResultDifference] | None, cursor: str | None
) -> ResultPage:
    return ResultPage(job_id=job.job_id, duplicate_of=job.duplicate_of or None, results=rows, cursor=cursor,
                      differences=None if differences is None else tuple(differences))
