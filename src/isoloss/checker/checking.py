"""verify: check that a certificate proves its claim, from its own numbers by separate code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoloss.checker.boxes import check_boxes
from isoloss.checker.errors import RejectedError, UndecidedError
from isoloss.checker.flint_precision import precision
from isoloss.checker.identity import check_identity
from isoloss.checker.numbers import OpenError
from isoloss.checker.reading import check_fields, parsed, read_file
from isoloss.checker.stated import check_runs
from isoloss.checker.summary import given
from isoloss.checker.work import bounded

__all__ = ["Checked", "check", "verify"]

_MOST_WORK = 10_000_000
_MORE = 64  # bits beyond those of the proof


@dataclass(frozen=True)
class Checked:
    """What a certificate was found to prove.

    Attributes
    ----------
    verdict : str
        ``"proved"`` or ``"disproved"``.
    claim : str
        The claim of the certificate. A theorem's claim is in words that connect its parts, for
        people to check.
    given : str
        What the claim holds for: the ranges of the parameters, the problem and its schedules. It
        is empty for a theorem, whose parts state this, and if there is nothing to state.
    parts : tuple of Checked
        The verdicts on a theorem's parts.
    """

    verdict: str
    claim: str
    given: str = ""
    parts: tuple[Checked, ...] = ()


def verify(path: str | Path, *, max_work: int = _MOST_WORK) -> Checked:
    """Check a certificate file.

    Parameters
    ----------
    path : path
        A file that `Certificate.save` or ``isoloss certify`` wrote.
    max_work : int, default: 10_000_000
        The largest number of operations, on numbers of about 128 bits. The default takes about
        half a minute; allow more for a long proof of your own.

    Returns
    -------
    Checked
        What it proves.

    Raises
    ------
    OSError
        If the file cannot be read.
    RejectedError
        If the certificate proves nothing, or not what it states. The error is a `LimitError` if
        the file or the work exceeds a limit, which leaves the question open.
    """
    return check(parsed(read_file(path)), max_work=max_work)


def check(content: Any, *, max_work: int = _MOST_WORK) -> Checked:
    """Check a certificate's content as `verify` checks a file.

    Parameters
    ----------
    content : dict
        The parsed JSON of the certificate, including its digest.
    max_work : int, default: 10_000_000
        As for `verify`.

    Returns
    -------
    Checked
        What it proves.

    Raises
    ------
    RejectedError
        As in `verify`.
    """
    if not isinstance(content, dict) or "digest" not in content:
        raise RejectedError("this is not a certificate")
    plain = {key: value for key, value in content.items() if key != "digest"}
    try:
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        in_order = json.dumps(plain, ensure_ascii=False)  # a box's cuts depend on its order
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise RejectedError(f"this is not a certificate: {error}") from None
    if content["digest"] != f"sha256:{digest}":
        raise RejectedError("the digest does not match the content: the file was changed")
    plain = parsed(in_order)  # in JSON's own types
    check_fields(plain)
    try:
        with bounded(max_work):
            return _check(plain)
    except (OpenError, RecursionError, MemoryError) as error:
        raise RejectedError(f"an inequality does not follow: {error}") from error


def _check(content: Mapping[str, Any]) -> Checked:
    if content["verdict"] == "undecided":
        raise UndecidedError(f"nothing is proved: {content['reason']}")
    match content["kind"]:
        case "theorem":
            return _check_theorem(content)
        case "identity":
            check_identity(content)
        case kind:
            with precision(content["precision"] + _MORE):
                (check_runs if kind == "runs" else check_boxes)(content)
    return Checked(content["verdict"], content["claim"], given(content))


def _check_theorem(content: Mapping[str, Any]) -> Checked:
    parts = tuple(_check(part) for part in content["parts"])
    if any(part.verdict != "proved" for part in parts[:-1]):
        raise RejectedError("a part that the theorem needs is not proved")
    if content["verdict"] != parts[-1].verdict:
        raise RejectedError("the verdict is not that of the last part")
    return Checked(content["verdict"], content["statement"], parts=parts)
