"""Crops in shards: decided by their numbers, usable while more are written, labelled once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.training import events, recipe, released, training_settings

from kdsr.degrade.ringing import add_ringing
from kdsr.errors import InputError, SettingsError, Stopped
from kdsr.tasks import find_task
from kdsr.train import train_recipe
from kdsr.train.data.photos import Photo
from kdsr.train.data.shards import SHARD, ShardedCrops, ShardPlan, write_shard
from kdsr.zoo.weights import load_tensors

settings = pytest.fixture(training_settings)


def photos(count: int = 3) -> list[Photo]:
    generator = torch.Generator().manual_seed(0)
    return [
        Photo(Path(f"{number}.png"), torch.randint(0, 256, (70, 83, 3), generator=generator, dtype=torch.uint8))
        for number in range(count)
    ]


def enlarged(degraded: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.interpolate(degraded, scale_factor=4.0)


def plan(**given: object) -> ShardPlan:
    return ShardPlan(find_task("photo_x4"), side_px=16, **given)


def test_a_crop_is_decided_by_seed_and_number():
    first, again, other = (plan().crop(photos(), number) for number in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (1, 3, 16, 16) and first[1].shape == (1, 3, 64, 64)
    assert not torch.equal(first[1], other[1])
    assert not torch.equal(plan(seed=1).crop(photos(), 5)[1], first[1])


def test_a_label_has_the_mean_colour_of_its_input(tmp_path):
    shift = torch.tensor([0.08, -0.05, 0.02]).view(1, 3, 1, 1)
    folder = write_shard(tmp_path, 0, plan(levels=(0.0, 0.0)), photos(), lambda image: enlarged(image) * 0.5 + shift)
    degraded, label = (np.load(folder / f"{kind}.npy").astype(float).mean((1, 2)) for kind in ("degraded", "label"))
    assert np.abs(degraded - label).max() <= 0.5, "levels, of which 0.5 is rounding"


@pytest.mark.parametrize("level, share", [(0.0, 0.0), (9.0, 1.0)])
def test_crops_have_the_values_of_8_bit_pictures(level, share):
    degraded, truth = plan(levels=(level, level), ringing_share=share).crop(photos(), 1)
    for image in (degraded, truth):
        assert torch.allclose(image * 255, (image * 255).round(), atol=1e-3) and image.min() >= 0 and image.max() <= 1


def test_new_shards_are_found_and_patches_of_input_and_label_match(tmp_path):
    crops = ShardedCrops(tmp_path, 4)
    with pytest.raises(InputError, match="contains no crops"):
        crops.batch(0, 2, 8, with_label=True)
    write_shard(tmp_path, 1, plan(), photos(), enlarged)
    assert crops.refresh() == SHARD
    write_shard(tmp_path, 0, plan(), photos(), enlarged)
    assert crops.refresh() == crops.refresh() == 2 * SHARD
    batch = crops.batch(3, 5, 8, with_label=True)
    assert batch.degraded.shape == (5, 3, 8, 8) and batch.truth.shape == (5, 3, 32, 32)
    assert batch.label is not None and torch.equal(batch.label, enlarged(batch.degraded))
    assert torch.equal(crops.batch(3, 5, 8, with_label=True).truth, batch.truth)


def test_a_shard_contains_the_crops_of_the_plan(tmp_path):
    folder = write_shard(tmp_path, 2, plan(), photos(), enlarged)
    degraded, truth = plan().crop(photos(), 2 * SHARD + 7)
    for kind, picture in (("degraded", degraded), ("truth", truth)):
        assert np.array_equal(
            np.load(folder / f"{kind}.npy")[7], (picture[0].permute(1, 2, 0) * 255).round().byte().numpy()
        )
    assert [path.name for path in tmp_path.iterdir()] == ["shard_00002"]


def test_shards_are_refused_for_tasks_other_than_real_photographs():
    with pytest.raises(InputError, match="sr_x4"):
        ShardPlan(find_task("sr_x4"))


def test_ringing_keeps_a_flat_picture_and_overshoots_at_an_edge():
    even = torch.full((1, 3, 24, 24), 128 / 255)
    edge = torch.full((1, 3, 24, 24), 0.25)
    edge[..., 12:] = 0.75
    overshoots = []
    for seed in range(12):
        assert torch.allclose(add_ringing(even, np.random.default_rng(seed)), even, atol=1.5 / 255)
        overshoots.append(float(add_ringing(edge, np.random.default_rng(seed)).max()) - 0.75)
    assert max(overshoots) > 0.02


def with_crop_px(settings, tmp_path, **changes):
    released(settings, tmp_path, name="teacher", task="photo_x4", patch_px=4, role="teacher")
    keys = {"task": "photo_x4", "patch_px": 6, "crop_px": 12, "fixed_crops": 40, "crop_candidates": 2}
    return recipe(
        **keys | {"teacher": "teacher", "truth_share": 0.0, "terms": ({"loss": "critic", "weight": 0.01},)} | changes
    )


@pytest.mark.slow
def test_a_run_with_crop_px_labels_once_and_resumes_to_the_same_weights(settings, tmp_path):
    plan = with_crop_px(settings, tmp_path)
    train_recipe(plan, tmp_path / "whole", settings=settings)
    steps = iter(range(100))
    with pytest.raises(Stopped):
        train_recipe(plan, tmp_path / "parts", settings=settings, should_stop=lambda: next(steps) == 4)
    train_recipe(plan, tmp_path / "parts", settings=settings, resume=True)
    whole, parts = (load_tensors(tmp_path / name / "tiny.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert [event["done"] for event in events(tmp_path / "whole") if event["event"] == "labelling"] == [32, 64]
    assert not [event for event in events(tmp_path / "parts") if event["event"] == "labelling"]


@pytest.mark.slow
def test_a_twin_with_crop_px_has_shards_without_labels(settings, tmp_path):
    changes = {"teacher": None, "truth_share": 1.0, "terms": ({"loss": "critic", "weight": 0.01, "target": "truth"},)}
    twin = with_crop_px(settings, tmp_path, **changes)
    assert train_recipe(twin, tmp_path / "run", settings=settings).finished
    folder = next((settings.home / "labels").glob("*-crops"))
    assert sorted(file.name for file in (folder / "shard_00000").iterdir()) == ["degraded.npy", "truth.npy"]


@pytest.mark.slow
@pytest.mark.parametrize("changes, message", [
    ({"crop_px": 4}, "at least patch_px"),
    ({"fixed_crops": 0}, "needs fixed_crops"),
    ({"degrade_once": True}, "one by one"),
    ({"crop_px": 0, "ringing_share": 0.5}, "ringing_share"), ({"task": "jpeg"}, "crop_px is for photo_x2"),
])  # fmt: skip
def test_keys_that_contradict_crop_px_are_refused(settings, tmp_path, changes, message):
    with pytest.raises(SettingsError, match=message):
        with_crop_px(settings, tmp_path, **changes)
