"""The emulator: ministack as a loopback child process whose state survives a crash.

ministack itself saves only on a clean stop, and stops the world for it. Run as `python -m chalicelib.local.emulator`,
this module serves ministack's application and saves the state of all services whenever they changed: it forks, the
child writes a new folder, the folder gets its final name when it is complete. So `kill -9` loses at most the last
`MAX_PAUSE` seconds of rows and messages; the bytes of S3 objects are written at once.

It also closes what ministack leaves open to any web page of this machine's browser: requests from foreign origins or
under foreign host names, and the administration routes (`POST /_ministack/reset` wipes everything).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
import types
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import urlsplit

from chalicelib.local.access import LOCAL_SECRET_KEY
from chalicelib.local.processes import Child, Say, Stream, bare_environment, watch_lifeline

MIN_PAUSE = 2.0
MAX_PAUSE = 25.0
"""Seconds between snapshots: ten times what the last one took, within these bounds."""
HEALTH = "/_ministack/health"
_TAKEN_AT = "taken-at"
_IDENTITY_PORT = "4566"
"""ministack keys its queues by URL with port. A constant one lets data outlive a change of the real port."""

Scope: TypeAlias = MutableMapping[str, Any]
Asgi: TypeAlias = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class Emulator:
    """The emulator as seen by the process that starts it. `data=None` keeps everything in memory."""

    def __init__(self, data: Path | None = None, *, port: int = 0, say: Say | None = None) -> None:
        self._data = data
        self._port = port
        self._say = say or Stream(sys.stderr)
        self._child: Child | None = None
        self.endpoint = ""
        self.restored_until: datetime | None = None
        """Everything before is as it was; of what came after, only S3 objects were kept."""

    def start(self, patience: float = 20.0) -> Emulator:
        """Start and wait until it answers. Raises `RuntimeError` when it does not within `patience` seconds."""
        if self._data:
            self.restored_until = Snapshots(self._data / "snapshots").taken_at
        # We bind, the child inherits: no other process can take the port in between.
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self._port))
            listener.listen(128)
            self.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
            arguments = ["--fd", str(listener.fileno()), *(["--data", str(self._data)] if self._data else [])]
            self._child = Child("emulator", "chalicelib.local.emulator", arguments, self._environment(), self._say,
                                pass_fds=[listener.fileno()])
        deadline = time.monotonic() + patience
        while not _answers(self.endpoint + HEALTH):
            if not self._child.alive or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("the emulator did not start; its lines above say why")
        return self

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.alive

    def stop(self) -> None:
        """Save and end. Saving a large state takes a while, so the patience is long."""
        if self._child:
            self._child.stop(grace=60.0)
        if self._data:
            shutil.rmtree(self._data / "tmp", ignore_errors=True)

    def kill(self) -> None:
        """End as a crash would."""
        if self._child:
            self._child.kill()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        environment = bare_environment(
            BIND_HOST="127.0.0.1", GATEWAY_PORT=_IDENTITY_PORT, IOT_MTLS_ENABLED="0", SFTP_ENABLED="0",
            LOG_LEVEL="WARNING", PERSIST_STATE="0", S3_PERSIST="0",
            AWS_SECRET_ACCESS_KEY=LOCAL_SECRET_KEY,  # what it checks presigned links against
            # Without this, ministack removes its own kind of containers from a Docker that it finds.
            DOCKER_HOST="unix:///nonexistent/docker.sock")
        if self._data:
            scratch = self._data / "tmp"
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True, exist_ok=True)
            environment |= {"PERSIST_STATE": "1", "S3_PERSIST": "1", "S3_DATA_DIR": str(self._data / "s3"),
                            "TMPDIR": str(scratch)}
        return environment


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return int(answer.status) == 200
    except OSError:
        time.sleep(0.02)
        return False


class Snapshots:
    """Complete states in numbered folders; the highest number is the one to restore."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.part"):
            shutil.rmtree(unfinished, ignore_errors=True)

    @property
    def newest(self) -> Path | None:
        return max((each for each in self._folder.iterdir() if each.name.isdigit()), default=None)

    @property
    def taken_at(self) -> datetime | None:
        """When the state of the newest one was frozen."""
        newest = self.newest
        if newest is None:
            return None
        return datetime.fromtimestamp(int((newest / _TAKEN_AT).read_text(encoding="ascii")), UTC)

    @contextlib.contextmanager
    def new(self) -> Iterator[Path]:
        """A folder to save into; it counts once the block ends without an error, and then the older ones go."""
        newest = self.newest
        target = self._folder / f"{int(newest.name) + 1 if newest else 1:012d}"
        # Named after its writer: a saving child that outlives a killed emulator must not meddle with the next one's.
        part = self._folder / f"{target.name}.{os.getpid()}.part"
        part.mkdir()
        (part / _TAKEN_AT).write_text(str(int(time.time())), encoding="ascii")
        try:
            yield part
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        part.rename(target)
        for older in self._folder.iterdir():
            if older != target:
                shutil.rmtree(older, ignore_errors=True)


class Keeper:
    """Saves the state of a running ministack when requests have changed it."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._saved = 0
        self._changes = 0

    def note(self) -> None:
        """A request may have changed the state."""
        self._changes += 1

    async def run(self) -> None:
        """Snapshot for ever."""
        pause = MIN_PAUSE
        while True:
            await asyncio.sleep(pause)
            if self._changes != self._saved:
                began = time.monotonic()
                await self._snapshot()
                pause = min(MAX_PAUSE, max(MIN_PAUSE, 10 * (time.monotonic() - began)))

    def finish(self) -> None:
        """The last snapshot, in this process, which serves nobody any more."""
        _save_faster()
        with self._snapshots.new() as folder:
            save_state(folder)

    async def _snapshot(self) -> None:
        mark = self._changes
        with contextlib.suppress(SnapshotFailed), self._snapshots.new() as folder:
            child = os.fork()
            if child == 0:
                _save_and_exit(folder)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            if status:
                logging.getLogger(__name__).error("a snapshot failed and will be tried again")
                raise SnapshotFailed
            self._saved = mark


class SnapshotFailed(Exception):
    """The state could not be written; the last complete snapshot stays."""


def save_state(folder: Path) -> None:
    """Write the state of all services to `folder`. Raises `SnapshotFailed` when one of them could not be saved.

    `_build_persistence_save_dict` and `save_all` are private to ministack 1.5.33; a test guards them on the pinned
    version. ministack logs failures instead of raising them, hence the handler.
    """
    from ministack import app
    from ministack.core import persistence

    failures = _Failures()
    persistence.logger.addHandler(failures)
    persistence.STATE_DIR = str(folder)
    try:
        persistence.save_all(app._build_persistence_save_dict())
    finally:
        persistence.logger.removeHandler(failures)
    if failures.messages:
        raise SnapshotFailed("; ".join(failures.messages))


class _Failures(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _save_and_exit(folder: Path) -> None:
    """In the forked child: write the frozen state and vanish."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(120)  # a lock that another thread held while we forked would block us for ever
        _save_faster()
        save_state(folder)
        code = 0
    finally:
        os._exit(code)


def _save_faster() -> None:
    """Nobody changes the state any more: no need to copy it first, nor to encode it piece by piece in Python."""
    import copy

    from ministack.core import persistence

    def dump(value: Any, file: IO[str], **options: Any) -> None:
        file.write(json.dumps(value, **options))

    def same(value: Any) -> Any:
        return value

    copy.deepcopy = same  # type: ignore[assignment]
    persistence.json = types.SimpleNamespace(dump=dump)


def guarded(app: Asgi, changed: Callable[[], None]) -> Asgi:
    """`app` for callers on this machine only; `changed` hears of every request that may have changed the state."""

    async def serve(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if _foreign(headers) or (scope["path"].startswith("/_ministack") and scope["path"] != HEALTH):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"this emulator serves its own machine only\n"})
            return
        await app(scope, receive, send)
        if not _only_reads(scope["method"], headers):
            changed()

    return serve


def _foreign(headers: dict[str, str]) -> bool:
    """Whether a web page of somewhere else is behind the request, also by a host name that it made point here."""
    origin = headers.get("origin")
    return not _loopback("//" + headers.get("host", "")) or (origin is not None and not _loopback(origin))


def _loopback(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return host in ("127.0.0.1", "::1") or host == "localhost" or host.endswith(".localhost")


_READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "ReceiveMessage", "TransactGet")


def _only_reads(method: str, headers: dict[str, str]) -> bool:
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    return target.startswith(_READS) if target else method in ("GET", "HEAD", "OPTIONS")


def main() -> None:
    """Serve until the lifeline breaks or SIGTERM comes, then save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    keeper = None
    if arguments.data:
        snapshots = Snapshots(arguments.data / "snapshots")
        # ministack reads this while it is imported.
        os.environ["STATE_DIR"] = str(snapshots.newest or arguments.data / "none")
        keeper = Keeper(snapshots)
    asyncio.run(_serve(arguments.fd, keeper))
    if keeper:
        keeper.finish()


async def _serve(fd: int, keeper: Keeper | None) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app as ministack

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def end() -> None:
        ministack.PERSIST_STATE = False  # it would save into the snapshot that it started from
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    watch_lifeline(lambda: _ignore(loop.call_soon_threadsafe(end)))
    config = Config()
    config.bind = [f"fd://{fd}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.3
    saving = asyncio.create_task(keeper.run()) if keeper else None
    await serve(guarded(ministack.app, keeper.note if keeper else _ignore), config,  # type: ignore[arg-type]
                shutdown_trigger=stop.wait)
    if saving:
        saving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saving


def _ignore(*_: object) -> None:
    pass


if __name__ == "__main__":
    main()
