"""Expressions made smaller by what is known: maxima, minima and case distinctions that assumptions decide.

In: an expression and `Facts`. Out: an equal expression at every point that satisfies them.
"""

from __future__ import annotations

from .expr import (
    FALSE,
    TRUE,
    And,
    Atom,
    Cond,
    Expr,
    Fn,
    Or,
    Rel,
    conj,
    disj,
    ge,
    is_integer,
    le,
    max_,
    min_,
    negate,
    num,
    piecewise,
)
from .facts import Facts

__all__ = ["split_piecewise", "tight", "tight_cond"]

_OPS = frozenset(("max", "min", "piecewise"))


def tight(e: Expr, facts: Facts) -> Expr:
    """Drops what another argument of a maximum or minimum makes superfluous, and cases that cannot be."""
    if e.infinite or not any(isinstance(a, Fn) and a.op in _OPS for a in e.atoms()):
        return e

    def simplify(a: Atom) -> Expr | None:
        if not isinstance(a, Fn):
            return None
        if a.op in ("max", "min"):
            kept = list(a.args)
            for x in a.args:
                others = [y for y in kept if y is not x]
                if others and any(facts.implies(ge(y, x) if a.op == "max" else le(y, x)) for y in others):
                    kept = others
            if len(kept) < len(a.args):
                return (max_ if a.op == "max" else min_)(*kept)
        if a.op == "piecewise":
            cases = [
                (v, TRUE if facts.implies(c) else FALSE if facts.refutes(c) else c)
                for v, c in zip(a.args, a.conds, strict=True)
            ]
            joined = _joined(cases, facts)
            if len(joined) < len(cases) or any(c != d for (_, c), d in zip(cases, a.conds, strict=True)):
                return piecewise(*joined)
        return None

    return e.rebuild(simplify)


def tight_cond(c: Cond, facts: Facts) -> Cond:
    """A condition without the parts that assumptions decide."""
    match c:
        case And(parts=parts):
            return conj(*(tight_cond(p, facts) for p in parts))
        case Or(parts=parts):
            return disj(*(tight_cond(p, facts) for p in parts))
        case _:
            return TRUE if facts.implies(c) else FALSE if facts.refutes(c) else c


def _joined(cases: list[tuple[Expr, Cond]], facts: Facts) -> list[tuple[Expr, Cond]]:
    """`(k*r, r >= 1), (0, True)` is k*r where r is not negative: the formula holds in the neighbouring case as well."""
    out = list(cases)
    while len(out) > 1:
        (first, cond), (second, rest) = out[-2], out[-1]
        if rest != TRUE or not isinstance(cond, Rel) or cond.op != ">=" or first.infinite or second.infinite:
            break
        if _meets(first, cond, second, facts):
            out[-2:] = [(second, TRUE)]
            continue
        atom = next(
            (
                a
                for m, c in cond.e.terms.items()
                for a, k in m
                if len(m) == 1 and k == 1 and c == 1 and len(cond.e.terms) <= 2
            ),
            None,
        )
        if atom is None:
            break
        # outside the case the atom is at most `edge`; if it cannot be less, it is the edge
        edge = -cond.e.terms.get((), 0) - 1
        if not isinstance(edge, int) or not is_integer(Expr({((atom, 1),): 1})):
            break
        if not facts.implies(ge(Expr({((atom, 1),): 1}), num(edge))):
            break
        try:
            at_edge = first.rebuild(lambda a, atom=atom, edge=edge: num(edge) if a == atom else None)  # type: ignore[misc]
            other = second.rebuild(lambda a, atom=atom, edge=edge: num(edge) if a == atom else None)  # type: ignore[misc]
        except ZeroDivisionError:
            break
        if at_edge != other:
            break
        out[-2:] = [(first, TRUE)]
    return out


def _meets(first: Expr, cond: Cond, second: Expr, facts: Facts) -> bool:
    """Whether `(1, n <= 0), (n + 1, True)` is n + 1: where n >= 0, the first case is one point of the second."""
    assert isinstance(cond, Rel)
    if len(cond.e.terms) > 2 or not facts.implies(le(cond.e, num(0))):
        return False
    atom = next((a for m, c in cond.e.terms.items() for a, k in m if len(m) == 1 and k == 1 and c == -1), None)
    edge = cond.e.terms.get((), 0)
    if atom is None or not isinstance(edge, int):
        return False

    def at_edge(e: Expr) -> Expr:
        return e.rebuild(lambda a: num(edge) if a == atom else None)

    try:
        return at_edge(first) == at_edge(second)
    except ZeroDivisionError:
        return False


def split_piecewise(e: Expr) -> list[tuple[Cond, Expr]]:
    """An expression by cases, tried in order; the last condition is true."""
    atom = next((a for m in e.terms for a, _ in m if isinstance(a, Fn) and a.op == "piecewise"), None)
    if atom is None:
        deep = next((a for a in e.atoms() if isinstance(a, Fn) and a.op == "piecewise"), None)
        atom = deep if deep is not None and not _under_binder(e, deep) else None
    if atom is None:
        return [(TRUE, e)]
    out: list[tuple[Cond, Expr]] = []
    before: Cond = TRUE
    for value, cond in zip(atom.args, atom.conds, strict=True):
        chosen = e.rebuild(lambda a, value=value: value if a == atom else None)  # type: ignore[misc]
        for inner, x in split_piecewise(chosen):
            out.append((conj(before, cond, inner) if before != TRUE or inner != TRUE else cond, x))
        before = conj(before, negate(cond))
    last = out[-1]
    out[-1] = (TRUE, last[1])
    return [(c, x) for c, x in out if c != FALSE]


def _under_binder(e: Expr, target: Fn) -> bool:
    return any(
        isinstance(a, Fn) and a.op in ("sum", "choose") and a.name in Expr({((target, 1),): 1}).free for a in e.atoms()
    )
