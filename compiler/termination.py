"""Whether every recursion ends: a size shrinks along every cycle of calls.

The size-change principle (Lee, Jones, Ben-Amram, POPL 2001): every call is a graph from the caller's sizes to the
callee's, with an arc where a size certainly does not grow. Two marks of an arc say that the size shrinks, and that it
is not below some constant; an arc of a composition has those of the arcs it goes along. If every idempotent composition
of such graphs around a cycle has an arc with both marks from a size to itself, no infinite sequence of calls exists:
the size would shrink in every round, and lie above the constant in every round. So one function of a mutual recursion
may look whether to stop, and another make smaller what is passed. In: the variants of a program with their cost terms.
Out: diagnostics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from ..lang.diagnostics import Diagnostic, Label
from ..lang.source import Span
from . import core
from .costs import Apply, calls_in
from .expr import INF, Cond, Expr, Kinds, is_nonneg, le, sym
from .facts import assuming
from .variants import Variant

__all__ = ["check_termination", "ends"]

_MOST_GRAPHS = 4000


_Arc = tuple[int, int, bool, bool]
"""From a measure, to a measure; whether it shrinks on the way, and whether it is bounded below somewhere on it."""


@dataclass(frozen=True, slots=True)
class _Graph:
    """Arcs of a call, or of calls in a row, from one variant to another."""

    source: str
    target: str
    arcs: frozenset[_Arc]


def check_termination(variants: Iterable[Variant]) -> list[Diagnostic]:
    """A diagnostic at a recursive call of every component for which no shrinking size is found."""
    components: dict[int, list[Variant]] = {}
    entries: dict[str, Variant] = {}
    by_name: dict[str, Variant] = {}
    for v in variants:
        by_name[v.name] = v
        if v.recursive:
            components.setdefault(v.component, []).append(v)
        if all(p == "exact" or p == ("bool", None) for p in v.pattern):
            entries[v.function.name] = v
    out: list[Diagnostic] = []
    reported: set[int] = set()
    for members in components.values():
        untrue = _untrue_measures(members)
        out.extend(d for d in untrue if d.span.start not in reported)
        reported |= {d.span.start for d in untrue}
        found = _endless_call(members)
        if found is None or found[1].start in reported:
            continue
        caller, span = found
        f = caller.function
        beyond = _computed_call(members, entries, by_name)
        if beyond is not None:
            reported |= {span.start, beyond.start}
            out.append(
                Diagnostic(
                    "E0405",
                    f"the recursion of `{f.origin}` ends, but what it takes has no closed form: this call goes on from "
                    "a number that the recursion itself computes, as Ackermann's function does",
                    beyond,
                    "pass on sizes that the arguments tell, or bound what is passed on: `min(..., k)`",
                    (Label(f.span, "of this function"),),
                )
            )
            continue
        reported.add(span.start)
        out.append(
            Diagnostic(
                "E0403",
                f"no size is found that shrinks in this recursive call of `{f.origin}`",
                span,
                "pass something smaller (a part of a list, n - 1), stop at a size where it no longer shrinks, "
                "or name what shrinks with `decreases`",
                (Label(f.span, "of this function"),),
            )
        )
    return out


def ends(members: list[Variant]) -> bool:
    """Whether the recursion within a component certainly ends."""
    return _endless_call(members) is None


def _endless_call(members: list[Variant]) -> tuple[Variant, Span] | None:
    """The first call of a cycle that no size limits, and the function it stands in."""
    names = {m.name: m for m in members}
    calls = [(m, c) for m in members for c in calls_in(m.cost) if c.variant in names]
    culprit: Span | None = None
    for differences in (False, True):
        measures = {m.name: _measures(m, differences) for m in members}
        graphs: dict[_Graph, Span] = {}
        for m, c in calls:
            graphs.setdefault(_graph(m, names[c.variant], c, measures), c.span)
        culprit = _endless(graphs)
        if culprit is None:
            return None
        if sum(len(x) for x in measures.values()) > 60:
            break
    assert culprit is not None
    return next((m for m, c in calls if c.span == culprit), members[0]), culprit


def _untrue_measures(members: list[Variant]) -> list[Diagnostic]:
    """A diagnostic for every function whose `decreases` names a size that does not shrink on the way to its next call.

    Another size may shrink there, and the recursion end: what a program says of itself has to be true all the same.
    """
    named = {m.function.name: m for m in members if m.function.decreases is not None}
    if not named:
        return []
    names = {m.name: m for m in members}
    clauses = tuple(dict.fromkeys(m.function.decreases for m in named.values() if m.function.decreases is not None))
    own: dict[str, int] = {}
    measures: dict[str, list[Expr]] = {}
    for m in members:
        # others pass it on, under the names that they share with the function that declares it
        measures[m.name] = [*_measures(m, False), *(e for c in clauses if (e := _declared(c, m)) is not None)]
        if m.function.decreases is not None and (size := _declared(m.function.decreases, m)) is not None:
            own[m.name] = measures[m.name].index(size)
    graphs: dict[_Graph, Span] = {}
    for m in members:
        for c in calls_in(m.cost):
            if c.variant in names:
                graphs.setdefault(_graph(m, names[c.variant], c, measures), c.span)
    out = []
    for name, m in sorted(named.items()):
        tops = {v.name for v in members if v.function.name == name and v.name in own}

        def untrue(g: _Graph, tops: set[str] = tops) -> bool:
            shrinks = (own.get(g.source), own.get(g.target), True, True)
            return g.source in tops and g.target in tops and shrinks not in g.arcs

        span = _first(graphs, untrue, tops)
        if span is not None:
            f = m.function
            out.append(
                Diagnostic(
                    "E0407",
                    f"`decreases {f.decreases}` does not hold: {f.decreases} is not found to shrink in this recursive "
                    f"call of `{f.origin}`",
                    span,
                    "name a size that shrinks on every recursive call and stays above some number, or leave out "
                    "`decreases`: then the compiler looks for one",
                    (Label(f.span, "declared by this function"),),
                )
            )
    return out


def _declared(clause: Expr, v: Variant) -> Expr | None:
    """The size that a `decreases` names, in a function with sizes of these names; None where it is not known."""
    table = {n: v.declared[n].hi for n in clause.free if n in v.declared}
    return clause.subs(table) if table and all(not e.infinite for e in table.values()) else None


def _computed_call(
    members: list[Variant], entries: dict[str, Variant], by_name: dict[str, Variant]
) -> Span | None:
    """A recursive call with an argument that nothing bounds, where the recursion certainly ends all the same.

    That an argument is not bounded hides that it shrinks in the calls behind. At a run it has a value: there every call
    is one of the calls that the function makes for sizes that are all known, so that it is enough to look at those.
    Elements of several sizes are the exception, for there a name is but the largest of them.
    """
    functions = {m.function.name for m in members}
    if not functions <= entries.keys() or any(_mixed(p.shape) for n in functions for p in entries[n].function.params):
        return None
    hosts = {n: entries[n] for n in functions}
    measures = {n: _measures(v, False) for n, v in hosts.items()}
    graphs: dict[_Graph, Span] = {}
    unbounded: Span | None = None
    for _, host in sorted(hosts.items()):
        for c in calls_in(host.cost):
            target = by_name[c.variant]
            if target.function.name not in functions:
                continue            # it does not come back
            values = dict(zip(target.params, c.args, strict=True))
            callee = hosts[target.function.name]
            tops = {n: s.hi if s.hi.infinite else s.hi.subs(values) for n, s in target.declared.items()}
            if any(e.infinite for e in tops.values()):
                unbounded = unbounded or c.span
            own = _names(callee)
            args = tuple(tops[own[p]] if p in own else INF for p in callee.params)
            top = Apply(callee.name, args, c.facts, c.span)
            graph = _graph(host, callee, top, {v.name: measures[n] for n, v in hosts.items()})
            graphs.setdefault(graph, c.span)
    return unbounded if unbounded is not None and _endless(graphs) is None else None


def _names(entry: Variant) -> dict[str, str]:
    """For each symbol of an entry the declared size that it is."""
    return {str(s.lo): n for n, s in entry.declared.items()}


def _mixed(shape: core.Shape) -> bool:
    """Whether a list within has elements with sizes of their own."""
    match shape:
        case core.ListShape(element=element):
            return not isinstance(element, core.BoolShape | core.EnumShape | core.FloatShape)
        case core.TupleShape(items=items):
            return any(_mixed(i) for i in items)
        case core.RecordShape(fields=fields):
            return any(_mixed(i) for _, i in fields)
        case _:
            return False


def _measures(v: Variant, differences: bool) -> list[Expr]:
    """What may shrink: every size, the size named by `decreases`, and on the second try differences of two."""
    # of an interval it is the upper end that has to shrink
    singles = [sym(n, k) for n, k in zip(v.params, v.kinds, strict=True) if k != "real"]
    out = list(singles)
    if v.function.decreases is not None and (size := _declared(v.function.decreases, v)) is not None:
        out.append(size)
    if differences:
        ints = [e for e, k in zip(singles, (k for k in v.kinds if k != "real"), strict=True) if k == "int"]
        others = singles if len(singles) <= 4 else ints
        for a, b in combinations(others, 2):
            out.extend((a - b, b - a))
    return out


def _graph(caller: Variant, callee: Variant, c: Apply, measures: dict[str, list[Expr]]) -> _Graph:
    before, after = tuple(measures[caller.name]), tuple(measures[callee.name])
    facts = (*caller.facts, *c.facts)
    kinds = *(x.kinds for x in facts), *(x.kinds for x in (*before, *after, *c.args))
    return _Graph(caller.name, callee.name, _arcs(facts, callee.params, c.args, before, after, kinds))


@lru_cache(maxsize=2000)        # asked once for the sizes of results, and once more for the verdict
def _arcs(
    known: tuple[Cond, ...],
    params: tuple[str, ...],
    args: tuple[Expr, ...],
    sources: tuple[Expr, ...],
    targets: tuple[Expr, ...],
    kinds: tuple[Kinds, ...],
) -> frozenset[_Arc]:
    """Which measures of the caller limit which of the callee."""
    facts = assuming(*known)
    table = dict(zip(params, args, strict=True))
    arcs: set[_Arc] = set()
    bounded: dict[int, bool] = {}
    infinite = {n for n, a in table.items() if a.infinite}
    for j, after in enumerate(targets):
        if after.free & infinite:
            continue
        value = after.subs(table)
        for i, before in enumerate(sources):
            # what shares no symbol with a size is not comparable with it, unless facts speak of a bound symbol
            if not before.free or not (before.free & value.free or any("__" in n for n in value.free)):
                continue
            drop = (before - value).number
            smaller = drop >= 1 if drop is not None else facts.implies(le(value, before - 1))
            if smaller or (drop >= 0 if drop is not None else facts.implies(le(value, before))):
                if i not in bounded:
                    bounded[i] = is_nonneg(before) or facts.minimum(before) is not None
                arcs.add((i, j, smaller, bounded[i]))
    return frozenset(arcs)


def _compose(a: _Graph, b: _Graph) -> _Graph:
    by_source: dict[int, list[_Arc]] = {}
    for arc in b.arcs:
        by_source.setdefault(arc[0], []).append(arc)
    arcs = {(i, k, s or t, low or lower) for i, j, s, low in a.arcs for _, k, t, lower in by_source.get(j, ())}
    return _Graph(a.source, b.target, frozenset(x for x in arcs if not any(_says_more(y, x) for y in arcs)))


def _says_more(a: _Arc, b: _Arc) -> bool:
    return a != b and a[:2] == b[:2] and a[2] >= b[2] and a[3] >= b[3]


def _endless(graphs: dict[_Graph, Span]) -> Span | None:
    """The first call of a cycle that no size limits; None if there is none."""

    def endless(g: _Graph) -> bool:
        if g.source != g.target or _compose(g, g).arcs != g.arcs:
            return False
        return not any(i == j and s and low for i, j, s, low in g.arcs)

    return _first(graphs, endless)


def _first(graphs: dict[_Graph, Span], wrong: Callable[[_Graph], bool], ends: set[str] | None = None) -> Span | None:
    """A call of the first calls in a row that are wrong; None if none are. Calls in a row end at one of `ends`."""
    closure = dict(graphs)
    todo = list(graphs)
    while todo:
        g = todo.pop()
        if wrong(g):
            return closure[g]
        if ends is not None and g.target in ends:
            continue
        for h, span in list(graphs.items()):
            if g.target == h.source:
                new = _compose(g, h)
                if new not in closure:
                    # blame the call that makes nothing smaller
                    blame = closure[g] if not any(s for _, _, s, _ in g.arcs) else span
                    closure[new] = blame
                    todo.append(new)
        if len(closure) > _MOST_GRAPHS:
            return next(iter(graphs.values()))
    return None
