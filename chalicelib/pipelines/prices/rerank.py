"""The optional second opinion `LOCAL_DEEPSEEK`: the AI chooses among LOCAL's candidates where the call is close.

It is asked for the number of a candidate and for nothing else, so it can invent neither an item nor a price. Only two
opinions that agree raise an answer, and only where the codes and numbers of the row stand at the item; where they
differ, a person decides. A row without a good answer keeps what LOCAL said. Nothing is raised here for a provider that
fails: the choices say so, and who calls may come again, with what is known by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from chalicelib.costs import Meter, Used
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.budget import Purse
from chalicelib.logs import log
from chalicelib.matching.acceptance import names_agree
from chalicelib.matching.confidence import SUREST
from chalicelib.matching.matcher import THRESHOLD
from chalicelib.matching.model import Candidate, Match, Query, Tier, Units
from chalicelib.pipelines.prices.rerank_prompt import OFFERED, PROMPT_VERSION, Ask, Flaw, key_of, messages, read

if TYPE_CHECKING:
    from chalicelib.adapters.deepseek import Completion
    from chalicelib.settings import DeepSeekSettings

METHOD, LOCAL = "LOCAL_DEEPSEEK", "LOCAL"
CLOSE_FROM, CLOSE_TO = 0.15, 0.85
"""Confidence from which an unmatched row, and below which an accepted one, is worth a question."""
ROWS_A_CALL = 10
AGREED, DENIED = 4.0, 0.1
"""By hand, since no public pair was ever shown to the AI: what its word multiplies the odds of LOCAL's answer by."""
DISPUTED = 0.5
"""Confidence where the AI chose another candidate than LOCAL."""
RAISED = 0.9
"""Confidence from which an answer that both give may stand without a person."""
LEAST_SECONDS = 0.5
MOST_REFUSED = 6
"""Calls refused for their content, with none answered in between, after which it is not the content."""

@dataclass(frozen=True, slots=True)
class Choice:
    """A row's final answer. `method` says whether the AI had a word in it.

    `key` names the question and is empty where none was worth asking; `pick` is the AI's answer to it, 0 for none of
    the candidates: what to remember under the key. `trouble` comes with Flaw.UNREACHED: raise it to come again later.
    """

    match: Match
    method: str = LOCAL
    key: str = ""
    pick: int | None = None
    prompt_version: str = ""
    flaw: Flaw | None = None
    trouble: Waiting | Transient | Unavailable | None = None


class Client(Protocol):
    """`adapters.deepseek.DeepSeek`, as far as it is used here."""

    settings: DeepSeekSettings

    def complete(self, messages: Sequence[Mapping[str, str]], *, deadline: float, user_id: str = "",
                 tries: int = ..., meter: Meter | None = ..., purse: Purse | None = ...) -> Completion: ...


def is_close(match: Match) -> bool:
    """Whether a second opinion is worth its money: a doubt, with candidates, that no person has settled."""
    if match.learned or not match.candidates:
        return False
    if match.tier is Tier.REVIEW:
        return True
    return match.confidence < CLOSE_TO if match.accepted else match.confidence >= CLOSE_FROM


def rerank(
    rows: Sequence[Ask], *, client: Client, remaining: Callable[[], float], meter: Meter, purse: Purse | None = None,
    user_id: str = "", known: Mapping[str, int] | None = None, threshold: float = THRESHOLD,
) -> list[Choice]:
    """The answers for all `rows`, in their order. `known` are picks that were remembered, by `key_of`.

    `remaining` gives the seconds that may still be used; `threshold` is the matcher's. Raises nothing for the provider.
    """
    asking = _Asking(client, remaining, meter, purse, user_id, {key: int(pick) for key, pick in (known or {}).items()})
    keys = [key_of(row, client.settings.model) if is_close(row.match) else "" for row in rows]
    asking.run({key: row for key, row in zip(keys, rows, strict=True) if key})
    choices = [asking.choice(key, row, threshold) for key, row in zip(keys, rows, strict=True)]
    meter.add({Used.CACHED: sum(bool(key) and key in (known or {}) for key in keys),
               Used.FALLBACK: sum(one.flaw is not None for one in choices)})
    return choices


def decided(row: Ask, pick: int, threshold: float = THRESHOLD) -> Match:
    """LOCAL's answer and the AI's `pick` (0, or a candidate's number from 1) as one."""
    match = row.match
    odds = min(match.confidence, SUREST) / (1 - min(match.confidence, SUREST))
    if pick == 0:
        sure = _probability(odds * DENIED)
        return replace(match, confidence=sure, tier=Tier.REVIEW if match.accepted else _open(sure, threshold))
    if pick == 1:
        sure = _probability(odds * AGREED)
        raised = sure >= RAISED and _may_stand(row.query, match.candidates[0])
        return replace(match, confidence=sure,
                       tier=Tier.ACCEPTED if raised or match.accepted else _open(sure, threshold))
    chosen, candidates = match.candidates[pick - 1], match.candidates
    if _may_stand(row.query, chosen) or not _may_stand(row.query, candidates[0]):
        candidates = (chosen, *(one for one in candidates if one is not chosen))
    return replace(match, confidence=DISPUTED, tier=Tier.REVIEW, candidates=candidates)


@dataclass(slots=True)
class _Asking:
    """The questions of one call of `rerank` on their way: what was answered, what was given up."""

    client: Client
    remaining: Callable[[], float]
    meter: Meter
    purse: Purse | None
    user_id: str
    picks: dict[str, int]
    flaws: dict[str, Flaw] = field(default_factory=dict)
    trouble: Waiting | Transient | Unavailable | None = None
    refused: int = 0

    def run(self, rows: Mapping[str, Ask]) -> None:
        """Ask about all `rows`, by key, that are not known."""
        open_rows = [(key, row) for key, row in rows.items() if not self._is_known(key, row)]
        groups = deque(open_rows[start:start + ROWS_A_CALL] for start in range(0, len(open_rows), ROWS_A_CALL))
        while groups:
            groups.extend(self._turn(groups.popleft()))

    def choice(self, key: str, row: Ask, threshold: float) -> Choice:
        if key in self.picks:
            pick = self.picks[key]
            return Choice(decided(row, pick, threshold), METHOD, key, pick, PROMPT_VERSION)
        flaw = self.flaws.get(key)
        return Choice(row.match, key=key, flaw=flaw, trouble=self.trouble if flaw is Flaw.UNREACHED else None)

    def _is_known(self, key: str, row: Ask) -> bool:
        """What does not fit the row any more is as good as never remembered."""
        if key in self.picks and not 0 <= self.picks[key] <= len(row.match.candidates[:OFFERED]):
            del self.picks[key]
        return key in self.picks

    def _turn(self, group: list[tuple[str, Ask]]) -> list[list[tuple[str, Ask]]]:
        """One call; answers the groups that must be asked next."""
        named = {f"r{place}": pair for place, pair in enumerate(group, 1)}
        asked = {name: row for name, (_, row) in named.items()}
        try:
            completion = self._complete(asked)
        except ContentRefused:
            self.refused += 1
            return self._halved(group, Flaw.REFUSED)
        except (Waiting, Transient, Unavailable) as trouble:
            self.trouble = self.trouble or trouble
            return self._given_up(group, Flaw.UNREACHED)
        self.refused = 0
        if completion.finish_reason == "length":
            return self._halved(group, Flaw.LENGTH)
        answers = read(completion.content, asked)
        self.picks.update({named[name][0]: pick for name, pick in answers.items() if not isinstance(pick, Flaw)})
        flaws = {named[name][0]: flaw for name, flaw in answers.items() if isinstance(flaw, Flaw)}
        self.flaws.update(flaws)
        if flaws:
            log.info("ai choices refused", extra={"rows": len(group), "refused": len(flaws),
                                                  "flaws": sorted({flaw.value for flaw in flaws.values()})})
        return []

    def _complete(self, asked: Mapping[str, Ask]) -> Completion:
        left = self.remaining()
        if self.trouble:
            raise self.trouble
        if left < LEAST_SECONDS:
            raise Waiting(0.0, "deadline")
        tries = {"tries": 1} if self.refused else {}
        return self.client.complete(messages(asked), deadline=left, user_id=self.user_id, meter=self.meter,
                                    purse=self.purse, **tries)

    def _halved(self, group: list[tuple[str, Ask]], flaw: Flaw) -> list[list[tuple[str, Ask]]]:
        if len(group) == 1 or self.refused >= MOST_REFUSED:
            return self._given_up(group, flaw)
        middle = (len(group) + 1) // 2
        return [group[:middle], group[middle:]]

    def _given_up(self, group: list[tuple[str, Ask]], flaw: Flaw) -> list[list[tuple[str, Ask]]]:
        self.flaws.update((key, flaw) for key, _ in group)
        return []


def _may_stand(query: Query, candidate: Candidate) -> bool:
    return candidate.units is not Units.DIFFERENT and names_agree(query, candidate.item)


def _open(sure: float, threshold: float) -> Tier:
    return Tier.REVIEW if sure >= threshold else Tier.UNMATCHED


def _probability(odds: float) -> float:
    return round(min(SUREST, max(1 - SUREST, odds / (1 + odds))), 4)
