"""The card of one network as HTML: what it is, what it measures, how it was made, and how to check all that. Every text
of a card is escaped.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from kdsr.tasks import find_task
from kdsr.train import last_stage
from kdsr.ui import texts
from kdsr.ui.models.chart import conditions_text
from kdsr.ui.models.compression import compression_rows
from kdsr.ui.models.published import Key
from kdsr.ui.models.rows import figures_of, is_number, measure_title, timings_of, twin_gains
from kdsr.ui.models.table import ROLES
from kdsr.zoo import Card, Figure

_TELLS = ("loss", "batch_size", "patch_px", "learning_rate", "precision")
"""The keys of a recipe that stand before the whole of it."""


def head(card: Card, cards: Sequence[Card]) -> str:
    """Name, role and link, what the network is, and what its teacher gave it; `cards` are those of the zoo."""
    shape = ", ".join(f"{name} {value}" for name, value in card.arguments.items())
    gains = twin_gains(card, cards)
    return (
        f'<div class="run-head"><h2>{escape(str(card.title))}</h2><span class="badge {card.role}">{ROLES[card.role]}</span></div>'
        f'<p class="about"><code>{escape(card.name)}</code> · {escape(find_task(card.task).title)} · {escape(f"{card.architecture} ({shape}){_bits(card)}")} · '
        f'<a class="share" href="?model={escape(card.name, quote=True)}">Copy link</a></p><p class="tells">{_role(card, cards)}</p>'
        + (f'<p class="tells gain">{escape(_gain(gains, card.task))}</p>' if gains else "")
    )


def _bits(card: Card) -> str:
    """The precision, where it is not the usual one."""
    return "" if card.precision == "float32" else f", {card.precision}"


def _role(card: Card, cards: Sequence[Card]) -> str:
    """What a network of that role is for, or what it was made from."""
    if card.compressed_from:
        how = (
            "Its convolutions are of 8-bit integers, made"
            if card.precision == "int8"
            else "Its channels are the stronger ones"
        )
        return f"{how} from {_link(card.compressed_from, cards)}."
    if card.role == "student" and card.teacher:
        return f"{texts.ROLE_TELLS['student']} It learnt from {_link(card.teacher, cards)}."
    return texts.ROLE_TELLS[card.role]


def _gain(gains: Mapping[Key, float], task: str) -> str:
    """What the teacher gave: the difference to the same student without one."""
    parts = [f"{gain:+.2f} dB on {measure_title(measure, task)}" for measure, gain in gains.items()]
    return f"What the teacher gave, over the twin: {', '.join(parts)}."


def body(card: Card, cards: Sequence[Card]) -> str:
    """Everything else that the card says."""
    parts = (
        ("PSNR and SSIM", _figures(card, cards)), ("Latency", _latencies(card)), ("Compression", _compression(card, cards)),
        ("Facts", _facts(card, cards)), ("Photographs", _photographs(card)),
        ("Training", _training(card, cards)), ("Check it", _check(card)), ("Notes", f"<p>{escape(str(card.notes))}</p>" if card.notes else ""),
    )  # fmt: skip
    return "".join(f"<h3>{title}</h3>{html}" for title, html in parts if html)


def _figures(card: Card, cards: Sequence[Card]) -> str:
    """A row for each figure, with the worst picture and the distance to the twin."""
    figures, gains = figures_of(card), twin_gains(card, cards)
    if not figures:
        return f'<p class="about">{texts.NO_FIGURES}</p>'
    heads = ("Set", "PSNR", "SSIM", "Worst", *(["Over twin"] if gains else []))
    rows = [
        (
            escape(measure_title(measure, card.task)), f"{figure.psnr_db:.2f}", f"{figure.ssim:.4f}" if is_number(figure.ssim) else texts.NONE,
            f"{figure.worst_psnr_db:.2f} <small>{escape(str(figure.worst_picture))}</small>" if is_number(figure.worst_psnr_db) else texts.NONE,
            *([f"{gains[measure]:+.2f}" if measure in gains else texts.NONE] if gains else []),
        )
        for measure, figure in figures.items()
    ]  # fmt: skip
    return _table("Figures", heads, rows) + f'<p class="foot">In dB, on {escape(_conventions(figures.values()))}.</p>'


def _conventions(figures: Iterable[Figure]) -> str:
    """What the figures were taken on, each convention once, and none that another one only adds to."""
    stated = list(dict.fromkeys(str(figure.convention) for figure in figures))
    return "; ".join(one for one in stated if not any(other != one and other.startswith(one) for other in stated))


def _latencies(card: Card) -> str:
    """A row for each runtime, per place in which it was timed."""
    html, timings = "", timings_of(card)
    for where in dict.fromkeys(timing.conditions for timing in timings):
        here = [timing for timing in timings if timing.conditions == where]
        rows = [
            (
                escape(f"{each.runtime}, {each.precision}"),
                texts.milliseconds(each.network_ms / 1000),
                texts.milliseconds(each.end_to_end_ms / 1000),
            )
            for each in here
        ]
        repeats = (
            f"Median of {max(each.repeats for each in here)} warm runs, " if all(each.repeats for each in here) else ""
        )
        html += (
            _table("Latency", ("Runtime", "Network", "End to end"), rows)
            + f'<p class="foot">{repeats}{escape(conditions_text(where))}.</p>'
        )
    return html


def _compression(card: Card, cards: Sequence[Card]) -> str:
    """The network beside its teacher and what was made smaller of it."""
    heads, rows, foot = compression_rows(card, cards)
    return _table("Compression", heads, rows) + f'<p class="foot">{foot}</p>' if rows else ""


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A small table of cells that are HTML already; the first of each row names it."""
    first = "".join(f'<th scope="col">{name}</th>' for name in heads)
    lines = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for name, *cells in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table class="zoo small"><thead><tr>{first}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _facts(card: Card, cards: Sequence[Card]) -> str:
    """The numbers that fit in no table."""
    facts = {
        "Parameters": f"{card.parameters:,}",
        "MACs": f"{texts.counted(card.macs_per_output_megapixel)} per megapixel of the result",
        "File": f"{card.file_bytes:,} bytes, safetensors",
        "Licence": escape(str(card.licence)),
        "Steps": f"{card.steps:,}, seed {escape(str(card.seed))}",
        "Trained on": escape(str(card.trained_on)),
        "Teacher": _link(card.teacher, cards),
        "Twin": _link(card.twin, cards),
    }
    return _list(facts)


def _list(facts: Mapping[str, str]) -> str:
    return (
        "<dl>"
        + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items() if value)
        + "</dl>"
    )


def _link(name: str | None, cards: Sequence[Card]) -> str:
    """The network `name`: a button that shows its card, where that is there."""
    found = next((card for card in cards if card.name == name), None)
    if found is None:
        return f"<code>{escape(str(name))}</code>" if name else ""
    return f'<button type="button" class="link" data-network="{escape(found.name, quote=True)}">{escape(str(found.title))}</button>'


def _photographs(card: Card) -> str:
    """The packs, with their licences folded away."""
    if not card.data:
        return ""
    packs = {
        escape(str(pack.get("pack", "unnamed"))): f"{escape(str(pack.get('pictures', '?')))} photographs"
        for pack in card.data
    }
    given = [pack.get("licences") for pack in card.data]
    licences = dict.fromkeys(
        str(each) for licences in given if isinstance(licences, (list, tuple)) for each in licences
    )
    lines = "".join(f"<li>{escape(each)}</li>" for each in licences)
    return _list(packs) + (
        f'<details class="fold"><summary>Their {len(licences)} licences</summary><ul>{lines}</ul></details>'
        if lines
        else ""
    )


def _training(card: Card, cards: Sequence[Card]) -> str:
    """The stages before this network, oldest first, and its recipe."""
    stages = "".join(f"<li>{_stage(stage, cards)}</li>" for stage in card.history)
    before = f'<p class="about">It went on from, oldest first:</p><ol>{stages}</ol>' if stages else ""
    if not card.recipe:
        return before
    run = last_stage(card.recipe)
    tells = {
        name.replace("_", " ").replace(" px", ", px").capitalize(): escape(str(run[name]))
        for name in _TELLS
        if name in run
    }
    recipe = escape(json.dumps(card.recipe, indent=2, ensure_ascii=False, default=str))
    return f'{before}{_list(tells)}<details class="fold"><summary>The whole recipe</summary><pre class="log" tabindex="0">{recipe}</pre></details>'


def _stage(stage: Mapping[str, Any], cards: Sequence[Card]) -> str:
    """One stage of `history`."""
    recipe = stage.get("recipe")
    teacher = last_stage(recipe).get("teacher") if isinstance(recipe, Mapping) else None
    steps = f": {stage['steps']:,} steps" if is_number(stage.get("steps")) else ""
    taught = f", taught by {_link(str(teacher), cards)}" if teacher else ""
    return f"<code>{escape(str(stage.get('name', 'unnamed')))}</code>{steps}{taught}; {escape(str(stage.get('trained_on', '')))}"


def _check(card: Card) -> str:
    """The command that measures the figures again, and the sum that the weights must have."""
    sets = ", ".join(dict.fromkeys(name for name, _ in figures_of(card)))
    command = (
        f'<pre class="log once" tabindex="0">{escape(f"kdsr card verify {shlex.quote(card.name)} --data FOLDER")}</pre>'
    )
    measured = (
        f'{command}<p class="foot">FOLDER holds {escape(sets)}; each figure must come back within 0.01 dB.</p>'
        if sets
        else ""
    )
    return f"{measured}{_list({'SHA-256': f'<code>{escape(str(card.sha256))}</code>'})}"
