"""Schedules at equal train loss: side by side, and one chosen on validation data."""

from isoloss.comparison.effects import NO_DIFFERENCE
from isoloss.comparison.level_filters import Filters, filters
from isoloss.comparison.outcomes import Curve, Stop, Stops
from isoloss.comparison.pairs import Pair
from isoloss.comparison.result import Comparison
from isoloss.comparison.selection import Entry, Selection, family_names, select
from isoloss.comparison.stops import compare
from isoloss.comparison.text_tables import TextTable, tables

__all__ = [
    "NO_DIFFERENCE",
    "Comparison",
    "Curve",
    "Entry",
    "Filters",
    "Pair",
    "Selection",
    "Stop",
    "Stops",
    "TextTable",
    "compare",
    "family_names",
    "filters",
    "select",
    "tables",
]
