"""Budgets in the ledger table: what jobs and owners' days have spent, and what is reserved for a call in flight.

A reservation is an ADD on condition that it stays within the caps, so of two workers at the last unit one gets it. It
leaves a hold under the batch's number until the call is corrected. A worker that dies in between leaves its hold: the
next delivery of that batch gives it back before it reserves anew, so the same call is never reserved twice for good;
what the dead worker's call may have cost is then not counted, at most one call of each of the batch's deliveries. A
twin whose hold was given back meanwhile adds what it really spent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalicelib.adapters.dynamodb import ConditionFailed, batch_get, to_item, translated
from chalicelib.errors import Conflict, DropmillError, Transient, Waiting
from chalicelib.jobs.budget import EXHAUSTED, Caps, Purse, Unlimited
from chalicelib.jobs.model import Job
from chalicelib.logs import log

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 20
KEPT_DAYS = 90
WAIT_SECONDS = 60.0

Key = Mapping[str, str]


class Budget:
    """One table; purses for batches."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime], sleep: Callable[[float], None]
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._sleep = sleep

    def purse(self, job: Job, batch: int, caps: Caps) -> Purse:
        """What this batch may ask for its calls, one after the other."""
        if not caps.any:
            return Unlimited()
        spent = {"pk": f"BUDGET#{job.job_id}", "sk": "JOB"}
        hold = {"pk": f"BUDGET#{job.job_id}", "sk": f"HOLD#{batch:08d}"}
        return _Purse(self, hold, (Account(spent, caps.job_calls, caps.job_nanos), self._day(job.owner, caps)))

    def day_purse(self, owner: str, asked: str, caps: Caps) -> Purse:
        """What a request may ask for its calls, one after the other, out of its owner's day. `asked` names the request.

        A request that dies in a call leaves what it reserved: nobody comes back to it, and a day forgets it.
        """
        if not (caps.day_calls or caps.day_nanos):
            return Unlimited()
        hold = {"pk": f"BUDGET#{asked}", "sk": "HOLD#REQUEST"}
        return _Purse(self, hold, (self._day(owner, caps),))

    def _day(self, owner: str, caps: Caps) -> Account:
        key = {"pk": f"BUDGET#{owner}", "sk": f"DAY#{self._clock():%Y-%m-%d}"}
        return Account(key, caps.day_calls, caps.day_nanos)

    def spent(self, key: Key) -> tuple[int, int]:
        """Calls and billionths of a dollar, reservations included."""
        found = self.read(key)
        return int(found.get("calls", 0)), int(found.get("nanos", 0))

    def read(self, key: Key) -> Mapping[str, Any]:
        return next(iter(batch_get(self._client, self._table, [key])), {})

    def transact(self, actions: list[dict[str, Any]]) -> None:
        """Raises ConditionFailed, Conflict or Transient."""
        with translated("the budget is as it was read"):
            self._client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]

    def add(self, account: Account, calls: int, nanos: int, *, within_caps: bool) -> dict[str, Any]:
        """The action that adds to an account."""
        limits = list(account.limits(calls, nanos)) if within_caps else []
        values = {":calls": calls, ":nanos": nanos, ":expires": self._expiry(),
                  **{f":most_{name}": most for name, most in limits}}
        update: dict[str, Any] = {
            "TableName": self._table, "Key": to_item(account.key),
            "UpdateExpression": "SET expires_at = :expires ADD calls :calls, nanos :nanos",
            "ExpressionAttributeValues": to_item(values)}
        if limits:
            update["ConditionExpression"] = " AND ".join(
                f"(attribute_not_exists({name}) OR {name} <= :most_{name})" for name, _ in limits)
        return {"Update": update}

    def put_hold(self, key: Key, nonce: str, nanos: int, accounts: tuple[Account, ...]) -> dict[str, Any]:
        """The action that notes a reservation, while there is no other of that batch."""
        item = {**key, "nonce": nonce, "nanos": nanos, "accounts": [dict(one.key) for one in accounts],
                "expires_at": self._expiry()}
        return {"Put": {"TableName": self._table, "Item": to_item(item),
                        "ConditionExpression": "attribute_not_exists(pk)"}}

    def drop_hold(self, key: Key, nonce: str) -> dict[str, Any]:
        """The action that takes a reservation's note away, while it is still that one."""
        return {"Delete": {"TableName": self._table, "Key": to_item(key), "ConditionExpression": "nonce = :nonce",
                           "ExpressionAttributeValues": to_item({":nonce": nonce})}}

    def pause(self, tried: int) -> None:
        self._sleep(min(1.0, 0.01 * 2 ** min(tried, 6)))

    def _expiry(self) -> int:
        return int((self._clock() + timedelta(days=KEPT_DAYS)).timestamp())


@dataclass(frozen=True, slots=True)
class Account:
    """What is counted under one key, with its caps; 0 is none."""

    key: Key
    most_calls: int = 0
    most_nanos: int = 0

    def limits(self, calls: int, nanos: int) -> Iterator[tuple[str, int]]:
        """What may have been spent so that this much more fits."""
        if self.most_calls:
            yield "calls", self.most_calls - calls
        if self.most_nanos:
            yield "nanos", self.most_nanos - nanos


class _Purse:
    """One batch's. Calls come one after the other, each reserved and corrected."""

    def __init__(self, budget: Budget, hold: Key, accounts: tuple[Account, ...]) -> None:
        self._budget = budget
        self._hold = hold
        self._accounts = accounts
        self._nonce = ""
        self._nanos = 0

    def reserve(self, nanos: int) -> None:
        nonce = uuid4().hex
        for tried in range(TRIES):
            found = self._budget.read(self._hold)
            if found and found["nonce"] != nonce:
                self._give_back(found)
                continue
            if not found:
                self._demand_room(nanos)
                actions = [self._budget.add(account, 1, nanos, within_caps=True) for account in self._accounts]
                actions.append(self._budget.put_hold(self._hold, nonce, nanos, self._accounts))
                try:
                    self._budget.transact(actions)
                except Transient:  # a lost race, or a lost answer: the hold tells which
                    self._budget.pause(tried)
                    continue
            self._nonce, self._nanos = nonce, nanos
            return
        raise Conflict("the budget is written by too many at once")

    def correct(self, calls: int, nanos: int) -> None:
        """A budget that cannot be reached fails no call that was paid for; its reservation then stands."""
        try:
            self._correct(calls, nanos)
        except DropmillError as error:
            log.warning("a budget could not be corrected", extra={"error": type(error).__name__})

    def _correct(self, calls: int, nanos: int) -> None:
        nonce, self._nonce = self._nonce, ""
        actions = [self._budget.add(account, calls - 1, nanos - self._nanos, within_caps=False)
                   for account in self._accounts]
        actions.append(self._budget.drop_hold(self._hold, nonce))
        for tried in range(TRIES):
            try:
                self._budget.transact(actions)
            except Transient as error:
                if self._budget.read(self._hold).get("nonce") == nonce:
                    self._budget.pause(tried)
                    continue
                if isinstance(error, ConditionFailed) and not tried:  # given back by another delivery
                    self._budget.transact([self._budget.add(account, calls, nanos, within_caps=False)
                                           for account in self._accounts])
            return

    def _give_back(self, found: Mapping[str, Any]) -> None:
        """Somebody reserved for this batch and never said what came of it."""
        actions = [self._budget.add(Account(key), -1, -int(found["nanos"]), within_caps=False)
                   for key in found["accounts"]]
        try:
            self._budget.transact([*actions, self._budget.drop_hold(self._hold, found["nonce"])])
        except Conflict:
            log.info("a reservation was given back by somebody else")

    def _demand_room(self, nanos: int) -> None:
        for account in self._accounts:
            limits = dict(account.limits(1, nanos))
            if limits:
                calls, spent = self._budget.spent(account.key)
                if limits.get("calls", calls) < calls or limits.get("nanos", spent) < spent:
                    raise Waiting(WAIT_SECONDS, EXHAUSTED)
