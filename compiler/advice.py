"""What a warning about a loop costs: the formula of the loop as it stands, and of what the warning proposes.

In: the warnings of `sizes`, with the cost terms of the loops that they speak of. Out: the same warnings, with both
formulas in the hint. Where a formula is not known the warning says nothing of it. Used by reports only: `orch check`
solves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..lang.diagnostics import Diagnostic
from .costs import Cost, Loop, Sequence, Spread, parallel, sequence, substitute
from .expr import ZERO
from .pretty import pretty
from .report import Bound
from .text import show
from .variants import Variant

__all__ = ["LoopCost", "with_formulas"]

LoopCost = tuple[Variant, Cost]
"""A loop's term, over the symbols of the function that holds it."""


def with_formulas(
    warning: Diagnostic, loops: Mapping[tuple[str, int], LoopCost], bound: Callable[[Variant, Cost, str], Bound | None]
) -> Diagnostic:
    """The warning with the upper bounds before and after, and their orders."""
    found = loops.get((warning.code, warning.span.start))
    changed = _CHANGES.get(warning.code)
    if found is None or changed is None:
        return warning
    metric, words, change = changed
    variant, cost = found
    before, after = bound(variant, cost, metric), bound(variant, change(cost), metric)
    if before is None or after is None or before.order is None or after.order is None or before.order == after.order:
        return warning
    told = [f"{_shown(b)}, of order {pretty(show(b.order), True)}" for b in (before, after) if b.order is not None]
    return replace(warning, hint=f"{warning.hint}; {words} of this loop: {told[0]}; then: {told[1]}")


def _shown(b: Bound) -> str:
    assert b.closed is not None
    return f"at most {pretty(show(b.closed))}"


def at_once(cost: Cost) -> Cost:
    """The loops of a term with their rounds at once."""
    match cost:
        case Loop():
            return Loop(cost.index, cost.count, cost.body, True)
        case Spread():
            return Spread(cost.var, cost.over, cost.body, True)
        case Sequence(parts=parts):
            return parallel(*(at_once(p) for p in parts))
    return cost


def at_first_size(cost: Cost) -> Cost:
    """Every round of the loops of a term as large as the first."""
    match cost:
        case Loop():
            return Loop(cost.index, cost.count, substitute(cost.body, {cost.index: ZERO}), cost.concurrent)
        case Sequence(parts=parts):
            return sequence(*(at_first_size(p) for p in parts))
    return cost


_CHANGES: Mapping[str, tuple[str, str, Callable[[Cost], Cost]]] = {
    "W0201": ("rounds", "rounds", at_once),
    "W0202": ("input_tokens", "input tokens", at_first_size),
}
