"""What is asked of every picture of a run: the network and how it is used, as plain values.

One order serves a single picture, a folder, and the workers of a cluster, so all of them write the same bytes.
Not here: which pictures there are, and what is finished already.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kdsr.errors import SettingsError
from kdsr.image import Picture, read_picture
from kdsr.restore.engine import Progress
from kdsr.restore.files import restore_file
from kdsr.restore.runtime import Runtime
from kdsr.restore.runtimes import open_runtime
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.zoo import Card, Catalog, at_sharpness, find_network, sha256_of


@dataclass(frozen=True)
class PictureOrder:
    """The network `card` of `catalog` with the options of `kdsr restore`. It can be pickled."""

    card: Card
    catalog: Catalog
    runtime: str = "auto"
    self_ensemble: bool = False
    mask: Picture | None = None
    """For inpainting; the same for every picture. Without one, transparent pixels are missing."""
    mask_sha256: str = ""
    strip: bool = False
    tile_px: int | None = None

    @property
    def made_by(self) -> str:
        """Network and options as one text: results with the same text are alike."""
        options = {"self-ensemble": self.self_ensemble, "strip": self.strip, self.mask_sha256: self.mask is not None}
        return " ".join([self.card.name, self.card.sha256, *(name for name, given in options.items() if given)])

    def open(self, settings: Settings) -> Runtime:
        """The network, ready to run.

        Raises:
            WeightsError, SettingsError: as `open_runtime`.
        """
        opened = open_runtime(self.card, self.catalog, runtime=self.runtime, settings=settings)
        if not self.self_ensemble:
            return opened
        from kdsr.restore.ensemble import SelfEnsemble  # imports torch, which a plain run by ONNX Runtime does without

        return SelfEnsemble(opened)

    def restore(
        self,
        source: Path,
        target: Path,
        runtime: Runtime,
        settings: Settings,
        *,
        on_progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> tuple[str, ...]:
        """Write `source`, restored by `runtime`, to `target`; its notes. Errors are those of `restore_file`."""
        return restore_file(
            source,
            target,
            runtime,
            settings,
            mask=self.mask,
            strip=self.strip,
            tile_px=self.tile_px,
            on_progress=on_progress,
            should_stop=should_stop,
        )


def order_for(
    model: str,
    settings: Settings,
    *,
    runtime: str = "auto",
    self_ensemble: bool = False,
    mask: Path | None = None,
    sharpness: float | None = None,
    strip: bool = False,
    tile_px: int | None = None,
) -> PictureOrder:
    """The order for the network `model`, at `sharpness` if given (`at_sharpness`), with the mask in the file `mask`.

    Raises:
        UnknownNameError, WeightsError: no such network.
        SettingsError: a mask for a network that takes none, or a sharpness that it does not have.
        InputError: the mask cannot be read.
    """
    card, catalog = find_network(model, settings)
    if sharpness is not None:
        card, catalog = at_sharpness(card, catalog, sharpness, settings)
    if mask is not None and find_task(card.task).planes == 3:
        raise SettingsError(
            f"The network '{card.name}' takes no mask; leave --mask out, or choose a network for inpainting."
        )
    marks = None if mask is None else read_picture(mask, settings)
    return PictureOrder(
        card, catalog, runtime, self_ensemble, marks, "" if mask is None else sha256_of(mask), strip, tile_px
    )
