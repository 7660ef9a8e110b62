"""Values written back into the very workbook that somebody dropped, with all that it held kept.

Loading a workbook with a library and saving it loses what the library does not know: charts, pictures, form controls,
sparklines, rich text, pivot caches. So nothing is loaded here. Every member of the archive is copied as it lies there,
compressed; only worksheets that get cells are rewritten, as a stream, and the few parts that must follow: styles (new
number formats), the outline (formulas are computed again on opening).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.archive import Archive, Meter
from chalicelib.tables.limits import Limits
from chalicelib.tables.package import open_workbook
from chalicelib.tables.packed import fill, gunzipped, is_litter
from chalicelib.tables.patch_archive import ArchiveCopy
from chalicelib.tables.patch_edits import (
    Format,
    NewColumn,
    PatchReport,
    SheetEdits,
    SheetReport,
    Target,
    Unpatchable,
    Value,
)
from chalicelib.tables.patch_outline import Outline
from chalicelib.tables.patch_sheet import SheetPatch, forgotten, places
from chalicelib.tables.patch_stale import Staleness
from chalicelib.tables.patch_styles import Styles
from chalicelib.tables.patch_survey import Survey
from chalicelib.tables.patch_text import patch_text
from chalicelib.tables.patch_xml import whole
from chalicelib.tables.sniff import Kind, identify

__all__ = ["Format", "NewColumn", "PatchReport", "SheetEdits", "SheetReport", "Target", "Unpatchable", "Value",
           "last_used_column", "patch_csv", "patch_file", "patch_workbook"]

_NO_LIMITS = Limits()


def patch_file(
    source: str, file_name: str, target: str, edits: Mapping[int, SheetEdits], *, limits: Limits = _NO_LIMITS
) -> PatchReport:
    """Patch what `source` is, a workbook or text, alone or packed; the report's `kind` is what `target` became.

    Raises as `patch_workbook` and `patch_csv` do.
    """
    with _plain(source, file_name, limits) as (path, name, kind):
        return _patch_plain(path, name, kind, target, edits, limits)


def patch_workbook(
    source: str, target: str, edits: Mapping[int, SheetEdits], *, limits: Limits = _NO_LIMITS
) -> PatchReport:
    """Write `edits` into a copy of the workbook (xlsx, xlsm; also alone in a gzip or zip archive).

    Keys are the sheet indexes that readers give (from 0, hidden sheets and charts counted). Memory does not grow with
    the file. Raises Unpatchable for other formats and where there is no room, FileRefused for what reading refuses,
    ValueError for edits of a sheet that is none; then there is no `target`.
    """
    with _plain(source, "", limits) as (path, name, kind):
        if kind is not Kind.XLSX:
            raise Unpatchable(f"Files of kind {kind.value} cannot be written into.")
        return _patch_plain(path, name, kind, target, edits, limits)


def patch_csv(
    source: str, file_name: str, target: str, edits: Mapping[int, SheetEdits], *, limits: Limits = _NO_LIMITS
) -> PatchReport:
    """Append new columns to a text file in its own delimiter, encoding and newlines; each record keeps its bytes.

    Row numbers count records, as readers do; of a packed file the target is the plain one. Raises as `patch_workbook`.
    """
    with _plain(source, file_name, limits) as (path, name, kind):
        if kind is not Kind.TEXT:
            raise Unpatchable(f"Files of kind {kind.value} are not text.")
        return _patch_plain(path, name, kind, target, edits, limits)


def last_used_column(source: str, sheet: int, *, limits: Limits = _NO_LIMITS) -> int:
    """The index from 0 of the last column with content in a sheet of a workbook, -1 where there is none."""
    with _plain(source, "", limits) as (path, _name, _kind), Archive(path, limits) as archive:
        return Survey(archive.chunks(_parts(archive)[sheet]), limits).last_column


def _patch_plain(
    path: str, name: str, kind: Kind, target: str, edits: Mapping[int, SheetEdits], limits: Limits
) -> PatchReport:
    try:
        if kind is Kind.XLSX:
            return _patched(path, target, edits, limits)
        if kind is Kind.TEXT:
            return patch_text(path, name, target, edits, limits)
        raise Unpatchable(f"Files of kind {kind.value} cannot be written into.")
    except BaseException:
        Path(target).unlink(missing_ok=True)
        raise


def _patched(path: str, target: str, edits: Mapping[int, SheetEdits], limits: Limits) -> PatchReport:
    reports: dict[int, SheetReport] = {}
    # Each walk has a meter of its own: two of them over an honest workbook must not look like a bomb.
    with Archive(path, limits) as first, Archive(path, limits) as second, ArchiveCopy(path, target) as copy:
        if first.encrypted:
            raise FileRefused(FileProblem.ENCRYPTED_WORKBOOK)
        book = open_workbook(first).sheets
        parts = {sheet.index: sheet.part for sheet in book}
        if unknown := set(edits) - set(parts):
            raise ValueError(f"The workbook has no worksheets {sorted(unknown)}.")
        outline = Outline(first, formulas_go=_formulas_go(edits))
        styles = Styles(whole(second.chunks(outline.styles_part)) if outline.styles_part in second else b"")
        stale = Staleness({sheet.index: sheet.name for sheet in book})
        surveys = _surveys(first, parts, edits, stale, limits)
        stale.fill({index: places(each, surveys[index]) for index, each in edits.items()},
                   known=any(_targets(edits)))
        sheets = {_plain_name(parts[index]): index for index in surveys if index in edits or stale.touches(index)}
        last = {_plain_name(part): content for part, content in outline.changed.items()}
        styles_name, dropped = _plain_name(outline.styles_part), _plain_name(outline.dropped)
        waiting, seen = [], set()
        for info in first.files:
            member = _plain_name(info.filename)
            if member in seen:
                # Of two members of one name, programs open one; what they open must be what was written.
                continue
            seen.add(member)
            if member in sheets:
                index = sheets[member]
                forget = partial(stale.without_results, index) if stale.touches(index) else None
                with copy.replace(info) as out:
                    if index in edits:
                        patch = SheetPatch(edits[index], surveys[index], styles, from_1904=outline.from_1904,
                                           forget=forget)
                        patch.run(second.chunks(member), out, limits)
                        reports[index] = patch.report
                    elif forget is not None:
                        forgotten(second.chunks(member), out, limits, forget)
            elif member == styles_name or member in last:
                waiting.append(info)
            elif member != dropped:
                copy.keep(info)
        for info in waiting:
            member = _plain_name(info.filename)
            if member == styles_name and not styles.changed:
                copy.keep(info)
                continue
            with copy.replace(info) as out:
                out.write(styles.xml() if member == styles_name else last[member])
    return PatchReport(reports, Kind.XLSX)


def _surveys(
    archive: Archive, parts: Mapping[int, str], edits: Mapping[int, SheetEdits], stale: Staleness, limits: Limits
) -> dict[int, Survey]:
    """All sheets are walked, because formulas of any may depend on those that are filled."""
    found: dict[int, Survey] = {}
    for index, part in parts.items():
        try:
            found[index] = Survey(archive.chunks(part), limits, partial(stale.learn, index))
        except Unpatchable:
            if index in edits:
                raise
    return found


def _parts(archive: Archive) -> dict[int, str]:
    return {sheet.index: sheet.part for sheet in open_workbook(archive).sheets}


def _formulas_go(edits: Mapping[int, SheetEdits]) -> bool:
    return any(not column.keep_formulas for column in _targets(edits))


def _targets(edits: Mapping[int, SheetEdits]) -> Iterator[Target]:
    return (column for each in edits.values() for column in each.columns if isinstance(column, Target))


def _plain_name(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


@contextlib.contextmanager
def _plain(source: str, file_name: str, limits: Limits) -> Iterator[tuple[str, str, Kind]]:
    """The file, its name and its kind; one that is packed alone is unpacked for as long as it is needed."""
    kind = identify(source, limits)
    if kind not in (Kind.GZIP, Kind.ZIP):
        yield source, file_name, kind
        return
    meter = Meter(source, limits)
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        room = str(Path(folder) / "unpacked")
        if kind is Kind.GZIP:
            fill(room, gunzipped(source, meter))
            yield room, file_name.removesuffix(".gz"), identify(room, limits)
            return
        with Archive(source, limits, meter) as archive:
            files = [info for info in archive.files if not is_litter(info.filename)]
            if len(files) != 1:
                raise Unpatchable("The archive holds several files.")
            fill(room, archive.unpacked(files[0]))
        yield room, files[0].filename, identify(room, limits)
