"""Formulas as people write them: `2**ceiling(log(n, 2))` becomes `2^⌈log₂ n⌉`.

In: a formula, condition or equation (`T(n) = n for n >= 1`) as text that sympy reads (`text.show`, `show_cond`). Out:
one line of text. A text that is no such formula comes back as it is, so that nothing is ever lost; the text form
stays the one to copy. Reads with Python's own parser, for that is the syntax; sympy is not imported.
"""
from __future__ import annotations

import ast
from fractions import Fraction

from .text import fits_decimals, magnitude

__all__ = ["pretty"]

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_COMPARE: dict[type[ast.cmpop], str] = {ast.LtE: "≤", ast.GtE: "≥", ast.Lt: "<", ast.Gt: ">", ast.Eq: "=",
                                        ast.NotEq: "≠"}
_OR, _AND, _REL, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(8)        # how tightly a form binds


def pretty(text: str, order: bool = False) -> str:
    """The formula on one line. In an `order` the base of a logarithm does not matter, so `log` it stays."""
    for joint in ("; ", " otherwise", " for ", " if ", " = "):
        if joint in text:
            return joint.join(pretty(side, order) for side in text.split(joint))
    try:
        tree = ast.parse(text, mode="eval").body
        return _Printer(order).show(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


class _Printer:
    __slots__ = ("closed", "order")

    def __init__(self, order: bool) -> None:
        self.order = order
        self.closed: set[ast.expr] = set()      # logarithms that need parentheses, for a factor follows them

    def show(self, node: ast.expr, least: int = 0) -> str:
        """`node`, in parentheses if it binds less tightly than `least`."""
        text, tightness = self._form(node)
        return f"({text})" if tightness < least else text

    def _form(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Constant(value=int(value)) if not isinstance(value, bool):
                return str(value) if fits_decimals(value) else magnitude(value), _ATOM
            case ast.Constant(value=value):
                return str(value), _ATOM
            case ast.Name(id=name):
                return ("∞" if name == "oo" else name), _ATOM
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.show(operand, _PRODUCT)}", _PRODUCT
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(left, op, right)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return f"{self.show(left, _SUM)} {_COMPARE[type(op)]} {self.show(right, _SUM)}", _REL
            case ast.Call(func=(ast.Name() | ast.Attribute()) as func, args=args, keywords=[]):
                return self._call(node, ast.unparse(func), args)
            case ast.Tuple(elts=items):
                return f"({', '.join(self.show(i) for i in items)})", _ATOM
        raise ValueError("not a formula")

    def _binary(self, left: ast.expr, op: ast.operator, right: ast.expr) -> tuple[str, int]:
        match op:
            case ast.Add() | ast.Sub():
                return self._sum(ast.BinOp(left, op, right)), _SUM
            case ast.Mult():
                self.closed.add(_rightmost(left))
                return f"{self.show(left, _PRODUCT)}·{self.show(right, _SIGN)}", _PRODUCT
            case ast.Div() if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow) and isinstance(
                    right.right, ast.UnaryOp):
                # 1/2**-x is 2**x
                factor = ast.BinOp(right.left, ast.Pow(), right.right.operand)
                match left:
                    case ast.Constant(value=1):
                        return self._form(factor)
                    case ast.UnaryOp(operand=ast.Constant(value=1)):
                        return self._form(ast.UnaryOp(ast.USub(), factor))
                return self._binary(left, ast.Mult(), factor)
            case ast.Div() if _huge(left) and _huge(right):
                return f"about {float(Fraction(ast.literal_eval(left), ast.literal_eval(right))):.6g}", _ATOM
            case ast.Div():
                self.closed.add(_rightmost(left))
                return f"{self.show(left, _PRODUCT)}/{self.show(right, _SIGN)}", _PRODUCT
            case ast.Pow():
                base = self.show(left, _ATOM)
                if isinstance(right, ast.Constant) and isinstance(right.value, int):
                    return base + str(right.value).translate(_SUPERSCRIPT), _POWER
                return f"{base}^{self.show(right, _ATOM)}", _POWER
            case ast.BitAnd():
                return f"{self.show(left, _AND)} and {self.show(right, _AND)}", _AND
            case ast.BitOr():
                return f"{self.show(left, _OR)} or {self.show(right, _OR)}", _OR
        raise ValueError("not a formula")

    def _sum(self, node: ast.expr) -> str:
        """Terms in their order, but a positive one first where there is one."""
        terms: list[tuple[bool, ast.expr]] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            terms.append((isinstance(node.op, ast.Sub), node.right))
            node = node.left
        first = _rest_of_minus(node)
        terms.append((False, node) if first is None else (True, first))
        terms.reverse()
        lead = next((i for i, (minus, _) in enumerate(terms) if not minus), 0)
        terms.insert(0, terms.pop(lead))
        out = ""
        for minus, term in terms:
            sign = (" - " if minus else " + ") if out else "-" if minus else ""
            out += sign + self.show(term, _PRODUCT if minus else _SUM)
        return out

    def _call(self, node: ast.expr, name: str, args: list[ast.expr]) -> tuple[str, int]:
        match name, args:
            case "floor", [x]:
                return f"⌊{self.show(x)}⌋", _ATOM
            case "ceiling", [x]:
                return f"⌈{self.show(x)}⌉", _ATOM
            case "Abs", [x]:
                return f"|{self.show(x)}|", _ATOM
            case "sqrt", [x]:
                return f"√{self._operand(x)}", _POWER
            case "factorial", [x]:
                return f"{self.show(x, _ATOM)}!", _ATOM
            case "log", [x, ast.Constant(value=int(base))]:
                sign = "log" if self.order else "log" + str(base).translate(_SUBSCRIPT)
                return self._applied(node, sign, x)
            case "log", [x]:
                return self._applied(node, "log" if self.order else "ln", x)
            case ("Max" | "Min"), _:
                return f"{name.lower()}({', '.join(self.show(a) for a in args)})", _ATOM
            case "binomial", [n, k]:
                return f"C({self.show(n)}, {self.show(k)})", _ATOM
            case "harmonic", [x]:
                return f"H({self.show(x)})", _ATOM
            case "Sum", [body, ast.Tuple(elts=[variable, low, high])]:
                span = f"{self.show(variable)}={self.show(low)}..{self.show(high)}"
                return f"Σ[{span}] {self.show(body, _PRODUCT)}", _SUM
            case ("Eq" | "Ne"), [a, b]:
                return f"{self.show(a, _SUM)} {'=' if name == 'Eq' else '≠'} {self.show(b, _SUM)}", _REL
            case "Choice", _:
                return f"one of ({', '.join(self.show(a) for a in args)})", _ATOM
            case "Piecewise", _:
                return self._piecewise(args), _ATOM
        return f"{name}({', '.join(self.show(a) for a in args)})", _ATOM

    def _operand(self, x: ast.expr) -> str:
        """A name or a number as it is, what has brackets of its own too, anything else in parentheses."""
        text, tightness = self._form(x)
        return text if tightness == _ATOM else f"({text})"

    def _applied(self, node: ast.expr, sign: str, x: ast.expr) -> tuple[str, int]:
        if isinstance(x, ast.Name | ast.Constant) and node not in self.closed:
            return f"{sign} {self.show(x)}", _POWER
        return f"{sign}({self.show(x)})", _ATOM

    def _piecewise(self, cases: list[ast.expr]) -> str:
        shown = []
        for case in cases:
            if not isinstance(case, ast.Tuple) or len(case.elts) != 2:
                raise ValueError("not a formula")
            value, condition = case.elts
            always = isinstance(condition, ast.Constant)
            shown.append(f"{self.show(value)} {'otherwise' if always else 'if ' + self.show(condition)}")
        return "{" + "; ".join(shown) + "}"


def _huge(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and not fits_decimals(node.value)


def _rest_of_minus(node: ast.expr) -> ast.expr | None:
    """x of `-x`, also where Python reads `-a*b` as `(-a)*b`; None for what does not begin with a minus."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return operand
        case ast.BinOp(left=left, op=(ast.Mult() | ast.Div()) as op, right=right):
            rest = _rest_of_minus(left)
            return None if rest is None else ast.BinOp(rest, op, right)
    return None


def _rightmost(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp):
        node = node.right
    return node
