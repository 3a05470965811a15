"""Reports and runs as objects for Python and for notebooks.

In: `Report`, and what a run brought. Out: `CostReport` and `Run`, which show themselves as text, in notebooks as HTML,
and as the JSON of the command. Formulas are sympy's, made when they are looked at, for sympy is slow to import.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .errors import OrchError, diagnostic_json

if TYPE_CHECKING:
    from .compiler.expr import Expr
    from .compiler.report import Bound, MetricReport, Range, Report
    from .lang.diagnostics import Diagnostic

__all__ = ["BoundView", "CostReport", "MetricView", "Run", "RunFailed"]


def _sympy(e: Expr | None) -> Any:
    if e is None:
        return None
    from .compiler.sympy_bridge import to_sympy
    return to_sympy(e)


class BoundView:
    """One bound of one metric. `exact`: `closed` equals the recurrence wherever `valid` holds."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound

    @property
    def exact(self) -> bool:
        return self._bound.exact

    @property
    def reason(self) -> str | None:
        """Why there is no closed form, or why it is infinite; None where there is nothing to say."""
        return self._bound.reason

    @cached_property
    def closed(self) -> Any:
        """The closed form as a sympy expression, `sympy.oo` if unbounded, None where none was found."""
        return _sympy(self._bound.closed)

    @cached_property
    def order(self) -> Any:
        """The order of growth, without constant factors, as a sympy expression; None where unknown."""
        return _sympy(self._bound.order)

    @cached_property
    def valid(self) -> Any:
        """The sizes for which `closed` holds, as a sympy condition."""
        from .compiler.sympy_bridge import cond_to_sympy
        return cond_to_sympy(self._bound.valid)

    def __repr__(self) -> str:
        from .compiler.text import show
        closed = self._bound.closed
        return f"<{'exactly' if self.exact else 'bound'} {show(closed) if closed is not None else 'unknown'}>"


class MetricView:
    """One metric: `upper`, `lower`, `expected` (None where unknown) and `theta`, None where the bounds differ."""

    def __init__(self, metric: MetricReport) -> None:
        self._metric = metric
        self.name = metric.name
        self.upper = BoundView(metric.upper)
        self.lower = BoundView(metric.lower)
        self.expected = None if metric.expected is None else BoundView(metric.expected)

    @cached_property
    def theta(self) -> Any:
        return _sympy(self._metric.theta)

    @property
    def recurrences(self) -> tuple[tuple[str, str, str], ...]:
        """Function, equation and base cases, as text."""
        return tuple((r.function, r.equation, r.base) for r in self._metric.recurrences)

    def __repr__(self) -> str:
        return f"<{self.name}: at most {self.upper!r}, at least {self.lower!r}>"


class CostReport:
    """What a program costs. `str` is the report; a notebook shows it laid out."""

    def __init__(self, report: Report) -> None:
        self.data = report
        self.metrics = {name: MetricView(m) for name, m in report.metrics.items()}
        self.by_primitive = {name: {metric: MetricView(m) for metric, m in metrics.items()}
                             for name, metrics in report.by_primitive.items()}

    @property
    def program(self) -> str:
        return self.data.program

    @property
    def entry(self) -> str:
        return self.data.entry

    @property
    def symbols(self) -> dict[str, str]:
        """Every symbol of the formulas and what it means."""
        return {s.name: s.meaning for s in self.data.symbols}

    @property
    def at(self) -> list[dict[str, Any]]:
        """The figures at the sizes asked for: `sizes`, and for each metric `lower`, `upper`, `expected`."""
        found: list[dict[str, Any]] = self.to_json()["at"]
        return found

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self.data.warnings

    def to_json(self) -> dict[str, Any]:
        """What `orch cost --format json` prints."""
        from .compiler.report_json import report_json
        return report_json(self.data)

    def to_markdown(self) -> str:
        from .compiler.report_md import report_md
        return report_md(self.data)

    def __getitem__(self, metric: str) -> MetricView:
        return self.metrics[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(self.metrics)

    def __str__(self) -> str:
        from .compiler.report_text import report_text
        return report_text(self.data)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from .compiler.report_fragment import report_fragment
        return report_fragment(self.data)


@dataclass(frozen=True, slots=True)
class Run:
    """What a run brought: the result as plain Python data, what it used, and what was predicted at its sizes.

    `usage` holds figures by metric, besides retries, cached calls and `by_primitive`. `within`: no counted figure
    lies outside its bounds. `errors` is empty unless the run failed; then `result` is None.
    """
    result: Any
    sizes: Mapping[str, int | list[int]]
    usage: Mapping[str, Any]
    predicted: Mapping[str, Range]
    within: bool
    errors: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What `orch run --format json` prints."""
        from .compiler.report_json import range_json
        return {"result": self.result, "sizes": dict(self.sizes), "usage": dict(self.usage),
                "predicted": {name: range_json(r) for name, r in self.predicted.items()}, "within": self.within,
                "errors": [diagnostic_json(d) for d in self.errors],
                "warnings": [diagnostic_json(d) for d in self.warnings]}

    def __str__(self) -> str:
        from .compiler.report_text import plain_blocks
        from .runtime.verdict import verdict_blocks
        return plain_blocks(verdict_blocks(self.usage, self.predicted, self.within))

    def _repr_html_(self) -> str:
        from .compiler.report_fragment import html_blocks
        from .runtime.verdict import verdict_blocks
        return html_blocks(verdict_blocks(self.usage, self.predicted, self.within))


class RunFailed(OrchError):
    """A run that could not go on; `run` holds what was measured until then."""

    def __init__(self, run: Run, exit_code: int) -> None:
        super().__init__(run.errors, exit_code)
        self.run = run
