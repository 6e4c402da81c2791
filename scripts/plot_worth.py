"""Draws what a teacher is worth: the gain over the twin, by number of photographs, a line for each length of training.

    python scripts/plot_worth.py RUNS [--plan recipes/ablations/sr_x4-worth.json] [--out docs/worth.svg]

RUNS is the folder of `kdsr ablate` with that plan. Rows whose baseline differs from them in the teacher alone are
drawn; a row without a finished pair is left out. Prints the table, in Markdown. Needs matplotlib.
"""

from collections import defaultdict
from pathlib import Path

import typer

from kdsr.ablation.plan import AblationPlan, Trial, TrialResult, read_plan, read_results
from kdsr.ablation.report import Gain, Measurement, column_title, gain_of
from kdsr.errors import SettingsError
from kdsr.files import replaced

ROOT = Path(__file__).parent.parent
ALL = "all"
"""The place of a row with every photograph."""

Curves = dict[int, dict[int, Gain]]
"""Steps: photographs (0: all): gain."""


def main(
    runs: Path, plan: Path = ROOT / "recipes/ablations/sr_x4-worth.json", out: Path = ROOT / "docs/worth.svg"
) -> None:
    """Draw it and print the table."""
    the_plan = read_plan(plan)
    curves = {
        measurement: curves_of(the_plan, read_results(the_plan, runs), measurement)
        for measurement in the_plan.measurements
    }
    if not any(curves.values()):
        raise SettingsError(f"{runs} holds no finished pair of a student and its twin; run kdsr ablate {plan} first.")
    draw(curves, out)
    typer.echo("\n".join(table(curves)))


def curves_of(plan: AblationPlan, results: dict[Trial, TrialResult], measurement: Measurement) -> Curves:
    """The gain of each taught row over its twin, paired by seed."""
    found: Curves = defaultdict(dict)
    for row in plan.rows:
        gain, recipe = gain_of(plan, results, row, measurement), plan.recipe(Trial(row, plan.seeds[0]))
        if gain is not None:
            found[recipe.schedule.steps][recipe.data.photo_limit] = gain
    return dict(found)


def table(curves: dict[Measurement, Curves]) -> list[str]:
    """Gains in dB as mean, deviation and number of seeds."""
    rows = sorted({(steps, photos or 10**9) for each in curves.values() for steps in each for photos in each[steps]})
    lines = ["| steps | photographs | " + " | ".join(map(column_title, curves)) + " |"]
    lines.append("|---:|---:|" + "---|" * len(curves))
    for steps, photos in rows:
        gains = (each.get(steps, {}).get(photos % 10**9) for each in curves.values())
        lines.append(f"| {steps:,} | {ALL if photos == 10**9 else photos} | {' | '.join(map(in_words, gains))} |")
    return lines


def in_words(gain: Gain | None) -> str:
    """A gain with its deviation, and a mark where it is beyond two of them."""
    if gain is None:
        return "–"
    sd = "" if gain.spread.sd is None else f" ± {gain.spread.sd:.3f}"
    mark = " ▲" if gain.is_beyond_two_sd and gain.spread.mean > 0 else " ▼" if gain.is_beyond_two_sd else ""
    return f"{gain.spread.mean:+.3f}{sd}{mark} (n = {gain.spread.n})"


def draw(curves: dict[Measurement, Curves], path: Path) -> None:
    """Write the plot as SVG, a panel for each test set; equal figures give equal bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    photos = sorted({number or 10**9 for each in curves.values() for line in each.values() for number in line})
    with matplotlib.rc_context({"svg.hashsalt": "worth", "svg.fonttype": "none", "font.size": 11}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        for axes, (measurement, each) in zip(panels, curves.items(), strict=True):
            for index, (steps, line) in enumerate(sorted(each.items())):
                there = [number for number in photos if number % 10**9 in line]
                gains = [line[number % 10**9].spread for number in there]
                axes.errorbar(
                    [photos.index(number) + 0.06 * index for number in there], [gain.mean for gain in gains],
                    yerr=[gain.sd or 0.0 for gain in gains], marker="o", capsize=3, label=f"{steps:,} steps",
                )  # fmt: skip
            axes.axhline(0.0, color="0.4", linewidth=1)
            axes.set_title(column_title(measurement))
            axes.set_xticks(range(len(photos)), [ALL if number == 10**9 else str(number) for number in photos])
            axes.set_xlabel("photographs")
            axes.grid(axis="y", alpha=0.3)
        panels[0].set_ylabel("gain over the twin, dB")
        panels[-1].legend(frameon=False)
        with replaced(path) as part:
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": "kdsr"})


if __name__ == "__main__":
    typer.run(main)
