"""Quality of a network over a test set, in the task's convention.

A set is a folder in one of three forms:

- `HR/NAME.png` with `LR_bicubic/X{s}/NAMEx{s}.png`: super-resolution restores these files and compares with `HR[:h*s,
:w*s]`;
- `HR/` without other folders, or a folder of pictures: each is a truth and is degraded here.

The seed of the noise is the picture's name, so that a picture gets the same noise on each machine and in each set.
Noise is clipped and rounded to 8 bits as in a file, or neither, as in the published figures. Restored pictures are
rounded to 8 bits before they are measured. Grey pictures are degraded as one plane, repeated to three channels for the
network, and measured by one of two conventions. Not here: latency, and which sets a card reports (`verify`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from kdsr.bench.looks import LookSummary, summarise_looks
from kdsr.degrade import bicubic_resize, degrade_picture
from kdsr.errors import InputError, SettingsError, find
from kdsr.image import Picture, read_picture, to_tensor
from kdsr.image.batch import pictures_in
from kdsr.metrics import measure
from kdsr.metrics.looks import measure_looks
from kdsr.restore import navier_stokes, open_runtime, restore
from kdsr.restore.ensemble import SelfEnsemble
from kdsr.settings import Settings
from kdsr.tasks import NOISE_CONVENTIONS, Task
from kdsr.zoo import Catalog

BASELINES = ("bicubic", "unprocessed", "navier-stokes")
"""Names that need no weights. `bicubic` enlarges, for super-resolution. `unprocessed` is the degraded picture as it is,
at scale 1; for inpainting it is the first filling that networks are given. `navier-stokes` is OpenCV's inpainting
(Bertalmio et al., CVPR 2001; radius 3).
"""
TRUTH = "truth"
"""Names the ground truth itself: the figures for looks that a perfect result would have."""
GREY_CONVENTIONS: Mapping[str, str] = MappingProxyType({"vdsr": "on their plane", "basicsr": "as RGB"})
"""How the grey pictures of a set are measured where the rest is measured on luma; in Set14 that is `bridge`.

`vdsr`: on their own plane, 0..255, as VDSR's MATLAB script does. `basicsr`: turned into RGB and then into Y, 16..235,
as EDSR's and BasicSR's readers do, and so the papers that build on them. A smaller range makes smaller errors: it adds
20 log10(255 / 219) = 1.32 dB to each grey picture, 0.094 dB to the mean of Set14.
"""
_TILE_PX = 512
"""Covers a picture of most test sets with one tile. At 256, a teacher with a halo of 92 pixels computes everything
twice. The result does not depend on it.
"""


@dataclass(frozen=True)
class PictureFigure:
    """The figures of one picture of a set."""

    name: str
    psnr_db: float
    """+inf where restored and truth are the same."""
    ssim: float
    is_grey: bool
    """Measured on its grey plane, as MATLAB's scripts do with a picture of one channel (`bridge` of Set14)."""
    looks: Mapping[str, float] = field(default_factory=dict)
    """The figures for looks that were asked for, by name; nan where the picture has none."""


@dataclass(frozen=True)
class Evaluation:
    """PSNR and SSIM over a set: the means over its pictures, and the picture with the lowest PSNR."""

    n: int
    psnr_db: float
    ssim: float
    convention: str
    """In words."""
    worst_psnr_db: float
    worst_picture: str
    per_picture: tuple[PictureFigure, ...]
    looks: tuple[LookSummary, ...] = ()
    """Of the figures for looks that were asked for."""


def evaluate(
    model: str,
    set_dir: Path,
    task: Task,
    catalog: Catalog,
    settings: Settings,
    *,
    strength: float | str | None = None,
    runtime: str = "torch",
    self_ensemble: bool = False,
    convention: str | None = None,
    looks: Sequence[str] = (),
    on_picture: Callable[[int, int, str], None] | None = None,
) -> Evaluation:
    """The figures of `model` over the pictures of `set_dir`, in the convention of `task`.

    Args:
        model: a network of `catalog`, one of `BASELINES`, or `TRUTH`.
        strength: noise sigma (of 255), JPEG quality or kind of holes; None takes the task's default.
        runtime: `torch`, `onnx` or `auto`.
        self_ensemble: a network's output is the mean over the 8 symmetries of the square.
        convention: a name in `conventions_of(task)`; None takes the first: `vdsr` for tasks that are measured on luma,
            `file` for denoising.
        looks: figures for looks to take as well, by their names in `kdsr.metrics.looks`.
        on_picture: called with (pictures done, all pictures, name) after each one.
    Raises:
        UnknownNameError: no network or convention of that name.
        SettingsError: the network, the baseline or the convention is for another task, or `strength` is out of range;
            style transfer, which has no original.
        InputError: no pictures, one that cannot be read, or a degraded one that does not fit its truth.
    """
    task.require_truth()
    by = _convention_of(task, convention)
    noise = by if by and task.degradation == "noise" else "file"
    files = pairs_of(set_dir, task)
    apply = None
    if model != TRUTH:
        apply = _restorer(model, task, catalog, settings, runtime, self_ensemble=self_ensemble)
    figures = []
    for done, (truth_path, degraded_path) in enumerate(files, start=1):
        pair = _load_pair(truth_path, degraded_path, task, settings, strength, noise)
        holes = pair.degraded[:, 3:] if task.planes == 4 else None
        restored = apply(pair.degraded) if apply else pair.truth
        on_plane = pair.is_grey and by != "basicsr"
        taken = measure(restored, pair.truth, task, grey=on_plane, holes=holes)
        seen = measure_looks(restored, looks, truth=pair.truth, degraded=pair.degraded[:, :3], grey=pair.is_grey)
        figures.append(PictureFigure(truth_path.stem, taken.psnr_db, taken.ssim, pair.is_grey, seen))
        if on_picture:
            on_picture(done, len(files), truth_path.stem)
    return _summary(figures, task, by)


def conventions_of(task: Task) -> Mapping[str, str]:
    """The conventions by which figures of `task` can be taken, name to words, the default first; empty: there is one.

    Of noise, or of grey pictures where the others are measured on luma.
    """
    if task.degradation == "noise":
        return NOISE_CONVENTIONS
    return GREY_CONVENTIONS if task.colour == "y" else {}


def _convention_of(task: Task, given: str | None) -> str | None:
    """The name of the convention to use: given, or the default; None if the task has only one."""
    own = conventions_of(task)
    if given is None:
        return next(iter(own), None)
    find("convention", given, {**GREY_CONVENTIONS, **NOISE_CONVENTIONS})
    if given not in own:
        has = f"has {' and '.join(own)}" if own else "has one convention without a name"
        raise SettingsError(f"{task.title} {has}, got the convention '{given}'; leave it out.")
    return given


def pairs_of(set_dir: Path, task: Task) -> list[tuple[Path, Path | None]]:
    """(truth, degraded file or None) of each picture of a set, by name; None: it is degraded here.

    Raises:
        InputError: no pictures, or a truth whose degraded file is missing.
    """
    truths = pictures_in(set_dir / "HR" if (set_dir / "HR").is_dir() else set_dir)
    low = set_dir / "LR_bicubic" / f"X{task.scale}"
    if task.degradation != "bicubic" or not low.is_dir():
        return [(truth, None) for truth in truths]
    pairs = [(truth, low / f"{truth.stem}x{task.scale}.png") for truth in truths]
    missing = [degraded.name for _, degraded in pairs if not degraded.is_file()]
    if missing:
        raise InputError(
            f"{low} lacks {len(missing)} of {len(pairs)} pictures ({missing[0]} first); add them, "
            "or remove the folder to have them made."
        )
    return list(pairs)


@dataclass(frozen=True)
class _Pair:
    truth: Tensor
    """(1, 3, H * scale, W * scale), float32 in [0, 1]."""
    degraded: Tensor
    """(1, planes, H, W), float32."""
    is_grey: bool


def _load_pair(
    truth_path: Path,
    degraded_path: Path | None,
    task: Task,
    settings: Settings,
    strength: float | str | None,
    noise: str,
) -> _Pair:
    picture = read_picture(truth_path, settings)
    if degraded_path is None:
        made = degrade_picture(picture, task, strength=strength, noise=noise)
        return _Pair(to_tensor(made.truth), made.tensor, picture.is_grey)
    if strength is not None:
        raise SettingsError(f"{task.title} has no strength to set, got {strength}; leave it out.")
    truth, degraded = to_tensor(picture), to_tensor(read_picture(degraded_path, settings))
    height, width = (side * task.scale for side in degraded.shape[-2:])
    if truth.shape[-2] - height not in range(task.scale) or truth.shape[-1] - width not in range(task.scale):
        given = f"{truth.shape[-1]} x {truth.shape[-2]}"
        raise InputError(
            f"{degraded_path.name} times {task.scale} is {width} x {height}, and its truth is {given}; "
            "give files that belong together."
        )
    return _Pair(truth[..., :height, :width], degraded, picture.is_grey)


def _restorer(
    model: str, task: Task, catalog: Catalog, settings: Settings, runtime: str, *, self_ensemble: bool
) -> Callable[[Tensor], Tensor]:
    """The function that restores one degraded picture (1, 3, H, W)."""
    if model in BASELINES:
        fitting = [
            name
            for name, fits in (
                ("bicubic", task.scale > 1),
                ("unprocessed", task.scale == 1),
                ("navier-stokes", task.planes == 4),
            )
            if fits
        ]
        if model not in fitting:
            raise SettingsError(f"The baseline '{model}' is not for {task.title}; take '{fitting[-1]}'.")
        return {
            "bicubic": lambda image: bicubic_resize(image, task.scale),
            "unprocessed": lambda image: image[:, :3],
            "navier-stokes": _navier_stokes,
        }[model]
    card = catalog.find(model)
    if card.task != task.name:
        raise SettingsError(
            f"The network '{model}' is for the task {card.task}, and {task.name} was asked; choose a network for it."
        )
    opened = open_runtime(card, catalog, runtime=runtime, settings=settings)
    used = SelfEnsemble(opened) if self_ensemble else opened
    return lambda image: restore(image, used, tile_px=_TILE_PX)


def _navier_stokes(image: Tensor) -> Tensor:
    levels = image[0].permute(1, 2, 0).mul(255).round().byte().cpu().numpy()
    return to_tensor(navier_stokes(Picture(levels[..., :3]), levels[..., 3] > 0)).to(image)


def _summary(figures: Sequence[PictureFigure], task: Task, by: str | None) -> Evaluation:
    worst = min(figures, key=lambda figure: figure.psnr_db)
    count, grey = len(figures), sum(figure.is_grey for figure in figures)
    said = [task.convention]
    if by and task.degradation == "noise":
        said.append(NOISE_CONVENTIONS[by])
    if grey:
        said.append(f"grey pictures ({grey}) {GREY_CONVENTIONS['basicsr' if by == 'basicsr' else 'vdsr']}")
    return Evaluation(
        n=count,
        psnr_db=math.fsum(figure.psnr_db for figure in figures) / count,
        ssim=math.fsum(figure.ssim for figure in figures) / count,
        convention="; ".join(said),
        worst_psnr_db=worst.psnr_db,
        worst_picture=worst.name,
        per_picture=tuple(figures),
        looks=summarise_looks([(figure.name, figure.looks) for figure in figures]),
    )
