"""What becomes of other projects' worst spreadsheets: rows or a documented code, in a function's time and memory.

Every file is read and cut into batches by what the splitter runs, in a process of its own that has imported the app,
with 512 MB and 10 CPU seconds. The files are not part of this repository: `../shared/data`, or DROPMILL_FILES.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.isolated import Ended, isolated
from benchmarks.report import Table

DATA = Path(os.environ.get("DROPMILL_FILES") or Path(__file__).resolve().parents[2] / "shared" / "data")
FOLDERS = ("sheets_*", "csv_*")
SECONDS, MEGABYTES = 10, 512
QUICK_SHARE = 8
"""A quick run takes every eighth file."""
ROWS = "rows"
BATCH = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one file ended: `ROWS`, a code of `FileProblem`, or a word of `isolated` that must never come."""

    path: Path
    word: str
    cpu: float
    peak: float

    @property
    def format(self) -> str:
        return self.path.suffix.lower().removeprefix(".") or "none"


def run(*, quick: bool) -> Table:
    paths = files()
    if not paths:
        return Table(f"There are no files in {DATA}", ("outcome",), ())
    return table(outcomes(paths[::QUICK_SHARE] if quick else paths))


def files() -> list[Path]:
    """All spreadsheets of the corpora, in a fixed order; none where they are absent."""
    found = (path for pattern in FOLDERS for folder in DATA.glob(pattern) for path in folder.rglob("*"))
    return sorted(path for path in found if path.is_file() and path.name not in ("ORIGIN.md", "LICENSE"))


def outcomes(paths: Iterable[Path]) -> list[Outcome]:
    import app  # noqa: F401 - as in the function, its memory counts
    import chalicelib.pipelines.leads.fields
    import chalicelib.tables.reading  # noqa: F401 - a warm function has it

    return [_outcome(path, isolated(lambda path=path: split(path), seconds=SECONDS, megabytes=MEGABYTES))  # type: ignore[misc]
            for path in paths]


def words(paths: list[str]) -> dict[str, str]:
    """Path -> how it ended, for a caller in another process: this one imports the app, and forks."""
    return {str(each.path): each.word for each in outcomes(map(Path, paths))}


def split(path: Path) -> str:
    """Read and cut one file; answers `ROWS` or the code of its refusal."""
    from chalicelib.errors import FileRefused
    from chalicelib.jobs.cutting import cut
    from chalicelib.pipelines.leads.fields import FIELDS
    from chalicelib.tables.reading import read_table

    reading = read_table(str(path), path.name, fields=FIELDS)
    items, rows = iter(reading), 0
    try:
        while batch := list(itertools.islice(items, BATCH)):
            rows += cut(batch, "leads", reading.columns).rows
    except FileRefused as refused:
        return str(refused.code)
    assert rows == sum(sheet.rows for sheet in reading.sheets) > 0
    return ROWS


def table(found: Iterable[Outcome]) -> Table:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    by_format: dict[str, list[Outcome]] = defaultdict(list)
    for each in found:
        counts[each.word][each.format] += 1
        by_format[each.format].append(each)
    formats = sorted(by_format, key=lambda name: (-len(by_format[name]), name))
    lines = [(word, *(str(counts[word][name] or "") for name in formats), str(counts[word].total()))
             for word in sorted(counts, key=lambda word: (word != ROWS, -counts[word].total(), word))]
    every = list(itertools.chain.from_iterable(by_format.values()))
    groups = [*(by_format[name] for name in formats), every]
    lines += [("files", *(str(len(group)) for group in groups)),
              ("worst CPU s", *(f"{max(each.cpu for each in group):.2f}" for group in groups)),
              ("worst peak MB", *(f"{max(each.peak for each in group):.0f}" for group in groups))]
    return Table(f"{len(every)} spreadsheets of other projects, with {MEGABYTES} MB and {SECONDS} s each",
                 ("outcome", *formats, "all"), tuple(lines), (_worst(every),))


def _outcome(path: Path, ended: Ended) -> Outcome:
    return Outcome(path, ended.ending or ended.answer, ended.cpu, ended.peak)


def _worst(every: list[Outcome]) -> str:
    slow, large = max(every, key=lambda each: each.cpu), max(every, key=lambda each: each.peak)
    return (f"Slowest: {slow.path.name}; largest: {large.path.name}. Memory is the function's with the app imported, "
            "and its reading child's.")
