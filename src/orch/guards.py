"""What a run is held to: its budgets against its prediction, before the first call; and what makes it the same run.

In: the options of a run, its prediction. Out: a `Budget`; warnings, or the error that the run cannot end within it;
where answers come from, for a journal. Nothing is sent, read or written here.
"""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .errors import NOWHERE, fault
from .lang.diagnostics import Diagnostic

if TYPE_CHECKING:
    from .api import Prediction, RunOptions
    from .runtime.budget import Budget

__all__ = ["budget_of", "foresee", "where_of"]


def budget_of(options: RunOptions) -> Budget:
    """The most that a run may pay. Raises OrchError for what is no amount."""
    from .api import number
    from .runtime.budget import Budget
    given = {"dollars": options.budget_dollars, "calls": options.budget_calls, "tokens": options.budget_tokens}
    found: dict[str, int | Fraction | None] = {}
    for name, value in given.items():
        amount = None if value is None else number(f"budget_{name}", value)
        if amount is not None and (amount < 0 or (name != "dollars" and not isinstance(amount, int))):
            raise fault("E0800", f"A budget of {value} {name} is none.", f"write --budget-{name} 100, for example")
        found[name] = amount
    dollars = found["dollars"]
    calls, tokens = (None if (n := found[name]) is None else int(n) for name in ("calls", "tokens"))
    return Budget(calls, tokens, None if dollars is None else Fraction(dollars))


def foresee(options: RunOptions, prediction: Prediction) -> tuple[Diagnostic, ...]:
    """What the budgets mean for this run: warnings where they may be reached.

    Raises OrchError, with the exit code of a budget, if the run cannot end within them. With a cache that is not
    known beforehand, for what it holds is not paid.
    """
    from .compiler.figures import figure_text
    budget, told = budget_of(options), []
    ranges, retried = prediction.ranges, prediction.with_retries
    both = ("input_tokens", "output_tokens")
    bounds = {
        "calls": (budget.calls, _number(ranges["calls"].lower), retried["calls"]),
        "tokens": (budget.tokens, _sum([_number(ranges[n].lower) for n in both]), _sum([retried[n] for n in both])),
        "dollars": (budget.dollars, _number(ranges["dollars"].lower), retried["dollars"]),
    }
    for name, (limit, least, most) in bounds.items():
        if limit is None:
            continue
        allowed, needed, possible = [figure_text(figure, name) + ("" if name == "dollars" else f" {name}")
                                     for figure in (limit, least, most)]
        if least is not None and least > limit and not options.cache:
            raise fault("E0811", f"The budget of {allowed} cannot suffice: this run takes at least {needed}.",
                        "raise the budget, or give the run less to do; `orch cost` tells what it takes", 4)
        if most is not None and most > limit:
            told.append(Diagnostic("W0811", f"The budget of {allowed} may be reached: with all retries this run takes "
                                   f"up to {possible}.", NOWHERE,
                                   "with --journal what is paid is kept, and --resume goes on from there"))
    return tuple(told)


def where_of(options: RunOptions) -> str:
    """Where answers come from: those of another backend, or another seed, are not those of this run."""
    seed = "" if options.seed is None else f" seed {options.seed}"
    if options.backend != "sim":
        return f"{options.backend or 'by model'}{seed}"
    tools = " with tools" if options.allow_tools or options.tools else ""
    oracles = f" with oracles {', '.join(sorted(options.oracle))}" if options.oracle else ""
    return f"sim {options.sim}{seed or ' seed 0'}{tools}{oracles}"


def _number(figure: Any) -> int | float | Fraction | None:
    """A bound as a number; None where it is a formula or unknown."""
    return figure if isinstance(figure, int | float | Fraction) else None


def _sum(figures: Sequence[int | float | Fraction | None]) -> int | float | Fraction | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None
