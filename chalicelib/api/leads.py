"""The leads of an owner: pages with filters, one lead, changes by hand, and where it came from.

A page reads a bounded number of leads and answers how to go on, so no request is slower because the table is larger.
Where it looks for something it reads of each lead what it looks at, and then the whole of those it found.
Page numbers, which people like and databases do not, work up to `Bounds.numbered`; beyond that the cursor does.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalice.app import Response

from chalicelib.adapters.lead_listing import Glimpse, LeadListing, Order
from chalicelib.adapters.leads import CONTENT, Lead, Leads
from chalicelib.api import cursors
from chalicelib.api.auth import Caller
from chalicelib.api.inputs import LeadPatch, LeadQuery
from chalicelib.api.lead_view import checked_filters, glimpsed, lead_view, lineage_view, matcher, stored_fields
from chalicelib.api.models import LeadPage, LineageAnswer, Pagination, SortBy, Sorting, SortOrder
from chalicelib.api.requests import path_id
from chalicelib.errors import RequestProblem, RequestRefused, RowRefused
from chalicelib.jobs.model import stamp
from chalicelib.settings import Settings


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a page goes: leads that it looks at before it answers with a cursor, leads that page numbers reach."""

    reads: int = 1000
    numbered: int = 10_000


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class _Found:
    """Matches of a bounded walk. `last` is the position behind which it goes on; empty when the leads ended.

    `read` leads were looked at.
    """

    leads: tuple[Lead, ...]
    last: str
    read: int


def page(
    caller: Caller, query: LeadQuery, *, listing: LeadListing, settings: Settings, bounds: Bounds = BOUNDS
) -> LeadPage:
    """One page of leads. Raises BAD_REQUEST for unknown fields or a page out of reach, BAD_CURSOR for a foreign one."""
    filters = checked_filters(query.filters)
    if query.page is not None:
        return _numbered(caller, query, query.page, filters, listing, settings, bounds.numbered)
    scope = _scope(caller, query, filters)
    after = cursors.unseal(settings.jwt_secret, scope, query.cursor) if query.cursor else ""
    look = _searched if filters else _next
    found = look(caller, query, filters, after, listing, bounds.reads)
    cursor = cursors.seal(settings.jwt_secret, scope, found.last) if found.last else None
    return _answer(query, filters, found.leads, Pagination(
        page=None, page_size=query.page_size, total_count=None, total_pages=None, has_more=cursor is not None,
        cursor=cursor, leads_read=found.read))


def show(caller: Caller, lead_id: str, *, leads: Leads) -> Response:
    """One lead, consistent, with its version as ETag."""
    return _shown(_existing(caller, lead_id, leads))


def lineage(caller: Caller, lead_id: str, *, leads: Leads) -> LineageAnswer:
    """File, sheet, row, batch, attempt and provider of a lead's present content."""
    return lineage_view(_existing(caller, lead_id, leads))


def patch(
    caller: Caller, lead_id: str, body: LeadPatch, *, if_match: str = "", leads: Leads, settings: Settings,
    clock: Callable[[], datetime],
) -> Response:
    """Change fields by hand, in the form in which files give them. Raises INVALID_LEAD, EMAIL_TAKEN, NOT_FOUND.

    With `if_match`, an ETag of `show`, only a lead that is still as it was then is changed, else LEAD_CHANGED.
    """
    from chalicelib.pipelines.leads.effects import email_slot

    lead = _existing(caller, lead_id, leads)
    changes = _with_whole_name(lead, _normalised(body.changes(), settings.default_region))
    merged = _merged(lead, changes)
    _demand_valid(merged, changes)
    identity = email_slot(merged.get("email"), lead.lead_id) if "email" in changes else ""
    return _shown(leads.patch(caller.owner, lead.lead_id, changes, identity, stamp(clock()),
                              demands=if_match.removeprefix("W/").strip('"')))


def delete(caller: Caller, lead_id: str, *, leads: Leads, clock: Callable[[], datetime]) -> Response:
    """Remove a lead; no late retry of an older file brings it back. Raises NOT_FOUND."""
    leads.delete(caller.owner, path_id(lead_id), stamp(clock()))
    return Response(body="", status_code=204)


def order_of(sort_by: SortBy, sort_order: SortOrder) -> Order:
    return Order(sort_by.value, descending=sort_order is SortOrder.DESC)


# --- pages


def _next(
    caller: Caller, query: LeadQuery, _filters: Mapping[str, str], after: str, listing: LeadListing, _reads: int
) -> _Found:
    """The leads behind `after`, whoever they are."""
    wanted = query.page_size
    walk = listing.walk(caller.owner, order_of(query.sort_by, query.sort_order), after=after, expect=wanted + 1)
    entries = list(itertools.islice(walk, wanted + 1))
    return _Found(tuple(entry.lead for entry in entries[:wanted]),
                  entries[wanted - 1].position if len(entries) > wanted else "", len(entries[:wanted]))


def _searched(
    caller: Caller, query: LeadQuery, filters: Mapping[str, str], after: str, listing: LeadListing, reads: int
) -> _Found:
    """Up to a page of matches among the next `reads` leads behind `after`."""
    skim = listing.skim(caller.owner, order_of(query.sort_by, query.sort_order), stored_fields(filters), after=after,
                        expect=reads, most=reads)
    matches, last, read = matcher(filters), "", 0
    found: list[Glimpse] = []
    for glimpse in skim:
        if len(found) == query.page_size:
            return _Found(tuple(listing.fetch(found)), last, read)
        if matches(glimpsed(glimpse.values)):
            found.append(glimpse)
        last, read = glimpse.position, read + 1
    return _Found(tuple(listing.fetch(found)), last if skim.cut else "", read)


def _numbered(
    caller: Caller, query: LeadQuery, number: int, filters: Mapping[str, str], listing: LeadListing,
    settings: Settings, reach: int,
) -> LeadPage:
    """Page `number` with totals; they are null where counting would read more than `reach` leads."""
    skipped = (number - 1) * query.page_size
    if skipped >= reach:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "Page numbers reach so far only; go on with the cursor.",
                             leads=reach)
    end = skipped + query.page_size
    skim = listing.skim(caller.owner, order_of(query.sort_by, query.sort_order), stored_fields(filters),
                        expect=end + 1, most=2 * reach)
    looked_at = list(itertools.islice(skim, reach if filters else end + 1))
    matches = matcher(filters)
    matching = [glimpse for glimpse in looked_at if matches(glimpsed(glimpse.values))]
    counted = len(matching) if len(looked_at) < reach and not skim.cut else None
    total = counted if filters else listing.count(caller.owner, most=reach)
    last = _continuation(matching, end, looked_at if total is None else [])
    cursor = cursors.seal(settings.jwt_secret, _scope(caller, query, filters), last) if last else None
    return _answer(query, filters, tuple(listing.fetch(matching[skipped:end])), Pagination(
        page=query.page, page_size=query.page_size, total_count=total, has_more=cursor is not None, cursor=cursor,
        total_pages=None if total is None else -(-total // query.page_size), leads_read=len(looked_at)))


def _continuation(matching: list[Glimpse], end: int, beyond: list[Glimpse]) -> str:
    """Behind the last lead of the page if there are more; else behind `beyond`, the leads that were looked at."""
    if len(matching) > end:
        return matching[end - 1].position
    return beyond[-1].position if beyond else ""


def _answer(query: LeadQuery, filters: Mapping[str, str], leads: tuple[Lead, ...], pagination: Pagination) -> LeadPage:
    return LeadPage(leads=tuple(map(lead_view, leads)), pagination=pagination, filters=filters,
                    sorting=Sorting(sort_by=query.sort_by, sort_order=query.sort_order))


def _scope(caller: Caller, query: LeadQuery, filters: Mapping[str, str]) -> dict[str, Any]:
    return {"list": "leads", "owner": caller.owner, "sort": query.sort_by.value, "order": query.sort_order.value,
            "filters": dict(filters)}


# --- one lead


def _existing(caller: Caller, lead_id: str, leads: Leads) -> Lead:
    lead = leads.get(caller.owner, path_id(lead_id))
    if lead is None:
        raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such lead.")
    return lead


def _shown(lead: Lead) -> Response:
    return Response(body=lead_view(lead).as_json(),
                    headers={"ETag": f'"{lead.version}"', "Cache-Control": "private, no-cache"})


def _normalised(changes: Mapping[str, str | None], region: str) -> dict[str, str | None]:
    """E-mails and phones in the stored form. Unlike in a file, a malformed one is refused: somebody is there to ask."""
    from chalicelib.pipelines.leads.emails import normal_address
    from chalicelib.pipelines.leads.phones import read_number

    normal = dict(changes)
    if email := changes.get("email"):
        normal["email"] = normal_address(email) or _invalid("email", "This is no e-mail address.")
    if phone := changes.get("phone"):
        number = read_number(phone, region)
        normal["phone"] = number.text if number else _invalid("phone", "This is no phone number.")
    return normal


def _merged(lead: Lead, changes: Mapping[str, str | None]) -> dict[str, str]:
    both: dict[str, str | None] = {**lead.content, **changes}
    return {field: text for field in CONTENT if (text := both.get(field))}


def _with_whole_name(lead: Lead, changes: dict[str, str | None]) -> dict[str, str | None]:
    """A name that was only first and last name together follows when one of them changes."""
    if "name" in changes or lead.content.get("name", "") != _joined(lead.content):
        return changes
    return {**changes, "name": _joined({**lead.content, **changes}) or None}


def _joined(content: Mapping[str, str | None]) -> str:
    return " ".join(part for field in ("firstName", "lastName") if (part := content.get(field)))


def _demand_valid(content: Mapping[str, str], changes: Mapping[str, str | None]) -> None:
    from chalicelib.pipelines.leads.validate import validate

    try:
        valid = validate(content)
    except RowRefused as refusal:
        _invalid(refusal.field, refusal.message)
    else:
        if lost := sorted(set(content) & set(changes) - set(valid)):
            _invalid(lost[0], "The value stands for nothing; send null to clear the field.")


def _invalid(field: str, message: str) -> str:
    raise RequestRefused(RequestProblem.INVALID_LEAD, message, field=field)
