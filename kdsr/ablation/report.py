"""The report of an ablation: mean and deviation over seeds, gains over the baseline and their significance, a plot.

Gains are paired: a trial is compared with the baseline's trial of the same seed, which had the same initial weights and
crops. Rewriting a report gives the same bytes. Not here: training (`runner`).
"""

import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from kdsr.ablation.plan import AblationPlan, Trial, TrialResult, read_results, write_in_one_step
from kdsr.files import replaced

Measurement = tuple[str, float | None]
_Figure = Callable[[TrialResult], float | None]
_HEAD = (
    "# Ablations\n\nEvery table below is written by `kdsr ablate`, from the plan of its name in `recipes/ablations`.\n"
)
_LEGEND = """PSNR in dB: mean ± standard deviation over seeds.
Gain over {baseline}, paired by seed: mean ± standard deviation of the differences.
p: two-sided paired t-test over seeds, not corrected for the number of comparisons.
▲ ▼: beyond two standard deviations of the differences. n is the number of pairs; few pairs give few degrees of freedom.
"""
_COST_LEGEND = """Worst: PSNR in dB of the worst picture, mean over seeds, and its gain.
Validation: PSNR in dB on held-out training photographs, for the choice of methods.
Times were taken with other work on the machine: median per step, and minutes of a run with reading, labelling and
measuring. Trained on {machines}.
"""
_WITHOUT_PLOT = "For a plot, install matplotlib (`pip install 'kdsr[plots]'`) and write the report again."


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n - 1) of `n` values; `sd` is None for one value."""

    n: int
    mean: float
    sd: float | None


@dataclass(frozen=True)
class Gain:
    """Paired differences to a baseline, their spread, and the two-sided p of a paired t-test; None where there is no
    spread.
    """

    spread: Spread
    p: float | None

    @property
    def is_beyond_two_sd(self) -> bool:
        """Whether the mean difference is larger than two standard deviations of the differences."""
        return self.spread.sd is not None and abs(self.spread.mean) > 2 * self.spread.sd


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of `values`; None if there are none."""
    if not values:
        return None
    return Spread(len(values), statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def paired_gain(values: Mapping[int, float], baseline: Mapping[int, float]) -> Gain | None:
    """The gain of `values` over `baseline`, both by seed, on the seeds that both have; None if there are none."""
    differences = [values[seed] - baseline[seed] for seed in values if seed in baseline]
    found = spread(differences)
    if found is None:
        return None
    if not found.sd:
        return Gain(found, None)
    t = found.mean / (found.sd / math.sqrt(found.n))
    return Gain(found, float(2 * stats.t.sf(abs(t), found.n - 1)))


def write_report(plan: AblationPlan, out_dir: Path, path: Path) -> None:
    """Write the finished trials of `plan` to the report at `path`, in place of its earlier section, with a plot beside.

    Raises:
        SettingsError: `out_dir` holds trials of another plan.
    """
    results = read_results(plan, out_dir)
    plot = path.with_name(f"{path.stem}-{plan.name}.svg")
    text = path.read_text(encoding="utf-8") if path.is_file() else _HEAD
    part = "\n".join([f"<!-- plan {plan.name} -->", *_section(plan, results, plot), f"<!-- end of {plan.name} -->"])
    place = re.compile(rf"<!-- plan {re.escape(plan.name)} -->.*?<!-- end of {re.escape(plan.name)} -->", re.DOTALL)
    text = place.sub(lambda _: part, text) if place.search(text) else f"{text.rstrip()}\n\n{part}\n"
    write_in_one_step(text, path)


def _section(plan: AblationPlan, results: Mapping[Trial, TrialResult], plot: Path) -> list[str]:
    """The lines between the marks of a plan."""
    seeds = ", ".join(str(seed) for seed in plan.seeds)
    lines = [
        f"## {plan.title or plan.name}",
        "",
        f"{len(results)} of {len(plan.trials)} runs are done: {len(plan.rows)} methods, seeds {seeds}.",
        "",
    ]
    if not results:
        return lines
    lines += [*_gain_table(plan, results), "", _LEGEND.format(baseline=_baseline(plan))]
    machines = " and ".join(sorted({result.machine for result in results.values()}))
    lines += [*_cost_table(plan, results), "", _COST_LEGEND.format(machines=machines)]
    failures = [
        f"- {plan.rows[trial.row].title}, seed {trial.seed}: {result.failed}"
        for trial, result in results.items()
        if result.failed
    ]
    if failures:
        lines += ["Runs that failed:", "", *failures, ""]
    return [*lines, f"![Gain of each method]({plot.name})" if _draw(plan, results, plot) else _WITHOUT_PLOT, ""]


def _gain_table(plan: AblationPlan, results: Mapping[Trial, TrialResult]) -> list[str]:
    header = [
        "method",
        "n",
        *(f"{column_title(measurement)} {what}" for measurement in plan.measurements for what in ("PSNR", "gain")),
    ]
    rows = []
    for row in plan.rows:
        cells = []
        for measurement in plan.measurements:
            values = _by_seed(results, row, _psnr_of(measurement))
            cells += [
                _spread_text(spread(list(values.values()))),
                _gain_text(gain_of(plan, results, row, measurement)),
            ]
        done = [result for trial, result in results.items() if trial.row == row]
        failed = sum(result.failed is not None for result in done)
        rows.append([plan.rows[row].title, f"{len(done) - failed}{f' ({failed} failed)' if failed else ''}", *cells])
    return _table(header, rows)


def _cost_table(plan: AblationPlan, results: Mapping[Trial, TrialResult]) -> list[str]:
    header = [
        "method",
        *(f"{column_title(measurement)} worst" for measurement in plan.measurements),
        "validation",
        "steps",
        "ms per step",
        "minutes",
        "cost per step",
    ]
    rows = []
    for row in plan.rows:
        cells = [_with_gain(plan, results, row, _worst_of(measurement)) for measurement in plan.measurements]
        cells.append(_with_gain(plan, results, row, lambda result: result.validation_psnr_db))
        done = [result for trial, result in results.items() if trial.row == row and not result.failed]
        baseline = [
            result.step_s for trial, result in results.items() if trial.row == plan.baseline and not result.failed
        ]
        if done:
            step_s = statistics.fmean(result.step_s for result in done)
            minutes = statistics.fmean(result.total_s for result in done) / 60
            cost = f"{step_s / statistics.fmean(baseline):.2f}x" if baseline else "–"
            cells += [f"{max(result.steps for result in done):,}", f"{1000 * step_s:.1f}", f"{minutes:.1f}", cost]
        else:
            cells += ["–"] * 4
        rows.append([plan.rows[row].title, *cells])
    return _table(header, rows)


def column_title(measurement: Measurement) -> str:
    """A set and its strength in words."""
    name, strength = measurement
    return name if strength is None else f"{name} at {strength:g}"


def _baseline(plan: AblationPlan) -> str:
    """What gains are over, in words."""
    own = any(row.baseline for row in plan.rows.values())
    return "the row before it" if own else f"'{plan.rows[plan.baseline].title}'"


def _by_seed(results: Mapping[Trial, TrialResult], row: str, figure: _Figure) -> dict[int, float]:
    """The figure of each trial of `row` that has one, by seed."""
    found = {trial.seed: figure(result) for trial, result in results.items() if trial.row == row}
    return {seed: value for seed, value in found.items() if value is not None}


def gain_of(
    plan: AblationPlan, results: Mapping[Trial, TrialResult], row: str, measurement: Measurement
) -> Gain | None:
    """The gain of `row` in PSNR, in dB, over its baseline; None if it has none, or none is measured."""
    return _gain_in(plan, results, row, _psnr_of(measurement))


def _gain_in(plan: AblationPlan, results: Mapping[Trial, TrialResult], row: str, figure: _Figure) -> Gain | None:
    """The gain of `row` in `figure` over its baseline; None if it has none, or none is measured."""
    baseline = plan.baseline_of(row)
    if baseline is None:
        return None
    return paired_gain(_by_seed(results, row, figure), _by_seed(results, baseline, figure))


def _psnr_of(measurement: Measurement) -> _Figure:
    return lambda result: result.psnr_db(measurement)


def _worst_of(measurement: Measurement) -> _Figure:
    return lambda result: next(
        (figure.worst_psnr_db for figure in result.figures if (figure.set, figure.strength) == measurement), None
    )


def _with_gain(plan: AblationPlan, results: Mapping[Trial, TrialResult], row: str, figure: _Figure) -> str:
    """The mean of `figure` over seeds, and its paired gain in brackets."""
    found, gain = spread(list(_by_seed(results, row, figure).values())), _gain_in(plan, results, row, figure)
    if found is None:
        return "–"
    return f"{found.mean:.2f}" if gain is None else f"{found.mean:.2f} ({gain.spread.mean:+.3f})"


def _spread_text(found: Spread | None) -> str:
    if found is None:
        return "–"
    return f"{found.mean:.3f}" if found.sd is None else f"{found.mean:.3f} ± {found.sd:.3f}"


def _gain_text(gain: Gain | None) -> str:
    if gain is None:
        return "–"
    mean = f"{gain.spread.mean:+.3f}"
    if gain.spread.sd is None:
        return f"{mean} (n = 1)"
    mark = "" if not gain.is_beyond_two_sd else " ▲" if gain.spread.mean > 0 else " ▼"
    p = "" if gain.p is None else f"p {gain.p:.3f}, " if gain.p >= 0.001 else "p < 0.001, "
    return f"{mean} ± {gain.spread.sd:.3f}{mark} ({p}n = {gain.spread.n})"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def _draw(plan: AblationPlan, results: Mapping[Trial, TrialResult], path: Path) -> bool:
    """Write a plot of the gains to `path` as SVG; False if matplotlib is missing. Equal figures give equal bytes."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return False
    rows = [row for row in plan.rows if plan.baseline_of(row)]
    with matplotlib.rc_context({"svg.hashsalt": plan.name, "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(8, 1.6 + 0.45 * len(rows)), layout="constrained")
        axes = figure.subplots()
        for index, measurement in enumerate(plan.measurements):
            shift = (index - (len(plan.measurements) - 1) / 2) * 0.6 / len(plan.measurements)
            gains = {place: gain_of(plan, results, row, measurement) for place, row in enumerate(rows)}
            there = {place: gain.spread for place, gain in gains.items() if gain is not None}
            means, errors = [found.mean for found in there.values()], [found.sd or 0.0 for found in there.values()]
            axes.errorbar(
                means,
                [place + shift for place in there],
                xerr=errors,
                fmt="o",
                capsize=3,
                markersize=5,
                label=column_title(measurement),
            )
        axes.axvline(0.0, color="0.4", linewidth=1)
        axes.set_yticks(range(len(rows)), [plan.rows[row].title for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(f"gain over {_baseline(plan)} in dB: mean and standard deviation over seeds")
        axes.grid(axis="x", alpha=0.3)
        axes.legend()
        with replaced(path) as part:
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": "kdsr"})
    return True
