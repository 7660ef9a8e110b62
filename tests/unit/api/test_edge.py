"""What the middleware makes of requests and of everything that can go wrong below it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from chalice import Chalice
from chalice.app import BadRequestError, Request, Response
from chalice.config import Config
from chalice.local import LocalGateway
from pydantic import BaseModel, SecretStr

from chalicelib.api import edge
from chalicelib.api.auth import TokenRules
from chalicelib.api.models import Health
from chalicelib.api.requests import caller_of
from chalicelib.api.views import CORS, adapt_views
from chalicelib.errors import (
    FileProblem,
    FileRefused,
    RequestProblem,
    RequestRefused,
    Transient,
    Unavailable,
    Waiting,
)
from chalicelib.logs import request_id
from chalicelib.metrics import Metrics, Values
from chalicelib.settings import Settings
from tests.unit.api.fakes import Clock, MemoryKeys, MemoryRecords

SECRET = "0123456789abcdef0123456789abcdef"
RULES = TokenRules(SecretStr(SECRET), "dropmill", "dropmill")


class Inner(BaseModel):
    """A model of ours, not of the caller's."""

    number: int


class Site:
    """A small app behind the edge: its one view does what a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.records = MemoryRecords(self.clock)
        self.api_keys = MemoryKeys()
        self.settings = Settings(STAGE="test")
        self.measured = Counter[str]()
        self.metrics = Metrics("test", self.measure)
        self.calls = 0
        self.does: Any = lambda request: {"done": True}
        self.app = app = Chalice(app_name="small", configure_logs=False)
        app.api.cors = CORS

        @app.middleware("http")
        def middleware(request: Request, get_response: Any) -> Response:
            return edge.serve(request, get_response, token_rules=RULES, api_keys=self.api_keys, records=self.records,
                              metrics=self.metrics, settings=self.settings, clock=self.clock)

        @app.route("/health")
        @app.route("/thing", methods=["GET", "POST"])
        def view() -> Any:
            self.calls += 1
            return self.does(app.current_request)

        adapt_views(app)

    def measure(self, _dimensions: Mapping[str, str], values: Values) -> None:
        self.measured.update({metric.value: int(sum(several)) for metric, several in values.items()})

    def __call__(
        self, method: str = "GET", path: str = "/thing", body: Any = None, *, org: str = "acme", **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        exp = int(self.clock().timestamp()) + 60
        bearer = jwt.encode({"sub": "ada", "org": org, "iss": "dropmill", "aud": "dropmill", "exp": exp,
                             "roles": ["user"]}, SECRET)
        sent = {"authorization": f"Bearer {bearer}", "content-type": "application/json",
                **{name.replace("_", "-"): value for name, value in headers.items()}}
        raw = json.dumps(body).encode() if body is not None else None
        got = LocalGateway(self.app, Config.create(chalice_app=self.app)).handle_request(method, path, sent, raw)
        answer = json.loads(got["body"]) if got["body"] else None
        return got["statusCode"], answer, {name.lower(): value for name, value in got["headers"].items()}


@pytest.fixture
def site() -> Site:
    return Site()


def raising(error: Exception) -> Any:
    def view(_: Request) -> None:
        raise error
    return view


@pytest.mark.parametrize(("error", "status", "code", "retry_after"), [
    (RequestRefused(RequestProblem.CANNOT_CANCEL), 409, "CANNOT_CANCEL", None),
    (RequestRefused(RequestProblem.RATE_LIMITED, retry_after=7), 429, "RATE_LIMITED", "7"),
    (FileRefused(FileProblem.FILE_TOO_LARGE), 413, "FILE_TOO_LARGE", None),
    (Transient("dynamodb is busy"), 503, "UNAVAILABLE", "2"),
    (Waiting(41.6, "tokens"), 503, "UNAVAILABLE", "42"),
    (Unavailable("bad key"), 503, "UNAVAILABLE", "2"),
    (BadRequestError("not like this"), 400, "BAD_REQUEST", None),
    (ZeroDivisionError("secret"), 500, "INTERNAL", None),
    (KeyError("secret"), 500, "INTERNAL", None)])
def test_every_exception_becomes_the_one_error_body(site: Site, error: Exception, status: int, code: str,
                                                    retry_after: str | None):
    site.does = raising(error)
    got, body, headers = site()
    assert (got, body["error"]["code"], headers.get("retry-after")) == (status, code, retry_after)
    assert set(body["error"]) == {"code", "message", "details", "requestId", "timestamp"}
    assert "secret" not in json.dumps(body)
    assert headers["access-control-allow-origin"] == "*"


def test_details_are_the_errors_own(site: Site):
    site.does = raising(RequestRefused(RequestProblem.NOT_FOUND, "No such thing.", thing="x"))
    _, body, _ = site()
    assert (body["error"]["message"], body["error"]["details"]) == ("No such thing.", {"thing": "x"})


def test_a_model_that_fails_inside_is_our_fault_and_not_the_callers(site: Site):
    site.does = lambda request: Inner.model_validate({"number": "none"})
    assert site()[0] == 500


def test_unexpected_failure_is_logged_with_its_request_id_and_trace(site: Site, caplog: pytest.LogCaptureFixture):
    site.does = raising(ZeroDivisionError("division"))
    with caplog.at_level(logging.ERROR):
        _, body, _ = site()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["request_id"] == body["error"]["requestId"]
    assert record.exc_info is not None


def test_what_is_logged_and_made_below_carries_the_request(site: Site, caplog: pytest.LogCaptureFixture):
    asked: list[str] = []
    site.does = lambda request: asked.append(request_id()) or {"done": True}
    with caplog.at_level(logging.INFO):
        _, _, headers = site(x_correlation_id="shop-7")
    assert asked == [headers["x-request-id"]]
    line, = caplog.records
    assert (line.__dict__["request_id"], line.__dict__["correlation_id"]) == (asked[0], "shop-7")


@pytest.mark.parametrize(("error", "failed"), [
    (None, 0), (RequestRefused(RequestProblem.NOT_FOUND), 0), (Transient("x"), 1), (ZeroDivisionError(), 1)])
def test_requests_are_counted_and_our_own_failures_among_them(site: Site, error: Exception | None, failed: int):
    if error:
        site.does = raising(error)
    site()
    assert (site.measured["Requests"], site.measured["RequestErrors"]) == (1, failed)


def test_access_line_holds_the_route_and_nothing_personal(site: Site, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        site(path="/thing?filter_email=jane@example.com")
    (record,) = [record for record in caplog.records if record.message == "request"]
    assert (record.route, record.status, record.method) == ("/thing", 200, "GET")
    assert "jane" not in str(vars(record))


def test_view_may_answer_a_model(site: Site):
    site.does = lambda request: Health(status="ok", app="a", stage="s", local=True, time="t", commit="")
    assert site()[1]["status"] == "ok"


def test_view_learns_who_asks_and_is_not_run_for_nobody(site: Site):
    site.does = lambda request: {"owner": caller_of(request).owner}
    assert site()[1] == {"owner": "acme"}
    calls = site.calls
    assert site(authorization="Bearer x")[0] == 401
    assert site.calls == calls
    site.does = lambda request: {"public": True}
    assert site(path="/health", authorization="")[0] == 200


def test_large_and_chunked_bodies_never_reach_the_view(site: Site):
    assert site("POST", content_length=str(5 * 1024 * 1024))[1]["error"]["code"] == "PAYLOAD_TOO_LARGE"
    assert site("POST", body="x" * 4_200_000)[1]["error"]["code"] == "PAYLOAD_TOO_LARGE"
    status, body, headers = site("POST", transfer_encoding="Chunked")
    assert (status, body["error"]["code"], headers["connection"]) == (411, "LENGTH_REQUIRED", "close")
    assert site.calls == 0


def test_own_headers_of_a_view_stay(site: Site):
    site.does = lambda request: Response(body="a,b", headers={"content-type": "text/csv", "Cache-Control": "private"})
    got = LocalGateway(site.app, Config.create(chalice_app=site.app)).handle_request("GET", "/health", {}, None)
    assert (got["headers"]["content-type"], got["headers"]["Cache-Control"]) == ("text/csv", "private")
    assert "Content-Type" not in got["headers"]


# --- Idempotency-Key


def test_same_key_and_body_is_answered_and_not_done_again(site: Site):
    site.does = lambda request: {"number": site.calls}
    first, again = site("POST", body={"a": 1}, idempotency_key="k"), site("POST", body={"a": 1}, idempotency_key="k")
    assert (first[1], again[1], site.calls) == ({"number": 1}, {"number": 1}, 1)
    assert (first[2].get("idempotency-replayed"), again[2]["idempotency-replayed"]) == (None, "true")
    assert again[2]["x-request-id"] != first[2]["x-request-id"]


def test_keys_belong_to_owners_and_gets_have_none(site: Site):
    for org, method in (("acme", "POST"), ("other", "POST"), ("acme", "GET"), ("acme", "GET")):
        site(method, org=org, idempotency_key="k")
    assert site.calls == 4


def test_key_used_for_another_request_is_a_mismatch(site: Site):
    site("POST", body={"a": 1}, idempotency_key="k")
    for body, path in (({"a": 2}, "/thing"), ({"a": 1}, "/thing?again=true")):
        status, told, _ = site("POST", path, body, idempotency_key="k")
        assert (status, told["error"]["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    assert site.calls == 1


def test_failure_frees_the_key_for_another_try(site: Site):
    site.does = raising(Transient("busy"))
    assert site("POST", idempotency_key="k")[0] == 503
    site.does = lambda request: Response(body={"error": {}}, status_code=422)
    assert site("POST", idempotency_key="k")[0] == 422
    site.does = lambda request: {"done": True}
    assert site("POST", idempotency_key="k")[1] == {"done": True}


def meanwhile(site: Site, seconds: float) -> list[Any]:
    """The first request's view sends the same request again after so many seconds; answers what that one got."""
    got: list[Any] = []

    def view(_: Request) -> Any:
        if site.calls == 1:
            site.clock.pass_(seconds)
            got.extend(site("POST", idempotency_key="k"))
        return {"call": site.calls}

    site.does = view
    site("POST", idempotency_key="k")
    return got


def test_second_request_is_sent_away_while_the_first_still_runs(site: Site):
    status, _, headers = meanwhile(site, seconds=59)
    assert (status, headers["retry-after"], site.calls) == (409, "2", 1)


def test_second_request_takes_over_from_a_first_that_must_be_dead(site: Site):
    status, body, _ = meanwhile(site, seconds=61)
    assert (status, body, site.calls) == (200, {"call": 2}, 2)
    assert site("POST", idempotency_key="k")[1] == {"call": 2}


def test_day_later_the_key_is_forgotten(site: Site):
    site("POST", idempotency_key="k")
    site.clock.pass_(24 * 3600 + 1)
    site("POST", idempotency_key="k")
    assert site.calls == 2


def test_answers_full_of_personal_data_are_not_kept(site: Site):
    site.does = lambda request: {"content": "jane@example.com"}
    site("POST", idempotency_key="k")
    assert site.records.stored == {}


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_key_that_is_too_long_or_unprintable_is_a_bad_request(site: Site, key: str):
    assert site("POST", idempotency_key=key)[1]["error"]["code"] == "BAD_REQUEST"

