"""Which runs a law is fitted to, and which ones it forecasts: the splits of benchmarks/forecast.py.

Every law sees the same rows. Those in the first eighth of the shortest fitted run are left out, in
fits and in tests, as `isoloss.curves.fit` does by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from public_curves import FITTED, SIZES, Curve, read_mini, read_mpl, read_schaipp

LEFT_OUT = 8


@dataclass(frozen=True)
class Split:
    """Curves to fit and curves to forecast; rows before step ``first`` do not count."""

    data: str
    name: str
    fitted: tuple[Curve, ...]
    tested: tuple[Curve, ...]

    @property
    def first(self) -> int:
        """The first step whose rows count."""
        return min(int(curve.step[-1]) for curve in self.fitted) // LEFT_OUT


def split(
    data: str, name: str, curves: Mapping[str, Curve], fitted: Iterable[str], tested: Iterable[str]
) -> Split:
    """Return a split of named curves."""
    return Split(data, name, tuple(curves[n] for n in fitted), tuple(curves[n] for n in tested))


def all_splits(folder: Path) -> tuple[list[Split], list[str]]:
    """Return every split of the public curves in a folder, and the data sets that it lacks."""
    readers = {
        "mpl": lambda: [each for size in SIZES for each in _mpl(size, read_mpl(folder, size))],
        "schaipp": lambda: _schaipp(folder),
        "mini": lambda: _mini(read_mini(folder)),
    }
    missing = [name for name in readers if not (folder / name).is_dir()]
    if len(missing) == len(readers):
        raise FileNotFoundError(
            f"{folder} has none of the folders mpl, schaipp and mini. The first holds the folders "
            "csv_* of loss_curve_repo in github.com/thu-yao-01-luo/MultiPowerLaw, as 25M, 100M and "
            "400M; the second, tables of the runs in github.com/fabian-sp/lr-scheduling. "
            "benchmarks/public_curves.py says more"
        )
    found = [each for name, read in readers.items() if name not in missing for each in read()]
    return found, missing


def _mpl(size: str, curves: dict[str, Curve]) -> list[Split]:
    long = ("constant_72000", "cosine_72000")
    found = [
        split(size, "the paper's", curves, FITTED, [n for n in curves if n not in FITTED]),
        split(size, "≤ 24k → 72k", curves, [n for n in curves if n not in long], long),
    ]
    kinds: dict[str, list[str]] = {}
    for name in curves:  # both lengths of a constant or cosine schedule are one schedule
        kind = name.split("_")[0] if name.startswith(("constant", "cosine")) else name
        kinds.setdefault(kind, []).append(name)
    for tested in kinds.values():
        fitted = [name for name in curves if name not in tested]
        found.append(split(size, "one schedule out", curves, fitted, tested))
    return found


def _schaipp(folder: Path) -> list[Split]:
    runs, numbered = read_schaipp(folder)
    curves = {str(number): curve for number, curve in numbered.items()}
    low, high = (_numbers(runs.index[runs["peak_lr"] == peak]) for peak in (5e-4, 1e-3))
    # Cool-downs over 20 % and 60 % of 15k and 25k steps, and a cosine to zero of 25k, at each peak.
    some = {"5e-4": ("43", "44", "77", "78", "137"), "1e-3": ("49", "50", "81", "82", "139")}
    three = ("190", "50", "139")  # constant, 20 % cool-down, cosine to zero
    long = _numbers(runs.index[runs["iterations"] == 50_000])
    return [
        split("124M", "three runs → others", curves, three, [n for n in high if n not in three]),
        split("124M", "≤ 25k → 50k", curves, [*some["5e-4"], *some["1e-3"]], long),
        split("124M", "peak 5e-4 → 1e-3", curves, some["5e-4"], high),
        split("124M", "peak 1e-3 → 5e-4", curves, some["1e-3"], low),
    ]


def _numbers(index: Iterable[int]) -> list[str]:
    return [str(number) for number in index]


def _mini(curves: dict[str, Curve]) -> list[Split]:
    short, two = ("const_2k", "wsd_2k", "cos_2k"), ("const_6k", "wsd_6k")
    return [
        split("mini", "2k → 6k", curves, short, [n for n in curves if "6k" in n]),
        split("mini", "two runs → others", curves, two, [n for n in curves if n not in two]),
    ]


def bytes_splits(folder: Path) -> list[Split]:
    """Return the splits of the blind test, whose protocol was fixed before the runs were made."""
    curves = _bytes(folder)
    short = [name for name in curves if "_3k_" in name]
    two = ["const_12k_2e-3", "wsd20_12k_2e-3"]
    return [
        split("bytes", "3k → 12k", curves, short, [n for n in curves if n not in short]),
        split("bytes", "two runs → others", curves, two, [n for n in curves if n not in two]),
    ]


def _bytes(folder: Path) -> dict[str, Curve]:
    """Read the runs of docs/examples/train_curves.py, a file each, as a user would."""
    from isoloss import curves

    runs = {}
    for path in sorted(folder.glob("*.csv")):
        (run,) = curves.read(path, weight_decay=0.1)
        runs[path.stem] = Curve(path.stem, *run.rows("test_loss"), run.rates, 0.1)
    if len(runs) != 16:
        raise FileNotFoundError(
            f"{folder} has {len(runs)} finished runs, not 16; docs/examples/train_curves.py makes "
            "them, and goes on where it stopped"
        )
    return runs
