"""Which row is the header, and which rows below it are not data: repeated headers and totals.

Row 1 is not assumed: people put titles, dates and logos above their tables. A header is a row of labels: short,
distinct texts, at least one a known synonym, or else of another kind than what stands below them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from chalicelib.tables.columns import squeezed
from chalicelib.tables.raw import Row
from chalicelib.tables.rows import column_letters

LOOK_AT = 25
"""Non-blank rows among which the header must be."""
LOOK_BELOW = 50
"""Non-blank rows after those that serve as samples."""
_LONGEST_LABEL = 80
_LONGEST_NAME = 255

_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[\d.,' ]*\d[\d.,' ]*\s?[%€)]?$")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?$")
_TOTALS = frozenset({
    "total", "totals", "grandtotal", "subtotal", "subtotals", "sum", "summe", "gesamt", "gesamtsumme",
    "zwischensumme", "endsumme", "totalgeneral", "soustotal", "somme", "suma", "totale", "totaal", "subtotaal",
    "razem", "summa", "yhteensa", "ialt",
})
_TOTALS_BEGIN = frozenset(word[:3] for word in _TOTALS)


def find_header(rows: Sequence[Row], known: Callable[[str], bool]) -> int | None:
    """The place of the header among the first rows of a sheet (blank ones left out), or None where none looks like one.

    `known` tells whether a cell's text names a field. Among equals the earliest wins.
    """
    best, best_score = None, 0.0
    for place, (_number, cells) in enumerate(rows[:LOOK_AT]):
        score = _header_score(cells, rows[place + 1 : place + 11], known)
        if score > best_score:
            best, best_score = place, score
    return best


def unique_names(cells: Sequence[str]) -> list[str]:
    """A name for every column: the label on one line; `column C` where it is blank; ` (2)` where it is taken.

    Names that begin with `_` are ours, so theirs become `column _name`.
    """
    names: list[str] = []
    for place, cell in enumerate(cells):
        names.append(_unique(_name(cell, place), names))
    return names


def extra_name(place: int, names: Sequence[str]) -> str:
    """A name for a column beyond the header's last."""
    return _unique(_name("", place), names)


def is_totals(cells: Sequence[str], looks_typical: Callable[[int, str], bool]) -> bool:
    """A row such as `Grand total | | 12 | 3,400.00`: the word, and beside it numbers only.

    `looks_typical(place, text)` tells that a cell is what its column's field expects: a company named Total has a
    phone number, and is a lead.
    """
    filled = [(place, cell) for place, cell in enumerate(cells) if cell.strip()]
    if len(filled) < 2 or squeezed(filled[0][1][:_LONGEST_LABEL]) not in _TOTALS:
        return False
    return all(_NUMBER.match(cell.strip()) and not looks_typical(place, cell) for place, cell in filled[1:])


def may_say_total(cell: str) -> bool:
    """A cheap test that every totals row passes, for every row of a file."""
    return cell[:3].lower() in _TOTALS_BEGIN


def _header_score(cells: Sequence[str], below: Sequence[Row], known: Callable[[str], bool]) -> float:
    """0 for what cannot be a header. Known labels count most, then labels that differ in kind from what is below."""
    labels = [cell.strip() for cell in cells if cell.strip()]
    if not labels or (len(labels) > 1 and len({squeezed(label) for label in labels}) <= len(labels) // 2):
        return 0.0
    textual = sum(1 for label in labels if _is_label(label))
    if textual < len(labels) * 0.6:
        return 0.0
    hits = sum(1 for label in labels if _is_label(label) and known(label))
    if hits * 2 >= len(labels) or hits >= 2:
        return 10.0 * hits + textual / len(labels)
    contrast = _contrast(cells, below)
    if len(labels) < 2 or textual < len(labels) or not below:
        return 0.0
    if hits or contrast:
        return 3.0 * hits + contrast + 0.01 * len(labels)
    return 0.0


def _contrast(cells: Sequence[str], below: Sequence[Row]) -> float:
    """Columns whose label is text above mostly numbers, dates or e-mails."""
    count = 0
    for place, cell in enumerate(cells):
        values = [row[place].strip() for _number, row in below if place < len(row) and row[place].strip()]
        if cell.strip() and values and sum(1 for value in values if not _is_label(value)) * 2 > len(values):
            count += 1
    return float(count)


def _is_label(text: str) -> bool:
    return (
        len(text) <= _LONGEST_LABEL
        and "@" not in text
        and not _NUMBER.match(text)
        and not _DATE.match(text)
        and any(each.isalpha() for each in text)
        and not text.startswith(("http://", "https://", "www."))
    )


def _name(cell: str, place: int) -> str:
    label = " ".join(cell.split())[:_LONGEST_NAME]
    if not label:
        return f"column {column_letters(place)}"
    return f"column {label}" if label.startswith("_") else label


def _unique(name: str, taken: Sequence[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
