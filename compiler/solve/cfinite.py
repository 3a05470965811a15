"""Linear recurrences with constant coefficients and several calls, alone or in systems.

The values satisfy x_k(n) = sum of a_kls x_l(n - s) + g_k(n) from some n on, with numbers a and forcing terms that are
polynomials times geometric terms (and integer parts of n/2). By Cayley and Hamilton each x_k is then annihilated by
the characteristic polynomial of the companion matrix times (E - r)^(d+1) for each forcing term n^d r^n; so it is a
combination of n^i r^n over the roots of that product, with i below the multiplicity, and as many initial values
determine it (Stanley, Enumerative Combinatorics 1, 4.1). Initial values are unrolled symbolically, so forcing terms
and base values may contain parameters.

Rational roots and one pair of real quadratic irrationals give an exact form (the golden ratio gives Fibonacci
numbers, -1 gives remainders by 2). With other roots, and coefficients that are not negative, the dominant root alone
gives the order, by Perron and Frobenius, and safe bounds: C rho^n plus a particular solution, compared over as many
sizes as the recurrence looks back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..equations import Function
from ..evaluate import compile_expr
from ..expr import ONE, TRUE, ZERO, Cond, Expr, Fn, Monomial, Number, ge, mod, num, power, sym
from . import polynomial as poly
from .model import Closed
from .structure import effective_guards, has_call, linear_parts, lower_limit
from .sums import atom_expr, split_monomial

__all__ = ["Linear", "c_finite", "linear_system"]

_LARGEST_ORDER = 24
# a longer step makes a characteristic polynomial whose roots nobody wants to read
_LONGEST_STEP = 100
# powers of roots are written out from the first size on
_LARGEST_START = 10_000


@dataclass(frozen=True, slots=True)
class Linear:
    """x_k(n) = sum of coefficient * x_l(n - shift) + forcing_k for n >= start."""

    var: str
    names: tuple[str, ...]
    start: int
    calls: tuple[tuple[tuple[str, int, Number], ...], ...]
    forcing: tuple[Expr, ...]


def linear_system(functions: list[Function]) -> Linear | None:
    """The functions as one linear system in one variable; None if they are not one."""
    names = tuple(f.name for f in functions)
    params = functions[0].params
    starts, calls, forcings = [], [], []
    var: str | None = None
    for f in functions:
        if len(f.params) != len(params):
            return None
        rename = {p: sym(q) for p, q in zip(f.params, params, strict=True)}
        cases = effective_guards(f.cases)
        recursive = [(g, e) for g, e in cases if any(has_call(e, name) for name in names)]
        if not recursive:
            return None
        guard, value = recursive[-1]
        if len(recursive) > 1:
            return None
        value = value.subs(rename)
        entries: list[tuple[str, int, Number]] = []
        rest = value
        for name in names:
            parts = linear_parts(rest, name)
            if parts is None:
                return None
            for coef, args in parts[0]:
                number = coef.number
                if len(args) != len(params):
                    return None
                moving = [i for i, (x, p) in enumerate(zip(args, params, strict=True)) if x != sym(p)]
                if number is None or len(moving) > 1:
                    return None
                if not moving:
                    return None
                p = params[moving[0]]
                step = (sym(p) - args[moving[0]]).number
                if not isinstance(step, int) or not 1 <= step <= _LONGEST_STEP or (var is not None and var != p):
                    return None
                var = p
                entries.append((name, step, number))
            rest = parts[1]
        if var is None:
            return None
        limit = lower_limit(guard.subs(rename), var)
        if limit is None or limit[1] or not isinstance(limit[0].number, int):
            return None
        starts.append(limit[0].number)
        calls.append(tuple(entries))
        forcings.append(rest)
    assert var is not None
    return Linear(var, names, max(starts), tuple(calls), tuple(forcings))


def characteristic(system: Linear) -> poly.Poly:
    """The characteristic polynomial of the companion matrix, lowest degree first."""
    size = len(system.names)
    depth = max(step for entries in system.calls for _, step, _ in entries)
    if size == 1:
        out: poly.Poly = [*([0] * depth), 1]
        for _, step, a in system.calls[0]:
            out[depth - step] -= a
        return poly.trim(out)
    # det(x^depth I - sum of A_s x^(depth - s)), by expansion over polynomials
    matrix: list[list[poly.Poly]] = [[[*([0] * depth), 1] if i == k else [] for i in range(size)] for k in range(size)]
    for k, entries in enumerate(system.calls):
        for name, step, a in entries:
            i = system.names.index(name)
            matrix[k][i] = poly.add(matrix[k][i], [0] * (depth - step) + [-a])
    return _determinant(matrix)


def _determinant(m: list[list[poly.Poly]]) -> poly.Poly:
    if len(m) == 1:
        return m[0][0]
    out: poly.Poly = []
    for i, p in enumerate(m[0]):
        if p:
            minor = [row[:i] + row[i + 1 :] for row in m[1:]]
            out = poly.add(out, poly.scale(poly.mul(p, _determinant(minor)), -1 if i % 2 else 1))
    return out


def forcing_roots(forcing: Expr, var: str) -> dict[Number, int] | None:
    """Root -> multiplicity of the annihilator of a forcing term; None if it is no exponential polynomial with
    rational ratios.
    """
    roots: dict[Number, int] = {}
    for m, c in forcing.terms.items():
        halves = 0
        rest = []
        for a, k in m:
            if (
                isinstance(a, Fn)
                and a.op == "floor"
                and isinstance(k, int)
                and k > 0
                and a.args[0] == sym(var) * Fraction(1, 2)
            ):
                halves += k
            else:
                rest.append((a, k))
        s = split_monomial(Expr({tuple(rest): c}), var)
        if s is None or s.denominator or s.specials or var in s.coef.free:
            return None
        r = s.ratio.number
        if r is None:
            return None
        degree = len(s.numerator) + halves
        roots[r] = max(roots.get(r, 0), degree)
        if halves:
            roots[-r] = max(roots.get(-r, 0), degree)
    return roots


class _Surd:
    """a + b sqrt(d)"""

    __slots__ = ("a", "b", "d")

    def __init__(self, a: Number, b: Number, d: int) -> None:
        self.a, self.b, self.d = Fraction(a), Fraction(b), d

    def __mul__(self, o: _Surd) -> _Surd:
        return _Surd(self.a * o.a + self.b * o.b * self.d, self.a * o.b + self.b * o.a, self.d)

    def __sub__(self, o: _Surd) -> _Surd:
        return _Surd(self.a - o.a, self.b - o.b, self.d)

    def __bool__(self) -> bool:
        return bool(self.a or self.b)

    def inverse(self) -> _Surd:
        n = self.a * self.a - self.b * self.b * self.d
        return _Surd(self.a / n, -self.b / n, self.d)

    def __pow__(self, k: int) -> _Surd:
        out = _Surd(1, 0, self.d)
        for _ in range(k):
            out = out * self
        return out

    def expr(self) -> Expr:
        return num(self.a) + power(num(self.d), Fraction(1, 2)) * self.b


def quadratic_roots(p: poly.Poly) -> tuple[_Surd, _Surd] | None:
    """The real roots of an irreducible quadratic, the larger first."""
    c, b, a = (Fraction(x) for x in p)
    under = b * b - 4 * a * c
    if under < 0:
        return None
    scale = under.denominator
    whole = under.numerator * scale
    square, rest = 1, whole
    for q in range(2, 1000):
        while rest % (q * q) == 0:
            rest, square = rest // (q * q), square * q
    root = Fraction(square, scale) / (2 * a)
    big = _Surd(-b / (2 * a), abs(root), rest)
    return big, _Surd(-b / (2 * a), -abs(root), rest)


def unroll(system: Linear, functions: list[Function], upto: int) -> list[list[Expr]] | None:
    """Values of each function at start .. upto - 1 as expressions in the parameters."""
    values: dict[tuple[str, int], Expr] = {}
    by_name = {f.name: f for f in functions}
    params = functions[0].params

    def at(name: str, n: int) -> Expr | None:
        key = (name, n)
        if key in values:
            return values[key]
        f = by_name[name]
        var = f.params[params.index(system.var)]
        result: Expr | None = None
        for case in f.cases:
            guard = case.guard.subs({var: num(n)})
            if guard == TRUE:
                result = case.value.subs({var: num(n)})
                break
            if guard.free or guard != _FALSE:
                return None
        if result is None:
            return None
        lacking = [a for a in result.atoms() if isinstance(a, Fn) and a.op == "call" and a.name in by_name]
        table: dict[Fn, Expr] = {}
        for a in lacking:
            k = a.args[params.index(system.var)].number
            if not isinstance(k, int) or k >= n or n - k > 400:
                return None
            inner = at(a.name, k)
            if inner is None:
                return None
            table[a] = inner
        result = result.rebuild(lambda x: table.get(x) if isinstance(x, Fn) else None)
        if f.params != params:
            result = result.subs({p: sym(q) for p, q in zip(f.params, params, strict=True)})
        values[key] = result
        return result

    out = []
    for name in system.names:
        row = []
        for n in range(system.start, upto):
            v = at(name, n)
            if v is None:
                return None
            row.append(v)
        out.append(row)
    return out


_FALSE: Cond = ge(ZERO, ONE)


def c_finite(functions: list[Function], goal: str) -> Iterator[Closed]:
    """The closed form of one function of a system."""
    system = linear_system(functions)
    if system is None:
        return
    p = characteristic(system)
    lowest = next(i for i, c in enumerate(p) if c)
    p = p[lowest:]
    roots, rest = poly.factor(p)
    multiplicity: dict[Number, int] = dict(roots)
    forced: dict[Number, int] = {}
    for g in system.forcing:
        found = forcing_roots(g, system.var)
        if found is None:
            return
        for r, k in found.items():
            forced[r] = max(forced.get(r, 0), k)
    for r, k in forced.items():
        # a forcing term passes through up to all functions: resonance adds its multiplicity in the characteristic
        # polynomial
        multiplicity[r] = multiplicity.get(r, 0) + k
    if len(rest) > 3 or (len(rest) == 3 and quadratic_roots(rest) is None):
        return
    count = sum(multiplicity.values()) + len(rest) - 1
    if count > _LARGEST_ORDER or abs(system.start) > _LARGEST_START:
        return
    first = system.start + lowest
    for origin in (first - max(step for e in system.calls for _, step, _ in e), first):
        yield from _fit(functions, system, goal, multiplicity, rest, count, origin)


def _fit(
    functions: list[Function],
    system: Linear,
    goal: str,
    multiplicity: dict[Number, int],
    rest: poly.Poly,
    count: int,
    origin: int,
) -> Iterator[Closed]:
    shifted = Linear(system.var, (goal,), origin, system.calls, system.forcing)
    rows = unroll(shifted, functions, origin + count + 2)
    if rows is None:
        return
    values = rows[0]
    n = sym(system.var)
    surds = quadratic_roots(rest) if len(rest) == 3 else None
    golden = surds is not None and rest == poly.scale([-1, -1, 1], rest[-1])
    at = [origin + i for i in range(count + 2)]
    rational: list[tuple[Expr, list[Number]]] = []
    for r, k in sorted(multiplicity.items(), key=lambda t: (-abs(Fraction(t[0])), t[0] < 0)):
        if r == 0:
            continue
        for i in range(k):
            rational.append((power(n, i) * _geometric(r, n), [_norm(Fraction(r) ** x * Fraction(x) ** i) for x in at]))
    if golden:
        fib = [_fibonacci(x) for x in (*at, at[-1] + 1)]
        rational.append((atom_expr(Fn("fibonacci", (n,))), [fib[i] for i in range(len(at))]))
        rational.append((atom_expr(Fn("fibonacci", (n + 1,))), [fib[i + 1] for i in range(len(at))]))
        surds = None
    form = _combine(rational, values) if surds is None else _combine_surds(rational, surds, values, n, at)
    if form is None:
        return
    yield Closed(form, True, ge(n, num(origin)), ("characteristic roots",), _surd_order(form, surds, multiplicity, n))


def _surd_order(form: Expr, surds: tuple[_Surd, _Surd] | None, multiplicity: dict[Number, int], n: Expr) -> Expr | None:
    """The order where the irrational root dominates and its coefficient is not 0; None leaves it to the form."""
    if surds is None or form.free != n.free:
        return None
    big, small = (float(s.a) + float(s.b) * math.sqrt(s.d) for s in surds)
    if big <= 1 or big <= abs(small) or any(abs(float(r)) >= big for r in multiplicity):
        return None
    value = compile_expr(form, tuple(n.free), digits=60)
    size = [float(value(k) / value(k - 20)) for k in (120, 140)]
    if any(abs(x / big**20 - 1) > 1e-3 for x in size):
        return None
    return power(surds[0].expr(), n)


def _norm(x: Number) -> Number:
    return x.numerator if isinstance(x, Fraction) and x.denominator == 1 else x


def _fibonacci(n: int) -> int:
    if n < 0:
        return _fibonacci(-n) if n % 2 else -_fibonacci(-n)
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def _geometric(r: Number, n: Expr) -> Expr:
    """r ** n, with (-1)^n = 1 - 2 (n mod 2)"""
    if r < 0:
        return _geometric(-r, n) * (1 - mod(n, num(2)) * 2)
    return power(num(r), n)


def _combine(basis: list[tuple[Expr, list[Number]]], values: list[Expr]) -> Expr | None:
    """The combination of the basis that has these values."""
    matrix = [[column[i] for _, column in basis] for i in range(len(values))]
    monomials: dict[Monomial, Expr] = {}
    for v in values:
        for m in v.terms:
            monomials.setdefault(m, Expr({m: 1}))
    result = ZERO
    for m, unit in monomials.items():
        right = [v.terms.get(m, 0) for v in values]
        x = poly.solve_linear(matrix, right) if basis else (None if any(right) else [])
        if x is None:
            return None
        for c, (e, _) in zip(x, basis, strict=True):
            result = result + e * unit * c
    return result


def _combine_surds(
    rational: list[tuple[Expr, list[Number]]], surds: tuple[_Surd, _Surd], values: list[Expr], n: Expr, at: list[int]
) -> Expr | None:
    """The same with two conjugate irrational roots: their coefficients are conjugate where the values are rational."""
    # r^x = u_x + v_x sqrt(d): two rational columns, one for the even and one for the odd part
    d = surds[0].d
    base = min(0, at[0])
    powers = [surds[0] ** (x - base) for x in at]
    if base:
        inverse = surds[0].inverse() ** -base
        powers = [q * inverse for q in powers]
    big, small = surds[0].expr(), surds[1].expr()
    root = power(num(d), Fraction(1, 2))
    even = (power(big, n) + power(small, n)) * Fraction(1, 2)
    odd = (power(big, n) - power(small, n)) * Fraction(1, 2) * root * Fraction(1, d)
    columns = [*rational, (even, [_norm(q.a) for q in powers]), (odd, [_norm(q.b) for q in powers])]
    return _combine(columns, values)
