"""What a killed page left in the temporary folder is removed by the next one; what a living one has stays."""

import os
import time

from kdsr.jobs.process import this_holder
from kdsr.ui.leftovers import own_folder, sweep_parts


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
