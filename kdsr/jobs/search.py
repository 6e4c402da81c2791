"""A background run that searches for a recipe: `kdsr.tune` in the run's folder, and its events as those of the run.

What belongs to the search is marked with `search`. The best trial's events become those of the run's student, so that
the run looks like any other from there on. A kill, a stop and the end of the time leave the trials; the next part goes
on with them. Not here: the search itself (`kdsr.tune`), the lease and the states (`part`).
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from kdsr.errors import JobError, Stopped
from kdsr.files import replaced
from kdsr.jobs.search_plan import SearchPlan
from kdsr.settings import Settings
from kdsr.train.events import EVENTS_FILE, Event, EventLog, events_in
from kdsr.train.recipe import Recipe, recipe_from_json, with_keys
from kdsr.train.stage import RunResult
from kdsr.train.train import train_recipe
from kdsr.tune.plan import trial_folder
from kdsr.tune.space import in_words

SEARCH_FOLDER = "search"
"""In the folder of a run: trials, journal, and the tables of the trials."""
STOPPED = "Stopped; the trials so far are kept, and the search goes on with them."
_OF_TRIAL = ("reading", "labelling", "started")
_OF_STUDENT = ("references", "started", "step", "validation")


def search_recipe(
    recipe: Recipe,
    plan: SearchPlan,
    folder: Path,
    *,
    settings: Settings,
    time_limit_s: float | None,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
) -> RunResult:
    """Search from `recipe`, train the best one to its end, and then its twin if `recipe` asks for one.

    `folder` then has what a run of the best recipe alone has, that recipe as `recipe.json`, and the trials.

    Raises:
        Stopped: `should_stop`, or Ctrl-C.
        KdsrError: what `tune` and `train_recipe` raise.
    """
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    folder.mkdir(parents=True, exist_ok=True)
    part = _Part(recipe, plan, folder, settings, deadline, EventLog(folder / EVENTS_FILE, on_event), should_stop)
    if not part.has_student() and not part.search():
        return RunResult(False, 0, folder)
    best = recipe_from_json((folder / "recipe.json").read_text(encoding="utf-8"))
    if not (recipe.twin and best.teaching.needs_teacher):
        return RunResult(True, best.schedule.steps, folder)
    if part.is_out_of_time():
        return RunResult(False, best.schedule.steps, folder)
    return train_recipe(
        with_keys(best, {"twin": True}), folder, settings=settings, resume=True, on_event=part.on_twin(best, on_event),
        time_limit_s=None if deadline is None else max(0.0, deadline - time.monotonic()), should_stop=should_stop,
    )  # fmt: skip


class _Part:
    """One part of the run."""

    def __init__(
        self,
        recipe: Recipe,
        plan: SearchPlan,
        folder: Path,
        settings: Settings,
        deadline: float | None,
        log: EventLog,
        should_stop: Callable[[], bool],
    ) -> None:
        self.recipe, self.plan, self.folder, self.settings = recipe, plan, folder, settings
        self.place = folder / SEARCH_FOLDER
        self.deadline, self.log, self.should_stop = deadline, log, should_stop
        self.seconds = round(60 * plan.minutes)
        self.spent_s = 0
        self.finished: Event | None = None
        """The end of the student, told once its files are in place."""

    def is_out_of_time(self) -> bool:
        """Whether this part must end."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def has_student(self) -> bool:
        """Whether an earlier part trained the best recipe to its end."""
        return any(event["event"] == "finished" for event in events_in(self.log.path))

    def search(self) -> bool:
        """Search and train; False if the time of this part is over before the end."""
        from kdsr.tune.run import tune  # Optuna takes a second

        try:
            result = tune(
                with_keys(self.recipe, {"twin": False}), self.place, settings=self.settings, minutes=self.plan.minutes,
                seed=self.recipe.seed, other_teachers=self.plan.other_teachers, on_event=self.hear,
                should_stop=lambda: self.should_stop() or self.is_out_of_time(),
            )  # fmt: skip
        except Stopped:
            self.take(self.trained())
            if self.is_out_of_time() and not self.should_stop():
                return False
            raise Stopped(STOPPED) from None
        if not result.finished:
            raise JobError("Another worker of this machine still has this run: resume it in a minute.")
        self.take(result.folder)
        assert self.finished is not None
        self.write(self.finished, run_step=self.seconds)
        shutil.rmtree(result.folder.parent, ignore_errors=True)
        return True

    def trained(self) -> Path | None:
        """The folder of the best trial, if its training to the end has begun."""
        winners = [event["trial"] for event in events_in(self.log.path) if event["event"] == "winner"]
        return trial_folder(self.place, winners[-1]) if winners else None

    def take(self, trial: Path | None) -> None:
        """Copy the network of the trial in the folder `trial` to that of the run, its card last."""
        name = self.recipe.name
        if trial is None or not (trial / f"{name}.json").is_file():
            return
        for file in ("recipe.json", f"{name}.safetensors", f"{name}.json"):
            with replaced(self.folder / file) as part:
                shutil.copyfile(trial / file, part)
        self.show(trial)

    def show(self, trial: Path) -> None:
        """Copy the preview of the trial."""
        (self.folder / "preview").mkdir(exist_ok=True)
        for file in (trial / "preview").glob("*.png"):
            with replaced(self.folder / "preview" / file.name) as part:
                shutil.copyfile(file, part)

    def hear(self, event: Event) -> None:
        """Write an event of the search to the log of the run."""
        if "left_s" in event:
            self.spent_s = round(min(self.seconds, max(0.0, 60 * self.plan.minutes - event["left_s"])))
        inner, trial = event.get("inner", {}), event.get("number")
        match event["event"]:
            case "probe" | "inner" if inner["event"] in _OF_TRIAL:
                if self.is_out_of_time():  # labelling hears of it here only
                    raise Stopped(STOPPED)
                self.write({**inner, "search": True, "trial": trial})
            case "planned":
                plan = event["plan"]
                self.write({"event": "planned", "search": True, "rungs": plan.rungs, "steps": plan.steps})
            case "trial":
                said = in_words(event["values"], self.recipe) if trial else ""
                self.write({"event": "trial", "search": True, "trial": trial, "changes": said})
            case "rung":
                told = {"rung": event["rung"], "psnr_db": event["psnr_db"], "best": event["best"].number}
                self.write({"event": "rung", "search": True, "trial": trial, **told})
            case "step":
                self.write({"event": "trial_step", "search": True, "trial": trial, "trial_step": event["step"]})
            case "ended":
                self.write({"event": "ended", "search": True, "trial": trial, "kept": event["kept"]})
            case "winner":
                self.begin(event["number"])
            case "training" if inner["event"] == "finished":
                self.finished = inner
            case "training" if inner["event"] != "paused":
                self.write(inner)
                if inner["event"] == "validation":
                    self.show(trial_folder(self.place, event["number"]))

    def begin(self, number: int) -> None:
        """The training of the best trial to its end: what it did so far is told as the student's, once."""
        if self.trained() is None:
            for event in events_in(trial_folder(self.place, number) / EVENTS_FILE):
                if event["event"] in _OF_STUDENT:
                    self.write(event)
        best = json.loads((self.place / "best.json").read_text(encoding="utf-8"))
        self.write({"event": "winner", "search": True, "trial": number, "recipe": best})
        self.show(trial_folder(self.place, number))

    def write(self, event: Event, *, run_step: int | None = None) -> None:
        """Write `event`, at the second of the search that it has come to."""
        self.log.write({**event, "run_step": self.spent_s if run_step is None else run_step})

    def on_twin(self, best: Recipe, on_event: Callable[[Event], None]) -> Callable[[Event], None]:
        """Passes on the twin's events, in seconds of the run."""

        def pass_on(event: Event) -> None:
            if "run_step" in event:
                done = event["run_step"] / best.schedule.steps  # 1 at the twin's start, 2 at its end
                event = {**event, "run_step": round(self.seconds * done)}
            on_event(event)

        return pass_on
