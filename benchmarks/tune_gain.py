"""What `kdsr tune` gains over the preset at equal total time: the tuned side pays for its search.

    python benchmarks/tune_gain.py PHOTOS [--minutes 20] [--seeds 3] [--task sr_x4] [--preset quick] [--out runs/tune]

PHOTOS holds photographs of one kind, 24 or more. For each seed 20 of them are drawn for training; four of those are
held out by the search, and up to 12 others are what both sides are judged by at the end: no side has seen them. Time is
the processor's, one thread, so that other programs do not count. Both sides read, label and validate for themselves.

    seed 0: tuned 26.61 dB (trial 2: rate x2), preset 26.55 dB, gain +0.06 dB; 4.00 and 4.01 minutes, ...

Ends with the mean gain and its deviation. Finished seeds are kept in OUT and not run again. Test sets are never used.
"""

import json
import random
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import typer

from kdsr.settings import Settings, settings_from_environment
from kdsr.train.data.photos import Photo, find_photos, load_photos
from kdsr.train.events import Event
from kdsr.train.presets import distillation
from kdsr.train.recipe import Recipe, with_keys
from kdsr.train.train import train_recipe
from kdsr.train.validation import validate
from kdsr.tune.plan import TunePlan, read_plan, scheduled
from kdsr.tune.run import tune
from kdsr.tune.space import in_words
from kdsr.tune.study import open_study
from kdsr.zoo import Catalog

TRAINED_ON, JUDGED_ON = 20, 12


@dataclass
class Heard:
    """When the search was planned, and when the recipe itself passed its comparisons."""

    planned_s: float = 0.0
    rungs_s: tuple[float, ...] = ()
    winner_s: float = 0.0
    """When the training of the winner began."""

    def __call__(self, event: Event) -> None:
        if event["event"] == "planned":
            self.planned_s = time.process_time()
        if event["event"] == "winner":
            self.winner_s = time.process_time()
        if event["event"] == "rung" and event["number"] == 0:
            self.rungs_s = (*self.rungs_s, time.process_time())


def main(
    photos: Path,
    minutes: float = 20.0,
    seeds: int = 3,
    task: str = "sr_x4",
    preset: str = "quick",
    out: Path = Path("runs/tune"),
) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    gains = []
    for seed in range(seeds):
        kept = out / f"seed{seed}.json"
        if not kept.is_file():
            found = measured(photos, minutes, seed, task, preset, out / f"seed{seed}")
            kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        found = json.loads(kept.read_text(encoding="utf-8"))
        gains.append(found["tuned_db"] - found["preset_db"])
        typer.echo(
            f"seed {seed}: tuned {found['tuned_db']:.3f} dB ({found['winner']}), preset {found['preset_db']:.3f} dB, "
            f"gain {gains[-1]:+.3f} dB; {found['tuned_s'] / 60:.2f} and {found['preset_s'] / 60:.2f} minutes, "
            f"{found['tuned_steps']:,} and {found['preset_steps']:,} steps, {found['trials']} trials"
        )
    deviation = statistics.stdev(gains) if len(gains) > 1 else 0.0
    typer.echo(f"gain {statistics.fmean(gains):+.3f} +- {deviation:.3f} dB over {len(gains)} seeds")


def measured(photos: Path, minutes: float, seed: int, task: str, preset: str, out: Path) -> dict[str, object]:
    """Both sides of one seed."""
    shutil.rmtree(out, ignore_errors=True)
    everything = find_photos([str(photos)], Path())
    random.Random(seed).shuffle(everything)
    folder = out / "photographs"
    folder.mkdir(parents=True)
    for path in everything[:TRAINED_ON]:
        shutil.copy(path, folder)
    judges = load_photos(everything[TRAINED_ON : TRAINED_ON + JUDGED_ON], multiple=12, smallest_px=16)
    teacher = Catalog(settings_from_environment().weights_dir).for_task(task, "teacher")[0].name
    recipe = distillation(
        preset, task, name="student", teacher=teacher, photos=[str(folder.absolute())], changes={"seed": seed}
    )
    heard, began = Heard(), time.process_time()
    result = tune(
        recipe, out / "tuned", settings=_settings(out / "home"), minutes=minutes, seed=seed, clock=time.process_time,
        on_event=heard,
    )  # fmt: skip
    tuned_s = time.process_time() - began
    plan = read_plan(out / "tuned")
    assert plan is not None
    study = open_study(out / "tuned", seed)
    steps = _steps_for(heard, plan, began, tuned_s)
    usual = with_keys(scheduled(recipe, plan), {"steps": steps, "warmup_steps": recipe.schedule.warmup_steps})
    began = time.process_time()
    train_recipe(usual, out / "preset", settings=_settings(out / "home-preset"))
    return {
        "winner": f"trial {result.number}: {in_words(study.trials[result.number].params)}",
        "trials": len(study.trials),
        "tuned_db": _judged(recipe, out / "tuned", judges),
        "preset_db": _judged(recipe, out / "preset", judges),
        "tuned_s": tuned_s,
        "preset_s": time.process_time() - began,
        "tuned_steps": plan.steps,
        "preset_steps": steps,
    }


def _steps_for(heard: Heard, plan: TunePlan, began: float, tuned_s: float) -> int:
    """The steps that the preset takes in `tuned_s`, by the faster of two paces: early steps are slower."""
    paces = (
        (heard.rungs_s[-1] - heard.rungs_s[0]) / (plan.rungs[-1] - plan.rungs[0]),
        (began + tuned_s - heard.winner_s) / (plan.steps - plan.rungs[-1]),
    )
    reading_s = heard.planned_s - began - 25 * plan.step_s
    return round((tuned_s - reading_s) / min(paces))


def _settings(home: Path) -> Settings:
    """One thread, and labels of its own."""
    return Settings(weights_dir=settings_from_environment().weights_dir, home=home, device="cpu", threads=1)


def _judged(recipe: Recipe, folder: Path, photos: list[Photo]) -> float:
    """PSNR in dB of the network in `folder` over `photos`."""
    return validate(Catalog(folder).load(recipe.name), photos, recipe.the_task)[0]


if __name__ == "__main__":
    typer.run(main)
