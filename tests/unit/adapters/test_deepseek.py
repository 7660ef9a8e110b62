"""The DeepSeek client against a fake that speaks the protocol over real sockets."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from chalicelib.adapters.deepseek import LEASE_MARGIN, PROVIDER, DeepSeek
from chalicelib.adapters.limiter import Limiter
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.limits import Permit, Policy
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from chalicelib.settings import Settings
from tests.unit.adapters.limited import MemoryStates, Time

KEY = "sk-very-secret"
MESSAGES = [
    {"role": "system", "content": "Answer in json."},
    {"role": "user", "content": json.dumps({"rows": [{"id": "r1", "cells": {"Name": "Ann Lee"}}]})}]


class Account:
    """A fake provider, a shared limiter, and as many workers as one asks for."""

    def __init__(self, fake: FakeDeepSeek) -> None:
        self.fake = fake
        self.time = Time()
        self.states = MemoryStates()
        self.session = requests.Session()

    def client(self, **settings: Any) -> DeepSeek:
        values = {"DEEPSEEK_URL": self.fake.url, "DEEPSEEK_API_KEY": KEY, **settings}
        limiter = Limiter(self.states, clock=self.time.clock, sleep=self.time.sleep)
        return DeepSeek(Settings(**values).deepseek, limiter, self.session, monotonic=self.time.monotonic,
                        sleep=self.time.sleep, random=random.Random(1))

    @property
    def acts(self) -> list[str]:
        return [one.act for one in self.fake.seen]


Open = Callable[..., Account]


@pytest.fixture
def account() -> Iterator[Open]:
    fakes: list[FakeDeepSeek] = []

    def opened(*script: str, **options: Any) -> Account:
        fakes.append(FakeDeepSeek(script=script, key=KEY, tick=0.01, **options).start())
        return Account(fakes[-1])

    yield opened
    for fake in fakes:
        fake.stop()


def test_a_good_answer_comes_with_its_cost(account):
    done = account().client().complete(MESSAGES, deadline=60)
    assert json.loads(done.content)["rows"][0]["lastName"] == "Lee"
    assert done.finish_reason == "stop"
    assert done.usage.calls == 1
    assert done.usage.prompt_tokens > 0
    assert done.usage.completion_tokens > 0


def test_the_request_is_json_mode_without_thinking_at_temperature_0():
    class Recorder:
        request: Any = None

        def request_(self, *_: Any, data: bytes, **__: Any) -> None:
            self.request = json.loads(data)
            raise requests.ConnectionError

    recorder = Recorder()
    session = requests.Session()
    session.request = recorder.request_  # type: ignore[method-assign,assignment]
    client = DeepSeek(Settings(DEEPSEEK_MAX_TOKENS=900).deepseek, Limiter(MemoryStates()), session,
                      sleep=lambda _: None)
    with pytest.raises(Transient):
        client.complete(MESSAGES, deadline=60, user_id="owner-1", tries=1)
    assert recorder.request == {
        "model": "deepseek-flash", "messages": MESSAGES, "thinking": {"type": "disabled"}, "temperature": 0,
        "response_format": {"type": "json_object"}, "max_tokens": 900, "stream": False, "user_id": "owner-1"}


@pytest.mark.parametrize("trouble", [
    "500", "503", "429", "429:1", "blank", "insufficient_system_resource", "hangup", "keepalive:0.05"])
def test_what_may_pass_is_tried_again_within_the_call(account, trouble):
    here = account(trouble)
    done = here.client().complete(MESSAGES, deadline=60)
    assert done.finish_reason == "stop"
    assert here.acts[-1] in ("ok", "keepalive")


def test_lost_tries_are_part_of_the_cost(account):
    here = account("blank", "500")
    done = here.client().complete(MESSAGES, deadline=60)
    once = account().client().complete(MESSAGES, deadline=60)
    assert done.usage.calls == 3
    assert done.usage.prompt_tokens == 2 * once.usage.prompt_tokens


def test_tries_are_spaced_ever_wider(account):
    here = account("500", "500")
    here.client().complete(MESSAGES, deadline=60)
    assert 0.25 + 0.5 <= here.time.passed <= 0.5 + 1.0


def test_retry_after_holds_off_all_workers(account):
    here = account("429:30")
    with pytest.raises(Waiting) as first:
        here.client().complete(MESSAGES, deadline=60)
    with pytest.raises(Waiting) as second:
        here.client().complete(MESSAGES, deadline=60)
    assert first.value.seconds == second.value.seconds == pytest.approx(30)
    assert first.value.reason == "tokens"
    assert len(here.fake.seen) == 1
    here.time.sleep(30)
    here.client().complete(MESSAGES, deadline=60)


@pytest.mark.parametrize("trouble", ["429", "503", "429:0", "insufficient_system_resource"])
def test_a_provider_out_of_capacity_is_waited_for_and_never_a_failure(account, trouble):
    here = account(chances={trouble: 1.0})
    for _ in range(10):
        with pytest.raises(Waiting) as waiting:
            here.client().complete(MESSAGES, deadline=600)
        assert waiting.value.reason == "tokens"
        here.time.sleep(waiting.value.seconds)
    assert len(here.fake.seen) <= 6 * 10


def test_places_over_the_capacity_of_the_account_are_refused_politely(account):
    here = account(capacity=0)
    with pytest.raises(Waiting):
        here.client().complete(MESSAGES, deadline=60)


@pytest.mark.parametrize(("status", "reason"), [
    ("401", "key"), ("402", "balance"), ("403", "access"), ("404", "address")])
def test_what_only_a_person_can_mend_opens_the_circuit_for_all(account, status, reason):
    here = account(status)
    with pytest.raises(Unavailable, match=reason):
        here.client().complete(MESSAGES, deadline=60)
    with pytest.raises(Waiting) as waiting:
        here.client().complete(MESSAGES, deadline=60)
    assert waiting.value.reason == "circuit"
    assert len(here.fake.seen) == 1


def test_the_circuit_closes_by_itself_once_the_balance_is_back(account):
    here = account("402", "402")
    for _ in range(2):
        with pytest.raises(Unavailable):
            here.client().complete(MESSAGES, deadline=60)
        here.time.sleep(60)
    here.client().complete(MESSAGES, deadline=60)
    here.client().complete(MESSAGES, deadline=60)
    assert here.states.read(PROVIDER).state.circuit_reason == ""


def test_a_wrong_key_is_found_by_the_provider_itself(account):
    with pytest.raises(Unavailable, match="key"):
        account().client(DEEPSEEK_API_KEY="sk-other").complete(MESSAGES, deadline=60)


@pytest.mark.parametrize("trouble", ["400", "422", "content_filter"])
def test_refused_content_is_not_tried_again(account, trouble):
    here = account(trouble)
    with pytest.raises(ContentRefused) as refused:
        here.client().complete(MESSAGES, deadline=60)
    assert refused.value.details["suspected"] is False
    assert len(here.fake.seen) == 1


@pytest.mark.parametrize("trouble", ["500", "blank"])
def test_the_same_failure_each_time_casts_suspicion_on_the_content(account, trouble):
    here = account(chances={trouble: 1.0})
    with pytest.raises(ContentRefused) as refused:
        here.client().complete(MESSAGES, deadline=60)
    assert refused.value.details["suspected"] is True
    assert len(here.fake.seen) == 3


def test_a_dead_network_never_casts_suspicion_on_the_content(account):
    with pytest.raises(Transient):
        account("500", "hangup", "500").client().complete(MESSAGES, deadline=60)


def test_a_cut_answer_is_handed_to_the_caller(account):
    assert account("length").client().complete(MESSAGES, deadline=60).finish_reason == "length"


def test_thinking_eats_the_budget_of_the_answer(account):
    done = account().client(DEEPSEEK_THINKING=True, DEEPSEEK_MAX_TOKENS=256).complete(MESSAGES, deadline=60)
    assert done.finish_reason == "length"


def test_an_unknown_model_is_refused(account):
    with pytest.raises(ContentRefused):
        account().client(DEEPSEEK_MODEL="deepseek-chat").complete(MESSAGES, deadline=60)


def test_one_call_takes_no_longer_than_its_own_time_limit(account):
    here = account(chances={"keepalive:30": 1.0})
    client = DeepSeek(here.client(DEEPSEEK_TIMEOUT_SECONDS=0.1).settings, Limiter(here.states), here.session,
                      sleep=lambda _: None)
    with pytest.raises(Transient, match="deadline"):
        client.complete(MESSAGES, deadline=600)


def test_a_call_that_has_no_time_left_is_not_made(account):
    here = account("500")
    with pytest.raises(Transient):
        here.client().complete(MESSAGES, deadline=0.2)
    assert len(here.fake.seen) == 1


def test_neither_key_nor_content_reach_the_log(account, caplog):
    caplog.set_level(logging.DEBUG)
    here = account("500", "blank", "401")
    with pytest.raises(Unavailable) as failed:
        here.client().complete(MESSAGES, deadline=60)
    told = caplog.text + repr(failed.value) + str(failed.value.details) + str([vars(one) for one in caplog.records])
    assert "deepseek call is tried again" in told, "nothing was logged at all"
    assert KEY not in told
    assert "Ann Lee" not in told


def test_all_places_are_given_back_whatever_happened(account):
    here = account("500", "429", "blank", "hangup", "400")
    for _ in range(2):
        try:
            here.client().complete(MESSAGES, deadline=60)
        except (ContentRefused, Transient, Waiting):
            here.time.sleep(60)
    assert here.states.read(PROVIDER).state.leases == {}


def test_all_workers_together_stay_within_the_places_of_the_account(account):
    here = account(latency=0.02)
    chosen = here.client(DEEPSEEK_MAX_CONCURRENCY=3).settings

    def work(_: int) -> None:
        worker = DeepSeek(chosen, Limiter(here.states), requests.Session(), patience=30)
        for _ in range(3):
            worker.complete(MESSAGES, deadline=60)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(here.fake.seen) == 24
    assert here.fake.max_in_flight <= 3


def test_a_place_is_kept_no_longer_than_the_call_may_last(account):
    here = account()
    policies: list[Policy] = []

    class Watching(Limiter):
        def acquire(self, provider: str, policy: Policy, **options: Any) -> Permit:
            policies.append(policy)
            return super().acquire(provider, policy, **options)

    client = DeepSeek(here.client(DEEPSEEK_TIMEOUT_SECONDS=100).settings, Watching(here.states), here.session)
    for deadline in (7, 700):
        client.complete(MESSAGES, deadline=deadline)
    assert [policy.lease_seconds for policy in policies] == pytest.approx([7 + LEASE_MARGIN, 100 + LEASE_MARGIN], abs=1)


# --- tools

TOOL = {"type": "function", "function": {"name": "search_leads", "parameters": {"type": "object", "properties": {}}}}
ASKED = [{"role": "system", "content": "x"},
         {"role": "user", "content": json.dumps({"today": "2026-11-22", "question": "how many leads from Acme"})}]


def test_a_tool_is_called_with_what_it_cost(account):
    called = account().client().call_tool(ASKED, TOOL, deadline=60)
    assert (called.name, called.usage.calls, bool(called.id)) == ("search_leads", 1, True)
    assert json.loads(called.arguments)["type"] == "count"


def test_a_tool_is_asked_for_without_thinking_whatever_is_set(account):
    here = account()
    here.client(DEEPSEEK_THINKING="true").call_tool(ASKED, TOOL, deadline=60)
    assert here.fake.received[0]["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("trouble", ["500", "503", "429:1", "blank", "hangup", "tool_text", "keepalive:0.05"])
def test_a_tool_that_was_not_called_is_asked_for_again(account, trouble):
    here = account(trouble)
    assert here.client().call_tool(ASKED, TOOL, deadline=60).name == "search_leads"
    assert here.acts[-1] in ("ok", "keepalive")


def test_a_model_that_only_talks_is_given_up(account):
    here = account("tool_text", "tool_text", "tool_text")
    with pytest.raises(ContentRefused):
        here.client().call_tool(ASKED, TOOL, deadline=60, tries=2)
    assert here.acts == ["tool_text"] * 2


def test_a_call_of_a_tool_is_reserved_with_the_price_of_its_description(account):
    class Purse:
        def __init__(self) -> None:
            self.reserved: list[int] = []

        def reserve(self, nanos: int) -> None:
            self.reserved.append(nanos)

        def correct(self, calls: int, nanos: int) -> None:
            self.reserved.append(-nanos)

    purse = Purse()
    account().client().call_tool(ASKED, TOOL, deadline=60, purse=purse)
    expected, spent = purse.reserved[0], -purse.reserved[1]
    assert expected > spent > 0
