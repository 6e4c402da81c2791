"""Huge pictures: strips that go to the file as they are made, the same to the bit as a picture made whole, and nothing
left of one that was stopped.
"""

import errno
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.gate import program_with_gate
from helpers.pictures import KINDS, noise, same

from kdsr.errors import InputError, ShapeError, Stopped
from kdsr.image import Picture, read_picture, write, write_picture, write_strips
from kdsr.image.picture import join_strips
from kdsr.image.plane import resize_plane
from kdsr.image.png import PngWriter
from kdsr.restore import device, open_runtime, restore_file, restore_picture, restore_strips
from kdsr.settings import Settings


@pytest.fixture
def student(tiny_catalog, tiny_settings):
    return open_runtime(tiny_catalog.find("tiny_x4_student"), tiny_catalog, runtime="onnx", settings=tiny_settings)


@pytest.fixture
def folder(tmp_path):
    """A folder with nothing else in it."""
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (29, 17)], ids=str)
def test_a_picture_streamed_to_a_file_has_the_bits_of_one_made_whole(student, folder, monkeypatch, suffix, kind, size):
    dtype, channels, alpha = kind
    source = write_picture(noise(*size, dtype, channels, alpha=alpha), folder / "in.png")
    whole = restore_picture(read_picture(source, Settings()), student, tile_px=8)
    monkeypatch.setattr(write, "_LARGE_BYTES", 0)
    restore_file(source, folder / f"out{suffix}", student, Settings(), tile_px=8)
    assert same(read_picture(folder / f"out{suffix}", Settings()), whole)
    monkeypatch.undo()
    restore_file(source, folder / f"gathered{suffix}", student, Settings(), tile_px=8)
    assert same(read_picture(folder / f"gathered{suffix}", Settings()), whole)
    assert len(list(folder.iterdir())) == 3


def test_a_format_that_cannot_be_streamed_is_gathered_first(student, folder, monkeypatch):
    monkeypatch.setattr(write, "_LARGE_BYTES", 0)
    source = write_picture(noise(21, 18), folder / "in.png")
    restore_file(source, folder / "out.webp", student, Settings(), tile_px=8)
    assert same(
        read_picture(folder / "out.webp", Settings()),
        restore_picture(read_picture(source, Settings()), student, tile_px=8),
    )


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_at_most_two_strips_are_held(folder, monkeypatch, suffix):
    monkeypatch.setattr(write, "_LARGE_BYTES", 0)
    held, most = [], 0

    def strips():
        nonlocal most
        for row in range(9):
            most = max(most, sum(each() is not None for each in held))
            strip = Picture(np.full((2, 5, 3), row, np.uint8))
            held.append(weakref.ref(strip.pixels))
            yield strip
            del strip

    written = read_picture(write_strips(strips(), folder / f"a{suffix}", height=18), Settings())
    assert written.pixels[:, 0, 0].tolist() == sorted([*range(9)] * 2)
    assert most <= 2


def test_strips_that_are_not_the_whole_picture_are_refused(tmp_path):
    with pytest.raises(ShapeError, match="18 rows"):
        join_strips([Picture(np.zeros((2, 5, 3), np.uint8))], 18)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "sizes",
    [((1, 1), (4, 4)), ((7, 13), (28, 52)), ((11, 5), (33, 15)), ((40, 37), (10, 9)), ((9, 8), (17, 3))],
    ids=str,
)
def test_a_plane_resized_by_rows_is_the_one_resized_whole_and_what_torch_makes(dtype, sizes):
    plane = noise(*sizes[0], dtype, 1).pixels[..., 0]
    height, width = sizes[1]
    whole = resize_plane(plane, height, width)
    for rows in (1, 3, 64):
        parts = [
            resize_plane(plane, height, width, slice(top, min(top + rows, height))) for top in range(0, height, rows)
        ]
        assert np.array_equal(np.vstack(parts), whole)
    image = torch.from_numpy(plane.astype(np.float32))[None, None]
    reference = torch.nn.functional.interpolate(image, (height, width), mode="bicubic", antialias=True)[0, 0]
    assert whole.dtype == dtype
    assert (
        np.abs(whole - reference.clamp(0, np.iinfo(dtype).max).numpy()).max() <= 0.5 + 0.02 * np.iinfo(dtype).max / 255
    )


def test_a_stopped_picture_leaves_no_file(student, folder, monkeypatch):
    monkeypatch.setattr(write, "_LARGE_BYTES", 0)
    source, shares = write_picture(noise(40, 20), folder / "in.png"), []
    with pytest.raises(Stopped):
        restore_file(
            source,
            folder / "out.png",
            student,
            Settings(),
            tile_px=8,
            on_progress=shares.append,
            should_stop=lambda: len(shares) == 7,
        )
    assert [path.name for path in folder.iterdir()] == ["in.png"]


def test_a_full_disk_is_told_in_one_sentence_and_leaves_the_old_file(student, folder, monkeypatch):
    monkeypatch.setattr(write, "_LARGE_BYTES", 0)
    source = write_picture(noise(40, 20), folder / "in.png")
    (folder / "out.png").write_text("the old file")
    put, strips = PngWriter.write, []

    def full(self: PngWriter, samples: np.ndarray) -> None:
        strips.append(samples)
        if len(strips) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(self, samples)

    monkeypatch.setattr(PngWriter, "write", full)
    with pytest.raises(InputError, match=r"out\.png' cannot be written \(No space left on device\)"):
        restore_file(source, folder / "out.png", student, Settings(), tile_px=8)
    assert sorted(path.name for path in folder.iterdir()) == ["in.png", "out.png"]
    assert (folder / "out.png").read_text() == "the old file"
    assert len(strips) == 2


def test_what_is_wrong_is_said_before_the_first_strip_is_asked_for(student):
    with pytest.raises(InputError, match="megapixels"):
        restore_strips(Picture(np.zeros((3000, 3000, 3), np.uint8)), student)


def kdsr(*arguments: object, weights: Path, home: Path) -> list[str]:
    """The command line as a process, without a GPU, saying at its end whether torch was imported."""
    code = "import sys\ntry:\n    from kdsr.cli import main\n    main()\nfinally:\n    print('torch' in sys.modules)"
    return [
        "env",
        f"KDSR_HOME={home}",
        sys.executable,
        "-c",
        code,
        "--weights",
        str(weights),
        "--device",
        "cpu",
        "--threads",
        "1",
        *map(str, arguments),
    ]


@pytest.mark.slow
def test_a_graph_that_is_there_runs_without_torch(tiny_catalog, tiny_settings, folder):
    places = {"weights": tiny_catalog.weights_dir, "home": tiny_settings.home}
    for index, (dtype, channels, alpha) in enumerate(KINDS):
        write_picture(noise(6, 5, dtype, channels, alpha=alpha), folder / f"{index}.png")
    printed = []
    for out in ("first", "second"):  # the first one makes the graphs, with torch
        command = kdsr("restore", folder, "-o", folder / out, "--model", "tiny_x4_student", **places)
        printed.append(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip())
        assert len(list((folder / out).glob("*.png"))) == len(KINDS)
    assert printed == ["True", "False"]


def test_a_machine_without_the_driver_of_a_gpu_is_known_without_torch(monkeypatch):
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(device.ctypes, "CDLL", missing)
    monkeypatch.setattr(device.Path, "exists", lambda path: False)
    monkeypatch.setattr(device.sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert device._may_have_gpu()  # it is imported: ask it
    monkeypatch.delitem(sys.modules, "torch")
    assert device.torch_device(Settings()) == "cpu"
    assert "torch" not in sys.modules


@pytest.mark.slow
def test_ctrl_c_leaves_no_half_written_file(tiny_catalog, tiny_settings, folder):
    places = {"weights": tiny_catalog.weights_dir, "home": tiny_settings.home}
    assert cv2.imwrite(str(folder / "in.png"), np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8))
    (folder / "out").mkdir()
    command = kdsr(
        "restore", folder / "in.png", "-o", folder / "out" / "large.png", "--model", "tiny_x4_student", **places
    )
    gate = folder / "gate"
    command[2:5] = program_with_gate(gate, "kdsr.image.png:PngWriter.write", 0, command[4])
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while not any((folder / "out").iterdir()):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        gate.unlink()
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False), err
    assert list((folder / "out").iterdir()) == []
