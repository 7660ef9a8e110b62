"""Pages of leads: bounds, totals and cursors, over a list instead of a table."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from chalicelib.adapters.leads import Lead
from chalicelib.api.auth import Caller
from chalicelib.api.inputs import LeadQuery
from chalicelib.api.lead_view import checked_filters, lead_values, lead_view, matcher
from chalicelib.api.leads import Bounds, page
from chalicelib.api.models import LeadPage, SortBy, SortOrder
from chalicelib.errors import RequestRefused
from chalicelib.settings import Settings
from tests.unit.api.fakes import MemoryListing

CALLER = Caller("ada", "acme", frozenset())
SETTINGS = Settings(_env_file=None, jwt_secret=SecretStr("0123456789abcdef0123456789abcdef"))
BOUNDS = Bounds(reads=10, numbered=20)


def lead(number: int, **content: str) -> Lead:
    return Lead("acme", f"t:{number}", f"{number:024x}", "v", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z",
                {"email": f"{number:03d}@example.com", **content}, {"row": number, "worksheet": "People"})


def asked(listing: MemoryListing, cursor: str | None = "", **query: object) -> LeadPage:
    wanted = LeadQuery.model_validate({"sortBy": "email", "sortOrder": "asc", "pageSize": 3, **query,
                                       "cursor": cursor or ""})
    return page(CALLER, wanted, listing=listing, settings=SETTINGS, bounds=BOUNDS)


def rows(answer: LeadPage) -> list[int | None]:
    return [lead.row for lead in answer.leads]


def test_page_without_filter_reads_hardly_more_than_it_shows():
    listing = MemoryListing([lead(number) for number in range(100)])
    answer = asked(listing)
    assert (rows(answer), listing.read) == ([0, 1, 2], 4)
    assert answer.pagination.total_count is None


def test_filtered_page_stops_after_its_reads_and_goes_on_by_cursor():
    listing = MemoryListing([lead(number, company="hit" if number == 25 else "miss") for number in range(30)])
    cursor: str | None = ""
    shown, told = [], []
    for _ in range(3):
        listing.read = 0
        answer = asked(listing, cursor, filters={"company": "HIT"})
        shown += rows(answer)
        told.append(answer.pagination.leads_read)
        cursor = answer.pagination.cursor
        assert listing.read <= BOUNDS.reads + 1
    assert (shown, cursor) == ([25], None)
    assert told == [10, 10, 10]


def test_a_page_tells_how_many_leads_it_looked_at_and_the_next_goes_on_behind_them():
    listing = MemoryListing([lead(number, company="hit" if number % 2 else "miss") for number in range(20)])
    first = asked(listing, filters={"company": "hit"})
    assert (rows(first), first.pagination.leads_read) == ([1, 3, 5], 6)
    second = asked(listing, first.pagination.cursor, filters={"company": "hit"})
    assert (rows(second)[0], second.pagination.leads_read) == (7, 6)
    assert asked(listing, page=2).pagination.leads_read == 7


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9, 10, 11, 12, 13])
@pytest.mark.parametrize("filters", [{}, {"email": "@"}])
def test_walk_by_cursor_ends_exactly_at_the_last_lead(count: int, filters: dict[str, str]):
    listing = MemoryListing([lead(number) for number in range(count)])
    answer = asked(listing, filters=filters)
    shown = rows(answer)
    while answer.pagination.cursor:
        answer = asked(listing, answer.pagination.cursor, filters=filters)
        assert answer.leads
        shown += rows(answer)
    assert shown == list(range(count))


@pytest.mark.parametrize(("count", "total"), [(0, 0), (19, 19), (20, 20), (21, None)])
def test_totals_end_where_page_numbers_do(count: int, total: int | None):
    listing = MemoryListing([lead(number) for number in range(count)])
    told = asked(listing, page=1).pagination
    assert told.total_count == total
    assert told.total_pages == (None if total is None else -(-total // 3))


def test_filtered_totals_are_null_where_not_all_leads_were_looked_at():
    leads = [lead(number, company="hit" if number % 5 == 0 else "miss") for number in range(30)]
    assert asked(MemoryListing(leads[:19]), page=1, filters={"company": "hit"}).pagination.total_count == 4
    beyond = asked(MemoryListing(leads), page=2, filters={"company": "hit"})
    assert (rows(beyond), beyond.pagination.total_count, beyond.pagination.has_more) == ([15], None, True)
    after = asked(MemoryListing(leads), beyond.pagination.cursor, filters={"company": "hit"})
    assert rows(after) == [20, 25]


def test_page_out_of_reach_is_refused():
    with pytest.raises(RequestRefused):
        asked(MemoryListing([]), page=8)


def test_missing_values_are_null_and_the_worksheet_keeps_its_name():
    told = lead_view(lead(7)).as_json()
    assert (told["_worksheet"], told["phone"], told["jobId"], told["row"]) == ("People", None, None, 7)


@pytest.mark.parametrize(("filters", "found"), [
    ({"lastName": "MÜLL"}, True), ({"lastName": "muller"}, False), ({"lastName": "STRASSE"}, True),
    ({"worksheet": "peo"}, True), ({"row": "7"}, True), ({"phone": "1"}, False), ({"lastName": "  "}, True),
    ({"lastName": "mu\u0308ll"}, True), ({"lastName": "müll", "email": "nobody"}, False)])
def test_filters_compare_as_people_do(filters: dict[str, str], found: bool):
    assert matcher(checked_filters(filters))(lead_values(lead(7, lastName="Müller-Straße"))) is found


def test_every_sort_has_an_index():
    from chalicelib.adapters.lead_listing import INDEXES

    assert set(INDEXES) == {entry.value for entry in SortBy}
    assert {order.value for order in SortOrder} == {"asc", "desc"}
