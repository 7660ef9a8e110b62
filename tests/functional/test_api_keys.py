"""API keys: made by people for programs, shown once, bounded by their maker, refused as soon as they are revoked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.adapters.api_keys import ApiKey, ApiKeys
from chalicelib.api import api_keys
from chalicelib.api.admission import admitted, digest_of
from chalicelib.api.auth import Caller, Role
from chalicelib.bootstrap import services
from chalicelib.errors import Conflict, RequestRefused, Transient
from tests.conftest import Aws
from tests.functional.rest import Answer, Api, token

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def made(api: Api, name: str = "nightly", **request: Any) -> dict[str, Any]:
    answer = api("POST", "/api-keys", {"name": name, **request})
    assert answer.status == 200, answer.text
    return dict(answer.json)


def with_key(api: Api, key: str, method: str = "GET", path: str = "/status", body: Any = None) -> Answer:
    """A request that carries the key alone."""
    return api(method, path, body, headers={"authorization": "", "x-api-key": key})


def ledger(aws: Aws) -> str:
    """All that the table holds, as text."""
    return json.dumps(aws.client("dynamodb").scan(TableName="dropmill-test-ledger")["Items"])


def stored_key(**changes: Any) -> ApiKey:
    told: Mapping[str, Any] = {
        "key_id": "0123456789abcdef", "owner": "acme", "subject": "ada", "name": "n", "roles": ("user",),
        "digest": digest_of("x" * 43), "created_at": "2026-11-28T12:00:00Z",
        "expires_at": int((NOW + timedelta(days=1)).timestamp()), **changes}
    return ApiKey(**told)


@pytest.fixture
def keys(aws: Aws) -> ApiKeys:
    return ApiKeys(aws.client("dynamodb"), "dropmill-test-ledger")


# --- what a key opens


def test_key_opens_what_its_makers_owner_has(api: Api):
    job = api("POST", "/upload", {"fileName": "a.csv"}).json["jobId"]
    key = made(api)["key"]
    assert re.fullmatch(r"dm_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", key)
    assert with_key(api, key, path=f"/status/{job}").status == 200
    assert with_key(api, key, "POST", "/upload", {"fileName": "b.csv"}).status == 200
    assert api.as_(key)("GET", f"/status/{job}").status == 200, "programs that know bearer tokens only"
    stranger = made(api.as_(token(org="other")))["key"]
    assert with_key(api, stranger, path=f"/status/{job}").status == 404


def test_key_is_shown_once_and_kept_nowhere(api: Api, aws: Aws):
    answer = made(api)
    secret = answer["key"].split("_", 2)[2]
    listed = api("GET", "/api-keys")
    assert [each["id"] for each in listed.json["keys"]] == [answer["id"]]
    assert secret not in listed.text
    assert "digest" not in listed.text
    assert secret not in ledger(aws)
    assert digest_of(secret) in ledger(aws)


@pytest.mark.parametrize("spoil", [
    lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"), lambda key: key + "A", lambda key: key[:-1],
    lambda key: key.replace("dm_", "DM_"), lambda key: "dm_" + "0" * 16 + key[19:], lambda key: key.split("_", 2)[2],
    lambda key: "dm__" + key[20:], lambda key: key[:20], lambda key: "x" * 5000,
    lambda key: key + "#", lambda key: "dm_../../../x_" + key[20:]])
def test_key_that_is_not_exactly_one_of_ours_is_refused(api: Api, spoil: Any):
    key = spoil(made(api)["key"])
    for answer in (with_key(api, key), api.as_(key)("GET", "/status")):
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_token_and_key_together_are_refused_even_if_both_are_good(api: Api):
    answer = api("GET", "/status", headers={"x-api-key": made(api)["key"]})
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


def test_revoked_key_is_refused_from_the_next_request_on(api: Api):
    answer = made(api)
    assert with_key(api, answer["key"]).status == 200
    assert api("DELETE", f"/api-keys/{answer['id']}").status == 204
    assert with_key(api, answer["key"]).status == 401
    assert api("GET", "/api-keys").json["keys"] == []
    assert api("DELETE", f"/api-keys/{answer['id']}").status == 404


def test_expired_key_is_refused_and_not_listed(keys: ApiKeys):
    from tests.unit.api.test_edge import RULES

    keys.add(stored_key())
    request = _request({"x-api-key": f"dm_0123456789abcdef_{'x' * 43}"})
    assert admitted(request, RULES, keys, NOW).owner == "acme"
    with pytest.raises(RequestRefused) as refused:
        admitted(request, RULES, keys, NOW + timedelta(days=1))
    assert refused.value.status_code == 401
    assert keys.of_owner("acme", (NOW + timedelta(days=1)).timestamp()) == ()


def _request(headers: dict[str, str]) -> Any:
    from chalice.app import Request

    return Request({"headers": headers, "multiValueQueryStringParameters": {}, "pathParameters": {}, "body": "",
                    "isBase64Encoded": False, "stageVariables": {},
                    "requestContext": {"httpMethod": "GET", "resourcePath": "/status"}}, None)


# --- who makes them, and with what


def test_key_cannot_make_or_revoke_keys(api: Api):
    answer = made(api)
    for method, path, body in (("POST", "/api-keys", {"name": "more"}), ("DELETE", f"/api-keys/{answer['id']}", None)):
        refused = with_key(api, answer["key"], method, path, body)
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert with_key(api, answer["key"], path="/api-keys").status == 200


def test_key_has_at_most_the_roles_of_its_maker(api: Api):
    refused = api("POST", "/api-keys", {"name": "more", "roles": ["user", "operator"]})
    assert (refused.status, refused.code, refused.json["error"]["details"]) == (403, "FORBIDDEN", {"role": "operator"})
    operator = api.as_(token(roles=("user", "operator")))
    assert with_key(api, made(operator)["key"], path="/reports/2026-11-27").code == "FORBIDDEN", "none by default"
    key = made(operator, roles=["operator"])["key"]
    assert with_key(api, key, path="/reports/2026-11-27").status in (200, 404)


def test_keys_of_another_owner_are_out_of_sight_and_reach(api: Api):
    theirs = made(api.as_(token(org="other")))
    mine = made(api)
    assert [each["id"] for each in api("GET", "/api-keys").json["keys"]] == [mine["id"]]
    assert api("DELETE", f"/api-keys/{theirs['id']}").status == 404
    assert with_key(api, theirs["key"]).status == 200


@pytest.mark.parametrize("body", [
    {}, {"name": ""}, {"name": "x" * 101}, {"name": "a\r\nb"}, {"name": "a", "roles": []},
    {"name": "a", "roles": "user"}, {"name": "a", "roles": ["root"]}, {"name": "a", "roles": ["user"] * 3},
    {"name": "a", "expiresInDays": 0}, {"name": "a", "expiresInDays": 367}, {"name": "a", "owner": "other"},
    {"name": "a", "key": "dm_x"}])
def test_unfit_order_for_a_key_is_a_bad_request(api: Api, body: dict[str, Any]):
    answer = api("POST", "/api-keys", body)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")


def test_owner_has_so_many_keys_and_no_more(api: Api, keys: ApiKeys):
    for number in range(api_keys.MAX_KEYS):
        keys.add(stored_key(key_id=f"{number:016x}", owner="default", expires_at=4_102_444_800))
    answer = api("POST", "/api-keys", {"name": "one more"})
    assert (answer.status, answer.code) == (409, "TOO_MANY_KEYS")
    assert api("DELETE", f"/api-keys/{0:016x}").status == 204
    assert api("POST", "/api-keys", {"name": "one more"}).status == 200
    assert len(api("GET", "/api-keys").json["keys"]) == api_keys.MAX_KEYS


# --- twice, in the wrong order, cut off


def test_repeated_order_is_answered_without_the_key(api: Api, aws: Aws):
    again = {"idempotency-key": uuid4().hex}
    first = api("POST", "/api-keys", {"name": "once"}, headers=again)
    second = api("POST", "/api-keys", {"name": "once"}, headers=again)
    assert first.json["key"].startswith("dm_")
    assert second.json == {**first.json, "key": None}
    assert second.headers["idempotency-replayed"] == "true"
    assert first.json["key"].split("_", 2)[2] not in ledger(aws)
    assert len(api("GET", "/api-keys").json["keys"]) == 1


def test_use_is_noted_once_a_day(api: Api, aws: Aws, keys: ApiKeys):
    answer = made(api)
    key_id = answer["id"]
    assert api("GET", "/api-keys").json["keys"][0]["lastUsedDay"] is None
    writes: list[str] = []
    keys._client.meta.events.register("before-send.dynamodb.UpdateItem", lambda **_: writes.append("note"))
    for _ in range(3):
        admit(keys, answer["key"], NOW)
    assert len(writes) == 1
    admit(keys, answer["key"], NOW + timedelta(days=1))
    admit(keys, answer["key"], NOW)  # a container whose clock lags
    assert len(writes) == 2
    found = keys.get(key_id)
    assert found is not None
    assert found.used_day == "2026-11-29"


def admit(keys: Any, key: str, now: datetime) -> Caller:
    from tests.unit.api.test_edge import RULES

    return admitted(_request({"x-api-key": key}), RULES, keys, now)


def test_note_of_a_use_does_not_bring_back_a_revoked_key(keys: ApiKeys):
    """The request read the key, then the key was revoked, then the note is written."""
    key = stored_key()
    keys.add(key)
    keys.revoke("acme", key.key_id)
    keys.note_use(key, "2026-11-28")
    assert keys.get(key.key_id) is None


def test_request_is_served_although_its_note_cannot_be_written():
    class Broken:
        def get(self, _key_id: str) -> ApiKey:
            return stored_key()

        def note_use(self, _key: ApiKey, _day: str) -> None:
            raise Transient("dynamodb is busy")

    assert admit(Broken(), f"dm_0123456789abcdef_{'x' * 43}", NOW) == Caller(
        "ada", "acme", frozenset({Role.USER}), "0123456789abcdef")


def test_write_whose_answer_was_lost_counts_once_and_a_taken_id_is_a_conflict(keys: ApiKeys):
    keys.add(stored_key())
    keys.add(stored_key())
    assert len(keys.of_owner("acme", NOW.timestamp())) == 1
    with pytest.raises(Conflict):
        keys.add(stored_key(digest=digest_of("another")))
    with pytest.raises(Conflict):
        keys.add(stored_key(owner="other"))
    assert keys.of_owner("other", NOW.timestamp()) == ()


def test_keys_do_not_show_among_jobs(api: Api):
    made(api)
    assert api("GET", "/status").json["jobs"] == []


def test_expired_key_is_deleted_by_the_table_itself(api: Api, aws: Aws):
    made(api, expiresInDays=1)
    items = aws.client("dynamodb").scan(TableName="dropmill-test-ledger")["Items"]
    key, = (item for item in items if item["pk"]["S"].startswith("APIKEY#"))
    tomorrow = services().clock().timestamp() + 86_400
    assert abs(int(key["expires_at"]["N"]) - tomorrow) < 3600
