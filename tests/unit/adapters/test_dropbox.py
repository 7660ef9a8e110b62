"""The Dropbox client against a fake that speaks the protocol over real sockets; time passes by sleeping only."""

from __future__ import annotations

import logging
import random
import time as real_time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from chalicelib.adapters.dropbox import LEASE_MARGIN, PROGRESS_BYTES, PROVIDER, WRONG_TRIES, Dropbox
from chalicelib.adapters.dropbox_answers import CursorReset, Deleted, File, Folder, Gone, Page
from chalicelib.adapters.dropbox_calls import EARLY_SECONDS
from chalicelib.adapters.dropbox_download import BLOCK, ContentHash, content_hash, header_json
from chalicelib.adapters.limiter import Limiter
from chalicelib.adapters.retrying import BUSY_TRIES, TRIES
from chalicelib.costs import Meter
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.limits import Permit, Policy, State
from chalicelib.local.fakes.dropbox import REFRESH_TOKEN, TOKEN_SECONDS, FakeDropbox
from chalicelib.local.fakes.dropbox_tree import Tree
from chalicelib.metrics import Metric, Metrics
from chalicelib.settings import DropboxSettings
from tests.unit.adapters.limited import MemoryStates, Time

SECRET = "app-secret-0123456789"
PHOTO = bytes(range(256)) * 40
HIDDEN = "/Geheim"


class Account:
    """A fake Dropbox, a shared limiter, and as many workers as one asks for."""

    def __init__(self, *script: str, token_script: tuple[str, ...] = ()) -> None:
        self.time = Time()
        self.fake = FakeDropbox(script=script, token_script=token_script, client_secret=SECRET, clock=self.time.clock)
        self.fake.start()
        self.states = MemoryStates()
        self.limiter = Limiter(self.states, clock=self.time.clock, sleep=self.time.sleep)
        self.measured: list[tuple[Mapping[str, str], Mapping[Metric, list[float]]]] = []
        self.metrics = Metrics("test", lambda dimensions, values: self.measured.append((dimensions, values)))

    def client(self, limiter: Limiter | None = None, *, monotonic: Callable[[], float] | None = None,
               **settings: Any) -> Dropbox:
        values = {"api_url": self.fake.url, "content_url": self.fake.url, "client_id": "fake-key",
                  "client_secret": SecretStr(SECRET), "refresh_token": SecretStr(REFRESH_TOKEN), **settings}
        return Dropbox(DropboxSettings(**values), limiter or self.limiter, requests.Session(), clock=self.time.clock,
                       monotonic=monotonic or self.time.monotonic, sleep=self.time.sleep, random=random.Random(1),
                       metrics=self.metrics)

    @property
    def tree(self) -> Tree:
        return self.fake.tree()

    def values(self, metric: Metric) -> float:
        self.metrics.flush()
        return sum(sum(values.get(metric, ())) for _, values in self.measured)

    @property
    def acts(self) -> list[str]:
        """Of all calls but those for tokens."""
        return [one.act for one in self.fake.seen if one.path != "/oauth2/token"]

    @property
    def tokens(self) -> list[str]:
        return [one.act for one in self.fake.seen if one.path == "/oauth2/token"]

    @property
    def state(self) -> State:
        return self.states.read(PROVIDER).state


Open = Callable[..., Account]


@pytest.fixture(scope="module")
def closing() -> Iterator[ThreadPoolExecutor]:
    """Stops servers while the next test runs already: each takes its while."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def account(closing: ThreadPoolExecutor) -> Iterator[Open]:
    accounts: list[Account] = []

    def opened(*script: str, **options: Any) -> Account:
        accounts.append(Account(*script, **options))
        return accounts[-1]

    yield opened
    for one in accounts:
        closing.submit(one.fake.stop)


def paths(page: Page) -> list[tuple[str, str]]:
    return [(type(entry).__name__, entry.path_display) for entry in page.entries]


def fetched(here: Account, told: Mapping[str, Any], target: Path, client: Dropbox | None = None, *,
            deadline: float = 60, **changed: Any) -> bytes:
    """What a download of a listed file brings."""
    values = {"size": told["size"], "content_hash": told["content_hash"], **changed}
    (client or here.client()).download(told["rev"], target, deadline=deadline, **values)
    return target.read_bytes()


# Listings


def test_a_folder_is_listed_with_all_that_lies_in_it(account):
    here = account()
    told = here.tree.put("/Photos/Sommer/Bär.JPG", PHOTO)
    page = here.client().list_folder("/Photos", deadline=9)
    assert paths(page) == [("Folder", "/Photos"), ("Folder", "/Photos/Sommer"), ("File", "/Photos/Sommer/Bär.JPG")]
    assert page.entries[2] == File(
        told["id"], told["rev"], "Bär.JPG", "/photos/sommer/bär.jpg", "/Photos/Sommer/Bär.JPG", len(PHOTO),
        content_hash(PHOTO), here.time.clock(), is_downloadable=True)
    assert not page.has_more


@pytest.mark.parametrize("path", ["", "/", "Photos", "/Photos/", "id"])
def test_a_folder_is_named_with_or_without_its_slashes_or_by_its_id(account, path):
    here = account()
    here.tree.put("/Photos/a.jpg", PHOTO)
    client = here.client()
    folder = client.list_folder("", deadline=9).entries[0]
    assert isinstance(folder, Folder)
    page = client.list_folder(folder.id if path == "id" else path, deadline=9)
    assert ("File", "/Photos/a.jpg") in paths(page)


def test_a_listing_that_is_not_recursive_stays_on_top(account):
    here = account()
    here.tree.put("/Photos/Inner/a.jpg", PHOTO)
    assert paths(here.client().list_folder("/Photos", recursive=False, deadline=9)) == [("Folder", "/Photos/Inner")]


def test_pages_are_followed_to_the_end_and_no_entry_is_lost_or_doubled(account):
    here = account()
    for number in range(7):
        here.tree.put(f"/{number}.jpg", b"x")
    client = here.client()
    page = client.list_folder("", limit=3, deadline=9)
    seen = paths(page)
    while page.has_more:
        page = client.list_continue(page.cursor, deadline=9)
        seen += paths(page)
    assert seen == [("File", f"/{number}.jpg") for number in range(7)]


def test_changes_come_behind_the_cursor_in_their_order_and_again_for_the_same_cursor(account):
    here = account()
    first = here.tree.put("/old.jpg", PHOTO)
    here.tree.put("/Trip/a.jpg", PHOTO)
    client = here.client()
    cursor = client.list_folder("", deadline=9).cursor
    here.tree.put("/old.jpg", PHOTO + b"edited")
    here.tree.delete("/Trip")
    here.tree.move("/old.jpg", "/new.jpg")
    page = client.list_continue(cursor, deadline=9)
    assert paths(page) == [("Deleted", "/Trip"), ("Deleted", "/old.jpg"), ("File", "/new.jpg")]
    renamed = page.entries[2]
    assert isinstance(renamed, File)
    assert renamed.id == first["id"]
    assert renamed.rev != first["rev"]
    assert client.list_continue(cursor, deadline=9).entries == page.entries
    assert client.list_continue(page.cursor, deadline=9).entries == ()


def test_a_latest_cursor_tells_of_nothing_but_what_comes(account):
    here = account()
    here.tree.put("/old.jpg", PHOTO)
    client = here.client()
    cursor = client.latest_cursor("", deadline=9)
    here.tree.put("/new.jpg", PHOTO)
    assert paths(client.list_continue(cursor, deadline=9)) == [("File", "/new.jpg")]


def test_a_cursor_that_was_reset_is_told_apart_so_that_all_is_listed_anew(account):
    here = account()
    here.tree.put("/a.jpg", PHOTO)
    client = here.client()
    cursor = client.list_folder("", deadline=9).cursor
    here.tree.reset()
    with pytest.raises(CursorReset):
        client.list_continue(cursor, deadline=9)
    assert here.values(Metric.PROVIDER_FAILURES) == 0
    assert paths(client.list_folder("", deadline=9)) == [("File", "/a.jpg")]


def test_a_cursor_that_dropbox_never_gave_is_as_good_as_reset(account):
    with pytest.raises(CursorReset):
        account().client().list_continue("AAmangled", deadline=9)


def test_a_folder_that_is_not_there_is_gone_and_a_file_is_no_folder(account):
    here = account()
    here.tree.put("/a.jpg", PHOTO)
    with pytest.raises(Gone):
        here.client().list_folder("/nowhere", deadline=9)
    with pytest.raises(ContentRefused) as refused:
        here.client().list_folder("/a.jpg", deadline=9)
    assert refused.value.details["reason"] == "not_folder"
    assert not isinstance(refused.value, Gone)


def test_entries_that_cannot_be_read_do_not_hold_back_the_others(account):
    here = account("unreadable")
    here.tree.put("/a.jpg", PHOTO)
    page = here.client().list_folder("", deadline=9)
    assert paths(page) == [("File", "/a.jpg")]
    assert page.dropped == 2


def test_a_deleted_entry_tells_where(account):
    here = account()
    here.tree.put("/Trip/A.jpg", PHOTO)
    client = here.client()
    cursor = client.latest_cursor("", deadline=9)
    here.tree.delete("/trip/a.JPG")
    assert client.list_continue(cursor, deadline=9).entries == (Deleted("A.jpg", "/trip/a.jpg", "/Trip/A.jpg"),)


# Tokens


def test_one_token_serves_many_calls_until_shortly_before_it_expires(account):
    here = account()
    client = here.client()
    for wait in (0, 0, TOKEN_SECONDS - EARLY_SECONDS - 1):
        here.time.sleep(wait)
        client.list_folder("", deadline=9)
    assert here.tokens == ["ok"]
    here.time.sleep(2)
    client.list_folder("", deadline=9)
    assert here.tokens == ["ok", "ok"]
    assert here.acts == ["ok"] * 4


@pytest.mark.parametrize("refused", ["expired", "401"])
def test_a_refused_token_is_replaced_once_and_the_call_repeated_without_a_wait(account, refused):
    here = account("ok", refused, "ok")
    client = here.client()
    client.list_folder("", deadline=9)
    client.list_folder("", deadline=9)
    assert here.acts == ["ok", refused, "ok"]
    assert here.tokens == ["ok", "ok"]
    assert here.time.passed == 0


def test_a_token_that_is_refused_though_fresh_opens_the_circuit(account):
    here = account("401", "401")
    with pytest.raises(Unavailable) as refused:
        here.client().list_folder("", deadline=9)
    assert refused.value.details["reason"] == "token"
    assert here.acts == ["401", "401"]
    assert here.state.circuit_reason == "token"


@pytest.mark.parametrize(("act", "reason"), [("grant", "grant"), ("client", "key"), ("400", "token")])
def test_a_refusal_to_give_a_token_is_final(account, act, reason):
    here = account(token_script=(act,))
    with pytest.raises(Unavailable) as refused:
        here.client().list_folder("", deadline=9)
    assert refused.value.details["reason"] == reason
    assert here.state.circuit_reason == reason
    assert here.tokens == [act]
    assert here.acts == []
    with pytest.raises(Waiting) as waiting:
        here.client().list_folder("", deadline=9)
    assert waiting.value.reason == "circuit"


def test_a_wrong_refresh_token_and_a_wrong_secret_are_told_apart(account):
    here = account()
    for wrong, reason in (("refresh_token", "grant"), ("client_secret", "key")):
        with pytest.raises(Unavailable) as refused:
            here.client(**{wrong: SecretStr("wrong")}).list_folder("", deadline=9)
        assert refused.value.details["reason"] == reason
        here.time.sleep(100)


def test_troubles_of_the_token_endpoint_pass_like_others(account):
    here = account(token_script=("500", "broken", "429:1", "ok"))
    assert here.client().list_folder("", deadline=60).entries == ()
    assert here.tokens == ["500", "broken", "429", "ok"]


def test_threads_ask_for_one_token_between_them_and_for_one_when_it_is_refused(account):
    here = account()
    told = here.tree.put("/a.jpg", PHOTO)
    client = here.client()
    for tokens in (["ok"], ["ok", "ok"]):
        with ThreadPoolExecutor(8) as pool:
            pages = pool.map(lambda number: client.list_folder("", limit=number, deadline=9), range(1, 9))
        assert {entry.id for page in pages for entry in page.entries if isinstance(entry, File)} == {told["id"]}
        assert here.tokens == tokens
        here.fake.expire()


# Refusals and troubles


@pytest.mark.parametrize(("act", "reason"), [("scope", "missing_scope"), ("403", "access"), ("404", "address"),
                                             ("405", "address")])
def test_what_only_a_person_can_help_opens_the_circuit_for_all(account, act, reason):
    here = account(act)
    with pytest.raises(Unavailable) as refused:
        here.client().list_folder("", deadline=9)
    assert refused.value.details["reason"] == reason
    assert here.state.circuit_reason == reason
    with pytest.raises(Waiting):
        here.client().list_folder("", deadline=9)
    assert here.acts == [act], "nobody calls while the circuit is open"


def test_a_good_answer_or_a_gone_file_closes_the_circuit(account, tmp_path):
    here = account("403")
    with pytest.raises(Unavailable):
        here.client().list_folder("", deadline=9)
    here.time.sleep(61)
    with pytest.raises(Gone):
        here.client().download("00000000000000000", tmp_path / "x", size=1, content_hash="", deadline=9)
    assert here.state.circuit_reason == ""


@pytest.mark.parametrize(("act", "seconds"), [("429:2", 2), ("busy:2", 2), ("429", 1), ("busy", 0.5)])
def test_both_forms_of_too_many_make_everybody_wait_as_long_as_they_say(account, act, seconds):
    here = account(act)
    here.client().list_folder("", deadline=60)
    assert here.acts == [act.partition(":")[0], "ok"]
    assert seconds <= here.time.passed < seconds * 1.3
    assert here.state.blocked_until == pytest.approx(here.time.clock().timestamp(), abs=seconds)


@pytest.mark.parametrize("act", ["429:90", "busy:90"])
def test_a_long_wait_is_handed_back_and_other_workers_do_not_even_ask(account, act):
    here = account(act)
    for _ in range(2):
        with pytest.raises(Waiting) as waiting:
            here.client().list_folder("", deadline=600)
        assert waiting.value.reason == "tokens"
        assert waiting.value.seconds == pytest.approx(90, abs=1)
    assert len(here.acts) == 1
    assert here.values(Metric.PROVIDER_THROTTLED) == 1
    assert here.values(Metric.PROVIDER_FAILURES) == 0


def test_who_is_told_to_wait_again_and_again_hands_back_in_the_end(account):
    here = account(*["429:1"] * 20)
    with pytest.raises(Waiting):
        here.client().list_folder("", deadline=600)
    assert len(here.acts) < 20


@pytest.mark.parametrize("act", ["500", "503", "broken", "page", "hangup", "hangup:0", "locked"])
def test_what_may_pass_is_tried_again_with_growing_pauses(account, act):
    here = account(act, act)
    here.tree.put("/a.jpg", PHOTO)
    assert len(here.client().list_folder("", deadline=60).entries) == 1
    assert here.acts == [act.partition(":")[0]] * 2 + ["ok"]
    assert 0.75 <= here.time.passed <= 1.5


def test_what_does_not_pass_is_transient_and_counted(account):
    here, meter = account(*["500"] * 9), Meter()
    with pytest.raises(Transient):
        here.client().list_folder("", deadline=60, meter=meter)
    assert here.acts == ["500"] * TRIES
    assert meter.counts == {"calls": TRIES + 1, "failed_calls": TRIES}
    assert here.values(Metric.PROVIDER_CALLS) == TRIES + 1
    assert here.values(Metric.PROVIDER_FAILURES) == TRIES


def test_nothing_is_tried_when_no_time_is_left_for_it(account):
    here = account(*["500"] * 9)
    with pytest.raises(Transient):
        here.client().list_folder("", deadline=0.2)
    assert here.acts == ["500"]
    with pytest.raises(Transient):
        here.client().list_folder("", deadline=0)
    assert here.acts == ["500"]


def test_two_listings_of_one_folder_at_once_are_too_many(account):
    here = account("silence:0.3")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(here.client().list_folder, "", deadline=60)
        while not here.acts:
            real_time.sleep(0.002)
        with pytest.raises(Waiting):
            here.client().list_folder("", deadline=60)
        assert first.result().entries == ()
    assert here.acts == ["silence"] + ["429"] * BUSY_TRIES


def test_an_answer_that_takes_too_long_ends_with_the_deadline(account):
    here = account("silence:5")
    ticks = iter(range(1000))
    client = here.client(monotonic=lambda: next(ticks) * 0.01)
    with pytest.raises(Transient, match=r"deadline|did not answer"):
        client.list_folder("", deadline=0.15)


# Downloads


def test_a_file_comes_as_it_was_listed(account, tmp_path):
    here, meter = account(), Meter()
    told = here.tree.put("/Fotos/Bär.jpg", PHOTO)
    here.client().download(told["rev"], tmp_path / "x", size=told["size"], content_hash=told["content_hash"],
                           deadline=60, meter=meter)
    assert (tmp_path / "x").read_bytes() == PHOTO
    assert meter.counts == {"calls": 2}


def test_an_empty_file_is_a_file(account, tmp_path):
    here = account()
    told = here.tree.put("/empty.jpg", b"")
    assert told["content_hash"] == sha256(b"").hexdigest()
    assert fetched(here, told, tmp_path / "x") == b""


def test_what_was_listed_comes_though_it_was_edited_since(account, tmp_path):
    here = account()
    told = here.tree.put("/a.jpg", PHOTO)
    here.tree.put("/a.jpg", b"edited")
    assert fetched(here, told, tmp_path / "x") == PHOTO


def test_by_its_id_a_file_comes_as_it_is_now_and_is_gone_when_it_is_another(account, tmp_path):
    here = account()
    told = here.tree.put("/a.jpg", PHOTO)
    by_id = {**told, "rev": told["id"]}
    assert fetched(here, by_id, tmp_path / "x") == PHOTO
    here.tree.put("/a.jpg", b"edited")
    with pytest.raises(Gone) as gone:
        fetched(here, by_id, tmp_path / "x")
    assert gone.value.details["reason"] == "superseded"
    assert not (tmp_path / "x").exists()


def test_a_deleted_file_is_gone_and_that_is_no_failure(account, tmp_path):
    here = account()
    told = here.tree.put("/a.jpg", PHOTO)
    here.tree.delete("/a.jpg")
    with pytest.raises(Gone) as gone:
        fetched(here, told, tmp_path / "x")
    assert not gone.value.retryable
    assert here.acts == ["409"], "not tried again"
    assert here.values(Metric.PROVIDER_FAILURES) == 0
    assert not (tmp_path / "x").exists()


def test_what_dropbox_does_not_hand_out_is_refused_for_good_with_its_reason(account, tmp_path):
    here = account("restricted")
    told, paper = here.tree.put("/a.jpg", PHOTO), here.tree.put("/a.paper", b"x", downloadable=False)
    for file, reason in ((told, "restricted_content"), (paper, "unsupported_file")):
        with pytest.raises(ContentRefused) as refused:
            fetched(here, file, tmp_path / "x")
        assert refused.value.details["reason"] == reason
        assert refused.value.details["suspected"] is False
        assert not isinstance(refused.value, Gone)
    assert here.acts == ["restricted", "unsupported_file"]


@pytest.mark.parametrize("acts", [("hangup:5000",), ("hangup:0", "hangup:1"), ("short",), ("hangup:700", "whole"),
                                  ("hangup:700", "shifted"), ("hangup:700", "500", "ok"), ("hangup:700", "401")])
def test_a_broken_download_comes_whole_in_the_end(account, tmp_path, acts):
    here = account(*acts)
    assert fetched(here, here.tree.put("/a.jpg", PHOTO), tmp_path / "x") == PHOTO
    assert len(here.acts) == len([act for act in acts if act not in ("ok", "whole")]) + 1


def test_only_what_is_missing_is_asked_for_again(account, tmp_path):
    here = account("hangup:5000", "hangup:100", "ok")
    told = here.tree.put("/a.jpg", PHOTO)
    assert fetched(here, told, tmp_path / "x") == PHOTO
    calls = [one for one in here.fake.seen if one.path.endswith("download")]
    assert [one.start for one in calls] == [0, 5000, 5100]
    assert sum(one.sent for one in calls) == len(PHOTO)


def test_of_an_answer_that_ends_early_only_the_rest_is_asked_for(account, tmp_path):
    here = account("short")
    assert fetched(here, here.tree.put("/a.jpg", PHOTO), tmp_path / "x") == PHOTO
    assert [one.start for one in here.fake.seen if one.path.endswith("download")] == [0, len(PHOTO) - 1]


def test_a_long_file_may_break_off_as_often_as_it_goes_on(account, tmp_path):
    here = account(*[f"hangup:{PROGRESS_BYTES}"] * 6)
    content = random.Random(0).randbytes(6 * PROGRESS_BYTES + 5)
    assert fetched(here, here.tree.put("/a.tif", content), tmp_path / "x") == content
    assert here.acts == ["hangup"] * 6 + ["ok"]


def test_one_that_does_not_go_on_is_transient_and_leaves_nothing_on_disk(account, tmp_path):
    here = account(*["hangup:10"] * 9)
    with pytest.raises(Transient):
        fetched(here, here.tree.put("/a.jpg", PHOTO), tmp_path / "x")
    assert here.acts == ["hangup"] * TRIES
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("act", ["corrupt", "long", "page"])
def test_wrong_content_is_thrown_away_and_fetched_anew(account, tmp_path, act):
    here = account(act)
    assert fetched(here, here.tree.put("/a.jpg", PHOTO), tmp_path / "x") == PHOTO
    assert [one.start for one in here.fake.seen if one.path.endswith("download")] == [0, 0]


@pytest.mark.parametrize("act", ["corrupt", "long"])
def test_content_that_stays_wrong_is_transient_and_leaves_nothing_on_disk(account, tmp_path, act):
    here = account(*[act] * 9)
    with pytest.raises(Transient, match="not the file"):
        fetched(here, here.tree.put("/a.jpg", PHOTO), tmp_path / "x")
    assert here.acts == [act] * WRONG_TRIES
    assert not (tmp_path / "x").exists()


def test_a_file_without_a_listed_hash_is_held_to_its_size(account, tmp_path):
    here = account("corrupt", "long")
    told = here.tree.put("/a.jpg", PHOTO)
    assert len(fetched(here, told, tmp_path / "x", content_hash="")) == len(PHOTO)
    assert fetched(here, told, tmp_path / "x", content_hash="") == PHOTO
    assert here.acts == ["corrupt", "long", "ok"]


def test_a_slow_file_is_left_when_the_deadline_passes_though_bytes_keep_coming(account, tmp_path):
    here = account("slow:1")
    told = here.tree.put("/a.jpg", PHOTO)
    ticks = iter(range(100_000))
    client = here.client(monotonic=lambda: float(next(ticks)))
    with pytest.raises(Transient, match="longer than its deadline"):
        fetched(here, told, tmp_path / "x", client, deadline=12)
    assert not (tmp_path / "x").exists()


def test_a_disk_that_takes_no_file_is_told_and_not_blamed_on_dropbox(account, tmp_path):
    here = account()
    told = here.tree.put("/a.jpg", PHOTO)
    with pytest.raises(Transient, match="on disk"):
        fetched(here, told, tmp_path / "missing" / "x")
    assert here.acts == []
    assert here.values(Metric.PROVIDER_FAILURES) == 0


def test_a_wait_in_the_middle_keeps_what_has_come(account, tmp_path):
    here = account("hangup:4000", "429:1")
    assert fetched(here, here.tree.put("/a.jpg", PHOTO), tmp_path / "x") == PHOTO
    assert [one.start for one in here.fake.seen if one.path.endswith("download")] == [0, 4000, 4000]


# Limits and logs


def test_a_place_is_kept_as_long_as_the_call_may_last_and_given_back(account, tmp_path):
    here = account("ok", "hangup:5")
    told = here.tree.put("/a.jpg", PHOTO)
    asked: list[Policy] = []

    class Watching(Limiter):
        def acquire(self, provider: str, policy: Policy, *, cost: float = 1.0, patience: float = 0) -> Permit:
            asked.append(policy)
            return super().acquire(provider, policy, cost=cost, patience=patience)

    client = here.client(Watching(here.states, clock=here.time.clock, sleep=here.time.sleep), max_concurrency=7)
    client.list_folder("", deadline=600)
    fetched(here, told, tmp_path / "x", client, deadline=600)
    assert {policy.max_concurrency for policy in asked} == {7}
    kept = [policy.lease_seconds - LEASE_MARGIN for policy in asked]
    assert kept == pytest.approx([30, 600, 599.5], abs=0.5)
    assert here.state.leases == {}


def test_neither_tokens_nor_paths_reach_a_log_line_or_an_error(account, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    here = account("500", "hangup", "401", "ok", "restricted", "hangup:5", "409")
    told = here.tree.put(f"{HIDDEN}/Bär.jpg", PHOTO)
    client = here.client()
    errors: list[BaseException] = []
    client.list_folder(HIDDEN, deadline=60)
    for _ in range(2):
        with pytest.raises(ContentRefused) as refused:
            fetched(here, told, tmp_path / "x", client)
        errors.append(refused.value)
    with pytest.raises(Gone) as gone:
        client.list_folder(f"{HIDDEN}/nowhere", deadline=60)
    with pytest.raises(Transient) as unreached:
        here.client(api_url="http://127.0.0.1:9").list_folder(HIDDEN, deadline=60)
    said = caplog.text + str([vars(one) for one in caplog.records])
    for error in (*errors, gone.value, unreached.value):
        said += "".join(traceback.format_exception(error)) + str(getattr(error, "details", ""))
    assert "dropbox call is tried again" in said, "nothing was logged at all"
    for secret in (SECRET, REFRESH_TOKEN, *here.fake.tokens, HIDDEN[1:], HIDDEN[1:].lower(), told["rev"], told["id"]):
        assert secret not in said


# Content hash


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 7])
def test_the_content_hash_is_that_of_the_blocks_however_the_bytes_come(size):
    data = random.Random(size).randbytes(size)
    expected = sha256(b"".join(
        sha256(data[start:start + BLOCK]).digest() for start in range(0, size, BLOCK))).hexdigest()
    assert content_hash(data) == expected
    whole = ContentHash()
    for start in range(0, size, 1_500_000):
        whole.update(data[start:start + 1_500_000])
        whole.hexdigest()
    assert whole.hexdigest() == expected


def test_a_header_carries_ascii_only():
    told = header_json({"path": "/Bär\x7f\n\U0001f600.jpg"})
    assert told == '{"path":"/B\\u00e4r\\u007f\\n\\ud83d\\ude00.jpg"}'
    assert told.isascii()
    assert told.isprintable()
