"""What a column's cells say: e-mails, phones, people, companies, jobs, or plainly something else.

Each cell is looked at once; each field's judge then weighs the shares. Header words can be wrong in twenty languages,
an @ cannot. The lists here recognise a kind of column and never touch a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.pipelines.leads.companies import LEGAL_FORMS
from chalicelib.pipelines.leads.given_names import GIVEN_NAMES
from chalicelib.tables.columns import Evidence
from chalicelib.tables.wording import words

_MOST = 75
_FEW = 3
_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]{2,}")
_DATE = re.compile(
    r"\d{4}[-/.]\d\d?[-/.]\d\d?(?:[T ].*)?|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}(?:[T ].*)?"
    r"|\d{1,2}[- ][^\W\d]{3,9}\.?[- ]\d{2,4}"
    r"|[^\W\d]{3,9}\.? \d{1,2},? \d{4}")
_DIALLED = re.compile(r"'?\+?[\d\s().\-/]{7,25}(?:\s*(?:x|ext\.?|;ext=)\s*\d{1,6})?", re.IGNORECASE)
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9]\d*)\.\d+")
_NUMBER = re.compile(r"[-+(]?\s?(?:[$€£¥]|[A-Z]{3})?\s?\d[\d.,' ]*\s?(?:%|[$€£¥]|[A-Z]{3})?\)?")
_LINK = re.compile(r"(?:https?://|www\.)\S+|(?:[a-z0-9-]+\.)+[a-z]{2,18}(?:/\S*)?", re.IGNORECASE)
_ADDRESS_OF_HOST = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_LETTERS = re.compile(r"[^\W\d_][^\W\d_.'’`\- ,]*(?:[.'’`\- ,]+[^\W\d_]*)*")

_FLAGS = frozenset({"yes", "no", "y", "n", "true", "false", "x", "0", "1", "ja", "nein", "oui", "non", "si", "sì", "sí",
                    "nee", "tak", "nie", "nej", "kyllä", "ano", "ne", "да", "нет", "sim", "não", "igen", "nem", "da",
                    "opted in", "opted out", "subscribed", "unsubscribed", "on", "off", "active", "inactive", "wahr",
                    "falsch", "vrai", "faux"})
_SALUTATIONS = frozenset(words("""
    mr mrs ms miss mx sir madam dr prof herr frau hr fr m mme mlle monsieur madame sig signor signora sigra dott
    dottssa sr sra srta senor senora dhr mevr mevrouw pan pani ing mag mgr bay bayan fru sri med dipl
"""))
_FIRM_WORDS = LEGAL_FORMS | frozenset(words("""
    agency agentur associates bank bros capital consulting electronics energy enterprises fils foundation group
    groupe grupo gruppe gruppo holding holdings hospital industries institut institute insurance international labs
    logistics media motors partner partners pharma services software solutions sons stiftung studio studios systems
    söhne technologies trading university universität ventures verlag versicherung werke worldwide
"""))
"""Words behind a company's first word."""
_LETTERED_FORMS = re.compile(
    r"\b(?:s\.?\s?a\.?\s?r\.?\s?l|s\.?\s?p\.?\s?a|s\.?\s?r\.?\s?l|b\.\s?v|n\.\s?v|s\.\s?a|z\s?o\.?\s?o|e\.\s?v"
    r"|s\.\s?r\.\s?o|a\.\s?s|d\.\s?o\.\s?o|l\.\s?l\.\s?c)\b\.?", re.IGNORECASE)
_JOBS = frozenset(words("""
    abogado abteilungsleiter accountant acheteur administrator adviser adviseur advisor agare amministratore
    analista analyst architect assistant assistante assistentin associate attorney berater beraterin buyer ceo cfo
    chairman charge chef chief cio cmo cofounder commercial commerciale compras comptable conseiller consultant
    contador controller coo coordinator cto designer developer directeur director directora directrice direktor
    direktør diretor direttore dyrektor editor eigenaar einkauf einkaufer einkäufer engenheiro engineer entwickler
    executive founder gerant gerente geschaftsfuhrer geschaftsfuhrerin geschäftsführer head hoofd igazgato impiegato
    ingegnere ingeniero ingenieur ingenieure inhaber inhaberin inkoper intern inzynier jednatel jefe johtaja
    journalist junior kierownik konsulent konsult lawyer lead leder leiter leiterin manager marketing medewerker
    mitarbeiter mudur myyja nurse obchodni officer operator owner paallikko partner physician planner president
    presidente prezes professor prokurist recruiter reditel referent referentin representative researcher
    responsabile responsable sachbearbeiter saelger sales saljare scientist secretary senior socio specialist
    specjalista strategist supervisor teacher technician titolare toimitusjohtaja vd vedouci vendas vendedor vendite
    ventas vertrieb vertriebsleiter vezeto vice vorstand vp wlasciciel директор инженер менеджер руководитель
    специалист
"""))
"""Words of job titles, accents off."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares (0 to 1) of a column's cells by kind; a cell may be of several. `distinct` of them differ."""

    count: int
    shares: Mapping[str, float]
    distinct: float

    def share(self, *kinds: str) -> float:
        return sum(self.shares.get(kind, 0.0) for kind in kinds)


@lru_cache(maxsize=16)
def profile(values: tuple[str, ...]) -> Profile:
    """Look at the first cells; blanks and words for nothing do not count."""
    told = [text for value in values if (text := " ".join(value.split())) and text.casefold() not in _NOTHING][:_MOST]
    counts = Counter(kind for text in told for kind in _kinds(text))
    count = max(len(told), 1)
    return Profile(len(told), {kind: number / count for kind, number in counts.items()}, len(set(told)) / count)


_NOTHING = frozenset({"-", "--", "n/a", "na", "#n/a", "null", "none", "nil", "nan", "unknown", "?", "."})


def looks_like_email(text: str) -> bool:
    """True for a cell that holds an e-mail address, alone or as `Jane Doe <jane@example.com>`."""
    return "@" in text and _ADDRESS.search(text) is not None


def looks_like_phone(text: str) -> bool:
    """True for a cell that could be dialled: 7 to 20 digits with the usual punctuation; no date, no decimal number."""
    text = text.strip()
    if not _DIALLED.fullmatch(text) or text.startswith("-") or _DATE.match(text):
        return False
    if _ADDRESS_OF_HOST.fullmatch(text) or _DECIMAL.fullmatch(text):
        return False
    return 7 <= sum(map(str.isdigit, text)) <= 20


def _kinds(text: str) -> Iterable[str]:
    if looks_like_email(text):
        return ("email",)
    if text.casefold().strip(".") in _FLAGS:
        return ("flag",)
    if _DATE.fullmatch(text):
        return ("date",)
    if looks_like_phone(text):
        return ("dialled", "typed_phone") if _typed_as_phone(text) else ("dialled", "number")
    if _NUMBER.fullmatch(text) or _ADDRESS_OF_HOST.fullmatch(text):
        return ("number",)
    if _LINK.fullmatch(text):
        return ("link",)
    return _kinds_of_words(text)


def _typed_as_phone(text: str) -> bool:
    """Punctuated, or with a prefix: what nobody does to an article number (GTINs begin with 00 too)."""
    digits = sum(map(str.isdigit, text))
    if text.startswith(("+", "(")) and 8 <= digits <= 15:
        return True
    grouped = len(re.findall(r"\d+", text)) >= 2 and "." not in text[-3:]
    return 8 <= digits <= 15 and (grouped or (text.startswith("0") and digits <= 11))


def _kinds_of_words(text: str) -> Iterable[str]:
    said = words(text.casefold())  # GmbH is one word, though it looks like two
    if said and len(said) <= 3 and all(word in _SALUTATIONS for word in said):
        return ("salutation",)
    if len(text) > 60 or len(said) > 8:
        return ("prose",)
    kinds = ["word"] if len(said) <= 3 and _LETTERS.fullmatch(text) else []
    if any(word in _FIRM_WORDS for word in said[1:]) or _LETTERED_FORMS.search(text):
        kinds.append("firm")
    if any(word in _JOBS for word in said):
        kinds.append("job")
    if not kinds or kinds == ["word"]:
        kinds += _kinds_of_name(text, said)
    return kinds


def _kinds_of_name(text: str, said: Sequence[str]) -> Iterable[str]:
    if not said or not _LETTERS.fullmatch(text):
        return
    known = [word in GIVEN_NAMES for word in said]
    if len(said) <= 2 and known[0] and "," not in text and (len(said) == 1 or known[1]):
        yield "given"
    if 2 <= len(said) <= 5 and any(known):
        yield "person"


# --- judges


Judge = Callable[[Sequence[str]], Evidence]

_PLAINLY = {"email": "e-mails", "link": "links", "date": "dates", "flag": "yes and no", "number": "numbers",
            "dialled": "phone numbers", "salutation": "salutations", "prose": "prose"}


def _against(seen: Profile, kinds: Sequence[str]) -> tuple[float, str]:
    """How much of a column is none of what a field holds, and what that mostly is. Two cells prove nothing."""
    if seen.count < _FEW:
        return 0.0, ""
    total = min(seen.share(*kinds) - (seen.share("dialled") - seen.share("typed_phone")
                                      if {"dialled", "number"} <= set(kinds) else 0.0), 1.0)
    most = max(kinds, key=lambda kind: seen.shares.get(kind, 0.0))
    return total, _PLAINLY[most]


def _judge_email(values: Sequence[str]) -> Evidence:
    """One address on most rows is a salesperson's: as the leads' e-mail it would make one lead of all."""
    seen = profile(tuple(values))
    support = seen.share("email")
    against, what = _against(seen, ("link", "date", "flag", "number", "dialled", "salutation"))
    repeated = seen.count > _FEW and seen.distinct < 0.5
    alone = 0.92 * support if seen.count >= _FEW and support >= 0.8 and not repeated else 0.0
    return Evidence(support, against, what, alone, stubborn=True)


def _judge_phone(values: Sequence[str]) -> Evidence:
    seen = profile(tuple(values))
    support, typed = seen.share("dialled"), seen.share("typed_phone")
    against, what = _against(seen, ("email", "link", "date", "flag", "salutation"))
    repeated = seen.count > _FEW and seen.distinct < 0.5
    alone = 0.85 * typed if seen.count >= _FEW and typed >= 0.75 and not repeated else 0.0
    return Evidence(support, against, what, alone, stubborn=True)


def _judge_kind(kind: str, typical: float, alone: float, strangers: Sequence[str]) -> Judge:
    """A field of words. `typical`: the share of recognised cells that makes the column certain; lists are short."""
    def judge(values: Sequence[str]) -> Evidence:
        seen = profile(tuple(values))
        support = min(seen.share(kind) / typical, 1.0)
        against, what = _against(seen, strangers)
        sure = seen.count >= _FEW and support >= 0.8 and against < 0.2
        return Evidence(support, against, what, alone * support if sure else 0.0)
    return judge


def _judge_surname(values: Sequence[str]) -> Evidence:
    """Words, mostly different ones, that are neither first names nor firms nor jobs: of use beside first names only."""
    seen = profile(tuple(values))
    against, what = _against(seen, _NOT_WORDS)
    others = seen.share("given", "firm", "job")
    plain = seen.share("word") if seen.distinct >= 0.5 and others < 0.4 else 0.0
    return Evidence(plain, against, what, 0.4 if seen.count >= _FEW and plain >= 0.9 else 0.0)


_NOT_WORDS = ("email", "link", "date", "flag", "number", "dialled", "salutation", "prose")
_NOT_FIRMS = ("email", "date", "flag", "number", "dialled", "salutation")

JUDGES: Mapping[str, Judge] = {
    "email": _judge_email,
    "phone": _judge_phone,
    "firstName": _judge_kind("given", 0.45, 0.75, _NOT_WORDS),
    "lastName": _judge_surname,
    "name": _judge_kind("person", 0.45, 0.72, _NOT_WORDS),
    "company": _judge_kind("firm", 0.35, 0.7, _NOT_FIRMS),
    "title": _judge_kind("job", 0.5, 0.7, _NOT_WORDS),
    "industry": _judge_kind("", 1.0, 0.0, ("email", "link", "date", "flag", "number", "dialled", "salutation")),
    "source": _judge_kind("", 1.0, 0.0, ("email", "date", "flag", "number", "dialled", "salutation")),
}
"""Field -> who weighs a column's cells for it. Remarks may be anything."""
