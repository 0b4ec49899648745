"""Compare on any spectrum: train and test eigenvalues and a start residual, edited by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss.comparison import Comparison
from isoloss.comparison.stops import compared as compared_quietly
from isoloss.explorer.comparing import comparison_view, read_schedules
from isoloss.explorer.queries import FaultsError, Fields
from isoloss.problems.problem import Problem

__all__ = ["SpectrumState", "compared", "view"]

_MOST = 200
_LARGEST = 1e12
_LEAST = 1e-12


@dataclass(frozen=True)
class SpectrumState:
    """The state of the page's controls.

    Attributes
    ----------
    train, test, start : tuple of float
        γ, λ and the start residual δ(0) of each direction.
    noise : float
        The variance of the label noise.
    schedules : tuple of str
        Texts of schedules, in the form that `Spec.parse` reads.
    levels : int
        The number of train losses to stop at.
    at : int
        The level whose filters are drawn, counted from 1.
    """

    train: tuple[float, ...]
    test: tuple[float, ...]
    start: tuple[float, ...]
    noise: float
    schedules: tuple[str, ...]
    levels: int
    at: int

    @classmethod
    def read(cls, fields: Fields) -> SpectrumState:
        """Read the state from an address; raise `FaultsError` if a field is wrong."""
        columns = {
            name: fields.numbers(name, default, what, least=least, most=_LARGEST)
            for name, default, what, least in (
                ("train", (1.0, 0.5, 0.25, 0.125, 0.0625), "a train eigenvalue", 0.0),
                ("test", (0.2, 0.4, 0.6, 0.8, 1.0), "a test eigenvalue", 0.0),
                ("start", (1.0,) * 5, "a start residual", -_LARGEST),
            )
        }
        sizes = {len(column) for column in columns.values()}
        if len(sizes) > 1:
            counts = ", ".join(f"{len(values)} of {name}" for name, values in columns.items())
            fields.fault("train", f"every direction needs all three numbers; got {counts}")
        elif max(sizes) > _MOST:
            fields.fault("train", f"at most {_MOST} directions here; got {max(sizes)}")
        elif not max(columns["train"]) >= _LEAST:
            fields.fault("train", f"at least one train eigenvalue must be {_LEAST:g} or more")
        elif not any(g > 0 and d for g, d in zip(columns["train"], columns["start"], strict=True)):
            fields.fault("start", "nothing to train: no direction with γ > 0 has a residual")
        levels = fields.whole("levels", 12, "the levels", least=1, most=100)
        state = cls(
            **columns,
            noise=fields.number("noise", 0.0, "the noise", least=0.0, most=_LARGEST),
            schedules=read_schedules(fields),
            levels=levels,
            at=min(levels, fields.whole("at", (levels + 1) // 2, "the level", least=1, most=100)),
        )
        return fields.done(state)


def compared(state: SpectrumState) -> Comparison:
    """Compare the schedules of a state."""
    try:
        problem = Problem.from_spectra(state.train, state.test, state.start, noise=state.noise)
        return compared_quietly(problem, state.schedules, state.levels)
    except ValueError as error:
        raise FaultsError({"": str(error)}, state=state) from None


def view(state: SpectrumState) -> dict[str, Any]:
    """Return everything that the page shows for a state."""
    return {"state": state, **comparison_view(compared(state), state.at - 1)}
