"""How many products make a batch."""

from __future__ import annotations

import pytest

from chalicelib.pipelines.products.pipeline import batch_size


@pytest.mark.parametrize(("rows", "size"), [(1, 12), (99, 12), (100, 20), (500, 20), (501, 25), (1000, 25), (1001, 32)])
def test_automatic_batches_follow_the_seeds_table(rows: int, size: int):
    assert batch_size(rows, {}, setting="auto") == size


def test_a_fixed_size_is_taken_whatever_the_file():
    assert {batch_size(rows, {}, setting=20) for rows in (1, 500, 1001)} == {20}
