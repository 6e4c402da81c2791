"""What a killed page left in the temporary folder is removed by the next one; what a living one has stays."""

import os
import time

from kdsr.jobs.process import this_holder
from kdsr.ui.leftovers import own_folder, sweep_oldest, sweep_parts


def test_folders_of_ended_processes_go_and_those_of_living_ones_stay(tmp_path):
    mine = own_folder(tmp_path)
    dead, nameless, old, other = (tmp_path / name for name in ("kdsr-dead", "kdsr-new", "kdsr-old", "another"))
    for folder in (dead, nameless, old, other):
        (folder / "runs").mkdir(parents=True)
    machine, pid, started = this_holder().rsplit(" ", 2)
    (dead / ".holder").write_text(f"{machine} {pid} 1{started}")
    os.utime(old, (1, 1))
    os.utime(other, (1, 1))
    new = own_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {mine.name, new.name, "kdsr-new", "another"}


def test_an_upload_that_was_broken_off_is_removed_and_one_under_way_is_not(tmp_path):
    for name in ("tmpold", "tmpnew", "other"):
        (tmp_path / name).write_bytes(b"half")
    for name in ("tmpold", "other"):
        os.utime(tmp_path / name, (1, 1))
    sweep_parts(tmp_path, time.time() - 3600)
    assert {path.name for path in tmp_path.iterdir()} == {"tmpnew", "other"}


def test_the_oldest_uploads_and_results_go_until_the_rest_is_small_enough(tmp_path):
    now = time.time()
    names = [
        "kdsr-a/runs/1/picture.png",
        "0a1b/upload.png",
        "kdsr-a/scripts/2/x.png",
        "kdsr-a/examples/city.png",
        "c/d",
    ]
    for age, name in zip([400, 300, 200, 500, 900], names, strict=True):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1000))
        for each in (path, path.parent):
            os.utime(each, (now - age, now - age))

    def kept():
        return [name for name in names if (tmp_path / name).exists()]

    sweep_oldest(tmp_path, 3000, now - 600)
    assert kept() == names
    sweep_oldest(tmp_path, 2999, now - 600)
    assert kept() == names[1:]
    sweep_oldest(tmp_path, 0, now - 600)
    assert kept() == names[3:]
