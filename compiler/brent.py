"""Latency with at most P requests at a time: Brent's bounds, max(span, work/P) <= time <= span + work/P.

In: figures at given sizes, the models and tools that a program uses. Out: the bounds in seconds, or None where a speed
is not known. The span is the metric `latency`; the work is what all calls would take one after another, which is linear
in calls and tokens, so it follows from their figures: with the slowest model for the upper bound, the fastest for the
lower. R. P. Brent, "The parallel evaluation of general arithmetic expressions", J. ACM 21 (1974).
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from .core import Model, Tool
from .report import Figure, Range

__all__ = ["NEEDED", "brent"]

NEEDED = ("calls", "input_tokens", "output_tokens", "latency", "tool_calls")
"""The metrics whose figures are read."""

_Number = int | Fraction | float


def brent(figures: Mapping[str, Range], models: Sequence[Model], tools: Sequence[Tool], parallel: int) -> Range | None:
    """Bounds in seconds with `parallel` requests at a time; `figures` holds those of `NEEDED`."""
    low_work = _work({name: figures[name].lower for name in NEEDED}, models, tools, min)
    high_work = _work({name: figures[name].upper for name in NEEDED}, models, tools, max)
    low_span, high_span = _number(figures["latency"].lower), _number(figures["latency"].upper)
    if low_work is None or high_work is None or low_span is None or high_span is None:
        return None
    return Range(max(low_span, low_work / parallel), high_span + high_work / parallel, None)


def _work(figures: Mapping[str, Figure], models: Sequence[Model], tools: Sequence[Tool],
          pick: Callable[[Sequence[_Number]], _Number]) -> _Number | None:
    """Seconds of all calls one after another."""
    seconds: _Number = 0
    for name, rates in (
        ("calls", [m.ttft for m in models]),
        ("input_tokens", [None if m.prefill is None else 1 / m.prefill for m in models]),
        ("output_tokens", [None if m.decode is None else 1 / m.decode for m in models]),
        ("tool_calls", [t.latency.number for t in tools]),
    ):
        amount = _number(figures[name])
        if amount is None or (amount and (not rates or None in rates)):
            return None
        if amount:
            seconds += amount * pick([r for r in rates if r is not None])
    return seconds


def _number(figure: Figure) -> _Number | None:
    if isinstance(figure, float) and math.isnan(figure):
        return None
    return figure if isinstance(figure, int | Fraction | float) else None
