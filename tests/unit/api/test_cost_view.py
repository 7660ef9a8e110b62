"""The cost of a job, as people see it."""

from __future__ import annotations

import dataclasses

from chalicelib.api.cost_view import cost_view
from chalicelib.costs import Used
from chalicelib.jobs.model import Job, Status

JOB = Job("j", "acme", "leads", Status.COMPLETED, "a.csv", "k", "t", "t", used_calls=12, used_failed_calls=2,
          used_prompt_tokens=1000, used_cache_hit_tokens=400, used_completion_tokens=500, used_cached=3,
          used_fallback=1, used_mb_ms=512 * 2000, used_requests=60, used_provider_nano_usd=2_500_000,
          used_aws_nano_usd=1_500_000)


def test_money_is_told_in_dollars_and_compute_in_gigabyte_seconds():
    told = cost_view(JOB).as_json()
    assert (told["estimatedUsd"], told["providerUsd"], told["awsUsd"]) == (0.004, 0.0025, 0.0015)
    assert told["gbSeconds"] == 1.0


def test_failed_calls_and_cached_rows_stand_apart():
    told = cost_view(JOB).as_json()
    assert (told["providerCalls"], told["failedCalls"], told["cachedRows"], told["fallbackRows"]) == (12, 2, 3, 1)


def test_the_ledger_has_an_attribute_for_everything_that_is_counted():
    names = {field.name for field in dataclasses.fields(Job)}
    assert {f"used_{used.value}" for used in Used} == {name for name in names if name.startswith("used_")}
