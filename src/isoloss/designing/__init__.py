"""The schedule that a goal asks for."""

from isoloss.designing.design import Design, design

__all__ = ["Design", "design"]
