"""Two studies by sweeps: how the paper's gap generalizes, and where annealing helps or hurts.

    python docs/examples/studies.py [FOLDER]

Writes study_gap.png and study_phase.png into FOLDER (by default docs/images), prints the numbers
that docs/sweeps.md quotes, and takes about a minute on two cores.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import TwoSlopeNorm

import isoloss as il
from isoloss.draws import Sampler, directions, enumerated, gaussian, power_law
from isoloss.sweep import sweep

BOTH = {"flow": "flow", "annealed": "gd(1.0, 50) > flow"}
LEVEL = 0.01
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # of the Okabe-Ito palette
SAME = 0.01  # a relative difference that does not matter


def uniform(n_over_d: float, d: int) -> Sampler:
    """Return the paper's example with d directions of equal probability."""
    return directions(max(1, round(n_over_d * d)), [f"1/{d}"] * d)


def two_directions(n: int) -> Sampler:
    """Return the paper's example with n train rows."""
    return directions(n)


def gap_over_level(found: Any) -> Any:
    """Return what annealing saves of test loss, over the train loss ε; 0.75 in the paper."""
    loss = found.test_loss.isel(level=0)
    return (loss.sel(schedule="flow") - loss.sel(schedule="annealed")) / LEVEL


def exact_gaps(n: int) -> tuple[float, float]:
    """Return probability and mean of the gap for d = 2, over all train sets."""
    probability = mean = 0.0
    for problem, weight in enumerated(n):
        schedules = il.GradientFlow(), il.anneal(float(problem.max_lr), 50)
        flow, annealed = (float(il.train(problem, s, LEVEL).test_loss) for s in schedules)
        gap = (flow - annealed) / LEVEL
        probability += float(weight) * (gap > SAME)
        mean += float(weight) * gap
    return probability, mean


def study_gap(folder: Path) -> None:
    """Draw probability and size of the gap against the number of samples."""
    counts = list(range(2, 21))
    exact = np.array([exact_gaps(n) for n in counts])
    sampled = gap_over_level(
        sweep(two_directions, BOTH, LEVEL, parameters={"n": counts}, draws=400, unit="absolute")
    )
    ratios, sizes = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0], [5, 10, 20]
    many = gap_over_level(
        sweep(
            uniform, BOTH, LEVEL, parameters={"n_over_d": ratios, "d": sizes}, draws=100,
            unit="absolute", on=2,
        )
    )  # fmt: skip
    figure, axes = plt.subplots(2, 2, figsize=(8.4, 6.0), layout="constrained", sharex="col")
    for row, (name, values, few, more) in enumerate(
        (
            ("probability of a gap", exact[:, 0], (sampled > SAME).mean("draw"),
             (many > SAME).mean("draw")),
            ("mean gap / ε", exact[:, 1], sampled.mean("draw"), many.mean("draw")),
        )
    ):  # fmt: skip
        left, right = axes[row]
        left.plot(counts, values, color=COLOURS[0], label="exact, all train sets")
        left.plot(counts, few, "o", mfc="none", color=COLOURS[1], label="400 draws")
        for colour, marker, d in zip(COLOURS, "os^", sizes, strict=False):
            right.plot(ratios, more.sel(d=d), marker + "-", color=colour, label=f"d = {d}")
        left.set(ylabel=name, ylim=(-0.03, None))
        right.set(xscale="log", ylim=(-0.03, None))
    axes[0, 0].set_title("d = 2, as in the paper (there n = 3)")
    axes[0, 1].set_title("d directions, 100 draws")
    axes[1, 0].set_xlabel("n train rows")
    axes[1, 1].set_xlabel("n / d")
    axes[1, 0].set_xticks(range(2, 21, 2))
    axes[0, 0].legend()
    axes[0, 1].legend()
    figure.savefig(folder / "study_gap.png", dpi=150)
    plt.close(figure)
    for n in (2, 3, 4, 10, 20):
        i = counts.index(n)
        print(f"d = 2, n = {n}: probability {exact[i, 0]:.3f}, mean gap {exact[i, 1]:.3f} ε; "
              f"sampled {float((sampled > SAME).mean('draw')[i]):.3f}")  # fmt: skip
    worst = float(np.max(np.abs((sampled > SAME).mean("draw") - exact[:, 0])))
    print(f"  sampled and exact probabilities differ by at most {worst:.3f}")
    for d in sizes:
        row = ", ".join(
            f"{float(many.mean('draw').sel(d=d, n_over_d=r)):.2f} at n/d = {r:g}" for r in ratios
        )
        print(f"d = {d}: mean gap / ε {row}")


def noisy(noise: float, decay: float) -> Sampler:
    """Return 60 rows in 40 dimensions."""
    return gaussian(60, power_law(40, decay), noise)


def study_phase(folder: Path) -> None:
    """Draw where annealing helps, hurts or does not matter at equal train loss."""
    noises = np.geomspace(1e-3, 10.0, 13)
    decays = np.linspace(0.0, 3.0, 13)
    levels = [0.1, 0.01, 0.001]
    found = sweep(
        noisy, BOTH, levels, parameters={"noise": noises, "decay": decays}, draws=30, on=2
    )
    loss = found.test_loss.where(found.reached.all("schedule"))
    change = (loss.sel(schedule="annealed") / loss.sel(schedule="flow") - 1.0).mean("draw")
    figure, axes = plt.subplots(
        1, len(levels), figsize=(10.0, 3.6), layout="constrained", sharey=True
    )
    norm = TwoSlopeNorm(0.0, -20.0, 20.0)
    for ax, level in zip(axes, levels, strict=True):
        shown = 100.0 * change.sel(level=level)
        mesh = ax.pcolormesh(
            decays, noises, np.clip(shown, -20, 20), cmap="PuOr", norm=norm, shading="nearest"
        )
        ax.contour(decays, noises, shown, levels=[-100 * SAME, 100 * SAME], colors="black",
                   linewidths=1.0, linestyles=["dashed", "solid"])  # fmt: skip
        ax.set(yscale="log", xlabel="decay of the spectrum, i^-decay",
               title=f"{100 * level:g} % of the excess left")  # fmt: skip
    axes[0].set_ylabel("label noise (variance)")
    figure.colorbar(mesh, ax=axes, label="test loss of annealed over flow, %", extend="both")
    figure.savefig(folder / "study_phase.png", dpi=150)
    plt.close(figure)
    for level in levels:
        shown = change.sel(level=level).values
        helps, hurts = float(np.mean(shown < -SAME)), float(np.mean(shown > SAME))
        print(
            f"level {level:g}: helps in {helps:.0%}, hurts in {hurts:.0%}, does not matter in "
            f"{1 - helps - hurts:.0%} of the cells; from {np.nanmin(shown):+.1%} to "
            f"{np.nanmax(shown):+.1%}"
        )


def main() -> None:
    """Do both."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "images"
    for study in (study_gap, study_phase):
        started = time.perf_counter()
        study(folder)
        print(f"{study.__name__}: {time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
