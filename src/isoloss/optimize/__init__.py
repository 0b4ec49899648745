"""The schedule that a goal asks for."""

from isoloss.optimize.designs import Design, design

__all__ = ["Design", "design"]
