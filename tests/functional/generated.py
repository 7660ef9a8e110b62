"""Requests that Schemathesis makes up from the OpenAPI document, good and bad, sent to the app behind real sockets.

The ids of the paths are mostly real ones, or nothing would be met but 404; files are mostly real workbooks. What is
made up is the same in every run. A file of tests takes some of the areas, so that the files can run beside each other.
"""

from __future__ import annotations

import hmac
import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from requests import PreparedRequest
from schemathesis import Case
from schemathesis.checks import CheckFunction
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from chalicelib.adapters.dropbox_webhook import SIGNATURE_HEADER
from chalicelib.api.idempotency import HEADER as KEY
from chalicelib.api.openapi.document import document, routes_of
from chalicelib.api.openapi.model import FORM, Tag
from chalicelib.api.openapi.operations import OPERATIONS
from chalicelib.local.fakes.keepa import FakeKeepa
from tests.functional.populated import World
from tests.functional.prices import BILL, LIST
from tests.functional.rest import token

DOCUMENT = document(routes_of(importlib.import_module("app").app.routes), OPERATIONS, release="")
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance, response_headers_conformance, negative_data_rejection, ignored_auth,
    unsupported_method]
EXAMPLES = 16
"""Requests of each kind that are made up for an operation, beside those that cover its parameters one by one."""
TIMEOUT = 120
FILES = tuple("".join(",".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows)
              for rows in (LIST, BILL, [["Name", "SKU"], ["Kettle", "K-1"]], []))
"""As text, since Schemathesis takes bytes for a mistake; `_finished` gives them the name of what they are."""
HEADERS = {"Authorization": f"Bearer {token('ada', roles=('user', 'operator'))}"}

SECRET = "the secret of a Dropbox app"
SETTINGS = {"DROPBOX_CLIENT_ID": "fake-key", "DROPBOX_CLIENT_SECRET": SECRET, "KEEPA_API_KEY": "key",
            "KEEPA_TOKENS_PER_MINUTE": "1000"}
"""Everything that a route may need is set up; `KEEPA_URL` is a fake's."""


class Sent:
    """What came back, by operation and status."""

    def __init__(self) -> None:
        self.statuses: dict[str, Counter[int]] = {}

    def note(self, operation: str, status: int) -> None:
        self.statuses.setdefault(operation, Counter())[status] += 1

    @property
    def count(self) -> int:
        return sum(map(Counter.total, self.statuses.values()))

    @property
    def never_done(self) -> set[str]:
        """Operations that did not do once what they are for."""
        return {operation for operation, found in self.statuses.items() if min(found) >= 400}


def operations_of(*tags: Tag) -> list[Any]:
    """The operations that a file of tests takes, for `parametrize`."""
    config = schemathesis.Config.from_dict({
        "seed": 1, "generation": {"mode": "all", "max-examples": EXAMPLES, "deterministic": True, "no-shrink": True,
                                  "database": "none", "with-security-parameters": False},
        "phases": {"coverage": {"generate-duplicate-query-parameters": False,
                                "unexpected-methods": ["GET", "PUT", "POST", "DELETE", "PATCH"]}}})
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=config).include(tag=[tag.title for tag in tags])
    found = [each.ok() for each in schema.get_all_operations()]
    return [pytest.param(operation, id=operation.label) for operation in found]


def run(operation: APIOperation, each: Callable[[Case], None]) -> None:
    """Make up requests and hand them over one by one.

    As Schemathesis' own plugin does, whose tests of one function all have one name, so that xdist runs the first only.
    """

    def test(case: Case) -> None:
        each(case)

    build_operation_test(config=operation.schema.config, operation=operation, test_func=test, given_kwargs={},
                         feedback=FeedbackSources())()


def set_up() -> Iterator[None]:
    """The body of a fixture that comes before the app: its settings, and a provider."""
    with FakeKeepa(rate=1000) as keepa, pytest.MonkeyPatch.context() as patch:
        for name, value in {**SETTINGS, "KEEPA_URL": keepa.url}.items():
            patch.setenv(name, value)
        yield


def send(case: Case, url: str, world: World, sent: Sent) -> None:
    """Send a request, most often with ids and files that there are, and hold the answer to the document."""
    _with_real_things(case, world, sent.count)
    answer = case.call(base_url=url, headers=HEADERS, timeout=TIMEOUT, auth=_finished)
    sent.note(case.operation.label, answer.status_code)
    case.validate_response(answer, checks=CHECKS, headers=HEADERS,
                           transport_kwargs={"base_url": url, "timeout": TIMEOUT})


def _with_real_things(case: Case, world: World, number: int) -> None:
    """Ids and files from the world by turns, now and then what was made up; a key that no request had before."""
    if not _bad(case, ParameterLocation.PATH):
        for part in case.path_parameters if number % 6 else ():
            ids = world.of(case.operation.path, part)
            case.path_parameters[part] = ids[number % len(ids)]
    if KEY in case.headers and not _bad(case, ParameterLocation.HEADER):
        case.headers[KEY] = f"request-{number - number % 7 // 6}"  # each seventh is one that was there
    if case.media_type == FORM and isinstance(case.body, dict) and number % 5 \
            and not _bad(case, ParameterLocation.BODY):
        case.body["file"] = FILES[number % len(FILES)]


def _bad(case: Case, place: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(place)


def _finished(request: PreparedRequest) -> PreparedRequest:
    """With the name of a file that has none, and Dropbox's signature."""
    body = request.body or b""
    raw = body if isinstance(body, bytes) else body.encode()
    if b'; filename="file"' in raw:
        raw = request.body = raw.replace(b'; filename="file"', b'; filename="file.csv"')
        request.prepare_content_length(raw)
    if urlsplit(request.url).path == "/webhooks/dropbox":
        request.headers[SIGNATURE_HEADER] = hmac.new(SECRET.encode(), raw, "sha256").hexdigest()
    return request
