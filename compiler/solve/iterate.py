"""One call of itself: the recurrence is a sum along the chain of its arguments.

    T(x) = a T(s(x)) + g(x) while x lies above the threshold  gives  T(x) = sum of a^j g(s^j(x)) for j < D, plus a^D
    base(s^D(x)),

an identity by unrolling D times. The rule knows the j-th iterate of v - s, v + s, floor(v/b), ceil(v/b), b*v, of
shifted ones, and of accumulators that are affine in themselves with summands that are iterates already known; D is
the number of steps until the driving parameter passes its threshold: ceil((v - t)/s), floor(log(v/(t+1), b)) + 1,
ceil(log(v/t, b)). floor(floor(v/b)/c) = floor(v/(bc)) makes the iterates of floors exact (Graham, Knuth, Patashnik,
3.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..equations import Function, Side
from ..expr import (
    FALSE,
    ONE,
    TRUE,
    ZERO,
    Atom,
    Cond,
    Expr,
    Fn,
    Number,
    Rel,
    Sym,
    ceil,
    conj,
    eq,
    floor,
    ge,
    integer_log,
    is_nonneg,
    log,
    ne,
    num,
    piecewise,
    power,
    sym,
)
from .model import Closed, Recurrence
from .relax import relax
from .scale import leading
from .structure import (
    base_at,
    base_between,
    conjuncts,
    effective_guards,
    has_call,
    linear_parts,
    lower_limit,
    recurrence,
    slope,
)
from .sums import summation

__all__ = [
    "chain_of",
    "decided",
    "iterate",
    "iterates_along",
    "last_of",
    "log_base",
    "log_over",
    "quotients",
    "settled",
]

_J = "_j"
_I = "_i"


@dataclass(frozen=True, slots=True)
class _Chain:
    """The driving parameter: its j-th iterate, the number of steps, the range of its last value, where the formula
    holds.
    """

    at: Expr
    steps: Expr
    last: tuple[Expr, Expr]
    valid: Cond
    unit: bool = False
    step: Expr | None = None        # where each takes the same off
    start: Expr = ZERO              # the least value that is not a base case, if step is given

    @property
    def early(self) -> tuple[Expr, Expr | None]:
        """Between what the driving parameter lies before the last step."""
        return self.start + (self.step or ZERO), None

    @property
    def late(self) -> tuple[Expr, Expr | None]:
        """The same at the last step."""
        return self.start, self.start + (self.step or ZERO) - 1


def log_base(x: Expr, b: Expr) -> Expr:
    """log(x) to the base b, as one logarithm where b is a number."""
    value = b.number
    if isinstance(value, int):
        return log(x, value)
    return log(x) / log(b)


def iterate(f: Function, side: Side | None = None) -> Iterator[Closed]:
    """Closed forms of a function whose recursive case calls itself once; with a side, bounds where floors stand in a
    sum.
    """
    cases = effective_guards(f.cases)
    recursive = [i for i, (_, e) in enumerate(cases) if has_call(e, f.name)]
    if len(recursive) != 1:
        return
    guard, value = cases[recursive[0]]
    parts = linear_parts(value, f.name)
    if parts is None or len(parts[0]) != 1:
        return
    ((coef, args),) = parts[0]
    forcing = parts[1]
    moving = {p: x for p, x in zip(f.params, args, strict=True) if not (isinstance(x.atom, Sym) and x.atom.name == p)}
    if any(p in coef.free for p in moving):
        return
    base = tuple((g, e) for i, (g, e) in enumerate(cases) if i != recursive[0])
    rules = ("iteration",) if side is None else ("iteration", "rounding bounded")
    for driver in moving:
        chain = chain_of(driver, moving[driver], guard, frozenset(moving))
        if chain is None:
            continue
        if chain.step is not None and side is None:
            apart = _last_step_apart(f, driver, chain, moving, coef, forcing, base)
            if apart is not None:
                positive = () if chain.step.number is not None else (ge(chain.step, ONE),)
                yield Closed(apart, True, conj(ge(sym(driver), chain.start), *positive), rules)
                continue
        iterates = iterates_along(driver, chain, moving)
        if iterates is None:
            continue
        found = _assemble(f, driver, chain, iterates, coef, forcing, base, side)
        if found is None:
            continue
        ratio = coef.atom
        if isinstance(ratio, Sym) and coef.number is None:
            one = {ratio.name: ONE}
            at_one = _assemble(
                f,
                driver,
                chain,
                {p: x.subs(one) for p, x in iterates.items()},
                ONE,
                forcing.subs(one),
                tuple((g.subs(one), e.subs(one)) for g, e in base),
                side,
            )
            if at_one is not None:
                found = piecewise((at_one, eq(coef, ONE)), (found, TRUE))
                yield Closed(found, side is None, chain.valid, rules, _step_order(f, driver, coef, forcing, moving))
                continue
            yield Closed(found, side is None, conj(chain.valid, ne(coef, ONE)), rules)
            continue
        yield Closed(found, side is None, chain.valid, rules, _step_order(f, driver, coef, forcing, moving))


def _step_order(f: Function, driver: str, coef: Expr, forcing: Expr, moving: dict[str, Expr]) -> Expr | None:
    """a^(n/s) for a T(n - s), a > 1, with smaller forcing: the rounding in the form hides it."""
    step, a = (sym(driver) - moving[driver]).number, coef.number
    if len(f.params) != 1 or step in (None, 1) or a is None or a <= 1 or forcing.free - {driver}:
        return None
    found = leading(forcing, driver) if forcing.terms else None
    if forcing.terms and (found is None or found[0].fact or float(found[0].base) ** float(step or 1) >= a):
        return None
    if not forcing.terms:       # where a residue begins with 0, it stays there
        rec = recurrence(f)
        start = None if rec is None else rec.threshold.number
        if rec is None or not isinstance(start, int) or not isinstance(step, int):
            return None
        first = (base_at(rec, num(start - i)) for i in range(step))
        if any(v is None or v.number is None or v.number <= 0 for v in first):
            return None
    return power(coef, sym(driver) / (step or 1))


def settled(e: Expr, name: str, low: Expr, high: Expr | None, kept: dict[str, Expr] | None = None) -> Expr:
    """Extrema of two, and cases, decided where a symbol lies between these limits.

    `kept`: what is decided gets a name in place of its value.
    """

    def sign(d: Expr) -> int | None:
        """1 if d >= 0 there, -1 if d <= 0."""
        line = d.coefficients(name)
        slope_ = line[1].number if line is not None and set(line) <= {0, 1} and 1 in line else None
        if slope_ is None:
            return None
        ends = [None if x is None else d.subs({name: x}) for x in (low, high)]
        least, most = ends if slope_ > 0 else ends[::-1]
        if least is not None and is_nonneg(least):
            return 1
        return -1 if most is not None and is_nonneg(-most) else None

    def cond(c: Cond) -> Cond:
        if isinstance(c, Rel) and c.op in (">=", ">") and name in c.free:
            if sign(c.e if c.op == ">=" else c.e - 1) == 1:
                return TRUE
            if sign(c.e + 1 if c.op == ">=" else c.e) == -1:
                return FALSE
        return c

    def change(a: Atom) -> Expr | None:
        if not isinstance(a, Fn) or name not in Expr({((a, 1),): 1}).free:
            return None
        if a.op in ("max", "min") and len(a.args) == 2:
            x, y = a.args
            found = sign(x - y)
            if found is None:
                return None
            if kept is not None:
                kept[f"_kept{len(kept)}"] = Expr({((a, 1),): 1})
                return sym(f"_kept{len(kept) - 1}")
            return x if (found == 1) == (a.op == "max") else y
        if a.op == "piecewise":
            return piecewise(*((x, cond(c)) for x, c in zip(a.args, a.conds, strict=True)))
        return None

    return e.rebuild(change)


def _last_step_apart(
    f: Function,
    driver: str,
    chain: _Chain,
    moving: dict[str, Expr],
    coef: Expr,
    forcing: Expr,
    base: tuple[tuple[Cond, Expr], ...],
) -> Expr | None:
    """The same where the last step costs or adds what no other does: a piece of min(n, w), all w but for the last.

    None where all steps are alike.
    """
    early = {p: settled(x, driver, *chain.early) for p, x in moving.items()}
    late = {p: settled(x, driver, *chain.late) for p, x in moving.items()}
    first, final = settled(forcing, driver, *chain.early), settled(forcing, driver, *chain.late)
    if first == forcing and early == moving:
        return None
    at = iterates_along(driver, chain, early)
    last = last_of(f, driver, base, chain)
    if at is None or last is None:
        return None
    total = summation(first.subs(at) * power(coef, sym(_J)), _J, ZERO, chain.steps - 2)
    if total is None or _J in total.free:
        return None
    before = {p: x.subs({_J: chain.steps - 1}) for p, x in at.items()}
    end = {p: x.subs(before) for p, x in late.items()}
    return total + power(coef, chain.steps - 1) * final.subs(before) + power(coef, chain.steps) * last.subs(end)


def _assemble(
    f: Function,
    driver: str,
    chain: _Chain,
    iterates: dict[str, Expr],
    coef: Expr,
    forcing: Expr,
    base: tuple[tuple[Cond, Expr], ...],
    side: Side | None,
) -> Expr | None:
    summand = forcing.subs(iterates) * power(coef, sym(_J))
    if side is not None:
        relaxed = relax(summand, side, lambda a: _J in a.args[0].free)
        if relaxed == summand:
            return None
        while relaxed is not None and relaxed != summand:   # a floor within a floor comes to light
            summand, relaxed = relaxed, relax(relaxed, side, lambda a: _J in a.args[0].free)
        if relaxed is None:
            return None
    total = summation(summand, _J, ZERO, chain.steps - 1)
    if total is None and chain.unit:  # over the parameter itself, upwards
        n = sym(driver)
        total = summation(summand.subs({_J: n - sym(_I)}), _I, n - chain.steps + 1, n)
    if total is None or any(_J in x.free for x in (total,)):
        return None
    last = last_of(f, driver, base, chain)
    if last is None:
        return None
    final = {p: x.subs({_J: chain.steps}) for p, x in iterates.items()}
    return total + power(coef, chain.steps) * last.subs(final)


def last_of(f: Function, driver: str, base: tuple[tuple[Cond, Expr], ...], chain: _Chain) -> Expr | None:
    """The base value at the end of the chain."""
    rec = Recurrence(f.name, f.params, driver, ZERO, base, (), ZERO)
    low, high = (x.number for x in chain.last)
    if low is not None and high is not None:
        return base_between(rec, sym(rec.var), low, high)
    values = [base_at(rec, x) for x in chain.last]
    if chain.last[0] == chain.last[1]:
        return values[0]
    whole = base_at(rec, sym(rec.var)) or decided(rec, chain.last[1])
    return whole


def decided(rec: Recurrence, high: Expr) -> Expr | None:
    """The one case whose guard is `var <= high` or weaker."""
    for guard, value in rec.base:
        parts = [p for p in conjuncts(guard) if rec.var in p.free]
        if len(parts) == 1 and isinstance(parts[0], Rel) and parts[0].subs({rec.var: high}) == TRUE:
            return value
    return None


def chain_of(v: str, x: Expr, guard: Cond, moving: frozenset[str]) -> _Chain | None:
    j, n = sym(_J), sym(v)
    limit = lower_limit(guard, v)
    if limit is not None:
        start, rest = limit
        if any(c.free & moving for c in rest) or start.free & moving:
            return None
        return _down(n, x, start, j, moving)
    upper = _upper_limit(guard, v)
    if upper is None or upper.free & moving:
        return None
    return _up(n, x, upper, j, moving)


def _upper_limit(guard: Cond, v: str) -> Expr | None:
    """N where the guard is v < N."""
    found = None
    for part in conjuncts(guard):
        if v not in part.free:
            return None
        if not isinstance(part, Rel) or part.op not in (">=", ">") or found is not None:
            return None
        coefficients = part.e.coefficients(v)
        if coefficients is None or set(coefficients) != {0, 1} or coefficients[1] != num(-1):
            return None
        found = coefficients[0] + 1 if part.op == ">=" else coefficients[0]
    return found


def _down(n: Expr, x: Expr, start: Expr, j: Expr, moving: frozenset[str]) -> _Chain | None:
    step = n - x
    if not step.free & moving:
        size = step.number
        if size is not None and size <= 0:
            return None
        t = start - 1
        steps = ceil((n - t) / step)
        valid = ge(n, t - step + 1) if size is not None else conj(ge(n, t - step + 1), ge(step, ONE))
        return _Chain(n - step * j, steps, (t - step + 1, t), valid, size == 1, step, start)
    for b, h, kind in quotients(n, x):
        return _quotient_chain(n, b, h, kind, start, j)
    return None


def quotients(n: Expr, x: Expr) -> Iterator[tuple[Expr, Expr, str]]:
    """(b, s, kind) with x + s = floor((n + s)/b) or ceil((n + s)/b)"""
    (v,) = n.free
    found = slope(x, v)
    if found is not None and 0 < found[0] < 1 and Fraction(found[0]).numerator == 1:
        b = Fraction(found[0]).denominator
        for s in (0, *(k * q for k in range(1, 9) for q in (1, -1))):
            if x + s == floor((n + s) * Fraction(1, b)):
                yield num(b), num(s), "floor"
            elif x + s == ceil((n + s) * Fraction(1, b)):
                yield num(b), num(s), "ceil"
        return
    for a in x.atoms():
        if not isinstance(a, Sym) and a.op == "floor":
            ratio = n / a.args[0]
            if v not in ratio.free and ratio.number is None:
                if x == floor(n / ratio):
                    yield ratio, ZERO, "floor"
                if x == ceil(n / (ratio * -1)):
                    yield ratio * -1, ZERO, "ceil"


def _quotient_chain(n: Expr, b: Expr, s: Expr, kind: str, start: Expr, j: Expr) -> _Chain | None:
    m = n + s
    base = b.number
    shrunk = m * power(b, -j)
    if kind == "floor":
        first = start + s
        value = first.number
        if value is not None and value < 1:
            return None
        steps = floor(log_over(m, first, b)) + 1
        valid = ge(m, first if base is None else ceil(first / b))
        low = floor(first / b) - s if base is not None else ZERO
        return _Chain(floor(shrunk) - s, steps, (low, start - 1), _with_base(valid, b))
    last = start - 1 + s
    value = last.number
    if value is not None and value < 1:
        return None
    steps = ceil(log_over(m, last, b))
    low = floor(last / b) + 1 if base is not None else last
    return _Chain(
        ceil(shrunk) - s,
        steps,
        (low - s if base is not None else ONE, start - 1),
        _with_base(ge(m, low) if value is not None else conj(ge(m, low), ge(last, ONE)), b),
    )


def _with_base(valid: Cond, b: Expr) -> Cond:
    return valid if b.number is not None else conj(valid, ge(b, num(2)))


def log_over(m: Expr, first: Expr, b: Expr) -> Expr:
    """log(m/first, b), with log(first, b) taken out where it is an integer."""
    value, base = first.number, b.number
    if isinstance(value, int) and isinstance(base, int):
        k = integer_log(value, base)
        if base**k == value:
            return log(m, base) - k
    return log_base(m / first, b)


def _up(n: Expr, x: Expr, end: Expr, j: Expr, moving: frozenset[str]) -> _Chain | None:
    step = x - n
    if not step.free & moving:
        size = step.number
        if size is None or size <= 0:
            return None
        return _Chain(n + step * j, ceil((end - n) / step), (end, end + step - 1), ge(end, n))
    ratio = x / n
    value: Number | None = ratio.number
    if not isinstance(value, int) or value < 2:
        return None
    return _Chain(n * power(ratio, j), ceil(log_base(end / n, ratio)), (end, end * value), conj(ge(end, n), ge(n, ONE)))


def iterates_along(driver: str, chain: _Chain, moving: dict[str, Expr]) -> dict[str, Expr] | None:
    """The j-th iterate of each moving parameter."""
    known = {driver: chain.at}
    left = {p: x for p, x in moving.items() if p != driver}
    while left:
        ready = [p for p, x in left.items() if not (x.free & set(left)) - {p}]
        if not ready:
            return None
        for p in ready:
            value = _accumulator(p, left.pop(p), known)
            if value is None:
                return None
            known[p] = value
    return known


def _accumulator(p: str, x: Expr, known: dict[str, Expr]) -> Expr | None:
    coefficients = x.coefficients(p)
    if coefficients is None or set(coefficients) - {0, 1}:
        return None
    factor, summand = coefficients.get(1, ZERO), coefficients.get(0, ZERO)
    if factor == ZERO or any(q in factor.free for q in known):
        return None
    j, i = sym(_J), "_i"
    inner = summand.subs({q: v.subs({_J: sym(i)}) for q, v in known.items()})
    total = summation(inner * power(factor, j - 1 - sym(i)), i, ZERO, j - 1)
    return None if total is None else power(factor, j) * sym(p) + total
