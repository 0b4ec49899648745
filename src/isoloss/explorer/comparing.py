"""Compare schedules for the page: curves, stops, filters and sentences."""

from __future__ import annotations

from typing import Any

from isoloss.comparison import Comparison, filters, tables
from isoloss.explorer.queries import Fields
from isoloss.schedules.grammar import SpecError
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Unfinished, read_unfinished

__all__ = ["DEFAULT_SCHEDULES", "MOST_SCHEDULES", "comparison_view", "read_schedules"]

DEFAULT_SCHEDULES = ("flow", "gd(1.0, 10) > flow", "gd(0.1, 1000)")
MOST_SCHEDULES = 8
_MOST_STEPS = 10**6  # the most changing rates, which are walked one by one
_MOST_EXPECTED = 10**4  # the most steps whose means and covariances are walked one by one


def read_schedules(fields: Fields) -> tuple[str, ...]:
    """Read the texts of the schedules in normal form; gradient flow always comes first."""
    texts = fields.texts("schedule", DEFAULT_SCHEDULES)
    if len(texts) > MOST_SCHEDULES:
        fields.fault("schedule", f"at most {MOST_SCHEDULES} schedules; got {len(texts)}")
        return DEFAULT_SCHEDULES
    read, walked, expected = ["flow"], 0, 0
    for i, text in enumerate(texts):
        try:
            spec = read_unfinished(text, max_rates=_MOST_STEPS)
        except SpecError as error:
            fields.fault(f"schedule.{i}", str(error))
            continue
        if isinstance(spec, Spec):
            phases = spec.relative.phases
            varying = [p for p in phases if not isinstance(getattr(p, "lr", 0.0), float)]
            walked += sum(phase.steps for phase in varying)
            expected += sum(phase.steps for phase in phases if not phase.is_plain)
        elif isinstance(spec, Unfinished) and not spec.is_plain:
            message = "'...' stands here for a number of plain steps alone; use isoloss compare"
            fields.fault(f"schedule.{i}", message)
        if walked > _MOST_STEPS:
            message = f"at most {_MOST_STEPS} steps of changing rates here, in all schedules"
            fields.fault(f"schedule.{i}", message)
        if expected > _MOST_EXPECTED:
            message = (
                f"at most {_MOST_EXPECTED} steps with weight decay, minibatches or momentum for "
                "each step here, in all schedules"
            )
            fields.fault(f"schedule.{i}", message)
        if str(spec) not in read:
            read.append(str(spec))
    return tuple(read)


def comparison_view(found: Comparison, at: int) -> dict[str, Any]:
    """Return what the page shows of a comparison, with the filters at level number ``at``."""
    flow = found.flow_curve
    return {
        "floor": found.problem.min_train_loss,
        "levels": found.levels,
        "band": {
            "train_loss": flow.train_loss,
            "lowest": flow.lowest,
            "highest": flow.highest,
            "flow": flow.test_loss,
            "ridge": flow.ridge_test_loss,
        },
        "curves": [
            {
                "name": stops.name,
                "train_loss": curve.train_loss,
                "test_loss": curve.test_loss,
                "ratio": curve.ratio,
                "stops": {
                    "reached": stops.reached,
                    "steps": stops.steps,
                    "time": stops.time,
                    "train_loss": stops.train_loss,
                    "test_loss": stops.test_loss,
                    "ratio": stops.ratio,
                },
            }
            for curve, stops in zip(found.curves, found.schedules, strict=True)
        ],
        "filters": filters(found, at),
        "tables": [
            {"title": table.title, "heads": table.heads, "rows": table.rows, "effects": s.effects}
            for table, s in zip(tables(found), found.schedules, strict=True)
        ],
        "setting": found.notes,
        "verdicts": found.verdicts,
        "best_stops": found.best_stops,
    }
