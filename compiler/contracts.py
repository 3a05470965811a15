"""Cost contracts: `within calls <= 2 * n` proven from the upper bound, broken by sizes, or said to be open.

In: the bound of a metric as the analysis knows it, the contract, what is assumed of the sizes.
A proof needs a closed form and the prover; a refutation is a point at which the figure exceeds the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from ..lang.diagnostics import Diagnostic
from .codegen import compile_expr
from .core import Within
from .expr import TRUE, Cond, Expr, le, negate
from .facts import Facts
from .numeric import EvaluationError
from .report import Bound, Figure
from .simplify import split_piecewise
from .text import show

__all__ = ["check_contract"]

_POINTS = 80
_LARGEST = 10_000

Values = Mapping[str, int | Fraction]


def check_contract(
    contract: Within, bound: Bound, facts: tuple[Cond, ...], names: tuple[str, ...], figure: Callable[[Values], Figure]
) -> Diagnostic | None:
    """Nothing if the contract is proven; an error with sizes that break it; a warning where neither succeeds."""
    known = Facts(facts)
    symbols = sorted(contract.bound.free | set(names))
    limit = compile_expr(contract.bound, symbols)
    tried = 0
    for point in known.sample(symbols):
        values = {n: point.get(n, 1) for n in symbols}
        if max((abs(v) for v in values.values()), default=0) > _LARGEST:
            continue
        tried += 1
        if tried > _POINTS:
            break
        try:
            allowed, used = limit(*values.values()), figure(values)
        except (EvaluationError, ArithmeticError, ValueError):
            continue
        if isinstance(used, int | Fraction | float) and _exceeds(used, allowed):
            where = ", ".join(f"{n} = {v}" for n, v in values.items()) or "any size"
            spent = "unbounded" if used == math.inf else f"{used}"
            return Diagnostic(
                "E0502",
                f"the contract `{contract.metric} <= {show(contract.bound)}` does not hold: {spent} at {where}",
                contract.span,
                _hint(bound),
            )
    closed = bound.closed
    if closed is not None and not closed.infinite and _proven(closed, bound.valid, contract.bound, known):
        return None
    return Diagnostic(
        "W0501",
        f"the contract `{contract.metric} <= {show(contract.bound)}` could be neither proven nor broken",
        contract.span,
        f"it holds at the {min(tried, _POINTS)} choices of sizes that were tried",
        (),
        "warning",
    )


def _exceeds(used: float | Fraction, allowed: float | Fraction) -> bool:
    """Whether more is used than allowed, but for the rounding of floats; integers may be too large for these."""
    if isinstance(used, float):
        return used - 1e-9 > allowed
    return used > (allowed + 1e-9 if isinstance(allowed, float) else allowed)


def _hint(bound: Bound) -> str:
    if bound.closed is not None and not bound.closed.infinite and len(show(bound.closed)) < 80:
        return f"the upper bound is {show(bound.closed)}; promise that, or spend less"
    return "promise more, or spend less"


def _proven(closed: Expr, valid: Cond, allowed: Expr, known: Facts) -> bool:
    if valid != TRUE and not known.implies(valid):
        return False
    for guard, value in split_piecewise(closed):
        inside = known if guard == TRUE else known.with_(guard)
        if not inside.contradictory and not inside.implies(le(value, allowed)):
            return False
        if guard != TRUE:
            known = known.with_(negate(guard))
    return True
