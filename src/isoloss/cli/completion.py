"""Tab completion of the names of data sets, statements, families and phases.

The names are written out, since loading the library at each press of the key would take a second; a
test compares them with the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

__all__ = ["DATA_SETS", "FAMILIES", "PHASES", "STATEMENTS", "complete"]

DATA_SETS = {
    "breast_cancer": "569 rows, 2 classes",
    "diabetes": "442 rows, regression",
    "digits": "1797 rows, 10 classes",
    "iris": "150 rows, 3 classes",
    "linnerud": "20 rows, 3 targets",
    "wine": "178 rows, 3 classes",
}
STATEMENTS = (
    *("eq1", "eq2", "table-good", "table-bad", "flow-equations", "eq3", "eq4", "attainment"),
    *("proposition1-flow", "proposition1-annealed", "proposition1-quarter"),
    *("lemma2", "lemma2-steps", "lemma2-literal"),
    *("oscillation", "needs-early-stopping", "needs-mismatch"),
    *("minibatch-step", "minibatch-stability", "minibatch-single", "minibatch-single-shares"),
    *("minibatch-limit", "minibatch-window", "minibatch-run-by-run"),
)
FAMILIES = (
    *("annealed", "two-rate", "decreasing", "rates", "constant", "cosine", "decay"),
    *("exponential", "inverse_time", "one_cycle"),
)
PHASES = {
    "flow": "flow",
    "gd": "gd(1.0, 100)",
    "annealed": "annealed(1.0, 100)",
    "constant": "constant(1.0, 100)",
    "cosine": "cosine(1.0, 100)",
    "cyclic": "cyclic(0.1, 1.0, 100, 10)",
    "decay": "decay(1.0, 100, shape=1-sqrt)",
    "exponential": "exponential(1.0, 100, 0.9)",
    "inverse_time": "inverse_time(1.0, 100, 0.1)",
    "one_cycle": "one_cycle(1.0, 100)",
    "polynomial": "polynomial(1.0, 100)",
    "step_decay": "step_decay(1.0, 100, 25)",
    "warmup": "warmup(1.0, 100)",
    "warmup_stable_decay": "warmup_stable_decay(1.0, 100, 10, 20)",
    "heavy_ball": "heavy_ball(0.3, 0.9, 200)",
    "nesterov": "nesterov(0.3, 0.9, 200)",
}


def complete(
    *names: Iterable[str], files: tuple[str, ...] = ()
) -> Callable[[str], Iterator[tuple[str, str]]]:
    """Return completions of a value: names, with help if they are a mapping's, and files."""

    def completed(incomplete: str) -> Iterator[tuple[str, str]]:
        for group in names:
            for name in group:
                if name.startswith(incomplete):
                    yield name, group[name] if isinstance(group, dict) else ""
        head, mark, tail = incomplete.rpartition("/")
        folder = head + mark
        for path in sorted(Path(folder or ".").glob("*")):
            if path.name.startswith(tail) and path.suffix.lower() in files:
                yield folder + path.name, ""

    return completed
