"""Adding up a job from its batch entries: the proof behind the report. Pure.

The job's own counters take no part in the sums; they are compared with them at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.api.models import RowCounts
from chalicelib.api.report_models import Balance, BatchReport, ColumnReport, SheetReport
from chalicelib.jobs import transitions
from chalicelib.jobs.model import BatchDetail, BatchState, Bucket, Job, Outcome, SheetCount

_SETTLED = (BatchState.DONE, BatchState.FAILED)


@dataclass(slots=True)
class Sums:
    """What the batch entries of one job add up to. `sheets` maps a sheet's index to its outcomes."""

    job: Job
    sheets: dict[int, dict[str, int]] = field(default_factory=dict)
    states: dict[BatchState, int] = field(default_factory=dict)

    def add(self, detail: BatchDetail) -> BatchState:
        """Count one entry; answers what the batch is now. Rows of open ones are what the sheets lack at the end."""
        state = transitions.batch_state(self.job, detail.record)
        self.states[state] = self.states.get(state, 0) + 1
        if state in _SETTLED:
            for sheet, outcomes in detail.entry.sheets.items():
                counts = self.sheets.setdefault(sheet, {})
                for outcome, count in outcomes.items():
                    counts[outcome.value] = counts.get(outcome.value, 0) + count
        return state

    @property
    def unsettled_batches(self) -> int:
        return self.job.batches_total - sum(self.states.get(state, 0) for state in _SETTLED)


def sheet_reports(job: Job, sums: Sums, sheets: Sequence[SheetCount]) -> tuple[SheetReport, ...]:
    return tuple(_sheet_report(job, sheet, sums.sheets.get(sheet.index, {})) for sheet in sheets)


def total_counts(job: Job, sums: Sums) -> RowCounts:
    """All sheets together."""
    total: dict[str, int] = {}
    for counts in sums.sheets.values():
        for word, count in counts.items():
            total[word] = total.get(word, 0) + count
    return _counts(job.rows, total, job.unsettled)


def balance(sums: Sums, rows: RowCounts, sheets: Sequence[SheetReport], *, counters: Job | None) -> Balance:
    """The proof. `counters` is the job if nothing moved while its batches were read; else that part stays unsaid."""
    complete = all(sheet.balanced for sheet in sheets)
    as_planned = None if not sheets else sum(sheet.rows for sheet in sheets) == rows.total
    same = None if counters is None else _same(counters, sums, rows)
    parts = {"rows_equal_outcomes": _adds_up(rows), "sheets_equal_job": as_planned, "sheets_are_complete": complete,
             "batches_equal_job": same}
    return Balance(balanced=False not in parts.values(), **parts)


def batch_report(detail: BatchDetail, state: BatchState) -> BatchReport:
    entry = detail.entry
    return BatchReport(
        batch_number=entry.number, state=state.value, run=detail.run, attempts=detail.attempts, rows=entry.rows,
        outcomes={outcome.value: count for outcome, count in detail.record.outcomes.items() if count},
        rejected=len(entry.rejects), settled_at=entry.settled_at or None, cause=entry.cause or None)


def _sheet_report(job: Job, sheet: SheetCount, outcomes: Mapping[str, int]) -> SheetReport:
    counts = _counts(sheet.rows, outcomes, job.unsettled)
    physical = sheet.header + sheet.blank + sum(sheet.skipped.values()) + sheet.rows
    return SheetReport(
        index=sheet.index, worksheet=sheet.name, header_row=sheet.header_row, physical=sheet.physical,
        header=sheet.header, blank=sheet.blank, skipped=sheet.skipped, rows=sheet.rows, outcomes=counts,
        columns=sheet.columns, mapping=tuple(map(_column_report, sheet.mapping)), note=sheet.note or None,
        balanced=physical == sheet.physical and _adds_up(counts))


def _column_report(column: Mapping[str, Any]) -> ColumnReport:
    return ColumnReport(**{**column, "field": column["field"] or None})


def _counts(rows: int, settled: Mapping[str, int], unsettled: Bucket) -> RowCounts:
    """`rows` that are not settled lie in the bucket that the job names."""
    words = {word: settled.get(word, 0) for word in ("pending", *(outcome.value for outcome in Outcome))}
    words[unsettled.value] += rows - sum(settled.values())
    return RowCounts(total=rows, **words)


def _adds_up(counts: RowCounts) -> bool:
    words: dict[str, int] = counts.model_dump(exclude={"total"})
    return sum(words.values()) == counts.total and min(words.values()) >= 0


def _same(job: Job, sums: Sums, rows: RowCounts) -> bool:
    counted: dict[str, int] = rows.model_dump(exclude={"total"})
    counters = {word: int(getattr(job, word)) for word in counted}
    batches = {state: int(getattr(job, f"batches_{state.value}")) for state in _SETTLED}
    settled = {state: sums.states.get(state, 0) for state in _SETTLED}
    if job.unsettled is Bucket.FAILED:
        settled[BatchState.FAILED] += sums.unsettled_batches
    return counted == counters and all(settled[state] == batches[state] for state in _SETTLED)
