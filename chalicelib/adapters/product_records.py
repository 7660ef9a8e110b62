"""What is kept of a product beside it: what each of the last jobs did to it, so that rows are judged and jobs undone.

All of it lies in one record with the product, so that a row costs one write and no two writes can fall apart. A `Link`
is what one job did: the rows of it that won the product, and the product as the job found it (its prior image). Links
are a chain: each job found what the one before it had left. Undoing a job takes its link out, and leaves a note of what
became of it: asked again, it says the same.

A row that won once has that outcome for good, and a later row of its job that displaces it takes one off the earlier
one's count. So whoever judges a batch again, after a crash between storing and settling, comes to the same counts.

A record is written on condition that `rev` is as it was read. When the product is gone the record stays for a while:
the notes are in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.adapters.ledger_items import packed, unpacked
from chalicelib.adapters.product_store import (
    ORIGINAL,
    Product,
    Proposal,
    Source,
    catalogue_of,
    checked,
    place_in_file,
)
from chalicelib.jobs.model import Job, Outcome, RowId
from chalicelib.jobs.pipeline import Displaced, Effects, PutBack, Undone

PRIOR_DAYS = 30
MAX_LINKS = 10
IMAGE_BYTES = 16_000
"""Prior images of one product, packed; the oldest go first, the newest stays whatever its size."""
MAX_CLAIMS = 200
"""Rows of one job that won one product in turn: more would take as many batches in the file's own order."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that won the product, what it counted as, and where the product's enrichment came from after it."""

    batch: int
    sheet: int
    row: int
    outcome: Outcome
    source: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """What a job did to a product. `version` is that of its last claim, `image` what it found (packed; none: nothing).

    `lost` says that the image was dropped. An undone job's link holds only the note.
    """

    job_id: str
    at: str
    version: str = ""
    claims: tuple[Claim, ...] = ()
    image: bytes = b""
    found: str = ""
    """The version of the product in the image."""
    lost: bool = False
    undone: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A product with its links, the latest last. `rev` is 0 where nothing is stored."""

    product: Product | None = None
    links: tuple[Link, ...] = ()
    rev: int = 0

    def link(self, job_id: str) -> Link | None:
        return next((link for link in self.links if link.job_id == job_id), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row. `record` is to be stored, if anything; `first` says that its job had not won it before.

    `won` is its claim, `lost` that of the row of the same job that it displaced.
    """

    outcome: Outcome
    record: Record | None = None
    first: bool = False
    won: Claim | None = None
    lost: Claim | None = None

    @property
    def displaced(self) -> Displaced | None:
        return Displaced(self.lost.batch, self.lost.sheet, self.lost.outcome) if self.lost else None


def version_of(job: Job, row: RowId) -> str:
    """Versions compare as texts: a later upload beats an earlier one, a later row of it an earlier one."""
    return f"{job.uploaded_at}|{job.job_id}|{row.sheet:05d}|{row.row:08d}"


def folded(proposals: Sequence[Proposal]) -> dict[str, list[Proposal]]:
    """A batch's rows by product, the latest last."""
    rows: dict[str, list[Proposal]] = {}
    for proposal in sorted(proposals, key=lambda proposal: proposal.row):
        rows.setdefault(proposal.product_id, []).append(proposal)
    return rows


def gathered(rows: Mapping[str, Sequence[Proposal]], verdicts: Mapping[str, Verdict]) -> Effects:
    """The effects of a batch from the verdicts on each product's latest row."""
    outcomes = {proposal.row: Outcome.SUPERSEDED for proposals in rows.values() for proposal in proposals}
    outcomes |= {rows[product_id][-1].row: verdict.outcome for product_id, verdict in verdicts.items()}
    return Effects(
        outcomes, displaced=tuple(verdict.displaced for verdict in verdicts.values() if verdict.displaced),
        marks=tuple(product_id for product_id, verdict in verdicts.items() if verdict.first),
        tallies=_tallies(verdicts.values()))


def _tallies(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Rows that count, by where their product's enrichment came from; a displaced row counts no more."""
    counts: dict[str, int] = {}
    for verdict in verdicts:
        for claim, amount in ((verdict.won, 1), (verdict.lost, -1)):
            if claim and claim.source:
                counts[claim.source] = counts.get(claim.source, 0) + amount
    return {source: amount for source, amount in counts.items() if amount}


def judged(record: Record, job: Job, batch_number: int, proposal: Proposal) -> Verdict:
    """What a row comes to, and the record that it leaves."""
    link, version = record.link(job.job_id), version_of(job, proposal.row)
    if link and link.undone:
        return Verdict(Outcome.SUPERSEDED)
    if link and (promised := _promised(link, batch_number, proposal.row)):
        return promised
    if record.product and record.product.version >= version:
        return Verdict(Outcome.SUPERSEDED)
    base = _image(link) if link and not link.lost else record.product
    wanted = proposal.decide(base)
    if base is None and wanted is None:
        return Verdict(Outcome.UNCHANGED, first=link is None)
    outcome, product = _wanted(job, proposal, version, base, wanted)
    claim = Claim(batch_number, *proposal.row, outcome, product.source.value)
    mine = replace(link, version=version, claims=(*link.claims, claim)[-MAX_CLAIMS:]) if link else _new_link(
        job, version, claim, base)
    links = (*(each for each in record.links if each.job_id != job.job_id), mine)
    return Verdict(outcome, Record(product, _pruned(links, job.uploaded_at), record.rev + 1), first=link is None,
                   won=claim, lost=link.claims[-1] if link and link.claims else None)


def undone(record: Record, job: Job, product_id: str) -> tuple[Record | None, Undone]:
    """The record with the job's link taken out (None: as it is), and what became of the product."""
    link = record.link(job.job_id)
    if link is None:
        return None, _never_linked(record, product_id)
    if link.undone:
        return None, Undone(product_id, PutBack(link.undone["became"]), product_id, link.undone.get("reason", ""),
                            link.undone.get("by_job", ""))
    if record.product is None or record.product.version != link.version:
        reason, by_job = _stands(record)
        result = Undone(product_id, PutBack.KEPT, product_id, reason, by_job)
        return _noted(record, link, result, record.product), result
    if link.lost:
        result = Undone(product_id, PutBack.KEPT, product_id, "image_expired")
        return _noted(record, link, result, record.product), result
    image = _image(link)
    result = Undone(product_id, _became(image, record.product), product_id)
    return _noted(record, link, result, image), result


def links_packed(links: Sequence[Link]) -> bytes:
    """Links as they are stored; their images are packed already and lie outside of the JSON."""
    told = [{**_told(link), "image": len(link.image)} for link in links]
    head = packed(told)
    return len(head).to_bytes(4, "big") + head + b"".join(link.image for link in links)


def links_from(body: bytes) -> tuple[Link, ...]:
    """What `links_packed` packed."""
    end = 4 + int.from_bytes(body[:4], "big")
    links, at = [], end
    for told in unpacked(body[4:end]):
        claims = tuple(Claim(batch, sheet, row, Outcome(outcome), source)
                       for batch, sheet, row, outcome, source in told["claims"])
        image = body[at:at + told["image"]]
        links.append(Link(**{**told, "claims": claims, "image": image}))
        at += told["image"]
    return tuple(links)


def product_values(product: Product) -> dict[str, Any]:
    """A product as plain values. Columns of the file stay in order, which mappings of a database do not."""
    content = dict(product.content)
    if isinstance(original := content.get(ORIGINAL), Mapping):
        content[ORIGINAL] = [[name, value] for name, value in original.items()]
    values = {each.name: getattr(product, each.name) for each in dataclasses.fields(Product)}
    return {**values, "content": content, "enrichment": dict(product.enrichment), "source": product.source.value,
            "warnings": list(product.warnings)}


def product_from(values: Mapping[str, Any]) -> Product:
    """The product of such values; others are passed over."""
    known = {each.name: values[each.name] for each in dataclasses.fields(Product) if each.name in values}
    content = dict(known.get("content", {}))
    if isinstance(original := content.get(ORIGINAL), list):
        content[ORIGINAL] = dict(original)
    return Product(**{**known, "content": content, "source": Source(known.get("source", "")),
                      "warnings": tuple(known.get("warnings", ()))})


def gone_until(now: datetime) -> datetime:
    """When a record without a product may go: nobody undoes the job after that."""
    return now + timedelta(days=PRIOR_DAYS)


# --- judging


def _promised(link: Link, batch_number: int, row: RowId) -> Verdict | None:
    """What the row was told when it won, if it did."""
    for place, claim in enumerate(link.claims):
        if (claim.batch, claim.sheet, claim.row) == (batch_number, *row):
            return Verdict(claim.outcome, first=place == 0, won=claim, lost=link.claims[place - 1] if place else None)
    return None


def _wanted(
    job: Job, proposal: Proposal, version: str, base: Product | None, wanted: Product | None
) -> tuple[Outcome, Product]:
    catalog_id = catalogue_of(job)
    if base is None:
        place = place_in_file(catalog_id, proposal.product_id) or proposal.row
        return Outcome.NEW, checked(replace(
            wanted or Product(), owner=job.owner, catalog_id=catalog_id, product_id=proposal.product_id,
            sheet=place.sheet, row=place.row, worksheet=proposal.worksheet, version=version,
            created_at=job.uploaded_at, updated_at=job.uploaded_at, job_id=job.job_id))
    if wanted is None:
        return Outcome.UNCHANGED, replace(base, version=version)
    mine = checked(replace(base, version=version, content=wanted.content, enrichment=wanted.enrichment,
                           source=wanted.source, enriched_at=wanted.enriched_at, warnings=wanted.warnings))
    if not _changed(base, mine):
        return Outcome.UNCHANGED, mine
    return Outcome.UPDATED, replace(mine, updated_at=job.uploaded_at, job_id=job.job_id)


def _changed(old: Product, new: Product) -> bool:
    return (old.content, old.enrichment, old.source) != (new.content, new.enrichment, new.source)


def _new_link(job: Job, version: str, claim: Claim, base: Product | None) -> Link:
    return Link(job.job_id, job.uploaded_at, version, (claim,), packed(product_values(base)) if base else b"",
                base.version if base else "")


def _image(link: Link) -> Product | None:
    return product_from(unpacked(link.image)) if link.image else None


def _pruned(links: Sequence[Link], at: str) -> tuple[Link, ...]:
    """The links that are kept when a job of the time `at` has written: the last one as it is."""
    oldest = _days_before(at)
    *older, newest = links
    kept, room = [newest], IMAGE_BYTES
    for link in reversed([link for link in older if link.at >= oldest][-MAX_LINKS + 1:]):
        room -= len(link.image)
        kept.append(link if room >= 0 or not link.image else replace(link, image=b"", lost=True))
    return tuple(reversed(kept))


def _days_before(at: str) -> str:
    moment = datetime.fromisoformat(at.replace("Z", "+00:00"))
    return (moment - timedelta(days=PRIOR_DAYS)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- undoing


def _never_linked(record: Record, product_id: str) -> Undone:
    """Nothing of the job is known: it left things as they were, or too many others came after it."""
    if record.product is None:
        return Undone(product_id, PutBack.UNCHANGED, product_id)
    reason, by_job = _stands(record)
    return Undone(product_id, PutBack.KEPT, product_id, reason, by_job)


def _stands(record: Record) -> tuple[str, str]:
    """Why the product is not as the job left it, and which later job wrote to it."""
    if record.product is None:
        return "gone", ""
    top = next((link for link in _alive(record.links) if link.version == record.product.version), None)
    return ("later_job", top.job_id) if top else ("edited", "")


def _alive(links: Iterable[Link]) -> list[Link]:
    return [link for link in links if not link.undone]


def _became(image: Product | None, now: Product) -> PutBack:
    if image is None:
        return PutBack.REMOVED
    return PutBack.RESTORED if _changed(image, now) else PutBack.UNCHANGED


def _noted(record: Record, link: Link, result: Undone, product: Product | None) -> Record:
    """The record without the link but with a note; who found what the job left finds what the job found."""
    noted = {"became": result.became.value, "reason": result.reason, "by_job": result.by_job}
    note = Link(link.job_id, link.at, undone=noted)
    chain = [note if each is link else each for each in record.links]
    for place, each in enumerate(chain):
        if not each.undone and each.found == link.version:
            chain[place] = replace(each, image=link.image, found=link.found, lost=link.lost)
    return Record(product, tuple(chain), record.rev + 1)


def _told(link: Link) -> dict[str, Any]:
    values = {each.name: getattr(link, each.name) for each in dataclasses.fields(Link)}
    claims = [(claim.batch, claim.sheet, claim.row, claim.outcome.value, claim.source) for claim in link.claims]
    return {**values, "claims": claims, "undone": dict(link.undone)}
