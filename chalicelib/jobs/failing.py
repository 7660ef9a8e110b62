"""What a function leaves behind when it fails: our own log line, masked like all others, and an error without words.

Lambda writes the error that leaves a handler into the log as it is, and words of an error quote what it was about: a
row, a key, a cell. The error must leave all the same, because that is how Lambda knows to try again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.errors import DropmillError
from chalicelib.logs import log


class FunctionFailed(DropmillError):
    """Stands for the error that is on the log line before."""


def without_words(event: Any, handle: Callable[[Any], Any]) -> Any:
    """Handle an event. Raises our own errors, whose words are ours, without their causes; others as FunctionFailed."""
    try:
        return handle(event)
    except DropmillError as error:
        raise error from None
    except Exception as error:
        log.error("function failed", extra={"error": type(error).__name__}, exc_info=error)
        raise FunctionFailed(f"{type(error).__name__}; the line before says more") from None
