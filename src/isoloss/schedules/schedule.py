"""Schedules: phases in the order in which the optimizer runs them, for any problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, Unpack

import numpy as np
import numpy.typing as npt

from isoloss.schedules import json_form
from isoloss.schedules.settings import Settings, changed
from isoloss.schedules.text_form import TextForm

__all__ = ["Phase", "Schedule"]


class _Composes:
    """Anything that ``+`` joins into a schedule."""

    __slots__ = ()

    def __add__(self, other: object) -> Schedule:
        """Return the schedule that runs this and then ``other``."""
        if not isinstance(self, Phase | Schedule) or not isinstance(other, Phase | Schedule):
            return NotImplemented
        return Schedule(self, other)


class Phase(_Composes, ABC):
    """One stretch of a schedule.

    The phases are `GradientDescent`, `GradientFlow`, `HeavyBall` and `Nesterov`. A subclass with a
    ``name``, which JSON uses, is registered in ``kinds`` and can be read from JSON and texts. Its
    form in texts is ``text_form``, by default a call of the same name.
    """

    __slots__ = ()
    name: ClassVar[str]
    text_form: ClassVar[TextForm]
    kinds: ClassVar[dict[str, type[Phase]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in cls.__dict__:
            Phase.kinds[cls.name] = cls
            if "text_form" not in cls.__dict__:
                cls.text_form = TextForm(cls.name, {}, f"{cls.name}(…)")

    @property
    @abstractmethod
    def steps(self) -> int:
        """The number of steps."""

    @property
    def weight_decay(self) -> float:
        """The weight decay λ, which adds λβ to the gradient; by default 0."""
        return 0.0

    @property
    def is_plain(self) -> bool:
        """Whether training multiplies the residual by a filter: by default, it does.

        It does not with weight decay, dampening, a momentum for each step, or minibatches.
        """
        return True

    @abstractmethod
    def rate(self, step: int) -> float:
        """Return the learning rate of one step, counted from 0.

        Parameters
        ----------
        step : int
            The step, from 0 to ``steps - 1``.
        """

    @abstractmethod
    def learning_rates(self) -> npt.NDArray[np.float64]:
        """Return the rate of each step, shape (steps,)."""

    @abstractmethod
    def scaled(self, factor: float) -> Phase:
        """Return the phase in another unit: rates and times are multiplied by a number.

        Weight decay, which is a curvature, is divided by it.

        Parameters
        ----------
        factor : float
            The number, such as ``problem.max_lr``.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the fields of the phase for JSON, without its name."""

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Build a phase from the output of `to_dict`.

        Parameters
        ----------
        fields : dict
            The fields, without the phase's name.
        """
        return cls(**fields)


@dataclass(frozen=True, init=False, repr=False)
class Schedule(_Composes):
    """Phases in the order in which the optimizer runs them.

    ``a + b`` also joins phases and schedules.

    Parameters
    ----------
    *phases : GradientDescent, GradientFlow, HeavyBall, Nesterov or Schedule
        The phases; a schedule is replaced by its own phases.

    Raises
    ------
    TypeError
        If an argument has any other type.

    Examples
    --------
    >>> from isoloss import GradientDescent, GradientFlow
    >>> Schedule(GradientDescent(1.5, steps=10), GradientFlow())
    Schedule(GradientDescent(1.5, steps=10), GradientFlow())
    >>> GradientDescent([0.5, 1.0]) + GradientDescent(1.5, steps=10) + GradientFlow()
    Schedule(GradientDescent([0.5, 1.0]), GradientDescent(1.5, steps=10), GradientFlow())
    """

    phases: tuple[Phase, ...]

    def __init__(self, *phases: Phase | Schedule) -> None:
        flat: list[Phase] = []
        for phase in phases:
            if isinstance(phase, Schedule):
                flat.extend(phase.phases)
            elif isinstance(phase, Phase):
                flat.append(phase)
            else:
                raise TypeError(_no_phase(phase))
        object.__setattr__(self, "phases", tuple(flat))

    @property
    def steps(self) -> int:
        """The total number of steps; gradient flow has none."""
        return sum(phase.steps for phase in self.phases)

    @property
    def is_plain(self) -> bool:
        """Whether training multiplies the residual by a filter, as all phases are plain."""
        return all(phase.is_plain for phase in self.phases)

    @property
    def has_weight_decay(self) -> bool:
        """Whether a phase has weight decay."""
        return any(phase.weight_decay for phase in self.phases)

    @property
    def has_minibatches(self) -> bool:
        """Whether a phase takes minibatches, so that training gives expected losses."""
        return any(getattr(phase, "batch_size", None) is not None for phase in self.phases)

    def learning_rates(self) -> npt.NDArray[np.float64]:
        """Return the rate of every step.

        Returns
        -------
        array, shape (steps,)
            The rates.

        Raises
        ------
        ValueError
            If a phase is gradient flow, which has no steps.

        Examples
        --------
        >>> from isoloss import GradientDescent
        >>> (GradientDescent([0.5, 1.0]) + GradientDescent(1.5, steps=2)).learning_rates()
        array([0.5, 1. , 1.5, 1.5])
        """
        return np.concatenate([np.empty(0), *(phase.learning_rates() for phase in self.phases)])

    def scaled(self, factor: float) -> Schedule:
        """Return the schedule in another unit: rates and times are multiplied by a factor.

        Weight decay, which is a curvature, is divided by it.

        Parameters
        ----------
        factor : float
            The factor: ``problem.max_lr`` for a schedule in units of the largest stable rate.

        Returns
        -------
        Schedule
            The schedule, with the same numbers of steps.

        Examples
        --------
        >>> from isoloss import anneal
        >>> anneal(1.0, 10).scaled(1.5)
        Schedule(GradientDescent(1.5, steps=10), GradientFlow())
        """
        return Schedule(*(phase.scaled(float(factor)) for phase in self.phases))

    def with_settings(self, **settings: Unpack[Settings]) -> Schedule:
        """Return the schedule with other settings of the optimizer, for all of its phases.

        Parameters
        ----------
        **settings
            ``momentum``, ``dampening``, ``carry_velocity``, ``weight_decay``, ``decoupled``,
            ``batch_size`` and ``sampling`` as `HeavyBall` takes them, and ``nesterov``; what is
            left out stays. Steps with a momentum become those of `HeavyBall` or `Nesterov`.
            Gradient flow takes ``weight_decay`` alone, since it has no batches and no velocity.

        Returns
        -------
        Schedule
            The schedule, with the same rates and times.

        Raises
        ------
        TypeError
            If there is no such setting, or a value has the wrong type.
        ValueError
            If a value is out of range, a setting has no effect without momentum, or a phase is of
            a kind of your own.

        Examples
        --------
        >>> from isoloss import anneal
        >>> anneal(1.5, 10).with_settings(weight_decay=0.1)
        Schedule(GradientDescent(1.5, steps=10, weight_decay=0.1), GradientFlow(weight_decay=0.1))
        >>> anneal(1.5, 10).with_settings(momentum=0.9, nesterov=True)
        Schedule(Nesterov(1.5, momentum=0.9, steps=10), GradientFlow())
        """
        if not settings:
            return self
        return Schedule(*(changed(phase, settings, Phase.kinds) for phase in self.phases))

    @classmethod
    def from_torch(cls, build: Callable[[Any], Any], steps: int, lr: float = 1.0) -> Schedule:
        """Read the steps that an optimizer would take under a PyTorch scheduler.

        Parameters
        ----------
        build : callable
            A function that takes an optimizer (a plain ``torch.optim.SGD`` made for this purpose)
            and returns a scheduler on it, or a scheduler on your own optimizer, which is read from
            its current step on. Nothing is trained, and both objects stay unchanged.
        steps : int
            The number of steps to read.
        lr : float, default: 1
            The optimizer's first rate, which most schedulers call ``initial_lr``.

        Returns
        -------
        Schedule
            The steps with their rates, momentum, dampening and weight decay: `GradientDescent`, or
            `HeavyBall` or `Nesterov` where there is momentum. They are one phase, or several that
            carry the velocity on if weight decay or dampening changes. Full batches: the data
            loader's batches come in by ``with_settings(batch_size=…)``.

        Raises
        ------
        ValueError
            If parameter groups differ, or no schedule has such steps: for an optimizer other than
            ``torch.optim.SGD``, ``maximize``, or a velocity from earlier steps.
        TypeError
            If ``build`` returns no scheduler, or one whose rates depend on a measured loss.
        ImportError
            If PyTorch is not installed.

        Examples
        --------
        >>> import pytest; torch = pytest.importorskip("torch", reason="the extra torch")
        >>> from torch.optim.lr_scheduler import StepLR
        >>> Schedule.from_torch(lambda optimizer: StepLR(optimizer, 2, gamma=0.5), steps=4)
        Schedule(GradientDescent([1.0, 1.0, 0.5, 0.5]))
        >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5, momentum=0.9)
        >>> Schedule.from_torch(lambda _: StepLR(sgd, 2, gamma=0.5), steps=3)
        Schedule(HeavyBall([0.5, 0.5, 0.25], momentum=0.9))
        >>> from torch.optim.lr_scheduler import OneCycleLR
        >>> cycled = Schedule.from_torch(lambda o: OneCycleLR(o, 0.1, total_steps=5), steps=5)
        >>> cycled.phases[0].momentum.round(4)
        array([0.95, 0.85, 0.9  , 0.95 , 0.95 ])
        """
        from isoloss.schedules.torch import read_phases

        found = read_phases(build, steps, lr)
        return cls(*(Phase.kinds[name].from_dict(fields) for name, fields in found))

    def to_torch(self, optimizer: Any, *, rates_only: bool = False) -> Any:
        """Put the schedule on a PyTorch optimizer.

        After each ``optimizer.step()`` call ``scheduler.step()``; the rates are then exactly those
        of `learning_rates`, and 0 after the last step. The scheduler also sets the momentum,
        dampening and weight decay of each step. On gradients of a squared error (one output; see
        the guide for several) the optimizer then takes the schedule's steps. The gradients are
        yours: a ``batch_size`` of the schedule is a matter of your data loader.

        Parameters
        ----------
        optimizer : torch.optim.Optimizer
            A ``torch.optim.SGD`` without ``maximize``. Its momentum, dampening, weight decay and
            ``nesterov`` must be the schedule's, except where these change during the schedule.
            What changes is replaced, and so is ``lr``.
        rates_only : bool, default: False
            Put the rates on any optimizer, such as ``torch.optim.AdamW``, whatever its settings.
            Only the rates are set: other settings of the phases are ignored, the optimizer takes
            its own steps, and isoloss's results do not apply to them.

        Returns
        -------
        torch.optim.lr_scheduler.LambdaLR
            The scheduler. It can be pickled and used in ``SequentialLR``. Its ``state_dict`` holds
            the step but not the rates: load it into a scheduler made from the same schedule.

        Raises
        ------
        ValueError
            If a phase is gradient flow, or the optimizer would not take the schedule's steps; the
            message says which setting of which parameter group is wrong.
        ImportError
            If PyTorch is not installed.

        Examples
        --------
        >>> import pytest; torch = pytest.importorskip("torch", reason="the extra torch")
        >>> from isoloss import GradientDescent
        >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])
        >>> scheduler = Schedule(GradientDescent([0.5, 0.25])).to_torch(sgd)
        >>> scheduler.get_last_lr()
        [0.5]
        >>> adamw = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
        >>> Schedule(GradientDescent([0.5, 0.25])).to_torch(adamw, rates_only=True).get_last_lr()
        [0.5]
        """
        from isoloss.schedules.torch import put_on

        for phase in self.phases:
            if not phase.steps:
                phase.learning_rates()  # raises an error for gradient flow
        return put_on(optimizer, self.phases, rates_only)

    def to_json(self) -> str:
        """Return the schedule as JSON, from which `from_json` builds an equal one.

        Returns
        -------
        str
            JSON that holds every rate exactly.

        Examples
        --------
        >>> from isoloss import anneal
        >>> text = anneal(1.5, 10).to_json()
        >>> Schedule.from_json(text)
        Schedule(GradientDescent(1.5, steps=10), GradientFlow())
        """
        return json_form.write([{"phase": p.name, **p.to_dict()} for p in self.phases])

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Build a schedule from the output of `to_json` or from a plain list of rates.

        Parameters
        ----------
        text : str
            JSON.

        Returns
        -------
        Schedule
            A schedule equal to the one that was written.

        Raises
        ------
        ValueError
            If the text is not JSON, or not a schedule.

        Examples
        --------
        >>> Schedule.from_json("[0.5, 0.25]")
        Schedule(GradientDescent([0.5, 0.25]))
        """
        return cls(*json_form.read(text, Phase.kinds))

    def __repr__(self) -> str:
        return f"Schedule({', '.join(map(repr, self.phases))})"


def _no_phase(given: object) -> str:
    if isinstance(given, str):
        return (
            f"a schedule is made of phases; got the text {given!r}, whose rates are in units of a "
            "problem's largest stable one: isoloss.schedules.resolve(text, problem) makes a "
            "schedule of it, as train and all functions that take a schedule do"
        )
    return (
        "a schedule is made of GradientDescent, GradientFlow, HeavyBall, Nesterov and Schedule "
        f"objects; got {type(given).__name__}"
    )
