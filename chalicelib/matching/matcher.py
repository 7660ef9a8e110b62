"""The LOCAL matcher: for one row, the item of a price list that it means, how sure that is, and why.

Candidates come from the index, the likely ones are compared in full, a fixed logistic function says how probable the
best one is. Nothing is accepted on its score alone: the row must settle the choice (`acceptance`), since a list that
lacks the right item nearly always holds a neighbour of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.matching.acceptance import settled
from chalicelib.matching.confidence import SUREST, confidence
from chalicelib.matching.index import KEYWORDS_READ, Index, Side
from chalicelib.matching.learned import Learned
from chalicelib.matching.likeness import Likeness, Question, likeness
from chalicelib.matching.model import Candidate, Match, PriceItem, Query, Tier, Units
from chalicelib.matching.reasons import reasons
from chalicelib.matching.units import units
from chalicelib.matching.words import LONGEST, Words, code_key, is_code, words

THRESHOLD = 0.4
"""Confidence from which an answer is worth showing as one: for calibrated values F1 is highest at half of itself."""
ACCEPT = 0.7
"""Confidence from which an answer may stand without a person, where the units fit and the row settles the choice."""
OFFERED = 3
COMPARED = 12
"""Candidates compared in full; 24 and 40 gave the same F1 on the public pairs."""
_HEADERS = 10


class Compared(NamedTuple):
    """A candidate with all that was found about it."""

    item: PriceItem
    place: int
    unit: Units
    found: Likeness


class Matcher:
    """Answers from one price list. Deterministic: the same list and row give the same answer, ties go by item id."""

    def __init__(self, index: Index, *, learned: Learned | None = None, threshold: float = THRESHOLD,
                 accept: float = ACCEPT, offered: int = OFFERED) -> None:
        self._index, self._threshold, self._accept, self._offered = index, threshold, accept, offered
        self._learned = learned or Learned()

    def match(self, query: Query) -> Match:
        """The best items for a row. Never raises for what a row says; an empty row matches nothing."""
        question = self._question(query)
        ranked = self._ranked(query, question)
        taught = self._taught(query, question)
        if taught:
            ranked = [taught, *(each for each in ranked if each.place != taught.place)]
        if not ranked:
            return Match(0.0, Tier.UNMATCHED)
        best = ranked[0]
        second = ranked[1].found.score if len(ranked) > 1 else 0.0
        sure = SUREST if taught else confidence(best.found, second, best.unit)
        candidates = tuple(self._candidate(query, question, each) for each in ranked[:self._offered])
        return Match(sure, self._tier(question, ranked, sure, taught=bool(taught)), candidates, learned=bool(taught))

    def compared(self, query: Query) -> list[Compared]:
        """All that was compared for a row, best first: for calibration."""
        return self._ranked(query, self._question(query))

    def _tier(self, question: Question, ranked: Sequence[Compared], sure: float, *, taught: bool) -> Tier:
        if taught:
            return Tier.ACCEPTED
        if sure < self._threshold:
            return Tier.UNMATCHED
        found = [(each.place, each.found) for each in ranked]
        fits = ranked[0].unit is not Units.DIFFERENT
        stands = sure >= self._accept and fits and settled(question, self._index, found)
        return Tier.ACCEPTED if stands else Tier.REVIEW

    def _ranked(self, query: Query, question: Question) -> list[Compared]:
        places = self._index.likely(question.side.title, question.side.maker, question.codes, COMPARED)
        compared = [self._compare(query, question, place) for place in places]
        return sorted(compared, key=lambda each: (-each.found.score, each.item.id, each.place))

    def _compare(self, query: Query, question: Question, place: int) -> Compared:
        item = self._index.items[place]
        unit = units(query.unit, item.unit)
        price = float(item.rate) if item.rate and item.rate > 0 else None
        return Compared(item, place, unit, likeness(question, self._index, place, unit, price))

    def _taught(self, query: Query, question: Question) -> Compared | None:
        """None also where the item that was taught is not in this list any more."""
        item_id = self._learned.item_for(query) if self._learned.items else None
        if item_id is None:
            return None
        place = self._index.place_of(item_id)
        return None if place is None else self._compare(query, question, place)

    def _candidate(self, query: Query, question: Question, one: Compared) -> Candidate:
        why = reasons(one.found, question.side.title + question.side.maker, query.unit, one.item.unit, one.unit)
        return Candidate(one.item, one.found.score, one.unit, why)

    def _question(self, query: Query) -> Question:
        index = self._index
        title = words(query.description)
        maker = words(query.supplier).sequence
        mine = frozenset(title.sequence + maker) - self._other_forms(title)
        weights = {word: index.weight(word) for word in mine}
        headers = " ".join(header[:LONGEST] for header in query.context[-_HEADERS:])
        further = words(f"{headers} {query.keywords[:KEYWORDS_READ]}", KEYWORDS_READ).sequence
        code = code_key(query.code)
        codes = sorted(word for word in {*title.sequence, code} if is_code(word) and index.has_code(word))
        price = float(query.price) if query.price and query.price > 0 else None
        return Question(side=Side(title.sequence, maker, code=code), words=mine, weights=weights, codes=tuple(codes),
                        square=sum(weight * weight for weight in weights.values()), marks=title.marks,
                        elsewhere=frozenset(further + maker), price=price,
                        meant={word: dict(index.meant(word)) for word in mine if word not in index.weights})

    def _other_forms(self, title: Words) -> set[str]:
        """Of words written with hyphens, the forms that the list does not use, where it uses another one."""
        known = self._index.weights
        spare: set[str] = set()
        for whole, *parts in title.marks:
            if whole in known:
                spare.update(part for part in parts if part not in known)
            elif parts and all(part in known for part in parts):
                spare.add(whole)
        return spare
