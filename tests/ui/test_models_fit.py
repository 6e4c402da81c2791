"""Which student keeps a frame rate: the answer in words, how its times were taken, and the button that measures."""

import dataclasses
import re
from pathlib import Path

import pytest
from helpers.chinese import english_in
from helpers.zoo import CHOICE, REQUEST, figure, latency, models_handlers, rewrite, zoo_weights

import kdsr
from kdsr.bench.frames import Frame, FrameTime, FrameTimes
from kdsr.metrics.looks import LOOKS
from kdsr.ui.languages.markup import say_html
from kdsr.ui.languages.table import table_of
from kdsr.ui.models import fit_texts
from kdsr.ui.models.chart import BY_FRAME
from kdsr.ui.models.fit import CARDS, FRAMES, HERE, RateWanted, answer, of_cards, timing_of
from kdsr.ui.models.fitting import FitHandlers
from kdsr.ui.models.rows import PSNR, qualities_of, sorted_cards, tasks_of, usual_figure, values_of
from kdsr.ui.models.selection import Selection, zoo_of
from kdsr.zoo import FigureKey, LookFigure

weights = pytest.fixture(zoo_weights)
handlers = pytest.fixture(models_handlers)
SQUARE = Frame(256, 256)
BSD100 = FigureKey("BSD100")


@pytest.fixture
def cards(handlers):
    return sorted_cards(handlers.zoo().cards, "sr_x4")


def said(cards, wanted, times=None, machine="a machine", quality=PSNR):
    return answer(cards, wanted, timing_of(cards, wanted, times, machine), BSD100, quality).striptags()


def test_the_answer_names_the_best_student_within_the_budget_and_its_teacher(cards):
    told = said(cards, RateWanted(30, SQUARE))
    assert "keeps 30 frames/s: 30.0 ms for a frame, 27.00 dB on BSD100." in told
    assert "27.50 dB, the student 27.00 dB. That teacher gave -0.05 dB over the same student" in told
    assert "256 × 256 in, 1024 × 1024 out" in told


def test_of_a_budget_that_nobody_keeps_the_fastest_is_told(cards):
    assert "No student here keeps 40 frames/s. The fastest is The student: 30.0 ms for a frame, so 33.3" in said(
        cards, RateWanted(40, SQUARE)
    )


def test_what_the_next_better_student_costs_is_told(weights, handlers, cards):
    slow = dataclasses.replace(
        cards[2], name="sr_x4-wide", title="Wide", figures=(figure("BSD100", 27.3, n=100),), latency=(latency(90.0),)
    )
    assert "The next better one is Wide: 27.30 dB in 90.0 ms." in said([*cards, slow], RateWanted(30, SQUARE))


def test_a_better_teacher_than_its_own_is_told_as_not_measured(weights, handlers):
    rewrite(weights, "sr_x4-student", teacher="sr_x4-small")
    told = said(sorted_cards(handlers.zoo().cards, "sr_x4"), RateWanted(30, SQUARE))
    assert "the best teacher here, 27.50 dB; what this student gains from it is not measured." in told


def test_times_of_cards_are_scaled_and_name_their_machine(cards):
    told = said(cards, RateWanted(10, Frame(512, 256)), machine="mine")
    assert "60.0 ms for a frame" in told and "on another machine: 256 × 256 input, CPU, 2 threads, a machine." in told
    assert "but on such a processor: 256" in said(cards, RateWanted(10, SQUARE), machine="a machine")


def test_of_the_cards_times_of_this_processor_come_first(weights, handlers):
    for name in ("sr_x4-student", "sr_x4-small"):
        rewrite(weights, name, latency=[latency(30.0), latency(7.0, machine="mine")])
    cards = sorted_cards(handlers.zoo().cards, "sr_x4")
    assert of_cards(cards, SQUARE, "mine").ms == {"sr_x4-student": 7.0, "sr_x4-small": 7.0}
    assert of_cards(cards, SQUARE, "other").ms["sr_x4-student"] == 30.0


def test_times_measured_here_and_times_of_cards_are_never_in_one_answer(cards, handlers):
    times = FrameTimes(handlers.settings)
    times.put(cards[2], SQUARE, FrameTime(5.0, "onnx", 1, 15, "2026-12-01", 0.5))
    here, of_card = (timing_of(cards, RateWanted(30, SQUARE, basis), times, "") for basis in (HERE, CARDS))
    assert here.ms == {"sr_x4-student": 5.0} and of_card.ms["sr_x4-student"] == 30.0
    told = said(cards, RateWanted(30, SQUARE), times)
    assert "Measured here on 2026-12-01 with 1 thread" in told and "used 50% of the processor" in told
    assert "left out: 2." in told and "card" not in told
    assert timing_of(cards, RateWanted(30, Frame(640, 360)), times, "").basis == CARDS


def test_without_a_time_or_a_figure_the_page_says_so(handlers):
    fresh = sorted_cards(handlers.zoo().cards, "sr_x4")[3:]
    assert "No student for this task has a time and a figure on BSD100." in said(fresh, RateWanted())


def test_looks_that_are_better_when_lower_are_judged_so(cards):
    niqe = LOOKS["niqe"].convention
    worse, better = (
        dataclasses.replace(card, looks=(LookFigure("BSD100", 100, "niqe", mean, mean, "a", niqe),), role="student")
        for card, mean in zip(cards[1:3], (6.0, 5.0), strict=True)
    )
    told = said([dataclasses.replace(worse, title="Worse"), dataclasses.replace(better, title="Better")],
                RateWanted(10, SQUARE), quality="niqe")  # fmt: skip
    assert told.startswith("Better keeps 10 frames/s: 30.0 ms for a frame, NIQE 5.00 on BSD100.")


def test_another_rate_shows_the_plot_with_the_front_and_the_limit(handlers):
    page = handlers.on_show(Selection(), CHOICE, REQUEST)
    assert page.fit_box["visible"] and page.basis["visible"] is False and "front" not in page.chart
    page = handlers.on_wanted(20, "320x180", CARDS, page.selection)
    assert page.selection.by == BY_FRAME and page.tables == {"__type__": "update"}
    assert 'class="front"' in page.chart and "20 frames/s" in page.chart and "320 × 180" in page.chart
    assert handlers.on_wanted(1e9, "320x180", CARDS, page.selection).selection.wanted.rate == 120


@pytest.mark.slow
def test_the_button_measures_every_network_but_the_twin_and_the_answer_is_of_here(handlers):
    fit = FitHandlers(handlers)
    selection = handlers.on_wanted(20, "320x180", CARDS, handlers.on_show(Selection(), CHOICE, REQUEST).selection)
    fit.on_press(REQUEST)
    steps = list(fit.on_measure(selection.selection, REQUEST))
    assert len(steps) == 4 and "Measuring" in steps[0].status and fit_texts.DONE in steps[-1].status
    page = fit.on_measured(selection.selection)
    assert steps[-1].measure_here["visible"] and "Measured here" in page.fit and page.basis["visible"]
    assert len(list(fit.on_measure(selection.selection, REQUEST))) == 1  # no order, no measuring


@pytest.mark.slow
def test_stop_keeps_what_was_measured(handlers):
    fit = FitHandlers(handlers)
    selection = handlers.on_show(Selection(), CHOICE, REQUEST).selection
    fit.on_press(REQUEST)
    steps = fit.on_measure(selection, REQUEST)
    next(steps), next(steps)
    fit.on_stop(REQUEST)
    *_, last = steps
    assert fit_texts.STOPPED in last.status
    times, zoo = FrameTimes(handlers.settings), handlers.zoo()
    assert sum(times.find(card, selection.wanted.frame) is not None for card in zoo.cards) >= 1


@pytest.mark.slow
def test_every_answer_on_the_released_networks_is_in_chinese(tmp_path):
    weights = Path(kdsr.__file__).parent.parent / "weights"
    if not list(weights.glob("*.safetensors")):
        pytest.skip("the released networks are not here")
    zoo, chinese = zoo_of(kdsr.Settings(weights_dir=weights, home=tmp_path, device="cpu", threads=1)), table_of("zh")
    told = [re.sub(r"\{[^}]*\}", "12", value) for name, value in vars(fit_texts).items() if name.isupper()
            and isinstance(value, str) and "{" not in value]  # fmt: skip
    for task in tasks_of(zoo.cards):
        cards = sorted_cards(zoo.cards, task)
        for card in cards:
            zoo.times.put(card, FRAMES[0], FrameTime(5.0, "onnx", 2, 15, "2026-12-01", 0.5))
        for quality in qualities_of(cards):
            measure = usual_figure(cards, task)
            if not any(measure in values_of(card, quality) for card in cards):
                continue  # a task without an original has no figures
            for rate, frame in ((1, FRAMES[1]), (30, FRAMES[1]), (120, FRAMES[0]), (1000, FRAMES[0])):
                wanted = RateWanted(rate, frame)
                told.append(answer(cards, wanted, timing_of(cards, wanted, zoo.times, zoo.machine), measure, quality))
    left = {each for part in told for each in english_in(say_html(str(part), chinese))}
    names = {part for card in zoo.cards for part in (card.name, card.title)}
    assert {each for each in left if each not in names} == set()
