"""Small networks with random weights, made on the spot, each with its card."""

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import torch

from kdsr.models import build_model, count_macs, count_parameters
from kdsr.tasks import find_task
from kdsr.zoo import Card, Catalog, save_weights, sha256_of, write_card


def add_network(
    folder: Path,
    name: str,
    task: str,
    role: str,
    architecture: str,
    arguments: dict[str, int],
    *,
    seed: int = 0,
    **given: Any,
) -> Card:
    """The card of a network written into `folder`; `given` are further fields of the card."""
    state, parameters, macs = _random(task, architecture, tuple(arguments.items()), seed)
    path = save_weights(state, folder / f"{name}.safetensors")
    usual = {
        "title": f"The {role}",
        "licence": "Apache-2.0",
        "trained_on": "nothing: random weights",
        "steps": 0,
        "seed": seed,
    }
    card = Card(
        name=name,
        task=task,
        role=role,
        architecture=architecture,
        arguments=arguments,
        parameters=parameters,
        macs_per_output_megapixel=macs,
        file_bytes=path.stat().st_size,
        sha256=sha256_of(path),
        **usual | given,
    )
    write_card(card, path.with_suffix(".json"))
    return card


@cache
def _random(
    task: str, architecture: str, arguments: tuple[tuple[str, int], ...], seed: int
) -> tuple[dict[str, torch.Tensor], int, int]:
    """Weights, parameters and multiply-accumulates of a random network; made once, since most tests want the same."""
    torch.manual_seed(seed)
    network = build_model(architecture, find_task(task).scale, dict(arguments), planes=find_task(task).planes)
    return network.state_dict(), count_parameters(network), count_macs(network)


TINY = {
    "tiny_x4_teacher":      ("sr_x4",   "teacher", "residual",  {"width": 8, "blocks": 2}),
    "tiny_x4_student":      ("sr_x4",   "student", "plain", {"width": 8, "depth": 3}),
    "tiny_x4_twin":         ("sr_x4",   "twin",    "plain", {"width": 8, "depth": 3}),
    "tiny_denoise_student": ("denoise", "student", "plain", {"width": 8, "depth": 3, "unshuffle": 2}),
}  # fmt: skip
"""Name: task, role, architecture, arguments. The last one needs sides that are multiples of 2."""


def write_random_network(folder: Path, name: str, *, seed: int = 0) -> Card:
    """The card of the network `name` of `TINY`, written into `folder` with random weights."""
    task, role, architecture, arguments = TINY[name]
    others = {"teacher": "tiny_x4_teacher", "twin": "tiny_x4_twin"} if role == "student" and task == "sr_x4" else {}
    return add_network(
        folder, name, task, role, architecture, arguments, seed=seed, title=name.replace("_", " "), **others
    )


def add_sharp_partner(folder: Path, name: str, partner: str, *, seed: int = 7, **given: Any) -> Card:
    """The card of `partner`, written into `folder`: the network `name` with its weights moved by up to a tenth, as if
    trained on from it for looks.
    """
    catalog = Catalog(folder)
    faithful = catalog.find(name)
    random = torch.Generator().manual_seed(seed)
    state = {
        key: value + 0.1 * (torch.rand(value.shape, generator=random) - 0.5)
        for key, value in catalog.load(name).state_dict().items()
    }
    path = save_weights(state, folder / f"{partner}.safetensors")
    usual = {
        "title": f"{faithful.title}, for looks",
        "recipe": {"teaching": {"terms": [{"loss": "critic", "weight": 0.1}]}},
        "history": (*faithful.history, {"name": faithful.name, "sha256": faithful.sha256}),
        "twin": None,
    }
    card = dataclasses.replace(faithful, name=partner, sha256=sha256_of(path), **usual | given)
    write_card(card, path.with_suffix(".json"))
    return card
