"""Cost term -> one metric's bound as an expression; functions that recurse -> equations.

A reading is a fold over the term with the metric's two operations. Upper bounds take the largest where an answer
decides, lower bounds the smallest, expected values the mean by `chance`; these are given only where they are exact
(LANGUAGE section 8), otherwise None. Calls of functions that do not recurse are inlined, the others become calls of
unknown functions, which `system` gathers with their equations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

from ..lang.source import Span
from . import core
from .costs import (
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
    calls_in,
    terms,
)
from .equations import Case, Function, System
from .expr import (
    FALSE,
    INF,
    ONE,
    TRUE,
    ZERO,
    And,
    Atom,
    Cond,
    Expr,
    Fn,
    Rel,
    Sym,
    binomial,
    call,
    choose,
    conj,
    disj,
    ge,
    gt,
    is_nonneg,
    le,
    log,
    max_,
    min_,
    negate,
    num,
    piecewise,
    power,
    sum_,
    sym,
)
from .facts import assuming
from .metrics import METRICS, Metric
from .simplify import tight, tight_cond
from .sizes import Sizes
from .variants import Variant
from .votes import cut_law, majority, uncut_lead

__all__ = ["Only", "PriceTier", "Prices", "Reading", "Readings", "split_cases"]

Reading = Literal["upper", "lower", "expected"]
Only = tuple[Literal["primitive"], str] | tuple[Literal["site"], int] | None
"""Which calls count: those of one primitive or tool, that of one place, or all."""


class PriceTier(Protocol):
    """Prices in dollars per million tokens for prompts of more than `above` tokens; None is unknown."""

    @property
    def above(self) -> int: ...
    @property
    def price_in(self) -> Fraction | None: ...
    @property
    def price_out(self) -> Fraction | None: ...
    @property
    def price_cached(self) -> Fraction | None: ...


class Prices(Protocol):
    """What a table knows of a model."""

    @property
    def context(self) -> int | None: ...
    @property
    def tiers(self) -> tuple[PriceTier, ...]: ...
    @property
    def reasons(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Key:
    variant: str
    metric: str
    reading: Reading
    only: Only


class Readings:
    """All readings of one program's cost terms. `lookup` tells what a price table knows of a model's target."""

    def __init__(
        self,
        sizes: Sizes,
        lookup: Callable[[str], Prices | None],
        close: Callable[[System, Literal["upper", "lower"]], Expr | None],
    ) -> None:
        self.sizes, self.lookup, self.close = sizes, lookup, close
        self._memo: dict[_Key, Expr | None] = {}
        self._reach: dict[str, frozenset[tuple[str, object]]] = {}
        self._unknown_symbols: dict[str, str] = {}
        self._active: set[_Key] = set()
        self._deciding: list[Span] = []         # choices whose alternatives are being measured
        self._circular: set[Span] = set()       # those that would have to be decided first to decide them

    # ---------------------------------------------------------------- models

    def window(self, model: core.Model) -> int | None:
        """The context window in tokens, by the program or the table."""
        if model.context is not None:
            return model.context
        facts = self.lookup(model.target)
        return None if facts is None else facts.context

    def _model_table(self, model: core.Model, reading: Reading, prompt: Expr) -> dict[str, Expr]:
        def given(value: Fraction | None, symbol: str) -> Expr:
            return num(value) if value is not None else sym(f"{symbol}_{model.name}", "real")

        facts = None
        if model.price_in is None or model.price_out is None:
            facts = self.lookup(model.target)
        tiers = facts.tiers if facts is not None else ()

        def price(own: Fraction | None, pick: Callable[[PriceTier], Fraction | None], symbol: str) -> Expr:
            if own is not None:
                return num(own)
            if not tiers or any(pick(t) is None for t in tiers):
                return sym(f"{symbol}_{model.name}", "real")
            parts: list[tuple[Expr, Cond]] = []
            for t in sorted(tiers, key=lambda t: -t.above):
                value = pick(t)
                assert value is not None
                beyond = (
                    TRUE
                    if t.above == 0
                    else FALSE
                    if prompt.infinite < 0
                    else (TRUE if prompt.infinite else gt(prompt, num(t.above)))
                )
                parts.append((num(value), beyond))
            return piecewise(*parts)

        price_in = price(model.price_in, lambda t: t.price_in, "price_in")
        if reading == "lower":
            if model.price_cached is not None:
                price_in = num(model.price_cached)
            elif model.price_in is None and tiers and all(t.price_cached is not None for t in tiers):
                price_in = price(None, lambda t: t.price_cached, "price_in")
        return {
            "size": model.size,
            "price_in": price_in,
            "price_out": price(model.price_out, lambda t: t.price_out, "price_out"),
            "ttft": given(model.ttft, "ttft"),
            "prefill": given(model.prefill, "prefill"),
            "decode": given(model.decode, "decode"),
        }

    # ---------------------------------------------------------------- the fold

    def read(self, cost: Cost, metric: Metric, reading: Reading, only: Only = None) -> Expr | None:
        """The bound of a term; None for an expected value that is not known."""
        match cost:
            case Free():
                return ZERO
            case Leaf():
                return self._leaf(cost, metric, reading, only)
            case Sequence(parts=parts):
                return self._combine(metric.seq, (self.read(p, metric, reading, only) for p in parts), reading)
            case Parallel(parts=parts):
                return self._combine(metric.par, (self.read(p, metric, reading, only) for p in parts), reading)
            case Cases(cases=cs):
                values = [(self.read(p, metric, reading, only), c) for c, p in cs]
                return _decided(values)
            case Either():
                return self._either(cost, metric, reading, only)
            case Loop():
                return self._loop(cost, metric, reading, only)
            case Spread():
                return self._spread(cost, metric, reading, only)
            case Apply():
                return self._apply(cost, metric, reading, only)
            case Pick():
                return self._pick(cost, metric, reading, only)
            case Rounds():
                return self._rounds(cost, metric, reading, only)
            case Ballot():
                return self._ballot(cost, metric, reading, only)
            case Least():
                return self._least(cost, metric, reading, only)

    def _combine(self, how: str, values: Iterable[Expr | None], reading: Reading) -> Expr | None:
        known: list[Expr] = []
        for v in values:
            if v is None:
                return None
            known.append(v)
        if how == "+":
            total = ZERO
            for v in known:
                total = total + v
            return total
        if reading == "expected" and len({v for v in known if v != ZERO}) > 1 and not self._certain:
            return max_(ZERO, *known)
        return max_(ZERO, *known) if known else ZERO

    _certain = True

    def _leaf(self, leaf: Leaf, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        if only is not None and only != (("site", leaf.site) if only[0] == "site" else ("primitive", leaf.name)):
            return ZERO
        if leaf.kind == "tool":
            tool = self.sizes.program.tools[leaf.name]
            return metric.tool.subs({"tool_latency": tool.latency, "tool_dollars": tool.dollars})
        formula = metric.call
        free = formula.free
        if not free:
            return formula
        primitive = self.sizes.program.primitives[leaf.name]
        L, T = (leaf.prompt.hi, leaf.answer.hi) if reading == "upper" else (leaf.prompt.lo, leaf.answer.lo)
        if reading == "expected":
            mean_l, mean_t = leaf.prompt.mean, leaf.answer.mean
            if ("L" in free and mean_l is None) or ("T" in free and mean_t is None):
                return None
            for name, size in (("L", leaf.prompt), ("T", leaf.answer)):
                if name in free and not size.exact:
                    c = formula.coefficients(name)
                    if (
                        c is None
                        or not set(c) <= {0, 1}
                        or any("L" in x.free or "T" in x.free for x in c.values() if x != c.get(0))
                    ):
                        return None
            L, T = mean_l or ZERO, mean_t or ZERO
        if ("L" in free and L.infinite) or ("T" in free and T.infinite):
            return INF
        table: dict[str, Expr] = {"L": L, "T": T, "error": leaf.error}
        if free - {"L", "T", "error"}:
            model = self.sizes.program.models[primitive.model]
            top = leaf.prompt.hi if reading == "upper" else leaf.prompt.lo
            table |= self._model_table(model, reading, top)
        return formula.subs(table)

    def _either(self, cost: Either, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        a = self.read(cost.first, metric, reading, only)
        b = self.read(cost.second, metric, reading, only)
        if a is None or b is None:
            return None
        if a == b:
            return a
        if reading == "upper":
            return max_(a, b)
        if reading == "lower":
            return min_(a, b)
        if cost.chance is None or "max" in (metric.seq, metric.par):
            return None
        return cost.chance * a + (1 - cost.chance) * b

    def _loop(self, cost: Loop, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        body = self.read(cost.body, metric, reading, only)
        if body is None or body == ZERO:
            return body
        how = metric.par if cost.concurrent else metric.seq
        count = cost.count.hi if reading == "upper" else cost.count.lo if reading == "lower" else cost.count.mean
        if count is None:
            return None
        if how == "+":
            if reading == "expected" and not cost.count.exact and cost.index in body.free:
                return None
            if count.infinite or body.infinite:
                return INF
            return sum_(body, cost.index, ZERO, count - 1)
        if reading == "expected" and not cost.count.exact:
            return None
        return _peak(body, cost.index, count, reading)

    def _spread(self, cost: Spread, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        body = self.read(cost.body, metric, reading, only)
        if body is None or body == ZERO:
            return body
        how = metric.par if cost.concurrent else metric.seq
        o = cost.over
        count = o.count.hi if reading == "upper" else o.count.lo if reading == "lower" else o.count.mean
        total = o.total.hi if reading == "upper" else o.total.lo if reading == "lower" else o.total.mean
        if count is None or total is None:
            return None
        if how == "+":
            c = body.coefficients(cost.var) if not body.infinite else None
            if (
                c is not None
                and set(c) <= {0, 1}
                and (o.count.exact or is_nonneg(c.get(0, ZERO)))
                and (o.total.exact or is_nonneg(c.get(1, ZERO)))
            ):
                return c.get(0, ZERO) * count + c.get(1, ZERO) * total
            if o.parts is not None:
                result = ZERO
                for k, v in o.parts:
                    result = result + k * body.subs({cost.var: v})
                return result
            if reading == "expected":
                return None
            end = _extreme(body, cost.var, o.low, o.high, reading)
            return end * count if not (end.infinite and count == ZERO) else ZERO
        if cost.var not in body.free:
            return body if count.infinite else piecewise((body, ge(count, ONE)), (ZERO, TRUE))
        if o.parts is not None:
            pieces = [(k, body.subs({cost.var: v})) for k, v in o.parts]
            rising = _monotone(body, cost.var)
            if rising > 0 and reading != "expected":
                top = body.subs({cost.var: o.high}) if not o.high.infinite else INF
                return piecewise((top, ge(o.count.lo, ONE)), (ZERO, TRUE)) if reading == "upper" else _peaks(pieces)
            return _peaks(pieces)
        if reading == "expected":
            return None
        end = _extreme(body, cost.var, o.low, o.high, reading)
        return piecewise((end, ge(count, ONE)), (ZERO, TRUE)) if not count.infinite and not end.infinite else end

    def _apply(self, cost: Apply, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        variant = self.sizes.by_name[cost.variant]
        if not self.touched(variant, metric, only):
            return ZERO
        if variant.recursive:
            if reading == "expected" and not self._expected_known(variant, metric, only):
                return None
            return call(variant.name, *cost.args)
        inner = self.of_variant(variant, metric, reading, only)
        if inner is None or inner.infinite:
            return inner
        table = dict(zip(variant.params, cost.args, strict=True))
        return inner.subs(table)

    def _expected_known(self, variant: Variant, metric: Metric, only: Only) -> bool:
        key = _Key(variant.name, metric.name, "expected", only)
        if key in self._active:
            return True
        return self.of_variant(variant, metric, "expected", only) is not None

    def of_variant(self, variant: Variant, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        """The right side of a function's equation: its cost over its own symbols."""
        key = _Key(variant.name, metric.name, reading, only)
        if key not in self._memo:
            self._active.add(key)
            value = self.read(variant.cost, metric, reading, only)
            self._active.discard(key)
            self._memo[key] = value
        return self._memo[key]

    def touched(self, variant: Variant, metric: Metric, only: Only) -> bool:
        """Whether any call that counts can be reached."""
        reach = self._reach.get(variant.name)
        if reach is None:
            seen: set[str] = set()
            found: set[tuple[str, object]] = set()
            todo = [variant.name]
            while todo:
                name = todo.pop()
                if name in seen:
                    continue
                seen.add(name)
                for leaf in terms(self.sizes.by_name[name].cost):
                    if isinstance(leaf, Apply):
                        todo.append(leaf.variant)
                    elif isinstance(leaf, Leaf):
                        found.add((leaf.kind, leaf.name))
                        found.add(("site", leaf.site))
            reach = self._reach[variant.name] = frozenset(found)
        if only is not None:
            if only[0] == "site":
                return only in reach
            if ("primitive", only[1]) in reach:
                return metric.call != ZERO
            return ("tool", only[1]) in reach and metric.tool != ZERO
        return any(
            (k == "primitive" and metric.call != ZERO) or (k == "tool" and metric.tool != ZERO) for k, _ in reach
        )

    def _pick(self, cost: Pick, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        body = self.read(cost.body, metric, reading, only)
        if body is None or cost.name not in body.free:
            return body
        if reading == "upper" and _convex(body, cost.name):
            return max_(body.subs({cost.name: cost.lo}), body.subs({cost.name: cost.hi}))
        if reading != "expected":
            return choose(body, cost.name, cost.lo, cost.hi)
        if cost.odds is None or "max" in (metric.seq, metric.par):
            return None
        trials = cost.hi - cost.lo
        c = body.coefficients(cost.name)
        if cost.odds[0] == "binomial":
            q = cost.odds[1]
            assert q is not None
            if c is not None and set(c) <= {0, 1}:
                return c.get(0, ZERO) + c.get(1, ZERO) * (cost.lo + trials * q)
            k = sym(cost.name)
            if q.number is not None and not 0 < q.number < 1:
                return body.subs({cost.name: cost.lo if q.number == 0 else cost.hi})
            odds = binomial(trials, k - cost.lo) * power(q, k - cost.lo) * power(1 - q, cost.hi - k)
            return sum_(odds * body, cost.name, cost.lo, cost.hi)
        if c is not None and set(c) <= {0, 1}:
            return c.get(0, ZERO) + c.get(1, ZERO) * (cost.lo + trials * num(Fraction(1, 2)))
        return sum_(body, cost.name, cost.lo, cost.hi) / (trials + 1)

    def _rounds(self, cost: Rounds, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        test = self.read(cost.condition, metric, reading, only)
        body = self.read(cost.body, metric, reading, only)
        if test is None or body is None:
            return None
        most = cost.most.hi if reading != "lower" else cost.most.lo
        if reading == "lower":
            first = test.subs({cost.index: ZERO})
            return first if most.infinite or first == ZERO else piecewise((first, ge(most, ONE)), (ZERO, TRUE))
        if reading == "upper":
            if metric.seq == "+":
                both = test + body
                if both == ZERO:
                    return ZERO
                if most.infinite or both.infinite:
                    return INF
                return sum_(both, cost.index, ZERO, most - 1)
            both = max_(test, body)
            if both == ZERO:
                return ZERO
            if most.infinite:
                return both if cost.index not in both.free else INF
            return _peak(both, cost.index, most, "upper")
        if cost.chance is None or metric.seq != "+" or "max" in (metric.seq, metric.par):
            return None
        q = cost.chance
        if not cost.most.exact:
            return None
        if q.number == 0:
            first = test.subs({cost.index: ZERO})
            return first if most.infinite else piecewise((first, ge(most, ONE)), (ZERO, TRUE))
        if cost.index in test.free or cost.index in body.free:
            if most.infinite:
                return None
            i = sym(cost.index)
            return sum_(power(q, i) * (test + q * body), cost.index, ZERO, most - 1)
        one = test + q * body
        if q.number == 1:
            return INF if most.infinite and one != ZERO else one * most if not most.infinite else ZERO
        if most.infinite:
            return one / (1 - q)
        return one * (1 - power(q, most)) / (1 - q)

    def _ballot(self, cost: Ballot, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        body = self.read(cost.body, metric, reading, only)
        if body is None or body == ZERO:
            return body
        k, m = cost.lead, cost.most
        if metric.reliability:
            return self._vote_law(cost, body, reading)
        most = m.hi if reading == "upper" else m.lo if reading == "lower" else m.mean
        if most is None:
            return None
        if k is None:
            return body * most if metric.par == "+" else body
        least = k.lo
        if metric.par == "+" and metric.seq == "+":
            if reading == "upper":
                return body * most
            if reading == "lower":
                return body * least
            samples = self._expected_samples(cost)
            return None if samples is None else body * samples
        if metric.par == "+":
            return body * (k.hi if reading == "upper" else least)
        if metric.seq == "+":
            if reading == "upper":
                return body * (most - k.lo + 1)
            return body if reading == "lower" else None
        return body

    def _sample_error(self, cost: Ballot) -> Expr | None:
        """The probability that a sample is right, from the errors of the calls in it."""
        nats = self.read(cost.body, METRICS["unreliability"], "upper", None)
        if nats is None or nats.infinite:
            return None
        right = ONE
        for m, c in nats.terms.items():
            if not (
                len(m) == 1
                and m[0][1] == 1
                and isinstance(m[0][0], Fn)
                and m[0][0].op == "log"
                and isinstance(c, int)
                and c < 0
            ):
                return None
            right = right * power(m[0][0].args[0], -c)
        return right

    def _expected_samples(self, cost: Ballot) -> Expr | None:
        p = self._sample_error(cost)
        if p is None or cost.lead is None or not cost.lead.exact or not cost.most.exact:
            return None
        return cut_law("vote_samples", p, cost.lead.lo, cost.most.lo)

    def _vote_law(self, cost: Ballot, body: Expr, reading: Reading) -> Expr | None:
        p = self._sample_error(cost)
        if p is None:
            return body if reading != "expected" else None
        if cost.lead is None:
            right = majority(p.number, cost.most.lo.number if cost.most.exact else None, ties=reading == "lower")
            return body if right is None else -log(num(right))
        if cost.lead.exact and cost.most.exact:
            # no cut makes a vote more reliable than it is without one
            uncut = uncut_lead(p, cost.lead.lo)
            return -log(cut_law("vote_right", p, cost.lead.lo, cost.most.lo) if reading == "upper" else uncut)
        if cost.lead.exact:
            return -log(uncut_lead(p, cost.lead.lo))
        return body

    def _least(self, cost: Least, metric: Metric, reading: Reading, only: Only) -> Expr | None:
        values = [self.read(a, metric, reading, only) for _, a in cost.alternatives]
        if any(v is None for v in values):
            return None
        known = [v for v in values if v is not None]
        if all(v == known[0] for v in known):
            return known[0]
        order = self.preference(cost)
        if order is not None:
            return piecewise(*((v, c) for v, c in zip(known, order, strict=True)))
        if reading == "expected":
            return None
        return max_(*known) if reading == "upper" else min_(*known)

    def preference(self, cost: Least) -> list[Cond] | None:
        """When each alternative is the one chosen (tried in order), where sizes alone decide it; else None.

        One is chosen that is the least of those whose every call fits its model's window. Where none fits, the run
        fails, and the last stands for it. A choice that its own cost depends on is not decided here, nor are those that
        a choice of this kind depends on.
        """
        if not cost.known or cost.span in self._circular:
            return None
        if cost.span in self._deciding:
            self._circular.update(self._deciding[self._deciding.index(cost.span):])
            return None
        self._deciding.append(cost.span)
        try:
            conditions = self._preference(cost)
        finally:
            self._deciding.pop()
        return None if cost.span in self._circular else conditions

    def _preference(self, cost: Least) -> list[Cond] | None:
        measure = METRICS[cost.metric]
        bounds = [self._settled(a, measure, None) for _, a in cost.alternatives]
        fitting = [self._fits(a) for _, a in cost.alternatives]
        known = [b for b in bounds if b is not None]
        fits = [c for c in fitting if c is not None]
        if len(known) < len(bounds) or len(fits) < len(fitting):
            return None
        out: list[Cond] = []
        for i, e in enumerate(known[:-1]):
            ahead = (disj(negate(fits[j]), le(e, other)) for j, other in enumerate(known) if j != i)
            out.append(conj(fits[i], *ahead))
        out.append(TRUE)
        return out

    def _settled(self, cost: Cost, metric: Metric, only: Only) -> Expr | None:
        """The upper bound as an expression in sizes alone, exact at every size; None where there is none."""
        e = self.read(cost, metric, "upper", only)
        if e is not None and any(isinstance(x, Fn) and x.op in ("call", "choose", "choice") for x in e.atoms()):
            e = self.close(self.system(e, metric, "upper", only, TRUE), "upper")
        return e

    def _fits(self, cost: Cost) -> Cond | None:
        """When every call of an alternative fits its model's window; None where sizes do not tell."""
        found = TRUE
        for name, window in self.windows(cost):
            need = self._settled(cost, METRICS["context"], ("primitive", name))
            if need is None:
                return None
            found = conj(found, FALSE if need.infinite else le(need, num(window)))
        return found

    # ---------------------------------------------------------------- what can be reached

    def reached(self, cost: Cost) -> list[Cost]:
        """A term with all that stands in it and in the functions that it calls."""
        seen: set[str] = set()
        out = list(terms(cost))
        todo = [c.variant for c in calls_in(cost)]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            cost = self.sizes.by_name[name].cost
            todo.extend(c.variant for c in calls_in(cost))
            out.extend(terms(cost))
        return out

    def leaves(self, cost: Cost) -> list[Leaf]:
        """Every call that a term can reach, by its place."""
        found = (t for t in self.reached(cost) if isinstance(t, Leaf))
        return sorted(found, key=lambda leaf: (leaf.site, leaf.span.start))

    def windows(self, cost: Cost) -> list[tuple[str, int]]:
        """The primitives that a term can reach whose model's window is known, with the window in tokens."""
        program = self.sizes.program
        names = sorted({leaf.name for leaf in self.leaves(cost) if leaf.kind == "primitive"})
        found = ((n, self.window(program.models[program.primitives[n].model])) for n in names)
        return [(n, w) for n, w in found if w is not None]

    # ---------------------------------------------------------------- systems

    def system(self, goal: Expr, metric: Metric, reading: Reading, only: Only, domain: Cond) -> System:
        """The equations that a goal needs."""
        functions: dict[str, Function] = {}
        todo = [a.name for a in goal.atoms() if isinstance(a, Fn) and a.op == "call"]
        while todo:
            name = todo.pop()
            if name in functions:
                continue
            variant = self.sizes.by_name[name]
            right = self.of_variant(variant, metric, reading, only)
            functions[name] = Function(
                name, variant.params, equation_cases(INF if right is None else right, variant.facts)
            )
            todo.extend(
                a.name for c in functions[name].cases for a in c.value.atoms() if isinstance(a, Fn) and a.op == "call"
            )
        return specialised(without_idle_parameters(System(dict(sorted(functions.items())), goal, domain)))


def without_idle_parameters(system: System) -> System:
    """The same system without parameters that are handed on and never looked at."""
    used: dict[str, set[int]] = {n: set() for n in system.functions}
    changed = True
    while changed:
        changed = False
        for f in system.functions.values():
            names: set[str] = set()
            for c in f.cases:
                names |= c.guard.free | _looked_at(c.value, used)
                for a in c.guard.atoms():
                    if isinstance(a, Fn) and a.op == "call":
                        names |= set(f.params)
            wanted = {i for i, p in enumerate(f.params) if p in names}
            if not wanted <= used[f.name]:
                used[f.name] |= wanted
                changed = True
    if all(len(used[f.name]) == len(f.params) for f in system.functions.values()):
        return system

    def trim(e: Expr) -> Expr:
        def change(a: Atom) -> Expr | None:
            if isinstance(a, Fn) and a.op == "call" and a.name in used and len(a.args) > len(used[a.name]):
                return call(a.name, *(x for i, x in enumerate(a.args) if i in used[a.name]))
            return None

        return e.rebuild(change)

    functions = {
        f.name: Function(
            f.name,
            tuple(p for i, p in enumerate(f.params) if i in used[f.name]),
            tuple(Case(c.guard, trim(c.value)) for c in f.cases),
        )
        for f in system.functions.values()
    }
    return System(functions, trim(system.goal), system.domain)


def specialised(system: System) -> System:
    """The same system with parameters replaced that have one value in every call: `tree(n, 1, 50)` is `tree(n)`."""
    while True:
        fixed: dict[tuple[str, int], Expr | None] = {}
        for holder, e in [("", system.goal), *((f.name, c.value) for f in system.functions.values() for c in f.cases)]:
            params = system.functions[holder].params if holder else ()
            for a in e.atoms():
                if not (isinstance(a, Fn) and a.op == "call" and a.name in system.functions):
                    continue
                for i, x in enumerate(a.args):
                    own = system.functions[a.name].params[i]
                    if holder == a.name and x == sym(own) and i < len(params):
                        continue  # handed on unchanged
                    key = (a.name, i)
                    local = bool(x.free & set(params)) or _binds(e, x)
                    fixed[key] = x if not local and fixed.get(key, x) == x else None
        chosen = {k: v for k, v in fixed.items() if v is not None}
        if not chosen:
            return system
        drop: dict[str, set[int]] = {}
        for name, i in chosen:
            drop.setdefault(name, set()).add(i)

        arity = {f.name: len(f.params) for f in system.functions.values()}
        functions = {}
        taken = {p for f in system.functions.values() for i, p in enumerate(f.params) if i not in drop.get(f.name, ())}
        domain = system.domain.parts if isinstance(system.domain, And) else (system.domain,)
        # what is assumed of the goal's symbols holds in a function where no parameter bears such a name
        known = assuming(*(c for c in domain if not c.free & taken))
        for f in system.functions.values():
            gone = {p: chosen[f.name, i] for i, p in enumerate(f.params) if i in drop.get(f.name, ())}
            if any(v.free & taken - {p} for p, v in gone.items()):
                # a parameter elsewhere bears the name of the value's symbol: leave this function as it is
                return system
            cases = []
            here = known
            for c in f.cases:
                guard = tight_cond(c.guard.subs(gone), here)
                if guard == FALSE:
                    continue
                cases.append(
                    Case(
                        guard,
                        tight(_without(c.value.subs(gone), drop, arity), here if guard == TRUE else here.with_(guard)),
                    )
                )
                if guard == TRUE:
                    break
                here = here.with_(negate(guard))
            functions[f.name] = Function(
                f.name, tuple(p for i, p in enumerate(f.params) if i not in drop.get(f.name, ())), tuple(cases)
            )
        system = System(functions, _without(system.goal, drop, arity), system.domain)


def _without(e: Expr, drop: dict[str, set[int]], arity: dict[str, int]) -> Expr:
    """Calls without the arguments at the places that are dropped."""

    def change(a: Atom) -> Expr | None:
        if isinstance(a, Fn) and a.op == "call" and a.name in drop and len(a.args) == arity[a.name]:
            return call(a.name, *(x for i, x in enumerate(a.args) if i not in drop[a.name]))
        return None

    return e.rebuild(change)


def _binds(e: Expr, x: Expr) -> bool:
    """Whether an argument speaks of an index bound around it."""
    return any(isinstance(a, Fn) and a.op in ("sum", "choose") and a.name in x.free for a in e.atoms())


def _looked_at(e: Expr, used: dict[str, set[int]]) -> set[str]:
    """Symbols that an expression depends on, besides those in arguments that are never looked at."""
    names: set[str] = set()
    for m in e.terms:
        for a, _ in m:
            if isinstance(a, Sym):
                names.add(a.name)
            elif a.op == "call" and a.name in used:
                for i in used[a.name]:
                    names |= _looked_at(a.args[i], used)
            else:
                inner: set[str] = set()
                for x in a.args:
                    inner |= _looked_at(x, used)
                for c in a.conds:
                    inner |= c.free
                names |= inner - ({a.name} if a.op in ("sum", "choose") else set())
    return names


def equation_cases(e: Expr, facts: tuple[Cond, ...]) -> tuple[Case, ...]:
    """An equation's right side by cases, where its case distinctions hold recursive calls."""
    out: list[Case] = []
    known = assuming(*facts)
    for guard, value in split_cases(e):
        guard = tight_cond(guard, known)
        if guard == FALSE:
            continue
        inside = known if guard == TRUE else known.with_(guard)
        out.append(Case(guard, tight(value, inside)))
        if guard == TRUE:
            break
        known = known.with_(negate(guard))
    return tuple(out)


def split_cases(e: Expr) -> list[tuple[Cond, Expr]]:
    """A value by cases, tried in order, so that no case distinction is left around a call."""
    # the outermost first: `atoms` lists inner ones before those that hold them
    target = None
    for a in e.atoms():
        if (
            isinstance(a, Fn)
            and a.op == "piecewise"
            and not _bound_inside(e, a)
            and any(isinstance(x, Fn) and x.op == "call" for y in a.args for x in y.atoms())
        ):
            target = a
    if target is None:
        return [(TRUE, e)]
    out: list[tuple[Cond, Expr]] = []
    before: Cond = TRUE
    for value, cond in zip(target.args, target.conds, strict=True):
        chosen = e.rebuild(lambda a, value=value: value if a == target else None)  # type: ignore[misc]
        for inner, x in split_cases(chosen):
            if inner == TRUE:
                out.append((cond, x))
            else:
                out.append((conj(before, cond, inner), x))
        before = conj(before, negate(cond))
    out[-1] = (TRUE, out[-1][1])
    return [(c, x) for c, x in out if c != FALSE]


def _bound_inside(e: Expr, target: Fn) -> bool:
    """Whether a case distinction speaks of an index that is bound around it."""
    free = Expr({((target, 1),): 1}).free
    return any(isinstance(a, Fn) and a.op in ("sum", "choose") and a.name in free for a in e.atoms())


def _decided(values: list[tuple[Expr | None, Cond]]) -> Expr | None:
    known: list[tuple[Expr, Cond]] = []
    for v, c in values:
        if v is None:
            return None
        known.append((v, c))
    if any(v.infinite for v, _ in known):
        if all(v.infinite for v, _ in known):
            return INF
        # a case that is unbounded: oo is not a term of a case distinction's polynomial, but it is a value
        return piecewise(*known)
    return piecewise(*known)


def _monotone(e: Expr, name: str) -> int:
    """1 if e rises (weakly) with the symbol, -1 if it falls, 0 if neither is certain."""
    if name not in e.free:
        return 1
    if e.infinite:
        return 0
    if any(isinstance(a, Fn) and a.op == "call" and name in Expr({((a, 1),): 1}).free for a in e.atoms()):
        return 0
    step = e.subs({name: sym(name) + 1}) - e
    if is_nonneg(step):
        return 1
    if is_nonneg(-step):
        return -1
    return _direction(e, name)


def _convex(e: Expr, name: str) -> bool:
    """Whether e is a sum of maxima of linear functions of the symbol, so that an end of every range is its largest."""
    if e.infinite:
        return False
    for m, c in e.terms.items():
        hits = [(a, k) for a, k in m if name in Expr({((a, 1),): 1}).free]
        if not hits:
            continue
        if len(hits) > 1 or hits[0][1] != 1:
            return False
        a = hits[0][0]
        if isinstance(a, Sym):
            continue
        others = Expr({tuple(p for p in m if p[0] != a): c})
        if a.op != "max" or not is_nonneg(others) or not all(_convex(x, name) for x in a.args):
            return False
    return True


def _direction(e: Expr, name: str) -> int:
    """The same by structure: sums and products of what moves one way, maxima, minima, floors, logarithms of it."""
    found = set()
    for m, c in e.terms.items():
        ways = set()
        for a, k in m:
            x = Expr({((a, 1),): 1})
            if name not in x.free:
                if not is_nonneg(x):
                    return 0
                continue
            if not is_nonneg(x) and len(m) > 1:
                return 0
            way = _atom_direction(a, name)
            ways.add(way if k > 0 else -way)
        if 0 in ways or len(ways) > 1:
            return 0
        if ways:
            found.add(ways.pop() * (1 if c > 0 else -1))
    return found.pop() if len(found) == 1 else 0


def _atom_direction(a: Atom, name: str) -> int:
    if isinstance(a, Sym):
        return 1
    if a.op in ("max", "min", "floor", "log"):
        ways = {_monotone(x, name) for x in a.args if name in x.free}
        return ways.pop() if len(ways) == 1 else 0
    if a.op == "pow" and name not in a.args[0].free and is_nonneg(a.args[0] - 1):
        return _monotone(a.args[1], name)
    if a.op == "piecewise":
        return _cases_direction(a, name)
    return 0


def _cases_direction(a: Fn, name: str) -> int:
    """A case distinction moves as its values do, if the symbol does not decide it or decides only when it ends."""
    ways = {_monotone(x, name) for x in a.args if name in x.free}
    if len(ways) > 1 or 0 in ways:
        return 0
    if any(name in c.free for c in a.conds):
        first = a.conds[0]
        if len(a.args) != 2 or not isinstance(first, Rel) or first.op not in (">=", ">"):
            return 0
        gap = a.args[0] - a.args[1]
        switch = _monotone(first.e, name)
        # from the second value to the first where the condition begins to hold
        ways.add(switch if is_nonneg(gap) else -switch if is_nonneg(-gap) else 0)
    return ways.pop() if len(ways) == 1 else 0


def _peak(body: Expr, index: str, count: Expr, reading: Reading) -> Expr:
    """The largest of body for index = 0 .. count-1; 0 if there is none. For a lower bound a safe one of them."""

    def guarded(e: Expr) -> Expr:
        if count.infinite:
            return e
        return e if e.infinite and count.number else piecewise((e, ge(count, ONE)), (ZERO, TRUE))

    if index not in body.free:
        return guarded(body)
    direction = _monotone(body, index)
    if direction > 0:
        return INF if count.infinite else guarded(body.subs({index: count - 1}))
    if direction < 0:
        return guarded(body.subs({index: ZERO}))
    if count.infinite:
        return INF
    if reading == "lower":
        return guarded(max_(body.subs({index: ZERO}), body.subs({index: count - 1})))
    if _convex(body, index):
        return guarded(max_(body.subs({index: ZERO}), body.subs({index: count - 1})))
    return guarded(choose(body, index, ZERO, count - 1))


def _peaks(pieces: list[tuple[Expr, Expr]]) -> Expr:
    """The largest among pieces of which there are so many each; 0 if there is none."""
    return max_(ZERO, *(e if _always(k) else piecewise((e, ge(k, ONE)), (ZERO, TRUE)) for k, e in pieces))


def _always(count: Expr) -> bool:
    return is_nonneg(count - 1)


def _extreme(body: Expr, var: str, low: Expr, high: Expr, reading: Reading) -> Expr:
    """The largest (upper) or smallest (lower) of body for var between low and high."""
    if body.infinite:
        return body
    up = reading == "upper"
    direction = _monotone(body, var)
    if direction > 0:
        end = high if up else low
        return INF if end.infinite else body.subs({var: end})
    if direction < 0:
        return body.subs({var: low if up else high}) if not (high.infinite and not up) else ZERO
    return INF if high.infinite and up else ZERO if high.infinite else choose(body, var, low, high)
