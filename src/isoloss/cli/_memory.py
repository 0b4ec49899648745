"""How a long-running process gives memory back to the system."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_memory_back"]

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of glibc's malloc.h
_LARGE = 2**17  # bytes: glibc's own threshold at the start


def give_memory_back() -> None:
    """Let glibc give large blocks back as soon as they are freed; elsewhere, do nothing.

    Once a block of some MiB has been freed, glibc takes later blocks of that size from its heap. A
    server that draws figures fragments the heap in this way, and its memory grows although it
    keeps nothing. The setting holds for the whole process: only the command line may choose it.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_ARENA_MAX, 2)
