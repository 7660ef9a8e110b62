"""What Dropbox and operators say over HTTP: who is believed, and that nothing but a task comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.dropbox_webhook import MAX_BODY, SIGNATURE_HEADER
from chalicelib.api.tasks import parse_task
from chalicelib.bootstrap import services
from chalicelib.errors import Transient
from chalicelib.local.fakes.dropbox import ACCOUNT, FakeDropbox
from tests.conftest import Aws
from tests.functional.dropbox import SETTINGS
from tests.functional.engine import Engine
from tests.functional.rest import Answer, Api, token

ROUTE = "/webhooks/dropbox"
STRANGER = "dbid:AAStranger"


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def api(environment: None, shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def engine(shared_aws: Aws) -> Engine:
    made = Engine(shared_aws)
    made.bodies("tasks")
    return made


@pytest.fixture
def fake() -> Iterator[FakeDropbox]:
    with FakeDropbox() as running:
        yield running


def post(api: Api, body: bytes, signature: str | None) -> Answer:
    headers = {"authorization": "", **({} if signature is None else {SIGNATURE_HEADER: signature})}
    return api("POST", ROUTE, body, headers=headers)


def tell(api: Api, fake: FakeDropbox, *accounts: str) -> Answer:
    body, headers = fake.webhook(*accounts)
    return post(api, body, headers[SIGNATURE_HEADER])


def test_a_challenge_comes_back_as_plain_text(api: Api):
    answer = api("GET", ROUTE, headers={"authorization": ""}, challenge="<b>x&y</b>")
    assert (answer.status, answer.text, answer.headers["content-type"]) == (200, "<b>x&y</b>", "text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"

    without = api("GET", ROUTE, headers={"authorization": ""})
    assert (without.status, without.code) == (400, "BAD_REQUEST")


def test_a_notification_leaves_one_task_that_a_worker_understands(api: Api, fake: FakeDropbox, engine: Engine):
    answer = tell(api, fake, STRANGER, ACCOUNT, ACCOUNT)

    assert (answer.status, answer.json) == (200, {"accounts": 1})
    body, = engine.bodies("tasks")
    assert parse_task(body)
    assert json.loads(body)["account"] == ACCOUNT


def test_accounts_that_we_do_not_follow_are_passed_over(api: Api, fake: FakeDropbox, engine: Engine):
    assert tell(api, fake, STRANGER).status == 200
    assert engine.depth("tasks") == 0


def test_a_signature_that_is_not_dropboxs_is_refused(api: Api, fake: FakeDropbox, engine: Engine):
    body, headers = fake.webhook()
    for answer in (post(api, body, None), post(api, body + b" ", headers[SIGNATURE_HEADER])):
        assert (answer.status, answer.code, engine.depth("tasks")) == (401, "BAD_SIGNATURE", 0)


def test_a_body_that_no_notification_has_is_refused_before_it_is_read(api: Api):
    answer = post(api, b" " * (MAX_BODY + 1), "0" * 64)
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")


def test_a_queue_that_does_not_answer_lets_dropbox_come_again(api: Api, fake: FakeDropbox):
    class Silent:
        def send(self, *_: Any, **__: Any) -> None:
            raise Transient("sqs did not answer")

    vars(services())["queues"] = Silent()
    answer = tell(api, fake)
    del vars(services())["queues"]  # built anew when it is next asked for
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert int(answer.headers["retry-after"]) > 0


def test_operators_may_have_dropbox_listed_and_others_may_not(api: Api, engine: Engine):
    refused = api("POST", "/dropbox/sync", full="true")
    assert (refused.status, refused.code, engine.depth("tasks")) == (403, "FORBIDDEN", 0)

    operator = api.as_(token(roles=("user", "operator")))
    assert operator("POST", "/dropbox/sync", full="maybe").code == "BAD_REQUEST"
    answers = [operator("POST", "/dropbox/sync"), operator("POST", "/dropbox/sync", full="true")]
    assert [(answer.status, answer.json["full"]) for answer in answers] == [(202, False), (202, True)]
    tasks = [json.loads(body) for body in engine.bodies("tasks")]
    assert sorted(task.get("full", False) for task in tasks) == [False, True]
