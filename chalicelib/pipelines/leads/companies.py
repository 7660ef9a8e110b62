"""Names of companies: what is the name, and what is only the legal form behind it."""

from __future__ import annotations

import re
from functools import lru_cache

from chalicelib.tables.wording import words

LEGAL_FORMS = frozenset(words("""
    inc incorporated corp corporation co company ltd limited llc llp lp plc pty pte pvt gmbh ggmbh ag kg kgaa ohg
    gbr ug mbh ev eg se sa sas sarl eurl sasu snc scop sca srl srls spa sapa sl slu slne ltda eireli lda sgps bv nv
    vof cv ab hb kb as asa aps oy oyj ans sro kft zrt nyrt bt doo dd ood eood ad kk gk sia uab ou ooo oao zao ооо
    оао зао пао ип тов kom sp z oo
"""))
"""Legal forms of companies, as plain words without dots."""

_LETTERED = re.compile(r"\b(?:[^\W\d_]\.\s?){2,5}(?:[^\W\d_]\b)?|\b(?:[^\W\d_]\s){1,3}[^\W\d_]\.(?=\W|$)")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_ARTICLES = frozenset({"the", "der", "die", "das", "le", "la", "les", "el", "los", "de", "and", "und", "et", "y", "e"})


@lru_cache(maxsize=4096)
def company_core(name: str) -> str:
    """A company's name for comparing: `The Acme Co., Ltd. (Berlin)` and `ACME S.p.A.` are both `acme`.

    A name that is nothing but forms and articles stays whole.
    """
    name = name.casefold()  # also so that GmbH is one word
    plain = _LETTERED.sub(lambda found: re.sub(r"[.\s]", "", found[0]) + " ", _IN_BRACKETS.sub(" ", name))
    said = words(plain) or words(name)
    kept = [word for word in said if word not in _ARTICLES]
    while len(kept) > 1 and kept[-1] in LEGAL_FORMS:
        kept.pop()
    return " ".join(kept or said)
