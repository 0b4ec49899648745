"""Inequalities as texts: read once, evaluated in intervals, true, false or undecided."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from flint import fmpq

from isoloss._messages.near_misses import suggest
from isoloss.proof.exact_problem import exact
from isoloss.proof.interval import (
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
_ORDERS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
}


@dataclass(frozen=True)
class Expression:
    """A text in Python's arithmetic: a number, or a claim.

    ``+ - * / **``, parentheses, ``exp log sqrt abs min max``, comparisons (also chained), ``and``,
    ``or``, ``not``. Decimal numbers are exact. Names may have a dot.
    """

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str, what: str = "claim") -> Expression:
        """Read a text; ``what`` is what a message calls it.

        Raises ``TypeError`` for what is no text, ``ValueError`` for one that is no expression.
        """
        given: object = text  # a user may give anything
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
        found._check(tree, what)
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
        """Raise ``ValueError`` if a name is not among the known ones; else return self."""
        for name in sorted(self.names - known):
            raise ValueError(
                f"{what} {self.text!r} has the unknown name {name!r}"
                f"{suggest(name, sorted(known))}; known: {', '.join(sorted(known))}"
            )
        return self

    def value(self, values: Mapping[str, Value | bool]) -> Value:
        """Return the number; raise `UnboundedError` where there is none."""
        found = self._evaluate(self.tree, values)
        if isinstance(found, bool) or found is None:
            raise TypeError(f"{self.text!r} is a claim, where a number is needed")
        return found

    def holds(self, values: Mapping[str, Value | bool]) -> bool | None:
        """Return whether the claim is true; None where it cannot be decided.

        Raises `UnboundedError` where a part of it is undefined.
        """
        found = self._evaluate(self.tree, values)
        if found is not None and not isinstance(found, bool):
            raise TypeError(f"{self.text!r} is a number, where a claim is needed: compare it")
        return found

    def _check(self, node: ast.AST, what: str) -> None:
        allowed = (
            ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Call, ast.Name, ast.Attribute,
            ast.Constant, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.expr_context,
        )  # fmt: skip
        for each in ast.walk(node):
            fits = isinstance(each, allowed)
            if isinstance(each, ast.BinOp):
                fits = isinstance(each.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow)
            elif isinstance(each, ast.UnaryOp):
                fits = isinstance(each.op, ast.USub | ast.UAdd | ast.Not)
            elif isinstance(each, ast.Compare):
                fits = all(type(op) in _ORDERS for op in each.ops)
            elif isinstance(each, ast.Attribute):
                fits = isinstance(each.value, ast.Name)
            elif isinstance(each, ast.Constant):
                fits = isinstance(each.value, int | float) and not isinstance(each.value, bool)
                if fits:
                    self._constant(each)
            elif isinstance(each, ast.Call):
                self._check_call(each, what)
            if not fits:
                shown = ast.get_source_segment(self.text, each) or type(each).__name__
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

    def _evaluate(self, node: ast.expr, values: Mapping[str, Value | bool]) -> Value | bool | None:
        if isinstance(node, ast.Compare):
            return self._compare(node, values)
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(part, values) for part in node.values]
            decided = isinstance(node.op, ast.Or)
            return decided if decided in parts else (None if None in parts else not decided)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            truth = self._truth(node.operand, values)
            return None if truth is None else not truth
        if isinstance(node, ast.Name | ast.Attribute):
            if _name(node) not in values:  # known, by `check_names`
                raise UnboundedError(f"{_name(node)} is infinite")
            return values[_name(node)]
        return self._arithmetic(node, values)

    def _arithmetic(self, node: ast.expr, values: Mapping[str, Value | bool]) -> Value:
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            return _FUNCTIONS[node.func.id][1](*(self._number(arg, values) for arg in node.args))
        if isinstance(node, ast.UnaryOp):
            operand = self._number(node.operand, values)
            return -operand if isinstance(node.op, ast.USub) else operand
        assert isinstance(node, ast.BinOp)
        left, right = self._number(node.left, values), self._number(node.right, values)
        if isinstance(node.op, ast.Pow):
            return power(left, right)
        if isinstance(node.op, ast.Div):
            if right == 0:
                raise UnboundedError("a division by 0")
            return left / right
        if isinstance(node.op, ast.Mult):
            return left * right
        return left + right if isinstance(node.op, ast.Add) else left - right

    @cached_property
    def _constants(self) -> dict[ast.Constant, fmpq]:
        """The numbers that have been read: finding one in a long text takes a while."""
        return {}

    def _constant(self, node: ast.Constant) -> fmpq:
        if node not in self._constants:
            segment = ast.get_source_segment(self.text, node) or ""
            number = exact("a number in an expression", segment.replace("_", ""))
            self._constants[node] = number
        return self._constants[node]

    def _compare(self, node: ast.Compare, values: Mapping[str, Value | bool]) -> bool | None:
        sides = [self._number(side, values) for side in (node.left, *node.comparators)]
        verdicts = [
            _ordered(_ORDERS[type(op)], a, b)
            for op, a, b in zip(node.ops, sides[:-1], sides[1:], strict=True)
        ]
        return False if False in verdicts else (None if None in verdicts else True)

    def _number(self, node: ast.expr, values: Mapping[str, Value | bool]) -> Value:
        found = self._evaluate(node, values)
        if isinstance(found, bool) or found is None:
            raise TypeError(f"{self.text!r} uses a truth value as a number")
        return found

    def _truth(self, node: ast.expr, values: Mapping[str, Value | bool]) -> bool | None:
        found = self._evaluate(node, values)
        if found is not None and not isinstance(found, bool):
            raise TypeError(f"{self.text!r} uses a number as a truth value: compare it")
        return found


def _ordered(order: str, a: Value, b: Value) -> bool | None:
    if order == "==":
        if isinstance(a, fmpq) and isinstance(b, fmpq):
            return bool(a == b)
        return False if less(a, b) or less(b, a) else None
    if order in (">", ">="):
        a, b = b, a
    return less(a, b) if order in ("<", ">") else less_equal(a, b)


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
