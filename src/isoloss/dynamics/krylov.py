"""What may train a problem that is known on a Krylov space alone."""

from __future__ import annotations

from isoloss.schedules.schedule import Schedule

__all__ = ["check_stays"]


def check_stays(schedule: Schedule, *, from_zero: bool) -> None:
    """Raise ``ValueError`` if training by a schedule leaves the Krylov space of the data.

    ``from_zero`` says whether the parameters start at 0.
    """
    if schedule.has_minibatches:
        raise ValueError(
            "minibatches leave the space of from_operator, which holds full gradients alone: leave "
            "batch_size out, or build the problem from its rows by Problem.from_data"
        )
    if not from_zero and schedule.has_weight_decay:
        raise ValueError(
            "weight decay also shrinks the part of the start outside the space of from_operator: "
            "start at 0, leave weight_decay out, or build the problem by Problem.from_data"
        )
