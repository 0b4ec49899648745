"""The names that tools give to the columns of logs, by role: what a column holds, such as loss."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from isoloss._messages.near_misses import quoted, suggest

__all__ = ["ROLES", "check_columns", "in_bits", "nearest", "roles_of"]

# Of several columns that fit, the first in this order is taken. Case, and what separates the words
# of a name, do not matter: "train/loss", "Train Loss" and "train_loss" are one spelling.
_SPELLINGS = {
    "step": (
        "step",
        "steps",
        "global_step",
        "trainer_global_step",
        "train_global_step",
        "train_step",
        "optimizer_step",
        "optimizer_steps",
        "num_updates",
        "num_steps",
        "iteration",
        "iterations",
        "iter",
        "iters",
        "update",
        "updates",
    ),
    "epoch": ("epoch", "epochs", "train_epoch", "trainer_epoch"),
    "loss": (
        "train_loss",
        "loss",
        "training_loss",
        "loss_train",
        "loss_training",
        "train_loss_step",
        "loss_step",
        "lm_loss",
        "train_lm_loss",
        "train_ce_loss",
        "train_cross_entropy_loss",
        "train_crossentropyloss",
        "train_cross_entropy",
        "cross_entropy",
        "cross_entropy_loss",
        "ce_loss",
        "nll",
        "nll_loss",
        "train_nll",
        "train_loss_epoch",
        "loss_epoch",
        "train_epoch_loss",
        "train_bpb",
        "bpb",
        "train_bits_per_byte",
        "bits_per_byte",
        "bpc",
    ),
    "test_loss": (
        "test_loss",
        "val_loss",
        "valid_loss",
        "validation_loss",
        "eval_loss",
        "dev_loss",
        "loss_test",
        "loss_val",
        "loss_valid",
        "loss_validation",
        "loss_eval",
        "heldout_loss",
        "held_out_loss",
        "val_lm_loss",
        "valid_lm_loss",
        "eval_lm_loss",
        "lm_loss_validation",
        "val_ce_loss",
        "eval_ce_loss",
        "eval_cross_entropy_loss",
        "val_cross_entropy",
        "val_loss_epoch",
        "val_epoch_loss",
        "validation_epoch_loss",
        "val_loss_step",
        "val_nll",
        "val_bpb",
        "eval_bpb",
        "val_bits_per_byte",
        "val_bpc",
    ),
    "lr": (
        "lr",
        "learning_rate",
        "train_lr",
        "train_learning_rate",
        "learningrate",
        "optim_lr",
        "optim_learning_rate",
        "optimizer_lr",
        "optimizer_learning_rate",
        "epoch_learning_rate",
        "epoch_lr",
        "lr_0",
        "lr_group0",
        "lr_group_0",
        "learning_rate_group0",
        "lr_pg0",
    ),
    "run": (
        "run",
        "run_name",
        "run_id",
        "runname",
        "name",
        "experiment",
        "experiment_name",
        "trial",
    ),
}
ROLES = tuple(_SPELLINGS)
_BITS = re.compile(r"(^|_)(bpb|bpc|bits|bpd)(_|$)")
_MONITORED = re.compile(r"lr_[a-z]+(_pg\d+)?")  # by Lightning's LearningRateMonitor
_WANDB_STEP = "_step"


def roles_of(
    names: Sequence[str], columns: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the column found for each role, and the other columns that would fit the role.

    ``columns`` are the user's choices; a role whose chosen column is not in ``names`` is left out.
    """
    spelled: dict[str, list[str]] = {}
    for name in names:
        spelled.setdefault(_plain(name), []).append(name)
    found: dict[str, str] = {}
    others: dict[str, list[str]] = {}
    for role, spellings in _SPELLINGS.items():
        if role in columns:
            if columns[role] in names:
                found[role] = columns[role]
            continue
        fitting = [name for each in spellings for name in spelled.get(each, ())]
        if role == "lr" and not fitting:
            fitting = [
                name for each in spelled if _MONITORED.fullmatch(each) for name in spelled[each]
            ]
        if role == "step":  # _step of Weights & Biases counts calls, and is the last choice
            fitting = sorted(fitting, key=lambda name: name == _WANDB_STEP)
        fitting = [name for name in fitting if name not in columns.values()]
        if fitting:
            found[role], *others[role] = fitting
    return found, {role: names for role, names in others.items() if names}


def check_columns(columns: Mapping[str, str] | None) -> dict[str, str]:
    """Return the user's choice of columns; raise ``ValueError`` for an unknown role."""
    chosen = dict(columns or {})
    for role, name in chosen.items():
        if role not in ROLES:
            raise ValueError(
                f"columns has {role!r}{suggest(str(role), ROLES)}; it can name the columns of "
                f"{', '.join(ROLES)}"
            )
        if not isinstance(name, str):
            raise TypeError(
                f"columns[{role!r}] must be the name of a column; got {type(name).__name__}"
            )
    return chosen


def nearest(role: str, names: Iterable[str]) -> str:
    """Return a sentence on columns that could be meant for a role, or an empty text."""
    words = {"loss", "nll", "entropy"} if "loss" in role else {role, *_SPELLINGS[role][:2]}
    near = [name for name in names if any(word in _plain(name) for word in words)]
    if not near:
        return ""
    return f"; perhaps columns={{{role!r}: {near[0]!r}}}" + (
        f", or {quoted(near[1:])}" if len(near) > 1 else ""
    )


def in_bits(name: str) -> bool:
    """Return whether a column's name says that it holds bits, rather than nats."""
    return _BITS.search(_plain(name)) is not None


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")
