"""Catalogues over REST: a file becomes one, and what is in them.

A catalogue's id is the id of the job that imported it. Who drops the same file again gets the catalogue that is there:
the later job's id leads to it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalice.app import Request, Response

from chalicelib.adapters.product_store import ORIGINAL, Catalogue, Product, ProductStore
from chalicelib.api import cursors
from chalicelib.api.auth import Caller
from chalicelib.api.catalogue_models import (
    CatalogueAnswer,
    CatalogueForm,
    CataloguePage,
    CatalogueQuery,
    CatalogueSummary,
    CatalogueTaken,
    ProductPage,
    ProductQuery,
    ProductView,
)
from chalicelib.api.forms import items_in, taken, time_left, worked_off
from chalicelib.api.requests import path_id
from chalicelib.api.uploads import checked_options
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.intake import receive
from chalicelib.jobs.model import Job, Status
from chalicelib.pipelines.products.storing import enriches, name_of
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.catalogues import Catalogues
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.mappings import Mappings
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.jobs.at_once import AtOnce

PIPELINE = "products"
UNDONE = "undone"
TEXTS = ("name", "description", "category", "brand", "sku", "upc", "asin", "price", "currency", "quantity", "unit",
         "image")


@dataclass(frozen=True, slots=True)
class Held:
    """A catalogue of the caller's: `known` once a batch of it was settled, `job` while its import is remembered."""

    catalog_id: str
    known: Catalogue | None
    job: Job | None

    @property
    def status(self) -> str:
        if self.job is None:
            return Status.COMPLETED.value
        return UNDONE if self.job.undo else self.job.status.value


def take(
    caller: Caller, request: Request, *, at_once: Callable[[str, Callable[[], float]], AtOnce],
    pipelines: Mapping[str, Any], ledger: Ledger, mappings: Mappings, blobs: Blobs, settings: Settings,
    clock: Callable[[], datetime],
) -> Response:
    """Import a catalogue: 201 where the request could do it, else 202; its id is its job's.

    Raises BAD_REQUEST, UNSUPPORTED_TYPE, and FileRefused for a file that is no catalogue, which leaves no job.
    """
    remaining = time_left(request, settings, clock)
    sent, form = taken(CatalogueForm, request)
    told = form.as_json(only_set=True)
    again = bool(told.pop("again", False))
    options = checked_options(PIPELINE, told)
    count = items_in(sent, PIPELINE, options, owner=caller.owner, pipelines=pipelines, mappings=mappings,
                     settings=settings)
    job = receive(owner=caller.owner, subject=caller.subject, pipeline=PIPELINE, file_name=sent.file_name,
                  body=sent.body, options=options, again=again, ledger=ledger, blobs=blobs, clock=clock)
    job = worked_off(job, at_once(PIPELINE, remaining), ledger, now=count <= settings.sync_items)
    answer = _taken(job, count if count <= settings.sync_items else None, ledger)
    status = 201 if job.status.terminal else 202
    return Response(body=answer.as_json(), status_code=status, headers={"Location": answer.status_url})


def listing(
    caller: Caller, query: CatalogueQuery, *, catalogues: Catalogues, settings: Settings
) -> CataloguePage:
    """The caller's catalogues, newest first; one whose import has only begun is not among them yet."""
    scope = {"list": "catalogues", "owner": caller.owner}
    page = catalogues.list(caller.owner, limit=query.limit, cursor=_position(settings, scope, query.cursor))
    return CataloguePage(catalogs=tuple(_summary(each) for each in page.catalogues),
                         cursor=_cursor(settings, scope, page.cursor))


def show(caller: Caller, catalog_id: str, *, catalogues: Catalogues, ledger: Ledger) -> CatalogueAnswer:
    """One catalogue. Raises CATALOG_NOT_FOUND."""
    held = held_by(caller, catalog_id, catalogues, ledger)
    known, job = held.known, held.job
    last = ledger.job(known.enrich_job) if known and known.enrich_job else None
    enrichment = None if last is None else {
        "trackingId": last.job_id, "tracking_id": last.job_id, "status": last.status.value,
        "provider": last.options.get("provider"), "percentage": last.percentage}
    removed = sum(each.undo_removed for each in (job, last) if each is not None)
    return CatalogueAnswer(
        catalog_id=held.catalog_id, name=known.name if known else name_of(job) if job else held.catalog_id,
        description=_description(held), filename=known.file_name or None if known else job.file_name if job else None,
        status=held.status, total_items=job.rows if job else known.products if known else 0,
        products=max(0, known.products - removed) if known else 0, rejected=job.rejected if job else 0,
        sheets=tuple(sheet.name for sheet in known.sheets) if known else (),
        sources={} if last is None or last.undo else {name: count for name, count in last.tallies.items() if count},
        enrichment=enrichment,
        created_at=known.created_at if known else job.created_at if job else "",
        status_url=f"/status/{held.catalog_id}" if job else None)


def products(
    caller: Caller, catalog_id: str, query: ProductQuery, *, catalogues: Catalogues, ledger: Ledger,
    product_store: ProductStore, settings: Settings,
) -> ProductPage:
    """A page of a catalogue in file order; with `source` it may be short before the end. Raises CATALOG_NOT_FOUND."""
    held = held_by(caller, catalog_id, catalogues, ledger)
    if held.known is None:
        return ProductPage(products=(), cursor=None)
    scope = {"list": "products", "owner": caller.owner, "catalogue": held.catalog_id, "source": query.source}
    page = product_store.page(caller.owner, held.known, limit=query.limit, source=query.source,
                              cursor=_position(settings, scope, query.cursor))
    return ProductPage(products=tuple(product_view(each) for each in page.products),
                       cursor=_cursor(settings, scope, page.cursor))


def held_by(caller: Caller, catalog_id: str, catalogues: Catalogues, ledger: Ledger) -> Held:
    """The caller's catalogue of that id, or of the job that brought the same file before. Raises CATALOG_NOT_FOUND."""
    wanted = path_id(catalog_id, RequestProblem.CATALOG_NOT_FOUND)
    job = _import_of(caller, wanted, ledger)
    if job is not None and job.duplicate_of:
        wanted = job.duplicate_of
        job = _import_of(caller, wanted, ledger)
    known = catalogues.get(caller.owner, wanted)
    if known is None and job is None:
        raise RequestRefused(RequestProblem.CATALOG_NOT_FOUND)
    return Held(wanted, known, job)


def product_view(product: Product) -> ProductView:
    content = product.content
    texts = {name: _text(content.get(name)) for name in TEXTS}
    return ProductView(
        product_id=product.product_id, catalog_id=product.catalog_id, worksheet=product.worksheet, row=product.row,
        **texts, original_data=content.get(ORIGINAL, {}), enriched_data=dict(product.enrichment) or None,
        source=product.source.value or "none", enriched_at=product.enriched_at or None, warnings=product.warnings,
        job_id=product.job_id, created_at=product.created_at, updated_at=product.updated_at)


def _import_of(caller: Caller, job_id: str, ledger: Ledger) -> Job | None:
    job = ledger.job(job_id)
    mine = job is not None and (job.owner, job.pipeline) == (caller.owner, PIPELINE) and not enriches(job)
    return job if mine and job is not None and not job.outside else None


def _taken(job: Job, count: int | None, ledger: Ledger) -> CatalogueTaken:
    """What came of the file. Of one that was there before the earlier catalogue is told."""
    source = (ledger.job(job.duplicate_of) or job) if job.duplicate_of else job
    message = "Catalog uploaded successfully" if job.status is Status.COMPLETED else "Catalog import queued"
    if job.duplicate_of:
        message = "The same file was imported before; this is its catalog."
    total = source.rows if source.planned else count
    return CatalogueTaken(
        message=message, catalog_id=source.job_id, job_id=job.job_id, filename=job.file_name, total_items=total,
        products=source.new, rejected=source.rejected, status=source.status.value,
        status_url=f"/status/{job.job_id}", duplicate_of=job.duplicate_of or None)


def _summary(catalogue: Catalogue) -> CatalogueSummary:
    return CatalogueSummary(
        catalog_id=catalogue.catalog_id, name=catalogue.name, description=catalogue.description or None,
        filename=catalogue.file_name or None, products=catalogue.products, tracking_id=catalogue.enrich_job or None,
        created_at=catalogue.created_at)


def _description(held: Held) -> str | None:
    told = held.known.description if held.known else str(held.job.options.get("description") or "") if held.job else ""
    return told or None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _position(settings: Settings, scope: dict[str, str], cursor: str) -> str:
    return cursors.unseal(settings.jwt_secret, scope, cursor) if cursor else ""


def _cursor(settings: Settings, scope: dict[str, str], position: str) -> str | None:
    return cursors.seal(settings.jwt_secret, scope, position) if position else None
