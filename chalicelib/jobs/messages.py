"""Queue messages: ours, and both formats of the seeds from outside. pydantic, since a queue is an edge.

A batch message is seed 002's with ours around it:
`{v, batch_id, upload_id, source_file, file_key, batch_number, total_batches, run, request_id, <items>, columns,
timestamp, environment}`
where `<items>` is `leads` (seed 002, and ours), `batch_data` (seed 004), `products` (seed 001, with `catalog_id` and
`user_id`) or the pipeline's own word. The seeds' formats have no `v`; version 1 is today's. `request_id` came later and
may be missing: old workers pass over it, so it needed no new version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator

from chalicelib.errors import Malformed
from chalicelib.jobs.model import MESSAGE_VERSION, Job
from chalicelib.jobs.spool import Slice
from chalicelib.logs import request_id

Model = TypeVar("Model", bound=BaseModel)

_SPARE_BYTES = 256
"""For what is written around a head: names of the items and columns, counts of a message that is handed on."""


class BatchMessage(BaseModel):
    """A batch on its way to a worker."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    v: int | None = None
    batch_id: str = ""
    upload_id: str = Field("", validation_alias=AliasChoices("upload_id", "job_id", "tracking_id"))
    source_file: str = ""
    file_key: str = ""
    batch_number: int = Field(ge=1)
    total_batches: int = Field(ge=1)
    run: int = 1
    items: list[Any] = Field(
        validation_alias=AliasChoices("items", "leads", "batch_data", "products"), min_length=1)
    columns: dict[str, dict[str, str]] = Field(default_factory=dict)
    failures: int = Field(0, ge=0)
    """Receives that failed before the message was last handed on: copies start SQS's count anew, we do not."""
    waits: int = Field(0, ge=0)
    catalog_id: str = Field("", max_length=128)
    user_id: str = Field("", max_length=128)
    provider: str = Field("", max_length=64)
    strict: bool = False
    request_id: str = ""

    @model_validator(mode="after")
    def _numbered_within_total(self) -> BatchMessage:
        if self.batch_number > self.total_batches:
            raise ValueError("batch_number is above total_batches")
        if self.v is not None and not MESSAGE_VERSION - 1 <= self.v <= MESSAGE_VERSION:
            raise ValueError(f"message version {self.v} is not one we know")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """What a batch from outside says of its job."""
        told = {"catalog": self.catalog_id, "provider": self.provider, "strict": self.strict}
        return {name: value for name, value in told.items() if value}

    @property
    def outside(self) -> bool:
        """Not sent by our splitter: one of the seeds' formats."""
        return self.v is None


class SplitMessage(BaseModel):
    """Plan a job, or send what of it is missing: the splitter finds out which."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    v: Literal[0, 1]
    job_id: str = Field(min_length=1)
    request_id: str = ""
    """Who asked for it: of an upload, a retry, a sweep."""


def parse_batch(body: str) -> BatchMessage:
    """Raises Malformed for anything that is not a batch."""
    return _parse(BatchMessage, body)


def parse_split(body: str) -> SplitMessage:
    """Raises Malformed for anything that is not a split request."""
    return _parse(SplitMessage, body)


def split_message(job_id: str) -> dict[str, Any]:
    return {"v": MESSAGE_VERSION, "job_id": job_id, **({"request_id": request_id()} if request_id() else {})}


def batch_text(job: Job, entry: Slice, text: bytes, *, stage: str, at: str) -> str:
    """The message of a spooled batch: a head, then the spooled text as it is."""
    return _head(job, entry.number, job.batches_total, stage, at)[:-1] + "," + text.decode()[1:]


def head_bytes(job: Job, *, stage: str, at: str) -> int:
    """What a message of this job needs at most for everything but its items and their columns."""
    most = 10 ** 9
    return len(_head(job, most, most, stage, at)) + _SPARE_BYTES


def handed_on(body: str, *, failures: int, waits: int) -> dict[str, Any]:
    """The same message for a copy, with what the original has been through."""
    content: Mapping[str, Any] = json.loads(body)
    return {**content, "failures": failures, "waits": waits}


def revived(body: str, *, run: int) -> str:
    """A dead batch's message for another life: no failure counts against it, and it belongs to the present run."""
    content: Mapping[str, Any] = json.loads(body)
    fresh = {**({"failures": 0} if content.get("failures") else {}), **({"run": run} if "v" in content else {})}
    if all(content.get(name) == value for name, value in fresh.items()):
        return body
    return json.dumps({**content, **fresh}, separators=(",", ":"), ensure_ascii=False)


def _head(job: Job, number: int, total: int, stage: str, at: str) -> str:
    head = {"v": MESSAGE_VERSION, "batch_id": f"{job.job_id}-{number}", "upload_id": job.job_id,
            "source_file": job.file_name, "file_key": job.file_key, "batch_number": number, "total_batches": total,
            "run": job.run, "timestamp": at, "environment": stage}
    if job.request_id:  # else none, so that a plan begun before there were any goes on cutting the same batches
        head["request_id"] = job.request_id
    return json.dumps(head, separators=(",", ":"))


def _parse(model: type[Model], body: str) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Of the place only the field: what lies deeper can be a person's own words, such as the names of columns.
        problems = dict.fromkeys(f"{(*fault['loc'], 'message')[0]}: {fault['type']}" for fault in error.errors())
        raise Malformed("the message is not one we understand", problems=list(problems)[:10]) from None
