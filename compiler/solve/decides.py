"""A parameter that only decides: it stands in conditions and in its own argument, but in no cost.

    T(n, k) = Choose(K, 0, n - 1, n - 1 + (T(K, k) if K > k, 0 if K = k, T(n - 1 - K, k - K - 1) else))

is at most U(n) with the largest of the cases in place of them, and at least the same with the smallest, by induction:
costs do not decrease in what they call. Below the least size of the domain U is what it is there, for further
alternatives only loosen a bound. So selection costs no more than its larger side. Where U is solved exactly, whether T
is U is for the check to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import Cond, Expr, Fn, Rel, call, conj, ge, le, max_, min_, num, sym
from .model import Closed
from .structure import calls_in, conjuncts, effective_guards, has_call, map_atoms, replace_calls

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["decides_only"]


def decides_only(work: Work, f: Function) -> Iterator[Closed]:
    """Solves without a parameter that only decides."""
    if len(f.params) < 2:
        return
    for i, p in enumerate(f.params):
        if not _only_decides(f, i, p):
            continue
        name = f"{f.name}_any"

        def free(a: Fn, p: str = p, i: int = i, name: str = name) -> Expr | None:
            if a.op == "piecewise" and any(p in c.free for c in a.conds):
                return (max_ if work.side == "upper" else min_)(*a.args)
            if a.op == "call" and a.name == f.name:
                return call(name, *a.args[:i], *a.args[i + 1 :])
            return None

        cases = [Case(_at_most(c.guard, work.lows), map_atoms(c.value, free)) for c in f.cases]
        if work.side == "lower":
            cases = [Case(c.guard, map_atoms(c.value, _least_is_zero)) for c in cases]
        answer = work.derived(Function(name, f.params[:i] + f.params[i + 1 :], tuple(cases)))
        if answer is not None and answer.form is not None:
            limits = conj(answer.valid, *(ge(sym(q), num(v)) for q, v in work.lows.items() if q in f.params and q != p))
            rules = (*answer.rules, "what only decides")
            if answer.exact:
                yield Closed(answer.form, True, limits, rules, answer.order)
            yield Closed(answer.form, False, limits, rules, answer.order if answer.exact else None)
        return


def _only_decides(f: Function, i: int, p: str) -> bool:
    """Whether a parameter stands in no guard, cost or argument but its own, and does stand in conditions."""
    if any(p in c.guard.free for c in f.cases):
        return False
    decides = False
    for _, value in effective_guards(f.cases):
        for a in value.atoms():
            if isinstance(a, Fn) and a.op == "piecewise" and any(p in c.free for c in a.conds):
                decides = True
                if not has_call(Expr({((a, 1),): 1}), f.name):
                    return False
        calls = calls_in(value, f.name)
        if any(p in x.free for a in calls for j, x in enumerate(a.args) if j != i):
            return False
        rest = replace_calls(value, f.name, lambda args: num(0))
        if p in map_atoms(rest, _without_conditions).free:
            return False
    return decides


def _without_conditions(a: Fn) -> Expr | None:
    return sum(a.args, num(0)) if a.op == "piecewise" else None


def _at_most(c: Cond, lows: dict[str, int]) -> Cond:
    """n == 1 as n <= 1, where n is at least 1."""
    parts = []
    for part in conjuncts(c):
        if isinstance(part, Rel) and part.op == "==" and len(part.free) == 1:
            (name,) = part.free
            value = (sym(name) - part.e).number
            if isinstance(value, int) and lows.get(name) == value:
                part = le(sym(name), num(value))
        parts.append(part)
    return conj(*parts)


def _least_is_zero(a: Fn) -> Expr | None:
    """The smallest of costs, which are not negative, is 0 if that is one of them."""
    costs = (x == num(0) or (isinstance(x.atom, Fn) and x.atom.op == "call") for x in a.args)
    return num(0) if a.op == "min" and num(0) in a.args and all(costs) else None
