"""Random numbers from a seed, which leave the user's own generators as they were."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from isoloss.networks.loading import load_torch

__all__ = ["seeded"]


@contextmanager
def seeded(seed: int, generators: Iterable[Any] = ()) -> Iterator[None]:
    """Seed PyTorch, NumPy, Python and the given generators; leave all as they were at the end.

    Models and data loaders draw from any of them.
    """
    torch = load_torch()
    own = [(each, each.get_state()) for each in generators]
    of_numpy, of_python = np.random.get_state(), random.getstate()  # noqa: NPY002 - the user's own
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002 - what data loaders of users draw from
            random.seed(seed)
            for generator, _ in own:
                generator.manual_seed(seed)
            yield
    finally:
        np.random.set_state(of_numpy)  # noqa: NPY002 - the user's own
        random.setstate(of_python)
        for generator, state in own:
            generator.set_state(state)
