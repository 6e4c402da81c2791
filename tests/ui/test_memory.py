"""Memory of the page's process goes back to the system."""

import subprocess
import sys
import weakref

import pytest

from kdsr.ui import memory
from kdsr.ui.memory import return_freed_memory

_THREADS = """
import ctypes, re, runpy, sys, threading
memory = runpy.run_path(sys.argv[1])
if sys.argv[2] == "few":
    memory["share_few_heaps"]()

def work():
    started.wait()  # all threads live at once
    kept = [bytearray(40_000) for _ in range(60)]
    started.wait()

def heaps():
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fopen(sys.argv[3].encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    return len(re.findall("<heap nr=", open(sys.argv[3]).read()))

started = threading.Barrier(12)
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
memory["return_freed_memory"]()
print(heaps())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="this is about glibc")
def test_many_threads_share_two_heaps(tmp_path):
    words = [sys.executable, "-c", _THREADS, memory.__file__]
    many, few = (
        int(subprocess.run([*words, how, tmp_path / how], capture_output=True, check=True).stdout)
        for how in ("many", "few")
    )
    assert many > 6 and few <= 2


@pytest.mark.slow
def test_garbage_in_cycles_is_collected_when_memory_goes_back_to_the_system():
    class Node:
        pass

    node = Node()
    node.itself, alive = node, weakref.ref(node)
    del node
    return_freed_memory()
    assert alive() is None
