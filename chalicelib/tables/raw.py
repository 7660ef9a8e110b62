"""The raw layer: every worksheet of a file as rows of text, whatever the format.

A row is `(number, cells)`: its physical number from 1, as the person sees it, and its cells as text from the first
column on. Rows without any text are not yielded; their numbers are missing instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from chalicelib.tables.limits import Limits
from chalicelib.tables.sniff import Kind, identify

Row: TypeAlias = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class RawSheet:
    """A worksheet. `rows` may be walked once, and before the next sheet is asked for."""

    index: int
    name: str
    hidden: bool
    rows: Iterator[Row]


def sheets(path: str, file_name: str, limits: Limits) -> Iterator[RawSheet]:
    """The worksheets of the file at `path`, in the workbook's order; `file_name` only breaks ties.

    Raises FileRefused, here or while rows are walked.
    """
    kind = identify(path, limits)
    if kind is Kind.TEXT:
        from chalicelib.tables.delimited import text_sheets

        return text_sheets(path, file_name, limits)
    if kind is Kind.XLSX:
        from chalicelib.tables.xlsx import workbook_sheets

        return workbook_sheets(path, limits)
    from chalicelib.tables.native import native_sheets

    return native_sheets(path, kind, limits)
