"""Inpainting: masks, the first filling, networks that change missing pixels alone, and the ways in for a mask."""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.networks import add_network
from helpers.training import events, recipe, released, training_settings
from hypothesis import given
from hypothesis import strategies as st

from kdsr.bench.evaluate import evaluate
from kdsr.bench.latency import measure_latency
from kdsr.cli import main
from kdsr.degrade import degrade, draw_holes, fill_holes, with_holes
from kdsr.errors import InputError, SettingsError, ShapeError, UnknownNameError
from kdsr.image import Picture, read_picture, with_transparent, write_picture
from kdsr.metrics import measure
from kdsr.models import build_model, folded
from kdsr.restore import holes_in, open_runtime, restore_picture
from kdsr.tasks import find_task
from kdsr.train import train_recipe
from kdsr.train.data.photos import Photo
from kdsr.train.validation import held_out_pair
from kdsr.ui.restore.painting import LONGEST_PX, to_be_marked, write_marks
from kdsr.zoo import Catalog

TASK = find_task("inpaint")
KINDS = TASK.strength.names
SHAPES = {"plain": {"width": 16, "depth": 3}, "residual": {"width": 16, "blocks": 2, "unshuffle": 2, "fine": 1}}


@pytest.fixture(params=SHAPES)
def catalog(request, tiny_settings):
    add_network(tiny_settings.weights_dir, "net", "inpaint", "student", request.param, SHAPES[request.param], seed=0)
    return Catalog(tiny_settings.weights_dir)


def random_picture(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> Picture:
    return Picture(np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (height, width, channels), dtype=dtype))


def some_holes(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(2).random((height, width)) < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99))
def test_every_kind_marks_something_and_the_same_for_the_same_seed(kind, height, width, seed):
    one, other = (draw_holes(height, width, kind, np.random.default_rng(seed)) for _ in range(2))
    assert one.shape == (height, width) and set(np.unique(one)) <= {0.0, 1.0} and one.any()
    assert np.array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, least, most",
    [
        ("dots", 0.45, 0.55),
        ("scratches", 0.01, 0.1),
        ("text", 0.02, 0.2),
        ("strokes", 0.01, 0.2),
        ("blocks", 0.03, 0.2),
    ],
)
def test_pictures_of_any_size_lose_alike(kind, least, most):
    for side in (128, 512):
        shares = [draw_holes(side, side, kind, np.random.default_rng(seed)).mean() for seed in range(20)]
        assert least < np.mean(shares) < most


@pytest.mark.parametrize(
    "kind, count", [("dots", 40), ("scratches", 300), ("text", 300), ("strokes", 100), ("blocks", 400)]
)
def test_every_pixel_may_be_missing_the_last_row_and_column_too(kind, count):
    masks = [draw_holes(13, 21, kind, np.random.default_rng(seed)) for seed in range(count)]
    assert np.max(masks, axis=0).all() and not np.min(masks, axis=0).any()


def test_lost_blocks_lie_on_their_grid():
    for seed in range(40):
        mask = draw_holes(19, 43, "blocks", np.random.default_rng(seed))
        cells = [mask[top : top + 8, left : left + 8] for top in range(0, 19, 8) for left in range(0, 43, 8)]
        assert all(cell.min() == cell.max() for cell in cells)


@pytest.mark.slow
@given(height=st.integers(1, 33), width=st.integers(1, 33))
def test_filling_keeps_what_is_known_and_does_not_peek(height, width):
    rng = torch.Generator().manual_seed(height * 40 + width)
    image, holes = (
        torch.rand(2, 3, height, width, generator=rng),
        (torch.rand(2, 1, height, width, generator=rng) < 0.5).float(),
    )
    filled = fill_holes(image, holes)
    assert torch.equal(torch.where(holes > 0, 0.0, filled), torch.where(holes > 0, 0.0, image))
    assert torch.equal(filled, fill_holes(torch.where(holes > 0, torch.rand(image.shape), image), holes))
    assert filled.min() >= 0 and filled.max() <= 1 + 1e-6
    assert torch.allclose(
        fill_holes(torch.full_like(image, 0.25), torch.cat([holes[:1], 0 * holes[1:]]))[1],
        torch.full_like(image[1], 0.25),
    )


def test_one_colour_is_filled_with_itself():
    holes = torch.from_numpy(some_holes(31, 18).astype(np.float32))[None, None]
    assert torch.allclose(fill_holes(torch.full((1, 3, 31, 18), 0.3), holes), torch.tensor(0.3))


def test_what_a_network_is_given_holds_the_mask_and_nothing_of_the_truth():
    truth = torch.rand(2, 3, 24, 20).mul(255).round().div(255)
    given_ = degrade(truth, TASK, strength="text", seed=5)
    holes = given_[:, 3:]
    assert given_.shape == (2, 4, 24, 20) and not torch.equal(holes[0], holes[1])
    assert torch.equal(with_holes(torch.where(holes > 0, 0.7, truth), holes), given_)
    with pytest.raises(ShapeError, match="masks"):
        with_holes(truth, holes[:1])
    with pytest.raises(UnknownNameError, match="missing pixels"):
        degrade(truth, TASK, strength="txt")
    with pytest.raises(UnknownNameError):
        degrade(truth, TASK, strength=0.5)
    with pytest.raises(SettingsError, match="must be a number"):
        degrade(truth, find_task("denoise"), strength="text")


@pytest.mark.parametrize("name", SHAPES)
def test_a_network_changes_missing_pixels_alone(name):
    torch.manual_seed(0)
    for rep in (False, True):
        network = build_model(name, 1, SHAPES[name], planes=4, rep=rep)
        image = with_holes(
            torch.rand(1, 3, 16, 12), torch.from_numpy(some_holes(16, 12).astype(np.float32))[None, None]
        )
        restored, known = network(image), image[:, 3:] == 0
        assert restored.shape == (1, 3, 16, 12)
        assert torch.equal(restored[known.expand_as(restored)], image[:, :3][known.expand_as(restored)])
        assert torch.allclose(folded(network)(image), restored, atol=1e-5)
    with pytest.raises(SettingsError, match="planes"):
        build_model(
            name, 2, {key: value for key, value in SHAPES[name].items() if key not in ("unshuffle", "fine")}, planes=4
        )


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["torch", "onnx"])
@pytest.mark.parametrize("channels, dtype", [(3, np.uint8), (1, np.uint8), (3, np.uint16)])
def test_a_picture_keeps_its_known_pixels_to_the_bit(catalog, tiny_settings, runtime, channels, dtype):
    picture, holes = random_picture(23, 37, channels, dtype), some_holes(23, 37)
    opened = open_runtime(catalog.find("net"), catalog, runtime=runtime, settings=tiny_settings)
    whole = restore_picture(picture, opened, holes=holes)
    assert np.array_equal(whole.pixels[~holes], picture.pixels[~holes]) and not np.array_equal(
        whole.pixels[holes], picture.pixels[holes]
    )
    hidden = replace(picture, pixels=np.where(holes[..., None], 0, picture.pixels).astype(dtype))
    assert np.array_equal(restore_picture(hidden, opened, holes=holes).pixels, whole.pixels)
    tiled = restore_picture(picture, opened, holes=holes, tile_px=8)
    assert np.abs(tiled.pixels.astype(int) - whole.pixels).max() <= 1
    with pytest.raises(SettingsError, match="needs the mask"):
        restore_picture(picture, opened)
    with pytest.raises(ShapeError, match="as large as"):
        restore_picture(picture, opened, holes=holes[1:])


def test_runtimes_agree(catalog, tiny_settings):
    picture, holes = random_picture(24, 30), some_holes(24, 30)
    made = [
        restore_picture(
            picture, open_runtime(catalog.find("net"), catalog, runtime=name, settings=tiny_settings), holes=holes
        ).pixels
        for name in ("torch", "onnx")
    ]
    assert np.abs(made[0].astype(int) - made[1]).max() <= 1


def test_figures_are_those_of_the_missing_pixels():
    truth, holes = torch.full((1, 3, 16, 16), 100 / 255), torch.zeros(1, 1, 16, 16)
    holes[..., 4:8, 4:8] = 1
    restored = truth + (1 - holes) * 50 / 255 + holes * 5 / 255
    assert measure(restored, truth, TASK, holes=holes).psnr_db == pytest.approx(20 * np.log10(255 / 5), abs=1e-6)
    assert measure(restored, truth, TASK, holes=holes).convention == TASK.convention
    with pytest.raises(ShapeError, match="with the mask"):
        measure(restored, truth, TASK)
    with pytest.raises(ShapeError, match="without the mask"):
        measure(restored, truth, find_task("denoise"), holes=holes)


def test_a_set_is_measured_and_the_baselines_with_it(catalog, tiny_settings, tmp_path):
    rows, columns = np.mgrid[:48, :40]
    (tmp_path / "set").mkdir()
    cv2.imwrite(
        str(tmp_path / "set" / "smooth.png"),
        np.stack([rows * 4, columns * 5, rows + columns], axis=-1).astype(np.uint8),
    )
    found = {
        name: evaluate(name, tmp_path / "set", TASK, catalog, tiny_settings, strength="dots")
        for name in ("net", "unprocessed", "navier-stokes")
    }
    assert found["navier-stokes"].psnr_db > 30 and found["unprocessed"].psnr_db > 25
    assert found["net"].convention == TASK.convention
    with pytest.raises(SettingsError, match="not for"):
        evaluate("bicubic", tmp_path / "set", TASK, catalog, tiny_settings)


def test_holes_come_from_a_mask_or_from_what_is_transparent():
    picture, holes = random_picture(9, 7), some_holes(9, 7)
    opaque, found = holes_in(with_transparent(picture, holes))
    assert np.array_equal(found, holes) and opaque.alpha is None
    mask = Picture((holes[..., None] * np.uint8(255)).repeat(3, axis=2))
    assert np.array_equal(holes_in(picture, mask)[1], holes)
    assert opaque.notes == holes_in(picture, mask)[0].notes == ()
    green = replace(picture, pixels=np.full_like(picture.pixels, 90), alpha=np.full((9, 7), 255, np.uint8))
    green.pixels[:2], green.alpha[:2] = (0, 255, 0), 0  # colour that nobody saw, and that no mask marks
    seen, _ = holes_in(green, mask)
    assert (seen.pixels == 90).all() and "the result is opaque" in seen.notes[0]
    for wrong, words in (
        (Picture(mask.pixels[1:]), "as large as"),
        (Picture(mask.pixels * 0), "marks nothing"),
        (Picture(mask.pixels | 255), "every pixel"),
    ):
        with pytest.raises(InputError, match=words):
            holes_in(picture, wrong)
    with pytest.raises(InputError, match="Nothing says"):
        holes_in(picture)


@pytest.mark.slow
def test_the_command_line_takes_what_is_transparent_or_a_mask(catalog, tiny_settings, tmp_path, monkeypatch, capsys):
    # Over 40 lines: three ways to the same result, compared.
    def kdsr(*arguments: object) -> str:
        given_ = ["--weights", catalog.weights_dir, "--device", "cpu", "--threads", 1, *arguments]
        monkeypatch.setattr(sys, "argv", ["kdsr", *map(str, given_)])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().err

    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))
    write_picture(random_picture(20, 24), tmp_path / "clean.png")
    kdsr("degrade", tmp_path / "clean.png", "-o", tmp_path / "holes.png", "--task", "inpaint", "--holes", "blocks")
    degraded = read_picture(tmp_path / "holes.png", tiny_settings)
    assert set(np.unique(degraded.alpha)) == {0, 255}
    kdsr("restore", tmp_path / "holes.png", "-o", tmp_path / "by_alpha.png", "--model", "net")
    write_picture(Picture((degraded.alpha == 0)[..., None] * np.uint8(255)), tmp_path / "mask.png")
    kdsr(
        "restore",
        tmp_path / "clean.png",
        "-o",
        tmp_path / "by_mask.png",
        "--model",
        "net",
        "--mask",
        tmp_path / "mask.png",
    )
    by_alpha, by_mask = (
        read_picture(tmp_path / name, tiny_settings).pixels for name in ("by_alpha.png", "by_mask.png")
    )
    assert np.array_equal(by_alpha, by_mask) and not np.array_equal(by_mask, random_picture(20, 24).pixels)
    assert "Nothing says what is missing" in kdsr(
        "restore", tmp_path / "clean.png", "-o", tmp_path / "no.png", "--model", "net"
    )
    add_network(tiny_settings.weights_dir, "plain", "denoise", "student", "plain", SHAPES["plain"])
    assert "takes no mask" in kdsr(
        "restore",
        tmp_path / "clean.png",
        "-o",
        tmp_path / "no.png",
        "--model",
        "plain",
        "--mask",
        tmp_path / "mask.png",
    )
    assert "dots, scratches" in kdsr(
        "degrade", tmp_path / "clean.png", "-o", tmp_path / "no.png", "--task", "inpaint", "--holes", "hole"
    )


def test_latency_is_taken_with_a_mask(catalog, tiny_settings):
    taken = measure_latency(
        open_runtime(catalog.find("net"), catalog, runtime="torch", settings=tiny_settings), side_px=16, repeats=1
    )
    assert taken.network_ms > 0 and taken.end_to_end_ms > 0


@pytest.mark.slow
@pytest.mark.parametrize("taught", [True, False])
def test_a_student_learns_to_inpaint(taught, tmp_path):
    settings = training_settings(tmp_path)
    teacher = {"teacher": "teacher", "truth_share": 0.5} if taught else {}
    if taught:
        released(
            settings, tmp_path, name="teacher", role="teacher", task="inpaint", arguments={"width": 24, "depth": 4}
        )
    train_recipe(recipe(task="inpaint", degrade_once=taught, **teacher), tmp_path / "run", settings=settings)
    assert (
        events(tmp_path / "run")[-1]["event"] == "finished" and (tmp_path / "run" / "preview" / "input.png").is_file()
    )
    if taught:
        with pytest.raises(SettingsError, match="planes"):
            train_recipe(recipe(task="denoise", degrade_once=True, **teacher), tmp_path / "other", settings=settings)


def test_a_run_is_followed_on_all_kinds_of_holes(monkeypatch):
    asked = []
    monkeypatch.setattr("kdsr.train.validation.degrade", lambda truth, task, *, strength, seed: asked.append(strength))
    for index in range(40):
        held_out_pair(Photo(Path(f"{index}.jpg"), torch.zeros(8, 8, 3, dtype=torch.uint8)), TASK, 8)
    assert set(asked) == set(KINDS)


def test_marks_are_enlarged_to_the_picture(tmp_path, tiny_settings):
    picture = Picture(np.zeros((40, LONGEST_PX * 2, 3), np.uint8))
    canvas = to_be_marked(picture)
    assert canvas.pixels.shape == (20, LONGEST_PX, 3)
    painted = np.zeros((20, LONGEST_PX, 3), np.uint8)
    painted[5:10, 100:200] = 255
    mask = read_picture(write_marks(Picture(painted), picture, tmp_path), tiny_settings)
    assert (mask.width, mask.height) == (picture.width, picture.height)
    assert mask.pixels[10:20, 200:400].all() and mask.pixels.astype(bool).sum() == 10 * 200 * mask.pixels.shape[2]
    with pytest.raises(InputError, match="Nothing is marked"):
        write_marks(Picture(painted * 0), picture, tmp_path)
