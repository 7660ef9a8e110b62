"""Objects follow their records: what a record names is there, what none names is not.

S3 takes part in no transaction, so the objects are put right after it, by whoever settles a batch or undoes a job, and
again when he comes a second time. An object that goes is only marked as deleted: the bucket keeps its version for a
while, and undo brings it back from there. Whoever deletes looks once more whether the record names the object after
all, whoever restores a record looks once more whether the object is there: of two at once, one sees the other.

A deletion stores its own record before it looks for what lies beneath; a picture that comes late is stored before it
looks for deletions above. So none is missed, however they meet.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.adapters import image_records as records
from chalicelib.adapters.image_records import Place, Record
from chalicelib.adapters.images import Images, Note, NoteKind
from chalicelib.errors import Conflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.pipeline import PutBack, Undone

if TYPE_CHECKING:
    from chalicelib.adapters.s3 import Blobs

TRIES = 30
TOGETHER = 500
"""Records whose objects are deleted at once."""
EXPIRED = "image_expired"


@dataclass(frozen=True, slots=True)
class ImageKeeping:
    """Deletes, puts back and tidies up. `sleep` and `rng` space the tries of contenders."""

    images: Images
    blobs: Blobs
    sleep: Callable[[float], None]
    rng: random.Random

    # --- deleting

    def delete(
        self, job: Job, note: Note, kept: Collection[str], time_left: Callable[[], bool], *, alone: bool = False,
    ) -> bool | None:
        """Take the picture at a place, and unless `alone` all beneath it but for the paths `kept`, out of the records.

        Answers whether there was any, None when time ran out. Whoever asks again is told the same. Later versions stay.
        """
        gone = self._delete(note.place, job.job_id, job.uploaded_at, note.version, whole=not alone)
        for record in self.images.records_under(note.place) if not alone else ():
            if _among(record.place.path, kept):
                continue
            if record.image is not None and record.version < note.version:
                if not time_left():
                    return None
                gone |= self._delete(record.place, job.job_id, job.uploaded_at, note.version, found=record)
            gone |= records.went(record, job.job_id, note.version)
        return gone

    def _delete(
        self, place: Place, job_id: str, at: str, version: str, *, whole: bool = False, found: Record | None = None,
    ) -> bool:
        record = self._changed(place, lambda now: records.deleted(now, job_id, at, version, whole=whole), found)
        return records.went(record, job_id, version)

    # --- after a batch was settled

    def tidy(self, job: Job, number: int) -> None:
        """Put the objects right that a batch has to do with. Harmless at any time, any number of times."""
        note = self.images.note(job.job_id, number)
        if note is None:
            return
        if job.undo:
            self._put_back(job, note, mark_of(note))
            return
        if note.kind is NoteKind.FELL:
            self._clear_fallen(job, note)
            return
        record, fell = self.images.known(note.place)
        if record.image is not None and fell > record.version:
            record = self._fall_late(record, fell)
        self._clear(record, {note.key, *record.keys_of(job.job_id)})

    def _fall_late(self, record: Record, fell: str) -> Record:
        """A folder above was deleted while the picture was on its way: the same deletion takes it, too."""
        for folder in record.place.above:
            above = self.images.record(folder)
            link = next((each for each in above.links if each.version == fell and not each.undone), None)
            if above.fell == fell and link is not None:
                self._delete(record.place, link.job_id, link.at, fell)
        return self.images.record(record.place)

    def _clear_fallen(self, job: Job, note: Note) -> None:
        """Delete the objects of all that a deletion took."""
        keys: list[str] = []
        for record in self._taken(job, note):
            keys += sorted(record.keys_of(job.job_id) - {record.key})
            if len(keys) >= TOGETHER:
                self.blobs.delete_all(keys)
                keys = []
        self.blobs.delete_all(keys)
        for record in self._taken(job, note):
            self._make_sure(record)

    def _taken(self, job: Job, note: Note) -> Iterator[Record]:
        for record in (self.images.record(note.place), *self.images.records_under(note.place)):
            link = record.link(job.job_id)
            if link is not None and link.version == note.version:
                yield record

    def _clear(self, record: Record, keys: Collection[str]) -> None:
        """Delete those of these objects that the record does not name."""
        stale = sorted(set(keys) - {record.key})
        if stale:
            self.blobs.delete_all(stale)
            self._make_sure(self.images.record(record.place))

    def _make_sure(self, record: Record) -> bool:
        """See that the object that a record names is there; False where it is kept no more."""
        if not record.key or self.blobs.head(record.key) is not None:
            return True
        try:
            self.blobs.copy(record.key, record.key, self.blobs.last_version(record.key))
        except KeyError:
            return False
        return True

    # --- undoing

    def put_back(self, job: Job, marks: Sequence[str]) -> Sequence[Undone]:
        """Undo what the job did under these marks, each once however often it is asked, unless changed since."""
        return [self._put_back(job, note_of(job, mark), mark) for mark in marks]

    def _put_back(self, job: Job, note: Note, mark: str) -> Undone:
        if note.kind is NoteKind.NONE:
            return Undone(mark, PutBack.UNCHANGED, note.place.image_id)
        if note.kind is NoteKind.MADE:
            return self._restore(note.place, job, mark, {note.key} if note.key else set())
        mine = self._restore(note.place, job, mark)
        beneath = [self._restore(record.place, job, mark) for record in self._taken(job, note)
                   if record.place != note.place]
        return _together(mine, beneath)

    def _restore(self, place: Place, job: Job, mark: str, keys: Collection[str] = ()) -> Undone:
        for _ in self._tries():
            record = self.images.record(place)
            restored, result = records.undone(record, job.job_id, mark)
            if not self._make_sure(restored):
                result = Undone(mark, PutBack.KEPT, place.image_id, EXPIRED)
                break
            if restored is record or self.images.put(restored):
                break
        record = self.images.record(place)
        self._make_sure(record)
        self._clear(record, {*keys, *record.keys_of(job.job_id)})
        return result

    def _changed(self, place: Place, change: Callable[[Record], Record], found: Record | None = None) -> Record:
        """Change a record, however many others do; answers it as it then is. `found` is what was read before."""
        for _ in self._tries():
            record, found = found or self.images.record(place), None
            changed = change(record)
            if changed is record or self.images.put(changed):
                return changed
        raise AssertionError("the last try raises")

    def _tries(self) -> Iterator[int]:
        yield 0
        for tried in range(TRIES):
            self.sleep(self.rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))
            yield tried
        raise Conflict("the picture is being written by others")


def mark_of(note: Note) -> str:
    """What undo has to know of a batch: what it did, in which version, at which place."""
    return f"{note.kind.value} {note.place.space.value} {note.version} {note.place.path}"


def note_of(job: Job, mark: str) -> Note:
    """What `mark_of` said. Versions have no spaces."""
    kind, space, version, path = mark.split(" ", 3)
    return Note(NoteKind(kind), Place(job.owner, records.Space(space), path), version)


def _among(path: str, kept: Collection[str]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in kept)


def _together(mine: Undone, beneath: Sequence[Undone]) -> Undone:
    """A deletion counts once: kept if anything had to be kept, restored if anything came back."""
    for became in (PutBack.KEPT, PutBack.RESTORED):
        found = next((one for one in (mine, *beneath) if one.became is became), None)
        if found is not None:
            return found
    return mine
