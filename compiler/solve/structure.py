"""What a recurrence looks like: its calls of itself, what changes in them, where it ends.

In: functions of a system. Out: linear parts, `Recurrence`s, conditions in parts. Only reads; solves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from math import factorial, lcm

from ..equations import Case, Function
from ..expr import (
    FALSE,
    TRUE,
    ZERO,
    And,
    Cond,
    Expr,
    Fn,
    Number,
    Rel,
    Sym,
    call,
    ceil,
    conj,
    max_,
    negate,
    num,
    sym,
)
from .model import Recurrence

__all__ = [
    "base_at",
    "base_between",
    "calls_in",
    "changing",
    "conjuncts",
    "effective_guards",
    "equal_parts",
    "has_call",
    "kinds_of",
    "linear_parts",
    "lower_limit",
    "map_atoms",
    "recurrence",
    "renamed_calls",
    "replace_calls",
    "replaced",
    "slope",
]


def has_call(e: Expr, name: str) -> bool:
    """Whether the function is called anywhere in e."""
    return any(isinstance(a, Fn) and a.op == "call" and a.name == name for a in e.atoms())


def calls_in(e: Expr, name: str | None = None) -> list[Fn]:
    """The calls in e (of one function, or of all), each once."""
    found = {a: None for a in e.atoms() if isinstance(a, Fn) and a.op == "call" and (name is None or a.name == name)}
    return list(found)


def map_atoms(e: Expr, f: Callable[[Fn], Expr | None]) -> Expr:
    """Replaces applications bottom up."""
    return e.rebuild(lambda a: f(a) if isinstance(a, Fn) else None)


def replace_calls(e: Expr, name: str, f: Callable[[tuple[Expr, ...]], Expr]) -> Expr:
    """Replaces each call of a function by an expression of its arguments."""
    return map_atoms(e, lambda a: f(a.args) if a.op == "call" and a.name == name else None)


def renamed_calls(e: Expr, old: str, new: str) -> Expr:
    """Calls of one function as calls of another."""
    return replace_calls(e, old, lambda args: call(new, *args))


def replaced(e: Expr, table: dict[Fn, Expr]) -> Expr:
    """Replaces whole applications."""
    return e.rebuild(lambda a: table.get(a) if isinstance(a, Fn) else None)


def linear_parts(e: Expr, name: str) -> tuple[list[tuple[Expr, tuple[Expr, ...]]], Expr] | None:
    """Coefficient and arguments of each call of `name`, and the rest; None where e is not linear in the calls."""
    parts: dict[tuple[Expr, ...], Expr] = {}
    rest = ZERO
    for m, c in e.terms.items():
        calls = [(a, k) for a, k in m if isinstance(a, Fn) and a.op == "call" and a.name == name]
        others = tuple(p for p in m if p not in calls)
        term = Expr({others: c})
        if has_call(term, name) or len(calls) > 1:
            return None
        if not calls:
            rest = rest + term
            continue
        atom, k = calls[0]
        assert isinstance(atom, Fn)
        if k != 1 or any(has_call(x, name) for x in atom.args):
            return None
        parts[atom.args] = parts.get(atom.args, ZERO) + term
    return [(coef, args) for args, coef in parts.items() if coef.terms], rest


def conjuncts(c: Cond) -> tuple[Cond, ...]:
    """The parts of a conjunction."""
    return c.parts if isinstance(c, And) else (c,)


def effective_guards(cases: tuple[Case, ...]) -> list[tuple[Cond, Expr]]:
    """The cases with guards that exclude each other."""
    out, before = [], TRUE
    for case in cases:
        guard = conj(before, case.guard)
        if guard != FALSE:
            out.append((guard, case.value))
        before = conj(before, negate(case.guard))
        if case.guard == TRUE:
            break
    return out


def kinds_of(f: Function) -> dict[str, str]:
    """The kind of each symbol that occurs."""
    kinds: dict[str, str] = {}
    for case in f.cases:
        for a in (*case.guard.atoms(), *case.value.atoms()):
            if isinstance(a, Sym):
                kinds.setdefault(a.name, a.kind)
    return kinds


def changing(name: str, params: tuple[str, ...], values: list[Expr]) -> list[int]:
    """The positions of the arguments that differ from the parameter in some call."""
    out = set()
    for e in values:
        for a in calls_in(e, name):
            for i, (x, p) in enumerate(zip(a.args, params, strict=True)):
                if not (isinstance(x.atom, Sym) and x.atom.name == p):
                    out.add(i)
    return sorted(out)


def lower_limit(guard: Cond, var: str) -> tuple[Expr, tuple[Cond, ...]] | None:
    """(s, rest) where guard is `var >= s` and conditions without var; None if it has another form.

    `var != s` is read as `var > s`: who uses the answer claims it for var >= s only, and it is checked there.
    """
    limits: list[Expr] = []
    excluded: list[Expr] = []
    rest: list[Cond] = []
    for part in conjuncts(guard):
        if var not in part.free:
            rest.append(part)
            continue
        if not isinstance(part, Rel):
            return None
        coefficients = part.e.coefficients(var)
        if coefficients is None and part.op == ">=" and part.free == {var}:
            first = _first_true(part, var)
            if first is None:
                return None
            limits.append(num(first))
            continue
        if coefficients is None or set(coefficients) - {0, 1}:
            return None
        slope_ = coefficients[1].number
        if slope_ is None:
            return None
        root = coefficients.get(0, ZERO) * (-1 / Fraction(slope_))
        if part.op in (">=", ">") and slope_ > 0:
            limits.append(ceil(root) if part.op == ">=" else -ceil(-root) + 1)
        elif part.op == "!=":
            excluded.append(root)
        else:
            return None
    limits += [x + 1 for x in excluded]
    return (max_(*limits), tuple(rest)) if limits else None


def _first_true(part: Rel, var: str) -> int | None:
    """The s where `part` is var >= s: its left side is linear up to floors, and grows."""
    found = slope(part.e, var)
    if found is None or found[0] <= 0:
        return None
    b, low, high = (Fraction(x) for x in found)
    first, last = ceil(num(-high / b)).number, ceil(num(-low / b)).number
    if not isinstance(first, int) or not isinstance(last, int) or last - first > 500:
        return None
    truth = [part.subs({var: num(n)}) == TRUE for n in range(first, last + 1)]
    start = truth.index(True) if True in truth else len(truth)
    return first + start if all(truth[start:]) else None


def slope(e: Expr, var: str) -> tuple[Number, Number, Number] | None:
    """(b, low, high) with b*var + low <= e <= b*var + high for every integer var; None if e is not of that kind."""
    total: Number = 0
    low: Number = 0
    high: Number = 0
    for m, c in e.terms.items():
        if not m:
            low, high = low + c, high + c
            continue
        if len(m) != 1 or m[0][1] != 1:
            return None
        a = m[0][0]
        if isinstance(a, Sym):
            if a.name != var:
                return None
            total += c
        elif a.op == "floor":
            inner = slope(a.args[0], var)
            if inner is None:
                return None
            b, lo, hi = inner
            loss = 1 - _unit(a.args[0])
            total += c * b
            ends = (c * (lo - loss), c * hi)
            low, high = low + min(ends), high + max(ends)
        else:
            return None
    return total, low, high


def _unit(e: Expr) -> Number:
    """A u such that e is a multiple of u at integers, or 0."""
    if any(not (isinstance(a, Sym) and k == 1) for m in e.terms for a, k in m):
        return 0
    return Fraction(1, lcm(*(Fraction(c).denominator for c in e.terms.values())))


def recurrence(f: Function) -> Recurrence | None:
    """The function as a linear recurrence in one variable; None if it is not one."""
    cases = effective_guards(f.cases)
    recursive = [i for i, (_, e) in enumerate(cases) if has_call(e, f.name)]
    if len(recursive) != 1:
        return None
    guard, value = cases[recursive[0]]
    where = changing(f.name, f.params, [value])
    if len(where) != 1:
        return None
    var = f.params[where[0]]
    parts = linear_parts(value, f.name)
    limit = lower_limit(guard, var)
    if parts is None or limit is None:
        return None
    start, rest = limit
    base = tuple((g, e) for i, (g, e) in enumerate(cases) if i != recursive[0])
    if not base:
        return None
    calls = tuple((c, args[where[0]]) for c, args in parts[0])
    return Recurrence(f.name, f.params, var, start - 1, base, calls, parts[1], conj(*rest))


def base_at(rec: Recurrence, at: Expr) -> Expr | None:
    """The base value at var = at, where one case decides it."""
    left: list[tuple[Cond, Expr]] = []
    for guard, value in rec.base:
        g = guard.subs({rec.var: at})
        if g == FALSE:
            continue
        left.append((g, value.subs({rec.var: at})))
        if g == TRUE:
            break
    values = {e for _, e in left}
    return values.pop() if len(values) == 1 else None


def base_between(rec: Recurrence, at: Expr, low: Number, high: Number) -> Expr | None:
    """The base value at var = at, an integer between low and high: one case for all, or interpolated through at most
    4.
    """
    if high - low <= 60:
        values = [base_at(rec, num(k)) for k in range(int(low), int(high) + 1)]
        if any(v is None for v in values):
            return None
        known = [v for v in values if v is not None]
        if all(v == known[0] for v in known):
            return known[0]
        for _, value in rec.base:
            if all(
                value.subs({rec.var: num(k)}) == v for k, v in zip(range(int(low), int(high) + 1), known, strict=True)
            ):
                return value.subs({rec.var: at})
        if len(known) <= 4:
            return _interpolate(at - int(low), known)
        return None
    holds = [
        value
        for guard, value in rec.base
        if guard.subs({rec.var: num(low)}) == TRUE and guard.subs({rec.var: num(high)}) == TRUE
    ]
    return holds[0].subs({rec.var: at}) if holds else None


def _interpolate(x: Expr, values: list[Expr]) -> Expr:
    """Newton's forward differences through (0, values[0]), (1, values[1]), ..."""
    result, falling = ZERO, num(1)
    row = list(values)
    for k in range(len(values)):
        result = result + row[0] * falling * Fraction(1, factorial(k))
        falling = falling * (x - k)
        row = [b - a for a, b in pairwise(row)]
    return result


def equal_parts(args: list[Expr], var: str) -> int | None:
    """Whether the arguments are the k parts of n that differ by at most one, k >= 2, or those of m = n + r, less r.

    The r; None where they are no such parts. Parts that add up to n - s are parts of m for r = s/(k - 1).
    """
    n, k = sym(var), len(args)
    if k < 2 or any(x.free != {var} or x.subs({var: n + k}) != x + 1 for x in args):
        return None     # with this, n = 0 .. k - 1 stand for all n
    sizes = [[v for x in args if isinstance(v := x.subs({var: num(i)}).number, int)] for i in range(k)]
    missing = {i - sum(row) for i, row in enumerate(sizes)}
    shift, rest = divmod(min(missing), k - 1)
    if len(missing) != 1 or rest or any(len(row) != k for row in sizes):
        return None
    balanced = all(
        sorted(v + shift for v in row) == [(i + shift + j) // k for j in range(k)] for i, row in enumerate(sizes)
    )
    return shift if balanced else None
