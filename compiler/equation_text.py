"""The text form of systems of recurrences, as `orch solve` reads it.

In: equations, one a line or separated by `;`, tried in order, with `if` guards, and `where` for the domain; the grammar
is in `parse_system`. Out: a `System`, or the errors found, as data. Python's own parser splits an expression into its
parts and every part is checked against a list: nothing is evaluated, and hostile text gives an error, not a hang.
"""
from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

from .equations import Case, Function, System
from .expr import (
    FALSE,
    INF,
    TRUE,
    ZERO,
    And,
    Cond,
    Expr,
    Fn,
    binomial,
    call,
    ceil,
    choice,
    choose,
    conj,
    disj,
    eq,
    factorial,
    floor,
    ge,
    gt,
    is_integer,
    is_nonneg,
    le,
    log,
    lt,
    max_,
    min_,
    mod,
    ne,
    negate,
    num,
    piecewise,
    power,
    sum_,
    sym,
)
from .facts import Facts
from .text import show, show_cond

__all__ = ["EquationError", "parse_system", "show_system"]

MAX_TEXT = 200_000
MAX_STATEMENT = 20_000
MAX_DEPTH = 60
CONSTANTS = ("pi", "E", "GoldenRatio", "EulerGamma")


@dataclass(frozen=True, slots=True)
class EquationError:
    """What is wrong with the text, and where: line and column count from 1."""

    message: str
    line: int
    column: int
    hint: str = ""


class _Wrong(Exception):
    def __init__(self, message: str, node: ast.AST | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.node, self.hint = message, node, hint


def parse_system(text: str, goal: str | None = None) -> System | list[EquationError]:
    """Reads a system.

    An equation is `T(n, m) = value` with an optional ` if guard`; the first whose guard holds applies. An equation
    whose left side has numbers, as in `T(0) = 1`, applies at these numbers, before all others. Values are made of
    + - * / // % **, floor, ceiling, Max, Min, Mod, Abs, log(x), log(x, base), sqrt, exp, cos, sin, factorial, binomial,
    harmonic, fibonacci, Sum(e, (k, a, b)), Piecewise((e, cond), ...), Choice(a, b, ...), Choose(k, a, b, e) and calls;
    conditions of comparisons (also chained), and, or, not, And, Or, Not, Eq, Ne, & and |. `where` states the domain:
    conditions separated by commas; `m, n >= 0` speaks of both. Symbols are integers; one that the domain keeps between
    0 and 1 is real; a parameter of the goal of which the domain says nothing is >= 0. `#` begins a comment. The goal is
    the left side of the first equation unless given.
    """
    statements, errors = _statements(text)
    reader = _Reader(statements)
    if errors:
        return errors
    try:
        return reader.system(goal)
    except _Failed:
        return sorted(reader.errors, key=lambda e: (e.line, e.column))


def show_system(system: System) -> str:
    """The text that `parse_system` reads back, given the goal if it is not the left side of the first equation."""
    lines = []
    for f in system.functions.values():
        for c in f.cases:
            guard = "" if c.guard == TRUE else f"  if {show_cond(c.guard)}"
            lines.append(f"{f.name}({', '.join(f.params)}) = {show(c.value)}{guard}")
    if system.domain != TRUE:
        parts = system.domain.parts if isinstance(system.domain, And) else (system.domain,)
        lines.append("where " + ", ".join(show_cond(p) for p in parts))
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- statements

@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    line: int
    column: int


def _statements(text: str) -> tuple[list[_Statement], list[EquationError]]:
    if len(text) > MAX_TEXT:
        return [], [EquationError("the text is too long", 1, 1, f"at most {MAX_TEXT} characters")]
    out: list[_Statement] = []
    depth, line, column = 0, 1, 1
    begun = (1, 1)
    pieces: list[str] = []
    in_comment = False

    def finish() -> None:
        body = "".join(pieces)
        pieces.clear()
        if body.strip():
            out.append(_Statement(body, *begun))

    for ch in text + "\n":
        if in_comment and ch != "\n":
            column += 1
            continue
        in_comment = False
        if ch == "#":
            in_comment = True
        elif ch == "\n" or (ch == ";" and depth <= 0):
            if ch == "\n" and depth > 0 and len(pieces) < MAX_STATEMENT:
                pieces.append(" ")      # an open parenthesis carries on
            else:
                finish()
                depth = 0
        else:
            if ch in "([":
                depth += 1
                if depth > MAX_DEPTH:
                    return [], [EquationError("parentheses are nested too deep", line, column, f"at most {MAX_DEPTH}")]
            elif ch in ")]":
                depth -= 1
                if depth < 0:
                    return [], [EquationError(f"unmatched '{ch}'", line, column)]
            elif ch in "'\"\\":
                return [], [EquationError("equations have no texts", line, column)]
            if not pieces:
                if ch.isspace():
                    column += 1
                    continue
                begun = (line, column)
            pieces.append(ch)
        if ch == "\n":
            line, column = line + 1, 1
        else:
            column += 1
    finish()
    for s in out:
        if len(s.text) > MAX_STATEMENT:
            limit = f"at most {MAX_STATEMENT} characters"
            return [], [EquationError("the equation is too long", s.line, s.column, limit)]
    return out, []


# ---------------------------------------------------------------- from syntax to system

class _Failed(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Equation:
    source: _Statement
    name: str
    args: tuple[ast.expr, ...]
    value: ast.expr
    guard: ast.expr | None


_KEYWORD_IF = re.compile(r"\bif\b")
_WHERE = re.compile(r"\s*where\b")
_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")


class _Reader:
    def __init__(self, statements: list[_Statement]) -> None:
        self.statements = statements
        self.errors: list[EquationError] = []
        self.at = _Statement("", 1, 1)
        self.kinds: dict[str, str] = {}
        self.bound: list[str] = []
        self.params: dict[str, tuple[str, ...]] = {}
        self.facts = Facts()

    # ------------------------------------------------------------ errors

    def fail(self, message: str, offset: int = 0, hint: str = "") -> NoReturn:
        self.errors.append(EquationError(message, self.at.line, self.at.column + max(offset, 0), hint))
        raise _Failed

    def guarded(self, build: Callable[[], Any]) -> Any:
        """Runs a step; whatever is wrong becomes an error at this statement."""
        try:
            return build()
        except _Wrong as e:
            self.fail(e.message, getattr(e.node, "col_offset", 0), e.hint)
        except ZeroDivisionError:
            self.fail("division by zero")
        except OverflowError as e:
            self.fail(f"too large: {str(e)[:100]}")
        except ValueError as e:
            self.fail(str(e)[:200])
        except (RecursionError, MemoryError):
            self.fail("nested too deep")

    # ------------------------------------------------------------ syntax

    def syntax(self, text: str, offset: int) -> ast.expr:
        """Python's syntax tree of an expression; columns count from the start of the statement."""
        if not text.strip():
            self.fail("something is missing here", offset)
        padded = "(" + text + "\n)"
        try:
            tree = ast.parse(padded, mode="eval").body
        except SyntaxError as e:
            column = (e.offset or 2) - 2 + offset if (e.lineno or 1) == 1 else offset + len(text)
            column = max(column, offset + len(text) - len(text.lstrip()))
            self.fail(f"cannot read this: {e.msg}", min(column, offset + len(text)))
        except (ValueError, RecursionError, MemoryError):
            self.fail("cannot read this", offset)
        shift = offset - 1
        for node in ast.walk(tree):
            if hasattr(node, "col_offset"):
                node.col_offset += shift
        return tree

    def equation(self, s: _Statement) -> _Equation:
        top = _top_level(s.text)
        match_if = next((m for m in _KEYWORD_IF.finditer(s.text) if top[m.start()]), None)
        end = match_if.start() if match_if else len(s.text)
        sign = next((m for m in _EQUALS.finditer(s.text[:end]) if top[m.start()]), None)
        if sign is None:
            self.fail("an equation needs an =", 0, "write T(n) = ... if ..., or where n >= 1")
        left = self.syntax(s.text[:sign.start()], 0)
        if not (isinstance(left, ast.Call) and isinstance(left.func, ast.Name)) or left.keywords:
            self.fail("the left side must be a call such as T(n)", 0)
        value = self.syntax(s.text[sign.end():end], sign.end())
        guard = self.syntax(s.text[match_if.end():], match_if.end()) if match_if else None
        if left.func.id in _FUNCTIONS or left.func.id in _SPECIAL:
            self.fail(f"{left.func.id} has a meaning already", 0, "choose another name for the unknown function")
        return _Equation(s, left.func.id, tuple(left.args), value, guard)

    # ------------------------------------------------------------ the system

    def system(self, goal: str | None) -> System:
        equations: list[_Equation] = []
        domains: list[tuple[_Statement, ast.expr]] = []
        for s in self.statements:
            self.at = s
            try:
                where = _WHERE.match(s.text)
                if where:
                    domains.append((s, self.syntax(s.text[where.end():], where.end())))
                else:
                    equations.append(self.equation(s))
            except _Failed:
                continue
        if self.errors:
            raise _Failed
        if not equations:
            self.at = _Statement("", 1, 1)
            self.fail("there is no equation", 0, "write T(n) = T(n-1) + 1; T(n) = 0 if n <= 0")
        self.parameters(equations)
        self.kinds = self.fractional(domains)
        goal_statement, goal_tree = self.goal(goal, equations)
        for _ in range(2 + sum(map(len, self.params.values()))):
            system = self.build(equations, domains, goal_statement, goal_tree)
            if not self.demote(system):
                return system
        return system

    def parameters(self, equations: list[_Equation]) -> None:
        """Names of the parameters of each function: those of the first equation whose left side is all names."""
        for e in equations:
            self.at = e.source
            names = [a.id for a in e.args if isinstance(a, ast.Name)]
            for a in e.args:
                if not isinstance(a, ast.Name) and not _is_number(a):
                    self.fail("the arguments on the left side must be names or numbers", a.col_offset,
                              "shift the equation: write T(n) = 2*T(n-1), not T(n+1) = 2*T(n)")
            if len(set(names)) < len(names):
                self.fail("a parameter occurs twice", e.args[0].col_offset)
            if e.name not in self.params and len(names) == len(e.args):
                self.params[e.name] = tuple(names)
        for e in equations:
            self.at = e.source
            if e.name not in self.params:
                self.params[e.name] = tuple(a.id if isinstance(a, ast.Name) else f"x{i}" for i, a in enumerate(e.args))
            if len(e.args) != len(self.params[e.name]):
                self.fail(f"{e.name} has {len(self.params[e.name])} parameters elsewhere, here {len(e.args)}", 0)

    def goal(self, goal: str | None, equations: list[_Equation]) -> tuple[_Statement, ast.expr]:
        if goal is None:
            first = equations[0].name
            goal = f"{first}({', '.join(self.params[first])})"
        if len(goal) > MAX_STATEMENT or goal.count("(") > MAX_DEPTH:
            self.at = _Statement("", 1, 1)
            self.fail("the goal is too long")
        self.at = _Statement(goal, 1, 1)
        return self.at, self.syntax(goal, 0)

    def fractional(self, domains: list[tuple[_Statement, ast.expr]]) -> dict[str, str]:
        """Symbols that the domain keeps between 0 and 1 are real, and those that it gives a fractional bound."""
        names = {n.id for _, tree in domains for n in ast.walk(tree) if isinstance(n, ast.Name)}
        self.kinds = dict.fromkeys(names, "number")
        facts = Facts(self.domain(domains))
        return {n: "real" for n in sorted(names)
                if facts.nonneg(sym(n, "number")) and facts.nonneg(1 - sym(n, "number"))}

    def domain(self, domains: list[tuple[_Statement, ast.expr]]) -> list[Cond]:
        conds: list[Cond] = []
        for s, tree in domains:
            self.at = s
            conds += self.guarded(lambda tree=tree: self.conditions(tree))  # type: ignore[misc]
        return conds

    def build(self, equations: list[_Equation], domains: list[tuple[_Statement, ast.expr]],
              goal_statement: _Statement, goal_tree: ast.expr) -> System:
        self.facts = Facts()
        domain = self.domain(domains)
        wheres = conj(*domain)
        cases: dict[str, list[Case]] = {name: [] for name in self.params}
        literal: dict[str, list[Case]] = {name: [] for name in self.params}
        failed = False
        for e in equations:
            self.at = e.source
            params = self.params[e.name]
            try:
                done = cases[e.name]
                if done and done[-1].guard == TRUE and all(isinstance(a, ast.Name) for a in e.args):
                    self.fail(f"an equation without a guard for {e.name} stands before this one", 0,
                              "equations are tried in order: put the general one last")
                rename = {a.id: p for a, p in zip(e.args, params, strict=True) if isinstance(a, ast.Name) and a.id != p}
                value_tree, guard_tree = _renamed(e.value, rename), _renamed(e.guard, rename)
                fixed = [eq(self.symbol(p), self.guarded(lambda a=a: self.number(a)))  # type: ignore[misc]
                         for a, p in zip(e.args, params, strict=True) if not isinstance(a, ast.Name)]
                guard = self.guarded(lambda t=guard_tree: TRUE if t is None else self.cond(t))  # type: ignore[misc]
                guard = conj(*fixed, guard)
                self.facts = Facts((wheres, guard, *(negate(c.guard) for c in done)))
                value = self.guarded(lambda t=value_tree: self.expr(t))  # type: ignore[misc]
                if guard != FALSE:
                    (literal if fixed else cases)[e.name].append(Case(guard, value))
            except _Failed:
                failed = True
        try:
            self.at, self.facts = goal_statement, Facts()
            goal = self.guarded(lambda: self.expr(goal_tree))
        except _Failed:
            failed = True
        if failed:
            raise _Failed
        spoken = wheres.free
        silent = [ge(self.symbol(n), ZERO) for n in sorted(goal.free) if n not in spoken]
        functions = {name: Function(name, params, (*literal[name], *cases[name]))
                     for name, params in self.params.items()}
        return System(functions, goal, conj(*domain, *silent))

    def demote(self, system: System) -> bool:
        """Finds parameters that are given values which are no integers; True if there are new ones."""
        whole = set(system.functions)
        changed = True
        while changed:
            changed = False
            for f in system.functions.values():
                if f.name in whole and not all(is_integer(_as_whole(c.value, whole)) for c in f.cases):
                    whole.discard(f.name)
                    changed = True
        before = dict(self.kinds)
        everything = [system.goal] + [c.value for f in system.functions.values() for c in f.cases]
        for e in everything:
            for a in e.atoms():
                if isinstance(a, Fn) and a.op == "call" and a.name in system.functions:
                    for p, x in zip(system.functions[a.name].params, a.args, strict=True):
                        if self.kinds.get(p, "int") in ("int", "size") and not is_integer(_as_whole(x, whole)):
                            self.kinds[p] = "number"
                        elif self.kinds.get(p) == "real" and not is_nonneg(x):
                            self.kinds[p] = "number" if not self.facts_domain(system).nonneg(x) else "real"
        return self.kinds != before

    @staticmethod
    def facts_domain(system: System) -> Facts:
        return Facts((system.domain,))

    # ------------------------------------------------------------ expressions

    def symbol(self, name: str) -> Expr:
        if name in CONSTANTS and name not in self.bound and not any(name in p for p in self.params.values()):
            return Expr({((Fn(name, ()), 1),): 1})
        return sym(name, self.kinds.get(name, "int"))

    def number(self, node: ast.expr) -> Expr:
        e = self.expr(node)
        if e.number is None:
            raise _Wrong("this should be a number", node)
        return e

    def expr(self, node: ast.expr) -> Expr:
        spine: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp):
            spine.append(node)
            node = node.left
        result = self.operand(node)
        for step in reversed(spine):
            if isinstance(step.op, ast.Div):
                result = result * self.inverse(step.right)
            else:
                result = self.operate(step, result, self.expr(step.right))
        return result

    def inverse(self, node: ast.expr) -> Expr:
        """1 / node; powers in a denominator are not expanded, as the printer leaves them."""
        match node:
            case ast.BinOp(op=ast.Pow(), left=base, right=exponent):
                return power(self.expr(base), -self.expr(exponent))
            case ast.BinOp(op=ast.Mult(), left=a, right=b):
                return self.inverse(a) * self.inverse(b)
            case _:
                return power(self.expr(node), -1)

    def operate(self, node: ast.BinOp, a: Expr, b: Expr) -> Expr:
        match node.op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.FloorDiv():
                return floor(a / b)
            case ast.Mod():
                return mod(a, b)
            case ast.Pow():
                return power(a, b)
            case ast.BitXor():
                raise _Wrong("^ is not a power", node.right, "write **")
            case _:
                raise _Wrong("this operator is not known here", node.right)

    def operand(self, node: ast.expr) -> Expr:
        match node:
            case ast.Constant(value=bool()):
                raise _Wrong("a condition where a number is wanted", node)
            case ast.Constant(value=int() as value):
                return num(value)
            case ast.Constant(value=float() as value):
                if value != value or value in (float("inf"), float("-inf")):
                    raise _Wrong("this number is too large", node)
                return num(Fraction(repr(value)))
            case ast.Name(id="oo"):
                return INF
            case ast.Name(id=name):
                if name in self.params:
                    raise _Wrong(f"{name} is a function, and wants arguments", node)
                return self.symbol(name)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self.expr(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self.expr(inner)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self.apply(node, name, args)
            case ast.Compare() | ast.BoolOp():
                raise _Wrong("a condition where a number is wanted", node)
            case _:
                raise _Wrong("this is not an expression that equations can have", node)

    def apply(self, node: ast.Call, name: str, args: Sequence[ast.expr]) -> Expr:
        if name in self.params:
            if len(args) != len(self.params[name]):
                raise _Wrong(f"{name} takes {len(self.params[name])} arguments, here are {len(args)}", node)
            return call(name, *(self.expr(a) for a in args))
        if name in _SPECIAL:
            return self.special(node, name, args)
        if name not in _FUNCTIONS:
            raise _Wrong(f"no equation defines {name}", node)
        fewest, most, build = _FUNCTIONS[name]
        if not fewest <= len(args) <= most:
            raise _Wrong(f"{name} takes {fewest if fewest == most else f'{fewest} to {most}'} arguments", node)
        return build(*(self.expr(a) for a in args))

    def special(self, node: ast.Call, name: str, args: Sequence[ast.expr]) -> Expr:
        match name, args:
            case "Sum", [body, ast.Tuple(elts=[ast.Name(id=k), lo, hi])]:
                return self.sum(body, k, self.expr(lo), self.expr(hi))
            case "Choose", [ast.Name(id=k), lo, hi, body]:
                low, high = self.expr(lo), self.expr(hi)
                return choose(self.under(k, body), k, low, high)
            case "Piecewise", [_, *_]:
                cases = []
                for a in args:
                    if not (isinstance(a, ast.Tuple) and len(a.elts) == 2):
                        raise _Wrong("Piecewise takes pairs (value, condition)", a)
                    cases.append((self.expr(a.elts[0]), self.cond(a.elts[1])))
                if cases[-1][1] != TRUE:
                    cases.append((cases[-1][0], TRUE))
                return piecewise(*cases)
            case "Rational", [a, b]:
                return self.number(a) / self.number(b)
        shape = {"Sum": "Sum(e, (k, a, b))", "Choose": "Choose(k, a, b, e)", "Rational": "Rational(1, 2)",
                 "Piecewise": "Piecewise((e, n > 1), (f, True))"}[name]
        raise _Wrong(f"{name} is written {shape}", node)

    def under(self, k: str, body: ast.expr) -> Expr:
        """An expression in which k is bound."""
        if k in self.params or k in CONSTANTS:
            raise _Wrong(f"{k} cannot be bound here", body)
        self.bound.append(k)
        try:
            return self.expr(body)
        finally:
            self.bound.pop()

    def sum(self, body: ast.expr, k: str, lo: Expr, hi: Expr) -> Expr:
        inner = self.under(k, body)
        total = sum_(inner, k, lo, hi)
        if isinstance(total.atom, Fn) and total.atom.op == "sum":
            return total
        enough = ge(hi, lo - 1)         # a closed form counts an interval that runs backwards as negative
        return total if self.facts.implies(enough) else piecewise((total, enough), (ZERO, TRUE))

    # ------------------------------------------------------------ conditions

    def conditions(self, node: ast.expr) -> list[Cond]:
        """The parts of a domain; `m, n >= 0` speaks of m and of n."""
        out: list[Cond] = []
        waiting: list[ast.expr] = []
        for part in node.elts if isinstance(node, ast.Tuple) else [node]:
            if isinstance(part, ast.Name):
                waiting.append(part)
                continue
            for name in waiting:
                if not isinstance(part, ast.Compare):
                    raise _Wrong("a condition is missing", name)
                out.append(self.comparison(ast.copy_location(ast.Compare(name, part.ops, part.comparators), part)))
            waiting.clear()
            out.append(self.cond(part))
        if waiting:
            raise _Wrong("a condition is missing", waiting[0], "write n >= 1")
        return out

    def cond(self, node: ast.expr) -> Cond:
        match node:
            case ast.Constant(value=bool() as value):
                return TRUE if value else FALSE
            case ast.Compare():
                return self.comparison(node)
            case ast.BoolOp(op=ast.And(), values=values):
                return conj(*(self.cond(v) for v in values))
            case ast.BoolOp(op=ast.Or(), values=values):
                return disj(*(self.cond(v) for v in values))
            case ast.BinOp(op=ast.BitAnd(), left=a, right=b):
                return conj(self.cond(a), self.cond(b))
            case ast.BinOp(op=ast.BitOr(), left=a, right=b):
                return disj(self.cond(a), self.cond(b))
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=inner):
                return negate(self.cond(inner))
            case ast.Call(func=ast.Name(id="And"), args=args, keywords=[]):
                return conj(*(self.cond(a) for a in args))
            case ast.Call(func=ast.Name(id="Or"), args=args, keywords=[]):
                return disj(*(self.cond(a) for a in args))
            case ast.Call(func=ast.Name(id="Not"), args=[inner], keywords=[]):
                return negate(self.cond(inner))
            case ast.Call(func=ast.Name(id=name), args=[a, b], keywords=[]) if name in _RELATIONS:
                return _RELATIONS[name](self.expr(a), self.expr(b))
            case _:
                raise _Wrong("this is not a condition", node, "write a comparison such as n <= 1")

    def comparison(self, node: ast.Compare) -> Cond:
        parts: list[Cond] = []
        left = self.expr(node.left)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            build = _COMPARISONS.get(type(op))
            if build is None:
                raise _Wrong("this comparison is not known here", right_node)
            right = self.expr(right_node)
            parts.append(build(left, right))
            left = right
        return conj(*parts)


_RELATIONS = {"Eq": eq, "Ne": ne, "Lt": lt, "Le": le, "Gt": gt, "Ge": ge}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Expr, Expr], Cond]] = {
    ast.Lt: lt, ast.LtE: le, ast.Gt: gt, ast.GtE: ge, ast.Eq: eq, ast.NotEq: ne,
}


def _logarithm(x: Expr, base: Expr | None = None) -> Expr:
    if base is None:
        return log(x)
    b = base.number
    if isinstance(b, int) and b >= 2:
        return log(x, b)
    return log(x) / log(base)


def _root(x: Expr) -> Expr:
    return power(x, Fraction(1, 2))


def _named(op: str) -> Callable[..., Expr]:
    return lambda *args: Expr({((Fn(op, args), 1),): 1})


def _exponential(x: Expr) -> Expr:
    return power(Expr({((Fn("E", ()), 1),): 1}), x)


_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Expr]]] = {
    "floor": (1, 1, floor), "ceiling": (1, 1, ceil), "ceil": (1, 1, ceil), "Max": (1, 100, max_), "Min": (1, 100, min_),
    "Mod": (2, 2, mod), "Abs": (1, 1, lambda x: max_(x, -x)), "log": (1, 2, _logarithm), "ln": (1, 1, log),
    "sqrt": (1, 1, _root), "exp": (1, 1, _exponential), "factorial": (1, 1, factorial), "binomial": (2, 2, binomial),
    "harmonic": (1, 2, _named("harmonic")), "fibonacci": (1, 1, _named("fibonacci")), "cos": (1, 1, _named("cos")),
    "sin": (1, 1, _named("sin")), "Choice": (1, 100, choice),
}
_SPECIAL = ("Sum", "Choose", "Piecewise", "Rational")


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant))


def _top_level(text: str) -> list[bool]:
    """For each character, whether it stands outside all parentheses."""
    depth, out = 0, []
    for ch in text:
        if ch in ")]":
            depth -= 1
        out.append(depth == 0)
        if ch in "([":
            depth += 1
    return out


def _renamed(node: ast.expr | None, names: dict[str, str]) -> ast.expr | None:
    """The tree with these names exchanged, all at once."""
    if node is not None and names:
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and n.id in names and not hasattr(n, "renamed"):
                n.id = names[n.id]
                n.renamed = True  # type: ignore[attr-defined]
    return node


def _as_whole(e: Expr, whole: Iterable[str]) -> Expr:
    """With calls of integer-valued functions replaced by an integer."""
    return e.rebuild(lambda a: sym("*", "int") if isinstance(a, Fn) and a.op == "call" and a.name in whole else None)
