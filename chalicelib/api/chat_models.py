"""What goes in and out of POST /chat."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from chalicelib.api.models import LeadView, Wire
from chalicelib.asking.model import Query


class ChatRequest(Wire):
    """Body of POST /chat: a question about the caller's leads."""

    query: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class ChatType(StrEnum):
    """`clarification`: nothing was run, the question has to be put otherwise. `error`: chat does not do such things."""

    SUCCESS = "success"
    CLARIFICATION = "clarification"
    ERROR = "error"


class ChatProvider(StrEnum):
    """Who read the question."""

    GRAMMAR = "grammar"
    DEEPSEEK = "deepseek"


class ChatFallback(StrEnum):
    """Why the grammar read the question although DeepSeek is set up."""

    BUDGET = "budget_exhausted"
    BUSY = "busy"
    CIRCUIT = "circuit"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"


class ChatGroup(Wire):
    """Leads that share a value; `key` in its most common spelling."""

    key: str
    count: int


class ChatAnswer(Wire):
    """`query` echoes the question; `structured` is what was run, `interpretation` the same as a sentence.

    `resultCount`: leads in `rows`, groups in `groups`, or for a count the number itself. `total`: all that match, null
    where nobody looked so far. `complete` is false when only the first `lookedAt` leads were looked at, of which the
    numbers then are. `withoutKey`: leads that have no value to be grouped by.
    """

    response: str
    type: ChatType
    query: str
    result_count: int = 0
    structured: Query | None = None
    interpretation: str | None = None
    rows: tuple[LeadView, ...] = ()
    groups: tuple[ChatGroup, ...] = ()
    total: int | None = None
    without_key: int = 0
    complete: bool = True
    looked_at: int = 0
    provider: ChatProvider = ChatProvider.GRAMMAR
    fallback: ChatFallback | None = None
    suggestions: tuple[str, ...] = ()
