"""The card of one network as HTML: its facts, figures, training, and how to check them. Every text is escaped."""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from kdsr.tasks import find_task
from kdsr.train import last_stage
from kdsr.ui import style_texts, texts
from kdsr.ui.html import joined, region
from kdsr.ui.models.compression import compression_rows
from kdsr.ui.models.looks import gain_in_looks, look_table, looks_comparison
from kdsr.ui.models.rows import conditions_text, figures_of, is_number, measure_title, timings_of, twin_gains
from kdsr.ui.models.table import ROLES
from kdsr.zoo import Card, Figure, FigureKey

_RECIPE_KEYS = ("loss", "batch_size", "patch_px", "learning_rate", "precision")
"""The keys of a recipe that are shown above the full recipe."""
_FOLD = Markup('<details class="fold"><summary>{}</summary>{}</details>')


def head(card: Card, cards: Sequence[Card]) -> Markup:
    """Name, role and link, what the network is, and its gain from the teacher; `cards` are those of the zoo."""
    shape = ", ".join(f"{name} {value}" for name, value in card.arguments.items())
    gains = gain_in_looks(card, cards) if card.is_for_looks else _gain(twin_gains(card, cards), card.task)
    looks = looks_comparison(card, cards)
    return joined(
        (
            Markup('<div class="run-head"><h2>{}</h2><span class="badge {}">{}</span></div>').format(
                str(card.title), card.role, ROLES[card.role]
            ),
            Markup(
                '<p class="about"><code>{name}</code> · {} · {} · '
                '<a class="share" href="?model={name}" data-address="model={name}">Copy link</a></p>'
            ).format(find_task(card.task).title, f"{card.architecture} ({shape}){_precision(card)}", name=card.name),
            Markup('<p class="tells">{}</p>').format(_role(card, cards)),
            Markup('<p class="tells">{}</p>').format(looks) if looks else "",
            Markup('<p class="tells gain">{}</p>').format(gains) if gains else "",
        )
    )


def _precision(card: Card) -> str:
    """The precision, where it is not float32."""
    return "" if card.precision == "float32" else f", {card.precision}"


def _role(card: Card, cards: Sequence[Card]) -> Markup:
    """What a network of that role is for, or what it was compressed from."""
    if card.compressed_from:
        how = "With 8-bit integer convolutions" if card.precision == "int8" else "Only the strongest channels are kept"
        return Markup("{}. Compressed from {}.").format(how, _link(card.compressed_from, cards))
    if card.role == "student" and card.teacher:
        return Markup("{} Distilled from {}.").format(texts.ROLE_TELLS["student"], _link(card.teacher, cards))
    return Markup("{}").format(texts.ROLE_TELLS[card.role])


def _gain(gains: Mapping[FigureKey, float], task: str) -> str:
    """The gain from the teacher: the difference to the same student without one; empty where it is not known."""
    if not gains:
        return ""
    parts = [f"{gain:+.2f} dB on {measure_title(measure, task)}" for measure, gain in gains.items()]
    return f"Gain from the teacher, over the twin: {', '.join(parts)}."


def body(card: Card, cards: Sequence[Card]) -> Markup:
    """Everything else that the card says, under headings."""
    parts = (
        ("PSNR and SSIM", _figures(card, cards)),
        ("Looks", _looks(card)),
        ("Latency", _latencies(card)),
        ("Compression", _compression(card, cards)),
        ("Facts", _facts(card, cards)),
        ("Photographs", _photographs(card)),
        ("Training", _training(card, cards)),
        ("Check it", _check(card)),
        ("Notes", Markup("<p>{}</p>").format(str(card.notes)) if card.notes else ""),
    )
    return joined(Markup("<h3>{}</h3>{}").format(title, html) for title, html in parts if html)


def _figures(card: Card, cards: Sequence[Card]) -> Markup:
    """A row for each figure, with the worst picture and the distance to the twin."""
    figures, gains = figures_of(card), {} if card.is_for_looks else twin_gains(card, cards)
    if not figures:
        why = texts.NO_FIGURES if find_task(card.task).has_truth else f"{style_texts.NO_PSNR}."
        return Markup('<p class="about">{}</p>').format(why)
    heads = ("Set", "PSNR", "SSIM", "Worst", *(["Over twin"] if gains else []))
    rows = [
        (
            measure_title(measure, card.task),
            f"{figure.psnr_db:.2f}",
            f"{figure.ssim:.4f}" if is_number(figure.ssim) else texts.NONE,
            _worst(figure),
            *([f"{gains[measure]:+.2f}" if measure in gains else texts.NONE] if gains else []),
        )
        for measure, figure in figures.items()
    ]
    return _table("Figures", heads, rows) + _foot(f"In dB, on {_conventions(figures.values())}.")


def _looks(card: Card) -> Markup:
    """A row for each figure for looks."""
    heads, rows, foot = look_table(card)
    return _table("Figures for looks", heads, rows) + _foot(foot) if rows else Markup("")


def _worst(figure: Figure) -> str:
    """The lowest PSNR of a picture of the set, and that picture."""
    if not is_number(figure.worst_psnr_db):
        return texts.NONE
    return Markup("{:.2f} <small>{}</small>").format(figure.worst_psnr_db, str(figure.worst_picture))


def _conventions(figures: Iterable[Figure]) -> str:
    """The conventions of `figures`, each once, and none that another one only adds to."""
    stated = list(dict.fromkeys(str(figure.convention) for figure in figures))
    return "; ".join(one for one in stated if not any(other != one and other.startswith(one) for other in stated))


def _latencies(card: Card) -> Markup:
    """A table for each set of conditions, with a row for each runtime."""
    html, timings = Markup(""), timings_of(card)
    for where in dict.fromkeys(timing.conditions for timing in timings):
        here = [timing for timing in timings if timing.conditions == where]
        rows = [
            (
                f"{each.runtime}, {each.precision}",
                # earlier cards timed a pass of its own, which may take longer than the whole with its 8-bit ends
                texts.milliseconds(each.network_ms / 1000) if each.network_ms <= each.end_to_end_ms else texts.NONE,
                texts.milliseconds(each.end_to_end_ms / 1000),
            )
            for each in here
        ]
        is_counted = all(each.repeats for each in here)
        repeats = f"Median of {max(each.repeats for each in here)} warm runs, " if is_counted else ""
        html += _table(f"Latency, {conditions_text(where)}", ("Runtime", "Network", "End to end"), rows) + _foot(
            f"{repeats}{conditions_text(where)}."
        )
    return html


def _compression(card: Card, cards: Sequence[Card]) -> Markup:
    """The network beside its teacher and the networks compressed from it."""
    heads, rows, foot = compression_rows(card, cards)
    return _table("Compression", heads, rows) + _foot(foot) if rows else Markup("")


def _foot(text: str) -> Markup:
    return Markup('<p class="foot">{}</p>').format(text)


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A small table; the first cell of each row is its heading."""
    first = joined(Markup('<th scope="col">{}</th>').format(name) for name in heads)
    lines = joined(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            name, joined(Markup("<td>{}</td>").format(cell) for cell in cells)
        )
        for name, *cells in rows
    )
    table = Markup('<table class="zoo small"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>')
    return region(title, table.format(first, lines))


def _facts(card: Card, cards: Sequence[Card]) -> Markup:
    """The numbers that fit in no table."""
    return _list({
        "Parameters": f"{card.parameters:,}",
        "MACs": f"{texts.counted(card.macs_per_output_megapixel)} per megapixel of the result",
        "File": f"{card.file_bytes:,} bytes, safetensors" if card.file_bytes else "",
        "Licence": str(card.licence),
        **_training_facts(card),
        "Teacher": _link(card.teacher, cards),
        "Twin": _link(card.twin, cards),
    })  # fmt: skip


def _training_facts(card: Card) -> dict[str, str]:
    """How a network was trained; of a published one, who made it and where its weights are from."""
    if not card.published:
        return {"Steps": f"{card.steps:,}, seed {card.seed}", "Trained on": str(card.trained_on)}
    stated = {name: str(card.published.get(name, "")) for name in ("authors", "source", "package")}
    return {
        "Published by": stated["authors"],
        "Source": stated["source"],
        "Package": f"{stated['package']}, converted to our format with the same numbers",
        "Trained on": str(card.trained_on),
    }


def _list(facts: Mapping[str, str]) -> Markup:
    """A definition list of those `facts` that are not empty."""
    line = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
    return Markup("<dl>{}</dl>").format(joined(line.format(name, value) for name, value in facts.items() if value))


def _link(name: str | None, cards: Sequence[Card]) -> Markup:
    """The network `name`: a button that shows its card, where the zoo holds it."""
    found = next((card for card in cards if card.name == name), None)
    if found is None:
        return Markup("<code>{}</code>").format(str(name)) if name else Markup("")
    button = Markup('<button type="button" class="link" data-network="{}">{}</button>')
    return button.format(found.name, str(found.title))


def _photographs(card: Card) -> Markup:
    """The packs of training photographs, with their licences folded away."""
    if not card.data:
        return Markup("")
    packs = joined(
        Markup("<li>{} {}</li>").format(str(pack.get("pictures", "?")), _pack_words(str(pack.get("pack", "unnamed"))))
        for pack in card.data
    )
    given = [pack.get("licences") for pack in card.data]
    licences = dict.fromkeys(str(each) for some in given if isinstance(some, (list, tuple)) for each in some)
    lines = joined(Markup("<li>{}</li>").format(each) for each in licences)
    folded = _FOLD.format(f"Their {len(licences)} licences", Markup("<ul>{}</ul>").format(lines)) if lines else ""
    return joined((Markup('<ul class="plain">{}</ul>').format(packs), folded))


def _pack_words(name: str) -> str:
    """What the pack `name` holds."""
    return texts.PACKS.get(name, f"photographs of {name}")


def _training(card: Card, cards: Sequence[Card]) -> Markup:
    """The stages before this network, oldest first, and its recipe."""
    stages = joined(Markup("<li>{}</li>").format(_stage(stage, cards)) for stage in card.history)
    before = Markup('<p class="about">Training history:</p><ol>{}</ol>').format(stages) if stages else Markup("")
    if not card.recipe:
        return before
    run = last_stage(card.recipe)
    main = {
        name.replace("_", " ").replace(" px", ", px").capitalize(): str(run[name])
        for name in _RECIPE_KEYS
        if name in run
    }
    recipe = json.dumps(card.recipe, indent=2, ensure_ascii=False, default=str)
    folded = _FOLD.format("Full recipe", Markup('<pre class="log" tabindex="0">{}</pre>').format(recipe))
    return joined((before, _list(main), folded))


def _stage(stage: Mapping[str, Any], cards: Sequence[Card]) -> Markup:
    """One stage of `history`."""
    recipe = stage.get("recipe")
    teacher = last_stage(recipe).get("teacher") if isinstance(recipe, Mapping) else None
    return Markup("<code>{}</code>{}{}; {}").format(
        str(stage.get("name", "unnamed")),
        f": {stage['steps']:,} steps" if is_number(stage.get("steps")) else "",
        Markup(", taught by {}").format(_link(str(teacher), cards)) if teacher else "",
        str(stage.get("trained_on", "")),
    )


def _check(card: Card) -> Markup:
    """The command that measures the figures again, and the checksum of the weights."""
    sets = ", ".join(dict.fromkeys(key.set for key in figures_of(card)))
    command = Markup('<pre class="log once" tabindex="0">{}</pre>').format(
        f"kdsr card verify {shlex.quote(card.name)} --data FOLDER"
    )
    again = _foot(f"FOLDER must hold {sets}; each figure must be reproduced within 0.01 dB.")
    measured = (command, again) if sets else ()
    sha256 = Markup("<code>{}</code>").format(str(card.sha256)) if card.sha256 else ""
    return joined((*measured, _list({"SHA-256": sha256})))
