"""Schedules in units of the largest stable rate, written as texts: ``gd(1.0, 100) > flow``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from isoloss.schedules.grammar import Reader
from isoloss.schedules.schedule import Schedule

__all__ = ["MAX_RATES", "Spec"]

MAX_RATES = 10**8
"""How many steps of a text may have their own rates."""


@dataclass(frozen=True, repr=False)
class Spec:
    """A schedule in units of a problem's largest stable rate.

    A text consists of phases joined by ``>``:

    ``flow``
        gradient flow until the level is reached;
    ``flow(T)``
        gradient flow for the time T / γ₁, about as far as T steps at the largest stable rate;
    ``gd(R, K)``
        K gradient-descent steps at R times the largest stable rate 1/γ₁;
    ``heavy_ball(R, MOMENTUM, K)``, ``nesterov(R, MOMENTUM, K)``
        K such steps with momentum;
    ``cosine(R, K, final=R2)``, …
        a family of `isoloss.families` with the arguments of its function.

    Calls also take settings of the optimizer by name, as `Schedule.with_settings` does:
    ``gd(R, K, weight_decay=W, batch_size=32, sampling=gaussian)``, ``flow(weight_decay=W)``,
    ``cosine(R, K, momentum=0.9)``. Weight decay is in units of γ₁.

    Attributes
    ----------
    relative : Schedule
        The schedule for a problem whose largest stable rate is 1.
    text : str, default: ""
        The text in normal form, if there is one; ``str()`` returns it.

    Examples
    --------
    >>> spec = Spec.parse("gd(1, 100)>flow")
    >>> print(spec)
    gd(1.0, 100) > flow
    >>> spec.at(1.5)
    Schedule(GradientDescent(1.5, steps=100), GradientFlow())
    >>> Spec.parse("warmup(1, 2) > decay(1, 2, shape=1-sqrt) > flow").relative.steps
    4
    """

    relative: Schedule
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str, *, max_rates: int = MAX_RATES, steps: int | None = None) -> Spec:
        """Read a schedule.

        Parameters
        ----------
        text : str
            Such as ``"flow"``, ``"gd(0.9, 500)"`` or ``"cosine(1.0, 100) > flow"``.
        max_rates : int, default: 10**8
            How many steps may have their own rates, since each rate takes memory.
        steps : int, optional
            The number of steps that ``...`` stands for in ``"cosine(1, ...)"``; `il.finish` finds
            the one that ends at a train loss. ``warmup_stable_decay(1, ...)`` warms up for 10 % of
            them and decays for 20 %.

        Returns
        -------
        Spec
            The schedule; its ``str()`` is the text in normal form.

        Raises
        ------
        SpecError
            If the text is not a schedule; the message points at the fault.
        """
        reader = Reader(text, max_rates, steps)
        parts = reader.parts()
        if steps is not None and not reader.has_steps_open:
            raise ValueError(f"no number of steps is '...' in {text!r}, as in 'cosine(1, ...)'")
        schedule = Schedule(*(schedule for schedule, _ in parts))
        return cls(schedule, " > ".join(text for _, text in parts))

    def at(self, max_lr: float) -> Schedule:
        """Return the schedule for a problem with a given largest stable rate.

        Parameters
        ----------
        max_lr : float
            The rate ``problem.max_lr``, finite and above 0.

        Returns
        -------
        Schedule
            The schedule, with rates and times multiplied by ``max_lr``.

        Raises
        ------
        ValueError
            If ``max_lr`` is not finite and positive.
        """
        max_lr = float(max_lr)
        if not 0 < max_lr < math.inf:
            raise ValueError(f"max_lr must be finite and positive; got {max_lr!r}")
        return self.relative.scaled(max_lr)

    def __str__(self) -> str:
        return self.text or repr(self)

    def __repr__(self) -> str:
        return f"Spec.parse({self.text!r})" if self.text else f"Spec({self.relative!r})"
