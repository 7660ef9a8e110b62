"""Clauses about a field: what it is compared with, whether it is there, whether it is missing."""

from __future__ import annotations

import re

from chalicelib.asking import lexicon
from chalicelib.asking.draft import Draft, Unsure
from chalicelib.asking.lexicon import FIELDS
from chalicelib.asking.model import Field, Op
from chalicelib.asking.tokens import Phrases
from chalicelib.asking.values import Values, begins_clause, is_file, take_values

_MAYBE_EITHER = frozenset({"missing", "empty", "blank", "unknown", "miss"})
_TITLED = Phrases({"titled": Field.TITLE})
_WITH = frozenset({"with", "with the", "with a", "with an", "having", "who have", "who has", "that have", "that has",
                   "which have", "has", "have", "with their", "having a", "having an", "having the", "has the", "has a",
                   "has an", "have the", "have a", "have an"})


def lacking(draft: Draft) -> bool:
    """`without an e-mail`, `have no phone`, `missing title and company`."""
    cursor, start = draft.cursor, draft.cursor.at
    opened = cursor.take(lexicon.LACKING, guess=True)
    if not opened:
        return False
    negated, fields, joined = draft.negate, [], ""
    while field := _listed_field(draft):
        fields.append(field)
        joined = joined or _join_of_fields(draft)
        if not _another_field(draft, lacking=True):
            break
    if not fields or (_says_more(draft) and len(fields) == 1):
        cursor.at = start
        return False
    if (joined == "or" and _MAYBE_EITHER & set(opened.split())) or (negated and len(fields) > 1):
        raise Unsure("I can ask for both to be missing, or for one; not for either of them.",
                     *(f"leads without {field}" for field in fields))
    for field in fields:
        draft.negate = negated
        draft.add(field, Op.MISSING)
    return True


def _listed_field(draft: Draft) -> Field | None:
    draft.cursor.take(lexicon.DETERMINERS)
    found = draft.cursor.take(FIELDS, guess=True)
    return Field(found) if found else None


def _join_of_fields(draft: Draft) -> str:
    return draft.cursor.word() if draft.cursor.word() in ("or", "and") else ""


def _another_field(draft: Draft, *, lacking: bool) -> bool:
    """Step over the `and`, `or` or comma before another field, where one follows and begins no clause of its own."""
    cursor, start = draft.cursor, draft.cursor.at
    if cursor.take(Phrases.of("and, or, nor, as well as")) or cursor.take_word(","):
        cursor.take(Phrases.of("and, or"))
        if lacking:
            cursor.take(Phrases.of("no, without, also no"))
        cursor.take(lexicon.DETERMINERS)
        found = cursor.peek(FIELDS, guess=True)
        if found and not compares_at(draft, found[1]):
            return True
    cursor.at = start
    return False


def compares_at(draft: Draft, ahead: int) -> bool:
    """Whether an operator stands there, so that what is before it is the field that it compares."""
    cursor = draft.cursor
    return cursor.word(ahead) not in ("with", "has", "having", "of", "as", "called", "named", "match") and any(
        cursor.peek(words, ahead) for words in (lexicon.CONTAINING, lexicon.STARTING, lexicon.ENDING, lexicon.EXACTLY,
                                                lexicon.BEING, lexicon.NOT))


def _says_more(draft: Draft) -> bool:
    """Whether a value follows: `no title containing x` is about the value, not about the title."""
    return any(draft.cursor.peek(words) for words in (lexicon.STARTING, lexicon.ENDING, lexicon.EXACTLY)) \
        or draft.cursor.word() in ("containing", "contains", "like", "including", "is", "that", "named", "called")


def field_value(draft: Draft) -> bool:
    """`whose company starts with B`, `title is director`, `with a phone`, `email contains x`, `with CEO as title`."""
    cursor, start = draft.cursor, draft.cursor.at
    opened = cursor.take(lexicon.WHOSE, guess=True)
    cursor.take(lexicon.DETERMINERS)
    if cursor.take(lexicon.DOMAIN):
        negated = bool(cursor.take(lexicon.NOT))
        cursor.take(lexicon.BEING)
        draft.negate = draft.negate is not negated
        return with_values(draft, Field.EMAIL, Op.DOMAIN)
    called = cursor.take(_TITLED) or cursor.take(FIELDS, guess=True)
    if not called:
        return _value_first(draft, start, opened)
    field, behind = Field(called), cursor.at
    if field is Field.TITLE and re.fullmatch(r"[0-9a-f]{16,}", cursor.word()):
        field = Field.JOB_ID  # the word job has two meanings
    negated, op = _operator(draft)
    if op in (Op.MISSING, Op.PRESENT):
        draft.negate = draft.negate is not negated
        draft.add(field, op)
        return True
    if field is Field.EMAIL and op in (None, Op.WORDS):
        cursor.take(Phrases.of("at, from, on"))
    found = take_values(draft) if op or not _only_present(draft, opened) else Values(())
    if found.texts:
        draft.negate = draft.negate is not negated
        _compare(draft, field, op, found)
        return True
    cursor.at = behind
    return _present(draft, field, opened, start)


def _only_present(draft: Draft, opened: str) -> bool:
    return draft.cursor.ended or bool(draft.cursor.peek(FIELDS)) or begins_clause(draft.cursor, draft.now) or (
        bool(opened) and draft.cursor.word() in ("and", "or", ","))


def _present(draft: Draft, field: Field, opened: str, start: int) -> bool:
    """`with an e-mail and a phone`: the fields alone."""
    cursor = draft.cursor
    if opened not in _WITH and not draft.negate:
        cursor.at = start
        return False
    fields, joined = [field], _join_of_fields(draft)
    while _another_field(draft, lacking=False) and (more := _listed_field(draft)):
        fields.append(more)
        joined = joined or _join_of_fields(draft)
    if (joined == "or" and len(fields) > 1) or (draft.negate and len(fields) > 1):
        raise Unsure("I can ask for all of these fields, not for one or the other.",
                     *(f"leads with {each}" for each in fields))
    negated = draft.negate
    for each in fields:
        draft.negate = negated
        draft.add(each, Op.PRESENT)
    return True


def compared(draft: Draft, field: Field) -> bool:
    """`... starting with B`, behind the name of a field that is already taken."""
    cursor, start = draft.cursor, draft.cursor.at
    cursor.take(Phrases.of("that, which, whose name, with names, with a name, with name"))
    if cursor.word() in ("with", "has", "have", "in", "of", "from", "at", "having", "is", "are", "for"):
        cursor.at = start
        return False
    negated, op = _operator(draft)
    found = take_values(draft) if op not in (None, Op.MISSING, Op.PRESENT) else Values(())
    if not found.texts:
        cursor.at = start
        return False
    draft.negate = draft.negate is not negated
    _compare(draft, field, op, found)
    return True


def _value_first(draft: Draft, start: int, opened: str) -> bool:
    """`with director in the title`, `with Acme as company`."""
    cursor = draft.cursor
    if opened in _WITH:
        found = take_values(draft)
        if found.texts and cursor.take(Phrases.of("in, as, in the, as the, as a, in their, as their, in its")) \
                and (called := cursor.take(FIELDS, guess=True)):
            _compare(draft, Field(called), None, found)
            return True
    cursor.at = start
    return False


def _operator(draft: Draft) -> tuple[bool, Op | None]:
    """Whether a `not` stands here, and the operator; both are then behind."""
    cursor = draft.cursor
    negated = bool(cursor.take(lexicon.NOT))
    for _ in range(2):
        for words, op in ((lexicon.EXACTLY, Op.EQUALS), (lexicon.STARTING, Op.STARTS_WITH),
                          (lexicon.ENDING, Op.ENDS_WITH)):
            if cursor.take(words):
                return negated, op
        if _ends_after(draft, lexicon.FILLED):
            return negated, Op.PRESENT
        if _ends_after(draft, lexicon.EMPTY):
            return negated, Op.MISSING
        if cursor.word() not in ("with", "has", "having") and cursor.take(lexicon.CONTAINING):
            return negated, Op.CONTAINS
        if not cursor.take(Phrases.of("that, which")) and not cursor.take(lexicon.BEING):
            break
        negated = negated or bool(cursor.take(lexicon.NOT))
        if not any(cursor.peek(words) for words in (lexicon.EXACTLY, lexicon.STARTING, lexicon.ENDING, lexicon.EMPTY,
                                                    lexicon.FILLED, lexicon.CONTAINING)):
            cursor.take(lexicon.BEING)
            return negated, Op.WORDS
    return negated, Op.WORDS if negated else None


def _ends_after(draft: Draft, words: Phrases) -> bool:
    """Take a word such as `empty`, where nothing follows that would make it a value."""
    cursor, start = draft.cursor, draft.cursor.at
    if cursor.take(words) and (cursor.ended or cursor.word() in (",", "and", "or", "but")
                               or begins_clause(cursor, draft.now)):
        return True
    cursor.at = start
    return False


def _compare(draft: Draft, field: Field, op: Op | None, found: Values) -> None:
    chosen = op or Op.WORDS
    if field is Field.EMAIL and chosen is Op.WORDS:
        chosen = Op.EQUALS if all("@" in text[1:] for text in found.texts) else (
            Op.DOMAIN if all("." in text or text.startswith("@") for text in found.texts) else Op.CONTAINS)
    if field is Field.PHONE and chosen is Op.WORDS:
        chosen = Op.CONTAINS
    if found.joined != "and":
        texts = [text.removeprefix("@") for text in found.texts] if chosen is Op.DOMAIN else found.texts
        draft.add(field, chosen, texts)
        return
    negated = draft.negate
    for text in found.texts:
        draft.negate = negated
        draft.add(field, chosen, [text])


def with_values(draft: Draft, field: Field, op: Op = Op.WORDS) -> bool:
    """Compare `field` with the values that stand here, where there are any. A file is meant by its whole name."""
    found = take_values(draft)
    if not found.texts:
        return False
    whole = field is Field.SOURCE_FILE and all(is_file(text.casefold()) for text in found.texts)
    draft.add(field, Op.EQUALS if whole else op, found.texts)
    return True
