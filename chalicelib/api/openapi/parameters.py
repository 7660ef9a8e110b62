"""What stands in paths, query strings and headers: one description a name, whatever route it is on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api.work_queues import CARRIES

ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"}
DAY = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a path, or a header: what it is, its schema, and one as an example."""

    about: str
    schema: Mapping[str, Any]
    example: str
    required: bool = True


_JOB = "5601b63e624244b398355936c13f540d"

PATH_PARTS: Mapping[str, Part] = {
    "job_id": Part("The job, as `jobId` of whatever began it.", ID, _JOB),
    "dry_run_id": Part("The dry run, as its `dryRunId`.", ID, _JOB),
    "lead_id": Part("The lead, as its `leadId`.", ID, "ld_5f0a1c7e3b9d4c21"),
    "export_id": Part("The export, as its `exportId`.", ID, _JOB),
    "erasure_id": Part("The erasure, as its `erasureId`.", ID, _JOB),
    "catalog_id": Part("The catalogue: the id of the job that imported it.", ID, _JOB),
    "list_id": Part("The version of a price list: the id of the job that imported it.", ID, _JOB),
    "result_id": Part("The result row, as its `resultId`.", ID, "rs_5f0a1c7e3b9d4c21"),
    "image_id": Part("The picture, as its `imageId`.", ID, "im_5f0a1c7e3b9d4c21"),
    "key_id": Part("The API key, as its `id`.", ID, "5f0a1c7e3b9d4c21"),
    "name": Part("The work queue.", {"type": "string", "enum": [*CARRIES]}, "leads"),
    "message_id": Part("The dead letter, as its `messageId`.", ID, "059f36b4-87a3-44ab-83d2-661975830a7d"),
    "redrive_id": Part("The redrive, as its `redriveId`.", ID, "20261122T101530250-5f0a1c7e3b9d"),
    "version": Part("The version of the console that the page names; any other is answered with the present one.",
                    {"type": "string"}, "5f0a1c7e3b9d4c21"),
    "file": Part("The file's name.", {"type": "string", "pattern": r"^\w+\.(js|css)$"}, "main.js"),
    "day": Part("The day, in UTC.", DAY, "2026-11-22"),
}

QUERY: Mapping[str, str] = {
    "again": "Run the file anew though the same bytes were dropped before.",
    "bom": "Begin with a byte order mark, for spreadsheet programs that need one.",
    "challenge": "What Dropbox wants to hear again.",
    "cursor": "Where to go on: the `cursor` of the page before, with the same other parameters.",
    "dryRun": "Answer a form for a file that `POST /dry-run` will look at; no job is made.",
    "folder": "Only what lies beneath this folder, at any depth; case does not matter.",
    "format": "The form of the file.",
    "fromBatch": "The batch to begin with, in a job of more than a page of them.",
    "full": "List everything anew, and remove what is there no more.",
    "limit": "At most so many on a page.",
    "name": "Only versions of the list of this name.",
    "page": "A page by its number, with totals, as far as numbers reach; `cursor` reaches all.",
    "pageSize": "At most so many on a page.",
    "pipeline": "Only jobs of this pipeline.",
    "provider": "Who is asked for product data.",
    "sortBy": "The field that orders the leads.",
    "sortOrder": "Rising or falling.",
    "source": "Only products whose data came from there.",
    "status": "Only jobs of this status.",
    "strict": "Refuse made-up data where the provider cannot be asked.",
    "tier": "Only rows of this tier.",
}

REQUEST_HEADERS: Mapping[str, Part] = {
    "Idempotency-Key": Part(
        "A name for this request, new for each: sent again under it, the request is answered again, not done again.",
        {"type": "string", "maxLength": 255}, "2f6c1a44-upload-people", required=False),
    "If-Match": Part(
        "The ETag of the answer that the change is based on; 412 where it is no longer the answer.",
        {"type": "string"}, 'W/"9f2e0b1c"', required=False),
    "If-None-Match": Part(
        "The ETag of the answer that the caller has; 304 while it is still the answer.", {"type": "string"},
        'W/"9f2e0b1c"', required=False),
    "X-Dropbox-Signature": Part(
        "HMAC-SHA256 of the body with the Dropbox app's secret, in hex.", {"type": "string"}, "9f2e0b1c",
        required=False),
}

ANSWER_HEADERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Content-Disposition": ("The name to save the file under.", {"type": "string"}),
    "ETag": ("What to send as `If-None-Match` next time, or as `If-Match` where a route takes it.", {"type": "string"}),
    "Location": ("Where to ask how it goes on, relative to the API.", {"type": "string", "pattern": "^/"}),
    "Retry-After": ("Seconds to wait before asking again.", {"type": "integer", "minimum": 0}),
    "WWW-Authenticate": ("How to sign in.", {"type": "string"}),
    "X-Request-Id": ("The id that finds this request in the logs.", {"type": "string"}),
}
