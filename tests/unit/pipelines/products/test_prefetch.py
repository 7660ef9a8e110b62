"""Groups of codes that follow from the file, and fetching each of them once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.costs import Meter
from chalicelib.errors import Transient, Waiting
from chalicelib.pipelines.products.codes import Parameter, repaired
from chalicelib.pipelines.products.known import Lookup
from chalicelib.pipelines.products.prefetch import PATIENCE, Fetch, Group, Groups, Parts, Wanted, covering, cut
from tests.fixtures.products import upc
from tests.unit.pipelines.products.fakes import JOB, Client, Clock, Entries, Memory, Taken, known, spooled


def wanted(*texts: str) -> list[Wanted]:
    codes = [repaired(text) for text in texts]
    return [Wanted(code, "") for code in codes if code]


CODES = [upc(number) for number in range(250)]


def test_distinct_codes_are_cut_in_order_into_hundreds():
    groups = list(cut("g", wanted(*CODES, *CODES)))
    assert [(group.name, len(group.wanted)) for group in groups] == [("g/code/0", 100), ("g/code/1", 100),
                                                                     ("g/code/2", 50)]
    assert [each.code.value for group in groups for each in group.wanted] == CODES


def test_asins_and_barcodes_never_share_a_request():
    groups = list(cut("g", wanted(CODES[0], "B0088PUEPK", CODES[1])))
    assert [(group.name, [each.code.parameter for each in group.wanted]) for group in groups] == [
        ("g/asin/0", [Parameter.ASIN]), ("g/code/0", [Parameter.CODE] * 2)]


def test_all_batches_of_a_part_find_the_same_groups_and_the_part_is_read_once():
    blobs = Memory()
    spooled(blobs, CODES, batch=10, parts=[25])
    parts = Parts(blobs, 1000)
    found = [parts.groups(JOB, number) for number in (1, 25, 13)]
    assert found[0] == found[1] == found[2]
    assert [len(group.wanted) for group in found[0].all] == [100, 100, 50]
    assert blobs.reads.count("work/job/part-00001.jsonl") == 1


def test_the_part_of_a_batch_is_found_also_where_parts_are_short():
    blobs = Memory()
    spooled(blobs, CODES, batch=10, parts=[3, 4, 2, 9, 7])
    parts = Parts(blobs, 10)
    job = replace(JOB, plan_parts=5)
    bounds = {1: (0, 30), 3: (0, 30), 4: (30, 70), 8: (70, 90), 10: (90, 180), 18: (90, 180), 25: (180, 250)}
    for number, (first, last) in bounds.items():
        groups = parts.groups(job, number).all
        assert [each.code.value for group in groups for each in group.wanted] == CODES[first:last]


def test_only_the_last_parts_are_kept_in_memory():
    blobs = Memory()
    spooled(blobs, CODES, batch=10, parts=[5] * 5)
    parts = Parts(blobs, 5)
    for number in (1, 6, 11, 16, 21, 1):
        parts.groups(replace(JOB, plan_parts=5), number)
    assert len(parts._kept) == 2
    assert blobs.reads.count("work/job/part-00001.jsonl") == 2


def test_batches_from_outside_and_jobs_whose_spool_is_gone_have_no_groups():
    assert Parts(Memory(), 10).groups(JOB, 1).all == ()
    assert Parts(Memory(), 10).groups(replace(JOB, outside=True), 1).all == ()


def test_codes_that_no_group_holds_make_their_own():
    groups = Groups.of(cut("part", wanted(*CODES)))
    chosen = covering(wanted(CODES[5], "B0088PUEPK"), groups, "batch")
    assert [group.name for group in chosen] == ["part/code/0", "batch/asin/0"]
    assert chosen[1].wanted[0].code.value == "B0088PUEPK"


def fetch(client: Client, entries: Entries, leases: Taken, clock: Clock, seconds: float = 100.0) -> Fetch:
    return Fetch(client, known(entries, clock), leases, "job", lambda: seconds, 60.0, Meter(), clock.sleep,
                 clock.monotonic)


def group(count: int) -> tuple[Group, list[str]]:
    made = Group("g", tuple(wanted(*CODES[:count])))
    return made, [each.code.key for each in made.wanted]


def test_a_group_is_fetched_whole_and_in_the_cache_before_its_lease_goes():
    client, entries, clock = Client(), Entries(), Clock()
    seen: list[int] = []

    class Watching(Taken):
        def give_back(self, lease):
            seen.append(len(entries.kept))
            super().give_back(lease)

    made, keys = group(30)
    found: dict[str, Lookup] = {}
    fetch(client, entries, Watching(), clock).group(made, frozenset(keys[:3]), found)
    assert (seen, len(client.asked), set(found)) == ([30], 1, set(keys))
    assert any(lookup.data is None for lookup in found.values())
    assert any(lookup.data is not None for lookup in found.values())


def test_what_others_have_fetched_of_a_group_is_not_asked_for_again():
    client, entries, clock, leases = Client(), Entries(), Clock(), Taken()
    made, keys = group(20)
    fetch(client, entries, leases, clock).group(Group("h", made.wanted[:15]), frozenset(keys[:1]), {})
    fetch(client, entries, leases, clock).group(made, frozenset(keys), {})
    assert [len(codes) for _, codes in client.asked] == [15, 5]


def test_who_finds_the_lease_taken_waits_for_the_answer_and_asks_nobody():
    entries, clock = Entries(), Clock()
    made, keys = group(5)
    looks: list[int] = []

    def other() -> None:
        looks.append(1)
        if len(looks) == 3:
            fetch(Client(), entries, Taken(), clock).group(made, frozenset(keys), {})

    client = Client()
    found: dict[str, Lookup] = {}
    fetch(client, entries, Taken({"keepa/g": 9}, on_look=other), clock).group(made, frozenset(keys), found)
    assert (client.asked, set(found)) == ([], set(keys))


def test_who_waits_too_long_is_handed_back():
    clock = Clock()
    began = clock.now
    made, keys = group(5)
    with pytest.raises(Waiting) as waiting:
        fetch(Client(), Entries(), Taken({"keepa/g": 1000}), clock).group(made, frozenset(keys), {})
    assert waiting.value.reason == "lease"
    assert (clock.now - began).total_seconds() == PATIENCE


def test_when_a_holder_was_killed_the_next_one_fetches():
    client, clock = Client(), Clock()
    made, keys = group(5)
    fetch(client, Entries(), Taken({"keepa/g": 4}), clock).group(made, frozenset(keys), {})
    assert len(client.asked) == 1


def test_a_failure_gives_the_lease_back_and_goes_out():
    leases = Taken()
    made, keys = group(5)
    with pytest.raises(Transient):
        fetch(Client(fail=[Transient("down")]), Entries(), leases, Clock()).group(made, frozenset(keys), {})
    assert leases.held == leases.returned == ["keepa/g"]


def test_what_was_answered_before_a_failure_is_kept():
    client, entries, clock = Client(leave=3, fail=[None, Waiting(9, "tokens")]), Entries(), Clock()
    made, keys = group(10)
    with pytest.raises(Waiting):
        fetch(client, entries, Taken(), clock).group(made, frozenset(keys), {})
    assert len(entries.kept) == 7
    found: dict[str, Lookup] = {}
    fetch(client, entries, Taken(), clock).group(made, frozenset(keys), found)
    assert [len(codes) for _, codes in client.asked] == [7, 3]


def test_a_batch_whose_own_codes_are_answered_does_not_wait_for_its_neighbours():
    client = Client(leave=3, fail=[None, Transient("down")])
    made, keys = group(10)
    found: dict[str, Lookup] = {}
    fetch(client, Entries(), Taken(), Clock()).group(made, frozenset(keys[:2]), found)
    assert set(keys[:2]) <= set(found)


def test_without_time_nothing_is_begun():
    made, keys = group(5)
    with pytest.raises(Waiting) as waiting:
        fetch(Client(), Entries(), Taken(), Clock(), seconds=0).group(made, frozenset(keys), {})
    assert waiting.value.reason == "deadline"


def test_entries_of_other_jobs_grow_old_and_a_job_s_own_do_not():
    entries, clock = Entries(), Clock()
    made, keys = group(30)
    fetch(Client(), entries, Taken(), clock).group(made, frozenset(keys), {})
    clock.sleep(2 * 86_400)
    memory = known(entries, clock)
    assert set(memory.of(keys, "job")) == set(keys)
    theirs = memory.of(keys, "another")
    assert 0 < len(theirs) < 30
    assert all(lookup.data is not None for lookup in theirs.values())
    clock.sleep(6 * 86_400)
    assert memory.of(keys, "another") == {}


def test_where_nothing_is_to_be_reused_a_job_s_own_batches_still_find_what_was_paid_for():
    entries, clock = Entries(), Clock()
    memory = known(entries, clock, days=0, missing_days=0)
    memory.learn({"asin:B000000001": {"keepa_product_id": "B000000001"}, "asin:B000000002": None}, "job")
    clock.sleep(60)
    assert len(memory.of(["asin:B000000001", "asin:B000000002"], "job")) == 2
    assert memory.of(["asin:B000000001", "asin:B000000002"], "another") == {}
    assert set(entries.days.values()) == {1}
