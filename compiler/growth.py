"""Orders of growth in several variables: what is left of an expression when constant factors and dominated terms go.

In: an expression and the domain of its symbols, which grow to infinity independently of each other within it (one
that the domain keeps between 0 and 1 tends to 0). Out: its order, or None where it is not proved. An expression
becomes a sum of terms with intervals for their coefficients; a term is known by its logarithm, a linear form over x,
log x, log log x and their products, so that n!, c**n, b**d, n**a and log(n)**b compare in one way: one term dominates
another if the difference of the forms is bounded below, which is linear programming over the hierarchy x >> log x >>
log log x and the domain's own inequalities (Hardy's scale of logarithmico-exponential functions, for several
variables at once).
"""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from .codegen import compile_expr
from .corners import corners, least_ceilings
from .expr import (
    FALSE,
    INF,
    ONE,
    TRUE,
    ZERO,
    And,
    Atom,
    Cond,
    Expr,
    Fn,
    Kinds,
    Number,
    Or,
    Rel,
    Sym,
    conj,
    factorial,
    gt,
    is_integer,
    is_nonneg,
    log,
    min_,
    negate,
    num,
    power,
    sum_,
    sym,
)
from .facts import Facts, assuming
from .linear import minimum
from .numeric import EvaluationError
from .simplify import split_piecewise, tight

__all__ = ["at_most", "compare", "order", "order_of_bound", "theta"]

Var: TypeAlias = tuple[int, str]                                # (0, n): n, (1, n): log n, (2, n): log log n, ...
Mono: TypeAlias = tuple[tuple[Var, int | Fraction], ...]        # a product of powers of these
Form: TypeAlias = dict[Mono, Any]                               # a logarithm; coefficients Fraction or float
Comparison: TypeAlias = Literal["<", "=", ">"]

FAR = 1_000_000             # x >= FAR * log x for large x: any factor is right, up to a constant
TINY, HUGE = 1e-30, 1e30    # bounds of a positive coefficient of which nothing else is known
TERMS = 150
MOST_CASES = 8
DEPTH = 12
WEAKEST: Mono = (((9, "*"), 1),)      # grows without bound, but slower than all else


class _Undecided(Exception):
    """The order could not be proved."""


@dataclass(frozen=True, slots=True)
class _Term:
    """A product without a constant factor: its logarithm, and how it is written."""

    form: tuple[tuple[Mono, Any], ...]
    expr: Expr


@dataclass(frozen=True, slots=True)
class _Part:
    """A term with a coefficient between `low` and `high` (which may depend on the symbols)."""

    term: _Term
    low: Any
    high: Any


Sum: TypeAlias = dict[tuple[tuple[Mono, float], ...], _Part]


def order(e: Expr, domain: Cond = TRUE, side: Literal["upper", "lower"] | None = None) -> Expr | None:
    """The order of growth: no constant factors, no dominated terms; 0 for 0, oo for oo.

    None where it is not proved that the result bounds the expression from both sides up to constants. With a `side`,
    a bound from that side alone is enough.
    """
    if e.infinite:
        return INF if e.infinite > 0 else None
    e, domain = _sizes(e, domain)
    return _order(e, domain, side, (e.kinds, domain.kinds))


def _sizes(e: Expr, domain: Cond) -> tuple[Expr, Cond]:
    """Integers that the domain keeps at 0 or above as sizes, of which more is known by their kind."""
    signed = {a.name for x in (e, domain) for a in x.atoms() if isinstance(a, Sym) and a.kind == "int"}
    facts = assuming(domain) if signed else None
    low = [n for n in sorted(signed) if facts is not None and facts.nonneg(sym(n, "int"))]
    if not low:
        return e, domain
    # symbols are equal by name, whatever their kind, so they leave and come back under it
    away, back = {n: sym(f"{n}'") for n in low}, {f"{n}'": sym(n) for n in low}
    return e.subs(away).subs(back), domain.subs(away).subs(back)


def order_of_bound(e: Expr, domain: Cond, side: Literal["upper", "lower"]) -> Expr | None:
    """The order of a bound: from both sides if that is proved, else from the side on which the bound is safe."""
    found = order(e, domain)
    return found if found is not None else order(e, domain, side)


@lru_cache(maxsize=5000)
def _order(e: Expr, domain: Cond, side: Literal["upper", "lower"] | None, kinds: object) -> Expr | None:
    if not e.terms:
        return ZERO
    space = _space(domain)
    space.know(e)
    e = tight(e, space.facts)
    if e.infinite:
        return INF if e.infinite > 0 else None
    if not e.terms:
        return ZERO
    found = _leading(e, domain, None)
    if found is not None or side is None:
        return found
    try:
        e, assumed = space.decided(e)
    except (_Undecided, EvaluationError, OverflowError, ZeroDivisionError, ValueError, RecursionError):
        return None
    domain = conj(domain, *assumed)
    if side == "upper":
        return _least(list(_orders_above(e, domain)), domain)
    known = [_leading(e, domain, side), *(_leading(b, domain, side) for b in _below(e, _space(domain).facts))]
    known.append(_order_at_corners(e, domain, side))
    below = [x for x in known if x is not None]
    return _leading(sum(below, ZERO), domain, None) if any(x != ZERO for x in below) else below[0] if below else None


def _least(orders: list[Expr], domain: Cond) -> Expr | None:
    """The smallest of several upper orders; the first, if which that is is not known."""
    best = None
    for x in orders:
        if best is None or (x != best and at_most(x, best, domain) and not at_most(best, x, domain)):
            best = x
    return best


def at_most(a: Expr, b: Expr, domain: Cond) -> bool:
    """Whether a is proved to be of no larger order than b."""
    if a == b or not a.terms:
        return True
    space = _space(domain)
    try:
        space.know(a)
        space.know(b)
        second = [p.term for p in space.leading_of(b, None)]
        return all(space.below_all(p.term, second) for p in space.leading_of(a, None))
    except (_Undecided, EvaluationError, OverflowError, ZeroDivisionError, ValueError, RecursionError):
        return False


def _orders_above(e: Expr, domain: Cond) -> Iterator[Expr]:
    """Upper orders found in different ways."""
    space = _space(domain)
    raised, limits = least_ceilings(e, lambda x: space.facts.implies(gt(x, ZERO)))
    above = _above(raised) if limits else None
    for found in (
        _leading(e, domain, "upper"),
        None if above is None else _leading(above.subs(limits), domain, "upper"),
        _order_at_corners(e, domain, "upper"),
    ):
        if found is not None:
            yield found
    found = _order_by_cases(e, domain) or _order_above(e, domain)
    if found is not None:
        yield found


def _order_at_corners(e: Expr, domain: Cond, side: Literal["upper", "lower"]) -> Expr | None:
    """The order of what bounds e where each rounding is as large or as small as it can be."""
    found = [_leading(x, domain, side) if x != ZERO else ZERO for x in corners(e, side, _space(domain).facts.nonneg)]
    known = [x for x in found if x is not None]
    if not known or len(known) < len(found):
        return None
    if side == "upper":
        return _leading(sum(known, ZERO), domain, None)
    lowest = known[0]
    for x in known[1:]:
        if at_most(x, lowest, domain):
            lowest = x
        elif not at_most(lowest, x, domain):
            return None
    return lowest


def _order_by_cases(e: Expr, domain: Cond) -> Expr | None:
    """An upper order of a case distinction: those of all cases, each where it holds, added up."""
    total, here = ZERO, domain
    cases = split_piecewise(e)
    if len(cases) == 1 or len(cases) > MOST_CASES:
        return None
    for c, x in cases:
        inside = conj(here, c)
        if inside != FALSE and not assuming(inside).contradictory:
            one = _leading(x, inside, "upper") or _order_above(x, inside) if x != ZERO else ZERO
            if one is None:
                return None
            total = total + one
        here = conj(here, negate(c))
    return _leading(total, domain, None) if total != ZERO else ZERO


def _order_above(e: Expr, domain: Cond) -> Expr | None:
    coarse = _above(e)
    return None if coarse is None or coarse == e else _leading(coarse, domain, "upper")


def _leading(e: Expr, domain: Cond, side: Literal["upper", "lower"] | None) -> Expr | None:
    space = _space(domain)
    try:
        space.know(e)
        return _written(space.leading_of(e, side))
    except (_Undecided, EvaluationError, OverflowError, ZeroDivisionError, ValueError, RecursionError):
        return None


_SPREAD = ("max", "min", "piecewise", "sum")


def _above(e: Expr) -> Expr | None:
    """A sum of nonnegative terms that e does not exceed: what is taken off falls away, of a maximum all arguments add,
    of a minimum any will do.

    None where a factor may be negative.
    """
    result = ZERO
    for m, c in e.terms.items():
        factor = num(c)
        for i, (a, k) in enumerate(m):
            x = Expr({((a, 1),): 1})
            others = Expr({m[:i] + m[i + 1:]: 1})
            if k == 1 and isinstance(a, Fn) and a.op == "floor" and is_nonneg(others):
                # floor(y) <= y; -floor(y) <= 1 - y
                inner = _above(a.args[0] if c > 0 else 1 - a.args[0])
                outer = _above(others)
                if inner is None or outer is None:
                    return None
                factor = inner * outer * (c if c > 0 else -c)
                break
        else:
            open_ = [(a, k) for a, k in m if not is_nonneg(Expr({((a, k),): 1})) and not _is_log(a)]
            # beside what is not negative, one factor of any sign may be replaced by what is above it
            if len(open_) > 1 or any(c < 0 or k != 1 or not isinstance(a, Fn) or a.op not in _SPREAD
                                     for a, k in open_):
                return None
            if c < 0:
                continue
            for a, k in m:
                x = Expr({((a, 1),): 1})
                if isinstance(a, Fn) and k == 1 and a.op == "log":
                    within = _above(_without_divisors(a.args[0]))
                    if within is None:
                        return None
                    x = log(within)
                if isinstance(a, Fn) and k == 1 and a.op in _SPREAD:
                    above = _above_atom(a)
                    if above is None:
                        return None
                    x = above
                factor = factor * power(x, k)
        result = result + factor
    return result


def _is_log(a: Atom) -> bool:
    """Logarithms count from 1 on: what is below is small."""
    return isinstance(a, Fn) and a.op == "log"


def _without_divisors(e: Expr) -> Expr:
    """At most e for divisors of at least 1, as sizes have."""
    return Expr({tuple((a, k) for a, k in m if k > 0 or not isinstance(a, Sym)): c for m, c in e.terms.items()})


def _above_atom(a: Fn) -> Expr | None:
    """The same for an extremum, a case distinction or a sum; in a sum a minimum is at most what the index is not in."""
    if a.op == "min":
        some = [p for p in (_above(y) for y in a.args) if p is not None]
        return min_(*some) if some else None
    if a.op != "sum":
        parts = [_above(y) for y in a.args]
        return None if any(p is None for p in parts) else sum((p for p in parts if p is not None), ZERO)

    def limit(y: Atom) -> Expr | None:
        fixed = [z for z in y.args if a.name not in z.free] if isinstance(y, Fn) and y.op == "min" else []
        return fixed[0] if fixed else None

    body = _above(a.args[0].rebuild(limit))
    if body is None:
        return None
    total = sum_(body, a.name, a.args[1], a.args[2])
    open_ = Expr({m: c for m, c in total.terms.items() if any(isinstance(x, Fn) and x.name == a.name for x, _ in m)})
    closed = _above(total - open_)
    return None if closed is None else closed + open_   # no term of a body is negative


def _below(e: Expr, facts: Facts) -> Iterator[Expr]:
    """Expressions that e does not fall below: with one argument of a maximum in its place, without rounding up, with
    the first term of a sum of rising terms in place of all.
    """
    for m, c in e.terms.items():
        for i, (a, k) in enumerate(m):
            others = Expr({m[:i] + m[i + 1:]: 1})
            if not isinstance(a, Fn) or k != 1 or not is_nonneg(others):
                continue
            if a.op == "max" and c > 0 and all(
                    n == m or all(x != a for x, _ in n) or (e.terms[n] > 0 and dict(n)[a] == 1 and is_nonneg(
                        Expr({tuple(p for p in n if p[0] != a): 1}))) for n in e.terms):
                for x in a.args:
                    yield e.rebuild(lambda y, x=x, a=a: x if y == a else None)  # type: ignore[misc]
                return
            if a.op == "floor" and c < 0:
                yield e - Expr({m: c}) + others * a.args[0] * c
                return
            if a.op == "sum" and c > 0 and _rises(a.args[0], a.name, facts):
                first = a.args[0].subs({a.name: a.args[1]}) * (a.args[2] - a.args[1] + 1)
                yield e - Expr({m: c}) + others * first * c
                return


def _rises(e: Expr, name: str, facts: Facts) -> bool:
    """Whether e does not fall with the symbol: sums of products of it, minima of these, and powers of what is at least
    1.
    """
    for m, c in e.terms.items():
        for a, k in m:
            x = Expr({((a, 1),): 1})
            if name not in x.free:
                if not is_nonneg(x):
                    return False
            elif c < 0 or k < 0:
                return False
            elif isinstance(a, Fn):
                if a.op in ("min", "max"):
                    if not all(_rises(y, name, facts) for y in a.args):
                        return False
                elif a.op != "pow" or name in a.args[0].free or not facts.nonneg(a.args[0] - 1) or not _rises(
                        a.args[1], name, facts):
                    return False
    return True


def compare(a: Expr, b: Expr, domain: Cond = TRUE) -> Comparison | None:
    """"<" if a is of smaller order (a/b tends to 0), "=" if of the same, ">" if of larger; None if not proved."""
    if a.infinite or b.infinite:
        return "=" if a.infinite == b.infinite else "<" if b.infinite > 0 else ">"
    if not a.terms or not b.terms:
        return "=" if a == b else "<" if not a.terms else ">"
    space = _space(domain)
    try:
        space.know(a)
        space.know(b)
        first = [p.term for p in space.leading_of(a, None)]
        second = [p.term for p in space.leading_of(b, None)]
        if all(space.below_all(t, second) for t in first) and all(space.below_all(t, first) for t in second):
            return "="
        if all(any(space.strictly(t, u) for u in second) for t in first):
            return "<"
        if all(any(space.strictly(t, u) for u in first) for t in second):
            return ">"
    except (_Undecided, EvaluationError, OverflowError, ZeroDivisionError, ValueError, RecursionError):
        pass
    return None


def theta(lower: Expr | None, upper: Expr | None, domain: Cond = TRUE) -> Expr | None:
    """The order of what lies between two bounds of these orders, if they are the same."""
    if lower is None or upper is None:
        return None
    if lower == upper:
        return upper
    return upper if compare(lower, upper, domain) == "=" else None


def _written(parts: Sequence[_Part]) -> Expr:
    total = ZERO
    for p in parts:
        total = total + p.term.expr
    # equal terms merge to a coefficient: that is a constant factor
    return Expr({m: 1 for m in total.terms}) if total.terms else ZERO


def _size(p: _Part) -> Number:
    """A coefficient that is small if this one is."""
    return _plain(p.high) if isinstance(p.high, Fraction) and 0 < p.high < 1 else 1


def _space(domain: Cond) -> _Space:
    return _space_of(domain, domain.kinds)


_LARGE = (8, 2, 1)
"""What symbols that grow are at least, if the domain does not say otherwise."""


@lru_cache(maxsize=400)
def _far_of(domain: Cond, kinds: Kinds, names: tuple[str, ...], whole: tuple[str, ...]) -> Facts:
    facts = assuming(domain)
    if facts.contradictory:
        return facts
    symbols = [sym(n, k) for n, k in zip(names, whole, strict=True)]
    large = facts.with_(*(Rel(">=", x - _LARGE[0]) for x in symbols))
    if not large.contradictory:
        return large
    for x in symbols:
        for least in _LARGE:
            more = facts.with_(Rel(">=", x - least))
            if not more.contradictory:
                facts = more
                break
    return facts


def _far(domain: Cond, symbols: tuple[Expr, ...]) -> Facts:
    names = tuple(a.name for x in symbols for a in x.atoms() if isinstance(a, Sym))
    return _far_of(domain, domain.kinds, names, tuple(a.kind for x in symbols for a in x.atoms() if isinstance(a, Sym)))


@lru_cache(maxsize=200)
def _space_of(domain: Cond, kinds: Kinds) -> _Space:
    return _Space(domain)


# ---------------------------------------------------------------- terms and sums

def _key(form: Form) -> tuple[tuple[Mono, float], ...]:
    return tuple(sorted((m, round(float(c), 10)) for m, c in form.items()))


def _clean(form: Form) -> Form:
    return {m: c for m, c in form.items() if (c != 0 if isinstance(c, Fraction) else abs(c) > 1e-12)}


def _add(a: Form, b: Form, factor: Any = 1) -> Form:
    out = dict(a)
    for m, c in b.items():
        out[m] = out.get(m, Fraction(0)) + c * factor
    return _clean(out)


def _term(form: Form, expr: Expr) -> _Term:
    return _Term(tuple(sorted(form.items())), expr)


UNIT = _Term((), ONE)


def _single(term: _Term, low: Any = Fraction(1), high: Any = None) -> Sum:
    return {_key(dict(term.form)): _Part(term, low, low if high is None else high)}


def _constant(low: Any, high: Any = None) -> Sum:
    return _single(UNIT, low, high)


def _join(sums: Iterable[Sum]) -> Sum:
    out: Sum = {}
    for s in sums:
        for key, p in s.items():
            old = out.get(key)
            out[key] = p if old is None else _Part(old.term, old.low + p.low, old.high + p.high)
    out = {k: p for k, p in out.items() if p.low != 0 or p.high != 0}
    if len(out) > TERMS:
        raise _Undecided
    return out


def _times(a: Sum, b: Sum) -> Sum:
    if len(a) * len(b) > TERMS * 4:
        raise _Undecided
    out = []
    for p in a.values():
        for q in b.values():
            ends = [p.low * q.low, p.low * q.high, p.high * q.low, p.high * q.high]
            form = _add(dict(p.term.form), dict(q.term.form))
            out.append(_single(_term(form, p.term.expr * q.term.expr), min(ends), max(ends)))
    return _join(out)


def _scaled(s: Sum, c: Any) -> Sum:
    return {k: _Part(p.term, min(p.low * c, p.high * c), max(p.low * c, p.high * c)) for k, p in s.items()}


def _log_of(var: Var) -> Var:
    return (var[0] + 1, var[1])


def _shift(m: Mono) -> Form:
    """The logarithm of a product of powers."""
    out: Form = {}
    for v, k in m:
        out = _add(out, {((_log_of(v), 1),): k})
    return out


def _mono_expr(m: Mono, names: dict[str, Expr]) -> Expr:
    """How a product of x, log x, log log x is written."""
    result = ONE
    for (level, name), k in m:
        e = names[name]
        for _ in range(level):
            e = log(e)
        result = result * power(e, k if k.denominator != 1 else k.numerator)
    return result


def _value(e: Expr) -> float:
    """A constant as a float."""
    v = float(compile_expr(e, ())())
    if not math.isfinite(v):
        raise _Undecided
    return v


class _Space:
    """The symbols, how they compare, and the orders of expressions over them."""

    def __init__(self, domain: Cond) -> None:
        self.domain = domain
        self._facts: Facts | None = None
        self.names: dict[str, Expr] = {}
        self.small: set[str] = set()        # tend to 0; their variables are those of the reciprocal
        self.exact: list[Form] = []         # inequalities that hold as they stand, between x, between log x
        self.pseudo: dict[str, tuple[Form, bool]] = {}  # names for quotients: their logarithm, and whether 1 + them
        self.extrema: dict[str, tuple[str, tuple[Form, ...]]] = {}
        self.proved: dict[tuple[tuple[Mono, float], ...], bool] = {}
        self.depth = 0
        rels = [r for r in (domain.parts if isinstance(domain, And) else (domain,)) if isinstance(r, Rel)]
        for r in rels:
            self._declare(r.e)
        for r in rels:
            self._learn(r)
        if self._bounded_below({WEAKEST: Fraction(-1)}):
            self.exact.clear()      # the domain does not let all symbols grow
            self.proved.clear()

    # ------------------------------------------------------------ what the domain says

    @property
    def facts(self) -> Facts:
        """What the domain says, and that its symbols are large: they grow."""
        if self._facts is None:
            names = tuple(sorted(n for n, x in self.names.items()
                                 if isinstance(x.atom, Sym) and n not in self.small and '"' not in n))
            self._facts = _far(self.domain, tuple(self.names[n] for n in names if is_integer(self.names[n])))
        return self._facts

    def _declare(self, e: Expr) -> None:
        for a in e.atoms():
            if isinstance(a, Sym) and a.name not in self.names and a.name in e.free:
                x = Expr({((a, 1),): 1})
                self.names[a.name] = x
                if is_integer(x):
                    self._facts = None
                elif self.facts.nonneg(1 - x) and self.facts.nonneg(x):
                    self.small.add(a.name)
                    self.names[a.name] = 1 / x

    know = _declare

    def _learn(self, r: Rel) -> None:
        if r.op == "!=":
            return
        for e in (r.e, -r.e) if r.op == "==" else (r.e,):
            positive = Expr({m: c for m, c in e.terms.items() if c > 0})
            negative = Expr({m: -c for m, c in e.terms.items() if c < 0})
            if all(isinstance(a, Sym) and k > 0 and a.name not in self.small for m in e.terms for a, k in m):
                fact = {tuple(((0, str(a)), k) for a, k in m): Fraction(c) for m, c in e.terms.items() if m}
                if any(c > 0 for c in fact.values()):
                    self.exact.append(fact)
            try:
                above = self.leading(self.sum_of(positive)) if positive.terms else [_Part(UNIT, 1, 1)]
                if len(above) != 1:
                    continue
                for m, c in negative.terms.items():
                    for p in self.leading(self.sum_of(Expr({m: c}))):
                        difference = _add(dict(above[0].term.form), dict(p.term.form), -1)
                        self._remember(difference)
            except (_Undecided, EvaluationError, ValueError, OverflowError, ZeroDivisionError):
                continue

    def _remember(self, fact: Form) -> None:
        """Adds `fact >= constant`, and what follows for the logarithms of logarithms."""
        if not fact:
            return
        self.proved.clear()
        if all(c < 0 for c in fact.values()):
            return      # an upper limit such as chunk <= 100000 does not make a symbol a constant of the formulas
        self.exact.append(fact)
        if len(fact) == 2 and all(len(m) == 1 and m[0][1] == 1 and m[0][0][0] >= 1 for m in fact):
            (m1, c1), (m2, c2) = sorted(fact.items(), key=lambda t: t[1])
            if c1 < 0 < c2 and m1[0][0][0] < 4 and m2[0][0][0] < 4:
                larger, smaller = ((_log_of(m[0][0]), 1) for m in (m2, m1))
                self._remember({(larger,): Fraction(1), (smaller,): Fraction(-1)})

    # ------------------------------------------------------------ comparison

    def below(self, a: _Term, b: _Term) -> bool:
        """Whether a <= constant * b."""
        return a.form == b.form or self._bounded_below(_add(dict(b.form), dict(a.form), -1))

    def strictly(self, a: _Term, b: _Term) -> bool:
        """Whether a / b tends to 0."""
        difference = _add(dict(b.form), dict(a.form), -1)
        return bool(difference) and self._bounded_below(_add(difference, {WEAKEST: Fraction(-1, FAR)}))

    def below_all(self, a: _Term, others: Sequence[_Term]) -> bool:
        """Whether a <= constant * (the sum of the others)."""
        if any(self.below(a, b) for b in others):
            return True
        if len(others) < 2:
            return False
        escape: Mono = (((8, "*"), 1),)
        extra = [_add(_add(dict(a.form), dict(b.form), -1), {escape: Fraction(-1)}) for b in others]
        return self._bounded_below({escape: Fraction(-1)}, extra)

    def _bounded_below(self, form: Form, extra: Sequence[Form] = ()) -> bool:
        form = _clean(form)
        if not form:
            return True
        if not extra and all(c > 0 and self._grows(m) for m, c in form.items()):
            return True
        key = _key(form) if not extra else None
        if key is not None and key in self.proved:
            return self.proved[key]
        if self.depth > DEPTH:
            return False
        self.depth += 1
        try:
            result = self._by_cases(form, list(extra))
        finally:
            self.depth -= 1
        if key is not None:
            self.proved[key] = result
        return result

    def _grows(self, m: Mono) -> bool:
        return all(k > 0 and name not in self.pseudo and name not in self.extrema for (_, name), k in m)

    def _by_cases(self, form: Form, extra: list[Form]) -> bool:
        """Splits on which argument of an extremum is the one."""
        for f in (form, *extra):
            for m in f:
                for (_, name), _ in m:
                    if name in self.extrema:
                        op, options = self.extrema[name]
                        sign = 1 if op == "max" else -1
                        for i, chosen in enumerate(options):
                            facts = [_add(chosen, o, -1) for j, o in enumerate(options) if j != i]
                            facts = [{k: c * sign for k, c in x.items()} for x in facts]
                            try:
                                inside = [self._put(x, name, chosen) for x in (form, *extra)]
                            except _Undecided:
                                return False
                            if not self._by_cases(inside[0], [*inside[1:], *facts]):
                                return False
                        return True
        return self._linear(form, extra)

    @staticmethod
    def _put(form: Form, name: str, value: Form) -> Form:
        out: Form = {}
        for m, c in form.items():
            if any(n == name for (_, n), _ in m):
                if m != (((1, name), 1),):
                    raise _Undecided
                out = _add(out, value, c)
            else:
                out = _add(out, {m: c})
        return out

    def _linear(self, form: Form, extra: list[Form]) -> bool:
        monos = {m for f in (form, *extra, *self.exact) for m in f}
        variables = {v for m in monos for v, _ in m}
        facts: list[Form] = list(extra) + list(self.exact)
        names = {name for _, name in variables}
        for name in sorted(names):
            if name in self.pseudo:
                facts += self._pseudo_facts(name)
                continue
            if name == "*":
                continue
            levels = [(((level, name), 1),) for level in range(5)]
            facts += [{u: Fraction(1), v: Fraction(-FAR)} for u, v in itertools.pairwise(levels)]
            facts.append({levels[-1]: Fraction(1), WEAKEST: Fraction(-1)})
            monos |= set(levels[:3])
        facts.append({WEAKEST: Fraction(1)})
        compound = sorted(m for m in monos if len(m) != 1 or m[0][1] != 1)
        for u in compound:
            if self._grows(u):
                facts.append({u: Fraction(1), WEAKEST: Fraction(-1)})
        for u, v in itertools.permutations(sorted(monos), 2):
            if (u in compound or v in compound) and self._grows(u) and self._grows(v) and self.depth < DEPTH \
                    and WEAKEST not in (u, v) and self._bounded_below(_add(
                        _add(_shift(u), _shift(v), -1), {WEAKEST: Fraction(-1, FAR)})):
                facts.append({u: Fraction(1), v: Fraction(-FAR)})
        for m in compound:
            for f in self.exact:
                if all(len(x) == 1 and x[0][1] == 1 for x in f):
                    for variable, k in m:
                        if ((variable, 1),) in f:
                            rest = {**dict(m), variable: k - 1}
                            facts.append({self._mono(rest, x): c for x, c in f.items()})
        exact = [{m: _rational(c) for m, c in f.items()} for f in facts]
        found = minimum({m: _rational(c) for m, c in form.items()}, exact)
        return found is not None and found.value >= 0

    @staticmethod
    def _mono(rest: dict[Var, int | Fraction], m: Mono) -> Mono:
        out = dict(rest)
        for v, k in m:
            out[v] = out.get(v, 0) + k
        return tuple(sorted((v, k) for v, k in out.items() if k))

    def _pseudo_facts(self, name: str) -> list[Form]:
        """log X <= X / FAR for the logarithm X of a quotient, and log X <= log log y where X <= log y."""
        form, plus_one = self.pseudo[name]
        x: Mono = (((2, name), 1),)
        out: list[Form] = []
        if not plus_one:
            out.append(_add(form, {x: Fraction(-FAR)}))
            if self._bounded_below(_add(form, {WEAKEST: Fraction(-1, FAR)})):
                out.append({x: Fraction(1), WEAKEST: Fraction(-1)})
        for y in sorted(self.names):
            line: Mono = (((1, y), 1),)
            if self._bounded_below(_add({line: Fraction(1)}, form, -1)):
                out.append({(((2, y), 1),): Fraction(1), x: Fraction(-1)})
        return out

    # ------------------------------------------------------------ leading terms

    def leading_of(self, e: Expr, side: Literal["upper", "lower"] | None) -> list[_Part]:
        """The terms of the order of an expression that is positive for large symbols."""
        decided, assumed = self.decided(e)
        if decided != e:
            inner = _space(conj(self.domain, *assumed))
            inner.know(decided)
            return inner.leading_of(decided, side)
        found = self.sum_of(e)
        if not found:       # 0 for all large sizes
            if side is None:
                raise _Undecided
            return [_Part(UNIT, 1, 1)] if side == "upper" else []
        try:
            return self.leading(found)
        except _Undecided:
            pass
        try:
            return self._proved_leading(e, found, side)
        except _Undecided:
            return self._split_leading(e)

    def decided(self, e: Expr) -> tuple[Expr, list[Cond]]:
        """With the cases that hold for large symbols, and the conditions under which these are the ones."""
        table: dict[Atom, Expr] = {}
        assumed: list[Cond] = []
        for a in e.atoms():
            if isinstance(a, Fn) and a.op == "piecewise" and a not in table and all(
                    x in e.free for c in a.conds for x in c.free):
                before: list[Cond] = []
                for x, c in zip(a.args, a.conds, strict=True):
                    holds = self.eventually(c)
                    if holds is None:
                        break
                    if holds:
                        table[a] = x
                        assumed += [*before, c]
                        break
                    before.append(negate(c))
        return (e.rebuild(table.get) if table else e), assumed

    def _split_leading(self, e: Expr) -> list[_Part]:
        """Splits the domain by a condition that occurs in e, if one order fits both halves."""
        if self.depth > 2:
            raise _Undecided
        for a in e.atoms():
            if isinstance(a, Fn) and a.op == "piecewise" and all(x in e.free for c in a.conds for x in c.free):
                for c in a.conds:
                    if self.eventually(c) is None:
                        self.depth += 1
                        try:
                            return self.leading(self._unified([(c, e), (negate(c), e)]))
                        finally:
                            self.depth -= 1
        raise _Undecided

    def leading(self, s: Sum) -> list[_Part]:
        """The terms that no other dominates.

        Raises _Undecided if a term that may be negative could outweigh them.
        """
        items = [p for _, p in sorted(s.items())]
        if not items:
            raise _Undecided
        top = self._top([p for p in items if p.low > 0])
        for p in items:
            # what may be negative has to vanish beside the rest; what is at least zero need only be below it
            if p.low <= 0 and not any(self.strictly(p.term, q.term) for q in top) and (
                    p.low < 0 or not self.below_all(p.term, [q.term for q in top])):
                raise _Undecided
        if not top:
            raise _Undecided
        return top

    def _top(self, items: list[_Part]) -> list[_Part]:
        kept: list[_Part] = []
        for i, p in enumerate(items):
            dominated = False
            for j, q in enumerate(items):
                if i != j and self.below(p.term, q.term) and (j < i or not self.below(q.term, p.term)):
                    dominated = True
                    break
            if not dominated:
                kept.append(p)
        if len(kept) > 2:
            for p in list(kept):
                others = [q.term for q in kept if q is not p]
                if len(others) > 1 and self.below_all(p.term, others):
                    kept = [q for q in kept if q is not p]
        return kept

    def _proved_leading(self, e: Expr, s: Sum, side: Literal["upper", "lower"] | None) -> list[_Part]:
        """The same with the help of the prover: e >= its positive terms times a constant."""
        items = [p for _, p in sorted(s.items())]
        positive = self._top([p for p in items if p.high > 0])
        if not positive:
            raise _Undecided
        terms = [q.term for q in positive]
        if not all(self.below_all(p.term, terms) for p in items if p.high > 0):
            raise _Undecided
        if side == "upper":
            return positive
        for some in (positive, [p for p in positive if p.low > 0]):
            if not some or (some is not positive and side is None):
                continue
            part = sum((p.term.expr * _size(p) for p in some), ZERO) * Fraction(1, 64)
            if self.facts.nonneg(e - part):
                return some
        raise _Undecided

    # ------------------------------------------------------------ expressions as sums of terms

    def sum_of(self, e: Expr) -> Sum:
        """The expression as terms with intervals for coefficients; what is equal for large symbols may stand for it."""
        if e.infinite:
            raise _Undecided
        self._declare(e)
        self.depth += 1
        if self.depth > 4 * DEPTH:
            self.depth -= 1
            raise _Undecided
        try:
            parts = []
            for m, c in e.terms.items():
                product = _constant(Fraction(c))
                for a, k in m:
                    product = _times(product, self.atom_power(a, k))
                parts.append(product)
            return _join(parts)
        finally:
            self.depth -= 1

    def atom_power(self, a: Atom, k: Number) -> Sum:
        k = Fraction(k)
        if isinstance(a, Sym):
            sign = -1 if a.name in self.small else 1
            form: Form = {(((1, a.name), 1),): sign * k}
            return _single(_term(form, power(Expr({((a, 1),): 1}), _plain(k))))
        if not Expr({((a, 1),): 1}).free:
            value = _value(Expr({((a, 1),): 1})) ** float(k)
            return _constant(value * (1 - 1e-14), value * (1 + 1e-14))
        if a.op == "pow":
            return self.exponential(a.args[0], a.args[1] * _plain(k))
        if a.op == "floor" and k == 1:
            return self.floor(a.args[0])
        return self.power(self.atom(a), k)

    def power(self, s: Sum, k: Fraction) -> Sum:
        """s ** k"""
        if k == 1:
            return s
        if k.denominator == 1 and 1 < k <= 4 and len(s) ** int(k) <= TERMS:
            out = s
            for _ in range(int(k) - 1):
                out = _times(out, s)
            return out
        if len(s) == 1:
            (p,) = s.values()
            return self._single_power(p, k, 0.0)
        try:
            top = self.leading(s)
        except _Undecided:
            if k.denominator != 1:
                raise
            s = _scaled(s, Fraction(-1))        # p - 1 is negative for a p that tends to 0
            self.leading(s)
            return _scaled(self.power(s, k), Fraction((-1) ** int(k)))
        if len(top) == 1:
            loose = not all(self.strictly(p.term, top[0].term) for p in s.values() if p.term != top[0].term)
            part = _Part(top[0].term, TINY, HUGE) if loose else top[0]
            return self._single_power(part, k, 0.01)
        if k > 0:
            return _join([self._single_power(_Part(p.term, TINY, HUGE), k, 0.0) for p in top])
        forms = tuple(dict(p.term.form) for p in top)
        name = self._extremum("max", forms)
        return _single(_term({(((1, name), 1),): k}, power(_written(top), _plain(k))), TINY, HUGE)

    def _single_power(self, p: _Part, k: Fraction, slack: float) -> Sum:
        if p.low <= 0:
            if k.denominator == 1 and p.high < 0:
                sign = 1 if k % 2 == 0 else -1
                return _scaled(self._single_power(_Part(p.term, -p.high, -p.low), k, slack), sign)
            raise _Undecided
        if slack == 0 and k.denominator == 1 and isinstance(p.low, Fraction) and isinstance(p.high, Fraction):
            ends: list[Any] = [p.low ** int(k), p.high ** int(k)]
        else:
            ends = [(float(p.low) * (1 - slack)) ** float(k), (float(p.high) * (1 + slack)) ** float(k)]
        form = {m: c * k for m, c in p.term.form}
        return _single(_term(form, power(p.term.expr, _plain(k))), min(ends), max(ends))

    def _extremum(self, op: str, forms: tuple[Form, ...]) -> str:
        for name, (o, f) in self.extrema.items():
            if o == op and f == forms:
                return name
        name = f"#{len(self.extrema)}"
        self.extrema[name] = (op, forms)
        return name

    def atom(self, a: Fn) -> Sum:
        match a.op:
            case "floor":
                return self.floor(a.args[0])
            case "paren":
                return self.sum_of(a.args[0])
            case "log":
                base = a.args[1].number
                scale = 1.0 if not base else 1 / math.log(base)
                inside = a.args[0].atom
                if isinstance(inside, Fn) and inside.op in ("min", "max"):
                    # the logarithm of the smaller is the smaller logarithm
                    sums = [self.sum_of(log(x)) for x in inside.args]
                    s = self.smallest(sums) if inside.op == "min" else self.largest(sums)
                else:
                    s = self.logarithm(self.sum_of(a.args[0]), a.args[0])
                return s if not base else _scaled(s, scale)
            case "max":
                return self.largest([self.sum_of(x) for x in a.args])
            case "min":
                return self.smallest([self.sum_of(x) for x in a.args])
            case "piecewise":
                return self.piecewise(a)
            case "factorial":
                return self.factorial(a.args[0])
            case "harmonic":
                if len(a.args) == 2:
                    m = a.args[1].number
                    if m is not None and m > 1:     # 1 + 1/2^m + ... for a hundred terms and more
                        first = math.fsum(i ** -float(m) for i in range(1, 101))
                        return _constant(first, first + 100 ** (1 - float(m)) / (float(m) - 1))
                    raise _Undecided
                # H(x) - log(x) falls from 1 to Euler's constant
                return _join([self.logarithm(self.sum_of(a.args[0]), a.args[0]), _constant(0.577, 1.0)])
            case "fibonacci":
                golden = Expr({((Fn("GoldenRatio", ()), 1),): 1})
                return _times(self.exponential(golden, a.args[0]), _constant(0.44, 0.45))
            case "cos" | "sin":
                return _constant(Fraction(-1), Fraction(1))
            case "binomial":
                return self.binomial(a)
            case "sum":
                return self.total(a)
            case _:
                raise _Undecided

    def settled(self, e: Expr) -> Expr:
        """With the floors replaced of which the domain leaves only one value."""
        def settle(a: Atom) -> Expr | None:
            if isinstance(a, Fn) and a.op == "floor":
                low = self.facts.minimum(Expr({((a, 1),): 1}))
                if low is not None and self.facts.maximum(Expr({((a, 1),): 1})) == low:
                    return num(low)
            return None

        return e.rebuild(settle) if any(isinstance(a, Fn) and a.op == "floor" for a in e.atoms()) else e

    def floor(self, x: Expr) -> Sum:
        inner = self.sum_of(x)
        if all(p.high <= 0 for p in inner.values()) or (
                any(p.high < 0 for p in inner.values()) and self.facts.nonneg(-x)):
            positive = {k: _Part(p.term, -p.high, -p.low) for k, p in inner.items()}
            return _scaled(self._ceiling(positive, -x), -1)
        if len(inner) == 1:
            (p,) = inner.values()
            if p.low > 0 and not self.strictly(UNIT, p.term):
                if self.below(p.term, UNIT) and self.below(UNIT, p.term):
                    return _constant(Fraction(0), p.high)
                if self.facts.nonneg(x - 1):
                    return {k: _Part(q.term, q.low / 2, q.high) for k, q in inner.items()}
                # what is cut off is less than 1 and less than all
                rest = self.smallest([inner, _constant(Fraction(1))])
                return _join([inner, {k: _Part(q.term, -max(q.high, 1), 0 * q.low) for k, q in rest.items()}])
        return _join([inner, _constant(Fraction(-1), Fraction(0))])

    def _ceiling(self, x: Sum, e: Expr) -> Sum:
        up_to_one = _constant(Fraction(0), Fraction(1))
        try:
            top = self.leading(x)
        except _Undecided:
            if not self.facts.nonneg(e):
                return _join([x, up_to_one])
            # not negative, hence at least any part of itself: so what is taken off weighs as little as one likes
            part = Fraction(1, 1000)
            small = {k: _Part(p.term, p.low * part, max(p.high, p.low * part)) for k, p in x.items()}
            return _join([small, up_to_one])
        if any(self.strictly(UNIT, p.term) for p in top) or not self._positive(e):
            return _join([x, up_to_one])
        # at least 1: between (x + 1)/2 and x + 1
        halves = {k: (_Part(p.term, p.low / 2, p.high) if p.low > 0 else p) for k, p in x.items()}
        return _join([halves, _constant(Fraction(1, 2), Fraction(1))])

    def _positive(self, e: Expr) -> bool:
        """Whether e > 0; a logarithm is where what it is of is above 1."""
        if len(e.terms) == 1:
            (m, c), = e.terms.items()
            if c > 0 and len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "log":
                return self.facts.implies(gt(m[0][0].args[0], ONE))
        return self.facts.implies(gt(e, ZERO))

    def logarithm(self, s: Sum, e: Expr | None = None) -> Sum:
        """The natural logarithm of a sum (which is that of the expression e)."""
        top = self.leading(s)
        if len(top) == 1:
            p = top[0]
            exact = len(s) == 1
            loose = not exact and not all(self.strictly(q.term, p.term) for q in s.values() if q.term != p.term)
            low, high = (TINY, HUGE) if loose else (float(p.low), float(p.high))
            if loose and all(q.low >= 0 for q in s.values()):
                low = float(p.low)
            error = 0.0 if exact else 0.01
            parts = []
            if (low, high, error) != (1.0, 1.0, 0.0):
                parts.append(_constant(math.log(low) - error, math.log(high) + error))
            form = dict(p.term.form)
            terms: list[Sum] = []
            for m, c in form.items():
                if any(name in self.pseudo or name in self.extrema for (_, name), _ in m):
                    raise _Undecided
                terms.append(_single(_term(_shift(m), _mono_expr(m, self.names)), c))
            signed = _join([*terms, *parts])
            if not form:
                return signed
            try:
                self.leading(_join(terms))
                return signed
            except _Undecided:
                pass
            if self._bounded_below(form):
                return _join([self._quotient(p.term, form, False), *parts])
            raise _Undecided
        rest = [p for p in top if p.term.form]
        if len(rest) == 1 and len(top) == 2:
            # log(c*t + d) is max(0, log(t)) but for a constant, and the former is log(1 + t) but for a constant
            t = rest[0].term
            low, high = math.log(min(float(p.low) for p in top)), math.log(sum(float(p.high) for p in top))
            if e is not None and self.facts.nonneg(e - 1) and self.facts.nonneg(e - t.expr):
                low = 0.0
            return _join([self._quotient(t, dict(t.form), True), _constant(low, high)])
        # the logarithm of a sum is the largest of the logarithms
        return _join([self.largest([self.logarithm(_single(p.term)) for p in top]), _constant(-60.0, 60.0)])

    def _quotient(self, t: _Term, form: Form, plus_one: bool) -> Sum:
        """log(t), or max(0, log(t)), where t is a quotient that may stay small.

        The latter is written log(1 + t): they differ by a constant, and where that counts there is a constant term.
        """
        if plus_one and self._bounded_below(form):
            plus_one = False        # t >= 1, but for a constant
        inside = t.expr + 1 if plus_one else t.expr
        name = str(inside)
        if name not in self.pseudo:
            self.pseudo[name] = (form, plus_one)
            self.proved.clear()
        return _single(_term({(((2, name), 1),): Fraction(1)}, log(inside)))

    def exponential(self, base: Expr, exponent: Expr) -> Sum:
        """base ** exponent"""
        b = base.number
        if b is not None and b < 0:
            if is_integer(exponent):
                return _times(self.exponential(-base, exponent), _constant(Fraction(-1), Fraction(1)))
            raise _Undecided
        if not exponent.free:
            value = _value(exponent)
            inner = self.sum_of(base)
            top = self.leading(inner)
            if len(top) != 1:
                raise _Undecided
            form = {m: c * value for m, c in top[0].term.form}
            return _single(_term(form, _real_power(top[0].term.expr, exponent)), TINY, HUGE)
        if not base.free:
            return self._number_power(base, exponent)
        inner = self.sum_of(base)
        if len(inner) != 1:
            return self._opaque_power(base, inner, exponent)
        (p,) = inner.values()
        if p.low != p.high or p.low <= 0:
            raise _Undecided
        log_form: Form = dict(p.term.form)
        shift = {} if p.low == 1 else {(): math.log(p.low)}
        form = {}
        for m, c in exponent.terms.items():
            line = self._level(m)
            if line is None:
                raise _Undecided
            for part, q in (*log_form.items(), *shift.items()):
                form = _add(form, {self._mono(dict(line), part): q * Fraction(c)})
        constant = exponent.terms.get((), 0)
        extra = float(p.low) ** float(constant)
        form = {m: c for m, c in form.items() if m}
        if p.low != 1:
            return _single(_term(form, power(base, exponent - constant) * power(p.term.expr, constant)), extra)
        return _single(_term(form, power(base, exponent)))

    def _opaque_power(self, base: Expr, inner: Sum, exponent: Expr) -> Sum:
        """(b + 1) ** d is no power of b: the base gets a name."""
        top = self.leading(inner)
        line = self._level(next(iter(exponent.terms))) if len(exponent.terms) == 1 else None
        if len(top) != 1 or line is None or not is_integer(base):
            raise _Undecided
        name = str(base)
        if name not in self.names:
            self.names[name] = base
            for sign in (1, -1):
                here: Form = {(((1, name), 1),): Fraction(sign)}
                self._remember(_add(here, dict(top[0].term.form), -sign))
        c = next(iter(exponent.terms.values()))
        return _single(_term({self._mono(dict(line), (((1, name), 1),)): Fraction(c)}, power(base, exponent)))

    def _level(self, m: Any) -> Mono | None:
        """A monomial of symbols and their logarithms as a product of levels."""
        out: dict[Var, int | Fraction] = {}
        for a, k in m:
            if isinstance(a, Sym) and a.name not in self.small:
                out[(0, a.name)] = out.get((0, a.name), 0) + k
            else:
                return None
        return tuple(sorted(out.items()))

    def _number_power(self, base: Expr, exponent: Expr) -> Sum:
        b = _value(base)
        if b < 0 and is_integer(exponent):
            return _times(self._number_power(-base, exponent), _constant(Fraction(-1), Fraction(1)))
        if b <= 0:
            raise _Undecided
        result = _constant(Fraction(1))
        shown = ZERO
        form: Form = {}
        low, high = 0.0, 0.0
        for m, c in exponent.terms.items():
            if not m:
                low, high = low + float(c), high + float(c)
                continue
            line = self._level(m)
            if line is not None:
                form = _add(form, {line: math.log(b) * float(c)})
                shown = shown + Expr({m: c})
                continue
            s = self.sum_of(Expr({m: c}))
            if len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "floor":
                s = _scaled(_join([self.sum_of(m[0][0].args[0]), _constant(Fraction(-1), Fraction(0))]), Fraction(c))
            for p in s.values():
                if p.low != p.high and p.term.form:
                    raise _Undecided
                if not p.term.form:
                    low, high = low + float(p.low), high + float(p.high)
                    continue
                logarithm = self._lone_log(p.term)
                if logarithm is not None:
                    name, line_of = logarithm
                    exponent_value = self._ratio(base, p, m, c)
                    slope: Any = math.log(b) * float(p.low)
                    if _near(slope):
                        slope = Fraction(slope).limit_denominator(1000)
                    shown_power = _real_power(name, exponent_value)
                    line_of = {x: q * slope for x, q in line_of.items()}
                    result = _times(result, _single(_term(line_of, shown_power)))
                    continue
                levels = self._level_of(p.term.expr)
                if levels is None:
                    raise _Undecided
                form = _add(form, {levels: math.log(b) * float(p.low)})
                shown = shown + p.term.expr * _fraction(p.low)
        if form:
            result = _times(result, _single(_term(form, power(base, shown)), Fraction(1)))
        if low or high:
            ends = sorted((b ** low, b ** high))
            result = _times(result, _constant(*ends))
        return result

    def _ratio(self, base: Expr, p: _Part, m: Any, c: Number) -> Expr:
        """base ** (c * log(x, b)) is x ** (c * log(base) / log(b)): that exponent, exact where it can be."""
        value = math.log(_value(base)) * float(p.low)
        if _near(value):
            return num(Fraction(value).limit_denominator(1000))
        logs = [a for a, k in m if isinstance(a, Fn) and a.op in ("log", "floor") and k == 1]
        if len(logs) == 1 and len(m) == 1:
            x = logs[0]
            sign = 1
            if x.op == "floor":
                inside = x.args[0]
                if len(inside.terms) != 1:
                    return num(Fraction(value))
                (im, ic), = inside.terms.items()
                if len(im) != 1 or not isinstance(im[0][0], Fn) or im[0][0].op != "log":
                    return num(Fraction(value))
                x, c = im[0][0], c * ic
            b = x.args[1]
            exact = log(base) * c * sign / (log(b) if b != 0 else ONE)
            if abs(_value(exact) - value) < 1e-9 * max(1.0, abs(value)):
                return exact
        return num(Fraction(value))

    def _lone_log(self, t: _Term) -> tuple[Expr, Form] | None:
        """(x, the logarithm of x) if the term is log(x)."""
        if len(t.form) == 1 and t.form[0][1] == 1:
            m = t.form[0][0]
            if len(m) == 1 and m[0][1] == 1 and m[0][0][0] == 2:
                name = m[0][0][1]
                if name in self.names and t.expr == log(self.names[name]):
                    return self.names[name], {(((1, name), 1),): Fraction(1)}
                atom = t.expr.atom
                if name in self.pseudo and not self.pseudo[name][1] and isinstance(atom, Fn):
                    return atom.args[0], self.pseudo[name][0]
        return None

    def _level_of(self, e: Expr) -> Mono | None:
        """x, log x and products of them as levels."""
        if len(e.terms) != 1:
            return None
        out: dict[Var, int | Fraction] = {}
        for a, k in next(iter(e.terms)):
            level, x = 0, a
            while isinstance(x, Fn) and x.op == "log" and x.args[1] == 0 and x.args[0].atom is not None:
                level, x = level + 1, x.args[0].atom
            if not isinstance(x, Sym) or x.name in self.small:
                return None
            v = (level, x.name)
            out[v] = out.get(v, 0) + k
        return tuple(sorted(out.items()))

    # ------------------------------------------------------------ extrema and cases

    def largest(self, options: list[Sum]) -> Sum:
        """The maximum of several, one of which is positive."""
        known: list[tuple[Sum, list[_Part]]] = []
        unknown: list[Sum] = []
        for s in options:
            try:
                known.append((s, self.leading(s) if s else []))
            except _Undecided:
                unknown.append(s)
        known = [(s, top) for s, top in known if top]
        if not known:
            raise _Undecided
        for s, top in known:
            others = [p for r, _ in known if r is not s for p in r.values()] + [p for r in unknown for p in r.values()]
            if all(p.high <= 0 or any(self.strictly(p.term, q.term) for q in top) for p in others):
                return s
        for s in unknown:
            for p in s.values():
                if p.high > 0 and not self.below_all(p.term, [q.term for _, top in known for q in top]):
                    raise _Undecided
        parts = _join(_single(p.term, float(p.low) / len(known), float(p.high)) for _, top in known for p in top)
        return {k: _Part(p.term, p.low if not unknown else TINY, HUGE if unknown else p.high) for k, p in parts.items()}

    def smallest(self, options: list[Sum]) -> Sum:
        """The minimum of several, one of which is positive."""
        tops: list[tuple[Sum, list[_Part]]] = []
        unknown: list[Sum] = []
        for s in options:
            try:
                tops.append((s, self.leading(s)))
            except _Undecided:
                unknown.append(s)
        if not tops:
            raise _Undecided
        if unknown:     # at most any of the others, at least 0 or what the negative terms of these take off
            below = [{k: _Part(p.term, p.low, Fraction(0)) for k, p in s.items() if p.low < 0} for s in unknown]
            known = {k: _Part(p.term, min(p.low, Fraction(0)), p.high) for k, p in tops[0][0].items()}
            return _join([known, *below])
        kept: list[tuple[Sum, list[_Part]]] = []
        for i, (s, top) in enumerate(tops):
            larger = False
            for j, (_, other) in enumerate(tops):
                if i != j and all(self.below_all(q.term, [p.term for p in top]) for q in other) and (
                        j < i or not all(self.below_all(p.term, [q.term for q in other]) for p in top)):
                    larger = True
            if not larger:
                kept.append((s, top))
        if len(kept) == 1:
            s, top = kept[0]
            rest = [[q.term for q in other] for r, other in tops if r is not s]
            strict = all(any(self.strictly(p.term, q) for q in other) for other in rest for p in top)
            loose = _join(_single(p.term, TINY, HUGE) for p in top)
            return s if strict else loose
        terms = [self._as_term(top) for _, top in kept]
        name = self._extremum("min", tuple(dict(t.form) for t in terms))
        common = _common([t.expr for t in terms])
        shown = common * min_(*(t.expr / common for t in terms))     # a sum has no common factor: see _common
        return _single(_term({(((1, name), 1),): Fraction(1)}, shown), TINY, HUGE)

    def _as_term(self, top: list[_Part]) -> _Term:
        """A sum as one term."""
        if len(top) == 1:
            return top[0].term
        name = self._extremum("max", tuple(dict(p.term.form) for p in top))
        return _term({(((1, name), 1),): Fraction(1)}, _written(top))

    def piecewise(self, a: Fn) -> Sum:
        """The case that holds for large symbols, or an order that all cases have."""
        cases: list[tuple[Cond, Expr]] = []
        before: list[Cond] = []
        for x, c in zip(a.args, a.conds, strict=True):
            holds = self.eventually(c)
            if holds is True:
                cases.append((conj(*before), x))
                break
            if holds is None:
                cases.append((conj(*before, c), x))
                before.append(negate(c))
        if len(cases) == 1:
            return self.sum_of(cases[0][1])
        if not cases or self.depth > DEPTH:
            raise _Undecided
        some = [(c, x) for c, x in cases if x != ZERO]
        try:
            found = self._unified(some)
            return found if len(some) == len(cases) else {k: _Part(p.term, 0 * p.low, p.high) for k, p in found.items()}
        except _Undecided:
            return self._hull([self.sum_of(x) for _, x in cases])

    @staticmethod
    def _hull(sums: list[Sum]) -> Sum:
        """What lies between the terms of any of them."""
        out: Sum = {}
        for key in dict.fromkeys(k for s in sums for k in s):
            known = [s[key] for s in sums if key in s]
            absent = [Fraction(0)] if len(known) < len(sums) else []
            out[key] = _Part(known[0].term, min([*(p.low for p in known), *absent]),
                             max([*(p.high for p in known), *absent]))
        return out

    def _unified(self, cases: list[tuple[Cond, Expr]]) -> Sum:
        """One order that agrees with that of each case where the case holds."""
        branches: list[tuple[_Space, list[_Part]]] = []
        for c, x in cases:
            inner = _space(conj(self.domain, c))
            if inner.domain == FALSE or inner.facts.contradictory:
                continue
            inner.know(x)
            x = inner.settled(x)
            if x == ZERO:
                raise _Undecided
            branches.append((inner, inner.leading_of(x, None)))
        written = [_written(top) for _, top in branches]
        candidates = list(dict.fromkeys([*written, sum(written, ZERO), *(_logs_raised(w) for w in written)]))
        if all(len(w.terms) == 1 for w in written):
            candidates.append(min_(*written))
        for candidate in candidates:
            try:
                if all(self._same(inner, candidate, w) for (inner, _), w in zip(branches, written, strict=True)):
                    s = self.sum_of(candidate)
                    return {k: _Part(p.term, TINY, HUGE) for k, p in s.items()}
            except _Undecided:
                continue
        raise _Undecided

    @staticmethod
    def _same(space: _Space, a: Expr, b: Expr) -> bool:
        return a == b or compare(a, b, space.domain) == "="

    def eventually(self, c: Cond) -> bool | None:
        """Whether a condition holds for all large symbols (True), for none (False), or that is not known (None)."""
        match c:
            case And(parts=parts):
                found = [self.eventually(p) for p in parts]
                return False if False in found else None if None in found else True
            case Or(parts=parts):
                found = [self.eventually(p) for p in parts]
                return True if True in found else None if None in found else False
            case Rel(op=op, e=e):
                if self.facts.implies(c):
                    return True
                if self.facts.refutes(c):
                    return False
                if op == ">=":
                    e = _least_ceiling(e)
                for sign in (1, -1):
                    try:
                        self.leading(self.sum_of(e * sign))
                    except (_Undecided, EvaluationError, ValueError, OverflowError, ZeroDivisionError):
                        continue
                    return {">=": sign > 0, ">": sign > 0, "==": False, "!=": True}[op]
                return None

    # ------------------------------------------------------------ factorials, binomials, sums

    def factorial(self, x: Expr) -> Sum:
        constant = x.terms.get((), 0)
        rest = x - constant
        if len(rest.terms) != 1 or not isinstance(constant, int):
            raise _Undecided
        (m, c), = rest.terms.items()
        line = self._level(m)
        if line is None or c <= 0:
            raise _Undecided
        base = self.sum_of(rest)
        (p,) = base.values()
        form: Form = {}
        for part, q in p.term.form:     # Stirling: x log x - x + log(x)/2
            form = _add(form, {self._mono(dict(line), part): q * Fraction(c)})
        form = _add(form, {line: float(c) * (math.log(c) - 1) if c != 1 else Fraction(-1)})
        form = _add(form, dict(p.term.form), Fraction(1, 2) + constant)
        return _single(_term(form, factorial(rest) * power(p.term.expr, constant)), TINY, HUGE)

    def binomial(self, a: Fn) -> Sum:
        """binomial(c*n + d, e*n + f) by Stirling's formula, binomial(n, number) as a power, others as they stand."""
        x, y = a.args
        for lower in (y, x - y):
            k = lower.number
            if isinstance(k, int) and 0 <= k <= 1000:
                top = self.leading(self.sum_of(x))
                return self.power({_key(dict(p.term.form)): _Part(p.term, TINY, HUGE) for p in top}, Fraction(k)) if k \
                    else _constant(Fraction(1))
        names = sorted(x.free | y.free)
        if len(names) == 1 and names[0] not in self.small:
            px, py = x.coefficients(names[0]), y.coefficients(names[0])
            if px is not None and py is not None and set(px) <= {0, 1} and set(py) <= {0, 1}:
                c, e = px.get(1, ZERO).number, py.get(1, ZERO).number
                if c is not None and e is not None and 0 < e < c:
                    return self._central(names[0], Fraction(c), Fraction(e))
        if any(self.sum_of(z) and len(self.sum_of(z)) > 3 for z in (x, y)):
            raise _Undecided
        name = str(Expr({((a, 1),): 1}))
        self.names.setdefault(name, Expr({((a, 1),): 1}))
        for z in (y, x - y):
            try:
                for p in self.leading(self.sum_of(z)):
                    if self.strictly(UNIT, p.term):
                        for m, c2 in p.term.form:       # at least (x choose k) for any fixed k
                            fact: Form = {(((1, name), 1),): Fraction(1), m: -abs(Fraction(c2)) * FAR}
                            if fact not in self.exact:
                                self.exact.append(fact)
                                self.proved.clear()
            except _Undecided:
                continue
        return _single(_term({(((1, name), 1),): Fraction(1)}, self.names[name]))

    def _central(self, name: str, c: Fraction, e: Fraction) -> Sum:
        rate = float(c) * math.log(c) - float(e) * math.log(e) - float(c - e) * math.log(c - e)
        x = self.names[name]
        exact = _value_of_rate(c, e)
        shown = power(exact, x) * power(x, Fraction(-1, 2))
        form: Form = {(((0, name), 1),): rate, (((1, name), 1),): Fraction(-1, 2)}
        return _single(_term(form, shown), TINY, HUGE)

    def total(self, a: Fn) -> Sum:
        """A sum by comparison with an integral or with its largest term."""
        body, lo, hi = a.args
        k = a.name
        index = next((s for s in body.atoms() if isinstance(s, Sym) and s.name == k), None)
        if index is None or self.depth > DEPTH:
            raise _Undecided
        k += '"'        # no other symbol has this name
        i = sym(k, index.kind)
        body = body.subs({a.name: i})
        inner = _Space(conj(self.domain, Rel(">=", i - lo), Rel(">=", hi - i), Rel(">=", i - 1)))
        inner.know(body)
        if k in inner.small:
            raise _Undecided
        top = self.leading(self.sum_of(hi))
        low = self.sum_of(lo) if lo.terms else {}
        if any(p.term.form for p in low.values()):
            raise _Undecided
        if len(top) != 1 or not self.strictly(UNIT, top[0].term):
            raise _Undecided
        parts = []
        leading = inner.leading_of(body, None)
        # which argument of an extremum counts may change with the index
        hidden = {
            name
            for name, (_, forms) in inner.extrema.items()
            if any(v[1] == k or v[1].startswith("#") for f in forms for m in f for v, _ in m)
        }
        for p in leading:
            if any(name in hidden for m, _ in p.term.form for (_, name), _ in m):
                raise _Undecided
            parts.append(self._sum_term(p.term, k, hi, top[0].term))
        return {key: _Part(p.term, TINY, HUGE) for key, p in _join(parts).items()}

    @staticmethod
    def _outgrows_powers(form: Form, k: str) -> bool:
        """Whether the logarithm of a term of a sum rises faster than its index, as those of k! and 2**(k**2) do."""
        def rate(m: Mono) -> tuple[Any, ...]:
            powers = {level: q for (level, _), q in m}
            return tuple(powers.get(level, 0) for level in range(4))

        if not form or any(name != k for m in form for (_, name), _ in m):
            return False
        top = max(form, key=rate)
        return form[top] > 0 and rate(top) > (1, 0, 0, 0)

    def _sum_term(self, t: _Term, k: str, hi: Expr, top: _Term) -> Sum:
        form = dict(t.form)
        mine = {m: c for m, c in form.items() if any(name == k for (_, name), _ in m)}
        fixed = t.expr
        inside = {name for m in form for (_, name), _ in m if k in name and name != k}
        if not inside and self._outgrows_powers(mine, k):       # every term is a multiple of the one before
            return self.sum_of(fixed.subs({k: hi}))
        if inside or any(len(m) != 1 or m[0][1] != 1 for m in mine):
            raise _Undecided
        by_level = {m[0][0][0]: c for m, c in mine.items()}
        rest = fixed.subs({k: ONE}) if not set(by_level) - {0, 1} else None
        shape = [by_level.get(level, Fraction(0)) for level in range(5)]
        if shape[0] > 0:                                     # geometric: the last term
            return self.sum_of(fixed.subs({k: hi}))
        if rest is None:
            rest = _without(fixed, k)
        if shape[0] < 0:                                     # the first term
            return self.sum_of(rest)
        if shape[1] > -1:                                    # the length times the last term
            return _times(self.sum_of(fixed.subs({k: hi})), _single(top))
        if shape[1] < -1:
            return self.sum_of(rest)
        if shape[2] > -1:
            logs = self.logarithm(_single(top))
            return _times(self.sum_of(rest), self.power(logs, Fraction(shape[2]) + 1))
        raise _Undecided


def _logs_raised(e: Expr) -> Expr:
    """With log(1 + q) for log(q), where q is a quotient that may be below 1."""
    def raised(a: Atom) -> Expr | None:
        if isinstance(a, Fn) and a.op == "log" and len(a.args[0].terms) == 1:
            (m, _), = a.args[0].terms.items()
            if any(k < 0 for _, k in m):
                return log(a.args[0] + 1)
        return None

    return e.rebuild(raised)


def _least_ceiling(e: Expr) -> Expr:
    """ceiling(x) >= 1 says that x > 0, floor(x) >= 1 that x >= 1."""
    rest = e + 1
    if len(rest.terms) == 1:
        (m, c), = rest.terms.items()
        if len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "floor":
            return -m[0][0].args[0] if c == -1 else m[0][0].args[0] - 1 if c == 1 else e
    return e


def _without(e: Expr, name: str) -> Expr:
    """The monomial without the factors in which a symbol occurs."""
    (m, _), = e.terms.items()
    return Expr({tuple((a, k) for a, k in m if name not in Expr({((a, 1),): 1}).free): 1})


def _plain(k: Fraction) -> Number:
    return k.numerator if k.denominator == 1 else k


def _rational(c: Any) -> Fraction:
    return c if isinstance(c, Fraction) else Fraction(c)


def _near(x: float) -> bool:
    """Whether a float is a simple fraction."""
    return abs(float(Fraction(x).limit_denominator(1000)) - x) < 1e-12


def _fraction(c: Any) -> Number:
    f = c if isinstance(c, Fraction) else Fraction(c).limit_denominator(10 ** 6)
    return _plain(Fraction(f))


def _real_power(x: Expr, exponent: Expr) -> Expr:
    value = exponent.number
    if value is not None:
        return power(x, value)
    return Expr({((Fn("pow", (x, exponent)), 1),): 1})


def _value_of_rate(c: Fraction, e: Fraction) -> Expr:
    """c**c / (e**e * (c-e)**(c-e))"""
    return power(num(c), c) * power(num(e), -e) * power(num(c - e), e - c)


def _common(exprs: Sequence[Expr]) -> Expr:
    """The largest monomial that divides all of them."""
    factors: dict[Atom, Number] | None = None
    for e in exprs:
        if len(e.terms) != 1:
            return ONE
        (m, _), = e.terms.items()
        mine = dict(m)
        if factors is None:
            factors = mine
        else:
            factors = {a: min(k, mine[a]) for a, k in factors.items() if a in mine and mine[a] > 0 and k > 0}
    result = ONE
    for a, k in sorted((factors or {}).items(), key=lambda p: p[0].key):
        result = result * Expr({((a, k),): 1})
    return result
