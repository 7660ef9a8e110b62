"""Where leads live: one slot an identity, holding a lead or the tombstone of one.

A slot's `version` only grows, so whoever finds a higher version than his own has lost, whatever the order of arrival.
Every write demands the version that was read. A tombstone stays when a lead is deleted or takes another e-mail, with
the time of that act as its version: a late retry of an older file then loses against it instead of bringing it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, from_item, to_item, translated
from chalicelib.errors import Conflict, RequestProblem, RequestRefused
from chalicelib.jobs.pipeline import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONTENT = ("firstName", "lastName", "name", "email", "phone", "company", "title", "industry", "source", "remarks")
LIST_SHARDS = 8
PRIOR_DAYS = 30
EDIT_TRIES = 10
KEY_CHARS = 200
"""Characters of a value that a listing index sorts by, in lower case."""
MISSING_LAST = "\U0010fffd"
"""Stands in a listing index for a value that is missing."""
_PLACE = ("sourceFile", "worksheet", "sheet", "row", "jobId", "batch", "provider", "promptVersion", "warnings",
          "corrects")


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead as stored. `content` holds content fields only, absent where missing; `place` says where it came from.

    `claimed_by` names the job, batch, sheet and outcome that wrote last: how a later row of that job finds whom it
    displaces. A person's edit clears it.
    """

    owner: str
    identity: str
    lead_id: str
    version: str
    created_at: str
    updated_at: str
    content: Mapping[str, str]
    place: Mapping[str, Any] = field(default_factory=dict)
    claimed_by: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A slot whose lead is gone. `moved_to` names the identity that a changed e-mail gave it."""

    owner: str
    identity: str
    lead_id: str
    version: str
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class SlotView:
    """What a batch needs to know of an identity: the slot now, and the slot as it was before the job."""

    slot: Lead | Tombstone | None
    prior: Lead | Tombstone | None
    has_prior: bool


class Leads:
    """One table, all owners. Every method takes the owner; nothing crosses."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self.client = client
        self.table = table

    def views(self, owner: str, job_id: str, identities: Sequence[str]) -> dict[str, SlotView]:
        """Slots and prior images, consistent, in as few reads as it takes."""
        keys = [slot_key(owner, identity) for identity in identities]
        keys += [prior_key(owner, job_id, identity) for identity in identities]
        found = {item["pk"]: item for item in batch_get(self.client, self.table, keys)}
        views = {}
        for identity in identities:
            slot = found.get(slot_key(owner, identity)["pk"])
            prior = found.get(prior_key(owner, job_id, identity)["pk"])
            views[identity] = SlotView(slot_from(slot) if slot else None, prior_image(prior) if prior else None,
                                       prior is not None)
        return views

    def put(self, lead: Lead, replaces: Lead | Tombstone | None) -> Write:
        """Store `lead`, on condition that the slot still holds what was read."""
        return Write(self.table, slot_key(lead.owner, lead.identity), lead_item(lead), **_unchanged(replaces))

    def put_prior(self, lead: Lead, job_id: str, prior: Lead | Tombstone | None, now: datetime) -> Write:
        """Keep the state before the job, once. `now` is the upload's time, so that replays are equal."""
        item = {"image": slot_image(prior) if prior else None, "expires_at": _days_after(now, PRIOR_DAYS)}
        return Write(self.table, prior_key(lead.owner, job_id, lead.identity), item,
                     condition="attribute_not_exists(pk)", meaning="the prior image is kept once")

    def get(self, owner: str, lead_id: str) -> Lead | None:
        """The lead of that id, wherever a changed e-mail has moved it."""
        identity = self._identity(owner, lead_id)
        for _ in range(EDIT_TRIES):
            slot = self._read(owner, identity) if identity else None
            if isinstance(slot, Lead):
                return slot if slot.lead_id == lead_id else None
            if slot is None or slot.lead_id != lead_id:
                return None
            identity = slot.moved_to
        return None

    def patch(
        self, owner: str, lead_id: str, changes: Mapping[str, str | None], identity: str, now: str, *,
        demands: str = "",
    ) -> Lead:
        """Change content fields (None clears one). `identity` is what the changed lead's e-mail makes it.

        `demands` is the only version that may be changed, if any. Raises NOT_FOUND, EMAIL_TAKEN, LEAD_CHANGED, or
        Conflict when others keep writing to it.
        """
        for _ in range(EDIT_TRIES):
            old = self.get(owner, lead_id)
            if old is None:
                raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such lead.")
            if demands not in ("", "*", old.version):
                raise RequestRefused(RequestProblem.LEAD_CHANGED)
            content = {**old.content, **{name: value for name, value in changes.items() if value}}
            content = {name: value for name, value in content.items() if changes.get(name, value)}
            version = _edited(now, old.version)
            new = Lead(owner, identity or old.identity, lead_id, version, old.created_at, now, content, old.place)
            try:
                self._replace(old, new)
            except ConditionFailed:
                continue
            return new
        raise Conflict("the lead is being written by others")

    def delete(self, owner: str, lead_id: str, now: str) -> None:
        """Leave a tombstone. Raises NOT_FOUND."""
        for _ in range(EDIT_TRIES):
            old = self.get(owner, lead_id)
            if old is None:
                raise RequestRefused(RequestProblem.NOT_FOUND, "There is no such lead.")
            stone = Tombstone(owner, old.identity, lead_id, _edited(now, old.version))
            try:
                self._transact([self._bury(old, stone)])
            except ConditionFailed:
                continue
            return
        raise Conflict("the lead is being written by others")

    def _replace(self, old: Lead, new: Lead) -> None:
        if new.identity == old.identity:
            self._transact([self.put(new, old)])
            return
        taken = self._read(new.owner, new.identity)
        if isinstance(taken, Lead):
            raise RequestRefused(RequestProblem.EMAIL_TAKEN, leadId=taken.lead_id)
        stone = Tombstone(old.owner, old.identity, old.lead_id, new.version, moved_to=new.identity)
        if taken is not None:
            new = Lead(new.owner, new.identity, new.lead_id, _edited(new.version.partition("|")[0], taken.version),
                       new.created_at, new.updated_at, new.content, new.place)
        self._transact([self._bury(old, stone), self.put(new, taken)])

    def _bury(self, old: Lead, stone: Tombstone) -> Write:
        return Write(self.table, slot_key(old.owner, old.identity), tombstone_item(stone), **_unchanged(old))

    def _transact(self, writes: Sequence[Write]) -> None:
        actions = []
        for write in writes:
            put: dict[str, Any] = {"TableName": write.table, "Item": to_item({**write.item, **write.key}),
                                   "ConditionExpression": write.condition}
            if write.values:
                put["ExpressionAttributeValues"] = to_item(write.values)
            actions.append({"Put": put})
        with translated("the lead is no longer as it was read"):
            self.client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]

    def _read(self, owner: str, identity: str) -> Lead | Tombstone | None:
        with translated("get lead"):
            item = self.client.get_item(TableName=self.table, Key=to_item(slot_key(owner, identity)),
                                        ConsistentRead=True).get("Item")
        return slot_from(from_item(item)) if item else None

    def _identity(self, owner: str, lead_id: str) -> str:
        """Where the id was last seen. The index lags behind; the slot itself then says where the lead went."""
        with translated("query lead id"):
            items = self.client.query(
                TableName=self.table, IndexName="by_id", KeyConditionExpression="id_pk = :id",
                ExpressionAttributeValues=to_item({":id": f"{owner}#{lead_id}"}))["Items"]
        found = sorted(str(from_item(item)["pk"]) for item in items)
        return found[0].removeprefix(f"LEAD#{owner}#") if found else ""


def new_lead_id(owner: str, identity: str, after: str) -> str:
    """An id that replays agree on: of owner, identity and the tombstone's version that it follows, if any."""
    return hashlib.sha256(f"{owner}\n{identity}\n{after}".encode()).hexdigest()[:24]


def lead_item(lead: Lead) -> dict[str, Any]:
    """The item of a lead, with the keys of every listing index."""
    content = {name: lead.content[name] for name in CONTENT if lead.content.get(name)}
    place = {name: lead.place[name] for name in _PLACE if lead.place.get(name) is not None}

    def key(name: str) -> str:
        return f"{content.get(name, '').lower()[:KEY_CHARS] or MISSING_LAST}#{lead.lead_id}"

    return {
        **content, **place, "owner": lead.owner, "identity": lead.identity, "lead_id": lead.lead_id,
        "version": lead.version, "createdAt": lead.created_at, "updatedAt": lead.updated_at,
        "claimed_by": dict(lead.claimed_by) or None, "id_pk": f"{lead.owner}#{lead.lead_id}",
        "list_pk": f"{lead.owner}#{shard_of(lead.lead_id)}", "updated_key": f"{lead.updated_at}#{lead.lead_id}",
        "last_name_key": key("lastName"), "email_key": key("email"), "company_key": key("company")}


def tombstone_item(stone: Tombstone) -> dict[str, Any]:
    """The item of a tombstone: in no listing index; findable by id only when the lead lives on elsewhere."""
    return {"owner": stone.owner, "identity": stone.identity, "lead_id": stone.lead_id, "version": stone.version,
            "gone": True, "moved_to": stone.moved_to or None}


def lead_from_item(item: Mapping[str, Any]) -> Lead:
    return Lead(
        owner=item["owner"], identity=item["identity"], lead_id=item["lead_id"], version=item["version"],
        created_at=item["createdAt"], updated_at=item["updatedAt"],
        content={name: item[name] for name in CONTENT if name in item},
        place={name: item[name] for name in _PLACE if name in item}, claimed_by=item.get("claimed_by", {}))


def shard_of(lead_id: str) -> int:
    """Which of the listing shards a lead is in; no owner's index partition takes all of his writes."""
    return int(lead_id[:8], 16) % LIST_SHARDS


def slot_from(item: Mapping[str, Any]) -> Lead | Tombstone:
    """What a slot's item, or a prior image of it, holds."""
    if item.get("gone"):
        return Tombstone(item["owner"], item["identity"], item["lead_id"], item["version"], item.get("moved_to", ""))
    return lead_from_item(item)


def prior_image(item: Mapping[str, Any]) -> Lead | Tombstone | None:
    """What the slot held before the job; None when it was empty."""
    return slot_from(item["image"]) if item.get("image") else None


def slot_image(slot: Lead | Tombstone) -> dict[str, Any]:
    """A slot as a prior image keeps it: all but the keys of indexes, which can be made again."""
    item = lead_item(slot) if isinstance(slot, Lead) else tombstone_item(slot)
    return {name: value for name, value in item.items() if not name.endswith(("_key", "_pk"))}


def _unchanged(known: Lead | Tombstone | None) -> dict[str, Any]:
    if known is None:
        return {"condition": "attribute_not_exists(pk)", "meaning": "the slot is still empty"}
    return {"condition": "version = :version", "values": {":version": known.version},
            "meaning": "the slot still holds the version that was read"}


def _edited(now: str, before: str) -> str:
    """A version for a person's act: its time, but never below what is there (clocks may disagree)."""
    version = f"{now}|~edit"
    return version if version > before else f"{before}+"


def slot_key(owner: str, identity: str) -> dict[str, str]:
    """Where the lead of an identity lies, or its tombstone."""
    return {"pk": f"LEAD#{owner}#{identity}", "sk": "LEAD"}


def prior_key(owner: str, job_id: str, identity: str) -> dict[str, str]:
    """Where the slot's state before a job lies."""
    return {"pk": f"PRIOR#{owner}#{job_id}#{identity}", "sk": "PRIOR"}


def _days_after(moment: datetime, days: int) -> int:
    return int((moment + timedelta(days=days)).timestamp())
