"""The best values of a program's params at given sizes, under constraints.

In: an analysed entry, the params that may vary with their ranges, sizes, what to minimise and what must hold. Out: a
`Tuning`: the best values and their cost, or the closest if none is allowed; what was proven; a formula of the optimum
where there is one. What is minimised, and what must be at most something, is the upper bound, what must be at least
something the lower bound, for these are promises; `expected(calls)` and `lower(calls)` ask for others. Of equal upper
bounds the least expected cost wins, then the least lower bound, then the smallest values. A range of few values is
searched whole, any other on a geometric grid with the sizes' quotients, then around what was best. Windows of models,
`where` and 1 <= k <= m of votes are constraints, too. Pure; the time that may be spent is the caller's (`expired`).
"""
from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal

from .analysis import Analysis
from .codegen import compile_cond, compile_expr
from .core import Tunable
from .curves import Curve, Value
from .expr import TRUE, Cond, Expr, Sym, conj, num
from .metrics import METRICS
from .numeric import EvaluationError
from .optimum import Candidate, candidates, meeting
from .waves import Brent, parallel_latency

__all__ = ["Constraint", "Formula", "Held", "Missing", "Quantity", "Tuning", "parse_constraint", "parse_quantity",
           "tune"]

Of = Literal["upper", "lower", "expected"]
OPERATORS = ("<=", ">=", "<", ">")
WHOLE_RANGE = 30_000        # points up to which a range is searched whole, where a closed form is exact
WHOLE_SLOW = 3_000          # the same where recurrences have to be evaluated
OPEN_END = 1_000_000        # the upper end of a param that declares none (or 100 times its default)
AROUND = 60                 # values looked at on each side of the best one
PARTS = 64                  # quotients of a size that are tried: at them a number of parts changes
JOINT = 4_000               # points of the first grid over several params
CLOSE = Fraction(1, 20)     # what a formula's value may cost more than the best one


@dataclass(frozen=True, slots=True)
class Quantity:
    """`calls`, `expected(calls)`, `reliability`; `of` None: the bound that makes a promise."""
    metric: str
    of: Of | None
    text: str

    @property
    def reliability(self) -> bool:
        return self.metric == "reliability"


@dataclass(frozen=True, slots=True)
class Constraint:
    quantity: Quantity
    op: str
    bound: Expr
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """A constraint at the values told: the figure held against its bound."""
    text: str
    value: Value | None
    bound: Value | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula for the best value of a param. `value`: at the sizes; `rounded`: the whole number tried for it.

    `cost`: what is minimised there; `holds`: within `CLOSE` of the best, and all constraints are met.
    """
    param: str
    candidate: Candidate
    value: float
    rounded: int
    cost: Value | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Tuning:
    """`values` are the best, or the closest where none is `feasible`; `proven`: all points were looked at.

    `around`: values looked at on each side of each param. `cut`: the time was over before the search was.
    `verified`: the recurrences give the same cost there, and no less beside it; None where they take too long.
    """
    sizes: Mapping[str, int | Fraction]
    assumed: Mapping[str, int | Fraction]
    values: Mapping[str, int]
    feasible: bool
    cost: Value | None
    expected: Value | None
    held: tuple[Held, ...]
    formulas: tuple[Formula, ...]
    ranges: Mapping[str, tuple[int, int, bool]]
    searched: int
    proven: bool
    around: int
    cut: bool
    verified: bool | None
    how: str


class Missing(Exception):
    """Symbols without a value on which the answer depends; `idle`: no param has an influence on anything asked for."""

    def __init__(self, names: Sequence[str], *, idle: bool = False) -> None:
        super().__init__(", ".join(names))
        self.names, self.idle = tuple(names), idle


# ---------------------------------------------------------------- what is asked

def parse_quantity(text: str) -> Quantity:
    """`calls`, `upper(calls)`, `expected(calls)`, `lower(calls)`, `reliability`. Raises ValueError with a sentence."""
    found = re.fullmatch(r"\s*(?:(\w+)\s*\(\s*(\w+)\s*\)|(\w+))\s*", text)
    if found is None:
        raise ValueError(f"`{text.strip()}` is no metric")
    metric = found[2] or found[3]
    bounds: dict[str | None, Of | None] = {None: None, "upper": "upper", "lower": "lower", "expected": "expected"}
    if found[1] not in bounds:
        raise ValueError(f"`{found[1]}(...)` is no bound: it is upper, lower or expected")
    of = bounds[found[1]]
    if metric not in METRICS and metric != "reliability":
        raise ValueError(f"there is no metric `{metric}`")
    if metric == "reliability" and of == "expected":
        raise ValueError("the reliability is a probability and has no expected value; ask for `reliability`")
    return Quantity(metric, of, text.strip())


def parse_constraint(text: str, formula: Callable[[str], Expr]) -> Constraint:
    """`context <= 8000`, `reliability >= 0.95`, `expected(calls) <= 2*n`. Raises ValueError with a sentence."""
    found = re.fullmatch(r"(.+?)(<=|>=|==|!=|<|>|=)(.+)", text, re.DOTALL)
    if found is None or found[2] not in OPERATORS:
        raise ValueError(f"`{text.strip()}` is no constraint")
    return Constraint(parse_quantity(found[1]), found[2], formula(found[3].strip()), " ".join(text.split()))


def tune(analysis: Analysis, entry: str, params: Sequence[Tunable], values: Mapping[str, int | Fraction],
         minimise: Quantity, subject: Sequence[Constraint] = (), parallel: int | None = None,
         expired: Callable[[], bool] = lambda: False) -> Tuning:
    """The best values of `params`; `values` gives those of sizes, fixed params and other symbols.

    `parallel`: latency is that with so many calls in flight. Raises Missing.
    """
    return _Tuner(analysis, entry, tuple(params), values, minimise, tuple(subject), parallel, expired).run()


# ---------------------------------------------------------------- the work

@dataclass(frozen=True, slots=True)
class _Limit:
    """A bound that a figure must keep. `curve` gives the figure; `exponential`: it is exp of minus the curve."""
    text: str
    curve: Curve | Brent
    exponential: bool
    op: str
    bound: Expr


@dataclass(frozen=True, slots=True)
class _Score:
    """How good a point is: less is better. `excess` is 0 where everything holds."""
    excess: float
    cost: Any
    ties: tuple[Any, ...]
    point: tuple[int, ...]

    def key(self) -> tuple[Any, ...]:
        return (self.excess, self.cost, self.ties, self.point)


class _Tuner:
    def __init__(self, analysis: Analysis, entry: str, params: tuple[Tunable, ...],
                 values: Mapping[str, int | Fraction], minimise: Quantity, subject: tuple[Constraint, ...],
                 parallel: int | None, expired: Callable[[], bool]) -> None:
        self.analysis, self.entry, self.minimise, self.parallel, self.expired = (analysis, entry, minimise, parallel,
                                                                                 expired)
        self.how = ""
        self.objective = self._curve(minimise, "upper")
        self.ties: list[Curve | Brent] = []
        if minimise.of in (None, "upper") and minimise.metric != "reliability":
            self.ties = [analysis.curve(entry, minimise.metric, of) for of in ("expected", "lower")]
            self.ties = [t for t in self.ties if t.goal is not None]
        self.limits = [self._limit(c) for c in subject]
        self.limits += [_Limit(f"context of {p} <= {w}", analysis.curve(entry, "context", "upper", ("primitive", p)),
                               False, "<=", num(w)) for p, w in analysis.limits(entry)]
        self.asked = len(subject)
        known = {*values, *(t.name for t in params)}
        self.limits = [x for i, x in enumerate(self.limits) if i < self.asked or x.curve.names <= known]
        self.params = tuple(t for t in params if t.name in self._influences(self.limits[:self.asked]))
        if not self.params:
            raise Missing([t.name for t in params], idle=True)
        names = self._influences(self.limits)
        self.values, self.assumed = self._complete(values, names)
        self.ranges = {t.name: self._range(t) for t in self.params}
        self.allowed = self._conditions(values)
        self.seen: dict[tuple[int, ...], _Score | None] = {}
        self.cut = False

    # ------------------------------------------------------------ what is asked, as curves

    def _curve(self, q: Quantity, default: Of) -> Curve | Brent:
        of: Of = q.of or default
        if q.metric == "latency" and of == "upper" and self.parallel is not None:
            curve, self.how = parallel_latency(self.analysis, self.entry, self.parallel)
            return curve
        if q.reliability:       # exp of minus the unreliability, so that its bounds change places
            flipped: dict[Of, Of] = {"upper": "lower", "lower": "upper", "expected": "expected"}
            return self.analysis.curve(self.entry, "unreliability", flipped[of])
        return self.analysis.curve(self.entry, q.metric, of)

    def _limit(self, c: Constraint) -> _Limit:
        return _Limit(c.text, self._curve(c.quantity, "upper" if c.op.startswith("<") else "lower"),
                      c.quantity.reliability, c.op, c.bound)

    def _influences(self, limits: Sequence[_Limit]) -> set[str]:
        """Symbols on which the cost or one of these limits depends."""
        found: set[str] = set()
        for c in [self.objective, *self.ties, *(x.curve for x in limits)]:
            found |= c.names
        for x in limits:
            found |= x.bound.free
        return found | set(self.analysis.votes(self.entry).free)

    def _complete(self, values: Mapping[str, int | Fraction],
                  names: set[str]) -> tuple[dict[str, Any], dict[str, int | Fraction]]:
        """Values for all symbols; a model's size that is a factor of everything is 1, for it decides nothing."""
        tuned = {t.name for t in self.params}
        missing = sorted(names - values.keys() - tuned)
        kinds = self.analysis.known_symbols(self.entry)
        assumed: dict[str, int | Fraction] = {}
        for name in missing:
            users = [c for c in [self.objective, *self.ties, *(x.curve for x in self.limits)] if name in c.names]
            bounds = [x for x in self.limits if name in x.curve.names or name in x.bound.free]
            if kinds.get(name) is not None and kinds[name].kind == "model" and not bounds and all(
                    _is_factor(c, name) for c in users):
                assumed[name] = 1
        left = [n for n in missing if n not in assumed]
        if left:
            raise Missing(left)
        return {**values, **assumed}, assumed

    def _range(self, t: Tunable) -> tuple[int, int, bool]:
        """From, to, and whether the program declares both ends."""
        low = t.low if t.low is not None else min(1, t.default)
        high = t.high if t.high is not None else max(OPEN_END, 100 * abs(t.default))
        return low, high, t.low is not None and t.high is not None

    def _conditions(self, values: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
        """Whether the entry may be called at a point, as far as what is given decides it."""
        known = {*values, *(t.name for t in self.params)}
        parts = [c for c, _ in self.analysis.sizes.entry(self.entry).function.where]
        whole: Cond = conj(*(c for c in (*parts, self.analysis.votes(self.entry)) if c.free <= known))
        if whole == TRUE:
            return lambda point: True
        names = tuple(sorted(whole.free))
        test = compile_cond(whole, names)

        def allowed(point: Mapping[str, Any]) -> bool:
            try:
                return test(*(point[n] for n in names))
            except EvaluationError:
                return False
        return allowed

    # ------------------------------------------------------------ one point

    def score(self, point: tuple[int, ...]) -> _Score | None:
        """None where the program has no meaning, or its cost is not known."""
        if point in self.seen:
            return self.seen[point]
        at = {**self.values, **dict(zip((t.name for t in self.params), point, strict=True))}
        found: _Score | None = None
        if self.allowed(at):
            excess = self._excess(at)
            cost = self.objective.at(at)
            if cost is not None and self.minimise.reliability:
                cost = math.exp(-cost)
            if excess is not None and cost is not None:
                ties = tuple(_comparable(t.at(at)) for t in self.ties) if not excess else ()
                found = _Score(excess, cost, ties, point)
        self.seen[point] = found
        return found

    def _excess(self, at: Mapping[str, Any]) -> float | None:
        """By how much constraints are broken, relatively, added up; None where one cannot be told."""
        total = 0.0
        for x in self.limits:
            value, bound = self._figure(x, at)
            if value is None or bound is None:
                return None
            if x.exponential and bound > 0:     # in nats, for of two that are nearly 0 or 1 one is still better
                nats, most = x.curve.at(at), -math.log(bound)
                if nats is not None and not _keeps(-nats, x.op, -most):
                    total += abs(float(nats) - most) / max(abs(most), 1e-12)
            elif not _keeps(value, x.op, bound):
                gap = abs(float(value) - float(bound)) if math.isfinite(value) else math.inf
                total += max(gap / max(abs(float(bound)), 1e-12), 1e-12)
        return total

    def _figure(self, x: _Limit, at: Mapping[str, Any]) -> tuple[Value | None, Value | None]:
        value = x.curve.at(at)
        if value is not None and x.exponential:
            value = math.exp(-value)
        names = sorted(x.bound.free)
        try:
            bound = compile_expr(x.bound, names)(*(at[n] for n in names)) if names else x.bound.number
        except (EvaluationError, KeyError):
            bound = None
        return value, bound

    # ------------------------------------------------------------ the search

    def run(self) -> Tuning:
        """The best point, or the closest."""
        lows = [self.ranges[t.name] for t in self.params]
        total = math.prod(high - low + 1 for low, high, _ in lows)
        slow = any(isinstance(c, Brent) or not c.bound.exact or c.bound.closed is None
                   for c in [self.objective, *self.ties, *(x.curve for x in self.limits)])
        whole = total <= (WHOLE_SLOW if slow else WHOLE_RANGE) and all(declared for _, _, declared in lows)
        best = self._search(self._best([self._default()]))
        if whole:
            best = self._best(product(*(range(low, high + 1) for low, high, _ in lows)), best)
        if best is None:
            raise Missing([], idle=False)
        at = self._at(best.point)
        formulas = self._formulas(best) if best.excess == 0 else ()
        better = self._best([tuple(f.rounded if t.name == f.param else v
                                   for t, v in zip(self.params, best.point, strict=True)) for f in formulas], best)
        if better is not None and better.key() < best.key():        # a formula led beyond the search
            best = self._search(better) or better
            at, formulas = self._at(best.point), self._formulas(best)
        expected = self.ties[0].at(at) if self.ties and len(self.ties) == 2 else None
        held = []
        for x in self.limits:
            value, bound = self._figure(x, at)
            held.append(Held(x.text, value, bound, value is not None and bound is not None
                             and _keeps(value, x.op, bound)))
        broken = [h for h in held[self.asked:] if not h.holds]
        chosen = dict(zip((t.name for t in self.params), best.point, strict=True))
        return Tuning(self.values_given(), self.assumed, chosen, best.excess == 0, best.cost, expected,
                      (*held[:self.asked], *broken), formulas, self.ranges,
                      sum(1 for s in self.seen.values() if s is not None), whole and not self.cut,
                      0 if whole else AROUND, self.cut, self._verified(best), self.how)

    def _verified(self, best: _Score) -> bool | None:
        """The best point and the points beside it, by the recurrences."""
        here = self._unrolled(best.point)
        if here is None:
            return None
        if not math.isclose(here, best.cost, rel_tol=1e-9, abs_tol=1e-15):
            return False
        for i, t in enumerate(self.params):
            for x in (best.point[i] - 1, best.point[i] + 1):
                beside = (*best.point[:i], x, *best.point[i + 1:])
                if self.ranges[t.name][0] <= x <= self.ranges[t.name][1]:
                    s = self.score(beside)
                    if s is not None and s.excess <= best.excess:
                        figure = self._unrolled(beside)
                        if figure is None:
                            return None
                        if figure < here and not math.isclose(figure, here, rel_tol=1e-9):
                            return False
        return True

    def _unrolled(self, point: tuple[int, ...]) -> Value | None:
        figure = self.objective.unrolled(self._at(point))
        return math.exp(-figure) if figure is not None and self.minimise.reliability else figure

    def values_given(self) -> dict[str, int | Fraction]:
        return {n: v for n, v in self.values.items() if n not in self.assumed}

    def _default(self) -> tuple[int, ...]:
        return tuple(t.default for t in self.params)

    def _at(self, point: tuple[int, ...]) -> dict[str, Any]:
        return {**self.values, **dict(zip((t.name for t in self.params), point, strict=True))}

    def _best(self, points: Iterator[tuple[int, ...]] | Sequence[tuple[int, ...]],
              best: _Score | None = None) -> _Score | None:
        for i, point in enumerate(points):
            if i & 63 == 63 and self.expired():
                self.cut = True
                break
            s = self.score(point)
            if s is not None and (best is None or s.key() < best.key()):
                best = s
        return best

    def _search(self, best: _Score | None) -> _Score | None:
        """A grid over all params at once, then one param at a time with finer values, until nothing improves."""
        coarse = [self._values(t, Fraction(2), few=True) for t in self.params]
        while math.prod(map(len, coarse)) > JOINT:
            longest = max(range(len(coarse)), key=lambda i: len(coarse[i]))
            coarse[longest] = sorted({*coarse[longest][::2], coarse[longest][-1]})
        best = self._best(product(*coarse), best)
        if best is None:
            return None
        fine = [self._values(t, Fraction(11, 10), few=False) for t in self.params]
        while not self.cut:
            before = best.key()
            for i, t in enumerate(self.params):
                low, high, _ = self.ranges[t.name]
                now = best.point[i]
                near = range(max(low, now - AROUND), min(high, now + AROUND) + 1)
                tried = [*fine[i], *near]
                best = self._best([(*best.point[:i], x, *best.point[i + 1:]) for x in tried], best) or best
            if len(self.params) > 1:        # two neighbours at once: a ridge is not followed one step at a time
                steps = [range(max(self.ranges[t.name][0], x - 2), min(self.ranges[t.name][1], x + 2) + 1)
                         for t, x in zip(self.params, best.point, strict=True)]
                if math.prod(map(len, steps)) <= JOINT:
                    best = self._best(product(*steps), best) or best
            if best.key() == before:
                break
        return best

    def _values(self, t: Tunable, factor: Fraction, *, few: bool) -> list[int]:
        """The ends, the default, a geometric grid, and the quotients of sizes at which a number of parts changes."""
        low, high, _ = self.ranges[t.name]
        found = {low, high, min(max(t.default, low), high)}
        step = 1
        while low + step <= high:
            found.add(low + step)
            step = max(step + 1, math.floor(step * factor))
        if low > 0:
            x = low
            while x <= high:
                found.add(x)
                x = max(x + 1, math.floor(x * factor))
        for size in self.values.values():
            if isinstance(size, int) and size > 1:
                for parts in (*range(1, 9 if few else PARTS + 1), *(1 << j for j in range(4, size.bit_length()))):
                    found |= {size // parts, -(-size // parts)}
                found.add(math.isqrt(size))
        return sorted(x for x in found if low <= x <= high)

    # ------------------------------------------------------------ formulas

    def _formulas(self, best: _Score) -> tuple[Formula, ...]:
        """Formulas for each param whose rounded value is among the best."""
        out: list[Formula] = []
        closed = self.objective.bound.closed
        for i, t in enumerate(self.params):
            at = self._at(best.point)
            tried: list[Candidate] = []
            if closed is not None and not closed.infinite:
                tried += candidates(closed, t.name, at)
            tried += self._stops(t, at)
            made: list[Formula] = []
            for c in dict.fromkeys(tried):
                f = self._tried(t, i, c, best)
                if f is not None and f.holds:
                    made.append(f)
            made.sort(key=lambda f: (f.cost, _SORTS[f.candidate.kind], len(str(f.candidate.closed))))
            kinds: dict[str, Formula] = {}
            for f in made:
                kinds.setdefault(f.candidate.kind, f)
            out += list(kinds.values())[:2]
        return tuple(out)

    def _stops(self, t: Tunable, at: Mapping[str, Any]) -> list[Candidate]:
        """What stops a param: an end of its range, or a constraint that it meets."""
        low, high, _ = self.ranges[t.name]
        found = [Candidate(num(end), "range") for end in (low, high) if at[t.name] == end]
        for x in self.limits:
            closed = x.curve.bound.closed
            if closed is None or closed.infinite or x.exponential or t.name not in closed.free:
                continue
            plain = meeting(closed - x.bound, t.name, at)
            found += [] if plain is None else [Candidate(plain, "constraint")]
        return found

    def _tried(self, t: Tunable, i: int, c: Candidate, best: _Score) -> Formula | None:
        """A candidate's value at the sizes, and the cost at the whole numbers beside it."""
        names = sorted(c.closed.free)
        at = self._at(best.point)
        try:
            value = float(compile_expr(c.closed, names)(*(at[n] for n in names)))
        except (EvaluationError, KeyError, ArithmeticError, ValueError, TypeError):
            return None
        if not math.isfinite(value) or abs(value) > 10 ** 15:
            return None
        low, high, _ = self.ranges[t.name]
        scores = [s for x in (math.floor(value), math.ceil(value)) if low <= x <= high
                  if (s := self.score((*best.point[:i], x, *best.point[i + 1:]))) is not None and s.excess == 0]
        if not scores:
            return None
        s = min(scores, key=_Score.key)
        if c.kind in ("constraint", "range") and abs(s.point[i] - best.point[i]) > 1 and not math.isclose(
                s.cost, best.cost, rel_tol=1e-9):
            return None
        close = float(s.cost) <= float(best.cost) + float(CLOSE) * abs(float(best.cost))
        return Formula(t.name, c, value, s.point[i], s.cost, close)


_SORTS = {"derivative": 0, "meeting": 1, "leading": 2, "constraint": 3, "range": 4}


def _keeps(value: Value, op: str, bound: Value) -> bool:
    match op:
        case "<=":
            return value <= bound
        case ">=":
            return value >= bound
        case "<":
            return value < bound
        case _:
            return value > bound


def _comparable(x: Value | None) -> Any:
    return math.inf if x is None else x


def _is_factor(c: Curve | Brent, name: str) -> bool:
    """Whether a symbol multiplies all of a cost, so that it changes no comparison."""
    for e in (c.bound.closed, c.goal):
        if e is not None and not e.infinite and e.terms:
            powers = {k for m in e.terms for a, k in m if isinstance(a, Sym) and a.name == name}
            if len(powers) == 1 and all(any(isinstance(a, Sym) and a.name == name for a, _ in m) for m in e.terms):
                return True
    return False
