"""The routes that answer files: at once where they are small, as a link where they are workbooks, else as an export."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from chalice.app import Response

from chalicelib.adapters.lead_listing import LeadListing
from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.records import Records
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.adapters.undo_notes import UndoNotes
from chalicelib.api.auth import Caller
from chalicelib.api.export import start
from chalicelib.api.export_record import Kind
from chalicelib.api.files import CONTENT_TYPES, LINK_SECONDS, link_to
from chalicelib.api.inputs import ExportRequest, RejectQuery, ReportQuery
from chalicelib.api.lead_export import Selection, filename_of, small_export
from chalicelib.api.lead_view import checked_filters
from chalicelib.api.models import ExportStatus, FileFormat, LinkAnswer
from chalicelib.api.rejects import small, write_rejects
from chalicelib.api.report import INLINE_BATCHES, build_report, write_workbook
from chalicelib.api.status import owned_job
from chalicelib.settings import Settings

Clock = Callable[[], datetime]


def export_leads(
    caller: Caller, request: ExportRequest, *, listing: LeadListing, blobs: Blobs, records: Records, queues: Queues,
    settings: Settings, clock: Clock,
) -> Response:
    """The leads that match: inline or linked up to `INLINE_ROWS`, above 202 with the place to ask."""
    now = clock()
    filters = checked_filters(request.filters)
    selection = Selection(caller.owner, filters, request.sort_by, request.sort_order)
    answer = small_export(selection, request, listing=listing, blobs=blobs, inline_rows=settings.inline_rows,
                          now=now, key=f"exports/{uuid4().hex}/")
    if answer is not None:
        return Response(body=answer.as_json())
    wanted = {"filters": filters, "sortBy": request.sort_by.value, "sortOrder": request.sort_order.value,
              "bom": request.bom}
    return _accepted(start(caller.owner, Kind.LEADS, request.format, filename_of(now, request.format), wanted,
                           records=records, queues=queues, settings=settings, now=now))


def rejects(
    caller: Caller, job_id: str, query: RejectQuery, *, ledger: Ledger, blobs: Blobs, records: Records,
    queues: Queues, settings: Settings, clock: Clock,
) -> Response:
    """All rejected rows of a job: few as text, a workbook as a link, many as an export."""
    job = owned_job(caller, job_id, ledger)
    format_ = FileFormat(query.format)
    filename = f"rejects-{job.job_id}.{format_.value}"
    if not small(job, settings.inline_rows):
        return _accepted(start(caller.owner, Kind.REJECTS, format_, filename, {"jobId": job.job_id, "bom": query.bom},
                               records=records, queues=queues, settings=settings, now=clock()))
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        path = Path(folder) / filename
        write_rejects(str(path), job, format_, bom=query.bom, ledger=ledger)
        if format_ is FileFormat.XLSX:
            return _linked(path, filename, format_, blobs)
        headers: dict[str, str | list[str]] = {
            "Content-Type": CONTENT_TYPES[format_], "Content-Disposition": f'attachment; filename="{filename}"'}
        return Response(body=path.read_bytes().decode("utf-8"), headers=headers)


def report(
    caller: Caller, job_id: str, query: ReportQuery, *, ledger: Ledger, blobs: Blobs, undo_notes: UndoNotes,
    records: Records, queues: Queues, settings: Settings, clock: Clock, inline_batches: int = INLINE_BATCHES,
) -> Response:
    """What became of every row: as JSON, as a workbook, or, for a job of very many batches, as an export of either."""
    job = owned_job(caller, job_id, ledger)
    format_ = FileFormat(query.format)
    filename = f"report-{job.job_id}.{format_.value}"
    if job.batches_total > inline_batches:
        return _accepted(start(caller.owner, Kind.REPORT, format_, filename, {"jobId": job.job_id}, records=records,
                               queues=queues, settings=settings, now=clock()))
    if format_ is FileFormat.JSON:
        return Response(body=build_report(job, ledger=ledger, blobs=blobs, undo_notes=undo_notes, clock=clock,
                                          from_batch=query.from_batch).as_json())
    whole = build_report(job, ledger=ledger, blobs=blobs, undo_notes=undo_notes, clock=clock,
                         page_batches=inline_batches, page_duplicates=settings.inline_rows)
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        path = Path(folder) / filename
        write_workbook(str(path), whole)
        return _linked(path, filename, format_, blobs)


def _linked(path: Path, filename: str, format_: FileFormat, blobs: Blobs) -> Response:
    key = f"exports/{uuid4().hex}/{filename}"
    blobs.upload(str(path), key, CONTENT_TYPES[format_])
    return Response(body=LinkAnswer(url=link_to(blobs, key, filename, format_), filename=filename,
                                    expires_in=LINK_SECONDS).as_json())


def _accepted(status: ExportStatus) -> Response:
    return Response(body=status.as_json(), status_code=202, headers={"Location": status.status_url})
