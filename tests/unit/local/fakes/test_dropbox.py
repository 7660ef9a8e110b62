"""The fake Dropbox itself: what it takes, what it gives, how it refuses and misbehaves when told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib.adapters.dropbox_download import content_hash
from chalicelib.adapters.dropbox_webhook import SIGNATURE_HEADER, accounts_of, verify_signature
from chalicelib.local.fakes.dropbox import ACCOUNT, REFRESH_TOKEN, TOKEN_SECONDS, FakeDropbox

ROOT = Path(__file__).parents[4]
PHOTO = bytes(range(256)) * 4
GRANT = {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN, "client_id": "fake-key",
         "client_secret": "fake-secret"}
Start = Callable[..., FakeDropbox]


class Hours:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def closing() -> Iterator[ThreadPoolExecutor]:
    """Stops servers while the next test runs already: each takes its while."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def fake(closing: ThreadPoolExecutor) -> Iterator[Start]:
    running: list[FakeDropbox] = []

    def start(*script: str, **options: Any) -> FakeDropbox:
        running.append(FakeDropbox(script=script, **options).start())
        return running[-1]

    yield start
    for one in running:
        closing.submit(one.stop)


def ask(fake: FakeDropbox, route: str, token: str | None = None, **argument: Any) -> requests.Response:
    bearer = fake.grant(ACCOUNT) if token is None else token
    return requests.post(f"{fake.url}/2/files/{route}", json=argument, timeout=10,
                         headers={"Authorization": f"Bearer {bearer}"})


def download(fake: FakeDropbox, path: str, **headers: str) -> requests.Response:
    return requests.post(f"{fake.url}/2/files/download", timeout=10, headers={
        "Authorization": f"Bearer {fake.grant(ACCOUNT)}", "Dropbox-API-Arg": json.dumps({"path": path}), **headers})


def listed(reply: requests.Response) -> list[tuple[str, str]]:
    return [(each[".tag"], each["path_display"]) for each in reply.json()["entries"]]


def test_a_refresh_token_buys_access_for_four_hours(fake):
    clock = Hours()
    here = fake(clock=clock)
    granted = requests.post(f"{here.url}/oauth2/token", data=GRANT, timeout=5).json()
    assert granted["expires_in"] == TOKEN_SECONDS
    assert granted["access_token"].startswith("sl.")
    assert ask(here, "list_folder", granted["access_token"], path="").status_code == 200
    clock.now += timedelta(hours=4)
    refused = ask(here, "list_folder", granted["access_token"], path="")
    assert refused.status_code == 401
    assert refused.json()["error"] == {".tag": "expired_access_token"}
    assert ask(here, "list_folder", "sl.none", path="").json()["error"] == {".tag": "invalid_access_token"}


@pytest.mark.parametrize(("wrong", "error"), [
    ({"refresh_token": "x"}, "invalid_grant"), ({"client_secret": "x"}, "invalid_client"),
    ({"client_id": "x"}, "invalid_client")])
def test_no_token_is_given_to_strangers(fake, wrong, error):
    reply = requests.post(f"{fake().url}/oauth2/token", data={**GRANT, **wrong}, timeout=5)
    assert reply.status_code == 400
    assert reply.json()["error"].startswith(error)


def test_a_folder_lists_what_lies_in_it_and_a_cursor_what_has_changed(fake):
    here = fake()
    tree = here.tree()
    tree.put("/Trip/A.jpg", PHOTO)
    tree.put("/b.jpg", PHOTO)
    first = ask(here, "list_folder", path="", recursive=True)
    assert listed(first) == [("file", "/b.jpg"), ("folder", "/Trip"), ("file", "/Trip/A.jpg")]
    assert first.json()["has_more"] is False
    tree.put("/b.jpg", b"again")
    tree.put("/b.jpg", b"and again")
    tree.put("/c.jpg", PHOTO)
    tree.delete("/c.jpg")
    news = ask(here, "list_folder/continue", cursor=first.json()["cursor"])
    assert listed(news) == [("file", "/b.jpg"), ("deleted", "/c.jpg")]
    assert news.json()["entries"][0]["content_hash"] == content_hash(b"and again")
    assert listed(ask(here, "list_folder/continue", cursor=news.json()["cursor"])) == []


def test_a_listing_that_is_not_recursive_and_one_of_a_folder_see_no_more(fake):
    here = fake()
    here.tree().put("/Trip/Inner/a.jpg", PHOTO)
    here.tree().put("/Tripod.jpg", PHOTO)
    assert listed(ask(here, "list_folder", path="/trip")) == [("folder", "/Trip/Inner")]
    assert listed(ask(here, "list_folder", path="/Trip", recursive=True)) == [
        ("folder", "/Trip"), ("folder", "/Trip/Inner"), ("file", "/Trip/Inner/a.jpg")]


def test_pages_and_changes_have_more_until_they_are_over(fake):
    here = fake()
    for number in range(5):
        here.tree().put(f"/{number}.jpg", PHOTO)
    page = ask(here, "list_folder", path="", limit=2).json()
    sizes = [len(page["entries"])]
    here.tree().put("/late.jpg", PHOTO)
    while page["has_more"]:
        page = ask(here, "list_folder/continue", cursor=page["cursor"]).json()
        sizes.append(len(page["entries"]))
    assert sizes == [2, 2, 1]
    assert listed(ask(here, "list_folder/continue", cursor=page["cursor"])) == [("file", "/late.jpg")]


def test_a_renamed_file_keeps_its_id_and_a_renamed_folder_takes_all_with_it(fake):
    here = fake()
    before = here.tree().put("/Trip/a.jpg", PHOTO)
    cursor = ask(here, "list_folder/get_latest_cursor", path="", recursive=True).json()["cursor"]
    here.tree().move("/Trip", "/Journey")
    news = ask(here, "list_folder/continue", cursor=cursor)
    assert listed(news) == [("deleted", "/Trip"), ("folder", "/Journey"), ("file", "/Journey/a.jpg")]
    after = news.json()["entries"][2]
    assert (after["id"], after["content_hash"]) == (before["id"], before["content_hash"])
    assert after["rev"] != before["rev"]


def test_a_deleted_folder_is_one_entry_and_what_was_in_it_is_gone(fake):
    here = fake()
    told = here.tree().put("/Trip/a.jpg", PHOTO)
    cursor = ask(here, "list_folder", path="", recursive=True).json()["cursor"]
    here.tree().delete("/trip")
    assert listed(ask(here, "list_folder/continue", cursor=cursor)) == [("deleted", "/Trip")]
    assert download(here, f"rev:{told['rev']}").json()["error"] == {".tag": "path", "path": {".tag": "not_found"}}
    with pytest.raises(KeyError):
        here.tree().delete("/trip")


def test_accounts_see_nothing_of_each_other(fake):
    here = fake(accounts={"one": "dbid:one", "two": "dbid:two"})
    here.tree("dbid:two").put("/a.jpg", PHOTO)
    assert [listed(ask(here, "list_folder", here.grant(each), path="")) for each in ("dbid:one", "dbid:two")] == [
        [], [("file", "/a.jpg")]]


def test_a_reset_cursor_is_refused_and_a_made_up_one_is_no_cursor(fake):
    here = fake()
    cursor = ask(here, "list_folder", path="").json()["cursor"]
    here.tree().reset()
    reset = ask(here, "list_folder/continue", cursor=cursor)
    assert reset.status_code == 409
    assert reset.json()["error"] == {".tag": "reset"}
    assert ask(here, "list_folder/continue", cursor="made up").status_code == 400


@pytest.mark.parametrize("argument", [{"path": "/"}, {"path": "Trip"}, {"path": None}, {}, {"path": "", "limit": 0},
                                      {"path": "", "limit": 2001}])
def test_a_malformed_listing_is_refused_in_plain_text(fake, argument):
    reply = ask(fake(), "list_folder", **argument)
    assert reply.status_code == 400
    assert reply.headers["Content-Type"].startswith("text/plain")


def test_a_file_is_sent_by_rev_id_or_path_with_its_metadata(fake):
    here = fake()
    told = here.tree().put("/Fotos/Bär.jpg", PHOTO)
    for source in (f"rev:{told['rev']}", told["id"], "/fotos/bär.jpg"):
        reply = download(here, source)
        assert reply.content == PHOTO
        metadata = reply.headers["Dropbox-API-Result"]
        assert metadata.isascii()
        assert json.loads(metadata) == {name: value for name, value in told.items() if name != ".tag"}


def test_ranges_are_served_and_impossible_ones_refused(fake):
    here = fake()
    here.tree().put("/a.jpg", PHOTO)
    part = download(here, "/a.jpg", Range="bytes=1000-")
    assert (part.status_code, part.content) == (206, PHOTO[1000:])
    assert part.headers["Content-Range"] == "bytes 1000-1023/1024"
    assert download(here, "/a.jpg", Range="bytes=1024-").status_code == 416


@pytest.mark.parametrize(("path", "error"), [
    ("/none.jpg", {".tag": "path", "path": {".tag": "not_found"}}),
    ("/Trip", {".tag": "path", "path": {".tag": "not_file"}}), ("/a.paper", {".tag": "unsupported_file"})])
def test_what_is_no_file_is_refused_with_nested_tags(fake, path, error):
    here = fake()
    here.tree().make_folder("/Trip")
    here.tree().put("/a.paper", b"", downloadable=False)
    reply = download(here, path)
    assert reply.status_code == 409
    assert reply.json()["error"] == error


def test_the_script_is_followed_and_then_all_is_well(fake):
    here = fake("429:7", "429", "busy:3", "busy", "500", "403", "409", "restricted", "expired", "401", "scope")
    here.tree().put("/a.jpg", PHOTO)
    replies = [download(here, "/a.jpg") for _ in range(12)]
    assert [reply.status_code for reply in replies] == [429, 429, 429, 429, 500, 403, 409, 409, 401, 401, 401, 200]
    assert replies[0].json()["error"]["retry_after"] == 7
    assert "retry_after" not in replies[1].json()["error"]
    assert (replies[2].headers["Retry-After"], replies[2].text) == ("3", "Too many requests")
    assert "Retry-After" not in replies[3].headers
    assert replies[7].json()["error"]["path"] == {".tag": "restricted_content"}


def test_an_expired_token_stays_expired(fake):
    here = fake("expired")
    token = here.grant(ACCOUNT)
    for _ in range(2):
        assert ask(here, "list_folder", token, path="").json()["error"] == {".tag": "expired_access_token"}
    assert ask(here, "list_folder", path="").status_code == 200


def test_bodies_that_are_not_what_they_should_be(fake):
    here = fake("corrupt", "short", "long", "stranger", "page", "ok")
    told = here.tree().put("/a.jpg", PHOTO)
    corrupt, short, long, stranger, page, good = (download(here, "/a.jpg") for _ in range(6))
    assert content_hash(corrupt.content) != told["content_hash"]
    assert len(corrupt.content) == len(PHOTO)
    assert short.content == PHOTO[:-1]
    assert long.content == PHOTO + b"x"
    assert json.loads(stranger.headers["Dropbox-API-Result"])["content_hash"] != told["content_hash"]
    assert page.content.startswith(b"<html>")
    assert good.content == PHOTO


def test_ranges_that_are_not_what_was_asked(fake):
    here = fake("whole", "shifted")
    here.tree().put("/a.jpg", PHOTO)
    whole, shifted = (download(here, "/a.jpg", Range="bytes=10-") for _ in range(2))
    assert (whole.status_code, whole.content) == (200, PHOTO)
    assert (shifted.status_code, shifted.headers["Content-Range"]) == (206, "bytes 11-1023/1024")


@pytest.mark.parametrize("act", ["hangup", "hangup:10"])
def test_a_hangup_breaks_the_body(fake, act):
    here = fake(act)
    here.tree().put("/a.jpg", PHOTO)
    with pytest.raises(requests.RequestException):
        download(here, "/a.jpg")
    assert here.seen[-1].sent == (512 if act == "hangup" else 10)


def test_a_notification_is_signed_and_names_the_accounts(fake):
    here = fake(accounts={"one": "dbid:one", "two": "dbid:two"}, client_secret="s")
    body, headers = here.webhook()
    assert accounts_of(body) == ("dbid:one", "dbid:two")
    assert verify_signature("s", body, headers[SIGNATURE_HEADER])
    assert accounts_of(here.webhook("dbid:two")[0]) == ("dbid:two",)
    told = requests.get(f"{here.url}/_fake/webhook", timeout=5).json()
    assert verify_signature("s", told["body"].encode(), told["headers"][SIGNATURE_HEADER])


def test_what_was_asked_is_seen_without_contents(fake):
    here = fake("ok", "500")
    here.tree().put("/Secret.jpg", PHOTO)
    download(here, "/Secret.jpg", Range="bytes=1000-")
    ask(here, "list_folder", path="/Secret.jpg")
    ask(here, "list_folder", path="")
    log = requests.get(f"{here.url}/_fake/log", timeout=5)
    assert log.json() == {
        "requests": 3, "acts": ["ok", "path/not_folder", "500"], "starts": [1000, 0, 0], "sent": [24, 0, 0],
        "paths": ["/2/files/download", "/2/files/list_folder", "/2/files/list_folder"]}
    assert "Secret" not in log.text
    assert all(one.ended is not None and one.ended >= one.started for one in here.seen)


def test_behaviour_and_files_are_changed_over_http(fake, tmp_path):
    here = fake()
    (tmp_path / "x").write_bytes(PHOTO)

    def change(what: str, **wanted: Any) -> int:
        return requests.post(f"{here.url}/_fake/{what}", json=wanted, timeout=5).status_code

    assert change("tree", put="/a.jpg", file=str(tmp_path / "x")) == 200
    assert change("tree", put="/b.txt", text="hello") == 200
    assert change("tree", move=["/a.jpg", "/c.jpg"]) == 200
    assert change("tree", delete="/b.txt") == 200
    assert change("behaviour", script=["503"], token_script=["grant"], latency=0.01) == 200
    assert [ask(here, "list_folder", path="").status_code for _ in range(2)] == [503, 200]
    assert requests.post(f"{here.url}/oauth2/token", data=GRANT, timeout=5).json()["error"] == "invalid_grant"
    assert download(here, "/c.jpg").content == PHOTO
    cursor = ask(here, "list_folder", path="").json()["cursor"]
    assert change("tree", reset=True) == 200
    assert ask(here, "list_folder/continue", cursor=cursor).status_code == 409
    assert change("tree", delete="/none") == 400
    assert change("behaviour", script=["418"]) == 400
    assert change("nothing") == 400


def test_an_act_nobody_knows_and_an_address_that_is_none_are_said_at_once(fake):
    with pytest.raises(ValueError, match="bogus"):
        fake("bogus")
    with pytest.raises(ValueError, match="corrupt"):
        fake(token_script=["corrupt"])
    here = fake()
    assert ask(here, "upload").status_code == 404
    assert requests.get(f"{here.url}/2/files/list_folder", timeout=5).status_code == 404


def test_it_runs_by_itself_with_a_folder_and_prints_where(tmp_path):
    (tmp_path / "Trip").mkdir()
    (tmp_path / "Trip" / "a.jpg").write_bytes(PHOTO)
    command = [sys.executable, "-m", "chalicelib.local.fakes.dropbox", "--script", "503", "--chances", "403@1",
               "--load", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            token = requests.post(f"{url}/oauth2/token", data=GRANT, timeout=5).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            for status in (503, 403):
                reply = requests.post(f"{url}/2/files/list_folder", json={"path": "/trip"}, headers=headers, timeout=5)
                assert reply.status_code == status
            requests.post(f"{url}/_fake/behaviour", json={"chances": {}}, timeout=5)
            reply = requests.post(f"{url}/2/files/list_folder", json={"path": "/trip"}, headers=headers, timeout=5)
            assert listed(reply) == [("file", "/Trip/a.jpg")]
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
