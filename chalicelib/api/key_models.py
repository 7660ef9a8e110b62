"""Bodies of the routes about API keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from chalicelib.api.auth import Role
from chalicelib.api.models import Wire


class ApiKeyRequest(Wire):
    """Body of POST /api-keys. `roles` are some of the caller's own."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    roles: tuple[Role, ...] = Field((Role.USER,), min_length=1, max_length=len(Role))
    expires_in_days: int = Field(90, ge=1, le=366)


class ApiKeyView(Wire):
    """A key without what opens. `lastUsedDay` is a day in UTC, null before the first use."""

    id: str
    name: str
    roles: tuple[Role, ...]
    created_by: str
    created_at: str
    expires_at: str
    last_used_day: str | None


class ApiKeyMade(ApiKeyView):
    """A new key. `key` is what to send as `X-Api-Key`; it is told here and nowhere else, null in a replayed answer."""

    key: str | None


class ApiKeyList(Wire):
    """All keys of the caller's owner that have not expired, newest first."""

    keys: tuple[ApiKeyView, ...]
