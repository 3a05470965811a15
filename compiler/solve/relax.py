"""Rounding taken out: floors by their arguments, (-1)^n by 1 or -1, always to the safe side.

floor(x) <= x, and floor(x) >= x - (1 - u) if x is a multiple of u at integers: of 1/k for k in the denominator, of
b^-j for (n + h)/b^j. In a product all other factors must be nonnegative; an even or odd integer power of a floor is
relaxed only where the argument is nonnegative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from ..equations import Case, Function, Side
from ..expr import ONE, ZERO, Expr, Fn, Sym, is_integer, is_nonneg, le, num, power, sym
from .model import Closed
from .structure import (
    base_at,
    calls_in,
    has_call,
    recurrence,
    renamed_calls,
    replace_calls,
)
from .sums import atom_expr

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["relax", "relaxed_forcing"]


def relax(e: Expr, side: Side, which: Callable[[Fn], bool]) -> Expr | None:
    """e with the floors chosen by `which` replaced, not below e for the upper side, not above it for the lower."""
    result = ZERO
    for m, c in e.terms.items():
        product = num(c)
        up = (side == "upper") == (c > 0)
        changed = [
            (a, k)
            for a, k in m
            if isinstance(a, Fn)
            and (
                (a.op == "floor" and which(a))
                or (a.op == "pow" and a.args[0] == num(-1))
                or (a.op == "max" and k == 1 and all(is_nonneg(x) or isinstance(x.atom, Sym) for x in a.args))
            )
        ]
        others = Expr({tuple(p for p in m if p not in changed): 1})
        if changed and not is_nonneg(others):
            return None
        for a, k in changed:
            assert isinstance(a, Fn)
            if a.op == "max":  # of nonnegative numbers: at most the sum, at least any one
                product = product * (sum(a.args, ZERO) if up else max(a.args, key=lambda x: (len(x.free), x.key)))
                continue
            if a.op == "pow":
                if len(changed) > 1:
                    return None
                product = product * (1 if up else -1)
                continue
            # floor(-x) is -ceil(x): of one sign as well, but only alone
            signed = isinstance(k, int) and k > 0 and is_nonneg(a.args[0])
            if not signed and (k != 1 or len(changed) > 1):
                return None
            product = product * power(_side_of_floor(a, up), k)
        result = result + product * others
    return result


def _side_of_floor(a: Fn, up: bool) -> Expr:
    x = a.args[0]
    return x if up else x - 1 + _unit(x)


def _unit(x: Expr) -> Expr:
    """A u with x a multiple of u where all its symbols are integers, or 0."""
    below: dict[tuple[object, ...], None] = {}
    coefficients: list[int] = []
    denominator = ONE
    for m, c in x.terms.items():
        coefficients.append(Fraction(c).denominator)
        inverse = ONE
        for a, k in m:
            one = Expr({((a, k),): 1})
            if is_integer(one):
                continue
            if isinstance(a, Fn) and a.op == "pow" and k < 0 and is_integer(power(atom_expr(a), -k)):
                inverse = inverse * one
                continue
            if isinstance(a, Sym) and isinstance(k, int) and k < 0:
                inverse = inverse * one
                continue
            return ZERO
        if inverse != ONE:
            below[inverse.key] = None
            denominator = inverse
    if len(below) > 1:
        return ZERO
    return denominator * Fraction(1, lcm(*coefficients)) if coefficients else ZERO


def relaxed_forcing(work: Work, f: Function) -> Iterator[Closed]:
    """Solves with the floors of the forcing term relaxed; from below also with one more base value, so that it is
    not 0.
    """
    cases = []
    changed = False
    for case in f.cases:
        if not has_call(case.value, f.name):
            cases.append(case)
            continue
        rest = replace_calls(case.value, f.name, lambda args: ZERO)
        calls = case.value - rest
        new = relax(rest, work.side, lambda a: not calls_in(a.args[0]))
        if new is None:
            return
        changed = changed or new != rest
        cases.append(Case(case.guard, calls + new))
    if not changed:
        return
    for name, extra in (("_smooth", None), ("_first", _next_value(f) if work.side == "lower" else None)):
        if name == "_first" and extra is None:
            return
        whole = [*cases[:-1], *([extra] if extra is not None else []), cases[-1]]
        renamed = tuple(Case(c.guard, renamed_calls(c.value, f.name, f.name + name)) for c in whole)
        answer = work.derived(Function(f.name + name, f.params, renamed))
        if answer is not None and not (
            name == "_smooth" and work.side == "lower" and answer.form is not None and not answer.form.terms
        ):
            yield Closed(answer.form, False, answer.valid, (*answer.rules, "rounding bounded"), answer.order)


def _next_value(f: Function) -> Case | None:
    """The first value above the threshold as one more base case."""
    rec = recurrence(f)
    if rec is None:
        return None
    start = rec.threshold.number
    if not isinstance(start, int):
        return None
    at = num(start + 1)
    value = rec.forcing.subs({rec.var: at})
    for coef, arg in rec.calls:
        below = base_at(rec, arg.subs({rec.var: at}))
        if below is None:
            return None
        value = value + coef.subs({rec.var: at}) * below
    return Case(le(sym(rec.var), at), value)
