"""Commands that add optional dependencies to the running installation."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

__all__ = ["install_command"]


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this installation of isoloss.

    If isoloss was installed from a checkout or a wheel, the command installs from there again,
    since a package index may lack isoloss or have another version.

    Examples
    --------
    >>> install_command("sweep").endswith('[sweep]"')
    True
    """
    return f"python -m pip install {_source(extra)}"


def _source(extra: str) -> str:
    """Return pip's argument, which depends on how isoloss was installed (PEP 610)."""
    try:
        record = distribution("isoloss").read_text("direct_url.json")
    except PackageNotFoundError:
        record = None
    if record is None:
        return f'"isoloss[{extra}]"'
    origin = json.loads(record)
    url = origin["url"]
    if vcs := origin.get("vcs_info"):
        return f'"isoloss[{extra}] @ {vcs["vcs"]}+{url}@{vcs["commit_id"]}"'
    parts = urlsplit(url)
    path = Path(url2pathname(parts.path))
    if parts.scheme != "file":
        return f'"isoloss[{extra}] @ {url}"'
    if not path.exists():  # the checkout or wheel is gone
        return f'"isoloss[{extra}]"'
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f'{editable}"{path}[{extra}]"'
