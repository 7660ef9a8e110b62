"""The proof adds up, and says so when it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.api.report_counts import Sums, balance, sheet_reports, total_counts
from chalicelib.api.report_models import Balance
from chalicelib.jobs.model import BatchDetail, BatchEntry, BatchState, Bucket, Job, Outcome, SheetCount, Status

JOB = Job("j", "acme", "leads", Status.PROCESSING, "a.csv", "k", "t", "t", planned=True, rows=10, pending=4, new=3,
          superseded=1, rejected=2, batches_total=4, batches_pending=2, batches_done=2)
SHEETS = (SheetCount(0, "A", physical=9, header=1, blank=1, skipped={"totals": 1}, rows=6),
          SheetCount(1, "B", physical=5, header=1, blank=0, skipped={}, rows=4))
DONE = BatchState.DONE


def detail(number: int, state: BatchState, sheets: dict[int, dict[Outcome, int]], run: int = 1) -> BatchDetail:
    rows = sum(sum(counts.values()) for counts in sheets.values())
    return BatchDetail(BatchEntry(number, state, rows, sheets, "t"), run, 1)


FIRST = detail(1, DONE, {0: {Outcome.NEW: 2, Outcome.SUPERSEDED: 1}})
SECOND = detail(2, DONE, {0: {Outcome.REJECTED: 2}, 1: {Outcome.NEW: 1}})


def proof(job: Job, *details: BatchDetail, sheets: tuple[SheetCount, ...] = SHEETS, still: bool = True) -> Balance:
    sums = Sums(job)
    for entry in details:
        sums.add(entry)
    rows = total_counts(job, sums)
    return balance(sums, rows, sheet_reports(job, sums, sheets), counters=job if still else None)


def test_job_in_the_middle_balances_with_what_is_pending():
    assert proof(JOB, FIRST, SECOND) == Balance(
        balanced=True, rows_equal_outcomes=True, sheets_equal_job=True, sheets_are_complete=True,
        batches_equal_job=True)


def test_rows_of_open_batches_lie_where_the_job_says():
    for bucket in Bucket:
        sums = Sums(replace(JOB, unsettled=bucket))
        sums.add(FIRST)
        assert getattr(total_counts(sums.job, sums), bucket.value) == 7
        assert sums.unsettled_batches == 3


def test_batch_that_failed_before_a_retry_is_open_again():
    failed = detail(3, BatchState.FAILED, {1: {Outcome.FAILED: 2}})
    before = replace(JOB, pending=2, failed=2, batches_pending=1, batches_failed=1)
    assert proof(before, FIRST, SECOND, failed).balanced
    assert proof(replace(JOB, run=2, reopened_run=2), FIRST, SECOND, failed).balanced


def test_forced_job_balances_without_entries_for_what_was_missing():
    forced = replace(JOB, status=Status.COMPLETED, unsettled=Bucket.FAILED, pending=0, failed=4, batches_pending=0,
                     batches_failed=2)
    assert proof(forced, FIRST, SECOND).balanced


@pytest.mark.parametrize("changes", [
    {"new": 4, "pending": 3}, {"batches_done": 3}, {"rejected": 1, "unchanged": 1}, {"batches_failed": 1}])
def test_counter_that_drifted_is_found(changes: dict[str, int]):
    told = proof(replace(JOB, **changes), FIRST, SECOND)
    assert (told.balanced, told.batches_equal_job) == (False, False)


def test_row_that_no_sheet_accounts_for_is_found():
    told = proof(JOB, FIRST, SECOND, sheets=(replace(SHEETS[0], blank=0), SHEETS[1]))
    assert (told.balanced, told.sheets_are_complete) == (False, False)
    told = proof(JOB, FIRST, SECOND, sheets=SHEETS[:1])
    assert (told.balanced, told.sheets_equal_job) == (False, False)


def test_batch_counted_twice_is_found():
    told = proof(JOB, FIRST, SECOND, replace(SECOND, entry=replace(SECOND.entry, number=3)),
                 detail(4, DONE, {1: {Outcome.NEW: 3}}))
    assert (told.balanced, told.rows_equal_outcomes) == (False, False)


def test_job_that_moved_meanwhile_is_not_called_wrong():
    told = proof(replace(JOB, new=9), FIRST, SECOND, still=False)
    assert (told.balanced, told.batches_equal_job) == (True, None)
