"""The words of a lead: its content fields, their limits, and the headers by which people call them.

Fields and limits are those of the systems behind the seeds (100/100/150/200/255/50/1000 characters); `name`, `industry`
and `source` are ours. Headers in many languages are in `synonyms`, what cells give away is in `evidence`.
Light on purpose: the HTTP edge reads limits here without loading a phone or name library.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from chalicelib.pipelines.leads.evidence import JUDGES, looks_like_email, looks_like_phone
from chalicelib.pipelines.leads.header_words import BESIDE, FILLER, GENERIC, REMARKS_TURNS, TURNS
from chalicelib.pipelines.leads.synonyms import SYNONYMS
from chalicelib.tables.columns import FieldSpec
from chalicelib.tables.wording import words

CONTENT = ("firstName", "lastName", "name", "email", "phone", "company", "title", "industry", "source", "remarks")
"""Content fields, in the order in which exports show them. What is missing is absent, never None and never "N/A"."""

EVIDENCE = ("firstName", "lastName", "email", "phone", "company")
"""A lead needs two of these."""

LIMITS: Mapping[str, int] = MappingProxyType({
    "firstName": 100, "lastName": 100, "name": 200, "email": 255, "phone": 50,
    "company": 200, "title": 150, "industry": 100, "source": 100, "remarks": 1000,
})
"""Most characters of a field."""

PLACEHOLDERS = frozenset({
    "", "n/a", "n.a.", "#n/a", "n / a", "-", "--", "---", "–", "—", ".", "?", "not available", "not provided",
})
"""What nobody is called: stands for "nothing" in every column."""

MISSING = PLACEHOLDERS | {"na", "null", "none", "nil", "nan", "unknown"}
"""Also "nothing" in a column of e-mails, phones or companies; yet people are called Na, Null and None."""

def _spec(name: str) -> FieldSpec:
    beside = BESIDE[name] | FILLER
    turns = REMARKS_TURNS if name == "remarks" else TURNS - beside
    return FieldSpec(
        name, SYNONYMS[name], {"email": looks_like_email, "phone": looks_like_phone}.get(name), JUDGES.get(name),
        generic=GENERIC - {"mail", "tel", "mob", "gsm"} if name in ("email", "phone") else GENERIC, beside=beside,
        turns=turns, neighbour="firstName" if name == "lastName" else "")


FIELDS: tuple[FieldSpec, ...] = tuple(map(_spec, CONTENT))
"""The leads pipeline's fields for the column mapper."""


@lru_cache(maxsize=4096)
def field_of(header: str) -> str | None:
    """The field that a header names outright ("Email 2" too), for rows whose sender sent no mapping."""
    said, known = " ".join(words(header)), _field_by_header()
    return known.get(said) or known.get(said.rstrip("0123456789 "))


def is_missing(text: str) -> bool:
    """True where an e-mail, phone, company or job title cell says "nothing"."""
    return text.strip().casefold() in MISSING


def is_placeholder(text: str) -> bool:
    """True where any cell says "nothing", a name included."""
    return text.strip().casefold() in PLACEHOLDERS


@lru_cache(maxsize=1)
def _field_by_header() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for name in CONTENT:
        for header in (name, *SYNONYMS[name]):
            known.setdefault(" ".join(words(header)), name)
    return known
