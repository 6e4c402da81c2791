"""`kdsr bench`: what is measured, in which order, what is kept when it is stopped, and how it is told."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from kdsr.bench import limit, speed
from kdsr.bench.memory import peak_memory_mb
from kdsr.bench.peers import PEERS, open_peer
from kdsr.bench.speed import Contestant, Speed, SpeedReport, measure_speed, open_contestant
from kdsr.bench.speed_report import speed_table, write_speed_report
from kdsr.cli import main
from kdsr.errors import SettingsError, UnknownNameError
from kdsr.image import Picture
from kdsr.zoo import Catalog, write_card


class Track:
    """Contestants whose runs take the seconds that they are given, on a clock of their own, and who ran when."""

    def __init__(self) -> None:
        self.now, self.ran = 0.0, []

    def clock(self) -> float:
        return self.now

    def contestant(self, model: str, *seconds: float, scale: int = 2, **given: object) -> Contestant:
        durations = iter(seconds)

        def run(picture: Picture) -> None:
            self.ran.append((model, picture.width))
            self.now += next(durations)

        return Contestant(model, "torch", "float32", scale, run, 5.0, **given)


@pytest.fixture
def track(monkeypatch):
    monkeypatch.setattr(speed, "measure_limits", lambda *_place, **_clock: {"float32": 100.0})
    return Track()


def test_all_take_turns_and_every_second_run_counts(track, tiny_settings):
    slow = track.contestant("slow", 9.0, 7.0, 0.4, 7.0, 0.2, 7.0, 0.3, gflop_per_output_megapixel=50.0)
    quick = track.contestant("quick", 1.0, *[0.1] * 6)
    report = measure_speed([slow, quick], tiny_settings, sides_px=[500], repeats=3, memory=False, clock=track.clock)
    assert [model for model, _ in track.ran] == ["slow", "quick", *["slow", "slow", "quick", "quick"] * 3]
    first, second = report.speeds
    assert (first.first_ms, first.median_ms, first.p95_ms, first.repeats) == (9000.0, 300.0, 390.0, 3)
    assert (first.output_megapixels, first.megapixels_per_s) == (1.0, 3.33)
    assert (first.gflops, first.share_of_limit) == (166.7, 1.667)
    assert (second.median_ms, second.gflops, second.share_of_limit, second.peak_mb) == (100.0, None, None, None)
    assert (report.complete, report.device, report.threads, report.limits_gflops) == (
        True,
        "cpu",
        1,
        {"float32": 100.0},
    )


def test_sizes_and_memory_are_measured_for_each(track, tiny_settings):
    one = track.contestant("one", *[0.1] * 6, peak_mb=lambda side: 1.5 * side)
    told: list[str] = []
    report = measure_speed(
        [one], tiny_settings, sides_px=[8, 20], repeats=1, on_progress=told.append, clock=track.clock
    )
    assert [(each.input_side_px, each.peak_mb) for each in report.speeds] == [(8, 12.0), (20, 30.0)]
    assert "round 1 of 1" in told and "memory of one by torch at 20" in told


@pytest.mark.parametrize(
    ("runs_before", "kept"), [(1, {}), (6, {"one": 1, "two": 1}), (8, {"one": 2, "two": 1}), (0, {})]
)
def test_what_was_measured_before_ctrl_c_is_kept(track, tiny_settings, runs_before, kept):
    def pressed(picture: Picture) -> None:
        if len(track.ran) == runs_before:
            raise KeyboardInterrupt
        track.ran.append(picture)

    both = [replace(track.contestant(name), run=pressed) for name in ("one", "two")]
    report = measure_speed(both, tiny_settings, sides_px=[8], repeats=5, memory=False)
    assert not report.complete
    assert {each.model: each.repeats for each in report.speeds} == kept


@pytest.mark.parametrize("given", [{"sides_px": []}, {"sides_px": [0]}, {"sides_px": [8], "repeats": 0}])
def test_a_measurement_of_nothing_is_refused(track, tiny_settings, given):
    with pytest.raises(SettingsError, match="at least one network"):
        measure_speed([track.contestant("one")], tiny_settings, **given)


def test_networks_are_timed_by_the_operations_of_their_cards(tiny_catalog, tiny_settings):
    card = tiny_catalog.find("tiny_x4_student")
    opened = open_contestant(card.name, tiny_catalog, tiny_settings, runtime="onnx")
    assert opened.run(Picture(np.zeros((6, 6, 3), np.uint8))).pixels.shape == (24, 24, 3)
    assert opened.gflop_per_output_megapixel == 2 * card.macs_per_output_megapixel / 1e9
    assert (opened.runtime, opened.precision, opened.speed_only) == ("onnx", "float32", True)  # 0 steps: random weights
    write_card(replace(card, compressed_from="tiny_x4_teacher"), tiny_catalog.weights_dir / f"{card.name}.json")
    assert not open_contestant(card.name, Catalog(tiny_catalog.weights_dir), tiny_settings, runtime="onnx").speed_only


def test_limits_are_positive_and_leave_out_integers_without_openvino(monkeypatch):
    monkeypatch.setattr(limit, "SIDE", 32)
    monkeypatch.setattr(limit, "lacks_bfloat16", lambda: False)
    limits = limit.measure_limits(1, "cpu", seconds=0.0)
    assert list(limits) == ["float32", "bfloat16", "int8"]
    assert all(gflops > 0 for gflops in limits.values())
    monkeypatch.setattr(limit, "has_openvino", lambda: False)
    assert list(limit.measure_limits(1, "cpu", seconds=0.0)) == ["float32", "bfloat16"]
    monkeypatch.setattr(limit, "lacks_bfloat16", lambda: True)
    assert list(limit.measure_limits(1, "cpu", seconds=0.0)) == ["float32"]


def test_a_limit_is_that_of_the_shortest_run(monkeypatch):
    track = Track()
    one = track.contestant("one", 100.0, 4.0, 2.0, 3.0)
    assert limit._shortest_s(lambda: one.run(Picture(np.zeros((1, 1, 3), np.uint8))), 0.0, track.clock) == 2.0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux only")
def test_memory_is_that_of_a_process_of_its_own(tiny_catalog, tiny_settings):
    tiny_settings = replace(tiny_settings, max_output_megapixels=0.5)
    peak_mb = peak_memory_mb("tiny_x4_student", "onnx", 16, tiny_settings)
    assert peak_mb is not None and 20 < peak_mb < 2000
    assert peak_memory_mb("tiny_x4_student", "onnx", 1024, tiny_settings) is None  # above what these settings allow


@pytest.mark.parametrize("name", PEERS)
def test_peers_enlarge(name, tiny_settings):
    peer = open_peer(name, 4, tiny_settings)
    made = peer.run(Picture(np.zeros((9, 9, 3), np.uint8)))
    assert getattr(made, "pixels", made).shape == (36, 36, 3)
    assert peer.speed_only == (name == "span-28")


def test_peers_that_cannot_run_say_why(tiny_settings, monkeypatch):
    with pytest.raises(UnknownNameError, match="opencv-bicubic"):
        open_peer("opencv-bicubi", 4, tiny_settings)
    with pytest.raises(SettingsError, match="leave --peer out"):
        open_peer("opencv-bicubic", 1, tiny_settings)
    monkeypatch.setitem(sys.modules, "spandrel.architectures.SPAN", None)
    with pytest.raises(SettingsError, match=r"pip install 'kdsr\[foreign\]'"):
        open_peer("span-28", 4, tiny_settings)


def report(**given: object) -> SpeedReport:
    one = Speed(
        "student", "openvino", "float32", 256, 1.049, 9.0, 40.0, 30.0, 33.0, 15, 34.95, 262.1, 0.79, 150.0, False
    )
    other = replace(
        one, model="span-28", median_ms=10.0, gflops=None, share_of_limit=None, peak_mb=None, speed_only=True
    )
    larger = replace(one, input_side_px=512)
    return SpeedReport("a processor", "cpu", 2, {"float32": 331.0}, (larger, one, other), True, **given)


def test_the_table_is_in_order_and_says_what_the_machine_can_do():
    lines = speed_table(report()).splitlines()
    assert [line.split()[:4] for line in lines[1:4]] == [
        ["span-28*", "openvino", "float32", "256"],
        ["student", "openvino", "float32", "256"],
        ["student", "openvino", "float32", "512"],
    ]
    assert "79%" in lines[2] and "%" not in lines[1]
    assert "float32 331" in lines[4] and "random weights" in lines[5]


@pytest.mark.slow
def test_a_report_is_written_as_json_and_as_a_plot(tmp_path):
    plot = write_speed_report(report(), tmp_path / "new" / "speed.json")
    assert json.loads((tmp_path / "new" / "speed.json").read_text()) == json.loads(json.dumps(asdict(report())))
    drawn = plot.read_text()
    assert all(text in drawn for text in ("span-28*", "512 x 512 pixels in", "79% of the limit"))


def test_without_matplotlib_there_is_no_plot(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert write_speed_report(report(), tmp_path / "speed.json") is None
    assert [path.name for path in tmp_path.iterdir()] == ["speed.json"]


@pytest.fixture
def run(tiny_catalog, tiny_settings, monkeypatch, capsys):
    """Runs `kdsr bench` on the tiny catalog: (exit code, stdout, stderr)."""
    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))
    monkeypatch.setattr(speed, "measure_limits", lambda *_place, **_clock: {"float32": 100.0})

    def call(*arguments: object) -> tuple[int, str, str]:
        options = ["--weights", tiny_catalog.weights_dir, "--device", "cpu", "--threads", 1, "bench"]
        monkeypatch.setattr(sys, "argv", ["kdsr", *map(str, options), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.mark.slow
def test_the_command_measures_the_networks_of_a_task_by_every_runtime(run, tmp_path):
    code, out, err = run(
        "--size",
        8,
        "--size",
        12,
        "--repeats",
        1,
        "--no-memory",
        "-o",
        tmp_path / "speed.json",
        "--runtime",
        "onnx",
        "--runtime",
        "openvino",
    )
    assert (code, "speed.svg" in err) == (0, True)
    speeds = json.loads((tmp_path / "speed.json").read_text())["speeds"]
    models = {
        ("tiny_x4_student", "onnx"),
        ("tiny_x4_student", "openvino"),
        ("tiny_x4_teacher", "onnx"),
        ("tiny_x4_teacher", "openvino"),
    }
    models |= {("opencv-bicubic", "opencv"), ("opencv-lanczos", "opencv")}
    assert {(each["model"], each["runtime"]) for each in speeds} == models
    assert len(speeds) == 12
    assert "tiny_x4_student" in out


def test_the_command_gives_json_and_measures_what_is_named(run):
    code, out, _ = run(
        "tiny_denoise_student", "--runtime", "torch", "--size", 9, "--repeats", 1, "--no-memory", "--json"
    )
    assert (code, [each["model"] for each in json.loads(out)["speeds"]]) == (0, ["tiny_denoise_student"])


@pytest.mark.slow
def test_the_command_tells_that_it_was_stopped_and_writes_what_it_has(run, tmp_path, monkeypatch):
    def stopped(*_given, **_more):
        return replace(report(), complete=False)

    monkeypatch.setattr("kdsr.bench.speed.measure_speed", stopped)
    code, _, err = run("tiny_x4_student", "--runtime", "onnx", "-o", tmp_path / "speed.json")
    assert (code, "stopped before its end" in err) == (130, True)
    assert len(json.loads((tmp_path / "speed.json").read_text())["speeds"]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tiny_x4_studnet",), "Did you mean 'tiny_x4_student'?"),
        (("-o", "speed.txt"), "speed.json"),
        (("tiny_x4_student", "--runtime", "onnx", "--peer", "bicubic"), "no peer named 'bicubic'"),
    ],
)
def test_wrong_input_is_answered_by_one_sentence(run, arguments, told):
    code, _, err = run(*arguments)
    assert (code, told in err, len(err.strip().splitlines())) == (2, True, 1)
