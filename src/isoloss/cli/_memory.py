"""Make a long-running process return freed memory to the system."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_memory_back"]

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # from glibc's malloc.h
_LARGE = 2**17  # bytes: glibc's initial threshold


def give_memory_back() -> None:
    """Make glibc return large blocks as soon as they are freed; without glibc, do nothing.

    Once a block of several MiB has been freed, glibc takes later blocks of that size from its heap.
    A server that draws figures fragments this heap, so that its memory grows although it keeps
    nothing. The setting applies to the whole process, so only the command line may choose it.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_ARENA_MAX, 2)
