"""A runtime that fails here is gone on without; asked for by name, it is one sentence.

And OpenVINO, first used by two threads at once.
"""

import subprocess
import sys

import numpy as np
import pytest

from kdsr.bench.latency import measure_card_latency
from kdsr.bench.speed import open_contestants
from kdsr.errors import SettingsError
from kdsr.restore import exact_runtimes, open_runtime, openvino_session, passed_over, runtimes
from kdsr.restore.runtimes import WarmRuntimes
from kdsr.restore.trial import as_settings_error

RAISED = "Exception from src/inference.cpp:\nConvolution node: primitive object is not initialized."
WHY = r"The runtime openvino fails on this machine \(Convolution node: primitive object is not initialized\); choose"


@pytest.fixture
def broken(monkeypatch):
    """OpenVINO, whose every run raises, as on a processor that lacks what it counts on."""

    def run(*_given: object) -> None:
        raise RuntimeError(RAISED)

    monkeypatch.setattr(openvino_session.OpenvinoSession, "run", run)
    monkeypatch.setattr(runtimes, "_WARM", WarmRuntimes(6))


@pytest.fixture
def student(tiny_catalog):
    return tiny_catalog.find("tiny_x4_student")


@pytest.mark.usefixtures("broken")
def test_auto_goes_on_without_it_and_says_so(student, tiny_catalog, tiny_settings):
    assert passed_over(student, tiny_settings) == ()
    assert open_runtime(student, tiny_catalog, settings=tiny_settings).about.name in ("torch", "onnx")
    (line,) = passed_over(student, tiny_settings)
    assert line.startswith("Went on without the runtime openvino: The runtime openvino fails") and "\n" not in line


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("checked", [False, True], ids=["first time", "graph checked before"])
def test_asked_for_by_name_it_is_one_sentence(student, tiny_catalog, tiny_settings, checked, monkeypatch):
    if checked:  # then its first run is the one when it is opened
        monkeypatch.setattr(runtimes, "check_session", lambda *_given, **_named: None)
    with pytest.raises(SettingsError, match=WHY):
        open_runtime(student, tiny_catalog, runtime="openvino", settings=tiny_settings)


def test_one_that_fails_later_is_one_sentence_too(student, tiny_catalog, tiny_settings, monkeypatch):
    monkeypatch.setattr(runtimes, "_WARM", WarmRuntimes(6))
    opened = open_runtime(student, tiny_catalog, runtime="onnx", settings=tiny_settings)
    with pytest.raises(SettingsError, match=r"The runtime onnx fails on this machine \(.*\); choose another one"):
        opened.run_uint8(np.zeros((8, 8, 2), np.uint8))


@pytest.mark.usefixtures("broken")
def test_a_measurement_goes_on_without_it(student, tiny_catalog, tiny_settings):
    told_lines: list[str] = []
    opened = open_contestants(
        student.name, tiny_catalog, tiny_settings, ("openvino", "onnx", "openvino-bf16"), tell=told_lines.append
    )
    assert [contestant.runtime for contestant in opened] == ["onnx"]
    assert [line.partition(":")[0] for line in told_lines] == [
        f"{student.name} goes on without the runtime {name}" for name in ("openvino", "openvino-bf16")
    ]
    with pytest.raises(SettingsError, match=WHY):
        open_contestants(student.name, tiny_catalog, tiny_settings, ("openvino",), tell=told_lines.append)
    told_lines.clear()
    _, taken = measure_card_latency(student, tiny_catalog, tiny_settings, side_px=8, repeats=1, tell=told_lines.append)
    assert [one.runtime for one in taken] == [name for name in exact_runtimes() if name != "openvino"]
    assert len(told_lines) == 1


def test_a_lack_of_memory_and_own_errors_are_told_as_they_are():
    for error in (MemoryError(), SettingsError("Choose another.")):
        with pytest.raises(type(error)) as raised, as_settings_error("torch"):
            raise error
        assert raised.value is error
    with pytest.raises(SettingsError, match=r"fails on this machine \(ImportError\)"), as_settings_error("torch"):
        raise ImportError


@pytest.mark.slow
def test_threads_that_use_openvino_first_at_once_do_not_wait_for_ever():
    """`Type.to_dtype` is called by each run; the table behind it is filled before a second thread can get there."""
    code = (
        "import threading, kdsr.restore.openvino_session as session\n"
        "meeting = threading.Barrier(4)\n"
        "def use():\n"
        "    meeting.wait()\n"
        "    session._core()\n"
        "    import openvino\n"
        "    openvino.Type.u8.to_dtype()\n"
        "threads = [threading.Thread(target=use) for _ in range(4)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "assert session._started.cache_info().misses == 1\n"
    )
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
