"""Train one model by one schedule, and measure its losses on fixed rows."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from isoloss.networks.batches import RowSource
from isoloss.networks.loading import load_torch
from isoloss.networks.losses import LossRule
from isoloss.networks.plans import TrainingPlan
from isoloss.networks.seeded import seeded
from isoloss.networks.tensors import Pair, weights_of

__all__ = ["LoggedRow", "ModelTrainer"]

_AT_ONCE = 1000  # rows that are evaluated at once


class LoggedRow(NamedTuple):
    """The losses after some steps, NaN if one of them is not finite.

    ``checksum`` identifies the initial weights and all batches so far.
    """

    step: int
    train_loss: float
    test_loss: float
    checksum: int


@dataclass(frozen=True)
class ModelTrainer:
    """What all runs have in common: they differ only in schedule and seed."""

    make_model: Callable[[], Any]
    source: RowSource
    loss: LossRule
    optimizer: Callable[[Any], Any]
    device: Any
    every: int

    def trained(
        self, plan: TrainingPlan, seed: int, logged: Callable[[LoggedRow], object]
    ) -> list[LoggedRow]:
        """Return a row for each measurement; the last one has no loss if the run diverges.

        ``logged`` is called with each row at once, and may raise an error to end the run.
        """
        rows = []
        with seeded(seed, self.source.generators):
            model = self.made()
            optimizer = self.optimizer(model.parameters())
            scheduler = plan.attach(optimizer)
            batches = self.source.batches(seed)
            seen = weights_of(model)
            for step in range(plan.steps + 1):
                if step:
                    if step > 1:
                        scheduler.step()
                    (X, y), told = next(batches)
                    optimizer.zero_grad()
                    self.loss.of(model(X), y).backward()
                    optimizer.step()
                    seen = zlib.crc32(told, seen)
                if step % self.every == 0 or step == plan.steps:
                    losses = self.measured(model)
                    rows.append(LoggedRow(step, *losses, seen))
                    logged(rows[-1])
                    if math.isnan(losses[0]):
                        break
        return rows

    def start(self, seed: int) -> LoggedRow:
        """Return the first row of the runs of a seed."""
        with seeded(seed, self.source.generators):
            model = self.made()
            return LoggedRow(0, *self.measured(model), weights_of(model))

    def made(self) -> Any:
        """Return a new model on the device."""
        return self.make_model().to(self.device)

    def measured(self, model: Any) -> tuple[float, float]:
        """Return train and test loss on the fixed rows, in evaluation mode; NaN if not finite."""
        training = [each for each in model.modules() if each.training]
        model.eval()
        train, test = (self._mean(model, pair) for pair in (self.source.train, self.source.test))
        for each in training:
            each.training = True
        return (train, test) if math.isfinite(train + test) else (math.nan, math.nan)

    def _mean(self, model: Any, pair: Pair) -> float:
        X, y = pair
        total = 0.0
        with load_torch().no_grad():
            for first in range(0, len(X), _AT_ONCE):
                part = slice(first, first + _AT_ONCE)
                # clones, since models and losses may change what they get in place
                outputs = model(X[part].clone())
                total += len(X[part]) * float(self.loss.of(outputs, y[part].clone()))
        return total / len(X)
