"""Attention that can be differentiated: PyTorch's fused kernels have no forward derivatives."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from isoloss.networks.loading import load_torch

__all__ = ["plain_attention"]

_lock = threading.Lock()
_held: list[contextlib.ExitStack] = []  # one for each thread inside; the first has the settings


@contextlib.contextmanager
def plain_attention() -> Iterator[None]:
    """Turn fused attention off, for the whole process, until the last thread leaves."""
    own = contextlib.ExitStack()
    with _lock:
        if not _held:
            _turn_off(own)
        _held.append(own)
    try:
        yield
    finally:
        with _lock:
            _held.remove(own)
            if _held:  # the settings go on to a thread that stays
                _held[0].push(own.pop_all().__exit__)
            else:
                own.close()


def _turn_off(stack: contextlib.ExitStack) -> None:
    torch = load_torch()
    fused = torch.backends.mha
    stack.callback(fused.set_fastpath_enabled, fused.get_fastpath_enabled())
    fused.set_fastpath_enabled(False)
    attention = torch.nn.attention
    stack.enter_context(attention.sdpa_kernel(attention.SDPBackend.MATH))
