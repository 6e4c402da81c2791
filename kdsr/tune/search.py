"""One call of a search: what it works on, and the time that all calls in its folder took together."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna

from kdsr.settings import Settings
from kdsr.train.events import Event
from kdsr.train.recipe import Recipe
from kdsr.tune.plan import TunePlan, scheduled, trial_folder
from kdsr.tune.space import tuned
from kdsr.tune.study import best_of, note_time, spent_s

_NOTE_EVERY_S = 3.0


@dataclass
class TuneSearch:
    """One call of `run.tune`."""

    recipe: Recipe
    out: Path
    settings: Settings
    clock: Callable[[], float]
    on_event: Callable[[Event], None]
    should_stop: Callable[[], bool]
    teachers: tuple[str, ...]
    plan: TunePlan
    study: optuna.Study
    began_s: float
    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    noted: tuple[float, float] = (float("-inf"), 0.0)
    """When the time was last kept, and the seconds of all calls then."""

    @property
    def spent_s(self) -> float:
        """Seconds of all calls in this folder; keeps those of this one every `_NOTE_EVERY_S`."""
        now = self.clock()
        if now - self.noted[0] > _NOTE_EVERY_S:
            note_time(self.study, self.session, self.began_s, now)
            self.noted = (now, spent_s(self.study))
        return self.noted[1] + now - self.noted[0]

    def folder(self, number: int) -> Path:
        """The folder of the trial `number`."""
        return trial_folder(self.out, number)

    def recipe_of(self, values: Mapping[str, Any]) -> Recipe:
        """The recipe of a full run with the knobs at `values`."""
        return scheduled(tuned(self.recipe, values), self.plan)

    def tell(self, event: str, **more: Any) -> None:
        """Pass `event` on, with the best trial so far and the seconds that are left."""
        best = best_of(self.study)
        self.on_event({"event": event, "best": best, "left_s": self.plan.seconds - self.spent_s, **more})
