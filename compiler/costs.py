"""Cost terms: what a piece of program costs, before any metric has looked at it.

The analysis walks a program once and leaves a `Cost`; every metric, bound and primitive is a reading of that one term
(`readings`). A term mirrors control flow: what is in sequence, what is concurrent, what sizes decide, what a model's
answer decides. Cost is an algebra in the sense of Wadge and Sands; see docs/cost-semantics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from ..lang.record import record
from ..lang.source import Span
from .expr import ZERO, Cond, Expr
from .values import Size, between, interval

__all__ = [
    "FREE",
    "Apply",
    "Ballot",
    "Cases",
    "Cost",
    "Either",
    "Free",
    "Leaf",
    "Least",
    "Loop",
    "Parallel",
    "Pick",
    "Rounds",
    "Sequence",
    "Spread",
    "Spreading",
    "calls_in",
    "parallel",
    "sequence",
    "substitute",
    "symbols_of",
    "terms",
    "widen",
]


@record
class Free:
    """No call at all."""


@record
class Leaf:
    """One call of a primitive or tool: its prompt and answer in tokens (0 for a tool)."""

    kind: Literal["primitive", "tool"]
    name: str
    site: int
    prompt: Size
    answer: Size
    error: Expr
    span: Span


@record
class Sequence:
    parts: tuple[Cost, ...]


@record
class Parallel:
    parts: tuple[Cost, ...]


@record
class Cases:
    """Sizes decide; conditions are tried in order and the last one is true."""

    cases: tuple[tuple[Cond, Cost], ...]


@record
class Either:
    """A model's answer decides between two; `chance` is the probability of the first."""

    first: Cost
    second: Cost
    chance: Expr | None


@record
class Loop:
    """`body` for index = 0 .. count-1, in sequence or concurrently."""

    index: str
    count: Size
    body: Cost
    concurrent: bool


@record
class Spreading:
    """How one quantity is spread over the elements of a list: `count` elements that add up to `total`.

    `parts`: (how many, how large) where that is known; `low` and `high` bound every element.
    """

    count: Size
    total: Size
    parts: tuple[tuple[Expr, Expr], ...] | None
    low: Expr
    high: Expr


@record
class Spread:
    """`body`, over the symbol `var`, for every element of a list whose sizes add up to a known total."""

    var: str
    over: Spreading
    body: Cost
    concurrent: bool


@record
class Apply:
    """A call of a function, in the variant for these arguments. `facts` is what is known of sizes at the call."""

    variant: str
    args: tuple[Expr, ...]
    facts: tuple[Cond, ...]
    span: Span


@record
class Pick:
    """An adversary picks the number `name` from lo .. hi; `odds` tells its distribution where there is one.

    odds: ("binomial", q): the number of successes in hi - lo trials of probability q; ("uniform",): equally likely.
    """

    name: str
    lo: Expr
    hi: Expr
    odds: tuple[Literal["binomial"], Expr] | tuple[Literal["uniform"], None] | None
    body: Cost


@record
class Rounds:
    """`condition`, and while it is true `body`, at most `most` times; both over the number of the round `index`."""

    index: str
    most: Size
    condition: Cost
    body: Cost
    chance: Expr | None


@record
class Ballot:
    """A vote: `body` is one sample. `lead` is None for `vote of most`."""

    lead: Size | None
    most: Size
    body: Cost


@record
class Least:
    """`choose least metric`: alternatives by label. `known`: whether a run knows no more of the sizes in force than the
    analysis does, so that both decide alike."""

    metric: str
    alternatives: tuple[tuple[str, Cost], ...]
    known: bool
    span: Span


Cost = Free | Leaf | Sequence | Parallel | Cases | Either | Loop | Spread | Apply | Pick | Rounds | Ballot | Least

FREE = Free()


def sequence(*parts: Cost) -> Cost:
    """One after another; free parts vanish."""
    flat: list[Cost] = []
    for p in parts:
        if isinstance(p, Sequence):
            flat.extend(p.parts)
        elif not isinstance(p, Free):
            flat.append(p)
    return FREE if not flat else flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def parallel(*parts: Cost) -> Cost:
    """All at once; free parts vanish."""
    kept = tuple(p for p in parts if not isinstance(p, Free))
    return FREE if not kept else kept[0] if len(kept) == 1 else Parallel(kept)


def cases(*parts: tuple[Cond, Cost]) -> Cost:
    """Decided by sizes; equal neighbours are joined."""
    from .expr import FALSE, TRUE, disj

    kept: list[tuple[Cond, Cost]] = []
    for c, p in parts:
        if c == FALSE:
            continue
        if kept and kept[-1][1] == p:
            kept[-1] = (disj(kept[-1][0], c), p)
        else:
            kept.append((c, p))
        if kept[-1][0] == TRUE:
            break
    return kept[0][1] if len(kept) == 1 else Cases(tuple(kept))


def either(first: Cost, second: Cost, chance: Expr | None) -> Cost:
    """Decided by an answer."""
    return first if first == second else Either(first, second, chance)


def loop(index: str, count: Size, body: Cost, concurrent: bool) -> Cost:
    if isinstance(body, Free) or (count.exact and count.hi == ZERO):
        return FREE
    return Loop(index, count, body, concurrent)


def substitute(cost: Cost, table: Mapping[str, Expr]) -> Cost:
    """Substitution for free symbols of a term; bound ones (indices, picks) are never among the keys."""
    if not table:
        return cost

    def go(c: Cost) -> Cost:
        match c:
            case Free():
                return c
            case Leaf():
                return Leaf(
                    c.kind, c.name, c.site, c.prompt.subs(table), c.answer.subs(table), c.error.subs(table), c.span
                )
            case Sequence(parts=parts):
                return sequence(*(go(p) for p in parts))
            case Parallel(parts=parts):
                return parallel(*(go(p) for p in parts))
            case Cases(cases=cs):
                return cases(*((g.subs(table), go(p)) for g, p in cs))
            case Either():
                return either(go(c.first), go(c.second), None if c.chance is None else c.chance.subs(table))
            case Loop():
                return loop(c.index, c.count.subs(table), go(c.body), c.concurrent)
            case Spread(over=o):
                parts2 = None if o.parts is None else tuple((k.subs(table), v.subs(table)) for k, v in o.parts)
                over = Spreading(
                    o.count.subs(table), o.total.subs(table), parts2, o.low.subs(table), o.high.subs(table)
                )
                return Spread(c.var, over, go(c.body), c.concurrent)
            case Apply():
                return Apply(
                    c.variant, tuple(a.subs(table) for a in c.args), tuple(f.subs(table) for f in c.facts), c.span
                )
            case Pick():
                odds = c.odds
                if odds is not None and odds[0] == "binomial":
                    odds = ("binomial", odds[1].subs(table))
                return Pick(c.name, c.lo.subs(table), c.hi.subs(table), odds, go(c.body))
            case Rounds():
                return Rounds(
                    c.index,
                    c.most.subs(table),
                    go(c.condition),
                    go(c.body),
                    None if c.chance is None else c.chance.subs(table),
                )
            case Ballot():
                return Ballot(None if c.lead is None else c.lead.subs(table), c.most.subs(table), go(c.body))
            case Least():
                return Least(c.metric, tuple((n, go(a)) for n, a in c.alternatives), c.known, c.span)

    return go(cost)


def calls_in(cost: Cost) -> Iterator[Apply]:
    """Every call of a function in a term."""
    return (c for c in terms(cost) if isinstance(c, Apply))


def terms(cost: Cost) -> Iterator[Cost]:
    """A term and all that stands in it."""
    yield cost
    match cost:
        case Sequence(parts=parts) | Parallel(parts=parts):
            for p in parts:
                yield from terms(p)
        case Cases(cases=cs):
            for _, p in cs:
                yield from terms(p)
        case Either(first=a, second=b):
            yield from terms(a)
            yield from terms(b)
        case Loop(body=b) | Spread(body=b) | Pick(body=b) | Ballot(body=b):
            yield from terms(b)
        case Rounds(condition=t, body=b):
            yield from terms(t)
            yield from terms(b)
        case Least(alternatives=alternatives):
            for _, a in alternatives:
                yield from terms(a)
        case _:
            pass


def widen(cost: Cost, index: str, lo: Expr, hi: Expr) -> Cost:
    """The cost for any index from lo to hi."""
    def size(s: Size) -> Size:
        if index not in s.lo.free | s.hi.free:
            return s
        ranges = {index: (lo, hi)}
        return between(interval(s.lo, ranges)[0], interval(s.hi, ranges)[1])

    match cost:
        case Leaf():
            return Leaf(cost.kind, cost.name, cost.site, size(cost.prompt), size(cost.answer), cost.error, cost.span)
        case Sequence(parts=parts):
            return sequence(*(widen(p, index, lo, hi) for p in parts))
        case Parallel(parts=parts):
            return parallel(*(widen(p, index, lo, hi) for p in parts))
        case Loop():
            return loop(cost.index, size(cost.count), widen(cost.body, index, lo, hi), cost.concurrent)
        case Either():
            return either(widen(cost.first, index, lo, hi), widen(cost.second, index, lo, hi), cost.chance)
        case Ballot():
            return Ballot(
                None if cost.lead is None else size(cost.lead), size(cost.most), widen(cost.body, index, lo, hi)
            )
        case Cases(cases=cs):
            if not any(index in c.free for c, _ in cs):
                return cases(*((c, widen(p, index, lo, hi)) for c, p in cs))
            out = widen(cs[0][1], index, lo, hi)
            for _, p in cs[1:]:
                out = either(out, widen(p, index, lo, hi), None)
            return out
        case _:
            return Pick(index, lo, hi, None, cost) if index in symbols_of(cost) else cost


def symbols_of(cost: Cost) -> frozenset[str]:
    match cost:
        case Free():
            return frozenset()
        case Leaf():
            return cost.prompt.lo.free | cost.prompt.hi.free | cost.answer.lo.free | cost.answer.hi.free
        case Sequence(parts=parts) | Parallel(parts=parts):
            return frozenset().union(*(symbols_of(p) for p in parts))
        case Cases(cases=cs):
            return frozenset().union(*(c.free | symbols_of(p) for c, p in cs))
        case Either():
            return symbols_of(cost.first) | symbols_of(cost.second)
        case Loop():
            return cost.count.lo.free | cost.count.hi.free | symbols_of(cost.body)
        case Spread():
            o = cost.over
            return o.count.lo.free | o.count.hi.free | o.total.lo.free | o.total.hi.free | symbols_of(cost.body)
        case Apply():
            return frozenset().union(*(a.free for a in cost.args))
        case Pick():
            return cost.lo.free | cost.hi.free | symbols_of(cost.body)
        case Rounds():
            return cost.most.lo.free | cost.most.hi.free | symbols_of(cost.condition) | symbols_of(cost.body)
        case Ballot():
            return cost.most.lo.free | cost.most.hi.free | symbols_of(cost.body)
        case Least(alternatives=alternatives):
            return frozenset().union(*(symbols_of(c) for _, c in alternatives))
