"""Core -> for every function, and every way it is called, the size of its result and its cost term.

An abstract interpretation over exact symbolic sizes. A function is analysed once for each *pattern* of its arguments:
which sizes are known exactly, which only as an interval. In a pattern every size is a symbol (an interval is two), so
a function's cost is a term over symbols and a call of it is `Apply` with expressions: the recurrences of the report.

Result sizes of recursive functions: the declared claim is assumed for the recursive calls and proven for the body
(induction); what has no claim becomes a recurrence of its own (`size_f_0_hi`), which the solver closes first.

Does not combine costs (`readings`), does not decide termination (`termination`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Sequenced
from dataclasses import dataclass
from fractions import Fraction

from ..lang.diagnostics import Diagnostic
from ..lang.diagnostics import Label as DiagnosticLabel
from ..lang.source import Span
from ..lang.types import EnumT, FloatT
from . import core
from .accumulators import Accumulation, over_iterations
from .codegen import compile_expr
from .costs import (
    FREE,
    Apply,
    Ballot,
    Cost,
    Free,
    Leaf,
    Least,
    Loop,
    Pick,
    Rounds,
    Spread,
    Spreading,
    cases,
    either,
    loop,
    parallel,
    sequence,
    symbols_of,
    terms,
)
from .equations import Case, Function, Side, System
from .expr import (
    FALSE,
    INF,
    NEG_INF,
    ONE,
    TRUE,
    ZERO,
    Atom,
    Cond,
    Expr,
    Fn,
    Sym,
    call,
    ceil,
    conj,
    floor,
    ge,
    is_nonneg,
    le,
    max_,
    min_,
    negate,
    num,
    piecewise,
    power,
    sym,
)
from .facts import Facts, assuming
from .invariant import invariant_calls
from .patterns import Binder, symbolic, tunable_facts, tunable_symbol
from .pretty import pretty
from .shapes import (
    bound_sizes,
    extent_size,
    from_shape,
    has_unknown,
    largest,
    leaves_of,
    mapped_total,
    mean_of,
    outer_sizes,
    with_primary,
    with_shape,
)
from .simplify import split_piecewise, tight
from .size_rules import Context, apply_rule, certain_failure, first_and_rest
from .solve import Solution, solve
from .termination import ends
from .values import (
    Group,
    Items,
    Label,
    Num,
    Part,
    Size,
    Str,
    Truth,
    Value,
    all_known,
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
from .variants import Variant

__all__ = ["Sizes", "TooLarge"]

# A choice between more cases than these is taken as one that anything may decide: its formula would fill pages.
_MOST_CASES = 64
# Seconds that the solver may take for sizes without an answer, in all; and at least, for each.
_IN_VAIN, _AT_LEAST = 1.0, 0.1
# A claim is not tried at larger sizes: powers of them take long.
_LARGEST_SIZE = 1000
_BOUND_IT = (
    "bound the number that it depends on: in the declaration that it comes from, `-> Int[0..10]`, or by `min(k, 10)`"
)
# Accumulators within so many others may be looked at so often in all.
_FREE_NESTING = 2
_MOST_NESTED = 800


class TooLarge(Exception):
    """A size is too large to write out; `diagnostic` says where. The analysis of the program ends with it."""

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self.diagnostic = Diagnostic(
            "E0406",
            "a size here is a number with too many digits to write it out",
            span,
            "look for a number in a power, or in what a power depends on, that should be smaller",
        )


def _facts(conditions: tuple[Cond, ...]) -> Facts:
    return assuming(*conditions)


class Scope:
    """Names in force, what is known of sizes, and the adversary's numbers that are still open."""

    __slots__ = ("declared", "facts", "names", "parent", "picks", "variant")

    def __init__(
        self, parent: Scope | None, variant: Variant, facts: tuple[Cond, ...], declared: Mapping[str, Size]
    ) -> None:
        self.parent, self.variant, self.facts, self.declared = parent, variant, facts, declared
        self.names: dict[str, Value] = {}
        self.picks: list[Pick] = []

    def child(self, *facts: Cond) -> Scope:
        return Scope(
            self, self.variant, (*self.facts, *(f for f in facts if f != TRUE and f not in self.facts)), self.declared
        )

    def find(self, name: str) -> Value | None:
        """The value of a name; None where it is not in force."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def look(self, name: str) -> Value:
        value = self.find(name)
        if value is None:
            raise KeyError(name)
        return value

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
        self.loops: dict[tuple[str, int], tuple[Variant, Cost]] = {}
        self._guesses: dict[tuple[str, tuple[object, ...]], dict[int, Size]] = {}
        self._solved: dict[tuple[str, tuple[object, ...]], Value] = {}
        self._names: dict[str, int] = {}
        self._named: dict[tuple[str, tuple[object, ...]], str] = {}
        self._components = 0
        self._in_vain = 0.0     # seconds that the solver took for sizes that have no closed form
        self._open = 0          # accumulators under way
        self._nested = 0        # how often one within several others was looked at

    # ---------------------------------------------------------------- entry

    def entry(self, function: str, ranges: Mapping[str, bool] | None = None) -> Variant:
        """The variant whose sizes are exactly the named ones; those in `ranges` are intervals instead.

        Raises TooLarge.
        """
        f = self.program.functions[function]
        inexact = {n for n, r in (ranges or {}).items() if r}
        args = [symbolic(p.shape, inexact) for p in f.params]
        try:
            variant, _ = self._variant(f, args, None)
        except OverflowError:       # between its expressions: in a claim, or while its result sizes are settled
            raise TooLarge(f.span) from None
        return variant

    def cost_of(self, node: core.Node, host: Variant, names: Mapping[str, Value]) -> Cost:
        """The cost of a node at known values of its locals, within a function that is not analysed itself."""
        scope = Scope(None, host, host.facts, host.declared)
        scope.names.update(names)
        return self._closed(scope, node)[1]

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

    def report(
        self,
        code: str,
        message: str,
        span: Span,
        hint: str,
        severity: str = "error",
        labels: tuple[DiagnosticLabel, ...] = (),
    ) -> None:
        key = (code, span.start)
        if key not in self._reported:
            self._reported.add(key)
            self.diagnostics.append(Diagnostic(code, message, span, hint, labels, severity))  # type: ignore[arg-type]

    def _find(
        self,
        scope: Scope,
        code: str,
        message: str,
        span: Span,
        hint: str,
        labels: tuple[DiagnosticLabel, ...] = (),
    ) -> None:
        """Reports what follows from sizes, once these are settled: a recursion is walked with assumed ones first."""
        found = Diagnostic(code, message, span, hint, labels)
        if found not in scope.variant.found:
            scope.variant.found.append(found)

    # ---------------------------------------------------------------- variants

    def _variant(self, f: core.Function, args: list[Value], scope: Scope | None) -> tuple[Variant, tuple[Expr, ...]]:
        """The variant for these arguments, explored if new, and the arguments for its symbols. `scope`: the caller's.

        `_index` and `_low` are those of Tarjan's algorithm for strongly connected components (1972).
        """
        binder = Binder(f, None if scope is None else lambda e: self._tight(e, scope))
        caller = None if scope is None else scope.variant
        params = [binder.bind(p.shape, v, p.name) for p, v in zip(f.params, args, strict=True)]
        pattern = tuple(binder.pattern)
        key = (f.name, pattern)
        variant = self.variants.get(key)
        if variant is None:
            # a key keeps its name when its component is analysed anew
            name = self._named.get(key, "")
            if not name:
                count = self._names[f.name] = self._names.get(f.name, 0) + 1
                name = self._named[key] = f.name if count == 1 else f"{f.name}__{count}"
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
                return  # part of a larger component, whose root will settle it
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
                    for d in m.found:
                        self.report(d.code, d.message, d.span, d.hint, d.severity, d.labels)
                    self._check_claim(m)
                return
            # a hypothesis failed: all members are analysed anew with weaker ones
            del self._stack[start:]
            for m in members:
                self._index.pop(m.name)
                del self.variants[(m.function.name, m.pattern)]

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
            if high is None and i > 0 and not is_number and level <= 1:
                # what a list holds is often what went in, however deep the recursion: a constant first, then its value
                return exact(sym(_constant(variant, i))) if level == 0 else self._guesses[key][i]
            return between(call(f"size_{variant.name}_{i}_lo", *args), call(f"size_{variant.name}_{i}_hi", *args))

        return from_shape(f.result, leaf)

    def _settle(self, members: list[Variant]) -> bool:
        """Whether the hypotheses of a component hold. If not, weaker ones (or solved ones) are set for the next try."""
        bodies = {m.name: with_shape(m.body_value, m.function.result) for m in members}
        if self._guessed(members, bodies):
            return False
        failed = False
        unsolved: dict[str, tuple[Variant, int, str, Expr, Expr]] = {}
        for m in members:
            key = (m.function.name, m.pattern)
            if key in self._solved:
                m.result = self._solved[key]
                continue
            assumed, found = leaves_of(m.result), leaves_of(bodies[m.name])
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

    def _guessed(self, members: list[Variant], bodies: Mapping[str, Value]) -> bool:
        """Whether sizes were taken for constants; what these would have to be is the next hypothesis."""
        constants = {
            (m.name, i): _constant(m, i)
            for m in members
            if (m.function.name, m.pattern) not in self._solved
            for i, a in enumerate(leaves_of(m.result))
            if a.lo == sym(_constant(m, i))
        }
        names = set(constants.values())
        for m in members:
            key = (m.function.name, m.pattern)
            for i, found in enumerate(leaves_of(bodies[m.name])):
                if (m.name, i) not in constants:
                    continue
                lo, hi = (_without(e, names, side) for e, side in ((found.lo, "lo"), (found.hi, "hi")))
                known = lo is not None and hi is not None and not has_unknown(lo) and not has_unknown(hi)
                self._level[key][i] = 1 if known else 2
                if lo is not None and hi is not None:
                    self._guesses.setdefault(key, {})[i] = exact(lo) if lo == hi else between(lo, hi)
        return bool(constants)

    def _check_claim(self, variant: Variant) -> None:
        """A size in a result type is a claim: proven, broken (an error), or reported with what could be inferred."""
        f = variant.function
        claims: list[core.Extent] = []
        from_shape(f.result, lambda e, n: (claims.append(e), exact(0))[1])  # type: ignore[func-returns-value]
        if all(e.high is None for e in claims):
            return
        found = leaves_of(with_shape(_result(variant), f.result))
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
                self.report(
                    "E0402",
                    f"the size of the result of `{f.origin}` could not be bounded",
                    f.span,
                    f"the result type claims at most {e.high}; return values whose sizes are bounded",
                )
            elif point is not None:
                self.report(
                    "E0401",
                    f"the result of `{f.origin}` can be larger than its type claims{where}",
                    f.span,
                    f"it claims at most {e.high}, but the body can give {size.hi}; write that size, or none",
                )
            else:
                self.report(
                    "W0402",
                    f"the size that the result type of `{f.origin}` claims could not be proven",
                    f.span,
                    f"the analysis goes on with what it inferred: at most {size.hi}",
                    "warning",
                )

    def _at_most(self, a: Expr, b: Expr, facts: Facts) -> bool:
        """Whether a <= b is proven."""
        if a == b or b.infinite > 0 or a.infinite < 0:
            return True
        if a.infinite or b.infinite:
            return False
        for guard, x in split_piecewise(a):
            inner = facts if guard == TRUE else facts.with_(guard)
            facts = facts.with_(negate(guard))
            for guard2, y in split_piecewise(b):
                inner2 = inner if guard2 == TRUE else inner.with_(guard2)
                inner = inner.with_(negate(guard2))
                if not inner2.implies(le(x, y)):
                    return False
        return True

    def _solve_sizes(
        self,
        members: list[Variant],
        unsolved: dict[str, tuple[Variant, int, str, Expr, Expr]],
        bodies: Mapping[str, Value],
    ) -> None:
        """Closes the size recurrences of a component and keeps the results for the next walk over it."""
        functions: dict[str, Function] = {}
        for name, (m, _, _, _, rhs) in unsolved.items():
            functions[name] = Function(name, m.params, tuple(Case(g, e) for g, e in split_piecewise(rhs)))
        closed: dict[str, Expr] = {}
        terminates = ends(members)
        guesses = {name: _settled(rhs, side) for name, (_, _, side, _, rhs) in unsolved.items()}
        for name, (m, _, side, _, rhs) in unsolved.items():
            args = tuple(sym(n, k) for n, k in zip(m.params, m.kinds, strict=True))
            goal = call(name, *args)
            value: Expr | None = None
            if not has_unknown(rhs):
                value = rhs
            elif guesses.get(name) is not None and self._invariant(name, unsolved, guesses, exactly=True):
                value = guesses[name]
            elif terminates and not rhs.infinite:
                needed = _reachable(functions, name)
                if needed is not None:
                    system = System(needed, goal, conj(*m.facts))
                    answer = self._solution(system, "upper" if side == "hi" else "lower")
                    if answer.closed is not None and not has_unknown(answer.closed):
                        value = _everywhere(answer.closed, answer.valid, rhs, _facts(m.facts))
            if value is None or has_unknown(value):
                value = (
                    INF
                    if side == "hi"
                    else (NEG_INF if _is_number_leaf(m.function.result, unsolved[name][1]) else ZERO)
                )
                if side == "hi" and not _is_number_leaf(m.function.result, unsolved[name][1]):
                    m.unknown.append(
                        (f"the size of the result of {m.function.origin} could not be bounded", m.function.span)
                    )
            closed[name] = value
        for m in members:
            key = (m.function.name, m.pattern)
            if key in self._solved:
                continue
            leaves = []
            for i, leaf in enumerate(leaves_of(m.result)):
                lo = closed.get(f"size_{m.name}_{i}_lo", leaf.lo)
                hi = closed.get(f"size_{m.name}_{i}_hi", leaf.hi)
                leaves.append(exact(lo) if lo == hi else between(lo, hi))
            self._solved[key] = _filled(m.function.result, leaves)

    def _solution(self, system: System, side: Side) -> Solution:
        """The solution of a size's recurrence; what was spent without an answer is not there for the next."""
        started = time.thread_time()
        answer = solve(system, side, time_limit=max(_AT_LEAST, min(self.time_limit, _IN_VAIN - self._in_vain)))
        if answer.closed is None:
            self._in_vain += time.thread_time() - started
        return answer

    def _invariant(
        self,
        name: str,
        unsolved: Mapping[str, tuple[Variant, int, str, Expr, Expr]],
        guesses: Mapping[str, Expr | None],
        exactly: bool,
    ) -> bool:
        """Whether the guesses are a solution (or lie on the safe side): each right side gives the guess back."""
        todo, seen = [name], set[str]()
        while todo:
            n = todo.pop()
            if n in seen:
                continue
            seen.add(n)
            if n not in unsolved:
                return False
            m, _, side, _, rhs = unsolved[n]
            guess = guesses.get(n)
            if guess is None or guess.infinite:
                return False

            def close(a: Atom) -> Expr | None:
                if isinstance(a, Fn) and a.op == "call" and a.name in unsolved:
                    todo.append(a.name)
                    g = guesses.get(a.name)
                    if g is not None:
                        return g.subs(dict(zip(unsolved[a.name][0].params, a.args, strict=True)))
                return None

            value = rhs.rebuild(close)
            facts = _facts(m.facts)
            if has_unknown(value) or value.infinite:
                return False
            below = value == guess or ((exactly or side == "hi") and self._at_most(value, guess, facts))
            above = value == guess or ((exactly or side == "lo") and self._at_most(guess, value, facts))
            if not (below and above if exactly else below or above):
                return False
        return True

    def _body(self, variant: Variant, params: list[Value]) -> None:
        f = variant.function
        variant.found.clear()
        scope = Scope(None, variant, variant.facts, variant.declared)
        for p, v in zip(f.params, params, strict=True):
            scope.names[p.name] = v
        value, cost = self._closed(scope, f.body)
        variant.body_value = value
        variant.cost = cost

    # ---------------------------------------------------------------- expressions

    def _closed(self, scope: Scope, node: core.Node) -> tuple[Value, Cost]:
        """A node in a scope of its own: the adversary's numbers end here."""
        return _close(scope, *self.walk(node, scope))

    def walk(self, node: core.Node, scope: Scope) -> tuple[Value, Cost]:
        """The value and the cost of a node."""
        before: list[Cost] = []
        while isinstance(node, core.Let):
            value, cost = self.walk(node.value, scope)
            scope.names[node.name] = value
            before.append(cost)
            node = node.body
        try:
            value, cost = self._node(node, scope)
        except OverflowError:
            raise TooLarge(node.span) from None
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
            case core.Op():
                return self._operation(node, scope)
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
                known = all(self._known(a, scope) for _, a in alternatives)
                return value, Least(metric, tuple((label, c) for label, _, c in labelled), known, span)
            case core.Let():
                raise AssertionError("handled by walk")

    def _known(self, node: core.Node, scope: Scope) -> bool:
        """Whether all that a node is told of the scope has a size that is known exactly."""
        todo = [node]
        while todo:
            x = todo.pop()
            match x:
                case core.Local(name=name) if (value := scope.find(name)) is not None:
                    if not (isinstance(x.type, FloatT) or all_known(value)):
                        return False
                case core.SizeVar(name=name) if not scope.declared[name].exact:
                    return False
                case _:
                    todo.extend(core.children(x))
        return True

    def _operation(self, node: core.Op, scope: Scope) -> tuple[Value, Cost]:
        """An operation; those of a chain `a - b + c` from the left, without recursion."""
        chain = [node]
        while chain[-1].args and isinstance(first := chain[-1].args[0], core.Op):
            chain.append(first)
        context = self._context(scope)
        values: list[Value] = []
        costs: list[Cost] = []
        for op in reversed(chain):
            for a in op.args[len(values):]:
                v, c = self.walk(a, scope)
                values.append(v)
                costs.append(c)
            self._check_operation(op, values, scope)
            value = apply_rule(op.op, values, op.index, context)
            values = [self._one_of_two(value, values[0], scope) if op.op == "index" else value]
        return values[0], sequence(*costs)

    def _check_operation(self, node: core.Op, values: list[Value], scope: Scope) -> None:
        failure = certain_failure(node.op, values)
        # within an accumulator a local may be taken for what it is in the first round, which need not come to this
        if failure is None or (self._open and not all(_literal(a) for a in node.args[1:])):
            return
        if not _facts(scope.facts).contradictory:
            self._find(scope, "E0408", f"{failure[0]}: a run fails here", node.span, failure[1])

    def _one_of_two(self, found: Value, source: Value, scope: Scope) -> Value:
        """An element of a `split` by an index that sizes do not tell: the adversary picks one of the two sizes there
        are, so that what is done with it is analysed at an exact size and not over an interval."""
        size = primary(found)
        if not isinstance(source, Items) or source.parts is None or size is None or size.exact:
            return found
        if not any(isinstance(a, Fn) and a.op == "floor" and size.lo == floor(a.args[0]) and size.hi == ceil(a.args[0])
                   for a in size.lo.atoms()):
            return found
        name = self.fresh("k")
        scope.picks.append(Pick(name, size.lo, size.hi, None, FREE))
        scope.know(le(size.lo, sym(name)), le(sym(name), size.hi))
        return with_primary(found, exact(sym(name)))

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
        """A choice; the arms of a chain of them one after the other, for there may be thousands."""
        arms: list[_Arm] = []
        rest: core.Node = node
        while isinstance(rest, core.If):
            truth, cost = self._condition(rest.condition, scope)
            facts = _facts(scope.facts)
            if truth.yes == TRUE or (truth.yes != FALSE and facts.implies(truth.yes)):
                arms.append(_Arm(TRUE, FALSE, cost, None, FREE, None, scope))
                rest, scope = rest.then, scope.child()
                break
            if truth.no == TRUE or (truth.no != FALSE and facts.implies(truth.no)):
                arms.append(_Arm(FALSE, TRUE, cost, None, FREE, None, scope))
                rest, scope = rest.otherwise, scope.child()
                continue
            known = len(arms) < _MOST_CASES         # beyond, nothing is learnt of the sizes for which the test fails
            inner, outer = scope.child(negate(truth.no)), scope.child(*([negate(truth.yes)] if known else []))
            self._refine(rest.condition, True, inner)
            self._refine(rest.condition, False, outer)
            value, branch = self._closed(inner, rest.then)
            chance = self._chance(rest.condition, rest.chance, scope)
            arms.append(_Arm(truth.yes, truth.no, cost, value, branch, chance, scope))
            rest, scope = rest.otherwise, outer
        value, cost = self._closed(scope, rest)
        return self._joined(arms, value, cost)

    def _joined(self, arms: list[_Arm], last: Value, rest: Cost) -> tuple[Value, Cost]:
        """The value and the cost of a chain of choices that ends with these."""
        values, costs = [(TRUE, last)], [(TRUE, rest)]      # what sizes decide, of the arms behind
        for at in range(len(arms) - 1, -1, -1):
            arm = arms[at]
            if arm.value is not None and arm.no == negate(arm.yes):
                values.insert(0, (arm.yes, arm.value))
                costs.insert(0, (arm.yes, arm.cost))
                if isinstance(arm.test, Free) and not arm.scope.picks:
                    continue
                last, rest = _selected(values), _decided(costs)
            elif arm.value is not None:
                last, rest = _selected(values), _decided(costs)
                undecided, both = either(arm.cost, rest, arm.chance), hull(arm.value, last)
                if arm.yes == FALSE and arm.no == FALSE:
                    last = self._mixed_mean(arm.value, last, arm.chance) or both
                    rest = undecided
                else:
                    last = select([(arm.yes, arm.value), (arm.no, last), (TRUE, both)])
                    rest = cases((arm.yes, arm.cost), (arm.no, rest), (TRUE, undecided))
            else:
                last, rest = _selected(values), _decided(costs)
            rest = sequence(arm.test, rest)
            if at:
                last, rest = _close(arm.scope, last, rest)
            values, costs = [(TRUE, last)], [(TRUE, rest)]
        return _selected(values), _decided(costs)

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
        table = bound_sizes(p.params, values)
        by_name = {q.name: v for q, v in zip(p.params, values, strict=True)}
        prompt = exact(self.fixed_tokens(p))
        for piece in (*p.prompt, *p.system):
            if isinstance(piece, core.Hole):
                v = by_name[piece.param]
                for i in piece.path:
                    assert isinstance(v, Group)
                    v = v.fields[i]
                prompt = prompt + token_count(v)
        if prompt.hi.infinite:
            self._find(
                scope,
                "W0205",
                f"nothing bounds the size of the prompt of `{p.name}`: the worst case is unbounded",
                node.span,
                _BOUND_IT,
            )
        ranges = {n: (s.lo, s.hi) for n, s in table.items()}
        value = from_shape(p.result, lambda e, n: extent_size(e, ranges, n, True))
        answer = token_count(value)
        if p.max_output is not None:
            cap = interval(p.max_output, ranges)[1]
            answer = between(min_(answer.lo, cap), cap)
        if p.typical is not None:
            mean = mean_of(p.typical, table)
            if mean is not None:
                answer = between(answer.lo, answer.hi, mean)
                if isinstance(value, Str):
                    value = Str(between(value.tokens.lo, value.tokens.hi, mean))
        model = self.program.models[p.model]
        if model.reasoning:
            answer = between(answer.lo, answer.hi + model.reasoning)
        error = largest(p.error, table)
        cost: Cost = Leaf("primitive", p.name, node.site, prompt, answer, error, node.span)
        if node.fallback is not None:
            value, cost = self._fallback(node.fallback, value, cost, power(p.malformed, p.attempts), scope)
        return value, sequence(*costs, cost)

    def _fallback(
        self, fallback: core.Node, value: Value, cost: Cost, chance: Expr | None, scope: Scope
    ) -> tuple[Value, Cost]:
        other, extra = self._closed(scope.child(), fallback)
        return hull(value, other), sequence(cost, either(extra, FREE, chance))

    def _call_tool(self, node: core.CallTool, scope: Scope) -> tuple[Value, Cost]:
        t = self.program.tools[node.tool]
        values, costs = self._arguments(node.args, scope)
        table = bound_sizes(t.params, values)
        ranges = {n: (s.lo, s.hi) for n, s in table.items()}
        value = from_shape(t.result, lambda e, n: extent_size(e, ranges, n, False))
        cost: Cost = Leaf("tool", t.name, node.site, exact(0), exact(0), ZERO, node.span)
        if node.fallback is not None:
            value, cost = self._fallback(node.fallback, value, cost, None, scope)
        return value, sequence(*costs, cost)

    def _call_function(self, node: core.CallFunction, scope: Scope) -> tuple[Value, Cost]:
        f = self.program.functions[node.function]
        values, costs = self._arguments(node.args, scope)
        self._check_preconditions(f, values, node.span, scope)
        here = scope.variant
        variant, args = self._variant(f, values, scope)
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

    def _check_preconditions(self, f: core.Function, values: list[Value], span: Span, scope: Scope) -> None:
        """Reports a call that certainly breaks a `where`, or what a parameter declares of its size or number."""
        declared = [
            (p.name, e, s)
            for p, v in zip(f.params, values, strict=True)
            for e, s in outer_sizes(p.shape, v)
            if e.low is not None or e.high is not None
        ]
        if not f.where and not declared:
            return
        table = bound_sizes(f.params, values)
        facts = _facts(scope.facts)

        def at_call(free: frozenset[str]) -> dict[str, Expr] | None:
            named = {n: s for n, s in table.items() if n in free}
            exactly = all(s.exact and not s.lo.infinite for s in named.values())
            return {n: s.lo for n, s in named.items()} if exactly else None

        def broken(needed: Cond) -> bool:
            # what is kept is proven faster than that it is not broken
            return not facts.implies(needed) and facts.refutes(needed)

        for c, where in f.where:
            known = at_call(c.free)
            if known is not None and broken(c.subs(known)):
                self._find(
                    scope,
                    "E0404",
                    f"this call breaks the precondition of {f.origin}",
                    span,
                    f"{f.origin} requires {c}; call it only where that holds",
                    labels=(DiagnosticLabel(where, "required here"),),
                )
        for name, e, size in declared:
            for bound, end, relation in ((e.low, size.hi, ge), (e.high, size.lo, le)):
                known = None if bound is None or bound.infinite or end.infinite else at_call(bound.free)
                if bound is None or known is None or not broken(relation(end, bound.subs(known))):
                    continue
                within = "..".join("" if b is None or b.infinite else f"{b}" for b in (e.low, e.high))
                given = f"{size.lo}" if size.exact else f"{size.lo} to {size.hi}"
                self._find(
                    scope,
                    "E0404",
                    f"this call gives {given} for `{name}` of {f.origin}, which declares {within}",
                    span,
                    f"give it what lies within {within}, or declare more",
                    labels=(DiagnosticLabel(f.span, "declared here"),),
                )

    # ---------------------------------------------------------------- loops

    def _for(self, node: core.For, scope: Scope) -> tuple[Value, Cost]:
        source, before = self.walk(node.items, scope)
        assert isinstance(source, Items)
        if source.element is None:
            return Items(exact(0), (), None, None), before
        if node.where is not None:
            return self._for_where(node, source, before, scope)
        value, cost = self._rounds_of(node, source, scope)
        self._check_bounded(source.length, cost, node.span, scope)
        self._check_invariant(node, source.length)
        if not node.concurrent and _calls_models(cost):
            self.loops["W0201", node.span.start] = scope.variant, cost
            self.report(
                "W0201",
                "this loop waits for each round before it begins the next, though none needs another's result",
                node.span,
                "`par for` runs them at once: rounds no longer grow with the list",
                "warning",
            )
        return value, sequence(before, cost)

    def _check_bounded(self, rounds: Size, cost: Cost, span: Span, scope: Scope, hint: str = "") -> None:
        if rounds.hi.infinite and not isinstance(cost, Free):
            self._find(
                scope,
                "W0203",
                "nothing bounds the number of rounds: the worst case is unbounded",
                span,
                hint or _BOUND_IT,
            )

    def _check_invariant(self, node: core.For | core.Fold, length: Size) -> None:
        for same in invariant_calls(node):
            self.report(
                "W0204",
                f"this call of `{same.primitive}` does not depend on its loop, and is made anew in every round",
                same.span,
                f"bind its answer with `let` before the loop: at most {pretty(str(length.hi))} calls become one",
                "warning",
            )

    def _rounds_of(self, node: core.For, source: Items, scope: Scope) -> tuple[Value, Cost]:
        """The list of results, and the cost of all iterations."""
        assert source.element is not None
        if source.parts is not None and len(source.parts) == 1:
            part = source.parts[0]
            value, cost = self._iteration(node, part.value, scope, _index_facts(part))
            out = (
                list_of_parts([Part(part.count, part.index, value)])
                if part.count != ZERO
                else Items(source.length, (), value, None)
            )
            return out, loop(part.index, exact(part.count), cost, node.concurrent)
        spread = self._spread(source)
        if spread is not None:
            var, over, element = spread
            facts = (ge(sym(var), over.low), *(() if over.high.infinite else (le(sym(var), over.high),)))
            value, cost = self._iteration(node, element, scope, facts)
            whole = eliminate(value, {var: (over.low, over.high)})
            if over.parts is not None:
                index = self.fresh("j")
                out = list_of_parts(
                    [Part(k, index, subs_value(value, {var: v})) for k, v in over.parts],
                    mapped_total(value, var, over),
                )
            else:
                out = list_of(source.length, whole, mapped_total(value, var, over))
            return out, cost if isinstance(cost, Free) else Spread(var, over, cost, node.concurrent)
        if source.parts is not None:
            outs, costs = [], []
            for part in source.parts:
                value, cost = self._iteration(node, part.value, scope, _index_facts(part))
                outs.append(Part(part.count, part.index, value))
                costs.append(loop(part.index, exact(part.count), cost, node.concurrent))
            joined = parallel(*costs) if node.concurrent else sequence(*costs)
            return list_of_parts(outs), joined
        value, cost = self._iteration(node, source.element, scope, ())
        return list_of(source.length, value), loop(self.fresh("i"), source.length, cost, node.concurrent)

    def _iteration(self, node: core.For, element: Value, scope: Scope, facts: tuple[Cond, ...]) -> tuple[Value, Cost]:
        inner = scope.child(*facts)
        inner.names[node.var] = element
        return self._closed(inner, node.body)

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
        element = with_primary(v.element, exact(sym(var)))
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
        self._check_bounded(n, one, node.span, scope)
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
        self._check_bounded(n, test, node.span, scope)
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
            return Group(
                (
                    list_of(first, source.element, part_total, self.fresh("j")),
                    list_of(second, source.element, part_total, self.fresh("j")),
                )
            ), cost
        either_part = Items(between(ZERO, n.hi), None, source.element, part_total)
        return Group((either_part, either_part)), cost

    # ---------------------------------------------------------------- accumulators

    def _too_nested(self, span: Span) -> bool:
        """Whether accumulators stand within accumulators so deep that their sizes take too long to find.

        Every level walks what is in it a few times, until it knows how the accumulator grows.
        """
        if self._nested > _MOST_NESTED:
            return True
        self._nested += self._open > _FREE_NESTING
        if self._nested <= _MOST_NESTED:
            return False
        self.report(
            "E0008",
            f"`fold` and `repeat` within each other, {self._open + 1} levels deep, take too long to analyse",
            span,
            "move the inner ones into a function of their own",
        )
        return True

    def _fold(self, node: core.Fold, scope: Scope) -> tuple[Value, Cost]:
        initial, before1 = self.walk(node.initial, scope)
        source, before2 = self.walk(node.items, scope)
        assert isinstance(source, Items)
        before = sequence(before1, before2)
        if source.element is None or self._too_nested(node.span):
            return initial, before

        def body(state: Value, element: Value, facts: tuple[Cond, ...]) -> tuple[Value, Cost]:
            inner = scope.child(*facts)
            inner.names[node.accumulator] = state
            inner.names[node.var] = element
            return self._closed(inner, node.body)

        self._check_invariant(node, source.length)
        self._open += 1
        value, cost = self._fold_from(initial, source, body, scope, 0, node.span)
        self._open -= 1
        self._check_bounded(source.length, cost, node.span, scope)
        if any(isinstance(c, Loop) and _grows(c.body, c.index) for c in terms(cost)):
            self.loops["W0202", node.span.start] = scope.variant, cost
            self.report(
                "W0202",
                "every round's prompt holds what all earlier rounds added: prompt tokens grow with the "
                "square of the number of rounds",
                node.span,
                "carry a summary of bounded size in the accumulator instead of the whole history",
                "warning",
            )
        return value, sequence(before, cost)

    def _fold_from(
        self, initial: Value, source: Items, body: _Body, scope: Scope, peeled: int, span: Span
    ) -> tuple[Value, Cost]:
        """The last accumulator and the cost of folding `source`; first iterations that differ are peeled off."""
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
        run = Accumulation(
            self.fresh, self.time_limit, scope.facts, initial, index, lambda s: body(s, element, facts), x, over
        )
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
            if index in symbols_of(cost):
                # the accumulator depends on the iteration as well: bounded over the iterations
                spread_cost = cost
            total_cost: Cost = (
                FREE if isinstance(cost, Free) else Spread(x, over, over_iterations(spread_cost, index, count), False)
            )
        else:
            total_cost = loop(index, count, cost, False)
        if count.exact:
            return run.final(count.lo), total_cost
        return eliminate(state_at(sym(index)), {index: (count.lo, count.hi)}), total_cost

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
        if self._too_nested(node.span):
            return initial, sequence(before1, before2)
        chance = self._chance(node.condition, node.chance, scope)
        self._open += 1
        value, cost = self._rounds(node, initial, most, chance, scope, 0)
        self._open -= 1
        return value, sequence(before1, before2, cost)

    def _rounds(
        self, node: core.Repeat, initial: Value, most: Size, chance: Expr | None, scope: Scope, peeled: int
    ) -> tuple[Value, Cost]:
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

        run = Accumulation(self.fresh, self.time_limit, scope.facts, initial, index, body, None, None)
        run.find()
        if run.needs_peel and peeled < 3:
            first_value, first_cost = body(initial)
            first_test = tests[-1]
            fewer = (
                between(INF, INF)
                if most.hi.infinite
                else Size(
                    self._tight(max_(ZERO, most.lo - 1), scope), self._tight(max_(ZERO, most.hi - 1), scope), None
                )
            )
            if fewer.exact:
                fewer = exact(fewer.lo)
            after, rest = self._rounds(node, first_value, fewer, chance, scope, peeled + 1)
            whole = sequence(first_test, either(sequence(first_cost, rest), FREE, chance))
            if most.lo.infinite:
                return hull(initial, after), whole
            some, none = ge(most.lo, ONE), _zero(most.hi)
            if most.exact:
                return select([(some, hull(initial, after)), (TRUE, initial)]), cases((some, whole), (TRUE, FREE))
            return (
                select([(none, initial), (TRUE, hull(initial, after))]),
                cases((some, whole), (none, FREE), (TRUE, either(whole, FREE, None))),
            )
        if run.needs_peel:
            run.give_up()
        test = run.resolve(tests[-1])
        value = eliminate(run.state_at(sym(index)), {index: (ZERO, most.hi)})
        cost: Cost = Rounds(index, most, test, run.cost, chance)
        if isinstance(test, Free) and isinstance(run.cost, Free):
            cost = FREE
        hint = "" if node.up_to else "write `up to k` after the initial value"
        self._check_bounded(most, cost, node.span, scope, hint)
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
        self._check_bounded(m.size, cost, node.span, scope)
        if node.fallback is not None:
            value, cost = self._fallback(node.fallback, value, cost, None, scope)
        return value, sequence(*costs, cost)


@dataclass(frozen=True, slots=True)
class _Arm:
    """An arm of a chain of choices: when it is taken, when certainly not, what its test costs, its value and cost.

    `value` is None for one that is never taken, or always, which ends the chain. `scope` is that of the test.
    """

    yes: Cond
    no: Cond
    test: Cost
    value: Value | None
    cost: Cost
    chance: Expr | None
    scope: Scope


def _close(scope: Scope, value: Value, cost: Cost) -> tuple[Value, Cost]:
    """The value and the cost outside of a scope: the adversary's numbers end here."""
    for pick in reversed(scope.picks):
        cost = cost if isinstance(cost, Free) else Pick(pick.name, pick.lo, pick.hi, pick.odds, cost)
        value = eliminate(value, {pick.name: (pick.lo, pick.hi)})
    return value, cost


def _selected(found: list[tuple[Cond, Value]]) -> Value:
    """What sizes decide, or the hull of it all where that are too many cases."""
    value = found[0][1]
    if len(found) <= _MOST_CASES or all(v == value for _, v in found):
        return select(found)
    for _, v in found:
        value = value if v == value else hull(value, v)
    return value


def _decided(found: list[tuple[Cond, Cost]]) -> Cost:
    """The same of costs, a balanced tree of alternatives where there are too many cases."""
    if all(c == found[0][1] for _, c in found):
        return found[0][1]
    if len(found) <= _MOST_CASES:
        return cases(*found)
    level = [c for _, c in found]
    while len(level) > 1:
        level = [either(a, b, None) for a, b in zip(level[::2], level[1::2], strict=False)] + level[len(level) & ~1:]
    return level[0]


_Body = Callable[[Value, Value, tuple[Cond, ...]], tuple[Value, Cost]]


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


def _index_facts(p: Part) -> tuple[Cond, ...]:
    return (le(sym(p.index), p.count - 1),)


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


def _literal(node: core.Node) -> bool:
    return isinstance(node, core.Const) or (isinstance(node, core.Op) and all(_literal(a) for a in node.args))


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
    from_shape(shape, lambda e, n: (found.append(n), exact(0))[1])  # type: ignore[func-returns-value]
    return found[index]


def _settled(rhs: Expr, side: str) -> Expr | None:
    """What a size would be if recursion never changed it: the largest (smallest) of the values that it can end with."""
    neutral = NEG_INF if side == "hi" else INF
    values = []
    for _, e in split_piecewise(rhs):
        value = e.rebuild(lambda a: neutral if isinstance(a, Fn) and a.op == "call" else None)
        if not value.infinite:
            values.append(value)
    if not values:
        return None
    return max_(*values) if side == "hi" else min_(*values)


def _constant(variant: Variant, i: int) -> str:
    """The name of a size of a result that is taken for a constant until it is known."""
    return f"{variant.name}.{i}"


def _without(e: Expr, names: set[str], side: str) -> Expr | None:
    """The largest (smallest) of the values that are not these symbols."""
    neutral = NEG_INF if side == "hi" else INF
    if names & e.free:
        e = e.rebuild(lambda a: neutral if isinstance(a, Sym) and a.name in names else None)
    return None if e.infinite or names & e.free else e


def _everywhere(closed: Expr, valid: Cond, rhs: Expr, facts: Facts) -> Expr | None:
    """A closed form of a size recurrence where it is valid, and elsewhere the case that ends the recursion."""
    if facts.implies(valid):
        return closed
    outside = facts.with_(negate(valid))
    for guard, e in split_piecewise(rhs):
        if outside.implies(guard):
            return None if has_unknown(e) else piecewise((closed, valid), (e, TRUE))
    return None


def _filled(shape: core.Shape, sizes: list[Size]) -> Value:
    """A value of a shape with these sizes, in the order of its extents."""
    iterator = iter(sizes)
    return from_shape(shape, lambda e, n: next(iterator))


def _breaks(found: Expr, claimed: Expr, facts: Facts) -> dict[str, int] | None:
    """Sizes at which the first exceeds the second, or None if none of the sampled ones does."""
    names = sorted(found.free | claimed.free)
    if found.infinite or claimed.infinite or has_unknown(found):
        return None
    difference = compile_expr(found - claimed, names)
    for count, point in enumerate(facts.sample()):
        if count > 300:
            break
        values = {n: point.get(n, 1) for n in names}
        if max(values.values(), default=0) > _LARGEST_SIZE:
            continue
        try:
            if difference(*values.values()) > 0:
                return values
        except (ArithmeticError, ValueError, TypeError):
            continue
    return None
