"""Moves messages from the emulator's queues into functions, as Lambda's event source mappings do, but stricter.

An answer that Lambda might misread fails the whole batch, and a queue whose messages become visible again while their
function may still run is refused at the start. The receive count and the way into the dead letters are the emulator's
own. One thing is kinder than AWS: messages of a killed process are visible again at once, not after the visibility
time, because a person is watching.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.local import events
from chalicelib.local.access import Access
from chalicelib.local.faults import Faults
from chalicelib.local.functions import Ending, FunctionPool, Result
from chalicelib.local.processes import Say
from chalicelib.local.sources import BucketSource, QueueSource

S3_ATTEMPTS = 3
"""Lambda tries an asynchronous event three times."""
_POLL_SECONDS = 1
"""A long poll; short enough that stopping need not wait for it."""
_RECEIVE_LIMIT = 10
_MOST_COPIES = 4
_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})

Messages = Sequence[events.Message]


class Trigger(Protocol):
    """What differs between a queue and a bucket as the source of events."""

    function: str
    batch_size: int
    window: float

    def event(self, messages: Messages) -> Any:
        """The event for the function; None when there is nothing to call it for."""

    def failed(self, result: Result, messages: Messages) -> set[str]:
        """Ids of the messages that stay in the queue."""

    def delay(self, message: events.Message) -> int | None:
        """Seconds until a failed message may come again; None leaves that to its visibility."""


@dataclass(slots=True)
class QueueTrigger:
    """An event source mapping of SQS."""

    function: str
    batch_size: int
    window: float
    partial: bool
    arn: str
    region: str

    def event(self, messages: Messages) -> Any:
        return events.sqs_event(messages, self.arn, self.region)

    def failed(self, result: Result, messages: Messages) -> set[str]:
        return events.failed_ids(result, messages, partial=self.partial)

    def delay(self, message: events.Message) -> int | None:  # noqa: ARG002
        return None


@dataclass(slots=True)
class BucketTrigger:
    """Asynchronous events of S3, kept in a queue until their function has answered. `s3:TestEvent` is nobody's."""

    function: str
    batch_size: int = 1
    window: float = 0

    def event(self, messages: Messages) -> Any:
        event = json.loads(messages[0]["Body"])
        return event if "Records" in event else None

    def failed(self, result: Result, messages: Messages) -> set[str]:
        return set() if result.ending is Ending.ANSWERED else {messages[0]["MessageId"]}

    def delay(self, message: events.Message) -> int | None:
        return int(message["Attributes"]["ApproximateReceiveCount"])  # AWS waits a minute, then two


class Pump:
    """All consumers of a stage. `dice` makes the injected faults repeatable."""

    def __init__(self, pool: FunctionPool, access: Access, sources: Sequence[QueueSource | BucketSource], say: Say,
                 *, faults: Faults | None = None, seed: str = "") -> None:
        self._pool = pool
        self._client = access.client("sqs", max_pool_connections=100, read_timeout=20)
        self._access = access
        self._say = say
        self._faults = faults or Faults()
        self._seed = seed
        self._consumers = [self._consumer(each) for each in sources]

    def start(self) -> None:
        for each in self._consumers:
            each.start()

    @property
    def busy(self) -> int:
        """Batches that are running or held back."""
        return sum(each.busy for each in self._consumers)

    def stop(self, grace: float) -> None:
        """Receive no more, let running batches end within `grace` seconds, then kill them and release theirs."""
        for each in self._consumers:
            each.stop()
        deadline = time.monotonic() + grace
        while self.busy and time.monotonic() < deadline:
            time.sleep(0.02)
        self._pool.close()
        for each in self._consumers:
            each.join()

    def _consumer(self, source: QueueSource | BucketSource) -> Consumer:
        try:
            url = self._client.get_queue_url(QueueName=source.queue)["QueueUrl"]
        except self._client.exceptions.QueueDoesNotExist as error:
            raise ValueError(f"{source.function} listens to {source.queue}, which the template lacks") from error
        attributes = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        _refuse_short_visibility(source, int(attributes["VisibilityTimeout"]), self._pool)
        dice = random.Random(f"{self._seed}:{source.queue}")  # noqa: S311 - repeatable on purpose
        return Consumer(url, self._trigger(source, attributes["QueueArn"]), self._pool.invoke, self._client,
                        _concurrency(source), self._say, Mischief(self._faults, dice))

    def _trigger(self, source: QueueSource | BucketSource, arn: str) -> Trigger:
        if isinstance(source, BucketSource):
            return BucketTrigger(source.function)
        partial = self._pool.environment(source.function).get("PARTIAL_BATCH", "").lower() in _TRUE
        return QueueTrigger(source.function, source.batch_size, source.window, partial, arn, self._access.region)


def _concurrency(source: QueueSource | BucketSource) -> int:
    return source.concurrency if isinstance(source, QueueSource) else 5


def _refuse_short_visibility(source: QueueSource | BucketSource, visibility: int, pool: FunctionPool) -> None:
    window = source.window if isinstance(source, QueueSource) else 0
    needed = pool.spec(source.function).timeout + window
    if visibility < needed:
        raise ValueError(f"the queue {source.queue} shows its messages again after {visibility} s, but "
                         f"{source.function} may run (and wait for its batch) {needed} s: AWS refuses such a mapping")


class Mischief:
    """Decides which batches come again or late."""

    def __init__(self, faults: Faults, dice: random.Random) -> None:
        self._duplicate = faults.of("duplicate")
        self._reorder = faults.of("reorder")
        self._dice = dice

    def deliveries(self) -> list[float]:
        """Seconds from now at which a batch is delivered: the first is its own delivery, the others are copies."""
        times = [self._dice.uniform(0.05, 0.8) if self._dice.random() < self._reorder else 0.0]
        while len(times) <= _MOST_COPIES and self._dice.random() < self._duplicate:
            times.append(self._dice.choice((0.0, self._dice.uniform(0.0, 2.0))))
        return times

    def shuffle(self, messages: list[events.Message]) -> None:
        if self._reorder:
            self._dice.shuffle(messages)


class Consumer:
    """One queue, one function: a thread that receives, and up to `concurrency` that deliver."""

    def __init__(self, url: str, trigger: Trigger, invoke: Callable[[str, Any], Result], client: Any,
                 concurrency: int, say: Say, mischief: Mischief) -> None:
        self._url = url
        self._trigger = trigger
        self._invoke = invoke
        self._client = client
        self._concurrency = concurrency
        self._say = say
        self._mischief = mischief
        self._executor = ThreadPoolExecutor(concurrency, thread_name_prefix=trigger.function)
        self._poller = threading.Thread(target=self._run, name=f"poll-{trigger.function}", daemon=True)
        self._change = threading.Condition()
        self._running = 0
        self._later: list[tuple[float, Messages]] = []
        self._stopping = False

    @property
    def busy(self) -> int:
        with self._change:
            return self._running + len(self._later)

    def start(self) -> None:
        self._poller.start()

    def stop(self) -> None:
        with self._change:
            self._stopping = True
            self._later.clear()
            self._change.notify_all()

    def join(self) -> None:
        if self._poller.ident:
            self._poller.join()
        self._executor.shutdown()

    def _run(self) -> None:
        while not self._stopping:
            free = self._free_slots()
            due = self._due()
            if due:
                self._submit(due)
            elif free:
                try:
                    self._receive(free)
                except (BotoCoreError, ClientError) as error:
                    self._trouble(error)

    def _free_slots(self) -> int:
        """Wait a moment for a free slot."""
        with self._change:
            if self._running >= self._concurrency:
                self._change.wait(0.5)
            return self._concurrency - self._running

    def _due(self) -> Messages | None:
        with self._change:
            now = time.monotonic()
            if self._running < self._concurrency:
                for index, (at, _) in enumerate(self._later):
                    if at <= now:
                        return self._later.pop(index)[1]
        return None

    def _receive(self, free: int) -> None:
        size = self._trigger.batch_size
        messages = self._poll(min(_RECEIVE_LIMIT, free * size), 0 if self._later else _POLL_SECONDS)
        deadline = time.monotonic() + self._trigger.window
        while messages and len(messages) < size and (left := deadline - time.monotonic()) > 0 and not self._stopping:
            messages += self._poll(min(_RECEIVE_LIMIT, size - len(messages)), min(_POLL_SECONDS, left))
        if self._later and not messages:
            time.sleep(0.02)
        self._mischief.shuffle(messages)
        for start in range(0, len(messages), size):
            self._deliver_soon(messages[start:start + size])

    def _poll(self, count: int, wait: float) -> list[events.Message]:
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=count, WaitTimeSeconds=round(wait),
            AttributeNames=["All"], MessageAttributeNames=["All"])
        return list(answer.get("Messages", []))

    def _deliver_soon(self, batch: Messages) -> None:
        for delay in self._mischief.deliveries():
            if delay or self._running >= self._concurrency:
                with self._change:
                    self._later.append((time.monotonic() + delay, batch))
            else:
                self._submit(batch)

    def _submit(self, batch: Messages) -> None:
        with self._change:
            self._running += 1
        self._executor.submit(self._deliver, batch)

    def _deliver(self, batch: Messages) -> None:
        try:
            event = self._trigger.event(batch)
            result = Result(Ending.ANSWERED) if event is None else self._invoke(self._trigger.function, event)
            self._settle(batch, result)
        except Exception as error:  # the loop must live on; the messages come again by their visibility
            self._trouble(error)
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def _settle(self, batch: Messages, result: Result) -> None:
        failed = self._trigger.failed(result, batch)
        if failed and result.ending is Ending.ANSWERED:
            self._say(self._trigger.function, f"{len(failed)} of {len(batch)} messages failed and will come again")
        self._each("delete_message_batch", [_entry(each) for each in batch if each["MessageId"] not in failed])
        delays = {each["MessageId"]: 0 if result.killed else self._trigger.delay(each) for each in batch}
        self._each("change_message_visibility_batch", [
            {**_entry(each), "VisibilityTimeout": delays[each["MessageId"]]} for each in batch
            if each["MessageId"] in failed and delays[each["MessageId"]] is not None])

    def _each(self, operation: str, entries: list[Mapping[str, Any]]) -> None:
        for start in range(0, len(entries), _RECEIVE_LIMIT):
            numbered = [{**entry, "Id": str(number)}
                        for number, entry in enumerate(entries[start:start + _RECEIVE_LIMIT])]
            answer = getattr(self._client, operation)(QueueUrl=self._url, Entries=numbered)
            for refused in answer.get("Failed", []):
                # A stale handle: the message was deleted or received again meanwhile. AWS does not even mind.
                if refused["Code"] not in ("ReceiptHandleIsInvalid", "MessageNotInflight"):
                    self._say(self._trigger.function, f"{operation} was refused: {refused['Code']}")

    def _trouble(self, error: Exception) -> None:
        if not self._stopping:
            self._say(self._trigger.function, f"pump: {type(error).__name__}: {error}")
            time.sleep(0.5)


def _entry(message: events.Message) -> dict[str, Any]:
    return {"ReceiptHandle": message["ReceiptHandle"]}
