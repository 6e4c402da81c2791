"""The fold at the foot of *Models* that draws pictures: a generator, its student, and that student without a teacher.

Not here: what stands in their card (`zoo.synthesis`), how they were trained (`examples/generator.py`).
"""

import base64
import random
import time
from statistics import mean, median, stdev

import gradio as gr
import torch
from markupsafe import Markup
from torch import Tensor

from kdsr.errors import KdsrError
from kdsr.image import Picture, encode_png
from kdsr.models.generator import Generator
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.events import LATEST
from kdsr.ui.html import error_line, joined, region
from kdsr.zoo.synthesis import DrawnBy, SynthesisCard, load_generator, read_synthesis

TITLE = "Synthesis: a generator and a student a tenth of its size"
ABOUT = (
    "Pictures of greenery that no camera took: each is drawn from {latent} random numbers, its code. "
    "The student learned to draw what the teacher draws from the same code. "
    "Both learned for minutes on one processor core, from crops of a few photographs."
)
MOVE = "Between two codes"
ANOTHER = "Other codes"
SHOWN = {
    "teacher": "Teacher",
    "both": "Student",
    "alone": "Student without a teacher",
    "pairs": "Student without a discriminator",
}
"""By the card's names; drawn by those that have weights."""
HEADS = ("Drawn by", "Parameters", "Latency", "Fréchet distance")
FOOT = (
    "Fréchet distance from parts of photographs that nothing was trained on: lower is closer. {samples} pictures of "
    "each, mean and deviation of {seeds} seeds. The photographs trained on have {floor}. "
    "Latency: one picture, on this machine."
)
STEPS = 40
"""Of the slider."""
_GRID = 3
_REPEATS = 5


class SynthesisHandlers:
    """The handlers, and the networks that were read so far."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._networks: dict[str, Generator] = {}

    def on_open(self, seed: int, step: float) -> tuple[int, str]:
        """(seed, the pictures) as the fold opens; the first time of a new seed."""
        seed = seed or random.randrange(1, 2**31)
        return seed, self.on_move(seed, step)

    def on_another(self, step: float) -> tuple[int, str]:
        """Other codes, at the same place of the way."""
        return self.on_open(0, step)

    def on_move(self, seed: int, step: float) -> str:
        """The pictures at `step`, 0 to `STEPS`, of the way between the two codes of `seed`; or what is wrong."""
        try:
            card = read_synthesis(self.settings.weights_dir)
            return self._drawn(card, codes(seed, step / STEPS, card.latent)) if card else ""
        except KdsrError as error:
            return error_line(str(error))

    def _drawn(self, card: SynthesisCard, code: Tensor) -> Markup:
        """What each network draws from the codes (N, latent), and the table."""
        figures, times = [], {}
        for name, title in SHOWN.items():
            if name in card.networks and card.networks[name].sha256:
                network = self._network(card, name)
                figures.append(_figure(title, network(code)))
                times[name] = _time_of(network, code[:1])  # warm by now
        return Markup('<div class="drawn">{}</div>{}').format(joined(figures), _table(card, times))

    def _network(self, card: SynthesisCard, name: str) -> Generator:
        key = str(card.networks[name].sha256)
        if key not in self._networks:
            self._networks[key] = load_generator(card, name, self.settings.weights_dir)
        return self._networks[key]


def add_synthesis(settings: Settings) -> None:
    """The fold and its events; nothing where no generators are released."""
    try:
        card = read_synthesis(settings.weights_dir)
    except KdsrError:
        return  # the rest of the tab works without it
    if card is None:
        return
    handlers = SynthesisHandlers(settings)
    with gr.Accordion(TITLE, open=False, elem_id="synthesis") as fold:
        gr.HTML(Markup("<p>{}</p>").format(ABOUT.format(latent=card.latent)))
        with gr.Row(elem_id="synthesis-way"):
            step = gr.Slider(0, STEPS, 0, step=1, label=MOVE, elem_id="synthesis-step")
            another = gr.Button(ANOTHER, elem_id="synthesis-another")
        pictures = gr.HTML(elem_id="synthesis-pictures")
    seed = gr.State(0)
    fold.expand(handlers.on_open, [seed, step], [seed, pictures], **LATEST)
    step.input(handlers.on_move, [seed, step], pictures, **LATEST)
    another.click(handlers.on_another, step, [seed, pictures], **LATEST)


def codes(seed: int, place: float, latent: int) -> Tensor:
    """The code at `place`, 0 to 1, of the way between two codes of `seed`, and 8 more: (9, latent).

    The way is an arc, since codes lie near a sphere: straight between them they would be too short.
    """
    all_codes = torch.randn(_GRID**2 + 1, latent, generator=torch.Generator().manual_seed(seed))
    start, end = all_codes[0], all_codes[-1]
    angle = torch.acos(torch.cosine_similarity(start, end, dim=0).clamp(-0.999, 0.999))
    on_way = (torch.sin((1.0 - place) * angle) * start + torch.sin(place * angle) * end) / torch.sin(angle)
    return torch.cat([on_way[None], all_codes[1:-1]])


def _time_of(network: Generator, code: Tensor) -> float:
    """Seconds for one picture, the median of a few."""
    times = []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        network(code)
        times.append(time.perf_counter() - begun)
    return median(times)


def _figure(title: str, pictures: Tensor) -> Markup:
    """The first of `pictures` (9, 3, S, S), enlarged by whole pixels in the page, and all of them in a grid."""
    tiled = pictures.unflatten(0, (_GRID, _GRID)).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    one, grid = _address(pictures[0].permute(1, 2, 0)), _address(tiled)
    html = '<figure><figcaption>{}</figcaption><img class="one" alt="{}" src="{}"><img alt="" src="{}"></figure>'
    return Markup(html).format(title, title, one, grid)


def _address(pixels: Tensor) -> str:
    """`pixels` (H, W, 3) in [0, 1] as the address of a PNG."""
    levels = (pixels * 255.0).round().byte().contiguous().numpy()
    return f"data:image/png;base64,{base64.b64encode(encode_png(Picture(levels))).decode()}"


def _table(card: SynthesisCard, times: dict[str, float]) -> Markup:
    heads = joined(Markup("<th scope=col>{}</th>").format(head) for head in HEADS)
    rows = joined(_row(title, card.networks[name], times.get(name)) for name, title in SHOWN.items()
                  if name in card.networks)  # fmt: skip
    table = Markup("<table class=zoo><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(heads, rows)
    seeds = max(len(one.frechet) for one in card.networks.values())
    foot = FOOT.format(samples=f"{card.samples:,}", seeds=seeds, floor=f"{card.floor:,.0f}")
    return region("Figures", table) + Markup("<p class=foot>{}</p>").format(foot)


def _row(title: str, one: DrawnBy, seconds: float | None) -> Markup:
    spread = f" ± {stdev(one.frechet):,.0f}" if len(one.frechet) > 1 else ""
    shown = texts.milliseconds(seconds) if seconds is not None else texts.NONE
    return Markup("<tr><th scope=row>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>").format(
        title, texts.counted(one.parameters), shown, f"{mean(one.frechet):,.0f}{spread}"
    )
