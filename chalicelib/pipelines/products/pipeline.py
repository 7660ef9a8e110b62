"""The products pipeline: any spreadsheet becomes a catalogue, and a catalogue is enriched with Keepa's data.

Two kinds of jobs share the file, the reading and the store. An import makes a product of every row. An enrichment reads
the same pinned file again and puts data beside the products; its options name the catalogue. Batches from outside are
enrichments of products that come with the message.

A product's own fields are the import's: an enrichment changes none of them, unless a message from outside says more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.product_store import (
    Catalogue,
    Product,
    ProductStore,
    Proposal,
    SheetExtent,
    Source,
    catalogue_of,
    product_id_at,
)
from chalicelib.errors import Malformed, RowRefused
from chalicelib.jobs.model import (
    Batch,
    BatchEntry,
    BatchState,
    Item,
    Job,
    Outcome,
    Reject,
    origin_of,
    row_id,
    stamp,
    worksheet_of,
)
from chalicelib.jobs.pipeline import Effects, Pipeline, Processed, Reading, Rehearsal, Stored, Undone, Work, Write
from chalicelib.logs import log
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
KNOWN_CATALOGUES = 1000
REAL = (Source.REAL_DATA, Source.CACHE)
"""Data that mock data and "not found" never replace."""


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


def enriches(job: Job) -> bool:
    """Whether the job enriches a catalogue; else it imports one."""
    return bool(job.options.get("catalog"))


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


# --- store


@dataclass(frozen=True, slots=True)
class Storing:
    """What a processed batch does to the store, and beside it."""

    store: ProductStore
    catalogues: Catalogues
    statuses: EnrichmentStatuses
    registry: Registry
    clock: Callable[[], datetime]

    def effects(self, job: Job, batch: Batch, processed: Processed) -> Effects:
        """Outcomes and writes; called again after every lost race."""
        self.registry.know(job, batch.total)
        proposals = [_proposal(job, entry) for entry in processed.stored]
        effects = self.store.effects(job, batch.number, proposals)
        writes = list(effects.writes)
        if added := _added(effects):
            writes.append(self.catalogues.count_write(job.owner, catalogue_of(job), added))
        if enriches(job):
            rows = len(processed.stored) + len(processed.rejects)
            writes.append(self._status(job, batch.number, rows, "completed", stamp(self.clock()), effects.tallies))
        return replace(effects, writes=tuple(writes))

    def noted(self, job: Job, entry: BatchEntry) -> Sequence[Write]:
        """Seed 001's table also tells of batches that died; those that are done stand in `effects`."""
        if not enriches(job) or entry.state is not BatchState.FAILED:
            return ()
        return (self._status(job, entry.number, entry.rows, "failed", entry.settled_at, {}),)

    def put_back(self, job: Job, marks: Sequence[str]) -> Sequence[Undone]:
        return self.store.put_back(job, marks)

    def _status(
        self, job: Job, number: int, rows: int, status: str, at: str, sources: Mapping[str, int]
    ) -> Write:
        """A row that displaced one of another batch makes that batch's count too high here; the job's are exact."""
        counts = {Source(name): max(0, count) for name, count in sources.items()}
        return self.statuses.write(
            owner=job.owner, catalog_id=catalogue_of(job), batch_id=f"{job.job_id}-{number}",
            user_id=job.owner if job.outside else job.requested_by or job.owner, job_id=job.job_id,
            created_at=job.created_at, updated_at=at, status=status, products=rows, sources=counts,
            expires_at=job.expires_at)


@dataclass(frozen=True, slots=True)
class Registry:
    """Makes catalogues known before their first batch is settled; once a process and catalogue."""

    catalogues: Catalogues
    ledger: Ledger
    known: dict[tuple[str, str, int], None] = field(default_factory=dict)

    def know(self, job: Job, total: int) -> None:
        """Harmless any number of times. `total` is what the batches of a job from outside number up to."""
        key = (job.owner, catalogue_of(job), total if job.outside else 0)
        if key in self.known:
            return
        self.catalogues.ensure(self._catalogue(job, total))
        self.known[key] = None
        if len(self.known) > KNOWN_CATALOGUES:
            del self.known[next(iter(self.known))]

    def _catalogue(self, job: Job, total: int) -> Catalogue:
        if job.outside:
            catalog_id = catalogue_of(job)
            return Catalogue(catalog_id=catalog_id, owner=job.owner, name=catalog_id, created_at=job.created_at,
                             batches_outside=total)
        imported = (self.ledger.job(catalogue_of(job)) or job) if enriches(job) else job
        sheets = tuple(SheetExtent(sheet.index, sheet.name, sheet.physical)
                       for sheet in self.ledger.sheets(job.job_id) if sheet.rows)
        return Catalogue(
            catalog_id=catalogue_of(job), owner=job.owner, name=name_of(imported), created_at=imported.created_at,
            description=str(imported.options.get("description") or ""), file_name=imported.file_name,
            file_key=imported.file_key, bucket=imported.bucket, version_id=imported.version_id, sha256=job.sha256,
            sheets=sheets)


def name_of(job: Job) -> str:
    """What people call the catalogue of an import: as they said, else like the file."""
    return str(job.options.get("name") or PurePath(job.file_name).stem or job.file_name)


def _proposal(job: Job, entry: Stored) -> Proposal:
    content, found = entry.record["content"], entry.record["enrichment"]
    decide = partial(_decided, content=content, found=found, outside=job.outside, warnings=entry.warnings)
    return Proposal(entry.row, entry.worksheet, entry.record["product_id"], decide)


def _decided(
    prior: Product | None, *, content: Mapping[str, Any], found: Enrichment | None, outside: bool,
    warnings: tuple[str, ...],
) -> Product | None:
    """What the product becomes. An enrichment changes the fields only of products that came with the message."""
    from chalicelib.pipelines.products.records import merged

    if prior is None:
        base = Product(content=content, warnings=warnings)
    elif found is None:
        base = replace(prior, content=content, warnings=warnings)
    else:
        base = replace(prior, content=merged(prior.content, content)) if outside else prior
    if found is None or (prior is not None and prior.source in REAL and found.source not in REAL):
        return base
    if prior is not None and prior.source is found.source and _same(prior.enrichment, found.data):
        return replace(base, enriched_at=found.at)
    return replace(base, enrichment=found.data, source=found.source, enriched_at=found.at)


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Equal but for when it was fetched; what is not known is left out of stores."""
    def said(data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in data.items() if name != "keepa_fetched_at" and value is not None}

    return said(old) == said(new)


def _added(effects: Effects) -> int:
    """Products that there were not before; an earlier row of the job may have added one that counts here again."""
    counts = Counter(effects.outcomes.values())
    return counts[Outcome.NEW] - sum(1 for loss in effects.displaced if loss.outcome is Outcome.NEW)


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
