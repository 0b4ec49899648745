"""Schedules at equal train loss: side by side, and one chosen on validation data."""

from isoloss.comparison.cut_decays import CutDecayWarning
from isoloss.comparison.effects import NO_DIFFERENCE
from isoloss.comparison.intervals import Intervals, bootstrap_intervals, resampled_intervals
from isoloss.comparison.judgement import Judged, Judgement
from isoloss.comparison.level_filters import Filters, filters
from isoloss.comparison.outcomes import Curve, Stop, Stops
from isoloss.comparison.over_rows import bootstrap_compare
from isoloss.comparison.pairs import Pair
from isoloss.comparison.repeated import compare_repeatedly, cross_compare
from isoloss.comparison.result import Comparison
from isoloss.comparison.selection import Entry, Selection, family_names, select
from isoloss.comparison.stops import compare
from isoloss.comparison.text_tables import TextTable, tables

__all__ = [
    "NO_DIFFERENCE",
    "Comparison",
    "Curve",
    "CutDecayWarning",
    "Entry",
    "Filters",
    "Intervals",
    "Judged",
    "Judgement",
    "Pair",
    "Selection",
    "Stop",
    "Stops",
    "TextTable",
    "bootstrap_compare",
    "bootstrap_intervals",
    "compare",
    "compare_repeatedly",
    "cross_compare",
    "family_names",
    "filters",
    "resampled_intervals",
    "select",
    "tables",
]
