"""Schedules side by side at equal train loss, beside ridge regression and the level band."""

from isoloss.comparison.filters import Filters, filters
from isoloss.comparison.result import Comparison, Curve, Stop, Stops
from isoloss.comparison.ridge import Ridge, ridge
from isoloss.comparison.stops import compare
from isoloss.comparison.tables import TextTable, tables
from isoloss.comparison.verdict import NO_DIFFERENCE

__all__ = [
    "NO_DIFFERENCE",
    "Comparison",
    "Curve",
    "Filters",
    "Ridge",
    "Stop",
    "Stops",
    "TextTable",
    "compare",
    "filters",
    "ridge",
    "tables",
]
