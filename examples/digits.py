"""Hinton's distillation (arXiv:1503.02531) on scikit-learn's digits: teacher, student, and the same student without the
teacher.

1,797 pictures of 8 x 8 are split once: 600 to test, 300 to choose T and alpha, 897 to train on. Per seed:
- the teacher (64-256-256-10) is trained on all 897 pictures and their labels;
- both students (64-16-10) see the same 200 of these pictures and their labels, from the same start, for the same steps.
  The one with a teacher gets the teacher's scores of these 200 pictures on top, and nothing else.
The loss is alpha * cross-entropy + (1 - alpha) * T^2 * KL; alpha = 1 is the student without a teacher. T and alpha are
chosen by the mean accuracy on the 300; what is reported is the accuracy on the 600. The students' learning rate was set
on the 300 as well: at 0.003 instead of 0.01, 500 steps are too few to learn what the teacher adds, and the gain on the
600 was 0.37 ± 1.33.

    python examples/digits.py --plot

It takes about half a minute on one core and needs scikit-learn; `--plot` needs matplotlib and writes digits.svg.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.distill.scores import hinton

TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
ALPHAS = (0.0, 0.25, 0.5, 0.75)
WITHOUT = (1.0, 1.0)
"""T and alpha of the student without a teacher."""
LABELLED = 200
_BATCH = 64
_TEACHER_RATE, _STUDENT_RATE = 3e-3, 1e-2

Accuracies = dict[tuple[float, float], list[float]]
"""(T, alpha) to the accuracy in % for each seed."""


@dataclass(frozen=True)
class Pictures:
    """Pictures (N, 64) in [0, 1] and their digits (N,)."""

    image: Tensor
    digit: Tensor

    def __getitem__(self, rows: Any) -> "Pictures":
        return Pictures(self.image[rows], self.digit[rows])


@dataclass(frozen=True)
class Outcome:
    """Accuracies in %: the teacher's on the test split for each seed, the students' on both splits."""

    teacher: list[float]
    validation: Accuracies
    test: Accuracies

    def chosen(self) -> tuple[float, float]:
        """T and alpha with the best mean on the validation split."""
        return max((key for key in self.validation if key != WITHOUT), key=lambda key: mean(self.validation[key]))


def load_splits() -> tuple[Pictures, Pictures, Pictures]:
    """897 pictures for training, 300 for validation, 600 for testing: always the same split."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise SystemExit(
            "The digits come with scikit-learn, which is not installed; run: pip install scikit-learn"
        ) from None
    image, digit = load_digits(return_X_y=True)
    every = Pictures(torch.from_numpy(image).float() / 16.0, torch.from_numpy(digit).long())
    order = torch.randperm(len(digit), generator=torch.Generator().manual_seed(0))
    return every[order[900:]], every[order[600:900]], every[order[:600]]


def perceptron(*widths: int, seed: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def learn(
    network: nn.Module,
    pictures: Pictures,
    seed: int,
    *,
    steps: int,
    rate: float,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> None:
    """Adam at the learning rate `rate` on `loss(scores, rows)` of random batches; `seed` decides
    the rows.
    """
    optimiser = torch.optim.Adam(network.parameters(), rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(pictures.digit), (_BATCH,), generator=generator)
        optimiser.zero_grad()
        loss(network(pictures.image[rows]), rows).backward()
        optimiser.step()


@torch.no_grad()
def accuracy(network: nn.Module, pictures: Pictures) -> float:
    """Accuracy in %, higher is better."""
    return 100.0 * (network(pictures.image).argmax(dim=1) == pictures.digit).float().mean().item()


def train_teacher(pictures: Pictures, seed: int, steps: int) -> nn.Module:
    """The teacher, taught by labels."""
    teacher = perceptron(64, 256, 256, 10, seed=seed)
    learn(
        teacher,
        pictures,
        seed,
        steps=steps,
        rate=_TEACHER_RATE,
        loss=lambda scores, rows: F.cross_entropy(scores, pictures.digit[rows]),
    )
    return teacher


def train_student(
    pictures: Pictures, teacher_scores: Tensor, seed: int, steps: int, temperature: float, alpha: float
) -> nn.Module:
    """A student taught by labels and, unless `alpha` is 1, the teacher's scores of the same pictures."""

    def loss(scores: Tensor, rows: Tensor) -> Tensor:
        return hinton(scores, teacher_scores[rows], pictures.digit[rows], temperature=temperature, alpha=alpha)

    student = perceptron(64, 16, 10, seed=seed)
    learn(student, pictures, seed, steps=steps, rate=_STUDENT_RATE, loss=loss)
    return student


def sweep(seeds: int, steps: int) -> Outcome:
    """Teacher and students for each seed, T and alpha."""
    training, validation, test = load_splits()
    keys = [*((temperature, alpha) for temperature in TEMPERATURES for alpha in ALPHAS), WITHOUT]
    outcome = Outcome([], {key: [] for key in keys}, {key: [] for key in keys})
    for seed in range(seeds):
        teacher = train_teacher(training, seed, steps)
        outcome.teacher.append(accuracy(teacher, test))
        seen = training[torch.randperm(len(training.digit), generator=torch.Generator().manual_seed(seed))[:LABELLED]]
        with torch.no_grad():
            scores = teacher(seen.image)
        for key in keys:
            student = train_student(seen, scores, seed, steps, *key)
            outcome.validation[key].append(accuracy(student, validation))
            outcome.test[key].append(accuracy(student, test))
    return outcome


def table(outcome: Outcome) -> str:
    """Test accuracy for each T and alpha, the chosen pair, and its gain."""
    chosen = outcome.chosen()
    lines = [
        f"Test accuracy in %, mean and standard deviation of {len(outcome.teacher)} seeds; "
        "* is chosen on the validation split",
        "",
    ]
    lines.append("  T  " + "".join(f"   alpha {alpha:<4g}  " for alpha in ALPHAS))
    for temperature in TEMPERATURES:
        cells = [
            spread(outcome.test[temperature, alpha]) + ("*" if (temperature, alpha) == chosen else " ")
            for alpha in ALPHAS
        ]
        lines.append(f"{temperature:3g}  " + "".join(f"{cell:>14} " for cell in cells))
    gains = [taught - alone for taught, alone in zip(outcome.test[chosen], outcome.test[WITHOUT], strict=True)]
    lines += [
        "",
        f"teacher                  {spread(outcome.teacher)}",
        f"student without teacher  {spread(outcome.test[WITHOUT])}",
    ]
    lines += [f"student with teacher     {spread(outcome.test[chosen])}   T = {chosen[0]:g}, alpha = {chosen[1]:g}"]
    lines += [f"gain, seed by seed       {spread(gains)}   ahead in {sum(gain > 0 for gain in gains)} of {len(gains)}"]
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    """Mean and standard deviation as text."""
    return f"{mean(values):5.2f} ± {stdev(values) if len(values) > 1 else 0.0:4.2f}"


def plot(outcome: Outcome, path: Path) -> None:
    """Test accuracy over T, one line for each alpha, beside teacher and student without teacher."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise SystemExit(
            "The plot is drawn by matplotlib, which is not installed; run: pip install matplotlib"
        ) from None
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    for shade, alpha in enumerate(ALPHAS):
        rows = [outcome.test[temperature, alpha] for temperature in TEMPERATURES]
        errors = [stdev(row) if len(row) > 1 else 0.0 for row in rows]
        shifted = [temperature * (0.97 + 0.02 * shade) for temperature in TEMPERATURES]
        axes.errorbar(
            shifted, [mean(row) for row in rows], errors, marker="o", capsize=3, label=f"with teacher, alpha {alpha:g}"
        )
    axes.axhline(mean(outcome.teacher), color="black", linestyle="--", label="teacher")
    axes.axhline(mean(outcome.test[WITHOUT]), color="grey", label="without teacher")
    axes.set_xscale("log", base=2)
    axes.set_xticks(TEMPERATURES, [f"{temperature:g}" for temperature in TEMPERATURES])
    axes.set(
        xlabel="temperature T",
        ylabel="test accuracy in %",
        title=f"Students of 200 digits, {len(outcome.teacher)} seeds",
    )
    figure.legend(loc="outside lower center", fontsize="small", ncols=3)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Sweep, print the table, draw the plot if asked for."""
    parser = argparse.ArgumentParser(description="Distillation of class scores on scikit-learn's digits.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--plot", action="store_true", help="write digits.svg beside this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    outcome = sweep(options.seeds, options.steps)
    print(table(outcome))  # noqa: T201 - the output of a script
    if options.plot:
        plot(outcome, Path(__file__).with_suffix(".svg"))


if __name__ == "__main__":
    main()
