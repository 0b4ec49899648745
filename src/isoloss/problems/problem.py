"""Problem: the public class for building problems and reading their properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss._arrays.context import quiet
from isoloss._parallel.threads import blas_by_size
from isoloss.problems.covariances import reduce_covariances
from isoloss.problems.data import reduce_data
from isoloss.problems.decomposition import RTOL, LeftOut
from isoloss.problems.kernel import reduce_kernel
from isoloss.problems.largest_rates import largest_rates_of
from isoloss.problems.linear import judge_on
from isoloss.problems.reduced import Reduced, Reduction
from isoloss.problems.spectra import reduce_spectra
from isoloss.problems.summary import in_short
from isoloss.schedules.phases import GradientDescent
from isoloss.schedules.settings import Sampling

__all__ = ["Problem", "reduced_of"]

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """A least-squares problem, reduced to the eigenbasis of its train covariance.

    Build one with `from_spectra`, `from_covariances`, `from_data` or `from_kernel`. A loss is the
    mean over rows of the squared error, summed over outputs, with no factor ½.

    Arrays may come from NumPy, PyTorch, JAX or another array-API library, but all must come from
    the same library. Results are computed in float64 and returned in the kind and precision of
    the arrays; they do not propagate gradients.

    Examples
    --------
    >>> import isoloss as il
    >>> il.Problem.from_spectra(train=[2 / 3, 1 / 3], test=[0.5, 0.5], start=[-10, -10])
    Problem(2 curvatures from 0.667 to 0.333, max_lr=1.5, start: train loss 100, test loss 100)
    """

    _reduced: Reduced
    """Everything that training and test loss depend on, for internal use."""

    @classmethod
    @quiet
    def from_spectra(
        cls,
        train: Any,
        test: Any,
        start: Any,
        *,
        target: Any = None,
        noise: Any = 0.0,
        train_noise: Any = 0.0,
    ) -> Problem:
        """Build the commuting case from its spectra, as in the paper's appendix A.1.

        Train loss Σ γ_i δ_i² + train_noise, test loss Σ λ_i δ_i² + noise.

        Parameters
        ----------
        train, test : array_like, shape (*batch, d)
            Eigenvalues γ of the train covariance, in any order, and λ of the test covariance in the
            same basis, all at least 0.
        start : array_like, shape (*batch, d)
            The residual δ(0) at the start in that basis.
        target : array_like, shape (*batch, d), optional
            The parameters β̂ with the smallest train loss in that basis; training starts at
            ``target + start``. Only weight decay depends on it. By default, training starts at
            parameters 0.
        noise, train_noise : array_like, shape batch, default: 0
            The variances of the label noise in test and train data, which are added to the losses.
            Minibatch gradients depend on that of the train data.

        Returns
        -------
        Problem
            The problem; its batch shape is the broadcast leading axes of the arrays.

        Raises
        ------
        ValueError
            If shapes do not broadcast, an entry is not finite, or an eigenvalue is negative.

        Examples
        --------
        >>> import isoloss as il
        >>> il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10]).max_lr
        np.float64(1.5)
        """
        return cls(reduce_spectra(train, test, start, target, noise, train_noise).representable())

    @classmethod
    @blas_by_size
    @quiet
    def from_covariances(
        cls,
        train_cov: Any,
        test_cov: Any,
        start: Any,
        target: Any,
        *,
        train_target: Any = None,
        noise: Any = 0.0,
        train_noise: Any = 0.0,
    ) -> Problem:
        """Build a problem from its two covariances, which need not commute.

        Train loss (β - β̂)ᵀ Σ̂ (β - β̂) + train_noise, test loss (β - β*)ᵀ Σ (β - β*) + noise.

        Parameters
        ----------
        train_cov, test_cov : array_like, shape (*batch, d, d)
            Σ̂ and Σ, symmetric positive semidefinite. Data frames are matched by name.
        start, target : array_like, shape (*batch, d)
            The parameters at the start, and the minimiser β* of the test loss.
        train_target : array_like, shape (*batch, d), optional
            The minimiser β̂ of the train loss, where it differs from ``target``.
        noise, train_noise : array_like, shape batch, default: 0
            As for `from_spectra`.

        Returns
        -------
        Problem
            The problem; `Run.coef` returns β.

        Raises
        ------
        ValueError
            If shapes or names disagree, an entry is not finite, or a covariance is asymmetric or
            has a negative eigenvalue by more than a hundred-thousandth of its size.

        Warns
        -----
        UserWarning
            If directions are left out because a covariance is rounded, for example to float32.

        Examples
        --------
        >>> import numpy as np, isoloss as il
        >>> il.Problem.from_covariances([[2, 1], [1, 2]], np.eye(2), [0, 0], [1, 1]).curvature
        array([3., 1.])
        """
        reduced = reduce_covariances(
            train_cov, test_cov, start, target, train_target, noise, train_noise
        )
        return cls(reduced.representable())

    @classmethod
    @blas_by_size
    @quiet
    def from_data(
        cls,
        X: Any,
        y: Any,
        X_test: Any = None,
        y_test: Any = None,
        *,
        start: Any = None,
        fit_intercept: bool = False,
        rtol: float = RTOL,
    ) -> Problem:
        """Build the least-squares problem of train data, and judge it on test data.

        The data is decomposed once, by the cheapest of covariance, Gram matrix and SVD that keeps
        the small eigenvalues; later costs do not depend on the number of train rows.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Train inputs. A Dask array of chunked rows is never held in memory, but reduced in one
            pass to d + m rows with the same losses. SciPy's sparse matrices are made dense up to 50
            million entries; use `isoloss.from_operator` for larger ones and for operators. Data
            frames (pandas, polars, Arrow) must hold numbers without missing values; the columns of
            test data are matched by name.
        y : array_like, shape (n,) or (n, m)
            Train targets; the squared errors of several outputs are summed.
        X_test : array_like, shape (n_test, d), optional
            Test inputs. Without test data the problem can be trained, but has no test loss until
            `with_test` adds test data.
        y_test : array_like, shape (n_test,) or (n_test, m), optional
            Test targets.
        start : array_like, shape of the parameters, default: zeros
            Parameters at the start: (d,) if ``y`` has one axis, (d, m) if it has two. With an
            intercept they have d + 1 rows, of which the last is the intercept.
        fit_intercept : bool, default: False
            Add an intercept that is trained by the same steps as the other parameters (the bias of
            ``torch.nn.Linear``), not solved for separately.
        rtol : float, default: 2.5e-13
            The largest relative error of small curvatures. A larger value, such as 1e-8, saves
            time if the spectrum is wide.

        Returns
        -------
        Problem
            The problem; `Run.coef` returns coefficients of shape (d,) or (d, m).

        Raises
        ------
        TypeError
            If an argument is not an array of real numbers but, say, a sparse tensor or an operator.
        ValueError
            If shapes or names of columns disagree, an entry is missing, masked or not finite, or a
            sparse matrix is too large.

        Warns
        -----
        UserWarning
            If only ``X`` or only ``X_test`` has column names.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_data([[1, 0], [0, 2]], [1, 2], [[1, 1]], [2])
        >>> problem.curvature
        array([2. , 0.5])
        """
        options = {"start": start, "fit_intercept": fit_intercept, "rtol": rtol}
        return cls(reduce_data(X, y, X_test, y_test, **options).representable())

    @classmethod
    @blas_by_size
    @quiet
    def from_kernel(
        cls,
        K: Any,
        y: Any,
        K_test: Any = None,
        y_test: Any = None,
        *,
        rounding: float | None = None,
    ) -> Problem:
        """Build the function-space problem of a kernel; train predictions f start at zero.

        A GD step is f ← f - (2η/n) K (f - y): the same dynamics, with the eigenvalues of K/n.

        Parameters
        ----------
        K : array_like, shape (n, n)
            The kernel between train points, symmetric and positive semidefinite.
        y : array_like, shape (n,) or (n, m)
            Train targets.
        K_test : array_like, shape (n_test, n), optional
            The kernel between test and train points; optional as in `from_data`.
        y_test : array_like, shape (n_test,) or (n_test, m), optional
            Test targets.
        rounding : float, optional
            The size up to which eigenvalues of K are rounding errors and count as 0. By default it
            is estimated from the precision of the entries, their asymmetry, and the smallest
            eigenvalue. It is at least (n + 8)ε times the largest eigenvalue, with the ε of float64,
            and at least the magnitude of any negative eigenvalue.

        Returns
        -------
        Problem
            The problem; `Run.coef` returns dual coefficients α, with test predictions
            ``K_test @ α``. Its ``left_out`` says how many directions are lost to rounding.

        Raises
        ------
        ValueError
            If shapes disagree, an entry is not finite, or K is asymmetric or has a negative
            eigenvalue by more than a hundred-thousandth of its size.

        Warns
        -----
        UserWarning
            If directions are left out because K is rounded, for example to float32.

        Examples
        --------
        >>> import isoloss as il
        >>> il.Problem.from_kernel([[2, 1], [1, 2]], [1, -1], [[1, 1]], [0]).curvature
        array([1.5, 0.5])
        """
        return cls(reduce_kernel(K, y, K_test, y_test, rounding).representable())

    @blas_by_size
    @quiet
    def with_test(self, X_test: Any, y_test: Any) -> Problem:
        """Return the problem with new test data, without decomposing the train data again.

        Parameters
        ----------
        X_test : array_like, shape (n_test, d)
            Test inputs; for a problem from `from_kernel`, the kernel between test and train points.
        y_test : array_like, shape (n_test,) or (n_test, m)
            Test targets.

        Returns
        -------
        Problem
            The problem with the same train loss and start. Its test loss includes no noise.

        Raises
        ------
        ValueError
            If shapes disagree, an entry is not finite, or the problem was given by its spectra.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_data([[1, 0], [0, 2]], [1, 2], [[1, 1]], [2])
        >>> problem.with_test([[1, -1]], [0]).start_test_loss
        np.float64(0.0)
        """
        return Problem(judge_on(self._reduced, X_test, y_test).representable())

    @property
    def curvature(self) -> Array:
        """The eigenvalues γ of the train covariance, shape (*batch, r).

        They are in descending order, except that `from_spectra` keeps its order. `from_data` and
        `from_kernel` leave out directions without curvature.
        """
        return self._reduced.curvature

    @property
    def min_train_loss(self) -> Array:
        """The smallest train loss over all parameters, shape batch."""
        return self._reduced.min_train_loss

    @property
    def max_lr(self) -> Array:
        """The largest stable constant rate 1/γ₁, shape batch; infinite if all curvatures are 0."""
        return self._reduced.max_lr

    @blas_by_size
    @quiet
    def max_lr_for(
        self, batch_size: int, *, sampling: Sampling | None = None, weight_decay: float = 0.0
    ) -> Array:
        """Return the largest constant rate of minibatch steps that is stable in mean square.

        Below it, the expected losses stay bounded; above it, they grow without bound from almost
        every start. With fresh Gaussian rows it is the η with Σ ηγ/(B - (B + 1)ηγ) = 1.

        Parameters
        ----------
        batch_size : int
            The number B of rows in a minibatch.
        sampling, weight_decay
            As for `GradientDescent`. Steps have no momentum.

        Returns
        -------
        array, shape batch
            The rate, at most ``max_lr`` without weight decay; infinite if nothing moves.

        Raises
        ------
        ValueError
            If a number is out of its range, or sampling needs train rows that the problem lacks.

        Examples
        --------
        The paper's example as rows: with batches of two, the rate falls from 3/2 to 6/5.

        >>> import isoloss as il
        >>> problem = il.Problem.from_data([[1, 0], [1, 0], [0, 1]], [1, 1, 1])
        >>> print(problem.max_lr.round(12), problem.max_lr_for(batch_size=2).round(12))
        1.5 1.2
        """
        if batch_size is None:
            raise TypeError("batch_size must be a number of rows; full batches have max_lr")
        phase = GradientDescent(
            0.0, 0, batch_size=batch_size, sampling=sampling, weight_decay=weight_decay
        )
        return largest_rates_of(self._reduced, batch_size, phase.sampling, phase.weight_decay)

    @property
    def start_train_loss(self) -> Array:
        """The train loss at the start, shape batch."""
        return self._reduced.start_train_loss

    @property
    def start_test_loss(self) -> Array:
        """The test loss at the start, shape batch."""
        return self._reduced.start_test_loss

    @property
    def left_out(self) -> LeftOut | None:
        """The number of ``directions`` left out, with curvatures below ``curvature``, if any.

        They were indistinguishable from rounding errors of a kernel or covariance.
        """
        return self._reduced.left_out

    @property
    def reduction(self) -> Reduction | None:
        """How `isoloss.from_operator` reduced the problem; None for other problems."""
        return self._reduced.reduction

    def __repr__(self) -> str:
        return f"Problem({in_short(self._reduced)})"


def reduced_of(problem: Any) -> Reduced:
    """Return the reduced form of a problem; raise ``TypeError`` if it is not a `Problem`."""
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    return problem._reduced
