import subprocess
import sys

import pytest

from dfine.engines import heap

HOARD = """
import ctypes, sys, threading
from dfine.engines.heap import ARENAS, share_heaps

library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
done = share_heaps() if sys.argv[1] == "shared" else None

def work(begin):
    begin.wait()  # all are there at once, so that each would like a heap of its own
    blocks = [library.malloc(60_000) for _ in range(20)]
    begin.wait()
    for block in blocks:
        library.free(block)

begin = threading.Barrier(12)
threads = [threading.Thread(target=work, args=(begin,)) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library.open_memstream.restype = ctypes.c_void_p
text, size = ctypes.c_char_p(), ctypes.c_size_t()
stream = ctypes.c_void_p(library.open_memstream(ctypes.byref(text), ctypes.byref(size)))
library.malloc_info(0, stream)
library.fclose(stream)
print(done, text.value.count(b"<heap "), ARENAS)
"""


def _asked(how):
    said = subprocess.run([sys.executable, "-c", HOARD, how], capture_output=True, text=True, timeout=120, check=True)
    return said.stdout.split()


@pytest.mark.skipif(not heap.keep_memory(), reason="this system's C library is not glibc")
def test_many_threads_share_a_few_heaps():
    done, shared, most = _asked("shared")
    _, apart, _ = _asked("as it is")
    assert done == "True"
    assert int(shared) <= int(most) < int(apart)


def test_another_library_of_c_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert heap.keep_memory() is False
    assert heap.share_heaps() is False
