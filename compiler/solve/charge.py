"""What a call's own argument decides is charged to the call: T(n) = sum a_i (T(x_i) + s(x_i)) + g(n).

A node of a divide and conquer reads the results of its parts, and a part's result has one size if the part is a
leaf and another if it is not. So the forcing term holds case distinctions on the arguments of the calls. With
U(n) = T(n) + s(n) the equation is U(n) = sum a_i U(x_i) + g(n) + s(n), where s(n) is decided above the threshold: an
identity, by putting U - s in for T.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ..equations import Case, Function
from ..expr import ZERO, Cond, Expr, Fn, Rel, conj, gt, num, piecewise, relation, sym
from ..facts import Facts
from ..simplify import tight
from .model import Closed, Recurrence
from .structure import effective_guards, has_call, recurrence, renamed_calls
from .sums import atom_expr

if TYPE_CHECKING:
    from .solver import Work

__all__ = ["charge"]


def charge(work: Work, f: Function) -> Iterator[Closed]:
    """Solves for T + s."""
    rec = recurrence(f)
    if rec is None:
        return
    found = _charges(rec)
    if found is None:
        return
    own, rest = found
    above = gt(sym(rec.var), rec.threshold)
    here = tight(own, Facts((work.domain_of(f.params), rec.guard, above)))
    if _cases_of(here, rec.var):
        return
    name = f.name + "_charged"
    cases = []
    for case, (guard, _) in zip(f.cases, effective_guards(f.cases), strict=False):
        if has_call(case.value, f.name):
            value = renamed_calls(case.value - rec.forcing, f.name, name) + rest + here
        else:
            value = case.value + tight(own, Facts((work.domain_of(f.params), guard)))
        cases.append(Case(case.guard, value))
    answer = work.derived(Function(name, f.params, tuple(cases)))
    if answer is not None:
        form = None if answer.form is None else answer.form - here
        yield Closed(
            form, answer.exact, conj(answer.valid, above), (*answer.rules, "charged to the call"), answer.order
        )


def _charges(rec: Recurrence) -> tuple[Expr, Expr] | None:
    """(s as a function of the variable, the forcing term without the charges)."""
    rest = rec.forcing
    totals: list[Expr] = []
    for weight, x in rec.calls:
        number = weight.number
        total = ZERO
        for p in _cases_of(rec.forcing, rec.var):
            charged = _in_terms_of(p, x, rec.var)
            if charged is None:
                continue
            coefficient = _coefficient(rest, p)
            if coefficient is None:
                return None
            share = coefficient * (1 / Fraction(number)) if number else _quotient(coefficient, weight)
            if share is None or rec.var in share.free:
                return None
            total = total + share * charged
            rest = rest - coefficient * atom_expr(p)
        totals.append(total)
    if not totals or totals[0] == ZERO or any(t != totals[0] for t in totals) or _cases_of(rest, rec.var):
        return None
    return totals[0], rest


def _cases_of(e: Expr, var: str) -> list[Fn]:
    """The case distinctions that the variable decides, each once."""
    found = [a for m in e.terms for a, _ in m if isinstance(a, Fn) and a.op == "piecewise"]
    return [a for a in dict.fromkeys(found) if any(var in c.free for c in a.conds)]


def _in_terms_of(p: Fn, x: Expr, var: str) -> Expr | None:
    """A case distinction on x as one on the variable."""
    conds: list[Cond] = []
    for c in p.conds[:-1]:
        if not isinstance(c, Rel):
            return None
        line = _line(c.e, x, var)
        if line is None:
            return None
        conds.append(relation(c.op, line))
    values = [_line(v, x, var) if var in v.free else v for v in p.args]
    if any(v is None for v in values):
        return None
    return piecewise(*zip([v for v in values if v is not None], (*conds, p.conds[-1]), strict=True))


def _line(e: Expr, x: Expr, var: str) -> Expr | None:
    """e = a x + b as a * variable + b, if there are such a number a and a b without the variable."""
    for m, c in x.terms.items():
        if var in Expr({m: 1}).free and m in e.terms:
            a = Fraction(e.terms[m]) / Fraction(c)
            b = e - x * a
            return sym(var) * a + b if var not in b.free else None
    return None


def _coefficient(e: Expr, p: Fn) -> Expr | None:
    """That of an atom in which e is linear."""
    total = ZERO
    for m, c in e.terms.items():
        powers = dict(m)
        if p in powers:
            if powers[p] != 1:
                return None
            total = total + Expr({tuple(q for q in m if q[0] != p): c})
    return None if any(a == p for a in total.atoms()) else total


def _quotient(e: Expr, by: Expr) -> Expr | None:
    """e / by where it is a number."""
    if set(e.terms) != set(by.terms):
        return None
    ratios = {Fraction(c) / Fraction(by.terms[m]) for m, c in e.terms.items()}
    return num(ratios.pop()) if len(ratios) == 1 else None
