"""Find the best schedule for a goal."""

from isoloss.optimize.designs import Design, design

__all__ = ["Design", "design"]
