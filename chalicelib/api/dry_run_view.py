"""A dry run as people see it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.costs import Used
from chalicelib.jobs.dryrun import DryRun, Estimate
from chalicelib.jobs.model import Item, Reject, SheetCount

SHOWN_CHARS = 80
"""Characters of a cell in a first row; enough to recognise it."""


def view(dry_id: str, file_name: str, digest: str, duplicate_of: str, found: DryRun) -> dict[str, Any]:
    """The body of the answer, camelCase."""
    share = found.rejected / found.checked if found.checked else 0.0
    error = None if found.refusal is None else {
        "code": found.refusal.code.value, "message": found.refusal.message, "details": dict(found.refusal.details)}
    return {
        "dryRunId": dry_id, "status": "error" if error else "completed", "complete": found.complete, "error": error,
        "fileName": file_name, "sha256": digest, "duplicateOf": duplicate_of or None, "rows": found.rows,
        "sheets": [_sheet(sheet, found) for sheet in found.sheets],
        "checkedRows": found.checked, "checkedRejects": found.rejected, "estimatedRejects": round(share * found.rows),
        "rejects": [_reject(reject) for reject in found.rejects],
        "batchSize": found.batch_size or None, "provider": found.provider or None,
        "estimate": _estimate(found.estimate) if found.estimate else None}


def _sheet(sheet: SheetCount, found: DryRun) -> dict[str, Any]:
    return {"index": sheet.index, "worksheet": sheet.name, "headerRow": sheet.header_row, "physical": sheet.physical,
            "header": sheet.header, "blank": sheet.blank, "skipped": dict(sheet.skipped), "rows": sheet.rows,
            "note": sheet.note or None, "columns": [_column(each) for each in found.columns.get(sheet.name, ())],
            "firstRows": _rows(found.first_rows.get(sheet.index, ()))}


def _rows(items: Sequence[Item]) -> list[dict[str, Any]]:
    return [{"row": item["_row"], "cells": {name: _shortened(str(value)) for name, value in item.items()
                                            if not name.startswith("_")}} for item in items]


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS - 1]}…"


def _column(column: Any) -> dict[str, Any]:
    return {"header": column.header, "field": column.field or None, "score": round(column.score, 3),
            "reason": column.reason, "candidates": dict(column.candidates)}


def _reject(reject: Reject) -> dict[str, Any]:
    return {"worksheet": reject.worksheet, "row": reject.row, "code": reject.code, "field": reject.field or None,
            "message": reject.message, "cells": dict(reject.cells)}


def _estimate(told: Estimate) -> dict[str, Any]:
    return {"batches": told.batches, "aiCalls": told.usage.get(Used.CALLS, 0),
            "promptTokens": told.usage.get(Used.PROMPT_TOKENS, 0),
            "completionTokens": told.usage.get(Used.COMPLETION_TOKENS, 0), "aiUsd": round(told.provider_usd, 6),
            "keepaTokens": told.usage.get(Used.PROVIDER_TOKENS, 0), "usd": round(told.usd, 6),
            "minutes": round(told.minutes, 2)}
