"""Make trained networks the released ones: weights, recipe, measured figures, what the card says of twin and teacher,
README.

    python scripts/release.py NAME... --from runs/weights --recipes recipes/planned --data TESTSETS python
    scripts/release.py [NAME... as above] --latencies    # on an idle machine: the latency of every shape (or of
    NAMEs'), into all cards of it python scripts/release.py --tables                          # write the tables of
    README.md and docs/training.md anew, nothing else

What is released is chosen on held-out photographs, before; here the test sets are measured once. A network of the shape
of the one that it replaces keeps that one's latencies, and one of the shape of another released one takes them over:
what is timed is the graph, whatever its numbers.
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kdsr.bench.evaluate import evaluate
from kdsr.bench.latency import measure_card_latency
from kdsr.bench.verify import measure_card
from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.tasks import TASKS, Task
from kdsr.train import last_stage
from kdsr.zoo import Card, Catalog, Figure, read_card, write_card

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS, RECIPES, README, TRAINING = (
    ROOT / "weights",
    ROOT / "recipes",
    ROOT / "README.md",
    ROOT / "docs" / "training.md",
)
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
BASELINES = {"bicubic": ("bicubic", "bicubic"), "photo": ("bicubic", "bicubic"), "jpeg": ("unprocessed", "the JPEG itself"),
             "holes": ("navier-stokes", "Navier-Stokes (OpenCV)")}  # fmt: skip
"""By degradation: what stands below the networks, and its name in the table. Noise has none that is of use."""
SECOND_SETS = {"jpeg": "BSD100", "photo": "BSD100"}
"""Where several sets are measured at several strengths, the one that the README shows."""


def main() -> None:
    """Release, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--from", type=Path, dest="source", default=Path("runs/weights"))
    parser.add_argument("--recipes", type=Path, default=RECIPES / "planned")
    parser.add_argument("--data", type=Path, help="folder of the test sets")
    parser.add_argument("--latencies", action="store_true")
    parser.add_argument("--tables", action="store_true")
    options = parser.parse_args()
    if options.names and options.data is None:
        parser.error("measuring needs --data, the folder of the test sets")
    settings = Settings(weights_dir=WEIGHTS)
    for name in options.names:
        before = read_card(WEIGHTS / f"{name}.json") if (WEIGHTS / f"{name}.json").is_file() else None
        for suffix in (".safetensors", ".json"):
            shutil.copy2(options.source / f"{name}{suffix}", WEIGHTS)
        card = read_card(WEIGHTS / f"{name}.json")
        if not card.compressed_from:  # its card holds its plan
            shutil.copy2(options.recipes / f"{name}.json", RECIPES)
        card, _ = measure_card(
            card, options.data, Catalog(WEIGHTS), settings, on_figure=lambda figure: tell(f"  {figure.psnr_db:.2f}")
        )
        alike = [
            other
            for other in (before, *Catalog(WEIGHTS).cards)
            if other and other.latency and shape(other) == shape(card)
        ]
        card = replace(card, latency=alike[0].latency if alike else ())
        write_card(card, WEIGHTS / f"{name}.json")
        tell(f"{name}: measured")
    for card in Catalog(WEIGHTS).cards:
        if card.role == "student" and (card.name in options.names or f"{card.name}-twin" in options.names):
            write_card(compared(card, Catalog(WEIGHTS)), WEIGHTS / f"{card.name}.json")
    if options.latencies:
        time_shapes(settings, options.names)
    README.write_text(with_tables(README.read_text(encoding="utf-8"), options.data, settings), encoding="utf-8")
    TRAINING.write_text(with_runs(TRAINING.read_text(encoding="utf-8")), encoding="utf-8")


def time_shapes(settings: Settings, names: list[str]) -> None:
    """Time one network of every shape (that `names` have, where there are any), and write that into the cards of all of
    it; what was taken on other machines stays."""
    catalog = Catalog(WEIGHTS)
    wanted = [shape(catalog.find(name)) for name in names]
    for card in catalog.cards:
        alike = [other for other in catalog.cards if shape(other) == shape(card)]
        if card is alike[0] and (not wanted or shape(card) in wanted):
            timed, taken = measure_card_latency(card, catalog, settings)
            for other in alike:
                write_card(replace(other, latency=timed.latency), WEIGHTS / f"{other.name}.json")
            tell(
                f"{', '.join(other.name for other in alike)}: {', '.join(f'{one.runtime} {one.end_to_end_ms:.1f} ms' for one in taken)}"
            )


def shape(card: Card) -> tuple[object, ...]:
    """What decides how long a network takes."""
    task = TASKS[card.task]
    return card.architecture, card.arguments, task.scale, task.planes, card.precision


def compared(student: Card, catalog: Catalog) -> Card:
    """`student` with what its card says of its twin, and of a teacher that it is ahead of."""
    notes = []
    if (WEIGHTS / f"{student.name}-twin.json").is_file():
        twin = catalog.find(f"{student.name}-twin")
        gains = [
            f"{label(a)} {a.psnr_db - b.psnr_db:+.3f} dB and {a.ssim - b.ssim:+.4f} SSIM"
            for a, b in zip(student.figures, twin.figures, strict=True)
        ]
        notes.append(
            f"Over its twin (same start, steps, photographs and seed, no teacher; one seed): {', '.join(gains)}."
        )
        student = replace(student, twin=twin.name)
    teacher = catalog.find(student.teacher) if student.teacher else None
    behind = (
        [label(a) for a, b in zip(student.figures, teacher.figures, strict=True) if b.psnr_db <= a.psnr_db]
        if teacher
        else []
    )
    if behind:
        notes.append(f"Its teacher is behind it on {', '.join(behind)}.")
    return replace(student, notes=" ".join(notes))


def label(figure: Figure) -> str:
    """A figure's set and strength in words."""
    return figure.set if figure.strength is None else f"{figure.set} {figure.strength_name} {strength_text(figure)}"


def strength_text(figure: Figure) -> str:
    """Without a unit: `25.0`, as the card has it, or a kind's name."""
    return f"{figure.strength}"


def with_tables(text: str, data: Path | None, settings: Settings) -> str:
    """README.md with the tables that follow from the cards. The row of a baseline is kept as it stands; in a new table
    it is measured.
    """
    begin, end = text.index(BEGIN), text.index(END)
    sections = text[begin:end].split("\n**")[1:]
    kept = {
        part.split(",")[0].split(" (")[0]: line
        for part in sections
        for line in part.splitlines()
        if line.startswith("| ") and "| | |" in line
    }
    catalog = Catalog(WEIGHTS)
    lines, machines = [BEGIN], timed_on(catalog.cards)
    for task in TASKS.values():
        cards = catalog.for_task(task.name)
        if cards:
            lines += table(task, cards, machines, data, settings, kept)
    lines.append(
        f"The last columns are milliseconds, array to array by ONNX Runtime, 256x256 in, median of warm runs, on two cores: {places(machines)}."
    )
    lines.append(
        "The 8-bit networks gain time where a processor multiplies bytes (VNNI, AMX), and lose some where it does not.\n"
    )
    return text[:begin] + "\n".join(lines) + text[end:]


def with_runs(text: str) -> str:
    """docs/training.md with the table of all runs behind each network, from the cards; compressed ones tell theirs
    elsewhere.
    """
    begin, end = text.index(BEGIN), text.index(END)
    lines = [BEGIN, "| network | runs, the first one first |", "|---|---|"]
    for card in Catalog(WEIGHTS).cards:
        if not card.compressed_from:
            last = {"trained_on": card.trained_on, "recipe": card.recipe}
            lines.append(
                f"| [`{card.name}`](../recipes/{card.name}.json) | {'; '.join(run_text(run) for run in (*card.history, last))} |"
            )
    return text[:begin] + "\n".join(lines) + "\n" + text[end:]


def run_text(run: Mapping[str, Any]) -> str:
    """One run of a card, of several stages the last one: `20,000 psnr_luma, 16 x 48, taught, 17 min`."""
    recipe = {"loss": "l1", **last_stage(run["recipe"])}  # the first cards name what they set alone
    words = [f"{recipe['steps']:,} `{recipe['loss']}`", f"{recipe['batch_size']} x {recipe['patch_px']}"]
    words += ["taught"] * (recipe.get("truth_share", 1.0) < 1.0)
    return ", ".join([*words, run["trained_on"].rsplit(", ", 1)[-1].replace(" minutes", " min")])


def table(
    task: Task,
    cards: Sequence[Card],
    machines: Sequence[str],
    data: Path | None,
    settings: Settings,
    kept: dict[str, str],
) -> list[str]:
    """One task's table."""
    only = SECOND_SETS.get(task.degradation)
    shown = {card.name: [figure for figure in card.figures if only in (None, figure.set)] for card in cards}
    first = shown[cards[0].name]
    heads = [figure.set if figure.strength is None else head(figure) for figure in first]
    sets = "" if first[0].strength is None else f", {first[0].set}"
    what = "PSNR of the missing pixels in dB" if task.planes == 4 else "PSNR in dB"
    lines = [
        f"**{task.title}{sets} ({what})**",
        "",
        f"| network | role | parameters | {' | '.join([*heads, *(f'ms, {kind(machine)}' for machine in machines)])} |",
    ]
    lines.append("|" + "---|" * (len(heads) + len(machines) + 3))
    for card in cards:
        values = {(figure.set, figure.strength): f"{figure.psnr_db:.2f}" for figure in shown[card.name]}
        figures = " | ".join(values.get((figure.set, figure.strength), "") for figure in first)
        role = card.role if card.precision == "float32" else f"{card.role}, {card.precision}"
        lines.append(
            f"| `{card.name}` | {role} | {card.parameters / 1e3:.0f} K | {figures} | {' | '.join(latency(card, machine) for machine in machines)} |"
        )
    if task.degradation in BASELINES:
        model, title = BASELINES[task.degradation]
        lines.append(kept.get(task.title) or baseline(task, model, title, first, data, settings))
    return [*lines, ""]


def head(figure: Figure) -> str:
    """`sigma 15`, or the kind alone."""
    return figure.strength if isinstance(figure.strength, str) else f"{figure.strength_name} {figure.strength:g}"


def latency(card: Card, machine: str) -> str:
    """By ONNX Runtime on `machine`, in milliseconds."""
    taken = next((row for row in _timed(card) if row["machine"] == machine), None)
    return f"{taken['end_to_end_ms']:.0f}" if taken else "-"


def timed_on(cards: Sequence[Card]) -> list[str]:
    """The processors on which `cards` were timed, that of most first."""
    return [machine for machine, _ in Counter(row["machine"] for card in cards for row in _timed(card)).most_common()]


def kind(machine: str) -> str:
    """The instruction set in a processor's name."""
    return machine.rpartition(", ")[2]


def places(machines: Sequence[str]) -> str:
    """What the columns of latencies stand for."""
    return ", ".join(f"{kind(machine)} is `{machine.rpartition(', ')[0]}`" for machine in machines)


def _timed(card: Card) -> list[Mapping[str, Any]]:
    """What the card says of its latency under ONNX Runtime."""
    return [row for row in card.latency if row["runtime"] == "onnx"]


def baseline(
    task: Task, model: str, title: str, figures: Sequence[Figure], data: Path | None, settings: Settings
) -> str:
    """The row below the networks."""
    if data is None:
        raise SettingsError(
            f"The table of {task.title} has no row of {title} yet: measuring it needs --data, the folder of the test sets."
        )
    measured = (
        evaluate(model, data / f.set, task, Catalog(WEIGHTS), settings, strength=f.strength).psnr_db for f in figures
    )
    return f"| {title} | | | {' | '.join(f'{value:.2f}' for value in measured)} |"


def tell(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)  # noqa: T201 - the output of a script


if __name__ == "__main__":
    main()
