"""A compression from its plan to its files: prune, fine-tune, round to 8 bits, train in 8 bits.

Each step is measured, and each result has its card.

Files: `NAME-pruned`, `NAME-int8` or `NAME-pruned-int8`, each as `.safetensors`, `.json`, `.onnx` and `.uint8.onnx`.
Figures on test sets and latencies are added by `kdsr card`. Not here: the steps themselves (`calibrate`, `learn`,
`kdsr.train`).
"""

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from kdsr.compress.calibrate import rounded
from kdsr.compress.learn import learn
from kdsr.compress.photographs import Photographs, folders_of, open_photographs
from kdsr.compress.plan import Compression
from kdsr.errors import SettingsError, Stopped
from kdsr.files import replaced
from kdsr.models import Network, count_macs, count_parameters
from kdsr.restore import export_onnx
from kdsr.settings import Settings, usable_threads
from kdsr.tasks import find_task
from kdsr.train.events import Event
from kdsr.train.presets import preset
from kdsr.train.recipe import Recipe
from kdsr.train.recipe_groups import Schedule, Teaching, TrainingData
from kdsr.train.train import train_recipe
from kdsr.zoo import Card, Catalog, open_catalog, read_card, save_weights, sha256_of, write_card

Listener = Callable[[Event], None]


def compress(
    plan: Compression,
    out_dir: Path,
    *,
    settings: Settings,
    on_event: Listener | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[Card, ...]:
    """The cards of the compressed networks, the smallest last; their files are written to `out_dir`.

    The same plan resumes a fine-tune after pruning that was stopped.

    Args:
        on_event: called with `measured` (a step of the compression), `learning` (in 8 bits), and the events of the
            fine-tune.
        should_stop: called at every training step.
    Raises:
        UnknownNameError: no such network. SettingsError: one that cannot be compressed so.
        InputError: photographs that cannot be used, or a folder that cannot be written.
        Stopped: `should_stop` or Ctrl-C.
    """
    work = _CompressionRun(plan, out_dir, settings, on_event or (lambda event: None), should_stop or (lambda: False))
    try:
        return work.run()
    except KeyboardInterrupt:
        raise Stopped(
            "Stopped; the same command resumes the fine-tune after pruning and repeats every other step."
        ) from None


class _CompressionRun:
    """One compression: its plan, its inputs, and the steps measured so far."""

    def __init__(
        self, plan: Compression, out_dir: Path, settings: Settings, tell: Listener, should_stop: Callable[[], bool]
    ) -> None:
        self.plan, self.out_dir, self.settings, self.tell, self.should_stop = plan, out_dir, settings, tell, should_stop
        self.catalog = open_catalog(settings)
        self.source = self.catalog.find(plan.source)
        if self.source.compressed_from is not None:
            raise SettingsError(
                f"{plan.source} is compressed already; compress {self.source.compressed_from}, which it came from."
            )
        if self.source.architecture != "plain":
            raise SettingsError(
                "Networks of the architecture plain are compressed, "
                f"and {plan.source} is {self.source.architecture}; choose another one."
            )
        if plan.prune:
            plan.pruned_width(self.source.arguments["width"])
        self.steps: list[dict[str, Any]] = []

    def run(self) -> tuple[Card, ...]:
        torch.set_num_threads(usable_threads(self.settings))
        self.out_dir.mkdir(parents=True, exist_ok=True)
        photographs = open_photographs(self.plan, self.source, find_task(self.source.task), self.settings)
        network = self.catalog.load(self.source.name)
        self._measured("source", network, self.source.file_bytes, photographs)
        cards, base = [], self.source
        if self.plan.prune:
            base = self._prune(photographs)
            network = Catalog(self.out_dir).load(base.name)
            cards.append(base)
        if self.plan.int8:
            cards.append(self._round(base, network, photographs))
        for card in cards:
            export_onnx(card, Catalog(self.out_dir), self.out_dir / f"{card.name}.onnx")
        return tuple(cards)

    def _measured(self, step: str, network: Network, file_bytes: int, photographs: Photographs) -> float:
        """PSNR of `network` on the held-out photographs in dB, higher is better; recorded as a step."""
        psnr_db = photographs.psnr_db(network.eval())
        about = {
            "step": step,
            "bytes": file_bytes,
            "parameters": count_parameters(network),
            "macs_per_output_megapixel": count_macs(network),
        }
        self.steps.append(about | {"psnr_db": round(psnr_db, 4)})
        self.tell({"event": "measured", **self.steps[-1]})
        return psnr_db

    def _prune(self, photographs: Photographs) -> Card:
        """The card of the pruned network, after its fine-tune."""
        recipe = _recipe_after_pruning(self.plan, self.source)
        folder = self.out_dir / f"{recipe.name}-run"
        going_on = (folder / "checkpoint.safetensors").is_file()
        train_recipe(
            recipe, folder, settings=self.settings, resume=going_on, on_event=self.tell, should_stop=self.should_stop
        )
        with replaced(self.out_dir / f"{recipe.name}.safetensors") as part:
            shutil.copy2(folder / f"{recipe.name}.safetensors", part)
        card = read_card(folder / f"{recipe.name}.json")
        network = Catalog(folder).load(recipe.name)
        self._measured("pruned", network, card.file_bytes, photographs)
        return self._written(dataclasses.replace(card, teacher=self.source.teacher or self.source.name, twin=None))

    def _round(self, base: Card, network: Network, photographs: Photographs) -> Card:
        """The card of the 8-bit network."""
        plan, started, float_psnr_db = self.plan, time.monotonic(), self.steps[-1]["psnr_db"]
        batches = photographs.degraded()
        name = f"{base.name}-int8"
        floats, best = rounded(network, batches)
        weights = save_weights(best.state_dict(), self.out_dir / f"{name}.safetensors")
        psnr_db, steps = self._measured("int8, by ranges", best, weights.stat().st_size, photographs), 0
        if plan.int8_steps and float_psnr_db - psnr_db > plan.int8_loss_db:
            trained = learn(floats, best, photographs, on_step=self._learning(), should_stop=self.should_stop)
            if self._measured("int8, learnt", trained, weights.stat().st_size, photographs) > psnr_db:
                save_weights(trained.state_dict(), weights)
                steps = plan.int8_steps
        stage = {name: getattr(base, name) for name in ("name", "sha256", "steps", "seed", "trained_on", "recipe")}
        minutes = f"{(time.monotonic() - started) / 60:.0f} minutes"
        return self._written(
            dataclasses.replace(
                base,
                name=name,
                precision="int8",
                file_bytes=weights.stat().st_size,
                sha256=sha256_of(weights),
                steps=steps,
                seed=plan.seed,
                twin=None,
                trained_on=f"CPU, {torch.get_num_threads()} threads, torch {torch.__version__}, {minutes}",
                recipe=_as_recipe(plan, self.source),
                history=(*base.history, stage),
                figures=(),
                looks=(),
                latency=(),
                notes="",
            )
        )

    def _written(self, card: Card) -> Card:
        """`card` with the steps of the compression, written to its file."""
        done = ", ".join(word for word in ("pruned", "int8") if f"-{word}" in card.name.removeprefix(self.source.name))
        card = dataclasses.replace(
            card, title=f"{self.source.title}, {done}", compressed_from=self.source.name, compression=tuple(self.steps)
        )
        write_card(card, self.out_dir / f"{card.name}.json")
        return card

    def _learning(self) -> Callable[[int, float], None]:
        """Reports the progress of quantisation-aware training."""
        started, steps = time.monotonic(), self.plan.int8_steps
        return lambda step, loss: self.tell(
            {
                "event": "learning",
                "step": step,
                "steps": steps,
                "loss": loss,
                "eta_s": round((steps - step) * (time.monotonic() - started) / step),
            }
        )


def _recipe_after_pruning(plan: Compression, source: Card) -> Recipe:
    """The recipe of the fine-tune after pruning: it starts from the kept channels, and the source is the teacher."""
    loss = preset("best", source.task)["loss"]
    return Recipe(
        name=f"{source.name}-pruned",
        task=source.task,
        title=f"{source.title}, pruned",
        arguments={**source.arguments, "width": plan.pruned_width(source.arguments["width"])},
        reparameterised=False,
        warm_start=source.name,
        seed=plan.seed,
        teaching=Teaching(teacher=source.name, loss=loss, truth_share=plan.truth_share, cache_labels=False),
        data=TrainingData(
            photos=folders_of(plan, source), validation_photos=plan.validation_photos, patch_px=plan.patch_px
        ),
        schedule=Schedule(
            steps=plan.prune_steps,
            batch_size=plan.batch_size,
            optimiser="muon",
            learning_rate=plan.prune_learning_rate,
            gradient_clip=1.0,
            validate_every=plan.prune_steps,
        ),
        licence=source.licence,
    )


def _as_recipe(plan: Compression, source: Card) -> dict[str, Any]:
    """`plan` as JSON data for a card, with the folders of photographs filled in."""
    keys = dataclasses.asdict(dataclasses.replace(plan, photos=folders_of(plan, source)))
    recipe: dict[str, Any] = json.loads(json.dumps(keys))
    return recipe
