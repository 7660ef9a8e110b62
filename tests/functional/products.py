"""Catalogues for the tests of their pipeline: imported, enriched and read back through the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.adapters.product_store import Product
from chalicelib.api import enrichment
from chalicelib.api.auth import Caller
from chalicelib.api.catalogue_models import EnrichQuery
from chalicelib.jobs.model import Job, Outcome
from tests.functional.engine import Context, Engine

OWNER = "default"
ADA = Caller("ada", OWNER, frozenset({"user"}))
KEY = "uploads/products/offer.xlsx"


def imported(engine: Engine, body: bytes, key: str = KEY) -> Job:
    """Drop a catalogue and see its import through."""
    job = engine.drop(body, key)
    engine.split()
    work(engine)
    return engine.job(job.job_id)


def work(engine: Engine, most: int = 1000, context: Context | None = None) -> int:
    """Serve the products queue until it is empty."""
    pipeline = engine.services.pipelines["products"]
    return engine.serve("products", lambda records: engine.worker(pipeline, context).work(records), most)


def begun(engine: Engine, catalog_id: str, provider: str = "keepa", *, strict: bool = False) -> Job:
    """Ask for an enrichment as the route does, and plan it."""
    engine.time.pass_(10)
    answer = engine.services.call(enrichment.start, caller=ADA, catalog_id=catalog_id,
                                  query=EnrichQuery(provider=provider, strict=strict))
    engine.split()
    return engine.job(answer.body["tracking_id"])


def enriched(engine: Engine, catalog_id: str, provider: str = "keepa", *, strict: bool = False) -> Job:
    """Enrich a catalogue and see it through."""
    job = begun(engine, catalog_id, provider, strict=strict)
    work(engine)
    return engine.job(job.job_id)


def products(engine: Engine, catalog_id: str, source: str = "", owner: str = OWNER) -> list[Product]:
    """All products of a catalogue, page by page."""
    catalogue = engine.services.catalogues.get(owner, catalog_id)
    assert catalogue is not None
    found: list[Product] = []
    cursor = ""
    while True:
        page = engine.services.product_store.page(owner, catalogue, limit=200, cursor=cursor, source=source)
        found += page.products
        cursor = page.cursor
        if not cursor:
            return found


def sources(found: Sequence[Product]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for product in found:
        counts[product.source.value] = counts.get(product.source.value, 0) + 1
    return counts


def neutral(product: Product, *jobs: Job) -> dict[str, Any]:
    """A product without ids and times of the run's own, so that two runs can be compared."""
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items() if name != "keepa_fetched_at"}
        if isinstance(value, str):
            for place, job in sorted(enumerate(jobs), key=lambda each: -len(each[1].job_id)):
                value = value.replace(job.job_id, f"<job {place}>").replace(job.uploaded_at, f"<at {place}>")
        return value

    told = {name: plain(getattr(product, name)) for name in Product.__slots__ if name != "enriched_at"}
    return told | {"content": plain(dict(product.content)), "enrichment": plain(dict(product.enrichment))}


def counters(job: Job) -> dict[str, Any]:
    told: dict[str, Any] = {outcome.value: job.count(outcome) for outcome in Outcome}
    return told | {"rows": job.rows, "pending": job.pending, "tallies": dict(sorted(job.tallies.items()))}


def with_settings(engine: Engine, **settings: str) -> Engine:
    """Another process over the same account, with other settings and the same time."""
    other = Engine(engine.aws, {**engine.settings, **settings})
    other.time = engine.time
    other.services.clock = engine.time
    return other
