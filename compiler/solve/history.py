"""Sums over the whole history: T(n) = g(n) + c(n) * (w(lo) T(lo) + ... + w(n - s) T(n - s)).

Dividing by c and taking the difference of two neighbours leaves finitely many calls,

    T(n) = c(n) (T(n-1)/c(n-1) + w(n-s) T(n-s) + g(n)/c(n) - g(n-1)/c(n-1)),

which other rules solve; T(n-1-k) in the sum runs over the same values backwards. (Sedgewick and Flajolet, Analysis of
Algorithms, 1.5.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import ONE, TRUE, ZERO, Expr, Fn, call, le, num, sym
from .model import Closed, Recurrence
from .structure import base_at, effective_guards, has_call, lower_limit
from .sums import summation

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["history"]

_AT = "_at"


def history(work: Work, f: Function) -> Iterator[Closed]:
    """Replaces a sum over all smaller sizes by a recurrence of finite order."""
    cases = effective_guards(f.cases)
    recursive = [i for i, (_, e) in enumerate(cases) if has_call(e, f.name)]
    if len(recursive) != 1:
        return
    guard, value = cases[recursive[0]]
    found = _sums(f, value)
    if found is None:
        return
    var, weight, inner, lo, step, forcing = found
    if weight == ZERO or not isinstance(lo.number, int):
        return
    limit = lower_limit(guard, var)
    start = limit[0].number if limit is not None else 0
    if not isinstance(start, int) or (limit is not None and limit[1]):
        return
    base = tuple((g, e) for i, (g, e) in enumerate(cases) if i != recursive[0])
    rec = Recurrence(f.name, f.params, var, num(start - 1), base, (), ZERO)
    n = sym(var)
    first = start
    known: dict[int, Expr] = {}
    try:
        for at in range(start, start + 3):
            total = ZERO
            for k in range(lo.number, at - step + 1):
                v = known.get(k) if k >= start else base_at(rec, num(k))
                if v is None:
                    return
                total = total + inner.subs({_AT: num(k)}) * v
            known[at] = forcing.subs({var: num(at)}) + weight.subs({var: num(at)}) * total
        first = start + 2
    except ZeroDivisionError:
        return
    name = f.name + "_step"
    before = {var: n - 1}

    def at_n(x: Expr) -> Expr:
        i = f.params.index(var)
        return call(name, *(x if k == i else sym(p) for k, p in enumerate(f.params)))

    ratio = weight / weight.subs(before)
    newest = inner.subs({_AT: n - step}) * at_n(n - step)
    following = ratio * at_n(n - 1) + weight * newest + forcing - ratio * forcing.subs(before)
    cases_ = [
        *(Case(g, e) for g, e in base),
        *(Case(le(n, num(k)), v) for k, v in sorted(known.items())),
        Case(TRUE, following),
    ]
    if first - step + 1 < start and first - step < lo.number:
        return
    answer = work.derived(Function(name, f.params, tuple(cases_)))
    if answer is not None:
        yield Closed(answer.form, answer.exact, answer.valid, ("difference of a history", *answer.rules), answer.order)


def _sums(f: Function, value: Expr) -> tuple[str, Expr, Expr, Expr, int, Expr] | None:
    """(variable, c, w over the size, lower limit, s, forcing) of a sum over lo .. n - s; those of one range add up."""
    forcing = ZERO
    weights: dict[Expr, Expr] = {}      # c -> w
    shape: tuple[str, Expr, int] | None = None
    for m, c in value.terms.items():
        term = Expr({m: c})
        if not has_call(term, f.name):
            forcing = forcing + term
            continue
        sums = [(a, k) for a, k in m if isinstance(a, Fn) and a.op == "sum" and has_call(a.args[0], f.name)]
        if len(sums) != 1 or sums[0][1] != 1:
            return None
        a = sums[0][0]
        assert isinstance(a, Fn)
        outside = Expr({tuple(p for p in m if p[0] != a): c})
        if has_call(outside, f.name):
            return None
        body = a.args[0]
        for mm, cc in body.terms.items():
            part = Expr({mm: cc})
            if not has_call(part, f.name):
                total = summation(part, a.name, a.args[1], a.args[2])
                if total is None:
                    return None
                forcing = forcing + outside * total
                continue
            calls = [(x, k) for x, k in mm if isinstance(x, Fn) and x.op == "call" and x.name == f.name]
            if len(calls) != 1 or calls[0][1] != 1:
                return None
            rest = Expr({tuple(p for p in mm if p != calls[0]): cc})
            if has_call(rest, f.name):
                return None
            x = calls[0][0]
            assert isinstance(x, Fn)
            moving = [i for i, (y, p) in enumerate(zip(x.args, f.params, strict=True)) if y != sym(p)]
            if len(moving) != 1:
                return None
            var = f.params[moving[0]]
            coefficients = x.args[moving[0]].coefficients(a.name)
            if coefficients is None or set(coefficients) - {0, 1} or coefficients.get(1) not in (ONE, num(-1)):
                return None
            ends = [x.args[moving[0]].subs({a.name: e}) for e in (a.args[1], a.args[2])]
            low, high = ends if coefficients[1] == ONE else ends[::-1]
            back = (sym(var) - high).number
            if not isinstance(back, int) or back < 1 or var in low.free:
                return None
            if shape is None:
                shape = (var, low, back)
            if shape != (var, low, back):
                return None
            if a.name in rest.free and var in rest.free:
                return None
            outer, inner = outside * rest, ONE
            if a.name in rest.free or rest.number is not None:      # w as a function of the size that is called
                line = x.args[moving[0]]
                outer, inner = outside, rest.subs(
                    {a.name: (sym(_AT) - line.subs({a.name: ZERO})) * coefficients[1]}
                )
            weights[outer] = weights.get(outer, ZERO) + inner
    if shape is None or any(shape[0] in w.free for w in weights.values()):
        return None
    if all(w.number is not None for w in weights.values()):
        return shape[0], sum((c * w for c, w in weights.items()), ZERO), ONE, shape[1], shape[2], forcing
    if len(weights) > 1:
        return None
    ((weight, inside),) = weights.items()
    return shape[0], weight, inside, shape[1], shape[2], forcing
