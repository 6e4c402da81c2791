"""`kdsr fit`."""

import pytest
from helpers.zoo import zoo_weights
from typer.testing import CliRunner

from kdsr.cli import build_app
from kdsr.errors import SettingsError

weights = pytest.fixture(zoo_weights)


def run(weights, *arguments):
    return CliRunner().invoke(build_app(), ["--weights", str(weights), "--threads", "1", "fit", *arguments])


def test_by_the_cards_the_answer_is_that_of_the_page(weights):
    told = run(weights, "sr_x4", "--cards", "--frame", "256x256", "--budget", "40ms").stdout
    assert "keeps 25 frames/s: 30.0 ms for a frame, 27.00 dB on BSD100." in told
    assert (
        "From the cards, on another machine" in told
        and "sr_x4-large    teacher     300.0       3.3  27.50 dB  * front" in told
    )


@pytest.mark.parametrize("wrong", [("sr_x4", "--budget", "soon"), ("sr_x4", "--frame", "wide"), ("denoise", "--cards")])
def test_what_cannot_be_used_is_one_sentence(weights, wrong):
    assert isinstance(run(weights, *wrong).exception, SettingsError)


@pytest.mark.slow
def test_what_was_measured_before_is_not_measured_again(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("KDSR_HOME", str(tmp_path / "home"))
    first, second, again = (run(weights, "sr_x4", "--frame", "31x17", *more) for more in ((), (), ("--again",)))
    assert "3 of 3: sr_x4-student" in first.output and "Measured here on" in first.stdout
    assert "of 3" not in second.output and second.stdout == first.stdout
    assert "3 of 3" in again.output
