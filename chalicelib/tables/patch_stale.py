"""Formulas whose stored results are wrong once cells are filled, so that those results must go.

Excel computes everything again when the outline asks for it. LibreOffice by default does not listen: it computes only
formulas that have no result stored (seen with 7.4). To keep all results, as readers need that compute nothing, and yet
show none that is wrong, results of just those formulas go that may depend on a filled column, directly or through
others. Columns, and not cells, are followed; what cannot be told (names, tables, INDIRECT) counts as dependent.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

from chalicelib.tables.cells import unescape
from chalicelib.tables.patch_xml import attributes, spliced
from chalicelib.tables.rows import column_letters, column_number

Read: TypeAlias = tuple[str, int, int]
"""A sheet's name in lower case ("" for the formula's own), first and last column from 0."""
Reads: TypeAlias = frozenset[Read] | None
"""All that a formula refers to; None where it cannot be told."""

_LAST_COLUMN = 16_383
_MOST = 50_000
"""Formulas of different columns that are told apart; further ones count as dependent."""
_ROUNDS = 40
_TOKEN = re.compile(
    r"""(?:(?P<sheet>'(?:[^']|'')+'|[\w.\[\]]+)!)?
        (?:\$?(?P<left>[A-Za-z]{1,3})\$?\d+(?::\$?(?P<right>[A-Za-z]{1,3})\$?\d+)?(?![\w(!.])
          |\$?(?P<first>[A-Za-z]{1,3}):\$?(?P<last>[A-Za-z]{1,3})(?![\w(!.])
          |(?P<rows>\$?\d+:\$?\d+)(?![\w.]))
      |(?P<function>[A-Za-z_][\w.]*)\(
      |(?P<constant>(?i:TRUE|FALSE))(?![\w.!])
      |\d[\d.]*(?:[eE][+-]?\d+)?(?![\w!])
      |\#[A-Z/0]+[!?]?
      |[-+*/^&=<>%,;(){}\s@]""",
    re.VERBOSE,
)
_DIGITS = re.compile(rb"(?<![A-Za-z_])[0-9]+|(?<=[A-Z])[0-9]+(?![A-Za-z(])")
_TEXTS = re.compile(r'"(?:[^"]|"")*"')
_ELSEWHERE = ("INDIRECT", "OFFSET", "_XLFN.", "CELL", "LAMBDA", "LET")
"""Functions that read cells which they do not name, or name things of their own."""


class Staleness:
    """Learns all formulas of a workbook in one walk; then tells which results do not hold. `names` are the sheets'."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._sheets = {name.lower(): index for index, name in names.items()}
        self._reads: dict[tuple[int, str], set[Reads]] = {}
        self._shared: dict[tuple[int, bytes], Reads] = {}
        self._learned = 0
        self._dirty: dict[int, list[int]] = {}
        self._answers: dict[tuple[int, Reads], bool] = {}
        self._known = True

    def learn(self, sheet: int, letters: bytes, named: bytes, text: bytes) -> None:
        """A formula: its cell's column (b"" where that is unknown), the attributes of its element, its text."""
        given = attributes(named)
        shared = given.get(b"t") == b"shared"
        if shared and not text:
            return
        reads = _reads_of(text)
        columns = [letters.decode()]
        if shared:
            corners = re.findall(rb"[A-Z]{1,3}", given.get(b"ref", b""))
            columns += _between(corners)
            # Its followers in other columns refer to other columns, too.
            reads = reads if len(set(corners)) == 1 else None
            if self._learned < _MOST:
                self._shared[sheet, given.get(b"si", b"")] = reads
        for column in columns:
            self._note((sheet, column), reads)

    def fill(self, columns: Mapping[int, Iterable[int]], *, known: bool) -> None:
        """These columns get values, by sheet: follow what depends on them.

        Unless the workbook `known` them before, no name and no table of its own reaches them, but a wide range may.
        """
        self._known = known
        self._answers = {}
        self._dirty = {sheet: sorted(found) for sheet, found in columns.items()}
        waiting = dict(self._reads)
        for round_ in range(_ROUNDS):
            before = len(waiting)
            for node in list(waiting):
                # Chains longer than any that people make are not followed to their end: all counts as reached.
                if round_ == _ROUNDS - 1 or any(self._hits(node[0], reads) for reads in waiting[node]):
                    self._reach(*node)
                    del waiting[node]
            if len(waiting) == before:
                break

    def touches(self, sheet: int) -> bool:
        """Whether some result of a sheet does not hold."""
        return any(self._hit(sheet, reads) for node, groups in self._reads.items() if node[0] == sheet
                   for reads in groups)

    def without_results(
        self, sheet: int, pattern: re.Pattern[bytes], raw: bytes, shadow: bytes
    ) -> tuple[bytes, bytes]:
        """A piece of the sheet and its shadow without those results; `pattern` is the grammar's `result`."""
        gone = [(*found.span("result"), b"") for found in pattern.finditer(shadow)
                if self._hit(sheet, self._of(sheet, found["attributes"].rstrip(b"/"), found["text"] or b""))]
        return (spliced(raw, gone), spliced(shadow, gone)) if gone else (raw, shadow)

    def _note(self, node: tuple[int, str], reads: Reads) -> None:
        groups = self._reads.setdefault(node, set())
        if reads not in groups:
            self._learned += 1
            groups.add(reads if self._learned < _MOST else None)

    def _reach(self, sheet: int, letters: str) -> None:
        dirty = self._dirty.setdefault(sheet, [])
        if not letters:
            dirty[:] = range(_LAST_COLUMN + 1)
        elif (column := column_number(letters)) not in dirty:
            insort(dirty, column)

    def _of(self, sheet: int, named: bytes, text: bytes) -> Reads:
        given = attributes(named)
        return self._shared.get((sheet, given.get(b"si", b""))) if given.get(b"t") == b"shared" else _reads_of(text)

    def _hit(self, sheet: int, reads: Reads) -> bool:
        found = self._answers.get((sheet, reads))
        if found is None:
            if len(self._answers) > _MOST:
                self._answers = {}
            found = self._answers[sheet, reads] = self._hits(sheet, reads)
        return found

    def _hits(self, sheet: int, reads: Reads) -> bool:
        if reads is None:
            return self._known
        for name, first, last in reads:
            dirty = self._dirty.get(self._sheets.get(name, -1) if name else sheet, [])
            at = bisect_left(dirty, first)
            if at < len(dirty) and dirty[at] <= last:
                return True
        return False


def _between(corners: list[bytes]) -> list[str]:
    if not corners:
        return []
    numbers = [column_number(each.decode()) for each in corners if len(each) <= 3]
    return [column_letters(column) for column in range(min(numbers), max(numbers) + 1)] if numbers else []


def _reads_of(text: bytes) -> Reads:
    # Rows do not matter, so formulas that are filled down a column are one.
    return _parsed(_DIGITS.sub(b"1", text))


@lru_cache(maxsize=4096)
def _parsed(text: bytes) -> Reads:
    formula = _TEXTS.sub("", unescape(text.decode("utf-8", "replace")))
    reads: set[Read] = set()
    at = 0
    while at < len(formula):
        found = _TOKEN.match(formula, at)
        if found is None or (found["function"] or "").upper().startswith(_ELSEWHERE):
            return None
        at = found.end()
        sheet = (found["sheet"] or "").strip("'").replace("''", "'").lower()
        if found["left"]:
            columns = sorted(column_number(each.upper()) for each in (found["left"], found["right"] or found["left"]))
        elif found["first"]:
            columns = sorted(column_number(each.upper()) for each in (found["first"], found["last"]))
        elif found["rows"]:
            columns = [0, _LAST_COLUMN]
        else:
            continue
        reads.add((sheet, columns[0], columns[1]))
    return frozenset(reads)
