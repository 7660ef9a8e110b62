"""Asks the deployed stage whether it lives: health without a token, the listing with one; in full, one small drop."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from chalicelib.deploy.secret import token_key
from chalicelib.deploy.target import DeployFailed, Target
from chalicelib.settings import Settings

Sleep = Callable[[float], None]
_PATIENCE = 60.0
"""Seconds until a new API must answer; AWS needs some until all its servers know of it."""
_JOB_PATIENCE = 180.0
_SUBJECT = "smoke"
_ENDED = frozenset({"completed", "error", "cancelled"})


def check(target: Target, url: str, *, commit: str, full: bool, sleep: Sleep = time.sleep) -> str:
    """Raise `DeployFailed` where the stage does not answer as it should; else say what was seen."""
    health = _until_answered(f"{url}/health", "", sleep)
    if (health.get("stage"), health.get("commit")) != (target.stage, commit):
        raise DeployFailed(f"{url}/health answers for stage {health.get('stage')!r}, sources {health.get('commit')!r}")
    token = mint(target, owner=_SUBJECT)
    _until_answered(f"{url}/status", token, sleep)
    seen = "health and listing answer"
    return f"{seen}; {_drop(target, url, sleep)}" if full else seen


def mint(target: Target, owner: str, hours: float = 1.0, *, operator: bool = False) -> str:
    """A token of the stage for `owner`; `operator` adds the role that sees all owners' figures and may force."""
    import jwt

    settings, now = Settings(), time.time()
    claims = {"sub": owner, "iss": settings.jwt_issuer, "aud": settings.jwt_audience, "iat": int(now),
              "exp": int(now + hours * 3600), "roles": ["user", "operator"] if operator else ["user"]}
    return jwt.encode(claims, token_key(target), algorithm="HS256")


def _drop(target: Target, url: str, sleep: Sleep) -> str:
    """Three rows through the bucket, as a bare drop of the smoke check's own owner."""
    mark = uuid4().hex[:12]
    name = f"smoke-{mark}.csv"
    rows = "".join(f"Smoke,Test{n},smoke.{n}@example.com,Dropmill {mark}\n" for n in range(3))
    target.client("s3").put_object(
        Bucket=target.data_bucket, Key=f"uploads/leads/{_SUBJECT}/{name}",
        Body=b"First Name,Last Name,Email,Company\n" + rows.encode())
    began = datetime.now(UTC)
    while (datetime.now(UTC) - began).total_seconds() < _JOB_PATIENCE:
        jobs = _asked(f"{url}/status?limit=20", mint(target, owner=_SUBJECT))["jobs"]
        job: dict[str, Any] = next((each for each in jobs if name in json.dumps(each)), {})
        if job.get("status") == "completed":
            return "a dropped file was processed"
        if job.get("status") in _ENDED:
            raise DeployFailed(f"the smoke check's file ended as {job}")
        sleep(1.0)
    raise DeployFailed(f"the smoke check's file {name} was not processed within {_JOB_PATIENCE:.0f} s")


def _until_answered(url: str, token: str, sleep: Sleep) -> dict[str, Any]:
    waited = 0.0
    while True:
        try:
            return _asked(url, token)
        except (OSError, ValueError) as error:
            if waited >= _PATIENCE:
                raise DeployFailed(f"{url} does not answer: {_told(error)}") from error
        sleep(2.0)
        waited += 2.0


def _asked(url: str, token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=40) as answer:  # noqa: S310
        body: dict[str, Any] = json.load(answer)
    return body


def _told(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.read()[:500].decode(errors='replace')}"
    return str(error)
