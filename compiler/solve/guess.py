"""A linear guess, proved by substitution.

The two coefficients of F(n) = u n + v come from two values; F is the answer if putting it into the equation leaves an
identity of canonical expressions, and the base values agree: induction over the recursion. Settles splittings whose
parts add up (n - 1 comparisons of a tournament) and nested calls such as T(T(n-1)) + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ..equations import Function
from ..evaluate import EvaluationError
from ..expr import ONE, TRUE, ZERO, Expr, Number, ge, num, sym
from . import polynomial as poly
from .model import Closed
from .structure import changing, effective_guards, has_call, kinds_of, lower_limit, replace_calls
from .sums import tidy

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["linear_guess"]


def linear_guess(work: Work, f: Function) -> Iterator[Closed]:
    """F(n) = u n + v with u, v linear in the parameters."""
    moving = changing(f.name, f.params, [c.value for c in f.cases])
    cases = effective_guards(f.cases)
    recursive = [(g, e) for g, e in cases if has_call(e, f.name)]
    if len(moving) != 1 or len(recursive) != 1 or len(f.params) > 4 or "real" in kinds_of(f).values():
        return
    guard, value = recursive[0]
    var = f.params[moving[0]]
    limit = lower_limit(guard, var)
    start = limit[0].number if limit is not None else None
    if not isinstance(start, int):
        return
    fixed = [p for p in f.params if p != var]
    scales = [ONE, *(sym(p) for p in fixed)]
    shapes = [s * e for s in scales for e in (ONE, sym(var))]
    rows: list[list[Number]] = []
    right: list[Number] = []
    for at in (start + 3, start + 10, start + 17):
        for k in range(len(scales)):
            point = {p: (at if p == var else (2 if i == k else 1)) for i, p in enumerate((*fixed, var))}
            try:
                v = work.evaluator.call(f.name, *(point[p] for p in f.params))
            except EvaluationError:
                return
            if not isinstance(v, int | Fraction):
                return
            right.append(v)
            rows.append([s.subs(point).number or 0 for s in shapes])
    solution = poly.solve_linear(rows, right)
    if solution is None:
        return
    form = ZERO
    for c, s in zip(solution, shapes, strict=True):
        form = form + s * c
    put = replace_calls(value, f.name, lambda args: form.subs(dict(zip(f.params, args, strict=True))))
    if tidy(put - form).terms:
        return
    low = start - 1
    while low > start - 40 and _base(f, var, low) == form.subs({var: num(low)}):
        low -= 1
    yield Closed(form, True, ge(sym(var), num(low + 1)), ("guess and induction",))


def _base(f: Function, var: str, at: int) -> Expr | None:
    for case in f.cases:
        guard = case.guard.subs({var: num(at)})
        if guard.free:
            return None
        if guard == TRUE and not has_call(case.value, f.name):
            return case.value.subs({var: num(at)})
        if guard == TRUE:
            return None
    return None
