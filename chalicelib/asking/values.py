"""Values out of a question: what stands in quotes, or the words up to where the next clause begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.asking import lexicon
from chalicelib.asking.dates import Ambiguous, take_when
from chalicelib.asking.draft import Draft, Unsure
from chalicelib.asking.model import Field
from chalicelib.asking.tokens import COMMA, Cursor, Phrases

_ARTICLES = frozenset({"the", "a", "an"})
_TAIL = frozenset({"leads", "lead", "contacts", "people", "ones", "name", "too", "as", "well", "either", "or", "and"})
_TIME_OPENERS = frozenset({"in", "on", "during", "for", "over", "within", "this", "last", "past", "today", "yesterday",
                           "previous", "since", "before", "after", "until", "between", "the", "older", "newer",
                           "current", "earlier", "later", "up"})
_PLACES = Phrases.of("file, sheet, tab, worksheet, spreadsheet, workbook, source file")


@dataclass(frozen=True, slots=True)
class Values:
    """`joined` is `and` where the question said so between unquoted values that are no comma's list."""

    texts: tuple[str, ...]
    joined: str = ""


def take_values(draft: Draft) -> Values:
    """The values that stand at the cursor, which are then behind; none where a clause begins at once."""
    cursor = draft.cursor
    texts: list[str] = []
    joins: list[str] = []
    quoted = True
    while (text := _one(cursor, draft.now)) is not None:
        texts.append(text[0])
        quoted = quoted and text[1]
        join = _join(cursor, draft.now)
        if not join:
            break
        joins.append(join)
    if "or" in joins and "and" in joins:
        raise Unsure("I am not sure how “and” and “or” go together here; put values into quotes, or ask twice.")
    alone = "and" in joins and COMMA not in joins and not quoted
    return Values(tuple(texts), "and" if alone else "")


def _one(cursor: Cursor, now: datetime) -> tuple[str, bool] | None:
    """One value, and whether it stood in quotes."""
    token = cursor.token()
    if token is not None and token.quoted:
        cursor.at += 1
        return token.text, True
    words = []
    while (token := cursor.token()) is not None and not token.quoted and not _join_at(cursor):
        if token.word == COMMA or begins_clause(cursor, now):
            break
        words.append(token)
        cursor.at += 1
        if cursor.word() == COMMA and cursor.word(1).rstrip(".") in lexicon.LEGAL:
            cursor.at += 1
    while len(words) > 1 and words[0].word in _ARTICLES:
        del words[0]
    while len(words) > 1 and words[-1].word in _TAIL:
        words.pop()
    return (" ".join(word.text for word in words), False) if words else None


def _join_at(cursor: Cursor) -> bool:
    return cursor.word() in ("or", "and", "nor") or (cursor.word() == "&" and cursor.token(1) is None)


def _join(cursor: Cursor, now: datetime) -> str:
    """The `or`, `and` or comma before another value, which is then behind; nothing where a clause follows."""
    start, found = cursor.at, ""
    if cursor.take_word(COMMA):
        found = COMMA
    if cursor.word() in ("or", "and", "nor") and not cursor.ended:
        found = "or" if cursor.word() == "nor" else cursor.word()
        cursor.at += 1
    if not found or cursor.ended or begins_clause(cursor, now) or _begins_field(cursor):
        cursor.at = start
        return ""
    return found


def begins_clause(cursor: Cursor, now: datetime) -> bool:
    """Whether what stands here is no part of a value that is not in quotes."""
    word = cursor.word()
    if word in lexicon.STOPS:
        return True
    if word in ("in", "on", "as", "for") and _leads_into(cursor):
        return True
    if word in _TIME_OPENERS:
        start = cursor.at
        try:
            return take_when(cursor, now, bare=False) is not None
        except Ambiguous:
            return True
        finally:
            cursor.at = start
    return bool(cursor.peek(lexicon.UP) or cursor.peek(lexicon.DOWN))


def _leads_into(cursor: Cursor) -> bool:
    """`in the software industry`, `in people.xlsx`, `as title`, `in the sheet Web`, `for each company`."""
    if cursor.peek(lexicon.PER):
        return True
    ahead = 1 + (cursor.word(1) in {*_ARTICLES, "their"})
    if cursor.peek(lexicon.FIELDS, ahead) or is_file(cursor.word(ahead)) or cursor.peek(_PLACES, ahead):
        return True
    return cursor.word() == "in" and any(
        (found := cursor.peek(lexicon.FIELDS, ahead + more)) and found[0] in (
            Field.INDUSTRY, Field.COMPANY, Field.WORKSHEET, Field.SOURCE_FILE) for more in (1, 2, 3))


def _begins_field(cursor: Cursor) -> bool:
    """`... and title director`, `... or no phone`, `... and in quarter one`: not another value."""
    return bool(cursor.peek(lexicon.FIELDS) or cursor.peek(lexicon.LACKING) or cursor.peek(lexicon.TIME_FIELDS)
                or cursor.word() in ("in", "on", "how", "show", "delete", "remove", "then", "also", "their", "no"))


def is_file(word: str) -> bool:
    """Whether a word looks like the name of a spreadsheet."""
    return word.endswith((".xlsx", ".xls", ".csv", ".tsv", ".xlsm", ".xlsb", ".ods", ".txt", ".json", ".zip"))
