"""Schedules as short texts, in units of the largest stable rate: ``gd(1.0, 100) > flow``."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from isoloss._messages.near_misses import suggest
from isoloss.schedules import families
from isoloss.schedules.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov
from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["Spec", "SpecError"]

_TOKEN = re.compile(
    r"\s*(?:(?P<shape>1-sqrt(?!\w))|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"
    r"|(?P<name>[+-]?[A-Za-z_]\w*)|(?P<mark>[(),>=]))"
)
_MAX_STEPS = 2**53
_MAX_RATES = 10**8
_OF_ONE_RATE = ("annealed", "constant", "heavy_ball", "nesterov")
_FAMILIES: dict[str, Callable[..., Phase | Schedule]] = {
    **{name: getattr(families, name) for name in families.__all__},
    "heavy_ball": HeavyBall,
    "nesterov": Nesterov,
}


class SpecError(ValueError):
    """A text that is no schedule; its message has a caret under the place.

    Attributes
    ----------
    text : str
        The text.
    position : int
        Where in it the fault is, counted from 0.

    Examples
    --------
    >>> Spec.parse("gd(0.9) > flow")
    Traceback (most recent call last):
    isoloss.schedules.text.SpecError: expected ',' and the number of steps, as in gd(0.9, 500)
      gd(0.9) > flow
            ^
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        # a control character would put the caret in the wrong place
        shown = "".join(" " if c.isspace() else c for c in text)
        super().__init__(f"{problem}\n  {shown}\n  {' ' * position}^")
        self.problem = problem
        self.text = text
        self.position = position

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, str, int]]:
        return SpecError, (self.problem, self.text, self.position)


@dataclass(frozen=True)
class Spec:
    """A schedule in units of a problem's largest stable rate.

    A text has phases, joined by ``>``:

    ``flow``
        gradient flow until the level is reached;
    ``flow(T)``
        gradient flow for the time T / γ₁, about as far as T steps at the largest stable rate;
    ``gd(R, K)``
        K gradient-descent steps at R times the largest stable rate 1/γ₁;
    ``heavy_ball(R, MOMENTUM, K)``, ``nesterov(R, MOMENTUM, K)``
        such steps with momentum;
    ``cosine(R, K, final=R2)``, …
        a family of `isoloss.families` with the arguments of its function.

    Attributes
    ----------
    relative : Schedule
        The schedule for a problem whose largest stable rate is 1.
    text : str
        The text in normal form, which ``str()`` gives.

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
    text: str = field(compare=False)

    @classmethod
    def parse(cls, text: str, *, max_rates: int = _MAX_RATES) -> Spec:
        """Read a schedule.

        Parameters
        ----------
        text : str
            Such as ``"flow"``, ``"gd(0.9, 500)"`` or ``"cosine(1.0, 100) > flow"``.
        max_rates : int, default: 10**8
            How many steps may have a rate of their own, which is held as a number.

        Returns
        -------
        Spec
            Whose ``str()`` is that text in normal form.

        Raises
        ------
        SpecError
            If it is not a schedule; the message points at the place.
        """
        parts = _Parser(text, max_rates).parts()
        schedule = Schedule(*(schedule for schedule, _ in parts))
        return cls(schedule, " > ".join(text for _, text in parts))

    def at(self, max_lr: float) -> Schedule:
        """Return the schedule for a problem with this largest stable rate.

        Parameters
        ----------
        max_lr : float
            ``problem.max_lr``, finite and above 0.

        Returns
        -------
        Schedule
            With rates and times multiplied by ``max_lr``.

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
        return self.text


class _Parser:
    """Recursive descent over a list of tokens ``(kind, text, position)``."""

    def __init__(self, text: str, max_rates: int) -> None:
        self.text = text
        self.max_rates = max_rates
        self.rates = 0
        self.tokens: list[tuple[str, str, int]] = []
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                place = position + len(text[position:]) - len(text[position:].lstrip())
                raise self._error(f"cannot read {text[place:].split(maxsplit=1)[0]!r}", place)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind], match.start(kind)))
            position = match.end()
        self.tokens.append(("end", "", end))

    def parts(self) -> list[tuple[Schedule, str]]:
        """Return what ``>`` joins, each with its text in normal form."""
        parts = [self._part()]
        while self.tokens[0][1] == ">":
            place = self.tokens.pop(0)[2]
            last = parts[-1][0].phases[-1]
            if isinstance(last, GradientFlow) and math.isinf(last.time):
                raise self._error(
                    "nothing can follow a flow without end; give it a time, as in flow(2.5)", place
                )
            parts.append(self._part())
        if self.tokens[0][0] != "end":
            raise self._error("expected '>' and a further phase, or the end", self.tokens[0][2])
        return parts

    def _part(self) -> tuple[Schedule, str]:
        _, name, place = self.tokens.pop(0)
        if name == "flow":
            if self.tokens[0][1] != "(":
                return Schedule(GradientFlow()), "flow"
            self.tokens.pop(0)
            time = self._number("a time", "flow(2.5)")
            self._mark(")", "flow(2.5)")
            return Schedule(GradientFlow(time)), f"flow({time!r})"
        if name == "gd":
            self._mark("(", "gd(0.9, 500)")
            rate = self._number("a rate", "gd(0.9, 500)")
            self._mark(", and the number of steps", "gd(0.9, 500)")
            place = self.tokens[0][2]
            steps = self._number("a number of steps", "gd(0.9, 500)")
            if steps != int(steps) or steps > _MAX_STEPS:
                raise self._error("the number of steps must be whole and at most 2**53", place)
            self._mark(")", "gd(0.9, 500)")
            phase = GradientDescent(rate, int(steps))
            return Schedule(phase), f"gd({rate!r}, {phase.steps})"
        if name in _FAMILIES:
            return self._family(name, place)
        raise self._error(
            f"expected a phase{suggest(name, ('flow', 'gd', *_FAMILIES))}: flow, flow(TIME), "
            "gd(RATE, STEPS), or one of "
            f"{', '.join(_FAMILIES)}",
            place,
        )

    def _family(self, name: str, place: int) -> tuple[Schedule, str]:
        example = f"{name}(1.0, …)"
        positional: list[Any] = []
        named: dict[str, Any] = {}
        parameters = inspect.signature(_FAMILIES[name]).parameters
        self._mark("(", example)
        while self.tokens[0][1] != ")":
            if self.tokens[0][0] == "name" and self.tokens[1][1] == "=":
                _, key, at = self.tokens.pop(0)
                self.tokens.pop(0)
                if key not in parameters:
                    raise self._error(
                        f"{name} has no argument {key!r}{suggest(key, parameters)}; it takes "
                        f"{', '.join(parameters)}",
                        at,
                    )
                named[key] = self._value(example)
            elif named:
                raise self._error("a value after named ones must be named", self.tokens[0][2])
            else:
                positional.append(self._value(example))
            if self.tokens[0][1] != ")":
                self._mark(", or ')'", example)
        self.tokens.pop(0)
        steps = (dict(zip(parameters, positional, strict=False)) | named).get("steps")
        if isinstance(steps, int) and steps > 0 and name not in _OF_ONE_RATE:
            self.rates += steps
            if self.rates > self.max_rates:  # before any is made
                most = f"at most {self.max_rates} steps of changing rates"
                raise self._error(f"{name}: {most}", place)
        try:
            schedule = Schedule(_FAMILIES[name](*positional, **named))
        except (TypeError, ValueError, OverflowError, MemoryError) as error:
            raise self._error(f"{name}: {error}", place) from None
        shown = [str(value) for value in positional]
        shown += [f"{key}={value}" for key, value in named.items()]
        return schedule, f"{name}({', '.join(shown)})"

    def _value(self, example: str) -> Any:
        kind, text, place = self.tokens.pop(0)
        if kind not in ("number", "name", "shape"):
            raise self._error(f"expected a value, as in {example}", place)
        if kind != "number":
            return {"True": True, "False": False}.get(text, text)
        number = float(text)
        whole = "." not in text and math.isfinite(number) and number == int(number)
        return int(number) if whole else number

    def _number(self, what: str, example: str) -> float:
        kind, text, place = self.tokens.pop(0)
        if kind != "number":
            raise self._error(f"expected {what}, as in {example}", place)
        if float(text) < 0:
            raise self._error(f"{what} must not be negative", place)
        if math.isinf(float(text)):
            raise self._error(f"{what} must be finite", place)
        return float(text)

    def _mark(self, wanted: str, example: str) -> None:
        _, text, place = self.tokens.pop(0)
        if text != wanted[0]:
            rest = wanted[1:]
            raise self._error(f"expected '{wanted[0]}'{rest}, as in {example}", place)

    def _error(self, problem: str, position: int) -> SpecError:
        return SpecError(problem, self.text, position)
