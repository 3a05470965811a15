"""Exact symbolic expressions in a canonical form: the arithmetic of sizes and costs.

An `Expr` is a polynomial with rational coefficients over *atoms*: symbols, floors, maxima, powers, logarithms, sums,
unknown functions. Everything is expanded when it is built, so that equal polynomials are equal objects, and
integer parts are pulled out of floors, so that `ceil(n/2) + floor(n/2)` *is* `n`. In: other expressions. Out:
expressions, their text as sympy reads it, and exact values at given sizes. Nothing here knows of cost, programs
or recurrences, and sympy is not imported.

Why not sympy: `orch check` proves size claims and may not pay for its import, and a report builds tens of
thousands of small expressions (a sum of two polynomials costs 3 us here).
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Final, TypeAlias

__all__ = [
    "FALSE", "INF", "NEG_INF", "ONE", "TRUE", "ZERO", "And", "Atom", "Cond", "Expr", "Fn", "Kinds", "Monomial",
    "Number", "Or", "Rel", "Sym",
    "as_number", "as_sizes", "binomial", "call", "ceil", "choice", "choose", "common_monomial", "compare", "conj",
    "disj", "eq", "expr",
    "factorial", "floor", "ge", "gt", "is_integer", "is_nonneg", "le", "log", "log2", "lt", "max_", "min_", "mod", "ne",
    "negate", "num", "piecewise", "power", "quotient", "sum_", "sym",
]

Number: TypeAlias = int | Fraction

LARGEST_PRODUCT: Final = 1_000_000      # terms that one multiplication may make
LARGEST_NUMBER: Final = 4_000_000       # bits of a constant that a power may make


class Sym:
    """A symbol. `kind`: "size" (an integer >= 0), "int" (an integer), "real" (a real >= 0: a price, a model's size),
    "number" (any real).

    Symbols are equal by name: within one program a name has one kind.
    """

    __slots__ = ("_hash", "key", "kind", "name")

    def __init__(self, name: str, kind: str = "size") -> None:
        self.name, self.kind = name, kind
        self.key = (0, name)
        self._hash = hash(("sym", name))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Sym) and other.name == self.name)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return self.name


class Fn:
    """An application that is not a polynomial.

    | op | args |
    |---|---|
    | floor | x |
    | max, min | x, y, ... |
    | log | x, base (a number >= 2; base 0 is the natural logarithm) |
    | pow | base, exponent (a monomial with coefficient 1; a sum in the exponent is split) |
    | paren | x: a sum that stands under a negative or fractional power |
    | call | unknown function: `name`, args |
    | sum | body, lo, hi over the bound symbol `name` |
    | piecewise | `conds` and as many values; the last condition is true |
    | choice | x, y, ...: decided by an adversary |
    | choose | body, lo, hi: the bound symbol `name` is picked by an adversary |
    | factorial, binomial, harmonic, fibonacci, ... | as sympy's functions of that name |
    | vote_right, vote_samples | p, k, m: the law of `vote lead k up to m` (see `votes`) |
    """

    __slots__ = ("_hash", "_nonneg", "args", "conds", "key", "name", "op")

    def __init__(self, op: str, args: tuple[Expr, ...], name: str = "", conds: tuple[Cond, ...] = ()) -> None:
        self.op, self.args, self.name, self.conds = op, args, name, conds
        self.key = (1, op, name, tuple(a.key for a in args), tuple(c.key for c in conds))
        self._hash = hash((op, args, name, conds))
        self._nonneg: bool | None = None

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Fn) and self._hash == other._hash and self.op == other.op
                                 and self.name == other.name and self.args == other.args and self.conds == other.conds)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return str(Expr({((self, 1),): 1}))


Atom: TypeAlias = Sym | Fn
Monomial: TypeAlias = tuple[tuple[Atom, Number], ...]       # sorted by atom; no zero exponents
Kinds: TypeAlias = frozenset[tuple[str, str]]


def _norm(x: Number) -> Number:
    # Fraction is an abstract base class's child: asking isinstance of an int takes ten times as long
    return x if type(x) is int or x.denominator != 1 else x.numerator


class Expr:
    """A canonical expression. Supports + - * with expressions and numbers, `**` with integers, == and hash.

    `infinite` is 1 for oo, -1 for -oo, 0 otherwise; oo absorbs sums and positive factors, and 0 * oo is 0.
    """

    __slots__ = ("_free", "_hash", "_key", "_kinds", "infinite", "terms")
    _free: frozenset[str]
    _hash: int
    _key: tuple[object, ...]
    _kinds: Kinds

    def __init__(self, terms: dict[Monomial, Number], infinite: int = 0) -> None:
        self.terms, self.infinite = terms, infinite         # the other slots are filled when they are asked for

    @property
    def key(self) -> tuple[object, ...]:
        """A total order, the same in every process."""
        try:
            return self._key
        except AttributeError:
            self._key = (self.infinite, tuple(sorted(
                (tuple((a.key, e) for a, e in m), c) for m, c in self.terms.items())))
            return self._key

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Expr):
            return self.infinite == other.infinite and self.terms == other.terms
        if isinstance(other, int | Fraction):
            return self.number == other
        return False

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            self._hash = hash((self.infinite, frozenset(self.terms.items())))
            return self._hash

    @property
    def number(self) -> Number | None:
        """The value of a finite constant, else None."""
        if self.infinite or len(self.terms) > 1:
            return None
        return self.terms.get((), None if self.terms else 0)

    @property
    def free(self) -> frozenset[str]:
        """Names of the symbols that occur free."""
        try:
            return self._free
        except AttributeError:
            names: set[str] = set()
            for m in self.terms:
                for a, _ in m:
                    if isinstance(a, Sym):
                        names.add(a.name)
                    else:
                        inner = frozenset().union(*(x.free for x in a.args), *(c.free for c in a.conds))
                        if a.op in ("sum", "choose"):
                            inner = (a.args[0].free - {a.name}) | a.args[1].free | a.args[2].free
                        names |= inner
            self._free = frozenset(names)
            return self._free

    @property
    def kinds(self) -> Kinds:
        """The symbols that are no sizes, with their kinds.

        Expressions are equal whatever the kinds of their symbols: what is remembered of one must not be told of others.
        """
        try:
            return self._kinds
        except AttributeError:
            found: set[tuple[str, str]] = set()
            for m in self.terms:
                for a, _ in m:
                    if isinstance(a, Fn):
                        found.update(*(x.kinds for x in a.args), *(c.kinds for c in a.conds))
                    elif a.kind != "size":
                        found.add((a.name, a.kind))
            self._kinds = frozenset(found)
            return self._kinds

    # ---------------------------------------------------------------- arithmetic

    def __add__(self, other: Expr | Number) -> Expr:
        if type(other) is not Expr:
            other = expr(other)
        if self.infinite or other.infinite:
            return INF if max(self.infinite, other.infinite) > 0 else NEG_INF
        if not other.terms:
            return self
        if not self.terms:
            return other
        terms = dict(self.terms)
        for m, c in other.terms.items():
            s = terms.get(m, 0) + c
            if s:
                terms[m] = s if type(s) is int else _norm(s)
            else:
                del terms[m]
        return Expr(terms)

    __radd__ = __add__

    def __neg__(self) -> Expr:
        if self.infinite:
            return NEG_INF if self.infinite > 0 else INF
        return Expr({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Expr | Number) -> Expr:
        return self + -other

    def __rsub__(self, other: Expr | Number) -> Expr:
        return expr(other) + -self

    def __mul__(self, other: Expr | Number) -> Expr:
        if type(other) is not Expr:
            other = expr(other)
        if self.infinite or other.infinite:
            a, b = self.number if not self.infinite else None, other.number if not other.infinite else None
            if a == 0 or b == 0:
                return ZERO
            sign = (self.infinite or (-1 if a is not None and a < 0 else 1)) * (
                other.infinite or (-1 if b is not None and b < 0 else 1))
            return INF if sign > 0 else NEG_INF
        if len(other.terms) < len(self.terms):
            self, other = other, self
        if len(self.terms) == 1 and () in self.terms:
            k = self.terms[()]
            return other if k == 1 else Expr({m: _norm(c * k) for m, c in other.terms.items()})
        if len(self.terms) * len(other.terms) > LARGEST_PRODUCT:
            raise OverflowError(f"a product of {len(self.terms)} by {len(other.terms)} terms")
        out: dict[Monomial, Number] = {}
        pending: list[Expr] = []
        for m1, c1 in self.terms.items():
            for m2, c2 in other.terms.items():
                product = _multiply(m1, m2)
                c = c1 * c2
                if isinstance(product, Expr):
                    pending.append(product * c)
                    continue
                s = out.get(product, 0) + c
                if s:
                    out[product] = _norm(s)
                else:
                    out.pop(product, None)
        result = Expr(out)
        for p in pending:
            result = result + p
        return result

    __rmul__ = __mul__

    def __truediv__(self, other: Expr | Number) -> Expr:
        return self * power(expr(other), -1)

    def __rtruediv__(self, other: Expr | Number) -> Expr:
        return expr(other) * power(self, -1)

    def __pow__(self, other: Expr | Number) -> Expr:
        return power(self, other)

    def __rpow__(self, other: Expr | Number) -> Expr:
        return power(expr(other), self)

    # ---------------------------------------------------------------- structure

    @property
    def atom(self) -> Atom | None:
        """The atom, if this is nothing but one atom."""
        if len(self.terms) == 1 and not self.infinite:
            (m, c), = self.terms.items()
            if c == 1 and len(m) == 1 and m[0][1] == 1:
                return m[0][0]
        return None

    def atoms(self) -> Iterable[Atom]:
        """All atoms, the inner ones first; an atom may come more than once."""
        for m in self.terms:
            for a, _ in m:
                if isinstance(a, Fn):
                    for x in a.args:
                        yield from x.atoms()
                    for c in a.conds:
                        yield from c.atoms()
                yield a

    def rebuild(self, f: Callable[[Atom], Expr | None]) -> Expr:
        """Replaces atoms bottom up: f gives the replacement or None to keep; arguments are rebuilt first."""
        return self.outer(lambda a: f(a) if isinstance(a, Sym) else _rebuild_fn(a, f))

    def outer(self, f: Callable[[Atom], Expr | None]) -> Expr:
        """Replaces the outermost atoms, those of its monomials: f gives the replacement or None to keep."""
        if self.infinite:
            return self
        result = ZERO
        kept: dict[Monomial, Number] = {}
        for m, c in self.terms.items():
            factors: list[tuple[Expr, Number]] = []
            changed = False
            for a, e in m:
                new = f(a)
                if new is not None:
                    changed = True
                factors.append((new if new is not None else Expr({((a, 1),): 1}), e))
            if not changed:
                kept[m] = c
                continue
            product = num(c)
            for x, e in factors:
                product = product * (x if e == 1 else power(x, e))
            result = result + product
        return result + Expr(kept)

    def subs(self, values: Mapping[str, Expr | Number]) -> Expr:
        """Simultaneous substitution for free symbols."""
        if not any(n in values for n in self.free):
            return self
        table = {n: expr(v) for n, v in values.items()}
        return _subs(self, table)

    def coefficients(self, name: str) -> dict[int, Expr] | None:
        """As a polynomial in one symbol: degree -> coefficient; None if it is not one (`name` inside an atom)."""
        out: dict[int, dict[Monomial, Number]] = {}
        for m, c in self.terms.items():
            degree: Number = 0
            rest = []
            for a, e in m:
                if isinstance(a, Sym):
                    if a.name == name:
                        degree = e
                        continue
                elif name in Expr({((a, 1),): 1}).free:
                    return None
                rest.append((a, e))
            if not isinstance(degree, int) or degree < 0:
                return None
            out.setdefault(degree, {})[tuple(rest)] = c
        return {d: Expr(t) for d, t in sorted(out.items())}

    def __str__(self) -> str:
        from .text import show
        return show(self)

    def __repr__(self) -> str:
        return f"<{self}>"


ZERO: Final = Expr({})
ONE: Final = Expr({(): 1})
INF: Final = Expr({}, 1)
NEG_INF: Final = Expr({}, -1)
_SMALL: Final = {i: Expr({(): i}) for i in (-1, *range(2, 17))} | {1: ONE}


def num(x: Number) -> Expr:
    """A constant."""
    x = _norm(x)
    return (_SMALL.get(x) or Expr({(): x})) if x else ZERO


def expr(x: Expr | Number | float) -> Expr:
    """An expression from an expression or a number; a float is the fraction that it stands for, or infinite."""
    if isinstance(x, Expr):
        return x
    if isinstance(x, float):
        return (INF if x > 0 else NEG_INF) if math.isinf(x) else num(Fraction(x))
    return num(x)


@lru_cache(maxsize=10_000)
def sym(name: str, kind: str = "size") -> Expr:
    """The symbol of this name; the one place that makes symbols."""
    return Expr({((Sym(name, kind), 1),): 1})


def as_number(x: Expr) -> Number:
    """The value of a constant.

    Raises ValueError if it is not one.
    """
    value = x.number
    if value is None:
        raise ValueError(f"{x} is not a number")
    return value


def _apply_atom(atom: Atom) -> Expr:
    return Expr({((atom, 1),): 1})


def _apply(atom: Fn) -> Expr:
    return Expr({((atom, 1),): 1})


def _multiply(a: Monomial, b: Monomial) -> Monomial | Expr:
    if not a:
        return b
    if not b:
        return a
    exponents: dict[Atom, Number] = dict(a)
    unwrap = False
    for atom, e in b:
        if atom in exponents:
            s = _norm(exponents[atom] + e)
            if isinstance(atom, Fn) and atom.op == "pow" and isinstance(s, int) and atom.args[0] == -1:
                s %= 2
            if s:
                exponents[atom] = s
                if isinstance(atom, Fn) and atom.op == "paren":
                    whole = isinstance(s, int) and s > 0
                    unwrap = unwrap or whole or (atom.args[0].number is not None and (s >= 1 or s <= -1))
            else:
                del exponents[atom]
        else:
            exponents[atom] = e
    if unwrap:
        result = ONE
        for atom, e in exponents.items():
            if isinstance(atom, Fn) and atom.op == "paren":
                result = result * power(atom.args[0], e)
            else:
                result = result * Expr({((atom, e),): 1})
        return result
    return tuple(sorted(exponents.items(), key=lambda p: p[0].key))


def _rebuild_fn(a: Fn, f: Callable[[Atom], Expr | None]) -> Expr | None:
    args = tuple(x.rebuild(f) for x in a.args)
    conds = tuple(c.rebuild(f) for c in a.conds)
    if args == a.args and conds == a.conds:
        return f(a)
    new = make(a.op, args, a.name, conds)
    single = new.atom
    if single is not None:
        replaced = f(single)
        if replaced is not None:
            return replaced
    return new


def as_sizes(e: Expr, names: Iterable[str]) -> Expr:
    """The same with these symbols as sizes, for what is known not to be negative.

    Symbols are equal by name, whatever their kind, so they leave and come back under it.
    """
    away = {n: sym(f"{n}'") for n in names if n in e.free}
    return e.subs(away).subs({f"{n}'": sym(n) for n in away}) if away else e


def _subs(e: Expr, table: Mapping[str, Expr]) -> Expr:
    def replace(a: Atom) -> Expr | None:
        return table.get(a.name) if isinstance(a, Sym) else None

    bound = [a for a in e.atoms() if isinstance(a, Fn) and a.op in ("sum", "choose")]
    if bound:
        # bound symbols never clash: the analysis makes a fresh name for each, and renames here where it does not
        for a in bound:
            clash = a.name in table or any(a.name in v.free for n, v in table.items() if n in e.free)
            if clash:
                return _subs_capture(e, table)
    return e.rebuild(replace)


def _subs_capture(e: Expr, table: Mapping[str, Expr]) -> Expr:
    taken = frozenset().union(*(v.free for v in table.values()), table.keys(), e.free)

    def replace(x: Expr) -> Expr:
        result = ZERO
        for m, c in x.terms.items():
            product = num(c)
            for a, k in m:
                if isinstance(a, Sym):
                    new = table.get(a.name, Expr({((a, 1),): 1}))
                elif a.op in ("sum", "choose"):
                    name, n = a.name, 0
                    while name in taken:
                        n += 1
                        name = f"{a.name}_{n}"
                    kind = next((s.kind for s in a.args[0].atoms() if isinstance(s, Sym) and s.name == a.name), "size")
                    body = _subs(a.args[0], {a.name: sym(name, kind)}) if name != a.name else a.args[0]
                    inner = {n2: v for n2, v in table.items() if n2 != name}
                    new = make(a.op, (_subs(body, inner), replace(a.args[1]), replace(a.args[2])), name, ())
                else:
                    new = make(a.op, tuple(replace(y) for y in a.args), a.name,
                               tuple(q.map(replace) for q in a.conds))
                product = product * (new if k == 1 else power(new, k))
            result = result + product
        return result

    return replace(e)


def make(op: str, args: tuple[Expr, ...], name: str = "", conds: tuple[Cond, ...] = ()) -> Expr:
    """Builds an application in canonical form."""
    match op:
        case "floor":
            return floor(args[0])
        case "max":
            return max_(*args)
        case "min":
            return min_(*args)
        case "log":
            base = as_number(args[1])
            return log(args[0], base)
        case "pow":
            return power(args[0], args[1])
        case "paren":
            return args[0]
        case "sum":
            return sum_(args[0], name, args[1], args[2])
        case "piecewise":
            return piecewise(*zip(args, conds, strict=True))
        case "choice":
            return choice(*args)
        case "choose":
            return choose(args[0], name, args[1], args[2])
        case "factorial":
            return factorial(args[0])
        case "binomial":
            return binomial(args[0], args[1])
        case "vote_right" | "vote_samples":
            from .votes import cut_law
            return cut_law(op, *args)
        case _:
            return _apply(Fn(op, args, name, conds))


# ---------------------------------------------------------------- what is known of an expression

def is_integer(e: Expr) -> bool:
    """Whether every value is an integer (sufficient test)."""
    return not e.infinite and all(isinstance(c, int) and all(_integer_atom(a, k) for a, k in m)
                                  for m, c in e.terms.items())


def _integer_atom(a: Atom, k: Number) -> bool:
    if not isinstance(k, int) or k < 0:
        return False
    if isinstance(a, Sym):
        return a.kind in ("size", "int")
    match a.op:
        case "floor" | "factorial" | "binomial" | "fibonacci":
            return True
        case "max" | "min" | "piecewise" | "choice" | "sum" | "choose":
            parts = a.args if a.op not in ("sum", "choose") else a.args[:1]
            return all(is_integer(x) for x in parts)
        case "pow":
            return is_integer(a.args[0]) and is_integer(a.args[1]) and is_nonneg(a.args[1])
        case "call":
            return a.name.startswith("size_")
        case _:
            return False


def is_nonneg(e: Expr) -> bool:
    """Whether no value is negative (sufficient test; sizes are not negative)."""
    if e.infinite:
        return e.infinite > 0
    if all(c > 0 and all(_nonneg_factor(a, k) for a, k in m) for m, c in e.terms.items()):
        return True
    return _nonneg_without_floors(e)


def _nonneg_without_floors(e: Expr) -> bool:
    """Floors replaced by what bounds them: x - (d-1)/d <= floor(x) <= x for multiples x of 1/d.

    n - 2*floor(n/2) >= n - 2*(n/2); an integer above -1 is not negative.
    """
    if not any(len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "floor" for m in e.terms):
        return False
    rest = ZERO
    for m, c in e.terms.items():
        a = m[0][0] if len(m) == 1 and m[0][1] == 1 else None
        if isinstance(a, Fn) and a.op == "floor":
            inner = a.args[0]
            if c > 0:
                whole = all(all(_integer_atom(x, k) for x, k in q) for q in inner.terms)
                d = math.lcm(*(Fraction(q).denominator for q in inner.terms.values())) if whole else 0
                inner = inner - (Fraction(d - 1, d) if d else 1)
            rest = rest + inner * c
        else:
            rest = rest + Expr({m: c})
    if not all(c > 0 and all(_nonneg_factor(a, k) for a, k in m) for m, c in rest.terms.items() if m):
        return False
    constant = rest.terms.get((), 0)
    return constant >= 0 or (constant > -1 and is_integer(e))


def _nonneg_factor(a: Atom, k: Number) -> bool:
    return (isinstance(k, int) and k % 2 == 0) or nonneg_atom(a)


def nonneg_atom(a: Atom) -> bool:
    """Whether an atom has no negative value (sufficient test)."""
    if isinstance(a, Sym):
        return a.kind in ("size", "real")
    if a._nonneg is None:
        # kept with the object, not by equality: symbols are equal by name, and another program's n may be negative
        a._nonneg = _nonneg_application(a)
    return a._nonneg


def _nonneg_application(a: Fn) -> bool:
    match a.op:
        case "floor" | "paren" | "sum" | "choose":
            return is_nonneg(a.args[0])
        case "max":
            return any(is_nonneg(x) for x in a.args)
        case "min" | "piecewise" | "choice":
            return all(is_nonneg(x) for x in a.args)
        case "pow":
            return is_nonneg(a.args[0])
        case "log":
            return is_nonneg(a.args[0] - 1)
        case "factorial" | "binomial" | "harmonic" | "fibonacci" | "call":
            return True
        case _:
            return False


# ---------------------------------------------------------------- constructors

def power(base: Expr, exponent: Expr | Number) -> Expr:
    """base ** exponent. Sums in an exponent are split, integer powers of sums are expanded."""
    exponent = expr(exponent)
    e = exponent.number
    if e is None:
        if exponent.infinite:
            return exponent
        return _symbolic_power(base, exponent)
    if e == 0:
        return ONE
    if e == 1:
        return base
    if base.infinite:
        return base if e > 0 else ZERO
    b = base.number
    if b is not None:
        return _number_power(b, e)
    if len(base.terms) == 1:
        (m, c), = base.terms.items()
        if isinstance(e, int) or c > 0:
            factors = Expr({tuple((a, _norm(k * e)) for a, k in m): 1})
            if any(isinstance(a, Fn) and a.op == "paren" and isinstance(_norm(k * e), int) and k * e > 0 for a, k in m):
                factors = ONE
                for a, k in m:
                    x = a.args[0] if isinstance(a, Fn) and a.op == "paren" else Expr({((a, 1),): 1})
                    factors = factors * power(x, _norm(k * e))
            return factors * _number_power(c, e)
    if isinstance(e, int) and e > 0:
        if e > 2000 or math.comb(e + len(base.terms) - 1, e) > 20_000:
            raise OverflowError("a power of a sum that is too large to write out")
        half = power(base, e // 2)
        return half * half * base if e % 2 else half * half
    if isinstance(e, int):
        shared = tuple((a, k) for a, k in common_monomial(base.terms) if isinstance(a, Sym))
        if shared:                  # 1/(1/f - 1) is f/(1 - f)
            return power(Expr({shared: 1}), e) * power(base / Expr({shared: 1}), e)
    content = _content(base)
    if isinstance(e, int) and base.terms[max(base.terms, key=_by_atoms)] < 0:
        content = -content          # 1/(1 - f) is -1/(f - 1)
    inner = base * (1 / Fraction(content))
    return Expr({((Fn("paren", (inner,)), e),): 1}) * _number_power(content, e)


def _by_atoms(m: Monomial) -> tuple[object, ...]:
    return tuple((a.key, k) for a, k in m)


def common_monomial(monomials: Iterable[Monomial]) -> Monomial:
    """The largest monomial that divides all of these; a negative power is less than none."""
    tables = [dict(m) for m in monomials]
    least = {a: min(t.get(a, 0) for t in tables) for t in tables for a in t}
    return tuple(sorted(((a, k) for a, k in least.items() if k), key=lambda p: p[0].key))


def _content(e: Expr) -> Number:
    """A positive rational that divides all coefficients, so that the rest is primitive."""
    numerators = [Fraction(c).numerator for c in e.terms.values()]
    denominators = [Fraction(c).denominator for c in e.terms.values()]
    return _norm(Fraction(math.gcd(*numerators), math.lcm(*denominators)))


def _number_power(b: Number, e: Number) -> Expr:
    if b == 1:
        return ONE
    if b == 0:
        if e < 0:
            raise ZeroDivisionError("0 to a negative power")
        return ZERO
    if isinstance(e, int):
        q = Fraction(b)
        if abs(e) * max(q.numerator.bit_length(), q.denominator.bit_length()) > LARGEST_NUMBER and abs(b) != 1:
            raise OverflowError("a power that is too large to write out")
        return num(Fraction(b) ** e)
    if b < 0:
        raise ValueError(f"{b} to the power {e} is not real")
    whole, part = divmod(e, 1)
    root = _exact_root(Fraction(b), Fraction(part).denominator)
    if root is not None:
        return num(root ** Fraction(part).numerator * Fraction(b) ** int(whole))
    q = Fraction(b)
    if q.denominator != 1:
        return _number_power(q.numerator, e) * _number_power(q.denominator, -e)
    return Expr({((Fn("paren", (num(b),)), _norm(part)),): 1}) * num(Fraction(b) ** int(whole))


def _exact_root(b: Fraction, k: int) -> Fraction | None:
    def root(x: int) -> int | None:
        r = integer_root(x, k)
        return r if r ** k == x else None
    p, q = root(b.numerator), root(b.denominator)
    return Fraction(p, q) if p is not None and q is not None else None


def integer_root(x: int, k: int) -> int:
    """The largest r with r**k <= x, for x >= 0."""
    if k == 2:
        return math.isqrt(x)
    if x < 2:
        return x
    r = 1 << -(-x.bit_length() // k)
    while True:
        s = ((k - 1) * r + x // r ** (k - 1)) // k
        if s >= r:
            return r
        r = s


def _symbolic_power(base: Expr, exponent: Expr) -> Expr:
    b = base.number
    if b == 1:
        return ONE
    if b == -1 and is_integer(exponent):        # only parity counts
        exponent = Expr({m: c % 2 for m, c in exponent.terms.items() if c % 2})
        if exponent.number is not None:
            return power(base, exponent)
    result = ONE
    scale: Number = 1
    if b is None and len(base.terms) == 1:
        (m, c), = base.terms.items()
        if c > 0 and (c != 1 or len(m) > 1 or m[0][1] != 1) and all(nonneg_atom(a) for a, _ in m):
            result = _symbolic_power(num(c), exponent)
            for a, k in m:
                result = result * _symbolic_power(_apply_atom(a), exponent * k)
            return result
    if isinstance(b, Fraction) and b > 0:
        return _symbolic_power(num(b.numerator), exponent) * _symbolic_power(num(b.denominator), -exponent)
    if isinstance(b, int) and b > 1:
        b, scale = _perfect_power(b)
        base = num(b)
    for m, c in exponent.terms.items():
        if not m:
            result = result * power(base, _norm(c * scale))
            continue
        inner = Fn("pow", (base, Expr({m: 1})))
        simple = _log_power(base, m)
        if simple is not None:
            result = result * power(simple, _norm(c * scale))
            continue
        result = result * Expr({((inner, _norm(c * scale)),): 1})
    return result


def _log_power(base: Expr, m: Monomial) -> Expr | None:
    """b ** log(x, b) is x."""
    if len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "log" and m[0][0].args[1] == base:
        return m[0][0].args[0]
    return None


@lru_cache(maxsize=1000)
def _perfect_power(b: int) -> tuple[int, int]:
    for k in range(min(b.bit_length(), 64), 1, -1):
        r = integer_root(b, k)
        if r > 1 and r ** k == b:
            return r, k
    return b, 1


def quotient(a: Expr, b: Expr) -> Expr:
    """floor(a / b)"""
    return floor(a / b)


def mod(a: Expr, b: Expr) -> Expr:
    """a - b * floor(a / b), the sign of Python's %"""
    return a - b * quotient(a, b)


def floor(e: Expr) -> Expr:
    """The largest integer not above e. Integer parts come out: floor(n + k/2) is n + floor(k/2)."""
    return _floor(e, e.kinds)


@lru_cache(maxsize=20_000)
def _floor(e: Expr, kinds: Kinds) -> Expr:
    if e.infinite or is_integer(e):
        return e
    nested = _nested_floor(e)
    if nested is not None:
        return nested
    out: dict[Monomial, Number] = {}
    inside: dict[Monomial, Number] = {}
    for m, c in e.terms.items():
        if all(_integer_atom(a, k) for a, k in m):
            whole = math.floor(c)
            if whole:
                out[m] = whole
            if c != whole:
                inside[m] = _norm(c - whole)
        else:
            inside[m] = c
    rest = Expr(inside)
    value = rest.number
    if value is not None:
        return Expr(out) + math.floor(value)
    if out:
        return Expr(out) + floor(rest)      # what is left may be a floor within a floor
    constant = inside.get((), 0)
    if constant and all(all(_integer_atom(a, k) for a, k in m) for m in inside):
        # floor(x + (k-1)/k) over multiples of 1/k is ceil(x), which has one form only
        k = math.lcm(*(Fraction(c).denominator for m, c in inside.items() if m))
        if constant >= Fraction(k - 1, k):
            return Expr(out) - floor(constant - rest)
    return Expr(out) + _apply(Fn("floor", (rest,)))


def _nested_floor(e: Expr) -> Expr | None:
    """floor((floor(x) + p) / k) is floor((x + p) / k) for an integer p and an integer k >= 2.

    And -floor(x) is floor((d-1)/d - x) if d*x is an integer.
    """
    for m, c in e.terms.items():
        if len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "floor":
            k = Fraction(c).denominator
            if Fraction(c).numerator == 1 and k > 1:
                inner = Expr({m: 1})
                rest = e * k - inner
                if is_integer(rest):
                    return floor((m[0][0].args[0] + rest) * Fraction(1, k))
            elif k > 2 and Fraction(c).numerator % k == k - 1:
                inner, x = Expr({m: 1}), m[0][0].args[0]
                whole = math.floor(c) + 1
                rest = (e - inner * whole) * k + inner
                d = math.lcm(*(Fraction(q).denominator for q in x.terms.values()))
                if is_integer(rest) and is_integer(x * d):
                    return inner * whole + floor((rest - x + Fraction(d - 1, d)) * Fraction(1, k))
    return None


def ceil(e: Expr) -> Expr:
    """The smallest integer not below e; kept as -floor(-e)."""
    return -floor(-e)


@lru_cache(maxsize=20_000)
def _extremum(op: str, args: tuple[Expr, ...], kinds: tuple[Kinds, ...]) -> Expr:
    flat: list[Expr] = []
    for x in args:
        a = x.atom
        if isinstance(a, Fn) and a.op == op:
            flat.extend(a.args)
        else:
            flat.extend(_shifted_extremum(op, x))
    sign = 1 if op == "max" else -1
    if any(x.infinite == sign for x in flat):
        return INF if sign > 0 else NEG_INF
    kept: list[Expr] = []
    for x in flat:
        if x.infinite:
            continue
        if any(_covers(y, x, sign) for y in kept):
            continue
        kept = [y for y in kept if not _covers(x, y, sign)]
        kept.append(x)
    if not kept:
        return NEG_INF if sign > 0 else INF
    if len(kept) == 1:
        return kept[0]
    return _apply(Fn(op, tuple(sorted(kept, key=lambda x: x.key))))


def _shifted_extremum(op: str, x: Expr) -> Iterable[Expr]:
    """max(0, s - 1) + 1 within a maximum is 1 and s."""
    own = [m for m in x.terms if any(isinstance(a, Fn) and a.op == op for a, _ in m)]
    if len(own) != 1 or len(own[0]) != 1 or x.terms[own[0]] != 1 or x.infinite:
        return (x,)
    (a, k), = own[0]
    if not isinstance(a, Fn) or k != 1:
        return (x,)
    rest = x - Expr({own[0]: 1})
    return tuple(y + rest for y in a.args)


def _covers(y: Expr, x: Expr, sign: int) -> bool:
    """Whether y is never below x (sign 1) or never above it (-1); of a case distinction, every case counts."""
    if is_nonneg((y - x) * sign):
        return True
    a = x.atom
    return isinstance(a, Fn) and a.op == "piecewise" and all(_covers(y, v, sign) for v in a.args)


def max_(*args: Expr) -> Expr:
    """The largest; what is provably not above another falls away."""
    return _extremum("max", args, tuple(x.kinds for x in args))


def min_(*args: Expr) -> Expr:
    """The smallest; what is provably not below another falls away."""
    return _extremum("min", args, tuple(x.kinds for x in args))


def log(x: Expr, base: Number = 0) -> Expr:
    """Logarithm to a numeric base >= 2, or the natural one (base 0)."""
    value = x.number
    if value is not None and value > 0:
        if value == 1:
            return ZERO
        if base and isinstance(value, int) and isinstance(base, int):
            k = integer_log(value, base)
            if base ** k == value:
                return num(k)
    if value is None and len(x.terms) == 1 and base:
        (m, c), = x.terms.items()
        if c == 1 and len(m) == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "pow" and m[0][0].args[0] == base:
            return m[0][0].args[1] * m[0][1]
    return _apply(Fn("log", (x, num(base))))


def log2(x: Expr) -> Expr:
    """Binary logarithm."""
    return log(x, 2)


def integer_log(x: int, base: int) -> int:
    """floor(log(x, base)) for x >= 1, exactly."""
    if base == 2:
        return x.bit_length() - 1
    k = max(0, int(math.log(x) / math.log(base)) - 1)
    p = base ** k
    while p * base <= x:
        p, k = p * base, k + 1
    return k


def factorial(x: Expr) -> Expr:
    """x!"""
    v = x.number
    if isinstance(v, int) and 0 <= v <= 1000:
        return num(math.factorial(v))
    return _apply(Fn("factorial", (x,)))


def binomial(x: Expr, k: Expr) -> Expr:
    """x over k"""
    a, b = x.number, k.number
    if isinstance(a, int) and isinstance(b, int) and 0 <= a <= 1000:
        return num(math.comb(a, b)) if b >= 0 else ZERO
    return _apply(Fn("binomial", (x, k)))


def call(name: str, *args: Expr) -> Expr:
    """An unknown function of a system of equations. A name that begins with `size_` is integer-valued."""
    return _apply(Fn("call", args, name))


def choice(*args: Expr) -> Expr:
    """One of several, an adversary decides which."""
    unique = list(dict.fromkeys(args))
    return unique[0] if len(unique) == 1 else _apply(Fn("choice", tuple(unique)))


def choose(body: Expr, name: str, lo: Expr, hi: Expr) -> Expr:
    """body with the symbol `name` between lo and hi, an adversary decides where."""
    return body if name not in body.free else _apply(Fn("choose", (body, lo, hi), name))


def sum_(body: Expr, name: str, lo: Expr, hi: Expr) -> Expr:
    """Sum of body for name = lo .. hi, where hi >= lo - 1. Polynomials are summed in closed form."""
    if name not in body.free:
        return body * (hi - lo + 1)
    if body.infinite or hi.infinite:
        return INF if hi.infinite > 0 or body.infinite > 0 else NEG_INF
    parts: dict[int, dict[Monomial, Number]] = {}
    left: dict[Monomial, Number] = {}
    for m, c in body.terms.items():
        degree: Number | None = 0
        rest = []
        for a, e in m:
            if isinstance(a, Sym):
                if a.name == name:
                    degree = e
                    continue
            elif name in _apply(a).free:
                degree = None
                break
            rest.append((a, e))
        if isinstance(degree, int) and 0 <= degree <= 100:
            parts.setdefault(degree, {})[tuple(rest)] = c
        else:
            left[m] = c
    result = ZERO
    for d, terms in parts.items():
        result = result + Expr(terms) * (_power_sum(d, hi) - _power_sum(d, lo - 1))
    if left:
        result = result + _apply(Fn("sum", (Expr(left), lo, hi), name))
    return result


def _power_sum(d: int, upto: Expr) -> Expr:
    """Sum of k**d for k = 0 .. upto (Faulhaber); 0**0 is 1."""
    if d == 0:
        return upto + 1
    result = ZERO
    for j, c in enumerate(_faulhaber(d)):
        if c:
            result = result + power(upto, j) * c
    return result


@lru_cache(maxsize=100)
def _faulhaber(d: int) -> tuple[Number, ...]:
    """Coefficients of the polynomial S(x) = sum of k**d for k = 1 .. x."""
    bernoulli: list[Fraction] = []
    for m in range(d + 1):
        s = sum((math.comb(m + 1, j) * b for j, b in enumerate(bernoulli)), Fraction(0))
        bernoulli.append(Fraction(1) if m == 0 else -s / (m + 1))
    bernoulli = [-b if j == 1 else b for j, b in enumerate(bernoulli)]
    out: list[Number] = [0] * (d + 2)
    for j, b in enumerate(bernoulli):
        out[d + 1 - j] = _norm(Fraction(math.comb(d + 1, j)) * b / (d + 1))
    return tuple(out)


def piecewise(*cases: tuple[Expr, Cond]) -> Expr:
    """The value of the first condition that holds; the last one must be true."""
    kept: list[tuple[Expr, Cond]] = []
    for value, cond in cases:
        if cond == FALSE:
            continue
        if kept and kept[-1][0] == value:
            kept[-1] = (value, disj(kept[-1][1], cond))
        else:
            kept.append((value, cond))
        if kept[-1][1] == TRUE:
            break
    if not kept:
        raise ValueError("a piecewise expression without a case")
    if len(kept) == 1:
        return kept[0][0]
    values, conds = zip(*kept, strict=True)
    return _apply(Fn("piecewise", tuple(values), "", (*conds[:-1], TRUE)))


# ---------------------------------------------------------------- conditions

class Rel:
    """`e >= 0` (op ">="), `e > 0` (">", where e need not be an integer), `e == 0` ("=="), `e != 0` ("!=")."""

    __slots__ = ("_hash", "e", "key", "op")

    def __init__(self, op: str, e: Expr) -> None:
        self.op, self.e = op, e
        self.key: tuple[object, ...] = (0, op, e.key)
        self._hash = hash((op, e))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rel) and self.op == other.op and self.e == other.e

    def __hash__(self) -> int:
        return self._hash

    @property
    def kinds(self) -> Kinds:
        return self.e.kinds

    @property
    def free(self) -> frozenset[str]:
        return self.e.free

    def atoms(self) -> Iterable[Atom]:
        return self.e.atoms()

    def rebuild(self, f: Callable[[Atom], Expr | None]) -> Cond:
        return relation(self.op, self.e.rebuild(f))

    def map(self, f: Callable[[Expr], Expr]) -> Cond:
        return relation(self.op, f(self.e))

    def subs(self, values: Mapping[str, Expr | Number]) -> Cond:
        return relation(self.op, self.e.subs(values))

    def __str__(self) -> str:
        from .text import show_cond
        return show_cond(self)

    __repr__ = __str__


class _Junction:
    __slots__ = ("_hash", "key", "parts")
    rank = 1

    def __init__(self, parts: tuple[Cond, ...]) -> None:
        self.parts = parts
        self.key: tuple[object, ...] = (self.rank, tuple(p.key for p in parts))
        self._hash = hash((self.rank, parts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Junction) and self.rank == other.rank and self.parts == other.parts

    def __hash__(self) -> int:
        return self._hash

    @property
    def kinds(self) -> Kinds:
        return frozenset().union(*(p.kinds for p in self.parts))

    @property
    def free(self) -> frozenset[str]:
        return frozenset().union(*(p.free for p in self.parts))

    def atoms(self) -> Iterable[Atom]:
        for p in self.parts:
            yield from p.atoms()

    def rebuild(self, f: Callable[[Atom], Expr | None]) -> Cond:
        return self.of(*(p.rebuild(f) for p in self.parts))

    def map(self, f: Callable[[Expr], Expr]) -> Cond:
        return self.of(*(p.map(f) for p in self.parts))

    def subs(self, values: Mapping[str, Expr | Number]) -> Cond:
        return self.of(*(p.subs(values) for p in self.parts))

    @staticmethod
    def of(*parts: Cond) -> Cond:
        raise NotImplementedError

    def __str__(self) -> str:
        from .text import show_cond
        return show_cond(self)  # type: ignore[arg-type]

    __repr__ = __str__


class And(_Junction):
    """All hold; without parts: true."""
    __slots__ = ()
    rank = 1

    @staticmethod
    def of(*parts: Cond) -> Cond:
        return conj(*parts)


class Or(_Junction):
    """One holds; without parts: false."""
    __slots__ = ()
    rank = 2

    @staticmethod
    def of(*parts: Cond) -> Cond:
        return disj(*parts)


Cond: TypeAlias = Rel | And | Or
TRUE: Final[Cond] = And(())
FALSE: Final[Cond] = Or(())


def relation(op: str, e: Expr) -> Cond:
    """e op 0, decided where that is certain."""
    return _relation(op, e, e.kinds)


@lru_cache(maxsize=20_000)
def _relation(op: str, e: Expr, kinds: Kinds) -> Cond:
    if e.infinite:
        holds = {">=": e.infinite > 0, ">": e.infinite > 0, "==": False, "!=": True}[op]
        return TRUE if holds else FALSE
    v = e.number
    if v is not None:
        return TRUE if {">=": v >= 0, ">": v > 0, "==": v == 0, "!=": v != 0}[op] else FALSE
    if op == ">" and is_integer(e):
        op, e = ">=", e - 1
    if op == ">=" and is_nonneg(e):
        return TRUE
    if op == ">=" and is_integer(e) and is_nonneg(-e - 1):
        return FALSE
    if op in ("==", "!="):
        if is_nonneg(e - 1) or is_nonneg(-e - 1):
            return FALSE if op == "==" else TRUE
        if next(iter(sorted(e.terms.items(), key=lambda t: tuple(a.key for a, _ in t[0]), reverse=True)))[1] < 0:
            e = -e
        if is_nonneg(e) and op == "==":
            op, e = ">=", -e
        elif is_nonneg(e) and is_integer(e):
            op, e = ">=", e - 1
    if op in (">=", ">"):
        decided = _of_extremum(op, e)
        if decided is not None:
            return decided
    content = _content(e)
    if content != 1 and op != ">=":
        e = e * (1 / Fraction(content))
    elif op == ">=" and is_integer(e):
        g = math.gcd(*(int(c) for m, c in e.terms.items() if m))
        if g > 1:
            c = e.terms.get((), 0)
            e = (e - c) * Fraction(1, g) + math.floor(Fraction(c, g))
    return Rel(op, e)


def _of_extremum(op: str, e: Expr) -> Cond | None:
    """max(0, x) >= 1 is x >= 1: a comparison of one extremum with a number, where that leaves one comparison."""
    constant = e.terms.get((), 0)
    rest = [(m, c) for m, c in e.terms.items() if m]
    if len(rest) != 1 or len(rest[0][0]) != 1:
        return None
    ((a, k),), c = rest[0]
    if not isinstance(a, Fn) or a.op not in ("max", "min") or k != 1:
        return None
    parts = [relation(op, x * c + constant) for x in a.args]
    found = disj(*parts) if (a.op == "max") == (c > 0) else conj(*parts)
    return found if isinstance(found, Rel) or found in (TRUE, FALSE) else None


def ge(a: Expr, b: Expr) -> Cond:
    return relation(">=", a - b)


def le(a: Expr, b: Expr) -> Cond:
    return relation(">=", b - a)


def gt(a: Expr, b: Expr) -> Cond:
    return relation(">", a - b)


def lt(a: Expr, b: Expr) -> Cond:
    return relation(">", b - a)


def eq(a: Expr, b: Expr) -> Cond:
    return relation("==", a - b)


def ne(a: Expr, b: Expr) -> Cond:
    return relation("!=", a - b)


def compare(op: str, a: Expr, b: Expr) -> Cond:
    """a op b for an operator of the language: < <= > >= == !="""
    return {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}[op](a, b)


def conj(*parts: Cond) -> Cond:
    """All of them."""
    flat: dict[Cond, None] = {}
    for p in parts:
        for q in p.parts if isinstance(p, And) else (p,):
            if q == FALSE:
                return FALSE
            flat[q] = None
    if len(flat) > 1 and any(negate(q) in flat for q in flat if isinstance(q, Rel)):
        return FALSE
    return next(iter(flat)) if len(flat) == 1 else And(tuple(flat))


def disj(*parts: Cond) -> Cond:
    """One of them."""
    flat: dict[Cond, None] = {}
    for p in parts:
        for q in p.parts if isinstance(p, Or) else (p,):
            if q == TRUE:
                return TRUE
            flat[q] = None
    if len(flat) > 1 and any(negate(q) in flat for q in flat if isinstance(q, Rel)):
        return TRUE
    return next(iter(flat)) if len(flat) == 1 else Or(tuple(flat))


def negate(c: Cond) -> Cond:
    """Not c."""
    return _negate(c, c.kinds)


@lru_cache(maxsize=20_000)
def _negate(c: Cond, kinds: Kinds) -> Cond:
    match c:
        case And(parts=parts):
            return disj(*(negate(p) for p in parts))
        case Or(parts=parts):
            return conj(*(negate(p) for p in parts))
        case Rel(op=">=", e=e):
            return relation(">", -e)
        case Rel(op=">", e=e):
            return relation(">=", -e)
        case Rel(op="==", e=e):
            return relation("!=", e)
        case Rel(e=e):
            return relation("==", e)
