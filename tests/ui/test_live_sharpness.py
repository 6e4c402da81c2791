"""The dial of the tab Live without a browser: who has one, the graph at a sharpness, the server's picture at it."""

import base64

import cv2
import numpy as np
import pytest
from helpers.networks import add_sharp_partner

from kdsr.image import Picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import Settings
from kdsr.ui.live.files import public_folder
from kdsr.ui.live.handlers import LiveHandlers
from kdsr.zoo import Catalog, at_sharpness

FAITHFUL, SHARP = "tiny_x4_student", "tiny_x4_sharp"


@pytest.fixture
def handlers(tiny_settings: Settings, tiny_catalog: Catalog) -> LiveHandlers:
    add_sharp_partner(tiny_settings.weights_dir, FAITHFUL, SHARP)
    return LiveHandlers(tiny_settings)


def test_the_two_of_a_pair_have_the_dial_at_their_end_and_others_have_none(handlers):
    dials = {network["name"]: network["sharpness"] for network in handlers.offer()["networks"]}
    assert dials[FAITHFUL]["default"] == 0 and dials[SHARP]["default"] == 1 and dials["tiny_denoise_student"] is None
    assert (dials[FAITHFUL]["minimum"], dials[FAITHFUL]["maximum"]) == (0, 1)


@pytest.mark.parametrize("name", [FAITHFUL, SHARP])
def test_the_ends_are_the_graphs_of_the_two_students_and_between_them_is_another(handlers, name):
    ends = [handlers.graph({"network": each})["graph"] for each in (FAITHFUL, SHARP)]
    made = [handlers.graph({"network": name, "sharpness": value})["graph"] for value in (0, 0.5, 1)]
    assert [made[0], made[2]] == ends and made[1] not in ends


def test_the_graph_at_a_sharpness_is_that_of_the_interpolated_network(handlers, tiny_settings):
    catalog = Catalog(tiny_settings.weights_dir)
    card, _ = at_sharpness(catalog.find(FAITHFUL), catalog, 0.5, tiny_settings)
    assert handlers.graph({"network": FAITHFUL, "sharpness": 0.5})["graph"].endswith(f"{card.sha256}.onnx")


def test_at_most_nine_graphs_of_a_pair_are_made_between_its_ends(handlers, tiny_settings):
    for value in (0.51, 0.5, 0.4999, 0.01, 0.999):
        assert "graph" in handlers.graph({"network": FAITHFUL, "sharpness": value})
    assert len(list(public_folder(tiny_settings).glob("*.onnx"))) == 3  # 0.5 and the ends


@pytest.mark.slow
def test_the_server_restores_at_the_sharpness_and_its_teacher_stays(handlers, tiny_settings):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    order = {"network": FAITHFUL, "sharpness": 0.5, "width": 11, "height": 9}
    order["pixels"] = base64.b64encode(pixels.tobytes()).decode()
    answer = handlers.compare(order | {"role": "student"})
    restored = cv2.imdecode(np.frombuffer(base64.b64decode(answer["png"]), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    catalog = Catalog(tiny_settings.weights_dir)
    runtime = open_runtime(catalog.find(FAITHFUL), catalog, sharpness=0.5, settings=tiny_settings)
    assert np.array_equal(restored, restore_picture(Picture(pixels), runtime).pixels)
    assert answer["name"] == f"{FAITHFUL}-sharpness-0.5"
    assert handlers.compare(order | {"role": "teacher"})["name"] == "tiny_x4_teacher"


@pytest.mark.parametrize(
    "order, told",
    [
        ({"network": FAITHFUL, "sharpness": "0.5"}, "could not read"),
        ({"network": FAITHFUL, "sharpness": True}, "could not read"),
        ({"network": FAITHFUL, "sharpness": 2}, "between 0 (faithful) and 1 (sharp)"),
        ({"network": FAITHFUL, "sharpness": float("nan")}, "between 0 (faithful) and 1 (sharp)"),
        ({"network": "tiny_denoise_student", "sharpness": 0.5}, f"choose one of {FAITHFUL}"),
        ("tiny_x4_student", "no student named"),
        (None, "no student named"),
    ],
)
def test_what_has_no_such_graph_is_one_sentence(handlers, order, told):
    answer = handlers.graph(order)
    assert list(answer) == ["error"] and told in answer["error"]
