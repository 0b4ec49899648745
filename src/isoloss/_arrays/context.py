"""The public boundary: the user's arguments as checked float64 arrays of one kind."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import array_api_compat as compat
import numpy as np

from isoloss._arrays import conversion

Array = Any
Namespace = Any

# Logarithms of zero and underflowing exponentials are ordinary here, not faults.
quiet = np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")


@dataclass(frozen=True)
class ArrayContext:
    """The user's kind of array: results are arrays of the library ``home``, in ``dtype``.

    Computations run in float64 on ``device`` with the library ``xp``: the user's own, or NumPy if
    that library has immutable arrays (as JAX does) or no float64 on its device.
    """

    xp: Namespace
    device: Any
    dtype: Any
    home: Namespace
    home_device: Any

    @classmethod
    def of(cls, **values: Any) -> ArrayContext:
        """Find the kind that all arrays among ``values`` share; lists and numbers fit any kind."""
        arrays = {k: v for k, v in values.items() if compat.is_array_api_obj(v)}
        for name, value in arrays.items():
            conversion.dense(name, value)
            if compat.is_dask_array(value):
                raise TypeError(f"{name} is a Dask array; give {name}.compute()")
        if not arrays:
            numpy = _numpy()
            return cls(numpy, None, numpy.float64, numpy, None)
        try:
            home = compat.array_namespace(*arrays.values())
        except TypeError:
            kinds = ", ".join(f"{k}: {type(v).__module__}" for k, v in arrays.items())
            raise TypeError(f"all arrays must be of one kind; got {kinds}") from None
        first = next(iter(arrays.values()))
        device = None if compat.is_jax_array(first) else compat.device(first)
        known = home.__array_namespace_info__()
        double = "float64" in known.dtypes(device=device)
        floats = {v.dtype for v in arrays.values() if home.isdtype(v.dtype, "real floating")}
        if len(floats) == 1:
            dtype = floats.pop()
        elif double:
            dtype = home.float64
        else:
            dtype = known.default_dtypes(device=device)["real floating"]
        if double and not compat.is_jax_array(first):
            return cls(home, device, dtype, home, device)
        return cls(_numpy(), None, dtype, home, device)

    def array(self, name: str, value: Any) -> Array:
        """Return ``value`` as a finite float64 array; error messages call it ``name``."""
        array, xp = self.plain(name, value), self.xp
        bad = ~xp.isfinite(array)
        if bool(xp.any(bad)):
            flags = np.asarray(conversion.to_numpy(bad))
            first = [int(i) for i in np.unravel_index(int(np.argmax(flags)), flags.shape)]
            raise ValueError(
                f"{name} must be finite; got NaN or infinity in {int(flags.sum())} place(s)"
                + (f", the first at {first}" if first else "")
            )
        return array

    def plain(self, name: str, value: Any) -> Array:
        """Return ``value``, detached, as a float64 array that need not be finite."""
        if not compat.is_array_api_obj(value) or isinstance(value, np.ndarray | np.generic):
            # through NumPy: PyTorch would take Python numbers as float32
            return self.constant(conversion.numbers(name, value))
        if compat.array_namespace(value) is not self.home:
            raise TypeError(
                f"{name} must be an array of the same kind as the problem's, or NumPy's; "
                f"got {type(value).__module__}.{type(value).__name__}"
            )
        conversion.dense(name, value)
        if self.home is not self.xp:
            return self.constant(conversion.numbers(name, value))
        if not self.xp.isdtype(value.dtype, ("real floating", "integral", "bool")):
            raise TypeError(f"{name} must hold real numbers; got dtype {value.dtype}")
        return self.xp.astype(conversion.detached(value), self.xp.float64)

    def constant(self, value: Any) -> Array:
        """Return one of our own values as a float64 array on the user's device."""
        # a copy: PyTorch warns of read-only NumPy arrays
        copy = np.array(value, dtype=np.float64)
        if self.xp is _numpy():
            return copy
        return self.xp.asarray(copy, dtype=self.xp.float64, device=self.device)

    def result(self, array: Array) -> Array:
        """Return a float64 result in the user's precision; with NumPy, one number is a scalar.

        Other libraries have 0-d arrays instead of scalars.
        """
        if self.home is _numpy():
            return _number(np.array(array, dtype=self.dtype))
        if self.home is self.xp:
            return _number(self.xp.astype(self.xp.asarray(array), self.dtype))
        return self.home.asarray(np.asarray(array), dtype=self.dtype, device=self.home_device)

    def count(self, array: Array) -> Array:
        """Return booleans or integers in the user's kind of array, as `result` does for floats."""
        if self.home is self.xp:
            return _number(array)
        known = self.home.__array_namespace_info__().dtypes(device=self.home_device)
        plain = np.asarray(array)
        if plain.dtype.kind == "b" or "int64" in known:
            return self.home.asarray(plain, device=self.home_device)
        if plain.size and plain.max() > np.iinfo(np.int32).max:
            raise ValueError(
                f"a count of {plain.max()} steps does not fit into the int32 of "
                f"{self.home.__name__}; enable its 64-bit types, or give NumPy arrays"
            )
        return self.home.asarray(plain.astype(np.int32), device=self.home_device)

    def __reduce__(self) -> tuple[Any, ...]:
        # modules cannot be pickled
        fields = (self.device, self.dtype, self.home_device)
        return _kind, (self.xp.__name__, self.home.__name__, *fields)


def _kind(xp: str, home: str, device: Any, dtype: Any, home_device: Any) -> ArrayContext:
    load = importlib.import_module
    return ArrayContext(load(xp), device, dtype, load(home), home_device)


def _number(array: Array) -> Array:
    return array if array.ndim else array[()]


@cache
def _numpy() -> Namespace:
    return compat.array_namespace(np.empty(0))


def has_only_products(value: Any) -> bool:
    """Return whether a value is one of SciPy's sparse matrices or operators."""
    return is_sparse(value) or is_operator(value)


def is_sparse(value: Any) -> bool:
    """Return whether a value is one of SciPy's sparse matrices or arrays."""
    return hasattr(value, "tocsr") and hasattr(value, "toarray")  # not the library sparse's


def is_operator(value: Any) -> bool:
    """Return whether a value is a `LinearOperator`."""
    operators = sys.modules.get("scipy.sparse.linalg")  # if it is not loaded, none exist
    return operators is not None and isinstance(value, operators.LinearOperator)


def nonnegative(xp: Namespace, name: str, array: Array) -> None:
    """Raise ``ValueError`` if an entry is below zero."""
    if bool(xp.any(array < 0)):
        raise ValueError(
            f"{name} must not be negative; its smallest entry is {float(xp.min(array)):g}"
        )


def shape(name: str, array: Array, expected: tuple[int | str, ...], because: str = "") -> None:
    """Raise ``ValueError`` unless the shape is as expected; a string stands for any length."""
    found = tuple(array.shape)
    fits = len(found) == len(expected) and all(
        isinstance(want, str) or want == have for want, have in zip(expected, found, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join(map(str, expected)) + ("," if len(expected) == 1 else "") + ")"
        raise ValueError(f"{name} must have shape {wanted}{because}; got {found}")
    if 0 in found:
        raise ValueError(f"{name} must not be empty; got shape {found}")
