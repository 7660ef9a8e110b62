"""What a condition means for a lead."""

from __future__ import annotations

import pytest

from chalicelib.asking.judging import group_key, matcher
from chalicelib.asking.model import Condition, Group

LEAD = {"firstName": "José", "lastName": "O'Brien", "email": "jose@mail.acme.co.uk", "phone": "+14155550123",
        "company": "ACME Holdings Ltd", "title": "Director of Sales", "createdAt": "2026-11-22T01:00:00.000Z",
        "updatedAt": "2026-11-30T23:59:59.999Z", "sourceFile": "people.xlsx", "_worksheet": "Web"}


def matches(field: str, op: str, *values: str, **more: bool) -> bool:
    return matcher([Condition(field=field, op=op, values=values, **more)])(LEAD)


@pytest.mark.parametrize(("field", "op", "value", "expected"), [
    ("company", "words", "acme", True), ("company", "words", "Ltd Acme", True), ("company", "words", "acm", False),
    ("company", "words", "acme holding", True), ("company", "words", "acme gmbh", False),
    ("title", "words", "cto", False),
    ("title", "words", "directors", True), ("title", "words", "the director for sales", True),
    ("title", "words", "of", False), ("name", "words", "obrien jose", False), ("name", "words", "o'brien jose", True),
    ("name", "words", "JOSE", True),
    ("lastName", "words", "o'brien", True),
    ("firstName", "words", "joses", False), ("industry", "words", "x", False), ("company", "words", "&", False),
    ("company", "contains", "hold", True), ("firstName", "contains", "ose", True),
    ("firstName", "contains", "Jose", True),
    ("company", "equals", "acme holdings ltd", True), ("company", "equals", "acme", False),
    ("firstName", "equals", "jose", False), ("firstName", "equals", "JOSÉ", True),
    ("company", "startsWith", "acme h", True), ("company", "startsWith", "holdings", False),
    ("company", "endsWith", "LTD", True), ("email", "endsWith", ".uk", True),
    ("email", "domain", "acme.co.uk", True), ("email", "domain", "@Mail.acme.co.uk", True),
    ("email", "domain", "me.co.uk", False), ("email", "domain", "acme", True), ("email", "domain", "acm", False),
    ("email", "domain", "jose", False),
    ("phone", "contains", "415-555", True), ("phone", "contains", "+1 (415) 555 0123", True),
    ("phone", "startsWith", "+1", True), ("phone", "startsWith", "415", False), ("phone", "endsWith", "0123", True),
    ("phone", "words", "555 0123", True), ("phone", "equals", "1 415 555 0123", True),
    ("createdAt", "on", "2026-11-22", True), ("createdAt", "on", "2026-11-21", False),
    ("createdAt", "before", "2026-11-22", False), ("createdAt", "before", "2026-11-23", True),
    ("createdAt", "after", "2026-11-22", False), ("createdAt", "after", "2026-11-21", True),
    ("createdAt", "after", "9999-12-31", False),
    ("createdAt", "before", "2026-11-22T01:00:00Z", False), ("createdAt", "before", "2026-11-22T01:00:01Z", True),
    ("createdAt", "after", "2026-11-22T01:00:00Z", False), ("createdAt", "after", "2026-11-22T00:59:59Z", True)])
def test_what_an_operator_says_of_a_lead(field: str, op: str, value: str, expected: bool):
    assert matches(field, op, value) is expected
    assert matches(field, op, value, negated=True) is not expected


def test_missing_and_present_are_opposites():
    assert matches("industry", "missing")
    assert not matches("industry", "present")
    assert matches("industry", "present", negated=True)
    assert matches("company", "present")


def test_values_are_alternatives_and_conditions_hold_together():
    assert matches("company", "words", "globex", "acme")
    assert not matches("company", "words", "globex", "acme", negated=True)
    acme = Condition(field="company", op="words", values=("acme",))
    assert matcher([acme, Condition(field="phone", op="present")])(LEAD)
    assert not matcher([acme, Condition(field="phone", op="missing")])(LEAD)
    assert matcher([])(LEAD)


def test_a_span_of_days_includes_both():
    assert matches("updatedAt", "between", "2026-11-30", "2026-11-30")
    assert matches("updatedAt", "between", "2026-11-01", "2026-11-30")
    assert not matches("updatedAt", "between", "2026-12-01", "2026-12-31")


@pytest.mark.parametrize(("group", "key"), [
    (Group.COMPANY, "ACME Holdings Ltd"), (Group.INDUSTRY, ""), (Group.EMAIL_DOMAIN, "mail.acme.co.uk"),
    (Group.CREATED_DAY, "2026-11-22"), (Group.CREATED_WEEK, "2026-11-16"), (Group.CREATED_MONTH, "2026-11"),
    (Group.CREATED_YEAR, "2026"), (Group.UPDATED_DAY, "2026-11-30"), (Group.UPDATED_WEEK, "2026-11-30"),
    (Group.WORKSHEET, "Web"), (Group.SOURCE_FILE, "people.xlsx")])
def test_what_a_lead_is_counted_under(group: Group, key: str):
    assert group_key(LEAD, group) == key
