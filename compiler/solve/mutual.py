"""Functions that call each other: elimination by substitution.

If B does not call itself, each call of B in A is replaced by B's equation with the arguments put in; where B has
several cases, A gets a case for each. What remains calls A alone and is solved as one function. (Systems of constant
coefficients in which this does not end go to `cfinite`, which needs no elimination.)
"""

from __future__ import annotations

from ..equations import Case, Function
from ..expr import FALSE, TRUE, Cond, Expr, conj, negate
from .structure import (
    calls_in,
    has_call,
    replaced,
)

__all__ = ["eliminate"]

_MOST = 24


def eliminate(target: Function, others: list[Function]) -> Function | None:
    """The target with calls of the others replaced until only calls of itself are left; None if that does not end."""
    left = {f.name: f for f in others}
    for _ in range(2 * len(others) + 1):
        wanted = [a.name for c in target.cases for a in calls_in(c.value) if a.name in left]
        if not wanted:
            return target
        for name in sorted(set(wanted)):
            f = left[name]
            if any(has_call(c.value, name) for c in f.cases):
                continue
            replaced = _inlined(target, f)
            if replaced is None:
                return None
            target = replaced
            break
        else:
            return None
    return None


def _inlined(target: Function, f: Function) -> Function | None:
    cases: list[Case] = []
    for case in target.cases:
        pending: list[tuple[Cond, Expr]] = [(case.guard, case.value)]
        while pending:
            guard, value = pending.pop(0)
            calls = [a for a in calls_in(value, f.name) if not any(has_call(x, f.name) for x in a.args)]
            if not calls:
                cases.append(Case(guard, value))
                continue
            a = calls[0]
            put = dict(zip(f.params, a.args, strict=True))
            before: Cond = TRUE
            split = []
            for inner in f.cases:
                condition = conj(guard, inner.guard.subs(put))
                if condition != FALSE:
                    new = inner.value.subs(put)
                    split.append((condition, replaced(value, {a: new})))
                before = conj(before, negate(inner.guard.subs(put)))
                if before == FALSE:
                    break
            pending = split + pending
            if len(cases) + len(pending) > _MOST:
                return None
    return Function(target.name, target.params, tuple(cases))
