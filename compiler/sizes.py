"""Core -> for every function, and every way it is called, the size of its result and its cost term.

An abstract interpretation over exact symbolic sizes. A function is analysed once for each *pattern* of its arguments:
which sizes are known exactly, which only as an interval. In a pattern every size is a symbol (an interval is two), so
a function's cost is a term over symbols and a call of it is `Apply` with expressions: the recurrences of the report.

Result sizes of recursive functions: the declared claim is assumed for the recursive calls and proven for the body
(induction); what has no claim becomes a recurrence of its own (`size_f_0_hi`), which the solver closes first.

Does not combine costs (`readings`), does not decide termination (`termination`).
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Sequenced
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from ..lang.diagnostics import Diagnostic, Label as DiagnosticLabel
from ..lang.source import Span
from ..lang.types import EnumT
from . import core
from .costs import (
    FREE,
    Apply,
    Ballot,
    Cases,
    Cost,
    Either,
    Free,
    Leaf,
    Least,
    Loop,
    Parallel,
    Pick,
    Rounds,
    Sequence,
    Spread,
    Spreading,
    cases,
    either,
    loop,
    parallel,
    sequence,
    substitute,
)
from .equations import Case, Function, Side, System
from .codegen import compile_expr
from .expr import (
    FALSE,
    INF,
    NEG_INF,
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    Fn,
    call,
    conj,
    ge,
    is_nonneg,
    le,
    max_,
    min_,
    negate,
    num,
    piecewise,
    power,
    sum_,
    sym,
)
from .facts import Facts
from .simplify import tight
from .size_rules import Context, apply_rule, first_and_rest
from .solve import solve
from .values import (
    ANY,
    Group,
    Items,
    Label,
    Num,
    Part,
    Size,
    Str,
    Truth,
    Value,
    between,
    eliminate,
    exact,
    hull,
    interval,
    list_of,
    list_of_parts,
    primary,
    select,
    spread_total,
    subs_value,
    token_count,
)

__all__ = ["CallSite", "Sizes", "Variant", "terms", "tunable_symbol"]


@lru_cache(maxsize=20_000)
def _facts(conditions: tuple[Cond, ...]) -> Facts:
    return Facts(conditions)


@dataclass(frozen=True, slots=True)
class CallSite:
    """A place that calls a primitive, and the function it stands in."""
    function: str
    node: core.CallPrimitive


@dataclass(slots=True)
class Variant:
    """A function for one pattern of arguments: parameters, cost and result over their symbols."""
    name: str
    function: core.Function
    pattern: tuple[object, ...]
    params: tuple[str, ...]
    kinds: tuple[str, ...]
    facts: tuple[Cond, ...]
    declared: Mapping[str, Size]
    cost: Cost = FREE
    result: Value = field(default_factory=Label)
    body_value: Value = field(default_factory=Label)
    recursive: bool = False
    component: int = 0
    unknown: list[tuple[str, Span]] = field(default_factory=list)


class Scope:
    """Names in force, what is known of sizes, and the adversary's numbers that are still open."""

    __slots__ = ("declared", "facts", "names", "parent", "picks", "variant")

    def __init__(self, parent: Scope | None, variant: Variant, facts: tuple[Cond, ...],
                 declared: Mapping[str, Size]) -> None:
        self.parent, self.variant, self.facts, self.declared = parent, variant, facts, declared
        self.names: dict[str, Value] = {}
        self.picks: list[Pick] = []

    def child(self, *facts: Cond) -> Scope:
        return Scope(self, self.variant, (*self.facts, *(f for f in facts if f != TRUE and f not in self.facts)),
                     self.declared)

    def look(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        raise KeyError(name)

    def know(self, *facts: Cond) -> None:
        self.facts = (*self.facts, *(f for f in facts if f != TRUE and f not in self.facts))


class Sizes:
    """The analysis of one program; variants are made on demand, from an entry on."""

    def __init__(self, program: core.Program, count_tokens: Callable[[str], int], time_limit: float = 5.0) -> None:
        self.program, self.count_tokens, self.time_limit = program, count_tokens, time_limit
        self.variants: dict[tuple[str, tuple[object, ...]], Variant] = {}
        self.by_name: dict[str, Variant] = {}
        self.diagnostics: list[Diagnostic] = []
        self.literals: dict[str, int] = {}
        self.tunable_facts = tunable_facts(program)
        self._reported: set[tuple[str, int]] = set()
        self._fresh: dict[str, int] = {}
        self._stack: list[Variant] = []
        self._index: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._level: dict[tuple[str, tuple[object, ...]], dict[int, int]] = {}
        self._solved: dict[tuple[str, tuple[object, ...]], Value] = {}
        self._names: dict[str, int] = {}
        self._components = 0

    # ---------------------------------------------------------------- entry

    def entry(self, function: str, ranges: Mapping[str, bool] | None = None) -> Variant:
        """The variant whose sizes are exactly the named ones; those in `ranges` are intervals instead."""
        f = self.program.functions[function]
        inexact = {n for n, r in (ranges or {}).items() if r}
        args = [_symbolic(p.shape, inexact) for p in f.params]
        variant, _ = self._variant(f, args, None)
        return variant

    def fresh(self, stem: str) -> str:
        """A name that no program can use."""
        n = self._fresh[stem] = self._fresh.get(stem, 0) + 1
        return f"{stem}__{n}"

    def tokens(self, text: str) -> int:
        n = self.literals.get(text)
        if n is None:
            n = self.literals[text] = self.count_tokens(text)
        return n

    def fixed_tokens(self, p: core.Primitive) -> int:
        """Tokens of the prompt and system text besides the parameters."""
        return sum(self.count_tokens(x) for x in (*p.prompt, *p.system) if isinstance(x, str))

    def report(self, code: str, message: str, span: Span, hint: str, severity: str = "error",
               labels: tuple[DiagnosticLabel, ...] = ()) -> None:
        key = (code, span.start)
        if key not in self._reported:
            self._reported.add(key)
            self.diagnostics.append(Diagnostic(code, message, span, hint, labels, severity))  # type: ignore[arg-type]

    # ---------------------------------------------------------------- variants

    def _variant(self, f: core.Function, args: list[Value], caller: Variant | None) -> tuple[Variant, tuple[Expr, ...]]:
        """The variant for these arguments, explored if new, and the arguments for its symbols.

        `_index` and `_low` are those of Tarjan's algorithm for strongly connected components (1972).
        """
        binder = _Binder(f)
        params = [binder.bind(p.shape, v, p.name) for p, v in zip(f.params, args, strict=True)]
        pattern = tuple(binder.pattern)
        key = (f.name, pattern)
        variant = self.variants.get(key)
        if variant is None:
            count = self._names[f.name] = self._names.get(f.name, 0) + 1
            name = f.name if count == 1 else f"{f.name}__{count}"
            variant = Variant(name, f, pattern, tuple(binder.names), tuple(binder.kinds), (), binder.declared())
            variant.facts = (*binder.facts, *self._preconditions(f, variant))
            self._explore(key, variant, params)
            if caller is not None and variant.name in self._index:
                self._low[caller.name] = min(self._low[caller.name], self._low[variant.name])
        elif caller is not None and variant.name in self._index:
            self._low[caller.name] = min(self._low[caller.name], self._index[variant.name])
        return variant, tuple(binder.args)

    def _preconditions(self, f: core.Function, variant: Variant) -> list[Cond]:
        names = variant.declared
        facts = list(self.tunable_facts)
        for c, _ in f.where:
            if all(names[n].exact for n in c.free if n in names):
                facts.append(c.subs({n: names[n].lo for n in c.free if n in names}))
        return facts

    def _explore(self, key: tuple[str, tuple[object, ...]], variant: Variant, params: list[Value]) -> None:
        """Analyses a new variant; at the root of a strongly connected component, settles its result sizes."""
        while True:
            self.variants[key] = variant
            self.by_name[variant.name] = variant
            self._index[variant.name] = self._low[variant.name] = len(self._stack)
            self._stack.append(variant)
            variant.recursive = False
            variant.result = self._hypothesis(key, variant)
            self._body(variant, params)
            if self._low[variant.name] < self._index[variant.name]:
                return      # part of a larger component, whose root will settle it
            start = self._index[variant.name]
            members = self._stack[start:]
            loops = len(members) > 1 or variant.recursive
            if not loops or self._settle(members):
                del self._stack[start:]
                self._components += 1
                for m in members:
                    self._index.pop(m.name)
                    m.recursive = loops
                    m.component = self._components
                for m in members:
                    self._check_claim(m)
                return
            # a hypothesis failed: all members are analysed anew with weaker ones
            del self._stack[start:]
            for m in members:
                self._index.pop(m.name)
                del self.variants[(m.function.name, m.pattern)]
                if m is not variant:
                    self._names[m.function.name] -= 1

    def _hypothesis(self, key: tuple[str, tuple[object, ...]], variant: Variant) -> Value:
        solved = self._solved.get(key)
        if solved is not None:
            return solved
        f = variant.function
        levels = self._level.setdefault(key, {})
        args = tuple(sym(n, k) for n, k in zip(variant.params, variant.kinds, strict=True))
        counter = [0]

        def leaf(extent: core.Extent, is_number: bool) -> Size:
            i = counter[0]
            counter[0] += 1
            high, level = extent.high, levels.get(i, 0)
            table = {n: (s.lo, s.hi) for n, s in variant.declared.items()}
            if high is not None and level <= 1:
                top = interval(high, table)[1]
                if level == 0:
                    return exact(top)
                return between(call(f"size_{variant.name}_{i}_lo", *args), top)
            return between(call(f"size_{variant.name}_{i}_lo", *args), call(f"size_{variant.name}_{i}_hi", *args))

        return _from_shape(f.result, leaf)

    def _settle(self, members: list[Variant]) -> bool:
        """Whether the hypotheses of a component hold. If not, weaker ones (or solved ones) are set for the next try."""
        bodies = {m.name: _with_shape(m.body_value, m.function.result) for m in members}
        failed = False
        unsolved: dict[str, tuple[Variant, int, str, Expr, Expr]] = {}
        for m in members:
            key = (m.function.name, m.pattern)
            if key in self._solved:
                m.result = self._solved[key]
                continue
            assumed, found = _leaves(m.result), _leaves(bodies[m.name])
            for i, (a, b) in enumerate(zip(assumed, found, strict=True)):
                for side, x, y in (("lo", a.lo, b.lo), ("hi", a.hi, b.hi)):
                    own = f"size_{m.name}_{i}_{side}"
                    if any(isinstance(t, Fn) and t.op == "call" and t.name == own for t in x.atoms()):
                        unsolved[own] = (m, i, side, x, y)
                        continue
                    facts = _facts(m.facts)
                    holds = self._at_most(y, x, facts) if side == "hi" else self._at_most(x, y, facts)
                    if not holds:
                        self._level[key][i] = self._level[key].get(i, 0) + 1
                        failed = True
                        break
        if failed:
            return False
        if not unsolved:
            return True
        self._solve_sizes(members, unsolved, bodies)
        return False

    def _check_claim(self, variant: Variant) -> None:
        """A size in a result type is a claim: proven, broken (an error), or reported with what could be inferred."""
        f = variant.function
        claims: list[core.Extent] = []
        _from_shape(f.result, lambda e, n: (claims.append(e), exact(0))[1])  # type: ignore[func-returns-value]
        if all(e.high is None for e in claims):
            return
        found = _leaves(_with_shape(_result(variant), f.result))
        facts = _facts(variant.facts)
        table = {n: (s.lo, s.hi) for n, s in variant.declared.items()}
        for e, size in zip(claims, found, strict=True):
            if e.high is None:
                continue
            claimed = interval(e.high, table)[1]
            if self._at_most(size.hi, claimed, facts):
                continue
            point = _breaks(size.hi, claimed, facts)
            where = f" (at {', '.join(f'{n} = {v}' for n, v in sorted(point.items()))})" if point else ""
            if size.hi.infinite:
                self.report("E0402", f"the size of the result of `{f.origin}` could not be bounded", f.span,
                            f"the result type claims at most {e.high}; return values whose sizes are bounded")
            elif point is not None:
                self.report("E0401", f"the result of `{f.origin}` can be larger than its type claims{where}", f.span,
                            f"it claims at most {e.high}, but the body can give {size.hi}; write that size, or none")
            else:
                self.report("W0402", f"the size that the result type of `{f.origin}` claims could not be proven", f.span,
                            f"the analysis goes on with what it inferred: at most {size.hi}", "warning")

    def _at_most(self, a: Expr, b: Expr, facts: Facts) -> bool:
        """Whether a <= b is proven."""
        if a == b or b.infinite > 0 or a.infinite < 0:
            return True
        if a.infinite or b.infinite:
            return False
        for guard, x in _split_piecewise(a):
            inner = facts if guard == TRUE else facts.with_(guard)
            for guard2, y in _split_piecewise(b):
                inner2 = inner if guard2 == TRUE else inner.with_(guard2)
                if not inner2.implies(le(x, y)):
                    return False
        return True

    def _solve_sizes(self, members: list[Variant], unsolved: dict[str, tuple[Variant, int, str, Expr, Expr]],
                     bodies: Mapping[str, Value]) -> None:
        """Closes the size recurrences of a component and keeps the results for the next walk over it."""
        functions: dict[str, Function] = {}
        for name, (m, _, _, _, rhs) in unsolved.items():
            functions[name] = Function(name, m.params, tuple(Case(g, e) for g, e in _split_piecewise(rhs)))
        closed: dict[str, Expr] = {}
        for name, (m, _, side, _, rhs) in unsolved.items():
            args = tuple(sym(n, k) for n, k in zip(m.params, m.kinds, strict=True))
            goal = call(name, *args)
            value: Expr | None = None
            if not _has_unknown(rhs):
                value = rhs
            elif not rhs.infinite:
                needed = _reachable(functions, name)
                if needed is not None:
                    system = System(needed, goal, conj(*m.facts))
                    answer = solve(system, "upper" if side == "hi" else "lower", time_limit=self.time_limit)
                    covers = answer.closed is not None and _facts(m.facts).implies(answer.valid)
                    if answer.closed is not None and covers and not _has_unknown(answer.closed):
                        value = answer.closed
            if value is None or _has_unknown(value):
                value = INF if side == "hi" else (NEG_INF if _is_number_leaf(m.function.result, unsolved[name][1]) else ZERO)
                if side == "hi" and not _is_number_leaf(m.function.result, unsolved[name][1]):
                    m.unknown.append((f"the size of the result of {m.function.origin} could not be bounded",
                                      m.function.span))
            closed[name] = value
        for m in members:
            key = (m.function.name, m.pattern)
            if key in self._solved:
                continue
            leaves = []
            for i, leaf in enumerate(_leaves(m.result)):
                lo = closed.get(f"size_{m.name}_{i}_lo", leaf.lo)
                hi = closed.get(f"size_{m.name}_{i}_hi", leaf.hi)
                leaves.append(exact(lo) if lo == hi else between(lo, hi))
            iterator = iter(leaves)
            self._solved[key] = _from_shape(m.function.result, lambda e, n: next(iterator))

    def _body(self, variant: Variant, params: list[Value]) -> None:
        f = variant.function
        scope = Scope(None, variant, variant.facts, variant.declared)
        for p, v in zip(f.params, params, strict=True):
            scope.names[p.name] = v
        value, cost = self._closed(scope, f.body)
        variant.body_value = value
        variant.cost = cost

    # ---------------------------------------------------------------- expressions

    def _closed(self, scope: Scope, node: core.Node) -> tuple[Value, Cost]:
        """A node in a scope of its own: the adversary's numbers end here."""
        value, cost = self.walk(node, scope)
        for pick in reversed(scope.picks):
            cost = cost if isinstance(cost, Free) else Pick(pick.name, pick.lo, pick.hi, pick.odds, cost)
            value = eliminate(value, {pick.name: (pick.lo, pick.hi)})
        return value, cost

    def walk(self, node: core.Node, scope: Scope) -> tuple[Value, Cost]:
        """The value and the cost of a node."""
        before: list[Cost] = []
        while isinstance(node, core.Let):
            value, cost = self.walk(node.value, scope)
            scope.names[node.name] = value
            before.append(cost)
            node = node.body
        value, cost = self._node(node, scope)
        return value, sequence(*before, cost)

    def _node(self, node: core.Node, scope: Scope) -> tuple[Value, Cost]:
        match node:
            case core.Const():
                return self._constant(node), FREE
            case core.Local(name=name):
                return scope.look(name), FREE
            case core.SizeVar(name=name):
                return Num(scope.declared[name]), FREE
            case core.ParamVar(name=name):
                return Num(exact(tunable_symbol(self.program.tunables[name]))), FREE
            case core.If():
                return self._if(node, scope)
            case core.And() | core.Or() | core.Not():
                return self._condition(node, scope)
            case core.Op(op=op, args=args, index=index):
                values, costs = [], []
                for a in args:
                    v, c = self.walk(a, scope)
                    values.append(v)
                    costs.append(c)
                return apply_rule(op, values, index, self._context(scope)), sequence(*costs)
            case core.CallPrimitive():
                return self._call_primitive(node, scope)
            case core.CallTool():
                return self._call_tool(node, scope)
            case core.CallFunction():
                return self._call_function(node, scope)
            case core.For():
                return self._for(node, scope)
            case core.Partition():
                return self._partition(node, scope)
            case core.Fold():
                return self._fold(node, scope)
            case core.Repeat():
                return self._repeat(node, scope)
            case core.Par(items=items):
                closed = [self._closed(scope.child(), i) for i in items]
                return Group(tuple(v for v, _ in closed)), parallel(*(c for _, c in closed))
            case core.Vote():
                return self._vote(node, scope)
            case core.Choose(metric=metric, alternatives=alternatives, span=span):
                labelled = [(label, *self._closed(scope.child(), a)) for label, a in alternatives]
                value = labelled[0][1]
                for _, v, _ in labelled[1:]:
                    value = hull(value, v)
                return value, Least(metric, tuple((label, c) for label, _, c in labelled), span)
            case core.Let():
                raise AssertionError("handled by walk")

    def _context(self, scope: Scope) -> Context:
        return Context(lambda e: self._tight(e, scope), self.fresh)

    def _tight(self, e: Expr, scope: Scope) -> Expr:
        return tight(e, _facts(scope.facts))

    def _constant(self, node: core.Const) -> Value:
        match node.value:
            case bool(value):
                return Truth(TRUE, FALSE) if value else Truth(FALSE, TRUE)
            case int() | Fraction():
                return Num(exact(num(node.value)))
            case str(text):
                return Label() if isinstance(node.type, EnumT) else Str(exact(self.tokens(text)))

    # ---------------------------------------------------------------- decisions

    def _condition(self, node: core.Node, scope: Scope) -> tuple[Truth, Cost]:
        match node:
            case core.Not(operand=x):
                t, c = self._condition(x, scope)
                return Truth(t.no, t.yes), c
            case core.And(left=left, right=right) | core.Or(left=left, right=right):
                conjunction = isinstance(node, core.And)
                a, first = self._condition(left, scope)
                stop, go = (a.no, a.yes) if conjunction else (a.yes, a.no)
                inner = scope.child(negate(stop))
                b, second = self._condition_closed(right, inner)
                chance = self._chance(left, None, scope)
                if chance is not None and not conjunction:
                    chance = 1 - chance
                cost = sequence(first, cases((go, second), (stop, FREE), (TRUE, either(second, FREE, chance))))
                if conjunction:
                    return Truth(conj(a.yes, b.yes), _disj(a.no, b.no)), cost
                return Truth(_disj(a.yes, b.yes), conj(a.no, b.no)), cost
            case _:
                value, cost = self.walk(node, scope)
                assert isinstance(value, Truth)
                return value, cost

    def _condition_closed(self, node: core.Node, scope: Scope) -> tuple[Truth, Cost]:
        value, cost = self._condition(node, scope)
        for pick in reversed(scope.picks):
            cost = Pick(pick.name, pick.lo, pick.hi, pick.odds, cost)
        return value, cost

    def _chance(self, condition: core.Node, given: Expr | None, scope: Scope) -> Expr | None:
        """The probability that a condition is true, where the program says so."""
        if given is not None:
            return self._sized(given, scope)
        if isinstance(condition, core.CallPrimitive):
            p = self.program.primitives[condition.primitive]
            if p.chance is not None and not p.chance.free:
                return p.chance
        if isinstance(condition, core.CallTool):
            t = self.program.tools[condition.tool]
            if t.chance is not None and not t.chance.free:
                return t.chance
        if isinstance(condition, core.Not):
            inner = self._chance(condition.operand, None, scope)
            return None if inner is None else 1 - inner
        return None

    def _sized(self, e: Expr, scope: Scope) -> Expr | None:
        """An expression over declared sizes at this variant's symbols; None where a size is not exact."""
        table = {}
        for n in e.free:
            s = scope.declared.get(n)
            if s is not None:
                if not s.exact:
                    return None
                table[n] = s.lo
        return e.subs(table)

    def _if(self, node: core.If, scope: Scope) -> tuple[Value, Cost]:
        truth, cost = self._condition(node.condition, scope)
        facts = _facts(scope.facts)
        if truth.yes == TRUE or (truth.yes != FALSE and facts.implies(truth.yes)):
            value, branch = self._closed(scope.child(), node.then)
            return value, sequence(cost, branch)
        if truth.no == TRUE or (truth.no != FALSE and facts.implies(truth.no)):
            value, branch = self._closed(scope.child(), node.otherwise)
            return value, sequence(cost, branch)
        inner, outer = scope.child(negate(truth.no)), scope.child(negate(truth.yes))
        self._refine(node.condition, True, inner)
        self._refine(node.condition, False, outer)
        value1, cost1 = self._closed(inner, node.then)
        value2, cost2 = self._closed(outer, node.otherwise)
        chance = self._chance(node.condition, node.chance, scope)
        if truth.no == negate(truth.yes):
            return (select([(truth.yes, value1), (TRUE, value2)]),
                    sequence(cost, cases((truth.yes, cost1), (TRUE, cost2))))
        undecided = either(cost1, cost2, chance)
        both = hull(value1, value2)
        if truth.yes == FALSE and truth.no == FALSE:
            value = both
            mean = self._mixed_mean(value1, value2, chance)
            if mean is not None:
                value = mean
            return value, sequence(cost, undecided)
        return (select([(truth.yes, value1), (truth.no, value2), (TRUE, both)]),
                sequence(cost, cases((truth.yes, cost1), (truth.no, cost2), (TRUE, undecided))))

    def _mixed_mean(self, a: Value, b: Value, chance: Expr | None) -> Value | None:
        """The hull of two texts or numbers with the mean of the mixture, where chance tells it."""
        if chance is None:
            return None
        match a, b:
            case (Str(tokens=x), Str(tokens=y)) | (Num(size=x), Num(size=y)):
                if x.mean is None or y.mean is None:
                    return None
                h = between(min_(x.lo, y.lo), max_(x.hi, y.hi), chance * x.mean + (1 - chance) * y.mean)
                return Str(h) if isinstance(a, Str) else Num(h)
            case _:
                return None

    def _refine(self, condition: core.Node, holds: bool, scope: Scope) -> None:
        """Narrows the interval of a local that a comparison speaks of."""
        match condition:
            case core.Not(operand=x):
                self._refine(x, not holds, scope)
            case core.And(left=a, right=b) if holds:
                self._refine(a, True, scope)
                self._refine(b, True, scope)
            case core.Or(left=a, right=b) if not holds:
                self._refine(a, False, scope)
                self._refine(b, False, scope)
            case core.Op(op="<" | "<=" | ">" | ">=" | "==" | "!=" as op, args=(left, right)):
                for x, y, o in ((left, right, op), (right, left, _FLIP[op])):
                    name, wrapped = _target(x)
                    if name is None or not _pure(y):
                        continue
                    other, _ = self.walk(y, scope)
                    if isinstance(other, Num) and other.size.exact and not other.size.lo.infinite:
                        self._narrow(name, wrapped, o if holds else _NEGATED[o], other.size.lo, scope)
            case _:
                pass

    def _narrow(self, name: str, wrapped: bool, op: str, bound: Expr, scope: Scope) -> None:
        value = scope.look(name)
        size = primary(value) if wrapped else value.size if isinstance(value, Num) else None
        if size is None or size.exact:
            return
        lo, hi = size.lo, size.hi
        match op:
            case "<":
                hi = min_(hi, bound - 1)
            case "<=":
                hi = min_(hi, bound)
            case ">":
                lo = max_(lo, bound + 1)
            case ">=":
                lo = max_(lo, bound)
            case "==":
                lo = hi = bound
            case "!=" if size.lo == bound:
                lo = bound + 1
            case _:
                return
        lo, hi = self._tight(lo, scope), self._tight(hi, scope)
        narrowed = between(lo, hi)
        match value:
            case Num():
                scope.names[name] = Num(narrowed)
            case Str():
                scope.names[name] = Str(narrowed)
            case Items():
                parts = list_of(narrowed, value.element).parts if narrowed.exact else None
                scope.names[name] = Items(narrowed, parts, value.element, value.total)
            case _:
                pass

    # ---------------------------------------------------------------- calls

    def _arguments(self, args: Sequenced[core.Node], scope: Scope) -> tuple[list[Value], list[Cost]]:
        values, costs = [], []
        for a in args:
            v, c = self.walk(a, scope)
            values.append(v)
            costs.append(c)
        return values, costs

    def _call_primitive(self, node: core.CallPrimitive, scope: Scope) -> tuple[Value, Cost]:
        p = self.program.primitives[node.primitive]
        values, costs = self._arguments(node.args, scope)
        table = _bound_sizes(p.params, values)
        by_name = {q.name: v for q, v in zip(p.params, values, strict=True)}
        prompt = exact(self.fixed_tokens(p))
        for piece in (*p.prompt, *p.system):
            if isinstance(piece, core.Hole):
                v = by_name[piece.param]
                for i in piece.path:
                    assert isinstance(v, Group)
                    v = v.fields[i]
                prompt = prompt + token_count(v)
        ranges = {n: (s.lo, s.hi) for n, s in table.items()}
        value = _from_shape(p.result, lambda e, n: _extent_size(e, ranges, n, True))
        answer = token_count(value)
        if p.max_output is not None:
            cap = interval(p.max_output, ranges)[1]
            answer = between(min_(answer.lo, cap), cap)
        if p.typical is not None:
            mean = _mean_of(p.typical, table)
            if mean is not None:
                answer = between(answer.lo, answer.hi, mean)
                if isinstance(value, Str):
                    value = Str(between(value.tokens.lo, value.tokens.hi, mean))
        model = self.program.models[p.model]
        if model.reasoning:
            answer = between(answer.lo, answer.hi + model.reasoning)
        error = _largest(p.error, table)
        cost: Cost = Leaf("primitive", p.name, node.site, prompt, answer, error, node.span)
        if node.fallback is not None:
            value, cost = self._fallback(node.fallback, value, cost, power(p.malformed, p.attempts), scope)
        return value, sequence(*costs, cost)

    def _fallback(self, fallback: core.Node, value: Value, cost: Cost, chance: Expr | None,
                  scope: Scope) -> tuple[Value, Cost]:
        other, extra = self._closed(scope.child(), fallback)
        return hull(value, other), sequence(cost, either(extra, FREE, chance))

    def _call_tool(self, node: core.CallTool, scope: Scope) -> tuple[Value, Cost]:
        t = self.program.tools[node.tool]
        values, costs = self._arguments(node.args, scope)
        table = _bound_sizes(t.params, values)
        ranges = {n: (s.lo, s.hi) for n, s in table.items()}
        value = _from_shape(t.result, lambda e, n: _extent_size(e, ranges, n, False))
        cost: Cost = Leaf("tool", t.name, node.site, exact(0), exact(0), ZERO, node.span)
        if node.fallback is not None:
            value, cost = self._fallback(node.fallback, value, cost, None, scope)
        return value, sequence(*costs, cost)

    def _call_function(self, node: core.CallFunction, scope: Scope) -> tuple[Value, Cost]:
        f = self.program.functions[node.function]
        values, costs = self._arguments(node.args, scope)
        self._check_where(f, values, node.span, scope)
        here = scope.variant
        variant, args = self._variant(f, values, here)
        if variant is here:
            variant.recursive = True
        table = {n: a for n, a in zip(variant.params, args, strict=True)}
        value = subs_value(variant.result if variant.name in self._index else _result(variant), table)
        facts = scope.facts
        return self._tight_value(value, scope), sequence(*costs, Apply(variant.name, args, facts, node.span))

    def _tight_value(self, v: Value, scope: Scope) -> Value:
        match v:
            case Str(tokens=s):
                return Str(self._tight_size(s, scope))
            case Num(size=s):
                return Num(self._tight_size(s, scope))
            case Items():
                length = self._tight_size(v.length, scope)
                if length != v.length:
                    return Items(length, list_of(length, v.element).parts if length.exact else None, v.element, v.total)
                return v
            case Group(fields=fields):
                return Group(tuple(self._tight_value(x, scope) for x in fields))
            case _:
                return v

    def _tight_size(self, s: Size, scope: Scope) -> Size:
        lo, hi = self._tight(s.lo, scope), self._tight(s.hi, scope)
        return exact(lo) if lo == hi else Size(lo, hi, s.mean)

    def _check_where(self, f: core.Function, values: list[Value], span: Span, scope: Scope) -> None:
        table = _bound_sizes(f.params, values)
        for c, where in f.where:
            known = {n: s.lo for n, s in table.items() if n in c.free and s.exact and not s.lo.infinite}
            if len(known) == sum(1 for n in c.free if n in table) and _facts(scope.facts).refutes(c.subs(known)):
                self.report("E0404", f"this call breaks the precondition of {f.origin}", span,
                            f"{f.origin} requires {c}; call it only where that holds",
                            labels=(DiagnosticLabel(where, "required here"),))

    # ---------------------------------------------------------------- loops

    def _for(self, node: core.For, scope: Scope) -> tuple[Value, Cost]:
        source, before = self.walk(node.items, scope)
        assert isinstance(source, Items)
        if source.element is None:
            return Items(exact(0), (), None, None), before
        if node.where is not None:
            return self._for_where(node, source, before, scope)
        if source.parts is not None and len(source.parts) == 1:
            part = source.parts[0]
            value, cost = self._iteration(node, part.value, scope, _index_facts(part))
            out = list_of_parts([Part(part.count, part.index, value)]) if part.count != ZERO else \
                Items(source.length, (), value, None)
            return out, sequence(before, loop(part.index, exact(part.count), cost, node.concurrent))
        spread = self._spread(source)
        if spread is not None:
            var, over, element = spread
            facts = (ge(sym(var), over.low), *(() if over.high.infinite else (le(sym(var), over.high),)))
            value, cost = self._iteration(node, element, scope, facts)
            whole = eliminate(value, {var: (over.low, over.high)})
            if over.parts is not None:
                index = self.fresh("j")
                out = list_of_parts([Part(k, index, subs_value(value, {var: v})) for k, v in over.parts],
                                    _mapped_total(value, var, over))
            else:
                out = list_of(source.length, whole, _mapped_total(value, var, over))
            return out, sequence(before, cost if isinstance(cost, Free) else Spread(var, over, cost, node.concurrent))
        if source.parts is not None:
            outs, costs = [], []
            for part in source.parts:
                value, cost = self._iteration(node, part.value, scope, _index_facts(part))
                outs.append(Part(part.count, part.index, value))
                costs.append(loop(part.index, exact(part.count), cost, node.concurrent))
            joined = parallel(*costs) if node.concurrent else sequence(*costs)
            return list_of_parts(outs), sequence(before, joined)
        value, cost = self._iteration(node, source.element, scope, ())
        return list_of(source.length, value), sequence(before, loop(self.fresh("i"), source.length, cost, node.concurrent))

    def _iteration(self, node: core.For, element: Value, scope: Scope, facts: tuple[Cond, ...]) -> tuple[Value, Cost]:
        inner = scope.child(*facts)
        inner.names[node.var] = element
        value, cost = self._closed(inner, node.body)
        if not node.concurrent and _calls_models(cost):
            self.report("W0201", "this loop waits for each round before it begins the next, though none needs another's "
                        "result", node.span, "`par for` runs them at once: rounds no longer grow with the list", "warning")
        return value, cost

    def _spread(self, v: Items) -> tuple[str, Spreading, Value] | None:
        """The one size in which the elements of a list differ, as a symbol, where their total is known."""
        if v.element is None:
            return None
        size, total = primary(v.element), spread_total(v) if v.parts is not None else v.total
        if size is None or total is None:
            return None
        var = self.fresh("x")
        if v.parts is not None:
            values = []
            for p in v.parts:
                s = primary(p.value)
                if s is None or not s.exact or p.index in s.lo.free:
                    return None
                values.append((p.count, s.lo))
            if not values:
                return None
            parts: tuple[tuple[Expr, Expr], ...] | None = tuple(values)
        elif size.exact:
            return None
        else:
            parts = None
        element = _with_primary(v.element, exact(sym(var)))
        return var, Spreading(v.length, total, parts, size.lo, size.hi), element

    def _for_where(self, node: core.For, source: Items, before: Cost, scope: Scope) -> tuple[Value, Cost]:
        assert node.where is not None and source.element is not None
        inner = scope.child()
        inner.names[node.var] = source.element
        truth, test = self._condition(node.where, inner)
        body_scope = inner.child(negate(truth.no))
        value, cost = self._closed(body_scope, node.body)
        chance = self._chance(node.where, node.chance, scope)
        one = sequence(test, cases((truth.yes, cost), (truth.no, FREE), (TRUE, either(cost, FREE, chance))))
        for pick in reversed(inner.picks):
            one = Pick(pick.name, pick.lo, pick.hi, pick.odds, one)
            value = eliminate(value, {pick.name: (pick.lo, pick.hi)})
        n = source.length
        mean = n.mean * chance if n.mean is not None and chance is not None else None
        if truth.yes == TRUE:
            length = n
        elif truth.no == TRUE:
            length = exact(0)
        else:
            length = Size(ZERO, n.hi, mean)
        total = None
        out_size = primary(value)
        source_total = spread_total(source)
        if out_size is not None and source_total is not None and _is_variable(node.body, node.var):
            total = between(ZERO, source_total.hi)
        out = Items(length, list_of(length, value).parts if length.exact else None, value, total)
        return out, sequence(before, loop(self.fresh("i"), n, one, node.concurrent))

    def _partition(self, node: core.Partition, scope: Scope) -> tuple[Value, Cost]:
        source, before = self.walk(node.items, scope)
        assert isinstance(source, Items)
        if source.element is None:
            return Group((source, source)), before
        inner = scope.child()
        inner.names[node.var] = source.element
        test_truth, test = self._condition_closed(node.where, inner)
        cost = sequence(before, loop(self.fresh("i"), source.length, test, node.concurrent))
        n = source.length
        total = spread_total(source)
        part_total = None if total is None else between(ZERO, total.hi)
        if source.parts is not None and primary(source.element) is not None and primary(source.element).exact:  # type: ignore[union-attr]
            part_total = None
        if n.exact:
            name = self.fresh("k")
            k = sym(name)
            chance = node.chance
            if chance is None:
                chance = self._chance(node.where, None, scope)
            elif isinstance(chance, Expr):
                chance = self._sized(chance, scope)
            odds: tuple[object, ...] | None
            if chance == "uniform":
                odds = ("uniform", None)
            elif isinstance(chance, Expr):
                odds = ("binomial", chance)
            else:
                odds = None
            scope.picks.append(Pick(name, ZERO, n.lo, odds, FREE))  # type: ignore[arg-type]
            scope.know(le(k, n.lo))
            first, second = exact(k), exact(n.lo - k)
            del test_truth
            return Group((list_of(first, source.element, part_total, self.fresh("j")),
                          list_of(second, source.element, part_total, self.fresh("j")))), cost
        either_part = Items(between(ZERO, n.hi), None, source.element, part_total)
        return Group((either_part, either_part)), cost

    # ---------------------------------------------------------------- accumulators

    def _fold(self, node: core.Fold, scope: Scope) -> tuple[Value, Cost]:
        initial, before1 = self.walk(node.initial, scope)
        source, before2 = self.walk(node.items, scope)
        assert isinstance(source, Items)
        before = sequence(before1, before2)
        if source.element is None:
            return initial, before

        def body(state: Value, element: Value, facts: tuple[Cond, ...]) -> tuple[Value, Cost]:
            inner = scope.child(*facts)
            inner.names[node.accumulator] = state
            inner.names[node.var] = element
            return self._closed(inner, node.body)

        value, cost = self._fold_from(initial, source, body, scope, 0, node.span)
        if any(isinstance(c, Loop) and _grows(c.body, c.index) for c in terms(cost)):
            self.report("W0202", "every round's prompt holds what all earlier rounds added: prompt tokens grow with the "
                        "square of the number of rounds", node.span,
                        "carry a summary of bounded size in the accumulator instead of the whole history", "warning")
        return value, sequence(before, cost)

    def _fold_from(self, initial: Value, source: Items, body: _Body, scope: Scope, peeled: int,
                   span: Span) -> tuple[Value, Cost]:
        """The last accumulator and the cost of folding `source`; the first iterations are peeled off where they differ."""
        index = self.fresh("i")
        spread = self._spread(source) if source.parts is None or len(source.parts) != 1 else None
        x = None
        over = None
        if source.parts is not None and len(source.parts) == 1:
            part = source.parts[0]
            element: Value = subs_value(part.value, {part.index: sym(index)})
            facts: tuple[Cond, ...] = (le(sym(index), part.count - 1),)
        elif spread is not None:
            x, over, element = spread
            facts = (ge(sym(x), over.low), *(() if over.high.infinite else (le(sym(x), over.high),)))
        else:
            assert source.element is not None
            element, facts = source.element, ()
        run = _State(self, initial, index, lambda s: body(s, element, facts), x, over)
        run.find()
        if run.needs_peel and peeled < 3:
            count = source.length
            head, rest = first_and_rest(source, self._context(scope.child(ge(count.lo, ONE))))
            assert head is not None
            first_value, first_cost = body(initial, head, (ge(count.hi, ONE),))
            if source.length.exact and count.lo.number is not None and count.lo.number <= 1:
                if count.lo == ZERO:
                    return initial, FREE
                return first_value, first_cost
            after, rest_cost = self._fold_from(first_value, rest, body, scope, peeled + 1, span)
            some, none = ge(count.lo, ONE), _zero(count.hi)
            whole = sequence(first_cost, rest_cost)
            if count.exact:
                return select([(some, after), (TRUE, initial)]), cases((some, whole), (TRUE, FREE))
            cost = cases((some, whole), (none, FREE), (TRUE, either(whole, FREE, None)))
            return select([(some, after), (none, initial), (TRUE, hull(after, initial))]), cost
        if run.needs_peel:
            run.give_up()
        state_at = run.state_at
        cost = run.cost
        count = source.length
        if x is not None and over is not None:
            spread_cost = cost
            if index in _cost_free(cost):
                # the accumulator depends on the iteration as well: bounded over the iterations
                spread_cost = cost
            total_cost: Cost = FREE if isinstance(cost, Free) else Spread(x, over, _over_index(spread_cost, index, count), False)
        else:
            total_cost = loop(index, count, cost, False)
        if count.exact:
            final = run.final(count.lo)
        else:
            final = eliminate(state_at(sym(index)), {index: (count.lo, count.hi)})
        return final, total_cost

    def _repeat(self, node: core.Repeat, scope: Scope) -> tuple[Value, Cost]:
        initial, before1 = self.walk(node.initial, scope)
        before2: Cost = FREE
        most = between(INF, INF)
        if node.up_to is not None:
            limit, before2 = self.walk(node.up_to, scope)
            assert isinstance(limit, Num)
            most = limit.size
            lo, hi = self._tight(max_(ZERO, most.lo), scope), self._tight(max_(ZERO, most.hi), scope)
            most = exact(lo) if lo == hi else between(lo, hi)
        chance = self._chance(node.condition, node.chance, scope)
        value, cost = self._rounds(node, initial, most, chance, scope, 0)
        return value, sequence(before1, before2, cost)

    def _rounds(self, node: core.Repeat, initial: Value, most: Size, chance: Expr | None, scope: Scope,
                peeled: int) -> tuple[Value, Cost]:
        index = self.fresh("i")
        tests: list[Cost] = []

        def body(state: Value) -> tuple[Value, Cost]:
            inner = scope.child()
            inner.names[node.accumulator] = state
            _, test = self._condition_closed(node.condition, inner)
            inside = inner.child()
            inside.names[node.accumulator] = state
            value, cost = self._closed(inside, node.body)
            tests.append(test)
            return value, cost

        run = _State(self, initial, index, body, None, None)
        run.find()
        if run.needs_peel and peeled < 3:
            first_value, first_cost = body(initial)
            first_test = tests[-1]
            fewer = between(INF, INF) if most.hi.infinite else Size(
                self._tight(max_(ZERO, most.lo - 1), scope), self._tight(max_(ZERO, most.hi - 1), scope), None)
            if fewer.exact:
                fewer = exact(fewer.lo)
            after, rest = self._rounds(node, first_value, fewer, chance, scope, peeled + 1)
            whole = sequence(first_test, either(sequence(first_cost, rest), FREE, chance))
            if most.lo.infinite:
                return hull(initial, after), whole
            some, none = ge(most.lo, ONE), _zero(most.hi)
            return (select([(none, initial), (TRUE, hull(initial, after))]),
                    cases((some, whole), (none, FREE), (TRUE, either(whole, FREE, None))))
        if run.needs_peel:
            run.give_up()
        test = run.resolve(tests[-1])
        value = eliminate(run.state_at(sym(index)), {index: (ZERO, most.hi)})
        cost: Cost = Rounds(index, most, test, run.cost, chance)
        if isinstance(test, Free) and isinstance(run.cost, Free):
            cost = FREE
        elif most.hi.infinite:
            self.report("W0203", "nothing bounds the number of rounds: the worst case is unbounded", node.span,
                        "write `up to k` after the initial value", "warning")
        return hull(initial, value), cost

    def _vote(self, node: core.Vote, scope: Scope) -> tuple[Value, Cost]:
        costs: list[Cost] = []
        lead = None
        if node.lead is not None:
            v, c = self.walk(node.lead, scope)
            assert isinstance(v, Num)
            lead = v.size
            costs.append(c)
        m, c = self.walk(node.most, scope)
        assert isinstance(m, Num)
        costs.append(c)
        value, body = self._closed(scope.child(), node.body)
        cost: Cost = FREE if isinstance(body, Free) else Ballot(lead, m.size, body)
        if node.fallback is not None:
            value, cost = self._fallback(node.fallback, value, cost, None, scope)
        return value, sequence(*costs, cost)


_Body = Callable[[Value, Value, tuple[Cond, ...]], tuple[Value, Cost]]


# ---------------------------------------------------------------- the size of an accumulator by iteration

class _State:
    """The sizes of an accumulator as functions of the number of the iteration.

    The body is walked with a symbol for every size of the accumulator; what comes out is a system of recurrences in
    the iteration number, solved here for the usual kinds (constant, growing by a summable amount, saturating) and by
    the solver otherwise. `needs_peel`: the first iteration differs from the others.
    """

    def __init__(self, sizes: Sizes, initial: Value, index: str, body: Callable[[Value], tuple[Value, Cost]],
                 element: str | None, over: Spreading | None) -> None:
        self.sizes, self.initial, self.index, self.body = sizes, initial, index, body
        self.element, self.over = element, over
        self.needs_peel = False
        self.table: dict[str, Expr] = {}
        self.exact_leaves: list[bool] = []
        self.names: list[tuple[str, str]] = []
        self.template: Value = initial
        self._cost: Cost = FREE
        self.totals: dict[str, Expr] = {}

    def find(self) -> None:
        first, _ = self.body(self.initial)
        self.template = _joined_template(self.initial, first)
        start = _leaves(_with_template(self.initial, self.template), totals=True)
        self.exact_leaves = [s.exact and not s.lo.infinite for s in start]
        for _ in range(len(start) + 2):
            state = self._symbols(start)
            after, self._cost = self.body(state)
            step = _leaves(_with_template(after, self.template), totals=True)
            inexact = [i for i, s in enumerate(step) if self.exact_leaves[i] and not s.exact]
            if not inexact:
                break
            for i in inexact:
                self.exact_leaves[i] = False
        self._solve(start, step)

    def _symbols(self, start: list[Size]) -> Value:
        self.names = []
        leaves = []
        for s, one in zip(start, self.exact_leaves, strict=True):
            a = self.sizes.fresh("s")
            b = a if one else self.sizes.fresh("s")
            self.names.append((a, b))
            leaves.append(exact(sym(a)) if one else Size(sym(a), sym(b), None))
            del s
        return _fill(self.template, iter(leaves), totals=True)

    def _solve(self, start: list[Size], step: list[Size]) -> None:
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
                if growth is not None and set(growth) <= {0, 1} and not any(m in growth.get(d, ZERO).free for d in growth for m in base):
                    self.totals[n] = base[n] + growth.get(0, ZERO) * self.over.count.lo + growth.get(1, ZERO) * self.over.total.lo
                lo, hi = interval(e, {self.element: (self.over.low, self.over.high)})
                then[n] = hi if side[n] == "upper" and not (lo != hi and self._is_low(n)) else lo
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
                if value is None:
                    continue
                table[n] = value
                todo.remove(n)
                progress = True
        for n in todo:
            if self.needs_peel:
                break
            table[n] = self._by_solver(n, base, {m: then[m] for m in todo}, side[n], table)
        self.table = table

    def _is_low(self, n: str) -> bool:
        return any(a == n and a != b for a, b in self.names)

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
            j = self.sizes.fresh("i")
            return base + sum_(growth.subs({self.index: sym(j)}), j, ZERO, i - 1)
        atom = step.atom
        if isinstance(atom, Fn) and atom.op in ("max", "min") and s in atom.args:
            rest = [x for x in atom.args if x != s]
            if not any(n in x.free or self.index in x.free for x in rest):
                settled = (max_ if atom.op == "max" else min_)(base, *rest)
                if settled == base:
                    return base
                self.needs_peel = True
        return None

    def _by_solver(self, n: str, base: Mapping[str, Expr], then: Mapping[str, Expr], side: Side,
                   table: Mapping[str, Expr]) -> Expr:
        """Coupled or multiplied accumulators, as a system of recurrences in the iteration number."""
        i = sym(self.index)
        previous = {m: call(f"size_{m}", i - 1) for m in then}
        functions = {}
        for m, e in then.items():
            if e.infinite:
                return INF if side == "upper" else ZERO
            value = e.subs({self.index: i - 1}).subs(table).subs(previous)
            functions[f"size_{m}"] = Function(f"size_{m}", (self.index,), (
                Case(le(i, ZERO), base[m]), Case(TRUE, value)))
        system = System(functions, call(f"size_{n}", i), TRUE)
        answer = solve(system, side, time_limit=self.sizes.time_limit)
        if answer.closed is not None and not _has_unknown(answer.closed) and _facts(()).implies(answer.valid):
            return answer.closed
        return INF if side == "upper" else ZERO

    def give_up(self) -> None:
        """Nothing is known of the accumulator after the first iterations."""
        for a, b in self.names:
            self.table.setdefault(a, ZERO)
            self.table.setdefault(b, INF)
            if a == b and a in self.table and self.table[a] == ZERO:
                self.table[a] = INF
        self.needs_peel = False

    def state_at(self, i: Expr) -> Value:
        leaves = []
        for a, b in self.names:
            leaves.append(_bounded(self.table[a].subs({self.index: i}), self.table[b].subs({self.index: i})))
        return _fill(self.template, iter(leaves), totals=True)

    def final(self, count: Expr) -> Value:
        """The accumulator after all iterations; what grows with the elements grows by their total."""
        leaves = []
        for a, b in self.names:
            lo = self.totals.get(a, self.table[a].subs({self.index: count}))
            hi = self.totals.get(b, self.table[b].subs({self.index: count}))
            leaves.append(_bounded(lo, hi))
        return _fill(self.template, iter(leaves), totals=True)

    def resolve(self, cost: Cost) -> Cost:
        return substitute(cost, self.table)

    @property
    def cost(self) -> Cost:
        """The cost of iteration `index`."""
        return self.resolve(self._cost)


def terms(cost: Cost) -> Iterator[Cost]:
    """A term and all that stands in it."""
    yield cost
    match cost:
        case Sequence(parts=parts) | Parallel(parts=parts):
            for p in parts:
                yield from terms(p)
        case Cases(cases=cs):
            for _, p in cs:
                yield from terms(p)
        case Either(first=a, second=b):
            yield from terms(a)
            yield from terms(b)
        case Loop(body=b) | Spread(body=b) | Pick(body=b) | Ballot(body=b):
            yield from terms(b)
        case Rounds(condition=t, body=b):
            yield from terms(t)
            yield from terms(b)
        case Least(alternatives=alternatives):
            for _, a in alternatives:
                yield from terms(a)
        case _:
            pass


def _calls_models(cost: Cost) -> bool:
    return any(isinstance(c, Apply) or (isinstance(c, Leaf) and c.kind == "primitive") for c in terms(cost))


def _grows(body: Cost, index: str) -> bool:
    """Whether a prompt within grows with the number of the iteration."""
    for c in terms(body):
        if isinstance(c, Leaf) and index in c.prompt.hi.free:
            degree = c.prompt.hi.coefficients(index)
            if degree is None or any(d >= 1 and is_nonneg(x) for d, x in degree.items()):
                return True
    return False


def _bounded(lo: Expr, hi: Expr) -> Size:
    """A size between two bounds; one that is not bounded is not known to be large."""
    if lo.infinite > 0:
        lo = ZERO
    return exact(lo) if lo == hi else between(lo, hi)


def _over_index(cost: Cost, index: str, count: Size) -> Cost:
    """The cost of an iteration of unknown number, bounded over all of them."""
    if index not in _cost_free(cost):
        return cost
    top = max_(count.hi - 1, ZERO)
    return _widen(cost, index, ZERO, top)


def _widen(cost: Cost, index: str, lo: Expr, hi: Expr) -> Cost:
    def size(s: Size) -> Size:
        if index not in s.lo.free | s.hi.free:
            return s
        ranges = {index: (lo, hi)}
        return between(interval(s.lo, ranges)[0], interval(s.hi, ranges)[1])

    match cost:
        case Leaf():
            return Leaf(cost.kind, cost.name, cost.site, size(cost.prompt), size(cost.answer), cost.error, cost.span)
        case Sequence(parts=parts):
            return sequence(*(_widen(p, index, lo, hi) for p in parts))
        case Parallel(parts=parts):
            return parallel(*(_widen(p, index, lo, hi) for p in parts))
        case Loop():
            return loop(cost.index, size(cost.count), _widen(cost.body, index, lo, hi), cost.concurrent)
        case Either():
            return either(_widen(cost.first, index, lo, hi), _widen(cost.second, index, lo, hi), cost.chance)
        case Ballot():
            return Ballot(None if cost.lead is None else size(cost.lead), size(cost.most), _widen(cost.body, index, lo, hi))
        case Cases(cases=cs):
            if not any(index in c.free for c, _ in cs):
                return cases(*((c, _widen(p, index, lo, hi)) for c, p in cs))
            out = _widen(cs[0][1], index, lo, hi)
            for _, p in cs[1:]:
                out = either(out, _widen(p, index, lo, hi), None)
            return out
        case _:
            return substitute(cost, {index: hi})


def _cost_free(cost: Cost) -> frozenset[str]:
    match cost:
        case Free():
            return frozenset()
        case Leaf():
            return cost.prompt.lo.free | cost.prompt.hi.free | cost.answer.lo.free | cost.answer.hi.free
        case Sequence(parts=parts) | Parallel(parts=parts):
            return frozenset().union(*(_cost_free(p) for p in parts))
        case Cases(cases=cs):
            return frozenset().union(*(c.free | _cost_free(p) for c, p in cs))
        case Either():
            return _cost_free(cost.first) | _cost_free(cost.second)
        case Loop():
            return cost.count.lo.free | cost.count.hi.free | _cost_free(cost.body)
        case Spread():
            o = cost.over
            return o.count.lo.free | o.count.hi.free | o.total.lo.free | o.total.hi.free | _cost_free(cost.body)
        case Apply():
            return frozenset().union(*(a.free for a in cost.args))
        case Pick():
            return cost.lo.free | cost.hi.free | _cost_free(cost.body)
        case Rounds():
            return cost.most.lo.free | cost.most.hi.free | _cost_free(cost.condition) | _cost_free(cost.body)
        case Ballot():
            return cost.most.lo.free | cost.most.hi.free | _cost_free(cost.body)
        case Least(alternatives=alternatives):
            return frozenset().union(*(_cost_free(c) for _, c in alternatives))


# ---------------------------------------------------------------- shapes and values

def _from_shape(shape: core.Shape, leaf: Callable[[core.Extent, bool], Size]) -> Value:
    """A value of a declared shape; `leaf` gives the size for each extent, from the outside in."""
    match shape:
        case core.TextShape(tokens=e):
            return Str(leaf(e, False))
        case core.IntShape(value=e):
            return Num(leaf(e, True))
        case core.FloatShape():
            return Num(ANY)
        case core.BoolShape():
            return Truth(FALSE, FALSE)
        case core.EnumShape():
            return Label()
        case core.ListShape(element=element, length=e):
            length = leaf(e, False)
            return list_of(length, _from_shape(element, leaf))
        case core.TupleShape(items=items):
            return Group(tuple(_from_shape(i, leaf) for i in items))
        case core.RecordShape(fields=fields):
            return Group(tuple(_from_shape(s, leaf) for _, s in fields))


def _with_shape(v: Value, shape: core.Shape) -> Value:
    """A value that has an element wherever its shape has one (an empty list has elements of size 0)."""
    match v, shape:
        case Items(), core.ListShape(element=e):
            element = _with_shape(v.element, e) if v.element is not None else _nothing(e)
            return Items(v.length, v.parts, element, v.total)
        case Group(fields=fields), core.TupleShape(items=items):
            return Group(tuple(_with_shape(f, s) for f, s in zip(fields, items, strict=True)))
        case Group(fields=fields), core.RecordShape(fields=declared):
            return Group(tuple(_with_shape(f, s) for f, (_, s) in zip(fields, declared, strict=True)))
        case _:
            return v


def _nothing(shape: core.Shape) -> Value:
    """The element of a list that has none: the neutral value of the hull, a size that nothing exceeds or undercuts."""
    return _from_shape(shape, lambda e, n: Size(INF, NEG_INF if n else ZERO, None))


def _leaves(v: Value, totals: bool = False) -> list[Size]:
    """The sizes of a value in the order of `_from_shape`; with `totals` also the totals of lists of texts."""
    match v:
        case Str(tokens=s) | Num(size=s):
            return [s]
        case Group(fields=fields):
            return [s for f in fields for s in _leaves(f, totals)]
        case Items():
            out = [v.length]
            if v.element is not None:
                out.extend(_leaves(v.element, totals))
            if totals and isinstance(v.element, Str):
                total = spread_total(v)
                assert total is not None
                out.append(total)
            return out
        case _:
            return []


def _fill(v: Value, sizes: object, totals: bool = False) -> Value:
    """The value with other sizes, in the order of `_leaves`."""
    assert isinstance(sizes, Iterator)
    match v:
        case Str():
            return Str(next(sizes))
        case Num():
            return Num(next(sizes))
        case Group(fields=fields):
            return Group(tuple(_fill(f, sizes, totals) for f in fields))
        case Items():
            length = next(sizes)
            element = None if v.element is None else _fill(v.element, sizes, totals)
            total = next(sizes) if totals and isinstance(element, Str) else None
            return list_of(length, element, total)
        case Truth():
            return Truth(FALSE, FALSE)
        case _:
            return v


def _joined_template(a: Value, b: Value) -> Value:
    """The structure that both have (an empty list takes the other's elements)."""
    match a, b:
        case Items(), Items():
            if a.element is None or b.element is None:
                element = b.element if a.element is None else a.element
            else:
                element = _joined_template(a.element, b.element)
            return Items(a.length, None, element, None)
        case Group(fields=f), Group(fields=g):
            return Group(tuple(_joined_template(x, y) for x, y in zip(f, g, strict=True)))
        case _:
            return a


def _with_template(v: Value, template: Value) -> Value:
    match v, template:
        case Items(), Items():
            if template.element is None:
                return v
            if v.element is None:
                return Items(v.length, v.parts, _zero_value(template.element), exact(0))
            return Items(v.length, v.parts, _with_template(v.element, template.element), v.total)
        case Group(fields=f), Group(fields=g):
            return Group(tuple(_with_template(x, y) for x, y in zip(f, g, strict=True)))
        case _:
            return v


def _zero_value(v: Value) -> Value:
    match v:
        case Str():
            return Str(exact(0))
        case Num():
            return Num(exact(0))
        case Group(fields=fields):
            return Group(tuple(_zero_value(f) for f in fields))
        case Items():
            return Items(exact(0), (), None if v.element is None else _zero_value(v.element), exact(0))
        case _:
            return v


def _with_primary(v: Value, size: Size) -> Value:
    match v:
        case Str():
            return Str(size)
        case Items():
            return list_of(size, v.element)
        case _:
            return v


def _mapped_total(value: Value, var: str, over: Spreading) -> Size | None:
    """The total of the sizes of the results of a loop, where they are affine in the elements' sizes."""
    size = primary(value)
    if size is None:
        return None

    def total(e: Expr, count: Expr, whole: Expr) -> Expr | None:
        if e.infinite or count.infinite or whole.infinite:
            return None
        c = e.coefficients(var)
        if c is None or not set(c) <= {0, 1}:
            return None
        return c.get(0, ZERO) * count + c.get(1, ZERO) * whole

    lo = total(size.lo, over.count.lo, over.total.lo)
    hi = total(size.hi, over.count.hi, over.total.hi)
    if lo is None or hi is None:
        return None
    mean = None
    if size.mean is not None and over.count.mean is not None and over.total.mean is not None:
        mean = total(size.mean, over.count.mean, over.total.mean)
    return Size(lo, hi, mean)


def _index_facts(p: Part) -> tuple[Cond, ...]:
    return (le(sym(p.index), p.count - 1),)


def _extent_size(e: core.Extent, ranges: Mapping[str, tuple[Expr, Expr]], is_number: bool, model: bool) -> Size:
    """The size of an answer (`model`) or of a tool's result by its declaration."""
    if e.high is None:
        return ANY if is_number else at_least_zero()
    high = interval(e.high, ranges)[1]
    if e.low is not None:
        low = interval(e.low, ranges)[0]
        return between(min_(low, high) if low != high else low, high)
    return between(NEG_INF, high) if is_number else between(ZERO, high)


def at_least_zero() -> Size:
    return between(ZERO, INF)


def _bound_sizes(params: Sequenced[core.Param], values: Sequenced[Value]) -> dict[str, Size]:
    """The size variables of a declaration at these arguments; a name in several places is the largest."""
    found: dict[str, list[Size]] = {}

    def visit(shape: core.Shape, v: Value) -> None:
        match shape, v:
            case core.TextShape(tokens=e), Str(tokens=s):
                if e.var is not None:
                    found.setdefault(e.var, []).append(s)
            case core.IntShape(value=e), Num(size=s):
                if e.var is not None:
                    found.setdefault(e.var, []).append(s)
            case core.ListShape(element=element, length=e), Items():
                if e.var is not None:
                    found.setdefault(e.var, []).append(v.length)
                if v.element is not None:
                    visit(element, v.element)
                else:
                    visit(element, _from_shape(element, lambda x, n: exact(0)))
            case core.TupleShape(items=items), Group(fields=fields):
                for i, f in zip(items, fields, strict=True):
                    visit(i, f)
            case core.RecordShape(fields=declared), Group(fields=fields):
                for (_, i), f in zip(declared, fields, strict=True):
                    visit(i, f)
            case _:
                pass

    for p, v in zip(params, values, strict=True):
        visit(p.shape, v)
    return {n: s[0] if len(s) == 1 else _largest_size(s) for n, s in found.items()}


def _largest_size(sizes: list[Size]) -> Size:
    lo, hi = max_(*(s.lo for s in sizes)), max_(*(s.hi for s in sizes))
    return exact(lo) if lo == hi else between(lo, hi)


def _largest(e: Expr, table: Mapping[str, Size]) -> Expr:
    return interval(e, {n: (s.lo, s.hi) for n, s in table.items()})[1]


def _mean_of(e: Expr, table: Mapping[str, Size]) -> Expr | None:
    """The mean of an expression that is affine in every size that is not exact."""
    values: dict[str, Expr] = {}
    for n in e.free:
        s = table.get(n)
        if s is None:
            continue
        if s.mean is None:
            return None
        if not s.exact:
            c = e.coefficients(n)
            if c is None or not set(c) <= {0, 1}:
                return None
        values[n] = s.mean
    return e.subs(values)


def _symbolic(shape: core.Shape, inexact: set[str]) -> Value:
    """An argument of an entry: every size is its symbol."""
    def leaf(e: core.Extent, is_number: bool) -> Size:
        assert e.var is not None
        kind = "int" if is_number else "size"
        if e.var in inexact:
            return Size(sym(f"{e.var}_min", kind), sym(f"{e.var}_max", kind), None)
        return exact(sym(e.var, kind))
    return _from_shape(shape, leaf)


class _Binder:
    """Gives a function's parameters their symbols for one pattern of arguments."""

    def __init__(self, f: core.Function) -> None:
        self.pattern: list[object] = []
        self.names: list[str] = []
        self.kinds: list[str] = []
        self.args: list[Expr] = []
        self.facts: list[Cond] = []
        self._bound: dict[str, list[tuple[Size, Size]]] = {}
        self._taken: set[str] = set()

    def bind(self, shape: core.Shape, v: Value, name: str) -> Value:
        match shape, v:
            case core.TextShape(tokens=e), Str(tokens=s):
                return Str(self._leaf(e, s, "size", name))
            case core.IntShape(value=e), Num(size=s):
                return Num(self._leaf(e, s, "int", name))
            case core.FloatShape(), Num(size=s):
                return Num(self._leaf(core.Extent(None, None, None), s, "real", name))
            case core.BoolShape(), Truth():
                known = True if v.yes == TRUE else False if v.no == TRUE else None
                self.pattern.append(("bool", known))
                return v if known is not None else Truth(FALSE, FALSE)
            case core.ListShape(element=element, length=e), Items():
                length = self._leaf(e, v.length, "size", name)
                if v.element is None:
                    self.pattern.append("empty")
                    self._skip(element)
                    return Items(length, () if length.exact else None, None, None)
                inner = self.bind(element, v.element, name)
                size = primary(inner)
                total: Size | None = None
                known_total = spread_total(v) if size is not None and not size.exact else None
                product = None if size is None else Size(v.length.lo * primary(v.element).lo, v.length.hi * primary(v.element).hi, None)  # type: ignore[union-attr]
                if known_total is not None and (product is None or (known_total.lo, known_total.hi) != (product.lo, product.hi)):
                    total = self._leaf(core.Extent(None, None, None), known_total, "size", f"total_{name}")
                else:
                    self.pattern.append("-")
                return list_of(length, inner, total)
            case core.TupleShape(items=items), Group(fields=fields):
                return Group(tuple(self.bind(i, f, name) for i, f in zip(items, fields, strict=True)))
            case core.RecordShape(fields=declared), Group(fields=fields):
                return Group(tuple(self.bind(i, f, name) for (_, i), f in zip(declared, fields, strict=True)))
            case _:
                return v

    def _skip(self, shape: core.Shape) -> None:
        """Sizes of elements that are not there: 0."""
        def leaf(e: core.Extent, is_number: bool) -> Size:
            if e.var is not None:
                self._bound.setdefault(e.var, []).append((exact(0), exact(0)))
            return exact(0)
        _from_shape(shape, leaf)

    def _leaf(self, e: core.Extent, s: Size, kind: str, name: str) -> Size:
        stem = e.var if e.var is not None else name
        earlier = self._bound.get(stem, []) if e.var is not None else []
        for given, symbol in earlier:
            if given == s and s.exact:
                self.pattern.append(("same", len(self._bound)))
                return symbol
        if s.exact and not s.lo.infinite:
            self.pattern.append("exact")
            symbol = exact(self._new(stem, kind, s.lo))
        else:
            lo = NEG_INF if s.lo.infinite else self._new(f"{stem}_min", kind, s.lo)
            hi = INF if s.hi.infinite else self._new(f"{stem}_max", kind, s.hi)
            mean = None
            if s.mean is not None:
                mean = self._new(f"{stem}_mean", "real", s.mean)
            self.pattern.append(("interval", lo.infinite, hi.infinite, mean is not None))
            symbol = Size(lo, hi, mean)
            if not lo.infinite and not hi.infinite:
                self.facts.append(le(lo, hi))
        if e.low is not None and not symbol.hi.infinite:
            bound = e.low.subs({n: b[0][1].hi for n, b in self._bound.items() if n in e.low.free and b[0][1].exact})
            self.facts.append(ge(symbol.lo, bound))
        if e.high is not None and not symbol.hi.infinite:
            bound = e.high.subs({n: b[0][1].lo for n, b in self._bound.items() if n in e.high.free and b[0][1].exact})
            self.facts.append(le(symbol.hi, bound))
        if e.var is not None:
            self._bound.setdefault(stem, []).append((s, symbol))
        return symbol

    def _new(self, stem: str, kind: str, arg: Expr) -> Expr:
        name, n = stem, 1
        while name in self._taken:
            n += 1
            name = f"{stem}_{n}"
        self._taken.add(name)
        self.names.append(name)
        self.kinds.append(kind)
        self.args.append(arg)
        return sym(name, kind)

    def declared(self) -> dict[str, Size]:
        out: dict[str, Size] = {}
        for n, pairs in self._bound.items():
            symbols = [s for _, s in pairs]
            out[n] = symbols[0] if len(symbols) == 1 else _largest_size(symbols)
        return out


# ---------------------------------------------------------------- tunables

def tunable_symbol(t: core.Tunable) -> Expr:
    """The symbol of a `param`; it may be negative unless its range says otherwise."""
    return sym(t.name, "size" if t.low is not None and t.low >= 0 else "int")


def tunable_facts(program: core.Program) -> tuple[Cond, ...]:
    """The ranges of a program's `param`s: assumptions of every report."""
    out = []
    for t in program.tunables.values():
        if t.low is not None:
            out.append(ge(tunable_symbol(t), num(t.low)))
        if t.high is not None:
            out.append(le(tunable_symbol(t), num(t.high)))
    return tuple(c for c in out if c != TRUE)


# ---------------------------------------------------------------- small questions

_FLIP = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def _target(node: core.Node) -> tuple[str | None, bool]:
    """The local that a comparison speaks of, and whether of its length."""
    match node:
        case core.Local(name=name):
            return name, False
        case core.Op(op="len" | "tokens", args=(core.Local(name=name),)):
            return name, True
        case _:
            return None, False


def _pure(node: core.Node) -> bool:
    match node:
        case core.Const() | core.Local() | core.SizeVar() | core.ParamVar():
            return True
        case core.Op(args=args):
            return all(_pure(a) for a in args)
        case _:
            return False


def _is_variable(node: core.Node, name: str) -> bool:
    return isinstance(node, core.Local) and node.name == name


def _disj(a: Cond, b: Cond) -> Cond:
    from .expr import disj
    return disj(a, b)


def _zero(count: Expr) -> Cond:
    return FALSE if count.infinite else le(count, ZERO)


def _result(variant: Variant) -> Value:
    """What is known of the result: the proven claim where the variant is recursive, else what the body gave."""
    return variant.result if variant.recursive else variant.body_value


def _has_unknown(e: Expr) -> bool:
    return any(isinstance(a, Fn) and a.op == "call" and a.name.startswith("size_") for a in e.atoms())


def _split_piecewise(e: Expr) -> list[tuple[Cond, Expr]]:
    """An expression by cases, tried in order; the last condition is true."""
    atom = next((a for m in e.terms for a, _ in m if isinstance(a, Fn) and a.op == "piecewise"), None)
    if atom is None:
        deep = next((a for a in e.atoms() if isinstance(a, Fn) and a.op == "piecewise"), None)
        atom = deep if deep is not None and not _under_binder(e, deep) else None
    if atom is None:
        return [(TRUE, e)]
    out: list[tuple[Cond, Expr]] = []
    before: Cond = TRUE
    for value, cond in zip(atom.args, atom.conds, strict=True):
        chosen = e.rebuild(lambda a, value=value: value if a == atom else None)  # type: ignore[misc]
        for inner, x in _split_piecewise(chosen):
            out.append((conj(before, cond, inner) if before != TRUE or inner != TRUE else cond, x))
        before = conj(before, negate(cond))
    last = out[-1]
    out[-1] = (TRUE, last[1])
    return [(c, x) for c, x in out if c != FALSE]


def _under_binder(e: Expr, target: Fn) -> bool:
    return any(isinstance(a, Fn) and a.op in ("sum", "choose") and a.name in Expr({((target, 1),): 1}).free
               for a in e.atoms())


def _reachable(functions: Mapping[str, Function], goal: str) -> dict[str, Function] | None:
    """The functions that a goal needs; None if one of them is infinite or missing."""
    out: dict[str, Function] = {}
    todo = [goal]
    while todo:
        n = todo.pop()
        if n in out:
            continue
        f = functions.get(n)
        if f is None:
            return None
        out[n] = f
        for c in f.cases:
            if c.value.infinite:
                return None
            todo.extend(a.name for a in c.value.atoms() if isinstance(a, Fn) and a.op == "call")
    return out


def _is_number_leaf(shape: core.Shape, index: int) -> bool:
    found: list[bool] = []
    _from_shape(shape, lambda e, n: (found.append(n), exact(0))[1])  # type: ignore[func-returns-value]
    return found[index]


def _breaks(found: Expr, claimed: Expr, facts: Facts) -> dict[str, int] | None:
    """Sizes at which the first exceeds the second, or None if none of the sampled ones does."""
    names = sorted(found.free | claimed.free)
    if found.infinite or claimed.infinite or _has_unknown(found):
        return None
    difference = compile_expr(found - claimed, names)
    for count, point in enumerate(facts.sample()):
        if count > 300:
            break
        values = {n: point.get(n, 1) for n in names}
        try:
            if difference(*values.values()) > 0:
                return values
        except (ArithmeticError, ValueError, TypeError):
            continue
    return None
