"""What comes with a form: the file, what is to be done with it, and whether the request itself can do so.

Everything that can be refused is refused here, before there is a job: a file that cannot be read leaves none behind.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from chalice.app import Request

from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.mappings import Mappings
from chalicelib.api import multipart, strict_json
from chalicelib.api.inputs import UploadRequest
from chalicelib.api.models import Wire
from chalicelib.api.requests import header, parsed
from chalicelib.api.uploads import check
from chalicelib.errors import RequestProblem, RequestRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.intake import safe_name
from chalicelib.jobs.model import Job
from chalicelib.logs import log
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.jobs.at_once import AtOnce

W = TypeVar("W", bound=Wire)


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that came with a form."""

    file_name: str
    body: bytes


def taken(model: type[W], request: Request) -> tuple[Sent, W]:
    """The form's `file`, and its other fields as `model`; `mapping` is JSON text, blank fields count as absent.

    Raises BAD_REQUEST naming the fields, also for one that `model` does not know.
    """
    body = request.raw_body
    fields = multipart.parse(header(request, "Content-Type"), body if isinstance(body, bytes) else body.encode())
    file = fields.get("file")
    if file is None or not file.file_name:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "The form has no file.", fields=["file"])
    told: dict[str, Any] = {name: field.text.strip() for name, field in fields.items() if name != "file"}
    told = {name: text for name, text in told.items() if text}
    if "mapping" in told:
        told["mapping"] = strict_json.loads(told["mapping"], within="mapping")
    return Sent(safe_name(file.file_name), file.body), parsed(model, told)


def items_in(
    sent: Sent, pipeline: str, options: Mapping[str, Any], *, owner: str, pipelines: Mapping[str, Any],
    mappings: Mappings, settings: Settings,
) -> int:
    """How many items the file has, counted up to one more than a request works on itself.

    Raises FileRefused for a file that cannot become items, as far as so many tell, and UNSUPPORTED_TYPE by its name.
    """
    check(UploadRequest(file_name=sent.file_name, file_size=len(sent.body), pipeline=pipeline), pipelines, settings)
    read = {**options, "maxRows": settings.max_rows, "memory": mappings.of_owner(owner, pipeline)}
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        path = Path(folder) / "file"
        path.write_bytes(sent.body)
        reading = pipelines[pipeline].read(str(path), sent.file_name, read)
        return sum(1 for _ in itertools.islice(reading, settings.sync_items + 1))


def worked_off(job: Job, at_once: AtOnce, ledger: Ledger, *, now: bool) -> Job:
    """Work on a job that was just received, now as far as there is time, or leave it to the queue; answers how it is.

    Raises FileRefused where the file proves to be none after all. What fails otherwise fails in the queue, if it fails
    there again: the job is there, and its caller shall not send it anew.
    """
    if not now:
        at_once.send(job)
        return job
    try:
        return at_once.run(job)
    except (Transient, Unavailable, Waiting) as error:
        log.warning("the job takes the long way", extra={"job_id": job.job_id, "error": type(error).__name__})
        at_once.send(job)
        return ledger.job(job.job_id) or job


def time_left(request: Request, settings: Settings, clock: Callable[[], datetime]) -> Callable[[], float]:
    """Seconds until this request may begin nothing more, as whoever works inside it asks: his margin is added.

    It counts from when the gateway took the request, a cold start among it, for so does the gateway's own limit.
    """
    now = clock()
    taken_at = request.context.get("requestTimeEpoch")
    late = min(max(0.0, now.timestamp() - int(taken_at) / 1000), settings.sync_seconds) if taken_at else 0.0
    return lambda: settings.sync_seconds - late - (clock() - now).total_seconds() + settings.deadline_margin
