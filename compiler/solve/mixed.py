"""Steps and splits in one equation: T(n) = a T(n-1) + sum b_i T(about n/c_i) + g(n).

a < 1: the step forgets geometrically. For a nondecreasing T of polynomial growth T(n-1) ~ T(n), so T is of the order
of the solution of (1 - a) T(n) = sum b_i T(n/c_i) + g(n), which is Akra and Bazzi's. a >= 1: bounds. T does not
decrease, so each split is at most T(n-1), and dropping the splits first and putting that solution in for them gives a
lower bound. Both are checked as any bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import Expr, call, is_nonneg, num, sym
from .akra_bazzi import akra_bazzi_order
from .model import Closed
from .structure import has_call, recurrence, slope

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["mixed"]


def mixed(work: Work, f: Function) -> Iterator[Closed]:
    """The order, or bounds."""
    rec = recurrence(f)
    if rec is None or not is_nonneg(rec.forcing):
        return
    n = sym(rec.var)
    steps = [(c, x) for c, x in rec.calls if isinstance((n - x).number, int)]
    splits = [(c, x) for c, x in rec.calls if (c, x) not in steps]
    numbers = [c.number for c, _ in rec.calls]
    if not steps or not splits or any(v is None or v <= 0 for v in numbers):
        return
    for _, x in splits:
        found = slope(x, rec.var)
        if found is None or not 0 < found[0] < 1:
            return
    weight = sum((c for c, _ in steps), num(0)).number
    if weight is None:
        return
    at = next(i for i, c in enumerate(f.cases) if has_call(c.value, f.name))
    if weight < 1:
        value = rec.forcing
        for c, x in splits:
            value = value + c * call(f.name, x)
        alone = Function(
            f.name,
            (rec.var,),
            tuple(
                Case(c.guard, value * (1 / Fraction(1 - weight)) if i == at else c.value) for i, c in enumerate(f.cases)
            ),
        )
        if f.params == (rec.var,):
            yield from (
                Closed(c.form, c.exact, c.valid, ("steps and splits", *c.rules), c.order)
                for c in akra_bazzi_order(alone)
            )
        return
    place = f.params.index(rec.var)
    name = f.name + "_bound"

    def with_value(value: Expr) -> Function:
        return Function(
            name, f.params, tuple(Case(c.guard, value if i == at else c.value) for i, c in enumerate(f.cases))
        )

    def at_size(x: Expr) -> Expr:
        return call(name, *(x if i == place else sym(p) for i, p in enumerate(f.params)))

    if work.side == "upper":
        value = rec.forcing
        for c, x in rec.calls:
            value = value + c * at_size(n - 1 if (c, x) in splits else x)
    else:
        value = rec.forcing
        for c, x in steps:
            value = value + c * at_size(x)
        first = work.derived(with_value(value))
        if first is None or first.form is None:
            return
        name += "_second"
        value = rec.forcing
        for c, x in steps:
            value = value + c * at_size(x)
        for c, x in splits:
            value = value + c * first.form.subs({rec.var: x})
    answer = work.derived(with_value(value))
    if answer is not None and answer.form is not None:
        yield Closed(answer.form, False, answer.valid, ("steps and splits", *answer.rules))
