"""The formula of an optimum: where the derivative of a cost vanishes, where two of its parts meet, or what binds.

In: a cost in closed form over a param, the value of the param that a search found best, sizes. Out: candidates for the
best value as formulas over the other symbols. Roundings are smoothed first: floor(x) is x, ceiling(x) is max(1, x) for
what is positive, so n/m chunks of cost (s + m)**2 have their optimum at m = s, and ceil(n/m/P) waves at m = n/P. A case
or extremum is told by the values at the best point; where two arguments are nearly equal there, their meeting is a
candidate of its own. Candidates are not claims: who asks checks them against the recurrences. Pure.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from .codegen import compile_cond, compile_expr
from .expr import ONE, ZERO, Atom, Expr, Fn, Sym, is_nonneg, max_, power
from .growth import order
from .numeric import EvaluationError

__all__ = ["Candidate", "candidates", "meeting"]

Kind = Literal["derivative", "leading", "meeting", "constraint", "range"]
NEAR = Fraction(1, 5)       # how far apart two arguments may be, by their size, that are taken to meet


@dataclass(frozen=True, slots=True)
class Candidate:
    """A formula for the best value. `kind`: "derivative" (exact for the smoothed cost), "leading" (for what grows
    fastest in it), "meeting" (two parts of it are equal), "constraint" or "range" (what stops it)."""
    closed: Expr
    kind: Kind


def candidates(cost: Expr, name: str, best: Mapping[str, Any]) -> list[Candidate]:
    """Formulas over the symbols other than `name`, where the cost is least near `best[name]`, each once."""
    found: list[Candidate] = []
    met: list[Expr] = []
    try:
        smooth = _smoothed(cost, name, best, met)
    except (EvaluationError, ZeroDivisionError, OverflowError, ValueError):
        return []
    found += [Candidate(e, "meeting") for difference in met if (e := meeting(difference, name)) is not None]
    found += _stationary(smooth, name)
    kept: dict[Expr, Candidate] = {}
    for c in found:
        if name not in c.closed.free:
            kept.setdefault(c.closed, c)
    return list(kept.values())


def meeting(difference: Expr, name: str, best: Mapping[str, Any] | None = None) -> Expr | None:
    """Where a difference with two powers of a symbol is 0; smoothed as it is near the point `best`."""
    try:
        if best is not None:
            difference = _smoothed(difference, name, best, [])
        parts = _powers(_rounded_off(difference), name)
    except (EvaluationError, ZeroDivisionError, OverflowError, ValueError):
        return None
    if parts is None or len(parts) != 2:
        return None
    (a, x), (b, y) = sorted(parts.items())
    return _root(-x / y, b - a)


# ---------------------------------------------------------------- smoothing

def _smoothed(e: Expr, name: str, best: Mapping[str, Any], met: list[Expr]) -> Expr:
    """Without roundings, extrema and cases; the differences of arguments that meet near the best point go to `met`."""
    def smooth(a: Atom) -> Expr | None:
        if isinstance(a, Sym):
            return None
        match a.op:
            case "floor" if name in a.args[0].free:
                return a.args[0]
            case "ceiling":
                return max_(ONE, a.args[0])
            case "max" | "min":
                return _active(a, name, best, met)
            case "piecewise":
                for x, c in zip(a.args, a.conds, strict=True):
                    if _holds(c, best):
                        return x
                return None
            case "paren" if len(a.args[0].terms) == 1:
                return a.args[0]
        return None

    # roundings become maxima first, which the second pass decides
    return e.rebuild(lambda a: _ceiling(a, name)).rebuild(smooth).rebuild(smooth)


def _ceiling(a: Atom, name: str) -> Expr | None:
    """-floor(-x) and x - floor(7/8*x), which is the form that these have, with the ceilings that they are."""
    if not isinstance(a, Fn) or a.op != "floor" or name not in a.args[0].free:
        return None
    x = a.args[0]
    terms = {m: Fraction(c) for m, c in x.terms.items() if m}
    if all(c < 0 for c in terms.values()):
        return -Expr({((Fn("ceiling", (-x,)), 1),): 1})
    if all(Fraction(1, 2) < c < 1 for c in terms.values()):
        whole = Expr({m: 1 for m in terms})
        return whole - Expr({((Fn("ceiling", (whole - x,)), 1),): 1})
    return None


def _rounded_off(e: Expr) -> Expr:
    return e.rebuild(lambda a: a.args[0] if isinstance(a, Fn) and a.op == "floor" else None)


def _active(a: Fn, name: str, best: Mapping[str, Any], met: list[Expr]) -> Expr | None:
    values = [(_at(x, best), i) for i, x in enumerate(a.args)]
    if any(v is None for v, _ in values):
        return None
    ranked = sorted(((v, i) for v, i in values if v is not None), reverse=a.op == "max")
    (top, i), (second, j) = ranked[0], ranked[1]
    if name in a.args[i].free | a.args[j].free and abs(top - second) <= NEAR * max(abs(top), abs(second)):
        met.append(a.args[i] - a.args[j])
    return a.args[i]


def _at(e: Expr, values: Mapping[str, Any]) -> float | None:
    names = sorted(e.free)
    try:
        return float(compile_expr(e, names)(*(values[n] for n in names)))
    except (EvaluationError, KeyError, ArithmeticError, ValueError, TypeError):
        return None


def _holds(c: Any, values: Mapping[str, Any]) -> bool:
    names = sorted(c.free)
    try:
        return compile_cond(c, names)(*(values[n] for n in names))
    except (EvaluationError, KeyError):
        return False


# ---------------------------------------------------------------- powers of one symbol

def _powers(e: Expr, name: str) -> dict[Fraction, Expr] | None:
    """As a sum of powers of a symbol, whole or not: exponent -> coefficient; None if the symbol stands elsewhere."""
    found: dict[Fraction, Expr] = {}
    for m, c in e.terms.items():
        exponent = Fraction(0)
        rest = []
        for a, k in m:
            if isinstance(a, Sym) and a.name == name:
                exponent = Fraction(k)
            elif name in Expr({((a, 1),): 1}).free:
                return None
            else:
                rest.append((a, k))
        found[exponent] = found.get(exponent, ZERO) + Expr({tuple(rest): c})
    return {k: x for k, x in found.items() if x != ZERO}


def _stationary(e: Expr, name: str) -> list[Candidate]:
    parts = _powers(e, name)
    if parts is None:
        return []
    moving = {k: x for k, x in parts.items() if k}
    found: list[Candidate] = []
    if len(moving) == 2:
        found += _zero(moving, "derivative")
    rising = {k: x for k, x in moving.items() if k > 0}
    falling = {k: x for k, x in moving.items() if k < 0}
    if rising and falling:
        # what grows fastest: one power of each kind, and of its coefficient the leading terms
        leading = {max(rising): _leading(rising[max(rising)]), min(falling): _leading(falling[min(falling)])}
        found += _zero(leading, "leading")
    return found


def _leading(e: Expr) -> Expr:
    """The terms of a coefficient that no other dominates, with their factors."""
    kept = order(e)
    if kept is None:
        return e
    return Expr({m: c for m, c in e.terms.items() if m in kept.terms}) if all(m in e.terms for m in kept.terms) else e


def _zero(parts: Mapping[Fraction, Expr], kind: Kind) -> list[Candidate]:
    """Where the derivative of a*x**p + b*x**q is 0."""
    (q, b), (p, a) = sorted(parts.items())
    try:
        root = _root(-(b * q) / (a * p), p - q)
    except (ZeroDivisionError, OverflowError, ValueError):
        return []
    return [] if root is None else [Candidate(root, kind)]


def _root(x: Expr, k: Fraction) -> Expr | None:
    """x ** (1/k), if that is positive."""
    if x == ZERO or (x.number is not None and x.number < 0) or is_nonneg(-x):
        return None
    if k == 1:
        return x
    exponent: Sequence[int] = (k.denominator, k.numerator)
    try:
        return power(x, Fraction(*exponent))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
