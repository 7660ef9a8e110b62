"""Queries in one short line, so that a table of questions can be read."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.asking.grammar import Puzzle
from chalicelib.asking.model import Condition, Op, Query

SIGNS: Mapping[Op, str] = {
    Op.WORDS: "~", Op.CONTAINS: "*", Op.EQUALS: "=", Op.STARTS_WITH: "^", Op.ENDS_WITH: "$", Op.DOMAIN: "@",
    Op.ON: " on ", Op.BEFORE: " before ", Op.AFTER: " after ", Op.BETWEEN: " in "}


def short(meant: Query | Puzzle) -> str:
    """`count: company~Acme|Globex, no phone`; `filter: !title~CEO; 5 by -createdAt`; a puzzle is its reason."""
    if isinstance(meant, Puzzle):
        return meant.why.value
    group = f" {meant.group_by.value}" if meant.group_by else ""
    least = f" from {meant.at_least}" if meant.at_least > 1 else ""
    sort = f" by {'-' * meant.sort.descending}{meant.sort.by.value}" if meant.sort else ""
    limit = f"; {meant.limit}{sort}" if sort or meant.limit not in (20, 100) else ""
    asked = ", ".join(map(_condition, meant.filters))
    return f"{meant.type.value}{group}{least}{f': {asked}' if asked else ''}{limit}"


def _condition(condition: Condition) -> str:
    if condition.op in (Op.MISSING, Op.PRESENT):
        return f"{'no' if condition.op is Op.MISSING else 'any'} {condition.field.value}"
    between = ".." if condition.op is Op.BETWEEN else "|"
    return f"{'!' * condition.negated}{condition.field.value}{SIGNS[condition.op]}{between.join(condition.values)}"
