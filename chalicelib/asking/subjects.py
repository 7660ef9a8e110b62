"""What a question is about: leads, one person, or the values of a field counted; how many, and in which order."""

from __future__ import annotations

import re

from chalicelib.asking import lexicon
from chalicelib.asking.clauses import role, role_ends
from chalicelib.asking.dates import UNITS, take_number
from chalicelib.asking.draft import Draft, Unsure
from chalicelib.asking.fields import compared
from chalicelib.asking.lexicon import FIELDS, GROUPS, LEADS
from chalicelib.asking.model import MOST_RESULTS, Field, Group, Op, Sort, SortKey
from chalicelib.asking.tokens import Phrases
from chalicelib.asking.values import begins_clause, take_values

_OF = Phrases.of("of, for, from, and, at, to")


def intent(draft: Draft) -> bool:
    """`how many`, `show`, `find`, `who`."""
    cursor = draft.cursor
    if draft.subject:
        return False
    if cursor.take(lexicon.COUNTING):
        draft.counting = True
        return True
    if draft.seeking and cursor.word() not in ("all", "me", "any", "every", "the"):
        return False
    if cursor.take(Phrases.of("sort, order, arrange")):
        draft.arranging = draft.showing = True
        return True
    if cursor.take(lexicon.SEEKING):
        draft.showing = True
        draft.seeking = not _goes_without_name(draft)
        draft.subject = not draft.seeking and not cursor.peek(LEADS)
        return True
    if cursor.take(Phrases.of("who, whom")):
        draft.subject = draft.showing = True
        return True
    if cursor.take(lexicon.SHOWING, guess=True):
        draft.showing = True
        return True
    return False


def _goes_without_name(draft: Draft) -> bool:
    """`who is at Acme`, `who is new`, `who is in charge`: no name follows."""
    cursor = draft.cursor
    return begins_clause(cursor, draft.now) or cursor.word() in ("in", "on", "under", "over") or any(
        cursor.peek(words) for words in (lexicon.CREATED, lexicon.UPDATED, lexicon.NEWEST, lexicon.CHANGED_LAST))


def leads(draft: Draft) -> bool:
    """A word for leads, or for who they are."""
    if draft.cursor.take(LEADS, guess=not draft.seeking):
        draft.subject, draft.seeking = True, False
        return True
    if draft.seeking:
        draft.cursor.take(Phrases.of("the, a, an, our, their, all, any, all the, all our, of the, of our"))
    if _department(draft) or ((not draft.seeking or _surely_role(draft)) and role(draft)):
        draft.subject, draft.seeking = True, False
        return True
    return False


def _surely_role(draft: Draft) -> bool:
    """After `find`, where a name may stand: `directors`, `marketing director`, `the CEO`, but not `Minnie Driver`."""
    cursor, length = draft.cursor, role_ends(draft)
    if not length:
        return False
    last = cursor.word(length - 1)
    return last.endswith("s") or cursor.word(-1) in ("the", "a", "an", "our", "their") or (
        length > 1 and cursor.word() in lexicon.DEPARTMENTS) or (length == 1 and len(last) <= 4)


def _department(draft: Draft) -> bool:
    """`sales people`, `marketing staff`."""
    cursor = draft.cursor
    if cursor.word() in lexicon.DEPARTMENTS and cursor.word(1) in ("people", "staff", "person", "guys", "team"):
        draft.add(Field.TITLE, Op.WORDS, [cursor.word()])
        cursor.at += 2
        return True
    return False


def sought(draft: Draft) -> bool:
    """Whoever is looked for by name, after `find` or `who is`."""
    if not draft.seeking or draft.subject:
        return False
    found = take_values(draft)
    if not found.texts:
        return False
    if found.joined == "and":
        raise Unsure("I am not sure whether that is one name; put names into quotes, or say “or”.",
                     *(f'find "{text}"' for text in found.texts))
    draft.add(Field.NAME, Op.WORDS, found.texts)
    draft.subject, draft.seeking = True, False
    return True


def limit(draft: Draft) -> bool:
    """`first 10`, `top 5 companies`, `the last 3 leads`, `20 leads`, `at most 7`."""
    cursor, start = draft.cursor, draft.cursor.at
    newest = bool(cursor.take(Phrases.of("last, the last, latest, newest, most recent")))
    oldest = not newest and cursor.word() == "first"
    opened = newest or cursor.take(lexicon.LIMITING)
    number = take_number(cursor)
    if not number or cursor.word() in UNITS or not (opened or _counted(draft)):
        cursor.at = start
        return False
    if opened in ("top", "the top") and cursor.peek(LEADS):
        raise Unsure("Which leads are the top ones? I can sort by time or by a field.", f"newest {number} leads",
                     f"top {number} companies")
    cursor.take(Phrases.of("results, result, rows, row, hits, of them, matches"))
    if not 1 <= number <= MOST_RESULTS:
        raise Unsure(f"I can show at most {MOST_RESULTS} at a time; POST /export gives all of them.",
                     f"first {MOST_RESULTS} leads", "how many leads do we have")
    draft.limit = number
    if newest or (oldest and cursor.peek(LEADS)):
        draft.sort = draft.sort or (Sort(by=SortKey.CREATED_AT, descending=True) if newest else None)
    return True


def _counted(draft: Draft) -> bool:
    """Whether what follows the number is something that can be counted."""
    cursor = draft.cursor
    return any(cursor.peek(words, guess=True) for words in (
        LEADS, FIELDS, lexicon.NEWEST, lexicon.CHANGED_LAST, lexicon.OLDEST, lexicon.MOST, lexicon.FEWEST)) \
        or cursor.word() in lexicon.ROLES


def sort(draft: Draft) -> bool:
    """`sorted by company`, `newest first`, `recently updated`, `alphabetically`."""
    cursor, start = draft.cursor, draft.cursor.at
    for words, by, descending in ((lexicon.CHANGED_LAST, SortKey.UPDATED_AT, True),
                                  (lexicon.OLDEST, SortKey.CREATED_AT, False),
                                  (lexicon.NEWEST, SortKey.CREATED_AT, True),
                                  (lexicon.ALPHABETICALLY, SortKey.LAST_NAME, False)):
        if cursor.take(words):
            return _sorted(draft, Sort(by=by, descending=descending))
    if (edge := cursor.take(Phrases.of("last, first"))) and cursor.peek(LEADS):
        return _sorted(draft, Sort(by=SortKey.CREATED_AT, descending=edge == "last"))
    cursor.at = start
    opened = cursor.take(lexicon.SORTED) or (cursor.word() == "by" and cursor.take(Phrases.of("by")))
    cursor.take(lexicon.DETERMINERS)
    field = opened and (cursor.take(FIELDS, guess=True) or cursor.take(lexicon.TIME_FIELDS) or _moved(draft))
    if not field or field not in lexicon.SORTS or (
            opened == "by" and not draft.arranging and field in (Field.COMPANY, Field.TITLE)):
        cursor.at = start
        if opened and opened != "by":
            raise Unsure("I can sort by name, company, title, e-mail, creation or change.",
                         "leads sorted by company", "newest 10 leads")
        return False
    return _sorted(draft, Sort(by=lexicon.SORTS[field], descending=_downwards(draft)))


def _moved(draft: Draft) -> str:
    if draft.cursor.take(Phrases.of("creation, created, date, added, time, newest, age")):
        return Field.CREATED_AT
    return Field.UPDATED_AT if draft.cursor.take(Phrases.of("update, updated, change, changed, modified")) else ""


def _downwards(draft: Draft) -> bool:
    return bool(draft.cursor.take(lexicon.DOWN)) or not (draft.cursor.take(lexicon.UP) or True)


def _sorted(draft: Draft, wanted: Sort) -> bool:
    """The last word counts. `The latest lead` is one."""
    draft.sort = wanted
    if draft.cursor.peek(LEADS) and draft.cursor.word() in _ONE_LEAD:
        draft.limit = draft.limit or 1
    return True


_ONE_LEAD = frozenset({"lead", "contact", "prospect", "record", "entry", "person", "customer", "client"})


def group(draft: Draft) -> bool:
    """`per company`, `by source`, `for each month`, `daily`, `per day of update`."""
    cursor, start = draft.cursor, draft.cursor.at
    if unit := cursor.take(lexicon.EVERY_PERIOD):
        return _grouped(draft, _period(draft, unit))
    opened = cursor.take(lexicon.PER)
    cursor.take(lexicon.DETERMINERS)
    found = _group_here(draft) if opened and not (opened == "by" and draft.arranging) else None
    if not found or (opened == "by" and found in (Group.LAST_NAME, Group.FIRST_NAME) and not draft.counting):
        cursor.at = start
        return False
    if cursor.word() == "and" and (cursor.peek(FIELDS, 1) or cursor.peek(lexicon.PERIOD_WORDS, 1)):
        raise Unsure("I can count by one thing at a time.", "leads per company", "leads per source")
    return _grouped(draft, found)


def _group_here(draft: Draft) -> Group | None:
    cursor = draft.cursor
    if cursor.take(lexicon.DOMAIN, guess=True):
        return Group.EMAIL_DOMAIN
    before = draft.cursor.take(Phrases({"created": Field.CREATED_AT, "creation": Field.CREATED_AT,
                                        "updated": Field.UPDATED_AT, "update": Field.UPDATED_AT}))
    if unit := cursor.take(lexicon.PERIOD_WORDS):
        return _period(draft, unit, before)
    named = cursor.take(FIELDS, guess=True)
    if named == Field.EMAIL:
        return Group.EMAIL_DOMAIN if cursor.take_word("domain", "provider") else None
    if named:
        cursor.take(Phrases.of("of the lead, name, names"))
    return GROUPS.get(named)


def _period(draft: Draft, unit: str, field: str = "") -> Group:
    field = field or draft.of_time or draft.cursor.take(Phrases({
        phrase: which for which, phrases in (
            (Field.CREATED_AT, "created,of creation,added,they were created,they were added,of their creation"),
            (Field.UPDATED_AT, "updated,of update,of the last update,changed,they were updated,of change"))
        for phrase in phrases.split(",")}))
    draft.of_time = field or draft.of_time
    return lexicon.PERIODS[field or Field.CREATED_AT, unit]


def _grouped(draft: Draft, found: Group) -> bool:
    if draft.group and draft.group is not found:
        raise Unsure("I can count by one thing at a time.", "leads per company", "leads per month")
    draft.group = found
    return True


def counted_field(draft: Draft) -> bool:
    """`top 5 companies`, `which company has the most leads`, `the most common title`, `how many companies`."""
    cursor, start = draft.cursor, draft.cursor.at
    if draft.subject or draft.seeking or draft.group:
        return False
    cursor.take(Phrases.of("the, our, all, all the, all our"))
    most = bool(cursor.take(lexicon.MOST))
    fewest = not most and bool(cursor.take(lexicon.FEWEST))
    number = take_number(cursor) if most or fewest or draft.limit is None else None
    most = most or bool(cursor.take(lexicon.MOST))
    fewest = fewest or bool(not most and cursor.take(lexicon.FEWEST))
    cursor.take(lexicon.DISTINCT)
    before = cursor.at
    found = _group_here(draft)
    if not found or (found.of_time and not (most or fewest)) or _about_somebody(draft):
        cursor.at = start
        return _projection(draft)
    last = cursor.tokens[cursor.at - 1]
    single = (last.guess or last.word) in _SINGULARS
    if single and not (most or fewest or draft.counting) and not _goes_on(draft):
        cursor.at = start
        return _projection(draft)
    draft.group, draft.subject, draft.limit = found, True, number or draft.limit
    _ranked(draft, most, fewest, single)
    if found.value in GROUPS:
        compared(draft, Field(found.value))
    return cursor.at > before


def _goes_on(draft: Draft) -> bool:
    """Whether `company` is about companies, and not a field whose value follows: `company Acme`, `company is Acme`."""
    cursor = draft.cursor
    return any(cursor.peek(words) for words in (lexicon.HAVING_MOST, lexicon.HAVING_FEWEST)) or (
        draft.showing and (cursor.ended or begins_clause(cursor, draft.now)) and not cursor.peek(lexicon.BEING))


_SINGULARS = frozenset(word for word in FIELDS.words | lexicon.DOMAIN.words | lexicon.PERIOD_WORDS.words
                       if not word.endswith("s"))


def _about_somebody(draft: Draft) -> bool:
    """`the title of John Smith` asks for no ranking of titles."""
    cursor = draft.cursor
    if cursor.word() in ("of", "for"):
        ahead = 1
        while found := cursor.peek(lexicon.DETERMINERS, ahead):
            ahead += found[1]
        return not (cursor.peek(LEADS, ahead) or cursor.word(ahead) in lexicon.ROLES)
    return any(cursor.peek(words) for words in (lexicon.BEING,)) and cursor.word() not in ("of", "are", "as") \
        and not cursor.peek(lexicon.HAVING_MOST)


def _ranked(draft: Draft, most: bool, fewest: bool, single: bool) -> None:
    """Which end of the ranking is asked for; one alone where the question speaks of one."""
    cursor = draft.cursor
    cursor.take(Phrases.of("of leads, among leads, among the leads, among our leads, of our leads, by leads,"
                           "by number of leads, by lead count, by count, by number of contacts, by size,"
                           "of all leads, name, names, by the number of leads, sorted by count, ordered by count,"
                           "sorted by number of leads, sorted by the number of leads, sorted by lead count"))
    superlative = most or fewest
    if cursor.take(lexicon.HAVING_MOST):
        superlative, most = True, True
    elif cursor.take(lexicon.HAVING_FEWEST):
        superlative, fewest = True, True
    if superlative:
        draft.sort = Sort(by=SortKey.COUNT, descending=not fewest)
        draft.limit = draft.limit or (1 if single else 10)


def at_least(draft: Draft) -> bool:
    """`companies with more than 5 leads`."""
    cursor, start = draft.cursor, draft.cursor.at
    if draft.group and cursor.take(lexicon.HAVING):
        more = cursor.take(lexicon.MORE_THAN)
        number = take_number(cursor)
        plus = cursor.take_word("or") and cursor.take_word("more")
        if number and (more or plus) and cursor.take(LEADS):
            draft.at_least = number + (more == "1")
            return True
    cursor.at = start
    return False


def _projection(draft: Draft) -> bool:
    """`the e-mails and names of ...`: what is to be seen; answers show whole leads. Counted fields must be there."""
    cursor, start = draft.cursor, draft.cursor.at
    cursor.take(lexicon.DETERMINERS)
    fields: list[Field] = []
    while named := cursor.take(FIELDS, guess=True):
        fields.append(Field(named))
        if not (cursor.take(Phrases.of("and")) or cursor.take_word(",")):
            break
        cursor.take(Phrases.of("and, the"))
    if fields and draft.counting and (cursor.ended or begins_clause(cursor, draft.now)):
        for field in fields:
            draft.add(field, Op.PRESENT)
        draft.subject = True
        return True
    if not fields or not (draft.showing or cursor.word() == "of") or not cursor.peek(_OF) or cursor.word() == "and":
        cursor.at = start
        return False
    draft.showing = True
    if cursor.take(Phrases.of("of, for, to")):
        _whose(draft)
    else:
        draft.subject = True
    return True


def _whose(draft: Draft) -> None:
    """After `the phone number of`: leads, somebody by name, or leads of a company."""
    cursor = draft.cursor
    cursor.take(lexicon.DETERMINERS)
    if cursor.peek(LEADS, guess=True) or cursor.word() in lexicon.ROLES or any(
            cursor.word(ahead) in lexicon.ROLES for ahead in (1, 2) if not re.match(r"at|from|of", cursor.word())):
        return
    draft.seeking = True
