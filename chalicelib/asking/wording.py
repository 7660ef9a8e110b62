"""A query as a plain sentence, so that a person sees what was really asked."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.asking.model import BARE, DATES, Condition, Field, Group, Kind, Op, Query, Sort, SortKey

NAMES: Mapping[Field, str] = {
    Field.FIRST_NAME: "first name", Field.LAST_NAME: "last name", Field.NAME: "name", Field.EMAIL: "e-mail",
    Field.PHONE: "phone", Field.COMPANY: "company", Field.TITLE: "title", Field.INDUSTRY: "industry",
    Field.SOURCE: "source", Field.REMARKS: "remarks", Field.SOURCE_FILE: "source file", Field.WORKSHEET: "worksheet",
    Field.JOB_ID: "job", Field.CREATED_AT: "created", Field.UPDATED_AT: "updated"}

GROUPS: Mapping[Group, str] = {
    Group.COMPANY: "company", Group.TITLE: "title", Group.INDUSTRY: "industry", Group.SOURCE: "source",
    Group.FIRST_NAME: "first name", Group.LAST_NAME: "last name", Group.SOURCE_FILE: "source file",
    Group.WORKSHEET: "worksheet", Group.JOB_ID: "job", Group.EMAIL_DOMAIN: "e-mail domain",
    **{group: f"{group.value[7:].lower()} of {'creation' if group.value.startswith('c') else 'change'}"
       for group in Group if group.of_time}}

_COMPARED: Mapping[Op, tuple[str, str]] = {
    Op.WORDS: ("has the words", "does not have the words"), Op.CONTAINS: ("contains", "does not contain"),
    Op.EQUALS: ("is exactly", "is not exactly"), Op.STARTS_WITH: ("starts with", "does not start with"),
    Op.ENDS_WITH: ("ends with", "does not end with"), Op.DOMAIN: ("is at", "is not at")}


def sentence(query: Query) -> str:
    """`Leads whose company has the word “Acme” and that have no phone, first 20`."""
    asked = "leads" + conditions_text(query)
    if query.type is Kind.COUNT:
        return f"Number of {asked}"
    if query.group_by is not None:
        least = f", only with at least {query.at_least}" if query.at_least > 1 else ""
        return f"Number of {asked}, by {GROUPS[query.group_by]}{least}{_ranking(query.sort)}, first {query.limit}"
    return f"{asked[0].upper()}{asked[1:]}{_order(query.sort)}, first {query.limit}"


def conditions_text(query: Query) -> str:
    """What stands behind the word leads, with a space in front; nothing where there are no conditions."""
    return "".join((" " if not place else " and ") + _condition(each) for place, each in enumerate(query.filters))


def _condition(condition: Condition) -> str:
    name = NAMES[condition.field]
    if condition.op in BARE:
        return f"with {'no' if condition.op is Op.MISSING else 'any'} {name}"
    if condition.field in DATES:
        return f"{'not ' if condition.negated else ''}{name} {_time(condition)} (UTC)"
    shown = " or ".join(f"“{value}”" for value in condition.values)
    verb = _COMPARED[condition.op][condition.negated]
    if condition.op is Op.WORDS and all(" " not in value for value in condition.values):
        verb = verb.replace("words", "word")
    return f"whose {name} {verb} {shown}"


def _time(condition: Condition) -> str:
    values = [value.replace("T", " ").removesuffix("Z") for value in condition.values]
    return f"from {values[0]} to {values[1]}" if condition.op is Op.BETWEEN else f"{condition.op.value} {values[0]}"


def _ranking(sort: Sort | None) -> str:
    return "" if sort is None else ", largest first" if sort.descending else ", smallest first"


def _order(sort: Sort | None) -> str:
    if sort is None:
        return ""
    if sort.by in (SortKey.CREATED_AT, SortKey.UPDATED_AT):
        return f", {'last' if sort.descending else 'first'} {NAMES[Field(sort.by.value)]} first"
    return f", by {NAMES[Field(sort.by.value)]}{', downwards' if sort.descending else ''}"
