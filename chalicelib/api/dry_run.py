"""POST /dry-run: what would become of a file. Nothing is stored in any table, no provider is asked.

The file lies in the bucket (uploaded by the form of `POST /upload?dryRun=true`, or dropped before) or comes with the
request. It is read as far as a request has time; what takes longer is answered 202 with the part that was read, and
the task worker reads the whole. The bucket forgets `dry/` after a day.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from chalice.app import Request, Response

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.mappings import Mappings
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.api import multipart, strict_json
from chalicelib.api.auth import Caller
from chalicelib.api.dry_run_models import DryRunAnswer, DryRunError, DryRunFailed, DryRunPart, DryRunPending
from chalicelib.api.dry_run_view import view
from chalicelib.api.inputs import DryRunForm, DryRunRequest, UploadRequest
from chalicelib.api.models import UploadAnswer, Wire
from chalicelib.api.requests import body as body_of
from chalicelib.api.requests import header, parsed, path_id
from chalicelib.api.uploads import DEFAULT_TYPE, check, checked_options, mappable, supported_types
from chalicelib.errors import FileProblem, FileRefused, RequestProblem, RequestRefused
from chalicelib.jobs.corrections import Linked, Links
from chalicelib.jobs.dryrun import rehearse
from chalicelib.jobs.identity import claim_of
from chalicelib.jobs.intake import safe_name
from chalicelib.jobs.model import MESSAGE_VERSION, Job, Status
from chalicelib.settings import Settings

FOLDER = "dry"
POLL_MS = 2000


class DryRunOrder(Wire):
    """What is to be looked at, as the task worker is told."""

    id: str
    owner: str
    key: str
    file_name: str
    pipeline: str
    options: dict[str, Any]


def announce(
    caller: Caller, request: UploadRequest, *, pipelines: Mapping[str, Any], blobs: Blobs, settings: Settings
) -> UploadAnswer:
    """The form that uploads a file for a dry run: no job, no event. Raises as `uploads.announce` does."""
    check(request, pipelines, settings)
    checked_options(request.pipeline, request.options)
    dry_id = uuid4().hex
    key = f"{_folder(caller.owner)}{dry_id}/{safe_name(request.file_name)}"
    url, fields = blobs.presigned_post(key, request.file_type or DEFAULT_TYPE, settings.max_upload_bytes,
                                       settings.upload_expires)
    return UploadAnswer(
        upload_url=url, fields=fields, file_key=key, job_id=dry_id, upload_id=dry_id, file_id=dry_id,
        expires_in=settings.upload_expires, max_file_size=settings.max_upload_bytes,
        supported_types=supported_types(request.pipeline))


def ask(
    caller: Caller, request: Request, *, pipelines: Mapping[str, Any], ledger: Ledger, mappings: Mappings, blobs: Blobs,
    queues: Queues, settings: Settings,
) -> Response:
    """Look at a file: 200 with everything, or 202 with what there was time for.

    Raises BAD_REQUEST, NOT_FOUND for a file that is absent or another owner's, PAYLOAD_TOO_LARGE, FILE_TOO_LARGE.
    """
    wanted, place_of_file = _asked(caller, request, ledger, blobs)
    if wanted.pipeline not in pipelines:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "There is no such pipeline.", pipelines=sorted(pipelines))
    options = checked_options(wanted.pipeline, wanted.options)
    key = place_of_file()
    head = blobs.head(key)
    if head is None:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such file.")
    if head.size > settings.max_upload_bytes:
        raise FileRefused(FileProblem.FILE_TOO_LARGE, maxFileSize=settings.max_upload_bytes)
    order = DryRunOrder(id=uuid4().hex, owner=caller.owner, key=key, file_name=key.rsplit("/", 1)[-1],
                        pipeline=wanted.pipeline, options=options)
    ends = time.monotonic() + settings.dry_run_seconds
    answer, complete = _looked(order, pipelines, ledger, mappings, blobs, lambda: time.monotonic() < ends)
    if complete:
        return Response(body=answer.as_json())
    queues.send(settings.tasks_queue, {"v": MESSAGE_VERSION, "task": "dry_run", "order": order.as_json()},
                group=caller.owner)
    place = f"/dry-run/{order.id}"
    part = DryRunPart(**{**dict(answer), "status": "processing"}, status_url=place, retry_after_ms=POLL_MS)
    return Response(body=part.as_json(), status_code=202, headers={"Location": place})


def show(caller: Caller, dry_run_id: str, *, blobs: Blobs) -> Response:
    """The whole answer of a dry run that took longer; `processing` until it is there."""
    try:
        return Response(body=json.loads(blobs.get(_result_key(caller.owner, path_id(dry_run_id)))))
    except KeyError:
        pending = DryRunPending(dry_run_id=dry_run_id, status="processing", retry_after_ms=POLL_MS)
        return Response(body=pending.as_json())


def run(
    order: Mapping[str, Any], *, pipelines: Mapping[str, Any], ledger: Ledger, mappings: Mappings, blobs: Blobs,
    settings: Settings, remaining: Callable[[], float],
) -> None:
    """Look at a large file, as the task worker. Harmless any number of times."""
    wanted = DryRunOrder.model_validate(order)
    answer, _ = _looked(wanted, pipelines, ledger, mappings, blobs, lambda: remaining() > settings.deadline_margin)
    _keep(wanted, answer, blobs)


def give_up(order: Mapping[str, Any], *, blobs: Blobs) -> None:
    """The last attempt has failed: nobody shall wait for it."""
    wanted = DryRunOrder.model_validate(order)
    error = DryRunError(code=RequestProblem.INTERNAL.value, message="The file could not be looked at.")
    _keep(wanted, DryRunFailed(dry_run_id=wanted.id, status="error", error=error), blobs)


def _looked(
    order: DryRunOrder, pipelines: Mapping[str, Any], ledger: Ledger, mappings: Mappings, blobs: Blobs,
    time_left: Callable[[], bool],
) -> tuple[DryRunAnswer, bool]:
    pipeline, job = pipelines[order.pipeline], _would_be(order)
    links = Links(job, ledger)
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        path = str(Path(folder) / "file")
        try:
            digest = blobs.download(order.key, path)
        except KeyError:
            raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such file.") from None
        options = {**order.options, "memory": mappings.of_owner(order.owner, order.pipeline)}
        reading = Linked(pipeline.read(path, order.file_name, options), links)
        found = rehearse(reading, pipeline=pipeline, time_left=time_left, options=order.options)
    before = _same_before(job, digest, pipeline, ledger)
    return view(order.id, order.file_name, digest, before, found, corrects=links.met,
                fields=mappable(order.pipeline, order.options)), found.complete


def _would_be(order: DryRunOrder) -> Job:
    """The job that a drop would make."""
    return Job(job_id=order.id, owner=order.owner, pipeline=order.pipeline, status=Status.UPLOADED,
               file_name=order.file_name, file_key=order.key, created_at="", updated_at="", options=order.options)


def _same_before(job: Job, digest: str, pipeline: Any, ledger: Ledger) -> str:
    """The job that these bytes were dropped as before; a drop would end as its duplicate."""
    holder_id = ledger.claim_holder(claim_of(job, digest, pipeline.result_options))
    holder = ledger.job(holder_id) if holder_id else None
    return holder_id if holder and holder.holds_its_file else ""


def _asked(
    caller: Caller, request: Request, ledger: Ledger, blobs: Blobs
) -> tuple[DryRunForm, Callable[[], str]]:
    """What the request wants looked at, and how its file comes to a key: it lies there, or is put there now."""
    form = _form(request)
    if form is None:
        named = body_of(DryRunRequest, request)
        return named, lambda: _own_key(caller, named.file_key, ledger)
    told, file = form
    return told, lambda: _kept(caller, file, blobs)


def _form(request: Request) -> tuple[DryRunForm, multipart.Field] | None:
    """The form, if the request is one and no JSON. Raises BAD_REQUEST, and UNSUPPORTED_TYPE for anything else."""
    content_type = header(request, "Content-Type")
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("", "application/json"):
        return None
    if not kind.startswith("multipart/"):
        raise RequestRefused(RequestProblem.UNSUPPORTED_TYPE, "Send JSON, or a form with the file.")
    body = request.raw_body
    fields = multipart.parse(content_type, body if isinstance(body, bytes) else body.encode())
    file = fields.get("file")
    if file is None or not file.file_name:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The form has no file.", fields=["file"])
    told: dict[str, Any] = {name: field.text.strip() for name, field in fields.items() if name != "file"}
    told = {name: text for name, text in told.items() if text}
    if "options" in told:
        told["options"] = strict_json.loads(told["options"], within="options")
    return parsed(DryRunForm, told), file


def _kept(caller: Caller, file: multipart.Field, blobs: Blobs) -> str:
    key = f"{_folder(caller.owner)}{uuid4().hex}/{safe_name(file.file_name)}"
    blobs.put(key, file.body)
    return key


def _own_key(caller: Caller, key: str, ledger: Ledger) -> str:
    """The key, if the file is the caller's: one of his dry runs, of his jobs, or dropped under his name."""
    parts = key.split("/")
    mine = key.startswith(_folder(caller.owner)) and len(parts) == 4
    if not mine and parts[0] == "uploads" and len(parts) == 4:
        job = ledger.job(parts[2]) if parts[2].isalnum() else None
        mine = parts[2] == caller.owner if job is None else (job.owner, job.file_key) == (caller.owner, key)
    if not mine:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such file.")
    return key


def _folder(owner: str) -> str:
    """Nobody guesses what lies here, and an owner's name is not shown in keys."""
    return f"{FOLDER}/{sha256(owner.encode()).hexdigest()[:32]}/"


def _result_key(owner: str, dry_id: str) -> str:
    return f"{_folder(owner)}{dry_id}.json"


def _keep(order: DryRunOrder, answer: Wire, blobs: Blobs) -> None:
    blobs.put(_result_key(order.owner, order.id), json.dumps(answer.as_json()).encode(), "application/json")
