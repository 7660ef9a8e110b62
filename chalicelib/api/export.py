"""Files that take longer than a request: asked for with 202, made by the task worker, fetched by a link.

Leads are walked in parts with a checkpoint each; near its deadline the worker asks for another invocation. Then the
parts are put together. Every step may run twice, also at once: a checkpoint is written only over the state that was
read, and part objects have names of their own.
"""

from __future__ import annotations

import gzip
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalicelib.adapters.lead_listing import Entry, LeadListing
from chalicelib.adapters.ledger import Ledger
from chalicelib.adapters.records import Records
from chalicelib.adapters.s3 import Blobs
from chalicelib.adapters.sqs import Queues
from chalicelib.adapters.undo_notes import UndoNotes
from chalicelib.api.auth import Caller
from chalicelib.api.export_record import Export, Kept, Kind, keep, kept
from chalicelib.api.files import CONTENT_TYPES, LINK_SECONDS, SHEET_ROWS, Layout, write_rows
from chalicelib.api.lead_export import COLUMNS, Selection
from chalicelib.api.lead_view import lead_values, matcher
from chalicelib.api.models import ExportState, ExportStatus, FileFormat, JobError, SortBy, SortOrder
from chalicelib.api.rejects import write_rejects
from chalicelib.api.report import build_report, write_workbook
from chalicelib.api.requests import path_id
from chalicelib.errors import FileProblem, FileRefused, RequestProblem, RequestRefused
from chalicelib.jobs.model import MESSAGE_VERSION, Job, stamp
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.price_results import PriceResults

PART_READS = 10_000
"""Leads that a worker looks at between two checkpoints."""
CLOCK_READS = 250
"""Leads between two looks at the clock."""
ABANDONED = timedelta(hours=1)
POLL_MS = 2000


def start(
    owner: str, kind: Kind, format_: FileFormat, filename: str, request: Mapping[str, Any], *, records: Records,
    queues: Queues, settings: Settings, now: datetime,
) -> ExportStatus:
    """Ask for a file: a record and a task. `request` is kept as JSON."""
    at = stamp(now)
    export = Export(uuid4().hex, owner, kind, format_, filename, request, created_at=at, updated_at=at)
    keep(export, records, now)
    queues.send(settings.tasks_queue, _task(export), group=owner)
    return _status(export, "", now)


def show(
    caller: Caller, export_id: str, *, records: Records, blobs: Blobs, clock: Callable[[], datetime]
) -> ExportStatus:
    """How far a file is, with a fresh link when it is there. Raises NOT_FOUND, also for another owner's."""
    found = kept(path_id(export_id), records)
    if found is None or found.export.owner != caller.owner:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such export.")
    export = found.export
    done = export.state is ExportState.COMPLETED
    url = blobs.presigned_get(export.key, LINK_SECONDS, export.filename, _content_type(export)) if done else ""
    return _status(export, url, clock())


def run_export(
    export_id: str, *, records: Records, listing: LeadListing, ledger: Ledger, blobs: Blobs, undo_notes: UndoNotes,
    price_results: PriceResults, queues: Queues, settings: Settings, clock: Callable[[], datetime],
    remaining: Callable[[], float],
) -> None:
    """Take an export as far as time allows. Harmless at any time, any number of times, for any export id.

    `remaining` answers the seconds until the platform ends this invocation.
    """
    found = kept(export_id, records)
    if found is None or found.export.state.terminal:
        return
    exporter = Exporter(records, listing, ledger, blobs, undo_notes, price_results, queues, settings, clock, remaining)
    exporter.run(found)


def give_up(export_id: str, *, records: Records, clock: Callable[[], datetime]) -> None:
    """The last attempt has failed: nobody shall wait for this file any longer."""
    found = kept(export_id, records)
    if found is not None and not found.export.state.terminal:
        _fail(found, RequestProblem.INTERNAL.value, "The file could not be made.", records, clock())


@dataclass(frozen=True, slots=True)
class Exporter:
    """One invocation's work on one export."""

    records: Records
    listing: LeadListing
    ledger: Ledger
    blobs: Blobs
    undo_notes: UndoNotes
    price_results: PriceResults
    queues: Queues
    settings: Settings
    clock: Callable[[], datetime]
    remaining: Callable[[], float]

    def run(self, found: Kept) -> None:
        if found.export.kind is Kind.LEADS and not found.export.walked:
            walked = self._walk(found)
            if walked is None:
                return
            found = walked
        try:
            self._build(found)
        except KeyError:  # parts are gone once a twin has finished
            now = kept(found.export.export_id, self.records)
            if now is None or not now.export.state.terminal:
                raise

    def _walk(self, found: Kept) -> Kept | None:
        """Spool the matching leads in parts; None when time ran out or a twin is ahead."""
        selection = _selection(found.export)
        walk = selection.walk(self.listing, after=found.export.position)
        while not found.export.walked:
            following = self._spool_part(found, walk)
            if following is None:
                return None
            found = following
            if self._late() and not found.export.walked:
                self.queues.send(self.settings.tasks_queue, _task(found.export), group=found.export.owner)
                return None
        return found

    def _spool_part(self, found: Kept, walk: Iterator[Entry]) -> Kept | None:
        export = found.export
        entries = self._next_entries(walk)
        matches = matcher(_selection(export).filters)
        rows = [values for entry in entries if matches(values := lead_values(entry.lead))]
        parts = export.parts
        if rows:
            parts = (*parts, f"{export.folder}parts/{len(parts):05d}-{uuid4().hex[:8]}.jsonl.gz")
            text = "\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
            self.blobs.put(parts[-1], gzip.compress(text.encode(), 3), "application/gzip")
        following = self._write(
            found, state=ExportState.PROCESSING, rows=export.rows + len(rows), parts=parts, walked=not entries,
            position=entries[-1].position if entries else export.position)
        if following is None and rows:
            self._drop_part(export.export_id, parts[-1])
        return following

    def _drop_part(self, export_id: str, part: str) -> None:
        """A twin was faster, and may have cleared all parts before this one came. One that counts after all stays."""
        now = kept(export_id, self.records)
        if now is None or part not in now.export.parts:
            self.blobs.delete(part)

    def _next_entries(self, walk: Iterator[Entry]) -> list[Entry]:
        """The next leads: as many as a checkpoint takes, fewer when time runs out, none at the end."""
        entries: list[Entry] = []
        while len(entries) < PART_READS:
            some = list(itertools.islice(walk, CLOCK_READS))
            entries += some
            if not some or self._late():
                break
        return entries

    def _build(self, found: Kept) -> None:
        export = found.export
        with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
            path = str(Path(folder) / "file")
            try:
                made = self._made(export, path)
            except FileRefused as refusal:
                _fail(found, refusal.code.value, refusal.message, self.records, self.clock())
                return
            self.blobs.upload(path, made.key, _content_type(made))
        self._complete(found, made)

    def _complete(self, found: Kept, made: Export) -> None:
        """The file lies there, so it counts, whatever a twin has written meanwhile. Parts go only then."""
        current: Kept | None = found
        while current is not None and current.export.state is not ExportState.COMPLETED:
            if self._write(current, state=ExportState.COMPLETED, rows=made.rows, format=made.format,
                           filename=made.filename, details=made.details, error={},
                           completed_at=stamp(self.clock())) is not None:
                self.blobs.delete_prefix(f"{found.export.folder}parts/")
                return
            current = kept(found.export.export_id, self.records)

    def _made(self, export: Export, path: str) -> Export:
        """The export as it is once its file lies at `path`."""
        if export.kind is not Kind.PRICES:
            return replace(export, rows=self._write_file(export, path))
        from chalicelib.api.price_export import write_export

        made = write_export(path, self._job(export), ledger=self.ledger, blobs=self.blobs,
                            price_results=self.price_results, settings=self.settings)
        return replace(export, rows=made.rows, format=made.format, filename=made.filename, details=made.details)

    def _write_file(self, export: Export, path: str) -> int:
        if export.kind is Kind.LEADS:
            if export.format is FileFormat.XLSX and export.rows > SHEET_ROWS:
                raise FileRefused(FileProblem.TOO_MANY_ROWS, "A worksheet cannot hold so many rows; take csv.")
            layout = Layout(export.format, COLUMNS, bom=bool(export.request.get("bom")))
            return write_rows(path, self._spooled(export), layout)
        job = self._job(export)
        if export.kind is Kind.REJECTS:
            return write_rejects(path, job, export.format, bom=bool(export.request.get("bom")), ledger=self.ledger)
        report = build_report(job, ledger=self.ledger, blobs=self.blobs, undo_notes=self.undo_notes, clock=self.clock,
                              page_batches=SHEET_ROWS, page_duplicates=SHEET_ROWS // 10)
        if export.format is FileFormat.XLSX:
            write_workbook(path, report)
        else:
            Path(path).write_text(json.dumps(report.as_json(), separators=(",", ":")), encoding="utf-8")
        return report.rows.total

    def _job(self, export: Export) -> Job:
        job = self.ledger.job(str(export.request["jobId"]))
        if job is None:
            raise FileRefused(FileProblem.CORRUPT_FILE, "The job is no longer in the ledger.")
        return job

    def _spooled(self, export: Export) -> Iterator[Mapping[str, Any]]:
        for part in export.parts:
            for line in gzip.decompress(self.blobs.get(part)).splitlines():
                yield json.loads(line)

    def _write(self, found: Kept, **changes: Any) -> Kept | None:
        now = self.clock()
        return found.written(self.records, now, updated_at=stamp(now), **changes)

    def _late(self) -> bool:
        return self.remaining() < self.settings.deadline_margin


def _content_type(export: Export) -> str:
    """Somebody's own text file keeps its encoding, and a workbook with macros is one."""
    if export.filename.endswith(".xlsm"):
        return "application/vnd.ms-excel.sheet.macroEnabled.12"
    if export.kind is Kind.PRICES and export.format is FileFormat.CSV:
        return "text/csv"
    return CONTENT_TYPES[export.format]


def _fail(found: Kept, code: str, message: str, records: Records, now: datetime) -> None:
    at = stamp(now)
    found.written(records, now, state=ExportState.ERROR, updated_at=at, completed_at=at,
                  error={"code": code, "message": message, "timestamp": at})


def _task(export: Export) -> dict[str, Any]:
    return {"v": MESSAGE_VERSION, "task": "export", "exportId": export.export_id}


def _selection(export: Export) -> Selection:
    return Selection(export.owner, export.request["filters"], SortBy(export.request["sortBy"]),
                     SortOrder(export.request["sortOrder"]))


def _status(export: Export, url: str, now: datetime) -> ExportStatus:
    abandoned = not export.state.terminal and _time(export.updated_at) < now - ABANDONED
    error = {"code": RequestProblem.INTERNAL.value, "message": "The export has stopped; ask for it again.",
             "timestamp": export.updated_at} if abandoned else export.error
    state = ExportState.ERROR if abandoned else export.state
    return ExportStatus(
        export_id=export.export_id, kind=export.kind.value, status=state, row_count=export.rows,
        filename=export.filename, status_url=f"/exports/{export.export_id}", url=url or None,
        expires_in=LINK_SECONDS if url else None, created_at=export.created_at,
        completed_at=export.completed_at or None, details=export.details,
        retry_after_ms=None if state.terminal else POLL_MS,
        error=JobError(code=error["code"], message=error["message"], timestamp=error["timestamp"],
                       recoverable=abandoned, details={}) if error else None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
