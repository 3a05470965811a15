"""Divide and conquer with any parts: the order by Akra and Bazzi, and safe bounds with constants.

    T(n) = sum of a_i T(x_i) + g(n) for n > t,  with b_i n + l_i <= x_i <= b_i n + h_i,  0 < b_i < 1,  a_i > 0, g >= 0.

Order (Akra and Bazzi 1998; Leighton 1996 for the rounding): with sum a_i b_i^p = 1, T is of the order of n^p (1 +
integral of g(u)/u^(p+1)); for g = n^s log^k loglog^r the integral is done by cases, log powers of -1 and below
included.

Bounds, by induction: let h = max h_i/(1 - b_i), so that x_i - h <= b_i (n - h), and let V be nondecreasing with
V(x) >= sum a_i V(b_i x) + g(x + h). If T(n) <= V(n - h) for t < n <= N, and all x_i > t beyond N, then for every n >
t, since T(n) <= sum a_i V(x_i - h) + g(n) <= sum a_i V(b_i (n - h)) + g(n) <= V(n - h). V is a combination of powers
that turns the inequality into an identity (times C x^p, which costs nothing), and C is fitted to the window t < n <=
N. Below all the same with h' = max -l_i/(1 - b_i) and x = n + h'. Parameters enter linearly: each monomial in them is
bounded alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ..equations import Case, Function, System
from ..evaluate import EvaluationError, Evaluator, compile_expr
from ..expr import (
    ONE,
    TRUE,
    ZERO,
    Cond,
    Expr,
    Fn,
    Monomial,
    Number,
    Sym,
    call,
    conj,
    ge,
    is_nonneg,
    log,
    num,
    power,
    sym,
)
from .first_order import sum_order, without_constants
from .model import Closed, Recurrence
from .scale import Scale, leading
from .structure import recurrence, slope
from .sums import atom_expr

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["akra_bazzi", "akra_bazzi_order", "exponent"]

Parts = list[tuple[Number, Number, Number, Number]]  # (a, b, low, high)
_WINDOW = 60_000


def _parts(rec: Recurrence) -> Parts | None:
    out = []
    for coef, arg in rec.calls:
        a = coef.number
        found = slope(arg, rec.var)
        if a is None or a <= 0 or found is None or not 0 < found[0] < 1:
            return None
        out.append((a, *found))
    return out or None


def exponent(parts: Parts) -> tuple[Scale, Number | None]:
    """p with sum a b^p = 1 as the scale n^p, and p itself if it is rational and proved so."""
    slopes = {Fraction(b) for _, b, _, _ in parts}
    if len(slopes) == 1:
        (b,) = slopes
        a = sum((Fraction(x) for x, _, _, _ in parts), Fraction(0))
        p = -math.log(a) / math.log(b)
        for q in (1, 2, 3, 4):
            guess = Fraction(round(p * q), q)
            if a**q == (1 / b) ** (guess * q).numerator and (guess * q).denominator == 1:
                return Scale(power=_norm(guess)), _norm(guess)
        return Scale(power=p, exact_power=log(num(a)) / log(num(1 / b))), None
    for guess in (Fraction(k) for k in range(-4, 9)):
        if sum(Fraction(a) * Fraction(b) ** guess.numerator for a, b, _, _ in parts) == 1:
            return Scale(power=_norm(guess)), _norm(guess)
    p, text = _numeric(parts)
    for q in (2, 3, 4):
        guess = Fraction(round(p * q), q)
        if abs(float(guess) - p) < 1e-14 and _is_power(parts, guess):
            return Scale(power=guess), guess
    return Scale(power=p, exact_power=atom_expr(Fn(text, ()))), None


def _is_power(parts: Parts, guess: Fraction) -> bool:
    """Whether all b^guess are rational and the sum is 1."""
    total = Fraction(0)
    for a, b, _, _ in parts:
        x = power(num(b), guess).number
        if x is None:
            return False
        total += Fraction(a) * Fraction(x)
    return total == 1


def _numeric(parts: Parts) -> tuple[float, str]:
    from mpmath import mp, mpf  # type: ignore[import-untyped]

    with mp.workdps(50):
        rows = [
            (mpf(Fraction(a).numerator) / Fraction(a).denominator, mpf(Fraction(b).numerator) / Fraction(b).denominator)
            for a, b, _, _ in parts
        ]
        low, high = mpf(-60), mpf(60)
        for _ in range(170):
            middle = (low + high) / 2
            if sum(a * b**middle for a, b in rows) > 1:
                low = middle
            else:
                high = middle
        return float(low), mp.nstr(low, 30)


def _norm(x: Fraction) -> Number:
    return x.numerator if x.denominator == 1 else x


def akra_bazzi_order(f: Function) -> Iterator[Closed]:
    """The order alone."""
    rec = recurrence(f)
    if rec is None:
        return
    order = _order(rec)
    if order is not None:
        yield Closed(None, False, TRUE, ("Akra-Bazzi",), order)


def _order(rec: Recurrence) -> Expr | None:
    parts = _parts(rec)
    if parts is None or rec.guard.free or rec.threshold.free or any(e.free - {rec.var} for _, e in rec.base):
        return None
    p, _ = exponent(parts)
    if not rec.forcing.terms:
        if not any(e.terms for _, e in rec.base) or not all(is_nonneg(e) for _, e in rec.base):
            return None
        return p.expr(rec.var)
    found = leading(rec.forcing, rec.var)
    if found is None:
        return None
    g, coefficient = found
    value = coefficient.number
    if value is not None and value <= 0:
        return None
    if g.fact or g.base != 1:
        return g.expr(rec.var) * without_constants(coefficient) if g.fact >= 0 and g.base > 1 else None
    if coefficient.free and p.key >= g.key:
        return None  # the base values, without that parameter, count as much
    total = sum_order(g * Scale(power=-1), p)
    if total is None:
        return None
    return total.expr(rec.var) * without_constants(coefficient)


def akra_bazzi(work: Work, f: Function) -> Iterator[Closed]:
    """A closed bound on the side asked for, with the order if that is known."""
    rec = recurrence(f)
    if rec is None:
        return
    parts = _parts(rec)
    start = rec.threshold.number
    if parts is None or not isinstance(start, int) or rec.guard.free:
        return
    upper = work.side == "upper"
    if upper:
        h = max(Fraction(hi) / (1 - Fraction(b)) for _, b, _, hi in parts)
    else:
        h = max(-Fraction(lo) / (1 - Fraction(b)) for _, b, lo, _ in parts)
    h = max(h, Fraction(0))
    begin = start + 1
    if upper and begin <= h:
        begin = math.floor(h) + 1
    first = begin
    if start <= 3:  # then the base sizes are few, and belong into the window
        first = max(1, min(begin, math.floor(h) + 1 if upper else 1))
    smallest = min(Fraction(b) for _, b, _, _ in parts)
    lowest = min(Fraction(lo) for _, _, lo, _ in parts)
    last = math.ceil((begin - lowest) / smallest) + 1
    if last > _WINDOW:
        return
    units = _units(rec)
    if units is None:
        return
    p, rational = exponent(parts)
    total = ZERO
    for unit, forcing in units:
        work.deadline.check()
        bound = _bound(rec, parts, unit, forcing, p, rational, h, first, last, upper, work)
        if bound is None:
            return
        total = total + bound * Expr({unit: 1})
    order = _order(rec) if not rec.forcing.free - {rec.var} else None
    yield Closed(total, False, ge(sym(rec.var), num(first)), ("Akra-Bazzi",), order)


def _units(rec: Recurrence) -> list[tuple[Monomial, dict[Number, Number]]] | None:
    """The forcing term by monomials in the parameters: exponent of the variable -> coefficient."""
    out: dict[Monomial, dict[Number, Number]] = {}
    for m, c in rec.forcing.terms.items():
        exponent_: Number = 0
        rest = []
        for a, k in m:
            if isinstance(a, Sym) and a.name == rec.var:
                exponent_ = k
            elif rec.var in atom_expr(a).free:
                return None
            else:
                rest.append((a, k))
        unit = tuple(rest)
        if not is_nonneg(Expr({unit: 1})) or exponent_ < 0:
            return None
        powers = out.setdefault(unit, {})
        powers[exponent_] = powers.get(exponent_, 0) + c
    for _, e in rec.base:
        for m in e.terms:
            unit = tuple((a, k) for a, k in m if not (isinstance(a, Sym) and a.name == rec.var))
            if any(rec.var in atom_expr(a).free for a, _ in unit) or not is_nonneg(Expr({unit: 1})):
                return None
            out.setdefault(unit, {})
    return sorted(out.items(), key=lambda t: Expr({t[0]: 1}).key)


def _bound(
    rec: Recurrence,
    parts: Parts,
    unit: Monomial,
    forcing: dict[Number, Number],
    p: Scale,
    rational: Number | None,
    h: Fraction,
    begin: int,
    last: int,
    upper: bool,
    work: Work,
) -> Expr | None:
    shifted = _shifted(forcing, h if upper else -h, upper)
    if shifted is None:
        return None
    terms: list[tuple[Number, int, Number]] = []  # exponent, power of the logarithm, coefficient
    equal = len({b for _, b, _, _ in parts}) == 1
    for s, c in sorted(shifted.items()):
        if not c:
            continue
        if rational is not None and s == rational:
            if equal:
                terms.append((s, 1, c))  # to the base 1/b: an identity
            else:
                rate = -sum(float(a) * float(b) ** float(s) * math.log(b) for a, b, _, _ in parts)
                terms.append((s, 1, _outward(float(c) / rate, upper)))
            continue
        if isinstance(s, int):
            weight = 1 - sum(Fraction(a) * Fraction(b) ** s for a, b, _, _ in parts)
            terms.append((s, 0, _norm(Fraction(c) / weight)))
        else:
            gap = 1 - sum(float(a) * float(b) ** float(s) for a, b, _, _ in parts)
            value = float(c) / gap
            terms.append((s, 0, _outward(value, (value * gap > 0) == upper if gap > 0 else not upper)))
    x = sym(rec.var) - num(h) if upper else sym(rec.var) + num(h)
    base = Fraction(parts[0][1]) if equal else None
    form = ZERO
    for s, k, c in terms:
        piece = power(x, s) * c
        if k:
            inverse = 1 / base if base is not None else None
            piece = piece * (
                log(x, _norm(inverse))
                if inverse is not None and inverse.denominator == 1
                else log(x) / (log(num(inverse)) if inverse is not None else ONE)
            )
        form = form + piece
    top: Expr = power(x, rational) if rational is not None else power(x, p.exact_power or num(0))
    if float(p.power) < 0:
        top = ONE
    values = _values(rec, unit, begin, last, work)
    if values is None:
        return None
    fixed, free = compile_expr(form, (rec.var,), digits=15), compile_expr(top, (rec.var,), digits=15)
    try:
        ratios = [(float(v) - float(fixed(n))) / float(free(n)) for n, v in values]
    except (EvaluationError, OverflowError, ZeroDivisionError):
        return None
    c = _outward(max(ratios) if upper else min(ratios), upper)
    if float(p.power) < 0:
        c = max(c, 0) if upper else min(c, 0)
    whole = form + top * c
    if not _nondecreasing(whole, rec.var, begin):
        return None
    return whole


def _shifted(forcing: dict[Number, Number], h: Fraction, upper: bool) -> dict[Number, Number] | None:
    """g(x + h) as powers of x, from above or below."""
    if not h:
        return dict(forcing)
    out: dict[Number, Number] = {}
    for s, c in forcing.items():
        if isinstance(s, int):
            for i in range(s + 1):
                out[i] = out.get(i, 0) + c * math.comb(s, i) * h ** (s - i)
        elif c > 0 and s > 1:
            # Bernoulli: (x + h)^s >= x^s + s h x^(s-1); above, the error is of the next order and h <= x
            if upper:
                return None
            out[s] = out.get(s, 0) + c
            out[s - 1] = out.get(s - 1, 0) + c * s * h
        elif c > 0 and 0 < s < 1:
            out[s] = out.get(s, 0) + c
            extra = Fraction(math.ceil(float(abs(h)) ** float(s) * 1000), 1000)
            out[0] = out.get(0, 0) + (extra if h > 0 else -extra) * c
        else:
            return None
    return {s: _norm(Fraction(c)) for s, c in out.items()}


def _outward(x: float, up: bool) -> Number:
    """A short rational number not below x (or not above it)."""
    if x == 0:
        return 0
    nearest = round(x)
    if abs(x - nearest) < 1e-9:
        return nearest
    digits = 10 ** max(0, 3 - math.floor(math.log10(abs(x))))
    return _norm(Fraction(math.ceil(x * digits) if up else math.floor(x * digits), digits))


def _values(rec: Recurrence, unit: Monomial, begin: int, last: int, work: Work) -> list[tuple[int, Number]] | None:
    """T(n) for begin <= n <= last with only this monomial of the parameters."""

    def only(e: Expr) -> Expr:
        kept = ZERO
        for m, c in e.terms.items():
            rest = tuple((a, k) for a, k in m if rec.var in atom_expr(a).free)
            if tuple(q for q in m if q not in rest) == unit:
                kept = kept + Expr({rest: c})
        return kept

    n = sym(rec.var)
    value = only(rec.forcing)
    for coef, arg in rec.calls:
        value = value + coef * call("@", arg)
    cases = tuple(Case(_upto(g, rec), only(e)) for g, e in rec.base)
    f = Function("@", (rec.var,), (*cases, Case(TRUE, value)))
    evaluator = Evaluator(System({"@": f}, call("@", n), TRUE), work.side, fuel=500_000, seconds=2.0, digits=15)
    out = []
    try:
        for at in range(begin, last + 1):
            v = evaluator.call("@", at)
            out.append((at, v))
    except EvaluationError:
        return None
    return out


def _upto(guard: Cond, rec: Recurrence) -> Cond:
    return conj(guard, ge(rec.threshold, sym(rec.var)))


def _nondecreasing(e: Expr, var: str, begin: int) -> bool:
    value = compile_expr(e, (var,), digits=30)
    try:
        before = value(begin)
        x = begin
        while x < 10**9:
            x = x + 1 if x < begin + 40 else x + x // 3
            now = value(x)
            if now < before:
                return False
            before = now
    except EvaluationError:
        return False
    return True
