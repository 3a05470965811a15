"""The order of a quotient in several variables, and what is left of it as one variable grows last.

In: the orders of two costs (sums of terms, none of which dominates another) and the domain of their symbols. Out: the
order of their quotient: N / (D1 + D2) lies within a constant factor of min(N/D1, N/D2), so a gain that is k while one
term of the denominator rules is really min(k, n/c). Which symbol grows last decides which argument of the minimum is
left; a minimum inside the orders (a text shorter than what is taken of it) splits the sizes into regions. Pure.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from .expr import INF, ONE, TRUE, ZERO, Atom, Cond, Expr, Fn, Sym, common_monomial, conj, ge, min_, negate
from .facts import Facts
from .growth import order

__all__ = ["OrderRegion", "common_factor", "growing_last", "order_by_region", "order_of_quotient"]

LARGEST_SUM = 8         # terms of an order of which a quotient is made
LARGEST_CASES = 24      # of extrema times terms, up to which an order is simplified
SPLITS = 2              # minima or maxima by which sizes are told apart


@dataclass(frozen=True, slots=True)
class OrderRegion:
    """The order of the quotient where `valid` holds."""
    theta: Expr
    valid: Cond


def common_factor(a: Expr, b: Expr) -> Expr:
    """The largest monomial that divides all terms of both, with the greatest rational that divides all coefficients."""
    terms = [(m, Fraction(c)) for e in (a, b) if not e.infinite for m, c in e.terms.items()]
    if not terms:
        return ONE
    content = Fraction(math.gcd(*(c.numerator for _, c in terms)), math.lcm(*(c.denominator for _, c in terms)))
    return Expr({common_monomial(m for m, _ in terms): content})


def order_of_quotient(above: Expr | None, below: Expr | None, domain: Cond = TRUE) -> Expr | None:
    """The order of a quotient from the orders of its parts; None where one is unknown."""
    if above is None or below is None or len(above.terms) > LARGEST_SUM or len(below.terms) > LARGEST_SUM:
        return None
    if above.infinite or below.infinite:
        return None if above.infinite and below.infinite else INF if above.infinite else ZERO
    if below == ZERO:
        return None
    total = ZERO
    for m in above.terms:
        inverse = below / Expr({m: 1})
        kept = _order(inverse, domain)
        total = total + _least([ONE / Expr({d: 1}) for d in (kept if kept is not None else inverse).terms])
    if len(total.terms) < 2:
        return total
    kept = _order(total, domain)
    return total if kept is None else kept


def _order(e: Expr, domain: Cond) -> Expr | None:
    """The order, where it does not take too many cases: one for each choice of the arguments of the extrema."""
    cases = math.prod(len(a.args) for a in set(e.atoms()) if isinstance(a, Fn) and a.op in ("min", "max"))
    return order(e, domain) if cases * len(e.terms) <= LARGEST_CASES else None


def _least(options: list[Expr]) -> Expr:
    return options[0] if len(options) == 1 else min_(*options)


# ---------------------------------------------------------------- regions

def order_by_region(above: Expr | None, below: Expr | None, domain: Cond) -> tuple[OrderRegion, ...]:
    """The order where each minimum or maximum in the two orders is told by its arguments; empty if that tells nothing.

    Regions that the domain leaves no room for are left out.
    """
    if above is None or below is None or above.infinite or below.infinite:
        return ()
    splits = [a for a in dict.fromkeys(a for e in (above, below) for a in e.atoms())
              if isinstance(a, Fn) and a.op in ("min", "max") and len(a.args) == 2]
    if not splits or len(splits) > SPLITS:
        return ()
    found: list[OrderRegion] = []
    for sides in product((True, False), repeat=len(splits)):
        conds = []
        table: dict[Atom, Expr] = {}
        for a, first in zip(splits, sides, strict=True):
            larger = ge(a.args[1], a.args[0])           # as the name says: the first is the smaller
            conds.append(larger if first else negate(larger))
            table[a] = a.args[0] if first == (a.op == "min") else a.args[1]
        inside = conj(domain, *conds)
        if Facts((inside,)).contradictory:
            continue
        parts = [order(e.rebuild(table.get), inside) for e in (above, below)]
        theta = order_of_quotient(parts[0], parts[1], inside)
        if theta is None:
            return ()
        found.append(OrderRegion(theta, conj(*conds)))
    return tuple(found) if len({r.theta for r in found}) > 1 else ()


# ---------------------------------------------------------------- one symbol last

def growing_last(above: Expr | None, below: Expr | None, name: str, domain: Cond) -> Expr | None:
    """The order of the quotient as one symbol grows beyond all bounds while the others stay as they are.

    INF or ZERO where the quotient grows or vanishes faster than any formula of the others says is not told apart from
    its order: the result may still hold the symbol. None where it is not known which terms rule.
    """
    parts = [_ruling(e, name) for e in (above, below)]
    if parts[0] is None or parts[1] is None:
        return None
    return order_of_quotient(parts[0], parts[1], domain)


def _ruling(e: Expr | None, name: str) -> Expr | None:
    """The terms of an order that grow fastest in one symbol."""
    if e is None or e.infinite:
        return None
    settled = e.rebuild(lambda a: _settled(a, name))
    ranks: dict[Expr, tuple[Fraction, Fraction, Fraction]] = {}
    for m in settled.terms:
        rank = _rank(Expr({m: 1}), name)
        if rank is None:
            return None
        ranks[Expr({m: 1})] = rank
    if not ranks:
        return ZERO
    top = max(ranks.values())
    return sum((x for x, rank in ranks.items() if rank == top), ZERO)


def _settled(a: Atom, name: str) -> Expr | None:
    """min(c, n) is c, max(c, n) is n once n has grown beyond c."""
    if not isinstance(a, Fn) or a.op not in ("min", "max"):
        return None
    ranks = [_rank(x, name) for x in a.args]
    if any(r is None for r in ranks):
        return None
    known = [r for r in ranks if r is not None]
    wanted = min(known) if a.op == "min" else max(known)
    kept = [x for x, r in zip(a.args, known, strict=True) if r == wanted]
    return kept[0] if len(kept) == 1 else None


def _rank(e: Expr, name: str) -> tuple[Fraction, Fraction, Fraction] | None:
    """How a sum grows in a symbol: exponential rate, degree, power of the logarithm; None if it is none of these."""
    best: tuple[Fraction, Fraction, Fraction] | None = None
    for m in e.terms:
        rate = degree = logs = Fraction(0)
        for a, k in m:
            whole = Expr({((a, 1),): 1})
            if name not in whole.free:
                continue
            if isinstance(a, Sym):
                degree += Fraction(k)
            elif a.op == "log" and a.args[0] == Expr({((Sym(name), 1),): 1}):
                logs += Fraction(k)
            elif a.op == "pow" and a.args[0].number is not None and (grown := _growth_of(a, name)) is not None:
                rate += grown * Fraction(k)
            else:
                return None
        rank = (rate, degree, logs)
        best = rank if best is None or rank > best else best
    return best if best is not None else (Fraction(0), Fraction(0), Fraction(0))


def _growth_of(a: Fn, name: str) -> Fraction | None:
    """log of b**(c*n) by n, roughly but in the right order: b and c are numbers."""
    coefficients: Mapping[int, Expr] | None = a.args[1].coefficients(name)
    base = a.args[0].number
    if coefficients is None or set(coefficients) - {0, 1} or base is None or base <= 0:
        return None
    c = coefficients.get(1, ZERO).number
    return None if c is None else Fraction(math.log(base)).limit_denominator(10 ** 12) * Fraction(c)
