"""Functions that do not call themselves: their cases, with sums in closed form.

The value is a piecewise expression, or one form where the others are the same. Sums that have no closed form are left
to other rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import growth
from ..equations import Function, Side
from ..expr import FALSE, TRUE, Cond, Expr, Fn, piecewise
from .model import Closed
from .relax import relax
from .structure import calls_in, map_atoms
from .sums import summation

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["plain", "plain_order", "without_sums"]


def plain(f: Function, side: Side | None = None) -> Iterator[Closed]:
    """The cases as they stand; with a side, floors in sums that do not close are taken out."""
    cases: list[tuple[Expr, Cond]] = []
    for case in f.cases:
        if case.guard == FALSE:
            continue
        if calls_in(case.value):
            return
        value = without_sums(case.value, side)
        if value is None:
            return
        cases.append((value, case.guard))
        if case.guard == TRUE:
            break
    if not cases:
        return
    valid = TRUE if cases[-1][1] == TRUE else cases[-1][1]
    if valid != TRUE and len(cases) > 1:
        return
    yield Closed(piecewise(*cases[:-1], (cases[-1][0], TRUE)), side is None, valid, ("substitution",))


def plain_order(work: Work, f: Function) -> Iterator[Closed]:
    """The order of sums that do not close, by comparison with an integral or with the largest term (`growth`)."""
    cases = [c for c in f.cases if c.guard != FALSE]
    if not cases or any(calls_in(c.value) for c in cases):
        return
    whole = piecewise(*((c.value, c.guard) for c in cases[:-1]), (cases[-1].value, TRUE))
    order = growth.order(whole, work.domain_of(f.params))
    if order is not None:
        yield Closed(None, False, TRUE, ("order of a sum",), order)


def without_sums(e: Expr, side: Side | None = None) -> Expr | None:
    """Sums in closed form, or bounded; None where one has none."""
    failed = []

    def change(a: Fn) -> Expr | None:
        if a.op != "sum":
            return None
        value = summation(a.args[0], a.name, a.args[1], a.args[2])
        if value is None and side is not None:
            relaxed = relax(a.args[0], side, lambda x: True)
            value = None if relaxed is None else summation(relaxed, a.name, a.args[1], a.args[2])
        if value is None:
            failed.append(a)
        return value

    changed = map_atoms(e, change)
    return None if failed else changed
