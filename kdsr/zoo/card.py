"""The card of a network: what its weights are and how they were made, as `NAME.json` beside `NAME.safetensors`."""

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from kdsr.errors import KdsrError, SettingsError, WeightsError, shortened
from kdsr.files import replaced
from kdsr.tasks import NOISE_CONVENTIONS, TASKS, find_task

Role = str
ROLES = ("teacher", "student", "twin")
"""A twin is the same student, trained with the same steps, seed and data, without a teacher."""
PRECISIONS = ("float32", "int8")
KEPT_CARDS = 256
"""Cards that the process remembers; a file has 20 kB, so that is 20 MB."""
_LOSSES_FOR_LOOKS = frozenset(["adversarial", "critic", "perceptual"])
_ONLY_IN_CARDS = frozenset(["file_bytes", "figures", "macs_per_output_megapixel", "parameters", "sha256", "trained_on"])


class FigureKey(NamedTuple):
    """What a figure is taken on."""

    set: str
    strength: float | str | None = None
    """A number, or the kind of holes; None for tasks without a strength."""
    noise: str | None = None
    """`laboratory` or `file`, a name in `tasks.NOISE_CONVENTIONS`; None for tasks without noise."""


@dataclass(frozen=True)
class Figure:
    """PSNR and SSIM over one test set; `kdsr card verify` measures it again."""

    set: str
    n: int
    psnr_db: float
    ssim: float
    worst_psnr_db: float
    worst_picture: str
    convention: str
    strength_name: str | None = None
    strength: float | str | None = None
    """A number, or the kind of holes."""
    noise: str | None = None

    @property
    def key(self) -> FigureKey:
        """What the figure is taken on."""
        return FigureKey(self.set, self.strength, self.noise)


@dataclass(frozen=True)
class LookFigure:
    """One figure for looks over one test set; `kdsr card verify` measures it again."""

    set: str
    n: int
    """Pictures that have the figure."""
    look: str
    """Its name in `kdsr.metrics.looks`, which also says its direction and its limits."""
    mean: float
    worst: float
    worst_picture: str
    convention: str
    strength_name: str | None = None
    strength: float | str | None = None
    """A number, or the kind of holes."""


@dataclass(frozen=True)
class Card:
    """What a network is, how it was made and what it measures."""

    name: str
    title: str
    task: str
    role: Role
    architecture: str
    arguments: dict[str, int]
    parameters: int
    macs_per_output_megapixel: int
    """Multiply-accumulates of the convolutions, as a full count."""
    file_bytes: int
    sha256: str
    licence: str
    trained_on: str
    steps: int
    seed: int
    teacher: str | None = None
    twin: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    history: tuple[dict[str, Any], ...] = ()
    """Earlier stages of training that this network started from, oldest first."""
    data: tuple[dict[str, Any], ...] = ()
    """One entry per pack of photographs: pack, pictures, licences."""
    figures: tuple[Figure, ...] = ()
    latency: tuple[dict[str, Any], ...] = ()
    notes: str = ""
    precision: str = "float32"
    """Of the arithmetic: `float32`, or `int8` for convolutions of 8-bit integers."""
    compressed_from: str | None = None
    """The network that this one was pruned or rounded from."""
    compression: tuple[dict[str, Any], ...] = ()
    """Every step from that network to this one, itself first: step, bytes, parameters, MACs, PSNR on held-out
    photographs.
    """
    looks: tuple[LookFigure, ...] = ()
    """Figures for looks, beside PSNR and SSIM; many cards have none."""
    published: dict[str, Any] = field(default_factory=dict)
    """Of a network of other makers: authors, source, package, files and their SHA-256. Empty for our own."""

    def __post_init__(self) -> None:
        find_task(self.task)
        if self.role not in ROLES:
            raise SettingsError(
                f"The role of a network is one of {', '.join(ROLES)}; the card '{self.name}' says '{self.role}'."
            )
        if self.precision not in PRECISIONS:
            raise SettingsError(
                f"The precision of a network is one of {', '.join(PRECISIONS)}; "
                f"the card '{self.name}' says '{self.precision}'."
            )
        for name in ("parameters", "macs_per_output_megapixel", "file_bytes", "steps"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise SettingsError(f"{name} must be a whole number from 0, got {value!r}")
        lists = {
            "data": self.data,
            "history": self.history,
            "compression": self.compression,
            "recipe, arguments and published": (self.recipe, self.arguments, self.published),
        }
        for name, kept in lists.items():
            if not all(isinstance(item, dict) for item in kept):
                raise SettingsError(f"{name} must hold objects")

    @property
    def is_for_looks(self) -> bool:
        """Whether an adversarial loss trained it: results look sharper, and PSNR is lower than a pixel loss gives."""
        return bool(self.published.get("for_looks")) or trains_for_looks(self.recipe)


def read_card(path: Path) -> Card:
    """The card at `path`; the same object again as long as the file stays as it is.

    Raises:
        WeightsError: not JSON, a field missing, unknown or out of range.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise WeightsError(f"The card {path.name} cannot be used: {error.strerror}. Restore it.") from error
    return _read(path, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


@functools.lru_cache(maxsize=KEPT_CARDS)
def _read(path: Path, *_state: int) -> Card:
    """The card at `path`, whose file is in that state: to read 50 of them takes a third of a restoration's time."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        given["figures"] = tuple(_figure(item, given.get("task")) for item in given.get("figures", ()))
        given["looks"] = tuple(LookFigure(**item) for item in given.get("looks", ()))
        for name in ("data", "latency", "history", "compression"):
            given[name] = tuple(given.get(name, ()))
        return Card(**given)
    except RecursionError as error:
        raise WeightsError(
            f"The card {path.name} cannot be used: it is nested too deeply. Restore or remove it."
        ) from error
    except (OSError, ValueError, TypeError, AttributeError, KdsrError) as error:
        raise WeightsError(
            f"The card {path.name} cannot be used: {_reason(error)}. Restore it, or remove it together "
            "with its weights."
        ) from error


def _reason(error: Exception) -> str:
    """Why a card cannot be used, without the path that the system names."""
    return shortened(error.strerror if isinstance(error, OSError) and error.strerror else str(error), 300)


def _figure(given: dict[str, Any], task: object) -> Figure:
    """The figure `given`; cards from before 29 November 2026 have only laboratory noise, and do not say so."""
    if (
        task in TASKS
        and TASKS[str(task)].degradation == "noise"
        and given.get("noise") is None
        and "convention" in given
    ):
        noise = "laboratory"
        given = given | {"noise": noise, "convention": f"{given['convention']}; {NOISE_CONVENTIONS[noise]}"}
    return Figure(**given)


def is_meant_as_card(path: Path) -> bool:
    """Whether the JSON file at `path` is a card, usable or not, and not for example the recipe of a run.

    It is one if weights of its name are beside it, or if it has a key that only cards have. It is also one if it cannot
    be parsed.
    """
    if path.with_suffix(".safetensors").exists():
        return True
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return True
    return isinstance(given, dict) and not _ONLY_IN_CARDS.isdisjoint(given)


def write_card(card: Card, path: Path) -> Path:
    """Write `card` to `path` in one move, so that no half-written card is ever read."""
    text = json.dumps(dataclasses.asdict(card), indent=2, ensure_ascii=False) + "\n"
    with replaced(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def trains_for_looks(recipe: Mapping[str, Any]) -> bool:
    """Whether an adversarial or perceptual loss is in `recipe`, in any stage."""
    return not _LOSSES_FOR_LOOKS.isdisjoint(_losses(recipe))


def _losses(recipe: Any) -> Iterator[object]:
    """Every value of a key `loss` in `recipe`, at any depth: stages and groups of any version."""
    items = recipe.items() if isinstance(recipe, dict) else enumerate(recipe if isinstance(recipe, list) else ())
    for key, value in items:
        if key == "loss":
            yield value
        else:
            yield from _losses(value)
