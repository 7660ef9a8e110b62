"""The raw layer: every worksheet of a file as rows of text, whatever the format.

A row is `(number, cells)`: its physical number from 1, as the person sees it, and its cells as text from the first
column on. Rows without any text are not yielded; their numbers are missing instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from chalicelib.tables.archive import Meter
from chalicelib.tables.limits import Limits
from chalicelib.tables.sniff import Kind, identify

Row: TypeAlias = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class RawSheet:
    """A worksheet. `rows` may be walked once, and before the next sheet is asked for.

    `note` says why there are no rows where something else than a worksheet stands for one (a file in an archive).
    """

    index: int
    name: str
    hidden: bool
    rows: Iterator[Row]
    note: str = ""
    merged: Sequence[tuple[int, int, int]] = ()
    """Cells merged downwards: first and last row from 1, column from 0."""


def sheets(path: str, file_name: str, limits: Limits) -> Iterator[RawSheet]:
    """The worksheets of the file at `path`, in the workbook's order; `file_name` only breaks ties.

    Raises FileRefused, here or while rows are walked.
    """
    kind = identify(path, limits)
    if kind in (Kind.ZIP, Kind.GZIP):
        from chalicelib.tables.packed import packed_sheets

        return packed_sheets(path, file_name, kind, limits)
    return plain_sheets(path, file_name, kind, limits)


def plain_sheets(
    path: str, file_name: str, kind: Kind, limits: Limits, meter: Meter | None = None
) -> Iterator[RawSheet]:
    """As `sheets`, of a file that is known not to be packed; `meter` counts for the archive that it came from."""
    if kind is Kind.TEXT:
        from chalicelib.tables.delimited import text_sheets

        return text_sheets(path, file_name, limits)
    if kind is Kind.XLSX:
        from chalicelib.tables.xlsx import workbook_sheets

        return workbook_sheets(path, limits, meter)
    from chalicelib.tables.native import native_sheets

    return native_sheets(path, kind, limits)
