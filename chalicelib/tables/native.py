"""Old Excel (.xls), binary Excel (.xlsb) and OpenDocument (.ods) through python-calamine, in a child process.

The library is fast and reads nearly everything, but it holds whole sheets, and on hostile files it panics or aborts
the process (2 of 3,016 surveyed files). A child with a limit on memory and CPU takes that blow; rows come back over a
pipe as JSON lines. No pool: Lambda has no /dev/shm.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any

from chalicelib.errors import FileProblem, FileRefused
from chalicelib.tables.cells import clock_text, float_text
from chalicelib.tables.limits import Limits
from chalicelib.tables.raw import RawSheet, Row
from chalicelib.tables.sniff import Kind

_ROWS_A_LINE = 200
_MOST_MERGES = 20_000
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from chalicelib.tables.native import main; main()"


def native_sheets(path: str, kind: Kind, limits: Limits) -> Iterator[RawSheet]:
    """Sheets of a workbook that only the native library reads. Raises FileRefused; a dead child is CORRUPT_FILE."""
    with tempfile.TemporaryDirectory(prefix="dropmill-") as folder:
        # The library goes by the name's ending; without one it no longer tells a locked workbook from a broken one.
        named = Path(folder) / f"workbook.{kind}"
        named.symlink_to(Path(path).resolve())
        yield from _through_child(str(named), kind, limits)


def _through_child(path: str, kind: Kind, limits: Limits) -> Iterator[RawSheet]:
    # The child finds our packages where we found them; nothing of the file reaches its command line but the path.
    arguments = [sys.executable, "-c", _START, json.dumps(sys.path), path, str(kind), *_numbers(limits)]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)  # noqa: S603
    assert child.stdout is not None
    try:
        yield from _sheets(_Lines(child.stdout))
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


class _Lines:
    """JSON lines with one line of look-ahead; the end of the pipe without a closing line means that the child died."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._ahead: dict[str, Any] | None = None

    def peek(self) -> dict[str, Any]:
        if self._ahead is None:
            line = self._pipe.readline()
            if not line.endswith(b"\n"):
                raise FileRefused(FileProblem.CORRUPT_FILE, "The workbook could not be read within its limits.")
            self._ahead = json.loads(line)
            _raise_refusal(self._ahead)
        return self._ahead

    def take(self) -> dict[str, Any]:
        line = self.peek()
        self._ahead = None
        return line


def _raise_refusal(line: dict[str, Any]) -> None:
    if "refused" in line:
        raise FileRefused(FileProblem[line["refused"]], line["message"] or None)


def _sheets(lines: _Lines) -> Iterator[RawSheet]:
    while "end" not in lines.peek():
        head = lines.take()
        rows = _rows(lines)
        yield RawSheet(head["index"], head["sheet"], head["hidden"], rows, merged=head["merged"])
        for _row in rows:
            pass  # What the reader left is in the pipe before the next sheet.


def _rows(lines: _Lines) -> Iterator[Row]:
    while "rows" in lines.peek():
        yield from map(tuple, lines.take()["rows"])


def _numbers(limits: Limits) -> list[str]:
    return [str(each) for each in (limits.native_bytes, limits.native_seconds, limits.max_columns,
                                   limits.max_cell_chars)]


def main() -> None:
    """The child: read the workbook named on the command line, write its rows to standard output."""
    _packages, path, kind, *numbers = sys.argv[1:]
    memory, seconds, most_columns, most_chars = map(int, numbers)
    _restrict(memory, seconds)
    out = sys.stdout
    try:
        for line in _lines(path, Kind(kind), most_columns, most_chars):
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
    except FileRefused as error:
        out.write(json.dumps({"refused": str(error.code), "message": error.message}) + "\n")
    except BrokenPipeError:
        pass  # The reader has seen enough.
    # The library's panics are no Exception; anything it throws means that it cannot read this file.
    except BaseException as error:
        out.write(json.dumps({"refused": str(_code(error)), "message": ""}) + "\n")
    out.flush()


def _restrict(memory: int, seconds: int) -> None:
    """Limits of this process; never above those that it was started under, which nobody may raise."""
    import resource

    for kind, soft, hard in ((resource.RLIMIT_CORE, 0, 0), (resource.RLIMIT_AS, memory, memory),
                             (resource.RLIMIT_CPU, seconds, seconds + 1)):
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))


def _code(error: BaseException) -> FileProblem:
    if type(error).__name__ == "PasswordError":
        return FileProblem.ENCRYPTED_WORKBOOK
    return FileProblem.CORRUPT_FILE


def _lines(path: str, kind: Kind, most_columns: int, most_chars: int) -> Iterator[dict[str, Any]]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    _refuse_entities(path, kind)
    with CalamineWorkbook.from_path(path) as workbook:
        for index, about in enumerate(workbook.sheets_metadata):
            if about.typ is not SheetTypeEnum.WorkSheet:
                continue
            batch: list[Row] = []
            sheet = workbook.get_sheet_by_index(index)
            yield {"sheet": about.name, "index": index, "hidden": about.visible is not SheetVisibleEnum.Visible,
                   "merged": _merged(sheet)}
            # Rows come from the sheet's first on, cells only from the first column that is used.
            indent = sheet.start[1] if sheet.start else 0
            for number, cells in enumerate(sheet.iter_rows(), 1):
                texts = _texts(cells, indent, most_columns, most_chars, number)
                if texts:
                    batch.append((number, texts))
                if len(batch) == _ROWS_A_LINE:
                    yield {"rows": batch}
                    batch = []
            if batch:
                yield {"rows": batch}
    yield {"end": True}


def _merged(sheet: Any) -> list[tuple[int, int, int]]:
    """Downward merges as `RawSheet` has them; the library knows them for xls only."""
    found = [(top + 1, bottom + 1, left) for (top, left), (bottom, _right) in sheet.merged_cell_ranges or ()
             if bottom > top]
    return sorted(found)[:_MOST_MERGES]


def _refuse_entities(path: str, kind: Kind) -> None:
    if kind is not Kind.ODS:
        return
    from chalicelib.tables.archive import Archive
    from chalicelib.tables.markup import refuse_doctype

    with Archive(path, Limits()) as archive:
        for name in ("content.xml", "styles.xml", "meta.xml"):
            if name in archive:
                for chunk in archive.chunks(name):
                    refuse_doctype(chunk)


def _texts(cells: Sequence[Any], indent: int, most_columns: int, most_chars: int, number: int) -> list[str]:
    texts = [_text(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    if not texts:
        return texts
    if indent + len(texts) > most_columns:
        raise FileRefused(FileProblem.TOO_MANY_COLUMNS)
    if max(map(len, texts)) > most_chars:
        raise FileRefused(FileProblem.CELL_TOO_LONG, f"A cell in row {number} is longer than {most_chars} characters.")
    return [""] * indent + texts


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return float_text(cell) if math.isfinite(cell) else str(cell)
    if isinstance(cell, (datetime, time)):
        shown = cell.isoformat(timespec="milliseconds" if cell.microsecond >= 1000 else "seconds")
        return shown.removesuffix("T00:00:00")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return clock_text(round(cell / timedelta(milliseconds=1)))
    return str(cell)
