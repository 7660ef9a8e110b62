"""`PROCESSING_MODE=parallel`: the queue enriches and stores, and the request works it out as well, for comparison.

The request goes first: what it looks up is in the cache then, so that both ways together cost as much as one. Its own
result lies in the bucket; once the job has ended, the fields that differ are told, where they came from and when aside.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.product_store import ORIGINAL, Catalogue, Product, ProductStore
from chalicelib.api.catalogue_models import ProductDifference
from chalicelib.costs import Meter
from chalicelib.errors import DropmillError
from chalicelib.jobs.model import Batch, Item, Job
from chalicelib.jobs.pipeline import Pipeline, Work
from chalicelib.logs import log

if TYPE_CHECKING:
    from chalicelib.adapters.mappings import Mappings
    from chalicelib.adapters.s3 import Blobs

FOLDER = "received/parallel"
PAGE = 200
ABOUT_FETCHING = frozenset({"keepa_status", "keepa_fetched_at", "keepa_updated_at"})
"""Says where from and when, not what."""
ABSENT = "product"
"""The field that differs where only one way made the product."""

Rows = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """How the request's own run ended, and where the stored products differ; None while the queue's goes on."""

    state: str
    differences: tuple[ProductDifference, ...] | None


def compute(
    job: Job, *, pipeline: Pipeline, mappings: Mappings, blobs: Blobs, remaining: Callable[[], float], margin: float
) -> None:
    """Work the job out without storing anything, and keep that. Never raises: the job itself goes on."""
    try:
        products, complete = _worked_out(job, pipeline, mappings, blobs, remaining, margin)
        told: dict[str, Any] = {"products": products, "complete": complete}
    except (DropmillError, KeyError) as error:
        log.warning("the request's own enrichment failed", extra={"job_id": job.job_id, "error": type(error).__name__})
        told = {"error": type(error).__name__}
    try:
        blobs.put(_key(job), json.dumps(told, default=str).encode(), "application/json")
    except DropmillError as error:
        log.warning("the request's own enrichment was not kept", extra={"error": type(error).__name__})


def compared(job: Job, catalogue: Catalogue, *, product_store: ProductStore, blobs: Blobs) -> Told | None:
    """The comparison of a job; None for one that was not worked out twice."""
    try:
        mine = json.loads(blobs.get(_key(job)))
    except KeyError:
        return None
    if "error" in mine:
        return Told(f"failed: {mine['error']}", None)
    if not job.status.terminal:
        return Told("completed", None)
    theirs = {product.product_id: said(product.content, product.enrichment)
              for product in _all(product_store, catalogue, most=len(mine["products"]) + PAGE)
              if mine["complete"] or product.product_id in mine["products"]}
    return Told("completed" if mine["complete"] else "partial", tuple(differences(mine["products"], theirs)))


def said(content: Mapping[str, Any], enrichment: Mapping[str, Any]) -> dict[str, Any]:
    """What of a product the two ways are compared by."""
    fields = {name: value for name, value in content.items() if name != ORIGINAL}
    data = {name: value for name, value in enrichment.items() if name not in ABOUT_FETCHING}
    return {name: value for name, value in {**fields, **data}.items() if value not in (None, "", [])}


def differences(mine: Rows, theirs: Rows) -> Iterator[ProductDifference]:
    """Products of which the two ways say different things, with the names of the fields."""
    for product_id in dict.fromkeys((*mine, *theirs)):
        one, other = mine.get(product_id), theirs.get(product_id)
        if one is None or other is None:
            yield ProductDifference(product_id=product_id, fields=(ABSENT,))
        elif fields := tuple(name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)):
            yield ProductDifference(product_id=product_id, fields=fields)


def _worked_out(
    job: Job, pipeline: Pipeline, mappings: Mappings, blobs: Blobs, remaining: Callable[[], float], margin: float
) -> tuple[dict[str, Mapping[str, Any]], bool]:
    """Products by id, and whether there was time for all of them."""
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        path = str(Path(folder) / "upload")
        blobs.download(job.file_key, path, job.version_id)
        reading = pipeline.read(path, job.file_name, {
            **job.options, "memory": mappings.of_owner(job.owner, job.pipeline)})
        items = [item for item in reading if "_error" not in item]
    work = Work(job, 1, remaining, Meter())  # what this uses is not the job's
    products: dict[str, Mapping[str, Any]] = {}
    for batch in _batches(job, items, reading.columns):
        if remaining() < margin:
            return products, False
        for stored in pipeline.process(batch, work).stored:
            found = stored.record["enrichment"]
            products[stored.record["product_id"]] = said(stored.record["content"], found.data if found else {})
    return products, True


def _batches(job: Job, items: list[Item], columns: Mapping[str, Mapping[str, str]]) -> Iterator[Batch]:
    total = -(-len(items) // job.batch_size)
    rest = iter(items)
    for number in itertools.count(1):
        some = tuple(itertools.islice(rest, job.batch_size))
        if not some:
            return
        yield Batch(job.job_id, number, total, some, columns)


def _all(store: ProductStore, catalogue: Catalogue, *, most: int) -> Iterator[Product]:
    cursor = ""
    while most > 0:
        page = store.page(catalogue.owner, catalogue, limit=PAGE, cursor=cursor)
        yield from page.products
        most -= PAGE
        cursor = page.cursor
        if not cursor:
            return


def _key(job: Job) -> str:
    return f"{FOLDER}/{job.job_id}.json"
