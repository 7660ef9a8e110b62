"""What every fake provider stands on: a loopback HTTP/1.1 server, and a plan of how to misbehave.

A fake is told what to do by a script (one entry a request, used up) and then by chance (seeded, so that a run can be
repeated). `POST /_fake/behaviour` changes both while it runs, `GET /_fake/log` says what came in, without contents.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from socketserver import TCPServer
from types import TracebackType
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True)
class Act:
    """One way to answer: a kind, and its amount where it takes one (`429:2` is a 429 with `Retry-After: 2`)."""

    kind: str = "ok"
    amount: float | None = None

    @classmethod
    def parse(cls, text: str) -> Act:
        kind, _, amount = text.strip().partition(":")
        return cls(kind, float(amount) if amount else None)


@dataclass(slots=True)
class Behaviour:
    """What comes next: the script while it lasts, then chance. `chances` maps an act (`429:2`) to a probability.

    An act that is none of `kinds` is a ValueError, said to the person who asked for it.
    """

    kinds: frozenset[str]
    script: deque[Act] = field(default_factory=deque)
    chances: dict[str, float] = field(default_factory=dict)
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, kinds: Iterable[str], script: Iterable[str] = (), chances: Mapping[str, float] | None = None,
           seed: int = 0) -> Behaviour:
        behaviour = cls(frozenset(kinds))
        behaviour.change({"script": list(script), "chances": chances or {}, "seed": seed})
        return behaviour

    def next(self) -> Act:
        with self._lock:
            if self.script:
                return self.script.popleft()
            drawn = self.random.random()
            for act, chance in self.chances.items():
                if drawn < chance:
                    return Act.parse(act)
                drawn -= chance
            return Act()

    def change(self, wanted: Mapping[str, Any]) -> None:
        """`{"script": ["429:2", "ok"], "chances": {"500": 0.1}, "seed": 7}`; what is not named stays."""
        script = deque(map(self._known, wanted.get("script", ())))
        chances = {str(act): float(chance) for act, chance in wanted.get("chances", {}).items() if self._known(act)}
        with self._lock:
            self.script = script if "script" in wanted else self.script
            self.chances = chances if "chances" in wanted else self.chances
            self.random = Random(wanted["seed"]) if "seed" in wanted else self.random  # noqa: S311

    def _known(self, text: str) -> Act:
        act = Act.parse(text)
        if act.kind not in self.kinds:
            raise ValueError(f"{text!r} is none of {', '.join(sorted(self.kinds))}")
        return act


class FakeServer(ThreadingHTTPServer):
    """A loopback server on a port of its own choice; a context manager, or `start` and `stop`."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: type[FakeHandler], port: int = 0) -> None:
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", port), handler)

    def server_bind(self) -> None:
        """As the library's, without its reverse DNS look-up, which takes seconds on some machines."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news: deadlines do that."""


class FakeHandler(BaseHTTPRequestHandler):
    """JSON in and out over kept connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    timeout = 60

    def read_json(self) -> Any:
        """The body as JSON, None when it is none."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            return json.loads(body)
        except ValueError:
            return None

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def begin_chunks(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        """One chunk; an empty one ends the body."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the stack's log is for people."""
