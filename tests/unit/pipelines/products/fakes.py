"""A cache, leases, a spool and a Keepa in memory, for looking up codes without any service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.adapters.keepa_answers import KeepaAnswer, matched
from chalicelib.adapters.leases import Lease
from chalicelib.costs import Meter
from chalicelib.jobs.cutting import cut
from chalicelib.jobs.model import Item, Job, Status
from chalicelib.jobs.spool import Part, Spool
from chalicelib.local.fakes.keepa_products import fake_products, fake_search
from chalicelib.pipelines.products.codes import Code, Parameter
from chalicelib.pipelines.products.keepa_product import KeepaProduct
from chalicelib.pipelines.products.known import Known

JOB = Job("job", "ada", "products", Status.PROCESSING, "f.csv", "k", "2026-01-01T00:00:00.000Z",
          "2026-01-01T00:00:00.000Z", uploaded_at="2026-01-01T00:00:00.000Z", options={"catalog": "c"}, plan_parts=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.now.timestamp()


@dataclass
class Entries:
    """A cache that forgets nothing; `puts` counts how often something was put."""

    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)
    puts: int = 0

    def get_many(self, keys: Sequence[str], *, consistent: bool = False) -> dict[str, Mapping[str, Any]]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def put_many(self, entries: Mapping[str, Mapping[str, Any]], *, days: int) -> None:
        self.puts += 1
        self.kept |= entries
        self.days |= dict.fromkeys(entries, days)


@dataclass
class Taken:
    """Leases by name; those in `others` belong to somebody who lets go after `until` looks."""

    others: dict[str, int] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    on_look: Callable[[], None] = lambda: None

    def take(self, name: str, seconds: float) -> Lease:
        self.on_look()
        if self.others.get(name, 0) > 0:
            self.others[name] -= 1
            return Lease(name, "", 0.0)
        self.held.append(name)
        return Lease(name, "me", seconds)

    def give_back(self, lease: Lease) -> None:
        self.returned.append(lease.name)


@dataclass
class Client:
    """Keepa's client as the pipeline sees it; `fail` raises for the next calls."""

    asked: list[tuple[Parameter, tuple[str, ...]]] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    fail: list[Exception | None] = field(default_factory=list)
    leave: int = 0
    """Codes at the end of the next request that stay unasked."""

    def products(self, codes: Sequence[Code], *, deadline: float, meter: Meter | None = None) -> KeepaAnswer:
        self._fail()
        assert len({code.parameter for code in codes}) == 1
        left, self.leave = tuple(codes)[len(codes) - self.leave:] if self.leave else (), 0
        now = [code for code in codes if code not in left]
        self.asked.append((codes[0].parameter, tuple(code.asked for code in now)))
        found = [KeepaProduct.model_validate(each) for code in now for each in fake_products(code.asked)]
        return matched(now, found, 0) + KeepaAnswer(unasked=left)

    def search(self, title: str, *, deadline: float, meter: Meter | None = None) -> KeepaAnswer:
        self._fail()
        self.searched.append(title)
        return KeepaAnswer(tuple(KeepaProduct.model_validate(each) for each in fake_search(title)))

    def _fail(self) -> None:
        if self.fail and (error := self.fail.pop(0)):
            raise error


class Memory:
    """Blobs; `reads` lists the keys that were asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.reads: list[str] = []

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        self.kept[key] = body

    def get(self, key: str) -> bytes:
        self.reads.append(key)
        return self.kept[key]

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        return self.get(key)[offset:offset + length]


def known(entries: Entries, clock: Clock, *, days: int = 7, missing_days: int = 1) -> Known:
    return Known(entries, 1, days, missing_days, clock)


def items(codes: Sequence[str]) -> list[Item]:
    return [{"_worksheet": "S", "_sheet": 0, "_row": row, "Name": f"Jacket {row}", "UPC": code}
            for row, code in enumerate(codes, start=2)]


def spooled(blobs: Memory, codes: Sequence[str], *, batch: int, parts: Sequence[int], job_id: str = "job") -> None:
    """Spool rows with these codes in batches, so many batches in each part."""
    rows, columns = items(codes), {"S": {"Name": "name", "UPC": "upc"}}
    cuts = [cut(rows[start:start + batch], "products", columns) for start in range(0, len(rows), batch)]
    first = 1
    for number, count in enumerate(parts, start=1):
        part = Part(number, first)
        for each in cuts[first - 1:first - 1 + count]:
            part.add(each)
        Spool(blobs, job_id).write(part)
        first += count
