"""Batches as bytes: what was cut is what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.jobs.model import RowId
from chalicelib.jobs.spool import Cut, Part, Slice, Spool, redeemed


class Memory:
    """Blobs in a dict that counts what is fetched."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fetched: list[tuple[str, int]] = []

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        self.objects[key] = body

    def get(self, key: str) -> bytes:
        self.fetched.append((key, len(self.objects[key])))
        return self.objects[key]

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        self.fetched.append((key, length))
        return self.objects[key][offset:offset + length]


def _cut(number: int) -> Cut:
    text = json.dumps({"leads": [{"n": number, "é": "\n" * number}]}).encode()
    return Cut(text, 2, {0: 1, 3: 1}, RowId(0, number), RowId(3, number + 1))


def _written(store: Memory, parts: dict[int, list[int]]) -> Spool:
    spool = Spool(store, "j")
    for number, batches in parts.items():
        part = Part(number, batches[0])
        for batch in batches:
            part.add(_cut(batch))
        spool.write(part)
    return spool


def test_every_batch_comes_back_with_its_rows_and_its_very_text() -> None:
    spool = _written(Memory(), {1: [1, 2, 3], 2: [4]})
    assert [(part, entry.number, entry.rows, entry.sheets, entry.first, entry.last)
            for part, entry in spool.slices(2)] == [
        (part, number, 2, {0: 1, 3: 1}, RowId(0, number), RowId(3, number + 1))
        for part, number in ((1, 1), (1, 2), (1, 3), (2, 4))]
    for part in (1, 2):
        assert [(entry.number, text) for entry, text in spool.texts(part, spool.index(part))] == [
            (entry.number, _cut(entry.number).text) for entry in spool.index(part)]


def test_some_batches_of_a_part_cost_one_fetch_and_a_single_one_only_its_bytes() -> None:
    store = Memory()
    spool = _written(store, {1: [1, 2, 3]})
    index = spool.index(1)
    store.fetched.clear()
    assert [text for _, text in spool.texts(1, [index[0], index[2]])] == [_cut(1).text, _cut(3).text]
    assert [text for _, text in spool.texts(1, [index[1]])] == [_cut(2).text]
    assert list(spool.texts(1, [])) == []
    key = "work/j/part-00001.jsonl"
    assert store.fetched == [(key, len(store.objects[key])), (key, len(_cut(2).text))]


def test_writing_a_part_again_writes_the_same_bytes() -> None:
    first, second = Memory(), Memory()
    _written(first, {1: [1, 2]})
    _written(second, {1: [1, 2]})
    assert first.objects == second.objects
    assert sorted(first.objects) == ["work/j/part-00001.index.json", "work/j/part-00001.jsonl"]


def test_a_part_knows_how_much_is_in_it() -> None:
    part = Part(1, 1)
    for number in (1, 2):
        part.add(_cut(number))
    assert (part.rows, part.size) == (4, len(_cut(1).text) + len(_cut(2).text) + 2)


def test_a_claim_check_stands_for_its_row_and_nothing_else() -> None:
    store = Memory()
    item: dict[str, Any] = {"_worksheet": "A", "_sheet": 1, "_row": 7, "Note": "ü" * 1000}
    check = Spool(store, "j").put_row(item)
    assert check == {"_worksheet": "A", "_sheet": 1, "_row": 7, "_claim": "work/j/row-1-7.json"}
    assert redeemed(store, check) == item
    assert redeemed(store, item) is item


def test_a_spool_that_is_gone_says_so() -> None:
    with pytest.raises(KeyError):
        Spool(Memory(), "j").index(1)
    assert list(Spool(Memory(), "j").slices(0)) == []


def test_an_index_of_numbers_becomes_rows_again() -> None:
    (entry,) = _written(Memory(), {1: [5]}).index(1)
    assert entry == Slice(5, 0, len(_cut(5).text), 2, {0: 1, 3: 1}, RowId(0, 5), RowId(3, 6))
    assert isinstance(entry.first, RowId)
