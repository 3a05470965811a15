"""Which values no arm of a `match` takes, and which arms take none.

In: the arms' patterns as `Shape`s, and the type of what is matched. Out: patterns of values that are left over, and
the positions of arms that can never be reached. After Maranget, "Warnings for pattern matching" (2007); the
constructors of a list are its lengths up to the longest pattern, and "longer". The search is exponential in the worst
case, so it has a budget; `TooComplex` says that it ran out.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from .types import BOOL, BoolT, EnumT, ListT, TupleT, Type

__all__ = ["Items", "Listed", "Shape", "TooComplex", "Value", "missing", "show_shape", "unreachable"]


@dataclass(frozen=True, slots=True)
class Value:
    """A literal, or a constant of an enum by name."""
    value: int | Fraction | bool | str


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple."""
    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of just these items or, if `more`, a longer one too."""
    items: tuple[Shape, ...]
    more: bool


Shape: TypeAlias = Value | Items | Listed | None
"""None fits everything."""

_Row = tuple[Shape, ...]
_MOST = 4


class TooComplex(Exception):
    """The budget is spent."""


class _Budget:
    def __init__(self) -> None:
        self.left = 100_000

    def spend(self, n: int) -> None:
        self.left -= 1 + n
        if self.left < 0:
            raise TooComplex


def missing(arms: Sequence[Shape], t: Type) -> list[Shape]:
    """Shapes of values that no arm takes, at most four. Raises TooComplex."""
    if any(a is None for a in arms):
        return []
    budget = _Budget()
    rows: list[_Row] = [(a,) for a in arms]
    found: list[Shape] = []
    while len(found) < _MOST:
        left = _left_over(rows, (t,), budget)
        if left is None:
            break
        found.append(left[0])
        rows.append(left)
    return found


def unreachable(arms: Sequence[Shape], t: Type) -> list[int]:
    """Positions of the arms whose values earlier arms take. Raises TooComplex."""
    budget = _Budget()
    out = []
    seen: set[Shape] = set()
    for i, arm in enumerate(arms):
        if arm in seen or None in seen:
            out.append(i)
            continue
        # a literal or constant is covered by itself or by a pattern for everything alone, and both were looked for
        if not isinstance(arm, Value) and not _useful([(a,) for a in arms[:i]], (arm,), (t,), budget):
            out.append(i)
        seen.add(arm)
    return out


def _constructors(column: Sequence[Shape], t: Type) -> list[Shape]:
    """Shapes that together fit every value of the type, and no value twice; None is all literals that are not named."""
    if isinstance(t, EnumT):
        return [Value(c) for c in t.constants]
    if isinstance(t, BoolT):
        return [Value(True), Value(False)]
    if isinstance(t, TupleT):
        return [Items((None,) * len(t.items))]
    if isinstance(t, ListT):
        longest = max((len(c.items) for c in column if isinstance(c, Listed)), default=0)
        return [*(Listed((None,) * k, False) for k in range(longest + 1)), Listed((None,) * (longest + 1), True)]
    return [*dict.fromkeys(c for c in column if isinstance(c, Value)), None]


def _within(head: Shape, constructor: Shape) -> tuple[Shape, ...] | None:
    """The head's parts if it fits values of the constructor, else None."""
    match constructor:
        case None:
            return () if head is None else None
        case Value():
            return () if head is None or head == constructor else None
        case Items(items=items):
            return head.items if isinstance(head, Items) else (None,) * len(items) if head is None else None
        case Listed(items=items, more=more):
            if head is None:
                return (None,) * len(items)
            if not isinstance(head, Listed) or len(head.items) > len(items):
                return None
            if head.more or (not more and len(head.items) == len(items)):
                return head.items + (None,) * (len(items) - len(head.items))
            return None


def _part_types(constructor: Shape, t: Type) -> tuple[Type, ...]:
    match constructor, t:
        case Items(), TupleT(items=items):
            return items
        case Listed(items=parts), ListT(element=element):
            return (element or BOOL,) * len(parts)
        case _:
            return ()


def _rebuild(constructor: Shape, parts: tuple[Shape, ...]) -> Shape:
    match constructor:
        case Items():
            return Items(parts)
        case Listed(more=more):
            return Listed(parts, more)
        case _:
            return constructor


def _fitting(rows: list[_Row]) -> Callable[[Shape], list[_Row]]:
    """For a constructor the rows whose first column fits it, taken apart. Constants are looked up, not compared."""
    everything: list[_Row] = []
    named: dict[Shape, list[_Row]] = {}
    others: list[_Row] = []
    for r in rows:
        if r[0] is None:
            everything.append(r)
        elif isinstance(r[0], Value):
            named.setdefault(r[0], []).append(r)
        else:
            others.append(r)

    def of(constructor: Shape) -> list[_Row]:
        if constructor is None or isinstance(constructor, Value):
            return [r[1:] for r in (*named.get(constructor, ()), *everything)]
        return [(*inside, *r[1:]) for r in (*others, *everything) if (inside := _within(r[0], constructor)) is not None]

    return of


def _left_over(rows: list[_Row], types: tuple[Type, ...], budget: _Budget) -> _Row | None:
    budget.spend(len(rows) if len(types) > 1 else 0)
    if not types:
        return None if rows else ()
    column = [r[0] for r in rows]
    if all(c is None for c in column):
        left = _left_over([r[1:] for r in rows], types[1:], budget)
        return None if left is None else (None, *left)
    fitting = _fitting(rows)
    for constructor in _constructors(column, types[0]):
        parts = _part_types(constructor, types[0])
        inner = fitting(constructor)
        left = _left_over(inner, (*parts, *types[1:]), budget)
        if left is not None:
            return (_rebuild(constructor, left[:len(parts)]), *left[len(parts):])
    return None


def _useful(rows: list[_Row], row: _Row, types: tuple[Type, ...], budget: _Budget) -> bool:
    budget.spend(len(rows) if len(types) > 1 else 0)
    if not types:
        return not rows
    column = [r[0] for r in rows]
    if row[0] is None and all(c is None for c in column):
        return _useful([r[1:] for r in rows], row[1:], types[1:], budget)
    fitting = _fitting(rows)
    for constructor in _constructors([*column, row[0]], types[0]):
        own = _within(row[0], constructor)
        if own is None:
            continue
        inner = fitting(constructor)
        if _useful(inner, (*own, *row[1:]), (*_part_types(constructor, types[0]), *types[1:]), budget):
            return True
    return False


def show_shape(shape: Shape, t: Type) -> str:
    """As a user writes the pattern."""
    match shape:
        case None:
            return "_"
        case Value(value=bool() as value):
            return "true" if value else "false"
        case Value(value=str() as value) if not isinstance(t, EnumT):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        case Value(value=value):
            return str(value)
        case Items(items=items):
            types = t.items if isinstance(t, TupleT) else (BOOL,) * len(items)
            return f"({', '.join(show_shape(i, u) for i, u in zip(items, types, strict=True))})"
        case Listed(items=items, more=more):
            element = (t.element if isinstance(t, ListT) else None) or BOOL
            return f"[{', '.join([*(show_shape(i, element) for i in items), *(['..'] if more else [])])}]"
