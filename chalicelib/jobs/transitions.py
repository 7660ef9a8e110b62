"""How a job changes: state and event in, one write out. Pure; the ledger applies the write, tests apply it in memory.

Every batch that is neither done nor failed on its own has no entry in the ledger: its rows lie in the bucket that
`job.unsettled` names. That makes cancel, resume, retry and force-complete ONE write each, however many batches there
are: they pour one counter into another and rename the bucket. A batch that settles moves its own rows from its bucket
to their outcomes, on condition that the job is still in the run that was read.

The last batch completes the job in the very write that settles it: a settling write demands either that it is the last
(`batches_pending = 1`, and sets the status) or that it is not (`batches_pending >= 2`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.costs import total
from chalicelib.errors import Conflict, FileProblem, RequestProblem, RequestRefused
from chalicelib.jobs.budget import EXHAUSTED
from chalicelib.jobs.model import BatchRecord, BatchState, Bucket, Job, Outcome, Status

OPEN = (Status.UPLOADING, Status.PENDING, Status.UPLOADED, Status.PROCESSING)
ARRIVED = (Status.PENDING, Status.UPLOADED, Status.PROCESSING)
"""The file is there, the job has not ended."""
_NO_COUNTS: Mapping[Outcome, int] = {}


@dataclass(frozen=True, slots=True)
class Change:
    """One conditional write to the job item.

    `pour` moves the whole of one counter into another; `add` adds; `assign` sets. The write happens only when each
    attribute in `require` has that value (a tuple means: one of), and each in `at_least` is that or more. `tally` adds
    to the pipeline's own counts.
    """

    assign: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    tally: Mapping[str, int] = field(default_factory=dict)
    pour: Mapping[str, str] = field(default_factory=dict)
    require: Mapping[str, Any] = field(default_factory=dict)
    at_least: Mapping[str, int] = field(default_factory=dict)


def spending(change: Change, usage: Mapping[str, int]) -> Change:
    """The same change, which also adds what was used to the job."""
    return replace(change, add={**change.add, **{f"used_{name}": amount for name, amount in usage.items() if amount}})


def apply(job: Job, change: Change) -> Job:
    """The job after `change`. Raises Conflict where a demand of the change does not hold."""
    for name, wanted in change.require.items():
        if getattr(job, name) not in (wanted if isinstance(wanted, tuple) else (wanted,)):
            raise Conflict(f"{name} is not {wanted}")
    for name, least in change.at_least.items():
        if getattr(job, name) < least:
            raise Conflict(f"{name} is below {least}")
    values: dict[str, Any] = dict(change.assign)
    for source, target in change.pour.items():
        values[target] = getattr(job, target) + getattr(job, source)
        values[source] = 0
    for name, amount in change.add.items():
        values[name] = values.get(name, getattr(job, name)) + amount
    if change.tally:
        values["tallies"] = total(job.tallies, change.tally)
    return replace(job, **values)


def balanced(job: Job) -> bool:
    """The invariant: every row, and every batch, is in exactly one counter."""
    rows = job.pending + sum(job.count(outcome) for outcome in Outcome)
    batches = job.batches_pending + job.batches_done + job.batches_failed + job.batches_cancelled
    counts = [job.pending, job.batches_pending, *(job.count(outcome) for outcome in Outcome)]
    return rows == job.rows and batches == job.batches_total and min(counts) >= 0


def batch_state(job: Job, record: BatchRecord | None) -> BatchState:
    """What a batch is now. `done` is final; `failed` lasts until a retry reopens it; else the job's bucket says."""
    if record is not None and record.state is BatchState.DONE:
        return BatchState.DONE
    if record is not None and record.state is BatchState.FAILED and record.run >= job.reopened_run:
        return BatchState.FAILED
    return BatchState(job.unsettled.value)


def uploaded(job: Job, *, at: str, bucket: str, version_id: str, size: int) -> Change:
    """The file has arrived: pin its version. Raises Conflict unless the job still waits for it."""
    _demand(job.status is Status.UPLOADING, "the job does not wait for a file")
    return Change(
        assign={"status": Status.UPLOADED, "uploaded_at": at, "bucket": bucket, "version_id": version_id,
                "file_size": size, "updated_at": at},
        require={"status": Status.UPLOADING})


def planning(job: Job, *, at: str, batch_size: int) -> Change:
    """Splitting begins; the batch size is pinned so that every later attempt cuts the same batches."""
    return Change(assign={"status": Status.PROCESSING, "started_at": job.started_at or at, "batch_size": batch_size,
                          "updated_at": at},
                  require={"run": job.run, "status": ARRIVED, "planned": False,
                           "batch_size": job.batch_size})


def part_planned(job: Job, *, part: int, rows: int, batches: int) -> Change:
    """A part of the spool is written; `rows` and `batches` so far. A twin that was faster makes this a Conflict."""
    return Change(assign={"plan_parts": part, "plan_rows": rows, "plan_batches": batches},
                  require={"run": job.run, "status": Status.PROCESSING, "plan_parts": part - 1})


def planned(job: Job, *, at: str, rows: int, batches: int, parts: int, sha256: str) -> Change:
    """The whole file is in the spool: totals are known, every row is pending."""
    return Change(
        assign={"planned": True, "rows": rows, "pending": rows, "batches_total": batches, "batches_pending": batches,
                "plan_parts": parts, "plan_rows": rows, "plan_batches": batches, "sha256": sha256,
                "sent": False, "sent_parts": 0, "updated_at": at},
        require={"run": job.run, "status": Status.PROCESSING, "planned": False})


def duplicate(job: Job, *, at: str, of: str, sha256: str) -> Change:
    """The same file was dropped before: this job ends with no rows of its own."""
    return Change(
        assign={"status": Status.COMPLETED, "duplicate_of": of, "sha256": sha256, "planned": True, "sent": True,
                "completed_at": at, "updated_at": at, "plan_parts": 0, "plan_rows": 0, "plan_batches": 0},
        require={"run": job.run, "status": ARRIVED, "planned": False})


def part_sent(job: Job, *, part: int, parts: int) -> Change:
    """The messages of a part are in the queue."""
    return Change(assign={"sent_parts": part, "sent": part == parts},
                  require={"run": job.run, "sent_parts": part - 1, "sent": False})


def refused(job: Job, *, at: str, error: Mapping[str, Any]) -> Change:
    """The file cannot become rows. Only a job that has no totals yet can end this way."""
    return Change(assign={"status": Status.ERROR, "error": dict(error), "completed_at": at, "updated_at": at},
                  require={"run": job.run, "status": OPEN, "planned": False})


def done(
    job: Job, state: BatchState, outcomes: Mapping[Outcome, int], *, at: str,
    displaced: Mapping[Outcome, int] = _NO_COUNTS,
) -> Change:
    """A batch of `sum(outcomes)` rows is done. `displaced` rows of earlier batches of this job become superseded.

    `state` is what the batch was: pending, failed or cancelled. In a terminal job only the counters follow.
    """
    _demand(state is not BatchState.DONE, "a batch is done once")
    _demand(job.undo is None, "nothing of an undone job comes back")
    add: dict[str, int] = {state.value: -sum(outcomes.values()), f"batches_{state.value}": -1, "batches_done": 1}
    for outcome, count in outcomes.items():
        add[outcome.value] = add.get(outcome.value, 0) + count
    for outcome, count in displaced.items():
        add[outcome.value] = add.get(outcome.value, 0) - count
        add[Outcome.SUPERSEDED.value] = add.get(Outcome.SUPERSEDED.value, 0) + count
    change = Change(assign={"updated_at": at, **({"paused": ""} if _passing(job.paused) else {})}, add=_nonzero(add),
                    require={"run": job.run, **({"paused": job.paused} if _passing(job.paused) else {})})
    return _with_completion(job, state, change, Status.COMPLETED, at, {})


def failed(job: Job, state: BatchState, rows: int, *, at: str) -> Change:
    """A pending batch has died; its rows count as failed. Raises Conflict for a batch that is not pending."""
    _demand(state is BatchState.PENDING, "only a pending batch can fail")
    change = Change(assign={"updated_at": at},
                    add={"pending": -rows, "failed": rows, "batches_pending": -1, "batches_failed": 1},
                    require={"run": job.run})
    last = job.batches_pending == 1
    hopeless = job.batches_done == 0 and job.batches_cancelled == 0
    error = {"error": _all_failed(at)} if last and hopeless else {}
    end = _with_completion(job, state, change, Status.ERROR if last and hopeless else Status.COMPLETED, at, error)
    return replace(end, require={**end.require, "batches_done": job.batches_done}) if last else end


def cancelled(job: Job, *, at: str, by: str) -> Change:
    """Stop: what is pending is cancelled, what is done stays. Raises CANNOT_CANCEL for a job that has ended."""
    if job.status.terminal:
        raise RequestRefused(RequestProblem.CANNOT_CANCEL, status=job.status.value)
    return Change(
        assign={"status": Status.CANCELLED, "unsettled": Bucket.CANCELLED, "requested_by": by, "completed_at": at,
                "updated_at": at, "paused": ""},
        add={"run": 1}, pour={"pending": "cancelled", "batches_pending": "batches_cancelled"},
        require={"run": job.run, "status": OPEN})


def resumed(job: Job, *, at: str, by: str, options: Mapping[str, Any] | None = None) -> Change:
    """Take up a cancelled or paused job again, with these options changed. Raises CANNOT_RESUME for any other."""
    if job.undo or (job.status is not Status.CANCELLED and not job.paused):
        raise RequestRefused(RequestProblem.CANNOT_RESUME, status=job.status.value)
    assign: dict[str, Any] = {"unsettled": Bucket.PENDING, "requested_by": by, "updated_at": at, "paused": "",
                              "sent": False, "sent_parts": 0, "resends": 0, "completed_at": "", "reopened_at": at,
                              **_reopened(job), **({"options": {**job.options, **options}} if options else {})}
    if job.planned and job.batches_cancelled + job.batches_pending == 0:
        assign |= {"status": Status.COMPLETED, "completed_at": at, "sent": True}
    return Change(assign=assign, add={"run": 1},
                  pour={"cancelled": "pending", "batches_cancelled": "batches_pending"},
                  require={"run": job.run, "status": job.status, "batches_cancelled": job.batches_cancelled})


def retried(job: Job, *, at: str, by: str) -> Change:
    """Run the failed batches again, in a new run. Raises CANNOT_RETRY where nothing failed or the job still runs.

    A job whose splitting failed for reasons that may pass is split again.
    """
    split_again = job.status is Status.ERROR and not job.planned and recoverable(job.error)
    ended_with_failures = job.status in (Status.COMPLETED, Status.ERROR) and job.batches_failed > 0
    if job.undo or not (split_again or ended_with_failures):
        raise RequestRefused(RequestProblem.CANNOT_RETRY, status=job.status.value, failedBatches=job.batches_failed)
    return Change(
        assign={"unsettled": Bucket.PENDING, "reopened_run": job.run + 1, "requested_by": by, "updated_at": at,
                "error": None, "completed_at": "", "sent": False, "sent_parts": 0, "resends": 0, "reopened_at": at,
                **_reopened(job)},
        add={"run": 1}, pour={"failed": "pending", "batches_failed": "batches_pending"},
        require={"run": job.run, "status": job.status, "batches_failed": job.batches_failed})


def redriven(job: Job, state: BatchState, rows: int, *, at: str, by: str) -> Change | None:
    """A dead batch goes back on its queue: what of it had failed is pending again, in a new run.

    None where nothing is reopened: the batch has not failed, or a person stopped or undid the job. Of a job that was
    ended by force nobody counts batch by batch what is missing: all of it is reopened, as by a retry.
    """
    if job.undo or state is not BatchState.FAILED or job.status is Status.CANCELLED:
        return None
    if job.unsettled is Bucket.FAILED:
        return retried(job, at=at, by=by)
    return Change(
        assign={"status": Status.PROCESSING, "requested_by": by, "updated_at": at, "error": None, "completed_at": "",
                "resends": 0, "reopened_at": at},
        add={"run": 1, "failed": -rows, "pending": rows, "batches_failed": -1, "batches_pending": 1},
        require={"run": job.run, "status": job.status, "batches_failed": job.batches_failed})


def split_anew(job: Job, *, at: str, by: str) -> Change | None:
    """A job whose splitting failed is split again. None for any other: its splitter knows what is left to do."""
    if job.undo or job.planned or job.status is not Status.ERROR or not recoverable(job.error):
        return None
    return retried(job, at=at, by=by)


def forced(job: Job, *, at: str, by: str) -> Change | None:
    """End a stuck job: what is missing counts as failed. None when it has ended; CANNOT_FORCE without totals."""
    if job.status.terminal:
        return None
    if not job.planned or job.batches_pending == 0:
        raise RequestRefused(RequestProblem.CANNOT_FORCE, status=job.status.value)
    nothing_done = job.batches_done == 0
    return Change(
        assign={"status": Status.ERROR if nothing_done else Status.COMPLETED, "unsettled": Bucket.FAILED,
                "requested_by": by, "completed_at": at, "updated_at": at, "paused": "",
                "error": _all_failed(at) if nothing_done else None},
        add={"run": 1}, pour={"pending": "failed", "batches_pending": "batches_failed"},
        require={"run": job.run, "status": Status.PROCESSING, **({"batches_done": 0} if nothing_done else {})})


def exhausted(job: Job, *, run: int, at: str) -> Change | None:
    """The job stops until a person resumes it. None where it has stopped already, or is in another run by now."""
    if job.run != run or job.status is not Status.PROCESSING or job.paused == EXHAUSTED:
        return None
    return Change(assign={"paused": EXHAUSTED, "updated_at": at},
                  require={"run": job.run, "status": Status.PROCESSING, "paused": job.paused})


def paused(job: Job, *, reason: str) -> Change:
    """Flag a running job that waits for a person or a provider."""
    return Change(assign={"paused": reason}, require={"run": job.run, "status": Status.PROCESSING, "paused": ""})


def seen_idle(job: Job, *, mark: str) -> Change:
    """A sweep saw the job stand still at `mark`; the next one compares."""
    return Change(assign={"idle_mark": mark}, require={"run": job.run, "status": OPEN})


def resent(job: Job) -> Change:
    """The sweeper sends something of this job anew; it does so a bounded number of times in a run."""
    return Change(add={"resends": 1}, require={"run": job.run, "status": OPEN, "resends": job.resends})


def sending_anew(job: Job) -> Change:
    """All messages are out, yet batches are missing: send what is not settled, from the first part on."""
    return Change(assign={"sent": False, "sent_parts": 0},
                  require={"run": job.run, "status": Status.PROCESSING, "sent": True})


def registered(job: Job, *, rows: int, total: int, at: str) -> Change:
    """A batch from outside shows up for the first time: its rows join the job's. The first batch tells the total.

    A job that has ended keeps its status; what was cancelled waits for its resumption.
    """
    _demand(not job.planned or job.outside, "our own plan knows all batches")
    first: dict[str, Any] = {}
    add = {"rows": rows, job.unsettled.value: rows}
    if not job.planned:
        first = {"planned": True, "sent": True, "outside": True, "batches_total": total, "started_at": at,
                 "uploaded_at": job.uploaded_at or at,
                 "status": job.status if job.status.terminal else Status.PROCESSING}
        add[f"batches_{job.unsettled.value}"] = total
    return Change(assign={"updated_at": at, **first}, add=add,
                  require={"run": job.run, "planned": job.planned, "status": job.status})


def recoverable(error: Mapping[str, Any] | None) -> bool:
    """Whether running the job again can end better than it did."""
    passing = (FileProblem.SPLIT_FAILED.value, FileProblem.ALL_BATCHES_FAILED.value)
    return error is not None and (error["code"] in passing or bool(error.get("recoverable")))


def tally(outcomes: Iterable[Outcome]) -> dict[Outcome, int]:
    counts: dict[Outcome, int] = {}
    for outcome in outcomes:
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts


def _with_completion(
    job: Job, state: BatchState, change: Change, status: Status, at: str, extra: Mapping[str, Any]
) -> Change:
    if state is not BatchState.PENDING or job.status is not Status.PROCESSING:
        return change
    if job.batches_pending > 1:
        return replace(change, at_least={"batches_pending": 2})
    return replace(change, assign={**change.assign, "status": status, "completed_at": at, "paused": "", **extra},
                   require={**change.require, "batches_pending": 1})


def _reopened(job: Job) -> dict[str, Any]:
    """Where a job goes on. A whole plan stands; half a plan is made anew, for its spool may be gone by now."""
    if job.planned:
        return {"status": Status.PROCESSING}
    status = Status.UPLOADED if job.uploaded_at else Status.UPLOADING
    return {"status": status, "plan_parts": 0, "plan_rows": 0, "plan_batches": 0}


def _passing(reason: str) -> bool:
    """A pause that ends by itself when something goes on; an empty budget does not."""
    return reason not in ("", EXHAUSTED)


def _all_failed(at: str) -> dict[str, Any]:
    problem = FileProblem.ALL_BATCHES_FAILED
    return {"code": problem.value, "message": problem.sentence, "timestamp": at, "recoverable": True}


def _nonzero(add: Mapping[str, int]) -> dict[str, int]:
    return {name: amount for name, amount in add.items() if amount}


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Conflict(otherwise)

