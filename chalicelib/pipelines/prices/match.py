"""A batch of a bill becomes result rows, and a person's word about a row becomes changes to it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.matching.model import PriceItem, Query


def chosen(row: Mapping[str, Any], item: PriceItem | None) -> dict[str, Any]:
    """The changes by which a person says that a result row means `item` (of the list `row["listId"]`), or nothing.

    For `PriceResults.edit`: matched*, totalPrice, tier, confidence 1 (0 for nothing), unitMismatch, isLearnedMatch.
    """
    raise NotImplementedError


def repriced(row: Mapping[str, Any], rate: Decimal | None) -> dict[str, Any]:
    """The changes by which a person sets the rate of a row by hand; the matched item stays as it is."""
    raise NotImplementedError


def query_of(row: Mapping[str, Any]) -> Query:
    """What the matcher was asked for a result row: the same that a lesson on it is remembered by."""
    raise NotImplementedError
