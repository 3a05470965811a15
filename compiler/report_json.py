"""A report as JSON: the shape that scripts read (`orch cost --format json`).

In: a `Report`. Out: dictionaries, lists, strings and numbers, in a fixed order. Formulas are text that `sympy.sympify`
reads; a figure is a number, `"oo"`, a formula where symbols other than sizes are left, or None where unknown. Whole
numbers stay whole, however large: those of thousands of digits, which readers of JSON refuse, are formulas in base 16.
Neither rounds nor computes.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from .expr import Expr
from .report import Bound, Figure, MetricReport, Range, Report
from .text import fits_decimals, show, show_cond, whole

__all__ = ["bound_json", "figure_json", "range_json", "report_json"]


def figure_json(figure: Figure) -> int | float | str | None:
    """A number, "oo" or "-oo", a formula, or None."""
    match figure:
        case None:
            return None
        case Expr():
            number = figure.number
            return show(figure) if number is None else figure_json(number)
        case Fraction():
            return figure_json(figure.numerator) if figure.denominator == 1 else _float(figure)
        case float():
            if math.isnan(figure):
                return None
            if math.isinf(figure):
                return "oo" if figure > 0 else "-oo"
            return figure
        case int():
            return figure if fits_decimals(figure) else whole(figure)


def _float(x: Fraction) -> float | str:
    """A fraction as a float; beyond the range of floats as the formula `p/q`, for it is not unbounded."""
    try:
        return float(x)
    except OverflowError:
        return f"{whole(x.numerator)}/{whole(x.denominator)}"


def _formula(e: Expr | None) -> str | None:
    return None if e is None else show(e)


def bound_json(bound: Bound | None) -> dict[str, Any] | None:
    if bound is None:
        return None
    found: dict[str, Any] = {"closed": _formula(bound.closed), "exact": bound.exact, "order": _formula(bound.order),
                             "valid": show_cond(bound.valid)}
    if bound.reason is not None:
        found["reason"] = bound.reason
    return found


def _bounds(metric: MetricReport) -> dict[str, Any]:
    return {"upper": bound_json(metric.upper), "lower": bound_json(metric.lower),
            "expected": bound_json(metric.expected), "theta": _formula(metric.theta)}


def _metric(metric: MetricReport) -> dict[str, Any]:
    return {**_bounds(metric),
            "recurrences": [{"function": r.function, "equation": r.equation, "base": r.base}
                            for r in metric.recurrences],
            "checked": {"method": "compared with the recurrence", "points": metric.checked}}


def range_json(r: Range) -> dict[str, Any]:
    return {"lower": figure_json(r.lower), "upper": figure_json(r.upper), "expected": figure_json(r.expected)}


def sizes_json(sizes: Mapping[str, int | Fraction]) -> dict[str, Any]:
    return {name: figure_json(value) for name, value in sizes.items()}


def report_json(report: Report) -> dict[str, Any]:
    """The whole report. Diagnostics come in the order in which the report holds them."""
    found: dict[str, Any] = {
        "program": report.program,
        "entry": report.entry,
        "symbols": [{"name": s.name, "meaning": s.meaning} for s in report.symbols],
        "assumptions": list(report.assumptions),
        "primitives": {name: {"fixed_tokens": p.fixed_tokens, "model": p.model}
                       for name, p in report.primitives.items()},
        "literals": dict(report.literals),
        "metrics": {name: _metric(m) for name, m in report.metrics.items()},
        "by_primitive": {name: {metric: _bounds(m) for metric, m in metrics.items()}
                         for name, metrics in report.by_primitive.items()},
        "at": [{"sizes": sizes_json(f.sizes), **{name: range_json(r) for name, r in f.metrics.items()}}
               for f in report.at],
        "windows": [{"primitive": w.primitive, "model": w.model, "window": w.window, "need": _formula(w.need),
                     "fits": None if w.fits is None else show_cond(w.fits)} for w in report.windows],
        "with_retries": None if report.retries is None else {
            "factor": report.retries.factor, "calls": bound_json(report.retries.calls)},
        "warnings": [d.to_json() for d in report.warnings],
        "errors": [d.to_json() for d in report.errors],
    }
    if report.parallel is not None:
        found["parallel"] = report.parallel
    return found
