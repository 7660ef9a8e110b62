"""What a piece of work costs, measured in a process of its own: nothing that ran before it counts, or is warm.

The peak is `VmHWM` and not `ru_maxrss`, which a process inherits from the parent that started it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.local.processes import PROJECT, bare_environment


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall in seconds, the process's own and its children's; peak resident memory in MiB; what it answered."""

    cpu: float
    wall: float
    peak: float
    answer: Any


def in_fresh_process(case: str, environment: Mapping[str, str] | None = None, **arguments: Any) -> Cost:
    """Run `module:function` with `arguments` (all that JSON can say). Raises CalledProcessError when it fails."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as answer:
        command = [sys.executable, "-m", "benchmarks.measure", str(writing), case, json.dumps(arguments)]
        with subprocess.Popen(command, env=bare_environment(**environment or {}), cwd=PROJECT,
                              pass_fds=[writing]) as process:
            os.close(writing)
            body = answer.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(**json.loads(body))


def cpu_seconds() -> float:
    """CPU that this process and its ended children have used."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def cpu_seconds_by_module() -> dict[str, float]:
    """CPU of all running processes below this one, with what theirs have used that ended, by the module they run."""
    parents = {int(entry.name): parent for entry in Path("/proc").iterdir()
               if entry.name.isdigit() and (parent := _parent(entry)) is not None}
    totals: dict[str, float] = {}
    for pid in parents:
        if _descends(pid, parents):
            with contextlib.suppress(OSError):
                module = _module(Path(f"/proc/{pid}"))
                totals[module] = totals.get(module, 0.0) + _cpu_seconds(Path(f"/proc/{pid}"))
    return totals


def pace() -> float:
    """CPU milliseconds that a million additions take here and now, to tell a slow hour from a slow program."""
    best = math.inf
    for _ in range(3):
        began, total = time.process_time(), 0
        for number in range(1_000_000):
            total += number
        best = min(best, time.process_time() - began)
    return best * 1000


def peak_megabytes(pid: int | str = "self") -> float:
    """The most memory that a process has had resident."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _parent(process: Path) -> int | None:
    """None for a process that is just ending."""
    try:
        return int(_fields(process)[1])
    except OSError:
        return None


def _descends(pid: int, parents: Mapping[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == os.getpid():
            return True
    return False


def _cpu_seconds(process: Path) -> float:
    return sum(int(field) for field in _fields(process)[11:15]) / os.sysconf("SC_CLK_TCK")


def _fields(process: Path) -> list[str]:
    """The fields of `stat` from the state on (proc(5)); the name before may hold anything."""
    return (process / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()


def _module(process: Path) -> str:
    words = (process / "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    return words[words.index("-m") + 1] if "-m" in words else words[0]


def _main() -> None:
    channel, case, arguments = sys.argv[1:]
    module, _, function = case.partition(":")
    began = time.monotonic()
    answer = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    cost = {"cpu": cpu_seconds(), "wall": time.monotonic() - began, "peak": peak_megabytes(), "answer": answer}
    with os.fdopen(int(channel), "w", encoding="utf-8") as out:
        json.dump(cost, out)


if __name__ == "__main__":
    _main()
