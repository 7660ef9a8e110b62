"""Section headings of a bill or a list: which of them stand over a row, outermost first.

A sheet says nothing about levels, so they are told by how headings are written and how they follow each other:

- Headings that follow each other without an item in between are nested: `EARTHWORKS`, then `Excavation`.
- A heading that is numbered or capitalised like one that stands open closes it: `B CONCRETE` closes `A EARTHWORKS`.
- Otherwise a run of so many headings replaces as many of the innermost: `Filling` after `Excavation` is its neighbour.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LONGEST_HEADING = 160
MOST_LEVELS = 5
_PLAIN = "plain"
_NUMBERED = re.compile(
    r"(?:section|part|bill|chapter|titel|abschnitt|lot|chapitre|cap[íi]tulo)?\s*"
    r"(?P<mark>(?:[a-z]\.?)?\d{1,3}(?:\.\d{1,3})*|[ivxl]{1,5}|[a-z])(?P<end>[.):\-–]\s*|\s+)(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and how it is written."""

    text: str
    style: str


@dataclass(slots=True)
class Sections:
    """The headings that are open while a sheet is read from top to bottom."""

    _open: list[Heading] = field(default_factory=list)
    _run: list[Heading] = field(default_factory=list)
    _path: tuple[str, ...] = ()

    def clear(self) -> None:
        """Another sheet begins."""
        self._open, self._run, self._path = [], [], ()

    def add(self, text: str, mark: str = "") -> None:
        """A heading; `mark` is what stands in its column of numbers, if it has one."""
        plain = " ".join(text.split())[:LONGEST_HEADING]
        if plain:
            heading = Heading(plain, style_of(f"{mark} {plain}" if mark else plain))
            if self._run and heading.style == self._run[-1].style and heading.style.startswith("number"):
                self._run.pop()  # the section before it is empty
            self._run.append(heading)

    def path(self) -> tuple[str, ...]:
        """The headings over an item that stands here."""
        if self._run:
            kept = self._kept(self._run)
            self._open = [*self._open[:kept], *self._run][-MOST_LEVELS:]
            self._run = []
            self._path = tuple(heading.text for heading in self._open)
        return self._path

    def _kept(self, run: list[Heading]) -> int:
        first = run[0].style
        if first != _PLAIN:
            alike = [place for place, heading in enumerate(self._open) if heading.style == first]
            if alike:
                return alike[0]
        return max(0, len(self._open) - len(run))


def style_of(text: str) -> str:
    """`number 2` for `1.2 Filling`, `letter` for `A. Earthworks`, `capitals`, else `plain`."""
    found = _NUMBERED.match(text)
    if found:
        mark = found["mark"]
        if mark[-1].isdigit():
            return f"number {mark.count('.') + 1}"
        if found["end"].strip() or mark.isupper():
            return "number roman" if len(mark) > 1 else "number letter"
    return "capitals" if sum(map(str.isupper, text)) > 2 and text.isupper() else _PLAIN
