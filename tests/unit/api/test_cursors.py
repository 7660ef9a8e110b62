from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chalicelib.api.cursors import seal, unseal
from chalicelib.errors import RequestProblem, RequestRefused

SECRET = SecretStr("0123456789abcdef0123456789abcdef")
SCOPE = {"owner": "acme", "sort": "email"}


@given(st.text(max_size=300))
def test_a_position_comes_back_as_it_was(position: str):
    position = position.encode("utf-8", "replace").decode()
    assert unseal(SECRET, SCOPE, seal(SECRET, SCOPE, position)) == position


@pytest.mark.parametrize("scope", [{}, {"owner": "other", "sort": "email"}, {**SCOPE, "more": 1}])
def test_a_cursor_of_another_query_is_refused(scope: dict):
    assert refused(seal(SECRET, scope, "x"))


@pytest.mark.parametrize("cursor", ["", "a", "####", "é", "x" * 10_000, base64.urlsafe_b64encode(b"y" * 40).decode()])
def test_a_cursor_that_nobody_sealed_is_refused(cursor: str):
    assert refused(cursor)


@given(st.integers(min_value=0, max_value=200), st.integers(min_value=1, max_value=255))
def test_one_changed_bit_is_enough(place: int, change: int):
    sealed = bytearray(base64.urlsafe_b64decode(seal(SECRET, SCOPE, "position") + "=="))
    sealed[place % len(sealed)] ^= change
    assert refused(base64.urlsafe_b64encode(bytes(sealed)).decode())


def test_another_secret_opens_nothing():
    assert refused(seal(SecretStr("another secret of thirty-two bytes"), SCOPE, "x"))


def refused(cursor: str) -> bool:
    with pytest.raises(RequestRefused) as refusal:
        unseal(SECRET, SCOPE, cursor)
    return refusal.value.code is RequestProblem.BAD_CURSOR
