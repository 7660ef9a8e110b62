"""Whether an answer may stand without a person: the row itself must settle which item of the list it means.

A list that lacks the right item nearly always holds a neighbour of it, which scores as well as the right one would. So
a score is never enough. The row's codes, numbers and sizes must stand at the item, prices must not contradict, and then
one of two things settles the choice: a code that only this item of the list has; or words that both sides share almost
completely, with no number that only the item has, and a clear lead over every item that the row's numbers allow.

The limits are the same for all lists. They were chosen by precision on the left rows of Abt-Buy and Amazon-Google whose
id has an even CRC-32, three times with another fifth of the items missing, with those of the other rows in sight; the
benchmark reports both. Only rows that the public set has an answer to taught anything: of the others that are accepted,
most name the very article number of the item.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from chalicelib.matching.index import Index, Side, side_of
from chalicelib.matching.likeness import Likeness, Question, articles
from chalicelib.matching.model import PriceItem, Query
from chalicelib.matching.words import code_key, has_digit, is_code, words

LEAD = 0.3
"""Of the best score: how far behind the next item must be that the row's numbers allow."""
UNSAID, UNASKED = 0.1, 0.2
"""Share of the row's weight that the item may say nowhere, and of the item's that the row may say nowhere."""
PRICE_FITS, PRICE_CONTRADICTS = 0.3, 0.8
"""Logarithms of a ratio: prices that far apart no longer support words (1.35 times), or a code (2.2 times)."""
_NO_ARTICLE = re.compile(r"[a-z]\d{3}|\d+(?:st|nd|rd|th)")
"""`r115` is more often release 11.5 than an article, and `50th` never is one."""


def settled(question: Question, index: Index, ranked: Sequence[tuple[int, Likeness]]) -> bool:
    """Whether the row settles on the first of `ranked` (places with what was found there, best first)."""
    (place, found), *rivals = ranked
    side = index.sides[place]
    apart = abs(math.log(found.price_ratio)) if found.price_ratio else 0.0
    if apart <= PRICE_CONTRADICTS and _has_a_code_of_its_own(index, side, found):
        return digits_agree(question, side, found) or _only_silent(question, side, found)
    return apart <= PRICE_FITS and digits_agree(question, side, found) \
        and _says_the_same(question, index, place, found) and _leads(question, index, found, rivals)


def digits_agree(question: Question, side: Side, found: Likeness) -> bool:
    """Whether every code, number and size that the row names stands at the item, whole or in its parts.

    A code that only begins like the item's agrees when the item's goes on with letters (a colour, a country). A code
    that the item's own column holds does not make two texts without a common word agree.
    """
    if found.code_equal and not found.shared:
        return not question.words
    held = {*side.title, *side.maker, *side.elsewhere, *side.section, side.code}
    run = "".join(side.title)
    return all(_held(mark, held, run, found.code_alike) for mark in question.marks)


def names_agree(query: Query, item: PriceItem) -> bool:
    """Whether an item has every code, number and size that a row names, without a list to ask.

    For those who choose among candidates by other means. A code in the row's own column that looks like an article
    number must stand at the item wherever the item has one.
    """
    side = side_of(item)
    held = {*side.title, *side.maker, *side.elsewhere, *side.section, side.code}
    run, code = "".join(side.title), code_key(query.code)
    if is_code(code) and code not in held and any(map(is_code, held)):
        return False
    return all(_held(mark, held, run, None) for mark in words(query.description).marks)


def _only_silent(question: Question, side: Side, found: Likeness) -> bool:
    """Whether the item has all codes of the row, and of its other numbers none that differs: it just gives fewer."""
    if not found.shared or found.code_alike or found.code_differs or found.number_differs:
        return False
    codes = tuple(mark for mark in question.marks if _is_article(mark))
    return digits_agree(replace(question, marks=codes), side, found)


def _is_article(mark: tuple[str, ...]) -> bool:
    """`fs-105` and `29180-b` are, `6-disc` and `24-port` are not."""
    whole, *parts = mark
    counted = bool(parts) and whole.startswith(parts[0]) and whole[len(parts[0]):].isalpha()
    return any(map(is_code, parts)) or (is_code(whole) and not counted)


def _held(mark: tuple[str, ...], held: set[str], run: str, alike: tuple[str, str] | None) -> bool:
    whole, *parts = mark
    if whole in held or (parts and all(part in held for part in parts)):
        return True
    if len(whole) >= 5 and re.search(rf"(?<!\d){re.escape(whole)}(?!\d)", run):
        return True
    return alike is not None and alike[0] in mark and _goes_on(*alike)


def _goes_on(one: str, other: str) -> bool:
    return other.startswith(one) and other[len(one):].isalpha()


def _has_a_code_of_its_own(index: Index, side: Side, found: Likeness) -> bool:
    """A code of the row that no other item of the list has."""
    if found.code_equal and index.bearers(side.code) == 1:
        return True
    codes = [word for word in found.shared if is_code(word) and not _NO_ARTICLE.fullmatch(word)]
    if found.code_alike and _goes_on(*found.code_alike):
        codes.append(found.code_alike[1])
    return any(index.standing(code) == 1 for code in codes)


def _says_the_same(question: Question, index: Index, place: int, found: Likeness) -> bool:
    """Whether neither side has words of weight that the other one says nowhere, and the item no such number.

    Article numbers of the item do not count against a row that names none.
    """
    if found.code_equal or found.code_alike or any(map(is_code, found.shared)):
        return False
    side = index.sides[place]
    unsaid = found.mine.difference(side.elsewhere, side.section)
    codes = set() if question.names_code else articles(side.title, found.others)
    unasked = found.others - question.elsewhere - codes
    if any(has_digit(word) and not is_code(word) for word in unasked):
        return False
    theirs = index.lengths[place] ** 2 - _square(index, codes)
    return _square(index, unsaid) <= UNSAID * question.square and _square(index, unasked) <= UNASKED * theirs


def _leads(question: Question, index: Index, found: Likeness, rivals: Sequence[tuple[int, Likeness]]) -> bool:
    allowed = (rival.score for place, rival in rivals if digits_agree(question, index.sides[place], rival))
    return next(allowed, 0.0) <= (1 - LEAD) * found.score


def _square(index: Index, found: Iterable[str]) -> float:
    return sum(index.weight(word) ** 2 for word in sorted(found))
