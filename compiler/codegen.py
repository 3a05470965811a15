"""Expressions and conditions as Python functions.

In: an `Expr` or a `Cond` and the order of its symbols; for systems also the unknown functions. Out: a Python function
that computes the value exactly (see `numeric`), in well under a microsecond per operation: a rational polynomial
becomes one integer polynomial over a common denominator, `floor` of a quotient an integer division, sums are loops
whose partial sums are kept. Calls of unknown functions read a memo; what is missing there is put on a list for the
caller to evaluate (see `evaluate`).
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

from .expr import ZERO, And, Atom, Cond, Expr, Fn, Monomial, Number, Or, Rel, Sym, is_integer, num
from .numeric import Digits, EvaluationError, Exact, Floats, TooLarge, Undefined, show_number

__all__ = ["Writer", "compile_cond", "compile_expr", "namespace"]

LOOP_LIMIT = 20_000_000
_LAZY = ("piecewise", "sum", "choose")


class Writer:
    """Writes the body of one Python function.

    `params` are the symbols that arrive as arguments; other symbols must be in `outer` (they live in the namespace).
    `functions` numbers the unknown functions that may be called.
    """

    def __init__(self, params: Sequence[str], space: dict[str, Any], outer: Sequence[str] = (),
                 functions: Mapping[str, int] | None = None, side: Literal["upper", "lower"] = "upper") -> None:
        self.space, self.functions, self.side = space, functions or {}, side
        self.env = {name: f"a{i}" for i, name in enumerate(params)}
        self.outer = {name: f"g{i}" for i, name in enumerate(outer)}
        self.lines: list[str] = []
        self.indent = 1
        self.done: dict[Atom, str] = {}
        self.count = 0
        self.bail = "return None"

    # ------------------------------------------------------------ statements

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def fresh(self, prefix: str = "t") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def constant(self, value: Any, prefix: str = "K") -> str:
        """A value put into the namespace."""
        name = f"{prefix}{len(self.space)}"
        self.space[name] = value
        return name

    @contextmanager
    def block(self, bail: str | None = None) -> Iterator[None]:
        """An indented block; what is computed inside is not known outside."""
        done, old = dict(self.done), self.bail
        self.indent += 1
        self.bail = bail or old
        yield
        self.indent -= 1
        self.done, self.bail = done, old

    def prepare(self, *wanted: Expr) -> None:
        """Looks all calls up that need nothing else first, so that all that is missing is known at once."""
        while True:
            ready = [a for e in wanted for a in _eager_calls(e) if a not in self.done]
            ready = [a for a in dict.fromkeys(ready) if not _has_lazy(a)
                     and all(b in self.done for x in a.args for b in _eager_calls(x))]
            if not ready:
                return
            for a in ready:
                self.look_up(a)
            self.emit(f"if need: {self.bail}")

    def look_up(self, a: Fn) -> None:
        number = self.functions.get(a.name)
        if number is None:
            raise EvaluationError(f"there is no equation for {a.name}")
        args = [self.value(x) for x in a.args]
        key = args[0] if len(args) == 1 else f"({', '.join(args)}{',' if args else ''})"
        k, t = self.fresh("k"), self.fresh()
        self.emit(f"{k} = {key}")
        self.emit(f"{t} = M{number}({k})")
        self.emit(f"if {t} is None: need.append((F{number}, {k}))")
        self.done[a] = t

    # ------------------------------------------------------------ expressions

    def value(self, e: Expr) -> str:
        """Python text of the value; may emit statements first."""
        if e.infinite:
            return "INF" if e.infinite > 0 else "(-INF)"
        groups: dict[tuple[str, ...], list[tuple[Number, list[str], bool]]] = {}
        for m, c in e.terms.items():
            top, bottom = self.factors(m)
            groups.setdefault(tuple(bottom), []).append((c, top, not _rational(Expr({m: 1}))))
        pieces = []
        for bottom_key, terms in groups.items():
            # the rational terms first: they cancel exactly before anything is rounded
            terms.sort(key=lambda t: t[2])
            d = math.lcm(*(Fraction(c).denominator for c, _, _ in terms))
            text = " + ".join(self.product(int(c * d), top) for c, top, _ in terms)
            if d != 1 or bottom_key:
                below = self.product(d, list(bottom_key))
                text = f"div({text}, {below})"
            pieces.append(text)
        if not pieces:
            return "0"
        if len(pieces) == 1:
            lone = len(e.terms) == 1 or pieces[0].startswith("div(")
            return pieces[0] if lone else f"({pieces[0]})"
        return f"({' + '.join(pieces)})"

    def product(self, c: int, factors: list[str]) -> str:
        if c == 1 and factors:
            return "*".join(factors)
        literal = str(c) if -10 ** 30 < c < 10 ** 30 else self.constant(c)
        return "*".join([f"({literal})" if c < 0 else literal, *factors])

    def factors(self, m: Monomial) -> tuple[list[str], list[str]]:
        """Text of the factors above and below the fraction stroke."""
        top: list[str] = []
        bottom: list[str] = []
        rest = list(m)
        ratio = _log_ratio(m)
        if ratio is not None:
            x, b, used = ratio
            rest = [f for f in rest if f not in used]
            top.append(f"log({self.value(x)}, {self.value(b)})")
        for a, k in rest:
            side = top if k > 0 else bottom
            k = k if k > 0 else -k
            if isinstance(a, Fn) and a.op == "pow":
                side.append(f"power({self.value(a.args[0])}, {self.value(a.args[1] * k)})")
                continue
            text = self.atom(a)
            if isinstance(k, Fraction):
                side.append(f"root({text}, {k.numerator}, {k.denominator})")
            elif k == 1:
                side.append(text)
            else:
                side.append(f"{text}**{k}" if k < 64 else f"power({text}, {k})")
        return top, bottom

    def atom(self, a: Atom) -> str:
        if isinstance(a, Sym):
            name = self.env.get(a.name) or self.outer.get(a.name)
            if name is None:
                raise EvaluationError(f"no value for the symbol {a.name}")
            return name
        if a in self.done:
            return self.done[a]
        match a.op:
            case "floor":
                return self.floor(a.args[0])
            case "paren":
                return f"({self.value(a.args[0])})"
            case "max" | "min":
                return self.extremum(a.op, a.args)
            case "choice":
                return self.extremum("max" if self.side == "upper" else "min", a.args)
            case "log":
                x = self.value(a.args[0])
                return f"ln({x})" if a.args[1] == 0 else f"log({x}, {self.value(a.args[1])})"
            case "call":
                self.look_up(a)
                self.emit(f"if need: {self.bail}")
                return self.done[a]
            case "sum":
                text = self.sum(a)
            case "choose":
                text = self.choose(a)
            case "piecewise":
                text = self.piecewise(a)
            case "factorial" | "binomial" | "harmonic" | "fibonacci" | "cos" | "sin" | "vote_right" | "vote_samples":
                return f"{a.op}({', '.join(self.value(x) for x in a.args)})"
            case "CRootOf":
                return f"largest_root({', '.join(self.value(x) for x in a.args)})"
            case op if not a.args:
                return f"constant({op!r})"
            case op:
                raise EvaluationError(f"no value for {op}")
        self.done[a] = text
        return text

    def extremum(self, op: str, args: Sequence[Expr]) -> str:
        return f"{'largest' if op == 'max' else 'smallest'}({', '.join(self.value(x) for x in args)})"

    def floor(self, x: Expr) -> str:
        """floor(x), without a rounding error wherever x is rational, a logarithm or a root."""
        if len(x.terms) == 1:
            (m, c), = x.terms.items()
            q = Fraction(c)
            logarithm = _lone_log(m)
            if logarithm is not None:
                u, b = logarithm
                inner = u if abs(q.numerator) == 1 else u ** abs(q.numerator)
                name = "floor_log" if q > 0 else "ceil_log"
                text = f"{name}({self.value(inner)}, {self.value(b)})"
                if q.denominator != 1:
                    text = f"({text}//{q.denominator})" if q > 0 else f"(-({text})//{q.denominator})"
                    return text
                return text if q > 0 else f"(-{text})"
            k = math.lcm(*(Fraction(e).denominator for _, e in m))
            if k > 1 and all(_rational_atom(a) for a, _ in m):
                inner = Expr({m: c if c > 0 else -c}) ** k
                return f"floor_root({self.value(inner)}, {k})" if c > 0 else f"(-ceil_root({self.value(inner)}, {k}))"
        if _rational(x):
            below: dict[Atom, Number] = {}
            for m in x.terms:
                for a, e in m:
                    if e < 0:
                        below[a] = max(below.get(a, 0), -e)
            d = math.lcm(*(Fraction(c).denominator for c in x.terms.values()))
            den = num(d)
            for a, e in sorted(below.items(), key=lambda p: p[0].key):
                den = den * Expr({((a, e),): 1})
            above = x * den
            if is_integer(above) and is_integer(den) and not any(True for _ in _eager_calls(above)):
                return f"({self.value(above)}//({self.value(den)}))"
            return f"floor_div({self.value(above)}, {self.value(den)})"
        text = self.value(x)
        free = {n: v for n, v in self.env.items() if n in x.free}
        if not any(isinstance(a, Fn) and (a.op in _LAZY or a.op == "call") for a in x.atoms()):
            precise = self.constant(_Precise(x, tuple(free), tuple(n for n in self.outer if n in x.free)), "P")
            args = ", ".join([*free.values(), *(v for n, v in self.outer.items() if n in x.free)])
            return f"floor_real({text}, lambda: {precise}({args}))"
        return f"floor_real({text}, None)"

    # ------------------------------------------------------------ what needs statements

    def integer(self, e: Expr) -> str:
        text = self.value(e)
        return text if is_integer(e) else f"integer({text})"

    def bounds(self, a: Fn) -> tuple[str, str]:
        lo, hi = self.fresh("lo"), self.fresh("hi")
        self.emit(f"{lo} = {self.integer(a.args[1])}")
        self.emit(f"{hi} = {self.integer(a.args[2])}")
        return lo, hi

    @contextmanager
    def bound(self, name: str) -> Iterator[str]:
        variable = self.fresh("b")
        old = self.env.get(name)
        self.env[name] = variable
        yield variable
        if old is None:
            del self.env[name]
        else:
            self.env[name] = old

    def sum(self, a: Fn) -> str:
        self.prepare(a.args[1], a.args[2])
        lo, hi = self.bounds(a)
        groups: dict[Monomial, Expr] = {}
        index = Expr({((Sym(a.name, _kind(a.args[0], a.name)), 1),): 1})
        backwards = {a.name: a.args[1] + a.args[2] - index}
        for m, c in a.args[0].terms.items():
            outside: Monomial = tuple(f for f in m if a.name not in Expr({(f,): 1}).free)
            term = Expr({tuple(f for f in m if f not in outside): c})
            with suppress(OverflowError):       # a high power of a difference is not written out
                mirrored = term.subs(backwards)
                if len(self.varying(mirrored, a.name)) < len(self.varying(term, a.name)):
                    term = mirrored
            groups[outside] = groups.get(outside, ZERO) + term
        total = self.fresh()
        parts = []
        for outside, body in groups.items():
            text = self.loop_sum(a.name, body, lo, hi)
            if outside:
                text = f"{text}*{self.value(Expr({outside: 1}))}"
            parts.append(text)
        self.emit(f"{total} = {' + '.join(parts)}")
        return total

    def varying(self, body: Expr, name: str) -> frozenset[str]:
        return body.free - {name} - self.outer.keys()

    def loop_sum(self, name: str, body: Expr, lo: str, hi: str) -> str:
        total = self.fresh()
        calls = any(isinstance(a, Fn) and a.op == "call" for a in body.atoms())
        if self.varying(body, name):
            self.emit(f"{total} = 0")
            self.emit(f"steps({hi} - {lo} + 1)")
            with self.bound(name) as k:
                self.emit(f"for {k} in range({lo}, {hi} + 1):")
                with self.block("continue"):
                    self.prepare(body)
                    self.emit(f"{total} += {self.value(body)}")
            if calls:
                self.emit("if need:")
                self.emit("    need.sort(key=age, reverse=True)")
                self.emit(f"    {self.bail}")
            return total
        cache = self.constant({}, "S")
        self.space.setdefault("caches", []).append(self.space[cache])
        s = self.fresh("s")
        self.emit(f"{s} = {cache}.get({lo})")
        self.emit(f"if {s} is None:")
        self.emit(f"    if len({cache}) > 500: {cache}.clear()")
        self.emit(f"    {s} = {cache}[{lo}] = [0]")
        self.emit(f"if {hi} - {lo} >= len({s}) - 1:")
        with self.block("break"):
            self.emit(f"steps({hi} - {lo} + 2 - len({s}))")
            with self.bound(name) as k:
                self.emit(f"for {k} in range({lo} + len({s}) - 1, {hi} + 1):")
                with self.block("break"):
                    self.prepare(body)
                    self.emit(f"{s}.append({s}[-1] + {self.value(body)})")
        if calls:
            self.emit(f"if need: {self.bail}")
        self.emit(f"{total} = {s}[{hi} - {lo} + 1] if {hi} >= {lo} else 0")
        return total

    def choose(self, a: Fn) -> str:
        self.prepare(a.args[1], a.args[2])
        lo, hi = self.bounds(a)
        best, v = self.fresh(), self.fresh()
        self.emit(f"{best} = None")
        self.emit(f"steps({hi} - {lo} + 1)")
        with self.bound(a.name) as k:
            self.emit(f"for {k} in range({lo}, {hi} + 1):")
            with self.block("continue"):
                self.prepare(a.args[0])
                self.emit(f"{v} = {self.value(a.args[0])}")
                extremum = "largest" if self.side == "upper" else "smallest"
                self.emit(f"{best} = {v} if {best} is None else {extremum}({best}, {v})")
        if any(isinstance(x, Fn) and x.op == "call" for x in a.args[0].atoms()):
            self.emit("if need:")
            self.emit("    need.sort(key=age, reverse=True)")
            self.emit(f"    {self.bail}")
        self.emit(f"if {best} is None: nothing_to_choose()")
        return best

    def piecewise(self, a: Fn) -> str:
        result = self.fresh()
        depth = self.indent
        done = dict(self.done)
        for x, c in zip(a.args, a.conds, strict=True):
            self.prepare(*_sides(c))
            test = self.cond(c)
            self.emit(f"if {test}:")
            with self.block():
                self.prepare(x)
                self.emit(f"{result} = {self.value(x)}")
            if test == "True":
                break
            self.emit("else:")
            self.indent += 1
        else:
            self.emit("no_piece()")
        self.indent, self.done = depth, done
        return result

    # ------------------------------------------------------------ conditions

    def cond(self, c: Cond) -> str:
        """Python text of a condition."""
        match c:
            case And(parts=parts):
                return "(" + " and ".join(self.cond(p) for p in parts) + ")" if parts else "True"
            case Or(parts=parts):
                return "(" + " or ".join(self.cond(p) for p in parts) + ")" if parts else "False"
            case Rel(op=op, e=e):
                if e.infinite:
                    return f"({self.value(e)} {op} 0)"
                d = math.lcm(*(Fraction(x).denominator for x in e.terms.values()))
                e = e * d
                lone = e - e.terms.get((), 0)
                if is_integer(e) and len(lone.terms) == 1 and (sign := next(iter(lone.terms.values()))) in (1, -1):
                    flipped = {">=": "<=", ">": "<"}.get(op, op) if sign < 0 else op
                    return f"{self.value(lone * sign)} {flipped} {self.value((lone - e) * sign)}"
                return f"{self.value(e)} {op} 0"


class _Precise:
    """The value of an expression with many digits; compiled on first use."""

    def __init__(self, e: Expr, params: tuple[str, ...], outer: tuple[str, ...]) -> None:
        self.e, self.names = e, (*params, *outer)
        self.run: Callable[..., Any] | None = None

    def __call__(self, *values: Any) -> Any:
        if self.run is None:
            self.run = compile_expr(self.e, self.names, digits=60)
        return self.run(*values)


def _sides(c: Cond) -> list[Expr]:
    return [c.e] if isinstance(c, Rel) else [e for p in c.parts for e in _sides(p)]


def _eager_calls(e: Expr) -> Iterator[Fn]:
    """Calls that are certainly evaluated, the inner ones first."""
    for m in e.terms:
        for a, _ in m:
            if isinstance(a, Fn):
                if a.op in ("sum", "choose"):
                    yield from _eager_calls(a.args[1])
                    yield from _eager_calls(a.args[2])
                elif a.op != "piecewise":
                    for x in a.args:
                        yield from _eager_calls(x)
                if a.op == "call":
                    yield a


def _has_lazy(a: Fn) -> bool:
    return any(isinstance(b, Fn) and b.op in _LAZY for x in a.args for b in x.atoms())


def _kind(e: Expr, name: str) -> str:
    return next((a.kind for a in e.atoms() if isinstance(a, Sym) and a.name == name), "size")


def _log_ratio(m: Monomial) -> tuple[Expr, Expr, list[tuple[Atom, Number]]] | None:
    """log(x)/log(b) as (x, b, the two factors)"""
    over = [p for p in m if isinstance(p[0], Fn) and p[0].op == "log" and p[1] == 1]
    under = [p for p in m if isinstance(p[0], Fn) and p[0].op == "log" and p[1] == -1]
    for p in over:
        for q in under:
            assert isinstance(p[0], Fn) and isinstance(q[0], Fn)
            if p[0].args[1] == q[0].args[1]:
                return p[0].args[0], q[0].args[0], [p, q]
    return None


def _lone_log(m: Monomial) -> tuple[Expr, Expr] | None:
    """(x, b) if the monomial is log(x, b) and x is rational"""
    found: tuple[Expr, Expr] | None = None
    if len(m) == 1 and m[0][1] == 1 and isinstance(m[0][0], Fn) and m[0][0].op == "log" and m[0][0].args[1] != 0:
        found = m[0][0].args[0], m[0][0].args[1]
    elif len(m) == 2:
        ratio = _log_ratio(m)
        found = ratio[:2] if ratio is not None else None
    return found if found is not None and _rational(found[0]) and _rational(found[1]) else None


def _rational(e: Expr) -> bool:
    """Whether rational arguments give a rational value (calls may give anything, and are let pass)."""
    return not e.infinite and all(isinstance(k, int) and _rational_atom(a) for m in e.terms for a, k in m)


def _rational_atom(a: Atom) -> bool:
    if isinstance(a, Sym):
        return True
    match a.op:
        case "floor" | "factorial" | "binomial" | "fibonacci" | "call":
            return True
        case "max" | "min" | "paren" | "choice" | "piecewise":
            return all(_rational(x) for x in a.args)
        case "sum" | "choose":
            return _rational(a.args[0])
        case "pow":
            return _rational(a.args[0]) and is_integer(a.args[1])
        case _:
            return False


# ---------------------------------------------------------------- functions

@lru_cache(maxsize=8)
def _arithmetic(digits: int | None) -> Exact:
    if digits is None:
        return Exact()
    return Floats() if digits <= 15 else Digits(digits)


def _loop(n: int) -> None:
    if n > LOOP_LIMIT:
        raise TooLarge(f"a sum of {show_number(n)} terms")


def _no_piece() -> None:
    raise Undefined("no case of a piecewise expression applies")


def _nothing() -> None:
    raise Undefined("a choice from nothing")


def _age(entry: tuple[Any, Any]) -> Any:
    key = entry[1]
    return sum(key) if type(key) is tuple else key


def namespace(digits: int | None = None, symbolic: bool = False) -> dict[str, Any]:
    """The names that generated code uses."""
    x = _arithmetic(digits)
    own = symbolic or isinstance(x, Digits)
    return {
        "__builtins__": {}, "div": x.div, "integer": x.integer, "floor_div": x.floor_div, "floor_real": x.floor_real,
        "floor_root": x.floor_root, "ceil_root": x.ceil_root, "floor_log": x.floor_log, "ceil_log": x.ceil_log,
        "ln": x.ln, "log": x.log, "power": x.pow, "root": x.root, "factorial": x.factorial, "binomial": x.binomial,
        "harmonic": x.harmonic, "fibonacci": x.fibonacci, "cos": x.cos, "sin": x.sin, "constant": x.constant,
        "largest_root": x.largest_root, "vote_right": x.vote_right, "vote_samples": x.vote_samples,
        "largest": x.largest if own else max, "smallest": x.smallest if own else min, "INF": x.INF,
        "range": range, "len": len, "steps": _loop, "no_piece": _no_piece, "nothing_to_choose": _nothing, "age": _age,
        "int": int, "Fraction": Fraction, "type": type, "OverflowError": OverflowError, "TooLarge": TooLarge,
        "ZeroDivisionError": ZeroDivisionError, "Undefined": Undefined, "need": (), "real": x.real,
    }


def _assemble(writer: Writer, names: Sequence[str], result: str, space: dict[str, Any]) -> Callable[..., Any]:
    params = ", ".join(writer.env[n] for n in names)
    body = "\n".join("    " + line for line in writer.lines)
    source = (f"def run({params}):\n    try:\n{body}\n        return {result}\n"
              "    except OverflowError: raise TooLarge('beyond the range of floats') from None\n"
              "    except ZeroDivisionError: raise Undefined('division by zero') from None\n")
    try:
        exec(compile(source, "<formula>", "exec"), space)
    except (RecursionError, MemoryError, SyntaxError) as e:
        raise TooLarge(f"a formula too deep to compile: {e}") from None
    run: Callable[..., Any] = space["run"]
    return run


def _as_exact(v: Any) -> Any:
    if type(v) is Fraction and v.denominator == 1:
        return v.numerator
    return v


def compile_expr(e: Expr, names: Sequence[str], *, digits: int | None = None,
                 side: Literal["upper", "lower"] = "upper") -> Callable[..., Any]:
    """A function of the named symbols, in this order: ints and Fractions in, int, Fraction or float out.

    With `digits` up to 15, all that is not an integer is a float; with more, an mpmath number of so many digits.
    Adversaries' choices go to `side`. Raises EvaluationError: Undefined or TooLarge for a value, plain if the
    expression has symbols that are not named, or calls.
    """
    space = namespace(digits)
    writer = Writer(names, space, side=side)
    writer.prepare(e)
    text = writer.value(e)
    if not is_integer(e):
        space["norm"] = _as_exact if digits is None or digits <= 15 else _arithmetic(digits).ratio
        text = f"norm({text})"
    return _assemble(writer, names, text, space)


def compile_cond(c: Cond, names: Sequence[str]) -> Callable[..., bool]:
    """Whether the condition holds, as a function of the named symbols. Raises as `compile_expr` does."""
    space = namespace()
    writer = Writer(names, space)
    return _assemble(writer, names, writer.cond(c), space)
