"""What a cost report says, as data. Layout lives in `report_text`, `report_json`.

In: made by `analysis.Analysis.report`. Out: read by renderers, by the Python API and by the runtime's verdict.
"""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ..lang.diagnostics import Diagnostic
from ..lang.record import record
from .expr import Cond, Expr

__all__ = ["Bound", "Figure", "Figures", "MetricReport", "PrimitiveFacts", "Range", "Recurrence", "Report", "Retries",
           "SymbolFacts", "Window"]

Figure = int | Fraction | float | Expr | None
"""A number; a formula where symbols other than sizes are left; math.inf; None where unknown."""


@record
class Bound:
    """One bound of one metric. `closed` is None where none was found, with the `reason`; `order` may still be known.

    `exact`: the closed form equals the bound's recurrence at every integer point of `valid`; otherwise it lies on the
    safe side there. `rules` names what the solver used.
    """
    closed: Expr | None
    exact: bool
    order: Expr | None
    valid: Cond
    rules: tuple[str, ...] = ()
    reason: str | None = None


@record
class Recurrence:
    """As text: T(n) = ... with its base cases, for the upper bound (or for both where they agree)."""
    function: str
    equation: str
    base: str


@record
class MetricReport:
    name: str
    upper: Bound
    lower: Bound
    expected: Bound | None
    theta: Expr | None
    recurrences: tuple[Recurrence, ...]
    checked: int


@record
class Range:
    """A metric's figures at given sizes."""
    lower: Figure
    upper: Figure
    expected: Figure


@record
class Figures:
    """Every metric at one choice of sizes."""
    sizes: Mapping[str, int | Fraction]
    metrics: Mapping[str, Range]


@record
class SymbolFacts:
    """`kind`: "size", "param", "model", "price", "probability"."""
    name: str
    meaning: str
    kind: str


@record
class PrimitiveFacts:
    """`fixed_tokens`: tokens of the prompt and system text besides the parameters."""
    fixed_tokens: int
    model: str


@record
class Window:
    """The largest prompt plus answer at the calls of one primitive against its model's window (both in tokens).

    `largest` tells the sizes up to which it fits, as a condition (`n <= 3880`), where one size decides.
    """
    primitive: str
    model: str
    window: int
    need: Expr | None
    fits: Cond | None


@record
class Retries:
    """The upper bounds if every attempt of every call were spent."""
    factor: int
    calls: Bound


@record
class Report:
    program: str
    entry: str
    symbols: tuple[SymbolFacts, ...]
    assumptions: tuple[str, ...]
    primitives: Mapping[str, PrimitiveFacts]
    literals: Mapping[str, int]
    metrics: Mapping[str, MetricReport]
    by_primitive: Mapping[str, Mapping[str, MetricReport]]
    at: tuple[Figures, ...]
    windows: tuple[Window, ...]
    retries: Retries | None
    parallel: int | None
    warnings: tuple[Diagnostic, ...]
    errors: tuple[Diagnostic, ...]
