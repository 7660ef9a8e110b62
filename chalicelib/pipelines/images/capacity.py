"""What one function may use at a time, shared by the threads that work on its messages: places to decode, and disk.

Downloads wait for the network and go on side by side; decoding is CPU and memory, so only as many pictures as there
are vCPUs are decoded at a time, each within its share. One that needs more gets all of it, alone.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chalicelib.errors import RowProblem, RowRefused, Waiting

MIB = 1024 * 1024
MB_A_VCPU = 1769
"""A function of so many MB has one vCPU (AWS Lambda, "Configure function memory")."""
OWN_MIB = 512
"""What the process takes without pictures: 85 MB at first, 260 to 460 once it has made some (measured)."""
FREE_BYTES = 64 * MIB
"""Of the disk, for others."""
DISK_SECONDS = 15.0


class Decoders:
    """Places to decode. `memory` is the function's, in MB."""

    def __init__(self, memory: int) -> None:
        self.places = max(1, round(memory / MB_A_VCPU))
        self._bytes = (memory - min(OWN_MIB, memory // 4)) * MIB
        self._free = self.places
        self._freed = threading.Condition()

    @contextmanager
    def taken(self, time_left: Callable[[], float], *, all_of_them: bool = False) -> Iterator[int]:
        """Wait for one place, or all; answers the bytes that come with it. Raises Waiting when time runs out."""
        wanted = self.places if all_of_them else 1
        with self._freed:
            if not self._freed.wait_for(lambda: self._free >= wanted, timeout=max(0.0, time_left())):
                raise Waiting(0, "deadline")
            self._free -= wanted
        try:
            yield self._bytes * wanted // self.places
        finally:
            with self._freed:
                self._free += wanted
                self._freed.notify_all()


class Disk:
    """The temporary disk. `free` answers its free bytes; it is asked while nothing of ours is there."""

    def __init__(self, free: Callable[[], int] = lambda: shutil.disk_usage(tempfile.gettempdir()).free) -> None:
        self._ask = free
        self._room = 0
        self._taken = 0
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Room for so many bytes. Raises Waiting where others have it, and RowRefused where it would never do."""
        with self._lock:
            if not self._taken:
                self._room = self._ask() - FREE_BYTES
            if size > self._room:
                raise RowRefused(RowProblem.FILE_TOO_LARGE, "The file is larger than the disk of whoever works on it.")
            if self._taken + size > self._room:
                raise Waiting(DISK_SECONDS, "disk")
            self._taken += size
        try:
            yield
        finally:
            with self._lock:
                self._taken -= size
