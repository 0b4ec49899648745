"""Training by 10⁵ changing rates on 10³ curvatures, with momentum and without.

Run: python benchmarks/rates.py [--steps K] [--curvatures R]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import isoloss as il

REPEATS = 5


def main() -> None:
    """Print the median time of each kind of phase, for a level on the way and one never met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--curvatures", type=int, default=1000)
    options = parser.parse_args()
    gamma = np.geomspace(1e-3, 1, options.curvatures)
    problem = il.Problem.from_spectra(gamma, np.ones_like(gamma), gamma.size**-0.5 + 0 * gamma)
    falling = np.linspace(1, 0.5, options.steps)
    phases = {
        "gradient descent, rates up to 1/γ₁": il.GradientDescent(falling),
        "gradient descent, rates up to 1.2/γ₁": il.GradientDescent(1.2 * falling),
        "heavy ball, momentum 0.9": il.HeavyBall(0.4 * falling, 0.9),
        "Nesterov, momentum 0.9": il.Nesterov(0.4 * falling, 0.9),
        "heavy ball, one rate": il.HeavyBall(0.4, 0.9, options.steps),
    }
    print(f"{options.steps} steps, {options.curvatures} curvatures: seconds")
    for name, phase in phases.items():
        times = []
        for level in (1e-6, 1e-300):
            runs = []
            for _ in range(REPEATS):
                started = time.perf_counter()
                run = il.train(problem, phase, train_loss=level)
                runs.append(time.perf_counter() - started)
            times.append(f"{statistics.median(runs):.2f} (train loss {level:g}: step {run.steps})")
        print(f"  {name:38} {', '.join(times)}")


if __name__ == "__main__":
    main()
