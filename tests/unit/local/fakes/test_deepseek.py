"""The fake DeepSeek itself: what it takes, how it refuses, how it misbehaves when told."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib.local.fakes.deepseek import FakeDeepSeek, choose, standardise
from chalicelib.local.fakes.server import Act, Behaviour

ROOT = Path(__file__).parents[4]
ROWS = {"columns": {"c1": {"Wer": "name"}}, "rows": [
    {"id": "r1", "columns": "c1", "cells": {"Wer": "Ann Lee", "E-Mail": "ann@x.org", "Pet": "cat"}},
    {"id": "r2", "cells": {"First name": "Bob", "Surname": "Ray", "Phone": "0412 345 678", "Firm": "Acme"}}]}


def a_request(**changes: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "json please"}, {"role": "user", "content": json.dumps(ROWS)}]
    return {"model": "deepseek-flash", "messages": messages, "response_format": {"type": "json_object"},
            "thinking": {"type": "disabled"}, "max_tokens": 4000, "temperature": 0, **changes}


def ask(fake: FakeDeepSeek, body: Any = None, key: str = "k") -> requests.Response:
    return requests.post(f"{fake.url}/chat/completions", json=body or a_request(), timeout=10,
                         headers={"Authorization": f"Bearer {key}"} if key else {})


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeDeepSeek]]:
    running: list[FakeDeepSeek] = []

    def start(*script: str, **options: Any) -> FakeDeepSeek:
        running.append(FakeDeepSeek(script=script, tick=0.01, **options).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


def test_rows_are_standardised_by_known_columns_and_by_headers(fake):
    answer = ask(fake()).json()
    first, second = json.loads(answer["choices"][0]["message"]["content"])["rows"]
    assert first == {"id": "r1", "name": "Ann Lee", "firstName": "Ann", "lastName": "Lee", "email": "ann@x.org",
                     "phone": "N/A", "company": "N/A", "title": "N/A", "industry": "N/A", "source": "N/A",
                     "remarks": "Pet: cat"}
    assert (second["name"], second["phone"], second["company"]) == ("Bob Ray", "0412 345 678", "Acme")
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize(("changes", "status"), [
    ({"model": "deepseek-chat"}, 400), ({"messages": []}, 400), ({"temperature": 3}, 422), ({"max_tokens": 0}, 422),
    ({"messages": [{"role": "user", "content": "no such word"}]}, 400)])
def test_a_request_that_deepseek_would_refuse_is_refused(fake, changes, status):
    reply = ask(fake(), a_request(**changes))
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_missing_or_wrong_key_is_401(fake, key):
    here = fake(key="right")
    assert ask(here, key=key).status_code == 401
    assert requests.get(f"{here.url}/models", timeout=5).status_code == 401
    assert ask(here, key="right").status_code == 200


def test_models_and_balance_are_told(fake):
    url, headers = fake().url, {"Authorization": "Bearer k"}
    assert "deepseek-flash" in requests.get(f"{url}/models", headers=headers, timeout=5).text
    assert requests.get(f"{url}/user/balance", headers=headers, timeout=5).json()["is_available"] is True
    assert requests.get(f"{url}/nothing", headers=headers, timeout=5).status_code == 404


def test_the_script_is_followed_and_then_all_is_well(fake):
    here = fake("429:2", "402", "ok")
    replies = [ask(here) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [429, 402, 200, 200]
    assert replies[0].headers["Retry-After"] == "2"
    assert "Retry-After" not in replies[1].headers


def test_blank_lines_come_before_the_answer_while_it_queues(fake):
    reply = ask(fake("keepalive:0.05"))
    assert reply.content.startswith(b"\n\n")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.json()["choices"]


def test_a_hangup_breaks_the_body(fake):
    with pytest.raises(requests.RequestException):
        ask(fake("hangup"))


@pytest.mark.parametrize(("act", "content", "reason"), [
    ("blank", " " * 40, "stop"), ("insufficient_system_resource", "", "insufficient_system_resource"),
    ("content_filter", "", "content_filter")])
def test_answers_that_http_calls_good_and_that_are_none(fake, act, content, reason):
    choice = ask(fake(act)).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (content, reason)


@pytest.mark.parametrize("act", ["length", "broken"])
def test_half_an_answer_is_no_json(fake, act):
    choice = ask(fake(act)).json()["choices"][0]
    assert choice["finish_reason"] == ("length" if act == "length" else "stop")
    with pytest.raises(ValueError):
        json.loads(choice["message"]["content"])


def test_an_answer_longer_than_its_budget_is_cut(fake):
    assert ask(fake(), a_request(max_tokens=10)).json()["choices"][0]["finish_reason"] == "length"


def test_thinking_is_on_unless_it_is_switched_off(fake):
    request = a_request()
    del request["thinking"]
    assert ask(fake(), request).json()["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


@pytest.mark.parametrize(("act", "ids"), [
    ("missing", ["r1"]), ("extra", ["r1", "r2", "r9999"]), ("repeated", ["r1", "r2", "r1"]), ("swapped", ["r1", "r2"])])
def test_wrong_rows_in_good_json(fake, act, ids):
    content = ask(fake(act)).json()["choices"][0]["message"]["content"]
    assert [row["id"] for row in json.loads(content)["rows"]] == ids


def test_swapped_rows_stand_under_each_others_ids(fake):
    content = ask(fake("swapped")).json()["choices"][0]["message"]["content"]
    assert [row["name"] for row in json.loads(content)["rows"]] == ["Bob Ray", "Ann Lee"]


def test_poison_decides_before_the_script(fake):
    here = fake("ok", poison={"Ann": 500})
    assert ask(here).status_code == 500
    clean = a_request(messages=[{"role": "user", "content": "json"}])
    assert ask(here, clean).status_code == 200


def test_more_requests_than_the_capacity_are_refused(fake):
    here = fake(capacity=2, latency=0.2)
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(reply.status_code for reply in pool.map(lambda _: ask(here), range(6)))
    assert 429 in statuses
    assert 200 in statuses
    assert here.max_in_flight == 2
    assert len(here.starts) == 6
    here.change({"capacity": 0})
    assert ask(here).status_code == 429


def test_chance_is_seeded(fake):
    def drawn(seed: int) -> list[str]:
        behaviour = Behaviour.of(["429", "500"], chances={"429:2": 0.3, "500": 0.3}, seed=seed)
        return [behaviour.next().kind for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert {"429", "500", "ok"} == set(drawn(1))
    assert 30 < drawn(1).count("500") < 90


def test_an_act_has_a_kind_and_may_have_an_amount():
    assert Act.parse("429:2.5") == Act("429", 2.5)
    assert Act.parse(" blank ") == Act("blank")


def test_behaviour_is_changed_and_the_log_read_over_http(fake):
    here = fake()
    requests.post(f"{here.url}/_fake/behaviour", json={"script": ["503"], "chances": {"500": 1.0}}, timeout=5)
    assert [ask(here).status_code for _ in range(2)] == [503, 500]
    log = requests.get(f"{here.url}/_fake/log", timeout=5)
    assert log.json()["acts"] == ["503", "500"]
    assert "Ann" not in log.text


def test_an_act_nobody_knows_is_said_at_once(fake):
    with pytest.raises(ValueError, match="bogus"):
        fake("bogus")
    with pytest.raises(ValueError, match="430"):
        fake(chances={"430": 0.1})
    here = fake("402")
    assert requests.post(f"{here.url}/_fake/behaviour", json={"script": ["bogus"]}, timeout=5).status_code == 400
    assert ask(here).status_code == 402


def test_a_connection_is_kept_between_requests(fake):
    here = fake("429", "ok")
    connection = http.client.HTTPConnection("127.0.0.1", here.server_port, timeout=5)
    for status in (429, 200):
        connection.request("POST", "/chat/completions", json.dumps(a_request()), {"Authorization": "Bearer k"})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == status
    connection.close()


def test_it_runs_by_itself_and_prints_where():
    command = [sys.executable, "-m", "chalicelib.local.fakes.deepseek", "--script", "503:4", "--chances", "402@1",
               "--poison", "BOOM@500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            reply = requests.post(f"{url}/chat/completions", json=a_request(), headers={"Authorization": "Bearer k"},
                                  timeout=5)
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, "4")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_text_in_a_taken_field_goes_to_the_remarks():
    row = standardise({"id": "r1", "cells": {"Mail": "a@x.org", "Mail 2": "b@x.org"}}, {})
    assert (row["email"], row["remarks"]) == ("a@x.org", "Mail 2: b@x.org")


@pytest.mark.parametrize(("act", "choices"), [("ok", [2, 0]), ("none", [0, 0]), ("last", [2, 3]), ("outside", [3, 4])])
def test_a_row_with_candidates_gets_the_number_of_one(fake, act, choices):
    rows = [{"id": "r1", "row": {"text": "valve 15"},
             "candidates": [{"number": 1, "text": "Valve 20"}, {"number": 2, "text": "Valve 15"}]},
            {"id": "r2", "row": {"text": "pump"}, "candidates": [{"number": 3, "text": "Valve 15"}]}]
    reply = ask(fake(act), a_request(messages=[{"role": "user", "content": "json"},
                                               {"role": "user", "content": json.dumps({"rows": rows})}]))
    answered = json.loads(reply.json()["choices"][0]["message"]["content"])["rows"]
    assert answered == [{"id": row["id"], "choice": choice} for row, choice in zip(rows, choices, strict=True)]


def test_a_row_whose_candidates_have_no_words_gets_none_of_them():
    assert choose({"id": "r1", "row": {}, "candidates": [{"number": 1}]}) == {"id": "r1", "choice": 0}


# --- tools

TOOL = {"type": "function", "function": {"name": "search_leads", "parameters": {"type": "object", "properties": {}}}}
NAMED = {"type": "function", "function": {"name": "search_leads"}}
ASKED = [{"role": "system", "content": "x"}, {"role": "user", "content": json.dumps(
    {"today": "2026-11-22, Sunday", "question": "how many leads from Acme"})}]


def a_tool_request(**changes: Any) -> dict[str, Any]:
    return {"model": "deepseek-flash", "messages": ASKED, "thinking": {"type": "disabled"}, "max_tokens": 1000,
            "temperature": 0, "tools": [TOOL], "tool_choice": NAMED, **changes}


def test_a_forced_tool_is_called_with_arguments_that_are_a_text(fake):
    choice = ask(fake(), a_tool_request()).json()["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert (choice["finish_reason"], call["type"]) == ("tool_calls", "function")
    assert call["function"]["name"] == "search_leads"
    assert json.loads(call["function"]["arguments"])["filters"][0]["values"] == ["Acme"]


@pytest.mark.parametrize("changes", [
    {"thinking": {"type": "enabled"}}, {"thinking": {}}, {"tools": []}, {"tools": [TOOL] * 129},
    {"tool_choice": {"type": "function", "function": {"name": "other"}}}, {"tool_choice": "sometimes"},
    {"tools": [{"type": "function", "function": {"name": "no spaces"}}]},
    {"messages": [*ASKED, {"role": "tool", "tool_call_id": "call_2", "content": "x"}]},
    {"messages": [*ASKED, {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_2", "type": "function", "function": {"name": "search_leads", "arguments": "{}"}}]}]}])
def test_requests_for_tools_that_deepseek_refuses_are_refused(fake, changes):
    assert ask(fake(), a_tool_request(**changes)).status_code == 400


def test_a_call_and_its_answer_may_stand_in_the_conversation(fake):
    call = {"id": "call_2", "type": "function", "function": {"name": "search_leads", "arguments": "{}"}}
    messages = [*ASKED, {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_2", "content": "Not run"}]
    assert ask(fake(), a_tool_request(messages=messages)).status_code == 200


def test_any_arguments_can_be_put_into_its_mouth_and_what_came_is_kept(fake):
    running = fake()
    running.change({"arguments": {"type": "count"}})
    call = ask(running, a_tool_request()).json()["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"type": "count"}
    assert list(running.received) == [a_tool_request()]


@pytest.mark.parametrize("act", ["tool_broken", "tool_list", "tool_field", "tool_operator", "tool_limit", "tool_more",
                                 "tool_other"])
def test_a_model_is_wrong_about_its_tool_when_told(fake, act):
    running = fake(act, "ok")
    wrong, good = (ask(running, a_tool_request()).json()["choices"][0]["message"]["tool_calls"][0]["function"]
                   for _ in range(2))
    assert wrong != good


def test_a_model_may_talk_instead_of_calling(fake):
    message = ask(fake("tool_text"), a_tool_request()).json()["choices"][0]["message"]
    assert message["content"]
    assert "tool_calls" not in message
