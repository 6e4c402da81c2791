"""What tests of the tab *Models* share: a small zoo of measured networks, and its handlers."""

import json
from pathlib import Path
from types import SimpleNamespace

from helpers.networks import add_network
from kdsr.settings import Settings
from kdsr.ui.models.handlers import ModelsHandlers
from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.zoo import Card, Figure

REQUEST = SimpleNamespace(session_hash="visitor", query_params={})
CHOICE = Choice("sr_x4", "clean", None, None, 0.0)
PLAIN, RESIDUAL = ("plain", {"width": 8, "depth": 3}), ("residual", {"width": 8, "blocks": 2})
HOSTILE = '<img src=x onerror=alert(1)> {{constructor}} ${alert(2)} "quoted"'


def figure(name: str, psnr_db: float, strength: float | None = None, n: int = 5) -> Figure:
    return Figure(
        name,
        n,
        psnr_db,
        0.9,
        psnr_db - 3,
        "the worst one",
        "as the task has it",
        "sigma" if strength else None,
        strength,
    )


def x4(set5: float, bsd100: float) -> tuple[Figure, ...]:
    return figure("BSD100", bsd100, n=100), figure("Set5", set5)


def latency(ms: float, runtime: str = "torch", **given: object) -> dict[str, object]:
    where = {"device": "cpu", "machine": "a machine", "threads": 2, "input_width_px": 256, "input_height_px": 256}
    return (
        where
        | {"runtime": runtime, "precision": "float32", "network_ms": ms - 1, "end_to_end_ms": ms, "repeats": 15}
        | given
    )


def zoo_weights(tmp_path: Path) -> Path:
    """Four measured networks for x4, and one for denoising that was never measured."""
    folder = tmp_path / "weights"
    folder.mkdir()
    both = (latency(50.0), latency(30.0, "onnx"))
    add_network(folder, "sr_x4-small", "sr_x4", "teacher", *RESIDUAL, figures=x4(30.5, 26.5), latency=both)
    add_network(
        folder,
        "sr_x4-large",
        "sr_x4",
        "teacher",
        *RESIDUAL,
        figures=x4(31.5, 27.5),
        latency=(latency(400.0), latency(300.0, "onnx")),
    )
    add_network(
        folder,
        "sr_x4-student",
        "sr_x4",
        "student",
        *PLAIN,
        figures=x4(31.02, 27.0),
        latency=both,
        teacher="sr_x4-large",
        twin="sr_x4-twin",
    )
    add_network(folder, "sr_x4-twin", "sr_x4", "twin", *PLAIN, figures=x4(31.0, 27.05))
    add_network(folder, "denoise-fresh", "denoise", "student", *PLAIN)
    return folder


def models_handlers(weights: Path, tmp_path: Path) -> ModelsHandlers:
    settings = Settings(weights_dir=weights, home=tmp_path / "home", device="cpu", threads=1)
    return ModelsHandlers(tmp_path / "models", RestoreHandlers(settings, tmp_path / "runs"))


def zoo_cards(handlers: ModelsHandlers) -> tuple[Card, ...]:
    return handlers.zoo().cards


def rewrite(weights: Path, name: str, **given: object) -> None:
    """Give the card `name` other fields."""
    path = weights / f"{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | given), encoding="utf-8")
