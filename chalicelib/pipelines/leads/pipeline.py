"""The leads pipeline: rows of any spreadsheet become clean leads, one an e-mail.

Two standardisers do the same work in the same form: `local` by rules, `deepseek` by AI with `local` as its fallback.
Validation, dedupe and storing do not know which of them it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.errors import RowProblem, RowRefused
from chalicelib.jobs.budget import caps_of
from chalicelib.jobs.model import Batch, Item, Reject, origin_of, row_id, worksheet_of
from chalicelib.jobs.pipeline import Pipeline, Processed, Reading, Rehearsal, Stored, Work
from chalicelib.pipelines.leads.effects import plan_effects
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.budget import Budget
    from chalicelib.adapters.cache import Cache
    from chalicelib.adapters.deepseek import DeepSeek
    from chalicelib.adapters.lead_undo import LeadUndo
    from chalicelib.adapters.leads import Leads
    from chalicelib.pipelines.leads.ai import Answered

AUTO_SIZES = ((100, 5), (1001, 10))
"""Seed 004's tuning table: below 100 rows 5 a batch, to 1,000 rows 10, above 20."""
LARGEST_AUTO = 20
MOST_LEADS = 32
"""A batch's transaction takes at most 100 writes: lead, prior image and displaced batch for each, and two more."""


def build(
    *, settings: Settings, leads: Leads, lead_undo: LeadUndo, deepseek: Callable[[], DeepSeek],
    cache: Callable[[], Cache], budget: Budget,
) -> Pipeline:
    """The pipeline as the engine wants it. `deepseek` and `cache` are asked for only when the AI is chosen."""
    chosen = settings.leads
    process = partial(_process, standardize=_standardizer(settings, deepseek, cache, budget))
    return Pipeline(
        name="leads", items_key="leads", queue=settings.leads_queue, read=partial(_read, settings=settings),
        process=process, effects=partial(plan_effects, leads=leads),
        batch_size=partial(batch_size, setting=chosen.batch_size), result_options=("dedupe", "mapping", "headerRow"),
        rehearse=partial(_rehearse, settings=settings),
        undo=lambda job, marks: lead_undo.put_back(job.owner, job.job_id, marks))


def batch_size(rows: int, _options: Mapping[str, Any], *, setting: int | str) -> int:
    """Leads a batch for a file of `rows` rows."""
    if isinstance(setting, int):
        return max(1, min(setting, MOST_LEADS))
    return next((size for below, size in AUTO_SIZES if rows < below), LARGEST_AUTO)


def _read(path: str, file_name: str, options: Mapping[str, Any], *, settings: Settings) -> Reading:
    from chalicelib.pipelines.leads.fields import FIELDS
    from chalicelib.tables.limits import Limits
    from chalicelib.tables.reading import read_table

    limits = Limits(max_rows=settings.max_rows, max_columns=settings.max_columns,
                    max_cell_chars=settings.max_cell_chars)
    return read_table(path, file_name, fields=FIELDS, limits=limits, options=options)


_Standardize = Callable[[Batch, Work], list["Answered"]]


def _standardizer(
    settings: Settings, deepseek: Callable[[], DeepSeek], cache: Callable[[], Cache], budget: Budget
) -> _Standardize:
    chosen = settings.leads

    def by_rules(batch: Batch, _work: Work) -> list[Answered]:
        from chalicelib.pipelines.leads.ai import Answered
        from chalicelib.pipelines.leads.standardize import standardize

        return [Answered(standardize(item, batch.columns.get(str(item["_worksheet"]), {}),
                                     default_region=chosen.default_region), "local") for item in batch.items]

    def by_ai(batch: Batch, work: Work) -> list[Answered]:
        from chalicelib.pipelines.leads.ai import standardize_batch

        return standardize_batch(
            batch.items, batch.columns, client=deepseek(), cache=cache(), default_region=chosen.default_region,
            remaining=lambda: work.remaining() - settings.deadline_margin, meter=work.meter,
            user_id=_tenant(work.job.owner),
            purse=budget.purse(work.job, batch.number, caps_of(work.job.options, settings)))

    return by_ai if chosen.standardizer == "deepseek" else by_rules


def _tenant(owner: str) -> str:
    """Keeps owners apart at the provider without telling it who they are; one owner's calls share its prefix cache."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]


def _rehearse(batch: Batch, *, settings: Settings) -> Rehearsal:
    from chalicelib.pipelines.leads.rehearsal import rehearse

    return rehearse(batch, chosen=settings.leads, provider=settings.deepseek)


def _process(batch: Batch, work: Work, *, standardize: _Standardize) -> Processed:
    stored: list[Stored] = []
    rejects: list[Reject] = []
    for item, answer in zip(batch.items, standardize(batch, work), strict=True):
        try:
            stored.append(_stored(item, answer))
        except RowRefused as refusal:
            rejects.append(_reject(item, refusal))
    return Processed(tuple(stored), tuple(rejects))


def _stored(item: Item, answer: Answered) -> Stored:
    """The lead of a row. Raises RowRefused, also for a row on which the provider fails again and again."""
    from chalicelib.pipelines.leads.prompt import Flaw
    from chalicelib.pipelines.leads.validate import validate

    if answer.flaw is Flaw.REFUSED:
        raise RowRefused(RowProblem.POISON_ROW)
    clean = answer.standardized
    return Stored(row_id(item), worksheet_of(item), validate(clean.record), clean.warnings, answer.provider,
                  answer.prompt_version, origin_of(item))


def _reject(item: Item, refusal: RowRefused) -> Reject:
    sheet, row = row_id(item)
    cells = {name: value for name, value in item.items() if not name.startswith("_")}
    return Reject(sheet, row, worksheet_of(item), refusal.code.value, refusal.field, refusal.message, cells,
                  origin_of(item))
