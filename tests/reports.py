"""A report made by hand: what a sort by pairwise comparison costs. Used by the tests of layouts and of the API."""
from __future__ import annotations

import math
from fractions import Fraction

from orch.compiler.expr import INF, TRUE, ZERO, Expr, ceil, ge, log, log2, num, sym
from orch.compiler.report import (
    Bound,
    Figures,
    MetricReport,
    PrimitiveFacts,
    Range,
    Recurrence,
    Report,
    Retries,
    SymbolFacts,
    Window,
)
from orch.lang.diagnostics import Diagnostic
from orch.lang.source import Source, Span

__all__ = ["sort_report"]

N = sym("n")
GROWTH = N * log(N)
WORST = N * ceil(log2(N)) - num(2) ** ceil(log2(N)) + 1


def _bound(closed: Expr | None, order: Expr | None, exact: bool = True, reason: str | None = None) -> Bound:
    return Bound(closed, exact, order, ge(N, num(1)), ("master",), reason)


def sort_report() -> Report:
    calls = MetricReport(
        "calls", _bound(WORST, GROWTH), _bound(N * log2(N) * Fraction(1, 2) - N, GROWTH, exact=False), None, GROWTH,
        (Recurrence("merge_sort", "T(n) = T(ceiling(n/2)) + T(floor(n/2)) + n - 1", "T(n) = 0 for n <= 1"),), 64)
    price = sym("price_in_fast", "real")
    dollars = MetricReport("dollars", _bound(price * N, N), _bound(ZERO, ZERO), None, None, (), 0)
    endless = MetricReport("latency", Bound(INF, True, INF, TRUE, (), "`repeat` at 3:5 has no bound"),
                           _bound(None, None, reason="no rule applies"), None, None, (), 0)
    span = Span(Source("sort.orch", "fn main() -> Int { 1 }\n"), 0, 2)
    return Report(
        program="sort.orch", entry="merge_sort", symbols=(SymbolFacts("n", "elements of items", "size"),),
        assumptions=("fast reasons; `reasoning` is taken as 0",),
        primitives={"compare": PrimitiveFacts(14, "fast")}, literals={"\n": 1},
        metrics={"calls": calls, "dollars": dollars, "latency": endless}, by_primitive={"compare": {"calls": calls}},
        at=(Figures({"n": 1000}, {
            "calls": Range(4932, 8977, None), "dollars": Range(Fraction(1, 4), price * 1000, None),
            "latency": Range(Fraction(3, 2), math.inf, 2.5)}),),
        windows=(Window("compare", "fast", 400_000, num(62), TRUE),), retries=Retries(3, _bound(WORST * 3, GROWTH)),
        parallel=None, errors=(),
        warnings=(Diagnostic("W0201", "The worst case is unbounded.", span, "write `up to`"),))
