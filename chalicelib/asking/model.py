"""What may be asked of leads, closed: fields, operators and groups that are not here cannot be asked for by anybody.

The grammar builds these values, a language model's arguments are read into them, and the answer shows them to the
person who asked. Whoever holds a `Query` may run it: it is bounded, and it names nothing but the caller's own leads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator
from pydantic import Field as Limited
from pydantic.alias_generators import to_camel

MOST_RESULTS = 100
MOST_CONDITIONS = 10
MOST_VALUES = 10


class Kind(StrEnum):
    """What comes back: leads, a number, or numbers by group."""

    FILTER = "filter"
    COUNT = "count"
    AGGREGATE = "aggregate"


class Field(StrEnum):
    """What a lead can be asked for by."""

    FIRST_NAME = "firstName"
    LAST_NAME = "lastName"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    COMPANY = "company"
    TITLE = "title"
    INDUSTRY = "industry"
    SOURCE = "source"
    REMARKS = "remarks"
    SOURCE_FILE = "sourceFile"
    WORKSHEET = "_worksheet"
    JOB_ID = "jobId"
    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"


DATES = frozenset({Field.CREATED_AT, Field.UPDATED_AT})


class Op(StrEnum):
    """How a field is compared. Case never matters; accents do not for `words` and `contains`."""

    WORDS = "words"
    """Every word of the value is a word of the field, in any order; a plural counts as its singular but in names."""
    CONTAINS = "contains"
    EQUALS = "equals"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    DOMAIN = "domain"
    """The e-mail's domain is the value or below it; a value without a dot is any part of the domain."""
    MISSING = "missing"
    PRESENT = "present"
    ON = "on"
    BEFORE = "before"
    AFTER = "after"
    BETWEEN = "between"
    """From the first day to the last, both included."""


_EVERY = frozenset({Op.WORDS, Op.CONTAINS, Op.EQUALS, Op.STARTS_WITH, Op.ENDS_WITH, Op.MISSING, Op.PRESENT})
_TIMES = frozenset({Op.ON, Op.BEFORE, Op.AFTER, Op.BETWEEN})
OPERATORS: Mapping[Field, frozenset[Op]] = {
    field: _TIMES if field in DATES else _EVERY | {Op.DOMAIN} if field is Field.EMAIL else _EVERY for field in Field}
"""Field -> the operators that it knows."""

BARE = frozenset({Op.MISSING, Op.PRESENT})
"""Operators that take no value."""


class Group(StrEnum):
    """What leads can be counted by. Days, weeks (from Monday), months and years are UTC's."""

    COMPANY = "company"
    TITLE = "title"
    INDUSTRY = "industry"
    SOURCE = "source"
    FIRST_NAME = "firstName"
    LAST_NAME = "lastName"
    SOURCE_FILE = "sourceFile"
    WORKSHEET = "_worksheet"
    JOB_ID = "jobId"
    EMAIL_DOMAIN = "emailDomain"
    CREATED_DAY = "createdDay"
    CREATED_WEEK = "createdWeek"
    CREATED_MONTH = "createdMonth"
    CREATED_YEAR = "createdYear"
    UPDATED_DAY = "updatedDay"
    UPDATED_WEEK = "updatedWeek"
    UPDATED_MONTH = "updatedMonth"
    UPDATED_YEAR = "updatedYear"

    @property
    def of_time(self) -> bool:
        return self.value.startswith(("created", "updated"))


class SortKey(StrEnum):
    """What results can be sorted by; `count` is for groups."""

    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    FIRST_NAME = "firstName"
    LAST_NAME = "lastName"
    NAME = "name"
    EMAIL = "email"
    COMPANY = "company"
    TITLE = "title"
    COUNT = "count"


class _Closed(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid",
                              defer_build=True)


class Sort(_Closed):
    """Missing values come last, whichever way."""

    by: SortKey
    descending: bool = False


Value = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Condition(_Closed):
    """One thing that is asked of a lead: its field compares so with any of the values, or (`not`) with none of them.

    A time is a day, `2026-11-01`, or for `before` and `after` also a moment, `2026-11-01T10:30:00Z`.
    """

    field: Field
    op: Op
    values: tuple[Value, ...] = Limited((), max_length=MOST_VALUES)
    negated: bool = Limited(False, alias="not")

    @field_validator("values")
    @classmethod
    def _without_controls(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if any(not letter.isprintable() for value in values for letter in value):
            raise ValueError("a value is one line of plain text")
        return values

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.op not in OPERATORS[self.field]:
            known = ", ".join(sorted(OPERATORS[self.field]))
            raise ValueError(f"{self.field} cannot be compared by {self.op}, only by {known}")
        wanted = 0 if self.op in BARE else 2 if self.op is Op.BETWEEN else 1
        if len(self.values) < wanted or (len(self.values) > wanted and (self.op in BARE | _TIMES)):
            raise ValueError(f"{self.op} takes {wanted or 'no'} value{'' if wanted == 1 else 's'}")
        if self.field in DATES:
            _demand_times(self.op, self.values)
        if self.field is Field.PHONE and any(not re.search(r"\d", value) for value in self.values):
            raise ValueError("a phone number has digits")
        return self


def _demand_times(op: Op, values: tuple[str, ...]) -> None:
    """Raises ValueError for what is no day, or no moment where one may stand, or for a span that ends too early."""
    for value in values:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            date.fromisoformat(value)
        elif op in (Op.BEFORE, Op.AFTER) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value, re.ASCII):
            datetime.fromisoformat(value)
        else:
            raise ValueError(f"{op} takes days such as 2026-11-01")
    if op is Op.BETWEEN and values[0] > values[1]:
        raise ValueError("the first day is after the last")


class Query(_Closed):
    """A question as it is run: `filters` all hold. `atLeast` leaves out smaller groups.

    `limit` bounds the leads or groups that are shown, not what is counted.
    """

    type: Kind
    filters: tuple[Condition, ...] = Limited((), max_length=MOST_CONDITIONS)
    group_by: Group | None = None
    limit: int = Limited(20, ge=1, le=MOST_RESULTS)
    sort: Sort | None = None
    at_least: int = Limited(1, ge=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        aggregates = self.type is Kind.AGGREGATE
        if aggregates is not (self.group_by is not None):
            raise ValueError("groupBy belongs to aggregate, and to nothing else")
        if self.at_least > 1 and not aggregates:
            raise ValueError("atLeast belongs to aggregate")
        if self.sort is not None and (self.sort.by is SortKey.COUNT) is not aggregates:
            raise ValueError("groups are sorted by count, leads by a field")
        return self
