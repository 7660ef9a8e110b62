"""What a batch of leads does to the leads table, judged against the table as it stands. Pure but for one read.

Per job and identity (e-mail, else the row itself) the latest row wins, in whatever order batches finish. The winner is
`new`, `updated` or `unchanged` against the state before the job, which the first writer of the job keeps as the prior
image; every other row of the job is `superseded`. A winner that arrives after an earlier row of its own job was stored
displaces that row: its outcome moves to `superseded` in the same transaction.

A version is `upload time | job id | sheet | row`: versions compare as texts, and a later upload beats an earlier one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.adapters.leads import CONTENT, Lead, Leads, SlotView, Tombstone, new_lead_id
from chalicelib.jobs.model import Batch, Duplicate, Job, Outcome, RowId
from chalicelib.jobs.pipeline import Displaced, Effects, Processed, Stored, Write
from chalicelib.pipelines.leads.dedupe import DedupeMode, changed, combine, email_identity


@dataclass(slots=True)
class _Plan:
    outcomes: dict[RowId, Outcome] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    displaced: list[Displaced] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


def plan_effects(job: Job, batch: Batch, processed: Processed, *, leads: Leads) -> Effects:
    """Outcomes and writes of a processed batch. Called again, with a fresh read, after every lost race."""
    mode = DedupeMode(job.options.get("dedupe", DedupeMode.OVERWRITE))
    rows, plan = _by_identity(job, processed), _Plan()
    views = leads.views(job.owner, job.job_id, list(rows))
    for identity, (*losers, winner) in rows.items():
        plan.outcomes |= {entry.row: Outcome.SUPERSEDED for entry in (*losers, winner)}
        lead_id = _judge(plan, job, batch, identity, winner, views[identity], mode, leads)
        plan.duplicates += [_duplicate(lead_id, winner, loser.record, winner.record) for loser in losers]
    return Effects(plan.outcomes, tuple(plan.writes), tuple(plan.displaced), tuple(plan.duplicates),
                   tuple(plan.marks))


def identity_of(job: Job, entry: Stored) -> str:
    """Whom a row is about: its e-mail; without one, the row of that very file, so that a re-drop finds it again.

    A corrected reject is the row that it corrects, however often it is corrected.
    """
    email = email_identity(entry.record.get("email"))
    if email:
        return f"e:{_digest(email)}"
    if entry.origin:
        file, sheet, row = entry.origin["sha256"] or entry.origin["job"], entry.origin["sheet"], entry.origin["row"]
    else:
        file, (sheet, row) = job.sha256 or job.job_id, entry.row
    return f"r:{_digest(f'{file}/{sheet}/{row}')}"


def email_slot(email: str | None, lead_id: str) -> str:
    """The identity that a changed e-mail gives a lead; without one it is known by its own id."""
    normal = email_identity(email)
    return f"e:{_digest(normal)}" if normal else f"i:{lead_id}"


def version_of(job: Job, row: RowId) -> str:
    return f"{job.uploaded_at}|{job.job_id}|{row.sheet:05d}|{row.row:08d}"


def _by_identity(job: Job, processed: Processed) -> dict[str, list[Stored]]:
    """The batch's rows by identity, the latest last."""
    rows: dict[str, list[Stored]] = {}
    for entry in sorted(processed.stored, key=lambda entry: entry.row):
        rows.setdefault(identity_of(job, entry), []).append(entry)
    return rows


def _judge(
    plan: _Plan, job: Job, batch: Batch, identity: str, entry: Stored, view: SlotView, mode: DedupeMode,
    leads: Leads,
) -> str:
    """Plan the winner of the batch against the slot; answers the id of the lead it met or made."""
    version = version_of(job, entry.row)
    slot = view.slot
    if slot is not None and slot.version >= version:
        if isinstance(slot, Lead):
            plan.duplicates.append(_duplicate(slot.lead_id, entry, slot.content, slot.content))
        return slot.lead_id
    base_slot = view.prior if view.has_prior else slot
    base = base_slot if isinstance(base_slot, Lead) else None
    content = combine(mode, base.content if base else None, entry.record)
    outcome = _outcome(base, content)
    lead = _lead(job, batch, identity, entry, version, slot, base, content, outcome)
    plan.outcomes[entry.row] = outcome
    plan.writes.append(leads.put(lead, slot))
    if not view.has_prior:
        plan.writes.append(leads.put_prior(lead, job.job_id, slot, _moment(job.uploaded_at)))
        plan.marks.append(identity)
    if isinstance(slot, Lead):
        plan.duplicates.append(_duplicate(lead.lead_id, entry, slot.content, content))
        if slot.claimed_by.get("job") == job.job_id:
            plan.displaced.append(Displaced(int(slot.claimed_by["batch"]), int(slot.claimed_by["sheet"]),
                                            Outcome(slot.claimed_by["outcome"])))
    return lead.lead_id


def _lead(
    job: Job, batch: Batch, identity: str, entry: Stored, version: str, slot: Lead | Tombstone | None,
    base: Lead | None, content: Mapping[str, str], outcome: Outcome,
) -> Lead:
    after = slot.version if slot else ""
    lead_id = slot.lead_id if isinstance(slot, Lead) else new_lead_id(job.owner, identity, after)
    place = {"sourceFile": job.file_name, "worksheet": entry.worksheet, "sheet": entry.row.sheet,
             "row": entry.row.row, "jobId": job.job_id, "batch": batch.number, "provider": entry.provider,
             "promptVersion": entry.prompt_version, "warnings": list(entry.warnings),
             "corrects": _corrects(entry)}
    kept = base is not None and outcome is Outcome.UNCHANGED
    return Lead(
        owner=job.owner, identity=identity, lead_id=lead_id, version=version,
        created_at=base.created_at if base else job.uploaded_at,
        updated_at=base.updated_at if base and kept else job.uploaded_at,
        content={name: content[name] for name in CONTENT if content.get(name)},
        place=base.place if base and kept else place,
        claimed_by={"job": job.job_id, "batch": batch.number, "sheet": entry.row.sheet, "outcome": outcome.value})


def _corrects(entry: Stored) -> dict[str, Any] | None:
    origin = entry.origin
    return {"jobId": origin["job"], "worksheet": origin["worksheet"], "row": origin["row"]} if origin else None


def _outcome(base: Lead | None, content: Mapping[str, str]) -> Outcome:
    if base is None:
        return Outcome.NEW
    return Outcome.UPDATED if changed(base.content, content) else Outcome.UNCHANGED


def _duplicate(lead_id: str, entry: Stored, old: Mapping[str, str], new: Mapping[str, str]) -> Duplicate:
    return Duplicate(lead_id, entry.row.sheet, entry.row.row, entry.worksheet, dict(old), dict(new))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at.replace("Z", "+00:00"))
