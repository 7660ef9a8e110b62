"""What a processed batch of products does to the store, to the catalogue, and to seed 001's table of batches.

A product's own fields are the import's: an enrichment changes none of them, unless a message from outside says more.
Mock data and "not found" never replace data that Keepa gave.
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
)
from chalicelib.jobs.model import Batch, BatchEntry, BatchState, Job, Outcome, stamp
from chalicelib.jobs.pipeline import Effects, Processed, Stored, Undone, Write

if TYPE_CHECKING:
    from chalicelib.adapters.catalogues import Catalogues, EnrichmentStatuses
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.pipelines.products.enrich import Enrichment

KNOWN_CATALOGUES = 1000
REAL = (Source.REAL_DATA, Source.CACHE)
"""Data that mock data and "not found" never replace."""


def enriches(job: Job) -> bool:
    """Whether the job enriches a catalogue; else it imports one."""
    return bool(job.options.get("catalog"))


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
