"""Sizes that are clamped, and the peak along a chain.

- unclamped: a call T(max(c, x)) is T(x) of a function whose sizes below c cost what c costs: an identity. So a text of
  which w tokens are dropped at each step, drop(doc, w), is a step down by w that ends at 0 or below.
- chain_peak: T(n) = max(T(n - s), g(n)) is the largest of g along the chain n, n - s, ..., and the base value at its
  end. Where g, told by cases as `iterate.settled` does, rises or falls with the step, it is largest at the first step,
  at the last but one (where what a piece is clipped by still counts in full) or at the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import FALSE, ONE, TRUE, ZERO, Cond, Expr, Fn, Rel, call, conj, ge, is_nonneg, le, max_, sym
from .iterate import chain_of, iterates_along, last_of, settled
from .model import Closed
from .structure import calls_in, changing, effective_guards, has_call, map_atoms

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["chain_peak", "unclamped"]


def unclamped(work: Work, f: Function) -> Iterator[Closed]:
    """Takes max(c, x) out of the calls, one parameter after the other."""
    moving = changing(f.name, f.params, [c.value for c in f.cases])
    for i in moving:
        limits = {c for case in f.cases for a in calls_in(case.value, f.name) for c in _limit(a.args[i], f, moving)}
        if len(limits) != 1:
            continue
        (c,) = limits
        cases = _flat_below(f, f.params[i], c)
        if cases is None:
            continue
        name = f"{f.name}_free"

        def free(a: Fn, i: int = i, c: Expr = c, name: str = name) -> Expr | None:
            if a.op != "call" or a.name != f.name:
                return None
            x = a.args[i]
            return call(name, *a.args[:i], _without(x, c) if x.free else x, *a.args[i + 1 :])

        answer = work.derived(Function(name, f.params, tuple(Case(k.guard, map_atoms(k.value, free)) for k in cases)))
        if answer is not None:
            valid = conj(answer.valid, ge(sym(f.params[i]), c))
            yield Closed(answer.form, answer.exact, valid, answer.rules, answer.order)
        return


def _limit(x: Expr, f: Function, moving: list[int]) -> list[Expr]:
    """The c of max(c, ...), where c does not change."""
    a = x.atom
    if not isinstance(a, Fn) or a.op != "max":
        return []
    names = {f.params[i] for i in moving}
    return [y for y in a.args if not y.free & names and not calls_in(y)]


def _without(x: Expr, c: Expr) -> Expr:
    a = x.atom
    return max_(*(y for y in a.args if y != c)) if isinstance(a, Fn) and a.op == "max" and c in a.args else x


def _flat_below(f: Function, p: str, c: Expr) -> list[Case] | None:
    """The cases with the value at c for all sizes of at most c."""
    for k, case in enumerate(f.cases):
        guard = case.guard.subs({p: c})
        if guard == FALSE:
            continue
        if guard != TRUE or calls_in(case.value):
            return None
        g = case.guard
        if k == 0 and p not in case.value.free and isinstance(g, Rel) and g.op == ">=" and is_nonneg(
            g.e.subs({p: sym(p, "int") - 1}) - g.e
        ):
            return list(f.cases)
        left = [x for j, x in enumerate(f.cases) if j != k or not (isinstance(g, Rel) and g.op == "==")]
        return [Case(le(sym(p), c), case.value.subs({p: c})), *left]
    return None


def chain_peak(f: Function) -> Iterator[Closed]:
    """The largest of what is not called along a chain of steps."""
    cases = effective_guards(f.cases)
    recursive = [i for i, (_, e) in enumerate(cases) if has_call(e, f.name)]
    if len(recursive) != 1:
        return
    guard, value = cases[recursive[0]]
    atom = value.atom
    calls = calls_in(value, f.name)
    if not isinstance(atom, Fn) or atom.op != "max" or len(calls) != 1 or all(x.atom != calls[0] for x in atom.args):
        return
    own = [x for x in atom.args if x.atom != calls[0]]
    moving = {p: x for p, x in zip(f.params, calls[0].args, strict=True) if x != sym(p)}
    base = tuple(c for i, c in enumerate(cases) if i != recursive[0])
    for driver in moving:
        chain = chain_of(driver, moving[driver], guard, frozenset(moving))
        if chain is None or chain.step is None or any(has_call(x, f.name) for x in own):
            continue
        early = {p: settled(x, driver, *chain.early) for p, x in moving.items()}
        late = {p: settled(x, driver, *chain.late) for p, x in moving.items()}
        at = iterates_along(driver, chain, early)
        last = last_of(f, driver, base, chain)
        if at is None or last is None:
            continue

        def step(j: Expr, at: dict[str, Expr] = at) -> dict[str, Expr]:
            return {p: x.subs({"_j": j}) for p, x in at.items()}

        before_last = step(chain.steps - 1)
        end = {p: x.subs(before_last) for p, x in late.items()}
        options = [last.subs(end)]
        for x in own:
            options.append(settled(x, driver, *chain.late).subs(before_last))
            along = settled(x, driver, *chain.early).subs(at)
            change = along.subs({"_j": sym("_j") + 1}) - along
            if is_nonneg(-change):
                options.append(x)
            elif is_nonneg(change):
                # with two steps or more, what is clipped counts in full at the last but one as at the first
                clipped: dict[str, Expr] = {}
                whole = settled(x, driver, *chain.early, clipped)
                options.append(whole.subs(step(max_(ZERO, chain.steps - 2))).subs(clipped))
            else:
                break
        else:
            start: Cond = ge(sym(driver), chain.early[0] - chain.step)
            where = conj(start, *(() if chain.step.number is not None else (ge(chain.step, ONE),)))
            yield Closed(max_(*options), True, where, ("peak along a chain",))
