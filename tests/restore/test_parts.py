"""Where memory is short, tiles are restored in parts, and the notes say so."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.pictures import noise

from kdsr.errors import SettingsError
from kdsr.image import read_picture, write_picture
from kdsr.restore import open_runtime, restore_file
from kdsr.restore.engine import restore, restore_picture
from kdsr.restore.parts import lacks_memory
from kdsr.settings import Settings


class ShortOfMemory:
    """A runtime that has memory for `most_px` input pixels and the halo around them, and otherwise raises `error`."""

    def __init__(self, runtime, most_px, error):
        self.about, self.runtime, self.most, self.error = runtime.about, runtime, most_px, error
        self.sides = []

    def _checked(self, height, width):
        self.sides.append((height, width))
        if max(height, width) > self.most + 2 * self.about.halo:
            raise self.error

    def run_uint8(self, pixels):
        self._checked(*pixels.shape[:2])
        return self.runtime.run_uint8(pixels)

    def run(self, image):
        self._checked(*image.shape[-2:])
        return self.runtime.run(image)

    def run_array(self, image):
        self._checked(*image.shape[-2:])
        return self.runtime.run_array(image)


@pytest.fixture
def student(tiny_catalog, tiny_settings):
    return open_runtime(tiny_catalog.find("tiny_x4_student"), tiny_catalog, runtime="torch", settings=tiny_settings)


def from_onnx():
    """As `as_settings_error` makes it of what ONNX Runtime raises."""
    error = SettingsError("The runtime onnx fails on this machine.")
    error.__cause__ = RuntimeError("Failed to allocate memory for requested buffer of size 4294967296")
    return error


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [MemoryError(), from_onnx(), torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("std::bad_alloc")],
    ids=["numpy", "onnx", "cuda", "openvino"],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_tiles_are_halved_until_they_fit_and_the_picture_is_the_same(student, error, bits):
    picture = noise(150, 131)
    if bits == 16:
        picture = replace(picture, pixels=picture.pixels.astype(np.uint16) * 257)
    short = ShortOfMemory(student, 40, error)
    made, whole = (restore_picture(picture, runtime, tile_px=140) for runtime in (short, student))
    assert made.notes == ("Memory was short: the picture was restored in tiles of 32 pixels.",)
    assert np.abs(made.pixels.astype(int) - whole.pixels.astype(int)).max() <= (1 if bits == 8 else 2)
    failed = [side for side in short.sides if max(side) > 40 + 2 * student.about.halo]
    assert len(failed) == 2  # 131 and 65: later tiles begin with what fits
    assert whole.notes == ()


def test_a_tensor_s_tiles_are_halved_as_a_picture_s_are(student):
    image = torch.rand(1, 3, 150, 131, generator=torch.Generator().manual_seed(0))
    short = ShortOfMemory(student, 40, torch.OutOfMemoryError("CUDA out of memory."))
    assert (restore(image, short, tile_px=140) - restore(image, student, tile_px=140)).abs().max() < 1e-5
    assert len([side for side in short.sides if max(side) > 40 + 2 * student.about.halo]) == 2
    with pytest.raises(SettingsError, match="too little memory for this network"):
        restore(image, ShortOfMemory(student, 1, MemoryError()))


def test_where_the_smallest_tile_does_not_fit_it_is_one_sentence(student):
    with pytest.raises(SettingsError, match="too little memory for this network"):
        restore_picture(noise(64, 64), ShortOfMemory(student, 1, MemoryError()))


def test_any_other_error_is_told_at_once(student):
    short = ShortOfMemory(student, 1, RuntimeError("Convolution node is not initialized"))
    with pytest.raises(RuntimeError, match="not initialized"):
        restore_picture(noise(64, 64), short)
    assert len(short.sides) == 1


def test_a_file_s_notes_say_it(student, tmp_path):
    source = write_picture(noise(70, 60), tmp_path / "in.png")
    short = ShortOfMemory(student, 40, MemoryError())
    notes = restore_file(source, tmp_path / "out.png", short, Settings())
    assert [note for note in notes if note.startswith("Memory was short")]
    assert read_picture(tmp_path / "out.png", Settings()).pixels.shape == (280, 240, 3)


@pytest.mark.parametrize("error", [ValueError("allocate"), RuntimeError("broken"), SettingsError("out of memory")])
def test_what_is_no_lack_of_memory(error):
    assert not lacks_memory(error)
