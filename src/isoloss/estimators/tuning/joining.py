"""Several folds' problems as one: all trained in one call, or judged by their mean test loss."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from isoloss.problem import Problem
from isoloss.testloss import DiagonalTest, QuadraticTest

__all__ = ["batch", "joined", "stable_rate"]

Floats = npt.NDArray[np.float64]


def stable_rate(problem: Problem) -> float:
    """Return the largest stable rate, or 1 where there is no curvature and any rate is stable."""
    rate = float(problem.max_lr)
    return rate if math.isfinite(rate) else 1.0


def batch(problems: Sequence[Problem], scale: Floats, offset: Floats) -> Problem:
    """Return problems as one batch, in units of each one's largest stable rate.

    Train losses become (loss - offset) / scale, shape (k,) each. There is no test loss.
    """
    width = max(len(p.gamma) for p in problems)

    def padded(rows: Any, fill: float) -> Floats:
        return np.stack([np.pad(r, (0, width - len(r)), constant_values=fill) for r in rows])

    weights = padded([p.log_weights for p in problems], -np.inf)
    nothing = np.zeros_like(weights)
    return dataclasses.replace(
        problems[0],
        gamma=padded([p.gamma * stable_rate(p) for p in problems], 0.0),
        floor=(np.array([float(p.floor) for p in problems]) - offset) / scale,
        start_residual=nothing[..., None],
        log_weights=weights - np.log(scale)[:, None],
        test=DiagonalTest(nothing, nothing - np.inf, nothing[:, 0]),
        coordinates=None,
        single_output=True,
    )


def joined(problems: Sequence[Problem]) -> Problem:
    """Return one problem whose losses are the means of several ones', in relative rates.

    A filter acts on each direction of each problem by itself, so their test forms stand side by
    side; curvatures are over each problem's largest.
    """
    count = len(problems)
    tests = [problem.test for problem in problems if isinstance(problem.test, QuadraticTest)]
    assert len(tests) == count
    shrink = count**-0.5
    test = QuadraticTest(
        factor=block_diag(*(test.factor for test in tests)) * shrink,
        at_minimum=np.concatenate([test.at_minimum for test in tests]) * shrink,
        form=block_diag(*(test.form for test in tests)) / count,
        linear=(
            np.concatenate([test.linear[0] for test in tests]) / count,
            np.concatenate([test.linear[1] for test in tests]) / count,
        ),
        constant=(
            np.sum([test.constant[0] for test in tests], axis=0) / count,
            np.sum([test.constant[1] for test in tests], axis=0) / count,
        ),
        noise=np.mean([test.noise for test in tests], axis=0),
        still_inputs=None,
    )
    return dataclasses.replace(
        problems[0],
        gamma=np.concatenate([p.gamma * stable_rate(p) for p in problems]),
        floor=np.mean([p.floor for p in problems], axis=0),
        start_residual=np.concatenate([p.start_residual for p in problems]) * shrink,
        log_weights=np.concatenate([p.log_weights for p in problems]) - math.log(count),
        test=test,
        coordinates=None,
    )
