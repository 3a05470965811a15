"""A comparison as JSON and as blocks for people.

In: a `Comparison`. Out: dictionaries in a fixed order (described in docs/command-line.md), or blocks of
`report_layout`, which the renderers for terminals, Markdown and notebooks read. Neither computes.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

from .compare import Ahead, Comparison, MetricComparison, Ratio, Standing
from .curves import Value
from .expr import INF, ONE, TRUE, ZERO, Expr
from .figures import figure_text, range_text, sizes_text
from .metrics import METRICS
from .pretty import pretty
from .report import Bound, MetricReport, Range
from .report_json import bound_json, figure_json, range_json, sizes_json
from .report_layout import Block, Bullets, Cell, Entries, Heading, Note, Table
from .text import show, show_cond

__all__ = ["comparison_json", "comparison_layout"]

WIDE = 40       # columns of a figure


# ---------------------------------------------------------------- JSON

def comparison_json(c: Comparison) -> dict[str, Any]:
    """The whole comparison. Contenders are told by their labels."""
    return {
        "entries": [{"label": label, "program": r.program, "entry": r.entry}
                    for label, r in zip(c.labels, c.reports, strict=True)],
        "symbols": [{"name": s.name, "meaning": s.meaning} for s in c.symbols],
        "assumptions": list(c.assumptions),
        "let": {name: show(e) for name, e in c.lets.items()},
        "metrics": {name: _metric_json(c, m) for name, m in c.metrics.items()},
        "at": [{"sizes": sizes_json(sizes),
                "entries": [{"label": label, **{name: range_json(r) for name, r in figures.items()}}
                            for label, figures in zip(c.labels, rows, strict=True)]} for sizes, rows in c.at],
        "windows": [{"label": label, "primitive": w.primitive, "window": w.window,
                     "need": None if w.need is None else show(w.need),
                     "fits": None if w.fits is None else show_cond(w.fits)}
                    for label, r in zip(c.labels, c.reports, strict=True) for w in r.windows],
        "warnings": [d.to_json() for r in c.reports for d in r.warnings],
        "errors": [d.to_json() for r in c.reports for d in r.errors],
    }


def _metric_json(c: Comparison, m: MetricComparison) -> dict[str, Any]:
    name = c.labels
    return {
        "entries": [{"label": label, "upper": bound_json(r.upper), "lower": bound_json(r.lower),
                     "expected": bound_json(r.expected), "theta": None if r.theta is None else show(r.theta)}
                    for label, r in zip(name, m.reports, strict=True)],
        "ratios": [{"of": r.of, "first": name[r.first], "second": name[r.second], "closed": _quotient(r),
                    "exact": r.exact, "valid": show_cond(r.valid),
                    "theta": None if r.theta is None else show(r.theta), "certain": r.certain,
                    "regions": [{"theta": show(x.theta), "valid": show_cond(x.valid)} for x in r.regions],
                    "last": [{"symbol": symbol, "theta": show(e)} for symbol, e in r.last]} for r in m.ratios],
        "crossovers": [{"of": s.of, "symbol": o.symbol, "size": o.size, "from": name[o.from_], "to": name[o.to],
                        "others": sizes_json(s.others), "verified": o.verified,
                        "before": _pair(c, s, o.before), "at": _pair(c, s, o.at)}
                       for s in m.standings for o in s.overtakings],
        "winners": [{"of": s.of, "first": name[s.first], "second": name[s.second], "symbol": s.symbol,
                     "others": sizes_json(s.others), "searched_to": s.scan.searched_to, "complete": s.scan.complete,
                     "regions": [{"from": x.low, "to": x.high, "winner": _side(c, s, x.winner)}
                                 for x in s.scan.stretches]} for s in m.standings],
        "never_dearer": [{"of": a.of, "winner": name[a.winner], "than": name[a.loser], "when": show_cond(a.when)}
                         for a in m.ahead],
    }


def _quotient(r: Ratio) -> str | None:
    if r.above is None or r.below is None or r.above.infinite or r.below.infinite or r.below == ZERO:
        return None
    top, bottom = show(r.above), show(r.below)
    if r.below == ONE:
        return top
    if r.above == r.below:
        return "1"
    number = r.above.number, r.below.number
    if number[0] is not None and number[1] is not None:
        return str(Fraction(number[0]) / Fraction(number[1]))
    return f"{_bracketed(r.above, top)}/{_bracketed(r.below, bottom, below=True)}"


def _bracketed(e: Expr, text: str, *, below: bool = False) -> str:
    plain = len(e.terms) < 2 and not (below and ("*" in text or "/" in text)) and not text.startswith("-")
    return text if plain else f"({text})"


def _pair(c: Comparison, s: Standing, figures: tuple[Value, Value]) -> dict[str, Any]:
    return {c.labels[i]: figure_json(v) for i, v in zip((s.first, s.second), figures, strict=True)}


def _side(c: Comparison, s: Standing, winner: int | None) -> str | None:
    return None if winner is None else c.labels[(s.first, s.second)[winner]]


# ---------------------------------------------------------------- blocks

def comparison_layout(c: Comparison) -> tuple[Block, ...]:
    """The whole comparison. Sections with nothing to say are left out."""
    return (Heading(" · ".join(c.labels), 1), *_symbols(c), *_problems(c),
            *(b for name, m in c.metrics.items() for b in _metric(c, name, m)), *_at(c), *_windows(c),
            Heading("Assumptions"), Bullets(tuple(Cell(_nice(a)) for a in c.assumptions)))


def _nice(text: str) -> str:
    return text.replace(" >= ", " ≥ ").replace(" <= ", " ≤ ")


def _symbols(c: Comparison) -> Iterable[Block]:
    shown = [s for s in c.symbols if s.kind != "price" or len(c.metrics) == 1]
    if shown:
        yield Table((), tuple((Cell(s.name, "name"), Cell(s.meaning, "quiet")) for s in shown), (False, False))


def _problems(c: Comparison) -> Iterable[Block]:
    found = [f"{label}: {d.code} {d.message}" for label, r in zip(c.labels, c.reports, strict=True) for d in r.errors]
    if found:
        yield Heading("Errors")
        yield Bullets(tuple(Cell(text, "bad") for text in dict.fromkeys(found)))


def _metric(c: Comparison, name: str, m: MetricComparison) -> Iterable[Block]:
    yield Heading(name)
    prices = {s.name for s in c.symbols if s.kind == "price"}
    unknown = sorted({n for r in m.reports for b in (r.upper, r.lower) if b.closed is not None
                      for n in b.closed.free} & prices)
    if unknown and len(c.metrics) > 1:
        yield Note(Cell(f"in terms of {', '.join(unknown)}, which are not known; --metric {name} alone shows it, --at "
                        f"{unknown[0]}=... gives one a value", "quiet"))
        return
    scale = 10 ** 6 if METRICS[name].unit == "$" else 1
    for label, r in zip(c.labels, m.reports, strict=True):
        lines = _formulas(r, scale)
        yield Entries(Cell(label, "name"), _growth(r, scale), tuple(lines))
    for i, j in combinations(range(len(c.labels)), 2):
        yield from _pairing(c, name, m, i, j)


def _formulas(r: MetricReport, scale: int) -> list[tuple[str, Cell]]:
    if r.upper.closed is not None and r.upper.closed == r.lower.closed and r.upper.exact and r.lower.exact:
        return [("exactly", _closed(r.upper, scale))]
    lines = [("at most", _closed(r.upper, scale)), ("at least", _closed(r.lower, scale))]
    if r.expected is not None and r.expected.closed is not None and r.expected.closed != r.upper.closed:
        lines.append(("expected", _closed(r.expected, scale)))
    return lines


def _closed(b: Bound, scale: int) -> Cell:
    if b.closed is None:
        return Cell(f"no closed form: {b.reason or 'none was found'}", "bad")
    text = pretty(show(b.closed * scale)) if b.closed != INF else "∞"
    remarks = [] if b.exact or b.closed == INF else ["not exact, on the safe side"]
    if b.valid != TRUE:
        remarks.append(f"for {pretty(show_cond(b.valid))}")
    return Cell(text + (f"   ({'; '.join(remarks)})" if remarks else ""), "formula")


def _growth(r: MetricReport, scale: int) -> Cell:
    unit = "   in millionths of a dollar" if scale != 1 else ""
    if r.theta is not None:
        return Cell(f"Θ({_order(r.theta)}){unit}" if r.theta != ZERO else "none", "growth")
    parts = [f"O({_order(r.upper.order)})"] if r.upper.order is not None else []
    if r.lower.order is not None and r.lower.order != ZERO:
        parts.append(f"Ω({_order(r.lower.order)})")
    return Cell((", ".join(parts) or "growth unknown") + unit, "growth")


def _order(e: Expr) -> str:
    return pretty(show(e), order=True)


def _pairing(c: Comparison, name: str, m: MetricComparison, i: int, j: int) -> Iterable[Block]:
    ratios = [r for r in m.ratios if (r.first, r.second) == (i, j)]
    ahead = [a for a in m.ahead if {a.winner, a.loser} == {i, j}]
    standings = [s for s in m.standings if (s.first, s.second) == (i, j)]
    lines: list[tuple[str, Cell]] = []
    for r in ratios:
        lines += _ratio_lines(c, r)
    for a in ahead:
        lines.append(("", Cell(_ahead(c, a), "good")))
    for s in standings:
        lines += _standing_lines(c, name, s)
    if lines:
        certain = all(r.certain for r in ratios)
        what = "" if certain else "of what they cost at most"
        yield Entries(Cell(f"{c.labels[i]} / {c.labels[j]}", "name"), Cell(what, "quiet"), tuple(lines))


def _ratio_lines(c: Comparison, r: Ratio) -> Iterable[tuple[str, Cell]]:
    kind = "ratio" if r.of == "upper" else "expected ratio"
    closed = _quotient(r)
    where = "" if r.valid == TRUE else f"   (for {pretty(show_cond(r.valid))})"
    if closed is not None:
        yield kind, Cell(pretty(closed) + where, "formula")
    else:
        yield kind, Cell("no closed form", "bad")
    if r.theta is None:
        yield "growth", Cell("not known", "bad")
        return
    yield "growth", Cell("unbounded" if r.theta == INF else f"Θ({_order(r.theta)})", "growth")
    for x in r.regions:
        yield "", Cell(f"that is Θ({_order(x.theta)}) for {pretty(show_cond(x.valid))}", "growth")
    told: dict[str, list[str]] = {}
    for symbol, e in r.last:
        told.setdefault(_order(e), []).append(symbol)
    for order, symbols in told.items():
        yield "", Cell(f"only Θ({order}) as {' or '.join(symbols)} grows last", "growth")


def _ahead(c: Comparison, a: Ahead) -> str:
    expected = " on average" if a.of == "expected" else ""
    if a.when == TRUE:
        return f"{c.labels[a.winner]} never costs more{expected}, whatever the sizes"
    return f"{c.labels[a.winner]} costs no more{expected} where {pretty(show_cond(a.when))}, and only there"


def _standing_lines(c: Comparison, name: str, s: Standing) -> Iterable[tuple[str, Cell]]:
    with_ = f" ({sizes_text(s.others)})" if s.others else ""
    title = f"as {s.symbol} grows" if s.of == "upper" else f"as {s.symbol} grows, expected"
    for o in s.overtakings:
        a, b = (figure_text(v, name) for v in o.at)
        u, v = (figure_text(x, name) for x in o.before)
        checked = "" if o.verified else "; not verified from the recurrences"
        yield title, Cell(f"{c.labels[o.to]} overtakes {c.labels[o.from_]} at {s.symbol} = {o.size:,}{with_}: "
                          f"{u} and {v} before, {a} and {b} there{checked}", "plain")
    told = "; ".join(_stretch(c, s, x.low, x.high, x.winner) for x in s.scan.stretches)
    more = "; and further changes" if s.scan.cut else ""
    how = ("no other change, proven" if s.scan.complete else f"looked at up to {s.symbol} = {s.scan.searched_to:,}")
    yield title if not s.overtakings else "", Cell(f"{told}{more}{with_ if not s.overtakings else ''} - {how}", "quiet")


def _stretch(c: Comparison, s: Standing, low: int, high: int | None, winner: int | None) -> str:
    where = f"{s.symbol} = {low:,}" if low == high else f"{s.symbol} from {low:,}" if high is None else (
        f"{s.symbol} from {low:,} to {high:,}")
    side = _side(c, s, winner)
    return f"{where}: {'equal' if side is None else side}"


def _at(c: Comparison) -> Iterable[Block]:
    if not c.at:
        return
    yield Heading("At these sizes")
    for sizes, rows in c.at:
        yield Note(Cell(sizes_text(sizes), "number"))
        table = [(Cell(name, "name"), *(_figure(figures[name], name) for figures in rows)) for name in c.metrics
                 if len(c.metrics) == 1 or not all(_long(figures[name]) for figures in rows)]
        yield Table(("", *c.labels), tuple(table), (False, *(True,) * len(c.labels)))


def _figure(r: Range, name: str) -> Cell:
    plain = Range(r.lower, r.upper, None) if r.lower == r.upper == r.expected else r
    text = range_text(plain, name)
    if len(text) > WIDE:
        text = "a formula" if _long(r) else figure_text(r.upper, name)
    return Cell(text, "number")


def _long(r: Range) -> bool:
    """Whether a figure hangs on symbols (prices, speeds) so that it fills a table."""
    return any(isinstance(f, Expr) and len(figure_text(f)) > WIDE for f in (r.lower, r.upper))


def _windows(c: Comparison) -> Iterable[Block]:
    limits: Mapping[str, str] = {
        f"{label}: {w.primitive} on {w.model} (window {w.window:,} tokens) fits while {pretty(show_cond(w.fits))}": ""
        for label, r in zip(c.labels, c.reports, strict=True) for w in r.windows
        if w.fits is not None and w.fits.free}
    if limits:
        yield Heading("Context windows")
        yield Bullets(tuple(Cell(text) for text in limits))
