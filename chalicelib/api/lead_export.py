"""Leads as rows of a file: the columns, the walk, and the small export that is answered at once.

An export is a walk along an index, not a snapshot. Sorted by e-mail, the default, a lead that changes meanwhile keeps
its place; sorted by `updatedAt` it may be met twice or not at all.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.adapters.lead_listing import Entry, LeadListing
from chalicelib.adapters.s3 import Blobs
from chalicelib.api.files import CONTENT_TYPES, LINK_SECONDS, Layout, link_to, write_rows
from chalicelib.api.inputs import ExportRequest
from chalicelib.api.lead_view import WORKSHEET, lead_values, matcher
from chalicelib.api.leads import order_of
from chalicelib.api.models import ExportAnswer, FileFormat, SortBy, SortOrder

COLUMNS = ("leadId", "firstName", "lastName", "title", "company", "email", "phone", "remarks", "sourceFile",
           "createdAt", "updatedAt", "name", "industry", "source", WORKSHEET, "row", "jobId")
"""The seeds' header first, in its order; ours behind it."""
INLINE_READS = 20_000
INLINE_CHARS = 4_500_000
"""A Lambda answers at most 6 MB, and the text is escaped into JSON."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which leads of whom, in which order."""

    owner: str
    filters: Mapping[str, str]
    sort_by: SortBy
    sort_order: SortOrder

    def walk(self, listing: LeadListing, *, after: str = "", expect: int = 5000) -> Iterator[Entry]:
        """Every lead of the owner in this order; `matching` picks."""
        return listing.walk(self.owner, order_of(self.sort_by, self.sort_order), after=after, expect=expect)


def small_export(
    selection: Selection, request: ExportRequest, *, listing: LeadListing, blobs: Blobs, inline_rows: int,
    now: datetime, key: str,
) -> ExportAnswer | None:
    """The export at once; None when it is too large for that. A workbook is stored under `key` and linked."""
    rows = _few_rows(selection, listing, inline_rows)
    if rows is None:
        return None
    layout = Layout(request.format, COLUMNS, bom=request.bom)
    filename = filename_of(now, request.format)
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        path = Path(folder) / filename
        count = write_rows(str(path), rows, layout)
        if request.format is FileFormat.XLSX:
            blobs.upload(str(path), f"{key}{filename}", CONTENT_TYPES[request.format])
            url = link_to(blobs, f"{key}{filename}", filename, request.format)
            return _answer(selection, request, filename, count, url=url)
        content = path.read_bytes().decode("utf-8")
    if len(json.dumps(content)) > INLINE_CHARS:
        return None
    return _answer(selection, request, filename, count, content=content)


def filename_of(now: datetime, format_: FileFormat) -> str:
    return f"leads_export_{now:%Y%m%d_%H%M%S}.{format_.value}"


def _few_rows(selection: Selection, listing: LeadListing, most: int) -> list[Mapping[str, Any]] | None:
    """The matching leads, or None when there are more than `most` or finding them takes too long."""
    matches = matcher(selection.filters)
    rows: list[Mapping[str, Any]] = []
    walk = selection.walk(listing, expect=most)
    for entry in itertools.islice(walk, INLINE_READS):
        if matches(values := lead_values(entry.lead)):
            rows.append(values)
        if len(rows) > most:
            return None
    return rows if next(walk, None) is None else None


def _answer(
    selection: Selection, request: ExportRequest, filename: str, count: int, *, content: str | None = None,
    url: str | None = None,
) -> ExportAnswer:
    message = f"{count} leads exported." if count else "No leads match."
    return ExportAnswer(
        message=message, lead_count=count, filename=filename, format=request.format, filters=selection.filters,
        content=content, content_type=CONTENT_TYPES[request.format], url=url,
        expires_in=LINK_SECONDS if url else None)
