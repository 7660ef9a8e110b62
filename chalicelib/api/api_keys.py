"""API keys for programs: made and revoked by people, whose owner and at most whose roles they carry."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from chalice.app import Response

from chalicelib.adapters.api_keys import ApiKey, ApiKeys
from chalicelib.api.admission import PREFIX, digest_of
from chalicelib.api.auth import Caller, Role
from chalicelib.api.key_models import ApiKeyList, ApiKeyMade, ApiKeyRequest, ApiKeyView
from chalicelib.api.requests import path_id
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.model import stamp
from chalicelib.logs import log

MAX_KEYS = 100
"""Of an owner, so that the list is one page. Several requests at once can pass it by a few."""
ID_BYTES, SECRET_BYTES = 8, 32


def make(caller: Caller, request: ApiKeyRequest, *, api_keys: ApiKeys, clock: Callable[[], datetime]) -> ApiKeyMade:
    """A new key of the caller's owner. Raises FORBIDDEN for a role that the caller has not, and TOO_MANY_KEYS."""
    caller.require_token()
    for role in request.roles:
        caller.require(role)
    now = clock()
    if len(api_keys.of_owner(caller.owner, now.timestamp())) >= MAX_KEYS:
        raise RequestRefused(RequestProblem.TOO_MANY_KEYS, maxKeys=MAX_KEYS)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(
        key_id=secrets.token_hex(ID_BYTES), owner=caller.owner, subject=caller.subject, name=request.name,
        roles=tuple(sorted(set(request.roles))), digest=digest_of(secret), created_at=stamp(now),
        expires_at=int((now + timedelta(days=request.expires_in_days)).timestamp()))
    api_keys.add(key)
    log.info("api key made", extra={"key_id": key.key_id, "roles": key.roles})
    return ApiKeyMade(**dict(_view(key)), key=f"{PREFIX}{key.key_id}_{secret}")


def listing(caller: Caller, *, api_keys: ApiKeys, clock: Callable[[], datetime]) -> ApiKeyList:
    """The keys of the caller's owner, whoever made them."""
    return ApiKeyList(keys=tuple(map(_view, api_keys.of_owner(caller.owner, clock().timestamp()))))


def revoke(caller: Caller, key_id: str, *, api_keys: ApiKeys) -> Response:
    """Take a key of the caller's owner back, whoever made it; it is refused from now on. Raises NOT_FOUND."""
    caller.require_token()
    api_keys.revoke(caller.owner, path_id(key_id))
    log.info("api key revoked", extra={"key_id": key_id})
    return Response(body="", status_code=204)


def _view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        id=key.key_id, name=key.name, roles=tuple(map(Role, key.roles)), created_by=key.subject,
        created_at=key.created_at, expires_at=stamp(datetime.fromtimestamp(key.expires_at, UTC)),
        last_used_day=key.used_day or None)
