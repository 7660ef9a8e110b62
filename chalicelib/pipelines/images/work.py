"""What becomes of one picture before anything is recorded: nothing if it is there already, else a copy, else a JPEG.

Whatever is put outside of the settling transaction is noted first and lies under a key that only this row of this job
has: repeated, it is the same; left behind, it is found and removed. Temporary files never outlive their picture.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dropbox_answers import Gone
from chalicelib.adapters.image_keeping import ImageKeeping
from chalicelib.adapters.image_records import Image, Place, Space, version_of
from chalicelib.adapters.images import Images, Note, NoteKind
from chalicelib.errors import ContentRefused, Malformed, RowProblem, RowRefused, Unavailable, Waiting
from chalicelib.jobs.model import Batch, Item, Job, Reject, row_id, worksheet_of
from chalicelib.jobs.pipeline import Processed, Stored, Work
from chalicelib.logs import log
from chalicelib.pipelines.images.capacity import Decoders, Disk
from chalicelib.pipelines.images.names import result_key
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dropbox import Dropbox
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.imaging.model import ImageRefused, Picture

MEDIA_TYPE = "image/jpeg"
CACHE_CONTROL = "public, max-age=31536000, immutable"
"""A key's bytes never change: a new revision has a key of its own."""
RESULT_BYTES = 64 * 1024 * 1024
"""Room on the disk beside the source: the result, and what is extracted on the way."""
PREFIX = "dropmill-image-"
"""Of temporary folders."""
DECODE_SECONDS = 60.0
"""Of CPU, by estimate, that one picture may take."""


@dataclass(frozen=True, slots=True)
class Processing:
    """Works on pictures, several threads at a time. `dropbox` answers None where no app is set."""

    settings: Settings
    images: Images
    keeping: ImageKeeping
    blobs: Blobs
    dropbox: Callable[[], Dropbox | None]
    decoders: Decoders
    disk: Disk
    monotonic: Callable[[], float] = time.monotonic

    def process(self, batch: Batch, work: Work) -> Processed:
        if work.job.outside:
            raise Malformed("pictures come as files, not in messages")
        stored: list[Stored] = []
        rejects: list[Reject] = []
        for item in batch.items:
            try:
                stored.append(self._one(item, batch, work))
            except RowRefused as refused:
                log.info("picture refused", extra={"code": refused.code.value})
                rejects.append(_reject(item, refused))
        return Processed(tuple(stored), tuple(rejects))

    def _one(self, item: Item, batch: Batch, work: Work) -> Stored:
        wanted = _wanted(item, work.job)
        if item.get("deleted"):
            return self._deleted(item, batch, work, wanted)
        record, fell = self.images.known(wanted.place)
        if max(record.version, fell) >= wanted.version:
            return _stored(item, superseded=True)
        anew = work.job.again and wanted.space is Space.DROPS  # a person asked for it; listings are never duplicates
        if record.image is not None and record.image.same_source(wanted) and not anew:
            return _stored(item, image=wanted, made=False)
        key = result_key(wanted.place, wanted.path, job_id=work.job.job_id, row=row_id(item).row)
        wanted = replace(wanted, key=key)
        made = (None if anew else self._copied(wanted, batch)) or self._made(item, wanted, batch, work)
        return _stored(item, image=made, made=True) if made else _stored(item, warnings=("gone",), gone=wanted)

    def _deleted(self, item: Item, batch: Batch, work: Work, wanted: Image) -> Stored:
        note = Note(NoteKind.FELL, wanted.place, wanted.version)
        self.images.put_note(batch.job_id, batch.number, note)
        went = self.keeping.delete(work.job, note, item.get("_kept", ()), lambda: self._left(work) > 0,
                                   alone=bool(item.get("_alone")))
        if went is None:
            raise Waiting(0, "deadline")
        return _stored(item, note=note, went=went)

    # --- without decoding

    def _copied(self, wanted: Image, batch: Batch) -> Image | None:
        """The result of the same bytes elsewhere, a renamed file's for instance, copied inside S3."""
        twin = self.images.alike(wanted.owner, wanted.space, wanted.content_hash)
        if twin is None:
            return None
        self._note(wanted, batch)
        began = self.monotonic()
        if not self._copy(twin.key, wanted.key):
            return None
        milliseconds = round((self.monotonic() - began) * 1000)
        log.info("picture copied", extra={"compressedBytes": twin.bytes, "milliseconds": milliseconds})
        return replace(twin, path_id=wanted.path_id, image_id=wanted.image_id, path=wanted.path,
                       source_id=wanted.source_id, revision=wanted.revision, key=wanted.key,
                       version=wanted.version, milliseconds=milliseconds)

    def _copy(self, source: str, key: str) -> bool:
        """Also of an object that was deleted since; False when it is kept no more."""
        try:
            self.blobs.copy(source, key)
        except KeyError:
            try:
                self.blobs.copy(source, key, self.blobs.last_version(source))
            except KeyError:
                return False
        return True

    # --- from its source

    def _made(self, item: Item, wanted: Image, batch: Batch, work: Work) -> Image | None:
        """None when the source is there no more, and never will be."""
        began = self.monotonic()
        with self.disk.reserved(int(item["size"]) + RESULT_BYTES), tempfile.TemporaryDirectory(
                prefix=PREFIX) as folder:
            source, target = str(Path(folder) / "source"), str(Path(folder) / "result")
            if not self._fetched(item, source, work):
                log.info("picture is gone at its source")
                return None
            picture = self._decoded(source, target, work)
            self._note(wanted, batch)
            self.blobs.upload(target, wanted.key, MEDIA_TYPE, cache_control=CACHE_CONTROL)
        milliseconds = round((self.monotonic() - began) * 1000)
        log.info("picture made", extra={
            "downloadedBytes": picture.source_bytes, "compressedBytes": picture.bytes,
            "percent": round(100 * picture.bytes / max(1, picture.source_bytes), 1), "milliseconds": milliseconds,
            "format": picture.source_format, "engine": picture.engine.value})
        return replace(
            wanted, width=picture.width, height=picture.height, source_width=picture.source_width,
            source_height=picture.source_height, source_format=picture.source_format,
            source_bytes=picture.source_bytes, bytes=picture.bytes, engine=picture.engine.value,
            milliseconds=milliseconds, warnings=tuple(note.value for note in picture.notes))

    def _fetched(self, item: Item, target: str, work: Work) -> bool:
        """Download the source; False when it is gone. Raises RowRefused for what is not handed out."""
        if item["source"] == "s3":
            try:
                self.blobs.download(item["key"], target, item.get("version", ""))
            except KeyError:
                raise RowRefused(RowProblem.SOURCE_GONE) from None
            return True
        dropbox = self.dropbox()
        if dropbox is None:
            raise Unavailable("dropbox is not set up", reason="settings")
        if self._left(work) <= 0:
            raise Waiting(0, "deadline")
        try:
            dropbox.download(item["rev"], Path(target), size=int(item["size"]), content_hash=item["content_hash"],
                             deadline=self._left(work), meter=work.meter)
        except Gone:
            return False
        except ContentRefused as refused:
            raise RowRefused(RowProblem.NOT_DOWNLOADABLE) from refused
        return True

    def _decoded(self, source: str, target: str, work: Work) -> Picture:
        """The picture in its share of the function, or, where it needs more, in all of it. Raises RowRefused."""
        from chalicelib.imaging.model import ImageProblem, ImageRefused

        try:
            return self._rendered(source, target, work, whole=False)
        except ImageRefused as refused:
            if refused.code is not ImageProblem.TOO_MANY_PIXELS or self.decoders.places == 1:
                raise _refused(refused) from refused
        try:
            return self._rendered(source, target, work, whole=True)
        except ImageRefused as refused:
            raise _refused(refused) from refused

    def _rendered(self, source: str, target: str, work: Work, *, whole: bool) -> Picture:
        from chalicelib.imaging.model import Engine, ImageLimits
        from chalicelib.imaging.picture import web_ready

        chosen = self.settings
        with self.decoders.taken(lambda: self._left(work), all_of_them=whole) as memory:
            limits = ImageLimits(max_side=chosen.image_max_side, quality=chosen.image_quality,
                                 mozjpeg=chosen.image_mozjpeg, memory_bytes=memory, seconds=DECODE_SECONDS)
            return web_ready(source, target, limits=limits, engine=Engine(chosen.image_engine))

    def _note(self, wanted: Image, batch: Batch) -> None:
        note = Note(NoteKind.MADE, wanted.place, wanted.version, wanted.key)
        self.images.put_note(batch.job_id, batch.number, note)

    def _left(self, work: Work) -> float:
        return work.remaining() - self.settings.deadline_margin


def forget_the_dead() -> None:
    """Remove what a process left behind that was killed; only for a disk that is one function's own."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _wanted(item: Item, job: Job) -> Image:
    """The picture that an item is about, as far as the item tells."""
    space = Space.DROPBOX if item["source"] == "dropbox" else Space.DROPS
    place = Place(job.owner, space, item["path_id"])
    content_hash = item.get("content_hash") or ("" if space is Space.DROPBOX else job.sha256)
    return Image(owner=job.owner, space=space, path_id=place.path, image_id=place.image_id, path=item["path"],
                 source_id=item.get("id", ""), revision=item.get("rev") or content_hash, content_hash=content_hash,
                 version=version_of(job, row_id(item)))


def _stored(item: Item, warnings: tuple[str, ...] = (), **record: Any) -> Stored:
    return Stored(row_id(item), worksheet_of(item), record, warnings)


def _refused(refused: ImageRefused) -> RowRefused:
    return RowRefused(RowProblem[refused.code.value], refused.message)


def _reject(item: Item, refused: RowRefused) -> Reject:
    sheet, row = row_id(item)
    cells: Mapping[str, Any] = {name: value for name, value in item.items() if not name.startswith("_")}
    return Reject(sheet, row, worksheet_of(item), refused.code.value, "", refused.message, cells)
