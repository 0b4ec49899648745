"""The public names of isoloss: what the reference must hold, one page a name."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

__all__ = ["CONSTANTS", "MODULES", "members", "names"]

# A name that several of them export is documented where it comes first.
MODULES = (
    "isoloss",
    "isoloss.schedules.families",
    "isoloss.schedules",
    "isoloss.problems",
    "isoloss.dynamics",
    "isoloss.levels",
    "isoloss.estimators",
    "isoloss.problems.random",
    "isoloss.sweep",
    "isoloss.sweep.config",
    "isoloss.proof",
    "isoloss.checker",
    "isoloss.paper",
    "isoloss.paper.figures",
    "isoloss.paper.stochastic_figure",
    "isoloss.paper.proofs",
    "isoloss.datasets",
    "isoloss.comparison",
    "isoloss.curves",
    "isoloss.networks",
    "isoloss.reports.plotting",
    "isoloss.reports.page",
    "isoloss.reports",
    "isoloss.explorer",
)


def _has_docstring(value: Any) -> bool:
    return inspect.isroutine(value) or inspect.isclass(value)


def _everything() -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for module in MODULES:
        found = pkgutil.resolve_name(module)
        for name in found.__all__:
            value = getattr(found, name)
            if isinstance(value, ModuleType):
                continue
            if not _has_docstring(value) or id(value) not in seen:
                yield f"{module}.{name}", value
            seen.add(id(value))


_ROUTING = re.compile(r"set_\w+_request|get_metadata_routing")  # scikit-learn makes them

# Constants and type aliases have no docstring of their own: a group's page describes them.
CONSTANTS = tuple(path for path, value in _everything() if not _has_docstring(value))


def names() -> list[str]:
    """Return all public functions and classes, each once."""
    return [path for path, _ in _everything() if path not in CONSTANTS]


def members(path: str) -> list[str]:
    """Return the public methods and properties of a class that isoloss itself defines."""
    module, _, name = path.rpartition(".")
    value = getattr(pkgutil.resolve_name(module), name)
    if not inspect.isclass(value):
        return []
    return [
        f"{path}.{found.name}"
        for found in inspect.classify_class_attrs(value)
        if not found.name.startswith("_")
        and found.kind != "data"
        and not _ROUTING.fullmatch(found.name)
        and found.defining_class.__module__.startswith("isoloss")
    ]
