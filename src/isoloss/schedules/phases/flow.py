"""Gradient flow, the limit of infinitely small steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from isoloss.schedules.phases.numbers import in_unit, nonnegative, real
from isoloss.schedules.schedule import Phase
from isoloss.schedules.text_form import TextForm

__all__ = ["GradientFlow"]


@dataclass(frozen=True, repr=False)
class GradientFlow(Phase):
    """Gradient flow, the limit of infinitely small steps, for a time.

    For time t, the flow multiplies the residual along a direction of train curvature γ by
    exp(-2γt); K small steps at rate η approximate time t = Kη.

    Parameters
    ----------
    time : float, default: infinity
        The duration, at least 0.
    weight_decay : float, default: 0
        As for `GradientDescent`.

    Raises
    ------
    ValueError
        If ``time`` is negative or NaN, or ``weight_decay`` is negative or not finite.

    Examples
    --------
    >>> GradientFlow()
    GradientFlow()
    >>> GradientFlow(time=2.5)
    GradientFlow(time=2.5)
    """

    time: float = math.inf
    weight_decay: float = field(default=0.0, kw_only=True)
    name: ClassVar[str] = "gradient_flow"
    text_form: ClassVar[TextForm] = TextForm("flow", {"time": "a time"}, "flow(2.5)")

    def __post_init__(self) -> None:
        time = float(real("time", self.time))
        if not time >= 0:
            raise ValueError(f"time must be a number of at least 0; got {self.time!r}")
        object.__setattr__(self, "time", time + 0.0)  # -0 is 0
        object.__setattr__(self, "weight_decay", nonnegative("weight_decay", self.weight_decay))

    @property
    def is_plain(self) -> bool:
        """Whether there is no weight decay."""
        return not self.weight_decay

    @property
    def steps(self) -> int:
        """The number of steps: 0, since gradient flow takes none."""
        return 0

    def rate(self, step: int) -> float:
        """Raise ``ValueError``, as gradient flow has no learning rate.

        Parameters
        ----------
        step : int
            Any step.
        """
        raise ValueError(f"gradient flow has no learning rate, asked for step {step}")

    def learning_rates(self) -> npt.NDArray[np.float64]:
        """Return no rates for a flow of time 0; raise ``ValueError`` for any other."""
        if self.time == 0:
            return np.empty(0)
        raise ValueError(
            "gradient flow has no learning rates; replace it by K small steps, "
            "GradientDescent(time / K, steps=K), or leave it out"
        )

    def scaled(self, factor: float) -> GradientFlow:
        """Return the phase in another unit: its time is multiplied by a number.

        Weight decay, which is a curvature, is divided by it.

        Parameters
        ----------
        factor : float
            The number, such as ``problem.max_lr``.
        """
        return GradientFlow(self.time * factor, weight_decay=in_unit(self.weight_decay, factor))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the phase for JSON, in which None stands for an infinite time."""
        fields: dict[str, Any] = {"time": None if math.isinf(self.time) else self.time}
        if self.weight_decay:
            fields["weight_decay"] = self.weight_decay
        return fields

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Build a phase from the output of `to_dict`.

        Parameters
        ----------
        fields : dict
            The fields, without the phase's name.
        """
        time = fields.pop("time", None)
        return cls(time=math.inf if time is None else time, **fields)

    def __repr__(self) -> str:
        parts = [] if math.isinf(self.time) else [f"time={self.time!r}"]
        if self.weight_decay:
            parts.append(f"weight_decay={self.weight_decay!r}")
        return f"GradientFlow({', '.join(parts)})"
