"""The endpoints for restoring as a script uses them: by the page's own examples, and with every argument wrong."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from helpers.networks import add_network, add_sharp_partner
from helpers.running import photograph
from helpers.serving import served, tiny_settings_in
from PIL import Image
from typer.testing import CliRunner

from kdsr.cli import build_app
from kdsr.image import read_picture, to_tensor
from kdsr.metrics import measure
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui.endpoints.panel import ADDRESS, panel

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and client warn of things of their own
]
STUDENT, TEACHER = "tiny_x4_student", "tiny_x4_teacher"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    settings = tiny_settings_in(tmp_path_factory.mktemp("served"))
    add_sharp_partner(settings.weights_dir, STUDENT, "tiny_x4_sharp")
    add_network(settings.weights_dir, "fill", "inpaint", "student", "plain", {"width": 8, "depth": 3})
    return settings


@pytest.fixture(scope="module")
def client(settings, tmp_path_factory):
    """A script that is connected to the served page."""
    with served(settings) as address:
        connected = Client(address, verbose=False, download_files=tmp_path_factory.mktemp("fetched"))
        yield connected
        connected.close()


@pytest.fixture
def photo(tmp_path):
    return photograph(tmp_path / "photo.png", 24, 31)


def by_command(settings, source, network, *options):
    """The bytes of the file that `kdsr restore` makes of `source`."""
    target = source.with_name("by command.png")
    words = ["restore", str(source), "-o", str(target), "--model", network, *options]
    done = CliRunner().invoke(build_app(), words, obj=settings, env={
        "KDSR_WEIGHTS_DIR": str(settings.weights_dir), "KDSR_HOME": str(settings.home), "KDSR_DEVICE": "cpu",
        "KDSR_THREADS": "1",
    })  # fmt: skip
    assert done.exit_code == 0, done.output
    return target.read_bytes()


def shown_example(settings, title):
    """The example `title` as the page shows it, for copying."""
    found = re.search(rf"<figcaption>{title}</figcaption>.*?<pre[^>]*>(.*?)</pre>", str(panel(settings)), re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", found[1]))


@pytest.mark.parametrize("title, interpreter", [("Python", [sys.executable, "-c"]), ("curl", ["bash", "-ec"])])
def test_the_pages_own_example_gives_the_bits_of_the_command(client, settings, photo, title, interpreter):
    code = shown_example(settings, title).replace(ADDRESS, client.src.rstrip("/"))
    assert client.src.rstrip("/") in code
    done = subprocess.run([*interpreter, code], cwd=photo.parent, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert (photo.parent / "restored.png").read_bytes() == by_command(settings, photo, STUDENT)


def test_the_page_shows_the_examples_with_the_limits(client, settings):
    config = httpx.get(f"{client.src}config", timeout=60).json()
    shown = [each["props"].get("value") for each in config["components"] if each["type"] == "html"]
    assert str(panel(settings)) in shown
    assert f"{settings.max_output_megapixels:g} to make" in panel(settings) and "300 s" in panel(settings)


@pytest.mark.parametrize("sharpness", [0, 0.5, 1])
def test_sharpness_is_that_of_the_command(client, settings, photo, sharpness):
    found = client.predict(handle_file(photo), "sr_x4", STUDENT, sharpness, api_name="/restore")
    assert Path(found).read_bytes() == by_command(settings, photo, STUDENT, "--sharpness", str(sharpness))


def test_strip_leaves_out_what_the_picture_says_beside_its_pixels(client, settings, photo):
    resolved = photo.with_name("resolved.png")
    with Image.open(photo) as image:
        image.save(resolved, dpi=(300, 300))
    for options, strip in ((["--strip"], True), ([], False)):
        found = client.predict(handle_file(resolved), "sr_x4", STUDENT, None, None, strip, api_name="/restore")
        assert Path(found).read_bytes() == by_command(settings, resolved, STUDENT, *options)
        assert (b"pHYs" in Path(found).read_bytes()) is not strip


def test_holes_are_filled_by_a_mask_as_by_the_command(client, settings, photo):
    marks = np.zeros((24, 31), np.uint8)
    marks[5:9, 4:20] = 255
    mask = photo.with_name("mask.png")
    cv2.imwrite(str(mask), marks)
    found = client.predict(
        picture=handle_file(photo), task="inpaint", network="fill", mask=handle_file(mask), api_name="/restore"
    )
    assert Path(found).read_bytes() == by_command(settings, photo, "fill", "--mask", str(mask))


def test_a_name_in_any_script_is_restored_to_a_plain_one(client, photo):
    named = photo.rename(photo.with_name("фото 写真 é.png"))
    found = client.predict(handle_file(named), "sr_x4", STUDENT, api_name="/restore")
    assert re.fullmatch(r"[A-Za-z0-9._-]+", Path(found).name)
    assert read_picture(found, Settings()).width == 4 * 31


def test_models_are_listed_with_their_figures(client):
    found = client.predict("sr_x4", api_name="/models")
    assert found[0]["name"] == TEACHER
    assert {each["role"] for each in found} == {"teacher", "student", "twin"}
    assert all({"parameters", "licence", "figures"} <= each.keys() for each in found)
    assert len(client.predict(api_name="/models")) > len(found)


def test_a_comparison_has_student_teacher_and_their_figures(client, settings, tmp_path):
    clean = photograph(tmp_path / "clean.png", 64, 80)
    found = client.predict(handle_file(clean), "sr_x4", degrade=True, api_name="/compare")
    pictures, truth = found["pictures"], to_tensor(read_picture(clean, settings))
    for role, network in (("student", STUDENT), ("teacher", TEACHER)):
        restored = to_tensor(read_picture(pictures[role]["file"], settings))
        assert pictures[role]["network"] == network
        assert pictures[role]["psnr_db"] == measure(restored, truth, find_task("sr_x4")).psnr_db
    assert found["size"] == [80, 64] and found["apart"]["psnr_db"] > 0 and pictures["bicubic"]["psnr_db"] > 0
    alone = client.predict(handle_file(clean), "sr_x4", teacher=TEACHER, api_name="/compare")
    assert "psnr_db" not in alone["pictures"]["student"] and alone["size"] == [320, 256]


def test_two_pictures_are_measured_by_the_convention_of_the_task(client, settings, tmp_path):
    first, second = photograph(tmp_path / "one.png", 40, 44), tmp_path / "two.png"
    cv2.imwrite(str(second), cv2.blur(cv2.imread(str(first)), (3, 3)))
    found = client.predict(handle_file(second), handle_file(first), "sr_x4", api_name="/evaluate")
    wanted = measure(*(to_tensor(read_picture(path, settings)) for path in (second, first)), find_task("sr_x4"))
    assert (found["psnr_db"], found["ssim"], found["convention"]) == (wanted.psnr_db, wanted.ssim, wanted.convention)
    same = client.predict(handle_file(first), handle_file(first), "denoise", api_name="/evaluate")
    assert same["psnr_db"] is None and same["identical"] and same["ssim"] == 1


GOOD = {
    "/restore": {"picture": "photo", "task": "sr_x4", "network": STUDENT},
    "/compare": {"picture": "photo", "task": "sr_x4"},
    "/evaluate": {"restored": "photo", "original": "photo", "task": "sr_x4"},
    "/models": {"task": "sr_x4"},
}
WRONG_KINDS = (None, 7, True, [], {}, {"path": 3}, "x" * 5000, "a\0b", ["sr_x4"], -1.5)
PLACES = [(endpoint, name) for endpoint, given in GOOD.items() for name in given] + [
    *(("/restore", name) for name in ("sharpness", "mask")),
    *(("/compare", name) for name in ("student", "teacher", "original", "degrade", "strength")),
    ("/evaluate", "mask"),
]
MAY_BE_LEFT_OUT = {"sharpness", "mask", "student", "teacher", "original", "strength"}


@pytest.mark.parametrize("endpoint, name", PLACES)
def test_a_value_of_another_kind_is_one_sentence(client, photo, endpoint, name):
    good = {key: handle_file(photo) if value == "photo" else value for key, value in GOOD[endpoint].items()}
    for value in WRONG_KINDS:
        if value is None and (name in MAY_BE_LEFT_OUT or endpoint == "/models"):
            continue
        if name == "degrade" and value is True:
            continue
        with pytest.raises(AppError) as caught:
            client.predict(**good | {name: value}, api_name=endpoint)
        sentence = str(caught.value)
        assert sentence[-1] in ".?" and len(sentence) < 300, (value, sentence)
        assert len(re.findall(r"[.?!](?:\s|$)", sentence)) == 1 and "Traceback" not in sentence, (value, sentence)


@pytest.mark.parametrize(
    "endpoint, changes, words",
    [
        ("/restore", {"task": "sr_x5"}, "did you mean 'sr_x"),
        ("/restore", {"network": "tiny_x4_studnet"}, "did you mean 'tiny_x4_student'"),
        ("/restore", {"network": "tiny_denoise_student"}, "There is no network"),
        ("/restore", {"network": "run:rAAAAAAAAAAAAAAAAAAAA"}, "There is no network"),
        ("/restore", {"sharpness": 2}, "between 0"),
        ("/compare", {"strength": 5}, "leave it out"),
        ("/evaluate", {"task": "inpaint"}, "give the mask"),
    ],
)
def test_what_cannot_be_done_says_why(client, photo, endpoint, changes, words):
    good = {key: handle_file(photo) if value == "photo" else value for key, value in GOOD[endpoint].items()}
    with pytest.raises(AppError, match=words):
        client.predict(**good | changes, api_name=endpoint)


def answer_of(client, endpoint, body):
    """(event, data) that the server sends for `body`, as curl sees them."""
    event = httpx.post(f"{client.src}gradio_api/call/v2{endpoint}", json=body, timeout=60).json()["event_id"]
    lines = httpx.get(f"{client.src}gradio_api/call{endpoint}/{event}", timeout=60).text.strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


@pytest.mark.parametrize("path", ["/etc/hostname", "{home}/owners.key", "{home}/gradio/../jobs.sqlite"])
def test_no_other_file_of_the_server_can_be_restored(client, settings, path):
    named = path.format(home=settings.home)
    for picture in ({"path": named, "meta": {"_type": "gradio.FileData"}}, {"path": named}, named):
        event, told = answer_of(client, "/restore", {"picture": picture, "task": "sr_x4", "network": STUDENT})
        assert event == "error" and "uploaded" in told["error"]


def test_curl_gets_the_same_sentence_also_for_what_is_missing(client):
    event, told = answer_of(client, "/restore", {"task": "sr_x4"})
    assert event == "error" and told["error"].startswith("picture must be an uploaded file")


def test_a_text_file_is_one_sentence(client, tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(AppError, match=r"notes\.png.* is not a picture"):
        client.predict(handle_file(tmp_path / "notes.png"), "sr_x4", STUDENT, api_name="/restore")


@pytest.mark.parametrize("part", [("", b"x"), (None, b"x")])
def test_an_upload_without_a_name_is_one_sentence(client, caplog, part):
    answer = httpx.post(f"{client.src}gradio_api/upload", files={"files": part}, timeout=60)
    assert answer.status_code == 422 and "needs files with their names" in answer.json()["detail"]
    assert not [record for record in caplog.records if record.exc_info]
