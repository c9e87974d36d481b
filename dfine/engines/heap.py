"""How much freed memory the C library keeps for the next picture, and in how many places: settings of glibc.

Other libraries of C are left alone: there every function here answers False and changes nothing.
"""

from __future__ import annotations

import ctypes
import sys

KEPT = 64 << 20, 256 << 20  # bytes of one tensor, and of all free ones, that go back to the heap and not to the system
ARENAS = 2  # heaps that all threads share; glibc's own limit is eight for each core

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of malloc.h


def keep_memory() -> bool:
    """Ask the C library to keep freed memory of large tensors for the next ones; says whether it did.

    Pictures of one size need the same memory again and again. By default glibc hands large blocks back to the system
    each time, and the system's page faults then cost more than the arithmetic.
    """
    return _set(MMAP_THRESHOLD, KEPT[0]) and _set(TRIM_THRESHOLD, KEPT[1])


def share_heaps() -> bool:
    """Let all threads of this process share a few heaps, whatever their number; says whether that is so from now on.

    A server works in many threads. glibc gives each of them a heap of its own, as long as there are fewer than eight
    for each core, and what one thread has freed stays in its heap, where no other finds it: the page under load grew
    by some 300 MB for that, and went on growing. Call it before there are threads, since heaps are never merged.
    """
    return _set(ARENA_MAX, ARENAS)


def _set(parameter: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    return hasattr(library, "gnu_get_libc_version") and bool(library.mallopt(parameter, value))
