"""When: `yesterday`, `in the last 7 days`, `since 2026-11-01`, `between March and May 2026`, all by days in UTC.

A date that could be read in two ways is refused, so that the person can say which.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from chalicelib.asking.model import Op
from chalicelib.asking.tokens import Cursor, Phrases

MONTHS: Mapping[str, int] = {
    **{name.casefold(): number for number, name in enumerate(calendar.month_name) if name},
    **{name.casefold(): number for number, name in enumerate(calendar.month_abbr) if name}, "sept": 9}
WEEKDAYS: Mapping[str, int] = {
    **{name.casefold(): number for number, name in enumerate(calendar.day_name)},
    **{name.casefold(): number for number, name in enumerate(calendar.day_abbr)}, "tues": 1, "thur": 3, "thurs": 3}
UNITS: Mapping[str, str] = {
    f"{name}{plural}": unit for name, unit in (("day", "day"), ("week", "week"), ("month", "month"), ("year", "year"),
                                               ("quarter", "quarter"), ("hour", "hour"), ("hr", "hour"))
    for plural in ("", "s")}
NUMBERS: Mapping[str, int] = {word: number for number, word in enumerate(
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], start=1)} | {
    "a": 1, "an": 1, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100, "couple": 2, "dozen": 12}

_IN = Phrases.of("in, on, during, of, from, for, over, within, at")
_SINCE = Phrases.of("since, from, starting, starting from, starting in, as of, beginning, on or after")
_AFTER = Phrases.of("after, later than, newer than, more recent than")
_BEFORE = Phrases.of("before, earlier than, older than, prior to")
_UNTIL = Phrases.of("until, till, up to, through, by, up until, on or before, not later than, no later than")
_ROLLING = Phrases.of("in the last, in the past, within the last, within the past, over the last, over the past,"
                      "during the last, during the past, the last, the past, last, past, previous, the previous,"
                      "in last, in past, within, for the last, for the past, from the last, from the past")
_THIS = Phrases.of("this, the current, current")
_LAST = Phrases.of("last, the last, previous, the previous")
_TO = Phrases.of("and, to, until, till, through, -, –")


class Ambiguous(Exception):
    """A date that can be read in two ways, or none at all; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both included. `month_only` says that the year is a guess: `October` is the last one."""

    first: date
    last: date
    month_only: bool = False


@dataclass(frozen=True, slots=True)
class When:
    """What a condition on a time compares with."""

    op: Op
    values: tuple[str, ...]


def take_when(cursor: Cursor, now: datetime, *, bare: bool = True) -> When | None:
    """The time that stands here, which is then behind. Without `bare` a mere date needs a word such as `in` before it.

    Raises Ambiguous.
    """
    start = cursor.at
    for read in (_rolling, _between, _bounded, _span_alone if bare else _span_with_preposition):
        try:
            found = read(cursor, now)
        except (ValueError, OverflowError) as error:
            raise Ambiguous("that is no date of the calendar") from error
        if found:
            return found
        cursor.at = start
    return None


def _rolling(cursor: Cursor, now: datetime) -> When | None:
    """`in the last 7 days`, `past month`, `3 days ago`, `older than 2 weeks`."""
    bound = _bound(cursor)
    start = cursor.at
    words = "" if bound else cursor.take(_ROLLING)
    if not words:
        cursor.take_word("since") if not bound else None
        number = _number(cursor)
        unit = UNITS.get(cursor.word()) if number else None
        if number and unit and (cursor.word(1) == "ago" or bound):
            cursor.at += 2 if cursor.word(1) == "ago" else 1
            since = cursor.tokens[start].word == "since"
            return _ago(bound, number, unit, now, since=since)
        return None
    past = words.endswith("past") or words.startswith(("in", "within", "over", "during", "for"))
    number = _number(cursor)
    unit = UNITS.get(cursor.word())
    if not unit or (not number and unit != "hour" and not past):
        return None
    cursor.at += 1
    if unit == "hour":
        return When(Op.AFTER, (_moment(now - timedelta(hours=number or 1)),))
    first = _back(now.date(), number or 1, unit) + timedelta(days=1)
    return _spanning(Span(first, now.date()))


def _bound(cursor: Cursor) -> Op | None:
    if cursor.take(_AFTER) or cursor.take(Phrases.of("less than, fewer than")):
        return Op.AFTER
    return Op.BEFORE if cursor.take(_BEFORE) or cursor.take(Phrases.of("more than, over, longer than")) else None


def _ago(bound: Op | None, number: int, unit: str, now: datetime, *, since: bool) -> When:
    if unit == "hour":
        return When(Op.BEFORE if bound is Op.BEFORE else Op.AFTER, (_moment(now - timedelta(hours=number)),))
    day = _back(now.date(), number, unit)
    if since:
        return _spanning(Span(day, now.date()))
    return When(bound or Op.ON, (day.isoformat(),))


def _between(cursor: Cursor, now: datetime) -> When | None:
    """`between March and May 2026`, `from 1 to 15 October`, `from Monday to Wednesday`."""
    opened = cursor.take_word("between") or cursor.take_word("from")
    if not opened:
        return None
    start = cursor.at
    first = _span(cursor, now.date())
    if not first and (day := _ordinal(cursor)) and cursor.take(_TO):
        last = _span(cursor, now.date())
        return _spanning(Span(last.first.replace(day=day), last.first)) if last and last.first == last.last else None
    if not first or not cursor.take(_TO):
        return None
    middle = cursor.at
    last = _span(cursor, now.date())
    if not last:
        return None
    if first.month_only and cursor.tokens[cursor.at - 1].word.isdecimal():
        year = last.first.year
        cursor.at = start
        first = _span(cursor, date(year, 12, 31)) or first
        cursor.at = middle
        last = _span(cursor, now.date()) or last
    if first.first > last.last:
        if not first.month_only:
            raise ValueError
        first = Span(_back(first.first, 12, "month"), first.last)
    return _spanning(Span(first.first, last.last))


def _bounded(cursor: Cursor, now: datetime) -> When | None:
    today = now.date()
    for words, make in ((_SINCE, _since), (_AFTER, _after), (_BEFORE, _before), (_UNTIL, _until)):
        start = cursor.at
        if (word := cursor.take(words)) and (found := _span(cursor, today)):
            if word == "from":
                return _spanning(found) if not cursor.take(Phrases.of("on, onwards, onward")) else _since(found, today)
            return make(found, today)
        cursor.at = start
    return None


def _since(found: Span, today: date) -> When:
    return _spanning(Span(found.first, max(today, found.first)))


def _after(found: Span, _today: date) -> When:
    return When(Op.AFTER, (found.last.isoformat(),))


def _before(found: Span, _today: date) -> When:
    return When(Op.BEFORE, (found.first.isoformat(),))


def _until(found: Span, _today: date) -> When:
    return When(Op.BEFORE, ((found.last + timedelta(days=1)).isoformat(),))


def _span_with_preposition(cursor: Cursor, now: datetime) -> When | None:
    if not cursor.take(_IN):
        found = _relative(cursor, now.date())
        return _spanning(found) if found else None
    return _span_alone(cursor, now)


def _span_alone(cursor: Cursor, now: datetime) -> When | None:
    cursor.take(_IN)
    found = _span(cursor, now.date())
    return _spanning(found) if found else None


def _spanning(span: Span) -> When:
    if span.first == span.last:
        return When(Op.ON, (span.first.isoformat(),))
    return When(Op.BETWEEN, (span.first.isoformat(), span.last.isoformat()))


# --- one date, from the words that stand at the cursor


def _span(cursor: Cursor, today: date) -> Span | None:
    start = cursor.at
    for read in (_relative, _numeric, _in_words, _weekday):
        found = read(cursor, today)
        if found:
            return found
        cursor.at = start
    return None


def _relative(cursor: Cursor, today: date) -> Span | None:
    """Today, yesterday, this and last week, month, quarter and year."""
    for phrase, days in (("today", 0), ("yesterday", 1), ("day before yesterday", 2), ("the day before yesterday", 2)):
        if cursor.take(Phrases.of(phrase)):
            return Span(*(today - timedelta(days=days),) * 2)
    for words, back in ((_THIS, 0), (_LAST, 1)):
        start = cursor.at
        unit = UNITS.get(cursor.word()) if cursor.take(words) else None
        if unit and unit != "hour":
            cursor.at += 1
            return _whole(today, unit, back)
        cursor.at = start
    return None


def _whole(today: date, unit: str, back: int) -> Span:
    """The calendar's day, week (from Monday), month, quarter or year that lies `back` before today's."""
    if unit == "day":
        return Span(*(today - timedelta(days=back),) * 2)
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return Span(monday, monday + timedelta(days=6))
    if unit == "year":
        return _year(today.year - back)
    months = 3 if unit == "quarter" else 1
    first = _back(date(today.year, today.month - (today.month - 1) % months, 1), months * back, "month")
    return Span(first, _back(first, -months, "month") - timedelta(days=1))


def _numeric(cursor: Cursor, _today: date) -> Span | None:
    """2026-11-01, 2026-11, 01.11.2026, and 11/30/2026 where one number can only be the day. A year alone, too."""
    word = cursor.word()
    cursor.at += 1
    if found := re.fullmatch(r"(\d{4})[-/.](\d\d?)[-/.](\d\d?)", word, re.ASCII):
        return _day(*map(int, found.groups()))
    if found := re.fullmatch(r"(\d\d?)\.(\d\d?)\.(\d{4})", word, re.ASCII):
        day, month, year = map(int, found.groups())
        return _day(year, month, day)
    if found := re.fullmatch(r"(\d\d?)[/-](\d\d?)[/-](\d{4})", word, re.ASCII):
        return _slashed(*map(int, found.groups()))
    if found := re.fullmatch(r"(\d{4})-(\d\d)", word, re.ASCII):
        return _month(int(found[1]), int(found[2]))
    if found := re.fullmatch(r"q([1-4])", word):
        year = _taken_year(cursor) or (_today.year if 3 * int(found[1]) - 2 <= _today.month else _today.year - 1)
        return Span(_month(year, 3 * int(found[1]) - 2).first, _month(year, 3 * int(found[1])).last)
    return _year(int(word)) if re.fullmatch(r"(19|20)\d\d", word, re.ASCII) else None


def _slashed(one: int, two: int, year: int) -> Span:
    if one != two and one <= 12 and two <= 12:
        raise Ambiguous(f"{one}/{two}/{year} can be two days; write it as {year}-{one:02d}-{two:02d}")
    return _day(year, one, two) if two > 12 or one == two else _day(year, two, one)


def _in_words(cursor: Cursor, today: date) -> Span | None:
    """October, Oct 2026, 3 October, the 3rd of October 2026, October 3rd, 2026."""
    cursor.take_word("the")
    day = _ordinal(cursor)
    if day:
        cursor.take_word("of")
    month = MONTHS.get(cursor.word().rstrip("."))
    if not month:
        return None
    cursor.at += 1
    day = day or _ordinal(cursor)
    year = _taken_year(cursor)
    latest = date(today.year, month, 1 if not day else min(day, calendar.monthrange(today.year, month)[1]))
    known = year or (today.year if latest <= today else today.year - 1)
    found = _day(known, month, day) if day else _month(known, month)
    return Span(found.first, found.last, month_only=year is None)


def _ordinal(cursor: Cursor) -> int | None:
    found = re.fullmatch(r"(\d\d?)(st|nd|rd|th)?", cursor.word(), re.ASCII)
    if not found or not 1 <= int(found[1]) <= 31:
        return None
    cursor.at += 1
    return int(found[1])


def _taken_year(cursor: Cursor) -> int | None:
    ahead = 1 if cursor.word() in (",", "of") else 0
    if not re.fullmatch(r"(19|20)\d\d", cursor.word(ahead), re.ASCII):
        return None
    cursor.at += ahead + 1
    return int(cursor.word(-1))


def _weekday(cursor: Cursor, today: date) -> Span | None:
    """The last day of that name, today included; `last Monday` is not today."""
    last = cursor.take_word("last")
    number = WEEKDAYS.get(cursor.word())
    if number is None:
        return None
    cursor.at += 1
    back = (today.weekday() - number) % 7
    return Span(*(today - timedelta(days=back or (7 if last else 0)),) * 2)


def _number(cursor: Cursor) -> int | None:
    """A number in digits or words, `a couple of` and `few` not being exact enough for the latter."""
    cursor.take_word("a") if cursor.word(1) in ("couple", "dozen") else None
    word = cursor.word()
    number = int(word) if re.fullmatch(r"\d{1,4}", word, re.ASCII) else NUMBERS.get(word)
    if number:
        cursor.at += 1
        cursor.take_word("of") if word == "couple" else None
    return number or None


def take_number(cursor: Cursor) -> int | None:
    """The number that stands here, which is then behind; `a` and `an` are none."""
    return None if cursor.word() in ("a", "an") else _number(cursor)


def _day(year: int, month: int, day: int) -> Span:
    return Span(*(date(year, month, day),) * 2)


def _month(year: int, month: int) -> Span:
    return Span(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))


def _year(year: int) -> Span:
    return Span(date(year, 1, 1), date(year, 12, 31))


def _back(day: date, number: int, unit: str) -> date:
    """`number` days, weeks, months, quarters or years before; the 31st becomes the 30th where it must."""
    if unit in ("day", "week"):
        return day - timedelta(days=number * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - number * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
