"""Tables of figures, printed as Markdown so that what the terminal shows is what the README holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


@dataclass(frozen=True, slots=True)
class Table:
    """One benchmark's answer. The first column is text, all others are figures; `notes` are whole sentences."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        widths = [max(len(line[place]) for line in (self.head, *self.rows)) for place in range(len(self.head))]
        rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
        lines = [_line(self.head, widths), rule, *(_line(row, widths) for row in self.rows)]
        notes = [text for note in self.notes for text in ("", note)]
        return "\n".join([f"**{self.title}**", "", *lines, *notes, ""])


def write_into_readme(name: str, text: str) -> None:
    """Replace what stands between the README's markers of a benchmark. Raises ValueError when it has none."""
    pattern = re.compile(rf"(<!-- bench:{re.escape(name)} -->\n).*?(<!-- /bench -->)", re.DOTALL)
    whole, count = pattern.subn(lambda found: found[1] + text + found[2], README.read_text(encoding="utf-8"))
    if not count:
        raise ValueError(f"README.md has no place for the benchmark {name}")
    README.write_text(whole, encoding="utf-8")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    figures = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return f"| {' | '.join([cells[0].ljust(widths[0]), *figures])} |"
