"""JSON within a total deadline, against a server that writes exactly the bytes it is told."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from chalicelib.adapters.http import Reply, post_json
from chalicelib.errors import Transient

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Bytes:
    """Answers one request with `pieces`; remembers what it was sent. `for_ever` repeats the last piece."""

    def __init__(self, pieces: Sequence[bytes], *, for_ever: bool = False, stay: bool = False) -> None:
        self.pieces, self.for_ever, self.stay = pieces, for_ever, stay
        self.received = b""
        self.done = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return
        with connection:
            while b"}" not in self.received and (piece := connection.recv(65536)):
                self.received += piece
            endless = itertools.repeat(self.pieces[-1]) if self.for_ever else ()
            try:
                for piece in itertools.chain(self.pieces, endless):
                    connection.sendall(piece)
                    if self.done.wait(0.005):
                        return
                if self.stay:
                    self.done.wait(10)
            except OSError:
                return

    def close(self) -> None:
        self.done.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


@pytest.fixture
def serve() -> Iterator[type[Bytes]]:
    servers: list[Bytes] = []

    def start(*pieces: bytes, **options: bool) -> Bytes:
        servers.append(Bytes(pieces, **options))
        return servers[-1]

    yield start  # type: ignore[misc]
    for server in servers:
        server.close()


def post(server: Bytes, **options: object) -> Reply:
    with requests.Session() as session:
        return post_json(session, server.url, headers={"Authorization": "Bearer k"}, body={"a": "ü"},
                         **{"deadline": 5, **options})  # type: ignore[arg-type]


def sized(body: bytes, extra: bytes = b"") -> bytes:
    return HEAD + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_json_goes_out_and_comes_back(serve):
    server = serve(sized(b'{"b": 1}'))
    reply = post(server)
    assert (reply.status, reply.json()) == (200, {"b": 1})
    assert '{"a":"ü"}'.encode() in server.received
    assert b"Authorization: Bearer k" in server.received


def test_blank_lines_before_the_answer_do_no_harm(serve):
    reply = post(serve(CHUNKED, b"1\r\n\n\r\n", b"1\r\n\n\r\n", b"2\r\n{}\r\n", b"0\r\n\r\n"))
    assert reply.json() == {}


def test_compressed_answers_are_unpacked(serve):
    body = gzip.compress(b'{"b": "' + b"x" * 100_000 + b'"}')
    assert len(post(serve(sized(body, b"Content-Encoding: gzip\r\n"))).json()["b"]) == 100_000


@pytest.mark.parametrize("status", [301, 400, 402, 429, 500, 503])
def test_every_status_is_an_answer_for_the_caller(serve, status):
    head = b"HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{}" % status
    assert post(serve(head)).status == status


def test_a_provider_that_keeps_the_line_warm_does_not_pass_the_deadline(serve):
    with pytest.raises(Transient, match="deadline"):
        post(serve(CHUNKED, b"1\r\n\n\r\n", for_ever=True), deadline=0.2)


def test_a_provider_that_drips_a_sized_body_does_not_pass_the_deadline(serve):
    with pytest.raises(Transient, match="deadline"):
        post(serve(HEAD + b"Content-Length: 100000\r\n\r\n", b" ", for_ever=True), deadline=0.2)


def test_a_provider_that_falls_silent_does_not_pass_the_deadline(serve):
    with pytest.raises(Transient):
        post(serve(CHUNKED, b"1\r\n\n\r\n", stay=True), deadline=0.2)


def test_the_deadline_is_read_from_the_given_clock(serve):
    ticks = itertools.count()
    with pytest.raises(Transient, match="deadline"):
        post(serve(CHUNKED, b"1\r\n\n\r\n", for_ever=True), deadline=6, monotonic=lambda: float(next(ticks)))
    assert 6 <= next(ticks) <= 9


def test_no_time_left_sends_nothing(serve):
    server = serve(sized(b"{}"))
    with pytest.raises(Transient, match="no time"):
        post(server, deadline=0)
    assert server.received == b""


@pytest.mark.parametrize("pieces", [
    pytest.param([b""], id="nothing at all"),
    pytest.param([HEAD + b"Content-Length: 10\r\n\r\n{"], id="sized body cut short"),
    pytest.param([CHUNKED, b"5\r\n{"], id="chunk cut short"),
    pytest.param([CHUNKED, b"1\r\n{\r\n"], id="no last chunk"),
    pytest.param([b"SSH-2.0-OpenSSH\r\n"], id="not HTTP"),
])
def test_a_broken_answer_is_transient(serve, pieces):
    with pytest.raises(Transient):
        post(serve(*pieces))


def test_nobody_listening_is_transient():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with requests.Session() as session, pytest.raises(Transient):
        post_json(session, f"http://127.0.0.1:{port}", headers={}, body={}, deadline=2)


@pytest.mark.parametrize("body", [b"x" * 5000, gzip.compress(b"x" * 5_000_000)])
def test_an_answer_above_the_limit_is_refused_packed_or_not(serve, body):
    extra = b"Content-Encoding: gzip\r\n" if body[:2] == b"\x1f\x8b" else b""
    with pytest.raises(Transient, match="too large"):
        post(serve(sized(body, extra)), max_bytes=2000)


def test_an_error_message_names_neither_host_nor_key():
    with requests.Session() as session, pytest.raises(Transient) as failed:
        post_json(session, "http://127.0.0.1:1/secret-path", headers={"Authorization": "Bearer s3cret"}, body={},
                  deadline=2)
    assert "127.0.0.1" not in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_a_body_that_is_not_json_is_transient():
    with pytest.raises(Transient):
        Reply(502, {}, b"<html>").json()


@pytest.mark.parametrize(("header", "seconds"), [
    ("3", 3), ("2.5", 2.5), (" 7 ", 7), ("0", 0), ("", None), ("soon", None), ("-4", None), ("²", None)])
def test_retry_after_in_seconds(header, seconds):
    assert Reply(429, {"retry-after": header}, b"").retry_after == seconds


def test_retry_after_as_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert Reply(429, {"retry-after": later}, b"").retry_after == pytest.approx(90, abs=3)
    assert Reply(429, {"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"").retry_after == 0
