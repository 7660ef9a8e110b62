"""Stand-ins for the adapters of the edge: in memory, with the same promises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.adapters.api_keys import ApiKey
from chalicelib.adapters.lead_listing import INDEXES, Entry, Glimpse, Order, Skim
from chalicelib.adapters.leads import Lead, lead_item
from chalicelib.adapters.records import Record, RecordKey


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MemoryRecords:
    """`Records` without a table. `stored` is what a reader of the table would see."""

    def __init__(self, clock: Clock) -> None:
        self.stored: dict[RecordKey, Record] = {}
        self._clock = clock

    def get(self, key: RecordKey) -> Record | None:
        record = self.stored.get(key)
        return record if record and record.expires_at > self._clock().timestamp() else None

    def create(self, key: RecordKey, body: Mapping[str, Any], *, expires_at: int) -> Record | None:
        if self.get(key) is not None:
            return None
        return self._put(Record(key, json.loads(json.dumps(body)), 0, expires_at))

    def replace(self, record: Record, body: Mapping[str, Any], *, expires_at: int) -> Record | None:
        if not self._still(record):
            return None
        return self._put(Record(record.key, json.loads(json.dumps(body)), record.version + 1, expires_at))

    def delete(self, record: Record) -> None:
        if self._still(record):
            del self.stored[record.key]

    def _put(self, record: Record) -> Record:
        self.stored[record.key] = record
        return record

    def _still(self, record: Record) -> bool:
        return record.key in self.stored and self.stored[record.key].version == record.version


class MemoryKeys:
    """`ApiKeys` as far as the edge asks them."""

    def __init__(self, *keys: ApiKey) -> None:
        self.stored = {key.key_id: key for key in keys}
        self.writes = 0

    def get(self, key_id: str) -> ApiKey | None:
        return self.stored.get(key_id)

    def note_use(self, key: ApiKey, day: str) -> None:
        if key.used_day < day:
            self.writes += 1
            self.stored[key.key_id] = replace(key, used_day=day)


class MemoryListing:
    """`LeadListing` over a list of leads; `read` counts how many a reader took."""

    def __init__(self, leads: list[Lead]) -> None:
        self._leads = leads
        self.read = 0

    def walk(self, owner: str, order: Order, *, after: str = "", expect: int = 50) -> Iterator[Entry]:
        key = INDEXES[order.by][1]
        entries = sorted((Entry(lead_item(lead)[key], lead) for lead in self._leads if lead.owner == owner),
                         key=lambda entry: entry.position, reverse=order.descending)
        for entry in entries:
            if not after or (entry.position < after if order.descending else entry.position > after):
                self.read += 1
                yield entry

    def skim(
        self, owner: str, order: Order, fields: Sequence[str], *, after: str = "", expect: int = 50, most: int
    ) -> Skim:
        skim = Skim(iter(()))
        skim.glimpses = self._glimpses(owner, order, fields, after, most, skim)
        return skim

    def _glimpses(self, owner: str, order: Order, fields: Sequence[str], after: str, most: int,
                  skim: Skim) -> Iterator[Glimpse]:
        for place, entry in enumerate(self.walk(owner, order, after=after)):
            if place == most:
                self.read -= 1
                skim.cut = True
                return
            item = lead_item(entry.lead)
            values = {name: item[name] for name in fields if name in item}
            yield Glimpse(entry.position, {"pk": entry.lead.identity}, values)

    def fetch(self, glimpses: Sequence[Glimpse]) -> list[Lead]:
        by_identity = {lead.identity: lead for lead in self._leads}
        return [by_identity[glimpse.key["pk"]] for glimpse in glimpses]

    def count(self, owner: str, *, most: int) -> int | None:
        total = sum(lead.owner == owner for lead in self._leads)
        return total if total <= most else None
