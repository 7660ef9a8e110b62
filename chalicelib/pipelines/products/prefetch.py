"""Look-ups of a whole stretch of a file at once: a request to Keepa takes a hundred codes, a batch has twenty.

The distinct codes of a part of the spool, in order, cut into runs of a hundred, are *groups*. They follow from the file
alone, so every worker cuts the same ones. A batch that misses a code takes the lease of the code's group and fetches
what of the group nobody knows yet, for all; who finds the lease taken looks into the cache until the answer is there.
A holder that was killed is followed by another when its lease ends.

A part bounds what is held in memory, however many rows a catalogue has; a process keeps the last two.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from chalicelib.costs import Meter
from chalicelib.errors import Waiting
from chalicelib.jobs.model import Job
from chalicelib.jobs.spool import Slice, Spool, Store
from chalicelib.pipelines.products.codes import Code, Parameter
from chalicelib.pipelines.products.keepa_data import best, enriched
from chalicelib.pipelines.products.keepa_product import KeepaProduct
from chalicelib.pipelines.products.known import Known, Lookup
from chalicelib.pipelines.products.records import codes_of

GROUP = 100
KEPT_PARTS = 2
KEPT_RANGES = 1000
LEASE_MARGIN = 3.0
"""Seconds that a lease outlasts the time its holder gives itself."""
PATIENCE = 4.0
"""Seconds of looking for another's answer before the batch is handed back."""
POLL = 0.25
HAND_BACK = 5.0
MAX_HINT = 200


class Wanted(NamedTuple):
    """A code to be looked up; `title` tells its products apart where it has several."""

    code: Code
    title: str


class Group(NamedTuple):
    """Codes that are fetched together; they share their parameter."""

    name: str
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one part. `place` tells in which of them a code is, by its key."""

    all: tuple[Group, ...] = ()
    place: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, groups: Iterable[Group]) -> Groups:
        made = tuple(groups)
        return cls(made, {each.code.key: place for place, group in enumerate(made) for each in group.wanted})


class Answer(Protocol):
    @property
    def found(self) -> Mapping[str, tuple[KeepaProduct, ...]]: ...
    @property
    def unasked(self) -> tuple[Code, ...]: ...


class Provider(Protocol):
    """What we need of Keepa."""

    def products(self, codes: Sequence[Code], *, deadline: float, meter: Meter | None = None) -> Answer: ...


class Lease(Protocol):
    @property
    def mine(self) -> bool: ...
    @property
    def until(self) -> float: ...


class Leases(Protocol):
    def take(self, name: str, seconds: float) -> Any: ...
    def give_back(self, lease: Any) -> None: ...


@dataclass(slots=True)
class Parts:
    """The groups of spooled parts, the last ones kept. `part_batches` is where the search for a batch begins."""

    blobs: Store
    part_batches: int
    _kept: OrderedDict[tuple[str, int], Groups] = field(default_factory=OrderedDict)
    _ranges: OrderedDict[tuple[str, int], tuple[int, int]] = field(default_factory=OrderedDict)

    def groups(self, job: Job, number: int) -> Groups:
        """The groups of the part that holds a batch; none for batches from outside, and once the spool is gone."""
        if job.outside or not job.plan_parts:
            return Groups()
        try:
            part = self._part_of(job, number)
            return self._groups(job, part) if part else Groups()
        except KeyError:
            return Groups()

    def _part_of(self, job: Job, number: int) -> int:
        """Mostly the first guess: parts are full, unless rows are long."""
        low, high = 1, job.plan_parts
        part = min(high, (number - 1) // self.part_batches + 1)
        while low <= high:
            first, last = self._range(job, part)
            if first <= number <= last:
                return part
            low, high = (part + 1, high) if number > last else (low, part - 1)
            part = (low + high) // 2
        return 0

    def _range(self, job: Job, part: int) -> tuple[int, int]:
        key = (job.job_id, part)
        if key not in self._ranges:
            index = Spool(self.blobs, job.job_id).index(part)
            _keep(self._ranges, key, (index[0].number, index[-1].number), KEPT_RANGES)
        return self._ranges[key]

    def _groups(self, job: Job, part: int) -> Groups:
        key = (job.job_id, part)
        if key not in self._kept:
            spool = Spool(self.blobs, job.job_id)
            wanted = _wanted_of(spool.texts(part, spool.index(part)))
            _keep(self._kept, key, Groups.of(cut(f"{job.job_id}/{part}", wanted)), KEPT_PARTS)
        return self._kept[key]


def cut(name: str, wanted: Iterable[Wanted]) -> Iterator[Group]:
    """Distinct codes, in order, as groups; ASINs and other codes go in requests of their own."""
    distinct: dict[str, Wanted] = {}
    for each in wanted:
        distinct.setdefault(each.code.key, each)
    for parameter in Parameter:
        some = [each for each in distinct.values() if each.code.parameter is parameter]
        for start in range(0, len(some), GROUP):
            yield Group(f"{name}/{parameter.value}/{start // GROUP}", tuple(some[start:start + GROUP]))


def covering(wanted: Sequence[Wanted], groups: Groups, name: str) -> list[Group]:
    """The groups that hold these codes; those that no group holds (they travelled by claim check) make their own."""
    places = {groups.place.get(each.code.key, -1): None for each in wanted}
    chosen = [groups.all[place] for place in places if place >= 0]
    return [*chosen, *cut(name, [each for each in wanted if each.code.key not in groups.place])]


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetches groups for one attempt on a batch. `seconds` are left for it; `call_timeout` bounds one group."""

    keepa: Provider
    known: Known
    leases: Leases
    job_id: str
    seconds: Callable[[], float]
    call_timeout: float
    meter: Meter
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def group(self, group: Group, keys: frozenset[str], found: dict[str, Lookup]) -> None:
        """Have the answers for `keys`, codes of the group, in `found`: by fetching, or by waiting for who does.

        Raises what the provider raises, and Waiting where another is at it for longer than we have patience.
        """
        slept = 0.0
        while keys - found.keys():
            budget = min(self.call_timeout, self.seconds())
            if budget <= 0:
                raise Waiting(0, "deadline")
            lease = self.leases.take(f"keepa/{group.name}", budget + LEASE_MARGIN)
            if lease.mine:
                try:
                    self._fetch(group, keys, found, budget)
                finally:
                    self.leases.give_back(lease)
                return
            if slept >= min(PATIENCE, self.seconds()):
                left = lease.until - self.known.clock().timestamp()
                raise Waiting(min(HAND_BACK, max(1.0, left)), "lease")
            self.sleep(POLL)
            slept += POLL
            found |= self.known.of(keys - found.keys(), self.job_id)

    def alone(self, wanted: Sequence[Wanted], found: dict[str, Lookup]) -> None:
        """Fetch codes that are nobody else's business."""
        for group in cut("", wanted):
            self._fetch(group, frozenset(each.code.key for each in group.wanted), found,
                        min(self.call_timeout, self.seconds()))

    def _fetch(self, group: Group, keys: frozenset[str], found: dict[str, Lookup], budget: float) -> None:
        """Every answer is in the cache before the lease goes, also those for others, also when a later call fails."""
        found |= self.known.of((each.code.key for each in group.wanted), self.job_id, consistent=True)
        ends = self.monotonic() + budget
        open_ = {each.code.key: each for each in group.wanted if each.code.key not in found}
        while open_ and keys - found.keys():
            answer = self.keepa.products([each.code for each in open_.values()], meter=self.meter,
                                         deadline=max(0.0, ends - self.monotonic()))
            unasked = {code.key for code in answer.unasked}
            told = {key: self._told(each, answer) for key, each in open_.items() if key not in unasked}
            found |= self.known.learn(told, self.job_id)
            open_ = {key: each for key, each in open_.items() if key in unasked}

    def _told(self, wanted: Wanted, answer: Answer) -> Mapping[str, Any] | None:
        several = answer.found.get(wanted.code.key, ())
        if not several:
            return None
        product = best(several, wanted.code, wanted.title) or several[0]
        return enriched(product, domain=self.known.domain, term=wanted.code.value, at=self.known.clock())


def _wanted_of(texts: Iterable[tuple[Slice, bytes]]) -> Iterator[Wanted]:
    """The surest code of every row."""
    for _, text in texts:
        body = json.loads(text)
        columns = body.pop("columns", {})
        for item in next(iter(body.values())):
            if "_claim" in item or "_error" in item:
                continue
            codes, title = codes_of(item, columns.get(item["_worksheet"], {}))
            if codes:
                yield Wanted(codes[0], title[:MAX_HINT])


def _keep(kept: OrderedDict[tuple[str, int], Any], key: tuple[str, int], value: Any, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
