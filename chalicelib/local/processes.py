"""Child processes that never outlive us, and one stream for all that they say.

Every child holds the read end of a pipe as its standard input, the lifeline. The pipe closes when we stop it, but also
when we are killed without a chance to say so; the child then ends in its own way (the emulator saves its data first).
Children live in sessions of their own, so that a terminal's Ctrl-C reaches only us, once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeAlias

PROJECT = Path(__file__).resolve().parents[2]
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE",
              "PYTHONPYCACHEPREFIX", "COVERAGE_PROCESS_START")

Say: TypeAlias = Callable[[str, str], None]
"""Takes the name of the speaker and one line."""


def bare_environment(**more: str) -> dict[str, str]:
    """The little that a Python process needs, and nothing that could be a secret."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", **more}


def watch_lifeline(ended: Callable[[], None]) -> None:
    """Call `ended` once the parent is gone or wants us to stop. For children; returns at once."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        ended()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


class Stream:
    """Lines of many speakers on one output, each with its name before it; colours only on a terminal."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout
        self._colour = self._out.isatty()
        self._lock = threading.Lock()

    def __call__(self, name: str, line: str) -> None:
        label = f"{name:<14}|"
        if self._colour:
            label = f"\x1b[3{1 + sum(name.encode()) % 6}m{label}\x1b[0m"
        # A closed terminal must not stop the shutting down.
        with self._lock, contextlib.suppress(OSError, ValueError):
            print(label, line, file=self._out, flush=True)


class Child:
    """One child process running a module of ours."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], environment: Mapping[str, str],
                 say: Say, *, pass_fds: Sequence[int] = (), cwd: Path = PROJECT) -> None:
        self.name = name
        self._say = say
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=dict(environment), cwd=cwd, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, pass_fds=tuple(pass_fds))
        self._reader = threading.Thread(target=self._relay, name=f"log-{name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self, grace: float = 5.0) -> None:
        """Cut the lifeline, wait `grace` seconds, then kill the child and whatever it started."""
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._say(self.name, f"did not end within {grace:.0f} s and is killed")
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(1.0)
        if self._process.stdout:
            self._process.stdout.close()

    def kill(self) -> None:
        """SIGKILL, as a crash would do it."""
        self._process.kill()
        self.stop()

    def _relay(self) -> None:
        stdout = self._process.stdout
        with contextlib.suppress(OSError, ValueError):
            for line in stdout or ():
                self._say(self.name, line.decode("utf-8", "replace").rstrip())
