"""The chooser of a run: `choose least` decided from the analysis at the actual sizes.

In: an `Analysis` and the settings of the run. Out: a `Chooser` for `execute`. Values of locals become abstract values,
exact ones, and the alternatives are measured as a report would measure them. Decisions are kept by sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from ..compiler import core
from ..compiler import values as abstract
from ..compiler.analysis import Analysis
from ..compiler.expr import FALSE, TRUE, num
from ..lang.types import ListT, RecordT, TupleT, Type
from .execute import Chooser, Decision
from .values import Seq, Text

__all__ = ["make_chooser"]

_MOST_PARTS = 64


def make_chooser(analysis: Analysis, settings: Mapping[str, int] | None = None) -> Chooser:
    """A chooser that asks the analysis of the program being run."""
    kept: dict[object, Decision] = {}

    def choose(
        program: core.Program,
        function: core.Function,
        node: core.Choose,
        sizes: Mapping[str, tuple[int, int]],
        values: Mapping[str, Any],
    ) -> Decision:
        types = {n.name: n.type for _, a in node.alternatives for n in _locals(a)}
        names = {n: _abstract(v, types[n]) for n, v in values.items() if n in types}
        key = (function.name, id(node), tuple(sorted(sizes.items())), tuple(sorted(names.items(), key=lambda p: p[0])))
        if key not in kept:
            index, bounds, skipped = analysis.choose(function.name, node, names, sizes, settings)
            figures = {label: bound for label, bound in bounds.items() if isinstance(bound, int | float | Fraction)}
            kept[key] = Decision(index, figures, skipped)
        return kept[key]

    return choose


def _abstract(v: Any, t: Type) -> abstract.Value:
    """What the analysis may know of a value: its sizes."""
    match v:
        case bool():
            return abstract.Truth(TRUE, FALSE) if v else abstract.Truth(FALSE, TRUE)
        case int() | Fraction():
            return abstract.Num(abstract.exact(num(v)))
        case float():
            return abstract.Num(abstract.ANY)
        case Text():
            return abstract.Str(abstract.exact(v.tokens))
        case str():
            return abstract.Label()
    items: Iterable[Any] = v if isinstance(v, tuple | Seq) else ()
    match t:
        case TupleT(items=parts):
            return abstract.Group(tuple(_abstract(x, p) for x, p in zip(items, parts, strict=True)))
        case RecordT(fields=fields):
            return abstract.Group(tuple(_abstract(x, p) for x, (_, p) in zip(items, fields, strict=True)))
        case ListT(element=element) if element is not None:
            return _list([_abstract(x, element) for x in items])
        case _:
            return abstract.list_of(abstract.exact(0), None)


def _list(values: list[abstract.Value]) -> abstract.Items:
    runs: list[tuple[int, abstract.Value]] = []
    for v in values:
        if runs and runs[-1][1] == v:
            runs[-1] = (runs[-1][0] + 1, v)
        else:
            runs.append((1, v))
    whole = abstract.list_of_parts([abstract.Part(num(k), "j", v) for k, v in runs[:_MOST_PARTS]])
    if len(runs) <= _MOST_PARTS:
        return whole
    element = whole.element
    total = abstract.exact(0)
    for k, v in runs:
        element = v if element is None else abstract.hull(element, v)
        size = abstract.primary(v)
        total = total + (abstract.exact(0) if size is None else abstract.scale(abstract.exact(k), size))
    sized = element is not None and abstract.primary(element) is not None
    return abstract.list_of(abstract.exact(len(values)), element, total if sized else None)


def _locals(node: core.Node) -> Iterable[core.Local]:
    todo: list[Any] = [node]
    while todo:
        x = todo.pop()
        if isinstance(x, core.Local):
            yield x
        elif isinstance(x, tuple):
            todo.extend(x)
        elif hasattr(x, "__dataclass_fields__") and type(x).__module__ == core.__name__:
            todo.extend(getattr(x, f) for f in x.__dataclass_fields__ if f not in ("span", "type"))
