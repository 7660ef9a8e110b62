"""An identity service on the wire: its key set over HTTP (RFC 7517), its outages, and the tokens that it signs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://id.example.com/pool"
AUDIENCE = "dropmill-web"
_RSA = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
"""Made once: a key takes longer than a test."""


@dataclass(frozen=True)
class Signer:
    """A key pair of the service."""

    kid: str
    private: Any
    algorithm: str = "RS256"

    @property
    def jwk(self) -> dict[str, Any]:
        """The public part, as the service publishes it."""
        kind = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        public = json.loads(kind.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    @property
    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token of this key; a claim of None is left out."""
        told = {"sub": "ada", "org": "default", "roles": ["user"], "iss": ISSUER, "aud": AUDIENCE,
                "exp": int(time.time()) + 600, **claims}
        return jwt.encode({name: value for name, value in told.items() if value is not None}, self.private,
                          algorithm=self.algorithm, headers={"kid": self.kid, **(headers or {})})


FIRST, SECOND = Signer("first", _RSA[0]), Signer("second", _RSA[1])
CURVE = Signer("curve", ec.generate_private_key(ec.SECP256R1()), "ES256")


@dataclass
class KeyServer:
    """What the service publishes now, and how it answers. `asked` counts the requests for its keys."""

    port: int = 0
    keys: list[dict[str, Any]] = field(default_factory=lambda: [FIRST.jwk, CURVE.jwk])
    status: int = 200
    body: bytes | None = None
    """Instead of the keys."""
    headers: dict[str, str] = field(default_factory=dict)
    silent: threading.Event | None = None
    """While it is there and not set, requests get no answer."""
    asked: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/.well-known/jwks.json"


@contextmanager
def running() -> Iterator[KeyServer]:
    """The service on a port of its own."""
    state = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            if state.silent is not None:
                state.silent.wait(30)
            body = json.dumps({"keys": state.keys}).encode() if state.body is None else state.body
            self.send_response(state.status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)),
                                **state.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        if state.silent is not None:
            state.silent.set()
        server.shutdown()
        server.server_close()
        thread.join()
