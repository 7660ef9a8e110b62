"""Which drops are the same file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.jobs.identity import claim_of, drop_id
from chalicelib.jobs.model import Job, Status

JOB = Job(job_id="j", owner="o", pipeline="p", status=Status.UPLOADED, file_name="f", file_key="k", created_at="",
          updated_at="", options={"dedupe": "skip", "note": "x"})
NAMES = ("dedupe", "mapping")


def test_the_same_bytes_with_the_same_options_are_one_file_whoever_splits_them() -> None:
    other = replace(JOB, job_id="another", file_name="g", options={"note": "y", "dedupe": "skip"})
    assert claim_of(JOB, "aa", NAMES) == claim_of(other, "aa", NAMES)


@pytest.mark.parametrize("other", [
    replace(JOB, owner="someone"), replace(JOB, pipeline="q"), replace(JOB, options={"dedupe": "overwrite"}),
    replace(JOB, options={}), replace(JOB, options={"dedupe": "skip", "mapping": {"Name": "company"}})])
def test_owner_pipeline_and_options_that_change_results_make_another_file(other: Job) -> None:
    assert claim_of(JOB, "aa", NAMES) != claim_of(other, "aa", NAMES)
    assert claim_of(JOB, "aa", NAMES) != claim_of(JOB, "bb", NAMES)


def test_an_option_left_empty_is_an_option_not_given() -> None:
    assert claim_of(replace(JOB, options={"dedupe": ""}), "aa", NAMES) == claim_of(
        replace(JOB, options={"mapping": None}), "aa", NAMES)


def test_the_order_in_a_mapping_does_not_matter() -> None:
    one = replace(JOB, options={"mapping": {"a": "email", "b": "phone"}})
    two = replace(JOB, options={"mapping": {"b": "phone", "a": "email"}})
    assert claim_of(one, "aa", NAMES) == claim_of(two, "aa", NAMES)


def test_a_drop_is_known_by_bucket_key_and_version() -> None:
    ids = {drop_id(bucket, key, version) for bucket in "ab" for key in ("k", "k/l") for version in ("1", "2")}
    assert len(ids) == 8
    assert drop_id("a", "k", "1") in ids
    assert all(len(each) == 32 for each in ids)
