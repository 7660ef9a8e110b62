"""Where a job is born: announced by a client that will upload, found as an object in the bucket, or sent from outside.

S3 tells of an object at least once and in any order, so every step here may run twice: the job is created once, its
object version is pinned once, and a split message too many finds nothing to do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus
from uuid import uuid4

from chalicelib.errors import Conflict, Malformed, RequestProblem, RequestRefused
from chalicelib.jobs import transitions
from chalicelib.jobs.identity import drop_id
from chalicelib.jobs.messages import BatchMessage, parse_batch, split_message
from chalicelib.jobs.model import Job, Status, stamp
from chalicelib.jobs.spool import outside_key
from chalicelib.logs import bound, log, request_id
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger
    from chalicelib.adapters.s3 import Blobs
    from chalicelib.adapters.sqs import Queues

UPLOADS = "uploads"
RECEIVED = "received"
_JOB_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A job that waits for its file, and the form that uploads it."""

    job: Job
    url: str
    fields: Mapping[str, str]


def begin_upload(
    *, owner: str, subject: str, pipeline: str, file_name: str, file_type: str, file_size: int,
    options: Mapping[str, Any], again: bool, ledger: Ledger, blobs: Blobs, settings: Settings,
    clock: Callable[[], datetime],
) -> Upload:
    """Announce an upload. Raises PAYLOAD_TOO_LARGE above the limit; the form itself enforces it too."""
    if file_size > settings.max_upload_bytes:
        raise RequestRefused(RequestProblem.PAYLOAD_TOO_LARGE, "The file is larger than the limit.",
                             maxFileSize=settings.max_upload_bytes)
    job_id = uuid4().hex
    name = safe_name(file_name)
    key = f"{UPLOADS}/{pipeline}/{job_id}/{name}"
    now = stamp(clock())
    job = Job(job_id=job_id, owner=owner, pipeline=pipeline, status=Status.UPLOADING, file_name=name, file_key=key,
              created_at=now, updated_at=now, options=options, again=again, requested_by=subject,
              request_id=request_id())
    ledger.create(job)
    ledger.add_event(job_id, "created", by=subject)
    url, fields = blobs.presigned_post(key, file_type, settings.max_upload_bytes, settings.upload_expires)
    return Upload(job, url, fields)


def receive(
    *, owner: str, subject: str, pipeline: str, file_name: str, body: bytes, options: Mapping[str, Any], again: bool,
    ledger: Ledger, blobs: Blobs, clock: Callable[[], datetime],
) -> Job:
    """A file that came with a request becomes a `pending` job; who calls decides what works on it.

    The file lies outside `uploads/`, where it would announce itself. A crash before the job is there leaves a file that
    nobody was told of; one after it leaves a job that the sweeper finds.
    """
    job_id, name, now = uuid4().hex, safe_name(file_name), stamp(clock())
    key = f"{RECEIVED}/{pipeline}/{job_id}/{name}"
    version = blobs.put(key, body)
    job = Job(job_id=job_id, owner=owner, pipeline=pipeline, status=Status.PENDING, file_name=name, file_key=key,
              created_at=now, updated_at=now, uploaded_at=now, bucket=blobs.bucket, version_id=version,
              file_size=len(body), options=options, again=again, requested_by=subject, request_id=request_id())
    ledger.create(job)
    ledger.add_event(job_id, "received", by=subject, bytes=len(body))
    return job


def objects_created(
    event: Mapping[str, Any], *, pipelines: Mapping[str, Any], ledger: Ledger, queues: Queues, settings: Settings,
) -> None:
    """All records of an S3 event (Chalice's own event object knows only the first); a test event has none."""
    for record in event.get("Records", []):
        object_created(record, pipelines=pipelines, ledger=ledger, queues=queues, settings=settings)


def object_created(
    record: Mapping[str, Any], *, pipelines: Mapping[str, Any], ledger: Ledger, queues: Queues, settings: Settings,
) -> Job | None:
    """One record of an S3 event: register the job and ask for its splitting. None for objects that are not uploads."""
    arrival = _arrival(record)
    place = _place(arrival.key, pipelines, settings.default_owner)
    if place is None:
        return None
    with bound(request_id=arrival.request_id):
        job = _announced_job(arrival, ledger) or _dropped_job(arrival, place, ledger)
    with bound(request_id=job.request_id, job_id=job.job_id):
        log.info("object arrived", extra={"status": job.status.value, "bytes": arrival.size})
        if job.status is Status.UPLOADED or (job.status is Status.PROCESSING and not job.planned):
            queues.send(settings.split_queue, split_message(job.job_id), group=job.owner)
    return job


def adopt(
    message: BatchMessage, body: str, *, pipeline: str, ledger: Ledger, blobs: Blobs, settings: Settings, now: str
) -> Job:
    """The job of a batch from outside, found or made, with this batch registered. Raises Malformed if they disagree.

    Seed 002 names the job (`upload_id`); seed 004 names only the file (`file_key`). The body is kept for re-sending, as
    it came the first time.
    """
    job_id = outside_job_id(message, pipeline)
    job = ledger.job(job_id) or _outside_job(job_id, message, pipeline, ledger, settings, now)
    if job.planned and not job.outside:
        raise Malformed("the job has batches of our own", job_id=job_id)
    if message.user_id and message.user_id != job.owner:
        raise Malformed("the job is somebody else's", job_id=job_id)
    if job.planned and job.batches_total != message.total_batches:
        raise Malformed("total_batches is not what the job has", job_id=job_id)
    if ledger.batch(job_id, message.batch_number) is not None:
        _demand_same(message, job_id, blobs)
        return job
    blobs.put(outside_key(job.job_id, message.batch_number), body.encode(), "application/json")
    return _register(job, message, ledger, now)


def outside_job_id(message: BatchMessage, pipeline: str) -> str:
    """The job that a batch from outside belongs to: named by its sender, else derived from what it says of its file."""
    origin = message.file_key or message.source_file or f"{message.catalog_id}\n{message.user_id}"
    return message.upload_id or drop_id("outside", origin, f"{pipeline}/{message.total_batches}")


def safe_name(name: str) -> str:
    """A file's own name without any path, control or separator characters; at most 200 letters."""
    base = PurePosixPath(name.replace("\\", "/")).name
    clean = "".join(letter for letter in unicodedata.normalize("NFC", base)
                    if letter.isprintable() and letter not in '<>:"|?*#%')
    return re.sub(r"^\.+", "", clean).strip()[-200:] or "file"


@dataclass(frozen=True, slots=True)
class _Arrival:
    bucket: str
    key: str
    version: str
    size: int
    at: str
    principal: str
    request_id: str
    """S3's, of the upload itself: it stands in the bucket's access log too."""


@dataclass(frozen=True, slots=True)
class _Place:
    pipeline: str
    owner: str
    name: str


def _arrival(record: Mapping[str, Any]) -> _Arrival:
    try:
        body = record["s3"]
        entry = body["object"]
        version = entry.get("versionId") or f"{entry.get('eTag', '')}-{entry.get('sequencer', '')}"
        return _Arrival(body["bucket"]["name"], unquote_plus(entry["key"]), version, int(entry.get("size", 0)),
                        _utc(record["eventTime"]), str(entry.get("versionId") or ""),
                        str(record.get("responseElements", {}).get("x-amz-request-id") or request_id()))
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("the record is not an S3 event", problem=type(error).__name__) from error


def _utc(text: str) -> str:
    return stamp(datetime.fromisoformat(text.replace("Z", "+00:00")))


def _place(key: str, pipelines: Mapping[str, Any], default_owner: str) -> _Place | None:
    """`uploads/{pipeline}/{owner}/{name}`, `uploads/{pipeline}/{name}` (default owner), `uploads/{name}` (the first).

    Anything deeper or elsewhere is not an upload. What looks like a job id is nobody's name: a key that we did not
    issue, or whose job is forgotten, belongs to the default owner, who will see it.
    """
    head, *path = key.split("/")
    if head != UPLOADS or not path or not all(path):
        return None
    if path[0] in pipelines and len(path) in (2, 3):
        named = len(path) > 2 and not _JOB_ID.fullmatch(path[1])
        owner = path[1] if named else default_owner
        return _Place(path[0], owner, path[-1])
    return _Place(next(iter(pipelines)), default_owner, path[-1]) if len(path) == 1 else None


def _announced_job(arrival: _Arrival, ledger: Ledger) -> Job | None:
    """The job whose server-issued key this is, with the object pinned; None for all other objects.

    A second version under the same key, or one that comes after the upload was given up, is a drop of its own: bytes
    that somebody sent are never passed over. What comes for a cancelled upload waits for its resumption.
    """
    parts = arrival.key.split("/")
    job = ledger.job(parts[2]) if len(parts) == 4 else None
    if job is None or job.file_key != arrival.key:
        return None
    if job.status is Status.UPLOADING:
        try:
            job = ledger.write(job, transitions.uploaded(
                job, at=arrival.at, bucket=arrival.bucket, version_id=arrival.principal, size=arrival.size))
            ledger.add_event(job.job_id, "uploaded", bytes=arrival.size)
        except Conflict:
            job = ledger.job(job.job_id) or job
    if job.uploaded_at:
        return job if job.version_id == arrival.principal else None
    return job if job.status is Status.CANCELLED else None


def _dropped_job(arrival: _Arrival, place: _Place, ledger: Ledger) -> Job:
    job_id = drop_id(arrival.bucket, arrival.key, arrival.version)
    issued = ledger.job(arrival.key.split("/")[2]) if arrival.key.count("/") == 3 else None
    owner = issued.owner if issued is not None and issued.file_key == arrival.key else place.owner
    job = Job(job_id=job_id, owner=owner, pipeline=place.pipeline, status=Status.UPLOADED,
              file_name=safe_name(place.name), file_key=arrival.key, created_at=arrival.at, updated_at=arrival.at,
              uploaded_at=arrival.at, bucket=arrival.bucket, version_id=arrival.principal, file_size=arrival.size,
              requested_by="s3", request_id=arrival.request_id)
    if ledger.create(job):
        ledger.add_event(job_id, "dropped", bytes=arrival.size)
        return job
    return ledger.job(job_id) or job


def _outside_job(
    job_id: str, message: BatchMessage, pipeline: str, ledger: Ledger, settings: Settings, now: str
) -> Job:
    name = safe_name(message.source_file or message.file_key or message.catalog_id or "outside")
    job = Job(job_id=job_id, owner=message.user_id or settings.default_owner, pipeline=pipeline,
              status=Status.UPLOADED, file_name=name, file_key=message.file_key, options=message.options,
              created_at=now, updated_at=now, uploaded_at=now, outside=True, requested_by="queue",
              request_id=message.request_id or request_id())
    if ledger.create(job):
        ledger.add_event(job_id, "adopted", totalBatches=message.total_batches)
        return job
    return ledger.job(job_id) or job


def _demand_same(message: BatchMessage, job_id: str, blobs: Blobs) -> None:
    """A batch of a known number is that batch again, or another file's under the same name: never mixed up."""
    try:
        kept = blobs.get(outside_key(job_id, message.batch_number))
    except KeyError:
        return
    if parse_batch(kept.decode()).items != message.items:
        raise Malformed("the job has another batch of that number", job_id=job_id)


def _register(job: Job, message: BatchMessage, ledger: Ledger, now: str) -> Job:
    for _ in range(20):
        change = transitions.registered(job, rows=len(message.items), total=message.total_batches, at=now)
        with suppress(Conflict):
            ledger.register_batch(job, change, message.batch_number, len(message.items))
        job = ledger.job(job.job_id) or job
        if ledger.batch(job.job_id, message.batch_number) is not None:
            return job
    raise Conflict("the job changes faster than the batch can join it", job_id=job.job_id)
