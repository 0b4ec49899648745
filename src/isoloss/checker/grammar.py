"""Parse expressions into trees that contain only allowed nodes.

A text is printable ASCII without comments, so that readers see exactly what is checked. Each node
of its tree is checked here before anything is evaluated; no other module evaluates texts.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from flint import fmpq

from isoloss.checker.errors import LimitError, RejectedError, shown
from isoloss.checker.numbers import fraction
from isoloss.checker.work import spend

__all__ = ["FUNCTIONS", "ParsedExpression", "claim", "is_name", "name_of", "number", "polynomial"]

FUNCTIONS = {"exp": 1, "log": 1, "sqrt": 1, "abs": 1, "min": None, "max": None}
_LONGEST = 100_000  # characters
_DEEPEST = 100  # nodes, the same limit as in the prover
_WORK = 20  # operations charged for each character of a text, as its tree takes memory
_CHARACTERS = re.compile(r"[A-Za-z0-9_ .,+\-*/()<>=]+")
_HIGHEST = 50  # exponent in a polynomial
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq)


@dataclass(frozen=True)
class ParsedExpression:
    """A text, its tree, the numbers in it, and the names that need a value."""

    text: str
    tree: ast.expr
    constants: dict[ast.Constant, fmpq] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def known(self, is_known: Callable[[str], bool]) -> ParsedExpression:
        """Raise `RejectedError` for an unknown name; else return self."""
        for name in sorted(self.names):
            if not is_known(name):
                raise RejectedError(f"{shown(self.text)} has the unknown name {shown(name)}")
        return self


def claim(text: str) -> ParsedExpression:
    """Parse a claim, which is true or false."""
    return _read(text, _check_claim)


def number(text: str) -> ParsedExpression:
    """Parse an expression for a number."""
    return _read(text, _check_number)


def polynomial(text: str) -> ParsedExpression:
    """Parse a polynomial with rational coefficients."""
    return _read(text, _check_polynomial)


def is_name(text: str) -> bool:
    """Return whether a text may be a name: a word in ASCII, where no two letters look alike."""
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text)) and not keyword.iskeyword(text)


def name_of(node: ast.Name | ast.Attribute) -> str:
    """Return a name, with its dot if it has one."""
    if isinstance(node, ast.Attribute):
        assert isinstance(node.value, ast.Name)
        return f"{node.value.id}.{node.attr}"
    return node.id


def _read(text: str, check: Callable[[ast.expr, ParsedExpression], None]) -> ParsedExpression:
    if len(text) > _LONGEST:
        raise LimitError(f"an expression has more than {_LONGEST} characters, the limit")
    spend(_WORK * len(text))
    if not _CHARACTERS.fullmatch(text):
        raise RejectedError(
            f"{shown(text)} contains characters that are not allowed in an expression"
        )
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RejectedError(
            f"{shown(text)} is not an expression, or is nested too deeply"
        ) from None
    if _depth(tree) > _DEEPEST:
        raise RejectedError(f"{shown(text)} is nested more than {_DEEPEST} levels deep")
    found = ParsedExpression(text, tree)
    check(tree, found)
    return found


def _depth(tree: ast.AST) -> int:
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return deepest


def _check_claim(node: ast.expr, found: ParsedExpression) -> None:
    match node:
        case ast.BoolOp(op=ast.And() | ast.Or(), values=parts):
            for part in parts:
                _check_claim(part, found)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check_claim(operand, found)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            isinstance(op, _ORDERS) for op in ops
        ):
            for side in (left, *others):
                _check_number(side, found)
        case ast.Name() | ast.Attribute() if _is_truth(node):
            found.names.add(name_of(node))
        case _:
            raise _refusal(node, found)


def _check_number(node: ast.expr, found: ParsedExpression) -> None:
    match node:
        case ast.Constant():
            _check_constant(node, found)
        case ast.Name() | ast.Attribute(value=ast.Name()) if not _is_truth(node):
            found.names.add(name_of(node))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check_number(operand, found)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            _check_number(left, found)
            _check_number(right, found)
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as arguments, keywords=[]) if (
            name in FUNCTIONS and FUNCTIONS[name] in (None, len(arguments))
        ):
            for argument in arguments:
                _check_number(argument, found)
        case _:
            raise _refusal(node, found)


def _check_polynomial(node: ast.expr, found: ParsedExpression) -> None:
    match node:
        case ast.Constant():
            _check_constant(node, found)
        case ast.Name():
            found.names.add(node.id)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check_polynomial(operand, found)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            _check_polynomial(left, found)
            _check_polynomial(right, found)
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant() as divisor):
            _check_polynomial(left, found)
            if _check_constant(divisor, found) == 0:
                raise RejectedError(f"{shown(found.text)} divides by 0")
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant() as exponent):
            _check_polynomial(left, found)
            value = _check_constant(exponent, found)
            if type(exponent.value) is not int or not 0 <= value <= _HIGHEST:
                raise RejectedError(f"an exponent must be a whole number from 0 to {_HIGHEST}")
        case _:
            raise _refusal(node, found)


def _check_constant(node: ast.Constant, found: ParsedExpression) -> fmpq:
    """Read a number from its text, which rules out ``True`` and ``1j``."""
    written = found.text[node.col_offset : node.end_col_offset]
    try:
        found.constants[node] = fraction(written.replace("_", ""))
    except ValueError as error:
        raise RejectedError(str(error)) from None
    return found.constants[node]


def _is_truth(node: ast.Name | ast.Attribute) -> bool:
    """Return whether the node of a name or attribute stands for a truth value."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.attr == "reached"
    return node.id == "reached"


def _refusal(node: ast.expr, found: ParsedExpression) -> RejectedError:
    written = found.text[node.col_offset : node.end_col_offset]
    return RejectedError(f"{shown(found.text)} may not have {shown(written)} there")
