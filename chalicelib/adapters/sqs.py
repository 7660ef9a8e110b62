"""Queues by name: send one, send many, hand back, put among the dead letters, look at the depth.

Messages carry `MessageGroupId` = owner, which standard queues take as a fairness hint (SQS fair queues): one big file
does not starve the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Transient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef, SendMessageBatchRequestEntryTypeDef

ENTRIES = 10
CALL_BYTES = 1024 * 1024
"""Most entries and most bytes of one SendMessageBatch (SQS API reference)."""
MAX_DELAY = 900
SENDERS = 4
_STALE = ("ReceiptHandleIsInvalid", "AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight")
TRIES = 5


@dataclass(frozen=True, slots=True)
class Depth:
    """Approximate numbers of messages, as SQS counts them."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True)
class Held:
    """A message that is ours until its visibility ends. `sent_at` is SQS's time of the first send, in milliseconds.

    `receives` counts over all queues that it has been in, this receive included.
    """

    message_id: str
    receipt_handle: str
    body: str
    sent_at: int
    receives: int
    group: str


class Queues:
    """All queues of this stage. Everything that may pass by itself raises Transient."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client
        self._urls: dict[str, str] = {}

    def send(self, queue: str, body: Mapping[str, Any], *, delay: float = 0, group: str = "") -> None:
        """One message, hidden for `delay` seconds (capped at SQS's 900)."""
        self.send_text(queue, json.dumps(body, separators=(",", ":")), delay=delay, group=group)

    def send_text(self, queue: str, body: str, *, delay: float = 0, group: str = "") -> None:
        seconds = min(MAX_DELAY, max(0, round(delay + 0.499)))
        extra: dict[str, Any] = {"DelaySeconds": seconds} if seconds else {}
        if group:
            extra["MessageGroupId"] = _group(group)
        with _translated():
            self._client.send_message(QueueUrl=self.url(queue), MessageBody=body, **extra)

    def send_many(self, queue: str, bodies: Sequence[str], *, group: str = "") -> None:
        """All `bodies`, ten a call, several calls at a time; entries that SQS refuses for now are sent again.

        Raises Transient when some could not be sent; sending all again is then harmless, only wasteful.
        """
        self.url(queue)
        calls = list(_calls(bodies))
        if len(calls) <= 1:
            for call in calls:
                self._send_call(queue, call, group)
            return
        with ThreadPoolExecutor(SENDERS) as pool:
            for _ in pool.map(lambda call: self._send_call(queue, call, group), calls):
                pass

    def depth(self, queue: str) -> Depth:
        with _translated():
            answer = self._client.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=[
                "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed"])["Attributes"]
        return Depth(int(answer["ApproximateNumberOfMessages"]), int(answer["ApproximateNumberOfMessagesNotVisible"]),
                     int(answer["ApproximateNumberOfMessagesDelayed"]))

    def facts(self, queue: str) -> Mapping[str, str]:
        """All attributes of a queue, as SQS names them."""
        with _translated():
            answer = self._client.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=["All"])
        return {str(name): value for name, value in answer["Attributes"].items()}

    def receive(self, queue: str, *, seconds: int) -> list[Held]:
        """Up to ten messages, ours for so many seconds. Asks all of SQS's servers: none means that none is visible."""
        with _translated():
            answer = self._client.receive_message(
                QueueUrl=self.url(queue), MaxNumberOfMessages=ENTRIES, VisibilityTimeout=seconds, WaitTimeSeconds=1,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount", "MessageGroupId"])
        return [_held(message) for message in answer.get("Messages", [])]

    def release(self, queue: str, held: Sequence[Held]) -> None:
        """Let others see these messages again, at once; those that are gone are passed over."""
        for start in range(0, len(held), ENTRIES):
            with _translated():
                self._client.change_message_visibility_batch(QueueUrl=self.url(queue), Entries=[
                    {"Id": str(place), "ReceiptHandle": each.receipt_handle, "VisibilityTimeout": 0}
                    for place, each in enumerate(held[start:start + ENTRIES])])

    def delete(self, queue: str, receipt_handle: str) -> None:
        """Done with a message. A handle that is gone or stale is no error: the message is back in the queue or gone."""
        with _translated(), _unless_stale():
            self._client.delete_message(QueueUrl=self.url(queue), ReceiptHandle=receipt_handle)

    def change_visibility(self, queue: str, receipt_handle: str, seconds: float) -> None:
        """Let a message that we hold come again after `seconds`; nothing to do when we no longer hold it."""
        with _translated(), _unless_stale():
            self._client.change_message_visibility(
                QueueUrl=self.url(queue), ReceiptHandle=receipt_handle, VisibilityTimeout=max(0, round(seconds)))

    def url(self, queue: str) -> str:
        if queue not in self._urls:
            with _translated():
                self._urls[queue] = self._client.get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]

    def _send_call(self, queue: str, bodies: Sequence[str], group: str) -> None:
        extra: dict[str, Any] = {"MessageGroupId": _group(group)} if group else {}
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(place), "MessageBody": body, **extra} for place, body in enumerate(bodies)]  # type: ignore[typeddict-item]
        for _ in range(TRIES):
            with _translated():
                answer = self._client.send_message_batch(QueueUrl=self.url(queue), Entries=entries)
            failed = {entry["Id"] for entry in answer.get("Failed", [])}
            if not failed:
                return
            entries = [entry for entry in entries if entry["Id"] in failed]
        raise Transient("sqs refused messages again and again", failed=len(entries))


def _held(message: MessageTypeDef) -> Held:
    told: Mapping[str, str] = message.get("Attributes", {})  # type: ignore[assignment]
    return Held(message["MessageId"], message["ReceiptHandle"], message["Body"], int(told.get("SentTimestamp", 0)),
                int(told.get("ApproximateReceiveCount", 1)), told.get("MessageGroupId", ""))


def _calls(bodies: Sequence[str]) -> Iterator[list[str]]:
    call: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if call and (len(call) == ENTRIES or size + length > CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(body)
        size += length
    if call:
        yield call


def _group(owner: str) -> str:
    """SQS takes 1 to 128 letters, digits and punctuation as a group."""
    return "".join(letter if letter.isascii() and letter.isprintable() and letter != " " else "_"
                   for letter in owner)[:128]


@contextmanager
def _unless_stale() -> Iterator[None]:
    """A receipt handle that is gone or stale is no error: its message is gone, or visible to others already."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in _STALE:
            raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        code = error.response.get("Error", {}).get("Code", "")
        if status >= 500 or "Throttl" in code:
            raise Transient(f"sqs is busy: {code}") from error
        raise
    except BotoCoreError as error:
        raise Transient(f"sqs did not answer: {type(error).__name__}") from error
