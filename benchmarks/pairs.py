"""Public sets of products that two shops describe in their own words, with the pairs that are the same.

Abt-Buy and Amazon-Google of the Leipzig benchmark; they lie beside the checkout and are never part of it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from chalicelib.matching.model import PriceItem, Query

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "match_pyjedai" / "ccer"
NAMES = ("Abt-Buy", "Amazon-Google")
_FILES = {"Abt-Buy": ("D2/abt.csv", "D2/buy.csv", "D2/gt.csv", "|"),
          "Amazon-Google": ("D3/amazon.csv", "D3/gp.csv", "D3/gt.csv", "#")}


@dataclass(frozen=True, slots=True)
class Pairs:
    """A list, rows by id, and which (row, item) are the same thing."""

    items: list[PriceItem]
    queries: list[tuple[str, Query]]
    right: frozenset[tuple[str, str]]


def present() -> bool:
    return DATA.is_dir()


def load(name: str) -> Pairs:
    """The description is name or title, the maker the supplier, the long text the keywords. OSError when absent."""
    left, right, truth, sign = _FILES[name]
    items = [PriceItem(id=row["id"], description=_title(row), supplier=row.get("manufacturer") or "",
                       keywords=row["description"] or "", rate=_price(row)) for row in _rows(right, sign)]
    queries = [(row["id"], Query(description=_title(row), supplier=row.get("manufacturer") or "",
                                 keywords=row["description"] or "", price=_price(row))) for row in _rows(left, sign)]
    return Pairs(items, queries, frozenset((row["D1"], row["D2"]) for row in _rows(truth, sign)))


def _rows(path: str, sign: str) -> Iterator[Mapping[str, str]]:
    with (DATA / path).open(encoding="utf-8", errors="replace", newline="") as file:
        yield from csv.DictReader(file, delimiter=sign)


def _title(row: Mapping[str, str]) -> str:
    return row.get("name") or row.get("title") or ""


def _price(row: Mapping[str, str]) -> Decimal | None:
    digits = re.sub(r"[^0-9.]", "", row["price"] or "")
    return Decimal(digits) or None if re.fullmatch(r"\d+(\.\d+)?", digits) else None
