"""Column mappings that people gave, remembered per owner, pipeline and set of headers.

Who has mapped "Ref Kunde" by hand once need not do so again: the next file with the same headers, in whatever order,
finds the mapping. The latest upload that gave one wins, in whatever order jobs are planned. What a job found at its
first look is pinned with the job, also if that was nothing: a plan that runs again has to cut the same batches, even if
somebody has given another mapping meanwhile.

Items of the ledger table: `MAPPING#<owner>#<pipeline>#<fingerprint>` with `MAPPING`, and `JOB#<id>` with
`MAPPING#<fingerprint>`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.dynamodb import ConditionFailed, from_item, to_item, translated
from chalicelib.jobs.model import Job
from chalicelib.tables.columns import Memory, fingerprint, squeezed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REMEMBERED_DAYS = 400
"""A mapping that nobody gave again for so long is forgotten: longer than a file that comes once a year."""
MOST_SHEETS = 100
"""Different sets of headers in one file whose mappings are looked up; each costs three requests."""
_LONGEST_HEADER = 300


class Mappings:
    """The ledger table's mappings. Methods raise Transient where DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def of_job(self, job: Job) -> Memory:
        """What a job's plan asks: pins what it finds, and remembers what the upload gave."""
        return _JobMemory(self, job, {}).ask

    def of_owner(self, owner: str, pipeline: str) -> Memory:
        """What a dry run asks: writes nothing."""
        def ask(headers: Sequence[str], _given: Mapping[str, str]) -> Mapping[str, str]:
            key = fingerprint(headers)
            return self.recall(owner, pipeline, key) if key else {}
        return ask

    def recall(self, owner: str, pipeline: str, key: str) -> dict[str, str]:
        """The mapping remembered for a fingerprint: squeezed header -> field, "" for none; else empty."""
        found = self._get(_remembered_key(owner, pipeline, key))
        if found is None or int(found["expires_at"]) <= self._clock().timestamp():
            return {}
        return dict(found["mapping"])

    def remember(self, job: Job, key: str, mapping: Mapping[str, str]) -> None:
        """Keep a mapping for the owner's next files, unless a later upload has given one."""
        version = f"{job.uploaded_at}|{job.job_id}"
        item = {**_remembered_key(job.owner, job.pipeline, key), "mapping": dict(mapping), "version": version,
                "expires_at": self._in_days(REMEMBERED_DAYS)}
        with contextlib.suppress(ConditionFailed), translated("no later upload has given a mapping"):
            self._client.put_item(
                TableName=self._table, Item=to_item(item),
                ConditionExpression="attribute_not_exists(pk) OR version <= :version",
                ExpressionAttributeValues=to_item({":version": version}))

    def forget(self, owner: str, pipeline: str, key: str) -> None:
        """Remove a remembered mapping; jobs that pinned it keep it."""
        with translated("forget a mapping"):
            self._client.delete_item(TableName=self._table, Key=to_item(_remembered_key(owner, pipeline, key)))

    def pinned(self, job: Job, key: str) -> dict[str, str]:
        """What the job goes by for these headers: what it found at its first look, else what is remembered now."""
        mine = {"pk": f"JOB#{job.job_id}", "sk": f"MAPPING#{key}"}
        if (found := self._get(mine)) is not None:
            return dict(found["mapping"])
        mapping = self.recall(job.owner, job.pipeline, key)
        item = {**mine, "mapping": mapping, "expires_at": job.expires_at or self._in_days(REMEMBERED_DAYS)}
        try:
            with translated("the job has no mapping pinned for these headers"):
                self._client.put_item(TableName=self._table, Item=to_item(item),
                                      ConditionExpression="attribute_not_exists(pk)")
        except ConditionFailed:
            return dict((self._get(mine) or {"mapping": mapping})["mapping"])
        return mapping

    def _get(self, key: Mapping[str, str]) -> dict[str, Any] | None:
        with translated("read a mapping"):
            item = self._client.get_item(TableName=self._table, Key=to_item(key), ConsistentRead=True).get("Item")
        return from_item(item) if item else None

    def _in_days(self, days: int) -> int:
        return int((self._clock() + timedelta(days=days)).timestamp())


@dataclass(frozen=True, slots=True)
class _JobMemory:
    """Sheets with the same headers share one look."""

    store: Mappings
    job: Job
    seen: dict[str, Mapping[str, str]]

    def ask(self, headers: Sequence[str], given: Mapping[str, str]) -> Mapping[str, str]:
        key = fingerprint(headers)
        if not key or (key not in self.seen and len(self.seen) >= MOST_SHEETS):
            return {}
        if key not in self.seen:
            self.seen[key] = self.store.pinned(self.job, key)
            if wanted := _of_headers(headers, given):
                self.store.remember(self.job, key, {**self.seen[key], **wanted})
        return self.seen[key]


def _of_headers(headers: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """What a mapping says of these headers, under their squeezed names."""
    known = {squeezed(header) for header in headers}
    return {key: field for header, field in given.items()
            if len(header) <= _LONGEST_HEADER and (key := squeezed(header)) and key in known}


def _remembered_key(owner: str, pipeline: str, key: str) -> dict[str, str]:
    return {"pk": f"MAPPING#{owner}#{pipeline}#{key}", "sk": "MAPPING"}
