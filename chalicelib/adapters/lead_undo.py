"""Putting back what a job wrote into the leads table, from the prior images that it left.

The prior images of one slot are a chain: each job keeps the slot as it found it, which is what the job before it wrote.
Undoing a job takes its link out. Where its lead still stands in the slot, the slot becomes the prior image again. Where
a later job stands on top, that job's prior image is made ours: should it be undone too, nothing of us comes back.

What became of a slot is noted in the job's prior image, in the same transaction: asked again, it answers the same.
Every transaction demands all that was read, so of two that work on one chain the slower reads again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import batch_get, chunks, from_item, to_item, translated
from chalicelib.adapters.leads import (
    PRIOR_DAYS,
    Lead,
    Tombstone,
    lead_item,
    prior_image,
    prior_key,
    slot_from,
    slot_image,
    slot_key,
    tombstone_item,
)
from chalicelib.errors import Conflict
from chalicelib.jobs.pipeline import PutBack, Undone

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOGETHER = 20
"""Slots of one transaction: two actions each, and one more for each later job on top."""
MAX_ACTIONS = 100
DEEPEST = 50
"""Later jobs on top of ours that are looked through."""
TRIES = 30

Slot = Lead | Tombstone | None


@dataclass(frozen=True, slots=True)
class _Prior:
    """A prior image as it was read. `undone` says what undoing its job made of the slot, if it has."""

    job_id: str
    identity: str
    present: bool
    image: Slot
    item: Mapping[str, Any]

    @property
    def undone(self) -> Mapping[str, str]:
        noted: Mapping[str, str] = self.item.get("undone", {})
        return noted


@dataclass(slots=True)
class _Step:
    """What is to be written for one slot, and what will have become of it."""

    result: Undone
    actions: list[dict[str, Any]] = field(default_factory=list)


class LeadUndo:
    """One table, all owners."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime], sleep: Callable[[float], None],
        rng: random.Random,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._sleep = sleep
        self._rng = rng

    def put_back(self, owner: str, job_id: str, identities: Sequence[str]) -> list[Undone]:
        """Undo what the job wrote into these slots, each once. Raises Conflict when others keep writing to one."""
        done: list[Undone] = []
        for some in chunks(identities, TOGETHER):
            done += self._together(owner, job_id, some)
        return done

    def _together(self, owner: str, job_id: str, identities: Sequence[str]) -> list[Undone]:
        """Several slots in one transaction; where that cannot be, each alone, again and again."""
        steps = self._plan(owner, job_id, identities)
        if sum(len(step.actions) for step in steps) <= MAX_ACTIONS:
            try:
                self._transact(steps)
            except Conflict:
                pass
            else:
                return [step.result for step in steps]
        return [self._alone(owner, job_id, identity) for identity in identities]

    def _alone(self, owner: str, job_id: str, identity: str) -> Undone:
        for tried in range(TRIES):
            steps = self._plan(owner, job_id, [identity])
            try:
                self._transact(steps)
            except Conflict:
                self._sleep(self._rng.uniform(0, min(1.0, 0.01 * 2 ** min(tried, 7))))
                continue
            return steps[0].result
        raise Conflict("the lead is being written by others")

    def _transact(self, steps: Sequence[_Step]) -> None:
        actions = [action for step in steps for action in step.actions]
        if not actions:
            return
        with translated("slot and prior images are as they were read"):
            self._client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]

    # --- deciding

    def _plan(self, owner: str, job_id: str, identities: Sequence[str]) -> list[_Step]:
        keys = [slot_key(owner, identity) for identity in identities]
        keys += [prior_key(owner, job_id, identity) for identity in identities]
        found = {item["pk"]: item for item in batch_get(self._client, self._table, keys)}
        steps = []
        for identity in identities:
            slot = found.get(slot_key(owner, identity)["pk"])
            prior = _prior(job_id, identity, found.get(prior_key(owner, job_id, identity)["pk"]))
            steps.append(self._step(owner, prior, slot_from(slot) if slot else None))
        return steps

    def _step(self, owner: str, prior: _Prior, slot: Slot) -> _Step:
        if noted := prior.undone:
            return _Step(Undone(prior.identity, PutBack(noted["became"]), noted.get("record_id", ""),
                                noted.get("reason", ""), noted.get("by_job", "")))
        if isinstance(slot, Lead) and slot.claimed_by.get("job") == prior.job_id:
            return self._restore(owner, prior, slot)
        return self._keep(owner, prior, slot)

    def _restore(self, owner: str, prior: _Prior, slot: Lead) -> _Step:
        """The slot is as the job left it: put back what was there before."""
        outcome = slot.claimed_by.get("outcome")
        if not prior.present and outcome != "new":
            return _Step(Undone(prior.identity, PutBack.KEPT, slot.lead_id, "image_expired"))
        became = PutBack.RESTORED if isinstance(prior.image, Lead) else PutBack.REMOVED
        if outcome == "unchanged":
            became = PutBack.UNCHANGED
        result = Undone(prior.identity, became, slot.lead_id)
        return _Step(result, [self._replace(owner, slot, prior), self._note(owner, prior, result)])

    def _keep(self, owner: str, prior: _Prior, slot: Slot) -> _Step:
        """Somebody wrote to the slot since: leave it, and take our link out of the chain below it."""
        reason, by_job = _reason(slot)
        result = Undone(prior.identity, PutBack.KEPT, slot.lead_id if slot else "", reason, by_job)
        path = self._above(owner, prior, by_job) if prior.present and by_job else []
        actions = [self._check(slot_key(owner, prior.identity), _version_is("version", slot))]
        if path and _job_of(path[-1].image) == prior.job_id:
            *between, top = path
            actions += [self._check(_key(owner, each), _still(each)) for each in between]
            actions.append(self._put_prior(owner, top, image=prior.image))
        if prior.present:
            actions.append(self._note(owner, prior, result))
        return _Step(result, actions)

    def _above(self, owner: str, prior: _Prior, job_id: str) -> list[_Prior]:
        """Prior images from the job in the slot down to the one that found our lead there, if there is such a one."""
        path: list[_Prior] = []
        while job_id and job_id != prior.job_id and len(path) < DEEPEST:
            key = prior_key(owner, job_id, prior.identity)
            with translated("get prior image"):
                item = self._client.get_item(TableName=self._table, Key=to_item(key), ConsistentRead=True).get("Item")
            path.append(_prior(job_id, prior.identity, from_item(item) if item else None))
            job_id = _job_of(path[-1].image)
        return path

    # --- saying it in DynamoDB

    def _replace(self, owner: str, slot: Lead, prior: _Prior) -> dict[str, Any]:
        key, condition = slot_key(owner, slot.identity), _version_is("version", slot)
        if prior.image is None:
            return {"Delete": {"TableName": self._table, "Key": to_item(key), **condition}}
        made = lead_item(prior.image) if isinstance(prior.image, Lead) else tombstone_item(prior.image)
        return {"Put": {"TableName": self._table, "Item": to_item({**made, **key}), **condition}}

    def _note(self, owner: str, prior: _Prior, result: Undone) -> dict[str, Any]:
        noted = {"became": result.became.value, "record_id": result.record_id, "reason": result.reason,
                 "by_job": result.by_job}
        return self._put_prior(owner, prior, image=prior.image, undone=noted)

    def _put_prior(self, owner: str, prior: _Prior, *, image: Slot, **more: Any) -> dict[str, Any]:
        expires = int((self._clock() + timedelta(days=PRIOR_DAYS)).timestamp())
        item = {"expires_at": expires, **prior.item, **_key(owner, prior),
                "image": slot_image(image) if image else None, **more}
        return {"Put": {"TableName": self._table, "Item": to_item(item), **_still(prior)}}

    def _check(self, key: Mapping[str, str], condition: Mapping[str, Any]) -> dict[str, Any]:
        return {"ConditionCheck": {"TableName": self._table, "Key": to_item(key), **condition}}


def _prior(job_id: str, identity: str, item: Mapping[str, Any] | None) -> _Prior:
    return _Prior(job_id, identity, item is not None, prior_image(item) if item else None, item or {})


def _key(owner: str, prior: _Prior) -> dict[str, str]:
    return prior_key(owner, prior.job_id, prior.identity)


def _job_of(slot: Slot) -> str:
    return str(slot.claimed_by.get("job", "")) if isinstance(slot, Lead) else ""


def _reason(slot: Slot) -> tuple[str, str]:
    """Why the slot is not as the job left it, and which later job wrote to it."""
    if slot is None:
        return "gone", ""
    if isinstance(slot, Tombstone):
        return ("moved", "") if slot.moved_to else ("deleted", "")
    return ("later_job", _job_of(slot)) if _job_of(slot) else ("edited", "")


def _still(prior: _Prior) -> dict[str, Any]:
    """The prior image is there as it was read, and its job has not been undone meanwhile."""
    if not prior.present:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    image = _version_is("image.version", prior.image)
    noted = "attribute_exists(undone)" if prior.undone else "attribute_not_exists(undone)"
    return {**image, "ConditionExpression": f"attribute_exists(pk) AND {noted} AND {image['ConditionExpression']}"}


def _version_is(path: str, slot: Slot) -> dict[str, Any]:
    if slot is None:
        return {"ConditionExpression": f"attribute_not_exists({path})"}
    return {"ConditionExpression": f"{path} = :version",
            "ExpressionAttributeValues": to_item({":version": slot.version})}
