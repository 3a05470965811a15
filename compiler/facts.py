"""What follows from assumptions on sizes: a small prover for inequalities, and points that satisfy the assumptions.

In: conditions, as a program's `where` or an equation's guard states them. Out: whether another condition holds
at all integer points that satisfy them. Sound and incomplete: True is a proof, False means nothing. Lower bounds of
symbols become slack variables (`n >= c` is n = c + n'), floors, logarithms and powers come with the inequalities that
define them, maxima are split into cases, and what is left is linear arithmetic over monomials (Farkas), with products
of assumptions for degree two.
"""
from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from .codegen import compile_cond, compile_expr
from .expr import (
    FALSE,
    NEG_INF,
    ONE,
    TRUE,
    ZERO,
    And,
    Atom,
    Cond,
    Expr,
    Fn,
    Kinds,
    Monomial,
    Number,
    Or,
    Rel,
    Sym,
    conj,
    is_integer,
    is_nonneg,
    negate,
    num,
    power,
    relation,
)
from .linear import minimum
from .numeric import EvaluationError

__all__ = ["Facts", "assuming"]

DEPTH = 3           # of cases within cases, and of proofs about the arguments of atoms
PRODUCTS = 120      # of assumptions, for one question


class Facts:
    """Assumptions on symbols. Sizes are integers >= 0, kinds as in `Sym`; all else is in the assumptions."""

    def __init__(self, assumptions: Iterable[Cond] = ()) -> None:
        self.assumptions: Cond = conj(*assumptions)
        parts = self.assumptions.parts if isinstance(self.assumptions, And) else (self.assumptions,)
        self._rels = [p for p in parts if isinstance(p, Rel)]
        self._ors = [p for p in parts if isinstance(p, Or)]
        self._kinds: dict[str, str] = {}
        for a in self.assumptions.atoms():
            if isinstance(a, Sym):
                self._kinds.setdefault(a.name, a.kind)
        self._replace: dict[str, Expr] = {}
        # keys hold the kinds of symbols, for expressions that differ in them alone are equal
        self._proved: dict[tuple[Expr, Kinds, bool], bool] = {}
        self._lowests: dict[tuple[Expr, Kinds, int], Fraction | None] = {}
        self._further: dict[tuple[object, ...], Facts] = {}
        self._implied: dict[tuple[Cond, Kinds], bool] = {}
        self._told = {a.name for a in self.assumptions.atoms() if isinstance(a, Fn) and a.op == "call"}
        self._facts: list[tuple[Expr, bool]] = []
        self._built = False         # most questions are answered without

    # ------------------------------------------------------------ questions

    def implies(self, cond: Cond) -> bool:
        """Whether the condition is proved to hold wherever the assumptions do."""
        key = cond, cond.kinds
        known = self._implied.get(key)
        if known is None:
            known = self._implied[key] = self._implies(cond, 0)
        return known

    def refutes(self, cond: Cond) -> bool:
        """Whether the condition is proved to hold nowhere."""
        return self.implies(negate(cond))

    def nonneg(self, e: Expr) -> bool:
        """Whether e >= 0 is proved."""
        return self._prove(e, False, 0)

    def positive(self, e: Expr) -> bool:
        """Whether e > 0 is proved."""
        return self._prove(e - 1, False, 0) if is_integer(e) else self._prove(e, True, 0)

    def equal(self, a: Expr, b: Expr) -> bool:
        """Whether a == b is proved."""
        return a == b or (self.nonneg(a - b) and self.nonneg(b - a))

    def minimum(self, e: Expr) -> Number | None:
        """A constant that e is proved not to fall below, the largest that linear arithmetic finds; None if none."""
        e = self._inside(e)
        found = self._bound(e, self._lemmas(e, 0))
        if found is None or found == math.inf:
            return None
        value = Fraction(found)
        return math.ceil(value) if is_integer(e) else value.numerator if value.denominator == 1 else value

    def maximum(self, e: Expr) -> Number | None:
        """A constant that e is proved not to exceed; None if none."""
        low = self.minimum(-e)
        return None if low is None else -low

    @property
    def contradictory(self) -> bool:
        """Whether the assumptions are proved to contradict each other."""
        return self.assumptions == FALSE or self._prove(num(-1), False, 0)

    def with_(self, *conds: Cond) -> Facts:
        """With further assumptions."""
        key = *conds, *(c.kinds for c in conds)
        if key not in self._further:
            self._further[key] = Facts((self.assumptions, *conds))
        return self._further[key]

    # ------------------------------------------------------------ points

    def sample(self, names: Iterable[str] = (), limit: int = 400) -> Iterator[dict[str, Any]]:
        """Points that satisfy the assumptions: small ones, the boundary, then some larger ones; the same each time.

        Gives values to the symbols of the assumptions and to `names`; integers, but fractions to those of kind "real".
        """
        self._build()
        wanted = sorted({*self._kinds, *names})
        slack = sorted({n for w in wanted for n in self._replace.get(w, _symbol(w, self._kinds.get(w, "size"))).free})
        kinds = {n: self._slack_kind(n) for n in slack}
        try:
            compute = [compile_expr(self._replace.get(w, _symbol(w, "size")), slack) for w in wanted]
            test = compile_cond(self.assumptions, wanted)
        except EvaluationError:
            return
        seen: set[tuple[Any, ...]] = set()
        for point in itertools.islice(_points(slack, kinds), 60 * limit):
            try:
                values = tuple(f(*point) for f in compute)
                if values in seen or not test(*values):
                    continue
            except (EvaluationError, TypeError, ValueError):
                continue
            whole = (self._kinds.get(w, "size") in ("size", "int") for w in wanted)
            if any(isinstance(v, Fraction) and integer for v, integer in zip(values, whole, strict=True)):
                continue
            seen.add(values)
            yield dict(zip(wanted, values, strict=True))
            if len(seen) >= limit:
                return

    # ------------------------------------------------------------ the assumptions in slack variables

    def _build(self) -> None:
        if self._built:
            return
        self._built = True
        pending = [(r.op, r.e) for r in self._rels]
        for _ in range(20):
            if not self._substitute_one(pending):
                break
            pending = [(r.op, self._inside(r.e)) for r in self._rels]
        facts: list[tuple[Expr, bool]] = []
        unequal: list[Expr] = []
        for op, e in pending:
            match op:
                case ">=" | ">":
                    facts.append((e, op == ">"))
                case "==":
                    facts += [(e, False), (-e, False)]
                case _:
                    unequal.append(e)
        for name, e in self._replace.items():
            if self._kinds.get(name) in ("size", "real"):
                facts.append((e, False))
        self._facts = list(dict.fromkeys((e, s) for e, s in facts if s or not is_nonneg(e)))
        if any(k < 0 for e, _ in self._facts for m in e.terms for _, k in m):
            self._facts = [(self._clear(e, DEPTH - 1) or e, s) for e, s in self._facts]
            self._forget()
        for e in unequal:
            for x in (e, -e):
                if is_integer(x) and self._prove(x, False, 1):
                    self._facts.append((x - 1, False))
                    self._forget()
                    break

    def _forget(self) -> None:
        """What was answered before there were as many facts."""
        self._proved.clear()
        self._lowests.clear()

    def _substitute_one(self, pending: list[tuple[str, Expr]]) -> bool:
        """Turns one assumption `s >= c` or `s == c` into a replacement of s. False if there is none left."""
        for op in ("==", ">="):
            best: tuple[int, str, Expr] | None = None
            for o, e in pending:
                if o != op:
                    continue
                usable = [(m, c) for m, c in e.terms.items() if len(m) == 1 and m[0][1] == 1
                          and isinstance(m[0][0], Sym) and (c > 0 or op == "==")]
                if not usable or (op == ">=" and is_nonneg(e)):
                    continue
                for m, c in usable:
                    s: Any = m[0][0]
                    rest = e - Expr({m: c})
                    if s.name in rest.free or (s.name.endswith("'") and rest.number is None and op == ">="):
                        continue
                    bound = rest * (-1 / Fraction(c))
                    if op == "==" and (s.kind == "real" or is_integer(bound)):
                        candidate = (0, s.name, bound)
                    elif op == ">=" and (s.kind == "real" or is_integer(bound)):
                        slack = Expr({((Sym(s.name + "'", "real" if s.kind == "real" else "size"), 1),): 1})
                        if is_nonneg(-bound) and s.kind != "int":
                            continue
                        candidate = (0 if bound.number is not None else len(bound.free), s.name, bound + slack)
                    else:
                        continue
                    if best is None or candidate[:2] < best[:2]:
                        best = candidate
            if best is not None:
                _, name, value = best
                table = {name: value}
                self._replace = {n: v.subs(table) for n, v in self._replace.items()}
                self._replace[name] = value
                return True
        return False

    def _inside(self, e: Expr) -> Expr:
        """In terms of slack variables."""
        self._build()
        try:
            return e.subs(self._replace) if self._replace else e
        except OverflowError:
            return e        # too large to write out: then nothing is known of its symbols but their kinds

    def _slack_kind(self, name: str) -> str:
        if name.endswith("'"):
            return self._kind_of_slack(name)
        return self._kinds.get(name, "size")

    def _kind_of_slack(self, name: str) -> str:
        return "real" if self._kinds.get(name.rstrip("'")) == "real" else "size"

    # ------------------------------------------------------------ proofs

    def _implies(self, cond: Cond, depth: int) -> bool:
        if cond == TRUE:
            return True
        match cond:
            case And(parts=parts):
                return all(self._implies(p, depth) for p in parts)
            case Or(parts=parts):
                if any(self._implies(p, depth) for p in parts):
                    return True
                if len(parts) < 2 or depth >= DEPTH:
                    return self.contradictory
                return any(self.with_(*(negate(q) for q in parts if q is not p))._implies(p, depth + 1)
                           for p in parts[-2:])
            case Rel(op=">=", e=e):
                return self._prove(e, False, depth)
            case Rel(op=">", e=e):
                return self._prove(e, True, depth)
            case Rel(op="==", e=e):
                return self._prove(e, False, depth) and self._prove(-e, False, depth)
            case Rel(e=e):
                if is_integer(e):
                    return self._prove(e - 1, False, depth) or self._prove(-e - 1, False, depth)
                return self._prove(e, True, depth) or self._prove(-e, True, depth)

    def _prove(self, e: Expr, strict: bool, depth: int) -> bool:
        """e >= 0, or e > 0"""
        if self.assumptions == FALSE:
            return True     # whatever, for no point satisfies them
        if not strict and not e.infinite and is_nonneg(e):
            return True
        e = self._without_unknown(self._inside(e))
        if e.infinite:
            return e.infinite > 0
        if not strict and is_nonneg(e):
            return True
        value = e.number
        if value is not None and (value > 0 or (value == 0 and not strict)):
            return True
        key = e, e.kinds, strict
        if key not in self._proved:
            self._proved[key] = False       # a question within itself is not answered by itself
            self._proved[key] = self._attempt(e, strict, depth)
        return self._proved[key]

    def _without_unknown(self, e: Expr) -> Expr:
        """At the worst for calls of which nothing is known but that they are not negative (costs yet to be solved)."""
        for m, c in list(e.terms.items()):
            a = m[0][0] if len(m) == 1 and m[0][1] == 1 else None
            if not isinstance(a, Fn) or a.op != "call" or a.name in self._told or not is_nonneg(_one(a)):
                continue
            if sum(x == a for x in e.atoms()) > 1:
                continue
            if c < 0:
                return NEG_INF
            e = e - Expr({m: c})
        return e

    def _attempt(self, e: Expr, strict: bool, depth: int) -> bool:
        cleared = self._clear(e, depth)
        if cleared is not None and cleared != e:
            return self._prove(cleared, strict, depth)
        lemmas = self._lemmas(e, depth)
        if self._linear(e, strict, lemmas):
            return True
        products = self._products(e, lemmas)
        if products and self._linear(e, strict, lemmas + products):
            return True
        if depth >= DEPTH:
            return False
        return self._by_cases(e, strict, depth)

    def _linear(self, e: Expr, strict: bool, facts: list[tuple[Expr, bool]]) -> bool:
        found = minimum(e.terms, [f.terms for f, _ in facts])
        if found is None:
            return False
        if found.value > 0 or (is_integer(e) and not strict and found.value > -1):
            return True
        return found.value == 0 and (not strict or any(facts[i][1] for i in found.used))

    def _bound(self, e: Expr, facts: list[tuple[Expr, bool]]) -> Fraction | float | None:
        found = minimum(e.terms, [f.terms for f, _ in facts])
        return None if found is None else found.value

    def _by_cases(self, e: Expr, strict: bool, depth: int) -> bool:
        """Splits a maximum, a minimum or a piecewise expression in e, or an assumption `a or b`."""
        split = next((a for a in _open_atoms(e) if a.op in ("max", "min", "piecewise", "choice")), None)
        if split is not None:
            for i, x in enumerate(split.args):
                if split.op == "piecewise":
                    conds = [negate(c) for c in split.conds[:i]] + [split.conds[i]]
                elif split.op == "choice":
                    conds = []
                else:
                    sign = 1 if split.op == "max" else -1
                    conds = [relation(">=", (x - y) * sign) for j, y in enumerate(split.args) if j != i]
                rest = e.rebuild(lambda a, x=x: x if a == split else None)  # type: ignore[misc]
                inner = Facts((*self._as_conds(), *conds))
                if not inner._prove(rest, strict, depth + 1):
                    return False
            return True
        if self._ors:
            first, *others = self._ors
            for part in first.parts:
                inner = Facts((*self._as_conds(), part.map(self._inside), *(o.map(self._inside) for o in others)))
                if not inner._prove(e, strict, depth + 1):
                    return False
            return True
        return False

    def _as_conds(self) -> list[Cond]:
        self._build()
        return [relation(">" if s else ">=", f) for f, s in self._facts]

    def _clear(self, e: Expr, depth: int) -> Expr | None:
        """e times its denominators, if these are proved positive."""
        below: dict[Atom, Number] = {}
        for m in e.terms:
            for a, k in m:
                if k < 0:
                    below[a] = max(below.get(a, 0), -k)
        if not below:
            return None
        for a, k in below.items():
            if not (isinstance(k, int) and k % 2 == 0) and not self._positive_atom(a, depth):
                return None
        return _times(e, below)

    def _positive_atom(self, a: Atom, depth: int) -> bool:
        if isinstance(a, Fn) and a.op in ("factorial",):
            return True
        if isinstance(a, Fn) and a.op == "pow":
            return self._positive(a.args[0], depth + 1)
        inner = a.args[0] if isinstance(a, Fn) and a.op == "paren" else Expr({((a, 1),): 1})
        return self._positive(inner, depth + 1)

    def _positive(self, e: Expr, depth: int) -> bool:
        return self._prove(e - 1, False, depth) if is_integer(e) else self._prove(e, True, depth)

    # ------------------------------------------------------------ what holds of atoms

    def _lemmas(self, e: Expr, depth: int) -> list[tuple[Expr, bool]]:
        """The assumptions, and inequalities that define the atoms of e and of the assumptions."""
        self._build()
        facts = list(self._facts)
        done: set[Atom] = set()
        queue = [e, *(f for f, _ in facts)]
        monomials: set[Monomial] = set()
        while queue and len(facts) < 200:
            x = queue.pop()
            monomials.update(x.terms)
            for a in dict.fromkeys(a for m in x.terms for a, _ in m):
                if a in done:
                    continue
                done.add(a)
                for lemma in self._lemmas_of(a, depth):
                    facts.append(lemma)
                    queue.append(lemma[0])
        for m in sorted(monomials, key=lambda m: tuple((a.key, k) for a, k in m)):
            one = Expr({m: 1})
            if m and is_nonneg(one):
                facts.append((one, False))
        floors = [a for a in done if isinstance(a, Fn) and a.op in ("floor", "log")]
        if 1 < len(floors) <= 6 and depth < DEPTH:
            floors.sort(key=lambda a: a.key)
            for a, b in itertools.permutations(floors, 2):
                if a.op == b.op and a.args[1:] == b.args[1:] and self._prove(a.args[0] - b.args[0], False, depth + 1):
                    facts.append((_one(a) - _one(b), False))
        return list(dict.fromkeys(facts))

    def _lemmas_of(self, a: Atom, depth: int) -> Iterator[tuple[Expr, bool]]:
        if isinstance(a, Sym):
            if a.kind in ("size", "real"):
                yield _one(a), False
            return
        x = _one(a)
        match a.op:
            case "floor":
                yield from self._floor_lemmas(a, depth)
            case "max":
                for y in a.args:
                    yield x - y, False
            case "min":
                for y in a.args:
                    yield y - x, False
            case "log":
                u, base = a.args[0], a.args[1].number
                if depth < DEPTH and self._prove(u - 1, False, depth + 1):
                    yield x, False
                    if is_integer(u):
                        yield u - 1 - x, False
                    if isinstance(base, int) and base >= 2:
                        lowest = self._lowest(u, depth)
                        if lowest is not None and lowest > 1:
                            k = 0
                            while base ** (k + 1) <= lowest and k < 64:
                                k += 1
                            yield x - k, False
            case "pow":
                b, t = a.args
                if b.number is not None and b.number > 1 and is_integer(t) and self._prove(t, False, depth + 1):
                    yield x - 1 - t * (b - 1), False
                logarithm = _rounded_log(a)
                if logarithm is not None:
                    yield from self._power_of_log(a, *logarithm, depth)
                if depth < DEPTH and self._prove(b - 1, False, depth + 1) and self._prove(t, False, depth + 1):
                    yield x - 1, False
            case "factorial":
                yield x - 1, False
                if depth < DEPTH:
                    yield x - a.args[0], False
            case "sum":
                body, lo, hi = a.args
                index = _symbol(a.name + '"', "int")        # no assumption speaks of it
                if depth < DEPTH:
                    inner = Facts((*self._as_conds(), relation(">=", index - lo), relation(">=", hi - index)))
                    if inner._prove(body.subs({a.name: index}), False, depth + 1):
                        yield x, False
            case "choice" | "piecewise":
                if depth < DEPTH and all(self._prove(y, False, depth + 1) for y in a.args):
                    yield x, False

    def _power_of_log(self, a: Fn, b: int, u: Expr, up: bool, depth: int) -> Iterator[tuple[Expr, bool]]:
        """b**floor(log(u, b)) <= u < b * b**floor(log(u, b)), and so with the ceiling."""
        below: dict[Atom, Number] = {}
        for m in u.terms:
            for atom, k in m:
                if k < 0:
                    below[atom] = max(below.get(atom, 0), -k)
        v, d, x = _times(u, below), _times(ONE, below), _one(a)     # u = v/d, positive, for it has a logarithm
        if depth >= DEPTH or not is_nonneg(d):
            return
        if not up:
            yield v - x * d, False
            yield (x * b - u - 1, False) if is_integer(u) else (x * b * d - v, True)
            return
        yield d - x * v, False                                      # x = 1 / b**ceiling(log(u, b))
        yield (x * b * u - x - 1, False) if is_integer(u) else (x * b * v - d, True)
        if self._positive(v - d, depth + 1):
            yield 1 - x * b, False
        elif self._prove(v - d, False, depth + 1):
            yield 1 - x, False

    def _floor_lemmas(self, a: Fn, depth: int) -> Iterator[tuple[Expr, bool]]:
        u, x = a.args[0], _one(a)
        yield u - x, False
        d = math.lcm(*(Fraction(c).denominator for c in u.terms.values()))
        if is_integer(u * d):
            yield (x - u) * d + (d - 1), False
        else:
            yield x - u + 1, True
            atoms = self._denominators(u, depth)
            if atoms is not None:
                below = _times(num(d), atoms)
                above = _times(u * d, atoms)
                yield above - x * below, False
                if is_integer(above) and is_integer(below):
                    yield (x + 1) * below - above - 1, False
                else:
                    yield (x + 1) * below - above, True
                # floor(n/c) >= 1 where n >= c; 0 <= floor(n/c) <= n/k where n >= 0, c >= k
                for k in (2, 1):
                    if depth < DEPTH and self._prove(above - below * k, False, depth + 1):
                        yield x - k, False
                        break
                if depth < DEPTH and self._prove(above, False, depth + 1):
                    yield x, False
                    lowest = self._lowest(below, depth)
                    if lowest is not None and lowest > 0:
                        yield above - x * lowest, False
                elif depth < DEPTH and self._prove(-above, False, depth + 1):
                    yield -x - (1 if self._positive(-above, depth + 1) else 0), False
                    # x < 0: floor(x) >= floor(above / k)
                    lowest = self._lowest(below, depth)
                    if lowest is not None and lowest >= 1 and is_integer(above):
                        k = math.floor(lowest)
                        yield x * k - above + (k - 1), False
        lowest = self._lowest(u, depth)
        if lowest is not None:
            yield x - math.floor(lowest), False
        if depth < DEPTH and u.terms and (lowest := self._lowest(-u, depth)) is not None:
            yield math.floor(-lowest) - x, False

    def _lowest(self, u: Expr, depth: int) -> Fraction | None:
        """A constant below u, by the assumptions alone."""
        if depth >= DEPTH:
            return None
        key = u, u.kinds, depth
        if key not in self._lowests:
            found = self._bound(u, self._lemmas(u, depth + 1))
            self._lowests[key] = None if found is None or found == math.inf else Fraction(found)
        return self._lowests[key]

    def _denominators(self, u: Expr, depth: int) -> dict[Atom, Number] | None:
        """The atoms in denominators with their exponents, if these are proved positive."""
        below: dict[Atom, Number] = {}
        for m in u.terms:
            for a, k in m:
                if k < 0:
                    below[a] = max(below.get(a, 0), -k)
        if not below or depth >= DEPTH:
            return None
        return below if all(isinstance(k, int) and self._positive_atom(a, depth) for a, k in below.items()) else None

    def _products(self, e: Expr, lemmas: list[tuple[Expr, bool]]) -> list[tuple[Expr, bool]]:
        """Products of two facts in which a nonlinear monomial of the question occurs."""
        wanted = {m for x in (e, *(f for f, _ in lemmas)) for m in x.terms if sum(k for _, k in m) > 1}
        if not wanted:
            return []
        names = {a for m in wanted for a, _ in m}
        usable = [f for f in lemmas if any(a in names for m in f[0].terms for a, _ in m)]
        out = list(_squares(e))
        usable.sort(key=lambda f: len(f[0].terms))
        for (f, s), (g, t) in itertools.combinations_with_replacement(usable[:24], 2):
            product = f * g
            if any(m in wanted for m in product.terms):
                out.append((product, s and t))
                if len(out) >= PRODUCTS:
                    break
        return out


def assuming(*assumptions: Cond) -> Facts:
    """The same facts for the same assumptions, so that what was proven for one equation need not be for the next."""
    return _assuming(assumptions, tuple(c.kinds for c in assumptions))


@lru_cache(maxsize=20_000)
def _assuming(assumptions: tuple[Cond, ...], kinds: tuple[Kinds, ...]) -> Facts:
    return Facts(assumptions)


def _squares(e: Expr) -> Iterator[tuple[Expr, bool]]:
    """(s - v)**2 >= 0 where v is the vertex of the parabola that e is in s; integers step over it."""
    for m, c in e.terms.items():
        if len(m) == 1 and m[0][1] == 2 and c > 0:
            a = m[0][0]
            v = -Fraction(e.terms.get(((a, 1),), 0)) / (2 * c)
            yield (_one(a) - v) ** 2, False
            if v.denominator != 1 and is_integer(_one(a)):
                yield (_one(a) - math.floor(v)) * (_one(a) - math.ceil(v)), False


def _open_atoms(e: Expr) -> Iterator[Fn]:
    """Applications that do not stand under a bound symbol, the inner ones first."""
    for m in e.terms:
        for a, _ in m:
            if isinstance(a, Fn):
                for x in a.args[1:] if a.op in ("sum", "choose") else a.args:
                    yield from _open_atoms(x)
                yield a


def _times(e: Expr, below: dict[Atom, Number]) -> Expr:
    """e times the atoms to these powers, so that nothing of them is left in a denominator."""
    result = ZERO
    for m, c in e.terms.items():
        exponents = dict(m)
        term = Expr({tuple(p for p in m if p[0] not in below): c})
        for a, k in sorted(below.items(), key=lambda p: p[0].key):
            base = a.args[0] if isinstance(a, Fn) and a.op == "paren" else _one(a)
            term = term * power(base, exponents.get(a, 0) + k)
        result = result + term
    return result


def _one(a: Atom) -> Expr:
    return Expr({((a, 1),): 1})


def _symbol(name: str, kind: str) -> Expr:
    return Expr({((Sym(name, kind), 1),): 1})


def _rounded_log(a: Fn) -> tuple[int, Expr, bool] | None:
    """(b, u, rounded up) if the power is b**floor(log(u, b)) or b**-ceiling(log(u, b)) for an integer b."""
    b, t = a.args
    base = b.number
    floor = t.atom
    if not isinstance(base, int) or base < 2 or not isinstance(floor, Fn) or floor.op != "floor":
        return None
    inside = floor.args[0]
    logarithm = (inside if inside.atom is not None else -inside).atom
    if not isinstance(logarithm, Fn) or logarithm.op != "log" or logarithm.args[1] != b:
        return None
    return base, logarithm.args[0], inside.atom is None


def _points(names: list[str], kinds: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    """Points of the slack variables: a grid of small ones, then random ones at growing scales."""
    small: dict[str, list[Any]] = {}
    for n in names:
        if kinds[n] == "real":
            small[n] = [Fraction(1, 2), 1, Fraction(1, 3), 2, Fraction(5, 7), Fraction(1, 10), 3]
        elif kinds[n] == "int":
            small[n] = [0, 1, 2, -1, 3, 4, -2, 5, 6, 7, 8, 9]
        else:
            small[n] = list(range({0: 1, 1: 34, 2: 12, 3: 7}.get(len(names), 4)))
    grid = list(itertools.islice(itertools.product(*(range(len(small[n])) for n in names)), 20_000))
    grid.sort(key=lambda p: (sum(p), p))
    for p in grid:
        yield tuple(small[n][i] for n, i in zip(names, p, strict=True))
    generator = random.Random(20240229)
    for scale in itertools.cycle((16, 64, 100, 1000, 4096, 10 ** 6)):
        for _ in range(12):
            point: list[Any] = []
            for n in names:
                if kinds[n] == "real":
                    point.append(Fraction(generator.randint(1, 40), generator.randint(1, 40)))
                    continue
                pick = generator.random()
                v = generator.randint(0, 3) if pick < 0.25 else generator.randint(0, scale)
                if pick > 0.85:
                    v = 1 << generator.randint(0, scale.bit_length())
                point.append(-v if kinds[n] == "int" and generator.random() < 0.3 else v)
            yield tuple(point)
        if not names:
            return
