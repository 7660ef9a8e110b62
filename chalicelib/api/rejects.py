"""GET /status/{id}/rejects: every rejected row with its original columns and the reason, ready to be corrected.

Columns are those of all sheets with rejects, in file order, blank and unmapped ones too, then ours. Cells that were
blank stay blank: the file is meant to be dropped again. A row that was a correction already names the row that it was
to correct, in the file where it first stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.adapters.ledger import Ledger
from chalicelib.api.files import Layout, write_rows
from chalicelib.api.models import FileFormat
from chalicelib.jobs.model import REJECT_COLUMNS, Job, Reject

INLINE_BATCHES = 5000


def small(job: Job, inline_rows: int) -> bool:
    """Whether the file can be made while the caller waits."""
    return job.rejected <= inline_rows and job.batches_total <= INLINE_BATCHES


def write_rejects(path: str, job: Job, format_: FileFormat, *, bom: bool, ledger: Ledger) -> int:
    """Write all rejects of `job` to `path`, in file order; answers how many. Reads the batches twice, streaming."""
    rows = (_row(job, reject) for reject in _rejects(job, ledger))
    return write_rows(path, rows, Layout(format_, (*_originals(job, ledger), *REJECT_COLUMNS), missing="", bom=bom))


def _originals(job: Job, ledger: Ledger) -> list[str]:
    sheets: set[int] = set()
    seen: dict[str, None] = {}
    for reject in _rejects(job, ledger):
        sheets.add(reject.sheet)
        seen.update(dict.fromkeys(reject.cells))
    known = [column for sheet in ledger.sheets(job.job_id) if sheet.index in sheets
             for column in (sheet.headers or sheet.columns)]
    ours = {*REJECT_COLUMNS, *(f"column {name}" for name in REJECT_COLUMNS)}
    return [column for column in dict.fromkeys((*known, *seen)) if column not in ours]


def _rejects(job: Job, ledger: Ledger) -> Iterator[Reject]:
    for detail in ledger.batches(job.job_id, job.batches_total):
        yield from sorted(detail.entry.rejects, key=lambda reject: (reject.sheet, reject.row))


def _row(job: Job, reject: Reject) -> Mapping[str, Any]:
    place = reject.origin or {"job": job.job_id, "worksheet": reject.worksheet, "row": reject.row}
    return {**reject.cells, "_job_id": place["job"], "_worksheet": place["worksheet"], "_row": place["row"],
            "_error_code": reject.code, "_error_field": reject.field, "_error_message": reject.message}
