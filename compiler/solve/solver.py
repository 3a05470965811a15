"""From a system to a solution of its goal.

Components of the call graph are solved bottom up; solved functions are put into their callers as closed forms. For each
function the rules of `rules.RULES` are tried in order, and the first answer that `check` cannot break is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import product

from ..equations import Case, Function, Side, System
from ..evaluate import EvaluationError, Evaluator, NoCase, NonTerminating, OutOfFuel, compile_cond
from ..expr import (
    FALSE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    Fn,
    Rel,
    Sym,
    call,
    conj,
    disj,
    eq,
    ge,
    is_nonneg,
    max_,
    min_,
    ne,
    negate,
    num,
    piecewise,
    sym,
)
from ..facts import assuming
from ..simplify import factorials, tight
from .cfinite import c_finite
from .check import compare, points
from .dominant import dominant_in_system
from .model import Closed, Deadline, Refused
from .mutual import eliminate
from .refuse import refuse
from .structure import (
    calls_in,
    conjuncts,
    effective_guards,
    kinds_of,
    map_atoms,
    renamed_calls,
    replace_calls,
)
from .sums import tidy

__all__ = ["Inlined", "Work", "components", "resolve_choices"]


_FEW_TERMS = 12


@dataclass(frozen=True, slots=True)
class Inlined:
    """An expression without calls of solved functions: `exact` or a safe bound, or only of the right order."""

    form: Expr
    exact: bool = True
    order_only: bool = False
    rules: tuple[str, ...] = ()


def resolve_choices(system: System, side: Side) -> System:
    """The adversary's choices as maxima for the upper bound and as minima for the lower one; those of a number, which
    nothing recurs in, at the number that is best where one is proved to be. Sums of few terms are written out."""
    pick = max_ if side == "upper" else min_

    def change(e: Expr, inside: Cond) -> Expr:
        def decided(a: Fn) -> Expr | None:
            if a.op == "choice":
                return pick(*a.args)
            if a.op == "sum" and calls_in(a.args[0]):
                count = (a.args[2] - a.args[1]).number
                if isinstance(count, int) and 0 <= count < _FEW_TERMS:      # a window over the last sizes
                    return sum((a.args[0].subs({a.name: a.args[1] + i}) for i in range(count + 1)), num(0))
            whole = Expr({((a, 1),): 1})
            return tight(whole, assuming(inside), side) if a.op == "choose" and not calls_in(whole) else None

        return map_atoms(e, decided)

    def where(f: Function, at: int) -> Cond:
        domain = (p for p in conjuncts(system.domain) if p.free <= set(f.params))
        return conj(*domain, *(negate(c.guard) for c in f.cases[:at]), f.cases[at].guard)

    functions = {
        name: Function(
            name, f.params, tuple(Case(c.guard, change(c.value, where(f, i))) for i, c in enumerate(f.cases))
        )
        for name, f in system.functions.items()
    }
    return System(functions, change(system.goal, system.domain), system.domain)


def components(system: System) -> list[list[str]]:
    """The strongly connected components of what the goal needs, callees first (Tarjan)."""
    calls = {name: sorted({a.name for c in f.cases for a in calls_in(c.value)}) for name, f in system.functions.items()}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    out: list[list[str]] = []
    for root in sorted({a.name for a in calls_in(system.goal)}):
        if root in index:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(calls.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            name, rest = work[-1]
            for callee in rest:
                if callee not in index:
                    index[callee] = low[callee] = len(index)
                    stack.append(callee)
                    work.append((callee, iter(calls.get(callee, ()))))
                    break
                if callee in stack:
                    low[name] = min(low[name], index[callee])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    cut = stack.index(name)
                    out.append(stack[cut:])
                    del stack[cut:]
    return out


@dataclass
class Work:
    """One system, one side: what is solved already, and the means to check."""

    system: System
    side: Side
    deadline: Deadline
    known: dict[str, Closed] = field(default_factory=dict)
    depth: int = 0
    memo: dict[object, Closed | None] = field(default_factory=dict)

    @cached_property
    def evaluator(self) -> Evaluator:
        return Evaluator(
            self.system, self.side, fuel=400_000, seconds=2.0, digits=self.digits, until=self.deadline.at
        )

    @cached_property
    def digits(self) -> int | None:
        """How values are computed: exactly, or to fifty digits where some are irrational."""
        return 50 if any(_irrational(c.value) for f in self.system.functions.values() for c in f.cases) else None

    @cached_property
    def lows(self) -> dict[str, int]:
        """The least values that the domain allows."""
        found: dict[str, int] = {}
        for part in conjuncts(self.system.domain):
            if isinstance(part, Rel) and part.op == ">=" and len(part.free) == 1:
                (name,) = part.free
                low = (sym(name) - part.e).number
                if isinstance(low, int):
                    found[name] = max(low, found.get(name, low))
        return found

    @cached_property
    def floats(self) -> Evaluator:
        """For large sizes, where only the ratio matters."""
        return Evaluator(self.system, self.side, fuel=2_000_000, seconds=3.0, digits=15, until=self.deadline.at)

    # ------------------------------------------------------------ facts

    def domain_of(self, names: tuple[str, ...]) -> Cond:
        """What the domain says of these symbols."""
        return conj(*(p for p in conjuncts(self.system.domain) if p.free <= set(names)))

    def implied(self, region: Cond, claim: Cond, names: tuple[str, ...], kinds: dict[str, str]) -> bool:
        """Whether `claim` holds wherever `region` does, as far as many points can tell; every form is checked
        afterwards.
        """
        if claim == TRUE:
            return True
        names = tuple(sorted({*names, *region.free, *claim.free}))
        try:
            inside, holds = compile_cond(region, names), compile_cond(claim, names)
        except EvaluationError:
            return False
        seen = 0
        for point in points(names, kinds, frozenset(names[:2]), True, self.lows):
            try:
                if inside(*point):
                    seen += 1
                    if not holds(*point):
                        return False
            except EvaluationError:
                continue
        return seen > 0

    # ------------------------------------------------------------ solved functions

    def inline(self, e: Expr, region: Cond, names: tuple[str, ...], kinds: dict[str, str]) -> Inlined | None:
        """Puts closed forms in for calls of solved functions; None where one of them is unknown."""
        exact, order_only = True, False
        rules: list[str] = []
        table: dict[Fn, Expr] = {}
        while True:
            wanted = [
                a
                for a in calls_in(e)
                if a.name in self.known
                and not any(calls_in(x) and any(b.name in self.known for b in calls_in(x)) for x in a.args)
            ]
            if not wanted:
                break
            table.clear()
            for a in wanted:
                closed = self.known[a.name]
                f = self.system.functions[a.name]
                values = dict(zip(f.params, a.args, strict=True))
                rules += [r for r in closed.rules if r not in rules]
                if closed.form is None:
                    if closed.order is None:
                        return None
                    order_only, exact = True, False
                    table[a] = closed.order.subs(values)
                    continue
                if not closed.exact:
                    if not _monotone(e, a):
                        return None
                    exact = False
                valid = closed.valid.subs(values)
                bound = _bound_names(e)
                if self.implied(region, valid, tuple(n for n in names if n not in bound), kinds):
                    table[a] = closed.form.subs(values)
                else:
                    table[a] = self.whole(f, closed, values, region, names, kinds)
            e = map_atoms(e, table.get)
        return Inlined(e, exact, order_only, tuple(rules))

    def _decided(self, e: Expr, name: str, region: Cond, names: tuple[str, ...], kinds: dict[str, str]) -> Expr:
        """Extrema of two solved values, where one is never the other's better in this region."""

        def change(a: Fn) -> Expr | None:
            if a.op not in ("max", "min") or len(a.args) != 2 or any(calls_in(x) for x in a.args):
                return None
            x, y = a.args
            if self.implied(region, ge(x, y), names, kinds):
                return x if a.op == "max" else y
            if self.implied(region, ge(y, x), names, kinds):
                return y if a.op == "max" else x
            return None

        return map_atoms(e, change)

    def whole(
        self,
        f: Function,
        closed: Closed,
        values: dict[str, Expr],
        region: Cond,
        names: tuple[str, ...],
        kinds: dict[str, str],
    ) -> Expr:
        """The closed form where it holds and the cases elsewhere, as far as these do not recur."""
        assert closed.form is not None
        cases: list[tuple[Expr, Cond]] = []
        for case in f.cases:
            if calls_in(case.value):
                continue
            guard = case.guard.subs(values)
            if self.implied(region, negate(guard), names, kinds):
                continue
            cases.append((case.value.subs(values), guard))
            if self.implied(region, guard, names, kinds):
                return piecewise(*cases[:-1], (cases[-1][0], TRUE))
        return piecewise(*cases, (closed.form.subs(values), TRUE))

    # ------------------------------------------------------------ one function

    def prepare(self, f: Function) -> tuple[Function, bool, bool, tuple[str, ...]] | None:
        """The function with solved callees put in; exact, order only, rules."""
        exact, order_only = True, False
        rules: list[str] = []
        cases = []
        kinds = kinds_of(f)
        domain = self.domain_of(f.params)
        for guard, case in zip(
            (g for g, _ in effective_guards(f.cases)), [c for c in f.cases if c.guard != FALSE], strict=False
        ):
            value = self.inline(case.value, conj(domain, guard), f.params, kinds)
            if value is None:
                return None
            exact, order_only = exact and value.exact, order_only or value.order_only
            rules += [r for r in value.rules if r not in rules]
            form = (
                self._decided(value.form, f.name, conj(domain, guard), f.params, kinds) if value.rules else value.form
            )
            cases.append(Case(case.guard, factorials(_base_calls(form, f))))
        return Function(f.name, f.params, tuple(cases)), exact, order_only, tuple(rules)

    def solve_function(self, f: Function) -> Closed | None:
        """The first checked answer of the rules. Raises Refused."""
        from .rules import RULES

        prepared = self.prepare(f)
        if prepared is None:
            return None
        g, exact, order_only, below = prepared
        best: Closed | None = None
        for rule in RULES:
            self.deadline.check()
            answers = rule(self, g)
            while True:
                try:
                    answer = next(answers, None)
                except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, EvaluationError) as e:
                    trace(f, Closed(None, False, TRUE, (getattr(rule, "__name__", ""),)), f"{type(e).__name__}: {e}")
                    break  # a rule went through a pole, or tripped over a shape that it did not expect: no answer
                if answer is None:
                    break
                if answer.form is not None:
                    if any(isinstance(a, Fn) and a.op in ("choose", "choice") for a in answer.form.atoms()):
                        continue    # an adversary's choice is no closed form
                    answer = self._at_poles(g, replace(answer, form=tidy(answer.form)))
                checked = self.verified(f, answer, g, exact=exact, order_only=order_only, below=below)
                if checked is None:
                    continue
                if checked.form is not None:
                    return checked
                best = best or checked
        return best

    def _at_poles(self, f: Function, answer: Closed) -> Closed:
        """With the cases in which the divisor m - 1 of a form is 0: solved by themselves, or left out."""
        assert answer.form is not None
        kinds, moving = kinds_of(f), _moving(f)
        form = tight(answer.form, assuming(answer.valid, self.domain_of(f.params)))
        below = (a for m in form.terms for a, k in m if isinstance(a, Fn) and k < 0)
        divisors = {a.args[0]: None for a in below if a.op == "paren"}
        if divisors:
            answer = replace(answer, form=form)
        for divisor in divisors:
            for i, p in enumerate(f.params):
                line = divisor.coefficients(p)
                if i in moving or line is None or set(line) - {0, 1} or 1 not in line or line[1].number not in (1, -1):
                    continue
                root = line.get(0, num(0)) * (-1 / Fraction(line[1].number or 1))
                inside = conj(answer.valid, self.domain_of(f.params))
                if self.implied(inside, ne(sym(p), root), f.params, kinds):
                    break
                name = f"{f.name}_at_{p}"
                values = (replace_calls(c.value, f.name, partial(_without, name, i)) for c in f.cases)
                cases = tuple(
                    Case(c.guard.subs({p: root}), v.subs({p: root})) for c, v in zip(f.cases, values, strict=True)
                )
                there = self.derived(Function(name, (*f.params[:i], *f.params[i + 1 :]), cases))
                if there is None or there.form is None or (answer.exact and not there.exact):
                    return replace(answer, valid=conj(answer.valid, ne(sym(p), root)))
                at = eq(sym(p), root)
                elsewhere = disj(negate(at), there.valid)
                answer = replace(
                    answer,
                    form=piecewise((there.form, at), (answer.form or there.form, TRUE)),
                    valid=conj(answer.valid, TRUE if assuming(inside, at).implies(there.valid) else elsewhere),
                )
                break
        return answer

    def verified(
        self,
        f: Function,
        answer: Closed,
        prepared: Function | None = None,
        *,
        exact: bool = True,
        order_only: bool = False,
        below: tuple[str, ...] = (),
    ) -> Closed | None:
        """The answer with what the check leaves of it."""
        rules = (*below, *(r for r in answer.rules if r not in below))
        if answer.form is None or order_only:
            order = answer.order if answer.order is not None else answer.form
            return Closed(None, False, TRUE, rules, order)
        kinds = kinds_of(f)
        moving = frozenset(f.params[i] for i in _moving(f))
        main = moving or frozenset(f.params[:2])
        domain = self.domain_of(f.params)
        valid = simplest(
            conj(
                answer.valid,
                *(
                    p
                    for p in conjuncts(domain)
                    if not p.free & moving and p.free and not self.implied(answer.valid, p, f.params, kinds)
                ),
            )
        )
        claim = answer.exact and exact
        inside = conj(valid, *self._shared(f, domain), *(ne(sym(d, "real"), num(0)) for d in _divisors(f)))
        # solved callees have been checked themselves: large sizes are compared with their forms in place, small ones
        # without
        calls = {a.name for c in f.cases for a in calls_in(c.value)} - {f.name}
        evaluator, huge = (
            self.evaluator,
            not any(_shifting(g) for g in (f, *self._reached(f))),
        )
        if (
            calls
            and prepared is not None
            and not {a.name for c in prepared.cases for a in calls_in(c.value)} - {f.name}
        ):
            small = compare(
                self.evaluator,
                f.name,
                f.params,
                answer.form,
                claim,
                inside,
                _small(f.params, kinds),
                self.deadline,
                least=0,
                most=40,
            )
            if small.broken is not None:
                trace(f, answer, small.broken)
                return None
            functions = {f.name: prepared}
            evaluator = Evaluator(
                System(functions, call(f.name, *(sym(p) for p in f.params)), TRUE),
                self.side,
                fuel=400_000,
                seconds=2.0,
                digits=self.digits,
            )
            huge = not _shifting(prepared)
            claim = answer.exact
        outcome = compare(
            evaluator,
            f.name,
            f.params,
            answer.form,
            claim,
            inside,
            points(f.params, kinds, main, huge, self.lows),
            self.deadline,
            least=4 if not f.params else 6,
        )
        claim = claim and exact
        if outcome.broken is not None or not outcome.points:
            trace(f, answer, outcome.broken)
            return None
        valid = self._widened(f, answer.form, claim, valid, moving)
        return Closed(answer.form, claim, valid, rules, answer.order, outcome.points)

    def _reached(self, f: Function) -> list[Function]:
        """What the function calls, directly or not, in the system as it was."""
        names = [f.name, *(a.name for c in f.cases for a in calls_in(c.value))]
        for name in names:
            if name in self.system.functions:
                below = (a.name for c in self.system.functions[name].cases for a in calls_in(c.value))
                names += [x for x in dict.fromkeys(below) if x not in names]
        return [self.system.functions[name] for name in names if name in self.system.functions]

    def _widened(self, f: Function, form: Expr, exact: bool, valid: Cond, moving: frozenset[str]) -> Cond:
        """The condition with the lower limit of a size moved down as far as the form still agrees, at most to 0."""
        parts = list(conjuncts(valid))
        for i, part in enumerate(parts):
            if not isinstance(part, Rel) or len(part.free) != 1 or not part.free <= moving:
                continue
            (name,) = part.free
            low = (sym(name) - part.e).number
            if part.op != ">=" or not isinstance(low, int) or not 1 <= low <= 6:
                continue
            for lower in range(low - 1, -1, -1):
                at = conj(*parts[:i], eq(sym(name), num(lower)), *parts[i + 1 :])
                choice = [range(lower, lower + 1) if p == name else (1, 2, 5) for p in f.params]
                found = compare(
                    self.evaluator, f.name, f.params, form, exact, at, product(*choice), self.deadline, least=1
                )
                if found.broken is not None:
                    break
                parts[i] = ge(sym(name), num(lower))
        return conj(*parts)

    def _shared(self, f: Function, domain: Cond) -> tuple[Cond, ...]:
        """The goal's domain holds for the goal's own function; others are used at other sizes too."""
        goal = self.system.goal.atom
        if (
            isinstance(goal, Fn)
            and goal.name == f.name
            and all(isinstance(x.atom, Sym) and x.atom.name == p for x, p in zip(goal.args, f.params, strict=True))
        ):
            return (domain,)
        return ()

    def solve_component(self, names: list[str]) -> str | None:
        """Solves the functions of one component into `known`; the name of one that is unknown, or None."""
        functions = [self.system.functions[name] for name in names]
        for f in functions:
            refuse(f)
        if len(functions) == 1:
            answer = self.solve_function(functions[0])
            if answer is None:
                return names[0]
            self.known[names[0]] = answer
            return None
        found: dict[str, Closed] = {}
        prepared = [self.prepare(f) for f in functions]
        for f in functions:
            answer = self._inlined(f, functions)
            if answer is not None:
                # the others call each other no more in a circle, or in a smaller one
                self.known[f.name] = replace(answer, rules=(*answer.rules, "mutual recursion"))
                rest = {g.name: g for g in functions if g is not f}
                goal = sum((call(g.name, *(sym(p) for p in g.params)) for g in rest.values()), ZERO)
                parts = [p for p in components(System(rest, goal, TRUE)) if p[0] in rest]
                unknown = (self.solve_component(part) for part in parts)
                return next((u for u in unknown if u is not None), None)
        for f in functions:
            answer = None
            ready = [p[0] for p in prepared if p is not None and p[1]]
            candidates = list(c_finite(ready, f.name)) if len(ready) == len(functions) else []
            candidates.sort(key=_surds)
            for candidate in candidates:
                if _surds(candidate):
                    break
                answer = self.verified(f, candidate)
                if answer is not None:
                    break
            if answer is None:
                alone = eliminate(f, [g for g in functions if g is not f])
                if alone is not None:
                    answer = self.solve_function(alone)
            for candidate in candidates if answer is None else ():
                answer = answer or self.verified(f, candidate)
            if answer is None and len(ready) == len(functions):
                answer = next((self.verified(f, c) for c in dominant_in_system(self, ready, f)), None)
            if answer is None:
                return f.name
            found[f.name] = Closed(
                answer.form,
                answer.exact,
                answer.valid,
                (*answer.rules, "mutual recursion"),
                answer.order,
                answer.checked,
            )
        self.known.update(found)
        return None

    def _inlined(self, f: Function, component: list[Function]) -> Closed | None:
        """An exact answer where only one function of several is not passed through in one step."""
        if any(calls_in(c.value, g.name) for g in component for c in g.cases):
            return None
        alone = eliminate(f, [g for g in component if g is not f])
        if alone is None or len(calls_in(sum((c.value for c in alone.cases), ZERO))) > 1:
            return None
        domain = self.domain_of(f.params)
        cases = (Case(g, tight(e, assuming(conj(domain, g)))) for g, e in effective_guards(alone.cases))
        answer = self.solve_function(Function(f.name, f.params, tuple(cases)))
        return answer if answer is not None and answer.exact else None

    def derived(self, f: Function, solved: Mapping[str, tuple[Function, Closed]] | None = None) -> Closed | None:
        """Solves a function that a rule has made up, with others made up and solved before."""
        if self.depth > 6 or len(self.memo) > 120:
            return None
        key = (
            f.params,
            tuple((c.guard, renamed_calls(c.value, f.name, "@")) for c in f.cases),
        )
        if key in self.memo:
            return self.memo[key]
        self.memo[key] = None  # while it is under way, the same question has no answer
        self.memo[key] = answer = self._derived(f, solved)
        return answer

    def _derived(self, f: Function, solved: Mapping[str, tuple[Function, Closed]] | None) -> Closed | None:
        functions = {**self.system.functions, **{name: g for name, (g, _) in (solved or {}).items()}, f.name: f}
        known = {**self.known, **{name: c for name, (_, c) in (solved or {}).items()}}
        child = Work(
            System(functions, self.system.goal, self.system.domain),
            self.side,
            self.deadline,
            known,
            self.depth + 1,
            self.memo,
        )
        return child.solve_function(f)

    # ------------------------------------------------------------ refusals

    def probe(self) -> None:
        """Evaluates the goal at a few sizes of its domain. Raises Refused where it does not end or has no case."""
        names = tuple(sorted(self.system.goal.free))
        kinds: dict[str, str] = {}
        for f in self.system.functions.values():
            kinds.update(kinds_of(f))
        evaluator = Evaluator(self.system, self.side, fuel=30_000, seconds=0.5, digits=15)
        try:
            inside = compile_cond(self.system.domain, names)
        except EvaluationError:
            return
        tried = 0
        for point in _probes(len(names), [kinds.get(n, "size") for n in names]):
            try:
                if not inside(*point):
                    continue
                tried += 1
                evaluator.value(None, dict(zip(names, point, strict=True)))
            except (NonTerminating, NoCase) as e:
                raise Refused(f"does not end: {e}" if isinstance(e, NonTerminating) else f"no base case: {e}") from None
            except OutOfFuel as e:
                if tried <= 2 and max(point, default=0) <= 3:
                    raise Refused(f"no end was found: {e}") from None
                break
            except EvaluationError:
                continue
            if tried >= 12:
                break


def _without(name: str, i: int, args: tuple[Expr, ...]) -> Expr:
    """The call of a function that lacks one parameter."""
    return call(name, *args[:i], *args[i + 1 :])


def _base_calls(e: Expr, f: Function) -> Expr:
    """Calls that are base cases whatever the sizes, like T(0), replaced by their values."""

    def change(a: Fn) -> Expr | None:
        if a.op != "call" or a.name != f.name:
            return None
        put = dict(zip(f.params, a.args, strict=True))
        for case in f.cases:
            guard = case.guard.subs(put)
            if guard == TRUE:
                return None if calls_in(case.value) else case.value.subs(put)
            if guard != FALSE:
                return None
        return None

    return map_atoms(e, change)


def _surds(c: Closed) -> bool:
    return c.form is not None and any(isinstance(a, Fn) and a.op == "paren" for a in c.form.atoms())


def _small(params: tuple[str, ...], kinds: dict[str, str]) -> Iterator[tuple[int | Fraction, ...]]:
    for n in range(13):
        for k in (0, 3) if len(params) > 1 else (0,):
            yield tuple(
                Fraction(1, 2 + k) if kinds.get(p) == "real" else (n if i == 0 else (n + k * i) % 13)
                for i, p in enumerate(params)
            )


def _probes(count: int, kinds: list[str]) -> Iterator[tuple[int | Fraction, ...]]:
    for n in (1, 2, 3, 0, 4, 5, 6, 7, 9, 10):
        yield tuple(Fraction(1, 2) if k == "real" else n for k in kinds)
        if count > 1:
            yield tuple(Fraction(1, 3) if k == "real" else (n if i % 2 else n // 2 + 2) for i, k in enumerate(kinds))
            yield tuple(Fraction(1, 3) if k == "real" else (n + 2 if i % 2 else n) for i, k in enumerate(kinds))


def simplest(c: Cond) -> Cond:
    """Of several lower limits of one symbol the largest alone."""
    kept: list[Cond] = []
    for part in conjuncts(c):
        if isinstance(part, Rel) and part.op == ">=":
            weaker = [q for q in kept if isinstance(q, Rel) and q.op == ">=" and (q.e - part.e).number is not None]
            if any((part.e - q.e).number >= 0 for q in weaker if isinstance(q, Rel)):  # type: ignore[operator]
                continue
            kept = [q for q in kept if q not in weaker]
        kept.append(part)
    return conj(*kept)


def trace(f: Function, answer: Closed, why: str | None) -> None:
    """A form that fails its check is dropped; when debugging one wants to know."""
    if TRACE is not None:
        TRACE.append((f.name, str(answer.form), answer.rules, why))


TRACE: list[tuple[str, str, tuple[str, ...], str | None]] | None = None


def _irrational(e: Expr) -> bool:
    return any(
        isinstance(a, Fn) and a.op in ("log", "cos", "pow") and not (a.op == "pow" and a.args[0].number is not None)
        for a in e.atoms()
    ) or any(isinstance(k, Fraction) for m in e.terms for _, k in m)


def _bound_names(e: Expr) -> set[str]:
    return {a.name for a in e.atoms() if isinstance(a, Fn) and a.op in ("sum", "choose")}


def _monotone(e: Expr, call: Fn) -> bool:
    """Whether e grows with the value of this call (sufficient)."""
    for m, c in e.terms.items():
        inside = [
            (a, k) for a, k in m if a == call or (isinstance(a, Fn) and call in {b for x in a.args for b in x.atoms()})
        ]
        if not inside:
            continue
        others = tuple(p for p in m if p not in inside)
        if len(inside) > 1 or c < 0 or inside[0][1] != 1 or not is_nonneg(Expr({others: 1})):
            return False
        a = inside[0][0]
        if (
            isinstance(a, Fn)
            and a != call
            and (
                a.op not in ("max", "min", "floor", "sum", "choose", "paren", "piecewise")
                or not all(_monotone(x, call) for x in a.args)
                or any(call in c.atoms() for c in a.conds)
            )
        ):
            return False
    return True


def _divisors(f: Function) -> list[str]:
    """Symbols, such as a model's speed, that the recurrence divides by: it has no value where one is 0."""
    return sorted(
        {
            a.name
            for case in f.cases
            for m in case.value.terms
            for a, k in m
            if isinstance(a, Sym) and a.kind == "real" and k < 0
        }
    )


def _moving(f: Function) -> set[int]:
    out = set()
    for case in f.cases:
        for a in calls_in(case.value, f.name):
            out |= {
                i
                for i, (x, p) in enumerate(zip(a.args, f.params, strict=True))
                if not (isinstance(x.atom, Sym) and x.atom.name == p)
            }
    return out


def _shifting(f: Function) -> bool:
    """Whether some call only takes a constant off, so that a large size means a long way down."""
    for case in f.cases:
        for a in calls_in(case.value):
            for x in a.args:
                if any(x != sym(p) and (x - sym(p)).number is not None for p in f.params if p in x.free):
                    return True
    return any(isinstance(a, Fn) and a.op in ("sum", "choose") for c in f.cases for a in c.value.atoms())
