"""Divide and conquer into parts that add up to the whole, with any threshold c >= 1, a symbol as well.

    T(n) = sum of T(x_i(n)) for i <= q, plus g0 + g1 n, for n > c,  f0 + f1 n for n <= c,

where the x_i rise with n, x_i(n) = b_i n + O(1) with numbers 0 < b_i < 1, and add up to n; and the same with the
largest of the T(x_i) in place of their sum, where no size has to add up. All of g0, g1, f0, f1 are >= 0.

Leaves. Each has at most c, and at least e = min x_i(c + 1), for what is split has c + 1 or more; their sizes add up to
n. So there are n/c <= L <= n/e leaves. Every inner node has q parts: (L - 1)/(q - 1) inner nodes.

Depth. With x_i <= b_i n + h_i, h = max h_i/(1 - b_i) and b = max b_i, x_i - h <= b (n - h): a node at depth j has at
most h + b^j (n - h), and is inner only if that is c + 1 or more. So there are inner nodes on at most
1 + log((n - h)/(c + 1 - h))/log(1/b) levels, where h < c + 1. Below all the same with x_i >= b_i n - l_i and
l = max l_i/(1 - b_i), the other way round: while b^j (n + l) - l >= c + 1, the node along the parts of slope b is
inner; with b = min b_i all nodes are, so that the sizes of a level add up to n.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from .. import growth
from ..equations import Function
from ..expr import ONE, ZERO, Expr, Fn, Number, conj, floor, ge, is_nonneg, log, min_, num, sym
from .iterate import decided
from .model import Closed, Recurrence
from .structure import base_at, calls_in, changing, effective_guards, has_call, lower_limit, recurrence, slope

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["deepest_part", "uneven_parts"]

_PERIOD = 60


def uneven_parts(work: Work, f: Function) -> Iterator[Closed]:
    """Bounds on both sides, apart by a constant factor, and the order."""
    rec = recurrence(f)
    if rec is None or len(rec.calls) < 2 or any(c != ONE for c, _ in rec.calls) or rec.threshold.number is not None:
        return
    n, c = sym(rec.var), rec.threshold
    args = [x for _, x in rec.calls]
    slopes = _slopes(args, rec.var)
    leaf, forcing = _line(_base(rec), rec.var), _line(rec.forcing, rec.var)
    if slopes is None or leaf is None or forcing is None or not _add_up(args, rec.var):
        return
    least = _least(work, c)
    if any(x.subs({rec.var: num(least + 1)}).number in (0, None) for x in args):
        return
    (g0, g1), (f0, f1) = forcing, leaf
    upper = work.side == "upper"
    smallest = min_(*(x.subs({rec.var: c + 1}) for x in args))
    leaves = n / smallest if upper else n / c
    form = g0 * (leaves - 1) / (len(args) - 1) + f0 * leaves + f1 * n
    if g1.terms:
        levels = _levels(n, c, slopes, upper, max(slopes)[0] if upper else min(slopes)[0], least)
        if levels is None:
            return
        form = form + g1 * n * levels
    valid = conj(ge(n, c + 1), ge(c, ONE), rec.guard)
    whole = (g0 + f0) * (n / c) + (f1 + g1) * n + g1 * n * log(n / c)
    yield Closed(form, False, valid, ("parts that add up",), growth.order(whole, valid))


def deepest_part(work: Work, f: Function) -> Iterator[Closed]:
    """T(n) = max of the T(x_i), or one of them, plus what does not change: by the depth."""
    cases = effective_guards(f.cases)
    recursive = [i for i, (_, e) in enumerate(cases) if has_call(e, f.name)]
    moving = changing(f.name, f.params, [c.value for c in f.cases])
    if len(recursive) != 1 or len(moving) != 1:
        return
    guard, value = cases[recursive[0]]
    var = f.params[moving[0]]
    limit = lower_limit(guard, var)
    calls = calls_in(value, f.name)
    if limit is None or limit[0].number is not None:
        return
    step = value - _largest_of(value, calls)
    if has_call(step, f.name) or var in step.free or not is_nonneg(step):
        return
    base_cases = tuple(p for i, p in enumerate(cases) if i != recursive[0])
    rec = Recurrence(f.name, f.params, var, limit[0] - 1, base_cases, (), ZERO)
    slopes, base = _slopes([a.args[moving[0]] for a in calls], var), _base(rec)
    if slopes is None or base is None or var in base.free:
        return
    c, n = rec.threshold, sym(var)
    levels = _levels(n, c, slopes, work.side == "upper", max(slopes)[0], _least(work, c))
    if levels is None:
        return
    valid = conj(ge(n, c + 1), ge(c, ONE), *limit[1])
    order = growth.order(base + step * (1 + log(n / c)), valid)
    yield Closed(base + step * levels, False, valid, ("depth of the largest part",), order)


def _largest_of(value: Expr, calls: list[Fn]) -> Expr:
    """The term that is the largest of all calls, or the one call."""
    for m, k in value.terms.items():
        a = m[0][0] if len(m) == 1 and m[0][1] == 1 and k == 1 else None
        if isinstance(a, Fn) and (a in calls or (a.op == "max" and {x.atom for x in a.args} == set(calls))):
            return Expr({m: 1})
    return ZERO


def _base(rec: Recurrence) -> Expr | None:
    return base_at(rec, sym(rec.var)) or decided(rec, rec.threshold)


def _line(e: Expr | None, var: str) -> tuple[Expr, Expr] | None:
    """(e0, e1) of e0 + e1 n, if neither is negative."""
    line = None if e is None else e.coefficients(var)
    if line is None or set(line) - {0, 1} or not all(is_nonneg(x) for x in line.values()):
        return None
    return line.get(0, ZERO), line.get(1, ZERO)


def _least(work: Work, c: Expr) -> int:
    """What the threshold is at least."""
    names = sorted(c.free)
    low = c.subs({x: num(max(work.lows.get(x, 1), 1)) for x in names}).number if is_nonneg(c) else None
    return max(int(low), 1) if low is not None else 1


def _slopes(args: list[Expr], var: str) -> list[tuple[Fraction, Fraction, Fraction]] | None:
    """(b, low, high) with b n + low <= x <= b n + high, for parts that rise with n."""
    out = []
    for x in args:
        found = slope(x, var)
        if found is None or x.free != {var} or not 0 < found[0] < 1:
            return None
        period = Fraction(found[0]).denominator
        values = [x.subs({var: num(i)}).number for i in range(min(period, _PERIOD) + 1)]
        if period > _PERIOD or x.subs({var: sym(var) + period}) != x + found[0] * period:
            return None
        known = [v for v in values if v is not None]
        if len(known) < len(values) or sorted(known) != known:
            return None
        b, low, high = (Fraction(v) for v in found)
        out.append((b, low, high))
    return out


def _add_up(args: list[Expr], var: str) -> bool:
    """Whether the parts of n add up to n; each is periodic but for its slope."""
    period = lcm(*(Fraction(found[0]).denominator for x in args if (found := slope(x, var)) is not None))
    if period > _PERIOD:
        return False
    return all(sum((x.subs({var: num(i)}) for x in args), ZERO) == num(i) for i in range(period + 1))


def _levels(
    n: Expr, c: Expr, slopes: list[tuple[Fraction, Fraction, Fraction]], upper: bool, b: Fraction, least: int
) -> Expr | None:
    """On how many levels there is an inner node, at most; or there is none but these, or one, at least."""
    if upper:
        h = max(Fraction(0), *(high / (1 - x) for x, _, high in slopes))
        if h >= least + 1:
            return None
        return floor(_log((n - _plain(h)) / (c + 1 - _plain(h)), b)) + 1
    h = max(Fraction(0), *(-low / (1 - x) for x, low, _ in slopes))
    return floor(_log((n + _plain(h)) / (c + 1 + _plain(h)), b)) + 1


def _log(x: Expr, b: Fraction) -> Expr:
    """log(x) to the base 1/b"""
    inverse = 1 / b
    return log(x, inverse.numerator) if inverse.denominator == 1 else log(x) / log(num(inverse))


def _plain(x: Fraction) -> Number:
    return x.numerator if x.denominator == 1 else x
