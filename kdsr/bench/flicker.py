"""How much a network's frames flicker: the change from frame to frame where a clip is still, against the clip's own.

Frames are taken before they are encoded. Not here: the figure for two frames (`kdsr.metrics.flicker`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from kdsr.degrade import bicubic_resize
from kdsr.errors import InputError, SettingsError
from kdsr.image import Picture, to_tensor
from kdsr.metrics.flicker import frame_change, still_pixels
from kdsr.restore.engine import restore_picture
from kdsr.restore.runtime import Runtime
from kdsr.settings import Settings
from kdsr.video.clip import open_clip, shots
from kdsr.video.steady import Steady

LEAST_CHANGE_255 = 0.1
"""A source that changes less has no flicker of its own, to which that of the result could be compared."""


@dataclass(frozen=True)
class ClipFlicker:
    """Flicker of a clip, over all still pixels of all pairs of frames."""

    frames: int
    still_share: float
    """Of the pixels."""
    source_change_255: float
    """Mean absolute change of the luma from frame to frame, in levels of 255: of the source enlarged by bicubic."""
    result_change_255: float

    @property
    def flicker(self) -> float | None:
        """The result's change over the source's: 1 flickers as the source does, lower is steadier. None where the
        source changes by less than `LEAST_CHANGE_255`.
        """
        source = self.source_change_255
        return self.result_change_255 / source if source >= LEAST_CHANGE_255 else None


def clip_flicker(
    path: Path,
    runtime: Runtime,
    settings: Settings,
    *,
    steady: bool = False,
    on_frame: Callable[[int, int | None], None] = lambda _done, _expected: None,
) -> ClipFlicker:
    """The flicker of `runtime` on the clip at `path`.

    steady: blended as `kdsr restore --steady` does.

    Raises:
        InputError: no clip that can be read, fewer than two frames, or nothing stands still.
        SettingsError: the network needs a mask.
    """
    if runtime.about.planes != 3:
        raise SettingsError("A network for inpainting needs a mask for each frame; choose one of another task.")
    clip, blend = open_clip(path, max_megapixels=settings.max_input_megapixels), Steady()
    before: tuple[Tensor, Tensor, Tensor] | None = None
    count, pixels, still_count, changes = 0, 0, 0, [0.0, 0.0]
    for count, shot in enumerate(shots(clip), start=1):
        made = restore_picture(Picture(shot.pixels), runtime)
        result = Picture(blend.blended(shot.pixels, made.pixels)) if steady else made
        source = to_tensor(Picture(shot.pixels))
        now = (source, bicubic_resize(source, runtime.about.scale), to_tensor(result))
        if before is not None:
            still = F.interpolate(still_pixels(before[0], source).float(), size=now[2].shape[-2:]) > 0.5
            here = int(still.sum())
            pixels, still_count = pixels + still.numel(), still_count + here
            for place in (0, 1) if here else ():
                changes[place] += here * frame_change(before[place + 1], now[place + 1], still).item()
        before = now
        on_frame(count, clip.expected_frames)
    if count < 2 or not still_count:
        what = "has fewer than two frames" if count < 2 else "moves everywhere"
        raise InputError(f"{path.name} {what}, so it shows no flicker; give a clip in which something stands still.")
    source_change, result_change = (change / still_count for change in changes)
    return ClipFlicker(count, still_count / pixels, source_change, result_change)
