"""Tunings as JSON and as blocks for people.

In: what was asked, and a `Tuning` with the figures at its values for each choice of sizes. Out: dictionaries in a fixed
order (described in docs/command-line.md), or blocks of `report_layout`. Neither computes.
"""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..lang.diagnostics import Diagnostic
from .curves import Value
from .figures import figure_text, range_text, sizes_text
from .optimum import Candidate
from .pretty import pretty
from .report import Figure, Range
from .report_json import figure_json, range_json, sizes_json
from .report_layout import Block, Bullets, Cell, Entries, Heading, Note, Table
from .text import show
from .tune import Formula, Held, Quantity, Tuning

__all__ = ["Tuned", "tuned_json", "tuned_layout"]


@dataclass(frozen=True, slots=True)
class Tuned:
    """All that `orch tune` tells. `figures`: every metric at the values found, for each tuning."""
    program: str
    entry: str
    minimise: Quantity
    subject: tuple[str, ...]
    parallel: int | None
    defaults: Mapping[str, int]
    tunings: tuple[Tuning, ...]
    figures: tuple[Mapping[str, Range], ...]
    warnings: tuple[Diagnostic, ...]
    errors: tuple[Diagnostic, ...]


# ---------------------------------------------------------------- JSON

def tuned_json(t: Tuned, errors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "program": t.program, "entry": t.entry, "minimise": t.minimise.text, "of": t.minimise.of or "upper",
        "subject": list(t.subject), "parallel": t.parallel,
        "results": [_result(t, x, figures) for x, figures in zip(t.tunings, t.figures, strict=True)],
        "warnings": [d.to_json() for d in t.warnings],
        "errors": list(errors),
    }


def _result(t: Tuned, x: Tuning, figures: Mapping[str, Range]) -> dict[str, Any]:
    return {
        "sizes": sizes_json(x.sizes), "assumed": sizes_json(x.assumed), "feasible": x.feasible,
        "best": dict(x.values) if x.feasible else None, "closest": None if x.feasible else dict(x.values),
        "cost": figure_json(_plain(x.cost)), "expected": figure_json(_plain(x.expected)), "latency_by": x.how or None,
        "constraints": [{"subject": h.text, "value": figure_json(_plain(h.value)),
                         "bound": figure_json(_plain(h.bound)), "holds": h.holds} for h in x.held],
        "formulas": [{"param": f.param, "closed": show(f.candidate.closed), "kind": f.candidate.kind,
                      "value": f.value, "rounded": f.rounded, "cost": figure_json(_plain(f.cost))}
                     for f in x.formulas],
        "ranges": {name: {"from": low, "to": high, "declared": declared}
                   for name, (low, high, declared) in x.ranges.items()},
        "proven": x.proven, "verified": x.verified, "searched": x.searched, "around": x.around, "stopped": x.cut,
        "at": {name: range_json(r) for name, r in figures.items()},
        "reliability": _reliability(figures),
    }


def _reliability(figures: Mapping[str, Range]) -> dict[str, Any] | None:
    r = figures.get("unreliability")
    if r is None or not isinstance(r.lower, int | float | Fraction) or not isinstance(r.upper, int | float | Fraction):
        return None
    return {"lower": math.exp(-r.upper), "upper": math.exp(-r.lower)}


def _plain(x: Value | None) -> Figure:
    return x


# ---------------------------------------------------------------- blocks

def tuned_layout(t: Tuned) -> tuple[Block, ...]:
    of = "" if t.minimise.of is None else f" ({t.minimise.of})"
    title = f"{t.program} · {t.entry}: least {t.minimise.metric}{of}"
    return (Heading(title, 1), *(b for x, f in zip(t.tunings, t.figures, strict=True) for b in _tuning(t, x, f)))


def _tuning(t: Tuned, x: Tuning, figures: Mapping[str, Range]) -> Iterable[Block]:
    metric = t.minimise.metric
    given = {n: v for n, v in x.sizes.items() if n not in x.values}
    yield Heading(sizes_text(given) if given else "whatever the sizes")
    for name, value in x.values.items():
        low, high, declared = x.ranges[name]
        where = f"of {low:,} to {high:,}" + ("" if declared else ", for the program declares no range")
        lines = [(kind, cell) for kind, cell in _formulas(metric, [f for f in x.formulas if f.param == name])]
        title = f"{name} = {value:,}"
        remark = Cell(where + f"; {t.defaults[name]:,} unless set", "quiet")
        yield Entries(Cell(title if x.feasible else f"closest: {title}", "name"), remark, tuple(lines))
    lines = [(metric, Cell(f"at most {figure_text(_plain(x.cost), metric)}" if t.minimise.of in (None, "upper")
                           else f"{t.minimise.of} {figure_text(_plain(x.cost), metric)}", "number"))]
    if x.expected is not None and x.expected != x.cost:
        lines.append(("expected", Cell(figure_text(_plain(x.expected), metric), "number")))
    if x.how:
        lines.append(("by", Cell(f"{x.how}, at most {t.parallel} at a time", "quiet")))
    for h in x.held:
        lines.append(("holds" if h.holds else "broken", Cell(_held(h, figures), "good" if h.holds else "bad")))
    yield Entries(Cell("there", "name"), Cell(""), tuple(lines))
    if not x.feasible:
        yield Note(Cell("no values of the params satisfy all constraints; these come closest", "bad"))
    if x.assumed:
        yield Note(Cell(f"with {sizes_text(x.assumed)}: a factor of the whole cost decides nothing", "quiet"))
    yield Bullets((Cell(_proof(x), "quiet"),))
    rows = [(Cell(name, "name"), Cell(range_text(r, name), "number")) for name, r in figures.items()]
    if rows:
        yield Table(("at these values", ""), tuple(rows), (False, True))


def _formulas(metric: str, formulas: Sequence[Formula]) -> Iterable[tuple[str, Cell]]:
    for f in formulas:
        at = f"{f.value:,.6g}"
        yield _WHY[f.candidate.kind], Cell(
            f"{pretty(show(f.candidate.closed))}" + ("" if _constant(f.candidate) else f" = {at} here")
            + f"; {metric} {figure_text(_plain(f.cost), metric)} at {f.rounded:,}", "formula")


_WHY = {"derivative": "formula", "leading": "leading terms", "meeting": "formula", "constraint": "it meets",
        "range": "end of range"}


def _constant(c: Candidate) -> bool:
    return not c.closed.free


def _held(h: Held, figures: Mapping[str, Range]) -> str:
    value = "?" if h.value is None else figure_text(_plain(h.value))
    text = f"{h.text}: {value}"
    r = figures.get("unreliability")
    if "reliability" in h.text.split() and r is not None and isinstance(r.lower, int | float | Fraction) and (
            r.lower != r.upper):
        text += f" with votes as they are cut, {math.exp(-r.lower):.6g} uncut"
    return text


def _proof(x: Tuning) -> str:
    if x.proven:
        text = f"all {x.searched:,} values looked at: there are none better"
    else:
        text = (f"{x.searched:,} values looked at: a geometric grid, the sizes' quotients, and all within {x.around} "
                "of the best; not a proof")
    if x.cut:
        text += "; stopped by the time limit"
    if x.verified is None:
        return f"{text}; too large for the recurrences, so the cost is the closed form's"
    return text + ("; verified against the recurrences" if x.verified else "; the recurrences say otherwise")
