"""`kdsr tune`: a recipe that is found for your photographs, and the network trained by it."""

import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kdsr.cli.training import duration, read_recipe
from kdsr.errors import SettingsError
from kdsr.settings import Settings


def tune(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.json", help="Recipe or preset to start from.")],
    minutes: Annotated[float, typer.Option(help="For the search and the training of the best recipe.", min=0.1)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the search; the same command goes on with it.")],
    photographs: Annotated[
        Path | None, typer.Option("--photographs", metavar="DIR", help="Train on these in place of the recipe's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the search, and of the recipe where it has none.")] = 0,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder that holds the recipe's folders of photographs.")
    ] = None,
) -> None:
    """Search for a better recipe, then train the best one to its end. Ctrl-C keeps the best so far."""
    from kdsr.tune.report import WITHOUT_PLOT
    from kdsr.tune.run import tune as search_and_train

    settings: Settings = replace(context.obj, data_dir=data) if data else context.obj
    base = _base(recipe, photographs, seed, settings)
    for number in (signal.SIGINT, signal.SIGTERM):  # both keep the best, also where a shell ignored SIGINT
        signal.signal(number, signal.default_int_handler)
    result = search_and_train(base, out, settings=settings, minutes=minutes, seed=seed, on_event=TunePrinter())
    if not result.finished:
        print("Another process trains the best trial; this one is done.")
        return
    print(f"Best recipe: {out / 'best.json'} (trial {result.number}); network: {out / base.name}.safetensors")
    print(f"Trials: {', '.join(str(path) for path in result.reports)}")
    if not any(path.suffix == ".svg" for path in result.reports):
        print(WITHOUT_PLOT)


def _base(path: Path, photographs: Path | None, seed: int, settings: Settings) -> Any:
    """The recipe at `path`; of a preset, which names neither network nor teacher, these are filled in."""
    from kdsr.train.recipe import recipe_from_mapping
    from kdsr.train.recipe_keys import flat_keys
    from kdsr.zoo import open_catalog

    try:
        given = json.loads(read_recipe(path))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The recipe {path} is not valid JSON: {error}.") from error
    if not isinstance(given, Mapping):
        raise SettingsError(f"A recipe is one JSON object, got {type(given).__name__}.")
    keys = flat_keys(given)
    if "name" not in keys and isinstance(keys.get("task"), str):
        teachers = open_catalog(settings).for_task(keys["task"], "teacher")
        usual = {"teacher": teachers[0].name} if teachers else {}
        keys = {"name": f"{keys['task']}-tuned", "seed": seed} | usual | keys
    if photographs is not None:
        keys |= {"photos": [str(photographs.absolute())]}
    return recipe_from_mapping(keys)


class TunePrinter:
    """Prints what happens in a search: a line for each comparison, and one that moves in a terminal."""

    def __call__(self, event: Mapping[str, Any]) -> None:
        line = self.line(event)
        if line and sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)  # what moved is gone
        if line:
            print(line, flush=True)
        elif event["event"] in ("step", "training") and sys.stderr.isatty():
            step = event.get("step") or event["inner"].get("step", 0)
            said = f"Trial {event['number']}, step {step:,}{_best(event)}"
            print(f"\r\033[K{said}", end="\r", file=sys.stderr, flush=True)

    def line(self, event: Mapping[str, Any]) -> str:
        """What stays on the screen; empty for an event that does not."""
        match event["event"]:
            case "planned":
                plan = event["plan"]
                after = ", ".join(f"{step:,}" for step in plan.rungs)
                return f"A full run has {plan.steps:,} steps; trials are compared after {after}{_left(event)}"
            case "trial":
                from kdsr.tune.space import in_words

                return f"Trial {event['number']}: {in_words(event['values'])}{_best(event)}"
            case "rung":
                reached = f"{event['psnr_db']:.2f} dB at comparison {event['rung'] + 1}"
                return f"Trial {event['number']}: {reached}{_best(event)}"
            case "winner":
                return f"The search is over; trial {event['number']} is trained to its end{_left(event)}"
            case "training" if event["inner"]["event"] == "validation":
                inner = event["inner"]
                return f"Step {inner['step']:,} of {event['steps']:,}: {inner['psnr_db']:.2f} dB{_left(event)}"
        return ""


def _best(event: Mapping[str, Any]) -> str:
    best = event["best"]
    return (f"; best so far: trial {best.number}, {best.psnr_db:.2f} dB" if best else "") + _left(event)


def _left(event: Mapping[str, Any]) -> str:
    return f"; {duration(max(0.0, event['left_s']))} left"
