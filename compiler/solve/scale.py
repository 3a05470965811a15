"""How fast an expression of one variable grows: n!^a c^n n^p log(n)^q log(log(n))^r, compared lexicographically.

In: an expression and its variable; other symbols are positive constants. Out: the scale of its leading terms and
their coefficient, or None where the leading terms cancel or a part is not understood. `growth` does the same for
several variables; the theorems about recurrences (Akra and Bazzi, summation by comparison with an integral) need the
exponents as numbers, hence this file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ..expr import ONE, ZERO, Atom, Expr, Fn, Number, Sym, factorial, is_nonneg, log, num, power, sym
from .sums import atom_expr

__all__ = ["Scale", "leading"]


@dataclass(frozen=True, slots=True)
class Scale:
    """n!^fact * base^n * n^power * log(n)^logs * log(log(n))^loglogs; `exact_power` is the exponent where it is
    irrational.
    """

    fact: Number = 0
    base: Number = 1
    power: Number | float = 0
    logs: Number = 0
    loglogs: Number = 0
    exact_power: Expr | None = None

    @property
    def key(self) -> tuple[float, float, float, float, float]:
        """Compares scales."""
        return (
            float(self.fact),
            math.log(self.base),
            round(float(self.power), 12),
            float(self.logs),
            float(self.loglogs),
        )

    def __mul__(self, o: Scale) -> Scale:
        exact = None
        if self.exact_power is not None or o.exact_power is not None:
            exact = _exponent(self) + _exponent(o)
        return Scale(
            self.fact + o.fact,
            self.base * o.base,
            self.power + o.power,
            self.logs + o.logs,
            self.loglogs + o.loglogs,
            exact,
        )

    def to(self, k: Number) -> Scale:
        """The k-th power."""
        base = (
            self.base
            if k == 1
            else (Fraction(self.base) ** k if isinstance(k, int) else Fraction(float(self.base) ** float(k)))
        )
        return Scale(
            self.fact * k,
            base,
            self.power * k,
            self.logs * k,
            self.loglogs * k,
            None if self.exact_power is None else self.exact_power * k,
        )

    def expr(self, var: str) -> Expr:
        """The scale as an expression."""
        n = sym(var)
        return (
            power(factorial(n), self.fact)
            * power(num(self.base), n)
            * power(n, _exponent(self))
            * power(log(n), self.logs)
            * power(log(log(n)), self.loglogs)
        )


def _exponent(s: Scale) -> Expr:
    if s.exact_power is not None:
        return s.exact_power
    assert not isinstance(s.power, float)
    return num(s.power)


def leading(e: Expr, var: str) -> tuple[Scale, Expr] | None:
    """(scale, coefficient) of the fastest growing terms; the coefficient is positive as far as it is a number."""
    if e.infinite or (
        len({tuple(p for p in m if var not in atom_expr(p[0]).free) for m in e.terms}) > 1 and e.free != {var}
    ):
        return None
    found: dict[tuple[float, ...], tuple[Scale, Expr, Number]] = {}
    for m, c in e.terms.items():
        part = _monomial(m, var)
        if part is None:
            return None
        scale, coefficient, wobble = part
        old = found.get(scale.key)
        total = coefficient * c
        spread: Number = 0
        if wobble:
            value = total.number
            if value is None:
                return None
            spread = -value if value < 0 else value
            total = ZERO
        if old is not None:
            total, spread = total + old[1], spread + old[2]
        found[scale.key] = (scale, total, spread)
    if not found:
        return Scale(), ZERO
    for key in sorted(found, reverse=True):
        scale, total, spread = found[key]
        value = total.number
        if spread and (value is None or value <= spread):
            return None
        if value == 0:
            return None
        if value is not None and value < 0:
            return scale, total
        if value is None and not is_nonneg(total) and not all(c > 0 for c in total.terms.values()):
            return None
        return scale, total
    return None


def _monomial(m: tuple[tuple[Atom, Number], ...], var: str) -> tuple[Scale, Expr, bool] | None:
    scale, coefficient, wobble = Scale(), ONE, False
    for a, k in m:
        one = atom_expr(a)
        if var in one.free and len(one.free) > 1:
            return None  # an order in several variables has to be uniform in all of them
        if var not in one.free:
            coefficient = coefficient * Expr({((a, k),): 1})
            continue
        if isinstance(a, Fn) and a.op == "pow" and a.args[0] == num(-1):
            wobble = True
            continue
        part = _atom(a, var)
        if part is None:
            return None
        scale = scale * part[0].to(k)
        value = part[1].number
        if value is not None and value <= 0:
            return None
        coefficient = coefficient * power(part[1], k)
    return scale, coefficient, wobble


def _atom(a: Atom, var: str) -> tuple[Scale, Expr] | None:
    if isinstance(a, Sym):
        return Scale(power=1), ONE
    match a.op:
        case "floor" | "paren":
            inner = leading(a.args[0], var)
            if inner is None or (a.op == "floor" and inner[0].key <= Scale().key):
                return None
            return inner
        case "log":
            inner = leading(a.args[0], var)
            if inner is None:
                return None
            return _log(inner[0], a.args[1].number or 0)
        case "harmonic":
            if len(a.args) == 2:
                return Scale(), ONE
            inner = leading(a.args[0], var)
            return None if inner is None else _log(inner[0], 0)
        case "pow":
            base = a.args[0].number
            if base is None:
                return _power_of_variable(a, var)
            if base <= 0:
                return None
            exponent = a.args[1]
            coefficients = exponent.coefficients(var)
            if coefficients is not None and set(coefficients) <= {0, 1}:
                slope = coefficients[1].number
                if isinstance(slope, int):
                    return Scale(base=Fraction(base) ** slope), ONE
                if slope is not None:
                    return Scale(base=Fraction(float(base) ** float(slope))), ONE
            return None
        case "max" | "min":
            parts = [leading(x, var) for x in a.args]
            known = [p for p in parts if p is not None]
            if len(known) != len(parts):
                return None
            pick = max if a.op == "max" else min
            return pick(known, key=lambda p: p[0].key)
        case "factorial":
            coefficients = a.args[0].coefficients(var)
            if coefficients is None or coefficients.get(1) != ONE or set(coefficients) - {0, 1}:
                return None
            shift = coefficients.get(0, ZERO).number
            return None if shift is None else (Scale(fact=1, power=shift), ONE)
        case _:
            return None


def _power_of_variable(a: Fn, var: str) -> tuple[Scale, Expr] | None:
    if a.args[1].free or a.args[0] != sym(var):
        return None
    from ..evaluate import compile_expr

    value = compile_expr(a.args[1], ())()
    return Scale(power=float(value), exact_power=a.args[1]), ONE


def _log(inner: Scale, base: Number) -> tuple[Scale, Expr] | None:
    over = ONE if not base else power(log(num(base)), -1)
    if inner.fact:
        return Scale(power=1, logs=1), num(inner.fact) * over
    if inner.base != 1:
        return (Scale(power=1), num(1) * log(num(inner.base)) * over) if inner.base > 1 else None
    if inner.power:
        return (Scale(logs=1), over) if inner.power > 0 else None
    if inner.logs:
        return (Scale(loglogs=1), over) if inner.logs > 0 else None
    return None
