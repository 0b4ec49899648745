"""Exact input: integers, fractions, decimal texts, and floats as exact binary numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any, Self

import numpy as np
from flint import fmpq, fmpz

from isoloss.problems.problem import Problem
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.spectra import spectra_of

__all__ = ["SPECTRA", "ExactProblem", "exact"]

SPECTRA = ("train", "test", "start_squared")
_LONGEST = 4000  # digits, which Python and other readers of certificates can still parse


def exact(name: str, value: Any) -> fmpq:
    """Return a number exactly; error messages call it ``name``.

    Raises ``TypeError`` if it is not a real number, ``ValueError`` for NaN, infinity, or a text
    that is not a number.
    """
    if isinstance(value, fmpq):
        return value
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be a number; got the truth value {value}")
    if isinstance(value, str | Decimal):
        try:
            _, _, shift = str(value).lower().partition("e")
            if len(str(value)) > _LONGEST or (shift and abs(int(shift)) > _LONGEST):
                raise ValueError
            fraction = Fraction(value)
        except (ValueError, ZeroDivisionError, OverflowError):
            raise ValueError(
                f"{name} must be a number such as 2, '1/3' or '0.1'; got {value!r}"
            ) from None
    elif isinstance(value, Rational | Integral):
        fraction = Fraction(int(value.numerator), int(value.denominator))
    elif isinstance(value, Real) or (isinstance(value, np.ndarray) and value.ndim == 0):
        if not math.isfinite(float(value)):
            raise ValueError(f"{name} must be finite; got {value}")
        fraction = Fraction(float(value))
    else:
        raise TypeError(
            f"{name} must be an integer, a Fraction, a float or a decimal text; "
            f"got {type(value).__name__} {value!r}"
        )
    if max(abs(fraction.numerator), fraction.denominator) >= 10**_LONGEST:
        raise ValueError(f"{name} has more than {_LONGEST} digits; round it")
    return fmpq(fmpz(fraction.numerator), fmpz(fraction.denominator))


@dataclass(frozen=True)
class ExactProblem:
    """A commuting problem in exact numbers: L̂ = Σ γ_i δ_i², L_D = Σ λ_i δ_i² + noise.

    Attributes
    ----------
    train, test, start_squared : tuple of fmpq
        The curvatures γ_i and λ_i, and δ_i(0)². The losses depend only on the squares of the start,
        which may be rational where the start is not.
    noise : fmpq
        The variance of the label noise, which is part of the test loss.
    """

    train: tuple[fmpq, ...]
    test: tuple[fmpq, ...]
    start_squared: tuple[fmpq, ...]
    noise: fmpq

    def __post_init__(self) -> None:
        if not self.train or len({len(self.train), len(self.test), len(self.start_squared)}) != 1:
            raise ValueError(
                "train, test and start need one number for each direction; got "
                f"{len(self.train)}, {len(self.test)} and {len(self.start_squared)}"
            )
        for name, values in vars(self).items():
            least = values if name == "noise" else min(values)
            if least < 0:
                raise ValueError(f"{name} must not be negative; got {least}")

    @classmethod
    def from_spectra(
        cls, train: Sequence[Any], test: Sequence[Any], start: Sequence[Any], *, noise: Any = 0
    ) -> Self:
        """Build a problem from curvatures γ (d,), λ (d,) and the start residual δ(0) (d,).

        Parameters
        ----------
        train, test, start : sequence of int, Fraction, float or str
            One number for each direction; floats are taken as exact binary numbers, and texts such
            as ``"1/3"`` or ``"0.1"`` as exact fractions.
        noise : number, default: 0
            The variance of the label noise.

        Returns
        -------
        ExactProblem
            The problem.

        Raises
        ------
        TypeError
            If an entry is not a real number.
        ValueError
            If lengths disagree, or a curvature is negative or not finite.

        Examples
        --------
        >>> ExactProblem.from_spectra(["2/3", "1/3"], ["1/2", "1/2"], [-10, -10])
        ExactProblem(train=(2/3, 1/3), test=(1/2, 1/2), start_squared=(100, 100))
        """
        squares = [value * value for value in _numbers("start", start)]
        return cls.from_squares(train, test, squares, noise=noise)

    @classmethod
    def from_squares(
        cls,
        train: Sequence[Any],
        test: Sequence[Any],
        start_squared: Sequence[Any],
        *,
        noise: Any = 0,
    ) -> Self:
        """Build a problem from curvatures and the squares δ_i(0)², otherwise like `from_spectra`.

        Parameters
        ----------
        train, test : sequence
            The curvatures γ and λ.
        start_squared : sequence
            The squares of the residual at the start.
        noise : number, default: 0
            The variance of the label noise.
        """
        return cls(
            _numbers("train", train),
            _numbers("test", test),
            _numbers("start_squared", start_squared),
            exact("noise", noise),
        )

    @classmethod
    def of(cls, problem: ExactProblem | Problem) -> ExactProblem:
        """Return the exact form of a problem, its floats taken as exact binary numbers.

        Parameters
        ----------
        problem : ExactProblem or Problem
            An exact problem is returned as is.

        Raises
        ------
        ValueError
            If the problem does not commute, or is a batch.
        TypeError
            If it is not a problem.
        """
        if isinstance(problem, ExactProblem):
            return problem
        if not isinstance(problem, Problem):
            raise TypeError(
                f"problem must be an ExactProblem or a Problem; got {type(problem).__name__}"
            )
        if not isinstance(problem._reduced.test, DiagonalTest):
            raise ValueError(
                "proofs are about commuting problems, whose train and test covariance share their "
                "eigenvectors: build it with Problem.from_spectra or ExactProblem.from_spectra"
            )
        if problem._reduced.gamma.ndim > 1:
            raise ValueError("proofs are about one problem; this is a batch: prove one at a time")
        train, test, start = ([float(v) for v in part] for part in spectra_of(problem._reduced))
        return cls.from_spectra(train, test, start, noise=float(problem._reduced.test.noise))

    @property
    def max_lr(self) -> fmpq | None:
        """The largest stable rate 1/γ₁; None if all curvatures are 0."""
        return 1 / max(self.train) if max(self.train) > 0 else None

    @property
    def start_train_loss(self) -> fmpq:
        """The train loss at the start."""
        return sum((g * s for g, s in zip(self.train, self.start_squared, strict=True)), fmpq(0))

    def __repr__(self) -> str:
        parts = ", ".join(
            f"{name}=({', '.join(map(str, getattr(self, name)))})" for name in SPECTRA
        )
        noise = f", noise={self.noise}" if self.noise != 0 else ""
        return f"ExactProblem({parts}{noise})"


def _numbers(name: str, values: Any) -> tuple[fmpq, ...]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a sequence of numbers; got {values!r}")
    return tuple(exact(f"{name}[{i}]", value) for i, value in enumerate(values))
