"""A file is replaced in one step: readers see the old one or the new one, whoever writes at the same time."""

import ast
import multiprocessing
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import kdsr
from kdsr.files import clear_parts, new_folder, replaced

COPIES = 80


def test_the_block_writes_beside_the_file_which_changes_at_its_end(tmp_path):
    target = tmp_path / "card.json"
    target.write_text("old")
    with replaced(target) as part:
        part.write_text("new")
        assert part.parent == tmp_path and target.read_text() == "old"
    assert target.read_text() == "new" and list(tmp_path.iterdir()) == [target]


def test_a_new_folder_appears_when_its_files_are_written_and_not_at_all_after_an_error(tmp_path):
    with new_folder(tmp_path / "shard") as part:
        (part / "crops.npy").write_text("all")
        assert not (tmp_path / "shard").exists()
    assert (tmp_path / "shard" / "crops.npy").read_text() == "all"
    with pytest.raises(RuntimeError, match="half"), new_folder(tmp_path / "other") as part:
        (part / "crops.npy").write_text("half")
        raise RuntimeError("half")
    assert list(tmp_path.iterdir()) == [tmp_path / "shard"]


def test_a_folder_that_a_dead_process_left_is_removed(tmp_path):
    (tmp_path / f".{2**22 + 1}.{'0' * 32}.part").mkdir()
    clear_parts(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_the_old_file_and_removes_the_part(tmp_path):
    target = tmp_path / "card.json"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="half"), replaced(target) as part:
        part.write_text("ne")
        raise RuntimeError("half")
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replaced(tmp_path / "card.json"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_eighty_threads_replace_one_file_at_once(tmp_path):
    target, together = tmp_path / "weights", threading.Barrier(COPIES)

    def copy(number):
        content = bytes([number]) * 100_000
        together.wait()
        with replaced(target) as part:
            part.write_bytes(content)
        seen = target.read_bytes()
        return len(seen) == 100_000 and len(set(seen)) == 1

    with ThreadPoolExecutor(COPIES) as pool:
        assert all(pool.map(copy, range(COPIES)))
    assert list(tmp_path.iterdir()) == [target]


def _replace_often(target, number):
    for _ in range(50):
        with replaced(target) as part:
            part.write_bytes(bytes([number]) * 10_000)


def test_several_processes_replace_one_file_at_once(tmp_path):
    target = tmp_path / "weights"
    workers = [multiprocessing.get_context("fork").Process(target=_replace_often, args=(target, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert len(set(target.read_bytes())) == 1 and list(tmp_path.iterdir()) == [target]


def test_parts_of_dead_processes_are_cleared_and_those_of_living_ones_kept(tmp_path):
    dead = multiprocessing.get_context("fork").Process(target=int)
    dead.start()
    dead.join()
    names = {number: f".{number}.{'0' * 32}.part" for number in (dead.pid, os.getpid())}
    for name in (*names.values(), "mine.part", ".mine.part"):
        (tmp_path / name).touch()
    clear_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([names[os.getpid()], "mine.part", ".mine.part"])


def test_only_one_module_replaces_files():
    by_hand = re.compile(r"\bpart\.(replace|rename)\(|os\.replace\(|getpid\(\)\}.*\.part")
    package = Path(kdsr.__file__).parent
    found = [str(path) for path in package.rglob("*.py") if by_hand.search(path.read_text(encoding="utf-8"))]
    assert found == [str(package / "files.py")]


FRESH = {
    "jobs/part.py": ["write_bytes"],
    "ui/distill/photos.py": ["copyfile"],
    "ui/report/as_pdf.py": ["write_bytes"],
    "ui/distill/estimate.py": ["imwrite"],
    "zoo/fetch.py": ["write_bytes"],
}
"""Writes to names that nobody reads yet: a reserve of bytes, a new folder of photographs, temporary folders."""


def test_no_module_writes_a_file_in_place():
    for path in sorted(Path(kdsr.__file__).parent.rglob("*.py")):
        written = []
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            name = call.func.attr
            if name in ("write_text", "write_bytes"):
                targets = [call.func.value]
            elif name in ("copyfile", "copy2", "savefig") or (
                name == "imwrite" and ast.unparse(call.func) == "cv2.imwrite"
            ):
                targets = call.args
            else:
                continue
            written += [] if "part" in map(ast.unparse, targets) else [name]
        assert written == FRESH.get(str(path.relative_to(Path(kdsr.__file__).parent)), []), path
