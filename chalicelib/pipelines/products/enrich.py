"""Where a batch's enrichment comes from: the cache, Keepa by code, Keepa by title, or made up and flagged so.

Codes come first, a hundred a request (`prefetch`). A row whose surest code nobody knows is asked for by its other one,
and as a last resort by its title, which is dear and answers something for anything: only a product that says the row's
words, numbers and brand is taken.

When Keepa cannot be asked, seed 001's rule is mock data, for the rows that have nothing better and never in `strict`
mode; too few tokens are no such case, they come. Strict batches fail instead, so that they can be retried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from chalicelib.adapters.product_store import Source
from chalicelib.costs import Meter, Used
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.model import Batch, Job
from chalicelib.jobs.pipeline import Work
from chalicelib.logs import log
from chalicelib.pipelines.products.keepa_data import best, enriched, likeness
from chalicelib.pipelines.products.keepa_product import KeepaProduct
from chalicelib.pipelines.products.known import Known, Lookup, title_key
from chalicelib.pipelines.products.mock import mocked
from chalicelib.pipelines.products.prefetch import Fetch, Leases, Parts, Provider, Wanted, covering
from chalicelib.pipelines.products.records import Row
from chalicelib.settings import KeepaSettings

KEEPA, MOCK = "keepa", "mock"
PROVIDERS = (KEEPA, MOCK)
FEWEST_WORDS = 3
"""Words of a title that can be searched for; fewer are like half of all products."""


class Found(Protocol):
    @property
    def products(self) -> tuple[KeepaProduct, ...]: ...


class Searching(Provider, Protocol):
    def search(self, title: str, *, deadline: float, meter: Meter | None = None) -> Found: ...


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What is put beside a row: data under the seed's names, where it came from, and when."""

    source: Source
    data: Mapping[str, Any]
    at: str


@dataclass(frozen=True, slots=True)
class Enricher:
    """Enriches batches. `has_key` says whether Keepa can be asked at all; `margin` seconds of an attempt are not ours.

    `max_receives`: the attempt of that number is the last one.
    """

    settings: KeepaSettings
    has_key: bool
    keepa: Callable[[], Searching]
    known: Callable[[], Known]
    leases: Leases
    parts: Parts
    margin: float
    max_receives: int
    sleep: Callable[[float], None]

    def enrich(self, batch: Batch, rows: Sequence[Row], work: Work) -> list[Enrichment]:
        """One enrichment a row, in order.

        Raises Waiting for tokens, another's lease or the deadline; Transient where trying again can help, and in strict
        mode for whatever keeps Keepa from answering.
        """
        strict = bool(work.job.options.get("strict"))
        if work.job.options.get("provider", KEEPA) == MOCK or not (self.has_key or strict):
            return [self._mocked(row, work.job) for row in rows]
        if not self.has_key:
            raise Transient("keepa has no key, and mock data is refused")
        lookups = self._lookups(batch, work)
        try:
            lookups.run(rows)
        except (Waiting, Unavailable, Transient, ContentRefused) as error:
            self._bear(error, strict=strict, last=work.attempt >= self.max_receives)
        answers = [self._enrichment(row, lookups, work.job) for row in rows]
        work.meter.add({Used.CACHED: sum(1 for each in answers if each.source is Source.CACHE),
                        Used.FALLBACK: sum(1 for each in answers if each.source is Source.MOCK_DATA)})
        return answers

    def _bear(self, error: Waiting | Unavailable | Transient | ContentRefused, *, strict: bool, last: bool) -> None:
        """Return where mock data may stand in; else raise."""
        if isinstance(error, Waiting) and error.reason != "circuit":
            raise error
        if strict:
            raise error if isinstance(error, Transient) else Transient(
                "keepa cannot be asked, and mock data is refused", cause=error.message) from error
        if isinstance(error, Transient) and not last:
            raise error
        log.warning("mock data stands in for keepa", extra={"cause": error.message})

    def _lookups(self, batch: Batch, work: Work) -> _Lookups:
        known = self.known()
        keepa = self.keepa()

        def seconds() -> float:
            return work.remaining() - self.margin

        fetch = Fetch(keepa, known, self.leases, work.job.job_id, seconds, self.settings.call_timeout, work.meter,
                      self.sleep)
        return _Lookups(fetch, keepa, self.parts, batch, work.job, searches=self.settings.title_search)

    def _enrichment(self, row: Row, lookups: _Lookups, job: Job) -> Enrichment:
        lookup = lookups.answer(row)
        if lookup is None:
            return self._mocked(row, job)
        if lookup.data is None:
            return Enrichment(Source.NOT_FOUND, {}, lookup.at or job.uploaded_at)
        mine = lookup.job_id == job.job_id
        return Enrichment(Source.REAL_DATA if mine else Source.CACHE, lookup.data, lookup.at)

    def _mocked(self, row: Row, job: Job) -> Enrichment:
        term = row.codes[0].value if row.codes else row.title
        data = mocked(row.content, domain=self.settings.domain, term=term, at=_moment(job.uploaded_at))
        return Enrichment(Source.MOCK_DATA, data, job.uploaded_at)


@dataclass(slots=True)
class _Lookups:
    """What is found out for one batch; what is known stays known when a later step fails."""

    fetch: Fetch
    keepa: Searching
    parts: Parts
    batch: Batch
    job: Job
    searches: bool
    found: dict[str, Lookup] = field(default_factory=dict)

    def run(self, rows: Sequence[Row]) -> None:
        """Look up every row as far as it takes."""
        first = [Wanted(row.codes[0], row.title) for row in rows if row.codes]
        self._known([wanted.code.key for wanted in first])
        if missing := [wanted for wanted in first if wanted.code.key not in self.found]:
            for group in covering(missing, self.parts.groups(self.job, self.batch.number), self._own_name()):
                keys = frozenset(each.code.key for each in group.wanted) & {each.code.key for each in missing}
                self.fetch.group(group, keys, self.found)
        others = [Wanted(code, row.title) for row in rows if self._open(row) for code in row.codes[1:]]
        self._known([wanted.code.key for wanted in others])
        if missing := [wanted for wanted in others if wanted.code.key not in self.found]:
            self.fetch.alone(missing, self.found)
        for row in self._searchable(rows):
            self._search(row)

    def answer(self, row: Row) -> Lookup | None:
        """What a row's look-ups came to; None where Keepa was not asked all that it should have been."""
        tried = [self.found.get(key) for key in self._keys(row)]
        good = next((lookup for lookup in tried if lookup is not None and lookup.data is not None), None)
        if good is not None or not tried:
            return good or Lookup(None, self.job.job_id, "")
        return None if None in tried else tried[-1]

    def _keys(self, row: Row) -> Iterator[str]:
        yield from (code.key for code in row.codes)
        if self.searches and searchable(row):
            yield title_key(row.title, row.brand)

    def _open(self, row: Row) -> bool:
        """Nothing that was asked so far knows the row."""
        return not any((lookup := self.found.get(key)) and lookup.data is not None for key in self._keys(row))

    def _known(self, keys: Sequence[str]) -> None:
        self.found |= self.fetch.known.of(dict.fromkeys(keys), self.job.job_id) if keys else {}

    def _searchable(self, rows: Sequence[Row]) -> list[Row]:
        """One row a title, where all codes have failed and nobody has asked before."""
        if not self.searches:
            return []
        by_key = {title_key(row.title, row.brand): row for row in rows if searchable(row) and self._open(row)}
        self._known(list(by_key))
        return [row for key, row in by_key.items() if key not in self.found]

    def _search(self, row: Row) -> None:
        budget = min(self.fetch.call_timeout, self.fetch.seconds())
        if budget <= 0:
            raise Waiting(0, "deadline")
        term = row.title if row.brand.casefold() in row.title.casefold() else f"{row.brand} {row.title}"
        try:
            products = self.keepa.search(term, deadline=budget, meter=self.fetch.meter).products
        except ContentRefused:
            products = ()
        known = self.fetch.known
        product = best([each for each in products if fits(row, each)], None, row.title)
        told = None if product is None else enriched(product, domain=known.domain, term=term, at=known.clock())
        self.found |= known.learn({title_key(row.title, row.brand): told}, self.job.job_id)

    def _own_name(self) -> str:
        return f"{self.job.job_id}/batch-{self.batch.number}"


def searchable(row: Row) -> bool:
    """Whether a title says enough to be searched for."""
    return len(_words(row.title)) >= FEWEST_WORDS


def fits(row: Row, product: KeepaProduct) -> bool:
    """Whether a product may be the row's: it says every number of its title, and its brand where the row has one."""
    said = _words(f"{product.title} {product.brand} {product.manufacturer} {product.model} {product.part_number}")
    numbers = {word for word in _words(row.title) if any(letter.isdigit() for letter in word)}
    branded = not row.brand or likeness(row.brand, " ".join(said)) >= 1
    return numbers <= said and branded


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at.replace("Z", "+00:00"))
