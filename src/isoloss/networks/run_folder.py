"""A folder of finished runs, as CSV files for ``isoloss match``, so that no run is repeated."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._files import LOCK, write_text
from isoloss._messages.numbers import short
from isoloss.networks.trained_run import LoggedRow

__all__ = ["RunFolder", "run_title"]

Floats = npt.NDArray[np.float64]

_SETTINGS = "settings.json"
_COLUMNS = ("run", "step", "lr", "train_loss", "test_loss", "checksum")
_LONG = ("optimizer", "data")  # their values would fill a page
_ALIKE = 1e-3  # relative; first losses differ by less with another number of threads


def run_title(plan: str, seed: int) -> str:
    """Return the name of the run of a schedule and a seed."""
    return f"{plan}_seed{seed}"


class RunFolder:
    """The finished runs of one comparison; schedules and seeds may be added to it."""

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], rates: Mapping[str, Floats]
    ) -> None:
        self._folder = folder
        path = folder / _SETTINGS
        named = {name: zlib.crc32(each.tobytes()) for name, each in rates.items()}
        known: dict[str, Any] = {}
        if path.exists():
            try:
                held = json.loads(path.read_text(encoding="utf-8"))
                known = held.pop("schedules")
            except (ValueError, KeyError, AttributeError, TypeError):
                raise ValueError(f"'{path}' is damaged; give another folder") from None
            self._check(held, dict(settings), known, named)
        elif any(each.name != LOCK for each in folder.iterdir()):
            raise ValueError(f"'{folder}' holds files of other origin; give a new folder")
        write_text(path, json.dumps({**settings, "schedules": known | named}, indent=1) + "\n")

    def load(self, plan: str, seed: int, steps: int) -> list[LoggedRow] | None:
        """Return the rows of a finished run of so many steps, or None if it is not there."""
        path = self._path(plan, seed)
        if not path.exists():
            return None
        try:
            rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
            found = [
                LoggedRow(
                    int(row["step"]),
                    float(row["train_loss"] or math.nan),
                    float(row["test_loss"] or math.nan),
                    int(row["checksum"]),
                )
                for row in rows
            ]
            whole = found[-1].step == steps or math.isnan(found[-1].train_loss)
            if whole and {row["run"] for row in rows} == {run_title(plan, seed)}:
                return found
            raise ValueError
        except (IndexError, KeyError, TypeError, ValueError):
            raise ValueError(f"'{path}' is damaged; delete it to train the run again") from None

    def save(self, plan: str, seed: int, rows: Sequence[LoggedRow], rates: Floats) -> None:
        """Write a finished run, whole or not at all."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            losses = ("" if math.isnan(loss) else repr(loss) for loss in row[1:3])
            rate = float(rates[max(row.step - 1, 0)])
            writer.writerow((run_title(plan, seed), row.step, rate, *losses, row.checksum))
        write_text(self._path(plan, seed), text.getvalue())

    def check_start(self, plan: str, seed: int, found: LoggedRow, now: LoggedRow) -> None:
        """Raise ``ValueError`` unless a finished run began as this seed's runs now begin."""
        alike = found.checksum == now.checksum and all(
            math.isclose(one, two, rel_tol=_ALIKE)
            for one, two in zip(found[1:3], now[1:3], strict=True)
        )
        if not alike:
            raise ValueError(
                f"'{self._path(plan, seed)}' began with another model: train loss "
                f"{short(found.train_loss, 6)}, now {short(now.train_loss, 6)}; give another folder"
            )

    def _path(self, plan: str, seed: int) -> Path:
        plain = re.sub(r"[^\w.+-]+", "_", plan)
        if plain != plan:  # "a b" and "a/b" are two schedules
            plain += f"-{zlib.crc32(plan.encode()):08x}"
        return self._folder / f"{run_title(plain, seed)}.csv"

    def _check(
        self, held: Any, settings: Any, known: Mapping[str, int], named: Mapping[str, int]
    ) -> None:
        changed = [
            name if name in _LONG else f"{name}: {held.get(name)!r}, now {settings[name]!r}"
            for name in settings
            if held.get(name) != settings[name]
        ]
        changed += [
            f"schedule '{name}'" for name in named if known.get(name, named[name]) != named[name]
        ]
        if changed:
            raise ValueError(
                f"'{self._folder}' holds runs of other settings ({', '.join(changed)}); give "
                "another folder, or delete it"
            )
