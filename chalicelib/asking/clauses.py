"""The clauses of a question. Each reads what stands at the cursor into the draft, or leaves everything as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.asking import lexicon
from chalicelib.asking.dates import When, take_when
from chalicelib.asking.draft import Draft, Unsure
from chalicelib.asking.fields import compared, compares_at, with_values
from chalicelib.asking.lexicon import FIELDS, LEADS
from chalicelib.asking.model import Field, Op
from chalicelib.asking.tokens import POSSESSIVE, Phrases, Token
from chalicelib.asking.values import Values, begins_clause, is_file, take_values

_NEGATION = Phrases.of("not, never, are not, is not, were not, was not, do not, does not, did not, have not, has not,"
                       "have never, has never, but not, had not")
_FROM = Phrases.of("from, in, on, with, out of, from within, of, by, using, via, through, under, inside, at, as")
_AT = Phrases.of("from, at, on, who are on, with")
_WHO = Phrases.of("who, that, which, who are, that are, who is, are, is, were, coming, who come, that come")
_THE_COMPANY = Phrases.of("company, the company, a company, companies, the companies, firm, the firm, firms,"
                          "the organisation, the organization")
_DOMAIN = re.compile(r"@?[\w-]+(\.[\w-]+)*\.[a-z]{2,}")
_NO_DOMAIN = Phrases.of("valid, invalid, private, personal, work, business, corporate, wrong, bad, good, real, fake,"
                        "second, old, same, primary, bounced, bouncing, other, more, less, two, official").words
_ARRIVING = Phrases.of("came from, come from, comes from, coming from, did we get from, got from, were from")
_NO_COMPANY = frozenset({"them", "it", "him", "her", "us", "you", "those", "least", "most", "top", "all", "once"})
_LOOKAHEAD = 4


def times(draft: Draft) -> bool:
    """`added yesterday`, `not updated since May`, `created at after 2026-11-01`, `this week`."""
    cursor, start, negated = draft.cursor, draft.cursor.at, False
    if not cursor.peek(lexicon.TIME_FIELDS):
        _skip(draft, lexicon.AUXILIARY)
        negated = bool(cursor.take(Phrases.of("not, never, not been, never been")))
    field = _time_field(draft)
    if field:
        cursor.take(Phrases.of("is, was, date is, at, value, date"))
    elif cursor.at > start:
        return False
    if field and cursor.peek(lexicon.PER):
        draft.of_time = field
        return True
    found = take_when(cursor, draft.now, bare=bool(field) and _may_be_a_date(cursor.word()))
    if found is None:
        return False
    if negated and found.op is Op.BETWEEN and found.values[1] >= f"{draft.now:%Y-%m-%d}":
        negated, found = False, When(Op.BEFORE, found.values[:1])  # not since then, hence before
    draft.negate = draft.negate is not negated
    draft.add(field or Field(draft.of_time or Field.CREATED_AT), found.op, found.values)
    return True


def _skip(draft: Draft, words: Phrases) -> None:
    while draft.cursor.take(words):
        pass


def _time_field(draft: Draft) -> Field | None:
    if named := draft.cursor.take(lexicon.TIME_FIELDS):
        return Field(named)
    if draft.cursor.take(lexicon.UPDATED):
        return Field.UPDATED_AT
    return Field.CREATED_AT if draft.cursor.take(lexicon.CREATED) else None


def _may_be_a_date(word: str) -> bool:
    """Whether the word may be a date without `in` or `on` before it: a number only as a year."""
    return not word.isdecimal() or len(word) == 4


def mailbox(draft: Draft) -> bool:
    """`with a gmail address`, `using acme.com mail`, `from gmail.com`, `@acme.com`."""
    cursor = draft.cursor
    without = cursor.take(lexicon.LACKING)
    opened = without or cursor.take(lexicon.HAVING)
    at = not opened and cursor.take(_AT)
    cursor.take(lexicon.DETERMINERS)
    if at and cursor.word() in lexicon.ALSO_COMPANIES and not cursor.peek(lexicon.MAILBOX, 1):
        return False
    domains: list[str] = []
    while _domain_at(draft, 0, named=bool(opened or at)):
        domains.append(cursor.tokens[cursor.at].text.removeprefix("@"))
        cursor.at += 1
        if cursor.word() not in ("or", ",") or not _domain_at(draft, 1, named=False):
            break
        cursor.at += 1
    if not domains:
        return False
    cursor.take(lexicon.MAILBOX)
    draft.negate = draft.negate is not bool(without)
    draft.add(Field.EMAIL, Op.DOMAIN, domains)
    return True


def _domain_at(draft: Draft, ahead: int, *, named: bool) -> bool:
    """Whether a domain stands there, or, where `named`, any name before a word such as `address`."""
    word = draft.cursor.word(ahead)
    if word in lexicon.HOUSEMATES or (_DOMAIN.fullmatch(word) and not is_file(word)):
        return True
    mail = draft.cursor.peek(lexicon.MAILBOX, ahead + 1)
    return named and word.isalnum() and word not in lexicon.KNOWN | _NO_DOMAIN and bool(mail)


def place(draft: Draft) -> bool:
    """`from people.xlsx`, `in the sheet Web`, `via LinkedIn`, `in the software industry`, `from job 5601b6`."""
    cursor = draft.cursor
    if cursor.take(lexicon.VIA):
        return with_values(draft, Field.SOURCE)
    _skip(draft, lexicon.AUXILIARY)
    cursor.take(lexicon.CREATED)
    if not cursor.take(_FROM):
        return False
    cursor.take(lexicon.DETERMINERS)
    found = cursor.peek(FIELDS)
    if found and found[0] in _PLACES and not compares_at(draft, found[1]):
        cursor.at += found[1]
        cursor.take(Phrases.of("named, called, is, of"))
        return with_values(draft, Field(found[0]))
    if is_file(cursor.word()):
        return with_values(draft, Field.SOURCE_FILE)
    if cursor.take(Phrases.of("job, upload, job id, upload id")):
        return bool(re.search(r"\d", cursor.word())) and with_values(draft, Field.JOB_ID, Op.EQUALS)
    return _before_its_field(draft)


_PLACES = frozenset({Field.INDUSTRY, Field.WORKSHEET, Field.SOURCE, Field.SOURCE_FILE})


def _before_its_field(draft: Draft) -> bool:
    """`in the software industry`, `from the Web sheet`, `from the fair source`: the value stands first."""
    cursor, first = draft.cursor, draft.cursor.at
    for length in range(1, 2 * _LOOKAHEAD):
        if not _plain(draft, length - 1) and cursor.word(length - 1) not in ("or", ","):
            break
        found = cursor.peek(FIELDS, length)
        if found and found[0] in _PLACES and not compares_at(draft, length + found[1]):
            draft.add(Field(found[0]), Op.WORDS, _alternatives(cursor.tokens[first:first + length]))
            cursor.at = first + length + found[1]
            return True
    return False


def _alternatives(tokens: Sequence[Token]) -> list[str]:
    """What stands between `or` and commas."""
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token.word in ("or", ","):
            parts.append([])
        else:
            parts[-1].append(token.text)
    return [" ".join(part) for part in parts if part]


def _plain(draft: Draft, ahead: int) -> bool:
    token = draft.cursor.token(ahead)
    return token is not None and token.word not in lexicon.STOPS | {"or", "and", ",", "in"}


def named(draft: Draft) -> bool:
    """`named John`, `called "Ada Byron"`."""
    found = take_values(draft) if draft.cursor.take(lexicon.NAMED) else Values(())
    if not found.texts:
        return False
    _demand_one_reading(found, "people named")
    draft.add(Field.NAME, Op.WORDS, found.texts)
    return True


def company(draft: Draft) -> bool:
    """`at Acme`, `from Acme or Globex`, `who work for Acme`, `at companies starting with B`."""
    cursor = draft.cursor
    cursor.take(_WHO)
    arriving = cursor.take(_ARRIVING)
    if not (arriving or cursor.take(lexicon.AT_COMPANY)) or cursor.peek(LEADS) or cursor.word() in _NO_COMPANY:
        return False
    if cursor.take(_THE_COMPANY) and compared(draft, Field.COMPANY):
        return True
    cursor.take(Phrases.of("called, named"))
    found = take_values(draft)
    if not found.texts:
        return False
    _demand_one_reading(found, "leads at")
    if arriving:
        raise Unsure(f"Is “{found.texts[0]}” where the leads work, or how they came to us?",
                     f'leads at "{found.texts[0]}"', f'leads with source "{found.texts[0]}"')
    if all(re.fullmatch(r"[^@\s]+@[^@\s]+", text) for text in found.texts):
        draft.add(Field.EMAIL, Op.EQUALS, found.texts)
    else:
        draft.add(Field.COMPANY, Op.WORDS, found.texts)
    return True


def company_has(draft: Draft) -> bool:
    """`how many leads does Acme have`."""
    cursor = draft.cursor
    if not cursor.take(Phrases.of("does, do, did")) or not (found := take_values(draft)).texts \
            or not cursor.take(Phrases.of("have, has, got, employ, bring, contain")):
        return False
    _demand_one_reading(found, "leads at")
    draft.add(Field.COMPANY, Op.WORDS, found.texts)
    return True


def _demand_one_reading(found: Values, opening: str) -> None:
    if found.joined == "and":
        whole, parts = " and ".join(found.texts), [f'"{text}"' for text in found.texts]
        raise Unsure(f"Is “{whole}” one name, or several? Put names into quotes, or say “or”.",
                     f'{opening} "{whole}"', f"{opening} {' or '.join(parts)}")


def role(draft: Draft) -> bool:
    """`marketing directors`, `CEOs or CTOs`, `head of sales`: people by what they are."""
    titles = []
    while found := _role(draft):
        titles.append(found)
        start = draft.cursor.at
        if not (draft.cursor.take(Phrases.of("or, and")) or draft.cursor.take_word(",")):
            break
        draft.cursor.take(Phrases.of("or, and"))
        if not role_ends(draft):
            draft.cursor.at = start
            break
    if titles:
        draft.add(Field.TITLE, Op.WORDS, titles)
    return bool(titles)


def _role(draft: Draft) -> str:
    cursor, start, length = draft.cursor, draft.cursor.at, role_ends(draft)
    cursor.at += length
    if length and cursor.word() in ("of", "for") and not cursor.peek(LEADS, 1) and (
            cursor.word(1 + (cursor.word(1) == "the")) in lexicon.DEPARTMENTS):
        cursor.at += 2
        while not cursor.ended and cursor.word() not in ("", "and", "or", ",") and not begins_clause(cursor, draft.now):
            cursor.at += 1
    return " ".join(token.text for token in cursor.tokens[start:cursor.at])


def role_ends(draft: Draft) -> int:
    """How many words from here name a role; the longest such stretch."""
    cursor, best = draft.cursor, 0
    for length in range(1, _LOOKAHEAD + 1):
        word = cursor.word(length - 1)
        if word in lexicon.ROLES:
            best = length
        elif not word or (word in lexicon.KNOWN and word not in lexicon.DEPARTMENTS):
            break
    return best


def literal(draft: Draft) -> bool:
    """An e-mail address or a phone number that stands by itself."""
    cursor = draft.cursor
    word, token = cursor.word(), cursor.token()
    if token is None or token.quoted:
        return False
    if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", word):
        draft.add(Field.EMAIL, Op.EQUALS, [token.text])
    elif re.fullmatch(r"\+?[\d().\-/ ]{7,}", word) and len(re.sub(r"\D", "", word)) >= 7:
        draft.add(Field.PHONE, Op.CONTAINS, [token.text])
    else:
        return False
    cursor.at += 1
    return True


def possessive(draft: Draft) -> bool:
    """`John Smith's phone number` is about a person, `Acme's leads` about a company."""
    cursor = draft.cursor
    length = next((ahead for ahead in range(1, _LOOKAHEAD + 1) if cursor.word(ahead) == POSSESSIVE), 0)
    if draft.subject or cursor.peek(LEADS) or cursor.peek(FIELDS):
        return False
    if not length or not all(_plain(draft, ahead) for ahead in range(length)):
        return False
    after = length + 1
    text = " ".join(token.text for token in cursor.tokens[cursor.at:cursor.at + length])
    if found := cursor.peek(LEADS, after, guess=True):
        draft.add(Field.COMPANY, Op.WORDS, [text])
    elif found := cursor.peek(FIELDS, after, guess=True):
        draft.add(Field.NAME, Op.WORDS, [text])
    else:
        return False
    cursor.at += after + found[1]
    draft.subject = draft.showing = True
    return True


def negation(draft: Draft) -> bool:
    """A `not` or `except` in front of another clause, or a `but` that says no more than `and`."""
    if draft.cursor.word() == "but" and not draft.cursor.peek(_NEGATION):
        draft.cursor.at += 1
        return bool(draft.cursor.peek(lexicon.LACKING)) or begins_clause(draft.cursor, draft.now)
    if draft.negate or not (draft.cursor.take(_NEGATION) or draft.cursor.take(lexicon.EXCEPT)):
        return False
    draft.negate = True
    draft.cursor.take(Phrases.of("those, the ones, people, leads, ones, anyone, everyone, the, any"))
    return True
