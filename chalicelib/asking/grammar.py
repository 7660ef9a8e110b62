"""A small grammar of English for questions about leads: no key, no service, no guess that is not shown.

A question is read from left to right, clause by clause. Politeness is passed over; every other word must mean something
to a clause, else nothing is run: the answer says what was understood and what was not. Readings that a person would
not agree on are asked back, with questions that would work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.asking import clauses, fields, lexicon, subjects
from chalicelib.asking.dates import Ambiguous
from chalicelib.asking.draft import Draft, Unsure
from chalicelib.asking.model import Query
from chalicelib.asking.tokens import Cursor, Token, guessed, tokens_of, without
from chalicelib.asking.wording import sentence

EXAMPLES = ("How many leads do we have?", "Show leads at Acme without a phone number", "Top 5 companies")
MOST_HINTS = 3
STRANGE = 3
"""So many words that mean nothing here, and none for leads: the question is about something else."""


class Why(StrEnum):
    """Why a question is not answered."""

    UNCLEAR = "unclear"
    OTHER = "not_about_leads"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A question that is not run: what to tell the person, and questions that would work."""

    why: Why
    message: str
    suggestions: tuple[str, ...]


READ_ONLY = Puzzle(Why.CHANGE, "Chat only reads: it can find and count leads, not change, delete or send anything.",
                   EXAMPLES)
ELSEWHERE = Puzzle(
    Why.OTHER, "I only answer questions about your leads: who they are, how many, and by what.", EXAMPLES)

EXPORT = Puzzle(Why.UNCLEAR, "Chat shows up to 100 leads; POST /export gives all of them as a file, with filters.",
                ("first 100 leads", *EXAMPLES[:2]))

Clause = Callable[[Draft], bool]

CLAUSES: Sequence[Clause] = (
    subjects.limit, subjects.intent, subjects.at_least, subjects.counted_field, clauses.possessive, subjects.group,
    clauses.times, subjects.sort, fields.lacking, clauses.mailbox, clauses.place, clauses.named, fields.field_value,
    clauses.literal, clauses.negation, subjects.leads, clauses.company, clauses.company_has, subjects.sought)
"""In the order in which they are tried at each place."""


def understand(question: str, now: datetime) -> Query | Puzzle:
    """The query that the question stands for, by the clock `now`, or why there is none. Never raises."""
    tokens = _opened(guessed(without(tokens_of(question), _POLITE), lexicon.GUESSABLE, lexicon.KNOWN))
    if asks_for_change(question):
        return READ_ONLY
    if tokens and lexicon.EXPORTING.at([tokens[0].word]):
        return EXPORT
    draft = Draft(Cursor(tokens), now, showing=_shown(question))
    try:
        _read(draft)
        return _concluded(draft)
    except Unsure as unsure:
        return Puzzle(Why.UNCLEAR, unsure.message, (unsure.hints or EXAMPLES)[:MOST_HINTS])
    except Ambiguous as error:
        return Puzzle(Why.UNCLEAR, f"I am not sure about the date: {error}.",
                      ("leads added since 2026-01-31", "leads updated in the last 7 days", "leads per month"))


def asks_for_change(question: str) -> bool:
    """Whether a verb that changes something stands where orders stand, outside quotes."""
    words = [token.word for token in _opened(without(tokens_of(question), _POLITE))]
    return any(lexicon.CHANGES.at(words[place:place + 1]) and not _is_noun(words, place)
               for place in range(len(words)) if place == 0 or words[place - 1] in lexicon.ORDERED_AFTER)


def _is_noun(words: Sequence[str], place: int) -> bool:
    return words[place + 1:place + 2] in (["date"], ["dates"], ["time"]) or (words[place - 1:place] == [","] \
        and words[place + 1:place + 2] == [])


_POLITE = lexicon.SAYING_NOTHING


def _shown(question: str) -> bool:
    words = [token.word for token in tokens_of(question)]
    return any(" ".join(words[place:place + length]) in lexicon.SHOWN
               for place in range(len(words)) for length in (2, 3, 4))


def _opened(tokens: Sequence[Token]) -> list[Token]:
    """Without a greeting in front."""
    start = 0
    while start < len(tokens) and tokens[start].word in lexicon.GREETINGS | {","}:
        start += 1
    return list(tokens[start:])


def _read(draft: Draft) -> None:
    cursor = draft.cursor
    while not cursor.ended:
        if any(_tried(clause, draft) for clause in CLAUSES):
            continue
        token = cursor.tokens[cursor.at]
        if token.word == "or":
            raise Unsure("I can say “or” between values of one field, not between different questions.",
                         "leads at Acme or Globex", *EXAMPLES[:1])
        if token.quoted or token.word not in lexicon.FILLER:
            draft.leftovers.append(token.text)
        cursor.at += 1


def _tried(clause: Clause, draft: Draft) -> bool:
    """Whether the clause stands here; where it does not, cursor and negation are as they were."""
    start, negate = draft.cursor.at, draft.negate
    if clause(draft):
        return True
    draft.cursor.at, draft.negate = start, negate
    return False


def _concluded(draft: Draft) -> Query | Puzzle:
    """Raises Unsure for words that may matter and were not understood."""
    known = draft.subject or draft.conditions or draft.group
    if not known:
        return _about_nothing(draft)
    if not draft.subject and len(draft.leftovers) >= STRANGE:
        return ELSEWHERE
    if draft.leftovers or draft.negate:
        raise Unsure(*_half_understood(draft))
    return draft.finished()


def _about_nothing(draft: Draft) -> Puzzle:
    """A few bare words may be a name or a company; a longer text is about something else."""
    bare = draft.leftovers
    if 0 < len(bare) <= 3 and all(letter.isalnum() or letter in "-.'& " for letter in "".join(bare)):
        text = " ".join(bare)
        return Puzzle(Why.UNCLEAR, f"I am not sure what to look for: is “{text}” a person, a company or a title?",
                      (f'find "{text}"', f'leads at "{text}"', f'leads with title "{text}"'))
    return ELSEWHERE if draft.leftovers else Puzzle(
        Why.UNCLEAR, "I am not sure what you want to know about your leads.", EXAMPLES)


def _half_understood(draft: Draft) -> tuple[str, ...]:
    if draft.negate and draft.leftovers:
        lost = " ".join(draft.leftovers)
        return f"Who is not to be seen? I am not sure about “{lost}”.", f'leads not from "{lost}"', \
            f'leads not named "{lost}"', f'leads whose title is not "{lost}"'
    lost = " ".join(draft.leftovers) or "not"
    query = draft.finished()
    understood = f"I understood “{sentence(query)}”, " if query.filters or query.group_by or draft.subject else ""
    message = f"{understood}but I am not sure about “{lost}”." if understood else f"I am not sure about “{lost}”."
    if len(lost) > 40 or '"' in lost:
        return message, *EXAMPLES
    other = f'leads in the "{lost}" industry' if draft.subject else f'find "{lost}"'
    return message, f'leads at "{lost}"', f'leads with title "{lost}"', other
