"""Checks that runs differ in their schedule alone within a seed, and in something between seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from isoloss.networks.trained_run import LoggedRow

__all__ = ["check_pairs", "check_seeds"]


def check_pairs(plan: str, seed: int, row: LoggedRow, seen: dict[int, tuple[str, int]]) -> None:
    """Raise ``ValueError`` if a run differs from one of its seed in more than the schedule."""
    if row.step == 0 and math.isnan(row.train_loss):
        raise ValueError(f"the loss is not finite before any step (seed {seed})")
    other, checksum = seen.setdefault(row.step, (plan, row.checksum))
    if checksum == row.checksum:
        return
    if row.step == 0:
        raise ValueError(
            f"the initial weights of seed {seed} differ between '{other}' and '{plan}': make_model "
            "must draw them from PyTorch's or NumPy's global random numbers, which are seeded"
        )
    raise ValueError(
        f"the batches of seed {seed} differ between '{other}' and '{plan}' by step {row.step}, but "
        "must be the same: let the DataLoader shuffle by its own sampler, and draw at random only "
        "from the global generators, which are seeded for each run; or give arrays"
    )


def check_seeds(
    plan: str, seed: int, found: Sequence[LoggedRow], others: Mapping[int, Sequence[LoggedRow]]
) -> None:
    """Raise ``ValueError`` if two seeds give the same run: intervals would have no width."""
    for other, rows in others.items():
        if _same(found, rows):
            raise ValueError(
                f"seeds {other} and {seed} give the same run of '{plan}', so nothing varies "
                "from seed to seed: make_model must not set a seed of its own; if its weights are "
                "the same on purpose, train with batches, or give seeds=1"
            )


def _same(one: Sequence[LoggedRow], two: Sequence[LoggedRow]) -> bool:
    # NaN, of a run that diverged, is not equal to itself
    return [tuple(map(repr, row)) for row in one] == [tuple(map(repr, row)) for row in two]
