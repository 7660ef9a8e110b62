"""Where the named columns of a file stand: for writing back into columns that it has already.

Items know their columns by name. This reads the heads of all sheets once more, the same way as their reading did, and
answers each name's column; the rows below are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.tables.columns import FieldSpec
from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import sheets
from chalicelib.tables.reading import _header_row, _mapping, _remember_nothing, _Sheet


@dataclass(frozen=True, slots=True)
class Head:
    """A sheet's header row (from 1; None without one) and its columns: name, as items have it, to index from 0."""

    header_row: int | None
    columns: Mapping[str, int]


def heads(
    path: str, file_name: str, *, fields: Sequence[FieldSpec], limits: Limits, options: Mapping[str, Any],
) -> dict[int, Head]:
    """Per sheet index its head; sheets without a table have none. Arguments and errors as of `reading.read_table`."""
    header_row, mapping = _header_row(options), _mapping(options, fields)
    found: dict[int, Head] = {}
    for raw in sheets(path, file_name, limits):
        sheet = _Sheet(raw, fields, header_row, mapping, _remember_nothing, None)
        if sheet.columns is not None:
            places = {name: place for place, name in enumerate(sheet._names)}
            found[raw.index] = Head(sheet.count().header_row, places)
    return found
