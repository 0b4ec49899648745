"""The rows that models are trained on, in an order given by a seed, and those for measuring."""

from __future__ import annotations

import hashlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss.networks.loading import load_torch
from isoloss.networks.seeded import seeded
from isoloss.networks.tensors import Pair, bytes_of, check_finite, kinds, pair_of

__all__ = ["RowSource", "read_data"]

Convert = Callable[[Pair], Pair]
_ORDER = 0  # the seed that draws the rows losses are measured on, the same in all runs


@dataclass(frozen=True)
class RowSource(ABC):
    """Rows to train on; losses are measured on the rows ``train`` and ``test``."""

    train: Pair
    test: Pair

    @property
    def generators(self) -> tuple[Any, ...]:
        """The generators that decide the batches, besides PyTorch's global one."""
        return ()

    @abstractmethod
    def batches(self, seed: int) -> Iterator[tuple[Pair, bytes]]:
        """Yield batches without end, each with bytes that identify it."""

    @property
    def fingerprint(self) -> str:
        """A text that identifies the rows."""
        return _digest((*self.train, *self.test))


@dataclass(frozen=True)
class RowArrays(RowSource):
    """Rows in memory, in random order for each pass; the last rows of a pass are left out."""

    rows: Pair
    batch_size: int

    def batches(self, seed: int) -> Iterator[tuple[Pair, bytes]]:
        """Yield batches without end, each with bytes that identify it."""
        torch = load_torch()
        (X, y), size = self.rows, self.batch_size
        generator = torch.Generator().manual_seed(seed)
        while True:
            if size == len(X):
                yield (X.clone(), y.clone()), b""  # models may change them in place
                continue
            order = torch.randperm(len(X), generator=generator, device="cpu")
            for first in range(0, len(X) - size + 1, size):
                chosen = order[first : first + size]
                place = chosen.to(X.device)
                yield (X[place], y[place]), chosen.numpy().tobytes()

    @property
    def fingerprint(self) -> str:
        """A text that identifies the rows."""
        return _digest((*self.train, *self.test, *self.rows))


@dataclass(frozen=True)
class RowLoaders(RowSource):
    """Rows from a `torch.utils.data.DataLoader`, pass after pass."""

    loader: Any
    convert: Convert

    @property
    def generators(self) -> tuple[Any, ...]:
        """The generators that decide the batches, besides PyTorch's global one."""
        return _generators(self.loader)

    def batches(self, seed: int) -> Iterator[tuple[Pair, bytes]]:  # noqa: ARG002 - seeded outside
        """Yield batches without end, each with bytes that identify it."""
        while True:
            empty = True
            for batch in self.loader:
                empty = False
                X, y = pair_of(batch)
                yield self.convert((X, y)), bytes_of(X) + bytes_of(y)
            if empty:
                raise ValueError(
                    "the DataLoader of train rows is empty: a pass over it has no batch"
                )


def _generators(loader: Any) -> tuple[Any, ...]:
    places = (loader, loader.sampler, getattr(loader.batch_sampler, "sampler", None))
    found = (getattr(place, "generator", None) for place in places)
    kept = {id(each): each for each in found if isinstance(each, load_torch().Generator)}
    return tuple(kept.values())


def read_data(data: Any, batch_size: int | None, evaluated: int, convert: Convert) -> RowSource:
    """Return the rows of arrays (X, y, X_test, y_test), or of two data loaders."""
    loader = load_torch().utils.data.DataLoader
    parts = tuple(data) if isinstance(data, tuple | list) else ()
    if len(parts) == 2 and all(isinstance(part, loader) for part in parts):
        if batch_size is not None:
            raise ValueError("the DataLoader has a batch size of its own; leave batch_size out")
        if parts[0].persistent_workers:
            raise ValueError(
                "the DataLoader of train rows has persistent_workers, which carry random "
                "numbers over from one run to the next; build it without them"
            )
        names = ("the DataLoader of train rows", "the DataLoader of test rows")
        train, test = (
            convert(_some_loaded(name, part, evaluated))
            for name, part in zip(names, parts, strict=True)
        )
        return RowLoaders(train, test, parts[0], convert)
    if len(parts) != 4 or any(isinstance(part, loader) for part in parts):
        raise TypeError(
            "data must be four arrays (X, y, X_test, y_test), or two DataLoaders (train, test); "
            f"got {kinds(data)}"
        )
    X, y, X_test, y_test = (
        _tensor(name, part)
        for name, part in zip(("X", "y", "X_test", "y_test"), parts, strict=True)
    )
    for both, inputs, targets in (("X and y", X, y), ("X_test and y_test", X_test, y_test)):
        if len(inputs) != len(targets):
            raise ValueError(
                f"{both} must have equally many rows; got {len(inputs)} and {len(targets)}"
            )
    size = len(X) if batch_size is None else batch_size
    if size > len(X):
        raise ValueError(f"batch_size is {size}, but there are {len(X)} train rows")
    rows, test_rows = convert((X, y)), convert((X_test, y_test))
    return RowArrays(_some(rows, evaluated), _some(test_rows, evaluated), rows, size)


def _tensor(name: str, given: Any) -> Any:
    torch = load_torch()
    if not isinstance(given, torch.Tensor):
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} must be numbers; got {array.dtype}")
        given = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("=")))
    given = given.detach()
    if not given.ndim or not len(given):
        raise ValueError(f"{name} must have at least one row; got shape {tuple(given.shape)}")
    check_finite(name, given)
    return given


def _order(size: int) -> Any:
    torch = load_torch()
    return torch.randperm(size, generator=torch.Generator().manual_seed(_ORDER), device="cpu")


def _some(rows: Pair, count: int) -> Pair:
    """Return at most ``count`` rows, drawn at random: rows are often sorted by class."""
    X, y = rows
    if len(X) <= count:
        return rows
    chosen = _order(len(X))[:count].to(X.device)
    return X[chosen], y[chosen]


def _some_loaded(name: str, loader: Any, count: int) -> Pair:
    """Return at most ``count`` rows of a loader: random ones, or the first of a stream."""
    parts: list[Pair] = []
    with seeded(_ORDER, _generators(loader)):
        drawn = _sampled(loader)
        if drawn:
            if len(drawn) > count:
                drawn = [drawn[k] for k in _order(len(drawn))[:count].tolist()]
            parts = [pair_of(loader.collate_fn([loader.dataset[k] for k in drawn]))]
        else:
            for batch in loader:
                parts.append(pair_of(batch))
                if sum(len(X) for X, _ in parts) >= count:
                    break
    if not parts:
        raise ValueError(f"{name} is empty")
    X, y = (load_torch().cat(columns)[:count] for columns in zip(*parts, strict=True))
    check_finite(f"the inputs of {name}", X)
    check_finite(f"the targets of {name}", y)
    return X, y


def _sampled(loader: Any) -> Sequence[Any]:
    """Return the rows of the data set that a pass takes; none of streams and batch samplers."""
    data = load_torch().utils.data
    try:
        size = len(loader.dataset)
    except TypeError:  # a stream
        return ()
    if loader.batch_sampler is None or loader.batch_size is None:
        return ()
    if type(loader.sampler) in (data.SequentialSampler, data.RandomSampler):
        return range(len(loader.sampler.data_source))
    return list(itertools.islice(loader.sampler, size))  # others may take some rows alone


def _digest(parts: tuple[Any, ...]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(str((part.dtype, tuple(part.shape))).encode() + bytes_of(part))
    return found.hexdigest()
