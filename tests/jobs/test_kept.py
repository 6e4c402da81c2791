"""Background runs without a worker: uploads, folders, cleaning, launchers, and the command line."""

import dataclasses
import io
import json
import os
import subprocess
import sys
import zipfile

import pytest
from helpers.running import ANNA, Recorder, four_photos, jobs_opener, photograph, recipe, recorded_jobs

from kdsr.cli import main
from kdsr.errors import InputError, JobError, LimitError, SettingsError
from kdsr.jobs import Jobs, curve
from kdsr.jobs.folders import new_id, run_dir, runs_dir
from kdsr.jobs.launchers import ChunkLauncher, LocalLauncher, OffLauncher, choose_launcher, worker_environment
from kdsr.jobs.process import this_holder
from kdsr.jobs.store import store_of
from kdsr.settings import settings_from_environment

photos = pytest.fixture(four_photos)
open_jobs = pytest.fixture(jobs_opener)
jobs = pytest.fixture(recorded_jobs)


def test_photographs_are_copied_under_names_made_here(jobs, tmp_path):
    hostile = [photograph(tmp_path / "given" / "..évil; rm -rf .png"), photograph(tmp_path / "given" / "b.jpeg")]
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for name in (
            "../../escaped.png",
            "/etc/absolute.png",
            "folder/inside.png",
            "__MACOSX/._inside.png",
            "folder/.hidden.png",
        ):
            archive.writestr(name, hostile[0].read_bytes())
    run = jobs.submit(recipe(), ANNA, [*hostile, tmp_path / "more.zip"])
    folder = jobs.folder(run.id)
    names = sorted(path.name for path in (folder / "photos").iterdir())
    assert names == ["0001_.._vil_rm_-rf_.png", "0002_b.jpg", "0003_absolute.png", "0004_inside.png"]
    assert json.loads(run.recipe)["data"]["photos"] == [f"{run.id}/photos"] and not (tmp_path / "escaped.png").exists()
    assert folder.parent == tmp_path / "home" / "runs"


@pytest.mark.slow
def test_files_that_are_no_photographs_are_named(jobs, tmp_path):
    for name, content in (("notes.png", b"no picture"), ("broken.zip", b"PK\x03\x04 no archive"), ("anim.gif", _gif())):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            jobs.submit(recipe(), ANNA, [tmp_path / name])
    (tmp_path / "empty").mkdir()
    for nothing in ([], tmp_path / "empty"):
        with pytest.raises(InputError, match="No photograph was given"):
            jobs.submit(recipe(), ANNA, nothing)
    assert list(runs_dir(jobs.settings).iterdir()) == []


def _gif():
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "GIF")
    return stream.getvalue()


@pytest.mark.parametrize("run_id", ["", ".", "..", "../../etc", "r" * 22, "r/../../../../../../etc"])
def test_an_id_leads_nowhere_but_to_its_run(jobs, run_id):
    for look in (jobs.get, jobs.folder, jobs.events, jobs.delete, jobs.stop):
        with pytest.raises(JobError, match="no such run"):
            look(run_id)
    with pytest.raises(JobError, match="no such run"):
        run_dir(jobs.settings, run_id)


def test_delete_removes_the_row_the_events_and_the_folder(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    with pytest.raises(JobError, match="stop it first"):
        jobs.delete(run.id, ANNA)
    folder = jobs.folder(run.id)
    jobs.stop(run.id, ANNA)
    jobs.delete(run.id, ANNA)
    assert not folder.exists() and photos[0].exists() and jobs.runs(ANNA) == []
    with pytest.raises(JobError, match="no such run"):
        jobs.events(run.id)


def test_old_runs_and_those_over_the_size_are_cleaned_oldest_first(jobs, photos):
    first, second, waiting = (jobs.submit(recipe(), ANNA, photos) for _ in range(3))
    for run in (first, second):
        jobs.stop(run.id, ANNA)
    assert jobs.clean() == []
    assert jobs.clean(keep_days=1, max_gigabytes=1.0) == []
    (jobs.folder(first.id) / "large.bin").write_bytes(bytes(3_000_000))
    assert jobs.clean(max_gigabytes=0.002) == [first.id]
    assert jobs.clean(keep_days=0) == [second.id]
    assert [run.id for run in jobs.runs(ANNA)] == [waiting.id]


def test_a_launcher_that_is_off_refuses_before_anything_is_stored(tiny_settings, photos):
    jobs = Jobs(dataclasses.replace(tiny_settings, launcher="off"))
    with pytest.raises(LimitError, match="switched off"):
        jobs.submit(recipe(), ANNA, photos)
    assert jobs.runs(ANNA) == [] and jobs.tend() == []
    with pytest.raises(LimitError, match="switched off"):
        OffLauncher().launch("any")


def test_the_launcher_is_detected_or_set(tiny_settings, monkeypatch):
    store = store_of(tiny_settings)
    assert isinstance(choose_launcher(tiny_settings, store), LocalLauncher)
    with pytest.raises(SettingsError, match="needs the package spaces"):
        choose_launcher(dataclasses.replace(tiny_settings, launcher="zerogpu"), store)
    config = type("Config", (), {"zero_gpu": True})
    spaces = type(sys)("spaces")
    spaces.GPU = lambda duration: lambda function: function
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.setitem(sys.modules, "spaces.config", type("Module", (), {"Config": config}))
    assert isinstance(choose_launcher(tiny_settings, store), ChunkLauncher)
    assert isinstance(choose_launcher(dataclasses.replace(tiny_settings, launcher="local"), store), LocalLauncher)


def test_a_worker_gets_the_settings_fewer_threads_and_no_token(tiny_settings, monkeypatch):
    monkeypatch.setenv("KDSR_ADMIN_TOKEN", "secret")
    settings = dataclasses.replace(tiny_settings, threads=4, admin_token="a secret of the admin")
    environment = worker_environment(settings)
    assert "secret" not in environment.values()
    read_back = settings_from_environment(environment)
    assert read_back == dataclasses.replace(
        settings, threads=3, run_threads=3, admin_token="", data_dir=settings.data_dir.absolute()
    )
    assert settings_from_environment(worker_environment(read_back)) == read_back


def test_a_resumed_run_has_one_curve():
    told = [
        ("started", 0),
        ("step", 100),
        ("validation", 100),
        ("step", 200),
        ("step", 300),
        ("started", 200),
        ("step", 300),
        ("step", 400),
    ]
    events = [{"number": number, "event": kind, "step": step} for number, (kind, step) in enumerate(told)]
    assert [(event["step"], event["number"]) for event in curve(events, "step")] == [
        (100, 1),
        (200, 3),
        (300, 6),
        (400, 7),
    ]
    assert [event["step"] for event in curve(events[:6], "step")] == [100, 200]
    assert [event["step"] for event in curve(events, "validation")] == [100]


@pytest.fixture
def run_cli(tiny_settings, monkeypatch, capsys):
    """Runs `kdsr jobs` on the temporary home with a launcher that starts nothing: (exit code, stdout, stderr)."""
    monkeypatch.setattr("kdsr.jobs.service.choose_launcher", lambda _settings, _store: Recorder())
    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))

    def call(*arguments):
        monkeypatch.setattr(
            sys, "argv", ["kdsr", "--weights", str(tiny_settings.weights_dir), "jobs", *map(str, arguments)]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


@pytest.mark.slow
def test_the_command_line_starts_lists_shows_stops_resumes_and_deletes(run_cli, jobs, photos, tmp_path):
    visitor = jobs.submit(recipe(name="theirs"), ANNA, photos)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"name": "mine", "task": "sr_x2", "steps": 500_000}))
    code, out, err = run_cli("start", plan, "--photos", tmp_path / "given")
    mine = out.strip()
    assert (code, err) == (0, "It is number 2 in the queue.\n") and len(
        list((jobs.folder(mine) / "photos").iterdir())
    ) == 4
    assert [run["id"] for run in json.loads(run_cli("list", "--json")[1])] == [mine, visitor.id]
    assert visitor.id in run_cli("list")[1]
    jobs.store.add_event(jobs.store.claim(this_holder(), at_once=1), {"event": "step", "step": 3, "loss": 0.25})
    shown = json.loads(run_cli("show", visitor.id, "--json")[1])
    assert (shown["state"], shown["step"], shown["last_events"][0]["loss"]) == ("running", 3, 0.25)
    assert "loss=0.25" in run_cli("show", visitor.id)[1]
    assert run_cli("stop", mine)[1] == f"{mine} is stopped.\n"
    assert run_cli("resume", mine)[:2] == (0, f"{mine} is queued.\n")
    assert run_cli("delete", mine)[::2] == (2, "kdsr: A run that is queued cannot be deleted: stop it first.\n")
    run_cli("stop", mine)
    assert run_cli("clean", "--days", 0)[1] == f"{mine}\n"
    assert run_cli("show", mine)[::2] == (
        2,
        "kdsr: There is no such run; it was deleted, or its address is incomplete.\n",
    )


def test_the_command_line_tells_what_is_no_recipe(run_cli, tmp_path):
    assert "cannot be read" in run_cli("start", tmp_path / "nothing.json")[2]
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    assert "not valid JSON" in run_cli("start", tmp_path / "bytes.json")[2]


def test_a_dead_worker_is_noticed_and_the_queue_moves_on(jobs, photos):
    dead, waiting = (jobs.submit(recipe(), ANNA, photos) for _ in range(2))
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    jobs.store.claim(this_holder(process.pid), at_once=1)
    assert jobs.tend() == []
    process.kill()
    process.communicate()
    jobs.launcher.launched.clear()
    assert jobs.tend() == [dead.id] and jobs.launcher.launched == [waiting.id]
    assert "resume goes on" in jobs.get(dead.id).message
    ended = jobs.keep_tending(every_s=0.01)
    ended.set()


def test_a_folder_without_a_row_is_removed_after_a_while(jobs):
    old, fresh = (run_dir(jobs.settings, new_id()) for _ in range(2))
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    jobs.clean()
    assert not old.exists() and fresh.exists()
