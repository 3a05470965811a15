"""Values of systems of recurrences, by evaluation: the ground truth against which closed forms are checked.

In: a `System`, a side (an adversary's choices are the largest or the smallest), sizes. Out: exact values, memoised.
There is no Python recursion: each function is compiled (see `codegen`) so that it either returns its value or lists the
calls that it lacks, and a stack on the heap works these off; a depth of a million is a matter of memory. A call that
needs its own value is the unknown of a linear equation, which is solved when the call returns, so that loops through
several functions come out as in Gaussian elimination; a weight of 1 or more never ends.
"""
from __future__ import annotations

import math
import time
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from .codegen import Writer, compile_cond, compile_expr, namespace
from .equations import Function, Side, System
from .expr import TRUE, Expr
from .numeric import EvaluationError, TooLarge, Undefined, show_number

__all__ = ["EvaluationError", "Evaluator", "NoCase", "NonTerminating", "OutOfFuel", "TooLarge", "Undefined",
           "compile_cond", "compile_expr"]

LARGEST_KEY = 10_000            # bits of an argument, above those of the goal's
LARGEST_MEMO = 400_000_000      # bytes of values kept, roughly
_SLOW = 1 << 200_000            # beyond, the time is looked at in every step


class NonTerminating(EvaluationError):
    """A call needs its own value, with a weight of 1 or more, or in a way that is not linear."""


class OutOfFuel(EvaluationError):
    """More steps, seconds or memory than were granted."""


class NoCase(EvaluationError):
    """No equation applies to these arguments."""


class _Compiled:
    """One function: its code, the values known, and the calls under way."""

    __slots__ = ("active", "memo", "name", "run")

    def __init__(self, name: str) -> None:
        self.name = name
        self.memo: dict[Any, Any] = {}
        self.active: set[Any] = set()
        self.run: Any = None

    def show(self, key: Any) -> str:
        args = key if type(key) is tuple else (key,)
        return f"{self.name}({', '.join(show_number(x) for x in args)})"


class _Linear:
    """constant + the sum of weight * (value of a call that is under way)"""

    __slots__ = ("constant", "weights")

    def __init__(self, constant: Any, weights: dict[tuple[_Compiled, Any], Any]) -> None:
        self.constant, self.weights = constant, weights

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, _Linear):
            return _Linear(self.constant + other, self.weights)
        weights = dict(self.weights)
        for k, w in other.weights.items():
            weights[k] = weights.get(k, 0) + w
        return _linear(self.constant + other.constant, weights)

    __radd__ = __add__

    def __mul__(self, c: Any) -> Any:
        if isinstance(c, _Linear):
            return NotImplemented
        return _linear(self.constant * c, {k: w * c for k, w in self.weights.items()}) if c else 0

    __rmul__ = __mul__

    def __truediv__(self, c: Any) -> Any:
        return self * (1 / (Fraction(c) if isinstance(c, int) else c))

    def put(self, unknown: tuple[_Compiled, Any], value: Any) -> Any:
        """With the value of an unknown, a number or linear in others."""
        rest = {k: w for k, w in self.weights.items() if k != unknown}
        return _linear(self.constant, rest) + value * self.weights[unknown]


def _linear(constant: Any, weights: dict[tuple[_Compiled, Any], Any]) -> Any:
    weights = {k: w for k, w in weights.items() if w}
    return _Linear(constant, weights) if weights else constant


class Evaluator:
    """Evaluates the functions of a system and keeps what it has evaluated.

    `fuel` is the number of calls that one question may evaluate, `seconds` the time it may take; none is evaluated
    after `until`, a moment of the monotonic clock. `digits`: None for
    exact fractions (what is irrational is a float), up to 15 for floats, more for mpmath numbers; integers stay exact.
    With `symbolic`, sizes may be expressions as long as no decision depends on them.
    """

    def __init__(self, system: System, side: Side = "upper", *, fuel: int = 4_000_000, seconds: float = 60.0,
                 digits: int | None = None, symbolic: bool = False, until: float = math.inf) -> None:
        self.system, self.side, self.fuel, self.seconds = system, side, fuel, seconds
        self._deadline, self._until = 0.0, until
        self._space = namespace(digits, symbolic)
        self._need: list[tuple[_Compiled, Any]] = []
        self._space["need"] = self._need
        self._space["steps"] = self._loop
        self._space["no_case"] = _no_case
        self._left = fuel
        self._outer = sorted({n for f in system.functions.values() for c in f.cases
                              for n in (c.guard.free | c.value.free) - set(f.params)})
        self._outer_values: tuple[Any, ...] | None = None
        self._numbers = {name: i for i, name in enumerate(system.functions)}
        self._compiled = [_Compiled(name) for name in system.functions]
        for i, c in enumerate(self._compiled):
            self._space[f"F{i}"], self._space[f"M{i}"] = c, c.memo.get
        for c, f in zip(self._compiled, system.functions.values(), strict=True):
            c.run = self._compile(f)
        self._goals: dict[Expr, tuple[tuple[str, ...], _Compiled]] = {}

    # ------------------------------------------------------------ questions

    @property
    def outer(self) -> tuple[str, ...]:
        """Symbols of the equations that are no parameters of their function; `value` takes their values."""
        return tuple(self._outer)

    def value(self, goal: Expr | None = None, sizes: Mapping[str, Any] | None = None) -> Any:
        """The value of an expression over calls and symbols (by default the system's goal) at these sizes.

        An int or a Fraction where it is rational, else a float, or an mpmath number with `digits`. Raises
        NonTerminating, OutOfFuel, NoCase, Undefined, TooLarge, or EvaluationError for a symbol without a value.
        """
        sizes = sizes or {}
        goal = self.system.goal if goal is None else goal
        self._set_outer(sizes)
        if goal not in self._goals:
            if len(self._goals) > 200:
                self._goals.clear()
            names = tuple(sorted(goal.free))
            entry = _Compiled("the goal")
            entry.run = self._compile(Function("the goal", names, ()), goal)
            self._goals[goal] = names, entry
        names, entry = self._goals[goal]
        try:
            values = tuple(sizes[n] for n in names)
        except KeyError as e:
            raise EvaluationError(f"no value for the symbol {e.args[0]}") from None
        entry.memo.clear()
        return self._run(entry, values[0] if len(values) == 1 else values)

    def call(self, name: str, *args: Any) -> Any:
        """The value of one function. Raises as `value` does."""
        number = self._numbers.get(name)
        if number is None:
            raise EvaluationError(f"there is no equation for {name}")
        if self._outer and self._outer_values is None:
            raise EvaluationError(f"no value for the symbol {self._outer[0]}")
        compiled = self._compiled[number]
        key = args[0] if len(args) == 1 else args
        known = compiled.memo.get(key)
        return known if known is not None else self._run(compiled, key)

    def forget(self) -> None:
        """Drops all values, to free memory."""
        for c in self._compiled:
            c.memo.clear()
        for cache in self._space.get("caches", ()):
            cache.clear()

    # ------------------------------------------------------------ code

    def _compile(self, f: Function, goal: Expr | None = None) -> Any:
        writer = Writer(f.params, self._space, self._outer, self._numbers, self.side)
        arguments = [writer.env[n] for n in f.params]
        if len(arguments) != 1 and arguments:
            writer.emit(f"{', '.join(arguments)}, = key")
        if goal is not None:
            writer.prepare(goal)
            writer.emit(f"return {writer.value(goal)}")
        for case in f.cases:
            writer.prepare(*_sides(case.guard))
            if case.guard != TRUE:
                writer.emit(f"if {writer.cond(case.guard)}:")
                with writer.block():
                    writer.prepare(case.value)
                    writer.emit(f"return {writer.value(case.value)}")
                continue
            writer.prepare(case.value)
            writer.emit(f"return {writer.value(case.value)}")
            break
        else:
            if goal is None:
                writer.emit("no_case()")
        body = "\n".join(writer.lines)
        head = arguments[0] if len(arguments) == 1 else "key"
        try:
            exec(compile(f"def run({head}):\n{body}\n", f"<{f.name}>", "exec"), self._space)
        except (RecursionError, MemoryError, SyntaxError) as e:
            raise TooLarge(f"equations too deep to compile: {e}") from None
        return self._space["run"]

    def _set_outer(self, sizes: Mapping[str, Any]) -> None:
        if not self._outer:
            return
        missing = [n for n in self._outer if n not in sizes]
        if missing:
            raise EvaluationError(f"no value for the symbol {missing[0]}")
        values = tuple(sizes[n] for n in self._outer)
        if values != self._outer_values:
            self.forget()
            self._outer_values = values
            self._space.update({f"g{i}": v for i, v in enumerate(values)})

    def _loop(self, n: int) -> None:
        self._left -= max(n, 0) >> 2
        if self._left < 0 or (n > 16 and time.thread_time() > self._deadline):
            raise OutOfFuel(f"a sum of {show_number(n)} terms")

    # ------------------------------------------------------------ the machine

    def _run(self, goal: _Compiled, goal_key: Any) -> Any:
        need = self._need
        stack: list[tuple[_Compiled, Any]] = [(goal, goal_key)]
        tainted: list[tuple[_Compiled, Any]] = []
        deadline = self._deadline = min(self._until, time.thread_time() + self.seconds)
        largest = LARGEST_KEY + max(map(_bits, goal_key if type(goal_key) is tuple else (goal_key,)), default=0)
        self._left, kept, step = self.fuel, 0, 0
        f, key = goal, goal_key
        v: Any = None
        try:
            while stack:
                f, key = stack[-1]
                memo = f.memo
                if key in memo and key not in f.active:
                    stack.pop()
                    continue
                step += 1
                if not step & 511 or (type(v) is int and v > _SLOW):
                    self._left -= 512
                    kept += _bits(v) << 6
                    if self._left < 0 or kept > LARGEST_MEMO or time.thread_time() > deadline:
                        raise OutOfFuel(f"out of fuel at {f.show(key)} after {step} steps")
                    if any(_bits(x) > largest for x in (key if type(key) is tuple else (key,))):
                        raise NonTerminating(f"arguments of {f.name} grow without end")
                try:
                    v = f.run(key)
                except TypeError:
                    if not tainted:
                        raise
                    v = self._fixed_point(f, key, tainted)
                if v is None:
                    f.active.add(key)
                    for entry in need:
                        g, k = entry
                        if k in g.active:
                            g.memo[k] = _Linear(0, {entry: 1})
                            tainted.append(entry)
                        else:
                            stack.append(entry)
                    need.clear()
                    continue
                stack.pop()
                f.active.discard(key)
                if type(v) is Fraction:
                    if v.denominator == 1:
                        v = v.numerator
                elif type(v) is _Linear:
                    v = self._resolve(f, key, v, tainted)
                elif tainted and key in memo:
                    self._spread((f, key), v, tainted)
                memo[key] = v
            return v if f is goal and key == goal_key else goal.memo[goal_key]
        except ZeroDivisionError:
            raise Undefined(f"division by zero at {f.show(key)}") from None
        except OverflowError:
            raise TooLarge(f"beyond the range of floats at {f.show(key)}") from None
        except _NoCase:
            raise NoCase(f"no case applies to {f.show(key)}") from None
        except TypeError as e:
            raise EvaluationError(f"{f.show(key)}: {e}") from None
        finally:
            need.clear()
            for g, k in stack:
                g.active.discard(k)
            for g, k in tainted:
                if type(g.memo.get(k)) is _Linear:
                    del g.memo[k]
            if tainted:
                for cache in self._space.get("caches", ()):
                    cache.clear()

    def _resolve(self, f: _Compiled, key: Any, v: _Linear, tainted: list[tuple[_Compiled, Any]]) -> Any:
        """The value of a finished call that depends on calls under way, itself perhaps among them."""
        entry = (f, key)
        weight = v.weights.get(entry, 0)
        if weight >= 1:
            raise NonTerminating(f"{f.show(key)} needs itself with weight {show_number(weight)}")
        if weight:
            rest = _linear(v.constant, {k: w for k, w in v.weights.items() if k != entry})
            result = rest * (1 / (1 - (Fraction(weight) if isinstance(weight, int) else weight)))
        else:
            result = v
        self._spread(entry, result, tainted)
        if isinstance(result, _Linear):
            tainted.append(entry)
        return _exact(result)

    def _spread(self, entry: tuple[_Compiled, Any], value: Any, tainted: list[tuple[_Compiled, Any]]) -> None:
        """Puts a value that is known now into all values that wait for it."""
        for g, k in tainted:
            waiting = g.memo.get(k)
            if type(waiting) is _Linear and entry in waiting.weights and (g, k) != entry:
                g.memo[k] = _exact(waiting.put(entry, value))
        for cache in self._space.get("caches", ()):
            cache.clear()

    def _fixed_point(self, f: _Compiled, key: Any, tainted: list[tuple[_Compiled, Any]]) -> Any:
        """The least value that satisfies a call's equation which is not linear in it, if iteration from 0 finds it."""
        self._need.clear()
        known = f.memo.get(key)
        if type(known) is not _Linear:
            raise NonTerminating(f"{f.show(key)} depends on a call under way, not linearly")
        x: Any = 0
        values = []
        try:
            for _ in range(60):
                f.memo[key] = x
                y = f.run(key)
                if y is None or _bits(y) > LARGEST_KEY:
                    break
                if y == x:
                    return _exact(y)
                values.append(y)
                x = y
            if len(values) == 60 and isinstance(x, int | Fraction):
                a, b, c = (Fraction(y) for y in values[1:4])
                if a != b and (slope := (c - b) / (b - a)) < 1:
                    f.memo[key] = x = _exact(b + (c - b) / (1 - slope))
                    if f.run(key) == x:
                        return x
        except TypeError:
            pass
        finally:
            self._need.clear()
            f.memo[key] = known
        raise NonTerminating(f"{f.show(key)} needs its own value")


class _NoCase(Exception):
    pass


def _no_case() -> None:
    raise _NoCase


def _sides(c: Any) -> list[Expr]:
    return [c.e] if hasattr(c, "e") else [e for p in c.parts for e in _sides(p)]


def _bits(x: Any) -> int:
    if isinstance(x, int):
        return x.bit_length()
    return max(x.numerator.bit_length(), x.denominator.bit_length()) if isinstance(x, Fraction) else 0


def _exact(x: Any) -> Any:
    return x.numerator if type(x) is Fraction and x.denominator == 1 else x
