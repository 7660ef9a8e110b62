"""Which tokens open the door, and as whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from chalicelib.api.auth import Caller, Role, TokenRules, needs_token
from chalicelib.errors import DropmillError, RequestProblem, RequestRefused

SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RULES = TokenRules(SecretStr(SECRET), "dropmill", "dropmill")
LATER = int((NOW + timedelta(hours=1)).timestamp())


def claims(**changes: Any) -> dict[str, Any]:
    told = {"sub": "ada", "iss": "dropmill", "aud": "dropmill", "exp": LATER, **changes}
    return {name: value for name, value in told.items() if value is not None}


def header(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return f"Bearer {jwt.encode(claims(**changes), secret, algorithm=algorithm)}"


def refusal(authorization: str | None, rules: TokenRules = RULES) -> RequestProblem:
    with pytest.raises(RequestRefused) as refused:
        rules.verify(authorization, NOW)
    assert isinstance(refused.value.code, RequestProblem)
    return refused.value.code


def test_owner_is_the_organisation_and_else_the_subject():
    assert RULES.verify(header(org="acme", roles=["user"]), NOW) == Caller("ada", "acme", frozenset({"user"}))
    assert RULES.verify(header(), NOW) == Caller("ada", "ada", frozenset())


def test_unknown_roles_are_dropped_and_missing_ones_forbidden():
    caller = RULES.verify(header(roles=["user", "emperor"]), NOW)
    assert caller.roles == {"user"}
    with pytest.raises(RequestRefused) as refused:
        caller.require(Role.OPERATOR)
    assert refused.value.status_code == 403
    RULES.verify(header(roles=["operator"]), NOW).require(Role.OPERATOR)


@pytest.mark.parametrize("authorization", [
    None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", f"Token {header().split()[1]}", header().split()[1],
    f"Bearer {'x' * 9000}"])
def test_header_that_is_no_bearer_token_is_unauthorized(authorization: str | None):
    assert refusal(authorization) is RequestProblem.UNAUTHORIZED


@pytest.mark.parametrize("changes", [
    {"exp": None}, {"sub": None}, {"iss": None}, {"aud": None}, {"iss": "other"}, {"aud": "other"}, {"sub": 5},
    {"sub": "a b"}, {"sub": "a#b"}, {"sub": "a/b"}, {"sub": "x" * 129}, {"org": ""}, {"org": "a\nb"}, {"org": ["a"]},
    {"roles": "operator"}, {"roles": [5]}, {"exp": "tomorrow"}, {"exp": True}, {"exp": float("nan")},
    {"exp": int((NOW - timedelta(seconds=31)).timestamp())}, {"nbf": int((NOW + timedelta(seconds=31)).timestamp())},
    {"iat": int((NOW + timedelta(seconds=31)).timestamp())}])
def test_token_with_a_wrong_claim_is_unauthorized(changes: dict[str, Any]):
    assert refusal(header(**changes)) is RequestProblem.UNAUTHORIZED


def test_clocks_may_disagree_by_half_a_minute():
    edge = timedelta(seconds=29)
    RULES.verify(header(exp=int((NOW - edge).timestamp()), nbf=int((NOW + edge).timestamp())), NOW)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_only_our_algorithm_and_our_secret_count():
    assert refusal(header("another secret of thirty-two bytes!!")) is RequestProblem.UNAUTHORIZED
    assert refusal(header(algorithm="HS512")) is RequestProblem.UNAUTHORIZED
    unsigned = jwt.encode(claims(), None, algorithm="none")
    assert refusal(f"Bearer {unsigned}") is RequestProblem.UNAUTHORIZED


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_proper_secret_nobody_gets_in_and_we_are_to_blame(secret: str):
    with pytest.raises(DropmillError) as broken:
        TokenRules(SecretStr(secret), "dropmill", "dropmill").verify(header(), NOW)
    assert not isinstance(broken.value, RequestRefused)


def test_every_route_needs_a_token_unless_it_is_named():
    assert not needs_token("GET", "/health")
    assert needs_token("POST", "/health")
    assert needs_token("GET", "/anything/new")
