"""Sums of what was used, and their price."""

from __future__ import annotations

import pytest

from chalicelib import costs
from chalicelib.costs import Meter, Tariff, Used

FLASH = Tariff(prompt=0.30, cache_hit=0.006, completion=1.20)


def test_tokens_from_the_providers_cache_cost_less():
    asked = {Used.PROMPT_TOKENS: 1_000_000, Used.COMPLETION_TOKENS: 1_000_000}
    assert FLASH.nanos(asked) == 1_500_000_000
    assert FLASH.nanos({**asked, Used.CACHE_HIT_TOKENS: 1_000_000}) == 1_206_000_000


@pytest.mark.parametrize(("memory", "seconds", "dollars"), [
    (1024, 1, 0.000016667), (512, 900, 0.00750015), (512, 0, 0), (512, -1, 0)])
def test_compute_costs_memory_times_time(memory, seconds, dollars):
    used = costs.compute(memory, seconds)
    assert costs.usd(used) == pytest.approx(dollars)
    assert costs.gb_seconds(used) == pytest.approx(memory / 1024 * max(0, seconds))


def test_a_thousand_new_rows_cost_what_the_benchmark_of_requests_found():
    """benchmarks/costs.py counts real requests (0.0064 new, 0.0070 changed); this is what a job estimates of itself."""
    batch = costs.total(costs.batch_requests(), costs.settling(20), costs.compute(512, 0.08))
    assert costs.usd(batch) * 100 == pytest.approx(0.0067, rel=0.1)


def test_a_meter_adds_up_by_name_and_keeps_no_zeros():
    meter = Meter()
    meter.add({Used.CALLS: 1, Used.CACHED: 0})
    meter.add({Used.CALLS: 2, Used.PROMPT_TOKENS: 5})
    assert meter.counts == {"calls": 3, "prompt_tokens": 5}


@pytest.mark.parametrize(("messages", "requests"), [(0, 1), (1, 2), (10, 2), (11, 3), (1000, 101)])
def test_messages_are_sent_ten_a_call(messages, requests):
    assert costs.sent(messages)[Used.REQUESTS] == requests
