"""Abstract values: what the analysis knows of a value, its sizes from below and above.

A `Size` is a pair of bounds with a mean where it is known. A text is its tokens; a list its length, its elements
and, for lists of texts or lists, the total of their sizes, so that `join(split(t, k), "")` has the size of t.
Where the length of a list is known exactly, its `parts` tell the elements by their index, so that the inner loop of
`for (i, a) in enumerate(xs) { for b in drop(xs, i + 1) { ... } }` is summed exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..lang.record import record
from .expr import (
    FALSE,
    INF,
    NEG_INF,
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    Fn,
    Sym,
    as_number,
    expr,
    floor,
    is_nonneg,
    log,
    max_,
    min_,
    negate,
    piecewise,
    power,
)

__all__ = [
    "ANY",
    "Group",
    "Items",
    "Label",
    "Num",
    "Part",
    "Size",
    "Str",
    "Truth",
    "Value",
    "all_known",
    "at_most",
    "between",
    "exact",
    "fixed_value",
    "hull",
    "hull_size",
    "interval",
    "list_of",
    "map_sizes",
    "scale",
    "select",
    "spread_total",
    "subs_value",
    "token_count",
]


@record
class Size:
    """Bounds of an integer (or of a number), and its mean where that is known exactly."""

    lo: Expr
    hi: Expr
    mean: Expr | None

    @property
    def exact(self) -> bool:
        return self.lo == self.hi

    def __add__(self, other: Size) -> Size:
        return Size(
            self.lo + other.lo,
            self.hi + other.hi,
            None if self.mean is None or other.mean is None else self.mean + other.mean,
        )

    def __sub__(self, other: Size) -> Size:
        return Size(
            self.lo - other.hi,
            self.hi - other.lo,
            None if self.mean is None or other.mean is None else self.mean - other.mean,
        )

    def subs(self, table: Mapping[str, Expr]) -> Size:
        return Size(self.lo.subs(table), self.hi.subs(table), None if self.mean is None else self.mean.subs(table))


def exact(e: Expr | int) -> Size:
    """A size that is known."""
    e = expr(e)
    return Size(e, e, e)


def between(lo: Expr | int, hi: Expr | int, mean: Expr | None = None) -> Size:
    lo, hi = expr(lo), expr(hi)
    return Size(lo, hi, lo if lo == hi else mean)


ANY = Size(NEG_INF, INF, None)


def at_most(hi: Expr | int) -> Size:
    return between(0, hi)


def hull_size(*sizes: Size) -> Size:
    """The smallest interval that holds all of them."""
    first = sizes[0]
    if all(s == first for s in sizes):
        return first
    return between(min_(*(s.lo for s in sizes)), max_(*(s.hi for s in sizes)))


def scale(count: Size, size: Size) -> Size:
    """count things of this size (both not negative)."""
    mean = None
    if count.mean is not None and size.mean is not None and (count.exact or size.exact):
        mean = count.mean * size.mean
    return Size(count.lo * size.lo, count.hi * size.hi, mean)


# ---------------------------------------------------------------- values


@record
class Num:
    """An Int or a Float."""

    size: Size


@record
class Truth:
    """Certainly true where `yes` holds, certainly false where `no` holds, otherwise undecided."""

    yes: Cond
    no: Cond


@record
class Label:
    """An enum constant."""


@record
class Str:
    tokens: Size


@record
class Part:
    """`count` elements; the element at position `index` (0 .. count-1) is `value`, over that symbol."""

    count: Expr
    index: str
    value: Value


@record
class Items:
    """A list. `parts` (where the length is exact) in order, else None; `element` is None if there can be none."""

    length: Size
    parts: tuple[Part, ...] | None
    element: Value | None
    total: Size | None


@record
class Group:
    """A tuple or record."""

    fields: tuple[Value, ...]


Value = Num | Truth | Label | Str | Items | Group


def all_known(v: Value) -> bool:
    """Whether every size in a value is exact, and what is true is decided by sizes."""
    match v:
        case Num(size=s) | Str(tokens=s):
            return s.exact
        case Truth(yes=yes, no=no):
            return no == negate(yes)
        case Label():
            return True
        case Group(fields=fields):
            return all(all_known(f) for f in fields)
        case Items(length=n, parts=parts):
            return n.exact and parts is not None and all(all_known(p.value) for p in parts)


def primary(v: Value) -> Size | None:
    """The one size of a text or a list."""
    match v:
        case Str(tokens=t):
            return t
        case Items(length=n):
            return n
        case _:
            return None


def list_of(length: Size, element: Value | None, total: Size | None = None, index: str = "j") -> Items:
    """A list of like elements."""
    parts = None
    if length.exact:
        parts = (Part(length.lo, index, element),) if element is not None else ()
    return Items(length, parts, element, total)


def list_of_parts(parts: Iterable[Part], total: Size | None = None) -> Items:
    """A list whose elements are told part by part."""
    kept = tuple(p for p in parts if p.count != ZERO)
    length = sum((p.count for p in kept), ZERO)
    element: Value | None = None
    for p in kept:
        v = element_of_part(p)
        element = v if element is None else hull(element, v)
    return Items(exact(length), kept, element, total)


def element_of_part(p: Part) -> Value:
    return eliminate(p.value, {p.index: (ZERO, max_(p.count - 1, ZERO))})


def spread_total(v: Items) -> Size | None:
    """The total of the sizes of the elements of a list of texts or lists."""
    if v.total is not None:
        return v.total
    if v.parts is not None:
        from .expr import sum_

        lo, hi, mean = ZERO, ZERO, ZERO
        known = True
        for p in v.parts:
            size = primary(p.value)
            if size is None:
                return None
            lo = lo + sum_(size.lo, p.index, ZERO, p.count - 1)
            hi = hi + sum_(size.hi, p.index, ZERO, p.count - 1)
            known = known and size.mean is not None
            if size.mean is not None:
                mean = mean + sum_(size.mean, p.index, ZERO, p.count - 1)
        return Size(lo, hi, mean if known else None)
    if v.element is None:
        return exact(0)
    size = primary(v.element)
    return None if size is None else scale(v.length, size)


# ---------------------------------------------------------------- joins


def hull(a: Value, b: Value) -> Value:
    """What is known of a value that is one of the two."""
    if a == b:
        return a
    match a, b:
        case Num(size=x), Num(size=y):
            return Num(hull_size(x, y))
        case Str(tokens=x), Str(tokens=y):
            return Str(hull_size(x, y))
        case Truth(), Truth():
            return Truth(FALSE, FALSE)
        case Label(), Label():
            return a
        case Group(fields=f), Group(fields=g):
            return Group(tuple(hull(x, y) for x, y in zip(f, g, strict=True)))
        case Items(), Items():
            return _hull_lists(a, b)
        case _:
            raise TypeError(f"no hull of {type(a).__name__} and {type(b).__name__}")


def _hull_lists(a: Items, b: Items) -> Items:
    length = hull_size(a.length, b.length)
    if a.element is None or b.element is None:
        element = a.element if b.element is None else b.element
    else:
        element = hull(a.element, b.element)
    ta, tb = spread_total(a), spread_total(b)
    total = hull_size(ta, tb) if ta is not None and tb is not None else None
    if length.exact and element is not None:
        if a.parts is not None and b.parts is not None and len(a.parts) == len(b.parts) == 1:
            p, q = a.parts[0], b.parts[0]
            if p.index == q.index:
                return Items(length, (Part(p.count, p.index, hull(p.value, q.value)),), element, total)
        return Items(length, (Part(length.lo, "j", element),), element, total)
    return Items(length, None if not length.exact else (), element, total)


def select(cases: list[tuple[Cond, Value]]) -> Value:
    """A value decided by conditions on sizes, tried in order (the last one is true)."""
    first = cases[0][1]
    if all(v == first for _, v in cases):
        return first

    def sizes(get: Callable[[Value], Size]) -> Size:
        parts = [(c, get(v)) for c, v in cases]
        lo = (
            piecewise(*((s.lo, c) for c, s in parts))
            if not any(s.lo.infinite for _, s in parts)
            else min_(*(s.lo for _, s in parts))
        )
        hi = piecewise(*((s.hi, c) for c, s in parts)) if not any(s.hi.infinite for _, s in parts) else INF
        means = [s.mean for _, s in parts]
        mean = None
        if all(m is not None for m in means):
            mean = piecewise(*((s.mean, c) for c, s in parts if s.mean is not None))
        return Size(lo, hi, mean if lo != hi else lo)

    match first:
        case Num():
            return Num(sizes(lambda v: v.size))  # type: ignore[union-attr]
        case Str():
            return Str(sizes(lambda v: v.tokens))  # type: ignore[union-attr]
        case Group():
            fields = [tuple(v.fields) for _, v in cases]  # type: ignore[union-attr]
            return Group(
                tuple(
                    select([(c, f[i]) for (c, _), f in zip(cases, fields, strict=True)])
                    for i in range(len(first.fields))
                )
            )
        case Truth():
            yes = [(c, v) for c, v in cases if isinstance(v, Truth)]
            from .expr import conj, disj, negate

            before: Cond = TRUE
            on: list[Cond] = []
            off: list[Cond] = []
            for c, t in yes:
                on.append(conj(before, c, t.yes))
                off.append(conj(before, c, t.no))
                before = conj(before, negate(c))
            return Truth(disj(*on), disj(*off))
        case Items():
            lists = [(c, v) for c, v in cases if isinstance(v, Items)]
            length = sizes(lambda v: v.length)  # type: ignore[union-attr]
            element: Value | None = None
            for _, v in lists:
                if v.element is not None:
                    element = v.element if element is None else hull(element, v.element)
            totals = [spread_total(v) for _, v in lists]
            total = None
            if all(t is not None for t in totals):
                table = dict(zip([id(v) for _, v in lists], totals, strict=True))
                total = sizes(lambda v: table[id(v)])  # type: ignore[arg-type, return-value]
            return Items(length, list_of(length, element).parts, element, total)
        case _:
            return first


# ---------------------------------------------------------------- substitution and elimination


def map_sizes(v: Value, f: Callable[[Size], Size], g: Callable[[Cond], Cond], h: Callable[[Expr], Expr]) -> Value:
    """f on sizes, g on conditions, h on counts of parts."""
    match v:
        case Num(size=s):
            return Num(f(s))
        case Str(tokens=s):
            return Str(f(s))
        case Truth(yes=y, no=n):
            return Truth(g(y), g(n))
        case Label():
            return v
        case Group(fields=fields):
            return Group(tuple(map_sizes(x, f, g, h) for x in fields))
        case Items():
            parts = None
            if v.parts is not None:
                parts = tuple(Part(h(p.count), p.index, map_sizes(p.value, f, g, h)) for p in v.parts)
            return Items(
                f(v.length),
                parts,
                None if v.element is None else map_sizes(v.element, f, g, h),
                None if v.total is None else f(v.total),
            )


def subs_value(v: Value, table: Mapping[str, Expr]) -> Value:
    """Substitution for free symbols. Index symbols of parts are never among them: the analysis keeps them apart."""
    if not table:
        return v
    if any(e.infinite for e in table.values()):
        return map_sizes(
            v,
            lambda s: Size(s.lo.subs(table), s.hi.subs(table), None),
            lambda c: c.subs(table),
            lambda e: e.subs(table),
        )
    return map_sizes(v, lambda s: s.subs(table), lambda c: c.subs(table), lambda e: e.subs(table))


def eliminate(v: Value, ranges: Mapping[str, tuple[Expr, Expr]]) -> Value:
    """Forgets symbols of which only a range is known."""
    names = set(ranges)

    def size(s: Size) -> Size:
        if not (names & s.lo.free or names & s.hi.free):
            return s if s.mean is None or not names & s.mean.free else replace(s, mean=None)
        return between(interval(s.lo, ranges)[0], interval(s.hi, ranges)[1])

    def cond(c: Cond) -> Cond:
        return FALSE if names & c.free else c

    match v:
        case Items():
            if any(names & p.count.free for p in v.parts or ()):
                length = size(v.length)
                element = None if v.element is None else eliminate(v.element, ranges)
                total = spread_total(v)
                return Items(
                    length,
                    list_of(length, element).parts if length.exact else None,
                    element,
                    None if total is None else size(total),
                )
            return Items(
                size(v.length),
                None if v.parts is None else tuple(Part(p.count, p.index, eliminate(p.value, ranges)) for p in v.parts),
                None if v.element is None else eliminate(v.element, ranges),
                None if v.total is None else size(v.total),
            )
        case Group(fields=fields):
            return Group(tuple(eliminate(x, ranges) for x in fields))
        case _:
            return map_sizes(v, size, cond, lambda e: e)


def interval(e: Expr, ranges: Mapping[str, tuple[Expr, Expr]]) -> tuple[Expr, Expr]:
    """Bounds of an expression when some of its symbols are only known to lie in ranges.

    Interval arithmetic term by term; exact where every term moves the same way.
    """
    inside = {n: ranges[n] for n in e.free if n in ranges}
    if not inside:
        return e, e
    if all(x == y for x, y in inside.values()):
        known = e.subs({n: x for n, (x, _) in inside.items()})
        return known, known
    lo = hi = ZERO
    for m, c in e.terms.items():
        a, b = ONE, ONE
        outside = ONE
        for atom, k in m:
            factor = Expr({((atom, 1),): 1})
            if not any(n in ranges for n in factor.free):
                outside = outside * power(factor, k)
                continue
            x, y = _atom_interval(atom, ranges)
            if k != 1:
                x, y = _power_interval(x, y, k)
            a, b = _product(a, b, x, y)
        a, b = _product(a, b, outside, outside)
        if c < 0:
            a, b = b, a
        lo, hi = lo + a * c, hi + b * c
    return lo, hi


def _product(a: Expr, b: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    if is_nonneg(a) and is_nonneg(x):
        return a * x, b * y
    if a == b and x == y:
        return a * x, a * x
    if a == b and is_nonneg(a):
        return a * x, a * y
    if x == y and is_nonneg(x):
        return a * x, b * x
    if any(z.infinite for z in (a, b, x, y)):
        return NEG_INF, INF
    ends = (a * x, a * y, b * x, b * y)
    return min_(*ends), max_(*ends)


def _power_interval(x: Expr, y: Expr, k: object) -> tuple[Expr, Expr]:
    assert not isinstance(k, str)
    if is_nonneg(x):
        if k > 0:  # type: ignore[operator]
            return power(x, k), power(y, k)  # type: ignore[arg-type]
        if is_nonneg(x - 1):
            return power(y, k), power(x, k)  # type: ignore[arg-type]
    return NEG_INF, INF


def _atom_interval(atom: Sym | Fn, ranges: Mapping[str, tuple[Expr, Expr]]) -> tuple[Expr, Expr]:
    if isinstance(atom, Sym):
        return ranges[atom.name]
    parts = [interval(x, ranges) for x in atom.args]
    match atom.op:
        case "floor":
            return floor(parts[0][0]), floor(parts[0][1])
        case "max":
            return max_(*(p[0] for p in parts)), max_(*(p[1] for p in parts))
        case "min":
            return min_(*(p[0] for p in parts)), min_(*(p[1] for p in parts))
        case "log" if is_nonneg(parts[0][0] - 1):
            base = as_number(atom.args[1])
            return (log(parts[0][0], base), INF if parts[0][1].infinite else log(parts[0][1], base))
        case "pow" if parts[0][0] == parts[0][1] and is_nonneg(parts[0][0] - 1):
            return power(parts[0][0], parts[1][0]), power(parts[0][0], parts[1][1])
        case "piecewise":
            return min_(*(p[0] for p in parts)), max_(*(p[1] for p in parts))
        case _:
            whole = Expr({((atom, 1),): 1})
            return (ZERO if is_nonneg(whole) else NEG_INF), INF


def fixed_value(v: Value) -> bool:
    """Whether every size in it is exact."""
    match v:
        case Num(size=s) | Str(tokens=s):
            return s.exact
        case Truth(yes=y, no=n):
            from .expr import negate

            return n == negate(y)
        case Label():
            return True
        case Group(fields=fields):
            return all(fixed_value(f) for f in fields)
        case Items(length=n, element=e):
            return n.exact and (e is None or fixed_value(e))


def token_count(v: Value) -> Size:
    """Tokens of a value in a prompt or answer (reference, section 3)."""
    match v:
        case Str(tokens=t):
            return t
        case Num() | Truth() | Label():
            return between(1, 8)
        case Group(fields=fields):
            total = exact(2)
            for f in fields:
                total = total + token_count(f) + exact(3)
            return total
        case Items():
            if (v.parts is not None and len(v.parts) == 1 and isinstance(v.parts[0].value, Str)) or v.total is not None:
                total_size = spread_total(v)
                if total_size is not None and (isinstance(v.element, Str) or v.element is None):
                    return total_size + scale(v.length, exact(2))
            if v.parts is not None:
                from .expr import sum_

                lo, hi, mean = ZERO, ZERO, ZERO
                known = True
                for p in v.parts:
                    one = token_count(p.value) + exact(2)
                    lo = lo + sum_(one.lo, p.index, ZERO, p.count - 1)
                    hi = hi + sum_(one.hi, p.index, ZERO, p.count - 1)
                    known = known and one.mean is not None
                    if one.mean is not None:
                        mean = mean + sum_(one.mean, p.index, ZERO, p.count - 1)
                return Size(lo, hi, mean if known else None)
            if v.element is None:
                return exact(0)
            return scale(v.length, token_count(v.element) + exact(2))


def decided(c: Cond) -> bool | None:
    """True, False, or None for a condition that depends on sizes."""
    return True if c == TRUE else False if c == FALSE else None
