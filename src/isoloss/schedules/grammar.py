"""The grammar of schedules as texts: phases such as ``gd(1.0, 100)``, joined by ``>``.

The grammar is part of Python's: a text is a chain of comparisons between calls. Python parses it
but evaluates nothing.
"""

from __future__ import annotations

import ast
import bisect
import functools
import inspect
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

from isoloss._messages.near_misses import suggest
from isoloss.schedules import families
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Phase, Schedule
from isoloss.schedules.settings import Settings
from isoloss.schedules.text_form import TextForm

__all__ = ["Reader", "SpecError", "makers"]

_NUMBER = (  # Python's syntax, but only decimal numbers
    r"(?:(?!0[0-9_]+(?![0-9_.eE]))[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?(?![\w.])"
)
# only some of Python's tokens: no comments, strings or look-alike letters
_TOKEN = re.compile(rf"\.\.\.|{_NUMBER}|[A-Za-z_][A-Za-z0-9_]*(?!\w)|[(),>=+-]|(?P<unknown>\S)")
_MOST_CHARACTERS = 100_000
_MOST_STEPS = 2**53
_OF_ONE_RATE = (families.annealed, families.constant)
_SETTINGS = "settings"  # as the families call their further arguments
_ALSO_CALLED = {
    "linear": "decay",
    "momentum": "heavy_ball",
    "sgd": "gd",
    "sqrt": "decay",
    "wsd": "warmup_stable_decay",
}  # names that other libraries and papers use
_WARMUP, _DECAY = 0.1, 0.2  # of the steps, where a text with "..." leaves them out


class SpecError(ValueError):
    """A text is not a schedule; the message has a caret under the fault.

    Attributes
    ----------
    text : str
        The text.
    position : int
        The position of the fault, counted from 0.

    Examples
    --------
    >>> from isoloss.schedules import Spec
    >>> Spec.parse("gd(0.9) > flow")
    Traceback (most recent call last):
    isoloss.schedules.grammar.SpecError: expected ',' and the number of steps, as in gd(0.9, 500)
      gd(0.9) > flow
            ^
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        # a control character would put the caret in the wrong place
        shown = "".join(" " if c.isspace() else c for c in text)
        super().__init__(f"{problem}\n  {shown}\n  {' ' * position}^")
        self.problem = problem
        self.text = text
        self.position = position

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, str, int]]:
        return SpecError, (self.problem, self.text, self.position)


def makers() -> dict[str, Callable[..., Phase | Schedule]]:
    """Return the callables that texts may name: the kinds of phases, then the families."""
    kinds = {kind.text_form.name: kind for kind in Phase.kinds.values()}
    return dict(sorted(kinds.items())) | {n: getattr(families, n) for n in families.__all__}


def _is_kind(make: Callable[..., Any]) -> TypeGuard[type[Phase]]:
    return isinstance(make, type)


_signature = functools.cache(inspect.signature)  # otherwise the slowest part of reading a text


class Reader:
    """Reads a text in which at most ``max_rates`` steps may have their own rates.

    ``steps`` is the number that ``...`` stands for, if it stands for one.
    """

    def __init__(self, text: str, max_rates: int, steps: int | None = None) -> None:
        if len(text) > _MOST_CHARACTERS:
            raise ValueError(
                f"the text of a schedule has at most {_MOST_CHARACTERS} characters; got "
                f"{len(text)}: give a Schedule, which may have any number of phases"
            )
        self.given = text
        self.text = re.sub(r"\s", " ", text).strip()  # one character for each, to keep positions
        self.indent = len(text) - len(text.lstrip() or text)
        self.max_rates = max_rates
        self.rates = 0
        self.steps = steps
        self.has_steps_open = False
        self.makers = makers()

    def parts(self) -> list[tuple[Schedule, str]]:
        """Return the schedules that ``>`` joins, each with its text in normal form."""
        tokens = list(_TOKEN.finditer(self.text))
        for token in tokens:
            if token["unknown"]:
                shown = self.text[token.start() :].split(maxsplit=1)[0]
                raise self._error(f"cannot read {shown!r}", token.start())
        tree = self._tree(self.text)
        if tree is None:
            raise self._syntax_error(tokens)
        nodes, marks = [tree], []
        if isinstance(tree, ast.Compare):
            nodes, marks = [tree.left, *tree.comparators], tree.ops
        parts = [self._part(nodes[0])]
        for before, mark, node in zip(nodes, marks, nodes[1:], strict=False):
            place = len(self.text) - len(self.text[_end(before) :].lstrip(" )"))
            if not isinstance(mark, ast.Gt):
                raise self._error("expected '>' between phases", place)
            last = parts[-1][0].phases[-1]
            if isinstance(last, GradientFlow) and math.isinf(last.time):
                raise self._error(
                    "nothing can follow a flow without end; give it a time, as in flow(2.5)", place
                )
            parts.append(self._part(node))
        return parts

    def _part(self, node: ast.expr) -> tuple[Schedule, str]:
        called, place = node.func if isinstance(node, ast.Call) else node, node.col_offset
        name = called.id if isinstance(called, ast.Name) else ""
        if name not in self.makers:
            raise self._error(self._wanted(name), place)
        make = self.makers[name]
        form = make.text_form if _is_kind(make) else TextForm(name, {}, f"{name}(1.0, …)")
        if not isinstance(node, ast.Call):
            if make is not GradientFlow:
                raise self._error(f"expected '(', as in {form.example}", _end(node))
            return Schedule(GradientFlow()), name
        was_open = self.has_steps_open
        signature = _signature(make)
        nodes = self._arguments(node, signature, form)
        given = {key: self._value(value, key, form) for key, value in nodes.items()}
        for key, what in form.numbers.items():
            optional = given and isinstance(signature.parameters[key].default, float)
            if key not in given and not optional:
                wanted = f"',' and the {what.removeprefix('a ')}" if given else what
                raise self._error(f"expected {wanted}, as in {form.example}", _end(node) - 1)
        is_open = self.has_steps_open and not was_open
        shown = [
            ("" if number < len(node.args) else f"{key}=")
            + ("..." if is_open and key == "steps" else str(value))
            for number, (key, value) in enumerate(given.items())
        ]
        if is_open and make is families.warmup_stable_decay:
            whole = given["steps"]
            given = {"warmup": round(_WARMUP * whole), "decay": round(_DECAY * whole)} | given
        self._check_complete(node, [key for key in _required(signature) if key not in given])
        steps = given.get("steps")
        if isinstance(steps, int) and not form.numbers and make not in _OF_ONE_RATE:
            self.rates += max(steps, 0)
            if self.rates > self.max_rates:  # before any rates are made
                most = f"at most {self.max_rates} steps of changing rates"
                raise self._error(f"{name}: {most}", place)
        try:
            schedule = Schedule(make(**given))
        except (TypeError, ValueError, OverflowError, MemoryError) as error:
            # most messages begin with the name of the argument that is wrong
            wrong = nodes.get(str(error).partition(" ")[0], node)
            raise self._error(f"{name}: {error}", wrong.col_offset) from None
        return schedule, f"{name}({', '.join(shown)})"

    def _check_complete(self, call: ast.Call, missing: Sequence[str]) -> None:
        if missing:
            name = self.text[call.col_offset : _end(call.func)]
            raise self._error(f"{name} needs {_needed(missing)}", _end(call) - 1)

    def _arguments(
        self, call: ast.Call, signature: inspect.Signature, form: TextForm
    ) -> dict[str, Any]:
        """Return the nodes of a call's arguments by parameter name, in the parameters' order."""
        known = [name for name in signature.parameters if name != _SETTINGS]
        known += Settings.__annotations__ if _SETTINGS in signature.parameters else ()
        for argument in call.keywords:
            if argument.arg not in known:
                raise self._error(
                    f"{form.name} has no argument {argument.arg!r}"
                    f"{suggest(str(argument.arg), known)}; it takes {', '.join(known)}",
                    argument.col_offset,
                )
        named = {str(argument.arg): argument.value for argument in call.keywords}
        try:
            nodes: dict[str, Any] = signature.bind_partial(*call.args, **named).arguments
        except TypeError as error:
            raise self._error(f"{form.name}: {error}", call.col_offset) from None
        nodes.update(nodes.pop(_SETTINGS, {}))
        return nodes

    def _value(self, node: ast.expr, key: str, form: TextForm) -> Any:
        source = self.text[node.col_offset : _end(node)].replace(" ", "")
        what = form.numbers.get(key)
        if isinstance(node, ast.Constant) and node.value is ...:
            return self._open_steps(node, key)
        if what is None and (isinstance(node, ast.Name) or source == "1-sqrt"):
            return source
        if what is None and isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return node.value
        if not re.fullmatch(f"[+-]?{_NUMBER}", source):
            raise self._error(
                f"expected {what or 'a value'}, as in {form.example}", node.col_offset
            )
        number = float(source)
        whole = math.isfinite(number) and number == int(number)
        if what is None:
            return int(number) if whole and "." not in source else number
        if number < 0:
            raise self._error(f"{what} must not be negative", node.col_offset)
        if math.isinf(number):
            raise self._error(f"{what} must be finite", node.col_offset)
        if key != "steps":
            return number
        if not whole or number > _MOST_STEPS:
            raise self._error(
                "the number of steps must be whole and at most 2**53", node.col_offset
            )
        return int(number)

    def _open_steps(self, node: ast.expr, key: str) -> int:
        """Return the number of steps that ``...`` stands for."""
        if key != "steps" or self.has_steps_open:
            problem = "only one number, that of a phase's steps, may be '...'"
        elif self.steps is None:
            problem = (
                "'...' stands for as many steps as end at a train loss; give the text and the "
                "train loss to il.finish"
            )
        else:
            self.has_steps_open = True
            return self.steps
        raise self._error(problem, node.col_offset)

    def _tree(self, text: str) -> ast.expr | None:
        """Parse a text by Python's grammar; return None if it does not conform."""
        try:
            return ast.parse(text.strip(), mode="eval").body
        except SyntaxError:
            return None
        except (RecursionError, MemoryError):
            raise self._error("the text is nested too deeply", 0) from None

    def _syntax_error(self, tokens: list[re.Match[str]]) -> SpecError:
        """Return an error that says what is missing before the first wrong token.

        Tokens are right as long as some ending completes them to a phrase of Python's grammar; this
        ending shows what is missing.
        """

        def missing(end: int) -> str | None:
            begun = self.text[:end]
            return next((e for e in ("", " _", " _)", ")") if self._tree(begun + e)), None)

        wrong = bisect.bisect_left(tokens, True, key=lambda token: missing(token.end()) is None)
        place = tokens[wrong].start() if wrong < len(tokens) else len(self.text)
        before = self.text[:place].rstrip()
        match missing(len(before)):
            case " _":
                problem = self._wanted(self.text[place:])
            case " _)":
                problem = "expected a value"
            case ")" if before.endswith(","):
                problem = "a value after named ones must be named"
            case ")":
                problem = "expected ',' or ')'"
                try:  # to close the phase here: the error says what it still needs
                    Reader(before + ")", self.max_rates).parts()
                except SpecError as error:
                    if error.position == len(before) and error.problem.startswith("expected"):
                        problem = error.problem
            case _:
                problem = "expected '>' and a further phase, or the end"
        return self._error(problem, place)

    def _wanted(self, name: str) -> str:
        forms = [make.text_form.example for make in self.makers.values() if _is_kind(make)]
        near = suggest(_ALSO_CALLED.get(name.lower(), name), self.makers)
        return (
            f"expected a phase{near}: flow, {', '.join(forms)}, or a family: "
            f"{', '.join(families.__all__)}"
        )

    def _error(self, problem: str, position: int) -> SpecError:
        return SpecError(problem, self.given, self.indent + position)


def _required(signature: inspect.Signature) -> list[str]:
    return [
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]


def _needed(names: Sequence[str]) -> str:
    """Name the arguments that a call lacks."""
    shown = ["the number of steps" if name == "steps" else name for name in names]
    text = " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)
    if "steps" not in names:
        return text
    return f"{text}; '...' stands for as many steps as end at a train loss"


def _end(node: ast.expr) -> int:
    assert node.end_col_offset is not None  # every parsed node has one
    return node.end_col_offset
