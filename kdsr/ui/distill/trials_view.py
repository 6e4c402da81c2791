"""The trials of a search as HTML: what it does now, its table, its plot, and its answer. Texts are escaped."""

from markupsafe import Markup

from kdsr.errors import SettingsError
from kdsr.jobs import Run, State
from kdsr.train import Recipe
from kdsr.tune.plan import planned
from kdsr.ui import texts
from kdsr.ui.charts.curves import Line, chart
from kdsr.ui.distill import search_texts as said
from kdsr.ui.distill.estimate import Pace
from kdsr.ui.distill.trials import Event, SearchTrial, Trials, best_so_far, state_of, verdict
from kdsr.ui.html import error_line, joined, region

_SPAN_DB = 3.0
"""The plot shows so much below its highest value: a learning rate far too high would squeeze the rest."""


def search_estimate(recipe: Recipe, pace: Pace, minutes: float, megapixels: float, rest: str) -> Markup:
    """How long a search takes, and how many steps that gives its best recipe; what is too little time for one."""
    label_s = megapixels * pace.label_s_per_megapixel if recipe.teaching.needs_teacher else 0.0
    try:
        plan = planned(60 * minutes, label_s, pace.step_s)
    except SettingsError as error:
        return error_line(str(error))
    about = said.ESTIMATE.format(steps=f"{plan.steps:,}", pace=texts.number(1 / pace.step_s, 2), device=pace.device)
    twice = said.TWICE if recipe.twin else ""
    line = Markup('<p class="chosen estimate"><b>About {}</b>{}</p>')
    took_s = (2 if recipe.twin else 1) * 60 * minutes
    return line.format(texts.duration(took_s), " ".join(filter(None, (about, twice, rest))))


def doing(run: Run, trials: Trials, now: float) -> tuple[str, float | None]:
    """What a search does now, in words, and how far it is in [0, 1]; None before its plan."""
    last: Event = trials.last
    if not trials.rungs:
        match last.get("event"):
            case "labelling":
                return f"The teacher labels the photographs: {last['done']} of {last['total']}", None
            case "reading":
                return "Reading the photographs", None
            case "started":
                return texts.MEASURING, None
        return "Starting", None
    stopping = "Stopping" if run.state is State.STOPPING else ""
    trial = said.SEARCHING.format(number=last["trial"]) if last.get("trial") is not None else ""
    step = said.AT_STEP.format(step=f"{last['trial_step']:,}") if "trial_step" in last else ""
    left = f"{texts.duration(max(0.0, run.steps - run.step - (now - last.get('time', now))))} left"
    return " · ".join(filter(None, (stopping, trial, step, left))), run.step / run.steps


def trials_box(trials: Trials, *, is_over: bool, is_alone: bool) -> Markup:
    """The answer of the search, or the best so far; the table of its trials and their plot. Empty before the first.

    Args:
        is_over: the best recipe is trained to its end.
        is_alone: as in `verdict`.
    """
    if not trials.trials:
        return Markup("")
    answer = verdict(trials, is_alone=is_alone) or best_so_far(trials)
    return joined((
        Markup("<h3>{}</h3>").format(said.TITLE),
        Markup('<p class="answer">{}</p>').format(answer) if answer else "",
        _table(trials, is_over=is_over),
        Markup('<p class="about">{}</p>').format(said.TABLE_MEANS),
        Markup('<div class="curves">{}</div>').format(_plot(trials)),
    ))  # fmt: skip


def _table(trials: Trials, *, is_over: bool) -> Markup:
    after = [said.AFTER.format(step=f"{step:,}") for step in trials.rungs]
    heads = joined(Markup('<th scope="col">{}</th>').format(name) for name in (*said.HEADS, *after))
    rows = joined(_row(trial, trials, is_over=is_over) for trial in trials.trials.values())
    table = Markup('<table class="trials"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>')
    return region(said.TITLE, table.format(heads, rows))


def _row(trial: SearchTrial, trials: Trials, *, is_over: bool) -> Markup:
    figures = joined(Markup("<td>{}</td>").format(_figure(trial, trials, rung)) for rung in range(len(trials.rungs)))
    chosen = " class=chosen" if trial is trials.chosen else ""
    row = Markup('<tr{}><th scope="row">{}</th><td>{}</td><td>{}</td>{}</tr>')
    state = state_of(trial, trials, is_over=is_over)
    return row.format(Markup(chosen), trial.number, trial.title, state, figures)


def _figure(trial: SearchTrial, trials: Trials, rung: int) -> str:
    """PSNR in dB after a comparison, and the lead over the preset in brackets."""
    value, lead = trial.psnr_db.get(rung), trials.lead_db(trial, rung)
    if value is None:
        return texts.NONE
    return f"{value:.2f}" if lead is None else f"{value:.2f} ({lead:+.2f})"


def _plot(trials: Trials) -> Markup:
    """The comparisons of all trials, the preset and the best one named."""
    lines = []
    for trial in sorted(trials.trials.values(), key=lambda trial: trial is trials.chosen):
        kind = "student" if trial is trials.chosen else "part" if trial.number else "teacher"
        title = said.SEARCHING.format(number=trial.number) if trial.number else said.PRESET_TRIAL
        points = tuple((trials.rungs[rung], value) for rung, value in sorted(trial.psnr_db.items()))
        lines += [Line(title, kind, points, in_key=kind != "part")] if points else []
    return chart(said.CURVE, lines, steps=trials.rungs[-1], unit=" dB", span=_SPAN_DB) if lines else Markup("")
