"""One bound of one metric as a function of sizes, evaluated as often as a search asks.

In: a goal over calls, its recurrences, the closed form that was found. Out: figures. `at` takes the closed form where
it is exact, else the recurrences; `unrolled` the recurrences alone, so that what the closed form says can be held
against them. Both give None where a figure cannot be had (a symbol without a value, a size at which the program has
no meaning, more steps than are granted). Pure; no clock but the evaluator's own limit.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from .codegen import compile_cond, compile_expr
from .equations import Side, System
from .evaluate import Evaluator
from .expr import TRUE, Expr, Fn
from .numeric import EvaluationError
from .report import Bound

__all__ = ["Curve", "Value", "free_symbols"]

Value = int | Fraction | float

FUEL = 200_000
SECONDS = 1.0
SPANS = ("sum", "choose", "call")     # evaluated term by term


class Curve:
    """A bound over sizes. `names` are the symbols that need a value."""

    def __init__(self, goal: Expr | None, system: System | None, quick: System | None, bound: Bound,
                 side: Side) -> None:
        self.goal, self.bound = goal, bound
        self._side = side
        self._systems = {"at": quick, "unrolled": system}
        self._evaluators: dict[str, Evaluator] = {}
        self._closed: Callable[..., Any] | None = None
        self._valid: Callable[..., bool] | None = None
        self._args: tuple[str, ...] = ()
        self._valid_args: tuple[str, ...] = ()
        self.names: frozenset[str] = frozenset()
        if goal is None:
            return
        closed = bound.closed
        plain = closed is not None and not any(isinstance(a, Fn) and a.op in SPANS for a in closed.atoms())
        self.names = closed.free if closed is not None and plain and bound.exact else goal.free.union(
            *(free_symbols(s) for s in (quick, system) if s is not None))
        if closed is not None and plain and bound.exact:
            self._args, self._valid_args = tuple(sorted(closed.free)), tuple(sorted(bound.valid.free))
            try:
                self._closed = compile_expr(closed, self._args)
                self._valid = compile_cond(bound.valid, self._valid_args)
            except EvaluationError:
                self._closed = None

    def at(self, values: Mapping[str, Any]) -> Value | None:
        """The figure at these sizes; math.inf where the bound is unbounded."""
        if self.goal is None:
            return None
        if self.goal.infinite or (self.bound.closed is not None and self.bound.closed.infinite):
            return math.inf
        if self._closed is not None and self._valid is not None:
            try:
                if self._valid(*(values[n] for n in self._valid_args)):
                    return _figure(self._closed(*(values[n] for n in self._args)))
            except (EvaluationError, KeyError, ArithmeticError, ValueError):
                pass
        return self._evaluated("at", values)

    def unrolled(self, values: Mapping[str, Any]) -> Value | None:
        """The same from the recurrences alone."""
        if self.goal is None:
            return None
        return math.inf if self.goal.infinite else self._evaluated("unrolled", values)

    def _evaluated(self, which: str, values: Mapping[str, Any]) -> Value | None:
        assert self.goal is not None
        evaluator = self._evaluators.get(which)
        try:
            if evaluator is None:
                system = self._systems[which] or System({}, self.goal, TRUE)
                evaluator = self._evaluators[which] = Evaluator(system, self._side, fuel=FUEL, seconds=SECONDS)
            return _figure(evaluator.value(self.goal, dict(values)))
        except (EvaluationError, ArithmeticError, ValueError):
            return None


def free_symbols(system: System) -> frozenset[str]:
    """The symbols of a system that are no parameters of its functions: those that need a value."""
    inner = ((c.value.free | c.guard.free) - set(f.params) for f in system.functions.values() for c in f.cases)
    return system.goal.free.union(*inner)


def _figure(x: Any) -> Value | None:
    if isinstance(x, Fraction) and x.denominator == 1:
        return x.numerator
    if isinstance(x, float) and math.isnan(x):
        return None
    return x if isinstance(x, int | Fraction | float) else None
