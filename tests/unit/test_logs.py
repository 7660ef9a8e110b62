"""What stands on a log line: bound facts, inner before outer, and nothing personal."""

from __future__ import annotations

import json

import pytest

from chalicelib.logs import MaskingFormatter, bound, log, request_id


def lines(capture: pytest.LogCaptureFixture) -> list[dict]:
    """What was logged, as it is written."""
    return [json.loads(MaskingFormatter().format(record)) for record in capture.records]


def test_every_line_inside_carries_what_was_bound(caplog):
    with bound(request_id="r-1", job_id="j"), bound(batch_id="j-2", attempt=1):
        log.warning("inside")
    log.warning("outside")
    inside, outside = lines(caplog)
    assert {name: inside[name] for name in ("request_id", "job_id", "batch_id", "attempt")} == {
        "request_id": "r-1", "job_id": "j", "batch_id": "j-2", "attempt": 1}
    assert not {"request_id", "job_id", "batch_id", "attempt"} & set(outside)


def test_inner_facts_win_and_empty_ones_hide_nothing(caplog):
    with bound(request_id="outer", job_id="j"), bound(request_id="", job_id="k"):
        log.warning("inside", extra={"job_id": "own"})
        assert request_id() == "outer"
    line, = lines(caplog)
    assert (line["request_id"], line["job_id"]) == ("outer", "own")


def test_what_was_bound_ends_with_the_work_also_when_it_fails(caplog):
    with pytest.raises(ValueError), bound(job_id="j"):
        raise ValueError
    log.warning("later")
    assert "job_id" not in lines(caplog)[0]
    assert request_id() == ""


def test_bound_facts_are_masked_like_all_others(caplog):
    with bound(file_key="ada@example.com +33612345678"):
        log.warning("inside")
    assert lines(caplog)[0]["file_key"] == "a***@*** +***"
