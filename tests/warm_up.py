"""What the server of `processes` does once, so that no command forked from it does it again."""

import importlib
import io
import os

from matplotlib.figure import Figure

_LOADED = [
    "distributed",
    "isoloss.__main__",
    "isoloss.comparison",
    "isoloss.comparison.drawing",
    "isoloss.curves.drawing",
    "isoloss.datasets",
    "isoloss.estimators",
    "isoloss.optimize",
    "isoloss.paper.figures",
    "isoloss.paper.proofs",
    "isoloss.reports.page",
    "isoloss.sweep",
    "narwhals.stable.v2",
    "pandas",
    "pyarrow.pandas_compat",
    "pydantic",
    "pytest",
    "skops.io",
    "typer._adapters",
    *(
        f"isoloss.cli.{name}"
        for name in (
            "claims_output",
            "comparison_output",
            "descriptions",
            "encoding",
            "fit_output",
            "forecast_output",
            "judging",
            "proofs",
            "schedules",
            "selection_output",
        )
    ),
]
for name in _LOADED:
    importlib.import_module(name)

# the path by which the server found this module is not for the processes of its children
here, _, rest = os.environ["PYTHONPATH"].partition(os.pathsep)
del os.environ["PYTHONPATH"]
if rest:
    os.environ["PYTHONPATH"] = rest

# fonts are found, and the parsers of formulas are built, when the first figure is drawn
figure = Figure(layout="constrained")
axes = figure.subplots()
axes.loglog([1, 10], [1, 10], label=r"$\gamma_1$")
axes.legend()
for kind in ("pdf", "png", "svg"):
    figure.savefig(io.BytesIO(), format=kind)
