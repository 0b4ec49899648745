"""Polynomial identities checked at so many points that nothing else can be true."""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction

from isoloss.checker.numbers import fraction
from isoloss.checker.runs import RejectedError

__all__ = ["check_identity"]

_MOST_POINTS = 200_000
_HIGHEST = 200
_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def check_identity(left: str, right: str, variables: Sequence[str]) -> None:
    """Raise `RejectedError` unless two polynomials are the same.

    A polynomial of degree m in a variable that is 0 at m + 1 values of it, whatever the others are,
    is 0: so a grid of more points than degrees is a proof.
    """
    trees = [ast.parse(side, mode="eval").body for side in (left, right)]
    degrees = [max(_degree(tree, name) for tree in trees) for name in variables]
    if any(_size(tree) > _HIGHEST for tree in trees):
        raise RejectedError("the identity has too high a degree")
    count = 1
    for degree in degrees:
        count *= degree + 1
    if count > _MOST_POINTS:
        raise RejectedError("the identity is too long to check")
    for point in itertools.product(*(range(1, degree + 2) for degree in degrees)):
        values = dict(zip(variables, map(Fraction, point), strict=True))
        if _value(trees[0], left, values) != _value(trees[1], right, values):
            raise RejectedError(f"{left} is not {right} at {', '.join(map(str, point))}")


def _degree(node: ast.expr, name: str) -> int:
    match node:
        case ast.Constant():
            return 0
        case ast.Name():
            return int(node.id == name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _degree(operand, name)
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=a, right=b):
            return max(_degree(a, name), _degree(b, name))
        case ast.BinOp(op=ast.Mult(), left=a, right=b):
            return _degree(a, name) + _degree(b, name)
        case ast.BinOp(op=ast.Div(), left=a, right=ast.Constant()):
            return _degree(a, name)
        case ast.BinOp(op=ast.Pow(), left=a, right=ast.Constant(value=int(n))) if 0 <= n <= 50:
            return n * _degree(a, name)
    raise RejectedError(f"an identity may not have {type(node).__name__} there")


def _value(node: ast.expr, text: str, values: dict[str, Fraction]) -> Fraction:
    """Return what a polynomial is at a point; `_degree` has refused all else."""
    match node:
        case ast.Constant():
            exact = fraction(ast.get_source_segment(text, node) or "")
            return Fraction(int(exact.p), int(exact.q))
        case ast.Name():
            if node.id not in values:
                raise RejectedError(f"{text!r} has the unknown name {node.id!r}")
            return values[node.id]
        case ast.UnaryOp(operand=operand):
            return -_value(operand, text, values)
        case ast.BinOp(left=a, right=b):
            x, y = _value(a, text, values), _value(b, text, values)
            if isinstance(node.op, ast.Pow):
                return Fraction(x ** int(y))
            return Fraction(_OPERATIONS[type(node.op)](x, y))
    raise RejectedError(f"an identity may not have {type(node).__name__}")


def _size(node: ast.AST) -> int:
    """Return a bound for how many factors a term has, constants among them."""
    match node:
        case ast.BinOp(left=a, op=ast.Pow(), right=ast.Constant(value=int(n))):
            return n * max(_size(a), 1)
        case ast.BinOp(left=a, op=ast.Mult(), right=b):
            return _size(a) + _size(b)
        case ast.Name():
            return 1
    return max((_size(child) for child in ast.iter_child_nodes(node)), default=0)
