"""What a run learns from, on small pictures made here: photographs, held-out ones, pairs and crops."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.training import recipe, training_settings

from kdsr.degrade import compress_jpeg, round_to_8_bits
from kdsr.errors import InputError, SettingsError
from kdsr.tasks import find_task
from kdsr.train import train_recipe
from kdsr.train.data.degradations import CROPPED_SHARE, DegradationShares, degrade_fresh, double_jpeg, draw_strengths
from kdsr.train.data.labels import with_labels
from kdsr.train.data.pairs import detail, fixed_pairs, fresh_pairs
from kdsr.train.data.photos import Photo, drawn, find_photos, held_out, load_photos
from kdsr.train.recipe_groups import TrainingData
from kdsr.zoo import read_card

CPU = torch.device("cpu")
settings = pytest.fixture(training_settings)


def test_held_out_scenes_are_held_out_at_every_scale(settings):
    paths = find_photos(("pack",), settings.data_dir)
    more = [path.with_name(f"{path.stem}_f{path.suffix}") for path in paths]
    training, validation = held_out(paths + more, 2)
    kept = {path.stem.removesuffix("_f") for path in training}
    assert len(validation) == 2 and not kept & {path.stem.removesuffix("_f") for path in validation}
    assert held_out(paths + more, 2) == (training, validation)


def test_a_limit_draws_photographs_by_the_seed(settings):
    paths = find_photos(("pack",), settings.data_dir)
    few, more = drawn(paths, 3, 0), drawn(paths, 6, 0)
    assert len(few) == 3 and set(few) < set(more) and few == sorted(few) and drawn(paths, 3, 0) == few
    assert {tuple(drawn(paths, 3, seed)) for seed in range(5)} != {tuple(few)}
    assert drawn(paths, 0, 0) == drawn(paths, 99, 0) == paths
    with pytest.raises(SettingsError, match="photo_limit must be 0"):
        TrainingData(photo_limit=-1)


def test_noise_is_added_to_the_drawn_input_alone_and_comes_again_at_the_same_step():
    pixels = torch.randint(40, 216, (64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pairs = fixed_pairs([Photo(Path("a.png"), pixels)], find_task("style"), 0, CPU, cell_px=64, smallest_px=32)
    quiet = pairs.batch(3, 4, 32, with_label=False)
    pairs.input_noise = 10.0
    noisy, again = (pairs.batch(3, 4, 32, with_label=False) for _ in range(2))
    assert torch.equal(noisy.degraded, again.degraded) and torch.equal(noisy.truth, quiet.truth)
    sigmas = (noisy.degraded - quiet.degraded).mul(255).flatten(1).std(dim=1)
    assert sigmas.max() < 10.5 and sigmas.std() > 0.5 and torch.equal(quiet.degraded, quiet.truth)
    assert torch.equal(round_to_8_bits(noisy.degraded), noisy.degraded)


def test_photographs_that_cannot_be_used_are_refused(settings):
    with pytest.raises(InputError, match="neither here nor in the data folder"):
        find_photos(("nowhere",), settings.data_dir)
    with pytest.raises(InputError, match="None of the 8 photographs"):
        load_photos(find_photos(("pack",), settings.data_dir), smallest_px=1000)
    broken = settings.data_dir / "pack" / "images" / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(InputError, match="not a readable picture"):
        load_photos([broken])


def test_photographs_are_used_at_every_scale_of_the_recipe(settings, tmp_path):
    paths = find_photos(("pack",), settings.data_dir)
    whole, both = load_photos(paths, multiple=6), load_photos(paths, multiple=6, scales=(1.0, 0.5))
    assert len(both) == 16 and all(
        torch.equal(one.pixels, other.pixels) for one, other in zip(whole, both[:8], strict=True)
    )
    for photo, half in zip(load_photos(paths), load_photos(paths, scales=(0.5,)), strict=True):
        means = torch.nn.functional.avg_pool2d(photo.pixels.permute(2, 0, 1)[None].float(), 2)[0].permute(1, 2, 0)
        assert half.pixels.shape == (32, 36, 3) and (half.pixels.float() - means).abs().mean() < 2
    assert {tuple(photo.pixels.shape) for photo in both[8:]} == {(30, 36, 3)}
    train_recipe(recipe(photo_scales=(1.0, 0.5), steps=2), tmp_path / "run", settings=settings)
    assert read_card(tmp_path / "run" / "tiny.json").data[0]["pictures"] == 6


@pytest.mark.parametrize("task", ["sr_x2", "sr_x3", "denoise", "jpeg", "photo_x1", "photo_x2"])
def test_a_batch_is_a_function_of_seed_and_step(settings, task):
    photos = load_photos(find_photos(("pack",), settings.data_dir), multiple=6)
    make = fixed_pairs if task.startswith("sr") else fresh_pairs
    extra = {"cell_px": 32, "smallest_px": 24} if make is fixed_pairs else {}
    pairs, again = (make(photos, find_task(task), 5, CPU, **extra) for _ in range(2))
    one, other, later = (
        pairs.batch(7, 3, 8, with_label=False),
        again.batch(7, 3, 8, with_label=False),
        pairs.batch(8, 3, 8, with_label=False),
    )
    scale = find_task(task).scale
    assert one.degraded.shape == (3, 3, 8, 8) and one.truth.shape == (3, 3, 8 * scale, 8 * scale)
    assert torch.equal(one.degraded, other.degraded) and torch.equal(one.truth, other.truth)
    assert not torch.equal(one.truth, later.truth)


def test_half_of_the_jpeg_qualities_are_below_22_and_noise_is_uniform():
    rng = np.random.default_rng(0)
    quality, sigma = (draw_strengths(find_task(task).strength, 4000, rng) for task in ("jpeg", "denoise"))
    assert quality.min() >= 5 and quality.max() <= 95 and 20 < np.median(quality) < 24
    assert sigma.min() >= 0 and sigma.max() <= 55 and 25 < np.median(sigma) < 30


def test_a_share_of_the_training_pictures_is_grey(settings):
    photos = load_photos(find_photos(("pack",), settings.data_dir), multiple=2)
    fresh = fresh_pairs(photos, find_task("jpeg"), 0, CPU, shares=DegradationShares(grey=0.5)).batch(
        1, 40, 24, with_label=False
    )
    once = fixed_pairs(
        photos, find_task("jpeg"), 0, CPU, cell_px=32, smallest_px=24, shares=DegradationShares(grey=0.5)
    )
    whole = fixed_pairs(
        photos, find_task("sr_x2"), 0, CPU, cell_px=32, smallest_px=24, shares=DegradationShares(grey=1.0)
    ).batch(1, 8, 12, with_label=False)

    def is_grey(picture: torch.Tensor) -> bool:
        return bool((picture[:1] == picture).all())

    for truths, degraded in (
        (fresh.truth, fresh.degraded),
        ([truth.movedim(-1, 0) for truth in once.truths], [low.movedim(-1, 0) for low in once.degraded]),
    ):
        grey = [is_grey(truth) for truth in truths]
        assert 0.25 < sum(grey) / len(grey) < 0.75
        assert all(is_grey(low) for low, each in zip(degraded, grey, strict=True) if each)
    assert is_grey(whole.truth.movedim(1, 0)) and whole.truth.min() >= 15 / 255 and whole.truth.max() <= 236 / 255
    assert (whole.degraded - whole.degraded[:, :1]).abs().max() < 1.01 / 255


def test_a_share_of_the_noisy_pictures_is_clipped_and_rounded_as_in_a_file():
    white, denoise = torch.ones(200, 3, 16, 16), find_task("denoise")
    lab, mixed, files = (
        degrade_fresh(white, denoise, np.random.default_rng(0), clipped_noise_share=share) for share in (0, 0.5, 1)
    )
    assert torch.equal(files, round_to_8_bits(lab.clone())) and files.max() == 1 and lab.max() > 1.3
    is_file = (mixed == files).flatten(1).all(1)
    assert torch.equal(mixed[~is_file], lab[~is_file]) and 70 < is_file.sum() < 130


def test_fixed_pairs_of_noise_are_clipped_in_whole_cells(settings):
    photos = load_photos(find_photos(("pack",), settings.data_dir))
    bright = [Photo(photo.path, torch.full_like(photo.pixels, 250)) for photo in photos]
    made = fixed_pairs(
        bright, find_task("denoise"), 0, CPU, cell_px=24, smallest_px=8, shares=DegradationShares(clipped_noise=0.5)
    )
    largest = [picture.float().max() for picture in made.degraded]
    assert any(value > 1.05 for value in largest) and sum(value == 1 for value in largest) > 2
    assert all(torch.equal(truth, torch.full_like(truth, 250)) for truth in made.truths)


def test_a_share_of_the_jpeg_files_is_444_and_half_of_those_are_grainy(settings):
    photos = [Photo(Path("flat.png"), torch.full((96, 96, 3), 128, dtype=torch.uint8))]
    fresh = fresh_pairs(photos, find_task("jpeg"), 0, CPU, shares=DegradationShares(chroma_444=0.5)).batch(
        1, 80, 24, with_label=False
    )
    grainy = [bool(truth.std() > 0.01) for truth in fresh.truth]
    assert 0.12 < sum(grainy) / 80 < 0.38

    def has_fine_colour(low: torch.Tensor) -> bool:
        return bool((low[0] - low[2]).diff(dim=1).abs().mean() > 0.02)

    kept = [has_fine_colour(low) for low in fresh.degraded]
    assert any(kept) and all(grain for grain, each in zip(grainy, kept, strict=True) if each)
    none = fresh_pairs(photos, find_task("jpeg"), 0, CPU).batch(1, 8, 24, with_label=False)
    assert (none.truth == 128 / 255).all()

    once = fixed_pairs(
        photos, find_task("jpeg"), 0, CPU, cell_px=24, smallest_px=24, shares=DegradationShares(chroma_444=1.0)
    )
    grains = [float(truth.float().std()) for truth in once.truths]
    assert 4 <= sum(grain > 2 for grain in grains) <= 12 and len(grains) == 16


def test_a_share_of_the_jpeg_files_is_compressed_twice_and_the_first_file_is_labelled(
    settings,
):
    noise = torch.randint(256, (40, 3, 48, 48), generator=torch.Generator().manual_seed(0)).float() / 255
    files, chosen = double_jpeg(noise, find_task("jpeg"), 0.5, np.random.default_rng(0))
    assert (
        10 <= chosen.sum() <= 30
        and torch.equal(files[~chosen], noise[~chosen])
        and torch.equal(files, (files * 255).round() / 255)
    )
    edges = (files - noise)[chosen].mean(1).diff(dim=-1).abs().mean((0, 1))
    assert edges.max() < 1.3 * edges.mean()  # no column holds the edges of all blocks
    aligned = compress_jpeg(noise, 10).mean(1).diff(dim=-1).abs().mean((0, 1))
    assert aligned.max() > 1.3 * aligned.mean()

    photos = load_photos(find_photos(("pack",), settings.data_dir))
    pairs = fixed_pairs(
        photos, find_task("jpeg"), 0, CPU, cell_px=32, smallest_px=16, shares=DegradationShares(double_jpeg=0.5)
    )
    assert 0.25 < len(pairs.for_labels) / len(pairs.truths) < 0.75
    off = {
        which: sum(
            float((pictures[index].float() - pairs.truths[index].float()).abs().mean()) for index in pairs.for_labels
        )
        for which, pictures in (("student", pairs.inputs()), ("teacher", pairs.inputs(for_labels=True)))
    }
    assert off["teacher"] < off["student"]
    others = set(range(len(pairs.truths))) - set(pairs.for_labels)
    assert all(pairs.inputs(for_labels=True)[index] is pairs.inputs()[index] for index in others)
    fresh = fresh_pairs(photos, find_task("jpeg"), 0, CPU, shares=DegradationShares(double_jpeg=0.5)).batch(
        1, 4, 24, with_label=False
    )
    plain = fresh_pairs(photos, find_task("jpeg"), 0, CPU).batch(1, 4, 24, with_label=False)
    assert torch.equal(fresh.truth, plain.truth) and not torch.equal(fresh.degraded, plain.degraded)


def test_half_of_the_jpeg_files_begin_before_the_crop():
    jpeg, noise = (
        find_task("jpeg"),
        torch.randint(256, (80, 3, 48, 48), generator=torch.Generator().manual_seed(0)).float() / 255,
    )
    all_at_home = compress_jpeg(noise, torch.from_numpy(draw_strengths(jpeg.strength, 80, np.random.default_rng(0))))

    def edges_at_home(files: torch.Tensor) -> float:
        edges = (files - noise).mean(1).diff(dim=-1).abs().mean((0, 1))
        return float(edges[7::8].mean() / torch.cat([edges[place::8] for place in range(7)]).mean()) - 1

    share = edges_at_home(
        degrade_fresh(noise, jpeg, np.random.default_rng(0), cropped_share=CROPPED_SHARE)
    ) / edges_at_home(all_at_home)
    assert 0.3 < share < 0.7


def test_labels_are_of_the_first_file(settings, tmp_path):
    photos = load_photos(find_photos(("pack",), settings.data_dir))
    pairs = fixed_pairs(
        photos, find_task("jpeg"), 0, CPU, cell_px=32, smallest_px=16, shares=DegradationShares(double_jpeg=0.5)
    )
    with_labels(pairs, Unchanging(), tmp_path / "labels.npy")
    assert all(
        torch.equal(label, seen) for label, seen in zip(pairs.labels, pairs.inputs(for_labels=True), strict=True)
    )


class Unchanging:
    """A teacher that gives what it is given."""

    scale, multiple = 1, 1

    def __call__(self, image):
        return image, {}


@pytest.mark.slow
def test_crops_of_noisy_photographs_may_begin_off_the_grid_of_their_file():
    """A step between two columns is largest where two blocks of the file meet."""
    truth = torch.full((64, 3, 32, 32), 0.4)

    def steps_at_blocks(cropped_share: float) -> float:
        made = degrade_fresh(truth, find_task("photo_x1"), np.random.default_rng(0), cropped_share=cropped_share)
        steps = made.diff(dim=3).abs().mean((0, 1, 2))
        return float(steps[7::8].mean() / steps.mean())

    assert steps_at_blocks(0.0) > 1.1 > steps_at_blocks(1.0)


@pytest.mark.parametrize("task", ["sr_x4", "photo_x4", "photo_x2", "photo_x1", "jpeg"])
def test_fixed_truths_have_the_size_of_what_a_network_makes_of_their_degraded_pictures(settings, task):
    photos = load_photos(find_photos(("pack",), settings.data_dir), multiple=find_task(task).scale)
    pairs = fixed_pairs(photos, find_task(task), 0, CPU, cell_px=26, smallest_px=16)
    scale = find_task(task).scale
    assert all(
        truth.shape[:2] == (low.shape[0] * scale, low.shape[1] * scale)
        for truth, low in zip(pairs.truths, pairs.degraded, strict=True)
    )


def test_crops_of_a_fixed_pair_belong_together(settings):
    photos = load_photos(find_photos(("pack",), settings.data_dir), multiple=2)
    batch = fixed_pairs(photos, find_task("sr_x2"), 0, CPU, cell_px=64, smallest_px=24).batch(
        0, 8, 16, with_label=False
    )
    shrunk = torch.nn.functional.avg_pool2d(batch.truth, 2)
    assert (shrunk - batch.degraded).abs().mean() < 0.02


def test_the_most_detailed_of_several_crops_is_used(settings):
    half = torch.full((96, 96, 3), 128, dtype=torch.uint8)
    half[:, 48:] = torch.randint(256, (96, 48, 3), generator=torch.Generator().manual_seed(0)).byte()
    even = fresh_pairs([Photo(settings.data_dir, half)], find_task("denoise"), 0, CPU)
    chosen = dataclasses.replace(even, crop_candidates=4)
    rng = np.random.default_rng(0)
    means = []
    for pairs in (even, chosen):
        crops = [pairs.random_crop(rng, 24) for _ in range(100)]
        means.append(sum(detail(half[crop.top : crop.top + 24, crop.left : crop.left + 24]) for crop in crops) / 100)
    assert means[1] > 1.5 * means[0]
    assert torch.equal(chosen.batch(3, 4, 24, with_label=False).truth, chosen.batch(3, 4, 24, with_label=False).truth)


def test_grain_does_not_count_as_detail(settings):
    photos = [Photo(settings.data_dir, torch.full((240, 240, 3), 128, dtype=torch.uint8))]
    pairs = fixed_pairs(
        photos, find_task("jpeg"), 0, CPU, cell_px=24, smallest_px=24, shares=DegradationShares(chroma_444=0.25)
    )
    grainy = {index for index, truth in enumerate(pairs.truths) if truth.float().std() > 1}
    assert 5 <= len(grainy) <= 20 and grainy <= set(pairs.clean_truths)
    chosen = dataclasses.replace(pairs, crop_candidates=4)
    rng = np.random.default_rng(0)
    drawn = sum(chosen.random_crop(rng, 24).picture in grainy for _ in range(400)) / 400
    assert drawn < 1.5 * len(grainy) / 100
