"""What a processed batch of pictures comes to, judged against the records as they stand. Pure but for one read.

A deletion is recorded already, for it may be of thousands: here it only counts. A picture's record is written in the
settling transaction, with what finds it by id and by content.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.adapters import image_records as records
from chalicelib.adapters.image_keeping import mark_of
from chalicelib.adapters.image_records import Image
from chalicelib.adapters.images import Images, Note, NoteKind
from chalicelib.jobs.model import Batch, Job, Outcome, RowId
from chalicelib.jobs.pipeline import Effects, Processed, Stored, Write


@dataclass(slots=True)
class _Plan:
    outcomes: dict[RowId, Outcome] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    elsewhere: bool = False


def plan_effects(job: Job, _batch: Batch, processed: Processed, *, images: Images) -> Effects:
    """Outcomes and writes; called again, with a fresh read, after every lost race. Raises Conflict where the work must
    be done anew."""
    plan = _Plan()
    for entry in processed.stored:
        plan.outcomes[entry.row] = _judge(plan, job, entry, images)
    return Effects(plan.outcomes, tuple(plan.writes), marks=tuple(plan.marks), elsewhere=plan.elsewhere)


def _judge(plan: _Plan, job: Job, entry: Stored, images: Images) -> Outcome:
    told = entry.record
    if told.get("superseded"):
        return Outcome.SUPERSEDED
    if gone := told.get("gone"):
        plan.marks.append(mark_of(Note(NoteKind.NONE, gone.place, gone.version)))
        return Outcome.UNCHANGED
    if note := told.get("note"):
        plan.marks.append(mark_of(note))
        plan.elsewhere = True
        return Outcome.UPDATED if told["went"] else Outcome.UNCHANGED
    image: Image = told["image"]
    before, fell = images.known(image.place)
    outcome, record = records.stored(before, fell, job, image.version, image, made=told["made"])
    if record.image is not None and outcome is not Outcome.SUPERSEDED:
        plan.writes += [images.write(record), *(images.pointers(record.image) if told["made"] else ())]
        plan.marks.append(mark_of(Note(NoteKind.MADE, image.place, image.version)))
    return outcome
