"""The products pipeline: any spreadsheet becomes a catalogue, and a catalogue is enriched with Keepa's data.

Two kinds of jobs share the file, the reading and the store. An import makes a product of every row. An enrichment reads
the same pinned file again and puts data beside the products; its options name the catalogue. Batches from outside are
enrichments of products that come with the message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.product_store import ProductStore, catalogue_of, product_id_at
from chalicelib.errors import Malformed, RowRefused
from chalicelib.jobs.model import Batch, Item, Job, Reject, origin_of, row_id, worksheet_of
from chalicelib.jobs.pipeline import Pipeline, Processed, Reading, Rehearsal, Stored, Work
from chalicelib.logs import log
from chalicelib.pipelines.products.storing import Registry, Storing, enriches
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.cache import Cache
    from chalicelib.adapters.catalogues import Catalogues, EnrichmentStatuses
    from chalicelib.adapters.keepa import Keepa
    from chalicelib.adapters.leases import Leases
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.pipelines.products.enrich import Enricher, Enrichment
    from chalicelib.pipelines.products.records import Row

AUTO_SIZES = ((100, 12), (501, 20), (1001, 25))
"""Seed 001's table: below 100 rows 12 a batch (10-15), to 500 rows 20, to 1,000 rows 25, above 32."""
LARGEST_AUTO = 32


def build(
    *, settings: Settings, product_store: ProductStore, catalogues: Catalogues,
    enrichment_statuses: EnrichmentStatuses, keepa: Callable[[], Keepa], cache: Callable[[], Cache], leases: Leases,
    ledger: Ledger, blobs: Blobs, clock: Callable[[], datetime], sleep: Callable[[float], None],
) -> Pipeline:
    """The pipeline as the engine wants it. `keepa` and `cache` are asked for only when something is enriched."""
    registry = Registry(catalogues, ledger)
    storing = Storing(product_store, catalogues, enrichment_statuses, registry, clock)
    enricher = partial(_enricher, settings=settings, keepa=keepa, cache=cache, leases=leases, blobs=blobs, clock=clock,
                       sleep=sleep)
    processing = Processing(_once(enricher), product_store)
    return Pipeline(
        name="products", items_key="products", queue=settings.products_queue, read=partial(_read, settings=settings),
        process=processing.process, effects=storing.effects,
        batch_size=partial(batch_size, setting=settings.products.batch_size),
        result_options=("mapping", "headerRow"), rehearse=partial(_rehearse, settings=settings),
        undo=storing.put_back, noted=storing.noted)


def batch_size(rows: int, _options: Mapping[str, Any], *, setting: int | str) -> int:
    """Products a batch for a file of `rows` rows."""
    if isinstance(setting, int):
        return setting
    return next((size for below, size in AUTO_SIZES if rows < below), LARGEST_AUTO)


# --- process


@dataclass(frozen=True, slots=True)
class Processing:
    """What becomes of a batch's rows before anything is stored."""

    enricher: Callable[[], Enricher]
    store: ProductStore

    def process(self, batch: Batch, work: Work) -> Processed:
        from chalicelib.pipelines.products.enrich import PROVIDERS
        from chalicelib.pipelines.products.records import own_id

        job = work.job
        if job.options.get("provider", PROVIDERS[0]) not in PROVIDERS:
            raise Malformed("the message names no provider of ours", providers=PROVIDERS)
        good: list[tuple[Item, Row, str]] = []
        rejects: list[Reject] = []
        for item in batch.items:
            own = own_id(item) if job.outside else ""
            try:
                good.append((item, self._row(item, batch, job, own), own))
            except RowRefused as refusal:
                rejects.append(_reject(item, refusal))
        if rejects:
            log.info("rows rejected", extra={"codes": dict(Counter(reject.code for reject in rejects))})
        rows = [row for _, row, _ in good]
        found = self.enricher().enrich(batch, rows, work) if enriches(job) and rows else [None] * len(rows)
        stored = [_stored(job, item, row, own, each) for (item, row, own), each in zip(good, found, strict=True)]
        return Processed(tuple(stored), tuple(rejects))

    def _row(self, item: Item, batch: Batch, job: Job, own: str) -> Row:
        """A row from outside may only name a product of ours: then that product says the rest."""
        from chalicelib.pipelines.products.records import read, row_of

        columns = batch.columns.get(str(item["_worksheet"]), {})
        row = read(item, columns)
        if own and not row.codes:
            known = self.store.get(job.owner, catalogue_of(job), own)
            if known is not None:
                mine = {name: text for name, text in row.content.items() if isinstance(text, str)}
                told = read({**known.content, **mine, **_identity(item)}, {})
                return replace(told, content={**row.content})
        return row if row.says_something else row_of(item, columns)


def _identity(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name.startswith("_")}


def _stored(job: Job, item: Item, row: Row, own: str, found: Enrichment | None) -> Stored:
    record = {"product_id": own or product_id_at(catalogue_of(job), row_id(item)), "content": row.content,
              "enrichment": found}
    # Whoever imported the row corrected the reject; reading it again does not.
    origin = {} if enriches(job) else origin_of(item)
    return Stored(row_id(item), worksheet_of(item), record, row.warnings,
                  str(job.options.get("provider", "")) if found else "", origin=origin)


def _reject(item: Item, refusal: RowRefused) -> Reject:
    sheet, row = row_id(item)
    cells = {name: value for name, value in item.items() if not name.startswith("_")}
    return Reject(sheet, row, worksheet_of(item), refusal.code.value, refusal.field, refusal.message, cells,
                  origin_of(item))


# --- built on first use


def _once(make: Callable[[], Enricher]) -> Callable[[], Enricher]:
    made: list[Enricher] = []

    def get() -> Enricher:
        if not made:
            made.append(make())
        return made[0]
    return get


def _enricher(
    *, settings: Settings, keepa: Callable[[], Keepa], cache: Callable[[], Cache], leases: Leases, blobs: Blobs,
    clock: Callable[[], datetime], sleep: Callable[[float], None],
) -> Enricher:
    from chalicelib.pipelines.products.enrich import Enricher
    from chalicelib.pipelines.products.known import Known
    from chalicelib.pipelines.products.prefetch import Parts

    chosen = settings.keepa
    return Enricher(
        settings=chosen, has_key=has_key(settings), keepa=keepa, leases=leases,
        known=lambda: Known(cache(), chosen.domain, chosen.cache_days, chosen.missing_days, clock),
        parts=Parts(blobs, settings.part_batches), margin=settings.deadline_margin,
        max_receives=settings.max_receives, sleep=sleep)


def has_key(settings: Settings) -> bool:
    """Whether Keepa can be asked; its key is not read for that."""
    return len(settings.keepa_api_key) > 0


def _read(path: str, file_name: str, options: Mapping[str, Any], *, settings: Settings) -> Reading:
    from chalicelib.pipelines.products.fields import FIELDS
    from chalicelib.tables.limits import Limits
    from chalicelib.tables.reading import read_table

    limits = Limits(max_rows=settings.max_rows, max_columns=settings.max_columns,
                    max_cell_chars=settings.max_cell_chars)
    return read_table(path, file_name, fields=FIELDS, limits=limits, options=options)


def _rehearse(batch: Batch, *, settings: Settings) -> Rehearsal:
    from chalicelib.pipelines.products.rehearsal import rehearse

    return rehearse(batch, settings=settings.keepa, has_key=has_key(settings),
                    workers=settings.products.max_concurrency)
