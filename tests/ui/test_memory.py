"""Memory of the page's process goes back to the system."""

import subprocess
import sys
import weakref

import pytest

from kdsr.ui import memory
from kdsr.ui.memory import return_freed_memory

_THREADS = """
import random, runpy, sys, threading
memory = runpy.run_path(sys.argv[1])
if sys.argv[2] == "few":
    memory["share_few_heaps"]()

def work(seed):
    sizes, kept = random.Random(seed), []
    for _ in range(60):
        picture = bytearray(sizes.randrange(1 << 20, 1 << 23))
        kept.append(bytearray(sizes.randrange(1000, 40_000)))

def held_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

before = held_mb()
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
memory["return_freed_memory"]()
print(held_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="this is about glibc")
def test_pictures_of_many_sizes_in_many_threads_leave_no_holes_in_memory():
    words = [sys.executable, "-c", _THREADS, memory.__file__]
    many, few = (
        float(subprocess.run([*words, how], capture_output=True, check=True).stdout) for how in ("many", "few")
    )
    assert few < many


def test_garbage_in_cycles_is_collected_when_memory_goes_back_to_the_system():
    class Node:
        pass

    node = Node()
    node.itself, alive = node, weakref.ref(node)
    del node
    return_freed_memory()
    assert alive() is None
