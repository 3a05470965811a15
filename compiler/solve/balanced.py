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

from .. import growth
from ..equations import Function, Side
from ..expr import (
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    ceil,
    conj,
    floor,
    ge,
    is_nonneg,
    log,
    lt,
    min_,
    mod,
    num,
    piecewise,
    power,
    sym,
)
from .iterate import decided, log_over
from .model import Closed, Recurrence
from .structure import base_at, base_between, equal_parts, recurrence
from .sums import summation

__all__ = ["balanced"]

_MOST_LEAVES = 2000         # sizes of leaves that are looked at one by one


def balanced(f: Function, side: Side) -> Iterator[Closed]:
    """Exact forms for balanced divide and conquer with linear forcing; bounds for forcing of a higher degree."""
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
    if forcing is None:
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
    exact = not set(forcing) - {0, 1}
    if weight == 1:
        above = (width - 1) / (k - 1)
        inner, leaves = above + nodes, width + (k - 1) * nodes
        sizes = m * (depth - 1) + last
        form = g0 * inner + g1 * sizes
        if leaf is not None:
            form = form + leaf[0] * leaves + leaf[1] * m
        else:
            uneven = _leaves(rec, m, c, k, moved, depth, width, split)
            if uneven is None:
                return
            form = form + uneven
        for degree, coefficient in forcing.items():
            if degree > 1:
                if not is_nonneg(coefficient):
                    return
                levels = _levels(m, degree, k, depth, nodes, c, side)
                if levels is None:
                    return
                form = form + coefficient * levels
    else:
        if leaf is None or not exact or g1.terms or leaf[1].terms:
            return
        f0 = leaf[0]
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
    proved = None
    if exact and weight == 1 and value is None:
        where = conj(valid, rec.guard)
        proved = (_order if k.number else _order_of_many)(at, c, k, (g0, g1), leaf, where, side)
    yield Closed(form, exact, conj(valid, rec.guard), ("balanced splitting",), proved)


def _order(
    m: Expr, c: Expr, k: Expr, forcing: tuple[Expr, Expr], leaf: tuple[Expr, Expr] | None, valid: Cond, side: Side
) -> Expr | None:
    """The order above a threshold that is a symbol, for costs that are not negative.

    Nodes above the leaves exceed c and leaves do not, so there are between m/c and k^2 m/c leaves; the root is no leaf,
    so the others are at least (m/c)/(2k - 2). The sizes of the nodes above add up to between m D/2 and m D.
    """
    if leaf is None or not all(is_nonneg(x) for x in (*forcing, *leaf)):
        return None
    many = m / c
    whole = (forcing[0] + leaf[0]) * many + (forcing[1] + leaf[1]) * m + forcing[1] * m * log(many)
    return growth.order(whole, valid)


def _order_of_many(
    m: Expr, c: Expr, k: Expr, forcing: tuple[Expr, Expr], leaf: tuple[Expr, Expr] | None, valid: Cond, side: Side
) -> Expr | None:
    """The same on one side, where the number of parts is a symbol too.

    There are at least m/c leaves. Nodes above them exceed c and those of one level are disjoint, so at most m/c of each
    of the last two levels have leaves, at most 2 k m/c in all. Of the nodes above, 1 in k - 1 leaves, there are at most
    4 m/c, and at least 1 + (m/c - 1)/(k - 1). Their sizes add up to m for each of the first D - 1 levels, and for the
    first level in any case.
    """
    if leaf is None or not all(is_nonneg(x) for x in (*forcing, *leaf)):
        return None
    many = m / c
    leaves, above = (many * k, many) if side == "upper" else (many, 1 + many / k)
    sizes = (forcing[1] + leaf[1]) * m + forcing[1] * m * log(many) / log(k)
    return growth.order_of_bound(forcing[0] * above + leaf[0] * leaves + sizes, valid, side)


def _leaves(
    rec: Recurrence, m: Expr, c: Expr, k: Expr, moved: Expr, depth: Expr, width: Expr, split: Expr
) -> Expr | None:
    """The sum of any leaf function: with sizes c and the parts of c + 1, or, if all split, two neighbouring sizes."""
    below = floor((c + 1) / k)

    def leaf(size: Expr) -> Expr | None:
        low, high = below.number, c.number
        if low is not None and high is not None:
            return base_between(rec, size - moved, low - (moved.number or 0), high - (moved.number or 0))
        value = base_at(rec, sym(rec.var)) or decided(rec, rec.threshold)
        return None if value is None else value.subs({rec.var: size - moved})

    rest = c + 1 - k * below
    parts = (leaf(c), leaf(below + 1), leaf(below))
    all_ = width * k
    each = floor(m / all_)
    more = m - each * all_
    deep = (leaf(each + 1), leaf(each))
    if any(x is None for x in (*parts, *deep)):
        return None
    at_c, larger, smaller, upper, lower = (x for x in (*parts, *deep) if x is not None)
    shallow = (width - split) * at_c + split * (rest * larger + (k - rest) * smaller)
    return piecewise((shallow, lt(m, (c + 1) * width)), (more * upper + (all_ - more) * lower, TRUE))


def _levels(m: Expr, degree: int, k: Expr, depth: Expr, nodes: Expr, c: Expr, side: Side) -> Expr | None:
    """Bounds of the sum of size^degree over inner nodes: at most m/k^j + 1 - k^-j, on average m/k^j (Jensen)."""
    j = sym("_j")
    shrunk = power(k, -j)
    if side == "upper":
        return summation(power(k, j) * power((m - 1) * shrunk + 1, degree), "_j", ZERO, depth - 1)
    above = summation(power(k, j) * power(m * shrunk, degree), "_j", ZERO, depth - 2)
    return None if above is None else above + nodes * power(c + 1, degree)


def _lowest_threshold(rec: Recurrence, c: Expr, moved: Expr) -> Expr:
    """The equation may hold for base sizes too: quicksort on one element compares nothing, as the recursion says."""
    for _ in range(_MOST_LEAVES):
        if not isinstance(c.number, int) or c.number <= 1:
            break
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
    return _parts(rec) or _symbolic_parts(rec)


def _parts(rec: Recurrence) -> tuple[Expr, int | Fraction, Expr] | None:
    """A number of calls, one for each part."""
    weight = rec.calls[0][0].number if rec.calls else None
    if weight is None or weight <= 0 or any(c != weight for c, _ in rec.calls):
        return None
    shift = equal_parts([x for _, x in rec.calls], rec.var)
    return None if shift is None else (num(len(rec.calls)), weight, num(shift))


def _symbolic_parts(rec: Recurrence) -> tuple[Expr, int | Fraction, Expr] | None:
    """(n mod k) T(ceil(n/k)) + (k - n mod k) T(floor(n/k)), where k may be a symbol."""
    if len(rec.calls) != 2:
        return None
    n = sym(rec.var)
    (c1, x1), (c2, x2) = rec.calls
    k = c1 + c2
    for (ca, xa), (_, xb) in (((c1, x1), (c2, x2)), ((c2, x2), (c1, x1))):
        if (
            k.terms
            and rec.var not in k.free
            and xb == floor(n / k)
            and xa in (ceil(n / k), floor(n / k) + 1)
            and ca == mod(n, k)
        ):
            return k, 1, ZERO
    return None


def _leaf(rec: Recurrence, k: Expr, c: Expr, moved: Expr) -> tuple[Expr, Expr] | None:
    """(f0, f1) with f(m) = f0 + f1 m on all leaf sizes."""
    n = sym(rec.var)
    high, parts = c.number, k.number
    if isinstance(high, int) and isinstance(parts, int) and isinstance(moved.number, int):
        low = max((high + 1) // parts, 0)
        if high - low > _MOST_LEAVES:
            return None
        values = [base_at(rec, num(i - moved.number)) for i in range(low, high + 1)]
        known = [v for v in values if v is not None]
        if len(known) != len(values):
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
