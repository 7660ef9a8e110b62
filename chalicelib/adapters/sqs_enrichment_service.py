"""Seed 001's sender of products, under its name: whoever has products in memory puts them into the queue with it.

    service = SQSEnrichmentService(queue_url="...", batch_size=20)
    service.send_enrichment_batches(catalog_id="catalog123", user_id="user456", products=product_list)

Messages are the seed's, with a `tracking_id` of their own: a second enrichment of a catalogue is then another job, and
`GET /status/{tracking_id}` shows it. It answers instead of raising, as the seed's did. boto3 is loaded when it is used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chalicelib.logs import log

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

FEWEST, MOST = 5, 50
"""Products in a batch (seed 001)."""
MESSAGE_BYTES = 256 * 1024
HEAD_BYTES = 2048
"""For what stands around the products, and the message's attributes."""
ENTRIES = 10
CALL_BYTES = 1024 * 1024
"""Most entries and most bytes of one SendMessageBatch (SQS API reference)."""
TRIES = 4
BACKOFF_SECONDS = 0.2


class SQSEnrichmentService:
    """Sends products to one queue. `batch_size` is 5 to 50; anything else is a ValueError."""

    def __init__(
        self, queue_url: str, batch_size: int = 20, *, client: SQSClient | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not FEWEST <= batch_size <= MOST:
            raise ValueError(f"{FEWEST} to {MOST} products are a batch, not {batch_size}")
        self.queue_url = queue_url
        self.batch_size = batch_size
        self._given = client
        self._clock = clock
        self._sleep = sleep

    def send_enrichment_batches(
        self, *, catalog_id: str, user_id: str, products: Sequence[Mapping[str, Any]], provider: str = "",
        strict: bool = False,
    ) -> dict[str, Any]:
        """Send all products, `batch_size` or fewer a message where they are long.

        Answers `{status, total_products, total_batches, batch_size, batches: [{batch_number, products_count,
        message_id, status}], tracking_id, sent_at}`, where `status` is `success` or `partial`; or `{status: "error",
        error, sent_at}` when nothing was sent.
        """
        now = self._clock()
        sent_at = now.isoformat()
        try:
            batches = list(_batches([_json(product) for product in products], self.batch_size))
        except (TypeError, ValueError) as error:
            return _error(str(error), sent_at)
        if not batches:
            return _error("there are no products to send", sent_at)
        tracking_id = f"enrich_{catalog_id}_{int(now.timestamp())}_{uuid4().hex[:6]}"
        head = {"catalog_id": catalog_id, "user_id": user_id, "total_batches": len(batches),
                "total_products": len(products), "sent_at": sent_at, "tracking_id": tracking_id,
                **({"provider": provider} if provider else {}), **({"strict": True} if strict else {})}
        told = [{"batch_number": number, "products_count": len(some), "message_id": None, "status": "failed"}
                for number, some in enumerate(batches, start=1)]
        try:
            for places in _calls(batches):
                self._send(head, batches, told, places)
        except Exception as error:  # the seed's callers expect an answer, whatever happens
            log.warning("products could not be sent", extra={"error": type(error).__name__})
            if not any(one["message_id"] for one in told):
                return _error(f"{type(error).__name__}: {error}", sent_at)
        whole = all(one["message_id"] for one in told)
        return {"status": "success" if whole else "partial", "total_products": len(products),
                "total_batches": len(batches), "batch_size": self.batch_size, "batches": told,
                "tracking_id": tracking_id, "sent_at": sent_at}

    def get_queue_attributes(self) -> dict[str, str]:
        """All attributes of the queue, by SQS's names."""
        answer = self._client.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["All"])
        return {str(name): value for name, value in answer["Attributes"].items()}

    def purge_queue(self) -> dict[str, str]:
        """Delete every message in the queue, of all catalogues and owners; SQS takes a minute for it.

        Their jobs stay open until the sweeper sends what is lost, or gives it up.
        """
        self._client.purge_queue(QueueUrl=self.queue_url)
        return {"status": "success"}

    def _send(
        self, head: Mapping[str, Any], batches: Sequence[Sequence[str]], told: Sequence[dict[str, Any]],
        places: Sequence[int],
    ) -> None:
        """One call; entries that SQS refuses for now are sent again."""
        left = list(places)
        for attempt in range(TRIES):
            answer = self._client.send_message_batch(
                QueueUrl=self.queue_url, Entries=[_entry(head, batches[place], place) for place in left])
            for sent in answer.get("Successful", []):
                told[int(sent["Id"])].update(message_id=sent["MessageId"], status="sent")
            left = [int(failed["Id"]) for failed in answer.get("Failed", []) if not failed["SenderFault"]]
            if not left:
                return
            self._sleep(BACKOFF_SECONDS * 2 ** attempt)

    @property
    def _client(self) -> SQSClient:
        if self._given is None:
            import boto3

            self._given = boto3.client("sqs")
        return self._given


def _entry(head: Mapping[str, Any], products: Sequence[str], place: int) -> SendMessageBatchRequestEntryTypeDef:
    number = place + 1
    body = json.dumps({**head, "batch_number": number}, separators=(",", ":"))
    attributes = {"catalog_id": head["catalog_id"], "user_id": head["user_id"], "batch_number": str(number)}
    return {"Id": str(place), "MessageBody": f'{body[:-1]},"products":[{",".join(products)}]}}', "MessageAttributes": {
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}}


def _batches(products: Sequence[str], most: int) -> Iterator[list[str]]:
    """Runs of products, in order, each within a message. Raises ValueError for one that no message holds."""
    batch: list[str] = []
    size = 0
    for number, product in enumerate(products, start=1):
        length = len(product.encode()) + 1
        if length > MESSAGE_BYTES - HEAD_BYTES:
            raise ValueError(f"product {number} is too large for a message: {length} bytes")
        if batch and (len(batch) == most or size + length > MESSAGE_BYTES - HEAD_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(product)
        size += length
    if batch:
        yield batch


def _calls(batches: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """Places of batches that go in one call."""
    call: list[int] = []
    size = 0
    for place, batch in enumerate(batches):
        length = sum(len(product.encode()) + 1 for product in batch) + HEAD_BYTES
        if call and (len(call) == ENTRIES or size + length > CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(place)
        size += length
    if call:
        yield call


def _json(product: Mapping[str, Any]) -> str:
    return json.dumps(dict(product), separators=(",", ":"), default=str)


def _error(message: str, sent_at: str) -> dict[str, Any]:
    return {"status": "error", "error": message, "sent_at": sent_at}
