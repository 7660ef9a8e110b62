"""Whether a lead is asked for, by what it is counted, and where it stands in an order. Fields come as texts by name.

`words` and `contains` ignore case and accents. `equals`, `startsWith` and `endsWith` ignore case only, letter for
letter as the listing indexes keep their keys: that is what lets a selective question read a part of an index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from chalicelib.asking.model import Condition, Field, Group, Op
from chalicelib.asking.tokens import folded

Values = Mapping[str, str]
"""A lead's fields by `Field`; missing ones are absent."""
Test = Callable[[Values], bool]

_WORD = re.compile(r"\w+")
_LITTLE = frozenset({"the", "a", "an", "of", "and", "for"})


def matcher(filters: Sequence[Condition]) -> Test:
    """Whether a lead meets all conditions."""
    tests = [_test(condition) for condition in filters]
    return lambda lead: all(test(lead) for test in tests)


def _test(condition: Condition) -> Test:
    field, op, wanted = condition.field, condition.op, not condition.negated
    if op is Op.MISSING or op is Op.PRESENT:
        return lambda lead: bool(value(lead, field)) is ((op is Op.PRESENT) is wanted)
    compare = _COMPARISONS[op]
    if op in (Op.ON, Op.BEFORE, Op.AFTER, Op.BETWEEN):
        return lambda lead: compare(value(lead, field), *condition.values) is wanted
    prepare = digits if field is Field.PHONE else folded if op in (Op.WORDS, Op.CONTAINS) else str.lower
    sought = [prepare(text) for text in condition.values]
    if op is Op.WORDS and field in _NOT_WORDY:
        compare = _NOT_WORDY[field]
    return lambda lead: any(compare(prepare(value(lead, field)), text) for text in sought) is wanted


def value(lead: Values, field: Field) -> str:
    """A field's text. A lead without a whole name is called by its first and last name."""
    if field is Field.NAME and not lead.get(Field.NAME):
        return " ".join(lead[part] for part in (Field.FIRST_NAME, Field.LAST_NAME) if lead.get(part))
    return lead.get(field, "")


def digits(text: str) -> str:
    """What counts of a phone number."""
    return re.sub(r"\D", "", text)


def words_of(text: str) -> list[str]:
    """The words of a folded text, without the little ones unless there are no others."""
    found = _WORD.findall(text)
    return [word for word in found if word not in _LITTLE] or found


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _has_words(text: str, sought: str) -> bool:
    """Plurals count as their singulars."""
    wanted = set(map(_singular, words_of(sought)))
    return bool(text) and (wanted <= set(map(_singular, words_of(text))) if wanted else sought in text)


def _has_names(text: str, sought: str) -> bool:
    """A Williams is no William."""
    wanted = set(words_of(sought))
    return bool(text) and (wanted <= set(words_of(text)) if wanted else sought in text)


def _contains(text: str, sought: str) -> bool:
    return sought in text


def _at_domain(text: str, sought: str) -> bool:
    domain, wanted = text.rpartition("@")[2] if "@" in text else "", sought.removeprefix("@")
    if "." in wanted:
        return domain == wanted or domain.endswith(f".{wanted}")
    return wanted in domain.split(".")


_NOT_WORDY: Mapping[Field, Callable[[str, str], bool]] = {
    Field.PHONE: _contains, Field.NAME: _has_names, Field.FIRST_NAME: _has_names, Field.LAST_NAME: _has_names}
"""Fields that are no plain words."""


def _before(moment: str, limit: str) -> bool:
    return bool(moment) and moment < limit.removesuffix("Z")


def _after(moment: str, limit: str) -> bool:
    """After a whole day; a moment is itself not after."""
    return moment >= next_day(limit) if len(limit) == 10 else moment > limit.removesuffix("Z") + "~"


def _between(moment: str, first: str, last: str) -> bool:
    return first <= moment[:10] <= last


def _on(moment: str, day: str) -> bool:
    return moment[:10] == day


def next_day(day: str) -> str:
    """The day behind; behind the last day of the calendar there is none, and nothing is as late."""
    given = date.fromisoformat(day)
    return "~" if given == date.max else (given + timedelta(days=1)).isoformat()


_COMPARISONS: Mapping[Op, Callable[..., bool]] = {
    Op.WORDS: _has_words, Op.CONTAINS: _contains, Op.EQUALS: str.__eq__, Op.STARTS_WITH: str.startswith,
    Op.ENDS_WITH: str.endswith, Op.DOMAIN: _at_domain, Op.ON: _on, Op.BEFORE: _before, Op.AFTER: _after,
    Op.BETWEEN: _between}


def group_key(lead: Values, group: Group) -> str:
    """What a lead counts for; empty where it has nothing there. Spelling is the lead's own."""
    if group is Group.EMAIL_DOMAIN:
        return lead.get(Field.EMAIL, "").rpartition("@")[2].lower()
    if not group.of_time:
        return lead.get(group.value, "").strip()
    moment = lead.get(f"{group.value[:7]}At", "")
    unit = group.value[7:]
    if unit == "Week":
        day = date.fromisoformat(moment[:10])
        return (day - timedelta(days=day.weekday())).isoformat()
    return moment[:{"Day": 10, "Month": 7, "Year": 4}[unit]]
