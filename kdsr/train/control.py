"""How a run is started, watched and stopped. Nothing here changes its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from kdsr.settings import Settings
from kdsr.train.events import Event


@dataclass(frozen=True)
class RunControl:
    """The arguments of `train_recipe` beside the recipe and the folder, the same for all stages."""

    settings: Settings
    resume: bool = False
    deadline: float | None = None
    """On the clock of `time.monotonic`, in seconds."""
    on_event: Callable[[Event], None] | None = None
    should_stop: Callable[[], bool] = lambda: False

    def is_out_of_time(self) -> bool:
        """Whether the deadline is reached."""
        return self.deadline is not None and time.monotonic() >= self.deadline
