"""Places to decode, and disk."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.errors import RowRefused, Waiting
from chalicelib.pipelines.images.capacity import FREE_BYTES, MIB, OWN_MIB, Decoders, Disk


@pytest.mark.parametrize(("memory", "places"), [(2048, 1), (3008, 2), (10_240, 6)])
def test_there_are_as_many_places_as_vcpus_each_with_its_share(memory: int, places: int) -> None:
    decoders = Decoders(memory)
    with decoders.taken(lambda: 1.0) as share:
        assert (decoders.places, share) == (places, (memory - OWN_MIB) * MIB // places)


def test_a_small_function_keeps_most_of_its_memory_for_pictures() -> None:
    with Decoders(512).taken(lambda: 1.0) as share:
        assert share == 384 * MIB


def test_no_more_decode_at_a_time_than_there_are_places() -> None:
    decoders, at_once, most = Decoders(3008), [0], [0]
    lock, both = threading.Lock(), threading.Barrier(2, timeout=5)

    def decode(_: int) -> None:
        with decoders.taken(lambda: 5.0):
            with lock:
                at_once[0] += 1
                most[0] = max(most[0], at_once[0])
            both.wait()
            with lock:
                at_once[0] -= 1

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(decode, range(10)))
    assert most == [2]


def test_a_large_picture_gets_all_places_alone() -> None:
    decoders = Decoders(3008)
    with decoders.taken(lambda: 1.0, all_of_them=True) as whole:
        assert whole == (3008 - OWN_MIB) * MIB
        with pytest.raises(Waiting, match="deadline"), decoders.taken(lambda: 0.01):
            pass
    with decoders.taken(lambda: 0.0), decoders.taken(lambda: 0.0):
        pass


def test_disk_that_others_have_is_waited_for_and_what_never_fits_is_refused() -> None:
    free: list[Any] = [100 * MIB + FREE_BYTES]
    disk = Disk(lambda: free[0])
    with disk.reserved(60 * MIB):
        free[0] = 0  # what is being written is not counted twice
        with disk.reserved(40 * MIB):
            pass
        with pytest.raises(Waiting, match="disk"), disk.reserved(41 * MIB):
            pass
        with pytest.raises(RowRefused), disk.reserved(101 * MIB):
            pass
    free[0] = 200 * MIB + FREE_BYTES
    with disk.reserved(101 * MIB):
        pass


def test_room_comes_back_whatever_happened_to_the_picture() -> None:
    disk = Disk(lambda: 100 * MIB + FREE_BYTES)
    with pytest.raises(KeyError), disk.reserved(100 * MIB):
        raise KeyError
    with disk.reserved(100 * MIB):
        pass
