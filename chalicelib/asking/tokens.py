"""A question as tokens, and a cursor that takes phrases from them.

Case and accents never matter to the grammar; what stands in quotes is a value and never a word of the grammar.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

COMMA = ","
POSSESSIVE = "'s"

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "`": "'"})
_SINGLE = re.compile(r"(?<![\w'])'([^'\"]+)'(?!\w)")
_TOKEN = re.compile(r"""
    "(?P<quoted>[^"]*)(?:"|$)
  | (?P<phone>\+?\(?\d[\d().\-/ ]{5,}\d(?!\w))
  | (?P<comma>[,;])
  | (?P<word>[^\s",;]+)
""", re.VERBOSE)
_DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4}")
_SPELT_OUT = tuple((re.compile(pattern, re.IGNORECASE), text) for pattern, text in (
    (r"\bcan't\b", "can not"), (r"\bwon't\b", "will not"), (r"(\w)n't\b", r"\1 not"), (r"\bcannot\b", "can not"),
    (r"\b(who|what|that|there|where|it|here|how|which|company|title|email)'s\b", r"\1 is"), (r"\blet's\b", "let us"),
    (r"\bi'd\b", "i would"), (r"\b(we|they|who|i)'ve\b", r"\1 have"), (r"\b(we|they|who)'re\b", r"\1 are"),
    (r"!=|<>", " is not "), (r"(?<=[\w\s])(?:=|:(?!\d))(?=[\s\w\"@+])", " is "), (r"\be-\s?mail", "email"),
    (r"(\w)s'(?=\s)", r"\1s 's"), (r"(\w)'s\b", r"\1 's")))


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as typed, `word` as the grammar knows it (empty in quotes), `guess` the word that was probably meant."""

    text: str
    word: str
    guess: str = ""

    @property
    def quoted(self) -> bool:
        return not self.word


def folded(text: str) -> str:
    """Letters without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def tokens_of(question: str) -> list[Token]:
    """The words, quoted phrases and commas of a question; phone numbers with spaces are one word."""
    text = _SINGLE.sub(r'"\1"', unicodedata.normalize("NFC", question).translate(_QUOTES))
    parts = text.split('"')
    for place in range(0, len(parts), 2):
        for pattern, plain in _SPELT_OUT:
            parts[place] = pattern.sub(plain, parts[place])
    return list(_tokens('"'.join(parts)))


def _tokens(text: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(text):
        if found["quoted"] is not None:
            if found["quoted"].strip():
                yield Token(found["quoted"].strip(), "")
        elif found["comma"]:
            yield Token(COMMA, COMMA)
        elif found["phone"] and not _DATE.fullmatch(found["phone"]):
            yield Token(found["phone"], folded(found["phone"]))
        else:
            yield from _word(found["phone"] or found["word"])


def _word(text: str) -> Iterator[Token]:
    """The word without what stands around it; punctuation alone is none."""
    plain = POSSESSIVE if text.casefold() == POSSESSIVE else text.lstrip("?!:()[]{}<>*_'…").rstrip("?!.:()[]{}<>*_'…/")
    word = folded(plain)
    if word == "&" or any(letter.isalnum() for letter in word):
        yield Token(plain, word)


class Phrases:
    """Phrases of one or more words, each standing for something. The longest that fits counts."""

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self._starting: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for phrase, meaning in meanings.items():
            words = tuple(phrase.split())
            self._starting.setdefault(words[0], []).append((words, meaning))
        for several in self._starting.values():
            several.sort(key=lambda entry: -len(entry[0]))
        self.words = frozenset(word for phrase in meanings for word in phrase.split())

    @classmethod
    @cache
    def of(cls, *phrases: str) -> Phrases:
        """Phrases separated by commas, each standing for itself."""
        return cls({phrase.strip(): phrase.strip() for each in phrases for phrase in each.split(",") if phrase.strip()})

    def at(self, words: Sequence[str]) -> tuple[str, int] | None:
        """The meaning of the longest phrase that `words` begin with, and its length."""
        for phrase, meaning in self._starting.get(words[0], ()) if words else ():
            if tuple(words[:len(phrase)]) == phrase:
                return meaning, len(phrase)
        return None

    def within(self, words: Sequence[str]) -> bool:
        return any(self.at(words[place:place + 6]) for place in range(len(words)))


class Cursor:
    """Goes through tokens from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def ended(self) -> bool:
        return self.at >= len(self.tokens)

    def token(self, ahead: int = 0) -> Token | None:
        place = self.at + ahead
        return self.tokens[place] if 0 <= place < len(self.tokens) else None

    def word(self, ahead: int = 0) -> str:
        """The word there; nothing at the end, and nothing where a quoted value stands."""
        found = self.token(ahead)
        return found.word if found else ""

    def peek(self, phrases: Phrases, ahead: int = 0, *, guess: bool = False) -> tuple[str, int] | None:
        """What stands there of `phrases`, and its length. `guess` reads typing errors as what they mean."""
        seen = self.tokens[self.at + ahead:self.at + ahead + 6]
        exact = phrases.at([token.word for token in seen])
        if exact or not guess:
            return exact
        return phrases.at([token.guess or token.word for token in seen])

    def take(self, phrases: Phrases, *, guess: bool = False) -> str:
        """The meaning of the phrase that stands here, which is then behind; nothing when there is none."""
        found = self.peek(phrases, guess=guess)
        if not found:
            return ""
        self.at += found[1]
        return found[0]

    def take_word(self, *words: str) -> bool:
        if self.word() not in words or self.ended:
            return False
        self.at += 1
        return True


def without(tokens: Sequence[Token], phrases: Phrases) -> list[Token]:
    """The tokens without phrases that say nothing, wherever they stand."""
    cursor, kept = Cursor(tokens), []
    while (token := cursor.token()) is not None:
        if not cursor.take(phrases):
            kept.append(token)
            cursor.at += 1
    return kept


def guessed(tokens: Iterable[Token], vocabulary: frozenset[str], known: frozenset[str]) -> list[Token]:
    """Each token that is no `known` word with the one word of `vocabulary` that it is a typing error away from."""
    return [Token(token.text, token.word, _nearest(token.word, vocabulary))
            if token.word and token.word not in known else token for token in tokens]


@lru_cache(maxsize=4096)
def _nearest(word: str, vocabulary: frozenset[str]) -> str:
    if len(word) < 4 or not word.isalpha():
        return ""
    near = [each for each in vocabulary if len(each) > 3 and one_slip_apart(word, each)]
    return near[0] if len(near) == 1 else ""


def one_slip_apart(one: str, other: str) -> bool:
    """One letter more, less or changed, or two neighbours swapped."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                 min(len(one), len(other)))
    rest, others = one[start:], other[start:]
    if len(one) == len(other):
        return rest[1:] == others[1:] or (rest[:2] == others[:2][::-1] and rest[2:] == others[2:])
    return rest[1:] == others if len(one) > len(other) else rest == others[1:]
