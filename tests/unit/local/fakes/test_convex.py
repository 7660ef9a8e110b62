"""The fake Convex itself: what it takes, how it refuses, what its log says, how it misbehaves when told."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib.local.fakes.convex import CODES, PROGRESS, RESULTS, FakeConvex

ROOT = Path(__file__).parents[4]


def call(fake: FakeConvex, args: Any = None, path: str = RESULTS, auth: str = "Convex k",
         **body: Any) -> requests.Response:
    sent = {"path": path, "args": {"externalId": "a"} if args is None else args, "format": "json", **body}
    return requests.post(f"{fake.url}/api/mutation", json=sent, timeout=10,
                         headers={"Authorization": auth} if auth else {})


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeConvex]]:
    running: list[FakeConvex] = []

    def start(*script: str, **options: Any) -> FakeConvex:
        running.append(FakeConvex(script=script, **options).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


def test_a_result_is_one_document_however_often_it_comes(fake):
    here = fake()
    for rate in (1, 2):
        assert call(here, {"externalId": "a", "rate": rate}).json() == {"status": "success", "value": None}
    assert (here.documents["a"].args["rate"], here.documents["a"].applied) == (2, 2)


def test_progress_is_kept_by_job(fake):
    here = fake()
    call(here, {"jobId": "j", "progress": 50}, PROGRESS)
    assert here.statuses["j"].args["progress"] == 50
    assert here.documents == {}


@pytest.mark.parametrize(("options", "status", "code"), [
    ({"auth": ""}, 400, "InvalidAdminKey"), ({"auth": "Basic k"}, 400, "InvalidAdminKey"),
    ({"auth": "Convex wrong"}, 401, "BadAdminKey"), ({"path": "a:b:c"}, 400, "BadConvexFunctionIdentifier"),
    ({"path": 5}, 400, "BadJsonBody"), ({"format": "xml"}, 400, "BadFormat")])
def test_what_the_server_refuses_is_a_status_with_a_code(fake, options, status, code):
    here = fake(key="k")
    reply = call(here, **options)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert here.documents == {}


@pytest.mark.parametrize(("options", "told"), [
    ({"path": "m:nothing"}, "Could not find public function for 'm:nothing'"),
    ({"args": {"rate": 1}}, "ArgumentValidationError"), ({"args": []}, "ArgumentValidationError"),
    ({"args": {"externalId": "a", "_id": 1}}, "ArgumentValidationError"),
    ({"args": {"externalId": "a", "row": [{"Größe": 1}]}}, "ArgumentValidationError")])
def test_what_the_function_refuses_is_200_with_an_error(fake, options, told):
    reply = call(fake(), **options)
    assert reply.status_code == 200
    assert reply.json()["status"] == "error"
    assert told in reply.json()["errorMessage"]


def test_an_address_that_is_none_is_404(fake):
    here = fake()
    assert requests.post(f"{here.url}/api/nothing", json={}, timeout=5).status_code == 404
    assert requests.get(f"{here.url}/nothing", timeout=5).status_code == 404


@pytest.mark.parametrize("act", sorted(CODES))
def test_every_code_comes_with_its_status_and_does_nothing(fake, act):
    here = fake(act)
    reply = call(here)
    assert (reply.status_code, reply.json()["code"]) == CODES[act]
    assert "Retry-After" not in reply.headers, "Convex sends none"
    assert here.documents == {}


def test_an_amount_is_a_retry_after(fake):
    assert call(fake("TooManyWrites:2.5")).headers["Retry-After"] == "2.5"


@pytest.mark.parametrize(("act", "status", "data"), [
    ("error", 200, None), ("560", 560, None), ("error_data", 200, {"message": "no such job"})])
def test_a_function_that_throws(fake, act, status, data):
    reply = call(fake(act))
    assert reply.status_code == status
    assert (reply.json()["status"], reply.json().get("errorData")) == ("error", data)
    assert "Server Error" in reply.json()["errorMessage"]


@pytest.mark.parametrize("act", ["lost", "cut"])
def test_a_lost_answer_was_applied_all_the_same(fake, act):
    here = fake(act)
    with pytest.raises(requests.RequestException):
        call(here)
    assert here.documents["a"].applied == 1
    assert call(here).status_code == 200


def test_a_slow_answer_was_applied_long_before(fake):
    here = fake("slow:5")
    with pytest.raises(requests.Timeout):
        requests.post(f"{here.url}/api/mutation", timeout=0.1, headers={"Authorization": "Convex k"},
                      json={"path": RESULTS, "args": {"externalId": "a"}, "format": "json"})
    assert here.documents["a"].applied == 1
    assert here.in_flight == 1, "its place is taken until it is answered"


def test_silence_does_its_work_at_the_end(fake):
    here = fake("silence:0.05")
    call(here)
    assert here.seen[0].ended - here.seen[0].started >= 0.05
    assert here.documents["a"].applied == 1


def test_each_third_answer_is_lost_after_being_applied(fake):
    here = fake(lose_every=3)
    lost = []
    for number in range(7):
        try:
            call(here, {"externalId": f"{number}"})
        except requests.RequestException:
            lost.append(number)
    assert lost == [2, 5]
    assert len(here.documents) == 7
    assert [one.act for one in here.seen].count("lost") == 2


def test_arguments_that_hold_a_text_are_refused_with_its_message(fake):
    here = fake(refuse={"BOOM": "no such job"})
    assert call(here, {"externalId": "a", "description": "BOOM pipe"}).json()["errorData"] == "no such job"
    assert call(here).json()["status"] == "success"


def test_more_mutations_than_the_limit_are_refused(fake):
    here = fake(limit=2, latency=0.2)
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda number: call(here, {"externalId": str(number)}), range(6)))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert {reply.json()["code"] for reply in refused} == {"TooManyConcurrentRequests"}
    assert 2 <= len(here.documents) == 6 - len(refused) < 6
    assert here.max_in_flight > 2
    assert here.in_flight == 0


def test_behaviour_is_changed_and_the_log_read_over_http(fake):
    here = fake()
    requests.post(f"{here.url}/_fake/behaviour", json={"script": ["503"], "lose_every": 1}, timeout=5)
    assert call(here).status_code == 503
    with pytest.raises(requests.RequestException):
        call(here, {"externalId": "a", "description": "secret pipe"})
    reply = requests.get(f"{here.url}/_fake/log", timeout=5)
    log = reply.json()
    assert [(one["act"], one["document"], one["path"]) for one in log["calls"]] == [
        ("503", "a", RESULTS), ("lost", "a", RESULTS)]
    assert all(one["started"] <= one["ended"] for one in log["calls"])
    assert (log["requests"], log["maxInFlight"], log["documents"], log["statuses"]) == (2, 1, {"a": 1}, {})
    assert "secret" not in reply.text


def test_an_act_nobody_knows_is_said_at_once(fake):
    with pytest.raises(ValueError, match="bogus"):
        fake("bogus")
    here = fake()
    assert requests.post(f"{here.url}/_fake/behaviour", json={"script": ["bogus"]}, timeout=5).status_code == 400


def test_it_runs_by_itself_and_prints_its_address():
    command = [sys.executable, "-m", "chalicelib.local.fakes.convex", "--script", "error", "--key", "k"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        try:
            reply = requests.post(f"{url}/api/mutation", timeout=5, headers={"Authorization": "Convex k"},
                                  json={"path": RESULTS, "args": {"externalId": "a"}})
        finally:
            process.send_signal(signal.SIGINT)
    assert reply.json()["status"] == "error"
