"""A dropped file as items: every worksheet, its header found, its columns mapped, every physical row accounted for.

An item is `{"_worksheet": ..., "_sheet": ..., "_row": ..., <header>: <text>, ...}` with blank cells left out and the
columns in their order. The worksheet of a csv file is `Sheet1`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from chalicelib.errors import FileProblem, FileRefused, RequestProblem, RequestRefused
from chalicelib.jobs.model import REJECT_COLUMNS, Item, SheetCount
from chalicelib.tables.columns import ColumnMap, FieldSpec, map_columns, squeezed
from chalicelib.tables.headers import (
    LOOK_AT,
    LOOK_BELOW,
    extra_name,
    find_header,
    is_totals,
    may_say_total,
    unique_names,
)
from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import RawSheet, Row, sheets

__all__ = ["Limits", "Reading", "read_table"]


def read_table(
    path: str,
    file_name: str,
    *,
    fields: Sequence[FieldSpec],
    limits: Limits | None = None,
    options: Mapping[str, Any] | None = None,
) -> Reading:
    """Read the local file at `path`; `file_name` is what the person called it.

    Options: `headerRow` (from 1, for all sheets) and `mapping` ({header: field, or "" for none}).
    Raises RequestRefused BAD_REQUEST for options that make no sense. While it is walked, the reading raises
    FileRefused; NO_HEADER and NO_ROWS at the end, when that is certain.
    """
    return Reading(path, file_name, fields, limits or Limits(), options or {})


class Reading:
    """Items of a file. Walk it once, to the end; only then are `sheets` and `columns` complete."""

    def __init__(
        self, path: str, file_name: str, fields: Sequence[FieldSpec], limits: Limits, options: Mapping[str, Any]
    ) -> None:
        self._path = path
        self._file_name = file_name
        self._fields = fields
        self._limits = limits
        self._header_row = _header_row(options)
        self._mapping = _mapping(options, fields)
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

    def __iter__(self) -> Iterator[Item]:
        total = 0
        for raw in sheets(self._path, self._file_name, self._limits):
            sheet = _Sheet(raw, self._fields, self._header_row, self._mapping)
            if sheet.columns is not None:
                self._maps[raw.name] = sheet.columns
            self._counts.append(sheet.count())
            for item in sheet.items():
                total += 1
                if total > self._limits.max_rows:
                    raise FileRefused(FileProblem.TOO_MANY_ROWS, limit=self._limits.max_rows)
                yield item
            self._counts[-1] = sheet.count()
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
        self, raw: RawSheet, fields: Sequence[FieldSpec], header_row: int | None, mapping: Mapping[str, str]
    ) -> None:
        self._raw = raw
        self._fields = {spec.name: spec for spec in fields}
        self._skipped: Counter[str] = Counter()
        self._rows_out = 0
        self._last = 0
        self._ahead: list[Row] = []
        self._names: list[str] = []
        self._used: list[str] = []
        self._labels: list[str] = []
        self.columns: ColumnMap | None = None
        known = _Known(fields, mapping)
        self._header = self._find_header(known) if header_row is None else self._take_header(header_row)
        if self._header is not None:
            self._map(self._header, fields, mapping)

    def items(self) -> Iterator[Item]:
        """Rows as items; sheets without a header have none, and their rows are counted."""
        if self._header is None:
            self._skip_rest()
            return
        worksheet, index, names, width = self._raw.name, self._raw.index, self._names, len(self._names)
        label = self._labels[0]
        for number, cells in chain(self._ahead, self._raw.rows):
            start = cells[0]
            if not start or start.isspace():
                start = _first_text(cells)
                if not start:
                    continue
            self._last = number
            if (start == label or may_say_total(start)) and self._is_furniture(cells):
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

    def count(self) -> SheetCount:
        """The account so far: physical = header + blank + skipped + rows."""
        header = int(self._header is not None)
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
            header_row=self._header[0] if self._header else None,
            columns=dict(self.columns.fields) if self.columns else {},
            headers=tuple(self._used),
        )

    def _find_header(self, known: _Known) -> Row | None:
        self._ahead = list(islice(_filled(self._raw.rows), LOOK_AT + LOOK_BELOW))
        place = find_header(self._ahead, known)
        if place is None:
            return None
        header = self._ahead[place]
        self._skip("preamble", place)
        self._last = header[0]
        self._ahead = self._ahead[place + 1 :]
        return header

    def _take_header(self, wanted: int) -> Row | None:
        """The header is where the person says; a blank row there means that this sheet has none."""
        rows = _filled(self._raw.rows)
        row = next(rows, None)
        while row is not None and row[0] < wanted:
            self._skip("preamble", 1)
            self._last = row[0]
            row = next(rows, None)
        if row is None or row[0] > wanted:
            self._ahead = [] if row is None else [row]
            return None
        self._last = wanted
        self._ahead = list(islice(rows, LOOK_BELOW))
        return row

    def _map(self, header: Row, fields: Sequence[FieldSpec], mapping: Mapping[str, str]) -> None:
        width = max((len(cells) for _number, cells in self._ahead), default=0)
        self._labels = [cell.strip() for cell in header[1] if cell.strip()]
        self._names = unique_names([*header[1], *[""] * (width - len(header[1]))])
        samples = {
            name: [cells[place] for _number, cells in self._ahead if place < len(cells) and cells[place].strip()]
            for place, name in enumerate(self._names)
        }
        self._used = [name for place, name in enumerate(self._names)
                      if samples[name] or (place < len(header[1]) and header[1][place].strip())]
        self.columns = map_columns(self._used, samples, fields, mapping)

    def _is_furniture(self, cells: list[str]) -> bool:
        if [cell.strip() for cell in cells if cell.strip()] == self._labels:
            self._skip("repeated_header", 1)
            return True
        if is_totals(cells, self._is_typical):
            self._skip("totals", 1)
            return True
        return False

    def _is_typical(self, place: int, text: str) -> bool:
        mapped = self.columns.fields if self.columns else {}
        spec = self._fields.get(mapped.get(self._names[place], "")) if place < len(self._names) else None
        return spec is not None and spec.looks_like is not None and spec.looks_like(text)

    def _widen(self, width: int) -> None:
        while len(self._names) < width:
            self._names.append(extra_name(len(self._names), self._names))

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
        return ", ".join(notes)


class _Known:
    """Whether a cell's text names a field: by an exact synonym, or in the mapping that came with the upload."""

    def __init__(self, fields: Sequence[FieldSpec], mapping: Mapping[str, str]) -> None:
        self._labels = {squeezed(text) for spec in fields for text in (spec.name, *spec.synonyms)}
        self._labels.update(squeezed(header) for header in mapping)

    def __call__(self, text: str) -> bool:
        label = squeezed(text)
        return text.strip() in REJECT_COLUMNS or label in self._labels or label.rstrip("0123456789") in self._labels


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
