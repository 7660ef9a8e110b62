"""The transitions of a job, driven in random order over a random number of batches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib.errors import Conflict, RequestRefused
from chalicelib.jobs import transitions
from chalicelib.jobs.budget import EXHAUSTED
from chalicelib.jobs.model import BatchRecord, BatchState, Bucket, Job, Outcome, Status
from chalicelib.jobs.undo import begun

AT = "2026-11-22T00:00:00.000Z"


def planned_job(sizes: list[int]) -> Job:
    job = Job(job_id="j", owner="o", pipeline="p", status=Status.UPLOADING, file_name="f", file_key="k",
              created_at=AT, updated_at=AT)
    job = transitions.apply(job, transitions.uploaded(job, at=AT, bucket="b", version_id="v", size=1))
    job = transitions.apply(job, transitions.planning(job, at=AT, batch_size=10))
    return transitions.apply(job, transitions.planned(
        job, at=AT, rows=sum(sizes), batches=len(sizes), parts=1, sha256="s"))


class AnyOrder(RuleBasedStateMachine):
    """Batches settle, die, come back; people cancel, resume, retry and force, at any moment and more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes = [3, 1, 4, 1, 5]
        self.job = planned_job(self.sizes)
        self.records: dict[int, BatchRecord] = {}
        self.stored: dict[int, Outcome] = {}
        self.seen = (self.job.run, self.job.percentage)

    def _state(self, number: int) -> BatchState:
        return transitions.batch_state(self.job, self.records.get(number))

    @rule(number=st.integers(0, 4), outcome=st.sampled_from([Outcome.NEW, Outcome.UPDATED, Outcome.REJECTED]))
    def a_batch_is_done(self, number: int, outcome: Outcome) -> None:
        state, rows, waits = self._state(number), self.sizes[number], self.job.paused == EXHAUSTED
        if state is BatchState.DONE or self.job.undo:
            with pytest.raises(Conflict):
                transitions.done(self.job, state, {outcome: rows}, at=AT)
            return
        self.job = transitions.apply(self.job, transitions.done(self.job, state, {outcome: rows}, at=AT))
        self.records[number] = BatchRecord(number, BatchState.DONE, self.job.run, rows, {outcome: rows})
        self.stored[number] = outcome
        assert not waits or self.job.status.terminal or self.job.paused == EXHAUSTED

    @rule(number=st.integers(0, 4))
    def a_batch_dies(self, number: int) -> None:
        state, rows = self._state(number), self.sizes[number]
        if state is not BatchState.PENDING:
            with pytest.raises(Conflict):
                transitions.failed(self.job, state, rows, at=AT)
            return
        run = self.job.run
        self.job = transitions.apply(self.job, transitions.failed(self.job, state, rows, at=AT))
        self.records[number] = BatchRecord(number, BatchState.FAILED, run, rows)

    @rule(loser=st.integers(0, 4), winner=st.integers(0, 4))
    def a_later_row_displaces_an_earlier_one(self, loser: int, winner: int) -> None:
        lost = self.stored.get(loser)
        if lost not in (Outcome.NEW, Outcome.UPDATED) or self._state(winner) is BatchState.DONE or self.job.undo:
            return
        self.stored[loser] = Outcome.SUPERSEDED
        rows = self.sizes[winner]
        self.job = transitions.apply(self.job, transitions.done(
            self.job, self._state(winner), {Outcome.NEW: rows}, at=AT, displaced={lost: self.sizes[loser]}))
        self.records[winner] = BatchRecord(winner, BatchState.DONE, self.job.run, rows)
        self.stored[winner] = Outcome.NEW

    @rule()
    def somebody_cancels(self) -> None:
        self._ask(transitions.cancelled)

    @rule()
    def somebody_resumes(self) -> None:
        self._ask(transitions.resumed)

    @rule()
    def somebody_retries(self) -> None:
        self._ask(transitions.retried)

    @rule(number=st.integers(0, 4))
    def an_operator_redrives(self, number: int) -> None:
        state, run = self._state(number), self.job.run
        change = transitions.redriven(self.job, state, self.sizes[number], at=AT, by="operator")
        if change is None:
            assert state is not BatchState.FAILED or self.job.undo or self.job.status is Status.CANCELLED
            return
        self.job = transitions.apply(self.job, change)
        if not change.pour:
            self.records[number] = BatchRecord(number, BatchState.PENDING, run, self.sizes[number])
        assert (self._state(number), self.job.status) == (BatchState.PENDING, Status.PROCESSING)

    @rule()
    def somebody_forces(self) -> None:
        self._ask(transitions.forced)

    @rule()
    def somebody_undoes(self) -> None:
        if self.job.status.terminal:
            self._ask(begun)
        else:
            with pytest.raises(RequestRefused):
                begun(self.job, at=AT, by="someone")

    @rule()
    def a_budget_runs_out(self) -> None:
        change = transitions.exhausted(self.job, run=self.job.run, at=AT)
        if change is not None:
            self.job = transitions.apply(self.job, change)

    @invariant()
    def a_job_that_is_undone_has_ended_for_good(self) -> None:
        assert self.job.undo is None or self.job.status.terminal

    @precondition(lambda self: self.job.status is Status.PROCESSING)
    @rule()
    def a_provider_closes(self) -> None:
        if not self.job.paused:
            self.job = transitions.apply(self.job, transitions.paused(self.job, reason="circuit"))

    def _ask(self, transition) -> None:
        try:
            change = transition(self.job, at=AT, by="someone")
        except RequestRefused:
            return
        if change is not None:
            self.job = transitions.apply(self.job, change)

    @invariant()
    def every_row_is_in_exactly_one_counter(self) -> None:
        assert transitions.balanced(self.job)

    @invariant()
    def counters_are_what_the_batches_say(self) -> None:
        for bucket in (Bucket.PENDING, Bucket.FAILED, Bucket.CANCELLED):
            mine = [size for number, size in enumerate(self.sizes) if self._state(number).value == bucket.value]
            assert self.job.count(bucket) == sum(mine)
            assert getattr(self.job, f"batches_{bucket.value}") == len(mine)
        for outcome in (Outcome.NEW, Outcome.UPDATED, Outcome.SUPERSEDED, Outcome.REJECTED):
            done = [self.sizes[number] for number, became in self.stored.items() if became is outcome]
            assert self.job.count(outcome) == sum(done)

    @invariant()
    def a_job_ends_exactly_when_nothing_is_pending(self) -> None:
        assert self.job.status.terminal == (self.job.batches_pending == 0)
        hopeless = self.job.batches_failed == self.job.batches_total
        if self.job.status is Status.ERROR:
            assert self.job.error is not None
        if hopeless and self.job.status.terminal:
            assert self.job.status in (Status.ERROR, Status.COMPLETED)

    @invariant()
    def percentage_never_falls_within_a_run(self) -> None:
        run, percentage = self.seen
        assert 0 <= self.job.percentage <= 100
        if self.job.run == run:
            assert self.job.percentage >= percentage
        self.seen = (self.job.run, self.job.percentage)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


@given(st.permutations(range(4)), st.integers(0, 3))
def test_two_settlers_that_read_the_same_job_cannot_both_complete_it(order: list[int], twins: int) -> None:
    job = planned_job([2, 2, 2, 2])
    for number in order[:-1]:
        assert number in range(4)
        job = transitions.apply(job, transitions.done(job, BatchState.PENDING, {Outcome.NEW: 2}, at=AT))
    stale = transitions.done(job, BatchState.PENDING, {Outcome.NEW: 2}, at=AT)
    ended = transitions.apply(job, stale)
    assert ended.status is Status.COMPLETED
    for _ in range(twins):
        with pytest.raises(Conflict):
            transitions.apply(ended, stale)


def test_a_settler_that_thinks_others_are_pending_cannot_settle_the_last_batch_unnoticed() -> None:
    job = planned_job([1, 1])
    read_before = transitions.done(job, BatchState.PENDING, {Outcome.NEW: 1}, at=AT)
    job = transitions.apply(job, read_before)
    with pytest.raises(Conflict):
        transitions.apply(job, read_before)


def test_a_batch_in_flight_settles_truthfully_after_a_cancel() -> None:
    job = planned_job([5, 5])
    job = transitions.apply(job, transitions.cancelled(job, at=AT, by="me"))
    assert (job.pending, job.cancelled) == (0, 10)
    job = transitions.apply(job, transitions.done(
        job, transitions.batch_state(job, None), {Outcome.NEW: 4, Outcome.REJECTED: 1}, at=AT))
    assert (job.status, job.cancelled, job.new, job.rejected) == (Status.CANCELLED, 5, 4, 1)


def test_a_settler_that_read_before_a_cancel_must_read_again() -> None:
    job = planned_job([5, 5])
    stale = transitions.done(job, BatchState.PENDING, {Outcome.NEW: 5}, at=AT)
    job = transitions.apply(job, transitions.cancelled(job, at=AT, by="me"))
    with pytest.raises(Conflict):
        transitions.apply(job, stale)


def test_a_forced_batch_that_finishes_after_all_corrects_its_rows_and_not_the_status() -> None:
    job = planned_job([5, 5])
    job = transitions.apply(job, transitions.done(job, BatchState.PENDING, {Outcome.NEW: 5}, at=AT))
    change = transitions.forced(job, at=AT, by="operator")
    assert change is not None
    job = transitions.apply(job, change)
    assert (job.status, job.failed) == (Status.COMPLETED, 5)
    job = transitions.apply(job, transitions.done(job, transitions.batch_state(job, None), {Outcome.NEW: 5}, at=AT))
    assert (job.status, job.failed, job.new) == (Status.COMPLETED, 0, 10)


def test_a_job_whose_every_batch_died_is_an_error_that_retry_reopens() -> None:
    job = planned_job([2, 3])
    records = {}
    for number, rows in enumerate((2, 3)):
        job = transitions.apply(job, transitions.failed(job, BatchState.PENDING, rows, at=AT))
        records[number] = BatchRecord(number, BatchState.FAILED, 1, rows)
    assert job.status is Status.ERROR
    assert job.error is not None
    assert job.error["code"] == "ALL_BATCHES_FAILED"
    job = transitions.apply(job, transitions.retried(job, at=AT, by="me"))
    assert (job.status, job.run, job.pending, job.failed, job.error) == (Status.PROCESSING, 2, 5, 0, None)
    assert {transitions.batch_state(job, record) for record in records.values()} == {BatchState.PENDING}


def test_a_cancelled_job_whose_batches_all_finished_resumes_as_completed() -> None:
    job = planned_job([2])
    job = transitions.apply(job, transitions.cancelled(job, at=AT, by="me"))
    job = transitions.apply(job, transitions.done(job, BatchState.CANCELLED, {Outcome.NEW: 2}, at=AT))
    job = transitions.apply(job, transitions.resumed(job, at=AT, by="me"))
    assert (job.status, job.percentage) == (Status.COMPLETED, 100)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.ERROR, Status.CANCELLED])
def test_a_job_that_has_ended_cannot_be_cancelled(status: Status) -> None:
    with pytest.raises(RequestRefused) as refusal:
        transitions.cancelled(replace(planned_job([1]), status=status), at=AT, by="me")
    assert refusal.value.code == "CANNOT_CANCEL"


def test_a_late_upload_event_never_moves_a_job_back() -> None:
    job = planned_job([1])
    with pytest.raises(Conflict):
        transitions.uploaded(job, at=AT, bucket="b", version_id="other", size=9)


def test_totals_of_a_plan_are_recorded_once() -> None:
    job = planned_job([1])
    with pytest.raises(Conflict):
        transitions.apply(job, transitions.planned(job, at=AT, rows=9, batches=9, parts=1, sha256="s"))


def test_batches_from_outside_join_a_job_whose_total_only_the_first_one_tells() -> None:
    job = Job(job_id="j", owner="o", pipeline="p", status=Status.UPLOADED, file_name="f", file_key="k",
              created_at=AT, updated_at=AT, outside=True)
    for rows in (3, 2):
        job = transitions.apply(job, transitions.registered(job, rows=rows, total=2, at=AT))
        assert transitions.balanced(job)
        job = transitions.apply(job, transitions.done(job, BatchState.PENDING, {Outcome.NEW: rows}, at=AT))
        assert transitions.balanced(job)
    assert (job.status, job.rows, job.new) == (Status.COMPLETED, 5, 5)
