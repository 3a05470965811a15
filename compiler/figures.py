"""Figures as people read them: `12,345 tokens`, `$0.0123`, `2 min 5 s`.

In: figures of a report and a metric's unit. Out: short text. Numbers of up to 15 digits are given in full, so that a
count can be compared with a run; larger ones, and what is no whole number, have four digits.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from .expr import Expr
from .metrics import METRICS
from .pretty import pretty
from .report import Figure, Range
from .text import fits_decimals, magnitude, show

__all__ = ["figure_text", "range_text", "sizes_text"]


def figure_text(figure: Figure, metric: str = "") -> str:
    """One figure, with the unit where it is short (dollars, seconds). "?" where unknown."""
    if figure is None:
        return "?"
    if isinstance(figure, Expr):
        return pretty(show(figure)) if figure.number is None else figure_text(figure.number, metric)
    if isinstance(figure, float) and math.isinf(figure):
        return "∞" if figure > 0 else "-∞"
    row = METRICS.get(metric.removesuffix("_parallel"))
    unit = row.unit if row is not None else ""
    match unit:
        case "$":
            return _dollars(figure)
        case "s":
            return _seconds(figure)
        case _:
            return _number(figure)


def range_text(r: Range, metric: str = "") -> str:
    """`lower .. upper`, one figure where they agree, and `~ expected` where that is known."""
    low, high = figure_text(r.lower, metric), figure_text(r.upper, metric)
    if r.lower == r.upper:
        return low
    text = f"{low} .. {high}"
    return text if r.expected is None else f"{text}  ~ {figure_text(r.expected, metric)}"


def sizes_text(sizes: Mapping[str, int | Fraction]) -> str:
    """`n = 1,000, m = 50`"""
    return ", ".join(f"{name} = {_number(value)}" for name, value in sizes.items())


def _number(x: int | Fraction | float) -> str:
    whole = int(x)
    if x == whole or not -10 ** 15 < whole < 10 ** 15:
        if abs(whole) < 10 ** 15:
            return f"{whole:,}"
        if not fits_decimals(whole):
            return magnitude(whole)
        digits = len(str(abs(whole))) - 1
        return f"{float(Fraction(whole, 10 ** digits)):.4g}e{digits}"
    return f"{float(x):,.2f}" if abs(whole) >= 1000 else f"{float(x):.4g}"


def _dollars(x: int | Fraction | float) -> str:
    if x == 0:
        return "$0"
    if x >= 1000:
        return f"${_number(round(x))}"
    return f"${float(x):.2f}" if x >= 1 else f"${float(x):.3g}"


def _seconds(x: int | Fraction | float) -> str:
    if x < 60:
        return f"{float(x):.3g} s"
    whole = round(x)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172_800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{_number(whole // 86_400)} days"
