"""Linear recurrences whose coefficients are rational functions, of any order: the growth of the dominant solution.

    T(n) = sum over i of c_i(n) T(n - i) + g(n),  T(n)/T(n-1) = rho n^a (1 + alpha n^(-1/2) + beta/n + ...)

Putting the ratio into the equation and comparing powers gives a (the steepest slope of the Newton polygon), rho,
alpha and beta one after the other, and summing logarithms T ~ C n!^a rho^n e^(2 alpha sqrt n) n^(beta - alpha^2/2)
(Birkhoff and Trjitzinsky; Wimp and Zeilberger 1985). That C is not 0, so that this solution and neither a smaller one
nor the forcing term counts, is decided by exact values up to n = 1600: the quotient must settle. So the order is
proved up to that decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..equations import Function
from ..evaluate import EvaluationError
from ..expr import ONE, TRUE, Expr, Fn, Number, factorial, num, power, sym
from . import polynomial as poly
from .cfinite import quadratic_roots
from .dominant import root_expr
from .first_order import rational
from .model import Closed
from .structure import recurrence
from .sums import atom_expr

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["poincare"]


def poincare(work: Work, f: Function) -> Iterator[Closed]:
    """The order alone."""
    rec = recurrence(f)
    if rec is None or len(f.params) != 1 or not isinstance(rec.threshold.number, int):
        return
    n = sym(rec.var)
    coefficients: dict[int, dict[int, Fraction]] = {}
    for coef, arg in rec.calls:
        step = (n - arg).number
        parts = rational(coef, rec.var)
        if not isinstance(step, int) or step < 1 or step > 6 or parts is None:
            return
        scale = parts.coef.number
        if scale is None:
            return
        bottom: poly.Poly = [1]
        for b, k in parts.denominator.items():
            for _ in range(k):
                bottom = poly.mul(bottom, [b, 1])
        top = poly.scale(parts.numerator, scale)
        # the two leading terms at infinity
        degree = len(top) - len(bottom)
        first = Fraction(top[-1]) / Fraction(bottom[-1])
        second = (
            (Fraction(top[-2]) if len(top) > 1 else Fraction(0))
            - first * (Fraction(bottom[-2]) if len(bottom) > 1 else 0)
        ) / bottom[-1]
        coefficients[step] = {degree: first, degree - 1: second}
    if not coefficients:
        return
    a = max(Fraction(max(c), i) for i, c in coefficients.items())
    if (a * 2).denominator != 1:
        return
    # c_i(n) n^(-a i) = c[i][0] + c[i][1] n^(-1/2) + c[i][2]/n
    c = {
        i: [sum((x for d, x in parts.items() if 2 * (a * i - d) == k), Fraction(0)) for k in range(3)]
        for i, parts in coefficients.items()
    }
    depth = max(c)
    p: poly.Poly = [*([0] * depth), 1]
    for i, row in c.items():
        p[depth - i] -= row[0]
    p = poly.trim(p)
    p = p[next(i for i, x in enumerate(p) if x) :]
    found = _asymptotics(work, f, p, c, a)
    if found is not None:
        yield Closed(None, False, TRUE, ("asymptotic series",), found)


def _asymptotics(work: Work, f: Function, p: poly.Poly, c: dict[int, list[Fraction]], a: Fraction) -> Expr | None:
    from mpmath import mp, polyroots  # type: ignore[import-untyped]

    n = sym(f.params[0])
    simple = poly.square_free(p)
    with mp.workdps(40):

        def real(x: Number) -> Any:
            return mp.mpf(Fraction(x).numerator) / Fraction(x).denominator

        roots = polyroots([real(x) for x in reversed(simple)], maxsteps=500, extraprec=300) if len(simple) > 1 else []
        positive = [r.real for r in roots if abs(r.imag) < 1e-25 and r.real > 0]
        if not positive:
            return None
        rho = max(positive)
        if rho < max(abs(r) for r in roots) * (1 - mp.mpf(10) ** -20):
            return None
        weight = sum(i * real(row[0]) * rho**-i for i, row in c.items())
        if abs(weight) < 1e-20:
            return None
        alpha = sum(real(row[1]) * rho**-i for i, row in c.items()) / weight
        rest = sum(
            rho**-i
            * (
                real(row[2])
                - i * alpha * real(row[1])
                + real(row[0]) * ((i * alpha) ** 2 + real(a) * i * (i - 1) / 2 - alpha**2 * i * (i - 1) / 2)
            )
            for i, row in c.items()
        )
        beta = rest / weight
        theta = _nice(beta - alpha**2 / 2)
        twice = _nice(2 * alpha)
        if theta is None or twice is None:
            return None
        logs = []
        for at in (200, 400, 800, 1600):
            try:
                v = work.evaluator.call(f.name, at)
            except EvaluationError:
                return None
            if v <= 0:
                return None
            logs.append(
                mp.log(v if not isinstance(v, Fraction) else real(v))
                - real(a) * mp.loggamma(at + 1)
                - at * mp.log(rho)
                - real(twice) * mp.sqrt(at)
                - real(theta) * mp.log(at)
            )
        gaps = [abs(y - x) for x, y in pairwise(logs)]
        if gaps[-1] > 0.02 or (gaps[-1] > gaps[0] * 0.8 and gaps[0] > 1e-9):
            return None
        base = _root(simple, rho)
    return (
        power(factorial(n), a)
        * power(base, n)
        * power(n, theta)
        * (power(atom_expr(Fn("E", ())), power(n, Fraction(1, 2)) * twice) if twice else ONE)
    )


def _nice(x: Any) -> Number | None:
    guess = Fraction(str(x)).limit_denominator(48)
    if abs(float(guess) - float(x)) > 1e-15:
        return None
    return guess.numerator if guess.denominator == 1 else guess


def _root(p: poly.Poly, rho: Any) -> Expr:
    for r, _ in poly.rational_roots(p):
        if abs(float(r) - float(rho)) < 1e-12:
            return num(r)
    _, rest = poly.factor(p)
    if len(rest) == 3:
        surds = quadratic_roots(rest)
        if surds is not None:
            return surds[0].expr()
    return root_expr(rest)
