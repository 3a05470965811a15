"""Whether an answer fits what was declared, and cutting and padding of texts that do not (LANGUAGE.md, section 8).

In: a value of the right type and the bounds of its sizes. Out: the value with every text at most its upper size (cut)
and counting at least its lower one (padded), or `Misfit` where a number or the length of a list is outside. Also the
smallest answer, which a failed call counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..compiler import core
from . import answers
from .builtins import Builtins
from .contract import Bounds
from .convert import LARGEST_SCALAR
from .values import Text, items, make_list

__all__ = ["Fitting", "Misfit", "least_tokens", "most_tokens", "numeric_shape"]

Pair = tuple[int | None, int | None]


class Misfit(Exception):
    """An answer outside its bounds: malformed. The message says what is wrong and where."""


class Fitting:
    """Fits values; counts the texts that were cut and those that were padded."""

    def __init__(self, builtins: Builtins) -> None:
        self._builtins = builtins
        self.cut = 0
        self.padded = 0

    def fit(self, shape: core.Shape, value: Any, bounds: Bounds) -> Any:
        """The value within its bounds. Raises Misfit."""
        return self._fit(shape, value, bounds, [0], "")

    def _fit(self, shape: core.Shape, value: Any, bounds: Bounds, at: list[int], path: str) -> Any:
        match shape:
            case core.TextShape():
                low, high = bounds[at[0]]
                at[0] += 1
                if high is not None and value.tokens > high:
                    self.cut += 1
                    return self._builtins.cut_to(value, high)
                if low is not None and value.tokens < low:
                    self.padded += 1
                    return Text(value.string, low)
                return value
            case core.IntShape():
                low, high = bounds[at[0]]
                at[0] += 1
                if (low is not None and value < low) or (high is not None and value > high):
                    raise Misfit(_outside(f"the number {value}", low, high, path))
                return value
            case core.ListShape(element=element):
                low, high = bounds[at[0]]
                at[0] += 1
                n = len(value)
                if (low is not None and n < low) or (high is not None and n > high):
                    raise Misfit(_outside(f"a list of {n} elements", low, high, path))
                start = at[0]
                fitted = []
                for i, x in enumerate(items(value)):
                    at[0] = start
                    fitted.append(self._fit(element, x, bounds, at, f"{path}[{i}]"))
                at[0] = start + sum(1 for _ in _extents(element))
                return make_list(fitted)
            case core.TupleShape(items=shapes):
                pairs = enumerate(zip(shapes, value, strict=True))
                return tuple([self._fit(s, x, bounds, at, f"{path}[{i}]") for i, (s, x) in pairs])
            case core.RecordShape(fields=fields):
                return tuple(
                    [self._fit(s, x, bounds, at, f"{path}.{name}") for (name, s), x in zip(fields, value, strict=True)]
                )
            case _:
                return value


def _outside(what: str, low: int | None, high: int | None, path: str) -> str:
    if low is not None and high is not None:
        wanted = f"exactly {low}" if low == high else f"{low} to {high}"
    else:
        wanted = f"at least {low}" if high is None else f"at most {high}"
    return f"{path + ': ' if path else ''}{what}, where {wanted} is declared"


def _extents(shape: core.Shape) -> Iterator[None]:
    match shape:
        case core.TextShape() | core.IntShape():
            yield None
        case core.ListShape(element=element):
            yield None
            yield from _extents(element)
        case core.TupleShape(items=shapes):
            for s in shapes:
                yield from _extents(s)
        case core.RecordShape(fields=fields):
            for _, s in fields:
                yield from _extents(s)
        case _:
            return


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
