"""Data sets by name and data files, as standardised train and test arrays."""

from isoloss.datasets.columns import ColumnError, check_columns, stack
from isoloss.datasets.labelled import Labelled, labelled
from isoloss.datasets.loading import SHIPPED, load
from isoloss.datasets.splitting import Split, split, split_three
from isoloss.datasets.tables import Table
from isoloss.datasets.targets import Task, target_columns

__all__ = [
    "SHIPPED",
    "ColumnError",
    "Labelled",
    "Split",
    "Table",
    "Task",
    "check_columns",
    "labelled",
    "load",
    "split",
    "split_three",
    "stack",
    "target_columns",
]
