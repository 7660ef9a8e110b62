"""The AI standardiser, through the real client, against a fake that loses, swaps, invents and breaks."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import requests

from chalicelib.adapters.deepseek import DeepSeek
from chalicelib.costs import Meter
from chalicelib.errors import ContentRefused, Transient, Unavailable, Waiting
from chalicelib.local.fakes.deepseek import FakeDeepSeek
from chalicelib.pipelines.leads import ai
from chalicelib.pipelines.leads.ai import Answered, standardize_batch
from chalicelib.pipelines.leads.prompt import PROMPT_VERSION, Flaw
from chalicelib.settings import Settings

COLUMNS = {"Sheet1": {"Name": "name", "Mail": "email", "Tel": "phone", "Firm": "company"}}
PEOPLE = ("Ann Lee", "Bob Ray", "Cat Poe", "Dan Fox", "Eve Orr", "Flo Kay", "Gus Roe", "Hal Day", "Ida Ney", "Jon Tam")


class NoLimits:
    """A limiter that permits everything and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hold(self, provider: str, policy: object, *, patience: float) -> Any:
        return contextlib.nullcontext()

    def penalise(self, provider: str, policy: object, retry_after: float | None = None) -> None:
        self.told.append("penalise")

    def trip(self, provider: str, reason: str) -> None:
        self.told.append(f"trip {reason}")


class Memory:
    """A cache in a dictionary; `broken` makes it fail."""

    def __init__(self, *, broken: bool = False) -> None:
        self.entries: dict[str, Mapping[str, Any]] = {}
        self.broken = broken

    def get_many(self, keys: Sequence[str], *, consistent: bool = False) -> Mapping[str, Mapping[str, Any]]:
        if self.broken:
            raise Transient("no answer")
        return {key: self.entries[key] for key in keys if key in self.entries}

    def put_many(self, entries: Mapping[str, Mapping[str, Any]], *, days: int) -> None:
        if self.broken:
            raise Transient("no answer")
        self.entries.update(entries)


class Desk:
    """One batch after the other through one provider."""

    def __init__(self, fake: FakeDeepSeek, **settings: Any) -> None:
        self.fake = fake
        self.cache = Memory()
        self.session = requests.Session()
        values = {"DEEPSEEK_URL": fake.url, "DEEPSEEK_API_KEY": "k", **settings}
        self.client = DeepSeek(Settings(**values).deepseek, NoLimits(), self.session, sleep=lambda _: None)
        self.meter = Meter()

    def run(self, items: Sequence[Mapping[str, Any]], *, remaining: Callable[[], float] = lambda: 60.0,
            region: str = "US") -> list[Answered]:
        self.meter = Meter()
        return standardize_batch(items, COLUMNS, client=self.client, cache=self.cache, default_region=region,
                                 remaining=remaining, meter=self.meter)

    def used(self, name: str) -> int:
        """What the last batch used."""
        return self.meter.counts.get(name, 0)

    @property
    def asked(self) -> list[tuple[str, ...]]:
        """The row ids of each request."""
        return [one.ids for one in self.fake.seen]


@pytest.fixture
def desk() -> Iterator[Callable[..., Desk]]:
    fakes: list[FakeDeepSeek] = []

    def opened(*script: str, settings: Mapping[str, Any] | None = None, **options: Any) -> Desk:
        fakes.append(FakeDeepSeek(script=script, tick=0.01, **options).start())
        return Desk(fakes[-1], **(settings or {}))

    yield opened
    for fake in fakes:
        fake.stop()


def rows(count: int, **more: str) -> list[dict[str, Any]]:
    return [{"_worksheet": "Sheet1", "_sheet": 0, "_row": place + 2, "Name": name,
             "Mail": f"{name.split()[0].lower()}{turn}@x.org", "Tel": f"415 555 01{place:02}", **more}
            for place, (turn, name) in enumerate(itertools.islice(itertools.product(range(9), PEOPLE), count))]


def emails(answered: Sequence[Answered]) -> list[str]:
    return [one.standardized.record.get("email", "") for one in answered]


def right(answered: Sequence[Answered], items: Sequence[Mapping[str, Any]]) -> bool:
    """Every row is there, under its own name, e-mail and phone."""
    expected = [(item["Name"], item["Mail"], "+1" + "".join(filter(str.isdigit, item["Tel"]))) for item in items]
    return expected == [tuple(one.standardized.record.get(name) for name in ("name", "email", "phone"))
                        for one in answered]


def test_a_batch_is_one_call_and_every_row_says_who_did_it(desk):
    here, items = desk(), rows(10)
    answered = here.run(items)
    assert right(answered, items)
    assert {(one.provider, one.prompt_version) for one in answered} == {("deepseek", PROMPT_VERSION)}
    assert here.used("calls") == len(here.fake.seen) == 1
    assert here.used("prompt_tokens") > 0
    assert here.used("fallback") == 0


def test_our_own_keys_are_not_shown_to_the_ai(desk):
    here = desk(poison={"Sheet1": 400, "_row": 400})
    assert here.run(rows(2))[0].provider == "deepseek"


@pytest.mark.parametrize(("mistake", "again"), [
    ("missing", ("r10",)), ("repeated", ("r1",)), ("empty", ("r1",)), ("swapped", ("r1", "r2")),
    ("invented_email", ("r1",)), ("invented_phone", ("r1",))])
def test_only_the_rows_with_a_flawed_answer_are_asked_again(desk, mistake, again):
    here, items = desk(mistake), rows(10)
    answered = here.run(items)
    assert right(answered, items)
    assert {one.provider for one in answered} == {"deepseek"}
    assert here.asked[1:] == [again]


def test_an_answer_nobody_asked_for_changes_nothing(desk):
    here, items = desk("extra"), rows(3)
    assert right(here.run(items), items)
    assert len(here.fake.seen) == 1


@pytest.mark.parametrize("mistake", ["broken", "fenced", "blank", "length", "insufficient_system_resource", "500",
                                     "503", "429:0", "hangup", "keepalive:0.03"])
def test_one_bad_answer_costs_calls_but_no_row(desk, mistake):
    here, items = desk(mistake), rows(10)
    answered = here.run(items)
    assert right(answered, items)
    assert {one.provider for one in answered} == {"deepseek"}


@pytest.mark.parametrize("mistake", ["length", "broken"])
def test_an_answer_that_is_of_no_use_is_asked_for_in_halves(desk, mistake):
    here = desk(mistake)
    here.run(rows(5))
    assert here.asked[1:] == [("r1", "r2", "r3"), ("r4", "r5")]


def test_a_budget_too_small_for_the_batch_spreads_it_over_calls(desk):
    here, items = desk(settings={"DEEPSEEK_MAX_TOKENS": 256}), rows(20)
    answered = here.run(items)
    assert max(map(len, here.asked)) <= 2
    assert right(answered, items)
    assert {one.provider for one in answered} == {"deepseek"}


@pytest.mark.parametrize("mistake", [
    "missing", "extra", "repeated", "swapped", "empty", "invented_email", "invented_phone", "broken", "fenced",
    "length", "content_filter", "400"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_an_ai_that_always_fails_the_same_way_loses_no_row(desk, mistake, count):
    here, items = desk(chances={mistake: 1.0}), rows(count)
    if mistake in ("content_filter", "400"):
        with pytest.raises(Unavailable):
            here.run(items)
        return
    assert right(here.run(items), items)
    assert len(here.fake.seen) <= 8 * count


@pytest.mark.parametrize("seed", range(8))
def test_any_mixture_of_mistakes_loses_no_row(desk, seed):
    mistakes = ("missing", "extra", "repeated", "swapped", "empty", "invented_email", "invented_phone", "broken",
                "fenced", "length", "blank", "insufficient_system_resource", "500", "429:0", "hangup")
    here, items = desk(chances=dict.fromkeys(mistakes, 0.05), seed=seed), rows(20)
    for _ in range(20):
        with contextlib.suppress(Waiting, Transient):
            assert right(here.run(items), items)
            return
    pytest.fail("never came through")


def test_an_answer_that_stays_ungrounded_is_asked_once_more_and_then_done_by_rules(desk):
    here = desk(chances={"invented_email": 1.0})
    answered = here.run(rows(1))
    assert [one.attempt for one in here.fake.seen] == [1, 2]
    assert (answered[0].provider, answered[0].prompt_version, answered[0].flaw) == ("local", "", Flaw.UNGROUNDED)
    assert emails(answered) == ["ann0@x.org"]
    assert here.used("fallback") == 1


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("place", range(20))
def test_one_poison_row_holds_back_none_of_its_neighbours(desk, status, place):
    here, items = desk(poison={"BOOM": status}), rows(20)
    items[place]["Firm"] = "BOOM Ltd"
    answered = here.run(items)
    assert right(answered, items)
    assert [one.flaw for one in answered] == [Flaw.REFUSED if at == place else None for at in range(20)]
    assert answered[place].provider == "local"
    assert answered[place].standardized.record["company"] == "BOOM Ltd"
    assert len(here.fake.seen) <= 24


def test_several_poison_rows_are_all_found(desk):
    here, items = desk(poison={"BOOM": 500}), rows(10)
    for place in (0, 4, 9):
        items[place]["Firm"] = "BOOM"
    assert [at for at, one in enumerate(here.run(items)) if one.flaw] == [0, 4, 9]


def test_a_single_poison_row_alone_is_found_by_a_harmless_question(desk):
    here, items = desk(poison={"BOOM": 500}), rows(1, Firm="BOOM")
    assert here.run(items)[0].flaw is Flaw.REFUSED


def test_an_outage_blames_no_row(desk):
    here = desk(chances={"500": 1.0})
    with pytest.raises(Transient):
        here.run(rows(20))
    assert len(here.fake.seen) == 6, "three tries of the batch, three of a harmless question"


def test_a_wrong_model_name_is_said_and_not_taken_for_twenty_bad_rows(desk):
    here = desk(settings={"DEEPSEEK_MODEL": "deepseek-chat"})
    with pytest.raises(Unavailable):
        here.run(rows(20))


def test_an_empty_balance_goes_out_to_the_worker(desk):
    here = desk("402")
    with pytest.raises(Unavailable, match="balance"):
        here.run(rows(3))


def test_answers_are_remembered_and_not_paid_for_again(desk):
    here, items = desk(), rows(10)
    first = here.run(items)
    again = here.run(items)
    assert [one.standardized for one in first] == [one.standardized for one in again]
    assert {one.provider for one in again} == {"deepseek"}
    assert here.meter.counts == {"cached": 10}
    assert len(here.fake.seen) == 1


def test_only_rows_that_are_new_are_asked(desk):
    here, items = desk(), rows(6)
    here.run(items[:4])
    here.run(items)
    assert here.asked == [("r1", "r2", "r3", "r4"), ("r5", "r6")]


def test_flawed_answers_are_not_remembered(desk):
    here = desk(chances={"invented_email": 1.0})
    here.run(rows(1))
    assert here.cache.entries == {}


def test_rows_that_say_the_same_are_asked_once(desk):
    here = desk()
    same = [{"_worksheet": "Sheet1", "_row": row, "Name": "Ann Lee", "Mail": "ann@x.org"} for row in (2, 3, 4)]
    assert emails(here.run(same)) == ["ann@x.org"] * 3
    assert here.asked == [("r3",)]


def test_no_days_means_no_memory(desk):
    here = desk(settings={"DEEPSEEK_CACHE_DAYS": 0})
    here.run(rows(2))
    here.run(rows(2))
    assert len(here.fake.seen) == 2
    assert here.cache.entries == {}


def test_a_broken_cache_costs_money_but_no_row(desk):
    here, items = desk(), rows(3)
    here.cache.broken = True
    assert right(here.run(items), items)


def test_work_that_does_not_fit_the_time_is_handed_on_and_continued_from_memory(desk):
    here, items = desk("missing"), rows(10)
    seconds = iter([60.0, 60.0, 0.1])
    with pytest.raises(Waiting) as waiting:
        here.run(items, remaining=lambda: next(seconds, 0.1))
    assert waiting.value.reason == "deadline"
    assert right(here.run(items), items)
    assert here.asked == [tuple(f"r{number}" for number in range(1, 11)), ("r10",)]


def test_no_call_is_begun_without_time(desk):
    here = desk()
    with pytest.raises(Waiting):
        here.run(rows(1), remaining=lambda: 0.1)
    assert here.fake.seen == []


def test_phones_and_emails_end_in_the_same_form_as_by_rules(desk):
    items = [{"_worksheet": "Sheet1", "Name": "Ann Lee", "Mail": " Ann@X.org ", "Tel": "0412 345 678"},
             {"_worksheet": "Sheet1", "Name": "Bob Ray", "Mail": "bob@", "Tel": "00412"}]
    here = desk()
    by_ai = here.run(items, region="AU")
    by_rules = desk(chances={"broken": 1.0}).run(items, region="AU")
    assert [one.provider for one in (*by_ai, *by_rules)] == ["deepseek", "deepseek", "local", "local"]
    for name in ("email", "phone"):
        assert [one.standardized.record.get(name) for one in by_ai] == \
               [one.standardized.record.get(name) for one in by_rules]
    assert by_ai[0].standardized.record["phone"] == "+61412345678"


def test_what_the_ai_leaves_out_is_put_back(desk):
    class Forgetful:
        """Answers with names only."""

        def __init__(self, client: DeepSeek) -> None:
            self.settings = client.settings
            self.client = client

        def complete(self, messages: Any, **options: Any) -> Any:
            done = self.client.complete(messages, **options)
            content = '{"rows":[{"id":"r1","name":"Ann Lee"}]}'
            return type(done)(content, "stop", done.usage)

    here = desk()
    items = [{"_worksheet": "Sheet1", "Name": "Ann Lee", "Mail": "ann@x.org", "Tel": "415 555 0101", "Pet": "cat"}]
    answered = standardize_batch(items, COLUMNS, client=Forgetful(here.client), cache=Memory(),
                                 default_region="US", remaining=lambda: 60.0, meter=Meter())
    record = answered[0].standardized.record
    assert answered[0].provider == "deepseek"
    assert (record["email"], record["phone"]) == ("ann@x.org", "+14155550101")
    assert "Pet: cat" in record["remarks"]


def test_unmapped_columns_stand_once_in_the_remarks(desk):
    items = [{"_worksheet": "Sheet1", "Name": "Ann Lee", "Mail": "ann@x.org", "Pet": "cat", "Colour": "red"}]
    answered = desk().run(items)
    remarks = answered[0].standardized.record["remarks"]
    assert answered[0].provider == "deepseek"
    assert remarks.count("Pet: cat") == remarks.count("Colour: red") == 1


def test_a_row_too_long_for_the_ai_is_done_by_rules_and_the_others_are_asked(desk):
    items = rows(3)
    items[1]["Notes"] = "word " * 4000
    here = desk()
    answered = here.run(items)
    assert [one.provider for one in answered] == ["deepseek", "local", "deepseek"]
    assert answered[1].flaw is Flaw.TOO_LONG
    assert here.asked == [("r1", "r3")]


def test_many_long_rows_are_spread_over_calls(desk):
    here = desk()
    items = rows(20, Notes="x" * 3_000)
    assert right(here.run(items), items)
    assert [len(ids) for ids in here.asked] == [4, 4, 4, 4, 4]


def test_a_row_without_cells_asks_nobody(desk):
    here = desk()
    assert here.run([{"_worksheet": "Sheet1", "_row": 9}])[0].provider == "local"
    assert here.fake.seen == []


def test_an_empty_batch_is_an_empty_answer(desk):
    assert desk().run([]) == []


def test_an_unknown_worksheet_has_no_mapping_and_headers_speak_for_themselves(desk):
    answered = desk().run([{"_worksheet": "Other", "E-Mail": "ann@x.org", "Full name": "Ann Lee"}])
    assert emails(answered) == ["ann@x.org"]


@pytest.mark.parametrize("failure", [Waiting(3, "tokens"), Unavailable("x"), Transient("x")])
def test_what_is_no_matter_of_rows_goes_out_as_it_is(failure):
    class Failing:
        settings = Settings().deepseek

        def complete(self, *_: Any, **__: Any) -> Any:
            raise failure

    with pytest.raises(type(failure)):
        standardize_batch(rows(2), COLUMNS, client=Failing(), cache=Memory(), default_region="US",
                          remaining=lambda: 60.0, meter=Meter())


def test_what_failed_calls_used_is_told_too(desk):
    """A batch whose provider fails half way has paid for what was answered and for what was not."""
    here = desk("ok", "hangup", "hangup", "hangup", settings={"DEEPSEEK_MAX_TOKENS": 600})
    with pytest.raises(Transient):
        here.run(rows(10))
    assert (here.used("calls"), here.used("failed_calls")) == (4, 3)
    assert here.used("prompt_tokens") > 0
    assert here.used("provider_nano_usd") > 0


def test_a_search_for_the_bad_row_does_not_wait_out_every_try():
    class Choking:
        settings = Settings().deepseek

        def complete(self, messages: Any, *, tries: int = 3, **_: Any) -> Any:
            tries_of_calls.append(tries)
            if "BOOM" in messages[1]["content"]:
                raise ContentRefused("choked", suspected=True)
            return fine(messages)

    tries_of_calls: list[int] = []
    fine = _answering()
    items = rows(4)
    items[0]["Firm"] = "BOOM"
    standardize_batch(items, COLUMNS, client=Choking(), cache=Memory(), default_region="US", remaining=lambda: 60.0,
                      meter=Meter())
    assert tries_of_calls == [3, 3, 1, 1, 3, 3]


def _answering() -> Callable[[Any], Any]:
    from chalicelib.adapters.deepseek import Completion, Usage
    from chalicelib.local.fakes.deepseek import _content

    def answer(messages: Any) -> Completion:
        content, reason = _content({"messages": messages}, "ok")
        return Completion(content, reason, Usage(1, 1, 1))

    return answer


def test_the_names_of_providers_are_the_ones_that_settings_use():
    assert (ai.DEEPSEEK, ai.LOCAL) == ("deepseek", "local")
