"""The fake Keepa itself: what it takes, what it gives, how it refuses and misbehaves when told."""

from __future__ import annotations

import gzip
import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib.local.fakes.keepa import FakeKeepa
from chalicelib.local.fakes.keepa_products import (
    TRIPLES,
    digit_sum,
    fake_product,
    fake_products,
    fresh_ratings,
    nothing,
    unknown,
)
from chalicelib.pipelines.products.keepa_product import Csv
from tests.functional.local_run import wait_until

ROOT = Path(__file__).parents[4]
SINGLE, TWICE, UNKNOWN = "012345678912", "012345678950", "012345678947"


class Minutes:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(fake: FakeKeepa, path: str = "/product", **query: Any) -> requests.Response:
    wanted = {"key": "k", "domain": 1, **query}
    return requests.get(f"{fake.url}{path}", params={n: v for n, v in wanted.items() if v is not None}, timeout=10)


@pytest.fixture
def fake() -> Iterator[Callable[..., FakeKeepa]]:
    running: list[FakeKeepa] = []

    def start(*script: str, **options: Any) -> FakeKeepa:
        running.append(FakeKeepa(script=script, **options).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()


def test_a_code_gives_what_is_computed_from_it(fake):
    body = ask(fake(), code=SINGLE, stats=90, rating=1).json()
    expected = fake_product(SINGLE)
    assert body["products"] == [expected]
    assert body["tokensConsumed"] == 1 + fresh_ratings(expected["asin"])
    assert set(body) >= {"timestamp", "tokensLeft", "refillIn", "refillRate", "tokenFlowReduction",
                         "processingTimeInMs"}


def test_the_sum_of_the_digits_decides_what_a_code_gives():
    assert (digit_sum(SINGLE), digit_sum(TWICE), digit_sum(UNKNOWN)) == (48, 50, 56)
    assert [len(fake_products(code)) for code in (SINGLE, TWICE, UNKNOWN)] == [1, 2, 0]
    assert fake_product(SINGLE) == fake_product(SINGLE)
    assert fake_product(SINGLE)["asin"] == fake_product(f"0{SINGLE}")["asin"]
    assert "<b>" in fake_product(SINGLE)["title"]
    assert fake_product(SINGLE)["imagesCSV"]
    assert fake_product(SINGLE)["stats"]["current"][0] == -1, "no offer of Amazon's"
    assert fake_product(TWICE)["stats"]["current"][0] > 0


def test_a_code_can_have_several_products_up_to_the_limit(fake):
    here = fake()
    assert len(ask(here, code=TWICE).json()["products"]) == 2
    assert len(ask(here, **{"code": TWICE, "code-limit": 1}).json()["products"]) == 1


def test_products_do_not_come_in_the_order_of_the_codes(fake):
    codes = [code for code in (f"{number:012d}" for number in range(100, 160)) if not unknown(code)]
    answered = [each["asin"] for each in ask(fake(), code=",".join(codes)).json()["products"]]
    asked = [each["asin"] for code in codes for each in fake_products(code)]
    assert sorted(answered) == sorted(asked)
    assert answered != asked


def test_an_unknown_code_gives_nothing_and_an_unknown_asin_mostly_nulls(fake):
    here = fake()
    assert ask(here, code=UNKNOWN).json()["products"] == []
    strange = [asin for asin in (f"B0TEST{number:04d}" for number in range(100)) if unknown(asin)]
    products = ask(here, asin=",".join(strange)).json()["products"]
    assert 0 < len(products) < len(strange)
    assert {each["title"] for each in products} == {None}
    assert [each["asin"] for asin in strange for each in nothing(asin)] == [each["asin"] for each in products]


def test_histories_are_pairs_or_triples_and_only_where_they_are_asked_for(fake):
    here = fake()
    product = ask(here, code=SINGLE, rating=1).json()["products"][0]
    assert product["stats"] is None
    for at, series in enumerate(product["csv"]):
        assert series is None or len(series) == (6 if at in TRIPLES else 4)
    assert {kind.value for kind in Csv if kind.with_shipping} == TRIPLES
    assert ask(here, code=SINGLE, history=0).json()["products"][0]["csv"] is None


def test_ratings_are_told_to_who_asks_for_them_and_may_cost_a_token(fake):
    fresh = next(code for code in (f"{number:012d}" for number in range(100, 200))
                 if not unknown(code) and digit_sum(code) % 5 and fresh_ratings(fake_product(code)["asin"]))
    here = fake()
    without, rated = (ask(here, code=fresh, stats=1, rating=rating).json() for rating in (None, 1))
    assert without["products"][0]["stats"]["current"][16:18] == [-1, -1]
    assert rated["products"][0]["stats"]["current"][16] >= 30
    assert (without["tokensConsumed"], rated["tokensConsumed"]) == (1, 2)


def test_a_search_finds_the_title_among_others(fake):
    body = ask(fake(), "/search", type="product", term="Rain Jacket").json()
    assert "Rain Jacket" in [each["title"] for each in body["products"]]
    assert body["tokensConsumed"] == 10


@pytest.mark.parametrize("query", [
    {"code": "abc"}, {"code": "1234567"}, {"asin": "B0088PUEP"}, {"code": SINGLE, "asin": "B0088PUEPK"}, {},
    {"code": SINGLE, "domain": 7}, {"code": SINGLE, "domain": None}, {"code": ",".join([SINGLE] * 101)},
    {"code": f"{SINGLE},x"}])
def test_a_malformed_request_is_refused(fake, query):
    reply = ask(fake(), **query)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "REQUEST_REJECTED"
    assert reply.json()["tokensConsumed"] == 0


def test_a_poisoned_code_is_malformed(fake):
    here = fake(poison=[SINGLE])
    assert ask(here, code=f"{TWICE},{SINGLE}").status_code == 400
    assert ask(here, code=TWICE).status_code == 200


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_missing_or_wrong_key_is_401(fake, key):
    here = fake(key="right")
    assert ask(here, key=key, code=SINGLE).status_code == 401
    assert ask(here, "/token", key=key).status_code == 401
    assert ask(here, key="right", code=SINGLE).status_code == 200


def test_the_bucket_fills_by_the_minute_and_may_be_overdrawn(fake):
    clock = Minutes()
    here = fake(rate=5, tokens=1, clock=clock)
    codes = [code for code in (f"{number:012d}" for number in range(100, 130))
             if not unknown(code) and digit_sum(code) % 5][:9]
    assert ask(here, code=",".join(codes)).json()["tokensLeft"] == 1 - 9
    clock.now += 20
    refused = ask(here, code=SINGLE)
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "NOT_ENOUGH_TOKEN"
    assert (refused.json()["tokensLeft"], refused.json()["refillIn"], refused.json()["refillRate"]) == (-8, 40_000, 5)
    clock.now += 40
    assert ask(here, code=SINGLE).json()["tokensLeft"] == -3
    clock.now += 60
    assert ask(here, code=SINGLE).json()["tokensLeft"] == 1
    clock.now += 60 * 1000
    assert ask(here, "/token").json()["tokensLeft"] == 5 * 60


def test_what_is_told_of_the_account_costs_nothing(fake):
    here = fake(tokens=0)
    assert ask(here, "/token").status_code == 200
    assert here.seen == []


def test_the_script_is_followed_and_then_all_is_well(fake):
    here = fake("429:2500", "402", "500", "ok")
    replies = [ask(here, code=SINGLE) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [429, 402, 500, 200, 200]
    assert (replies[0].json()["refillIn"], replies[0].json()["tokensLeft"]) == (2500, 0)


def test_answers_that_http_calls_good_and_that_are_none(fake):
    here = fake("broken", "page", "null", "unreadable", "stranger")
    for _ in range(2):
        with pytest.raises(ValueError):
            ask(here, code=SINGLE).json()
    assert ask(here, code=SINGLE).json()["products"] is None
    assert len(ask(here, code=SINGLE).json()["products"]) == 3
    assert {each["asin"] for each in ask(here, code=SINGLE).json()["products"]} == {
        "B0STRANGE1", fake_product(SINGLE)["asin"]}


def test_a_hangup_breaks_the_body(fake):
    with pytest.raises(requests.RequestException):
        ask(fake("hangup"), code=SINGLE)


def test_an_answer_is_zipped_for_who_takes_it_and_the_connection_is_kept(fake):
    here = fake("429", "ok", "ok")
    connection = http.client.HTTPConnection("127.0.0.1", here.server_port, timeout=5)
    for status, accepted in ((429, "gzip"), (200, "gzip"), (200, "identity")):
        connection.request("GET", f"/product?key=k&domain=1&code={SINGLE}", headers={"Accept-Encoding": accepted})
        reply = connection.getresponse()
        body = reply.read()
        assert reply.status == status
        assert reply.getheader("Content-Encoding") == ("gzip" if accepted == "gzip" else None)
        assert json.loads(gzip.decompress(body) if accepted == "gzip" else body)["tokensLeft"] > 0
    connection.close()


def test_what_was_asked_is_seen_without_contents(fake):
    here = fake("ok", "500")
    ask(here, code=f"{SINGLE},{UNKNOWN}")
    ask(here, asin="B0088PUEPK")
    assert [(one.path, one.act, one.codes) for one in here.seen] == [("/product", "ok", 2), ("/product", "500", 1)]
    wait_until(lambda: all(one.ended for one in here.seen))  # which is noted once the answer has left
    assert all(one.ended >= one.started for one in here.seen)
    log = requests.get(f"{here.url}/_fake/log", timeout=5)
    assert log.json() == {"requests": 2, "acts": ["ok", "500"], "paths": ["/product"] * 2, "codes": [2, 1],
                          "consumed": 1, "tokensLeft": 1199}
    assert SINGLE not in log.text


def test_behaviour_is_changed_over_http(fake):
    here = fake()
    wanted = {"script": ["503"], "tokens": 0, "rate": 7, "poison": [TWICE], "latency": 0.01, "key": "k"}
    assert requests.post(f"{here.url}/_fake/behaviour", json=wanted, timeout=5).status_code == 200
    assert ask(here, code=SINGLE).json()["refillRate"] == 7
    requests.post(f"{here.url}/_fake/behaviour", json={"tokens": 9}, timeout=5)
    assert [ask(here, code=code).status_code for code in (TWICE, SINGLE, SINGLE)] == [400, 503, 200]


def test_an_act_nobody_knows_is_said_at_once(fake):
    with pytest.raises(ValueError, match="bogus"):
        fake("bogus")
    here = fake()
    assert requests.post(f"{here.url}/_fake/behaviour", json={"script": ["418"]}, timeout=5).status_code == 400
    assert requests.post(f"{here.url}/_fake/behaviour", json={"rate": "much"}, timeout=5).status_code == 400
    assert requests.post(f"{here.url}/product", timeout=5).status_code == 405
    assert ask(here, "/nothing").status_code == 404


def test_it_runs_by_itself_and_prints_where():
    command = [sys.executable, "-m", "chalicelib.local.fakes.keepa", "--script", "503", "--chances", "402@1",
               "--poison", TWICE, "--key", "k", "--tokens", "40", "--rate", "9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            told = requests.get(f"{url}/token", params={"key": "k"}, timeout=5).json()
            assert (told["tokensLeft"], told["refillRate"]) == (40, 9)
            for code, status in ((TWICE, 400), (SINGLE, 503), (SINGLE, 402)):
                reply = requests.get(f"{url}/product", params={"key": "k", "domain": 1, "code": code}, timeout=5)
                assert reply.status_code == status
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
