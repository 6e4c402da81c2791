"""Background runs without a worker: states, database, owners, limits, uploads, cleaning, and the command line."""

import dataclasses
import io
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time
import zipfile

import cv2
import numpy as np
import pytest

from kdsr.cli import main
from kdsr.errors import InputError, JobError, LimitError, MoveError, SettingsError, UnknownNameError
from kdsr.jobs import Jobs, State, curve, public
from kdsr.jobs.folders import new_id, run_dir, runs_dir
from kdsr.jobs.holder import is_alive, this_holder
from kdsr.jobs.launchers import ChunkLauncher, LocalLauncher, OffLauncher, choose_launcher, worker_environment
from kdsr.jobs.states import MOVES, check_move
from kdsr.jobs.store import Store, store_of
from kdsr.settings import Settings, settings_from_environment
from kdsr.train.recipe import recipe_from_mapping

ANNA, BERT = "anna's secret 123456", "bert's secret 123456"


class Recorder:
    """A launcher that only notes what it was asked for."""

    name = "recorder"
    refusal = ""

    def __init__(self):
        self.launched = []

    def launch(self, run_id):
        self.launched.append(run_id)


def recipe(**changes):
    plain = {"name": "tiny", "task": "sr_x2", "arguments": {"width": 16, "depth": 3}, "steps": 12, "batch_size": 2, "patch_px": 12}
    return recipe_from_mapping({**plain, "compile": False, "precision": "fp32", **changes})


def photograph(path, height=64, width=72):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    return path


@pytest.fixture
def photos(tmp_path):
    return [photograph(tmp_path / "given" / f"photo {index}.png") for index in range(4)]


@pytest.fixture
def open_jobs(tiny_settings):
    """Opens the same runs with other settings."""
    return lambda is_trusted=False, **changes: Jobs(dataclasses.replace(tiny_settings, **changes), launcher=Recorder(), is_trusted=is_trusted)


@pytest.fixture
def jobs(open_jobs):
    return open_jobs()


def claimed(jobs, run):
    """`run` held by this very process."""
    held = jobs.store.claim(this_holder(), at_once=1)
    assert held.id == run.id
    return held


def test_every_state_has_its_moves_and_every_other_move_is_refused():
    assert set(MOVES) == set(State)
    for now in State:
        for to in State:
            if to in MOVES[now]:
                check_move(now, to)
            else:
                with pytest.raises(MoveError, match=f"is {now} cannot become {to}"):
                    check_move(now, to)


def test_a_run_goes_from_the_queue_to_its_end(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    assert (run.state, jobs.place_in_queue(run.id), jobs.launcher.launched) == (State.QUEUED, 1, [run.id])
    held = claimed(jobs, run)
    assert jobs.get(run.id).state is State.RUNNING and jobs.place_in_queue(run.id) is None
    jobs.store.add_event(held, {"event": "step", "step": 7, "loss": 0.5})
    jobs.store.finish(held, State.DONE, "Finished.")
    ended = jobs.get(run.id)
    assert (ended.state, ended.step, ended.message, ended.lease) == (State.DONE, 7, "Finished.", None)
    assert jobs.events(run.id) == [{"number": 1, "event": "step", "step": 7, "loss": 0.5}]
    assert jobs.events(run.id, after=1) == []
    assert not {"owner_sha256", "lease", "holder", "data_dir"} & set(public(ended)) and json.dumps(public(ended))


def test_a_worker_that_lost_its_lease_changes_nothing(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    stale = claimed(jobs, run)
    jobs.store.recover(lambda _holder: False)
    assert jobs.store.beat(stale) is None
    with pytest.raises(JobError, match="no longer this worker's"):
        jobs.store.add_event(stale, {"event": "step", "step": 1})
    jobs.resume(run.id, ANNA)
    claimed(jobs, run)
    with pytest.raises(JobError, match="no longer this worker's"):
        jobs.store.finish(stale, State.DONE, "")
    assert jobs.get(run.id).state is State.RUNNING and jobs.events(run.id) == []


def test_stop_is_at_once_in_the_queue_and_asked_for_in_a_worker(jobs, photos):
    waiting = jobs.submit(recipe(), ANNA, photos)
    assert jobs.stop(waiting.id, ANNA).state is State.STOPPED
    running = jobs.submit(recipe(), ANNA, photos)
    held = claimed(jobs, running)
    assert jobs.stop(running.id, ANNA).state is State.STOPPING
    assert jobs.stop(running.id, ANNA).state is State.STOPPING and jobs.store.beat(held) is State.STOPPING
    jobs.store.finish(held, State.STOPPED, "")
    with pytest.raises(MoveError):
        jobs.stop(running.id, ANNA)
    assert jobs.resume(waiting.id, ANNA).state is State.QUEUED


def test_the_queue_is_first_come_first_served_and_a_resumed_run_stands_at_its_end(jobs, photos):
    first, second, third = (jobs.submit(recipe(), ANNA, photos) for _ in range(3))
    jobs.stop(first.id, ANNA)
    jobs.resume(first.id, ANNA)
    assert [jobs.place_in_queue(run.id) for run in (first, second, third)] == [3, 1, 2]
    assert jobs.store.claim("me 1 1", at_once=1, only=third.id) is None
    assert jobs.store.claim("me 1 1", at_once=1).id == second.id
    assert jobs.store.claim("me 1 1", at_once=1) is None
    assert jobs.store.claim("me 1 1", at_once=2, only=third.id).id == third.id


@pytest.mark.parametrize("alive, silence_s, expected", [(False, 0, True), (True, 60, False), (True, 1000, True), (None, 5, False), (None, 20, True)])
def test_a_run_is_interrupted_when_its_worker_died_or_was_silent_for_too_long(tmp_path, jobs, photos, alive, silence_s, expected):
    run = jobs.submit(recipe(), ANNA, photos)
    claimed(jobs, run)
    later = Store(jobs.store.path, clock=lambda: time.time() + silence_s)
    assert later.recover(lambda _holder: alive) == ([run.id] if expected else [])
    assert (jobs.get(run.id).state is State.INTERRUPTED) is expected


def test_a_process_is_told_from_a_later_one_with_its_number():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = this_holder(process.pid)
    assert is_alive(holder) is True and is_alive(this_holder()) is True
    assert is_alive(holder[:-1] + ("1" if holder[-1] != "1" else "2")) is False
    assert is_alive("another-machine 1 1") is None
    process.kill()
    deadline = time.monotonic() + 10
    while is_alive(holder) and time.monotonic() < deadline:  # dead, though nobody has collected it
        time.sleep(0.01)
    assert is_alive(holder) is False
    process.communicate()


def in_two_processes(work, *arguments):
    """What `work(*arguments)` puts into a list in each of two forked processes that begin together."""
    context = multiprocessing.get_context("fork")
    begin, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=lambda: (begin.wait(30), results.put(work(*arguments)))) for _ in range(2)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    return found


def claim_all(path):
    store, claims = Store(path), []
    while run := store.claim("me 1 1", at_once=1000):
        claims.append(run.id)
    return claims


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_two_processes_claim_200_runs_and_none_twice(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    for _ in range(199):
        jobs.store.add(dataclasses.replace(run, id=new_id()), lambda _counts: None)
    one, other = in_two_processes(claim_all, jobs.store.path)
    assert len(one) + len(other) == 200 and len({*one, *other}) == 200 and jobs.store.running() == 200


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("attempt", range(3))
def test_two_processes_may_make_the_database_at_once(tmp_path, attempt):
    assert in_two_processes(lambda: Store(tmp_path / "new" / "jobs.sqlite").runs()) == [[], []]


def test_a_database_of_a_newer_version_or_none_at_all_is_told(tmp_path):
    path = tmp_path / "jobs.sqlite"
    Store(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JobError, match="newer KDSR"):
        Store(path)
    (tmp_path / "text.sqlite").write_text("no database, but long enough to be looked at" * 10)
    with pytest.raises(JobError, match="cannot be used"):
        Store(tmp_path / "text.sqlite")


def test_what_fails_inside_a_transaction_leaves_nothing(jobs, photos):
    def refuse(_counts):
        raise LimitError("no")

    with pytest.raises(LimitError):
        jobs.store.add(dataclasses.replace(jobs.submit(recipe(), ANNA, photos), id=new_id()), refuse)
    assert len(jobs.runs(ANNA)) == 1


def test_a_run_belongs_to_its_owner_and_can_be_watched_by_all(jobs, open_jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    assert jobs.get(run.id) == run and jobs.runs(ANNA) == [run] and jobs.runs(BERT) == []
    assert jobs.may_change(run.id, ANNA) and not jobs.may_change(run.id, BERT) and not jobs.may_change(run.id, "")
    for change in (jobs.stop, jobs.resume, jobs.delete, jobs.log):
        with pytest.raises(JobError, match="belongs to another browser"):
            change(run.id, BERT)
    assert not any(ANNA.encode() in path.read_bytes() for path in jobs.settings.home.glob("jobs.sqlite*"))
    admin = open_jobs(admin_token="the token")
    assert admin.runs("the token") == [run] and admin.may_change(run.id, "the token") and not admin.may_change(run.id, "another token")
    assert admin.stop(run.id, "the token").state is State.STOPPED
    assert open_jobs(is_trusted=True).may_change(run.id)


def test_without_a_token_in_the_settings_nobody_is_admin(jobs):
    assert not jobs.is_admin("") and "token" not in repr(Settings(admin_token="token")).replace("admin_token", "")


@pytest.mark.parametrize(
    "limit, asked, message",
    [
        ({"max_runs_waiting": 1}, {}, "at most 1 may: try again"),
        ({"max_runs_waiting_per_owner": 1}, {}, "stop one first"),
        ({"max_runs_per_owner": 1}, {}, "delete one first"),
        ({"max_run_steps": 11}, {}, "11 steps here, got 12"),
        ({"max_run_photos": 3}, {}, "at most 3 photographs"),
        ({"max_run_megapixels": 0.01}, {}, "megapixels together"),
        ({"max_input_megapixels": 0.001}, {}, "at most 0.001 are read"),
        ({"max_runs_gigabytes": 1e-6}, {}, "GB, and 1e-06 are allowed"),
    ],
)
def test_every_limit_answers_with_a_sentence_and_leaves_nothing_behind(jobs, open_jobs, photos, limit, asked, message):
    jobs.submit(recipe(), ANNA, photos)
    limited = open_jobs(**limit)
    before = sorted(runs_dir(limited.settings).iterdir())
    with pytest.raises(LimitError, match=message):
        limited.submit(recipe(**asked), ANNA, photos)
    assert len(limited.runs(ANNA)) == 1 and sorted(runs_dir(limited.settings).iterdir()) == before
    if "gigabytes" not in next(iter(limit)):
        assert open_jobs(is_trusted=True, **limit).submit(recipe(), photos=photos).owner_sha256 == ""


def test_a_run_that_had_its_minutes_cannot_be_resumed(jobs, open_jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    held = claimed(jobs, run)
    Store(jobs.store.path, clock=lambda: time.time() + 90).finish(held, State.STOPPED, "")
    assert jobs.get(run.id).trained_s == pytest.approx(90, abs=5)
    with pytest.raises(LimitError, match="has had its 1 minutes"):
        open_jobs(max_run_minutes=1.0).resume(run.id, ANNA)
    assert jobs.resume(run.id, ANNA).state is State.QUEUED


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"name": "checkpoint"}, SettingsError, "is not checkpoint"),
        ({"name": "a b"}, SettingsError, "letters"),
        ({"warm_start": "/etc/x.safetensors"}, SettingsError, "got the file 'x.safetensors'"),
        ({"warm_start": "nothing"}, UnknownNameError, "nothing"),
        ({"teacher": "nothing"}, UnknownNameError, "nothing"),
    ],
)
def test_a_recipe_that_a_visitor_may_not_run_is_told(jobs, photos, changes, error, message):
    with pytest.raises(error, match=message):
        jobs.submit(recipe(**changes), ANNA, photos)


def test_a_visitor_needs_an_owner_and_photographs(jobs, photos):
    with pytest.raises(JobError, match="needs an owner"):
        jobs.submit(recipe(), "short", photos)
    with pytest.raises(JobError, match="upload some"):
        jobs.submit(recipe(photos=["/etc"]), ANNA)


def test_photographs_are_copied_under_names_made_here(jobs, tmp_path):
    hostile = [photograph(tmp_path / "given" / "..évil; rm -rf .png"), photograph(tmp_path / "given" / "b.jpeg")]
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for name in ("../../escaped.png", "/etc/absolute.png", "folder/inside.png", "__MACOSX/._inside.png", "folder/.hidden.png"):
            archive.writestr(name, hostile[0].read_bytes())
    run = jobs.submit(recipe(), ANNA, [*hostile, tmp_path / "more.zip"])
    folder = jobs.folder(run.id)
    names = sorted(path.name for path in (folder / "photos").iterdir())
    assert names == ["0001_.._vil_rm_-rf_.png", "0002_b.jpg", "0003_absolute.png", "0004_inside.png"]
    assert json.loads(run.recipe)["photos"] == [f"{run.id}/photos"] and not (tmp_path / "escaped.png").exists()
    assert folder.parent == tmp_path / "home" / "runs"


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
    settings = dataclasses.replace(tiny_settings, threads=4, admin_token="secret")
    environment = worker_environment(settings)
    assert "secret" not in environment.values()
    read_back = settings_from_environment(environment)
    assert read_back == dataclasses.replace(settings, threads=3, run_threads=3, admin_token="", data_dir=settings.data_dir.absolute())
    assert settings_from_environment(worker_environment(read_back)) == read_back


def test_a_resumed_run_has_one_curve():
    told = [("started", 0), ("step", 100), ("validation", 100), ("step", 200), ("step", 300), ("started", 200), ("step", 300), ("step", 400)]
    events = [{"number": number, "event": kind, "step": step} for number, (kind, step) in enumerate(told)]
    assert [(event["step"], event["number"]) for event in curve(events, "step")] == [(100, 1), (200, 3), (300, 6), (400, 7)]
    assert [event["step"] for event in curve(events[:6], "step")] == [100, 200]
    assert [event["step"] for event in curve(events, "validation")] == [100]


@pytest.fixture
def run_cli(tiny_settings, monkeypatch, capsys):
    """Runs `kdsr jobs` on the temporary home with a launcher that starts nothing: (exit code, stdout, stderr)."""
    monkeypatch.setattr("kdsr.jobs.jobs.choose_launcher", lambda _settings, _store: Recorder())
    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["kdsr", "--weights", str(tiny_settings.weights_dir), "jobs", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


def test_the_command_line_starts_lists_shows_stops_resumes_and_deletes(run_cli, jobs, photos, tmp_path):
    visitor = jobs.submit(recipe(name="theirs"), ANNA, photos)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"name": "mine", "task": "sr_x2", "steps": 500_000}))
    code, out, err = run_cli("start", plan, "--photos", tmp_path / "given")
    mine = out.strip()
    assert (code, err) == (0, "It is number 2 in the queue.\n") and len(list((jobs.folder(mine) / "photos").iterdir())) == 4
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
    assert run_cli("show", mine)[::2] == (2, "kdsr: There is no such run; it was deleted, or its address is incomplete.\n")


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
