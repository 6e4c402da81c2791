"""A tile for which memory is short is restored in parts, of half its side, a quarter, and so on.

Parts are exact, as tiles are: `tiling`. Not here: what a whole picture takes as pixels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kdsr.errors import SettingsError
from kdsr.restore.runtime import RuntimeInfo
from kdsr.restore.tiling import plan_tiles

SMALLEST_PX = 32
"""Side of a part; smaller ones save next to nothing."""
_WORDS = ("bad_alloc", "allocate", "out of memory", "not enough memory")
"""In what libraries raise that do not raise MemoryError."""


class Parts:
    """Runs one picture's tiles by `run`, (H, W, planes) to (H * scale, W * scale, 3): arrays, or tensors.

    After memory was short for one of them, the others of that picture are restored in parts at once.
    """

    def __init__(self, run: Callable[[Any], Any], about: RuntimeInfo) -> None:
        self.tile_px: int | None = None
        """Side of the parts; None as long as memory suffices."""
        self._run = run
        self._about = about

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence if memory was short."""
        if self.tile_px is None:
            return ()
        return (f"Memory was short: the picture was restored in tiles of {self.tile_px} pixels.",)

    def restored(self, tile: Any) -> Any:
        """What the network makes of `tile`.

        Raises:
            SettingsError: memory does not suffice for parts of `SMALLEST_PX` either.
        """
        while True:
            try:
                return self._run(tile) if self.tile_px is None else self._joined(tile, self.tile_px)
            except Exception as error:
                if not lacks_memory(error):
                    raise
                shorter_px = (self.tile_px or max(tile.shape[:2])) // 2
                if shorter_px < SMALLEST_PX:
                    raise SettingsError(
                        "There is too little memory for this network, in the smallest tiles too; "
                        "close other programs, or choose a smaller network."
                    ) from error
                self.tile_px = shorter_px

    def _joined(self, tile: Any, tile_px: int) -> Any:
        height, width = tile.shape[:2]
        about, whole = self._about, None
        for part in plan_tiles(
            height, width, tile_px=tile_px, halo=about.halo, multiple=about.multiple, scale=about.scale
        ):
            made = self._run(tile[part.read])[part.keep]
            if whole is None:
                shape = (height * about.scale, width * about.scale, made.shape[2])
                whole = np.empty(shape, made.dtype) if isinstance(made, np.ndarray) else made.new_empty(shape)
            whole[part.write] = made
        return whole


def lacks_memory(error: BaseException) -> bool:
    """Whether `error`, or what it was raised from, says that memory could not be had."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime"):
        return any(word in str(error).lower() for word in _WORDS)
    return error.__cause__ is not None and lacks_memory(error.__cause__)
