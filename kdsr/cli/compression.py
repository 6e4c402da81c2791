"""`kdsr compress`: a network with fewer channels, in 8 bits, or both, and the loss of quality at each step."""

import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kdsr.cli.training import EventPrinter, duration
from kdsr.settings import Settings


def compress(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a network; see `kdsr models`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the weights, the cards and the ONNX graphs.")],
    prune: Annotated[
        float,
        typer.Option(
            help="Share of the inner channels to remove; the rest is rounded to a multiple of 16.", min=0, max=0.99
        ),
    ] = 0.0,
    int8: Annotated[bool, typer.Option("--int8", help="Convolutions of 8-bit integers.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="Folder that holds the folders of photographs.")] = None,
    photos: Annotated[
        list[str] | None,
        typer.Option(help="Folder of photographs; may be repeated. By default the training data of the network."),
    ] = None,
    prune_steps: Annotated[int, typer.Option(help="Steps of the fine-tune after pruning.", min=1)] = 6_000,
    int8_steps: Annotated[
        int, typer.Option(help="Steps of quantisation-aware training, if calibration loses too much; 0: never.", min=0)
    ] = 400,
    patch: Annotated[int, typer.Option(help="Side of the crops of degraded pictures.", min=8)] = 48,
    seed: Annotated[int, typer.Option(help="Of the crops.")] = 0,
) -> None:
    """Make a network smaller and faster, and print the loss of quality at each step. Ctrl-C stops."""
    # Over 40 lines, half of which declare the options: typer reads them from the signature.
    from kdsr.compress import Compression
    from kdsr.compress import compress as compress_network

    plan = Compression(
        model,
        prune=prune,
        int8=int8,
        photos=tuple(photos or ()),
        prune_steps=prune_steps,
        int8_steps=int8_steps,
        patch_px=patch,
        seed=seed,
    )
    settings: Settings = replace(context.obj, data_dir=data) if data else context.obj
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    cards = compress_network(plan, out, settings=settings, on_event=_StepPrinter(plan.prune_steps))
    for card in cards:
        print(f"Written: {out / card.name}.safetensors, .json, .onnx, .uint8.onnx")


class _StepPrinter:
    """Prints each measured step relative to the original network, and the progress between."""

    def __init__(self, steps: int) -> None:
        self.first: Mapping[str, Any] | None = None
        self.training = EventPrinter(steps)

    def __call__(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "measured":
            self.first = self.first or event
            print(self._line(event, self.first), flush=True)
        elif event["event"] == "learning":
            progress = f"step {event['step']:>6,} of {event['steps']:,}  ETA {duration(event['eta_s'])}"
            print(f"8 bits: {progress}  loss {event['loss']:.5f}", flush=True)
        else:
            self.training(event)

    def _line(self, event: Mapping[str, Any], first: Mapping[str, Any]) -> str:
        macs = f"{event['macs_per_output_megapixel'] / 1e9:6.2f} GMACs/MP"
        size = f"{event['bytes']:>9,} bytes  {event['parameters']:>8,} parameters  {macs}"
        return f"{event['step']:<16} {size}  {event['psnr_db']:.3f} dB ({event['psnr_db'] - first['psnr_db']:+.3f})"
