"""Training by several workers of Ray: Ray Train starts them and joins them, and our own trainer runs in each.

Each worker takes its share of every batch and gradients are averaged (`train.processes`), so the network is that of one
process on the whole batch. The folder of the run must be one that all nodes see. Its folder `.ray` has what driver and
workers tell each other: events, a request to stop, and how it ended. Not here: what a training step is.
"""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kdsr.cluster.ray_folder import gpus_wanted
from kdsr.cluster.ray_start import silence
from kdsr.errors import KdsrError, SettingsError, Stopped, TrainingError, shortened
from kdsr.files import replaced
from kdsr.settings import Settings
from kdsr.train.events import Event, events_in
from kdsr.train.recipe import Recipe
from kdsr.train.stage import RunResult
from kdsr.train.train import train_recipe

_FOLDER = ".ray"
_EVENTS, _STOP, _ENDED = "events.jsonl", "stop", "ended.json"
_EVERY_S = 0.5
"""Between two looks at the events, and at whether to stop."""


@dataclass(frozen=True)
class Share:
    """What every worker is told."""

    recipe: Recipe
    out_dir: Path
    settings: Settings
    resume: bool
    time_limit_s: float | None


def train_by_ray(share: Share, workers: int, on_event: Callable[[Event], None]) -> RunResult:
    """Train by `workers` processes of the Ray that is there (`ray_at`); else as `train_recipe`.

    Raises:
        SettingsError: a batch that cannot be shared equally, or more workers than the cluster has room for.
        KdsrError: what a worker found wrong.
        Stopped: Ctrl-C; a checkpoint is left.
    """
    import ray

    nodes = ray.nodes()
    gpus = gpus_wanted(nodes, share.settings.device, None)
    check_workers(share.recipe, workers, nodes, gpus)
    share = replace(share, out_dir=share.out_dir.absolute())
    settings = share.settings
    data, weights = settings.data_dir.absolute(), settings.weights_dir.absolute()  # workers have another folder
    settings = replace(settings, data_dir=data, weights_dir=weights, device=settings.device if gpus else "cpu")
    share = replace(share, settings=settings)
    told = share.out_dir / _FOLDER
    shutil.rmtree(told, ignore_errors=True)
    told.mkdir(parents=True)
    ended = threading.Event()  # a thread's join that Ctrl-C interrupts takes it for ended (Python 3.11)
    threading.Thread(target=_fit, args=(share, workers, gpus, told, ended), daemon=True).start()
    try:
        _watch(ended, told, on_event)
        return _ending(told, share.out_dir)
    finally:
        shutil.rmtree(told, ignore_errors=True)


def check_workers(recipe: Recipe, workers: int, nodes: list[dict[str, Any]], gpus: float) -> None:
    """Pass if `nodes` (as `ray.nodes()`) have room for the workers, and the batch can be shared equally.

    Raises:
        SettingsError: they have not, or it cannot.
    """
    size, kind = recipe.schedule.batch_size, "GPU" if gpus else "CPU"
    room = int(sum(node["Resources"].get(kind, 0) for node in nodes if node["Alive"]))
    if workers > room:
        raise SettingsError(f"{workers} workers need {workers} {kind}s, and the cluster has {room}; ask for fewer.")
    if size % workers:
        raise SettingsError(
            f"A batch of {size} cannot be shared equally by {workers} workers; "
            f"set batch_size to a multiple of {workers}, or ask for another number."
        )


def _fit(share: Share, workers: int, gpus: float, told: Path, ended: threading.Event) -> None:
    """Run Ray Train to its end, and set `ended`; an error that no worker told of is told here."""
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
    import ray.train
    from ray.train.torch import TorchTrainer

    silence("ray.train")
    trainer = TorchTrainer(
        _work,
        train_loop_config={"share": share},
        scaling_config=ray.train.ScalingConfig(num_workers=workers, use_gpu=gpus > 0),
        run_config=ray.train.RunConfig(name="run", storage_path=str(told)),
    )
    try:
        trainer.fit()
    except Exception as error:  # of Ray; what a worker raised on purpose it has told itself
        lines = [line for line in str(error).splitlines() if line.strip()] or [repr(error)]
        _tell(told, {"error": f"Ray Train ended ({shortened(lines[-1], 300)})."})
    finally:
        ended.set()


def _work(config: dict[str, Any]) -> None:
    """The part of one worker; runs in a process of Ray."""
    import ray.train
    import torch

    share: Share = config["share"]
    told, context = share.out_dir / _FOLDER, ray.train.get_context()
    torch.set_num_threads(share.settings.threads or 1)
    is_first, looked = context.get_world_rank() == 0, [0.0, 0.0]

    def listen(event: Event) -> None:
        with open(told / _EVENTS, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def should_stop() -> bool:
        if time.monotonic() - looked[0] > _EVERY_S:
            looked[:] = [time.monotonic(), float((told / _STOP).exists())]
        return bool(looked[1])

    try:
        result = train_recipe(
            share.recipe, share.out_dir, settings=share.settings, resume=share.resume,
            time_limit_s=share.time_limit_s, on_event=listen, should_stop=should_stop,
        )  # fmt: skip
        ending: dict[str, Any] = {"finished": result.finished, "step": result.step}
    except Stopped as stopped:
        ending = {"stopped": str(stopped)}
    except KdsrError as error:
        _tell(told, {"error": str(error)})
        raise  # so that Ray ends the other workers
    if is_first:
        _tell(told, ending)


def _tell(told: Path, ending: dict[str, Any]) -> None:
    """Write how the run ended, unless that was told already."""
    if not (told / _ENDED).exists():
        with replaced(told / _ENDED) as part:
            part.write_text(json.dumps(ending), encoding="utf-8")


def _watch(ended: threading.Event, told: Path, on_event: Callable[[Event], None]) -> None:
    """Pass on the events until `ended`; Ctrl-C asks the workers to stop, a second one leaves them."""
    seen, asked = 0, False
    while True:
        try:
            is_last = ended.is_set()
            for event in events_in(told / _EVENTS)[seen:]:
                seen += 1
                on_event(event)
            if is_last:
                return
            ended.wait(_EVERY_S)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            (told / _STOP).touch()


def _ending(told: Path, out_dir: Path) -> RunResult:
    if not (told / _ENDED).exists():
        raise TrainingError("The workers ended without a word; see the logs of Ray, and resume from the checkpoint.")
    ending = json.loads((told / _ENDED).read_text(encoding="utf-8"))
    if "error" in ending:
        raise TrainingError(ending["error"])
    if "stopped" in ending:
        raise Stopped(ending["stopped"])
    return RunResult(ending["finished"], ending["step"], out_dir)
