"""Print the worst relative errors of the accuracy grid: ``python tests/accuracy_report.py``."""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import reference
from cases import INF, data_cases, spectra_cases
from test_accuracy import schedule

import isoloss as il


def main() -> None:
    worst: dict[str, float] = {}
    for name, gamma, lam, delta, phases, level in spectra_cases():
        run = il.train(il.Problem.from_spectra(gamma, lam, delta), schedule(phases), level)
        wanted = reference.from_spectra(gamma, lam, delta).run(phases, level)
        _note(worst, f"spectra: {name}", run, wanted)
    for name, X, y, X_test, y_test in data_cases():
        problem = il.Problem.from_data(X, y, X_test, y_test)
        exact = reference.from_data(X, y, X_test, y_test)
        excess = math.fsum(map(float, exact.weights))
        lr = 0.9 * float(problem.max_lr)
        for phases in ([("flow", INF)], [("gd", lr, 10), ("flow", INF)], [("gd", lr, 2000)]):
            for share in (0.5, 0.01, 1e-6):
                level = float(exact.floor) + share * excess
                run = il.train(problem, schedule(phases), level)
                _note(worst, f"data, to {share:g}: {name}", run, exact.run(phases, level))
    for name, error in sorted(worst.items(), key=lambda item: -item[1]):
        print(f"{error:8.1e}  {name}")


def _note(worst: dict[str, float], name: str, run: il.Run, wanted: reference.Result) -> None:
    assert (bool(run.reached), int(run.steps)) == (wanted.reached, wanted.steps), name
    errors = (
        reference.relative(run.train_loss, wanted.train_loss),
        reference.relative(run.test_loss, wanted.test_loss),
    )
    worst[name] = float(np.max([worst.get(name, 0.0), *errors]))


if __name__ == "__main__":
    main()
