"""What is kept of a picture's place: the picture, and what each of the last jobs did there, so that jobs are undone.

A place is owner, space and path, whether a picture is there or not. Its record is one item. A `Link` is what one job
did: what it found (the prior image) and what it made. Links are a chain, each job found what the one before had left;
undoing a job takes its link out and leaves a note, so that whoever asks again is told the same.

Versions compare as texts and only the highest counts, in whatever order messages come. A deletion stays as a record
without a picture: `fell` is the version of the last one, which took all beneath the path along, and so also what comes
late and is older. A record is written on condition that `rev` is as it was read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.errors import Conflict
from chalicelib.jobs.model import Job, Outcome, RowId
from chalicelib.jobs.pipeline import PutBack, Undone

PRIOR_DAYS = 30
MAX_LINKS = 12
SHARDS = 4
"""Partitions of an owner's pictures in a space: one takes 1,000 writes a second, and a folder is looked for in all."""
MAX_PATH_BYTES = 900
"""Longest path (UTF-8): a sort key has 1,024 bytes, and in the index an id stands behind it."""


class Space(StrEnum):
    """Where paths are from. What follows a Dropbox account is kept apart from what people drop: a folder deleted there
    takes nothing of theirs along."""

    DROPBOX = "dropbox"
    """Paths are Dropbox's `path_lower`."""
    DROPS = "drops"
    """`/{folder}/{file name}` of dropped photos, `/{folder}/{name of the zip without its ending}/{path in it}`."""


@dataclass(frozen=True, slots=True)
class Place:
    """What identifies a picture. `path` begins with a slash: Dropbox's `path_lower`, else the path as it is."""

    owner: str
    space: Space
    path: str

    @property
    def image_id(self) -> str:
        return digest(self.owner, self.space.value, self.path)[:24]

    @property
    def shard(self) -> int:
        return int(digest(self.path)[:8], 16) % SHARDS

    @property
    def above(self) -> tuple[Place, ...]:
        """The folders that it is in, the outermost first; the root is none."""
        names = self.path.split("/")[1:-1]
        return tuple(replace(self, path="/" + "/".join(names[:depth])) for depth in range(1, len(names) + 1))


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as stored. `path` is for people, with a slash at its begin; `path_id` is what identifies it.

    `key` is the result's in the bucket; it changes with every revision. `revision` is Dropbox's `rev`, else the SHA-256
    of the source. `content_hash` is Dropbox's, else the SHA-256. `source_id` is Dropbox's `id:...`, else empty.
    `job_id` is the job that changed it last. `version` sorts as texts; `warnings` are codes.
    """

    owner: str = ""
    space: Space = Space.DROPS
    path_id: str = ""
    image_id: str = ""
    path: str = ""
    source_id: str = ""
    revision: str = ""
    content_hash: str = ""
    key: str = ""
    width: int = 0
    height: int = 0
    source_width: int = 0
    source_height: int = 0
    source_format: str = ""
    source_bytes: int = 0
    bytes: int = 0
    engine: str = ""
    milliseconds: int = 0
    warnings: tuple[str, ...] = ()
    job_id: str = ""
    version: str = ""
    created_at: str = ""
    updated_at: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def place(self) -> Place:
        return Place(self.owner, self.space, self.path_id)

    def same_source(self, other: Image) -> bool:
        """Whether both were made of the same bytes."""
        return bool(self.revision and self.revision == other.revision) or bool(
            self.content_hash and self.content_hash == other.content_hash)


@dataclass(frozen=True, slots=True)
class Link:
    """What a job did at a place. `image` is what it found, `found` and `fell` that record's versions; `made` is the key
    of its result, if it made one. `undone` notes what undoing it came to."""

    job_id: str
    at: str
    version: str
    image: Image | None = None
    found: str = ""
    fell: str = ""
    made: str = ""
    undone: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A place with its links, the latest last. `rev` is 0 where nothing is stored."""

    place: Place
    image: Image | None = None
    version: str = ""
    fell: str = ""
    links: tuple[Link, ...] = ()
    rev: int = 0

    def link(self, job_id: str) -> Link | None:
        return next((link for link in self.links if link.job_id == job_id), None)

    @property
    def key(self) -> str:
        """Of the object that has to be there; nothing where no picture is."""
        return self.image.key if self.image else ""

    def keys_of(self, job_id: str) -> set[str]:
        """Of the objects that a job found or made here."""
        link = self.link(job_id)
        found = (link.made, link.image.key if link.image else "") if link else ()
        return {key for key in found if key}


def version_of(job: Job, row: RowId) -> str:
    """A later upload beats an earlier one, a later row of it an earlier one."""
    return f"{job.uploaded_at}|{job.job_id}|{row.sheet:05d}|{row.row:08d}"


# --- judging


def stored(record: Record, fell: str, job: Job, version: str, image: Image, *, made: bool) -> tuple[Outcome, Record]:
    """What becomes of a picture that a row brings, and the record to write; the same one where there is none to write.

    `fell` is the latest deletion above the place. Without `made` nothing was done, as the picture there is of the same
    source: raises Conflict when it is not any more.
    """
    if max(record.version, fell) >= version:
        return Outcome.SUPERSEDED, record
    base = record.image
    if not made and (base is None or not base.same_source(image)):
        raise Conflict("the picture changed meanwhile")
    link = Link(job.job_id, job.uploaded_at, version, base, record.version, record.fell, image.key if made else "")
    outcome = Outcome.UPDATED if made else Outcome.UNCHANGED
    if base is None:
        outcome, kept = Outcome.NEW, replace(image, created_at=job.uploaded_at)
    elif made:
        kept = replace(image, created_at=base.created_at)
    else:
        kept = replace(base, path=image.path, source_id=image.source_id, revision=image.revision,
                       content_hash=image.content_hash or base.content_hash, version=version)
    if made:
        kept = replace(kept, version=version, job_id=job.job_id, updated_at=job.uploaded_at)
    return outcome, replace(record, image=kept, version=version, links=_chained(record.links, link), rev=record.rev + 1)


def deleted(record: Record, job_id: str, at: str, version: str, *, whole: bool) -> Record:
    """The record after a deletion of that version; the same one where a later word stands. `whole`: with all beneath,
    which also holds for what comes later and is older."""
    if record.version >= version:
        return record
    link = Link(job_id, at, version, record.image, record.version, record.fell)
    return replace(record, image=None, version=version, fell=version if whole else record.fell,
                   links=_chained(record.links, link), rev=record.rev + 1)


def went(record: Record, job_id: str, version: str) -> bool:
    """Whether that deletion took a picture from the place."""
    link = record.link(job_id)
    return link is not None and link.version == version and link.image is not None


def undone(record: Record, job_id: str, mark: str) -> tuple[Record, Undone]:
    """The record with the job's link taken out (the same one: nothing to write), and what became of the picture."""
    image_id, link = record.place.image_id, record.link(job_id)
    if link is None:
        became = PutBack.UNCHANGED if record.rev == 0 else PutBack.KEPT
        return record, Undone(mark, became, image_id, *(_stands(record) if became is PutBack.KEPT else ()))
    if link.undone:
        return record, Undone(mark, PutBack(link.undone["became"]), image_id, link.undone.get("reason", ""),
                              link.undone.get("by_job", ""))
    if record.version != link.version:
        result = Undone(mark, PutBack.KEPT, image_id, *_stands(record))
        return replace(record, links=_without(record.links, link, result), rev=record.rev + 1), result
    result = Undone(mark, _became(link.image, record.image), image_id)
    return replace(record, image=link.image, version=link.found, fell=link.fell,
                   links=_without(record.links, link, result), rev=record.rev + 1), result


def _became(image: Image | None, now: Image | None) -> PutBack:
    if (image.key if image else "") == (now.key if now else ""):
        return PutBack.UNCHANGED
    return PutBack.RESTORED if image else PutBack.REMOVED


def _stands(record: Record) -> tuple[str, str]:
    """Why the place is not as the job left it, and which later job wrote to it."""
    top = next((link for link in reversed(record.links) if not link.undone and link.version == record.version), None)
    return ("later_job", top.job_id) if top else ("image_expired", "")


def _without(links: Sequence[Link], link: Link, result: Undone) -> tuple[Link, ...]:
    """Links with a note in place of this one; who found what the job left finds what the job found."""
    note = replace(link, undone={"became": result.became.value, "reason": result.reason, "by_job": result.by_job})
    return tuple(note if each is link else replace(each, image=link.image, found=link.found, fell=link.fell)
                 if not each.undone and each.found == link.version else each for each in links)


def _chained(links: Sequence[Link], link: Link) -> tuple[Link, ...]:
    """With one more link, without those that nobody undoes any more."""
    oldest = _days_before(link.at)
    kept = [each for each in links if each.at >= oldest and each.job_id != link.job_id]
    return (*kept[1 - MAX_LINKS:], link)


def _days_before(at: str) -> str:
    moment = datetime.fromisoformat(at.replace("Z", "+00:00"))
    return (moment - timedelta(days=PRIOR_DAYS)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
