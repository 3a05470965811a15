"""Types with holes, and what makes two of them equal.

In: types in which `hole()`s stand for what is not known yet. Out: `Unifier.same` fills holes so that two types become
one, `full` puts the fillings in. Robinson's algorithm; functions never fill a hole, for they are not data. `ERROR` is
the type of what an error has been reported for: it fits everything, so that one fault is reported once.
"""
from __future__ import annotations

from collections.abc import Mapping

from .types import TEXT, FnT, ListT, RecordT, TupleT, Type, VarT

__all__ = ["ERROR", "Unifier", "is_hole", "substitute"]

ERROR = VarT("!")


def is_hole(t: Type) -> bool:
    return isinstance(t, VarT) and t.name.startswith("?")


def substitute(t: Type, values: Mapping[str, Type]) -> Type:
    """Type parameters replaced."""
    match t:
        case VarT(name=name):
            return values.get(name, t)
        case ListT(element=element) if element is not None:
            new = substitute(element, values)
            return t if new is element else ListT(new)
        case TupleT(items=items):
            return TupleT(tuple(substitute(i, values) for i in items))
        case FnT(params=params, result=result):
            return FnT(tuple(substitute(p, values) for p in params), substitute(result, values))
        case _:
            return t


class Unifier:
    """The fillings of the holes of one body."""

    def __init__(self) -> None:
        self.filled: dict[str, Type] = {}
        self.count = 0

    def hole(self) -> Type:
        self.count += 1
        return VarT(f"?{self.count}")

    def top(self, t: Type) -> Type:
        """The type with its outermost hole filled, where that is known."""
        while isinstance(t, VarT) and t.name in self.filled:
            t = self.filled[t.name]
        return t

    def full(self, t: Type, default: Type | None = None) -> Type:
        """All fillings put in; a hole that nothing filled becomes the default, if there is one."""
        t = self.top(t)
        match t:
            case VarT():
                return default if default is not None and is_hole(t) else t
            case ListT(element=element):
                return ListT(self.full(element if element is not None else TEXT, default))
            case TupleT(items=items):
                return TupleT(tuple(self.full(i, default) for i in items))
            case FnT(params=params, result=result):
                return FnT(tuple(self.full(p, default) for p in params), self.full(result, default))
            case _:
                return t

    def same(self, a: Type, b: Type) -> bool:
        """Makes them equal if that is possible. What was filled on the way to a disagreement stays filled."""
        a, b = self.top(a), self.top(b)
        if a is b or a == ERROR or b == ERROR:
            return True
        if is_hole(a):
            return self.fill(a, b)
        if is_hole(b):
            return self.fill(b, a)
        match a, b:
            case ListT(element=x), ListT(element=y):
                return x is None or y is None or self.same(x, y)
            case TupleT(items=xs), TupleT(items=ys):
                return len(xs) == len(ys) and all([self.same(x, y) for x, y in zip(xs, ys, strict=True)])
            case FnT(params=xs, result=x), FnT(params=ys, result=y):
                return len(xs) == len(ys) and all([self.same(p, q) for p, q in zip(xs, ys, strict=True)]) \
                    and self.same(x, y)
            case RecordT(name=x_name), RecordT(name=y_name):
                return x_name == y_name
            case _:
                return a == b

    def fill(self, hole: Type, t: Type) -> bool:
        assert isinstance(hole, VarT)
        if hole == t:
            return True
        if isinstance(t, FnT) or self.occurs(hole, t):
            return False
        self.filled[hole.name] = t
        return True

    def occurs(self, hole: Type, t: Type) -> bool:
        t = self.top(t)
        match t:
            case VarT():
                return t == hole
            case ListT(element=element):
                return element is not None and self.occurs(hole, element)
            case TupleT(items=items):
                return any(self.occurs(hole, i) for i in items)
            case FnT(params=params, result=result):
                return any(self.occurs(hole, i) for i in (*params, result))
            case _:
                return False
