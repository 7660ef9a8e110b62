"""Tokens of an identity service: its keys fetched over HTTP, rotated, withdrawn, and not to be had for a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr, ValidationError

from chalicelib.adapters.jwks import MAX_BYTES, MAX_KEYS, JwksKeys, Lifetimes
from chalicelib.api.auth import Names, Role, Signers, TokenRules
from chalicelib.api.tokens import Algorithm
from chalicelib.bootstrap import services
from chalicelib.errors import RequestRefused, Waiting
from chalicelib.settings import Settings, settings
from tests.functional import key_server
from tests.functional.key_server import AUDIENCE, CURVE, FIRST, ISSUER, SECOND, KeyServer, Signer
from tests.functional.rest import SECRET, Api, token

FRESH, STALE, REFETCH = 3600.0, 86_400.0, 30.0


class Watch:
    """A clock of seconds that moves only when told, but for what a request to the key server takes."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with key_server.running() as running:
        yield running


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def keys(server: KeyServer, watch: Watch) -> JwksKeys:
    return JwksKeys(server.url, requests.Session(), Lifetimes(FRESH, STALE, REFETCH), monotonic=watch)


def rules(keys: JwksKeys, **changes: Any) -> TokenRules:
    names = Names(**{"issuer": ISSUER, "audience": AUDIENCE, **changes.pop("names", {})})
    return TokenRules(SecretStr(SECRET), "dropmill", "dropmill", **changes, signers=Signers(lambda: keys, names))


def refused(keys: JwksKeys, text: str, **changes: Any) -> bool:
    with pytest.raises(RequestRefused) as refusal:
        rules(keys, **changes).verify(f"Bearer {text}", datetime.now(UTC))
    return refusal.value.status_code == 401


def taken(keys: JwksKeys, text: str, **changes: Any) -> Any:
    return rules(keys, **changes).verify(f"Bearer {text}", datetime.now(UTC))


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


# --- whose tokens count


def test_both_kinds_of_tokens_count_at_once_and_each_by_its_own_rules(keys: JwksKeys):
    assert taken(keys, FIRST.token()).owner == "default"
    assert taken(keys, CURVE.token(roles=["operator"])).roles == {"operator"}
    assert taken(keys, token()).subject == "ada"
    assert refused(keys, FIRST.token(iss="dropmill", aud="dropmill"))
    assert refused(keys, token(iss=ISSUER, aud=AUDIENCE))


@pytest.mark.parametrize("claims", [
    {"exp": 1}, {"exp": None}, {"nbf": 4_102_444_800}, {"iat": 4_102_444_800}, {"iss": None}, {"iss": ISSUER + "/"},
    {"aud": None}, {"aud": "another"}, {"aud": ["another"]}, {"aud": {"dropmill-web": 1}}, {"sub": None},
    {"sub": "a#b"}, {"org": 5}, {"roles": "user"}, {"exp": 10**400}])
def test_token_of_a_key_set_with_a_wrong_claim_is_refused(keys: JwksKeys, claims: dict[str, Any]):
    text = FIRST.token(**claims) if claims.get("iss", ISSUER) is not None else FIRST.token(iss=None)
    assert refused(keys, text)


def test_audience_may_be_one_of_several(keys: JwksKeys):
    assert taken(keys, FIRST.token(aud=["another", AUDIENCE]))


def test_claims_have_the_names_that_the_service_gives_them(keys: JwksKeys):
    names = {"audience_claim": "client_id", "roles_claim": "cognito:groups", "owner_claim": "custom:team"}
    cognito = {"aud": None, "client_id": AUDIENCE, "cognito:groups": ["operator", "strangers"], "custom:team": "acme"}
    caller = taken(keys, FIRST.token(**cognito), names=names)
    assert (caller.owner, caller.roles) == ("acme", {Role.OPERATOR})
    assert refused(keys, FIRST.token(**{**cognito, "client_id": "another"}), names=names)
    assert refused(keys, FIRST.token(**{**cognito, "client_id": None, "aud": AUDIENCE}), names=names)
    assert taken(keys, token(roles=("user",)), names=names).roles == {Role.USER}, "our own tokens keep their names"


# --- confusion


def test_a_public_key_is_no_secret(keys: JwksKeys):
    """The classic: whoever has the public key signs HS256 with its text."""
    for text in (FIRST.pem, FIRST.pem.strip(), json.dumps(FIRST.jwk).encode()):
        head = encoded({"alg": "HS256", "kid": "first", "typ": "JWT"})
        message = f"{head}.{encoded({'sub': 'eve', 'iss': ISSUER, 'aud': AUDIENCE, 'exp': 4_102_444_800})}"
        made = hmac.new(text, message.encode(), hashlib.sha256).digest()
        assert refused(keys, f"{message}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}")


def test_a_secret_in_the_set_is_none(server: KeyServer, keys: JwksKeys):
    known = base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
    server.keys = [{"kty": "oct", "k": known, "kid": "first", "alg": "HS256"}, {**FIRST.jwk, "kty": "oct", "k": known}]
    assert keys.key("first", "RS256") is None
    assert keys.key("first", "HS256") is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS512", "RS512", "PS256", "EdDSA", None, [],
                                       ["RS256"], {"alg": "RS256"}, 5])
def test_algorithm_that_is_not_pinned_is_refused(keys: JwksKeys, algorithm: Any):
    _, claims, signature = FIRST.token().split(".")
    for end in (signature, ""):
        assert refused(keys, f"{encoded({'alg': algorithm, 'kid': 'first'})}.{claims}.{end}")


def test_a_key_serves_its_own_algorithm_only(keys: JwksKeys):
    assert refused(keys, CURVE.token({"kid": "first"}))
    assert refused(keys, FIRST.token({"kid": "curve"}))


def test_only_pinned_algorithms_count(server: KeyServer, keys: JwksKeys):
    only_rsa = {"algorithms": frozenset({Algorithm.RS256})}
    assert taken(keys, FIRST.token(), **only_rsa)
    asked = server.asked
    assert refused(keys, CURVE.token(), **only_rsa)
    assert refused(keys, token(), **only_rsa)
    assert server.asked == asked


def test_token_that_brings_its_own_key_is_checked_with_ours(server: KeyServer, keys: JwksKeys):
    own = Signer("first", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    with key_server.running() as strangers:
        strangers.keys = [own.jwk]
        for headers in ({"jwk": own.jwk}, {"jku": strangers.url}, {"x5u": strangers.url}, {"x5c": ["MIIB"]}):
            assert refused(keys, own.token(headers))
            assert taken(keys, FIRST.token(headers)), "ours may say so; nobody looks"
        assert strangers.asked == 0
    assert server.asked == 1


@pytest.mark.parametrize("kid", ["../../../etc/passwd", "/dev/null", "first\0", "' OR 1=1 --", "first/../first",
                                 "FIRST", "http://127.0.0.1/", "x" * 201, "", 5, None, ["first"], {"first": 1}])
def test_name_of_a_key_is_only_ever_compared(keys: JwksKeys, kid: Any):
    _, claims, signature = FIRST.token().split(".")
    told = {"alg": "RS256", "kid": kid}
    message = f"{encoded(told)}.{claims}"
    assert refused(keys, f"{message}.{signature}")


@pytest.mark.parametrize("text", [
    "a.b", "a.b.c.d", "..", "a..c", "e30.e30.", "e30.e30.e30", "W10.e30.e30", "!!!.e30.e30",
    base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.e30", FIRST.token() + "=", FIRST.token() + "\n.", "é.é.é",
    FIRST.token({"crit": ["exp"]}), FIRST.token({"crit": ["b64"], "b64": True})])
def test_what_is_no_token_is_refused(keys: JwksKeys, text: str):
    assert refused(keys, text)


def test_broken_signature_is_refused(keys: JwksKeys):
    head, claims, signature = FIRST.token().split(".")
    other = encoded({"sub": "eve", "iss": ISSUER, "aud": AUDIENCE, "exp": 4_102_444_800, "roles": ["operator"]})
    assert refused(keys, f"{head}.{other}.{signature}")
    assert refused(keys, f"{head}.{claims}.{signature[:-4]}AAAA")
    assert refused(keys, SECOND.token({"kid": "first"}))


# --- fetching, keeping, rotating


def test_keys_are_fetched_once_in_their_lifetime(server: KeyServer, keys: JwksKeys, watch: Watch):
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: taken(keys, FIRST.token()), range(16)))
    assert server.asked == 1
    watch.passed += FRESH
    assert taken(keys, FIRST.token())
    assert server.asked == 2


def test_new_key_counts_from_its_first_token_on(server: KeyServer, keys: JwksKeys, watch: Watch):
    assert taken(keys, FIRST.token())
    server.keys = [FIRST.jwk, SECOND.jwk]
    watch.passed += REFETCH
    assert taken(keys, SECOND.token())
    assert taken(keys, FIRST.token())
    assert server.asked == 2


def test_withdrawn_key_counts_no_longer_than_its_lifetime(server: KeyServer, keys: JwksKeys, watch: Watch):
    assert taken(keys, FIRST.token())
    server.keys = [SECOND.jwk]
    assert taken(keys, FIRST.token())
    watch.passed += FRESH
    assert refused(keys, FIRST.token())
    server.keys = []
    watch.passed += FRESH
    assert refused(keys, SECOND.token())


def test_strangers_cannot_make_us_hammer_the_issuer(server: KeyServer, keys: JwksKeys, watch: Watch):
    for number in range(50):
        assert refused(keys, FIRST.token({"kid": f"made-up-{number}"}))
    assert server.asked == 1
    watch.passed += REFETCH
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: refused(keys, FIRST.token({"kid": f"more-{number}"})), range(16)))
    assert server.asked == 2


def test_known_keys_go_on_serving_while_the_issuer_is_down(server: KeyServer, keys: JwksKeys, watch: Watch):
    assert taken(keys, FIRST.token())
    server.status = 503
    watch.passed += FRESH + STALE - 60
    for _ in range(3):
        assert taken(keys, FIRST.token())
    assert server.asked == 2, "a dead issuer is not asked for every request"


def test_after_a_long_outage_nobody_is_refused_but_all_are_told_to_wait(
    server: KeyServer, keys: JwksKeys, watch: Watch
):
    assert taken(keys, FIRST.token())
    server.status = 500
    watch.passed += FRESH + STALE
    with pytest.raises(Waiting) as waiting:
        taken(keys, FIRST.token())
    assert 1 <= waiting.value.seconds <= REFETCH
    server.status = 200
    watch.passed += REFETCH
    assert taken(keys, FIRST.token())


def test_unknown_key_during_an_outage_may_be_a_new_one(server: KeyServer, keys: JwksKeys, watch: Watch):
    assert taken(keys, FIRST.token())
    server.status = 503
    watch.passed += REFETCH
    for _ in range(2):
        with pytest.raises(Waiting):
            taken(keys, SECOND.token())
    assert taken(keys, FIRST.token())


@pytest.mark.parametrize("answer", [
    {"status": 404}, {"status": 302, "headers": {"Location": "/elsewhere"}}, {"body": b""}, {"body": b"{"},
    {"body": b"[]"}, {"body": b'{"keys": {}}'}, {"body": b'{"keys": 5}'}, {"body": b"[" * 100_000},
    {"body": b'{"keys": []}' + b" " * MAX_BYTES}, {"body": json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode()},
    {"body": b"<html>"}, {"headers": {"Content-Length": "100000"}}])
def test_strange_answer_is_an_outage(server: KeyServer, keys: JwksKeys, watch: Watch, answer: dict[str, Any]):
    assert taken(keys, FIRST.token())
    for name, value in answer.items():
        setattr(server, name, value)
    watch.passed += FRESH
    assert taken(keys, FIRST.token())
    assert server.asked == 2, "and no redirect is followed"


def test_issuer_that_never_answers_holds_nobody_up_for_long(server: KeyServer, watch: Watch):
    class Hurried(Watch):
        """Every look at it takes two seconds."""

        def __call__(self) -> float:
            self.passed += 2.0
            return self.passed

    server.silent = threading.Event()
    keys = JwksKeys(server.url, _impatient(), Lifetimes(FRESH, STALE, REFETCH), monotonic=Hurried())
    with pytest.raises(Waiting):
        taken(keys, FIRST.token())


def _impatient() -> requests.Session:
    """Its sockets give up after a moment, whatever they are told: the deadline is `http.send`'s, tested there."""
    class Impatient(requests.Session):
        def request(self, *args: Any, **more: Any) -> requests.Response:
            return super().request(*args, **{**more, "timeout": 0.2})

    return Impatient()


def test_no_server_at_all_is_an_outage(watch: Watch):
    keys = JwksKeys("http://127.0.0.1:9/", requests.Session(), Lifetimes(FRESH, STALE, REFETCH), monotonic=watch)
    with pytest.raises(Waiting):
        taken(keys, FIRST.token())


def test_keys_that_are_of_no_use_do_not_spoil_the_others(server: KeyServer, keys: JwksKeys):
    weak = Signer("weak", rsa.generate_private_key(public_exponent=65537, key_size=1024))
    other = Signer("other", ec.generate_private_key(ec.SECP384R1()), "ES256")
    server.keys = [{}, None, 5, {"kid": "x"}, {**FIRST.jwk, "kid": 5}, {**FIRST.jwk, "kid": "bad", "n": "!"},  # type: ignore[list-item]
                   {**FIRST.jwk, "kid": "enc", "use": "enc"}, {**FIRST.jwk, "kid": "ps", "alg": "PS256"}, weak.jwk,
                   {**other.jwk, "alg": "ES384"}, other.jwk, {**CURVE.jwk, "kid": "off", "y": CURVE.jwk["x"]},
                   {**SECOND.jwk, "kid": "bare", "alg": None}, FIRST.jwk, {**SECOND.jwk, "kid": "first"}]
    assert taken(keys, FIRST.token()), "of two keys of one name the first counts"
    assert [kid for kid in ("bad", "enc", "ps", "weak", "other", "off", "x", "bare")
            if keys.key(kid, "RS256") or keys.key(kid, "ES256")] == []


def test_key_need_not_say_what_it_is_for(server: KeyServer, keys: JwksKeys):
    server.keys = [{name: value for name, value in FIRST.jwk.items() if name not in ("alg", "use")}]
    assert taken(keys, FIRST.token())


# --- through the routes


@pytest.fixture
def people(server: KeyServer, api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The app as a stage with an identity service."""
    for name, value in {"JWT_JWKS_URL": server.url, "JWT_JWKS_ISSUER": ISSUER, "JWT_JWKS_AUDIENCE": AUDIENCE,
                        "JWT_ROLES_CLAIM": "cognito:groups"}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    services.cache_clear()
    return api.as_(FIRST.token(**{"cognito:groups": ["user"]}))


def test_people_and_scripts_share_a_stage(people: Api):
    made = people("POST", "/upload", {"fileName": "a.csv"})
    assert made.status == 200
    assert people.as_(token())("GET", f"/status/{made.json['jobId']}").status == 200
    assert people.as_(FIRST.token(org="other", **{"cognito:groups": ["user"]}))(
        "GET", f"/status/{made.json['jobId']}").status == 404


def test_somebody_without_a_role_is_known_and_may_do_nothing(people: Api):
    answer = people.as_(FIRST.token(**{"cognito:groups": ["visitors"]}))("GET", "/status")
    assert (answer.status, answer.code, answer.json["error"]["details"]) == (403, "FORBIDDEN", {"role": "user"})


def test_outage_of_the_issuer_is_our_trouble_and_says_when_to_come_again(server: KeyServer, people: Api):
    server.status = 500
    answer = people("GET", "/status")
    assert (answer.status, answer.code) == (503, "UNAVAILABLE")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert people.as_(token())("GET", "/status").status == 200, "scripts do not need the issuer"


# --- settings


@pytest.mark.parametrize("url", ["http://id.example.com/keys", "ftp://id.example.com/", "file:///etc/keys",
                                 "id.example.com", "https://", "https://a:b@id.example.com/", "https://id.example.com/#x",
                                 "http://127.0.0.1.example.com/", "http://169.254.169.254/"])
def test_key_set_comes_by_https_alone(url: str):
    with pytest.raises(ValidationError, match="https"):
        Settings(JWT_JWKS_URL=url, JWT_JWKS_ISSUER=ISSUER, JWT_JWKS_AUDIENCE=AUDIENCE)


@pytest.mark.parametrize("wrong", [
    {"JWT_ALGORITHMS": "none"}, {"JWT_ALGORITHMS": ""}, {"JWT_ALGORITHMS": "HS256,RS512"}, {"JWT_JWKS_ISSUER": ""},
    {"JWT_JWKS_AUDIENCE": ""}, {"JWT_AUDIENCE_CLAIM": "scope"}, {"JWT_ROLES_CLAIM": ""}, {"JWT_JWKS_SECONDS": "0"}])
def test_settings_that_would_let_anybody_in_are_refused(wrong: dict[str, str]):
    right = {"JWT_JWKS_URL": "https://id.example.com/keys", "JWT_JWKS_ISSUER": ISSUER, "JWT_JWKS_AUDIENCE": AUDIENCE}
    assert Settings(**right).jwt_jwks_url
    with pytest.raises(ValidationError):
        Settings(**{**right, **wrong})


# --- the shared secret in rotation


def test_two_secrets_count_while_one_is_rotated():
    new, old = "n" * 32, "o" * 32
    both = TokenRules(SecretStr(new), "dropmill", "dropmill", SecretStr(old))
    now = datetime.now(UTC)
    claims = {"sub": "ada", "iss": "dropmill", "aud": "dropmill", "exp": now.timestamp() + 60}
    for secret in (new, old):
        assert both.verify(f"Bearer {jwt.encode(claims, secret)}", now).subject == "ada"
    after = TokenRules(SecretStr(new), "dropmill", "dropmill")
    with pytest.raises(RequestRefused):
        after.verify(f"Bearer {jwt.encode(claims, old)}", now)


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_short_previous_secret_does_not_count():
    now = datetime.now(UTC)
    claims = {"sub": "ada", "iss": "dropmill", "aud": "dropmill", "exp": now.timestamp() + 60}
    both = TokenRules(SecretStr("n" * 32), "dropmill", "dropmill", SecretStr("short"))
    with pytest.raises(RequestRefused):
        both.verify(f"Bearer {jwt.encode(claims, 'short')}", now)
