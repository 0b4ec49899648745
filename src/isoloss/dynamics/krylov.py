"""What may train a problem that is known on a Krylov space alone."""

from __future__ import annotations

from isoloss.schedules.schedule import Schedule

__all__ = ["check_stays"]


def check_stays(schedule: Schedule, *, holds_start: bool) -> None:
    """Raise ``ValueError`` if training by a schedule leaves the Krylov space of the data.

    ``holds_start`` says whether the space holds the parameters at the start.
    """
    if schedule.has_minibatches:
        raise ValueError(
            "minibatches leave the space of from_operator, which holds full gradients alone: leave "
            "batch_size out, or build the problem from its rows, by Problem.from_data or by "
            "networks.linearize with method='jacobian' or 'kernel'"
        )
    if not holds_start and schedule.has_weight_decay:
        raise ValueError(
            "weight decay also shrinks the start, and the space of from_operator holds it only if "
            "asked: name a schedule with weight decay in schedules, or leave weight_decay out"
        )
