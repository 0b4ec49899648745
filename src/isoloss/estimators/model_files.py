"""Save and load fitted models in skops files; loading a file runs none of its code."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from isoloss._files import check_file, write_bytes
from isoloss.schedules.schedule import Phase

__all__ = ["load_model", "save_model"]

_PHASES = [kind.__name__ for kind in Phase.kinds.values()]
_OURS = (
    "isoloss.estimators.ScheduledClassifier",
    "isoloss.estimators.ScheduledRegressor",
    *(f"isoloss.schedules.{name}" for name in ("Schedule", "Spec", *_PHASES)),
    "numpy.dtype",  # the dtype that an imputer was fitted to, which skops reads from an empty array
)


def save_model(model: Any, path: str | Path, *, force: bool = False) -> None:
    """Write a fitted model to a file, whole or not at all.

    Parameters
    ----------
    model : estimator
        A scheduled model, or a pipeline of scikit-learn steps that ends with such a model.
    path : str or Path
        The file, usually named ``.skops``.
    force : bool, default: False
        Overwrite an existing file.

    Raises
    ------
    OutputError
        If the file exists, or cannot be written.
    NotFittedError
        If the model is not fitted.
    ValueError
        If the model holds anything that `load_model` would not trust, such as a kernel function.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from isoloss.estimators import ScheduledClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> file = Path(tempfile.mkdtemp()) / "model.skops"
    >>> save_model(ScheduledClassifier().fit(X, y), file)
    >>> load_model(file).predict(X[:2])
    array([0, 0])
    """
    from skops import io as skops  # it searches all of scikit-learn, which takes seconds

    check_file(Path(path), force=force)
    check_is_fitted(model)
    if hasattr(model, "best_estimator_"):
        raise ValueError(
            f"of a fitted {type(model).__name__}, save the model that it has found: "
            "save_model(search.best_estimator_, …)"
        )
    try:
        content = skops.dumps(model)
        unknown = set(skops.get_untrusted_types(data=content)) - set(_OURS)
    except Exception as error:  # the user's objects can make skops raise anything
        raise ValueError(f"skops cannot write the model: {_message(error)}") from None
    if unknown:
        raise ValueError(
            "the model holds types that could not be read back as trusted: "
            f"{', '.join(sorted(unknown))}"
        )
    write_bytes(Path(path), content, new=not force)


def load_model(path: str | Path) -> Any:
    """Read a model written by `save_model` or ``skops.io.dump``.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    estimator
        The fitted model.

    Raises
    ------
    ValueError
        If it is not a skops file, or holds types that neither isoloss nor skops trusts.
    """
    from skops import io as skops

    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read '{path}': {error.strerror or error}") from None
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ValueError(f"'{path}' is not a skops file; isoloss fit --save writes one")
    try:
        unknown = set(skops.get_untrusted_types(data=content)) - set(_OURS)
        model = None if unknown else skops.loads(content, trusted=list(_OURS))
    except Exception as error:  # a broken file can make skops raise anything
        raise ValueError(f"cannot read '{path}' as skops: {_message(error)}") from None
    if any(name.startswith("isoloss.") for name in unknown):
        raise ValueError(
            f"'{path}' was saved by another version of isoloss, which named its types otherwise: "
            f"{', '.join(sorted(unknown))}; fit the model again and save it, or read it with the "
            "version that wrote it (up to 0.7)"
        )
    if unknown:
        raise ValueError(
            f"'{path}' holds types that isoloss does not trust: {', '.join(sorted(unknown))}; if "
            "you know its source, read it with skops.io.load"
        )
    return model


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__
