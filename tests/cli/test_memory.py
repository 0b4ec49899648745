"""What `isoloss explore` asks of the allocator, in processes of their own: it cannot be undone."""

import platform
import subprocess
import sys

import pytest

# glibc takes a block from its heap once a larger one has been freed, unless it is told otherwise
PROBE = """
import ctypes

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_int) for name in names.split()]

libc.mallinfo.restype = Info
from isoloss.cli._memory import give_memory_back
give_memory_back()
libc.free(libc.malloc(2**24))
before = libc.mallinfo().hblks
libc.malloc(2**20)
print(libc.mallinfo().hblks - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the setting")
def test_large_blocks_go_back_when_they_are_freed() -> None:
    command = [sys.executable, "-c", PROBE]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "1"  # a block of its own, though a larger one has been freed
