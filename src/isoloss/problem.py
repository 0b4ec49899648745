"""The Problem: all that training dynamics and test loss depend on, once the data has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss import _checks
from isoloss._checks import Kind, quiet
from isoloss.coordinates import Coordinates
from isoloss.decomposition import Spectrum, decompose, decompose_kernel, eigh_nonnegative
from isoloss.reading import log_weights, read_covariances, read_data, read_noise
from isoloss.testloss import DiagonalTest, QuadraticTest

__all__ = ["Problem"]

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """A least-squares problem, reduced to the eigenbasis of its train covariance.

    Build one with `from_spectra`, `from_covariances`, `from_data` or `from_kernel`. Losses are
    means over rows of the squared error, summed over outputs, with no factor ½.

    Examples
    --------
    >>> import isoloss as il
    >>> il.Problem.from_spectra(train=[2 / 3, 1 / 3], test=[0.5, 0.5], start=[-10, -10])
    Problem(2 curvatures from 0.667 to 0.333, max_lr=1.5, start: train loss 100, test loss 100)
    """

    kind: Kind
    gamma: Array
    """`curvature` in float64."""
    floor: Array
    """`min_train_loss` in float64."""
    start_residual: Array
    """The residual δ(0) in the eigenbasis, shape (*batch, r, m) for m outputs."""
    log_weights: Array
    """log of γδ(0)², summed over outputs, shape (*batch, r)."""
    test: DiagonalTest | QuadraticTest
    coordinates: Coordinates | None
    single_output: bool

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
        array(1.5)
        """
        kind = Kind.of(train=train, test=test, start=start, noise=noise)
        xp = kind.xp
        given = {"train": train, "test": test, "start": start}
        arrays = {name: kind.array(name, value) for name, value in given.items()}
        for name in ("train", "test"):
            _checks.nonnegative(xp, name, arrays[name])
        shapes = {name: tuple(array.shape) for name, array in arrays.items()}
        if not all(shapes.values()) or any(0 in found for found in shapes.values()):
            raise ValueError(f"train, test and start need at least one entry each; got {shapes}")
        try:
            gamma, lam, delta = xp.broadcast_arrays(*arrays.values())
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
            test=DiagonalTest(
                curvature=lam,
                log_weights=xp.log(lam) + log_square,
                noise=read_noise(kind, noise, gamma.shape[:-1]),
            ),
            coordinates=None,
            single_output=True,
        )

    @classmethod
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
            Σ̂ and Σ, symmetric and positive semidefinite.
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
            If shapes disagree, an entry is not finite, or a covariance is not symmetric or has a
            negative eigenvalue (the message names it).

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
        gamma, basis = eigh_nonnegative(kind, "train_cov", arrays["train_cov"])
        eigenvalues, vectors = eigh_nonnegative(kind, "test_cov", arrays["test_cov"])
        root = xp.sqrt(eigenvalues)[..., :, None] * xp.matrix_transpose(vectors)
        first, goal = arrays["start"][..., None], arrays["target"][..., None]
        limit = goal if train_target is None else arrays["train_target"][..., None]
        gamma = xp.broadcast_to(gamma, (*batch, size))
        residual = xp.broadcast_to(xp.matrix_transpose(basis) @ (first - limit), (*batch, size, 1))
        return cls._checked(
            kind=kind,
            gamma=gamma,
            floor=0.0 * gamma[..., 0],
            start_residual=residual,
            log_weights=log_weights(xp, gamma, residual),
            test=QuadraticTest.build(
                xp,
                factor=xp.broadcast_to(root @ basis, (*batch, size, size)),
                residual=residual,
                at_start=root @ (first - goal),
                at_minimum=root @ (limit - goal),
                noise=read_noise(kind, noise, batch),
            ),
            coordinates=Coordinates(basis, limit),
            single_output=True,
        )

    @classmethod
    @quiet
    def from_data(
        cls,
        X: Any,
        y: Any,
        X_test: Any,
        y_test: Any,
        *,
        start: Any = None,
        fit_intercept: bool = False,
    ) -> Problem:
        """Build the least-squares problem of train data, judged on test data.

        The data is decomposed once (covariance, Gram matrix or SVD, the cheapest that keeps the
        small eigenvalues); nothing afterwards depends on the number of train rows.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Train inputs.
        y : array_like, shape (n,) or (n, m)
            Train targets; the squared errors of several outputs are summed.
        X_test : array_like, shape (n_test, d)
            Test inputs.
        y_test : array_like, shape (n_test,) or (n_test, m)
            Test targets.
        start : array_like, shape of the parameters, optional
            Parameters at the start, (d,) or (d, m) as ``y`` has one or two axes; zeros if left out.
            With an intercept, d + 1 rows, the last of which is the intercept.
        fit_intercept : bool, default: False
            Add an intercept, trained by the same steps as the other parameters (the bias of
            ``torch.nn.Linear``), not solved for separately.

        Returns
        -------
        Problem
            `Run.coef` then gives coefficients of shape (d,) or (d, m).

        Raises
        ------
        ValueError
            If shapes disagree or an entry is not finite.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_data([[1, 0], [0, 2]], [1, 2], [[1, 1]], [2])
        >>> problem.curvature
        array([2. , 0.5])
        """
        kind = Kind.of(X=X, y=y, X_test=X_test, y_test=y_test, start=start)
        xp = kind.xp
        inputs, targets, test_inputs, test_targets, single = read_data(
            kind, {"X": X, "y": y, "X_test": X_test, "y_test": y_test}
        )
        if fit_intercept:
            inputs, test_inputs = (
                xp.concat([rows, xp.ones_like(rows[:, :1])], axis=1)
                for rows in (inputs, test_inputs)
            )
        d, m = inputs.shape[1], targets.shape[1]
        if start is None:
            first = xp.zeros((d, m), dtype=xp.float64, device=kind.device)
        else:
            first = kind.array("start", start)
            why = f" to fit {d} parameters" + (
                " (the last is the intercept)" if fit_intercept else ""
            )
            _checks.shape("start", first, (d,) if single else (d, m), why)
            first = first[:, None] if single else first
        spectrum = decompose(xp, inputs, inputs @ first - targets)
        moving = int(xp.sum(xp.astype(spectrum.curvature > 0, xp.int64)))
        return cls._from_rows(
            kind,
            spectrum,
            test_inputs,
            test_targets,
            first,
            single,
            intercept=bool(fit_intercept),
            still=moving < d,
        )

    @classmethod
    @quiet
    def from_kernel(cls, K: Any, y: Any, K_test: Any, y_test: Any) -> Problem:
        """Build the function-space problem of a kernel: train predictions f start at zero.

        A GD step is f ← f - (2η/n) K (f - y): the same dynamics with the eigenvalues of K/n.

        Parameters
        ----------
        K : array_like, shape (n, n)
            The kernel between train points, symmetric and positive semidefinite.
        y : array_like, shape (n,) or (n, m)
            Train targets.
        K_test : array_like, shape (n_test, n)
            The kernel between test and train points.
        y_test : array_like, shape (n_test,) or (n_test, m)
            Test targets.

        Returns
        -------
        Problem
            `Run.coef` then gives dual coefficients α: test predictions are ``K_test @ α``.

        Raises
        ------
        ValueError
            If shapes disagree, an entry is not finite, or K is not symmetric or has a negative
            eigenvalue (the message names it).

        Examples
        --------
        >>> import isoloss as il
        >>> il.Problem.from_kernel([[2, 1], [1, 2]], [1, -1], [[1, 1]], [0]).curvature
        array([1.5, 0.5])
        """
        kind = Kind.of(K=K, y=y, K_test=K_test, y_test=y_test)
        xp = kind.xp
        kernel, targets, test_kernel, test_targets, single = read_data(
            kind, {"K": K, "y": y, "K_test": K_test, "y_test": y_test}
        )
        n = kernel.shape[0]
        _checks.shape("K", kernel, (n, n))
        _checks.symmetric(kind, "K", kernel)
        spectrum = decompose_kernel(kind, kernel, -targets)
        first = xp.zeros_like(targets)
        return cls._from_rows(kind, spectrum, test_kernel, test_targets, first, single, still=False)

    @classmethod
    def _from_rows(
        cls,
        kind: Kind,
        spectrum: Spectrum,
        test_rows: Array,
        test_targets: Array,
        first: Array,
        single: bool,
        *,
        intercept: bool = False,
        still: bool,
    ) -> Problem:
        """Build a problem whose test predictions are ``test_rows`` times the parameters.

        ``still`` says whether these have directions that the train data cannot see.
        """
        xp, gamma, basis, residual = kind.xp, spectrum.curvature, spectrum.basis, spectrum.residual
        scaled = test_rows / test_rows.shape[0] ** 0.5
        factor = scaled @ basis
        at_start = scaled @ first - test_targets / test_rows.shape[0] ** 0.5
        return cls._checked(
            kind=kind,
            gamma=gamma,
            floor=spectrum.floor,
            start_residual=residual,
            log_weights=log_weights(xp, gamma, residual),
            test=QuadraticTest.build(
                xp,
                factor=factor,
                residual=residual,
                at_start=at_start,
                at_minimum=at_start - factor @ residual,
                noise=kind.constant(0.0),
                still_inputs=(scaled, basis) if still else None,
            ),
            coordinates=Coordinates(basis, first - basis @ residual, intercept),
            single_output=single,
        )

    @classmethod
    def _checked(cls, **fields: Any) -> Problem:
        problem = cls(**fields)
        if not bool(problem.kind.xp.all(problem.kind.xp.isfinite(4.0 * problem.gamma))):
            raise ValueError("the train curvature overflows float64; rescale the problem")
        for name in ("start_train_loss", "start_test_loss"):
            if not bool(problem.kind.xp.all(problem.kind.xp.isfinite(getattr(problem, name)))):
                raise ValueError(f"the {name} overflows float64; rescale the problem")
        return problem

    @property
    def curvature(self) -> Array:
        """The eigenvalues γ of the train covariance, shape (*batch, r).

        Descending, but in the order given to `from_spectra`; `from_data` and `from_kernel` leave
        out directions without curvature.
        """
        return self.kind.result(self.gamma)

    @property
    def min_train_loss(self) -> Array:
        """The smallest train loss that any parameters have, shape batch."""
        return self.kind.result(self.floor)

    @property
    @quiet
    def max_lr(self) -> Array:
        """The largest stable constant rate 1/γ₁, shape batch; infinite without any curvature."""
        xp = self.kind.xp
        top = xp.max(self.gamma, axis=-1)
        return self.kind.result(1.0 / top)

    @property
    @quiet
    def start_train_loss(self) -> Array:
        """The train loss at the start, shape batch."""
        xp = self.kind.xp
        return self.kind.result(self.floor + xp.sum(xp.exp(self.log_weights), axis=-1))

    @property
    @quiet
    def start_test_loss(self) -> Array:
        """The test loss at the start, shape batch."""
        xp = self.kind.xp
        zeros = 0.0 * self.gamma
        return self.kind.result(self.test.loss(xp, 1.0 + zeros, zeros))

    def filtered_residual(self, sign: Array, log: Array) -> Array:
        """Return h∘δ(0) for filters sign·exp(log) of shape (*batch, *levels, r)."""
        xp = self.kind.xp
        start = self.start_residual
        extra = log.ndim - (start.ndim - 1)
        start = start[(..., *(None,) * extra, slice(None), slice(None))]
        # in logarithms, for where only the product of filter and start fits into float64
        sizes = xp.exp(log[..., None] + xp.log(xp.abs(start)))
        residual = self.kind.result(sign[..., None] * xp.sign(start) * sizes)
        return residual[..., 0] if self.single_output else residual

    def parameters(
        self, residual: Array, move: Array | None = None, log_scale: Array | None = None
    ) -> tuple[Array, Array]:
        """Return coefficients and intercept for residuals of shape (*batch, *levels, r[, m]).

        ``move`` adds a movement of the parameters themselves, shape (*levels, d, m); ``log_scale``
        is the logarithm of a factor of the residuals.
        """
        if self.coordinates is None:
            raise ValueError(
                "a problem given by its spectra has no coordinates but its eigenbasis; "
                "use residual() instead of coef()"
            )
        xp = self.kind.xp
        residual = xp.astype(residual, xp.float64)
        if self.single_output:
            residual = residual[..., None]
        parts = self.coordinates.parameters(xp, residual, move, log_scale)
        coef, intercept = (part[..., 0] if self.single_output else part for part in parts)
        return self.kind.result(coef), self.kind.result(intercept)

    def __repr__(self) -> str:
        xp, r = self.kind.xp, self.gamma.shape[-1]
        batch = self.gamma.shape[:-1]
        parts = [f"{r} curvature{'s' if r != 1 else ''}"]
        top, bottom = float(xp.max(self.gamma)), float(xp.min(self.gamma))
        parts[0] += f" from {top:.3g} to {bottom:.3g}" if r > 1 else f" of {top:.3g}"
        if batch:
            parts.insert(0, f"batch {tuple(batch)}")
        else:
            parts.append(f"max_lr={float(self.max_lr):.4g}")
            parts.append(
                f"start: train loss {float(self.start_train_loss):.4g}, "
                f"test loss {float(self.start_test_loss):.4g}"
            )
            if float(self.floor) > 0:
                parts.append(f"smallest train loss {float(self.floor):.4g}")
        return f"Problem({', '.join(parts)})"
