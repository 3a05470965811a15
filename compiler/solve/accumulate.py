"""Parameters that are carried along: T(n, h) = sum of a_i T(x_i(n), b_i h + c_i(n)) + g(n, h), where h decides nothing.

Forcing terms and base values that are polynomials in h make T one of the same degree, T = sum of T_j(n) h^j, by
induction; comparing coefficients gives a recurrence in n alone for each T_j, with the higher ones in its forcing
term. So they are solved from the top down: the history that every part of a divide and conquer sees costs what its
sizes say, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import ZERO, Expr, call, conj, power, sym
from .model import Closed
from .structure import changing, linear_parts

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["accumulate"]


def accumulate(work: Work, f: Function) -> Iterator[Closed]:
    """Solves coefficient by coefficient in one carried parameter."""
    moving = changing(f.name, f.params, [c.value for c in f.cases])
    if len(moving) < 2:
        return
    for i in moving:
        h = f.params[i]
        if any(h in c.guard.free for c in f.cases):
            continue
        answer = _by_coefficients(work, f, i, h)
        if answer is not None:
            yield answer
            return


def _by_coefficients(work: Work, f: Function, place: int, h: str) -> Closed | None:
    degree = 0
    split: list[tuple[list[tuple[Expr, tuple[Expr, ...], Expr]], dict[int, Expr]]] = []
    for case in f.cases:
        parts = linear_parts(case.value, f.name)
        if parts is None:
            return None
        calls = []
        for coef, args in parts[0]:
            if h in coef.free or any(h in x.free for k, x in enumerate(args) if k != place):
                return None
            if args[place].coefficients(h) is None:
                return None
            calls.append((coef, args[:place] + args[place + 1 :], args[place]))
        rest = parts[1].coefficients(h)
        if rest is None:
            return None
        degree = max(degree, *rest, 0)
        split.append((calls, rest))
    if degree > 3:
        return None
    params = f.params[:place] + f.params[place + 1 :]
    solved: dict[str, tuple[Function, Closed]] = {}
    for j in range(degree, -1, -1):
        name = f"{f.name}_{h}{j}"
        cases = []
        for case, (calls, rest) in zip(f.cases, split, strict=True):
            value = rest.get(j, ZERO)
            for coef, args, inner in calls:
                for k in range(j, degree + 1):
                    weight = (power(inner, k).coefficients(h) or {}).get(j, ZERO)
                    if weight.terms:
                        value = value + coef * weight * call(f"{f.name}_{h}{k}", *args)
            cases.append(Case(case.guard, value))
        g = Function(name, params, tuple(cases))
        answer = work.derived(g, solved)
        if answer is None or answer.form is None:
            return None
        solved[name] = (g, answer)
    form: Expr = ZERO
    for j in range(degree + 1):
        _, answer = solved[f"{f.name}_{h}{j}"]
        assert answer.form is not None
        form = form + answer.form * power(sym(h), j)
    answers = [a for _, a in solved.values()]
    rules = tuple(dict.fromkeys(r for a in answers for r in a.rules))
    return Closed(form, all(a.exact for a in answers), conj(*(a.valid for a in answers)), (*rules, "carried parameter"))
