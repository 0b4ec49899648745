"""Read data sets and data files, and make standardised train and test arrays of them."""

from isoloss.datasets.columns import ColumnError, Help, target_columns
from isoloss.datasets.labels import Labelled, labelled
from isoloss.datasets.loading import SHIPPED, load
from isoloss.datasets.preparing import Encode, Impute, Task
from isoloss.datasets.resplitting import Splits, split_repeatedly
from isoloss.datasets.splitting import split, split_three
from isoloss.datasets.standardised import Split
from isoloss.datasets.tables import Table

__all__ = [
    "SHIPPED",
    "ColumnError",
    "Encode",
    "Help",
    "Impute",
    "Labelled",
    "Split",
    "Splits",
    "Table",
    "Task",
    "labelled",
    "load",
    "split",
    "split_repeatedly",
    "split_three",
    "target_columns",
]
