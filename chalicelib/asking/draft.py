"""A query in the making: what was read so far, and where in the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from chalicelib.asking.model import DATES, Condition, Field, Group, Kind, Op, Query, Sort
from chalicelib.asking.tokens import Cursor

LISTED = 20
PERIODS_LISTED = 100


class Unsure(Exception):
    """The question can be read in several ways, or in none. `hints` are questions that would work."""

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints


@dataclass(slots=True)
class Draft:
    """Conditions gather here. `subject` says that the question has said what it is about."""

    cursor: Cursor
    now: datetime
    subject: bool = False
    counting: bool = False
    showing: bool = False
    seeking: bool = False
    arranging: bool = False
    negate: bool = False
    conditions: list[Condition] = field(default_factory=list)
    group: Group | None = None
    of_time: str = ""
    limit: int | None = None
    sort: Sort | None = None
    at_least: int = 1
    leftovers: list[str] = field(default_factory=list)

    def add(self, asked: Field, op: Op, values: Sequence[str] = ()) -> None:
        """One condition more, negated where a `not` went before. Raises Unsure where the model does not take it."""
        negated, self.negate = self.negate, False
        if op in (Op.MISSING, Op.PRESENT) and negated:
            op, negated = (Op.PRESENT if op is Op.MISSING else Op.MISSING), False
        try:
            condition = Condition(field=asked, op=op, values=tuple(values), negated=negated)
        except ValidationError as error:
            raise Unsure(_told(error)) from error
        if condition not in self.conditions:
            self.conditions.append(condition)

    def finished(self) -> Query:
        """The query. Raises Unsure where nothing was asked for, or too much."""
        kind = Kind.AGGREGATE if self.group else Kind.COUNT if self.counting else Kind.FILTER
        group = self._settled_group()
        default = PERIODS_LISTED if group and group.of_time else LISTED
        try:
            return Query(type=kind, filters=tuple(self.conditions), group_by=group, limit=self.limit or default,
                         sort=self.sort if kind is not Kind.COUNT else None,
                         at_least=self.at_least if group else 1)
        except ValidationError as error:
            raise Unsure(_told(error)) from error

    def _settled_group(self) -> Group | None:
        """Days of what? Of what the question says elsewhere, else of the creation."""
        if self.group is None or not self.group.of_time or self.of_time:
            return self.group
        dated = {condition.field for condition in self.conditions} & DATES
        if dated == {Field.UPDATED_AT}:
            return Group(self.group.value.replace("created", "updated"))
        return self.group


def _told(error: ValidationError) -> str:
    message = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
    return f"That cannot be asked: {message}."
