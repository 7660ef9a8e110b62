"""Price lists over REST: a version comes as a form, few rows at once; then a match can name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from chalice.app import Request, Response

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.mappings import Mappings
from chalicelib.adapters.s3 import Blobs
from chalicelib.api import cursors
from chalicelib.api.auth import Caller
from chalicelib.api.forms import items_in, taken, time_left, worked_off
from chalicelib.api.price_jobs import PIPELINE
from chalicelib.api.price_models import ListForm, PriceListAnswer, PriceListPage, PriceListQuery, PriceListView
from chalicelib.api.requests import path_id
from chalicelib.api.uploads import checked_options
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.intake import receive
from chalicelib.jobs.model import Job
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.price_lists import PriceList, PriceLists
    from chalicelib.jobs.at_once import AtOnce

OPTION = "priceList"


def take(
    caller: Caller, request: Request, *, at_once: Callable[[str, Callable[[], float]], AtOnce],
    pipelines: Mapping[str, Any], ledger: Ledger, mappings: Mappings, price_lists: PriceLists, blobs: Blobs,
    settings: Settings, clock: Callable[[], datetime],
) -> Response:
    """Import a version: 201 where the request could do it, else 202; its id is its job's.

    The same file under the same name again is no new version: the answer names the one that is there. Raises
    BAD_REQUEST, UNSUPPORTED_TYPE, and FileRefused for a file that is no price list, which leaves no job.
    """
    remaining = time_left(request, settings, clock)
    sent, form = taken(ListForm, request)
    name = form.name or PurePosixPath(sent.file_name).stem[:100]
    told = form.as_json(only_set=True)
    options = checked_options(PIPELINE, {
        OPTION: name, **{each: told[each] for each in ("headerRow", "mapping") if each in told}})
    count = items_in(sent, PIPELINE, options, owner=caller.owner, pipelines=pipelines, mappings=mappings,
                     settings=settings)
    job = receive(owner=caller.owner, subject=caller.subject, pipeline=PIPELINE, file_name=sent.file_name,
                  body=sent.body, options=options, again=form.again, ledger=ledger, blobs=blobs, clock=clock)
    job = worked_off(job, at_once(PIPELINE, remaining), ledger, now=count <= settings.sync_items)
    answer = _of_job(job, price_lists.listing(caller.owner, name), ledger)
    status = 201 if answer.status == "completed" else 202
    return Response(body=answer.as_json(), status_code=status, headers={"Location": f"/price-lists/{answer.list_id}"})


def listing(
    caller: Caller, query: PriceListQuery, *, price_lists: PriceLists, ledger: Ledger, settings: Settings
) -> PriceListPage:
    """The caller's versions by list, newest first; a list that is longer than a page goes on behind the cursor."""
    scope = {"list": "price-lists", "owner": caller.owner, "name": query.name}
    before = cursors.unseal(settings.jwt_secret, scope, query.cursor) if query.cursor else ""
    versions = [each for each in price_lists.listing(caller.owner, query.name)
                if not before or _position(each) < before]
    page = versions[:query.limit]
    lists: dict[str, list[PriceListAnswer]] = {}
    for each in page:
        lists.setdefault(each.name, []).append(_answer(each, ledger.job(each.list_id)))
    more = len(versions) > query.limit
    return PriceListPage(
        price_lists=tuple(PriceListView(name=name, versions=tuple(told)) for name, told in lists.items()),
        cursor=cursors.seal(settings.jwt_secret, scope, _position(page[-1])) if more else None)


def show(caller: Caller, list_id: str, *, price_lists: PriceLists, ledger: Ledger) -> PriceListAnswer:
    """One version. Raises NOT_FOUND, also for another owner's and one that was undone."""
    found = price_lists.get(caller.owner, path_id(list_id))
    if found is None:
        job = ledger.job(list_id)
        if job is None or job.owner != caller.owner or OPTION not in job.options or job.undo:
            raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such price list.")
        return _of_job(job, price_lists.listing(caller.owner, str(job.options[OPTION])), ledger)
    versions = {each.list_id: each for each in price_lists.listing(caller.owner, found.name)}
    return _answer(versions.get(list_id, found), ledger.job(list_id))


def _of_job(job: Job, versions: tuple[PriceList, ...], ledger: Ledger) -> PriceListAnswer:
    """The version that a job makes, or that its file already is; one that has begun to be read has none yet."""
    list_id = job.duplicate_of or job.job_id
    found = next((each for each in versions if each.list_id == list_id), None)
    source = ledger.job(list_id) if job.duplicate_of else job
    if found is not None:
        answer = _answer(found, source)
        return answer.model_copy(update={"job_id": job.job_id, "duplicate_of": job.duplicate_of or None})
    return PriceListAnswer(
        list_id=list_id, job_id=job.job_id, name=str(job.options[OPTION]), number=0, file_name=job.file_name, items=0,
        rejected=None, status=(source or job).status.value, duplicate_of=job.duplicate_of or None,
        created_at=job.created_at, status_url=f"/status/{job.job_id}")


def _position(version: PriceList) -> str:
    return f"{version.created_at}#{version.list_id}"


def _answer(found: PriceList, job: Job | None) -> PriceListAnswer:
    return PriceListAnswer(
        list_id=found.list_id, job_id=found.list_id, name=found.name, number=found.version, file_name=found.file_name,
        items=found.items, rejected=None if job is None else job.rejected,
        status=None if job is None else job.status.value, created_at=found.created_at,
        status_url=f"/status/{found.list_id}")
