"""Questions about leads through the route, read by the grammar: right answers, bounded reads, nobody else's leads."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest

from chalicelib.api import chat
from chalicelib.api.auth import Caller
from chalicelib.api.chat_models import ChatAnswer, ChatRequest
from chalicelib.api.chat_running import Bounds, plan_of, run
from chalicelib.api.lead_view import lead_values
from chalicelib.asking.grammar import understand
from chalicelib.asking.judging import matcher
from chalicelib.asking.model import Query
from tests.conftest import Aws
from tests.functional.engine import Engine, people
from tests.functional.rest import OWNER, Api, token
from tests.functional.rest_leads import stored

LEADS: list[dict[str, str]] = [
    {"firstName": "Ada", "lastName": "Byron", "email": "ada@gmail.com", "company": "Acme Ltd", "title": "CEO",
     "source": "Fair"},
    {"firstName": "Bob", "lastName": "Roy", "email": "bob@acme.com", "company": "ACME", "phone": "+14155550123",
     "title": "Sales Director", "source": "fair"},
    {"firstName": "Cy", "lastName": "Zed", "company": "Globex", "title": "Director of Sales", "source": "Web"},
    {"firstName": "Dee", "lastName": "Öz", "email": "dee@mail.globex.com", "company": "Globex Inc", "title": "CTO"},
    {"name": "Eve Adams", "email": "eve@example.org", "phone": "+442079460000", "company": "Bolt & Sons"},
    {"firstName": "Fay", "lastName": "Byrons", "phone": "+14155550199"},
]
"""Day 1 of January 2026 to each of them, by `stored`."""
FOREIGN = 9 * [{"firstName": "Mallory", "lastName": "Byron", "email": "m@gmail.com", "company": "Acme",
                "source": "Fair"}]
WHO = Caller("ada", OWNER, frozenset({"user"}))


@pytest.fixture(scope="module", autouse=True)
def _leads(shared_aws: Aws) -> None:
    engine = Engine(shared_aws)
    stored(engine, LEADS)
    stored(engine, FOREIGN, owner="somebody-else")


def ask(api: Api, question: Any) -> dict[str, Any]:
    answer = api("POST", "/chat", {"query": question})
    assert answer.status == 200, answer.text
    return answer.json


def names(answer: dict[str, Any]) -> list[str]:
    return [lead["firstName"] or lead["name"] for lead in answer["rows"]]


@pytest.mark.parametrize(("question", "number"), [
    ("how many leads do we have", 6), ("how many leads from Acme", 2), ("how many leads not from Acme", 4),
    ("how many have no phone", 3), ("how many have no email", 2), ("how many people named Byron", 1),
    ("how many leads from Acme without phone", 1), ("how many leads with phone starting with +1", 2),
    ("how many have a gmail address", 1), ("how many leads at Initech", 0), ("how many CTOs", 1),
    ("how many leads whose email ends with .org", 1), ("how many leads have the last name Oz", 1),
    ("how many leads from t.csv", 6), ("how many leads were added on 2026-01-01", 6),
    ("how many leads were added before 2026-01-01", 0)])
def test_counts(shared_api: Api, question: str, number: int):
    answer = ask(shared_api, question)
    assert (answer["type"], answer["resultCount"], answer["total"]) == ("success", number, number)
    assert (answer["complete"], answer["rows"], answer["groups"]) == (True, [], [])
    assert re.search(rf"\b{number} lead", answer["response"])


@pytest.mark.parametrize(("question", "expected"), [
    ("show leads at Acme", ["Ada", "Bob"]), ("find Ada Byron", ["Ada"]), ("find adams eve", ["Eve Adams"]),
    ("sales directors", ["Bob", "Cy"]), ("directors at Globex", ["Cy"]),
    ("leads from Bolt or Globex", ["Cy", "Dee", "Eve Adams"]),
    ("leads without company", ["Fay"]), ("leads whose company starts with glo", ["Cy", "Dee"]),
    ("find bob@acme.com", ["Bob"]), ("who has the number 415 555 0199", ["Fay"]), ("leads at acme.com", ["Bob"]),
    ("leads with source fair", ["Ada", "Bob"]), ("leads at Initech", [])])
def test_leads_that_are_asked_for(shared_api: Api, question: str, expected: list[str]):
    answer = ask(shared_api, question)
    assert sorted(names(answer)) == expected
    assert (answer["type"], answer["resultCount"], answer["total"]) == ("success", len(expected), len(expected))


def test_groups_ignore_case_and_count_who_has_none(shared_api: Api):
    answer = ask(shared_api, "leads per source")
    assert [(group["key"].casefold(), group["count"]) for group in answer["groups"]] == [("fair", 2), ("web", 1)]
    assert (answer["withoutKey"], answer["total"], answer["resultCount"]) == (3, 2, 2)
    first = ask(shared_api, "which source brought the most leads")
    assert [(group["key"].casefold(), group["count"]) for group in first["groups"]] == [("fair", 2)]
    domains = ask(shared_api, "top 2 email domains")
    assert (len(domains["groups"]), domains["total"]) == (2, 4)
    months = ask(shared_api, "leads per month")
    assert months["groups"] == [{"key": "2026-01", "count": 6}]
    assert ask(shared_api, "sources with at least 2 leads")["total"] == 1


@pytest.mark.parametrize(("question", "expected"), [
    ("leads sorted by last name", ["Ada", "Fay", "Bob", "Cy", "Dee", "Eve Adams"]),
    ("leads sorted by company", ["Ada", "Bob", "Eve Adams", "Dee", "Cy", "Fay"]),
    ("leads sorted by company descending", ["Dee", "Cy", "Eve Adams", "Ada", "Bob", "Fay"]),
    ("leads sorted by title", ["Ada", "Dee", "Cy", "Bob"]),
    ("recently updated leads", ["Fay", "Eve Adams", "Dee", "Cy", "Bob", "Ada"])])
def test_leads_come_in_the_order_that_was_asked_for_and_the_missing_last(shared_api: Api, question: str, expected):
    assert names(ask(shared_api, question))[:len(expected)] == expected


def test_an_answer_shows_the_question_and_what_was_run(shared_api: Api):
    answer = ask(shared_api, "Show the first 2 leads not at Acme, please")
    assert answer["query"] == "Show the first 2 leads not at Acme, please"
    assert answer["structured"] == {
        "type": "filter", "groupBy": None, "limit": 2, "sort": None, "atLeast": 1,
        "filters": [{"field": "company", "op": "words", "values": ["Acme"], "not": True}]}
    assert answer["interpretation"] == "Leads whose company does not have the word “Acme”, first 2"
    assert (answer["resultCount"], answer["total"]) == (2, None)
    assert (answer["provider"], answer["fallback"]) == ("grammar", None)
    assert "there are more" in answer["response"]


def test_a_question_that_is_not_clear_is_asked_back_and_nothing_is_run(shared_api: Api):
    answer = ask(shared_api, "purple leads at Acme")
    assert (answer["type"], answer["structured"], answer["rows"], answer["lookedAt"]) == ("clarification", None, [], 0)
    assert "purple" in answer["response"]
    assert all(ask(shared_api, question)["type"] == "success" for question in answer["suggestions"])


def test_chat_only_reads(shared_api: Api):
    for question in ("delete all leads", "please update the phone of Ada", "find Ada and remove her"):
        answer = ask(shared_api, question)
        assert (answer["type"], answer["structured"]) == ("error", None)
        assert "only reads" in answer["response"]
    assert ask(shared_api, "how many leads do we have")["resultCount"] == 6


def test_who_finds_nothing_hears_what_else_he_may_have_meant(shared_api: Api):
    answer = ask(shared_api, "leads from Ada")
    assert answer["response"] == "There are no leads whose company has the word “Ada”."
    assert names(ask(shared_api, answer["suggestions"][0])) == ["Ada"]


def test_everybody_asks_about_his_own_leads_only(shared_api: Api):
    stranger = shared_api.as_(token("mallory", org="somebody-else"))
    assert ask(stranger, "how many leads do we have")["resultCount"] == 9
    assert set(names(ask(stranger, "show leads at Acme"))) == {"Mallory"}
    assert ask(shared_api.as_(token("new", org="nobody-yet")), "top 5 companies")["groups"] == []


@pytest.mark.parametrize("question", [
    "'; DROP TABLE leads; --", "leads at \x7f", "leads at \ud7ff", "{}", "%00", "<script>alert(1)</script>", "🙂" * 100,
    "leads at " + "x" * 480, "from " * 100, "(" * 500, '"' * 499, "leads added on 99999-99-99", "first 0 leads",
    "leads added in the last 9999 years", "leads added 9999 months ago", "leads since 0001-01-01",
    "leads after 9999-12-31", "leads until 9999-12-31", "top 99999999999999999999 companies", " "])
def test_no_question_breaks_the_route(shared_api: Api, question: str):
    assert ask(shared_api, question)["type"] in ("success", "clarification", "error")


@pytest.mark.parametrize("body", [
    {}, {"query": ""}, {"query": "x" * 501}, {"query": 5}, {"query": "x", "owner": "y"}, [],
    {"query": "leads at \x00"}])
def test_what_is_no_question_is_a_bad_request(shared_api: Api, body: Any):
    assert shared_api("POST", "/chat", body).code == "BAD_REQUEST"


def test_neither_question_nor_answer_is_logged(shared_api: Api, caplog, capsys):
    with caplog.at_level(logging.DEBUG):
        ask(shared_api, "find Ada Byron at Acme")
        ask(shared_api, "purple Byron leads")
    lines = capsys.readouterr().out + "".join(str(record.__dict__) for record in caplog.records)
    assert "chat answered" in lines
    assert not re.search("byron|acme|gmail|purple", lines, re.IGNORECASE)


def test_an_answer_is_not_kept_for_a_repeated_request(shared_api: Api, shared_aws: Aws):
    for _ in range(2):
        answer = shared_api("POST", "/chat", {"query": "find Ada"}, headers={"Idempotency-Key": "once"})
        assert "idempotency-replayed" not in answer.headers
    table = shared_aws.client("dynamodb").scan(TableName=Engine(shared_aws).services.settings.ledger_table)
    assert "Byron" not in json.dumps(table["Items"])


# --- bounded reads


@pytest.fixture(scope="module")
def crowd(shared_aws: Aws) -> Engine:
    """Owners of 300 leads, and of 60 of which every seventh has no e-mail."""
    engine = Engine(shared_aws)
    contents = [{"lastName": last, "email": email, "company": company}
                for _, last, email, _, company in people(300)[1:]]
    stored(engine, contents, owner="crowd")
    stored(engine, [{name: text for name, text in content.items() if name != "email" or place % 7}
                    for place, content in enumerate(contents[:60])], owner="gaps")
    return engine


def answered(engine: Engine, question: str, owner: str = "crowd", **bounds: int) -> ChatAnswer:
    caller = Caller("ada", owner, frozenset({"user"}))
    return engine.services.call(chat.answer, caller=caller, request=ChatRequest(query=question),
                                bounds=Bounds(**bounds))


def test_only_so_many_leads_are_looked_at_and_the_answer_says_so(crowd: Engine):
    for question in ("how many leads have a company", "leads per company", "leads sorted by title", "leads at Nowhere"):
        cut = answered(crowd, question, reads=50)
        assert (cut.complete, cut.looked_at) == (False, 50)
        assert "Only the first 50 leads were looked at" in cut.response
        assert answered(crowd, question, reads=300).complete
    assert answered(crowd, "how many leads have a company", reads=50).response.startswith("There are at least 50 leads")


def test_a_plain_count_counts_further_than_it_would_look(crowd: Engine):
    assert answered(crowd, "how many leads do we have", reads=50).total == 300
    cut = answered(crowd, "how many leads do we have", counted=200)
    assert (cut.total, cut.complete, cut.response) == (200, False, "You have more than 200 leads.")


def test_a_filter_stops_when_it_has_enough(crowd: Engine):
    few = answered(crowd, "show 5 leads")
    assert (few.result_count, few.total, few.complete) == (5, None, True)
    assert few.looked_at == 6, "one more tells that there are more"


@pytest.mark.parametrize(("question", "most"), [
    ("leads with email p17@example.com", 1), ("leads whose email starts with p1", 111),
    ("how many leads whose company equals Co 9", 12), ("how many leads whose last name starts with Byron29", 11),
    ("leads whose company is exactly Co 9", 12), ("how many leads without email", 0),
    ("how many leads updated after 2026-01-01", 0), ("how many leads added after 2026-01-01", 0),
    ("how many leads updated before 2026-01-01", 0)])
def test_a_selective_question_reads_only_its_part_of_an_index(crowd: Engine, question: str, most: int):
    assert answered(crowd, question).looked_at <= most


@pytest.mark.parametrize("owner", ["crowd", "gaps", OWNER])
@pytest.mark.parametrize("question", [
    "leads whose email starts with P1", "leads whose company starts with co 1", "leads whose company equals CO 5",
    "leads without email", "leads without company", "leads whose last name starts with ö", "leads with no last name",
    "leads updated on 2026-01-01", "leads updated after 2025-12-31", "leads updated before 2026-01-02",
    "leads added on 2026-01-01", "leads added before 2026-01-02", "leads added after 2025-12-31",
    "leads whose email does not start with p1", "leads not updated on 2026-01-01", "leads with email",
    "leads without email updated on 2026-01-01", "leads whose company starts with a sorted by email",
    "leads whose company starts with g sorted by title", "leads sorted by email descending"])
def test_a_part_of_an_index_holds_all_that_is_asked_for(crowd: Engine, owner: str, question: str):
    """The same as looking at every lead of the owner."""
    query = understand(question, crowd.services.clock())
    assert isinstance(query, Query)
    everything = [item for item in crowd.stored() if item["owner"] == owner]
    listing = crowd.services.listing
    all_leads = list(listing.walk(owner, plan_of(Query(type="filter")).order))
    assert len(all_leads) == len(everything)
    matches = matcher(query.filters)
    expected = {entry.lead.lead_id for entry in all_leads
                if matches({name: str(text) for name, text in lead_values(entry.lead).items()})}
    found = run(query.model_copy(update={"limit": 100}), owner, listing, Bounds())
    assert {lead.lead_id for lead in found.leads} <= expected
    assert len(found.leads) == min(100, len(expected))
    assert run(Query(type="count", filters=query.filters), owner, listing, Bounds()).total == len(expected)
