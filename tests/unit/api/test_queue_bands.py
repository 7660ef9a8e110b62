"""Depth and concurrency in words: the seed's bands, the alarms' thresholds, and no estimate without a measure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.api.queue_bands import BANDS, USUAL, Figures, Level, Load, band_of, share_of, words
from chalicelib.deploy.alarms import DEPTHS, USUAL_DEPTH

CALM = Figures("leads", 0, 0, 0, 0, concurrency=5)


@pytest.mark.parametrize(("name", "visible", "level"), [
    ("leads", 0, "idle"), ("leads", 1, "normal"), ("leads", 10, "normal"), ("leads", 49, "normal"),
    ("leads", 50, "busy"), ("leads", 100, "busy"), ("leads", 101, "backlog"), ("images", 0, "idle"),
    ("images", 10, "normal"), ("images", 50, "busy"), ("images", 500, "busy"), ("images", 501, "backlog")])
def test_depth_falls_into_the_bands_of_the_seed(name, visible, level):
    assert band_of(name, visible).level == level


def test_a_backlog_begins_where_the_alarm_does():
    assert set(BANDS) == set(DEPTHS)
    for name, threshold in {**DEPTHS, "leads": USUAL_DEPTH}.items():
        bands = BANDS.get(name, USUAL)
        assert [band.least for band in bands if band.level is Level.BACKLOG] == [threshold + 1]


@pytest.mark.parametrize(("in_flight", "load"), [
    (0, "idle"), (1, "light"), (10, "light"), (490, "light"), (491, "high"), (500, "high"), (990, "high"),
    (991, "full"), (1000, "full"), (1200, "full")])
def test_concurrency_is_a_share_of_what_the_queue_may_use(in_flight, load):
    share = share_of(Figures("images", 0, in_flight, 0, 0, batch_size=10, concurrency=100))
    assert share is not None
    assert share.load == load


def test_without_a_bound_there_is_no_share_but_a_sentence():
    figures = replace(CALM, concurrency=None, in_flight=3)
    assert share_of(figures) is None
    assert any("nothing bounds them but the account's 1000" in sentence for sentence in words(figures, ""))


@pytest.mark.parametrize(("figures", "seconds"), [
    (CALM, 0), (replace(CALM, rate=2.0), 0), (replace(CALM, visible=10), None),
    (replace(CALM, visible=10, rate=0.0), None), (replace(CALM, visible=10, in_flight=5, delayed=5, rate=2.0), 10)])
def test_the_time_to_drain_is_told_only_where_a_pace_is_known(figures, seconds):
    assert figures.drain_seconds == seconds


def test_without_a_pace_rounds_are_told_instead_of_minutes():
    told = words(replace(CALM, visible=101, in_flight=5), "LEADS_MAX_CONCURRENCY")
    assert any("21 rounds" in sentence for sentence in told)
    assert not any("minutes" in sentence and "pace of" in sentence for sentence in told)


def test_advice_names_the_variable_and_dead_letters_are_spoken_of():
    told = " ".join(words(replace(CALM, visible=101, in_flight=5, dead=1), "LEADS_MAX_CONCURRENCY"))
    assert "raise LEADS_MAX_CONCURRENCY, or split the file" in told
    assert "1 message dead" in told
    assert "{" not in told


def test_nothing_to_do_is_said_in_two_sentences():
    assert words(CALM, "X") == ("0 messages can be received: nothing waits: all caught up.",
                                "About 0 of at most 5 workers are busy: no worker is busy.")
    share = share_of(CALM)
    assert share is not None
    assert share.load is Load.IDLE
