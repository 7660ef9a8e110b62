"""Five workers, each a process of its own, push to one fake Convex; what its log says is held against the promises.

The suite does it with short times. With the true ones (2 to 3 minutes):

    python -m tests.functional.convex_pacing [seconds until an answer]
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Pacing:
    """What is promised, and how much is sent. Seconds; `items` of each worker, in batches of `batch_items`."""

    spacing: float = 0.1
    batch_gap: float = 2.0
    status_gap: float = 5.0
    in_flight: int = 10
    batch_items: int = 50
    items: int = 100
    workers: int = 5
    latency: float = 1.2
    lose_every: int = 10


TRUE = Pacing()
"""With answers that take so long that the calls in flight are bounded by their limit, not by the spacing."""
SHORT = Pacing(spacing=0.05, batch_gap=0.15, status_gap=0.3, in_flight=4, batch_items=7, items=7, latency=0.15)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the fake saw. Distances in seconds, each the least of its kind."""

    calls: int
    lost: int
    throttled: int
    most_in_flight: int
    batches: int
    between_starts: float
    mean_between_starts: float
    """Of the batch in which it is least."""
    between_batches: float
    statuses: int
    between_statuses: float
    documents: int
    finished: tuple[str, ...]
    seconds: float


def run(url: str, env: Mapping[str, str], pacing: Pacing) -> None:
    """Let the workers work until all have pushed everything. `env` leads to the emulator."""
    subprocess.run(
        [sys.executable, "-m", "tests.functional.convex_pacing", "work", url, json.dumps(asdict(pacing))],
        cwd=ROOT, env={**os.environ, **env}, check=True, timeout=600)


def figures(fake: Any, pacing: Pacing) -> Figures:
    """What the log of the fake says. A batch is known by its documents, which are named `worker-batch-number`."""
    from chalicelib.local.fakes.convex import PROGRESS, RESULTS

    items, statuses = fake.of(RESULTS), fake.of(PROGRESS)
    batches: dict[str, list[Any]] = {}
    for one in items:
        batches.setdefault(one.document.rpartition("-")[0], []).append(one)
    ordered = sorted(batches.values(), key=lambda batch: batch[0].started)
    return Figures(
        calls=len(fake.seen), lost=sum(one.act == "lost" for one in fake.seen),
        throttled=sum(one.act == "TooManyConcurrentRequests" for one in fake.seen), most_in_flight=fake.max_in_flight,
        batches=len(ordered), between_starts=min(_gaps(items)),
        mean_between_starts=min((batch[-1].started - batch[0].started) / (len(batch) - 1) for batch in ordered),
        between_batches=min(later[0].started - max(one.ended for one in earlier)
                            for earlier, later in pairwise(ordered)),
        statuses=len(statuses), between_statuses=min(_gaps(statuses)), documents=len(fake.documents),
        finished=tuple(sorted(name for name, status in fake.statuses.items() if status.args.get("final"))),
        seconds=max(one.ended for one in fake.seen) - min(one.started for one in fake.seen))


def _gaps(calls: Sequence[Any]) -> list[float]:
    return [later.started - earlier.started for earlier, later in pairwise(calls)]


def _work(name: str, url: str, pacing: Pacing) -> None:
    """One worker, as a function is: its own client, its own limiter, its own clock."""
    import boto3

    from chalicelib.adapters.convex import ConvexBatchProcessor
    from chalicelib.adapters.convex_calls import pooled_session
    from chalicelib.adapters.limiter import DynamoStates, Limiter
    from chalicelib.settings import Settings

    settings = Settings(
        CONVEX_URL=url, CONVEX_DEPLOY_KEY="k", CONVEX_MAX_IN_FLIGHT=pacing.in_flight, STAGE="test",
        CONVEX_SPACING_SECONDS=pacing.spacing, CONVEX_BATCH_GAP_SECONDS=pacing.batch_gap,
        CONVEX_STATUS_GAP_SECONDS=pacing.status_gap)
    dynamodb = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    convex = ConvexBatchProcessor(
        settings.convex, Limiter(DynamoStates(dynamodb, settings.limits_table)), pooled_session(pacing.in_flight),
        batch_items=pacing.batch_items)
    for batch in range(pacing.items // pacing.batch_items):
        convex.status(name, {"batch": batch}, final=False)
        items = [{"externalId": f"{name}-{batch}-{number}", "rate": 1.5} for number in range(pacing.batch_items)]
        report = convex.push(items, deadline=600, patience=600)
        assert len(report.applied) == pacing.batch_items
        convex.status(name, {"batch": batch, "pushed": True}, final=False)
    assert convex.status(name, {"final": True}, final=True, deadline=600, patience=600)


def _all_work(url: str, pacing: Pacing) -> int:
    """The imports are paid once: this process has one thread, so it may fork."""
    import boto3.dynamodb.types  # noqa: F401

    import chalicelib.adapters.convex  # noqa: F401

    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_work, args=(f"w{number}", url, pacing)) for number in range(pacing.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return max(abs(worker.exitcode or 0) for worker in workers)


def main() -> int:
    """The true pacing, against an emulator and a fake of its own; prints the figures."""
    latency = float(sys.argv[1]) if sys.argv[1:] else TRUE.latency
    from chalicelib.local.access import Access
    from chalicelib.local.emulator import Emulator
    from chalicelib.local.fakes.convex import FakeConvex
    from chalicelib.local.resources import build
    from chalicelib.local.template import read

    with Emulator() as emulator, FakeConvex(latency=latency, lose_every=TRUE.lose_every) as fake:
        access = Access(emulator.endpoint)
        build(read(ROOT / ".chalice" / "resources.yaml", "test", access), access)
        began = time.monotonic()
        run(fake.url, access.environment, TRUE)
        for name, value in asdict(figures(fake, TRUE)).items():
            print(f"{name:<22}{value:.4f}" if isinstance(value, float) else f"{name:<22}{value}")
        print(f"{'with starting':<22}{time.monotonic() - began:.1f}")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        sys.exit(_all_work(sys.argv[2], Pacing(**json.loads(sys.argv[3]))))
    sys.exit(main())
