"""The emulator's own limit: the requests of one batch, as a worker sent them, fired again and again as plain bytes.

No botocore, no engine, no decisions: a socket, a recorded request, the keys changed so that every round writes rows of
its own. The emulator checks no signatures, so another account's tables take them.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_OWN_ACCOUNT = "Credential="


@dataclass(frozen=True, slots=True)
class Request:
    """One recorded DynamoDB request."""

    operation: str
    headers: Mapping[str, str]
    body: bytes


def recorded(sample: str) -> list[Request]:
    """The requests of one batch, in order: those of the first process that got as far as its transaction."""
    lines = [json.loads(line) for line in Path(sample).read_text(encoding="utf-8").splitlines()]
    pid = next(line["pid"] for line in lines if line["operation"] == "TransactWriteItems")
    return [Request(line["operation"], line["headers"], base64.b64decode(line["body"]))
            for line in lines if line["pid"] == pid]


def fire(endpoint: str, account: str, sample: str, first: int, rounds: int, *, alone: bool) -> int:
    """Send `rounds` rounds from number `first` on; `alone` sends the transaction only. Returns the requests sent.

    Raises RuntimeError for an answer other than 200.
    """
    requests = [request for request in recorded(sample) if not alone or request.operation == "TransactWriteItems"]
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    for number in range(first, first + rounds):
        for request in requests:
            connection.request("POST", "/", _renumbered(request, account, number), _headers(request, account))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{request.operation}: {answer.status} {body[:300]!r}")
    return rounds * len(requests)


def job_item(requests: Sequence[Request]) -> dict[str, Any]:
    """The item that the recorded transaction's last update expects, with endless batches pending."""
    update = json.loads(requests[-1].body)["TransactItems"][-1]["Update"]
    return {**update["Key"], "run": {"N": "1"}, "batches_pending": {"N": str(10**9)}, "pending": {"N": str(10**9)}}


def _renumbered(request: Request, account: str, number: int) -> bytes:
    """The body with keys of its own; the job's stays, for all batches of a job meet at its item."""
    body = json.loads(request.body)
    if "ClientRequestToken" in body:
        body["ClientRequestToken"] = f"{account}-{number}"
    for action in body.get("TransactItems", [])[:-1]:
        key = action["Put"]["Item"] if "Put" in action else action["Update"]["Key"]
        key["pk"]["S"] += f"#{number}"
    return json.dumps(body, separators=(",", ":")).encode()


def _headers(request: Request, account: str) -> dict[str, str]:
    """As recorded, in another account's name; the length is the new body's."""
    wanted = {"X-Amz-Target", "Content-Type", "X-Amz-Date"}
    kept = {name: value for name, value in request.headers.items() if name in wanted}
    before, _, after = request.headers["Authorization"].partition(_OWN_ACCOUNT)
    return {**kept, "Authorization": f"{before}{_OWN_ACCOUNT}{account}/{after.partition('/')[2]}"}
