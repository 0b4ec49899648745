"""A certificate in words and decimals, as ``print`` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

__all__ = ["summary"]

_DIGITS = 12


def summary(content: Mapping[str, Any]) -> str:
    """Return the verdict, the claim, a theorem's argument and parts, runs' losses, and boxes."""
    claim = content.get("statement") or content["claim"]
    return "\n".join([f"{content['verdict']}: {claim}", *_details(content)])


def _details(content: Mapping[str, Any]) -> Iterator[str]:
    if content.get("reason"):
        yield f"  {content['reason']}"
    for sentence in content.get("argument", ()):
        yield f"  - {sentence}"
    for part in content.get("parts", ()):
        yield f"  {part['verdict']}: {part.get('statement') or part['claim']}{_setting(part)}"
    yield from _runs(content["parts"][-1] if content.get("parts") else content)
    boxes = content.get("tree", "").count(".")
    if boxes > 1 and content["verdict"] == "proved":
        yield f"  in {boxes} boxes"


def _setting(part: Mapping[str, Any]) -> str:
    """Return the box and schedules that distinguish a theorem's part from similar parts."""
    if part["kind"] == "for_all" and part["box"]:
        ranges = (f"{low} ≤ {name} ≤ {high}" for name, (low, high) in part["box"].items())
        return f", for {', '.join(ranges)}"
    if part["kind"] != "runs":
        return ""
    texts = []
    for name, run in part["runs"].items():
        pieces = [
            f"{kind}({', '.join(map(str, rest))})" if rest[0] is not None else kind
            for kind, *rest in run["schedule"]
        ]
        texts.append(f"{name} = {' > '.join(pieces)}" if name else " > ".join(pieces))
    return f" [{'; '.join(texts)}]"


def _runs(content: Mapping[str, Any]) -> Iterator[str]:
    for name, run in content.get("runs", {}).items():
        where = "at the level" if run["reached"] else "at its end"
        spent = [f"{run['steps']} step{'s' * (run['steps'] != 1)}"] * bool(run["steps"])
        if spent and run.get("last_rate") is not None:
            spent[0] += f", the last at rate {_shown(run['last_rate'])}"
        if run["time"] is None or run["time"] != ["0", "0"]:
            spent.append(f"flow time {'∞' if run['time'] is None else _shown(run['time'])}")
        after = f", after {' and '.join(spent)}" if spent else ""
        losses = f"train loss {_shown(run['train_loss'])}, test loss {_shown(run['test_loss'])}"
        yield f"  {name or 'the schedule'} {where}: {losses}{after}"


def _shown(ends: list[str]) -> str:
    """Return a number in decimals; for a range, only the digits that are certain."""
    if ends[0] == ends[1] and "p" not in ends[0]:
        return ends[0]
    low, high = (_decimal(end) for end in ends)
    for digits in range(_DIGITS, 1, -1):
        texts = {_rounded(end, digits) for end in (low, high)}
        if len(texts) == 1:
            return f"{texts.pop()}…"
    return f"from {_rounded(low, 3)} to {_rounded(high, 3)}"


def _decimal(text: str) -> Decimal:
    """Return a number, possibly beyond the range of floats, to more digits than are shown."""
    mantissa, mark, exponent = text.partition("p")
    with localcontext(Context(prec=40, Emax=MAX_EMAX, Emin=MIN_EMIN)):
        if mark:
            return Decimal(mantissa) * Decimal(2) ** int(exponent)
        exact = Fraction(text)
        return Decimal(exact.numerator) / exact.denominator


def _rounded(number: Decimal, digits: int) -> str:
    """Write a number in the format of floats, even beyond their range."""
    if number == 0 or 1e-300 < number.copy_abs() < 1e300:
        return f"{float(number):.{digits}g}"
    mantissa, _, exponent = f"{number:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"
