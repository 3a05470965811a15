"""Two or more decompositions of one job, side by side.

In: contenders (an analysed program and an entry each), metrics, replacements of symbols, sizes. Out: a `Comparison`:
each one's bounds, the quotients of their costs with the order that these have in all variables and as each grows last,
the sizes at which one overtakes another, and who wins where. Symbols of one name are one symbol. Upper bounds are
compared, and expected costs where all are known. Layout is in `compare_view`. Pure.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, Literal

from .analysis import Analysis
from .codegen import compile_cond, compile_expr
from .crossover import Scan, scan, sizes_to_try
from .curves import Curve, Value
from .expr import TRUE, ZERO, Cond, Expr, Rel, conj, ge, num, sym
from .facts import Facts
from .numeric import EvaluationError
from .quotient import OrderRegion, common_factor, growing_last, order_by_region, order_of_quotient
from .report import Bound, MetricReport, Range, Report, SymbolFacts
from .text import show, show_cond

__all__ = ["Ahead", "Comparison", "Contender", "MetricComparison", "Overtaking", "Ratio", "Standing", "compare"]

Of = Literal["upper", "expected"]
ASSUMED = {"size": 100, "int": 10}      # the value of a size that nobody gave
ASSUMED_KIND = {"let": 10}              # that of other symbols; what is not listed is 1: models' sizes, prices
LARGEST_GAP = 60                        # terms of a difference that the prover is asked about
LONGEST = 400                           # characters of a condition that is still told


@dataclass(frozen=True, slots=True)
class Contender:
    """One decomposition: `entry` is a key of the program's functions, `settings` are the values of its params."""
    label: str
    analysis: Analysis
    entry: str
    settings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ratio:
    """What the first costs divided by what the second costs: the gain of the second.

    `theta`: its order, all symbols growing independently; `regions`: the same by region, where that tells more;
    `last`: what is left of it as one symbol grows last. `certain`: of the cost itself, not only of its upper bounds.
    """
    of: Of
    first: int
    second: int
    above: Expr | None
    below: Expr | None
    exact: bool
    valid: Cond
    theta: Expr | None
    certain: bool
    regions: tuple[OrderRegion, ...]
    last: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Overtaking:
    """As `symbol` reaches `size`, the contender `to` begins to cost less than `from_`, the others being as they are.

    `before` and `at`: the figures of the two (in the order of the pair) at the size before and at this one.
    `verified`: these come from the recurrences.
    """
    symbol: str
    size: int
    from_: int
    to: int
    before: tuple[Value, Value]
    at: tuple[Value, Value]
    verified: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Two contenders as one symbol grows, the others at `others`. Winners in `scan` are 0 or 1 of the pair."""
    of: Of
    first: int
    second: int
    symbol: str
    others: Mapping[str, int | Fraction]
    overtakings: tuple[Overtaking, ...]
    scan: Scan


@dataclass(frozen=True, slots=True)
class Ahead:
    """`winner` never costs more than the other of the pair wherever `when` holds; TRUE: at all sizes, proven."""
    of: Of
    winner: int
    loser: int
    when: Cond


@dataclass(frozen=True, slots=True)
class MetricComparison:
    reports: tuple[MetricReport, ...]
    ratios: tuple[Ratio, ...]
    standings: tuple[Standing, ...]
    ahead: tuple[Ahead, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`at`: the sizes asked for, with every contender's figures by metric."""
    labels: tuple[str, ...]
    reports: tuple[Report, ...]
    lets: Mapping[str, Expr]
    symbols: tuple[SymbolFacts, ...]
    assumptions: tuple[str, ...]
    metrics: Mapping[str, MetricComparison]
    at: tuple[tuple[Mapping[str, int | Fraction], tuple[Mapping[str, Range], ...]], ...]


def compare(contenders: Sequence[Contender], metrics: Sequence[str], at: Sequence[Mapping[str, int | Fraction]] = (),
            lets: Mapping[str, Expr] | None = None) -> Comparison:
    """All of it. The programs must have no errors."""
    return _Comparing(tuple(contenders), tuple(metrics), tuple(at), lets or {}).run()


# ---------------------------------------------------------------- symbols

def shared_symbols(contenders: Sequence[Contender], lets: Mapping[str, Expr]) -> dict[str, SymbolFacts]:
    """Every symbol that may be named: those of the programs, less the replaced ones, and those of the replacements."""
    found: dict[str, SymbolFacts] = {}
    for c in contenders:
        for name, facts in c.analysis.known_symbols(c.entry).items():
            if name in lets:
                continue
            old = found.get(name)
            if old is None:
                found[name] = facts
            elif facts.meaning not in old.meaning.split("; "):
                found[name] = SymbolFacts(name, f"{old.meaning}; {facts.meaning}", old.kind)
    for formula in lets.values():
        for name in sorted(formula.free):
            found.setdefault(name, SymbolFacts(name, "a symbol of --let", "let"))
    return found


# ---------------------------------------------------------------- the work

class _Comparing:
    def __init__(self, contenders: tuple[Contender, ...], metrics: tuple[str, ...],
                 points: tuple[Mapping[str, int | Fraction], ...], lets: Mapping[str, Expr]) -> None:
        self.contenders, self.metrics, self.points = contenders, metrics, points
        self.lets = lets
        self.known = shared_symbols(contenders, lets)
        self.domain = conj(*(c.analysis.domain(c.entry) for c in contenders)).subs(lets)
        self.facts = Facts((self.domain,))
        self.kinds = {n: k for c in contenders for v in (c.analysis.sizes.entry(c.entry),)
                      for n, k in zip(v.params, v.kinds, strict=True)}
        self.ranges = self._ranges()
        self.formulas = [(name, args, compile_expr(e, args)) for name, e in lets.items()
                         for args in (tuple(sorted(e.free)),)]

    def run(self) -> Comparison:
        reports = tuple(c.analysis.report(c.entry, self.metrics, self.points, c.settings, self.lets, shares=False)
                        for c in self.contenders)
        found = {m: self._metric(m, tuple(r.metrics[m] for r in reports)) for m in self.metrics}
        at = tuple((point, tuple(r.at[i].metrics for r in reports)) for i, point in enumerate(self.points))
        return Comparison(tuple(c.label for c in self.contenders), reports, self.lets, self._symbols(found, reports),
                          self._assumptions(reports), found, at)

    def _metric(self, metric: str, reports: tuple[MetricReport, ...]) -> MetricComparison:
        expected = all(r.expected is not None for r in reports) and any(
            r.expected is not None and (r.expected.closed != r.upper.closed or r.upper.closed is None) for r in reports)
        ratios: list[Ratio] = []
        standings: list[Standing] = []
        ahead: list[Ahead] = []
        kinds: tuple[Of, ...] = ("upper", "expected") if expected else ("upper",)
        for of in kinds:
            curves = [c.analysis.curve(c.entry, metric, of) for c in self.contenders]
            bounds = [r.upper if of == "upper" else r.expected or r.upper for r in reports]
            for i, j in combinations(range(len(self.contenders)), 2):
                ratios.append(self._ratio(of, i, j, bounds[i], bounds[j], reports[i], reports[j]))
                ahead += self._ahead(of, i, j, bounds[i], bounds[j])
                if bounds[i].closed != bounds[j].closed or bounds[i].closed is None:
                    standings += self._standings(of, i, j, curves[i], curves[j], bounds[i], bounds[j])
        return MetricComparison(reports, tuple(ratios), tuple(standings), tuple(ahead))

    # ------------------------------------------------------------ quotients

    def _ratio(self, of: Of, i: int, j: int, a: Bound, b: Bound, ra: MetricReport, rb: MetricReport) -> Ratio:
        certain = of == "expected" or (ra.theta is not None and rb.theta is not None)
        top, bottom = (ra.theta, rb.theta) if certain and of == "upper" else (a.order, b.order)
        above, below = a.closed, b.closed
        if above is not None and below is not None:
            above, below = _cancelled(above, below)
        theta = order_of_quotient(top, bottom, self.domain)
        regions: tuple[OrderRegion, ...] = ()
        last: list[tuple[str, Expr]] = []
        if theta is not None and not theta.infinite and theta != ZERO:
            regions = order_by_region(top, bottom, self.domain)
            for name in sorted(theta.free):
                if self._unlimited(name):
                    left = growing_last(top, bottom, name, self.domain)
                    if left is not None and left != theta:
                        last.append((name, left))
        return Ratio(of, i, j, above, below, a.exact and b.exact, conj(a.valid, b.valid), theta, certain, regions,
                     tuple(last))

    def _unlimited(self, name: str) -> bool:
        """Whether a symbol can grow beyond all others, as far as the domain says."""
        mine = sym(name, self.kinds.get(name, "size"))
        others = sorted({n for n in self.domain.free if n != name})
        return not any(self.facts.with_(ge(mine, sym(o, self.kinds.get(o, "size")) + 1)).contradictory for o in others)

    # ------------------------------------------------------------ who wins

    def _ahead(self, of: Of, i: int, j: int, a: Bound, b: Bound) -> list[Ahead]:
        """Who never costs more, at all sizes (proven), or else where, as a condition on sizes."""
        if a.closed is None or b.closed is None or not (a.exact and b.exact) or a.closed == b.closed:
            return []
        if a.closed.infinite or b.closed.infinite:
            return []
        if len(a.closed.terms) + len(b.closed.terms) > LARGEST_GAP:
            return []
        inside = self.facts.with_(conj(a.valid, b.valid))
        above, below = _cancelled(a.closed, b.closed)
        if not inside.nonneg(common_factor(a.closed, b.closed)):
            above, below = a.closed, b.closed
        for winner, loser, gap in ((i, j, below - above), (j, i, above - below)):
            if inside.nonneg(gap):
                return [Ahead(of, winner, loser, TRUE)]
        when = ge(above - below, ZERO)
        return [Ahead(of, j, i, when)] if len(show_cond(when)) <= LONGEST else []

    def _standings(self, of: Of, i: int, j: int, a: Curve, b: Curve, fa: Bound, fb: Bound) -> list[Standing]:
        """The two as each whole symbol that their difference holds grows, at the sizes asked for or at assumed ones."""
        names = {n for c in (a, b) for n in self._spelled(c.names)}
        if fa.closed is not None and fb.closed is not None:
            above, below = _cancelled(fa.closed, fb.closed)
            names &= above.free | below.free
        growing = [n for n in sorted(names) if self.known.get(n, _UNKNOWN).kind in ("size", "param", "let")]
        needed = {n for c in (a, b) for n in self._spelled(c.names)} | self.domain.free
        found: list[Standing] = []
        for symbol in growing:
            seen: list[Mapping[str, int | Fraction]] = []
            for point in self.points or ({},):
                others = {n: self._given(n, point) for n in sorted(needed) if n != symbol}
                if others in seen:
                    continue
                seen.append(others)
                standing = self._standing(of, i, j, symbol, others, a, b, fa, fb)
                if standing is not None:
                    shown = {n: v for n, v in others.items() if n in names}
                    found.append(Standing(of, i, j, symbol, shown, *standing))
        return found

    def _standing(self, of: Of, i: int, j: int, symbol: str, others: Mapping[str, int | Fraction], a: Curve, b: Curve,
                  fa: Bound, fb: Bound) -> tuple[tuple[Overtaking, ...], Scan] | None:
        names = tuple(sorted(self.domain.free))
        try:
            allowed = compile_cond(self.domain, names)
        except EvaluationError:
            return None

        def values(x: int, c: Contender) -> dict[str, Any]:
            found = {**c.settings, **others, symbol: x}
            for name, args, formula in self.formulas:
                if all(n in found for n in args):
                    found[name] = formula(*(found[n] for n in args))
            return found

        def inside(x: int) -> bool:
            try:
                return allowed(*({**others, symbol: x}[n] for n in names))
            except (EvaluationError, KeyError):
                return False

        def figures(x: int) -> tuple[Value, Value] | None:
            u, v = a.at(values(x, self.contenders[i])), b.at(values(x, self.contenders[j]))
            return None if u is None or v is None else (u, v)

        def unrolled(x: int) -> tuple[Value, Value] | None:
            u, v = a.unrolled(values(x, self.contenders[i])), b.unrolled(values(x, self.contenders[j]))
            return None if u is None or v is None else (u, v)

        low, high = self.ranges.get(symbol, (0, None))
        reach = _reach(inside, low, high)
        if reach is None:
            return None
        low, high = reach
        found = scan(figures, low, high, self._polynomial(symbol, others, fa, fb))
        if found is None:
            return None
        pair = (i, j)
        overtakings = []
        for crossing in found.crossings:
            before, at = unrolled(crossing.size - 1), unrolled(crossing.size)
            verified = before is not None and at is not None
            before, at = before or figures(crossing.size - 1), at or figures(crossing.size)
            if before is None or at is None:
                continue
            if _winner(at) != crossing.winner or _winner(before) == crossing.winner:
                verified = False
            overtakings.append(Overtaking(symbol, crossing.size, pair[1 - crossing.winner], pair[crossing.winner],
                                          before, at, verified))
        return tuple(overtakings), found

    def _polynomial(self, symbol: str, others: Mapping[str, int | Fraction], a: Bound,
                    b: Bound) -> list[Fraction] | None:
        """The coefficients of the difference, the constant first, where both closed forms hold and are polynomials."""
        if a.closed is None or b.closed is None or not (a.exact and b.exact) or a.closed.infinite or b.closed.infinite:
            return None
        at = {n: num(v) for n, v in others.items()}
        try:
            gap = (a.closed - b.closed).subs(at)
        except (ZeroDivisionError, OverflowError):
            return None
        valid = conj(a.valid, b.valid).subs(at)
        if gap.free - {symbol} or not self.facts.with_(*(Rel("==", sym(n) - v) for n, v in at.items())).implies(valid):
            return None
        parts = gap.coefficients(symbol)
        if parts is None or any(c.number is None for c in parts.values()):
            return None
        degree = max(parts, default=0)
        return [Fraction(parts[d].number or 0) if d in parts else Fraction(0) for d in range(degree + 1)]

    # ------------------------------------------------------------ values

    def _spelled(self, names: frozenset[str]) -> set[str]:
        """Symbols with the replaced ones spelled out."""
        return {x for n in names for x in (self.lets[n].free if n in self.lets else (n,))}

    def _given(self, name: str, point: Mapping[str, int | Fraction]) -> int | Fraction:
        """The value of a symbol: the one asked for, that of the param, else an assumed one."""
        if name in point:
            return point[name]
        for c in self.contenders:
            if name in c.settings:
                return c.settings[name]
        facts = self.known.get(name, _UNKNOWN)
        if facts.kind == "size":
            return ASSUMED.get(self.kinds.get(name, "size"), 1)
        return ASSUMED_KIND.get(facts.kind, 1)

    def _ranges(self) -> dict[str, tuple[int, int | None]]:
        """From where to where a symbol may grow: the ranges of params, and what the domain proves."""
        found: dict[str, tuple[int, int | None]] = {}
        for name, facts in self.known.items():
            low = self.facts.minimum(sym(name, self.kinds.get(name, "size")))
            lowest = max(0, math.ceil(low)) if low is not None else 0
            high: int | None = None
            for c in self.contenders:
                t = c.analysis.program.tunables.get(name)
                if facts.kind == "param" and t is not None:
                    lowest = max(lowest, t.low if t.low is not None else 1)
                    high = t.high if high is None else high if t.high is None else min(high, t.high)
            found[name] = (1 if facts.kind == "let" else lowest, high)
        return found

    # ------------------------------------------------------------ what is told beside

    def _symbols(self, found: Mapping[str, MetricComparison], reports: Sequence[Report]) -> tuple[SymbolFacts, ...]:
        """The symbols that formulas hold, and the sizes of the entries."""
        used: set[str] = set()
        for m in found.values():
            for r in m.reports:
                for b in (r.upper, r.lower, r.expected):
                    if b is not None:
                        used |= {n for e in (b.closed, b.order) if e is not None for n in e.free}
        sizes = {s.name for r in reports for s in r.symbols if s.kind == "size"}
        kept = [self.known[n] for n in self.known if n in used | sizes]
        return (*kept, *(SymbolFacts(n, "a free symbol", "let") for n in sorted(used - self.known.keys())))

    def _assumptions(self, reports: Sequence[Report]) -> tuple[str, ...]:
        shared = [n for n in self.known
                  if sum(n in c.analysis.known_symbols(c.entry) for c in self.contenders) > 1
                  and self.known[n].kind in ("size", "param")]
        out = []
        if shared:
            out.append(f"symbols of the same name are the same: {', '.join(shared)}")
        else:
            out.append("the entries have no size in common")
        for name in shared:
            values = {c.settings[name] for c in self.contenders if name in c.settings}
            if len(values) > 1:
                told = " and ".join(f"{c.settings[name]} in {c.label}" for c in self.contenders if name in c.settings)
                out.append(f"the param {name} is {told} unless set; figures take each program's own value")
        out += [f"{name} = {show(formula)}" for name, formula in self.lets.items()]
        for r in reports:
            out += [a for a in r.assumptions if a not in out]
        return tuple(out)


_UNKNOWN = SymbolFacts("", "", "probability")


def _reach(inside: Callable[[int], bool], low: int, high: int | None) -> tuple[int, int | None] | None:
    """The part of a range in which the domain holds, taken to be one stretch; None if it holds nowhere looked at."""
    tried = list(sizes_to_try(low, high))
    held = [x for x in tried if inside(x)]
    if not held:
        return None
    first, last = held[0], held[-1]
    beyond = next((x for x in tried if x > last), None)
    while beyond is not None and beyond - last > 1:
        middle = (last + beyond) // 2
        last, beyond = (middle, beyond) if inside(middle) else (last, middle)
    return first, high if beyond is None else last


def _winner(pair: tuple[Value, Value]) -> int | None:
    return 0 if pair[0] < pair[1] else 1 if pair[1] < pair[0] else None


def _cancelled(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Both without the factor that all their terms have in common, numbers included."""
    shared = common_factor(a, b)
    return a / shared, b / shared
