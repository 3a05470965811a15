"""A goal over recursive functions -> its closed form, function by function.

In: a system, as `readings` derives it. Out: a `Solved` goal. Each function is solved on its own, over its parameters,
after what its values have in common is taken out: where every base and forcing term is a multiple of `2*m + 17`, the
system is solved for 1 and the answer multiplied (cost equations are homogeneous of degree one: sums, maxima and minima
of calls with factors >= 0). So the dozen metrics of a report are often one system, solved once. The goal's form is the
goal with the closed forms in place of the calls; cost equations never decrease in what they call,
so bounds stay bounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from .equations import Case, Function, Side, System
from .expr import (
    ONE,
    TRUE,
    ZERO,
    And,
    Atom,
    Cond,
    Expr,
    Fn,
    Number,
    Sym,
    call,
    conj,
    disj,
    ge,
    is_nonneg,
    negate,
    piecewise,
    power,
    sym,
)
from .facts import assuming
from .growth import at_most, order, order_of_bound
from .simplify import tight, tight_cond
from .solve import Solution, solve
from .solve.structure import renamed_calls

__all__ = ["GoalSolver", "SolvedGoal", "factored"]


@dataclass(frozen=True, slots=True)
class SolvedGoal:
    """The solution, and the system with exactly solved functions replaced by their forms: quick to evaluate."""

    solution: Solution
    quick: System


_IN_ALL = 10.0
"""How many times the limit of one system all systems of a program may take."""
_AT_LEAST = 0.1
"""Of the limit of one system, for those that come when that is over."""


class GoalSolver:
    """Solves goals and remembers functions.

    `time_limit`: seconds for each system of equations; a program with many that take so long has less for the later
    ones, so that a report does not take minutes.
    """

    def __init__(self, time_limit: float) -> None:
        self.time_limit = time_limit
        self._left = _IN_ALL * time_limit
        self._memo: dict[object, Solution] = {}

    def solve(self, system: System, side: Side, split: Callable[[Expr], list[tuple[Cond, Expr]]]) -> SolvedGoal:
        """One side of a goal. `split` tells the goal by cases whose values hold no case distinction around a call."""
        solved = {name: self._function(system, name, side) for name in system.functions}
        quick = _quick(system, solved)
        calls = [a for a in system.goal.atoms() if isinstance(a, Fn) and a.op == "call"]
        bound_inside = any(
            isinstance(a, Fn) and a.op in ("sum", "choose") and any(a.name in _expr(c).free for c in calls)
            for a in system.goal.atoms()
        )
        missing = sorted({c.name for c in calls if solved[c.name].closed is None})
        if not calls or bound_inside or missing:
            return SolvedGoal(self._whole(system, side, solved, missing), quick)
        try:
            return SolvedGoal(self._put_together(system, side, solved, split), quick)
        except ZeroDivisionError:
            return SolvedGoal(self._whole(system, side, solved, missing), quick)

    # ---------------------------------------------------------------- functions

    def _function(self, system: System, name: str, side: Side) -> Solution:
        """One function over its parameters."""
        f = system.functions[name]
        kinds = _kinds(system)
        goal = call(name, *(sym(p, kinds.get(p, "size")) for p in f.params))
        functions = _reachable(system.functions, name)
        taken = {p for g in functions.values() for p in g.params}
        domain = conj(
            *(c for c in _parts(system.domain) if not c.free & taken or _same_call(system.goal, name, f.params))
        )
        factor, plain = factored(functions)
        answer = _where_not_negative(self._remembered(System(plain, goal, domain), side), f, kinds, domain)
        answer = _with_base(answer, plain[name], domain, side)
        if factor == ONE or answer.closed is None:
            if factor != ONE and answer.order is not None:
                return _with(answer, answer.closed, order_of_bound(answer.order * factor, domain, side))
            return answer
        closed, inside = answer.closed * factor, conj(domain, answer.valid)
        growth = order(closed, inside)
        if growth is None and answer.order is not None:
            growth = order_of_bound(answer.order * factor, inside, side)
        return _with(answer, closed, growth if growth is not None else order_of_bound(closed, inside, side))

    def _remembered(self, system: System, side: Side) -> Solution:
        """The solution; equations that differ in the name of their function alone are solved once."""
        if len(system.functions) != 1:
            return self._solution(system, side)
        (f,) = system.functions.values()
        # what is said of calls goes by this beginning of their names
        common = "size_recursion__" if f.name.startswith("size_") else "recursion__"
        cases = tuple(Case(c.guard, renamed_calls(c.value, f.name, common)) for c in f.cases)
        goal = renamed_calls(system.goal, f.name, common)
        found = self._solution(System({common: Function(common, f.params, cases)}, goal, system.domain), side)
        if found.refused is None and found.reason is None:
            return found
        refused, reason = (t and t.replace(common, f.name) for t in (found.refused, found.reason))
        return replace(found, refused=refused, reason=reason)

    def _solution(self, system: System, side: Side) -> Solution:
        parts = [c for f in system.functions.values() for c in f.cases]
        key = (
            side,
            system.goal,
            system.domain,
            tuple((f.name, f.params, tuple((c.guard, c.value) for c in f.cases)) for f in system.functions.values()),
            (system.goal.kinds, system.domain.kinds, *((c.guard.kinds, c.value.kinds) for c in parts)),
        )
        if key not in self._memo:
            started = time.thread_time()
            limit = max(_AT_LEAST * self.time_limit, min(self.time_limit, self._left))
            try:
                self._memo[key] = solve(system, side, time_limit=limit)
            except (ArithmeticError, ValueError) as e:
                # a rule that trips over its own algebra has no answer; the figures come from the recurrence
                self._memo[key] = Solution(None, False, TRUE, None, (), reason=f"a rule of the solver failed: {e}")
            self._left -= time.thread_time() - started
        return self._memo[key]

    # ---------------------------------------------------------------- goals

    def _whole(self, system: System, side: Side, solved: dict[str, Solution], missing: list[str]) -> Solution:
        """The goal as it stands, by the solver: it holds sums or choices over calls, or a function without a form."""
        single = system.goal.atom
        if (
            isinstance(single, Fn)
            and single.op == "call"
            and _same_call(system.goal, single.name, system.functions[single.name].params)
        ):
            return solved[single.name]
        return self._remembered(system, side)

    def _put_together(
        self, system: System, side: Side, solved: dict[str, Solution], split: Callable[[Expr], list[tuple[Cond, Expr]]]
    ) -> Solution:
        domain = assuming(system.domain)
        cases: list[tuple[Expr, Cond]] = []
        valid: list[Cond] = []
        exact = True
        used: dict[str, Solution] = {}
        here = domain
        for guard, value in split(system.goal):
            inside = here if guard == TRUE else here.with_(guard)
            limits: list[Cond] = []

            def close(a: Atom, limits: list[Cond] = limits) -> Expr | None:
                if not (isinstance(a, Fn) and a.op == "call" and a.name in solved):
                    return None
                answer = solved[a.name]
                assert answer.closed is not None
                used[a.name] = answer
                table = dict(zip(system.functions[a.name].params, a.args, strict=True))
                limits.append(answer.valid.subs(table))
                return answer.closed.subs(table)

            form = tight(value.rebuild(close), inside)
            limit = tight_cond(conj(*limits), inside)
            valid.append(limit if guard == TRUE or limit == TRUE else disj(negate(guard), limit))
            cases.append((form, guard))
            if guard == TRUE:
                break
            here = here.with_(negate(guard))
        exact = all(s.exact for s in used.values())
        closed = tight(piecewise(*cases), domain)
        rules = tuple(dict.fromkeys(r for s in used.values() for r in s.rules))
        where = tight_cond(conj(*valid), domain)
        region = conj(system.domain, where)
        growth = order(closed, region)
        if growth is None:
            growth = order_of_bound(_with_orders(system, solved) or closed, region, side)
        return Solution(
            closed,
            exact,
            where,
            growth,
            rules,
            checked=sum(s.checked for s in used.values()),
        )


def _with_orders(system: System, solved: dict[str, Solution]) -> Expr | None:
    """The goal with the orders of functions in place of their calls, which have sizes as they are for arguments."""
    table: dict[Atom, Expr] = {}
    for a in system.goal.atoms():
        if isinstance(a, Fn) and a.op == "call":
            growth = solved[a.name].order if a.name in solved else None
            if growth is None or not all(isinstance(x.atom, Sym) for x in a.args):
                return None
            table[a] = growth.subs(dict(zip(system.functions[a.name].params, a.args, strict=True)))
    return system.goal.rebuild(table.get) if table else None


def _where_not_negative(answer: Solution, f: Function, kinds: dict[str, str], domain: Cond) -> Solution:
    """The solver takes every size for one that is not negative; of a number that has to be said."""
    if answer.closed is None:
        return answer
    looked_at = answer.closed.free.union(*(c.guard.free for c in f.cases))
    numbers = [p for p in f.params if kinds.get(p) == "int" and p in looked_at]
    valid = tight_cond(conj(answer.valid, *(ge(sym(p, "int"), ZERO) for p in numbers)), assuming(domain))
    return replace(answer, valid=valid)


def _with_base(answer: Solution, f: Function, domain: Cond, side: Side) -> Solution:
    """A form that holds beyond the base cases, joined with them to one that holds everywhere."""
    if answer.closed is None or answer.valid == TRUE:
        return answer
    base: list[tuple[Expr, Cond]] = []
    beyond = assuming(domain)
    for c in f.cases:
        if _has_call(c.value):
            continue
        if c.guard == TRUE:
            break
        base.append((c.value, c.guard))
        beyond = beyond.with_(negate(c.guard))
    if not base or not beyond.implies(answer.valid) or not _leading(f):
        return answer
    closed = tight(piecewise(*base, (answer.closed, TRUE)), assuming(domain))
    if all(len(c.free) == 1 for _, c in base):
        growth = answer.order if answer.order is not None else order_of_bound(closed, domain, side)
    else:
        growth = _order_with_base(answer.order, closed, base, domain, side)
    return Solution(closed, answer.exact, TRUE, growth, answer.rules, answer.refused, answer.reason, answer.checked)


def _order_with_base(
    above: Expr | None, closed: Expr, base: list[tuple[Expr, Cond]], domain: Cond, side: Side
) -> Expr | None:
    """The order where a threshold is a symbol, so that all sizes may be base cases; `above` is that beyond them."""
    found = order(closed, domain)
    if found is None and above is not None:
        orders = [order_of_bound(v, conj(domain, c), side) for v, c in base]
        known = [x for x in orders if x is not None]
        total = order(sum(known, above), domain) if len(known) == len(orders) else None
        if side == "upper":
            found = total
        elif total is not None:     # the most that is below each of them where that one counts
            beyond = conj(domain, *(negate(c) for _, c in base))
            regions = [(x, conj(domain, c)) for x, (_, c) in zip(known, base, strict=True)] + [(above, beyond)]
            lowest = (total, above, *known)
            found = next((x for x in lowest if all(at_most(x, y, where) for y, where in regions)), None)
    return found if found is not None else order_of_bound(closed, domain, side)


def _leading(f: Function) -> bool:
    """Whether the cases without calls come first."""
    kinds = [_has_call(c.value) for c in f.cases]
    return kinds == sorted(kinds)


# ---------------------------------------------------------------- common factors


def factored(functions: dict[str, Function]) -> tuple[Expr, dict[str, Function]]:
    """(S, the equations for 1), where every value besides calls is a multiple of one S >= 0; else (1, as they are)."""
    params = {p for f in functions.values() for p in f.params}
    coefficients = [
        x
        for f in functions.values()
        for c in f.cases
        for leaf in _own_terms(c.value)
        for x in _by_params(leaf, params)
        if x != ZERO
    ]
    if not coefficients or any(x.infinite for x in coefficients):
        return ONE, functions
    ratios = [_ratio(x, coefficients[0]) for x in coefficients]
    known = [Fraction(r) if r > 0 else -Fraction(r) for r in ratios if r is not None]
    if len(known) < len(ratios):
        return ONE, functions
    common = coefficients[0] * min(known)
    if common == ONE or not is_nonneg(common):
        return ONE, functions
    factor = common

    def divide(e: Expr) -> Expr:
        return _map_own(e, lambda leaf: _divided(leaf, factor, params))

    return factor, {
        f.name: Function(f.name, f.params, tuple(Case(c.guard, divide(c.value)) for c in f.cases))
        for f in functions.values()
    }


def _holds_call(a: Atom) -> bool:
    return isinstance(a, Fn) and (a.op == "call" or any(_has_call(x) for x in a.args))


def _has_call(e: Expr) -> bool:
    return any(isinstance(a, Fn) and a.op == "call" for a in e.atoms())


def _own_terms(e: Expr) -> Iterable[Expr]:
    """What a value adds besides calls, also within maxima, minima, choices and cases of calls."""
    own = Expr({m: c for m, c in e.terms.items() if not any(_holds_call(a) for a, _ in m)}, e.infinite)
    yield own
    for m in e.terms:
        for a, _ in m:
            if isinstance(a, Fn) and a.op != "call" and _holds_call(a):
                for x in a.args[: 1 if a.op in ("sum", "choose") else None]:
                    yield from _own_terms(x)


def _map_own(e: Expr, f: Callable[[Expr], Expr]) -> Expr:
    from .expr import make

    own = Expr({m: c for m, c in e.terms.items() if not any(_holds_call(a) for a, _ in m)}, e.infinite)
    result = f(own)
    for m, c in e.terms.items():
        if not any(_holds_call(a) for a, _ in m):
            continue
        product = Expr({(): c})
        for a, k in m:
            x = _expr(a)
            if isinstance(a, Fn) and a.op != "call" and _holds_call(a):
                inner = 1 if a.op in ("sum", "choose") else len(a.args)
                x = make(a.op, (*(_map_own(y, f) for y in a.args[:inner]), *a.args[inner:]), a.name, a.conds)
            product = product * (x if k == 1 else power(x, k))
        result = result + product
    return result


def _by_params(leaf: Expr, params: set[str]) -> list[Expr]:
    """The coefficients, over symbols that are no parameters, of a polynomial in what depends on parameters."""
    return list(_grouped(leaf, params).values())


def _grouped(leaf: Expr, params: set[str]) -> dict[tuple[tuple[Atom, Number], ...], Expr]:
    """Coefficients by the part of a monomial that depends on parameters."""
    groups: dict[tuple[tuple[Atom, Number], ...], Expr] = {}
    for m, c in leaf.terms.items():
        local = tuple((a, k) for a, k in m if _expr(a).free & params)
        rest = tuple((a, k) for a, k in m if not _expr(a).free & params)
        groups[local] = groups.get(local, ZERO) + Expr({rest: c})
    return groups


def _ratio(e: Expr, by: Expr) -> Number | None:
    """e / by, if that is a number."""
    if set(e.terms) != set(by.terms):
        return None
    ratios = {Fraction(c) / Fraction(by.terms[m]) for m, c in e.terms.items()}
    return ratios.pop() if len(ratios) == 1 else None


def _divided(leaf: Expr, factor: Expr, params: set[str]) -> Expr:
    result = ZERO
    for local, coefficient in _grouped(leaf, params).items():
        if coefficient == ZERO:
            continue
        ratio = _ratio(coefficient, factor)
        assert ratio is not None
        result = result + Expr({local: 1}) * ratio
    return result


# ---------------------------------------------------------------- small things


def _expr(a: Atom) -> Expr:
    return Expr({((a, 1),): 1})


def _parts(c: Cond) -> tuple[Cond, ...]:
    return c.parts if isinstance(c, And) else (c,)


def _with(s: Solution, closed: Expr | None, growth: Expr | None) -> Solution:
    return Solution(closed, s.exact, s.valid, growth, s.rules, s.refused, s.reason, s.checked)


def _kinds(system: System) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for e in [system.goal, *(c.value for f in system.functions.values() for c in f.cases)]:
        for a in e.atoms():
            if isinstance(a, Sym):
                kinds[a.name] = a.kind
    for f in system.functions.values():
        for c in f.cases:
            for a in c.guard.atoms():
                if isinstance(a, Sym):
                    kinds[a.name] = a.kind
    return kinds


def _same_call(goal: Expr, name: str, params: tuple[str, ...]) -> bool:
    """Whether the goal calls the function only with its own parameters' names, so that the domain speaks of them."""
    calls = [a for a in goal.atoms() if isinstance(a, Fn) and a.op == "call"]
    if {c.name for c in calls} != {name}:
        return False
    for c in calls:
        for p, x in zip(params, c.args, strict=True):
            a = x.atom
            if not (isinstance(a, Sym) and a.name == p):
                return False
    return True


def _reachable(functions: dict[str, Function], start: str) -> dict[str, Function]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        n = todo.pop()
        if n in seen:
            continue
        seen.add(n)
        todo.extend(a.name for c in functions[n].cases for a in c.value.atoms() if isinstance(a, Fn) and a.op == "call")
    return {n: f for n, f in functions.items() if n in seen}


def _quick(system: System, solved: dict[str, Solution]) -> System:
    functions = {}
    for name, f in system.functions.items():
        s = solved[name]
        direct = (
            s.closed is not None
            and s.exact
            and not any(isinstance(a, Fn) and a.op in ("sum", "choose") for a in s.closed.atoms())
        )
        cases = (Case(s.valid, s.closed), *f.cases) if direct and s.closed is not None else f.cases
        functions[name] = Function(name, f.params, cases)
    return System(functions, system.goal, system.domain)
