"""`kdsr models`, `kdsr evaluate` and `kdsr export`: list the networks, measure one, write one as ONNX."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdsr.cli.clips import evaluate_clip
from kdsr.cli.options import (
    AsJson,
    Ensemble,
    Holes,
    Level,
    Looks,
    Quality,
    RunOn,
    RuntimeName,
    Sigma,
    looks_here,
    note,
    open_catalog,
    print_json,
    strength_of,
)
from kdsr.errors import InputError, SettingsError
from kdsr.tasks import find_task

if TYPE_CHECKING:
    from kdsr.zoo import Card


def models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the networks."""
    catalog = open_catalog(context.obj)
    if as_json:
        print_json([_described(card) for card in catalog.cards])
    else:
        print(f"{'name':<28} {'task':<8} {'role':<8} {'parameters':>11} {'GMACs/MP':>8} {'bytes':>11}  title")
        for card in catalog.cards:
            cost = f"{card.parameters:>11,} {card.macs_per_output_megapixel / 1e9:>8,.2f} {card.file_bytes:>11,}"
            published = ", published" if card.published else ""
            print(f"{card.name:<28} {card.task:<8} {card.role:<8} {cost}  {card.title}{published}")
    for problem in catalog.problems:
        note(problem)


def _described(card: "Card") -> dict[str, Any]:
    """What `kdsr models --json` prints for a network."""
    kept = (
        "name",
        "title",
        "task",
        "role",
        "architecture",
        "arguments",
        "file_bytes",
        "sha256",
        "licence",
        "teacher",
        "twin",
        "precision",
        "compressed_from",
        "published",
    )
    costs = {"params": card.parameters, "macs_per_output_megapixel": card.macs_per_output_megapixel}
    return (
        {name: getattr(card, name) for name in kept} | costs | {"figures": [asdict(figure) for figure in card.figures]}
    )


def evaluate(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="Name of a network, bicubic (super-resolution), unprocessed (the others), navier-stokes (inpainting), "
            "truth.",
        ),
    ],
    set_dir: Annotated[
        Path | None, typer.Option("--set", help="Folder of the set: HR and LR_bicubic, only HR, or pictures.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", help="Task; see `kdsr models`.")] = None,
    video: Annotated[
        Path | None, typer.Option("--video", help="Clip: measure flicker in place of a set; see docs/metrics.md.")
    ] = None,
    steady: Annotated[
        bool, typer.Option("--steady", help="With --video: blended as kdsr restore --steady does.")
    ] = False,
    sigma: Sigma = None,
    quality: Quality = None,
    level: Level = None,
    holes: Holes = None,
    runtime: RunOn = RuntimeName.TORCH,
    self_ensemble: Ensemble = False,
    convention: Annotated[
        str | None,
        typer.Option(
            help="Grey pictures (Set14's bridge): vdsr (default) measures them on their plane, basicsr turns them into "
            "RGB and then Y, as EDSR, SwinIR, DAT and most papers since 2017: 0.094 dB more on Set14. Noise: file "
            "(default) is clipped and rounded to 8 bits, laboratory is neither, as in published figures."
        ),
    ] = None,
    looks: Looks = False,
    as_json: AsJson = False,
) -> None:
    """Measure a network over a test set, in the task's convention, or its flicker on a clip."""
    # Over 40 lines, half of which declare the options: typer reads them from the signature.
    from kdsr.bench.evaluate import conventions_of
    from kdsr.bench.evaluate import evaluate as measure_set
    from kdsr.bench.looks import looks_table

    if video is not None:
        evaluate_clip(video, model, runtime.value, context.obj, steady=steady, as_json=as_json)
        return
    if set_dir is None or task is None:
        raise SettingsError("Give --set and --task, or --video and a clip.")
    found = find_task(task)
    strength = strength_of(found, sigma, quality, level, holes)
    networks = open_catalog(context.obj)
    done = measure_set(
        model,
        set_dir,
        found,
        networks,
        context.obj,
        strength=strength,
        runtime=runtime.value,
        self_ensemble=self_ensemble,
        convention=convention,
        looks=looks_here(found) if looks else (),
        on_picture=_print_progress,
    )
    asked: dict[str, Any] = {"model": model, "task": task, "set": set_dir.name, "runtime": runtime.value}
    if self_ensemble:
        asked["self_ensemble"] = True
    known = conventions_of(found)
    if known:
        key = "grey_convention" if found.colour == "y" else "noise_convention"
        asked[key] = convention or next(iter(known))
    if found.strength:
        asked[found.strength.name] = found.strength.default if strength is None else strength
    if as_json:
        print_json(asked | (asdict(done) if looks else _without_looks(asdict(done))))
        return
    print(" ".join(f"{name} {value}" for name, value in asked.items()))
    means = f"{done.n} pictures: PSNR {done.psnr_db:.2f} dB, SSIM {done.ssim:.4f} ({done.convention})"
    print(f"{means}; worst {done.worst_picture}, {done.worst_psnr_db:.2f} dB")
    if looks:
        print(looks_table(done.looks))


def _without_looks(evaluation: dict[str, Any]) -> dict[str, Any]:
    """`evaluation` as JSON has it where no figures for looks were asked for: without their empty lists."""
    pictures = [
        {name: value for name, value in picture.items() if name != "looks"} for picture in evaluation["per_picture"]
    ]
    return {name: value for name, value in evaluation.items() if name != "looks"} | {"per_picture": pictures}


def _print_progress(done: int, total: int, name: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{total} {name:<40}", end="\n" if done == total else "\r", file=sys.stderr, flush=True)


def export(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a network; see `kdsr models`.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE.onnx", help="File to write.")],
    uint8: Annotated[
        bool, typer.Option("--uint8", help="8-bit pictures in and out, instead of float32 in [0, 1].")
    ] = False,
) -> None:
    """Write a network as ONNX, checked against torch."""
    from kdsr.restore.export import write_graph

    if out.suffix != ".onnx":
        raise InputError(f"An ONNX file must end in .onnx, got '{out.name}'; give for example {model}.onnx.")
    catalog = open_catalog(context.obj)
    write_graph(catalog.load(model), catalog.find(model), out, uint8=uint8)
    print(out)
