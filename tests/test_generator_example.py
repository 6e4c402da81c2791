"""The example of image synthesis: which crops it learns from, what it holds out, its losses, and a run in small."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from kdsr.metrics.lite import JUDGE, is_installed
from kdsr.zoo.synthesis import load_generator, read_synthesis

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    sys.path.insert(0, str(EXAMPLES))
    try:
        return importlib.import_module("generator")
    finally:
        sys.path.remove(str(EXAMPLES))


def leaves(height, width, seed=0):
    """Green noise (1, 3, H, W)."""
    luma = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(seed)) * 0.6 + 0.2
    return luma * torch.tensor([0.5, 1.0, 0.4])[:, None, None]


def test_greenery_is_green_and_textured_everywhere(example):
    import greenery

    image = leaves(64, 192)
    image[..., 128:] = torch.tensor([0.8, 0.3, 0.3])[:, None, None]  # no green
    image[..., :32, 64:96] = torch.tensor([0.2, 0.4, 0.2])[:, None, None]  # green, no texture
    found = greenery.greenery(image)[0].nonzero().flatten() * 8
    assert found.tolist() == [0, 8]


@pytest.mark.slow
def test_no_training_crop_has_a_pixel_of_the_part_that_is_held_out(example):
    import greenery

    image = leaves(192, 400)
    image[..., 280:] = leaves(192, 120, seed=1) * 0.45  # its brightest is darker than the mean of the rest
    crops = greenery.crops_of(image, torch.Generator().manual_seed(0))
    assert len(crops["train"]) == 200 and len(crops["held-out"]) == 100
    assert crops["train"].amax(dim=(1, 2, 3)).min() > 0.7 and crops["held-out"].max() < 0.4


@pytest.mark.slow
def test_students_differ_by_their_lesson_alone(example):
    teacher = example.Generator(example.LATENT, (8, 8, 8, 8)).eval()
    trainers = [example.Trainer(example.STUDENT, lesson, 3, teacher) for lesson in example.LESSONS.values()]
    starts = [torch.cat([each.flatten() for each in one.generator.parameters()]) for one in trainers]
    assert all(torch.equal(start, starts[0]) for start in starts)
    assert {name: (bool(one.adversarial), bool(one.pairs)) for name, one in example.LESSONS.items()} == {
        "alone": (True, False), "pairs": (False, True), "both": (True, True)
    }  # fmt: skip


def test_the_distance_of_two_constant_pictures_is_their_difference(example):
    assert example.pyramid_distance(torch.zeros(2, 3, 64, 64), torch.full((2, 3, 64, 64), 0.25)).item() == 0.25


@pytest.mark.slow
def test_an_interrupted_training_goes_on_and_the_running_mean_is_kept(example, tmp_path):
    crops = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    lesson = example.LESSONS["alone"]
    example.train(example.Trainer(example.STUDENT, lesson, 0), crops, 2, tmp_path / "alone-0.pt")
    trainer = example.Trainer(example.STUDENT, lesson, 1)
    mean = example.train(trainer, crops, 3, tmp_path / "alone-0.pt")
    assert trainer.done == 3
    kept = example.kept_generator(tmp_path / "alone-0.pt")
    code = torch.randn(2, example.LATENT)
    assert torch.allclose(kept(code), mean(code), atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(JUDGE), reason="the extra `looks` is not installed")
def test_the_whole_example_runs_in_small(example, tmp_path, monkeypatch):
    monkeypatch.setattr(example, "SAMPLES", 40)
    (tmp_path / "photographs").mkdir()
    pixels = (leaves(200, 400)[0].permute(1, 2, 0).numpy()[..., ::-1] * 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "photographs" / "leaves.png"), pixels)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["generator.py", *map(str, arguments), "--out", str(tmp_path / "out")])
        example.main()

    with pytest.raises(SystemExit, match="run this script's step 'crops' first"):
        run("teacher")
    with pytest.raises(SystemExit, match="There is no picture in"):
        run("crops", tmp_path)
    run("crops", tmp_path / "photographs")
    run("teacher", "--steps", 2)
    run("students", "--steps", 1, "--seeds", 2)
    run("measure")
    card = read_synthesis(tmp_path / "out")
    assert card.samples == 40 and len(card.networks["both"].frechet) == 2
    assert all(value > 0 for one in card.networks.values() for value in one.frechet)
    assert load_generator(card, "alone", tmp_path / "out")(torch.zeros(1, 64)).shape == (1, 3, 64, 64)
    assert cv2.imread(str(tmp_path / "out" / "synthesis.png")).shape == (3 * 64, 8 * 64, 3)
