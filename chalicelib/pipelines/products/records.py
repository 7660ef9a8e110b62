"""A row of a catalogue becomes the content of a product: fields told from columns, codes repaired, nothing thrown away.

What the row said stays in `original_data`, in the file's order; the fields beside it are what we made of it. A bad code
is a warning where the row says something else, too: the product is there, only nobody can be asked about it by code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalicelib.adapters.product_store import ORIGINAL
from chalicelib.errors import RowProblem, RowRefused
from chalicelib.jobs.model import Item
from chalicelib.pipelines.products.codes import Code, CodeKind, repaired
from chalicelib.pipelines.products.fields import LIMITS, NAMES, OTHER_PRICES, SYNONYMS
from chalicelib.tables.columns import squeezed
from chalicelib.tables.wording import words

CARRIES = ("name", "description", "sku", "upc", "asin")
"""A product needs one of these."""
MAX_ROW_BYTES = 60_000
"""Of a row's texts: fifty such rows, their enrichment and prior images still fit one transaction."""
MAX_OWN_ID = 200
OWN_ID = ("product_id", "productId", "id")
"""Where a batch from outside says which product it means, in the order in which we look."""

_NOTHING = frozenset({"", "-", "--", "n/a", "#n/a", "n.a.", "not available"})
_CODES_NOTHING = _NOTHING | {"na", "none", "null", "nan", "0", "tbd", "unknown", "does not apply"}


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says. `codes` are what Keepa can be asked for, the surest first; `title` what may be searched for."""

    content: Mapping[str, Any]
    codes: tuple[Code, ...] = ()
    title: str = ""
    brand: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def says_something(self) -> bool:
        return any(self.content.get(name) for name in CARRIES)


def row_of(item: Item, columns: Mapping[str, str]) -> Row:
    """The row as a product's content, by `columns` (header -> field; empty: headers are told by their words).

    Raises RowRefused for a row that is no product, or too large.
    """
    row = read(item, columns)
    if not row.says_something:
        bad = next((warning.partition(":")[0] for warning in row.warnings if RowProblem.INVALID_CODE in warning), "")
        raise RowRefused(RowProblem.INVALID_CODE if bad else RowProblem.NO_PRODUCT, field=bad)
    return row


def read(item: Item, columns: Mapping[str, str]) -> Row:
    """As `row_of`, for a row that may say nothing."""
    cells = {str(name): _clean(value) for name, value in item.items() if not name.startswith("_")}
    if sum(len(name) + len(text.encode()) for name, text in cells.items()) > MAX_ROW_BYTES:
        raise RowRefused(RowProblem.ROW_TOO_LARGE, bytes=MAX_ROW_BYTES)
    said = _fields(cells, columns)
    codes, warnings = _codes(said)
    if not said.get("price") and (other := _other_price(cells)):
        said["price"] = other
    _tell_price(said)
    for name in [name for name, text in said.items() if len(text) > LIMITS[name]]:
        said[name] = said[name][:LIMITS[name]].rstrip()
        warnings.append(f"{name}: cut to {LIMITS[name]} characters")
    content: dict[str, Any] = {name: said[name] for name in NAMES if said.get(name)}
    content[ORIGINAL] = cells
    return Row(content, codes, " ".join(content.get("name", "").split()), content.get("brand", ""), tuple(warnings))


def codes_of(item: Item, columns: Mapping[str, str]) -> tuple[tuple[Code, ...], str]:
    """Only the codes of a row and its name, for looking ahead over many rows."""
    said = _fields({str(name): str(value) for name, value in item.items() if not name.startswith("_")}, columns)
    return _codes(said)[0], said.get("name", "")


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A stored content with what a batch from outside says anew; the file's own columns stay."""
    said = {name: value for name, value in new.items() if value and not (name == ORIGINAL and old.get(ORIGINAL))}
    return {**old, **said}


def own_id(item: Item) -> str:
    """The product that a row from outside names, "" for none."""
    found = next((str(item[name]).strip() for name in OWN_ID if item.get(name)), "")
    return found if len(found) <= MAX_OWN_ID and found.isprintable() else ""


@lru_cache(maxsize=4096)
def field_of(header: str) -> str:
    """The field that a header names outright, for rows whose sender sent no mapping; "" for none."""
    return _field_by_header().get(" ".join(words(header)), "")


def _fields(cells: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    """Texts by field; columns that a person gave one field stand beside each other."""
    said: dict[str, list[str]] = {}
    for header, text in cells.items():
        name = columns.get(header, "") if columns else "" if header in OWN_ID else field_of(header)
        text = text.strip()
        if name and text.casefold() not in _NOTHING:
            said.setdefault(name, []).append(text)
    if not columns:  # whoever calls his columns as we do has several words for one: the first is meant
        return {name: texts[0] for name, texts in said.items()}
    return {name: " ".join(texts) for name, texts in said.items()}


def _codes(said: dict[str, str]) -> tuple[tuple[Code, ...], list[str]]:
    """The codes of a row, the ASIN first: it is one product, a barcode may stand on several. Codes become whole."""
    found: dict[str, Code] = {}
    warnings: list[str] = []
    for name in ("asin", "upc"):
        text = said.get(name, "")
        if text.casefold() in _CODES_NOTHING:
            said.pop(name, None)
            continue
        code = repaired(text)
        if code is None:
            warnings.append(f"{name}: {RowProblem.INVALID_CODE.value}")
            del said[name]
            continue
        said.pop(name)
        place = "asin" if code.kind is CodeKind.ASIN else "upc"
        said.setdefault(place, code.value)
        found.setdefault(code.key, code)
        if code.computed:
            warnings.append(f"{place}: the check digit is ours")
    return tuple(sorted(found.values(), key=lambda code: code.kind is not CodeKind.ASIN)), warnings


def _other_price(cells: Mapping[str, str]) -> str:
    by_header = {squeezed(header): text.strip() for header, text in cells.items()}
    prices = (by_header.get(key, "") for key in _OTHER_PRICES)
    return next((price for price in prices if price and price.casefold() not in _NOTHING), "")


_OTHER_PRICES = tuple(map(squeezed, OTHER_PRICES))
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "zł": "PLN", "kč": "CZK", "₹": "INR"}
_PRICE = re.compile(r"(?P<before>[A-Za-z]{3}|zł|Kč|[$€£¥₹])?\s*(?P<number>\d[\d.,'\s]*?)\s*"
                    r"(?P<after>[A-Za-z]{3}|zł|Kč|[$€£¥₹])?", re.IGNORECASE)


def _tell_price(said: dict[str, str]) -> None:
    """`$1,234.50` is 1234.50 in USD; what is no single amount stays as it is."""
    match = _PRICE.fullmatch(said.get("price", ""))
    number = _plain_number(match["number"]) if match else ""
    if not match or not number:
        return
    said["price"] = number
    sign = (match["before"] or match["after"] or "").casefold()
    if sign and not said.get("currency"):
        said["currency"] = _SIGNS.get(sign, sign.upper())


def _plain_number(text: str) -> str:
    """Digits with a point for the decimals; "" where the separators contradict each other."""
    bare = re.sub(r"[\s'\u00a0\u202f]", "", text).rstrip(".,")
    last = max(bare.rfind("."), bare.rfind(","))
    if last < 0:
        return bare
    mark, other = bare[last], "," if bare[last] == "." else "."
    whole, decimals = bare[:last], bare[last + 1:]
    thousands = bare.count(mark) > 1 or (mark == "," and len(decimals) == 3 and other not in whole)
    if thousands:
        groups = bare.split(mark)
        return "".join(groups) if other not in bare and all(len(group) == 3 for group in groups[1:]) else ""
    return f"{whole.replace(other, '')}.{decimals}" if mark not in whole and decimals.isdigit() else ""


def _clean(value: Any) -> str:
    """A cell as text that every store takes: halves of surrogate pairs become a question mark."""
    text = value if type(value) is str else str(value)
    return text if text.isascii() else text.encode(errors="replace").decode()


@lru_cache(maxsize=1)
def _field_by_header() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for name in NAMES:
        known.setdefault(name, name)
    for name in NAMES:
        for header in SYNONYMS[name]:
            known.setdefault(" ".join(words(header)), name)
    return known
