"""Public loss curves of real training, read from a folder that the user has filled.

- `mpl/{25M,100M,400M}/*.csv` (step, lr, loss): Luo et al., ICLR 2025, MIT licence, folder
  `loss_curve_repo/csv_*` of github.com/thu-yao-01-luo/MultiPowerLaw.
- `schaipp/runs.csv`, `schaipp/val_loss.csv`: 70 runs of a 124M model by Schaipp et al., ICML 2025,
  MIT licence, from the folder `data` of github.com/fabian-sp/lr-scheduling.
- `mini/*.csv` (step, lr, val_loss): a byte-level transformer with 0.28M parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = ("25M", "100M", "400M")
FITTED = ("cosine_24000", "constant_24000", "wsdcon_9")
"""The curves of each size that Luo et al. fit; the others are their test curves."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Losses after so many steps, and the rate of every step of the run (entry 0: the first)."""

    name: str
    step: np.ndarray
    loss: np.ndarray
    rates: np.ndarray
    weight_decay: float = 0.1

    def since(self, step: int) -> Curve:
        """Return the curve without the rows before a step."""
        kept = self.step >= step
        return Curve(self.name, self.step[kept], self.loss[kept], self.rates, self.weight_decay)


def read_mpl(folder: Path, size: str) -> dict[str, Curve]:
    """Return the nine curves of one model size. Warm-up: 2160 steps, without rows."""
    curves = {}
    for path in sorted((folder / "mpl" / size).glob("*.csv")):
        rows = pd.read_csv(path)
        rates = _mpl_rates(path.stem)
        curves[path.stem] = _checked(path.stem, rows, "loss", rates, ahead=1)
    if len(curves) != 9:
        raise FileNotFoundError(f"{folder / 'mpl' / size} has {len(curves)} curves, not 9")
    return curves


def _mpl_rates(name: str) -> np.ndarray:
    """Return the rates of a run, by its name, with the peak 3e-4."""
    kind, *numbers = name.split("_")
    peak, low, start = 3e-4, 3e-5, 2160
    total = int(numbers[-1]) if kind != "wsdcon" else 16_000
    step = np.arange(total)
    if kind == "constant":
        rates = np.full(total, peak)
    elif kind == "cosine":
        turn = np.pi * np.clip((step - start) / (total - start), 0, 1)
        rates = low + (peak - low) * (1 + np.cos(turn)) / 2
    elif kind == "wsdcon":
        rates = np.where(step < 8000, peak, int(numbers[0]) * 1e-5)
    else:
        gone = np.clip((step - int(numbers[0])) / (total - int(numbers[0])), 0, 1)
        rates = peak - (peak - low) * gone if kind == "wsdld" else peak * (low / peak) ** gone
    return rates * np.minimum(1, (step + 1) / start)


def read_mini(folder: Path) -> dict[str, Curve]:
    """Return the ten curves of the small model. Warm-up: 100 steps."""
    curves = {}
    for path in sorted((folder / "mini").glob("*.csv")):
        kind, cool_down, thousands, peak = re.fullmatch(
            r"(const|cos|wsd)(\d*)_(\d+)k_?([hd]?)", path.stem
        ).groups()
        total = 1000 * int(thousands)
        done = np.arange(total) / total
        rates = {"": 2e-3, "h": 1e-3, "d": 4e-3}[peak] * np.minimum(1, done * total / 100 + 0.01)
        if kind == "cos":
            rates *= (1 + np.cos(np.pi * done)) / 2
        elif kind == "wsd":
            rates *= np.minimum(1, (1 - done) / (int(cool_down or 20) / 100))
        curves[path.stem] = _checked(path.stem, pd.read_csv(path), "val_loss", rates, ahead=0)
    if len(curves) != 10:
        raise FileNotFoundError(f"{folder / 'mini'} has {len(curves)} curves, not 10")
    return curves


def _checked(name: str, rows: pd.DataFrame, loss: str, rates: np.ndarray, *, ahead: int) -> Curve:
    """Return a curve whose rates are those that its file logs, of the step before or ahead."""
    step = rows["step"].to_numpy()
    if not np.allclose(rates[step - 1 + ahead], rows["lr"], rtol=1e-6, atol=0):
        raise ValueError(f"{name}: the rates of its description are not those of its file")
    return Curve(name, step, rows[loss].to_numpy(), rates)


def read_schaipp(folder: Path) -> tuple[pd.DataFrame, dict[int, Curve]]:
    """Return the table of the 124M runs, and the curve of each run number.

    Cool-downs branch off a constant run, so their rows start late; their rates are those of the
    whole path. Rows at step 0 are left out, where a law is infinite.
    """
    runs = pd.read_csv(folder / "schaipp" / "runs.csv").set_index("run")
    rows = pd.read_csv(folder / "schaipp" / "val_loss.csv")
    rows = rows[rows["step"] > 0].drop_duplicates(["run", "step"], keep="last")
    curves = {}
    for number, run in runs.iterrows():
        own = rows[rows["run"] == number].sort_values("step")
        shape = "cosine"
        if run["scheduler"] == "wsd":
            shape = f"{run['cooldown_frac']:.0%} {run['decay_type']}"
        name = f"{number}: {shape}, {run['iterations']} steps, peak {run['peak_lr']:g}"
        step, loss = own["step"].to_numpy(), own["val_loss"].to_numpy()
        curves[int(number)] = Curve(name, step, loss, _schaipp_rates(run))
    return runs, curves


def _schaipp_rates(run: pd.Series) -> np.ndarray:
    """Return the rates of a run: linear warm-up from 0 for wsd, along a cosine for cos."""
    total, warm = int(run["iterations"]), int(run["warmup"])
    step = np.arange(total)
    if run["scheduler"] == "cos":  # PyTorch's OneCycleLR: from a hundredth of the peak, to a tenth
        low = 0.0 if run["cos_final_lr"] > 0 else 0.1
        rising = 0.01 + 0.99 * (1 - np.cos(np.pi * np.minimum(step / (warm - 1), 1))) / 2
        turn = np.pi * np.clip((step - warm + 1) / (total - warm), 0, 1)
        shape = np.where(step < warm, rising, low + (1 - low) * (1 + np.cos(turn)) / 2)
    else:
        last = int(run["cooldown_frac"] * total)
        gone = np.clip((step - total + last) / max(last, 1), 0, 1)
        falling = 1 - (np.sqrt(gone) if run["decay_type"] == "sqrt" else gone)
        shape = falling * np.minimum(1, (step + 1) / warm)
    return run["peak_lr"] * shape
