"""How the time of a search is spent: the steps of the full run, and where trials are compared.

A run of `steps` fits into the time that is left when `LOST` of it went to trials that lose. Trials are compared at
`RUNGS` of the run, and the winner goes on from its own checkpoint. Pure, but for the file.
"""

import itertools
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kdsr.errors import SettingsError
from kdsr.files import replaced
from kdsr.train.recipe import Recipe, with_keys

LOST = 0.15
"""Share of the time for trials that lose."""
RUNGS = (1 / 24, 1 / 12, 1 / 6)
"""Shares of the full run after which trials are compared; with `LOST`, a third of the time is a search."""
FEW_RUNGS = (1 / 16, 1 / 8)
"""In place of them where the first comparison would come before `_LEAST_RUNG` steps: earlier ones tell little."""
MARGIN_DB = 0.01
"""What a trial must be ahead of the recipe itself: less is chance on a few photographs."""
PROBE_STEPS, PROBE_S = 25, 2.0
"""Steps that are taken to know the pace, and more until they took so long."""
LEAST_STEPS = 240
_LEAST_RUNG = 40
PLAN_FILE = "plan.json"


@dataclass(frozen=True)
class TunePlan:
    """What is decided once for a search."""

    seconds: float
    """Of the search and the training of the winner together."""
    steps: int
    """Of a full run."""
    rungs: tuple[int, ...]
    """Steps after which trials are compared, rising."""
    step_s: float
    """Seconds of a step of the recipe itself, when it was planned."""

    @property
    def search_s(self) -> float:
        """After these seconds the winner is trained on."""
        return self.seconds - (self.steps - self.rungs[-1]) * self.step_s


def planned(seconds: float, spent_s: float, step_s: float) -> TunePlan:
    """The plan for `seconds`, of which `spent_s` are gone.

    Raises:
        SettingsError: too little time for a run that could be compared.
    """
    steps = int((1 - LOST) * (seconds - spent_s) / step_s)
    if steps < LEAST_STEPS:
        least = (spent_s + LEAST_STEPS * step_s / (1 - LOST)) / 60
        raise SettingsError(
            f"In {seconds / 60:g} minutes this machine takes {max(0, steps)} steps of the recipe, and a search needs "
            f"{LEAST_STEPS}; give at least {least:.1f} minutes."
        )
    shares = RUNGS if steps * RUNGS[0] >= _LEAST_RUNG else FEW_RUNGS
    first = round(steps * shares[0])
    return TunePlan(seconds, steps, tuple(first << place for place in range(len(shares))), step_s)


def scheduled(recipe: Recipe, plan: TunePlan) -> Recipe:
    """`recipe` with the steps of `plan`; it is validated at each rung, never stops early, and is not compiled, since
    each trial would wait for the compiler again.
    """
    schedule = {"steps": plan.steps, "validate_every": plan.rungs[0], "patience": 0, "compile": False}
    return with_keys(recipe, schedule | {"warmup_steps": min(recipe.schedule.warmup_steps, plan.rungs[0])})


def steps_that_fit(plan: TunePlan, done: int, left_s: float, step_s: float) -> int:
    """The steps of the winner's run, of which `done` are taken: the plan's, or fewer where the machine became slower.

    A tenth more time than was asked for is not worth a shorter run.
    """
    able = done + int(left_s / step_s)
    return plan.steps if able > plan.steps / 1.1 else max(able, 2 * done, LEAST_STEPS // 2)


def trial_folder(out: Path, number: int) -> Path:
    """The folder of the trial `number` of the search in `out`."""
    return out / "trials" / f"{number:03d}"


def step_seconds(moments: Sequence[float]) -> float:
    """The median time of a step, from the `moments` after each; the first ones are slower and left out."""
    taken = [after - before for before, after in itertools.pairwise(moments[4:])]
    return max(statistics.median(taken), 1e-4)


def write_plan(plan: TunePlan, folder: Path) -> None:
    """Write `plan` into `folder`, in one step."""
    with replaced(folder / PLAN_FILE) as part:
        part.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")


def read_plan(folder: Path) -> TunePlan | None:
    """The plan in `folder`; None if there is none yet.

    Raises:
        SettingsError: a file that is none.
    """
    path = folder / PLAN_FILE
    if not path.is_file():
        return None
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return TunePlan(**given | {"rungs": tuple(given["rungs"])})
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{path} is not the plan of a search; choose an empty folder.") from error
