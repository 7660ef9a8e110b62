"""What goes into the matcher and what comes out: items of a price list, a row's question, an answer with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PriceItem:
    """One line of a price list. `id` is unique in its list; all texts as they are written there.

    `keywords` is all further text about the item: keywords, remarks, a long description.
    """

    id: str
    description: str
    code: str = ""
    category: str = ""
    subcategory: str = ""
    unit: str = ""
    rate: Decimal | None = None
    supplier: str = ""
    keywords: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What is known about a row. `context`: section headers above it, outermost first; `price` for one unit.

    `quantity` is carried for the caller and does not change the answer.
    """

    description: str
    code: str = ""
    unit: str = ""
    quantity: Decimal | None = None
    context: tuple[str, ...] = ()
    price: Decimal | None = None
    supplier: str = ""
    keywords: str = ""


class Units(StrEnum):
    """How the unit of a row stands to that of an item."""

    EQUAL = "equal"
    COMPATIBLE = "compatible"
    """The same thing measured on another scale: m and mm, kg and t."""
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """One side has none, or none that we know."""


class Tier(StrEnum):
    """What to do with an answer."""

    ACCEPTED = "accepted"
    REVIEW = "review"
    """Probably the best candidate, but a person should look at it and at the others."""
    UNMATCHED = "unmatched"
    """Most likely not in the list. The candidates are the nearest, and may be none."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may be meant. `score`: likeness, 0 to about 1, comparable within one answer; reasons in words."""

    item: PriceItem
    score: float
    units: Units
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The answer for one row.

    `confidence` is the estimated probability (0 to 1) that the first candidate is the right item. The tier is
    `accepted` when that is high, the units fit and the row settles the choice (`acceptance`). `candidates` holds the
    best first; `learned`: a person has said so before.
    """

    confidence: float
    tier: Tier
    candidates: tuple[Candidate, ...] = ()
    learned: bool = False

    @property
    def best(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None

    @property
    def accepted(self) -> bool:
        return self.tier is Tier.ACCEPTED
