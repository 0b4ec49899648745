"""Logged training runs: loss curves with the learning rates that made them."""

from isoloss.curves.loss_curve import LossCurve

__all__ = ["LossCurve"]
