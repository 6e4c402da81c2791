"""The tab Live without a browser: what its server answers, what it refuses, and the files that it hands out."""

import base64
import gzip
import hashlib
import lzma
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.networks import add_network, write_random_network

from kdsr.image import Picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.live.files import BINARY, SCRIPTS, public_folder, public_graph
from kdsr.ui.live.handlers import MOST_PIXELS, LiveHandlers, offered
from kdsr.zoo import Catalog

STUDENT = "tiny_x4_student"
VENDORED = SCRIPTS / "onnxruntime-web"


@pytest.fixture
def handlers(tiny_settings: Settings, tiny_catalog: Catalog) -> LiveHandlers:
    return LiveHandlers(tiny_settings)


def order(pixels: np.ndarray, role: str = "student", network: str = STUDENT, **given: object) -> dict[str, object]:
    height, width = pixels.shape[:2]
    return {
        "network": network,
        "role": role,
        "width": width,
        "height": height,
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
    } | given


def pixels_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_students_of_pictures_are_offered_smallest_first_and_the_smallest_for_x4_starts(handlers, tiny_settings):
    add_network(tiny_settings.weights_dir, "sr_x4-smaller", "sr_x4", "student", "plain", {"width": 8, "depth": 2})
    add_network(tiny_settings.weights_dir, "inpaint-student", "inpaint", "student", "plain", {"width": 8, "depth": 3})
    offer = handlers.offer()
    assert [network["name"] for network in offer["networks"]] == ["sr_x4-smaller", STUDENT, "tiny_denoise_student"]
    assert offer["start"] == "sr_x4-smaller" and len(offer["examples"]) == 8
    noise = offer["networks"][2]["strength"]
    assert (noise["minimum"], noise["maximum"], noise["default"]) == (0, 55, 25) and offer["networks"][0][
        "strength"
    ] is None
    add_network(tiny_settings.weights_dir, "photo_x1-student", "photo_x1", "student", "plain", {"width": 8, "depth": 3})
    taken = next(network for network in handlers.offer()["networks"] if network["task"] == "Noisy photos")
    assert taken["strength"] is None  # a browser makes no camera's noise
    assert offer["networks"][1]["teacher"] == "tiny x4 teacher" and offer["networks"][2]["teacher"] is None


def test_without_students_the_offer_is_empty_and_not_an_error(tiny_settings):
    write_random_network(tiny_settings.weights_dir, "tiny_x4_teacher")
    offer = LiveHandlers(tiny_settings).offer()
    assert offer["networks"] == [] and offer["start"] is None


def test_a_graph_is_the_8_bit_one_in_the_public_folder_and_follows_its_weights(handlers, tiny_settings, tiny_catalog):
    answer = handlers.graph({"network": "tiny_denoise_student"})
    card = tiny_catalog.find("tiny_denoise_student")
    path = public_graph(card, tiny_catalog, tiny_settings)
    assert (
        answer == {"graph": f"/file={path.resolve().as_posix()}", "multiple": 2} and path.name == f"{card.sha256}.onnx"
    )
    assert path.read_bytes() == (tiny_settings.home / "onnx" / f"{card.sha256}.uint8.onnx").read_bytes()
    changed = write_random_network(tiny_settings.weights_dir, "tiny_denoise_student", seed=9)
    assert public_graph(changed, Catalog(tiny_settings.weights_dir), tiny_settings).read_bytes() != path.read_bytes()


def test_the_public_folder_holds_graphs_of_offered_students_and_examples_alone(handlers, tiny_settings):
    handlers.offer(), handlers.thumbnails(), handlers.graph({"network": STUDENT})
    names = sorted(path.name for path in public_folder(tiny_settings).iterdir())
    assert len(names) == 8 + 8 + 1 and not [name for name in names if not name.endswith((".png", ".jpg", ".onnx"))]
    assert (
        "no student named" in handlers.graph({"network": "tiny_x4_teacher"})["error"]
        and "no student named" in handlers.graph({"network": "../secret"})["error"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (32, 24)])
@pytest.mark.parametrize("role", ["student", "teacher"])
def test_the_server_restores_what_was_sent_exactly_as_elsewhere_and_says_where_and_how_long(
    handlers, tiny_settings, tiny_catalog, role, size
):
    pixels = pixels_of(*size)
    answer = handlers.compare(order(pixels, role))
    restored = cv2.imdecode(np.frombuffer(base64.b64decode(answer["png"]), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    runtime = open_runtime(tiny_catalog.find(f"tiny_x4_{role}"), tiny_catalog, settings=tiny_settings)
    assert np.array_equal(restored, restore_picture(Picture(pixels), runtime).pixels)
    assert 0 < answer["network_ms"] <= answer["end_to_end_ms"] < answer["busy_ms"] and answer["repeats"] == 5
    assert (answer["name"], answer["runtime"], answer["device"], answer["threads"]) == (
        f"tiny_x4_{role}",
        texts.RUNTIMES[runtime.about.name],
        "cpu",
        1,
    )


@pytest.mark.parametrize(
    "given, told",
    [
        (None, "could not read"),
        ({"role": "anyone"}, "could not read"),
        ({"width": -8}, "could not read"),
        ({"width": 8.0}, "could not read"),
        ({"height": True}, "could not read"),
        ({"pixels": "AAAA"}, "arrived incomplete"),
        ({"pixels": "ü"}, "arrived incomplete"),
        ({"pixels": None}, "arrived incomplete"),
        ({"width": MOST_PIXELS, "height": 2}, "choose a smaller size"),
        ({"width": 512, "height": 512}, "arrived incomplete"),  # as many as are allowed
        ({"width": 513, "height": 512}, "choose a smaller size"),
        ({"network": "tiny_x4_studnet"}, "Did you mean 'tiny_x4_student'"),
        ({"network": "tiny_denoise_student", "role": "teacher"}, "no teacher for denoising"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(handlers, given, told):
    answer = handlers.compare(None if given is None else order(pixels_of(8, 8)) | given)
    assert list(answer) == ["error"] and told in answer["error"]


def test_more_visitors_than_can_wait_are_told_so_and_the_next_one_is_served(handlers):
    taken = []
    while handlers._room.acquire(blocking=False):
        taken.append(1)
    assert 4 <= len(taken) <= 16
    assert handlers.compare(order(pixels_of(8, 8))) == {"error": texts.LIVE_BUSY}
    handlers._room.release()
    assert (
        "png" in handlers.compare(order(pixels_of(8, 8)))
        and "error" in handlers.compare(None)
        and "png" in handlers.compare(order(pixels_of(8, 8)))
    )


def test_a_home_that_cannot_be_written_is_one_sentence(tiny_settings, tiny_catalog):
    tiny_settings.home.write_text("a file where a folder should be")
    for answer in (LiveHandlers(tiny_settings).offer(), LiveHandlers(tiny_settings).graph({"network": STUDENT})):
        assert "KDSR_HOME" in answer["error"]


@pytest.mark.slow
def test_a_teacher_is_the_one_that_the_student_names(handlers, tiny_settings):
    add_network(tiny_settings.weights_dir, "larger", "sr_x4", "teacher", "residual", {"width": 16, "blocks": 2})
    assert handlers.compare(order(pixels_of(8, 8), "teacher"))["name"] == "tiny_x4_teacher"


@pytest.mark.slow
def test_the_vendored_files_are_those_that_their_readme_names():
    told = dict(
        re.findall(
            r"^\| `(\S+)` \| ([0-9a-f]{64}) \|$", (VENDORED / "README.md").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    assert len(told) == 3
    for name, sha256 in told.items():
        packed = VENDORED / f"{name}.xz"
        content = lzma.decompress(packed.read_bytes()) if packed.is_file() else (VENDORED / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256, name
    kept = {path.name.removesuffix(".gz").removesuffix(".xz") for path in VENDORED.iterdir()}
    assert kept == {*told, "README.md", "LICENSE", "ThirdPartyNotices.txt"}
    assert max(path.stat().st_size for path in VENDORED.iterdir()) < 10e6  # a Space takes no larger file without LFS


@pytest.mark.slow
def test_the_binary_is_gzipped_where_browsers_fetch_it(handlers, tiny_settings):
    answer = handlers.binary()
    served = public_folder(tiny_settings) / f"{BINARY}.gz"
    assert str(answer["binary"]).endswith(f"{BINARY}.gz")
    assert gzip.decompress(served.read_bytes()) == lzma.decompress((VENDORED / f"{BINARY}.xz").read_bytes())
    made = served.stat().st_mtime_ns
    handlers.binary()
    assert served.stat().st_mtime_ns == made


def test_scripts_name_no_other_site():
    for path in SCRIPTS.glob("*.*"):
        assert not re.search(r"https?://", path.read_text(encoding="utf-8")), path.name


def test_released_students_are_offered(tmp_path):
    catalog = Catalog(Path(__file__).parents[2] / "weights")
    names = [card.name for card in offered(catalog)]
    assert LiveHandlers(Settings(home=tmp_path)).offer()["start"] == "sr_x4-student-16x7"
    assert {"sr_x4-student-16x7", "denoise-student-32x7"} <= set(names) and not any(
        "inpaint" in name or "twin" in name for name in names
    )
