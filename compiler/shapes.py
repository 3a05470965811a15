"""Declared shapes and abstract values: one from the other, and the sizes of a value in a fixed order.

In: shapes of declarations with extents, abstract values. Out: values with a size for every extent, lists of sizes
in the order of the extents (from the outside in), size variables bound by arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Sequenced

from . import core
from .costs import Spreading
from .expr import FALSE, INF, NEG_INF, ZERO, Expr, Fn, max_, min_
from .values import (
    ANY,
    Group,
    Items,
    Label,
    Num,
    Size,
    Str,
    Truth,
    Value,
    between,
    exact,
    interval,
    list_of,
    primary,
    spread_total,
)

__all__ = [
    "at_least_zero",
    "bound_sizes",
    "extent_size",
    "fill",
    "from_shape",
    "has_unknown",
    "joined_template",
    "largest",
    "largest_size",
    "leaves_of",
    "mapped_total",
    "mean_of",
    "outer_sizes",
    "with_primary",
    "with_shape",
    "with_template",
]


def from_shape(shape: core.Shape, leaf: Callable[[core.Extent, bool], Size]) -> Value:
    """A value of a declared shape; `leaf` gives the size for each extent, from the outside in."""
    match shape:
        case core.TextShape(tokens=e):
            return Str(leaf(e, False))
        case core.IntShape(value=e):
            return Num(leaf(e, True))
        case core.FloatShape():
            return Num(leaf(core.Extent(None, None, None), True))
        case core.BoolShape():
            return Truth(FALSE, FALSE)
        case core.EnumShape():
            return Label()
        case core.ListShape(element=element, length=e):
            length = leaf(e, False)
            return list_of(length, from_shape(element, leaf))
        case core.TupleShape(items=items):
            return Group(tuple(from_shape(i, leaf) for i in items))
        case core.RecordShape(fields=fields):
            return Group(tuple(from_shape(s, leaf) for _, s in fields))


def with_shape(v: Value, shape: core.Shape) -> Value:
    """A value that has an element wherever its shape has one (an empty list has elements of size 0)."""
    match v, shape:
        case Items(), core.ListShape(element=e):
            element = with_shape(v.element, e) if v.element is not None else _nothing(e)
            return Items(v.length, v.parts, element, v.total)
        case Group(fields=fields), core.TupleShape(items=items):
            return Group(tuple(with_shape(f, s) for f, s in zip(fields, items, strict=True)))
        case Group(fields=fields), core.RecordShape(fields=declared):
            return Group(tuple(with_shape(f, s) for f, (_, s) in zip(fields, declared, strict=True)))
        case _:
            return v


def _nothing(shape: core.Shape) -> Value:
    """The element of a list that has none: the neutral value of the hull, a size that nothing exceeds or undercuts."""
    return from_shape(shape, lambda e, n: Size(INF, NEG_INF if n else ZERO, None))


def leaves_of(v: Value, totals: bool = False) -> list[Size]:
    """The sizes of a value in the order of `from_shape`; with `totals` also the totals of lists of texts."""
    match v:
        case Str(tokens=s) | Num(size=s):
            return [s]
        case Group(fields=fields):
            return [s for f in fields for s in leaves_of(f, totals)]
        case Items():
            out = [v.length]
            if v.element is not None:
                out.extend(leaves_of(v.element, totals))
            if totals and isinstance(v.element, Str):
                total = spread_total(v)
                assert total is not None
                out.append(total)
            return out
        case _:
            return []


def fill(v: Value, sizes: Iterator[Size], totals: bool = False) -> Value:
    """The value with other sizes, in the order of `leaves_of`."""

    match v:
        case Str():
            return Str(next(sizes))
        case Num():
            return Num(next(sizes))
        case Group(fields=fields):
            return Group(tuple(fill(f, sizes, totals) for f in fields))
        case Items():
            length = next(sizes)
            element = None if v.element is None else fill(v.element, sizes, totals)
            total = next(sizes) if totals and isinstance(element, Str) else None
            return list_of(length, element, total)
        case Truth():
            return Truth(FALSE, FALSE)
        case _:
            return v


def joined_template(a: Value, b: Value) -> Value:
    """The structure that both have (an empty list takes the other's elements)."""
    match a, b:
        case Items(), Items():
            if a.element is None or b.element is None:
                element = b.element if a.element is None else a.element
            else:
                element = joined_template(a.element, b.element)
            return Items(a.length, None, element, None)
        case Group(fields=f), Group(fields=g):
            return Group(tuple(joined_template(x, y) for x, y in zip(f, g, strict=True)))
        case _:
            return a


def with_template(v: Value, template: Value) -> Value:
    match v, template:
        case Items(), Items():
            if template.element is None:
                return v
            if v.element is None:
                return Items(v.length, v.parts, _zero_value(template.element), exact(0))
            return Items(v.length, v.parts, with_template(v.element, template.element), v.total)
        case Group(fields=f), Group(fields=g):
            return Group(tuple(with_template(x, y) for x, y in zip(f, g, strict=True)))
        case _:
            return v


def _zero_value(v: Value) -> Value:
    match v:
        case Str():
            return Str(exact(0))
        case Num():
            return Num(exact(0))
        case Group(fields=fields):
            return Group(tuple(_zero_value(f) for f in fields))
        case Items():
            return Items(exact(0), (), None if v.element is None else _zero_value(v.element), exact(0))
        case _:
            return v


def with_primary(v: Value, size: Size) -> Value:
    match v:
        case Str():
            return Str(size)
        case Items():
            return list_of(size, v.element)
        case _:
            return v


def mapped_total(value: Value, var: str, over: Spreading) -> Size | None:
    """The total of the sizes of the results of a loop, where they are affine in the elements' sizes."""
    size = primary(value)
    if size is None:
        return None

    def total(e: Expr, count: Expr, whole: Expr) -> Expr | None:
        if e.infinite or count.infinite or whole.infinite:
            return None
        c = e.coefficients(var)
        if c is None or not set(c) <= {0, 1}:
            return None
        return c.get(0, ZERO) * count + c.get(1, ZERO) * whole

    lo = total(size.lo, over.count.lo, over.total.lo)
    hi = total(size.hi, over.count.hi, over.total.hi)
    if lo is None or hi is None:
        return None
    mean = None
    if size.mean is not None and over.count.mean is not None and over.total.mean is not None:
        mean = total(size.mean, over.count.mean, over.total.mean)
    return Size(lo, hi, mean)


def extent_size(e: core.Extent, ranges: Mapping[str, tuple[Expr, Expr]], is_number: bool, model: bool) -> Size:
    """The size of an answer (`model`) or of a tool's result by its declaration."""
    if e.high is None:
        return ANY if is_number else at_least_zero()
    high = interval(e.high, ranges)[1]
    if e.low is not None:
        low = interval(e.low, ranges)[0]
        return between(min_(low, high) if low != high else low, high)
    return between(NEG_INF, high) if is_number else between(ZERO, high)


def at_least_zero() -> Size:
    return between(ZERO, INF)


def bound_sizes(params: Sequenced[core.Param], values: Sequenced[Value]) -> dict[str, Size]:
    """The size variables of a declaration at these arguments; a name in several places is the largest."""
    found: dict[str, list[Size]] = {}

    def visit(shape: core.Shape, v: Value) -> None:
        match shape, v:
            case core.TextShape(tokens=e), Str(tokens=s):
                if e.var is not None:
                    found.setdefault(e.var, []).append(s)
            case core.IntShape(value=e), Num(size=s):
                if e.var is not None:
                    found.setdefault(e.var, []).append(s)
            case core.ListShape(element=element, length=e), Items():
                if e.var is not None:
                    found.setdefault(e.var, []).append(v.length)
                if v.element is not None:
                    visit(element, v.element)
                else:
                    visit(element, from_shape(element, lambda x, n: exact(0)))
            case core.TupleShape(items=items), Group(fields=fields):
                for i, f in zip(items, fields, strict=True):
                    visit(i, f)
            case core.RecordShape(fields=declared), Group(fields=fields):
                for (_, i), f in zip(declared, fields, strict=True):
                    visit(i, f)
            case _:
                pass

    for p, v in zip(params, values, strict=True):
        visit(p.shape, v)
    return {n: s[0] if len(s) == 1 else largest_size(s) for n, s in found.items()}


def outer_sizes(shape: core.Shape, v: Value) -> Iterator[tuple[core.Extent, Size]]:
    """What is declared of the sizes of a value, and these, but for what is in its lists: they may be empty."""
    match shape, v:
        case (core.TextShape(tokens=e), Str(tokens=s)) | (core.IntShape(value=e), Num(size=s)):
            yield e, s
        case core.ListShape(length=e), Items(length=s):
            yield e, s
        case core.TupleShape(items=shapes), Group(fields=fields):
            for i, f in zip(shapes, fields, strict=True):
                yield from outer_sizes(i, f)
        case core.RecordShape(fields=declared), Group(fields=fields):
            for (_, i), f in zip(declared, fields, strict=True):
                yield from outer_sizes(i, f)
        case _:
            pass


def largest_size(sizes: list[Size]) -> Size:
    lo, hi = max_(*(s.lo for s in sizes)), max_(*(s.hi for s in sizes))
    return exact(lo) if lo == hi else between(lo, hi)


def largest(e: Expr, table: Mapping[str, Size]) -> Expr:
    return interval(e, {n: (s.lo, s.hi) for n, s in table.items()})[1]


def mean_of(e: Expr, table: Mapping[str, Size]) -> Expr | None:
    """The mean of an expression that is affine in every size that is not exact."""
    values: dict[str, Expr] = {}
    for n in e.free:
        s = table.get(n)
        if s is None:
            continue
        if s.mean is None:
            return None
        if not s.exact:
            c = e.coefficients(n)
            if c is None or not set(c) <= {0, 1}:
                return None
        values[n] = s.mean
    return e.subs(values)


def has_unknown(e: Expr) -> bool:
    return any(isinstance(a, Fn) and a.op == "call" and a.name.startswith("size_") for a in e.atoms())
