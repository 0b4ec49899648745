"""One logged training run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import suggest
from isoloss._messages.numbers import short
from isoloss.curves.numbers import (
    check_finite,
    check_measured,
    column,
    constant,
    count,
    decay,
    text,
    whole_steps,
)
from isoloss.curves.rates import between_rows, check_rates, planned
from isoloss.curves.resumed import one_row_a_step
from isoloss.schedules import Phase, Schedule

__all__ = ["LossCurve"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

_LOSSES = ("loss", "test_loss")


@dataclass(frozen=True, init=False, repr=False, eq=False)
class LossCurve:
    """The losses that a training run logged, and the learning rate of each of its steps.

    If the constructor changes, drops or assumes something, one ``UserWarning`` says so, and
    ``notes`` keep it.

    Parameters
    ----------
    step : array_like, shape (n,)
        The number of optimizer steps done when each row was measured, increasing. A resumed run may
        go back to a step that it has logged: rows from that step on that were logged before are
        dropped, and of several rows of one step the last one counts.
    loss : array_like, shape (n,)
        The train loss, or whatever loss is logged; NaN or None where it was not measured.
    lr : float, array_like or Schedule
        The learning rate, in absolute units, as one of

        - a rate for each row, shape (n,): the rate is linear between rows. Where it jumps between
          two rows, and is steady before and after, the jump comes at the later row. NaN is
          interpolated;
        - a rate for each step, shape (step[-1],), whose entry i is the rate of step i + 1 (if there
          are as many rows as steps, they are taken as rates of rows);
        - a number, which is the rate of all steps;
        - a schedule without gradient flow, of which only the rates are used; steps after the last
          row are cut.
    test_loss : array_like, shape (n,), optional
        The loss on held-out data; NaN or None where it was not measured.
    weight_decay : float, optional
        The optimizer's decoupled weight decay, such as the ``weight_decay`` of AdamW.
    batch_size : int, optional
        The number of rows, or tokens, of data in each step.
    warmup : int, optional
        The number of steps over which the rate rose linearly from 0 to that of the first row, if
        ``lr`` has a rate for each row. By default, it rose until the first row. After a shorter
        warm-up, it stays constant until the first row; 0 means no warm-up.
    name : str, default: ""
        A name for tables, figures and messages.

    Attributes
    ----------
    rates : array, shape (steps,)
        The learning rate of each step.
    notes : tuple of str
        What was dropped, assumed or looks wrong, a sentence each.

    Raises
    ------
    ValueError
        If steps are not whole, negative, decreasing or start again; a loss is infinite, or fewer
        than two rows have one; rates are negative, infinite, all zero or too few; or shapes differ.
    TypeError
        If something is not a number, or ``lr`` is a text.

    Examples
    --------
    >>> curve = LossCurve([10, 20, 30], [2.5, 2.1, 1.9], [1e-3, 1e-3, 5e-4], warmup=5, name="wsd")
    >>> curve
    LossCurve('wsd', 3 rows to step 30, loss from 2.500 to 1.900, peak lr 0.001)
    >>> curve.rates[[0, 4, 19, 24, 29]]
    array([0.0002 , 0.001  , 0.001  , 0.00075, 0.0005 ])
    >>> from isoloss import families
    >>> LossCurve([1, 2, 3], [2.5, 2.1, 1.9], families.cosine(1e-3, 3)).rates
    array([0.001  , 0.00075, 0.00025])
    """

    step: Steps
    loss: Floats
    test_loss: Floats | None
    rates: Floats
    weight_decay: float | None
    batch_size: int | None
    name: str
    notes: tuple[str, ...]

    def __init__(
        self,
        step: npt.ArrayLike,
        loss: npt.ArrayLike,
        lr: npt.ArrayLike | Schedule | Phase,
        *,
        test_loss: npt.ArrayLike | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        warmup: int | None = None,
        name: str = "",
    ) -> None:
        self._fill(step, loss, lr, test_loss, weight_decay, batch_size, warmup, name)
        if self.notes:
            run = f"{name}: " if name else ""
            warnings.warn(run + " ".join(self.notes), UserWarning, stacklevel=2)

    @classmethod
    def _quietly(cls, step: Any, loss: Any, lr: Any, **others: Any) -> Self:
        """Return a curve without a warning, whose notes the caller reports."""
        found = object.__new__(cls)
        settings = {"test_loss": None, "weight_decay": None, "batch_size": None, "warmup": None}
        found._fill(step, loss, lr, **settings | others)
        return found

    @property
    def steps(self) -> int:
        """The number of steps until the last row."""
        return int(self.step[-1])

    @property
    def peak(self) -> float:
        """The largest learning rate."""
        return float(self.rates.max())

    def rows(self, which: Literal["loss", "test_loss"] = "loss") -> tuple[Steps, Floats]:
        """Return the steps at which a loss was measured, and the loss there.

        Parameters
        ----------
        which : {"loss", "test_loss"}, default: "loss"
            The loss.

        Returns
        -------
        step : array of int, shape (m,)
            The steps, increasing.
        loss : array, shape (m,)
            The loss at each of them.

        Raises
        ------
        ValueError
            If the run has no such loss.

        Examples
        --------
        >>> curve = LossCurve([1, 2, 4], [2.5, None, 1.9], 1e-3, test_loss=[None, 2.4, None])
        >>> curve.rows("test_loss")
        (array([2]), array([2.4]))
        """
        if which not in _LOSSES:
            near = suggest(str(which), _LOSSES)
            raise ValueError(f"a curve has a 'loss' and a 'test_loss'; got {which!r}{near}")
        losses = self.loss if which == "loss" else self.test_loss
        if losses is None:
            run = f"the run '{self.name}'" if self.name else "the run"
            raise ValueError(f"{run} has no test loss; give test_loss, or use its 'loss'")
        measured = ~np.isnan(losses)
        return self.step[measured], losses[measured]

    def until(self, step: int) -> Self:
        """Return the first part of the run.

        Parameters
        ----------
        step : int
            Rows after this step are left out.

        Returns
        -------
        LossCurve
            The curve up to the last row that is left.

        Raises
        ------
        ValueError
            If fewer than two rows with a loss are left.

        Examples
        --------
        >>> LossCurve([10, 20, 30], [2.5, 2.1, 1.9], 1e-3).until(25)
        LossCurve(2 rows to step 20, loss from 2.500 to 2.100, peak lr 0.001)
        """
        rows = int(np.searchsorted(self.step, count("step", step, 0), side="right"))
        if np.count_nonzero(~np.isnan(self.loss[:rows])) < 2:
            raise ValueError(
                f"fewer than two rows up to step {step} have a loss; the first two that do are at "
                f"steps {' and '.join(map(str, self.rows()[0][:2]))}"
            )
        part = object.__new__(type(self))
        part._set(
            **self.__dict__
            | {
                "step": self.step[:rows],
                "loss": self.loss[:rows],
                "test_loss": None if self.test_loss is None else self.test_loss[:rows],
                "rates": self.rates[: self.step[rows - 1]],
            }
        )
        return part

    def _fill(
        self,
        step: Any,
        loss: Any,
        lr: Any,
        test_loss: Any,
        weight_decay: Any,
        batch_size: Any,
        warmup: Any,
        name: Any,
        told: Sequence[str] = (),
    ) -> None:
        steps = whole_steps(step)
        columns = [column("loss", loss, steps.size)]
        if test_loss is not None:
            columns.append(column("test_loss", test_loss, steps.size))
        for title, losses in zip(_LOSSES, columns, strict=False):
            check_finite(title, losses, steps)
        if warmup is not None:
            warmup = count("warmup", warmup, 0)
        rates, notes = planned(lr, steps.size, int(steps[-1]))
        if rates is None:
            columns.append(column("lr", lr, steps.size))
        elif warmup is not None:
            raise ValueError(
                "warmup says how the rate rose before the first row, but lr gives the rate of "
                "every step; leave warmup out"
            )
        steps, columns, dropped = one_row_a_step(steps, columns)
        check_measured(columns[0], steps)
        if rates is None:
            rates, notes = between_rows(steps, columns.pop(), warmup)
        notes = [*told, *dropped, *notes, *check_rates(rates), *constant(columns[0])]
        self._set(
            step=steps,
            loss=columns[0],
            test_loss=columns[1] if len(columns) > 1 else None,
            rates=rates,
            weight_decay=None if weight_decay is None else decay(weight_decay),
            batch_size=None if batch_size is None else count("batch_size", batch_size, 1),
            name=text(name),
            notes=tuple(notes),
        )

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(**state)  # copies of arrays are writable

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        arrays = self.step, self.loss, self.test_loss, self.rates
        # adding 0 turns -0 into 0, whose bytes differ
        held = (None if each is None else (each + 0).tobytes() for each in arrays)
        return *held, self.weight_decay, self.batch_size, self.name

    def __repr__(self) -> str:
        _, losses = self.rows()
        parts = [repr(self.name)] * bool(self.name)
        parts += [f"{self.step.size} rows to step {self.steps}"]
        parts += [f"loss from {short(float(losses[0]))} to {short(float(losses[-1]))}"]
        if self.test_loss is not None:
            parts += [f"test loss in {self.rows('test_loss')[0].size} rows"]
        return f"LossCurve({', '.join(parts)}, peak lr {self.peak:.4g})"
