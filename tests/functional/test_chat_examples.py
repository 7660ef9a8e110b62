"""The README's ten questions, asked as they stand there, over leads that came in as files; answers computed anew."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.jobs.model import stamp
from tests.conftest import Aws
from tests.docs.tables import README
from tests.functional.engine import Engine, book
from tests.functional.rest import Api
from tests.functional.rest_leads import all_pages

HEADER = ["First Name", "Last Name", "Email", "Phone", "Company", "Job Title", "Source"]
SECTION = README.read_text(encoding="utf-8").partition("\n## Chat\n")[2].partition("\n## ")[0]
QUESTIONS = re.findall(r"^- `(.+)`$", SECTION, re.MULTILINE)
FILES: Mapping[int, list[list[str]]] = {
    200: [["John", "Smith", "john@acme.com", "212 555 0123", "Acme Inc", "Managing Director", "Fair"],
          ["Jane", "Smith", "jane@gmail.com", "", "Acme Inc", "Buyer", "Fair"],
          ["Bill", "Able", "bill@bolt.com", "212 555 0124", "Bolt", "Owner", "Web"]],
    40: [["Mary", "Zander", "mary@globex.com", "212 555 0125", "Globex", "Sales Director", "Web"],
         ["Carl", "Moss", "carl@mail.globex.com", "", "Globex", "Director", "Web"],
         ["Anna", "Berg", "anna@birch.org", "", "Birch & Co", "CEO", "Web"]],
    2: [["Zoe", "Young", "", "212 555 0126", "Acme Inc", "Clerk", "Fair"],
        ["Abe", "Quick", "", "212 555 0127", "Initech", "Clerk", "Mail"],
        ["Tom", "Smithson", "tom@gmail.com", "", "Hooli", "Director", "Mail"]]}
"""Rows by the days since they were dropped."""

Lead = Mapping[str, Any]
Answer = Mapping[str, Any]
NOW = datetime.now(UTC)


@pytest.fixture(scope="module", autouse=True)
def _leads(shared_aws: Aws) -> None:
    engine = Engine(shared_aws)
    for days, rows in FILES.items():
        engine.drop(book(Rows=[HEADER, *rows]), f"uploads/leads/{days}.xlsx", at=stamp(NOW - timedelta(days=days)))
    engine.split()
    engine.work()


def has(field: str, pattern: str) -> Callable[[Lead], bool]:
    return lambda lead: bool(re.search(pattern, lead[field] or "", re.IGNORECASE))


def ranked(leads: list[Lead], field: str) -> list[tuple[str, int]]:
    return sorted(Counter(lead[field] for lead in leads).items(), key=lambda each: (-each[1], each[0].casefold()))


def by_month(leads: list[Lead]) -> list[tuple[str, int]]:
    return sorted(Counter(lead["createdAt"][:7] for lead in leads if lead["createdAt"][:4] == f"{NOW:%Y}").items())


def recent(leads: list[Lead]) -> list[str]:
    since = f"{NOW - timedelta(days=6):%Y-%m-%d}"
    found = [lead for lead in leads if not lead["email"] and lead["updatedAt"][:10] >= since]
    return [lead["leadId"] for lead in sorted(found, key=lambda lead: lead["lastName"])]


RIGHT: Mapping[str, Callable[[list[Lead]], Any]] = {
    "How many leads do we have?": len,
    "How many leads from Acme have no phone number?": lambda leads: sum(
        has("company", r"\bacme\b")(lead) and not lead["phone"] for lead in leads),
    "Show leads at Acme or Globex with title containing director": lambda leads: {
        lead["leadId"] for lead in leads
        if has("company", r"\b(acme|globex)\b")(lead) and has("title", "director")(lead)},
    "Find John Smith": lambda leads: {
        lead["leadId"] for lead in leads if (lead["firstName"], lead["lastName"]) == ("John", "Smith")},
    "Who has a gmail address?": lambda leads: {
        lead["leadId"] for lead in leads if has("email", r"@gmail\.com$")(lead)},
    "Everybody whose company starts with B": lambda leads: {
        lead["leadId"] for lead in leads if has("company", "^b")(lead)},
    "Top 5 companies": lambda leads: ranked(leads, "company")[:5],
    "Which source brought the most leads?": lambda leads: ranked(leads, "source")[:1],
    "How many leads were added per month this year?": by_month,
    "Leads updated in the last 7 days that have no email, sorted by last name": recent,
}


def told(answer: Answer) -> Any:
    """What an answer says, whatever its kind."""
    kind = answer["structured"]["type"]
    if kind == "count":
        return answer["resultCount"]
    if kind == "aggregate":
        return [(group["key"], group["count"]) for group in answer["groups"]]
    ids = [lead["leadId"] for lead in answer["rows"]]
    return ids if answer["structured"]["sort"] else set(ids)


def test_the_readme_shows_ten_questions_and_all_of_them_are_checked_here():
    assert len(QUESTIONS) == 10
    assert set(QUESTIONS) == set(RIGHT)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_of_the_readme_has_the_right_answer(shared_api: Api, question: str):
    leads = all_pages(shared_api, pageSize=100)
    assert len(leads) == 9
    answer = shared_api("POST", "/chat", {"query": question}).json
    assert (answer["type"], answer["provider"], answer["complete"]) == ("success", "grammar", True)
    expected = RIGHT[question](leads)
    assert told(answer) == expected
    assert expected, "a question that finds nothing shows nothing"


def test_the_answer_that_the_readme_shows_is_of_the_shape_that_the_route_answers(shared_api: Api):
    answer = shared_api("POST", "/chat", {"query": "How many leads from Acme have no phone number?"}).json
    shown = re.findall(r'"(\w+)":', SECTION.partition("```")[2].rpartition("```")[0])
    assert {name for name in shown if name != "query"} <= {*answer, *answer["structured"],
                                                           *answer["structured"]["filters"][0]}
