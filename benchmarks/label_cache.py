"""Training steps per second with cached labels and with the teacher in every step, and whether the losses agree.

    python benchmarks/label_cache.py [--teacher residual] [--steps 60] [--crops 512] [--width 16] [--self-ensemble]

The teacher has about 1 M parameters: one of ours (64x13), or SwinIR-light by spandrel, the field's own of that size.
The student is a plain one of depth 7 at x4 (16 patches of 48 px). Weights and photographs are random: neither changes
the time. Teachers work in bf16; what ours would cost in fp32, as toolkits run theirs, is measured beside it. Run it on
an idle machine.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from spandrel.architectures.SwinIR import SwinIR

from kdsr.models import build_model, count_macs, count_parameters
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.train import Recipe, Schedule, Teaching, TrainingData, train_recipe, with_keys
from kdsr.zoo import Card, save_weights, sha256_of, write_card

TEACHER = {"width": 64, "blocks": 13}
SWINIR_LIGHT = {
    "upscale": 4,
    "img_size": 48,
    "window_size": 8,
    "img_range": 1.0,
    "depths": [6] * 4,
    "embed_dim": 60,
    "num_heads": [6] * 4,
    "mlp_ratio": 2,
    "upsampler": "pixelshuffledirect",
    "resi_connection": "1conv",
}
"""Liang et al., 2021, arXiv:2108.10257, section 4.2."""


def main() -> None:
    """Measure and print one JSON object."""
    # Over 40 lines: options, one measurement, one report.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", choices=["residual", "swinir-light"], default="residual")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--crops", type=int, default=512)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--self-ensemble", action="store_true", help="labels are the mean over 8 symmetries")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = prepared(Path(folder))
        teacher, parameters = TEACHERS[options.teacher](Path(folder))
        recipe = Recipe(
            name="student",
            task="sr_x4",
            arguments={"width": options.width, "depth": 7},
            teaching=Teaching(teacher=teacher, truth_share=0.5, self_ensemble=options.self_ensemble),
            data=TrainingData(photos=("pack",), fixed_crops=options.crops),
            schedule=Schedule(steps=options.steps, gradient_clip=1.0, validate_every=10**9),
        )
        kept, at_work = (
            run(with_keys(recipe, {"cache_labels": cached}), Path(folder) / str(cached), settings)
            for cached in (True, False)
        )
    report = {
        "teacher": options.teacher,
        "threads": torch.get_num_threads(),
        "teacher_parameters": parameters,
        "kept_steps_per_s": kept["steps_per_s"],
        "at_work_steps_per_s": at_work["steps_per_s"],
        "times_faster": kept["steps_per_s"] / at_work["steps_per_s"],
        "largest_relative_difference_of_the_loss": max(
            abs(kept["losses"][step] - loss) / loss
            for step, loss in at_work["losses"].items()
            if step in kept["losses"]
        ),
    }
    if options.teacher == "residual":
        report["times_faster_than_that_teacher_in_fp32"] = (
            1 + forward_s() * (8 if options.self_ensemble else 1) * kept["steps_per_s"]
        )
    print(json.dumps(report, indent=2))  # noqa: T201 - the output of a script


def run(recipe: Recipe, out: Path, settings: Settings) -> dict[str, Any]:
    """The pace of `recipe` (median step behind the first ten) and its losses by step."""
    events: list[dict[str, Any]] = []
    ends: list[float] = []

    def note_end() -> bool:
        ends.append(time.perf_counter())
        return False

    train_recipe(recipe, out, settings=settings, on_event=events.append, should_stop=note_end)
    pace = statistics.median(after - before for before, after in itertools.pairwise(ends[10:]))
    return {
        "steps_per_s": 1 / pace,
        "losses": {event["step"]: event["loss"] for event in events if event["event"] == "step"},
    }


def forward_s() -> float:
    """Median seconds of the teacher's forward pass in fp32 for one batch."""
    network = build_model("residual", 4, TEACHER).eval().to(memory_format=torch.channels_last)
    batch = torch.rand(16, 3, 48, 48).to(memory_format=torch.channels_last)
    taken = []
    with torch.no_grad():
        for _ in range(12):
            started = time.perf_counter()
            network(batch)
            taken.append(time.perf_counter() - started)
    return statistics.median(taken[2:])


def prepared(folder: Path) -> Settings:
    """Settings under `folder` with four random photographs."""
    for name in ("weights", "data/pack"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(4):
        coarse = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        cv2.imwrite(
            str(folder / "data" / "pack" / f"{index}.png"),
            cv2.resize(coarse, (960, 640), interpolation=cv2.INTER_CUBIC),
        )
    torch.manual_seed(0)
    return Settings(weights_dir=folder / "weights", home=folder / "home", data_dir=folder / "data", device="cpu")


def residual(folder: Path) -> tuple[str, int]:
    """A teacher of ours: its name in the catalog, and its parameters."""
    network = build_model("residual", 4, TEACHER)
    weights = save_weights(network.state_dict(), folder / "weights" / "teacher.safetensors")
    card = Card(
        name="teacher",
        title="random",
        task=find_task("sr_x4").name,
        role="teacher",
        architecture="residual",
        arguments=TEACHER,
        parameters=count_parameters(network),
        macs_per_output_megapixel=count_macs(network),
        file_bytes=weights.stat().st_size,
        sha256=sha256_of(weights),
        licence="Apache-2.0",
        trained_on="nothing: random weights",
        steps=0,
        seed=0,
    )
    write_card(card, folder / "weights" / "teacher.json")
    return card.name, card.parameters


def swinir_light(folder: Path) -> tuple[str, int]:
    """SwinIR-light in a file of its own: the path, and its parameters."""
    network = SwinIR(**SWINIR_LIGHT)
    return str(save_weights(network.state_dict(), folder / "swinir.safetensors")), count_parameters(network)


TEACHERS = {"residual": residual, "swinir-light": swinir_light}


if __name__ == "__main__":
    main()
