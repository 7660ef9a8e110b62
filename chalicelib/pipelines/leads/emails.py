"""E-mail addresses out of cells: unwrapped and checked for syntax, never corrected and never looked up.

A cell is taken apart only where the person left a mark to cut at: angle brackets, `mailto:`, semicolons, bars, line
breaks. "jane doe@example.com" is a malformed address and not a certain doe's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.pipelines.leads.cells import one_line, unquoted
from chalicelib.pipelines.leads.fields import is_missing

_PLAIN = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?!.{254})"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:(?:e-?)?mail(?:\s*address)?|work|private|home|office|business|personal)\s*[:=]\s*", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:\s*([^?]*)(?:\?.*)?", re.IGNORECASE)
_ANGLED = re.compile(r"<\s*((?:mailto:)?[^<>]*@[^<>]*?)\s*>", re.IGNORECASE)
_COMMENT = re.compile(r"(?<=\S)\s+\([^()@]*\)$")
_PARTS = re.compile(r"\s*[;|\n\r]\s*|\s+/\s+|\s+(?:or|and|und|oder|et|ou|y|e)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one cell in its order, and the words that stood beside them."""

    found: tuple[str, ...]
    rest: str = ""


def read_addresses(cell: str) -> Addresses:
    """Every address of a cell; none found means that the whole cell is `rest`."""
    text = one_line(cell)
    if "@" not in text or ('"@' in text and text != cell.strip()):  # blanks inside a quoted local part are its own
        return Addresses((), text)
    if address := normal_address(_bare(text)):
        return Addresses((address,))
    return _angled(text) or _listed(cell) or _separated(text) or Addresses((), text)


def normal_address(text: str) -> str | None:
    """The address in the form that is stored (domain in lower case), or None where the syntax of RFC 5321 is not met.

    Quoted local parts, address literals and international names pass; a domain needs a dot.
    """
    if len(text) <= 254 and _PLAIN.fullmatch(text) and text.find("@") <= 64 and "--" not in text:
        local, _, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}"
    return _checked(text) if "@" in text else None


def _checked(text: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email

    # globally_deliverable=False and test_environment=True: reserved names such as example.test are syntactically fine
    try:
        valid = validate_email(text, check_deliverability=False, allow_quoted_local=True, allow_domain_literal=True,
                               strict=True, test_environment=True, globally_deliverable=False)
    except EmailNotValidError:
        return None
    dotted = "." in valid.domain or valid.domain.startswith("[")
    return f"{valid.local_part}@{valid.domain.lower()}" if dotted else None


def _bare(text: str) -> str:
    text = unquoted(text).strip().rstrip(",;")
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    if mailto := _MAILTO.fullmatch(text):
        text = mailto[1]
    if text[:1] + text[-1:] in ("<>", "[]", "()"):
        text = _bare(text[1:-1])
    return _COMMENT.sub("", text).lstrip("'").strip()


def _angled(text: str) -> Addresses | None:
    """`Jane Doe <jane@example.com>`: what is in brackets is an address, what is outside are words."""
    found = [normal_address(_bare(inner)) for inner in _ANGLED.findall(text)]
    if not found or None in found:
        return None
    words = unquoted(_ANGLED.sub(" ", text).strip(" ,;:"))
    return Addresses(_distinct(found), "" if normal_address(_bare(words)) in found else one_line(words))


def _listed(cell: str) -> Addresses | None:
    """`a@example.com; b@example.com`: parts that are no addresses are words, unless they try to be one."""
    found, words = [], []
    for part in (one_line(part) for part in _PARTS.split(cell)):
        if address := normal_address(_bare(part)):
            found.append(address)
        elif "@" in part:
            return None
        elif not is_missing(part):
            words.append(part)
    return Addresses(_distinct(found), ", ".join(words)) if found else None


def _separated(text: str) -> Addresses | None:
    """`a@example.com, b@example.com`: a comma or a blank cuts only where all parts are addresses."""
    found = [normal_address(_bare(part)) for part in re.split(r"[\s,/]+", text) if part]
    return None if None in found else Addresses(_distinct(found))


def _distinct(found: Sequence[str | None]) -> tuple[str, ...]:
    return tuple({address.lower(): address for address in reversed(found) if address}.values())[::-1]
