"""The trials of a search as CSV, as a table in Markdown, and as a plot of their comparisons. Not here: the search."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kdsr.files import replaced
from kdsr.train.events import EVENTS_FILE, events_in
from kdsr.tune.plan import TunePlan
from kdsr.tune.search import TuneSearch
from kdsr.tune.space import in_words
from kdsr.tune.study import best_of

WITHOUT_PLOT = "For a plot, install matplotlib (`pip install 'kdsr[plots]'`) and run the same command again."
_KNOBS = ("rate", "crops", "share", "term", "weight", "teacher")


def write_report(search: TuneSearch) -> tuple[Path, ...]:
    """Write `trials.csv`, `trials.md` and, where matplotlib is installed, `trials.svg`; the files that were written."""
    trials = rows_of(search)
    best = best_of(search.study)
    chosen = best.number if best else None
    names = {"trials.csv": as_csv(trials, search.plan), "trials.md": as_markdown(trials, search.plan, chosen)}
    written = []
    for name, text in names.items():
        with replaced(search.out / name) as part:
            part.write_text(text, encoding="utf-8")
        written.append(search.out / name)
    plot = search.out / "trials.svg"
    drawn = best is not None and _draw(trials, search.plan, chosen, _curve(search, chosen), plot)
    return (*written, plot) if drawn else tuple(written)


def rows_of(search: TuneSearch) -> list[dict[str, Any]]:
    """A row for each trial that began: number, state, seconds, knobs, and PSNR in dB by steps."""
    return [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "seconds": trial.user_attrs.get("seconds"),
            "knobs": dict(trial.params),
            "psnr_db": {
                search.plan.rungs[place.bit_length() - 1]: value
                for place, value in sorted(trial.intermediate_values.items())
            },
        }
        for trial in search.study.trials
        if trial.params
    ]


def as_csv(trials: Sequence[Mapping[str, Any]], plan: TunePlan) -> str:
    """The trials, one a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "seconds", *_KNOBS, *(f"psnr_db at step {step}" for step in plan.rungs)])
    for row in trials:
        seconds = "" if row["seconds"] is None else round(row["seconds"], 1)
        knobs = [row["knobs"].get(name, "") for name in _KNOBS]
        writer.writerow([row["trial"], row["state"], seconds, *knobs, *(row["psnr_db"].get(s, "") for s in plan.rungs)])
    return text.getvalue()


def as_markdown(trials: Sequence[Mapping[str, Any]], plan: TunePlan, chosen: int | None) -> str:
    """The trials as a table, with the lead over the recipe itself (trial 0) after as many steps."""
    heads = ["trial", "what it changes", *(f"step {step:,}" for step in plan.rungs)]
    lines = [f"| {' | '.join(heads)} |", f"|---:|---|{'---|' * len(plan.rungs)}"]
    own = trials[0]["psnr_db"] if trials else {}
    for row in trials:
        cells = [_cell(row["psnr_db"].get(step), None if row["trial"] == 0 else own.get(step)) for step in plan.rungs]
        name = f"**{row['trial']}**" if row["trial"] == chosen else str(row["trial"])
        lines.append(f"| {name} | {in_words(row['knobs'])} | {' | '.join(cells)} |")
    said = (
        f"PSNR in dB on held-out photographs, after as many of the {plan.steps:,} steps of a full run; in brackets the "
        "lead over the recipe itself. Bold: trained to the end.\n"
    )
    return "\n".join([said, *lines]) + "\n"


def _cell(psnr_db: float | None, own_db: float | None) -> str:
    if psnr_db is None:
        return ""
    return f"{psnr_db:.2f}" if own_db is None else f"{psnr_db:.2f} ({psnr_db - own_db:+.2f})"


def _curve(search: TuneSearch, chosen: int | None) -> list[tuple[int, float]]:
    """Steps and PSNR of the chosen trial, to its end."""
    events = [] if chosen is None else events_in(search.folder(chosen) / EVENTS_FILE)
    return sorted({each["step"]: each["psnr_db"] for each in events if each["event"] == "validation"}.items())


def _draw(
    trials: Sequence[Mapping[str, Any]],
    plan: TunePlan,
    chosen: int | None,
    curve: Sequence[tuple[int, float]],
    path: Path,
) -> bool:
    """Write the plot to `path` as SVG; False if matplotlib is missing."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return False
    with matplotlib.rc_context({"svg.hashsalt": "kdsr", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        for row in trials:
            points = [(step, psnr_db) for step, psnr_db in row["psnr_db"].items()]
            if not points or row["trial"] == chosen:
                continue
            style: dict[str, Any] = {"color": "0.7"}
            if row["trial"] == 0:
                style = {"color": "tab:orange", "label": "the recipe itself"}
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, **style)
        if curve:
            axes.plot(*zip(*curve, strict=True), color="tab:green", label=f"trial {chosen}, trained to the end")
        axes.axvline(plan.rungs[-1], color="0.8", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xlabel("steps; trials are compared up to the upright line")
        axes.set_ylabel("PSNR on held-out photographs, dB")
        axes.legend(frameon=False)
        with replaced(path) as part:
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": "kdsr"})
    return True
