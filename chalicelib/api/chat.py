"""POST /chat: a question in plain words about the caller's own leads, answered with what was really run.

Chat only reads. The question becomes a query of a closed model, which is checked, run over the owner's leads in bounded
reads, and shown. Nothing of the question is logged: it may name people.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.adapters.budget import Budget
from chalicelib.adapters.lead_listing import LeadListing
from chalicelib.api.auth import Caller
from chalicelib.api.chat_models import ChatAnswer, ChatFallback, ChatGroup, ChatRequest, ChatType
from chalicelib.api.chat_reading import Reading, read
from chalicelib.api.chat_running import Bounds, Found, run
from chalicelib.api.lead_view import lead_view
from chalicelib.asking.grammar import Puzzle, Why
from chalicelib.asking.model import Field, Kind, Op, Query
from chalicelib.asking.telling import Told, tell
from chalicelib.asking.wording import sentence
from chalicelib.logs import log
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.deepseek import DeepSeek

BOUNDS = Bounds()

NOTES = {
    ChatFallback.BUDGET: "Today's budget for AI is used up, so the built-in grammar read the question.",
    ChatFallback.BUSY: "DeepSeek is too busy, so the built-in grammar read the question.",
    ChatFallback.CIRCUIT: "DeepSeek refuses our calls until a person acts, so the built-in grammar read the question.",
    ChatFallback.UNAVAILABLE: "DeepSeek did not answer in time, so the built-in grammar read the question.",
    ChatFallback.INVALID: "DeepSeek's answer was no valid query, so the built-in grammar read the question."}


def answer(
    caller: Caller, request: ChatRequest, *, listing: LeadListing, settings: Settings, clock: Callable[[], datetime],
    deepseek: Callable[[], DeepSeek], budget: Budget, bounds: Bounds = BOUNDS,
) -> ChatAnswer:
    """What the caller's leads say to a question."""
    reading = read(request.query, caller.owner, settings=settings, clock=clock, deepseek=deepseek, budget=budget)
    if isinstance(reading.meant, Puzzle):
        answered = _puzzled(request.query, reading, reading.meant)
    else:
        answered = _found(request.query, reading, reading.meant, run(reading.meant, caller.owner, listing, bounds))
    log.info("chat answered", extra={
        "type": answered.type.value, "provider": answered.provider.value, "fallback": answered.fallback or "",
        "kind": answered.structured.type.value if answered.structured else "", "result_count": answered.result_count,
        "looked_at": answered.looked_at, "complete": answered.complete})
    return answered


def _puzzled(question: str, reading: Reading, puzzle: Puzzle) -> ChatAnswer:
    return ChatAnswer(
        response=_noted(puzzle.message, reading), query=question, provider=reading.provider,
        type=ChatType.ERROR if puzzle.why is Why.CHANGE else ChatType.CLARIFICATION, fallback=reading.fallback,
        suggestions=puzzle.suggestions)


def _found(question: str, reading: Reading, query: Query, found: Found) -> ChatAnswer:
    told = Told(shown=len(found.leads), groups=found.groups, total=found.total, without_key=found.without_key,
                looked_at=found.looked_at, complete=found.complete)
    results = found.total or 0 if query.type is Kind.COUNT else len(found.leads) + len(found.groups)
    return ChatAnswer(
        response=_noted(tell(query, told), reading), type=ChatType.SUCCESS, query=question, result_count=results,
        structured=query, interpretation=sentence(query), rows=tuple(map(lead_view, found.leads)),
        groups=tuple(ChatGroup(key=key, count=count) for key, count in found.groups), total=found.total,
        without_key=found.without_key, complete=found.complete, looked_at=found.looked_at, provider=reading.provider,
        fallback=reading.fallback, suggestions=() if results else _instead(query))


def _noted(text: str, reading: Reading) -> str:
    return f"{text} {NOTES[reading.fallback]}" if reading.fallback else text


def _instead(query: Query) -> tuple[str, ...]:
    """Where nothing was found: what people may have meant by a name that is no company's, or no person's."""
    for condition in query.filters:
        if condition.op is Op.WORDS and not condition.negated and condition.field in (Field.COMPANY, Field.NAME):
            text = condition.values[0].replace('"', "")
            others = {Field.COMPANY: f'leads at "{text}"', Field.NAME: f'find "{text}"'}
            return (*(question for field, question in others.items() if field is not condition.field),
                    f'leads with source "{text}"', f'leads with remarks containing "{text}"')
    return ()
