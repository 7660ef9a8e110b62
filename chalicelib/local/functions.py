"""Runs the functions of `app.py` as Lambda would: processes of their own, a memory limit, a timeout, one event each.

A process whose resident size passes the function's memory, or that is busy beyond the timeout, is killed. The limit is
on resident memory because that is Lambda's; RLIMIT_AS counts address space, which is ten times as much.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from chalicelib.local import frames
from chalicelib.local.processes import PROJECT, Child, Say, bare_environment

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of an event or an answer (Lambda quotas, synchronous invocation)."""
INIT_PATIENCE = 60.0
"""Seconds for importing the app; Lambda grants 10, on machines that nobody shares."""
_WATCH_SECONDS = 0.1
_HANDLES = hasattr(os, "pidfd_open")


class Ending(StrEnum):
    """How an invocation ended."""

    ANSWERED = "answered"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one event. `value` is the answer, `error` the words of any other ending."""

    ending: Ending
    value: Any = None
    error: str = ""

    @property
    def killed(self) -> bool:
        """The process is gone, so nobody inside could say what had been done."""
        return self.ending in (Ending.TIMED_OUT, Ending.OUT_OF_MEMORY, Ending.CRASHED)


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function of a stage: seconds, megabytes, and its own variables."""

    name: str
    timeout: int
    memory: int
    environment: Mapping[str, str] = field(default_factory=dict)


def read_functions(project: Path, stage: str) -> dict[str, FunctionSpec]:
    """The functions that `.chalice/config.json` names, with Chalice's own rules of what overrides what."""
    from chalice.config import Config

    document = json.loads((project / ".chalice" / "config.json").read_text(encoding="utf-8"))
    if stage not in document["stages"]:
        raise ValueError(f"config.json has no stage {stage!r}")
    names = {*document.get("lambda_functions", {}), *document["stages"][stage].get("lambda_functions", {})}
    specs = {}
    for name in names:
        config = Config(chalice_stage=stage, function_name=name, config_from_disk=document)
        specs[name] = FunctionSpec(name, config.lambda_timeout or 60, config.lambda_memory_size or 128,
                                   dict(config.environment_variables))
    return specs


class Zygote:
    """The parent of all function processes; may serve several pools."""

    def __init__(self, say: Say) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._child = Child("functions", "chalicelib.local.zygote", ["--control", str(theirs.fileno())],
                                bare_environment(), say, pass_fds=[theirs.fileno()])

    @property
    def alive(self) -> bool:
        return self._child.alive

    def fork(self, setup: Mapping[str, Any], log: int) -> tuple[int, socket.socket]:
        """A new process for `setup`; what it prints goes to the descriptor `log`. Returns its pid and channel."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            frames.send(self._control, setup)
            socket.send_fds(self._control, [b"!"], [theirs.fileno(), log])
            return int(frames.receive(self._control)), ours

    def stop(self) -> None:
        self._control.close()
        self._child.stop()


class FunctionPool:
    """Warm processes by function. `environment` is what all functions see beside their own variables."""

    def __init__(self, zygote: Zygote, specs: Mapping[str, FunctionSpec], environment: Mapping[str, str], say: Say,
                 *, project: Path = PROJECT, module: str = "app") -> None:
        self._zygote = zygote
        self._specs = specs
        self._environment = dict(environment)
        self._say = say
        self._project = project
        self._module = module
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Process]] = defaultdict(list)
        self._all: set[_Process] = set()
        self._started = 0
        self._closed = False

    def spec(self, name: str) -> FunctionSpec:
        """Raises `ValueError` for a function that config.json does not name: it would silently get 60 s and 128 MB."""
        if name not in self._specs:
            raise ValueError(f"config.json has no block for the function {name}")
        return self._specs[name]

    def environment(self, name: str) -> dict[str, str]:
        return {**self.spec(name).environment, **self._environment}

    def event_sources(self) -> list[dict[str, Any]]:
        """What the decorators of the app say, read in a process of its own."""
        process = self._start(FunctionSpec("", 0, 0))
        try:
            sources = process.wait(INIT_PATIENCE, 0)
        finally:
            self._discard(process)
        if isinstance(sources, Result):
            raise RuntimeError(f"{self._module} cannot be imported ({sources.error}); the lines above say why")
        return list(sources)

    def invoke(self, name: str, event: Any) -> Result:
        """Run one event to its end, in a warm process or a new one."""
        body = json.dumps(event)
        if len(body) > PAYLOAD_LIMIT:
            return Result(Ending.RAISED, error=f"the event of {len(body)} bytes is larger than Lambda takes")
        spec = self.spec(name)
        process = self._take(spec)
        if isinstance(process, Result):
            return process
        result = process.run(event)
        if result.killed:
            self._discard(process)
        else:
            with self._lock:
                self._idle[name].append(process)
        if result.ending is not Ending.ANSWERED:
            self._say(name, f"{result.ending}: {result.error}")
        return result

    def close(self) -> None:
        """End every process, busy or not."""
        with self._lock:
            self._closed = True
            processes, self._all = self._all, set()
        for process in processes:
            process.close()

    def _take(self, spec: FunctionSpec) -> _Process | Result:
        with self._lock:
            if self._closed:
                return Result(Ending.CRASHED, error="the stack is stopping")
            if self._idle[spec.name]:
                return self._idle[spec.name].pop()
        process = self._start(spec)
        first = process.wait(INIT_PATIENCE, spec.memory)
        if first == "ready":
            return process
        self._discard(process)
        self._say(spec.name, f"could not start: {first.error}")
        return Result(first.ending, error=first.error)

    def _start(self, spec: FunctionSpec) -> _Process:
        with self._lock:
            self._started += 1
            number = self._started
        environment = {**bare_environment(), **spec.environment, **self._environment,
                       "AWS_LAMBDA_FUNCTION_NAME": spec.name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory)}
        if "FAULTS" in environment:
            # Every process draws its own faults, and the same ones in every run with this seed.
            environment["FAULTS_SEED"] = f"{environment.get('FAULTS_SEED', '0')}:{spec.name}:{number}"
        setup = {"environment": environment, "project": str(self._project), "module": self._module,
                 "function": spec.name, "timeout": spec.timeout, "memory": spec.memory}
        process = _Process(self._zygote, setup, spec, self._say)
        with self._lock:
            self._all.add(process)
        return process

    def _discard(self, process: _Process) -> None:
        with self._lock:
            self._all.discard(process)
        process.close()


class _Process:
    """One function process, as seen from here."""

    def __init__(self, zygote: Zygote, setup: Mapping[str, Any], spec: FunctionSpec, say: Say) -> None:
        self._spec = spec
        self._closing = threading.Lock()
        read, write = os.pipe()
        try:
            pid, self._channel = zygote.fork(setup, write)
        finally:
            os.close(write)
        self._pid = pid
        # A handle, not a number: the number of a process that died may be somebody else's by now.
        self._handle = _handle(pid)
        threading.Thread(target=_relay, args=(read, spec.name or "app", say), daemon=True).start()

    def run(self, event: Any) -> Result:
        try:
            frames.send(self._channel, [str(uuid.uuid4()), event])
        except OSError:
            return Result(Ending.CRASHED, error="the process was gone before the event came")
        answer = self.wait(self._spec.timeout, self._spec.memory)
        if isinstance(answer, Result):
            return answer
        if "raised" in answer:
            return Result(Ending.RAISED, error=answer["raised"])
        size = len(json.dumps(answer["value"]))
        if size > PAYLOAD_LIMIT:
            return Result(Ending.RAISED, error=f"the answer of {size} bytes is larger than Lambda returns")
        return Result(Ending.ANSWERED, answer["value"])

    def wait(self, seconds: float, memory: int) -> Any:
        """The next frame from the process, or a `Result` when it had to be killed or died. `memory` 0 = no limit."""
        deadline = time.monotonic() + seconds
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                self._kill()
                return Result(Ending.TIMED_OUT, error=f"killed after {seconds:.0f} s")
            try:
                if select.select([self._channel], [], [], min(remaining, _WATCH_SECONDS))[0]:
                    return frames.receive(self._channel)
            except (EOFError, OSError, ValueError):
                return Result(Ending.CRASHED, error="the process died")
            resident = _resident_megabytes(self._pid)
            if memory and resident > memory:
                self._kill()
                return Result(Ending.OUT_OF_MEMORY, error=f"killed at {resident:.0f} MB, {memory} are allowed")

    def close(self) -> None:
        """Closing the channel ends a healthy process; the signal ends any."""
        with self._closing:
            self._kill()
            self._channel.close()
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            elif not _HANDLES:
                os.kill(self._pid, signal.SIGKILL)


def _handle(pid: int) -> int | None:
    """None for a process that is gone already, and where the system knows no such handles."""
    with contextlib.suppress(ProcessLookupError):
        return os.pidfd_open(pid) if _HANDLES else None
    return None


def _resident_megabytes(pid: int) -> float:
    """0 for a process that is just ending, and on systems without /proc: there, memory is not limited."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def _relay(descriptor: int, name: str, say: Say) -> None:
    with os.fdopen(descriptor, "rb") as lines:
        for line in lines:
            say(name, line.decode("utf-8", "replace").rstrip())
