"""Certificates: what was proved, as plain JSON that `isoloss verify` checks independently."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self

from flint import fmpq

from isoloss._files import OutputError, write_text
from isoloss.proof.interval import Value
from isoloss.proof.summaries import summary

__all__ = ["FORMAT", "Certificate", "Verdict", "enclosure", "theorem"]

FORMAT = "isoloss-certificate/1"

Verdict = Literal["proved", "disproved", "undecided"]


@dataclass(frozen=True, repr=False)
class Certificate:
    """A verdict with everything needed to check it.

    Attributes
    ----------
    content : mapping
        The contents of the JSON file except its digest. ``print`` shows them in words and decimals.

    Examples
    --------
    >>> from isoloss.proof import ExactProblem, certify
    >>> problem = ExactProblem.from_spectra(["2/3", "1/3"], ["1/2", "1/2"], [-10, -10])
    >>> certify(problem, "gd(1, 10) > flow", "1/100", "test_loss <= 3/4 * level")
    Certificate(proved: test_loss <= 3/4 * level)
    """

    content: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """``"proved"``, ``"disproved"`` or ``"undecided"``."""
        verdict: Verdict = self.content["verdict"]
        return verdict

    @property
    def claim(self) -> str:
        """The claim that was to be proved."""
        return str(self.content.get("claim") or self.content["statement"])

    @property
    def reason(self) -> str:
        """The reason for the verdict, in words; empty if the verdict needs none."""
        return str(self.content.get("reason", ""))

    @property
    def boxes(self) -> int:
        """The number of boxes that the proof examined, including those of its parts."""
        own: int = sum(self.content.get("tree", "").count(mark) for mark in ".?")
        return own + sum(Certificate(part).boxes for part in self.content.get("parts", ()))

    def to_json(self) -> str:
        """Return the file's text, with a SHA-256 digest of everything else in it."""
        whole = {**self.content, "digest": digest(self.content)}
        return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the file completely or not at all.

        Parameters
        ----------
        path : path
            The JSON file.
        overwrite : bool, default: False
            Whether to replace an existing file.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FileExistsError
            If the file exists and ``overwrite`` is not set.
        OSError
            If the file cannot be written.
        """
        path = Path(path)
        if path.exists() and not overwrite:
            raise FileExistsError(f"'{path}' exists; choose another name, or set overwrite=True")
        try:
            write_text(path, self.to_json())
        except OutputError as error:
            raise OSError(str(error)) from error
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a certificate without checking it, as `isoloss.checker.verify` does.

        Parameters
        ----------
        path : path
            The JSON file.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If the file is not a certificate.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"'{path}' is not a JSON file: {error}") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ValueError(f"'{path}' is not a certificate of the format {FORMAT}")
        content.pop("digest", None)
        try:
            summary(content)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            raise ValueError(
                f"'{path}' is not a certificate: fields are missing, or have the wrong type"
            ) from None
        return cls(content)

    def __str__(self) -> str:
        return summary(self.content)

    def __repr__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"Certificate({self.verdict}: {self.claim}{reason})"


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the file's other contents as canonical JSON."""
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(plain.encode()).hexdigest()


def certificate(kind: str, **fields: Any) -> Certificate:
    """Return a certificate of the given kind."""
    return Certificate({"format": FORMAT, "kind": kind, "made_by": _made_by(), **fields})


@functools.cache
def _made_by() -> str:
    """Return the library's name and version, for which its metadata are read once."""
    return f"isoloss {version('isoloss')}"


def theorem(
    name: str, statement: str, argument: Sequence[str], parts: Sequence[Certificate]
) -> Certificate:
    """Return the certificate of a theorem: an argument in words that connects proved parts.

    Each part is proved and checked on its own; the words are for people to check. If all other
    parts are proved, the last part decides the verdict.

    Parameters
    ----------
    name : str
        The theorem's name.
    statement : str
        What the theorem states.
    argument : sequence of str
        Why the parts prove it.
    parts : sequence of Certificate
        From `certify`, `for_all`, `identity` or `theorem`.

    Returns
    -------
    Certificate
        ``"proved"`` or ``"disproved"``, like the last part; ``"undecided"`` if an earlier part is
        not proved.

    Raises
    ------
    TypeError
        If a part is not a certificate, or there are no parts.

    Examples
    --------
    >>> from isoloss.proof import for_all, identity, theorem
    >>> square = identity("a**2 + b**2 - 2*a*b", "(a - b)**2")
    >>> positive = for_all({"x": (-1, 1)}, "x**2 >= 0")
    >>> theorem("means", "2ab ≤ a² + b² on [-1, 1]", ["the gap is a square"], [square, positive])
    Certificate(proved: 2ab ≤ a² + b² on [-1, 1])
    """
    sentences = [argument] if isinstance(argument, str) else list(argument)
    given = parts if isinstance(parts, Sequence) else ()
    if not given or not all(isinstance(part, Certificate) for part in given):
        raise TypeError(
            "the parts of a theorem are certificates, at least one, as certify, for_all and "
            f"identity return them; got {parts!r}"
        )
    if not (name.isprintable() and statement.isprintable()) or "#" in statement:
        raise ValueError("the name and statement of a theorem are one line of text, without #")
    verdict: Verdict = parts[-1].verdict
    open_parts = [part for part in parts[:-1] if part.verdict != "proved"]
    reason = ""
    if open_parts:
        verdict, reason = "undecided", f"a part is {open_parts[0].verdict}: {open_parts[0].claim}"
    return certificate(
        "theorem",
        name=name,
        statement=statement,
        argument=sentences,
        verdict=verdict,
        reason=reason,
        parts=[dict(part.content) for part in parts],
    )


def enclosure(value: Value) -> list[str]:
    """Return the ends of a value: fractions if it is exact, else binary numbers like ``"3p-5"``.

    ``"3p-5"`` is 3·2⁻⁵. This form is exact, and short even for very large or small numbers.
    """
    if isinstance(value, fmpq):
        return [str(value)] * 2
    return ["{}p{}".format(*end.man_exp()) for end in (value.low, value.high)]
