"""Tests for the bucket's events on both roads."""

from __future__ import annotations

import pytest

from chalicelib import application
from chalicelib.application import Application
from chalicelib.settings import Settings

EVENT = {"Records": [{"s3": {"bucket": {"name": "data"}, "object": {"key": "uploads/a+b%2Bc.csv"}}}]}
TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "data"}


@pytest.fixture(params=["chalice", "template"])
def made(request, monkeypatch):
    """An application of each road, and the keys that its handler has seen."""
    monkeypatch.setattr(application, "settings", lambda: Settings(s3_trigger=request.param))
    app, seen = Application("any", configure_logs=False), []

    @app.on_s3_event(bucket="data", prefix="uploads/", name="arrived")
    def arrived(event):
        seen.append(event.key)

    return app, arrived, seen, request.param


def test_the_handler_gets_chalices_event(made):
    _, arrived, seen, _ = made
    arrived(EVENT, None)
    assert seen == ["uploads/a b+c.csv"]


def test_the_test_event_of_a_new_notification_is_passed_over(made):
    """Chalice's event object raises KeyError on it, and Lambda would try three times."""
    _, arrived, seen, _ = made
    arrived(TEST_EVENT, None)
    assert seen == []


def test_the_template_road_has_no_event_source_that_chalice_would_refuse(made):
    app, _, _, trigger = made
    assert len(app.event_sources) == (trigger == "chalice")
    assert [each.name for each in app.pure_lambda_functions] == (["arrived"] if trigger == "template" else [])
