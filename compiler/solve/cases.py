"""Several recursive cases: bounded by the largest or smallest of them.

An odd size may step down to an even one and an even one be halved: where a case's own call falls under another case
for sure (n odd makes n - 1 even), that case is put in first. Then the largest of all recursive values bounds the
function from above, the smallest from below, provided every case is evaluated where it applies; the check compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import TRUE, Cond, Expr, Fn, conj, max_, min_
from .model import Closed, Refused
from .structure import (
    calls_in,
    effective_guards,
    has_call,
    kinds_of,
    renamed_calls,
    replaced,
)

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["several_cases"]


def several_cases(work: Work, f: Function) -> Iterator[Closed]:
    """One recursive case out of several, as a bound."""
    cases = effective_guards(f.cases)
    recursive = [(g, e) for g, e in cases if has_call(e, f.name)]
    base = [(g, e) for g, e in cases if not has_call(e, f.name)]
    if not 2 <= len(recursive) <= 4 or not base or f.cases[0].guard == TRUE:
        return
    kinds = kinds_of(f)
    ready: list[Expr] = []
    for guard, value in recursive:
        ready.append(_deeper(work, f, guard, value, recursive, kinds))
    pick = max_ if work.side == "upper" else min_
    name = f.name + "_cases"

    def renamed(e: Expr) -> Expr:
        return renamed_calls(e, f.name, name)

    for values in (ready, [e for _, e in recursive]):
        g = Function(name, f.params, (*(Case(g, e) for g, e in base), Case(TRUE, pick(*(renamed(e) for e in values)))))
        try:
            answer = work.derived(g)
        except Refused:     # that the cases in any order may go on for ever says nothing of their own order
            answer = None
        if answer is not None:
            yield Closed(answer.form, False, answer.valid, (*answer.rules, "cases bounded"), answer.order)
        if ready == [e for _, e in recursive]:
            return


def _deeper(
    work: Work, f: Function, guard: Cond, value: Expr, recursive: list[tuple[Cond, Expr]], kinds: dict[str, str]
) -> Expr:
    """The value with calls replaced that fall under one recursive case for sure."""

    def change(a: Fn) -> Expr | None:
        put = dict(zip(f.params, a.args, strict=True))
        for other, e in recursive:
            if other != guard and work.implied(conj(guard, work.domain_of(f.params)), other.subs(put), f.params, kinds):
                return e.subs(put)
        return None

    table = {a: new for a in calls_in(value, f.name) if (new := change(a)) is not None}
    return replaced(value, table)
