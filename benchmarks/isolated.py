"""A call in a fork of this process, under a function's limits: nothing that a file does to it reaches the next one.

The parent imports what is slow once, as a warm function has; each fork is killed when it outlasts its seconds or its
memory, its own and its children's, as Lambda counts.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import cpu_seconds, peak_megabytes

_LOOK = 0.02
CRASHED, TOO_SLOW, TOO_LARGE = "crashed", "killed: time", "killed: memory"


@dataclass(frozen=True, slots=True)
class Ended:
    """`ending` is empty where the call answered, else CRASHED, TOO_SLOW or TOO_LARGE. Seconds are CPU, peak is MiB."""

    ending: str
    answer: Any = None
    cpu: float = 0.0
    peak: float = 0.0


def isolated(call: Callable[[], Any], *, seconds: float, megabytes: float) -> Ended:
    """Run `call`, which answers what JSON can say, in a fork. `seconds` are CPU, so that a busy machine is no fault."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _answer(call, writing, seconds)
    os.close(writing)
    try:
        text, ending = _listen(child, reading, seconds, megabytes)
    finally:
        os.close(reading)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        ending = TOO_SLOW
    if ending or not text.endswith(b"\n"):
        return Ended(ending or CRASHED)
    told = json.loads(text)
    return Ended(TOO_LARGE if told["peak"] > megabytes else TOO_SLOW if told["cpu"] > seconds else "", **told)


def _answer(call: Callable[[], Any], channel: int, seconds: float) -> None:
    before = cpu_seconds()
    resource.setrlimit(resource.RLIMIT_CPU, (int(before + seconds) + 1, int(before + seconds) + 2))
    status = 1
    try:
        answer = call()
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        told = {"answer": answer, "cpu": cpu_seconds() - before, "peak": peak_megabytes() + children}
        os.write(channel, json.dumps(told).encode() + b"\n")
        status = 0
    except BaseException:  # whatever it was, the parent calls it a crash
        traceback.print_exc()
    finally:
        os._exit(status)


def _listen(child: int, channel: int, seconds: float, megabytes: float) -> tuple[bytes, str]:
    text, began = b"", time.monotonic()
    while True:
        if select.select([channel], [], [], _LOOK)[0]:
            piece = os.read(channel, 65536)
            if not piece:
                return text, ""
            text += piece
        elif _resident(child) > megabytes:
            os.kill(child, signal.SIGKILL)
            return b"", TOO_LARGE
        elif time.monotonic() - began > seconds * 6:
            os.kill(child, signal.SIGKILL)
            return b"", TOO_SLOW


def _resident(process: int) -> float:
    """MiB of a process and its children; 0 for one that is just ending."""
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as file:  # noqa: PTH123 - many times a second
            pages = int(file.read().split()[1])
        with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:  # noqa: PTH123
            children = file.read().split()
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024 + sum(_resident(int(each)) for each in children)
