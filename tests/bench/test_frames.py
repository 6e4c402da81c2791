"""How long a network takes for a frame, what is worth its time, and what is kept of it."""

import itertools

import pytest
from helpers.networks import add_network

from kdsr.bench.frames import (
    Contender,
    Frame,
    FrameTimes,
    best_within,
    budget_ms,
    frame_of,
    front,
    measure_frames,
    scaled_ms,
)
from kdsr.errors import SettingsError, Stopped
from kdsr.settings import Settings
from kdsr.zoo import Catalog

QUICK, GOOD, BEST, POOR = (
    Contender("quick", 10.0, 27.0),
    Contender("good", 20.0, 27.2),
    Contender("best", 90.0, 27.4),
    Contender("poor", 30.0, 27.1),
)
ALL = (BEST, POOR, QUICK, GOOD)


def test_a_budget_and_a_frame_are_read_as_they_are_written():
    assert budget_ms("30fps") == pytest.approx(33.333, abs=1e-3)
    assert budget_ms(" 33.5 ms") == 33.5
    assert frame_of("640x360") == frame_of("640 × 360") == Frame(640, 360)


@pytest.mark.parametrize("text", ["", "30", "0fps", "-1ms", "fast", "1e3ms"])
def test_a_budget_that_is_none_is_refused_in_one_sentence(text):
    with pytest.raises(SettingsError, match="30fps"):
        budget_ms(text)


@pytest.mark.parametrize("text", ["", "640", "0x360", "640x9000", "640x360x3", "ax b"])
def test_a_frame_that_is_none_is_refused_in_one_sentence(text):
    with pytest.raises(SettingsError, match="640x360"):
        frame_of(text)


def test_the_front_holds_who_is_not_beaten_in_time_and_quality():
    assert [one.name for one in front(ALL, higher_is_better=True)] == ["quick", "good", "best"]
    assert [one.name for one in front(ALL, higher_is_better=False)] == ["quick"]


def test_of_equally_quick_ones_the_better_is_on_the_front():
    assert front((QUICK, Contender("twice", 10.0, 27.3)), higher_is_better=True) == [Contender("twice", 10.0, 27.3)]


def test_the_best_within_a_budget_keeps_it_and_there_may_be_none():
    found = {ms: best_within(ALL, ms, higher_is_better=True) for ms in (9.9, 10.0, 33.3, 1000.0)}
    assert [one and one.name for one in found.values()] == [None, "quick", "good", "best"]


def test_a_time_of_a_card_is_scaled_by_the_pixels():
    assert scaled_ms(10.0, 256, 256, Frame(512, 384)) == pytest.approx(30.0)


def network(folder, name="sr_x2-a", width=8):
    folder.mkdir(exist_ok=True)
    return add_network(folder, name, "sr_x2", "student", "plain", {"width": width, "depth": 2})


@pytest.mark.slow
def test_times_are_measured_kept_on_disk_and_shared_by_networks_of_one_shape(tmp_path):
    for name, width in (("a", 8), ("b", 8), ("c", 4)):
        network(tmp_path / "weights", f"sr_x2-{name}", width)
    settings = Settings(weights_dir=tmp_path / "weights", home=tmp_path / "home", device="cpu", threads=1)
    catalog, frame, ticks = Catalog(settings.weights_dir), Frame(13, 7), itertools.count()
    first, second, third = catalog.cards
    passes = measure_frames([first], catalog, frame, FrameTimes(settings), clock=lambda: next(ticks))
    assert list(passes) == [(0, first)]
    again = FrameTimes(settings)
    taken = again.find(first, frame)
    assert taken.ms == 1000 and taken.threads == 1 and taken.repeats >= 1
    assert again.find(second, frame) == taken
    assert again.find(third, frame) is None and again.find(first, Frame(7, 13)) is None


@pytest.mark.slow
def test_a_stop_ends_the_measuring_before_the_next_pass(tmp_path):
    network(tmp_path / "weights")
    settings = Settings(weights_dir=tmp_path / "weights", home=tmp_path / "home", device="cpu", threads=1)
    catalog = Catalog(settings.weights_dir)
    times = FrameTimes(settings)
    with pytest.raises(Stopped, match="kept"):
        list(measure_frames(catalog.cards, catalog, Frame(16, 16), times, should_stop=lambda: True))
    assert times.find(catalog.cards[0], Frame(16, 16)) is None
