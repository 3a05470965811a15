"""What a report for people says, and in what order; not how it looks.

In: a `Report`. Out: blocks (headings, tables, entries, bullets) of cells with roles, read by the renderers for the
terminal, for Markdown and for notebooks. So a report says the same everywhere, and a new block appears in all of them.
"""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from ..lang.diagnostics import Diagnostic
from .expr import INF, TRUE, ZERO, Atom, Cond, Expr, Fn
from .figures import figure_text, range_text, sizes_text
from .metrics import METRICS
from .pretty import pretty
from .report import Bound, Figure, Figures, MetricReport, Range, Report, Window
from .text import show, show_cond

__all__ = ["Block", "Bullets", "Cell", "Entries", "Heading", "Note", "Role", "Table", "comparison",
           "inside", "layout"]

Role = Literal["plain", "name", "formula", "growth", "number", "good", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    role: Role = "plain"


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 1 is the report's title."""
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Table:
    """`header` may be empty; `right` tells for each column whether it is set flush right."""
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A title cell with a remark, and below it labelled lines."""
    title: Cell
    remark: Cell
    lines: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Note:
    cell: Cell


Block = Heading | Table | Entries | Bullets | Note


def layout(report: Report) -> tuple[Block, ...]:
    """The whole report. Sections with nothing to say are left out."""
    return (
        Heading(f"{report.program} · {report.entry}", 1),
        *_symbols(report),
        *_problems("Errors", report.errors),
        *_costs(report),
        *_at(report),
        *_primitives(report),
        *_windows(report),
        *_retries(report),
        *_list("Assumptions", report.assumptions),
        *_problems("Warnings", report.warnings),
    )


def _symbols(report: Report) -> Iterable[Block]:
    prices = _prices(report)
    shown = [s for s in report.symbols if s.kind != "price" or not prices]
    if shown:
        yield Table((), tuple((Cell(s.name, "name"), Cell(s.meaning, "quiet")) for s in shown), (False, False))


def _prices(report: Report) -> frozenset[str]:
    """Symbols of unknown prices and speeds, which fill formulas and tell nobody anything.

    Who asks for one metric alone gets its formula in full.
    """
    if len(report.metrics) == 1:
        return frozenset()
    return frozenset(s.name for s in report.symbols if s.kind == "price")


# ---------------------------------------------------------------- formulas

def _costs(report: Report) -> Iterable[Block]:
    if report.metrics:
        yield Heading("Cost")
    prices = _prices(report)
    for metric in report.metrics.values():
        free = metric.upper.closed.free if metric.upper.closed is not None else frozenset()
        free |= metric.lower.closed.free if metric.lower.closed is not None else frozenset()
        yield _unpriced(metric.name, sorted(free & prices)) if free & prices else _metric(metric)


def _unpriced(name: str, unknown: list[str]) -> Entries:
    return Entries(Cell(name, "name"), Cell(f"in terms of {', '.join(unknown)}, which are not known", "quiet"),
                   (("formula", Cell(f"orch cost --metric {name}", "quiet")),))


_SCALES = {"$": (10 ** 6, "millionths of a dollar")}
"""What a formula of this unit is multiplied by, so that people can read it."""


def _metric(m: MetricReport) -> Entries:
    lines: list[tuple[str, Cell]] = []
    scale = _SCALES.get(METRICS[m.name].unit)
    lower, upper = (replace(b, closed=b.closed * scale[0]) if scale is not None and b.closed is not None else b
                    for b in (m.lower, m.upper))
    if upper.closed is not None and upper.closed == lower.closed and upper.exact and lower.exact:
        lines.append(("exactly", _closed(upper)))
    else:
        lines += [("at most", _closed(upper)), ("at least", _closed(lower))]
    if m.expected is not None and m.expected.closed not in (None, m.upper.closed):
        mean = m.expected.closed if scale is None else m.expected.closed * scale[0]
        lines.append(("expected", _closed(replace(m.expected, closed=mean))))
    for r in m.recurrences:
        lines.append(("from", Cell(pretty(r.equation) + (f",  {pretty(r.base)}" if r.base else ""), "quiet")))
    if m.recurrences and m.checked:
        lines.append(("checked", Cell(f"against the recurrence at {m.checked} points", "quiet")))
    growth = _growth(m)
    remark = growth if scale is None or m.upper.closed in (None, ZERO) else replace(
        growth, text=f"{growth.text}   in {scale[1]}")
    return Entries(Cell(m.name, "name"), remark, tuple(lines))


def _growth(m: MetricReport) -> Cell:
    """Θ where the bounds agree, else O and Ω."""
    def order(e: Expr) -> str:
        return pretty(show(e), order=True)

    if m.theta is not None:
        return Cell(f"Θ({order(m.theta)})" if m.theta != 0 else "none", "growth")
    parts = []
    if m.upper.order is not None:
        parts.append("unbounded" if m.upper.order == INF else f"O({order(m.upper.order)})")
    if m.lower.order is not None and m.lower.order != 0:
        parts.append("at least unbounded" if m.lower.order == INF else f"Ω({order(m.lower.order)})")
    return Cell(", ".join(parts) or "growth unknown", "growth" if parts else "bad")


def _closed(b: Bound) -> Cell:
    if b.closed is None:
        return Cell(f"no closed form: {b.reason or 'none was found'}", "bad")
    if b.closed == INF:
        return Cell(f"∞  ({b.reason})" if b.reason else "∞", "bad")
    (usual, where), *special = _cases(b.closed)
    text = pretty(show(usual))
    if where != TRUE:
        text += f" for {pretty(show_cond(where))}"
    remarks = [f"{pretty(show(value))} {f'for {pretty(show_cond(guard))}' if guard != TRUE else 'otherwise'}"
               for value, guard in special]
    if not b.exact:
        remarks.append("not exact, on the safe side")
    valid = show_cond(b.valid)
    if valid != "True":
        remarks.append(f"for {pretty(valid)}")
    return Cell(text + (f"   ({'; '.join(remarks)})" if remarks else ""), "formula")


def _cases(e: Expr) -> list[tuple[Expr, Cond]]:
    """A formula whose parts are told by the same cases as one formula a case; the first is the one that grows."""
    cases = _tried(e)
    usual = max(range(len(cases)), key=lambda i: (len(cases[i][0].free), cases[i][0] != 0, i))
    return [cases[usual], *cases[:usual], *cases[usual + 1:]]


def _tried(e: Expr) -> list[tuple[Expr, Cond]]:
    """The cases in the order in which they are tried; those within the last are joined to them."""
    splits = {a.conds for m in e.terms for a, _ in m if isinstance(a, Fn) and a.op == "piecewise"}
    if len(splits) != 1:
        return [(e, TRUE)]
    guards, = splits
    found = [(e.rebuild(partial(_case, guards, i)), guard) for i, guard in enumerate(guards)]
    return [*found[:-1], *_tried(found[-1][0])]


def _case(guards: tuple[Cond, ...], i: int, a: Atom) -> Expr | None:
    return a.args[i] if isinstance(a, Fn) and a.op == "piecewise" and a.conds == guards else None


def _usual(e: Expr) -> str:
    """The formula for people: the case that grows, without the special ones."""
    return pretty(show(_cases(e)[0][0]))


# ---------------------------------------------------------------- figures

_WIDE = 36      # columns of a figure in a table


def _at(report: Report) -> Iterable[Block]:
    if not report.at:
        return
    yield Heading("At these sizes")
    order = {s.name: i for i, s in enumerate(report.symbols)}
    names = [name for name in dict.fromkeys(name for f in report.at for name in f.metrics)
             if not all(_unknown(f.metrics[name]) for f in report.at if name in f.metrics)]
    if len(report.at) == 1:
        f, = report.at
        yield Note(Cell(_sizes(f, order), "number"))
        expected = any(_mean(f.metrics[name]) for name in names)
        header = ("", "at least", "at most", *(("expected",) if expected else ()))
        rows = []
        for name in names:
            r = f.metrics[name]
            row = [Cell(name, "name"), _short(r.lower, name), _short(r.upper, name)]
            if expected:
                row.append(_short(r.expected, name) if _mean(r) else Cell(""))
            rows.append(tuple(row))
        yield Table(header, tuple(rows), (False, *(True,) * (len(header) - 1)))
    else:
        yield Table(("", *names), tuple(
            (Cell(_sizes(f, order), "name"), *(_figure(f, name) for name in names)) for f in report.at),
            (False, *(True,) * len(names)))
    if report.parallel is not None:
        how = (f"latency_parallel: at most {report.parallel} requests at a time, by Brent's bounds, max(span, work/P) "
               "≤ time ≤ span + work/P" if "latency_parallel" in names else
               f"latency with {report.parallel} requests at a time is not known: it needs ttft, prefill and decode of "
               "every model")
        yield Note(Cell(how, "quiet"))


def _sizes(f: Figures, order: Mapping[str, int]) -> str:
    return sizes_text(dict(sorted(f.sizes.items(), key=lambda item: order.get(item[0], -1))))


def _figure(f: Figures, name: str) -> Cell:
    r = f.metrics.get(name)
    if r is None:
        return Cell("")
    text = range_text(r if _mean(r) else Range(r.lower, r.upper, None), name)
    return Cell(text, "number") if len(text) <= _WIDE else _short(r.upper, name)


def _short(figure: Figure, name: str) -> Cell:
    """A figure; what it depends on, where it is a formula too long for a table."""
    text = figure_text(figure, name)
    if len(text) > _WIDE and isinstance(figure, Expr):
        text = f"needs {', '.join(sorted(figure.free))}"
    return Cell(text, "number")


def _mean(r: Range) -> bool:
    """Whether the expected value tells more than the bounds."""
    return r.expected is not None and not (r.lower == r.upper == r.expected)


def _unknown(r: Range) -> bool:
    """Whether the bounds hang on prices or speeds that are not known."""
    def formula(figure: Figure) -> bool:
        return isinstance(figure, Expr) and len(figure_text(figure)) > _WIDE

    return (formula(r.lower) and (formula(r.upper) or r.upper == math.inf)) or (formula(r.upper) and r.lower == 0)


# ---------------------------------------------------------------- primitives, windows, retries

_SHARES = ("calls", "input_tokens", "output_tokens", "dollars")


def _primitives(report: Report) -> Iterable[Block]:
    if not report.by_primitive:
        return
    shown = [name for name in _SHARES if any(name in metrics for metrics in report.by_primitive.values())][:3]
    rows = []
    for name, metrics in report.by_primitive.items():
        facts = report.primitives.get(name)
        rows.append((Cell(name, "name"), Cell(facts.model if facts else "", "quiet"),
                     Cell(f"{facts.fixed_tokens}" if facts else "", "number"),
                     *(_share(metrics.get(metric)) for metric in shown)))
    yield Heading("What each primitive contributes")
    yield Table(("", "model", "fixed tokens", *(f"{METRICS[m].name}" for m in shown)), tuple(rows),
                (False, False, True, *(False,) * len(shown)))


def _share(m: MetricReport | None) -> Cell:
    if m is None:
        return Cell("")
    if m.upper.closed is not None and len(text := _usual(m.upper.closed)) <= _WIDE:
        return Cell(text if m.upper.closed == m.lower.closed else f"≤ {text}", "formula")
    return _growth(m)


def _windows(report: Report) -> Iterable[Block]:
    if report.windows:
        yield Heading("Context windows")
        yield Bullets(tuple(_window(w) for w in report.windows))


def _window(w: Window) -> Cell:
    where = f"{w.primitive} on {w.model} (window {w.window:,} tokens)"
    if w.need is None:
        return Cell(f"{where}: what it needs is not known", "bad")
    need = _usual(w.need)
    if w.need == INF:
        return Cell(f"{where}: the prompt has no bound", "bad")
    if w.fits is None:
        return Cell(f"{where}: needs at most {need}", "plain")
    fits = show_cond(w.fits.map(lambda e: _cases(e)[0][0]))
    if fits == "True":
        return Cell(f"{where}: always fits, at most {need}", "good")
    if fits == "False":
        return Cell(f"{where}: never fits, needs {need}", "bad")
    return Cell(f"{where}: needs at most {need}, fits while {pretty(fits)}", "plain")


def _retries(report: Report) -> Iterable[Block]:
    r = report.retries
    if r is not None:
        calls = f": at most {_usual(r.calls.closed)} calls" if r.calls.closed is not None else ""
        yield Heading("With retries")
        yield Note(Cell(f"if every attempt of every call were spent, up to {r.factor} times as much{calls}", "plain"))


def _list(title: str, items: tuple[str, ...]) -> Iterable[Block]:
    if items:
        yield Heading(title)
        yield Bullets(tuple(Cell(item.replace(" >= ", " ≥ ").replace(" <= ", " ≤ ")) for item in items))


def _problems(title: str, found: tuple[Diagnostic, ...]) -> Iterable[Block]:
    if found:
        yield Heading(title)
        yield Bullets(tuple(Cell(_problem(d), "bad") for d in found))


def _problem(d: Diagnostic) -> str:
    line, column, _, _ = d.span.place
    return f"{d.code} {d.span.source.name}:{line}:{column}  {d.message}" + (f" ({d.hint})" if d.hint else "")


# ---------------------------------------------------------------- measured beside predicted

def comparison(usage: Mapping[str, int | float | None], predicted: Mapping[str, Range]) -> Table:
    """A run's figures beside the bounds at its sizes, one metric a row, with a mark where a counted one is outside.

    What was not measured, cannot be known, or does not occur in the program is left out.
    """
    rows = []
    for name, r in predicted.items():
        metric, measured = METRICS[name], usage.get(name)
        if measured is None or measured == r.upper == 0:
            continue
        kept = inside(measured, r, metric.peak_only)
        mark = Cell("") if not metric.counted else Cell("within", "good") if kept else Cell("OUTSIDE", "bad")
        bounds = Cell("not known", "quiet") if _unknown(r) else Cell(range_text(r, name), "number")
        rows.append((Cell(name, "name"), Cell(figure_text(measured, name), "number"), bounds, mark))
    return Table(("", "measured", "predicted", ""), tuple(rows), (False, True, True, False))


def inside(measured: int | float, r: Range, peak_only: bool) -> bool:
    """Whether a measured figure lies within; unknown and symbolic bounds hold nothing back."""
    slack = 1e-9 * max(1.0, abs(measured))
    low = not isinstance(r.lower, int | float) or peak_only or measured >= r.lower - slack
    return low and (not isinstance(r.upper, int | float) or measured <= r.upper + slack)
