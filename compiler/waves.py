"""Latency with at most P calls in flight: what a schedule that never idles needs at most.

In: an analysis, an entry, P. Out: a bound in seconds, as an expression over sizes where the program is simple enough,
else as Brent's bound, span + work/P (R. P. Brent, J. ACM 21, 1974), from two curves.

Brent's bound is within a factor of two of the truth but does not see where waves end: for n tasks of one call each, of
which none is longer than t, a schedule that never idles ends by ceil(n/P)*t. (A task starts after (q-1)*t only if each
of the P lanes has held q tasks or more until then, so the tasks before it are q*P at least; with q = ceil(n/P) there
are not so many.)
A part that never has more than P calls in flight takes its span. Parts in sequence add up. Pure.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .analysis import Analysis
from .costs import Apply, Cases, Cost, Either, Free, Loop, Sequence, Spread
from .curves import Curve, Value
from .expr import TRUE, ZERO, Expr, ceil, max_, piecewise, sum_
from .metrics import METRICS, Metric
from .report import Bound

__all__ = ["Brent", "parallel_latency"]

LATENCY = METRICS["latency"]
WORK: Metric = replace(LATENCY, name="work", meaning="seconds of all calls one after another", par="+")


@dataclass(frozen=True, slots=True)
class Brent:
    """span + work/P at given sizes. Like a `Curve`, but for a closed form."""
    span: Curve
    work: Curve
    parallel: int

    @property
    def names(self) -> frozenset[str]:
        return self.span.names | self.work.names

    @property
    def goal(self) -> Expr | None:
        if self.span.goal is None or self.work.goal is None:
            return None
        return self.span.goal + self.work.goal / self.parallel

    @property
    def bound(self) -> Bound:
        a, b = self.span.bound, self.work.bound
        closed = None if a.closed is None or b.closed is None else a.closed + b.closed / self.parallel
        return Bound(closed, False, None, TRUE, reason="Brent's bound")

    def at(self, values: Mapping[str, Any]) -> Value | None:
        return self._both(self.span.at(values), self.work.at(values))

    def unrolled(self, values: Mapping[str, Any]) -> Value | None:
        return self._both(self.span.unrolled(values), self.work.unrolled(values))

    def _both(self, span: Value | None, work: Value | None) -> Value | None:
        return None if span is None or work is None else span + work / self.parallel


def parallel_latency(analysis: Analysis, entry: str, parallel: int) -> tuple[Curve | Brent, str]:
    """The bound as a curve, and what it is, in a few words."""
    variant = analysis.sizes.entry(entry)
    found = None if variant.recursive else _Waves(analysis, parallel).of(variant.cost)
    if found is None:
        span = analysis.curve(entry, LATENCY.name, "upper")
        return Brent(span, analysis.curve(entry, WORK, "upper"), parallel), "span + work/P (Brent)"
    bound = Bound(found, True, None, TRUE)
    return Curve(found, None, None, bound, "upper"), f"waves of {parallel} calls"


class _Waves:
    def __init__(self, analysis: Analysis, parallel: int) -> None:
        self.analysis, self.readings, self.parallel = analysis, analysis.readings, parallel

    def of(self, cost: Cost) -> Expr | None:
        """The bound of a term; None where only Brent's holds."""
        width = self.readings.read(cost, METRICS["width"], "upper")
        if width is not None and width.number is not None and width.number <= self.parallel:
            return self._plain(self.readings.read(cost, LATENCY, "upper"))
        match cost:
            case Free():
                return ZERO
            case Sequence(parts=parts):
                found = [self.of(p) for p in parts]
                known = [x for x in found if x is not None]
                return sum(known, ZERO) if len(known) == len(found) else None
            case Cases(cases=cases):
                values = [(self.of(p), c) for c, p in cases]
                chosen = [(x, c) for x, c in values if x is not None]
                return piecewise(*chosen) if len(chosen) == len(values) else None
            case Either(first=first, second=second):
                a, b = self.of(first), self.of(second)
                return None if a is None or b is None else max_(a, b)
            case Loop(index=index, count=count, body=body, concurrent=False):
                one = self.of(body)
                return None if one is None or count.hi.infinite else sum_(one, index, ZERO, count.hi - 1)
            case Loop(index=index, count=count, body=body):
                return self._tasks(body, index, None, count.hi)
            case Spread(var=var, over=over, body=body, concurrent=True):
                return self._tasks(body, var, over.high, over.count.hi)
            case Apply(variant=name, args=args):
                variant = self.analysis.sizes.by_name[name]
                inner = None if variant.recursive else self.of(variant.cost)
                return None if inner is None else inner.subs(dict(zip(variant.params, args, strict=True)))
            case _:
                return None

    def _tasks(self, body: Cost, var: str, longest: Expr | None, count: Expr) -> Expr | None:
        """`count` tasks of one call each, of which none takes longer than that at `longest`."""
        calls = self.readings.read(body, METRICS["calls"], "upper")
        tools = self.readings.read(body, METRICS["tool_calls"], "upper")
        one = self._plain(self.readings.read(body, LATENCY, "upper"))
        if calls is None or tools is None or (calls + tools).number not in (0, 1) or one is None or count.infinite:
            return None
        if var in one.free:
            if longest is None or longest.infinite:
                return None
            one = one.subs({var: longest})
        return ceil(count / self.parallel) * one if self.parallel > 1 else count * one

    @staticmethod
    def _plain(e: Expr | None) -> Expr | None:
        return None if e is None or e.infinite or any(getattr(a, "op", "") == "call" for a in e.atoms()) else e
