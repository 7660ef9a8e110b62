"""The edge over real sockets: Chalice's own local server in a thread, requests in front of it."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from chalicelib.api.auth import PUBLIC
from chalicelib.api.openapi.operations import OPERATIONS
from tests.conftest import Aws
from tests.functional.engine import Engine
from tests.functional.rest import Api, token
from tests.functional.rest_leads import stored


@pytest.fixture
def url(shared_url: str) -> str:
    return shared_url


def call(url: str, method: str, path: str, bearer: str = "", **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {bearer or token()}", **more.pop("headers", {})}
    return requests.request(method, url + path, headers=headers, timeout=20, **more)


def raw(url: str, request: str) -> str:
    """What a server answers to bytes, until it closes the connection or falls silent."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as connection:
        connection.sendall(request.encode())
        got = b""
        while chunk := connection.recv(65536):
            got += chunk
    return got.decode()


def test_health_needs_no_token_and_everything_else_does(url: str):
    assert requests.get(f"{url}/health", timeout=10).json()["status"] == "ok"
    for path in ("/status", "/leads", "/exports/x"):
        answer = requests.get(url + path, timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("bearer", [
    "nonsense", "a.b.c", token(exp=1), token(aud="others"), token(iss="others"), token(exp=None), token(sub=None),
    token(sub=""), token(org="a#b"), token(nbf=4102444800), token(roles=("user", 5)), token(exp="soon")])
def test_token_that_is_not_ours_is_refused_alike(url: str, bearer: str):
    answer = call(url, "GET", "/status", bearer)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")


def test_every_answer_carries_security_and_cors_headers_and_a_request_id(url: str):
    for answer in (requests.get(f"{url}/health", timeout=10), requests.get(f"{url}/status", timeout=10),
                   call(url, "DELETE", "/status"), call(url, "GET", "/status/nobody")):
        told = answer.headers
        assert (told["X-Content-Type-Options"], told["Cache-Control"]) == ("nosniff", "no-store")
        assert told["Access-Control-Allow-Origin"] == "*"
        assert "Retry-After" in told["Access-Control-Expose-Headers"]
        if not answer.ok:
            assert answer.json()["error"]["requestId"] == told["X-Request-Id"]


def test_preflight_allows_the_headers_that_we_read(url: str):
    answer = requests.options(f"{url}/upload", timeout=10)
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in ("Authorization", "Idempotency-Key", "If-None-Match"))


@pytest.mark.parametrize(("method", "path", "more", "status", "code"), [
    ("POST", "/upload", {"data": "{", "headers": {"Content-Type": "application/json"}}, 400, "BAD_REQUEST"),
    ("POST", "/upload", {"data": b"\xff", "headers": {"Content-Type": "application/json"}}, 400, "BAD_REQUEST"),
    ("POST", "/upload", {"json": []}, 400, "BAD_REQUEST"),
    ("POST", "/upload", {"data": "a=b", "headers": {"Content-Type": "text/plain"}}, 415, "UNSUPPORTED_TYPE"),
    ("DELETE", "/upload", {}, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/status/..%2F..%2Fetc", {}, 404, "UPLOAD_NOT_FOUND"),
    ("POST", "/upload", {"json": {"fileName": "x" * 5_000_000}}, 413, "PAYLOAD_TOO_LARGE")])
def test_every_refusal_has_the_one_error_body(
    url: str, method: str, path: str, more: Any, status: int, code: str
):
    answer = call(url, method, path, **more)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert set(error) == {"code", "message", "details", "requestId", "timestamp"}


def test_body_above_the_gateways_limit_is_told_about_upload(url: str):
    answer = call(url, "POST", "/export", data=b" " * (4 * 1024 * 1024 + 1),
                  headers={"Content-Type": "application/json"})
    assert answer.json()["error"]["details"]["use"] == "POST /upload"


def test_chunked_body_is_refused_and_its_chunks_are_no_second_request(url: str):
    answer = raw(url, f"POST /upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n"
                      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert answer.startswith("HTTP/1.1 411")
    assert '"LENGTH_REQUIRED"' in answer
    assert answer.count("HTTP/1.1") == 1


def test_correlation_id_comes_back_unless_it_could_harm_a_log(url: str):
    good = call(url, "GET", "/health", headers={"X-Correlation-Id": "trace-1:a.b"})
    assert good.headers["X-Correlation-Id"] == "trace-1:a.b"
    bad = call(url, "GET", "/health", headers={"X-Correlation-Id": "a b <c>"})
    assert bad.headers["X-Correlation-Id"] == bad.headers["X-Request-Id"]


def test_post_with_a_key_is_done_once(url: str):
    key, body = {"Idempotency-Key": uuid4().hex}, {"fileName": "once.csv", "fileSize": 3}
    first = call(url, "POST", "/upload", json=body, headers=key)
    again = call(url, "POST", "/upload", json=body, headers=key)
    assert again.json() == first.json()
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    other = call(url, "POST", "/upload", json={**body, "fileSize": 4}, headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    stranger = call(url, "POST", "/upload", token(org="other"), json=body, headers=key)
    assert stranger.json()["jobId"] != first.json()["jobId"]


def test_of_many_equal_posts_at_once_one_is_done(url: str):
    key, body = {"Idempotency-Key": uuid4().hex}, {"fileName": "race.csv", "fileSize": 3}
    bearer = token(org=f"race-{uuid4().hex[:8]}")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call(url, "POST", "/upload", bearer, json=body, headers=key), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["jobId"] for answer in answers if answer.ok}) == 1
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 409)
    assert len(call(url, "GET", "/status", bearer).json()["jobs"]) == 1


def test_refused_post_leaves_its_key_free(url: str):
    key = {"Idempotency-Key": uuid4().hex}
    assert call(url, "POST", "/upload", json={"fileName": "a.exe"}, headers=key).status_code == 415
    assert call(url, "POST", "/upload", json={"fileName": "a.csv"}, headers=key).status_code == 200


def test_callers_at_the_same_time_see_only_their_own(url: str, shared_aws: Aws):
    engine = Engine(shared_aws)
    owners = [f"owner-{number}" for number in range(4)]
    for owner in owners:
        stored(engine, [{"firstName": owner, "email": f"{number}@example.com"} for number in range(3)], owner)

    def names(owner: str) -> set[str]:
        found = call(url, "GET", "/leads", token(org=owner)).json()["leads"]
        return {lead["firstName"] for lead in found}

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(names, owners * 6)) == [{owner} for owner in owners * 6]


ROUTES_OF_OPERATORS = {
    ("GET", "/config"), ("GET", "/queues"), ("GET", "/queues/{name}/dlq"), ("GET", "/queues/{name}/dlq/{message_id}"),
    ("POST", "/queues/{name}/redrive"), ("GET", "/queues/{name}/redrives/{redrive_id}"), ("GET", "/reports/{day}"),
    ("POST", "/dropbox/sync"), ("POST", "/status/{job_id}/force-complete")}


def test_every_route_asks_who_is_there_and_what_role_they_have(shared_api: Api):
    """Over all routes of app.py: nobody 401, no role 403, a user everything but what is the operators'."""
    for path, entries in shared_api.app.routes.items():
        for method, entry in entries.items():
            if (method, path) in PUBLIC:
                continue
            body = OPERATIONS[entry.view_function.__name__].seen
            place = re.sub(r"\{\w+\}", "0123456789abcdef", path)
            assert shared_api.as_("")(method, place).status == 401, path
            assert shared_api.as_(token(roles=()))(method, place).code == "FORBIDDEN", path
            seen = shared_api.as_(token(org="nobody", roles=("user",)))(method, place, body)
            refused = seen.status == 403 and seen.json["error"]["details"] == {"role": "operator"}
            assert refused is ((method, path) in ROUTES_OF_OPERATORS), path
