"""`kdsr train`: a run from a recipe, its progress on stdout."""

import signal
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdsr.errors import InputError, SettingsError
from kdsr.files import new_folder
from kdsr.settings import Settings

if TYPE_CHECKING:
    from kdsr.cluster.ray_train import Share
    from kdsr.train.stage import RunResult


def train(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.json", help="Recipe of the run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run: weights, card, checkpoint, events.")],
    resume: Annotated[bool, typer.Option("--resume", help="Resume from the checkpoint in the folder.")] = False,
    time_limit_s: Annotated[
        float | None, typer.Option(help="Stop after this many seconds, with a checkpoint.", min=0)
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder that holds the recipe's folders of photographs.")
    ] = None,
    footage: Annotated[
        Path | None,
        typer.Option("--footage", help="Clip, or folder of clips and pictures, to train on in place of the recipe's."),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="local|HOST:PORT", help="Workers by Ray: on this machine, or on the cluster there."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="With --ray: processes that share each batch, one GPU or CPU each; 2.", min=1)
    ] = None,
) -> None:
    """Train a network by a recipe. Ctrl-C stops with a checkpoint."""
    # Over 40 lines, half of which declare the options: typer reads them from the signature.
    from kdsr.train.recipe import recipe_from_json, with_keys
    from kdsr.train.train import train_recipe

    if workers is not None and ray is None:
        raise SettingsError("--workers are processes of Ray; add --ray local or the address of a cluster.")
    settings: Settings = replace(context.obj, data_dir=data) if data else context.obj
    run = recipe_from_json(read_recipe(recipe))
    if footage is not None:
        run = with_keys(run, {"photos": [str(_drawn_from(footage, out))]})
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # both leave a checkpoint, also where a shell started the run with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    tell = EventPrinter(run.schedule.steps)
    if ray is not None:
        from kdsr.cluster.ray_train import Share

        result = _by_ray(ray, workers or 2, Share(run, out, settings, resume, time_limit_s), tell)
    else:
        result = train_recipe(run, out, settings=settings, resume=resume, time_limit_s=time_limit_s, on_event=tell)
    if not result.finished:
        print(f"Paused at step {result.step:,}; go on with `kdsr train {recipe} --out {out} --resume`.")


def _by_ray(address: str, workers: int, share: "Share", tell: "EventPrinter") -> "RunResult":
    from kdsr.cluster.ray_start import ray_at
    from kdsr.cluster.ray_train import train_by_ray
    from kdsr.train.data.photos import find_photos

    find_photos(share.recipe.data.photos, share.settings.data_dir)  # what is missing is said before Ray starts
    with ray_at(address, share.settings) as stdout:

        def printed(event: Mapping[str, Any]) -> None:
            with redirect_stdout(stdout):
                tell(event)

        return train_by_ray(share, workers, printed)


def _drawn_from(footage: Path, out: Path) -> Path:
    """The folder below `out` with the photographs of `footage`, drawn once."""
    from kdsr.jobs.uploads import take_photos

    folder = (out / "footage").absolute()
    if not folder.is_dir():
        out.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as part:
            count = take_photos(footage if footage.is_dir() else [footage], part / "photos", None)
        print(f"{count} photographs were drawn from {footage.name}.", flush=True)
    return folder / "photos"


class EventPrinter:
    """Prints the events of a training run, one line each."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.validation = ""

    def __call__(self, event: Mapping[str, Any]) -> None:
        self.steps = event.get("steps", self.steps)  # each stage has its own
        if event["event"] == "reading":
            self.validation = ""
        if event["event"] == "validation":
            self.validation = f"  validation {event['psnr_db']:.2f} dB"
        line = self._line(event)
        if line:
            print(f"Twin: {line}" if event.get("twin") else line, flush=True)

    def _line(self, event: Mapping[str, Any]) -> str:
        step = f"step {event.get('step', 0):>8,} of {self.steps:,}"
        match event["event"]:
            case "reading":
                return f"Reading {event['photographs']} photographs"
            case "labelling":
                return f"The teacher labels: {event['done']} of {event['total']}"
            case "started":
                return f"Started at {step} on {event['device']}, {event['photographs']} photographs"
            case "stage":
                return f"Stage {event['stage']} of {event['stages']}"
            case "step":
                pace = f"{event['steps_per_s']:.1f} steps/s  ETA {duration(event['eta_s'])}"
                return f"{step}  {pace}  loss {event['loss']:.5f}{self.validation}"
            case "validation":
                return f"{step}{self.validation}  SSIM {event['ssim']:.4f}"
            case "mixed":
                return f"{step}  mixed {event['psnr_db']:.2f} dB  SSIM {event['ssim']:.4f}"
            case "finished":
                return f"Finished at {step} after {event['minutes']:.1f} minutes"
            case "twin":
                from kdsr.train.twin import gain_over_twin

                return f"Student: {gain_over_twin(event['student_psnr_db'], event['twin_psnr_db'])}"
        return ""


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def read_recipe(path: Path) -> str:
    """The text of the recipe at `path`; InputError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"A recipe (a JSON file) was wanted, and {path} cannot be read as one: {error}.") from error
