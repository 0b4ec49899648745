"""Logged training runs: loss curves with the learning rates that made them."""

from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.reading import read

__all__ = ["LossCurve", "read"]
