"""A measurement of speed as JSON, as a table for a terminal, and as a plot. Not here: measuring (`speed`)."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from kdsr.bench.speed import Speed, SpeedReport
from kdsr.files import replaced

WITHOUT_PLOT = "For a plot, install matplotlib (`pip install 'kdsr[plots]'`) and measure again."


def write_speed_report(report: SpeedReport, path: Path) -> Path | None:
    """Write `report` to `path` as JSON and, where matplotlib is installed, beside it as an SVG, whose path is given.

    Raises:
        OSError: a file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        part.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    plot = path.with_suffix(".svg")
    return plot if report.speeds and _draw(report, plot) else None


def speed_table(report: SpeedReport) -> str:
    """`report` as a text table, the fastest first at each size."""
    header = [
        "network",
        "runtime",
        "precision",
        "in",
        "first ms",
        "median ms",
        "p95 ms",
        "Mpx/s",
        "GFLOP/s",
        "of limit",
        "peak MB",
    ]
    rows = [header, *(_row(speed) for speed in _in_order(report.speeds))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    limits = ", ".join(f"{precision} {gflops:,.0f}" for precision, gflops in report.limits_gflops.items())
    lines.append(
        f"{report.machine}, {report.device}, {report.threads} threads; at most, in GFLOP/s: {limits or 'not measured'}."
    )
    if any(speed.speed_only for speed in report.speeds):
        lines.append("* random weights: for speed only.")
    return "\n".join(line.rstrip() for line in lines)


def _row(speed: Speed) -> list[str]:
    megabytes = "" if speed.peak_mb is None else f"{speed.peak_mb:.0f}"
    gflops = "" if speed.gflops is None else f"{speed.gflops:,.0f}"
    share = "" if speed.share_of_limit is None else f"{speed.share_of_limit:.0%}"
    times = (f"{value:.1f}" for value in (speed.first_ms, speed.median_ms, speed.p95_ms, speed.megapixels_per_s))
    return [_name(speed), speed.runtime, speed.precision, str(speed.input_side_px), *times, gflops, share, megabytes]


def _name(speed: Speed) -> str:
    return f"{speed.model}*" if speed.speed_only else speed.model


def _in_order(speeds: Sequence[Speed]) -> list[Speed]:
    return sorted(speeds, key=lambda speed: (speed.input_side_px, speed.median_ms))


def _draw(report: SpeedReport, path: Path) -> bool:
    """Write a plot of the medians to `path` as SVG, one panel per size; False if matplotlib is missing."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return False
    sides = sorted({speed.input_side_px for speed in report.speeds})
    by_side = [[speed for speed in _in_order(report.speeds) if speed.input_side_px == side] for side in sides]
    with matplotlib.rc_context({"svg.hashsalt": "kdsr", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8, 0.9 + sum(0.6 + 0.27 * len(speeds) for speeds in by_side)), layout="constrained")
        panels = figure.subplots(len(sides), 1, squeeze=False, height_ratios=[len(speeds) for speeds in by_side])[:, 0]
        for axes, side, speeds in zip(panels, sides, by_side, strict=True):
            places = range(len(speeds))
            colours = ["0.75" if speed.speed_only or speed.gflops is None else "tab:green" for speed in speeds]
            bars = axes.barh(places, [speed.median_ms for speed in speeds], color=colours)
            shares = [
                "" if speed.share_of_limit is None else f", {speed.share_of_limit:.0%} of the limit" for speed in speeds
            ]
            axes.bar_label(
                bars, [f" {speed.median_ms:.1f} ms{share}" for speed, share in zip(speeds, shares, strict=True)]
            )
            axes.set_yticks(places, [f"{_name(speed)}, {speed.runtime}, {speed.precision}" for speed in speeds])
            axes.set_ylim(len(speeds) - 0.5, -0.5)
            axes.set_xscale("log")
            axes.set_xlim(right=4 * max(speed.median_ms for speed in speeds))
            axes.set_title(f"{side} x {side} pixels in", loc="left", fontsize=10)
        panels[-1].set_xlabel(
            f"median ms, array to array; {report.machine}, {report.device}, {report.threads} threads; grey: "
            "peers and random weights"
        )
        with replaced(path) as part:
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": "kdsr"})
    return True
