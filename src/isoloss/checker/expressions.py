"""Claims as texts, read and evaluated for the checker alone."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from isoloss.checker.numbers import OpenError, Range, fraction

__all__ = ["number", "truth"]

Values = Mapping[str, Range | bool]


def number(text: str, values: Values) -> Range:
    """Return what an expression is for ranges of its names."""
    found = _Reader(text, values).visit(ast.parse(text, mode="eval").body)
    if not isinstance(found, Range):
        raise ValueError(f"{text!r} is no number")
    return found


def truth(text: str, values: Values) -> bool | None:
    """Return whether a claim holds for all of the ranges; None if open."""
    try:
        found = _Reader(text, values).visit(ast.parse(text, mode="eval").body)
    except OpenError:
        return None
    if isinstance(found, Range):
        raise ValueError(f"{text!r} is no claim")
    return found  # type: ignore[no-any-return]  # visit has no type


class _Reader(ast.NodeVisitor):
    """Evaluates a tree; what it does not know, it refuses."""

    def __init__(self, text: str, values: Values) -> None:
        self.text, self.values = text, values

    def generic_visit(self, node: ast.AST) -> Range | bool | None:
        raise ValueError(f"{self.text!r} has {type(node).__name__}")

    def visit_Constant(self, node: ast.Constant) -> Range:
        return Range.point(
            fraction((ast.get_source_segment(self.text, node) or "").replace("_", ""))
        )

    def visit_Name(self, node: ast.Name) -> Range | bool:
        return self._named(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> Range | bool:
        if not isinstance(node.value, ast.Name):
            raise ValueError(f"{self.text!r} has a name of three parts")
        return self._named(f"{node.value.id}.{node.attr}")

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Range | bool | None:
        if isinstance(node.op, ast.Not):
            operand = self._bool(node.operand)
            return None if operand is None else not operand
        if isinstance(node.op, ast.USub):
            return -self._range(node.operand)
        return self._range(node.operand)

    def visit_BinOp(self, node: ast.BinOp) -> Range:
        a, b = self._range(node.left), self._range(node.right)
        match node.op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
            case ast.Pow():
                if b.exact is not None and b.exact.q == 1:
                    return a ** int(b.exact.p)
                return a.real_power(b)
        raise ValueError(f"{self.text!r} has {type(node.op).__name__}")

    def visit_Call(self, node: ast.Call) -> Range:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        values = [self._range(each) for each in node.args]
        if name in ("exp", "log", "sqrt") and len(values) == 1:
            return {"exp": Range.exp, "log": Range.log, "sqrt": Range.sqrt}[name](values[0])
        if name == "abs" and len(values) == 1:
            return abs(values[0])
        if name in ("min", "max") and values:
            found = values[0]
            for value in values[1:]:
                found = _extreme(found, value, least=name == "min")
            return found
        raise ValueError(f"{self.text!r} calls {name!r}")

    def visit_Compare(self, node: ast.Compare) -> bool | None:
        sides = [self._range(side) for side in (node.left, *node.comparators)]
        verdicts = []
        for op, a, b in zip(node.ops, sides[:-1], sides[1:], strict=True):
            match op:
                case ast.Lt():
                    verdicts.append(a.below(b))
                case ast.LtE():
                    verdicts.append(a.at_most(b))
                case ast.Gt():
                    verdicts.append(b.below(a))
                case ast.GtE():
                    verdicts.append(b.at_most(a))
                case ast.Eq():
                    same = a.exact is not None and b.exact is not None and a.exact == b.exact
                    verdicts.append(True if same else False if a.below(b) or b.below(a) else None)
                case _:
                    raise ValueError(f"{self.text!r} has {type(op).__name__}")
        return False if False in verdicts else None if None in verdicts else True

    def visit_BoolOp(self, node: ast.BoolOp) -> bool | None:
        parts = [self._bool(each) for each in node.values]
        if isinstance(node.op, ast.And):
            return False if False in parts else None if None in parts else True
        return True if True in parts else None if None in parts else False

    def _named(self, name: str) -> Range | bool:
        if name not in self.values:
            raise ValueError(f"{self.text!r} has the unknown name {name!r}")
        return self.values[name]

    def _range(self, node: ast.expr) -> Range:
        found = self.visit(node)
        if not isinstance(found, Range):
            raise ValueError(f"{self.text!r} has a truth value for a number")
        return found

    def _bool(self, node: ast.expr) -> bool | None:
        found = self.visit(node)
        if isinstance(found, Range):
            raise ValueError(f"{self.text!r} has a number for a truth value")
        return found  # type: ignore[no-any-return]  # visit has no type


def _extreme(a: Range, b: Range, *, least: bool) -> Range:
    for one, other in ((a, b), (b, a)):
        if one.at_most(other) if least else other.at_most(one):
            return one
    lows, highs = (a.lo, b.lo), (a.hi, b.hi)
    first = lows[0] < lows[1]
    lo = lows[0] if first == least else lows[1]
    first = highs[0] < highs[1]
    return Range(lo, highs[0] if first == least else highs[1])
