"""Price jobs and their rows as people see them, in the words of seed 000. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.api.price_models import CandidateView, MatchingStatus, ResultDifference, ResultRow, Tier
from chalicelib.api.status_view import view
from chalicelib.jobs.model import Job, Status


def seed_status(job: Job) -> str:
    """Where a job is in seed 000's words: pending, parsing, matching, completed, failed or cancelled."""
    if job.status is Status.PROCESSING:
        return "matching" if job.planned else "parsing"
    return {Status.COMPLETED: "completed", Status.ERROR: "failed",
            Status.CANCELLED: "cancelled"}.get(job.status, "pending")


def status_view(
    job: Job, source: Job, now: datetime, *, differences: Iterable[ResultDifference] | None = None
) -> MatchingStatus:
    """A job as it stands; `source` is the job whose rows it has: itself, or the one that it is a duplicate of."""
    told, option = view(source, now), job.options.get
    return MatchingStatus(
        id=job.job_id, job_id=job.job_id, status=seed_status(source), job_status=source.status.value,
        progress=source.percentage, progress_message=view(job, now).user_message, file_name=job.file_name,
        client_name=option("clientName"), project_name=option("projectName"), method=option("method"),
        list_id=option("listId"), item_count=source.rows, matched_count=matched_count(source.tallies),
        rejected_count=source.rejected, tallies=dict(source.tallies), error=told.error,
        duplicate_of=job.duplicate_of or None, rematch_of=option("rematch"), mode=option("mode"),
        differences=None if differences is None else tuple(differences), started_at=source.started_at or None,
        completed_at=source.completed_at or None, retry_after_ms=told.retry_after_ms)


def matched_count(tallies: Mapping[str, int]) -> int:
    """Rows that have an item or a rate: all but the unmatched."""
    return sum(int(tallies.get(tier.value, 0)) for tier in Tier if tier is not Tier.UNMATCHED)


def row_view(row: Mapping[str, Any]) -> ResultRow:
    """A result row as it is stored; what it does not have is null."""
    get = row.get
    return ResultRow(
        result_id=str(row["resultId"]), job_id=str(row["jobId"]), worksheet=get("worksheet") or None,
        row_number=int(row["rowNumber"]), original_description=get("originalDescription") or None,
        original_code=get("originalCode") or None, original_quantity=amount(get("originalQuantity")),
        original_unit=get("originalUnit") or None, original_row_data=row["originalRowData"],
        context_headers=tuple(row["contextHeaders"]), list_id=get("listId") or None,
        matched_item_id=get("matchedItemId"), matched_description=get("matchedDescription"),
        matched_code=get("matchedCode"), matched_unit=get("matchedUnit"), matched_rate=amount(get("matchedRate")),
        confidence=float(row["confidence"]), tier=tier_of(row), match_method=get("matchMethod") or None,
        unit_mismatch=bool(row["unitMismatch"]), is_manually_edited=bool(row["isManuallyEdited"]),
        is_learned_match=bool(row["isLearnedMatch"]), total_price=amount(get("totalPrice")),
        notes=get("notes") or None, candidates=tuple(map(_candidate, row["candidates"])),
        rematched_by=get("rematchedBy") or None, version=int(row["version"]))


def tier_of(row: Mapping[str, Any]) -> str:
    """The tier that people see and filter by: rows that one of them edited are `manual`."""
    return Tier.MANUAL.value if row["isManuallyEdited"] else str(row["tier"])


def amount(text: Any) -> Decimal | None:
    """An amount as it is stored: its decimal notation."""
    return None if text in (None, "") else Decimal(str(text))


def _candidate(each: Mapping[str, Any]) -> CandidateView:
    get = each.get
    return CandidateView(item_id=str(each["itemId"]), code=get("code") or None, description=str(each["description"]),
                         unit=get("unit") or None, rate=amount(get("rate")), score=float(each["score"]),
                         reasons=tuple(get("reasons") or ()))
