"""Divide and conquer into k parts that differ by at most one: exact forms, with true rounding and any threshold.

    T(n) = w ((n mod k) T(ceil(n/k)) + (k - n mod k) T(floor(n/k))) + g(n) for n > c,  f(n) for n <= c     (c >= 1)

At depth j there are k^j parts, n mod k^j of size floor(n/k^j) + 1 and the others of size floor(n/k^j): splitting a
part of that kind gives parts of that kind, and sizes add up to n. With D = ceil(log(n/c, k)) every part above depth D
- 1 exceeds c, no part at depth D does, and of those at depth D - 1 exactly

    s = min(k^(D-1), n - c k^(D-1))

do: all of them if floor(n/k^(D-1)) > c, else the n mod k^(D-1) = n - c k^(D-1) parts of size c + 1. Hence, for w = 1,
the number of inner nodes is (k^(D-1) - 1)/(k - 1) + s, that of leaves k^(D-1) + (k - 1) s, and the sizes of the inner
nodes add up to n (D - 1) + min(n, (c + 1)(n - c k^(D-1))). Sums of g and f that are linear in the size follow; other
g are bounded elsewhere. T(n) = T(floor((n-1)/2)) + T(floor(n/2)) + g(n) and its like become this form in m = n + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ..equations import Function
from ..expr import ONE, ZERO, Expr, ceil, conj, floor, ge, min_, mod, num, power, sym
from .iterate import decided, log_over
from .model import Closed, Recurrence
from .structure import base_at, recurrence

__all__ = ["balanced"]


def balanced(f: Function) -> Iterator[Closed]:
    """Exact forms for balanced divide and conquer with linear forcing and leaves."""
    rec = recurrence(f)
    if rec is None:
        return
    shape = _shape(rec)
    if shape is None:
        return
    k, weight, moved = shape
    n = sym(rec.var)
    c = rec.threshold + moved  # in m = n + moved
    c = _lowest_threshold(rec, c, moved)
    value = c.number
    if value is not None and value < 1:
        return
    forcing = rec.forcing.subs({rec.var: n - moved}).coefficients(rec.var)
    leaf = _leaf(rec, k, c, moved)
    if forcing is None or set(forcing) - {0, 1} or leaf is None:
        return
    m = n
    depth = ceil(log_over(m, c, k))
    width = power(k, depth - 1)
    split = m - c * width
    if value == 1 and k == num(2):
        nodes, last = split, split * 2
    else:
        nodes, last = min_(width, split), min_(m, (c + 1) * split)
    g0, g1 = forcing.get(0, ZERO), forcing.get(1, ZERO)
    f0, f1 = leaf
    if weight == 1:
        above = (width - 1) / (k - 1)
        inner, leaves = above + nodes, width + (k - 1) * nodes
        sizes = m * (depth - 1) + last
        form = g0 * inner + g1 * sizes + f0 * leaves + f1 * m
    else:
        if g1.terms or f1.terms:
            return
        w = num(weight)
        grown = power(k * w, depth - 1)
        scaled = power(w, depth - 1)
        total = (grown - 1) / (k * w - 1) if k * w != ONE else depth - 1
        form = g0 * (total + scaled * nodes) + f0 * (scaled * (width - nodes) + scaled * w * k * nodes)
    form = form.subs({rec.var: n + moved}) if moved.terms else form
    at = n + moved
    low = at - c - 1
    valid = ge(low, ZERO)
    if value is not None:
        first = value + 1
        while first > 1 and _same(form, rec, num(first - 1) - moved):
            first -= 1
        valid = ge(at, num(first))
    if k.number is None:
        valid = conj(valid, ge(k, num(2)))
    if value is None:
        valid = conj(valid, ge(c, ONE))
    yield Closed(form, True, conj(valid, rec.guard), ("balanced splitting",))


def _lowest_threshold(rec: Recurrence, c: Expr, moved: Expr) -> Expr:
    """The equation may hold for base sizes too: quicksort on one element compares nothing, as the recursion says."""
    while isinstance(c.number, int) and c.number > 1:
        at = c - moved
        total: Expr | None = rec.forcing.subs({rec.var: at})
        for coef, arg in rec.calls:
            below = base_at(rec, arg.subs({rec.var: at}))
            total = None if below is None or total is None else total + coef.subs({rec.var: at}) * below
        if total is None or total != base_at(rec, at):
            return c
        c = c - 1
    return c


def _same(form: Expr, rec: Recurrence, at: Expr) -> bool:
    base = base_at(rec, at)
    return base is not None and form.subs({rec.var: at}) == base


def _shape(rec: Recurrence) -> tuple[Expr, int | Fraction, Expr] | None:
    """(k, weight, shift) of a balanced splitting in n + shift."""
    n = sym(rec.var)
    if len(rec.calls) == 1:
        # an even split of a size that is always even: 2 T(n/2) is not of this kind, its rounding is that of one floor
        return None
    if len(rec.calls) != 2:
        return None
    (c1, x1), (c2, x2) = rec.calls
    w = c1.number
    if c1 == c2 and w is not None and w > 0:
        for moved in (0, 1, -1, 2, -2, 3, 4):
            halves = {floor((n + moved) * Fraction(1, 2)) - moved, ceil((n + moved) * Fraction(1, 2)) - moved}
            if {x1, x2} == halves:
                return num(2), w, num(moved)
        return None
    for (ca, xa), (cb, xb) in (((c1, x1), (c2, x2)), ((c2, x2), (c1, x1))):
        total = c1 + c2
        k = total
        if (
            k.terms
            and rec.var not in k.free
            and xb == floor(n / k)
            and xa in (ceil(n / k), floor(n / k) + 1)
            and ca == mod(n, k)
            and cb == k - mod(n, k)
        ):
            return k, 1, ZERO
    return None


def _leaf(rec: Recurrence, k: Expr, c: Expr, moved: Expr) -> tuple[Expr, Expr] | None:
    """(f0, f1) with f(m) = f0 + f1 m on all leaf sizes."""
    n = sym(rec.var)
    high, parts = c.number, k.number
    if isinstance(high, int) and isinstance(parts, int) and isinstance(moved.number, int):
        low = max((high + 1) // parts, 0)
        values = [base_at(rec, num(i - moved.number)) for i in range(low, high + 1)]
        known = [v for v in values if v is not None]
        if len(known) != len(values) or high - low > 2000:
            return None
        if len(known) == 1:
            return known[0], ZERO
        slope = known[1] - known[0]
        if any(v != known[0] + slope * i for i, v in enumerate(known)):
            return None
        return known[0] - slope * low, slope
    value = base_at(rec, n) or decided(rec, rec.threshold)
    if value is None:
        return None
    coefficients = value.subs({rec.var: n - moved}).coefficients(rec.var)
    if coefficients is None or set(coefficients) - {0, 1}:
        return None
    return coefficients.get(0, ZERO), coefficients.get(1, ZERO)
