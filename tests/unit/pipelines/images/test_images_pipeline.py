"""The pipeline's own parts: batches of one, and what becomes of a bad moment after settling."""

from __future__ import annotations

import random
from typing import Any

import pytest

from chalicelib.errors import RowProblem, Transient, Waiting
from chalicelib.imaging.model import ImageProblem
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.pipeline import Pipeline
from chalicelib.pipelines.images.pipeline import build
from chalicelib.settings import Settings

JOB = Job(job_id="j", owner="ada", pipeline="images", status=Status.COMPLETED, file_name="a", file_key="k",
          created_at="t", updated_at="t")


class Away:
    """A store that does not answer."""

    def note(self, _job_id: str, _number: int) -> Any:
        raise Transient("away")


@pytest.fixture
def pipeline() -> Pipeline:
    unused: Any = None
    store: Any = Away()
    return build(settings=Settings(), images_store=store, blobs=unused, dropbox=lambda: None, sleep=lambda _: None,
                 rng=random.Random(1))


def test_a_batch_is_one_picture_and_an_invocation_has_threads_for_all_of_its_messages(pipeline: Pipeline) -> None:
    assert [pipeline.batch_size(rows, {}) for rows in (1, 1001)] == [1, 1]
    assert pipeline.threads == 10


def test_objects_that_cannot_be_put_right_now_are_put_right_later(pipeline: Pipeline) -> None:
    assert pipeline.told is not None
    with pytest.raises(Waiting, match="tidying"):
        pipeline.told(JOB, 1)


def test_each_reason_against_a_picture_is_a_documented_code_of_rejects() -> None:
    assert {problem.value: problem.sentence for problem in ImageProblem}.items() <= {
        problem.value: problem.sentence for problem in RowProblem}.items()
