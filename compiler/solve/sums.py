"""Sums in closed form: polynomial times geometric, rational functions, harmonic numbers, binomials.

In: a summand, its index and its limits (hi >= lo - 1). Out: an expression equal to the sum at every integer, or None.
Used by the recursive rules (a first-order recurrence is a sum) and for sums that stand in a system. Every formula is an
identity: Faulhaber; the antidifference P(j) r^j with r P(j+1) - P(j) = j^d; partial fractions to harmonic numbers;
summation by parts for j^d H(j) (Graham, Knuth, Patashnik, Concrete Mathematics, 2.6 and 6.4); the binomial theorem in
falling powers. A ratio r that is a symbol is taken to differ from 1: `ratios` lists those that occur, so that the
caller can say so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from ..expr import (
    ONE,
    TRUE,
    ZERO,
    Atom,
    Expr,
    Fn,
    Number,
    Rel,
    Sym,
    binomial,
    ceil,
    eq,
    expr,
    floor,
    ge,
    is_integer,
    is_nonneg,
    log,
    lt,
    max_,
    min_,
    num,
    piecewise,
    power,
    sum_,
    sym,
)
from ..simplify import factorials
from . import polynomial as poly

__all__ = ["Summand", "atom_expr", "harmonic", "ratios", "split_monomial", "summation", "tidy"]

_LARGEST_DEGREE = 200


@dataclass(slots=True)
class Summand:
    """coef * ratio^j * numerator(j) / product of (j + b)^k * specials, j the index."""

    coef: Expr
    ratio: Expr = ONE
    numerator: poly.Poly = field(default_factory=lambda: [1])
    denominator: dict[Number, int] = field(default_factory=dict)
    specials: list[tuple[Fn, Number]] = field(default_factory=list)


def atom_expr(a: Atom) -> Expr:
    """The expression that is nothing but this atom."""
    return Expr({((a, 1),): 1})


def harmonic(x: Expr, m: int = 1) -> Expr:
    """The generalised harmonic number: the sum of 1/k^m for k = 1 .. x."""
    value = x.number
    if isinstance(value, int) and 0 <= value <= 60:
        return num(sum((Fraction(1, k**m) for k in range(1, value + 1)), Fraction(0)))
    return atom_expr(Fn("harmonic", (x,) if m == 1 else (x, num(m))))


def summation(body: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """The sum of body for name = lo .. hi in closed form, or None."""
    rest = sum_(body, name, lo, hi)
    left = [
        (m, c, a) for m, c in rest.terms.items() for a, _ in m if isinstance(a, Fn) and a.op == "sum" and a.name == name
    ]
    if not left:
        return rest
    if len(left) != 1:
        return None
    monomial, c, atom = left[0]
    if len(monomial) != 1:
        return None
    result = rest - Expr({monomial: c})
    pieces = _cut_sum(atom.args[0], name, lo, hi)
    if pieces is not None:
        return result + pieces * c
    whole = (
        _binomial_sum(atom.args[0], name, lo, hi)
        if any(isinstance(a, Fn) and a.op == "binomial" for a in atom.args[0].atoms())
        else None
    )
    if whole is not None:
        return result + whole * c
    for m, k in atom.args[0].terms.items():
        part = _sum_monomial(Expr({m: k}), name, lo, hi)
        if part is None:
            return None
        result = result + part * c
    return result


def _cut_sum(body: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """A summand by cases that begin or end at an index: the sum up to there, and the rest."""
    cases = next(
        (
            a
            for m in body.terms
            for a, _ in m
            if isinstance(a, Fn) and a.op == "piecewise" and name in a.conds[0].free
        ),
        None,
    )
    if cases is None:
        return None
    first = cases.conds[0]
    if not isinstance(first, Rel) or first.op != ">=":
        return None
    line = first.e.coefficients(name)
    if line is None or line.get(1) not in (ONE, num(-1)) or set(line) - {0, 1}:
        return None
    rising, constant = line[1] == ONE, line.get(0, ZERO)
    if not is_integer(constant):
        return None

    def with_value(value: Expr) -> Expr:
        return body.rebuild(lambda a: value if a == cases else None)

    met = with_value(cases.args[0])
    unmet = with_value(piecewise(*zip(cases.args[1:], cases.conds[1:], strict=True)))
    # the condition holds up to `constant`, or from -constant on
    cut = -constant - 1 if rising else constant
    early, late = (unmet, met) if rising else (met, unmet)
    first_part, second_part = summation(early, name, lo, cut), summation(late, name, cut + 1, hi)
    all_early = summation(early, name, lo, hi)
    if first_part is None or second_part is None or all_early is None:
        return None
    found = [(all_early, lt(hi, cut))]
    if not is_nonneg(cut - lo + 1):
        all_late = summation(late, name, lo, hi)
        if all_late is None:
            return None
        found.append((all_late, lt(cut, lo)))
    return piecewise(*found, (first_part + second_part, TRUE))


def split_monomial(term: Expr, name: str) -> Summand | None:
    """One monomial as a function of the index; None where a factor has another form."""
    ((m, c),) = term.terms.items()
    out = Summand(num(c))
    for a, e in m:
        if isinstance(a, Sym):
            if a.name != name:
                out.coef = out.coef * Expr({((a, e),): 1})
            elif isinstance(e, int) and 0 < e <= _LARGEST_DEGREE:
                out.numerator = poly.mul(out.numerator, [0] * e + [1])
            elif isinstance(e, int) and -_LARGEST_DEGREE <= e < 0:
                out.denominator[0] = out.denominator.get(0, 0) - e
            else:
                return None
            continue
        if name not in atom_expr(a).free:
            out.coef = out.coef * Expr({((a, e),): 1})
        elif a.op == "pow" and name not in a.args[0].free:
            if not _geometric(out, a, e, name):
                return None
        elif a.op == "paren" and isinstance(e, int) and e < 0:
            if not _denominator(out, a.args[0], -e, name):
                return None
        else:
            out.specials.append((a, e))
    return out


def _geometric(out: Summand, a: Fn, e: Number, name: str) -> bool:
    coefficients = a.args[1].coefficients(name)
    if coefficients is None or set(coefficients) - {0, 1}:
        return False
    out.ratio = out.ratio * power(a.args[0], coefficients.get(1, ZERO) * e)
    out.coef = out.coef * power(a.args[0], coefficients.get(0, ZERO) * e)
    return True


def _denominator(out: Summand, x: Expr, k: int, name: str) -> bool:
    coefficients = x.coefficients(name)
    if coefficients is None:
        return False
    p: poly.Poly = [0] * (max(coefficients) + 1)
    for d, c in coefficients.items():
        value = c.number
        if value is None:
            return False
        p[d] = value
    roots, rest = poly.factor(p)
    if len(rest) != 1:
        return False
    out.coef = out.coef * power(num(rest[0]), -k)
    for r, times in roots:
        out.denominator[-r] = out.denominator.get(-r, 0) + times * k
    return True


def ratios(body: Expr, name: str) -> list[Expr]:
    """The ratios that are not numbers: where one of them is 1 the closed form divides by zero."""
    found = []
    for m, c in body.terms.items():
        s = split_monomial(Expr({m: c}), name)
        if s is not None and s.ratio.number is None and s.ratio not in found:
            found.append(s.ratio)
    return found


def _sum_monomial(term: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    s = split_monomial(term, name)
    if s is None:
        return _shifted(term, name, lo, hi)
    if s.specials:
        return _special_sum(s, name, lo, hi)
    if not s.denominator:
        if s.ratio == ONE:
            return s.coef * _faulhaber(s.numerator, name, lo, hi)
        return s.coef * _geometric_sum(s.numerator, s.ratio, lo, hi)
    if s.ratio != ONE:
        return None
    value = _rational_sum(s.numerator, s.denominator, name, lo, hi)
    return None if value is None else s.coef * value


def _shifted(term: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """A denominator j + b or b - j with a symbolic b: summed over that instead."""
    for a in term.atoms():
        if isinstance(a, Fn) and a.op == "paren":
            coefficients = a.args[0].coefficients(name)
            if coefficients is None or set(coefficients) - {0, 1} or 1 not in coefficients:
                continue
            b = coefficients.get(0, ZERO)
            if b.number is not None:
                continue
            j = sym(name, "int")
            if coefficients[1] == ONE:
                moved, start, stop = term.subs({name: j - b}), lo + b, hi + b
            elif coefficients[1] == num(-1):
                moved, start, stop = term.subs({name: b - j}), b - hi, b - lo
            else:
                continue
            if any(
                isinstance(x, Fn)
                and x.op == "paren"
                and (set(x.args[0].coefficients(name) or {2}) - {0} and x.args[0].free - {name})
                for x in moved.atoms()
            ):
                return None
            return summation(moved, name, start, stop)
    return None


def _faulhaber(numerator: poly.Poly, name: str, lo: Expr, hi: Expr) -> Expr:
    j = sym(name)
    return sum_(sum((power(j, d) * c for d, c in enumerate(numerator)), ZERO), name, lo, hi)


def _geometric_sum(numerator: poly.Poly, ratio: Expr, lo: Expr, hi: Expr) -> Expr:
    """Sum of numerator(j) * ratio^j"""
    inverse = power(ratio - 1, -1)
    top = len(numerator) - 1
    coefficients: list[Expr] = [ZERO] * (top + 1)
    for k in range(top, -1, -1):
        later = ZERO
        for i in range(k + 1, top + 1):
            later = later + coefficients[i] * _choose(i, k)
        coefficients[k] = inverse * (num(numerator[k]) - ratio * later)

    def antidifference(j: Expr) -> Expr:
        value = ZERO
        for d, c in enumerate(coefficients):
            value = value + c * power(j, d)
        return value * power(ratio, j)

    return antidifference(hi + 1) - antidifference(lo)


def _choose(n: int, k: int) -> int:
    value = binomial(num(n), num(k)).number
    assert isinstance(value, int)
    return value


def partial_fractions(
    numerator: poly.Poly, denominator: dict[Number, int]
) -> tuple[poly.Poly, dict[tuple[Number, int], Number]]:
    """Polynomial part, and the coefficient of 1/(j + b)^k for each (b, k)."""
    product: poly.Poly = [1]
    for b, k in denominator.items():
        for _ in range(k):
            product = poly.mul(product, [b, 1])
    quotient, rest = poly.divide(numerator, product)
    unknowns = [(b, i) for b, k in sorted(denominator.items()) for i in range(1, k + 1)]
    size = len(product) - 1
    columns = []
    for b, i in unknowns:
        column: poly.Poly = [1]
        for other, k in denominator.items():
            for _ in range(k - (i if other == b else 0)):
                column = poly.mul(column, [other, 1])
        columns.append(column + [0] * (size - len(column)))
    matrix = [[column[d] for column in columns] for d in range(size)]
    solution = poly.solve_linear(matrix, [rest[d] if d < len(rest) else 0 for d in range(size)])
    assert solution is not None
    return quotient, {u: x for u, x in zip(unknowns, solution, strict=True) if x}


def _rational_sum(numerator: poly.Poly, denominator: dict[Number, int], name: str, lo: Expr, hi: Expr) -> Expr | None:
    quotient, fractions = partial_fractions(numerator, denominator)
    result = _faulhaber(quotient, name, lo, hi)
    for (b, k), c in fractions.items():
        if isinstance(b, int):
            result = result + (harmonic_near(hi, b, k) - harmonic_near(lo - 1, b, k)) * c
        elif Fraction(b).denominator == 2 and k == 1:
            whole = int(b + Fraction(1, 2))
            result = result + (_half_harmonic(hi + whole) - _half_harmonic(lo - 1 + whole)) * c
        else:
            return None
    return result


def harmonic_near(x: Expr, b: int, k: int) -> Expr:
    """H(x + b) in terms of H(x), so that telescoping sums cancel."""
    value = x.number
    if value is not None:
        return harmonic(num(value + b), k)
    constant = x.terms.get((), 0)
    if isinstance(constant, int) and constant:
        x, b = x - constant, b + constant
    result = harmonic(x, k)
    for i in range(1, b + 1):
        result = result + power(x + i, -k)
    for i in range(0, -b):
        result = result - power(x - i, -k)
    return result


def _half_harmonic(x: Expr) -> Expr:
    """Sum of 1/(j - 1/2) for j = 1 .. x"""
    return harmonic(x * 2) * 2 - harmonic(x)


def _special_sum(s: Summand, name: str, lo: Expr, hi: Expr) -> Expr | None:
    if len(s.specials) != 1 or s.ratio != ONE:
        return None
    ((a, e),) = s.specials
    if a.op in ("max", "min") and e == 1 and not s.denominator:
        return _clipped_sum(s, a, name, lo, hi)
    if a.op == "floor" and e == 1 and not s.denominator and s.numerator == [1]:
        rounded = _rounded_log_sum(a.args[0], name, lo, hi) or _floored_sum(a.args[0], name, lo, hi)
        return None if rounded is None else s.coef * rounded
    if a.op != "harmonic" or e != 1 or len(a.args) != 1:
        return None
    coefficients = a.args[0].coefficients(name)
    if coefficients is None or coefficients.get(1) != ONE or set(coefficients) - {0, 1}:
        return None
    b = coefficients.get(0, ZERO).number
    if not isinstance(b, int):
        return None
    numerator = poly.shift(s.numerator, -b)
    denominator = {k - b: v for k, v in s.denominator.items()}
    lo, hi = lo + b, hi + b
    result = ZERO
    if denominator:
        quotient, fractions = partial_fractions(numerator, denominator)
        for (offset, k), c in fractions.items():
            if offset != 0 or k != 1:
                return None
            result = result + (_harmonic_over(hi) - _harmonic_over(lo - 1)) * c
        numerator = quotient
    for d, c in enumerate(numerator):
        if c:
            result = result + (_harmonic_power(d, hi + 1) - _harmonic_power(d, lo)) * c
    return s.coef * result


def _rounded_log_sum(x: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """Sum of floor(log(c + j, b)) or of floor(-log(c + j, b)), or the same of c - j, for an argument of at least 1
    (Concrete Mathematics, 3.5).

    With L = floor(log(N, b)): sum of floor(log(j, b)) for j = 1 .. N is (N + 1) L - (b^(L + 1) - b)/(b - 1).
    With C = ceil(log(N, b)): sum of ceil(log(j, b)) for j = 1 .. N is N C - (b^C - 1)/(b - 1).
    """
    if len(x.terms) != 1:
        return None
    ((m, sign),) = x.terms.items()
    a = m[0][0]
    if len(m) != 1 or m[0][1] != 1 or sign not in (1, -1) or not isinstance(a, Fn) or a.op != "log":
        return None
    base = a.args[1].number
    line = a.args[0].coefficients(name)
    if not isinstance(base, int) or base < 2 or line is None or set(line) - {0, 1} or line[1] not in (ONE, num(-1)):
        return None
    shift = line.get(0, ZERO)
    first, last = (lo + shift, hi + shift) if line[1] == ONE else (shift - hi, shift - lo)
    if not is_nonneg(first - 1):
        return None

    def upto(n: Expr) -> Expr:
        if n == ZERO:
            return ZERO
        if sign == 1:
            level = floor(log(n, base))
            return (n + 1) * level - (power(num(base), level + 1) - base) / (base - 1)
        level = ceil(log(n, base))
        return (power(num(base), level) - 1) / (base - 1) - n * level

    below = upto(first - 1)
    return piecewise((ZERO, lt(last, first)), (upto(last) - below, TRUE))


def _floored_sum(x: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """Sum of floor((j + c)/b): with q = floor(m/b), b q (q - 1)/2 + q (m - b q) is the sum of floor(j/b) for j < m."""
    line = x.coefficients(name)
    slope = None if line is None or set(line) - {0, 1} or 1 not in line else line[1].number
    if line is None or slope is None or slope <= 0 or Fraction(slope).numerator != 1 or slope == 1:
        return None
    b = Fraction(slope).denominator
    shift = line.get(0, ZERO) * b
    if b == 2 or not is_integer(shift):     # halves are written with (-1)^n, which is shorter
        return None

    def below(m: Expr) -> Expr:
        q = floor(m * slope)
        return q * (q - 1) * Fraction(b, 2) + q * (m - q * b)

    return below(hi + shift + 1) - below(lo + shift)


def _clipped_sum(s: Summand, a: Fn, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """Sum of p(j) min(x, y) or max, where x - y = q j + d: one of them up to floor(-d/q), then the other."""
    moving = [x for x in a.args if name in x.free]
    fixed = [x for x in a.args if name not in x.free]
    if len(moving) + bool(fixed) != 2:
        return None
    pick = max_ if a.op == "max" else min_
    x, y = moving[0], pick(*fixed) if fixed else moving[1]
    if a.op == "min" and fixed:
        grown = _saturating_sum(s.numerator, x, y, name, lo, hi)
        if grown is not None:
            return s.coef * grown
    line = (x - y).coefficients(name)
    if line is None or set(line) - {0, 1} or 1 not in line:
        return None
    slope, constant = line[1], line.get(0, ZERO)
    rising = is_nonneg(slope)
    if not (rising or is_nonneg(-slope)) or not (slope.number or (is_integer(slope) and len(slope.terms) == 1)):
        return None
    j = sym(name)
    p = sum((power(j, d) * c for d, c in enumerate(s.numerator)), ZERO)
    early, late = (x, y) if rising == (a.op == "min") else (y, x)
    cut = floor(-constant / slope)
    cases = [] if slope.number else [(sum_(p * pick(constant, ZERO) + p * y, name, lo, hi), eq(slope, ZERO))]
    cases.append((sum_(p * early, name, lo, hi), ge(cut, hi)))
    if not is_nonneg(cut - lo + 1):
        cases.append((sum_(p * late, name, lo, hi), lt(cut, lo)))
    return s.coef * piecewise(*cases, (sum_(p * early, name, lo, cut) + sum_(p * late, name, cut + 1, hi), TRUE))


def _saturating_sum(p: poly.Poly, body: Expr, w: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """Sum of p(j) min(w, c b^j) for b >= 1: geometric below D = ceil(log(w/c, b)), then w."""
    if len(body.terms) != 1 or lo != ZERO:
        return None
    s = split_monomial(body, name)
    if s is None or s.specials or s.denominator or s.numerator != [1] or s.ratio == ONE or not is_integer(s.ratio):
        return None
    b, c = s.ratio, s.coef
    if not is_nonneg(b) or not is_nonneg(c):
        return None
    below = min_(hi + 1, max_(ZERO, ceil(log(w / c, b.number) if b.number else log(w / c) / log(b))))
    cut = c * _geometric_sum(p, b, ZERO, below - 1) + w * _faulhaber(p, name, below, hi)
    one = [] if b.number else [(_faulhaber(p, name, ZERO, hi) * min_(w, c), eq(b, ONE))]
    return piecewise((ZERO, lt(w, ONE)), *one, (cut, TRUE))


def _harmonic_over(x: Expr) -> Expr:
    """Sum of H(j)/j for j = 1 .. x"""
    return (harmonic(x) * harmonic(x) + harmonic(x, 2)) * Fraction(1, 2)


def _harmonic_power(d: int, j: Expr) -> Expr:
    """S(j) with S(j+1) - S(j) = j^d H(j), S(0) = 0"""
    i = "_i"
    below = sum_(power(sym(i), d), i, ZERO, sym(i) - 1) if d else sym(i)
    coefficients = below.coefficients(i)
    assert coefficients is not None
    p = poly.trim([coefficients.get(k, ZERO).number or 0 for k in range(max(coefficients) + 1)])
    quotient, rest = poly.divide(poly.shift(p, 1), [1, 1])
    assert not rest
    if j.number == 0:
        return ZERO
    value, over = ZERO, ZERO
    for k, c in enumerate(p):
        value = value + power(j, k) * c
    for k, c in enumerate(quotient):
        over = over + power(j - 1, k) * c
    return value * harmonic_near(j - 1, 0, 1) + over - _faulhaber(quotient, i, ZERO, j - 1)


def _binomial_sum(body: Expr, name: str, lo: Expr, hi: Expr) -> Expr | None:
    """Sum of polynomial * r^k * binomial(N, k) over (almost) all k, and of binomial(N, k)^2."""
    result = ZERO
    for m, c in body.terms.items():
        s = split_monomial(Expr({m: c}), name)
        if s is None or s.denominator or len(s.specials) != 1:
            return None
        ((a, e),) = s.specials
        if a.op != "binomial" or a.args[1] != sym(name) or name in a.args[0].free:
            return None
        top = a.args[0]
        before, after = lo.number, (top - hi).number
        if not isinstance(before, int) or not isinstance(after, int) or not 0 <= before <= 4 or not 0 <= after <= 4:
            return None
        if e == 2 and s.ratio == ONE and s.numerator == [1]:
            whole = binomial(top * 2, top)
        elif e == 1:
            whole = ZERO
            for d, x in enumerate(s.numerator):
                for i, stirling in enumerate(_stirling(d)):
                    if stirling and x:
                        falling = ONE
                        for q in range(i):
                            falling = falling * (top - q)
                        whole = whole + falling * power(s.ratio, i) * power(s.ratio + 1, top - i) * (stirling * x)
        else:
            return None
        term = Expr({m: c})
        for q in range(before):
            whole = whole - term.subs({name: expr(q)}) * power(s.coef, -1)
        for q in range(after):
            whole = whole - term.subs({name: top - q}) * power(s.coef, -1)
        result = result + s.coef * whole
    return result


def _stirling(d: int) -> list[int]:
    """Stirling numbers of the second kind S(d, 0 .. d)."""
    row = [1]
    for n in range(1, d + 1):
        row = [(row[k - 1] if k else 0) + (k * row[k] if k < n else 0) for k in range(n + 1)]
    return row


def tidy(e: Expr) -> Expr:
    """Divides numerators by linear denominators, so that n/(n + 1) + 1/(n + 1) is 1."""
    e = factorials(e)
    groups: dict[tuple[Fn, Number], Expr] = {}
    rest = ZERO
    for m, c in e.terms.items():
        below = [(a, k) for a, k in m if isinstance(a, Fn) and a.op == "paren" and isinstance(k, int) and k < 0]
        if len(below) != 1:
            rest = rest + Expr({m: c})
            continue
        a, k = below[0]
        assert isinstance(a, Fn)
        groups[a, k] = groups.get((a, k), ZERO) + Expr({tuple(p for p in m if p[0] != a): c})
    for (below_, depth), numerator in sorted(groups.items(), key=lambda g: (g[0][0].key, g[0][1])):
        divisor = below_.args[0]
        quotient, left = _divide(numerator, divisor)
        rest = rest + quotient * power(divisor, depth + 1) + left * power(divisor, depth)
    return rest


def _divide(numerator: Expr, divisor: Expr) -> tuple[Expr, Expr]:
    """Quotient and rest by a divisor that is linear, with a number in front, in one of its symbols."""
    for name in sorted(divisor.free):
        d = divisor.coefficients(name)
        if d is None or set(d) - {0, 1} or d[1].number is None:
            continue
        lead, root = d[1], d.get(0, ZERO) * (-1 / Fraction(d[1].number or 1))
        polynomial: dict[int, Expr] = {}
        for m, c in numerator.terms.items():
            degree = next((k for a, k in m if isinstance(a, Sym) and a.name == name), 0)
            if not isinstance(degree, int) or degree < 0:
                return ZERO, numerator
            term = Expr({tuple(p for p in m if not (isinstance(p[0], Sym) and p[0].name == name)): c})
            polynomial[degree] = polynomial.get(degree, ZERO) + term
        carry, quotient = ZERO, ZERO
        for degree in range(max(polynomial), 0, -1):
            carry = polynomial.get(degree, ZERO) + carry * root
            quotient = quotient + carry * power(sym(name), degree - 1)
        left = polynomial.get(0, ZERO) + carry * root
        if len((quotient / lead).terms) + len(left.terms) <= len(numerator.terms):
            return quotient / lead, left
    return ZERO, numerator
