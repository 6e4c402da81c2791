"""The example of soft labels on digits: it runs, compares like with like, and never chooses on the test split."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

pytest.importorskip("sklearn", reason="the digits come with scikit-learn, which is not installed")


@pytest.fixture(scope="module")
def digits() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "digits_example", Path(__file__).parent.parent / "examples" / "digits.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_example_prints_a_table_and_draws_a_plot(digits, tmp_path):
    pytest.importorskip("matplotlib", reason="the plot is drawn by matplotlib, which is not installed")
    outcome = digits.sweep(seeds=1, steps=5)
    assert len(outcome.test) == 17 and all(0 <= value <= 100 for (value,) in outcome.test.values())
    assert digits.table(outcome).count("*") == 2 and "student without teacher" in digits.table(outcome)
    digits.plot(outcome, tmp_path / "digits.svg")
    assert "<svg" in (tmp_path / "digits.svg").read_text(encoding="utf-8")


def test_the_splits_have_their_sizes_and_range(digits):
    splits = digits.load_splits()
    assert [len(split.digit) for split in splits] == [897, 300, 600]
    assert all(split.image.min() >= 0 and split.image.max() == 1 for split in splits)


def test_the_pair_is_chosen_on_the_validation_split(digits):
    outcome = digits.Outcome(
        [97.0], {(1.0, 0.0): [90.0], (8.0, 0.5): [91.0], digits.WITHOUT: [99.0]}, {(1.0, 0.0): [99.0]}
    )
    assert outcome.chosen() == (8.0, 0.5)


def test_without_a_teacher_its_scores_do_not_matter(digits):
    pictures = digits.load_splits()[0][:20]
    first, second = (
        digits.train_student(pictures, scores, 0, 3, *digits.WITHOUT)
        for scores in (torch.zeros(20, 10), torch.randn(20, 10))
    )
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
