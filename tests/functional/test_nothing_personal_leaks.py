"""Real flows with people planted in them: no log line, error body or header of a refusal says who they are."""

from __future__ import annotations

import io
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from aws_lambda_powertools.logging.filters import SuppressFilter

from chalicelib.bootstrap import services
from chalicelib.errors import Malformed
from chalicelib.jobs.failing import FunctionFailed
from chalicelib.logs import log
from chalicelib.settings import settings
from tests.conftest import Aws
from tests.functional.engine import Context, Engine
from tests.functional.rest import Answer, Api

PEOPLE = [
    ("o'planted+tag@sub.leak-one.ie", "+49 171 9988771"), ('"planted two"@leak-two.example', "(555) 998-8772"),
    ("jörg.planted@leak-müller.de", "0171 9988773"), ("planted%four@leak-four.museum", "555.998.8774"),
    ("PLANTED@LEAK-FIVE.EXAMPLE", "5559988775"), ("planted@leaksix", "0049-171-9988776")]
GIVEN_AWAY = ("planted", "leak", "998877", "998-877", "998.877", "9988 77")
"""Something of every planted person."""


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What our logger writes with its own handler and formatter, and what Lambda would write of everybody else's."""
    heard = io.StringIO()
    ours = log.handlers[0]
    assert isinstance(ours, logging.StreamHandler)
    before, others = ours.setStream(heard), logging.StreamHandler(heard)
    others.setLevel(logging.WARNING)
    others.addFilter(SuppressFilter(log.service))  # as Powertools does with the handler that Lambda brings
    others.setFormatter(logging.Formatter("[%(levelname)s] %(name)s %(message)s"))
    logging.getLogger().addHandler(others)
    yield heard
    logging.getLogger().removeHandler(others)
    ours.setStream(before)


@pytest.fixture(autouse=True)
def nothing_leaks(logged: io.StringIO, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Holds for every test of this module, when it has ended."""
    yield
    printed = "".join(capfd.readouterr())
    lines = (logged.getvalue() + printed).splitlines()
    assert lines, "nothing was logged: the test hears nothing"
    assert [line for line in lines if given_away(line)] == []


@pytest.fixture
def engine(aws: Aws) -> Engine:
    return Engine(aws)


@pytest.fixture
def handlers(api: Api, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """app.py, whose handlers are called as Lambda calls them."""
    monkeypatch.setenv("PARTIAL_BATCH", "1")
    settings.cache_clear()
    services.cache_clear()
    import app

    return app


def given_away(text: str) -> bool:
    return any(trace in text.lower() for trace in GIVEN_AWAY)


def refused(answer: Answer) -> Answer:
    """An answer that is an error, and says nothing personal anywhere."""
    assert answer.status >= 400, answer.text
    assert not given_away(answer.text)
    assert not given_away(json.dumps(dict(answer.headers)))
    return answer


def serve(engine: Engine, queue: str, handler: Any, most: int = 20) -> int:
    """Hand the messages of a queue to a handler, as Lambda's poller does; answers how many it took."""
    served = 0
    while served < most and (record := engine.receive(queue)):
        answer = handler({"Records": [record]}, Context())
        if not answer["batchItemFailures"]:
            engine.services.queues.delete(engine.name(queue), record["receiptHandle"])
        served += 1
    return served


def sheet() -> bytes:
    """All of them, each in a row that is accepted and one that is not."""
    rows = [f'"{mail.replace(chr(34), chr(34) * 2)}","{phone}",Planted Person' for mail, phone in PEOPLE]
    bad = [f'"{mail.replace(chr(34), chr(34) * 2)}",,' for mail, _ in PEOPLE]
    too_long = f'"{"planted@leak-long.example " * 1000}",x,y'
    return "\n".join(["Email,Phone,Name", *rows, *bad, too_long]).encode()


def dropped(engine: Engine, handlers: ModuleType, key: str, body: bytes) -> None:
    handlers.object_created({"Records": [engine.put(body, key)]}, Context())
    serve(engine, "split", handlers.split)


def test_a_file_with_good_and_bad_rows(engine: Engine, handlers: ModuleType, api: Api):
    dropped(engine, handlers, "uploads/leads/default/people.csv", sheet())
    assert serve(engine, "leads", handlers.leads_worker) > 0
    job = api("GET", "/status").json["jobs"][0]
    assert job["progress"]["rejected"] > 0
    assert "PLANTED" in api("GET", f"/status/{job['jobId']}/rejects").text.upper(), "its owner sees the rows"


def test_a_name_of_a_file_and_a_folder(engine: Engine, handlers: ModuleType):
    dropped(engine, handlers, f"uploads/leads/default/{PEOPLE[0][0]} {PEOPLE[0][1]}.csv", sheet())
    dropped(engine, handlers, f"uploads/leads/default/{PEOPLE[4][0]}.exe", b"MZ planted@leak-one.ie")
    dropped(engine, handlers, f"uploads/prices/default/{PEOPLE[3][0]}.csv", sheet())
    dropped(engine, handlers, f"uploads/products/default/{PEOPLE[5][1]}.csv", sheet())
    assert serve(engine, "leads", handlers.leads_worker) > 0


@pytest.mark.parametrize("message", [
    '{"leads": [{"email": "planted@leak-one.ie"', '{"leads": "planted@leak-one.ie"}', '"planted@leak-one.ie"',
    '{"v": 1, "job_id": "planted@leak-one.ie", "batch_number": "+49 171 9988771", "leads": [{}]}',
    '{"v": 1, "job_id": "j", "batch_id": "planted@leak-one.ie", "batch_number": 1, "leads": [{"_row": "998-8772"}]}'])
def test_a_message_that_nobody_understands(engine: Engine, handlers: ModuleType, message: str):
    for queue, handler in (("leads", handlers.leads_worker), ("split", handlers.split), ("tasks", handlers.run_task),
                           ("products", handlers.products_worker), ("prices", handlers.prices_worker),
                           ("images", handlers.images_worker)):
        engine.send(queue, message)
        assert serve(engine, queue, handler, most=1) == 1


class Echo(BaseHTTPRequestHandler):
    """A provider that refuses and quotes what it was sent, as many do."""

    status = 400

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps({"error": {"message": f"cannot handle {sent}", "code": "invalid_request_error"}},
                          ensure_ascii=False).encode()
        self.send_response(self.status, "refused for planted@leak-one.ie")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Row", "planted@leak-one.ie")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.mark.parametrize("status", [200, 400, 401, 402, 413, 422, 500, 503])
def test_a_provider_that_quotes_the_rows(
    engine: Engine, handlers: ModuleType, monkeypatch: pytest.MonkeyPatch, status: int
):
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Refusing", (Echo,), {"status": status}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("DEEPSEEK_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-test")
    monkeypatch.setenv("LEADS_STANDARDIZER", "deepseek")
    settings.cache_clear()
    services.cache_clear()
    try:
        dropped(engine, handlers, "uploads/leads/default/people.csv", sheet())
        assert serve(engine, "leads", handlers.leads_worker, most=6) > 0
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_batch_that_dies_with_its_table(engine: Engine, handlers: ModuleType, aws: Aws, logged: io.StringIO):
    """Every attempt fails inside an adapter, with the library's own words; then the last one is recorded."""
    dropped(engine, handlers, "uploads/leads/default/people.csv", sheet())
    aws.client("dynamodb").delete_table(TableName="dropmill-test-leads")
    assert serve(engine, "leads", handlers.leads_worker, most=12) > 0
    assert "ResourceNotFound" in logged.getvalue()


def test_a_function_that_fails_outright(engine: Engine, handlers: ModuleType, logged: io.StringIO):
    """What leaves the handler is written by Lambda, not by us."""
    record = engine.put(sheet(), "uploads/leads/default/people.csv")
    record["s3"]["object"] |= {"size": f"{PEOPLE[0][0]} {PEOPLE[0][1]}"}
    for handler, event, raised in ((handlers.object_created, {"Records": [record]}, Malformed),
                                   (handlers.process_job, {"jobId": {"planted@leak-one.ie": 1}}, Malformed),
                                   (handlers.process_job, ["planted@leak-one.ie"], FunctionFailed)):
        with pytest.raises(raised) as failed:
            handler(event, Context())
        assert not given_away("".join(traceback.format_exception(failed.value)).replace(__file__, ""))
    assert logged.getvalue().count("function failed") == 1


@pytest.mark.parametrize(("mail", "phone"), PEOPLE)
def test_requests_that_are_refused(api: Api, mail: str, phone: str):
    both = f"{mail} {phone}"
    for path in ("/status/", "/leads/", "/exports/", "/erasure/", "/images/", "/reports/", "/price-lists/",
                 "/catalogs/"):
        refused(api("GET", path + quote(both, safe="")))
        refused(api("GET", path + quote(mail, safe="@")))
    for query in ({mail: phone}, {"limit": mail}, {"cursor": both}, {"filter_nothing": mail}, {f"filter_{mail}": "x"},
                  {"sortBy": phone}, {"format": both}):
        refused(api("GET", "/leads", **query))
    for body in ({mail: 1}, {"fileName": both, "pipeline": mail}, {"fileName": f"{mail}.exe"}, [mail],
                 {"fileName": "a.csv", "options": {"dedupe": phone}}, {"fileName": "a.csv", "options": {mail: phone}},
                 {"fileName": "a.csv", "options": {"mapping": {mail: phone}}}, {"fileName": "x" * 255 + both}):
        refused(api("POST", "/upload", body))
    refused(api("POST", "/upload", f'{{"fileName": "{both}'.encode()))
    refused(api("POST", "/export", {"filters": {mail: phone}}))
    refused(api("POST", "/erasure", {"email": phone, mail: mail}))
    refused(api("POST", "/api-keys", {"name": both, "roles": [mail]}))
    header = mail.encode("ascii", "ignore").decode()
    refused(api("POST", "/upload", b"{}", headers={"content-type": f"text/{header}"}))
    refused(api("GET", "/status", headers={"authorization": f"Bearer {header}"}))
    refused(api("GET", "/status", headers={"authorization": f"Basic {header}"}))
    refused(api("GET", "/status", headers={"authorization": "", "x-api-key": header}))
    refused(api("POST", "/upload", b"{", headers={"x-correlation-id": f"{header}", "idempotency-key": header}))


def test_a_form_that_is_refused(api: Api):
    for mail, phone in PEOPLE:
        file = f'Content-Disposition: form-data; name="file"; filename="{phone} planted@leak-one.ie.csv"'
        field = f'Content-Disposition: form-data; name="{phone}"'
        form = f"--cut\r\n{file}\r\n\r\n{mail}\r\n--cut\r\n{field}\r\n\r\n{mail}\r\n--cut--\r\n".encode()
        for path in ("/catalogs", "/price-lists", "/api/price-matching/upload-and-match"):
            refused(api("POST", path, form, headers={"content-type": "multipart/form-data; boundary=cut"}))


def test_a_changed_lead_that_would_be_none(engine: Engine, handlers: ModuleType, api: Api):
    dropped(engine, handlers, "uploads/leads/default/people.csv", sheet())
    serve(engine, "leads", handlers.leads_worker)
    first, second = api("GET", "/leads").json["leads"][:2]
    refused(api("PATCH", f"/leads/{first['leadId']}", {"email": second["email"]}))
    refused(api("PATCH", f"/leads/{first['leadId']}", {"email": "planted at leak"}))
    refused(api("PATCH", f"/leads/{first['leadId']}", {"email": None, "name": None, "phone": None, "firstName": None,
                                                       "lastName": None, "company": None}))


def test_a_request_whose_table_is_gone(api: Api, aws: Aws, logged: io.StringIO):
    aws.client("dynamodb").delete_table(TableName="dropmill-test-leads")
    for mail, phone in PEOPLE:
        answer = refused(api("GET", "/leads", filter_email=mail, filter_phone=phone))
        assert (answer.status, answer.code) == (500, "INTERNAL")
    assert "Traceback" in logged.getvalue()


def test_a_person_who_is_erased(engine: Engine, handlers: ModuleType, api: Api):
    dropped(engine, handlers, "uploads/leads/default/people.csv", sheet())
    serve(engine, "leads", handlers.leads_worker)
    for mail, _ in PEOPLE[:3]:
        answer = api("POST", "/erasure", {"email": mail})
        assert answer.status in (202, 400)
        assert not given_away(answer.text)
    assert serve(engine, "tasks", handlers.run_task) > 0
