"""Products in DynamoDB: what the transaction demands, and what a page costs."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import ConditionFailed
from chalicelib.adapters.products_dynamodb import MAX_READS, DynamoProducts
from chalicelib.errors import DropmillError
from chalicelib.jobs.model import Job, Outcome, RowId
from chalicelib.jobs.pipeline import PutBack, Undone
from tests.contract.products import NOW, Place, after, batch, catalogue, importing, own, row, walked


def test_of_two_batches_judged_on_the_same_state_the_slower_cannot_write(dynamo: Place, job: Job) -> None:
    first, second = (dynamo.store.effects(job, number, batch(number)) for number in (1, 2))
    dynamo.transact(first)
    with pytest.raises(ConditionFailed):
        dynamo.transact(second)
    assert dynamo.store.effects(job, 2, batch(2)).outcomes[RowId(2, 1)] is Outcome.NEW
    later = [after(job, hours) for hours in (2, 3)]
    slow, fast = (dynamo.store.effects(each, 1, [own(row(1), "A", "x")]) for each in later)
    dynamo.transact(fast)
    with pytest.raises(ConditionFailed):
        dynamo.transact(slow)


def test_two_undoings_at_once_both_end_and_agree(dynamo: Place, job: Job) -> None:
    rows = [row(number) for number in range(1, 31)]
    dynamo.settle(job, 1, importing(job, rows))
    told: list[Sequence[Undone]] = []
    threads = [threading.Thread(target=lambda: told.append(dynamo.undo(job))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told[0] == told[1]
    assert Counter(one.became for one in told[0]) == {PutBack.REMOVED: 30}


def test_products_too_large_for_one_transaction_are_refused_before_it(dynamo: Place, job: Job) -> None:
    rows = [row(number) for number in range(1, 25)]
    with pytest.raises(DropmillError, match="too large for a transaction"):
        dynamo.store.effects(job, 1, importing(job, rows, description="x" * 170_000))


class Counting:
    """A client whose queries are counted."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.queries = 0

    def __getattr__(self, name: str) -> Any:
        self.queries += name == "query"
        return getattr(self._client, name)


def test_a_page_costs_few_reads_wherever_it_is(dynamo: Place, dynamo_client: Any, job: Job) -> None:
    dynamo.settle(job, 1, importing(job, [row(4), row(5), row(60_000)]))
    listed, counting = catalogue(job, 60_000), Counting(dynamo_client)
    store = DynamoProducts(counting, "dropmill-test-products", clock=lambda: NOW, sleep=lambda _: None,
                           rng=random.Random(1))
    assert [each.row for each in store.page(job.owner, listed, limit=1).products] == [4]
    assert counting.queries == 1
    page, seen = store.page(job.owner, listed, limit=3), [1]
    assert [each.row for each in page.products] == [4, 5]
    assert counting.queries == 1 + MAX_READS
    while page.cursor:
        page = store.page(job.owner, listed, limit=3, cursor=page.cursor)
        seen.append(len(page.products))
    assert seen == [1, 0, 1]
    assert walked(dynamo, job, listed, 2) == [f"{job.job_id}-1-{number}" for number in (4, 5, 60_000)]


def test_fifty_products_are_fifty_actions_although_they_displace_as_many(dynamo: Place, job: Job) -> None:
    for number in range(1, 3):
        effects = dynamo.settle(job, number, [own(row(place, number), f"SKU{place}", "x") for place in range(50)])
    assert (len(effects.writes), len(effects.displaced)) == (50, 50)
    assert dynamo.counted(job) == Counter({Outcome.NEW: 50, Outcome.SUPERSEDED: 50})
