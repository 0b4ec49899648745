"""Data sets by name and data files, as standardised train and test arrays."""

from isoloss.datasets.splitting import Split, split, split_three
from isoloss.datasets.tables import SHIPPED, Table, load
from isoloss.datasets.targets import Task

__all__ = ["SHIPPED", "Split", "Table", "Task", "load", "split", "split_three"]
