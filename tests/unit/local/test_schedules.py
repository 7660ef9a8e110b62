from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.local.schedules import parse

THURSDAY = datetime(2026, 1, 1, 12, 34, 56, tzinfo=UTC)


@pytest.mark.parametrize(("expression", "following"), [
    ("rate(1 minute)", "2026-01-01T12:35:56"),
    ("rate(5 minutes)", "2026-01-01T12:39:56"),
    ("rate(2 days)", "2026-01-03T12:34:56"),
    ("cron(0 6 * * ? *)", "2026-01-02T06:00:00"),
    ("cron(40 12 * * ? *)", "2026-01-01T12:40:00"),
    ("cron(0/15 * * * ? *)", "2026-01-01T12:45:00"),
    ("cron(0 8 ? * MON-FRI *)", "2026-01-02T08:00:00"),
    ("cron(0 8 ? * SUN *)", "2026-01-04T08:00:00"),
    ("cron(30 1,13 1 FEB,MAR ? 2026-2027)", "2026-02-01T01:30:00"),
])
def test_next_firing(expression: str, following: str) -> None:
    assert parse(expression)(THURSDAY) == datetime.fromisoformat(following).replace(tzinfo=UTC)


@pytest.mark.parametrize("expression", [
    "every day", "rate(five minutes)", "cron(0 6 * *)", "cron(0 6 L * ? *)", "cron(0 6 ? * MON#1 *)",
    "cron(99 6 * * ? *)"])
def test_unreadable_schedule_is_an_error(expression: str) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        parse(expression)


def test_schedule_that_never_fires_is_an_error() -> None:
    with pytest.raises(ValueError, match="never"):
        parse("cron(0 0 31 2 ? *)")(THURSDAY)
