"""How every queue consumer answers SQS: which messages are done, which come again, which are dead.

A handler says of each message whether it may be acknowledged; the answer to Lambda follows from that. Never is a
failure reported as success (the message would be deleted), never does one bad message bring back its good neighbours.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import DropmillError, Malformed
from chalicelib.logs import bound, log
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.sqs import Queues


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the event source hands it over. `receives` counts this one."""

    message_id: str
    receipt_handle: str
    body: str
    receives: int


def respond(
    records: Sequence[Mapping[str, Any]], handle: Callable[[Received], bool], *, queue: str, queues: Queues,
    settings: Settings, metrics: Metrics, threads: int = 1,
) -> dict[str, Any]:
    """Handle the records of an SQS event; answers Lambda's partial batch response.

    Where the mapping does not honour such answers (`PARTIAL_BATCH` unset), the good messages are deleted here and the
    failure is raised, so that nothing good is repeated and nothing bad is lost.

    Ends the invocation's metrics. Lambda counts no error where failures are answered, so we do. With `threads` several
    messages are handled at a time, each on its own.
    """
    with metrics.invocation():
        received = [_received(record) for record in records]
        return _responded(received, _handled(received, handle, threads), queue, queues, settings, metrics)


def _handled(received: Sequence[Received], handle: Callable[[Received], bool], threads: int) -> Sequence[bool]:
    """Whether each message may be acknowledged."""
    if min(threads, len(received)) <= 1:
        return [handle(message) for message in received]
    # A copy of the context each: what one message binds to its lines is none of the others' business.
    contexts = [copy_context() for _ in received]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda context, message: context.run(handle, message), contexts, received))


def _responded(
    received: Sequence[Received], handled: Sequence[bool], queue: str, queues: Queues, settings: Settings,
    metrics: Metrics,
) -> dict[str, Any]:
    failures = [message for message, done in zip(received, handled, strict=True) if not done]
    metrics.count(Metric.MESSAGES_FAILED, len(failures) if settings.partial_batch else 0, settings.function)
    if failures and not settings.partial_batch:
        for message in received:
            if message not in failures:
                queues.delete(queue, message.receipt_handle)
        raise DropmillError("messages failed", count=len(failures))
    return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in failures]}


@dataclass(frozen=True, slots=True)
class Consumer:
    """The common life of a message: done, or back with a growing delay, or given up on its last receive, or buried.

    `run` does what a body asks for and raises Malformed for one that nobody can understand. `give_up` says so to those
    who wait, with the cause, before the message joins the dead letters.
    """

    queue: str
    queues: Queues
    settings: Settings
    rng: random.Random
    metrics: Metrics
    run: Callable[[str], None]
    give_up: Callable[[str, str], None]

    def work(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Serve the records of one SQS event; answers Lambda's partial batch response."""
        return respond(records, self._handled, queue=self.queue, queues=self.queues, settings=self.settings,
                       metrics=self.metrics)

    def _handled(self, received: Received) -> bool:
        with bound(message_id=received.message_id, attempt=received.receives):
            return self._served(received)

    def _served(self, received: Received) -> bool:
        try:
            self.run(received.body)
        except Malformed as error:
            bury(received, error, queue=self.queue, queues=self.queues)
        except Exception as error:
            cause = type(error).__name__
            log.warning("message failed", extra={"queue": self.queue, "error": cause},
                        exc_info=not isinstance(error, DropmillError))
            self._come_again_or_give_up(received, cause)
            return False
        return True

    def _come_again_or_give_up(self, received: Received, cause: str) -> None:
        try:
            delay = backoff(received.receives, self.settings, self.rng)
            if received.receives >= self.settings.max_receives:
                self.give_up(received.body, cause)
                delay = 0.0
            self.queues.change_visibility(self.queue, received.receipt_handle, delay)
        except DropmillError as error:
            log.warning("failure could not be recorded", extra={"queue": self.queue, "error": type(error).__name__})


def bury(received: Received, error: Malformed, *, queue: str, queues: Queues) -> None:
    """A message that nobody can understand joins the dead letters as it is; the original may then be acknowledged."""
    facts = {name: str(value) for name, value in error.details.items()}
    log.error("malformed message", extra={"message_id": received.message_id, "problem": error.message, **facts})
    queues.send_text(dead_letters(queue), received.body)


def backoff(attempt: int, settings: Settings, rng: random.Random) -> float:
    """Seconds until the next attempt: doubling from the base, the upper half of it at random."""
    most = min(settings.backoff_cap, settings.backoff_base * 2 ** (attempt - 1))
    return rng.uniform(most / 2, most)


def dead_letters(queue: str) -> str:
    """The name of a queue's dead letter queue, as the template gives it."""
    return f"{queue}-dlq"


def _received(record: Mapping[str, Any]) -> Received:
    return Received(record["messageId"], record["receiptHandle"], record["body"],
                    int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)))
