"""What an owner has taught by hand: this text means that item. The latest word on a text counts.

A lesson is remembered with its section headers and without; without them it holds only as long as all headers agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.matching.model import Query
from chalicelib.matching.units import unit_of
from chalicelib.matching.words import code_key, words


@dataclass(frozen=True, slots=True)
class Fix:
    """A person chose `item_id` for a row at a time (UTC)."""

    query: Query
    item_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Learned:
    """Text keys -> id of the item; see `keys`. An empty one knows nothing."""

    items: Mapping[str, str] = field(default_factory=dict)

    def item_for(self, query: Query) -> str | None:
        return next((self.items[key] for key in keys(query) if self.items.get(key)), None)


def learned(fixes: Iterable[Fix]) -> Learned:
    """The most recent fix of a text wins; of equal times the greater item id."""
    items: dict[str, str] = {}
    anywhere: dict[str, set[str]] = {}
    latest: dict[str, str] = {}
    for fix in sorted(fixes, key=lambda fix: (fix.at, fix.item_id)):
        under, alone = keys(fix.query)
        latest[under] = fix.item_id
        anywhere.setdefault(alone, set()).add(under)
    for alone, unders in anywhere.items():
        chosen = {latest[under] for under in unders}
        items[alone] = chosen.pop() if len(chosen) == 1 else ""
    return Learned({**items, **latest})


def keys(query: Query) -> tuple[str, str]:
    """A row's text as it is remembered: under its headers, and alone. Case, plurals and spelling of sizes are equal."""
    alone = "|".join((" ".join(words(query.description).sequence), code_key(query.code), unit_of(query.unit)))
    headers = " ".join(word for header in query.context for word in words(header).sequence)
    return f"{alone}|{headers}", alone
