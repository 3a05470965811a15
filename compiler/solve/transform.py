"""Changes of shape: what makes one function into a simpler one.

- self_reference: T(x) = w T(x) + r is T(x) = r/(1 - w) where w < 1; a weight of 1 or more has no finite value.
- drop_unused: parameters that decide nothing and enter no value are left out (the pegs of the towers of Hanoi).
- specialise: a parameter that every call sets to the same value c is solved at c first, then put in.
- difference: low and high that matter only as high - low become one parameter.
- scale: with all base values 0 and one forcing term that does not change along the recursion, it is taken out of the
  recursion. Each is an identity between the function and the derived one, by induction over the recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import FALSE, ONE, ZERO, Expr, Fn, Sym, call, is_nonneg, sym
from .model import Closed, Refused
from .structure import (
    calls_in,
    changing,
    effective_guards,
    has_call,
    linear_parts,
    renamed_calls,
    replace_calls,
)

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["difference", "drop_unused", "scale", "self_reference", "specialise"]


def self_reference(work: Work, f: Function) -> Iterator[Closed]:
    """Solves affine references to the same arguments."""
    own = tuple(sym(p) for p in f.params)
    cases = []
    changed = False
    for case in f.cases:
        loops = [a for a in calls_in(case.value, f.name) if a.args == own]
        if not loops:
            cases.append(case)
            continue
        parts = linear_parts(case.value, f.name)
        if parts is None:
            return
        weight = sum((c for c, args in parts[0] if args == own), ZERO)
        number = weight.number
        if number is not None and number >= 1:
            raise Refused(f"{f.name} needs its own value with weight {number}: its expectation is infinite")
        rest = parts[1] + sum((c * call(f.name, *args) for c, args in parts[0] if args != own), ZERO)
        cases.append(Case(case.guard, rest / (1 - weight)))
        changed = True
    if changed:
        answer = work.derived(_renamed(Function(f.name, f.params, tuple(cases)), f.name + "_loop"))
        if answer is not None:
            yield _with_rule(answer, "affine self-reference")


def _renamed(f: Function, name: str) -> Function:
    cases = tuple(Case(c.guard, renamed_calls(c.value, f.name, name)) for c in f.cases)
    return Function(name, f.params, cases)


def _with_rule(c: Closed, rule: str) -> Closed:
    return Closed(c.form, c.exact, c.valid, (*c.rules, *(() if rule in c.rules else (rule,))), c.order)


def drop_unused(work: Work, f: Function) -> Iterator[Closed]:
    """Leaves out parameters that have no influence."""
    if len(f.params) < 2:
        return
    used: set[str] = set()
    calls: list[Fn] = []
    for case in f.cases:
        used |= case.guard.free
        calls += calls_in(case.value, f.name)
        used |= replace_calls(case.value, f.name, lambda args: ONE).free
    grown = True
    while grown:
        grown = False
        for a in calls:
            for p, x in zip(f.params, a.args, strict=True):
                if p in used and not x.free <= used:
                    used |= x.free
                    grown = True
    keep = [i for i, p in enumerate(f.params) if p in used]
    if len(keep) == len(f.params) or not keep:
        return
    name = f.name + "_used"
    cases = tuple(
        Case(c.guard, replace_calls(c.value, f.name, lambda args: call(name, *(args[i] for i in keep))))
        for c in f.cases
    )
    answer = work.derived(Function(name, tuple(f.params[i] for i in keep), cases))
    if answer is not None:
        yield answer


def specialise(work: Work, f: Function) -> Iterator[Closed]:
    """Solves with a parameter at the value that every call gives it."""
    calls = [a for c in f.cases for a in calls_in(c.value, f.name)]
    if not calls:
        return
    moving = {f.params[i] for i in changing(f.name, f.params, [c.value for c in f.cases])}
    for i, p in enumerate(f.params):
        if p not in moving:
            continue
        values = {a.args[i] for a in calls}
        if len(values) != 1:
            continue
        value = values.pop()
        if value.free & moving or not value.free <= set(f.params) or calls_in(value):
            continue
        name = f"{f.name}_{p}"
        rest = tuple(q for q in f.params if q != p)

        def inner(args: tuple[Expr, ...], i: int = i, name: str = name) -> Expr:
            return call(name, *args[:i], *args[i + 1 :])

        cases = tuple(
            Case(c.guard.subs({p: value}), replace_calls(c.value, f.name, inner).subs({p: value})) for c in f.cases
        )
        g = Function(name, rest, tuple(c for c in cases if c.guard != FALSE))
        if any(q == p for q in value.free):
            continue
        answer = work.derived(g)
        if answer is None:
            return
        outer = Function(
            f.name + "_first", f.params, tuple(Case(c.guard, replace_calls(c.value, f.name, inner)) for c in f.cases)
        )
        whole = work.derived(outer, {name: (g, answer)})
        if whole is not None:
            yield _with_rule(whole, "fixed argument")
        return


def difference(work: Work, f: Function) -> Iterator[Closed]:
    """Replaces two parameters by their difference."""
    moving = changing(f.name, f.params, [c.value for c in f.cases])
    for i in moving:
        for j in moving:
            if i == j:
                continue
            low, high = f.params[i], f.params[j]
            d = "d_" + high
            name = f"{f.name}_{d}"
            put = {high: sym(low, "int") + sym(d, "int")}
            params = tuple(d if p == high else p for p in f.params if p != low)
            failed = False

            def inner(args: tuple[Expr, ...], i: int = i, j: int = j, low: str = low, name: str = name) -> Expr:
                return call(name, *(x - args[i] if k == j else x for k, x in enumerate(args) if k != i))

            cases = []
            for case in f.cases:
                value = replace_calls(case.value.subs(put), f.name, inner)
                guard = case.guard.subs(put)
                if low in value.free or low in guard.free:
                    failed = True
                    break
                cases.append(Case(guard, value))
            if failed:
                continue
            answer = work.derived(Function(name, params, tuple(cases)))
            if answer is None:
                continue
            back = {d: sym(high) - sym(low)}
            yield Closed(
                None if answer.form is None else answer.form.subs(back),
                answer.exact,
                answer.valid.subs(back),
                (*answer.rules, "change of variable"),
                None if answer.order is None else answer.order.subs(back),
            )
            return


def scale(work: Work, f: Function) -> Iterator[Closed]:
    """Takes a constant forcing term out of a recursion with extrema: T = c U with U forced by 1."""
    cases = effective_guards(f.cases)
    recursive = [(g, e) for g, e in cases if has_call(e, f.name)]
    if len(recursive) != 1 or any(e != ZERO for g, e in cases if not has_call(e, f.name)):
        return
    value = recursive[0][1]
    moving = {f.params[i] for i in changing(f.name, f.params, [value])}
    constant = ZERO
    rest = ZERO
    for m, c in value.terms.items():
        term = Expr({m: c})
        if has_call(term, f.name):
            rest = rest + term
        else:
            constant = constant + term
    if constant in (ZERO, ONE) or constant.free & moving or not is_nonneg(constant):
        return
    if not _homogeneous(rest, f.name):
        return
    name = f.name + "_unit"
    unit = Function(
        name,
        f.params,
        tuple(
            Case(
                c.guard,
                renamed_calls(rest + 1, f.name, name) if has_call(c.value, f.name) else c.value,
            )
            for c in f.cases
        ),
    )
    answer = work.derived(unit)
    if answer is None:
        return
    yield Closed(
        None if answer.form is None else answer.form * constant,
        answer.exact,
        answer.valid,
        answer.rules,
        None if answer.order is None else answer.order * constant,
    )


def _homogeneous(e: Expr, name: str) -> bool:
    """Whether c * e is e with all calls multiplied by c, for c >= 0."""
    for m in e.terms:
        inside = [
            (a, k)
            for a, k in m
            if isinstance(a, Fn) and ((a.op == "call" and a.name == name) or any(has_call(x, name) for x in a.args))
        ]
        if len(inside) != 1 or inside[0][1] != 1:
            return False
        a = inside[0][0]
        if isinstance(a, Sym) or (
            a.op != "call"
            and (
                a.op not in ("max", "min", "sum", "choose")
                or not all(_homogeneous(x, name) for x in (a.args if a.op in ("max", "min") else a.args[:1]))
            )
        ):
            return False
    return bool(e.terms)
