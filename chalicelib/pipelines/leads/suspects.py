"""Leads that may be one person though their e-mails differ: the same phone, or nearly the same name and company.

They are reported, never merged: a household shares a phone, and two Jane Does may work at one firm. Pure, and the same
in whatever order batches finished, since it looks at the leads as they are stored.

Comparing all with all is out of the question, so leads are compared within blocks: those that share a key of
`block_keys`. The leads are walked twice. The first walk notes in two bitmaps which keys come once and which again; the
second keeps only leads with a key that comes again. Memory is two bitmaps and the leads of real blocks, both bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from chalicelib.pipelines.leads.companies import company_core
from chalicelib.tables.wording import distance, words

_BITS = 1 << 26
"""Of each bitmap: 8 MiB. With a million leads one key in sixteen wrongly looks shared; that costs room, not truth."""
_FREE_MAIL = frozenset({
    "gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "live.com", "icloud.com", "aol.com",
    "gmx.de", "gmx.net", "web.de", "t-online.de", "freenet.de", "orange.fr", "free.fr", "wanadoo.fr",
    "laposte.net", "libero.it", "virgilio.it", "wp.pl", "o2.pl", "onet.pl", "seznam.cz", "mail.ru", "yandex.ru",
    "ukr.net", "msn.com", "proton.me", "protonmail.com", "me.com", "terra.com.br", "uol.com.br", "btinternet.com",
    "comcast.net",
})
_SHORTEST_PHONE = 7


@dataclass(frozen=True, slots=True)
class Known:
    """A stored lead as the comparison sees it. `place` tells people where it came from (file, worksheet, row, job)."""

    lead_id: str
    content: Mapping[str, str]
    place: Mapping[str, Any] = field(default_factory=dict)
    touched: bool = True
    """Whether the job in question wrote it: pairs of two others are not the job's."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """Two leads that may be one. `score` 0 to 1; `reasons` are sentences' ends: "the same phone"."""

    first: Known
    second: Known
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is held and told. A block above `block` leads (a switchboard) is named in `crowded` and not paired."""

    block: int = 20
    held: int = 50_000
    pairs: int = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """`pairs` by falling score. `crowded`: what so many leads share that it says nothing, with their number.
    `truncated`: there were more than the bounds allow."""

    pairs: tuple[Suspects, ...]
    crowded: Mapping[str, int]
    truncated: bool = False


def find_suspects(walk: Callable[[], Iterable[Known]], bounds: Bounds | None = None) -> Found:
    """Suspects among the leads that `walk` answers; it is called twice and answers them in the same order."""
    bounds = bounds or Bounds()
    again = _keys_that_come_again(walk())
    blocks, truncated = _blocks(walk(), again, bounds.held)
    crowded = {key: len(block) for key, block in blocks.items() if len(block) > bounds.block}
    told: dict[tuple[str, str], Suspects] = {}
    for key in sorted(blocks.keys() - crowded.keys()):
        for one, other in combinations(sorted(blocks[key], key=_by_id), 2):
            known = (one.lead_id, other.lead_id)
            if (one.touched or other.touched) and known not in told and (pair := compare(one, other)):
                told[known] = pair
    ranked = sorted(told.values(), key=lambda pair: (-pair.score, pair.first.lead_id, pair.second.lead_id))
    named = {_named(key): count for key, count in sorted(crowded.items()) if key.startswith("phone|")}
    return Found(tuple(ranked[: bounds.pairs]), named, truncated or len(ranked) > bounds.pairs)


def compare(one: Known, other: Known) -> Suspects | None:
    """Whether two leads may be one person, and why."""
    name, company = _names_alike(one.content, other.content), _companies_alike(one.content, other.content)
    reasons, score = [], 0.0
    if phone_key(one.content) and phone_key(one.content) == phone_key(other.content):
        reasons.append("the same phone")
        score = 0.5 if name == 0.0 else 0.9 if name else 0.7
    if name and name >= _ALIKE and company:
        reasons.append(f"{_wording(name, 'name')} and {_wording(company, 'company')}")
        score = max(score, round(0.45 * name + 0.45 * company, 3))
    elif name and name >= _ALIKE and company is None and _same_house(one.content, other.content):
        reasons.append(f"{_wording(name, 'name')} and the same mail domain")
        score = max(score, round(0.75 * name, 3))
    elif reasons and name:
        reasons.append(_wording(name, "name"))
    return Suspects(one, other, score, tuple(reasons)) if reasons else None


def block_keys(content: Mapping[str, str]) -> Iterator[str]:
    """What leads must share to be compared. Each key forgives what another insists on: a slip in one place passes."""
    if phone := phone_key(content):
        yield f"phone|{phone}"
    first, last = _name_words(content)
    if not first and not last:
        return
    if core := company_core(content.get("company", "")).replace(" ", ""):
        yield f"company|{core}|{_sound(last or first)}"
        yield f"name|{' '.join(sorted((first, last)))}|{core[:3]}"
        if first and last:
            yield f"initials|{''.join(sorted(first[:1] + last[:1]))}|{core[:4]}"
    if domain := _house(content):
        yield f"domain|{domain}|{_sound(last or first)}"


def phone_key(content: Mapping[str, str]) -> str:
    """The digits of a phone without its extension; "" where there are too few."""
    digits = "".join(filter(str.isdigit, content.get("phone", "").partition(";")[0])).lstrip("0")
    return digits if len(digits) >= _SHORTEST_PHONE else ""


_EQUAL, _NEARLY, _ALIKE = 1.0, 0.9, 0.8


# --- blocks


def _keys_that_come_again(leads: Iterable[Known]) -> bytearray:
    once, again = bytearray(_BITS // 8), bytearray(_BITS // 8)
    for lead in leads:
        for key in set(block_keys(lead.content)):
            byte, bit = _slot(key)
            if once[byte] & bit:
                again[byte] |= bit
            once[byte] |= bit
    return again


def _blocks(leads: Iterable[Known], again: bytearray, most: int) -> tuple[dict[str, list[Known]], bool]:
    """Leads by the keys they share; False along with them where all could be held."""
    blocks: dict[str, list[Known]] = {}
    held = 0
    for lead in leads:
        shared = [key for key in dict.fromkeys(block_keys(lead.content)) if _has(again, key)]
        held += len(shared)
        if held > most:
            return _real(blocks), True
        for key in shared:
            blocks.setdefault(key, []).append(lead)
    return _real(blocks), False


def _real(blocks: Mapping[str, list[Known]]) -> dict[str, list[Known]]:
    return {key: block for key, block in blocks.items() if len(block) > 1}


def _has(bitmap: bytearray, key: str) -> bool:
    byte, bit = _slot(key)
    return bool(bitmap[byte] & bit)


def _slot(key: str) -> tuple[int, int]:
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) % _BITS
    return number >> 3, 1 << (number & 7)


def _by_id(lead: Known) -> str:
    return lead.lead_id


def _named(key: str) -> str:
    return f"the phone +{key.removeprefix('phone|')}"


# --- likeness


def _names_alike(one: Mapping[str, str], other: Mapping[str, str]) -> float | None:
    """0 different, 1 equal; None where one of them has no name."""
    mine, theirs = _name_words(one), _name_words(other)
    if not any(mine) or not any(theirs):
        return None
    if sorted(mine) == sorted(theirs):
        return _EQUAL
    best = max(_parts_alike(mine, theirs), _parts_alike(mine, theirs[::-1]) - 0.05)
    return best if best >= _ALIKE else 0.0


def _parts_alike(mine: Sequence[str], theirs: Sequence[str]) -> float:
    """The first names and the last names, each to each. An initial stands for its name, and a missing part for any,
    but only where the other part is equal."""
    likeness = [_part_alike(left, right) for left, right in zip(mine, theirs, strict=True)]
    least = min(likeness)
    return least if _EQUAL in likeness or least >= _NEARLY else 0.0


def _part_alike(left: str, right: str) -> float:
    if left == right:
        return _EQUAL if left else _ALIKE
    if not left or not right:
        return _ALIKE
    if min(len(left), len(right)) == 1 and left[0] == right[0]:
        return 0.85
    return _NEARLY if _slipped(left, right, most=2) else 0.0


def _slipped(left: str, right: str, *, most: int) -> bool:
    """One slip of the keyboard from four letters on, another for each five more; short words are too easily others."""
    slips = min((max(len(left), len(right)) + 1) // 5, most)
    return bool(slips) and distance(left, right, slips) <= slips


def _companies_alike(one: Mapping[str, str], other: Mapping[str, str]) -> float | None:
    mine, theirs = company_core(one.get("company", "")), company_core(other.get("company", ""))
    if not mine or not theirs:
        return None
    left, right = mine.replace(" ", ""), theirs.replace(" ", "")
    if left == right:
        return _EQUAL
    if _slipped(left, right, most=4):
        return _NEARLY
    short, long = sorted((mine.split(), theirs.split()), key=len)
    return _ALIKE if long[: len(short)] == short and len("".join(short)) >= 4 else 0.0


def _same_house(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return bool(_house(one)) and _house(one) == _house(other)


def _house(content: Mapping[str, str]) -> str:
    """The domain of the e-mail where it tells an organisation."""
    domain = content.get("email", "").rpartition("@")[2].lower()
    return "" if domain in _FREE_MAIL else domain


def _name_words(content: Mapping[str, str]) -> tuple[str, str]:
    first, last = (words(content.get(part, "")) for part in ("firstName", "lastName"))
    if not first and not last:
        whole = words(content.get("name", ""))
        first, last = whole[:-1], whole[-1:]
    return "".join(first[:1]), "".join(last)


def _sound(word: str) -> str:
    """First letter and consonants without doublings: what survives most slips; `meier`, `mayer` and `maier` are one."""
    folded = word.translate(_SOUNDS)
    rest = [letter for place, letter in enumerate(folded)
            if place and letter not in "aeiouyh" and letter != folded[place - 1]]
    return folded[:1] + "".join(rest)[:3]


_SOUNDS = str.maketrans({"c": "k", "q": "k", "z": "s", "v": "f", "w": "f", "d": "t", "j": "i", "p": "b"})


def _wording(likeness: float, what: str) -> str:
    return f"the same {what}" if likeness == _EQUAL else f"nearly the same {what}"
