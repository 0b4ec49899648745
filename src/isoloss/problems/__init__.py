"""Quadratic problems from spectra, covariances, data or kernels, reduced to one form."""

from isoloss.problems.problem import Problem
from isoloss.problems.reduced import Reduction

__all__ = ["Problem", "Reduction"]
