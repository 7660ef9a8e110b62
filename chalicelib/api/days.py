"""The daily report, for operators: figures over all owners."""

from __future__ import annotations

import json
from datetime import date

from chalice.app import Response

from chalicelib.adapters.s3 import Blobs
from chalicelib.api.auth import Caller, Role
from chalicelib.errors import RequestProblem, RequestRefused
from chalicelib.jobs.reporting import report_key


def show(caller: Caller, day: str, *, blobs: Blobs) -> Response:
    """The report of a UTC day (`2026-11-22`), as it was made. Raises FORBIDDEN, BAD_REQUEST or NOT_FOUND."""
    caller.require(Role.OPERATOR)
    try:
        body = blobs.get(report_key(_day(day)))
    except KeyError:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no report of that day; it is made in the first hour "
                                                       "of the next (UTC).") from None
    return Response(body=json.loads(body), status_code=200)


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError:
        day = ""
    if day != text:
        raise RequestRefused(RequestProblem.BAD_REQUEST, fields=[{"field": "day", "message": "a day as 2026-11-22"}])
    return day
