"""What a row of a bill or of a price list is, and what the matcher gets of it.

Of a bill: a row with a quantity, a rate or a unit is an item; one with nothing but a total sums up others; all others
are section headings. An item without a quantity keeps its rate and has no total. Of a list: a row with a rate or a unit
is an item, all others are headings. What is an item by this and yet cannot be one becomes a reject, with a code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from chalicelib.errors import RowProblem, RowRefused
from chalicelib.jobs.model import Item, RowId
from chalicelib.matching.model import PriceItem, Query
from chalicelib.pipelines.prices.fields import field_of, is_label
from chalicelib.pipelines.prices.numbers import Number, number

LONGEST_DESCRIPTION, LONGEST_TEXT, LONGEST_KEYWORDS = 1000, 200, 1000
"""Characters that are kept: 300,000 items of a list have to fit into a worker."""
_NOTHING = frozenset({
    "", "-", "--", "---", "–", "—", ".", "..", "...", "/", "n/a", "na", "nil", "none", "null", "#n/a"})
_RATE_ONLY = frozenset({"rate only", "rateonly", "r/o", "r.o.", "ro", "rates only", "only rate", "nur ep",
                        "nur einh.-pr.", "nur einheitspreis", "prix unitaire seulement", "p.m.", "pm", "provisional"})
"""In a column of quantities: the rate is asked for, not the total."""
_POSITION = re.compile(r"\d{1,4}[.)]?|[A-Za-z][.)]?")
"""Where a row stands in its bill; no article has such a code."""


class Kind(StrEnum):
    """What a row is. All but items are the reasons under which rows are skipped by name."""

    ITEM = "item"
    SECTION = "section"
    TOTALS = "totals"
    REPEATED_HEADER = "repeated_header"


Cells = Mapping[str, str]


def cells_of(item: Item, columns: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """A row's texts by field; of several columns for one field beside each other. Other columns are left out."""
    mapped = columns.get(str(item.get("_worksheet", "")))
    cells: dict[str, str] = {}
    for name, value in item.items():
        if name.startswith("_"):
            continue
        field = (mapped.get(name) if mapped is not None else field_of(name)) or ""
        text = " ".join(storable(value).split())
        if field and text:
            cells[field] = f"{cells[field]} {text}" if field in cells else text
    return cells


def bill_kind(cells: Cells) -> Kind:
    """What a row of a bill is."""
    if _is_repeated(cells, ("quantity", "unit", "rate")):
        return Kind.REPEATED_HEADER
    if any(_says(cells, field) for field in ("quantity", "rate", "unit")):
        alone = not any(_says(cells, field) for field in ("description", "code", "rate", "unit", "total"))
        return Kind.SECTION if alone and number(cells["quantity"]) is None else Kind.ITEM
    return Kind.TOTALS if _says(cells, "total") and number(cells["total"]) is not None else Kind.SECTION


def list_kind(cells: Cells) -> Kind:
    """What a row of a price list is."""
    if _is_repeated(cells, ("rate", "unit", "code")):
        return Kind.REPEATED_HEADER
    return Kind.ITEM if _says(cells, "rate") or _says(cells, "unit") else Kind.SECTION


def heading_of(item: Item, cells: Cells) -> tuple[str, str]:
    """The text of a section heading, and the number or letter that stands before it."""
    mark = cells.get("code", "")[:LONGEST_TEXT]
    if text := cells.get("description", ""):
        return text, mark
    others = [" ".join(str(value).split()) for name, value in item.items() if not name.startswith("_")]
    return next((text for text in others if any(each.isalpha() for each in text)), ""), ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row of a bill, understood. `code` as it stands there; the query leaves out what is only its position."""

    query: Query
    code: str
    rate_only: bool


def wanted(cells: Cells, context: tuple[str, ...]) -> Wanted:
    """What a row of a bill asks for. Raises RowRefused: NO_DESCRIPTION, NOT_A_NUMBER."""
    description, code = _text(cells, "description", LONGEST_DESCRIPTION), _text(cells, "code")
    asked = asked_code(code)
    if not description and not asked:
        raise RowRefused(RowProblem.NO_DESCRIPTION, field="description")
    said = cells.get("quantity", "").casefold()
    rate_only = said in _RATE_ONLY
    quantity = None if rate_only or said in _NOTHING else _number(cells, "quantity")
    rate = number(cells.get("rate", ""))
    unit = _text(cells, "unit") or (quantity.unit if quantity else "")
    query = Query(description=description, code=asked, unit=unit, quantity=quantity.value if quantity else None,
                  context=context, price=rate.value if rate and rate.value > 0 else None,
                  supplier=_text(cells, "supplier"), keywords=_text(cells, "keywords", LONGEST_KEYWORDS))
    return Wanted(query, code, rate_only)


def asked_code(code: str) -> str:
    """A row's code for the matcher: nothing where it only counts the rows of its bill."""
    return "" if _POSITION.fullmatch(code) else code


def listed(cells: Cells, place: RowId, context: tuple[str, ...]) -> PriceItem:
    """The item of a price list's row. Headings stand in for a category that the list has no column for.

    Raises RowRefused: NO_DESCRIPTION, NO_RATE, NOT_A_NUMBER.
    """
    description = _text(cells, "description", LONGEST_DESCRIPTION)
    if not description:
        raise RowRefused(RowProblem.NO_DESCRIPTION, field="description")
    if not _says(cells, "rate"):
        raise RowRefused(RowProblem.NO_RATE, field="rate")
    rate = _number(cells, "rate")
    if rate.value < 0:
        raise RowRefused(RowProblem.NOT_A_NUMBER, "A rate is not below zero.", field="rate")
    outer, inner = (context[0], " / ".join(context[1:])) if context else ("", "")
    category, subcategory = _text(cells, "category"), _text(cells, "subcategory")
    return PriceItem(
        id=f"{place.sheet + 1}-{place.row}", description=description, code=_text(cells, "code"),
        category=category or outer[:LONGEST_TEXT], rate=rate.value, supplier=_text(cells, "supplier"),
        subcategory=subcategory or ((inner if not category else " / ".join(context))[:LONGEST_TEXT]),
        unit=_text(cells, "unit") or rate.unit, keywords=_text(cells, "keywords", LONGEST_KEYWORDS))


def context_of(item: Item) -> tuple[str, ...]:
    """The headings that travel with a row; none for rows from outside."""
    found: Any = item.get("_context", ())
    return tuple(str(text) for text in found) if isinstance(found, list | tuple) else ()


def storable(value: Any) -> str:
    """A cell as a text that stores take: halves of surrogate pairs, which only messages from outside hold, become ?."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def as_decimal(text: str | None) -> Decimal | None:
    """A number as it was stored."""
    return Decimal(text) if text else None


def _number(cells: Cells, field: str) -> Number:
    found = number(cells[field])
    if found is None:
        raise RowRefused(RowProblem.NOT_A_NUMBER, field=field)
    return found


def _says(cells: Cells, field: str) -> bool:
    return cells.get(field, "").casefold() not in _NOTHING


def _text(cells: Cells, field: str, longest: int = LONGEST_TEXT) -> str:
    text = cells.get(field, "")
    return "" if text.casefold() in _NOTHING else text[:longest]


def _is_repeated(cells: Cells, fields: tuple[str, ...]) -> bool:
    """Two labels where numbers belong: the header once more, in whatever words."""
    return sum(1 for field in fields if field in cells and is_label(field, cells[field])) >= 2
