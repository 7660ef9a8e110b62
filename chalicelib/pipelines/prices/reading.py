"""A dropped file as items with their headings: rows that are none are skipped by name, so that every row is counted.

An item is a row as `tables.reading` gives it, with `_context` (headings over it, outermost first) and, in a bill,
`_list`: the price list that the job is pinned to. Batches need nothing else, so they are worked on in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.jobs.model import Item, RowId, SheetCount, row_id
from chalicelib.pipelines.prices.fields import BILL_FIELDS, LIST_FIELDS, short_names
from chalicelib.pipelines.prices.items import (
    LONGEST_DESCRIPTION,
    Cells,
    Kind,
    bill_kind,
    cells_of,
    heading_of,
    list_kind,
)
from chalicelib.pipelines.prices.sections import Sections
from chalicelib.tables.columns import FieldSpec, Memory
from chalicelib.tables.limits import Limits
from chalicelib.tables.reading import Reading as Table
from chalicelib.tables.reading import read_table
from chalicelib.tables.wording import squeezed

MOST_ITEMS, MOST_TEXT = 300_000, 60_000_000
"""Of one price list, items and their characters. By a generated list of 100,000 items a character with its share of
the index takes 13 bytes, so that a worker of 3 GB holds two such lists."""
Asked = Callable[[RowId], bool]
"""Whether a row takes part; a re-match leaves out what has a match."""
NOT_ASKED = "already_matched"
DRY = "_dry"
"""In the items of a dry run: the method, or that it is a list. A rehearsal sees nothing else of the options."""


def read_bill(
    path: str, file_name: str, *, limits: Limits, options: Mapping[str, Any], list_id: str = "",
    asked: Asked | None = None,
) -> Reading:
    """Rows to match, pinned to a price list."""
    more = {"_list": list_id} if list_id else {DRY: str(options.get("method") or "LOCAL")}
    return Reading(path, file_name, BILL_FIELDS, limits, options, kind=bill_kind, more=more, asked=asked,
                   most_text=0)


def read_list(
    path: str, file_name: str, *, limits: Limits, options: Mapping[str, Any], most_text: int = MOST_TEXT,
) -> Reading:
    """Items of a price list, within what a worker can hold."""
    fewer = replace(limits, max_rows=min(limits.max_rows, MOST_ITEMS))
    return Reading(path, file_name, LIST_FIELDS, fewer, options, kind=list_kind,
                   more={} if options.get("job") else {DRY: "LIST"}, asked=None,
                   most_text=most_text)


class Reading:
    """Items of a file. Walk it once, to the end; only then are `sheets` complete."""

    def __init__(
        self, path: str, file_name: str, fields: Sequence[FieldSpec], limits: Limits, options: Mapping[str, Any], *,
        kind: Callable[[Cells], Kind], more: Mapping[str, Any], asked: Asked | None, most_text: int,
    ) -> None:
        memory = options.get("memory")
        told = {**options, "memory": _with_short_names(memory if callable(memory) else None, fields)}
        self._kind, self._more, self._asked = kind, more, asked
        self._text, self._most_text = 0, most_text
        self._sections = Sections()
        self._skipped: dict[int, Counter[str]] = {}
        self._sheet = -1
        self._table: Table = read_table(path, file_name, fields=fields, limits=limits, options=told,
                                        on_section=self._heading)

    @property
    def sheets(self) -> tuple[SheetCount, ...]:
        """As the table counts them, with our own skips taken from its rows."""
        return tuple(self._counted(sheet) for sheet in self._table.sheets)

    @property
    def columns(self) -> Mapping[str, Mapping[str, str]]:
        return self._table.columns

    @property
    def mapped(self) -> Mapping[str, Sequence[Any]]:
        return self._table.mapped

    def __iter__(self) -> Iterator[Item]:
        columns: Mapping[str, Mapping[str, str]] = {}
        found = False
        for item in self._table:
            place = row_id(item)
            if place.sheet != self._sheet or not columns:
                self._enter(place.sheet)
                columns = self._table.columns
            if "_error" not in item:
                cells = cells_of(item, columns)
                kind = self._kind(cells)
                if kind is not Kind.ITEM:
                    self._skip(place.sheet, kind.value)
                    if kind is Kind.SECTION:
                        self._sections.add(*heading_of(item, cells))
                    continue
                self._weigh(cells)
            context = self._sections.path()
            if self._asked is not None and not self._asked(place):
                self._skip(place.sheet, NOT_ASKED)
                continue
            found = True
            yield {**item, **({"_context": list(context)} if context else {}), **self._more}

        if not found:
            raise FileRefused(FileProblem.NO_ROWS, "No row is without a match: there is nothing to match again."
                              if self._asked is not None else "No row has a quantity, a rate or a unit.")

    def _heading(self, sheet: int, _row: int, text: str) -> None:
        self._enter(sheet)
        self._sections.add(text)

    def _enter(self, sheet: int) -> None:
        if sheet != self._sheet:
            self._sheet = sheet
            self._sections.clear()

    def _weigh(self, cells: Cells) -> None:
        """A list is held in memory as a whole: one that is too long is refused before any of it is."""
        if self._most_text:
            self._text += sum(min(len(text), LONGEST_DESCRIPTION) for text in cells.values())
            if self._text > self._most_text:
                raise FileRefused(FileProblem.FILE_TOO_LARGE, "The price list holds more text than a worker can keep.",
                                  limit=self._most_text)

    def _skip(self, sheet: int, reason: str) -> None:
        self._skipped.setdefault(sheet, Counter())[reason] += 1

    def _counted(self, sheet: SheetCount) -> SheetCount:
        ours = self._skipped.get(sheet.index)
        if not ours:
            return sheet
        return replace(sheet, rows=sheet.rows - sum(ours.values()),
                       skipped={name: sheet.skipped.get(name, 0) + ours[name] for name in {**sheet.skipped, **ours}})


def no_list(message: str | None = None) -> FileRefused:
    """The refusal of a bill that there is nothing to match with."""
    return FileRefused(FileProblem.NO_PRICE_LIST, message, recoverable=True)


def _with_short_names(memory: Memory | None, fields: Sequence[FieldSpec]) -> Memory:
    """What is remembered for a sheet's headers, and headers of two letters that are known here (`EP`, `GP`)."""
    def ask(headers: Sequence[str], given: Mapping[str, str]) -> Mapping[str, str]:
        remembered = memory(headers, given) if memory is not None else {}
        settled = {**remembered, **{squeezed(header): field for header, field in given.items()}}
        return {**short_names(headers, fields, settled), **remembered}
    return ask
