"""Square roots: T(n) = a(n) T(floor(sqrt(n))) + g(n).

With n = 2^(2^k) the depth is log2 log2 n up to rounding (the integer part of a root of an integer part is the integer
part of the root). For a constant a it is divide and conquer in log2 n with b = 2 (Cormen et al., 4.3): of the order
of log(n)^log2(a) or of g, compared as there. With a(n) = floor(sqrt(n)), T(n)/n has depth log log n and forcing
g(n)/n.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from ..equations import Function
from ..expr import TRUE, Fn, floor, log, num, power, sym
from .first_order import without_constants
from .model import Closed
from .scale import Scale, leading
from .structure import recurrence

__all__ = ["square_root"]


def square_root(f: Function) -> Iterator[Closed]:
    """The order of a recursion on the square root."""
    rec = recurrence(f)
    if rec is None or len(rec.calls) != 1 or rec.guard.free or rec.threshold.number is None or any(
        e.free - {rec.var} for _, e in rec.base
    ):
        return
    coef, arg = rec.calls[0]
    n = sym(rec.var)
    roots = [floor(power(n, Fraction(1, k))) for k in (2, 3, 4)]
    if arg not in roots and -floor(-power(n, Fraction(1, 2))) != arg and arg != power(n, Fraction(1, 2)):
        return
    k = roots.index(arg) + 2 if arg in roots else 2
    found = leading(rec.forcing, rec.var) if rec.forcing.terms else (Scale(), num(1))
    if found is None:
        return
    g, coefficient = found
    depth = log(log(n))
    a = coef.number
    unit = without_constants(coefficient)
    if a is not None and a > 0:
        if g.power or g.fact or g.base != 1:
            if float(g.power) > 0:
                yield Closed(None, False, TRUE, ("square root",), g.expr(rec.var) * unit)
            return
        # in m = log n: T(m) = a T(m/k) + m^logs log(m)^loglogs
        p = math.log(a) / math.log(k)
        exact = Fraction(round(p * 4), 4)
        if float(g.logs) > p + 1e-9:
            order = g.expr(rec.var) * unit
        elif abs(float(g.logs) - p) < 1e-9:
            order = power(log(n), exact) * power(depth, g.loglogs + 1) * unit
        else:
            whole = Fraction(a) == Fraction(k) ** exact.numerator if exact.denominator == 1 else False
            order = power(log(n), num(exact) if whole else log(num(a)) / log(num(k)))
        yield Closed(None, False, TRUE, ("square root",), order)
        return
    if coef == arg and k == 2 and isinstance(arg.atom, Fn):
        if abs(float(g.power) - 1) < 1e-12 and not g.logs and not g.fact and g.base == 1:
            yield Closed(None, False, TRUE, ("square root",), n * depth * unit)
        elif g.key < Scale(power=1).key and float(g.power) < 1:
            yield Closed(None, False, TRUE, ("square root",), n)
        elif float(g.power) > 1:
            yield Closed(None, False, TRUE, ("square root",), g.expr(rec.var) * unit)
