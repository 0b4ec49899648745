"""The Problem: how spectra, covariances, data and kernels become one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from isoloss._arrays import context, conversion
from isoloss._arrays.columns import (
    column_names,
    entries_in_order,
    like_rows,
)
from isoloss._arrays.context import Kind, quiet
from isoloss._parallel.threads import blas_by_size
from isoloss.problems.basis import Basis
from isoloss.problems.chunks import fewer_rows, is_chunked
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import RTOL, LeftOut, Spectrum, decompose, decompose_kernel
from isoloss.problems.offsets import data_test, difference
from isoloss.problems.offsets import residual as residual_of
from isoloss.problems.reduced import Reduced
from isoloss.problems.semidefinite import decompose_semidefinite
from isoloss.problems.test_loss import DiagonalTest, Offset, QuadraticTest
from isoloss.problems.units import Units, exponent, scaled
from isoloss.problems.validation import (
    TrainColumns,
    both_or_neither,
    log_weights,
    made_dense,
    read_covariances,
    read_noise,
    read_test,
    read_train,
)

__all__ = ["Problem"]

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Problem(Reduced):
    """A least-squares problem, reduced to the eigenbasis of its train covariance.

    Build one with `from_spectra`, `from_covariances`, `from_data` or `from_kernel`. Losses are
    means over rows of the squared error, summed over outputs, with no factor ½.

    Arrays may come from NumPy, PyTorch, JAX or another array-API library, but all from the same
    one. Results have the same kind and precision, and are computed in float64. They are detached:
    no gradient passes through them.

    Examples
    --------
    >>> import isoloss as il
    >>> il.Problem.from_spectra(train=[2 / 3, 1 / 3], test=[0.5, 0.5], start=[-10, -10])
    Problem(2 curvatures from 0.667 to 0.333, max_lr=1.5, start: train loss 100, test loss 100)
    """

    @classmethod
    @quiet
    def from_spectra(cls, train: Any, test: Any, start: Any, *, noise: Any = 0.0) -> Problem:
        """Build the commuting case from its spectra, as in the paper's appendix A.1.

        Train loss Σ γ_i δ_i², test loss Σ λ_i δ_i² + noise.

        Parameters
        ----------
        train : array_like, shape (*batch, d)
            Eigenvalues γ of the train covariance, at least 0, in any order.
        test : array_like, shape (*batch, d)
            Eigenvalues λ of the test covariance in the same basis, at least 0.
        start : array_like, shape (*batch, d)
            The residual δ(0) at the start in that basis.
        noise : array_like, shape batch, default: 0
            The variance of the label noise, added to the test loss.

        Returns
        -------
        Problem
            With the leading axes of the three arrays, broadcast, as its batch.

        Raises
        ------
        ValueError
            If shapes do not broadcast, or an entry is negative (but in ``start``) or not finite.

        Examples
        --------
        >>> import isoloss as il
        >>> il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10]).max_lr
        np.float64(1.5)
        """
        kind = Kind.of(train=train, test=test, start=start, noise=noise)
        xp = kind.xp
        given = {"train": train, "test": test, "start": start}
        arrays = {name: kind.array(name, value) for name, value in given.items()}
        for name in ("train", "test"):
            context.nonnegative(xp, name, arrays[name])
        shapes = {name: tuple(array.shape) for name, array in arrays.items()}
        if not all(shapes.values()) or any(0 in found for found in shapes.values()):
            raise ValueError(f"train, test and start need at least one entry each; got {shapes}")
        units = {name: exponent(xp, name, array) for name, array in arrays.items()}
        own = (scaled(array, -units[name]) for name, array in arrays.items())
        try:
            gamma, lam, delta = xp.broadcast_arrays(*own)
        except (ValueError, RuntimeError):
            raise ValueError(
                f"train, test and start must broadcast to one shape (*batch, d); got {shapes}"
            ) from None
        log_square = 2.0 * xp.log(xp.abs(delta))
        return cls._checked(
            kind=kind,
            gamma=gamma,
            floor=0.0 * gamma[..., 0],
            start_residual=delta[..., None],
            log_weights=xp.log(gamma) + log_square,
            test_form=DiagonalTest(
                curvature=lam,
                log_weights=xp.log(lam) + log_square,
                noise=read_noise(kind, noise, gamma.shape[:-1]),
                exponent=units["test"] + 2 * units["start"],
            ),
            coordinates=None,
            single_output=True,
            units=Units(units["train"], units["train"] + 2 * units["start"], units["start"]),
        )

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
    ) -> Problem:
        """Build a problem from its two covariances, which need not commute.

        Train loss (β - β̂)ᵀ Σ̂ (β - β̂), test loss (β - β*)ᵀ Σ (β - β*) + noise.

        Parameters
        ----------
        train_cov, test_cov : array_like, shape (*batch, d, d)
            Σ̂ and Σ, symmetric and positive semidefinite. Data frames are matched by name.
        start : array_like, shape (*batch, d)
            The parameters at the start.
        target : array_like, shape (*batch, d)
            The minimiser β* of the test loss.
        train_target : array_like, shape (*batch, d), optional
            The minimiser β̂ of the train loss, where it differs from ``target``.
        noise : array_like, shape batch, default: 0
            The variance of the label noise, added to the test loss.

        Returns
        -------
        Problem
            `Run.coef` then gives β.

        Raises
        ------
        ValueError
            If shapes or names disagree, an entry is not finite, or a covariance differs from its
            transpose, or has a negative eigenvalue, by more than a hundred-thousandth of its size.

        Warns
        -----
        UserWarning
            If directions are left out because a covariance is rounded, such as one in float32.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_covariances(
        ...     [[2, 1], [1, 2]], [[1, 0], [0, 1]], start=[0, 0], target=[1, 1]
        ... )
        >>> problem.curvature
        array([3., 1.])
        """
        given = {"train_cov": train_cov, "test_cov": test_cov, "start": start, "target": target}
        if train_target is not None:
            given["train_target"] = train_target
        kind = Kind.of(**given, noise=noise)
        xp = kind.xp
        arrays, batch, size = read_covariances(kind, given)
        units = {}
        for name in ("train_cov", "test_cov"):
            units[name] = exponent(xp, name, xp.max(xp.abs(arrays[name]), axis=(-2, -1)))
            arrays[name] = scaled(arrays[name], -units[name])
        train_unit, test_unit = units["train_cov"], units["test_cov"]
        gamma, basis, left_out, below = decompose_semidefinite(
            xp,
            "train_cov",
            arrays["train_cov"],
            conversion.precision(train_cov),
            exponent=train_unit,
        )
        judged = decompose_semidefinite(
            xp, "test_cov", arrays["test_cov"], conversion.precision(test_cov), exponent=test_unit
        )
        root = xp.sqrt(judged.eigenvalues)[..., :, None] * xp.matrix_transpose(judged.vectors)
        first, goal = arrays["start"][..., None], arrays["target"][..., None]
        limit = goal if train_target is None else arrays["train_target"][..., None]
        moved, start, minimum = (
            difference(xp, one, other)
            for one, other in ((first, limit), (first, goal), (limit, goal))
        )
        unit = moved.exponent
        gamma = xp.broadcast_to(gamma, (*batch, size))
        residual = xp.broadcast_to(xp.matrix_transpose(basis) @ moved.residual, (*batch, size, 1))
        return cls._checked(
            kind=kind,
            gamma=gamma,
            floor=0.0 * gamma[..., 0],
            start_residual=residual,
            log_weights=log_weights(xp, gamma, residual),
            test_form=QuadraticTest.build(
                xp,
                factor=xp.broadcast_to(root @ basis, (*batch, size, size)),
                residual=residual,
                start=Offset(root @ start.residual, start.exponent - unit),
                minimum=Offset(root @ minimum.residual, minimum.exponent - unit),
                noise=read_noise(kind, noise, batch),
                exponent=test_unit + 2 * unit,
            ),
            coordinates=Coordinates(Basis(basis), first, limit),
            single_output=True,
            left_out=LeftOut(left_out, scaled(below, train_unit)) if left_out else None,
            units=Units(train_unit, train_unit + 2 * unit, unit),
        )

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

        The data is decomposed once (covariance, Gram matrix or SVD, the cheapest that keeps the
        small eigenvalues); nothing afterwards depends on the number of train rows.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Train inputs. A Dask array of chunked rows is never held in memory, but reduced to d + m
            rows that have the same losses (a QR factorization by chunks), in one pass. SciPy's
            sparse matrices are made dense up to 50 million entries; larger ones, and operators, are
            for `isoloss.from_operator`. Frames (pandas, polars, Arrow) must hold numbers without
            missing values; the columns of ``X_test`` are matched by name, as in `with_test`.
        y : array_like, shape (n,) or (n, m)
            Train targets; the squared errors of several outputs are summed. Columns of frames
            are matched by name.
        X_test : array_like, shape (n_test, d), optional
            Test inputs. Without test data the problem trains, but has no test loss;
            `with_test` gives it some.
        y_test : array_like, shape (n_test,) or (n_test, m), optional
            Test targets.
        start : array_like, shape of the parameters, optional
            Parameters at the start, (d,) or (d, m) as ``y`` has one or two axes; zeros if left out.
            With an intercept, d + 1 rows, the last of which is the intercept.
        fit_intercept : bool, default: False
            Add an intercept, trained by the same steps as the other parameters (the bias of
            ``torch.nn.Linear``), not solved for separately.
        rtol : float, default: 2.5e-13
            The relative error that small curvatures may have. A larger one, such as 1e-8, saves the
            refinement of eigenvectors, or the SVD, of data whose spectrum is wide.

        Returns
        -------
        Problem
            `Run.coef` then gives coefficients of shape (d,) or (d, m).

        Raises
        ------
        TypeError
            If an argument is not an array of real numbers, such as a sparse tensor or an operator.
        ValueError
            If shapes or names of columns disagree, an entry is missing, masked or not finite, or a
            sparse matrix is too large to be made dense.

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
        rtol = conversion.number("rtol", rtol)
        if not 0 < rtol < 1:
            raise ValueError(f"rtol must be between 0 and 1; got {rtol!r}")
        tested = both_or_neither(X_test=X_test, y_test=y_test)
        if is_chunked(X, y, X_test, y_test):
            few = fewer_rows(X, y, X_test, y_test, intercept=fit_intercept)
            problem = cls.from_data(*few, start=start, rtol=rtol)
            assert problem.coordinates is not None
            coordinates = dataclasses.replace(problem.coordinates, intercept=fit_intercept)
            return dataclasses.replace(problem, coordinates=coordinates)
        X, X_test = made_dense("X", X), made_dense("X_test", X_test)
        kind = Kind.of(X=X, y=y, X_test=X_test, y_test=y_test, start=start)
        xp = kind.xp
        names = column_names(X), column_names(y)
        inputs, targets, single = read_train(kind, ("X", "y"), X, y)
        test = None
        if tested:
            train = TrainColumns(inputs.shape[1], None if single else targets.shape[1], names)
            test = read_test(kind, train, X_test, y_test, ("X_test", "y_test", "X", "y"))
        if fit_intercept:
            inputs = xp.concat([inputs, xp.ones_like(inputs[:, :1])], axis=1)
        d, m = inputs.shape[1], targets.shape[1]
        if start is None:
            first = xp.zeros((d, m), dtype=xp.float64, device=kind.device)
        else:
            first = kind.array("start", entries_in_order("start", start, "X", names[0]))
            why = f" to fit {d} parameters" + (
                " (the last is the intercept)" if fit_intercept else ""
            )
            context.shape("start", first, (d,) if single else (d, m), why)
            first = first[:, None] if single else first
        unit = exponent(xp, "X", xp.max(xp.abs(inputs)))
        inputs = scaled(inputs, -unit)
        residual = residual_of(xp, Offset(inputs, unit), first, targets)
        spectrum = decompose(xp, inputs, residual.residual, rtol)
        rank = int(xp.sum(xp.astype(spectrum.curvature > 0, xp.int64)))
        units = Units(2 * unit, 2 * residual.exponent, residual.exponent - unit)
        coordinates = Coordinates.build(
            spectrum.basis,
            first,
            spectrum.residual,
            units.parameters,
            intercept=bool(fit_intercept),
            names=names,
            null_space=rank < d,
        )
        return cls._of_rows(kind, spectrum, units, coordinates, test, single=single)

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
        """Build the function-space problem of a kernel: train predictions f start at zero.

        A GD step is f ← f - (2η/n) K (f - y): the same dynamics with the eigenvalues of K/n.

        Parameters
        ----------
        K : array_like, shape (n, n)
            The kernel between train points, symmetric and positive semidefinite.
        y : array_like, shape (n,) or (n, m)
            Train targets.
        K_test : array_like, shape (n_test, n), optional
            The kernel between test and train points. Without test data the problem trains, but has
            no test loss; `with_test` gives it some.
        y_test : array_like, shape (n_test,) or (n_test, m), optional
            Test targets.
        rounding : float, optional
            The size up to which eigenvalues of K are rounding errors and count as 0. By default it
            is estimated from the precision in which the entries are stored, from their asymmetry,
            and from how far the smallest eigenvalue is below zero. It is at least (n + 8)ε times
            the largest eigenvalue, with the ε of float64, and at least as large as a negative one.

        Returns
        -------
        Problem
            `Run.coef` then gives dual coefficients α: test predictions are ``K_test @ α``. The
            problem's ``left_out`` says how many directions are lost to rounding, if any.

        Raises
        ------
        ValueError
            If shapes disagree, an entry is not finite, or K differs from its transpose, or has a
            negative eigenvalue, by more than a hundred-thousandth of its size.

        Warns
        -----
        UserWarning
            If directions are left out because the entries of K are less precise than float64, such
            as float32 numbers.

        Examples
        --------
        >>> import isoloss as il
        >>> il.Problem.from_kernel([[2, 1], [1, 2]], [1, -1], [[1, 1]], [0]).curvature
        array([1.5, 0.5])
        """
        K = like_rows(K)
        kind = Kind.of(K=K, y=y, K_test=K_test, y_test=y_test)
        xp = kind.xp
        names = column_names(K), column_names(y)
        kernel, targets, single = read_train(kind, ("K", "y"), K, y)
        n = kernel.shape[0]
        context.shape("K", kernel, (n, n))
        test = None
        if both_or_neither(K_test=K_test, y_test=y_test):
            train = TrainColumns(n, None if single else targets.shape[1], names)
            test = read_test(kind, train, K_test, y_test, ("K_test", "y_test", "K", "y"))
        if rounding is not None:
            rounding = conversion.number("rounding", rounding)
            if not 0 <= rounding < float("inf"):
                raise ValueError(f"rounding must be finite and not negative; got {rounding!r}")
        unit, target_unit = (
            exponent(xp, name, xp.max(xp.abs(array)))
            for name, array in (("K", kernel), ("y", targets))
        )
        spectrum, left_out = decompose_kernel(
            xp,
            scaled(kernel, -unit),
            scaled(-targets, -target_unit),
            conversion.precision(K),
            rounding,
            unit=unit,
        )
        units = Units(unit, 2 * target_unit, target_unit - unit)
        coordinates = Coordinates.build(
            spectrum.basis,
            xp.zeros_like(targets),
            spectrum.residual,
            units.parameters,
            names=names,
        )
        return cls._of_rows(kind, spectrum, units, coordinates, test, left_out, single=single)

    @classmethod
    def _of_rows(
        cls,
        kind: Kind,
        spectrum: Spectrum,
        units: Units,
        coordinates: Coordinates,
        test: tuple[Array, Array] | None,
        left_out: LeftOut | None = None,
        *,
        single: bool,
    ) -> Problem:
        """Build a problem from the spectrum of its train rows, judged on any test rows."""
        problem = cls(
            kind=kind,
            gamma=spectrum.curvature,
            floor=spectrum.floor,
            start_residual=spectrum.residual,
            log_weights=log_weights(kind.xp, spectrum.curvature, spectrum.residual),
            test_form=None,
            coordinates=coordinates,
            single_output=single,
            left_out=left_out,
            units=units,
        )
        return problem.representable() if test is None else problem._judged(*test)

    @blas_by_size
    @quiet
    def with_test(self, X_test: Any, y_test: Any) -> Self:
        """Judge the same training on test data, or on other ones, without a new decomposition.

        Parameters
        ----------
        X_test : array_like, shape (n_test, d)
            Test inputs; for a problem from `from_kernel`, the kernel between test and train points.
        y_test : array_like, shape (n_test,) or (n_test, m)
            Test targets.

        Returns
        -------
        Problem
            With the same train loss and start. No noise is added to its test loss.

        Raises
        ------
        ValueError
            If shapes disagree, an entry is not finite, or the problem has no coordinates, being
            given by its spectra.

        Examples
        --------
        Chosen on validation data, judged on data that the choice has not seen:

        >>> import isoloss as il
        >>> problem = il.Problem.from_data([[1, 0], [0, 2]], [1, 2], [[1, 1]], [2])
        >>> problem.with_test([[1, -1]], [0]).start_test_loss
        np.float64(0.0)
        """
        if self.coordinates is None or self.start_residual.ndim > 2:
            raise ValueError(
                "with_test needs a single problem with coordinates, as from_data, from_kernel and "
                f"from_covariances build it; this is {self!r}"
            )
        train = TrainColumns(
            self.coordinates.basis.coordinates - self.coordinates.intercept,
            None if self.single_output else self.start_residual.shape[-1],
            self.coordinates.names,
        )
        called = ("X_test", "y_test", "the train inputs", "the train targets")
        X_test = made_dense("X_test", X_test)
        return self._judged(*read_test(self.kind, train, X_test, y_test, called))

    def _judged(self, rows: Array, targets: Array) -> Self:
        """Return the problem with test data that have been read."""
        xp, coordinates = self.kind.xp, self.coordinates
        assert coordinates is not None
        if coordinates.intercept:
            rows = xp.concat([rows, xp.ones_like(rows[:, :1])], axis=1)
        unit = self.units.parameters
        test = data_test(xp, rows, targets, coordinates, self.start_residual, unit)
        return dataclasses.replace(self, test_form=test).representable()
