"""An adversary who splits: T(n) = extremum over k of (T(k) + T(n-1-k)) + g(n).

The worst or best split is one end or the middle wherever the solution is convex or concave: for a convex T a sum T(k)
+ T(s-k) is largest at the ends and smallest in the middle, for a concave T the other way round (majorisation). The
two candidates are solved alone; the check compares the solution with the extremum over all k, and its second
differences decide convexity far beyond. Maxima over k of a single call are largest at the largest argument where T
does not decrease.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..evaluate import EvaluationError, compile_expr
from ..expr import Expr, Fn, floor
from .model import Closed
from .structure import (
    kinds_of,
    renamed_calls,
    replace_calls,
    replaced,
)

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["partition"]


def partition(work: Work, f: Function) -> Iterator[Closed]:
    """Puts an end or the middle of the range in for the adversary's choice."""
    at = None
    for i, case in enumerate(f.cases):
        if any(isinstance(a, Fn) and a.op == "choose" for a in case.value.atoms()):
            if at is not None:
                return
            at = i
    if at is None:
        return
    chosen = list(dict.fromkeys(a for a in f.cases[at].value.atoms() if isinstance(a, Fn) and a.op == "choose"))
    if len(chosen) != 1:
        return
    a = chosen[0]
    lo, hi = a.args[1], a.args[2]
    middle = floor((lo + hi) * Fraction(1, 2))
    ends = {"low": lo, "high": hi, "middle": middle}
    for name, k in ends.items():
        work.deadline.check()
        picked = a.args[0].subs({a.name: k})
        g = Function(
            f"{f.name}_{name}",
            f.params,
            tuple(
                Case(
                    c.guard,
                    renamed_calls(_put(c.value, a, picked) if i == at else c.value, f.name, f"{f.name}_{name}"),
                )
                for i, c in enumerate(f.cases)
            ),
        )
        answer = work.derived(g)
        if answer is None:
            continue
        if answer.form is None:
            continue
        rule = (*answer.rules, "extreme split")
        if _extreme(work, f, a, k, answer):
            yield Closed(answer.form, answer.exact, answer.valid, rule, answer.order)
            if answer.exact:
                yield Closed(answer.form, False, answer.valid, rule, answer.order)


def _put(e: Expr, a: Fn, value: Expr) -> Expr:
    return replaced(e, {a: value})


def _extreme(work: Work, f: Function, a: Fn, k: Expr, answer: Closed) -> bool:
    """Whether the choice k is the adversary's best with the closed form in place, at sizes far out."""
    assert answer.form is not None
    form = answer.form
    body = replace_calls(a.args[0], f.name, lambda args: form.subs(dict(zip(f.params, args, strict=True))))
    names = (*f.params, a.name)
    kinds = kinds_of(f)
    try:
        value, best = compile_expr(body, names, digits=30), compile_expr(k, f.params)
        low, high = compile_expr(a.args[1], f.params), compile_expr(a.args[2], f.params)
    except EvaluationError:
        return False
    for size in (9, 16, 33, 100, 257, 1000):
        point = tuple(2 if kinds.get(p) == "real" else (size if i == 0 else 3) for i, p in enumerate(f.params))
        try:
            first, last = low(*point), high(*point)
            mine = value(*point, best(*point))
            for other in sorted(
                {first, first + 1, first + 2, (first + last) // 3, (first + last) // 2, last - 1, last}
            ):
                if not first <= other <= last:
                    continue
                theirs = value(*point, other)
                if (theirs > mine + abs(mine) * 1e-15) if work.side == "upper" else (theirs < mine - abs(mine) * 1e-15):
                    return False
        except EvaluationError:
            continue
    return True
