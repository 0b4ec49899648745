"""Compare on your data, a shipped data set or an uploaded file, like `isoloss compare`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isoloss.comparison import Comparison
from isoloss.comparison.stops import compared as compared_quietly
from isoloss.datasets import SHIPPED, ColumnError, Split, Table, load, split, target_columns
from isoloss.explorer.comparing import comparison_view, read_schedules
from isoloss.explorer.queries import FaultsError, Fields
from isoloss.explorer.uploads import Uploads
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import Steps
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import read_unfinished

__all__ = ["RowsState", "RowsView"]

UPLOADED = "file"
_TASKS = ("auto", "regression", "classification")
_KEPT = 4  # decompositions to keep
_MOST_WORK = 2e10  # multiplications for minibatches of rows, which take seconds


@dataclass(frozen=True)
class RowsState:
    """The state of the page's controls.

    Attributes
    ----------
    data : str
        The name of a shipped data set, or ``"file"``.
    file, name : str
        The digest and the name of the uploaded file.
    target : str
        The column of the target; empty for the default.
    ignore : tuple of str
        The columns to leave out.
    task : str
        ``"auto"``, ``"regression"`` or ``"classification"``.
    test_size : float
        The share of rows used as test data.
    seed : int
        The seed for the split.
    schedules : tuple of str
        Texts of schedules, in the form that `Spec.parse` reads.
    levels, at : int
        The number of train losses to stop at, and the one whose filters are drawn, from 1.
    """

    data: str
    file: str
    name: str
    target: str
    ignore: tuple[str, ...]
    task: Any
    test_size: float
    seed: int
    schedules: tuple[str, ...]
    levels: int
    at: int

    @classmethod
    def read(cls, fields: Fields) -> RowsState:
        """Read the state from an address; raise `FaultsError` if a field is wrong."""
        levels = fields.whole("levels", 12, "the levels", least=1, most=100)
        state = cls(
            data=fields.choice("data", "diabetes", "the data set", (*SHIPPED, UPLOADED)),
            file=fields.query.get("file", ""),
            name=fields.query.get("name", ""),
            target=fields.query.get("target", ""),
            ignore=fields.texts("ignore", ()),
            task=fields.choice("task", "auto", "the task", _TASKS),
            test_size=fields.number(
                "test_size", 0.5, "the share of test rows", least=0.01, most=0.95
            ),
            seed=fields.whole("seed", 0, "the seed", least=0, most=2**32 - 1),
            schedules=read_schedules(fields),
            levels=levels,
            at=min(levels, fields.whole("at", (levels + 1) // 2, "the level", least=1, most=100)),
        )
        return fields.done(state)


class RowsView:
    """Compare on data, keeping the last decompositions for the next schedules."""

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads
        self._kept: OrderedDict[tuple[Any, ...], Future[tuple[Split, Problem]]] = OrderedDict()
        self._lock = threading.Lock()

    def compared(self, state: RowsState) -> tuple[Split, Comparison]:
        """Compare the schedules of a state; raise `FaultsError` if anything is wrong."""
        table = self._table(state)
        faulty = "target"  # an error here is about a column; another choice may fix it
        try:
            rows, problem = self._problem(state, table)
            faulty = ""
            _check_work(rows, problem, state.schedules)
            test_error = rows.test_error if rows.classes else None
            return rows, compared_quietly(
                problem, state.schedules, state.levels, test_error=test_error
            )
        except ValueError as error:
            message = str(error)
            if isinstance(error, ColumnError):
                faulty = "target" if error.targets_only else "ignore"
                options = " ".join(
                    w for each in error.helps if not each.instead for w in each.words
                )
                message = f"{error.faults}; leave such columns out"
                if options:
                    message += f", or compare on the command line with {options}"
            known = self._columns(state, table)
            raise FaultsError({faulty: message}, state=state, **known) from None

    def view(self, state: RowsState) -> dict[str, Any]:
        """Return everything that the page shows for a state."""
        table = self._table(state)
        rows, found = self.compared(state)
        return {
            "state": state,
            **self._columns(state, table),
            "rows": list(rows.notes),
            "name": rows.name,
            **comparison_view(found, state.at - 1),
        }

    def _columns(self, state: RowsState, table: Table) -> dict[str, Any]:
        """Return the names of all columns, and of the default targets."""
        kept = [name for name in table.frame if name not in state.ignore]
        usual = target_columns(replace(table, frame=table.frame[kept]), None) if kept else []
        return {"columns": list(table.frame), "usual": ", ".join(usual)}

    def _table(self, state: RowsState) -> Table:
        if state.data == UPLOADED:
            table = self.uploads.get(state.file)
            if table is None:
                message = (
                    f"this address is of the file '{state.name}', which this explorer does not "
                    "hold: choose it again"
                )
                raise FaultsError({"file": message}, state=state)
            return table
        return load(state.data)

    def _problem(self, state: RowsState, table: Table) -> tuple[Split, Problem]:
        """Return the rows and their decomposition; only one of several waiting threads makes it."""
        read = (state.data, state.file, table.name, state.target, state.ignore, state.task)
        key = (*read, state.test_size, state.seed)
        mine: Future[tuple[Split, Problem]] = Future()
        with self._lock:
            found = self._kept.setdefault(key, mine)
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        if found is mine:
            try:
                mine.set_result(_decomposed(state, table))
            except BaseException as error:
                mine.set_exception(error)
                with self._lock:
                    if self._kept.get(key) is mine:
                        del self._kept[key]
        return found.result()


def _check_work(rows: Split, problem: Problem, schedules: tuple[str, ...]) -> None:
    """Raise ``ValueError`` if steps with minibatches of the train rows would take long."""
    size = len(rows.X) * np.asarray(problem.curvature).size ** 2
    for text in schedules:
        given = read_unfinished(text)
        phases = given.relative.phases if isinstance(given, Spec) else ()
        steps = sum(
            phase.steps
            for phase in phases
            if isinstance(phase, Steps) and phase.batch_size and phase.sampling != "gaussian"
        )
        if steps * size > _MOST_WORK:
            raise ValueError(
                f"{text}: with minibatches of these rows, at most {_MOST_WORK // size:.0f} steps "
                "here; use isoloss compare, or sampling=gaussian, which approximates them"
            )


def _decomposed(state: RowsState, table: Table) -> tuple[Split, Problem]:
    rows = split(
        table,
        target=state.target or None,
        test_size=None if table.test is not None else state.test_size,
        task=state.task,
        ignore=state.ignore,
        seed=state.seed,
    )
    return rows, Problem.from_data(rows.X, rows.y, rows.X_test, rows.y_test)
