"""The work on a batch of a bill: list and lessons are read, rows are matched, and Convex hears of them where it is set.

Nothing of ours is written here; what Convex gets is keyed by `resultId`, so that a batch that comes again changes
nothing. An optional second opinion never fails a row: without it the row keeps what LOCAL says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.errors import RowProblem, RowRefused, Transient, Waiting
from chalicelib.jobs.budget import EXHAUSTED, caps_of
from chalicelib.jobs.model import Batch, Item, Job, Reject, origin_of, row_id, worksheet_of
from chalicelib.jobs.pipeline import Processed, Stored, Work
from chalicelib.pipelines.prices.items import Wanted, cells_of, context_of, wanted
from chalicelib.pipelines.prices.lists import rejected
from chalicelib.pipelines.prices.match import place_in, result_row
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.budget import Budget
    from chalicelib.adapters.cache import Cache
    from chalicelib.adapters.convex import ConvexBatchProcessor
    from chalicelib.adapters.deepseek import DeepSeek
    from chalicelib.adapters.price_fixes import PriceFixes
    from chalicelib.adapters.price_lists import Loaded, PriceList, PriceLists
    from chalicelib.adapters.price_results import PriceResults
    from chalicelib.pipelines.prices.rerank import Choice

LOCAL, LOCAL_DEEPSEEK = "LOCAL", "LOCAL_DEEPSEEK"
METHODS = (LOCAL, LOCAL_DEEPSEEK)
PUSH_PATIENCE = 20.0
"""Seconds that a worker waits for its turn at Convex before it lets another message have its time."""
_AMOUNTS = ("originalQuantity", "matchedRate", "totalPrice")
_OURS = frozenset({"owner", "jobTier", "batch", "expiresAt", "version", "sheet"})


@dataclass(frozen=True, slots=True)
class Matching:
    """What working on bills needs. `deepseek`, `cache` and `convex` are built when they are first asked for."""

    settings: Settings
    price_lists: PriceLists
    price_fixes: PriceFixes
    price_results: PriceResults
    deepseek: Callable[[], DeepSeek]
    cache: Callable[[], Cache]
    budget: Budget
    convex: Callable[[], ConvexBatchProcessor | None]

    def process(self, batch: Batch, work: Work) -> Processed:
        """Every item as a result row or a reject. Raises Waiting and Transient."""
        asked, rejects = _understood(batch)
        found = self._list(work.job, batch)
        if found is None:
            gone = RowRefused(RowProblem.PRICE_LIST_GONE)
            return Processed(rejects=(*rejects, *(rejected(item, gone) for item, _ in asked)))
        try:
            loaded = self.price_lists.load(found)
        except KeyError:
            gone = RowRefused(RowProblem.PRICE_LIST_GONE)
            return Processed(rejects=(*rejects, *(rejected(item, gone) for item, _ in asked)))
        stored = self._matched(batch, work, asked, loaded)
        return Processed(tuple(self._told_convex(stored, work)), tuple(rejects))

    def _list(self, job: Job, batch: Batch) -> PriceList | None:
        """The list that the rows are pinned to; of rows from outside the job's own, or the newest when they came."""
        pinned = next((str(item["_list"]) for item in batch.items if item.get("_list")), "")
        list_id = pinned or str(job.options.get("listId") or "")
        if list_id:
            return self.price_lists.get(job.owner, list_id)
        return self.price_lists.newest(job.owner, max(job.uploaded_at, job.reopened_at))

    def _matched(
        self, batch: Batch, work: Work, asked: Sequence[tuple[Item, Wanted]], loaded: Loaded
    ) -> list[Stored]:
        from chalicelib.matching.matcher import Matcher
        from chalicelib.pipelines.prices.rerank_prompt import Ask

        lessons = self.price_fixes.lessons(work.job.owner, [each.query for _, each in asked], loaded)
        matcher = Matcher(loaded.index, learned=lessons)
        answers = [Ask(each.query, matcher.match(each.query)) for _, each in asked]
        choices = self._choices(answers, batch, work)
        base = str(work.job.options.get("rematch") or work.job.job_id)
        stored = []
        for (item, each), choice in zip(asked, choices, strict=True):
            row, warnings = result_row(work.job, base, batch.number, item, each, choice.match, method=choice.method,
                                       list_id=loaded.list.list_id)
            if choice.flaw is not None:
                warnings = (*warnings, f"no second opinion: {choice.flaw.value}")
            stored.append(Stored(row_id(item), worksheet_of(item), row, warnings, choice.method, choice.prompt_version,
                                 origin_of(item)))
        return stored

    # --- the second opinion

    def _choices(self, answers: Sequence[Any], batch: Batch, work: Work) -> list[Choice]:
        from chalicelib.pipelines.prices.rerank import Choice, is_close, rerank
        from chalicelib.pipelines.prices.rerank_prompt import key_of

        if work.job.options.get("method") != LOCAL_DEEPSEEK or not len(self.settings.deepseek_api_key):
            return [Choice(each.match) for each in answers]
        client, cache = self.deepseek(), self.cache()
        keys = [key_of(each, client.settings.model) for each in answers if is_close(each.match)]
        known = {key: int(entry["pick"]) for key, entry in cache.get_many(keys).items()} if keys else {}
        choices = rerank(
            answers, client=client, meter=work.meter, known=known, user_id=_tenant(work.job.owner),
            remaining=lambda: work.remaining() - self.settings.deadline_margin,
            purse=self.budget.purse(work.job, batch.number, caps_of(work.job.options, self.settings)))
        learnt = {one.key: {"pick": one.pick} for one in choices if one.pick is not None and one.key not in known}
        if learnt:
            cache.put_many(learnt, days=client.settings.cache_days)
        trouble = next((one.trouble for one in choices if one.trouble is not None), None)
        if trouble is not None and self._worth_waiting(trouble, work):
            raise trouble
        return choices

    def _worth_waiting(self, trouble: Exception, work: Work) -> bool:
        """What is known by now is remembered. On its last receive a batch goes on without what does not answer."""
        if isinstance(trouble, Waiting) and trouble.reason == EXHAUSTED:
            return True
        return not isinstance(trouble, Transient) or work.attempt < self.settings.max_receives

    # --- Convex

    def _told_convex(self, stored: Sequence[Stored], work: Work) -> list[Stored]:
        """The rows, those that Convex refuses for good with a note that says so."""
        processor = None if work.silent else self.convex()
        rows = list(stored) if processor is not None else []
        if work.job.options.get("rematch"):
            rows = self._still_open(rows, work.job)
        if processor is None or not rows:
            return list(stored)
        report = processor.push([for_convex(entry.record) for entry in rows], patience=PUSH_PATIENCE, meter=work.meter,
                                deadline=max(0.0, work.remaining() - self.settings.deadline_margin))
        return [_refused(entry, report.failed.get(str(entry.record["resultId"]), "")) for entry in stored]

    def _still_open(self, stored: Sequence[Stored], job: Job) -> list[Stored]:
        """Of a re-match only rows that nobody has edited; the others keep what Convex has."""
        now = self.price_results.rows(str(job.options["rematch"]), [entry.row for entry in stored])
        return [entry for entry in stored if (row := now.get(place_in(entry.record))) and not row["isManuallyEdited"]]


def for_convex(row: Mapping[str, Any]) -> dict[str, Any]:
    """A result row as Convex gets it: `externalId`, numbers as numbers, without what only we need."""
    told = {name: value for name, value in row.items() if name not in _OURS and value is not None}
    amounts = {name: float(told[name]) for name in _AMOUNTS if name in told}
    return {"externalId": row["resultId"], **told, **amounts}


def _understood(batch: Batch) -> tuple[list[tuple[Item, Wanted]], list[Reject]]:
    asked: list[tuple[Item, Wanted]] = []
    rejects: list[Reject] = []
    for item in batch.items:
        try:
            asked.append((item, wanted(cells_of(item, batch.columns), context_of(item))))
        except RowRefused as refusal:
            rejects.append(rejected(item, refusal))
    return asked, rejects


def _refused(entry: Stored, reason: str) -> Stored:
    if not reason:
        return entry
    told = f"Convex refuses it: {reason[:200]}"
    notes = "; ".join(filter(None, (str(entry.record["notes"]), told)))
    return replace(entry, record={**entry.record, "notes": notes}, warnings=(*entry.warnings, told))


def _tenant(owner: str) -> str:
    """Keeps owners apart at the provider without telling it who they are."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
