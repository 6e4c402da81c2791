"""The released networks: every card can be used, and the tables of the documents repeat its figures."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import skimage
import torch

from kdsr.bench.verify import STANDARD_SETS
from kdsr.compress import Compression
from kdsr.degrade import compress_jpeg, degrade
from kdsr.metrics.looks import LOOKS
from kdsr.metrics.luma import to_luma
from kdsr.metrics.psnr import psnr
from kdsr.models import build_model, count_macs, count_parameters
from kdsr.restore import open_runtime, restore
from kdsr.settings import Settings
from kdsr.tasks import Kinds, Task, find_task
from kdsr.train.presets import preset
from kdsr.train.recipe import Recipe, recipe_from_json, recipe_from_mapping, with_keys
from kdsr.train.train import stages_of
from kdsr.zoo import Card, Catalog, LookFigure

ROOT = Path(__file__).resolve().parents[2]
CATALOG = Catalog(Settings().weights_dir)
EACH_CARD = pytest.mark.parametrize("card", CATALOG.cards, ids=lambda card: card.name)


def test_every_card_can_be_used():
    assert CATALOG.problems == () and CATALOG.cards


WITHOUT_TWIN = ("photo_x1-student-32x7", "denoise-student-32x7")
"""Their twins are not trained yet; their cards say nothing of a gain."""
TAUGHT_EARLIER = ("denoise-student-32x7",)
"""The teacher taught it in its earlier runs; the last one was towards the truth, on noise as files have it."""
MEAN_LEVELS = {"photo_x1-teacher": 2.6, "photo_x1-student-16x7": 0.6}
"""How far a sky's mean may move, in levels of 255, where it is not 0.5: docs/log.md, 2026-11-29."""


@pytest.mark.slow
@EACH_CARD
def test_a_card_describes_its_weights(card: Card):
    network = build_model(
        card.architecture, find_task(card.task).scale, card.arguments, planes=find_task(card.task).planes
    )
    assert (count_parameters(network), count_macs(network)) == (card.parameters, card.macs_per_output_megapixel)
    assert CATALOG.weights_path(card).stat().st_size == card.file_bytes
    assert CATALOG.load(card.name).scale == find_task(card.task).scale


@EACH_CARD
def test_a_card_holds_its_recipe_its_data_and_its_figures(card: Card):
    if card.precision == "int8":
        plan = Compression(**card.recipe | {"photos": tuple(card.recipe["photos"])})
        assert (plan.source, plan.seed, plan.int8) == (card.compressed_from, card.seed, True) and card.steps in (
            0,
            plan.int8_steps,
        )
        assert card.history and card.data and card.figures and card.latency
        return
    recipe = recipe_from_mapping(card.recipe)
    assert (recipe.name, recipe.task, recipe.role, recipe.seed) == (card.name, card.task, card.role, card.seed)
    assert card.steps == recipe.all_steps and card.data and (card.latency or card.is_for_looks or card.task == "style")
    assert bool(card.figures) == find_task(card.task).has_truth
    assert recipe == recipe_from_json((ROOT / "recipes" / f"{card.name}.json").read_text(encoding="utf-8"))


EACH_STUDENT = pytest.mark.parametrize(
    "student",
    [card for card in CATALOG.cards if card.role == "student" and not card.compressed_from and not card.is_for_looks],
    ids=lambda card: card.name,
)


@pytest.mark.parametrize("name", TAUGHT_EARLIER)
def test_a_student_whose_last_run_had_no_teacher_had_one_before(name: str):
    card = CATALOG.find(name)
    assert card.teacher in {run["recipe"].get("teacher") for run in card.history}


@EACH_STUDENT
def test_a_student_was_taught_as_the_preset_best_teaches(student: Card):
    if student.name in TAUGHT_EARLIER:
        return
    whole, best = recipe_from_mapping(student.recipe), preset("best", student.task)
    taught = stages_of(whole, Path())[-1][0] if whole.stages else whole
    wanted = with_keys(Recipe(name="best", task=student.task), best | {"teacher": student.teacher})
    teaching, terms = taught.teaching, wanted.teaching.terms
    if not taught.data.clipped_noise_share and student.task == "denoise":  # was taught before noise was clipped
        teaching = replace(teaching, terms=())
    if student.task == "style":  # each style has a loss of its own, which no preset can name
        own, *more = [term.loss for term in teaching.terms]
        assert own == student.name.split("-")[0] and more == ["l2"] * (student.name == "style_engraving-student-16x7")
        teaching = replace(teaching, terms=())
    assert replace(teaching, terms=terms) == wanted.teaching
    assert teaching.terms == terms[: len(teaching.terms)]  # some were taught before the presets had all
    assert len(teaching.terms) == len(terms) or student.task != "jpeg"
    for key in ("crop_candidates", "degrade_once"):
        assert getattr(taught.data, key) == getattr(wanted.data, key)


@EACH_STUDENT
def test_a_student_stands_between_its_twin_and_its_teacher_or_its_card_says_where_not(student: Card):
    has_twin = student.twin or student.arguments["width"] != 32 or student.name in WITHOUT_TWIN
    assert student.teacher and has_twin  # a task's main student has one
    teacher = CATALOG.find(student.teacher)
    behind = [
        mine.strength
        for above, mine in zip(teacher.figures, student.figures, strict=True)
        if above.psnr_db <= mine.psnr_db
    ]
    assert all(f"{strength}" in student.notes for strength in behind) and (
        not behind or "is behind it on" in student.notes
    )
    if student.twin is None:
        return
    twin = CATALOG.find(student.twin)
    assert (twin.architecture, twin.arguments, twin.steps, twin.seed, twin.data) == (
        student.architecture, student.arguments, student.steps, student.seed, student.data,
    )  # fmt: skip
    lost = [
        mine.psnr_db - its.psnr_db
        for mine, its in zip(student.figures, twin.figures, strict=True)
        if mine.psnr_db < its.psnr_db
    ]
    assert all(f"{loss:+.3f} dB" in student.notes for loss in lost)


@pytest.mark.parametrize("card", [card for card in CATALOG.cards if card.is_for_looks], ids=lambda card: card.name)
def test_a_network_for_looks_says_so_and_whose_networks_it_learned_from(card: Card):
    assert "looks" in card.title and "PSNR" in card.notes and "licence" in card.notes
    first = CATALOG.for_task(card.task, card.role)[0]
    faithful = {(figure.set, figure.strength): figure.psnr_db for figure in first.figures}
    assert not first.is_for_looks
    assert all(figure.psnr_db < faithful[figure.set, figure.strength] for figure in card.figures)


@pytest.mark.parametrize("card", [card for card in CATALOG.cards if card.task == "denoise"], ids=lambda card: card.name)
def test_a_denoiser_states_both_conventions_of_noise(card: Card):
    assert [figure.key for figure in card.figures] == list(STANDARD_SETS["noise"])


def test_the_tables_of_the_documents_are_those_of_the_cards():
    readme, networks, training = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/networks.md", "docs/training.md")
    )
    script = runpy.run_path(str(ROOT / "scripts" / "release.py"))
    assert script["with_defaults"](readme) == readme
    assert script["with_tables"](networks, None, Settings(weights_dir=CATALOG.weights_dir)) == networks
    assert script["with_runs"](training) == training
    assert all(f"| `{card.name}` |" in networks for card in CATALOG.cards)


def sky() -> torch.Tensor:
    """A smooth blue picture (1, 3, 96, 144), in which a seam or a shift of colour could not hide."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 144), indexing="ij")
    return torch.stack([0.35 + 0.3 * y, 0.55 + 0.25 * y, 0.85 + 0.08 * y - 0.05 * x])[None]


def ends_of(task: Task) -> tuple[float | str | None, ...]:
    """The weakest and the strongest degradation, or all kinds."""
    if task.strength is None:
        return (None,)
    return task.strength.names if isinstance(task.strength, Kinds) else (task.strength.minimum, task.strength.maximum)


@pytest.mark.parametrize("card", [card for card in CATALOG.cards if card.compressed_from], ids=lambda card: card.name)
def test_8_bits_cost_at_most_what_is_said_and_every_step_is_told(card: Card):
    source = CATALOG.find(str(card.compressed_from))
    assert card.compression[0]["step"] == "source" and card.compression[0]["bytes"] == source.file_bytes
    assert (
        card.compression[-1]["bytes"] == card.file_bytes < source.file_bytes
        and card.compression[-1]["parameters"] == card.parameters
    )
    if card.precision == "int8" and card.parameters == source.parameters:
        before = {figure.key: figure.psnr_db for figure in source.figures}
        assert all(figure.psnr_db >= before[figure.key] - 0.10 for figure in card.figures)


@pytest.mark.slow
@EACH_CARD
def test_a_sky_keeps_its_colour_and_shows_no_tiles_at_both_ends_of_the_strength(card: Card):
    task = find_task(card.task)
    runtime = open_runtime(card, CATALOG, runtime="torch", settings=Settings(threads=1))
    for end in ends_of(task):
        degraded = degrade(sky(), task, strength=end)
        whole = restore(degraded, runtime, tile_px=1000)
        assert (restore(degraded, runtime, tile_px=48) - whole).abs().max() <= 1e-5
        if not task.has_truth:  # a style has colours of its own
            continue
        before, after = (
            (image.mean((0, 2, 3)) - sky().mean((0, 2, 3))).abs() * 255 for image in (degraded[:, :3], whole)
        )
        assert (after - before).max() <= MEAN_LEVELS.get(card.name, 0.5), (
            end,
            before,
            after,
        )  # a JPEG of quality 5 is 7 levels off itself


@pytest.mark.slow
@pytest.mark.parametrize("card", [card for card in CATALOG.cards if card.task == "jpeg"], ids=lambda card: card.name)
def test_a_jpeg_that_was_cropped_is_cleaned_as_well_as_the_whole_one(card: Card):
    runtime = open_runtime(card, CATALOG, runtime="torch", settings=Settings(threads=1))
    truth = torch.from_numpy(skimage.data.astronaut()[:192, 160:352]).permute(2, 0, 1)[None] / 255
    file = compress_jpeg(truth, 20)

    def gain(top: int, left: int) -> float:
        given, clean = (picture[..., top : top + 184, left : left + 184] for picture in (file, truth))
        return float(
            psnr(to_luma(runtime.run(given).clamp(0, 1)), to_luma(clean)) - psnr(to_luma(given), to_luma(clean))
        )

    whole = gain(0, 0)
    assert whole > 0.5 and all(gain(*cut) > 0.85 * whole for cut in ((1, 1), (0, 1), (3, 0)))


@pytest.mark.slow
@pytest.mark.parametrize("card", [card for card in CATALOG.cards if card.task == "jpeg"], ids=lambda card: card.name)
def test_colours_of_a_jpeg_come_nearer_to_the_truth(card: Card):
    runtime = open_runtime(card, CATALOG, runtime="torch", settings=Settings(threads=1))
    truth = torch.from_numpy(skimage.data.astronaut()[:192, 160:352]).permute(2, 0, 1)[None] / 255
    file = compress_jpeg(truth, 10)
    errors = [to_colours(picture - truth).square().mean((0, 2, 3)) for picture in (file, runtime.run(file).clamp(0, 1))]
    gains = 10 * torch.log10(errors[0] / errors[1])
    assert gains.min() > 0.2


def to_colours(image: torch.Tensor) -> torch.Tensor:
    """Cb and Cr of JFIF, (N, 2, H, W)."""
    return torch.einsum(
        "pc,nchw->nphw", torch.tensor([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]), image
    )


def test_the_table_of_looks_has_the_means_at_the_usual_strength_with_direction():
    script = runpy.run_path(str(ROOT / "scripts" / "release.py"))
    card = CATALOG.find("photo_x4-student-32x7")
    looks = tuple(
        LookFigure("BSD100", 100, name, mean, mean, "worst", LOOKS[name].convention, "level", level)
        for name, mean in (("niqe", 7.0), ("consistency", 38.5))
        for level in (2.0, 5.0)
    )
    seen = replace(card, looks=tuple(replace(one, mean=one.mean + one.strength) for one in looks))
    bare = replace(card, name="bare", looks=())
    lines = script["looks_table"](find_task(card.task), [seen, bare])
    assert lines[0] == "**Real photos x4, looks on BSD100 level 5.0**"
    assert lines[2] == "| network | NIQE, lower | HaarPSI, higher | Lite2 distance, lower | Consistency, higher |"
    assert lines[4] == "| `photo_x4-student-32x7` | 12.00 | - | - | 43.50 dB |" and "bare" not in "".join(lines)
    assert script["looks_table"](find_task(card.task), [bare]) == []
