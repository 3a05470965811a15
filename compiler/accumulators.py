"""The sizes of an accumulator as functions of the number of the iteration.

In: the first value of a `fold` or `repeat` and its body as a function of abstract values. Out: the value at iteration i
and after the last, and the cost of iteration i. Recurrences of the usual kinds (constant, growing by a summable amount,
saturating) are solved here, others by the solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .costs import FREE, Cost, Spreading, substitute, symbols_of, widen
from .equations import Case, Function, Side, System
from .expr import INF, TRUE, ZERO, Cond, Expr, Fn, call, conj, ge, is_nonneg, le, max_, min_, sum_, sym
from .facts import Facts
from .shapes import fill, has_unknown, joined_template, leaves_of, with_template
from .simplify import tight
from .solve import solve
from .values import Size, Value, between, exact, interval

__all__ = ["Accumulation", "over_iterations"]


class Accumulation:
    """The sizes of an accumulator as functions of the number of the iteration.

    The body is walked with a symbol for every size of the accumulator; what comes out is a system of recurrences in
    the iteration number, solved here for the usual kinds (constant, growing by a summable amount, saturating) and by
    the solver otherwise. `needs_peel`: the first iteration differs from the others.
    """

    def __init__(
        self,
        fresh: Callable[[str], str],
        time_limit: float,
        facts: Iterable[Cond],
        initial: Value,
        index: str,
        body: Callable[[Value], tuple[Value, Cost]],
        element: str | None,
        over: Spreading | None,
    ) -> None:
        self.fresh, self.time_limit, self.facts = fresh, time_limit, conj(*facts)
        self.initial, self.index, self.body = initial, index, body
        self.element, self.over = element, over
        self.needs_peel = False
        self.table: dict[str, Expr] = {}
        self.exact_leaves: list[bool] = []
        self.names: list[tuple[str, str]] = []
        self.template: Value = initial
        self._cost: Cost = FREE
        self.totals: dict[str, Expr] = {}
        self._steps: dict[str, tuple[Expr, Expr, Side]] = {}

    def find(self) -> None:
        first, _ = self.body(self.initial)
        self.template = joined_template(self.initial, first)
        start = leaves_of(with_template(self.initial, self.template), totals=True)
        self.exact_leaves = [s.exact and not s.lo.infinite for s in start]
        for _ in range(2 * len(start) + 2):
            state = self._symbols(start)
            after, self._cost = self.body(state)
            step = leaves_of(with_template(after, self.template), totals=True)
            inexact = [
                i
                for i, s in enumerate(step)
                if self.exact_leaves[i]
                and (not s.exact or (self.element is not None and self.element in s.lo.free))
            ]
            if not inexact:
                bounded_only = self._solve(start, step)
                inexact = [i for i, (a, _) in enumerate(self.names) if a in bounded_only]
            if not inexact:
                return
            for i in inexact:
                self.exact_leaves[i] = False

    def _symbols(self, start: list[Size]) -> Value:
        self.names = []
        leaves = []
        for s, one in zip(start, self.exact_leaves, strict=True):
            a = self.fresh("s")
            b = a if one else self.fresh("s")
            self.names.append((a, b))
            leaves.append(exact(sym(a)) if one else Size(sym(a), sym(b), None))
            del s
        return fill(self.template, iter(leaves), totals=True)

    def _solve(self, start: list[Size], step: list[Size]) -> set[str]:
        """Fills the table; the sizes taken for exact of which only a bound was found, for these need two symbols."""
        i = sym(self.index)
        base: dict[str, Expr] = {}
        then: dict[str, Expr] = {}
        side: dict[str, Side] = {}
        for (a, b), s, t in zip(self.names, start, step, strict=True):
            base[a], then[a], side[a] = s.lo, t.lo, "lower"
            if b != a:
                base[b], then[b], side[b] = s.hi, t.hi, "upper"
            else:
                side[a] = "upper"
        if self.element is not None and self.over is not None:
            for n, e in then.items():
                growth = (e - sym(n)).coefficients(self.element)
                count = self.over.count.hi if side[n] == "upper" else self.over.count.lo
                total = self.over.total.hi if side[n] == "upper" else self.over.total.lo
                linear = growth is not None and set(growth) <= {0, 1} and not e.infinite
                state = (*base, self.index)
                if growth is not None and linear and not any(m in x.free for x in growth.values() for m in state):
                    steady = self.over.count.exact or is_nonneg(growth.get(0, ZERO))
                    if steady and (self.over.total.exact or is_nonneg(growth.get(1, ZERO))):
                        self.totals[n] = base[n] + growth.get(0, ZERO) * count + growth.get(1, ZERO) * total
                lo, hi = interval(e, {self.element: (self.over.low, self.over.high)})
                then[n] = hi if side[n] == "upper" else lo
        self._steps = {n: (base[n], then[n], side[n]) for n in base}
        single = {a for a, b in self.names if a == b}
        table: dict[str, Expr] = {}
        todo = list(base)
        progress = True
        while todo and progress:
            progress = False
            for n in list(todo):
                e = then[n].subs(table) if not then[n].infinite else then[n]
                others = (e.free & set(base)) - {n}
                if others:
                    continue
                value = self._one(n, base[n], e, i)
                if value is None and n not in single:
                    value = self._one(n, base[n], self._any_case(e, side[n]), i)
                if value is None:
                    continue
                table[n] = value
                todo.remove(n)
                progress = True
        bounded_only: set[str] = set()
        for n in todo:
            if self.needs_peel:
                break
            table[n], equal = self._by_solver(n, base, {m: then[m] for m in todo}, side[n], table)
            if n in single and not equal:
                bounded_only.add(n)
        self.table = table
        return bounded_only

    def _one(self, n: str, base: Expr, step: Expr, i: Expr) -> Expr | None:
        """The value at iteration i of s(0) = base, s(i+1) = step; None if it is not one of the simple kinds."""
        s = sym(n)
        if step == s or (not step.infinite and step == base and n not in step.free and self.index not in step.free):
            return base
        if step.infinite or base.infinite:
            if step.infinite and base == step:
                return base
            self.needs_peel = True
            return None
        if n not in step.free:
            self.needs_peel = True
            return None
        growth = step - s
        if n not in growth.free:
            j = self.fresh("i")
            return base + sum_(growth.subs({self.index: sym(j)}), j, ZERO, i - 1)
        atom = step.atom
        if isinstance(atom, Fn) and atom.op in ("max", "min") and s in atom.args:
            rest = [x for x in atom.args if x != s]
            if not any(n in x.free or self.index in x.free for x in rest):
                settled = tight((max_ if atom.op == "max" else min_)(base, *rest), Facts((self.facts,)))
                if settled == base:
                    return base
                self.needs_peel = True
        return None

    def _any_case(self, step: Expr, side: Side) -> Expr:
        """A bound of a step by cases: whichever of them applies, in any iteration."""
        pick = max_ if side == "upper" else min_
        whole = step.atom
        if not isinstance(whole, Fn) or whole.op != "piecewise":
            return step
        return tight(pick(*whole.args), Facts((self.facts,)))

    def _by_solver(
        self, n: str, base: Mapping[str, Expr], then: Mapping[str, Expr], side: Side, table: Mapping[str, Expr]
    ) -> tuple[Expr, bool]:
        """Coupled or multiplied accumulators, as a system of recurrences in the iteration number; whether exact."""
        i = sym(self.index)
        previous = {m: call(f"size_{m}", i - 1) for m in then}
        functions = {}
        nothing = INF if side == "upper" else ZERO
        for m, e in then.items():
            if e.infinite:
                return nothing, False
            value = e.subs({self.index: i - 1}).subs(table).subs(previous)
            functions[f"size_{m}"] = Function(
                f"size_{m}", (self.index,), (Case(le(i, ZERO), base[m]), Case(TRUE, value))
            )
        system = System(functions, call(f"size_{n}", i), conj(self.facts, ge(i, ZERO)))
        answer = solve(system, side, time_limit=self.time_limit)
        known = Facts((system.domain,))
        if answer.closed is not None and not has_unknown(answer.closed) and known.implies(answer.valid):
            return tight(answer.closed, known), answer.exact
        return nothing, False

    def give_up(self) -> None:
        """Nothing is known of the accumulator after the first iterations."""
        for n, (base, step, side) in self._steps.items():
            # a step that looks neither at the state nor at the iteration bounds all values but the first
            if n not in self.table and not step.free & (self._steps.keys() | {self.index}):
                self.table[n] = max_(base, step) if side == "upper" else min_(base, step)
        for a, b in self.names:
            self.table.setdefault(b, INF)
            self.table.setdefault(a, ZERO)
        self.needs_peel = False

    def state_at(self, i: Expr) -> Value:
        leaves = []
        for a, b in self.names:
            leaves.append(bounded(self.table[a].subs({self.index: i}), self.table[b].subs({self.index: i})))
        return fill(self.template, iter(leaves), totals=True)

    def final(self, count: Expr) -> Value:
        """The accumulator after all iterations; what grows with the elements grows by their total."""
        leaves = []
        for a, b in self.names:
            lo = self.totals.get(a, self.table[a].subs({self.index: count}))
            hi = self.totals.get(b, self.table[b].subs({self.index: count}))
            leaves.append(bounded(lo, hi))
        return fill(self.template, iter(leaves), totals=True)

    def resolve(self, cost: Cost) -> Cost:
        return substitute(cost, self.table)

    @property
    def cost(self) -> Cost:
        """The cost of iteration `index`."""
        return self.resolve(self._cost)


def bounded(lo: Expr, hi: Expr) -> Size:
    """A size between two bounds; one that is not bounded is not known to be large."""
    if lo.infinite > 0:
        lo = ZERO
    return exact(lo) if lo == hi else between(lo, hi)


def over_iterations(cost: Cost, index: str, count: Size) -> Cost:
    """The cost of an iteration of unknown number, bounded over all of them."""
    if index not in symbols_of(cost):
        return cost
    top = max_(count.hi - 1, ZERO)
    return widen(cost, index, ZERO, top)
