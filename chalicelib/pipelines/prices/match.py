"""A row of a bill and the matcher's answer become a result row, and a person's word becomes changes to it.

A row of the tiers `accepted` and `review` shows its best item, with rate and total; `review` says that a person should
look. Below the threshold a row is `unmatched`: its `matched*` stay empty, the nearest items are only its candidates.
Where the units are not the same, nothing is accepted without a person: `unitMismatch` says so, also where they measure
the same thing (kg and t), since the total is quantity times rate and converts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chalicelib.adapters.price_results import FIELDS, mark_of
from chalicelib.jobs.model import Item, Job, RowId, row_id, worksheet_of
from chalicelib.matching.model import Candidate, Match, PriceItem, Query, Tier, Units
from chalicelib.matching.units import units
from chalicelib.pipelines.prices.items import Wanted, as_decimal, asked_code, storable
from chalicelib.pipelines.prices.numbers import product, written

ROW_BYTES = 16 * 1024
"""Of a row's own cells; 90 rows have to fit into a transaction of 4 MB, as JSON in UTF-8."""
LONGEST_OFFER = 300
"""Characters of a candidate's description, likewise."""
_APART = (Units.DIFFERENT, Units.COMPATIBLE)
_NO_ITEM: Mapping[str, Any] = {"matchedItemId": None, "matchedDescription": None, "matchedCode": None,
                               "matchedUnit": None, "matchedRate": None, "totalPrice": None, "unitMismatch": False}


def result_row(
    job: Job, job_id: str, batch: int, item: Item, asked: Wanted, match: Match, *, method: str, list_id: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The result row that `job` makes for the results of `job_id` (its own, or of a re-match's base), and warnings."""
    place, query, best = row_id(item), asked.query, match.best
    cells, whole = _kept(item)
    tier = _tier(match)
    shown = best if best is not None and tier is not Tier.UNMATCHED else None
    warnings = tuple(_warnings(asked, shown, whole=whole))
    row = {
        **FIELDS, "jobId": job_id, "resultId": f"{job_id}-{mark_of(place)}", "rowNumber": place.row,
        "sheet": place.sheet, "worksheet": worksheet_of(item), "batch": batch, "owner": job.owner, "listId": list_id,
        "originalDescription": query.description, "originalCode": asked.code, "originalUnit": query.unit,
        "originalQuantity": None if query.quantity is None else written(query.quantity), "originalRowData": cells,
        "contextHeaders": list(query.context), "confidence": match.confidence, "matchMethod": method,
        "tier": tier.value, "jobTier": tier.value, "isLearnedMatch": match.learned,
        "candidates": [_candidate(each) for each in match.candidates], "notes": "; ".join(warnings),
        "createdAt": job.uploaded_at, "updatedAt": job.uploaded_at, "expiresAt": job.expires_at}
    if shown is not None:
        row |= _priced(shown.item, query.quantity) | {"unitMismatch": shown.units in _APART}
    return row, warnings


def chosen(row: Mapping[str, Any], item: PriceItem | None) -> dict[str, Any]:
    """The changes by which a person says that a result row means `item` (of the list `row["listId"]`), or nothing.

    For `PriceResults.edit`: matched*, totalPrice, tier, confidence 1 (0 for nothing), unitMismatch, isLearnedMatch.
    """
    if item is None:
        return {**_NO_ITEM, "tier": Tier.UNMATCHED.value, "confidence": 0.0, "isLearnedMatch": False}
    return {**_priced(item, as_decimal(row["originalQuantity"])), "tier": Tier.ACCEPTED.value, "confidence": 1.0,
            "unitMismatch": units(str(row["originalUnit"]), item.unit) in _APART, "isLearnedMatch": False}


def repriced(row: Mapping[str, Any], rate: Decimal | None) -> dict[str, Any]:
    """The changes by which a person sets the rate of a row by hand; the matched item stays as it is.

    A row with a rate is accepted; one without an item and a rate is unmatched.
    """
    if rate is None:
        tier = Tier.ACCEPTED if row["matchedItemId"] else Tier.UNMATCHED
        return {"matchedRate": None, "totalPrice": None, "tier": tier.value}
    quantity = as_decimal(row["originalQuantity"])
    return {"matchedRate": written(rate), "tier": Tier.ACCEPTED.value,
            "totalPrice": None if quantity is None else written(product(quantity, rate))}


def query_of(row: Mapping[str, Any]) -> Query:
    """What the matcher was asked for a result row: the same that a lesson on it is remembered by."""
    return Query(description=str(row["originalDescription"]), code=asked_code(str(row["originalCode"])),
                 unit=str(row["originalUnit"]), quantity=as_decimal(row["originalQuantity"]),
                 context=tuple(row["contextHeaders"]))


def place_in(row: Mapping[str, Any]) -> RowId:
    """Where a result row stands in its file."""
    return RowId(int(row["sheet"]), int(row["rowNumber"]))


def _tier(match: Match) -> Tier:
    """The matcher's, but what is accepted with other units goes to a person, unless a person has taught it."""
    best = match.best
    if match.accepted and best is not None and best.units in _APART and not match.learned:
        return Tier.REVIEW
    return match.tier


def _priced(item: PriceItem, quantity: Decimal | None) -> dict[str, Any]:
    total = None if quantity is None or item.rate is None else written(product(quantity, item.rate))
    return {"matchedItemId": item.id, "matchedDescription": item.description, "matchedCode": item.code or None,
            "matchedUnit": item.unit or None, "matchedRate": None if item.rate is None else written(item.rate),
            "totalPrice": total}


def _candidate(one: Candidate) -> dict[str, Any]:
    item = one.item
    return {"itemId": item.id, "description": item.description[:LONGEST_OFFER], "code": item.code, "unit": item.unit,
            "rate": None if item.rate is None else written(item.rate), "score": round(float(one.score), 4),
            "reasons": list(one.reasons)}


def _warnings(asked: Wanted, shown: Candidate | None, *, whole: bool) -> list[str]:
    told = []
    if asked.rate_only:
        told.append("rate only: there is no total")
    elif asked.query.quantity is None:
        told.append("no quantity: there is no total")
    if shown is not None and shown.units in _APART:
        told.append(f"the units differ ({asked.query.unit} / {shown.item.unit}): the total converts nothing")
    if not whole:
        told.append("the row is kept in part: it is too long")
    return told


def _kept(item: Item) -> tuple[dict[str, str], bool]:
    """The row's own columns, as many as fit, and whether they all do."""
    cells: dict[str, str] = {}
    room = ROW_BYTES
    for name, value in item.items():
        if name.startswith("_"):
            continue
        column, text = storable(name), storable(value)
        room -= len(json.dumps({column: text}, ensure_ascii=False).encode())
        if room < 0:
            return cells, False
        cells[column] = text
    return cells, True
