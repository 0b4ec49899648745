"""Logs in JSON: a record a line, a list of records, or a ``trainer_state.json``."""

from __future__ import annotations

import io
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from isoloss.curves.log_tables import LogTable
from isoloss.curves.spellings import roles_of
from isoloss.delimited.decoding import read_text_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JSONLog"]

_BLOCK = 2**22  # bytes
_SUMMARY = "train_runtime"  # in the record that a trainer adds at the end, with means over the run


class JSONLog(LogTable):
    """Records of a JSON file, whose numbers are kept; those inside another get a name a/b."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        text = read_text_file(path)
        self.path, self.notes = path, text.notes
        self._columns = columns
        self._rows = 0
        self._values: dict[str, tuple[array[int], array[float]]] = {}
        self._codes: dict[str, dict[str, int]] = {}  # of the texts that tell runs apart
        for record in self._records(text.raw):
            self._add(record)
            self._rows += 1
        if not self._rows:
            raise ValueError(f"'{path}' has no records")
        self.names = tuple(self._values)

    def read(self, numbers: Sequence[str], label: str | None = None) -> pd.DataFrame:
        """Return columns as float64, and one that tells runs apart as categories."""
        import pandas as pd

        columns: dict[str, Any] = {name: self._column(name) for name in numbers}
        if label is not None:
            codes = np.nan_to_num(self._column(label), nan=-1).astype(int)
            columns[label] = pd.Categorical.from_codes(codes, list(self._codes[label]))
        return pd.DataFrame(columns)

    def _column(self, name: str) -> npt.NDArray[np.float64]:
        rows, values = self._values[name]
        found = np.full(self._rows, np.nan)
        found[np.asarray(rows)] = np.asarray(values)
        return found

    def _add(self, record: dict[str, Any], above: str = "") -> None:
        """Keep the numbers of a record, and the texts that tell runs apart."""
        for key, value in record.items():
            name = above + key if above else key
            kind = type(value)
            if kind is dict:
                self._add(value, f"{name}/")
                continue
            held = self._values.get(name)
            if held is None:
                if kind not in (int, float, str):
                    continue
                if "run" in roles_of([name], self._columns)[0]:
                    self._codes[name] = {}
                elif kind is str:
                    continue
                held = self._values[name] = (array("q"), array("d"))
            if name in self._codes and value is not None:
                codes = self._codes[name]
                value = codes.setdefault(str(value), len(codes))  # noqa: PLW2901
            elif kind is not float and kind is not int:
                continue
            held[0].append(self._rows)
            held[1].append(value)

    def _records(self, raw: bytes) -> Iterator[dict[str, Any]]:
        """Return the records of the file, whichever its form."""
        try:
            whole = json.loads(raw) if self._is_whole(raw) else None
        except ValueError as error:
            raise ValueError(f"'{self.path}' is not JSON: {error}") from None
        if whole is None:
            return self._by_line(raw)
        if isinstance(whole, dict) and isinstance(whole.get("log_history"), list):
            every = whole.get("logging_steps")
            over = f"the {every:g} steps" if isinstance(every, int | float) else "the steps"
            self.notes += (
                f"Each train loss of {self.path.name} is a mean over {over} before its row, which "
                "the Trainer of transformers writes.",
            )
            return self._checked(r for r in whole["log_history"] if _SUMMARY not in r)
        if isinstance(whole, list):
            return self._checked(whole)
        raise ValueError(
            f"'{self.path}' holds no log: it needs a list of records, a record a line, or the "
            "log_history of a trainer_state.json"
        )

    def _is_whole(self, raw: bytes) -> bool:
        """Return whether the file is one JSON value, rather than one a line."""
        if self.path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson")):
            return False
        first = raw.lstrip().partition(b"\n")[0].strip()
        try:
            return not isinstance(json.loads(first), dict) or raw.strip() == first
        except ValueError:  # the value goes on in the next line
            return True

    def _by_line(self, raw: bytes) -> Iterator[dict[str, Any]]:
        file, number = io.BytesIO(raw), 0
        while lines := file.readlines(_BLOCK):
            written = [line for line in lines if line.strip()]
            try:  # many lines at once, which takes a third of the time
                records = json.loads(b"[" + b",".join(written) + b"]")
            except ValueError:
                records = []
            if len(records) != len(written):
                self._raise_at_line(lines, number, at_end=file.tell() == len(raw))
            number += len(lines)
            yield from self._checked(records)

    def _raise_at_line(self, lines: list[bytes], before: int, *, at_end: bool) -> NoReturn:
        for number, line in enumerate(lines, start=1):
            try:
                json.loads(line if line.strip() else b"0")
            except ValueError as error:
                last = at_end and number == len(lines)
                cut = " (was the file still being written?)" if last else ""
                raise ValueError(
                    f"line {before + number} of '{self.path}' is not JSON{cut}: {error}"
                ) from None
        raise ValueError(f"'{self.path}' has lines that are no records of their own")

    def _checked(self, records: Iterable[Any]) -> Iterator[dict[str, Any]]:
        for record in records:
            if not isinstance(record, dict):
                raise ValueError(
                    f"'{self.path}' holds {type(record).__name__} where a record, such as "
                    '{"step": 1, "loss": 2.5}, is needed'
                )
            yield record
