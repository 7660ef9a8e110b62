"""Whom we believe that a Dropbox account has changes, and which account that is."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.adapters.dropbox_webhook import MAX_BODY, SIGNATURE_HEADER
from chalicelib.api.auth import Caller, Role
from chalicelib.api.dropbox_webhook import changed, sync
from chalicelib.api.image_models import SyncQuery
from chalicelib.errors import RequestProblem, RequestRefused, Transient
from chalicelib.local.fakes.dropbox import ACCOUNT, FakeDropbox
from chalicelib.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STRANGER = "dbid:AAStranger"
OPERATOR = Caller("ada", "default", frozenset({Role.OPERATOR.value}))


class Queues:
    def __init__(self, fault: Exception | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self._fault = fault

    def send(self, _queue: str, body: dict[str, Any], *, group: str) -> None:
        if self._fault:
            raise self._fault
        self.sent.append({**body, "group": group})


def chosen(**more: str) -> Settings:
    return Settings(**{"DROPBOX_CLIENT_ID": "k", "DROPBOX_CLIENT_SECRET": "s", "DROPBOX_ACCOUNT": ACCOUNT, **more})


def hear(body: bytes, signature: str | None, settings: Settings | None = None, queues: Queues | None = None) -> Queues:
    request: Any = SimpleNamespace(raw_body=body, headers={} if signature is None else {SIGNATURE_HEADER: signature})
    queues = queues or Queues()
    sent: Any = queues
    answer = changed(request, queues=sent, settings=settings or chosen(), clock=lambda: NOW)
    assert answer.status_code == 200
    return queues


def notification(*accounts: str, secret: str = "s") -> tuple[bytes, str]:
    fake = FakeDropbox(client_secret=secret)
    body, headers = fake.webhook(*accounts)
    fake.server_close()
    return body, headers[SIGNATURE_HEADER]


def test_one_task_an_account_says_since_when_there_is_something_to_see():
    assert hear(*notification(STRANGER, ACCOUNT, ACCOUNT)).sent == [{
        "v": 1, "task": "list_dropbox", "account": ACCOUNT, "at": "2026-01-01T00:00:00.000Z", "group": "default"}]


def test_a_queue_that_does_not_answer_keeps_nobody_waiting():
    """Dropbox comes again after a 503; what the queue takes after all says the same once more."""
    answered = threading.Event()

    class Slow(Queues):
        def send(self, queue: str, body: dict[str, Any], *, group: str) -> None:
            answered.wait(10)
            super().send(queue, body, group=group)

    body, signature = notification(ACCOUNT)
    request: Any = SimpleNamespace(raw_body=body, headers={SIGNATURE_HEADER: signature})
    slow: Any = Slow()
    with pytest.raises(Transient):
        changed(request, queues=slow, settings=chosen(), clock=lambda: NOW, patience=0.01)
    assert slow.sent == []
    answered.set()


def test_accounts_that_we_do_not_follow_are_passed_over():
    assert hear(*notification(STRANGER)).sent == []


def test_where_no_account_is_named_each_one_means_ours():
    sent = hear(*notification(STRANGER, ACCOUNT), chosen(DROPBOX_ACCOUNT="", DROPBOX_OWNER="studio")).sent
    assert [(each["account"], each["group"]) for each in sent] == [("own", "studio")]


@pytest.mark.parametrize("spoil", [
    lambda good: None, lambda good: "", lambda good: good[:-1], lambda good: good.upper(), lambda good: "0" * 64,
    lambda good: "\xff" + good[1:], lambda good: f" {good}"])
def test_a_signature_that_is_not_dropboxs_is_refused(spoil: Any):
    body, signature = notification()
    with pytest.raises(RequestRefused) as refused:
        hear(body, spoil(signature))
    assert (refused.value.code, refused.value.status_code) == (RequestProblem.BAD_SIGNATURE, 401)


def test_without_a_secret_nobody_is_believed():
    with pytest.raises(RequestRefused) as refused:
        hear(*notification(secret=""), chosen(DROPBOX_CLIENT_SECRET=""))
    assert refused.value.code is RequestProblem.BAD_SIGNATURE


def test_a_body_that_no_notification_has_is_refused_before_it_is_read():
    with pytest.raises(RequestRefused) as refused:
        hear(b" " * (MAX_BODY + 1), "0" * 64)
    assert refused.value.code is RequestProblem.PAYLOAD_TOO_LARGE


def test_a_queue_that_does_not_answer_is_no_success():
    with pytest.raises(Transient):
        hear(*notification(), queues=Queues(Transient("sqs did not answer")))


def test_without_an_app_there_is_nothing_to_list():
    queues: Any = Queues()
    with pytest.raises(RequestRefused) as refused:
        sync(OPERATOR, SyncQuery(), queues=queues, settings=chosen(DROPBOX_CLIENT_ID=""),
             clock=lambda: NOW)
    assert refused.value.code is RequestProblem.DROPBOX_NOT_CONFIGURED
