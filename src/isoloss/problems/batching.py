"""Combine folds' problems: train all in one call, or judge them by their mean test loss."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.problems.problem import Problem
from isoloss.problems.quadratic_forms import Centre, Offset, QuadraticTest
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import OWN, Units, scaled

__all__ = ["batch", "joined"]

Floats = npt.NDArray[np.float64]


def _relative(problem: Reduced) -> Floats:
    """Return curvatures in units of the largest one."""
    top = float(problem.gamma.max())
    return np.asarray(problem.gamma * (1.0 / top if top > 0 else 1.0))


def batch(problems: Sequence[Problem], scale: Floats, offset: Floats) -> Problem:
    """Return k single problems of NumPy arrays as one batch, without test data.

    Rates are relative to each problem's largest stable one, and train losses become
    (loss - offset) / scale, with both of shape (k,). Problems with fewer directions are padded.
    """
    several = [problem._reduced for problem in problems]
    width = max(len(p.gamma) for p in several)

    def padded(rows: Any, fill: float) -> Floats:
        return np.stack([np.pad(r, (0, width - len(r)), constant_values=fill) for r in rows])

    own = [scaled(each, -p.units.train) for each, p in zip(scale, several, strict=True)]
    over = [scaled(each, -p.units.train) for each, p in zip(offset, several, strict=True)]
    floors = np.array([float(p.floor) for p in several])
    weights = padded([p.log_weights for p in several], -np.inf)
    nothing = np.zeros_like(weights)
    found = dataclasses.replace(
        several[0],
        gamma=padded([_relative(p) for p in several], 0.0),
        floor=(floors - np.array(over)) / np.array(own),
        start_residual=nothing[..., None],
        log_weights=weights - np.log(own)[:, None],
        test_form=None,
        coordinates=None,
        single_output=True,
        units=OWN,
        rows=None,
    )
    return Problem(found)


def joined(problems: Sequence[Problem]) -> Problem:
    """Return one problem whose losses are the means over several problems, with relative rates.

    These are single problems of NumPy arrays, built from rows or kernels, with test data. Filters
    act on each direction of each problem separately, so the test forms are concatenated.
    """
    from scipy.linalg import block_diag  # slow to import, and needed only here

    several = [problem._reduced for problem in problems]
    count = len(several)
    tests = [problem.test for problem in several if isinstance(problem.test, QuadraticTest)]
    assert len(tests) == count
    shrink = count**-0.5
    exponent = max(test.exponent for test in tests)  # all are even, as losses are squares
    shifts = [(test.exponent - exponent) // 2 for test in tests]
    minima = [
        scaled(test.minimum.residual, test.minimum.exponent + shift)
        for test, shift in zip(tests, shifts, strict=True)
    ]
    train = max(p.units.train for p in several)
    test = QuadraticTest(
        factor=block_diag(*map(scaled, (test.factor for test in tests), shifts)) * shrink,
        minimum=Offset(shrink * np.concatenate(minima), 0),
        form=block_diag(*(test.form for test in tests)) / count,
        sizes=np.concatenate([t.sizes + shift for t, shift in zip(tests, shifts, strict=True)]),
        centres=(
            _joined_centre([test.centres[0] for test in tests], shifts),
            _joined_centre([test.centres[1] for test in tests], shifts),
        ),
        noise=np.mean([test.noise for test in tests], axis=0),
        null_inputs=None,
        exponent=exponent,
    )
    weights = [p.log_weights + (p.units.train - train) * math.log(2.0) for p in several]
    floors = [scaled(p.floor, p.units.train - train) for p in several]
    found = dataclasses.replace(
        several[0],
        gamma=np.concatenate([_relative(p) for p in several]),
        floor=np.mean(floors, axis=0),
        start_residual=np.concatenate([p.start_residual for p in several]) * shrink,
        log_weights=np.concatenate(weights) - math.log(count),
        test_form=test,
        coordinates=None,
        units=Units(train=train),
        rows=None,
    )
    return Problem(found)


def _joined_centre(centres: Sequence[Centre], shifts: Sequence[int]) -> Centre:
    """Return one centre of the mean loss, with test residuals shifted by whole bits."""
    own = [int(centre.exponent) + shift for centre, shift in zip(centres, shifts, strict=True)]
    top, count = max(own), len(own)
    linear = [scaled(centre.linear, bits - top) for centre, bits in zip(centres, own, strict=True)]
    constant = [
        scaled(centre.constant, 2 * (bits - top)) for centre, bits in zip(centres, own, strict=True)
    ]
    return Centre(
        np.concatenate(linear) / count, np.sum(constant, axis=0) / count, np.asarray(float(top))
    )
