"""What the price routes ask before they act: whose job it is, whose rows it has, which list and method are meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.adapters.ledger import Ledger
from chalicelib.api.auth import Caller
from chalicelib.api.price_models import MethodsAnswer, MethodView
from chalicelib.api.status import owned_job
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.model import Job, stamp
from chalicelib.pipelines.prices.working import LOCAL, LOCAL_DEEPSEEK
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.price_lists import PriceList, PriceLists

PIPELINE = "prices"
METHODS: Mapping[str, str] = {
    LOCAL: "Words, codes, sizes and units, compared here; needs no service.",
    LOCAL_DEEPSEEK: "LOCAL, and DeepSeek is asked about close calls among LOCAL's candidates."}
IMPORT_SECONDS = 5
"""When to ask again for a list that is being imported."""

_LIST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def matching_job(caller: Caller, job_id: str, ledger: Ledger) -> Job:
    """The caller's job, if it matches prices. Raises UPLOAD_NOT_FOUND for any other."""
    job = owned_job(caller, job_id, ledger)
    if job.pipeline != PIPELINE or "priceList" in job.options:
        raise RequestRefused(RequestProblem.UPLOAD_NOT_FOUND)
    return job


def source_of(job: Job, ledger: Ledger) -> Job:
    """The job whose rows stand for this one: itself, or where its file was matched before, that job."""
    first = ledger.job(job.duplicate_of) if job.duplicate_of else None
    return job if first is None or first.owner != job.owner else first


def base_of(job: Job, ledger: Ledger) -> Job:
    """The job that holds the result rows: a re-match writes into those of the job that it was asked for."""
    base = ledger.job(str(job.options["rematch"])) if job.options.get("rematch") else source_of(job, ledger)
    if base is None or base.owner != job.owner:
        raise RequestRefused(RequestProblem.UPLOAD_NOT_FOUND, "The job of the results is no longer there.")
    return base


def checked_method(method: str | None, settings: Settings) -> str:
    """The method by its name, whatever its case; LOCAL where none is named.

    Raises BAD_REQUEST for one that we do not have, METHOD_UNAVAILABLE for one that is not set up.
    """
    name = (method or LOCAL).strip().upper().replace("-", "_")
    if name not in METHODS:
        raise RequestRefused(RequestProblem.BAD_REQUEST, f"There is no such method; there are {', '.join(METHODS)}.",
                             fields=["method"], methods=[*METHODS])
    if not _available(name, settings):
        raise RequestRefused(RequestProblem.METHOD_UNAVAILABLE,
                             f"{name} needs DEEPSEEK_API_KEY, which is not set; {LOCAL} needs nothing.", method=name)
    return name


def methods_told(settings: Settings) -> MethodsAnswer:
    """All methods, and the default one."""
    return MethodsAnswer(default=LOCAL, methods=tuple(
        MethodView(method=name, available=_available(name, settings), description=told)
        for name, told in METHODS.items()))


def chosen_list(owner: str, wanted: str | None, price_lists: PriceLists, now: datetime) -> PriceList:
    """The version meant by an id, or the newest by a name; without either, the newest of all. Raises NO_PRICE_LIST."""
    at = stamp(now)
    if wanted is None:
        found = price_lists.newest(owner, at)
        if found is None:
            raise _without_list(price_lists.listing(owner), None)
        return found
    by_id = price_lists.get(owner, wanted) if _LIST_ID.fullmatch(wanted) else None
    if by_id is not None and price_lists.ended(by_id):
        return by_id
    found = None if by_id else price_lists.newest(owner, at, wanted)
    if found is None:
        every = price_lists.listing(owner)
        raise _without_list((by_id,) if by_id else tuple(each for each in every if each.name == wanted), wanted,
                            known=sorted({each.name for each in every}))
    return found


def _available(name: str, settings: Settings) -> bool:
    return name == LOCAL or len(settings.deepseek_api_key) > 0


def _without_list(
    running: tuple[PriceList, ...], wanted: str | None, known: list[str] | None = None
) -> RequestRefused:
    how = "Send a spreadsheet of your prices to POST /price-lists (file, name), or a large one to POST /upload with " \
          'options {"priceList": name}.'
    if running:
        return RequestRefused(RequestProblem.NO_PRICE_LIST, "The price list is still being imported, or has no items.",
                              retry_after=IMPORT_SECONDS, priceLists=[each.list_id for each in running[:20]])
    if wanted is None:
        return RequestRefused(RequestProblem.NO_PRICE_LIST, f"You have no price list. {how}")
    return RequestRefused(RequestProblem.NO_PRICE_LIST, f"You have no price list of that name or id. {how}",
                          priceLists=(known or [])[:20])
