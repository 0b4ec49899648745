"""verify: whether a certificate proves what it says, by its own numbers and other code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flint import ctx

from isoloss.checker.boxes import check_boxes
from isoloss.checker.expressions import truth
from isoloss.checker.identity import check_identity
from isoloss.checker.numbers import OpenError, Range, read
from isoloss.checker.runs import (
    Data,
    End,
    Piece,
    RejectedError,
    check_run,
    demanded,
    given,
    prefixed,
    quantities,
)

__all__ = ["Checked", "UndecidedError", "check", "verify"]

_FORMAT = "isoloss-certificate/1"
_MORE = 64  # bits beyond those of the proof
_LARGEST = 2**13
_COMMON = {"format", "kind", "made_by", "verdict", "reason"}
_FIELDS = {
    "runs": _COMMON | {"problem", "level", "claim", "at_level", "precision", "runs"},
    "for_all": _COMMON | {"box", "claim", "family", "precision", "tree", "counterexample"},
    "identity": _COMMON | {"claim", "left", "right", "variables"},
    "theorem": _COMMON | {"name", "statement", "argument", "parts"},
}


class UndecidedError(RejectedError):
    """The certificate says itself that it proves nothing."""


@dataclass(frozen=True)
class Checked:
    """What a certificate was found to prove.

    Attributes
    ----------
    verdict : str
        ``"proved"`` or ``"disproved"``.
    claim : str
        What it is about. A theorem's is words, which lead from part to part: they are for people to
        check.
    parts : tuple of Checked
        The verdicts on a theorem's parts.
    """

    verdict: str
    claim: str
    parts: tuple[Checked, ...] = ()


def verify(path: str | Path) -> Checked:
    """Check a certificate's file.

    Parameters
    ----------
    path : path
        A file that `Certificate.save` or ``isoloss certify`` wrote.

    Returns
    -------
    Checked
        What it proves.

    Raises
    ------
    OSError
        If the file cannot be read.
    RejectedError
        If it proves nothing, or not what it says.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RejectedError(f"this is no JSON file: {error}") from None
    return check(content)


def check(content: Any) -> Checked:
    """Check a certificate's content, its digest among it; as `verify`."""
    if not isinstance(content, dict) or "digest" not in content:
        raise RejectedError("this is no certificate")
    before = ctx.prec
    try:
        plain = {key: value for key, value in content.items() if key != "digest"}
        canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if content["digest"] != "sha256:" + hashlib.sha256(canonical.encode()).hexdigest():
            raise RejectedError("the digest is not that of the content: the file was changed")
        return _check(plain)
    except (KeyError, TypeError, ValueError, AttributeError, SyntaxError, IndexError) as error:
        raise RejectedError(f"the certificate is malformed: {error!r}") from error
    except (OpenError, ZeroDivisionError, OverflowError, RecursionError, MemoryError) as error:
        raise RejectedError(f"an inequality does not follow: {error}") from error
    finally:
        ctx.prec = before


def _check(content: Mapping[str, Any]) -> Checked:
    kind = _check_head(content)
    if kind == "theorem":
        return _check_theorem(content)
    if kind == "runs":
        _check_runs(content)
    elif kind == "for_all":
        check_boxes(content)
    else:
        check_identity(content["left"], content["right"], content["variables"])
        if (
            content["verdict"] != "proved"
            or content["claim"] != f"{content['left']} == {content['right']}"
        ):
            raise RejectedError("the claim is not the identity")
    return Checked(content["verdict"], content["claim"])


def _check_head(content: Mapping[str, Any]) -> str:
    """Check what all kinds have, and set the precision; return the kind."""
    kind, verdict = content["kind"], content["verdict"]
    if content["format"] != _FORMAT or set(content) != _FIELDS[kind]:
        raise RejectedError(f"the fields are not those of {_FORMAT}, kind {kind!r}")
    for text in (content.get("claim", ""), content.get("statement", "")):
        if not text.isprintable() or "#" in text:
            raise RejectedError("a claim has a comment, or characters that do not print")
    if verdict == "undecided":
        raise UndecidedError(f"nothing is proved: {content['reason']}")
    if verdict not in ("proved", "disproved"):
        raise RejectedError(f"there is no verdict {verdict!r}")
    if "precision" in content:
        bits = content["precision"]
        if not isinstance(bits, int) or not 32 <= bits <= _LARGEST:
            raise RejectedError(f"the precision {bits!r} is out of range")
        ctx.prec = bits + _MORE
    return str(kind)


def _check_theorem(content: Mapping[str, Any]) -> Checked:
    parts = [_check(part) for part in content["parts"]]
    if any(part.verdict != "proved" for part in parts[:-1]):
        raise RejectedError("a part that the theorem needs is not proved")
    if content["verdict"] != parts[-1].verdict:
        raise RejectedError("the verdict is not that of the last part")
    return Checked(content["verdict"], content["statement"], tuple(parts))


def _check_runs(content: Mapping[str, Any]) -> None:
    problem = content["problem"]
    if set(problem) != {"train", "test", "start_squared", "noise"}:
        raise RejectedError("the problem has other fields than a problem")
    spectra = [[_exact(v) for v in problem[k]] for k in ("train", "test", "start_squared")]
    level = None if content["level"] is None else _exact(content["level"])
    data = Data(spectra[0], spectra[1], spectra[2], _exact(problem["noise"]), level)
    if not len(data.train) == len(data.test) == len(data.squares) > 0 or any(
        value.below(Range.point(0)) for value in (*(v for s in spectra for v in s), data.noise)
    ):
        raise RejectedError("the problem is none")
    values = given(data)
    for name, run in content["runs"].items():
        values |= prefixed(_stated(data, run), name)
    at_level = [] if level is None else demanded(content["claim"], content["runs"])
    if content["at_level"] != at_level:
        raise RejectedError("the schedules that must reach the level are others")
    reached = all(values[f"{name}.reached" if name else "reached"] for name in at_level)
    if level is not None and level.below(Range.point(0)):
        raise RejectedError("a level is negative")
    if (truth(content["claim"], values) if reached else False) is not (
        content["verdict"] == "proved"
    ):
        raise RejectedError("the claim does not follow from the enclosures")


def _stated(data: Data, run: Mapping[str, Any]) -> dict[str, Range | bool]:
    """Return a run's own enclosures, each checked to hold what the run really has."""
    schedule: list[Piece] = []
    for piece in run["schedule"]:
        kind, amount, *count = piece
        number = None if amount is None else _exact(amount)
        steps = count[0] if count else 0
        fits = (kind == "gd" and len(count) == 1) or (kind == "flow" and not count)
        if not fits or not isinstance(steps, int) or steps < 0 or (kind == "gd" and number is None):
            raise RejectedError(f"{piece!r} is no piece of a schedule")
        if number is not None and number.below(Range.point(0)):
            raise RejectedError("a rate or a time is negative")
        schedule.append((kind, number, steps))
    inside = None if run["inside"] is None else read(run["inside"])
    if not isinstance(run["reached"], bool):
        raise RejectedError("a run is reached or not")
    end = End(run["reached"], run["piece"], run["steps"], inside)
    state, parts, loss = check_run(data, schedule, end)
    found = quantities(data, state, parts, loss, end.reached)
    stated: dict[str, Range | bool] = {"steps": Range.point(end.steps), "reached": end.reached}
    named = {f"part{i + 1}": ends for i, ends in enumerate(run["parts"])}
    for key in ("test_loss", "train_loss", "time"):
        named[key] = run[key]
    fields = {"schedule", "reached", "piece", "steps", "inside", "time", "train_loss", "test_loss"}
    if set(run) != fields | {"parts"} or len(run["parts"]) != len(data.train):
        raise RejectedError("the run has other fields than a run")
    for key, ends in named.items():
        real = found.get(key)
        if ends is None and real is None:
            continue
        enclosure = read(ends)
        if not isinstance(real, Range) or not enclosure.holds(real):
            raise RejectedError(f"the enclosure of {key} does not hold it")
        stated[key] = enclosure
    return stated


def _exact(text: Any) -> Range:
    found = read(text)
    if found.exact is None:
        raise RejectedError(f"{text!r} is not an exact number")
    return found
