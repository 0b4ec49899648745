"""Import PyTorch, an optional extra, where it is used."""

from __future__ import annotations

from typing import Any

from isoloss._messages.extras import install_command

__all__ = ["load_torch"]


def load_torch() -> Any:
    """Return PyTorch; raise ``ImportError`` that names the extra if it is missing."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"networks need PyTorch: {install_command('torch')} ({error})") from error
    return torch
