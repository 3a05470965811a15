"""Random walks: T(n) = c + p T(n-1) + q T(n+1) with p + q = 1, ended at a base case below.

Gambler's ruin (Feller 1, XIV): with drift p > q the expected cost of the way down is c (n - t)/(p - q), the least
nonnegative solution and the limit of truncations; without drift it is infinite.
"""

from __future__ import annotations

from ..equations import Function
from ..expr import Expr, ge, num, sym
from .model import Closed, Refused
from .structure import base_at, recurrence

__all__ = ["walk"]


def walk(f: Function) -> Closed | None:
    """The expected cost of a walk that may go up; None if it is no walk. Raises Refused where it is infinite."""
    rec = recurrence(f)
    if rec is None or len(rec.calls) != 2:
        return None
    steps: dict[int, Expr] = {}
    for coef, arg in rec.calls:
        step = (arg - sym(rec.var)).number
        if not isinstance(step, int):
            return None
        steps[step] = coef
    up = max(steps)
    if up != 1 or min(steps) != -1:
        return None
    p, q = steps[-1].number, steps[1].number
    base = base_at(rec, rec.threshold)
    if p is None or q is None or p <= 0 or q <= 0 or base is None or rec.var in rec.forcing.free:
        return None
    if p + q == 1:
        if p <= q:
            raise Refused("a random walk without drift towards its end: the expected value is infinite")
        return Closed(
            base + rec.forcing * (sym(rec.var) - rec.threshold) / num(p - q),
            True,
            ge(sym(rec.var), rec.threshold),
            ("random walk",),
        )
    return None
