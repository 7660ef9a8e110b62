"""What a request may bring to say who sends it, and what the edge does with somebody whom nobody gave a role."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from chalicelib.api.admission import token_rules
from chalicelib.api.auth import Caller, Role
from chalicelib.errors import RequestRefused
from chalicelib.settings import Settings
from tests.unit.api.test_edge import SECRET, Site


@pytest.fixture
def site() -> Site:
    return Site()


def bearer(site: Site, **claims: Any) -> str:
    told = {"sub": "ada", "iss": "dropmill", "aud": "dropmill", "exp": int(site.clock().timestamp()) + 60, **claims}
    return f"Bearer {jwt.encode(told, SECRET)}"


@pytest.mark.parametrize(("roles", "status"), [
    (None, 403), ([], 403), (["visitor"], 403), (["user"], 200), (["operator"], 200), (["user", "visitor"], 200)])
def test_somebody_without_a_role_of_ours_is_forbidden_everything(site: Site, roles: list[str] | None, status: int):
    claims = {} if roles is None else {"roles": roles}
    for method in ("GET", "POST"):
        found, answer, _ = site(method, authorization=bearer(site, **claims))
        assert found == status
        assert status == 200 or answer["error"]["details"] == {"role": "user"}
    assert site.calls == (2 if status == 200 else 0)


def test_key_may_not_do_what_wants_a_token():
    Caller("ada", "acme", frozenset({Role.USER})).require_token()
    with pytest.raises(RequestRefused) as refused:
        Caller("ada", "acme", frozenset({Role.USER, Role.OPERATOR}), "0123456789abcdef").require_token()
    assert refused.value.status_code == 403


def test_hsts_is_told_where_there_is_tls(site: Site):
    assert "strict-transport-security" not in site()[2]
    site.settings = Settings(STAGE="prod")
    for _, _, headers in (site(), site(path="/health"), site(authorization="Bearer x")):
        assert headers["strict-transport-security"] == "max-age=31536000"


def test_rules_follow_the_settings_and_ask_no_issuer_before_a_token_needs_it():
    rules = token_rules(Settings(JWT_ALGORITHMS="RS256, ES256", JWT_JWKS_URL="https://id.invalid/keys",
                                 JWT_JWKS_ISSUER="i", JWT_JWKS_AUDIENCE="a", JWT_OWNER_CLAIM="team"))
    assert rules.algorithms == {"RS256", "ES256"}
    assert rules.signers is not None
    assert (rules.signers.names.issuer, rules.signers.names.owner_claim) == ("i", "team")
    assert token_rules(Settings()).signers is None
