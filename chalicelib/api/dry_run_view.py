"""A dry run as people see it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.api.dry_run_models import (
    DryRunAnswer,
    DryRunError,
    DryRunEstimate,
    DryRunReject,
    DryRunRow,
    DryRunSheet,
)
from chalicelib.api.report_models import ColumnReport
from chalicelib.costs import Used
from chalicelib.jobs.dryrun import DryRun, Estimate
from chalicelib.jobs.model import Item, Reject, SheetCount

SHOWN_CHARS = 80
"""Characters of a cell in a first row; enough to recognise it."""


def view(
    dry_id: str, file_name: str, digest: str, duplicate_of: str, found: DryRun, *, corrects: Sequence[str],
    fields: Sequence[str],
) -> DryRunAnswer:
    """What was found; its rows correct rejects of the jobs `corrects`, its columns may be mapped to `fields`."""
    share = found.rejected / found.checked if found.checked else 0.0
    refusal = found.refusal
    error = None if refusal is None else DryRunError(
        code=refusal.code.value, message=refusal.message, details=dict(refusal.details))
    return DryRunAnswer(
        dry_run_id=dry_id, status="error" if error else "completed", complete=found.complete, error=error,
        file_name=file_name, sha256=digest, duplicate_of=duplicate_of or None, rows=found.rows,
        sheets=tuple(_sheet(sheet, found) for sheet in found.sheets), checked_rows=found.checked,
        checked_rejects=found.rejected, estimated_rejects=round(share * found.rows),
        rejects=tuple(map(_reject, found.rejects)), batch_size=found.batch_size or None,
        provider=found.provider or None, estimate=_estimate(found.estimate) if found.estimate else None,
        corrects=tuple(corrects), fields=tuple(fields))


def _sheet(sheet: SheetCount, found: DryRun) -> DryRunSheet:
    return DryRunSheet(
        index=sheet.index, worksheet=sheet.name, header_row=sheet.header_row, physical=sheet.physical,
        header=sheet.header, blank=sheet.blank, skipped=dict(sheet.skipped), rows=sheet.rows, note=sheet.note or None,
        columns=tuple(map(_column, found.columns.get(sheet.name, ()))),
        first_rows=tuple(map(_row, found.first_rows.get(sheet.index, ()))))


def _row(item: Item) -> DryRunRow:
    cells = {name: _shortened(str(value)) for name, value in item.items() if not name.startswith("_")}
    return DryRunRow(row=item["_row"], cells=cells)


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS - 1]}…"


def _column(column: Any) -> ColumnReport:
    return ColumnReport(header=column.header, field=column.field or None, score=round(column.score, 3),
                        reason=column.reason, candidates=dict(column.candidates))


def _reject(reject: Reject) -> DryRunReject:
    return DryRunReject(worksheet=reject.worksheet, row=reject.row, code=reject.code, field=reject.field or None,
                        message=reject.message, cells=dict(reject.cells))


def _estimate(told: Estimate) -> DryRunEstimate:
    return DryRunEstimate(
        batches=told.batches, ai_calls=told.usage.get(Used.CALLS, 0),
        prompt_tokens=told.usage.get(Used.PROMPT_TOKENS, 0),
        completion_tokens=told.usage.get(Used.COMPLETION_TOKENS, 0), ai_usd=round(told.provider_usd, 6),
        keepa_tokens=told.usage.get(Used.PROVIDER_TOKENS, 0), usd=round(told.usd, 6),
        minutes=round(told.minutes, 2))
