"""Evaluate expressions on ranges; only the checker uses this module."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from isoloss.checker.grammar import ParsedExpression, name_of
from isoloss.checker.numbers import OpenError, Range
from isoloss.checker.work import spend

__all__ = ["largest", "truth", "value"]

Values = Mapping[str, Range | bool]

_OF_ONE: dict[str, Callable[[Range], Range]] = {
    "exp": Range.exp,
    "log": Range.log,
    "sqrt": Range.sqrt,
    "abs": abs,
}
_OPERATORS: dict[type[ast.operator], Callable[[Range, Range], Range]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value(expression: ParsedExpression, values: Values) -> Range:
    """Evaluate an expression on ranges of its names; raise `OpenError` if it may be undefined."""
    return _number(expression.tree, expression, values)


def truth(expression: ParsedExpression, values: Values) -> bool | None:
    """Return whether a claim holds on all of the ranges, or None if that is undecided."""
    try:
        return _truth(expression.tree, expression, values)
    except OpenError:
        return None


def largest(ranges: list[Range]) -> Range:
    """Return the largest of some numbers."""
    return _extreme(ranges, least=False)


def _truth(node: ast.expr, expression: ParsedExpression, values: Values) -> bool | None:
    spend(1)
    match node:
        case ast.BoolOp(op=op, values=parts):
            verdicts = [_truth(part, expression, values) for part in parts]
            decided = isinstance(op, ast.Or)
            return decided if decided in verdicts else None if None in verdicts else not decided
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            found = _truth(operand, expression, values)
            return None if found is None else not found
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_number(side, expression, values) for side in (left, *others)]
            pairs = zip(ops, sides[:-1], sides[1:], strict=True)
            verdicts = [_ordered(op, a, b) for op, a, b in pairs]
            return False if False in verdicts else None if None in verdicts else True
    assert isinstance(node, ast.Name | ast.Attribute)
    named = values[name_of(node)]
    assert isinstance(named, bool)
    return named


def _ordered(op: ast.cmpop, a: Range, b: Range) -> bool | None:
    match op:
        case ast.Lt():
            return a.below(b)
        case ast.LtE():
            return a.at_most(b)
        case ast.Gt():
            return b.below(a)
        case ast.GtE():
            return b.at_most(a)
    if a.exact is not None and b.exact is not None:
        return bool(a.exact == b.exact)
    return False if a.below(b) or b.below(a) else None


def _number(node: ast.expr, expression: ParsedExpression, values: Values) -> Range:
    spend(1)
    match node:
        case ast.Constant():
            return Range.point(expression.constants[node])
        case ast.Name() | ast.Attribute():
            if name_of(node) not in values:  # names are checked before: it has no value
                raise OpenError(f"{name_of(node)} is infinite, or no step is shortened")
            named = values[name_of(node)]
            assert isinstance(named, Range)
            return named
        case ast.UnaryOp(op=op, operand=operand):
            found = _number(operand, expression, values)
            return -found if isinstance(op, ast.USub) else found
        case ast.BinOp(left=left, op=op, right=right):
            a, b = (_number(side, expression, values) for side in (left, right))
            if isinstance(op, ast.Pow):
                if b.exact is not None and b.exact.q == 1:
                    return a ** int(b.exact.p)
                return a.real_power(b)
            return _OPERATORS[type(op)](a, b)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    numbers = [_number(argument, expression, values) for argument in node.args]
    if node.func.id in _OF_ONE:
        return _OF_ONE[node.func.id](*numbers)
    return _extreme(numbers, least=node.func.id == "min")


def _extreme(ranges: list[Range], *, least: bool) -> Range:
    found = ranges[0]
    for each in ranges[1:]:
        smaller, greater = found.at_most(each), each.at_most(found)
        if smaller is None and greater is None:
            pick = min if least else max
            found = Range(pick(found.lo, each.lo), pick(found.hi, each.hi))
        elif not (smaller if least else greater):
            found = each
    return found
