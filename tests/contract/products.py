"""What the tests of product stores share: a store beside a ledger that counts, and rows that want something."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from chalicelib.adapters.product_store import (
    Catalogue,
    Product,
    ProductStore,
    Proposal,
    SheetExtent,
    Source,
    product_id_at,
)
from chalicelib.adapters.products_mongodb import MongoProducts
from chalicelib.jobs.model import Job, Outcome, RowId
from chalicelib.jobs.pipeline import Effects, Undone
from chalicelib.settings.groups import MongoSettings

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
NUMBERS = itertools.count()
"""For names that no other test has."""


@dataclass
class Place:
    """A store, and a ledger that counts as ours does: what a batch displaces moves in the counts of the others."""

    store: ProductStore
    transact: Callable[[Effects], None]
    counts: dict[str, dict[int, Counter[Outcome]]] = field(default_factory=dict)
    marks: dict[str, list[str]] = field(default_factory=dict)
    sources: dict[str, Counter[str]] = field(default_factory=dict)

    def settle(self, job: Job, number: int, proposals: Sequence[Proposal]) -> Effects:
        effects = self.store.effects(job, number, proposals)
        self.transact(effects)
        batches = self.counts.setdefault(job.job_id, {})
        assert number not in batches
        batches[number] = Counter(effects.outcomes.values())
        for loss in effects.displaced:
            assert batches[loss.batch_number][loss.outcome] > 0
            batches[loss.batch_number] += Counter({Outcome.SUPERSEDED: 1})
            batches[loss.batch_number] -= Counter({loss.outcome: 1})
        self.sources.setdefault(job.job_id, Counter()).update(effects.tallies)
        self.marks.setdefault(job.job_id, []).extend(effects.marks)
        return effects

    def counted(self, job: Job) -> Counter[Outcome]:
        return sum(self.counts[job.job_id].values(), Counter())

    def undo(self, job: Job) -> Sequence[Undone]:
        return self.store.put_back(job, self.marks[job.job_id])


def a_mongo_store(uri: str, database: str, timeout: float = 5.0, sleep: Callable[[float], None] | None = None
                  ) -> MongoProducts:
    return MongoProducts(MongoSettings(uri=SecretStr(uri), database=database, timeout=timeout), clock=lambda: NOW,
                         sleep=sleep or (lambda _: None), rng=random.Random(1))


def after(job: Job, hours: int, name: str = "later") -> Job:
    """A job of a later upload about the same catalogue."""
    return replace(job, job_id=f"{job.job_id}-{name}{hours}", uploaded_at=f"2026-11-22T{hours:02d}:00:00.000Z",
                   options={"catalog": job.job_id})


def row(number: int, sheet: int = 0) -> RowId:
    return RowId(sheet, number)


def importing(job: Job, rows: Sequence[RowId], **content: Any) -> list[Proposal]:
    return [Proposal(each, "Sheet1", product_id_at(job.job_id, each),
                     lambda base, each=each: Product(content={"name": f"n{each.row}", **content}))
            for each in rows]


def own(row: RowId, product_id: str, name: str, source: Source = Source.NONE) -> Proposal:
    """A row from outside with an id of its own."""
    return Proposal(row, "message", product_id, lambda base: Product(content={"name": name}, source=source))


def enriching(job: Job, rows: Sequence[RowId], title: str, source: Source = Source.REAL_DATA) -> list[Proposal]:
    """Enrichment by the product's rule: mock data never replaces what was fetched."""
    def decide(base: Product | None) -> Product | None:
        if base is None or (source is Source.MOCK_DATA and base.source in (Source.REAL_DATA, Source.CACHE)):
            return None
        return replace(base, enrichment={"title": title}, source=source, enriched_at="2026-11-22T03:00:00.000Z")

    return [Proposal(each, "Sheet1", product_id_at(job.options["catalog"], each), decide) for each in rows]


def get(place: Place, job: Job, product_id: str) -> Product | None:
    return place.store.get(job.owner, str(job.options.get("catalog") or job.job_id), product_id)


def name_of(place: Place, job: Job, product_id: str) -> str:
    found = get(place, job, product_id)
    return str(found.content["name"]) if found else ""


def catalogue(job: Job, *sheets: int, outside: int = 0) -> Catalogue:
    return Catalogue(job.job_id, job.owner, "c", "t", batches_outside=outside, sheets=tuple(
        SheetExtent(number, f"Sheet{number}", last) for number, last in enumerate(sheets)))


def walked(place: Place, job: Job, listed: Catalogue, limit: int, **more: Any) -> list[str]:
    """All product ids, page by page."""
    ids: list[str] = []
    cursor = ""
    for _ in range(200):
        page = place.store.page(job.owner, listed, limit=limit, cursor=cursor, **more)
        assert len(page.products) <= limit
        ids += [product.product_id for product in page.products]
        cursor = page.cursor
        if not cursor:
            return ids
    raise AssertionError("the pages never end")


BATCHES: Mapping[int, Sequence[tuple[RowId, str]]] = {
    1: ((RowId(1, 1), "A"), (RowId(1, 2), "B"), (RowId(1, 3), "A")),
    2: ((RowId(2, 1), "A"), (RowId(2, 2), "C")),
    3: ((RowId(3, 1), "B"), (RowId(3, 2), "A"), (RowId(3, 3), "D"))}


SOURCES = {1: Source.REAL_DATA, 2: Source.CACHE, 3: Source.MOCK_DATA}
"""By the row's number."""


def batch(number: int) -> list[Proposal]:
    return [own(each, product_id, f"{product_id}{each.sheet}{each.row}", SOURCES[each.row])
            for each, product_id in BATCHES[number]]
