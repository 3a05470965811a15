"""Whether an answer fits what was declared, and cutting and padding of texts that do not (LANGUAGE.md, section 8).

In: a value of the right type and the bounds of its sizes. Out: the value with every text at most its upper size (cut)
and counting at least its lower one (padded), or `Misfit` where a number or the length of a list is outside. Also the
smallest answer, which a failed call counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..compiler import core
from . import answers
from .builtins import Builtins
from .contract import Bounds
from .convert import LARGEST_SCALAR
from .values import Text, items, make_list

__all__ = ["Fitter", "Fitting", "Misfit", "fitter", "least_tokens", "most_tokens", "numeric_shape"]

Pair = tuple[int | None, int | None]


class Misfit(Exception):
    """An answer outside its bounds: malformed. The message says what is wrong and where (`path`, "" is the whole)."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = reason
        self.path = path


class Fitting:
    """Fits values; counts the texts that were cut and those that were padded."""

    def __init__(self, builtins: Builtins) -> None:
        self._builtins = builtins
        self.cut = 0
        self.padded = 0

    def fit(self, shape: core.Shape, value: Any, bounds: Bounds) -> Any:
        """The value within its bounds. Raises Misfit."""
        return fitter(shape)(self, value, bounds)

    def cut_to(self, value: Text, most: int) -> Text:
        """The first tokens of a text that is too long."""
        self.cut += 1
        return self._builtins.cut_to(value, most)


#: Fits the values of one shape.
Fitter = Callable[[Fitting, Any, Bounds], Any]


def fitter(shape: core.Shape) -> Fitter:
    """The function that fits values of this shape, for those who fit many."""
    return _fitter(shape, 0)[0]


def _unbounded(fitting: Fitting, value: Any, bounds: Bounds) -> Any:
    return value


def _fitter(shape: core.Shape, at: int) -> tuple[Fitter, int]:
    """`at`: the number of the shape's first bound; also gives that of what follows."""
    match shape:
        case core.TextShape():
            return lambda fitting, value, bounds: _fit_text(fitting, value, bounds[at]), at + 1
        case core.IntShape():
            def fit(fitting: Fitting, value: Any, bounds: Bounds) -> Any:
                low, high = bounds[at]
                if (low is not None and value < low) or (high is not None and value > high):
                    raise Misfit(_outside(f"the number {value}", low, high))
                return value

            return fit, at + 1
        case core.ListShape(element=element):
            one, after = _fitter(element, at + 1)
            return _fit_list(one, at), after
        case core.TupleShape(items=shapes):
            return _fit_parts([(f"[{i}]", s) for i, s in enumerate(shapes)], at)
        case core.RecordShape(fields=fields):
            return _fit_parts([(f".{name}", s) for name, s in fields], at)
        case _:
            return _unbounded, at


def _fit_text(fitting: Fitting, value: Any, pair: Pair) -> Any:
    low, high = pair
    if high is not None and value.tokens > high:
        return fitting.cut_to(value, high)
    if low is not None and value.tokens < low:
        fitting.padded += 1
        return Text(value.string, low)
    return value


def _fit_list(one: Fitter, at: int) -> Fitter:
    def fit(fitting: Fitting, value: Any, bounds: Bounds) -> Any:
        low, high = bounds[at]
        n = len(value)
        if (low is not None and n < low) or (high is not None and n > high):
            raise Misfit(_outside(f"a list of {n} elements", low, high))
        if one is _unbounded:
            return value
        fitted: list[Any] = []
        try:
            for x in items(value):
                fitted.append(one(fitting, x, bounds))
        except Misfit as e:
            raise Misfit(e.reason, f"[{len(fitted)}]{e.path}") from None
        return make_list(fitted)

    return fit


def _fit_parts(parts: list[tuple[str, core.Shape]], at: int) -> tuple[Fitter, int]:
    steps: list[tuple[str, Fitter]] = []
    for path, shape in parts:
        part, at = _fitter(shape, at)
        steps.append((path, part))
    if all(part is _unbounded for _, part in steps):
        return _unbounded, at

    def fit(fitting: Fitting, value: Any, bounds: Bounds) -> Any:
        fitted: list[Any] = []
        try:
            for (_, part), x in zip(steps, value, strict=True):
                fitted.append(part(fitting, x, bounds))
        except Misfit as e:
            raise Misfit(e.reason, f"{steps[len(fitted)][0]}{e.path}") from None
        return tuple(fitted)

    return fit, at


def _outside(what: str, low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        wanted = f"exactly {low}" if low == high else f"{low} to {high}"
    else:
        wanted = f"at least {low}" if high is None else f"at most {high}"
    return f"{what}, where {wanted} is declared"


def least_tokens(shape: core.Shape, bounds: Bounds) -> int:
    """Tokens of the smallest answer."""
    return _least(shape, iter(bounds))


def _least(shape: core.Shape, bounds: Iterator[Pair]) -> int:
    match shape:
        case core.TextShape():
            return next(bounds)[0] or 0
        case core.IntShape():
            next(bounds)
            return 1
        case core.ListShape(element=element):
            low = next(bounds)[0] or 0
            return low * (_least(element, bounds) + 2)
        case core.TupleShape(items=shapes):
            return 2 + sum(3 + _least(s, bounds) for s in shapes)
        case core.RecordShape(fields=fields):
            return 2 + sum(3 + _least(s, bounds) for _, s in fields)
        case _:
            return 1


def most_tokens(shape: core.Shape, bounds: Bounds) -> int | None:
    """Tokens of the largest answer; None if there is none."""
    return _most(shape, iter(bounds))


def _most(shape: core.Shape, bounds: Iterator[Pair]) -> int | None:
    match shape:
        case core.TextShape():
            return next(bounds)[1]
        case core.IntShape():
            next(bounds)
            return LARGEST_SCALAR
        case core.ListShape(element=element):
            high, each = next(bounds)[1], _most(element, bounds)
            return None if high is None or each is None else high * (each + 2)
        case core.TupleShape(items=shapes):
            return _most_of(shapes, bounds)
        case core.RecordShape(fields=fields):
            return _most_of(tuple([s for _, s in fields]), bounds)
        case _:
            return LARGEST_SCALAR


def _most_of(shapes: tuple[core.Shape, ...], bounds: Iterator[Pair]) -> int | None:
    parts = [_most(s, bounds) for s in shapes]
    known = [part for part in parts if part is not None]
    return 2 + sum(3 + part for part in known) if len(known) == len(parts) else None


def numeric_shape(shape: core.Shape, bounds: Bounds) -> answers.Shape:
    """The shape with its sizes in numbers, as the reader of answers and the providers' schemas want it."""
    return _numeric(shape, iter(bounds))


def _numeric(shape: core.Shape, bounds: Iterator[Pair]) -> answers.Shape:
    match shape:
        case core.TextShape():
            low, high = next(bounds)
            return answers.TextShape(low or 0, high)
        case core.IntShape():
            return answers.IntShape(*next(bounds))
        case core.FloatShape():
            return answers.FloatShape()
        case core.BoolShape():
            return answers.BoolShape()
        case core.EnumShape(constants=constants):
            return answers.EnumShape(constants)
        case core.ListShape(element=element):
            low, high = next(bounds)
            return answers.ListShape(_numeric(element, bounds), low or 0, high)
        case core.TupleShape(items=shapes):
            return answers.TupleShape(tuple([_numeric(s, bounds) for s in shapes]))
        case core.RecordShape(name=name, fields=fields):
            return answers.RecordShape(name, tuple([(field, _numeric(s, bounds)) for field, s in fields]))
