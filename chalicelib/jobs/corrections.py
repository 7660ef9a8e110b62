"""A file of rejects that comes back: its rows are linked to the rows of the job that rejected them.

Whoever downloads rejects gets their original columns and six of ours. Corrected and dropped again, the file is a job
like any other, except that our columns are no content, that a row is read by the mapping of the sheet it came from,
and that it says which row it corrects. A link counts only where that row is a reject of a job of the same owner and
pipeline; any other is passed over, its row is processed all the same.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.jobs.model import REJECT_COLUMNS, Item, Job, SheetCount
from chalicelib.jobs.pipeline import Reading
from chalicelib.jobs.transitions import Change

if TYPE_CHECKING:
    from chalicelib.adapters.ledger import Ledger

OURS = tuple(f"column {name}" for name in REJECT_COLUMNS)
"""Our columns under the names that a reader gives them: what begins with `_` is not a person's."""
JOB, SHEET, ROW, *_ = OURS
MOST_PARENTS = 50
LARGEST_BATCH = 20
"""Rows of a linked batch: each may need one write more than others, and a transaction takes a hundred."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A job whose rejects came back. `rejects` holds the rejected rows of each sheet, sorted."""

    job: Job
    sheets: Mapping[str, SheetCount]
    rejects: Mapping[int, array[int]]

    def rejected(self, sheet: int, row: int) -> bool:
        rows = self.rejects.get(sheet, array("L"))
        place = bisect_left(rows, row)
        return place < len(rows) and rows[place] == row


@dataclass(slots=True)
class Links:
    """What the file of a job is linked to, found out while it is read."""

    child: Job
    ledger: Ledger
    parents: dict[str, Parent | None] = field(default_factory=dict)
    met: list[str] = field(default_factory=list)
    """The jobs that the file corrects, in the order of its rows."""
    linked: int = 0
    ignored: int = 0

    @property
    def first(self) -> str:
        return next(iter(self.met), "")

    def origin(self, job_id: str, worksheet: str, row: str) -> tuple[Parent, SheetCount, int] | None:
        """The reject that these cells name, if there is such a one."""
        parent = self._parent(job_id.strip())
        sheet = parent.sheets.get(worksheet) if parent else None
        number = _row_number(row)
        if parent is None or sheet is None or not parent.rejected(sheet.index, number):
            self.ignored += 1
            return None
        self.linked += 1
        if parent.job.job_id not in self.met:
            self.met.append(parent.job.job_id)
        return parent, sheet, number

    def _parent(self, job_id: str) -> Parent | None:
        if job_id not in self.parents and len(self.parents) < MOST_PARENTS:
            self.parents[job_id] = _found(job_id, self.child, self.ledger)
        return self.parents.get(job_id)


class Linked:
    """A reading whose rows say which rejects they correct; any other file passes through as it is."""

    def __init__(self, reading: Reading, links: Links) -> None:
        self._reading = reading
        self._links = links
        self._labels: dict[tuple[str, str, str], str] = {}
        self._columns: dict[str, Mapping[str, str]] = {}

    @property
    def sheets(self) -> Sequence[SheetCount]:
        return self._reading.sheets

    @property
    def columns(self) -> Mapping[str, Mapping[str, str]]:
        return {**self._reading.columns, **self._columns} if self._columns else self._reading.columns

    @property
    def mapped(self) -> Mapping[str, Sequence[Any]]:
        return self._reading.mapped

    @property
    def returned(self) -> bool:
        """Whether any row so far is linked."""
        return self._links.linked > 0

    def __iter__(self) -> Iterator[Item]:
        sheet, ours = -1, False
        for item in self._reading:
            if item["_sheet"] != sheet:
                sheet = item["_sheet"]
                ours = set(OURS[:3]) <= set(self._reading.sheets[-1].headers)
            yield self._link(item) if ours else item

    def _link(self, item: Item) -> Item:
        content = {name: value for name, value in item.items() if name not in OURS}
        if not any(str(item.get(name, "")).strip() for name in OURS[:3]):
            return content
        origin = self._links.origin(str(item.get(JOB, "")), str(item.get(SHEET, "")), str(item.get(ROW, "")))
        if origin is None:
            return content
        parent, sheet, row = origin
        cells = {_unguarded_name(name, sheet): _unguarded(value) for name, value in content.items()
                 if not name.startswith("_")}
        own = str(item["_worksheet"])
        return {"_worksheet": self._label(own, parent, sheet), "_sheet": item["_sheet"], "_row": item["_row"],
                "_own": own, "_from": {"job": parent.job.job_id, "sha256": parent.job.sha256, "sheet": sheet.index,
                                       "worksheet": sheet.name, "row": row}, **cells}

    def _label(self, own: str, parent: Parent, sheet: SheetCount) -> str:
        """The name under which the mapping of these rows travels: that of the sheet they came from."""
        key = (own, parent.job.job_id, sheet.name)
        if key not in self._labels:
            label = sheet.name
            while label in self._columns or (label != own and label in self._reading.columns):
                label += "'"
            self._labels[key] = label
            self._columns[label] = self._mapping(own, sheet)
        return self._labels[key]

    def _mapping(self, own: str, sheet: SheetCount) -> Mapping[str, str]:
        """As the sheet was read the first time; columns that are new in the file by what they say themselves."""
        mine = self._reading.columns.get(own, {})
        if self._links.child.options.get("mapping") or not sheet.headers:
            return mine
        mapped = dict(sheet.columns)
        for name, meaning in mine.items():
            if _unguarded_name(name, sheet) not in sheet.headers and meaning not in mapped.values():
                mapped[name] = meaning
        return mapped


def corrects(job: Job, *, run: int, parent: str, ignored: int) -> Change | None:
    """The job is a corrected file of rejects. None when it says so already, or is no longer being planned."""
    if (job.parent_job_id, job.unlinked) == (parent, ignored) or job.planned or job.run != run:
        return None
    return Change(assign={"parent_job_id": parent, "unlinked": ignored}, require={"run": job.run, "planned": False})


def corrected_by(parent: Job, *, child: str) -> Change | None:
    """The job's rejects have come back, corrected, as another job. None when it says so already."""
    if child in parent.corrected_by:
        return None
    return Change(assign={"corrected_by": [*parent.corrected_by, child]}, add={"corrections": 1},
                  require={"corrections": parent.corrections})


def _found(job_id: str, child: Job, ledger: Ledger) -> Parent | None:
    """The job, if it is one whose rejects this child may correct."""
    job = ledger.job(job_id) if job_id.replace("_", "").isalnum() else None
    if job is None or (job.owner, job.pipeline) != (child.owner, child.pipeline) or job.job_id == child.job_id:
        return None
    rejects: dict[int, array[int]] = {}
    names: dict[str, SheetCount] = {sheet.name: sheet for sheet in ledger.sheets(job_id)}
    for detail in ledger.batches(job_id, job.batches_total):
        for reject in detail.entry.rejects:
            rejects.setdefault(reject.sheet, array("L")).append(reject.row)
            if reject.worksheet not in names:  # rows from outside have no sheets
                names[reject.worksheet] = SheetCount(reject.sheet, reject.worksheet, 0, 0, 0, {}, 0)
    return Parent(job, names, {sheet: array("L", sorted(rows)) for sheet, rows in rejects.items()})


def _row_number(text: str) -> int:
    """`17`, also as a spreadsheet program may write it back; 0 for anything else."""
    try:
        return int(float(text.strip().replace(",", ".")))
    except (ValueError, OverflowError):
        return 0


def _unguarded(value: Any) -> Any:
    """Our CSV puts an apostrophe before what a program would run; here it comes back."""
    if isinstance(value, str) and value[:1] == "'" and value[1:2] in ("=", "+", "-", "@", "\t", "\r", "\n"):
        return value[1:]
    return value


def _unguarded_name(name: str, sheet: SheetCount) -> str:
    return name[1:] if name not in sheet.headers and name[:1] == "'" and name[1:] in sheet.headers else name
