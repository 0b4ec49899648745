"""The public boundary: what the user gave, as checked float64 arrays of one kind."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np

Array = Any
Namespace = Any

# Logarithms of zero and decaying exponentials are ordinary values here, not faults.
quiet = np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")


@dataclass(frozen=True)
class Kind:
    """The user's kind of array: computations run in float64, results go back in ``dtype``."""

    xp: Namespace
    device: Any
    dtype: Any

    @classmethod
    def of(cls, **values: Any) -> Kind:
        """Find the one kind shared by the arrays among ``values``; lists and numbers fit any."""
        arrays = {k: v for k, v in values.items() if compat.is_array_api_obj(v)}
        try:
            xp = compat.array_namespace(*arrays.values()) if arrays else _numpy()
        except TypeError:
            kinds = ", ".join(f"{k}: {type(v).__module__}" for k, v in arrays.items())
            raise TypeError(f"all arrays must be of one kind; got {kinds}") from None
        floats = {v.dtype for v in arrays.values() if xp.isdtype(v.dtype, "real floating")}
        dtype = floats.pop() if len(floats) == 1 else xp.float64
        device = compat.device(next(iter(arrays.values()))) if arrays else None
        return cls(xp, device, dtype)

    @property
    def eps(self) -> float:
        """The rounding unit of the user's precision."""
        return float(self.xp.finfo(self.dtype).eps)

    def array(self, name: str, value: Any) -> Array:
        """Return ``value`` as a finite float64 array; ``name`` is what the message calls it."""
        array = self.plain(name, value)
        if not bool(self.xp.all(self.xp.isfinite(array))):
            bad = int(self.xp.sum(self.xp.astype(~self.xp.isfinite(array), self.xp.int64)))
            raise ValueError(f"{name} must be finite; got NaN or infinity in {bad} place(s)")
        return array

    def plain(self, name: str, value: Any) -> Array:
        """Return ``value`` as a float64 array that need not be finite."""
        if compat.is_array_api_obj(value) and not isinstance(value, np.ndarray | np.generic):
            if compat.array_namespace(value) is not self.xp:
                raise TypeError(
                    f"{name} must be an array of the same kind as the problem's, or NumPy's; "
                    f"got {type(value).__module__}.{type(value).__name__}"
                )
            array = value
        else:  # through NumPy: PyTorch would take Python numbers as float32
            try:
                array = np.asarray(value)
            except ValueError as error:
                raise ValueError(f"{name} must be an array of numbers: {error}") from None
            if array.dtype.kind not in "biuf":
                raise TypeError(f"{name} must hold real numbers; got {_described(value, array)}")
            return self.constant(array)
        if not self.xp.isdtype(array.dtype, ("real floating", "integral", "bool")):
            raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}")
        return self.xp.astype(array, self.xp.float64)

    def constant(self, value: Any) -> Array:
        """Return ``value`` of ours as a float64 array on the user's device."""
        # a copy: PyTorch warns of read-only NumPy arrays
        return self.xp.asarray(np.array(value), dtype=self.xp.float64, device=self.device)

    def result(self, array: Array) -> Array:
        """Give a float64 result back in the user's precision."""
        return self.xp.astype(self.xp.asarray(array), self.dtype)


def _described(value: Any, array: Any) -> str:
    return f"dtype {array.dtype}" if array.ndim else f"{type(value).__name__} {value!r}"


def _numpy() -> Namespace:
    return compat.array_namespace(np.empty(0))


def has_only_products(value: Any) -> bool:
    """Whether a value is one of SciPy's sparse matrices or operators."""
    operators = sys.modules.get("scipy.sparse.linalg")  # without it, there are none
    return hasattr(value, "tocsr") or (
        operators is not None and isinstance(value, operators.LinearOperator)
    )


def nonnegative(xp: Namespace, name: str, array: Array) -> None:
    """Raise ``ValueError`` if an entry is below zero."""
    if bool(xp.any(array < 0)):
        raise ValueError(
            f"{name} must not be negative; its smallest entry is {float(xp.min(array)):g}"
        )


def shape(name: str, array: Array, expected: tuple[int | str, ...], because: str = "") -> None:
    """Raise ``ValueError`` unless the shape fits; a string stands for any length."""
    found = tuple(array.shape)
    fits = len(found) == len(expected) and all(
        isinstance(want, str) or want == have for want, have in zip(expected, found, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "") + ")"
        raise ValueError(f"{name} must have shape {wanted}{because}; got {found}")
    if 0 in found:
        raise ValueError(f"{name} must not be empty; got shape {found}")


def symmetric(kind: Kind, name: str, array: Array) -> None:
    """Raise ``ValueError`` unless the last two axes form symmetric matrices."""
    xp = kind.xp
    gap = float(xp.max(xp.abs(array - xp.matrix_transpose(array))))
    if gap > 1e5 * kind.eps * float(xp.max(xp.abs(array))):
        raise ValueError(
            f"{name} must be symmetric; entries differ from the transpose's by up to {gap:g}"
        )
