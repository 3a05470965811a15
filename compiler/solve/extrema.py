"""Maxima and minima over calls: the dominant alternative, proven by the check, and peaks.

If the alternative i is solved alone and its solution F satisfies the whole equation, F is the value, for the
recursion determines it: F is compared with the full recurrence at many points, and F's own alternatives with each
other far beyond them. Where none dominates, any single alternative still bounds a maximum from below and a minimum
from above.

A peak is T(n) = max(T(s_1(n)), ..., g(n)) without anything added: along the chain of largest arguments the largest g
counts, which is the first one where g does not decrease, or the base value at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from ..equations import Case, Function, System
from ..evaluate import EvaluationError, Evaluator, compile_cond, compile_expr
from ..expr import (
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    Fn,
    call,
    ceil,
    conj,
    ge,
    is_nonneg,
    le,
    lt,
    max_,
    min_,
    negate,
    num,
    piecewise,
    power,
    sym,
)
from ..facts import Facts
from ..simplify import tight
from .iterate import decided, log_over, quotients
from .model import Closed, Recurrence
from .structure import (
    base_at,
    base_between,
    calls_in,
    changing,
    effective_guards,
    equal_parts,
    has_call,
    kinds_of,
    lower_limit,
    renamed_calls,
    replace_calls,
    replaced,
    slope,
)
from .sums import atom_expr

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["balanced_extremum", "extrema", "peak", "peak_of_leaves"]

_MOST = 12


def _choices(f: Function) -> tuple[int, list[Fn]] | None:
    """The one case with extrema over calls, and these extrema, outermost first."""
    found = None
    for i, case in enumerate(f.cases):
        atoms = [
            a
            for m in case.value.terms
            for a, _ in m
            if isinstance(a, Fn) and a.op in ("max", "min") and any(has_call(x, f.name) for x in a.args)
        ]
        if atoms:
            if found is not None:
                return None
            found = i, list(dict.fromkeys(atoms))
    return found


def extrema(work: Work, f: Function) -> Iterator[Closed]:
    """Tries each alternative as the dominant one, from the threshold on and, in one variable, from a few sizes
    later.
    """
    late: list[Closed] = []
    for answer in _alternatives(work, f):
        if answer.exact:
            yield answer
        else:
            late.append(answer)
    for count in (2, 5, 10, 20):
        longer = _unrolled(work, f, count)
        if longer is None:
            break
        for answer in _alternatives(work, longer):
            if answer.exact or (answer.form is not None and "one alternative" not in answer.rules):
                yield replace(answer, rules=(*answer.rules, "first values apart"))
    yield from late


def _unrolled(work: Work, f: Function, count: int) -> Function | None:
    """The function with the next values as further base cases."""
    recursive = [c for c in f.cases if has_call(c.value, f.name)]
    moving = changing(f.name, f.params, [c.value for c in recursive])
    if len(moving) != 1 or len(recursive) != 1 or f.cases[-1] != recursive[0] or work.digits is not None:
        return None
    var = f.params[moving[0]]
    cases = effective_guards(f.cases)
    limit = lower_limit(cases[-1][0], var)
    if limit is None or limit[1] or not isinstance(limit[0].number, int):
        return None
    start, more = limit[0].number, list(f.cases[:-1])
    if len(f.params) > 1:
        rec = Recurrence(f.name, f.params, var, num(start - 1), tuple(cases[:-1]), (), ZERO)
        below = base_at(rec, num(start - 1))
        if count != 2 or below is None or below.free & {var}:
            return None
        first = replace_calls(recursive[0].value.subs({var: num(start)}), f.name, lambda args: below)
        return Function(f.name, f.params, (*more, Case(le(sym(var, "int"), num(start)), first), f.cases[-1]))
    evaluator = Evaluator(System({f.name: f}, call(f.name, sym(var)), TRUE), work.side, fuel=100_000, seconds=1.0)
    try:
        for at in range(start, start + count):
            value = evaluator.call(f.name, at)
            if not isinstance(value, int | Fraction):
                return None
            more.append(Case(le(sym(var, "int"), num(at)), num(value)))
    except EvaluationError:
        return None
    return Function(f.name, f.params, (*more, f.cases[-1]))


def _alternatives(work: Work, f: Function) -> Iterator[Closed]:
    found = _choices(f)
    if found is None:
        return
    at, atoms = found
    case = f.cases[at]
    options = [_ranked(a, f) for a in atoms]
    bounds: list[Closed] = []
    orders: list[Closed] = []
    alone: list[Closed] = []
    for count, picks in enumerate(product(*options)):
        if count >= _MOST:
            break
        work.deadline.check()
        table = dict(zip(atoms, picks, strict=True))
        value = replaced(case.value, table)
        name = f"{f.name}_{count}"
        one = Function(
            name,
            f.params,
            tuple(
                Case(
                    c.guard,
                    renamed_calls(value if i == at else c.value, f.name, name),
                )
                for i, c in enumerate(f.cases)
            ),
        )
        answer = work.derived(one)
        if answer is None:
            continue
        alone.append(answer)
        if answer.form is not None and answer.exact and _dominates(f, at, atoms, table, answer):
            yield Closed(answer.form, True, answer.valid, (*answer.rules, "dominant alternative"))
        natural = (
            "lower" if all(a.op == "max" for a in atoms) else "upper" if all(a.op == "min" for a in atoms) else None
        )
        if answer.form is not None and _dominates(f, at, atoms, table, answer):
            yield Closed(answer.form, False, answer.valid, (*answer.rules, "dominant alternative"), answer.order)
        if natural == work.side:
            bounds.append(answer)
        if answer.form is None and answer.order is not None:
            orders.append(answer)
    yield from _saturated(f, atoms, options, alone)
    if len(f.params) == 1 and len(orders) == math.prod(len(o) for o in options) and len({o.order for o in orders}) == 1:
        # every alternative alone has this order; with parts that only shrink by factors so has any mixture
        yield Closed(None, False, TRUE, (*orders[0].rules, "dominant alternative"), orders[0].order)
    yield from (Closed(b.form, False, b.valid, (*b.rules, "one alternative"), b.order) for b in bounds)


def _saturated(f: Function, atoms: list[Fn], options: list[list[Expr]], alone: list[Closed]) -> Iterator[Closed]:
    """T(i) = min(w, g(T(i-1))) with a rising g is the smallest of what each alternative alone gives, max likewise."""
    if len(atoms) != 1 or len(alone) != len(options[0]) or any(a.form is None or not a.exact for a in alone):
        return
    pick = min_ if atoms[0].op == "min" else max_
    rules = tuple(dict.fromkeys(r for a in alone for r in a.rules))
    # where the limit does not cut the first value, the limit itself will do for what it gives alone
    simple = (x if not has_call(x, f.name) else a.form for x, a in zip(options[0], alone, strict=True))
    for forms in (simple, (a.form for a in alone)):
        form = pick(*(x for x in forms if x is not None))
        yield Closed(form, True, conj(*(a.valid for a in alone)), (*rules, "saturation"))


def _ranked(a: Fn, f: Function) -> list[Expr]:
    return sorted(a.args, key=lambda x: _rank(x, f, a.op))


def _rank(x: Expr, f: Function, op: str) -> tuple[float, float, float]:
    """The alternative that is likely to dominate comes first."""
    size = weight = 0.0
    for a in calls_in(x, f.name):
        total = 0.0
        for y, p in zip(a.args, f.params, strict=True):
            found = slope(y, p)
            if found is not None:
                total += float(found[0]) + float(found[2]) * 1e-6
        size = max(size, total)
        weight += 1
    sign = -1 if op == "max" else 1
    return (sign * size, sign * weight, sign * len(x.terms))


def _dominates(f: Function, at: int, atoms: list[Fn], picks: dict[Fn, Expr], answer: Closed) -> bool:
    """Whether the picked alternative is the extremum far out, with the closed form put in for the calls."""
    assert answer.form is not None
    form = answer.form
    kinds = kinds_of(f)
    try:
        inside = compile_cond(case_region(f, at, answer), f.params)
    except EvaluationError:
        return False

    def solved(e: Expr) -> Expr:
        return replace_calls(e, f.name, lambda args: form.subs(dict(zip(f.params, args, strict=True))))

    for a in atoms:
        mine = solved(picks[a])
        for other in a.args:
            if other == picks[a]:
                continue
            gap = mine - solved(other) if a.op == "max" else solved(other) - mine
            try:
                value = compile_expr(gap, f.params, digits=30)
            except (EvaluationError, ZeroDivisionError):
                continue
            for size in (20, 33, 100, 129, 1000, 1025, 4099):
                point = [3 if kinds.get(p) == "real" else size + i for i, p in enumerate(f.params)]
                try:
                    if inside(*point) and value(*point) < -1e-20:
                        return False
                except EvaluationError:
                    continue
    return True


def balanced_extremum(work: Work, f: Function) -> Iterator[Closed]:
    """max(T(n_1), ..., T(n_b), g) + h over leaves that differ: the deepest, or one a level higher of size c.

    The n_i are the parts of n that differ by at most one. With D = ceil(log(n/c, b)) the largest leaf at depth D is
    ceil(n/b^D); at depth D - 1 there is a leaf, of size c, if n < (c + 1) b^(D - 1) (see `balanced`). Base values must
    not decrease; the check compares.
    """
    found = _choices(f)
    if found is None or len(found[1]) != 1:
        return
    at, (atom,) = found
    step = f.cases[at].value - atom_expr(atom)
    calls = [x.atom for x in atom.args if isinstance(x.atom, Fn) and x.atom.op == "call" and x.atom.name == f.name]
    rest = [x for x in atom.args if x.atom not in calls]
    moving = changing(f.name, f.params, [f.cases[at].value])
    if atom.op != "max" or len(calls) < 2 or len(moving) != 1 or any(has_call(x, f.name) for x in (step, *rest)):
        return
    var = f.params[moving[0]]
    n = sym(var)
    if var in step.free or any(var in x.free for x in rest) or (rest and not is_nonneg(step)):
        return
    cases = effective_guards(f.cases)
    limit = lower_limit(next(g for g, e in cases if has_call(e, f.name)), var)
    args = [a.args[moving[0]] for a in calls if isinstance(a, Fn)]
    b = num(len(args)) if equal_parts(args, var) == 0 else _divisor(n, args)
    if limit is None or b is None:
        return
    c = limit[0] - 1
    rec = Recurrence(f.name, f.params, var, c, tuple((g, e) for g, e in cases if not has_call(e, f.name)), (), ZERO)
    depth = ceil(log_over(n, c, b))
    last = ceil(n / power(b, depth))
    base = base_at(rec, n) or decided(rec, c)
    if base is not None:
        at_last, at_c = base.subs({var: last}), base.subs({var: c})
    else:
        lowest = ceil((c + 1) / b).number, c.number
        if not isinstance(lowest[0], int) or not isinstance(lowest[1], int):
            return
        some, most = base_between(rec, last, lowest[0], lowest[1]), base_at(rec, c)
        if some is None or most is None:
            return
        at_last, at_c = some, most
    deep = step * depth + at_last
    shallow = step * (depth - 1) + at_c
    rest = [x + step * depth for x in rest]     # of the deepest node above the leaves
    form = piecewise((max_(deep, shallow, *rest), lt(n, (c + 1) * power(b, depth - 1))), (max_(deep, *rest), TRUE))
    valid = conj(ge(n, c + 1), ge(c, ONE), *(() if b.number is not None else (ge(b, num(2)),)))
    yield Closed(form, True, valid, ("balanced splitting", "largest leaf"))


def _divisor(n: Expr, args: list[Expr]) -> Expr | None:
    """b, where the arguments are ceil(n/b) and floor(n/b)."""
    shapes = [next(((b, kind) for b, s, kind in quotients(n, x) if s == ZERO), None) for x in args]
    if None in shapes or {s[1] for s in shapes if s} != {"ceil", "floor"} or len({s[0] for s in shapes if s}) != 1:
        return None
    return next(s[0] for s in shapes if s)


def peak(work: Work, f: Function) -> Iterator[Closed]:
    """T(n) = max(calls, g): the largest of g at the top and the base value at the bottom."""
    found = _choices(f)
    if found is None or len(found[1]) != 1:
        return
    at, (atom,) = found
    case = f.cases[at]
    if atom.op != "max" or case.value.atom != atom:
        return
    calls = [x for x in atom.args if isinstance(x.atom, Fn) and x.atom.op == "call" and x.atom.name == f.name]
    rest = [x for x in atom.args if x not in calls]
    if any(has_call(x, f.name) for x in rest) or not calls or not rest:
        return
    moving = {f.params[i] for i in changing(f.name, f.params, [case.value])}
    if len(calls) > 1 and any(c.value.free & moving for c in f.cases if not has_call(c.value, f.name)):
        return  # which chain ends at the largest base value is not known
    for chosen in sorted(calls, key=lambda x: _rank(x, f, "max")):
        name = f.name + "_chain"
        one = Function(
            name,
            f.params,
            tuple(
                Case(c.guard, renamed_calls(chosen if i == at else c.value, f.name, name))
                for i, c in enumerate(f.cases)
            ),
        )
        answer = work.derived(one)
        if answer is not None and answer.form is not None:
            # the form holds above the threshold only: below it, the cases themselves count
            yield Closed(max_(*rest, answer.form), answer.exact, case_region(f, at, answer), (*answer.rules, "peak"))


def peak_of_leaves(work: Work, f: Function) -> Iterator[Closed]:
    """T(n) = max(calls, g) with several calls and base values that differ: g, and all values that can be reached.

    They bound T from above. That the largest is reached, so that the bound is T, is for the check to say.
    """
    found = _choices(f)
    if found is None or len(found[1]) != 1:
        return
    at, (atom,) = found
    if atom.op != "max" or f.cases[at].value.atom != atom:
        return
    cases = effective_guards(f.cases)
    moving = changing(f.name, f.params, [f.cases[at].value])
    limit = lower_limit(cases[at][0], f.params[moving[0]]) if len(moving) == 1 else None
    calls = [x.atom for x in atom.args if has_call(x, f.name)]
    if limit is None or limit[1] or not isinstance(limit[0].number, int):
        return
    var, start = f.params[moving[0]], limit[0].number
    own = [x for x in atom.args if not has_call(x, f.name)]
    if any(var in x.free for x in own):
        return
    base = tuple((g, e) for g, e in cases if not has_call(e, f.name))
    rec = Recurrence(f.name, f.params, var, num(start - 1), base, (), ZERO)
    sizes = {
        a.args[moving[0]].subs({var: num(n)}).number
        for a in calls
        if isinstance(a, Fn) and a.op == "call"
        for n in range(start, 3 * start + 40)
    }
    leaves = [base_at(rec, num(s)) for s in sorted(s for s in sizes if s is not None and s < start)]
    if len(sizes) > 200 or None in sizes or None in leaves or not leaves:
        return
    form = tight(max_(*own, *(x for x in leaves if x is not None)), Facts((work.domain_of(f.params),)))
    for exact in (True, False) if work.side == "upper" else (True,):
        yield Closed(form, exact, ge(sym(var, "int"), num(start)), ("peak of leaves",))


def case_region(f: Function, at: int, answer: Closed) -> Cond:
    """Where the recursive case applies."""
    before = [negate(c.guard) for c in f.cases[:at]]
    return conj(answer.valid, *before, f.cases[at].guard)
