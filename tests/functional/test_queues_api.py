"""What operators see: queues explained, dead letters without a person in them; and that nobody else sees it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from chalicelib.api.queues import concurrency_setting
from chalicelib.jobs import control
from chalicelib.local.template import read
from chalicelib.logs import MaskingFormatter
from chalicelib.settings import Settings
from tests.conftest import TEMPLATE
from tests.functional.dead import ADA, PLANTED, die, everything, letters, operator, personal, redrive, started, tasks
from tests.functional.engine import Engine, people
from tests.functional.rest import Api

ROUTES = [("GET", "/queues", None), ("GET", "/queues/leads/dlq", None), ("GET", "/queues/leads/dlq/some-id", None),
          ("POST", "/queues/leads/redrive", {"count": 1}),
          ("POST", "/queues/leads/redrive", {"count": 1, "dryRun": True}),
          ("GET", "/queues/leads/redrives/20261128T000000000-a", None), ("GET", "/config", None)]


@pytest.fixture
def engine(aws: Any, api: Api) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "3"})


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_all_of_it_is_for_operators_only(api, engine, method, path, body):
    started(engine, people(3))
    die(engine)
    answer = api(method, path, body)
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert engine.depth("leads-dlq") == 1


@pytest.mark.parametrize(("method", "path", "body"), [each for each in ROUTES if each[1].startswith("/queues/")])
def test_a_queue_that_is_none_is_not_found(api, method, path, body):
    answer = operator(api)(method, path.replace("leads", "dreams"), body)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


# --- queues


def queue(api: Api, name: str = "leads") -> dict[str, Any]:
    told = operator(api)("GET", "/queues")
    assert told.status == 200, told.text
    return next(each for each in told.json["queues"] if each["name"] == name)


def test_every_queue_of_the_template_is_shown_as_it_is(api, engine):
    told = operator(api)("GET", "/queues").json["queues"]
    template = read(TEMPLATE, "test", engine.aws.access)
    properties = {each.properties["QueueName"]: each.properties for each in template if each.type == "AWS::SQS::Queue"}
    assert {each["queue"] for each in told} == {name for name in properties if not name.endswith("-dlq")}
    for each in told:
        live = properties[each["queue"]]
        assert each["visibilityTimeout"] == int(live["VisibilityTimeout"])
        assert each["retentionSeconds"] == each["deadLetterRetentionSeconds"] == int(live["MessageRetentionPeriod"])
        assert each["receivesBeforeDead"] == live["RedrivePolicy"]["maxReceiveCount"]


def test_concurrency_and_batch_size_are_those_of_the_event_sources(api):
    told = {each["name"]: each for each in operator(api)("GET", "/queues").json["queues"]}
    settings = Settings()
    assert {name: each["maximumConcurrency"] for name, each in told.items()} == {
        "split": None, "leads": settings.leads_max_concurrency, "products": settings.products_max_concurrency,
        "prices": settings.prices_max_concurrency, "images": settings.images_max_concurrency, "tasks": None}
    assert {name for name, each in told.items() if each["messagesPerInvocation"] != 1} == {"images"}
    assert told["images"]["messagesPerInvocation"] == 10
    assert [concurrency_setting(name) for name in ("leads", "split")] == ["LEADS_MAX_CONCURRENCY", ""]


def test_the_depth_is_told_with_what_it_means(api, engine):
    assert (queue(api)["level"], queue(api)["drainSeconds"]) == ("idle", 0)
    started(engine, people(9))
    told = queue(api)
    assert (told["depth"], told["level"]) == ({"visible": 3, "inFlight": 0, "delayed": 0}, "normal")
    assert told["words"][0] == "3 messages can be received: a normal backlog, which drains by itself."
    die(engine)
    told = queue(api)
    assert told["deadLetters"] == {"visible": 3, "inFlight": 0, "delayed": 0}
    assert "3 messages dead" in told["words"][-1]


def test_the_time_to_drain_is_told_where_a_job_shows_its_pace_and_only_there(api, engine):
    job = started(engine, people(9))
    assert queue(api)["drainSeconds"] is None
    engine.work(most=1)
    assert queue(api)["drainSeconds"] > 0
    engine.services.call(control.cancel, job_id=job.job_id, by="ada")
    engine.services.call(control.resume, job_id=job.job_id, by="ada")
    assert queue(api)["drainSeconds"] is None


# --- dead letters


def test_a_dead_letter_says_what_it_is_about_and_why_it_died(api, engine):
    job = started(engine, people(3), "uploads/leads/acme/people.xlsx")
    die(engine)
    [letter] = letters(api)
    assert {name: letter[name] for name in ("jobId", "jobStatus", "pipeline", "owner", "batchNumber", "rows", "cause",
                                            "fate")} == {
        "jobId": job.job_id, "jobStatus": "error", "pipeline": "leads", "owner": "acme", "batchNumber": 1, "rows": 3,
        "cause": "Transient: the provider is down", "fate": "runs_again"}
    assert letter["receives"] >= 3
    assert letter["bytes"] > 100
    shown = json.loads(letter["body"])
    assert (shown["upload_id"], shown["batch_number"], shown["source_file"]) == (job.job_id, 1, "p***.xlsx")
    assert [row["_row"] for row in shown["leads"]] == [2, 3, 4]


def test_one_letter_is_shown_by_its_id(api, engine):
    started(engine, people(9))
    die(engine)
    wanted = letters(api)[1]
    told = operator(api)("GET", f"/queues/leads/dlq/{wanted['messageId']}").json
    assert {**told, "receives": 0} == {**wanted, "receives": 0}
    missing = operator(api)("GET", "/queues/leads/dlq/nobody")
    assert (missing.code, missing.json["error"]["details"]) == ("NOT_FOUND", {"lookedAt": 3, "complete": True})


def test_a_look_neither_loses_nor_hides(api, engine):
    started(engine, people(75))
    die(engine)
    for limit in (1, 10, 25, 100):
        told = operator(api)("GET", "/queues/leads/dlq", limit=limit).json
        assert (len(told["letters"]), told["more"]) == (min(limit, 25), limit < 25)
        assert told["deadLetters"] == {"visible": 25, "inFlight": 0, "delayed": 0}
    assert len({letter["messageId"] for letter in letters(api)}) == 25


def test_letters_that_somebody_else_holds_are_spoken_of(api, engine):
    started(engine, people(3))
    die(engine)
    engine.services.queues.receive(engine.name("leads-dlq"), seconds=60)
    told = operator(api)("GET", "/queues/leads/dlq").json
    assert (told["letters"], told["more"], told["deadLetters"]["inFlight"]) == ([], True, 1)
    assert "somebody else holds" in told["note"]


@pytest.mark.parametrize("limit", [0, 101, "x"])
def test_a_limit_that_is_none_is_refused(api, limit):
    assert operator(api)("GET", "/queues/leads/dlq", limit=limit).code == "BAD_REQUEST"


# --- nobody's data in any of it


MALFORMED = (
    "not JSON: Augusta Byron, +61412345678, " + ADA,
    '{"leads": [{"Email": "' + ADA + '", "First Name": "Augusta',
    json.dumps({ADA: "Augusta Byron", "batch_id": ADA, "upload_id": "Augusta Byron", "batch_number": "0412345678",
                "columns": {"Augusta Byron": {ADA: 5}}, "timestamp": "Augusta", "environment": "Analytical"}),
    json.dumps({"v": 1, "upload_id": "Augusta Byron", "batch_number": 1, "total_batches": 1,
                "columns": {"Augusta": {ADA: 5}}, "leads": [{"Augusta Byron": ADA}]}),
    json.dumps(["Augusta", 412345678, {"Byron": [[ADA]]}]), json.dumps("Augusta Byron"))


class Heard(logging.Handler):
    """What our formatter makes of every line."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(MaskingFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def heard() -> Any:
    handler, logger = Heard(), logging.getLogger("dropmill")
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)


def test_no_answer_and_no_line_holds_anything_of_a_person(api, engine, heard):
    started(engine, personal(3), f"uploads/leads/Augusta Byron {ADA} 0412345678.xlsx")
    die(engine)
    for body in MALFORMED:
        engine.send("leads", body)
    engine.work()
    assert engine.depth("leads-dlq") == 1 + len(MALFORMED)
    ask = operator(api)
    found = letters(api)
    assert [letter["fate"] for letter in found].count("comes_back") == len(MALFORMED)
    texts = [ask("GET", "/queues/leads/dlq").text, ask("GET", "/queues").text,
             *(ask("GET", f"/queues/leads/dlq/{letter['messageId']}").text for letter in found),
             json.dumps(redrive(api, {"all": True, "dryRun": True})),
             json.dumps(redrive(api, {"count": 3})),
             ask("POST", "/queues/leads/redrive", {"messageIds": [ADA], ADA: "Augusta Byron"}).text,
             ask("GET", f"/queues/{ADA}/dlq").text, ask("GET", f"/queues/leads/dlq/{ADA}").text]
    asked = everything(api)
    tasks(engine)
    texts += [ask("GET", asked["statusUrl"]).text, ask("GET", "/queues").text]
    engine.work()
    assert [(word, text) for text in texts for word in PLANTED if word in text.lower()] == []
    assert len(heard) > 10
    assert [(word, line) for line in heard for word in PLANTED if word in line.lower()] == []


def test_a_long_letter_is_cut(api, engine):
    engine.send("leads-dlq", json.dumps({"leads": [{f"column {place}": "x" for place in range(3000)}]}))
    engine.send("leads-dlq", "x" * 100_000)
    assert all(len(letter["body"]) < 5000 for letter in letters(api))
