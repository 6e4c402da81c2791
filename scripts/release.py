"""Release trained networks: copy weights and recipe, measure the card's figures, write the tables of the documents.

    python scripts/release.py NAME... --from runs/weights --recipes recipes/planned --data TESTSETS
    python scripts/release.py [NAME... as above] --latencies
    python scripts/release.py --tables

The second form times one network of every shape (or of each NAME's shape) and writes the result into all cards of that
shape; run it on an idle machine. The third form only writes the tables of README.md, docs/networks.md and
docs/training.md again.

Choose what to release on held-out photographs, before; the test sets are measured here, once. A network takes over the
latencies of a released network of the same shape: the time depends on the graph, not on its weights.
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
from kdsr.bench.look_figures import LOOK_ENDS
from kdsr.bench.verify import measure_card
from kdsr.errors import SettingsError
from kdsr.metrics.looks import LOOKS, look_text
from kdsr.settings import Settings
from kdsr.tasks import TASKS, Task
from kdsr.train import last_stage
from kdsr.zoo import Card, Catalog, Figure, read_card, write_card

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS, RECIPES = ROOT / "weights", ROOT / "recipes"
README, NETWORKS, TRAINING = ROOT / "README.md", ROOT / "docs" / "networks.md", ROOT / "docs" / "training.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
BASELINES = {
    "bicubic": ("bicubic", "bicubic"),
    "photo": ("bicubic", "bicubic"),
    "jpeg": ("unprocessed", "the JPEG itself"),
    "camera": ("unprocessed", "the noisy picture itself"),
    "holes": ("navier-stokes", "Navier-Stokes (OpenCV)"),
}
"""By degradation: the baseline below the networks, and its name in the table. Denoising has no useful one."""
SHOWN_SETS = {"bicubic": "BSD100", "jpeg": "BSD100", "photo": "BSD100"}
"""By degradation: the one set that a table shows where several are measured at several strengths."""


def main() -> None:
    """Release the networks that are named and write the tables."""
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
        if not card.compressed_from:  # a compressed network's card holds its plan
            shutil.copy2(options.recipes / f"{name}.json", RECIPES)
        if TASKS[card.task].has_truth:
            card, _ = measure_card(card, options.data, Catalog(WEIGHTS), settings, on_figure=tell)
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
    README.write_text(with_defaults(README.read_text(encoding="utf-8")), encoding="utf-8")
    NETWORKS.write_text(with_tables(NETWORKS.read_text(encoding="utf-8"), options.data, settings), encoding="utf-8")
    TRAINING.write_text(with_runs(TRAINING.read_text(encoding="utf-8")), encoding="utf-8")


def time_shapes(settings: Settings, names: list[str]) -> None:
    """Time one network of every shape (or of each of `names`) into all cards of it; other machines' times stay."""
    catalog = Catalog(WEIGHTS)
    wanted = [shape(catalog.find(name)) for name in names]
    for card in catalog.cards:
        alike = [other for other in catalog.cards if shape(other) == shape(card)]
        if card is alike[0] and (not wanted or shape(card) in wanted):
            timed, taken = measure_card_latency(card, catalog, settings, tell=tell)
            for other in alike:
                write_card(replace(other, latency=timed.latency), WEIGHTS / f"{other.name}.json")
            times = ", ".join(f"{one.runtime} {one.end_to_end_ms:.1f} ms" for one in taken)
            tell(f"{', '.join(other.name for other in alike)}: {times}")


def shape(card: Card) -> tuple[object, ...]:
    """What decides how long a network takes."""
    task = TASKS[card.task]
    return card.architecture, card.arguments, task.scale, task.planes, card.precision


def compared(student: Card, catalog: Catalog) -> Card:
    """`student` with notes: its recipe's, its gain over its twin, and the figures on which its teacher is behind it."""
    notes = [text for text in [(student.recipe or {}).get("notes", "")] if text]
    if (WEIGHTS / f"{student.name}-twin.json").is_file():
        twin = catalog.find(f"{student.name}-twin")
        gains = [
            f"{label(a)} {a.psnr_db - b.psnr_db:+.3f} dB and {a.ssim - b.ssim:+.4f} SSIM"
            for a, b in zip(student.figures, twin.figures, strict=True)
        ]
        same = "same start, steps, photographs and seed, no teacher; one seed"
        notes += [f"Over its twin ({same}): {', '.join(gains)}."] if gains else []
        student = replace(student, twin=twin.name)
    teacher = next((card for card in catalog.cards if card.name == student.teacher), None)  # None: a published one
    behind = (
        [label(a) for a, b in zip(student.figures, teacher.figures, strict=True) if b.psnr_db <= a.psnr_db]
        if teacher
        else []
    )
    if behind:
        notes.append(f"Its teacher is behind it on {', '.join(behind)}.")
    return replace(student, notes=" ".join(notes))


def label(figure: Figure) -> str:
    """The set, strength and convention of noise of a figure as text."""
    if figure.strength is None:
        return figure.set
    return f"{figure.set} {figure.strength_name} {strength_text(figure)}{noise_text(figure)}"


def strength_text(figure: Figure) -> str:
    """Without a unit: `25.0`, as the card has it, or a kind's name."""
    return f"{figure.strength}"


def noise_text(figure: Figure) -> str:
    """` file` or ` laboratory`; empty for tasks without noise."""
    return f" {figure.noise}" if figure.noise else ""


def with_defaults(text: str) -> str:
    """README.md with the table of the networks that the page chooses first, from the cards."""
    begin, end = text.index(BEGIN), text.index(END)
    catalog = Catalog(WEIGHTS)
    tasks, roles_shown = [task for task in TASKS.values() if task.has_truth], ("teacher", "student")
    chosen = {task: [catalog.for_task(task.name, role)[:1] for role in roles_shown] for task in tasks}
    machine = timed_on(catalog.cards)[0]
    lines = [
        BEGIN,
        f"| task | measured on | network | parameters | PSNR in dB | ms, {kind(machine)} |",
        "|---|---|---|---|---|---|",
    ]
    for task, roles in chosen.items():
        for card in (card for cards in roles for card in cards):
            figure = usual_figure(task, card)
            row = (
                task.title,
                " ".join([figure.set, *([head(figure)] if figure.strength is not None else [])]),
                f"`{card.name}`",
                f"{card.parameters / 1e3:.0f} K",
            )
            lines.append(f"| {' | '.join(row)} | {figure.psnr_db:.2f} | {latency(card, machine)} |")
    lines.append("")
    lines.append(
        f"Milliseconds: ONNX Runtime, array to array, 256x256 in, median of warm runs, two cores. {places([machine])}."
    )
    return text[:begin] + "\n".join(lines) + "\n" + text[end:]


def usual_figure(task: Task, card: Card) -> Figure:
    """The figure of `card` on the set that the tables show, at the strength that the page begins with; of noise as in
    a file, if it was measured.
    """
    usual = None if task.strength is None else task.strength.default
    shown = SHOWN_SETS.get(task.degradation)
    found = [figure for figure in card.figures if figure.strength == usual and shown in (None, figure.set)]
    return next((figure for figure in found if figure.noise == "file"), found[0])


def with_tables(text: str, data: Path | None, settings: Settings) -> str:
    """docs/networks.md with the tables that follow from the cards.

    The row of a baseline is kept as it is; in a new table it is measured on the test sets under `data`.
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
            lines += table(task, cards, machines, data, settings, kept) + looks_table(task, cards)
    lines += [
        "The last columns are milliseconds: ONNX Runtime, array to array, 256x256 in, median of warm runs, two cores.",
        f"{places(machines)}. 8-bit networks gain time where a processor",
        "multiplies bytes (VNNI, AMX); elsewhere they are slower than float32.\n",
    ]
    return text[:begin] + "\n".join(lines) + text[end:]


def with_runs(text: str) -> str:
    """docs/training.md with the table of all runs behind each network, from the cards of those not compressed."""
    begin, end = text.index(BEGIN), text.index(END)
    lines = [BEGIN, "| network | runs, the first one first |", "|---|---|"]
    for card in Catalog(WEIGHTS).cards:
        if not card.compressed_from:
            last = {"trained_on": card.trained_on, "recipe": card.recipe}
            runs = "; ".join(run_text(run) for run in (*card.history, last))
            lines.append(f"| [`{card.name}`](../recipes/{card.name}.json) | {runs} |")
    return text[:begin] + "\n".join(lines) + "\n" + text[end:]


def run_text(run: Mapping[str, Any]) -> str:
    """One run of a card (its last stage, if it has several): `20,000 psnr_luma, 16 x 48, taught, 17 min`."""
    recipe = {"loss": "l1", **last_stage(run["recipe"])}  # the first cards hold only the keys that were set
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
    only = SHOWN_SETS.get(task.degradation) if task.strength else None
    shown = {card.name: [figure for figure in card.figures if only in (None, figure.set)] for card in cards}
    first = shown[cards[0].name]
    heads = [figure.set if figure.strength is None else head(figure) for figure in first]
    sets = "" if not first or first[0].strength is None else f", {first[0].set}"
    what = "PSNR of the missing pixels in dB" if task.planes == 4 else "PSNR in dB" if first else "no original, no PSNR"
    lines = [
        f"**{task.title}{sets} ({what})**",
        "",
        f"| network | role | parameters | {' | '.join([*heads, *(f'ms, {kind(machine)}' for machine in machines)])} |",
    ]
    lines.append("|" + "---|" * (len(heads) + len(machines) + 3))
    for card in cards:
        values = {figure.key: f"{figure.psnr_db:.2f}" for figure in shown[card.name]}
        role = card.role if card.precision == "float32" else f"{card.role}, {card.precision}"
        about = (f"`{card.name}`", role, f"{card.parameters / 1e3:.0f} K")
        figures = [values.get(figure.key, "") for figure in first]
        times = [latency(card, machine) for machine in machines]
        lines.append(f"| {' | '.join([*about, *figures, *times])} |")
    if task.degradation in BASELINES:
        model, title = BASELINES[task.degradation]
        lines.append(kept.get(task.title) or baseline(task, model, title, first, data, settings))
    return [*lines, ""]


def looks_table(task: Task, cards: Sequence[Card]) -> list[str]:
    """One task's figures for looks at its usual strength, of the networks that have any; empty if none has."""
    if not any(card.looks for card in cards):
        return []
    on = usual_figure(task, cards[0])
    found = {
        f"`{card.name}`": {each.look: each.mean for each in card.looks if (each.set, each.strength) == on.key[:2]}
        for card in cards
    }
    for end in ("bicubic", "original"):
        ends = {name: LOOK_ENDS.get((task.name, on.key, name), {}) for name in LOOKS}
        found[end] = {name: values[end] for name, values in ends.items() if end in values}
    heads = " | ".join(f"{look.title}, {look.direction.split()[0]}" for look in LOOKS.values())
    lines = [f"**{task.title}, looks on {label(on)}**", "", f"| network | {heads} |", "|---|" + "---|" * len(LOOKS)]
    for title, values in found.items():
        cells = (look_text(name, values[name]) if name in values else "-" for name in LOOKS)
        lines += [f"| {title} | {' | '.join(cells)} |"] if values else []
    return [*lines, ""]


def head(figure: Figure) -> str:
    """The column of a figure: `sigma 15 file`, or the kind of holes."""
    if isinstance(figure.strength, str):
        return figure.strength
    return f"{figure.strength_name} {figure.strength:g}{noise_text(figure)}"


def latency(card: Card, machine: str) -> str:
    """Milliseconds by ONNX Runtime on `machine` as text; `-` where it was not timed."""
    taken = next((row for row in _timed(card) if row["machine"] == machine), None)
    return f"{taken['end_to_end_ms']:.0f}" if taken else "-"


def timed_on(cards: Sequence[Card]) -> list[str]:
    """The processors on which `cards` were timed, the most frequent first; none that timed less than half as many."""
    counts = Counter(row["machine"] for card in cards for row in _timed(card))
    return [machine for machine, count in counts.most_common() if count * 2 >= max(counts.values())]


def kind(machine: str) -> str:
    """The instruction set at the end of a processor's name."""
    return machine.rpartition(", ")[2]


def places(machines: Sequence[str]) -> str:
    """Which processor each column of latencies names."""
    return ", ".join(f"{kind(machine)} is `{machine.rpartition(', ')[0]}`" for machine in machines)


def _timed(card: Card) -> list[Mapping[str, Any]]:
    """The card's latencies under ONNX Runtime."""
    return [row for row in card.latency if row["runtime"] == "onnx"]


def baseline(
    task: Task, model: str, title: str, figures: Sequence[Figure], data: Path | None, settings: Settings
) -> str:
    """The row of the baseline, measured.

    Raises:
        SettingsError: `data` is None.
    """
    if data is None:
        raise SettingsError(
            f"The table of {task.title} has no row of {title}; measuring it needs --data, the folder of the test sets."
        )
    measured = (
        evaluate(model, data / f.set, task, Catalog(WEIGHTS), settings, strength=f.strength).psnr_db for f in figures
    )
    return f"| {title} | | | {' | '.join(f'{value:.2f}' for value in measured)} |"


def tell(what: str | Figure) -> None:
    """Print a line, or the PSNR of a figure, and flush."""
    print(what if isinstance(what, str) else f"  {what.psnr_db:.2f}", flush=True)  # noqa: T201 - the output of a script


if __name__ == "__main__":
    main()
