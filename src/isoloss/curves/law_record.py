"""The fields of a fitted law, and its form in files."""

from __future__ import annotations

import json
from abc import ABC
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from isoloss._files import OutputError, write_text
from isoloss._messages.numbers import short
from isoloss.curves.law_parameters import LawParameters
from isoloss.curves.logged_rows import Target
from isoloss.curves.misfit import FittedRange, Misfit
from isoloss.curves.numbers import decay, number

__all__ = ["LawRecord"]

Floats = npt.NDArray[np.float64]

_FORMAT = "isoloss.curves.Law"
_PLAIN = ("noise", "reference", "weight_decay", "target")


@dataclass(frozen=True, repr=False, eq=False)
class LawRecord(ABC):
    """The fields of a `Law`, which documents them."""

    parameters: LawParameters
    covariance: Floats
    misfit: Misfit
    noise: float
    fitted: FittedRange
    reference: float
    weight_decay: float | None
    target: Target
    runs: tuple[str, ...]
    prior_spreads: tuple[float, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the law as values that JSON can hold, from which `from_dict` restores it."""
        return {
            "format": _FORMAT,
            "parameters": asdict(self.parameters),
            "covariance": self.covariance.tolist(),
            "misfit": asdict(self.misfit),
            "fitted": asdict(self.fitted),
            "prior_spreads": [None if np.isnan(each) else each for each in self.prior_spreads],
            "runs": list(self.runs),
            "notes": list(self.notes),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Restore a law from what `to_dict` returned.

        Parameters
        ----------
        fields : dict
            What `to_dict` returned.

        Raises
        ------
        ValueError
            If the fields are not those of a law.
        """
        if fields.get("format") != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT!r}")
        missing = set(cls.__dataclass_fields__) - set(fields)
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        spreads = (np.nan if each is None else float(each) for each in fields["prior_spreads"])
        law = cls(
            LawParameters(**fields["parameters"]),
            np.array(fields["covariance"], dtype=np.float64).reshape(8, 8),
            Misfit(**fields["misfit"]),
            fitted=FittedRange(**fields["fitted"]),
            prior_spreads=tuple(spreads),
            runs=tuple(fields["runs"]),
            notes=tuple(fields["notes"]),
            **{name: fields[name] for name in _PLAIN},
        )
        _check(law)
        return law

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the law as JSON, completely or not at all.

        Parameters
        ----------
        path : path
            The file.
        overwrite : bool, default: False
            Whether to replace an existing file.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FileExistsError
            If the file exists and ``overwrite`` is not set.
        OSError
            If the file cannot be written.
        """
        path = Path(path)
        if path.exists() and not overwrite:
            raise FileExistsError(f"'{path}' exists; choose another name, or set overwrite=True")
        try:
            write_text(path, json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n")
        except OutputError as error:
            raise OSError(str(error)) from error
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a law that `save` wrote.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it does not hold a law.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"'{path}' is not a JSON file: {error}") from None
        try:
            return cls.from_dict(fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"'{path}' is not a law: {error}") from None

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((astuple(self.parameters), self.runs, self.target))

    def __repr__(self) -> str:
        p = self.parameters
        return (
            f"{type(self).__name__}({self.target} of {len(self.runs)} runs: {short(p.floor)} + "
            f"{short(p.signal)} S^-{short(p.signal_exponent, 3)} + noise, "
            f"misfit {100 * self.misfit.size:.2g}%, peak {short(self.reference)})"
        )


def _check(law: LawRecord) -> None:
    """Raise an error for a law with numbers that no fit gives, such as an edited one."""
    least = {"floor": 0.0, "norm_growth": 0.0, "noise of a row": 0.0}
    positive = {
        **vars(law.parameters),
        **{f"misfit's {name}": value for name, value in vars(law.misfit).items()},
        **{f"fitted {name}": value for name, value in vars(law.fitted).items()},
        "noise of a row": law.noise,
        "reference": law.reference,
    }
    for name, value in positive.items():
        found = number(name, value)
        if not (0 < found < np.inf or found == least.get(name)):
            raise ValueError(f"its {name} is {value}, which no fit gives")
    if law.weight_decay is not None:
        decay(law.weight_decay)
    if law.target not in ("loss", "test_loss"):
        raise ValueError(f"its target is {law.target!r}, and not 'loss' or 'test_loss'")
    if not np.isfinite(law.covariance).all() or (np.diag(law.covariance) < 0).any():
        raise ValueError("its covariance is not that of a fit")
    if len(law.prior_spreads) != len(law.covariance):
        raise ValueError(f"it has {len(law.prior_spreads)} prior_spreads, and needs 8")
    if not all(isinstance(each, str) for each in (*law.runs, *law.notes)):
        raise ValueError("its runs and notes must be texts")
