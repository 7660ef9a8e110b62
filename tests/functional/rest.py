"""The routes of app.py called in this process as the gateway would call them, by callers with tokens of their own."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from chalice.config import Config
from chalice.local import LocalGateway

SECRET = "a secret of at least thirty-two bytes, for tests"
OWNER = "default"


def token(subject: str = "ada", org: str | None = OWNER, roles: tuple[str, ...] = ("user",), *, secret: str = SECRET,
          **claims: Any) -> str:
    """A token that the app accepts unless `claims` spoil it; a claim of None is left out."""
    told = {"sub": subject, "org": org, "roles": list(roles), "iss": "dropmill", "aud": "dropmill",
            "exp": int(time.time()) + 3600, **claims}
    return jwt.encode({name: value for name, value in told.items() if value is not None}, secret, algorithm="HS256")


@dataclass(frozen=True)
class Answer:
    """What came back: `json` is the body where it is JSON."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass
class Api:
    """One caller of the app."""

    app: Any
    bearer: str = field(default_factory=token)

    def __call__(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **query: Any
    ) -> Answer:
        """Call a route; `body` is sent as JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"accept": "*/*", "authorization": f"Bearer {self.bearer}", **(headers or {})}
        if raw is not None:
            sent = {"content-type": "application/json", "content-length": str(len(raw)), **sent}
        gateway = LocalGateway(self.app, Config.create(chalice_app=self.app, lambda_timeout=30))
        got = gateway.handle_request(method, path + (f"?{urlencode(query)}" if query else ""), sent, raw)
        text = base64.b64decode(got["body"]).decode() if got.get("isBase64Encoded") else got["body"] or ""
        return Answer(got["statusCode"], {name.lower(): value for name, value in got["headers"].items()}, text)

    def as_(self, bearer: str) -> Api:
        return Api(self.app, bearer)
