"""Expressions and conditions as text that `sympy.sympify` reads.

In: an `Expr` or a `Cond`. Out: text. `-floor(-x)` is shown as `ceiling(x)`, and an integer minus a floor as the
ceiling that it is. The order of terms is that of a textbook: larger degrees first, constants last.
"""
from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

from .expr import TRUE, And, Cond, Expr, Fn, Monomial, Number, Or, Rel, Sym, num, sym

__all__ = ["fits_decimals", "magnitude", "show", "show_cond", "whole"]

# Longer numbers (some 4,000 digits) are written in base 16: what reads decimals may refuse them (Python does), and
# takes the square of their length.
_MOST_BITS = 13_000

_NAMES = {"floor": "floor", "max": "Max", "min": "Min", "choice": "Choice"}


def show(e: Expr) -> str:
    """The expression as sympy reads it."""
    if e.infinite:
        return "oo" if e.infinite > 0 else "-oo"
    if not e.terms:
        return "0"
    out = ""
    for m, c in _ceilings(e):
        piece = _term(m, max(c, -c))
        if out:
            out += (" - " if c < 0 else " + ") + piece
        else:
            out = ("-" if c < 0 else "") + piece
    return out


def fits_decimals(x: int) -> bool:
    """Whether the number is written in decimals: otherwise it has some 4,000 digits or more."""
    return x.bit_length() < _MOST_BITS


def whole(x: int) -> str:
    """A whole number in decimals; in base 16, as Python and sympy read it, where it has thousands of digits."""
    return str(x) if fits_decimals(x) else hex(x)


def magnitude(x: int) -> str:
    """`about 10^30,103`: for people, of a number with thousands of digits."""
    return f"about {'-' if x < 0 else ''}10^{int(x.bit_length() * math.log10(2)):,}"


def _ceilings(e: Expr) -> list[tuple[Monomial, Number]]:
    """The terms in order, with `n - floor(n/3)` joined to ceiling(2*n/3)."""
    terms = dict(e.terms)
    # what is joined first decides how it reads, so the order may not depend on how the expression came about
    for m, c in sorted(e.terms.items(), key=lambda t: [(a.key, Fraction(k)) for a, k in t[0]]):
        floors = [a for a, k in m if isinstance(a, Fn) and a.op == "floor" and k == 1]
        if len(floors) != 1 or c >= 0 or m not in terms:
            continue
        a = floors[0]
        rest = tuple(p for p in m if p[0] is not a)
        if any(x < 0 for x in a.args[0].terms.values()):
            continue
        outer: dict[Monomial, Number] = {}
        for inner, q in a.args[0].terms.items():
            if not inner:
                continue
            product = Expr({rest: 1}) * Expr({inner: 1})
            if len(product.terms) != 1:
                outer = {}
                break
            (joined, _), = product.terms.items()
            if terms.get(joined, 0) / -c < 1 or q >= 1:
                outer = {}
                break
            outer[joined] = inner_whole = -c
            assert inner_whole > 0
        if not outer:
            continue
        whole = Expr({inner: 1 for inner in a.args[0].terms if inner})
        for joined, amount in outer.items():
            left = terms[joined] - amount
            if left:
                terms[joined] = left
            else:
                del terms[joined]
        del terms[m]
        ceiling = Fn("ceiling", (whole - a.args[0],))
        key = tuple(sorted((*rest, (ceiling, 1)), key=lambda p: p[0].key))
        terms[key] = terms.get(key, 0) - c
    shown: dict[Monomial, Number] = {}
    for m, c in terms.items():
        m, c = _positive(m, c)
        shown[m] = shown.get(m, 0) + c
    return sorted(shown.items(), key=lambda t: _order(t[0]))


def _positive(m: Monomial, c: Number) -> tuple[Monomial, Number]:
    """floor(-x) as -ceiling(x)"""
    factors = []
    for a, k in m:
        if isinstance(a, Fn) and a.op == "floor" and all(q < 0 for q in a.args[0].terms.values()):
            a = Fn("ceiling", (-a.args[0],))
            if k % 2:
                c = -c
        factors.append((a, k))
    return tuple(factors), c


def _order(m: Monomial) -> tuple[object, ...]:
    degree = sum((Fraction(k) for a, k in m), Fraction(0))
    exponential = any(isinstance(a, Fn) and a.op == "pow" for a, _ in m)
    return (not exponential, -degree, tuple(a.key for a, _ in m))


def _term(m: Monomial, c: Number) -> str:
    c = Fraction(c)
    top, bottom = [], []
    if c.numerator != 1:
        top.append(whole(c.numerator))
    if c.denominator != 1:
        bottom.append(whole(c.denominator))
    for a, k in m:
        if isinstance(a, Fn) and a.op == "pow":
            # 2**(-floor(-x)) is 2**ceiling(x): the sign that shows decides, not that of the exponent
            exponent = a.args[1] * k
            below = show(exponent).startswith("-")
            (bottom if below else top).append(f"{_wrap(a.args[0])}**{_wrap(-exponent if below else exponent)}")
            continue
        (top if k > 0 else bottom).append(_factor(a, max(k, -k)))
    text = "*".join(top) or "1"
    if not bottom:
        return text
    return f"{text}/{bottom[0]}" if len(bottom) == 1 else f"{text}/({'*'.join(bottom)})"


def _factor(a: Sym | Fn, k: Number) -> str:
    if isinstance(a, Fn) and a.op == "pow":
        return f"{_wrap(a.args[0])}**{_wrap(a.args[1] * k)}"
    text = _atom(a)
    if k == 1:
        return text
    if isinstance(k, Fraction):
        return f"sqrt({_atom(a, bare=True)})" if k == Fraction(1, 2) else f"{text}**({k})"
    return f"{text}**{k}"


def _wrap(e: Expr) -> str:
    text = show(e)
    simple = text.replace("_", "").isalnum() or (e.atom is not None and not text.startswith("(") and "**" not in text)
    return text if simple else f"({text})"


def _atom(a: Sym | Fn, bare: bool = False) -> str:
    if isinstance(a, Sym):
        return a.name
    args = [show(x) for x in a.args]
    match a.op:
        case "paren":
            return args[0] if bare else f"({args[0]})"
        case "log":
            return f"log({args[0]})" if a.args[1] == 0 else f"log({args[0]}, {args[1]})"
        case "call":
            return f"{a.name}({', '.join(args)})"
        case "sum":
            return f"Sum({args[0]}, ({a.name}, {args[1]}, {args[2]}))"
        case "choose":
            return f"Choose({a.name}, {args[1]}, {args[2]}, {args[0]})"
        case "piecewise":
            cases = ", ".join(f"({x}, {show_cond(c)})" for x, c in zip(args, a.conds, strict=True))
            return f"Piecewise({cases})"
        case op if not a.args:
            return op
        case "CRootOf":
            return _largest_root(a)
        case op:
            return f"{_NAMES.get(op, op)}({', '.join(args)})"


_OPS = {">=": ">=", ">": ">", "==": "==", "!=": "!="}


def show_cond(c: Cond) -> str:
    """The condition as sympy reads it; several are joined as `(a) & (b)`."""
    match c:
        case Rel(op=op, e=e):
            signed = [(m, v, _positive(m, v)[1]) for m, v in e.terms.items() if m]
            left = Expr({m: v for m, v, s in signed if s > 0})
            right = Expr({m: -v for m, v, s in signed if s < 0})
            constant = e.terms.get((), 0)
            if not left.terms:
                left, right, flipped = right, num(constant), True
            else:
                flipped = False
                right = right - constant
            if op in ("==", "!="):
                return f"{'Eq' if op == '==' else 'Ne'}({show(left)}, {show(right)})"
            if not flipped and right.terms and all(v < 0 for v in right.terms.values()):
                left, right = left - right, num(0)
            return f"{show(left)} {op.replace('>', '<') if flipped else op} {show(right)}"
        case And(parts=parts):
            return "True" if c == TRUE else " & ".join(f"({show_cond(p)})" for p in parts)
        case Or(parts=parts):
            return " | ".join(f"({show_cond(p)})" for p in parts) if parts else "False"


def _largest_root(a: Fn) -> str:
    """sympy numbers the real roots upwards, so the largest has the index of their number less 1 (Sturm's theorem)."""
    coefficients = [Fraction(x.number or 0) for x in a.args]
    degree = len(coefficients) - 1
    x = sym("x", "real")
    p = sum((x ** (degree - i) * c for i, c in enumerate(coefficients)), num(0))
    return f"CRootOf({show(p)}, {_real_roots(coefficients) - 1})"


def _real_roots(p: list[Fraction]) -> int:
    """The number of distinct real roots; highest coefficient first."""
    chain = [p, [c * (len(p) - 1 - i) for i, c in enumerate(p[:-1])]]
    while any(chain[-1]):
        rest, divisor = list(chain[-2]), chain[-1]
        while len(rest) >= len(divisor):
            factor = rest[0] / divisor[0]
            rest = [c - factor * (divisor[i] if i < len(divisor) else 0) for i, c in enumerate(rest)][1:]
        while rest and not rest[0]:
            rest = rest[1:]
        if not rest:
            break
        chain.append([-c for c in rest])

    def changes(signs: list[int]) -> int:
        return sum(1 for s, t in pairwise(signs) if s != t)

    return (changes([1 if (q[0] > 0) == (len(q) % 2 == 1) else -1 for q in chain])
            - changes([1 if q[0] > 0 else -1 for q in chain]))
