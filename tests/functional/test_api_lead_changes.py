"""Leads over REST, changed by hand and in numbers."""

from __future__ import annotations

import pytest

from tests.functional.engine import Engine, book, people
from tests.functional.rest import Api
from tests.functional.rest_leads import all_pages, process, six, stored


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "10"})


def test_a_lead_is_shown_changed_and_removed(api: Api, engine: Engine):
    six(engine)
    lead = api("GET", "/leads", filter_firstName="P3").json["leads"][0]
    path = f"/leads/{lead['leadId']}"
    changed = api("PATCH", path, {"phone": " (415) 555-2671 ", "email": "New@EXAMPLE.org", "company": None})
    assert changed.status == 200
    now = api("GET", path).json
    assert now == changed.json
    assert (now["phone"], now["email"], now["company"]) == ("+14155552671", "New@example.org", None)
    assert (now["createdAt"], now["firstName"]) == (lead["createdAt"], "P3")
    assert api("DELETE", path).status == 204
    assert api("GET", path).code == "NOT_FOUND"
    assert api("DELETE", path).code == "NOT_FOUND"
    assert api("PATCH", path, {"phone": "1"}).code == "NOT_FOUND"


def test_a_change_with_an_etag_demands_the_lead_as_it_was_read(api: Api, engine: Engine):
    six(engine)
    path = f"/leads/{api('GET', '/leads', filter_firstName='P3').json['leads'][0]['leadId']}"
    read = api("GET", path).headers["etag"]
    changed = api("PATCH", path, {"title": "Director"}, headers={"if-match": read})
    assert (changed.status, changed.json["title"]) == (200, "Director")
    for late in (read, f"W/{read}", '"x"'):
        refused = api("PATCH", path, {"title": "Clerk", "email": "other@example.com"}, headers={"if-match": late})
        assert (refused.status, refused.code) == (412, "LEAD_CHANGED")
    assert api("GET", path).json == changed.json
    for number, current in enumerate((read_again := api("GET", path).headers["etag"], "*")):
        assert api("PATCH", path, {"title": f"Clerk {number}"}, headers={"if-match": current}).status == 200
    assert api("PATCH", path, {"title": "Late"}, headers={"if-match": read_again}).code == "LEAD_CHANGED"


def test_whole_name_follows_its_parts_unless_it_says_more(api: Api, engine: Engine):
    six(engine)
    lead = api("GET", "/leads", filter_firstName="P3").json["leads"][0]
    path = f"/leads/{lead['leadId']}"
    assert api("PATCH", path, {"lastName": "King"}).json["name"] == "P3 King"
    assert api("PATCH", path, {"name": "Dr. P3 King"}).json["name"] == "Dr. P3 King"
    assert api("PATCH", path, {"lastName": "Queen"}).json["name"] == "Dr. P3 King"


def test_deleted_and_moved_leads_leave_the_listing(api: Api, engine: Engine):
    process(engine, book(People=people(3)))
    first, second, _ = all_pages(api, sortBy="email", sortOrder="asc")
    api("DELETE", f"/leads/{first['leadId']}")
    api("PATCH", f"/leads/{second['leadId']}", {"email": "zz@example.com"})
    found = all_pages(api, sortBy="email", sortOrder="asc")
    assert [lead["email"] for lead in found] == ["p2@example.com", "zz@example.com"]
    assert api("GET", "/leads", page=1).json["pagination"]["totalCount"] == 2


def test_a_walk_reads_every_shard_to_its_end(api: Api, engine: Engine):
    """Enough leads that each shard needs more than one read, in two keys that sort the other way round."""
    stored(engine, [{"email": f"{999 - number}@example.com", "company": f"{number:03d}"} for number in range(250)])
    by_company = [lead["company"] for lead in all_pages(api, sortBy="company", sortOrder="asc", pageSize=29)]
    assert by_company == [f"{number:03d}" for number in range(250)]
    by_email = [lead["company"] for lead in all_pages(api, sortBy="email", sortOrder="asc", pageSize=100)]
    assert by_email == by_company[::-1]
    last = api("GET", "/leads", page=36, pageSize=7, sortBy="company", sortOrder="asc").json
    assert ([lead["company"] for lead in last["leads"]], last["pagination"]["totalCount"]) == (by_company[-5:], 250)
