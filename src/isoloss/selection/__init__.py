"""The schedule to use: chosen on validation data, judged on test data, beside its rivals."""

from isoloss.selection.select import Entry, Selection, family_names, select

__all__ = ["Entry", "Selection", "family_names", "select"]
