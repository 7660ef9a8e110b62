"""How the command line speaks to a person: a job in a few lines, a progress bar on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

OUTCOMES = ("new", "updated", "unchanged", "superseded", "rejected", "cancelled", "failed", "pending")


def say(message: str) -> None:
    """One line on stderr: stdout is for results."""
    sys.stderr.write(plain(message) + "\n")
    sys.stderr.flush()


def plain(text: str) -> str:
    """Without control characters: names and messages come from strangers, and a terminal obeys escape sequences."""
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)


def line(job: Mapping[str, Any]) -> str:
    """One job on one line of a listing."""
    percentage = f"{(job.get('progress') or {}).get('percentage', 0)} %"
    name = (job.get("metadata") or {}).get("fileName") or job.get("fileName") or ""
    return plain(f"{job.get('jobId')}  {job.get('status'):<10}  {percentage:>5}  "
                 f"{str(job.get('createdAt'))[:19]}  {name}")


def summary(job: Mapping[str, Any], seconds: float | None = None) -> str:
    """A job in a few lines: how it stands, how its rows add up, what to do next."""
    progress = job.get("progress") or {}
    lines = [line(job) + (f"  ({seconds:.1f} s)" if seconds is not None else "")]
    counts = row_counts(job)
    if any(counts.values()):
        lines.append(f"  rows     {sum(counts.values())}{_terms(counts)}")
    if progress.get("totalBatches"):
        lines.append(f"  batches  {progress.get('completedBatches', 0)} of {progress['totalBatches']} done, "
                     f"{progress.get('failedBatches', 0)} failed")
    lines += [plain(f"  {label:<8} {text}") for label, text in _remarks(job, counts)]
    return "\n".join(lines)


def proof(report: Mapping[str, Any]) -> str:
    """A report in lines that a person can add up, sheet by sheet; ends with the verdict."""
    lines = [f"{report.get('fileName')}  {report.get('status')}  as of {report.get('asOf')}",
             f"  sha256 {report.get('sha256')}"]
    for sheet in report.get("sheets") or ():
        skipped = "".join(f" + {count} {reason}" for reason, count in (sheet.get("skipped") or {}).items())
        lines.append(f"  {sheet.get('worksheet')}: {sheet.get('physical')} physical = {sheet.get('header')} header + "
                     f"{sheet.get('blank')} blank{skipped} + {sheet.get('rows')} rows{_terms(sheet.get('outcomes'))}"
                     + (f"; {sheet['note']}" if sheet.get("note") else ""))
    counts = row_counts(report)
    lines.append(f"  all: {sum(counts.values())} rows{_terms(counts)}")
    lines += [f"  failed: {each['worksheet']} rows {each['first']} to {each['last']}"
              for each in report.get("failedRows") or ()]
    balanced = (report.get("balance") or {}).get("balanced")
    lines.append("  balanced: every row is accounted for" if balanced else "  NOT balanced; --json names what differs")
    return "\n".join(map(plain, lines))


def rehearsal(told: Mapping[str, Any]) -> str:
    """A dry run in lines: sheets with their columns, first rejects, and what the job would take."""
    estimate = told.get("estimate") or {}
    lines = [f"{told.get('fileName')}  dry run: {told.get('rows')} rows" + ("" if told.get("complete") else " or more")]
    if error := told.get("error"):
        lines.append(f"  error    {error.get('code')}: {error.get('message')}")
    if told.get("duplicateOf"):
        lines.append(f"  same as  {told['duplicateOf']}: these bytes were dropped before")
    for sheet in told.get("sheets") or ():
        lines.append(f"  {sheet['worksheet']}: {sheet['rows']} rows, header in row {sheet['headerRow']}"
                     + (f"; {sheet['note']}" if sheet.get("note") else ""))
        lines += [f"    {column['header']} -> {column['field'] or 'remarks'} ({column['score']:.2f})"
                  for column in sheet["columns"]]
    lines += [f"  reject   {each['worksheet']} row {each['row']}: {each['code']}" for each in told.get("rejects") or ()]
    if told.get("checkedRows"):
        lines.append(f"  rejects  {told['checkedRejects']} of the first {told['checkedRows']} rows, about "
                     f"{told['estimatedRejects']} in all")
    if estimate:
        lines.append(f"  would take about {estimate['minutes']:.1f} minutes, {estimate['batches']} batches, "
                     f"{estimate['aiCalls']} AI calls, {estimate['usd']:.4f} USD; nothing was stored")
    return "\n".join(map(plain, lines))


def row_counts(job: Mapping[str, Any]) -> dict[str, int]:
    """The terms of the invariant, in its order; their sum is the number of rows."""
    rows = job.get("rows")
    return {word: int(rows.get(word) or 0) for word in OUTCOMES} if isinstance(rows, Mapping) else {}


class Progress:
    """A bar, or nothing at all: `bar` is tqdm's where there is one to draw."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar

    def add(self, amount: int) -> None:
        if self._bar is not None:
            self._bar.update(amount)

    def reach(self, done: int, total: int, remark: str) -> None:
        if self._bar is not None and total:
            self._bar.total, self._bar.n = total, done
            self._bar.set_postfix_str(remark)


@contextmanager
def progress(label: str, total: int | None, unit: str) -> Iterator[Progress]:
    """Draw on stderr while the block runs, if that is a terminal. `unit` "B" counts bytes in powers of ten."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    try:
        from tqdm import tqdm
    except ImportError:  # a comfort of the development environment, not a requirement
        say(f"{label} ...")
        yield Progress()
        return
    with tqdm(total=total, desc=plain(label), unit=unit, unit_scale=unit == "B", leave=False) as bar:
        yield Progress(bar)


def _terms(counts: Mapping[str, Any] | None) -> str:
    terms = [f"{counts[word]} {word}" for word in OUTCOMES if counts.get(word)] if counts else []
    return f" = {' + '.join(terms)}" if terms else ""


def _remarks(job: Mapping[str, Any], counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    error = job.get("error")
    if job.get("duplicateOf"):
        yield "same as", f"{job['duplicateOf']}: these bytes were dropped before; --again runs them anew"
    if job.get("paused"):
        yield "paused", str(job["paused"])
    if isinstance(error, Mapping):
        yield "error", f"{error.get('code')}: {error.get('message')}"
    if counts.get("rejected"):
        yield "next", f"rejects {job.get('jobId')} -o rejects.csv"
    if counts.get("failed"):
        yield "next", f"retry {job.get('jobId')} --wait"
