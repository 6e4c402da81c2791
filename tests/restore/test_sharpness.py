"""A runtime at a sharpness: its ends are the two students to the bit, and every runtime takes what lies between."""

import numpy as np
import pytest
from helpers.networks import add_sharp_partner

from kdsr.image import Picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.zoo import Catalog

FAITHFUL, SHARP = "tiny_x4_student", "tiny_x4_sharp"


@pytest.fixture
def paired(tiny_catalog: Catalog) -> Catalog:
    add_sharp_partner(tiny_catalog.weights_dir, FAITHFUL, SHARP)
    return Catalog(tiny_catalog.weights_dir)


@pytest.fixture
def picture() -> Picture:
    return Picture(np.random.default_rng(0).integers(0, 256, (13, 17, 3), np.uint8))


@pytest.mark.parametrize("name", [FAITHFUL, SHARP])
def test_the_ends_are_the_runtimes_of_the_two_students(paired, tiny_settings, name):
    for sharpness, end in ((0, FAITHFUL), (1, SHARP)):
        opened = open_runtime(paired.find(name), paired, runtime="torch", sharpness=sharpness, settings=tiny_settings)
        assert opened is open_runtime(paired.find(end), paired, runtime="torch", settings=tiny_settings)


def test_between_them_is_one_network_kept_warm(paired, tiny_settings, picture):
    card = paired.find(FAITHFUL)
    opened = [
        open_runtime(card, paired, runtime="torch", sharpness=value, settings=tiny_settings)
        for value in (0.5, 0.5, 0.6)
    ]
    assert opened[0] is opened[1] is not opened[2]
    results = [restore_picture(picture, runtime).pixels for runtime in opened]
    assert not np.array_equal(results[0], results[2])


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_graphs_of_interpolated_weights_agree_with_torch(paired, tiny_settings, picture, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino")
    card, given = paired.find(FAITHFUL), {"sharpness": 0.5, "settings": tiny_settings}
    restored, wanted = (
        restore_picture(picture, open_runtime(card, paired, runtime=name, **given)).pixels.astype(int)
        for name in (runtime, "torch")
    )
    assert np.abs(restored - wanted).max() <= 1
