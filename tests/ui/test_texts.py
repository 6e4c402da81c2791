"""How the page writes numbers, at the boundaries of every unit."""

import math

import pytest

from kdsr.tasks import find_task
from kdsr.ui import texts


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (60, "1 min"), (61, "1 min 1 s"), (599, "9 min 59 s"),
        (600, "10 min"), (3569, "59 min"), (3570, "1 h 0 min"), (4800, "1 h 20 min"), (90_000, "25 h 0 min"),
    ],
)  # fmt: skip
def test_a_duration_changes_its_unit_at_the_boundary(seconds, text):
    assert texts.duration(seconds) == text


@pytest.mark.parametrize(
    "seconds, text",
    [
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
    ],
)
def test_how_long_ago_is_in_one_unit(seconds, text):
    assert texts.ago(seconds) == text


@pytest.mark.parametrize(
    "value, text",
    [(999, "999"), (1000, "1.00 K"), (60_083, "60.1 K"), (1e6, "1.00 M"), (1e9, "1.00 G"), (25.4e9, "25.4 G")],
)
def test_counts_have_a_decimal_unit_from_its_first_value_on(value, text):
    assert texts.counted(value) == text


@pytest.mark.parametrize("value, text", [(1, "0.00100 KB"), (999_000, "999 KB"), (1e6, "1.00 MB"), (240_332, "240 KB")])
def test_file_sizes_are_decimal(value, text):
    assert texts.file_size(int(value)) == text


@pytest.mark.parametrize(
    "value, digits, text",
    [(0, 3, "0"), (1234.5, 3, "1,234"), (0.01234, 2, "0.012"), (-5.678, 3, "-5.68"), (math.inf, 3, "inf")],
)
def test_a_number_has_so_many_significant_digits(value, digits, text):
    assert texts.number(value, digits) == text


@pytest.mark.parametrize("seconds, text", [(0.999, "999 ms"), (1.0, "1.00 s"), (0.0005, "0.500 ms")])
def test_latencies_are_in_seconds_from_one_second_on(seconds, text):
    assert texts.milliseconds(seconds) == text


@pytest.mark.parametrize(
    "small, text",
    [(50, "1/2 of"), (51, "51% of"), (97, "97% of"), (98, "the same as"), (102, "the same as"), (103, "103% of")],
)
def test_a_ratio_is_a_fraction_up_to_a_half_and_the_same_within_two_percent(small, text):
    assert texts.fraction(small, 100) == text


def test_a_psnr_has_two_decimals_and_identical_pictures_say_so():
    assert (texts.decibels(31.416), texts.decibels(math.inf)) == ("31.42 dB", "identical")


@pytest.mark.parametrize("task, label", [("denoise", "Noise level (sigma, of 255)"), ("jpeg", "JPEG quality (5-95)")])
def test_the_caption_of_a_strength_names_its_scale_once(task, label):
    assert texts.strength_caption(find_task(task).strength) == label


def test_missing_roles_and_counts_of_problems_are_grammatical():
    task = find_task("sr_x4")
    assert texts.missing_roles([], task) == ""
    assert "no teacher and no student network" in texts.missing_roles(["teacher", "student"], task)
    assert [texts.problems_title(count).split(" ")[1] for count in (1, 2)] == ["network", "networks"]


def test_within_a_sentence_an_acronym_stays_as_it_is():
    assert [texts.within(title) for title in ("Noise level", "JPEG quality", "")] == ["noise level", "JPEG quality", ""]
    assert "for JPEG clean-up yet" in texts.missing_roles(["twin"], find_task("jpeg"))
