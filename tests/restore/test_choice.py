"""The choice of a runtime where several processes ask for it at once. What is chosen is in `test_runtimes`."""

import threading

from kdsr.restore.cache import Remembered
from kdsr.restore.choice import choose


def never():
    raise AssertionError("The other process measures.")


def test_of_processes_that_choose_at_once_the_second_takes_the_answer_of_the_first(tmp_path):
    first, second = (Remembered(tmp_path / "home" / "runtimes.json") for _ in range(2))
    got = []
    waits = threading.Thread(target=lambda: got.append(choose({"one": never, "two": never}, "key", second)))
    with first.one_process(1.0):
        waits.start()
        waits.join(0.1)
        assert waits.is_alive() and not got
        first.put("key", {"one": 2.0, "two": 1.0})
    waits.join(5)
    assert got == ["two"]


def test_who_has_waited_long_enough_or_has_no_folder_for_a_lock_goes_on_without_it(tmp_path):
    first, second = (Remembered(tmp_path / "runtimes.json") for _ in range(2))
    (tmp_path / "file").touch()
    blocked = Remembered(tmp_path / "file" / "runtimes.json")
    went_on = []
    with first.one_process(1.0), second.one_process(0.01), blocked.one_process(1.0):
        went_on.append(True)
    assert went_on
