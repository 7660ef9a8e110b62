"""Requests that no client sends, at every route: each is answered, below 500, in our error body and without a trace."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from chalicelib.api.multipart import MAX_PARTS
from chalicelib.api.request_limits import MAX_BODY_BYTES
from chalicelib.api.strict_json import MAX_DEPTH, MAX_DIGITS, MAX_VALUES
from tests.functional.rest import Answer, Api, token

ID = "0123456789abcdef0123456789abcdef"
PATHS = {"job_id": ID, "lead_id": ID, "erasure_id": ID, "export_id": ID, "catalog_id": ID, "list_id": ID,
         "result_id": ID, "image_id": ID, "dry_run_id": ID, "key_id": "0123456789abcdef", "day": "2026-11-27",
         "name": "leads", "message_id": ID, "redrive_id": "20261127T101530250-0123456789ab",
         "version": "0123456789abcdef", "file": "main.js"}
FORM = "multipart/form-data; boundary=cut"


def routes() -> list[tuple[str, str]]:
    """Method and path of every route, with an id of nothing in each place for one."""
    import app

    return [(method, path) for path, entries in app.app.routes.items() for method in entries]


def filled(path: str, value: str = "") -> str:
    for name, sound in PATHS.items():
        path = path.replace(f"{{{name}}}", value or sound)
    assert "{" not in path, f"the test has no sound value for {path}"
    return path


def takes_body(method: str) -> bool:
    return method in ("POST", "PUT", "PATCH")


WRITING = [(method, path) for method, path in routes() if takes_body(method)]

JSON: Mapping[str, bytes] = {
    "nothing": b" ",
    "cut short": b'{"name": "a',
    "no object": b"[]",
    "a text": b'"name"',
    "null": b"null",
    "too deep for a stack": b"[" * 200_000,
    "too deep, and closed": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "a little too deep": b'{"options":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
    "deep options": b'{"fileName":"a.csv","fileKey":"a","options":' + b"[" * 900 + b"]" * 900 + b"}",
    "NaN": b'{"maxUsd": NaN, "fileSize": NaN}',
    "infinity": b'{"maxUsd": Infinity, "options": {"a": -Infinity}}',
    "a float beyond floats": b'{"maxUsd": 1e999}',
    "an integer bomb": b'{"fileSize": ' + b"9" * 1_000_000 + b"}",
    "an integer bomb in options": b'{"fileName":"a.csv","fileKey":"a","options":{"n":' + b"9" * 1_000_000 + b"}}",
    "a float bomb": b'{"maxUsd": 0.' + b"1" * 1_000_000 + b"}",
    "one digit too many": b'{"fileSize": ' + b"9" * (MAX_DIGITS + 1) + b"}",
    "a name twice": b'{"fileName": "a.csv", "fileName": "b.exe", "status": "uploaded", "status": "error"}',
    "half a pair": b'{"fileName": "\\ud800.csv", "name": "\\udfff", "status": "\\ud800", "email": "\\ud800@x.y"}',
    "NUL": b'{"fileName": "a\\u0000.csv", "name": "\\u0000", "status": "\\u0000", "email": "a\\u0000@x.y"}',
    "a raw NUL": b'{"fileName": "a\0.csv"}',
    "bytes that are no text": b'{"fileName": "\xff\xfe"}',
    "UTF-16": '{"fileName": "a.csv"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"fileName": "a.csv"}',
    "too many fields": json.dumps({f"f{number}": 1 for number in range(MAX_VALUES)}).encode(),
    "too long a field": b'{"' + b"x" * 1_000_000 + b'": 1}',
    "too long a text": json.dumps(dict.fromkeys(
        ("fileName", "name", "status", "email", "clientName", "fileKey", "listId", "query", "confirm"),
        "x" * 500_000)).encode(),
    "wrong types": b'{"fileName": {}, "fileSize": [], "options": 5, "name": [], "status": {}, "email": 5, "roles": {}, '
                   b'"query": [], "messageIds": {"a": 1}, "count": "all"}',
    "unknown fields": b'{"__proto__": {}, "constructor": {}, "$where": "1"}',
    "two values": b"{}{}",
    "a comment": b"{/* a */}",
}

FORMS: Mapping[str, bytes] = {
    "nothing": b"",
    "no end": b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b',
    "no parts": b"--cut--\r\n",
    "too many parts": b"".join(
        b'--cut\r\nContent-Disposition: form-data; name="p%d"\r\n\r\nx\r\n' % number for number in range(MAX_PARTS + 1)
    ) + b"--cut--\r\n",
    "no name": b"--cut\r\nContent-Disposition: form-data\r\n\r\nx\r\n--cut--\r\n",
    "headers without end": b"--cut\r\n" + b"X-A: " + b"x" * 100_000 + b"\r\n\r\nx\r\n--cut--\r\n",
    "many headers": b"--cut\r\n" + b"X-A: x\r\n" * 10_000 + b"\r\nx\r\n--cut--\r\n",
    "a name that is no text": b'--cut\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--cut--\r\n',
    "text that is no text": b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\r\n'
                            b'--cut\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\xfe\r\n--cut--\r\n',
    "a mapping that is a bomb": b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na\r\n'
                                b'--cut\r\nContent-Disposition: form-data; name="mapping"\r\n\r\n' + b"[" * 100_000
                                + b'\r\n--cut\r\nContent-Disposition: form-data; name="options"\r\n\r\n'
                                + b"[" * 100_000 + b"\r\n--cut--\r\n",
    "a file of nothing": b'--cut\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--cut--\r\n',
    "JSON": b'{"file": "a.csv"}',
}


@pytest.fixture(scope="module")
def operator(shared_api: Api) -> Api:
    """Somebody whom every route lets in, so that it is the body that is refused."""
    return shared_api.as_(token(roles=("user", "operator")))


def is_ours(answer: Answer) -> bool:
    """The one error body, which tells nothing of how we are made."""
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message", "details", "requestId", "timestamp"}
    assert not any(word in answer.text for word in ("Traceback", "chalicelib", "pydantic", ".py", "boto", "File \\\""))
    return True


@pytest.mark.parametrize("kind", JSON)
def test_hostile_json_is_refused_by_every_route_that_takes_a_body(operator: Api, kind: str):
    for method, path in WRITING:
        if path == "/webhooks/dropbox":
            continue
        answer = operator(method, filled(path), JSON[kind])
        assert answer.status < 500, (method, path, answer.text)
        assert answer.status >= 400 or ignores_body(path) or kind in ("nothing", "wrong types", "unknown fields"), (
            method, path, answer.text)
        assert answer.status < 400 or is_ours(answer)


SOUND: Mapping[str, dict[str, Any]] = {
    "/upload": {"fileName": "a.csv", "fileType": "text/csv", "options": {"mapping": {"Mail": "email"}}},
    "/export": {"format": "csv", "filters": {"company": "Acme"}},
    "/erasure": {"email": "ada@example.com"},
    "/dry-run": {"fileKey": "dry/a/b.csv", "options": {"mapping": {"Mail": "email"}}},
    "/api-keys": {"name": "nightly"},
    "/chat": {"query": "how many leads at Acme"},
    "/queues/{name}/redrive": {"count": 1, "dryRun": True},
    "/leads/{lead_id}": {"company": "Acme"},
    "/status/{job_id}": {"status": "uploaded"},
    "/status/{job_id}/resume": {"maxUsd": 1.5},
    "/api/price-matching/{job_id}/rematch": {"method": "LOCAL"},
    "/api/price-matching/results/{result_id}": {"rate": 1.5},
}
"""Bodies that would do, of all routes that read one."""

POISON: Mapping[str, Callable[[str], str]] = {
    "a name twice": lambda text: text[:-1] + "," + text[1:],
    "NaN": lambda text: text[:-1] + ', "more": NaN}',
    "a NUL in a value": lambda text: text[:-1] + ', "more": "\\u0000"}',
    "a NUL in a name": lambda text: text[:-1] + ', "\\u0000": 1}',
    "half a pair": lambda text: text[:-1] + ', "more": "\\udc00"}',
    "too many digits": lambda text: text[:-1] + ', "more": ' + "1" * (MAX_DIGITS + 1) + "}",
    "too many decimals": lambda text: text[:-1] + ', "more": 0.' + "1" * MAX_DIGITS + "}",
    "a number beyond numbers": lambda text: text[:-1] + ', "more": -1e999}',
    "too deep": lambda text: text[:-1] + ', "more": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}",
    "too many values": lambda text: text[:-1] + ', "more": [' + "0," * MAX_VALUES + "0]}",
}


@pytest.mark.parametrize("kind", POISON)
@pytest.mark.parametrize("path", SOUND)
def test_sound_body_with_one_poisonous_value_is_refused_before_it_is_understood(operator: Api, path: str, kind: str):
    """Whatever the route would have said to the rest: unknown field, no such thing."""
    methods = [method for method, each in WRITING if each == path]
    for method in methods:
        answer = operator(method, filled(path), POISON[kind](json.dumps(SOUND[path])).encode())
        assert (answer.status, answer.code) == (400, "BAD_REQUEST")
        assert answer.json["error"]["details"] == {"fields": ["body"]}
        assert is_ours(answer)
    assert methods


def test_every_route_with_a_json_body_is_probed():
    reading = {path for method, path in WRITING if _reads_json(method, path)}
    assert reading == set(SOUND)


def _reads_json(method: str, path: str) -> bool:
    import app

    return "body(" in inspect.getsource(app.app.routes[path][method].view_function) or path == "/dry-run"


def ignores_body(path: str) -> bool:
    """Routes that take all they need from the path and the query."""
    return path in ("/dropbox/sync",)


@pytest.mark.parametrize("kind", FORMS)
def test_hostile_form_is_refused_by_every_route_that_takes_a_body(operator: Api, kind: str):
    for method, path in WRITING:
        if ignores_body(path):
            continue
        answer = operator(method, filled(path), FORMS[kind], headers={"content-type": FORM})
        assert answer.status < 500, (method, path, answer.text)
        assert (path, kind) == ("/dry-run", "text that is no text") or answer.status >= 400, "it reads no such field"
        assert answer.status < 400 or is_ours(answer)


@pytest.mark.parametrize("content_type", [
    "", "application/json; charset=utf-16", "application/json; charset=\"", "multipart/form-data",
    "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 71}", "text/html", "x" * 5000,
    "multipart/form-data; boundary=\"\r\n\"",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=cut; boundary=other", "\0"])
def test_strange_content_type_is_refused_or_read_as_json(operator: Api, content_type: str):
    for method, path in WRITING:
        answer = operator(method, filled(path), b"[]", headers={"content-type": content_type})
        assert answer.status < 500, (method, path, answer.text)
        assert answer.status < 400 or is_ours(answer)


def test_body_above_the_limit_is_refused_by_every_route(operator: Api):
    for method, path in WRITING:
        answer = operator(method, filled(path), b" " * (MAX_BODY_BYTES + 1))
        assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE"), path


def hostile_headers() -> Iterator[dict[str, str]]:
    for length in ("9" * 5000, "-1", "1e9", "²", "0x10", "١٢"):
        yield {"content-length": length}
    yield {"x-anything": "x" * 100_000}
    yield {"authorization": "Bearer " + "x" * 100_000}
    yield {"authorization": "Bearer " + "." * 8000}
    yield {"authorization": f"Bearer {token()}, Bearer {token()}"}
    yield {"idempotency-key": "x" * 256}
    yield {"idempotency-key": "a\r\nb"}
    yield {"if-none-match": "\"" * 5000}
    yield {"if-match": "*" * 5000}
    yield {"x-correlation-id": "a\r\nSet-Cookie: b=c"}
    yield {"x-api-key": "dm_" + "x" * 20_000}
    yield {"cookie": "a=b; " * 5000}


def test_hostile_headers_are_answered_by_every_route(operator: Api):
    for headers in hostile_headers():
        for method, path in routes():
            answer = operator(method, filled(path), b"{}" if takes_body(method) else None, headers=headers)
            assert answer.status < 500, (method, path, headers, answer.text)
            assert answer.status < 400 or is_ours(answer)
            assert all("\r" not in value and "\n" not in value for value in answer.headers.values())


QUERIES = ["?" + "a=1&" * 5000, "?" + "x" * 100_000, "?limit=" + "9" * 5000, "?limit=NaN&pageSize=1e3&page=-1",
           "?cursor=%00", "?cursor=" + "A" * 5000, "?cursor=%ff%fe", "?limit=1&limit=2", "?filter_email=%00&filter_=x",
           "?=&&=", "?%", "?%ed%a0%80=1", "?format=../../etc&source=%0d%0aSet-Cookie:a",
           "?page=" + "9" * 400, "?again=maybe&dryRun=perhaps&full=x",
           "?folder=" + "%2e%2e%2f" * 100, "?status=%F0%9F%92%A9&pipeline=%00", "?sortBy=__class__&sortOrder=%27"]


@pytest.mark.parametrize("query", QUERIES, ids=[query[:24] for query in QUERIES])
def test_hostile_query_is_answered_by_every_route(operator: Api, query: str):
    for method, path in routes():
        answer = operator(method, filled(path) + query, b"{}" if takes_body(method) else None)
        assert answer.status < 500, (method, path, answer.text)
        assert answer.status < 400 or path == "/webhooks/dropbox" or is_ours(answer)
        assert all("\r" not in value and "\n" not in value for value in answer.headers.values())


@pytest.mark.parametrize("part", [
    "x" * 5000, "%00", "a%00b", "%0d%0aSet-Cookie:a", "%ff", "%ed%a0%80", "..", "%2e%2e", "-", "a b", "%7Bjob_id%7D",
    "%F0%9F%92%A9", "'", "2026-13-45", "0000-00-00", "2026-11-27%0a", "*", "%23", "ada%40example.com"])
def test_hostile_part_of_a_path_finds_nothing(operator: Api, part: str):
    for method, path in routes():
        if "{" in path:
            answer = operator(method, filled(path, part), b'{"status": "uploaded"}' if takes_body(method) else None)
            assert answer.status < 500, (method, path, answer.text)
            assert path == "/dry-run/{dry_run_id}" or answer.status >= 400, "a dry run may be on its way under any id"
