"""Image synthesis by distillation: a generator of 64x64 greenery, and students a tenth of its size.

A GAN has no pairs, only a distribution; a teacher gives pairs, a picture for each latent code. Per seed, three students
of one network learn for the same steps of the same size on the same crops:
- `alone`: as a GAN, from the discriminator only;
- `pairs`: the teacher's picture for each code (L1 at four resolutions, and a distance in features), no discriminator;
- `both`: the two losses added.
They are judged by the Frechet distance on EfficientNet-Lite2's features, to crops that nothing was trained on.

    python examples/generator.py crops PHOTOGRAPHS... --out FOLDER
    python examples/generator.py teacher --out FOLDER
    python examples/generator.py students --out FOLDER
    python examples/generator.py measure --out FOLDER

Each step reads what the one before left in FOLDER. Training goes on where it was interrupted.
"""

import argparse
import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from greenery import make_crops
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from kdsr.distill.perceptual import perceptual
from kdsr.errors import KdsrError
from kdsr.image import Picture, write_picture
from kdsr.metrics.frechet import frechet_distance, pooled_features
from kdsr.metrics.lite import block_outputs, load_lite
from kdsr.models.generator import Generator
from kdsr.zoo import save_weights, sha256_of
from kdsr.zoo.synthesis import DrawnBy, SynthesisCard, write_synthesis

LATENT = 64
TEACHER = (144, 112, 80, 56)
STUDENT = (24, 24, 24, 20)
SAMPLES = 2048
"""Pictures of each that the distance is taken on."""
BATCH, RATE = 8, 4e-4
EMA = 0.998
"""Share of the running mean that a step keeps."""


class Discriminator(nn.Module):
    """Pictures (N, 3, 64, 64) in [0, 1] to scores (N, count), unbounded; high means "a crop of a photograph".

    Small networks judge the features of EfficientNet-Lite0 at strides 2, 4, 8 and 16, each mixed at random first, since
    few channels would decide alone. Source: Projected GANs (arXiv:2111.01007). It belongs to the training and is not
    kept; Lite2, which judges, is not in it.
    """

    BLOCKS = (0, 2, 4, 10)
    WIDTH = 64

    def __init__(self) -> None:
        super().__init__()
        with torch.no_grad():
            seen = block_outputs(load_lite(0), torch.zeros(1, 3, 64, 64), self.BLOCKS)
        self.mixtures = nn.ModuleList(nn.Conv2d(each.shape[1], self.WIDTH, 1).requires_grad_(False) for each in seen)
        self.heads = nn.ModuleList(_head(each.shape[-1], self.WIDTH) for each in seen)

    def forward(self, image: Tensor) -> Tensor:
        features = block_outputs(load_lite(0), image.contiguous(memory_format=torch.channels_last), self.BLOCKS)
        parts = zip(self.heads, self.mixtures, features, strict=True)
        return torch.cat([head(mixture(feature)).flatten(1) for head, mixture, feature in parts], dim=1).float()


def _head(side: int, width: int) -> nn.Sequential:
    """Convolutions that halve a feature of `side` pixels down to 4, then scores of every place."""
    layers: list[nn.Module] = []
    while side > 4:
        layers += [spectral_norm(nn.Conv2d(width, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        side //= 2
    layers += [spectral_norm(nn.Conv2d(width, width, 3, padding=1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, 1, 4)))


def varied(image: Tensor) -> Tensor:
    """`image` (N, 3, H, W) with place changed at random, and brightness, saturation and contrast a little, for real and
    drawn pictures alike. Where colours change much, the drawn ones become grey.

    Source: DiffAugment (arXiv:2006.10738), which lets a GAN learn from few pictures.
    """
    count, side = len(image), image.shape[-1]
    by = 2.0 * torch.rand(3, count, 1, 1, 1) - 1.0
    image = image + 0.1 * by[0]
    grey = image.mean(dim=1, keepdim=True)
    image = grey + (image - grey) * (1.0 + 0.2 * by[1])
    mean = image.mean(dim=(1, 2, 3), keepdim=True)
    image = mean + (image - mean) * (1.0 + 0.15 * by[2])
    shift = side // 8
    padded = F.pad(image, (shift,) * 4, mode="reflect")
    rows, columns = torch.randint(0, 2 * shift + 1, (2, count)).tolist()
    return torch.stack([one[:, y : y + side, x : x + side] for one, y, x in zip(padded, rows, columns, strict=True)])


def pyramid_distance(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference at 64, 32, 16 and 8 pixels, their mean: a scalar in [0, 1], 0 is best."""
    total = torch.zeros(())
    for _ in range(4):
        total = total + (drawn - wanted).abs().mean()
        drawn, wanted = F.avg_pool2d(drawn, 2), F.avg_pool2d(wanted, 2)
    return total / 4.0


@dataclass(frozen=True)
class Lesson:
    """What a generator is taught by: weights of the discriminator's and of the teacher's loss, 0 for without."""

    adversarial: float
    pairs: float


LESSONS = {"alone": Lesson(1.0, 0.0), "pairs": Lesson(0.0, 20.0), "both": Lesson(1.0, 20.0)}
"""Of the students, by their names."""


class Trainer:
    """One generator in training; its state is all that a later process needs to go on."""

    def __init__(self, widths: tuple[int, ...], lesson: Lesson, seed: int, teacher: Generator | None = None) -> None:
        torch.manual_seed(seed)
        self.lesson, self.teacher, self.done = lesson, teacher, 0
        self.generator = Generator(LATENT, widths).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.discriminator = Discriminator().to(memory_format=torch.channels_last)
        self.optimisers = [
            torch.optim.Adam(network.parameters(), RATE, betas=(0.0, 0.99), fused=True)
            for network in (self.generator, self.discriminator.heads)
        ]

    def step(self, real: Tensor) -> dict[str, float]:
        """One step of both networks on the crops `real` (N, 3, 64, 64) in [0, 1]; returns the losses."""
        said: dict[str, float] = {}
        code = torch.randn(len(real), LATENT)
        with torch.autocast("cpu", torch.bfloat16):
            drawn = self.generator(code)
            loss = torch.zeros(())
            if self.lesson.adversarial:
                scores = self.discriminator(varied(torch.cat([real, drawn.detach()])))
                judged = F.relu(1.0 - scores[: len(real)]).mean() + F.relu(1.0 + scores[len(real) :]).mean()
                said["discriminator"] = _descend(self.optimisers[1], judged)
                self.discriminator.heads.requires_grad_(False)
                fooled = -self.discriminator(varied(drawn)).mean()
                self.discriminator.heads.requires_grad_(True)
                said["fooled"] = fooled.item()
                loss = loss + self.lesson.adversarial * fooled
            if self.lesson.pairs and self.teacher is not None:
                with torch.no_grad():
                    wanted = self.teacher(code)
                distance = pyramid_distance(drawn, wanted) + 0.2 * perceptual(drawn, wanted)
                said["distance"] = distance.item()
                loss = loss + self.lesson.pairs * distance
        _descend(self.optimisers[0], loss)
        self.done += 1
        keep = min(EMA, self.done / (self.done + 10.0))
        with torch.no_grad():
            torch._foreach_lerp_(_numbers(self.average), _numbers(self.generator), 1.0 - keep)
        return said

    def state(self) -> dict[str, Any]:
        """All that changes in training."""
        networks = [self.generator, self.average, self.discriminator, *self.optimisers]
        return {"done": self.done, "networks": [network.state_dict() for network in networks]}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.done = state["done"]
        networks = [self.generator, self.average, self.discriminator, *self.optimisers]
        for network, values in zip(networks, state["networks"], strict=True):
            network.load_state_dict(values)


def _numbers(network: nn.Module) -> list[Tensor]:
    return [value for value in network.state_dict().values() if value.is_floating_point()]


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return loss.item()


def train(trainer: Trainer, crops: Tensor, steps: int, kept: Path) -> Generator:
    """The running mean of `trainer`'s generator after `steps` in all; its state lies in `kept` every 250 steps.

    The rate falls in the second half, in a line to zero: at a full rate the pictures change to the end.
    """
    if kept.is_file():
        trainer.load(torch.load(kept, weights_only=True))
    while trainer.done < steps:
        rows = torch.randint(len(crops), (BATCH,))
        real = crops[rows].float() / 255.0
        real = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, real, real.flip(3))
        for optimiser in trainer.optimisers:
            optimiser.param_groups[0]["lr"] = RATE * min(1.0, 2.0 * (1.0 - trainer.done / steps))
        said = trainer.step(real)
        if trainer.done % 250 == 0 or trainer.done == steps:
            torch.save(trainer.state(), kept)
            say(f"{kept.stem} {trainer.done}: " + ", ".join(f"{name} {value:.3f}" for name, value in said.items()))
    return trainer.average


def train_students(teacher: Generator, crops: Tensor, steps: int, seeds: int, out: Path) -> None:
    """Each student of `LESSONS` for each seed: the seeds in turn, so that an interrupted run has whole ones."""
    for seed in range(seeds):
        for name, lesson in LESSONS.items():
            train(Trainer(STUDENT, lesson, seed, teacher), crops, steps, out / f"{name}-{seed}.pt")


def kept_generator(path: Path) -> Generator:
    """The running mean of the generator whose state of training is at `path`, in eval mode."""
    network = Generator(LATENT, TEACHER if path.stem == "teacher" else STUDENT)
    network.load_state_dict(torch.load(path, weights_only=True)["networks"][1])
    return network.eval().requires_grad_(False)


def drawn_by(network: Generator, count: int, seed: int = 1234) -> Tensor:
    """`count` pictures from the same codes for every network."""
    code = torch.randn(count, LATENT, generator=torch.Generator().manual_seed(seed))
    return torch.cat([network(some) for some in code.split(64)])


def photographed(crops: Tensor, count: int) -> Tensor:
    """`count` of the 8-bit `crops` in [0, 1], every other one mirrored."""
    rows = torch.randperm(2 * len(crops), generator=torch.Generator().manual_seed(0))[:count]
    chosen = crops[rows % len(crops)].float() / 255.0
    return torch.where((rows < len(crops))[:, None, None, None], chosen, chosen.flip(3))


def measure(out: Path, samples: int) -> SynthesisCard:
    """Frechet distances of all that is in `out`, and their card, with no weights.

    Each is kept in `out`/distances.json as it comes; remove the file where something was trained anew.
    """
    crops = torch.load(_needed(out / "crops.pt"), weights_only=True)
    kept = out / "distances.json"
    known: dict[str, float] = json.loads(kept.read_text()) if kept.is_file() else {}
    truth = pooled_features(photographed(crops["held-out"], samples))
    states = [out / "teacher.pt", *(path for name in LESSONS for path in sorted(out.glob(f"{name}-*.pt")))]
    for name in ("floor", *(path.stem for path in states)):
        if name not in known:
            photographs = photographed(crops["train"], samples) if name == "floor" else None
            drawn = drawn_by(kept_generator(out / f"{name}.pt"), samples) if photographs is None else photographs
            known[name] = round(frechet_distance(pooled_features(drawn), truth), 2)
            kept.write_text(json.dumps(known))
            say(f"{name} {known[name]}")
    found = {}
    for name in ("teacher", *LESSONS):
        widths = TEACHER if name == "teacher" else STUDENT
        values = tuple(known[path.stem] for path in states if path.stem.split("-")[0] == name)
        found[name] = DrawnBy(values, widths, sum(each.numel() for each in Generator(LATENT, widths).parameters()))
    return SynthesisCard("Greenery, 64x64", "Apache-2.0", LATENT, samples, known["floor"], len(crops["train"]), found)


def release(card: SynthesisCard, out: Path) -> None:
    """Half-precision weights of the teacher, of the student taught both ways and of that without a teacher, and the
    card, in `out`/synthesis; and a sheet of what they draw from the same codes.
    """
    folder = out / "synthesis"
    folder.mkdir(exist_ok=True)
    networks, rows = dict(card.networks), []
    for name, kept in {"teacher": "teacher", "both": "both-0", "alone": "alone-0"}.items():
        network = kept_generator(out / f"{kept}.pt")
        path = save_weights(network.half().state_dict(), folder / f"{name}.safetensors")
        networks[name] = replace(networks[name], sha256=sha256_of(path))
        rows.append(torch.cat(list(drawn_by(network.float(), 8)), dim=2))
    write_synthesis(replace(card, networks=networks), out)
    sheet = torch.cat(rows, dim=1)
    levels = (sheet * 255.0).round().byte().permute(1, 2, 0).contiguous().numpy()
    write_picture(Picture(levels), out / "synthesis.png")


def _needed(path: Path) -> Path:
    """`path`, or a sentence that says what to run first."""
    if not path.is_file():
        raise SystemExit(f"{path} is not there; run this script's step '{path.stem}' first.")
    return path


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)  # noqa: T201 - the output of a script


def main() -> None:
    """One of the four steps."""
    parser = argparse.ArgumentParser(description="A generator of greenery, and students a tenth of its size.")
    parser.add_argument("step", choices=["crops", "teacher", "students", "measure"])
    parser.add_argument("photographs", nargs="*", type=Path, help="folders, for `crops`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    try:
        _run(options, out)
    except KdsrError as error:
        raise SystemExit(str(error)) from None


def _run(options: argparse.Namespace, out: Path) -> None:
    """The step that `options` name."""
    if options.step == "crops":
        make_crops(options.photographs, out)
    elif options.step == "measure":
        release(measure(out, SAMPLES), out)
    else:
        crops = torch.load(_needed(out / "crops.pt"), weights_only=True)["train"]
        if options.step == "teacher":
            train(Trainer(TEACHER, Lesson(1.0, 0.0), 0), crops, options.steps, out / "teacher.pt")
        else:
            train_students(kept_generator(_needed(out / "teacher.pt")), crops, options.steps, options.seeds, out)


if __name__ == "__main__":
    main()
