"""How good, how sure and how fast the LOCAL matcher is, beside what people use for it.

Abt-Buy and Amazon-Google: every left row asks for its item. L1 to L5: rows against a generated list of 100,000 items
(`benchmarks/catalogue.py`). The yardsticks run in the same process: rapidfuzz' token_set_ratio and a cosine of idf
weights on the public pairs, both at the threshold that is best for each of them; `extractOne` with token_sort_ratio
on the list. Times are CPU seconds.
"""

from __future__ import annotations

import math
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from benchmarks.calibration import held_back
from benchmarks.catalogue import LEVELS, Article, catalogue, rows
from benchmarks.measure import in_fresh_process
from benchmarks.pairs import DATA, NAMES, Pairs, load, present
from benchmarks.report import Table
from chalicelib.matching.index import CODE_WEIGHT, Index
from chalicelib.matching.matcher import ACCEPT, THRESHOLD, Matcher
from chalicelib.matching.model import Match, PriceItem
from chalicelib.matching.words import is_code, words

ITEMS, ROWS, YARDSTICK_ROWS = 100_000, 2_000, 40
QUICK_ITEMS, QUICK_ROWS, QUICK_YARDSTICK_ROWS = 5_000, 100, 10
GONE_OF = 5
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.01)


@dataclass(slots=True)
class Judged:
    """Answers of one set. `wanted`: rows whose item is in the list; of the rest nothing is right."""

    wanted: int = 0
    answers: list[tuple[float, bool, bool, bool, bool]] = field(default_factory=list)
    """Confidence, accepted, right, held back from the fit, whether the set has an answer to the row at all."""
    wanted_held_back: int = 0
    same_code: int = 0
    """Accepted rows without an answer in the set that name an article number of the item."""

    def add(self, match: Match, *, right: bool, unseen: bool = True, known: bool = True) -> None:
        self.answers.append((match.confidence, match.accepted, right, unseen, known))
        why = match.candidates[0].reasons
        self.same_code += match.accepted and not known and any(each.startswith("code equal") for each in why)

    @property
    def top1(self) -> float:
        return sum(right for _, _, right, *_ in self.answers) / self.wanted

    def f1(self, threshold: float = THRESHOLD, *, unseen: bool = False) -> float:
        given = [right for sure, _, right, new, _ in self.answers if sure >= threshold and (new or not unseen)]
        return 2 * sum(given) / (len(given) + (self.wanted_held_back if unseen else self.wanted))

    def accepted(self, *, unseen: bool = False, known: bool = False) -> tuple[float, float]:
        """Precision, and right ones as a share of those wanted; of rows that the fit has not seen, that have an answer.

        A row that the set has no answer to counts as wrong, unless only `known` ones are asked for.
        """
        right = [right for _, accepted, right, new, answered in self.answers
                 if accepted and (new or not unseen) and (answered or not known)]
        wanted = self.wanted_held_back if unseen else self.wanted
        return (sum(right) / len(right) if right else math.nan), sum(right) / wanted

    @property
    def unknown(self) -> int:
        """Accepted rows that the set has no answer to."""
        return sum(accepted and not answered for _, accepted, _, _, answered in self.answers)

    def reliability(self) -> list[tuple[int, float]]:
        """For each bin of confidence: answers, and the share of right ones."""
        found = [[right for sure, _, right, *_ in self.answers if low <= sure < high]
                 for low, high in pairwise(BINS)]
        return [(len(each), sum(each) / len(each) if each else math.nan) for each in found]


def run(*, quick: bool) -> Table:
    items, count = (QUICK_ITEMS, QUICK_ROWS) if quick else (ITEMS, ROWS)
    measured = in_fresh_process("benchmarks.matching:large", items=items, count=count)
    judged = {level: Judged(**values) for level, values in measured.answer["judged"].items()}
    without = in_fresh_process("benchmarks.matching:large", items=items, count=count, missing=True)
    lacking = {level: Judged(**values) for level, values in without.answer["judged"].items()}
    slow = _yardstick(items, QUICK_YARDSTICK_ROWS if quick else YARDSTICK_ROWS)
    pairs = {name: load(name) for name in NAMES} if present() else {}
    judged |= {name: judge(each) for name, each in pairs.items()}
    lacking |= {name: judge(each, missing=True) for name, each in pairs.items()}
    return _table(items, judged, lacking, measured.answer, slow, pairs, measured.peak)


def judge(pairs: Pairs, *, missing: bool = False) -> Judged:
    """Ask for every left row; `missing`: a fifth of the items is not in the list."""
    items = [item for item in pairs.items if not (missing and is_gone(item))]
    held = {item.id for item in items}
    right = {(row, item) for row, item in pairs.right if item in held}
    known = {row for row, _ in pairs.right}
    found = Judged(len(right), wanted_held_back=sum(held_back(row) for row, _ in right))
    matcher = Matcher(Index(items))
    for row, query in pairs.queries:
        match = matcher.match(query)
        if match.best:
            found.add(match, right=(row, match.best.item.id) in right, unseen=held_back(row), known=row in known)
    return found


def is_gone(item: PriceItem) -> bool:
    return zlib.crc32(f"gone {item.id}".encode()) % GONE_OF == 0


def large(items: int, count: int, *, missing: bool = False) -> dict[str, Any]:
    """Levels against a generated list: what was judged, CPU seconds to build and to match, items a second by level."""
    articles = catalogue(items)
    kept = [article for article in articles if not (missing and is_gone(article.item))]
    names = {article.item.id: article.name for article in kept}
    began = time.process_time()
    matcher = Matcher(Index(article.item for article in kept))
    built = time.process_time() - began
    judged, pace = {}, {}
    for level in LEVELS:
        asked = list(rows(articles, level, count))
        began = time.process_time()
        answers = [matcher.match(query) for _, query in asked]
        pace[level] = count / (time.process_time() - began)
        judged[level] = asdict(_judged(level, asked, answers, names))
    return {"judged": judged, "built": built, "pace": pace, "matched": sum(count / each for each in pace.values())}


def _judged(level: str, asked: Sequence[tuple[Article, Any]], answers: Sequence[Match],
            names: dict[str, tuple[object, ...]]) -> Judged:
    every = set(names.values())
    wanted = [article.item.id in names or (level == "L4" and article.name in every) for article, _ in asked]
    found = Judged(sum(wanted), wanted_held_back=sum(wanted))
    for (article, _), match in zip(asked, answers, strict=True):
        if match.best:
            found.add(match, right=is_hit(level, article, match.best.item.id, names))
    return found


def is_hit(level: str, article: Article, item_id: str, names: dict[str, tuple[object, ...]]) -> bool:
    """Without a code (L4), an item of the same name is as good."""
    return item_id == article.item.id or (level == "L4" and names[item_id] == article.name)


@dataclass(frozen=True, slots=True)
class _Slow:
    """The yardstick by level: items a second, its own hits, ours on the same rows."""

    pace: dict[str, float] = field(default_factory=dict)
    theirs: dict[str, float] = field(default_factory=dict)
    ours: dict[str, float] = field(default_factory=dict)


def _yardstick(items: int, count: int) -> _Slow:
    if not find_spec("rapidfuzz"):
        return _Slow()
    from rapidfuzz import fuzz, process

    articles, found = catalogue(items), _Slow()
    names = {article.item.id: article.name for article in articles}
    choices = [article.item.description.lower() for article in articles]
    matcher = Matcher(Index(article.item for article in articles))
    for level in LEVELS:
        asked = list(rows(articles, level, count))
        began = time.process_time()
        places = [process.extractOne(query.description.lower(), choices, scorer=fuzz.token_sort_ratio)[2]
                  for _, query in asked]
        found.pace[level] = count / (time.process_time() - began)
        found.theirs[level] = sum(is_hit(level, article, articles[place].item.id, names)
                                  for (article, _), place in zip(asked, places, strict=True)) / count
        best = [matcher.match(query).best for _, query in asked]
        found.ours[level] = sum(one is not None and is_hit(level, article, one.item.id, names)
                                for (article, _), one in zip(asked, best, strict=True)) / count
    return found


def best_f1(pairs: Pairs, score: Callable[[Pairs], Iterable[tuple[float, bool]]]) -> float:
    """F1 of a way to score at the threshold that is best for it: (score of the best item, whether it is right)."""
    right, best = 0, 0.0
    for given, (_, hit) in enumerate(sorted(score(pairs), reverse=True), 1):
        right += hit
        best = max(best, 2 * right / (given + len(pairs.right)))
    return best


def token_set(pairs: Pairs) -> Iterable[tuple[float, bool]]:
    from rapidfuzz import fuzz, process

    choices = [item.description.lower() for item in pairs.items]
    for row, query in pairs.queries:
        _, score, place = process.extractOne(query.description.lower(), choices, scorer=fuzz.token_set_ratio)
        yield score, (row, pairs.items[place].id) in pairs.right


def idf_cosine(pairs: Pairs) -> Iterable[tuple[float, bool]]:
    """Cosine of idf weights, codes boosted, over the words that the matcher reads: the rest is what it adds."""
    bags = [frozenset(words(f"{item.supplier} {item.description}").sequence) for item in pairs.items]
    counts = Counter(word for bag in bags for word in bag)
    weight = {word: math.log((len(bags) + 1) / (count + 0.5)) * (CODE_WEIGHT if is_code(word) else 1)
              for word, count in counts.items()}
    where: dict[str, list[int]] = defaultdict(list)
    for place, bag in enumerate(bags):
        for word in bag:
            where[word].append(place)
    norms = [math.sqrt(sum(weight[word] ** 2 for word in bag)) or 1.0 for bag in bags]
    for row, query in pairs.queries:
        mine = frozenset(words(f"{query.supplier} {query.description}").sequence)
        sums: dict[int, float] = defaultdict(float)
        for word in sorted(mine & weight.keys()):
            for place in where[word]:
                sums[place] += weight[word] ** 2
        norm = math.sqrt(sum(weight.get(word, math.log(2 * len(bags) + 2)) ** 2 for word in mine)) or 1.0
        if sums:
            score, place = max((total / norms[place] / norm, -place) for place, total in sums.items())
            yield score, (row, pairs.items[-place].id) in pairs.right


def _table(items: int, judged: dict[str, Judged], lacking: dict[str, Judged], large: dict[str, Any],
           slow: _Slow, pairs: dict[str, Pairs], peak: float) -> Table:
    sets = [*pairs, *LEVELS]
    fuzzy = find_spec("rapidfuzz") is not None

    def line(name: str, value: Callable[[str], float | None], digits: int = 3) -> tuple[str, ...]:
        found = ((value(each)) for each in sets)
        return (name, *("-" if one is None or math.isnan(one) else f"{one:,.{digits}f}" for one in found))

    lines = [
        line("top-1", lambda each: judged[each].top1),
        line("top-1, token_sort_ratio (sample)", slow.theirs.get),
        line("top-1, ours on that sample", slow.ours.get),
        line(f"F1 at {THRESHOLD}", lambda each: judged[each].f1()),
        line("the same, rows unknown to the fit", lambda each: judged[each].f1(unseen=True) if each in pairs else None),
        line("best F1, idf cosine, codes boosted",
             lambda each: best_f1(pairs[each], idf_cosine) if each in pairs else None),
        line("best F1, token_set_ratio",
             lambda each: best_f1(pairs[each], token_set) if each in pairs and fuzzy else None),
        line("accepted: precision", lambda each: judged[each].accepted()[0]),
        line("accepted: of those wanted", lambda each: judged[each].accepted()[1]),
        line("a fifth missing: precision", lambda each: lacking[each].accepted()[0]),
        line("the same, rows the set has an answer to", lambda each: lacking[each].accepted(known=True)[0]),
        line("the same, of them unknown to the fit",
             lambda each: lacking[each].accepted(known=True, unseen=True)[0] if each in pairs else None),
        line("a fifth missing: of those wanted", lambda each: lacking[each].accepted()[1]),
        *(line(f"right where it says {low:g} to {min(high, 1):g}",
               lambda each, place=place: judged[each].reliability()[place][1])  # type: ignore[misc]
          for place, (low, high) in enumerate(pairwise(BINS))),
        line("items per CPU s", large["pace"].get, 0),
        line("items per CPU s, extractOne", slow.pace.get, 1),
    ]
    return Table(f"The LOCAL matcher on public pairs and on a list of {items:,} items", ("what", *sets), tuple(lines),
                 tuple(_notes(large, slow, pairs, lacking, peak)))


def twins(pairs: Pairs) -> int:
    """Items that have the same words as another one."""
    counts = Counter(frozenset(words(item.description).sequence) for item in pairs.items)
    return sum(count for count in counts.values() if count > 1)


def _notes(large: dict[str, Any], slow: _Slow, pairs: dict[str, Pairs], lacking: dict[str, Judged],
           peak: float) -> Iterable[str]:
    ratios = [large["pace"][level] / pace for level, pace in slow.pace.items()]
    faster = f" At least {min(ratios):.0f} times the pace of extractOne." if ratios else ""
    yield (f"The list is built in {large['built']:.1f} CPU s; all rows of L1 to L5 take {large['matched']:.1f} CPU s; "
           f"peak memory of the process {peak:.0f} MB, list and rows included.{faster}")
    yield ("L1: sizes spelt otherwise, words cut short; L2: also typing errors and another order; L3: also a word less "
           "and hyphens; L4: no code (an item of the same name counts); L5: a digit of the code wrong, so nothing is "
           f"accepted. Accepted: confidence from {ACCEPT}, and the row settles the choice: by a code that one item "
           "alone has, or by all words that count and a lead over every item that its numbers allow.")
    for name in pairs:
        if unknown := lacking[name].unknown:
            yield (f"A row that the set has no answer to counts as wrong when it is accepted. Of {unknown} such rows "
                   f"of {name}, a fifth of the items missing, {lacking[name].same_code} name a code of the item.")
    alike = ", ".join(f"{twins(each)} of {len(each.items):,} in {name}" for name, each in pairs.items())
    if alike:
        yield ("The rows unknown to the fit are unknown to the weights of the confidence only. Factors and limits were "
               "chosen by hand, by totals: older ones over all rows of these sets, newer ones (acceptance, the row's "
               "share of the norm, codes that a row does not name) over the other rows, with these in sight.")
        yield f"Items with the same words as another one, of which only one counts as right: {alike}."
    if not present():
        yield f"NOT MEASURED: {', '.join(NAMES)}, for want of {'/'.join(DATA.parts[-4:])} beside the checkout."
    if not slow.pace:
        yield "NOT MEASURED: the yardsticks of rapidfuzz, which is not installed."
