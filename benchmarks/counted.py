"""`app.py` with its AWS requests written down: what the functions of a stack import in its place while it is measured.

Each request that leaves a process is one line in the file that `REQUEST_LOG` names; retries count, for they reach AWS
too. With `REQUEST_SAMPLE`, the first batch's requests are kept whole as well, for `replay`.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from botocore import handlers


class RequestLog:
    """Appends lines that stay whole whichever processes write: each is one write to a file opened for appending."""

    def __init__(self, who: str, path: str, sample: str = "") -> None:
        self._who = who
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._sample = os.open(sample, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if sample else -1

    def install(self) -> None:
        """Note the requests of every session that is made from now on in this process."""
        handlers.BUILTIN_HANDLERS.append(("before-send", self._note))

    def _note(self, request: Any, event_name: str, **_: Any) -> None:
        _event, service, operation = event_name.split(".")
        os.write(self._file, f"{self._who} {service} {operation}\n".encode())
        if self._sample >= 0 and service == "dynamodb":
            os.write(self._sample, _whole(request, operation))
            if operation == "TransactWriteItems":
                os.close(self._sample)
                self._sample = -1


def _whole(request: Any, operation: str) -> bytes:
    """A request as a line of JSON; `replay` reads it."""
    body = request.body if isinstance(request.body, bytes) else request.body.encode()
    headers = {name: text if isinstance(text, str) else text.decode() for name, text in request.headers.items()}
    return json.dumps({"pid": os.getpid(), "operation": operation, "headers": headers,
                       "body": base64.b64encode(body).decode()}).encode() + b"\n"


_who = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
if _who:
    _sample = os.environ.get("REQUEST_SAMPLE", "") if _who == "leads_worker" else ""
    RequestLog(_who, os.environ["REQUEST_LOG"], _sample).install()

from app import app  # noqa: E402, F401 - no session may exist before the log does
