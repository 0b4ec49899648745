"""Make a loss curve from the gathered rows of a run, and note what is odd about them."""

from __future__ import annotations

from typing import Any

import numpy as np

from isoloss._messages.near_misses import quoted
from isoloss._messages.numbers import percent
from isoloss.curves import oddities
from isoloss.curves.counters import hold
from isoloss.curves.gathering import LOSSES, Gathered
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.spellings import nearest

__all__ = ["curve_of"]


def curve_of(
    run: Gathered, lr: Any, settings: dict[str, Any], *, drop_spikes: bool
) -> tuple[LossCurve, list[str]]:
    """Return the run as a curve, and those of its notes that deserve a warning."""
    import pandas as pd

    told, changed = list(run.told), list(run.changed)
    rows = run.frames[0]
    if len(run.frames) > 1:
        rows = pd.concat(run.frames, ignore_index=True).sort_values("step", kind="stable")
    elif len(rows) > 1 and (np.diff(rows["step"]) < 0).all():
        rows = rows.iloc[::-1]
        changed.append("The last row came first, so the order of the rows was reversed.")
    step = rows["step"].to_numpy()
    loss, test_loss, row_lr = (
        rows[name].to_numpy().copy() if name in rows else None for name in (*LOSSES, "lr")
    )
    if loss is None:
        loss, test_loss = test_loss, None
        told.append("There is no train loss, so the held-out loss is used as the loss.")
    else:
        changed += _one(oddities.smoothing(loss))
    assert loss is not None  # _check_joined
    changed += _one(oddities.missing(step, loss, test_loss, row_lr))
    changed += _one(oddities.gap(step))
    for title, losses in (("loss", loss), ("test_loss", test_loss)):
        if losses is not None:
            changed += _one(oddities.rounding(losses))
            changed += _spiked(title, step, losses, drop=drop_spikes)
    if lr is None and row_lr is None:
        raise ValueError(
            f"run '{run.name}' of '{run.path}' has no learning rate; its columns are "
            f"{quoted(run.names, 12)}{nearest('lr', run.names)}. Give columns={{'lr': NAME}}, "
            "the file of its rates as well, or lr= a number, rates or a schedule"
        )
    if lr is not None:
        if row_lr is not None:
            told.append("The rates come from lr, not from the file.")
    else:
        lr, notes = _rates(step, loss, row_lr, by_epoch=run.by_epoch)
        told += notes
    try:
        curve = LossCurve._quietly(
            step, loss, lr, test_loss=test_loss, name=run.name, told=(*told, *changed), **settings
        )
    except (TypeError, ValueError) as error:
        raise type(error)(f"run '{run.name}' of '{run.path}': {error}") from None
    return curve, list(curve.notes[len(told) :])


def _rates(step: Any, loss: Any, lr: Any, *, by_epoch: bool) -> tuple[Any, list[str]]:
    """Return the rates of a curve, held over epochs or interpolated between rows, and notes."""
    measured = ~np.isnan(lr)
    known = step[measured]
    if by_epoch and known.size and known[-1] == step[-1] and (np.diff(known) > 0).all():
        return hold(known, lr[measured]), [
            "The rate in each row applies to all steps since the previous row."
        ]
    rises = step.size > 1 and (np.diff(step) >= 0).all()
    if not (rises and measured.any()):
        return lr, []
    of_losses = measured[~np.isnan(loss)]
    apart = of_losses.size > 0 and of_losses.mean() < 0.5
    filled = ~measured if apart else ~measured & np.isnan(loss)
    if not filled.any():
        return lr, []
    where = "in rows of their own" if apart else "in rows with a train loss"
    lr = np.where(filled, np.interp(step, step[measured], lr[measured]), lr)
    return lr, [f"Rates are logged {where}, and are interpolated in the others."]


def _spiked(title: str, step: Any, losses: Any, *, drop: bool) -> list[str]:
    found = oddities.spikes(losses)
    number = int(found.sum())
    if not number:
        return []
    first = int(found.argmax())
    text = (
        f"{title} has {number} spike{'s' * (number > 1)} ({percent(number / losses.size)} of the "
        f"rows), far above the rows around; the first is {losses[first]:.4g} at step "
        f"{step[first]:.0f}"
    )
    if not drop:
        return [f"{text}. drop_spikes=True leaves spikes out."]
    losses[found] = np.nan
    return [f"{text}. Spikes were left out."]


def _one(sentence: str) -> list[str]:
    return [sentence] if sentence else []
