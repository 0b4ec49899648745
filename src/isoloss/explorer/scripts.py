"""Write Python scripts that recompute exactly what the page shows."""

from __future__ import annotations

from isoloss.explorer.example import ExampleState
from isoloss.explorer.rows import UPLOADED, RowsState
from isoloss.explorer.spectrum import SpectrumState

__all__ = ["example_script", "rows_script", "spectrum_script"]

_EXAMPLE = '''"""The paper's example, as the isoloss explorer showed it."""

import numpy as np

import isoloss as il

draw = {draw!r}  # how often each direction was drawn, in n = {n} samples
start, target = {start!r}, {target!r}
lr, steps = {lr!r}, {steps!r}  # of the large rate
level = {level!r}  # the train loss to stop at

problem = il.Problem.from_spectra(
    train=[count / {n} for count in draw],
    test=[0.5, 0.5],
    start=[s - t for s, t in zip(start, target)],
)
{annealed}for name, run in runs.items():
    end = [float(r) + t for r, t in zip(run.residual(), target)]{mean}
    band = il.level_band(problem, run.train_loss)
    print(f"{{name}}: after {{run.steps}} steps and flow time {{float(run.time)!r}} at {{end!r}}")
    print(f"  train loss {{float(run.train_loss)!r}}")
    print(f"  test loss {{float(run.test_loss)!r}}")
    print(f"  band {{float(band.lowest)!r}} to {{float(band.highest)!r}}")
flow, annealed = (float(run.test_loss) for run in runs.values())
print(f"flow / annealed: {{flow / annealed if annealed else None!r}}")
'''

_FULL_BATCHES = """runs = {
    "flow": il.train(problem, il.GradientFlow(), train_loss=level),
    "annealed": il.train(problem, il.anneal(lr, steps), train_loss=level),
}
"""

_MINIBATCHES = """# of the rows, of which each minibatch draws some: its losses are expected ones
X, X_test = np.repeat(np.eye(2), draw, axis=0), np.eye(2)
rows = il.Problem.from_data(X, X @ target, X_test, X_test @ target, start=start)
annealed = il.anneal(lr, steps, batch_size={batch})
runs = {{
    "flow": il.train(problem, il.GradientFlow(), train_loss=level),
    "annealed": il.train(rows, annealed, train_loss=level),
}}
"""

_MEAN = """
    if name == "annealed":
        end = run.coef().tolist()  # the mean"""

_BOUNDS = """
# Proposition 1 (its setting: start 0, target 100 alpha**-0.5 twice, lr 3/2, level below 1)
alpha = {alpha!r}
flat = draw.index(min(draw))
factor = np.float64(abs(1 - 2 * lr * min(draw) / {n}))  # of the flat direction, each step
with np.errstate(over="ignore"):  # a divergence beyond float64 bounds nothing
    rest = float(0.5 * (start[flat] - target[flat]) ** 2 * factor ** (2.0 * steps))
print(f"part 1: {{flow!r}} >= {{1.5 * level * (1 - alpha)!r}}")
{part_2}"""

_PART_2 = 'print(f"part 2: {annealed!r} <= {0.75 * level + rest!r}")\n'

_SPECTRUM = '''"""Schedules on a spectrum, as the isoloss explorer showed them."""

import isoloss as il
from isoloss.comparison import filters

problem = il.Problem.from_spectra(
    train={train!r},
    test={test!r},
    start={start!r},
    noise={noise!r},
)
'''

_ROWS = '''"""Schedules on {name}, as the isoloss explorer showed them."""

{imports}import isoloss as il
from isoloss.comparison import filters
from isoloss.datasets import load, split

table = load({source!r})
{check}rows = split(
    table,
    target={target!r},
    test_size=None if table.test is not None else {test_size!r},
    task={task!r},
    ignore={ignore!r},
    seed={seed!r},
)
problem = il.Problem.from_data(rows.X, rows.y, rows.X_test, rows.y_test)
'''

_CHECK = """content = Path({source!r}).read_bytes()
if hashlib.sha256(content).hexdigest() != "{digest}":
    raise SystemExit("this is not the file that the explorer showed")
"""

_COMPARED = """schedules = [
{schedules}
]
found = il.compare(
    problem,
    schedules,
    levels={levels!r},{test_error}
)
for row in found.rows():
    place = f"{{row['schedule']}}, level {{row['level']!r}}"
    print(f"{{place}}: train loss {{row['train_loss']!r}}, test loss {{row['test_loss']!r}}")
print(*found.verdicts, *found.best_stops, sep="\\n")
at = filters(found, {at!r})
for name, values in zip(at.names, at.values):
    print(f"filter of {{name}} at train loss {{at.train_loss!r}}: {{values.tolist()!r}}")
"""


def example_script(state: ExampleState) -> str:
    """Return the script for the paper's example."""
    full = state.batch is None
    text = _EXAMPLE + (_BOUNDS if all(state.draw) else "")
    return text.format(
        alpha=state.alpha,
        draw=list(state.draw),
        n=sum(state.draw),
        start=list(state.start),
        target=list(state.target),
        lr=state.lr,
        steps=state.steps,
        level=state.level,
        annealed=_FULL_BATCHES if full else _MINIBATCHES.format(batch=state.batch),
        mean="" if full else _MEAN,
        part_2=_PART_2 if full else "",
    )


def spectrum_script(state: SpectrumState) -> str:
    """Return the script for a spectrum."""
    problem = _SPECTRUM.format(
        train=list(state.train), test=list(state.test), start=list(state.start), noise=state.noise
    )
    return problem + _compared(state, "")


def rows_script(state: RowsState, name: str, classes: bool) -> str:
    """Return the script for data; it looks for an uploaded file in the current folder."""
    uploaded = state.data == UPLOADED
    problem = _ROWS.format(
        name=_plain(name),
        source=name,
        imports="import hashlib\nfrom pathlib import Path\n\n" if uploaded else "",
        check=_CHECK.format(source=name, digest=state.file) if uploaded else "",
        target=state.target or None,
        test_size=state.test_size,
        task=state.task,
        ignore=list(state.ignore),
        seed=state.seed,
    )
    return problem + _compared(state, "\n    test_error=rows.test_error," if classes else "")


def _compared(state: SpectrumState | RowsState, test_error: str) -> str:
    return _COMPARED.format(
        schedules="\n".join(f"    {text!r}," for text in state.schedules),
        levels=state.levels,
        at=state.at - 1,
        test_error=test_error,
    )


def _plain(name: str) -> str:
    """Return a file's name in a form that is safe in a docstring."""
    return "".join(c if c.isprintable() and c not in '"\\{}' else "_" for c in name)
