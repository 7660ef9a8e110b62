"""The Chalice application, with what Chalice 1.34 lacks for a bucket's events.

`chalice package` refuses `@app.on_s3_event`, and its event object breaks on the test event that S3 sends when a
notification is set up. `app.py` keeps the plain decorator.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, S3Event

from chalicelib.settings import settings

Entry = Callable[[Any, Any], Any]
"""What Lambda calls, with an event and a context."""


class Application(Chalice):
    """Chalice whose `on_s3_event` suits both roads of deployment."""

    def on_s3_event(
        self, bucket: str, events: list[str] | None = None, prefix: str | None = None, suffix: str | None = None,
        name: str | None = None,
    ) -> Callable[[Callable[[S3Event], Any]], Entry]:
        """As Chalice's own; with `S3_TRIGGER=template` a plain function, whose notification the template makes."""
        if settings().s3_trigger == "template":
            return lambda handler: self.lambda_function(name=name)(_only_objects(_with_event(handler)))
        register = super().on_s3_event(bucket, events=events, prefix=prefix, suffix=suffix, name=name)
        return lambda handler: _only_objects(register(handler))


def _with_event(handler: Callable[[S3Event], Any]) -> Entry:
    @functools.wraps(handler)
    def entry(event: Any, context: Any) -> Any:
        return handler(S3Event(event, context))

    return entry


def _only_objects(entry: Entry) -> Entry:
    """Without `s3:TestEvent`, which has no records: Lambda would call three times and then complain."""

    @functools.wraps(entry)
    def called(event: Any, context: Any) -> Any:
        return entry(event, context) if "Records" in event else None

    return called
