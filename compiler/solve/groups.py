"""Groups of k, level by level: tight bounds where each level costs a share of its own size and of the next one's.

    T(n) = T(ceil(n/k)) + a n + b ceil(n/k) + g for n > c,  f(n) = f0 + f1 n for n <= c,

with a, b, g, f0, f1 >= 0, c >= 1 and k >= 2, numbers or symbols. The sizes are n, ceil(n/k), ceil(n/k^2), ... down to
the first of at most c, in D = ceil(log(n/c, k)) steps (Graham, Knuth, Patashnik, 3.2: rounding up at every step is
rounding up once). The sum S of all but the first is bounded by

    (n - c)/(k - 1) <= n (1 - k^-D)/(k - 1) <= S <= sum of (n - 1)/k^j + 1 for j from 1 to D <= (n - 1)/(k - 1) + D,

since x <= ceil(x), k^D >= n/c, and ceil(m/q) <= (m - 1)/q + 1 for integers. The last size e lies between max(1, c/k)
and c, and T(n) = f(e) + a (n + S - e) + b S + g D.

The order: above the last level n/k^j > c >= 1, so that rounding up at most doubles these, and e <= 1 + n/k. So S is
of the order of 1 + n/k, and at least D, of which every level has 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import growth
from ..equations import Function, Side
from ..expr import ONE, ZERO, Expr, ceil, conj, floor, ge, is_nonneg, log, num, sym
from .iterate import decided, log_over, quotients
from .model import Closed
from .structure import base_at, recurrence

__all__ = ["groups"]


def groups(f: Function, side: Side) -> Iterator[Closed]:
    """A bound that is exact where n is a power of k, but for the logarithm in the upper one."""
    rec = recurrence(f)
    if rec is None or len(rec.calls) != 1 or rec.calls[0][0] != ONE:
        return
    n, x, c = sym(rec.var), rec.calls[0][1], rec.threshold
    k = next((b for b, shift, kind in quotients(n, x) if kind == "ceil" and shift == ZERO), None)
    base = base_at(rec, ONE) if c == ONE else base_at(rec, n) or decided(rec, c)
    line = None if base is None else base.coefficients(rec.var)
    if k is None or line is None or set(line) - {0, 1} or (c.number is not None and c.number < 1):
        return
    f0, f1 = line.get(0, ZERO), line.get(1, ZERO)
    below = sym("_below")
    parts = rec.forcing.outer(lambda a: -below if floor(-n / k).atom == a else None).coefficients("_below")
    if parts is None or set(parts) - {0, 1}:
        return
    b, rest = parts.get(1, ZERO), parts.get(0, ZERO).coefficients(rec.var)
    if rest is None or set(rest) - {0, 1} or rec.var in b.free:
        return
    a, g = rest.get(1, ZERO), rest.get(0, ZERO)
    if not all(is_nonneg(share) for share in (a, b, g, f0, f1)):
        return
    steps: Expr = ceil(log_over(n, c, k))
    upper = side == "upper"
    smaller = (n - 1) / (k - 1) + steps if upper else (n - c) / (k - 1)
    least = ONE if c == ONE or k.number is None else ceil(c / k)
    form = f0 + f1 * (c if upper else least) + a * (n + smaller - (least if upper else c)) + b * smaller + g * steps
    start = ONE if c == ONE else c
    valid = conj(ge(n, start), *(ge(x, num(low)) for x, low in ((k, 2), (c, 1)) if x.number is None))
    # what each level costs is within b S, if it is a multiple of b
    levels = ZERO if b.terms and (g / b).number is not None and len(b.terms) == 1 else g * (1 + log(n / c) / log(k))
    shares = b * (1 + n / k) + a * n
    whole = f0 + f1 * (1 + n / k) + shares + levels if upper else f0 + f1 + shares + levels
    order = growth.order(whole, conj(valid, rec.guard)) if c.number is None else None
    yield Closed(form, False, conj(valid, rec.guard), ("groups by level",), order)
