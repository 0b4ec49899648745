"""Measure the test loss in one's own training loop, where the train loss meets given levels."""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short
from isoloss.curves import LossCurve
from isoloss.curves.matched_curve import MatchedCurve
from isoloss.curves.numbers import column
from isoloss.schedules import GradientDescent

__all__ = ["Matched"]

# In e-folds of steps, so that 0.02 is 2% of the steps done.
_BLOCK = 0.005  # the length of a block, over which losses of batches are averaged
_SPARSE, _DENSE = 0.05, 0.02  # between measurements, far from all levels and near one
_AROUND = 0.2  # how far from a level's step measurements are dense
_WINDOW = 0.3  # how far back the train loss is smoothed
_JUMP = 0.05  # the smallest relative change of the rate that ends a window
_AFTER_JUMP = 0.05  # how long each block is then measured


class Matched:
    """Measure train and test loss in one's own training loop, where the train loss meets levels.

    Two lines in a script: make a `Matched` before the loop, and call `step` after each step of the
    optimizer. The log goes to `isoloss.curves.match` and `isoloss.curves.fit`, or as a file to
    ``isoloss match`` and ``isoloss forecast``.

    The losses of batches decide only *when* to measure. A straight line in the log of the step is
    fitted to those of the last 30% of the steps, or since the last jump of the rate, and predicts
    where a level is met. From 20% of the steps before that until 20% after it, ``evaluate`` is
    called every 2% of the steps; elsewhere every 5%; and for 5% of the steps after a jump of the
    rate every 0.5%. `isoloss.curves.match` then finds in these measurements where the level was
    met, and the test loss there, with rows before *and after* each step, while a loop has only
    those before. A wrong prediction costs measurements, or accuracy that ``str()`` shows, but does
    not shift the stop.

    Parameters
    ----------
    levels : float or array_like
        Train losses at which test losses are compared.
    evaluate : callable
        A function without arguments that returns the train loss and the test loss of the model as
        it is, on fixed rows: the loss of a single batch is noisy, and falls below a level too
        early. A model with dropout or batch norm must be put into evaluation mode here, and back.
    log : path, optional
        A new CSV file, which each measurement is written to at once.
    name : str, optional
        The run's name; by default the name of the file.

    Attributes
    ----------
    levels : array
        The train losses, from the highest to the lowest.
    steps : int
        How many steps were taken.
    measured : int
        How often ``evaluate`` was called.

    Raises
    ------
    ValueError
        If there are no levels, or one is not finite.
    FileExistsError
        If the file ``log`` exists already.

    Examples
    --------
    >>> done = 0
    >>> def losses():
    ...     return 1 + 5 * (done + 1) ** -0.5, 1.1 + 6 * (done + 1) ** -0.5
    >>> at = Matched([1.3, 1.2], losses, name="slow")
    >>> for done in range(1, 1001):
    ...     at.step(1 + 5 * done**-0.5, lr=0.1)  # the loss of the batch, before the step
    >>> at.curve()
    LossCurve('slow', ... rows to step 1000, loss from 4.536 to 1.158, test loss in ...)
    >>> print(at)
    train loss 1.300 is met at step 277, between measurements at ... and ...: test loss 1.460 ± ...
    train loss 1.200 is met at step 624, between measurements at ... and ...: test loss 1.340 ± ...
    """

    def __init__(
        self,
        levels: npt.ArrayLike,
        evaluate: Callable[[], Any],
        *,
        log: str | PathLike[str] | None = None,
        name: str | None = None,
    ) -> None:
        found = np.unique(column("levels", np.atleast_1d(np.asarray(levels))))[::-1]
        if not found.size or not np.isfinite(found).all():
            raise ValueError(f"levels must be finite train losses; got {levels!r}")
        if not callable(evaluate):
            raise TypeError(
                "evaluate must be a function that returns the train loss and the test loss; got "
                f"{type(evaluate).__name__}"
            )
        self.levels = found
        self.steps = self.measured = 0
        self._path = None if log is None else Path(log)
        self._name = name if name is not None else "" if self._path is None else self._path.stem
        self._evaluate = evaluate
        self._rates = array("d")
        self._rows: list[tuple[int, float, float]] = []  # step, train loss, test loss
        self._block: list[float] = []
        self._jump = -math.inf  # the log step of the last jump of the rate
        self._means: list[tuple[float, float]] = []  # log steps and losses of batches, since a jump
        if self._path is not None:
            try:
                with self._path.open("x", encoding="utf-8") as file:
                    file.write("run,step,lr,train_loss,test_loss\n")
            except FileExistsError:
                raise FileExistsError(
                    f"the log '{self._path}' exists already; delete it, or give another name"
                ) from None

    def step(self, loss: Any, lr: float) -> None:
        """Record a step of the optimizer, and measure if a measurement is due.

        Parameters
        ----------
        loss : float or tensor
            The loss of the step's batch, as it was before the step.
        lr : float
            The learning rate of the step: call this before ``scheduler.step()``.

        Raises
        ------
        ValueError
            If the rate is negative or not finite.
        TypeError
            If the loss or the rate is no number, or ``evaluate`` does not return two numbers.
        """
        value, rate = _number("loss", loss), _number("lr", lr)
        if not 0 <= rate < math.inf:
            raise ValueError(f"lr must be a finite number of at least 0; got {lr!r}")
        before = self._rates[-1] if self._rates else rate
        jumps = abs(rate - before) > _JUMP * max(before, rate)
        if jumps:
            self._block.clear()
            self._means.clear()
            self._jump = math.log1p(self.steps)
        self._rates.append(rate)
        self._block.append(value)
        self.steps += 1
        full = len(self._block) >= _BLOCK * self.steps
        if full:
            self._end_block()
        if jumps or (full and self._is_due()):
            self._measure()

    def curve(self) -> LossCurve:
        """Return the run so far; measure first if there were steps since the last measurement.

        Returns
        -------
        LossCurve
            The run, with the measured train and test losses.

        Raises
        ------
        ValueError
            If there are fewer than two measurements with finite losses.
        """
        if self.steps and (not self._rows or self._rows[-1][0] < self.steps):
            self._measure()
        return self._so_far()

    def _so_far(self) -> LossCurve:
        if len(self._rows) < 2:
            raise ValueError(f"a loss curve needs two measurements; got {len(self._rows)}")
        step, train, test = zip(*self._rows, strict=True)
        rates = GradientDescent(np.array(self._rates[: step[-1]]))
        return LossCurve(step, train, rates, test_loss=test, name=self._name)

    def _end_block(self) -> None:
        """Average the losses of the batches since the last block."""
        finite = [each for each in self._block if math.isfinite(each)]
        if finite:  # each loss was taken before its step
            middle = self.steps - 1 - (len(self._block) - 1) / 2
            mean = sum(each / len(finite) for each in finite)  # the sum itself may overflow
            self._means.append((math.log1p(middle), mean))
        self._block.clear()

    def _measure(self) -> None:
        found = self._evaluate()
        try:
            train, test = (_number("a loss", each) for each in found)
        except (TypeError, ValueError):
            raise TypeError(
                f"evaluate must return two numbers, the train loss and the test loss; got {found!r}"
            ) from None
        self.measured += 1
        row = [each if math.isfinite(each) else math.nan for each in (train, test)]
        self._rows.append((self.steps, row[0], row[1]))
        if self._path is not None:
            shown = ("" if math.isnan(each) else repr(each) for each in row)
            with self._path.open("a", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow((self._name, self.steps, self._rates[-1], *shown))

    def _is_due(self) -> bool:
        """Return whether the test loss should be measured now."""
        x = math.log1p(self.steps)
        while self._means and self._means[0][0] < x - _WINDOW:
            self._means.pop(0)
        spacing = _SPARSE
        if len(self._means) > 2:
            at, losses = np.array(self._means).T
            with np.errstate(over="ignore", invalid="ignore"):  # a run may diverge
                slope, value = np.polyfit(at - x, losses, 1)
                noise = float(np.std(losses - value - slope * (at - x))) * 2 / math.sqrt(at.size)
            reach = max(-slope, 0.0) * _AROUND + 2 * noise
            if (np.abs(self.levels - value) <= reach).any():
                spacing = _DENSE
        if x - self._jump <= _AFTER_JUMP:
            spacing = 0.0
        return not self._rows or x - math.log1p(self._rows[-1][0]) >= spacing

    def __str__(self) -> str:
        try:
            found = MatchedCurve.of(self._so_far(), self._name)
        except ValueError as error:
            return f"no level can be told yet: {error}"
        measured = found.run.rows("test_loss")[0]
        lines = []
        for level in self.levels.tolist():
            at = found.at(level)
            if math.isnan(at.step):
                lines.append(f"train loss {short(level)} is not met")
                continue
            place = int(np.searchsorted(measured, at.step))
            beside = " and ".join(map(str, measured[max(place - 1, 0) : place + 1]))
            within = "" if math.isnan(at.error) else f" ± {short(at.error, 2)}"
            lines.append(
                f"train loss {short(level)} is met at step {at.step:.0f}, between measurements at "
                f"{beside}: test loss {short(at.test_loss)}{within}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Matched({self.steps} steps, {self.measured} measurements)"


def _number(name: str, given: Any) -> float:
    """Return a number or a tensor of one as a float, without PyTorch's warning of gradients."""
    try:
        return float(given.detach() if hasattr(given, "detach") else given)
    except (RuntimeError, TypeError, ValueError):
        hint = ", such as optimizer.param_groups[0]['lr']" if name == "lr" else ""
        raise TypeError(f"{name} must be one number{hint}; got {given!r}") from None
