"""Which rows are the header, and which rows below it are not data: repeated headers, totals and section headings.

Row 1 is not assumed: people put titles, dates and logos above their tables. A header is a row of labels: short,
distinct texts, at least one a known synonym, or else of another kind than what stands below them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.tables.columns import squeezed
from chalicelib.tables.raw import Row
from chalicelib.tables.rows import column_letters

LOOK_AT = 25
"""Non-blank rows among which the header must be."""
LOOK_BELOW = 50
"""Non-blank rows after those that serve as samples."""
_LONGEST_LABEL = 80
_LONGEST_NAME = 255
_LONGEST_PART = 40
"""A label below a group: a size, a month, a part of an address."""

_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?[\d.,' ]*\d[\d.,' ]*\s?[%€)]?$")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?$")
_TOTALS = frozenset({
    "total", "totals", "grandtotal", "subtotal", "subtotals", "sum", "summe", "gesamt", "gesamtsumme",
    "zwischensumme", "endsumme", "totalgeneral", "soustotal", "somme", "suma", "totale", "totaal", "subtotaal",
    "razem", "summa", "yhteensa", "ialt",
})
TOTALS_BEGIN = frozenset(word[:3] for word in _TOTALS)
"""What the first filled cell of every totals row begins with, in lower case: a cheap test for every row of a file."""


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


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a sheet. `place` and `count` are rows of the sample, `cells` their labels in one row.

    `lines` are the labels of each row as they stand, by which a repeated header is known.
    """

    place: int
    count: int
    cells: list[str]
    lines: tuple[list[str], ...]


def whole_header(rows: Sequence[Row], place: int, known: Callable[[str], bool], first: int = 0) -> Header:
    """The header that row `place` belongs to: alone, or with the row above or below it, but none above `first`.

    Two rows are one header where groups stand above what they consist of (`Address` above `Street`, `City`) and other
    labels above nothing. Groups above a full row (`Home`, `Work` above `Phone`, `Phone`) only tell equal labels apart.
    """
    for top in (place, place - 1):
        if top >= first and top + 1 < len(rows) and _is_pair(rows[top], rows[top + 1], rows[top + 2 : top + 12]):
            upper, lower = rows[top][1], rows[top + 1][1]
            return Header(top, 2, _joined(upper, lower, known), (filled(upper), filled(lower)))
    cells = rows[place][1]
    if place and rows[place - 1][0] == rows[place][0] - 1:
        return Header(place, 1, _told_apart(rows[place - 1][1], cells), (filled(cells),))
    return Header(place, 1, cells, (filled(cells),))


def filled(cells: Sequence[str]) -> list[str]:
    """The texts of a row without its blanks."""
    return [cell.strip() for cell in cells if cell and not cell.isspace()]


def is_section(cells: Sequence[str], width: int, may_be_value: Callable[[int, str], bool]) -> bool:
    """A row of one label, in one of the first two columns of a table of three or more: a heading over what follows.

    Where the label may be a value of its column, the row is data: rather a reject that people see than a lost row.
    """
    if width < 3 or any(cell and not cell.isspace() for cell in cells[2:]):
        return False
    found = [(place, cell.strip()) for place, cell in enumerate(cells[:2]) if cell.strip()]
    return len(found) == 1 and _is_label(found[0][1]) and not may_be_value(*found[0])


class ColumnNames:
    """Names of a sheet's columns, all different: the label on one line; `column C` where it is blank; ` (2)` where it
    is taken. Names that begin with `_` are ours, so theirs become `column _name`.
    """

    def __init__(self, labels: Iterable[str] = ()) -> None:
        self.names: list[str] = []
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        for label in labels:
            self.add(label)

    def add(self, label: str = "") -> None:
        """Name the next column. As quick for the last of 16,384 equal labels as for the first."""
        name = free = _name(label, len(self.names))
        while free in self._taken:
            number = self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name} ({number})"
        self._taken.add(free)
        self.names.append(free)


def is_totals(cells: Sequence[str], looks_typical: Callable[[int, str], bool]) -> bool:
    """A row such as `Grand total | | 12 | 3,400.00`: the word, and beside it numbers only.

    `looks_typical(place, text)` tells that a cell is what its column's field expects: a company named Total has a
    phone number, and is a lead.
    """
    filled = [(place, cell) for place, cell in enumerate(cells) if cell.strip()]
    if len(filled) < 2 or squeezed(filled[0][1][:_LONGEST_LABEL]) not in _TOTALS:
        return False
    return all(_NUMBER.match(cell.strip()) and not looks_typical(place, cell) for place, cell in filled[1:])


def _is_pair(top: Row, bottom: Row, below: Sequence[Row]) -> bool:
    """Whether `bottom` only names what `top`'s groups consist of. Data would stand below the other labels too."""
    upper, lower = _places(top[1]), _places(bottom[1])
    if bottom[0] != top[0] + 1 or len(lower) < 2 or not all(_is_label(top[1][place]) for place in upper):
        return False
    if any(len(bottom[1][place].strip()) > _LONGEST_PART or "@" in bottom[1][place] for place in lower):
        return False
    groups = {start: [place for place in lower if place >= start and (end is None or place < end)]
              for start, end in zip(upper, [*upper[1:], None], strict=True)}
    split = {start: parts for start, parts in groups.items() if parts}
    plain = [start for start in upper if start not in split]
    if sum(map(len, split.values())) < len(lower) or not plain:
        return False
    if not all(len(parts) > 1 and parts[0] == start for start, parts in split.items()):
        return False
    return any(_fills(cells, plain) and _fills(cells, lower) for _number, cells in below)


def _joined(upper: Sequence[str], lower: Sequence[str], known: Callable[[str], bool]) -> list[str]:
    """One label a column: of the part alone where that names a field and stands once, else of group and part."""
    parts = [squeezed(cell) for cell in filled(lower)]
    labels: list[str] = []
    group = ""
    for place in range(max(len(upper), len(lower))):
        own = upper[place].strip() if place < len(upper) else ""
        part = lower[place].strip() if place < len(lower) else ""
        group = own or group
        alone = known(part) and parts.count(squeezed(part)) == 1
        labels.append((part if alone else f"{group} {part}") if part else own)
    return labels


def _told_apart(above: Sequence[str], cells: list[str]) -> list[str]:
    """Equal labels with the group that stands above them; all others as they are."""
    groups = _places(above)
    if not 2 <= len(groups) < len(_places(cells)) or not all(_is_label(above[place]) for place in groups):
        return cells
    labels = [squeezed(cell) for cell in cells]
    told: list[str] = []
    group = ""
    for place, cell in enumerate(cells):
        group = (above[place].strip() if place < len(above) else "") or group
        told.append(f"{group} {cell.strip()}" if group and cell.strip() and labels.count(labels[place]) > 1 else cell)
    return told


def _places(cells: Sequence[str]) -> list[int]:
    return [place for place, cell in enumerate(cells) if cell and not cell.isspace()]


def _fills(cells: Sequence[str], places: Sequence[int]) -> bool:
    return any(place < len(cells) and cells[place].strip() for place in places)


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
