"""What comes out of the routes about erasures."""

from __future__ import annotations

from chalicelib.api.models import ExportState, Moment, Wire


class ErasureStatus(Wire):
    """How far a person's erasure has come, and what went. Jobs that are open are looked at again until they end."""

    erasure_id: str
    status: ExportState
    status_url: str
    created_at: Moment
    completed_at: Moment | None
    leads: int
    prior_images: int
    batches: int
    rows: int
    cached_answers: int
    jobs: int
    open_jobs: int
    retry_after_ms: int | None
