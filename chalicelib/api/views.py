"""What app.py needs at import: the CORS policy, and views that may answer a model and raise anything.

Chalice turns a view's exception into its own 500 before any middleware sees it; wrapped, it arrives at the edge.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, ChaliceUnhandledError, ChaliceViewError, CORSConfig

CORRELATION = "X-Correlation-Id"

CORS = CORSConfig(
    allow_origin="*",
    allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
                   "X-Api-Key", CORRELATION],
    expose_headers=["ETag", "Retry-After", "X-Request-Id", CORRELATION, "Idempotency-Replayed", "Location",
                    "Content-Disposition"],
    max_age=600)
"""Any origin: access is by a bearer token that no browser sends by itself."""


class Surfaced(ChaliceUnhandledError):
    """Carries a view's exception, as its cause, past Chalice to the middleware."""


def adapt_views(app: Chalice) -> None:
    """Let all views answer models and let their exceptions reach the middleware. Call below the last route."""
    for entries in app.routes.values():
        for entry in entries.values():
            entry.view_function = _adapted(entry.view_function)


def _adapted(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def adapted(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = view(*args, **kwargs)
        except ChaliceViewError:
            raise
        except Exception as error:
            raise Surfaced("a view raised") from error
        return answer.as_json() if hasattr(answer, "as_json") else answer
    return adapted
