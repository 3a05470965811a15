"""First order with coefficients that vary: T(n) = a(n) T(n-1) + g(n), a a rational function of n.

The product P(n) of a(i) up to n is written with factorials, central binomials and powers; then T(n)/P(n) is a sum
(the summation factor, Concrete Mathematics 2.2), which `sums` closes where g/P is a rational function, polynomial
times geometric, or the like.

Where it does not close, the order follows by comparing the terms g(i)/P(i) with a geometric series or an integral: if
they are summable T is of the order of P, if they grow geometrically of that of g, in between of that of P times the
integral. Needs a > 0, g >= 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from .. import growth
from ..equations import Function
from ..expr import ONE, TRUE, ZERO, Expr, Number, binomial, factorial, ge, is_nonneg, num, power, sum_, sym
from . import polynomial as poly
from .model import Closed, Recurrence
from .scale import Scale, leading
from .structure import base_at, recurrence
from .sums import Summand, atom_expr, split_monomial, summation

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["first_order", "rational", "sum_order", "without_constants"]


def first_order(work: Work, f: Function) -> Iterator[Closed]:
    """Closed form, or the order alone."""
    rec = recurrence(f)
    if rec is None or len(rec.calls) != 1 or rec.guard.free:
        return
    coef, arg = rec.calls[0]
    n = sym(rec.var)
    start = rec.threshold.number
    if coef == ONE and isinstance((n - arg).number, int) and isinstance(start, int):
        yield from _by_steps(rec)
    if n - arg != ONE or not isinstance(start, int):
        return
    a = rational(coef, rec.var)
    if a is None:
        return
    # begin above the last zero and pole of a
    special = [-b for b in (*a.denominator, *_zeros(a)) if isinstance(b, int)]
    begin = max([start, *(x for x in special)])
    if begin - start > 60:
        return
    value = _value(rec, begin)
    if value is None:
        return
    product = _product(a, n, begin)
    if product is None:
        return
    form, scale = product
    total = _closed_sum(rec, form, begin)
    if total is not None:
        result = form * (value + total)
        low = begin
        while low > 0 and low > start - 3 and _agrees(result, rec, low - 1):
            low -= 1
        yield Closed(result, True, ge(n, num(low)), ("summation factor",))
    if a.coef.number is not None:       # how a symbol to the n-th power compares with the forcing term is not known
        yield from _order(rec, scale, value, begin)


def _by_steps(rec: Recurrence) -> Iterator[Closed]:
    """T(n) = T(n - s) + g(n) with sums of g that grow without bound: every s-th term of them, of one order with all."""
    if not all(e.number is not None for _, e in rec.base):
        return
    i = "_i"
    total = growth.order(sum_(rec.forcing.subs({rec.var: sym(i)}), i, num(2), sym(rec.var)))
    if total is None or growth.order(rec.forcing) is None or growth.compare(total, ONE) != ">":
        return
    yield Closed(None, False, TRUE, ("order of a sum",), total)


def _agrees(form: Expr, rec: Recurrence, at: int) -> bool:
    base = base_at(rec, num(at))
    try:
        return base is not None and form.subs({rec.var: num(at)}) == base
    except (ZeroDivisionError, ValueError):
        return False


def _value(rec: Recurrence, begin: int) -> Expr | None:
    start = rec.threshold.number
    assert isinstance(start, int)
    value = base_at(rec, num(start))
    coef = rec.calls[0][0]
    for at in range(start + 1, begin + 1):
        if value is None:
            return None
        try:
            value = coef.subs({rec.var: num(at)}) * value + rec.forcing.subs({rec.var: num(at)})
        except (ZeroDivisionError, ValueError):
            return None
    return value


def rational(coef: Expr, var: str) -> Summand | None:
    """coef as constant * product of (n + b)^k; numerator and denominator split into linear factors."""
    # bring the terms over a common denominator first
    bottom: dict[Number, int] = {}
    parts = []
    for m, c in coef.terms.items():
        s = split_monomial(Expr({m: c}), var)
        if s is None or s.specials or s.ratio != ONE or var in s.coef.free:
            return None
        parts.append(s)
        for b, k in s.denominator.items():
            bottom[b] = max(bottom.get(b, 0), k)
    top: poly.Poly = []
    scale = parts[0].coef
    for s in parts:
        ratio = (s.coef / scale).number
        if ratio is None:
            return None
        p = poly.scale(s.numerator, ratio)
        for b, k in bottom.items():
            for _ in range(k - s.denominator.get(b, 0)):
                p = poly.mul(p, [b, 1])
        top = poly.add(top, p)
    if not top:
        return None
    return Summand(scale, ONE, top, bottom)


def _zeros(a: Summand) -> list[Number]:
    return [-r for r, _ in poly.factor(a.numerator)[0]]


def _product(a: Summand, n: Expr, begin: int) -> tuple[Expr, Scale] | None:
    """The product of a(i) for i = begin + 1 .. n, and its scale."""
    roots, rest = poly.factor(a.numerator)
    if len(rest) != 1:
        return None
    constant = a.coef * rest[0]
    exponents: dict[Number, int] = {}
    for r, k in roots:
        exponents[-r] = exponents.get(-r, 0) + k
    for b, k in a.denominator.items():
        exponents[b] = exponents.get(b, 0) - k
    form = power(constant, n - begin)
    c = constant.number
    # Stirling: the product of (i + b) is n! n^b up to a constant
    fact = sum(exponents.values())
    exponent = sum((Fraction(b) * k for b, k in exponents.items()), Fraction(0))
    if c is not None and c <= 0:
        return None
    scale = Scale(fact=fact, base=c if c is not None else 1, power=exponent)
    whole = 0
    central = 0
    for b, k in sorted(exponents.items()):
        if isinstance(b, int):
            if begin + b < 0:
                return None
            # (n + b)! / (begin + b)!
            whole += k
            side = ONE
            for q in range(1, b + 1):
                side = side * power(n + q, 1)
            for q in range(0, -b):
                side = side * power(n - q, -1)
            form = form * power(side, k) * power(num(_factorial(begin + b)), -k)
        elif Fraction(b).denominator == 2:
            # (i - 1/2) multiplies up to (2n)! / (4^n n!)
            shift = int(b + Fraction(1, 2))
            if begin + shift < 0:
                return None
            whole += k
            central += k
            side = ONE
            for q in range(1, shift + 1):
                side = side * (n + Fraction(2 * q - 1, 2))
            for q in range(0, -shift):
                side = side * power(n - Fraction(2 * q + 1, 2), -1)
            at = begin + shift
            first = Fraction(_factorial(2 * at), 4**at * _factorial(at))
            form = form * power(side, k) * power(num(first), -k) * power(power(num(4), n), -k)
        else:
            return None
    form = form * power(factorial(n), whole) * power(binomial(n * 2, n), central)
    return form, scale


def _factorial(n: int) -> int:
    value = 1
    for i in range(2, n + 1):
        value *= i
    return value


def _closed_sum(rec: Recurrence, form: Expr, begin: int) -> Expr | None:
    if not rec.forcing.terms:
        return ZERO
    i = "_i"
    term = (rec.forcing * power(form, -1)).subs({rec.var: sym(i)})
    return summation(term, i, num(begin + 1), sym(rec.var))


def _order(rec: Recurrence, scale: Scale, value: Expr, begin: int) -> Iterator[Closed]:
    positive = value.number is not None and value.number > 0
    if not rec.forcing.terms:
        if positive or is_nonneg(value):
            yield Closed(None, False, ge(sym(rec.var), num(begin)), ("summation factor",), scale.expr(rec.var))
        return
    found = leading(rec.forcing, rec.var)
    if found is None:
        return
    g, coefficient = found
    number = coefficient.number
    if number is not None and number <= 0:
        return
    order = sum_order(g, scale)
    if order is None:
        return
    whole = order.expr(rec.var) * without_constants(coefficient)
    first = value.number
    if first is None:
        # what begins with a symbol keeps it: m*2**n beside the sum
        if not is_nonneg(value):
            return
        whole = whole + scale.expr(rec.var) * without_constants(value)
    elif first < 0 and order.key <= scale.key:
        return      # the sum and what is taken off at the start are of one order
    yield Closed(None, False, ge(sym(rec.var), num(begin)), ("order of a sum",), growth.order(whole) or whole)


def without_constants(c: Expr) -> Expr:
    """A coefficient for an order: one monomial loses its number and its constants like log(2)."""
    if not c.free:
        return ONE
    if len(c.terms) != 1:
        return c
    ((m, _),) = c.terms.items()
    return Expr({tuple((a, k) for a, k in m if atom_expr(a).free): 1})


def sum_order(g: Scale, p: Scale) -> Scale | None:
    """The scale of P(n) times the sum of g(i)/P(i)."""
    ratio = g * p.to(-1)
    if (ratio.fact, ratio.base) != (0, 1):
        grows = ratio.key[:2] > (0.0, 0.0)
        return g if grows else p
    if ratio.exact_power is not None and abs(float(ratio.power) + 1) < 1e-9:
        return None
    if ratio.power > -1:
        return g * Scale(power=1)
    if ratio.power < -1:
        return p
    if ratio.logs > -1:
        return p * Scale(logs=ratio.logs + 1, loglogs=ratio.loglogs)
    if ratio.logs == -1 and ratio.loglogs > -1:
        return p * Scale(loglogs=ratio.loglogs + 1)
    return p if ratio.logs < -1 else None
