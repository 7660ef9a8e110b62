"""Convex sees one patient caller, however many workers there are: five processes against the fake and its log.

Short times are promised and kept here; `python -m tests.functional.convex_pacing` does it with the true ones. What an
answer tells (places, ends of batches, progress) holds to the millisecond. Two starts may arrive closer than they were
sent, when a thread is late on a busy machine: half of the distance is the tolerance, and their mean has none.
"""

from __future__ import annotations

from chalicelib.local.fakes.convex import FakeConvex
from tests.functional.convex_pacing import SHORT, figures, run


def test_five_workers_keep_the_pacing_together_and_every_item_arrives_although_answers_are_lost(aws):
    with FakeConvex(latency=SHORT.latency, lose_every=SHORT.lose_every, limit=SHORT.in_flight) as fake:
        run(fake.url, aws.env, SHORT)
        seen = figures(fake, SHORT)
    assert seen.documents == SHORT.workers * SHORT.items
    assert seen.lost >= 3, "answers were lost, or this proves nothing"
    assert seen.calls == seen.documents + seen.statuses + seen.lost - _lost_statuses(fake)
    assert seen.throttled == 0
    assert 2 <= seen.most_in_flight <= SHORT.in_flight
    assert seen.batches == SHORT.workers
    assert seen.between_starts >= SHORT.spacing / 2
    assert seen.mean_between_starts >= SHORT.spacing
    assert seen.between_batches >= SHORT.batch_gap
    assert seen.between_statuses >= SHORT.status_gap
    assert seen.finished == ("w0", "w1", "w2", "w3", "w4")


def _lost_statuses(fake: FakeConvex) -> int:
    """Progress that was lost is told anew among the statuses, not in addition to them."""
    return sum(one.act == "lost" and one.path.endswith("Status") for one in fake.seen)
