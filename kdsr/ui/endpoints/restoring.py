"""The endpoints `/restore`, `/compare`, `/models` and `/evaluate` for scripts; docs/endpoints.md describes them.

They wait in the page's own queue and have its limits. A fault comes back as one sentence. Not here: runs of *Distill*
(`distill.endpoints`), and what the page shows of all this (`endpoints.panel`).
"""

import math
import re
import uuid
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import torch

from kdsr.errors import InputError, SettingsError, Stopped
from kdsr.image import Picture, read_picture, to_tensor
from kdsr.metrics import Measurement, measure
from kdsr.restore import open_runtime, restore_file
from kdsr.restore.holes import holes_in
from kdsr.settings import Settings
from kdsr.tasks import TASKS, Kinds, Task
from kdsr.ui.arguments import answered, deadline, flag, named, number, uploaded
from kdsr.ui.events import QUEUED
from kdsr.ui.records import recorded
from kdsr.ui.restore.files import sweep
from kdsr.ui.restore.request import Mode, Order
from kdsr.ui.restore.result import Column, RestoreResult
from kdsr.ui.restore.run import TIME_LIMIT_S, restore_steps
from kdsr.ui.texts import TOO_SLOW
from kdsr.zoo import Card, Catalog, at_sharpness, of_style, open_catalog, styles_of

_TASKS_ARE = f"the tasks are {', '.join(TASKS)}."


class RestoreApi:
    """The endpoints, with what they share: the settings, and the folder of results."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def restore(
        self,
        picture: dict[str, Any] | None = None,
        task: str = "",
        network: str = "",
        sharpness: float | None = None,
        mask: dict[str, Any] | None = None,
        strip: bool = False,
    ) -> dict[str, Any]:
        """Restore a picture: the PNG file that `kdsr restore` makes of it.

        Args:
            picture: an uploaded picture (`handle_file`), restored as it is.
            task: for example `sr_x4`.
            network: one of `/models`, for that task.
            sharpness: 0 (faithful) to 1 (sharp), for students that have a sharp partner.
            mask: for inpainting, white where pixels are missing; without one, transparent pixels are.
            strip: leave out EXIF, GPS, XMP and resolution, which else go into the result.
        Returns:
            The restored file.
        """
        with answered(), recorded("api_restore"):
            source = uploaded(picture, "picture")
            card, catalog = self._network(network, _task(task))
            if sharpness is not None:
                card, catalog = at_sharpness(card, catalog, number(sharpness, "sharpness"), self.settings)
            marks = self._mask(mask, _task(task))
            is_stripped = flag(strip, "strip")
            target = self._new_folder() / f"{_plain(source.stem)}-{card.name}.png"
            runtime = open_runtime(card, catalog, settings=self.settings)
            try:
                until = deadline(TIME_LIMIT_S)
                restore_file(
                    source, target, runtime, self.settings, mask=marks, strip=is_stripped, should_stop=until
                )  # fmt: skip
            except Stopped as stop:
                raise Stopped(TOO_SLOW.format(seconds=TIME_LIMIT_S)) from stop
            return _file(target)

    def compare(
        self,
        picture: dict[str, Any] | None = None,
        task: str = "",
        student: str | None = None,
        teacher: str | None = None,
        original: dict[str, Any] | None = None,
        degrade: bool = False,
        strength: float | str | None = None,
    ) -> dict[str, Any]:
        """Student and teacher on one picture, with their figures, as the tab *Restore* makes them.

        Args:
            picture: an uploaded picture, restored as it is.
            student, teacher: names of `/models`; the task's first ones if left out, of one style.
            original: the clean picture that is measured against.
            degrade: `picture` itself is the clean one: it is degraded first, by `strength`.
            strength: noise level, JPEG quality, level of damage or kind of holes; the task's usual one if left out.
        Returns:
            task, size, convention, notes, apart (student against teacher), and pictures. These are named `input`,
            `bicubic`, `student`, `teacher`, `twin` and so on. Each has file, network, psnr_db, ssim and times. Without
            an original there is no PSNR; that of style transfer is taken against the picture of the teacher.
        """
        with answered(), recorded("api_compare"):
            order = self._order(picture, task, student, teacher, original, degrade, strength)
            result: RestoreResult | None = None
            for step in restore_steps(order, self.settings, self._new_folder(), Event()):
                result = step.result or result
            if result is None:
                raise InputError("There is no result: try again.")
            return _result_fields(result)

    def models(self, task: str | None = None) -> list[dict[str, Any]]:
        """The networks for `task`, or all: teachers first, each role from large to small.

        Returns:
            For each: name, title, task, role, architecture, parameters, macs_per_output_megapixel, file_bytes,
            precision, licence, and figures with their convention.
        """
        with answered():
            tasks = [_task(task)] if task not in (None, "") else list(TASKS.values())
            catalog = open_catalog(self.settings)
            return [_described(card) for each in tasks for card in catalog.for_task(each.name)]

    def evaluate(
        self,
        restored: dict[str, Any] | None = None,
        original: dict[str, Any] | None = None,
        task: str = "",
        mask: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """PSNR and SSIM of one picture against its original, by the convention of `task`; higher is better.

        Args:
            restored, original: uploaded pictures of one size.
            mask: for inpainting, white where pixels were missing: PSNR is taken there.
        Returns:
            psnr_db (null for identical pictures), ssim, convention, identical.
        """
        with answered(), recorded("api_evaluate"):
            wanted = _task(task)
            paths = uploaded(restored, "restored"), uploaded(original, "original")
            first, second = (read_picture(path, self.settings) for path in paths)
            if (first.width, first.height) != (second.width, second.height):
                raise InputError(
                    f"The two pictures must be of one size, got {first.width} x {first.height} and "
                    f"{second.width} x {second.height}; give the same scene at one size."
                )
            marks = self._mask(mask, wanted)
            if marks is None and wanted.planes == 4:
                raise InputError(f"{wanted.title} is measured where pixels were missing; give the mask of them.")
            holes = None if marks is None else torch.from_numpy(holes_in(second, marks)[1])[None, None]
            found = measure(to_tensor(first), to_tensor(second), wanted, grey=second.is_grey, holes=holes)
            return _figures(found)

    def _order(
        self, picture: Any, task: Any, student: Any, teacher: Any, original: Any, degrade: Any, strength: Any
    ) -> Order:
        """What `/compare` was asked for."""
        source, wanted = uploaded(picture, "picture"), _task(task)
        is_clean = flag(degrade, "degrade")
        truth = None if original is None else uploaded(original, "original")
        if is_clean or truth is not None:
            wanted.require_truth()
        if is_clean and truth is not None:
            raise SettingsError("With degrade the picture is the original itself; leave one of the two out.")
        if strength is not None and not (is_clean and wanted.strength):
            raise SettingsError(
                f"strength needs {'degrade' if wanted.strength else 'a task that has one'}; leave it out."
            )
        mode: Mode = "clean" if is_clean else "both" if truth else "degraded"
        taught = self._pair(wanted, student=student, teacher=teacher)
        given = _strength(wanted, strength) if is_clean else None
        return Order(source, mode, wanted.name, truth, given, teacher=taught["teacher"], student=taught["student"])

    def _pair(self, task: Task, **names: Any) -> dict[str, str | None]:
        """Role to network: the one of that name, else the first for `task`, of the other's style if it has one."""
        catalog = open_catalog(self.settings)
        given = {role: self._network(name, task)[0] for role, name in names.items() if name not in (None, "")}
        style = next(iter([*styles_of(given.values()), *styles_of(catalog.for_task(task.name))]), "")
        usual = {role: of_style(catalog.for_task(task.name, role), style) for role in names}
        return {
            role: next((card.name for card in (*filter(None, [given.get(role)]), *usual[role])), None) for role in names
        }

    def _network(self, name: Any, task: Task) -> tuple[Card, Catalog]:
        """The network `name` for `task`, with its catalog."""
        catalog = open_catalog(self.settings)
        cards = {card.name: card for card in catalog.for_task(task.name)}
        return named("network", name, cards, f"/models lists those for {task.name}."), catalog

    def _mask(self, mask: Any, task: Task) -> Picture | None:
        if mask is None:
            return None
        if task.planes == 3:
            raise SettingsError(f"{task.title} takes no mask; leave it out.")
        return read_picture(uploaded(mask, "mask"), self.settings)

    def _new_folder(self) -> Path:
        """An empty folder for one result; those older than `KEPT_S` are removed."""
        sweep(self.folder)
        made = self.folder / uuid.uuid4().hex
        made.mkdir()
        return made


def add_restore_api(settings: Settings, folder: Path) -> RestoreApi:
    """The endpoints, inside the blocks that are being built; `folder` must be in gradio's own cache."""
    api = RestoreApi(settings, folder)
    queue = {key: QUEUED[key] for key in ("concurrency_id", "concurrency_limit")}
    gr.api(api.restore, api_name="restore", **queue)
    gr.api(api.compare, api_name="compare", **queue)
    gr.api(api.evaluate, api_name="evaluate", **queue)
    gr.api(api.models, api_name="models", concurrency_limit=None)
    return api


def _task(name: Any) -> Task:
    return named("task", name, TASKS, _TASKS_ARE)


def _strength(task: Task, given: Any) -> float | str | None:
    """The strength `given`, in the task's range, or its usual one."""
    if task.strength is None:
        return None
    if given is None:
        return task.strength.default
    if isinstance(task.strength, Kinds):
        kinds = {kind: kind for kind in task.strength.names}
        return named("strength", given, kinds, f"the kinds are {', '.join(kinds)}.")
    return task.strength.check(number(given, "strength"))


def _plain(stem: str) -> str:
    """`stem` in characters that need no quotes in an address or a shell."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem)[:60] or "picture"


def _file(path: Path) -> dict[str, Any]:
    """The file at `path` as gradio's clients take it."""
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


def _figures(found: Measurement) -> dict[str, Any]:
    """PSNR, SSIM and their convention, as JSON can hold them."""
    figures = {"psnr_db": found.psnr_db, "ssim": found.ssim}
    finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
    return finite | {"convention": found.convention, "identical": math.isinf(found.psnr_db)}


def _result_fields(result: RestoreResult) -> dict[str, Any]:
    """`result` as `/compare` gives it."""
    return {
        "task": result.task,
        "size": list(result.size),
        "notes": [note for note in result.notes if note],
        "apart": None if result.apart is None else _figures(result.apart),
        "pictures": {column.key: _picture_fields(column) for column in result.columns},
    }


def _picture_fields(column: Column) -> dict[str, Any]:
    """One picture with what is known of it."""
    fields: dict[str, Any] = {"file": _file(column.file)}
    if column.card is not None:
        fields["network"] = column.card.name
    if column.measurement is not None:
        fields |= _figures(column.measurement)
    if column.timing is not None:
        fields |= {key: value for key, value in asdict(column.timing).items() if key != "waited_s"}
    return fields


def _described(card: Card) -> dict[str, Any]:
    """A network as `/models` gives it."""
    keys = ("name", "title", "task", "role", "architecture", "parameters", "macs_per_output_megapixel", "file_bytes")
    fields = {key: getattr(card, key) for key in (*keys, "precision", "licence", "teacher", "is_for_looks")}
    return fields | {"figures": [asdict(figure) for figure in card.figures]}
