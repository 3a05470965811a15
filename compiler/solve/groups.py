"""Groups of k, level by level: tight bounds where each level costs a share of its own size and of the next one's.

    T(n) = T(ceil(n/k)) + a n + b ceil(n/k) + c for n > 1,  with a, b, c >= 0 and k >= 2, a number or a symbol.

The sizes are n, ceil(n/k), ceil(n/k^2), ... down to 1, in D = ceil(log(n, k)) steps (Graham, Knuth, Patashnik, 3.2:
rounding up at every step is rounding up once). The sum S of all but the first is bounded by

    (n - 1)/(k - 1) <= n (1 - k^-D)/(k - 1) <= S <= sum of (n - 1)/k^j + 1 for j from 1 to D <= (n - 1)/(k - 1) + D,

since x <= ceil(x), k^D >= n, and ceil(m/q) <= (m - 1)/q + 1 for integers. Then T(n) = T(1) + a (n + S - 1) + b S + c D.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..equations import Function, Side
from ..expr import ONE, ZERO, Expr, ceil, conj, floor, ge, is_nonneg, num, sym
from .iterate import log_base, quotients
from .model import Closed
from .structure import base_at, recurrence

__all__ = ["groups"]


def groups(f: Function, side: Side) -> Iterator[Closed]:
    """A bound that is exact where n is a power of k, but for the logarithm in the upper one."""
    rec = recurrence(f)
    if rec is None or rec.threshold != ONE or len(rec.calls) != 1 or rec.calls[0][0] != ONE:
        return
    n, x = sym(rec.var), rec.calls[0][1]
    k = next((b for b, shift, kind in quotients(n, x) if kind == "ceil" and shift == ZERO), None)
    base = base_at(rec, ONE)
    if k is None or base is None:
        return
    below = sym("_below")
    parts = rec.forcing.outer(lambda a: -below if floor(-n / k).atom == a else None).coefficients("_below")
    if parts is None or set(parts) - {0, 1}:
        return
    b, rest = parts.get(1, ZERO), parts.get(0, ZERO).coefficients(rec.var)
    if rest is None or set(rest) - {0, 1} or rec.var in b.free:
        return
    a, c = rest.get(1, ZERO), rest.get(0, ZERO)
    if not all(is_nonneg(share) for share in (a, b, c)):
        return
    steps: Expr = ceil(log_base(n, k))
    smaller = (n - 1) / (k - 1) + (steps if side == "upper" else ZERO)
    form = base + a * (n + smaller - 1) + b * smaller + c * steps
    valid = ge(n, ONE) if k.number is not None else conj(ge(n, ONE), ge(k, num(2)))
    yield Closed(form, False, valid, ("groups by level",))
