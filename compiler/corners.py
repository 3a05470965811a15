"""Rounding as a variable: floor(x) = x - t with 0 <= t <= 1, so that what several roundings have in common cancels.

In: an expression with floors among its factors. Out: expressions without them that bound it. Written out in the t,
one for each floor, an expression is brought to a form that is linear in each t, on the safe side (0 <= t**2 <= t),
and such a form lies between its least and its largest value at the corners, where every t is 0 or 1. The ceiling of
the same x is floor(x) + d for a d that is 0 or 1, and 1 where t > 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

from .equations import Side
from .expr import ONE, ZERO, Atom, Expr, Fn, floor, num, sym

__all__ = ["corners", "least_ceilings"]

_MOST = 4           # floors
_DEEPEST = 4        # floors within floors
_TERMS = 80         # when written out
_FIRST = 24         # before


def corners(e: Expr, side: Side, nonneg: Callable[[Expr], bool]) -> list[Expr]:
    """Expressions of which the largest (upper) or least (lower) bounds e; none where e is of another form."""
    names: dict[Atom, Expr] = {}
    gaps: dict[Expr, Expr] = {}
    if len(e.terms) > _FIRST:
        return []
    for _ in range(_DEEPEST):
        found = [a for m in e.terms for a, _ in m if isinstance(a, Fn) and a.op == "floor"]
        if not found:
            break
        if any(k not in (1, 2, 3) for m in e.terms for a, k in m if a in found):
            return []
        for a in found:
            if a not in names:
                names[a] = cut = sym(f"_cut{len(names)}", "real")
                twin = floor(-a.args[0]).atom
                if twin in names:       # ceiling(x) is floor(x), or 1 more where anything is cut off
                    names[a] = cut - names[twin]
                    gaps[cut] = names[twin]
        if len(names) > _MOST:
            return []
        e = _outer(e, lambda a: a.args[0] - names[a] if a in names and isinstance(a, Fn) else None)
        if len(e.terms) > _TERMS:
            return []
    else:
        return []
    if not names:
        return []
    cuts = {a: None for x in names.values() for a in x.atoms()}
    whole = {x.atom for x in gaps}
    linear = ZERO
    for m, c in e.terms.items():
        if any(a not in cuts and Expr({((a, 1),): 1}).free & _names(cuts) for a, _ in m):
            return []
        if any(a in cuts and k != 1 and a not in whole for a, k in m):
            if not nonneg(Expr({tuple(p for p in m if p[0] not in cuts): 1})):
                return []
            if (c < 0) == (side == "upper"):
                continue        # at most, or at least, 0
        linear = linear + Expr({tuple((a, 1 if a in cuts else k) for a, k in m): c})
    used = sorted(_names(cuts) & linear.free)
    out: dict[Expr, None] = {}
    for ends in product((ZERO, ONE), repeat=len(used)):
        at = dict(zip(used, ends, strict=True))
        if not any(x.subs(at) == ZERO and y.subs(at) == ONE for x, y in gaps.items()):
            out[linear.subs(at)] = None
    return list(out)


def _names(atoms: Iterable[Atom]) -> set[str]:
    return {a.name for a in atoms}


def _outer(e: Expr, change: Callable[[Atom], Expr | None]) -> Expr:
    """Replaces factors, not what is inside of them."""
    result = ZERO
    for m, c in e.terms.items():
        term = num(c)
        for a, k in m:
            new = change(a)
            if new is None:
                term = term * Expr({((a, k),): 1})
            else:
                for _ in range(int(k)):
                    term = term * new
        result = result + term
    return result


def least_ceilings(e: Expr, positive: Callable[[Expr], bool]) -> tuple[Expr, dict[str, Expr]]:
    """e with 1 + r for each ceiling(x) of an x > 0, and the x that the r, which are not negative, do not exceed."""
    names: dict[Atom, Expr] = {}
    limits: dict[str, Expr] = {}
    for m in e.terms:
        for a, k in m:
            if isinstance(a, Fn) and a.op == "floor" and a not in names and k in (1, 2, 3) and positive(-a.args[0]):
                name = f"_more{len(names)}"
                names[a], limits[name] = -1 - sym(name), -a.args[0]
    return _outer(e, names.get), limits
