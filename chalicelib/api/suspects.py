"""GET /status/{id}/suspects: leads of a job that may be one person with another lead though their e-mails differ.

Nothing is stored for this and nothing merged: the leads are compared as they are when somebody asks, so the answer does
not depend on the order in which batches finished. All of the owner's leads are compared up to `MOST_LEADS`; an owner
with more sees the job's own leads compared among themselves, and `scope` says so. Indexes lag: a lead that was written
a moment ago may not show yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Literal

from chalicelib.adapters.lead_listing import LeadListing, Order
from chalicelib.adapters.leads import Lead
from chalicelib.adapters.ledger import Ledger
from chalicelib.api.auth import Caller
from chalicelib.api.models import Moment, Wire
from chalicelib.api.status import owned_job
from chalicelib.jobs.model import Job, stamp
from chalicelib.pipelines.leads.suspects import Bounds, Found, Known, Suspects, find_suspects

MOST_LEADS = 10_000
"""Leads that a request compares; each is read twice."""
MOST_PAIRS = 500
"""Pairs that an answer tells."""
_SHOWN = ("name", "email", "phone", "company")


class SuspectLead(Wire):
    """One of two leads, and the row that it came from."""

    lead_id: str
    content: Mapping[str, str]
    job_id: str | None
    source_file: str | None
    worksheet: str | None
    row: int | None


class SuspectPair(Wire):
    """Two leads that may be one; `score` 0 to 1, `reasons` such as "the same phone"."""

    score: float
    reasons: tuple[str, ...]
    first: SuspectLead
    second: SuspectLead


class SuspectsAnswer(Wire):
    """`scope`: `owner` = compared with all of the owner's leads, `job` = the job's own among themselves. `crowded`:
    what so many leads share that it says nothing, with their number. `truncated`: there is more than is told."""

    job_id: str
    as_of: Moment
    scope: Literal["owner", "job"]
    compared: int
    pairs: tuple[SuspectPair, ...]
    crowded: Mapping[str, int]
    truncated: bool


def show(
    caller: Caller, job_id: str, *, ledger: Ledger, listing: LeadListing, clock: Callable[[], datetime]
) -> SuspectsAnswer:
    """The suspects of the caller's job. Raises UPLOAD_NOT_FOUND."""
    return suspects_of(owned_job(caller, job_id, ledger), listing=listing, at=stamp(clock()), most=MOST_LEADS)


def suspects_of(job: Job, *, listing: LeadListing, at: str, most: int) -> SuspectsAnswer:
    """Compare at most `most` leads: the owner's, if he has no more than that, else the job's."""
    count = listing.count(job.owner, most=most)
    whole, seen = count is not None, 0

    def walk() -> Iterator[Known]:
        nonlocal seen
        seen = 0
        for lead in islice(_of_owner(job, listing) if whole else _of_job(job, listing), most):
            seen += 1
            yield _known(lead, job)

    found = find_suspects(walk, Bounds(pairs=MOST_PAIRS))
    return _answer(job, found, at=at, scope="owner" if whole else "job", seen=seen, cut=not whole and seen >= most)


def _of_owner(job: Job, listing: LeadListing) -> Iterator[Lead]:
    return (entry.lead for entry in listing.walk(job.owner, Order("updatedAt"), expect=1000))


def _of_job(job: Job, listing: LeadListing) -> Iterator[Lead]:
    """What the job wrote and nobody has changed since: such leads bear the time of its upload."""
    for entry in listing.walk(job.owner, Order("updatedAt"), after=job.uploaded_at, expect=1000):
        if entry.lead.updated_at > job.uploaded_at:
            return
        if _touched(entry.lead, job):
            yield entry.lead


def _touched(lead: Lead, job: Job) -> bool:
    return job.job_id in (lead.place.get("jobId"), lead.claimed_by.get("job"))


def _known(lead: Lead, job: Job) -> Known:
    return Known(lead.lead_id, lead.content, lead.place, touched=_touched(lead, job))


def _answer(job: Job, found: Found, *, at: str, scope: str, seen: int, cut: bool) -> SuspectsAnswer:
    return SuspectsAnswer(
        job_id=job.job_id, as_of=at, scope=scope, compared=seen, pairs=tuple(map(_pair, found.pairs)),
        crowded=found.crowded, truncated=found.truncated or cut)


def _pair(pair: Suspects) -> SuspectPair:
    return SuspectPair(score=pair.score, reasons=pair.reasons, first=_lead(pair.first), second=_lead(pair.second))


def _lead(known: Known) -> SuspectLead:
    place = known.place
    return SuspectLead(
        lead_id=known.lead_id, content={name: known.content[name] for name in _SHOWN if known.content.get(name)},
        job_id=place.get("jobId"), source_file=place.get("sourceFile"), worksheet=place.get("worksheet"),
        row=place.get("row"))
