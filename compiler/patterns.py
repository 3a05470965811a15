"""How a function is called: which of its sizes are known exactly, which as an interval.

In: a function and abstract arguments. Out: the pattern (the key of a variant), symbols for the sizes, the arguments for
these symbols, and what is assumed of them. Also the symbols of tunable `param`s and of an entry's sizes.
"""

from __future__ import annotations

from collections.abc import Callable

from . import core
from .expr import FALSE, INF, NEG_INF, TRUE, ZERO, Cond, Expr, ge, le, max_, min_, num, sym
from .shapes import from_shape, largest_size
from .values import ANY, Group, Items, Num, Size, Str, Truth, Value, between, exact, list_of, primary, spread_total

__all__ = ["Binder", "symbolic", "tunable_facts", "tunable_symbol"]


def symbolic(shape: core.Shape, inexact: set[str]) -> Value:
    """An argument of an entry: every size is its symbol."""

    def leaf(e: core.Extent, is_number: bool) -> Size:
        if e.var is None:
            return ANY  # a Float has no size
        kind = "int" if is_number else "size"
        if e.var in inexact:
            return Size(sym(f"{e.var}_min", kind), sym(f"{e.var}_max", kind), None)
        return exact(sym(e.var, kind))

    return from_shape(shape, leaf)


class Binder:
    """Gives a function's parameters their symbols for one pattern of arguments.

    `tight` writes an argument's size simply, by what is known at the call; None for an entry, whose sizes are what they
    are named.
    """

    def __init__(self, f: core.Function, tight: Callable[[Expr], Expr] | None) -> None:
        self._tight = tight
        self._declared: set[str] = set()
        for p in f.params:
            from_shape(p.shape, self._name)
        self.pattern: list[object] = []
        self.names: list[str] = []
        self.kinds: list[str] = []
        self.args: list[Expr] = []
        self.facts: list[Cond] = []
        self._bound: dict[str, list[tuple[Size, Size]]] = {}
        self._taken: set[str] = set()

    def bind(self, shape: core.Shape, v: Value, name: str) -> Value:
        match shape, v:
            case core.TextShape(tokens=e), Str(tokens=s):
                return Str(self._leaf(e, s, "size", name))
            case core.IntShape(value=e), Num(size=s):
                return Num(self._leaf(e, s, "int", name))
            case core.FloatShape(), Num(size=s):
                return Num(self._leaf(core.Extent(None, None, None), s, "real", name))
            case core.BoolShape(), Truth():
                known = True if v.yes == TRUE else False if v.no == TRUE else None
                self.pattern.append(("bool", known))
                return v if known is not None else Truth(FALSE, FALSE)
            case core.ListShape(element=element, length=e), Items():
                length = self._leaf(e, v.length, "size", name)
                if v.element is None:
                    self.pattern.append("empty")
                    self._skip(element)
                    # of what has no elements nothing is known but that: what is done with an element is never reached
                    self.facts.append(le(length.hi, ZERO))
                    return Items(exact(0), (), None, exact(0))
                inner = self.bind(element, v.element, name)
                size = primary(inner)
                total: Size | None = None
                known_total = spread_total(v) if size is not None and not size.exact else None
                given = primary(v.element)
                product = None if given is None else (v.length.lo * given.lo, v.length.hi * given.hi)
                if known_total is not None and (known_total.lo, known_total.hi) != product:
                    total = self._leaf(core.Extent(None, None, None), known_total, "size", f"total_{name}")
                else:
                    self.pattern.append("-")
                return list_of(length, inner, total)
            case core.TupleShape(items=items), Group(fields=fields):
                return Group(tuple(self.bind(i, f, name) for i, f in zip(items, fields, strict=True)))
            case core.RecordShape(fields=declared), Group(fields=fields):
                return Group(tuple(self.bind(i, f, name) for (_, i), f in zip(declared, fields, strict=True)))
            case _:
                return v

    def _skip(self, shape: core.Shape) -> None:
        """Sizes of elements that are not there: 0."""

        def leaf(e: core.Extent, is_number: bool) -> Size:
            if e.var is not None:
                self._bound.setdefault(e.var, []).append((exact(0), exact(0)))
            return exact(0)

        from_shape(shape, leaf)

    def _leaf(self, e: core.Extent, s: Size, kind: str, name: str) -> Size:
        stem = e.var if e.var is not None else name
        s = self._kept(e, s)
        earlier = self._bound.get(stem, []) if e.var is not None else []
        for given, symbol in earlier:
            if given == s and s.exact:
                self.pattern.append(("same", len(self._bound)))
                return symbol
        if s.exact and not s.lo.infinite:
            self.pattern.append("exact")
            symbol = exact(self._new(stem, kind, s.lo))
        else:
            lo = NEG_INF if s.lo.infinite else self._new(f"{stem}_min", kind, s.lo)
            hi = INF if s.hi.infinite else self._new(f"{stem}_max", kind, s.hi)
            mean = None
            if s.mean is not None:
                mean = self._new(f"{stem}_mean", "real", s.mean)
            self.pattern.append(("interval", lo.infinite, hi.infinite, mean is not None))
            symbol = Size(lo, hi, mean)
            if not lo.infinite and not hi.infinite:
                self.facts.append(le(lo, hi))
        if e.low is not None and not symbol.lo.infinite:
            bound = e.low.subs({n: b[0][1].hi for n, b in self._bound.items() if n in e.low.free and b[0][1].exact})
            self.facts.append(ge(symbol.lo, bound))
        if e.high is not None and not symbol.hi.infinite:
            bound = e.high.subs({n: b[0][1].lo for n, b in self._bound.items() if n in e.high.free and b[0][1].exact})
            self.facts.append(le(symbol.hi, bound))
        if e.var is not None:
            self._bound.setdefault(stem, []).append((s, symbol))
        return symbol

    def _name(self, e: core.Extent, is_number: bool) -> Size:
        if e.var is not None:
            self._declared.add(e.var)
        return ANY

    def _kept(self, e: core.Extent, s: Size) -> Size:
        """What is left of a size where the function is entered: a run refuses what the parameter excludes."""
        tight = self._tight
        if tight is None or (e.low is None and e.high is None):
            return s
        low, high = (None if b is None or b.infinite else self._at_call(b) for b in (e.low, e.high))

        def kept(x: Expr) -> Expr:
            if x.infinite:
                return (low if x.infinite < 0 else high) or x
            within = x if high is None else min_(high, x)
            within = within if low is None else max_(low, within)
            return x if within == x else tight(within)

        lo, hi = kept(s.lo), kept(s.hi)
        return s if lo == s.lo and hi == s.hi else between(lo, hi)

    def _at_call(self, bound: Expr) -> Expr | None:
        """The bound of a parameter in the caller's sizes, if it speaks of exact ones."""
        table = {n: b[0][0].lo for n, b in self._bound.items() if n in bound.free and b[0][0].exact}
        return bound.subs(table) if bound.free & self._declared <= table.keys() else None

    def _new(self, stem: str, kind: str, arg: Expr) -> Expr:
        name, n = stem, 1
        while name in self._taken:
            n += 1
            name = f"{stem}_{n}"
        self._taken.add(name)
        self.names.append(name)
        self.kinds.append(kind)
        self.args.append(arg)
        return sym(name, kind)

    def declared(self) -> dict[str, Size]:
        out: dict[str, Size] = {}
        for n, pairs in self._bound.items():
            symbols = [s for _, s in pairs]
            out[n] = symbols[0] if len(symbols) == 1 else largest_size(symbols)
        return out


# ---------------------------------------------------------------- tunables


def tunable_symbol(t: core.Tunable) -> Expr:
    """The symbol of a `param`; it may be negative unless its range says otherwise."""
    return sym(t.name, "size" if t.low is not None and t.low >= 0 else "int")


def tunable_facts(program: core.Program) -> tuple[Cond, ...]:
    """The ranges of a program's `param`s: assumptions of every report."""
    out = []
    for t in program.tunables.values():
        if t.low is not None:
            out.append(ge(tunable_symbol(t), num(t.low)))
        if t.high is not None:
            out.append(le(tunable_symbol(t), num(t.high)))
    return tuple(c for c in out if c != TRUE)
