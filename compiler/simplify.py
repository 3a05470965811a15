"""Expressions made smaller by what is known: maxima, minima and case distinctions that assumptions decide.

In: an expression and `Facts`. Out: an equal expression at every point that satisfies them.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from .equations import Side
from .expr import (
    FALSE,
    TRUE,
    ZERO,
    And,
    Atom,
    Cond,
    Expr,
    Fn,
    Number,
    Or,
    Rel,
    ceil,
    choose,
    conj,
    disj,
    factorial,
    floor,
    ge,
    is_integer,
    le,
    lt,
    make,
    max_,
    min_,
    negate,
    num,
    piecewise,
    power,
    sum_,
    sym,
)
from .facts import Facts

__all__ = ["factorials", "split_piecewise", "tight", "tight_cond"]

_OPS = frozenset(("max", "min", "piecewise"))


def tight(e: Expr, facts: Facts, side: Side | None = None) -> Expr:
    """Drops what another argument of a maximum or minimum makes superfluous, and cases that cannot be.

    Values of a case distinction are looked at where their case holds, summands where the index lies between its
    limits. With a `side`, an adversary's choice of an index is decided where its body moves one way, or is convex.
    """
    wanted = _OPS if side is None else _OPS | {"choose"}
    if e.infinite or not any(isinstance(a, Fn) and a.op in wanted for a in e.atoms()):
        return _merged(e)
    return _merged(_related(e.outer(lambda a: _tight_atom(a, facts, side) if isinstance(a, Fn) else None)))


def _related(e: Expr) -> Expr:
    """With one of the extrema of two whose differences are the same: max(0, x - y) + min(x, y) is x."""
    first: dict[Expr, Fn] = {}
    table: dict[Atom, Expr] = {}
    for m in e.terms:
        for a, _ in m:
            if not isinstance(a, Fn) or a.op not in ("max", "min") or len(a.args) != 2 or a in table:
                continue
            x, y = a.args
            other = first.get(x - y) or first.get(y - x)
            if other is None:
                first[x - y] = a
            elif other != a:
                u = other.args[0 if other.args[0] - other.args[1] == x - y else 1]
                # both are the first argument where the difference has one sign, if they are of one kind
                one = Expr({((other, 1),): 1})
                table[a] = x - u + one if a.op == other.op else y + u - one
    if not table:
        return e
    new = e.outer(table.get)
    return new if len(new.terms) <= len(e.terms) else e


def _merged(e: Expr) -> Expr:
    return e if e.infinite else _rounded_once(factorials(e))


def _rounded_once(e: Expr) -> Expr:
    """(n - k*floor(n/k)) * (ceiling(n/k) - floor(n/k)) is n - k*floor(n/k): so parts of n add up to n."""
    floors = {a for m in e.terms for a, _ in m if isinstance(a, Fn) and a.op == "floor"}
    for low in sorted(floors, key=lambda a: a.key):
        high = floor(-low.args[0]).atom
        if high not in floors or low.args[0].terms[min(low.args[0].terms)] < 0:
            continue
        x = low.args[0]
        down, up = Expr({((low, 1),): 1}), Expr({((high, 1),): -1})
        k = _denominator(x)
        n = x * k
        ((divisor, _),) = k.terms.items()
        if not is_integer(n):
            continue
        result, pending = ZERO, e
        for _ in range(6):
            left = ZERO
            for m, c in pending.terms.items():
                powers = dict(m)
                if all(powers.get(a, 0) >= b for a, b in (*divisor, (low, 1), (high, 1))):
                    rest = tuple((a, b) for a, b in m if a not in (low, high))
                    others = Expr({rest: c}) / k * power(down, powers[low] - 1) * power(Expr({((high, 1),): 1}),
                                                                                        powers[high] - 1)
                    left = left - others * (n * up - n * down + k * down * down - n + k * down)
                else:
                    result = result + Expr({m: c})
            pending = left
            if not pending.terms:
                break
        result = result + pending
        if len(result.terms) < len(e.terms):
            return _rounded_once(result)
    return e


def factorials(e: Expr) -> Expr:
    """n*factorial(n - 1) as factorial(n)."""
    if not any(isinstance(a, Fn) and a.op == "factorial" for m in e.terms for a, _ in m):
        return e
    for _ in range(12):
        changed = ZERO
        for m, c in e.terms.items():
            powers = dict(m)
            term = Expr({m: c})
            for a, k in m:
                x = a.args[0] + 1 if isinstance(a, Fn) and a.op == "factorial" and k == 1 else ZERO
                if x.atom is not None and powers.get(x.atom, 0) >= 1:
                    term = term / x / Expr({((a, 1),): 1}) * factorial(x)
                    break
            changed = changed + term
        if changed == e:
            break
        e = changed
    return e


def _denominator(x: Expr) -> Expr:
    """What x has to be multiplied by so that nothing is divided."""
    below: dict[Atom, Number] = {}
    for m in x.terms:
        for a, k in m:
            if k < 0:
                below[a] = max(below.get(a, 0), -k)
    number = lcm(*(Fraction(c).denominator for c in x.terms.values()))
    return Expr({tuple(sorted(below.items(), key=lambda p: p[0].key)): number})


def _tight_atom(a: Fn, facts: Facts, side: Side | None) -> Expr | None:
    match a.op:
        case "max" | "min":
            return _tight_extremum(a, facts, side)
        case "piecewise":
            return _tight_cases(a, facts, side)
        case "floor":
            inner = tight(a.args[0], facts, side)
            return _moved_out(inner, facts) or (floor(inner) if inner != a.args[0] else None)
        case "sum" | "choose":
            body, (lo, hi) = a.args[0], (tight(x, facts, side) for x in a.args[1:])
            k = sym(a.name, "int")
            inside = facts.with_(ge(k, lo), le(k, hi))
            body = tight(body, inside, side)
            if a.op == "choose" and side is not None:
                return _settled(body, a.name, lo, hi, inside, side)
            return (sum_ if a.op == "sum" else choose)(body, a.name, lo, hi) if body != a.args[0] else None
    args = tuple(tight(x, facts, side) for x in a.args)
    conds = tuple(c.map(lambda x: tight(x, facts, side)) for c in a.conds)
    return make(a.op, args, a.name, conds) if args != a.args or conds != a.conds else None


def _tight_extremum(a: Fn, facts: Facts, side: Side | None) -> Expr | None:
    pick = max_ if a.op == "max" else min_
    args = tuple(tight(x, facts, side) for x in a.args)
    if args != a.args:
        whole = pick(*args)
        single = whole.atom
        if not isinstance(single, Fn) or single.op != a.op:
            return whole
        args = single.args
    kept = list(args)
    for x in args:
        others = [y for y in kept if y is not x]
        if others and (
            any(facts.implies(ge(y, x) if a.op == "max" else le(y, x)) for y in others)
            or _between(x, others, a.op, facts)
        ):
            kept = others
    return pick(*kept) if tuple(kept) != a.args else None


def _moved_out(x: Expr, facts: Facts) -> Expr | None:
    """floor(max(0, n - w)/w) is max(0, floor(n/w) - 1): where one of these is known to be the larger, that one."""
    inside = [(m, a) for m in x.terms for a, k in m if isinstance(a, Fn) and a.op in ("max", "min") and k == 1]
    if len(inside) != 1:
        return None
    ((m, a),) = inside
    factor = Expr({tuple(p for p in m if p[0] != a): x.terms[m]})
    sign = 1 if facts.nonneg(factor) else -1 if facts.nonneg(-factor) else 0
    if not sign:
        return None
    rest = x - Expr({m: x.terms[m]})
    whole = (max_ if (a.op == "max") == (sign == 1) else min_)(*(floor(rest + factor * y) for y in a.args))
    single = whole.atom
    found = _tight_extremum(single, facts, None) if isinstance(single, Fn) and single.op in ("max", "min") else whole
    return None if found is None or any(b.op in ("max", "min") for b in found.atoms() if isinstance(b, Fn)) else found


def _tight_cases(a: Fn, facts: Facts, side: Side | None) -> Expr | None:
    cases: list[tuple[Expr, Cond]] = []
    here = facts
    for v, c in zip(a.args, a.conds, strict=True):
        c = c.map(lambda x, here=here: tight(x, here))  # type: ignore[misc]
        c = TRUE if facts.implies(c) else FALSE if facts.refutes(c) else c
        if c == FALSE:
            continue
        cases.append((tight(_at_point(v, c, here), here if c == TRUE else here.with_(c), side), c))
        if c == TRUE:
            break
        here = here.with_(negate(c))
    joined = _joined(cases, facts)
    return piecewise(*joined) if tuple(zip(a.args, a.conds, strict=True)) != tuple(joined) else None


def _at_point(value: Expr, cond: Cond, facts: Facts) -> Expr:
    """The value of a case that holds at one size alone, at that size: 2*d for d <= 0 is 0 where d >= 0."""
    if not isinstance(cond, Rel) or cond.op not in (">=", "==") or len(cond.free) != 1:
        return value
    (name,) = cond.free
    line = cond.e.coefficients(name)
    if line is None or set(line) - {0, 1} or line[1].number not in (1, -1):
        return value
    edge = line.get(0, ZERO) * (-1 / Fraction(line[1].number or 1))
    if cond.op == ">=" and not facts.implies(le(cond.e, ZERO)):
        return value
    try:
        return value.subs({name: edge})
    except ZeroDivisionError:
        return value


def _settled(body: Expr, name: str, lo: Expr, hi: Expr, inside: Facts, side: Side) -> Expr:
    """The largest (upper) or smallest (lower) of body for the symbol from lo to hi, where `inside` holds.

    It is at an end if body moves one way, or bends one way; otherwise the choice stays.
    """
    if name not in body.free:
        return body
    whole = body.atom
    if isinstance(whole, Fn) and whole.op == "piecewise" and not any(name in c.free for c in whole.conds):
        cases, here = [], inside
        for v, c in zip(whole.args, whole.conds, strict=True):
            cases.append((_settled(v, name, lo, hi, here.with_(c), side), c))
            here = here.with_(negate(c))
        return piecewise(*cases)
    if any(isinstance(a, Fn) and a.op == "call" and any(name in x.free for x in a.args) for a in body.atoms()):
        return choose(body, name, lo, hi)
    k = sym(name, "int")
    step = body.subs({name: k + 1}) - body
    steps = inside.with_(lt(k, hi))
    first, last = body.subs({name: lo}), body.subs({name: hi})
    if steps.nonneg(step):
        return last if side == "upper" else first
    if steps.nonneg(-step):
        return first if side == "upper" else last
    bend = step.subs({name: k + 1}) - step
    if side == "upper" and inside.nonneg(bend):
        return max_(first, last)
    if side == "lower" and inside.nonneg(-bend):
        return min_(first, last)
    if inside.nonneg(-bend) if side == "upper" else inside.nonneg(bend):
        top = _vertex(body, name)
        if top is not None:
            return body.subs({name: tight(max_(lo, min_(hi, top)), inside)})
    return choose(body, name, lo, hi)


def _vertex(body: Expr, name: str) -> Expr | None:
    """The integer at which a quadratic that bends one way has its extremum: the first after which it turns."""
    c = body.coefficients(name)
    if c is None or set(c) - {0, 1, 2} or 2 not in c:
        return None
    ratio = _multiple(c.get(1, ZERO), c[2])
    # body(k + 1) - body(k) = c1 + c2 (2k + 1) turns at k = -(c1/c2 + 1)/2
    return None if ratio is None else ceil((ratio + 1) * Fraction(-1, 2))


def _multiple(x: Expr, y: Expr) -> Expr | None:
    """x / y, where it can be written without a sum in a divisor."""
    if x == ZERO or len(y.terms) == 1:
        return x / y
    first = min(y.terms, key=lambda m: Expr({m: 1}).key)
    for m, c in x.terms.items():
        whole = Expr({m: c}) / Expr({first: y.terms[first]})
        if whole * y == x:
            return whole
    return None


def _between(x: Expr, others: list[Expr], op: str, facts: Facts) -> bool:
    """Whether the mean of two of the others covers x, as that of 2m and 160 covers m + 80."""
    if len(others) > 4:
        return False
    return any(
        facts.implies(ge(y + z, x * 2) if op == "max" else le(y + z, x * 2))
        for i, y in enumerate(others)
        for z in others[:i]
    )


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
        if rest == TRUE and isinstance(cond, Rel) and cond.op == "==" and not second.infinite:
            here, other = (tight(_at_point(x, cond, facts), facts) for x in (first, second))
            if here != other or len(cond.free) != 1:
                break
            out[-2:] = [(second, TRUE)]
            continue
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
