"""The prices pipeline: three kinds of jobs, told apart by their options.

- `priceList` (a name): the file is a version of that list (`lists`).
- `rematch` (a job): that job's unmatched rows are matched again, by another method or list; the file is the same one.
- neither: the rows of a bill are matched with the version `listId`, or the newest one when the file came.

A job is pinned to its list while it is planned, and its items say so: whatever is retried later meets the same list.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Transient, Waiting
from chalicelib.jobs.model import Batch, Job, RowId
from chalicelib.jobs.pipeline import Effects, Pipeline, Processed, Reading, Rehearsal, Undone, Work
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.budget import Budget
    from chalicelib.adapters.cache import Cache
    from chalicelib.adapters.convex import ConvexBatchProcessor
    from chalicelib.adapters.deepseek import DeepSeek
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.price_fixes import PriceFixes
    from chalicelib.adapters.price_lists import PriceList, PriceLists
    from chalicelib.adapters.price_results import PriceResults, Standing
    from chalicelib.pipelines.prices.effects import ResultEffects
    from chalicelib.pipelines.prices.working import Matching

LIST_BATCH = 200
"""Items of an import's batch: its transaction writes only counts."""
REMATCH_BATCH = 45
"""Rows of a re-match's batch: each writes itself and its prior image, and a transaction has 100 writes."""
STATUS_WAIT = 60.0
"""Seconds until the end of a job is told to Convex again, when it did not answer."""
RESULT_OPTIONS = ("priceList", "listId", "method", "rematch", "mapping", "headerRow")


def build(
    *, settings: Settings, price_lists: PriceLists, price_fixes: PriceFixes, price_results: PriceResults,
    ledger: Ledger, deepseek: Callable[[], DeepSeek], cache: Callable[[], Cache], budget: Budget,
    convex: Callable[[], ConvexBatchProcessor | None], sleep: Callable[[float], None], rng: random.Random,
) -> Pipeline:
    """The pipeline as the engine wants it. What the matcher needs is imported when the first batch comes."""
    def matching() -> Matching:
        from chalicelib.pipelines.prices.working import Matching

        return Matching(settings, price_lists, price_fixes, price_results, deepseek, cache, budget, convex)

    def results() -> ResultEffects:
        from chalicelib.pipelines.prices.effects import ResultEffects

        return ResultEffects(price_results, ledger, sleep, rng)

    prices = _Prices(settings, price_lists, price_results, matching, results, convex)
    return Pipeline(
        name="prices", items_key="items", queue=settings.prices_queue, read=prices.read, process=prices.process,
        effects=prices.effects, batch_size=prices.batch_size, result_options=RESULT_OPTIONS, rehearse=prices.rehearse,
        undo=prices.undo, told=prices.told)


@dataclass(frozen=True, slots=True)
class _Prices:
    """Which of the three kinds a job is decides who works on it."""

    settings: Settings
    price_lists: PriceLists
    price_results: PriceResults
    matching: Callable[[], Matching]
    results: Callable[[], ResultEffects]
    convex: Callable[[], ConvexBatchProcessor | None]

    def read(self, path: str, file_name: str, options: Mapping[str, Any]) -> Reading:
        """Raises FileRefused, NO_PRICE_LIST among others: a retry looks for a list anew."""
        from chalicelib.pipelines.prices.reading import read_bill, read_list
        from chalicelib.tables.limits import Limits

        limits = Limits(max_rows=self.settings.max_rows, max_columns=self.settings.max_columns,
                        max_cell_chars=self.settings.max_cell_chars)
        if is_list(options):
            return read_list(path, file_name, limits=limits, options=options)
        job: Job | None = options.get("job")
        if job is None:  # a dry run
            return read_bill(path, file_name, limits=limits, options=options)
        asked = _Open(self.price_results, str(options["rematch"]), job.job_id) if options.get("rematch") else None
        return read_bill(path, file_name, limits=limits, options=options, list_id=self._pinned(job).list_id,
                         asked=asked)

    def process(self, batch: Batch, work: Work) -> Processed:
        if is_list(work.job.options):
            from chalicelib.pipelines.prices.lists import store

            return store(work.job, batch, price_lists=self.price_lists)
        return self.matching().process(batch, work)

    def effects(self, job: Job, _batch: Batch, processed: Processed) -> Effects:
        if is_list(job.options):
            from chalicelib.pipelines.prices.lists import effects

            return effects(job, processed, price_lists=self.price_lists)
        results = self.results()
        return results.rematched(job, processed) if job.options.get("rematch") else results.matched(processed)

    def batch_size(self, _rows: int, options: Mapping[str, Any]) -> int:
        if is_list(options):
            return LIST_BATCH
        most = self.settings.prices_batch_size
        return min(most, REMATCH_BATCH) if options.get("rematch") else most

    def rehearse(self, batch: Batch) -> Rehearsal:
        from chalicelib.pipelines.prices.rehearsal import rehearse

        return rehearse(batch, settings=self.settings)

    def undo(self, job: Job, marks: Sequence[str]) -> Sequence[Undone]:
        if is_list(job.options):
            from chalicelib.pipelines.prices.lists import undo

            return undo(job, tuple(marks), price_lists=self.price_lists)
        results = self.results()
        return results.put_back(job, marks) if job.options.get("rematch") else results.remove(job, marks)

    def told(self, job: Job, _number: int) -> None:
        """An import that has ended becomes a snapshot at once; Convex hears how a match gets on."""
        if is_list(job.options):
            if job.status.terminal:
                self.price_lists.compile(job.job_id)
            return
        processor = self.convex()
        if processor is None:
            return
        try:
            processor.status(job.job_id, progress_of(job), final=job.status.terminal)
        except Transient as error:  # only the last word, and that has to arrive
            raise Waiting(STATUS_WAIT, "tokens") from error

    def _pinned(self, job: Job) -> PriceList:
        """The list that a job is matched with. Raises FileRefused NO_PRICE_LIST."""
        from chalicelib.pipelines.prices.reading import no_list

        list_id = str(job.options.get("listId") or "")
        if not list_id:
            found = self.price_lists.newest(job.owner, max(job.uploaded_at, job.reopened_at))
            if found is None:
                raise no_list()
            return found
        found = self.price_lists.get(job.owner, list_id)
        if found is None:
            raise no_list("There is no price list of that id.")
        if not self.price_lists.ended(found):
            raise no_list("That price list is still being imported; retry when it has ended.")
        return found


def is_list(options: Mapping[str, Any]) -> bool:
    """Whether a job of these options imports a price list."""
    return bool(options.get("priceList"))


def progress_of(job: Job) -> dict[str, Any]:
    """What Convex hears of a job, in seed 000's words."""
    return {"status": job.status.value, "progress": job.percentage, "itemCount": job.rows, "fileName": job.file_name,
            "processedCount": job.rows - job.pending, "rejectedCount": job.rejected, "failedCount": job.failed,
            "matchedCount": sum(count for name, count in job.tallies.items() if name != "unmatched"),
            **{f"{name}Count": count for name, count in sorted(job.tallies.items())}, "updatedAt": job.updated_at}


@dataclass(slots=True)
class _Open:
    """Which rows of a job take part in its re-match: those that no match has settled, a block of rows at a time.

    Rows that this very re-match has settled take part too: a plan that runs twice has to cut the same batches.
    """

    price_results: PriceResults
    base: str
    job_id: str
    at: tuple[int, int] = (-1, -1)
    block: Mapping[int, Standing] = field(default_factory=dict)

    def __call__(self, place: RowId) -> bool:
        from chalicelib.adapters.price_results import BLOCK_ROWS

        where = (place.sheet, place.row // BLOCK_ROWS)
        if where != self.at:
            self.at, self.block = where, self.price_results.standings(self.base, *where)
        found = self.block.get(place.row)
        return found is not None and (found.tier == "unmatched" or found.by == self.job_id)
