"""The answer to a query as a sentence or two."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.asking.model import Group, Kind, Query
from chalicelib.asking.wording import GROUPS, conditions_text

NAMED = 5
"""Groups that the sentence names; the answer holds all."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was found: see the answer's fields of these names."""

    shown: int
    groups: tuple[tuple[str, int], ...]
    total: int | None
    without_key: int
    looked_at: int
    complete: bool


def tell(query: Query, told: Told) -> str:
    """In plain words, with a warning where not all leads were looked at."""
    text = {Kind.COUNT: _number, Kind.FILTER: _leads, Kind.AGGREGATE: _groups}[query.type](query, told)
    if told.complete:
        return text
    if query.type is Kind.COUNT and not query.filters:
        return text
    return f"{text} Only the first {told.looked_at:,} leads were looked at; there are more."


def _number(query: Query, told: Told) -> str:
    number = told.total or 0
    more = "" if told.complete else "at least "
    if not query.filters:
        return f"You have {'more than ' if not told.complete else ''}{_leads_of(number)}."
    return f"There {_are(number)} {more}{_leads_of(number)}{conditions_text(query)}."


def _leads(query: Query, told: Told) -> str:
    asked = conditions_text(query)
    if not told.shown:
        return f"There are no leads{asked}."
    if told.total is None:
        return f"Here are {_leads_of(told.shown)}{asked}; there are more."
    if told.total > told.shown:
        return f"Here are {told.shown} of {_leads_of(told.total)}{asked}."
    return f"There {_are(told.shown)} {_leads_of(told.shown)}{asked}."


def _groups(query: Query, told: Told) -> str:
    name = GROUPS[query.group_by] if query.group_by else ""
    if not told.groups:
        return f"No leads{conditions_text(query)} have a value to group by {name}."
    total = told.total or 0
    named = ", ".join(f"{key} ({count:,})" for key, count in told.groups[:NAMED])
    rest = len(told.groups) - NAMED
    several = f"{total:,} {_plural(query.group_by, total)}" if total != len(told.groups) else ""
    text = f"{named}{f' and {rest:,} more' if rest > 0 else ''}{f', of {several}' if several else ''}."
    if not several:
        text = f"{total:,} {_plural(query.group_by, total)}: {text}"
    if told.without_key:
        text += f" {_leads_of(told.without_key)} {'has' if told.without_key == 1 else 'have'} none."
    return text


def _plural(group: Group | None, number: int) -> str:
    name = GROUPS[group] if group else ""
    if number == 1:
        return name
    first, _, rest = name.partition(" of ")
    many = f"{first[:-1]}ies" if first.endswith("y") and not first.endswith("ay") else f"{first}s"
    return f"{many} of {rest}" if rest else many


def _leads_of(number: int) -> str:
    return f"{number:,} lead{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
