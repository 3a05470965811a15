"""Linear recurrences whose roots have no closed form: the order, by the dominant root, and safe bounds.

With coefficients that are not negative and shifts without a common divisor the characteristic polynomial has one
positive root rho, it is simple and larger than all others in absolute value (Perron and Frobenius); a nonnegative
solution that is not 0 is of the order of rho^n. A forcing term with a ratio r beyond rho takes over. Bounds: if P
solves the equation with its forcing terms, the difference is homogeneous, and C rho^n bounds it from n on once it
does at as many neighbouring sizes as the recurrence looks back. Other signs: the order alone, from roots and
coefficients to fifty digits, where the dominant root is real, simple and has a coefficient that is not 0 by far.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..equations import Function
from ..evaluate import EvaluationError
from ..expr import TRUE, Expr, Fn, Number, ge, is_nonneg, num, power, sym
from . import polynomial as poly
from .cfinite import Linear, characteristic, forcing_roots, linear_system, unroll
from .model import Closed
from .scale import Scale
from .sums import atom_expr

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["dominant", "dominant_in_system", "root_expr"]


def root_expr(p: poly.Poly) -> Expr:
    """The largest real root of a polynomial, lowest degree first."""
    m = math.lcm(*(Fraction(c).denominator for c in p))
    return atom_expr(Fn("CRootOf", tuple(num(int(c * m)) for c in reversed(p))))


def dominant(work: Work, f: Function) -> Iterator[Closed]:
    """Bounds and the order."""
    system = linear_system([f])
    if system is None:
        return
    steps = [step for _, step, _ in system.calls[0]]
    coefficients = [a for _, _, a in system.calls[0]]
    if min(coefficients) <= 0 or math.gcd(*steps) != 1:
        yield from _by_numbers(work, f, system)
        return
    p = characteristic(system)
    p = p[next(i for i, c in enumerate(p) if c) :]
    rational, rest = poly.factor(p)
    if len(rest) < 3:
        return
    from mpmath import mp, polyroots  # type: ignore[import-untyped]

    with mp.workdps(40):
        real = [
            float(r.real)
            for r in polyroots(
                [mp.mpf(Fraction(c).numerator) / Fraction(c).denominator for c in reversed(rest)],
                maxsteps=500,
                extraprec=300,
            )
            if abs(r.imag) < 1e-25
        ]
    rho = max([*real, *(float(r) for r, _ in rational)])
    forced = forcing_roots(system.forcing[0], system.var)
    if forced is None:
        return
    n = sym(system.var)
    root = next((num(r) for r, _ in rational if float(r) == rho), None) or root_expr(rest)
    larger = [(r, k - 1 + (float(r) == rho)) for r, k in forced.items() if r >= rho]
    fixed = system.forcing[0].free - {system.var}
    if larger:
        r, k = max(larger)
        if not fixed:
            yield Closed(None, False, TRUE, ("dominant root",), Scale(base=r, power=k).expr(system.var))
        return
    order = power(root, n)
    params = [q for q in f.params if q != system.var]
    if not params and not fixed and not any(c.value.free - {system.var} for c in f.cases):
        yield from _bounds(work, f, system, rho, root, order)
        yield Closed(None, False, TRUE, ("dominant root",), order)
        return
    yield from _bounds_by_monomial(work, f, system, rho, root)


def _particular(system: Linear, forcing: Expr) -> Expr | None:
    """P with P(n) = sum a P(n - s) + forcing, for exponential polynomials without resonance."""
    n = sym(system.var)
    basis: list[Expr] = []
    for r, k in (forcing_roots(forcing, system.var) or {}).items():
        basis += [power(n, i) * power(num(r), n) for i in range(k)] if r > 0 else []
    if not basis:
        return None if forcing.terms else forcing
    rows, right = [], []
    for at in range(len(basis)):
        point = {system.var: num(20 + at)}
        row: list[Number] = []
        for b in basis:
            value = b
            for _, step, a in system.calls[0]:
                value = value - b.subs({system.var: n - step}) * a
            row.append(value.subs(point).number or 0)
        rows.append(row)
        target = forcing.subs(point).number
        if target is None:
            return None
        right.append(target)
    solution = poly.solve_linear(rows, right)
    if solution is None:
        return None
    return sum((b * c for b, c in zip(basis, solution, strict=True)), num(0))


def _bounds(work: Work, f: Function, system: Linear, rho: float, root: Expr, order: Expr) -> Iterator[Closed]:
    form = _bounded(work, f, system, system.forcing[0], rho, root, lambda v: v)
    if form is not None:
        yield Closed(form, False, ge(sym(system.var), num(system.start)), ("dominant root",), order)


def _bounded(
    work: Work, f: Function, system: Linear, forcing: Expr, rho: float, root: Expr, value_at: Any
) -> Expr | None:
    particular = _particular(system, forcing)
    if particular is None:
        return None
    depth = max(step for _, step, _ in system.calls[0])
    ratios = []
    for at in range(system.start, system.start + depth):
        try:
            v = value_at(work.evaluator.call(f.name, at))
        except EvaluationError:
            return None
        below = particular.subs({system.var: num(at)}).number
        if below is None:
            return None
        ratios.append(float(v - below) / rho**at)
    c = max(ratios) if work.side == "upper" else min(ratios)
    digits = 1000
    c = math.ceil(c * digits + 1e-9) if work.side == "upper" else math.floor(c * digits - 1e-9)
    return power(root, sym(system.var)) * Fraction(int(c), digits) + particular


def _bounds_by_monomial(work: Work, f: Function, system: Linear, rho: float, root: Expr) -> Iterator[Closed]:
    """Parameters enter linearly: each of their monomials is bounded alone."""
    depth = max(step for _, step, _ in system.calls[0])
    rows = unroll(system, [f], system.start + depth)
    if rows is None:
        return
    units: dict[Any, list[Number]] = {}
    for i, v in enumerate(rows[0]):
        for m, c in v.terms.items():
            units.setdefault(m, [0] * depth)[i] = c
    forcing: dict[Any, Expr] = {}
    for m, c in system.forcing[0].terms.items():
        rest = tuple(p for p in m if system.var not in Expr({(p,): 1}).free)
        forcing[rest] = forcing.get(rest, num(0)) + Expr({tuple(p for p in m if p not in rest): c})
        units.setdefault(rest, [0] * depth)
    total = num(0)
    upper = work.side == "upper"
    for m, values in sorted(units.items(), key=lambda t: Expr({t[0]: 1}).key):
        if not is_nonneg(Expr({m: 1})):
            return
        particular = _particular(system, forcing.get(m, num(0)))
        if particular is None:
            return
        ratios = [
            float(v - (particular.subs({system.var: num(system.start + i)}).number or 0)) / rho ** (system.start + i)
            for i, v in enumerate(values)
        ]
        c = math.ceil(max(ratios) * 1000 + 1e-9) if upper else math.floor(min(ratios) * 1000 - 1e-9)
        total = total + (power(root, sym(system.var)) * Fraction(c, 1000) + particular) * Expr({m: 1})
    yield Closed(total, False, ge(sym(system.var), num(system.start)), ("dominant root",))


def dominant_in_system(work: Work, functions: list[Function], f: Function) -> Iterator[Closed]:
    """The order of one function of a linear system."""
    system = linear_system(functions)
    if system is not None:
        yield from _by_numbers(work, f, system)


def _by_numbers(work: Work, f: Function, system: Linear) -> Iterator[Closed]:
    """The order for coefficients of any sign, by roots to fifty digits and the ratio of values far out."""
    if len(f.params) != 1 or any(forcing_roots(g, system.var) is None for g in system.forcing):
        return
    from mpmath import mp, polyroots

    p = characteristic(system)
    p = p[next(i for i, c in enumerate(p) if c) :]
    for g in system.forcing:
        for r in forcing_roots(g, system.var) or {}:
            p = poly.mul(p, poly.from_root(r))
    simple = poly.square_free(p)
    with mp.workdps(50):
        roots = polyroots(
            [mp.mpf(Fraction(c).numerator) / Fraction(c).denominator for c in reversed(simple)],
            maxsteps=500,
            extraprec=300,
        )
        roots.sort(key=lambda r: -abs(r))
        for i, r in enumerate(roots[:1]):
            if (
                abs(r.imag) > 1e-30
                or r.real <= 0
                or (i + 1 < len(roots) and abs(roots[i + 1]) > abs(r) * (1 - mp.mpf(10) ** -12))
            ):
                return
            try:
                values = [work.evaluator.call(f.name, at) for at in (400, 500, 600)]
            except EvaluationError:
                return
            if min(values) <= 0:
                return
            logs = [
                mp.log(mp.mpf(Fraction(v).numerator) / Fraction(v).denominator) - at * mp.log(r.real)
                for v, at in zip(values, (400, 500, 600), strict=True)
            ]
            if max(logs) - min(logs) < 1e-9 and abs(r) > 1:
                yield Closed(None, False, TRUE, ("dominant root",), power(root_expr(simple), sym(system.var)))
            return
