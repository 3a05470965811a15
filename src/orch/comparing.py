"""Comparisons as objects: several entries in, a `ComparisonView` out.

In: programs, entries or paths (`FILE` or `FILE:ENTRY`), metrics, sizes, replacements of symbols. Out: a view that shows
itself as text, in notebooks as HTML, and as the JSON of `orch compare`. The work is done in `compiler.compare`. Raises
OrchError for programs with errors, and for names that none of them has.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .api import DEFAULT_METRICS, Entry, Number, Program, check_names, check_points, load, metric_names, replacements
from .errors import fault, stage

if TYPE_CHECKING:
    from .compiler.compare import Comparison, Contender
    from .compiler.expr import Expr
    from .lang.diagnostics import Diagnostic
    from .views import MetricView

__all__ = ["ComparisonView", "compare", "split_entry"]


class ComparisonView:
    """Decompositions side by side. `str` is the report; `to_json` what `orch compare --format json` prints."""

    def __init__(self, comparison: Comparison) -> None:
        self.data = comparison

    @property
    def labels(self) -> tuple[str, ...]:
        """What each entry is called in the report."""
        return self.data.labels

    @property
    def metrics(self) -> dict[str, tuple[MetricView, ...]]:
        """The bounds of each entry by metric, with sympy's expressions."""
        from .views import MetricView
        return {name: tuple(MetricView(r) for r in m.reports) for name, m in self.data.metrics.items()}

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Prompts that do not fit a window at the sizes asked for."""
        return tuple(d for r in self.data.reports for d in r.errors)

    def to_json(self) -> dict[str, Any]:
        """What `orch compare --format json` prints."""
        from .compiler.compare_view import comparison_json
        return comparison_json(self.data)

    def to_markdown(self) -> str:
        from .compiler.compare_view import comparison_layout
        from .compiler.report_md import markdown_blocks
        return markdown_blocks(comparison_layout(self.data))

    def __str__(self) -> str:
        from .compiler.compare_view import comparison_layout
        from .compiler.report_text import plain_blocks
        return plain_blocks(comparison_layout(self.data))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from .compiler.compare_view import comparison_layout
        from .compiler.report_fragment import html_blocks
        return html_blocks(comparison_layout(self.data))


def compare(
    *entries: Program | Entry | str | Path,
    metrics: Sequence[str] | None = None,
    at: Mapping[str, Number] | Sequence[Mapping[str, Number]] = (),
    let: Mapping[str, str] | None = None,
    params: Mapping[str, int] | None = None,
    models: Mapping[str, str] | None = None,
    tokenizer: str | None = None,
) -> ComparisonView:
    """Two or more decompositions of one job side by side; a program or path without an entry stands for its `main`.

    `metrics`: None for the main ones, or names; "all" is all. `at`: sizes for figures, and for what stays as it is
    while one size grows. `let` replaces symbols by formulas. `params`, `models` and `tokenizer` hold for every program
    that has them. Raises OrchError.
    """
    if len(entries) < 2:
        raise fault("E0800", "A comparison needs two entries or more.", "write orch compare FILE:ENTRY FILE:ENTRY")
    programs = _programs(entries, params or {}, models or {}, tokenizer)
    chosen = [(program, program.entry(name)) for program, name in programs]
    points = [at] if isinstance(at, Mapping) else list(at)
    contenders = _contenders(chosen)
    lets, numbers = _replaced(chosen, let or {}, points)
    names = _metrics(chosen, metrics)
    with stage("comparison"):
        from .compiler.compare import compare as work
        return ComparisonView(work(contenders, names, numbers, lets))


def split_entry(text: str) -> tuple[str, str | None]:
    """`FILE:ENTRY` in two; the entry is None where there is none."""
    file, sign, entry = text.rpartition(":")
    return (file, entry) if sign and file and entry.isidentifier() and not Path(text).exists() else (text, None)


def _programs(entries: Sequence[Program | Entry | str | Path], params: Mapping[str, int], models: Mapping[str, str],
              tokenizer: str | None) -> list[tuple[Program, str | None]]:
    found: list[tuple[Program, str | None]] = []
    loaded: dict[str, Program] = {}
    for e in entries:
        match e:
            case Program():
                found.append((e, None))
            case Entry():
                found.append((e.program, e.__name__))
            case _:
                file, name = split_entry(str(e))
                if file not in loaded:
                    loaded[file] = load(file)
                found.append((loaded[file], name))
    for what, given, have in (("param", params, {t: 1 for p, _ in found for t in p.core.tunables}),
                              ("model", models, {m: 1 for p, _ in found for m in p.core.models})):
        check_names(what, given, have)
    changed: dict[int, Program] = {}
    for p, _ in found:
        if id(p) not in changed:
            mine = {n: v for n, v in params.items() if n in p.core.tunables}
            bound = {n: v for n, v in models.items() if n in p.core.models}
            options = {"params": {**p.options.params, **mine}, "models": {**p.options.models, **bound}}
            changed[id(p)] = p.using(**options, tokenizer=tokenizer or p.options.tokenizer) if (
                mine or bound or tokenizer) else p
    return [(changed[id(p)], name) for p, name in found]


def _contenders(chosen: Sequence[tuple[Program, str]]) -> list[Contender]:
    """Each under a label: the entry's name if all are of one file, with the file's name otherwise."""
    names = [program.name for program, _ in chosen]
    short = [Path(n).name for n in names]
    files = short if len(set(short)) == len(set(names)) else names
    one = len(set(names)) == 1 and len({entry for _, entry in chosen}) == len(chosen)
    labels: list[str] = []
    for (_, entry), file in zip(chosen, files, strict=True):
        label = entry if one else f"{file}:{entry}"
        same = sum(1 for x in labels if x == label or x.startswith(f"{label} ("))
        labels.append(label if not same else f"{label} ({same + 1})")
    return [program._contender(entry, label) for (program, entry), label in zip(chosen, labels, strict=True)]


def _replaced(chosen: Sequence[tuple[Program, str]], let: Mapping[str, str],
              at: Sequence[Mapping[str, Number]]) -> tuple[dict[str, Expr], list[dict[str, Any]]]:
    """Formulas and sizes, held against the symbols of all programs."""
    kinds: dict[str, str] = {}
    for program, entry in chosen:
        for name, kind in program._symbols(entry).items():
            kinds.setdefault(name, kind)
    lets = replacements(let, kinds)
    points: list[dict[str, Any]] = []
    for point in at:
        values: dict[str, Any] = {}
        for program, entry in chosen:
            mine = program._symbols(entry)
            values |= program.points(entry, [{n: v for n, v in point.items() if n in mine or n not in kinds}])[0]
        points.append({n: values[n] for n in point})
    check_points(points, kinds, lets)
    return lets, points


def _metrics(chosen: Sequence[tuple[Program, str]], asked: Sequence[str] | None) -> list[str]:
    """Those asked for; else the main ones, with `forward` where a program gives its models sizes."""
    from .compiler.metrics import METRICS
    if asked is not None:
        return metric_names(asked) or list(METRICS)
    sized = any(str(m.size) != f"m_{m.name}" for program, _ in chosen for m in program.core.models.values())
    return [m for m in METRICS if m in DEFAULT_METRICS or (sized and m == "forward")]
