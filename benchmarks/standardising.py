"""How right the `local` standardiser is, field by field, on labelled sets of other projects, beside a plain way.

Precision: of what was answered, how much is right. Recall: of what was there, how much was answered right. The sets
lie beside the checkout (`../shared/data`) and are read from there; what is absent is said, not guessed.

- names: FEBRL's persons (given name, surname) written in six ways people write them; plain way: cut at the last blank.
- e-mails: isemail's addresses with their verdicts, and its valid ones inside what people put around them; plain way:
  the pattern `x@y.z`.
- phones: libphonenumber's example number of every country in eight spellings, and things that are no phones; plain way:
  digits only, the country's code in front. The spellings are ours, the numbers and E.164 are the library's.
- columns: FEBRL's columns without their header, fifty rows at a time, which of them are first and last names.
- suspects: FEBRL's duplicates by name and company (street and suburb stand in for it) and by phone (the social
  security number stands in); plain way: equal texts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from xml.etree import ElementTree

from benchmarks.report import Table
from chalicelib.local.processes import PROJECT

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

    from chalicelib.pipelines.leads.suspects import Known

DATA = Path(PROJECT).parent / "shared" / "data"
ABSENT_HERE = ("leads_nameparser", "companies_cleanco", "companies_sp500", "emails_emailvalidator",
               "phones_libphonenumber", "addresses_usaddress")
"""Sets of which only notes on their origin were given to us, so that nothing of ours was fitted to them."""
_SENDABLE = ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321")
_TABLE_ROWS = 50

T = TypeVar("T")


@dataclass(slots=True)
class Score:
    """Counts of one field: what was there, what was answered, what of it was right."""

    there: int = 0
    answered: int = 0
    right: int = 0

    def add(self, wanted: object, answer: object) -> None:
        """One case; None is "nothing there" or "no answer"."""
        self.there += wanted is not None
        self.answered += answer is not None
        self.right += wanted is not None and wanted == answer

    @property
    def precision(self) -> str:
        return f"{self.right / self.answered:.3f}" if self.answered else "-"

    @property
    def recall(self) -> str:
        return f"{self.right / self.there:.3f}" if self.there else "-"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    what: str
    cases: int
    plain: Score
    ours: Score


def run(*, quick: bool) -> Table:
    every = 10 if quick else 1
    results = [result for measure in (names(every), emails(), wrapped_emails(), phones(every), columns(), suspects())
               for result in measure]
    lines = [(one.what, f"{one.cases:,}", one.plain.precision, one.plain.recall, one.ours.precision, one.ours.recall)
             for one in results]
    head = ("what", "cases", "plain precision", "plain recall", "our precision", "our recall")
    return Table("The `local` standardiser on labelled sets", head, tuple(lines), _notes())


def _notes() -> tuple[str, ...]:
    empty = [name for name in ABSENT_HERE if not any(
        path.suffix not in (".md", ".txt", "") and path.name != "sector-counts.csv" and path.suffix != ".json"
        for path in (DATA / name).glob("**/*"))]
    said = ["Names, columns and suspects: FEBRL. E-mails: isemail. Phones: libphonenumber's example numbers."]
    if empty:
        said.append(f"Not measured, since only their origin is here: {', '.join(f'`{name}`' for name in empty)}.")
    return (" ".join(said),)


# --- names

FORMS: Mapping[str, str] = {
    "first last": "{first} {last}", "last, first": "{last}, {first}", "in capitals": "{FIRST} {LAST}",
    "LAST first": "{LAST} {First}",
    "with title": "Dr. {first} {last}", "with initial": "{first} J. {last}", "with suffix": "{first} {last} Jr.",
}


def names(every: int) -> Iterator[Result]:
    people = [(row["given_name"], row["surname"]) for row in _febrl() if row["given_name"] and row["surname"]]
    people = people[::every]
    for what, form in FORMS.items():
        yield _name_result(what, form, people)


def _name_result(what: str, form: str, people: Sequence[tuple[str, str]]) -> Result:
    from chalicelib.pipelines.leads.names import read_name

    plain, ours = Score(), Score()
    for first, last in people:
        typed = form.format(first=first, last=last, First=first.title(), FIRST=first.upper(),
                            LAST=last.upper())
        wanted, name = (first, last), read_name(typed)
        cut = typed.rpartition(" ")
        plain.add(wanted, (cut[0].lower(), cut[2].lower()))
        ours.add(wanted, (name.first.lower(), name.last.lower()) if name.first and name.last else None)
    return Result(f"names: {what}", len(people), plain, ours)


# --- e-mails


def emails() -> Iterator[Result]:
    from chalicelib.pipelines.leads.emails import normal_address

    plain, ours = Score(), Score()
    cases = _addresses()
    for text, valid in cases:
        plain.add(text if valid else None, text if _PATTERN.fullmatch(text) else None)
        ours.add(text if valid else None, text if normal_address(text) else None)
    yield Result("e-mails: valid or not", len(cases), plain, ours)


_PATTERN = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
WRAPPINGS = (
    "{}", "Jane Doe <{}>", "mailto:{}", "E-mail: {}", "{}; ", "<{}>", "{} (private)", '"Doe, Jane" <{}>', "jane / {}",
)


def wrapped_emails() -> Iterator[Result]:
    from chalicelib.pipelines.leads.emails import read_addresses

    plain, ours = Score(), Score()
    addresses = [text for text, valid in _addresses() if valid and re.fullmatch(r"[\w.+-]+@[\w.-]+\.\w+", text)]
    for text in addresses:
        for wrapping in WRAPPINGS:
            cell = wrapping.format(text)
            found, match = read_addresses(cell).found, _PATTERN.search(cell)
            plain.add(text.lower(), match[0].lower() if match else None)
            ours.add(text.lower(), found[0].lower() if found else None)
    yield Result("e-mails: out of cells", len(addresses) * len(WRAPPINGS), plain, ours)


# --- phones

NO_PHONES = (
    "2026-11-22", "22.11.2026", "11/22/2026", "1234.50", "1,234.50 EUR", "192.168.10.20", "DE89 3704 0044 0532 0130 00",
    "not available", "call me", "12", "00000000", "1", "n/a", "10115 Berlin", "4:30 pm", "2026-11-22T10:11:12",
    "4006381333931", "978-3-16-148410-0", "Rm 1204", "x1234", "#12345678",
)


def phones(every: int) -> Iterator[Result]:
    import phonenumbers

    regions = sorted(phonenumbers.SUPPORTED_REGIONS)[::every]
    scores: dict[str, tuple[Score, Score]] = {}
    for region in regions:
        example = phonenumbers.example_number(region)
        assert example is not None, region
        wanted = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        for what, typed in _spellings(example).items():
            plain, ours = scores.setdefault(what, (Score(), Score()))
            plain.add(wanted, _plain_phone(typed, region))
            ours.add(wanted, _our_phone(typed, region))
    for what, (plain, ours) in scores.items():
        yield Result(f"phones: {what}", ours.there, plain, ours)
    yield _no_phones()


def _no_phones() -> Result:
    """Precision is the share of texts that are let alone."""
    plain, ours = Score(), Score()
    for text in NO_PHONES:
        for score, answer in ((plain, _plain_phone(text, "US")), (ours, _our_phone(text, "US"))):
            score.add("none", "none" if answer is None else answer)
    return Result("phones: texts that are none", len(NO_PHONES), plain, ours)


def _spellings(example: PhoneNumber) -> dict[str, str]:
    import phonenumbers
    from phonenumbers import PhoneNumberFormat as Form

    def spelt(form: int) -> str:
        return str(phonenumbers.format_number(example, form))

    national, international = spelt(Form.NATIONAL), spelt(Form.INTERNATIONAL)
    return {"international": international, "national": national, "00 in front": international.replace("+", "00", 1),
            "bare digits": re.sub(r"\D", "", spelt(Form.E164)), "with a label": f"Tel.: {national}",
            "with an extension": f"{international} ext. 12", "two in a cell": f"{international} / {national}",
            "among words": f"{international} ask for Jane"}


def _our_phone(text: str, region: str) -> str | None:
    from chalicelib.pipelines.leads.phones import read_numbers

    valid = [number.text for number in read_numbers(text, region).found if number.valid]
    return valid[0].partition(";")[0] if valid else None


def _plain_phone(text: str, region: str) -> str | None:
    import phonenumbers

    digits = re.sub(r"\D", "", text)
    if len(digits) < 7:
        return None
    if text.strip().startswith("+"):
        return f"+{digits}"
    return f"+{phonenumbers.country_code_for_region(region)}{digits.lstrip('0')}"


# --- columns


def columns() -> Iterator[Result]:
    from chalicelib.pipelines.leads.fields import FIELDS
    from chalicelib.tables.columns import map_columns

    wanted = {"given_name": "firstName", "surname": "lastName"}
    plain, ours, cases = Score(), Score(), 0
    for rows in _slices(_febrl(), _TABLE_ROWS):
        labels = list(rows[0])
        samples = {f"column {place}": [row[label] for row in rows if row[label]] for place, label in enumerate(labels)}
        found = map_columns(list(samples), samples, FIELDS).fields
        for name, label in zip(samples, labels, strict=True):
            plain.add(wanted.get(label), None)
            ours.add(wanted.get(label), found.get(name))
            cases += 1
    yield Result("columns: by their cells alone", cases, plain, ours)


# --- suspects


def suspects() -> Iterator[Result]:
    from chalicelib.pipelines.leads.suspects import Bounds, Known, find_suspects

    for what, phone in (("name and company", False), ("or the same phone", True)):
        plain, ours, cases = Score(), Score(), 0
        for path in _files("leads_febrl", "dataset*.csv"):
            rows = list(_rows(path))
            people = [Known(row["rec_id"], _as_lead(row, phone=phone)) for row in rows]
            cases += len(people)
            truth = {_pair(one, other) for group in _grouped(rows, _person).values()
                     for one, other in combinations([row["rec_id"] for row in group], 2)}
            found = find_suspects(lambda people=people: people, Bounds(held=1_000_000, pairs=100_000))  # type: ignore[misc]
            _count(ours, truth, {_pair(each.first.lead_id, each.second.lead_id) for each in found.pairs})
            _count(plain, truth, _equal_pairs(people, phone=phone))
        yield Result(f"suspects: {what}", cases, plain, ours)


def _count(score: Score, truth: set[tuple[str, str]], found: set[tuple[str, str]]) -> None:
    score.there += len(truth)
    score.answered += len(found)
    score.right += len(truth & found)


def _equal_pairs(people: Iterable[Known], *, phone: bool) -> set[tuple[str, str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for person in people:
        content = person.content
        keys: list[tuple[str, ...]] = [("name", content["firstName"], content["lastName"], content["company"])]
        keys += [("phone", content["phone"])] if phone and content["phone"] else []
        for key in keys:
            groups.setdefault(key, []).append(person.lead_id)
    return {_pair(one, other) for group in groups.values() for one, other in combinations(group, 2)}


def _as_lead(row: Mapping[str, str], *, phone: bool) -> dict[str, str]:
    return {"firstName": row["given_name"], "lastName": row["surname"], "phone": row["soc_sec_id"] if phone else "",
            "company": f"{row['address_1']} {row['suburb']}".strip()}


def _person(row: Mapping[str, str]) -> str:
    return row["rec_id"].split("-")[1]


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


# --- the sets


def _febrl() -> Iterator[dict[str, str]]:
    for path in _files("leads_febrl", "dataset*.csv"):
        yield from _rows(path)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, skipinitialspace=True):
            yield {name.strip(): (text or "").strip() for name, text in row.items()}


def _addresses() -> list[tuple[str, bool]]:
    """isemail shows control characters as pictures of them."""
    return [("".join(chr(ord(mark) - 0x2400) if "␀" <= mark <= "␟" else mark
                     for mark in case.findtext("address") or ""), case.findtext("category") in _SENDABLE)
            for path in _files("emails_isemail", "tests*.xml")
            for case in ElementTree.parse(path).getroot().iter("test")]


def _files(folder: str, pattern: str) -> list[Path]:
    found = sorted((DATA / folder).glob(pattern))
    if not found:
        raise FileNotFoundError(f"this benchmark reads {DATA / folder / pattern}, which is not there")
    return found


def _slices(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    walk = iter(rows)
    while part := list(islice(walk, size)):
        yield part


def _grouped(
    rows: Iterable[dict[str, str]], key: Callable[[Mapping[str, str]], str]
) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
