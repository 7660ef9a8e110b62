"""A lead as people see it, and what they can search it by. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.adapters.leads import CONTENT, Lead
from chalicelib.api.models import CorrectsView, LeadView, LineageAnswer
from chalicelib.errors import RequestProblem, RequestRefused

WORKSHEET = "_worksheet"
PROVENANCE = ("sourceFile", WORKSHEET, "row", "jobId")
FIELDS = ("leadId", *CONTENT, *PROVENANCE, "createdAt", "updatedAt")
"""Every field of a lead in an answer; all of them can be filtered."""

STORED: Mapping[str, str] = {"leadId": "lead_id", WORKSHEET: "worksheet"}
"""Fields whose name in the table is another one."""

Matcher = Callable[[Mapping[str, Any]], bool]
"""Whether values, by the names of `FIELDS`, are what somebody looks for."""


def lead_view(lead: Lead) -> LeadView:
    content = lead.content.get
    place = lead.place.get
    return LeadView(
        lead_id=lead.lead_id, first_name=content("firstName"), last_name=content("lastName"), name=content("name"),
        email=content("email"), phone=content("phone"), company=content("company"), title=content("title"),
        industry=content("industry"), source=content("source"), remarks=content("remarks"),
        source_file=place("sourceFile"), worksheet=place("worksheet"), row=place("row"), job_id=place("jobId"),
        created_at=lead.created_at, updated_at=lead.updated_at)


def lead_values(lead: Lead) -> dict[str, Any]:
    """The fields that the lead has, by the names of `FIELDS`; missing ones are absent."""
    place = {name: lead.place[name] for name in ("sourceFile", "row", "jobId") if name in lead.place}
    worksheet = {WORKSHEET: lead.place["worksheet"]} if lead.place.get("worksheet") else {}
    return {"leadId": lead.lead_id, **lead.content, **place, **worksheet, "createdAt": lead.created_at,
            "updatedAt": lead.updated_at}


def lineage_view(lead: Lead) -> LineageAnswer:
    place = lead.place
    return LineageAnswer(
        lead_id=lead.lead_id, source_file=place.get("sourceFile"), worksheet=place.get("worksheet"),
        row=place.get("row"), job_id=place.get("jobId"), batch_number=place.get("batch"),
        attempt=place.get("attempt"), provider=place.get("provider"), prompt_version=place.get("promptVersion"),
        warnings=tuple(place.get("warnings", ())), corrects=_corrects(place),
        created_at=lead.created_at, updated_at=lead.updated_at)


def _corrects(place: Mapping[str, Any]) -> CorrectsView | None:
    found = place.get("corrects")
    return CorrectsView(job_id=found["jobId"], worksheet=found["worksheet"], row=found["row"]) if found else None


def checked_filters(filters: Mapping[str, str]) -> dict[str, str]:
    """The filters that ask for something, by field. Raises BAD_REQUEST for fields that leads do not have."""
    named = {WORKSHEET if field == "worksheet" else field: text.strip() for field, text in filters.items()}
    unknown = sorted(set(named) - set(FIELDS))
    if unknown:
        raise RequestRefused(RequestProblem.BAD_REQUEST, "Leads have no such field.", unknown=unknown, fields=FIELDS)
    return {field: named[field] for field in FIELDS if named.get(field)}


def matcher(filters: Mapping[str, str]) -> Matcher:
    """Whether a lead contains every filter's text in its field, whatever the case."""
    wanted = [(field, _folded(text)) for field, text in filters.items()]
    return lambda values: all(text in _folded(str(values.get(field, ""))) for field, text in wanted)


def stored_fields(filters: Mapping[str, str]) -> tuple[str, ...]:
    """The names in the table of what `filters` look at."""
    return tuple(STORED.get(field, field) for field in filters)


def glimpsed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the table by the names of `FIELDS`."""
    ours = {stored: field for field, stored in STORED.items()}
    return {ours.get(name, name): value for name, value in values.items()}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
