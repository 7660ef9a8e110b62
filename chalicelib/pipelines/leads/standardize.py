"""The `local` standardiser: one row of a spreadsheet becomes a clean lead by rules, without any service.

Nothing that a person typed is lost on the way: what fits no field, or does not hold what its field promises, goes to
`remarks` with a warning. `clean` is the second half on its own, so that leads of the AI and changes by hand end in the
same form. Pure and deterministic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from chalicelib.jobs.model import Item
from chalicelib.pipelines.leads.cells import one_line, paragraphs, text_of, unquoted
from chalicelib.pipelines.leads.emails import normal_address, read_addresses
from chalicelib.pipelines.leads.fields import CONTENT, LIMITS, field_of, is_missing, is_placeholder
from chalicelib.pipelines.leads.names import proper_case, read_name, without_salutation
from chalicelib.pipelines.leads.phones import read_numbers
from chalicelib.pipelines.leads.validate import cut, meaningful

_PLAIN_FIELDS = ("company", "title", "industry", "source")
_WHOLE_NAME = frozenset({"nom", "nome", "nombre"})
"""Headers that mean a part of the name beside a header for the other part, and the whole name alone."""

_ROOM_TO_SHOW = 5
"""Fewer characters than that of a further column in remarks say nothing."""

_Cells = Mapping[str, list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Standardized:
    """A clean record (content fields, missing ones absent) and what a person should know about it."""

    record: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def standardize(item: Item, columns: Mapping[str, str], *, default_region: str) -> Standardized:
    """A row as a lead. `columns` maps its worksheet's headers to fields; empty: headers speak for themselves.

    A further e-mail or phone column ("Mobile" beside "Phone") serves where the mapped one holds nothing usable, unless
    `columns` maps it to "". `default_region` is the ISO 3166 country of phone numbers without a prefix. Raises nothing:
    `validate` decides.
    """
    cells: dict[str, list[tuple[str, str]]] = {}
    spare: list[tuple[str, str, str]] = []
    others: list[str] = []
    for header, value in item.items():
        if header.startswith("_") or not (text := text_of(value).strip()):
            continue
        name = columns.get(header) if columns else field_of(header)
        if name and name in LIMITS:
            cells.setdefault(name, []).append((header, text))
        elif header not in columns and (name := field_of(header)) in ("email", "phone"):
            spare.append((name, header, text))
        elif not is_placeholder(text):
            others.append(f"{one_line(header)}: {one_line(text)}")
    for name, header, text in spare:
        cells.setdefault(name, []).append((header, text))
    return _lead(_whole_names(cells, columns), others, default_region)


def clean(record: Mapping[str, str], *, default_region: str) -> Standardized:
    """A record by field names (from the AI, or changed by hand) in the same form as `standardize` gives it."""
    cells = {name: [(name, text)] for name in CONTENT if (text := text_of(record.get(name)).strip())}
    return _lead(cells, [], default_region)


@dataclass(slots=True)
class _Draft:
    """A lead in the making. `rescued` are texts that failed their field, `others` those that never had one."""

    values: dict[str, str] = field(default_factory=dict)
    rescued: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def rescue(self, name: str, text: str, why: str) -> None:
        self.rescued.append(f"{name}: {one_line(text)}")
        self.warnings.append(why)

    def offer(self, name: str, header: str, text: str) -> None:
        """Take the text for the field; a second, different one goes beside."""
        taken = self.values.setdefault(name, text)
        if taken.casefold() != text.casefold():
            self.others.append(f"{header}: {text}")


def _lead(cells: _Cells, others: Iterable[str], region: str) -> Standardized:
    draft = _Draft(others=list(others))
    names = {name: list(cells.get(name, ())) for name in ("firstName", "lastName", "name")}
    _take_emails(draft, cells, names, region)
    _take_phones(draft, cells, region)
    _take_names(draft, names)
    for name in _PLAIN_FIELDS:
        for header, text in cells.get(name, ()):
            if not is_missing(text) and (tidy := unquoted(one_line(text))):
                draft.offer(name, header, tidy)
    _take_remarks(draft, [text for _, text in cells.get("remarks", ())])
    record = {name: draft.values[name] for name in CONTENT if draft.values.get(name)}
    return Standardized(MappingProxyType(meaningful(record)), tuple(dict.fromkeys(draft.warnings)))


def _take_emails(draft: _Draft, cells: _Cells, names: dict[str, list[tuple[str, str]]], region: str) -> None:
    for header, text in cells.get("email", ()):
        if is_missing(text):
            continue
        addresses = read_addresses(text)
        for address in addresses.found:
            draft.offer("email", header, address)
        if addresses.found and addresses.rest:
            _words_beside(draft, names, header, addresses.rest)
        elif not addresses.found and not _phone_instead(draft, cells, text, region):
            draft.rescue("email", text, "The e-mail is not a valid address; it is kept in remarks.")
    for name, given in names.items():
        given[:] = [(header, _without_address(draft, name, header, text)) for header, text in given]


def _words_beside(draft: _Draft, names: dict[str, list[tuple[str, str]]], header: str, words: str) -> None:
    """`Jane Doe <jane@example.com>` in the e-mail column names the person, unless the row does so itself."""
    given = " ".join(text for cells in names.values() for _, text in cells).casefold()
    if not given and not any(map(str.isdigit, words)):
        names["name"].append((header, words))
    elif not all(word in given for word in words.casefold().split()):
        draft.others.append(f"{header}: {words}")


def _without_address(draft: _Draft, name: str, header: str, text: str) -> str:
    """The words of a name cell; an address among them goes to the e-mail. Nobody's name has an @."""
    if "@" not in text:
        return text
    addresses = read_addresses(text)
    found = addresses.found or [found for word in text.split() if (found := normal_address(word))]
    rest = addresses.rest if addresses.found else " ".join(word for word in text.split() if not normal_address(word))
    for address in found:
        draft.offer("email", header, address)
    if "@" in rest:
        draft.rescue(name, rest, "The name held something that is neither a name nor an e-mail; it is in remarks.")
        return ""
    return rest


def _phone_instead(draft: _Draft, cells: _Cells, text: str, region: str) -> bool:
    """A valid number in the e-mail column of a row without a phone: the columns were swapped."""
    if "phone" in cells or "@" in text or not (found := read_numbers(text, region).found) or not found[0].valid:
        return False
    draft.values["phone"] = found[0].text
    draft.warnings.append("The e-mail column held a phone number; it was taken as the phone.")
    return True


def _take_phones(draft: _Draft, cells: _Cells, region: str) -> None:
    given = [(header, text) for header, text in cells.get("phone", ()) if not is_missing(text)]
    read = [(header, text, read_numbers(text, region)) for header, text in given]
    for header, text, numbers in sorted(read, key=lambda one: not any(number.valid for number in one[2].found)):
        for number in sorted(numbers.found, key=lambda number: not number.valid):
            draft.offer("phone", header, number.text)
        if numbers.found and numbers.rest:
            draft.others.append(f"{header}: {numbers.rest}")
        elif not numbers.found and not _email_instead(draft, text):
            draft.rescue("phone", text, "The phone is not a number that can be dialled; it is kept in remarks.")
        if numbers.found and not any(number.valid for number in numbers.found):
            draft.warnings.append("The phone is in no numbering plan that we know; it is kept as typed.")


def _email_instead(draft: _Draft, text: str) -> bool:
    if "email" in draft.values or "@" not in text or not (found := read_addresses(text).found):
        return False
    draft.values["email"] = found[0]
    draft.warnings.append("The phone column held an e-mail; it was taken as the e-mail.")
    return True


def _take_names(draft: _Draft, names: Mapping[str, list[tuple[str, str]]]) -> None:
    first, last, whole = (_first_of(draft, names[name]) for name in ("firstName", "lastName", "name"))
    typed = whole
    if "," in first + last and not whole and not (first and last):
        first, last, whole = "", "", first or last
    if not first and not last and is_missing(whole):
        return
    full = " ".join(part for part in (first, last) if part)
    if whole and not (first and last):
        first, last, full = _completed(first, last, whole)
    elif whole:
        full = read_name(whole).full
    called, family = proper_case(without_salutation(first), last)
    if called + family == without_salutation(first) + last or whole:
        draft.values.update(firstName=called, lastName=family, name=full)
    else:
        greeting = first.removesuffix(without_salutation(first)).title()
        draft.values.update(firstName=called, lastName=family, name=f"{greeting}{called} {family}".strip())
    if not typed and len(draft.values["name"]) > LIMITS["name"]:
        del draft.values["name"]  # two parts at their limits are fine; only a name that was typed can be too long


def _completed(first: str, last: str, whole: str) -> tuple[str, str, str]:
    """First, last and full name where a name column stands beside one part, or alone.

    A name column that does not repeat the part beside it holds the other part ("Name", "Vorname").
    """
    name = read_name(whole)
    words = name.full.casefold().split()
    if first and not set(first.casefold().split()) & set(words):
        return first, whole, f"{first} {whole}"
    if last and not set(last.casefold().split()) & set(words):
        return whole, last, f"{whole} {last}"
    if last and name.first.casefold() == last.casefold():
        return first, last, name.full
    return first or name.first, last or name.last, name.full


def _first_of(draft: _Draft, given: list[tuple[str, str]]) -> str:
    tidy = [(header, text) for header, cell in given
            if (text := unquoted(one_line(cell))) and not is_placeholder(text)]
    for header, text in tidy[1:]:
        if text.casefold() != tidy[0][1].casefold():
            draft.others.append(f"{header}: {text}")
    return tidy[0][1] if tidy else ""


def _take_remarks(draft: _Draft, given: list[str]) -> None:
    """The person's own remarks, then what was rescued, then other columns; cut from the end, but never the rescued."""
    limit = LIMITS["remarks"]
    own = "; ".join(text for cell in given if (text := paragraphs(cell)) and not is_placeholder(text))
    rescued = "; ".join(draft.rescued)
    shown = cut(own, max(limit - len(rescued) - 2, 1)) if rescued else own
    head = "; ".join(piece for piece in (shown, rescued) if piece)
    text = "; ".join(piece for piece in (head, *draft.others) if piece)
    fits = cut(text if len(head) < limit - _ROOM_TO_SHOW else head, limit)
    draft.values["remarks"] = fits
    if fits != text or shown != own:
        draft.warnings.append("The remarks were longer than their limit and were cut.")


def _whole_names(cells: dict[str, list[tuple[str, str]]], columns: Mapping[str, str]) -> _Cells:
    """ "Nome" alone on its sheet is the whole name; beside "Cognome" it is the first."""
    fields = set(columns.values()) if columns else set(cells)
    parts = fields & {"firstName", "lastName", "name"}
    if len(parts) != 1 or parts == {"name"}:
        return cells
    part = next(iter(parts))
    for header, text in cells.get(part, ()):
        if re.sub(r"\W", "", header.casefold()) in _WHOLE_NAME and " " in text.strip():
            return {name if name != part else "name": given for name, given in cells.items()}
    return cells
