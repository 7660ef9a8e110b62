"""What S3 no longer has. Without `s3:ListBucket` in the role it answers 403, not 404, and these ways are shut."""

from __future__ import annotations

import pytest

from chalicelib.jobs.model import Status
from tests.functional.engine import Engine, book, people


@pytest.fixture
def engine(aws) -> Engine:
    return Engine(aws, {"BATCH_SIZE": "2", "MESSAGE_BYTES": "8192"})


def test_a_large_row_whose_own_file_is_gone_is_a_reject_and_its_neighbours_are_stored(engine):
    rows = people(3)
    rows[2][4] = "x" * 9000
    job = engine.drop(book(People=rows))
    engine.split()
    [claimed] = [key for key in engine.spool(job) if "/row-" in key]
    engine.services.blobs.delete(claimed)

    engine.work()

    ended = engine.job(job.job_id)
    assert (ended.status, ended.new, ended.rejected) == (Status.COMPLETED, 2, 1)
    assert engine.rejects(ended) == [("People", 3, "ROW_TOO_LARGE")]
