"""DeepSeek's chat completions, JSON or a call of a tool, within a deadline and the limits that all workers share.

What each answer means follows the provider's own table (api-docs.deepseek.com, error codes and JSON mode):

    429 503, insufficient_system_resource  too busy: all workers hold off; soon a matter of Waiting, not of failing
    500, no answer, blank content           tried again here; for good it is Transient, or the content is suspected
    401 402 403 404                         only a person can help: the circuit opens
    400 413 422, content_filter             this content cannot be done
    length                                  handed to the caller, who asks for less

Neither prompts, answers nor the key are ever logged.
"""

from __future__ import annotations

import random as _random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import requests
from pydantic import BaseModel, ValidationError

from chalicelib.adapters.http import Reply, post_json
from chalicelib.adapters.retrying import TRIES, Retrying
from chalicelib.costs import Meter, Tariff, Used, total
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.budget import Purse, Unlimited
from chalicelib.jobs.limits import Policy
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import DeepSeekSettings

PROVIDER = "deepseek"
TOOL_TOKENS = 1000
"""Answer budget of a call that only names a tool's arguments."""
LEASE_MARGIN = 5.0
"""Seconds that a place outlasts its call: so long it stays taken when the worker is killed."""

_ONLY_A_PERSON_CAN_HELP = {401: "key", 402: "balance", 403: "access", 404: "address"}
TOO_MANY = 429
_BUSY_STATUS = frozenset({TOO_MANY, 503})
_CONTENT_STATUS = frozenset({400, 413, 422})
_BUSY_REASONS = frozenset({"insufficient_system_resource", "aborted"})


@dataclass(frozen=True, slots=True)
class Usage:
    """What a completion cost, tries that came to nothing included."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_hit_tokens: int = 0
    failed_calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.calls + other.calls, self.prompt_tokens + other.prompt_tokens,
                     self.completion_tokens + other.completion_tokens, self.cache_hit_tokens + other.cache_hit_tokens,
                     self.failed_calls + other.failed_calls)

    def priced(self, tariff: Tariff) -> dict[str, int]:
        """The same in the words of `costs.Used`, with its price."""
        counts = asdict(self)
        return total(counts, {Used.PROVIDER_NANO_USD: tariff.nanos(counts)})


@dataclass(frozen=True, slots=True)
class Completion:
    """The text of an answer. `finish_reason` `length` means that it was cut off; its content is then worthless."""

    content: str
    finish_reason: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The call that the model wants made. `arguments` is a text that should be a JSON object, and need not be one."""

    id: str
    name: str
    arguments: str
    usage: Usage


class Permits(Protocol):
    """What we need of the shared limiter."""

    def hold(self, provider: str, policy: Policy, *, patience: float) -> AbstractContextManager[object]: ...

    def penalise(self, provider: str, policy: Policy, retry_after: float | None = None) -> None: ...

    def trip(self, provider: str, reason: str) -> None: ...


class DeepSeek:
    """One account at DeepSeek, or at whatever speaks its protocol at `settings.url`."""

    def __init__(
        self, settings: DeepSeekSettings, limiter: Permits, session: requests.Session, *,
        monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
        random: _random.Random | None = None, patience: float = 2.0, metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings
        self.tariff = Tariff(settings.usd_prompt, settings.usd_cache_hit, settings.usd_completion)
        self._metrics = metrics or Metrics()
        self.policy = Policy(settings.max_concurrency, spacing_seconds=settings.spacing_seconds)
        self._limiter = limiter
        self._session = session
        self._monotonic = monotonic
        self._retrying = Retrying(PROVIDER, monotonic, sleep, random or _random.SystemRandom())
        self._patience = patience

    def complete(
        self, messages: Sequence[Mapping[str, str]], *, deadline: float, user_id: str = "", tries: int = TRIES,
        meter: Meter | None = None, purse: Purse | None = None,
    ) -> Completion:
        """One answer within `deadline` seconds. `user_id` (letters, digits, - and _) keeps tenants apart at DeepSeek.

        `tries` is for failures that the content may have caused; the network always has its three. `meter` is told what
        was used, also when this raises. `purse` is asked before every single call.
        Raises Waiting while the provider is too busy or its circuit is open, Unavailable by the call that opens it,
        ContentRefused for content that it chokes on (`suspected=True` when an outage would look the same), Transient.
        """
        call = _Call(self._request(messages, user_id), self._monotonic() + deadline, tries, purse or Unlimited())
        return self._metered(call, meter).completion

    def call_tool(
        self, messages: Sequence[Mapping[str, Any]], tool: Mapping[str, Any], *, deadline: float, user_id: str = "",
        tries: int = TRIES, meter: Meter | None = None, purse: Purse | None = None,
    ) -> ToolCall:
        """The call of `tool` that answers `messages`; the model must make it. Contract as `complete`.

        An answer without a call is tried again like a blank one.
        """
        request = self._tool_request(messages, tool, user_id)
        call = _Call(request, self._monotonic() + deadline, tries, purse or Unlimited())
        answered = self._metered(call, meter)
        asked = answered.tool_calls[0]
        return ToolCall(asked.id, asked.function.name, asked.function.arguments, answered.completion.usage)

    def _metered(self, call: _Call, meter: Meter | None) -> _Answered:
        try:
            return self._completed(call)
        finally:
            if meter is not None:
                meter.add(call.usage.priced(self.tariff))

    def _completed(self, call: _Call) -> _Answered:
        while True:
            try:
                return self._attempt(call)
            except _Busy as busy:
                self._hold_off(call, busy)
            except Transient as error:
                self._back_off(call, error)

    def _attempt(self, call: _Call) -> _Answered:
        left = max(0.0, call.ends - self._monotonic())
        policy = replace(self.policy, lease_seconds=min(self.settings.call_timeout, left) + LEASE_MARGIN)
        before = call.usage
        call.purse.reserve(self._likely_price(call.request))
        try:
            with self._limiter.hold(PROVIDER, policy, patience=min(self._patience, left)):
                completion = self._asked(call)
        except Exception as error:
            failed = call.usage.calls - before.calls
            call.usage += Usage(failed_calls=failed)
            self._measure(before, call.usage, error)
            raise
        finally:
            self._correct(call, before)
        self._measure(before, call.usage, None)
        return completion

    def _likely_price(self, request: Mapping[str, Any]) -> int:
        """Of a call whose answer is about as long as its question, on the high side."""
        asked = sum(len(message["content"] or "") for message in request["messages"])
        answered = min(request["max_tokens"], len(request["messages"][-1]["content"]) // 2)
        if "tools" in request:
            asked, answered = asked + len(str(request["tools"])), TOOL_TOKENS
        return self.tariff.nanos({Used.PROMPT_TOKENS: asked // 2, Used.COMPLETION_TOKENS: answered})

    def _correct(self, call: _Call, before: Usage) -> None:
        after = call.usage
        used = Usage(after.calls - before.calls, after.prompt_tokens - before.prompt_tokens,
                     after.completion_tokens - before.completion_tokens,
                     after.cache_hit_tokens - before.cache_hit_tokens)
        call.purse.correct(used.calls, self.tariff.nanos(asdict(used)))

    def _asked(self, call: _Call) -> _Answered:
        left = min(self.settings.call_timeout, call.ends - self._monotonic())
        call.usage += Usage(calls=1)
        reply = post_json(
            self._session, f"{self.settings.url.rstrip('/')}/chat/completions", body=call.request, deadline=left,
            headers={"Authorization": f"Bearer {self.settings.key.get_secret_value()}",
                     "Accept": "application/json"}, monotonic=self._monotonic)
        self._refuse(reply)
        return _completion(reply, call)

    def _measure(self, before: Usage, after: Usage, error: Exception | None) -> None:
        """A throttled call is no failure: holding off is what we are asked for. A call that an open circuit keeps us
        from making is one, or the alarm would fall silent while the provider is out of reach."""
        blocked = isinstance(error, Waiting) and error.reason == "circuit"
        throttled = isinstance(error, _Busy) and error.details.get("status") == TOO_MANY
        failed = after.failed_calls - before.failed_calls
        for metric, value in ((Metric.PROVIDER_CALLS, after.calls - before.calls),
                              (Metric.PROVIDER_FAILURES, 0 if throttled else failed),
                              (Metric.PROVIDER_BLOCKED, int(blocked)), (Metric.PROVIDER_THROTTLED, int(throttled)),
                              (Metric.PROMPT_TOKENS, after.prompt_tokens - before.prompt_tokens),
                              (Metric.COMPLETION_TOKENS, after.completion_tokens - before.completion_tokens)):
            self._metrics.count(metric, value, PROVIDER)

    def _refuse(self, reply: Reply) -> None:
        """Raise what the status means; 200 passes."""
        status = reply.status
        if status == 200:
            return
        if status in _BUSY_STATUS:
            raise _Busy("deepseek is too busy", reply.retry_after, status=status)
        if status in _ONLY_A_PERSON_CAN_HELP:
            reason = _ONLY_A_PERSON_CAN_HELP[status]
            self._limiter.trip(PROVIDER, reason)
            raise Unavailable(f"deepseek refuses until a person acts: {reason}", status=status, reason=reason)
        if status in _CONTENT_STATUS:
            raise ContentRefused("deepseek refuses the content", status=status, suspected=False)
        raise _Suspect(f"deepseek failed with {status}", status=status)

    def _hold_off(self, call: _Call, busy: _Busy) -> None:
        """Tell all workers to hold off, us included: the next `hold` sleeps, or raises Waiting."""
        self._limiter.penalise(PROVIDER, self.policy, busy.retry_after)
        self._retrying.after_busy(call, busy, busy.retry_after)

    def _back_off(self, call: _Call, error: Transient) -> None:
        """Sleep before the next try; without one left raise what it means to have failed for good."""
        call.suspect = call.suspect and isinstance(error, _Suspect)
        tries = call.tries if call.suspect else TRIES
        if call.failures + 1 >= tries and call.suspect:
            raise ContentRefused(f"again and again: {error.message}", suspected=True, **error.details) from error
        self._retrying.after_failure(call, error, tries)

    def _request(self, messages: Sequence[Mapping[str, str]], user_id: str) -> dict[str, Any]:
        thinking = "enabled" if self.settings.thinking else "disabled"
        # Thinking is on by default, eats max_tokens and ignores the temperature: always say which.
        request = {"model": self.settings.model, "messages": [dict(message) for message in messages],
                   "thinking": {"type": thinking}, "response_format": {"type": "json_object"},
                   "max_tokens": self.settings.max_tokens, "temperature": 0, "stream": False}
        return {**request, "user_id": user_id} if user_id else request

    def _tool_request(
        self, messages: Sequence[Mapping[str, Any]], tool: Mapping[str, Any], user_id: str
    ) -> dict[str, Any]:
        """A named `tool_choice` is refused while the model thinks, so here it never does. The tools stand before the
        messages in the provider's prompt, so its prefix cache knows them from the call before."""
        request = {"model": self.settings.model, "messages": [dict(message) for message in messages],
                   "thinking": {"type": "disabled"}, "tools": [tool], "max_tokens": TOOL_TOKENS, "temperature": 0,
                   "tool_choice": {"type": "function", "function": {"name": tool["function"]["name"]}}, "stream": False}
        return {**request, "user_id": user_id} if user_id else request


class _Busy(Transient):
    """Too many calls, or too few machines: all workers hold off."""

    def __init__(self, message: str, retry_after: float | None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class _Suspect(Transient):
    """A failure that the content may have caused, if it comes back each time."""


@dataclass(slots=True)
class _Call:
    """One completion in the making: when it must end, what it cost, how often and how it failed."""

    request: dict[str, Any]
    ends: float
    tries: int
    purse: Purse
    usage: Usage = Usage()
    failures: int = 0
    busy: int = 0
    suspect: bool = True
    """No failure so far could only be the network's."""


class _Function(BaseModel):
    name: str
    arguments: str


class _AskedTool(BaseModel):
    id: str = ""
    function: _Function


class _Message(BaseModel):
    content: str | None = None
    tool_calls: tuple[_AskedTool, ...] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_cache_hit_tokens: int = 0


class _Answer(BaseModel):
    choices: list[_Choice]
    usage: _Tokens | None = None


@dataclass(frozen=True, slots=True)
class _Answered:
    completion: Completion
    tool_calls: tuple[_AskedTool, ...]


def _completion(reply: Reply, call: _Call) -> _Answered:
    """The answer, when it is one. Raises for answers that HTTP calls good and that hold nothing."""
    try:
        answer = _Answer.model_validate(reply.json())
        choice = answer.choices[0]
    except (ValidationError, IndexError) as error:
        raise Transient("deepseek's answer has no choices") from error
    tokens = answer.usage or _Tokens()
    call.usage += Usage(0, tokens.prompt_tokens, tokens.completion_tokens, tokens.prompt_cache_hit_tokens)
    reason, content = choice.finish_reason or "", choice.message.content or ""
    if reason == "content_filter":
        raise ContentRefused("deepseek filters the content", suspected=False)
    if reason in _BUSY_REASONS:
        raise _Busy(f"deepseek broke off: {reason}", None)
    called = choice.message.tool_calls or ()
    if "tools" in call.request and not called:
        raise _Suspect("deepseek called no tool")
    if not content.strip() and reason != "length" and not called:
        raise _Suspect("deepseek answered blanks")
    return _Answered(Completion(content, reason, call.usage), called)
