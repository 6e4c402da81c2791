"""The search: trials in turn until its time is over, then the training of the best one from its own checkpoint.

Whatever ends a call (a kill, Ctrl-C, a full disk), the same call goes on with the time that is left. Several processes
may work in one folder. Not here: what is tried (`space`), who is given up (`study`), tables and plots (`report`).
"""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import optuna
import torch
from filelock import FileLock
from optuna.trial import TrialState

from kdsr.errors import SettingsError, Stopped, TrainingError
from kdsr.files import claimed, replaced
from kdsr.settings import Settings
from kdsr.train.checkpoint import CHECKPOINT_FILE, retime_checkpoint
from kdsr.train.data.photos import find_photos
from kdsr.train.events import EVENTS_FILE, Event, events_in
from kdsr.train.recipe import Recipe, recipe_to_json, with_keys
from kdsr.train.train import train_recipe
from kdsr.tune.plan import PROBE_S, PROBE_STEPS, TunePlan, planned, read_plan, step_seconds, steps_that_fit, write_plan
from kdsr.tune.report import write_report
from kdsr.tune.search import TuneSearch
from kdsr.tune.space import check_photographs, checked, first_changes, suggested, teachers_for, unchanged
from kdsr.tune.study import best_of, open_study, report
from kdsr.zoo import open_catalog

BEST = "best.json"
STOPPED = "Stopped; {best}. The same command goes on."
_BASE = "recipe.json"
_WINNER = "winner"
"""The trial that is trained to its end, and the steps of its run."""
_RUNNING = (TrialState.RUNNING, TrialState.WAITING)


class TuneResult(NamedTuple):
    """How a search ended."""

    finished: bool
    """False where another process trains the winner."""
    number: int
    """Of the winner; 0 is the recipe itself."""
    folder: Path
    """With the winner's checkpoint, weights and events."""
    reports: tuple[Path, ...]
    """The trials as CSV, in Markdown and, where matplotlib is installed, as a plot."""


def tune(
    recipe: Recipe,
    out: Path,
    *,
    settings: Settings,
    minutes: float,
    seed: int = 0,
    other_teachers: bool = True,
    clock: Callable[[], float] = time.time,
    on_event: Callable[[Event], None] = lambda _event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> TuneResult:
    """Search for a better recipe than `recipe` for its photographs, and train the best one, in `minutes` together.

    `out` then has `best.json`, a recipe for `kdsr train`, and the trained network with its card. The number of steps
    follows from the time. Judged are held-out photographs of the recipe's own, never a test set.

    Args:
        other_teachers: try the other teachers of the task too.
        clock: seconds, the same in all processes that share `out`.
        on_event: gets `planned`, `trial`, `rung`, `ended`, `winner` and `training`, each with the best so far. What
            trials report beside their figures comes as `inner`, and before the plan as `probe`.
        should_stop: asked at every step.
    Raises:
        SettingsError: a recipe that cannot be tuned, too little time, or an `out` of another search.
        InputError: too few photographs.
        TrainingError: the recipe itself cannot be trained.
        Stopped: `should_stop` or Ctrl-C; the best so far is written.
    """
    began_s = clock()
    check_photographs(len(find_photos(recipe.data.photos, settings.data_dir)))
    out.mkdir(parents=True, exist_ok=True)
    base = _base(checked(recipe), out)
    teachers = teachers_for(base, open_catalog(settings))[: None if other_teachers else 1]
    try:
        plan = _plan(base, out, settings, minutes, began_s, clock, on_event, should_stop)
        study = open_study(out, seed)
        search = TuneSearch(base, out, settings, clock, on_event, should_stop, teachers, plan, study, began_s)
        search.tell("planned", plan=plan)
    except KeyboardInterrupt:
        raise Stopped(STOPPED.format(best="nothing is compared yet")) from None
    try:
        _search(search)
        return _finish(search)
    except (KeyboardInterrupt, Stopped):
        best = write_best(search)
        write_report(search)
        said = "nothing is compared yet" if best is None else f"the best so far is trial {best}, in {out / BEST}"
        raise Stopped(STOPPED.format(best=said)) from None


def _base(recipe: Recipe, out: Path) -> Recipe:
    """`recipe`, which is kept in `out`.

    Raises:
        SettingsError: `out` holds the search of another recipe.
    """
    path, text = out / _BASE, recipe_to_json(recipe)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise SettingsError(f"{out} holds the search of another recipe or other photographs; choose an empty folder.")
    with replaced(path) as part:
        part.write_text(text, encoding="utf-8")
    return recipe


def _plan(
    recipe: Recipe, out: Path, settings: Settings, minutes: float, began_s: float, clock: Callable[[], float],
    on_event: Callable[[Event], None], should_stop: Callable[[], bool],
) -> TunePlan:  # fmt: skip
    """The plan of the search, made by the first process from the time of a few steps."""
    with FileLock(out / "plan.lock"):
        kept = read_plan(out)
        if kept is not None:
            if abs(kept.seconds - 60 * minutes) > 1e-6:
                raise SettingsError(
                    f"{out} holds a search of {kept.seconds / 60:g} minutes, and {minutes:g} were asked for; give the "
                    "same, or choose an empty folder."
                )
            return kept
        moments: list[float] = []

        def enough() -> bool:
            moments.append(clock())
            is_known = len(moments) >= PROBE_STEPS and moments[-1] - moments[0] >= PROBE_S
            return is_known or len(moments) >= 8 * PROBE_STEPS or should_stop()

        probe = out / "probe"
        shutil.rmtree(probe, ignore_errors=True)
        _trained(
            with_keys(recipe, {"steps": 10 * PROBE_STEPS, "compile": False}),
            probe,
            settings,
            lambda event: on_event({"event": "probe", "inner": event}),
            enough,
        )
        shutil.rmtree(probe, ignore_errors=True)
        if len(moments) < PROBE_STEPS:
            raise Stopped(STOPPED.format(best="nothing is compared yet"))
        plan = planned(60 * minutes, clock() - began_s, step_seconds(moments))
        write_plan(plan, out)
        return plan


def _trained(
    recipe: Recipe, folder: Path, settings: Settings, on_event: Callable[[Event], None], should_stop: Callable[[], bool]
) -> bool:
    """Train on from the checkpoint in `folder`; whether the last step was reached. Ctrl-C is raised as it came."""
    torch.compiler.reset()  # it gives up after 8 networks in one process
    asked: list[bool] = []

    def stops() -> bool:
        asked.append(should_stop())
        return asked[-1]

    try:
        return train_recipe(
            recipe, folder, settings=settings, resume=True, on_event=on_event, should_stop=stops
        ).finished
    except Stopped:
        if not (asked and asked[-1]):
            raise KeyboardInterrupt from None
        return False


def _search(search: TuneSearch) -> None:
    """Trials until the time of the search is over."""
    while True:
        rest_s = search.plan.search_s - search.spent_s
        has_room = rest_s > search.plan.rungs[0] * search.plan.step_s
        is_first = not search.study.trials
        if not (has_room or is_first or _is_own_unfinished(search)):
            return
        if search.should_stop():
            raise KeyboardInterrupt
        for trial in _open_trials(search, may_begin=has_room or is_first):
            with claimed(search.folder(trial.number) / "lock") as is_mine:
                if is_mine:
                    _run(search, trial)
                    break
        else:
            if not (has_room or is_first):
                return


def _is_own_unfinished(search: TuneSearch) -> bool:
    """Whether the recipe itself, which all others are compared with, has not come to its last comparison."""
    return search.study.trials[0].state in _RUNNING


def _open_trials(search: TuneSearch, *, may_begin: bool) -> Iterator[optuna.Trial]:
    """Trials that a call left behind, then a new one if there `may_begin` one."""
    for left in search.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        yield optuna.Trial(search.study, left._trial_id)
    if not may_begin:
        return
    number, own = len(search.study.trials), unchanged(search.recipe, search.teachers)
    first = first_changes(search.recipe, search.teachers)
    if number < len(first):
        best = best_of(search.study)
        search.study.enqueue_trial({**own, **(best.values if best else {}), **first[number]})
    yield search.study.ask()


def _run(search: TuneSearch, trial: optuna.Trial) -> None:
    """Train `trial` from comparison to comparison, until it is given up or has passed the last one."""
    plan, values = search.plan, suggested(trial, search.recipe, search.teachers)
    search.tell("trial", number=trial.number, values=values)
    began_s = search.clock()
    given_up, last = False, float("-inf")

    def hear(event: Event) -> None:
        nonlocal given_up, last
        if event["event"] == "validation" and event["step"] in plan.rungs:
            rung, last = plan.rungs.index(event["step"]), event["psnr_db"]
            given_up = report(trial, rung, last) or rung == len(plan.rungs) - 1
            search.tell("rung", number=trial.number, rung=rung, psnr_db=last)
        elif event["event"] == "step":
            search.tell("step", number=trial.number, step=event["step"])
        else:
            search.tell("inner", number=trial.number, inner=event)

    def enough() -> bool:
        is_late = search.spent_s > plan.search_s  # asked for trial 0 as well, so that its time is kept
        return given_up or (is_late and trial.number > 0) or search.should_stop()

    folder = search.folder(trial.number)
    try:
        _trained(search.recipe_of(values), folder, search.settings, hear, enough)
    except TrainingError as error:
        if trial.number == 0 or isinstance(error.__cause__, OSError):  # a full disk is no fault of the trial
            raise
        search.study.tell(trial, state=TrialState.FAIL)
        search.tell("ended", number=trial.number, kept=False)
        return
    if search.should_stop() and not given_up:
        raise KeyboardInterrupt
    trial.set_user_attr("seconds", search.clock() - began_s)
    has_passed = plan.rungs[-1] in _steps_of(trial, plan)
    search.study.tell(trial, last if has_passed else None, TrialState.COMPLETE if has_passed else TrialState.PRUNED)
    search.tell("ended", number=trial.number, kept=has_passed)


def _steps_of(trial: optuna.Trial, plan: TunePlan) -> list[int]:
    """The steps of the comparisons of `trial`."""
    seen = trial.study.trials[trial.number].intermediate_values
    return [plan.rungs[place.bit_length() - 1] for place in seen]


def write_best(search: TuneSearch) -> int | None:
    """Write the best recipe so far, or that of the winner; its number, None if none was compared yet."""
    if _WINNER in search.study.user_attrs:
        number, steps = search.study.user_attrs[_WINNER]
        recipe = with_keys(search.recipe_of(search.study.trials[number].params), {"steps": steps})
    else:
        best = best_of(search.study)
        if best is None:
            return None
        number, recipe = best.number, search.recipe_of(best.values)
    with replaced(search.out / BEST) as part:
        part.write_text(recipe_to_json(recipe), encoding="utf-8")
    return int(number)


def _finish(search: TuneSearch) -> TuneResult:
    """Train the best trial to its last step, and copy its network to the search's folder."""
    number = write_best(search)
    if number is None:
        raise TrainingError("No trial came to its first comparison; give more minutes.")
    folder, values = search.folder(number), search.study.trials[number].params
    with claimed(folder / "lock") as is_mine:
        if not is_mine:
            return TuneResult(False, number, folder, ())
        recipe = _timed(search, number)
        search.tell("winner", number=number, values=values)
        left_s = search.plan.seconds - search.spent_s

        def hear(event: Event) -> None:
            nonlocal left_s
            left_s = event.get("eta_s", left_s)
            search.tell("training", number=number, inner=event, steps=recipe.schedule.steps, left_s=left_s)

        if not _trained(recipe, folder, search.settings, hear, search.should_stop):
            raise KeyboardInterrupt
    for ending in (".safetensors", ".json"):
        with replaced(search.out / f"{search.recipe.name}{ending}") as part:
            shutil.copyfile(folder / f"{search.recipe.name}{ending}", part)
    search.tell("finished", number=number)
    return TuneResult(True, number, folder, write_report(search))


def _timed(search: TuneSearch, number: int) -> Recipe:
    """The recipe of the winner `number`, of fewer steps where too little time is left; decided once."""
    trial, folder, plan = search.study.trials[number], search.folder(number), search.plan
    recipe = search.recipe_of(trial.params)
    if _WINNER not in search.study.user_attrs:
        done = max([event.get("step", 0) for event in events_in(folder / EVENTS_FILE)], default=0)
        step_s = trial.user_attrs.get("seconds", done * plan.step_s) / max(1, done)
        steps = steps_that_fit(plan, done, plan.seconds - search.spent_s, max(step_s, 1e-4))
        search.study.set_user_attr(_WINNER, [number, steps])
        write_best(search)
    made = with_keys(recipe, {"steps": search.study.user_attrs[_WINNER][1]})
    if (folder / CHECKPOINT_FILE).is_file():
        retime_checkpoint(folder / CHECKPOINT_FILE, recipe, made)
    return made
