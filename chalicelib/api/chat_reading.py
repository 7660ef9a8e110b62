"""Who reads a question: DeepSeek where it has a key, within a deadline and the day's budget, else the grammar.

DeepSeek hears the fields of a lead and the question, nothing else. Whatever it does, the answer is a checked query, a
request to put the question otherwise, or the grammar's reading with the reason why.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from chalicelib.adapters.budget import Budget
from chalicelib.api.chat_models import ChatFallback, ChatProvider
from chalicelib.asking import grammar, tool
from chalicelib.asking.grammar import Puzzle
from chalicelib.asking.model import Query
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.budget import EXHAUSTED, Purse, caps_of
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.deepseek import DeepSeek, ToolCall

REPAIRS = 1
"""Times that the model is told what was wrong with its arguments."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a question was taken for, by whom; `fallback` says why not by DeepSeek, where it should have been."""

    meant: Query | Puzzle
    provider: ChatProvider
    fallback: ChatFallback | None = None


def read(
    question: str, owner: str, *, settings: Settings, clock: Callable[[], datetime],
    deepseek: Callable[[], DeepSeek], budget: Budget,
) -> Reading:
    """Never raises for what a provider or a question does; raises Transient where the ledger does not answer."""
    now = clock()
    if grammar.asks_for_change(question):
        return Reading(grammar.READ_ONLY, ChatProvider.GRAMMAR)
    if settings.chat_reader == "grammar":
        return Reading(grammar.understand(question, now), ChatProvider.GRAMMAR)
    purse = budget.day_purse(owner, uuid4().hex, caps_of({}, settings))
    asking = _Asking(deepseek(), _tenant(owner), purse, time.monotonic() + settings.chat_seconds)
    meant = asking.read(question, now)
    if isinstance(meant, Query):
        return Reading(meant, ChatProvider.DEEPSEEK)
    ours = grammar.understand(question, now)
    if isinstance(meant, ChatFallback):
        return Reading(ours, ChatProvider.GRAMMAR, meant)
    return Reading(ours, ChatProvider.GRAMMAR) if isinstance(ours, Query) else Reading(meant, ChatProvider.DEEPSEEK)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One question to DeepSeek, which must be answered by `ends` of the monotonic clock."""

    client: DeepSeek
    user_id: str
    purse: Purse
    ends: float

    def read(self, question: str, now: datetime) -> Query | Puzzle | ChatFallback:
        try:
            return self._read(question, now)
        except Waiting as waiting:
            return {EXHAUSTED: ChatFallback.BUDGET, "circuit": ChatFallback.CIRCUIT}.get(
                waiting.reason, ChatFallback.BUSY)
        except Unavailable:
            return ChatFallback.CIRCUIT
        except (ContentRefused, Transient):
            return ChatFallback.UNAVAILABLE

    def _read(self, question: str, now: datetime) -> Query | Puzzle | ChatFallback:
        messages = tool.messages(question, now)
        for _ in range(1 + REPAIRS):
            call = self._call(messages)
            try:
                return tool.read_call(call.name, call.arguments)
            except tool.Misread as misread:
                messages += tool.correction(call.id, call.name, call.arguments, str(misread))
        return ChatFallback.INVALID

    def _call(self, messages: list[dict[str, object]]) -> ToolCall:
        return self.client.call_tool(messages, tool.TOOL, deadline=self.ends - time.monotonic(), user_id=self.user_id,
                                     tries=2, purse=self.purse)


def _tenant(owner: str) -> str:
    """Keeps owners apart at the provider without telling it who they are."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
