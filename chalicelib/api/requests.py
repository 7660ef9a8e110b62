"""Requests become values: bodies and query strings through pydantic, path parts by their shape.

Only what is raised here counts as the caller's fault; a model that fails elsewhere is ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from chalice.app import Request
from pydantic import ValidationError

from chalicelib.api import strict_json
from chalicelib.api.auth import Caller
from chalicelib.api.models import Wire
from chalicelib.errors import RequestProblem, RequestRefused

W = TypeVar("W", bound=Wire)

FILTER_PREFIX = "filter_"
CALLER = "dropmill.caller"
"""Where the middleware leaves the verified caller in the request's context."""
REQUEST_ID = "dropmill.request_id"
"""Where the middleware leaves the id that finds a request in the logs."""
MAX_FIELDS_TOLD = 20
MAX_NAME_CHARS = 200

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def caller_of(request: Request | None) -> Caller:
    """Who asks, as the middleware verified it."""
    caller = _present(request).context[CALLER]
    if not isinstance(caller, Caller):
        raise TypeError("the middleware did not run")
    return caller


def body(model: type[W], request: Request | None) -> W:
    """The JSON body as `model`; an absent body is an empty object. Raises `BAD_REQUEST` naming the fields.

    JSON has types of its own, so that none is guessed: a text is no number, and 1 is not true.
    """
    raw = _present(request).raw_body or b"{}"
    strict_json.loads(raw)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise _bad_request(error) from error


def query(model: type[W], request: Request | None) -> W:
    """The query string as `model`; `filter_<field>` parameters are gathered into `filters`."""
    given: dict[str, Any] = dict(_present(request).query_params or {})
    filters = {name.removeprefix(FILTER_PREFIX): given.pop(name)
               for name in list(given) if name.startswith(FILTER_PREFIX)}
    if filters:
        given["filters"] = filters
    return parsed(model, given)


def parsed(model: type[W], given: Mapping[str, Any], *, within: str = "") -> W:
    """`given` as `model`; a problem is told under the name `within`, where `given` is a part of something."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _bad_request(error, within) from error


def path_id(text: str, otherwise: RequestProblem = RequestProblem.NOT_FOUND) -> str:
    """An id from the path; what cannot be one of ours is not found, and never becomes part of a key."""
    if not _ID.fullmatch(text):
        raise RequestRefused(otherwise)
    return text


def header(request: Request | None, name: str) -> str:
    found: Mapping[str, str] = _present(request).headers
    return str(found.get(name) or "")


def _present(request: Request | None) -> Request:
    """Chalice types the current request as optional; inside a view there is one."""
    if request is None:
        raise TypeError("there is no request")
    return request


def _bad_request(error: ValidationError, within: str = "") -> RequestRefused:
    """Names the fields and what was expected; what was sent stays out, it may be personal."""
    entries = error.errors(include_url=False, include_input=False, include_context=False)
    told = [{"field": _dotted(entry["loc"], within), "message": entry["msg"]} for entry in entries]
    return RequestRefused(RequestProblem.BAD_REQUEST, fields=told[:MAX_FIELDS_TOLD])


def _dotted(place: tuple[int | str, ...], within: str) -> str:
    """A field's name can be the caller's own, and then of any length."""
    return ".".join(map(str, (within, *place) if within else place))[:MAX_NAME_CHARS] or "body"
