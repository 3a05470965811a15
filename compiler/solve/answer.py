"""One goal, one side: a `Solution`.

In: a system, a side, a time limit. Out: closed form, whether it is exact, where it holds, its order; or a refusal; or
the reason why nothing was found, with values at some sizes. Never raises for what a system may contain.
"""

from __future__ import annotations

from fractions import Fraction

from .. import growth
from ..equations import Case, Function, Side, System
from ..evaluate import EvaluationError, Evaluator, compile_cond
from ..expr import (
    TRUE,
    Cond,
    Expr,
    Fn,
    Rel,
    Sym,
    call,
    conj,
    piecewise,
    sym,
)
from .model import Closed, Deadline, OutOfTime, Refused, Solution
from .solver import Work, components, resolve_choices
from .structure import calls_in, changing, conjuncts, map_atoms
from .walk import walk

__all__ = ["solve"]

_GOAL = "the_goal"


def solve(system: System, side: Side, *, time_limit: float = 10.0, numbers: bool = False) -> Solution:
    """Solves for the goal of the system; the adversary's choices count as the largest (upper) or smallest (lower).

    `numbers`: values at some sizes where there is no answer, which takes half a second more.
    """
    work = Work(resolve_choices(with_kinds(with_parameters(system)), side), side, Deadline(time_limit))
    try:
        closed = _walk(work) or _solve(work)
    except Refused as e:
        return Solution(None, False, TRUE, None, (), refused=str(e))
    except OutOfTime:
        return Solution(None, False, TRUE, None, (), reason="the time limit is over", points=_numbers(work, numbers))
    except RecursionError:
        why = "the equations nest too deeply"
        return Solution(None, False, TRUE, None, (), reason=why, points=_numbers(work, numbers))
    if isinstance(closed, str):
        return Solution(None, False, TRUE, None, (), reason=closed, points=_numbers(work, numbers))
    return Solution(
        closed.form,
        closed.exact,
        closed.valid,
        order_of(closed, work.system.domain, side),
        closed.rules,
        checked=closed.checked,
        theta=closed.order is not None,
    )


def with_parameters(system: System) -> System:
    """Symbols that are no parameters (a threshold, a price) as parameters that every call passes on."""
    outer = {
        n for f in system.functions.values() for c in f.cases for n in (c.guard.free | c.value.free) - set(f.params)
    }
    if not outer or any(outer & set(f.params) for f in system.functions.values()):
        return system
    names = tuple(sorted(outer))
    kinds = {
        a.name: a.kind
        for f in system.functions.values()
        for c in f.cases
        for a in (*c.guard.atoms(), *c.value.atoms())
        if isinstance(a, Sym) and a.name in outer
    }

    def longer(e: Expr) -> Expr:
        return map_atoms(
            e,
            lambda a: (
                call(a.name, *a.args, *(sym(n, kinds[n]) for n in names))
                if a.op == "call" and a.name in system.functions and len(a.args) == len(system.functions[a.name].params)
                else None
            ),
        )

    functions = {
        name: Function(name, (*f.params, *names), tuple(Case(c.guard, longer(c.value)) for c in f.cases))
        for name, f in system.functions.items()
    }
    return System(functions, longer(system.goal), system.domain)


def with_kinds(system: System) -> System:
    """Symbols that the domain keeps at 0 or above, and that every call passes on as they are, as sizes.

    A text's symbols are integers; what is known of a parameter that never changes is known in all calls.
    """
    low = {
        name
        for p in conjuncts(system.domain)
        if isinstance(p, Rel) and p.op in (">=", ">") and len(p.free) == 1
        for name in p.free
        if isinstance(v := (p.e - sym(name)).number, int | Fraction) and v <= 0
    }
    calls = [
        a for e in (system.goal, *(c.value for f in system.functions.values() for c in f.cases)) for a in calls_in(e)
    ]
    for a in calls:
        f = system.functions.get(a.name)
        for p, x in zip(f.params, a.args, strict=False) if f is not None else ():
            if x != sym(p):
                low.discard(p)
    kinds = {
        (a.name, a.kind)
        for f in system.functions.values()
        for c in f.cases
        for a in (*c.guard.atoms(), *c.value.atoms(), *system.goal.atoms())
        if isinstance(a, Sym)
    }
    low = {n for n in low if (n, "int") in kinds and not any((n, k) in kinds for k in ("real", "number"))}
    if not low:
        return system
    # symbols are equal by name, whatever their kind, so they leave and come back under it
    away, back = {n: sym(f"{n}'") for n in low}, {f"{n}'": sym(n) for n in low}
    functions = {
        name: Function(
            name,
            f.params,
            tuple(Case(c.guard.subs(away).subs(back), c.value.subs(away).subs(back)) for c in f.cases),
        )
        for name, f in system.functions.items()
    }
    return System(functions, system.goal.subs(away).subs(back), system.domain)


def _walk(work: Work) -> Closed | None:
    """A walk that goes up too does not end, step by step: it is told apart before the evaluation that would not
    either.
    """
    goal = work.system.goal.atom
    if (
        isinstance(goal, Fn)
        and goal.op == "call"
        and goal.name in work.system.functions
        and len(work.system.functions) == 1
    ):
        f = work.system.functions[goal.name]
        answer = walk(f)
        if answer is not None and answer.form is not None:
            values = dict(zip(f.params, goal.args, strict=True))
            return Closed(answer.form.subs(values), answer.exact, answer.valid.subs(values), answer.rules)
    return None


def _solve(work: Work) -> Closed | str:
    system = work.system
    missing = sorted(
        {
            a.name
            for f in (*system.functions.values(),)
            for c in f.cases
            for a in c.value.atoms()
            if isinstance(a, Fn) and a.op == "call" and a.name not in system.functions
        }
    )
    if missing:
        raise Refused(f"there is no equation for {missing[0]}")
    work.probe()
    for component in components(system):
        unknown = work.solve_component(component)
        if unknown is not None:
            return f"no rule settles {unknown}"
    goal = system.goal.atom
    if isinstance(goal, Fn) and goal.op == "call":
        f = system.functions[goal.name]
        if all(isinstance(x.atom, Sym) and x.atom.name == p for x, p in zip(goal.args, f.params, strict=True)):
            return _everywhere(work, f, work.known[goal.name])
    names = tuple(sorted(system.goal.free))
    whole = Function(_GOAL, names, (Case(TRUE, system.goal),))
    functions = {**system.functions, _GOAL: whole}
    outer = Work(
        System(functions, call(_GOAL, *(sym(n) for n in names)), system.domain), work.side, work.deadline, work.known
    )
    answer = outer.solve_function(whole)
    return answer if answer is not None else "the goal's expression cannot be put together"


def _everywhere(work: Work, f: Function, closed: Closed) -> Closed:
    """With several sizes, the base cases beside the form, so that it holds where one of the sizes is 0."""
    limits = [
        p
        for p in conjuncts(closed.valid)
        if isinstance(p, Rel) and len(p.free) == 1 and p.e.terms.get((), 0) != 0 and p.free <= changing_names(f)
    ]
    if closed.form is None or len(limits) < 2 or not all(len(p.free & set(f.params)) for p in limits):
        return closed
    cases = [(c.value, c.guard) for c in f.cases if not calls_in(c.value)]
    if not cases or len(cases) + 1 != len(f.cases):
        return closed
    whole = piecewise(*cases, (closed.form, TRUE))
    rest = conj(*(p for p in conjuncts(closed.valid) if p not in limits))
    found = work.verified(f, Closed(whole, closed.exact, rest, closed.rules, closed.order))
    return closed if found is None else found


def changing_names(f: Function) -> frozenset[str]:
    """The parameters that change in calls."""
    return frozenset(f.params[i] for i in changing(f.name, f.params, [c.value for c in f.cases]))


def order_of(closed: Closed, domain: Cond, side: Side) -> Expr | None:
    """The order that a rule proved, else that of the closed form."""
    if closed.order is not None:
        return closed.order
    if closed.form is None:
        return None
    return growth.order(closed.form, conj(domain, closed.valid), side)


def _numbers(work: Work, wanted: bool) -> tuple[tuple[dict[str, int], str], ...]:
    """Values of the recurrence itself at a few sizes."""
    names = tuple(sorted(work.system.goal.free))
    if not names or not wanted:
        return ()
    evaluator = Evaluator(work.system, work.side, fuel=200_000, seconds=0.5, digits=15)
    out = []
    try:
        inside = compile_cond(work.system.domain, names)
        for n in (1, 2, 4, 8, 16, 32, 64, 128, 256):
            sizes = dict.fromkeys(names, n)
            if inside(*sizes.values()):
                value = evaluator.value(None, sizes)
                out.append((sizes, str(float(value)) if isinstance(value, Fraction) else str(value)))
    except (EvaluationError, OverflowError, ValueError):
        pass                    # from here on they are too large to be of use
    return tuple(out)
