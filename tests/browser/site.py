"""A tiny web site on this machine, for pages with faults that the harness must find."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEAD = "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>A page</title>"
GOOD = HEAD + "</head><body><main><h1>A page</h1><p>All is well.</p></main></body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path is answered with."""

    body: bytes
    kind: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    answers: dict[str, Answer]
    """By path; what is not here is 404. Tests add to it."""

    def page(self, body: str = "", *, head: str = "", **headers: str) -> None:
        """Put a page at `/` that is good but for what is given; header names are written with underscores."""
        text = GOOD.replace("</head>", head + "</head>").replace("</main>", body + "</main>")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers["/"] = Answer(text.encode(), headers=named)


@contextmanager
def serving() -> Iterator[Site]:
    answers: dict[str, Answer] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            self.send_response(200 if answer else 404)
            body = answer.body if answer else b""
            for name, value in {"Content-Type": answer.kind if answer else "text/plain",
                                "Content-Length": str(len(body)), **(answer.headers if answer else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}", answers)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
