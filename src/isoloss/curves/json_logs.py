"""Logs in JSON: one record per line, a list of records, or a ``trainer_state.json``."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from isoloss.curves.log_tables import LogTable
from isoloss.curves.spellings import roles_of
from isoloss.delimited.decoding import read_text_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JSONLog"]

_BLOCK = 2**22  # bytes
_SUMMARY = "train_runtime"  # marks the record with means over the run that a trainer adds last


class JSONLog(LogTable):
    """The numbers in the records of a JSON file; number b of an inner record a is named a/b."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        import pandas as pd

        text = read_text_file(path)
        self.path, self.notes = path, text.notes
        blocks = [_numbers(block, columns) for block in self._blocks(text.raw) if block]
        if not blocks:
            raise ValueError(f"'{path}' has no records")
        _share_categories(blocks)
        self._frame = pd.concat(blocks, ignore_index=True)
        self.names = tuple(self._frame)

    def read(self, numbers: Sequence[str], label: str | None = None) -> pd.DataFrame:
        """Return ``numbers`` as float64, and ``label``, which tells runs apart, as categories."""
        found = self._frame[[*numbers, *([label] if label is not None else [])]]
        return found.astype(dict.fromkeys(numbers, "float64"))

    def _blocks(self, raw: bytes) -> Iterator[list[dict[str, Any]]]:
        """Yield the records of the file in lists of many, whatever its form."""
        try:
            whole = json.loads(raw) if self._is_whole(raw) else None
        except (ValueError, RecursionError) as error:
            raise ValueError(f"'{self.path}' is not JSON: {error}") from None
        if whole is None:
            yield from self._by_line(raw)
            return
        if isinstance(whole, dict) and isinstance(whole.get("log_history"), list):
            every = whole.get("logging_steps")
            over = f"the {every:g} steps" if isinstance(every, int | float) else "the steps"
            self.notes += (
                f"Each train loss of {self.path.name} is a mean over {over} before its row, as the "
                "Trainer of transformers logs it.",
            )
            whole = [record for record in whole["log_history"] if _SUMMARY not in record]
        if isinstance(whole, list):
            yield self._checked(whole)
            return
        raise ValueError(
            f"'{self.path}' holds no log: it needs a list of records, one record per line, or the "
            "log_history of a trainer_state.json"
        )

    def _is_whole(self, raw: bytes) -> bool:
        """Return whether the file is one JSON value, rather than one per line."""
        if self.path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson")):
            return False
        first = raw.lstrip().partition(b"\n")[0].strip()
        try:
            return not isinstance(json.loads(first), dict) or raw.strip() == first
        except ValueError:  # the value goes on in the next line
            return True

    def _by_line(self, raw: bytes) -> Iterator[list[dict[str, Any]]]:
        file, number = io.BytesIO(raw), 0
        while lines := file.readlines(_BLOCK):
            written = [line for line in lines if line.strip()]
            try:  # many lines at once, which takes a third of the time
                records = json.loads(b"[" + b",".join(written) + b"]")
            except (ValueError, RecursionError):
                records = []
            if len(records) != len(written):
                self._raise_at_line(lines, number, at_end=file.tell() == len(raw))
            number += len(lines)
            yield self._checked(records)

    def _raise_at_line(self, lines: list[bytes], before: int, *, at_end: bool) -> NoReturn:
        for number, line in enumerate(lines, start=1):
            try:
                json.loads(line if line.strip() else b"0")
            except (ValueError, RecursionError) as error:
                last = at_end and number == len(lines)
                cut = " (was the file still being written?)" if last else ""
                raise ValueError(
                    f"line {before + number} of '{self.path}' is not JSON{cut}: {error}"
                ) from None
        raise ValueError(f"'{self.path}' has lines that do not hold exactly one record")

    def _checked(self, records: list[Any]) -> list[dict[str, Any]]:
        for record in records:
            if not isinstance(record, dict):
                raise ValueError(
                    f"'{self.path}' holds {type(record).__name__} where a record, such as "
                    '{"step": 1, "loss": 2.5}, is needed'
                )
        return records


def _numbers(records: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns that hold numbers in records, and those that tell runs apart."""
    import pandas as pd

    nested = any(isinstance(value, dict) for record in records for value in record.values())
    frame = pd.json_normalize(records, sep="/") if nested else pd.DataFrame(records)
    found = {}
    for name, column in frame.items():
        if "run" in roles_of([name], columns)[0]:
            texts = [None if pd.isna(each) else str(each) for each in column]
            found[name] = pd.Series(pd.Categorical(texts))
        elif column.dtype.kind in "iuf":
            found[name] = column.astype("float64")
        elif column.dtype.kind == "O" and not column.map(type).isin([bool, list]).any():
            values = pd.to_numeric(column, errors="coerce").astype("float64")
            if values.notna().any() or column.isna().all():  # no texts
                found[name] = values
    return pd.DataFrame(found, index=frame.index)


def _share_categories(blocks: list[pd.DataFrame]) -> None:
    """Give each column the same categories in all blocks, so that the blocks can be joined."""
    known: dict[str, dict[str, None]] = {}
    for block in blocks:
        for name in block.select_dtypes("category"):
            known.setdefault(name, {}).update(dict.fromkeys(block[name].cat.categories))
    for block in blocks:
        for name, categories in known.items():
            if name in block:
                block[name] = block[name].cat.set_categories(list(categories))
