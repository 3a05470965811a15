"""Tunings as objects: a program with params in, a `TuningView` out.

In: a program, sizes, what to minimise, constraints. Out: a view that shows itself as text, in notebooks as HTML, and as
the JSON of `orch tune`. The work is done in `compiler.tune`. Raises OrchError for what cannot be read, for sizes that
are missing, and for a program with nothing to tune; where no values satisfy the constraints the view says so.
"""
from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .api import Number, Program, check_at_least_one, check_names, check_points, formula
from .errors import NOWHERE, OrchError, diagnostic_json, fault, stage
from .lang.diagnostics import Diagnostic

if TYPE_CHECKING:
    from .compiler.core import Tunable
    from .compiler.expr import Expr
    from .compiler.report import Range
    from .compiler.tune import Constraint, Missing, Quantity, Tuning
    from .compiler.tune_view import Tuned

__all__ = ["TuningView", "tune"]

SECONDS = 15.0      # of search, for each choice of sizes


class TuningView:
    """The best values of params. `str` is the report; `to_json` what `orch tune --format json` prints."""

    def __init__(self, tuned: Tuned) -> None:
        self.data = tuned

    @property
    def best(self) -> dict[str, int] | None:
        """The best values at the first choice of sizes; None where none satisfies the constraints."""
        first = self.data.tunings[0]
        return dict(first.values) if first.feasible else None

    @property
    def cost(self) -> Any:
        """What is minimised, at these values."""
        return self.data.tunings[0].cost

    @property
    def formulas(self) -> dict[str, list[Any]]:
        """Formulas of the optimum by param, as sympy expressions, the closest first."""
        from .compiler.sympy_bridge import to_sympy
        found: dict[str, list[Any]] = {name: [] for name in self.data.tunings[0].values}
        for f in self.data.tunings[0].formulas:
            found[f.param].append(to_sympy(f.candidate.closed))
        return found

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """E0809 for each choice of sizes at which no values satisfy the constraints."""
        return self.data.errors

    def to_json(self) -> dict[str, Any]:
        """What `orch tune --format json` prints."""
        from .compiler.tune_view import tuned_json
        return tuned_json(self.data, [diagnostic_json(d) for d in self.data.errors])

    def to_markdown(self) -> str:
        from .compiler.report_md import markdown_blocks
        from .compiler.tune_view import tuned_layout
        return markdown_blocks(tuned_layout(self.data))

    def __str__(self) -> str:
        from .compiler.report_text import plain_blocks
        from .compiler.tune_view import tuned_layout
        return plain_blocks(tuned_layout(self.data))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from .compiler.report_fragment import html_blocks
        from .compiler.tune_view import tuned_layout
        return html_blocks(tuned_layout(self.data))


def tune(program: Program, entry: str | None, at: Mapping[str, Number] | Sequence[Mapping[str, Number]],
         minimise: str | None, subject: Sequence[str], parallel: int | None) -> TuningView:
    """See `Program.tune`."""
    from .compiler.tune_view import Tuned
    check_at_least_one("request at a time", parallel, "--parallel 8")
    name = program.entry(entry)
    warnings = program.warnings
    given = [at] if isinstance(at, Mapping) else list(at)
    points = program.points(name, given or [{}])
    kinds = program._symbols(name)
    check_points(points, kinds, {})
    constraints = [_constraint(text, kinds) for text in subject]
    quantity = _quantity(program, name, minimise, points)
    tunables = dict(program.core.tunables)
    fixed = program.options.params
    found: list[Tuning] = []
    figures: list[Mapping[str, Range]] = []
    errors: list[Diagnostic] = []
    for point in points:
        free = [t for t in tunables.values() if t.name not in fixed and t.name not in point]
        if not free:
            why = "This program has no param." if not tunables else "All params are set."
            raise fault("E0808", why, "write param chunk: Int = 2000 in 256..32000, or leave out --set")
        tuning = _tuned(program, name, free, {**fixed, **point}, quantity, constraints, parallel)
        found.append(tuning)
        with stage("analysis"):
            settings = {t.name: t.default for t in tunables.values()}
            figures.append(program._analysis.known_figures(program.core.entries[name],
                                                           {**settings, **fixed, **point, **tuning.values}))
        if not tuning.feasible:
            errors.append(_infeasible(tuning))
    defaults = {t.name: t.default for t in tunables.values()}
    return TuningView(Tuned(program.name, name, quantity, tuple(c.text for c in constraints), parallel, defaults,
                            tuple(found), tuple(figures), warnings, tuple(errors)))


def _tuned(program: Program, entry: str, free: Sequence[Tunable], values: Mapping[str, Any], quantity: Quantity,
           constraints: Sequence[Constraint], parallel: int | None) -> Tuning:
    from .compiler import tune as work
    deadline = time.monotonic() + SECONDS
    with stage("tuning"):
        try:
            return work.tune(program._analysis, program.core.entries[entry], free, values, quantity, constraints,
                             parallel, lambda: time.monotonic() > deadline)
        except work.Missing as e:
            raise _missing(entry, e, quantity) from None


def _quantity(program: Program, entry: str, minimise: str | None, points: Sequence[Mapping[str, Any]]) -> Quantity:
    """What is minimised: the metric asked for, else dollars where all prices are known, else calls."""
    from .compiler.tune import Quantity, parse_quantity
    if minimise is None:
        curve = program._analysis.curve(program.core.entries[entry], "dollars", "upper")
        known = {n for p in points for n in p} | program.core.tunables.keys()
        priced = curve.goal is not None and not curve.goal.infinite and curve.goal.terms
        unknown = {n for n in curve.names - known if n.startswith(("price_in_", "price_out_"))}
        metric = "dollars" if priced and not unknown else "calls"
        return Quantity(metric, None, metric)
    try:
        found = parse_quantity(minimise)
    except ValueError as e:
        raise _unreadable("--minimise", str(e), minimise) from None
    if found.reliability:
        raise fault("E0807", "The reliability is best when it is large.",
                    "write --minimise unreliability, or --subject 'reliability >= 0.95'")
    return found


def _constraint(text: str, kinds: Mapping[str, str]) -> Constraint:
    from .compiler.tune import parse_constraint

    def read(right: str) -> Expr:
        return formula("x", right, kinds)

    try:
        found = parse_constraint(text, read)
    except ValueError as e:
        raise _unreadable("--subject", str(e), text) from None
    except OrchError:
        raise fault("E0807", f"`--subject`: the right side of `{text}` is no formula.",
                    "compare with a number or a formula in the sizes: 'calls <= 2*n'") from None
    check_names("symbol", sorted(found.bound.free), kinds)
    return found


def _unreadable(option: str, message: str, text: str) -> OrchError:
    from .compiler.metrics import METRICS
    from .lang.suggest import did_you_mean
    word = "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
    example = "write --minimise dollars or 'expected(calls)'" if option == "--minimise" else (
        "write 'context <= 8000' or 'reliability >= 0.95'")
    known = [*METRICS, "reliability"]
    nearest = next((did_you_mean(w, known, "") for w in word if w not in known and not w.isdigit()), "")
    return fault("E0807", f"`{option}`: {message}.", nearest or example)


def _missing(entry: str, e: Missing, quantity: Quantity) -> OrchError:
    if e.idle:
        listed = ", ".join(f"`{n}`" for n in e.names)
        return fault("E0808", f"The {quantity.metric} of `{entry}` and the constraints do not depend on {listed}.",
                     "minimise another metric, or tune another entry")
    if not e.names:
        return fault("E0806", f"The {quantity.metric} of `{entry}` cannot be told at any value of the params at these "
                     "sizes.", "look at orch cost with --set for one value, or give other sizes")
    listed = ", ".join(f"`{n}`" for n in e.names)
    written = ",".join(f"{n}={_example(n)}" for n in e.names)
    return fault("E0806", f"A value is needed for {listed}: the {quantity.metric} of `{entry}`, or a constraint, needs "
                 "it.", f"write --at {written}, with your own figures")


def _example(name: str) -> str:
    """A plausible value of a symbol."""
    return next((value for stem, value in (("price_in_", "0.15"), ("price_out_", "0.6"), ("ttft_", "0.5"),
                                           ("prefill_", "2000"), ("decode_", "80")) if name.startswith(stem)), "1000")


def _infeasible(t: Tuning) -> Diagnostic:
    from .compiler.figures import figure_text
    broken = "; ".join(f"{h.text}, but it is {'not known' if h.value is None else figure_text(h.value)}"
                       for h in t.held if not h.holds)
    values = ", ".join(f"{name} = {value:,}" for name, value in t.values.items())
    return Diagnostic("E0809", f"No values of the params satisfy all constraints; {values} comes closest: {broken}.",
                      NOWHERE, "widen a range, or relax a constraint")
