"""Taking a person out of what is kept of rows, in place: every row stays a row, so that all counts stay true.

Pure. Whose rows they are is told by a test of e-mail addresses, so that nobody here needs the address itself. A row is
theirs when any of its cells holds such an address. Of such a row the place remains (sheet, number, outcome, code) and
nothing that the person or anybody else wrote into it. Redacting twice changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import DropmillError
from chalicelib.jobs.model import Item, RowId, row_id

ERASED = "[erased]"
"""Stands where a text was that a person reads, so that it does not look lost."""
_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:\"'|/\\]+@[^\s<>()\[\]{},;:\"'|/\\]+")

Columns = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the person, with the columns of its batch: what else is known by it can be found from that."""

    item: Item
    columns: Columns


@dataclass(slots=True)
class Redactor:
    """Takes out the rows of one person. `theirs` tells of an e-mail address whether it is the person's."""

    theirs: Callable[[str], bool]
    rows: set[RowId] = field(default_factory=set)
    """Rows that were found to be theirs; what the ledger says of these goes, whatever it is."""

    def mentions(self, value: Any) -> bool:
        """Whether the person's address stands anywhere in a value, however deep."""
        if isinstance(value, Mapping):
            return any(map(self.mentions, value.values())) or any(map(self.mentions, value))
        if isinstance(value, list | tuple):
            return any(map(self.mentions, value))
        return isinstance(value, str) and "@" in value and any(
            self.theirs(found.strip(".")) for found in _ADDRESS.findall(value))

    def find(self, text: bytes) -> Iterator[Found]:
        """The person's rows in a spooled batch or a spooled row."""
        if b"@" not in text and b"\\u0040" not in text:
            return
        content = json.loads(text)
        columns: Columns = content.get("columns") or {}
        for item in _items(content):
            if self.mentions(_cells(item)):
                if "_row" in item:
                    self.rows.add(row_id(item))
                yield Found(item, columns)

    def text(self, text: bytes) -> bytes:
        """A spooled batch without the person's cells, and exactly as long: others know where in its part it lies."""
        content = json.loads(text)
        changed = False
        for item in _items(content):
            if self.mentions(_cells(item)):
                item.update(dict.fromkeys(_cells(item), ""))
                changed = True
        return _as_long(content, text) if changed else text

    def detail(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the ledger keeps of a settled batch, without the person; the same object where there was nothing."""
        rejects = [self._reject(reject) for reject in body.get("rejects", [])]
        duplicates = [self._duplicate(duplicate) for duplicate in body.get("duplicates", [])]
        warnings = {row: self._warnings(row, texts) for row, texts in body.get("warnings", {}).items()}
        clean = {**body, "rejects": rejects, "duplicates": duplicates, "warnings": warnings}
        return body if clean == body else clean

    def _reject(self, reject: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._concerned(reject, ("cells", "message")):
            return reject
        return {**reject, "cells": dict.fromkeys(reject.get("cells", {}), ""), "message": ERASED}

    def _duplicate(self, duplicate: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._concerned(duplicate, ("old", "new")):
            return duplicate
        return {**duplicate, "old": {}, "new": {}}

    def _warnings(self, row: str, texts: list[str]) -> list[str]:
        sheet, _, number = row.partition(":")
        if RowId(int(sheet), int(number)) in self.rows or self.mentions(texts):
            return [ERASED for _ in texts]
        return texts

    def _concerned(self, entry: Mapping[str, Any], names: tuple[str, ...]) -> bool:
        return RowId(entry["sheet"], entry["row"]) in self.rows or any(self.mentions(entry.get(name)) for name in names)


def _items(content: Any) -> list[dict[str, Any]]:
    """The rows of a spooled batch, of a message that was kept, or the one row itself."""
    lists = [value for value in content.values() if isinstance(value, list)]
    return [item for each in lists for item in each if isinstance(item, dict)] if lists else [content]


def _cells(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if not name.startswith("_")}


def _as_long(content: Any, before: bytes) -> bytes:
    """JSON takes blanks behind it, so what became shorter is filled up."""
    after = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    if len(after) > len(before):
        raise DropmillError("a redacted batch is longer than it was", before=len(before), after=len(after))
    return after.ljust(len(before))
