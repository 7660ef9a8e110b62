"""A large file in the making, as a record: what was asked for, how far it has come, where it lies.

Workers write it conditionally on the version they read, so of two that work on one export the slower stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.adapters.records import Record, RecordKey, Records
from chalicelib.api.models import ExportState, FileFormat

KEPT_DAYS = 7
"""The bucket drops `exports/` after as long."""


class Kind(StrEnum):
    LEADS = "leads"
    REJECTS = "rejects"
    REPORT = "report"
    PRICES = "prices"


@dataclass(frozen=True, slots=True)
class Export:
    """One file that was asked for. `request` is what the kind needs: filters and order, or a job's id.

    `format` and `filename` are final when the file is there: a price job's depend on what its file is.

    `position` and `parts` say how far a walk over leads has come.
    """

    export_id: str
    owner: str
    kind: Kind
    format: FileFormat
    filename: str
    request: Mapping[str, Any]
    created_at: str
    updated_at: str
    state: ExportState = ExportState.PENDING
    rows: int = 0
    position: str = ""
    walked: bool = False
    parts: tuple[str, ...] = ()
    completed_at: str = ""
    error: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    """What people may want to know of the finished file."""

    @property
    def folder(self) -> str:
        return f"exports/{self.export_id}/"

    @property
    def key(self) -> str:
        return f"{self.folder}{self.filename}"


@dataclass(frozen=True, slots=True)
class Kept:
    """An export with the record that guards its next write."""

    export: Export
    record: Record

    def written(self, records: Records, now: datetime, **changes: Any) -> Kept | None:
        """The export with `changes`; None when somebody else has written since."""
        export = replace(self.export, **changes)
        record = records.replace(self.record, asdict(export), expires_at=_expiry(now))
        return Kept(export, record) if record is not None else None


def keep(export: Export, records: Records, now: datetime) -> None:
    records.create(_key(export.export_id), asdict(export), expires_at=_expiry(now))


def kept(export_id: str, records: Records) -> Kept | None:
    record = records.get(_key(export_id))
    if record is None:
        return None
    body = record.body
    return Kept(Export(**{**body, "kind": Kind(body["kind"]), "format": FileFormat(body["format"]),
                          "state": ExportState(body["state"]), "parts": tuple(body["parts"])}), record)


def _key(export_id: str) -> RecordKey:
    return RecordKey(f"EXPORT#{export_id}", "EXPORT")


def _expiry(now: datetime) -> int:
    return int((now + timedelta(days=KEPT_DAYS)).timestamp())
