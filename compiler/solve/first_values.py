"""Sizes that decide a case only near the threshold: the first values apart, and the equation without the cases.

Where the forcing terms distinguish cases by the variable that all sizes from some n on decide alike, the values
before n are unrolled into further base cases, and the equation is solved from n on. An identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import TRUE, Expr, Fn, conj, ge, le, num, sym
from ..facts import Facts
from ..simplify import tight
from .model import Closed
from .structure import calls_in, changing, effective_guards, has_call, lower_limit, renamed_calls, replace_calls

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["first_cases", "first_values"]

_MOST = 10
_LOOK = 40


def first_values(work: Work, f: Function) -> Iterator[Closed]:
    """Solves with the first values as base cases."""
    recursive = [c for c in f.cases if has_call(c.value, f.name)]
    if len(recursive) != 1 or f.cases[-1] != recursive[0]:
        return
    moving = changing(f.name, f.params, [recursive[0].value])
    limit = lower_limit(effective_guards(f.cases)[-1][0], f.params[moving[0]]) if len(moving) == 1 else None
    if limit is None or limit[1] or not isinstance(limit[0].number, int):
        return
    var, start = f.params[moving[0]], limit[0].number
    settled = _settles(recursive[0].value, var, start)
    if settled is None:
        return
    known: dict[int, Expr] = {}
    for n in range(start, settled):
        value = _value(f, recursive[0].value.subs({var: num(n)}), moving[0], known)
        if value is None:
            return
        known[n] = value
    name = f.name + "_later"
    n_ = sym(var, "int")
    later = tight(recursive[0].value, Facts((work.domain_of(f.params), ge(n_, num(settled)))))
    cases = (*f.cases[:-1], *(Case(le(n_, num(n)), v) for n, v in known.items()),
             Case(TRUE, renamed_calls(later, f.name, name)))
    g = Function(name, f.params, cases)
    answer = work.derived(g)
    if answer is not None and answer.form is not None:
        whole = work.whole(g, answer, {}, conj(work.domain_of(f.params), ge(n_, num(start))), f.params, {})
        yield Closed(whole, answer.exact, ge(n_, num(start)), (*answer.rules, "first values apart"), answer.order)


def first_cases(work: Work, f: Function) -> Iterator[Closed]:
    """The same where only small sizes have recursive cases of their own, as after inlining."""
    recursive = [c for c in f.cases if has_call(c.value, f.name)]
    moving = changing(f.name, f.params, [c.value for c in recursive])
    if len(recursive) < 2 or f.cases[-1] != recursive[-1] or len(moving) != 1 or f.cases[-1].guard != TRUE:
        return
    var = f.params[moving[0]]
    if any(c.guard.free - {var} for c in f.cases):
        return
    n_ = sym(var, "int")
    beyond = next(
        (
            n
            for n in range(1, _LOOK)
            if all(Facts((work.domain_of(f.params), ge(n_, num(n)))).refutes(c.guard) for c in f.cases[:-1])
        ),
        None,
    )
    if beyond is None:
        return
    known: dict[int, Expr] = {}
    for n in range(beyond):
        at = next((c.value for c in f.cases if c.guard.subs({var: num(n)}) == TRUE), None)
        value = None if at is None else _value(f, at.subs({var: num(n)}), moving[0], known)
        if value is None:
            return
        known[n] = value
    ends = [n for n, v in known.items() if known.get(n + 1) != v]
    name = f.name + "_cases"
    rest = Case(TRUE, renamed_calls(f.cases[-1].value, f.name, name))
    cases = (*(Case(le(n_, num(n)), known[n]) for n in ends), rest)
    g = Function(name, f.params, cases)
    answer = work.derived(g)
    if answer is not None and answer.form is not None:
        whole = work.whole(g, answer, {}, conj(work.domain_of(f.params), ge(n_, num(0))), f.params, {})
        yield Closed(whole, answer.exact, ge(n_, num(0)), (*answer.rules, "first values apart"), answer.order)
        yield Closed(answer.form, answer.exact, answer.valid, (*answer.rules, "first values apart"), answer.order)


def _value(f: Function, e: Expr, place: int, known: dict[int, Expr]) -> Expr | None:
    """e with the values of its calls."""
    missing = False

    def below(args: tuple[Expr, ...]) -> Expr:
        nonlocal missing
        n = args[place].number
        if isinstance(n, int) and n in known:
            return known[n]
        for case in f.cases:
            guard = case.guard.subs(dict(zip(f.params, args, strict=True)))
            if guard == TRUE and not calls_in(case.value):
                return case.value.subs(dict(zip(f.params, args, strict=True)))
        missing = True
        return num(0)

    value = replace_calls(e, f.name, below)
    return None if missing else value


def _settles(e: Expr, var: str, start: int) -> int | None:
    """The size from which on the variable decides no case any more, if it is near and not the threshold itself."""
    conds = {c for a in e.atoms() if isinstance(a, Fn) and a.op == "piecewise" for c in a.conds if var in c.free}
    if not conds or any(c.free != {var} for c in conds):
        return None
    last = start
    for c in conds:
        truth = [c.subs({var: num(n)}) == TRUE for n in range(start, start + _LOOK)]
        last = max(last, start + max((i + 1 for i in range(_LOOK - 1) if truth[i] != truth[i + 1]), default=0))
    return last if last <= start + _MOST else None
