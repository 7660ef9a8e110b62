"""The `deepseek` standardiser: rows to the AI and back, with every row accounted for.

An AI loses rows, repeats them, swaps them and invents. So each row carries an id there and back, each answer must stand
in its own row (`grounding`), and what does not is asked again, alone and a bounded number of times. An answer that was
cut off or refused is halved down to the row at fault. What remains is done by the `local` rules, which also give every
answer its final form: whatever an e-mail, a phone or an unmapped column held before the AI, the lead holds after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.costs import Meter, Used
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.budget import Purse
from chalicelib.jobs.model import Item
from chalicelib.logs import log
from chalicelib.pipelines.leads import prompt
from chalicelib.pipelines.leads.cells import text_of
from chalicelib.pipelines.leads.grounding import ungrounded
from chalicelib.pipelines.leads.prompt import PROMPT_VERSION, Flaw, Question
from chalicelib.pipelines.leads.standardize import Standardized, clean, standardize

if TYPE_CHECKING:
    from chalicelib.adapters.deepseek import Completion
    from chalicelib.settings import DeepSeekSettings

DEEPSEEK, LOCAL = "deepseek", "local"
CHARS_A_TOKEN = 2
"""A safe guess, by which an answer that repeats its rows fits the token budget."""
ROW_OVERHEAD = 200
"""Characters of an answer's field names."""
ASKS: Mapping[Flaw, int] = {Flaw.UNGROUNDED: 2}
ASKS_ELSE = 3
"""Times that a row is asked before the rules do it."""
LEAST_SECONDS = 0.5
"""No call is begun with less time left."""

_HARMLESS = Question("r1", {"First name": "Jane", "Last name": "Doe", "Company": "Example Ltd"}, {})


class Client(Protocol):
    """`adapters.deepseek.DeepSeek`, as far as it is used here."""

    settings: DeepSeekSettings

    def complete(self, messages: Sequence[Mapping[str, str]], *, deadline: float, user_id: str = "",
                 tries: int = ..., meter: Meter | None = ..., purse: Purse | None = ...) -> Completion: ...


class Memory(Protocol):
    """`adapters.cache.Cache`: answers by key. Best effort in both directions."""

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]: ...

    def put_many(self, entries: Mapping[str, Mapping[str, Any]], *, days: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """One row, standardised. `provider` says who did it; `flaw` why the AI did not, where it was asked.

    `Flaw.REFUSED` means that the provider fails on this row alone, again and again.
    """

    standardized: Standardized
    provider: str
    prompt_version: str = ""
    flaw: Flaw | None = None


def standardize_batch(
    items: Sequence[Item], columns: Mapping[str, Mapping[str, str]], *, client: Client, cache: Memory,
    default_region: str, remaining: Callable[[], float], meter: Meter, user_id: str = "", purse: Purse | None = None,
) -> list[Answered]:
    """All `items` in their order. `meter` is told of calls, tokens and money, of rows from the cache and by the rules.

    `columns` maps a worksheet to its headers' fields. `remaining` gives the seconds that may still be used. Raises
    Waiting (what was answered so far is in the cache), Transient while the provider is down, Unavailable.
    """
    rows = [_Row(item, question_of(place, item, columns)) for place, item in enumerate(items)]
    asking = _Asking(client, cache, default_region, remaining, user_id, meter, purse)
    asking.run(rows)
    answered = [asking.answered(row) for row in rows]
    meter.add({Used.FALLBACK: sum(one.provider == LOCAL for one in answered)})
    return answered


@dataclass(frozen=True, slots=True)
class _Row:
    item: Item
    question: Question

    @property
    def id(self) -> str:
        return self.question.id

    @property
    def chars(self) -> int:
        """Length of the answer to expect."""
        return ROW_OVERHEAD + sum(len(header) + len(text) for header, text in self.question.cells.items())


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows of one call. `attempt` counts the calls that these rows have been in; `tries` are the client's own."""

    rows: tuple[_Row, ...]
    attempt: int = 1
    suspected: bool = False

    def halves(self, *, suspected: bool, attempt: int) -> list[_Group]:
        middle = (len(self.rows) + 1) // 2
        return [_Group(part, attempt, suspected) for part in (self.rows[:middle], self.rows[middle:])]


def question_of(place: int, item: Item, columns: Mapping[str, Mapping[str, str]]) -> Question:
    """What the AI is asked about the row at `place` (from 0) of a batch; it does not see columns that were excluded."""
    known = columns.get(str(item.get("_worksheet", "")), {})
    cells = {header: text for header, value in item.items()
             if not header.startswith("_") and known.get(header) != "" and (text := text_of(value).strip())}
    return Question(f"r{place + 1}", cells, {header: known[header] for header in item if header in known})


@dataclass(slots=True)
class _Asking:
    """One batch on its way through the AI: what was answered, what was given up, what it cost."""

    client: Client
    cache: Memory
    default_region: str
    remaining: Callable[[], float]
    user_id: str
    meter: Meter
    purse: Purse | None
    records: dict[str, Mapping[str, str]] = field(default_factory=dict)
    flaws: dict[str, Flaw] = field(default_factory=dict)
    alive: bool = False
    """The provider has answered something in this batch: what it refuses now, it refuses for its content."""
    progress: bool = False
    """Something new is in the cache, so that coming again cannot go on for ever."""
    slowest: float = 0.0

    def run(self, rows: Sequence[_Row]) -> None:
        """Answer or give up on every row."""
        unique = {self.key(row): row for row in rows}
        self._recall(list(unique))
        groups = deque(self._groups([row for key, row in unique.items() if key not in self.records]))
        while groups:
            groups.extend(self._turn(groups.popleft()))

    def answered(self, row: _Row) -> Answered:
        key = self.key(row)
        local = standardize(row.item, row.question.columns, default_region=self.default_region)
        if key not in self.records:
            return Answered(local, LOCAL, flaw=self.flaws.get(key))
        return Answered(_in_final_form(self.records[key], local, self.default_region), DEEPSEEK, PROMPT_VERSION)

    def key(self, row: _Row) -> str:
        return prompt.cache_key(row.question, self.client.settings.model)

    def _groups(self, rows: Sequence[_Row]) -> list[_Group]:
        """Rows cut into calls whose answers fit the token budget. A row that does not fit alone is for the rules."""
        budget = self.client.settings.max_tokens * CHARS_A_TOKEN
        calls: list[list[_Row]] = []
        room = 0
        for row in rows:
            if row.chars > budget or not row.question.cells:
                self._give_up(row, Flaw.TOO_LONG if row.question.cells else Flaw.EMPTY)
                continue
            if row.chars > room:
                calls.append([])
                room = budget
            calls[-1].append(row)
            room -= row.chars
        return [_Group(tuple(call)) for call in calls]

    def _turn(self, group: _Group) -> list[_Group]:
        """One call; answers the groups that must be asked next."""
        try:
            completion = self._complete(group)
        except ContentRefused as refused:
            self._make_sure_of_the_provider(refused)
            return self._halved(group, Flaw.REFUSED, suspected=bool(refused.details.get("suspected")))
        self.alive = True
        if completion.finish_reason == "length":
            return self._halved(group, Flaw.LENGTH, suspected=False)
        return self._judge(group, completion.content)

    def _judge(self, group: _Group, content: str) -> list[_Group]:
        answers = prompt.read(content, [row.id for row in group.rows])
        flawed: list[tuple[_Row, Flaw]] = []
        good: dict[str, Mapping[str, str]] = {}
        for row in group.rows:
            flaw = answers.flaws.get(row.id) or self._grounding_flaw(row, answers.records[row.id])
            if flaw:
                flawed.append((row, flaw))
            else:
                good[self.key(row)] = answers.records[row.id]
        if flawed or answers.unknown:
            log.info("ai answers refused", extra={
                "rows": len(group.rows), "refused": len(flawed), "unknown": answers.unknown,
                "flaws": sorted({flaw.value for _, flaw in flawed})})
        self._keep(good)
        return self._again(group, flawed)

    def _again(self, group: _Group, flawed: Sequence[tuple[_Row, Flaw]]) -> list[_Group]:
        """The flawed rows once more, alone; in halves when nothing of the answer was good."""
        rows = []
        for row, flaw in flawed:
            if group.attempt < ASKS.get(flaw, ASKS_ELSE):
                rows.append(row)
            else:
                self._give_up(row, flaw)
        if not rows:
            return []
        next_group = _Group(tuple(rows), group.attempt + 1)
        if len(rows) < len(group.rows) or len(rows) == 1:
            return [next_group]
        return next_group.halves(suspected=False, attempt=group.attempt + 1)

    def _halved(self, group: _Group, flaw: Flaw, *, suspected: bool) -> list[_Group]:
        if len(group.rows) > 1:
            return group.halves(suspected=suspected, attempt=group.attempt)
        self._give_up(group.rows[0], flaw)
        return []

    def _grounding_flaw(self, row: _Row, record: Mapping[str, str]) -> Flaw | None:
        name = ungrounded(record, row.question.cells, default_region=self.default_region)
        return Flaw.UNGROUNDED if name else None

    def _give_up(self, row: _Row, flaw: Flaw) -> None:
        self.flaws[self.key(row)] = flaw

    def _complete(self, group: _Group) -> Completion:
        left = self.remaining()
        if left < LEAST_SECONDS or (self.progress and left < 1.5 * self.slowest):
            raise Waiting(0.0, "deadline")
        # Inside a search for the row at fault one failure is enough to search on; the last word takes all tries.
        searching = group.suspected and len(group.rows) > 1
        tries = {"tries": 1} if searching else {}
        questions = [row.question for row in group.rows]
        try:
            completion = self.client.complete(
                prompt.messages(questions, group.attempt), deadline=left, user_id=self.user_id,
                meter=self.meter, purse=self.purse, **tries)
        except Transient as error:
            if self.progress and self.remaining() < LEAST_SECONDS:
                raise Waiting(0.0, "deadline") from error
            raise
        self.slowest = max(self.slowest, left - self.remaining())
        return completion

    def _make_sure_of_the_provider(self, refused: ContentRefused) -> None:
        """Before a row is blamed, something harmless must pass: a wrong model name or an outage refuses everything."""
        if self.alive:
            return
        try:
            self.client.complete(prompt.messages([_HARMLESS]), deadline=self.remaining(), user_id=self.user_id,
                                 meter=self.meter, purse=self.purse)
        except ContentRefused as also:
            if also.details.get("suspected") or refused.details.get("suspected"):
                raise Transient("the provider fails on harmless rows too", **also.details) from also
            raise Unavailable("the provider refuses harmless rows too", **also.details) from also
        self.alive = True

    def _recall(self, keys: Sequence[str]) -> None:
        if not self.client.settings.cache_days:
            return
        try:
            known = self.cache.get_many(keys)
        except Transient:
            log.warning("cache not read", exc_info=True)
            return
        self.records.update({key: {str(name): str(text) for name, text in record.items()}
                             for key, record in known.items()})
        self.meter.add({Used.CACHED: len(known)})

    def _keep(self, good: Mapping[str, Mapping[str, str]]) -> None:
        """Remember at once: a batch that must wait for the rest does not pay twice."""
        self.records.update(good)
        if not good or not self.client.settings.cache_days:
            return
        try:
            self.cache.put_many(good, days=self.client.settings.cache_days)
        except Transient:
            log.warning("cache not written", exc_info=True)
        else:
            self.progress = True


def _in_final_form(record: Mapping[str, str], local: Standardized, region: str) -> Standardized:
    """The AI's record in the rules' form, with what it left out put back: an e-mail, a phone, unmapped columns."""
    kept = local.record.get("remarks", "")
    folded = kept.casefold()
    merged = {name: text for name, text in record.items() if name != "remarks"}
    for name in ("email", "phone"):
        if name in merged and merged[name].casefold() in folded and name not in clean(
                {name: merged[name]}, default_region=region).record:
            del merged[name]
        if name in local.record:
            merged.setdefault(name, local.record[name])
    more = [piece for piece in record.get("remarks", "").split("; ") if piece and piece.casefold() not in folded]
    merged["remarks"] = "; ".join([*([kept] if kept else []), *more])
    final = clean(merged, default_region=region)
    return Standardized(final.record, tuple(dict.fromkeys((*final.warnings, *local.warnings))))
