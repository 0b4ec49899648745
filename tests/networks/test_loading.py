"""PyTorch is loaded at first use, and a missing one is a clear error."""

import subprocess
import sys

import pytest


def test_the_room_loads_without_pytorch() -> None:
    code = (
        "import sys, isoloss as il\n"
        "il.networks\n"
        "assert 'torch' not in sys.modules\n"
        "sys.modules['torch'] = None\n"
        "from isoloss.networks.loading import load_torch\n"
        "load_torch()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: networks need PyTorch: python -m pip install")
    assert "[torch]" in last


def test_pytorch_is_returned_where_it_is_installed() -> None:
    from isoloss.networks.loading import load_torch

    assert load_torch() is pytest.importorskip("torch", reason="the extra torch")
