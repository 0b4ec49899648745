"""Parse inequalities once and evaluate them on intervals: true, false or undecided."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from flint import fmpq

from isoloss._messages.near_misses import suggest
from isoloss.proof.exact_problem import exact
from isoloss.proof.interval import (
    IndeterminateError,
    Interval,
    UnboundedError,
    Value,
    largest,
    less,
    less_equal,
    power,
)

__all__ = ["Expression"]

_LONGEST = 100_000  # characters
_DEEPEST = 100
_FUNCTIONS: dict[str, tuple[int | None, Callable[..., Value]]] = {
    "exp": (1, lambda x: fmpq(1) if x == 0 else Interval.of(x).exp()),
    "log": (1, lambda x: fmpq(0) if x == 1 else Interval.of(x).log()),
    "sqrt": (1, lambda x: Interval.of(x).sqrt()),
    "abs": (1, abs),
    "min": (None, lambda *xs: -largest([-x for x in xs])),
    "max": (None, lambda *xs: largest(xs)),
}
_OPERATORS: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: power,
}
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq)


@dataclass(frozen=True)
class Expression:
    """A number or a claim, written in Python's arithmetic.

    It may use ``+ - * / **``, parentheses, ``exp log sqrt abs min max``, comparisons (also
    chained), ``and``, ``or`` and ``not``. Decimal numbers are exact. Names may contain a dot.
    """

    text: str
    tree: ast.expr
    numbers: dict[ast.Constant, fmpq] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, what: str = "claim") -> Expression:
        """Parse a text; error messages call it ``what``.

        Raises ``TypeError`` if it is not a text, ``ValueError`` if it is not an expression.
        """
        given: object = text  # a user may pass anything
        if not isinstance(given, str):
            example = " such as 'test_loss <= 3/4 * level'" if what == "claim" else ""
            raise TypeError(f"{what} must be a text{example}; got {type(given).__name__} {given!r}")
        if len(text) > _LONGEST:
            raise ValueError(f"{what} is longer than {_LONGEST} characters")
        if not text.isprintable() or "#" in text:
            raise ValueError(f"{what} {text!r} has a comment or unprintable characters")
        if not text.isascii():
            odd = next(letter for letter in text if not letter.isascii())
            raise ValueError(
                f"{what} {text!r} may contain only printable ASCII characters; it has {odd!r}"
            )
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, RecursionError, MemoryError, ValueError):
            hint = "; equality is ==" if re.search(r"[^<>=!]=[^=]", text) else ""
            raise ValueError(
                f"{what} {text!r} is no expression in Python's grammar{hint}"
            ) from None
        if _depth(tree) > _DEEPEST:
            raise ValueError(f"{what} is nested more than {_DEEPEST} deep; use parentheses")
        found = cls(text.strip(), tree)
        found._check(what)
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that need a value."""
        called = {n.func for n in ast.walk(self.tree) if isinstance(n, ast.Call)}
        inner = {n.value for n in ast.walk(self.tree) if isinstance(n, ast.Attribute)}
        return frozenset(
            _name(node)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name | ast.Attribute) and node not in called | inner
        )

    def check_names(self, known: set[str], what: str = "claim") -> Expression:
        """Raise ``ValueError`` if a name is not in ``known``; else return self."""
        for name in sorted(self.names - known):
            raise ValueError(
                f"{what} {self.text!r} has the unknown name {name!r}"
                f"{suggest(name, sorted(known))}; known: {', '.join(sorted(known))}"
            )
        return self

    def at_least_zero(self, values: Mapping[str, Value | bool], what: str) -> Value:
        """Return the number; raise ``ValueError``, calling it ``what``, if it is negative."""
        value = self._number(self.tree, values)
        if less(value, fmpq(0)):
            raise ValueError(f"{what} must not be negative, as {self.text!r} is")
        if not less_equal(fmpq(0), value):
            raise IndeterminateError(f"whether {what} is negative")
        return value

    def holds(self, values: Mapping[str, Value | bool]) -> bool | None:
        """Return whether the claim is true, or None if it cannot be decided.

        Raises `UnboundedError` if a part of the claim is undefined.
        """
        return self._truth(self.tree, values)

    def _check(self, what: str) -> None:
        """Raise ``ValueError`` for anything that is not allowed, and read the numbers."""
        for node in ast.walk(self.tree):
            match node:
                case (
                    ast.BoolOp()
                    | ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not())
                    | ast.Name()
                    | ast.Attribute(value=ast.Name())
                    | ast.operator()
                    | ast.unaryop()
                    | ast.cmpop()
                    | ast.boolop()
                    | ast.expr_context()
                ):
                    pass
                case ast.BinOp(op=op) if type(op) in _OPERATORS:
                    pass
                case ast.Compare(ops=ops) if all(isinstance(op, _ORDERS) for op in ops):
                    pass
                case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                    written = self.text[node.col_offset : node.end_col_offset]  # one ASCII line
                    self.numbers[node] = exact(
                        "a number in an expression", written.replace("_", "")
                    )
                case ast.Call():
                    self._check_call(node, what)
                case _:
                    shown = ast.get_source_segment(self.text, node) or type(node).__name__
                    raise ValueError(
                        f"{what} {self.text!r} may not use {shown!r}: allowed are numbers, names, "
                        "+ - * /, ** (not ^), < <= > >= ==, and, or, not, "
                        f"{', '.join(_FUNCTIONS)}"
                    )

    def _check_call(self, call: ast.Call, what: str) -> None:
        name = call.func.id if isinstance(call.func, ast.Name) else "?"
        if name not in _FUNCTIONS:
            raise ValueError(
                f"{what} {self.text!r} has the unknown function {name!r}"
                f"{suggest(name, list(_FUNCTIONS))}; known: {', '.join(_FUNCTIONS)}"
            )
        count = _FUNCTIONS[name][0]
        if call.keywords or not call.args or (count is not None and len(call.args) != count):
            raise ValueError(
                f"{what} {self.text!r}: {name} takes {count or 'one or more'} argument(s)"
            )

    def _truth(self, node: ast.expr, values: Mapping[str, Value | bool]) -> bool | None:
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [self._number(side, values) for side in (left, *others)]
                verdicts = [_ordered(*each) for each in zip(ops, sides, sides[1:], strict=False)]
                return False if False in verdicts else (None if None in verdicts else True)
            case ast.BoolOp(op=op, values=parts):
                verdicts = [self._truth(part, values) for part in parts]
                decided = isinstance(op, ast.Or)
                return (
                    decided if decided in verdicts else (None if None in verdicts else not decided)
                )
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                truth = self._truth(operand, values)
                return None if truth is None else not truth
            case ast.Name() | ast.Attribute() if isinstance(found := _named(node, values), bool):
                return found
        raise TypeError(f"{ast.unparse(node)!r} is a number, where a claim is needed: compare it")

    def _number(self, node: ast.expr, values: Mapping[str, Value | bool]) -> Value:
        match node:
            case ast.Constant():
                return self.numbers[node]
            case ast.Name() | ast.Attribute():
                if not isinstance(found := _named(node, values), bool):
                    return found
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return _FUNCTIONS[name][1](*(self._number(each, values) for each in arguments))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._number(operand, values)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._number(operand, values)
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self._number(left, values), self._number(right, values)
                if isinstance(op, ast.Div) and b == 0:
                    raise UnboundedError("a division by 0")
                return _OPERATORS[type(op)](a, b)
        raise TypeError(f"{ast.unparse(node)!r} is a claim, where a number is needed")


def _ordered(order: ast.cmpop, a: Value, b: Value) -> bool | None:
    if isinstance(order, ast.Eq):
        if isinstance(a, fmpq) and isinstance(b, fmpq):
            return bool(a == b)
        return False if less(a, b) or less(b, a) else None
    if isinstance(order, ast.Gt | ast.GtE):
        a, b = b, a
    return less(a, b) if isinstance(order, ast.Lt | ast.Gt) else less_equal(a, b)


def _named(node: ast.Name | ast.Attribute, values: Mapping[str, Value | bool]) -> Value | bool:
    if (name := _name(node)) not in values:  # `check_names` accepted it, but it has no value
        rate = name.endswith("last_rate")
        raise UnboundedError(f"{name} is {'of no step: none is shortened' if rate else 'infinite'}")
    return values[_name(node)]


def _depth(tree: ast.AST) -> int:
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return deepest


def _name(node: ast.Name | ast.Attribute) -> str:
    if isinstance(node, ast.Attribute):
        assert isinstance(node.value, ast.Name)
        return f"{node.value.id}.{node.attr}"
    return node.id
