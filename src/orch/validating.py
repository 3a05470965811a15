"""Runs at several sizes: what was measured beside what was predicted.

In: a program, sizes (arguments are made up to have exactly these) or arguments, how many runs of each. Out: a view with
a row for each choice of sizes, which shows itself as text, in notebooks as HTML, and as the JSON of `orch validate`.
A run that fails is told with what was measured until then, and the others go on. Raises OrchError for sizes that are
missing or that the entry refuses, before anything is sent.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .api import Number, Prediction, Program, declared_extents
from .errors import diagnostic_json, fault
from .views import Run, RunFailed

if TYPE_CHECKING:
    from .compiler.core import Shape
    from .compiler.report_layout import Block, Table
    from .lang.diagnostics import Diagnostic

__all__ = ["Row", "ValidationView", "validate"]

_WORD = " word"         # one token in every vocabulary


@dataclass(frozen=True, slots=True)
class Row:
    """The runs with one choice of sizes, and what was predicted for all of them."""
    prediction: Prediction
    runs: tuple[Run, ...]

    @property
    def within(self) -> bool:
        """Whether every run ended, with every counted figure inside its bounds."""
        return all(r.within and not r.errors for r in self.runs)

    def measured(self, metric: str) -> list[int | float]:
        """The figure of each run that has one."""
        found = [r.usage.get(metric) for r in self.runs]
        return [x for x in found if x is not None]

    @property
    def billed(self) -> float | None:
        """Tokens that providers billed by those that Orch counted for the same calls; None where none were billed."""
        counted = sum(self.measured("counted_tokens"))
        billed = sum(self.measured("billed_input_tokens")) + sum(self.measured("billed_output_tokens"))
        return billed / counted if counted and billed else None


class ValidationView:
    """Rows of runs. `within` is true if every run ended inside its bounds."""

    def __init__(self, program: str, entry: str, rows: Sequence[Row]) -> None:
        self.program, self.entry, self.rows = program, entry, tuple(rows)

    @property
    def within(self) -> bool:
        return all(row.within for row in self.rows)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Those of the runs that failed."""
        return tuple(d for row in self.rows for run in row.runs for d in run.errors)

    def to_json(self) -> dict[str, Any]:
        """What `orch validate --format json` prints."""
        from .compiler.metrics import METRICS
        from .compiler.report_json import range_json
        rows = [{
            "sizes": {n: low if low == high else [low, high] for n, (low, high) in row.prediction.sizes.items()},
            "runs": len(row.runs),
            "measured": {name: row.measured(name) for name in METRICS},
            "predicted": {name: range_json(r) for name, r in row.prediction.ranges.items()},
            "billed_ratio": row.billed,
            "within": row.within,
            "errors": [diagnostic_json(d) for run in row.runs for d in run.errors],
        } for row in self.rows]
        return {"program": self.program, "entry": self.entry, "rows": rows, "within": self.within,
                "warnings": [], "errors": []}

    def blocks(self) -> tuple[Block, ...]:
        """The same, laid out."""
        from .compiler.report_layout import Cell, Heading, Note
        found: list[Block] = [Heading(f"{self.program} · {self.entry}: measured beside predicted", 1)]
        for row in self.rows:
            found += [Heading(_title(row)), _table(row)]
            found += [Note(Cell(f"a run failed: {d.message}", "bad")) for run in row.runs for d in run.errors]
            if row.billed is not None:
                found.append(Note(Cell(f"billed tokens: {row.billed:.3f} times those counted", "quiet")))
        found.append(Note(Cell("Every counted figure lies within its bounds.", "good") if self.within else
                          Cell("A run failed, or lies outside its bounds.", "bad")))
        return tuple(found)

    def to_markdown(self) -> str:
        from .compiler.report_md import markdown_blocks
        return markdown_blocks(self.blocks())

    def __str__(self) -> str:
        from .compiler.report_text import plain_blocks
        return plain_blocks(self.blocks())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from .compiler.report_fragment import html_blocks
        return html_blocks(self.blocks())


def _title(row: Row) -> str:
    sizes = ", ".join(f"{n} = {low:,}" if low == high else f"{n} = {low:,} to {high:,}"
                      for n, (low, high) in row.prediction.sizes.items())
    return f"{sizes or 'no sizes'}   ({len(row.runs)} run{'s' if len(row.runs) != 1 else ''})"


def _table(row: Row) -> Table:
    from .compiler.figures import figure_text, range_text
    from .compiler.metrics import METRICS
    from .compiler.report_layout import Cell, Table, inside
    lines = []
    for name, r in row.prediction.ranges.items():
        metric, figures = METRICS[name], row.measured(name)
        if not figures or (not any(figures) and r.upper == 0):
            continue
        low, high, mean = min(figures), max(figures), sum(figures) / len(figures)
        shown = figure_text(low, name)
        if low != high:
            shown += f" .. {figure_text(high, name)}  ~ {figure_text(mean, name)}"
        kept = all(inside(x, r, metric.peak_only) for x in figures)
        mark = Cell("") if not metric.counted else Cell("within", "good") if kept else Cell("OUTSIDE", "bad")
        lines.append((Cell(name, "name"), Cell(shown, "number"), Cell(range_text(r, name), "number"), mark))
    return Table(("", "measured", "predicted", ""), tuple(lines), (False, True, True, False))


def validate(program: Program, entry: str | None, at: Mapping[str, Number] | Sequence[Mapping[str, Number]],
             args: Mapping[str, Any] | None, runs: int) -> ValidationView:
    """See `Program.validate`."""
    if runs < 1:
        raise fault("E0800", f"At least one run of each is needed, not {runs}.", "write --runs 3")
    name = program.entry(entry)
    _ = program.warnings
    points = program.points(name, [at] if isinstance(at, Mapping) else list(at))
    if not points and args is None and program.parameters(name):
        raise fault("E0800", "There are no sizes to run at.", "write --at n=10 --at n=100, or give arguments")
    planned = [(program, args or {})] if args is not None or not points else []
    for point in points:
        settings = {n: int(v) for n, v in point.items() if n in program.core.tunables}
        given = program.using(params={**program.options.params, **settings}) if settings else program
        planned.append((given, _arguments(given, name, point)))
    predicted = [(given, chosen, given.predict(name, chosen)) for given, chosen in planned]
    rows = []
    for given, chosen, prediction in predicted:
        seed = given.options.seed if given.options.seed is not None else 1
        rows.append(Row(prediction, tuple(_run(given.using(seed=seed + i), name, chosen) for i in range(runs))))
    return ValidationView(program.name, name, rows)


def _run(program: Program, entry: str, args: Mapping[str, Any]) -> Run:
    try:
        return program.run(entry, args)
    except RunFailed as e:
        return e.run


def _arguments(program: Program, entry: str, sizes: Mapping[str, int | Fraction]) -> dict[str, Any]:
    """Arguments of exactly these sizes; all elements of a list are alike, and a number with a range is its least.

    Raises OrchError where a size is missing.
    """
    function = program.core.functions[program.core.entries[entry]]
    declared = declared_extents([p.shape for p in function.params])
    least = {n: e.low.number for n, (e, length) in declared.items() if not length and e.low is not None}
    sizes = {**{n: v for n, v in least.items() if v is not None}, **sizes}
    missing = [n for n in declared if n not in sizes]
    if missing:
        listed = ",".join(f"{n}=10" for n in missing)
        raise fault("E0800", f"The size `{missing[0]}` is missing.", f"add {listed} to --at")
    return {p.name: _value(p.shape, {n: int(v) for n, v in sizes.items()}) for p in function.params}


def _value(shape: Shape, sizes: Mapping[str, int]) -> Any:
    from .compiler import core
    match shape:
        case core.TextShape(tokens=extent):
            return _WORD * sizes[extent.var or ""]
        case core.IntShape(value=extent):
            return sizes[extent.var or ""]
        case core.FloatShape():
            return 0.5
        case core.BoolShape():
            return True
        case core.EnumShape(constants=constants):
            return constants[0]
        case core.ListShape(element=element, length=extent):
            return [_value(element, sizes)] * sizes[extent.var or ""]
        case core.TupleShape(items=items):
            return [_value(x, sizes) for x in items]
        case core.RecordShape(fields=fields):
            return {n: _value(x, sizes) for n, x in fields}
