"""Random generators with their card, for tests."""

from pathlib import Path

import torch

from kdsr.models.generator import Generator
from kdsr.zoo import save_weights, sha256_of
from kdsr.zoo.synthesis import DrawnBy, SynthesisCard, write_synthesis

WIDTHS = {"teacher": (12, 8, 8, 8), "both": (4, 4, 4, 4), "alone": (4, 4, 4, 4)}


def add_generators(weights: Path, *, latent: int = 6) -> SynthesisCard:
    """The card of a teacher, its student and a student alone, written with their weights below `weights`."""
    (weights / "synthesis").mkdir(parents=True)
    networks = {"pairs": DrawnBy((40.0, 42.0), (4, 4, 4, 4), 321)}
    for seed, (name, widths) in enumerate(WIDTHS.items()):
        torch.manual_seed(seed)
        network = Generator(latent, widths)
        path = save_weights(network.state_dict(), weights / "synthesis" / f"{name}.safetensors")
        networks[name] = DrawnBy((10.0 + seed,), widths, sum(each.numel() for each in network.parameters()),
                                 sha256_of(path))  # fmt: skip
    card = SynthesisCard("Greenery", "Apache-2.0", latent, 2048, 1.25, 100, networks)
    write_synthesis(card, weights)
    return card
