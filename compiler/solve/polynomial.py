"""Polynomials over the rationals, and linear equations: the arithmetic under the linear rules.

In and out: lists of numbers, lowest degree first; a polynomial has no trailing zeros and zero is []. Exact throughout.
Roots: rational ones by the rational root theorem; what is left of degree two is solved by its discriminant. Nothing
here factors further: an irreducible rest of a higher degree is only ever used through its dominant root.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from ..expr import Number

__all__ = [
    "Poly",
    "add",
    "derivative",
    "divide",
    "evaluate",
    "factor",
    "from_root",
    "gcd",
    "mul",
    "rational_roots",
    "scale",
    "shift",
    "solve_linear",
    "square_free",
    "trim",
]

Poly = list[Number]


def trim(p: Sequence[Number]) -> Poly:
    """p without leading zeros."""
    out = [_norm(x) for x in p]
    while out and out[-1] == 0:
        out.pop()
    return out


def _norm(x: Number) -> Number:
    return x.numerator if isinstance(x, Fraction) and x.denominator == 1 else x


def add(p: Sequence[Number], q: Sequence[Number]) -> Poly:
    """p + q"""
    if len(p) < len(q):
        p, q = q, p
    return trim([x + (q[i] if i < len(q) else 0) for i, x in enumerate(p)])


def scale(p: Sequence[Number], c: Number) -> Poly:
    """c * p"""
    return trim([x * c for x in p])


def mul(p: Sequence[Number], q: Sequence[Number]) -> Poly:
    """p * q"""
    if not p or not q:
        return []
    out: list[Number] = [0] * (len(p) + len(q) - 1)
    for i, x in enumerate(p):
        if x:
            for j, y in enumerate(q):
                out[i + j] += x * y
    return trim(out)


def divide(p: Sequence[Number], q: Sequence[Number]) -> tuple[Poly, Poly]:
    """Quotient and remainder."""
    rest, quotient = trim(p), [Fraction(0)] * max(0, len(p) - len(q) + 1)
    lead = Fraction(q[-1])
    while len(rest) >= len(q):
        c, d = Fraction(rest[-1]) / lead, len(rest) - len(q)
        quotient[d] = c
        rest = trim([x - (c * q[i - d] if i >= d else 0) for i, x in enumerate(rest)][:-1])
    return trim(quotient), rest


def gcd(p: Sequence[Number], q: Sequence[Number]) -> Poly:
    """The monic greatest common divisor."""
    a, b = trim(p), trim(q)
    while b:
        a, b = b, divide(a, b)[1]
    return scale(a, 1 / Fraction(a[-1])) if a else []


def derivative(p: Sequence[Number]) -> Poly:
    """p'"""
    return trim([i * x for i, x in enumerate(p)][1:])


def evaluate(p: Sequence[Number], x: Number) -> Number:
    """p(x)"""
    value: Number = 0
    for c in reversed(p):
        value = value * x + c
    return _norm(value)


def shift(p: Sequence[Number], h: Number) -> Poly:
    """p(x + h)"""
    out: Poly = []
    for c in reversed(p):
        out = add(mul(out, [h, 1]), [c])
    return out


def from_root(r: Number) -> Poly:
    """x - r"""
    return [-r, 1]


def square_free(p: Sequence[Number]) -> Poly:
    """The product of the distinct irreducible factors."""
    return divide(p, gcd(p, derivative(p)))[0] if len(p) > 1 else trim(p)


def rational_roots(p: Sequence[Number]) -> list[tuple[Number, int]]:
    """Rational roots with multiplicities, ascending; 0 included."""
    rest = trim(p)
    found: list[tuple[Number, int]] = []
    zeros = 0
    while rest and rest[0] == 0:
        rest, zeros = rest[1:], zeros + 1
    if zeros:
        found.append((0, zeros))
    if len(rest) > 1:
        m = math.lcm(*(Fraction(c).denominator for c in rest))
        ints = [int(c * m) for c in rest]
        for r in _candidates(ints):
            count = 0
            while len(rest) > 1 and evaluate(rest, r) == 0:
                rest, count = divide(rest, from_root(r))[0], count + 1
            if count:
                found.append((_norm(r), count))
    return sorted(found)


def _candidates(ints: list[int]) -> list[Fraction]:
    """All that the rational root theorem allows; none where the coefficients are too large to factor."""
    low, high = abs(ints[0]), abs(ints[-1])
    if low > 10**10 or high > 10**10:
        return []
    bound = 1 + max(Fraction(abs(c), high) for c in ints[:-1])
    out = {
        Fraction(s * a, b) for a in _divisors(low) for b in _divisors(high) if Fraction(a, b) <= bound for s in (1, -1)
    }
    return sorted(out)


def _divisors(n: int) -> list[int]:
    small = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0] if n < 10**6 else _divisors_by_primes(n)
    return sorted({*small, *(n // d for d in small)})


def _divisors_by_primes(n: int) -> list[int]:
    out, d, left = [1], 2, n
    while left > 1:
        if d * d > left:
            d = left
        power = 1
        base = list(out)
        while left % d == 0:
            left, power = left // d, power * d
            out += [x * power for x in base]
        d += 1
    return out


def factor(p: Sequence[Number]) -> tuple[list[tuple[Number, int]], Poly]:
    """Rational roots with multiplicities, and the rest without rational roots."""
    roots = rational_roots(p)
    rest = trim(p)
    for r, k in roots:
        for _ in range(k):
            rest = divide(rest, from_root(r))[0]
    return roots, rest


def solve_linear(matrix: Sequence[Sequence[Number]], right: Sequence[Number]) -> list[Number] | None:
    """x with matrix * x = right (at least as many rows as unknowns); None if there is none or more than one."""
    rows = [[Fraction(x) for x in row] + [Fraction(b)] for row, b in zip(matrix, right, strict=True)]
    unknowns = len(matrix[0]) if matrix else 0
    done = 0
    for col in range(unknowns):
        pivot = next((i for i in range(done, len(rows)) if rows[i][col]), None)
        if pivot is None:
            return None
        rows[done], rows[pivot] = rows[pivot], rows[done]
        lead = rows[done][col]
        rows[done] = [x / lead for x in rows[done]]
        for i, row in enumerate(rows):
            if i != done and row[col]:
                f = row[col]
                rows[i] = [x - f * y for x, y in zip(row, rows[done], strict=True)]
        done += 1
    if any(row[-1] for row in rows[done:]):
        return None
    return [_norm(rows[i][-1]) for i in range(unknowns)]
