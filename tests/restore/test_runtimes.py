"""OpenVINO, the check of a runtime against torch, and which runtime `auto` takes."""

import itertools
import json
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.integers import quantised

from kdsr.cli.options import RuntimeName
from kdsr.errors import SettingsError, WeightsError
from kdsr.restore import available_runtimes, exact_runtimes, export_onnx, open_runtime, openvino_session, runtimes
from kdsr.restore.cache import KEPT, Remembered
from kdsr.restore.choice import choice_key, choose
from kdsr.restore.export import LOWEST_PSNR_DB, check_session
from kdsr.restore.graph import onnx_graph
from kdsr.restore.openvino_session import as_pixels, open_openvino_session
from kdsr.restore.processor import cuts_byte_sums
from kdsr.restore.runtime import RuntimeInfo
from kdsr.restore.session import open_session
from kdsr.ui import texts


class Fake:
    """A runtime that takes `seconds` on `clock` for each picture."""

    about = RuntimeInfo("fake", "cpu", 1, "float32", scale=1, planes=3, multiple=2, halo=0, max_output_megapixels=1.0)

    def __init__(self, clock: "Clock", seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def run_uint8(self, pixels: np.ndarray) -> np.ndarray:
        self.clock.now += self.seconds
        return pixels


class Clock:
    """Seconds that pass when somebody says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def memory(tmp_path):
    return Remembered(tmp_path / "home" / "runtimes.json")


def test_the_fastest_is_chosen_and_measured_once(memory):
    clock, opened = Clock(), []

    def candidate(name: str, seconds: float):
        return lambda: opened.append(name) or Fake(clock, seconds)

    candidates = {
        "slow": candidate("slow", 0.3),
        "quick": candidate("quick", 0.1),
        "middling": candidate("middling", 0.2),
    }
    assert [choose(candidates, "key", memory, clock=clock) for _ in range(3)] == ["quick"] * 3
    assert opened == ["slow", "quick", "middling"]
    assert choose(candidates, "key", Remembered(memory.path), clock=clock) == "quick"  # as another process sees it
    assert len(opened) == 3
    assert choose(candidates, "another key", memory, clock=clock) == "quick"
    assert len(opened) == 6


def test_a_slow_moment_does_not_decide(memory):
    clock = Clock()
    quick = Fake(clock, 0.01)
    moments = itertools.count()

    def disturbed(pixels: np.ndarray) -> np.ndarray:
        clock.now += 0.01 if next(moments) == 2 else 0.2
        return pixels

    quick.run_uint8 = disturbed
    assert choose({"steady": lambda: Fake(clock, 0.05), "quick": lambda: quick}, "key", memory, clock=clock) == "quick"


def test_what_is_remembered_of_a_runtime_that_is_gone_does_not_count(memory):
    clock = Clock()
    memory.put("key", {"gone": 0.1, "slow": 9.0, "quick": "no number"})
    assert (
        choose({"slow": lambda: Fake(clock, 0.2), "quick": lambda: Fake(clock, 0.1)}, "key", memory, clock=clock)
        == "slow"
    )
    memory.put("key", "garbage")
    assert (
        choose({"slow": lambda: Fake(clock, 0.2), "quick": lambda: Fake(clock, 0.1)}, "key", memory, clock=clock)
        == "quick"
    )


def test_a_candidate_that_fails_its_check_is_left_out(memory):
    def broken():
        raise WeightsError("differs from the network")

    clock = Clock()
    assert choose({"broken": broken, "sound": lambda: Fake(clock, 1.0)}, "key", memory, clock=clock) == "sound"
    with pytest.raises(WeightsError, match="differs"):
        choose({"broken": broken, "too": broken}, "other", memory, clock=clock)


def test_threads_that_choose_at_once_measure_once(memory):
    clock, opened, got = Clock(), [], []
    candidates = {name: lambda name=name: opened.append(name) or Fake(clock, 0.1) for name in ("one", "two")}
    threads = [
        threading.Thread(target=lambda: got.append(choose(candidates, "key", memory, clock=clock))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(opened) == ["one", "two"]
    assert len(set(got)) == 1 and len(got) == 6


def test_the_key_tells_shapes_threads_and_integers_apart(tiny_catalog, tiny_settings):
    student, twin, teacher = (tiny_catalog.find(f"tiny_x4_{role}") for role in ("student", "twin", "teacher"))
    key = choice_key(student, tiny_settings)
    assert key == choice_key(replace(twin, name="other", role="student"), tiny_settings)
    others = [choice_key(teacher, tiny_settings), choice_key(student, replace(tiny_settings, threads=2))]
    others.append(choice_key(replace(student, precision="int8"), tiny_settings))
    assert len({key, *others}) == 4


@pytest.mark.parametrize("garbage", ["", "{", "[1, 2]", "null", "\x00\x01"])
def test_a_damaged_file_counts_as_empty_and_is_mended(memory, garbage):
    memory.path.parent.mkdir()
    memory.path.write_text(garbage)
    assert memory.get("a") is None
    memory.put("a", 1)
    assert Remembered(memory.path).get("a") == 1


def test_two_that_write_keep_what_the_other_wrote(memory):
    other = Remembered(memory.path)
    memory.put("a", 1)
    other.put("b", 2)
    memory.put("c", 3)
    assert json.loads(memory.path.read_text()) == {"a": 1, "b": 2, "c": 3}
    assert [path.name for path in memory.path.parent.iterdir()] == [memory.path.name]


def test_the_oldest_facts_go_first(memory):
    memory.path.parent.mkdir()
    memory.path.write_text(json.dumps({str(index): index for index in range(KEPT)}))
    memory.put("new", 0)
    kept = json.loads(memory.path.read_text())
    assert len(kept) == KEPT
    assert "0" not in kept and kept["new"] == 0


def test_a_home_that_cannot_be_written_is_remembered_in_the_process(tmp_path):
    (tmp_path / "file").write_text("in the way")
    memory = Remembered(tmp_path / "file" / "runtimes.json")
    memory.put("a", 1)
    assert (memory.get("a"), Remembered(memory.path).get("a")) == (1, None)


@pytest.mark.slow
def test_auto_takes_an_exact_runtime_and_remembers_it(tiny_catalog, tiny_settings):
    card = tiny_catalog.find("tiny_x4_student")
    opened = open_runtime(card, tiny_catalog, settings=tiny_settings)
    assert (opened.about.name in exact_runtimes(), opened.about.precision) == (True, "float32")
    kept = json.loads((tiny_settings.home / "runtimes.json").read_text())
    assert set(kept[choice_key(card, tiny_settings)]) == {"torch", "onnx", "openvino"}
    assert open_runtime(card, tiny_catalog, settings=tiny_settings) is opened


def test_without_openvino_the_others_are_taken_and_asking_for_it_says_what_to_do(
    tiny_catalog, tiny_settings, monkeypatch
):
    monkeypatch.setattr(runtimes, "has_openvino", lambda: False)
    assert available_runtimes() == exact_runtimes() == ("torch", "onnx")
    card = tiny_catalog.find("tiny_x4_student")
    assert open_runtime(card, tiny_catalog, settings=tiny_settings).about.name in ("torch", "onnx")
    for name in ("openvino", "openvino-bf16"):
        with pytest.raises(SettingsError, match=r"pip install 'kdsr\[fast\]'"):
            open_runtime(card, tiny_catalog, runtime=name, settings=tiny_settings)


def test_the_command_line_and_the_page_offer_every_runtime():
    assert [name.value for name in RuntimeName] == ["auto", *runtimes.RUNTIMES]
    assert list(texts.RUNTIMES) == list(runtimes.RUNTIMES)


@pytest.mark.slow
def test_openvino_is_imported_only_when_it_is_used():
    code = "import sys, kdsr.restore.runtimes; print([name for name in sys.modules if name.startswith('openvino')])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
        ).stdout.strip()
        == "[]"
    )


def test_openvino_takes_the_file_beside_the_weights_if_it_was_made_from_them(tiny_catalog, tiny_settings):
    card = tiny_catalog.find("tiny_x4_student")
    export_onnx(card, tiny_catalog, tiny_catalog.weights_dir / f"{card.name}.onnx")
    opened = open_runtime(card, tiny_catalog, runtime="openvino", settings=tiny_settings)
    assert (opened.about.scale, opened.about.multiple, opened.about.halo) == (4, 1, 3)
    assert not (tiny_settings.home / "onnx").exists()


@pytest.mark.parametrize("block", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (31, 2)])
def test_planes_become_pixels_as_torch_shuffles_them(block, size):
    planes = np.random.default_rng(0).integers(0, 256, (1, 3 * block**2, *size), np.uint8)
    wanted = torch.pixel_shuffle(torch.from_numpy(planes), block)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(as_pixels(planes, block), wanted)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "block"), [("tiny_x4_student", 4), ("tiny_x4_teacher", 4), ("tiny_denoise_student", 2)]
)
def test_the_end_of_an_8_bit_graph_is_left_to_opencv_and_that_of_a_float_graph_is_not(
    tiny_catalog, tiny_settings, name, block
):
    opened = open_runtime(tiny_catalog.find(name), tiny_catalog, runtime="openvino", settings=tiny_settings)
    assert opened.run(torch.zeros(1, 3, 4, 6)).shape[2:] == (4 * opened.about.scale, 6 * opened.about.scale)
    assert {uint8: session._block for uint8, session in opened._sessions.items()} == {True: block, False: None}


def test_bfloat16_says_what_it_is_and_stays_near(tiny_catalog, tiny_settings):
    card, pixels = tiny_catalog.find("tiny_x4_student"), np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    try:
        opened = open_runtime(card, tiny_catalog, runtime="openvino-bf16", settings=tiny_settings)
    except SettingsError as error:  # on a processor without it
        assert "choose openvino or auto" in str(error)
        return
    assert (opened.about.name, opened.about.precision) == ("openvino", "bfloat16")
    made = opened.run_uint8(pixels)
    wanted = open_runtime(card, tiny_catalog, runtime="torch", settings=tiny_settings).run_uint8(pixels)
    assert np.square((made.astype(float) - wanted) / 255).mean() <= 10 ** (-LOWEST_PSNR_DB / 10)


@pytest.mark.slow
def test_each_graph_is_checked_under_openvino_once(tiny_catalog, tiny_settings, monkeypatch):
    checks = []
    monkeypatch.setattr(runtimes, "check_session", lambda _session, _network, **what: checks.append(what))
    card = tiny_catalog.find("tiny_x4_student")
    for _ in range(2):
        opened = runtimes.open_openvino(card, tiny_catalog, tiny_settings)
        opened.run_uint8(np.zeros((4, 5, 3), np.uint8))
        opened.run(torch.zeros(1, 3, 4, 5))
    assert checks == [{"uint8": True, "precision": "float32"}, {"uint8": False, "precision": "float32"}]


@pytest.mark.slow
def test_openvino_has_a_stream_for_each_cpu_that_a_run_leaves_free(tiny_catalog, tmp_path, monkeypatch):
    asked, real = [], openvino_session._options
    monkeypatch.setattr(openvino_session, "usable_cpus", lambda: 4)
    monkeypatch.setattr(openvino_session, "_options", lambda *given: asked.append(real(*given)) or real(*given))
    path = export_onnx(tiny_catalog.find("tiny_x4_student"), tiny_catalog, tmp_path / "net.onnx")
    for threads in (1, 2, 4, 8):
        open_openvino_session(path, threads=threads, precision="float32")
    assert [(each["NUM_STREAMS"], each["INFERENCE_NUM_THREADS"]) for each in asked] == [(4, 4), (2, 4), (1, 4), (1, 8)]


@pytest.mark.parametrize(
    ("precision", "off", "passes"),
    [("float32", 1, True), ("float32", 2, False), ("bfloat16", 2, True), ("bfloat16", 4, False)],
)
def test_a_runtime_that_computes_something_else_is_refused(tiny_catalog, precision, off, passes):
    network = tiny_catalog.load("tiny_x4_student")
    exact = open_session(onnx_graph(network, uint8=True).SerializeToString(), threads=1)

    class Off:
        def run(self, names, given):
            made = exact.run(names, given)[0].astype(int)
            return [np.where(made < 128, made + off, made - off)]

    if passes:
        check_session(Off(), network, uint8=True, precision=precision)
        return
    with pytest.raises(WeightsError, match="differs from the network"):
        check_session(Off(), network, uint8=True, precision=precision)


def test_not_a_number_is_refused(tiny_catalog):
    class Nothing:
        def run(self, _names, given):
            return [np.full((1, 3, given["image"].shape[2] * 4, given["image"].shape[3] * 4), np.nan)]

    for precision in ("float32", "bfloat16"):
        with pytest.raises(WeightsError, match="nan"):
            check_session(Nothing(), tiny_catalog.load("tiny_x4_student"), uint8=False, precision=precision)


@pytest.mark.parametrize(("eight_bits", "bfloat16"), [(False, False), (True, False), (True, True)])
def test_runtimes_that_a_processor_does_not_run_as_they_should_are_not_offered(monkeypatch, eight_bits, bfloat16):
    monkeypatch.setattr(runtimes, "has_openvino", lambda: True)
    monkeypatch.setattr(runtimes, "cuts_byte_sums", lambda: not eight_bits)
    monkeypatch.setattr(runtimes, "lacks_bfloat16", lambda: not bfloat16)
    assert exact_runtimes() == ("torch", "onnx", "openvino")
    assert ("openvino" in exact_runtimes("int8")) == eight_bits
    assert ("openvino-bf16" in available_runtimes()) == bfloat16 and "openvino-bf16" not in exact_runtimes()


def test_a_processor_without_8_bit_products_is_named_where_openvino_computes_something_else(
    tiny_catalog, tiny_settings, monkeypatch
):
    def differs(*given, **how):
        raise WeightsError("The ONNX graph differs from the network by 42.")

    monkeypatch.setattr(runtimes, "check_session", differs)
    for cuts, precision, message in ((True, "int8", "no VNNI"), (False, "int8", "by 42"), (True, "float32", "by 42")):
        monkeypatch.setattr(runtimes, "cuts_byte_sums", lambda cuts=cuts: cuts)
        card = replace(tiny_catalog.find("tiny_x4_student"), precision=precision)
        with pytest.raises(WeightsError, match=message):
            runtimes.open_openvino(card, tiny_catalog, tiny_settings)


@pytest.mark.skipif(
    cuts_byte_sums(), reason="OpenVINO's sums of 8-bit products are exact on processors with VNNI alone"
)
def test_a_graph_of_integers_runs_as_integers_and_gives_what_onnx_runtime_gives(tiny_catalog, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    model = quantised(onnx_graph(tiny_catalog.load("tiny_x4_student"), uint8=True), [pixels])
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    session = open_openvino_session(tmp_path / "net.onnx", threads=1, precision="float32")
    made = session.run(None, {"image": pixels})[0]
    wanted = open_session(tmp_path / "net.onnx", threads=1).run(None, {"image": pixels})[0]
    assert np.abs(made.astype(int) - wanted).max() <= 2
    kinds = [node.get_rt_info() for node in session._compiled.get_runtime_model().get_ordered_ops()]
    convolutions = [kind for kind in kinds if kind["layerType"] == "Convolution"]
    assert len(convolutions) == 3
    assert all("I8" in kind["primitiveType"].astype(str).upper() for kind in convolutions)
