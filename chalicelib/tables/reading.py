"""A dropped file as items: every worksheet, its header found, its columns mapped, every physical row accounted for.

An item is `{"_worksheet": ..., "_sheet": ..., "_row": ..., <header>: <text>, ...}` with blank cells left out and the
columns in their order. The worksheet of a csv file is `Sheet1`. Cells that are merged downwards count for each of
their rows. Rows that are no data (above the header, repeated headers, totals, section headings) are counted by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain, islice
from typing import Any, TypeAlias

from chalicelib.errors import FileProblem, FileRefused, RequestProblem, RequestRefused
from chalicelib.jobs.model import REJECT_COLUMNS, Item, SheetCount
from chalicelib.tables.columns import (
    ColumnMap,
    FieldSpec,
    MappedColumn,
    Memory,
    map_columns,
    map_nameless,
    squeezed,
)
from chalicelib.tables.headers import (
    LOOK_AT,
    LOOK_BELOW,
    TOTALS_BEGIN,
    ColumnNames,
    Header,
    filled,
    find_header,
    is_section,
    is_totals,
    whole_header,
)
from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import RawSheet, Row, sheets

MOST_NAMELESS = 1024
"""Columns of a table without a header; nobody writes more by heart, and weighing each takes its time."""

OnSection: TypeAlias = Callable[[int, int, str], None]
"""Told of each section heading that is left out: sheet index, row number, its text; before the item that follows."""

__all__ = ["Limits", "OnSection", "Reading", "read_table"]

MOST_TOLD = 1000
"""Columns of a file whose mapping is told with scores and reasons; the ledger keeps all sheets in one item."""


def read_table(
    path: str,
    file_name: str,
    *,
    fields: Sequence[FieldSpec],
    limits: Limits | None = None,
    options: Mapping[str, Any] | None = None,
    on_section: OnSection | None = None,
) -> Reading:
    """Read the local file at `path`; `file_name` is what the person called it.

    Options: `headerRow` (from 1, for all sheets) and `mapping` ({header: field, or "" for none}).
    Our own caller may add `memory`, a `columns.Memory`.
    Raises RequestRefused BAD_REQUEST for options that make no sense. While it is walked, the reading raises
    FileRefused; NO_HEADER and NO_ROWS at the end, when that is certain.
    """
    return Reading(path, file_name, fields, limits or Limits(), options or {}, on_section)


class Reading:
    """Items of a file. Walk it once, to the end; only then are `sheets` and `columns` complete."""

    def __init__(
        self, path: str, file_name: str, fields: Sequence[FieldSpec], limits: Limits, options: Mapping[str, Any],
        on_section: OnSection | None = None,
    ) -> None:
        self._path = path
        self._file_name = file_name
        self._fields = fields
        self._limits = limits
        self._on_section = on_section
        self._header_row = _header_row(options)
        self._mapping = _mapping(options, fields)
        self._memory: Memory = options["memory"] if callable(options.get("memory")) else _remember_nothing
        self._counts: list[SheetCount] = []
        self._maps: dict[str, ColumnMap] = {}

    @property
    def sheets(self) -> tuple[SheetCount, ...]:
        """One entry a worksheet walked so far; the last is open until its rows end."""
        return tuple(self._counts)

    @property
    def columns(self) -> dict[str, Mapping[str, str]]:
        """Worksheet -> header -> field. Complete for a worksheet when its first item comes."""
        return {name: found.fields for name, found in self._maps.items()}

    @property
    def scores(self) -> dict[str, Mapping[str, Mapping[str, float]]]:
        """Worksheet -> header -> field -> score."""
        return {name: found.scores for name, found in self._maps.items()}

    @property
    def mapped(self) -> dict[str, Sequence[MappedColumn]]:
        """Worksheet -> its columns in order, each with its field, score and reason."""
        return {name: found.columns for name, found in self._maps.items()}

    def __iter__(self) -> Iterator[Item]:
        total = 0
        for raw in sheets(self._path, self._file_name, self._limits):
            sheet = _Sheet(raw, self._fields, self._header_row, self._mapping, self._memory,
                           self._on_section)
            if sheet.columns is not None:
                self._maps[raw.name] = sheet.columns
            told = sum(len(count.mapping) for count in self._counts)
            self._counts.append(_telling(sheet.count(), MOST_TOLD - told))
            for item in sheet.items():
                total += 1
                if total > self._limits.max_rows:
                    raise FileRefused(FileProblem.TOO_MANY_ROWS, limit=self._limits.max_rows)
                yield item
            self._counts[-1] = _telling(sheet.count(), MOST_TOLD - told)
        self._check_result(total)

    def _check_result(self, total: int) -> None:
        if total:
            return
        if any(count.header for count in self._counts) or not any(count.physical for count in self._counts):
            raise FileRefused(FileProblem.NO_ROWS)
        raise FileRefused(FileProblem.NO_HEADER)


class _Sheet:
    """One worksheet while it is read: the header among its first rows, then items and what was skipped."""

    def __init__(
        self, raw: RawSheet, fields: Sequence[FieldSpec], header_row: int | None, mapping: Mapping[str, str],
        memory: Memory, on_section: OnSection | None,
    ) -> None:
        self._raw = raw
        self._fields = {spec.name: spec for spec in fields}
        self._mapping = mapping
        self._memory = memory
        self._on_section = on_section
        self._skipped: Counter[str] = Counter()
        self._rows_out = 0
        self._last = 0
        self._ahead: list[Row] = []
        self._namer = ColumnNames()
        self._names = self._namer.names
        self._used: list[str] = []
        self._header: Header | None = None
        self._header_row = 0
        self.columns: ColumnMap | None = None
        known = _Known(fields, mapping)
        if header_row is None:
            self._find_header(known)
        else:
            self._take_header(header_row, known)

    def items(self) -> Iterator[Item]:
        """Rows as items; sheets without a header have none, and their rows are counted."""
        if self._header is None:
            self._skip_rest()
            return
        worksheet, index, names, width = self._raw.name, self._raw.index, self._names, len(self._names)
        labels = {line[0] for line in self._header.lines}
        for number, cells in self._data():
            start = cells[0]
            if not start or start.isspace():
                start = _first_text(cells)
                if not start:
                    continue
            # A heading stands apart; the gap before it is also what keeps this test cheap.
            apart = number - self._last > 1
            self._last = number
            if (apart or start in labels or start[:3].lower() in TOTALS_BEGIN) and self._is_furniture(cells, apart):
                continue
            if len(cells) > width:
                self._widen(len(cells))
                width = len(names)
            self._rows_out += 1
            item: dict[str, Any] = {"_worksheet": worksheet, "_sheet": index, "_row": number}
            # A plain loop is the fastest way measured. Short rows simply end early; wide ones were given names above.
            for name, cell in zip(names, cells):  # noqa: B905
                if cell and not cell.isspace():
                    item[name] = cell
            yield item

    def _data(self) -> Iterator[Row]:
        """The rows below the header."""
        rows = chain(self._ahead, self._raw.rows)
        if not self._raw.merged:
            return rows
        from chalicelib.tables.merged import Merge, filled_down

        return filled_down(rows, [Merge(*each) for each in self._raw.merged], self._last)

    def count(self) -> SheetCount:
        """The account so far: physical = header + blank + skipped + rows."""
        header = self._header.count if self._header else 0
        skipped = dict(self._skipped)
        return SheetCount(
            index=self._raw.index,
            name=self._raw.name,
            physical=self._last,
            header=header,
            blank=self._last - header - sum(skipped.values()) - self._rows_out,
            skipped=skipped,
            rows=self._rows_out,
            note=self._note(),
            header_row=self._header_row or None,
            columns=dict(self.columns.fields) if self.columns else {},
            headers=tuple(self._used),
            mapping=tuple(asdict(one) for one in self.columns.columns) if self.columns else (),
        )

    def _find_header(self, known: _Known) -> None:
        self._ahead = list(islice(_filled(self._raw.rows), LOOK_AT + LOOK_BELOW))
        place = find_header(self._ahead, known)
        if place is not None:
            self._settle(whole_header(self._ahead, place, known))
        else:
            self._do_without()

    def _do_without(self) -> None:
        """A table without a header, where the cells alone say what two columns or more are."""
        if max((len(cells) for _number, cells in self._ahead), default=0) > MOST_NAMELESS:
            return
        samples = self._name_columns([])
        columns = map_nameless(self._used, samples, tuple(self._fields.values()))
        if columns is not None:
            self._header, self.columns = Header(0, 0, [], ()), columns

    def _take_header(self, wanted: int, known: _Known) -> None:
        """The header begins where the person says; a blank row there means that this sheet has none."""
        rows = _filled(self._raw.rows)
        before: list[Row] = []
        row = next(rows, None)
        while row is not None and row[0] < wanted:
            self._skip("preamble", len(before))
            self._last, before = row[0], [row]
            row = next(rows, None)
        self._ahead = [*before, *([] if row is None else [row]), *islice(rows, LOOK_BELOW)]
        if row is not None and row[0] == wanted:
            self._settle(whole_header(self._ahead, len(before), known, first=len(before)))

    def _settle(self, header: Header) -> None:
        self._header = header
        rows = self._ahead[header.place : header.place + header.count]
        self._skip("preamble", header.place)
        self._header_row, self._last = rows[0][0], rows[-1][0]
        self._ahead = self._ahead[header.place + header.count :]
        self._map(header.cells)

    def _map(self, header: list[str]) -> None:
        samples = self._name_columns(header)
        remembered = self._memory(self._used, self._mapping)
        self.columns = map_columns(self._used, samples, tuple(self._fields.values()), self._mapping, remembered)

    def _name_columns(self, header: list[str]) -> dict[str, list[str]]:
        """Give every column its name; answers some of its cells by name."""
        width = max((len(cells) for _number, cells in self._ahead), default=0)
        self._namer = ColumnNames([*header, *[""] * (width - len(header))])
        self._names = self._namer.names
        samples = {
            name: [cells[place] for _number, cells in self._ahead if place < len(cells) and cells[place].strip()]
            for place, name in enumerate(self._names)
        }
        self._used = [name for place, name in enumerate(self._names)
                      if samples[name] or (place < len(header) and header[place].strip())]
        return samples

    def _is_furniture(self, cells: list[str], apart: bool) -> bool:
        """Whether a row is no data; `apart` says that a blank row stands before it."""
        if self._header is not None and filled(cells) in self._header.lines:
            self._skip("repeated_header", 1)
        elif is_totals(cells, self._is_typical):
            self._skip("totals", 1)
        elif apart and is_section(cells, len(self._names), self._may_be_value):
            self._skip("section", 1)
            if self._on_section is not None:
                self._on_section(self._raw.index, self._last, _first_text(cells).strip())
        else:
            return False
        return True

    def _is_typical(self, place: int, text: str) -> bool:
        spec = self._field_of(place)
        return spec is not None and spec.looks_like is not None and spec.looks_like(text)

    def _may_be_value(self, place: int, text: str) -> bool:
        """A lone text below a field that takes any text may be a row that somebody left unfinished: it stays one."""
        spec = self._field_of(place)
        return spec is not None and (spec.looks_like is None or spec.looks_like(text))

    def _field_of(self, place: int) -> FieldSpec | None:
        mapped = self.columns.fields if self.columns else {}
        return self._fields.get(mapped.get(self._names[place], "")) if place < len(self._names) else None

    def _widen(self, width: int) -> None:
        while len(self._names) < width:
            self._namer.add()

    def _skip(self, reason: str, count: int) -> None:
        if count:
            self._skipped[reason] += count

    def _skip_rest(self) -> None:
        """A sheet without a header: all its rows are named as skipped, also those that stood before a wanted row."""
        self._skip("no_header", self._skipped.pop("preamble", 0))
        for number, _cells in chain(self._ahead, _filled(self._raw.rows)):
            self._skip("no_header", 1)
            self._last = number

    def _note(self) -> str:
        notes = ["hidden"] if self._raw.hidden else []
        if self._raw.note:
            notes.append(self._raw.note)
        elif not self._last:
            notes.append("empty")
        elif self._header is None:
            notes.append("no row looks like a header")
        elif not self._header.count:
            notes.append("no header; columns told by their cells")
        return ", ".join(notes)


class _Known:
    """Whether a cell's text names a field: by an exact synonym, by the mapping of the upload, or as ours."""

    def __init__(self, fields: Sequence[FieldSpec], mapping: Mapping[str, str]) -> None:
        self._labels = {squeezed(text) for spec in fields for text in (spec.name, *spec.synonyms)}
        self._labels.update(squeezed(header) for header in mapping)

    def __call__(self, text: str) -> bool:
        label = squeezed(text)
        return text.strip() in REJECT_COLUMNS or label in self._labels or label.rstrip("0123456789") in self._labels


def _telling(count: SheetCount, most: int) -> SheetCount:
    return replace(count, mapping=count.mapping[: max(most, 0)])


def _remember_nothing(_headers: Sequence[str], _given: Mapping[str, str]) -> Mapping[str, str]:
    return {}


def _filled(rows: Iterator[Row]) -> Iterator[Row]:
    return (row for row in rows if _first_text(row[1]))


def _first_text(cells: Sequence[str]) -> str:
    return next((cell for cell in cells if cell and not cell.isspace()), "")


def _header_row(options: Mapping[str, Any]) -> int | None:
    given = options.get("headerRow")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "headerRow must be a row number from 1.", headerRow=given)
    return given


def _mapping(options: Mapping[str, Any], fields: Sequence[FieldSpec]) -> Mapping[str, str]:
    given: object = options.get("mapping") or {}
    names = {spec.name for spec in fields} | {""}
    if not isinstance(given, Mapping):
        raise RequestRefused(RequestProblem.BAD_REQUEST, "mapping must be an object of header to field.")
    unknown = sorted(str(name) for name in given.values() if name not in names)
    if unknown:
        raise RequestRefused(RequestProblem.BAD_REQUEST, f"mapping names unknown fields: {', '.join(unknown)}.")
    return given
