"""The route of the daily report: for operators, for days, and only for those that were reported."""

from __future__ import annotations

import json

import pytest

from chalicelib.bootstrap import services
from chalicelib.jobs.reporting import report_key
from tests.functional.rest import Api, token

DAY = "2026-11-22"


@pytest.fixture
def operator(api: Api) -> Api:
    return api.as_(token(roles=("user", "operator")))


def test_an_operator_reads_the_report_of_a_day(operator):
    services().blobs.put(report_key(DAY), json.dumps({"date": DAY, "text": "all well"}).encode())
    answer = operator("GET", f"/reports/{DAY}")
    assert (answer.status, answer.json) == (200, {"date": DAY, "text": "all well"})


def test_a_user_does_not_see_the_figures_of_all_owners(api):
    services().blobs.put(report_key(DAY), b"{}")
    assert api("GET", f"/reports/{DAY}").code == "FORBIDDEN"


def test_a_day_without_a_report_is_not_found(operator):
    assert operator("GET", "/reports/2026-11-23").code == "NOT_FOUND"


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "20261122", "2026-W47-7", "..%2Fwork"])
def test_what_is_no_day_never_becomes_part_of_a_key(operator, day):
    assert operator("GET", f"/reports/{day}").code == "BAD_REQUEST"
