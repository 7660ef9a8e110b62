"""A query over the leads of one owner: which part of which index it reads, and what it finds there.

A selective question reads a stretch of an index: last name, e-mail or company that are equal to a text, begin with it
or are missing; times of the last change; and since no lead changes before it is created, a first day of creation. All
conditions are then checked on each lead, so a stretch only has to be large enough.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from chalicelib.adapters.lead_listing import (
    INDEXES,
    LeadListing,
    Order,
    Stretch,
    beginning_with,
    changed,
    without_value,
)
from chalicelib.adapters.leads import Lead
from chalicelib.api.lead_view import lead_values
from chalicelib.asking.judging import Values, group_key, matcher, next_day, value
from chalicelib.asking.model import DATES, Condition, Field, Kind, Op, Query, Sort
from chalicelib.asking.tokens import folded

GLANCE = 400
"""Leads that the first reads of a filter bring; later ones bring more."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Leads that a question looks at, and leads that a plain count counts."""

    reads: int = 10_000
    counted: int = 100_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read: an index in an order, perhaps a stretch of it. `sorted` says that this is the order wanted."""

    order: Order
    within: Stretch | None
    sorted: bool


@dataclass(frozen=True, slots=True)
class Found:
    """`total`: matching leads or groups, as far as was looked; None where a filter had enough before the end."""

    leads: tuple[Lead, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    total: int | None = None
    without_key: int = 0
    looked_at: int = 0
    complete: bool = True


def run(query: Query, owner: str, listing: LeadListing, bounds: Bounds) -> Found:
    """What the leads of `owner`, and nobody else's, answer to `query`."""
    if query.type is Kind.COUNT and not query.filters:
        number = listing.count(owner, most=bounds.counted)
        counted = bounds.counted if number is None else number
        return Found(total=counted, looked_at=counted, complete=number is not None)
    plan = plan_of(query)
    enough = query.limit + 1 if query.type is Kind.FILTER and plan.sorted else None
    walk = listing.walk(owner, plan.order, within=plan.within, expect=GLANCE if enough else bounds.reads)
    look = _Look((entry.lead for entry in walk), query, bounds.reads)
    if query.type is Kind.COUNT:
        matching = sum(1 for _ in look.matching())
        return Found(total=matching, looked_at=look.seen, complete=look.complete)
    if query.type is Kind.AGGREGATE:
        return _grouped(query, look)
    return _listed(query, look, enough)


def plan_of(query: Query) -> Plan:
    """The narrowest stretch that surely holds all matches, else the whole index of the order that is wanted."""
    found = min(filter(None, map(_stretch, query.filters)), key=lambda each: each[0], default=None)
    by = found[1] if found else query.sort.by.value if _indexed(query.sort) and query.sort else "updatedAt"
    wanted = query.sort is None or (_indexed(query.sort) and query.sort.by.value == by)
    descending = query.sort.descending if query.sort and wanted else by == "updatedAt"
    return Plan(Order(by, descending), found[2] if found else None, wanted)


def _indexed(sort: Sort | None) -> bool:
    """Whether an index has this order; downwards an index of texts begins with the missing ones."""
    return sort is not None and sort.by.value in INDEXES and (not sort.descending or sort.by.value == "updatedAt")


def _stretch(condition: Condition) -> tuple[int, str, Stretch] | None:
    """How coarse, index and stretch in which all leads lie that meet the condition; None where none surely does."""
    field, op, values = condition.field, condition.op, condition.values
    if condition.negated or (len(values) > 1 and op is not Op.BETWEEN):
        return None
    if field in (Field.EMAIL, Field.COMPANY, Field.LAST_NAME):
        if op in (Op.EQUALS, Op.STARTS_WITH):
            return (0 if op is Op.EQUALS else 1), field.value, beginning_with(values[0])
        return (4, field.value, without_value()) if op is Op.MISSING else None
    if field not in DATES:
        return None
    since, before = _times(op, values)
    if field is Field.UPDATED_AT:
        return 2, field.value, changed(since, before)
    if field is Field.CREATED_AT and since:
        return 3, Field.UPDATED_AT.value, changed(since)
    return None


def _times(op: Op, values: Sequence[str]) -> tuple[str, str]:
    """From when, and before when; nothing where that is open."""
    if op is Op.BEFORE:
        return "", values[0].removesuffix("Z")
    if op is Op.AFTER:
        return (next_day(values[0]) if len(values[0]) == len("2026-11-01") else values[0].removesuffix("Z")), ""
    return values[0], next_day(values[-1])


class _Look:
    """A bounded walk that counts what it looks at."""

    def __init__(self, leads: Iterator[Lead], query: Query, most: int) -> None:
        self._leads = leads
        self._matches = matcher(query.filters)
        self._most = most
        self.seen = 0
        self.complete = True

    def matching(self) -> Iterator[tuple[Lead, Values]]:
        for lead in islice(self._leads, self._most):
            self.seen += 1
            values = _texts(lead)
            if self._matches(values):
                yield lead, values
        self.complete = self.seen < self._most or next(self._leads, None) is None


def _texts(lead: Lead) -> Mapping[str, str]:
    return {field: str(text) for field, text in lead_values(lead).items()}


def _listed(query: Query, look: _Look, enough: int | None) -> Found:
    if enough is None:
        best, number = _best(query, look)
        return Found(best, total=number, looked_at=look.seen, complete=look.complete)
    leads = tuple(lead for lead, _ in islice(look.matching(), enough))
    total = None if len(leads) == enough else len(leads)
    return Found(leads[:query.limit], total=total, looked_at=look.seen, complete=look.complete)


def _best(query: Query, look: _Look) -> tuple[tuple[Lead, ...], int]:
    """The leads that come first in an order that no index has, and how many there are; the missing come last."""
    if query.sort is None:
        raise ValueError("an order is wanted")
    by, pick = Field(query.sort.by.value), heapq.nlargest if query.sort.descending else heapq.nsmallest
    keyed = [(folded(value(values, by)), lead.lead_id, lead) for lead, values in look.matching()]
    first = pick(query.limit, (each for each in keyed if each[0]), key=lambda each: each[:2])
    missing = [each for each in keyed if not each[0]]
    return tuple(lead for _, _, lead in [*first, *missing][:query.limit]), len(keyed)


def _grouped(query: Query, look: _Look) -> Found:
    """Numbers by group. Groups differ by letters, not by case; each is shown in its most common spelling."""
    if query.group_by is None:
        raise ValueError("an aggregate has a group")
    spellings: dict[str, Counter[str]] = {}
    without_key = 0
    for _, values in look.matching():
        key = group_key(values, query.group_by)
        if key:
            spellings.setdefault(key.casefold(), Counter())[key] += 1
        else:
            without_key += 1
    counted = [(counter.most_common(1)[0][0], counter.total()) for counter in spellings.values()]
    large = [each for each in counted if each[1] >= query.at_least]
    return Found(groups=_ranked(large, query), total=len(large), without_key=without_key, looked_at=look.seen,
                 complete=look.complete)


def _ranked(groups: Iterable[tuple[str, int]], query: Query) -> tuple[tuple[str, int], ...]:
    """The largest first, or as asked; of times the latest that fit, in their own order unless ranked."""
    if query.sort is None and query.group_by and query.group_by.of_time:
        return tuple(sorted(groups)[-query.limit:])
    down = query.sort is None or query.sort.descending
    return tuple(sorted(groups, key=lambda each: (-each[1] if down else each[1], each[0].casefold()))[:query.limit])
