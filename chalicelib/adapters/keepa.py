"""Keepa's products, by codes or by a title, within a deadline and within the tokens that all workers share.

Tokens come at the plan's rate and expire after an hour, so the bucket holds sixty minutes' worth. Every answer tells
how many are left, and that word is passed on to the shared limiter. What each answer means follows the official client
(github.com/keepacom/api_backend, KeepaAPI.java):

    429                      too few tokens: all workers hold off until they are earned; Waiting, no failure
    400                      a code is malformed: halved until it is found, so that its neighbours are answered
    401 402 403 404 405      only a person can help: the circuit opens
    500, no answer, no JSON  tried again here; for good it is Transient

We ask for `stats` without `history`: `stats.current` has the present value of each kind at some hundredth of the size.
`rating=1` is what fills in rating and review count; it costs up to one token a product more, which is not reserved:
Keepa lets the balance fall below zero, and the limiter then waits for it.

The key is a part of the address, the only way Keepa takes it. So addresses are logged by nobody: not here, not in
errors, not in their causes, and urllib3's debug lines lose it too.
"""

from __future__ import annotations

import logging
import random as _random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlencode

import requests

from chalicelib.adapters.http import Reply, send
from chalicelib.adapters.keepa_answers import KeepaAnswer, Tokens, Told, matched, products_of, told
from chalicelib.adapters.retrying import Retrying
from chalicelib.costs import Meter, Used, total
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.limits import Policy
from chalicelib.logs import log
from chalicelib.metrics import Metric, Metrics
from chalicelib.pipelines.products.codes import Code, Parameter
from chalicelib.settings import KeepaSettings

PROVIDER = "keepa"
MAX_CODES = 100
"""Codes in one request (Keepa's own limit without `offers`)."""
SEARCH_TOKENS = 10
CODE_LIMIT = 5
"""Products that one code may bring: each costs a token, and some codes stand on dozens."""
MAX_TERM = 150
LEASE_MARGIN = 5.0
"""Seconds that a place outlasts its call: so long it stays taken when the worker is killed."""
MAX_REFUSALS = 12
"""Refusals with not one acceptance after which the request is at fault and not a code in it (a hundred codes are down
to a single one after eight)."""

_BUCKET_MINUTES = 60
_TOO_MANY = 429
_REFUSED = 400
_ONLY_A_PERSON_CAN_HELP = {401: "key", 402: "payment", 403: "access", 404: "address", 405: "method"}


class Permits(Protocol):
    """What we need of the shared limiter."""

    def hold(
        self, provider: str, policy: Policy, *, cost: float, patience: float,
    ) -> AbstractContextManager[object]: ...

    def penalise(self, provider: str, policy: Policy, retry_after: float | None = None) -> None: ...

    def trip(self, provider: str, reason: str) -> None: ...

    def observe(self, provider: str, tokens: float) -> None: ...


class Keepa:
    """One account at Keepa, or at whatever speaks its protocol at `settings.url`."""

    def __init__(
        self, settings: KeepaSettings, limiter: Permits, session: requests.Session, *,
        monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
        random: _random.Random | None = None, patience: float = 2.0, metrics: Metrics | None = None,
    ) -> None:
        self.settings = settings
        self._rate = settings.tokens_per_minute
        self._limiter = limiter
        self._session = session
        self._monotonic = monotonic
        self._retrying = Retrying(PROVIDER, monotonic, sleep, random or _random.SystemRandom())
        self._patience = patience
        self._metrics = metrics or Metrics()
        logging.getLogger("urllib3.connectionpool").addFilter(_without_key)

    @property
    def policy(self) -> Policy:
        """The plan's limits, by the rate that Keepa told last where that is not the setting."""
        return Policy(self.settings.max_concurrency, capacity=_BUCKET_MINUTES * self._rate,
                      refill_per_second=self._rate / 60)

    def products(self, codes: Sequence[Code], *, deadline: float, meter: Meter | None = None) -> KeepaAnswer:
        """The products of 1 to 100 codes that share their parameter, within `deadline` seconds.

        `meter` is told what was used, also when this raises. A malformed code does not hold back the others.
        Raises Waiting while tokens are short or the circuit is open, Unavailable by the call that opens it, Transient,
        ContentRefused when Keepa refuses whatever the codes are; all of them only when no code was answered yet.
        """
        distinct = tuple({code.key: code for code in codes}.values())
        if not 1 <= len(distinct) <= MAX_CODES or len({code.parameter for code in distinct}) > 1:
            raise ValueError(f"1 to {MAX_CODES} codes of one parameter can be asked for")
        ends = self._monotonic() + deadline
        waiting, answer, refusals = deque([distinct]), KeepaAnswer(), 0
        while waiting:
            some = waiting.popleft()
            try:
                answer += self._of_codes(some, ends, meter)
            except ContentRefused:
                refusals += 1
                if refusals >= MAX_REFUSALS and not (answer.found or answer.missing):
                    raise
                answer += KeepaAnswer(refused=some if len(some) == 1 else ())
                waiting.extendleft(reversed(_halves(some)))
            except (Waiting, Unavailable, Transient) as error:
                if not (answer.found or answer.missing):
                    raise
                log.warning("keepa was left with codes unasked", extra={"cause": error.message})
                return answer + KeepaAnswer(unasked=some + tuple(code for each in waiting for code in each))
        return answer

    def search(self, title: str, *, deadline: float, meter: Meter | None = None) -> KeepaAnswer:
        """The first ten products that Amazon's own search has for a title, in `products`; errors as `products`.

        Costs ten tokens whatever comes of it. Keepa's answer says nothing of how well they fit.
        """
        term = " ".join(title.split())[:MAX_TERM]
        if not term:
            raise ValueError("a title without a word cannot be searched for")
        query = {"type": "product", "term": term, "page": "0", **self._wanted()}
        products, dropped = products_of(self._answered(
            _Call("/search", query, SEARCH_TOKENS, self._monotonic() + deadline), meter))
        return KeepaAnswer(products, dropped=dropped)

    def tokens(self, *, deadline: float = 10.0) -> Tokens:
        """How the account stands. Costs nothing and asks no limiter. Raises Unavailable and Transient."""
        answer = self._asked(_Call("/token", {}, 0, self._monotonic() + deadline))
        self._heed(answer)
        return answer.tokens

    def _of_codes(self, codes: tuple[Code, ...], ends: float, meter: Meter | None) -> KeepaAnswer:
        parameter = codes[0].parameter
        query = {parameter.value: ",".join(code.asked for code in codes), **self._wanted()}
        if parameter is Parameter.CODE:
            query["code-limit"] = str(CODE_LIMIT)
        return matched(codes, *products_of(self._answered(_Call("/product", query, len(codes), ends), meter)))

    def _wanted(self) -> dict[str, str]:
        return {"stats": str(self.settings.stats_days), "history": "0", "rating": "1"}

    def _answered(self, call: _Call, meter: Meter | None) -> Told:
        try:
            while True:
                try:
                    return self._attempt(call)
                except _Busy as busy:
                    self._hold_off(call, busy)
                except Transient as error:
                    self._retrying.after_failure(call, error)
        finally:
            if meter is not None:
                meter.add(call.used)

    def _attempt(self, call: _Call) -> Told:
        left = max(0.0, call.ends - self._monotonic())
        policy = replace(self.policy, lease_seconds=min(self.settings.call_timeout, left) + LEASE_MARGIN)
        before = call.used
        # A small plan's full bucket may hold less than a hundred: it may be overdrawn, or the call would never come.
        cost = min(call.cost, policy.capacity)
        try:
            with self._limiter.hold(PROVIDER, policy, cost=cost, patience=min(self._patience, left)):
                answer = self._asked(call)
                self._heed(answer)
        except Exception as error:
            failed = call.used.get(Used.CALLS, 0) - before.get(Used.CALLS, 0)
            call.used = total(call.used, {Used.FAILED_CALLS: failed})
            self._measure(failed, failed, error)
            raise
        self._measure(1, 0, None)
        return answer

    def _asked(self, call: _Call) -> Told:
        left = min(self.settings.call_timeout, call.ends - self._monotonic())
        call.used = total(call.used, {Used.CALLS: 1})
        query = {"key": self.settings.key.get_secret_value(), "domain": str(self.settings.domain), **call.query}
        reply = self._reply(f"{self.settings.url.rstrip('/')}{call.path}?{urlencode(query)}", left)
        answer = told(reply)
        if answer is not None:
            call.used = total(call.used, {Used.PROVIDER_TOKENS: max(0, answer.tokens_consumed)})
        self._refuse(reply, answer)
        if answer is None:
            raise Transient("keepa's answer is none of its own", status=reply.status)
        return answer

    def _reply(self, url: str, deadline: float) -> Reply:
        """As `send`, with an error that has no cause: the library's names the address, and with it the key."""
        try:
            return send(self._session, "GET", url, deadline=deadline, monotonic=self._monotonic,
                        headers={"Accept": "application/json", "Accept-Encoding": "gzip"})
        except Transient as error:
            message, details = error.message, error.details
        raise Transient(message, **details)

    def _refuse(self, reply: Reply, answer: Told | None) -> None:
        """Raise what the status means; 200 passes."""
        status = reply.status
        if status == 200:
            return
        if status == _TOO_MANY:
            if answer is not None:
                self._heed(answer)
            raise _Busy("keepa has too few tokens", answer.tokens.wait if answer else reply.retry_after)
        if status in _ONLY_A_PERSON_CAN_HELP:
            reason = _ONLY_A_PERSON_CAN_HELP[status]
            self._limiter.trip(PROVIDER, reason)
            raise Unavailable(f"keepa refuses until a person acts: {reason}", status=status, reason=reason)
        if status == _REFUSED:
            if answer is not None:
                self._heed(answer)
            raise ContentRefused("keepa refuses the request", status=status, suspected=False)
        raise Transient(f"keepa failed with {status}", status=status)

    def _heed(self, answer: Told) -> None:
        """Pass on how many tokens are left. An answer is paid for: it is not lost when the limiter cannot be told."""
        if answer.refill_rate > 0:
            self._rate = answer.refill_rate
        try:
            self._limiter.observe(PROVIDER, answer.tokens_left)
        except Transient as error:
            log.warning("limiter not told of keepa's tokens", extra={"cause": error.message})

    def _measure(self, calls: int, failed: int, error: Exception | None) -> None:
        """A throttled call is no failure; one that an open circuit forbids is told, or the alarm would fall silent."""
        blocked = isinstance(error, Waiting) and error.reason == "circuit"
        throttled = isinstance(error, _Busy)
        for metric, value in ((Metric.PROVIDER_CALLS, calls), (Metric.PROVIDER_FAILURES, 0 if throttled else failed),
                              (Metric.PROVIDER_BLOCKED, int(blocked)), (Metric.PROVIDER_THROTTLED, int(throttled))):
            self._metrics.count(metric, value, PROVIDER)

    def _hold_off(self, call: _Call, busy: _Busy) -> None:
        """Tell all workers to hold off, us included: the next `hold` sleeps, or raises Waiting."""
        self._limiter.penalise(PROVIDER, self.policy, busy.retry_after)
        self._retrying.after_busy(call, busy, busy.retry_after)


class _Busy(Transient):
    """Too few tokens for the request."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message, status=_TOO_MANY)
        self.retry_after = retry_after


@dataclass(slots=True)
class _Call:
    """One request in the making: what it asks, the tokens it costs at least, when it must end, how often it failed."""

    path: str
    query: Mapping[str, str]
    cost: int
    ends: float
    used: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    busy: int = 0


def _halves(codes: tuple[Code, ...]) -> list[tuple[Code, ...]]:
    """Both halves of what was refused; a single code has none."""
    middle = len(codes) // 2
    return [codes[:middle], codes[middle:]] if middle else []


def _without_key(record: logging.LogRecord) -> bool:
    """Takes the key out of urllib3's line on a request."""
    record.msg, record.args = re.sub(r"key=[^&\s\"]*", "key=***", record.getMessage()), ()
    return True
