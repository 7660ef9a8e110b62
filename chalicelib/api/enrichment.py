"""Enriching a catalogue: one enrichment at a time, as a job of its own over the catalogue's pinned file.

The catalogue names its latest enrichment, and that is the lock: another one begins only when the named job has ended.
A crash between naming a job and creating it leaves a name without a job; the next request creates that very job, so
that of two requests which see it only one gets through.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.adapters.product_store import ProductStore, Source
from chalicelib.api.auth import Caller
from chalicelib.api.catalogue_models import (
    EnrichAnswer,
    EnrichedBatch,
    EnrichmentStatus,
    EnrichQuery,
    ProvidersAnswer,
    ProviderView,
)
from chalicelib.api.catalogues import PIPELINE, Held, held_by
from chalicelib.api.enrichment_parallel import compared, compute
from chalicelib.api.forms import worked_off
from chalicelib.errors import Conflict, RequestProblem, RequestRefused
from chalicelib.jobs.corrections import LARGEST_BATCH
from chalicelib.jobs.model import Job, Status, stamp
from chalicelib.logs import request_id
from chalicelib.pipelines.products.enrich import KEEPA, MOCK, PROVIDERS
from chalicelib.pipelines.products.pipeline import has_key
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.catalogues import Catalogues, EnrichmentStatuses
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.mappings import Mappings
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.jobs.at_once import AtOnce
    from chalicelib.jobs.pipeline import Pipeline

QUEUED = "Enrichment queued successfully"
DONE = "Enrichment completed successfully"
RETRY_SECONDS = 2
TRIES = 5
LOST_AFTER = 3600
"""Seconds after which a named job that is not there was forgotten, and is not about to be created."""
SHOWN_BATCHES = 200
READ_AGAIN = ("mapping", "headerRow")
"""Options of an import that its enrichment needs to read the same rows."""


@dataclass(frozen=True, slots=True)
class Names:
    """What begins an enrichment: the catalogue's word for it, and the ledger's."""

    catalogues: Catalogues
    ledger: Ledger
    clock: Callable[[], datetime]

    def begin(self, owner: str, catalog_id: str) -> str:
        """The id under which the enrichment is to be created. Raises ENRICHMENT_RUNNING."""
        for _ in range(TRIES):
            mine = self._free_id(catalog_id)
            try:
                named = self.catalogues.begin_enrich(owner, catalog_id, job_id=mine, unless_running=self._runs)
            except Conflict:
                continue
            if named == mine or self.ledger.job(named) is None:
                return named
            raise _running(named)
        raise _running("")

    def _free_id(self, catalog_id: str) -> str:
        """Seed 001's form; a later second where this one's is taken."""
        epoch = int(self.clock().timestamp())
        while self.ledger.job(f"enrich_{catalog_id}_{epoch}") is not None:
            epoch += 1
        return f"enrich_{catalog_id}_{epoch}"

    def _runs(self, job_id: str) -> bool:
        job = self.ledger.job(job_id)
        if job is not None:
            return not job.status.terminal
        epoch = job_id.rpartition("_")[2]
        return epoch.isdecimal() and int(epoch) > self.clock().timestamp() - LOST_AFTER


def start(
    caller: Caller, catalog_id: str, query: EnrichQuery, *, at_once: Callable[[str, Callable[[], float]], AtOnce],
    pipelines: Mapping[str, Pipeline], catalogues: Catalogues, ledger: Ledger, mappings: Mappings, blobs: Blobs,
    settings: Settings, clock: Callable[[], datetime],
) -> Response:
    """Enrich a catalogue: 202 with seed 001's answer; 200 where the request did all of it itself.

    Raises CATALOG_NOT_FOUND, CATALOG_NOT_READY, ENRICHMENT_RUNNING, UNKNOWN_PROVIDER and, for `strict` without a key,
    PROVIDER_UNAVAILABLE.
    """
    ends = time.monotonic() + settings.sync_seconds + settings.deadline_margin
    _check(query, settings)
    held = held_by(caller, catalog_id, catalogues, ledger)
    imported = _ready(held)
    job = _made(held, imported, query, caller, pipelines[PIPELINE], Names(catalogues, ledger, clock), ledger)
    engine = at_once(PIPELINE, lambda: ends - time.monotonic())
    mode = settings.products.mode if imported.rows <= settings.sync_items else "async"
    if mode == "parallel":
        compute(job, pipeline=pipelines[PIPELINE], mappings=mappings, blobs=blobs,
                remaining=lambda: ends - time.monotonic(), margin=settings.deadline_margin)
    now = worked_off(job, engine, ledger, now=mode == "sync")
    done = now.status is Status.COMPLETED
    answer = EnrichAnswer(
        message=DONE if done else QUEUED, tracking_id=job.job_id, total_products=imported.rows,
        total_batches=-(-imported.rows // job.batch_size), status=now.status.value if mode == "sync" else None)
    return Response(body=answer.as_json(only_set=True), status_code=200 if done else 202,
                    headers={"Location": f"/status/{job.job_id}"})


def show(
    caller: Caller, catalog_id: str, *, catalogues: Catalogues, enrichment_statuses: EnrichmentStatuses,
    ledger: Ledger, blobs: Blobs, product_store: ProductStore,
) -> EnrichmentStatus:
    """How far the latest enrichment is. Raises CATALOG_NOT_FOUND."""
    held = held_by(caller, catalog_id, catalogues, ledger)
    job = _latest(caller.owner, held, enrichment_statuses, ledger)
    if job is None:
        return _nothing(held.catalog_id)
    batches = enrichment_statuses.of_job(caller.owner, held.catalog_id, job.job_id, limit=SHOWN_BATCHES + 1)
    told = compared(job, held.known, product_store=product_store, blobs=blobs) if held.known else None
    return EnrichmentStatus(
        catalog_id=held.catalog_id, tracking_id=job.job_id, status=job.status.value, paused=job.paused or None,
        provider=str(job.options.get("provider") or KEEPA), strict=bool(job.options.get("strict")),
        total_products=job.rows or _planned_rows(held, job), total_batches=job.batches_total or _batches(held, job),
        completed_batches=job.batches_done, failed_batches=job.batches_failed, percentage=job.percentage,
        updated=job.updated + job.new, unchanged=job.unchanged, failed=job.failed, rejected=job.rejected,
        sources={source.value: job.tallies.get(source.value, 0) for source in Source if source},
        batches=tuple(sorted(map(_batch, batches[:SHOWN_BATCHES]), key=lambda each: each.batch_number)),
        more_batches=len(batches) > SHOWN_BATCHES, parallel=told.state if told else None,
        differences=told.differences if told else None, started_at=job.started_at or None,
        completed_at=job.completed_at or None)


def providers(caller: Caller, *, settings: Settings) -> ProvidersAnswer:  # noqa: ARG001 - the same for everybody
    """Who can be asked for product data, and who is by default."""
    keepa = ProviderView(
        name=KEEPA, available=has_key(settings),
        description="Amazon's data by UPC, EAN, ASIN or title; without a key flagged mock data instead")
    mock = ProviderView(name=MOCK, available=True, description="Made-up data, flagged as such")
    return ProvidersAnswer(providers=tuple(PROVIDERS), default_provider=KEEPA, seed_default=KEEPA,
                           details=(keepa, mock))


def _check(query: EnrichQuery, settings: Settings) -> None:
    if query.provider not in PROVIDERS:
        raise RequestRefused(RequestProblem.UNKNOWN_PROVIDER, providers=list(PROVIDERS))
    if query.strict and query.provider == MOCK:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "strict refuses mock data, and the provider is mock.")
    if query.strict and not has_key(settings):
        raise RequestRefused(RequestProblem.PROVIDER_UNAVAILABLE, provider=query.provider)


def _ready(held: Held) -> Job:
    """The import, if its products can be enriched."""
    job = held.job
    if job is None:
        raise RequestRefused(RequestProblem.CATALOG_NOT_READY, "There is no file to read again; send the products.")
    if job.undo:
        raise RequestRefused(RequestProblem.CATALOG_NOT_READY, "The import was undone.")
    if job.status is Status.COMPLETED and held.known is not None:
        return job
    wait = None if job.status.terminal else RETRY_SECONDS
    raise RequestRefused(RequestProblem.CATALOG_NOT_READY, retry_after=wait, status=job.status.value)


def _running(job_id: str) -> RequestRefused:
    return RequestRefused(RequestProblem.ENRICHMENT_RUNNING, retry_after=RETRY_SECONDS, trackingId=job_id or None)


def _made(
    held: Held, imported: Job, query: EnrichQuery, caller: Caller, pipeline: Pipeline, names: Names, ledger: Ledger
) -> Job:
    """The enrichment's job; its batch size is pinned, so that the answer can tell how many batches there will be."""
    job_id = names.begin(caller.owner, held.catalog_id)
    options = {**{name: imported.options[name] for name in READ_AGAIN if name in imported.options},
               "catalog": held.catalog_id, "provider": query.provider, "strict": query.strict}
    size = pipeline.batch_size(min(imported.rows, 1001), options)
    last = ledger.job(held.known.enrich_job) if held.known and held.known.enrich_job else None
    at = _later(names.clock(), imported, last)
    job = Job(
        job_id=job_id, owner=imported.owner, pipeline=PIPELINE, status=Status.PENDING, file_name=imported.file_name,
        file_key=imported.file_key, created_at=stamp(names.clock()), updated_at=stamp(names.clock()), uploaded_at=at,
        bucket=imported.bucket, version_id=imported.version_id, file_size=imported.file_size, options=options,
        again=True, batch_size=min(size, LARGEST_BATCH) if imported.parent_job_id else size,
        requested_by=caller.subject, request_id=request_id())
    if not ledger.create(job):
        raise _running(job_id)
    ledger.add_event(job_id, "enrichment_requested", by=caller.subject, provider=query.provider, strict=query.strict)
    return job


def _later(now: datetime, *before: Job | None) -> str:
    """When the enrichment counts as uploaded: later than what it builds on, whatever the clocks of others said."""
    latest = max(datetime.fromisoformat(job.uploaded_at.replace("Z", "+00:00")) for job in before if job)
    return stamp(max(now, latest + timedelta(milliseconds=1)))


def _latest(owner: str, held: Held, statuses: EnrichmentStatuses, ledger: Ledger) -> Job | None:
    """The named one; of a catalogue that only messages enriched the one whose batches are the latest."""
    if held.known is None:
        return None
    if held.known.enrich_job:
        return ledger.job(held.known.enrich_job)
    batches = statuses.of_catalogue(owner, held.catalog_id) if held.known.batches_outside else []
    latest = max(batches, key=lambda each: str(each["created_at"]), default=None)
    return ledger.job(str(latest["job_id"])) if latest else None


def _planned_rows(held: Held, job: Job) -> int:
    return held.job.rows if held.job and not job.planned else 0


def _batches(held: Held, job: Job) -> int:
    return -(-_planned_rows(held, job) // job.batch_size) if job.batch_size else 0


def _batch(item: Mapping[str, Any]) -> EnrichedBatch:
    return EnrichedBatch(
        batch_number=int(str(item["batch_id"]).rpartition("-")[2]), status=str(item["status"]),
        products=int(item["products_count"]), updated_at=str(item["updated_at"]),
        sources={source.value: int(item.get(f"{source.value}_count", 0)) for source in Source if source})


def _nothing(catalog_id: str) -> EnrichmentStatus:
    return EnrichmentStatus(
        catalog_id=catalog_id, tracking_id=None, status="none", paused=None, provider=None, strict=False,
        total_products=0, total_batches=0, completed_batches=0, failed_batches=0, percentage=0, updated=0, unchanged=0,
        failed=0, rejected=0, sources={}, batches=(), more_batches=False, parallel=None, differences=None,
        started_at=None, completed_at=None)
