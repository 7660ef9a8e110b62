"""GET /status/{id}/rejects: every rejected row with its original columns and the reason, ready to be corrected.

Columns are those that we mapped in the sheets with rejects, then all others in order of appearance, then ours. Cells
that were blank stay blank: the file is meant to be dropped again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.adapters.ledger import Ledger
from chalicelib.api.files import Layout, write_rows
from chalicelib.api.models import FileFormat
from chalicelib.jobs.model import Job, Reject

REASONS = ("_job_id", "_worksheet", "_row", "_error_code", "_error_field", "_error_message")
INLINE_BATCHES = 5000


def small(job: Job, inline_rows: int) -> bool:
    """Whether the file can be made while the caller waits."""
    return job.rejected <= inline_rows and job.batches_total <= INLINE_BATCHES


def write_rejects(path: str, job: Job, format_: FileFormat, *, bom: bool, ledger: Ledger) -> int:
    """Write all rejects of `job` to `path`, in file order; answers how many. Reads the batches twice, streaming."""
    rows = (_row(job, reject) for reject in _rejects(job, ledger))
    return write_rows(path, rows, Layout(format_, (*_originals(job, ledger), *REASONS), missing="", bom=bom))


def _originals(job: Job, ledger: Ledger) -> list[str]:
    """A column that is blank in every reject is still one of the file's, where we know it from the mapping."""
    sheets: set[int] = set()
    seen: dict[str, None] = {}
    for reject in _rejects(job, ledger):
        sheets.add(reject.sheet)
        seen.update(dict.fromkeys(reject.cells))
    mapped = [column for sheet in ledger.sheets(job.job_id) if sheet.index in sheets for column in sheet.columns]
    return [column for column in dict.fromkeys((*mapped, *seen)) if column not in REASONS]


def _rejects(job: Job, ledger: Ledger) -> Iterator[Reject]:
    for detail in ledger.batches(job.job_id, job.batches_total):
        yield from detail.entry.rejects


def _row(job: Job, reject: Reject) -> Mapping[str, Any]:
    return {**reject.cells, "_job_id": job.job_id, "_worksheet": reject.worksheet, "_row": reject.row,
            "_error_code": reject.code, "_error_field": reject.field, "_error_message": reject.message}
