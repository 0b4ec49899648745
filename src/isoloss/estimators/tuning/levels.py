"""Where a search stops its schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss.estimators.tuning.trainer import Stops

__all__ = ["Levels"]

Floats = npt.NDArray[np.float64]

_LOWEST = 1e-6  # the lowest of evenly spaced ones, as a share of the start's excess train loss


@dataclass(frozen=True, eq=False)
class Levels:
    """Train losses to stop at, besides each schedule's end, in a unit of `UNITS`.

    ``spaced`` says whether they are not the user's but evenly spaced ones.
    """

    values: Floats
    unit: str
    spaced: bool

    @classmethod
    def read(cls, levels: Any, unit: str) -> Levels:
        """Take a number of evenly spaced levels, or levels in the estimator's unit."""
        if (count := conversion.count("levels", levels)) is not None:
            if count < 1:
                raise ValueError(f"levels must be at least 1; got {levels}")
            return cls(np.geomspace(1, _LOWEST, count + 1)[1:], "excess", spaced=True)
        values = conversion.floats("levels", levels)
        if values.ndim != 1 or not values.size or not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(
                "levels must be a number of levels, or finite train losses of at least 0 along one "
                f"axis; got {levels!r}"
            )
        return cls(values, unit, spaced=False)

    def params(self, schedule: Any, prefix: str) -> list[dict[str, Any]]:
        """Return the parameters that stand for a schedule's end and each of its stops."""
        fixed = {f"{prefix}schedule": schedule, f"{prefix}train_loss": None}
        if self.spaced:
            fixed[f"{prefix}train_loss_unit"] = self.unit
        return [fixed, *(fixed | {f"{prefix}train_loss": stop} for stop in self.values.tolist())]

    def check_reached(self, stops: Sequence[Stops]) -> None:
        """Raise ``ValueError`` if no schedule reaches a level that the user asked for."""
        reached = np.any([each.reached[:, 1:].any(axis=0) for each in stops], axis=0)
        if not self.spaced and not reached.all():
            lowest = min(float(np.nanmin(each.loss)) for each in stops)
            raise ValueError(
                f"no schedule reaches the train loss {self.values[~reached][0]:g} (unit: "
                f"{self.unit}) in any fold; the smallest that one reaches is {lowest:.6g}"
            )
