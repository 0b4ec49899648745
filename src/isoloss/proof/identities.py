"""Prove polynomial identities by SymPy's expansion."""

from __future__ import annotations

import ast
import operator

import sympy

from isoloss.proof.certificates import Certificate, certificate
from isoloss.proof.expressions import Expression

__all__ = ["identity"]

_DEGREE = 50
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def identity(left: str, right: str) -> Certificate:
    """Prove that two polynomials with rational coefficients are equal.

    Parameters
    ----------
    left, right : str
        Polynomials in any names, in Python's arithmetic.

    Returns
    -------
    Certificate
        ``"proved"``, or ``"disproved"`` if the difference is not the polynomial 0.

    Raises
    ------
    ValueError
        If a side is not a polynomial.

    Examples
    --------
    >>> identity("(a + b)**2", "a**2 + 2*a*b + b**2").verdict
    'proved'
    >>> identity("(a + b)**2", "a**2 + b**2").verdict
    'disproved'
    """
    sides = [Expression.parse(side, "identity") for side in (left, right)]
    names = sorted(frozenset.union(*(side.names for side in sides)))
    for side in sides:
        if _degree(side.tree) > _DEGREE:
            raise ValueError(f"{side.text!r} has a higher degree than {_DEGREE}")
    symbols = {name: sympy.Symbol(name) for name in names}
    polynomials = [_polynomial(side, side.tree, symbols) for side in sides]
    same = sympy.expand(polynomials[0] - polynomials[1]) == 0
    return certificate(
        "identity",
        claim=f"{sides[0].text} == {sides[1].text}",
        left=sides[0].text,
        right=sides[1].text,
        variables=names,
        verdict="proved" if same else "disproved",
        reason="" if same else "the difference is another polynomial than 0",
    )


def _polynomial(side: Expression, node: ast.expr, symbols: dict[str, sympy.Symbol]) -> sympy.Expr:
    """Build the expression that SymPy expands; decimals stay exact."""
    match node:
        case ast.Constant():
            number = side.numbers[node]
            return sympy.Rational(int(number.p), int(number.q))
        case ast.Name():
            return symbols[node.id]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_polynomial(side, operand, symbols)
        case ast.BinOp(left=a, op=ast.Pow(), right=ast.Constant(value=int(n))) if n <= _DEGREE:
            return _polynomial(side, a, symbols) ** n
        case ast.BinOp(left=a, op=ast.Div(), right=ast.Constant(value=v) as divisor) if v != 0:
            return _polynomial(side, a, symbols) / _polynomial(side, divisor, symbols)
        case ast.BinOp(left=a, op=op, right=b) if type(op) in _OPERATORS:
            x, y = _polynomial(side, a, symbols), _polynomial(side, b, symbols)
            return _OPERATORS[type(op)](x, y)
    raise ValueError(f"{side.text!r} is no polynomial: it has {ast.unparse(node)!r}")


def _degree(node: ast.AST) -> int:
    """Return a bound on the total degree in all names and constants."""
    match node:
        case ast.BinOp(left=a, op=ast.Pow(), right=ast.Constant(value=int(n))):
            return n * max(_degree(a), 1)
        case ast.BinOp(left=a, op=ast.Mult(), right=b):
            return _degree(a) + _degree(b)
        case ast.Name():
            return 1
    return max((_degree(child) for child in ast.iter_child_nodes(node)), default=0)
