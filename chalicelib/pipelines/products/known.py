"""What Keepa has told of a code or a title, remembered: paid for once, whoever asks.

An entry says who fetched it and when. A job takes its own entries as fresh whatever their age, so that all its batches
tell the same; those of others until they are too old. "There is no such product" is an answer too, and ages faster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.jobs.model import stamp
from chalicelib.pipelines.products.keepa_data import from_cache, to_cache


class Entries(Protocol):
    """What we need of the shared cache."""

    def get_many(self, keys: Sequence[str], *, consistent: bool = False) -> dict[str, Mapping[str, Any]]: ...

    def put_many(self, entries: Mapping[str, Mapping[str, Any]], *, days: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Lookup:
    """An answer. `data` is the enrichment, None where there is no such product; `at` when it was fetched, by a job."""

    data: Mapping[str, Any] | None
    job_id: str
    at: str


@dataclass(frozen=True, slots=True)
class Known:
    """The memory of one marketplace (`domain`), as one job may use it. Days as of the settings."""

    entries: Entries
    domain: int
    days: int
    missing_days: int
    clock: Callable[[], datetime]

    def of(self, keys: Iterable[str], job_id: str, *, consistent: bool = False) -> dict[str, Lookup]:
        """What is known and fresh enough for the job, by key; `consistent` also sees what was learnt just now."""
        by_name = {f"keepa:{self.domain}:{key}": key for key in keys}
        entries = self.entries.get_many(list(by_name), consistent=consistent)
        found = {by_name[name]: _lookup(entry) for name, entry in entries.items()}
        return {key: lookup for key, lookup in found.items() if lookup.job_id == job_id or self._fresh(lookup)}

    def learn(self, told: Mapping[str, Mapping[str, Any] | None], job_id: str) -> dict[str, Lookup]:
        """Remember enrichments (None: there is none) by key; answers them as anybody will find them."""
        at = stamp(self.clock())
        for some, days in (({key: data for key, data in told.items() if data is not None}, self.days),
                           ({key: None for key, data in told.items() if data is None}, self.missing_days)):
            if some:
                # At least a day: the other batches of the job must find what this one paid for.
                self.entries.put_many({f"keepa:{self.domain}:{key}": _entry(data, job_id, at)
                                       for key, data in some.items()}, days=max(1, days))
        return {key: Lookup(None if data is None else from_cache(to_cache(data)), job_id, at)
                for key, data in told.items()}

    def _fresh(self, lookup: Lookup) -> bool:
        days = self.missing_days if lookup.data is None else self.days
        return lookup.at > stamp(self.clock() - timedelta(days=days))



def title_key(title: str, brand: str) -> str:
    """Equal for titles that say the same in other letters or spaces."""
    said = "\n".join(" ".join(text.casefold().split()) for text in (title, brand))
    return f"title:{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def _entry(data: Mapping[str, Any] | None, job_id: str, at: str) -> dict[str, Any]:
    return {"job": job_id, "at": at, **({} if data is None else {"data": to_cache(data)})}


def _lookup(entry: Mapping[str, Any]) -> Lookup:
    data = entry.get("data")
    return Lookup(from_cache(data) if data else None, str(entry["job"]), str(entry["at"]))
