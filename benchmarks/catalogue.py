"""A price list of any length and rows that mean its items, written ever more carelessly; the same for the same seed.

36 brands, 15 types, series, model codes, sizes. The levels: L1 other spellings of sizes, words cut short, capitals;
L2 also typing errors and another order; L3 also a word less and a hyphen in the code; L4 no code; L5 one digit of the
code wrong. The matcher's normaliser knows none of these lists, but sizes and short forms are of the kind it expects.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.matching.model import PriceItem, Query

BRANDS = ("Alder", "Arkona", "Belmont", "Borea", "Calder", "Corvin", "Dantech", "Delmar", "Ekstrom", "Elvar",
          "Falken", "Ferrum", "Gantner", "Gilmor", "Halvor", "Hestia", "Ibex", "Ingram", "Jarvik", "Kestrel",
          "Kolmar", "Lindqvist", "Lumina", "Marlow", "Norvik", "Ostara", "Pelikon", "Quarto", "Rensel", "Sorbus",
          "Tarvos", "Ulmer", "Vantor", "Westmark", "Yarrow", "Zephyra")
TYPES: dict[str, tuple[tuple[str, ...], str]] = {
    "angle grinder": (("W", "mm"), "nr"), "cordless drill": (("V", "mm"), "nr"), "circular saw": (("W", "mm"), "nr"),
    "submersible pump": (("W", "l"), "nr"), "ball valve": (("mm", "bar"), "nr"), "copper pipe": (("mm", "m"), "m"),
    "power cable": (("mm2", "V"), "m"), "circuit breaker": (("A", "V"), "nr"), "led panel": (("W", "mm"), "nr"),
    "wall paint": (("l", "m2"), "l"), "ceramic tile": (("mm", "cm"), "m2"), "roof window": (("mm", "cm"), "nr"),
    "steel bracket": (("mm", "kg"), "nr"), "water heater": (("l", "W"), "nr"), "air filter": (("mm", "cm"), "nr"),
}
SERIES = ("Professional", "Compact", "Classic", "Premium", "Industrial", "Standard", "Advanced", "Heavy", "Silent",
          "Universal", "Eco", "Titan", "Orion", "Vega", "Nordic", "Atlas", "Prime", "Delta", "Sigma", "Comfort")
FINISHES = ("white", "black", "grey", "stainless", "galvanised", "anodised", "matt", "polished", "red", "blue",
            "brushed", "ivory")
_RANGES = {"W": (50, 3000, 50), "mm": (5, 400, 5), "V": (6, 400, 2), "l": (1, 300, 1), "bar": (2, 40, 2),
           "m": (1, 50, 1), "mm2": (1, 70, 1), "A": (4, 125, 1), "m2": (5, 120, 5), "cm": (10, 200, 5),
           "kg": (1, 80, 1)}
LEVELS = ("L1", "L2", "L3", "L4", "L5")


@dataclass(frozen=True, slots=True)
class Article:
    """One item with its parts; `name`: all of it but the code."""

    item: PriceItem
    words: tuple[str, ...]
    code: str
    sizes: tuple[tuple[int, str], ...]

    @property
    def name(self) -> tuple[object, ...]:
        return (self.words, self.sizes)


def catalogue(size: int, seed: int = 7) -> list[Article]:
    """Articles whose codes differ; names may be the same."""
    dice = random.Random(seed)
    codes: set[str] = set()
    return [_article(number, dice, codes) for number in range(size)]


def rows(articles: Sequence[Article], level: str, count: int, seed: int = 11) -> Iterator[tuple[Article, Query]]:
    """`count` rows that mean articles of the list, each with the article."""
    dice = random.Random(f"{seed}{level}")
    for _ in range(count):
        article = dice.choice(articles)
        yield article, Query(_written(article, level, dice), unit=_unit(article.item.unit, dice))


def _article(number: int, dice: random.Random, codes: set[str]) -> Article:
    kind = dice.choice(list(TYPES))
    measures, unit = TYPES[kind]
    words = (dice.choice(BRANDS), *kind.split(), dice.choice(SERIES), dice.choice(FINISHES))
    sizes = tuple((dice.randrange(*_RANGES[measure]), measure) for measure in measures)
    code = _code(dice)
    while code in codes:
        code = _code(dice)
    codes.add(code)
    text = " ".join([*words[:-1], code, *(f"{value} {measure}" for value, measure in sizes), words[-1]])
    return Article(PriceItem(f"P{number:06}", text, unit=unit, rate=Decimal(dice.randrange(100, 90_000)) / 100),
                   words, code, sizes)


def _code(dice: random.Random) -> str:
    letters = "".join(dice.choices(string.ascii_uppercase, k=dice.choice((2, 2, 3))))
    return f"{letters}{dice.randrange(100, 100_000)}{dice.choice(['', '', *string.ascii_uppercase[:6]])}"


def _written(article: Article, level: str, dice: random.Random) -> str:
    words = [_shortened(word, dice) if dice.random() < 0.15 else word for word in article.words]
    parts = [_size(value, measure, dice) for value, measure in article.sizes]
    code = article.code
    if level != "L1":
        for _ in range(dice.choice((1, 2))):
            place = dice.randrange(len(words))
            words[place] = _mistyped(words[place], dice)
    if level == "L3":
        words.pop(dice.randrange(1, len(words)))
        code = _hyphenated(code)
    if level == "L5":
        code = _one_digit_wrong(code, dice)
    parts = [*words, *parts] if level == "L4" else [*words, code, *parts]
    if level != "L1":
        dice.shuffle(parts)
    text = " ".join(parts)
    return dice.choice((text.upper(), text.lower(), text)) if level == "L1" else text


def _shortened(word: str, dice: random.Random) -> str:
    return f"{word[:dice.choice((4, 5))]}." if len(word) > 7 else word


def _size(value: int, measure: str, dice: random.Random) -> str:
    ways = [f"{value}{measure}", f"{value} {measure}", f"{value}{measure.upper()}"]
    if measure == "mm":
        ways.append(f"{value / 10:g} cm")
    if measure in ("W", "m"):
        ways.append(f"{value / 1000:g}kW" if measure == "W" else f"{value * 1000}mm")
    if measure == "cm":
        ways.append(f"{value * 10}mm")
    return dice.choice(ways)


def _mistyped(word: str, dice: random.Random) -> str:
    if len(word) < 4:
        return word
    place = dice.randrange(1, len(word) - 1)
    letter = dice.choice(string.ascii_lowercase)
    return dice.choice((word[:place] + word[place + 1:], word[:place] + letter + word[place:],
                        word[:place] + letter + word[place + 1:],
                        word[:place] + word[place + 1] + word[place] + word[place + 2:]))


def _hyphenated(code: str) -> str:
    first = next(place for place, sign in enumerate(code) if sign.isdigit())
    return f"{code[:first]}-{code[first:]}"


def _one_digit_wrong(code: str, dice: random.Random) -> str:
    place = dice.choice([place for place, sign in enumerate(code) if sign.isdigit()])
    other = dice.choice([digit for digit in string.digits if digit != code[place]])
    return code[:place] + other + code[place + 1:]


def _unit(unit: str, dice: random.Random) -> str:
    return dice.choice({"nr": ("nos", "each", "pcs", ""), "m": ("lm", "m", ""), "l": ("ltr", "l"),
                        "m2": ("sqm", "m²", "")}[unit])
