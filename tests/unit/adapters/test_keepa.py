"""The Keepa client against a fake that speaks the protocol over real sockets; time passes by sleeping only."""

from __future__ import annotations

import gzip
import json
import logging
import random
import traceback
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

import pytest
import requests
from urllib3 import HTTPResponse

from chalicelib.adapters.keepa import CODE_LIMIT, LEASE_MARGIN, PROVIDER, SEARCH_TOKENS, Keepa
from chalicelib.adapters.limiter import Limiter
from chalicelib.costs import Meter
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.jobs.limits import Permit, Policy, State
from chalicelib.local.fakes.keepa import FakeKeepa
from chalicelib.local.fakes.keepa_products import digit_sum, fake_products, nothing, unknown
from chalicelib.metrics import Metric, Metrics
from chalicelib.pipelines.products.codes import Code, CodeKind, check_digit, gtin_key, repaired
from chalicelib.settings import Settings
from tests.unit.adapters.limited import MemoryStates, Time

KEY = "0123456789secretkey"


def upcs(count: int, *, wanted: Callable[[str], bool] = lambda code: not unknown(code)) -> list[Code]:
    """So many UPCs that the fake knows, or that are as `wanted`."""
    bodies = (f"0885410{number:04d}" for number in range(10_000))
    whole = (body + check_digit(body) for body in bodies)
    return [Code(CodeKind.UPC, code) for code, _ in zip(filter(wanted, whole), range(count), strict=False)]


def alone(code: str) -> bool:
    return not unknown(code) and digit_sum(code) % 5 != 0


def twice(code: str) -> bool:
    return not unknown(code) and digit_sum(code) % 5 == 0


def asins(count: int, *, wanted: Callable[[str], bool] = lambda asin: not unknown(asin)) -> list[Code]:
    names = filter(wanted, (f"B0TEST{number:04d}" for number in range(10_000)))
    return [Code(CodeKind.ASIN, asin) for asin, _ in zip(names, range(count), strict=False)]


class Account:
    """A fake provider, a shared limiter, and as many workers as one asks for."""

    def __init__(self, *script: str, **options: Any) -> None:
        self.time = Time()
        self.fake = FakeKeepa(script=script, clock=self.time.monotonic, **{"key": KEY, **options}).start()
        self.states = MemoryStates()
        self.session = requests.Session()
        self.measured: list[tuple[Mapping[str, str], Mapping[Metric, list[float]]]] = []
        self.metrics = Metrics("test", lambda dimensions, values: self.measured.append((dimensions, values)))

    def client(self, limiter: Limiter | None = None, **settings: Any) -> Keepa:
        values = {"KEEPA_URL": self.fake.url, "KEEPA_API_KEY": KEY, **settings}
        limiter = limiter or Limiter(self.states, clock=self.time.clock, sleep=self.time.sleep)
        return Keepa(Settings(**values).keepa, limiter, self.session, monotonic=self.time.monotonic,
                     sleep=self.time.sleep, random=random.Random(1), metrics=self.metrics)

    def values(self, metric: Metric) -> float:
        self.metrics.flush()
        return sum(sum(values.get(metric, ())) for _, values in self.measured)

    @property
    def acts(self) -> list[str]:
        return [one.act for one in self.fake.seen]

    @property
    def state(self) -> State:
        return self.states.read(PROVIDER).state


Open = Callable[..., Account]


@pytest.fixture
def account() -> Iterator[Open]:
    accounts: list[Account] = []

    def opened(*script: str, **options: Any) -> Account:
        accounts.append(Account(*script, **options))
        return accounts[-1]

    yield opened
    for one in accounts:
        one.fake.stop()


def test_a_hundred_codes_are_one_request_and_each_finds_its_own(account):
    here, codes = account(), upcs(100, wanted=alone)
    answer = here.client().products(codes, deadline=60)
    assert [one.codes for one in here.fake.seen] == [100]
    assert set(answer.found) == {code.key for code in codes}
    for code in codes:
        assert [one.asin for one in answer.found[code.key]] == [each["asin"] for each in fake_products(code.value)]
    assert answer.missing == answer.refused == answer.unasked == ()


def test_what_keepa_does_not_know_is_missing_and_takes_no_other_with_it(account):
    known, strange = upcs(3, wanted=alone), upcs(2, wanted=unknown)
    answer = account().client().products([strange[0], *known, strange[1]], deadline=60)
    assert set(answer.found) == {code.key for code in known}
    assert answer.missing == tuple(strange)


def test_several_products_of_a_code_are_all_told(account):
    code, = upcs(1, wanted=twice)
    answer = account().client().products([code], deadline=60)
    assert {one.asin for one in answer.found[code.key]} == {each["asin"] for each in fake_products(code.value)}
    assert len(answer.found[code.key]) == 2


def test_asins_are_found_by_name_and_one_of_nulls_is_missing(account):
    known = asins(3)
    empty, absent = (asins(1, wanted=lambda asin, shown=shown: unknown(asin) and bool(nothing(asin)) is shown)
                     for shown in (True, False))
    answer = account().client().products([*empty, *known, *absent], deadline=60)
    assert set(answer.found) == {code.key for code in known}
    assert answer.missing == (*empty, *absent)
    assert len(answer.products) == 4


def test_equal_codes_are_asked_for_once(account):
    here = account()
    plain, zero = repaired("012345678905"), repaired("0012345678905")
    here.client().products([plain, zero, plain], deadline=60)
    assert here.fake.seen[0].codes == 1


@pytest.mark.parametrize("codes", [
    [], upcs(101), [*upcs(1), *asins(1)]], ids=["none", "too many", "of two parameters"])
def test_what_no_request_can_ask_is_a_mistake_of_the_caller(account, codes):
    here = account()
    with pytest.raises(ValueError):
        here.client().products(codes, deadline=60)
    assert here.fake.seen == []


class Recorder(requests.Session):
    """Notes addresses and answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict[str, str]]] = []

    def request(self, method: Any, url: Any, *_: Any, headers: Any = None, **__: Any) -> Any:
        self.asked.append((str(url), dict(headers)))
        raise requests.ConnectionError(f"cannot reach {url}")


def recorded(ask: Callable[[Keepa], object], **settings: Any) -> str:
    session = Recorder()
    chosen = Settings(KEEPA_API_KEY=KEY, **settings).keepa
    with pytest.raises(Transient):
        ask(Keepa(chosen, Limiter(MemoryStates()), session, sleep=lambda _: None))
    assert session.asked[0][1]["Accept-Encoding"] == "gzip"
    return session.asked[0][0]


def test_statistics_and_ratings_are_asked_for_and_no_history():
    codes = [repaired("012345678905"), repaired("10012345678902"), repaired("4006381333931")]
    url = recorded(lambda client: client.products(codes, deadline=9), KEEPA_DOMAIN=3, KEEPA_STATS_DAYS=30)
    assert url == (f"https://api.keepa.com/product?key={KEY}&domain=3&code=012345678905%2C4006381333931"
                   f"&stats=30&history=0&rating=1&code-limit={CODE_LIMIT}")


def test_asins_are_never_sent_as_codes():
    url = recorded(lambda client: client.products([repaired("B0088PUEPK"), repaired("0306406152")], deadline=9))
    assert "&asin=B0088PUEPK%2C0306406152&" in url
    assert "code" not in url


def test_a_title_is_searched_for_on_the_first_page():
    url = recorded(lambda client: client.search("  Rain\n Jacket & more ", deadline=9))
    assert "/search?" in url
    assert "&type=product&term=Rain+Jacket+%26+more&page=0&" in url


def test_a_search_tells_what_it_found_and_costs_ten_tokens(account):
    here, meter = account(), Meter()
    answer = here.client().search("Rain Jacket", deadline=60, meter=meter)
    assert [one.title for one in answer.products][1] == "Rain Jacket"
    assert meter.counts["calls"] == 1
    assert SEARCH_TOKENS <= meter.counts["provider_tokens"] <= SEARCH_TOKENS + 3
    assert here.client().search("nothing at all", deadline=60).products == ()
    with pytest.raises(ValueError):
        here.client().search("  ", deadline=60)


def test_the_account_is_told_for_free(account):
    here = account(rate=5, tokens=-7)
    told = here.client().tokens()
    assert (told.left, told.rate, told.refill_in) == (-7, 5, 60)
    assert told.wait == 60 + 7 / 5 * 60
    assert here.state.tokens == -7


def test_what_keepa_says_of_its_tokens_is_what_all_workers_reckon_with(account):
    here, codes = account(rate=20, tokens=150), upcs(60, wanted=alone)
    meter = Meter()
    here.client().products(codes, deadline=60, meter=meter)
    assert here.state.tokens == 150 - meter.counts["provider_tokens"]
    assert 60 <= meter.counts["provider_tokens"] <= 120


def test_a_request_waits_until_its_tokens_are_there_and_is_not_made(account):
    here, codes = account(rate=20, tokens=150), upcs(100, wanted=alone)
    here.client().products(codes, deadline=60)
    left = here.fake.bucket.told()["tokensLeft"]
    with pytest.raises(Waiting) as waiting:
        here.client().products(codes, deadline=60)
    assert waiting.value.reason == "tokens"
    assert waiting.value.seconds == pytest.approx((100 - left) / 20 * 60)
    assert len(here.fake.seen) == 1
    here.time.sleep(waiting.value.seconds)
    here.client().products(codes, deadline=60)


def test_the_rate_that_keepa_tells_replaces_the_setting(account):
    here = account(rate=60, tokens=100)
    client = here.client(KEEPA_TOKENS_PER_MINUTE=5)
    assert (client.policy.capacity, client.policy.refill_per_second) == (300, 5 / 60)
    client.products(upcs(1), deadline=60)
    assert (client.policy.capacity, client.policy.refill_per_second) == (3600, 1)


def test_a_full_bucket_that_holds_less_than_a_request_is_overdrawn(account):
    here = account(rate=1)
    codes = upcs(100, wanted=alone)
    answer = here.client(KEEPA_TOKENS_PER_MINUTE=1).products(codes, deadline=60)
    assert len(answer.found) == 100
    assert here.state.tokens < 0


def test_too_few_tokens_hold_off_all_workers_until_debts_are_paid(account):
    here = account(rate=20, tokens=-40)
    here.time.sleep(15)
    with pytest.raises(Waiting) as first:
        here.client().products(upcs(1), deadline=600)
    with pytest.raises(Waiting) as second:
        here.client().products(upcs(1), deadline=600)
    assert here.time.passed == 15, "slept inside"
    assert first.value.reason == "tokens"
    assert first.value.seconds == second.value.seconds == pytest.approx(45 + 40 / 20 * 60)
    assert here.acts == ["429"]
    here.time.sleep(first.value.seconds)
    here.client().products(upcs(1), deadline=60)
    assert here.acts == ["429", "ok"]


def test_a_refill_that_comes_soon_is_waited_for_within_the_call(account):
    here = account("429:900", rate=120)
    assert here.client().products(upcs(1), deadline=60).found
    assert here.acts == ["429", "ok"]
    assert 0.9 <= here.time.passed <= 2


def test_a_refusal_that_says_nothing_is_held_off_for_a_while(account):
    here = account()
    session = Answering(429, b"slow down", {"Retry-After": "30"})
    client = Keepa(here.client().settings, Limiter(here.states, clock=here.time.clock, sleep=here.time.sleep), session,
                   monotonic=here.time.monotonic, sleep=here.time.sleep)
    with pytest.raises(Waiting) as waiting:
        client.products(upcs(1), deadline=60)
    assert waiting.value.seconds == pytest.approx(30)


class Answering(requests.Session):
    """Gives one answer to everything, from a server that there is not."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.mount("http://", _Adapter(status, body, headers or {}))


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.given = status, body, headers

    def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
        status, body, headers = self.given
        raw = HTTPResponse(BytesIO(body), headers, status, preload_content=False)
        return self.build_response(request, raw)


@pytest.mark.parametrize("trouble", ["500", "503", "hangup", "broken", "page"])
def test_what_may_pass_is_tried_again_within_the_call(account, trouble):
    here, meter = account(trouble, trouble), Meter()
    code, = upcs(1, wanted=alone)
    assert here.client().products([code], deadline=60, meter=meter).found
    assert here.acts == [trouble, trouble, "ok"]
    assert (meter.counts["calls"], meter.counts["failed_calls"]) == (3, 2)
    assert 0.25 + 0.5 <= here.time.passed <= 0.5 + 1.0


@pytest.mark.parametrize("trouble", ["500", "hangup", "page"])
def test_what_does_not_pass_is_transient_after_three_tries(account, trouble):
    here = account(chances={trouble: 1.0})
    with pytest.raises(Transient):
        here.client().products(upcs(1), deadline=60)
    assert len(here.fake.seen) == 3


def test_a_pause_beyond_the_deadline_is_not_made(account):
    here = account("500")
    with pytest.raises(Transient):
        here.client().products(upcs(1), deadline=0.2)
    assert here.time.passed == 0


def test_silence_ends_with_the_calls_own_time_limit(account):
    here = account(chances={"silence:30": 1.0})
    client = Keepa(here.client(KEEPA_TIMEOUT_SECONDS=0.05).settings, Limiter(here.states), here.session,
                   sleep=lambda _: None)
    with pytest.raises(Transient, match="did not answer"):
        client.products(upcs(1), deadline=600)


@pytest.mark.parametrize(("status", "reason"), [
    ("401", "key"), ("402", "payment"), ("403", "access"), ("404", "address"), ("405", "method")])
def test_what_only_a_person_can_mend_opens_the_circuit_for_all(account, status, reason):
    here = account(status)
    with pytest.raises(Unavailable, match=reason):
        here.client().products(upcs(1), deadline=60)
    with pytest.raises(Waiting) as waiting:
        here.client().products(upcs(1), deadline=60)
    assert waiting.value.reason == "circuit"
    assert here.state.circuit_reason == reason
    assert len(here.fake.seen) == 1
    here.time.sleep(60)
    assert here.client().products(upcs(1), deadline=60).found
    assert here.state.circuit_reason == ""


def test_a_wrong_key_is_found_by_keepa_itself(account):
    with pytest.raises(Unavailable, match="key"):
        account(key="another").client().products(upcs(1), deadline=60)


@pytest.mark.parametrize("at", [0, 49, 99])
def test_a_malformed_code_does_not_hold_back_its_neighbours(account, at):
    codes = upcs(100, wanted=alone)
    here = account(poison=[codes[at].value])
    answer = here.client().products(codes, deadline=60)
    assert answer.refused == (codes[at],)
    assert set(answer.found) == {code.key for code in codes} - {codes[at].key}
    assert len(here.fake.seen) <= 2 * 8
    assert answer.missing == answer.unasked == ()


def test_a_single_malformed_code_is_refused_and_no_error(account):
    code, = upcs(1)
    answer = account(poison=[code.value]).client().products([code], deadline=60)
    assert (answer.refused, answer.missing, answer.found) == ((code,), (), {})


def test_a_refused_request_gives_its_tokens_back_to_all_workers(account):
    code, = upcs(1)
    here = account(poison=[code.value], tokens=500)
    here.client().products([code], deadline=60)
    assert here.state.tokens == 500


def test_a_request_that_is_refused_whatever_the_codes_is_given_up(account):
    here = account(chances={"400": 1.0})
    with pytest.raises(ContentRefused) as refused:
        here.client().products(upcs(100), deadline=60)
    assert refused.value.details["suspected"] is False
    assert len(here.fake.seen) == 12


def test_what_was_paid_for_is_told_although_the_rest_failed(account):
    codes = upcs(4, wanted=alone)
    here = account("ok", "429:60000", poison=[codes[3].value])
    answer = here.client().products(codes, deadline=60)
    assert set(answer.found) == {code.key for code in codes[:2]}
    assert answer.unasked == tuple(codes[2:])
    assert answer.missing == ()


def test_an_unreadable_product_is_dropped_alone(account):
    here, codes = account("unreadable"), upcs(3, wanted=alone)
    answer = here.client().products(codes, deadline=60)
    assert answer.dropped == 2
    assert len(answer.found) == 3


def test_a_product_that_nobody_asked_for_is_nobodys(account):
    here, codes = account("stranger"), upcs(3, wanted=alone)
    answer = here.client().products(codes, deadline=60)
    assert len(answer.products) == 4
    assert {one.asin for several in answer.found.values() for one in several} == {
        each["asin"] for code in codes for each in fake_products(code.value)}


def test_an_answer_without_a_list_knows_no_product(account):
    codes = upcs(2)
    assert account("null").client().products(codes, deadline=60).missing == tuple(codes)


def test_a_single_codes_product_is_its_own_although_its_lists_are_empty(account):
    product = {"asin": "B0088PUEPK", "title": "Jacket", "upcList": None, "eanList": None}
    body = json.dumps({"tokensLeft": 5, "refillIn": 1, "refillRate": 20, "products": [product]}).encode()
    session = Answering(200, gzip.compress(body), {"Content-Encoding": "gzip"})
    client = Keepa(account().client().settings, Limiter(MemoryStates()), session)
    one, other = upcs(2)
    assert client.products([one], deadline=60).found[one.key][0].asin == "B0088PUEPK"
    both = client.products([one, other], deadline=60)
    assert both.found == {}
    assert both.missing == (one, other)


def test_a_case_and_its_item_are_one_look_up(account):
    item, = upcs(1, wanted=alone)
    body = f"1{item.value.zfill(13)[:12]}"
    case = repaired(body + check_digit(body))
    assert case.kind is CodeKind.GTIN14
    answer = account().client().products([case], deadline=60)
    assert answer.found[gtin_key(item.value)][0].asin == fake_products(item.value)[0]["asin"]


def test_a_paid_answer_is_not_lost_when_the_limiter_cannot_be_told(account):
    class Deaf(Limiter):
        def observe(self, provider: str, tokens: float) -> None:
            raise Transient("the table does not answer")

    here = account()
    assert here.client(Deaf(here.states, clock=here.time.clock)).products(upcs(1), deadline=60).found


def test_calls_and_failures_are_measured_and_throttling_is_no_failure(account):
    here = account("500", "ok", "429:60000", "402")
    client, code = here.client(), upcs(1)
    client.products(code, deadline=60)
    for wait in (700, 0, 0):
        with pytest.raises((Waiting, Unavailable)):
            client.products(code, deadline=60)
        here.time.sleep(wait)
    assert here.values(Metric.PROVIDER_CALLS) == 4
    assert here.values(Metric.PROVIDER_FAILURES) == 2
    assert here.values(Metric.PROVIDER_THROTTLED) == 1
    assert here.values(Metric.PROVIDER_BLOCKED) == 1


def test_what_a_failed_call_used_is_told_too(account):
    meter = Meter()
    with pytest.raises(Transient):
        account("broken", "500", "500").client().products(upcs(1), deadline=60, meter=meter)
    assert meter.counts == {"calls": 3, "failed_calls": 3}


def test_the_key_reaches_no_log_line_and_no_error(account, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    here = account("500", "hangup", "401")
    with pytest.raises(Unavailable) as failed:
        here.client().products(upcs(1), deadline=60)
    away = account()
    away.fake.stop()
    with pytest.raises(Transient) as unreached:
        away.client().products(upcs(1), deadline=60)
    told = caplog.text + str([vars(one) for one in caplog.records])
    for error in (failed.value, unreached.value):
        told += "".join(traceback.format_exception(error)) + repr(error) + str(getattr(error, "details", ""))
        assert KEY not in str(error.__context__) + str(error.__cause__)
    assert "keepa call is tried again" in told, "nothing was logged at all"
    assert "GET /product?key=***" in told, "urllib3's lines were not looked at"
    assert KEY not in told


def test_all_places_are_given_back_whatever_happened(account):
    here = account("500", "429:1000", "broken", "hangup", "400", "402")
    for _ in range(4):
        try:
            here.client().products(upcs(2), deadline=60)
        except (Transient, Waiting, Unavailable):
            here.time.sleep(60)
    assert here.state.leases == {}


def test_a_place_is_kept_no_longer_than_the_call_may_last(account):
    here = account()
    asked: list[tuple[Policy, float]] = []

    class Watching(Limiter):
        def acquire(self, provider: str, policy: Policy, *, cost: float = 1.0, patience: float = 0) -> Permit:
            asked.append((policy, cost))
            return super().acquire(provider, policy, cost=cost, patience=patience)

    limiter = Watching(here.states, clock=here.time.clock, sleep=here.time.sleep)
    client = here.client(limiter, KEEPA_TIMEOUT_SECONDS=100)
    for deadline in (7, 700):
        client.products(upcs(30), deadline=deadline)
    client.search("Jacket", deadline=60)
    assert [policy.lease_seconds for policy, _ in asked] == [7 + LEASE_MARGIN, 100 + LEASE_MARGIN, 60 + LEASE_MARGIN]
    assert [cost for _, cost in asked] == [30, 30, SEARCH_TOKENS]
