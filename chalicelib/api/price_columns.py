"""What a result row puts into a spreadsheet: the columns, in order, and their values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.api.price_models import Tier
from chalicelib.api.price_view import amount, tier_of
from chalicelib.tables.patch_edits import Format, NewColumn, Value

COLUMNS: Mapping[str, NewColumn] = {
    "code": NewColumn("Matched code", Format.TEXT, 16),
    "description": NewColumn("Matched description", Format.TEXT, 40),
    "unit": NewColumn("Matched unit", Format.TEXT, 13),
    "rate": NewColumn("Matched rate", Format.MONEY, 13),
    "total": NewColumn("Matched total", Format.MONEY, 14),
    "confidence": NewColumn("Match confidence", Format.PERCENT, 17),
    "status": NewColumn("Match status", Format.TEXT, 24),
}
"""By the name that `values` knows them by; `rate` and `total` are also fields of a bill."""
TITLES = tuple(column.header for column in COLUMNS.values())


def priced(row: Mapping[str, Any]) -> bool:
    """Whether the row has an answer: accepted, to be reviewed, or given by hand."""
    return bool(row["tier"] != Tier.UNMATCHED)


def fits(row: Mapping[str, Any]) -> bool:
    """Whether the rate is for the row's own unit, as far as anybody knows: a person's word counts."""
    return bool(row["isManuallyEdited"] or not row["unitMismatch"])


def values(row: Mapping[str, Any], names: Sequence[str]) -> list[Value | None]:
    """The row's values in these columns; an unmatched row only says that it is one."""
    told: dict[str, Value | None] = {"status": _status(row), "confidence": float(row["confidence"])}
    if priced(row):
        told |= {"code": row.get("matchedCode") or None, "description": row.get("matchedDescription") or None,
                 "unit": row.get("matchedUnit") or None, "rate": amount(row.get("matchedRate")),
                 "total": amount(row.get("totalPrice"))}
    return [told.get(name) for name in names]


def _status(row: Mapping[str, Any]) -> str:
    tier = tier_of(row)
    return f"{tier}, the units differ" if priced(row) and row["unitMismatch"] else tier
