"""What a batch of a bill does to the result rows, and what undoing takes back.

The first match of a job writes each row once. A re-match writes rows of the job that it is based on, only while they
are as no match left them: a person's edit and another re-match win. It keeps each row as it found it and moves the base
job's tallies in the same transaction; undone, it puts back what nobody has touched since.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.adapters.dynamodb import chunks
from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.price_results import PriceResults, Row, mark_of, moved, place_of, row_from, tally_of
from chalicelib.errors import Conflict
from chalicelib.jobs.model import Job, Outcome, RowId
from chalicelib.jobs.pipeline import Effects, Processed, PutBack, Undone, Write
from chalicelib.matching.model import Tier

TOGETHER = 20
"""Rows that are undone in one transaction: a row and its prior image each, and the tallies."""
UNDO_TRIES = 30
_SAME = ("matchedItemId", "matchedDescription", "matchedCode", "matchedUnit", "matchedRate", "totalPrice", "confidence",
         "tier", "candidates", "listId", "matchMethod", "unitMismatch", "isLearnedMatch")
"""What makes a row another one."""


@dataclass(frozen=True, slots=True)
class ResultEffects:
    """Effects and undoing of matches and re-matches."""

    price_results: PriceResults
    ledger: Ledger
    sleep: Callable[[float], None]
    rng: random.Random

    def matched(self, processed: Processed) -> Effects:
        """Every row is new: the transaction of its batch happens once."""
        rows = [entry.row for entry in processed.stored]
        tallies = Counter(str(entry.record["tier"]) for entry in processed.stored)
        return Effects(dict.fromkeys(rows, Outcome.NEW),
                       tuple(self.price_results.put(entry.record) for entry in processed.stored),
                       marks=tuple(map(mark_of, rows)), tallies=dict(tallies))

    def rematched(self, job: Job, processed: Processed) -> Effects:
        """Rows that are still open become what the re-match says, each on condition of what was read."""
        base_id = str(job.options["rematch"])
        base = self.ledger.job(base_id)
        now: Mapping[RowId, Row] = {}
        if base is not None and not base.undo:
            now = self.price_results.rows(base_id, [entry.row for entry in processed.stored])
        outcomes = {entry.row: Outcome.UNCHANGED for entry in processed.stored}
        writes: list[Write] = []
        shift: Counter[str] = Counter()
        tallies: Counter[str] = Counter()
        for entry in processed.stored:
            old = now.get(entry.row)
            new = _taken_over(old, entry.record, job) if old is not None else None
            tallies[tally_of(new or old or entry.record)] += 1
            if old is None or new is None:
                continue
            outcomes[entry.row] = Outcome.UPDATED
            writes += [self.price_results.put(new, replaces=old), self.price_results.keep(old, job)]
            shift.update(moved(old, new))
        writes += self.price_results.counting(base_id, shift)
        return Effects(outcomes, tuple(writes), tallies=dict(tallies),
                       marks=tuple(mark_of(entry.row) for entry in processed.stored))

    # --- undoing

    def remove(self, job: Job, marks: Sequence[str]) -> list[Undone]:
        """Delete rows that are as the job left them. What is gone already was removed before."""
        done: list[Undone] = []
        for some in chunks(_places(marks), TOGETHER):
            done += self._again(partial(self._remove, job, some))
        return done

    def put_back(self, job: Job, marks: Sequence[str]) -> list[Undone]:
        """Give rows back what they were before the re-match, each once, unless changed since."""
        done: list[Undone] = []
        for some in chunks(_places(marks), TOGETHER):
            try:
                done += self._put_back(job, some)
            except Conflict:
                for place in some:
                    done += self._again(partial(self._put_back, job, [place]))
        return done

    def _remove(self, job: Job, places: Sequence[RowId]) -> list[Undone]:
        rows = self.price_results.rows(job.job_id, places)
        kept = {place: row for place, row in rows.items() if row["isManuallyEdited"] or row["rematchedBy"]}
        self.price_results.delete([row for place, row in rows.items() if place not in kept])
        return [_kept(job, place, kept[place]) if place in kept else
                Undone(mark_of(place), PutBack.REMOVED, _id(job.job_id, place)) for place in places]

    def _put_back(self, job: Job, places: Sequence[RowId]) -> list[Undone]:
        base_id = str(job.options["rematch"])
        now = self.price_results.rows(base_id, places)
        priors = self.price_results.priors(job.job_id, places)
        done: list[Undone] = []
        writes: list[Write] = []
        shift: Counter[str] = Counter()
        for place in places:
            row, prior = now.get(place), priors.get(place)
            result, image = _judged(job, _id(base_id, place), mark_of(place), row, prior)
            done.append(result)
            if prior is None or prior.get("undone"):
                continue
            if row is not None and image is not None:
                writes.append(self.price_results.put(image, replaces=row))
                shift.update(moved(row, image))
            writes.append(self.price_results.note(job.job_id, place, prior, result))
        if writes:
            base = self.ledger.job(base_id) if shift else None
            if base is not None and not base.undo:
                writes += self.price_results.counting(base_id, shift)
            self.price_results.transact(writes, "rows and prior images are as they were read")
        return done

    def _again(self, step: Callable[[], Any]) -> Any:
        """A step until nobody else is faster."""
        for tried in range(UNDO_TRIES):
            try:
                return step()
            except Conflict:
                self.sleep(self.rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))
        raise Conflict("the row is being written by others")


def _taken_over(old: Row, record: Mapping[str, Any], job: Job) -> dict[str, Any] | None:
    """The row after the re-match; None where it is to stay as it is."""
    open_still = old["jobTier"] == Tier.UNMATCHED.value and not old["isManuallyEdited"]
    if not open_still or all(old[name] == record[name] for name in _SAME):
        return None
    return {**record, "createdAt": old["createdAt"], "expiresAt": old["expiresAt"], "batch": old["batch"],
            "updatedAt": job.created_at, "version": int(old["version"]) + 1, "rematchedBy": job.job_id}


def _judged(
    job: Job, record_id: str, mark: str, row: Row | None, prior: Mapping[str, Any] | None
) -> tuple[Undone, Row | None]:
    """What undoing makes of a row, and the row that is to be stored again, if any."""
    if prior is not None and (noted := prior.get("undone")):
        return Undone(mark, PutBack(noted["became"]), record_id, noted["reason"], noted["by_job"]), None
    if prior is None:
        lost = row is not None and row["rematchedBy"] == job.job_id
        became, reason = (PutBack.KEPT, "image_expired") if lost else (PutBack.UNCHANGED, "")
        return Undone(mark, became, record_id, reason), None
    if row is None:
        return Undone(mark, PutBack.KEPT, record_id, "gone"), None
    if row["isManuallyEdited"] or row["rematchedBy"] != job.job_id:
        return Undone(mark, PutBack.KEPT, record_id, *_reason(row)), None
    return Undone(mark, PutBack.RESTORED, record_id), {**row_from(prior["image"]), "version": int(row["version"]) + 1}


def _kept(job: Job, place: RowId, row: Row) -> Undone:
    return Undone(mark_of(place), PutBack.KEPT, _id(job.job_id, place), *_reason(row))


def _id(job_id: str, place: RowId) -> str:
    return f"{job_id}-{mark_of(place)}"


def _reason(row: Row) -> tuple[str, str]:
    if row["isManuallyEdited"]:
        return "edited", ""
    return "later_job", str(row["rematchedBy"])


def _places(marks: Iterable[str]) -> list[RowId]:
    return [place for mark in marks if (place := place_of(mark)) is not None]
