"""The schedule to use: chosen on validation data, judged on test data, beside its rivals."""

from isoloss.selection.select import Entry, Selection, select

__all__ = ["Entry", "Selection", "select"]
