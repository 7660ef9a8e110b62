"""What Dropbox sends by itself: signatures that hold and that do not, notifications that are and that are none."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.adapters.dropbox_webhook import (
    CHALLENGE_HEADERS,
    MAX_ACCOUNTS,
    MAX_BODY,
    accounts_of,
    echo,
    verify_signature,
)
from chalicelib.errors import RequestProblem, RequestRefused

ONE, OTHER = "dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc", "dbid:AAHgR8xsQP48a5DQUGPo-Vxsrjd0OByVmho"
BODY = b'{"list_folder": {"accounts": ["dbid:AAH4f99T0taONIb-OurWxbNQ6ywGRopQngc"]}, "delta": {"users": [12345678]}}'


def signed(body: bytes, secret: str = "secret") -> str:
    return hmac.new(secret.encode(), body, sha256).hexdigest()


def notification(*accounts: Any) -> bytes:
    return json.dumps({"list_folder": {"accounts": list(accounts)}}).encode()


def test_a_signature_over_the_very_bytes_holds():
    assert verify_signature("secret", BODY, signed(BODY))
    assert verify_signature("secret", b"", signed(b""))


@pytest.mark.parametrize("header", [
    None, "", signed(BODY)[:-1], signed(BODY) + "0", signed(BODY, "other"), signed(BODY + b" "), signed(BODY).upper(),
    f"sha256={signed(BODY)}", "ä" * 64, "\ud800"])
def test_any_other_signature_does_not(header):
    assert not verify_signature("secret", BODY, header)


def test_without_a_secret_no_signature_holds():
    assert not verify_signature("", BODY, signed(BODY, ""))


def test_the_accounts_are_told_each_once_in_their_order():
    assert accounts_of(BODY) == (ONE,)
    assert accounts_of(notification(OTHER, ONE, OTHER)) == (OTHER, ONE)


@pytest.mark.parametrize("body", [b"{}", b'{"delta": {"users": [1]}}', b'{"list_folder": {"teams": {"dbtid:x": []}}}',
                                  notification()])
def test_a_notification_about_something_else_names_no_account(body):
    assert accounts_of(body) == ()


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b"\xff", b'{"list_folder": []}', b'{"list_folder": {"accounts": {}}}', notification(1),
    notification(None), notification("AAH4"), notification("dbid:"), notification("dbid:a/b"), notification(f"{ONE}\n"),
    notification("dbid:" + "a" * 97), notification(*[f"dbid:{number}" for number in range(MAX_ACCOUNTS + 1)]),
    b"[" * 10_000], ids=range(15))
def test_what_is_no_notification_is_refused(body):
    with pytest.raises(RequestRefused) as refused:
        accounts_of(body)
    assert refused.value.code is RequestProblem.BAD_REQUEST


def test_a_body_that_is_too_large_is_not_even_read():
    with pytest.raises(RequestRefused) as refused:
        accounts_of(b" " * MAX_BODY + BODY)
    assert refused.value.status_code == 413


def test_a_challenge_is_answered_with_itself_as_text():
    assert echo("<b>x</b>") == "<b>x</b>"
    assert CHALLENGE_HEADERS == {"Content-Type": "text/plain", "X-Content-Type-Options": "nosniff"}


@pytest.mark.parametrize("challenge", [None, "", "x" * 1025])
def test_without_a_challenge_there_is_nothing_to_echo(challenge):
    with pytest.raises(RequestRefused) as refused:
        echo(challenge)
    assert refused.value.status_code == 400


def test_the_api_can_hear_of_changes_without_a_client():
    program = "import sys, chalicelib.adapters.dropbox_webhook, chalicelib.adapters.dropbox_answers; " \
              "sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
