"""Check polynomial identities: whether the difference of both sides is the polynomial 0."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from isoloss.checker.errors import LimitError, RejectedError
from isoloss.checker.grammar import ParsedExpression, claim, polynomial
from isoloss.checker.work import spend

__all__ = ["check_identity"]

_MOST_TERMS = 200_000  # terms of a product, before like terms are collected
_MOST_NAMES = 100
_HIGHEST = 200  # total degree in all names
_LONGEST = 2**17  # bits of a coefficient


def check_identity(content: Mapping[str, Any]) -> None:
    """Raise `RejectedError` unless two polynomials are equal, or different, as the verdict says."""
    left, right = (polynomial(content[side]) for side in ("left", "right"))
    names = sorted(left.names | right.names)
    if content["variables"] != names:
        raise RejectedError(f"its variables are {', '.join(names) or 'none'}, not those stated")
    if content["claim"] != f"{left.text} == {right.text}":
        raise RejectedError("the claim is not the identity")
    claim(content["claim"])
    if len(names) > _MOST_NAMES:
        raise LimitError(f"the identity has more than {_MOST_NAMES} variables, the limit")
    context = fmpq_mpoly_ctx.get(tuple(f"x{i}" for i in range(max(len(names), 1))))
    values = dict(zip(names, context.gens(), strict=False))  # constants leave one unused
    first, second = (_expanded(side.tree, side, values, context) for side in (left, right))
    if (first == second) is not (content["verdict"] == "proved"):
        differ = "are the same polynomial" if first == second else "are different polynomials"
        raise RejectedError(f"the sides of the identity {differ}")


def _expanded(
    node: ast.expr, side: ParsedExpression, values: dict[str, fmpq_mpoly], context: fmpq_mpoly_ctx
) -> fmpq_mpoly:
    """Return a polynomial as its unique sum of different monomials."""
    spend(1)
    match node:
        case ast.Constant():
            return context.constant(side.constants[node])
        case ast.Name():
            return values[node.id]
        case ast.UnaryOp(operand=operand):
            return -_expanded(operand, side, values, context)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant() as exponent):
            base = _expanded(left, side, values, context)
            found = context.constant(fmpq(1))
            for _ in range(int(side.constants[exponent].p)):
                found = _product(found, base)
            return found
    assert isinstance(node, ast.BinOp)
    a, b = (_expanded(each, side, values, context) for each in (node.left, node.right))
    match node.op:
        case ast.Mult():
            return _product(a, b)
        case ast.Div():
            return _product(a, context.constant(1 / b.leading_coefficient()))
    _check_size(len(a) + len(b), _bits(a) + _bits(b))
    return a + b if isinstance(node.op, ast.Add) else a - b


def _product(a: fmpq_mpoly, b: fmpq_mpoly) -> fmpq_mpoly:
    _check_size(len(a) * len(b), _bits(a) + _bits(b))
    if int(a.total_degree()) + int(b.total_degree()) > _HIGHEST:
        raise LimitError(f"the degree of the identity is above {_HIGHEST}, the limit")
    return a * b


def _check_size(terms: int, bits: int) -> None:
    if terms > _MOST_TERMS:
        raise LimitError(f"the identity has more than {_MOST_TERMS} terms, the limit")
    if bits > _LONGEST:
        raise LimitError(f"a coefficient has more than {_LONGEST} bits, the limit")
    spend(terms * (1 + bits // 64))


def _bits(a: fmpq_mpoly) -> int:
    """Return a bound on the bits of the coefficients over their common denominator."""
    coefficients = a.coeffs()
    longest = max((int(each.p).bit_length() for each in coefficients), default=0)
    common = 1
    for each in {int(each.q) for each in coefficients}:
        common = math.lcm(common, each)
        if common.bit_length() > _LONGEST:
            break
    return longest + common.bit_length()
