"""A network that answers at once, inside the process: what is left is what the client itself costs.

Every request is built, signed and parsed by botocore as ever; only the socket is missing. Objects lie in a folder, so
that they do not count as the process's memory.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore import handlers
from botocore.awsrequest import AWSResponse

ENVIRONMENT = {"STAGE": "test", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "000000000000",
               "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
"""For the process that uses it: nothing listens there, so a request that slips through fails."""


class StubNetwork:
    """S3 and SQS as far as a splitter uses them. `calls` counts requests by operation, `messages` what was sent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.calls: Counter[str] = Counter()
        self.messages = 0
        self.message_bytes = 0
        self._answers: Mapping[str, Callable[[Any], AWSResponse]] = {
            "PutObject": self._put_object, "GetObject": self._get_object, "GetQueueUrl": self._queue_url,
            "SendMessage": self._send_message, "SendMessageBatch": self._send_batch}

    def install(self) -> None:
        """Answer for every session that is made from now on in this process."""
        handlers.BUILTIN_HANDLERS.append(("before-send", self._answer))

    def put(self, key: str, file: Path) -> None:
        """Let `file` be the object under `key`."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(file)

    def _answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        self.calls[operation] += 1
        return self._answers[operation](request)

    def _put_object(self, request: Any) -> AWSResponse:
        path = self._path(_key(request.url))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(request.body if isinstance(request.body, bytes) else request.body.read())
        return _response(request, b"")

    def _get_object(self, request: Any) -> AWSResponse:
        path = self._path(_key(request.url))
        headers = {"Content-Length": str(path.stat().st_size)}
        return AWSResponse(request.url, 200, headers, _Body(path.open("rb")))  # type: ignore[arg-type]

    def _queue_url(self, request: Any) -> AWSResponse:
        return _response(request, json.dumps({"QueueUrl": f"{request.url}000000000000/queue"}).encode())

    def _send_message(self, request: Any) -> AWSResponse:
        self._note(request, 1)
        return _response(request, b'{"MD5OfMessageBody":"0","MessageId":"0"}')

    def _send_batch(self, request: Any) -> AWSResponse:
        count = request.body.count(b'"MessageBody":')
        self._note(request, count)
        sent = b",".join(b'{"Id":"%d","MessageId":"0","MD5OfMessageBody":"0"}' % place for place in range(count))
        return _response(request, b'{"Successful":[' + sent + b"]}")

    def _note(self, request: Any, messages: int) -> None:
        self.messages += messages
        self.message_bytes += len(request.body)

    def _path(self, key: str) -> Path:
        return self._folder / key


def _key(url: str) -> str:
    """Path-style addresses: the bucket comes first."""
    return unquote(urlsplit(url).path).lstrip("/").partition("/")[2]


def _response(request: Any, body: bytes) -> AWSResponse:
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "STUB"}
    return AWSResponse(request.url, 200, headers, _Body(io.BytesIO(body)))  # type: ignore[arg-type]


class _Body:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, amount: int | None = None) -> bytes:
        return bytes(self._file.read() if amount is None else self._file.read(amount))

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()

    def close(self) -> None:
        self._file.close()
