"""Fires the schedules of `app.py`, once at the start and then when they are due."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from chalicelib.local import schedules
from chalicelib.local.sources import ScheduleSource


class Clockwork:
    """`fire(function)` is called for every schedule; one that is still running is not called again meanwhile.

    `every` overrides the time between firings of a function, in seconds: tests are in a hurry.
    """

    def __init__(self, sources: Sequence[ScheduleSource], fire: Callable[[str], object],
                 every: Mapping[str, float] | None = None) -> None:
        self._stop = threading.Event()
        self._fire = fire
        self._threads = [
            threading.Thread(target=self._run, args=(each.function, self._next(each, every or {})), daemon=True,
                             name=f"schedule-{each.function}") for each in sources]

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Fire no more. Does not wait for what is running."""
        self._stop.set()

    @staticmethod
    def _next(source: ScheduleSource, every: Mapping[str, float]) -> schedules.Next:
        following = schedules.parse(source.expression)
        if source.function in every:
            return lambda now: now + timedelta(seconds=every[source.function])
        return following

    def _run(self, function: str, following: schedules.Next) -> None:
        while not self._stop.is_set():
            began = datetime.now(UTC)
            self._fire(function)
            self._stop.wait(max(0.0, (following(began) - datetime.now(UTC)).total_seconds()))
